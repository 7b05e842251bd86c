// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that are referenced only from the queues of each other are freed, and
 * no others.  Proves GC-01 to GC-11, GC-14 and GC-15.
 */
#include "gc.h"

#include <sys/file.h>
#include <sys/resource.h>

FIXTURE(gc)
{
	struct vt_env env;
	int base;		/* sockets before the test */
};

FIXTURE_VARIANT(gc)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(gc);

FIXTURE_SETUP(gc)
{
	VT_SETUP();
	self->base = gc_sockets(variant->family);
	ASSERT_LE(0, self->base);
}

FIXTURE_TEARDOWN(gc)
{
	VT_TEARDOWN();
}

#define PAIR(sv)	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv))
#define GONE(p, n) do { \
	ASSERT_TRUE(gc_gone(variant->family, p, n)); \
	ASSERT_TRUE(gc_drained(variant->family, self->base)); \
} while (0)

TEST_F(gc, own_queue)
{
	struct scm_probe p[6];
	int sv[2], s;

	PAIR(sv);
	ASSERT_EQ(0, gc_put(sv[1], sv[0], &p[0]));
	close(sv[0]);
	close(sv[1]);
	GONE(p, 1);

	/* More than once, and both ends. */
	PAIR(sv);
	ASSERT_EQ(0, gc_put(sv[1], sv[0], &p[0]));
	ASSERT_EQ(0, gc_put(sv[1], sv[0], &p[1]));
	ASSERT_EQ(0, gc_put(sv[1], sv[0], &p[2]));
	ASSERT_EQ(0, gc_put(sv[0], sv[1], &p[3]));
	ASSERT_TRUE(scm_open(&p[0]));
	close(sv[1]);
	close(sv[0]);
	GONE(p, 4);

	/* Not a pair, but one that sends to itself. */
	if (variant->type == SOCK_DGRAM) {
		s = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_bind(s, "@self"));
		ASSERT_EQ(0, vt_connect(s, "@self"));
		ASSERT_EQ(0, gc_put(s, s, &p[0]));
		close(s);
		GONE(p, 1);
		s = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_bind(s, "@self"));
	}
	PROVES("GC-01");
}

/* So much in one queue that a walk over it takes a while. */
TEST_F_TIMEOUT(gc, long_queue, 120)
{
	struct scm_probe p[2];
	int sv[2], fds[253], i;

	if (geteuid())
		SKIP(return, "root only: more descriptors than a user may send");
	PAIR(sv);
	for (i = 0; i < 253; i++)
		fds[i] = sv[0];
	ASSERT_EQ(0, gc_put(sv[1], sv[0], &p[0]));
	for (i = 0; i < 40; i++)
		ASSERT_EQ(0, scm_send_fds(sv[1], "x", fds, 253, 0));
	ASSERT_EQ(0, gc_put(sv[1], sv[1], &p[1]));
	ASSERT_TRUE(gc_collect(variant->family, 2));
	ASSERT_TRUE(scm_open(&p[0]));
	ASSERT_TRUE(scm_open(&p[1]));
	close(sv[0]);
	close(sv[1]);
	GONE(p, 2);
	PROVES("GC-01");
}

TEST_F(gc, each_other)
{
	struct scm_probe p[4];
	int sv[2], tv[2];

	PAIR(sv);
	ASSERT_EQ(0, gc_put(sv[0], sv[0], &p[0]));
	ASSERT_EQ(0, gc_put(sv[1], sv[1], &p[1]));
	close(sv[0]);
	ASSERT_TRUE(scm_open(&p[0]));
	ASSERT_TRUE(scm_open(&p[1]));
	close(sv[1]);
	GONE(p, 2);

	/* Of two pairs. */
	PAIR(sv);
	PAIR(tv);
	ASSERT_EQ(0, gc_put(sv[1], tv[0], &p[0]));
	ASSERT_EQ(0, gc_put(tv[1], sv[0], &p[1]));
	ASSERT_EQ(0, gc_put(sv[0], tv[1], &p[2]));
	ASSERT_EQ(0, gc_put(tv[0], sv[1], &p[3]));
	close(sv[0]);
	close(sv[1]);
	close(tv[0]);
	close(tv[1]);
	GONE(p, 4);
	PROVES("GC-02");
}

