// SPDX-License-Identifier: GPL-2.0
/*
 * Limits that both families have: LIM-03, LIM-04, LIM-06, LIM-07.  LIM-05 is
 * the backlog and in listen.c, LIM-01 and LIM-02 are of descriptors in flight.
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

#include <sys/resource.h>

VT_FIXTURE(any, VT_FAMILIES_TYPES);

FIXTURE(one) {
	struct vt_env env;
	const char *qlen;
};

FIXTURE_VARIANT(one) {
	int family;
};

VT_FAMILIES(one);

FIXTURE_SETUP(one)
{
	VT_SETUP();
	self->qlen = vt_qlen_path(variant->family);
}

FIXTURE_TEARDOWN(one)
{
	VT_TEARDOWN();
}

TEST_F(any, descriptor_table)
{
	int sv[2] = { -1, -1 }, l = -1, c = -1, s;
	struct rlimit old, now;

	if (variant->type != SOCK_DGRAM) {
		l = vt_socket(variant->family, variant->type);
		c = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_bind(l, "@l"));
		ASSERT_EQ(0, listen(l, 5));
		ASSERT_EQ(0, vt_connect(c, "@l"));
	}
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	now = old;
	now.rlim_cur = dup(1);		/* the lowest that is free */
	ASSERT_EQ(0, close(now.rlim_cur));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &now));
	ASSERT_ERR(EMFILE, vt_socket(variant->family, variant->type));
	ASSERT_ERR(EMFILE, vt_pair(variant->family, variant->type, sv));
	if (l >= 0)
		ASSERT_ERR(EMFILE, accept(l, NULL, NULL));

	/* Room for one end of a pair is none. */
	now.rlim_cur++;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &now));
	ASSERT_ERR(EMFILE, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(-1, sv[0]);
	ASSERT_EQ(-1, sv[1]);
	s = vt_socket(variant->family, variant->type);
	ASSERT_EQ((int)now.rlim_cur - 1, s);
	ASSERT_ERR(EMFILE, vt_socket(variant->family, variant->type));
	ASSERT_EQ(0, close(s));

	/* And nothing stayed behind of what failed. */
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ((int)now.rlim_cur - 1, sv[0]);
	ASSERT_EQ((int)now.rlim_cur, sv[1]);
	if (l >= 0)
		ASSERT_LE(0, accept(l, NULL, NULL));
	PROVES("LIM-03");
}

/* How many messages a new receiver takes, from one or from many strangers. */
static int queue_takes(int family, const char *name, bool many)
{
	int r = vt_socket(family, SOCK_DGRAM), n = 0;
	int s = vt_socket(family, SOCK_DGRAM);

	if (vt_bind(r, name))
		return -1;
	while (vt_sendto(s, "x", 1, MSG_DONTWAIT, name) == 1) {
		n++;
		if (many) {
			close(s);
			s = vt_socket(family, SOCK_DGRAM);
		}
	}
	if (errno != EAGAIN)
		n = -1;
	close(s);
	close(r);
	return n;
}

TEST_F(one, queue_length)
{
	static const int len[] = { 0, 1, 2, 5, 30 };
	int f = variant->family, ns, i, r, s;
	struct stat st;

	ASSERT_EQ(10, vt_read_num(self->qlen));
	ASSERT_EQ(11, queue_takes(f, "@d", false));
	ASSERT_EQ(11, queue_takes(f, "@d", true));
	for (i = 0; i < (int)ARRAY_SIZE(len); i++) {
		ASSERT_EQ(0, vt_write_num(self->qlen, len[i]));
		ASSERT_EQ(len[i], vt_read_num(self->qlen));
		ASSERT_EQ(len[i] + 1, queue_takes(f, "@d", false));
		ASSERT_EQ(len[i] + 1, queue_takes(f, "@d", true));
	}

	/* Only sockets created later: r is of the time of 1. */
	ASSERT_EQ(0, vt_write_num(self->qlen, 1));
	r = vt_socket(f, SOCK_DGRAM);
	ASSERT_EQ(0, vt_write_num(self->qlen, 4));
	ASSERT_EQ(0, vt_bind(r, "@r"));
	s = vt_socket(f, SOCK_DGRAM);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(1, vt_sendto(s, "x", 1, MSG_DONTWAIT, "@r"));
	ASSERT_ERR(EAGAIN, vt_sendto(s, "x", 1, MSG_DONTWAIT, "@r"));

	/* Each namespace its own: ours stays as it is. */
	ns = open("/proc/self/ns/net", O_RDONLY);
	ASSERT_LE(0, ns);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(10, vt_read_num(self->qlen));
	ASSERT_EQ(0, vt_write_num(self->qlen, 7));
	ASSERT_EQ(8, queue_takes(f, "@d", false));
	ASSERT_EQ(0, setns(ns, CLONE_NEWNET));
	ASSERT_EQ(4, vt_read_num(self->qlen));
	ASSERT_EQ(5, queue_takes(f, "@d", false));

	ASSERT_EQ(0, stat(self->qlen, &st));
	ASSERT_EQ(0644, (int)(st.st_mode & 07777));
	PROVES("LIM-04");
}

