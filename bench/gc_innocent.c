// SPDX-License-Identifier: GPL-2.0
/*
 * What a message costs a pair that has nothing to do with any cycle.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "gc.h"

#define NOBODY		65534

#define MAX_SAMPLES	200000
#define WARM_UP		200
#define COUNTED		10000		/* samples with -i */
#define LASTS		0.4e9		/* ns for all samples without */
#define CYCLE_EVERY	2500		/* samples, with -i */
#define CHAIN		10		/* sockets in each other's queue */
#define INNOCENT	1.05		/* target: busy : idle */

enum { BYTE, FILE_FD, SOCKET, KINDS };
enum { IDLE, BUSY, STATES };

static const char *const kind_name[KINDS] = {
	"1 byte", "1 file", "1 socket"
};

/* Shared with the processes that measure and make garbage. */
static struct shared {
	unsigned long cycles;
	unsigned long refused;
	long slept;
	unsigned int samples;
	uint32_t sample[MAX_SAMPLES];
} *shared;

struct delay {
	struct figures p50;
	struct figures p99;
	struct figures mean;
	struct figures max;
	long slept;
};

struct innocent {
	int sk[2];
	int fd[KINDS];
	struct delay delay[KINDS][STATES];
};

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1 &&
	    sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static double one_message(const struct innocent *in, int kind)
{
	unsigned int n = kind != BYTE;
	double start, end;
	int fd;

	start = now();
	send_fds(in->sk[0], &in->fd[kind], n);
	recv_fds(in->sk[1], &fd, n);
	end = now();
	if (n)
		close(fd);
	return end - start;
}

static void take_samples(const struct innocent *in, int f, int kind, int state)
{
	unsigned int i, max = instructions ? COUNTED : MAX_SAMPLES;
	struct rusage before, after;
	double start;

	run_on(0);
	if (setresuid(NOBODY, NOBODY, NOBODY))
		die("setresuid");
	for (i = 0; i < WARM_UP; i++)
		one_message(in, kind);

	start = now();
	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < max; i++) {
		shared->sample[i] = one_message(in, kind);
		if (instructions && state == BUSY && i % CYCLE_EVERY == 0)
			make_cycle(families[f]);
		if (!instructions && i > WARM_UP && now() - start > LASTS)
			break;
	}
	getrusage(RUSAGE_SELF, &after);
	shared->samples = i;
	shared->slept = after.ru_nvcsw - before.ru_nvcsw;
}

static int by_sample(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void evaluate(struct delay *d)
{
	unsigned int n = shared->samples, i;
	double sum = 0;

	for (i = 0; i < n; i++)
		sum += shared->sample[i];
	qsort(shared->sample, n, sizeof(*shared->sample), by_sample);
	add(&d->mean, sum / n);
	add(&d->p50, shared->sample[n / 2]);
	add(&d->p99, shared->sample[n - n / 100 - 1]);
	add(&d->max, shared->sample[n - 1]);
	d->slept += shared->slept;
}

static void reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status) {
		errno = ECHILD;
		die("a child");
	}
}

static void measure_innocent(struct innocent *in, int f, int state)
{
	pid_t pid;
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		fflush(stdout);
		pid = fork();
		if (!pid) {
			take_samples(in, f, kind, state);
			_exit(0);
		}
		if (pid < 0)
			die("fork");
		reap(pid);
		evaluate(&in->delay[kind][state]);
	}
}

static void make_garbage(int family)
{
	run_on(1);
	for (;;) {
		if (!make_cycle(family)) {
			shared->cycles++;
			continue;
		}
		/* The limit of all sockets: the collector is behind. */
		shared->refused++;
		usleep(1000);
	}
}

static pid_t start_garbage(int f)
{
	pid_t pid;

	shared->cycles = 0;
	shared->refused = 0;
	if (instructions)
		return 0;
	pid = fork();
	if (!pid)
		make_garbage(families[f]);
	if (pid < 0)
		die("fork");
	return pid;
}

/* Half of what is in flight lies in chains, so the collectors must look. */
static void make_load(struct holder *h, int family)
{
	unsigned int i;
	int end;

	holder_open(h, family);
	for (i = 0; i < in_flight / 2; i++)
		hold(h, new_socket(family));
	for (i = 0; i < in_flight / 2; i += CHAIN) {
		hold(h, make_chain(family, CHAIN, &end));
		close(end);
	}
	holder_flush(h);
}

