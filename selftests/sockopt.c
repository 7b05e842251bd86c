// SPDX-License-Identifier: GPL-2.0
/*
 * SOL_SOCKET options that no other section of the contract covers.
 *
 * Rows: OPT-01 OPT-02 OPT-03 OPT-04 OPT-05 OPT-06 OPT-07 OPT-08 OPT-09 OPT-10
 * OPT-11 OPT-12
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

#include <limits.h>
#include <linux/sock_diag.h>
#include <sys/time.h>

FIXTURE(sockopt)
{
	struct vt_env env;
	long wmem_max, rmem_max;
	int s;
};

FIXTURE_VARIANT(sockopt)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(sockopt);

static long read_num(const char *path)
{
	char *text = vt_read_file(path);
	long num = text ? atol(text) : -1;

	free(text);
	return num;
}

FIXTURE_SETUP(sockopt)
{
	/* Older kernels show these in the initial namespace only. */
	self->wmem_max = read_num("/proc/sys/net/core/wmem_max");
	self->rmem_max = read_num("/proc/sys/net/core/rmem_max");
	VT_SETUP();
	self->s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(sockopt)
{
	VT_TEARDOWN();
}

static int set(int fd, int opt, int val)
{
	return vt_err(vt_setint(fd, SOL_SOCKET, opt, val));
}

static int get(int fd, int opt)
{
	return vt_getint(fd, SOL_SOCKET, opt);
}

/* Options as an unprivileged process sets them. */
struct as_user {
	int fd, opt, val;
};

static int set_as_user(void *p)
{
	struct as_user *u = p;

	return set(u->fd, u->opt, u->val);
}

TEST_F(sockopt, buffers)
{
	const struct {
		int opt, force, min;
		long max;
	} bufs[] = {
		{ SO_SNDBUF, SO_SNDBUFFORCE, 4608, self->wmem_max },
		{ SO_RCVBUF, SO_RCVBUFFORCE, 2304, self->rmem_max },
	};
	int s = self->s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bufs); i++) {
		struct as_user user = { s, bufs[i].force, 10000 };
		int opt = bufs[i].opt, force = bufs[i].force;
		int min = bufs[i].min;
		long max = bufs[i].max;

		ASSERT_LT(min, max);
		ASSERT_EQ(0, set(s, opt, 20000));
		ASSERT_EQ(40000, get(s, opt));
		ASSERT_EQ(0, set(s, opt, 0));
		ASSERT_EQ(min, get(s, opt));
		ASSERT_EQ(0, set(s, opt, min / 2));
		ASSERT_EQ(min, get(s, opt));
		ASSERT_EQ(0, set(s, opt, min / 2 + 1));
		ASSERT_EQ(min + 2, get(s, opt));
		ASSERT_EQ(0, set(s, opt, max));
		ASSERT_EQ(2 * max, get(s, opt));
		ASSERT_EQ(0, set(s, opt, max + 1));
		ASSERT_EQ(2 * max, get(s, opt));
		ASSERT_EQ(0, set(s, opt, INT_MAX));
		ASSERT_EQ(2 * max, get(s, opt));
		/* Taken as unsigned, so as large as can be. */
		ASSERT_EQ(0, set(s, opt, min));
		ASSERT_EQ(0, set(s, opt, -1));
		ASSERT_EQ(2 * max, get(s, opt));

		ASSERT_EQ(0, set(s, force, max + 1000));
		ASSERT_EQ(2 * (max + 1000), get(s, opt));
		ASSERT_EQ(0, set(s, force, -1));
		ASSERT_EQ(min, get(s, opt));
		ASSERT_EQ(EPERM, vt_run_as(VT_NOBODY, set_as_user, &user));
		ASSERT_EQ(min, get(s, opt));
		user.opt = opt;
		ASSERT_EQ(0, vt_run_as(VT_NOBODY, set_as_user, &user));
		ASSERT_EQ(20000, get(s, opt));
		ASSERT_EQ(-1, get(s, force));
		ASSERT_EQ(ENOPROTOOPT, errno);
	}
	PROVES("OPT-01");
}

