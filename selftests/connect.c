// SPDX-License-Identifier: GPL-2.0
/*
 * connect(): CONN-01 ... CONN-15, CONN-22, CONN-23.  What is special to
 * datagrams is in connect_dgram.c.
 */
#include "vunix_test.h"

static const int all_types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

FIXTURE(conn) {
	struct vt_env env;
	int l;
	int c;
};

FIXTURE_VARIANT(conn) {
	int family;
	int type;
};

VT_FAMILIES_CONN(conn);

/* A listener on the path "l" and on nothing else; a socket to connect. */
FIXTURE_SETUP(conn)
{
	VT_SETUP();
	self->l = vt_socket(variant->family, variant->type);
	self->c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(self->l, "l"));
	ASSERT_EQ(0, listen(self->l, 5));
}

FIXTURE_TEARDOWN(conn)
{
	VT_TEARDOWN();
}

FIXTURE(any) {
	struct vt_env env;
	int s;
	int t;
};

FIXTURE_VARIANT(any) {
	int family;
	int type;
};

VT_FAMILIES_TYPES(any);

/* A target of any type on the path "t"; a socket to connect. */
FIXTURE_SETUP(any)
{
	VT_SETUP();
	self->t = vt_socket(variant->family, variant->type);
	self->s = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(self->t, "t"));
	if (variant->type != SOCK_DGRAM)
		ASSERT_EQ(0, listen(self->t, 50));
}

FIXTURE_TEARDOWN(any)
{
	VT_TEARDOWN();
}

TEST_F(conn, before_accept)
{
	char buf[8];
	int a;

	/* A non-blocking socket, too, is connected when connect() returns. */
	ASSERT_EQ(0, fcntl(self->c, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, vt_connect(self->c, "l"));
	ASSERT_EQ(POLLOUT, vt_poll(self->c, VT_POLL_ALL));
	ASSERT_EQ(3, send(self->c, "abc", 3, 0));
	ASSERT_EQ(0, vt_getint(self->c, SOL_SOCKET, SO_ERROR));

	a = accept(self->l, NULL, NULL);
	ASSERT_LE(0, a);
	ASSERT_EQ(3, recv(a, buf, sizeof(buf), MSG_DONTWAIT));
	ASSERT_EQ(0, memcmp(buf, "abc", 3));
	PROVES("CONN-01");
}

TEST_F(any, bad_path)
{
	ASSERT_EQ(0, mkdir("d", 0777));
	ASSERT_EQ(0, symlink("loop", "loop"));

	ASSERT_ERR(ENOENT, vt_connect(self->s, "missing"));
	ASSERT_ERR(ENOENT, vt_connect(self->s, "d/missing"));
	ASSERT_ERR(ENOENT, vt_connect(self->s, "missing/t"));
	ASSERT_ERR(ENOTDIR, vt_connect(self->s, "t/x"));
	ASSERT_ERR(ELOOP, vt_connect(self->s, "loop"));
	ASSERT_ERR(ELOOP, vt_connect(self->s, "loop/t"));
	ASSERT_EQ(0, vt_connect(self->s, "t"));
	PROVES("CONN-02", "CONN-13");
}

TEST_F(any, not_a_live_socket)
{
	int stale = vt_socket(variant->family, variant->type);
	int foreign = vt_socket(vt_is_unix(variant->family) ? AF_VUNIX :
				AF_UNIX, variant->type);

	ASSERT_LE(0, open("file", O_CREAT | O_RDWR, 0666));
	ASSERT_EQ(0, mkdir("d", 0777));
	ASSERT_EQ(0, mkfifo("fifo", 0666));
	ASSERT_EQ(0, mknod("nobody", S_IFSOCK | 0666, 0));
	ASSERT_EQ(0, vt_bind(stale, "stale"));
	ASSERT_EQ(0, close(stale));

	ASSERT_ERR(ECONNREFUSED, vt_connect(self->s, "file"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->s, "d"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->s, "."));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->s, "/"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->s, "fifo"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->s, "/dev/null"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->s, "nobody"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->s, "stale"));

	/* Only where just AF_UNIX is under test may vunix be missing. */
	if (foreign >= 0) {
		ASSERT_EQ(0, vt_bind(foreign, "foreign"));
		if (variant->type != SOCK_DGRAM)
			ASSERT_EQ(0, listen(foreign, 5));
		ASSERT_ERR(ECONNREFUSED, vt_connect(self->s, "foreign"));
	} else {
		ASSERT_EQ(AF_UNIX, variant->family);
	}

	if (variant->type != SOCK_DGRAM) {
		int bound = vt_socket(variant->family, variant->type);

		ASSERT_EQ(0, vt_bind(bound, "bound"));
		ASSERT_ERR(ECONNREFUSED, vt_connect(self->s, "bound"));
		ASSERT_EQ(0, listen(bound, 1));
		ASSERT_EQ(0, vt_connect(self->s, "bound"));
	}
	PROVES("CONN-03");
}

