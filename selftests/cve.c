// SPDX-License-Identifier: GPL-2.0
/*
 * What went wrong in AF_UNIX, one test for each: the situation of the report,
 * in the hope that a kernel built for debugging has something to say.  Each
 * tells what the mistake was, and why vunix cannot make it.  Those of urgent data
 * that need no race are in cve_oob.c.
 *
 * The races are run a bounded number of times.  What userland sees is asserted
 * after each; that everything has been freed, at the end.
 */
#include "gc.h"

#include <linux/filter.h>
#include <linux/io_uring.h>

/* Where each takes seconds, fewer have to do. */
#define ROUNDS	(getenv("VUNIX_SHARED_NETNS") ? 32 : 100)

FIXTURE(cve)
{
	struct vt_env env;
	int base;
};

FIXTURE_VARIANT(cve)
{
	int family;
};

VT_FAMILIES(cve);

FIXTURE_SETUP(cve)
{
	VT_SETUP();
	signal(SIGPIPE, SIG_IGN);
	self->base = gc_sockets(variant->family);
	ASSERT_LE(0, self->base);
}

FIXTURE_TEARDOWN(cve)
{
	VT_TEARDOWN();
}

#define PAIR(type, sv)	ASSERT_EQ(0, vt_pair(variant->family, type, sv))
#define DRAINED()	ASSERT_TRUE(gc_drained(variant->family, self->base))

/*
 * Threads that start together, round by round.  Each has a function; all share
 * what the round is about.
 */
struct round {
	int family;
	int sv[2];
	int spare;		/* a socket whose close has the collector run */
	int got;		/* result of the first function */
	int count;
	int until;		/* count at which the other one begins */
	struct scm_probe p[2];
	char name[32];
};

typedef void (*racer_fn)(struct round *r);

struct crew {
	pthread_barrier_t start, end;
	pthread_t thread[3];
	racer_fn fn[3];
	struct round *round;
	bool over;
	int nr, next;
};

static void *crew_member(void *arg)
{
	struct crew *c = arg;
	racer_fn fn = c->fn[__atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED)];

	for (;;) {
		pthread_barrier_wait(&c->start);
		if (c->over)
			return NULL;
		fn(c->round);
		pthread_barrier_wait(&c->end);
	}
}

static int crew_start(struct crew *c, struct round *r, racer_fn a, racer_fn b,
		      racer_fn d)
{
	int i;

	*c = (struct crew){ .fn = { a, b, d }, .round = r, .nr = 2 + !!d };
	pthread_barrier_init(&c->start, NULL, c->nr + 1);
	pthread_barrier_init(&c->end, NULL, c->nr + 1);
	for (i = 0; i < c->nr; i++)
		if (pthread_create(&c->thread[i], NULL, crew_member, c))
			return -1;
	return 0;
}

static void crew_round(struct crew *c)
{
	pthread_barrier_wait(&c->start);
	pthread_barrier_wait(&c->end);
}

static void crew_end(struct crew *c)
{
	int i;

	c->over = true;
	pthread_barrier_wait(&c->start);
	for (i = 0; i < c->nr; i++)
		pthread_join(c->thread[i], NULL);
}

/*
 * Racers
 *
 * None of them opens what another one's closed descriptor could be mistaken
 * for, unless that one is no longer used.
 */
static void close_first(struct round *r)
{
	close(r->sv[0]);
}

/* While the other one is sending. */
static void close_under_way(struct round *r)
{
	while (__atomic_load_n(&r->count, __ATOMIC_RELAXED) < r->until)
		sched_yield();
	close(r->sv[0]);
}

static void close_spare(struct round *r)
{
	close(r->spare);
}

static void peek_first(struct round *r)
{
	errno = 0;
	r->got = gc_take(r->sv[0], MSG_PEEK, &r->p[0]);
	r->count = errno;
}

static void dup_first(struct round *r)
{
	r->got = dup(r->sv[0]);
	r->count = errno;
}

/* Send until it fails; the number of sends. */
static void send_on(struct round *r, int flags)
{
	while (send(r->sv[1], "x", 1, flags | MSG_NOSIGNAL) == 1)
		__atomic_fetch_add(&r->count, 1, __ATOMIC_RELAXED);
	r->got = errno;
}

