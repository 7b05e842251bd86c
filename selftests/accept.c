// SPDX-License-Identifier: GPL-2.0
/*
 * accept(): ACC-01 ... ACC-13.  ACC-13 says that SEQPACKET does all of it as
 * STREAM does, so every test of that variant proves its part of it.
 */
#include "vunix_test.h"

#include <sys/resource.h>

#ifndef SO_RIGHTS_NOTRUNC
#define SO_RIGHTS_NOTRUNC 85
#endif

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
	ASSERT_EQ(0, vt_bind(self->l, "@l"));
	ASSERT_EQ(0, listen(self->l, 20));
}

FIXTURE_TEARDOWN(conn)
{
	VT_TEARDOWN();
}

#define PROVES_ACC(...) do { \
	PROVES(__VA_ARGS__); \
	if (variant->type == SOCK_SEQPACKET) \
		PROVES("ACC-13"); \
} while (0)

VT_FIXTURE(dgram, VT_FAMILIES);

/* A client connected to "@l". */
static int client(int family, int type)
{
	int s = vt_socket(family, type);

	return vt_connect(s, "@l") ? -1 : s;
}

TEST_F(conn, refused)
{
	int s = vt_socket(variant->family, variant->type);
	int sv[2];

	ASSERT_EQ(0, fcntl(self->l, F_SETFL, O_NONBLOCK));
	ASSERT_ERR(EAGAIN, accept(self->l, NULL, NULL));
	ASSERT_ERR(EAGAIN, accept4(self->l, NULL, NULL, SOCK_NONBLOCK));

	/* Even when it may block. */
	ASSERT_ERR(EINVAL, accept(s, NULL, NULL));
	ASSERT_EQ(0, vt_bind(s, "@s"));
	ASSERT_ERR(EINVAL, accept(s, NULL, NULL));
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_ERR(EINVAL, accept(sv[0], NULL, NULL));
	ASSERT_ERR(EINVAL, accept(client(variant->family, variant->type),
				  NULL, NULL));
	PROVES_ACC("ACC-01");
}

TEST_F(dgram, refused)
{
	int s = vt_socket(variant->family, SOCK_DGRAM);
	int sv[2];

	ASSERT_ERR(EOPNOTSUPP, accept(s, NULL, NULL));
	ASSERT_EQ(0, vt_bind(s, "@s"));
	ASSERT_ERR(EOPNOTSUPP, accept(s, NULL, NULL));
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_DGRAM, sv));
	ASSERT_EQ(1, send(sv[1], "x", 1, 0));
	ASSERT_ERR(EOPNOTSUPP, accept(sv[0], NULL, NULL));
	PROVES("ACC-01");
}

