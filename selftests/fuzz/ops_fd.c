// SPDX-License-Identifier: GPL-2.0
/*
 * What is done to descriptors, waiting for them, and to files.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE (SIOCPROTOPRIVATE + 0)
#endif

void op_poll(struct ctx *c, const struct op *op)
{
	struct pollfd p[3];
	long ret;
	int i;

	for (i = 0; i < 3; i++) {
		p[i].fd = slots[op->a[i]];
		p[i].events = op->a[3];
		p[i].revents = 0;
	}
	ret = poll(p, 3, op->a[4] ? -1 : 0);
	rec_ret(c, ret);
	for (i = 0; i < 3 && ret >= 0; i++)
		rec_num(c->t, T_REVENTS, p[i].revents);
}

void op_select(struct ctx *c, const struct op *op)
{
	struct timeval tv = { 0 };
	fd_set set[3];
	int i, j, max = 0;
	long ret;

	for (j = 0; j < 3; j++) {
		FD_ZERO(&set[j]);
		for (i = 0; i < 2; i++) {
			if (slots[op->a[i]] < 0)
				continue;
			FD_SET(slots[op->a[i]], &set[j]);
			if (slots[op->a[i]] >= max)
				max = slots[op->a[i]] + 1;
		}
	}
	ret = select(max, &set[0], &set[1], &set[2], &tv);
	rec_ret(c, ret);
	for (i = 0; i < 2 && ret >= 0; i++)
		for (j = 0; j < 3; j++)
			rec_num(c->t, T_REVENTS, slots[op->a[i]] >= 0 &&
				FD_ISSET(slots[op->a[i]], &set[j]));
}

void op_epoll(struct ctx *c, const struct op *op)
{
	long ret = epoll_create1(0);

	rec_ret(c, ret);
	slot_set(c, op->a[0], ret);
}

void op_epctl(struct ctx *c, const struct op *op)
{
	static const int ops[NEPCTLS] = {
		[EPCTL_ADD] = EPOLL_CTL_ADD, [EPCTL_MOD] = EPOLL_CTL_MOD,
		[EPCTL_DEL] = EPOLL_CTL_DEL,
	};
	struct epoll_event ev = {
		.events = op->a[3], .data.u64 = op->a[2],
	};

	int how = choice(op->a[1], NEPCTLS);
	long ret = epoll_ctl(slots[op->a[0]], ops[how], slots[op->a[2]], &ev);

	rec_ret(c, ret);
	if (!ret && how == EPCTL_ADD)
		slot_watch(op->a[0], op->a[2]);
}

static int by_data(const void *a, const void *b)
{
	const struct epoll_event *x = a, *y = b;

	if (x->data.u64 == y->data.u64)
		return 0;
	return x->data.u64 < y->data.u64 ? -1 : 1;
}

void op_epwait(struct ctx *c, const struct op *op)
{
	struct epoll_event ev[NSLOTS];
	long ret, i;

	ret = epoll_wait(slots[op->a[0]], ev, NSLOTS, op->a[2] ? -1 : 0);
	rec_ret(c, ret);
	if (ret <= 0)
		return;
	/* In which order sockets became ready is not compared. */
	qsort(ev, ret, sizeof(ev[0]), by_data);
	for (i = 0; i < ret; i++) {
		rec_num(c->t, T_EVENT, ev[i].data.u64);
		rec_num(c->t, T_REVENTS, ev[i].events);
	}
}

void op_pipe(struct ctx *c, const struct op *op)
{
	int fd[2];
	long ret = pipe2(fd, O_NONBLOCK);

	rec_ret(c, ret);
	if (ret < 0)
		return;
	slot_set(c, op->a[0], fd[0]);
	slot_set(c, op->a[1], fd[1]);
	/* For splice() to take */
	if (op->a[2] > 0)
		rec_num(c->t, T_VALUE, write(fd[1], buf_out, op->a[2]));
}

void op_file(struct ctx *c, const struct op *op)
{
	int fd;

	switch (choice(op->a[1], NOPENS)) {
	case OPEN_FILE:
		fd = open("f0", O_RDONLY);
		break;
	case OPEN_PATH:
		fd = open("f0", O_PATH | O_CLOEXEC);
		break;
	case OPEN_DIR:
		fd = open(".", O_RDONLY | O_DIRECTORY);
		break;
	default:
		fd = open("/dev/null", O_RDWR);
	}
	rec_ret(c, fd);
	slot_set(c, op->a[0], fd);
}

