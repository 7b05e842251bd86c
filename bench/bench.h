/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the benchmark share; bench.c says what they measure.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { UNIX, PIPE, TCP, VUNIX, TRANSPORTS };

/* Sets of transports: what a row can be measured with. */
#define HAS(t)		(1u << (t))
#define FAMILIES	(HAS(UNIX) | HAS(VUNIX))
#define SOCKETS		(FAMILIES | HAS(TCP))
#define STREAMS		(SOCKETS | HAS(PIPE))

#define FIGURES		2
#define MAX_PROCESSES	512
#define MAX_SIZE	1048576

/* How a side of a round trip learns that something has come. */
enum { BLOCKING, POLL, EPOLL_LEVEL, EPOLL_EDGE, BUSY };

/**
 * struct row - something to measure, with every transport that has it
 * @name: what the table calls it
 * @measure: does so for about window() nanoseconds: a figure for each unit
 * @units: of its figures; NULL: only one.  Nanoseconds are the better the
 *	fewer they are, anything else the more.
 * @x: what it is done with, in turn, up to a 0: sizes, senders, ...;
 *	NULL: nothing of the kind
 * @transports: that have it
 * @type: SOCK_*
 * @two_cpus: the two sides have a processor each
 * @wait: how they wait
 * @splice: splice() instead of sendfile()
 * @shared: senders share a socket
 * @path: names are in the file system, not abstract
 * @times: the usual time that a measurement takes; 0: once
 */
struct row {
	const char *name;
	void (*measure)(const struct row *row, unsigned int x, int transport,
			double *figures);
	const char *units[FIGURES];
	const unsigned int *x;
	unsigned int transports;
	int type;
	int wait;
	unsigned int two_cpus:1;
	unsigned int splice:1;
	unsigned int shared:1;
	unsigned int path:1;
	unsigned int times;
};

struct ends {
	int wr;
	int rd;
};

/**
 * struct shared - what processes tell each other
 * @stop: those that send have to end
 * @side: what each of them has done
 */
struct shared {
	bool stop;
	struct {
		double begin;
		double end;
		unsigned long nr;
	} side[MAX_PROCESSES];
};

/**
 * struct crew - processes that begin together
 * @start: a pipe with a byte for each, as soon as all are ready
 * @ready: a pipe with a byte of each that is
 */
struct crew {
	int start[2];
	int ready[2];
	unsigned int nr;
	pid_t pid[MAX_PROCESSES];
};

/* A loop that ends when its time is over, asking for the time now and then. */
struct laps {
	double begin;
	double time;
	double taken;
	unsigned long nr;
	unsigned long until;
};

/* bench.c */
extern int families[TRANSPORTS];
extern char directory[];
extern struct shared *shared;
extern unsigned int nr_cpus;

void die(const char *what);
double now(void);
double window(const struct row *row);
void use_cpu(unsigned int nr);
void use_all_cpus(void);

/* bench_ends.c: connected ends, and processes to use them */
extern char out[MAX_SIZE], in[MAX_SIZE];

bool try_ends(struct ends *ends, int type, int transport);
void open_ends(struct ends *ends, int type, int transport);
void close_ends(const struct ends *ends);
int listen_tcp(struct sockaddr *name, socklen_t *len);
void set_nodelay(int sk);
void set_nonblocking(int fd);
void touch(void);
void put(int fd, size_t size);
void put_end(int fd, int type);

void crew_init(struct crew *crew);
bool crew_fork(struct crew *crew);
void crew_begin(const struct crew *crew);
void crew_start(const struct crew *crew);
void crew_wait(struct crew *crew);
void crew_kill(struct crew *crew);

void laps_begin(struct laps *laps, double time);
bool laps_check(struct laps *laps);

static inline bool laps_more(struct laps *laps)
{
	if (laps->nr == laps->until && !laps_check(laps))
		return false;
	laps->nr++;
	return true;
}

/* In a second. */
static inline double laps_rate(const struct laps *laps)
{
	return laps->nr / laps->taken * 1e9;
}

static inline bool stopped(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

static inline void stop(void)
{
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
}

/* bench_message.c: bytes and messages, one way */
void one_process(const struct row *row, unsigned int size, int transport,
		 double *figures);
void one_way(const struct row *row, unsigned int size, int transport,
	     double *figures);
void from_file(const struct row *row, unsigned int size, int transport,
	       double *figures);
void batches(const struct row *row, unsigned int nr, int transport,
	     double *figures);

/* bench_many.c: more processes than two */
void many_to_one(const struct row *row, unsigned int senders, int transport,
		 double *figures);
void pairs_on_cpus(const struct row *row, unsigned int cpus, int transport,
		   double *figures);
void creation_on_cpus(const struct row *row, unsigned int cpus, int transport,
		      double *figures);
void hackbench(const struct row *row, unsigned int groups, int transport,
	       double *figures);

/* bench_trip.c: there and back */
void round_trip(const struct row *row, unsigned int size, int transport,
		double *figures);

/* bench_socket.c: sockets that come and go, and descriptors in messages */
void create_pair(int transport);
void pair_close(const struct row *row, unsigned int x, int transport,
		double *figures);
void bind_close(const struct row *row, unsigned int x, int transport,
		double *figures);
void connect_close(const struct row *row, unsigned int x, int transport,
		   double *figures);
void pass_files(const struct row *row, unsigned int nr, int transport,
		double *figures);

#endif /* BENCH_H */
