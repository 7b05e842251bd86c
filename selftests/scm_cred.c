// SPDX-License-Identifier: GPL-2.0
/*
 * Credentials with data.  Proves CRED-01 to CRED-08 and CRED-10 to CRED-13;
 * CRED-09 is in scm_stream.c.
 */
#include "scm.h"

VT_FIXTURE_PAIR(cred, VT_FAMILIES_TYPES, variant->type, s, r);

static int pass(int fd, int on)
{
	return vt_setint(fd, SOL_SOCKET, SO_PASSCRED, on);
}

/* Send "x" with these credentials: 0 or the errno. */
static int send_cred(int fd, pid_t pid, uid_t uid, gid_t gid)
{
	struct ucred cred = { .pid = pid, .uid = uid, .gid = gid };
	struct scm_out out = {};

	scm_add(&out, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
	return vt_err(scm_send(fd, "x", &out, 0));
}

static int send_plain(int fd)
{
	return scm_send_fds(fd, "x", NULL, 0, 0);
}

/* The next receive brings "x" and exactly these. */
static bool get_cred(int fd, pid_t pid, uid_t uid, gid_t gid, int flags)
{
	struct scm_in in;

	return scm_recv(fd, &in, flags) == 1 && scm_is(&in, "x") &&
	       in.nr == 1 && in.types[0] == SCM_CREDENTIALS &&
	       in.cred_len == sizeof(in.cred) && in.cred.pid == pid &&
	       in.cred.uid == uid && in.cred.gid == gid;
}

TEST_F(cred, stamped)
{
	int status;
	pid_t pid;

	/* Any value but 0, on at once. */
	ASSERT_EQ(0, pass(self->r, -5));
	ASSERT_EQ(1, vt_getint(self->r, SOL_SOCKET, SO_PASSCRED));
	ASSERT_EQ(0, send_plain(self->s));
	ASSERT_EQ(0, send_plain(self->s));
	if (variant->type == SOCK_STREAM) {
		struct scm_in in;

		ASSERT_EQ(1, scm_recv_room(self->r, &in, 1, 256, 0));
		ASSERT_EQ(getpid(), in.cred.pid);
	} else {
		ASSERT_TRUE(get_cred(self->r, getpid(), 0, 0, 0));
	}
	ASSERT_TRUE(get_cred(self->r, getpid(), 0, 0, 0));

	/* write() as well, with real ids that are not the effective ones. */
	pid = fork();
	if (!pid)
		_exit(setresgid(11, 0, 0) || setresuid(12, 0, 0) ||
		      write(self->s, "x", 1) != 1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_TRUE(get_cred(self->r, pid, 12, 11, 0));
	PROVES("CRED-01", "CRED-13");
}

struct thread_arg {
	int fd;
};

static long send_in_thread(void *arg)
{
	return send_plain(((struct thread_arg *)arg)->fd);
}

TEST_F(cred, thread_group)
{
	struct thread_arg arg = { self->s };
	struct vt_bg bg;

	ASSERT_EQ(0, pass(self->r, 1));
	ASSERT_EQ(0, vt_bg_start(&bg, send_in_thread, &arg));
	ASSERT_EQ(0, vt_bg_join(&bg));
	ASSERT_NE(bg.tid, getpid());
	ASSERT_TRUE(get_cred(self->r, getpid(), 0, 0, 0));
	PROVES("CRED-01");
}

struct ids_arg {
	int s, r;
};

/* Real, effective and saved ids 1, 2, 3 and 4, 5, 6: each may be told. */
static int own_ids(void *p)
{
	struct ids_arg *a = p;
	int u, g;

	if (setgroups(0, NULL) || setresgid(4, 5, 6) || setresuid(1, 2, 3))
		return 1;
	for (u = 1; u <= 3; u++)
		for (g = 4; g <= 6; g++)
			if (send_cred(a->s, getpid(), u, g) ||
			    !get_cred(a->r, getpid(), u, g, 0))
				return 2;
	/* Nobody else's. */
	if (send_cred(a->s, getpid(), 0, 4) != EPERM ||
	    send_cred(a->s, getpid(), 1, 7) != EPERM ||
	    send_cred(a->s, getppid(), 1, 4) != EPERM ||
	    send_cred(a->s, 0x3ffffff, 1, 4) != EPERM)
		return 3;
	if (send_cred(a->s, getpid(), -1, 4) != EINVAL ||
	    send_cred(a->s, getpid(), 1, -1) != EINVAL)
		return 4;
	return vt_err(recv(a->r, p, 1, MSG_DONTWAIT)) == EAGAIN ? 0 : 5;
}

TEST_F(cred, own)
{
	struct ids_arg a = { self->s, self->r };

	ASSERT_EQ(0, pass(self->r, 1));
	ASSERT_EQ(0, vt_run_as(0, own_ids, &a));
	PROVES("CRED-02");
}

struct cap_arg {
	int s, r, cap;
};

static int foreign_ids(void *p)
{
	struct cap_arg *a = p;
	bool pid_ok = a->cap != CAP_SYS_ADMIN;
	bool uid_ok = a->cap != CAP_SETUID;
	bool gid_ok = a->cap != CAP_SETGID;

	if (scm_drop_cap(a->cap))
		return 1;
	if (send_cred(a->s, getppid(), 0, 0) != (pid_ok ? 0 : EPERM) ||
	    (pid_ok && !get_cred(a->r, getppid(), 0, 0, 0)))
		return 2;
	if (send_cred(a->s, getpid(), 70000, 0) != (uid_ok ? 0 : EPERM) ||
	    (uid_ok && !get_cred(a->r, getpid(), 70000, 0, 0)))
		return 3;
	if (send_cred(a->s, getpid(), 0, 70000) != (gid_ok ? 0 : EPERM) ||
	    (gid_ok && !get_cred(a->r, getpid(), 0, 70000, 0)))
		return 4;
	return 0;
}

TEST_F(cred, foreign)
{
	struct cap_arg a = { self->s, self->r, CAP_SYS_ADMIN };
	int status;
	pid_t pid;

	ASSERT_EQ(0, pass(self->r, 1));
	ASSERT_EQ(0, vt_run_as(0, foreign_ids, &a));
	a.cap = CAP_SETUID;
	ASSERT_EQ(0, vt_run_as(0, foreign_ids, &a));
	a.cap = CAP_SETGID;
	ASSERT_EQ(0, vt_run_as(0, foreign_ids, &a));
	/* With none of them, and what privilege does not help. */
	ASSERT_EQ(0, vt_run_as(0, own_ids, &a));
	pid = fork();
	if (!pid)
		_exit(0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(ESRCH, send_cred(self->s, pid, 0, 0));
	ASSERT_EQ(ESRCH, send_cred(self->s, 0, 0, 0));
	ASSERT_EQ(EINVAL, send_cred(self->s, getpid(), -1, 0));
	ASSERT_EQ(EINVAL, send_cred(self->s, getpid(), 0, -1));
	ASSERT_EQ(EAGAIN, vt_err(recv(self->r, &a, 1, MSG_DONTWAIT)));
	PROVES("CRED-03");
}

TEST_F(cred, payload_size)
{
	struct ucred cred[2] = { { .pid = getpid() } };
	struct scm_out out;
	struct scm_in in;
	size_t n;

	for (n = 0; n <= sizeof(cred); n++) {
		memset(&out, 0, sizeof(out));
		scm_add(&out, SOL_SOCKET, SCM_CREDENTIALS, cred, n);
		ASSERT_EQ(n == sizeof(*cred) ? 0 : EINVAL,
			  vt_err(scm_send(self->s, "x", &out, 0)));
	}
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ(EAGAIN, vt_err(scm_recv(self->r, &in, 0)));
	PROVES("CRED-04");
}

TEST_F(cred, not_asked_for)
{
	struct scm_in in;

	ASSERT_EQ(0, send_cred(self->s, getpid(), 0, 0));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "x"));
	ASSERT_EQ(0, in.nr);
	ASSERT_EQ(0, send_cred(self->s, getpid(), 0, 0));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, 0, 0));
	ASSERT_TRUE(scm_is(&in, "x"));
	ASSERT_EQ(0, pass(self->r, 1));
	ASSERT_EQ(0, pass(self->r, 0));
	ASSERT_EQ(0, send_plain(self->s));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "x"));
	ASSERT_EQ(0, in.nr);
	PROVES("CRED-05");
}

