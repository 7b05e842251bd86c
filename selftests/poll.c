// SPDX-License-Identifier: GPL-2.0
/*
 * poll() and select(): POLL-01 ... POLL-11.  Listeners are in listen.c,
 * halves that were shut down in shutdown.c, closed peers in close.c.
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

#include <sys/select.h>

#define ALL_EVENTS (VT_POLL_ALL | POLLRDNORM | POLLWRNORM | POLLWRBAND | \
		    POLLRDBAND)
#define IN	(POLLIN | POLLRDNORM)
#define OUT	(POLLOUT | POLLWRNORM | POLLWRBAND)

VT_FIXTURE_PAIR(any, VT_FAMILIES_TYPES, variant->type, a, b);

#define QLEN 3

FIXTURE(oneway) {
	struct vt_env env;
	int s;
	int r;
};

FIXTURE_VARIANT(oneway) {
	int family;
};

VT_FAMILIES(oneway);

/* A receiver with a short queue and a sender it is not connected to. */
FIXTURE_SETUP(oneway)
{
	VT_SETUP();
	ASSERT_EQ(0, vt_write_num(vt_qlen_path(variant->family), QLEN));
	self->r = vt_socket(variant->family, SOCK_DGRAM);
	self->s = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(self->r, "@r"));
}

FIXTURE_TEARDOWN(oneway)
{
	VT_TEARDOWN();
}

VT_FIXTURE_PAIR(stream, VT_FAMILIES, SOCK_STREAM, a, b);

/* Take one message or up to 1024 bytes: false if there was nothing. */
static bool take(int fd)
{
	char buf[1024];

	return recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0;
}

static bool writable(int fd)
{
	return vt_poll(fd, POLLOUT) == POLLOUT;
}

TEST_F(any, fresh)
{
	int want = variant->type == SOCK_DGRAM ? OUT : OUT | POLLHUP;
	int s = vt_socket(variant->family, variant->type);

	ASSERT_EQ(want, vt_poll(s, ALL_EVENTS));
	/* HUP need not be asked for. */
	ASSERT_EQ(want & POLLHUP, vt_poll(s, 0));
	ASSERT_EQ(want & POLLHUP, vt_poll(s, POLLIN));
	ASSERT_EQ(0, vt_bind(s, "@s"));
	ASSERT_EQ(want, vt_poll(s, ALL_EVENTS));
	PROVES("POLL-01");
}

TEST_F(any, connected)
{
	ASSERT_EQ(OUT, vt_poll(self->a, ALL_EVENTS));
	ASSERT_EQ(OUT, vt_poll(self->b, ALL_EVENTS));
	ASSERT_EQ(0, vt_poll(self->a, POLLIN | POLLPRI | POLLRDBAND));

	ASSERT_EQ(2, send(self->b, "xy", 2, 0));
	ASSERT_EQ(IN | OUT, vt_poll(self->a, ALL_EVENTS));
	ASSERT_EQ(OUT, vt_poll(self->b, ALL_EVENTS));
	ASSERT_EQ(POLLIN, vt_poll(self->a, POLLIN));
	ASSERT_EQ(POLLRDNORM, vt_poll(self->a, POLLRDNORM));
	ASSERT_EQ(POLLWRNORM, vt_poll(self->a, POLLWRNORM));
	ASSERT_EQ(POLLWRBAND, vt_poll(self->a, POLLWRBAND | POLLRDBAND));

	ASSERT_TRUE(take(self->a));
	ASSERT_EQ(OUT, vt_poll(self->a, ALL_EVENTS));

	/* Not a pair, but through a listener. */
	if (variant->type != SOCK_DGRAM) {
		struct vt_trio t;

		ASSERT_EQ(0, vt_trio(variant->family, variant->type, "@t", &t));
		ASSERT_EQ(OUT, vt_poll(t.client, ALL_EVENTS));
		ASSERT_EQ(OUT, vt_poll(t.accepted, ALL_EVENTS));
		ASSERT_EQ(1, send(t.client, "x", 1, 0));
		ASSERT_EQ(IN | OUT, vt_poll(t.accepted, ALL_EVENTS));
	}
	PROVES("POLL-02");
}

/* Is @fd writable exactly if what it has queued says so? -1: it cannot be. */
static int rule_holds(int fd, int sndbuf)
{
	int queued;

	if (ioctl(fd, SIOCOUTQ, &queued))
		return -1;
	/* AF_UNIX counts one more than it shows; at the very edge both pass. */
	if ((long long)queued * 4 == sndbuf)
		return 1;
	return writable(fd) == ((long long)queued * 4 < sndbuf);
}