TEST_F(any, other_type)
{
	unsigned int i;
	int s;

	for (i = 0; i < ARRAY_SIZE(all_types); i++) {
		s = vt_socket(variant->family, all_types[i]);
		ASSERT_LE(0, s);
		if (all_types[i] == variant->type) {
			ASSERT_EQ(0, vt_connect(s, "t"));
			continue;
		}
		ASSERT_ERR(EPROTOTYPE, vt_connect(s, "t"));
		if (all_types[i] == SOCK_DGRAM) {
			ASSERT_ERR(EPROTOTYPE, vt_sendto(s, "x", 1, 0, "t"));
			/* Whether it listens does not matter. */
			self->s = vt_socket(variant->family, variant->type);
			ASSERT_EQ(0, vt_bind(self->s, "b"));
			ASSERT_ERR(EPROTOTYPE, vt_connect(s, "b"));
		}
	}
	PROVES("CONN-04");
}

/* For vt_run_as(): 0 or the errno of connecting a new socket to "t". */
struct target {
	int family, type;
	const char *path;
};

static int try_connect(void *arg)
{
	const struct target *t = arg;

	return vt_err(vt_connect(vt_socket(t->family, t->type), t->path));
}

TEST_F(any, permission)
{
	struct target t = { variant->family, variant->type, "t" };
	struct target in = { variant->family, variant->type, "d/t" };
	int mode, err;

	for (mode = 0; mode < 8; mode++) {
		/* Only the bits of the matching class count. */
		ASSERT_EQ(0, chmod("t", 0770 | mode));
		err = vt_run_as(VT_NOBODY, try_connect, &t);
		ASSERT_EQ(mode & 2 ? 0 : EACCES, err);
		ASSERT_EQ(0, chmod("t", mode));
		ASSERT_EQ(0, vt_run_as(0, try_connect, &t));
	}

	ASSERT_EQ(0, chmod("t", 0777));
	ASSERT_EQ(0, mkdir("d", 0777));
	ASSERT_EQ(0, rename("t", "d/t"));
	for (mode = 0; mode < 8; mode++) {
		ASSERT_EQ(0, chmod("d", 0770 | mode));
		err = vt_run_as(VT_NOBODY, try_connect, &in);
		ASSERT_EQ(mode & 1 ? 0 : EACCES, err);
		ASSERT_EQ(0, chmod("d", mode));
		ASSERT_EQ(0, vt_run_as(0, try_connect, &in));
	}
	PROVES("CONN-05", "CONN-06");
}

TEST_F(conn, connected)
{
	int stale = vt_socket(variant->family, variant->type);

	ASSERT_EQ(0, vt_connect(self->c, "l"));
	ASSERT_EQ(0, vt_bind(stale, "stale"));

	ASSERT_ERR(ENOENT, vt_connect(self->c, "missing"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->c, "@missing"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->c, "stale"));
	ASSERT_ERR(EISCONN, vt_connect(self->c, "l"));
	ASSERT_ERR(EISCONN, vt_connect(accept(self->l, NULL, NULL), "l"));

	/* Nothing became pending, and the connection still works. */
	ASSERT_EQ(0, vt_poll(self->l, POLLIN));
	ASSERT_EQ(POLLOUT, vt_poll(self->c, POLLOUT));
	PROVES("CONN-07");
}

