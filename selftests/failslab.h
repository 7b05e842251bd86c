/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that is not there: every call is repeated with its first allocation
 * failing, then its second, and so on until it makes no more.  It must succeed
 * or say so, and one that failed must not have done anything: the same call
 * works right afterwards and has its effect once.  What is lost for good is
 * found by the runner: kmemleak, and slabs that are not empty.
 *
 * Proves no row of the contract: AF_UNIX has the same errors, and which of its
 * allocations fail is not its behaviour.  Needs /proc/thread-self/fail-nth
 * (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC), so runs on the debug kernel.
 */
#ifndef FAILSLAB_H
#define FAILSLAB_H

#include "vunix_test.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define MAX_NTH		300

/* One call under test, made afresh for each allocation that fails. */
struct fl {
	int family;
	int type;
	int fd[4];
	long ret;		/* of the call that succeeded */
};

struct fl_op {
	/* Up to the call: 0, or -1. */
	int (*set_up)(struct fl *f);
	/* As a system call returns. */
	long (*call)(struct fl *f);
	/* After success: 0 if all is as it should be, else what is not. */
	int (*check)(struct fl *f);
	/* What it may say besides ENOMEM and ENOBUFS. */
	int other_err;
};

static int nth_fd;
static char got[65537];	/* what was received or read */

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), r;

	if (fd < 0)
		return -1;
	r = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return r;
}

/* Only allocations made on behalf of code in [@start, @end) count. */
static int require_code(const char *start, const char *end)
{
	return write_text(DEBUGFS "failslab/require-start", start) ||
	       write_text(DEBUGFS "failslab/require-end", end) ||
	       write_text(DEBUGFS "fail_page_alloc/require-start", start) ||
	       write_text(DEBUGFS "fail_page_alloc/require-end", end);
}

#define ALL_CODE	"0", "0xffffffffffffffff"

/*
 * All allocations may fail, without a word in the log; copies to and from
 * programs, which the same counter would count, may not: nothing calls from
 * an empty range.
 */
static int order_failures(void)
{
	return write_text(DEBUGFS "failslab/ignore-gfp-wait", "0") ||
	       write_text(DEBUGFS "failslab/cache-filter", "0") ||
	       write_text(DEBUGFS "failslab/verbose", "0") ||
	       write_text(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "0") ||
	       write_text(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "0") ||
	       write_text(DEBUGFS "fail_page_alloc/min-order", "0") ||
	       write_text(DEBUGFS "fail_page_alloc/verbose", "0") ||
	       write_text(DEBUGFS "fail_usercopy/stacktrace-depth", "0") ||
	       write_text(DEBUGFS "fail_usercopy/require-end", "0") ||
	       require_code(ALL_CODE);
}

static void allow_failures(void)
{
	write_text(DEBUGFS "fail_usercopy/require-end", "0xffffffffffffffff");
	write_text(DEBUGFS "fail_usercopy/stacktrace-depth", "32");
	require_code(ALL_CODE);
}

/* Allocates nothing itself. */
static void fail_nth(unsigned int n)
{
	char buf[16];
	int len = sprintf(buf, "%u", n);

	if (pwrite(nth_fd, buf, len, 0) != len)
		abort();
}

/* The number that is left; stops counting. */
static int fail_left(void)
{
	char buf[16] = "";
	int n;

	if (pread(nth_fd, buf, sizeof(buf) - 1, 0) <= 0)
		abort();
	n = atoi(buf);
	fail_nth(0);
	return n;
}

static void tear_down(struct fl *f)
{
	int i;

	for (i = 0; i < 4; i++) {
		if (f->fd[i] >= 0)
			close(f->fd[i]);
		f->fd[i] = -1;
	}
	unlink("s");
}

/* Sockets of the family in this network namespace. */
static int count_sockets(int family)
{
	char *text = vt_read_file(vt_proc_net(family)), *p;
	int n = -1;

	for (p = text; p && *p; p++)
		n += *p == '\n';
	free(text);
	return n;
}

static bool may_say(const struct fl_op *op, int err)
{
	return err == ENOMEM || err == ENOBUFS ||
	       (op->other_err && err == op->other_err);
}

