// SPDX-License-Identifier: GPL-2.0
/*
 * Cycles that bytes take through the kernel, sent and received by one process,
 * with AF_UNIX, a pipe (streams only) and vunix by turns; in user-mode Linux,
 * whose kernel runs as fast as any program (see uml.sh):
 *
 *   cycles [-r REPEATS] [-n ROUNDS] [-b CYCLES] [-k] [-l] [ROW...]
 *
 *   -r N     repetitions, each with new sockets (15)
 *   -n N     rounds of a repetition, in which transports take turns (15)
 *   -b N     cycles, about, of a batch (200000)
 *   -k       from and to memory of the kernel: user-mode Linux looks up each page
 *            of user memory in software, which costs all of them alike
 *   -l       list the rows
 *   ROW      only rows with this name, a pattern as of the shell (all)
 *
 * The module cycles_in.c counts, so a system call's way in and out does not.  A
 * batch is long enough for what is only done now and then, like taking a page,
 * and short enough that a tick or another program meets few.  Of the four of a
 * transport in a round the least counts, and of all rounds of a repetition the
 * median.  The table has the median of the repetitions and their range in
 * percent; ratios are medians of those inside a repetition, as what slows a
 * machine for a while slows all transports alike, with their range.
 *
 * The status is 1 if vunix is not as many times faster as a row's floor says,
 * with 5 % tolerance.  Goals that are missed are only named.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/vunix.h>
#include "cycles.h"
#include "../rows.h"

#define KIB		1024
#define MAX_SIZE	(64 * KIB)
#define MAX_REPEATS	101
#define MAX_ROUNDS	10001
#define BATCHES		4	/* at once; the first finds the caches cold */
#define WARM_UP		32	/* reads that tell how many a batch has */
#define TOLERANCE	0.95

enum { UNIX, PIPE, VUNIX, TRANSPORTS };

/**
 * struct row - what is measured with every transport that has it
 * @name: what the table calls it
 * @type: SOCK_*
 * @size: bytes of a write
 * @nr: writes before a read
 * @floor: how many times faster than AF_UNIX it must be, and than a pipe
 * @goal: how many times faster it ought to be
 */
struct row {
	const char *name;
	int type;
	unsigned int size;
	unsigned int nr;
	double floor[TRANSPORTS];
	double goal[TRANSPORTS];
};

#define ROW(n, t, s, w, f, fp, g, gp) {					\
	.name = n, .type = t, .size = s, .nr = w,			\
	.floor = { [UNIX] = f, [PIPE] = fp },				\
	.goal = { [UNIX] = g, [PIPE] = gp },				\
}

/* A floor is what an experiment with this design has reached. */
static const struct row rows[] = {
	ROW("stream 1 B", SOCK_STREAM, 1, 1, 3.1, 1.4, 4, 1.6),
	ROW("stream 64 B", SOCK_STREAM, 64, 1, 3.1, 1.4, 4, 1.6),
	ROW("stream 64 B, 16 writes to a read", SOCK_STREAM, 64, 16,
	    4.4, 1.2, 5, 1.4),
	ROW("stream 1 KiB", SOCK_STREAM, KIB, 1, 2.7, 1.3, 3.2, 0),
	ROW("stream 4 KiB", SOCK_STREAM, 4 * KIB, 1, 2.2, 1.1, 2.5, 0),
	ROW("stream 64 KiB", SOCK_STREAM, 64 * KIB, 1, 1.7, 1.6, 2, 0),
	ROW("datagram 64 B", SOCK_DGRAM, 64, 1, 2.9, 0, 3.5, 0),
	ROW("datagram 1 KiB", SOCK_DGRAM, KIB, 1, 2.6, 0, 3, 0),
	ROW("datagram 4 KiB", SOCK_DGRAM, 4 * KIB, 1, 2.1, 0, 2.4, 0),
	ROW("datagram 64 KiB", SOCK_DGRAM, 64 * KIB, 1, 1.6, 0, 1.8, 0),
	ROW("seqpacket 64 B", SOCK_SEQPACKET, 64, 1, 2.9, 0, 3.5, 0),
	ROW("seqpacket 1 KiB", SOCK_SEQPACKET, KIB, 1, 2.6, 0, 3, 0),
	ROW("seqpacket 4 KiB", SOCK_SEQPACKET, 4 * KIB, 1, 2.1, 0, 2.4, 0),
	ROW("seqpacket 64 KiB", SOCK_SEQPACKET, 64 * KIB, 1, 1.6, 0, 1.8, 0),
};

