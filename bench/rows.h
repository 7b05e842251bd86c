/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmarks with rows have in common: their arguments, and waiting for
 * a machine that has just booted.
 */
#ifndef ROWS_H
#define ROWS_H

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Prints @what and errno, and ends the program, which defines it. */
void die(const char *what);

/* The argument of an option. */
static inline unsigned int number(const char *text, unsigned int min,
				  unsigned int max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);

	if (end == text || *end || n < min || n > max) {
		errno = EINVAL;
		die(text);
	}
	return n;
}

/* Marks the rows whose names match one of the patterns; all if there is none. */
static inline void choose_rows(bool *chosen, unsigned int rows,
			       const char *(*name)(unsigned int row),
			       char **patterns, int nr)
{
	unsigned int r;
	bool any;
	int i;

	for (r = 0; !nr && r < rows; r++)
		chosen[r] = true;
	for (i = 0; i < nr; i++) {
		any = false;
		for (r = 0; r < rows; r++) {
			if (fnmatch(patterns[i], name(r), 0))
				continue;
			chosen[r] = true;
			any = true;
		}
		if (!any) {
			errno = ENOENT;
			die(patterns[i]);
		}
	}
}

static inline void list_rows(unsigned int rows,
			     const char *(*name)(unsigned int row))
{
	unsigned int r;

	for (r = 0; r < rows; r++)
		puts(name(r));
	exit(0);
}

static inline double clock_now(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		die("clock_gettime");
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static inline double idle_seconds(void)
{
	FILE *f = fopen("/proc/uptime", "r");
	double idle;

	if (!f || fscanf(f, "%*f %lf", &idle) != 1)
		die("/proc/uptime");
	fclose(f);
	return idle;
}

/*
 * Kernels test their ciphers for seconds after init has been started.  False if
 * the machine has had other things to do for half a minute.
 */
static inline bool wait_until_idle(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	double idle, start;
	int tries;

	for (tries = 0; tries < 60; tries++) {
		idle = idle_seconds();
		start = clock_now(CLOCK_MONOTONIC);
		usleep(500000);
		idle = (idle_seconds() - idle) / cpus;
		if (idle > 0.9 * (clock_now(CLOCK_MONOTONIC) - start) / 1e9)
			return true;
	}
	return false;
}

#endif
