// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket may be sent and wants to be told: SO_PASSSEC, SO_PASSRIGHTS,
 * SO_RIGHTS_NOTRUNC, the last two on vunix by way of SOL_VUNIX, too.  Proves
 * PASSSEC-01 to PASSSEC-03, PASSR-01, PASSR-02, NOTRUNC-01.
 */
#include "scm.h"

#ifndef SO_RIGHTS_NOTRUNC
#define SO_RIGHTS_NOTRUNC 85
#endif
#ifndef SCM_SECURITY
#define SCM_SECURITY 3
#endif

VT_FIXTURE_PAIR(pass, VT_FAMILIES_TYPES, variant->type, s, r);

static int set(int fd, int opt, int val)
{
	return vt_err(vt_setint(fd, SOL_SOCKET, opt, val));
}

static int get(int fd, int opt)
{
	return vt_getint(fd, SOL_SOCKET, opt);
}

static int put(int fd, const char *data)
{
	return scm_send_fds(fd, data, NULL, 0, 0);
}

struct conn {
	int l, c;
};

static int conn(int family, int type, struct conn *n)
{
	n->l = vt_socket(family, type);
	n->c = vt_socket(family, type);
	return vt_bind(n->l, "@l") || listen(n->l, 5) ? -1 : 0;
}

TEST_F(pass, security)
{
	int labels, sv[2];
	struct scm_in in;

	/* Whether there is a label is the security module's to say. */
	ASSERT_EQ(0, socketpair(AF_UNIX, variant->type, 0, sv));
	ASSERT_EQ(0, set(sv[1], SO_PASSSEC, 1));
	ASSERT_EQ(0, put(sv[0], "x"));
	ASSERT_EQ(1, scm_recv(sv[1], &in, 0));
	labels = in.nr;

	ASSERT_EQ(0, get(self->r, SO_PASSSEC));
	ASSERT_EQ(0, put(self->s, "x"));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "x"));
	ASSERT_EQ(0, in.nr);
	ASSERT_EQ(0, set(self->r, SO_PASSSEC, 7));
	ASSERT_EQ(1, get(self->r, SO_PASSSEC));
	ASSERT_EQ(0, put(self->s, "x"));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "x"));
	ASSERT_EQ(labels, in.nr);
	if (labels)
		ASSERT_EQ(SCM_SECURITY, in.types[0]);
	PROVES("PASSSEC-01");

	ASSERT_EQ(0, put(self->s, "x"));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, 0, 0));
	ASSERT_EQ('x', in.data[0]);
	ASSERT_EQ(MSG_CTRUNC, in.flags & MSG_CTRUNC);
	ASSERT_EQ(0, set(self->r, SO_PASSSEC, 0));
	ASSERT_EQ(0, get(self->r, SO_PASSSEC));
	ASSERT_EQ(0, put(self->s, "x"));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, 0, 0));
	ASSERT_TRUE(scm_is(&in, "x"));
	PROVES("PASSSEC-02");
}

TEST_F(pass, security_inherited)
{
	struct conn n;
	int a;

	if (variant->type == SOCK_DGRAM)
		return;
	ASSERT_EQ(0, conn(variant->family, variant->type, &n));
	ASSERT_EQ(0, set(n.l, SO_PASSSEC, 1));
	ASSERT_EQ(0, vt_connect(n.c, "@l"));
	a = accept(n.l, NULL, NULL);
	ASSERT_LE(0, a);
	ASSERT_EQ(1, get(a, SO_PASSSEC));
	ASSERT_EQ(0, get(n.c, SO_PASSSEC));
	PROVES("PASSSEC-03");
}

/* SO_PASSRIGHTS where the family has it at all, else at the own level. */
static int set_rights(int family, int fd, int val)
{
	if (!vt_is_unix(family))
		return vt_err(vt_setint(fd, SOL_VUNIX, VUNIX_PASSRIGHTS, val));
	return set(fd, SO_PASSRIGHTS, val);
}

static int get_rights(int family, int fd)
{
	if (!vt_is_unix(family))
		return vt_getint(fd, SOL_VUNIX, VUNIX_PASSRIGHTS);
	return get(fd, SO_PASSRIGHTS);
}

