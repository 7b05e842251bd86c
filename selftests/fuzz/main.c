// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz - random programs on two families, side by side
 *
 *   fuzz diff [-n OPERATIONS] [-s SEED] [-t SECONDS] [-f A,B] [-o DIR] [-m MAX]
 *   fuzz replay [-f A,B] FILE...
 *   fuzz print [-s SEED | FILE]
 *   fuzz show [-f FAMILY] FILE
 *   fuzz crash [-s SEED] [-t SECONDS] [-j THREADS] [-f FAMILY] [-F]
 *
 * Where KCOV is, diff makes half of its programs from those that have reached
 * something new (cover.c).
 *
 * diff ends 0 if there was no difference and everything has been done often
 * enough; it leaves minimised programs in DIR.  replay runs kept ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <linux/vunix.h>

#include "fuzz.h"

static struct pair fam = { { AF_UNIX, AF_VUNIX } };
static struct counts total;
static struct trace t[2];
static const char *where;	/* the folder that programs run in */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void tidy(void)
{
	static const char * const files[] = { "f0", "l0", "l1" };
	char path[112];
	unsigned int i;

	if (!where)
		return;
	for (i = 0; i < 3; i++)
		unlink(files[i]);
	rmdir("d0");
	for (i = 0; i < NFILES; i++) {
		sprintf(path, "p%d", i);
		unlink(path);
	}
	if (!chdir("/"))
		rmdir(where);
}

static void find_kernel(void)
{
	struct utsname u;
	int a, b;

	uname(&u);
	if (sscanf(u.release, "%d.%d", &a, &b) == 2)
		running_kernel = KERNEL(a, b);
}

static void init(void)
{
	static char dir[256];

	find_kernel();
	sprintf(dir, "%.200s/vunix-fuzz.XXXXXX", getenv("TMPDIR") ?: "/tmp");
	where = mkdtemp(dir);
	if (!where) {
		perror(dir);
		exit(2);
	}
	atexit(tidy);
	/* Before there are tasks that ask */
	cover_init();
	execute_init(where);
}

static int usage(void)
{
	fprintf(stderr, "usage: fuzz diff [-n N] [-s SEED] [-t SECONDS] [-f A,B]\n"
		"                 [-o DIR] [-m MAX]\n"
		"       fuzz replay [-f A,B] FILE...\n"
		"       fuzz print [-s SEED | FILE]\n"
		"       fuzz show [-f FAMILY] FILE\n"
		"       fuzz crash [-s SEED] [-t SECONDS] [-j THREADS] [-f FAMILY] [-F]\n");
	return 2;
}

/* Programs have numbers, each its own chances. */
static void seed_rng(struct rng *r, uint64_t number)
{
	r->s = number * 0xd1342543de82ef95;
}

/* What has been done how often: 0 if enough */
static int figures(unsigned long *ops, double *good)
{
	static const char * const types[] = { "stream", "dgram", "seqpacket" };
	unsigned long n = 0, ok = 0, all, fine, k;
	int op, type, few = 0;

	printf("# %-12s %21s %21s %21s %11s\n", "operation", "stream", "dgram",
	       "seqpacket", "no socket");
	for (op = 0; op < NOPS; op++) {
		all = 0;
		fine = 0;
		for (type = 0; type < NTYPES; type++) {
			all += total.ops[op][type];
			fine += total.good[op][type];
		}
		n += all;
		ok += fine;
		if (!all)
			continue;
		printf("# %-12s", op_info[op].name);
		for (type = 0; type < NTYPES; type++) {
			k = total.ops[op][type];
			printf(" %11lu", k);
			if (type < SLOT_OTHER)
				printf(" (%5.1f%%)",
				       k ? 100.0 * total.good[op][type] / k : 0);
		}
		printf("\n");
	}
	/* Which pairs there are, the arguments say: those with a socket. */
	for (op = 0; op < NOPS; op++) {
		if (!strchr(op_info[op].args, 's') && op != OP_SOCKET &&
		    op != OP_PAIR)
			continue;
		for (type = 0; type < SLOT_OTHER; type++) {
			if (total.ops[op][type] >= 1000)
				continue;
			few++;
			printf("# seldom: %s of %s, %lu\n", op_info[op].name,
			       types[type], total.ops[op][type]);
		}
	}
	*ops = n;
	*good = n ? 100.0 * ok / n : 0;
	return few;
}

