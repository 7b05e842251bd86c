// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes and messages from one end to the other.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include "bench.h"

#define BATCH		64
#define BATCH_SIZE	64	/* bytes of its messages */

static ssize_t some(ssize_t n, const char *what)
{
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		die(what);
	return n;
}

/*
 * What does not fit in at once is sent by parts; else that is one write() and
 * one read().
 */
static void send_receive(const struct ends *ends, size_t size)
{
	size_t sent = 0, got = 0;
	ssize_t n;

	while (got < size) {
		if (sent < size)
			sent += some(write(ends->wr, out + sent, size - sent),
				     "write");
		while (got < sent) {
			n = some(read(ends->rd, in + got, size - got), "read");
			if (!n)
				break;
			got += n;
		}
	}
}

/* Nobody ever sleeps, or is woken. */
void one_process(const struct row *row, unsigned int size, int transport,
		 double *figures)
{
	struct laps laps;
	struct ends ends;

	use_cpu(0);
	open_ends(&ends, row->type, transport);
	set_nonblocking(ends.rd);
	set_nonblocking(ends.wr);
	touch();
	laps_begin(&laps, window(row));
	while (laps_more(&laps))
		send_receive(&ends, size);
	close_ends(&ends);
	figures[0] = laps_rate(&laps);
	figures[1] = figures[0] * size;
}

/*
 * From an empty queue to an empty queue: what is on its way when time is over
 * counts when it has arrived.  Returns bytes in a second.
 */
static double receive_all(const struct row *row, struct crew *crew, int fd,
			  size_t size)
{
	unsigned long bytes = 0;
	struct laps laps;
	double end;
	ssize_t n;

	touch();
	crew_start(crew);
	laps_begin(&laps, window(row));
	for (;;) {
		n = read(fd, in, size);
		if (n <= 0)
			break;
		bytes += n;
		if (!stopped() && !laps_more(&laps))
			stop();
	}
	end = now();
	if (n < 0)
		die("read");
	crew_wait(crew);
	return bytes / (end - shared->side[0].begin) * 1e9;
}

void one_way(const struct row *row, unsigned int size, int transport,
	     double *figures)
{
	struct crew crew;
	struct ends ends;

	open_ends(&ends, row->type, transport);
	crew_init(&crew);
	if (crew_fork(&crew)) {
		use_cpu(row->two_cpus);
		close(ends.rd);
		crew_begin(&crew);
		shared->side[0].begin = now();
		while (!stopped())
			put(ends.wr, size);
		put_end(ends.wr, row->type);
		_exit(0);
	}
	use_cpu(0);
	close(ends.wr);
	figures[1] = receive_all(row, &crew, ends.rd, size);
	figures[0] = figures[1] / size;
	close(ends.rd);
}

static int make_file(void)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);

	if (fd < 0 || write(fd, out, MAX_SIZE) != MAX_SIZE)
		die("memfd_create");
	return fd;
}

static void sendfile_from(int file, int fd, size_t size)
{
	off_t off = 0;
	ssize_t n;

	for (; size; size -= n) {
		n = sendfile(fd, file, &off, size);
		if (n <= 0)
			die("sendfile");
	}
}

/* By way of a pipe, of which nothing stays there. */
static void splice_from(int file, const int *by, int fd, size_t size)
{
	off64_t off = 0;
	ssize_t n, gone;

	while (size) {
		n = splice(file, &off, by[1], NULL, size, 0);
		if (n <= 0)
			die("splice");
		for (size -= n; n; n -= gone) {
			gone = splice(by[0], NULL, fd, NULL, n, 0);
			if (gone <= 0)
				die("splice");
		}
	}
}

/* @size: of a call; who receives reads as much. */
void from_file(const struct row *row, unsigned int size, int transport,
	       double *figures)
{
	struct crew crew;
	struct ends ends;
	int file, by[2];

	open_ends(&ends, row->type, transport);
	crew_init(&crew);
	if (crew_fork(&crew)) {
		use_cpu(row->two_cpus);
		close(ends.rd);
		file = make_file();
		if (pipe(by))
			die("pipe");
		crew_begin(&crew);
		shared->side[0].begin = now();
		while (!stopped()) {
			if (row->splice)
				splice_from(file, by, ends.wr, size);
			else
				sendfile_from(file, ends.wr, size);
		}
		put_end(ends.wr, row->type);
		_exit(0);
	}
	use_cpu(0);
	close(ends.wr);
	figures[0] = receive_all(row, &crew, ends.rd, size);
	close(ends.rd);
}

static void fill(struct mmsghdr *msgs, struct iovec *iov, char *buffer)
{
	unsigned int i;

	memset(msgs, 0, BATCH * sizeof(*msgs));
	for (i = 0; i < BATCH; i++) {
		iov[i].iov_base = buffer + i * BATCH_SIZE;
		iov[i].iov_len = BATCH_SIZE;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
}

/* sendmmsg() of @nr messages, recvmmsg() of as many. */
void batches(const struct row *row, unsigned int nr, int transport,
	     double *figures)
{
	struct iovec to[BATCH], from[BATCH];
	struct mmsghdr send[BATCH], recv[BATCH];
	struct laps laps;
	struct ends ends;

	use_cpu(0);
	open_ends(&ends, row->type, transport);
	touch();
	fill(send, from, out);
	fill(recv, to, in);
	laps_begin(&laps, window(row));
	while (laps_more(&laps)) {
		if (sendmmsg(ends.wr, send, nr, MSG_DONTWAIT) != (int)nr)
			die("sendmmsg");
		if (recvmmsg(ends.rd, recv, nr, MSG_DONTWAIT, NULL) != (int)nr)
			die("recvmmsg");
	}
	close_ends(&ends);
	figures[0] = laps_rate(&laps) * nr;
}
