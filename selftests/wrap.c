// SPDX-License-Identifier: GPL-2.0
/*
 * Long transfers of random sizes, every byte compared with what belongs at its
 * place: what a ring does wrong where it wraps, or where chunks meet, shows
 * here.  Proves STR-01, STR-07, PEEK-01, PEEK-02, SPL-01, SPL-02, DG-17,
 * SEQ-01 for as long as the transfer lasts.
 */
#include "vunix_test.h"

#include <sys/uio.h>

FIXTURE(wrap)
{
	struct vt_env env;
	int sv[2];
};

FIXTURE_VARIANT(wrap)
{
	int family;
};

VT_FAMILIES(wrap);

FIXTURE_SETUP(wrap)
{
	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, self->sv));
}

FIXTURE_TEARDOWN(wrap)
{
	VT_TEARDOWN();
}

/*
 * Megabytes to transfer.  VUNIX_WRAP_MB for a longer run; the default is what an
 * emulated debug kernel can do in the time limit, which is raised for it.
 */
static size_t total(void)
{
	const char *s = getenv("VUNIX_WRAP_MB");

	return (size_t)(s ? atoi(s) : 32) << 20;
}

struct dice {
	unsigned int x;
};

static unsigned int roll(struct dice *d, unsigned int below)
{
	d->x ^= d->x << 13;
	d->x ^= d->x >> 17;
	d->x ^= d->x << 5;
	return d->x % below;
}

/* Mostly large, often around a page, sometimes a few bytes. */
static size_t some_size(struct dice *d, size_t max)
{
	size_t n;

	switch (roll(d, 8)) {
	case 0:
		n = 1 + roll(d, 8);
		break;
	case 1:
		n = 4096 - 3 + roll(d, 7);
		break;
	case 2:
		n = 1 + roll(d, 5000);
		break;
	default:
		n = 1 + roll(d, VT_PATTERN);
	}
	return n < max ? n : max;
}

/* What this half does, and how: given to one process or thread. */
struct half {
	int fd;
	unsigned int seed;
	bool splice;
	int flags;		/* MSG_DONTWAIT: poll instead of waiting */
};

static bool again(struct half *h, int events)
{
	return errno == EAGAIN && (h->flags & MSG_DONTWAIT) &&
	       vt_poll_wait(h->fd, events, 25000);
}

/* Both ends of a pipe that holds what is spliced. */
static ssize_t splice_in(struct half *h, int *p, const void *data, size_t n)
{
	size_t done = 0;
	ssize_t m;

	n = n < 32768 ? n : 32768;
	if (write(p[1], data, n) != (ssize_t)n)
		return -1;
	while (done < n) {
		m = splice(p[0], NULL, h->fd, NULL, n - done, 0);
		if (m <= 0)
			return -1;
		done += m;
	}
	return n;
}

static ssize_t splice_out(struct half *h, int *p, void *buf, size_t n)
{
	size_t done = 0;
	ssize_t m, got;

	got = splice(h->fd, NULL, p[1], NULL, n,
		     h->flags ? SPLICE_F_NONBLOCK : 0);
	while (got > 0 && (ssize_t)done < got) {
		m = read(p[0], (char *)buf + done, got - done);
		if (m <= 0)
			return -1;
		done += m;
	}
	return got;
}

/* Send the pattern up to total(): how much, or a negative line number. */
static long send_half(void *arg)
{
	struct half *h = arg;
	struct dice d = { h->seed };
	size_t pos = 0, end = total(), n, k;
	struct iovec iov[3];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };
	int p[2];
	ssize_t m;

	if (pipe(p))
		return -__LINE__;
	while (pos < end) {
		n = some_size(&d, end - pos);
		if (h->splice && !roll(&d, 4)) {
			m = splice_in(h, p, vt_pattern(pos), n);
		} else if (!roll(&d, 4) && n >= 3) {
			k = roll(&d, n);
			iov[0] = (struct iovec){ (void *)vt_pattern(pos), k };
			iov[1] = (struct iovec){ NULL, 0 };
			iov[2] = (struct iovec){ (void *)(vt_pattern(pos) + k),
						 n - k };
			m = sendmsg(h->fd, &msg, h->flags);
		} else {
			m = send(h->fd, vt_pattern(pos), n, h->flags);
		}
		if (m < 0 && again(h, POLLOUT))
			continue;
		if (m <= 0)
			return -__LINE__;
		pos += m;
	}
	close(p[0]);
	close(p[1]);
	if (shutdown(h->fd, SHUT_WR))
		return -__LINE__;
	return pos;
}