void op_fcntl(struct ctx *c, const struct op *op)
{
	int fd = slots[op->a[0]];
	long ret;

	switch (choice(op->a[1], NFCNTLS)) {
	case FCNTL_NONBLOCK:
		ret = fcntl(fd, F_SETFL, op->a[2] & 1 ? O_NONBLOCK : 0);
		break;
	case FCNTL_ASYNC:
		ret = fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC);
		break;
	case FCNTL_SETOWN:
		ret = fcntl(fd, F_SETOWN, known_pid[0]);
		break;
	case FCNTL_GETFL:
		ret = fcntl(fd, F_GETFL);
		break;
	case FCNTL_SETSIG:
		ret = fcntl(fd, F_SETSIG, op->a[2] & 1 ? SIGRTMIN + 1 : 0);
		break;
	case FCNTL_GETOWN:
		ret = fcntl(fd, F_GETOWN);
		if (ret > 0)
			ret = ret == known_pid[0];
		break;
	default:
		ret = fcntl(fd, F_GETFD);
	}
	rec_ret(c, ret);
}

void op_ioctl(struct ctx *c, const struct op *op)
{
	int how = choice(op->a[1], NIOCTLS);
	int fd = slots[op->a[0]], value = 0;
	long ret;

	switch (how) {
	case IOCTL_INQ:
		ret = ioctl(fd, FIONREAD, &value);
		break;
	case IOCTL_OUTQ:
		ret = ioctl(fd, SIOCOUTQ, &value);
		/* How much a message costs is a known difference. */
		value = !!value;
		break;
	case IOCTL_ATMARK:
		ret = ioctl(fd, SIOCATMARK, &value);
		break;
	case IOCTL_FILE:
		ret = ioctl(fd, SIOCUNIXFILE);
		rec_ret(c, ret);
		if (ret >= 0) {
			rec_fd(c->t, ret);
			close(ret);
		}
		return;
	case IOCTL_NONBLOCK:
	case IOCTL_BLOCK:
		value = how == IOCTL_NONBLOCK;
		ret = ioctl(fd, FIONBIO, &value);
		break;
	case IOCTL_ASYNC:
		value = 1;
		ret = ioctl(fd, FIOASYNC, &value);
		break;
	case IOCTL_INQ_BAD:
		ret = ioctl(fd, FIONREAD, buf_edge);
		break;
	case IOCTL_PGRP:
		ret = ioctl(fd, SIOCGPGRP, &value);
		value = value == known_pid[0] ? 1 : value;
		break;
	default:
		ret = ioctl(fd, 0x89ff, &value);
	}
	rec_ret(c, ret);
	if (!ret)
		rec_num(c->t, how == IOCTL_INQ || how == IOCTL_OUTQ ?
			T_COUNT : T_VALUE, value);
}

void op_dup(struct ctx *c, const struct op *op)
{
	int fd = slots[op->a[0]];
	long ret = op->a[2] % 2 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : dup(fd);

	rec_ret(c, ret);
	if (ret < 0)
		return;
	if (op->a[0] == op->a[1]) {
		close(ret);
		return;
	}
	slot_set(c, op->a[1], ret);
}

void op_close(struct ctx *c, const struct op *op)
{
	rec_ret(c, close(slots[op->a[0]]));
	slot_forget(op->a[0]);
}

void op_fstat(struct ctx *c, const struct op *op)
{
	struct stat st;
	long ret = fstat(slots[op->a[0]], &st);

	rec_ret(c, ret);
	if (ret)
		return;
	rec_num(c->t, T_IDENT, ident_stat(&st));
	rec_num(c->t, T_VALUE, st.st_mode);
}

void op_fdinfo(struct ctx *c, const struct op *op)
{
	char path[64], text[1024], *p;
	long n = -1;
	int fd;

	sprintf(path, "/proc/self/fdinfo/%d", slots[op->a[0]]);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	rec_ret(c, n < 0 ? -1 : 0);
	if (n < 0)
		return;
	text[n] = 0;
	p = strstr(text, "scm_fds:");
	rec_num(c->t, T_COUNT, p ? atoi(p + 8) : -1);
}

void op_filter(struct ctx *c, const struct op *op)
{
	int how = choice(op->a[1], NFILTERS);
	struct sock_filter code = {
		.code = BPF_RET | BPF_K, .k = how == FILTER_NONE ? 0 : 0xffff,
	};
	struct sock_fprog prog = { .len = 1, .filter = &code };
	int none = 0;

	if (how == FILTER_DETACH)
		rec_ret(c, setsockopt(slots[op->a[0]], SOL_SOCKET,
				      SO_DETACH_FILTER, &none, sizeof(none)));
	else
		rec_ret(c, setsockopt(slots[op->a[0]], SOL_SOCKET,
				      SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

static void make_path(char *path, int i)
{
	sprintf(path, "p%d", choice(i, NFILES));
}

/* unlink(), chmod(), rename() */
void op_path(struct ctx *c, const struct op *op)
{
	char path[16], to[16];

	make_path(path, op->a[0]);
	switch (op->code) {
	case OP_UNLINK:
		rec_ret(c, unlink(path));
		break;
	case OP_CHMOD:
		rec_ret(c, chmod(path, op->a[1] & 0777));
		break;
	case OP_RENAME:
		make_path(to, op->a[1]);
		*names_used |= 1 << choice(op->a[1], NFILES);
		rec_ret(c, rename(path, to));
	}
}
