// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that do not wait, or not for ever: NB-01 ... NB-04, NB-06.  What
 * signals do to waiting calls (NB-05, NB-07) is in intr.c.
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

VT_FIXTURE_PAIR(any, VT_FAMILIES_TYPES, variant->type, a, b);

TEST_F(any, nonblock)
{
	struct vt_io io = { .fd = self->a, .len = 1 };
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct vt_bg bg;
	int on = 1, off = 0;
	char c;

	io.buf = &c;
	iov.iov_base = &c;

	/* For one call. */
	ASSERT_ERR(EAGAIN, recv(self->a, &c, 1, MSG_DONTWAIT));
	ASSERT_ERR(EAGAIN, recv(self->a, &c, 1, MSG_DONTWAIT | MSG_PEEK));
	ASSERT_ERR(EAGAIN, recvmsg(self->a, &msg, MSG_DONTWAIT));
	ASSERT_EQ(0, fcntl(self->a, F_GETFL) & O_NONBLOCK);

	/* For the file. */
	ASSERT_EQ(0, fcntl(self->a, F_SETFL, O_NONBLOCK));
	ASSERT_ERR(EAGAIN, recv(self->a, &c, 1, 0));
	ASSERT_ERR(EAGAIN, read(self->a, &c, 1));
	ASSERT_ERR(EAGAIN, recvmsg(self->a, &msg, MSG_WAITALL));
	/* The other end has a file of its own, a duplicate has not. */
	ASSERT_EQ(0, fcntl(self->b, F_GETFL) & O_NONBLOCK);
	ASSERT_ERR(EAGAIN, read(dup(self->a), &c, 1));

	ASSERT_EQ(0, ioctl(self->a, FIONBIO, &off));
	ASSERT_EQ(0, fcntl(self->a, F_GETFL) & O_NONBLOCK);
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(1, vt_bg_join(&bg));

	ASSERT_EQ(0, ioctl(self->a, FIONBIO, &on));
	ASSERT_EQ(O_NONBLOCK, fcntl(self->a, F_GETFL) & O_NONBLOCK);
	ASSERT_ERR(EAGAIN, read(self->a, &c, 1));

	/* Data is returned at once, by all of them. */
	ASSERT_EQ(1, send(self->b, "y", 1, 0));
	ASSERT_EQ(1, read(self->a, &c, 1));
	ASSERT_ERR(EAGAIN, read(self->a, &c, 1));
	PROVES("NB-01");
}

TEST_F(any, receive_timeout)
{
	char c;
	struct vt_io io = { .fd = self->a, .buf = &c, .len = 1 };
	long long start;
	struct vt_bg bg;

	ASSERT_EQ(0, vt_set_timeo(self->a, SO_RCVTIMEO, 30));
	start = vt_ticks_ms();
	ASSERT_ERR(EAGAIN, recv(self->a, &c, 1, 0));
	/* Lower bound only; a tick may be 10 ms. */
	ASSERT_LE(start + 20, vt_ticks_ms());
	ASSERT_ERR(EAGAIN, read(self->a, &c, 1));
	ASSERT_ERR(EAGAIN, recv(self->a, &c, 1, MSG_PEEK));
	ASSERT_EQ(0, vt_getint(self->a, SOL_SOCKET, SO_ERROR));

	/* Data in time is no timeout; the limit holds for each call anew. */
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(1, recv(self->a, &c, 1, 0));
	ASSERT_ERR(EAGAIN, recv(self->a, &c, 1, 0));

	/* SO_SNDTIMEO is not looked at, nor the peer's. */
	ASSERT_EQ(0, vt_set_timeo(self->a, SO_RCVTIMEO, 0));
	ASSERT_EQ(0, vt_set_timeo(self->a, SO_SNDTIMEO, 1));
	ASSERT_EQ(0, vt_set_timeo(self->b, SO_RCVTIMEO, 1));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	usleep(30000);
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	ASSERT_EQ(1, send(self->b, "y", 1, 0));
	ASSERT_EQ(1, vt_bg_join(&bg));
	PROVES("NB-02");
}

