// SPDX-License-Identifier: GPL-2.0
/*
 * epoll: EPOLL-01 ... EPOLL-09.
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

#include <sys/epoll.h>

FIXTURE(any) {
	struct vt_env env;
	bool dgram;
	int ep;
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
	self->dgram = variant->type == SOCK_DGRAM;
	self->ep = epoll_create1(0);
	ASSERT_LE(0, self->ep);
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	self->a = sv[0];
	self->b = sv[1];
}

FIXTURE_TEARDOWN(any)
{
	VT_TEARDOWN();
}

FIXTURE(conn) {
	struct vt_env env;
	int ep;
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
	self->ep = epoll_create1(0);
	self->l = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(self->l, "@l"));
	ASSERT_EQ(0, listen(self->l, 20));
}

FIXTURE_TEARDOWN(conn)
{
	VT_TEARDOWN();
}

FIXTURE(one) {
	struct vt_env env;
	int ep;
};

FIXTURE_VARIANT(one) {
	int family;
};

VT_FAMILIES(one);

FIXTURE_SETUP(one)
{
	VT_SETUP();
	self->ep = epoll_create1(0);
	ASSERT_LE(0, self->ep);
}

FIXTURE_TEARDOWN(one)
{
	VT_TEARDOWN();
}

static int ctl(int ep, int op, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(ep, op, fd, &ev);
}

#define ADD(fd, events) ctl(self->ep, EPOLL_CTL_ADD, fd, events)
#define MOD(fd, events) ctl(self->ep, EPOLL_CTL_MOD, fd, events)

/* The events of the only socket in @ep that are ready now: 0 if none. */
static int ready(int ep)
{
	struct epoll_event ev[2];
	int n = epoll_wait(ep, ev, 2, 0);

	return n == 1 ? (int)ev[0].events : n ? -1 : 0;
}

/* The same, waiting for it. */
static long do_wait(void *p)
{
	struct vt_io *io = p;
	struct epoll_event ev;

	return epoll_wait(io->fd, &ev, 1, -1) == 1 ? (int)ev.events : -1;
}

static bool take(int fd, size_t len)
{
	char buf[1024];

	return recv(fd, buf, len, MSG_DONTWAIT) > 0;
}

TEST_F(any, level)
{
	struct vt_io io = { .fd = self->ep };
	struct vt_bg bg;
	int i;

	ASSERT_EQ(0, ADD(self->a, EPOLLIN));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(0, vt_bg_block(&bg, do_wait, &io));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(EPOLLIN, vt_bg_join(&bg));
	ASSERT_EQ(1, send(self->b, "y", 1, 0));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(EPOLLIN, ready(self->ep));
	ASSERT_TRUE(take(self->a, 1));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(EPOLLIN, ready(self->ep));
	ASSERT_TRUE(take(self->a, 1));
	ASSERT_EQ(0, ready(self->ep));
	PROVES("EPOLL-01");
}

TEST_F(any, edge_input)
{
	int i;

	ASSERT_EQ(0, ADD(self->a, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, ready(self->ep));
	/* What is older stays unread all the time. */
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(4, send(self->b, "abcd", 4, 0));
		ASSERT_EQ(EPOLLIN, ready(self->ep));
		ASSERT_EQ(0, ready(self->ep));
	}
	/* A read is no event, whether it takes a part or all. */
	ASSERT_TRUE(take(self->a, 2));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_TRUE(take(self->a, 4));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(4, send(self->b, "abcd", 4, 0));
	ASSERT_EQ(EPOLLIN, ready(self->ep));
	while (take(self->a, 4))
		;
	ASSERT_EQ(0, ready(self->ep));
	/* Two before it looks are one; what is gone again is none. */
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(EPOLLIN, ready(self->ep));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	while (take(self->a, 4))
		;
	ASSERT_EQ(0, ready(self->ep));
	PROVES("EPOLL-02");
}

/* The same with a thread asleep: no arrival may be missed. */
TEST_F(any, edge_input_sleeper)
{
	struct vt_io io = { .fd = self->ep };
	struct vt_bg bg;
	int i;

	ASSERT_EQ(0, ADD(self->a, EPOLLIN | EPOLLET));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, vt_bg_block(&bg, do_wait, &io));
		ASSERT_EQ(4, send(self->b, "abcd", 4, 0));
		ASSERT_EQ(EPOLLIN, vt_bg_join(&bg));
	}
	PROVES("EPOLL-02");
}

