// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes from one end to the other, in one process and between several that
 * share a processor.  All transports are used alike: with read() and write().
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "cost.h"

#define MAX_SIZE	65536
#define MAX_SENDERS	16
#define WARM_UP		32	/* operations of one process */
#define WARM_UP_EACH	4	/* messages of each sender, fit everywhere */

struct ends {
	int wr;
	int rd;
};

/* Touched before it counts, so that no page of it is missing. */
static char out[MAX_SIZE] = { 1 }, in[MAX_SIZE] = { 1 };

static void open_ends(struct ends *ends, const struct row *row, int transport)
{
	int fd[2];

	if (transport == PIPE) {
		if (pipe(fd))
			die("pipe");
	} else if (socketpair(families[transport], row->type, 0, fd)) {
		die("socketpair");
	}
	ends->rd = fd[0];
	ends->wr = fd[1];
	memset(out, 1, sizeof(out));
	memset(in, 1, sizeof(in));
}

static void close_ends(const struct ends *ends)
{
	close(ends->rd);
	close(ends->wr);
}

/* A short count would be cheap, and measure something else. */
static void put(int fd, size_t size)
{
	ssize_t n = write(fd, out, size);

	if (n != (ssize_t)size) {
		if (n >= 0)
			errno = EMSGSIZE;
		die("write");
	}
}

static void get(int fd, size_t size)
{
	ssize_t n = read(fd, in, size);

	if (n != (ssize_t)size) {
		if (n >= 0)
			errno = EMSGSIZE;
		die("read");
	}
}

static void burst(const struct row *row, const struct ends *ends)
{
	unsigned int i;

	for (i = 0; i < row->nr; i++)
		put(ends->wr, row->size);
	get(ends->rd, row->nr * row->size);
}

/* Nobody ever sleeps, or is woken. */
double one_process(const struct row *row, int transport, unsigned int ops)
{
	struct ends ends;
	unsigned int i;
	double cost;

	open_ends(&ends, row, transport);
	for (i = 0; i < WARM_UP; i++)
		burst(row, &ends);
	window_open();
	for (i = 0; i < ops; i++)
		burst(row, &ends);
	cost = window_close();
	close_ends(&ends);
	return cost / ops / row->nr;
}

/*
 * Between processes all of N messages are counted, from an empty queue to an
 * empty queue; N is some times what fits in.  Senders do not end while it
 * counts.
 */
struct senders {
	int start[2];
	unsigned int nr;
	pid_t pid[MAX_SENDERS];
};

static void wait_for_start(const struct senders *s)
{
	char byte;

	if (read(s->start[0], &byte, 1) != 1)
		die("start");
}

static pid_t make_process(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void send_messages(const struct senders *s, const struct row *row,
			  int fd, unsigned int ops)
{
	unsigned int i;

	for (i = 0; i < WARM_UP_EACH; i++)
		put(fd, row->size);
	wait_for_start(s);
	for (i = 0; i < ops; i++)
		put(fd, row->size);
	for (;;)
		pause();
}

static void senders_init(struct senders *s)
{
	s->nr = 0;
	if (pipe(s->start))
		die("pipe");
}

static void senders_start(const struct senders *s)
{
	if (write(s->start[1], out, s->nr) != (ssize_t)s->nr)
		die("start");
}

static void senders_exit(struct senders *s)
{
	while (s->nr--) {
		kill(s->pid[s->nr], SIGKILL);
		if (waitpid(s->pid[s->nr], NULL, 0) < 0)
			die("waitpid");
	}
	close(s->start[0]);
	close(s->start[1]);
}

static double receive_all(struct senders *s, const struct row *row, int fd,
			  unsigned int ops)
{
	unsigned int i;
	double cost;

	ops -= ops % s->nr;	/* as many as they send */
	for (i = 0; i < s->nr * WARM_UP_EACH; i++)
		get(fd, row->size);
	window_open();
	senders_start(s);
	for (i = 0; i < ops; i++)
		get(fd, row->size);
	cost = window_close();
	senders_exit(s);
	return cost / ops;
}

/* Processes that write to one end; or a single one. */
double writers(const struct row *row, int transport, unsigned int ops)
{
	struct senders s;
	struct ends ends;
	double cost;

	open_ends(&ends, row, transport);
	for (senders_init(&s); s.nr < row->nr; s.nr++) {
		s.pid[s.nr] = make_process();
		if (!s.pid[s.nr])
			send_messages(&s, row, ends.wr, ops / row->nr);
	}
	cost = receive_all(&s, row, ends.rd, ops);
	close_ends(&ends);
	return cost;
}

/* Each with a socket of its own, as those of syslog(3). */
double own_sockets(const struct row *row, int transport, unsigned int ops)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(un.sun_family);
	struct senders s;
	double cost;
	int rd, wr;

	rd = socket(families[transport], row->type, 0);
	if (rd < 0 || bind(rd, (struct sockaddr *)&un, len))
		die("bind");
	len = sizeof(un);
	if (getsockname(rd, (struct sockaddr *)&un, &len))
		die("getsockname");
	for (senders_init(&s); s.nr < row->nr; s.nr++) {
		s.pid[s.nr] = make_process();
		if (s.pid[s.nr])
			continue;
		wr = socket(families[transport], row->type, 0);
		if (wr < 0 || connect(wr, (struct sockaddr *)&un, len))
			die("connect");
		send_messages(&s, row, wr, ops / row->nr);
	}
	cost = receive_all(&s, row, rd, ops);
	close(rd);
	return cost;
}

/* On both ends: the most that vunix spins. */
static void set_busy(const struct ends *e)
{
	int usec = 1000;

	if (setsockopt(e->rd, SOL_SOCKET, SO_BUSY_POLL, &usec, sizeof(usec)) ||
	    setsockopt(e->wr, SOL_SOCKET, SO_BUSY_POLL, &usec, sizeof(usec)))
		die("SO_BUSY_POLL");
}

/* There and back, asleep meanwhile. */
double ping_pong(const struct row *row, int transport, unsigned int ops)
{
	struct ends there, back;
	unsigned int i;
	double cost;
	pid_t pid;

	open_ends(&there, row, transport);
	if (transport == PIPE) {
		open_ends(&back, row, transport);
	} else {
		back.wr = there.rd;
		back.rd = there.wr;
	}
	if (row->busy)
		set_busy(&there);

	pid = make_process();
	while (!pid) {
		get(there.rd, row->size);
		put(back.wr, row->size);
	}
	for (i = 0; i < WARM_UP; i++) {
		put(there.wr, row->size);
		get(back.rd, row->size);
	}
	window_open();
	for (i = 0; i < ops; i++) {
		put(there.wr, row->size);
		get(back.rd, row->size);
	}
	cost = window_close();

	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) < 0)
		die("waitpid");
	close_ends(&there);
	if (transport == PIPE)
		close_ends(&back);
	return cost / ops;
}
