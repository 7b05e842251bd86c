// SPDX-License-Identifier: GPL-2.0
/*
 * SO_INQ and SCM_INQ, on vunix also by way of SOL_VUNIX.  Proves INQ-01 to
 * INQ-03.
 */
#include "vunix_test.h"

FIXTURE(inq)
{
	struct vt_env env;
	int sv[2];
};

FIXTURE_VARIANT(inq)
{
	int family;
	int level, opt;
};

FIXTURE_VARIANT_ADD(inq, unix) {
	.family = AF_UNIX, .level = SOL_SOCKET, .opt = SO_INQ
};

FIXTURE_VARIANT_ADD(inq, vunix) {
	.family = AF_VUNIX, .level = SOL_SOCKET, .opt = SO_INQ
};

/* The way that no kernel is too old for. */
FIXTURE_VARIANT_ADD(inq, vunix_own) {
	.family = AF_VUNIX, .level = SOL_VUNIX, .opt = VUNIX_INQ
};

FIXTURE_SETUP(inq)
{
	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, self->sv));
}

FIXTURE_TEARDOWN(inq)
{
	VT_TEARDOWN();
}

static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

/* Does this way of setting the option not exist on the running kernel? */
#define NO_SO_INQ() \
	(VT_UNIX_OLDER(6, 17) || \
	 (variant->level == SOL_SOCKET && vt_kernel_older(6, 12)))

#define SKIP_NO_SO_INQ(row) do { \
	if (NO_SO_INQ()) { \
		SKIP_ROWS("no SO_INQ in this kernel", row); \
		SKIP(return, "no SO_INQ in this kernel"); \
	} \
} while (0)

/* Then every type answers like an option that nobody knows. */
TEST_F(inq, unknown)
{
	int sv[2], i, val;

	if (!NO_SO_INQ())
		return;
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, types[i], sv));
		for (val = -1; val < 3; val++)
			ASSERT_EQ(ENOPROTOOPT,
				  vt_err(vt_setint(sv[0], SOL_SOCKET, SO_INQ,
						   val)));
		ASSERT_EQ(-1, vt_getint(sv[0], SOL_SOCKET, SO_INQ));
		ASSERT_EQ(ENOPROTOOPT, errno);
	}
}

TEST_F(inq, option)
{
	int sv[2], i, on[3] = { 1, 0, 0 };

	SKIP_NO_SO_INQ("INQ-01");
	for (i = 1; i < 3; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, types[i], sv));
		ASSERT_EQ(ENOPROTOOPT, vt_err(vt_setint(sv[0], variant->level,
							variant->opt, 1)));
		ASSERT_EQ(ENOPROTOOPT, vt_err(vt_setint(sv[0], variant->level,
							variant->opt, 0)));
	}
	for (i = -1; i < 4; i++)
		ASSERT_EQ(i == 0 || i == 1 ? 0 : EINVAL,
			  vt_err(vt_setint(self->sv[0], variant->level,
					   variant->opt, i)));
	for (i = 0; i <= 12; i++)
		ASSERT_EQ(i == 4 ? 0 : EINVAL,
			  vt_err(setsockopt(self->sv[0], variant->level,
					    variant->opt, on, i)));
	ASSERT_EQ(EFAULT, vt_err(setsockopt(self->sv[0], variant->level,
					    variant->opt, NULL, 4)));
	if (variant->level == SOL_SOCKET) {
		ASSERT_EQ(-1, vt_getint(self->sv[0], SOL_SOCKET, SO_INQ));
		ASSERT_EQ(ENOPROTOOPT, errno);
	} else {
		/* This one can be read. */
		ASSERT_EQ(1, vt_getint(self->sv[0], SOL_VUNIX, VUNIX_INQ));
		ASSERT_EQ(0, vt_getint(self->sv[1], SOL_VUNIX, VUNIX_INQ));
	}
	PROVES("INQ-01");
}

/*
 * Receive up to @n bytes: -1 on failure; else what SCM_INQ says, -2 if there
 * is none or it has a wrong form or it is not alone.
 */
static int recv_inq(int fd, size_t n, int flags, ssize_t want)
{
	union {
		char buf[64];
		struct cmsghdr align;
	} u;
	char data[256];
	struct iovec iov = { data, n };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};
	struct cmsghdr *cmsg;
	ssize_t len;
	int val;

	memset(&u, 0x5a, sizeof(u));
	len = recvmsg(fd, &msg, flags);
	if (len < 0) {
		/* Nothing may have been written. */
		for (n = 0; n < sizeof(u.buf); n++)
			if (u.buf[n] != 0x5a)
				return -3;
		return -1;
	}
	if (len != want)
		return -4;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET ||
	    cmsg->cmsg_type != SCM_INQ || cmsg->cmsg_len != CMSG_LEN(sizeof(int)) ||
	    CMSG_NXTHDR(&msg, cmsg) || (msg.msg_flags & ~MSG_OOB))
		return -2;
	memcpy(&val, CMSG_DATA(cmsg), sizeof(val));
	return val;
}