TEST_F(any, edge_output)
{
	struct vt_io io = { .fd = self->ep };
	struct vt_bg bg;

	ASSERT_EQ(0, ADD(self->a, EPOLLOUT | EPOLLET));
	ASSERT_EQ(EPOLLOUT, ready(self->ep));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_LT(0, vt_fill(self->a));
	ASSERT_EQ(0, ready(self->ep));

	/* Above the threshold: nothing. */
	ASSERT_TRUE(take(self->b, 1024));
	ASSERT_EQ(0, vt_poll(self->a, POLLOUT));
	ASSERT_EQ(0, ready(self->ep));
	while (take(self->b, 1024))
		;
	ASSERT_EQ(EPOLLOUT, ready(self->ep));
	ASSERT_EQ(0, ready(self->ep));

	/* And again, asleep. */
	ASSERT_LT(0, vt_fill(self->a));
	ASSERT_EQ(0, vt_bg_block(&bg, do_wait, &io));
	while (take(self->b, 1024))
		;
	ASSERT_EQ(EPOLLOUT, vt_bg_join(&bg));
	PROVES("EPOLL-03");
}

TEST_F(conn, hangup)
{
	const int all = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
	struct vt_io io = { .fd = self->ep };
	struct vt_bg bg;
	int sv[2];

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, ADD(sv[0], EPOLLIN | EPOLLRDHUP | EPOLLET));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(0, vt_bg_block(&bg, do_wait, &io));
	ASSERT_EQ(0, shutdown(sv[1], SHUT_WR));
	ASSERT_EQ(EPOLLIN | EPOLLRDHUP, vt_bg_join(&bg) & all);
	ASSERT_EQ(0, ready(self->ep));

	ASSERT_EQ(0, vt_bg_block(&bg, do_wait, &io));
	ASSERT_EQ(0, close(sv[1]));
	ASSERT_EQ(EPOLLIN | EPOLLRDHUP | EPOLLHUP, vt_bg_join(&bg) & all);
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(0, close(sv[0]));

	/* Straight to the close, with a reset. */
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, ADD(sv[0], EPOLLRDHUP | EPOLLET));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(1, send(sv[0], "x", 1, 0));
	ASSERT_EQ(0, close(sv[1]));
	ASSERT_EQ(EPOLLRDHUP | EPOLLHUP | EPOLLERR, ready(self->ep));
	ASSERT_EQ(0, ready(self->ep));
	PROVES("EPOLL-04");
}

TEST_F(any, oneshot)
{
	ASSERT_EQ(0, ADD(self->a, EPOLLIN | EPOLLONESHOT));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(EPOLLIN, ready(self->ep));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(1, send(self->b, "y", 1, 0));
	ASSERT_EQ(0, ready(self->ep));

	/* Armed again: what is there counts. */
	ASSERT_EQ(0, MOD(self->a, EPOLLIN | EPOLLONESHOT));
	ASSERT_EQ(EPOLLIN, ready(self->ep));
	ASSERT_EQ(0, ready(self->ep));
	while (take(self->a, 1))
		;
	ASSERT_EQ(0, MOD(self->a, EPOLLIN | EPOLLONESHOT));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(1, send(self->b, "z", 1, 0));
	ASSERT_EQ(EPOLLIN, ready(self->ep));
	ASSERT_EQ(0, ready(self->ep));
	PROVES("EPOLL-05");
}

TEST_F(one, edge_oneway)
{
	struct vt_io io = { .fd = self->ep };
	struct vt_bg bg;
	int r, s, i;

	ASSERT_EQ(0, vt_write_num(vt_qlen_path(variant->family), 2));
	r = vt_socket(variant->family, SOCK_DGRAM);
	s = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(r, "@r"));
	ASSERT_EQ(0, vt_connect(s, "@r"));
	ASSERT_EQ(0, ADD(s, EPOLLOUT | EPOLLET));
	ASSERT_EQ(EPOLLOUT, ready(self->ep));
	for (i = 0; i < 3; i++) {
		while (send(s, "x", 1, MSG_DONTWAIT) == 1)
			;
		ASSERT_EQ(EAGAIN, errno);
		ASSERT_EQ(0, ready(self->ep));
		if (i < 2) {
			ASSERT_TRUE(take(r, 1));
			ASSERT_EQ(EPOLLOUT, ready(self->ep));
		} else {
			ASSERT_EQ(0, vt_bg_block(&bg, do_wait, &io));
			ASSERT_TRUE(take(r, 1));
			ASSERT_EQ(EPOLLOUT, vt_bg_join(&bg));
		}
	}

	/* The last chance to hear of it: the receiver goes away. */
	while (send(s, "x", 1, MSG_DONTWAIT) == 1)
		;
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(0, vt_bg_block(&bg, do_wait, &io));
	ASSERT_EQ(0, close(r));
	ASSERT_EQ(EPOLLOUT, vt_bg_join(&bg));
	ASSERT_ERR(ECONNREFUSED, send(s, "x", 1, MSG_DONTWAIT));
	PROVES("EPOLL-06");
}

