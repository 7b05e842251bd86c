// SPDX-License-Identifier: GPL-2.0
/*
 * listen(): LISTEN-01 ... LISTEN-10, LIM-05.
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

#include <limits.h>

#define SOMAXCONN_PATH "/proc/sys/net/core/somaxconn"

FIXTURE(conn) {
	struct vt_env env;
	int l;
};

FIXTURE_VARIANT(conn) {
	int family;
	int type;
};

VT_FAMILIES_CONN(conn);

FIXTURE_SETUP(conn)
{
	VT_SETUP();
	self->l = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, self->l);
}

FIXTURE_TEARDOWN(conn)
{
	VT_TEARDOWN();
}

VT_FIXTURE(dgram, VT_FAMILIES);

/*
 * Connect without blocking until the listener @name is full: how many got in,
 * or -1 if it ended with another error than EAGAIN.  The clients stay open.
 */
static int fill_backlog(int family, int type, const char *name)
{
	int n, s;

	for (n = 0; n < 500; n++) {
		s = vt_socket(family, type | SOCK_NONBLOCK);
		if (s < 0)
			return -1;
		if (vt_connect(s, name)) {
			s = errno == EAGAIN ? n : -1;
			return s;
		}
	}
	return -1;
}

/* Accept all that is pending, without blocking: how many. */
static int drain_backlog(int l)
{
	int n = 0;

	fcntl(l, F_SETFL, O_NONBLOCK);
	while (accept(l, NULL, NULL) >= 0)
		n++;
	return errno == EAGAIN ? n : -1;
}

TEST_F(conn, unbound)
{
	ASSERT_ERR(EINVAL, listen(self->l, 5));
	ASSERT_EQ(0, vt_getint(self->l, SOL_SOCKET, SO_ACCEPTCONN));
	ASSERT_ERR(ENOENT, vt_bind(self->l, "no/l"));
	ASSERT_ERR(EINVAL, listen(self->l, 0));
	ASSERT_ERR(EINVAL, listen(self->l, -1));

	/* The refusal changed nothing. */
	ASSERT_EQ(0, vt_bind(self->l, "l"));
	ASSERT_EQ(0, listen(self->l, 5));
	PROVES("LISTEN-01");
}

TEST_F(dgram, refused)
{
	int s = vt_socket(variant->family, SOCK_DGRAM);
	int sv[2];

	ASSERT_LE(0, s);
	ASSERT_ERR(EOPNOTSUPP, listen(s, 5));
	ASSERT_EQ(0, vt_bind(s, "@d"));
	ASSERT_ERR(EOPNOTSUPP, listen(s, 5));
	ASSERT_EQ(0, vt_getint(s, SOL_SOCKET, SO_ACCEPTCONN));
	ASSERT_EQ(1, vt_sendto(s, "x", 1, 0, "@d"));

	ASSERT_EQ(0, vt_pair(variant->family, SOCK_DGRAM, sv));
	ASSERT_ERR(EOPNOTSUPP, listen(sv[0], 5));
	PROVES("LISTEN-02");
}

TEST_F(conn, again)
{
	ASSERT_EQ(0, vt_bind(self->l, "@l"));
	ASSERT_EQ(0, listen(self->l, 0));
	ASSERT_EQ(1, vt_getint(self->l, SOL_SOCKET, SO_ACCEPTCONN));
	ASSERT_EQ(1, fill_backlog(variant->family, variant->type, "@l"));

	/* A larger one admits more, what is pending stays. */
	ASSERT_EQ(0, listen(self->l, 3));
	ASSERT_EQ(1, vt_getint(self->l, SOL_SOCKET, SO_ACCEPTCONN));
	ASSERT_EQ(3, fill_backlog(variant->family, variant->type, "@l"));

	/* A smaller one admits none until enough are gone, and drops none. */
	ASSERT_EQ(0, listen(self->l, 1));
	ASSERT_EQ(0, fill_backlog(variant->family, variant->type, "@l"));
	ASSERT_LE(0, accept(self->l, NULL, NULL));
	ASSERT_LE(0, accept(self->l, NULL, NULL));
	ASSERT_EQ(0, fill_backlog(variant->family, variant->type, "@l"));
	ASSERT_LE(0, accept(self->l, NULL, NULL));
	ASSERT_EQ(1, fill_backlog(variant->family, variant->type, "@l"));
	ASSERT_EQ(2, drain_backlog(self->l));
	PROVES("LISTEN-03");
}

