// SPDX-License-Identifier: GPL-2.0
/*
 * There and back, with every way to wait for what comes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/epoll.h>
#include "bench.h"

#define WARM_UP		32
#define MAX_TRIPS	(1 << 18)

struct side {
	int how;
	int rd;
	int wr;
	int epoll;
};

static double trips[MAX_TRIPS];

static void side_init(struct side *side, int how, int rd, int wr)
{
	struct epoll_event event = { .events = EPOLLIN };

	side->how = how;
	side->rd = rd;
	side->wr = wr;
	side->epoll = -1;
	if (how == BUSY)
		set_nonblocking(rd);
	if (how != EPOLL_LEVEL && how != EPOLL_EDGE)
		return;
	if (how == EPOLL_EDGE)
		event.events |= EPOLLET;
	side->epoll = epoll_create1(0);
	if (side->epoll < 0 || epoll_ctl(side->epoll, EPOLL_CTL_ADD, rd, &event))
		die("epoll");
}

static void wait_for_it(const struct side *side)
{
	struct pollfd pfd = { .fd = side->rd, .events = POLLIN };
	struct epoll_event event;

	if (side->how == POLL && poll(&pfd, 1, -1) != 1)
		die("poll");
	if (side->epoll >= 0 && epoll_wait(side->epoll, &event, 1, -1) != 1)
		die("epoll_wait");
}

/*
 * Fewer bytes than it asks for: nothing else is there, so an edge need not be
 * looked for with a second read().
 */
static void receive(const struct side *side, size_t size)
{
	ssize_t n;

	wait_for_it(side);
	do {
		n = read(side->rd, in, 2 * size);
	} while (n < 0 && errno == EAGAIN && side->how == BUSY);
	if (n != (ssize_t)size) {
		if (n >= 0)
			errno = EMSGSIZE;
		die("read");
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void trip(const struct side *side, size_t size)
{
	put(side->wr, size);
	receive(side, size);
}

static unsigned int make_trips(const struct side *side, size_t size,
			       double time)
{
	double begin, end, until;
	unsigned int nr = 0;

	begin = now();
	until = begin + time;
	do {
		trip(side, size);
		end = now();
		trips[nr++] = end - begin;
		begin = end;
	} while (end < until && nr < MAX_TRIPS);
	return nr;
}

/* Figures: the median of all trips, and what one of a hundred exceeds. */
void round_trip(const struct row *row, unsigned int size, int transport,
		double *figures)
{
	struct ends there, back;
	struct side side;
	struct crew crew;
	unsigned int i, nr;

	open_ends(&there, row->type, transport);
	back.wr = there.rd;
	back.rd = there.wr;
	if (transport == PIPE)
		open_ends(&back, row->type, transport);
	crew_init(&crew);
	if (crew_fork(&crew)) {
		use_cpu(row->two_cpus);
		side_init(&side, row->wait, there.rd, back.wr);
		crew_begin(&crew);
		for (;;) {
			receive(&side, size);
			put(side.wr, size);
		}
	}
	use_cpu(0);
	touch();
	side_init(&side, row->wait, back.rd, there.wr);
	crew_start(&crew);
	for (i = 0; i < WARM_UP; i++)
		trip(&side, size);
	nr = make_trips(&side, size, window(row));
	crew_kill(&crew);

	if (side.epoll >= 0)
		close(side.epoll);
	close_ends(&there);
	if (transport == PIPE)
		close_ends(&back);
	qsort(trips, nr, sizeof(*trips), by_value);
	figures[0] = trips[nr / 2];
	figures[1] = trips[nr - 1 - nr / 100];
}
