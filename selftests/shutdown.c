// SPDX-License-Identifier: GPL-2.0
/*
 * shutdown(): SHUT-01 ... SHUT-09.
 *
 * A datagram socket does not tell its peer (SHUT-08), so what the other rows
 * say of the peer is asserted for the connecting types, and the opposite for
 * datagrams.
 */
#include "vunix_test.h"

FIXTURE(any) {
	struct vt_env env;
	bool dgram;
	int a;
	int b;
};

FIXTURE_VARIANT(any) {
	int family;
	int type;
};

VT_FAMILIES_TYPES(any);

FIXTURE_SETUP(any)
{
	int sv[2];

	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	self->a = sv[0];
	self->b = sv[1];
	self->dgram = variant->type == SOCK_DGRAM;
}

FIXTURE_TEARDOWN(any)
{
	VT_TEARDOWN();
}

#define ALL_EVENTS (VT_POLL_ALL | POLLRDNORM | POLLWRNORM | POLLWRBAND | \
		    POLLRDBAND)
#define IN	(POLLIN | POLLRDNORM)
#define OUT	(POLLOUT | POLLWRNORM | POLLWRBAND)

TEST_F(any, unconnected)
{
	int how, s;

	for (how = SHUT_RD; how <= SHUT_RDWR; how++) {
		s = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, shutdown(s, how));
		ASSERT_EQ(0, vt_bind(s, "@s"));
		ASSERT_EQ(0, shutdown(s, how));
		if (!self->dgram) {
			ASSERT_EQ(0, listen(s, 1));
			ASSERT_EQ(0, shutdown(s, how));
		}
		ASSERT_EQ(0, close(s));
	}
	PROVES("SHUT-01");
}

TEST_F(any, bad_mode)
{
	static const int bad[] = { -1, 3, 4, 256, 0x10000, -0x7fffffff };
	int s = vt_socket(variant->family, variant->type);
	unsigned int i;
	char c;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_ERR(EINVAL, shutdown(self->a, bad[i]));
		ASSERT_ERR(EINVAL, shutdown(s, bad[i]));
	}
	/* Nothing was shut. */
	ASSERT_EQ(OUT, vt_poll(self->a, ALL_EVENTS));
	ASSERT_EQ(1, send(self->a, "x", 1, 0));
	ASSERT_EQ(1, send(self->b, "y", 1, 0));
	ASSERT_EQ(1, recv(self->b, &c, 1, 0));
	ASSERT_EQ(1, recv(self->a, &c, 1, 0));
	PROVES("SHUT-02");
}

TEST_F(any, write_half)
{
	char buf[8];
	int i;

	ASSERT_EQ(3, send(self->a, "abc", 3, 0));
	ASSERT_EQ(0, shutdown(self->a, SHUT_WR));
	ASSERT_ERR(EPIPE, send(self->a, "x", 1, MSG_NOSIGNAL));
	ASSERT_ERR(EPIPE, send(self->a, "x", 1, MSG_NOSIGNAL));

	ASSERT_EQ(3, recv(self->b, buf, sizeof(buf), 0));
	ASSERT_EQ(0, memcmp(buf, "abc", 3));
	for (i = 0; i < 3; i++) {
		if (self->dgram) {
			ASSERT_ERR(EAGAIN, recv(self->b, buf, 1,
						MSG_DONTWAIT));
			continue;
		}
		ASSERT_EQ(0, recv(self->b, buf, sizeof(buf), 0));
		ASSERT_EQ(0, recv(self->b, buf, sizeof(buf), MSG_DONTWAIT));
		ASSERT_EQ(0, recv(self->b, buf, sizeof(buf), MSG_PEEK));
	}

	ASSERT_EQ(2, send(self->b, "de", 2, 0));
	ASSERT_EQ(2, recv(self->a, buf, sizeof(buf), 0));
	ASSERT_EQ(0, memcmp(buf, "de", 2));
	/* Not an error of the connection. */
	ASSERT_EQ(0, vt_getint(self->a, SOL_SOCKET, SO_ERROR));
	ASSERT_EQ(0, vt_getint(self->b, SOL_SOCKET, SO_ERROR));
	PROVES("SHUT-03");
}

