// SPDX-License-Identifier: GPL-2.0
/*
 * connect() of datagram sockets: CONN-16 ... CONN-21.
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

FIXTURE(dgram) {
	struct vt_env env;
	int a;
	int b;
	int c;
};

FIXTURE_VARIANT(dgram) {
	int family;
};

VT_FAMILIES(dgram);

/* Three sockets, bound to "a", "b" and the abstract name "c". */
FIXTURE_SETUP(dgram)
{
	VT_SETUP();
	self->a = vt_socket(variant->family, SOCK_DGRAM | SOCK_NONBLOCK);
	self->b = vt_socket(variant->family, SOCK_DGRAM | SOCK_NONBLOCK);
	self->c = vt_socket(variant->family, SOCK_DGRAM | SOCK_NONBLOCK);
	ASSERT_EQ(0, vt_bind(self->a, "a"));
	ASSERT_EQ(0, vt_bind(self->b, "b"));
	ASSERT_EQ(0, vt_bind(self->c, "@c"));
}

FIXTURE_TEARDOWN(dgram)
{
	VT_TEARDOWN();
}

static int dissolve(int fd, socklen_t len)
{
	struct sockaddr_un un = { .sun_family = AF_UNSPEC };

	return connect(fd, (struct sockaddr *)&un, len);
}

/* The one byte that is queued, or -1 with errno. */
static int take(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) == 1 ? c : -1;
}

static int peer_is(int fd, const char *name)
{
	struct sockaddr_un want, un;
	socklen_t n = vt_addr(&want, name), len = sizeof(un);

	if (getpeername(fd, (struct sockaddr *)&un, &len))
		return 0;
	return len == n && !memcmp(&un, &want, n);
}

TEST_F(dgram, target_and_sender)
{
	ASSERT_EQ(0, vt_connect(self->a, "b"));
	ASSERT_TRUE(peer_is(self->a, "b"));
	ASSERT_EQ(1, send(self->a, "1", 1, 0));
	ASSERT_EQ('1', take(self->b));

	/* a hears b only, whether b is connected or not. */
	ASSERT_ERR(EPERM, vt_connect(self->c, "a"));
	ASSERT_ERR(EPERM, vt_sendto(self->c, "x", 1, 0, "a"));
	ASSERT_ERR(EPERM, vt_sendto(vt_socket(variant->family, SOCK_DGRAM),
				    "x", 1, 0, "a"));
	ASSERT_ERR(EAGAIN, take(self->a));
	ASSERT_EQ(1, vt_sendto(self->b, "2", 1, 0, "a"));
	ASSERT_EQ(0, vt_connect(self->b, "a"));
	ASSERT_EQ(1, send(self->b, "3", 1, 0));
	ASSERT_EQ('2', take(self->a));
	ASSERT_EQ('3', take(self->a));
	ASSERT_ERR(EPERM, vt_sendto(self->a, "x", 1, 0, "a"));

	/* The other way round nothing is restricted: b was not asked. */
	ASSERT_EQ(0, dissolve(self->b, 2));
	ASSERT_EQ(1, vt_sendto(self->c, "4", 1, 0, "b"));
	ASSERT_EQ('4', take(self->b));

	/* A connected socket may connect elsewhere; then the new one counts. */
	ASSERT_EQ(0, vt_connect(self->a, "@c"));
	ASSERT_ERR(EPERM, vt_sendto(self->b, "x", 1, 0, "a"));
	ASSERT_EQ(1, vt_sendto(self->c, "5", 1, 0, "a"));
	ASSERT_EQ('5', take(self->a));
	/* A refused connect leaves the association. */
	ASSERT_EQ(0, vt_connect(self->b, "@c"));
	ASSERT_ERR(EPERM, vt_connect(self->b, "a"));
	ASSERT_TRUE(peer_is(self->b, "@c"));
	PROVES("CONN-16");
}

TEST_F(dgram, dissolve)
{
	static const socklen_t len[] = { 2, 3, 16, 110, 128 };
	struct sockaddr_storage any = { .ss_family = AF_UNSPEC };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(len); i++) {
		ASSERT_EQ(0, vt_connect(self->a, "b"));
		ASSERT_ERR(EPERM, vt_sendto(self->c, "x", 1, 0, "a"));
		ASSERT_EQ(0, connect(self->a, (struct sockaddr *)&any,
				     len[i]));
		ASSERT_ERR(ENOTCONN, send(self->a, "x", 1, 0));
		ASSERT_FALSE(peer_is(self->a, "b"));
		ASSERT_EQ(1, vt_sendto(self->c, "x", 1, 0, "a"));
		ASSERT_EQ('x', take(self->a));
		/* Nothing to dissolve. */
		ASSERT_EQ(0, connect(self->a, (struct sockaddr *)&any,
				     len[i]));
	}
	ASSERT_EQ(0, vt_connect(self->a, "b"));
	ASSERT_ERR(EINVAL, dissolve(self->a, 1));
	ASSERT_ERR(EINVAL, dissolve(self->a, 0));
	ASSERT_TRUE(peer_is(self->a, "b"));
	PROVES("CONN-17");
}