TEST_F(any, bad_address)
{
	static const int bad[] = { 0, 1, 2, 111, 112, 128, 129, 4096, -1 };
	static const int other[] = { AF_INET, AF_INET6, AF_VUNIX, AF_MAX, 255 };
	/* A datagram socket may be disconnected: CONN-17. */
	bool dgram = variant->type == SOCK_DGRAM;
	struct sockaddr_un un[64];
	socklen_t len = vt_path(un, "t");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERR(EINVAL, connect(self->s, (void *)un, bad[i]));
	for (i = 0; i < ARRAY_SIZE(other); i++) {
		un->sun_family = other[i];
		ASSERT_ERR(EINVAL, connect(self->s, (void *)un, len));
		ASSERT_ERR(EINVAL, connect(self->s, (void *)un, 2));
	}
	un->sun_family = AF_UNSPEC;
	if (!dgram) {
		ASSERT_ERR(EINVAL, connect(self->s, (void *)un, len));
		ASSERT_ERR(EINVAL, connect(self->s, (void *)un, 2));
		ASSERT_ERR(EINVAL, connect(self->s, (void *)un, 110));
	}
	ASSERT_ERR(EINVAL, connect(self->s, (void *)un, 1));
	ASSERT_ERR(EFAULT, connect(self->s, (void *)8, len));
	ASSERT_ERR(EFAULT, connect(self->s, (void *)-4096L, len));

	un->sun_family = AF_UNIX;
	ASSERT_EQ(0, connect(self->s, (void *)un, len));
	PROVES("CONN-08");
}

/* Leave no room: "l" admits one, and that one is here. */
static int fill_backlog(int family, int type, int l)
{
	int c = vt_socket(family, type | SOCK_NONBLOCK);

	return listen(l, 0) || vt_connect(c, "l") ? -1 : c;
}

TEST_F(conn, backlog_full)
{
	long long start;

	ASSERT_LE(0, fill_backlog(variant->family, variant->type, self->l));

	ASSERT_EQ(0, fcntl(self->c, F_SETFL, O_NONBLOCK));
	ASSERT_ERR(EAGAIN, vt_connect(self->c, "l"));
	ASSERT_EQ(0, vt_getint(self->c, SOL_SOCKET, SO_ERROR));

	ASSERT_EQ(0, fcntl(self->c, F_SETFL, 0));
	ASSERT_EQ(0, vt_set_timeo(self->c, SO_SNDTIMEO, 30));
	start = vt_ticks_ms();
	ASSERT_ERR(EAGAIN, vt_connect(self->c, "l"));
	/* Lower bound only, less a tick of the slowest clock. */
	ASSERT_LE(start + 20, vt_ticks_ms());
	ASSERT_EQ(0, vt_getint(self->c, SOL_SOCKET, SO_ERROR));
	ASSERT_EQ(POLLOUT | POLLHUP, vt_poll(self->c, VT_POLL_ALL));

	/* Still a good socket. */
	ASSERT_LE(0, accept(self->l, NULL, NULL));
	ASSERT_EQ(0, vt_connect(self->c, "l"));
	PROVES("CONN-09", "CONN-13");
}

TEST_F(conn, room_wakes)
{
	struct vt_io io = { .fd = self->c, .buf = "l" };
	struct vt_bg bg;

	ASSERT_LE(0, fill_backlog(variant->family, variant->type, self->l));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_connect, &io));
	ASSERT_LE(0, accept(self->l, NULL, NULL));
	ASSERT_EQ(0, vt_bg_join(&bg));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	ASSERT_LE(0, accept(self->l, NULL, NULL));
	PROVES("CONN-10");
}