/* Two mutually connected ends: only the sender's memory limits. */
TEST_F(any, send_timeout)
{
	static char big[1 << 20];
	long long start;
	ssize_t n;

	ASSERT_EQ(0, vt_set_timeo(self->a, SO_SNDTIMEO, 30));
	if (variant->type == SOCK_STREAM) {
		start = vt_ticks_ms();
		n = send(self->a, big, sizeof(big), 0);
		ASSERT_LE(start + 20, vt_ticks_ms());
		ASSERT_LT(0, n);
		ASSERT_GT((ssize_t)sizeof(big), n);
	}
	ASSERT_LE(0, vt_fill(self->a));
	start = vt_ticks_ms();
	ASSERT_ERR(EAGAIN, send(self->a, "x", 1, 0));
	ASSERT_LE(start + 20, vt_ticks_ms());
	ASSERT_ERR(EAGAIN, write(self->a, "x", 1));
	ASSERT_EQ(0, vt_getint(self->a, SOL_SOCKET, SO_ERROR));

	/* Not for ever: room lets it go on. */
	while (recv(self->b, big, sizeof(big), MSG_DONTWAIT) > 0)
		;
	ASSERT_EQ(1, send(self->a, "x", 1, 0));
	PROVES("NB-03");
}

/* The short count is what the peer got. */
TEST_F(any, send_short_count)
{
	static char big[1 << 20], got[1 << 20];
	ssize_t n, r, sum = 0;
	unsigned int i;

	if (variant->type != SOCK_STREAM) {
		/* A message goes as a whole or not at all. */
		ASSERT_EQ(0, vt_set_timeo(self->a, SO_SNDTIMEO, 30));
		ASSERT_LT(0, vt_fill(self->a));
		ASSERT_ERR(EAGAIN, send(self->a, big, 1000, 0));
		PROVES("NB-03");
		return;
	}
	for (i = 0; i < sizeof(big); i++)
		big[i] = i * 7 + (i >> 8);
	ASSERT_EQ(0, vt_set_timeo(self->a, SO_SNDTIMEO, 30));
	n = send(self->a, big, sizeof(big), 0);
	ASSERT_LT(0, n);
	while ((r = recv(self->b, got + sum, sizeof(got) - sum,
			 MSG_DONTWAIT)) > 0)
		sum += r;
	ASSERT_EQ(n, sum);
	ASSERT_EQ(0, memcmp(big, got, n));
	PROVES("NB-03");
}

VT_FIXTURE(dgram, VT_FAMILIES);

TEST_F(dgram, queue_timeout)
{
	long long start;
	int r, s, i;
	char c;

	ASSERT_EQ(0, vt_write_num(vt_qlen_path(variant->family), 1));
	r = vt_socket(variant->family, SOCK_DGRAM);
	s = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(r, "@r"));
	ASSERT_EQ(0, vt_set_timeo(s, SO_SNDTIMEO, 30));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(1, vt_sendto(s, "x", 1, 0, "@r"));

	/* By address, and connected. */
	start = vt_ticks_ms();
	ASSERT_ERR(EAGAIN, vt_sendto(s, "x", 1, 0, "@r"));
	ASSERT_LE(start + 20, vt_ticks_ms());
	ASSERT_EQ(0, vt_connect(s, "@r"));
	start = vt_ticks_ms();
	ASSERT_ERR(EAGAIN, send(s, "x", 1, 0));
	ASSERT_LE(start + 20, vt_ticks_ms());
	ASSERT_EQ(0, vt_getint(s, SOL_SOCKET, SO_ERROR));

	ASSERT_EQ(1, recv(r, &c, 1, 0));
	ASSERT_EQ(1, send(s, "x", 1, 0));
	PROVES("NB-04");
}

