// SPDX-License-Identifier: GPL-2.0
/*
 * How many descriptors may be on their way.  Proves LIM-01, LIM-02 and FAM-08:
 * on vunix AF_UNIX sockets, of which a cycle could be made that no collector
 * sees, have limits that no privilege lifts; and that one can see the counts.
 */
#define VT_OWN_NETNS
#include "scm.h"

#include <sys/resource.h>

VT_FIXTURE_PAIR(inflight, VT_FAMILIES_TYPES, variant->type, s, r);

/* A user who has nothing on the way. */
#define NOBODY_ELSE	54321
#define LIMIT		20

/* Send a message with @n times the descriptor: 0, or the errno. */
static int send_n(int sock, int fd, int n)
{
	int i, fds[253];

	for (i = 0; i < n; i++)
		fds[i] = fd;
	return scm_send_fds(sock, "x", fds, n, 0);
}

/* Receive a message with @n descriptors. */
static bool recv_n(int sock, int n)
{
	struct scm_in in;
	bool ok = scm_recv(sock, &in, 0) == 1 && scm_is(&in, "x") &&
		  in.nr_fds == n;

	scm_close(&in);
	return ok;
}

static int limit(rlim_t max)
{
	struct rlimit lim = { .rlim_cur = max, .rlim_max = max };

	return setrlimit(RLIMIT_NOFILE, &lim);
}

struct inflight_arg {
	int family;
	int s, r;
	int cap[2];
};

static int nobody(void *p)
{
	struct inflight_arg *a = p;
	int sv[2];
	char c;

	if (limit(LIMIT) || vt_pair(a->family, SOCK_STREAM, sv))
		return 1;
	/* What close() finds in the queue is given back. */
	if (send_n(sv[0], 0, 2 * LIMIT) ||
	    send_n(sv[0], 0, 1) != ETOOMANYREFS)
		return 9;
	close(sv[0]);
	close(sv[1]);
	/* The count decides, before what is added. */
	if (send_n(a->s, 0, 10) || send_n(a->s, 0, 10) || send_n(a->s, 0, 10))
		return 2;
	if (send_n(a->s, 0, 1) != ETOOMANYREFS ||
	    send_n(a->s, 0, 10) != ETOOMANYREFS)
		return 3;
	/* Data has no such limit. */
	if (send_n(a->s, 0, 0))
		return 4;
	/* A duplicate that is handed out does not count, nor give back. */
	if (recv(a->r, &c, 1, MSG_PEEK) != 1 ||
	    send_n(a->s, 0, 1) != ETOOMANYREFS)
		return 5;
	if (!recv_n(a->r, 10) || send_n(a->s, 0, 3) ||
	    send_n(a->s, 0, 1) != ETOOMANYREFS)
		return 6;
	/* Given back by who does not want them, too: 3 are left. */
	if (recv(a->r, &c, 1, 0) != 1 || recv(a->r, &c, 1, 0) != 1 ||
	    recv(a->r, &c, 1, 0) != 1)
		return 7;
	if (send_n(a->s, 0, 10) || send_n(a->s, 0, 10) ||
	    send_n(a->s, 0, 1) != ETOOMANYREFS)
		return 8;
	return 0;
}

TEST_F(inflight, of_a_user)
{
	struct inflight_arg a = {
		variant->family, self->s, self->r, {}
	};

	ASSERT_EQ(0, vt_run_as(NOBODY_ELSE, nobody, &a));
	PROVES("LIM-01");
}

static int with_caps(void *p)
{
	struct inflight_arg *a = p;
	int i, err = 0;

	for (i = 0; i < 2; i++)
		if (a->cap[i] >= 0 && scm_drop_cap(a->cap[i]))
			return 255;
	if (limit(LIMIT))
		return 254;
	for (i = 0; i < 5 && !err; i++)
		err = send_n(a->s, 0, 10);
	while (scm_recv_room(a->r, &(struct scm_in){}, 8, 0, 0) == 1)
		;
	return err;
}

TEST_F(inflight, privileged)
{
	struct inflight_arg a = {
		variant->family, self->s, self->r, { -1, -1 }
	};

	/* Containers may lack it; machines that run all the tests do not. */
	if (scm_cap(CAP_SYS_RESOURCE, false) != 1) {
		SKIP_ROWS("no CAP_SYS_RESOURCE", "LIM-02");
		SKIP(return, "no CAP_SYS_RESOURCE");
	}
	ASSERT_EQ(0, vt_run_as(0, with_caps, &a));
	a.cap[0] = CAP_SYS_ADMIN;
	ASSERT_EQ(0, vt_run_as(0, with_caps, &a));
	a.cap[0] = CAP_SYS_RESOURCE;
	ASSERT_EQ(0, vt_run_as(0, with_caps, &a));
	a.cap[1] = CAP_SYS_ADMIN;
	ASSERT_EQ(ETOOMANYREFS, vt_run_as(0, with_caps, &a));
	PROVES("LIM-02");
}

/* The limit of a user without privilege, who has nothing on the way. */
static int of_nobody(void *p)
{
	struct inflight_arg *a = p;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (send_n(a->s, fd, 65) != ETOOMANYREFS || send_n(a->s, fd, 64))
		return 1;
	/* It is not the limit of all descriptors. */
	if (send_n(a->s, fd, 1) != ETOOMANYREFS || send_n(a->s, 0, 1))
		return 2;
	return !recv_n(a->r, 64) || !recv_n(a->r, 1) ? 3 : 0;
}