TEST_F(sockopt, read_only_options)
{
	static const int opts[] = {
		SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_ACCEPTCONN,
		SO_PEERSEC,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(opts); i++) {
		ASSERT_EQ(ENOPROTOOPT, set(self->s, opts[i], 1))
			TH_LOG("option %d", opts[i]);
		ASSERT_EQ(ENOPROTOOPT, set(self->s, opts[i], 0));
	}
	ASSERT_EQ(variant->type, get(self->s, SO_TYPE));
	ASSERT_EQ(0, get(self->s, SO_PROTOCOL));
	ASSERT_EQ(0, get(self->s, SO_ACCEPTCONN));
	PROVES("OPT-02");
}

TEST_F(sockopt, unknown)
{
	static const int levels[] = {
		0, 6, 17, 41, 58, 132, 255, 263, 270, 284, -1, INT_MAX,
	};
	static const int opts[] = { 200, 255, 4096, 65536, -1, INT_MAX };
	unsigned int i, o;
	int val = 1;
	socklen_t len;

	for (o = 0; o < ARRAY_SIZE(opts); o++) {
		ASSERT_EQ(ENOPROTOOPT, set(self->s, opts[o], 1));
		len = sizeof(val);
		ASSERT_EQ(ENOPROTOOPT, vt_err(getsockopt(self->s, SOL_SOCKET,
							 opts[o], &val,
							 &len)));
		ASSERT_EQ(sizeof(val), len);
	}
	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		for (o = 0; o < 100; o++) {
			ASSERT_EQ(EOPNOTSUPP,
				  vt_err(vt_setint(self->s, levels[i], o, 1)))
				TH_LOG("level %d option %d", levels[i], o);
			len = sizeof(val);
			ASSERT_EQ(EOPNOTSUPP,
				  vt_err(getsockopt(self->s, levels[i], o,
						    &val, &len)));
		}
		/* Not even the arguments matter. */
		ASSERT_EQ(EOPNOTSUPP, vt_err(setsockopt(self->s, levels[i], 1,
							NULL, 4)));
		ASSERT_EQ(EINVAL, vt_err(setsockopt(self->s, levels[i], 1,
						    &val, -1)));
	}
	ASSERT_EQ(1, val);
	PROVES("OPT-03");
}

TEST_F(sockopt, lengths)
{
	char buf[16], *edge;
	socklen_t len, *lenp;
	int val = 1, i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(EINVAL, vt_err(setsockopt(self->s, SOL_SOCKET,
						    SO_REUSEADDR, &val, i)));
	ASSERT_EQ(EINVAL, vt_err(setsockopt(self->s, SOL_SOCKET, SO_REUSEADDR,
					    &val, -1)));
	ASSERT_EQ(EINVAL, vt_err(setsockopt(self->s, SOL_SOCKET, SO_REUSEADDR,
					    &val, INT_MIN)));
	ASSERT_EQ(0, get(self->s, SO_REUSEADDR));
	for (i = 0; i < 4; i++) {
		edge = vt_edge(i);
		ASSERT_TRUE(!!edge);
		ASSERT_EQ(EFAULT, vt_err(setsockopt(self->s, SOL_SOCKET,
						    SO_REUSEADDR, edge, 4)));
	}
	ASSERT_EQ(EFAULT, vt_err(setsockopt(self->s, SOL_SOCKET, SO_REUSEADDR,
					    NULL, 4)));
	ASSERT_EQ(0, get(self->s, SO_REUSEADDR));
	/* More than needed is fine. */
	memset(buf, 1, sizeof(buf));
	ASSERT_EQ(0, setsockopt(self->s, SOL_SOCKET, SO_REUSEADDR, buf, 16));
	ASSERT_EQ(1, get(self->s, SO_REUSEADDR));

	/* 1 in a buffer of each size; little or big endian. */
	for (i = 0; i <= 16; i++) {
		memset(buf, 0x55, sizeof(buf));
		len = i;
		ASSERT_EQ(0, getsockopt(self->s, SOL_SOCKET, SO_REUSEADDR, buf,
					&len));
		ASSERT_EQ(i < 4 ? i : 4, (int)len);
		val = 1;
		ASSERT_EQ(0, memcmp(buf, &val, len));
		ASSERT_EQ(0x55, buf[len]);
	}
	for (i = 0; i < 4; i++) {
		edge = vt_edge(i);
		len = 4;
		ASSERT_EQ(EFAULT, vt_err(getsockopt(self->s, SOL_SOCKET,
						    SO_REUSEADDR, edge,
						    &len)));
		len = i;
		ASSERT_EQ(0, getsockopt(self->s, SOL_SOCKET, SO_REUSEADDR,
					edge, &len));
		lenp = (void *)edge;
		ASSERT_EQ(EFAULT, vt_err(getsockopt(self->s, SOL_SOCKET,
						    SO_REUSEADDR, buf, lenp)));
	}
	len = -1;
	ASSERT_EQ(EINVAL, vt_err(getsockopt(self->s, SOL_SOCKET, SO_REUSEADDR,
					    buf, &len)));
	PROVES("OPT-04");
}

