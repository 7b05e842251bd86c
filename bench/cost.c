// SPDX-License-Identifier: GPL-2.0
/*
 * What an operation costs, AF_UNIX, a pipe (where it can) and vunix by turns,
 * in one virtual machine whose clock counts instructions (see vm.sh):
 *
 *   cost [-r REPEATS] [-b BUDGET] [-f FAMILY] [-g] [-k] [-l] [-p] [ROW...]
 *
 *   -r N     repetitions (5)
 *   -b N     instructions, about, of one measurement (4000000)
 *   -f N     vunix's family, if the module was told another
 *   -g       in a memory cgroup of its own, which memory is charged to
 *   -k       rows that say what they had reached keep that, on Linux 6.1
 *   -l       list the rows
 *   -p       once each, for profile.sh: says what is measured, which is marked
 *            for a plugin of the emulator
 *   ROW      only rows with this name, a pattern as of the shell (all)
 *
 * Costs are of whole system calls, user part and all that happens meanwhile
 * included, as means over all operations of a measurement: also what is only
 * done now and then (a timer's tick, a page that is given back) is a cost.
 * The table has the median of the repetitions and their range in percent.
 *
 * The status is 1 if vunix is not as many times cheaper as a row's floor says,
 * with 3 % tolerance, or with -k as it was, with 2 %: so much may counters and
 * hooks cost.  Goals that are missed are only named.  Elsewhere than on such a
 * machine figures are nanoseconds, and prove nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <linux/vunix.h>
#include "cost.h"
#include "rows.h"

#define MAX_REPEATS	101
#define PROBE		16	/* operations that tell how many to measure */
#define TOLERANCE	0.97
#define TOLERANCE_KEPT	0.98
#define SETTLES		50000	/* microseconds */
#define CGROUPS		"/sys/fs/cgroup"

/* Messages that are some times what fits into a queue of 64-byte ones. */
#define MANY		12000
/* Sockets that span some grace periods, which last a few ticks. */
#define LONG		2000

#define KIB		1024

#define ROW(n, m, t, ...) \
	{ .name = n, .measure = m, .type = t, __VA_ARGS__ }
#define SINGLE(n, t, s, ...) \
	ROW(n, one_process, t, .size = s, .nr = 1, __VA_ARGS__)

/*
 * The rows, with the floors and goals that count as instructions of whole
 * system calls.  A floor is what an experiment with this design has reached:
 * who falls below it has lost something.  (For sizes from 1 KiB on, and for
 * other types, the experiment counted cycles in user-mode Linux; they are no
 * floors here.)  Where there is none, what docs/performance.md has of 6.1 is
 * kept: who changes that table changes it here.
 */
static const struct row rows[] = {
	SINGLE("stream 1 B", SOCK_STREAM, 1, .pipe = 1),
	SINGLE("stream 64 B", SOCK_STREAM, 64, .pipe = 1,
	       .floor = 1.96, .floor_pipe = 1.1, .goal = 2.2, .goal_pipe = 1.2),
	SINGLE("stream 1 KiB", SOCK_STREAM, KIB, .pipe = 1),
	SINGLE("stream 4 KiB", SOCK_STREAM, 4 * KIB, .pipe = 1),
	SINGLE("stream 64 KiB", SOCK_STREAM, 64 * KIB, .pipe = 1),
	ROW("stream 64 B, 16 writes to a read", one_process, SOCK_STREAM,
	    .size = 64, .nr = 16, .pipe = 1),
	SINGLE("datagram 64 B", SOCK_DGRAM, 64, .kept = 1.81),
	SINGLE("datagram 1 KiB", SOCK_DGRAM, KIB),
	SINGLE("datagram 4 KiB", SOCK_DGRAM, 4 * KIB),
	SINGLE("datagram 64 KiB", SOCK_DGRAM, 64 * KIB),
	SINGLE("seqpacket 64 B", SOCK_SEQPACKET, 64, .kept = 1.88),
	SINGLE("seqpacket 1 KiB", SOCK_SEQPACKET, KIB),
	SINGLE("seqpacket 4 KiB", SOCK_SEQPACKET, 4 * KIB),
	SINGLE("seqpacket 64 KiB", SOCK_SEQPACKET, 64 * KIB),
	ROW("stream 64 B, two processes", writers, SOCK_STREAM,
	    .size = 64, .nr = 1, .ops = MANY, .pipe = 1,
	    .floor = 2.0, .goal = 2.5, .goal_pipe = 1),
	ROW("datagram 64 B, 4 senders share a socket", writers, SOCK_DGRAM,
	    .size = 64, .nr = 4, .ops = MANY, .floor = 3.5, .goal = 4),
	ROW("datagram 64 B, 16 senders share a socket", writers, SOCK_DGRAM,
	    .size = 64, .nr = 16, .ops = MANY, .floor = 3.5, .goal = 4),
	ROW("datagram 64 B, 4 senders", own_sockets, SOCK_DGRAM,
	    .size = 64, .nr = 4, .ops = MANY / 4, .goal = 4),
	ROW("datagram 64 B, 16 senders", own_sockets, SOCK_DGRAM,
	    .size = 64, .nr = 16, .ops = MANY / 4, .goal = 4),
	ROW("ping-pong 64 B, asleep", ping_pong, SOCK_STREAM,
	    .size = 64, .ops = 1000, .pipe = 1, .floor = 1.35, .goal = 1.5),
	ROW("ping-pong 64 B, SO_BUSY_POLL", ping_pong, SOCK_STREAM,
	    .size = 64, .ops = 1000, .busy = 1),
	ROW("socketpair, close", pair_close, SOCK_STREAM, .ops = LONG,
	    .floor = 0.9, .goal = 1.05),
	ROW("connect, accept, close", connect_close, SOCK_STREAM,
	    .ops = LONG, .goal = 1.2),
	ROW("connect, accept, close (path)", connect_close, SOCK_STREAM,
	    .ops = LONG, .path = 1, .goal = 1.2),
	ROW("bind, close", bind_close, SOCK_STREAM, .ops = LONG),
	ROW("bind, close (path)", bind_close, SOCK_STREAM,
	    .ops = LONG, .path = 1),
	ROW("1 file passed", pass_files, SOCK_STREAM, .nr = 1, .goal = 1.5),
	ROW("16 files passed", pass_files, SOCK_STREAM, .nr = 16, .goal = 1.5),
	ROW("253 files passed", pass_files, SOCK_STREAM, .nr = 253,
	    .goal = 1.5),
	ROW("1 socket passed", pass_sockets, SOCK_STREAM, .nr = 1,
	    .goal = 1.5),
	ROW("16 sockets passed", pass_sockets, SOCK_STREAM, .nr = 16,
	    .goal = 1.5),
	ROW("253 sockets passed", pass_sockets, SOCK_STREAM, .nr = 253,
	    .goal = 1.5),
};