static void send_until_end(struct round *r)
{
	send_on(r, 0);
}

static void send_urgent(struct round *r)
{
	send_on(r, MSG_OOB | MSG_DONTWAIT);
}

/* A pair, each end queued on the other, of which only sv[0] stays open. */
static int half_dead(struct round *r, int type)
{
	r->spare = vt_socket(r->family, SOCK_DGRAM);
	r->got = -1;
	if (vt_pair(r->family, type, r->sv) ||
	    gc_put(r->sv[1], r->sv[1], &r->p[0]) ||
	    gc_put(r->sv[0], r->sv[0], &r->p[1]))
		return -1;
	return close(r->sv[1]);
}

/*
 * Sockets in a ring, each in the queue of the one before.  The only descriptor
 * of any goes round, by MSG_PEEK or received and sent again: one of them is open
 * at any time, though not the one that the collector looks at.  It may go just
 * ahead of the collector, if both have the same direction.
 */
#define RING	8
#define HOPS	10000

static bool go_round(int family, int flags, bool back)
{
	int sv[RING][2], i, n, at, k;
	struct scm_in in;

	for (i = 0; i < RING; i++)
		if (vt_pair(family, SOCK_STREAM, sv[i]))
			return false;
	for (i = 0; i < RING; i++) {
		k = back ? RING - 1 - i : i;
		if (scm_send_fd(sv[k][1], "x", sv[(k + 1) % RING][0]))
			return false;
	}
	for (i = 1; i < RING; i++)
		close(sv[i][0]);
	for (at = sv[0][0], n = 0; n < HOPS; n++) {
		if (n % 25 == 0)
			close(vt_socket(family, SOCK_DGRAM));
		if (scm_recv(at, &in, flags) != 1 || in.nr_fds != 1)
			return false;
		if (!flags && scm_send_fd(sv[n % RING][1], "x", in.fds[0]))
			return false;
		close(at);
		at = in.fds[0];
		/* Most of the time only one is open. */
		for (i = 0; i < 150; i++)
			getppid();
	}
	close(at);
	for (i = 0; i < RING; i++)
		close(sv[i][1]);
	return true;
}

/* One end that holds itself, and the other one: both open. */
static int holds_itself(struct round *r)
{
	r->spare = vt_socket(r->family, SOCK_DGRAM);
	r->count = 0;
	return vt_pair(r->family, SOCK_STREAM, r->sv) ||
	       gc_put(r->sv[1], r->sv[0], &r->p[0]);
}

/*
 * AF_UNIX: MSG_PEEK took references to files in flight while the collector
 * counted, and sockets that a process had just got were emptied; once more as
 * CVE-2026-23394, after the collector had been rewritten.
 * vunix: a peek changes a number of the socket that it looks into before it
 * duplicates anything; a group whose numbers or references are not what they
 * were when the search began is live (vunix_gc_core.c).
 */
TEST_F_TIMEOUT(cve, cve_2021_0920, 300)
{
	struct round r = { .family = variant->family };
	struct crew crew;
	int i, a, b;

	ASSERT_EQ(0, crew_start(&crew, &r, peek_first, close_first,
				close_spare));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, half_dead(&r, i % 2 ? SOCK_STREAM :
						   SOCK_SEQPACKET));
		crew_round(&crew);
		if (r.got >= 0) {
			if (i % 10 == 0)
				ASSERT_TRUE(gc_collect(variant->family, 1));
			/* It leads to the other one, and that one back. */
			a = gc_take(r.got, 0, &r.p[1]);
			ASSERT_LE(0, a);
			b = gc_take(a, 0, &r.p[0]);
			ASSERT_LE(0, b);
			close(a);
			close(b);
			close(r.got);
		} else {
			/* Too late, and nothing else. */
			ASSERT_EQ(EBADF, r.count);
		}
		close(r.p[0].r);
		close(r.p[1].r);
	}
	crew_end(&crew);

	/* AF_UNIX of 6.10 to 6.19 could fail here: CVE-2026-23394. */
	if (!VT_UNIX_OLDER(7, 3)) {
		ASSERT_TRUE(go_round(variant->family, MSG_PEEK, false));
		ASSERT_TRUE(go_round(variant->family, MSG_PEEK, true));
	}
	DRAINED();
}

