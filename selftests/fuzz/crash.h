/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the crash fuzzer share.
 */
#ifndef CRASH_H
#define CRASH_H

#include <sys/types.h>

#include "fuzz.h"

#define MAX_THREADS	32	/* that signals are sent to */
#define QUIET_THREADS	2	/* that get none and never sleep */
#define TALK_THREADS	6	/* that get none and wake each other */
#define HOLDERS		8	/* that get memory which comes very late */

/* Seconds until who has done nothing is taken to be stuck */
#define STILL		30
/* and who waits for memory may do nothing */
#define STILL_HOLDER	90

/* --- crash_faults.c ------------------------------------------------------- */

/* Makes allocations fail of tasks that ask for it.  Ends the process if it cannot */
void faults_arm(void);
/* This task asks for it. */
void faults_here(void);
/* How many have failed by now, of slab objects and of pages */
void faults_count(long *objects, long *pages);

/* --- crash_late.c --------------------------------------------------------- */

/*
 * 1 if there is memory that comes late in this process; once in each.  held is
 * shared: how many pages have been held back for seconds
 */
int late_init(uint64_t seed, unsigned long *held);
/* One call on fd with something of it in late memory; region: the caller's own */
void late_call(struct rng *r, int region, int fd);
/* All that is late comes at once, from now on. */
void late_end(void);

/*
 * A holder: one call after another whose memory takes seconds, on sockets of its
 * own and on those that the bystander has for all.  number: which; round: how many
 * it has done
 */
void late_hold(struct rng *r, int family, int number, int round);

/* --- crash_other.c -------------------------------------------------------- */

/* Starts the bystander, another user's process.  0, or -1 with errno */
int bystander_start(int family);
/* Is it late, or dead?  1: it is, and that is said for the first time */
int bystander_late(void);
pid_t bystander_pid(void);
/* Ends it.  0 if all it did was done in time; text: of 256, what took longest */
int bystander_end(char *text);
/* The name of a socket of datagrams (0) or a listener (1) that all may use */
socklen_t bystander_name(int which, void *addr);

/* --- crash_quiet.c -------------------------------------------------------- */

/*
 * Two processes of threads that get no signals.  The calls of some never sleep,
 * though many have the same sockets; some sleep until another one of them wakes
 * them, on sockets that several have; some wait for memory, for seconds.
 */
#define QUIET_TASKS	(QUIET_THREADS + TALK_THREADS + HOLDERS)

/* What the supervisor wants to know of a task */
struct progress {
	unsigned long	ops;
	pid_t		pid, tid;
	int		at;	/* code of the operation, NOPS: none of these */
};

/* p, counts and held are shared; p has QUIET_TASKS.  0, or -1 with errno */
int quiet_start(int family, uint64_t seed, int faults, struct progress *p,
		struct counts *counts, unsigned long *held);
/* Ends them.  How many threads, or processes, do not */
int quiet_end(void);

/* --- crash.c -------------------------------------------------------------- */

double seconds_now(void);
/* Memory that processes share which are forked from here on */
void *shared_memory(size_t size);
/* The same with a number that threads do not close; fd is closed.  -1 stays -1 */
int high_fd(int fd);
/* Changes an operation for many threads at once; never: it may not sleep, ever */
void protect(struct op *op, int never);

#endif