/* The end of a stream has credentials, of process 0; no other end has any. */
TEST_F(cred, at_the_end)
{
	struct scm_in in;

	ASSERT_EQ(0, pass(self->r, 1));
	ASSERT_EQ(0, shutdown(self->r, SHUT_RD));
	if (variant->type == SOCK_DGRAM) {
		ASSERT_EQ(EAGAIN, vt_err(scm_recv(self->r, &in, MSG_DONTWAIT)));
		return;
	}
	ASSERT_EQ(0, scm_recv(self->r, &in, MSG_DONTWAIT));
	if (variant->type == SOCK_SEQPACKET) {
		ASSERT_EQ(0, in.nr);
		return;
	}
	ASSERT_EQ(1, in.nr);
	ASSERT_EQ(SCM_CREDENTIALS, in.types[0]);
	ASSERT_EQ(0, in.cred.pid);
	ASSERT_EQ(0U, in.cred.uid);
	ASSERT_EQ(0U, in.cred.gid);
}

TEST_F(cred, asked_for_later)
{
	ASSERT_EQ(0, send_plain(self->s));
	ASSERT_EQ(0, pass(self->r, 1));
	ASSERT_TRUE(get_cred(self->r, 0, 65534, 65534, 0));
	PROVES("CRED-06");

	/* The sender has it. */
	ASSERT_EQ(0, pass(self->r, 0));
	ASSERT_EQ(0, pass(self->s, 1));
	ASSERT_EQ(0, send_plain(self->s));
	ASSERT_EQ(0, pass(self->r, 1));
	ASSERT_TRUE(get_cred(self->r, getpid(), 0, 0, 0));
	PROVES("CRED-07");
}