TEST_F(sockopt, linger)
{
	static const struct linger values[] = {
		{ 1, 1000 }, { 1, 0 }, { 0, 0 },
	};
	struct linger got;
	socklen_t len;
	unsigned int i;
	char buf[8];
	int sv[2];

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
		ASSERT_EQ(EINVAL, vt_err(setsockopt(sv[0], SOL_SOCKET,
						    SO_LINGER, &values[i],
						    4)));
		ASSERT_EQ(0, setsockopt(sv[0], SOL_SOCKET, SO_LINGER,
					&values[i], sizeof(values[i])));
		len = sizeof(got);
		ASSERT_EQ(0, getsockopt(sv[0], SOL_SOCKET, SO_LINGER, &got,
					&len));
		ASSERT_EQ(sizeof(got), len);
		ASSERT_EQ(values[i].l_onoff, got.l_onoff);
		ASSERT_EQ(values[i].l_linger, got.l_linger);
		/* Close with data unread at the other end: nothing waits. */
		ASSERT_EQ(3, send(sv[0], "abc", 3, 0));
		ASSERT_EQ(0, close(sv[0]));
		ASSERT_EQ(3, recv(sv[1], buf, sizeof(buf), MSG_DONTWAIT));
		ASSERT_EQ(0, memcmp(buf, "abc", 3));
		if (variant->type == SOCK_DGRAM)
			ASSERT_EQ(EAGAIN, vt_err(recv(sv[1], buf, 1,
						      MSG_DONTWAIT)));
		if (variant->type != SOCK_DGRAM)
			ASSERT_EQ(0, recv(sv[1], buf, 1, MSG_DONTWAIT));
		close(sv[1]);
	}
	PROVES("OPT-05");
}

TEST_F(sockopt, booleans)
{
	static const int opts[] = {
		SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST, SO_DONTROUTE,
		SO_DEBUG, SO_TIMESTAMP,
	};
	int s2 = vt_socket(variant->family, variant->type);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(opts); i++) {
		ASSERT_EQ(0, get(self->s, opts[i]));
		ASSERT_EQ(0, set(self->s, opts[i], 1));
		ASSERT_EQ(1, get(self->s, opts[i]));
		ASSERT_EQ(0, get(s2, opts[i]));
		ASSERT_EQ(0, set(self->s, opts[i], 0));
		ASSERT_EQ(0, get(self->s, opts[i]));
		/* Anything but 0 is 1. */
		ASSERT_EQ(0, set(self->s, opts[i], -7));
		ASSERT_EQ(1, get(self->s, opts[i]))
			TH_LOG("option %d", opts[i]);
	}
	/* All of them set: a path is still its owner's. */
	ASSERT_EQ(0, set(s2, SO_REUSEADDR, 1));
	ASSERT_EQ(0, vt_bind(s2, "path"));
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(self->s, "path")));
	close(s2);
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(self->s, "path")));
	PROVES("OPT-06");
}