TEST_F(dgram, queue_discarded)
{
	/* To another peer; b was connected back. */
	ASSERT_EQ(0, vt_connect(self->a, "b"));
	ASSERT_EQ(0, vt_connect(self->b, "a"));
	ASSERT_EQ(1, send(self->b, "1", 1, 0));
	ASSERT_EQ(1, send(self->b, "2", 1, 0));
	ASSERT_EQ(0, vt_connect(self->a, "@c"));
	ASSERT_ERR(EAGAIN, take(self->a));
	ASSERT_EQ(POLLERR, vt_poll(self->b, POLLIN));
	ASSERT_EQ(ECONNRESET, vt_getint(self->b, SOL_SOCKET, SO_ERROR));
	ASSERT_EQ(0, vt_getint(self->b, SOL_SOCKET, SO_ERROR));
	ASSERT_EQ(0, vt_getint(self->a, SOL_SOCKET, SO_ERROR));

	/* To none. */
	ASSERT_EQ(0, vt_connect(self->a, "b"));
	ASSERT_EQ(1, send(self->b, "3", 1, 0));
	ASSERT_EQ(0, dissolve(self->a, 2));
	ASSERT_ERR(EAGAIN, take(self->a));
	/* Fetched by the next call as well. */
	ASSERT_ERR(ECONNRESET, take(self->b));
	ASSERT_ERR(EAGAIN, take(self->b));

	/* Nothing was queued: no error. */
	ASSERT_EQ(0, vt_connect(self->a, "b"));
	ASSERT_EQ(0, vt_connect(self->a, "@c"));
	ASSERT_EQ(0, vt_getint(self->b, SOL_SOCKET, SO_ERROR));

	/* Not connected back: lost without a word. */
	ASSERT_EQ(0, dissolve(self->b, 2));
	ASSERT_EQ(0, vt_connect(self->a, "b"));
	ASSERT_EQ(1, vt_sendto(self->b, "4", 1, 0, "a"));
	ASSERT_EQ(0, vt_connect(self->a, "@c"));
	ASSERT_ERR(EAGAIN, take(self->a));
	ASSERT_EQ(0, vt_getint(self->b, SOL_SOCKET, SO_ERROR));

	/* A first peer is no change: what strangers sent stays. */
	ASSERT_EQ(0, dissolve(self->a, 2));
	ASSERT_EQ(1, vt_sendto(self->b, "5", 1, 0, "a"));
	ASSERT_EQ(0, vt_connect(self->a, "@c"));
	ASSERT_EQ('5', take(self->a));
	PROVES("CONN-18");
}

/* Who sleeps in a receive is told at once. */
TEST_F(dgram, discarded_wakes)
{
	char buf[8];
	struct vt_io in = { self->b, buf, sizeof(buf), 0 };
	struct vt_bg bg;

	ASSERT_EQ(0, vt_connect(self->a, "b"));
	ASSERT_EQ(0, vt_connect(self->b, "a"));
	ASSERT_EQ(1, send(self->b, "1", 1, 0));
	ASSERT_EQ(0, fcntl(self->b, F_SETFL, O_RDWR));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &in));
	ASSERT_EQ(0, vt_connect(self->a, "@c"));
	ASSERT_EQ(-1, vt_bg_join(&bg));
	ASSERT_EQ(ECONNRESET, bg.err);
	PROVES("CONN-18");
}

TEST_F(dgram, same_peer)
{
	ASSERT_EQ(0, vt_connect(self->a, "b"));
	ASSERT_EQ(0, vt_connect(self->b, "a"));
	ASSERT_EQ(1, send(self->b, "1", 1, 0));
	ASSERT_EQ(1, send(self->b, "2", 1, 0));
	ASSERT_EQ(0, vt_connect(self->a, "b"));
	ASSERT_EQ(0, vt_getint(self->b, SOL_SOCKET, SO_ERROR));
	ASSERT_EQ('1', take(self->a));
	ASSERT_EQ(0, vt_connect(self->a, "b"));
	ASSERT_EQ('2', take(self->a));
	ASSERT_ERR(EAGAIN, take(self->a));
	ASSERT_EQ(1, send(self->a, "3", 1, 0));
	ASSERT_EQ('3', take(self->b));
	PROVES("CONN-19");
}

TEST_F(dgram, itself)
{
	int i;

	/* Far more than the queue of a stranger would admit. */
	ASSERT_EQ(0, vt_write_num(vt_qlen_path(variant->family), 2));
	self->a = vt_socket(variant->family, SOCK_DGRAM | SOCK_NONBLOCK);
	ASSERT_EQ(0, vt_bind(self->a, "@self"));
	ASSERT_EQ(0, vt_connect(self->a, "@self"));
	ASSERT_TRUE(peer_is(self->a, "@self"));
	for (i = 0; i < 60; i++) {
		char c = 'A' + i;

		ASSERT_TRUE(vt_poll(self->a, POLLOUT) & POLLOUT);
		ASSERT_EQ(1, send(self->a, &c, 1, 0));
	}
	for (i = 0; i < 60; i++)
		ASSERT_EQ('A' + i, take(self->a));
	ASSERT_ERR(EAGAIN, take(self->a));

	/* Memory is what limits it. */
	ASSERT_LT(60, vt_fill(self->a));
	while (recv(self->a, &i, sizeof(i), 0) > 0)
		;
	/* Others are kept out, as by any association. */
	ASSERT_ERR(EPERM, vt_sendto(self->b, "x", 1, 0, "@self"));
	ASSERT_EQ(0, dissolve(self->a, 2));
	ASSERT_EQ(1, vt_sendto(self->b, "x", 1, 0, "@self"));
	PROVES("CONN-20");
}

TEST_F(dgram, nobody_there)
{
	ASSERT_LE(0, open("file", O_CREAT | O_RDWR, 0666));
	ASSERT_EQ(0, close(self->b));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->a, "b"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->a, "file"));

	/* And the association that was stays. */
	ASSERT_EQ(0, vt_connect(self->a, "@c"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->a, "b"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->a, "file"));
	ASSERT_TRUE(peer_is(self->a, "@c"));
	PROVES("CONN-21");
}

TEST_HARNESS_MAIN