TEST_F(conn, flags)
{
	static const int bad[] = { 1, SOCK_DGRAM, 0x10, 0x100000, 1 << 30 };
	unsigned int i;
	int a;

	for (i = 0; i < 4; i++) {
		int nonblock = i & 1 ? SOCK_NONBLOCK : 0;
		int cloexec = i & 2 ? SOCK_CLOEXEC : 0;

		ASSERT_LE(0, client(variant->family, variant->type));
		a = accept4(self->l, NULL, NULL, nonblock | cloexec);
		ASSERT_LE(0, a);
		ASSERT_EQ(O_RDWR | (nonblock ? O_NONBLOCK : 0),
			  fcntl(a, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
		ASSERT_EQ(cloexec ? FD_CLOEXEC : 0, fcntl(a, F_GETFD));
	}

	/* Refused before anything is taken. */
	ASSERT_LE(0, client(variant->family, variant->type));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_ERR(EINVAL, accept4(self->l, NULL, NULL, bad[i]));
		ASSERT_ERR(EINVAL, accept4(self->l, NULL, NULL,
					   bad[i] | SOCK_CLOEXEC));
	}

	ASSERT_EQ(0, fcntl(self->l, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, fcntl(self->l, F_SETFD, FD_CLOEXEC));
	a = accept(self->l, NULL, NULL);
	ASSERT_LE(0, a);
	ASSERT_EQ(O_RDWR, fcntl(a, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	ASSERT_EQ(0, fcntl(a, F_GETFD));
	PROVES_ACC("ACC-02");
}

TEST_F(conn, order)
{
	char c;
	int i, a;

	for (i = 0; i < 15; i++) {
		c = 'a' + i;
		ASSERT_EQ(1, send(client(variant->family, variant->type),
				  &c, 1, 0));
	}
	for (i = 0; i < 15; i++) {
		a = accept(self->l, NULL, NULL);
		ASSERT_EQ(1, recv(a, &c, 1, MSG_DONTWAIT));
		ASSERT_EQ('a' + i, c);
	}
	PROVES_ACC("ACC-03");
}

TEST_F(conn, client_gone)
{
	int a, s = client(variant->family, variant->type);
	char buf[8];

	ASSERT_EQ(3, send(s, "abc", 3, 0));
	ASSERT_EQ(0, close(s));
	a = accept(self->l, NULL, NULL);
	ASSERT_LE(0, a);
	ASSERT_EQ(3, recv(a, buf, sizeof(buf), 0));
	ASSERT_EQ(0, memcmp(buf, "abc", 3));
	ASSERT_EQ(0, recv(a, buf, sizeof(buf), 0));
	ASSERT_EQ(0, recv(a, buf, sizeof(buf), 0));

	/* Without data as well. */
	ASSERT_EQ(0, close(client(variant->family, variant->type)));
	a = accept(self->l, NULL, NULL);
	ASSERT_LE(0, a);
	ASSERT_EQ(0, recv(a, buf, sizeof(buf), 0));
	PROVES_ACC("ACC-04");
}

TEST_F(conn, shut_wakes)
{
	struct vt_io io = { .fd = self->l };
	struct vt_bg bg[2];

	ASSERT_EQ(0, vt_bg_block(&bg[0], vt_io_accept, &io));
	ASSERT_EQ(0, vt_bg_block(&bg[1], vt_io_accept, &io));
	ASSERT_EQ(0, shutdown(self->l, SHUT_RD));
	ASSERT_EQ(-1, vt_bg_join(&bg[0]));
	ASSERT_EQ(EINVAL, bg[0].err);
	ASSERT_EQ(-1, vt_bg_join(&bg[1]));
	ASSERT_EQ(EINVAL, bg[1].err);
	PROVES_ACC("ACC-05");
}

TEST_F(conn, shut_keeps_pending)
{
	int a, i, s[2];
	char c;

	for (i = 0; i < 2; i++)
		s[i] = client(variant->family, variant->type);
	ASSERT_EQ(0, shutdown(self->l, SHUT_RD));
	for (i = 0; i < 2; i++) {
		a = accept(self->l, NULL, NULL);
		ASSERT_LE(0, a);
		ASSERT_EQ(1, send(s[i], "x", 1, 0));
		ASSERT_EQ(1, recv(a, &c, 1, MSG_DONTWAIT));
	}
	ASSERT_ERR(EINVAL, accept(self->l, NULL, NULL));
	/* Who does not wait never learns of the shutdown. */
	ASSERT_EQ(0, fcntl(self->l, F_SETFL, O_NONBLOCK));
	ASSERT_ERR(EAGAIN, accept(self->l, NULL, NULL));
	PROVES_ACC("ACC-06");
}

TEST_F(conn, timeout)
{
	long long start;

	ASSERT_EQ(0, vt_set_timeo(self->l, SO_RCVTIMEO, 30));
	start = vt_ticks_ms();
	ASSERT_ERR(EAGAIN, accept(self->l, NULL, NULL));
	ASSERT_LE(start + 20, vt_ticks_ms());
	ASSERT_LE(0, client(variant->family, variant->type));
	ASSERT_LE(0, accept(self->l, NULL, NULL));
	PROVES_ACC("ACC-07");
}

TEST_F(conn, table_full)
{
	struct rlimit old, now;
	int a, s = client(variant->family, variant->type);
	char c;

	ASSERT_EQ(1, send(s, "x", 1, 0));
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	now = old;
	now.rlim_cur = dup(s);		/* the lowest that is free */
	ASSERT_EQ(0, close(now.rlim_cur));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &now));
	ASSERT_ERR(EMFILE, accept(self->l, NULL, NULL));
	ASSERT_ERR(EMFILE, accept(self->l, NULL, NULL));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));

	ASSERT_EQ(POLLIN, vt_poll(self->l, POLLIN));
	a = accept(self->l, NULL, NULL);
	ASSERT_LE(0, a);
	ASSERT_EQ(1, recv(a, &c, 1, MSG_DONTWAIT));
	ASSERT_EQ('x', c);
	ASSERT_EQ(0, vt_poll(self->l, POLLIN));
	PROVES_ACC("ACC-08");
}

