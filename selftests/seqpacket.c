// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_SEQPACKET.  Proves SEQ-01 to SEQ-09.
 */
#include "vunix_test.h"

FIXTURE(seqpacket)
{
	struct vt_env env;
	int sv[2];
};

FIXTURE_VARIANT(seqpacket)
{
	int family;
};

VT_FAMILIES(seqpacket);

FIXTURE_SETUP(seqpacket)
{
	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_SEQPACKET, self->sv));
}

FIXTURE_TEARDOWN(seqpacket)
{
	VT_TEARDOWN();
}

static ssize_t take(int fd, void *buf, size_t n)
{
	return recv(fd, buf, n, MSG_DONTWAIT);
}

TEST_F(seqpacket, boundaries)
{
	char buf[8] = "........";
	struct iovec iov = { buf, 3 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int i;

	/* With or without MSG_EOR on the sending side. */
	for (i = 0; i < 2; i++) {
		int flags = i ? MSG_EOR : 0;

		ASSERT_EQ(2, send(self->sv[0], "ab", 2, flags));
		ASSERT_EQ(0, send(self->sv[0], "", 0, flags));
		ASSERT_EQ(5, send(self->sv[0], "cdefg", 5, flags));
		ASSERT_EQ(3, send(self->sv[0], "hij", 3, flags));
		ASSERT_EQ(POLLIN | POLLOUT, vt_poll(self->sv[1], VT_POLL_ALL));
		ASSERT_EQ(2, recvmsg(self->sv[1], &msg, 0));
		ASSERT_EQ(0, msg.msg_flags);
		ASSERT_EQ(0, memcmp(buf, "ab.", 3));
		ASSERT_EQ(POLLIN | POLLOUT, vt_poll(self->sv[1], VT_POLL_ALL));
		ASSERT_EQ(0, recvmsg(self->sv[1], &msg, 0));
		ASSERT_EQ(0, msg.msg_flags);
		ASSERT_EQ(3, recvmsg(self->sv[1], &msg, 0));
		ASSERT_EQ(MSG_TRUNC, msg.msg_flags);
		ASSERT_EQ(0, memcmp(buf, "cde.....", 8));
		ASSERT_EQ(3, recvmsg(self->sv[1], &msg, 0));
		ASSERT_EQ(0, msg.msg_flags);
		ASSERT_EQ(0, memcmp(buf, "hij.....", 8));
		ASSERT_EQ(-1, take(self->sv[1], buf, 1));
		ASSERT_EQ(EAGAIN, errno);
		memset(buf, '.', sizeof(buf));
	}
	/* Only an empty message queued: readable, and it is not the end. */
	ASSERT_EQ(0, write(self->sv[0], "", 0));
	ASSERT_EQ(POLLIN | POLLOUT, vt_poll(self->sv[1], VT_POLL_ALL));
	/* A read() of nothing takes nothing. */
	ASSERT_EQ(0, read(self->sv[1], buf, 0));
	ASSERT_EQ(POLLIN | POLLOUT, vt_poll(self->sv[1], VT_POLL_ALL));
	ASSERT_EQ(0, take(self->sv[1], buf, 1));
	ASSERT_EQ(-1, take(self->sv[1], buf, 1));
	ASSERT_EQ(EAGAIN, errno);
	PROVES("SEQ-01");
}

TEST_F(seqpacket, connected_trio)
{
	int s = vt_socket(variant->family, SOCK_SEQPACKET);
	struct vt_trio t;
	char buf[8];

	ASSERT_EQ(0, vt_trio(variant->family, SOCK_SEQPACKET, "l", &t));
	/* Whatever the address says, even nonsense of a legal length. */
	ASSERT_EQ(1, vt_sendto(t.client, "1", 1, 0, "missing"));
	ASSERT_EQ(1, vt_sendto(t.client, "2", 1, 0, "@missing"));
	ASSERT_EQ(1, sendto(t.client, "3", 1, 0, (void *)"xx", 2));
	ASSERT_EQ(1, vt_sendto(t.accepted, "4", 1, 0, "missing"));
	ASSERT_EQ(1, take(t.accepted, buf, 8));
	ASSERT_EQ('1', buf[0]);
	ASSERT_EQ(1, take(t.accepted, buf, 8));
	ASSERT_EQ('2', buf[0]);
	ASSERT_EQ(1, take(t.accepted, buf, 8));
	ASSERT_EQ('3', buf[0]);
	ASSERT_EQ(1, take(t.client, buf, 8));
	ASSERT_EQ('4', buf[0]);

	ASSERT_EQ(-1, vt_sendto(s, "x", 1, 0, "l"));
	ASSERT_EQ(ENOTCONN, errno);
	ASSERT_EQ(-1, vt_sendto(s, "x", 1, 0, "missing"));
	ASSERT_EQ(ENOTCONN, errno);
	ASSERT_EQ(-1, vt_sendto(t.listener, "x", 1, 0, "l"));
	ASSERT_EQ(ENOTCONN, errno);
	ASSERT_EQ(0, vt_poll(t.listener, POLLIN));
	PROVES("SEQ-02");
}

TEST_F(seqpacket, peer_closed)
{
	struct vt_io io;
	struct vt_bg bg;
	sigset_t set;
	char buf[8];
	int sv[2], i;

	ASSERT_EQ(2, send(self->sv[0], "ab", 2, 0));
	ASSERT_EQ(1, send(self->sv[0], "c", 1, 0));
	close(self->sv[0]);
	ASSERT_EQ(2, recv(self->sv[1], buf, 8, 0));
	ASSERT_EQ(1, take(self->sv[1], buf, 8));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, recv(self->sv[1], buf, 8, 0));
		ASSERT_EQ(0, take(self->sv[1], buf, 8));
	}
	/* Closed while the reader waits. */
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_SEQPACKET, sv));
	io = (struct vt_io){ sv[1], buf, sizeof(buf), 0 };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	close(sv[0]);
	ASSERT_EQ(0, vt_bg_join(&bg));
	PROVES("SEQ-03");

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(-1, send(sv[1], "x", 1, 0));
		ASSERT_EQ(EPIPE, errno);
		ASSERT_EQ(-1, write(self->sv[1], "x", 1));
		ASSERT_EQ(EPIPE, errno);
		ASSERT_EQ(-1, send(self->sv[1], "", 0, 0));
		ASSERT_EQ(EPIPE, errno);
	}
	ASSERT_EQ(0, vt_getint(self->sv[1], SOL_SOCKET, SO_ERROR));
	ASSERT_EQ(0, sigpending(&set));
	ASSERT_EQ(0, sigismember(&set, SIGPIPE));
	PROVES("SEQ-04");
}

