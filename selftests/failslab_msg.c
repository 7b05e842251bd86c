// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations of messages on their way; how it is done, and why no row
 * is proved, is in failslab.h.
 */
#include "failslab.h"

#include <linux/filter.h>

#define LARGE_STREAM	65536
#define LARGE_RECORD	61440
#define SPLICED		8192

static const char *pattern(void)
{
	return (const char *)vt_pattern(0);
}

static int up_option(struct fl *f, int opt)
{
	return up_pair(f) || vt_setint(f->fd[1], SOL_SOCKET, opt, 1) ? -1 : 0;
}

static int up_queued(struct fl *f)
{
	return up_pair(f) || send(f->fd[0], "0123456789", 10, 0) != 10 ? -1 : 0;
}

/* A plain file in fd[2]. */
static int up_file(struct fl *f)
{
	if (up_pair(f))
		return -1;
	f->fd[2] = open("/proc/self/status", O_RDONLY);
	return f->fd[2] < 0 ? -1 : 0;
}

/* A socket of the family in fd[2]: the collector has to know of it. */
static int up_socket(struct fl *f)
{
	if (up_pair(f))
		return -1;
	f->fd[2] = vt_socket(f->family, f->type);
	return f->fd[2] < 0 ? -1 : 0;
}

/* A socket of AF_UNIX in fd[2]: counted on its own. */
static int up_unix(struct fl *f)
{
	if (up_pair(f))
		return -1;
	f->fd[2] = socket(AF_UNIX, SOCK_DGRAM, 0);
	return f->fd[2] < 0 ? -1 : 0;
}

static long call_send(struct fl *f)
{
	return send(f->fd[0], "0123456789", 10, MSG_DONTWAIT);
}

/* The message of call_send() stands in the queue, once. */
static int check_sent(struct fl *f)
{
	if (recv(f->fd[1], got, sizeof(got), MSG_DONTWAIT) != 10 ||
	    memcmp(got, "0123456789", 10))
		return 1;
	return check_empty(f->fd[0], f->fd[1]);
}

/* A stream may take a part. */
static long call_send_large(struct fl *f)
{
	return send(f->fd[0], pattern(), f->type == SOCK_STREAM ? LARGE_STREAM :
		    LARGE_RECORD, MSG_DONTWAIT);
}

static int check_sent_large(struct fl *f)
{
	long n = 0, r;

	while (n < f->ret) {
		r = recv(f->fd[1], got + n, sizeof(got) - n, MSG_DONTWAIT);
		if (r <= 0)
			return 1;
		n += r;
	}
	if (n != f->ret || memcmp(got, pattern(), n))
		return 2;
	return check_empty(f->fd[0], f->fd[1]);
}

/* Receive with room for control messages: what recvmsg() says. */
static struct msghdr rx_msg;
static struct {
	long ret;
	int fd;			/* -1: none */
	int pidfd;
	pid_t pid;
} rx;

static long receive(struct fl *f, int flags)
{
	static union {
		char buf[256];
		struct cmsghdr align;
	} u;
	struct iovec iov = { .iov_base = got, .iov_len = 100 };
	struct cmsghdr *c;

	memset(&rx_msg, 0, sizeof(rx_msg));
	rx_msg.msg_iov = &iov;
	rx_msg.msg_iovlen = 1;
	rx_msg.msg_control = u.buf;
	rx_msg.msg_controllen = sizeof(u.buf);
	rx.ret = recvmsg(f->fd[1], &rx_msg, flags | MSG_DONTWAIT);
	rx.fd = -1;
	rx.pidfd = 0;
	rx.pid = 0;
	if (rx.ret < 0)
		return -1;
	for (c = CMSG_FIRSTHDR(&rx_msg); c; c = CMSG_NXTHDR(&rx_msg, c)) {
		if (c->cmsg_type == SCM_RIGHTS)
			memcpy(&rx.fd, CMSG_DATA(c), sizeof(int));
		else if (c->cmsg_type == SCM_PIDFD)
			memcpy(&rx.pidfd, CMSG_DATA(c), sizeof(int));
		else if (c->cmsg_type == SCM_CREDENTIALS)
			rx.pid = ((struct ucred *)CMSG_DATA(c))->pid;
	}
	return rx.ret;
}

static int up_passcred(struct fl *f)
{
	return up_option(f, SO_PASSCRED);
}

static int check_sent_cred(struct fl *f)
{
	if (receive(f, 0) != 10 || memcmp(got, "0123456789", 10))
		return 1;
	if (rx.pid != getpid())
		return 2;
	return check_empty(f->fd[0], f->fd[1]);
}

static long call_send_fd(struct fl *f)
{
	return vt_send_fd(f->fd[0], f->fd[2]);
}

/* The file that was received, if it was, is the one that was sent. */
static int check_file(struct fl *f)
{
	struct stat a, b;
	int wrong = 0;

	if (rx.fd >= 0) {
		wrong = fstat(rx.fd, &a) || fstat(f->fd[2], &b) ||
			a.st_ino != b.st_ino;
		close(rx.fd);
	}
	return wrong;
}

static int check_sent_fd(struct fl *f)
{
	if (receive(f, 0) != 1 || rx.fd < 0)
		return 1;
	return check_file(f) || check_empty(f->fd[0], f->fd[1]);
}