TEST_F(any, read_half)
{
	char buf[8];
	int i;

	ASSERT_EQ(3, send(self->b, "abc", 3, 0));
	ASSERT_EQ(0, shutdown(self->a, SHUT_RD));
	ASSERT_EQ(3, recv(self->a, buf, sizeof(buf), 0));
	ASSERT_EQ(0, memcmp(buf, "abc", 3));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, recv(self->a, buf, sizeof(buf), 0));
		/* A datagram socket looks at it only when it would wait. */
		if (self->dgram) {
			ASSERT_ERR(EAGAIN, recv(self->a, buf, 1,
						MSG_DONTWAIT));
			continue;
		}
		ASSERT_EQ(0, recv(self->a, buf, sizeof(buf), MSG_DONTWAIT));
	}
	ASSERT_ERR(EPIPE, send(self->b, "x", 1, MSG_NOSIGNAL));
	ASSERT_ERR(EPIPE, send(self->b, "x", 1, MSG_NOSIGNAL));

	ASSERT_EQ(2, send(self->a, "de", 2, 0));
	ASSERT_EQ(2, recv(self->b, buf, sizeof(buf), 0));
	ASSERT_EQ(0, memcmp(buf, "de", 2));
	PROVES("SHUT-04");
}

TEST_F(any, wakes_readers)
{
	char c[2];
	struct vt_io io[2] = {
		{ .fd = self->a, .buf = &c[0], .len = 1 },
		{ .fd = self->b, .buf = &c[1], .len = 1 },
	};
	struct vt_bg bg[2];

	ASSERT_EQ(0, vt_bg_block(&bg[0], vt_io_recv, &io[0]));
	ASSERT_EQ(0, vt_bg_block(&bg[1], vt_io_recv, &io[1]));
	ASSERT_EQ(0, shutdown(self->a, SHUT_RDWR));
	ASSERT_EQ(0, vt_bg_join(&bg[0]));
	if (self->dgram) {
		ASSERT_EQ(0, vt_wait_asleep(bg[1].tid));
		ASSERT_EQ(0, shutdown(self->b, SHUT_RDWR));
	}
	ASSERT_EQ(0, vt_bg_join(&bg[1]));
	PROVES("SHUT-05");
}

TEST_F(any, wakes_writer)
{
	struct vt_io io = { .fd = self->a, .buf = "x", .len = 1,
			    .flags = MSG_NOSIGNAL };
	struct vt_bg bg;
	char buf[1024];

	ASSERT_LT(0, vt_fill(self->a));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_send, &io));
	ASSERT_EQ(0, shutdown(self->b, SHUT_RD));
	if (self->dgram) {
		/*
		 * It sleeps for its own memory, which the peer's shutdown
		 * does not free, and finds out when the peer reads.
		 */
		ASSERT_EQ(0, vt_wait_asleep(bg.tid));
		while (recv(self->b, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
	ASSERT_EQ(-1, vt_bg_join(&bg));
	ASSERT_EQ(EPIPE, bg.err);
	PROVES("SHUT-06");
}

TEST_F(any, own_shut_wakes_writer)
{
	struct vt_io io = { .fd = self->a, .buf = "x", .len = 1,
			    .flags = MSG_NOSIGNAL };
	struct vt_bg bg;

	ASSERT_LT(0, vt_fill(self->a));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_send, &io));
	ASSERT_EQ(0, shutdown(self->a, SHUT_WR));
	ASSERT_EQ(-1, vt_bg_join(&bg));
	ASSERT_EQ(EPIPE, bg.err);
	PROVES("SHUT-03");
}

TEST_F(any, poll)
{
	struct vt_bg bg;
	struct vt_io io = { .fd = self->b, .flags = POLLRDHUP };

	if (!self->dgram)
		ASSERT_EQ(0, vt_bg_block(&bg, vt_io_poll, &io));
	ASSERT_EQ(0, shutdown(self->a, SHUT_WR));
	ASSERT_EQ(OUT, vt_poll(self->a, ALL_EVENTS));
	if (self->dgram) {
		ASSERT_EQ(OUT, vt_poll(self->b, ALL_EVENTS));
	} else {
		ASSERT_EQ(POLLRDHUP, vt_bg_join(&bg));
		ASSERT_EQ(IN | OUT | POLLRDHUP, vt_poll(self->b, ALL_EVENTS));
		/* Sleepers for HUP alone need not ask for anything. */
		io.flags = 0;
		ASSERT_EQ(0, vt_bg_block(&bg, vt_io_poll, &io));
	}

	ASSERT_EQ(0, shutdown(self->a, SHUT_RD));
	ASSERT_EQ(IN | OUT | POLLRDHUP | POLLHUP,
		  vt_poll(self->a, ALL_EVENTS));
	if (self->dgram) {
		ASSERT_EQ(OUT, vt_poll(self->b, ALL_EVENTS));
	} else {
		ASSERT_EQ(POLLHUP, vt_bg_join(&bg));
		ASSERT_EQ(IN | OUT | POLLRDHUP | POLLHUP,
			  vt_poll(self->b, ALL_EVENTS));
	}
	PROVES("SHUT-07");
}