#define ROWS	(sizeof(rows) / sizeof(*rows))

static const char *const transport_name[TRANSPORTS] = {
	"AF_UNIX", "pipe", "vunix"
};

static const int families[TRANSPORTS] = { AF_UNIX, AF_UNSPEC, AF_VUNIX };

/* Cycles of a message, [row][transport][repetition]. */
static double values[ROWS][TRANSPORTS][MAX_REPEATS];
static unsigned int reads[ROWS][TRANSPORTS];
static bool chosen[ROWS];
static unsigned int repeats = 15, rounds = 15, budget = 200000;
static bool kernel_memory;
static int device;

/* User-mode Linux looks each page up in software: no more than there need be. */
static char out[MAX_SIZE] __attribute__((aligned(4096)));
static char in[MAX_SIZE] __attribute__((aligned(4096)));

void die(const char *what)
{
	fprintf(stderr, "cycles: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *sorted, unsigned int nr)
{
	qsort(sorted, nr, sizeof(*sorted), by_value);
	return sorted[nr / 2];
}

static bool has(unsigned int r, int t)
{
	return chosen[r] && (t != PIPE || rows[r].type == SOCK_STREAM);
}

/* Cycles of a message, the least of some batches of so many reads. */
static double batches(const struct row *row, const int fd[2],
		      unsigned int ops, unsigned int nr)
{
	uint64_t took[BATCHES], least = UINT64_MAX;
	struct cycles_in arg = {
		.wr = fd[1],
		.rd = fd[0],
		.out = (uintptr_t)out,
		.in = (uintptr_t)in,
		.cycles = (uintptr_t)took,
		.size = row->size,
		.nr = row->nr,
		.ops = ops,
		.batches = nr,
		.kernel = kernel_memory,
	};
	unsigned int i;

	if (ioctl(device, CYCLES_IN, &arg))
		die(row->name);
	for (i = 0; i < nr; i++)
		if (took[i] < least)
			least = took[i];
	return (double)least / ops / row->nr;
}

/* All that was written is different, and no page of it is missing. */
static void fill(void)
{
	static unsigned char round;
	size_t i;

	round++;
	for (i = 0; i < sizeof(out); i++)
		out[i] = round + i + i / 251;
	memset(in, round - 1, sizeof(in));
}

static void check(const struct row *row)
{
	unsigned int i;

	for (i = 0; i < row->nr; i++) {
		if (memcmp(in + i * row->size, out, row->size)) {
			errno = EILSEQ;
			die(row->name);
		}
	}
}

static void open_ends(const struct row *row, int t, int fd[2])
{
	if (t == PIPE) {
		if (pipe(fd))
			die("pipe");
	} else if (socketpair(families[t], row->type, 0, fd)) {
		die("socketpair");
	}
}

/* Tells also how many reads a batch has, the first time. */
static void warm_up(unsigned int r, int t, const int fd[2])
{
	const struct row *row = &rows[r];
	double cost;

	fill();
	cost = batches(row, fd, WARM_UP, 1);
	check(row);
	if (reads[r][t])
		return;
	reads[r][t] = budget / cost / row->nr;
	if (reads[r][t] < WARM_UP)
		reads[r][t] = WARM_UP;
}

/* All transports, by turns. */
static void measure(unsigned int r, unsigned int repeat)
{
	static double cost[TRANSPORTS][MAX_ROUNDS];
	int fd[TRANSPORTS][2], t;
	unsigned int i;

	for (t = 0; t < TRANSPORTS; t++) {
		if (!has(r, t))
			continue;
		open_ends(&rows[r], t, fd[t]);
		warm_up(r, t, fd[t]);
	}
	for (i = 0; i < rounds; i++)
		for (t = 0; t < TRANSPORTS; t++)
			if (has(r, t))
				cost[t][i] = batches(&rows[r], fd[t],
						     reads[r][t], BATCHES);
	for (t = 0; t < TRANSPORTS; t++) {
		if (!has(r, t))
			continue;
		values[r][t][repeat] = median(cost[t], rounds);
		close(fd[t][0]);
		close(fd[t][1]);
	}
}

static void measure_all(void)
{
	unsigned int r, i;

	for (i = 0; i < repeats; i++)
		for (r = 0; r < ROWS; r++)
			if (chosen[r])
				measure(r, i);
}

/* What a ratio should be; false if that is a floor, and far from it. */
static bool print_target(const char *what, double least, double ratio)
{
	if (!least)
		return true;
	printf(" %s %s%.1f", what, ratio < least ? "missed " : "", least);
	return ratio >= least * TOLERANCE;
}

static bool print_ratio(unsigned int r, int t)
{
	double ratios[MAX_REPEATS], ratio;
	unsigned int i;
	bool ok;

	if (!has(r, t))
		return true;
	for (i = 0; i < repeats; i++)
		ratios[i] = values[r][t][i] / values[r][VUNIX][i];
	ratio = median(ratios, repeats);
	printf("  %s %.2f (%.2f-%.2f)", transport_name[t], ratio, ratios[0],
	       ratios[repeats - 1]);
	ok = print_target("floor", rows[r].floor[t], ratio);
	if (!ok)
		printf(" (by %.0f%%)",
		       (1 - ratio / rows[r].floor[t]) * 100);
	print_target("goal", rows[r].goal[t], ratio);
	return ok;
}

static void print_cell(unsigned int r, int t)
{
	double sorted[MAX_REPEATS], middle;

	if (!has(r, t)) {
		printf(" %8s %6s", "-", "");
		return;
	}
	memcpy(sorted, values[r][t], sizeof(sorted));
	middle = median(sorted, repeats);
	printf(" %8.0f %5.1f%%", middle,
	       (sorted[repeats - 1] - sorted[0]) / middle * 100);
}

static bool print_table(void)
{
	unsigned int r;
	bool ok = true;
	int t;

	printf("%-34s", "cycles, range of repetitions");
	for (t = 0; t < TRANSPORTS; t++)
		printf(" %8s %6s", transport_name[t], "");
	printf("  times what vunix costs\n");
	for (r = 0; r < ROWS; r++) {
		if (!chosen[r])
			continue;
		printf("%-34s", rows[r].name);
		for (t = 0; t < TRANSPORTS; t++)
			print_cell(r, t);
		for (t = 0; t < VUNIX; t++)
			ok &= print_ratio(r, t);
		printf("\n");
	}
	return ok;
}

static void usage(void)
{
	fprintf(stderr,
		"usage: cycles [-r REPEATS] [-n ROUNDS] [-b CYCLES] [-k] [-l] [ROW...]\n");
	exit(2);
}

static const char *row_name(unsigned int row)
{
	return rows[row].name;
}

int main(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "r:n:b:kl")) != -1) {
		switch (opt) {
		case 'r':
			repeats = number(optarg, 1, MAX_REPEATS);
			break;
		case 'n':
			rounds = number(optarg, 1, MAX_ROUNDS);
			break;
		case 'b':
			budget = number(optarg, 1000, 1000000000);
			break;
		case 'k':
			kernel_memory = true;
			break;
		case 'l':
			list_rows(ROWS, row_name);
			break;
		default:
			usage();
		}
	}
	choose_rows(chosen, ROWS, row_name, argv + optind, argc - optind);
	device = open("/dev/" CYCLES_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		die(CYCLES_DEVICE);
	measure_all();
	return !print_table();
}
