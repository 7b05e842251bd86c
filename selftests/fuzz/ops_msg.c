// SPDX-License-Identifier: GPL-2.0
/*
 * sendmsg() and its kin: messages with vectors, addresses, control messages.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuzz.h"

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#ifndef SCM_SECURITY
#define SCM_SECURITY 3
#endif

const int control_rooms[NCONTROLS] = {
	2048, 0, 16, 20, 24, 32, 48, 2048, [CONTROL_BAD] = 128,
};

struct control {
	union {
		char		b[CMSG_SPACE(CMSG_MANY_N * sizeof(int)) + 256];
		struct cmsghdr	align;
	};
	size_t n;
};

static void add(struct control *ctl, int level, int type, const void *p,
		size_t len)
{
	struct cmsghdr *h = (struct cmsghdr *)(ctl->b + ctl->n);

	h->cmsg_level = level;
	h->cmsg_type = type;
	h->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(h), p, len);
	ctl->n += CMSG_SPACE(len);
}

static int some_slot(int x, int i)
{
	return slots[cmsg_slot(x, i)];
}

static void add_fds(struct control *ctl, const int *fd, int n)
{
	add(ctl, SOL_SOCKET, SCM_RIGHTS, fd, n * sizeof(int));
}

/* Those of descriptors; self: the socket that it is sent on */
static void make_rights(struct control *ctl, int self, int kind, int x)
{
	int fd[CMSG_MANY_N], i;

	fd[0] = some_slot(x, 0);
	switch (kind) {
	case CMSG_FD:
	case CMSG_FD_CRED:
		add_fds(ctl, fd, 1);
		break;
	case CMSG_SELF:
		add_fds(ctl, &self, 1);
		break;
	case CMSG_FD_BAD:
		fd[0] = FD_NONE;
		add_fds(ctl, fd, 1);
		break;
	case CMSG_FDS:
		/* Empty slots would have all of it refused. */
		for (i = 1; i < CMSG_FDS_N; i++) {
			fd[i] = some_slot(x, i);
			if (fd[i] < 0)
				fd[i] = fd[0];
		}
		add_fds(ctl, fd, CMSG_FDS_N);
		break;
	case CMSG_SHORT:
		add_fds(ctl, fd, 1);
		ctl->align.cmsg_len = x & 1 ? 3 : 4096;
		break;
	case CMSG_PIDFD:
		add(ctl, SOL_SOCKET, SCM_PIDFD, fd, sizeof(int));
		break;
	case CMSG_FD_TWICE:
		fd[1] = fd[0];
		add_fds(ctl, fd, 2);
		add_fds(ctl, fd, 1);
		break;
	case CMSG_MANY:
		for (i = 1; i < CMSG_MANY_N; i++)
			fd[i] = fd[0];
		add_fds(ctl, fd, CMSG_MANY_N - !(x & 1));
		break;
	case CMSG_EMPTY:
		add_fds(ctl, fd, 0);
		break;
	}
}

/* Those of credentials, and what looks like them */
static void make_credentials(struct control *ctl, int kind, int x)
{
	struct ucred cred = {
		.pid = getpid(), .uid = getuid(), .gid = getgid(),
	};
	int level = SOL_SOCKET, type = SCM_CREDENTIALS;
	size_t len = sizeof(cred);

	switch (kind) {
	case CMSG_CRED:
	case CMSG_FD_CRED:
		break;
	case CMSG_CRED_UID:
		cred.uid = 1000 + choice(x, 3);
		cred.gid = 100;
		break;
	case CMSG_CRED_PID:
		cred.pid = x & 1 ? 1 : 0x3fffff;
		break;
	case CMSG_CRED_BAD:
		cred.uid = -1;
		len -= !(x & 1);
		break;
	case CMSG_TYPE:
		type = 0x77;
		break;
	case CMSG_LEVEL:
		level = 0x77;
		type = SCM_RIGHTS;
		break;
	default:
		return;
	}
	add(ctl, level, type, &cred, len);
}

static void make_control(struct control *ctl, const struct op *op, int kind,
			 int x)
{
	ctl->n = 0;
	memset(ctl->b, 0, 512);
	make_rights(ctl, slots[op->a[0]], kind, x);
	make_credentials(ctl, kind, x);
}