static long long usecs(const struct timeval *tv)
{
	return tv->tv_sec * 1000000LL + tv->tv_usec;
}

/* The time in the message received from @fd; 0 if none, -1 for nonsense. */
static long long stamp(int fd)
{
	union {
		char buf[128];
		struct cmsghdr align;
	} u;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};
	struct cmsghdr *cmsg;
	struct timeval tv;

	if (recvmsg(fd, &msg, MSG_DONTWAIT) != 1 || msg.msg_flags)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg)
		return msg.msg_controllen ? -1 : 0;
	if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SO_TIMESTAMP ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(tv)) || CMSG_NXTHDR(&msg, cmsg))
		return -1;
	memcpy(&tv, CMSG_DATA(cmsg), sizeof(tv));
	return usecs(&tv);
}

TEST_F(sockopt, timestamp)
{
	struct timeval before, between, after;
	long long t;
	int sv[2];

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	/* One message sent before the option was set, two after it. */
	gettimeofday(&before, NULL);
	ASSERT_EQ(1, send(sv[0], "x", 1, 0));
	ASSERT_EQ(0, set(sv[1], SO_TIMESTAMP, 1));
	ASSERT_EQ(1, send(sv[0], "x", 1, 0));
	gettimeofday(&between, NULL);

	t = stamp(sv[1]);
	gettimeofday(&after, NULL);
	if (variant->type == SOCK_STREAM) {
		ASSERT_EQ(0, t);
		ASSERT_EQ(0, stamp(sv[1]));
	} else {
		/* Stamped when it was read. */
		ASSERT_LE(usecs(&before), t);
		ASSERT_LE(t, usecs(&after));
		/* Stamped when it was sent. */
		t = stamp(sv[1]);
		ASSERT_LE(usecs(&before), t);
		ASSERT_LE(t, usecs(&between));
	}
	ASSERT_EQ(0, set(sv[1], SO_TIMESTAMP, 0));
	ASSERT_EQ(1, send(sv[0], "x", 1, 0));
	ASSERT_EQ(0, stamp(sv[1]));
	PROVES("OPT-07");
}

TEST_F(sockopt, cookie)
{
	unsigned long long cookies[20], again;
	socklen_t len = 8;
	int fds[20], i, j;

	for (i = 0; i < 20; i += 2) {
		ASSERT_EQ(0, vt_pair(variant->family, variant->type,
				     fds + i));
		for (j = i; j < i + 2; j++) {
			ASSERT_EQ(0, getsockopt(fds[j], SOL_SOCKET, SO_COOKIE,
						&cookies[j], &len));
			ASSERT_EQ(8, (int)len);
			ASSERT_TRUE(cookies[j] != 0);
		}
	}
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, getsockopt(fds[i], SOL_SOCKET, SO_COOKIE, &again,
					&len));
		ASSERT_EQ(cookies[i], again);
		for (j = 0; j < i; j++)
			ASSERT_NE(cookies[j], cookies[i]);
	}
	len = 4;
	ASSERT_EQ(EINVAL, vt_err(getsockopt(fds[0], SOL_SOCKET, SO_COOKIE,
					    &again, &len)));
	PROVES("OPT-08");
}

TEST_F(sockopt, error_and_zerocopy)
{
	ASSERT_EQ(0, get(self->s, SO_ERROR));
	/* A failed call is no pending error. */
	ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(self->s, "@nobody")));
	ASSERT_EQ(0, get(self->s, SO_ERROR));
	ASSERT_EQ(EOPNOTSUPP, set(self->s, SO_ZEROCOPY, 1));
	ASSERT_EQ(EOPNOTSUPP, set(self->s, SO_ZEROCOPY, 0));
	ASSERT_EQ(0, get(self->s, SO_ZEROCOPY));
	PROVES("OPT-09");
}