/*
 * AF_UNIX: a descriptor looked up while it was closed gave a file new life that
 * the collector had counted as dead.
 * vunix: the references are read again behind a barrier, and what was looked
 * up in between must change one of the socket's numbers before it can take
 * anything out of a queue; who holds the file does no harm by holding it.
 */
TEST_F_TIMEOUT(cve, cve_2021_4083, 300)
{
	struct round r = { .family = variant->family };
	struct crew crew;
	int i, a, b;

	ASSERT_EQ(0, crew_start(&crew, &r, dup_first, close_first,
				close_spare));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, half_dead(&r, i % 2 ? SOCK_STREAM : SOCK_DGRAM));
		crew_round(&crew);
		if (r.got >= 0) {
			if (i % 10 == 0)
				ASSERT_TRUE(gc_collect(variant->family, 1));
			a = gc_take(r.got, 0, &r.p[0]);
			ASSERT_LE(0, a);
			b = gc_take(a, 0, &r.p[1]);
			ASSERT_LE(0, b);
			close(a);
			close(b);
			close(r.got);
		} else {
			/* Too late, and nothing else. */
			ASSERT_EQ(EBADF, r.count);
		}
		close(r.p[0].r);
		close(r.p[1].r);
	}
	crew_end(&crew);
	ASSERT_TRUE(go_round(variant->family, 0, false));
	ASSERT_TRUE(go_round(variant->family, 0, true));
	DRAINED();
}

/*
 * AF_UNIX: SO_PEERCRED and SO_PEERGROUPS read credentials that listen() and
 * connect() were exchanging, and freed.
 * vunix: exchanges them under sk_peer_lock, which the core's getsockopt() takes
 * as well, and drops the old ones afterwards.
 */
#ifndef SYS_setgroups32
#define SYS_setgroups32	SYS_setgroups
#endif

static void listen_with_groups(struct round *r)
{
	static const gid_t groups[] = { 1001, 1002, 1003 };
	int i;

	for (i = 0; i < 20; i++) {
		/* Of this thread alone. */
		syscall(SYS_setgroups32, i % 2 ? 3 : 1, groups);
		listen(r->sv[0], i % 5);
	}
}

static void ask_creds(struct round *r)
{
	struct ucred cred;
	gid_t groups[8];
	socklen_t len;
	int i, j;

	for (i = 0; i < 20; i++) {
		len = sizeof(cred);
		if (getsockopt(r->sv[0], SOL_SOCKET, SO_PEERCRED, &cred, &len) ||
		    cred.pid != getpid() || cred.uid != geteuid() ||
		    cred.gid != getegid())
			r->count++;
		len = sizeof(groups);
		if (getsockopt(r->sv[0], SOL_SOCKET, SO_PEERGROUPS, groups,
			       &len)) {
			r->count++;
			continue;
		}
		len /= sizeof(gid_t);
		if (len != 1 && len != 3)
			r->count++;
		for (j = 0; j < (int)len; j++)
			if (groups[j] != 1001U + j)
				r->count++;
	}
}

TEST_F_TIMEOUT(cve, cve_2021_4203, 120)
{
	static const gid_t groups[] = { 1001 };
	struct round r = { .family = variant->family };
	struct crew crew;
	int i;

	ASSERT_EQ(0, setgroups(1, groups));
	ASSERT_EQ(0, crew_start(&crew, &r, listen_with_groups, ask_creds,
				ask_creds));
	for (i = 0; i < 10; i++) {
		r.sv[0] = vt_socket(variant->family,
				    i % 2 ? SOCK_STREAM : SOCK_SEQPACKET);
		ASSERT_EQ(0, vt_bind(r.sv[0], "@listener"));
		ASSERT_EQ(0, listen(r.sv[0], 1));
		crew_round(&crew);
		close(r.sv[0]);
	}
	crew_end(&crew);
	ASSERT_EQ(0, r.count);
	DRAINED();
}