void op_sendmsg(struct ctx *c, const struct op *op)
{
	int many = op->code == OP_SENDMMSG, len = op->a[1], parts, n, i;
	struct iovec iov[MAX_PARTS];
	struct mmsghdr m[MAX_MSGS];
	struct sockaddr_storage ss;
	const int *a = op->a;
	struct control ctl;
	void *p = out_data(c, &len);
	long ret;

	memset(m, 0, sizeof(m));
	make_control(&ctl, op, many ? a[4] : a[6], many ? a[5] : a[7]);
	if (!many && a[3] != ADDR_NULL) {
		m[0].msg_hdr.msg_namelen = make_addr(c, a[3], a[4], &ss);
		m[0].msg_hdr.msg_name = (void *)addr_pointer(a[3], &ss);
	}
	n = many ? 1 + choice(a[3], MAX_MSGS) : 1;
	parts = vector(iov, many ? 1 : a[5], p, len);
	for (i = 0; i < n; i++) {
		m[i].msg_hdr.msg_iov = iov;
		m[i].msg_hdr.msg_iovlen = parts;
		m[i].msg_len = 0x5555;
	}
	/* Descriptors go with the first message alone. */
	if (ctl.n) {
		m[0].msg_hdr.msg_control = ctl.b;
		m[0].msg_hdr.msg_controllen = ctl.n;
	}
	if (!many) {
		rec_ret(c, sendmsg(slots[a[0]], &m[0].msg_hdr, a[2]));
		return;
	}
	ret = sendmmsg(slots[a[0]], m, n, a[2]);
	rec_ret(c, ret);
	for (i = 0; i < ret; i++)
		rec_num(c->t, T_MSGLEN, m[i].msg_len);
}

/* Process ids differ from run to run: who is it? */
static int pid_role(int pid)
{
	if (pid && pid == known_pid[0])
		return -1;
	if (pid && pid == known_pid[1])
		return -2;
	return pid > 1 ? -3 : pid;
}

