/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending and receiving control messages without waiting: scm_*.c.
 */
#ifndef VUNIX_SCM_H
#define VUNIX_SCM_H

#include "vunix_test.h"

#include <linux/capability.h>

#define SCM_FDS		300

/* What goes out: headers one behind the other. */
struct scm_out {
	union {
		char buf[8192];
		struct cmsghdr align;
	};
	size_t len;
};

/* What came in. */
struct scm_in {
	ssize_t n;		/* of recvmsg() */
	char data[64];
	int flags;		/* msg_flags */
	int types[8];		/* SOL_SOCKET messages, in their order */
	int nr;
	int fds[SCM_FDS];
	int nr_fds;
	struct ucred cred;
	size_t cred_len;	/* payload, may be cut */
	int pidfd;		/* or a negative errno; 0 if there was none */
};

static inline struct cmsghdr *scm_add(struct scm_out *out, int level, int type,
				      const void *data, size_t n)
{
	struct cmsghdr *cmsg = (void *)(out->buf + out->len);

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(n);
	if (n)
		memcpy(CMSG_DATA(cmsg), data, n);
	out->len += CMSG_SPACE(n);
	return cmsg;
}

static inline void scm_add_fds(struct scm_out *out, const int *fds, int n)
{
	scm_add(out, SOL_SOCKET, SCM_RIGHTS, fds, n * sizeof(int));
}

static inline ssize_t scm_send(int sock, const char *data, struct scm_out *out,
			       int flags)
{
	struct iovec iov = { .iov_base = (char *)data,
			     .iov_len = strlen(data) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = out && out->len ? out->buf : NULL,
		.msg_controllen = out ? out->len : 0,
	};

	return sendmsg(sock, &msg, flags | MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Send @data with descriptors: 0, or the errno. */
static inline int scm_send_fds(int sock, const char *data, const int *fds,
			       int n, int flags)
{
	struct scm_out out = {};

	if (n)
		scm_add_fds(&out, fds, n);
	return vt_err(scm_send(sock, data, &out, flags));
}

static inline int scm_send_fd(int sock, const char *data, int fd)
{
	return scm_send_fds(sock, data, &fd, 1, 0);
}

static inline void scm_parse(struct scm_in *in, struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	size_t len;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || in->nr == 8)
			continue;
		in->types[in->nr++] = cmsg->cmsg_type;
		len = cmsg->cmsg_len - CMSG_LEN(0);
		if (cmsg->cmsg_type == SCM_RIGHTS) {
			in->nr_fds = len / sizeof(int);
			memcpy(in->fds, CMSG_DATA(cmsg), len);
		} else if (cmsg->cmsg_type == SCM_CREDENTIALS) {
			in->cred_len = len;
			memcpy(&in->cred, CMSG_DATA(cmsg), len);
		} else if (cmsg->cmsg_type == SCM_PIDFD) {
			memcpy(&in->pidfd, CMSG_DATA(cmsg), len);
		}
	}
}

/* Receive up to @size bytes with room for @room bytes of control messages. */
static inline ssize_t scm_recv_room(int sock, struct scm_in *in, size_t size,
				    size_t room, int flags)
{
	union {
		char buf[8192];
		struct cmsghdr align;
	} u;
	struct iovec iov = { .iov_base = in->data, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room ? u.buf : NULL, .msg_controllen = room,
	};

	memset(in, 0, sizeof(*in));
	memset(&u, 0, sizeof(u));
	in->n = recvmsg(sock, &msg, flags | MSG_DONTWAIT);
	in->flags = msg.msg_flags;
	if (in->n >= 0)
		scm_parse(in, &msg);
	return in->n;
}

static inline ssize_t scm_recv(int sock, struct scm_in *in, int flags)
{
	return scm_recv_room(sock, in, sizeof(in->data), 8192, flags);
}

/* Was exactly @data received, and nothing cut? */
static inline bool scm_is(const struct scm_in *in, const char *data)
{
	return in->n == (ssize_t)strlen(data) &&
	       !memcmp(in->data, data, in->n) && !(in->flags & MSG_CTRUNC);
}

static inline void scm_close(struct scm_in *in)
{
	int i;

	for (i = 0; i < in->nr_fds; i++)
		close(in->fds[i]);
	in->nr_fds = 0;
}

/*
 * A descriptor whose being open somewhere can be seen: the write end of a
 * pipe.  w is to be sent and closed.
 */
struct scm_probe {
	int r, w;
};

static inline int scm_probe(struct scm_probe *p)
{
	return pipe2((int *)p, O_CLOEXEC);
}

/* Is the write end still open anywhere? */
static inline bool scm_open(const struct scm_probe *p)
{
	return !(vt_poll(p->r, POLLIN) & POLLHUP);
}

/* Wait until it is not. */
static inline bool scm_closed(const struct scm_probe *p)
{
	return vt_poll_wait(p->r, POLLIN, 10000) & POLLHUP;
}

/* Send the write end, and keep none: 0, or the errno. */
static inline int scm_give(int sock, const char *data, struct scm_probe *p)
{
	int err;

	if (scm_probe(p))
		return errno;
	err = scm_send_fd(sock, data, p->w);
	close(p->w);
	return err;
}

/* Is @fd that write end? */
static inline bool scm_reaches(int fd, const struct scm_probe *p)
{
	char c = 0;

	return write(fd, "!", 1) == 1 && read(p->r, &c, 1) == 1 && c == '!';
}

/* Is the capability effective?  With @drop, give it up: 0 or -1. */
static inline int scm_cap(int cap, bool drop)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	unsigned int bit = 1U << cap % 32;

	if (syscall(SYS_capget, &head, data))
		return -1;
	if (!drop)
		return !!(data[cap / 32].effective & bit);
	data[cap / 32].effective &= ~bit;
	return syscall(SYS_capset, &head, data);
}

static inline int scm_drop_cap(int cap)
{
	return scm_cap(cap, true);
}

#endif /* VUNIX_SCM_H */