/* One half at each end: neither end has both. */
TEST_F(any, poll_crossed)
{
	ASSERT_EQ(0, shutdown(self->a, SHUT_RD));
	ASSERT_EQ(IN | OUT | POLLRDHUP, vt_poll(self->a, ALL_EVENTS));
	ASSERT_EQ(OUT, vt_poll(self->b, ALL_EVENTS));
	ASSERT_EQ(0, shutdown(self->b, SHUT_RD));
	if (self->dgram) {
		ASSERT_EQ(IN | OUT | POLLRDHUP, vt_poll(self->a, ALL_EVENTS));
		ASSERT_EQ(IN | OUT | POLLRDHUP, vt_poll(self->b, ALL_EVENTS));
	} else {
		ASSERT_EQ(IN | OUT | POLLRDHUP | POLLHUP,
			  vt_poll(self->a, ALL_EVENTS));
		ASSERT_EQ(IN | OUT | POLLRDHUP | POLLHUP,
			  vt_poll(self->b, ALL_EVENTS));
	}
	PROVES("SHUT-07", "SHUT-09");
}

TEST_F(any, not_propagated)
{
	int other = vt_socket(variant->family, variant->type);
	char c;

	ASSERT_EQ(0, shutdown(self->a, SHUT_RDWR));
	if (!self->dgram) {
		/* The contrast: here the peer is told all of it. */
		ASSERT_EQ(0, recv(self->b, &c, 1, MSG_DONTWAIT));
		ASSERT_TRUE(vt_poll(self->b, 0) & POLLHUP);
		return;
	}
	ASSERT_EQ(OUT, vt_poll(self->b, ALL_EVENTS));
	ASSERT_ERR(EAGAIN, recv(self->b, &c, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, vt_getint(self->b, SOL_SOCKET, SO_ERROR));
	/* b may still send, just not to a, and hear others. */
	ASSERT_ERR(EPIPE, send(self->b, "x", 1, MSG_NOSIGNAL));
	ASSERT_EQ(0, vt_bind(self->b, "@b"));
	ASSERT_EQ(0, vt_bind(other, "@other"));
	ASSERT_EQ(0, vt_connect(self->b, "@other"));
	ASSERT_EQ(1, send(self->b, "y", 1, 0));
	ASSERT_EQ(1, recv(other, &c, 1, MSG_DONTWAIT));
	ASSERT_EQ('y', c);
	ASSERT_EQ(1, vt_sendto(other, "z", 1, 0, "@b"));
	ASSERT_EQ(1, recv(self->b, &c, 1, MSG_DONTWAIT));
	ASSERT_EQ('z', c);
	PROVES("SHUT-08");
}

TEST_F(any, repeated)
{
	char c;

	ASSERT_EQ(0, shutdown(self->a, SHUT_WR));
	ASSERT_EQ(0, shutdown(self->a, SHUT_WR));
	/* The other half is still there. */
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(1, recv(self->a, &c, 1, 0));

	ASSERT_EQ(0, shutdown(self->a, SHUT_RD));
	ASSERT_ERR(EPIPE, send(self->a, "x", 1, MSG_NOSIGNAL));
	ASSERT_EQ(0, recv(self->a, &c, 1, 0));
	ASSERT_TRUE(vt_poll(self->a, 0) & POLLHUP);
	ASSERT_EQ(0, shutdown(self->a, SHUT_RDWR));
	ASSERT_EQ(0, shutdown(self->a, SHUT_RDWR));
	/* None comes back. */
	ASSERT_EQ(0, shutdown(self->a, SHUT_RD));
	ASSERT_TRUE(vt_poll(self->a, 0) & POLLHUP);
	/* The one that was told may do it again itself. */
	ASSERT_EQ(0, shutdown(self->b, SHUT_RDWR));
	PROVES("SHUT-09");
}

TEST_HARNESS_MAIN