/*
 * AF_UNIX: io_uring kept its registered files in messages in flight, and the
 * collector freed some that requests were using.
 * vunix: never sees what io_uring keeps, which is therefore a reference from
 * outside; and io_uring's own descriptors cannot be sent.
 */
TEST_F_TIMEOUT(cve, cve_2022_2602, 120)
{
	struct io_uring_params params = {};
	struct round r = { .family = variant->family };
	int ring = syscall(__NR_io_uring_setup, 4, &params), i;

	if (ring < 0 && (errno == ENOSYS || errno == EPERM))
		SKIP(return, "kernels with io_uring only");
	ASSERT_LE(0, ring);
	ASSERT_EQ(0, holds_itself(&r));
	ASSERT_EQ(0, syscall(__NR_io_uring_register, ring,
			     IORING_REGISTER_FILES, r.sv, 2));
	/* Before 6.7 AF_UNIX let it pass, and would have to find the cycle. */
	if (!VT_UNIX_OLDER(6, 7))
		ASSERT_EQ(EINVAL, scm_send_fd(r.sv[1], "x", ring));
	close(r.sv[0]);
	close(r.sv[1]);
	close(r.spare);
	ASSERT_TRUE(gc_collect(variant->family, 3));
	ASSERT_TRUE(scm_open(&r.p[0]));
	/* All of it, while another one is made. */
	close(ring);
	for (i = 0; i < 5; i++) {
		ring = syscall(__NR_io_uring_setup, 4, &params);
		ASSERT_LE(0, ring);
		PAIR(SOCK_STREAM, r.sv);
		ASSERT_EQ(0, syscall(__NR_io_uring_register, ring,
				     IORING_REGISTER_FILES, r.sv, 2));
		close(r.sv[0]);
		close(r.sv[1]);
		close(ring);
	}
	ASSERT_TRUE(gc_gone(variant->family, &r.p[0], 1));
	DRAINED();
}

/*
 * AF_UNIX: sendpage() added to the last message of the peer's queue without the
 * queue's lock, while the collector freed it.
 * vunix: has no sendpage; what is spliced is sent like anything else: what is
 * published is published under q.lock, under which the collector empties too.
 */
static void splice_in(struct round *r)
{
	int fd[2];

	/* The flag of splice() alone is the pipe's. */
	if (pipe(fd) || fcntl(r->sv[1], F_SETFL, O_NONBLOCK))
		return;
	while (write(fd[1], "0123456789", 10) == 10 &&
	       splice(fd[0], NULL, r->sv[1], NULL, 10, SPLICE_F_NONBLOCK) > 0)
		r->count++;
	close(fd[0]);
	close(fd[1]);
}

TEST_F_TIMEOUT(cve, cve_2023_4622, 120)
{
	struct round r = { .family = variant->family }, first = r;
	struct crew crew;
	int i, err;

	ASSERT_EQ(0, crew_start(&crew, &r, splice_in, close_first,
				close_spare));
	for (i = 0; i < ROUNDS / 4; i++) {
		ASSERT_EQ(0, holds_itself(&r));
		crew_round(&crew);
		/* Emptied, full, or gone. */
		err = vt_err(send(r.sv[1], "x", 1, MSG_NOSIGNAL));
		ASSERT_TRUE(!err || err == EAGAIN || err == EPIPE ||
			    err == ECONNRESET)
			TH_LOG("errno %d", err);
		if (!i) {
			first = r;
			continue;
		}
		close(r.p[0].r);
		close(r.sv[1]);
	}
	crew_end(&crew);
	/* In the end the sender is told. */
	ASSERT_TRUE(gc_gone(variant->family, first.p, 1));
	ASSERT_TRUE(gc_drained(variant->family, self->base + 1));
	vt_getint(first.sv[1], SOL_SOCKET, SO_ERROR);
	ASSERT_ERR(EPIPE, send(first.sv[1], "x", 1, MSG_NOSIGNAL));
	close(first.sv[1]);
	DRAINED();
}

/*
 * AF_UNIX: recv(MSG_OOB) used the urgent message after it had dropped the locks
 * under which others free it.
 * vunix: has no urgent message.  The urgent byte is a position in the ring, its
 * record is owned by the list q.oob, and found there under q.lock each time.
 */
