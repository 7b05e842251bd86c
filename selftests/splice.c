// SPDX-License-Identifier: GPL-2.0
/*
 * splice, vmsplice and sendfile with streams.  Proves SPL-01 to SPL-07.
 */
#include "vunix_test.h"

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

FIXTURE(splice)
{
	struct vt_env env;
	int s, r;
	int in, out;		/* a pipe: read from in, write to out */
};

FIXTURE_VARIANT(splice)
{
	int family;
};

VT_FAMILIES(splice);

FIXTURE_SETUP(splice)
{
	int sv[2];

	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	self->s = sv[0];
	self->r = sv[1];
	ASSERT_EQ(0, pipe(sv));
	self->in = sv[0];
	self->out = sv[1];
}

FIXTURE_TEARDOWN(splice)
{
	VT_TEARDOWN();
}

static int qlen(int fd, unsigned int request)
{
	int n = -1;

	return ioctl(fd, request, &n) ? -1 : n;
}

/* Read what is there: exactly @want? */
static bool holds(int fd, const char *want)
{
	char buf[64];
	ssize_t n = strlen(want);

	return qlen(fd, FIONREAD) == n &&
	       (!n || read(fd, buf, sizeof(buf)) == n) && !memcmp(buf, want, n);
}

TEST_F(splice, to_socket)
{
	loff_t off = 0;

	ASSERT_EQ(10, write(self->out, "abcdefghij", 10));
	ASSERT_EQ(4, splice(self->in, NULL, self->s, NULL, 4, 0));
	ASSERT_EQ(4, qlen(self->r, SIOCINQ));
	ASSERT_EQ(6, splice(self->in, NULL, self->s, NULL, 100, 0));
	ASSERT_EQ(10, qlen(self->r, SIOCINQ));
	ASSERT_EQ(3, send(self->s, "klm", 3, 0));
	ASSERT_TRUE(holds(self->r, "abcdefghijklm"));
	/* The pipe is empty: its own conditions. */
	ASSERT_EQ(-1, splice(self->in, NULL, self->s, NULL, 4,
			     SPLICE_F_NONBLOCK));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(1, write(self->out, "x", 1));
	ASSERT_EQ(-1, splice(self->in, NULL, self->s, &off, 4, 0));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(1, splice(self->in, NULL, self->s, NULL, 1, SPLICE_F_MORE));
	ASSERT_TRUE(holds(self->r, "x"));
	close(self->out);
	ASSERT_EQ(0, splice(self->in, NULL, self->s, NULL, 4, 0));
	ASSERT_TRUE(holds(self->r, ""));
	PROVES("SPL-01");
}

static long splice_out(void *p)
{
	struct vt_io *io = p;

	return splice(io->fd, NULL, *(int *)io->buf, NULL, io->len, io->flags);
}

TEST_F(splice, from_socket)
{
	loff_t off = 0;
	struct vt_io io;
	struct vt_bg bg;

	ASSERT_EQ(5, send(self->s, "abcde", 5, 0));
	ASSERT_EQ(5, send(self->s, "fghij", 5, 0));
	ASSERT_EQ(3, splice(self->r, NULL, self->out, NULL, 3, 0));
	ASSERT_TRUE(holds(self->in, "abc"));
	ASSERT_EQ(7, qlen(self->r, SIOCINQ));
	ASSERT_EQ(7, splice(self->r, NULL, self->out, NULL, 100,
			    SPLICE_F_NONBLOCK));
	ASSERT_TRUE(holds(self->in, "defghij"));
	ASSERT_EQ(0, qlen(self->s, SIOCOUTQ));

	ASSERT_EQ(-1, splice(self->r, NULL, self->out, NULL, 1,
			     SPLICE_F_NONBLOCK));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, fcntl(self->r, F_SETFL, O_RDWR | O_NONBLOCK));
	ASSERT_EQ(-1, splice(self->r, NULL, self->out, NULL, 1, 0));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, fcntl(self->r, F_SETFL, O_RDWR));
	ASSERT_EQ(-1, splice(self->r, &off, self->out, NULL, 1, 0));
	ASSERT_EQ(EINVAL, errno);

	/* It waits for data, then for the end. */
	io = (struct vt_io){ self->r, &self->out, 100, 0 };
	ASSERT_EQ(0, vt_bg_block(&bg, splice_out, &io));
	ASSERT_EQ(2, send(self->s, "kl", 2, 0));
	ASSERT_EQ(2, vt_bg_join(&bg));
	ASSERT_TRUE(holds(self->in, "kl"));
	ASSERT_EQ(0, vt_bg_block(&bg, splice_out, &io));
	ASSERT_EQ(0, shutdown(self->s, SHUT_WR));
	ASSERT_EQ(0, vt_bg_join(&bg));
	ASSERT_EQ(0, splice(self->r, NULL, self->out, NULL, 1,
			    SPLICE_F_NONBLOCK));
	PROVES("SPL-02");
}

