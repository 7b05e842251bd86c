// SPDX-License-Identifier: GPL-2.0
/*
 * Who sees what by sock_diag: users, user namespaces, network namespaces and
 * process namespaces of who asks; and the largest answer there can be.
 */
#define VT_OWN_NETNS
#include "diag.h"

#include <sys/resource.h>

#define SHOW_ALL	(UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | \
			 UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN | \
			 UDIAG_SHOW_MEMINFO | UDIAG_SHOW_UID | \
			 VUNIX_DIAG_SHOW_INFO)

FIXTURE(who)
{
	struct vt_env env;
	struct diag d;
};

FIXTURE_VARIANT(who)
{
	int family;
};

VT_FAMILIES(who);

FIXTURE_SETUP(who)
{
	VT_SETUP();
}

FIXTURE_TEARDOWN(who)
{
	VT_TEARDOWN();
}

/* What a child reports of its questions: what it saw, or'ed. */
#define SAW_UID		1	/* UNIX_DIAG_UID, and it is 1234 */
#define SAW_NOBODY	2	/* the same, but nobody's */
#define SAW_INFO	4
#define SAW_PID		8	/* in it, not 0 */
#define SAW_NOTHING	16	/* no such socket */
#define FAILED		32

/* Ask through @nl about the socket @ino. */
static int ask_through(int nl, int family, unsigned int ino)
{
	struct unix_diag_req req = diag_req(family, ino, SHOW_ALL);
	struct diag d = {};
	int n, saw = 0;

	if (diag_send(nl, &req, sizeof(req), 0))
		return FAILED;
	n = diag_recv(nl, false, diag_keep, &d);
	if (n == -ENOENT)
		return SAW_NOTHING;
	if (n < 0 || d.uid_len != 4 || d.shutdown_len != 1 ||
	    d.rqlen_len < 0 || d.meminfo_len < 0)
		return FAILED;
	saw |= d.uid == 1234 ? SAW_UID : 0;
	saw |= d.uid == 65534 ? SAW_NOBODY : 0;
	if (d.info_len >= 0) {
		saw |= SAW_INFO | (d.info.pid ? SAW_PID : 0);
		if (d.info_len != (int)sizeof(d.info))
			return FAILED;
	}
	return saw;
}

static void note_info(const struct diag *d, void *arg)
{
	int *saw = arg;

	*saw |= d->info_len >= 0 ? SAW_INFO : 0;
	*saw |= d->info_len >= 0 && d->info.pid ? SAW_PID : 0;
}

struct question {
	int family;
	unsigned int ino;
	int nl;		/* opened by the parent, or 0 */
};

static int ask(void *arg)
{
	struct question *q = arg;
	int nl, err;

	nl = q->nl ? q->nl : diag_open();
	err = ask_through(nl, q->family, q->ino);
	if (!q->nl)
		close(nl);
	return err;
}

/* INFO is a thing of vunix's, so AF_UNIX never shows it. */
#define ASKED(saw, user, ...) do { \
	struct question __q = { \
		.family = variant->family, __VA_ARGS__ \
	}; \
	int __saw = (saw); \
	\
	if (vt_is_unix(variant->family)) \
		__saw &= ~(SAW_INFO | SAW_PID); \
	ASSERT_EQ(__saw, vt_run_as(user, ask, &__q)); \
} while (0)

TEST_F(who, users)
{
	unsigned int roots, theirs;
	int nl, a, b;

	a = vt_socket(variant->family, SOCK_STREAM);
	b = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	/* The same as if a process of that user had made it. */
	ASSERT_EQ(0, fchown(b, 1234, 1234));
	roots = diag_ino(a);
	theirs = diag_ino(b);

	ASKED(SAW_INFO | SAW_PID, 0, .ino = roots);
	ASKED(SAW_UID | SAW_INFO | SAW_PID, 0, .ino = theirs);
	ASKED(0, VT_NOBODY, .ino = roots);
	ASKED(SAW_UID, VT_NOBODY, .ino = theirs);
	ASKED(SAW_UID | SAW_INFO | SAW_PID, 1234, .ino = theirs);
	ASKED(0, 1234, .ino = roots);

	/* Whoever is made to write to another's netlink socket tells nothing. */
	nl = diag_open();
	ASSERT_LE(0, nl);
	ASKED(0, VT_NOBODY, .ino = roots, .nl = nl);
	ASKED(SAW_UID, 1234, .ino = theirs, .nl = nl);
	close(nl);
}

struct opener {
	int family;
	unsigned int ino;
};

/* Opens as one user, and asks as root, which it was until then. */
static int open_as_nobody(void *arg)
{
	struct opener *o = arg;
	int nl;

	if (seteuid(VT_NOBODY))
		return 255;
	nl = diag_open();
	if (seteuid(0))
		return 255;
	return ask_through(nl, o->family, o->ino);
}

TEST_F(who, opener)
{
	struct opener o = { .family = variant->family };
	int s = vt_socket(variant->family, SOCK_STREAM);

	o.ino = diag_ino(s);
	ASSERT_EQ(0, vt_run_as(0, open_as_nobody, &o));
	ASSERT_EQ(0, fchown(s, VT_NOBODY, VT_NOBODY));
	ASSERT_EQ(SAW_NOBODY, vt_run_as(0, open_as_nobody, &o));
}

