// SPDX-License-Identifier: GPL-2.0
/*
 * Names as they are reported: getsockname(), getpeername(), accept(),
 * recvfrom(), SO_PEERNAME.
 *
 * Rows: NAME-01 NAME-02 NAME-03 NAME-04 NAME-05 NAME-06 NAME-07 NAME-08
 * NAME-09 NAME-10 NAME-11 NAME-12
 */
#include "vunix_test.h"

#include <limits.h>

FIXTURE(name)
{
	struct vt_env env;
	int s;
};

FIXTURE_VARIANT(name)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(name);

FIXTURE_SETUP(name)
{
	VT_SETUP();
	self->s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(name)
{
	VT_TEARDOWN();
}

/* An address as a call returned it; @buf is poisoned behind @len. */
struct name {
	int err;
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		unsigned char buf[160];
	};
};

static struct name name_start(void)
{
	struct name n;

	memset(&n, 0x55, sizeof(n));
	n.err = 0;
	n.len = sizeof(n.buf);
	return n;
}

static struct name sock_name(int fd)
{
	struct name n = name_start();

	n.err = vt_err(getsockname(fd, &n.sa, &n.len));
	return n;
}

static struct name peer_name(int fd)
{
	struct name n = name_start();

	n.err = vt_err(getpeername(fd, &n.sa, &n.len));
	return n;
}

/* Receive a byte; the name of its sender. */
static struct name sender_name(int fd)
{
	struct name n = name_start();
	char c;

	n.err = vt_err(recvfrom(fd, &c, 1, MSG_DONTWAIT, &n.sa, &n.len));
	return n;
}

static bool untouched(const struct name *n, size_t from)
{
	while (from < sizeof(n->buf))
		if (n->buf[from++] != 0x55)
			return false;
	return true;
}

static bool is_unnamed(struct name n)
{
	return !n.err && n.len == 2 && n.un.sun_family == AF_UNIX &&
	       untouched(&n, 2);
}

/* Exactly this name, and not a byte written behind it. */
static bool is_name(struct name n, const char *want)
{
	struct sockaddr_un un;
	socklen_t len = vt_addr(&un, want);

	return !n.err && n.len == len && !memcmp(&un, n.buf, len) &&
	       untouched(&n, len);
}

/* No name at all: length 0. */
static bool is_absent(struct name n)
{
	return !n.err && n.len == 0 && untouched(&n, 0);
}

TEST_F(name, unnamed)
{
	int sv[2];

	ASSERT_TRUE(is_unnamed(sock_name(self->s)));
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_TRUE(is_unnamed(sock_name(sv[0])));
	ASSERT_TRUE(is_unnamed(peer_name(sv[0])));
	PROVES("NAME-01");
}

TEST_F(name, path)
{
	struct name n;

	ASSERT_EQ(0, vt_bind(self->s, "./name"));
	n = sock_name(self->s);
	ASSERT_TRUE(is_name(n, "./name"));
	ASSERT_EQ(VT_UN_OFF + 7, n.len);
	ASSERT_EQ(0, n.un.sun_path[6]);
	PROVES("NAME-02");
}

TEST_F(name, abstract)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct name n;
	socklen_t len;
	int s;

	/* Zeroes inside and at the end belong to the name. */
	memcpy(un.sun_path, "\0a\0b\0\0", 6);
	for (len = VT_UN_OFF + 1; len <= VT_UN_OFF + 6; len++) {
		s = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, bind(s, (struct sockaddr *)&un, len));
		n = sock_name(s);
		ASSERT_EQ(0, n.err);
		ASSERT_EQ(len, n.len);
		ASSERT_EQ(0, memcmp(&un, n.buf, len));
		ASSERT_TRUE(untouched(&n, len));
	}
	PROVES("NAME-03");
}

