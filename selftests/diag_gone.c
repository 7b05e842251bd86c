// SPDX-License-Identifier: GPL-2.0
/*
 * A dump of sock_diag whose namespaces die half-way: all its processes and sockets
 * go, and only the netlink socket, which somebody outside has got, is left.  Who
 * reads on comes to the end, who closes it is done; and the namespaces go.
 *
 * That they are gone is seen by a limit: in a user namespace of the test's own there
 * may be one network and one process namespace.
 */
#include "mon.h"

#include <sys/resource.h>

#define PAIRS	500
#define PART	8192

FIXTURE(gone)
{
	struct vt_env env;
	int nl;
};

FIXTURE_VARIANT(gone)
{
	int family;
	bool mon;	/* with a device that is up, and packets on their way */
};

FIXTURE_VARIANT_ADD(gone, unix)
{
	.family = AF_UNIX,
};

FIXTURE_VARIANT_ADD(gone, vunix)
{
	.family = AF_VUNIX,
};

FIXTURE_VARIANT_ADD(gone, vunix_mon)
{
	.family = AF_VUNIX, .mon = true,
};

FIXTURE_SETUP(gone)
{
	VT_SETUP();
}

FIXTURE_TEARDOWN(gone)
{
	VT_TEARDOWN();
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), len = strlen(text), n;

	if (fd < 0)
		return -1;
	n = write(fd, text, len);
	close(fd);
	return n == len ? 0 : -1;
}

/* The sockets that a part of a dump has, -1: an error, -2: it is the end. */
static int read_part(int nl)
{
	static char buf[PART] __attribute__((aligned(8)));
	struct nlmsghdr *h = (void *)buf;
	int n = recv(nl, buf, sizeof(buf), 0), nr = 0;

	if (n <= 0)
		return -1;
	for (; NLMSG_OK(h, (unsigned int)n); h = NLMSG_NEXT(h, n)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return nr ? nr : -2;
		if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY)
			return -1;
		nr++;
	}
	return nr;
}

/* What begins a dump and dies; @out gets the netlink socket. */
static int inside(int family, bool mon, int out)
{
	struct unix_diag_req req = diag_req(family, 0,
					    UDIAG_SHOW_NAME | UDIAG_SHOW_PEER |
					    UDIAG_SHOW_RQLEN |
					    UDIAG_SHOW_MEMINFO |
					    VUNIX_DIAG_SHOW_INFO);
	int i, nl, sv[2];

	if (mon)
		HOLDS(!mon_make(MON));
	for (i = 0; i < PAIRS; i++) {
		HOLDS(!vt_pair(family, i & 1 ? SOCK_STREAM : SOCK_DGRAM, sv));
		HOLDS(send(sv[0], &req, sizeof(req), 0) == sizeof(req));
	}
	nl = diag_open();
	HOLDS(nl >= 0);
	HOLDS(!diag_send(nl, &req, sizeof(req), NLM_F_DUMP));
	HOLDS(read_part(nl) > 0);
	HOLDS(!vt_send_fd(out, nl));
	return 0;
}

/* Children until what they return is known: the exit status. */
static int wait_for(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

/* Whether there may be one more: 0, ENOSPC, or another errno. */
static int try_one(int flag)
{
	pid_t pid = fork();

	if (!pid)
		_exit(unshare(flag) ? errno : 0);
	return wait_for(pid);
}

/* Namespaces go some time after all that has held them. */
static int until_gone(int flag)
{
	struct timespec ms = { .tv_nsec = 20000000 };
	int i, err = ENOSPC;

	for (i = 0; i < 2000 * vt_patience() && err == ENOSPC; i++) {
		err = try_one(flag);
		if (err)
			nanosleep(&ms, NULL);
	}
	return err;
}

#define SKIP_WHY	"systems that let users make namespaces only"

/* Namespaces that are dead but for self->nl, in the middle of a dump */
#define DIE() do { \
	struct rlimit __lim; \
	int __sv[2]; \
	pid_t __pid; \
	\
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &__lim)); \
	__lim.rlim_cur = __lim.rlim_max; \
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &__lim)); \
	ASSERT_EQ(0, vt_pair(AF_UNIX, SOCK_STREAM, __sv)); \
	if (unshare(CLONE_NEWUSER)) \
		SKIP(return, SKIP_WHY); \
	ASSERT_EQ(0, write_file("/proc/self/uid_map", "0 0 1")); \
	if (write_file("/proc/sys/user/max_net_namespaces", "1") || \
	    write_file("/proc/sys/user/max_pid_namespaces", "1")) \
		SKIP(return, SKIP_WHY); \
	__pid = fork(); \
	if (!__pid) { \
		if (unshare(CLONE_NEWNET | CLONE_NEWPID)) \
			_exit(errno); \
		__pid = fork(); \
		if (!__pid) \
			_exit(inside(variant->family, variant->mon, \
				     __sv[0])); \
		_exit(wait_for(__pid)); \
	} \
	ASSERT_EQ(0, wait_for(__pid)); \
	self->nl = vt_recv_fd(__sv[1]); \
	ASSERT_LE(0, self->nl); \
	ASSERT_EQ(0, vt_set_timeo(self->nl, SO_RCVTIMEO, \
				  60000 * vt_patience())); \
	/* The test would see it if they stayed. */ \
	ASSERT_EQ(ENOSPC, try_one(CLONE_NEWNET)); \
	/* vunix numbers processes as who has asked sees them, to the end. */ \
	if (!vt_is_unix(variant->family)) \
		ASSERT_EQ(ENOSPC, try_one(CLONE_NEWPID)); \
} while (0)

TEST_F_TIMEOUT(gone, read_on, 200)
{
	int n, shown = 0;

	DIE();
	while ((n = read_part(self->nl)) >= 0)
		shown += n;
	ASSERT_EQ(-2, n);
	/* It was not all made before they died. */
	ASSERT_GT(PAIRS, shown);
	/* The device counts processes as its maker does, so it has both. */
	if (!variant->mon)
		ASSERT_EQ(0, until_gone(CLONE_NEWPID));
	ASSERT_EQ(ENOSPC, try_one(CLONE_NEWNET));
	close(self->nl);
	ASSERT_EQ(0, until_gone(CLONE_NEWNET));
	ASSERT_EQ(0, until_gone(CLONE_NEWPID));
}

TEST_F_TIMEOUT(gone, closed, 200)
{
	DIE();
	close(self->nl);
	ASSERT_EQ(0, until_gone(CLONE_NEWNET));
	ASSERT_EQ(0, until_gone(CLONE_NEWPID));
}

TEST_HARNESS_MAIN