/*
 * What a listener hands on.  vunix has the younger ones at its own level,
 * where they can be reached on every kernel.
 */
struct flag {
	int opt;		/* of SOL_SOCKET */
	int own;		/* of SOL_VUNIX, if there is one */
	int other;		/* a value that is not the default */
	int major, minor;	/* AF_UNIX has it since */
	bool readable;		/* at SOL_SOCKET */
};

static const struct flag flags[] = {
	{ SO_PASSCRED, 0, 1, 0, 0, true },
	{ SO_PASSSEC, 0, 1, 0, 0, true },
	{ SO_PASSPIDFD, 0, 1, 6, 5, true },
	{ SO_PASSRIGHTS, VUNIX_PASSRIGHTS, 0, 6, 16, true },
	{ SO_RIGHTS_NOTRUNC, VUNIX_RIGHTS_NOTRUNC, 1, 7, 3, false },
};

static bool own_level(int family, const struct flag *f)
{
	return !vt_is_unix(family) && f->own;
}

static int set_flag(int family, int fd, const struct flag *f, int val)
{
	if (own_level(family, f))
		return vt_setint(fd, SOL_VUNIX, f->own, val);
	return vt_setint(fd, SOL_SOCKET, f->opt, val);
}

/* The value, or -1 if nothing can tell. */
static int get_flag(int family, int fd, const struct flag *f)
{
	if (own_level(family, f))
		return vt_getint(fd, SOL_VUNIX, f->own);
	return f->readable ? vt_getint(fd, SOL_SOCKET, f->opt) : -1;
}

/* Is the option out of reach, on this kernel and for this family? */
static bool no_flag(int family, const struct flag *f)
{
	return !own_level(family, f) && vt_kernel_older(f->major, f->minor);
}

TEST_F(conn, inherited)
{
	unsigned int i, j;
	int a, want;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		if (no_flag(variant->family, &flags[i])) {
			ASSERT_ERR(ENOPROTOOPT, vt_setint(self->l, SOL_SOCKET,
							  flags[i].opt, 1));
			continue;
		}
		ASSERT_EQ(0, set_flag(variant->family, self->l, &flags[i],
				      flags[i].other));
		/* This one and no other. */
		ASSERT_LE(0, client(variant->family, variant->type));
		a = accept(self->l, NULL, NULL);
		for (j = 0; j < ARRAY_SIZE(flags); j++) {
			if (no_flag(variant->family, &flags[j]))
				continue;
			want = i == j ? flags[j].other : !flags[j].other;
			if (!own_level(variant->family, &flags[j]) &&
			    !flags[j].readable)
				want = -1;
			ASSERT_EQ(want, get_flag(variant->family, a,
						 &flags[j]));
		}
		ASSERT_EQ(0, set_flag(variant->family, self->l, &flags[i],
				      !flags[i].other));
	}
	PROVES_ACC("ACC-09");
}