static bool meminfo_agrees(int fd)
{
	unsigned int m[SK_MEMINFO_VARS];
	socklen_t len = sizeof(m);
	int outq;

	memset(m, 0x55, sizeof(m));
	return !getsockopt(fd, SOL_SOCKET, SO_MEMINFO, m, &len) &&
	       len == sizeof(m) && !ioctl(fd, SIOCOUTQ, &outq) &&
	       (int)m[SK_MEMINFO_WMEM_ALLOC] == outq &&
	       (int)m[SK_MEMINFO_SNDBUF] == get(fd, SO_SNDBUF) &&
	       (int)m[SK_MEMINFO_RCVBUF] == get(fd, SO_RCVBUF);
}

TEST_F(sockopt, meminfo)
{
	unsigned int m[SK_MEMINFO_VARS];
	socklen_t len = sizeof(m);
	char buf[1000] = "";
	int sv[2], i;

	ASSERT_TRUE(meminfo_agrees(self->s));
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, set(sv[0], SO_SNDBUF, 30000));
	ASSERT_TRUE(meminfo_agrees(sv[0]));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1000, send(sv[0], buf, 1000, 0));
		ASSERT_TRUE(meminfo_agrees(sv[0]));
	}
	ASSERT_EQ(0, getsockopt(sv[0], SOL_SOCKET, SO_MEMINFO, m, &len));
	ASSERT_LT(3000, (int)m[SK_MEMINFO_WMEM_ALLOC]);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1000, recv(sv[1], buf, 1000, 0));
		ASSERT_TRUE(meminfo_agrees(sv[0]));
	}
	ASSERT_EQ(0, getsockopt(sv[0], SOL_SOCKET, SO_MEMINFO, m, &len));
	ASSERT_EQ(0, (int)m[SK_MEMINFO_WMEM_ALLOC]);
	PROVES("OPT-10");
}

static bool reads_back(int fd, int opt, int dflt)
{
	return get(fd, opt) == dflt && !set(fd, opt, 1) && get(fd, opt) == 1 &&
	       !set(fd, opt, 0) && get(fd, opt) == 0 && !set(fd, opt, 42) &&
	       get(fd, opt) == 1;
}

TEST_F(sockopt, pass_flags)
{
	int err = vt_err(get(self->s, SO_PASSSEC));

	ASSERT_TRUE(reads_back(self->s, SO_PASSCRED, 0));
	/* From 6.16 without CONFIG_SECURITY_NETWORK there is no SO_PASSSEC. */
	if (err && !vt_kernel_older(6, 16)) {
		ASSERT_EQ(EOPNOTSUPP, err);
		ASSERT_EQ(EOPNOTSUPP, set(self->s, SO_PASSSEC, 1));
	} else {
		ASSERT_TRUE(reads_back(self->s, SO_PASSSEC, 0));
	}
	PROVES("OPT-11");

	/* The core has to know these. */
	if (vt_kernel_older(6, 5)) {
		ASSERT_EQ(ENOPROTOOPT, vt_err(get(self->s, SO_PASSPIDFD)));
		ASSERT_EQ(ENOPROTOOPT, set(self->s, SO_PASSPIDFD, 1));
	} else {
		ASSERT_TRUE(reads_back(self->s, SO_PASSPIDFD, 0));
	}
	if (vt_kernel_older(6, 16)) {
		ASSERT_EQ(ENOPROTOOPT, vt_err(get(self->s, SO_PASSRIGHTS)));
		/* vunix may see it where the core does not. */
		if (vt_is_unix(variant->family) || vt_kernel_older(6, 2))
			ASSERT_EQ(ENOPROTOOPT,
				  set(self->s, SO_PASSRIGHTS, 1));
	} else {
		ASSERT_TRUE(reads_back(self->s, SO_PASSRIGHTS, 1));
	}
	PROVES("OPT-12");
}

TEST_HARNESS_MAIN
