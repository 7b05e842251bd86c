// SPDX-License-Identifier: GPL-2.0
/*
 * Races of two processors.  Those that end a connection while something is under
 * way, or change who it goes to:
 *
 *   SHUT-03   nothing arrives behind an end of file that was read, though the
 *             writer and shutdown(SHUT_WR) run at the same time
 *   SHUT-04   the same for the receiver's shutdown(SHUT_RD)
 *   OOB-09    SIGURG's owner is looked up while the receiver is closed
 *   STRESS-04 datagram sockets change their peer while readers peek and senders
 *             wait for room: everybody gets on
 *
 * and those of two that meet, one who waits and one who brings what it waits for:
 * nobody sleeps beside it.  These, and tests without a row, assert more of STR-05,
 * ACC-12, CONN-17, CLOSE-06 and STRESS-04.
 */
#include "vunix_test.h"
#include <pthread.h>

#define ROUNDS	150

VT_FIXTURE(race, VT_FAMILIES);

struct job {
	int fd;
	int how;
	int flags;
	pthread_barrier_t *start;
};

static void *send_on(void *arg)
{
	struct job *job = arg;

	pthread_barrier_wait(job->start);
	while (send(job->fd, "x", 1, job->flags | MSG_NOSIGNAL) == 1)
		;
	return NULL;
}

static void *shut(void *arg)
{
	struct job *job = arg;

	pthread_barrier_wait(job->start);
	if (job->how < 0)
		close(job->fd);
	else
		shutdown(job->fd, job->how);
	return NULL;
}

/* Reads to the end; returns what came behind it. */
static int behind_end(int fd)
{
	char buf[4096];
	int n;

	do
		n = recv(fd, buf, sizeof(buf), 0);
	while (n > 0);
	return n < 0 ? n : recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
}

static int end_is_final(int family, int how)
{
	pthread_barrier_t start;
	pthread_t a, b;
	int sv[2], n;
	char c;

	if (vt_pair(family, SOCK_STREAM, sv))
		return -1;
	pthread_barrier_init(&start, NULL, 3);
	{
		struct job send = { sv[0], 0, 0, &start };
		struct job end = { how == SHUT_WR ? sv[0] : sv[1], how, 0,
				   &start };

		pthread_create(&a, NULL, send_on, &send);
		pthread_create(&b, NULL, shut, &end);
		pthread_barrier_wait(&start);
		n = behind_end(sv[1]);
		pthread_join(a, NULL);
		pthread_join(b, NULL);
		/* Nor has anything come since. */
		if (!n)
			n = recv(sv[1], &c, 1, MSG_DONTWAIT);
	}
	pthread_barrier_destroy(&start);
	close(sv[0]);
	close(sv[1]);
	return n;
}

TEST_F(race, send_and_shutdown)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, end_is_final(variant->family, SHUT_WR));
		ASSERT_EQ(0, end_is_final(variant->family, SHUT_RD));
	}
	PROVES("SHUT-03", "SHUT-04");
}

TEST_F(race, urgent_and_close)
{
	pthread_barrier_t start;
	pthread_t a, b;
	int sv[2], i;

	signal(SIGURG, SIG_IGN);
	for (i = 0; i < ROUNDS; i++) {
		struct job send, end;

		ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
		ASSERT_EQ(0, fcntl(sv[1], F_SETOWN, getpid()));
		pthread_barrier_init(&start, NULL, 2);
		send = (struct job){ sv[0], 0, MSG_OOB, &start };
		end = (struct job){ sv[1], -1, 0, &start };
		pthread_create(&a, NULL, send_on, &send);
		pthread_create(&b, NULL, shut, &end);
		pthread_join(a, NULL);
		pthread_join(b, NULL);
		pthread_barrier_destroy(&start);
		close(sv[0]);
	}
	PROVES("OOB-09");
}

static int stop;

static void *peek_on(void *arg)
{
	struct job *job = arg;
	char c;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		recv(job->fd, &c, 1, MSG_DONTWAIT |
		     (job->how ? MSG_PEEK : 0));
	return NULL;
}

static void *change_peer(void *arg)
{
	struct job *job = arg;
	struct sockaddr un = { .sa_family = AF_UNSPEC };

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		vt_connect(job->fd, "@sender");
		connect(job->fd, &un, sizeof(un));
	}
	return NULL;
}

/* The sender blocks again and again, and is never forgotten. */
TEST_F(race, reconnect_and_peek)
{
	struct job read = { 0 }, peek = { .how = 1 }, change = { 0 };
	int r = vt_socket(variant->family, SOCK_DGRAM);
	int s = vt_socket(variant->family, SOCK_DGRAM);
	pthread_t t[3];
	int i;

	ASSERT_EQ(0, vt_bind(r, "@receiver"));
	ASSERT_EQ(0, vt_bind(s, "@sender"));
	read.fd = r;
	peek.fd = r;
	change.fd = r;
	pthread_create(&t[0], NULL, peek_on, &read);
	pthread_create(&t[1], NULL, peek_on, &peek);
	pthread_create(&t[2], NULL, change_peer, &change);
	for (i = 0; i < 20 * ROUNDS; i++)
		ASSERT_EQ(1, vt_sendto(s, "x", 1, 0, "@receiver"));
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	PROVES("STRESS-04");
}

