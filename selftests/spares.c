// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that sockets keep for the next message after a large one: the kernel has
 * it back when it asks for it.
 */
#include "vunix_test.h"
#include <sys/resource.h>

#define DROP	"/proc/sys/vm/drop_caches"
#define PAIRS	300
#define SIZE	65536
/* What may come and go on its own, in kilobytes. */
#define NOISE	6000
/* Of 18 pages that a queue may keep, at least these. */
#define KEPT	(PAIRS * 10 * 4)

VT_FIXTURE(spares, VT_FAMILIES);

/* Kilobytes that are free: also what a processor has at hand for itself. */
static long free_kb(void)
{
	long kb = -1, n, pages = 0;
	char line[256];
	FILE *f;

	f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	f = fopen("/proc/zoneinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " count: %ld", &n) == 1)
			pages += n;
	if (f)
		fclose(f);
	return kb + pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* The same once the kernel has given back what it can. */
static long shrunk_kb(void)
{
	int i;

	/* A queue that is in use is passed over. */
	for (i = 0; i < 3; i++)
		if (vt_write_num(DROP, 3))
			return -1;
	return free_kb();
}

TEST_F(spares, given_back)
{
	static struct { int sv[2]; } pairs[PAIRS];
	struct rlimit files = { 2 * PAIRS + 64, 2 * PAIRS + 64 };
	static char buf[SIZE];
	long before, full, after;
	int i;

	if (getuid() || access(DROP, W_OK))
		SKIP(return, "root with /proc/sys/vm/drop_caches only");
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	memset(buf, 'x', sizeof(buf));
	for (i = 0; i < PAIRS; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, pairs[i].sv));
		ASSERT_EQ(1, send(pairs[i].sv[0], buf, 1, 0));
		ASSERT_EQ(1, recv(pairs[i].sv[1], buf, SIZE, 0));
	}
	before = shrunk_kb();
	ASSERT_LT(0, before);
	for (i = 0; i < PAIRS; i++) {
		ASSERT_EQ(SIZE, send(pairs[i].sv[0], buf, SIZE, 0));
		ASSERT_EQ(SIZE, recv(pairs[i].sv[1], buf, SIZE, MSG_WAITALL));
	}
	full = free_kb();
	after = shrunk_kb();
	TH_LOG("%ld KiB free, %ld after large messages, %ld in the end", before,
	       full, after);
	if (!vt_is_unix(variant->family))
		ASSERT_LT(full, before + NOISE - KEPT);
	ASSERT_GT(after, before - NOISE);

	/* And all of them work on. */
	for (i = 0; i < PAIRS; i++) {
		ASSERT_EQ(SIZE, send(pairs[i].sv[0], buf, SIZE, 0));
		ASSERT_EQ(SIZE, recv(pairs[i].sv[1], buf, SIZE, MSG_WAITALL));
		ASSERT_EQ('x', buf[SIZE - 1]);
	}
	/* Also if they are given back, and then have little to do for long. */
	ASSERT_LE(0, shrunk_kb());
	for (i = 0; i < 500; i++) {
		ASSERT_EQ(5, send(pairs[i % 2].sv[0], "small", 5, 0));
		ASSERT_EQ(5, recv(pairs[i % 2].sv[1], buf, SIZE, 0));
	}
}

/* While they are in use: nothing is lost, nothing is given back twice. */
static long talk(void *p)
{
	int *sv = p, i, n;

	for (i = 0; i < 400; i++) {
		static __thread char buf[20000];

		n = i * 37 % (int)sizeof(buf) + 1;
		memset(buf, i, n);
		if (send(sv[0], buf, n, 0) != n ||
		    recv(sv[1], buf, n, MSG_WAITALL) != n ||
		    buf[0] != (char)i || buf[n - 1] != (char)i)
			return -1;
	}
	return i;
}

TEST_F(spares, in_use)
{
	struct vt_bg bg[4] = {};
	int sv[4][2], i;

	if (getuid() || access(DROP, W_OK))
		SKIP(return, "root with /proc/sys/vm/drop_caches only");
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv[i]));
		ASSERT_EQ(0, vt_bg_start(&bg[i], talk, sv[i]));
	}
	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, vt_write_num(DROP, 2));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(400, vt_bg_join(&bg[i]));
}

TEST_HARNESS_MAIN
