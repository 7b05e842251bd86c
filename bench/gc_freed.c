// SPDX-License-Identifier: GPL-2.0
/*
 * Time from the last close until nothing is left.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "gc.h"

#define GROUP		8		/* sockets of a random graph */
#define EDGES		14
#define UNMADE		(instructions ? 3e9 : 30e9)	/* ns for AF_UNIX */
#define SOON		1e9		/* target */

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

/*
 * AF_UNIX's senders wait for searches when much is in flight, so some shapes
 * take it hours to get there.
 */
static double deadline;

static bool is_late(void)
{
	return now() > deadline;
}

/* Each returns the descriptor whose close is the last. */

static int make_ring(int family, unsigned int n)
{
	int end, first = make_chain(family, n, &end);

	send_fds(end, &first, 1);
	close(end);
	return first;
}

static int make_nested(int family, unsigned int n)
{
	int end, first = make_chain(family, n, &end);

	close(end);
	return first;
}

static int make_pairs(int family, unsigned int n)
{
	struct holder h;
	unsigned int i;
	int sk[2];

	holder_open(&h, family);
	for (i = 0; i < n && !is_late(); i += 2) {
		pair(family, sk);
		send_fds(sk[0], &sk[0], 1);
		send_fds(sk[1], &sk[1], 1);
		hold(&h, sk[0]);
		/* It is queued, so this is no release, and no search follows. */
		close(sk[1]);
	}
	return holder_done(&h);
}

static int make_graphs(int family, unsigned int n)
{
	struct holder h;
	unsigned int i, j;
	int sk[GROUP];

	holder_open(&h, family);
	for (i = 0; i < n && !is_late(); i += GROUP) {
		for (j = 0; j < GROUP; j += 2)
			pair(family, &sk[j]);
		for (j = 0; j < EDGES; j++)
			send_fds(sk[random_below(GROUP)],
				 &sk[random_below(GROUP)], 1);
		for (j = 0; j < GROUP; j++)
			hold(&h, sk[j]);
	}
	return holder_done(&h);
}

static const struct shape {
	const char *name;
	int (*make)(int family, unsigned int n);
} shapes[] = {
	{ "ring", make_ring },
	{ "pairs", make_pairs },
	{ "chain", make_nested },
	{ "random", make_graphs },
};

#define SHAPES	4

struct freed {
	struct figures time;
	unsigned int left;
	bool unmade;
};

static void measure_freed(const struct shape *shape, int f, unsigned int n,
			  struct freed *freed)
{
	unsigned int base = count_sockets(f), left;
	double start;
	int last;

	/* Once it has leaked, it will again. */
	if (freed->left || freed->unmade)
		return;
	deadline = f == UNIX ? now() + UNMADE : INFINITY;
	last = shape->make(families[f], n);
	if (count_sockets(f) < base + n) {
		freed->unmade = true;
		close(last);
		wait_for_count(f, base, PATIENCE);
		return;
	}
	start = now();
	close(last);
	if (wait_for_count(f, base, PATIENCE) >= 0) {
		add(&freed->time, now() - start);
		return;
	}
	close(new_socket(families[f]));
	wait_for_count(f, base, 1e9);
	left = count_sockets(f) - base;
	freed->left = left;
	if (!left)
		add(&freed->time, now() - start);
}

static void print_freed(const struct freed *freed)
{
	if (freed->time.nr)
		print_figures(&freed->time, 1e6);
	else
		printf(" %8s %-17s", freed->unmade ? "unmade" : "never", "");
	printf(" %6u", freed->left);
}

static void compare_freed(const struct shape *shape, unsigned int n,
			  double *slowest, unsigned int *left)
{
	struct freed freed[FAMILIES] = { 0 };
	unsigned int big = instructions ? 10000 : 100000;
	unsigned int r, f, nr = n >= big ? big_repeats : repeats;
	double time;

	for (r = 0; r < nr; r++)
		for (f = 0; f < FAMILIES; f++) {
			seed = 2026 + r;
			measure_freed(shape, f, n, &freed[f]);
		}
	printf("%-7s %7u %3u", shape->name, n, nr);
	for (f = 0; f < FAMILIES; f++)
		print_freed(&freed[f]);
	time = median(&freed[VUNIX].time);
	if (freed[UNIX].time.nr && time)
		printf(" %6.2f", median(&freed[UNIX].time) / time);
	printf("\n");
	fflush(stdout);

	if (freed[VUNIX].time.nr && time > *slowest)
		*slowest = time;
	*left += freed[VUNIX].unmade ? n : freed[VUNIX].left;
}

void freed(void)
{
	unsigned int i, n, left = 0;
	double slowest = 0;

	printf("\n== freed: ms from the last close; what is left after 10 s\n"
	       "unmade: not there after %.0f s, for searches are in the way\n",
	       UNMADE / 1e9);
	printf("%-19s %-33s %-33s %6s\n%-7s %7s %3s", "", "AF_UNIX", "vunix",
	       "A : v", "shape", "sockets", "x");
	for (i = 0; i < FAMILIES; i++)
		printf(" %8s %-17s %6s", "ms", "", "left");
	printf("\n");
	/* Random ones last: what AF_UNIX leaks is in the way ever after. */
	for (i = 0; i < SHAPES; i++)
		for (n = 1000; n <= most_freed; n *= 10)
			compare_freed(&shapes[i], n, &slowest, &left);
	target(!left, true, "vunix: sockets that were never freed", left);
	target(slowest <= SOON, instructions,
	       instructions ? "vunix: all freed within 10^9 instructions" :
			      "vunix: all freed within a second",
	       slowest / 1e9);
}
