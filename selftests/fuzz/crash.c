// SPDX-License-Identifier: GPL-2.0
/*
 * The same operations without order: many threads on the same slots, processes that
 * inherit what they have, signals at any time, memory that is not there yet
 * (crash_late.c), and, if wanted, allocations that fail (crash_faults.c).  Nothing
 * is compared.  What is looked for is what the kernel says, and that it all ends;
 * that who gets no signal gets on (crash_quiet.c); and that another user's sockets
 * are never kept waiting (crash_other.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash.h"

#define GOOD_MIN	30	/* per cent of the operations have to succeed */

static struct thread {
	pthread_t		id;
	int			number, ended;
	pid_t			child;
	int			patience;	/* operations until it is killed */
	struct progress		*progress;
	uint64_t		seed;
	struct program		p;
	struct trace		t;
} *threads;
static int nthreads, crash_family, faults, stop;
static struct counts *counts;		/* shared */
static struct progress *tasks;		/* shared: threads, then the quiet ones */

double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void *shared_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("fuzz: mmap");
		exit(2);
	}
	return p;
}

int high_fd(int fd)
{
	int high;

	if (fd < 0)
		return -1;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FD_PRIVATE);
	close(fd);
	return high;
}

static int stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

/* Sockets, pipes and calls of who may not sleep, ever */
static void never_sleep(struct op *op)
{
	switch (op->code) {
	case OP_SOCKET:
	case OP_ACCEPT:
		op->a[2] |= FLAG_NONBLOCK;
		break;
	case OP_PAIR:
		op->a[3] |= FLAG_NONBLOCK;
		break;
	case OP_FCNTL:
		op->a[2] |= choice(op->a[1], NFCNTLS) == FCNTL_NONBLOCK;
		break;
	case OP_IOCTL:
		if (choice(op->a[1], NIOCTLS) == IOCTL_BLOCK)
			op->a[1] = IOCTL_NONBLOCK;
		break;
	case OP_POLL:
		op->a[4] = 0;
		break;
	case OP_EPWAIT:
		op->a[2] = 0;
	}
}

void protect(struct op *op, int never)
{
	switch (op->code) {
	case OP_FORK:		/* a thread with processes does these itself */
	case OP_EXIT:
	case OP_KILL:
		op->code = OP_SEND;
		op->a[1] = 100;
		op->a[2] = MSG_DONTWAIT | MSG_NOSIGNAL;
		break;
	case OP_FLOW:
		op->a[3] &= ~FLOW_BLOCK;	/* that is for one at a time */
		break;
	case OP_SPLICE_IN:
	case OP_SPLICE_OUT:
		op->a[3] |= SPLICE_F_NONBLOCK;	/* else close() would wait for the pipe */
	}
	op->actor = 0;
	if (never)
		never_sleep(op);
}

/* --- processes ------------------------------------------------------------- */

/* A child: a program on the descriptors that it has inherited, and its end */
static void inherit(struct thread *th, struct ctx *c, struct rng *r, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	generate(r, &th->p);
	for (c->index = 0; c->index < th->p.n; c->index++) {
		th->t.n = 0;
		th->t.over = 0;
		protect(&th->p.op[c->index], 0);
		op_run(c);
	}
	_exit(0);
}

static void end_child(struct thread *th)
{
	if (th->child <= 0)
		return;
	kill(th->child, SIGKILL);
	while (waitpid(th->child, NULL, 0) < 0 && errno == EINTR)
		;
	th->child = 0;
}

static int is_process_op(int code)
{
	return code == OP_FORK || code == OP_EXIT || code == OP_KILL;
}

/* One at a time of each thread; it ends by itself, or in the middle of something. */
static void process_op(struct thread *th, struct ctx *c, struct rng *r)
{
	const struct op *op = &th->p.op[c->index];
	pid_t parent = getpid();
	int ret = 0;

	switch (op->code) {
	case OP_FORK:
		end_child(th);
		ret = fork();
		if (!ret)
			inherit(th, c, r, parent);
		th->child = ret;
		th->patience = 5 + rng_below(r, 60);
		break;
	case OP_EXIT:
		end_child(th);
		break;
	case OP_KILL:
		if (th->child > 0)
			ret = kill(th->child, op->a[1] & 1 ? SIGUSR2 : SIGUSR1);
	}
	rec_ret(c, ret);
}

/* --- threads --------------------------------------------------------------- */

/* Small buffers, and memory that comes late */
static void spoil(struct rng *r, const struct thread *th, const struct op *op)
{
	int size = 1 + rng_below(r, 6000), fd = slots[op->a[0]];

	switch (rng_below(r, 16)) {
	case 0:
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		break;
	case 1 ... 4:
		late_call(r, th->number, fd);
	}
}

