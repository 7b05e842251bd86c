// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket costs before its first use: the object, at most 512 bytes more
 * than AF_UNIX's, and nothing besides.  That who sends pays for what is queued,
 * its memory cgroup and its SO_SNDBUF, and that both have it back in the end.
 * Proves no row of the contract; the whole bill, also of used sockets, is
 * presented by bench/memory.sh.
 */
#include "vunix_test.h"
#include "scm.h"

#define MAX_MORE	512
#define PAIRS		400
/* Pairs that are full, and what may be charged in advance, or late given back */
#define FULL		100
#define SLACK		(3 << 18)
#define MARKS		20000
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

/* Sends until there is no room: bytes, or -1. */
static long fill(int fd, size_t size)
{
	static char buf[65536];
	long sum = 0, n;

	while ((n = send(fd, buf, size, MSG_DONTWAIT)) > 0)
		sum += n;
	return errno == EAGAIN ? sum : -1;
}

/* Receives all of it, by way of what is asked for more than data, or not. */
static long drain(int fd, bool plain)
{
	static char buf[1 << 18];
	char control[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	long sum = 0, n;

	vt_setint(fd, SOL_SOCKET, SO_PASSCRED, !plain);
	for (;;) {
		msg.msg_control = plain ? NULL : control;
		msg.msg_controllen = plain ? 0 : sizeof(control);
		n = recvmsg(fd, &msg, MSG_DONTWAIT);
		if (n <= 0)
			break;
		sum += n;
	}
	vt_setint(fd, SOL_SOCKET, SO_PASSCRED, 0);
	return n < 0 && errno == EAGAIN ? sum : -1;
}

/* On one processor: each has its own memory that is charged in advance. */
static int enter_alone(void)
{
	cpu_set_t cpus;

	if (enter_cgroup())
		return -1;
	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* Waits until no more than @bytes are charged: what there is in the end. */
static long charged_above(long bytes)
{
	struct timespec tick = { .tv_nsec = 20000000 };
	long now;
	int i;

	/* Sockets are freed by RCU. */
	for (i = 0; i < 1000; i++) {
		now = vt_read_num(OURS "/memory.current");
		if (now <= bytes)
			break;
		nanosleep(&tick, NULL);
	}
	return now;
}

/* What is queued counts for the memory cgroup of who has sent it. */
TEST_F_TIMEOUT(memory, charged, 300)
{
	static int fds[2 * FULL];
	long before, sum = 0, n, after;
	int i;

	if (enter_alone())
		SKIP(return, "systems with cgroup v2's memory controller only");
	before = vt_read_num(OURS "/memory.current");
	for (i = 0; i < 2 * FULL; i += 2) {
		ASSERT_EQ(0, vt_pair(variant->family, variant->type, fds + i));
		n = fill(fds[i], 32768);
		ASSERT_LT(65536, n);
		sum += n;
	}
	after = vt_read_num(OURS "/memory.current");
	TH_LOG("%ld bytes are queued, %ld more are charged", sum,
	       after - before);
	ASSERT_LT(0, before);
	ASSERT_GT(after, before + sum - SLACK);
	for (i = 0; i < 2 * FULL; i++)
		close(fds[i]);
	after = charged_above(before + SLACK);
	TH_LOG("%ld in the end", after - before);
	ASSERT_GE(before + SLACK, after);
}

/* Of what has been received nothing stays: what fills a queue, 50 times over */
TEST_F_TIMEOUT(memory, given_back, 300)
{
	long before = 0, after;
	int sv[2], i;

	if (enter_alone())
		SKIP(return, "systems with cgroup v2's memory controller only");
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	for (i = 0; i < 2 * FULL; i++) {
		ASSERT_LT(65536, fill(sv[i & 1], 65536));
		ASSERT_LT(65536, drain(sv[~i & 1], i & 2));
		/* By then it has what it wants to keep. */
		if (i == 7)
			before = vt_read_num(OURS "/memory.current");
	}
	after = charged_above(before + SLACK);
	TH_LOG("%ld bytes more than after the first times", after - before);
	ASSERT_LT(0, before);
	ASSERT_GE(before + SLACK, after);
}

/* One byte, and that a member of group @gid has sent it. */
static int send_signed(int fd, gid_t gid)
{
	struct ucred cred = { .pid = getpid(), .uid = getuid(), .gid = gid };
	struct scm_out out = {};

	scm_add(&out, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
	return scm_send(fd, "c", &out, 0) == 1 ? 0 : -1;
}

/* Who has sent it also costs: bytes of many senders are as many messages. */
TEST_F(memory, signed_bytes)
{
	int sv[2], max, n;

	if (getuid())
		SKIP(return, "root, who may be in any group, only");
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, vt_setint(sv[1], SOL_SOCKET, SO_PASSCRED, 1));
	max = vt_getint(sv[0], SOL_SOCKET, SO_SNDBUF) / 64;
	for (n = 0; n < max && !send_signed(sv[0], n & 1); n++)
		;
	TH_LOG("%d bytes fit, where %d would be too many", n, max);
	ASSERT_LT(10, n);
	ASSERT_GT(max, n);
	ASSERT_EQ(EAGAIN, errno);
}

/* And that is given back. */
TEST_F_TIMEOUT(memory, signed_given_back, 300)
{
	long before = 0, after;
	int sv[2], i, j, n = 0;

	if (getuid() || enter_alone())
		SKIP(return, "systems with cgroup v2's memory controller only");
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, vt_setint(sv[1], SOL_SOCKET, SO_PASSCRED, 1));
	for (i = 0; n < MARKS; i++) {
		for (j = 0; j < 50; j++)
			ASSERT_EQ(0, send_signed(sv[0], j & 1));
		n += j;
		while (j) {
			struct scm_in in;

			ASSERT_EQ(1, scm_recv(sv[1], &in, 0));
			j--;
			ASSERT_EQ(j & 1 ? 0U : 1U, in.cred.gid);
		}
		if (!i)
			before = vt_read_num(OURS "/memory.current");
	}
	after = charged_above(before + SLACK);
	TH_LOG("%ld bytes more than after the first ones", after - before);
	ASSERT_LT(0, before);
	ASSERT_GE(before + SLACK, after);
}

TEST_HARNESS_MAIN
