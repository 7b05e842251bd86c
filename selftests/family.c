// SPDX-License-Identifier: GPL-2.0
/*
 * Where vunix meets AF_UNIX: what they share and what they keep apart.  These
 * rows have no counterpart for AF_UNIX alone, so all variants are of vunix.
 *
 * Rows: FAM-01 FAM-02 FAM-03 FAM-04 FAM-05 FAM-06 FAM-07
 *
 * That an unused module leaves nothing behind when it is removed (the other
 * half of FAM-07) is checked from outside, by vm/init.
 */
#define VT_OWN_NETNS
#include "diag.h"

FIXTURE(family)
{
	struct vt_env env;
};

FIXTURE_VARIANT(family)
{
	int family;
	int type;
};

FIXTURE_VARIANT_ADD(family, vunix_stream)
{
	.family = AF_VUNIX, .type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(family, vunix_dgram)
{
	.family = AF_VUNIX, .type = SOCK_DGRAM,
};

FIXTURE_VARIANT_ADD(family, vunix_seqpacket)
{
	.family = AF_VUNIX, .type = SOCK_SEQPACKET,
};

FIXTURE_SETUP(family)
{
	if (vt_family_off(AF_UNIX))
		SKIP(return, "needs both families");
	VT_SETUP();
}

FIXTURE_TEARDOWN(family)
{
	VT_TEARDOWN();
}

static int server(int family, int type, const char *name)
{
	int s = vt_socket(family, type);

	if (s < 0 || vt_bind(s, name))
		return -1;
	return type != SOCK_DGRAM && listen(s, 10) ? -1 : s;
}

TEST_F(family, number_in_address)
{
	int s = server(variant->family, variant->type, "@s"), c, sv[2];
	struct iovec iov = { .iov_base = (char *)"x", .iov_len = 1 };
	struct sockaddr_un un;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	socklen_t len = vt_addr(&un, "@s");
	struct sockaddr *sa = (struct sockaddr *)&un;

	ASSERT_LE(0, s);
	un.sun_family = vt_family(variant->family);
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(EINVAL, vt_err(bind(c, sa, len)));
	ASSERT_EQ(EINVAL, vt_err(bind(c, sa, VT_UN_OFF)));
	ASSERT_EQ(EINVAL, vt_err(connect(c, sa, len)));
	un.sun_path[0] = 'p';
	ASSERT_EQ(EINVAL, vt_err(bind(c, sa, len)));
	ASSERT_EQ(EINVAL, vt_err(connect(c, sa, len)));
	msg.msg_name = &un;
	msg.msg_namelen = len;
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	if (variant->type == SOCK_DGRAM) {
		ASSERT_EQ(EINVAL, vt_err(sendto(c, "x", 1, 0, sa, len)));
		ASSERT_EQ(EINVAL, vt_err(sendmsg(c, &msg, 0)));
		ASSERT_EQ(EINVAL, vt_err(sendmsg(sv[0], &msg, 0)));
	} else {
		/* The other types do not look at it. */
		ASSERT_EQ(variant->type == SOCK_STREAM ? EOPNOTSUPP : ENOTCONN,
			  vt_err(sendmsg(c, &msg, 0)));
		ASSERT_EQ(variant->type == SOCK_STREAM ? EISCONN : 0,
			  vt_err(sendmsg(sv[0], &msg, 0)));
	}
	/* The same address with AF_UNIX is fine. */
	vt_addr(&un, "@s");
	ASSERT_EQ(0, connect(c, sa, len));
	PROVES("FAM-01");
}

TEST_F(family, abstract_names)
{
	int v = server(variant->family, variant->type, "@name"), c;
	int u = vt_socket(AF_UNIX, variant->type);

	ASSERT_LE(0, v);
	ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(u, "@name")));
	close(u);
	u = server(AF_UNIX, variant->type, "@name");
	ASSERT_LE(0, u);
	/* Each family meets its own. */
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_connect(c, "@name"));
	ASSERT_EQ(1, send(c, "x", 1, 0));
	ASSERT_EQ(POLLIN, vt_poll(v, POLLIN));
	ASSERT_EQ(0, vt_poll(u, POLLIN));
	close(v);
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(c, "@name")));
	if (variant->type == SOCK_DGRAM)
		ASSERT_EQ(ECONNREFUSED, vt_err(vt_sendto(c, "x", 1, 0,
							 "@name")));
	c = vt_socket(AF_UNIX, variant->type);
	ASSERT_EQ(0, vt_connect(c, "@name"));
	PROVES("FAM-02");
}