TEST_F(name, short_buffer)
{
	struct name n, full;
	socklen_t len, *lenp;
	unsigned int i;
	char *edge;

	ASSERT_EQ(0, vt_bind(self->s, "a-name"));
	full = sock_name(self->s);
	ASSERT_TRUE(is_name(full, "a-name"));
	for (i = 0; i <= full.len + 1; i++) {
		n = name_start();
		n.len = i;
		ASSERT_EQ(0, getsockname(self->s, &n.sa, &n.len));
		ASSERT_EQ(full.len, n.len);
		len = i < full.len ? i : full.len;
		ASSERT_EQ(0, memcmp(full.buf, n.buf, len));
		ASSERT_TRUE(untouched(&n, len));
	}
	n = name_start();
	n.len = -1;
	ASSERT_EQ(EINVAL, vt_err(getsockname(self->s, &n.sa, &n.len)));
	n.len = INT_MIN;
	ASSERT_EQ(EINVAL, vt_err(getsockname(self->s, &n.sa, &n.len)));
	ASSERT_TRUE(untouched(&n, 0));

	/* A buffer or a length that ends too early, at each byte. */
	for (i = 0; i < full.len; i++) {
		edge = vt_edge(i);
		ASSERT_TRUE(!!edge);
		len = full.len;
		ASSERT_EQ(EFAULT, vt_err(getsockname(self->s,
						     (void *)edge, &len)));
		/* What fits is enough if no more is asked for. */
		len = i;
		ASSERT_EQ(0, getsockname(self->s, (void *)edge, &len));
		ASSERT_EQ(full.len, len);
	}
	for (i = 0; i < 4; i++) {
		lenp = vt_edge(i);
		ASSERT_EQ(EFAULT, vt_err(getsockname(self->s, &n.sa, lenp)));
	}
	lenp = vt_edge(0);
	len = 0;
	ASSERT_EQ(0, getsockname(self->s, (void *)lenp, &len));
	ASSERT_EQ(full.len, len);
	PROVES("NAME-04");
}

TEST_F(name, no_peer)
{
	struct vt_trio t;

	ASSERT_EQ(ENOTCONN, peer_name(self->s).err);
	ASSERT_EQ(0, vt_bind(self->s, "@s"));
	ASSERT_EQ(ENOTCONN, peer_name(self->s).err);
	if (variant->type != SOCK_DGRAM) {
		ASSERT_EQ(0, vt_trio(variant->family, variant->type, "@l",
				     &t));
		ASSERT_EQ(ENOTCONN, peer_name(t.listener).err);
	} else {
		/* Being the target of a connection gives no peer. */
		t.client = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_connect(t.client, "@s"));
		ASSERT_EQ(ENOTCONN, peer_name(self->s).err);
		ASSERT_TRUE(is_name(peer_name(t.client), "@s"));
	}
	PROVES("NAME-05");
}

TEST_F(name, trio)
{
	static const char *const listeners[] = { "listener", "@listener" };
	struct vt_trio t;
	struct name n;
	unsigned int i;

	if (variant->type == SOCK_DGRAM)
		SKIP(return, "connection types only");
	for (i = 0; i < ARRAY_SIZE(listeners); i++) {
		const char *client = i ? "client" : "@client";
		const char *l = listeners[i];

		ASSERT_EQ(0, vt_trio(variant->family, variant->type, l, &t));
		ASSERT_TRUE(is_name(sock_name(t.accepted), l));
		ASSERT_TRUE(is_unnamed(peer_name(t.accepted)));
		ASSERT_TRUE(is_unnamed(sock_name(t.client)));
		ASSERT_TRUE(is_name(peer_name(t.client), l));

		/* A second client, bound before it connects. */
		t.client = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_bind(t.client, client));
		ASSERT_EQ(0, vt_connect(t.client, l));
		n = name_start();
		t.accepted = accept(t.listener, &n.sa, &n.len);
		ASSERT_LE(0, t.accepted);
		ASSERT_TRUE(is_name(n, client));
		ASSERT_TRUE(is_name(sock_name(t.accepted), l));
		ASSERT_TRUE(is_name(peer_name(t.accepted), client));
		ASSERT_TRUE(is_name(sock_name(t.client), client));
		ASSERT_TRUE(is_name(peer_name(t.client), l));

		/* And a third without a name. */
		t.client = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_connect(t.client, l));
		n = name_start();
		t.accepted = accept(t.listener, &n.sa, &n.len);
		ASSERT_LE(0, t.accepted);
		ASSERT_TRUE(is_unnamed(n));
	}
	PROVES("NAME-06", "NAME-07");
}