/* Whole pages, which could be filled again. */
TEST_F(splice, pipe_keeps_pages)
{
	static char buf[3 * 4096], got[2 * 4096];
	size_t n = 0, i;
	ssize_t m;

	memset(buf, 'a', sizeof(buf));
	ASSERT_EQ((ssize_t)sizeof(buf), send(self->s, buf, sizeof(buf), 0));
	while (n < sizeof(got)) {
		m = splice(self->r, NULL, self->out, NULL, sizeof(got) - n, 0);
		ASSERT_LT(0, m);
		n += m;
	}
	memset(buf, 'z', sizeof(buf));
	for (i = 0; i < 8; i++) {
		ASSERT_LT(0, recv(self->r, got, 4096, MSG_WAITALL));
		ASSERT_EQ(4096, send(self->s, buf, 4096, 0));
	}
	for (n = 0; n < sizeof(got); n += m) {
		m = read(self->in, got + n, sizeof(got) - n);
		ASSERT_LT(0, m);
	}
	for (i = 0; i < sizeof(got); i++)
		ASSERT_EQ('a', got[i]);
	PROVES("SPL-02");
}

TEST_F(splice, pipe_keeps_data)
{
	char buf[64];

	/* What the pipe got stays as it is while the socket goes on. */
	ASSERT_EQ(4, send(self->s, "abcd", 4, 0));
	ASSERT_EQ(4, splice(self->r, NULL, self->out, NULL, 4, 0));
	ASSERT_EQ(4, send(self->s, "efgh", 4, 0));
	ASSERT_EQ(4, recv(self->r, buf, 64, 0));
	ASSERT_EQ(4, send(self->s, "ijkl", 4, 0));
	close(self->s);
	ASSERT_EQ(4, recv(self->r, buf, 64, 0));
	close(self->r);
	ASSERT_TRUE(holds(self->in, "abcd"));
	PROVES("SPL-02");
}

/* A file of @size bytes of the pattern. */
static int pattern_file(const char *name, size_t size)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_RDWR, 0600);
	size_t pos, n;

	for (pos = 0; pos < size; pos += n) {
		n = size - pos < VT_PATTERN ? size - pos : VT_PATTERN;
		if (write(fd, vt_pattern(pos), n) != (ssize_t)n)
			return -1;
	}
	return fd;
}

/* Read the pattern from @start to the end: its end, or -1. */
static long read_pattern(int fd, size_t start)
{
	char *buf = malloc(VT_PATTERN);
	size_t pos = start;
	ssize_t n;

	while ((n = read(fd, buf, VT_PATTERN)) > 0) {
		if (memcmp(buf, vt_pattern(pos), n))
			return -1;
		pos += n;
	}
	free(buf);
	return n ? -1 : (long)pos;
}

static long reader(void *p)
{
	return read_pattern(*(int *)p, 0);
}