#define ROWS	(sizeof(rows) / sizeof(*rows))

struct cell {
	unsigned int ops;
	unsigned int nr;
	double value[MAX_REPEATS];
};

static const char *const transport_name[TRANSPORTS] = {
	"AF_UNIX", "pipe", "vunix"
};

int families[TRANSPORTS] = { AF_UNIX, AF_UNSPEC, AF_VUNIX };
int null_fd;
char directory[] = "/tmp/cost.XXXXXX";

static struct cell cells[ROWS][TRANSPORTS];
static bool chosen[ROWS];
static unsigned int repeats = 5;
static double budget = 4e6;
static bool profiling, marking, keeping;
static double opened, counted;

void die(const char *what)
{
	fprintf(stderr, "cost: %s: %s\n", what, strerror(errno));
	exit(1);
}

/*
 * For profile_count.c, which knows these instructions; no operation to
 * everybody else.
 */
static void mark(bool open)
{
	if (!marking)
		return;
#ifdef __x86_64__
	if (open)
		asm volatile("nopl 0x76756e01(%%rax)" : : : "memory");
	else
		asm volatile("nopl 0x76756e02(%%rax)" : : : "memory");
#else
	(void)open;
#endif
}

void window_open(void)
{
	opened = clock_now(CLOCK_MONOTONIC);
	mark(true);
}

double window_close(void)
{
	mark(false);
	counted = clock_now(CLOCK_MONOTONIC) - opened;
	return counted;
}

/*
 * What was measured before leaves work behind: sockets that wait for a grace
 * period, a collector.  The clock of a machine that sleeps runs ahead.
 */
static double measure(unsigned int r, int t, unsigned int ops)
{
	usleep(SETTLES);
	return rows[r].measure(&rows[r], t, ops);
}

static bool has(unsigned int r, int t)
{
	return chosen[r] && (t != PIPE || rows[r].pipe);
}