TEST_F(family, paths)
{
	int families[2] = { AF_UNIX, variant->family }, i, s, c;

	for (i = 0; i < 2; i++) {
		const char *name = i ? "vunix" : "unix";
		int other = families[!i];

		s = server(families[i], variant->type, name);
		ASSERT_LE(0, s);
		c = vt_socket(other, variant->type);
		ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(c, name)));
		if (variant->type == SOCK_DGRAM)
			ASSERT_EQ(ECONNREFUSED, vt_err(vt_sendto(c, "x", 1, 0,
								 name)));
		ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(c, name)));
		ASSERT_EQ(0, vt_poll(s, POLLIN));
		/* The right family is not in the way of the wrong one. */
		c = vt_socket(families[i], variant->type);
		ASSERT_EQ(0, vt_connect(c, name));
		/* Stale, it is the same for both. */
		close(s);
		c = vt_socket(other, variant->type);
		ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(c, name)));
		ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(c, name)));
		ASSERT_EQ(0, unlink(name));
		ASSERT_EQ(0, vt_bind(c, name));
	}
	PROVES("FAM-03");
}

/* The family in an address that has @n bytes. */
static int family_in(const struct sockaddr_un *un, socklen_t n)
{
	return n < sizeof(un->sun_family) ? -1 : un->sun_family;
}

TEST_F(family, reported)
{
	struct sockaddr_un un;
	struct sockaddr *sa = (struct sockaddr *)&un;
	socklen_t len;
	int sv[2], i, s, c, a;
	char ch;

#define REPORTS(call) do { \
	memset(&un, 0x55, sizeof(un)); \
	len = sizeof(un); \
	ASSERT_LE(0, call); \
	ASSERT_EQ(AF_UNIX, family_in(&un, len)); \
} while (0)

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	/* Unnamed first, then with a name. */
	for (i = 0; i < 2; i++) {
		REPORTS(getsockname(sv[0], sa, &len));
		REPORTS(getpeername(sv[1], sa, &len));
		memset(&un, 0x55, sizeof(un));
		len = i ? 5 : 2;
		ASSERT_EQ(0, getsockopt(sv[1], SOL_SOCKET, SO_PEERNAME, &un,
					&len));
		ASSERT_EQ(AF_UNIX, family_in(&un, len));
		if (!i)
			ASSERT_EQ(0, vt_bind(sv[0], "@end"));
	}
	ASSERT_EQ(1, send(sv[0], "x", 1, 0));
	REPORTS(recvfrom(sv[1], &ch, 1, 0, sa, &len));
	/* Names that the kernel made. */
	c = vt_socket(variant->family, variant->type);
	un.sun_family = AF_UNIX;
	ASSERT_EQ(0, bind(c, sa, VT_UN_OFF));
	REPORTS(getsockname(c, sa, &len));
	ASSERT_EQ(8, (int)len);

	if (variant->type != SOCK_DGRAM) {
		s = server(variant->family, variant->type, "path");
		ASSERT_LE(0, s);
		ASSERT_EQ(0, vt_connect(c, "path"));
		REPORTS(a = accept(s, sa, &len));
		ASSERT_EQ(8, (int)len);
		REPORTS(getsockname(a, sa, &len));
		REPORTS(getpeername(a, sa, &len));
		REPORTS(getpeername(c, sa, &len));
		ASSERT_EQ(0, vt_connect(vt_socket(variant->family,
						  variant->type), "path"));
		REPORTS(accept(s, sa, &len));
		ASSERT_EQ(2, (int)len);
	}
	PROVES("FAM-04");
}

static unsigned int inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

TEST_F(family, pass_over_other)
{
	int families[2] = { AF_UNIX, variant->family }, i, carry[2], sv[2], got;
	unsigned int ino;
	char c;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_pair(families[i], variant->type, carry));
		ASSERT_EQ(0, vt_pair(families[!i], variant->type, sv));
		ino = inode(sv[0]);
		ASSERT_EQ(0, vt_send_fd(carry[0], sv[0]));
		/* Nobody holds it but the message, and it still works. */
		ASSERT_EQ(0, close(sv[0]));
		ASSERT_EQ(1, send(sv[1], "q", 1, MSG_DONTWAIT));
		got = vt_recv_fd(carry[1]);
		ASSERT_LE(0, got);
		ASSERT_EQ(ino, inode(got));
		ASSERT_EQ(variant->type, vt_getint(got, SOL_SOCKET, SO_TYPE));
		ASSERT_EQ(1, recv(got, &c, 1, MSG_DONTWAIT));
		ASSERT_EQ('q', c);
		ASSERT_EQ(1, send(got, "r", 1, MSG_DONTWAIT));
		ASSERT_EQ(1, recv(sv[1], &c, 1, MSG_DONTWAIT));
		/* Not taken, it goes with its carrier. */
		ASSERT_EQ(0, vt_send_fd(carry[0], got));
		close(got);
		close(carry[0]);
		close(carry[1]);
		if (variant->type == SOCK_DGRAM) {
			ASSERT_EQ(ECONNREFUSED, vt_err(send(sv[1], "x", 1, 0)));
		} else {
			ASSERT_TRUE(vt_poll_wait(sv[1], POLLHUP, 10000) &
				    POLLHUP);
		}
		close(sv[1]);
	}
	PROVES("FAM-05");
}

/* Is there a line with this inode (0: not asked) or this name? */
static bool in_table(const char *table, unsigned int ino, const char *name)
{
	char col[16];

	snprintf(col, sizeof(col), " %u", ino);
	for (; table; table = strchr(table + 1, '\n')) {
		const char *p = strstr(table, ino ? col : name);

		if (!p)
			return false;
		p += strlen(ino ? col : name);
		if (*p == '\n' || *p == ' ')
			return true;
	}
	return false;
}

