// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket costs before its first use: the object, at most 512 bytes more
 * than AF_UNIX's, and nothing besides.  Proves no row of the contract; the
 * whole bill, also of used sockets, is presented by bench/memory.sh.
 */
#include "vunix_test.h"

#define MAX_MORE	512
#define PAIRS		400
#define CGROUPS		"/sys/fs/cgroup"
#define OURS		CGROUPS "/vunix-memory"

/* Caches of sockets have their protocol's name. */
static const char *cache_of(int family, int type)
{
	if (!vt_is_unix(family))
		return "VUNIX";
	return type == SOCK_STREAM ? "UNIX-STREAM" : "UNIX";
}

/* Bytes of an object of cache @name, or -1 without such a cache. */
static int object_size(const char *name)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	char line[512], cache[64];
	int size, found = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %*u %*u %d", cache, &size) == 2 &&
		    !strcmp(cache, name))
			found = size;
	if (f)
		fclose(f);
	return found;
}

/* One write: 0 or -1. */
static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), r;

	if (fd < 0)
		return -1;
	r = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return r;
}

/* A memory cgroup of our own: what others do does not count. */
static int enter_cgroup(void)
{
	write_text(CGROUPS "/cgroup.subtree_control", "+memory");
	if (mkdir(OURS, 0755) && errno != EEXIST)
		return -1;
	if (access(OURS "/memory.current", R_OK))
		return -1;
	return write_text(OURS "/cgroup.procs", "0");
}

static void leave_cgroup(void)
{
	write_text(CGROUPS "/cgroup.procs", "0");
	rmdir(OURS);
}

/*
 * Pages that PAIRS of a family take, or -1.  Each processor has up to 64
 * charged in advance, so only large differences count.
 */
static long pages_of(int family, int type, int *fds)
{
	long before = vt_read_num(OURS "/memory.current"), after;
	int i;

	for (i = 0; i < 2 * PAIRS; i += 2)
		if (vt_pair(family, type, fds + i))
			return -1;
	after = vt_read_num(OURS "/memory.current");
	return before < 0 || after < before ? -1 :
		(after - before) / sysconf(_SC_PAGESIZE);
}

static void close_all(int *fds)
{
	int i;

	for (i = 0; i < 2 * PAIRS; i++)
		close(fds[i]);
}

FIXTURE(memory) {
	struct vt_env env;
};

FIXTURE_VARIANT(memory) {
	int family;
	int type;
};

VT_FAMILIES_TYPES(memory);

FIXTURE_SETUP(memory)
{
	VT_SETUP();
}

FIXTURE_TEARDOWN(memory)
{
	leave_cgroup();
	VT_TEARDOWN();
}

TEST_F(memory, object_size)
{
	int of_unix = object_size(cache_of(AF_UNIX, variant->type));
	int size = object_size(cache_of(variant->family, variant->type));

	ASSERT_LT(0, size);
	ASSERT_LT(0, of_unix);
	TH_LOG("%d bytes, AF_UNIX %d", size, of_unix);
	/* Each of our own locks is as large as some sockets there. */
	if (!access("/proc/lockdep", F_OK))
		SKIP(return, "the limit holds on kernels without lockdep only");
	ASSERT_GE(of_unix + MAX_MORE, size);
}

/*
 * A queue's page is taken when something is sent.  With one for each direction
 * this would be twice the limit.
 */
TEST_F(memory, no_pages_before_use)
{
	static int fds[2][2 * PAIRS];
	long a, b;

	if (enter_cgroup())
		SKIP(return, "systems with cgroup v2's memory controller only");
	/* None is closed before: much of it would be given back meanwhile. */
	a = pages_of(AF_UNIX, variant->type, fds[0]);
	b = pages_of(variant->family, variant->type, fds[1]);
	TH_LOG("%d pairs: %ld pages, AF_UNIX %ld", PAIRS, b, a);
	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	ASSERT_GT(a + PAIRS, b);
	close_all(fds[0]);
	close_all(fds[1]);
}

TEST_HARNESS_MAIN