/* Receive to the end and compare: how much, or a negative line number. */
static long receive_half(void *arg)
{
	struct half *h = arg;
	struct dice d = { h->seed };
	char *buf = malloc(VT_PATTERN);
	size_t pos = 0, n, k;
	struct iovec iov[2];
	int p[2], op, inq;
	ssize_t m;

	if (!buf || pipe(p))
		return -__LINE__;
	for (;;) {
		n = some_size(&d, VT_PATTERN);
		op = roll(&d, 8);
		if (op == 0) {
			m = recv(h->fd, buf, n, h->flags | MSG_PEEK);
			if (m > 0) {
				if (memcmp(buf, vt_pattern(pos), m))
					return -__LINE__;
				if (ioctl(h->fd, SIOCINQ, &inq) || inq < m)
					return -__LINE__;
				continue;
			}
		} else if (op == 1 && h->splice) {
			m = splice_out(h, p, buf, n < 32768 ? n : 32768);
		} else if (op == 2) {
			k = roll(&d, n);
			iov[0] = (struct iovec){ buf, k };
			iov[1] = (struct iovec){ buf + k, n - k };
			m = readv(h->fd, iov, 2);
		} else if (op == 3) {
			m = recv(h->fd, buf, n, h->flags | MSG_WAITALL);
		} else {
			m = recv(h->fd, buf, n, h->flags);
		}
		if (!m)
			break;
		if (m < 0 && again(h, POLLIN))
			continue;
		if (m < 0)
			return -__LINE__;
		if (memcmp(buf, vt_pattern(pos), m))
			return -__LINE__;
		pos += m;
	}
	close(p[0]);
	close(p[1]);
	free(buf);
	return pos;
}

/* Run both halves, the sender in a process of its own: what was received. */
static long transfer(int *sv, bool splice, int flags, unsigned int seed)
{
	struct half out = { sv[0], seed, splice, flags };
	struct half in = { sv[1], seed * 7 + 1, splice, flags };
	int status;
	long got;
	pid_t pid;

	/* readv() has no flags; the sender's splice may wait all the same. */
	if (flags && fcntl(sv[1], F_SETFL, O_RDWR | O_NONBLOCK))
		return -__LINE__;
	pid = fork();
	if (!pid) {
		close(sv[1]);
		_exit(send_half(&out) == (long)total() ? 0 : 1);
	}
	close(sv[0]);
	got = receive_half(&in);
	if (got < 0)
		return got;
	if (waitpid(pid, &status, 0) != pid || status)
		return -__LINE__;
	return got;
}

TEST_F_TIMEOUT(wrap, blocking, 120)
{
	ASSERT_EQ((long)total(), transfer(self->sv, false, 0, 1));
	PROVES("STR-01", "STR-07", "PEEK-01");
}

TEST_F_TIMEOUT(wrap, nonblocking, 120)
{
	ASSERT_EQ((long)total(), transfer(self->sv, false, MSG_DONTWAIT, 2));
	PROVES("STR-01", "PEEK-02");
}

TEST_F_TIMEOUT(wrap, blocking_splice, 120)
{
	ASSERT_EQ((long)total(), transfer(self->sv, true, 0, 3));
	PROVES("SPL-01", "SPL-02");
}

TEST_F_TIMEOUT(wrap, nonblocking_splice, 120)
{
	ASSERT_EQ((long)total(), transfer(self->sv, true, MSG_DONTWAIT, 4));
	PROVES("SPL-01", "SPL-02");
}

