// SPDX-License-Identifier: GPL-2.0
/*
 * How fast operations are by the clock on the wall: AF_UNIX, a pipe, TCP over
 * the loopback interface and vunix, each where it has them, in turn.
 *
 *   bench [-r REPEATS] [-t MILLISECONDS] [-f FAMILY] [-l] [-w] [ROW...]
 *
 *   -r N     repetitions (5)
 *   -t N     of one measurement, about (50); some rows take several times that
 *   -f N     vunix's family, if the module was told another
 *   -l       list the rows
 *   -w       wait until the machine has nothing else to do
 *   ROW      only rows whose names match such a pattern (all)
 *
 * A repetition measures every transport, one after the other, the first of
 * them being another each time.  One repetition before them is a shorter one
 * that does not count.
 *
 * Prints lines of values with tabs between: row, x, transport, median, least,
 * most, unit.  x is what the row is about (size, senders, ...), "-" if nothing.
 * Lines that begin with "#" are for people.
 *
 * Nothing fails by being slow.  "One CPU" and "two CPUs" are the first ones that
 * the process may use: taskset(1) chooses them.  Each message is one write(),
 * and one read() of its size, or more where a stream has only a part of it.
 * TCP is used with TCP_NODELAY, and everything else as a socket is made.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <linux/vunix.h>
#include "bench.h"
#include "rows.h"

#define MAX_REPEATS	101
#define MAX_CPU_COUNTS	16
#define SETTLES		5000	/* microseconds */
#define HANGS		120	/* seconds, and as often the time it takes: */
#define HANGS_TIMES	20

static const unsigned int stream_sizes[] = {
	1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, MAX_SIZE, 0
};

/* More does not fit into a message by default. */
static const unsigned int message_sizes[] = {
	1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 0
};

static const unsigned int trip_sizes[] = { 64, 0 };
static const unsigned int file_sizes[] = { 4096, 65536, 0 };
static const unsigned int sender_counts[] = { 1, 4, 16, 64, 0 };
static const unsigned int batch_sizes[] = { 1, 8, 64, 0 };
static const unsigned int fd_counts[] = { 1, 16, 253, 0 };
static const unsigned int group_counts[] = { 1, 4, 0 };
static unsigned int cpu_counts[MAX_CPU_COUNTS];

#define ROW(n, m, t, ...) \
	{ .name = n, .measure = m, .type = t, __VA_ARGS__ }
#define ONE_WAY(n, m, t, sizes, set, ...) \
	ROW(n, m, t, .x = sizes, .transports = set, \
	    .units = { "messages/s", "bytes/s" }, __VA_ARGS__)
#define TRIP(n, how, ...) \
	ROW("round trip, " n, round_trip, SOCK_STREAM, .x = trip_sizes, \
	    .transports = STREAMS, .units = { "ns p50", "ns p99" }, \
	    .wait = how, .times = 3, __VA_ARGS__)
#define MANY(n, ...) \
	ROW(n, many_to_one, SOCK_DGRAM, .x = sender_counts, \
	    .transports = FAMILIES, \
	    .units = { "messages/s", "min/max share" }, .times = 4, \
	    __VA_ARGS__)
#define COUNT(n, m, t, unit, set, ...) \
	ROW(n, m, t, .transports = set, .units = { unit }, __VA_ARGS__)

