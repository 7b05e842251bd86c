// SPDX-License-Identifier: GPL-2.0
/*
 * The operations, each as the system call it is and a record of all it shows.
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
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"

#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE (SIOCPROTOPRIVATE + 0)
#endif

int slots[NSLOTS];
static signed char slot_kind[NSLOTS];
unsigned int names_serial, *names_used;
int known_pid[2];
unsigned char *buf_out, *buf_in, *buf_edge;

/* Inodes in the order in which they were first seen */
#define NIDENTS 512
static struct {
	dev_t dev;
	ino_t ino;
} idents[NIDENTS];
static int nidents;

void ops_init(void)
{
	uint32_t x = 1;
	int i;

	buf_out = mmap(NULL, 2 * BUF_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	buf_in = mmap(NULL, 4 * BUF_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	buf_edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* The forked process uses names, too. */
	names_used = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (buf_out == MAP_FAILED || buf_in == MAP_FAILED ||
	    buf_edge == MAP_FAILED || names_used == MAP_FAILED) {
		perror("fuzz: mmap");
		exit(2);
	}
	buf_edge += 4096;
	mprotect(buf_edge, 4096, PROT_NONE);
	for (i = 0; i < 2 * BUF_SIZE; i++) {
		x = x * 1664525 + 1013904223;
		buf_out[i] = x >> 24;
	}
}

void ops_reset(void)
{
	int i;

	nidents = 0;
	for (i = 0; i < NSLOTS; i++) {
		slots[i] = -1;
		slot_kind[i] = 3;
	}
}

static int ident_stat(const struct stat *st)
{
	int i;

	for (i = 0; i < nidents; i++)
		if (idents[i].ino == st->st_ino && idents[i].dev == st->st_dev)
			return i;
	if (nidents == NIDENTS)
		return -1;
	idents[nidents].dev = st->st_dev;
	idents[nidents].ino = st->st_ino;
	return nidents++;
}

int ident(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? -1 : ident_stat(&st);
}

int slot_type(int fd)
{
	socklen_t len = sizeof(int);
	int type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return 3;
	return type == SOCK_STREAM ? 0 : type == SOCK_DGRAM ? 1 : 2;
}

/* What of a socket that has just been made the operation says itself */
static int type_of(const struct ctx *c, int fd)
{
	const struct op *op = &c->p->op[c->index];
	int type = op->code == OP_SOCKET ? op->a[1] :
		   op->code == OP_PAIR ? op->a[2] : 0;

	switch (type) {
	case SOCK_STREAM:
		return 0;
	case SOCK_DGRAM:
		return 1;
	case SOCK_SEQPACKET:
		return 2;
	}
	return slot_type(fd);
}

/*
 * A slot that is filled again loses what it had.  Sockets get a send buffer that
 * programs do not fill: how much fits is a known difference, so that is left to
 * the operation "flow".
 */
void slot_set(struct ctx *c, int slot, int fd)
{
	struct stat st;
	int size = 200000;

	if (fd < 0)
		return;
	if (slots[slot] >= 0)
		close(slots[slot]);
	slots[slot] = fd;
	slot_kind[slot] = 3;
	if (fstat(fd, &st) < 0)
		return;
	rec_num(c->t, T_IDENT, ident_stat(&st));
	if (!S_ISSOCK(st.st_mode))
		return;
	slot_kind[slot] = type_of(c, fd);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
}

/* Number, identity, flags of a descriptor that has come by itself */
void rec_fd(struct trace *t, int fd)
{
	struct stat st;

	rec_num(t, T_FD, fd);
	if (fstat(fd, &st) < 0) {
		rec_num(t, T_IDENT, -errno);
		return;
	}
	rec_num(t, T_IDENT, ident_stat(&st));
	rec_num(t, T_FDFLAGS, fcntl(fd, F_GETFD) << 24 | fcntl(fd, F_GETFL));
}

void rec_addr(struct trace *t, const void *addr, socklen_t len, size_t room)
{
	unsigned char b[256];
	size_t n = len < room ? len : room;
	int i;

	if (n > sizeof(b))
		n = sizeof(b);
	memcpy(b, addr, n);
	/* A name of this very run, or one that the kernel chose */
	if (n > 4 && !b[2] && b[3] == 'f' && b[4] == 'z')
		for (i = 5; i < (int)n && i < 13; i++)
			b[i] = '#';
	else if (n > 3 && !b[2])
		for (i = 3; i < (int)n && i < 8; i++)
			b[i] = '#';
	rec_num(t, T_VALUE, len);
	rec_bytes(t, T_ADDR, b, n);
}

void count_op(struct ctx *c, long ret)
{
	const struct op *op = &c->p->op[c->index];
	const char *args = op_info[op->code].args;
	int type = 3, i;

	if (!c->counts)
		return;
	if (op->code == OP_SOCKET || op->code == OP_PAIR) {
		i = op->a[op->code == OP_PAIR ? 2 : 1];
		type = i == SOCK_STREAM ? 0 : i == SOCK_SEQPACKET ? 2 :
		       i == SOCK_DGRAM || i == SOCK_RAW ? 1 : 3;
	}
	/* The first socket that is named */
	for (i = 0; args[i] && type == 3; i++)
		if (args[i] == 's')
			type = slot_kind[op->a[i]];
	__atomic_fetch_add(&c->counts->ops[op->code][type], 1,
			   __ATOMIC_RELAXED);
	if (ret >= 0)
		__atomic_fetch_add(&c->counts->good[op->code][type], 1,
				   __ATOMIC_RELAXED);
}

void rec_ret(struct ctx *c, long ret)
{
	int err = errno;

	rec_num(c->t, T_RET, ret);
	if (ret == -1)
		rec_num(c->t, T_ERRNO, err);
	count_op(c, ret);
	errno = err;
}

int op_may_block(const struct op *op)
{
	int fd = slots[op->a[0]], flags;

	switch (op->code) {
	case OP_SEND:
	case OP_SENDTO:
	case OP_SENDMSG:
	case OP_SENDMMSG:
	case OP_RECV:
	case OP_RECVFROM:
	case OP_RECVMSG:
	case OP_RECVMMSG:
		if (op->a[2] & MSG_DONTWAIT)
			return 0;
		break;
	case OP_SPLICE_IN:
	case OP_SPLICE_OUT:
		flags = fcntl(slots[op->a[1]], F_GETFL);
		if (flags >= 0 && !(flags & O_NONBLOCK))
			return 1;
		break;
	case OP_CONNECT:
	case OP_ACCEPT:
	case OP_WRITE:
	case OP_WRITEV:
	case OP_READ:
	case OP_READV:
	case OP_SENDFILE:
		break;
	case OP_POLL:
		return op->a[4];
	case OP_EPWAIT:
		return op->a[2];
	default:
		return 0;
	}
	flags = fcntl(fd, F_GETFL);
	return flags >= 0 && !(flags & O_NONBLOCK);
}

socklen_t make_addr(const struct ctx *c, int kind, int i,
		    struct sockaddr_storage *ss)
{
	struct sockaddr_un *un = (struct sockaddr_un *)ss;
	socklen_t len;
	char *path = un->sun_path;

	memset(ss, 0, sizeof(*ss));
	un->sun_family = AF_UNIX;
	switch (kind) {
	case ADDR_ABSTRACT:
		i %= NFILES;
		sprintf(path + 1, "fz%08x%c", names_serial, 'a' + i);
		/* Some differ in their length or in trailing NULs alone. */
		return offsetof(struct sockaddr_un, sun_path) + 12 +
		       (i == 4 ? 1 : i == 5 ? 96 : 0);
	case ADDR_NAMEOF:
		len = sizeof(*ss);
		if (getsockname(slots[i % NSLOTS], (struct sockaddr *)ss,
				&len) < 0)
			return 2;
		return len;
	case ADDR_UNSPEC:
		un->sun_family = AF_UNSPEC;
		return i % 2 ? 2 : sizeof(*un);
	case ADDR_EMPTY:
		return 2;
	case ADDR_SHORT:
		return i % 2;
	case ADDR_LONG:
		return sizeof(*un) + 1 + i % 4;
	case ADDR_FULL:
		memset(path, 'q', sizeof(un->sun_path));
		*names_used |= 1 << NFILES;
		return sizeof(*un);
	case ADDR_FAMILY:
		un->sun_family = c->family == AF_UNIX ? 18 : c->family;
		strcpy(path, "p0");
		break;
	case ADDR_MISSING:
		strcpy(path, "none/p");
		break;
	case ADDR_FILE:
		strcpy(path, "f0");
		break;
	case ADDR_DIR:
		strcpy(path, i % 2 ? "." : "d0");
		break;
	case ADDR_LINK:
		strcpy(path, "l0");
		break;
	case ADDR_DANGLING:
		strcpy(path, "l1");
		break;
	case ADDR_NUL:
		strcpy(path, "p1");
		path[3] = 'x';
		*names_used |= 1 << 1;
		return 2 + 8;
	case ADDR_SLASH:
		strcpy(path, "p5/");
		break;
	case ADDR_UNTERMINATED:
		strcpy(path, "p2xxx");
		*names_used |= 1 << 2;
		return 2 + 2;
	case ADDR_NOTDIR:
		strcpy(path, "f0/p");
		break;
	default:
		sprintf(path, "p%d", i % NFILES);
		*names_used |= 1 << i % NFILES;
	}
	return offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
}

/* connect(), bind(), and what they point to */
static const void *addr_pointer(int kind, const struct sockaddr_storage *ss)
{
	return kind == ADDR_BAD ? buf_edge : kind == ADDR_NULL ? NULL :
	       (const void *)ss;
}

static const void *out_data(const struct ctx *c, int *len)
{
	const void *p = buf_out + c->index * 1031 % BUF_SIZE / 2;
	const struct op *op = &c->p->op[c->index];

	switch (*len) {
	case LEN_BAD:
		*len = 64;
		return buf_edge;
	case LEN_HALF:
		*len = 64;
		return memcpy(buf_edge - 32, p, 32);
	case LEN_HUGE:
		*len = slot_kind[op->a[0]] == 0 ? 4096 : HUGE_BYTES;
		return buf_out;
	}
	return p;
}

static void *in_data(const struct ctx *c, int *len)
{
	switch (*len) {
	case LEN_BAD:
		*len = 64;
		return buf_edge;
	case LEN_HALF:
		*len = 64;
		return buf_edge - 32;
	case LEN_HUGE:
		*len = HUGE_BYTES;
	}
	return buf_in + c->actor * BUF_SIZE;
}

static void op_name(struct ctx *c, const struct op *op)
{
	struct sockaddr_storage ss;
	static const socklen_t lens[] = { sizeof(ss), 4, 0, 64, -1 };
	socklen_t len = lens[op->a[1] % 5];
	void *p = op->a[1] % 5 == 3 ? (void *)buf_edge : &ss;
	int fd = slots[op->a[0]];
	size_t room = len;
	long ret;

	memset(&ss, 0x55, sizeof(ss));
	ret = op->code == OP_NAME ? getsockname(fd, p, &len) :
				    getpeername(fd, p, &len);
	rec_ret(c, ret);
	if (!ret)
		rec_addr(c->t, &ss, len, room);
}

static void op_accept(struct ctx *c, const struct op *op)
{
	struct sockaddr_storage ss;
	static const socklen_t lens[] = { sizeof(ss), 4, 0, 64 };
	int w = op->a[3] % 5, flags = 0;
	socklen_t len = lens[w % 4];
	size_t room = len;
	long ret;

	if (op->a[2] & 1)
		flags |= SOCK_NONBLOCK;
	if (op->a[2] & 2)
		flags |= SOCK_CLOEXEC;
	if (op->a[2] & 4)
		flags |= 1;
	memset(&ss, 0x55, sizeof(ss));
	ret = accept4(slots[op->a[0]],
		      w == 4 ? NULL : w == 3 ? (void *)buf_edge : &ss,
		      w == 4 ? NULL : &len, flags);
	rec_ret(c, ret);
	if (ret < 0)
		return;
	if (w < 3)
		rec_addr(c->t, &ss, len, room);
	slot_set(c, op->a[1], ret);
}

static void op_recvfrom(struct ctx *c, const struct op *op)
{
	struct sockaddr_storage ss;
	static const socklen_t lens[] = { sizeof(ss), 4, 0, 64 };
	int w = op->a[3] % 5, len = op->a[1];
	socklen_t alen = lens[w % 4];
	void *p = in_data(c, &len);
	size_t room = alen;
	long ret;

	memset(&ss, 0x55, sizeof(ss));
	ret = recvfrom(slots[op->a[0]], p, len, op->a[2],
		       w == 4 ? NULL : w == 3 ? (void *)buf_edge : &ss,
		       w == 4 ? NULL : &alen);
	rec_ret(c, ret);
	if (ret < 0)
		return;
	rec_data(c->t, p, ret < len ? ret : len);
	if (w < 3)
		rec_addr(c->t, &ss, alen, room);
}

static void op_poll(struct ctx *c, const struct op *op)
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

static void op_select(struct ctx *c, const struct op *op)
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

static int by_data(const void *a, const void *b)
{
	const struct epoll_event *x = a, *y = b;

	if (x->data.u64 == y->data.u64)
		return 0;
	return x->data.u64 < y->data.u64 ? -1 : 1;
}

static void op_epwait(struct ctx *c, const struct op *op)
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

static void op_epctl(struct ctx *c, const struct op *op)
{
	static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL };
	struct epoll_event ev = {
		.events = op->a[3], .data.u64 = op->a[2],
	};

	rec_ret(c, epoll_ctl(slots[op->a[0]], ops[op->a[1] % 3],
			     slots[op->a[2]], &ev));
}

static void op_file(struct ctx *c, const struct op *op)
{
	int fd;

	switch (op->a[1] % 4) {
	case 0:
		fd = open("f0", O_RDONLY);
		break;
	case 1:
		fd = open("f0", O_PATH | O_CLOEXEC);
		break;
	case 2:
		fd = open(".", O_RDONLY | O_DIRECTORY);
		break;
	default:
		fd = open("/dev/null", O_RDWR);
	}
	rec_ret(c, fd);
	slot_set(c, op->a[0], fd);
}

static void op_pipe(struct ctx *c, const struct op *op)
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

static void op_socket(struct ctx *c, const struct op *op)
{
	int fd[2], type, proto;
	const int *a = op->a;
	long ret;

	if (op->code == OP_PAIR)
		a++;
	type = a[1];
	if (a[2] & 1)
		type |= SOCK_NONBLOCK;
	if (a[2] & 2)
		type |= SOCK_CLOEXEC;
	proto = a[3];
	if (op->code == OP_SOCKET) {
		ret = socket(c->family, type, proto);
		rec_ret(c, ret);
		slot_set(c, op->a[0], ret);
		return;
	}
	ret = socketpair(c->family, type, proto, fd);
	rec_ret(c, ret);
	if (ret < 0)
		return;
	rec_num(c->t, T_FD, fd[0]);
	rec_num(c->t, T_FD, fd[1]);
	slot_set(c, op->a[0], fd[0]);
	slot_set(c, op->a[1], fd[1]);
}

static void op_fcntl(struct ctx *c, const struct op *op)
{
	int fd = slots[op->a[0]];
	long ret;

	switch (op->a[1] % 7) {
	case 0:
		ret = fcntl(fd, F_SETFL, op->a[2] & 1 ? O_NONBLOCK : 0);
		break;
	case 1:
		ret = fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC);
		break;
	case 2:
		ret = fcntl(fd, F_SETOWN, known_pid[0]);
		break;
	case 3:
		ret = fcntl(fd, F_GETFL);
		break;
	case 4:
		ret = fcntl(fd, F_SETSIG, op->a[2] & 1 ? SIGRTMIN + 1 : 0);
		break;
	case 5:
		ret = fcntl(fd, F_GETOWN);
		if (ret > 0)
			ret = ret == known_pid[0];
		break;
	default:
		ret = fcntl(fd, F_GETFD);
	}
	rec_ret(c, ret);
}