TEST_F(gc, other_files)
{
	int sv[2], own[2], native[2], lock, again, fds[4];
	struct scm_probe p[2];

	PAIR(sv);
	PAIR(own);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, native));
	lock = open("lock", O_RDWR | O_CREAT, 0600);
	again = open("lock", O_RDWR);
	ASSERT_LE(0, again);
	ASSERT_EQ(0, flock(lock, LOCK_EX));

	ASSERT_EQ(0, gc_put(sv[0], sv[0], &p[0]));
	ASSERT_EQ(0, gc_put(sv[1], sv[1], &p[1]));
	fds[0] = lock;
	fds[1] = own[0];
	fds[2] = native[0];
	fds[3] = open("/", O_PATH);
	ASSERT_EQ(0, scm_send_fds(sv[0], "x", fds, 4, 0));
	close(own[0]);
	close(native[0]);
	close(lock);
	close(fds[3]);
	ASSERT_ERR(EWOULDBLOCK, flock(again, LOCK_EX | LOCK_NB));
	ASSERT_FALSE(vt_poll(native[1], POLLIN) & POLLHUP);
	close(sv[0]);
	close(sv[1]);

	ASSERT_TRUE(gc_gone(variant->family, p, 2));
	ASSERT_EQ(0, flock(again, LOCK_EX));
	ASSERT_TRUE(vt_poll_wait(native[1], POLLIN, GC_PATIENCE) & POLLHUP);
	/* A datagram socket does not learn of its peer's end, but is refused. */
	close(native[1]);
	ASSERT_TRUE(gc_drained(variant->family, self->base + 1));
	ASSERT_EQ(-1, send(own[1], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT));
	close(own[1]);
	PROVES("GC-03");
}

/* Each queue holds the next socket, the last one's the first. */
TEST_F_TIMEOUT(gc, ring, 120)
{
	struct scm_probe p[3];
	int i, first, via, sv[2];

	PAIR(sv);
	first = sv[0];
	via = sv[1];
	ASSERT_EQ(0, scm_give(via, "x", &p[0]));
	for (i = 1; i < 300; i++) {
		PAIR(sv);
		ASSERT_EQ(0, scm_send_fd(via, "x", sv[0]));
		close(via);
		close(sv[0]);
		via = sv[1];
		if (i == 150)
			ASSERT_EQ(0, scm_give(via, "x", &p[1]));
	}
	ASSERT_EQ(0, gc_put(via, first, &p[2]));
	close(via);
	ASSERT_TRUE(gc_collect(variant->family, 1));
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(scm_open(&p[i]));
	close(first);
	GONE(p, 3);
	PROVES("GC-06");
}

TEST_F(gc, open_descriptor)
{
	struct scm_probe p[3];
	int sv[2], tv[2], b, c;

	/* sv[0], open, holds sv[1], which holds tv[0], which holds sv[0]. */
	PAIR(sv);
	PAIR(tv);
	ASSERT_EQ(0, gc_put(sv[1], sv[1], &p[0]));
	ASSERT_EQ(0, gc_put(sv[0], tv[0], &p[1]));
	ASSERT_EQ(0, gc_put(tv[1], sv[0], &p[2]));
	close(sv[1]);
	close(tv[0]);
	close(tv[1]);
	ASSERT_TRUE(gc_collect(variant->family, 4));
	ASSERT_EQ(self->base + 3, gc_sockets(variant->family));

	b = gc_take(sv[0], 0, &p[0]);
	ASSERT_LE(0, b);
	ASSERT_TRUE(gc_collect(variant->family, 2));
	tv[0] = gc_take(b, 0, &p[1]);
	ASSERT_LE(0, tv[0]);
	/* Now by another way only. */
	close(sv[0]);
	ASSERT_TRUE(gc_collect(variant->family, 2));
	c = gc_take(tv[0], 0, &p[2]);
	ASSERT_LE(0, c);
	/* Still connected. */
	ASSERT_EQ(0, scm_send_fd(c, "y", 0));
	close(vt_recv_fd(b));
	ASSERT_EQ(1, send(b, "z", 1, MSG_DONTWAIT));
	PROVES("GC-09");
}