static const struct row rows[] = {
	ONE_WAY("stream, two CPUs", one_way, SOCK_STREAM, stream_sizes,
		STREAMS, .two_cpus = 1),
	ONE_WAY("stream, one CPU", one_way, SOCK_STREAM, stream_sizes,
		STREAMS),
	ONE_WAY("stream, one process", one_process, SOCK_STREAM, stream_sizes,
		STREAMS),
	ONE_WAY("datagram, two CPUs", one_way, SOCK_DGRAM, message_sizes,
		FAMILIES, .two_cpus = 1),
	ONE_WAY("datagram, one CPU", one_way, SOCK_DGRAM, message_sizes,
		FAMILIES),
	ONE_WAY("datagram, one process", one_process, SOCK_DGRAM,
		message_sizes, FAMILIES),
	ONE_WAY("seqpacket, two CPUs", one_way, SOCK_SEQPACKET, message_sizes,
		FAMILIES, .two_cpus = 1),
	ONE_WAY("seqpacket, one CPU", one_way, SOCK_SEQPACKET, message_sizes,
		FAMILIES),
	ONE_WAY("seqpacket, one process", one_process, SOCK_SEQPACKET,
		message_sizes, FAMILIES),
	TRIP("two CPUs, blocking", BLOCKING, .two_cpus = 1),
	TRIP("two CPUs, poll", POLL, .two_cpus = 1),
	TRIP("two CPUs, epoll level", EPOLL_LEVEL, .two_cpus = 1),
	TRIP("two CPUs, epoll edge", EPOLL_EDGE, .two_cpus = 1),
	TRIP("two CPUs, busy polling", BUSY, .two_cpus = 1),
	TRIP("one CPU, blocking", BLOCKING),
	TRIP("one CPU, poll", POLL),
	TRIP("one CPU, epoll level", EPOLL_LEVEL),
	TRIP("one CPU, epoll edge", EPOLL_EDGE),
	MANY("senders with a socket each"),
	MANY("senders that share a socket", .shared = 1),
	COUNT("sendmmsg and recvmmsg, datagram", batches, SOCK_DGRAM,
	      "messages/s", FAMILIES, .x = batch_sizes),
	COUNT("sendmmsg and recvmmsg, seqpacket", batches, SOCK_SEQPACKET,
	      "messages/s", FAMILIES, .x = batch_sizes),
	COUNT("pair, close", pair_close, SOCK_STREAM, "pairs/s",
	      FAMILIES | HAS(PIPE)),
	COUNT("connect, accept, close", connect_close, SOCK_STREAM,
	      "connections/s", SOCKETS),
	COUNT("connect, accept, close (path)", connect_close, SOCK_STREAM,
	      "connections/s", FAMILIES, .path = 1),
	COUNT("bind, close", bind_close, SOCK_STREAM, "sockets/s", SOCKETS),
	COUNT("bind, close (path)", bind_close, SOCK_STREAM, "sockets/s",
	      FAMILIES, .path = 1),
	COUNT("scaling, stream", pairs_on_cpus, SOCK_STREAM, "messages/s",
	      STREAMS, .x = cpu_counts),
	COUNT("scaling, datagram", pairs_on_cpus, SOCK_DGRAM, "messages/s",
	      FAMILIES, .x = cpu_counts),
	COUNT("scaling, pair and close", creation_on_cpus, SOCK_STREAM,
	      "pairs/s", FAMILIES | HAS(PIPE), .x = cpu_counts),
	COUNT("files passed", pass_files, SOCK_STREAM, "descriptors/s",
	      FAMILIES, .x = fd_counts),
	COUNT("sendfile", from_file, SOCK_STREAM, "bytes/s", STREAMS,
	      .x = file_sizes, .two_cpus = 1),
	COUNT("splice", from_file, SOCK_STREAM, "bytes/s", STREAMS,
	      .x = file_sizes, .two_cpus = 1, .splice = 1),
	COUNT("hackbench-like, groups of 20 and 20", hackbench, SOCK_STREAM,
	      "messages/s", STREAMS, .x = group_counts, .times = 4),
};

#define ROWS	(sizeof(rows) / sizeof(*rows))

struct cell {
	unsigned int nr;
	double value[MAX_REPEATS];
};

static const char *const transport_name[TRANSPORTS] = {
	"AF_UNIX", "pipe", "TCP", "vunix"
};

int families[TRANSPORTS] = { AF_UNIX, AF_UNSPEC, AF_INET, AF_VUNIX };
char directory[] = "/tmp/bench.XXXXXX";
struct shared *shared;
unsigned int nr_cpus;

static bool chosen[ROWS];
static bool there[TRANSPORTS];
static unsigned int repeats = 5;
static double usual = 50e6;
static bool warming_up;
static cpu_set_t allowed;
static const char *measured = "";

void die(const char *what)
{
	fprintf(stderr, "bench: %s%s: %s\n", measured, what, strerror(errno));
	exit(1);
}

double now(void)
{
	return clock_now(CLOCK_MONOTONIC);
}

double window(const struct row *row)
{
	double time = row->times ? row->times * usual : usual;

	return warming_up ? time / 4 : time;
}

void use_all_cpus(void)
{
	if (sched_setaffinity(0, sizeof(allowed), &allowed))
		die("sched_setaffinity");
}

/* The @nr-th that may be used. */
void use_cpu(unsigned int nr)
{
	unsigned int cpu;
	cpu_set_t set;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && !nr--)
			break;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static void find_cpus(void)
{
	unsigned int nr, i = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		die("sched_getaffinity");
	nr_cpus = CPU_COUNT(&allowed);
	if (nr_cpus > MAX_PROCESSES)
		nr_cpus = MAX_PROCESSES;
	for (nr = 1; nr < nr_cpus; nr *= 2)
		cpu_counts[i++] = nr;
	cpu_counts[i] = nr_cpus;
}

static bool is_there(int t)
{
	struct ends ends;

	if (!try_ends(&ends, SOCK_STREAM, t))
		return false;
	close_ends(&ends);
	return true;
}

static void find_transports(void)
{
	int t;

	for (t = 0; t < TRANSPORTS; t++) {
		there[t] = is_there(t);
		if (!there[t])
			printf("# %s is not there (%s): nothing of it is measured\n",
			       transport_name[t], strerror(errno));
	}
}