#define SKIP_OLD_RIGHTS(...) do { \
	if (VT_UNIX_OLDER(6, 16)) { \
		SKIP_ROWS("AF_UNIX older than 6.16", __VA_ARGS__); \
		SKIP(return, "AF_UNIX older than 6.16"); \
	} \
} while (0)

TEST_F(pass, rights)
{
	struct scm_probe p;
	struct scm_in in;

	SKIP_OLD_RIGHTS("PASSR-01", "PASSR-02");
	ASSERT_EQ(1, get_rights(variant->family, self->r));
	ASSERT_EQ(0, scm_give(self->s, "x", &p));
	ASSERT_EQ(0, set_rights(variant->family, self->r, 0));
	ASSERT_EQ(0, get_rights(variant->family, self->r));
	ASSERT_EQ(1, get_rights(variant->family, self->s));
	/* What is queued already. */
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ(1, in.nr_fds);
	scm_close(&in);

	ASSERT_EQ(EPERM, scm_give(self->s, "x", &p));
	ASSERT_TRUE(scm_closed(&p));
	ASSERT_EQ(EAGAIN, vt_err(scm_recv(self->r, &in, 0)));
	ASSERT_EQ(0, put(self->s, "y"));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "y"));
	/* The other way is another socket's. */
	ASSERT_EQ(0, scm_give(self->r, "x", &p));
	ASSERT_EQ(0, set_rights(variant->family, self->r, 5));
	ASSERT_EQ(1, get_rights(variant->family, self->r));
	ASSERT_EQ(0, scm_give(self->s, "x", &p));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ(1, in.nr_fds);
	PROVES("PASSR-01");

	if (variant->type == SOCK_STREAM) {
		int fd = 0;

		ASSERT_EQ(0, set_rights(variant->family, self->r, 0));
		ASSERT_EQ(EPERM, scm_send_fds(self->s, "x", &fd, 1, MSG_OOB));
		ASSERT_EQ(EPERM, scm_send_fds(self->s, "xy", &fd, 1, MSG_OOB));
		ASSERT_EQ(EAGAIN, vt_err(scm_recv(self->r, &in, 0)));
		ASSERT_EQ(0, scm_send_fds(self->s, "z", NULL, 0, MSG_OOB));
	}
	PROVES("PASSR-02");
}

TEST_F(pass, rights_inherited)
{
	struct scm_in in;
	struct conn n;
	int a;

	if (variant->type == SOCK_DGRAM)
		return;
	SKIP_OLD_RIGHTS("PASSR-02");
	ASSERT_EQ(0, conn(variant->family, variant->type, &n));
	ASSERT_EQ(0, set_rights(variant->family, n.l, 0));
	ASSERT_EQ(0, vt_connect(n.c, "@l"));
	ASSERT_EQ(EPERM, scm_send_fd(n.c, "x", 0));
	a = accept(n.l, NULL, NULL);
	ASSERT_LE(0, a);
	ASSERT_EQ(0, get_rights(variant->family, a));
	ASSERT_EQ(1, get_rights(variant->family, n.c));
	ASSERT_EQ(EPERM, scm_send_fd(n.c, "x", 0));
	ASSERT_EQ(EAGAIN, vt_err(scm_recv(a, &in, 0)));
	PROVES("PASSR-02");
}

/* The same switch at both levels, as far as the core lets the family see it. */
TEST_F(pass, rights_levels)
{
	int val = 0;

	SKIP_OLD_RIGHTS("PASSR-01");
	if (vt_is_unix(variant->family))
		return;
	if (vt_kernel_older(6, 4)) {
		ASSERT_EQ(ENOPROTOOPT, set(self->r, SO_PASSRIGHTS, 0));
		ASSERT_EQ(1, get_rights(variant->family, self->r));
	} else {
		ASSERT_EQ(0, set(self->r, SO_PASSRIGHTS, 0));
		ASSERT_EQ(0, get_rights(variant->family, self->r));
		ASSERT_EQ(EPERM, scm_send_fd(self->s, "x", 0));
		ASSERT_EQ(EINVAL, vt_err(setsockopt(self->r, SOL_SOCKET,
						    SO_PASSRIGHTS, &val, 3)));
		ASSERT_EQ(EFAULT, vt_err(setsockopt(self->r, SOL_SOCKET,
						    SO_PASSRIGHTS, vt_edge(0),
						    4)));
	}
	if (!vt_kernel_older(6, 16)) {
		ASSERT_EQ(0, get(self->r, SO_PASSRIGHTS));
		ASSERT_EQ(0, set_rights(variant->family, self->r, 1));
		ASSERT_EQ(1, get(self->r, SO_PASSRIGHTS));
	}
	PROVES("PASSR-01");
}

