// SPDX-License-Identifier: GPL-2.0
/*
 * What one read of a stream joins when some of its bytes carry descriptors or
 * credentials.  Proves RIGHTS-10, RIGHTS-11, RIGHTS-12, RIGHTS-26, CRED-09.
 */
#include "scm.h"

VT_FIXTURE_PAIR(stream, VT_FAMILIES, SOCK_STREAM, s, r);

TEST_F(stream, joins_plain_before)
{
	struct scm_probe p;
	struct scm_in in;

	ASSERT_EQ(0, scm_send_fds(self->s, "one ", NULL, 0, 0));
	ASSERT_EQ(0, scm_send_fds(self->s, "two ", NULL, 0, 0));
	ASSERT_EQ(0, scm_give(self->s, "three", &p));
	ASSERT_EQ(0, scm_send_fds(self->s, "four", NULL, 0, 0));
	ASSERT_EQ(13, scm_recv(self->r, &in, MSG_PEEK));
	ASSERT_TRUE(scm_is(&in, "one two three"));
	ASSERT_EQ(1, in.nr_fds);
	scm_close(&in);
	PROVES("RIGHTS-26");

	ASSERT_EQ(13, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "one two three"));
	ASSERT_EQ(1, in.nr_fds);
	ASSERT_TRUE(scm_reaches(in.fds[0], &p));
	ASSERT_EQ(4, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "four"));
	ASSERT_EQ(0, in.nr);
	PROVES("RIGHTS-10");
}

TEST_F(stream, never_two)
{
	struct scm_probe p[4];
	struct scm_in in;
	int i, flags;

	for (flags = 0; flags <= MSG_WAITALL; flags += MSG_WAITALL) {
		for (i = 0; i < 4; i++)
			ASSERT_EQ(0, scm_give(self->s, "ab", &p[i]));
		for (i = 0; i < 4; i++) {
			ASSERT_EQ(2, scm_recv(self->r, &in, MSG_PEEK | flags));
			ASSERT_EQ(1, in.nr_fds);
			scm_close(&in);
			ASSERT_EQ(2, scm_recv(self->r, &in, flags));
			ASSERT_TRUE(scm_is(&in, "ab"));
			ASSERT_EQ(1, in.nr_fds);
			ASSERT_TRUE(scm_reaches(in.fds[0], &p[i]));
			scm_close(&in);
		}
	}
	PROVES("RIGHTS-11");
}

TEST_F(stream, first_byte)
{
	struct scm_probe p;
	struct scm_in in;
	char c;

	ASSERT_EQ(0, scm_give(self->s, "abcdef", &p));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 1, 256, 0));
	ASSERT_EQ('a', in.data[0]);
	ASSERT_EQ(1, in.nr_fds);
	ASSERT_TRUE(scm_reaches(in.fds[0], &p));
	scm_close(&in);
	ASSERT_TRUE(scm_closed(&p));
	/* The rest carries nothing, and is like any other data. */
	ASSERT_EQ(0, scm_send_fds(self->s, "gh", NULL, 0, 0));
	ASSERT_EQ(7, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "bcdefgh"));
	ASSERT_EQ(0, in.nr);

	/* Taken by who does not ask: gone. */
	ASSERT_EQ(0, scm_give(self->s, "xyz", &p));
	ASSERT_EQ(1, read(self->r, &c, 1));
	ASSERT_TRUE(scm_closed(&p));
	ASSERT_EQ(2, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "yz"));
	ASSERT_EQ(0, in.nr);
	PROVES("RIGHTS-12");
}

/* Send "ab" as another process, with real ids of its own: its pid. */
static pid_t send_as(int fd, uid_t uid, gid_t gid)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit((gid && setresgid(gid, 0, 0)) ||
		      (uid && setresuid(uid, 0, 0)) ||
		      scm_send_fds(fd, "ab", NULL, 0, 0));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return -1;
	return pid;
}

static int send_creds(int fd, uid_t uid, gid_t gid)
{
	struct ucred cred = { .pid = getpid(), .uid = uid, .gid = gid };
	struct scm_out out = {};

	scm_add(&out, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
	return vt_err(scm_send(fd, "ab", &out, 0));
}

/* The next read brings @n bytes of a process with these ids. */
static bool get_creds(int fd, int n, pid_t pid, uid_t uid, gid_t gid)
{
	struct scm_in in;

	return scm_recv(fd, &in, 0) == n && in.nr == 1 &&
	       in.cred_len == sizeof(in.cred) && in.cred.pid == pid &&
	       in.cred.uid == uid && in.cred.gid == gid;
}

TEST_F(stream, never_two_senders)
{
	struct scm_in in;
	pid_t a, b;

	ASSERT_EQ(0, vt_setint(self->r, SOL_SOCKET, SO_PASSCRED, 1));
	a = send_as(self->s, 0, 0);
	b = send_as(self->s, 0, 0);
	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	/* The same process may be joined. */
	ASSERT_EQ(0, scm_send_fds(self->s, "ab", NULL, 0, 0));
	ASSERT_EQ(0, scm_send_fds(self->s, "ab", NULL, 0, 0));
	ASSERT_EQ(2, scm_recv(self->r, &in, MSG_PEEK));
	ASSERT_EQ(a, in.cred.pid);
	ASSERT_TRUE(get_creds(self->r, 2, a, getuid(), getgid()));
	ASSERT_TRUE(get_creds(self->r, 2, b, getuid(), getgid()));
	ASSERT_TRUE(get_creds(self->r, 4, getpid(), getuid(), getgid()));

	/* One process, many ids. */
	ASSERT_EQ(0, send_creds(self->s, 7, 0));
	ASSERT_EQ(0, send_creds(self->s, 8, 0));
	ASSERT_EQ(0, send_creds(self->s, 8, 9));
	ASSERT_EQ(0, send_creds(self->s, 8, 9));
	ASSERT_TRUE(get_creds(self->r, 2, getpid(), 7, 0));
	ASSERT_TRUE(get_creds(self->r, 2, getpid(), 8, 0));
	ASSERT_TRUE(get_creds(self->r, 4, getpid(), 8, 9));

	a = send_as(self->s, 5, 0);
	b = send_as(self->s, 0, 6);
	ASSERT_EQ(2, scm_recv(self->r, &in, MSG_WAITALL));
	ASSERT_EQ(a, in.cred.pid);
	ASSERT_TRUE(in.cred.uid == 5);
	ASSERT_TRUE(get_creds(self->r, 2, b, 0, 6));

	/* Who does not ask may have all of it. */
	ASSERT_LT(0, send_as(self->s, 0, 0));
	ASSERT_LT(0, send_as(self->s, 0, 0));
	ASSERT_EQ(0, vt_setint(self->r, SOL_SOCKET, SO_PASSCRED, 0));
	ASSERT_EQ(4, scm_recv(self->r, &in, 0));
	ASSERT_EQ(0, in.nr);
	PROVES("CRED-09");
}

TEST_HARNESS_MAIN