TEST_F(inq, queued_bytes)
{
	int r = self->sv[1], i;

	SKIP_NO_SO_INQ("INQ-02");
	ASSERT_EQ(6, send(self->sv[0], "abcdef", 6, 0));
	ASSERT_EQ(-2, recv_inq(r, 1, MSG_PEEK, 1));
	ASSERT_EQ(0, vt_setint(r, variant->level, variant->opt, 1));
	ASSERT_EQ(6, recv_inq(r, 1, MSG_PEEK, 1));
	ASSERT_EQ(6, recv_inq(r, 100, MSG_PEEK, 6));
	ASSERT_EQ(4, recv_inq(r, 2, 0, 2));
	ASSERT_EQ(4, send(self->sv[0], "ghij", 4, 0));
	ASSERT_EQ(7, recv_inq(r, 1, 0, 1));
	/* Asked for nothing, with data there. */
	ASSERT_EQ(7, recv_inq(r, 0, 0, 0));
	ASSERT_EQ(2, recv_inq(r, 5, 0, 5));
	ASSERT_EQ(0, recv_inq(r, 100, 0, 2));
	ASSERT_EQ(-1, recv_inq(r, 100, MSG_DONTWAIT, 0));
	ASSERT_EQ(EAGAIN, errno);
	for (i = 0; i < 50; i++)
		ASSERT_EQ(1000, send(self->sv[0], vt_pattern(0), 1000, 0));
	ASSERT_EQ(49900, recv_inq(r, 100, 0, 100));
	/* The sender's side is not concerned, and off is off. */
	ASSERT_EQ(1, send(r, "x", 1, 0));
	ASSERT_EQ(-2, recv_inq(self->sv[0], 1, 0, 1));
	ASSERT_EQ(0, vt_setint(r, variant->level, variant->opt, 0));
	ASSERT_EQ(-2, recv_inq(r, 100, 0, 100));
	PROVES("INQ-02");
}

TEST_F(inq, end_of_stream)
{
	int r = self->sv[1], sv[2];
	char buf[8];
	struct iovec iov = { buf, 8 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	SKIP_NO_SO_INQ("INQ-02");
	ASSERT_EQ(0, vt_setint(r, variant->level, variant->opt, 1));
	ASSERT_EQ(2, send(self->sv[0], "ab", 2, 0));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	ASSERT_EQ(1, recv_inq(r, 1, 0, 1));
	ASSERT_EQ(0, recv_inq(r, 8, 0, 1));
	ASSERT_EQ(0, recv_inq(r, 8, 0, 0));
	ASSERT_EQ(0, recv_inq(r, 8, MSG_PEEK, 0));
	/* No room for it. */
	ASSERT_EQ(0, recvmsg(r, &msg, 0));
	ASSERT_EQ(MSG_CTRUNC, msg.msg_flags);
	/* Calls that cannot carry it do not mind. */
	ASSERT_EQ(0, recv(r, buf, 8, 0));
	ASSERT_EQ(0, read(r, buf, 8));

	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_EQ(0, vt_setint(sv[1], variant->level, variant->opt, 1));
	ASSERT_EQ(1, send(sv[1], "x", 1, 0));
	close(sv[0]);
	ASSERT_EQ(-1, recv_inq(sv[1], 8, 0, 0));
	ASSERT_EQ(ECONNRESET, errno);
	ASSERT_EQ(0, recv_inq(sv[1], 8, 0, 0));
	PROVES("INQ-02");
}

TEST_F(inq, urgent)
{
	int r = self->sv[1];

	SKIP_NO_SO_INQ("INQ-02");
	ASSERT_EQ(0, vt_setint(r, variant->level, variant->opt, 1));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, MSG_OOB));
	ASSERT_EQ(2, recv_inq(r, 1, 0, 1));
	/* Taking the urgent byte itself carries none. */
	ASSERT_EQ(-2, recv_inq(r, 1, MSG_OOB, 1));
	ASSERT_EQ(0, recv_inq(r, 8, 0, 1));
	PROVES("INQ-02");
}

TEST_F(inq, listener)
{
	struct vt_trio t;

	SKIP_NO_SO_INQ("INQ-03");
	t.listener = vt_socket(variant->family, SOCK_STREAM);
	t.client = vt_socket(variant->family, SOCK_STREAM);
	ASSERT_EQ(0, vt_bind(t.listener, "l"));
	ASSERT_EQ(0, vt_setint(t.listener, variant->level, variant->opt, 1));
	ASSERT_EQ(0, listen(t.listener, 1));
	ASSERT_EQ(0, vt_connect(t.client, "l"));
	t.accepted = accept(t.listener, NULL, NULL);
	ASSERT_LE(0, t.accepted);
	ASSERT_EQ(2, send(t.client, "ab", 2, 0));
	ASSERT_EQ(-2, recv_inq(t.accepted, 1, 0, 1));
	/* Its own setting works, and is its own. */
	ASSERT_EQ(0, vt_setint(t.accepted, variant->level, variant->opt, 1));
	ASSERT_EQ(0, recv_inq(t.accepted, 1, 0, 1));
	ASSERT_EQ(1, send(t.accepted, "c", 1, 0));
	ASSERT_EQ(-2, recv_inq(t.client, 1, 0, 1));
	PROVES("INQ-03");
}

TEST_HARNESS_MAIN