TEST_F(conn, connected)
{
	struct vt_trio t;
	int sv[2], s;

	ASSERT_EQ(0, vt_trio(variant->family, variant->type, "@t", &t));
	/* Unbound, it would be refused for that. */
	ASSERT_ERR(EINVAL, listen(t.client, 5));
	ASSERT_EQ(0, vt_bind(t.client, "@c"));
	ASSERT_ERR(EINVAL, listen(t.client, 5));
	ASSERT_ERR(EINVAL, listen(t.accepted, 5));

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, vt_bind(sv[0], "@p"));
	ASSERT_ERR(EINVAL, listen(sv[0], 5));

	/* Still what they were. */
	ASSERT_EQ(0, vt_getint(t.client, SOL_SOCKET, SO_ACCEPTCONN));
	ASSERT_EQ(0, vt_getint(t.accepted, SOL_SOCKET, SO_ACCEPTCONN));
	s = vt_socket(variant->family, variant->type);
	ASSERT_ERR(ECONNREFUSED, vt_connect(s, "@c"));
	ASSERT_EQ(1, send(t.client, "x", 1, 0));
	ASSERT_EQ(1, send(t.accepted, "x", 1, 0));
	PROVES("LISTEN-04");
}

TEST_F(conn, backlog)
{
	static const int backlog[] = { 0, 1, 2, 7, 40 };
	unsigned int i;

	ASSERT_EQ(0, vt_bind(self->l, "@l"));
	for (i = 0; i < ARRAY_SIZE(backlog); i++) {
		ASSERT_EQ(0, listen(self->l, 100));
		ASSERT_EQ(0, listen(self->l, backlog[i]));
		ASSERT_EQ(backlog[i] + 1,
			  fill_backlog(variant->family, variant->type, "@l"));
		ASSERT_EQ(backlog[i] + 1, drain_backlog(self->l));
	}
	PROVES("LISTEN-05", "LIM-05");
}

TEST_F(conn, negative)
{
	static const int backlog[] = { -1, -100, INT_MIN };
	unsigned int i;

	/* The maximum, made small enough to be seen. */
	ASSERT_EQ(0, vt_write_num(SOMAXCONN_PATH, 6));
	ASSERT_EQ(0, vt_bind(self->l, "@l"));
	for (i = 0; i < ARRAY_SIZE(backlog); i++) {
		ASSERT_EQ(0, listen(self->l, backlog[i]));
		ASSERT_EQ(7, fill_backlog(variant->family, variant->type,
					  "@l"));
		ASSERT_EQ(7, drain_backlog(self->l));
	}
	PROVES("LISTEN-06");
}

TEST_F(conn, somaxconn)
{
	int ns = open("/proc/self/ns/net", O_RDONLY);
	int other;

	ASSERT_LE(0, ns);
	ASSERT_EQ(0, vt_write_num(SOMAXCONN_PATH, 3));
	ASSERT_EQ(0, vt_bind(self->l, "@l"));
	ASSERT_EQ(0, listen(self->l, 20));
	ASSERT_EQ(4, fill_backlog(variant->family, variant->type, "@l"));
	ASSERT_EQ(4, drain_backlog(self->l));
	/* Up to it nothing is clamped. */
	ASSERT_EQ(0, listen(self->l, 2));
	ASSERT_EQ(3, fill_backlog(variant->family, variant->type, "@l"));
	ASSERT_EQ(3, drain_backlog(self->l));

	/* Another namespace has its own. */
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, vt_write_num(SOMAXCONN_PATH, 5));
	other = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(other, "@l"));
	ASSERT_EQ(0, listen(other, 20));
	ASSERT_EQ(6, fill_backlog(variant->family, variant->type, "@l"));
	/* The socket's namespace counts, not the caller's. */
	ASSERT_EQ(0, listen(self->l, 20));
	ASSERT_EQ(0, setns(ns, CLONE_NEWNET));
	ASSERT_EQ(4, fill_backlog(variant->family, variant->type, "@l"));
	PROVES("LISTEN-10");
}