static void one_op(struct thread *th, struct ctx *c, struct rng *r)
{
	struct op *op = &th->p.op[c->index];

	th->t.n = 0;
	th->t.over = 0;
	if (is_process_op(op->code)) {
		th->progress->at = op->code;
		process_op(th, c, r);
	} else {
		protect(op, 0);
		th->progress->at = op->code;
		op_run(c);
	}
	spoil(r, th, op);
	if (th->child > 0 && !--th->patience)
		end_child(th);
	__atomic_fetch_add(&th->progress->ops, 1, __ATOMIC_RELAXED);
}

static void *worker(void *arg)
{
	struct thread *th = arg;
	struct rng rng = { th->seed };
	struct ctx c = {
		.p = &th->p, .t = &th->t, .family = crash_family,
		.counts = counts, .actor = th->number % NACTORS,
	};

	if (faults)
		faults_here();
	th->progress->tid = syscall(SYS_gettid);
	th->progress->pid = getpid();
	while (!stopped()) {
		/* What others have lost the number of */
		if (!rng_below(&rng, 20))
			syscall(SYS_close_range, 3, FD_PRIVATE - 1, 0);
		generate(&rng, &th->p);
		for (c.index = 0; c.index < th->p.n && !stopped(); c.index++)
			one_op(th, &c, &rng);
	}
	end_child(th);
	return NULL;
}

/*
 * Nobody may sleep on for good: signals wake all, all have to be done.  All at
 * once, because one may wait, not to be woken, for another that sleeps: splice()
 * to a full socket keeps the pipe locked, and who closes that pipe waits for it.
 */
static int join_all(void)
{
	int i, tries, left;

	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (tries = 0; tries < 3000; tries++) {
		left = 0;
		for (i = 0; i < nthreads; i++) {
			struct thread *th = &threads[i];

			if (!th->ended && !pthread_tryjoin_np(th->id, NULL))
				th->ended = 1;
			if (th->ended)
				continue;
			pthread_kill(th->id, SIGUSR1);
			left++;
		}
		if (!left)
			return 0;
		usleep(10000);
	}
	return left;
}

/* --- what is to be seen when something is wrong ---------------------------- */

/* What a task has been asked to do, if it is one that does such things */
static const char *doing(pid_t tid)
{
	int i;

	for (i = 0; i < nthreads + QUIET_TASKS; i++)
		if (tasks[i].tid == tid)
			return tasks[i].at < NOPS ? op_info[tasks[i].at].name :
						    "none of these";
	return "none";
}

/* Where each thread of a process is: of those that are left, what they wait for */
static void show_process(pid_t pid)
{
	static const char * const files[] = {
		"comm", "stat", "wchan", "syscall", "stack",
	};
	char path[64], buf[2048];
	struct dirent *d;
	ssize_t len;
	size_t i;
	DIR *dir;
	int fd;

	sprintf(path, "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		printf("# thread %s operation: %s\n", d->d_name,
		       doing(atoi(d->d_name)));
		for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			snprintf(path, sizeof(path), "/proc/%d/task/%.10s/%s",
				 pid, d->d_name, files[i]);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				continue;
			len = read(fd, buf, sizeof(buf) - 1);
			close(fd);
			if (len > 0)
				printf("# thread %s %s: %.*s\n", d->d_name,
				       files[i], (int)len, buf);
		}
	}
	if (dir)
		closedir(dir);
}

/* All of ours, once: it is long. */
static void show_all(void)
{
	static int shown;
	int i, j;

	if (shown++)
		return;
	/* What they had open may have taken all descriptors. */
	syscall(SYS_close_range, 3, FD_PRIVATE - 1, 0);
	if (bystander_pid() > 0)
		show_process(bystander_pid());
	for (i = 0; i < nthreads + QUIET_TASKS; i++) {
		for (j = 0; j < i && tasks[j].pid != tasks[i].pid; j++)
			;
		if (j == i && tasks[i].pid)
			show_process(tasks[i].pid);
	}
	for (i = 0; i < nthreads; i++)
		if (threads[i].child > 0)
			show_process(threads[i].child);
	fflush(stdout);
}

/* --- the supervisor -------------------------------------------------------- */

static struct {
	unsigned long	*ops;		/* of each task, when it was looked at last */
	double		*since;		/* it has been that many */
	double		longest;	/* without one, but for holders */
	int		stood_still;
} seen;

/* Has each task done something lately? */
static void look(void)
{
	double now = seconds_now(), still;
	unsigned long ops;
	int i, holder;

	for (i = 0; i < nthreads + QUIET_TASKS; i++) {
		holder = i >= nthreads + QUIET_TASKS - HOLDERS;
		ops = __atomic_load_n(&tasks[i].ops, __ATOMIC_RELAXED);
		if (ops != seen.ops[i] || (holder && !tasks[i].pid)) {
			seen.ops[i] = ops;
			seen.since[i] = now;
			continue;
		}
		still = now - seen.since[i];
		if (!holder && still > seen.longest)
			seen.longest = still;
		if (still < (holder ? STILL_HOLDER : STILL))
			continue;
		printf("# standstill: thread %d, %s, %.0f s\n", tasks[i].tid,
		       i < nthreads ? "with signals" :
		       holder ? "a holder" : "without signals", still);
		seen.stood_still++;
		seen.since[i] = now;
		show_all();
	}
}

