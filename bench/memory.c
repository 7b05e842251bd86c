// SPDX-License-Identifier: GPL-2.0
/*
 * What sockets cost in memory: makes many connected pairs of AF_UNIX and of
 * vunix and reads the kernel's own books after each step.
 *
 *   memory [-n PAIRS]
 *
 * Steps: "made" is after socketpair(), "used" after each pair has carried one
 * small message in each direction, which was read.  Needs root: for as many
 * descriptors, and for /proc/slabinfo, which is flushed of what CPUs hold back
 * as far as /sys/kernel/slab lets us.  The exit status tells whether vunix
 * keeps to its limits: a socket's object at most 512 bytes larger than
 * AF_UNIX's, and after the message at most a page per direction more.
 */
#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <linux/vunix.h>

#define MAX_CACHES	1024
#define SPARE_FDS	1024
#define MESSAGE		"a small message of some 40 bytes, or more"
#define MAX_OBJECT	512	/* bytes more per socket */
#define MAX_PAGES	2	/* pages more per pair after the message */

enum { BEFORE, MADE, USED, STEPS };
enum { UNIX, VUNIX, FAMILIES };

struct cache {
	char name[64];
	unsigned int objects;
	unsigned int size;
	unsigned int per_slab;
	unsigned int slab_pages;
};

/* One reading of the books, in bytes. */
struct books {
	double used;		/* MemTotal - MemAvailable */
	double slab;
	double pages;		/* allocated from the page allocator */
	unsigned int nr_caches;
	struct cache caches[MAX_CACHES];
};

static const int families[FAMILIES] = { AF_UNIX, AF_VUNIX };
static struct books books[FAMILIES][STEPS];
static unsigned int pairs = 100000;
static double page_size;
static int (*fds)[2];

static void die(const char *what)
{
	fprintf(stderr, "memory: %s: %s\n", what, strerror(errno));
	exit(1);
}

static FILE *open_file(const char *path, const char *mode)
{
	FILE *f = fopen(path, mode);

	if (!f)
		die(path);
	return f;
}

static void write_number(const char *path, unsigned int value)
{
	FILE *f = open_file(path, "w");

	fprintf(f, "%u\n", value);
	if (fclose(f))
		die(path);
}

static void raise_limits(void)
{
	struct rlimit limit = {
		.rlim_cur = 2 * pairs + SPARE_FDS,
		.rlim_max = 2 * pairs + SPARE_FDS,
	};

	write_number("/proc/sys/fs/nr_open", 2 * pairs + SPARE_FDS);
	write_number("/proc/sys/fs/file-max", 4 * pairs + SPARE_FDS);
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("RLIMIT_NOFILE");
}

/* Kilobytes of a line of /proc/meminfo. */
static double meminfo(const char *name)
{
	FILE *f = open_file("/proc/meminfo", "r");
	char line[128];
	double kb = -1;

	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) &&
		    line[strlen(name)] == ':')
			kb = atof(line + strlen(name) + 1);
	fclose(f);
	if (kb < 0)
		die(name);
	return kb;
}

static void read_slabs(struct books *b)
{
	FILE *f = open_file("/proc/slabinfo", "r");
	struct cache *c = b->caches;
	char line[512];

	b->nr_caches = 0;
	while (b->nr_caches < MAX_CACHES && fgets(line, sizeof(line), f)) {
		unsigned int all;

		if (sscanf(line, "%63s %u %u %u %u %u", c->name, &c->objects,
			   &all, &c->size, &c->per_slab, &c->slab_pages) != 6)
			continue;
		c->objects = all;
		c++;
		b->nr_caches++;
	}
	fclose(f);
}

/*
 * What only waits to be given back shall not count: RCU's callbacks, freed
 * objects and pages that CPUs keep for themselves.
 */
static void settle(void)
{
	glob_t g;
	size_t i;

	sleep(2);
	if (!glob("/sys/kernel/slab/*/shrink", 0, NULL, &g))
		for (i = 0; i < g.gl_pathc; i++)
			write_number(g.gl_pathv[i], 1);
	globfree(&g);
	/* Also drains the page allocator's lists of each CPU. */
	write_number("/proc/sys/vm/compact_memory", 1);
}

static void read_books(struct books *b)
{
	settle();
	read_slabs(b);
	b->slab = meminfo("Slab") * 1024;
	b->used = (meminfo("MemTotal") - meminfo("MemAvailable")) * 1024;
	b->pages = (meminfo("MemTotal") - meminfo("MemFree")) * 1024;
}

static void make(int family, int type)
{
	unsigned int i;

	for (i = 0; i < pairs; i++)
		if (socketpair(family, type, 0, fds[i]))
			die("socketpair");
}

static void carry(int from, int to)
{
	char buf[sizeof(MESSAGE)];

	if (send(from, MESSAGE, sizeof(buf), 0) != sizeof(buf) ||
	    recv(to, buf, sizeof(buf), 0) != sizeof(buf))
		die("message");
}

static void use(void)
{
	unsigned int i;

	for (i = 0; i < pairs; i++) {
		carry(fds[i][0], fds[i][1]);
		carry(fds[i][1], fds[i][0]);
	}
}

