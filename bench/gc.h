/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the benchmark gc share; gc.c says what they measure.
 */
#ifndef BENCH_GC_H
#define BENCH_GC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <linux/vunix.h>

#define MAX_FDS		253		/* SCM_MAX_FD */
#define MAX_FIGURES	128
#define PATIENCE	10e9		/* ns until a leak is a leak */

enum { UNIX, VUNIX, FAMILIES };

/* gc.c: the settings */
extern const int families[FAMILIES];
extern const char *const family_name[FAMILIES];
extern unsigned int in_flight, most_freed, repeats, big_repeats;
extern bool instructions;
extern int null_fd;

void die(const char *what);
double now(void);

/* gc.c: figures of repeated measurements */
struct figures {
	unsigned int nr;
	double value[MAX_FIGURES];
};

void add(struct figures *f, double value);
double median(const struct figures *f);
void print_figures(const struct figures *f, double unit);
void target(bool reached, bool counts, const char *what, double value);

/* gc_sockets.c: sockets and messages */
void pair(int family, int *sk);
int new_socket(int family);
void send_fds(int sk, const int *fds, unsigned int n);
void recv_fds(int sk, int *fds, unsigned int n);
int make_cycle(int family);
unsigned int count_sockets(int f);
double wait_for_count(int f, unsigned int base, double patience);
int make_chain(int family, unsigned int n, int *end);

/* Sockets that only one queue holds.  Who closes its receiver drops them. */
struct holder {
	int sk[2];
	int batch[MAX_FDS];
	unsigned int nr;
};

void holder_open(struct holder *h, int family);
void holder_flush(struct holder *h);
void hold(struct holder *h, int fd);
int holder_done(struct holder *h);

/* gc_rate.c, gc_innocent.c, gc_freed.c */
void rate(void);
void innocent(void);
void freed(void);

#endif /* BENCH_GC_H */
