// SPDX-License-Identifier: GPL-2.0
/*
 * Threads without signals: nothing but what they wait for gets them on.  They are in
 * two processes of their own, whose descriptors nobody else closes.
 *
 * The first has threads that run programs on the same slots with nothing that may
 * sleep; what stands still there hangs in the kernel, or goes round.  The second has
 * writers and readers, several on each socket, that wake each other; whose bytes
 * stop has not been woken.  And the holders.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash.h"

#define FOLDER	"q0"
#define NPAIRS	(TALK_THREADS / 2)
#define WRITERS	2		/* of each pair, and as many readers */

enum { STIRRERS, WAITERS, NPROCESSES };

/* Shared with who started us */
static struct shared {
	int	stop;
} *shared;
static pid_t pids[NPROCESSES] = { -1, -1 };
static int family, faults;
static uint64_t seed;
static struct progress *progress;
static struct counts *counts;
static int pairs[NPAIRS][2];

struct task {
	pthread_t	id;
	int		number, ended;
	struct program	p;
	struct trace	t;
};

static int stopped(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

static struct progress *begin(int number)
{
	struct progress *p = &progress[number];

	if (faults)
		faults_here();
	p->tid = syscall(SYS_gettid);
	p->pid = getpid();
	return p;
}

static void done(struct progress *p)
{
	__atomic_fetch_add(&p->ops, 1, __ATOMIC_RELAXED);
}

static void *stir(void *arg)
{
	struct task *task = arg;
	struct rng rng = { seed * 1000003 + 500 + task->number };
	struct progress *me = begin(task->number);
	struct ctx c = {
		.p = &task->p, .t = &task->t, .family = family,
		.counts = counts, .actor = task->number % NACTORS,
	};

	while (!stopped()) {
		generate(&rng, &task->p);
		for (c.index = 0; c.index < task->p.n && !stopped(); c.index++) {
			struct op *op = &task->p.op[c.index];

			task->t.n = 0;
			task->t.over = 0;
			protect(op, 1);
			me->at = op->code;
			op_run(&c);
			if (!rng_below(&rng, 8))
				late_call(&rng, task->number,
					  slots[op->a[0]]);
			done(me);
		}
	}
	return NULL;
}

/* A few at a time: that a call sleeps matters, not how many there are. */
static void *write_on(void *arg)
{
	struct task *task = arg;
	struct rng rng = { seed + task->number };
	int fd = pairs[task->number % NPAIRS][0], i, n;
	char buf[3000] = "";

	if (faults)
		faults_here();
	while (!stopped()) {
		for (i = 0; i < 12; i++) {
			n = send(fd, buf, 1 + rng_below(&rng, sizeof(buf)),
				 MSG_NOSIGNAL);
			if (n < 0 && errno != ENOMEM && errno != ENOBUFS)
				return NULL;
		}
		usleep(rng_below(&rng, 100000));
	}
	return NULL;
}

static void *read_on(void *arg)
{
	struct task *task = arg;
	struct progress *me = begin(QUIET_THREADS + task->number);
	int fd = pairs[task->number % NPAIRS][1];
	char buf[3000];

	for (;;) {
		if (recv(fd, buf, sizeof(buf), 0) > 0) {
			done(me);
			continue;
		}
		if (stopped())
			return NULL;
		usleep(1000);
	}
}

static void *hold(void *arg)
{
	struct task *task = arg;
	struct rng rng = { seed * 31 + task->number };
	struct progress *me = begin(QUIET_THREADS + TALK_THREADS + task->number);
	int round;

	for (round = seed % 100; !stopped(); round++) {
		late_hold(&rng, family, task->number, round);
		done(me);
	}
	return NULL;
}

static void start(struct task *task, int number, void *(*run)(void *))
{
	task->number = number;
	if (pthread_create(&task->id, NULL, run, task)) {
		fprintf(stderr, "fuzz: no thread\n");
		exit(2);
	}
}

/* What a process is not let alone with: signals of sockets, its own end */
static void set_up(pid_t parent)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGPIPE);
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	known_pid[0] = getpid();
	slots_reset();
	/* Its own names, so that it gets no descriptors of others. */
	names_serial ^= getpid();
}

static int make_pairs(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int i, size = 9000;

	for (i = 0; i < NPAIRS; i++) {
		if (socketpair(family, types[i % 3], 0, pairs[i]) < 0)
			return -1;
		/* Little room: who writes sleeps. */
		setsockopt(pairs[i][0], SOL_SOCKET, SO_SNDBUF, &size,
			   sizeof(size));
	}
	return 0;
}

/* Nobody is woken but by what they wait for. */
static int join(struct task *tasks, int n)
{
	int i, tries, left = n;

	for (tries = 0; left && tries < 3000; tries++) {
		left = 0;
		for (i = 0; i < n; i++) {
			if (!tasks[i].ended &&
			    !pthread_tryjoin_np(tasks[i].id, NULL))
				tasks[i].ended = 1;
			left += !tasks[i].ended;
		}
		usleep(10000);
	}
	return left;
}

static int stirrers(void)
{
	struct task *tasks = calloc(QUIET_THREADS, sizeof(*tasks));
	int i;

	for (i = 0; i < QUIET_THREADS; i++)
		start(&tasks[i], i, stir);
	while (!stopped())
		usleep(10000);
	late_end();
	return join(tasks, QUIET_THREADS);
}

static int waiters(int late)
{
	int talkers = 2 * WRITERS * NPAIRS, n = talkers + late * HOLDERS, i;
	struct task *tasks = calloc(n, sizeof(*tasks));

	if (make_pairs() < 0) {
		perror("fuzz: a pair of sockets");
		return n;
	}
	for (i = 0; i < talkers; i++)
		start(&tasks[i], i / 2, i % 2 ? read_on : write_on);
	for (i = talkers; i < n; i++)
		start(&tasks[i], i - talkers, hold);
	while (!stopped())
		usleep(10000);
	late_end();
	/* Wakes all that sleep there. */
	for (i = 0; i < NPAIRS; i++)
		if (shutdown(pairs[i][0], SHUT_RDWR) ||
		    shutdown(pairs[i][1], SHUT_RDWR))
			break;
	return join(tasks, n);
}

int quiet_start(int fam, uint64_t number, int want_faults, struct progress *p,
		struct counts *cnt, unsigned long *held)
{
	pid_t parent = getpid();
	int i, late, left;

	family = fam;
	seed = number;
	faults = want_faults;
	progress = p;
	counts = cnt;
	shared = shared_memory(sizeof(*shared));
	if (mkdir(FOLDER, 0777) < 0 && errno != EEXIST)
		return -1;
	if (link("f0", FOLDER "/f0") < 0)
		return -1;
	for (i = 0; i < NPROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			return -1;
		if (pids[i])
			continue;
		set_up(parent);
		if (chdir(FOLDER) < 0)
			_exit(1);
		late = late_init(seed + i, held);
		left = i == STIRRERS ? stirrers() : waiters(late);
		fflush(stdout);
		_exit(left);
	}
	return 0;
}

int quiet_end(void)
{
	int i, tries, status, bad = 0;

	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < NPROCESSES; i++) {
		status = 0;
		for (tries = 0; tries < 6000; tries++) {
			if (waitpid(pids[i], &status, WNOHANG) == pids[i])
				break;
			usleep(10000);
		}
		if (tries == 6000) {
			kill(pids[i], SIGKILL);
			bad++;
		} else if (WIFEXITED(status)) {
			bad += WEXITSTATUS(status);
		} else {
			printf("# a process without signals: status %x\n",
			       status);
			bad++;
		}
	}
	return bad;
}