static void put_urgent(struct round *r)
{
	send(r->sv[1], "n", 1, 0);
	send(r->sv[1], "u", 1, MSG_OOB);
	send(r->sv[1], "n", 1, 0);
}

static void get_urgent(struct round *r)
{
	char c[3] = "uu";
	int i;

	/* It may not have been sent yet. */
	for (i = 0; i < 20 && !r->got; i++) {
		if (i % 2)
			recv(r->sv[0], &c[0], 1, MSG_OOB | MSG_PEEK);
		else if (recv(r->sv[0], &c[1], 1, MSG_OOB) == 1)
			__atomic_add_fetch(&r->got, 1, __ATOMIC_RELAXED);
	}
	if (strcmp(c, "uu"))
		__atomic_add_fetch(&r->got, 100, __ATOMIC_RELAXED);
}

static void get_normal(struct round *r)
{
	char buf[8];
	int i, j, n;

	for (i = 0; i < 40; i++) {
		n = recv(r->sv[0], buf, sizeof(buf), MSG_DONTWAIT);
		for (j = 0; j < n; j++)
			r->count += buf[j] == 'n' ? 1 : 100;
	}
}

TEST_F_TIMEOUT(cve, cve_2023_52772, 120)
{
	struct round r = { .family = variant->family };
	struct crew crew;
	int i;

	if (VT_UNIX_OLDER(6, 16))
		SKIP(return, "AF_UNIX since 6.16 only");
	PAIR(SOCK_STREAM, r.sv);
	ASSERT_EQ(0, crew_start(&crew, &r, put_urgent, get_urgent, get_normal));
	for (i = 0; i < 2 * ROUNDS; i++) {
		r.got = 0;
		r.count = 0;
		crew_round(&crew);
		get_normal(&r);
		ASSERT_EQ(2, r.count);
		ASSERT_GE(1, r.got);
		ASSERT_EQ(-1, recv(r.sv[0], &(char){ 0 }, 1, MSG_OOB));
	}
	crew_end(&crew);
}

/*
 * AF_UNIX: a connection that came to a listener in flight while the collector
 * was at work was missing in one of its passes, and what it held was taken for
 * garbage.
 * vunix: whoever can send the listener to a new connection of its own has a
 * reference from outside, and each queueing changes the numbers that the search
 * compares; what it has seen and what it empties are the same queues.
 */
static void connect_and_send(struct round *r)
{
	int c = gc_client(r->family, SOCK_STREAM, r->name);

	r->got = c < 0 ? -1 : gc_put(c, r->sv[0], &r->p[0]);
	if (c >= 0)
		close(c);
	close(r->sv[0]);
}

/* To one that may be gone; the connection holds its client. */
static void connect_and_hold(struct round *r)
{
	int c = gc_client(r->family, SOCK_STREAM, r->name);

	r->got = c < 0 ? -1 : scm_send_fd(c, "x", c);
	if (c >= 0)
		close(c);
}

static int listen_somewhere(struct round *r)
{
	snprintf(r->name, sizeof(r->name), "@listener%d", r->count++);
	r->spare = vt_socket(r->family, SOCK_STREAM);
	r->sv[0] = gc_listener(r->family, SOCK_STREAM, r->name);
	return r->sv[0] < 0 ? -1 : 0;
}

TEST_F_TIMEOUT(cve, cve_2024_26923, 120)
{
	struct round r = { .family = variant->family };
	int i, a, b, l, hold[2];
	struct crew crew;

	/* Reachable, through what is open. */
	PAIR(SOCK_STREAM, hold);
	ASSERT_EQ(0, crew_start(&crew, &r, connect_and_send, close_spare, NULL));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, listen_somewhere(&r));
		ASSERT_EQ(0, scm_send_fd(hold[0], "x", r.sv[0]));
		crew_round(&crew);
		ASSERT_EQ(0, r.got);
		if (i % 10 == 0)
			ASSERT_TRUE(gc_collect(variant->family, 1));
		l = vt_recv_fd(hold[1]);
		ASSERT_LE(0, l);
		ASSERT_EQ(0, fcntl(l, F_SETFL, O_NONBLOCK));
		a = accept(l, NULL, NULL);
		ASSERT_LE(0, a);
		close(l);
		b = gc_take(a, 0, &r.p[0]);
		ASSERT_LE(0, b);
		close(a);
		close(b);
		close(r.p[0].r);
	}
	crew_end(&crew);

	/* Garbage, which somebody connects to all the same. */
	ASSERT_EQ(0, crew_start(&crew, &r, connect_and_hold, close_first,
				close_spare));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, listen_somewhere(&r));
		a = gc_client(variant->family, SOCK_STREAM, r.name);
		ASSERT_EQ(0, gc_put(a, r.sv[0], &r.p[0]));
		close(a);
		crew_round(&crew);
		/* Refused, or cut off. */
		ASSERT_TRUE(r.got <= 0 || r.got == EPIPE)
			TH_LOG("errno %d", r.got);
		close(r.p[0].r);
	}
	crew_end(&crew);
	close(hold[0]);
	close(hold[1]);
	DRAINED();
}

