// SPDX-License-Identifier: GPL-2.0
/*
 * The collector under load: two processes, one whose threads do anything to
 * any socket and leave garbage behind, and one that keeps sockets alive in all
 * the ways that look like garbage.  Nothing alive may be lost, and nothing dead
 * may stay.
 *
 * Rounds are counted, not timed; VUNIX_STRESS multiplies them.
 */
#define VT_OWN_NETNS
#include "gc.h"

FIXTURE(gc_stress)
{
	struct vt_env env;
	int base;		/* sockets that were there before */
};

FIXTURE_VARIANT(gc_stress)
{
	int family;
};

VT_FAMILIES(gc_stress);

FIXTURE_SETUP(gc_stress)
{
	VT_SETUP();
	self->base = gc_sockets(variant->family);
}

FIXTURE_TEARDOWN(gc_stress)
{
	VT_TEARDOWN();
}

static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

static int rounds(int n)
{
	const char *s = getenv("VUNIX_STRESS");

	return s && atoi(s) > 0 ? n * atoi(s) : n;
}

static unsigned int next_random(unsigned int *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/*
 * Anything to any socket: descriptors are in slots that all threads share, so
 * calls meet sockets that are being received, closed or collected.
 */

#define SLOTS	48
#define THREADS	4

struct worker {
	pthread_t thread;
	int family;
	int rounds;
	unsigned int random;
};

static int slots[SLOTS];

static int *any_slot(struct worker *w)
{
	return &slots[next_random(&w->random) % SLOTS];
}

static int any_fd(struct worker *w)
{
	return __atomic_load_n(any_slot(w), __ATOMIC_RELAXED);
}

/* The new owner of @fd is a slot; what was there is closed. */
static void put_into_slot(struct worker *w, int fd)
{
	int old;

	if (fd < 0)
		return;
	/* Some calls ask the socket, not their caller, whether to wait. */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	old = __atomic_exchange_n(any_slot(w), fd, __ATOMIC_RELAXED);
	if (old >= 0)
		close(old);
}

static void any_pair(struct worker *w)
{
	int sv[2];

	if (vt_pair(w->family, types[next_random(&w->random) % 3], sv))
		return;
	put_into_slot(w, sv[0]);
	put_into_slot(w, sv[1]);
}

/* A listener with a connection that nobody has accepted. */
static void any_listener(struct worker *w)
{
	int type = next_random(&w->random) & 1 ? SOCK_STREAM : SOCK_SEQPACKET;
	int s = vt_socket(w->family, type), c = vt_socket(w->family, type);
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(un);

	if (s >= 0 && c >= 0 &&
	    !bind(s, (void *)&un, VT_UN_OFF) && !listen(s, 4) &&
	    !getsockname(s, (void *)&un, &len))
		connect(c, (void *)&un, len);
	put_into_slot(w, s);
	put_into_slot(w, c);
}

static void any_send(struct worker *w, int flags)
{
	int fds[3], n = 1 + next_random(&w->random) % 3, i;

	for (i = 0; i < n; i++)
		fds[i] = any_fd(w);
	scm_send_fds(any_fd(w), "x", fds, n,
		     flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void any_recv(struct worker *w, int flags)
{
	struct scm_in in;
	int i;

	scm_recv(any_fd(w), &in, flags);
	for (i = 0; i < in.nr_fds; i++)
		put_into_slot(w, in.fds[i]);
}

static void any_splice(struct worker *w)
{
	char buf[8];
	int p[2];

	if (pipe2(p, O_NONBLOCK))
		return;
	if (splice(any_fd(w), NULL, p[1], NULL, 8, SPLICE_F_NONBLOCK) > 0 &&
	    read(p[0], buf, sizeof(buf)) < 0)
		perror("read");
	close(p[0]);
	close(p[1]);
}

static void any_fork(void)
{
	pid_t pid = fork();

	/* It has all descriptors for a moment, and its end closes them. */
	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void *anything(void *p)
{
	struct worker *w = p;
	int i, fd;

	for (i = 0; i < w->rounds; i++) {
		switch (next_random(&w->random) % 32) {
		case 0 ... 3:
			any_pair(w);
			break;
		case 4:
			any_listener(w);
			break;
		case 5 ... 6:
			put_into_slot(w, accept(any_fd(w), NULL, NULL));
			break;
		case 7 ... 15:
			any_send(w, 0);
			break;
		case 16:
			any_send(w, MSG_OOB);
			break;
		case 17 ... 21:
			any_recv(w, 0);
			break;
		case 22 ... 23:
			any_recv(w, MSG_PEEK);
			break;
		case 24:
			any_recv(w, MSG_OOB);
			break;
		case 25:
			any_splice(w);
			break;
		case 26:
			put_into_slot(w, dup(any_fd(w)));
			break;
		case 27:
			shutdown(any_fd(w), next_random(&w->random) % 3);
			break;
		case 28:
			if (!(i % 16))
				any_fork();
			break;
		default:
			fd = __atomic_exchange_n(any_slot(w), -1,
						 __ATOMIC_RELAXED);
			if (fd >= 0)
				close(fd);
		}
	}
	return NULL;
}

static int make_garbage(int family, int n)
{
	struct worker w[THREADS];
	int i;

	for (i = 0; i < SLOTS; i++)
		slots[i] = -1;
	for (i = 0; i < THREADS; i++) {
		w[i].family = family;
		w[i].rounds = n;
		w[i].random = 2463534242U + i;
		if (pthread_create(&w[i].thread, NULL, anything, &w[i]))
			return 1;
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
	return 0;
}

/*
 * Two sockets, each in the queue of the other; the only descriptor is now one's
 * and now the other's.  Every second time it is had by peeking.
 */

struct juggler {
	pthread_t thread;
	int family;
	int type;
	int rounds;
	const char *error;
	int err;		/* the errno that goes with it */
};

static unsigned long long cookie(int fd)
{
	unsigned long long c = 0;
	socklen_t len = sizeof(c);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &c, &len) ? 0 : c;
}

/* The socket in the queue of @fd, which stays there: -1 if it is another. */
static int look(int fd, bool peek, unsigned long long want)
{
	struct scm_in in;
	int got;

	if (scm_recv(fd, &in, peek ? MSG_PEEK : 0) != 1 || in.nr_fds != 1)
		return -1;
	got = in.fds[0];
	if (cookie(got) != want)
		return -1;
	/* What is sent on the peer's end comes to the queue of @fd. */
	if (!peek && scm_send_fds(got, "x", &got, 1, 0))
		return -1;
	return got;
}

static const char *juggle_once(int family, int type, int throws)
{
	unsigned long long id[2];
	int sv[2], fd, i, next;

	if (vt_pair(family, type, sv))
		return "socketpair";
	id[0] = cookie(sv[0]);
	id[1] = cookie(sv[1]);
	if (scm_send_fds(sv[0], "x", &sv[0], 1, 0) ||
	    scm_send_fds(sv[1], "x", &sv[1], 1, 0))
		return "send";
	close(sv[1]);
	fd = sv[0];
	for (i = 1; i <= throws; i++) {
		next = look(fd, i & 2, id[i & 1]);
		if (next < 0)
			return "a live socket was lost";
		close(fd);
		fd = next;
	}
	close(fd);
	return NULL;
}

/*
 * A ring of datagram sockets, each in the queue of the next.  The only descriptor
 * goes round against the collector's reading, which takes longer the longer the
 * ring is: where it is, the collector has just been, or not been yet.  One socket
 * sends all messages, and what AF_UNIX charges for them must fit.
 */
#define RING	150

static const char *walk_ring(int family, int steps)
{
	static struct sockaddr_un un[RING];
	static unsigned long long id[RING];
	socklen_t len = sizeof(un[0]);
	int fds[RING], via, fd, i, at, next;
	struct scm_in in;

	via = vt_socket(family, SOCK_DGRAM);
	for (i = 0; i < RING; i++) {
		fds[i] = vt_socket(family, SOCK_DGRAM);
		un[i].sun_family = AF_UNIX;
		if (bind(fds[i], (void *)&un[i], VT_UN_OFF) ||
		    getsockname(fds[i], (void *)&un[i], &len))
			return "bind";
		id[i] = cookie(fds[i]);
	}
	for (i = 0; i < RING; i++) {
		if (connect(via, (void *)&un[(i + 1) % RING], len))
			return "ring: connect";
		errno = scm_send_fds(via, "x", &fds[i], 1, 0);
		if (errno)
			return "ring: send";
	}
	for (i = 1; i < RING; i++)
		close(fds[i]);
	for (fd = fds[0], at = 0; steps--; at = next, fd = in.fds[0]) {
		next = (at + RING - 1) % RING;
		if (scm_recv(fd, &in, steps & 1 ? MSG_PEEK : 0) != 1 ||
		    in.nr_fds != 1 || cookie(in.fds[0]) != id[next])
			return "a live socket of the ring was lost";
		if (!(steps & 1) &&
		    (connect(via, (void *)&un[at], len) ||
		     scm_send_fds(via, "x", in.fds, 1, 0)))
			return "a live socket of the ring cannot be reached";
		close(fd);
	}
	close(fd);
	close(via);
	return NULL;
}

static void *juggle(void *p)
{
	struct juggler *j = p;
	int i;

	for (i = 0; i < j->rounds && !j->error; i++)
		j->error = j->type ? juggle_once(j->family, j->type, 50) :
				     walk_ring(j->family, 4 * RING);
	j->err = errno;
	return NULL;
}

static int keep_alive(int family, int n)
{
	struct juggler j[4] = {};
	int i, status = 0;

	for (i = 0; i < 4; i++) {
		j[i].family = family;
		/* The last one's type says that it goes round a ring. */
		j[i].type = i < 3 ? types[i] : 0;
		j[i].rounds = i < 3 ? n : n / 10;
		if (pthread_create(&j[i].thread, NULL, juggle, &j[i]))
			return 1;
	}
	for (i = 0; i < 4; i++) {
		pthread_join(j[i].thread, NULL);
		if (j[i].error) {
			dprintf(1, "# type %d: %s: %s\n", j[i].type,
				j[i].error, strerror(j[i].err));
			status = 2;
		}
	}
	return status;
}

TEST_F_TIMEOUT(gc_stress, all, 3000)
{
	pid_t pid[2];
	int i, status;

	/* Its collector misses some cycles (GC-12), and they stay for good. */
	if (VT_UNIX_OLDER(7, 3))
		SKIP(return, "AF_UNIX of newer kernels only");
	for (i = 0; i < 2; i++) {
		fflush(NULL);
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i])
			_exit(i ? keep_alive(variant->family, rounds(20)) :
				  make_garbage(variant->family, rounds(2000)));
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
		ASSERT_EQ(0, status);
	}
	/* All that either left behind. */
	ASSERT_TRUE(gc_drained(variant->family, self->base));
}

TEST_HARNESS_MAIN