/* One call whose @n-th allocation fails.  True if it makes fewer than that. */
static bool run_nth(struct __test_metadata *_metadata, struct fl *f,
		    const struct fl_op *op, int n, int *failed)
{
	int fd, err, left;

	if (op->set_up)
		ASSERT_EQ(0, op->set_up(f)) TH_LOG("set_up, n %d", n);
	fd = vt_next_fd();
	fail_nth(n);
	f->ret = op->call(f);
	err = errno;
	left = fail_left();

	if (f->ret < 0) {
		++*failed;
		ASSERT_TRUE(may_say(op, err))
			TH_LOG("allocation %d: %s", n, strerror(err));
		ASSERT_EQ(0, left) TH_LOG("%s by itself", strerror(err));
		ASSERT_EQ(fd, vt_next_fd()) TH_LOG("descriptor, n %d", n);
		f->ret = op->call(f);
		ASSERT_LE(0, f->ret)
			TH_LOG("again after %d: %s", n, strerror(errno));
	}
	ASSERT_EQ(0, op->check(f)) TH_LOG("allocation %d, err %d", n, err);
	tear_down(f);
	ASSERT_EQ(nth_fd + 1, vt_next_fd()) TH_LOG("descriptor, n %d", n);
	return left;
}

static void run(struct __test_metadata *_metadata, int family, int type,
		const struct fl_op *op)
{
	struct fl f = { .family = family, .type = type,
			.fd = { -1, -1, -1, -1 } };
	int n, failed = 0;

	for (n = 1; !run_nth(_metadata, &f, op, n, &failed); n++)
		ASSERT_GT(MAX_NTH, n) TH_LOG("no end of allocations");
	TH_LOG("%d allocations, %d failures reported", n - 1, failed);
	ASSERT_EQ(0, count_sockets(family));
}

/*
 * What calls have in common
 */

static int up_pair(struct fl *f)
{
	return vt_pair(f->family, f->type, f->fd);
}

/* Nothing (more) is queued on @fd or charged to its sender. */
static int check_empty(int sender, int fd)
{
	int n = -1;

	if (recv(fd, got, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
		return 101;
	if (ioctl(sender, SIOCOUTQ, &n) || n)
		return 102;
	return 0;
}

/* Both ways through two connected sockets. */
static int check_talk(int a, int b)
{
	if (send(a, "ping", 4, 0) != 4 ||
	    recv(b, got, sizeof(got), MSG_DONTWAIT) != 4)
		return 111;
	if (send(b, "pong", 4, 0) != 4 ||
	    recv(a, got, sizeof(got), MSG_DONTWAIT) != 4)
		return 112;
	return check_empty(a, b);
}

FIXTURE(failslab) {
	struct vt_env env;
};

FIXTURE_VARIANT(failslab) {
	int family;
	int type;
};

VT_FAMILIES_TYPES(failslab);

FIXTURE_SETUP(failslab)
{
	if (access("/proc/thread-self/fail-nth", W_OK) ||
	    access(DEBUGFS "failslab", F_OK) ||
	    access(DEBUGFS "fail_page_alloc", F_OK))
		SKIP(return, "kernels with CONFIG_FAILSLAB only");
	VT_SETUP();
	/* Page faults of ours would count, too. */
	vt_pattern(0);
	ASSERT_EQ(0, mlockall(MCL_CURRENT));
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	ASSERT_LE(0, nth_fd);
	ASSERT_EQ(nth_fd + 1, vt_next_fd());
	ASSERT_EQ(0, order_failures());
}

FIXTURE_TEARDOWN(failslab)
{
	allow_failures();
	VT_TEARDOWN();
}

#define FAIL_TEST(op, ...) \
	TEST_F(failslab, op) \
	{ \
		static const struct fl_op fl_op = { __VA_ARGS__ }; \
		run(_metadata, variant->family, variant->type, &fl_op); \
	}

/* Of the types that connect, or of streams. */
#define FAIL_TEST_ONLY(op, which, what, ...) \
	TEST_F(failslab, op) \
	{ \
		static const struct fl_op fl_op = { __VA_ARGS__ }; \
		if (!(which)) \
			SKIP(return, what " only"); \
		run(_metadata, variant->family, variant->type, &fl_op); \
	}
#define FAIL_TEST_CONN(op, ...) \
	FAIL_TEST_ONLY(op, variant->type != SOCK_DGRAM, "connection types", \
		       __VA_ARGS__)
#define FAIL_TEST_STREAM(op, ...) \
	FAIL_TEST_ONLY(op, variant->type == SOCK_STREAM, "streams", __VA_ARGS__)

#endif /* FAILSLAB_H */