/* Dumps go by who asked, not by who reads the rest. */
TEST_F(who, reader)
{
	struct unix_diag_req req = diag_req(variant->family, 0, SHOW_ALL);
	struct rlimit lim = { 2000, 2000 };
	int i, nl, saw;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &lim));
	for (i = 0; i < 1000; i++)
		ASSERT_LE(0, vt_socket(variant->family, SOCK_STREAM));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, seteuid(i ? VT_NOBODY : 0));
		nl = diag_open();
		ASSERT_LE(0, nl);
		ASSERT_EQ(0, diag_send(nl, &req, sizeof(req), NLM_F_DUMP));
		ASSERT_EQ(0, seteuid(i ? 0 : VT_NOBODY));
		saw = 0;
		ASSERT_LT(3, diag_recv(nl, true, note_info, &saw));
		ASSERT_EQ(0, seteuid(0));
		close(nl);
		ASSERT_EQ(i || vt_is_unix(variant->family) ? 0 :
			  SAW_INFO | SAW_PID, saw);
	}
}

/* In namespaces of its own a user may see all there is, and no more. */
static int ask_in_own(void *arg)
{
	struct question *q = arg;
	int s, nl, old, saw, mine;

	old = diag_open();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return 255;
	s = vt_socket(q->family, SOCK_STREAM);
	nl = diag_open();
	/* The user has no number here; its sockets are nobody's. */
	mine = ask_through(nl, q->family, diag_ino(s));
	if (vt_is_unix(q->family))
		mine |= SAW_INFO | SAW_PID;
	if (mine != (SAW_NOBODY | SAW_INFO | SAW_PID))
		return 64 | mine;
	/* What is outside is not there. */
	saw = ask_through(nl, q->family, q->ino);
	if (saw != SAW_NOTHING)
		return 128 | saw;
	/* A netlink socket stays where it was opened, with what it might see. */
	if (ask_through(old, q->family, diag_ino(s)) != SAW_NOTHING)
		return 254;
	return ask_through(old, q->family, q->ino);
}

TEST_F(who, own_namespaces)
{
	struct question q = { .family = variant->family };
	int s = vt_socket(variant->family, SOCK_STREAM);
	int probe = vt_run_as(1234, ask_in_own, &q);

	/* Some systems let nobody do this but root. */
	if (probe == 255)
		SKIP(return, "systems that let users make namespaces only");
	q.ino = diag_ino(s);
	ASSERT_EQ(0, vt_run_as(1234, ask_in_own, &q));
	ASSERT_EQ(0, fchown(s, 1234, 1234));
	ASSERT_EQ(vt_is_unix(variant->family) ? SAW_UID :
		  SAW_UID | SAW_INFO | SAW_PID,
		  vt_run_as(1234, ask_in_own, &q));
}

/* Opened here, used after root has gone to another network namespace. */
TEST_F(who, moved)
{
	unsigned int before, after;
	int nl, s, t;

	s = vt_socket(variant->family, SOCK_STREAM);
	before = diag_ino(s);
	nl = diag_open();
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	t = vt_socket(variant->family, SOCK_STREAM);
	after = diag_ino(t);
	ASSERT_EQ(vt_is_unix(variant->family) ? 0 : SAW_INFO | SAW_PID,
		  ask_through(nl, variant->family, before));
	ASSERT_EQ(SAW_NOTHING, ask_through(nl, variant->family, after));
	ASKED(SAW_INFO | SAW_PID, 0, .ino = after);
	ASKED(SAW_NOTHING, 0, .ino = before);
	close(s);
	close(nl);
}

/* A process namespace sees no process outside of it. */
static int ask_inside(void *arg)
{
	struct question *q = arg;
	int saw, s;

	saw = ask(q);
	if (saw != SAW_INFO)
		return 64 | saw;
	s = vt_socket(q->family, SOCK_STREAM);
	q->ino = diag_ino(s);
	return ask(q);
}

TEST_F(who, processes)
{
	struct question q = { .family = variant->family };
	int s;

	if (vt_is_unix(variant->family))
		return;
	s = vt_socket(variant->family, SOCK_STREAM);
	q.ino = diag_ino(s);
	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	ASSERT_EQ(SAW_INFO | SAW_PID, vt_run_as(0, ask_inside, &q));
}

/*
 * As many waiting connections as fit into an attribute, and more: the rest of
 * the answer is complete.
 */
#define CROWD	16500

TEST_F_TIMEOUT(who, crowd, 120)
{
	struct rlimit lim = { CROWD + 100, CROWD + 100 };
	struct unix_diag_req req;
	int i, s, c;

	if (vt_is_unix(variant->family))
		return;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &lim));
	ASSERT_EQ(0, vt_write_num("/proc/sys/net/core/somaxconn", CROWD));
	s = vt_socket(variant->family, SOCK_STREAM);
	ASSERT_EQ(0, vt_bind(s, "@crowd"));
	ASSERT_EQ(0, listen(s, CROWD));
	for (i = 0; i < CROWD; i++) {
		c = vt_socket(variant->family, SOCK_STREAM);
		ASSERT_LE(0, c);
		ASSERT_EQ(0, vt_connect(c, "@crowd"));
	}
	req = diag_req(variant->family, diag_ino(s), SHOW_ALL);
	ASSERT_EQ(0, diag_ask(&req, &self->d));
	ASSERT_LE(16000 * 4, self->d.icons_len);
	ASSERT_GE(65535 - 4, self->d.icons_len);
	ASSERT_EQ(0, self->d.icons_len % 4);
	ASSERT_EQ((unsigned int)CROWD, self->d.rqlen.udiag_rqueue);
	ASSERT_EQ(1, self->d.shutdown_len);
	ASSERT_EQ(4, self->d.uid_len);
	ASSERT_EQ((int)sizeof(self->d.info), self->d.info_len);
	ASSERT_EQ((unsigned int)CROWD, self->d.info.peak);
}

TEST_HARNESS_MAIN