/* Signals for the threads; is everybody well? */
static void watch(struct rng *r, double until)
{
	int i, n = nthreads + QUIET_TASKS;

	seen.ops = calloc(n, sizeof(*seen.ops));
	seen.since = calloc(n, sizeof(*seen.since));
	for (i = 0; i < n; i++)
		seen.since[i] = seconds_now();
	while (seconds_now() < until) {
		/* Sleepers are woken, at times others are, too. */
		usleep(20000);
		pthread_kill(threads[rng_below(r, nthreads)].id,
			     rng_below(r, 4) ? SIGUSR1 : SIGUSR2);
		look();
		if (bystander_late())
			show_all();
	}
}

/* What the folders have; the rest is main.c's */
static void clean_up(void)
{
	static const char folder[] = "q0";
	char name[112];
	struct dirent *d;
	DIR *dir;

	dir = opendir(folder);
	while (dir && (d = readdir(dir)))
		unlinkat(dirfd(dir), d->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(folder);
	memset(name, 'q', 108);
	name[108] = 0;
	unlink(name);
}

static int start_threads(uint64_t seed)
{
	int i;

	for (i = 0; i < nthreads; i++) {
		threads[i].number = i;
		threads[i].seed = seed * 1000003 + i;
		threads[i].progress = &tasks[i];
		if (pthread_create(&threads[i].id, NULL, worker, &threads[i])) {
			fprintf(stderr, "fuzz: no thread\n");
			return -1;
		}
	}
	return 0;
}

static unsigned long add_up(unsigned long *good)
{
	unsigned long total = 0;
	int i, j;

	*good = 0;
	for (i = 0; i < NOPS; i++) {
		for (j = 0; j < NTYPES; j++) {
			total += counts->ops[i][j];
			*good += counts->good[i][j];
		}
	}
	return total;
}

int crash_main(int family, uint64_t seed, int n, int seconds, int want_faults)
{
	long objects = 0, pages = 0;
	unsigned long total, good, *held;
	int i, late, left, bad = 0;
	double begin, took, percent;
	struct rng rng = { seed };
	char waited[256];

	crash_family = family;
	nthreads = n > MAX_THREADS ? MAX_THREADS : n < 1 ? 1 : n;
	threads = calloc(nthreads, sizeof(*threads));
	tasks = shared_memory((nthreads + QUIET_TASKS) * sizeof(*tasks));
	counts = shared_memory(sizeof(*counts));
	held = shared_memory(sizeof(*held));
	for (i = 0; i < nthreads + QUIET_TASKS; i++)
		tasks[i].at = NOPS;
	faults = want_faults;
	if (faults)
		faults_arm();
	/* Before there are threads: they are other processes. */
	if (!threads || bystander_start(family) < 0 ||
	    quiet_start(family, seed, faults, tasks + nthreads, counts, held) < 0) {
		perror("fuzz: crash");
		return 2;
	}
	syscall(SYS_close_range, 3, FD_PRIVATE - 1, 0);
	slots_reset();
	known_pid[0] = getpid();
	late = late_init(seed, held);
	printf("# crash: family %d, seed %llu, %d threads, %d s, late memory: %s, faults: %s\n",
	       family, (unsigned long long)seed, nthreads, seconds,
	       late ? "yes" : "no", faults ? "yes" : "no");
	fflush(stdout);
	begin = seconds_now();
	if (start_threads(seed) < 0)
		return 2;
	watch(&rng, begin + seconds);
	took = seconds_now() - begin;
	left = join_all();
	if (left)
		show_all();
	late_end();
	left += quiet_end();
	bad |= bystander_end(waited);
	if (faults)
		faults_count(&objects, &pages);
	clean_up();
	total = add_up(&good);
	percent = total ? 100.0 * good / total : 0;
	printf("crash: seed %llu, %lu operations, %.0f/s, %.1f%% successful, %s, nobody did nothing for more than %.1f s, %d threads stuck, %lu pages held back, %ld objects and %ld pages refused\n",
	       (unsigned long long)seed, total, total / took, percent, waited,
	       seen.longest, left, *held, objects, pages);
	/* A page is wanted by each holder, at once. */
	if (late && !*held) {
		printf("# no memory was late\n");
		bad = 1;
	}
	if (faults && (!objects || !pages)) {
		printf("# no allocation of one kind has failed\n");
		bad = 1;
	}
	if (percent < GOOD_MIN) {
		printf("# less than %d %% of the operations succeed\n", GOOD_MIN);
		bad = 1;
	}
	fflush(stdout);
	/* Threads that are stuck would keep us from leaving. */
	if (left)
		_exit(1);
	return bad || seen.stood_still;
}