static void measure_busy(struct innocent *in, int f)
{
	unsigned int before = count_sockets(f), left, base, r;
	double start, gone, lasted;
	struct holder h;
	pid_t pid;

	start = now();
	make_load(&h, families[f]);
	base = count_sockets(f);
	printf("# %s: %u in flight, made in %.1f s\n", family_name[f],
	       in_flight, (now() - start) / 1e9);

	start = now();
	pid = start_garbage(f);
	for (r = 0; r < repeats; r++)
		measure_innocent(in, f, BUSY);
	lasted = now() - start;
	if (pid) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	left = count_sockets(f) - base;
	gone = wait_for_count(f, base, 6 * PATIENCE);
	if (gone < 0) {
		errno = ETIME;
		die("garbage");
	}
	if (pid)
		printf("# %s: %.0f cycles of garbage per second, refused %lu times;\n"
		       "#   then %u sockets of it were left, gone after %.2f s\n",
		       family_name[f], shared->cycles / (lasted / 1e9),
		       shared->refused, left, gone / 1e9);
	close(holder_done(&h));
	if (wait_for_count(f, before, PATIENCE) < 0) {
		errno = EBUSY;
		die("sockets that were received nowhere");
	}
}

static void print_delays(const struct innocent *in, int kind, int f)
{
	const struct delay *d = in->delay[kind];
	const struct delay *idle = &d[IDLE], *busy = &d[BUSY];
	int state;

	for (state = 0; state < STATES; state++) {
		printf("%-8s  %-7s %-5s", kind_name[kind], family_name[f],
		       state == IDLE ? "idle" : "busy");
		print_figures(&d[state].p50, 1);
		print_figures(&d[state].p99, 1);
		printf(" %8.0f %9.0f %6ld\n", median(&d[state].mean),
		       d[state].max.value[d[state].max.nr - 1],
		       d[state].slept);
	}
	printf("%-8s  %-7s %-5s %8.2f %17s %8.2f %17s %8.2f %9.2f\n", "", "",
	       "ratio", median(&busy->p50) / median(&idle->p50), "",
	       median(&busy->p99) / median(&idle->p99), "",
	       median(&busy->mean) / median(&idle->mean),
	       busy->max.value[busy->max.nr - 1] /
	       idle->max.value[idle->max.nr - 1]);
}

void innocent(void)
{
	static struct innocent in[FAMILIES];
	unsigned int f, kind, r;
	const struct delay *d;
	double worst = 0;
	long slept = 0;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	/* No page fault while it measures. */
	memset(shared, 0, sizeof(*shared));
	printf("\n== innocent: send and receive of an unrelated pair, %s\n",
	       instructions ? "instructions" : "ns");
	for (f = 0; f < FAMILIES; f++) {
		pair(families[f], in[f].sk);
		in[f].fd[FILE_FD] = null_fd;
		in[f].fd[SOCKET] = new_socket(families[f]);
	}
	for (r = 0; r < repeats; r++)
		for (f = 0; f < FAMILIES; f++)
			measure_innocent(&in[f], f, IDLE);
	for (f = 0; f < FAMILIES; f++)
		measure_busy(&in[f], f);

	printf("%-23s %8s %17s %8s %17s %8s %9s %6s\n", "", "p50", "", "p99",
	       "", "mean", "max", "slept");
	for (kind = 0; kind < KINDS; kind++) {
		for (f = 0; f < FAMILIES; f++)
			print_delays(&in[f], kind, f);
		d = in[VUNIX].delay[kind];
		if (median(&d[BUSY].p50) / median(&d[IDLE].p50) > worst)
			worst = median(&d[BUSY].p50) / median(&d[IDLE].p50);
		slept += d[BUSY].slept;
	}
	target(worst <= INNOCENT, instructions,
	       "vunix: busy at most 1.05 of idle (p50)", worst);
	target(!slept, true, "vunix: times the pair's process slept", slept);

	for (f = 0; f < FAMILIES; f++) {
		close(in[f].sk[0]);
		close(in[f].sk[1]);
		close(in[f].fd[SOCKET]);
	}
}