TEST_F(family, tables)
{
	int fds[8], n = 0, i, u, sv[2];
	char *unix_table, *own;

	fds[n++] = vt_socket(variant->family, variant->type);
	fds[n++] = server(variant->family, variant->type, "path-v");
	fds[n++] = server(variant->family, variant->type, "@abstract-v");
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, fds + n));
	n += 2;
	if (variant->type != SOCK_DGRAM) {
		/* Pending: listed without an inode, but with a name. */
		fds[n++] = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_connect(fds[n - 1], "path-v"));
	}
	ASSERT_EQ(0, vt_pair(AF_UNIX, SOCK_STREAM, sv));
	ASSERT_EQ(0, vt_send_fd(sv[0], fds[2]));
	u = server(AF_UNIX, variant->type, "path-u");
	ASSERT_LE(0, u);

	unix_table = vt_read_file("/proc/net/unix");
	own = vt_read_file("/proc/net/vunix");
	ASSERT_TRUE(unix_table && own);
	for (i = 0; i < n; i++) {
		ASSERT_LE(0, fds[i]);
		ASSERT_TRUE(in_table(own, inode(fds[i]), NULL));
		ASSERT_FALSE(in_table(unix_table, inode(fds[i]), NULL));
		ASSERT_NE(1, diag_lists(AF_UNIX, inode(fds[i])));
	}
	ASSERT_TRUE(in_table(own, 0, " path-v"));
	ASSERT_FALSE(in_table(unix_table, 0, " path-v"));
	ASSERT_TRUE(in_table(own, 0, " @abstract-v"));
	ASSERT_FALSE(in_table(unix_table, 0, " @abstract-v"));
	/* And the other way round. */
	ASSERT_TRUE(in_table(unix_table, inode(u), NULL));
	ASSERT_FALSE(in_table(own, inode(u), NULL));
	ASSERT_TRUE(in_table(unix_table, 0, " path-u"));
	ASSERT_FALSE(in_table(own, 0, " path-u"));
	free(unix_table);
	free(own);
	PROVES("FAM-06");
}

static int remove_module(void)
{
	return vt_err(syscall(SYS_delete_module, "vunix", O_NONBLOCK));
}

/* Everything goes on as if nobody had tried. */
static bool works(int family, int type)
{
	int sv[2], ok;
	char c;

	if (vt_pair(family, type, sv))
		return false;
	ok = send(sv[0], "x", 1, 0) == 1 && recv(sv[1], &c, 1, 0) == 1;
	close(sv[0]);
	close(sv[1]);
	return ok;
}

TEST_F(family, removal_refused)
{
	int s, c, u[2], up[2], down[2], status;
	pid_t pid;
	char ch;

	/* A living socket, unnamed and named. */
	s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, s);
	if (access("/sys/module/vunix/refcnt", R_OK)) {
		SKIP_ROWS("vunix is not a module here", "FAM-07");
		SKIP(return, "vunix is not a module here");
	}
	ASSERT_EQ(EWOULDBLOCK, remove_module());
	ASSERT_TRUE(works(variant->family, variant->type));
	ASSERT_EQ(0, vt_bind(s, "@s"));
	if (variant->type != SOCK_DGRAM)
		ASSERT_EQ(0, listen(s, 1));
	ASSERT_EQ(EWOULDBLOCK, remove_module());
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_connect(c, "@s"));
	ASSERT_EQ(1, send(c, "x", 1, 0));
	close(s);
	ASSERT_EQ(EWOULDBLOCK, remove_module());
	close(c);

	/* One that is only in flight, over the other family. */
	ASSERT_EQ(0, vt_pair(AF_UNIX, SOCK_STREAM, u));
	s = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(s, "@flying"));
	ASSERT_EQ(0, vt_send_fd(u[0], s));
	close(s);
	ASSERT_EQ(EWOULDBLOCK, remove_module());
	s = vt_recv_fd(u[1]);
	ASSERT_LE(0, s);
	if (variant->type != SOCK_DGRAM)
		ASSERT_EQ(0, listen(s, 1));
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_connect(c, "@flying"));
	close(c);
	close(s);

	/* One in another namespace only, whose process then just ends. */
	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(0, pipe(down));
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNET) ||
		    server(variant->family, variant->type, "@far") < 0 ||
		    write(up[1], "u", 1) != 1 || read(down[0], &ch, 1) != 1)
			_exit(1);
		_exit(!works(variant->family, variant->type));
	}
	ASSERT_EQ(1, read(up[0], &ch, 1));
	ASSERT_EQ(EWOULDBLOCK, remove_module());
	ASSERT_EQ(1, write(down[1], "d", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, access("/sys/module/vunix/refcnt", R_OK));
	ASSERT_EQ(0, access(vt_proc_net(variant->family), R_OK));
	ASSERT_TRUE(works(variant->family, variant->type));
	PROVES("FAM-07");
}

TEST_HARNESS_MAIN