TEST_F(seqpacket, reset)
{
	int sv[2], i;
	char buf[8];

	for (i = 1; i < 3; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, SOCK_SEQPACKET, sv));
		ASSERT_EQ(i, send(sv[1], "xy", i, 0));
		close(sv[0]);
		ASSERT_EQ(-1, send(sv[1], "x", 1, 0));
		ASSERT_EQ(ECONNRESET, errno);
		ASSERT_EQ(-1, send(sv[1], "x", 1, 0));
		ASSERT_EQ(EPIPE, errno);
		ASSERT_EQ(0, recv(sv[1], buf, 8, 0));
		ASSERT_EQ(0, take(sv[1], buf, 8));
		ASSERT_EQ(-1, send(sv[1], "x", 1, 0));
		ASSERT_EQ(EPIPE, errno);

		ASSERT_EQ(0, vt_pair(variant->family, SOCK_SEQPACKET, sv));
		ASSERT_EQ(i, send(sv[1], "xy", i, 0));
		close(sv[0]);
		ASSERT_EQ(-1, recv(sv[1], buf, 8, 0));
		ASSERT_EQ(ECONNRESET, errno);
		ASSERT_EQ(0, recv(sv[1], buf, 8, 0));
		ASSERT_EQ(-1, send(sv[1], "x", 1, 0));
		ASSERT_EQ(EPIPE, errno);
		ASSERT_EQ(0, take(sv[1], buf, 8));
	}
	/* An empty message alone does not count, in front of others it does. */
	for (i = 1; i < 3; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, SOCK_SEQPACKET, sv));
		ASSERT_EQ(0, send(sv[1], "", 0, 0));
		if (i == 2)
			ASSERT_EQ(0, send(sv[1], "", 0, 0));
		close(sv[0]);
		ASSERT_EQ(i == 2 ? ECONNRESET : 0,
			  vt_getint(sv[1], SOL_SOCKET, SO_ERROR));
		ASSERT_EQ(0, recv(sv[1], buf, 8, 0));
		ASSERT_EQ(-1, send(sv[1], "x", 1, 0));
		ASSERT_EQ(EPIPE, errno);
	}
	PROVES("SEQ-05");

	ASSERT_EQ(0, vt_pair(variant->family, SOCK_SEQPACKET, sv));
	ASSERT_EQ(2, send(sv[0], "ab", 2, 0));
	ASSERT_EQ(1, send(sv[0], "c", 1, 0));
	ASSERT_EQ(1, send(sv[1], "x", 1, 0));
	close(sv[0]);
	ASSERT_EQ(-1, recv(sv[1], buf, 8, 0));
	ASSERT_EQ(ECONNRESET, errno);
	ASSERT_EQ(2, recv(sv[1], buf, 8, 0));
	ASSERT_EQ(0, memcmp(buf, "ab", 2));
	ASSERT_EQ(1, recv(sv[1], buf, 8, 0));
	ASSERT_EQ('c', buf[0]);
	ASSERT_EQ(0, recv(sv[1], buf, 8, 0));
	ASSERT_EQ(0, take(sv[1], buf, 8));
	PROVES("SEQ-06");
}