/* Who is woken for the room there is has a signal, and leaves it to the next. */
TEST_F(conn, woken_waiter_leaves)
{
	struct sched_param first = { .sched_priority = 1 };
	struct vt_io io[2];
	struct vt_bg bg[2];
	cpu_set_t one;
	int i;

	/* On AF_UNIX the next one sleeps on, beside a backlog with room. */
	if (variant->family == AF_UNIX)
		SKIP(return, "vunix only");
	ASSERT_EQ(0, vt_catch(SIGUSR1, 0));
	ASSERT_LE(0, fill_backlog(variant->family, variant->type, self->l));
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	for (i = 0; i < 2; i++) {
		io[i] = (struct vt_io){ .buf = "l" };
		io[i].fd = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_bg_block(&bg[i], vt_io_connect, &io[i]));
	}
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &first));
	ASSERT_LE(0, accept(self->l, NULL, NULL));
	ASSERT_EQ(0, pthread_kill(bg[0].thread, SIGUSR1));
	ASSERT_EQ(-1, vt_bg_join(&bg[0]));
	ASSERT_EQ(EINTR, bg[0].err);
	ASSERT_EQ(0, vt_bg_join(&bg[1]));
	ASSERT_EQ(1, send(io[1].fd, "x", 1, 0));
	PROVES("CONN-10");
}

TEST_F(conn, listener_closes)
{
	static const char * const name[] = { "l", "@l" };
	struct vt_io io = { .fd = self->c };
	struct vt_bg bg;
	int i;

	for (i = 0; i < 2; i++) {
		io.buf = (char *)name[i];
		if (i) {
			self->l = vt_socket(variant->family, variant->type);
			ASSERT_EQ(0, vt_bind(self->l, name[i]));
		}
		ASSERT_EQ(0, listen(self->l, 0));
		ASSERT_EQ(0, vt_connect(vt_socket(variant->family,
						  variant->type), name[i]));
		ASSERT_EQ(0, vt_bg_block(&bg, vt_io_connect, &io));
		ASSERT_EQ(0, close(self->l));
		ASSERT_EQ(-1, vt_bg_join(&bg));
		ASSERT_EQ(ECONNREFUSED, bg.err);
	}
	PROVES("CONN-11");
}

TEST_F(conn, signal)
{
	struct vt_io io = { .fd = self->c, .buf = "l" };
	struct vt_bg bg;

	ASSERT_LE(0, fill_backlog(variant->family, variant->type, self->l));

	ASSERT_EQ(0, vt_catch(SIGUSR1, 0));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_connect, &io));
	ASSERT_EQ(0, vt_bg_signal(&bg, SIGUSR1));
	ASSERT_EQ(-1, vt_bg_join(&bg));
	ASSERT_EQ(EINTR, bg.err);

	/* With a time limit SA_RESTART does not help. */
	ASSERT_EQ(0, vt_catch(SIGUSR1, SA_RESTART));
	ASSERT_EQ(0, vt_set_timeo(self->c, SO_SNDTIMEO, 20000));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_connect, &io));
	ASSERT_EQ(0, vt_bg_signal(&bg, SIGUSR1));
	ASSERT_EQ(-1, vt_bg_join(&bg));
	ASSERT_EQ(EINTR, bg.err);
	ASSERT_EQ(0, vt_getint(self->c, SOL_SOCKET, SO_ERROR));

	/* Without one it is restarted, sleeps again, and gets through. */
	ASSERT_EQ(0, vt_set_timeo(self->c, SO_SNDTIMEO, 0));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_connect, &io));
	ASSERT_EQ(0, vt_bg_signal(&bg, SIGUSR1));
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	ASSERT_LE(0, accept(self->l, NULL, NULL));
	ASSERT_EQ(0, vt_bg_join(&bg));

	/* The same socket that was interrupted twice. */
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	ASSERT_LE(0, accept(self->l, NULL, NULL));
	/* No attempt left a connection behind. */
	ASSERT_EQ(0, vt_poll(self->l, POLLIN));
	PROVES("CONN-12");
}