/*
 * Two threads begin each round together, and each spins for a time of its own: in
 * many rounds they come to the same place in any order.
 */
#define SPIN	20000

static int arrived;

static void meet(void)
{
	int n = __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST), i = 0;

	/* Not for long: there may be one processor, or others who want it. */
	while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < n + n % 2)
		if (++i > 10 * SPIN)
			usleep(20);
}

/* Through memory, so that it takes its time. */
static void spin(unsigned int n)
{
	while (__atomic_load_n(&n, __ATOMIC_RELAXED))
		__atomic_store_n(&n, n - 1, __ATOMIC_RELAXED);
}

static void meet_and_spin(unsigned int *seed)
{
	unsigned int n = rand_r(seed) % SPIN;

	meet();
	spin(n);
}

static void *send_on_and_on(void *arg)
{
	struct job *job = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (job->how)
			vt_sendto(job->fd, "x", 1, MSG_DONTWAIT, "@receiver");
		else
			send(job->fd, "x", 1, MSG_DONTWAIT);
	}
	return NULL;
}

/* Receivers come and go; others send to them meanwhile, connected and by name. */
TEST_F(race, receivers_go)
{
	struct job to_peer = { 0 }, to_name = { .how = 1 };
	struct sockaddr un = { .sa_family = AF_UNSPEC };
	unsigned int seed = 3;
	pthread_t t[2];
	int i, r, s;
	char c;

	s = vt_socket(variant->family, SOCK_DGRAM);
	to_peer.fd = s;
	to_name.fd = vt_socket(variant->family, SOCK_DGRAM);
	pthread_create(&t[0], NULL, send_on_and_on, &to_peer);
	pthread_create(&t[1], NULL, send_on_and_on, &to_name);
	for (i = 0; i < 10 * ROUNDS; i++) {
		r = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_bind(r, "@receiver"));
		ASSERT_EQ(0, vt_connect(s, "@receiver"));
		spin(rand_r(&seed) % SPIN);
		ASSERT_EQ(0, close(r));
		ASSERT_EQ(0, connect(s, &un, sizeof(un)));
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	r = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(r, "@receiver"));
	ASSERT_EQ(0, vt_connect(s, "@receiver"));
	ASSERT_EQ(1, send(s, "x", 1, 0));
	ASSERT_EQ(1, recv(r, &c, 1, MSG_DONTWAIT));
}

static void *peek_in_turn(void *arg)
{
	struct job *job = arg;
	unsigned int seed = 5;
	char c;
	int i;

	for (i = 0; i < 4 * ROUNDS; i++) {
		meet_and_spin(&seed);
		recv(job->fd, &c, 1, MSG_DONTWAIT | MSG_PEEK);
		meet();
	}
	return NULL;
}

/*
 * Messages of an old peer are dropped, also while somebody looks at one: when both
 * calls have returned, there is room.
 */
TEST_F(race, peek_and_dissolve)
{
	struct sockaddr un = { .sa_family = AF_UNSPEC };
	struct job peek = { 0 };
	unsigned int seed = 7;
	pthread_t t;
	int i, r, s;

	r = vt_socket(variant->family, SOCK_DGRAM);
	s = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(r, "@receiver"));
	ASSERT_EQ(0, vt_bind(s, "@sender"));
	peek.fd = r;
	pthread_create(&t, NULL, peek_in_turn, &peek);
	for (i = 0; i < 4 * ROUNDS; i++) {
		while (vt_sendto(s, "x", 1, MSG_DONTWAIT, "@receiver") == 1)
			;
		ASSERT_EQ(EAGAIN, errno);
		ASSERT_EQ(0, vt_connect(r, "@sender"));
		meet_and_spin(&seed);
		ASSERT_EQ(0, connect(r, &un, sizeof(un)));
		meet();
		ASSERT_EQ(1, vt_sendto(s, "x", 1, MSG_DONTWAIT, "@receiver"));
	}
	pthread_join(t, NULL);
}

/* What the rounds of two threads are about */
struct rounds {
	int family;
	int type;
	int fd;
	int n;
	int done;
	int bad;
};

static void *connect_in_turn(void *arg)
{
	struct rounds *r = arg;
	unsigned int seed = 11;
	int i, c;
	char b;

	for (i = 0; i < 4 * ROUNDS; i++) {
		c = vt_socket(r->family, SOCK_STREAM);
		vt_set_timeo(c, SO_RCVTIMEO, 10000);
		meet_and_spin(&seed);
		if (!vt_connect(c, "@listener"))
			r->bad |= recv(c, &b, 1, 0) != -1 ||
				  errno != ECONNRESET;
		else
			r->bad |= errno != ECONNREFUSED;
		close(c);
		meet();
	}
	return NULL;
}

