// SPDX-License-Identifier: GPL-2.0
/*
 * What a bound socket costs when N others are there: creates sockets bound to
 * abstract names and, each time the number reaches a power of ten, measures
 * blocks of socket(), bind() and close() calls at that level.
 *
 *   registry [-f FAMILY] [-n SOCKETS] [-t TYPE] [-b BLOCK] [-r BLOCKS]
 *
 * FAMILY is unix, vunix or a number, TYPE stream, dgram or seqpacket.  Needs
 * root, for as many descriptors.  Times are nanoseconds of CLOCK_MONOTONIC;
 * under "qemu -icount shift=0" one of them is one instruction.  Figures of a
 * level are medians of blocks; "fill" and "drain" are means over all calls
 * between two levels, upwards and downwards, so what is only done now and then
 * (a table that grows) is in there.  The last column compares socket() + bind()
 * + close() with the first level's.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <linux/vunix.h>

#define FIRST_LEVEL	1000
#define MAX_LEVELS	8
#define SPARE_FDS	1024

struct cost {
	double create;
	double bind;
	double close;
};

struct level {
	unsigned int sockets;
	struct cost median;
	double fill;
	double drain;
};

static int family = AF_UNIX;
static int type = SOCK_DGRAM;
static unsigned int block = 100;
static unsigned int blocks = 21;
static int *fds;
static unsigned int nr_fds;
static uint32_t serial;

static void die(const char *what)
{
	fprintf(stderr, "registry: %s: %s (%u sockets)\n", what,
		strerror(errno), nr_fds);
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void write_number(const char *path, unsigned int value)
{
	FILE *f = fopen(path, "r+");
	unsigned long old;

	/* Never lower it for the others. */
	if (!f || fscanf(f, "%lu", &old) != 1)
		die(path);
	if (old < value) {
		rewind(f);
		fprintf(f, "%u\n", value);
	}
	if (fclose(f))
		die(path);
}

static void raise_limits(unsigned int n)
{
	struct rlimit limit = {
		.rlim_cur = n + SPARE_FDS,
		.rlim_max = n + SPARE_FDS,
	};

	write_number("/proc/sys/fs/nr_open", n + SPARE_FDS);
	write_number("/proc/sys/fs/file-max", 2 * n + SPARE_FDS);
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("RLIMIT_NOFILE");
}

static void create(void)
{
	int fd = socket(family, type, 0);

	if (fd < 0)
		die("socket");
	fds[nr_fds++] = fd;
}

/* Names that differ in all digits; the factor is odd, so each comes once. */
static void bind_to_name(int fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int len;

	len = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1,
		       "bench/%08x", serial++ * 2654435761U);
	if (bind(fd, (struct sockaddr *)&addr,
		 offsetof(struct sockaddr_un, sun_path) + 1 + len))
		die("bind");
}

static void close_last(void)
{
	if (close(fds[--nr_fds]))
		die("close");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, blocks, sizeof(*values), by_value);
	return values[blocks / 2];
}

static void measure(struct cost *cost)
{
	double create_ns[blocks], bind_ns[blocks], close_ns[blocks];
	unsigned int base = nr_fds, i, j;

	for (i = 0; i < blocks; i++) {
		double t0, t1, t2, t3;

		t0 = now();
		for (j = 0; j < block; j++)
			create();
		t1 = now();
		for (j = 0; j < block; j++)
			bind_to_name(fds[base + j]);
		t2 = now();
		while (nr_fds > base)
			close_last();
		t3 = now();
		create_ns[i] = (t1 - t0) / block;
		bind_ns[i] = (t2 - t1) / block;
		close_ns[i] = (t3 - t2) / block;
	}
	cost->create = median(create_ns);
	cost->bind = median(bind_ns);
	cost->close = median(close_ns);
}

static void fill(struct level *level)
{
	unsigned int calls = level->sockets - nr_fds;
	double start = now();

	while (nr_fds < level->sockets) {
		create();
		bind_to_name(fds[nr_fds - 1]);
	}
	level->fill = (now() - start) / calls;
}

static void drain(struct level *level, unsigned int down_to)
{
	unsigned int calls = nr_fds - down_to;
	double start = now();

	while (nr_fds > down_to)
		close_last();
	level->drain = (now() - start) / calls;
}

static double total(const struct cost *cost)
{
	return cost->create + cost->bind + cost->close;
}

static void run(unsigned int max)
{
	struct level levels[MAX_LEVELS];
	unsigned int nr = 0, n, i;

	/* Slabs and code are warm before the first level counts. */
	measure(&levels[0].median);

	for (n = FIRST_LEVEL; n <= max && nr < MAX_LEVELS; n *= 10) {
		levels[nr].sockets = n;
		fill(&levels[nr]);
		measure(&levels[nr].median);
		nr++;
	}
	for (i = nr; i-- > 0;)
		drain(&levels[i], i ? levels[i - 1].sockets : 0);

	printf("%9s %8s %8s %8s %8s %8s %8s %6s\n", "sockets", "socket",
	       "bind", "close", "all", "fill", "drain", "ratio");
	for (i = 0; i < nr; i++) {
		const struct cost *cost = &levels[i].median;

		printf("%9u %8.0f %8.0f %8.0f %8.0f %8.0f %8.0f %6.2f\n",
		       levels[i].sockets, cost->create, cost->bind,
		       cost->close, total(cost), levels[i].fill,
		       levels[i].drain,
		       total(cost) / total(&levels[0].median));
	}
}

static void usage(void)
{
	fprintf(stderr,
		"usage: registry [-f unix|vunix|NUMBER] [-n SOCKETS] [-t stream|dgram|seqpacket] [-b BLOCK] [-r BLOCKS]\n");
	exit(2);
}

static unsigned int number(const char *text, unsigned int min)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (end == text || *end || n < min || n > 100000000)
		usage();
	return n;
}

static int family_of(const char *text)
{
	if (!strcmp(text, "unix"))
		return AF_UNIX;
	if (!strcmp(text, "vunix"))
		return AF_VUNIX;
	return number(text, 1);
}

static int type_of(const char *text)
{
	if (!strcmp(text, "stream"))
		return SOCK_STREAM;
	if (!strcmp(text, "dgram"))
		return SOCK_DGRAM;
	if (!strcmp(text, "seqpacket"))
		return SOCK_SEQPACKET;
	usage();
	return -1;
}

int main(int argc, char **argv)
{
	unsigned int max = 1000000;
	int opt;

	while ((opt = getopt(argc, argv, "f:n:t:b:r:")) != -1) {
		switch (opt) {
		case 'f':
			family = family_of(optarg);
			break;
		case 'n':
			max = number(optarg, FIRST_LEVEL);
			break;
		case 't':
			type = type_of(optarg);
			break;
		case 'b':
			block = number(optarg, 1);
			break;
		case 'r':
			blocks = number(optarg, 1);
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();

	raise_limits(max + block);
	fds = calloc(max + block, sizeof(*fds));
	if (!fds)
		die("memory");
	run(max);
	return 0;
}
