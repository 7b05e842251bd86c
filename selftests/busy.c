// SPDX-License-Identifier: GPL-2.0
/*
 * Readers that look for a while before they sleep: SO_BUSY_POLL, and vunix's
 * sysctl busy_poll.  What can be read, and when a read ends, is as without.
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

#define SYSCTL	"/proc/sys/net/vunix/busy_poll"
#define ROUNDS	500

FIXTURE(busy)
{
	struct vt_env env;
	int sv[2];
	char buf[8];
	struct vt_io in;
	struct vt_bg bg;
};

FIXTURE_VARIANT(busy)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(busy);

FIXTURE_SETUP(busy)
{
	int i;

	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, self->sv));
	/* More than vunix ever spins. */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_setint(self->sv[i], SOL_SOCKET, SO_BUSY_POLL,
				       5000));
		ASSERT_EQ(5000, vt_getint(self->sv[i], SOL_SOCKET,
					  SO_BUSY_POLL));
	}
	self->in = (struct vt_io){ self->sv[0], self->buf, 8, 0 };
}

FIXTURE_TEARDOWN(busy)
{
	VT_TEARDOWN();
}

static long echo(void *p)
{
	int i, n, fd = *(int *)p;

	for (i = 0; i < ROUNDS; i++)
		if (recv(fd, &n, sizeof(n), 0) != sizeof(n) || n != i ||
		    send(fd, &n, sizeof(n), 0) != sizeof(n))
			return -1;
	return 0;
}

TEST_F(busy, ping_pong)
{
	int i, n;

	ASSERT_EQ(0, vt_bg_start(&self->bg, echo, &self->sv[1]));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ((int)sizeof(i), send(self->sv[0], &i, sizeof(i), 0));
		ASSERT_EQ((int)sizeof(n), recv(self->sv[0], &n, sizeof(n), 0));
		ASSERT_EQ(i, n);
	}
	ASSERT_EQ(0, vt_bg_join(&self->bg));
}

/* It sleeps in the end, and then everything wakes it as ever. */
TEST_F(busy, sleeps)
{
	ASSERT_EQ(0, vt_bg_block(&self->bg, vt_io_recv, &self->in));
	ASSERT_EQ(5, send(self->sv[1], "hello", 5, 0));
	ASSERT_EQ(5, vt_bg_join(&self->bg));

	ASSERT_EQ(0, vt_catch(SIGUSR1, 0));
	ASSERT_EQ(0, vt_bg_block(&self->bg, vt_io_recv, &self->in));
	ASSERT_EQ(0, vt_bg_signal(&self->bg, SIGUSR1));
	ASSERT_EQ(-1, vt_bg_join(&self->bg));
	ASSERT_EQ(EINTR, self->bg.err);

	ASSERT_EQ(0, vt_bg_block(&self->bg, vt_io_recv, &self->in));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RD));
	ASSERT_EQ(0, vt_bg_join(&self->bg));
}

TEST_F(busy, time_limit)
{
	struct timeval tv = { .tv_usec = 50000 };
	long long start = vt_ticks_ms();

	ASSERT_EQ(-1, recv(self->sv[0], self->buf, 8, MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, setsockopt(self->sv[0], SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	ASSERT_EQ(-1, recv(self->sv[0], self->buf, 8, 0));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_LE(49, vt_ticks_ms() - start);
}

FIXTURE(busy_sysctl)
{
	struct vt_env env;
};

FIXTURE_VARIANT(busy_sysctl)
{
	int family;
};

FIXTURE_VARIANT_ADD(busy_sysctl, vunix)
{
	.family = AF_VUNIX,
};

FIXTURE_SETUP(busy_sysctl)
{
	VT_SETUP();
}

FIXTURE_TEARDOWN(busy_sysctl)
{
	VT_TEARDOWN();
}

/* The initial namespace has 0, which binds this one. */
TEST_F(busy_sysctl, bounds)
{
	char *p = vt_read_file(SYSCTL);

	ASSERT_TRUE(!!p);
	ASSERT_STREQ("0\n", p);
	free(p);
	ASSERT_EQ(0, vt_write_num(SYSCTL, 0));
	ASSERT_EQ(-1, vt_write_num(SYSCTL, 1));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, vt_write_num(SYSCTL, 1001));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, vt_write_num(SYSCTL, -1));
	ASSERT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