static int pidfd_pid(int fd)
{
	char path[64], text[512], *p;
	int info;
	long n;

	sprintf(path, "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY);
	if (info < 0)
		return -99;
	n = read(info, text, sizeof(text) - 1);
	close(info);
	if (n < 0)
		return -98;
	text[n] = 0;
	p = strstr(text, "\nPid:");
	return p ? pid_role(atoi(p + 5)) : -97;
}

static int first_fd(int *got, int fd)
{
	if (*got < 0)
		*got = fd;
	return *got == fd;
}

static void rec_cmsg(struct ctx *c, int type, const unsigned char *p,
		     size_t len, int *keep)
{
	struct ucred cred;
	int fd;

	switch (type) {
	case SCM_RIGHTS:
		for (; len >= sizeof(int); p += sizeof(int), len -= sizeof(int)) {
			memcpy(&fd, p, sizeof(fd));
			if (fd < 0) {
				rec_num(c->t, T_FD, fd);
				continue;
			}
			rec_fd(c->t, fd);
			if (!first_fd(keep, fd))
				close(fd);
		}
		break;
	case SCM_CREDENTIALS:
		memset(&cred, 0x55, sizeof(cred));
		memcpy(&cred, p, len < sizeof(cred) ? len : sizeof(cred));
		cred.pid = pid_role(cred.pid);
		rec_bytes(c->t, T_CRED, &cred, sizeof(cred));
		break;
	case SCM_PIDFD:
		if (len < sizeof(int))
			break;
		memcpy(&fd, p, sizeof(fd));
		rec_num(c->t, T_FD, fd);
		if (fd < 0)
			break;
		rec_num(c->t, T_PID, pidfd_pid(fd));
		rec_num(c->t, T_FDFLAGS, fcntl(fd, F_GETFD));
		close(fd);
		break;
	case SO_TIMESTAMP:
	case SO_TIMESTAMPNS:
		break;		/* time goes on */
	default:
		rec_bytes(c->t, T_CDATA, p, len);
	}
}

/* Also of the bytes between one control message and the next */
static void rec_msg(struct ctx *c, const struct msghdr *m, size_t nameroom,
		    int *keep)
{
	const unsigned char *p = m->msg_control, *end;
	struct cmsghdr h;
	size_t len, pad;

	rec_num(c->t, T_FLAGS, m->msg_flags);
	rec_num(c->t, T_CTLLEN, m->msg_controllen);
	if (m->msg_name)
		rec_addr(c->t, m->msg_name, m->msg_namelen, nameroom);
	end = p + m->msg_controllen;
	while (p && p + CMSG_LEN(0) <= end) {
		memcpy(&h, p, sizeof(h));
		if (h.cmsg_len < CMSG_LEN(0))
			break;
		len = h.cmsg_len;
		if (len > (size_t)(end - p))
			len = end - p;
		rec_num(c->t, T_CMSG, (long long)h.cmsg_level << 32 |
			h.cmsg_type << 16 | h.cmsg_len);
		if (h.cmsg_level == SOL_SOCKET)
			rec_cmsg(c, h.cmsg_type, p + CMSG_LEN(0),
				 len - CMSG_LEN(0), keep);
		pad = CMSG_ALIGN(len);
		if (pad > (size_t)(end - p))
			pad = end - p;
		rec_behind(c->t, p, len, pad);
		p += CMSG_ALIGN(len);
	}
}

/* How many bytes of a message may have been written */
static size_t got_bytes(const struct msghdr *h, long got, int len)
{
	if (!h->msg_iovlen)
		return 0;
	return got < len ? got : len;
}

#define CONTROL_ROOM 2048

void op_recvmsg(struct ctx *c, const struct op *op)
{
	int many = op->code == OP_RECVMMSG, len = op->a[1], keep = -1, n, i;
	int how = choice(op->a[4], NCONTROLS), bad = how == CONTROL_BAD;
	int short_name = op->a[4] & CONTROL_SHORT_NAME;
	unsigned char *p = in_data(c, &len);
	int full;
	/* At the edge of memory there is room for one. */
	int step = len == LEN_EDGE ? 0 : MSG_ROOM + GUARD;
	struct iovec iov[MAX_MSGS][MAX_PARTS];
	struct mmsghdr m[MAX_MSGS];
	struct sockaddr_storage ss;
	static __thread union {
		char		b[CONTROL_ROOM];
		struct cmsghdr	align;
	} ctl[MAX_MSGS];
	long ret;

	if (many && len > MSG_ROOM)
		len = MSG_ROOM;
	memset(m, 0, sizeof(m));
	memset(&ss, UNTOUCHED, sizeof(ss));
	n = many ? 1 + choice(op->a[3], MAX_MSGS) : 1;
	if (step)
		for (i = 1; i < n; i++)
			memset(p + i * step, UNTOUCHED, len + GUARD);
	memset(ctl, UNTOUCHED, n * sizeof(ctl[0]));
	for (i = 0; i < n; i++) {
		struct msghdr *h = &m[i].msg_hdr;

		h->msg_iovlen = vector(iov[i], many ? 1 : op->a[3],
				       p + i * step, len);
		h->msg_iov = iov[i];
		h->msg_controllen = control_rooms[how];
		if (h->msg_controllen)
			h->msg_control = bad ? (void *)buf_edge : ctl[i].b;
		m[i].msg_len = 0x5555;
	}
	/* One address is enough: its length tells whether there is any. */
	m[0].msg_hdr.msg_name = &ss;
	m[0].msg_hdr.msg_namelen = short_name ? SHORT_NAME : sizeof(ss);
	if (!many)
		ret = recvmsg(slots[op->a[0]], &m[0].msg_hdr, op->a[2]);
	else
		ret = recvmmsg(slots[op->a[0]], m, n, op->a[2], NULL);
	rec_ret(c, ret);
	full = ret < 0 ? 0 : many ? ret : 1;
	for (i = 0; i < full; i++) {
		long got = many ? m[i].msg_len : ret;

		if (many)
			rec_num(c->t, T_MSGLEN, got);
		got = got_bytes(&m[i].msg_hdr, got, len);
		rec_data(c->t, p + i * step, got);
		rec_in_behind(c, p + i * step, got, len);
		if (bad) {
			rec_num(c->t, T_FLAGS, m[i].msg_hdr.msg_flags);
			continue;
		}
		rec_msg(c, &m[i].msg_hdr, short_name && !i ? SHORT_NAME :
			sizeof(ss), &keep);
	}
	/* Those that no message came for, as well */
	for (i = 0; i < n; i++) {
		if (i >= full)
			rec_in_behind(c, p + i * step, 0, len);
		rec_behind(c->t, ctl[i].b, i < full && !bad ?
			   m[i].msg_hdr.msg_controllen : 0, CONTROL_ROOM);
	}
	rec_addr_behind(c->t, &ss, full, m[0].msg_hdr.msg_namelen,
			short_name ? SHORT_NAME : sizeof(ss));
	if (keep < 0)
		return;
	if (slots[op->a[5]] >= 0)
		close(keep);
	else
		slot_set(c, op->a[5], keep);
}
