// SPDX-License-Identifier: GPL-2.0
/*
 * More processes than two: many that send to one, pairs that have nothing to do
 * with each other, and all to all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/un.h>
#include "bench.h"

#define SIZE		64
#define GROUP		20	/* senders, and receivers: as hackbench has */
#define GROUP_SIZE	100

/* A receiver with a name of its own. */
static int new_receiver(int type, int transport, struct sockaddr_un *un,
			socklen_t *len)
{
	int sk = socket(families[transport], type, 0);

	un->sun_family = AF_UNIX;
	if (sk < 0 ||
	    bind(sk, (struct sockaddr *)un, sizeof(un->sun_family)))
		die("bind");
	*len = sizeof(*un);
	if (getsockname(sk, (struct sockaddr *)un, len))
		die("getsockname");
	return sk;
}

static int new_sender(int type, int transport, const struct sockaddr_un *un,
		      socklen_t len)
{
	int sk = socket(families[transport], type, 0);

	if (sk < 0 || connect(sk, (const struct sockaddr *)un, len))
		die("connect");
	return sk;
}

static void send_to_one(unsigned int i, int fd, int type)
{
	unsigned long nr;

	shared->side[i].begin = now();
	for (nr = 0; !stopped(); nr++)
		put(fd, SIZE);
	shared->side[i].nr = nr;
	put_end(fd, type);
	_exit(0);
}

static double first_begin(unsigned int nr)
{
	double first = shared->side[0].begin;
	unsigned int i;

	for (i = 1; i < nr; i++)
		if (shared->side[i].begin < first)
			first = shared->side[i].begin;
	return first;
}

/* What the sender who got least sent for one message of who got most. */
static double least_share(unsigned int nr)
{
	unsigned long least = shared->side[0].nr, most = least;
	unsigned int i;

	for (i = 1; i < nr; i++) {
		if (shared->side[i].nr < least)
			least = shared->side[i].nr;
		if (shared->side[i].nr > most)
			most = shared->side[i].nr;
	}
	return most ? (double)least / most : 0;
}

/* Figures: messages in a second, and how fair that was. */
void many_to_one(const struct row *row, unsigned int senders, int transport,
		 double *figures)
{
	unsigned long nr = 0;
	struct sockaddr_un un;
	unsigned int i, left = senders;
	struct laps laps;
	struct crew crew;
	struct ends ends;
	socklen_t len = 0;
	ssize_t n;

	if (row->shared)
		open_ends(&ends, row->type, transport);
	else
		ends.rd = new_receiver(row->type, transport, &un, &len);
	crew_init(&crew);
	for (i = 0; i < senders; i++) {
		if (!crew_fork(&crew))
			continue;
		if (!row->shared)
			ends.wr = new_sender(row->type, transport, &un, len);
		crew_begin(&crew);
		send_to_one(i, ends.wr, row->type);
	}

	touch();
	crew_start(&crew);
	laps_begin(&laps, window(row));
	while (left) {
		n = read(ends.rd, in, SIZE);
		if (n < 0)
			die("read");
		if (!n) {
			left--;
			continue;
		}
		nr++;
		if (!stopped() && !laps_more(&laps))
			stop();
	}
	figures[0] = nr / (now() - first_begin(senders)) * 1e9;
	crew_wait(&crew);
	figures[1] = least_share(senders);
	if (row->shared)
		close(ends.wr);
	close(ends.rd);
}

static void send_receive(const struct row *row, int transport, double time,
			 struct laps *laps)
{
	struct ends ends;

	open_ends(&ends, row->type, transport);
	laps_begin(laps, time);
	while (laps_more(laps)) {
		put(ends.wr, SIZE);
		if (read(ends.rd, in, SIZE) != SIZE)
			die("read");
	}
	close_ends(&ends);
}

static void create(const struct row *row, int transport, double time,
		   struct laps *laps)
{
	(void)row;
	laps_begin(laps, time);
	while (laps_more(laps))
		create_pair(transport);
}

/* A process on each of some processors, all at once; the sum of their rates. */
static double on_cpus(const struct row *row, unsigned int cpus, int transport,
		      void (*work)(const struct row *row, int transport,
				   double time, struct laps *laps))
{
	double rate = 0;
	struct crew crew;
	struct laps laps;
	unsigned int i;

	crew_init(&crew);
	for (i = 0; i < cpus; i++) {
		if (!crew_fork(&crew))
			continue;
		use_cpu(i);
		touch();
		crew_begin(&crew);
		work(row, transport, window(row), &laps);
		shared->side[i].nr = laps.nr;
		shared->side[i].begin = laps.begin;
		shared->side[i].end = laps.begin + laps.taken;
		_exit(0);
	}
	crew_start(&crew);
	crew_wait(&crew);
	for (i = 0; i < cpus; i++)
		rate += shared->side[i].nr /
			(shared->side[i].end - shared->side[i].begin) * 1e9;
	return rate;
}

void pairs_on_cpus(const struct row *row, unsigned int cpus, int transport,
		   double *figures)
{
	figures[0] = on_cpus(row, cpus, transport, send_receive);
}

void creation_on_cpus(const struct row *row, unsigned int cpus, int transport,
		      double *figures)
{
	figures[0] = on_cpus(row, cpus, transport, create);
}

static void group_send(const struct crew *crew, const struct ends *ends,
		       unsigned int me)
{
	unsigned int i;

	for (i = 0; i < GROUP; i++)
		close(ends[i].rd);
	crew_begin(crew);
	shared->side[me].begin = now();
	while (!stopped())
		for (i = 0; i < GROUP; i++)
			put(ends[i].wr, GROUP_SIZE);
	_exit(0);
}

static void group_receive(const struct crew *crew, const struct ends *ends,
			  unsigned int which, unsigned int me)
{
	unsigned long bytes = 0;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < GROUP; i++) {
		close(ends[i].wr);
		if (i != which)
			close(ends[i].rd);
	}
	crew_begin(crew);
	shared->side[me].begin = now();
	for (;;) {
		n = read(ends[which].rd, in, GROUP_SIZE);
		if (n <= 0)
			break;
		bytes += n;
	}
	if (n < 0)
		die("read");
	shared->side[me].end = now();
	shared->side[me].nr = bytes;
	_exit(0);
}

static void group_fork(const struct row *row, int transport, struct crew *crew)
{
	struct ends ends[GROUP];
	unsigned int i;

	for (i = 0; i < GROUP; i++)
		open_ends(&ends[i], row->type, transport);
	for (i = 0; i < GROUP; i++) {
		if (crew_fork(crew))
			group_receive(crew, ends, i, crew->nr);
		if (crew_fork(crew))
			group_send(crew, ends, crew->nr);
	}
	for (i = 0; i < GROUP; i++)
		close_ends(&ends[i]);
}

/* Each sender of a group writes to each of its receivers in turn. */
void hackbench(const struct row *row, unsigned int groups, int transport,
	       double *figures)
{
	unsigned long bytes = 0;
	struct crew crew;
	double end = 0;
	unsigned int i;

	crew_init(&crew);
	for (i = 0; i < groups; i++)
		group_fork(row, transport, &crew);
	crew_start(&crew);
	usleep(window(row) / 1e3);
	stop();
	crew_wait(&crew);
	for (i = 0; i < crew.nr; i++) {
		bytes += shared->side[i].nr;
		if (shared->side[i].end > end)
			end = shared->side[i].end;
	}
	figures[0] = bytes / GROUP_SIZE / (end - first_begin(crew.nr)) * 1e9;
}