static void op_ioctl(struct ctx *c, const struct op *op)
{
	int fd = slots[op->a[0]], value = 0;
	long ret;

	switch (op->a[1] % 10) {
	case 0:
		ret = ioctl(fd, FIONREAD, &value);
		break;
	case 1:
		ret = ioctl(fd, SIOCOUTQ, &value);
		/* How much a message costs is a known difference. */
		value = !!value;
		break;
	case 2:
		ret = ioctl(fd, SIOCATMARK, &value);
		break;
	case 3:
		ret = ioctl(fd, SIOCUNIXFILE);
		rec_ret(c, ret);
		if (ret >= 0) {
			rec_fd(c->t, ret);
			close(ret);
		}
		return;
	case 4:
	case 5:
		value = op->a[1] % 10 == 4;
		ret = ioctl(fd, FIONBIO, &value);
		break;
	case 6:
		value = 1;
		ret = ioctl(fd, FIOASYNC, &value);
		break;
	case 7:
		ret = ioctl(fd, FIONREAD, buf_edge);
		break;
	case 8:
		ret = ioctl(fd, SIOCGPGRP, &value);
		value = value == known_pid[0] ? 1 : value;
		break;
	default:
		ret = ioctl(fd, 0x89ff, &value);
	}
	rec_ret(c, ret);
	if (!ret)
		rec_num(c->t, op->a[1] % 10 < 2 ? T_COUNT : T_VALUE, value);
}

