// SPDX-License-Identifier: GPL-2.0
/*
 * The same operations without order: many threads on the same slots, signals at
 * any time, reads and writes of memory that is not there yet (userfaultfd), and,
 * if wanted, allocations that fail.  Nothing is compared.  What is looked for is
 * what the kernel says, and that it all ends; and that a socket which is nobody
 * else's is never kept waiting.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define MAX_THREADS 32

static struct thread {
	pthread_t		id;
	pid_t			tid;
	int			number, ended;
	const struct op		*at;
	uint64_t		seed;
	unsigned long		ops;
	struct program		p;
	struct trace		t;
} *threads;
static int nthreads, crash_family, faults, stop, uffd = -1;
static struct counts counts;
static unsigned char *slow;		/* memory that comes late */
#define SLOW_SIZE (64 << 12)
#define PATIENCE 30			/* seconds until a byte has to be there */

static double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		fprintf(stderr, "# %s: %s\n", name, strerror(errno));
	close(fd);
}

/* Gives each page a thread asks for, some time later, and takes it away again. */
static void *pager(void *arg)
{
	static unsigned char page[4096];
	struct uffdio_copy copy;
	struct uffd_msg msg;
	struct rng rng = { 1 };

	for (;;) {
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;	/* a signal */
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		usleep(rng_below(&rng, 3000));
		memset(&copy, 0, sizeof(copy));
		copy.dst = msg.arg.pagefault.address & ~4095ul;
		copy.src = (unsigned long)page;
		copy.len = 4096;
		/* Who waits for it waits for good if it cannot be had. */
		while (ioctl(uffd, UFFDIO_COPY, &copy) < 0 && errno != EEXIST)
			usleep(1000);
	}
	return NULL;
}

static void *dropper(void *arg)
{
	struct rng rng = { 2 };

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		usleep(500);
		madvise(slow + rng_below(&rng, 64) * 4096, 4096, MADV_DONTNEED);
	}
	return NULL;
}

static int late_memory(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { 0 };
	pthread_t id;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0)
		return 0;
	uffd = fcntl(uffd, F_DUPFD_CLOEXEC, FD_PRIVATE);
	slow = mmap(NULL, SLOW_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (unsigned long)slow;
	reg.range.len = SLOW_SIZE;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (slow == MAP_FAILED || ioctl(uffd, UFFDIO_API, &api) < 0 ||
	    ioctl(uffd, UFFDIO_REGISTER, &reg) < 0 ||
	    pthread_create(&id, NULL, pager, NULL) ||
	    pthread_create(&id, NULL, dropper, NULL))
		return 0;
	return 1;
}

/* Others' threads close what we use: numbers above this are not theirs. */
static void protect(struct op *op)
{
	switch (op->code) {
	case OP_FORK:
	case OP_EXIT:
	case OP_KILL:
	case OP_FLOW:
		op->code = OP_SEND;
		op->a[1] = 100;
		op->a[2] = MSG_DONTWAIT | MSG_NOSIGNAL;
		break;
	case OP_SPLICE_IN:
	case OP_SPLICE_OUT:
		op->a[3] |= SPLICE_F_NONBLOCK;	/* else close() would wait for the pipe */
	}
	op->actor = 0;
}

/* Small buffers, and memory that comes late */
static void spoil(struct rng *r, const struct op *op)
{
	int size = 1 + rng_below(r, 6000), fd = slots[op->a[0]];
	struct iovec iov = {
		.iov_base = slow + rng_below(r, SLOW_SIZE - 9000),
		.iov_len = 1 + rng_below(r, 9000),
	};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int flags = rng_below(r, 2) ? MSG_DONTWAIT : 0;

	switch (rng_below(r, 16)) {
	case 0:
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		break;
	case 1:
	case 2:
		if (slow)
			sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
		break;
	case 3:
	case 4:
		if (slow)
			recvmsg(fd, &msg, flags);
		break;
	}
}