TEST_F(splice, sendfile)
{
	size_t size = 1000003;
	size_t sent = 0;
	struct vt_bg bg;
	int fd, sv[2];
	off_t off;
	ssize_t n;

	fd = pattern_file("file", size);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(0, vt_bg_start(&bg, reader, &self->r));
	while (sent < size) {
		n = sendfile(self->s, fd, NULL, size - sent);
		ASSERT_LT(0, n);
		sent += n;
		ASSERT_EQ((off_t)sent, lseek(fd, 0, SEEK_CUR));
	}
	ASSERT_EQ(0, sendfile(self->s, fd, NULL, 100));
	ASSERT_EQ(0, shutdown(self->s, SHUT_WR));
	ASSERT_EQ((long)size, vt_bg_join(&bg));

	/* With an offset of its own, from the middle of a page. */
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	off = 12345;
	ASSERT_EQ(20000, sendfile(sv[0], fd, &off, 20000));
	ASSERT_EQ(32345, off);
	ASSERT_EQ((off_t)size, lseek(fd, 0, SEEK_CUR));
	ASSERT_EQ(20000, qlen(sv[1], SIOCINQ));
	ASSERT_EQ(0, shutdown(sv[0], SHUT_WR));
	ASSERT_EQ(32345, read_pattern(sv[1], 12345));

	/* Not more than fits without waiting. */
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM | SOCK_NONBLOCK, sv));
	off = 0;
	n = sendfile(sv[0], fd, &off, size);
	ASSERT_LT(0, n);
	ASSERT_LT(n, (ssize_t)size);
	ASSERT_EQ(n, off);
	ASSERT_EQ(n, qlen(sv[1], SIOCINQ));
	PROVES("SPL-03");
}

TEST_F(splice, accounting)
{
	char *page, buf[4096];
	struct iovec iov;
	int fd, n;
	off_t off;

	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(page != MAP_FAILED);
	memcpy(page, vt_pattern(0), 8192);
	iov = (struct iovec){ page, 8192 };
	ASSERT_EQ(8192, vmsplice(self->out, &iov, 1, SPLICE_F_GIFT));
	ASSERT_EQ(8192, splice(self->in, NULL, self->s, NULL, 8192,
			       SPLICE_F_MOVE));
	ASSERT_EQ(8192, qlen(self->r, SIOCINQ));
	ASSERT_LE(8192, qlen(self->s, SIOCOUTQ));
	ASSERT_EQ(0, munmap(page, 8192));
	for (n = 0; n < 8192; n += 4096) {
		ASSERT_EQ(8192 - n, qlen(self->r, SIOCINQ));
		ASSERT_EQ(4096, recv(self->r, buf, 4096, 0));
		ASSERT_EQ(0, memcmp(buf, vt_pattern(n), 4096));
	}
	ASSERT_EQ(0, qlen(self->s, SIOCOUTQ));

	/* File pages; what is written to the file later may show or not. */
	fd = pattern_file("file", 3 * 4096);
	off = 100;
	ASSERT_EQ(10000, sendfile(self->s, fd, &off, 10000));
	ASSERT_EQ(10000, qlen(self->r, SIOCINQ));
	ASSERT_LE(10000, qlen(self->s, SIOCOUTQ));
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, unlink("file"));
	for (n = 100; n < 10100; n += 2500) {
		ASSERT_EQ(2500, recv(self->r, buf, 2500, 0));
		ASSERT_EQ(0, memcmp(buf, vt_pattern(n), 2500));
	}
	ASSERT_EQ(0, qlen(self->r, SIOCINQ));
	ASSERT_EQ(0, qlen(self->s, SIOCOUTQ));
	/* Dropped unread. */
	ASSERT_EQ(5, write(self->out, "hello", 5));
	ASSERT_EQ(5, splice(self->in, NULL, self->s, NULL, 5, 0));
	ASSERT_LE(5, qlen(self->s, SIOCOUTQ));
	close(self->r);
	ASSERT_EQ(0, qlen(self->s, SIOCOUTQ));
	PROVES("SPL-04");
}