TEST_F(any, timeout_values)
{
	static const int opts[] = { SO_RCVTIMEO, SO_SNDTIMEO };
	struct timeval tv, got;
	long long set, read;
	socklen_t len;
	unsigned int i;
	int ms;

	for (i = 0; i < 2; i++) {
		/* The default is for ever. */
		memset(&got, 0xff, sizeof(got));
		len = sizeof(got);
		ASSERT_EQ(0, getsockopt(self->a, SOL_SOCKET, opts[i], &got,
					&len));
		ASSERT_EQ(sizeof(got), len);
		ASSERT_EQ(0, got.tv_sec);
		ASSERT_EQ(0, got.tv_usec);

		/* Whole ticks of any clock, and then rounded up to one. */
		for (ms = 1; ms < 100000; ms = ms * 3 + 1) {
			tv.tv_sec = ms / 1000;
			tv.tv_usec = ms % 1000 * 1000;
			ASSERT_EQ(0, setsockopt(self->a, SOL_SOCKET, opts[i],
						&tv, sizeof(tv)));
			ASSERT_EQ(0, getsockopt(self->a, SOL_SOCKET, opts[i],
						&got, &len));
			set = tv.tv_sec * 1000000LL + tv.tv_usec;
			read = got.tv_sec * 1000000LL + got.tv_usec;
			/* Below a microsecond the tick itself is rounded. */
			ASSERT_LE(set - 1, read);
			ASSERT_GE(set + 10000, read);
		}
		tv.tv_sec = 5;
		tv.tv_usec = 500000;
		ASSERT_EQ(0, setsockopt(self->a, SOL_SOCKET, opts[i], &tv,
					sizeof(tv)));
		ASSERT_EQ(0, getsockopt(self->a, SOL_SOCKET, opts[i], &got,
					&len));
		ASSERT_EQ(5, got.tv_sec);
		ASSERT_EQ(500000, got.tv_usec);

		/* Refused, and what was set stays. */
		tv.tv_usec = 1000000;
		ASSERT_ERR(EDOM, setsockopt(self->a, SOL_SOCKET, opts[i], &tv,
					    sizeof(tv)));
		tv.tv_usec = -1;
		ASSERT_ERR(EDOM, setsockopt(self->a, SOL_SOCKET, opts[i], &tv,
					    sizeof(tv)));
		tv.tv_usec = 0;
		ASSERT_ERR(EINVAL, setsockopt(self->a, SOL_SOCKET, opts[i],
					      &tv, sizeof(tv) - 1));
		ASSERT_ERR(EINVAL, setsockopt(self->a, SOL_SOCKET, opts[i],
					      &tv, 4));
		ASSERT_ERR(EINVAL, setsockopt(self->a, SOL_SOCKET, opts[i],
					      &tv, 0));
		ASSERT_EQ(0, getsockopt(self->a, SOL_SOCKET, opts[i], &got,
					&len));
		ASSERT_EQ(5, got.tv_sec);
		ASSERT_EQ(500000, got.tv_usec);
		/* The largest microsecond is fine. */
		tv.tv_usec = 999999;
		ASSERT_EQ(0, setsockopt(self->a, SOL_SOCKET, opts[i], &tv,
					sizeof(tv)));
	}
	PROVES("NB-06");
}

TEST_F(any, zero_is_forever)
{
	char c;
	struct vt_io in = { .fd = self->a, .buf = &c, .len = 1 };
	struct vt_io out = { .fd = self->a, .buf = "x", .len = 1 };
	char buf[1024];
	struct vt_bg bg;

	ASSERT_EQ(0, vt_set_timeo(self->a, SO_RCVTIMEO, 1));
	ASSERT_EQ(0, vt_set_timeo(self->a, SO_RCVTIMEO, 0));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &in));
	/* Not for ordering: time for a timeout that must not come. */
	usleep(30000);
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(1, vt_bg_join(&bg));

	ASSERT_EQ(0, vt_set_timeo(self->a, SO_SNDTIMEO, 1));
	ASSERT_EQ(0, vt_set_timeo(self->a, SO_SNDTIMEO, 0));
	ASSERT_LT(0, vt_fill(self->a));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_send, &out));
	usleep(30000);
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	while (recv(self->b, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	ASSERT_EQ(1, vt_bg_join(&bg));
	PROVES("NB-06");
}

TEST_HARNESS_MAIN