TEST_F(conn, itself)
{
	int s = vt_socket(variant->family, variant->type);

	ASSERT_EQ(0, vt_bind(s, "self"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(s, "self"));
	ASSERT_EQ(0, listen(s, 5));
	ASSERT_ERR(EINVAL, vt_connect(s, "self"));

	s = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(s, "@self"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(s, "@self"));
	ASSERT_EQ(0, listen(s, 5));
	ASSERT_ERR(EINVAL, vt_connect(s, "@self"));
	ASSERT_EQ(0, vt_poll(s, POLLIN));
	PROVES("CONN-14");
}

TEST_F(any, links)
{
	static const char * const name[] = { "soft", "soft2", "hard" };
	unsigned int i;
	char c;
	int s;

	ASSERT_EQ(0, symlink("t", "soft"));
	ASSERT_EQ(0, symlink("soft", "soft2"));
	ASSERT_EQ(0, link("t", "hard"));
	ASSERT_EQ(0, symlink("missing", "dangling"));

	ASSERT_ERR(ENOENT, vt_connect(self->s, "dangling"));
	for (i = 0; i < ARRAY_SIZE(name); i++) {
		s = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_connect(s, name[i]));
		ASSERT_EQ(1, send(s, name[i], 1, 0));
		if (variant->type == SOCK_DGRAM)
			s = self->t;
		else
			s = accept(self->t, NULL, NULL);
		ASSERT_EQ(1, recv(s, &c, 1, MSG_DONTWAIT));
		ASSERT_EQ(name[i][0], c);
	}
	PROVES("CONN-15");
}

TEST_F(any, retry)
{
	/* Whatever failed before, the socket is as new. */
	ASSERT_ERR(ENOENT, vt_connect(self->s, "missing"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->s, "@missing"));
	ASSERT_ERR(ECONNREFUSED, vt_connect(self->s, "."));
	ASSERT_EQ(0, vt_bind(self->s, "mine"));
	ASSERT_ERR(ENOENT, vt_connect(self->s, "missing"));
	ASSERT_EQ(0, vt_getint(self->s, SOL_SOCKET, SO_ERROR));
	ASSERT_EQ(0, vt_connect(self->s, "t"));
	ASSERT_EQ(1, send(self->s, "x", 1, 0));
	PROVES("CONN-13");
}

TEST_F(conn, listener_shut)
{
	int d = vt_socket(variant->family, variant->type);

	ASSERT_EQ(0, shutdown(self->l, SHUT_WR));
	ASSERT_EQ(0, vt_connect(self->c, "l"));
	ASSERT_EQ(1, send(self->c, "x", 1, 0));
	ASSERT_LE(0, accept(self->l, NULL, NULL));

	ASSERT_EQ(0, shutdown(self->l, SHUT_RD));
	ASSERT_ERR(ECONNREFUSED, vt_connect(d, "l"));
	PROVES("CONN-22");
}

TEST_F(conn, shut_before)
{
	int d = vt_socket(variant->family, variant->type);
	char ch;
	int a;

	ASSERT_EQ(0, shutdown(self->c, SHUT_WR));
	ASSERT_EQ(0, vt_connect(self->c, "l"));
	a = accept(self->l, NULL, NULL);
	ASSERT_ERR(EPIPE, send(self->c, "x", 1, MSG_NOSIGNAL));
	/* It is this end's half only: the new socket knows nothing of it. */
	ASSERT_ERR(EAGAIN, recv(a, &ch, 1, MSG_DONTWAIT));
	ASSERT_EQ(1, send(a, "y", 1, MSG_NOSIGNAL));
	ASSERT_EQ(1, recv(self->c, &ch, 1, MSG_DONTWAIT));
	ASSERT_EQ('y', ch);

	ASSERT_EQ(0, shutdown(d, SHUT_RD));
	ASSERT_EQ(0, vt_connect(d, "l"));
	a = accept(self->l, NULL, NULL);
	ASSERT_EQ(0, recv(d, &ch, 1, 0));
	ASSERT_ERR(EPIPE, send(a, "x", 1, MSG_NOSIGNAL));
	ASSERT_EQ(1, send(d, "z", 1, MSG_NOSIGNAL));
	ASSERT_EQ(1, recv(a, &ch, 1, MSG_DONTWAIT));
	ASSERT_EQ('z', ch);
	PROVES("CONN-23");
}

TEST_HARNESS_MAIN
