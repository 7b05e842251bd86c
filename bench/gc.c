// SPDX-License-Identifier: GPL-2.0
/*
 * Passing descriptors and collecting what becomes unreachable, AF_UNIX and
 * vunix by turns:
 *
 *   gc [-n SOCKETS] [-f SOCKETS] [-r REPEATS] [-R REPEATS] [-i] [rate|innocent|freed]...
 *
 * rate      messages with 1, 16 and 253 descriptors, of /dev/null and of
 *           sockets of the family: sent, received and closed by one process
 * innocent  what a message costs a pair that has nothing to do with any cycle
 *           (one byte; one byte with a descriptor, or a socket of the family):
 *           when all is quiet, and while SOCKETS are in flight, half of them in
 *           queues of others, and the other processor makes garbage
 * freed     time from the last close until nothing is left of 1000 ... SOCKETS
 *           (-f, else as -n) in a ring, in pairs, in a chain and in random
 *           graphs whose cycles share sockets
 *
 * Needs root.  The pair belongs to another user than what is in flight.  Figures
 * are medians of REPEATS (-r; -R where freed takes long: for 10^5 sockets, with
 * -i for 10^4), with the least and the greatest in brackets.  With -i times are
 * instructions (see vm.sh): there is one processor, so garbage is made by the
 * pair's own process, one cycle every 2500 messages, which are not counted.
 *
 * Lines with "target" say what vunix must reach and whether it does.  The status
 * is 1 if it does not; times of an emulator do not count for that.  Machines
 * do more than one instruction in a nanosecond, so who needs no more than 10^9
 * of them takes less than a second.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include "gc.h"

#define SPARE_FDS	4096

const int families[FAMILIES] = { AF_UNIX, AF_VUNIX };
const char *const family_name[FAMILIES] = { "AF_UNIX", "vunix" };

unsigned int in_flight = 100000;
unsigned int most_freed;
unsigned int repeats = 5;
unsigned int big_repeats = 1;
bool instructions;
static bool missed;
int null_fd;

void die(const char *what)
{
	fprintf(stderr, "gc: %s: %s\n", what, strerror(errno));
	exit(1);
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/*
 * Figures of repeated measurements
 */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void add(struct figures *f, double value)
{
	f->value[f->nr++] = value;
	qsort(f->value, f->nr, sizeof(*f->value), by_value);
}

double median(const struct figures *f)
{
	return f->nr ? f->value[f->nr / 2] : 0;
}

void print_figures(const struct figures *f, double unit)
{
	char spread[40];

	snprintf(spread, sizeof(spread), "[%.0f-%.0f]", f->value[0] / unit,
		 f->value[f->nr - 1] / unit);
	printf(" %8.0f %-17s", median(f) / unit, spread);
}

void target(bool reached, bool counts, const char *what, double value)
{
	printf("target: %-62s %8.2f %s%s\n", what, value,
	       reached ? "ok" : "MISSED", counts ? "" : " (emulated)");
	missed |= !reached && counts;
}

static void write_number(const char *path, unsigned int value)
{
	FILE *f = fopen(path, "w");

	if (!f)
		die(path);
	fprintf(f, "%u\n", value);
	if (fclose(f))
		die(path);
}

/*
 * Sockets are limited to twice file-max: some garbage may pile up, not all of
 * the memory.
 */
static void raise_limits(void)
{
	unsigned int n = in_flight > most_freed ? in_flight : most_freed;
	struct rlimit limit = {
		.rlim_cur = SPARE_FDS,
		.rlim_max = SPARE_FDS,
	};

	write_number("/proc/sys/fs/file-max", n * 7 / 4 + SPARE_FDS);
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("RLIMIT_NOFILE");
}

static unsigned int number(const char *text, unsigned int max)
{
	unsigned long n = strtoul(text, NULL, 0);

	return n < max ? n : max;
}

int main(int argc, char **argv)
{
	bool all;
	int opt;

	while ((opt = getopt(argc, argv, "n:f:r:R:i")) != -1) {
		switch (opt) {
		case 'n':
			in_flight = number(optarg, 1000000);
			break;
		case 'f':
			most_freed = number(optarg, 1000000);
			break;
		case 'r':
			repeats = number(optarg, MAX_FIGURES);
			break;
		case 'R':
			big_repeats = number(optarg, MAX_FIGURES);
			break;
		case 'i':
			instructions = true;
			break;
		default:
			in_flight = 0;
		}
	}
	if (in_flight < 1000 || !repeats || !big_repeats) {
		fprintf(stderr,
			"usage: gc [-n SOCKETS] [-f SOCKETS] [-r REPEATS] [-R REPEATS] [-i] [rate|innocent|freed]...\n");
		return 2;
	}
	if (!most_freed)
		most_freed = in_flight;
	raise_limits();
	null_fd = open("/dev/null", O_RDWR);
	if (null_fd < 0)
		die("/dev/null");

	all = optind == argc;
	for (; all || optind < argc; optind++) {
		if (all || !strcmp(argv[optind], "rate"))
			rate();
		if (all || !strcmp(argv[optind], "innocent"))
			innocent();
		if (all || !strcmp(argv[optind], "freed"))
			freed();
		if (all)
			break;
	}
	return missed;
}