TEST_F(any, threshold)
{
	static const int sizes[] = { 1, 100, 1000, 4000 };
	static const int bufs[] = { 5000, 40000, 0 };
	int sndbuf, was, up, down;
	unsigned int i, j;
	char buf[4096] = {};

	for (i = 0; i < ARRAY_SIZE(bufs); i++) {
		if (bufs[i])
			ASSERT_EQ(0, vt_setint(self->a, SOL_SOCKET, SO_SNDBUF,
					       bufs[i]));
		sndbuf = vt_getint(self->a, SOL_SOCKET, SO_SNDBUF);
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			/* Where bytes are all that counts they are too many. */
			if (sizes[j] * 20000 < sndbuf)
				continue;
			up = 0;
			down = 0;
			ASSERT_EQ(1, rule_holds(self->a, sndbuf));
			ASSERT_TRUE(writable(self->a));
			while (send(self->a, buf, sizes[j],
				    MSG_DONTWAIT) > 0) {
				was = up;
				ASSERT_EQ(1, rule_holds(self->a, sndbuf));
				up = !writable(self->a);
				/* Once over it, it stays so. */
				ASSERT_LE(was, up);
			}
			ASSERT_EQ(EAGAIN, errno);
			ASSERT_FALSE(writable(self->a));
			while (recv(self->b, buf, sizes[j],
				    MSG_DONTWAIT) > 0) {
				was = down;
				ASSERT_EQ(1, rule_holds(self->a, sndbuf));
				down = writable(self->a);
				ASSERT_LE(was, down);
			}
			ASSERT_TRUE(writable(self->a));
		}
	}
	PROVES("POLL-03");
}

/* Send single bytes until the queue is full: how many. */
static int fill_queue(int s)
{
	int n = 0;

	while (send(s, "x", 1, MSG_DONTWAIT) == 1)
		n++;
	return errno == EAGAIN ? n : -1;
}

TEST_F(oneway, queue_length)
{
	int other = vt_socket(variant->family, SOCK_DGRAM);
	int i;

	ASSERT_EQ(0, vt_connect(self->s, "@r"));
	for (i = 0; i <= QLEN; i++) {
		ASSERT_EQ(OUT, vt_poll(self->s, ALL_EVENTS));
		ASSERT_EQ(1, send(self->s, "x", 1, MSG_DONTWAIT));
	}
	/* The queue is longer than QLEN. */
	ASSERT_EQ(0, vt_poll(self->s, ALL_EVENTS));
	ASSERT_ERR(EAGAIN, send(self->s, "x", 1, MSG_DONTWAIT));
	ASSERT_TRUE(take(self->r));
	ASSERT_EQ(OUT, vt_poll(self->s, ALL_EVENTS));
	ASSERT_EQ(1, send(self->s, "x", 1, MSG_DONTWAIT));
	ASSERT_EQ(0, vt_poll(self->s, ALL_EVENTS));

	/* Who is not connected has no target to ask. */
	ASSERT_EQ(OUT, vt_poll(other, ALL_EVENTS));
	ASSERT_ERR(EAGAIN, vt_sendto(other, "x", 1, MSG_DONTWAIT, "@r"));
	ASSERT_EQ(OUT, vt_poll(other, ALL_EVENTS));
	ASSERT_EQ(0, vt_connect(other, "@r"));
	ASSERT_EQ(0, vt_poll(other, ALL_EVENTS));

	/* The receiver itself is not concerned. */
	ASSERT_EQ(IN | OUT, vt_poll(self->r, ALL_EVENTS));
	PROVES("POLL-04");
}

TEST_F(oneway, receiver_takes)
{
	struct vt_io io = { .fd = self->s, .flags = POLLOUT };
	struct vt_io late = { .flags = POLLOUT };
	struct vt_bg bg, bg2;
	int i;

	ASSERT_EQ(0, vt_connect(self->s, "@r"));
	ASSERT_EQ(QLEN + 1, fill_queue(self->s));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_bg_block(&bg, vt_io_poll, &io));
		ASSERT_TRUE(take(self->r));
		ASSERT_EQ(POLLOUT, vt_bg_join(&bg));
		ASSERT_EQ(1, send(self->s, "x", 1, MSG_DONTWAIT));
	}

	/* Also for one that came when it was full, and all of several. */
	late.fd = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_connect(late.fd, "@r"));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_poll, &io));
	ASSERT_EQ(0, vt_bg_block(&bg2, vt_io_poll, &late));
	ASSERT_TRUE(take(self->r));
	ASSERT_EQ(POLLOUT, vt_bg_join(&bg));
	ASSERT_EQ(POLLOUT, vt_bg_join(&bg2));
	PROVES("POLL-05");
}

/* Room comes in other ways as well. */
TEST_F(oneway, receiver_connects_back)
{
	struct vt_io io = { .fd = self->s, .flags = POLLOUT };
	struct vt_bg bg;

	ASSERT_EQ(0, vt_bind(self->s, "@s"));
	ASSERT_EQ(0, vt_connect(self->s, "@r"));
	ASSERT_EQ(QLEN + 1, fill_queue(self->s));
	ASSERT_EQ(0, vt_connect(self->r, "@s"));
	ASSERT_EQ(OUT, vt_poll(self->s, ALL_EVENTS));
	ASSERT_TRUE(take(self->r));
	ASSERT_EQ(0, vt_bg_start(&bg, vt_io_poll, &io));
	ASSERT_EQ(POLLOUT, vt_bg_join(&bg));
	PROVES("POLL-04");
}