static void drop(void)
{
	unsigned int i;

	for (i = 0; i < pairs; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

static void measure(int family, int type, struct books *b)
{
	read_books(&b[BEFORE]);
	make(family, type);
	read_books(&b[MADE]);
	use();
	read_books(&b[USED]);
	drop();
}

static const struct cache *find(const struct books *b, const char *name)
{
	unsigned int i;

	for (i = 0; i < b->nr_caches; i++)
		if (!strcmp(b->caches[i].name, name))
			return &b->caches[i];
	return NULL;
}

/* Bytes that @cache has grown by from step to step, per pair. */
static double growth(const struct books *b, const char *name, int from, int to)
{
	const struct cache *old = find(&b[from], name);
	const struct cache *new = find(&b[to], name);
	double n = 0;

	if (!new)
		return 0;
	n = (double)new->objects - (old ? old->objects : 0);
	return n / new->per_slab * new->slab_pages * page_size / pairs;
}

static void print_row(const char *what, double unix_value, double vunix_value)
{
	printf("  %-32s %10.0f %10.0f %+10.0f\n", what, unix_value,
	       vunix_value, vunix_value - unix_value);
}

/* Growth from step to step, per pair, of one of the sums of struct books. */
static void print_sum(const char *step, const char *what, size_t sum,
		      int from, int to)
{
	double more[FAMILIES];
	char label[64];
	int f;

	for (f = 0; f < FAMILIES; f++) {
		const char *old = (const char *)&books[f][from];
		const char *new = (const char *)&books[f][to];

		more[f] = *(const double *)(new + sum) -
			  *(const double *)(old + sum);
	}
	snprintf(label, sizeof(label), "%s: %s", step, what);
	print_row(label, more[UNIX] / pairs, more[VUNIX] / pairs);
}

static void print_books(const char *step, int from, int to)
{
	print_sum(step, "memory not available", offsetof(struct books, used),
		  from, to);
	print_sum(step, "pages in use", offsetof(struct books, pages),
		  from, to);
	print_sum(step, "slab", offsetof(struct books, slab), from, to);
}

static void print_caches(void)
{
	const struct books *u = books[UNIX], *v = books[VUNIX];
	unsigned int i, f;

	printf("  caches that grew (made and used, bytes per pair):\n");
	for (f = 0; f < FAMILIES; f++) {
		const struct books *b = &books[f][USED];

		for (i = 0; i < b->nr_caches; i++) {
			const char *name = b->caches[i].name;
			double du = growth(u, name, BEFORE, USED);
			double dv = growth(v, name, BEFORE, USED);

			/* Not twice, and not what is noise. */
			if (f == VUNIX && du >= 8)
				continue;
			if ((f == UNIX ? du : dv) >= 8)
				print_row(name, du, dv);
		}
	}
}

static bool check_type(const char *name, int type)
{
	double more, direct;
	int f;

	for (f = 0; f < FAMILIES; f++)
		measure(families[f], type, books[f]);

	printf("%s, %u pairs, bytes per pair:\n", name, pairs);
	printf("  %-32s %10s %10s %10s\n", "", "AF_UNIX", "vunix", "more");
	print_books("made", BEFORE, MADE);
	print_books("used", MADE, USED);
	print_books("together", BEFORE, USED);
	print_caches();

	/* Half a page for what the machine does meanwhile. */
	direct = books[VUNIX][USED].pages - books[VUNIX][MADE].pages;
	more = direct - (books[UNIX][USED].pages - books[UNIX][MADE].pages);
	more /= pairs * page_size;
	printf("  pages more per pair after the message: %.2f (at most %d)\n",
	       more, MAX_PAGES);
	return more <= MAX_PAGES + 0.5;
}

static bool check_objects(void)
{
	const struct cache *u, *v;
	struct books *b = &books[0][0];

	read_slabs(b);
	/* Older kernels call AF_UNIX's caches after the protocols, in capitals. */
	u = find(b, "UNIX-STREAM");
	if (!u)
		u = find(b, "UNIX");
	v = find(b, "VUNIX");
	if (!u || !v) {
		errno = ENOENT;
		die("caches of sockets (slab_nomerge?)");
	}
	printf("object of a socket: %s %u bytes, vunix %u bytes, %d more (at most %d)\n",
	       u->name, u->size, v->size, (int)(v->size - u->size), MAX_OBJECT);
	return (int)(v->size - u->size) <= MAX_OBJECT;
}

int main(int argc, char **argv)
{
	bool good;
	int opt;

	while ((opt = getopt(argc, argv, "n:")) != -1) {
		pairs = opt == 'n' ? strtoul(optarg, NULL, 0) : 0;
		if (!pairs)
			optind = argc + 1;
	}
	if (optind != argc) {
		fprintf(stderr, "usage: memory [-n PAIRS]\n");
		return 2;
	}
	page_size = sysconf(_SC_PAGESIZE);
	raise_limits();
	fds = calloc(pairs, sizeof(*fds));
	if (!fds)
		die("memory");
	memset(fds, 0xff, pairs * sizeof(*fds));

	good = check_objects();
	good &= check_type("stream", SOCK_STREAM);
	good &= check_type("datagram", SOCK_DGRAM);
	printf("%s\n", good ? "within the limits" : "OVER THE LIMITS");
	return !good;
}