TEST_F(conn, edge_listener)
{
	struct vt_io io = { .fd = self->ep };
	struct vt_bg bg;
	int i;

	ASSERT_EQ(0, ADD(self->l, EPOLLIN | EPOLLOUT | EPOLLET));
	ASSERT_EQ(0, ready(self->ep));
	for (i = 0; i < 5; i++) {
		int c = vt_socket(variant->family, variant->type);

		/* Nobody accepts meanwhile. */
		if (i == 4)
			ASSERT_EQ(0, vt_bg_block(&bg, do_wait, &io));
		ASSERT_EQ(0, vt_connect(c, "@l"));
		if (i < 4)
			ASSERT_EQ(EPOLLIN, ready(self->ep));
		if (i == 4)
			ASSERT_EQ(EPOLLIN, vt_bg_join(&bg));
		ASSERT_EQ(0, ready(self->ep));
	}
	for (i = 0; i < 5; i++)
		ASSERT_LE(0, accept(self->l, NULL, NULL));
	ASSERT_EQ(0, ready(self->ep));
	PROVES("EPOLL-07");
}

TEST_F(conn, before_connect)
{
	int c = vt_socket(variant->family, variant->type);

	ASSERT_EQ(0, ADD(c, EPOLLIN | EPOLLOUT | EPOLLRDHUP));
	ASSERT_EQ(EPOLLOUT | EPOLLHUP, ready(self->ep));
	ASSERT_EQ(0, vt_connect(c, "@l"));
	ASSERT_EQ(EPOLLOUT, ready(self->ep));
	ASSERT_EQ(0, close(c));

	/* The same seen by edges: connecting is one. */
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, ADD(c, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
	ASSERT_EQ(EPOLLOUT | EPOLLHUP, ready(self->ep));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(0, vt_connect(c, "@l"));
	ASSERT_EQ(0, MOD(c, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
	ASSERT_EQ(EPOLLOUT, ready(self->ep));
	PROVES("EPOLL-08");
}

TEST_F(one, urgent)
{
	int sv[2];
	char c;

	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_EQ(0, ADD(sv[0], EPOLLPRI));
	ASSERT_EQ(1, send(sv[1], "x", 1, 0));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(1, send(sv[1], "!", 1, MSG_OOB));
	ASSERT_EQ(EPOLLPRI, ready(self->ep));
	ASSERT_EQ(EPOLLPRI, ready(self->ep));
	/* Reading what comes before it leaves it. */
	ASSERT_EQ(1, recv(sv[0], &c, 1, 0));
	ASSERT_EQ('x', c);
	ASSERT_EQ(EPOLLPRI, ready(self->ep));
	ASSERT_EQ(1, recv(sv[0], &c, 1, MSG_OOB));
	ASSERT_EQ('!', c);
	ASSERT_EQ(0, ready(self->ep));

	/* By edges: each new one. */
	ASSERT_EQ(0, MOD(sv[0], EPOLLPRI | EPOLLET));
	ASSERT_EQ(1, send(sv[1], "1", 1, MSG_OOB));
	ASSERT_EQ(EPOLLPRI, ready(self->ep));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(1, send(sv[1], "2", 1, MSG_OOB));
	ASSERT_EQ(EPOLLPRI, ready(self->ep));
	PROVES("EPOLL-09");
}

/* A socket that is closed leaves the set, asleep or not. */
TEST_F(any, closed_watched)
{
	struct vt_io io = { .fd = self->ep };
	struct vt_bg bg;
	int other[2];

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, other));
	ASSERT_EQ(0, ADD(self->a, EPOLLIN));
	ASSERT_EQ(0, ADD(other[0], EPOLLIN));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(EPOLLIN, ready(self->ep));
	ASSERT_EQ(0, close(self->a));
	ASSERT_EQ(0, ready(self->ep));
	ASSERT_EQ(0, vt_bg_block(&bg, do_wait, &io));
	ASSERT_EQ(1, send(other[1], "x", 1, 0));
	ASSERT_EQ(EPOLLIN, vt_bg_join(&bg));
	PROVES("EPOLL-01");
}

TEST_HARNESS_MAIN