/* A cycle through both families is nobody's to find: only AF_UNIX's count. */
TEST_F(inflight, sockets)
{
	const char *path = "/proc/sys/net/vunix/max_foreign_inflight";
	int fd[2], unix_fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct inflight_arg a = {
		variant->family, self->s, self->r, {}
	};

	fd[0] = unix_fd;
	fd[1] = vt_socket(variant->family, SOCK_DGRAM);
	if (vt_is_unix(variant->family)) {
		ASSERT_EQ(0, send_n(self->s, fd[0], 253));
		ASSERT_TRUE(recv_n(self->r, 253));
		return;
	}
	ASSERT_EQ(64, vt_read_num(path));
	ASSERT_EQ(0, vt_run_as(NOBODY_ELSE, of_nobody, &a));
	ASSERT_EQ(ETOOMANYREFS, send_n(self->s, fd[0], 65));
	ASSERT_EQ(0, send_n(self->s, fd[0], 60));
	ASSERT_EQ(ETOOMANYREFS, send_n(self->s, fd[0], 5));
	ASSERT_EQ(0, send_n(self->s, fd[0], 4));
	ASSERT_EQ(ETOOMANYREFS, send_n(self->s, fd[0], 1));
	/* Other files are not meant, nor what the collector knows. */
	ASSERT_EQ(0, send_n(self->s, 0, 253));
	ASSERT_EQ(0, send_n(self->s, fd[1], 253));
	ASSERT_TRUE(recv_n(self->r, 60));
	ASSERT_TRUE(recv_n(self->r, 4));
	ASSERT_TRUE(recv_n(self->r, 253));
	ASSERT_TRUE(recv_n(self->r, 253));
	ASSERT_EQ(0, vt_write_num(path, 3));
	ASSERT_EQ(ETOOMANYREFS, send_n(self->s, fd[0], 4));
	ASSERT_EQ(0, send_n(self->s, fd[0], 3));
	ASSERT_EQ(ETOOMANYREFS, send_n(self->s, fd[0], 1));
	/* Given back with the queue. */
	close(self->r);
	close(self->s);
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, fd));
	ASSERT_EQ(0, send_n(fd[0], unix_fd, 3));
	ASSERT_TRUE(recv_n(fd[1], 3));
	ASSERT_EQ(0, vt_write_num(path, 0));
	ASSERT_EQ(ETOOMANYREFS, send_n(fd[0], unix_fd, 1));
	ASSERT_EQ(0, send_n(fd[0], 0, 1));
	ASSERT_TRUE(recv_n(fd[1], 1));
	PROVES("FAM-08");
}

#define SYSCTLS	"/proc/sys/net/vunix/"

static bool counts(long files, long foreign)
{
	return vt_read_num(SYSCTLS "user_inflight") == files &&
	       vt_read_num(SYSCTLS "user_foreign_inflight") == foreign;
}

static int see_counts(void *p)
{
	struct inflight_arg *a = p;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (!counts(0, 0))
		return 1;
	if (send_n(a->s, 0, 3) || !counts(3, 0) || send_n(a->s, fd, 2))
		return 2;
	if (!counts(5, 2) || !recv_n(a->r, 3) || !counts(2, 2))
		return 3;
	if (vt_read_num(SYSCTLS "foreign_inflight") != 2)
		return 4;
	if (!recv_n(a->r, 2) || !counts(0, 0))
		return 5;
	return vt_read_num(SYSCTLS "foreign_inflight") ? 6 : 0;
}

TEST_F(inflight, visible)
{
	struct inflight_arg a = {
		variant->family, self->s, self->r, {}
	};

	if (vt_is_unix(variant->family))
		SKIP(return, "vunix only");
	if (vt_shared_netns())
		SKIP(return, "tests with a namespace of their own only");
	ASSERT_EQ(0, vt_run_as(NOBODY_ELSE, see_counts, &a));
	/* Not to be written, not even by who may write the limits. */
	ASSERT_NE(0, vt_write_num(SYSCTLS "user_inflight", 0));
	ASSERT_NE(0, vt_write_num(SYSCTLS "foreign_inflight", 0));
}

/* What a user may have, in one message. */
static int fill(void *p)
{
	struct inflight_arg *a = p;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return send_n(a->s, fd, 64);
}

#define USERS_NET	64	/* times 64 sockets: what a namespace may have */
#define NETS_ALL	4	/* what all together may have */

/*
 * A cycle through both families is never found; so what many users, each in
 * their own right, can make of it has an end: in a namespace, and in all.
 */
TEST_F_TIMEOUT(inflight, many_users, 120)
{
	struct inflight_arg a = { .family = variant->family };
	int sv[NETS_ALL + 1][2], i, j, uid = NOBODY_ELSE + 1;

	if (vt_is_unix(variant->family))
		SKIP(return, "vunix only");
	for (i = 0; i <= NETS_ALL; i++) {
		ASSERT_EQ(0, unshare(CLONE_NEWNET));
		ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv[i]));
		vt_setint(sv[i][0], SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20);
		a.s = sv[i][0];
		for (j = 0; i < NETS_ALL && j < USERS_NET; j++)
			ASSERT_EQ(0, vt_run_as(uid++, fill, &a));
		ASSERT_EQ(ETOOMANYREFS, vt_run_as(uid++, fill, &a));
		/* Nor does privilege help; other files pass. */
		ASSERT_EQ(ETOOMANYREFS, fill(&a));
		ASSERT_EQ(0, send_n(a.s, 0, 64));
	}
	/* One message received is one that can be sent. */
	ASSERT_TRUE(recv_n(sv[0][1], 64));
	ASSERT_EQ(0, vt_run_as(uid++, fill, &a));
	ASSERT_EQ(ETOOMANYREFS, vt_run_as(uid++, fill, &a));
	PROVES("FAM-08");
}

TEST_HARNESS_MAIN