/* How often, so that it takes what the budget allows. */
static void probe(unsigned int r, int t)
{
	struct cell *cell = &cells[r][t];
	double cost;

	cell->ops = rows[r].ops;
	if (cell->ops)
		return;
	cost = measure(r, t, PROBE);
	if (rows[r].measure == one_process)
		cost *= rows[r].nr;
	cell->ops = budget / cost;
	if (cell->ops < PROBE)
		cell->ops = PROBE;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void repeat(unsigned int r, int t)
{
	struct cell *cell = &cells[r][t];

	cell->value[cell->nr++] = measure(r, t, cell->ops);
	qsort(cell->value, cell->nr, sizeof(*cell->value), by_value);
}

static double median(unsigned int r, int t)
{
	return cells[r][t].value[cells[r][t].nr / 2];
}

static double spread(unsigned int r, int t)
{
	const struct cell *cell = &cells[r][t];

	return (cell->value[cell->nr - 1] - cell->value[0]) / median(r, t) *
	       100;
}

static void measure_all(void)
{
	unsigned int r, i;
	int t;

	for (r = 0; r < ROWS; r++)
		for (t = 0; t < TRANSPORTS; t++)
			if (has(r, t))
				probe(r, t);
	for (i = 0; i < repeats; i++)
		for (r = 0; r < ROWS; r++)
			for (t = 0; t < TRANSPORTS; t++)
				if (has(r, t))
					repeat(r, t);
}

/* Says what a ratio should be, and whether it is. */
static bool print_target(const char *what, double least, double tolerance,
			 double ratio)
{
	bool reached = ratio >= least * tolerance;

	if (!least)
		return true;
	printf(" %s %s%.2f", what, reached ? "" : "MISSED ", least);
	return reached;
}

static bool print_ratio(unsigned int r, int t, double floor, double kept,
			double goal)
{
	double ratio;
	bool ok;

	if (!has(r, t))
		return true;
	ratio = median(r, t) / median(r, VUNIX);
	printf("  %s %.2f", transport_name[t], ratio);
	ok = print_target("floor", floor, TOLERANCE, ratio);
	if (keeping)
		ok &= print_target("kept", kept, TOLERANCE_KEPT, ratio);
	print_target("goal", goal, 1, ratio);
	return ok;
}

static bool print_row(unsigned int r)
{
	const struct row *row = &rows[r];
	bool ok = true;
	int t;

	printf("%-40s", row->name);
	for (t = 0; t < TRANSPORTS; t++) {
		if (has(r, t))
			printf(" %8.0f %4.1f%%", median(r, t), spread(r, t));
		else
			printf(" %8s %5s", "-", "");
	}
	ok &= print_ratio(r, UNIX, row->floor, row->kept, row->goal);
	ok &= print_ratio(r, PIPE, row->floor_pipe, 0, row->goal_pipe);
	printf("\n");
	return ok;
}

static bool print_table(void)
{
	unsigned int r;
	bool ok = true;
	int t;

	printf("%-40s", "instructions, range of repetitions");
	for (t = 0; t < TRANSPORTS; t++)
		printf(" %8s %5s", transport_name[t], "");
	printf("  times what vunix costs\n");
	for (r = 0; r < ROWS; r++)
		if (chosen[r])
			ok &= print_row(r);
	return ok;
}

/* "window OPERATIONS TRANSPORT ROW", in the order in which they are marked. */
static void profile_all(void)
{
	unsigned int r;
	double cost;
	int t;

	for (r = 0; r < ROWS; r++) {
		for (t = 0; t < TRANSPORTS; t++) {
			if (!has(r, t))
				continue;
			probe(r, t);
			marking = true;
			cost = measure(r, t, cells[r][t].ops);
			marking = false;
			printf("window %.0f %s %s\n", counted / cost,
			       transport_name[t], rows[r].name);
		}
	}
}

static void put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || close(fd))
		die(path);
}

static void enter_cgroup(void)
{
	if (access(CGROUPS "/cgroup.procs", F_OK) &&
	    mount("cgroup2", CGROUPS, "cgroup2", 0, NULL))
		die(CGROUPS);
	put_text(CGROUPS "/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUPS "/vunix-cost", 0755) && errno != EEXIST)
		die(CGROUPS);
	put_text(CGROUPS "/vunix-cost/cgroup.procs", "0");
	/* Fails if memory is not accounted for. */
	if (access(CGROUPS "/vunix-cost/memory.current", F_OK))
		die("memory.current");
}

static void usage(void)
{
	fprintf(stderr,
		"usage: cost [-r REPEATS] [-b BUDGET] [-f FAMILY] [-g] [-k] [-l] [-p] [ROW...]\n");
	exit(2);
}

static const char *row_name(unsigned int row)
{
	return rows[row].name;
}

int main(int argc, char **argv)
{
	bool ok = true, cgroup = false;
	int opt;

	while ((opt = getopt(argc, argv, "r:b:f:gklp")) != -1) {
		switch (opt) {
		case 'r':
			repeats = number(optarg, 1, MAX_REPEATS);
			break;
		case 'b':
			budget = number(optarg, 1000, 1000000000);
			break;
		case 'f':
			families[VUNIX] = number(optarg, 1, AF_MAX);
			break;
		case 'g':
			cgroup = true;
			break;
		case 'k':
			keeping = true;
			break;
		case 'l':
			list_rows(ROWS, row_name);
			break;
		case 'p':
			profiling = true;
			break;
		default:
			usage();
		}
	}
	choose_rows(chosen, ROWS, row_name, argv + optind, argc - optind);
	if (cgroup)
		enter_cgroup();
	null_fd = open("/dev/null", O_RDWR);
	if (null_fd < 0)
		die("/dev/null");
	if (!mkdtemp(directory))
		die(directory);

	if (!wait_until_idle())
		fprintf(stderr, "cost: the machine has other things to do\n");
	if (profiling) {
		profile_all();
	} else {
		measure_all();
		ok = print_table();
	}
	rmdir(directory);
	return !ok;
}