static int up_queued_fd(struct fl *f)
{
	return up_file(f) || vt_send_fd(f->fd[0], f->fd[2]) ? -1 : 0;
}

static long call_receive(struct fl *f)
{
	return receive(f, 0);
}

static int check_received(struct fl *f)
{
	return rx.ret != 10 || memcmp(got, "0123456789", 10) ||
	       check_empty(f->fd[0], f->fd[1]);
}

static long call_peek(struct fl *f)
{
	return receive(f, MSG_PEEK);
}

/* A descriptor that could not be had is told of. */
static int check_received_fd(struct fl *f)
{
	if (rx.fd < 0 && !(rx_msg.msg_flags & MSG_CTRUNC))
		return 1;
	return check_file(f) || check_empty(f->fd[0], f->fd[1]);
}

/* Peeked or not, the file stays with the message. */
static int check_peeked_fd(struct fl *f)
{
	return check_file(f) || check_sent_fd(f);
}

static int up_pidfd(struct fl *f)
{
	return up_option(f, SO_PASSPIDFD) || call_send(f) != 10 ? -1 : 0;
}

/* No pidfd is no reason to lose the data; its place says why. */
static int check_pidfd(struct fl *f)
{
	if (rx.pidfd > 0)
		close(rx.pidfd);
	else if (rx.pidfd != -ENOMEM && rx.pidfd != -ENOBUFS)
		return 1000 - rx.pidfd;
	return rx.ret == 10 ? check_empty(f->fd[0], f->fd[1]) : 1;
}

static long call_oob(struct fl *f)
{
	return send(f->fd[0], "!", 1, MSG_OOB | MSG_DONTWAIT);
}

static int check_oob(struct fl *f)
{
	if (recv(f->fd[1], got, 1, MSG_OOB) != 1 || got[0] != '!')
		return 1;
	if (recv(f->fd[1], got, 1, MSG_OOB) != -1 || errno != EINVAL)
		return 2;
	return check_talk(f->fd[0], f->fd[1]);
}

/* A pipe in fd[2], fd[3]. */
static int up_splice(struct fl *f)
{
	return up_pair(f) || pipe(f->fd + 2) ? -1 : 0;
}

static int up_splice_in(struct fl *f)
{
	return up_splice(f) || write(f->fd[3], pattern(), SPLICED) != SPLICED;
}

static int up_splice_out(struct fl *f)
{
	return up_splice(f) || send(f->fd[0], pattern(), SPLICED, 0) != SPLICED;
}

static long call_splice_in(struct fl *f)
{
	return splice(f->fd[2], NULL, f->fd[0], NULL, SPLICED,
		      SPLICE_F_NONBLOCK);
}

static long call_splice_out(struct fl *f)
{
	return splice(f->fd[1], NULL, f->fd[3], NULL, SPLICED,
		      SPLICE_F_NONBLOCK);
}

/* All bytes are somewhere, in order: @first has what the call moved. */
static int check_spliced(struct fl *f, int first, int second)
{
	long n = f->ret;

	if (read(first, got, sizeof(got)) != n)
		return 1;
	if (n < SPLICED && read(second, got + n, sizeof(got) - n) !=
	    SPLICED - n)
		return 2;
	return memcmp(got, pattern(), SPLICED) ? 3 :
		check_empty(f->fd[0], f->fd[1]);
}

static int check_splice_in(struct fl *f)
{
	return check_spliced(f, f->fd[1], f->fd[2]);
}

static int check_splice_out(struct fl *f)
{
	return check_spliced(f, f->fd[2], f->fd[1]);
}

/* Lets everything through. */
static long call_filter(struct fl *f)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 0xffff);
	struct sock_fprog prog = { .len = 1, .filter = &code };

	return setsockopt(f->fd[1], SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			  sizeof(prog));
}

static int check_filter(struct fl *f)
{
	return call_send(f) == 10 ? check_sent(f) : 11;
}

static int up_filter(struct fl *f)
{
	return up_pair(f) || call_filter(f) ? -1 : 0;
}

FAIL_TEST(receive, up_queued, call_receive, check_received, 0)
FAIL_TEST(send, up_pair, call_send, check_sent, 0)
FAIL_TEST(send_large, up_pair, call_send_large, check_sent_large, 0)
FAIL_TEST(send_cred, up_passcred, call_send, check_sent_cred, 0)
FAIL_TEST(send_fd, up_file, call_send_fd, check_sent_fd, 0)
FAIL_TEST(send_socket, up_socket, call_send_fd, check_sent_fd, 0)
FAIL_TEST(send_unix, up_unix, call_send_fd, check_sent_fd, 0)
FAIL_TEST_STREAM(send_oob, up_pair, call_oob, check_oob, 0)
FAIL_TEST(send_filtered, up_filter, call_send, check_sent, 0)
FAIL_TEST(receive_fd, up_queued_fd, call_receive, check_received_fd, 0)
FAIL_TEST(receive_pidfd, up_pidfd, call_receive, check_pidfd, 0)
FAIL_TEST(peek_fd, up_queued_fd, call_peek, check_peeked_fd, 0)
FAIL_TEST(splice_in, up_splice_in, call_splice_in, check_splice_in, 0)
FAIL_TEST_STREAM(splice_out, up_splice_out, call_splice_out, check_splice_out, 0)
FAIL_TEST(filter, up_pair, call_filter, check_filter, 0)

TEST_HARNESS_MAIN