static int read_file(const char *name, struct program *p)
{
	FILE *f = fopen(name, "r");
	int line = 0;

	if (!f || program_read(f, p, &line) < 0) {
		fprintf(stderr, "%s:%d: cannot read this\n", name, line);
		if (f)
			fclose(f);
		return -1;
	}
	fclose(f);
	return 0;
}

static void report(FILE *f, const struct program *p,
		   const struct difference *d, uint64_t seed)
{
	fprintf(f, "# %s\n# program %llu\n", d->text,
		(unsigned long long)seed);
	program_write(f, p);
}

/* Two differences are kept of each operation and kind of record. */
static int is_new(const struct difference *d, const struct program *p)
{
	static unsigned char seen[NOPS][NTAGS];
	unsigned char *s = &seen[p->op[d->op].code][d->tag];

	return !(*s)++ || *s < 3;
}

/* What diff has seen */
static struct {
	unsigned long	programs, unstable;
	unsigned long	*hits;		/* of each known difference */
	int		found;
} tally;

/* Do two traces differ, each time, in a way that is not known? */
static int is_difference(const struct program *p, uint64_t number,
			 struct difference *d)
{
	struct difference first;

	if (!compare(p, &t[0], &t[1], d))
		return 0;
	first = *d;
	if (d->known < 0 && !differs(p, &fam, d)) {
		tally.unstable++;
		if (getenv("FUZZ_UNSTABLE")) {
			printf("unstable: ");
			report(stdout, p, &first, number);
			fflush(stdout);
		}
		return 0;
	}
	if (d->known >= 0) {
		tally.hits[d->known]++;
		return 0;
	}
	tally.found++;
	return 1;
}

/* Makes it small, shows it, and leaves it in a folder, if any */
static void keep(const struct program *p, uint64_t number, struct difference *d,
		 const char *dir)
{
	struct program small = *p;
	char name[512];
	FILE *f;

	shrink(&small, &fam, d);
	printf("DIFFERENCE %d: ", tally.found);
	report(stdout, &small, d, number);
	print_c(stdout, &small, d->text, 0);
	fflush(stdout);
	if (!dir)
		return;
	sprintf(name, "%.400s/%s-%llu", dir,
		op_info[small.op[d->op].code].name, (unsigned long long)number);
	f = fopen(name, "w");
	if (f) {
		report(f, &small, d, number);
		fclose(f);
	}
}

static int sum_up(uint64_t seed, double seconds)
{
	unsigned long done, known = 0;
	int few, k;
	double good;

	few = figures(&done, &good);
	for (k = 0; k < known_count(); k++) {
		printf("# known: %lu programs: %s\n", tally.hits[k],
		       known_text(k));
		known += tally.hits[k];
	}
	if (cover_found())
		printf("# coverage: %lu steps, %d programs that reached new ones\n",
		       cover_found(), cover_pooled());
	/* The bar is for ten million: fewer cannot reach everything often. */
	if (done < 9000000)
		few = 0;
	printf("fuzz: seed %llu, %lu programs, %lu operations, %.0f/s, %.1f%% successful, %d pairs below 1000, %lu ended at a known difference, %lu unstable, %d differences\n",
	       (unsigned long long)seed, tally.programs, done, done / seconds,
	       good, few, known, tally.unstable, tally.found);
	/* One of them says nothing of how many there are. */
	return tally.found || few || good < 60 ||
	       tally.unstable > 1 + tally.programs / 1000 || !tally.programs;
}

