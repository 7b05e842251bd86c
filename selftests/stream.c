// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_STREAM, sending and receiving.  Proves STR-01 to STR-16.
 */
#include "vunix_test.h"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>

VT_FIXTURE_PAIR(stream, VT_FAMILIES, SOCK_STREAM, s, r);

static int inq(int fd)
{
	int n = -1;

	return ioctl(fd, SIOCINQ, &n) ? -1 : n;
}

/* Send until nothing more is taken: bytes taken. */
static long fill(int fd)
{
	char buf[2048] = "";
	long sum = 0;
	ssize_t n;

	while ((n = send(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		sum += n;
	return errno == EAGAIN ? sum : 0;
}

static long drain(int fd)
{
	char buf[8192];
	long sum = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		sum += n;
	return sum;
}

TEST_F(stream, one_byte_stream)
{
	char buf[16];

	ASSERT_EQ(3, send(self->s, "abc", 3, 0));
	ASSERT_EQ(1, send(self->s, "d", 1, 0));
	ASSERT_EQ(5, send(self->s, "efghi", 5, 0));
	/* Reads smaller than, across and larger than what was sent. */
	ASSERT_EQ(2, recv(self->r, buf, 2, 0));
	ASSERT_EQ(0, memcmp(buf, "ab", 2));
	ASSERT_EQ(4, recv(self->r, buf, 4, 0));
	ASSERT_EQ(0, memcmp(buf, "cdef", 4));
	ASSERT_EQ(3, recv(self->r, buf, sizeof(buf), 0));
	ASSERT_EQ(0, memcmp(buf, "ghi", 3));
	ASSERT_EQ(-1, recv(self->r, buf, 1, MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	PROVES("STR-01");
}

TEST_F(stream, zero_send)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	struct iovec iov[2] = { { NULL, 0 }, { "x", 0 } };
	struct msghdr msg = { 0 };
	int ep = epoll_create1(0);
	struct vt_io io;
	struct vt_bg bg;
	char buf[4];

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->r, &ev));
	io = (struct vt_io){ self->r, buf, sizeof(buf), 0 };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));

	ASSERT_EQ(0, send(self->s, "x", 0, 0));
	ASSERT_EQ(0, send(self->s, NULL, 0, 0));
	ASSERT_EQ(0, write(self->s, "x", 0));
	ASSERT_EQ(0, writev(self->s, iov, 2));
	ASSERT_EQ(0, writev(self->s, iov, 0));
	ASSERT_EQ(0, sendmsg(self->s, &msg, 0));
	msg.msg_iov = iov;
	ASSERT_EQ(0, sendmsg(self->s, &msg, 0));
	msg.msg_iovlen = 2;
	ASSERT_EQ(0, sendmsg(self->s, &msg, 0));

	ASSERT_EQ(0, inq(self->r));
	ASSERT_EQ(0, epoll_wait(ep, &ev, 1, 0));
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	/* What the reader gets in the end is the first real byte. */
	ASSERT_EQ(1, send(self->s, "y", 1, 0));
	ASSERT_EQ(1, vt_bg_join(&bg));
	ASSERT_EQ('y', buf[0]);

	/* Full: still 0, not EAGAIN. */
	ASSERT_LT(0, fill(self->s));
	ASSERT_EQ(0, send(self->s, "x", 0, MSG_DONTWAIT));
	PROVES("STR-02", "STR-15");
}