TEST_F(gc, open_on_dead)
{
	struct scm_probe p[2], own;
	int sv[2], ov[2], fd;
	char buf[8];

	PAIR(ov);
	ASSERT_EQ(0, gc_put(ov[1], ov[1], &own));
	PAIR(sv);
	ASSERT_EQ(0, gc_put(sv[0], sv[0], &p[0]));
	ASSERT_EQ(0, gc_put(sv[1], sv[1], &p[1]));
	ASSERT_EQ(0, scm_send_fd(sv[0], "x", ov[0]));
	ASSERT_EQ(0, scm_send_fd(sv[1], "x", ov[1]));
	close(sv[0]);
	close(sv[1]);
	ASSERT_TRUE(gc_gone(variant->family, p, 2));
	ASSERT_TRUE(gc_drained(variant->family, self->base + 2));
	ASSERT_TRUE(gc_collect(variant->family, 2));

	fd = gc_take(ov[0], 0, &own);
	ASSERT_LE(0, fd);
	ASSERT_EQ(5, send(ov[0], "hello", 5, MSG_DONTWAIT));
	ASSERT_EQ(5, recv(fd, buf, 8, MSG_DONTWAIT));
	ASSERT_EQ(0, scm_send_fd(fd, "x", 0));
	ASSERT_LE(0, vt_recv_fd(ov[0]));
	PROVES("GC-10");
}

/* A process that leaves thousands of sockets in queues. */
#define LOAD	200

static int leave(int family, int type, int probe)
{
	int sv[2], fds[LOAD + 1], i, j;

	for (i = 0; i < 5; i++) {
		if (vt_pair(family, type, sv))
			return 1;
		for (j = 0; j < LOAD; j += 2)
			if (vt_pair(family, type, &fds[j]) ||
			    scm_send_fd(fds[j], "x", fds[j]) ||
			    scm_send_fd(fds[j], "x", sv[0]) ||
			    scm_send_fd(fds[j + 1], "x", fds[j + 1]))
				return 2;
		fds[LOAD] = probe;
		if (scm_send_fds(sv[0], "x", fds, LOAD + 1, 0) ||
		    scm_send_fds(sv[1], "x", fds, LOAD + 1, 0))
			return 3;
		for (j = 0; j < LOAD; j++)
			close(fds[j]);
	}
	return 0;
}

TEST_F_TIMEOUT(gc, exit, 120)
{
	struct scm_probe p;
	int status;
	pid_t pid;

	ASSERT_EQ(0, scm_probe(&p));
	pid = vt_fork();
	if (!pid)
		_exit(leave(variant->family, variant->type, p.w));
	close(p.w);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	GONE(&p, 1);
	PROVES("GC-14");
}

/* A user who has nothing else in flight. */
#define NOBODY_ELSE	54322
#define LIMIT		20

struct count_arg {
	int family;
	int type;
};

/*
 * What a collection frees leaves the count message by message: a send that
 * is refused may be one in the middle of it.
 */
static int send_after_collection(int family, int sock, const int *fds, int n)
{
	long long end = vt_ticks_ms() + GC_PATIENCE;
	struct timespec ms = { .tv_nsec = 10000000 };
	int err;

	for (;;) {
		err = scm_send_fds(sock, "x", fds, n, 0);
		if (err != ETOOMANYREFS || vt_ticks_ms() >= end)
			return err;
		gc_kick(family);
		nanosleep(&ms, NULL);
	}
}

static int count_of_user(void *arg)
{
	struct rlimit lim = { .rlim_cur = LIMIT, .rlim_max = LIMIT };
	struct count_arg *a = arg;
	int i, sv[2], tv[2], fds[7];

	if (setrlimit(RLIMIT_NOFILE, &lim) ||
	    vt_pair(a->family, a->type, tv) || vt_pair(a->family, a->type, sv))
		return 1;
	for (i = 0; i < 7; i++)
		fds[i] = sv[i % 2];
	for (i = 0; i < 3; i++)
		if (scm_send_fds(sv[i % 2], "x", fds, 7, 0))
			return 2;
	if (scm_send_fd(sv[0], "x", 0) != ETOOMANYREFS ||
	    scm_send_fd(tv[0], "x", 0) != ETOOMANYREFS)
		return 3;
	close(sv[0]);
	close(sv[1]);
	for (i = 0; i < 7; i++)
		fds[i] = 0;
	if (send_after_collection(a->family, tv[0], fds, 1))
		return 4;
	/* All of it: 1 is in flight, and 20 more may be. */
	for (i = 0; i < 3; i++)
		if (send_after_collection(a->family, tv[0], fds, 7))
			return 5;
	return scm_send_fd(tv[0], "x", 0) == ETOOMANYREFS ? 0 : 6;
}

TEST_F(gc, count_of_user)
{
	struct count_arg a = { variant->family, variant->type };

	ASSERT_EQ(0, vt_run_as(NOBODY_ELSE, count_of_user, &a));
	ASSERT_TRUE(gc_drained(variant->family, self->base));
	PROVES("GC-15");
}