static bool has(const struct row *row, int t)
{
	return row->transports & HAS(t) && there[t];
}

static void hangs(int signal)
{
	static const char text[] = "does not end\n";

	(void)signal;
	if (write(2, measured, strlen(measured)) < 0 ||
	    write(2, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

/*
 * What was measured before leaves work behind: sockets that wait for a grace
 * period, a collector.
 */
static void measure(const struct row *row, unsigned int x, int t,
		    double *figures)
{
	static char what[80];

	snprintf(what, sizeof(what), "%s, %u, %s: ", row->name, x,
		 transport_name[t]);
	measured = what;
	use_all_cpus();
	usleep(SETTLES);
	alarm(HANGS + HANGS_TIMES * window(row) / 1e9);
	row->measure(row, x, t, figures);
	alarm(0);
	measured = "";
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void add(struct cell *cell, double value)
{
	cell->value[cell->nr++] = value;
	qsort(cell->value, cell->nr, sizeof(*cell->value), by_value);
}

static void repeat(const struct row *row, unsigned int x, unsigned int first,
		   struct cell (*cells)[FIGURES])
{
	double figures[FIGURES];
	unsigned int i, f;
	int t;

	for (i = 0; i < TRANSPORTS; i++) {
		t = (first + i) % TRANSPORTS;
		if (!has(row, t))
			continue;
		measure(row, x, t, figures);
		for (f = 0; !warming_up && f < FIGURES; f++)
			if (row->units[f])
				add(&cells[t][f], figures[f]);
	}
}

static void print_cell(const struct row *row, unsigned int x, int t,
		       unsigned int f, const struct cell *cell)
{
	printf("%s\t", row->name);
	if (row->x)
		printf("%u", x);
	else
		printf("-");
	printf("\t%s\t%.6g\t%.6g\t%.6g\t%s\n", transport_name[t],
	       cell->value[cell->nr / 2], cell->value[0],
	       cell->value[cell->nr - 1], row->units[f]);
}

static void measure_point(const struct row *row, unsigned int x)
{
	static struct cell cells[TRANSPORTS][FIGURES];
	unsigned int i, f;
	int t;

	memset(cells, 0, sizeof(cells));
	warming_up = true;
	repeat(row, x, 0, cells);
	warming_up = false;
	for (i = 0; i < repeats; i++)
		repeat(row, x, i, cells);
	for (f = 0; f < FIGURES; f++)
		for (t = 0; t < TRANSPORTS; t++)
			if (cells[t][f].nr)
				print_cell(row, x, t, f, &cells[t][f]);
	fflush(stdout);
}

static void measure_row(const struct row *row)
{
	const unsigned int *x;

	if (row->two_cpus && nr_cpus < 2) {
		printf("# %s: there is only one CPU\n", row->name);
		return;
	}
	if (!row->x)
		measure_point(row, 0);
	for (x = row->x; x && *x; x++)
		measure_point(row, *x);
}

static void usage(void)
{
	fprintf(stderr,
		"usage: bench [-r REPEATS] [-t MILLISECONDS] [-f FAMILY] [-l] [-w] [ROW...]\n");
	exit(2);
}

static void init(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	memset(out, 1, sizeof(out));
	if (!mkdtemp(directory))
		die(directory);
	signal(SIGALRM, hangs);
	find_cpus();
}

static void print_head(void)
{
	struct utsname uts;

	uname(&uts);
	printf("# Linux %s, %u CPUs; %u repetitions of about %.0f ms\n",
	       uts.release, nr_cpus, repeats, usual / 1e6);
	find_transports();
	printf("# row\tx\ttransport\tmedian\tmin\tmax\tunit\n");
}

static const char *row_name(unsigned int row)
{
	return rows[row].name;
}

int main(int argc, char **argv)
{
	bool wait = false;
	unsigned int r;
	int opt;

	while ((opt = getopt(argc, argv, "r:t:f:lw")) != -1) {
		switch (opt) {
		case 'r':
			repeats = number(optarg, 1, MAX_REPEATS);
			break;
		case 't':
			usual = number(optarg, 1, 60000) * 1e6;
			break;
		case 'f':
			families[VUNIX] = number(optarg, 1, AF_MAX);
			break;
		case 'l':
			list_rows(ROWS, row_name);
			break;
		case 'w':
			wait = true;
			break;
		default:
			usage();
		}
	}
	choose_rows(chosen, ROWS, row_name, argv + optind, argc - optind);
	init();
	if (wait)
		if (!wait_until_idle())
			printf("# the machine has other things to do\n");
	print_head();
	for (r = 0; r < ROWS; r++)
		if (chosen[r])
			measure_row(&rows[r]);
	rmdir(directory);
	return 0;
}
