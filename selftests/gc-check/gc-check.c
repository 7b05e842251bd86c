// SPDX-License-Identifier: GPL-2.0
/*
 * gc-check - is what the collector's search finds what nobody can reach?
 *
 * ../../vunix_gc_core.c is compiled into this program as it is, and gets two
 * kinds of work:
 *
 * graphs.c     random graphs of sockets at rest.  What is left after collecting
 *              must be what a plain fixed point over the graph can reach from
 *              outside: all garbage found, nothing else.
 * schedules.c  small graphs which simulated tasks (calls.c) change while the
 *              search reads them, between any two of its reads.  What the search
 *              returns must be unreachable at that moment and ever after; all
 *              garbage must be gone when the tasks have come to rest.
 *
 * A check that cannot fail proves nothing.  So there are mutations: the
 * simulated kernel doing one thing wrong (-m NAME), and copies of the core with
 * one thing changed (mutants).  Each of them must make this program fail.
 *
 * Usage: gc-check [-s SEED] [-g GRAPHS] [-r SCHEDULES] [-f FIRST]
 *                 [-m MUTATION] [-q] [-v]
 *
 *   -f   number of the first graph and schedule: each depends on the seed and
 *        its number only, so one that failed can be repeated alone
 *   -q   no figures
 *   -v   tell each step of the simulated tasks and of the search
 *   -m   simulate a kernel that does something wrong; "list" lists what
 *
 * Exit status: 0 nothing wrong, 1 something is, 2 called wrongly.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "gc-check.h"

unsigned long long random_state;
bool verbose;

static unsigned long long seed, number;
static const char *part, *mutation;

void fail(const char *what)
{
	printf("gc-check: %s %llu: %s\n", part, number, what);
	printf("gc-check: repeat with -s %llu -f %llu %s%s%s\n", seed, number,
	       !strcmp(part, "graph") ? "-g 1 -r 0" : "-g 0 -r 1 -v",
	       mutation ? " -m " : "", mutation ? mutation : "");
	exit(1);
}

/* Graph or schedule @i has random numbers of its own. */
static void begin(const char *what, unsigned long long i)
{
	part = what;
	number = i;
	random_state = seed ^ (*what == 'g' ? 0 : 0x5bf0363546d01b2cULL);
	random_state = random64() + i;
	random_state = random64();
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int usage(void)
{
	fputs("gc-check [-s SEED] [-g GRAPHS] [-r SCHEDULES] [-f FIRST]\n", stderr);
	fputs("         [-m MUTATION|list] [-q] [-v]\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	unsigned long long graphs = 10000000, races = 4000000, first = 0, i;
	bool quiet = false;
	double start;
	int opt;

	seed = (unsigned long long)time(NULL) << 20 ^ getpid();
	while ((opt = getopt(argc, argv, "s:g:r:f:m:qv")) != -1) {
		switch (opt) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'g':
			graphs = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			races = strtoull(optarg, NULL, 0);
			break;
		case 'f':
			first = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			mutation = optarg;
			if (!strcmp(mutation, "list")) {
				world_list_mutations();
				return 0;
			}
			if (!world_mutate(mutation))
				return usage();
			break;
		case 'q':
			quiet = true;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return usage();
		}
	}
	if (optind < argc)
		return usage();

	/* At once, whatever becomes of the rest. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!quiet)
		printf("seed %llu\n", seed);
	start = now();
	for (i = 0; i < graphs; i++) {
		begin("graph", first + i);
		graphs_check_one(first + i);
	}
	if (graphs && !quiet) {
		graphs_report();
		printf("graphs: %.1f s\n", now() - start);
	}
	start = now();
	for (i = 0; i < races; i++) {
		begin("schedule", first + i);
		schedules_check_one();
	}
	if (races && !quiet) {
		schedules_report();
		printf("schedules: %.1f s\n", now() - start);
	}
	if (!quiet)
		printf("ok: %llu graphs, %llu schedules, seed %llu\n", graphs,
		       races, seed);
	return 0;
}