static void op_dup(struct ctx *c, const struct op *op)
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

static void op_close(struct ctx *c, const struct op *op)
{
	rec_ret(c, close(slots[op->a[0]]));
	slots[op->a[0]] = -1;
	slot_kind[op->a[0]] = 3;
}

static void op_fdinfo(struct ctx *c, const struct op *op)
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

static void op_filter(struct ctx *c, const struct op *op)
{
	struct sock_filter code = {
		.code = BPF_RET | BPF_K, .k = op->a[1] % 3 == 1 ? 0 : 0xffff,
	};
	struct sock_fprog prog = { .len = 1, .filter = &code };
	int none = 0;

	if (op->a[1] % 3 == 2)
		rec_ret(c, setsockopt(slots[op->a[0]], SOL_SOCKET,
				      SO_DETACH_FILTER, &none, sizeof(none)));
	else
		rec_ret(c, setsockopt(slots[op->a[0]], SOL_SOCKET,
				      SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

static void op_splice(struct ctx *c, const struct op *op)
{
	int sock = slots[op->a[0]], pipe = slots[op->a[1]];
	loff_t off = 0;

	if (op->code == OP_SPLICE_IN)
		rec_ret(c, splice(pipe, NULL, sock, op->a[3] & 8 ? &off : NULL,
				  op->a[2], op->a[3] & 7));
	else
		rec_ret(c, splice(sock, op->a[3] & 8 ? &off : NULL, pipe, NULL,
				  op->a[2], op->a[3] & 7));
}

static void op_sendfile(struct ctx *c, const struct op *op)
{
	off_t off = op->a[3];

	rec_ret(c, sendfile(slots[op->a[0]], slots[op->a[1]], &off, op->a[2]));
	rec_num(c->t, T_VALUE, off);
}

static int drain(int fd, unsigned char *buf, long long *sum)
{
	long ret, n = 0;

	for (;;) {
		ret = recv(fd, buf, BUF_SIZE, MSG_DONTWAIT);
		if (ret <= 0)
			return ret < 0 ? errno : 0;
		*sum += ret;
		if (++n > 100000)
			return -1;
	}
}

/*
 * Fill a socket whose send buffer is small, block on it if that can be, drain the
 * other end: who waits for room has to learn of it, and every byte has to arrive.
 * How much fits is not recorded.
 */
static void op_flow(struct ctx *c, const struct op *op)
{
	static const int sizes[] = { 2304, 8192, 30000, 100000 };
	int a = slots[op->a[0]], b = slots[op->a[1]], queued = 0, more = 0;
	struct pollfd pfd = { .fd = a, .events = POLLOUT };
	int len = op->a[2] > 100 ? op->a[2] : 100, size = sizes[op->a[3] & 3];
	unsigned char *buf = buf_in + c->actor * BUF_SIZE;
	long long sent = 0, got = 0, ignored = 0;
	long ret, n = 0, blocked = 0;
	int started = 0, tries, err;

	/* Who is blocked on one of them would join in. */
	if (slot_type(a) == 3 || slot_type(b) == 3 || a == b || !actors_idle()) {
		errno = EBADF;
		rec_ret(c, -1);
		return;
	}
	rec_num(c->t, T_STEP, drain(b, buf, &ignored));
	if (ioctl(b, FIONREAD, &queued) < 0 || queued ||
	    ioctl(a, SIOCOUTQ, &queued) < 0 || !!queued) {
		queued = !!queued;
		rec_num(c->t, T_COUNT, queued);
		errno = EBUSY;
		rec_ret(c, -1);
		return;
	}
	/* It must be the one that sends to the other. */
	ret = send(a, buf_out, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	err = errno;
	rec_num(c->t, T_RET, ret);
	ioctl(b, FIONREAD, &queued);
	rec_num(c->t, T_COUNT, queued);
	if (ret != 1 || queued != 1) {
		errno = ret < 0 ? err : EPIPE;
		rec_ret(c, -1);
		return;
	}
	sent = 1;
	setsockopt(a, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	do {
		ret = send(a, buf_out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (ret > 0)
			sent += ret;
	} while (ret > 0 && ++n < 5000);
	rec_num(c->t, T_ERRNO, ret < 0 ? errno : 0);
	if (ret < 0 && errno == EAGAIN) {
		rec_num(c->t, T_RET, poll(&pfd, 1, 0));
		/* A reader that did not take all of it is not the last one. */
		if (op->a[3] & 4)
			started = actor_start_send(a, buf_out, len);
		rec_num(c->t, T_BLOCKED, started);
	}
	for (tries = 0; tries < 300; tries++) {
		more = got;
		err = drain(b, buf, &got);
		if (!started || actor_settled(&blocked)) {
			if (started && blocked > 0)
				sent += blocked;
			/* It may have sent after all that was drained. */
			if (!started && (err != EAGAIN || more == got))
				break;
			started = 0;
		} else if (more == got) {
			usleep(1000);	/* it may be woken a jiffy later */
		}
	}
	rec_num(c->t, T_STEP, err);
	rec_num(c->t, T_STEP, started);
	rec_num(c->t, T_STEP, err == EAGAIN ? sent - got : 0);
	rec_num(c->t, T_RET, poll(&pfd, 1, 0));
	rec_num(c->t, T_REVENTS, pfd.revents);
	size = 200000;
	setsockopt(a, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	rec_ret(c, 0);
}

void op_run(struct ctx *c)
{
	const struct op *op = &c->p->op[c->index];
	const int *a = op->a;
	struct sockaddr_storage ss;
	socklen_t alen;
	struct stat st;
	struct iovec iov[4];
	char path[16], to[16];
	int len, fd, i, n;
	const void *out;
	void *in;
	long ret;

	switch (op->code) {
	case OP_SOCKET:
	case OP_PAIR:
		op_socket(c, op);
		break;
	case OP_BIND:
	case OP_CONNECT:
		alen = make_addr(c, a[1], a[2], &ss);
		out = addr_pointer(a[1], &ss);
		fd = slots[a[0]];
		rec_ret(c, op->code == OP_BIND ? bind(fd, out, alen) :
						 connect(fd, out, alen));
		break;
	case OP_LISTEN:
		rec_ret(c, listen(slots[a[0]], a[1]));
		break;
	case OP_ACCEPT:
		op_accept(c, op);
		break;
	case OP_SEND:
		len = a[1];
		out = out_data(c, &len);
		rec_ret(c, send(slots[a[0]], out, len, a[2]));
		break;
	case OP_SENDTO:
		len = a[1];
		out = out_data(c, &len);
		alen = make_addr(c, a[3], a[4], &ss);
		rec_ret(c, sendto(slots[a[0]], out, len, a[2],
				  addr_pointer(a[3], &ss), alen));
		break;
	case OP_SENDMSG:
	case OP_SENDMMSG:
		op_sendmsg(c);
		break;
	case OP_WRITE:
		len = a[1];
		out = out_data(c, &len);
		rec_ret(c, write(slots[a[0]], out, len));
		break;
	case OP_WRITEV:
	case OP_READV:
		len = a[1];
		if (op->code == OP_READV)
			in = in_data(c, &len);
		else
			in = (void *)out_data(c, &len);
		n = a[2] % 5;
		for (i = 0; i < n; i++) {
			iov[i].iov_base = (char *)in + len / n * i;
			iov[i].iov_len = i < n - 1 ? len / n :
					 len - len / n * i;
		}
		ret = op->code == OP_READV ? readv(slots[a[0]], iov, n) :
					     writev(slots[a[0]], iov, n);
		rec_ret(c, ret);
		if (op->code == OP_READV && ret > 0)
			rec_data(c->t, in, ret);
		break;
	case OP_RECV:
	case OP_READ:
		len = a[1];
		in = in_data(c, &len);
		ret = op->code == OP_READ ? read(slots[a[0]], in, len) :
					    recv(slots[a[0]], in, len, a[2]);
		rec_ret(c, ret);
		if (ret > 0)
			rec_data(c->t, in, ret < len ? ret : len);
		break;
	case OP_RECVFROM:
		op_recvfrom(c, op);
		break;
	case OP_RECVMSG:
	case OP_RECVMMSG:
		op_recvmsg(c);
		break;
	case OP_SPLICE_IN:
	case OP_SPLICE_OUT:
		op_splice(c, op);
		break;
	case OP_SENDFILE:
		op_sendfile(c, op);
		break;
	case OP_SETOPT:
		op_setopt(c);
		break;
	case OP_GETOPT:
		op_getopt(c);
		break;
	case OP_NAME:
	case OP_PEER:
		op_name(c, op);
		break;
	case OP_SHUTDOWN:
		rec_ret(c, shutdown(slots[a[0]], a[1]));
		break;
	case OP_CLOSE:
		op_close(c, op);
		break;
	case OP_DUP:
		op_dup(c, op);
		break;
	case OP_POLL:
		op_poll(c, op);
		break;
	case OP_SELECT:
		op_select(c, op);
		break;
	case OP_EPOLL:
		ret = epoll_create1(0);
		rec_ret(c, ret);
		slot_set(c, a[0], ret);
		break;
	case OP_EPCTL:
		op_epctl(c, op);
		break;
	case OP_EPWAIT:
		op_epwait(c, op);
		break;
	case OP_PIPE:
		op_pipe(c, op);
		break;
	case OP_FILE:
		op_file(c, op);
		break;
	case OP_FCNTL:
		op_fcntl(c, op);
		break;
	case OP_IOCTL:
		op_ioctl(c, op);
		break;
	case OP_FORK:
		rec_ret(c, fork_actor());
		break;
	case OP_EXIT:
		exit_actor();
		rec_ret(c, 0);
		break;
	case OP_KILL:
		rec_ret(c, signal_actor(1 + (unsigned int)a[0] % 3,
					a[1] & 1 ? SIGUSR2 : SIGUSR1));
		break;
	case OP_UNLINK:
		sprintf(path, "p%d", a[0] % NFILES);
		rec_ret(c, unlink(path));
		break;
	case OP_CHMOD:
		sprintf(path, "p%d", a[0] % NFILES);
		rec_ret(c, chmod(path, a[1] & 0777));
		break;
	case OP_RENAME:
		sprintf(path, "p%d", a[0] % NFILES);
		sprintf(to, "p%d", a[1] % NFILES);
		*names_used |= 1 << a[1] % NFILES;
		rec_ret(c, rename(path, to));
		break;
	case OP_FSTAT:
		ret = fstat(slots[a[0]], &st);
		rec_ret(c, ret);
		if (!ret) {
			rec_num(c->t, T_IDENT, ident_stat(&st));
			rec_num(c->t, T_VALUE, st.st_mode);
		}
		break;
	case OP_FDINFO:
		op_fdinfo(c, op);
		break;
	case OP_FILTER:
		op_filter(c, op);
		break;
	case OP_FLOW:
		op_flow(c, op);
		break;
	}
}