FIXTURE(gc_conn)
{
	struct vt_env env;
	int base;
};

FIXTURE_VARIANT(gc_conn)
{
	int family;
	int type;
};

VT_FAMILIES_CONN(gc_conn);

FIXTURE_SETUP(gc_conn)
{
	VT_SETUP();
	self->base = gc_sockets(variant->family);
	ASSERT_LE(0, self->base);
}

FIXTURE_TEARDOWN(gc_conn)
{
	VT_TEARDOWN();
}

#define LISTENER(name)	gc_listener(variant->family, variant->type, name)
#define CLIENT(name)	gc_client(variant->family, variant->type, name)

/* It was no listener yet when it was sent. */
TEST_F(gc_conn, listener_later)
{
	struct scm_probe p[2];
	int sv[2], l, c;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	l = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(l, "@later"));
	ASSERT_EQ(0, gc_put(sv[0], l, &p[0]));
	ASSERT_EQ(0, listen(l, 5));
	c = CLIENT("@later");
	ASSERT_EQ(0, gc_put(c, sv[1], &p[1]));
	close(l);
	close(c);
	ASSERT_TRUE(scm_open(&p[0]));
	close(sv[0]);
	close(sv[1]);
	GONE(p, 2);
	PROVES("GC-04");
}

TEST_F(gc_conn, listener)
{
	struct scm_probe p[2];
	int l, c, d;

	l = LISTENER("@l");
	c = CLIENT("@l");
	ASSERT_EQ(0, gc_put(c, l, &p[0]));
	close(c);
	close(l);
	GONE(p, 1);

	/* The client's descriptor leads nowhere. */
	l = LISTENER("@l");
	c = CLIENT("@l");
	d = CLIENT("@l");
	ASSERT_EQ(0, gc_put(c, l, &p[0]));
	ASSERT_EQ(0, gc_put(d, d, &p[1]));
	close(d);
	ASSERT_TRUE(gc_collect(variant->family, 1));
	ASSERT_TRUE(scm_open(&p[0]));
	ASSERT_TRUE(scm_open(&p[1]));
	close(l);
	ASSERT_TRUE(gc_gone(variant->family, p, 2));
	ASSERT_TRUE(gc_drained(variant->family, self->base + 1));
	ASSERT_TRUE(vt_poll(c, POLLIN) & POLLHUP);
	ASSERT_EQ(-1, send(c, "x", 1, MSG_NOSIGNAL));
	/* The name is free again. */
	ASSERT_LE(0, LISTENER("@l"));
	PROVES("GC-04");
}

TEST_F(gc_conn, two_listeners)
{
	struct scm_probe p[3];
	int l[2], c[3];

	l[0] = LISTENER("@0");
	l[1] = LISTENER("@1");
	c[0] = CLIENT("@0");
	c[1] = CLIENT("@1");
	c[2] = CLIENT("@1");
	ASSERT_EQ(0, gc_put(c[0], l[1], &p[0]));
	ASSERT_EQ(0, gc_put(c[1], l[0], &p[1]));
	ASSERT_EQ(0, scm_give(c[2], "x", &p[2]));
	close(c[1]);
	close(l[0]);
	ASSERT_TRUE(gc_collect(variant->family, 2));
	ASSERT_TRUE(scm_open(&p[0]));
	ASSERT_TRUE(scm_open(&p[1]));
	ASSERT_TRUE(scm_open(&p[2]));
	close(l[1]);
	ASSERT_TRUE(gc_gone(variant->family, p, 3));
	ASSERT_TRUE(gc_drained(variant->family, self->base + 2));
	ASSERT_TRUE(vt_poll(c[0], POLLIN) & POLLHUP);
	ASSERT_TRUE(vt_poll(c[2], POLLIN) & POLLHUP);
	ASSERT_LE(0, LISTENER("@0"));
	ASSERT_LE(0, LISTENER("@1"));
	PROVES("GC-05");
}

