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

struct control {
	union {
		char		b[CMSG_SPACE(254 * sizeof(int)) + 256];
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
	return slots[((unsigned int)x + i * 5) % NSLOTS];
}

static void make_control(struct control *ctl, const struct op *op, int kind,
			 int x)
{
	struct ucred cred;
	int fd[254], i;

	ctl->n = 0;
	if (kind == CMSG_NONE)
		return;
	memset(ctl->b, 0, 512);
	cred.pid = getpid();
	cred.uid = getuid();
	cred.gid = getgid();
	switch (kind) {
	case CMSG_FD:
	case CMSG_SELF:
		fd[0] = kind == CMSG_SELF ? slots[op->a[0]] : some_slot(x, 0);
		add(ctl, SOL_SOCKET, SCM_RIGHTS, fd, sizeof(int));
		break;
	case CMSG_FD_BAD:
		fd[0] = 899;
		add(ctl, SOL_SOCKET, SCM_RIGHTS, fd, sizeof(int));
		break;
	case CMSG_FDS:
		for (i = 0; i < 3; i++)
			fd[i] = some_slot(x, i);
		/* Empty slots would have all of it refused. */
		for (i = 1; i < 3; i++)
			if (fd[i] < 0)
				fd[i] = fd[0];
		add(ctl, SOL_SOCKET, SCM_RIGHTS, fd, 3 * sizeof(int));
		break;
	case CMSG_CRED_UID:
		cred.uid = 1000 + (unsigned int)x % 3;
		cred.gid = 100;
		add(ctl, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
		break;
	case CMSG_CRED_PID:
		cred.pid = x & 1 ? 1 : 0x3fffff;
		add(ctl, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
		break;
	case CMSG_CRED_BAD:
		cred.uid = -1;
		add(ctl, SOL_SOCKET, SCM_CREDENTIALS, &cred,
		    x & 1 ? sizeof(cred) : sizeof(cred) - 1);
		break;
	case CMSG_FD_CRED:
		fd[0] = some_slot(x, 0);
		add(ctl, SOL_SOCKET, SCM_RIGHTS, fd, sizeof(int));
		add(ctl, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
		break;
	case CMSG_CRED:
		add(ctl, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
		break;
	case CMSG_SHORT:
		fd[0] = some_slot(x, 0);
		add(ctl, SOL_SOCKET, SCM_RIGHTS, fd, sizeof(int));
		ctl->align.cmsg_len = x & 1 ? 3 : 4096;
		break;
	case CMSG_TYPE:
		add(ctl, SOL_SOCKET, 0x77, &cred, sizeof(cred));
		break;
	case CMSG_LEVEL:
		add(ctl, 0x77, SCM_RIGHTS, &cred, sizeof(cred));
		break;
	case CMSG_PIDFD:
		fd[0] = some_slot(x, 0);
		add(ctl, SOL_SOCKET, SCM_PIDFD, fd, sizeof(int));
		break;
	case CMSG_FD_TWICE:
		fd[0] = some_slot(x, 0);
		fd[1] = fd[0];
		add(ctl, SOL_SOCKET, SCM_RIGHTS, fd, 2 * sizeof(int));
		add(ctl, SOL_SOCKET, SCM_RIGHTS, fd, sizeof(int));
		break;
	case CMSG_MANY:
		for (i = 0; i < 254; i++)
			fd[i] = some_slot(x, 0);
		add(ctl, SOL_SOCKET, SCM_RIGHTS, fd,
		    (x & 1 ? 254 : 253) * sizeof(int));
		break;
	case CMSG_EMPTY:
		add(ctl, SOL_SOCKET, SCM_RIGHTS, fd, 0);
		break;
	}
}

static int vector(struct iovec *iov, int n, char *p, int len)
{
	int i;

	n = (unsigned int)n % 5;
	for (i = 0; i < n; i++) {
		iov[i].iov_base = p + len / n * i;
		iov[i].iov_len = i < n - 1 ? len / n : len - len / n * i;
	}
	return n;
}

void op_sendmsg(struct ctx *c)
{
	const struct op *op = &c->p->op[c->index];
	int many = op->code == OP_SENDMMSG, len = op->a[1], n, i;
	const int *a = op->a;
	struct sockaddr_storage ss;
	struct mmsghdr m[4];
	struct iovec iov[4];
	struct control ctl;
	char *p = (char *)buf_out + c->index * 1031 % BUF_SIZE / 2;
	long ret;

	switch (len) {
	case LEN_BAD:
		len = 64;
		p = (char *)buf_edge;
		break;
	case LEN_HALF:
		len = 64;
		p = memcpy(buf_edge - 32, p, 32);
		break;
	case LEN_HUGE:
		len = slot_type(slots[a[0]]) == 0 ? 4096 : HUGE_BYTES;
	}
	memset(m, 0, sizeof(m));
	if (many)
		make_control(&ctl, op, a[4], a[5]);
	else
		make_control(&ctl, op, a[6], a[7]);
	if (!many && a[3] != ADDR_NULL) {
		m[0].msg_hdr.msg_namelen = make_addr(c, a[3], a[4], &ss);
		m[0].msg_hdr.msg_name = a[3] == ADDR_BAD ? (void *)buf_edge :
				(void *)&ss;
	}
	n = many ? 1 + (unsigned int)a[3] % 4 : 1;
	i = vector(iov, many ? 1 : a[5], p, len);
	while (n--) {
		m[n].msg_hdr.msg_iov = iov;
		m[n].msg_hdr.msg_iovlen = i;
		m[n].msg_len = 0x5555;
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
	ret = sendmmsg(slots[a[0]], m, 1 + (unsigned int)a[3] % 4, a[2]);
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

static void rec_msg(struct ctx *c, const struct msghdr *m, size_t nameroom,
		    int *keep)
{
	const unsigned char *p = m->msg_control, *end;
	struct cmsghdr h;
	size_t len;

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
		p += CMSG_ALIGN(len);
	}
}

void op_recvmsg(struct ctx *c)
{
	static const int rooms[] = { 2048, 0, 16, 20, 24, 32, 48, 2048, -1 };
	const struct op *op = &c->p->op[c->index];
	int many = op->code == OP_RECVMMSG, len = op->a[1], keep = -1, n, i;
	char *p = (char *)buf_in + c->actor * BUF_SIZE;
	int room = rooms[(unsigned int)op->a[4] % 9];
	struct sockaddr_storage ss[2];
	struct mmsghdr m[4];
	struct iovec iov[4][4];
	static __thread union {
		char		b[2048];
		struct cmsghdr	align;
	} ctl[4];
	long ret;

	switch (len) {
	case LEN_BAD:
		len = 64;
		p = (char *)buf_edge;
		break;
	case LEN_HALF:
		len = 64;
		p = (char *)buf_edge - 32;
		break;
	case LEN_HUGE:
		len = 100000;
	}
	memset(m, 0, sizeof(m));
	memset(ss, 0x55, sizeof(ss));
	n = many ? 1 + (unsigned int)op->a[3] % 4 : 1;
	for (i = 0; i < n; i++) {
		struct msghdr *h = &m[i].msg_hdr;

		h->msg_iovlen = vector(iov[i], many ? 1 : op->a[3],
				       len == 64 ? p : p + i * 100000, len);
		h->msg_iov = iov[i];
		h->msg_control = room < 0 ? (void *)buf_edge :
				 room ? ctl[i].b : NULL;
		h->msg_controllen = room < 0 ? 128 : room;
		m[i].msg_len = 0x5555;
	}
	/* One address is enough: its length tells whether there is any. */
	m[0].msg_hdr.msg_name = &ss[0];
	m[0].msg_hdr.msg_namelen = op->a[4] & 8 ? 10 : sizeof(ss[0]);
	if (!many)
		ret = recvmsg(slots[op->a[0]], &m[0].msg_hdr, op->a[2]);
	else
		ret = recvmmsg(slots[op->a[0]], m, n, op->a[2], NULL);
	rec_ret(c, ret);
	if (ret < 0)
		return;
	n = many ? ret : 1;
	for (i = 0; i < n; i++) {
		long got = many ? m[i].msg_len : ret;

		if (many)
			rec_num(c->t, T_MSGLEN, got);
		rec_data(c->t, len == 64 ? p : p + i * 100000,
			 got < len && m[i].msg_hdr.msg_iovlen ? got :
			 m[i].msg_hdr.msg_iovlen ? len : 0);
		if (room < 0) {
			rec_num(c->t, T_FLAGS, m[i].msg_hdr.msg_flags);
			continue;
		}
		rec_msg(c, &m[i].msg_hdr, op->a[4] & 8 && !i ? 10 :
			sizeof(ss[0]), &keep);
	}
	if (keep < 0)
		return;
	if (slots[op->a[5]] >= 0)
		close(keep);
	else
		slot_set(c, op->a[5], keep);
}