static void *worker(void *arg)
{
	struct thread *th = arg;
	struct rng rng = { th->seed };
	struct ctx c = {
		.p = &th->p, .t = &th->t, .family = crash_family,
		.counts = &counts, .actor = th->number % NACTORS,
	};
	int i;

	th->tid = syscall(SYS_gettid);
	if (faults) {
		char path[64];

		sprintf(path, "/proc/self/task/%d/make-it-fail", th->tid);
		write_file(path, "1");
	}
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		/* What others have lost the number of */
		if (!rng_below(&rng, 20))
			syscall(SYS_close_range, 3, FD_PRIVATE - 1, 0);
		generate(&rng, &th->p);
		for (i = 0; i < th->p.n; i++) {
			if (__atomic_load_n(&stop, __ATOMIC_RELAXED))
				break;
			c.index = i;
			th->t.n = 0;
			th->t.over = 0;
			protect(&th->p.op[i]);
			th->at = &th->p.op[i];
			op_run(&c);
			spoil(&rng, &th->p.op[i]);
			__atomic_fetch_add(&th->ops, 1, __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

/* One call of the bystander: a signal may end it, but not for ever. */
static int carry(int fd, int out, double until)
{
	char byte = 'x';
	long n;

	do {
		n = out ? send(fd, &byte, 1, MSG_NOSIGNAL) : recv(fd, &byte, 1, 0);
	} while (n < 0 && errno == EINTR && seconds_now() < until);
	if (n == 1)
		return 0;
	printf("# bystander: %s: %s\n", out ? "send" : "recv",
	       n < 0 ? strerror(errno) : "nothing");
	return -1;
}

/*
 * A pair of its own: whatever the others do, a byte has to go through it at once.
 * Returns the longest time that took, or -1 if one did not come through at all.
 */
static double bystander(int sv[2], double until)
{
	double longest = 0, begin, took;

	while (seconds_now() < until) {
		begin = seconds_now();
		if (carry(sv[0], 1, begin + PATIENCE) ||
		    carry(sv[1], 0, begin + PATIENCE))
			return -1;
		took = seconds_now() - begin;
		/* It was there, and nobody was told. */
		if (took >= PATIENCE) {
			printf("# bystander: a byte took %.0f s\n", took);
			return -1;
		}
		if (took > longest)
			longest = took;
		usleep(1000);
	}
	return longest;
}

/* With descriptors that the threads do not close, and calls that end */
static int make_bystander(int sv[2])
{
	struct timeval tv = { .tv_sec = PATIENCE };
	int i, fd[2];

	if (socketpair(crash_family, SOCK_STREAM, 0, fd) < 0)
		return -1;
	for (i = 0; i < 2; i++) {
		sv[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, FD_PRIVATE);
		if (sv[i] < 0 ||
		    setsockopt(sv[i], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) ||
		    setsockopt(sv[i], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)))
			return -1;
	}
	return 0;
}

static unsigned long all_ops(void)
{
	unsigned long n = 0;
	int i;

	for (i = 0; i < nthreads; i++)
		n += __atomic_load_n(&threads[i].ops, __ATOMIC_RELAXED);
	return n;
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

/* What one of our threads has been asked to do, if it is one that does such things */
static const char *doing(pid_t tid)
{
	const struct op *op;
	int i;

	for (i = 0; i < nthreads; i++) {
		if (threads[i].tid != tid)
			continue;
		op = __atomic_load_n(&threads[i].at, __ATOMIC_RELAXED);
		return op ? op_info[op->code].name : "nothing yet";
	}
	return "none";
}

/* Where each of our threads is: of those that are left, what they wait for. */
static void show_threads(void)
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

	/* What they had open may have taken all descriptors. */
	syscall(SYS_close_range, 3, FD_PRIVATE - 1, 0);
	dir = opendir("/proc/self/task");
	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		printf("# thread %s operation: %s\n", d->d_name,
		       doing(atoi(d->d_name)));
		for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			snprintf(path, sizeof(path), "/proc/self/task/%.10s/%s",
				 d->d_name, files[i]);
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
	fflush(stdout);
}

/* Allocations of threads that ask for it fail, one in fifty. */
static void arm_faults(void)
{
	static const char * const knobs[][2] = {
		{ "task-filter", "1" }, { "probability", "2" },
		{ "interval", "1" }, { "times", "-1" }, { "verbose", "0" },
		{ "space", "0" }, { "ignore-gfp-wait", "0" },
	};
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	char path[128];
	int i, j;

	for (i = 0; i < 2; i++) {
		for (j = 0; j < 7; j++) {
			sprintf(path, "/sys/kernel/debug/%s/%s", kinds[i],
				knobs[j][0]);
			write_file(path, knobs[j][1]);
		}
	}
}

/*
 * Signals for the threads, and bytes for the bystander.  The longest time that one
 * took, or -1; stalls: seconds or so in which no operation ended
 */
static double watch(int sv[2], struct rng *r, double until, int *stalls)
{
	unsigned long before = 0, now;
	double longest = 0, took;
	int i;

	while (seconds_now() < until) {
		/* Sleepers are woken, at times others are, too. */
		for (i = 0; i < 40; i++) {
			took = bystander(sv, seconds_now() + 0.02);
			if (took < 0)
				return -1;
			if (took > longest)
				longest = took;
			pthread_kill(threads[rng_below(r, nthreads)].id,
				     rng_below(r, 4) ? SIGUSR1 : SIGUSR2);
		}
		now = all_ops();
		*stalls += now == before;
		before = now;
	}
	return longest;
}

int crash_main(int family, uint64_t seed, int n, int seconds, int want_faults)
{
	unsigned long total = 0, good = 0;
	int i, j, late, left, sv[2], stalls = 0;
	double longest, begin = seconds_now();
	struct rng rng = { seed };

	crash_family = family;
	if (make_bystander(sv) < 0) {
		perror("fuzz: a pair of sockets");
		return 2;
	}
	syscall(SYS_close_range, 3, FD_PRIVATE - 1, 0);
	nthreads = n > MAX_THREADS ? MAX_THREADS : n;
	threads = calloc(nthreads, sizeof(*threads));
	if (!threads)
		return 2;
	slots_reset();
	known_pid[0] = getpid();
	late = late_memory();
	faults = want_faults;
	if (faults)
		arm_faults();
	printf("# crash: family %d, seed %llu, %d threads, %d s, late memory: %s, faults: %s\n",
	       family, (unsigned long long)seed, nthreads, seconds,
	       late ? "yes" : "no", faults ? "yes" : "no");
	fflush(stdout);
	for (i = 0; i < nthreads; i++) {
		threads[i].number = i;
		threads[i].seed = seed * 1000003 + i;
		if (pthread_create(&threads[i].id, NULL, worker, &threads[i])) {
			fprintf(stderr, "fuzz: no thread\n");
			return 2;
		}
	}
	longest = watch(sv, &rng, begin + seconds, &stalls);
	/* Before anything is done about it that might wake somebody */
	if (longest < 0)
		show_threads();
	left = join_all();
	for (i = 0; i < NOPS; i++) {
		for (j = 0; j < NTYPES; j++) {
			total += counts.ops[i][j];
			good += counts.good[i][j];
		}
	}
	printf("crash: seed %llu, %lu operations, %.0f/s, %.1f%% successful, bystander waited %.0f ms at most, %d threads stuck, %d s without progress\n",
	       (unsigned long long)seed, total,
	       total / (seconds_now() - begin), total ? 100.0 * good / total : 0,
	       longest < 0 ? PATIENCE * 1000. : longest * 1000, left, stalls);
	fflush(stdout);
	/* Threads that are stuck would keep us from leaving. */
	if (left) {
		show_threads();
		_exit(1);
	}
	return longest < 0 || longest > 5 || !total;
}
