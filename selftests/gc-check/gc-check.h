/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all parts of gc-check share: random numbers that can be repeated,
 * and how a failure is told.  See gc-check.c.
 */
#ifndef GC_CHECK_H
#define GC_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

extern unsigned long long random_state;
extern bool verbose;

/* splitmix64 */
static inline unsigned long long random64(void)
{
	unsigned long long z = random_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline unsigned int below(unsigned int n)
{
	return ((random64() >> 32) * n) >> 32;
}

static inline bool one_in(unsigned int n)
{
	return !below(n);
}

/* gc-check.c: says what is wrong and how to repeat it, and exits */
void fail(const char *what);

/* graphs.c */
void graphs_check_one(unsigned long long number);
void graphs_report(void);

/* schedules.c */
void schedules_check_one(void);
void schedules_report(void);

/* world.c */
bool world_mutate(const char *name);
void world_list_mutations(void);

#endif /* GC_CHECK_H */