TEST_F(conn, calls_on_listener)
{
	int other = vt_socket(variant->family, variant->type);
	int err = variant->type == SOCK_STREAM ? EINVAL : ENOTCONN;
	char c;

	ASSERT_EQ(0, vt_bind(self->l, "@l"));
	ASSERT_EQ(0, listen(self->l, 5));
	ASSERT_EQ(0, vt_bind(other, "@o"));
	ASSERT_EQ(0, listen(other, 5));

	/* Even with a connection pending, and although it may block. */
	ASSERT_EQ(0, vt_connect(vt_socket(variant->family, variant->type),
				"@l"));
	ASSERT_ERR(err, recv(self->l, &c, 1, 0));
	ASSERT_ERR(err, recv(self->l, &c, 1, MSG_DONTWAIT));
	ASSERT_ERR(err, recv(self->l, &c, 1, MSG_PEEK));
	ASSERT_ERR(err, read(self->l, &c, 1));
	ASSERT_ERR(ENOTCONN, send(self->l, "x", 1, 0));
	ASSERT_ERR(ENOTCONN, write(self->l, "x", 1));
	ASSERT_ERR(EINVAL, vt_connect(self->l, "@o"));
	ASSERT_ERR(EINVAL, vt_connect(self->l, "@l"));

	ASSERT_LE(0, accept(self->l, NULL, NULL));
	PROVES("LISTEN-07");
}

TEST_F(conn, larger_backlog_wakes)
{
	struct vt_bg bg[2];
	struct vt_io io[2];
	int i;

	ASSERT_EQ(0, vt_bind(self->l, "@l"));
	ASSERT_EQ(0, listen(self->l, 0));
	ASSERT_EQ(1, fill_backlog(variant->family, variant->type, "@l"));
	for (i = 0; i < 2; i++) {
		io[i].fd = vt_socket(variant->family, variant->type);
		io[i].buf = "@l";
		ASSERT_EQ(0, vt_bg_block(&bg[i], vt_io_connect, &io[i]));
	}

	ASSERT_EQ(0, listen(self->l, 5));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, vt_bg_join(&bg[i]));
	ASSERT_EQ(3, drain_backlog(self->l));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(1, send(io[i].fd, "x", 1, 0));
	PROVES("LISTEN-08");
}

TEST_F(conn, poll)
{
	const int all = VT_POLL_ALL | POLLRDNORM | POLLWRNORM | POLLWRBAND;
	struct vt_bg bg;
	struct vt_io io = { .fd = self->l, .flags = all };
	int c;

	ASSERT_EQ(0, vt_bind(self->l, "@l"));
	ASSERT_EQ(0, listen(self->l, 0));
	ASSERT_EQ(0, vt_poll(self->l, all));

	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_poll, &io));
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_connect(c, "@l"));
	ASSERT_EQ(POLLIN | POLLRDNORM, vt_bg_join(&bg));
	ASSERT_EQ(POLLIN | POLLRDNORM, vt_poll(self->l, all));
	/* Full or not, with data or not, and when the client has gone. */
	ASSERT_EQ(0, fill_backlog(variant->family, variant->type, "@l"));
	ASSERT_EQ(1, send(c, "x", 1, 0));
	ASSERT_EQ(POLLIN | POLLRDNORM, vt_poll(self->l, all));
	ASSERT_EQ(0, close(c));
	ASSERT_EQ(POLLIN | POLLRDNORM, vt_poll(self->l, all));

	ASSERT_LE(0, accept(self->l, NULL, NULL));
	ASSERT_EQ(0, vt_poll(self->l, all));
	PROVES("LISTEN-09");
}

TEST_HARNESS_MAIN