TEST_F(name, sender)
{
	int r = self->s, c, sv[2], i;
	struct vt_trio t;

	if (variant->type == SOCK_DGRAM) {
		ASSERT_EQ(0, vt_bind(r, "@receiver"));
		c = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(1, vt_sendto(c, "x", 1, 0, "@receiver"));
		ASSERT_TRUE(is_absent(sender_name(r)));
		/* The name when the datagram is read, not when it is sent. */
		ASSERT_EQ(1, vt_sendto(c, "x", 1, 0, "@receiver"));
		ASSERT_EQ(0, vt_bind(c, "sender"));
		ASSERT_TRUE(is_name(sender_name(r), "sender"));
		ASSERT_EQ(1, vt_sendto(c, "x", 1, 0, "@receiver"));
		ASSERT_EQ(0, close(c));
		ASSERT_TRUE(is_name(sender_name(r), "sender"));
		c = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_bind(c, "@sender"));
		ASSERT_EQ(0, vt_connect(c, "@receiver"));
		ASSERT_EQ(1, send(c, "x", 1, 0));
		ASSERT_TRUE(is_name(sender_name(r), "@sender"));
	} else {
		ASSERT_EQ(0, vt_trio(variant->family, variant->type,
				     "@listener", &t));
		ASSERT_EQ(1, send(t.accepted, "x", 1, 0));
		ASSERT_TRUE(is_name(sender_name(t.client), "@listener"));
		ASSERT_EQ(1, send(t.client, "x", 1, 0));
		ASSERT_TRUE(is_absent(sender_name(t.accepted)));
		ASSERT_EQ(0, vt_bind(t.client, "client"));
		ASSERT_EQ(1, send(t.client, "x", 1, 0));
		ASSERT_TRUE(is_name(sender_name(t.accepted), "client"));
	}
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(1, send(sv[0], "x", 1, 0));
	ASSERT_TRUE(is_absent(sender_name(sv[1])));
	ASSERT_EQ(0, vt_bind(sv[0], "@end"));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(1, send(sv[0], "x", 1, 0));
		ASSERT_TRUE(is_name(sender_name(sv[1]), "@end"));
	}
	if (variant->type == SOCK_DGRAM)
		PROVES("NAME-08");
	if (variant->type == SOCK_STREAM)
		PROVES("NAME-09");
}

TEST_F(name, peername_option)
{
	struct name n, full;
	unsigned int i;
	int sv[2];

	n = name_start();
	ASSERT_EQ(ENOTCONN, vt_err(getsockopt(self->s, SOL_SOCKET, SO_PEERNAME,
					      n.buf, &n.len)));
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	n.len = 2;
	ASSERT_EQ(0, getsockopt(sv[1], SOL_SOCKET, SO_PEERNAME, n.buf,
				&n.len));
	ASSERT_TRUE(is_unnamed(n));
	n.len = 3;
	ASSERT_EQ(EINVAL, vt_err(getsockopt(sv[1], SOL_SOCKET, SO_PEERNAME,
					    n.buf, &n.len)));

	ASSERT_EQ(0, vt_bind(sv[0], "end-of-it"));
	full = peer_name(sv[1]);
	ASSERT_TRUE(is_name(full, "end-of-it"));
	for (i = 0; i <= full.len + 3; i++) {
		n = name_start();
		n.len = i;
		n.err = vt_err(getsockopt(sv[1], SOL_SOCKET, SO_PEERNAME,
					  n.buf, &n.len));
		ASSERT_EQ(i <= full.len ? 0 : EINVAL, n.err);
		ASSERT_EQ(i, n.len);
		if (!n.err)
			ASSERT_EQ(0, memcmp(full.buf, n.buf, i));
		ASSERT_TRUE(untouched(&n, n.err ? 0 : i));
	}
	ASSERT_EQ(ENOPROTOOPT, vt_err(setsockopt(sv[1], SOL_SOCKET,
						 SO_PEERNAME, full.buf,
						 full.len)));
	PROVES("NAME-10");
}

TEST_F(name, peer_closed)
{
	struct vt_trio t;
	int sv[2];

	if (variant->type == SOCK_DGRAM)
		SKIP(return, "connection types only");
	ASSERT_EQ(0, vt_trio(variant->family, variant->type, "listener", &t));
	close(t.accepted);
	close(t.listener);
	ASSERT_TRUE(is_name(peer_name(t.client), "listener"));
	ASSERT_TRUE(is_unnamed(sock_name(t.client)));

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, vt_bind(sv[0], "@end"));
	close(sv[0]);
	ASSERT_TRUE(is_name(peer_name(sv[1]), "@end"));
	/* The name itself is free again. */
	ASSERT_EQ(0, vt_bind(self->s, "@end"));
	ASSERT_TRUE(is_name(peer_name(sv[1]), "@end"));
	PROVES("NAME-11");
}

TEST_F(name, inode_moves)
{
	int sv[2];

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, vt_bind(sv[0], "old"));
	ASSERT_EQ(0, rename("old", "new"));
	ASSERT_TRUE(is_name(sock_name(sv[0]), "old"));
	ASSERT_TRUE(is_name(peer_name(sv[1]), "old"));
	ASSERT_EQ(0, unlink("new"));
	ASSERT_TRUE(is_name(sock_name(sv[0]), "old"));
	ASSERT_TRUE(is_name(peer_name(sv[1]), "old"));
	ASSERT_EQ(1, send(sv[0], "x", 1, 0));
	ASSERT_TRUE(is_name(sender_name(sv[1]), "old"));
	PROVES("NAME-12");
}

TEST_HARNESS_MAIN