/* A listener goes: nobody stays connected to it. */
TEST_F(race, connect_and_close)
{
	struct rounds r = { .family = variant->family };
	unsigned int seed = 13;
	pthread_t t;
	int i, l;

	pthread_create(&t, NULL, connect_in_turn, &r);
	for (i = 0; i < 4 * ROUNDS; i++) {
		l = vt_socket(variant->family, SOCK_STREAM);
		ASSERT_EQ(0, vt_bind(l, "@listener"));
		ASSERT_EQ(0, listen(l, 1));
		meet_and_spin(&seed);
		close(l);
		meet();
		ASSERT_EQ(0, r.bad);
	}
	pthread_join(t, NULL);
}

/*
 * Two that meet
 */

VT_FIXTURE(meet, VT_FAMILIES_TYPES);

static void *send_in_turn(void *arg)
{
	struct rounds *r = arg;
	unsigned int seed = 17;
	int i;

	for (i = 0; i < 10 * ROUNDS; i++) {
		meet_and_spin(&seed);
		r->bad |= send(r->fd, "x", 1, 0) != 1;
	}
	return NULL;
}

TEST_F(meet, message)
{
	struct rounds r = { 0 };
	unsigned int seed = 19;
	pthread_t t;
	int i, sv[2];
	char c;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	r.fd = sv[1];
	pthread_create(&t, NULL, send_in_turn, &r);
	for (i = 0; i < 10 * ROUNDS; i++) {
		meet_and_spin(&seed);
		ASSERT_EQ(1, recv(sv[0], &c, 1, 0));
	}
	pthread_join(t, NULL);
	ASSERT_EQ(0, r.bad);
}

/* The least SO_SNDBUF is full with one. */
static char large[8192];

static void *fill_in_turn(void *arg)
{
	struct rounds *r = arg;
	unsigned int seed = 23;
	int i;

	for (i = 0; i < 10 * ROUNDS; i++) {
		meet_and_spin(&seed);
		r->bad |= send(r->fd, large, r->n, 0) != r->n;
		__atomic_store_n(&r->done, i + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/*
 * One is taken, while another comes that has no room until then.  A stream's is sent in
 * two pieces; in AF_UNIX the second one may have to wait for the first to be taken.
 */
TEST_F(meet, room)
{
	bool pieces = vt_is_unix(variant->family) &&
		      variant->type == SOCK_STREAM;
	static char buf[sizeof(large)];
	struct rounds r = { 0 };
	unsigned int seed = 29;
	int i, got, sv[2];
	pthread_t t;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, vt_setint(sv[1], SOL_SOCKET, SO_SNDBUF, 1));
	r.fd = sv[1];
	r.n = variant->type == SOCK_STREAM ?
	      4096 : vt_getint(sv[1], SOL_SOCKET, SO_SNDBUF) - 64;
	ASSERT_EQ(r.n, send(r.fd, large, r.n, 0));
	ASSERT_EQ(-1, send(r.fd, large, r.n, MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	pthread_create(&t, NULL, fill_in_turn, &r);
	for (i = 0; i < 10 * ROUNDS; i++) {
		meet_and_spin(&seed);
		got = recv(sv[0], buf, r.n, 0);
		if (!pieces)
			ASSERT_EQ(r.n, got);
		ASSERT_LT(0, got);
		while (pieces && __atomic_load_n(&r.done,
						 __ATOMIC_ACQUIRE) <= i) {
			recv(sv[0], buf, r.n, MSG_DONTWAIT);
			sched_yield();
		}
	}
	pthread_join(t, NULL);
	ASSERT_EQ(0, r.bad);
}

static void *connect_to_waiting(void *arg)
{
	struct rounds *r = arg;
	unsigned int seed = 31;
	int i, c;

	for (i = 0; i < 4 * ROUNDS; i++) {
		c = vt_socket(r->family, r->type);
		meet_and_spin(&seed);
		r->bad |= vt_connect(c, "@listener");
		close(c);
	}
	return NULL;
}

TEST_F(meet, connection)
{
	struct rounds r = { .family = variant->family,
			    .type = variant->type };
	unsigned int seed = 37;
	int i, l, s;
	pthread_t t;

	if (variant->type == SOCK_DGRAM)
		SKIP(return, "types that connect only");
	l = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(l, "@listener"));
	ASSERT_EQ(0, listen(l, 1));
	pthread_create(&t, NULL, connect_to_waiting, &r);
	for (i = 0; i < 4 * ROUNDS; i++) {
		meet_and_spin(&seed);
		s = accept(l, NULL, NULL);
		ASSERT_LE(0, s);
		close(s);
	}
	pthread_join(t, NULL);
	ASSERT_EQ(0, r.bad);
}

TEST_HARNESS_MAIN