/* A small buffer: the two take turns, and wrap more often. */
TEST_F_TIMEOUT(wrap, small_buffer, 120)
{
	ASSERT_EQ(0, vt_setint(self->sv[0], SOL_SOCKET, SO_SNDBUF, 1));
	setenv("VUNIX_WRAP_MB", "2", 0);
	ASSERT_EQ((long)total(), transfer(self->sv, false, 0, 5));
	PROVES("STR-07");
}

/* Both directions at once, in threads: each socket reads and writes. */
TEST_F_TIMEOUT(wrap, both_directions, 120)
{
	struct half out[2], in[2];
	struct vt_bg bg[4];
	int i;

	setenv("VUNIX_WRAP_MB", "8", 0);
	for (i = 0; i < 2; i++) {
		out[i] = (struct half){ self->sv[i], 6 + i, true, 0 };
		in[i] = (struct half){ self->sv[!i], 8 + i, true, 0 };
		ASSERT_EQ(0, vt_bg_start(&bg[i], send_half, &out[i]));
		ASSERT_EQ(0, vt_bg_start(&bg[2 + i], receive_half, &in[i]));
	}
	for (i = 0; i < 4; i++)
		ASSERT_EQ((long)total(), vt_bg_join(&bg[i]));
	PROVES("STR-07");
}

/* One process alone: the queue is filled and emptied by random amounts. */
TEST_F_TIMEOUT(wrap, alone, 120)
{
	size_t in = 0, out = 0, end = total() / 2, n;
	struct dice d = { 10 };
	char *buf = malloc(VT_PATTERN);
	ssize_t m;
	int inq;

	while (out < end) {
		n = some_size(&d, VT_PATTERN);
		if (roll(&d, 2)) {
			m = send(self->sv[0], vt_pattern(in), n, MSG_DONTWAIT);
			if (m < 0) {
				ASSERT_EQ(EAGAIN, errno);
				m = 0;
			}
			in += m;
		} else {
			m = recv(self->sv[1], buf, n, MSG_DONTWAIT);
			if (m > 0) {
				ASSERT_EQ(in - out < n ? in - out : n,
					  (size_t)m);
				ASSERT_EQ(0, memcmp(buf, vt_pattern(out), m));
				out += m;
			} else {
				ASSERT_EQ(EAGAIN, errno);
				ASSERT_EQ(in, out);
			}
		}
		ASSERT_EQ(0, ioctl(self->sv[1], SIOCINQ, &inq));
		ASSERT_EQ((int)(in - out), inq);
	}
	free(buf);
	PROVES("STR-01", "STR-07");
}

/* The same with messages: sizes and contents survive every position. */
TEST_F_TIMEOUT(wrap, messages, 120)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	size_t sizes[256], head, tail, bytes, n;
	char *buf = malloc(VT_PATTERN);
	struct dice d = { 11 };
	int sv[2], i;
	ssize_t m;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, types[i], sv));
		head = 0;
		tail = 0;
		bytes = 0;
		while (bytes < total() / 4) {
			if (roll(&d, 2) && head - tail < 256) {
				n = some_size(&d, VT_PATTERN) - 1;
				m = send(sv[0], vt_pattern(head * 77), n,
					 MSG_DONTWAIT);
				if (m < 0) {
					ASSERT_EQ(EAGAIN, errno);
					continue;
				}
				sizes[head++ % 256] = n;
				continue;
			}
			m = recv(sv[1], buf, VT_PATTERN, MSG_DONTWAIT);
			if (head == tail) {
				ASSERT_EQ(-1, m);
				ASSERT_EQ(EAGAIN, errno);
				continue;
			}
			ASSERT_EQ((ssize_t)sizes[tail % 256], m);
			ASSERT_EQ(0, memcmp(buf, vt_pattern(tail * 77), m));
			bytes += m;
			tail++;
		}
		close(sv[0]);
		close(sv[1]);
	}
	free(buf);
	PROVES("DG-17", "SEQ-01");
}

TEST_HARNESS_MAIN