static int diff(uint64_t seed, unsigned long ops, int seconds, const char *dir,
		int max)
{
	const char *progress = getenv("FUZZ_PROGRESS");
	unsigned long done = 0, before, i;
	double start = now();
	struct difference d;
	struct program p;
	uint64_t number;
	struct rng rng;

	tally.hits = calloc(known_count(), sizeof(*tally.hits));
	for (i = 0; tally.found < max && (ops ? done < ops : 1); i++) {
		if (seconds && now() - start > seconds)
			break;
		/* Any of them can be made alone. */
		number = seed + i;
		seed_rng(&rng, number);
		/* If it is the kernel that hangs, nobody else can tell. */
		if (progress && !(i % 256)) {
			printf("# program %llu\n", (unsigned long long)number);
			fflush(stdout);
		}
		if (!cover_mutate(&rng, &p))
			generate(&rng, &p);
		execute(&p, fam.family[0], &t[0], NULL);
		before = cover_found();
		execute(&p, fam.family[1], &t[1], &total);
		if (cover_found() > before)
			cover_keep(&rng, &p);
		tally.programs++;
		done += p.n;
		if (t[0].over || t[1].over) {
			fprintf(stderr, "trace too short: program %llu\n",
				(unsigned long long)number);
			exit(2);
		}
		if (is_difference(&p, number, &d) && is_new(&d, &p))
			keep(&p, number, &d, dir);
	}
	return sum_up(seed, now() - start);
}

/*
 * Where a kept program ends, as a line of its file says:
 *
 *	# known: none
 *	# known [before KERNEL]: TEXT		at that entry of the table
 *	# perhaps [before KERNEL]: TEXT		there or nowhere
 *
 * On the kernel named and on newer ones, nowhere.
 */
struct expected {
	int	entry;		/* of the table, -1: none */
	int	must;
};

/* A line of that kind.  1: it is one, -1: but it cannot be understood */
static int read_expected(const char *line, struct expected *e)
{
	int a, b, may = !strncmp(line, "# perhaps", 9);
	const char *text;

	if (!may && strncmp(line, "# known", 7))
		return 0;
	text = strstr(line, ": ");
	if (!text)
		return -1;
	e->must = !may;
	e->entry = known_number(text + 2);
	if (e->entry < 0)
		return strcmp(text + 2, "none") || may ? -1 : 1;
	line += may ? 9 : 7;
	if (line == text)
		return 1;
	if (sscanf(line, " before %d.%d:", &a, &b) != 2)
		return -1;
	if (running_kernel >= KERNEL(a, b))
		e->entry = -1;
	return 1;
}

/* Of a file: there has to be one. */
static int find_expected(const char *name, struct expected *e)
{
	FILE *f = fopen(name, "r");
	int found = 0, ret;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		ret = read_expected(line, e);
		/* One that cannot be understood is one too many. */
		found += ret < 0 ? 2 : ret;
	}
	if (f)
		fclose(f);
	return found == 1 ? 0 : -1;
}

/* Runs a kept program.  1: as expected; *entry: where it has ended */
static int replay_one(const char *name, int *entry)
{
	struct expected e = { .entry = -1 };
	struct difference d;
	struct program p;

	*entry = -1;
	if (read_file(name, &p) < 0)
		return 0;
	if (find_expected(name, &e) < 0) {
		printf("not ok %s: does not say where it ends\n", name);
		return 0;
	}
	execute(&p, fam.family[0], &t[0], NULL);
	execute(&p, fam.family[1], &t[1], &total);
	if (compare(&p, &t[0], &t[1], &d) &&
	    (d.known >= 0 || differs(&p, &fam, &d))) {
		*entry = d.known;
		if (d.known < 0) {
			printf("not ok %s: %s\n", name, d.text);
			return 0;
		}
	}
	/* AF_UNIX beside itself has no differences to end at. */
	if (fam.family[0] == fam.family[1])
		e.must = 0;
	if (*entry == e.entry || (*entry < 0 && !e.must))
		return 1;
	printf("not ok %s: ends at \"%s\", not at \"%s\"\n", name,
	       *entry < 0 ? "none" : known_text(*entry),
	       e.entry < 0 ? "none" : known_text(e.entry));
	return 0;
}