/*
 * AF_UNIX: a sender of urgent data and the collector both changed the pointer
 * to the urgent message, under different locks.
 * vunix: all of q.oob is under q.lock.
 */
TEST_F_TIMEOUT(cve, cve_2024_36972, 120)
{
	struct round r = { .family = variant->family };
	struct crew crew;
	int i;

	ASSERT_EQ(0, crew_start(&crew, &r, send_urgent, close_first,
				close_spare));
	for (i = 0; i < ROUNDS / 4; i++) {
		ASSERT_EQ(0, holds_itself(&r));
		crew_round(&crew);
		ASSERT_TRUE(r.got == EAGAIN || r.got == EPIPE ||
			    r.got == ECONNRESET)
			TH_LOG("errno %d", r.got);
		close(r.p[0].r);
		close(r.sv[1]);
	}
	crew_end(&crew);
	DRAINED();
}

/*
 * AF_UNIX: send() read the shutdown mask while close() wrote it, without either
 * telling the compiler.
 * vunix: READ_ONCE() and WRITE_ONCE(); what decides is q.dead, under q.lock.
 */
TEST_F_TIMEOUT(cve, cve_2024_38596, 120)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct round r = { .family = variant->family };
	struct crew crew;
	int i;

	ASSERT_EQ(0, crew_start(&crew, &r, send_until_end,
				close_under_way, NULL));
	for (i = 0; i < 3 * ROUNDS; i++) {
		PAIR(types[i % 3], r.sv);
		/* Fewer than any of them has room for. */
		r.until = r.count + i / 3 % 5;
		crew_round(&crew);
		ASSERT_TRUE(r.got == EPIPE || r.got == ECONNRESET ||
			    (i % 3 == 1 && r.got == ECONNREFUSED))
			TH_LOG("type %d, errno %d", types[i % 3], r.got);
		close(r.sv[1]);
	}
	crew_end(&crew);
	DRAINED();
}

/*
 * AF_UNIX: SO_REUSEPORT was taken from any socket; what it allocates only
 * internet sockets free in time.
 * vunix: the core refuses it, for its sockets as for AF_UNIX's, and without it
 * nothing can be attached to a group.
 */
TEST_F(cve, cve_2024_57903)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct sock_filter first = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &first };
	int i, a, b;

	for (i = 0; i < 3; i++) {
		a = vt_socket(variant->family, types[i]);
		b = vt_socket(variant->family, types[i]);
		ASSERT_EQ(-1, vt_setint(a, SOL_SOCKET, SO_REUSEPORT, 1));
		ASSERT_EQ(EOPNOTSUPP, errno);
		ASSERT_EQ(-1, vt_setint(b, SOL_SOCKET, SO_REUSEPORT, 1));
		ASSERT_EQ(0, vt_getint(a, SOL_SOCKET, SO_REUSEPORT));
		ASSERT_EQ(-1, setsockopt(a, SOL_SOCKET,
					 SO_ATTACH_REUSEPORT_CBPF, &prog,
					 sizeof(prog)));
		ASSERT_EQ(0, vt_bind(a, "@name"));
		ASSERT_ERR(EADDRINUSE, vt_bind(b, "@name"));
		close(a);
		close(b);
	}
	DRAINED();
}

TEST_HARNESS_MAIN