TEST_F(stream, zero_recv)
{
	struct msghdr msg = { 0 };
	struct vt_io io;
	struct vt_bg bg;
	char c;

	ASSERT_EQ(-1, recv(self->r, &c, 0, MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(-1, recvmsg(self->r, &msg, MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);

	io = (struct vt_io){ self->r, &c, 0, 0 };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(2, send(self->s, "ab", 2, 0));
	ASSERT_EQ(0, vt_bg_join(&bg));
	ASSERT_EQ(2, inq(self->r));

	ASSERT_EQ(0, recv(self->r, &c, 0, 0));
	ASSERT_EQ(0, recv(self->r, NULL, 0, 0));
	ASSERT_EQ(0, recvmsg(self->r, &msg, 0));
	ASSERT_EQ(2, inq(self->r));
	ASSERT_EQ(1, recv(self->r, &c, 1, 0));
	ASSERT_EQ('a', c);
	PROVES("STR-03");
}

TEST_F(stream, send_with_address)
{
	int s = vt_socket(variant->family, SOCK_STREAM);
	int l = vt_socket(variant->family, SOCK_STREAM);

	ASSERT_EQ(0, vt_bind(l, "l"));
	ASSERT_EQ(0, listen(l, 1));
	ASSERT_EQ(-1, vt_sendto(self->s, "x", 1, 0, "l"));
	ASSERT_EQ(EISCONN, errno);
	ASSERT_EQ(0, inq(self->r));
	ASSERT_EQ(-1, vt_sendto(s, "x", 1, 0, "l"));
	ASSERT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(-1, vt_sendto(self->s, "x", 1, 0, "@nobody"));
	ASSERT_EQ(EISCONN, errno);
	ASSERT_EQ(-1, vt_sendto(s, "x", 1, 0, "@nobody"));
	ASSERT_EQ(EOPNOTSUPP, errno);
	/* It is an error even where nothing would be sent. */
	ASSERT_EQ(-1, vt_sendto(self->s, "x", 0, 0, "l"));
	ASSERT_EQ(EISCONN, errno);
	ASSERT_EQ(0, vt_poll(l, POLLIN));
	PROVES("STR-04");
}

TEST_F(stream, full)
{
	struct vt_io io;
	struct vt_bg bg;
	char c = 'z';
	long n;

	n = fill(self->s);
	ASSERT_LT(0, n);
	ASSERT_EQ(-1, send(self->s, &c, 1, MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, fcntl(self->s, F_SETFL, O_RDWR | O_NONBLOCK));
	ASSERT_EQ(-1, write(self->s, &c, 1));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, fcntl(self->s, F_SETFL, O_RDWR));
	ASSERT_EQ(n, inq(self->r));

	io = (struct vt_io){ self->s, &c, 1, 0 };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_send, &io));
	ASSERT_EQ(n, inq(self->r));
	/* The writer's byte may already be part of what is drained. */
	n -= drain(self->r);
	ASSERT_EQ(1, vt_bg_join(&bg));
	n -= drain(self->r);
	ASSERT_EQ(-1, n);
	PROVES("STR-05", "STR-13");
}

TEST_F(stream, short_count)
{
	size_t size = 4 << 20;
	char *buf = malloc(size);
	size_t i, off;
	ssize_t n, m;

	for (i = 0; i < size; i += m) {
		m = size - i < VT_PATTERN ? size - i : VT_PATTERN;
		memcpy(buf + i, vt_pattern(i), m);
	}
	n = send(self->s, buf, size, MSG_DONTWAIT);
	ASSERT_LT(0, n);
	ASSERT_LT(n, (ssize_t)size);
	/* A buffer is not refused because the rest does not fit. */
	ASSERT_LE(65536, n);
	ASSERT_EQ(n, inq(self->r));
	memset(buf, 0, size);
	for (off = 0; off < (size_t)n; off += m) {
		m = recv(self->r, buf, VT_PATTERN, MSG_DONTWAIT);
		ASSERT_LT(0, m);
		ASSERT_EQ(0, memcmp(buf, vt_pattern(off), m));
	}
	ASSERT_EQ((size_t)n, off);
	ASSERT_EQ(0, inq(self->r));
	free(buf);
	PROVES("STR-06");
}

static long bulk_write(void *p)
{
	static const size_t steps[] = { 1, 100, 4096, 65000, 5000, 40000 };
	size_t pos = 0, end = 3 << 20, n, i;
	int fd = *(int *)p;

	for (i = 0; pos < end; pos += n, i++) {
		n = steps[i % ARRAY_SIZE(steps)];
		if (n > end - pos)
			n = end - pos;
		if (send(fd, vt_pattern(pos), n, 0) != (ssize_t)n)
			return -1;
	}
	shutdown(fd, SHUT_WR);
	return pos;
}

TEST_F(stream, bulk)
{
	static const size_t steps[] = { 7000, 65000, 33, 4096, 30000 };
	size_t pos = 0, i = 0;
	struct vt_bg bg;
	char *buf;
	ssize_t n;

	buf = malloc(VT_PATTERN);
	ASSERT_EQ(0, vt_bg_start(&bg, bulk_write, &self->s));
	for (;; pos += n, i++) {
		n = recv(self->r, buf, steps[i % ARRAY_SIZE(steps)], 0);
		ASSERT_LE(0, n);
		if (!n)
			break;
		ASSERT_EQ(0, memcmp(buf, vt_pattern(pos), n));
	}
	ASSERT_EQ(3 << 20, vt_bg_join(&bg));
	ASSERT_EQ(3 << 20, (long)pos);
	free(buf);
	PROVES("STR-07");
}

TEST_F(stream, vectors)
{
	struct iovec out[4] = { { "ab", 2 }, { NULL, 0 }, { "c", 1 },
				{ "defg", 4 } };
	struct msghdr msg = { .msg_iov = out, .msg_iovlen = 4 };
	char a[3], b[2], c[8];
	struct iovec in[3] = { { a, 3 }, { b, 2 }, { c, 8 } };

	ASSERT_EQ(7, writev(self->s, out, 4));
	ASSERT_EQ(7, readv(self->r, in, 3));
	ASSERT_EQ(0, memcmp(a, "abc", 3));
	ASSERT_EQ(0, memcmp(b, "de", 2));
	ASSERT_EQ(0, memcmp(c, "fg", 2));

	/* Both kinds of call share the stream. */
	ASSERT_EQ(7, sendmsg(self->s, &msg, 0));
	ASSERT_EQ(3, write(self->s, "xyz", 3));
	ASSERT_EQ(3, readv(self->r, in, 1));
	ASSERT_EQ(0, memcmp(a, "abc", 3));
	ASSERT_EQ(4, read(self->r, c, 4));
	ASSERT_EQ(0, memcmp(c, "defg", 4));
	msg.msg_iov = in;
	msg.msg_iovlen = 3;
	ASSERT_EQ(3, recvmsg(self->r, &msg, 0));
	ASSERT_EQ(0, memcmp(a, "xyz", 3));

	/* Errors are the same as well. */
	ASSERT_EQ(0, fcntl(self->r, F_SETFL, O_RDWR | O_NONBLOCK));
	ASSERT_EQ(-1, readv(self->r, in, 3));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(-1, read(self->r, a, 3));
	ASSERT_EQ(EAGAIN, errno);
	/* read() of nothing does not reach the socket. */
	ASSERT_EQ(0, read(self->r, a, 0));
	ASSERT_EQ(0, shutdown(self->s, SHUT_WR));
	ASSERT_EQ(0, readv(self->r, in, 3));
	ASSERT_EQ(0, read(self->r, a, 3));
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(-1, writev(self->s, out, 4));
	ASSERT_EQ(EPIPE, errno);
	ASSERT_EQ(-1, write(self->s, "x", 1));
	ASSERT_EQ(EPIPE, errno);
	PROVES("STR-08", "STR-14");
}

TEST_F(stream, bad_memory)
{
	char *bad, buf[8];

	bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(bad != MAP_FAILED);
	ASSERT_EQ(-1, send(self->s, bad, 5, 0));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(-1, write(self->s, bad, 4096));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(0, inq(self->r));

	ASSERT_EQ(5, send(self->s, "hello", 5, 0));
	ASSERT_EQ(-1, recv(self->r, bad, 5, 0));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(-1, recv(self->r, bad, 5, MSG_PEEK));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(5, inq(self->r));
	/* Readable memory is still no place to write. */
	ASSERT_EQ(0, mprotect(bad, 4096, PROT_READ));
	ASSERT_EQ(-1, recv(self->r, bad, 5, 0));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(5, recv(self->r, buf, sizeof(buf), 0));
	ASSERT_EQ(0, memcmp(buf, "hello", 5));
	PROVES("STR-09");
}

TEST_F(stream, recv_trunc)
{
	char buf[8] = "";
	struct iovec iov = { buf, 2 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(5, send(self->s, "abcde", 5, 0));
	ASSERT_EQ(2, recv(self->r, buf, 2, MSG_TRUNC));
	ASSERT_EQ(0, memcmp(buf, "ab", 3));
	ASSERT_EQ(2, recvmsg(self->r, &msg, MSG_TRUNC));
	ASSERT_EQ(0, memcmp(buf, "cd", 3));
	ASSERT_EQ(0, msg.msg_flags);
	ASSERT_EQ(1, inq(self->r));
	PROVES("STR-10");
}

TEST_F(stream, who_limits)
{
	long plain, with_rcvbuf, small, large;
	int sv[2];

	plain = fill(self->s);
	ASSERT_LE(65536, plain);

	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_EQ(0, vt_setint(sv[1], SOL_SOCKET, SO_RCVBUF, 1));
	with_rcvbuf = fill(sv[0]);
	ASSERT_EQ(plain, with_rcvbuf);
	ASSERT_LT(vt_getint(sv[1], SOL_SOCKET, SO_RCVBUF), with_rcvbuf);

	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET, SO_SNDBUF, 8192));
	/* The receiver's own send buffer is not in this direction either. */
	ASSERT_EQ(0, vt_setint(sv[1], SOL_SOCKET, SO_SNDBUF, 100000));
	small = fill(sv[0]);
	ASSERT_LT(0, small);
	ASSERT_LT(small, plain / 2);

	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET, SO_SNDBUF, 32768));
	large = fill(sv[0]);
	ASSERT_LT(small, large);
	ASSERT_LT(large, plain);
	PROVES("STR-11");
}