static int replay(int n, char **files)
{
	int i, entry, bad = 0, ended = 0;

	for (i = 0; i < n; i++) {
		bad += !replay_one(files[i], &entry);
		ended += entry >= 0;
	}
	printf("replay: %d programs, %d ended at a known difference, %d not as they should\n",
	       n, ended, bad);
	return bad || !n;
}

static int show(const char *file)
{
	struct program p;
	unsigned int pos = 0;
	struct entry e;

	if (read_file(file, &p) < 0)
		return 2;
	execute(&p, fam.family[0], &t[0], NULL);
	while (rec_next(&t[0], &pos, &e)) {
		printf(e.tag == T_OP ? "" : "    ");
		rec_show(stdout, &e);
		if (e.tag == T_OP) {
			long long i;

			memcpy(&i, e.p, sizeof(i));
			printf(": %s", op_info[p.op[i].code].name);
		}
		printf("\n");
	}
	return 0;
}

/* Paths are of the folder we were called in, which we leave. */
static int replay_all(int argc, char **argv)
{
	char *cwd = getcwd(NULL, 0), *path;
	int i;

	for (i = 0; i < argc; i++) {
		if (argv[i][0] == '/' || !cwd)
			continue;
		if (asprintf(&path, "%s/%s", cwd, argv[i]) > 0)
			argv[i] = path;
	}
	init();
	execute_in_order();
	return replay(argc, argv);
}

static int print(const char *file, uint64_t number)
{
	struct program p;
	char name[64];
	struct rng rng;

	if (file) {
		if (read_file(file, &p) < 0)
			return 2;
	} else {
		find_kernel();
		seed_rng(&rng, number);
		generate(&rng, &p);
		sprintf(name, "program %llu", (unsigned long long)number);
	}
	print_c(stdout, &p, file ?: name, 1);
	return 0;
}

/* What comes behind the mode */
static struct {
	uint64_t	seed;
	int		seconds, threads, faults, max;
	unsigned long	ops;
	const char	*dir;
} options = { .threads = 8, .max = 20 };

static int read_options(int argc, char **argv)
{
	int opt;

	options.seed = time(NULL);
	while ((opt = getopt(argc, argv, "n:s:t:f:o:j:m:F")) != -1) {
		switch (opt) {
		case 'n':
			options.ops = strtoul(optarg, NULL, 0);
			break;
		case 's':
			options.seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			options.seconds = atoi(optarg);
			break;
		case 'f':
			fam.family[0] = atoi(optarg);
			fam.family[1] = strchr(optarg, ',') ?
				atoi(strchr(optarg, ',') + 1) : fam.family[0];
			break;
		case 'o':
			options.dir = optarg;
			break;
		case 'j':
			options.threads = atoi(optarg);
			break;
		case 'm':
			options.max = atoi(optarg);
			break;
		case 'F':
			options.faults = 1;
			break;
		default:
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode;
	char *path;

	if (argc < 2)
		return usage();
	mode = argv[1];
	if (read_options(--argc, ++argv) < 0)
		return usage();
	argc -= optind;
	argv += optind;
	if (!strcmp(mode, "print") && argc <= 1)
		return print(argv[0], options.seed);
	if (!strcmp(mode, "replay") && argc)
		return replay_all(argc, argv);
	if (!strcmp(mode, "show") && argc == 1) {
		path = realpath(argv[0], NULL);
		init();
		execute_in_order();
		return show(path ?: argv[0]);
	}
	if (!strcmp(mode, "diff") && !argc) {
		path = options.dir ? realpath(options.dir, NULL) : NULL;
		if (!options.ops && !options.seconds)
			options.ops = 1000000;
		if (options.dir && !path) {
			perror(options.dir);
			return 2;
		}
		init();
		execute_in_order();
		return diff(options.seed, options.ops, options.seconds, path,
			    options.max);
	}
	if (!strcmp(mode, "crash") && !argc) {
		init();
		return crash_main(fam.family[0] == AF_UNIX ? fam.family[1] :
				  fam.family[0], options.seed, options.threads,
				  options.seconds ?: 60, options.faults);
	}
	return usage();
}