TEST_F(cred, before_accept)
{
	int l, c, a;

	if (variant->type != SOCK_DGRAM) {
		l = vt_socket(variant->family, variant->type);
		c = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_bind(l, "@l"));
		ASSERT_EQ(0, listen(l, 5));
		ASSERT_EQ(0, vt_connect(c, "@l"));
		ASSERT_EQ(0, send_plain(c));
		a = accept(l, NULL, NULL);
		ASSERT_LE(0, a);
		ASSERT_EQ(0, pass(a, 1));
		ASSERT_TRUE(get_cred(a, getpid(), 0, 0, 0));
		PROVES("CRED-08");
	}
}

TEST_F(cred, room)
{
	struct scm_in in;

	ASSERT_EQ(0, pass(self->r, 1));
	ASSERT_EQ(0, send_plain(self->s));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, CMSG_LEN(6), 0));
	ASSERT_EQ('x', in.data[0]);
	ASSERT_EQ(MSG_CTRUNC, in.flags & MSG_CTRUNC);
	ASSERT_EQ(1, in.nr);
	ASSERT_TRUE(in.cred_len == 6);
	ASSERT_EQ(getpid(), in.cred.pid);
	ASSERT_EQ(0, send_plain(self->s));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, CMSG_LEN(0) - 1, 0));
	ASSERT_EQ(MSG_CTRUNC, in.flags & MSG_CTRUNC);
	ASSERT_EQ(0, in.nr);
	ASSERT_EQ(0, send_plain(self->s));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, 0, 0));
	ASSERT_EQ('x', in.data[0]);
	ASSERT_EQ(MSG_CTRUNC, in.flags & MSG_CTRUNC);
	PROVES("CRED-10");
}

TEST_F(cred, with_descriptors)
{
	struct ucred cred = { .pid = getpid(), .uid = 5, .gid = 6 };
	struct scm_out out = {};
	struct scm_in in;
	int i, fd = 0;

	ASSERT_EQ(0, pass(self->r, 1));
	/* In this order, whatever the sender's. */
	scm_add_fds(&out, &fd, 1);
	scm_add(&out, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
	ASSERT_EQ(1, scm_send(self->s, "x", &out, 0));
	ASSERT_EQ(0, scm_send_fd(self->s, "y", fd));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(1, scm_recv(self->r, &in, 0));
		ASSERT_EQ(2, in.nr);
		ASSERT_EQ(SCM_CREDENTIALS, in.types[0]);
		ASSERT_EQ(SCM_RIGHTS, in.types[1]);
		ASSERT_TRUE(in.cred.uid == (i ? 0 : 5));
		ASSERT_EQ(1, in.nr_fds);
		scm_close(&in);
	}
	PROVES("CRED-11");
}

TEST_F(cred, peek)
{
	ASSERT_EQ(0, pass(self->r, 1));
	ASSERT_EQ(0, send_cred(self->s, getpid(), 7, 8));
	ASSERT_TRUE(get_cred(self->r, getpid(), 7, 8, MSG_PEEK));
	ASSERT_TRUE(get_cred(self->r, getpid(), 7, 8, MSG_PEEK));
	ASSERT_TRUE(get_cred(self->r, getpid(), 7, 8, 0));
	PROVES("CRED-12");
}

TEST_HARNESS_MAIN
