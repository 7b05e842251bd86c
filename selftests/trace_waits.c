// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints vunix_block and vunix_wake: each sleep has both, and they tell what
 * the call waits for and, where that is known, at whom.
 */
#define TRACE_ENABLE	"events/vunix/vunix_block/enable", \
			"events/vunix/vunix_wake/enable"
#include "trace.h"

FIXTURE(trace_waits)
{
	struct vt_env env;
	struct event e[EVENTS];
	int nr;
	struct vt_bg bg;
	struct vt_io io;
	char buf[4096];
};

FIXTURE_VARIANT(trace_waits)
{
	int family;
	int type;
};

VT_VUNIX_TYPES(trace_waits);

FIXTURE_SETUP(trace_waits)
{
	VT_SETUP();
	self->io.buf = self->buf;
	self->io.len = 1;
}

FIXTURE_TEARDOWN(trace_waits)
{
	VT_TEARDOWN();
}

/* Everything that @fd has got */
static void drain(int fd, char *buf, size_t len)
{
	while (recv(fd, buf, len, MSG_DONTWAIT) > 0)
		;
}

/*
 * Since START() it was only @id that slept, perhaps more than once, and always for
 * @what at @peer.  (Events of two processors may be shown in another order.)
 */
#define SLEPT(id, peer, what) do { \
	char __want[400]; \
	unsigned long long __ns; \
	int __i, __blocks; \
	\
	self->nr = trace_take(self->e, "vunix_block", true); \
	ASSERT_LT(0, self->nr); \
	__blocks = self->nr; \
	for (__i = 0; __i < self->nr; __i++) \
		EVENT(__i, "vunix_block", \
		      "id=%llu peer=%llu type=%s waits_for=%s", id, peer, \
		      TYPE, what); \
	self->nr = trace_take(self->e, "vunix_wake", true); \
	ASSERT_EQ(__blocks, self->nr); \
	trace_want(__want, sizeof(__want), \
		   "id=%llu peer=%llu type=%s waited_for=%s ns=", id, peer, \
		   TYPE, what); \
	for (__i = 0; __i < self->nr; __i++) { \
		ASSERT_STREQ("vunix_wake", self->e[__i].name); \
		ASSERT_EQ(0, strncmp(self->e[__i].fields, __want, \
				     strlen(__want))) \
			TH_LOG("%s, not %s", self->e[__i].fields, __want); \
		__ns = strtoull(self->e[__i].fields + strlen(__want), NULL, \
				10); \
		ASSERT_NE(0U, __ns); \
	} \
} while (0)

/* recv() of an empty queue: at the other end, if there can be only one */
TEST_F(trace_waits, for_data)
{
	unsigned long long a, b;
	int sv[2];

	NEED_TRACEFS();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	a = diag_cookie(sv[0]);
	b = diag_cookie(sv[1]);
	START();
	self->io.fd = sv[1];
	ASSERT_EQ(0, vt_bg_block(&self->bg, vt_io_recv, &self->io));
	ASSERT_EQ(1, send(sv[0], "x", 1, 0));
	ASSERT_EQ(1, vt_bg_join(&self->bg));
	SLEPT(b, variant->type == SOCK_DGRAM ? 0 : a, "data");
}

/*
 * send() of more than SO_SNDBUF: at who has it and does not read.  Of datagrams
 * many may have it.
 */
TEST_F(trace_waits, for_room)
{
	unsigned long long a, b;
	int sv[2];

	NEED_TRACEFS();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	a = diag_cookie(sv[0]);
	b = diag_cookie(sv[1]);
	ASSERT_LT(0, vt_fill(sv[0]));
	START();
	self->io.fd = sv[0];
	ASSERT_EQ(0, vt_bg_block(&self->bg, vt_io_send, &self->io));
	drain(sv[1], self->buf, sizeof(self->buf));
	ASSERT_EQ(1, vt_bg_join(&self->bg));
	SLEPT(a, variant->type == SOCK_DGRAM ? 0 : b, "room");
}

/* send() to a full queue of datagrams, connect() to a full backlog: at its owner */
TEST_F(trace_waits, for_peer)
{
	unsigned long long a, b;
	int s, t, u;

	NEED_TRACEFS();
	s = vt_socket(variant->family, variant->type);
	t = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(s, "@s"));
	b = diag_cookie(s);
	if (variant->type == SOCK_DGRAM) {
		ASSERT_EQ(0, vt_connect(t, "@s"));
		a = diag_cookie(t);
		ASSERT_LT(0, vt_fill(t));
		START();
		self->io.fd = t;
		ASSERT_EQ(0, vt_bg_block(&self->bg, vt_io_send, &self->io));
		drain(s, self->buf, sizeof(self->buf));
		ASSERT_EQ(1, vt_bg_join(&self->bg));
	} else {
		ASSERT_EQ(0, listen(s, 0));
		ASSERT_EQ(0, vt_connect(t, "@s"));
		u = vt_socket(variant->family, variant->type);
		a = diag_cookie(u);
		START();
		self->io.fd = u;
		self->io.buf = "@s";
		ASSERT_EQ(0, vt_bg_block(&self->bg, vt_io_connect, &self->io));
		ASSERT_LE(0, accept(s, NULL, NULL));
		ASSERT_EQ(0, vt_bg_join(&self->bg));
	}
	SLEPT(a, b, "peer");
}

/* accept(): nobody knows at whom */
TEST_F(trace_waits, for_connection)
{
	unsigned long long a;
	int s, t;

	NEED_TRACEFS();
	s = vt_socket(variant->family, variant->type);
	t = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(s, "@s"));
	a = diag_cookie(s);
	START();
	self->io.fd = s;
	if (variant->type == SOCK_DGRAM) {
		ASSERT_ERR(EOPNOTSUPP, vt_io_accept(&self->io));
		ASSERT_EQ(0, trace_take(self->e, "vunix_", true));
		return;
	}
	ASSERT_EQ(0, listen(s, 0));
	ASSERT_EQ(0, vt_bg_block(&self->bg, vt_io_accept, &self->io));
	ASSERT_EQ(0, vt_connect(t, "@s"));
	ASSERT_LE(0, vt_bg_join(&self->bg));
	SLEPT(a, 0ULL, "connection");
}

TEST_HARNESS_MAIN