TEST_F(stream, send_flags)
{
	static const int flags[] = { MSG_EOR, MSG_MORE, MSG_CONFIRM,
		MSG_DONTROUTE, MSG_EOR | MSG_MORE | MSG_CONFIRM | MSG_DONTROUTE
	};
	char buf[8];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		ASSERT_EQ(2, send(self->s, "ab", 2, flags[i]));
		/* Not held back, MSG_MORE or not. */
		ASSERT_EQ(2, inq(self->r));
		ASSERT_EQ(2, send(self->s, "cd", 2, 0));
		msg.msg_flags = -1;
		ASSERT_EQ(4, recvmsg(self->r, &msg, MSG_DONTWAIT));
		ASSERT_EQ(0, memcmp(buf, "abcd", 4));
		ASSERT_EQ(0, msg.msg_flags);
	}
	PROVES("STR-12");
}

TEST_F(stream, unnamed_peer)
{
	struct sockaddr_un un;
	char buf[8];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_name = &un, .msg_namelen = sizeof(un),
			      .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_flags = -1 };

	memset(&un, 0x55, sizeof(un));
	ASSERT_EQ(2, send(self->s, "ab", 2, 0));
	ASSERT_EQ(2, recvmsg(self->r, &msg, 0));
	ASSERT_EQ(0U, msg.msg_namelen);
	ASSERT_EQ(0, msg.msg_flags);
	ASSERT_EQ(0x5555, un.sun_family);
	PROVES("STR-16");
}

TEST_HARNESS_MAIN