static int fill(int fd, int size)
{
	char buf[2048] = "";
	int n = 0;

	while (send(fd, buf, size, MSG_DONTWAIT) == size)
		n++;
	return errno == EAGAIN ? n : -1;
}

TEST_F(seqpacket, limit)
{
	struct vt_trio t;
	struct vt_io io;
	struct vt_bg bg;
	char buf[2048];
	int full, small, n;

	/* More than any queue length, the namespace's default is 10. */
	full = fill(self->sv[0], 100);
	ASSERT_LT(100, full);
	ASSERT_EQ(0, vt_trio(variant->family, SOCK_SEQPACKET, "l", &t));
	ASSERT_EQ(full, fill(t.client, 100));
	ASSERT_EQ(0, vt_setint(t.client, SOL_SOCKET, SO_RCVBUF, 1));
	ASSERT_EQ(full, fill(t.accepted, 100));

	ASSERT_EQ(0, vt_setint(self->sv[1], SOL_SOCKET, SO_SNDBUF, 30000));
	small = fill(self->sv[1], 2048);
	ASSERT_LT(1, small);
	ASSERT_LE(small, 30);

	io = (struct vt_io){ self->sv[1], "end", 3, 0 };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_send, &io));
	for (n = 0; n < small; n++)
		ASSERT_EQ(2048, recv(self->sv[0], buf, sizeof(buf), 0));
	ASSERT_EQ(3, vt_bg_join(&bg));
	ASSERT_EQ(3, recv(self->sv[0], buf, sizeof(buf), 0));
	ASSERT_EQ(0, memcmp(buf, "end", 3));
	PROVES("SEQ-07");
}

TEST_F(seqpacket, real_size)
{
	char buf[8] = "........";
	struct iovec iov = { buf, 2 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(5, send(self->sv[0], "abcde", 5, 0));
	ASSERT_EQ(1, send(self->sv[0], "f", 1, 0));
	ASSERT_EQ(5, recv(self->sv[1], NULL, 0, MSG_TRUNC | MSG_PEEK));
	ASSERT_EQ(5, recvmsg(self->sv[1], &msg, MSG_TRUNC | MSG_PEEK));
	ASSERT_EQ(MSG_TRUNC, msg.msg_flags);
	ASSERT_EQ(2, recvmsg(self->sv[1], &msg, MSG_PEEK));
	ASSERT_EQ(MSG_TRUNC, msg.msg_flags);
	ASSERT_EQ(5, recvmsg(self->sv[1], &msg, MSG_TRUNC));
	ASSERT_EQ(MSG_TRUNC, msg.msg_flags);
	ASSERT_EQ(0, memcmp(buf, "ab......", 8));
	ASSERT_EQ(1, recvmsg(self->sv[1], &msg, MSG_TRUNC | MSG_PEEK));
	ASSERT_EQ(0, msg.msg_flags);
	ASSERT_EQ(1, recvmsg(self->sv[1], &msg, MSG_TRUNC));
	ASSERT_EQ(0, msg.msg_flags);
	ASSERT_EQ(-1, take(self->sv[1], buf, 8));
	PROVES("SEQ-08");
}

TEST_F(seqpacket, shutdown_write)
{
	char buf[8];
	int i;

	ASSERT_EQ(2, send(self->sv[0], "ab", 2, 0));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	ASSERT_EQ(-1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(EPIPE, errno);
	ASSERT_EQ(2, recv(self->sv[1], buf, 8, 0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, recv(self->sv[1], buf, 8, 0));
		ASSERT_EQ(0, take(self->sv[1], buf, 8));
		ASSERT_EQ(1, send(self->sv[1], "c", 1, 0));
		ASSERT_EQ(1, recv(self->sv[0], buf, 8, 0));
		ASSERT_EQ('c', buf[0]);
	}
	PROVES("SEQ-09");
}

TEST_HARNESS_MAIN