/* SO_RIGHTS_NOTRUNC at @level. */
static int notrunc(int fd, int level, const void *val, socklen_t len)
{
	int opt = level == SOL_VUNIX ? VUNIX_RIGHTS_NOTRUNC : SO_RIGHTS_NOTRUNC;

	return vt_err(setsockopt(fd, level, opt, val, len));
}

static int notrunc_int(int fd, int level, int val)
{
	return notrunc(fd, level, &val, sizeof(val));
}

/* Both values; what is delivered without a refusal does not change. */
static bool notrunc_works(int s, int r, int level)
{
	int on, fds[] = { 0, 1 };
	char val[8] = { 1 };
	struct scm_probe p;
	struct scm_in in;

	for (on = 0; on <= 1; on++) {
		if (notrunc_int(r, level, on) ||
		    scm_send_fds(s, "x", fds, 2, 0) ||
		    scm_recv(r, &in, 0) != 1 || !scm_is(&in, "x") ||
		    in.nr != 1 || in.nr_fds != 2 || fcntl(in.fds[1], F_GETFD))
			return false;
		scm_close(&in);
		/* Cut, as ever; close-on-exec. */
		if (scm_send_fds(s, "x", fds, 2, 0) ||
		    scm_recv_room(r, &in, 8, CMSG_LEN(sizeof(int)),
				  MSG_CMSG_CLOEXEC) != 1 || in.nr_fds != 1 ||
		    !(in.flags & MSG_CTRUNC) ||
		    fcntl(in.fds[0], F_GETFD) != FD_CLOEXEC)
			return false;
		scm_close(&in);
		if (scm_give(s, "x", &p) ||
		    scm_recv_room(r, &in, 8, CMSG_LEN(0), 0) != 1 ||
		    in.nr_fds || !(in.flags & MSG_CTRUNC) || !scm_closed(&p))
			return false;
	}
	return notrunc_int(r, level, 2) == EINVAL &&
	       notrunc_int(r, level, -1) == EINVAL &&
	       notrunc(r, level, val, 3) == EINVAL &&
	       notrunc(r, level, val, 5) == EINVAL &&
	       notrunc(r, level, val, 8) == EINVAL &&
	       notrunc(r, level, val, 0) == EINVAL &&
	       notrunc(r, level, vt_edge(0), 4) == EFAULT;
}

TEST_F(pass, notrunc)
{
	socklen_t len = sizeof(int);
	int val;

	if (VT_UNIX_OLDER(7, 3)) {
		SKIP_ROWS("AF_UNIX older than 7.3", "NOTRUNC-01");
		SKIP(return, "AF_UNIX older than 7.3");
	}
	ASSERT_EQ(-1, get(self->r, SO_RIGHTS_NOTRUNC));
	ASSERT_EQ(ENOPROTOOPT, errno);
	if (!vt_is_unix(variant->family)) {
		ASSERT_TRUE(notrunc_works(self->s, self->r, SOL_VUNIX));
		ASSERT_EQ(1, vt_getint(self->r, SOL_VUNIX,
				       VUNIX_RIGHTS_NOTRUNC));
		ASSERT_EQ(0, vt_getint(self->s, SOL_VUNIX,
				       VUNIX_RIGHTS_NOTRUNC));
		ASSERT_EQ(ENOPROTOOPT,
			  vt_err(getsockopt(self->s, SOL_VUNIX, 0x7fff, &val,
					    &len)));
		ASSERT_EQ(ENOPROTOOPT,
			  vt_err(vt_setint(self->s, SOL_VUNIX, 0x7fff, 0)));
		/* No module sees it before 6.4. */
		if (vt_kernel_older(6, 4)) {
			ASSERT_EQ(ENOPROTOOPT,
				  notrunc_int(self->r, SOL_SOCKET, 1));
			PROVES("NOTRUNC-01");
			return;
		}
	}
	ASSERT_TRUE(notrunc_works(self->s, self->r, SOL_SOCKET));
	PROVES("NOTRUNC-01");
}

TEST_HARNESS_MAIN