TEST_F(conn, inherited_at_connect)
{
	unsigned int i;
	int a, val;

	if (VT_UNIX_OLDER(6, 16)) {
		SKIP_ROWS("AF_UNIX older than 6.16", "ACC-10");
		SKIP(return, "AF_UNIX older than 6.16");
	}
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		if (no_flag(variant->family, &flags[i]))
			continue;
		for (val = 0; val < 2; val++) {
			ASSERT_EQ(0, set_flag(variant->family, self->l,
					      &flags[i], val));
			ASSERT_LE(0, client(variant->family, variant->type));
			ASSERT_EQ(0, set_flag(variant->family, self->l,
					      &flags[i], !val));
			a = accept(self->l, NULL, NULL);
			if (get_flag(variant->family, self->l, &flags[i]) >= 0)
				ASSERT_EQ(val, get_flag(variant->family, a,
							&flags[i]));
		}
	}
	PROVES_ACC("ACC-10");
}

/* Does a receive on @fd report what is left (SO_INQ)? */
static bool reports_inq(int from, int fd)
{
	char buf[64], data[4];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = buf, .msg_controllen = sizeof(buf),
	};

	return send(from, "abc", 3, 0) == 3 && recvmsg(fd, &msg, 0) == 3 &&
	       msg.msg_controllen;
}

TEST_F(conn, not_inherited)
{
	int fresh = vt_socket(variant->family, variant->type);
	static const int bufs[] = { SO_SNDBUF, SO_RCVBUF };
	static const int timeos[] = { SO_RCVTIMEO, SO_SNDTIMEO };
	int a, i, s, inq;
	struct timeval tv;
	socklen_t len = sizeof(tv);

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_setint(self->l, SOL_SOCKET, bufs[i], 20000));
		ASSERT_EQ(0, vt_set_timeo(self->l, timeos[i], 20000));
	}
	if (variant->family == AF_UNIX)
		inq = vt_setint(self->l, SOL_SOCKET, SO_INQ, 1);
	else
		inq = vt_setint(self->l, SOL_VUNIX, VUNIX_INQ, 1);
	ASSERT_EQ(variant->type == SOCK_STREAM && !VT_UNIX_OLDER(6, 17) ?
		  0 : -1, inq);

	s = client(variant->family, variant->type);
	a = accept(self->l, NULL, NULL);
	for (i = 0; i < 2; i++) {
		ASSERT_NE(40000, vt_getint(fresh, SOL_SOCKET, bufs[i]));
		ASSERT_EQ(vt_getint(fresh, SOL_SOCKET, bufs[i]),
			  vt_getint(a, SOL_SOCKET, bufs[i]));
		ASSERT_EQ(0, getsockopt(a, SOL_SOCKET, timeos[i], &tv, &len));
		ASSERT_EQ(0, tv.tv_sec);
		ASSERT_EQ(0, tv.tv_usec);
	}
	ASSERT_FALSE(reports_inq(s, a));
	if (!inq) {
		/* The probe itself can tell. */
		if (variant->family == AF_UNIX)
			inq = vt_setint(a, SOL_SOCKET, SO_INQ, 1);
		else
			inq = vt_setint(a, SOL_VUNIX, VUNIX_INQ, 1);
		ASSERT_EQ(0, inq);
		ASSERT_TRUE(reports_inq(s, a));
	}
	PROVES_ACC("ACC-11");
}

TEST_F(conn, connect_wakes)
{
	struct vt_io io = { .fd = self->l };
	struct vt_bg bg;
	char c;
	int s;

	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_accept, &io));
	s = client(variant->family, variant->type);
	ASSERT_LE(0, s);
	ASSERT_LE(0, vt_bg_join(&bg));
	ASSERT_EQ(1, send(s, "x", 1, 0));
	ASSERT_EQ(1, recv(bg.ret, &c, 1, MSG_DONTWAIT));
	PROVES_ACC("ACC-12");
}

TEST_HARNESS_MAIN