TEST_F(oneway, receiver_closes)
{
	struct vt_io io = { .fd = self->s, .flags = POLLOUT };
	struct vt_bg bg;

	ASSERT_EQ(0, vt_connect(self->s, "@r"));
	ASSERT_EQ(QLEN + 1, fill_queue(self->s));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_poll, &io));
	ASSERT_EQ(0, close(self->r));
	ASSERT_EQ(POLLOUT, vt_bg_join(&bg));
	ASSERT_EQ(OUT, vt_poll(self->s, ALL_EVENTS));
	ASSERT_ERR(ECONNREFUSED, send(self->s, "x", 1, MSG_DONTWAIT));
	PROVES("POLL-06");
}

TEST_F(any, sleeper)
{
	struct vt_io io = { .fd = self->a, .flags = POLLIN };
	struct vt_bg bg;

	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_poll, &io));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(POLLIN, vt_bg_join(&bg));
	ASSERT_TRUE(take(self->a));

	/* Data is no RDHUP, RDHUP no HUP. */
	io.flags = variant->type == SOCK_DGRAM ? POLLIN : POLLRDHUP;
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_poll, &io));
	if (variant->type == SOCK_DGRAM) {
		ASSERT_EQ(0, shutdown(self->a, SHUT_RD));
		ASSERT_EQ(POLLIN, vt_bg_join(&bg));
	} else {
		ASSERT_EQ(1, send(self->b, "x", 1, 0));
		ASSERT_EQ(0, vt_wait_asleep(bg.tid));
		ASSERT_EQ(0, shutdown(self->b, SHUT_WR));
		ASSERT_EQ(POLLRDHUP, vt_bg_join(&bg));
		ASSERT_TRUE(take(self->a));
	}

	io.flags = 0;
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_poll, &io));
	if (variant->type == SOCK_DGRAM) {
		ASSERT_EQ(0, close(self->b));
		ASSERT_EQ(0, vt_wait_asleep(bg.tid));
		ASSERT_EQ(0, shutdown(self->a, SHUT_WR));
	} else {
		ASSERT_EQ(0, close(self->b));
	}
	ASSERT_EQ(POLLHUP, vt_bg_join(&bg));
	PROVES("POLL-07");
}

TEST_F(any, reader_drains)
{
	struct vt_io io = { .fd = self->a, .flags = POLLOUT };
	struct vt_bg bg[2];
	int i, taken = 0;

	ASSERT_LT(0, vt_fill(self->a));
	ASSERT_EQ(0, vt_poll(self->a, ALL_EVENTS));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, vt_bg_block(&bg[i], vt_io_poll, &io));
	/* A little is not enough, below the threshold they wake. */
	ASSERT_TRUE(take(self->b));
	ASSERT_EQ(0, vt_wait_asleep(bg[0].tid));
	while (!writable(self->a) && take(self->b))
		taken++;
	ASSERT_LT(0, taken);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(POLLOUT, vt_bg_join(&bg[i]));
	ASSERT_EQ(OUT, vt_poll(self->a, ALL_EVENTS));
	PROVES("POLL-08", "POLL-09");
}

/* What select() says: 1 read, 2 write, 4 exception. */
static int do_select(int fd)
{
	struct timeval none = {};
	fd_set r, w, x;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(fd, &r);
	FD_SET(fd, &w);
	FD_SET(fd, &x);
	if (select(fd + 1, &r, &w, &x, &none) < 0)
		return -1;
	return (FD_ISSET(fd, &r) ? 1 : 0) + (FD_ISSET(fd, &w) ? 2 : 0) +
	       (FD_ISSET(fd, &x) ? 4 : 0);
}

TEST_F(stream, select)
{
	int fresh = vt_socket(variant->family, SOCK_STREAM);
	struct vt_io io = { .fd = self->a, .flags = POLLPRI };
	struct vt_bg bg;
	char c;

	ASSERT_EQ(2, do_select(self->a));
	/* HUP counts as readable. */
	ASSERT_EQ(3, do_select(fresh));

	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_poll, &io));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(3, do_select(self->a));
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	ASSERT_EQ(1, send(self->b, "!", 1, MSG_OOB));
	ASSERT_EQ(POLLPRI, vt_bg_join(&bg));
	ASSERT_EQ(7, do_select(self->a));
	ASSERT_EQ(2, do_select(self->b));

	ASSERT_EQ(1, recv(self->a, &c, 1, MSG_OOB));
	ASSERT_EQ('!', c);
	ASSERT_EQ(3, do_select(self->a));
	PROVES("POLL-10");
}

TEST_F(any, full_and_shut)
{
	ASSERT_LT(0, vt_fill(self->a));
	ASSERT_EQ(0, shutdown(self->a, SHUT_WR));
	ASSERT_EQ(0, vt_poll(self->a, ALL_EVENTS));
	while (!writable(self->a))
		ASSERT_TRUE(take(self->b));
	ASSERT_EQ(OUT, vt_poll(self->a, ALL_EVENTS));
	PROVES("POLL-11");
}

TEST_HARNESS_MAIN
