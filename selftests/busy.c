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
	if (vt_getint(self->sv[0], SOL_SOCKET, SO_BUSY_POLL) < 0)
		SKIP(return, "kernels with CONFIG_NET_RX_BUSY_POLL only");
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
	/* And what is there from the beginning ends it as well. */
	ASSERT_EQ(0, recv(self->sv[0], self->buf, 8, 0));
}

/* The other side goes: before the read, and while it spins or sleeps. */
TEST_F(busy, hang_up)
{
	if (variant->type == SOCK_DGRAM)
		SKIP(return, "types that connect only");
	ASSERT_EQ(0, vt_bg_start(&self->bg, vt_io_recv, &self->in));
	close(self->sv[1]);
	ASSERT_EQ(0, vt_bg_join(&self->bg));
	ASSERT_EQ(0, recv(self->sv[0], self->buf, 8, 0));

	/* Reset: it has not read what it was sent. */
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, self->sv));
	ASSERT_EQ(0, vt_setint(self->sv[0], SOL_SOCKET, SO_BUSY_POLL, 1000));
	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	close(self->sv[1]);
	ASSERT_EQ(-1, recv(self->sv[0], self->buf, 8, 0));
	ASSERT_EQ(ECONNRESET, errno);
	ASSERT_EQ(0, recv(self->sv[0], self->buf, 8, 0));
}

/* Time that this thread has worked while it waited for what does not come. */
static long long worked_us(int fd, int us)
{
	struct timeval tv = { .tv_usec = 10000 };
	struct timespec from, to;
	char c;
	int i;

	if (vt_setint(fd, SOL_SOCKET, SO_BUSY_POLL, us) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)))
		return -1;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	for (i = 0; i < 20; i++)
		if (recv(fd, &c, 1, 0) != -1 || errno != EAGAIN)
			return -1;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	return (to.tv_sec - from.tv_sec) * 1000000LL +
	       (to.tv_nsec - from.tv_nsec) / 1000;
}

/*
 * 20 times 1 ms, unless others want the processor, or the machine below it
 * does, whose pauses count as work of either.  So what spins is seen in one
 * round of some, and what does not, in none.
 */
TEST_F(busy, spins)
{
	long long asleep, busy;
	int round;

	for (round = 0; round < 10; round++) {
		asleep = worked_us(self->sv[0], 0);
		busy = worked_us(self->sv[0], 5000);
		ASSERT_LE(0, asleep);
		ASSERT_LE(0, busy);
		TH_LOG("%lld us of work, %lld us when busy", asleep, busy);
		if (vt_is_unix(variant->family) || asleep + 5000 < busy)
			break;
	}
	ASSERT_NE(10, round);
}

/* What is spent on spinning is not added to SO_RCVTIMEO. */
static long drip(void *p)
{
	int i, fd = *(int *)p;

	for (i = 0; i < 2000; i++) {
		if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
			return i;
		usleep(100);
	}
	return i;
}

TEST_F(busy, time_limit_of_all)
{
	struct timeval tv = { .tv_usec = 50000 };
	char buf[2000];

	if (variant->type != SOCK_STREAM)
		SKIP(return, "streams only");
	ASSERT_EQ(0, setsockopt(self->sv[0], SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	ASSERT_EQ(0, vt_bg_start(&self->bg, drip, &self->sv[1]));
	/* 2000 of them take 200 ms at least. */
	ASSERT_GT(2000, recv(self->sv[0], buf, sizeof(buf), MSG_WAITALL));
	close(self->sv[0]);
	ASSERT_GT(2000, vt_bg_join(&self->bg));
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

static int enter_initial(void)
{
	int fd = open("/proc/1/ns/net", O_RDONLY);
	int ret = setns(fd, CLONE_NEWNET);

	close(fd);
	return ret;
}

/* As SO_BUSY_POLL, for sockets that say nothing; the initial one's binds all. */
TEST_F(busy_sysctl, works)
{
	int own = open("/proc/self/ns/net", O_RDONLY), sv[2];
	long long asleep, busy;

	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_EQ(0, vt_getint(sv[0], SOL_SOCKET, SO_BUSY_POLL));
	asleep = worked_us(sv[0], 0);
	ASSERT_EQ(0, enter_initial());
	ASSERT_EQ(-1, vt_write_num(SYSCTL, 1001));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(0, vt_write_num(SYSCTL, 1000));
	ASSERT_EQ(0, setns(own, CLONE_NEWNET));
	ASSERT_EQ(0, vt_write_num(SYSCTL, 1000));
	busy = worked_us(sv[0], 0);
	ASSERT_EQ(0, enter_initial());
	ASSERT_EQ(0, vt_write_num(SYSCTL, 0));
	ASSERT_EQ(0, setns(own, CLONE_NEWNET));
	TH_LOG("%lld us of work, %lld us when busy", asleep, busy);
	ASSERT_LE(0, asleep);
	ASSERT_LT(asleep + 5000, busy);
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