TEST_F(splice, peer_closed)
{
	int fd = pattern_file("file", 100);
	sigset_t set;
	off_t off = 0;
	int i;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	close(self->r);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(1, write(self->out, "x", 1));
		ASSERT_EQ(-1, i ? sendfile(self->s, fd, &off, 100) :
			  splice(self->in, NULL, self->s, NULL, 1, 0));
		ASSERT_EQ(EPIPE, errno);
		ASSERT_EQ(SIGPIPE, sigtimedwait(&set, NULL,
						&(struct timespec){ 0 }));
	}
	PROVES("SPL-05");
}

TEST_F(splice, descriptors)
{
	char c;
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, vt_send_fd(self->s, p[1]));
	ASSERT_EQ(2, send(self->s, "gh", 2, 0));
	close(p[1]);
	ASSERT_EQ(0, vt_poll(p[0], POLLIN));
	/* Descriptors end what one call returns. */
	ASSERT_EQ(1, splice(self->r, NULL, self->out, NULL, 100, 0));
	ASSERT_EQ(POLLHUP, vt_poll(p[0], POLLIN));
	ASSERT_EQ(0, read(p[0], &c, 1));
	ASSERT_EQ(2, splice(self->r, NULL, self->out, NULL, 100, 0));
	ASSERT_TRUE(holds(self->in, "fgh"));
	PROVES("SPL-06");
}

static long writer(void *p)
{
	size_t pos, n;

	for (pos = 0; pos < 2000000; pos += n) {
		n = 2000000 - pos < 30011 ? 2000000 - pos : 30011;
		if (send(*(int *)p, vt_pattern(pos), n, 0) != (ssize_t)n)
			return -1;
	}
	shutdown(*(int *)p, SHUT_WR);
	return pos;
}

/* Datagrams and records have no splice of their own; the core's must work. */
TEST_F(splice, from_messages)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	int sv[2], i, round;
	char buf[64];

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, types[i], sv));
		for (round = 0; round < 40; round++) {
			ASSERT_EQ(6, send(sv[0], "splice", 6, 0));
			ASSERT_EQ(6, splice(sv[1], NULL, self->out, NULL, 64,
					    0));
			/* What came later is elsewhere. */
			ASSERT_EQ(6, send(sv[0], "XXXXXX", 6, 0));
			ASSERT_EQ(6, recv(sv[1], buf, 64, 0));
			ASSERT_EQ(6, read(self->in, buf, sizeof(buf)));
			ASSERT_EQ(0, memcmp(buf, "splice", 6));
		}
		close(sv[0]);
		close(sv[1]);
	}
	PROVES("SPL-02");
}

TEST_F(splice, through_a_pipe)
{
	struct vt_bg write_bg, read_bg;
	ssize_t n, m;
	long sum = 0;
	int sv[2];

	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_EQ(0, vt_bg_start(&write_bg, writer, &self->s));
	ASSERT_EQ(0, vt_bg_start(&read_bg, reader, &sv[1]));
	for (;; sum += n) {
		n = splice(self->r, NULL, self->out, NULL, 50000,
			   SPLICE_F_MOVE);
		ASSERT_LE(0, n);
		if (!n)
			break;
		ASSERT_EQ(n, qlen(self->in, FIONREAD));
		for (m = n; m; ) {
			ssize_t k = splice(self->in, NULL, sv[0], NULL, m,
					   SPLICE_F_MOVE);

			ASSERT_LT(0, k);
			m -= k;
		}
	}
	ASSERT_EQ(2000000, sum);
	ASSERT_EQ(0, shutdown(sv[0], SHUT_WR));
	ASSERT_EQ(2000000, vt_bg_join(&write_bg));
	ASSERT_EQ(2000000, vt_bg_join(&read_bg));
	PROVES("SPL-07");
}

TEST_HARNESS_MAIN
