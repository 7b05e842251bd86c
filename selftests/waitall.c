// SPDX-License-Identifier: GPL-2.0
/*
 * MSG_WAITALL and SO_RCVLOWAT.  Proves WAIT-01 to WAIT-06.
 */
#include "vunix_test.h"

#include <limits.h>
#include <sys/time.h>

VT_FIXTURE_PAIR(waitall, VT_FAMILIES, SOCK_STREAM, s, r);

static void on_signal(int sig)
{
}

static int set_timeout(int fd, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

TEST_F(waitall, full_length)
{
	char buf[16] = "................";
	char a[3], b[5];
	struct iovec iov[2] = { { a, 3 }, { b, 5 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	struct vt_io io;
	struct vt_bg bg;
	char *large;
	int i;

	io = (struct vt_io){ self->r, buf, 8, MSG_WAITALL };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(3, send(self->s, "abc", 3, 0));
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	ASSERT_EQ(4, send(self->s, "defg", 4, 0));
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	ASSERT_EQ(3, send(self->s, "hij", 3, 0));
	ASSERT_EQ(8, vt_bg_join(&bg));
	ASSERT_EQ(0, memcmp(buf, "abcdefgh........", 16));
	ASSERT_EQ(2, recv(self->r, buf, 16, MSG_DONTWAIT));
	ASSERT_EQ(0, memcmp(buf, "ij", 2));

	/* Into a vector, everything already there. */
	ASSERT_EQ(4, send(self->s, "klmn", 4, 0));
	ASSERT_EQ(4, send(self->s, "opqr", 4, 0));
	ASSERT_EQ(8, recvmsg(self->r, &msg, MSG_WAITALL));
	ASSERT_EQ(0, memcmp(a, "klm", 3));
	ASSERT_EQ(0, memcmp(b, "nopqr", 5));

	/* More than fits the sender's buffer. */
	large = malloc(16 * VT_PATTERN);
	io = (struct vt_io){ self->r, large, 16 * VT_PATTERN, MSG_WAITALL };
	ASSERT_EQ(0, vt_bg_start(&bg, vt_io_recv, &io));
	for (i = 0; i < 16; i++)
		ASSERT_EQ(VT_PATTERN, send(self->s, vt_pattern(0),
					   VT_PATTERN, 0));
	ASSERT_EQ(16 * VT_PATTERN, vt_bg_join(&bg));
	for (i = 0; i < 16; i++)
		ASSERT_EQ(0, memcmp(large + i * VT_PATTERN, vt_pattern(0),
				    VT_PATTERN));
	free(large);
	PROVES("WAIT-01");
}

TEST_F(waitall, cut_short)
{
	struct vt_io io;
	struct vt_bg bg;
	char buf[16];
	int sv[2];

	ASSERT_EQ(3, send(self->s, "abc", 3, 0));
	ASSERT_EQ(3, recv(self->r, buf, 8, MSG_WAITALL | MSG_DONTWAIT));
	ASSERT_EQ(-1, recv(self->r, buf, 8, MSG_WAITALL | MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(3, send(self->s, "abc", 3, 0));
	ASSERT_EQ(0, fcntl(self->r, F_SETFL, O_RDWR | O_NONBLOCK));
	ASSERT_EQ(3, recv(self->r, buf, 8, MSG_WAITALL));
	ASSERT_EQ(0, fcntl(self->r, F_SETFL, O_RDWR));

	ASSERT_EQ(0, set_timeout(self->r, 20));
	ASSERT_EQ(3, send(self->s, "def", 3, 0));
	ASSERT_EQ(3, recv(self->r, buf, 8, MSG_WAITALL));
	ASSERT_EQ(0, memcmp(buf, "def", 3));
	ASSERT_EQ(-1, recv(self->r, buf, 8, MSG_WAITALL));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, set_timeout(self->r, 0));

	io = (struct vt_io){ self->r, buf, 8, MSG_WAITALL };
	ASSERT_EQ(4, send(self->s, "ghij", 4, 0));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(0, shutdown(self->s, SHUT_WR));
	ASSERT_EQ(4, vt_bg_join(&bg));
	ASSERT_EQ(0, memcmp(buf, "ghij", 4));
	ASSERT_EQ(0, recv(self->r, buf, 8, MSG_WAITALL));

	/* Closed instead, and closed before. */
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	io.fd = sv[1];
	ASSERT_EQ(4, send(sv[0], "klmn", 4, 0));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	close(sv[0]);
	ASSERT_EQ(4, vt_bg_join(&bg));
	ASSERT_EQ(0, recv(sv[1], buf, 8, MSG_WAITALL));
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_EQ(4, send(sv[0], "opqr", 4, 0));
	close(sv[0]);
	ASSERT_EQ(4, recv(sv[1], buf, 8, MSG_WAITALL));
	ASSERT_EQ(0, memcmp(buf, "opqr", 4));
	PROVES("WAIT-02");
}

TEST_F(waitall, signal)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct vt_io io;
	struct vt_bg bg;
	char buf[8];
	int i;

	io = (struct vt_io){ self->r, buf, 8, MSG_WAITALL };
	for (i = 0; i < 2; i++) {
		/* With SA_RESTART too: a short count cannot be restarted. */
		sa.sa_flags = i ? SA_RESTART : 0;
		ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
		ASSERT_EQ(3, send(self->s, "abc", 3, 0));
		ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
		ASSERT_EQ(0, pthread_kill(bg.thread, SIGUSR1));
		ASSERT_EQ(3, vt_bg_join(&bg));
		ASSERT_EQ(0, memcmp(buf, "abc", 3));
		ASSERT_EQ(-1, recv(self->r, buf, 8, MSG_DONTWAIT));
		ASSERT_EQ(EAGAIN, errno);
	}
	PROVES("WAIT-03");
}

TEST_F(waitall, lowat)
{
	struct vt_io io;
	struct vt_bg bg;
	char buf[16];
	int n;

	ASSERT_EQ(0, vt_setint(self->r, SOL_SOCKET, SO_RCVLOWAT, 5));
	ASSERT_EQ(3, send(self->s, "abc", 3, 0));
	ASSERT_EQ(POLLIN | POLLOUT, vt_poll(self->r, VT_POLL_ALL));
	ASSERT_EQ(3, recv(self->r, buf, 16, MSG_DONTWAIT));

	io = (struct vt_io){ self->r, buf, 16, 0 };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(3, send(self->s, "def", 3, 0));
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	/* Who waits goes on waiting for what it was. */
	n = vt_getint(self->r, SOL_SOCKET, SO_RCVLOWAT);
	ASSERT_EQ(0, vt_setint(self->r, SOL_SOCKET, SO_RCVLOWAT, 1));
	ASSERT_EQ(1, send(self->s, "g", 1, 0));
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	ASSERT_EQ(3, send(self->s, "hij", 3, 0));
	ASSERT_EQ(7, vt_bg_join(&bg));
	ASSERT_EQ(0, memcmp(buf, "defghij", 7));
	/* Also where nothing had come before it slept. */
	ASSERT_EQ(0, vt_setint(self->r, SOL_SOCKET, SO_RCVLOWAT, n));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(0, vt_setint(self->r, SOL_SOCKET, SO_RCVLOWAT, 1));
	ASSERT_EQ(1, send(self->s, "k", 1, 0));
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	ASSERT_EQ(n - 1, send(self->s, "lmnopqrst", n - 1, 0));
	ASSERT_EQ(n, vt_bg_join(&bg));
	ASSERT_EQ(0, vt_setint(self->r, SOL_SOCKET, SO_RCVLOWAT, n));

	/* A smaller buffer is full earlier. */
	ASSERT_EQ(3, send(self->s, "klm", 3, 0));
	ASSERT_EQ(3, recv(self->r, buf, 3, 0));
	ASSERT_EQ(0, memcmp(buf, "klm", 3));
	/* Non-blocking by the file's flag; the end of the stream. */
	ASSERT_EQ(3, send(self->s, "nop", 3, 0));
	ASSERT_EQ(0, fcntl(self->r, F_SETFL, O_RDWR | O_NONBLOCK));
	ASSERT_EQ(3, recv(self->r, buf, 16, 0));
	ASSERT_EQ(0, memcmp(buf, "nop", 3));
	ASSERT_EQ(0, fcntl(self->r, F_SETFL, O_RDWR));
	ASSERT_EQ(3, send(self->s, "qrs", 3, 0));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(0, shutdown(self->s, SHUT_WR));
	ASSERT_EQ(3, vt_bg_join(&bg));
	PROVES("WAIT-04");
}

TEST_F(waitall, values)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int sv[2], i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, types[i], sv));
		ASSERT_EQ(1, vt_getint(sv[0], SOL_SOCKET, SO_RCVLOWAT));
		ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET, SO_RCVLOWAT, 7));
		ASSERT_EQ(7, vt_getint(sv[0], SOL_SOCKET, SO_RCVLOWAT));
		ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET, SO_RCVLOWAT, 0));
		ASSERT_EQ(1, vt_getint(sv[0], SOL_SOCKET, SO_RCVLOWAT));
		ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET, SO_RCVLOWAT, -1));
		ASSERT_EQ(INT_MAX, vt_getint(sv[0], SOL_SOCKET, SO_RCVLOWAT));
		ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET, SO_RCVLOWAT,
				       INT_MIN));
		ASSERT_EQ(INT_MAX, vt_getint(sv[0], SOL_SOCKET, SO_RCVLOWAT));
		ASSERT_EQ(1, vt_getint(sv[1], SOL_SOCKET, SO_RCVLOWAT));

		ASSERT_EQ(1, vt_getint(sv[0], SOL_SOCKET, SO_SNDLOWAT));
		ASSERT_EQ(-1, vt_setint(sv[0], SOL_SOCKET, SO_SNDLOWAT, 1));
		ASSERT_EQ(ENOPROTOOPT, errno);
	}
	PROVES("WAIT-05");
}

TEST_F(waitall, messages)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	struct vt_io io;
	struct vt_bg bg;
	char buf[8];
	int sv[2], i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, types[i], sv));
		ASSERT_EQ(2, send(sv[0], "ab", 2, 0));
		ASSERT_EQ(3, send(sv[0], "cde", 3, 0));
		ASSERT_EQ(2, recv(sv[1], buf, 8, MSG_WAITALL));
		ASSERT_EQ(3, recv(sv[1], buf, 8, MSG_WAITALL));
		ASSERT_EQ(0, memcmp(buf, "cde", 3));
		io = (struct vt_io){ sv[1], buf, 8, MSG_WAITALL };
		ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
		ASSERT_EQ(1, send(sv[0], "f", 1, 0));
		ASSERT_EQ(1, vt_bg_join(&bg));
		ASSERT_EQ('f', buf[0]);
		/* SO_RCVLOWAT makes no difference either. */
		ASSERT_EQ(0, vt_setint(sv[1], SOL_SOCKET, SO_RCVLOWAT, 8));
		ASSERT_EQ(1, send(sv[0], "g", 1, 0));
		ASSERT_EQ(1, recv(sv[1], buf, 8, 0));
	}
	PROVES("WAIT-06");
}

TEST_HARNESS_MAIN