TEST_F(one, negative)
{
	static const int bad[] = { -1, -2, -2147483647 - 1 };
	unsigned int i;

	if (VT_UNIX_OLDER(7, 3)) {
		SKIP_ROWS("AF_UNIX older than 7.3", "LIM-06");
		SKIP(return, "AF_UNIX older than 7.3");
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_ERR(EINVAL, vt_write_num(self->qlen, bad[i]));
		ASSERT_EQ(10, vt_read_num(self->qlen));
	}
	ASSERT_EQ(0, vt_write_num(self->qlen, 0));
	ASSERT_EQ(0, vt_write_num(self->qlen, 2147483647));
	ASSERT_EQ(2147483647, vt_read_num(self->qlen));
	PROVES("LIM-06");
}

#define FILE_MAX "/proc/sys/fs/file-max"

/*
 * Lower the file limit of the whole system.  A process of another session,
 * which no time limit of the harness reaches, puts the old one back as soon
 * as the pipe it reads from has no writer left.  Its end is in *@hold.
 */
static pid_t lower_file_max(long max, int *hold)
{
	char old[32] = {};
	int p[2], fd, n;
	pid_t pid;
	char c;

	fd = open(FILE_MAX, O_RDWR);
	if (fd < 0 || pipe2(p, O_CLOEXEC))
		return -1;
	n = read(fd, old, sizeof(old) - 1);
	if (n <= 0)
		return -1;
	pid = fork();
	if (!pid) {
		setsid();
		close(p[1]);
		while (read(p[0], &c, 1) > 0)
			;
		_exit(pwrite(fd, old, n, 0) != n);
	}
	close(p[0]);
	close(fd);
	*hold = p[1];
	if (pid > 0 && vt_write_num(FILE_MAX, max)) {
		close(p[1]);
		waitpid(pid, NULL, 0);
		return -1;
	}
	return pid;
}

TEST_F(any, sockets)
{
	static const long max = 20;
	int s[64], sv[2], n, r, hold, status;
	int err, pair_err, one_left_err, connect_err = 0;
	int c = -1, l = -1, again;
	long before;
	pid_t pid;

	/* Everybody on the machine would feel it. */
	if (!getenv("VUNIX_VM")) {
		SKIP_ROWS("needs a machine of its own", "LIM-07");
		SKIP(return, "needs a machine of its own");
	}
	if (variant->type != SOCK_DGRAM) {
		l = vt_socket(variant->family, variant->type);
		c = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_bind(l, "@l"));
		ASSERT_EQ(0, listen(l, 5));
	}
	before = vt_read_num(FILE_MAX);
	ASSERT_LT(max, before);
	pid = lower_file_max(max, &hold);
	ASSERT_LT(0, pid);

	/* Files as such are not limited: CAP_SYS_ADMIN is exempt. */
	for (n = 0; n < 64; n++) {
		s[n] = vt_socket(variant->family, variant->type);
		if (s[n] < 0)
			break;
	}
	err = errno;
	/* Full for all that makes sockets, one or two; other files go on. */
	pair_err = vt_err(vt_pair(variant->family, variant->type, sv));
	if (c >= 0)
		connect_err = vt_err(vt_connect(c, "@l"));
	r = open("/dev/null", O_RDONLY);
	/* One less makes room for one, not for two. */
	close(s[n - 1]);
	one_left_err = vt_err(vt_pair(variant->family, variant->type, sv));
	again = vt_socket(variant->family, variant->type);

	/* Back to what it was before anything is asserted. */
	close(hold);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_EQ(before, vt_read_num(FILE_MAX));

	ASSERT_EQ(ENFILE, err);
	ASSERT_EQ(ENFILE, pair_err);
	ASSERT_EQ(ENFILE, one_left_err);
	if (c >= 0)
		ASSERT_EQ(ENFILE, connect_err);
	ASSERT_LE(0, r);
	ASSERT_LE(0, again);
	/* Other sockets of the system count; here there are hardly any. */
	ASSERT_GE(2 * max, n + (c >= 0 ? 2 : 0));
	ASSERT_LE(2 * max - 10, n + (c >= 0 ? 2 : 0));

	if (c >= 0)
		ASSERT_EQ(0, vt_connect(c, "@l"));
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	PROVES("LIM-07");
}

TEST_HARNESS_MAIN