/* All kinds in one ring, a connection that is not accepted among them. */
TEST_F(gc_conn, mixed_types)
{
	int l, c, d[2], s[2], q[2];
	struct scm_probe p[5];

	l = LISTENER("@l");
	c = CLIENT("@l");
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_DGRAM, d));
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, s));
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_SEQPACKET, q));
	ASSERT_EQ(0, gc_put(c, d[0], &p[0]));
	ASSERT_EQ(0, gc_put(d[1], s[0], &p[1]));
	ASSERT_EQ(0, gc_put(s[1], q[0], &p[2]));
	ASSERT_EQ(0, gc_put(q[1], l, &p[3]));
	ASSERT_EQ(0, gc_put(q[1], q[1], &p[4]));
	close(l);
	close(c);
	close(d[0]);
	close(d[1]);
	close(s[1]);
	close(q[0]);
	close(q[1]);
	ASSERT_TRUE(gc_collect(variant->family, 2));
	ASSERT_TRUE(scm_open(&p[0]));
	ASSERT_TRUE(scm_open(&p[3]));
	close(s[0]);
	GONE(p, 5);
	PROVES("GC-11");
}

/*
 * Deep chains.  On AF_UNIX of datagrams only, made without closing any socket
 * for good: before 6.10 each such close looks at all that is in flight.
 */
#define DEEP	5000

FIXTURE(gc_deep)
{
	struct vt_env env;
	int base;
	int head;		/* open; holds the second, which holds ... */
	struct sockaddr_un last;
	socklen_t len;
	int via;		/* sends to the last one */
	struct scm_probe p;	/* on the last one */
};

FIXTURE_VARIANT(gc_deep)
{
	int family;
	int type;
};

FIXTURE_VARIANT_ADD(gc_deep, unix_dgram)
	{ .family = AF_UNIX, .type = SOCK_DGRAM };
FIXTURE_VARIANT_ADD(gc_deep, vunix_dgram)
	{ .family = AF_VUNIX, .type = SOCK_DGRAM };
FIXTURE_VARIANT_ADD(gc_deep, vunix_stream)
	{ .family = AF_VUNIX, .type = SOCK_STREAM };

/* Datagram sockets that have names of the kernel's choice. */
static int next_dgram(int family, int *via)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = vt_socket(family, SOCK_DGRAM);
	socklen_t len = sizeof(un);

	if (bind(fd, (struct sockaddr *)&un, sizeof(sa_family_t)) ||
	    (*via >= 0 && scm_send_fd(*via, "x", fd)))
		return -1;
	if (*via < 0) {
		/* Pays for everything that is queued. */
		*via = vt_socket(family, SOCK_DGRAM);
		if (vt_setint(*via, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 25))
			return -1;
	}
	if (getsockname(fd, (struct sockaddr *)&un, &len) ||
	    connect(*via, (struct sockaddr *)&un, len))
		return -1;
	return fd;
}

static int next_stream(int family, int *via)
{
	int sv[2];

	if (vt_pair(family, SOCK_STREAM, sv) ||
	    (*via >= 0 && scm_send_fd(*via, "x", sv[0])))
		return -1;
	if (*via >= 0)
		close(*via);
	*via = sv[1];
	return sv[0];
}

FIXTURE_SETUP(gc_deep)
{
	int i, fd;

	VT_SETUP();
	if (variant->type == SOCK_STREAM && vt_shared_netns())
		SKIP(return, "machines that are not slow only");
	self->base = gc_sockets(variant->family);
	self->via = -1;
	for (i = 0; i < DEEP; i++) {
		fd = variant->type == SOCK_DGRAM ?
		     next_dgram(variant->family, &self->via) :
		     next_stream(variant->family, &self->via);
		ASSERT_LE(0, fd);
		if (i)
			close(fd);
		else
			self->head = fd;
	}
	ASSERT_EQ(0, scm_give(self->via, "x", &self->p));
}

FIXTURE_TEARDOWN(gc_deep)
{
	VT_TEARDOWN();
}

TEST_F_TIMEOUT(gc_deep, chain, 300)
{
	ASSERT_TRUE(gc_collect(variant->family, 1));
	ASSERT_TRUE(scm_open(&self->p));
	ASSERT_EQ(self->base + DEEP + 1, gc_sockets(variant->family));
	close(self->via);
	close(self->head);
	GONE(&self->p, 1);
	PROVES("GC-07");
}

TEST_F_TIMEOUT(gc_deep, ring, 300)
{
	ASSERT_EQ(0, scm_send_fd(self->via, "x", self->head));
	ASSERT_TRUE(gc_collect(variant->family, 1));
	ASSERT_TRUE(scm_open(&self->p));
	close(self->via);
	close(self->head);
	GONE(&self->p, 1);
	PROVES("GC-08");
}

TEST_HARNESS_MAIN
