/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the benchmark cost share; cost.c says what they measure.
 */
#ifndef BENCH_COST_H
#define BENCH_COST_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

enum { UNIX, PIPE, VUNIX, TRANSPORTS };

/**
 * struct row - an operation, measured with every transport that has it
 * @name: what the table calls it
 * @measure: carries it out @ops times; returns the cost of one, or of one
 *	message where it has several
 * @type: SOCK_*
 * @size: bytes of a message
 * @nr: writes before a read, senders, or descriptors in a message
 * @ops: how often, 0: as often as the budget of a measurement allows
 * @pipe: a pipe can do it, too
 * @path: names are in the file system, not abstract
 * @floor: how many times cheaper than AF_UNIX it must be, 0: whatever it is
 * @floor_pipe: than a pipe
 * @kept: how many times cheaper than AF_UNIX it was, on Linux 6.1
 * @goal: how many times cheaper than AF_UNIX it ought to be, 0: none set
 * @goal_pipe: than a pipe
 */
struct row {
	const char *name;
	double (*measure)(const struct row *row, int transport,
			  unsigned int ops);
	int type;
	unsigned int size;
	unsigned int nr;
	unsigned int ops;
	unsigned int pipe:1;
	unsigned int path:1;
	unsigned int busy:1;
	double floor;
	double floor_pipe;
	double kept;
	double goal;
	double goal_pipe;
};

/* cost.c */
extern int families[TRANSPORTS];
extern int null_fd;
extern char directory[];

void die(const char *what);
void window_open(void);
double window_close(void);

/* cost_message.c: bytes from one end to the other */
double one_process(const struct row *row, int transport, unsigned int ops);
double writers(const struct row *row, int transport, unsigned int ops);
double own_sockets(const struct row *row, int transport, unsigned int ops);
double ping_pong(const struct row *row, int transport, unsigned int ops);

/* cost_socket.c: sockets that come and go, and descriptors in messages */
double pair_close(const struct row *row, int transport, unsigned int ops);
double bind_close(const struct row *row, int transport, unsigned int ops);
double connect_close(const struct row *row, int transport, unsigned int ops);
double pass_files(const struct row *row, int transport, unsigned int ops);
double pass_sockets(const struct row *row, int transport, unsigned int ops);

#endif /* BENCH_COST_H */
