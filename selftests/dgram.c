// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_DGRAM: messages, addressing, errors.  Proves DG-01 to DG-06, DG-09 to
 * DG-11, DG-14 to DG-22; the limits of the queue are in dgram_flow.c.
 */
#include "vunix_test.h"

#include <linux/filter.h>
#include <sys/mman.h>

FIXTURE(dgram)
{
	struct vt_env env;
	int sv[2];
};

FIXTURE_VARIANT(dgram)
{
	int family;
};

VT_FAMILIES(dgram);

FIXTURE_SETUP(dgram)
{
	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_DGRAM, self->sv));
}

FIXTURE_TEARDOWN(dgram)
{
	VT_TEARDOWN();
}

/* A bound datagram socket. */
static int bound(int family, const char *name)
{
	int fd = vt_socket(family, SOCK_DGRAM);

	return fd < 0 || vt_bind(fd, name) ? -1 : fd;
}

static ssize_t take(int fd, void *buf, size_t n)
{
	return recv(fd, buf, n, MSG_DONTWAIT);
}

TEST_F(dgram, one_message_each)
{
	char buf[64], msg[64];
	int i, n;

	for (i = 0; i < 10; i++) {
		n = snprintf(msg, sizeof(msg), "message %*d", i, i);
		ASSERT_EQ(n, send(self->sv[0], msg, n, 0));
	}
	for (i = 0; i < 10; i++) {
		n = snprintf(msg, sizeof(msg), "message %*d", i, i);
		ASSERT_EQ(n, recv(self->sv[1], buf, sizeof(buf), 0));
		ASSERT_EQ(0, memcmp(buf, msg, n));
	}
	ASSERT_EQ(-1, take(self->sv[1], buf, 1));
	ASSERT_EQ(EAGAIN, errno);
	PROVES("DG-01");
}

TEST_F(dgram, truncation)
{
	char buf[8] = "........";
	struct iovec iov = { buf, 3 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(8, send(self->sv[0], "abcdefgh", 8, 0));
	ASSERT_EQ(4, send(self->sv[0], "ijkl", 4, 0));
	ASSERT_EQ(8, send(self->sv[0], "mnopqrst", 8, 0));
	ASSERT_EQ(3, send(self->sv[0], "uvw", 3, 0));

	ASSERT_EQ(3, recvmsg(self->sv[1], &msg, 0));
	ASSERT_EQ(MSG_TRUNC, msg.msg_flags);
	ASSERT_EQ(0, memcmp(buf, "abc.....", 8));
	/* The rest is gone; with the flag the size is the whole one. */
	ASSERT_EQ(4, recvmsg(self->sv[1], &msg, MSG_TRUNC));
	ASSERT_EQ(MSG_TRUNC, msg.msg_flags);
	ASSERT_EQ(0, memcmp(buf, "ijk.....", 8));
	ASSERT_EQ(8, recv(self->sv[1], NULL, 0, MSG_TRUNC));
	/* A buffer that is just enough. */
	ASSERT_EQ(3, recvmsg(self->sv[1], &msg, MSG_TRUNC));
	ASSERT_EQ(0, msg.msg_flags);
	ASSERT_EQ(-1, take(self->sv[1], buf, 8));
	ASSERT_EQ(EAGAIN, errno);
	PROVES("DG-02");
}

/*
 * Behind a first one of each length, the second one is anywhere in a page.  That
 * page's neighbour is another queue's, as they get their pages in turns.
 */
TEST_F(dgram, anywhere_in_a_page)
{
	static char sent[4096], buf[4096];
	int n, i, type, sv[8][2];

	for (n = 0; n < (int)sizeof(sent); n++)
		sent[n] = n * 7 + (n >> 8);
	for (type = 0; type < 2; type++) {
		for (n = 3800; n <= 4096; n += 8) {
			for (i = 0; i < 8; i++) {
				ASSERT_EQ(0, vt_pair(variant->family,
						     type ? SOCK_SEQPACKET :
						     SOCK_DGRAM, sv[i]));
				ASSERT_EQ(n, send(sv[i][0], sent, n, 0));
			}
			for (i = 7; i >= 0; i--)
				ASSERT_EQ(40, send(sv[i][0], sent + i, 40, 0));
			for (i = 0; i < 8; i++) {
				ASSERT_EQ(n, take(sv[i][1], buf, sizeof(buf)));
				ASSERT_EQ(0, memcmp(buf, sent, n));
				ASSERT_EQ(40, take(sv[i][1], buf, sizeof(buf)));
				ASSERT_EQ(0, memcmp(buf, sent + i, 40));
				close(sv[i][0]);
				close(sv[i][1]);
			}
		}
	}
}

TEST_F(dgram, empty_message)
{
	char c = 'c';

	ASSERT_EQ(POLLOUT, vt_poll(self->sv[1], VT_POLL_ALL));
	ASSERT_EQ(0, send(self->sv[0], NULL, 0, 0));
	ASSERT_EQ(POLLIN | POLLOUT, vt_poll(self->sv[1], VT_POLL_ALL));
	ASSERT_EQ(0, recv(self->sv[1], &c, 1, 0));
	ASSERT_EQ('c', c);
	ASSERT_EQ(POLLOUT, vt_poll(self->sv[1], VT_POLL_ALL));
	/* Several, between others. */
	ASSERT_EQ(0, send(self->sv[0], NULL, 0, 0));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(0, send(self->sv[0], NULL, 0, 0));
	ASSERT_EQ(0, take(self->sv[1], &c, 1));
	ASSERT_EQ(1, take(self->sv[1], &c, 1));
	ASSERT_EQ('a', c);
	ASSERT_EQ(0, take(self->sv[1], &c, 1));
	ASSERT_EQ(-1, take(self->sv[1], &c, 1));
	ASSERT_EQ(EAGAIN, errno);
	PROVES("DG-03");
}

TEST_F(dgram, bad_targets)
{
	int s = vt_socket(variant->family, SOCK_DGRAM);
	struct sockaddr_un un;
	int fd, i;

	ASSERT_EQ(-1, vt_sendto(s, "x", 1, 0, "missing"));
	ASSERT_EQ(ENOENT, errno);

	fd = bound(variant->family, "stale");
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(-1, vt_sendto(s, "x", 1, 0, "stale"));
	ASSERT_EQ(ECONNREFUSED, errno);
	fd = open("file", O_CREAT | O_RDWR, 0777);
	ASSERT_LE(0, fd);
	ASSERT_EQ(-1, vt_sendto(s, "x", 1, 0, "file"));
	ASSERT_EQ(ECONNREFUSED, errno);
	ASSERT_EQ(0, mkdir("dir", 0777));
	ASSERT_EQ(-1, vt_sendto(s, "x", 1, 0, "dir"));
	ASSERT_EQ(ECONNREFUSED, errno);
	ASSERT_EQ(-1, vt_sendto(s, "x", 1, 0, "@missing"));
	ASSERT_EQ(ECONNREFUSED, errno);

	vt_path(&un, "stale");
	for (i = 1; i <= 2; i++) {
		ASSERT_EQ(-1, sendto(s, "x", 1, 0, (void *)&un, i));
		ASSERT_EQ(EINVAL, errno);
	}
	ASSERT_EQ(-1, sendto(s, "x", 1, 0, (void *)&un, sizeof(un) + 1));
	ASSERT_EQ(EINVAL, errno);
	for (i = 0; i < 64; i++) {
		if (i == AF_UNIX)
			continue;
		un.sun_family = i;
		ASSERT_EQ(-1, sendto(s, "x", 1, 0, (void *)&un, 8));
		ASSERT_EQ(EINVAL, errno);
	}

	ASSERT_EQ(-1, send(s, "x", 1, 0));
	ASSERT_EQ(ENOTCONN, errno);
	ASSERT_EQ(-1, send(s, "x", 0, 0));
	ASSERT_EQ(ENOTCONN, errno);
	/* Length 0 is no address at all. */
	ASSERT_EQ(-1, sendto(s, "x", 1, 0, (void *)&un, 0));
	ASSERT_EQ(ENOTCONN, errno);
	PROVES("DG-04");
}

TEST_F(dgram, peer_closed)
{
	int s = vt_socket(variant->family, SOCK_DGRAM);
	int r = bound(variant->family, "r");
	struct sockaddr_un un;
	socklen_t len = sizeof(un);

	ASSERT_EQ(0, vt_connect(s, "r"));
	ASSERT_EQ(1, send(s, "x", 1, 0));
	ASSERT_EQ(0, close(r));
	ASSERT_EQ(-1, send(s, "x", 1, 0));
	ASSERT_EQ(ECONNREFUSED, errno);
	ASSERT_EQ(-1, send(s, "x", 1, 0));
	ASSERT_EQ(ENOTCONN, errno);
	ASSERT_EQ(-1, getpeername(s, (void *)&un, &len));
	ASSERT_EQ(ENOTCONN, errno);

	ASSERT_EQ(0, close(self->sv[1]));
	ASSERT_EQ(-1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(ECONNREFUSED, errno);
	ASSERT_EQ(-1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(ENOTCONN, errno);
	PROVES("DG-05");
}

TEST_F(dgram, size_limit)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	static const int bufs[] = { 0, 1, 10000, 50001 };
	char *buf = calloc(1, 1 << 20);
	int sv[2], i, j, max;

	for (i = 0; i < 2; i++) {
		for (j = 0; j < 4; j++) {
			ASSERT_EQ(0, vt_pair(variant->family, types[i], sv));
			if (bufs[j])
				ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET,
						       SO_SNDBUF, bufs[j]));
			max = vt_getint(sv[0], SOL_SOCKET, SO_SNDBUF) - 32;
			ASSERT_LT(0, max);
			ASSERT_LT(max, 1 << 20);
			ASSERT_EQ(-1, send(sv[0], buf, max + 1, 0));
			ASSERT_EQ(EMSGSIZE, errno);
			ASSERT_EQ(max, send(sv[0], buf, max, 0));
			ASSERT_EQ(max, recv(sv[1], buf, 1 << 20, MSG_DONTWAIT));
			ASSERT_EQ(-1, take(sv[1], buf, 1));
			ASSERT_EQ(EAGAIN, errno);
			close(sv[0]);
			close(sv[1]);
		}
	}
	free(buf);
	PROVES("DG-06");
}

/* SO_SNDBUF admits more than all that may be queued can count up to. */
TEST_F(dgram, largest_sndbuf)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	const size_t huge = 0x7ffff000;
	char *buf = calloc(1, 60000), *none;
	int sv[2], i, n;

	if (sizeof(long) == 4)
		SKIP(return, "64 bits only");
	/* Nobody gets so far as to read it. */
	none = mmap(NULL, huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		    MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(none != MAP_FAILED);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, types[i], sv));
		ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET, SO_SNDBUFFORCE,
				       0x3fffffff));
		ASSERT_EQ(0x7ffffffe, vt_getint(sv[0], SOL_SOCKET, SO_SNDBUF));
		buf[59999] = 1 + i;
		ASSERT_EQ(60000, send(sv[0], buf, 60000, 0));
		ASSERT_EQ(-1, send(sv[0], none, huge, 0));
		ASSERT_EQ(ENOBUFS, errno);
		ASSERT_EQ(60000, send(sv[0], buf, 60000, 0));
		memset(buf, 0, 60000);
		ASSERT_EQ(60000, recv(sv[1], buf, 60000, 0));
		ASSERT_EQ(1 + i, buf[59999]);
		ASSERT_EQ(60000, recv(sv[1], buf, 60000, 0));
		ASSERT_EQ(0, ioctl(sv[0], SIOCOUTQ, &n));
		ASSERT_EQ(0, n);
		close(sv[0]);
		close(sv[1]);
	}
	munmap(none, huge);
	free(buf);
	PROVES("DG-06");
}

TEST_F(dgram, sendto_connected)
{
	int s = vt_socket(variant->family, SOCK_DGRAM);
	int a = bound(variant->family, "a");
	int b = bound(variant->family, "@b");
	char buf[4];

	ASSERT_EQ(0, vt_connect(s, "a"));
	ASSERT_EQ(1, vt_sendto(s, "1", 1, 0, "@b"));
	ASSERT_EQ(1, send(s, "2", 1, 0));
	ASSERT_EQ(1, take(b, buf, 4));
	ASSERT_EQ('1', buf[0]);
	ASSERT_EQ(-1, take(b, buf, 4));
	ASSERT_EQ(1, take(a, buf, 4));
	ASSERT_EQ('2', buf[0]);
	/* A failed one does not end the association either. */
	ASSERT_EQ(-1, vt_sendto(s, "x", 1, 0, "missing"));
	ASSERT_EQ(ENOENT, errno);
	ASSERT_EQ(1, send(s, "3", 1, 0));
	ASSERT_EQ(1, take(a, buf, 4));
	ASSERT_EQ('3', buf[0]);
	PROVES("DG-09");
}

TEST_F(dgram, receive_after_close)
{
	struct vt_io io;
	struct vt_bg bg;
	int r, s, i;
	char buf[4];

	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(1, send(self->sv[0], "b", 1, 0));
	close(self->sv[0]);
	ASSERT_EQ(1, take(self->sv[1], buf, 4));
	ASSERT_EQ('a', buf[0]);
	ASSERT_EQ(1, take(self->sv[1], buf, 4));
	ASSERT_EQ('b', buf[0]);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(-1, take(self->sv[1], buf, 4));
		ASSERT_EQ(EAGAIN, errno);
	}
	ASSERT_EQ(0, vt_getint(self->sv[1], SOL_SOCKET, SO_ERROR));

	/* A waiting reader goes on waiting, for whoever sends. */
	r = bound(variant->family, "r");
	s = bound(variant->family, "s");
	ASSERT_EQ(0, vt_connect(r, "s"));
	ASSERT_EQ(0, vt_connect(s, "r"));
	io = (struct vt_io){ r, buf, sizeof(buf), 0 };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	close(s);
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	s = vt_socket(variant->family, SOCK_DGRAM);
	/* r still belongs to the closed one: first dissolve that. */
	ASSERT_EQ(-1, vt_sendto(s, "d", 1, 0, "r"));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(-1, send(r, "x", 1, 0));
	ASSERT_EQ(ECONNREFUSED, errno);
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	ASSERT_EQ(1, vt_sendto(s, "d", 1, 0, "r"));
	ASSERT_EQ(1, vt_bg_join(&bg));
	ASSERT_EQ('d', buf[0]);
	PROVES("DG-10");
}

TEST_F(dgram, closed_unread)
{
	int s = vt_socket(variant->family, SOCK_DGRAM);
	int r = bound(variant->family, "r");

	ASSERT_EQ(1, vt_sendto(s, "x", 1, 0, "r"));
	ASSERT_EQ(0, vt_connect(s, "r"));
	ASSERT_EQ(1, send(s, "y", 1, 0));
	close(r);
	ASSERT_EQ(0, vt_getint(s, SOL_SOCKET, SO_ERROR));
	ASSERT_EQ(POLLOUT, vt_poll(s, VT_POLL_ALL));

	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	close(self->sv[1]);
	ASSERT_EQ(0, vt_getint(self->sv[0], SOL_SOCKET, SO_ERROR));
	PROVES("DG-11");
}

TEST_F(dgram, oob)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	char buf[4];
	int sv[2], i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, types[i], sv));
		ASSERT_EQ(-1, send(sv[0], "x", 1, MSG_OOB));
		ASSERT_EQ(EOPNOTSUPP, errno);
		ASSERT_EQ(-1, recv(sv[1], buf, 4, MSG_OOB));
		ASSERT_EQ(EOPNOTSUPP, errno);
		ASSERT_EQ(-1, take(sv[1], buf, 4));
		ASSERT_EQ(EAGAIN, errno);
		ASSERT_EQ(1, send(sv[0], "y", 1, 0));
		ASSERT_EQ(-1, recv(sv[1], buf, 4, MSG_OOB));
		ASSERT_EQ(EOPNOTSUPP, errno);
		ASSERT_EQ(1, take(sv[1], buf, 4));
	}
	PROVES("DG-14");
}

TEST_F(dgram, shutdown)
{
	int s = vt_socket(variant->family, SOCK_DGRAM);
	int r = bound(variant->family, "r");
	char buf[4];

	ASSERT_EQ(1, vt_sendto(s, "a", 1, 0, "r"));
	ASSERT_EQ(0, shutdown(r, SHUT_RD));
	ASSERT_EQ(-1, vt_sendto(s, "b", 1, 0, "r"));
	ASSERT_EQ(EPIPE, errno);
	ASSERT_EQ(0, vt_connect(s, "r"));
	ASSERT_EQ(-1, send(s, "b", 1, 0));
	ASSERT_EQ(EPIPE, errno);
	/* Blocking: what is queued, then the end. */
	ASSERT_EQ(1, recv(r, buf, 4, 0));
	ASSERT_EQ('a', buf[0]);
	ASSERT_EQ(0, recv(r, buf, 4, 0));
	ASSERT_EQ(0, recv(r, buf, 4, 0));

	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	ASSERT_EQ(-1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(EPIPE, errno);
	ASSERT_EQ(1, send(self->sv[1], "x", 1, 0));
	ASSERT_EQ(1, take(self->sv[0], buf, 4));
	PROVES("DG-15");
}

TEST_F(dgram, no_sigpipe)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	sigset_t set;
	int sv[2], i;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, types[i], sv));
		ASSERT_EQ(0, shutdown(sv[1], SHUT_RD));
		ASSERT_EQ(-1, send(sv[0], "x", 1, 0));
		ASSERT_EQ(EPIPE, errno);
		ASSERT_EQ(-1, write(sv[0], "x", 1));
		ASSERT_EQ(EPIPE, errno);
		ASSERT_EQ(0, shutdown(sv[0], SHUT_WR));
		ASSERT_EQ(-1, write(sv[0], "x", 1));
		ASSERT_EQ(EPIPE, errno);
	}
	close(sv[1]);
	ASSERT_EQ(-1, write(sv[0], "x", 1));
	ASSERT_EQ(EPIPE, errno);
	ASSERT_EQ(0, sigpending(&set));
	ASSERT_EQ(0, sigismember(&set, SIGPIPE));
	/* One would have shown. */
	raise(SIGPIPE);
	ASSERT_EQ(0, sigpending(&set));
	ASSERT_EQ(1, sigismember(&set, SIGPIPE));
	PROVES("DG-16");
}

TEST_F(dgram, large_messages)
{
	int max = vt_getint(self->sv[0], SOL_SOCKET, SO_SNDBUF) - 32;
	const int sizes[] = { 4095, 4096, 4097, 8192, 32768, 36865, 65521,
			      100000, 131073, max };
	char *out, *in;
	int i, j, n;

	ASSERT_LE(131073, max);
	out = malloc(max);
	in = malloc(max + 1);
	for (i = 0; i < max; i += n) {
		n = max - i < VT_PATTERN ? max - i : VT_PATTERN;
		memcpy(out + i, vt_pattern(i), n);
	}
	/* Twice: storage may be reused the second time. */
	for (j = 0; j < 2; j++) {
		for (i = 0; i < (int)ARRAY_SIZE(sizes); i++) {
			ASSERT_EQ(sizes[i],
				  send(self->sv[0], out + max - sizes[i],
				       sizes[i], 0));
			in[sizes[i]] = 'e';
			ASSERT_EQ(sizes[i], recv(self->sv[1], in, max + 1, 0));
			ASSERT_EQ(0, memcmp(in, out + max - sizes[i],
					    sizes[i]));
			ASSERT_EQ('e', in[sizes[i]]);
		}
	}
	free(in);
	free(out);
	PROVES("DG-17");
}

TEST_F(dgram, several_senders)
{
	int r = bound(variant->family, "@r");
	struct sockaddr_un un;
	char name[8], buf[4];
	socklen_t len;
	int s[3], i;

	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "@s%d", i);
		s[i] = bound(variant->family, name);
		ASSERT_LE(0, s[i]);
	}
	ASSERT_EQ(0, vt_connect(s[1], "@r"));
	for (i = 0; i < 9; i++) {
		buf[0] = i;
		ASSERT_EQ(1, vt_sendto(s[i * 2 % 3], buf, 1, 0, "@r"));
	}
	for (i = 0; i < 9; i++) {
		len = sizeof(un);
		ASSERT_EQ(1, recvfrom(r, buf, 4, MSG_DONTWAIT, (void *)&un,
				      &len));
		ASSERT_EQ(i, buf[0]);
		ASSERT_EQ('0' + i * 2 % 3, un.sun_path[2]);
	}
	PROVES("DG-18");
}

TEST_F(dgram, bad_memory)
{
	int s = vt_socket(variant->family, SOCK_DGRAM);
	int r = bound(variant->family, "r");
	char *page, buf[8];
	int n;

	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(page != MAP_FAILED);
	ASSERT_EQ(0, munmap(page + 4096, 4096));

	ASSERT_EQ(-1, send(self->sv[0], page + 4096, 1, 0));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(-1, send(self->sv[0], page + 4090, 10, 0));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(-1, sendto(s, "x", 1, 0, (void *)(page + 4096), 8));
	ASSERT_EQ(EFAULT, errno);
	memcpy(page + 4092, &(sa_family_t){ AF_UNIX }, 2);
	ASSERT_EQ(-1, sendto(s, "x", 1, 0, (void *)(page + 4092), 8));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(-1, take(r, buf, 8));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(-1, take(self->sv[1], buf, 8));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, ioctl(self->sv[0], SIOCOUTQ, &n));
	ASSERT_EQ(0, n);
	PROVES("DG-19");

	/* A receive that faults has taken the message. */
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(3, send(self->sv[0], "def", 3, 0));
	ASSERT_EQ(-1, take(self->sv[1], page + 4096, 3));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(3, take(self->sv[1], buf, 8));
	ASSERT_EQ(0, memcmp(buf, "def", 3));
	ASSERT_EQ(3, send(self->sv[0], "ghi", 3, 0));
	ASSERT_EQ(-1, take(self->sv[1], page + 4094, 3));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(-1, take(self->sv[1], buf, 8));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, ioctl(self->sv[0], SIOCOUTQ, &n));
	ASSERT_EQ(0, n);
	PROVES("DG-20");
}

static int filter(int fd, unsigned int ret)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, ret);
	struct sock_fprog prog = { .len = 1, .filter = &code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			  sizeof(prog));
}

TEST_F(dgram, socket_filter)
{
	/* Accept messages that begin with 'a'. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'a', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = 4, .filter = code };
	char buf[8];
	int n;

	ASSERT_EQ(0, filter(self->sv[1], 0));
	ASSERT_EQ(5, send(self->sv[0], "hello", 5, 0));
	ASSERT_EQ(-1, take(self->sv[1], buf, 8));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, ioctl(self->sv[0], SIOCOUTQ, &n));
	ASSERT_EQ(0, n);
	/* The sender's own filter plays no part. */
	ASSERT_EQ(5, send(self->sv[1], "hello", 5, 0));
	ASSERT_EQ(5, take(self->sv[0], buf, 8));

	ASSERT_EQ(0, filter(self->sv[1], 0x10000));
	ASSERT_EQ(5, send(self->sv[0], "world", 5, 0));
	ASSERT_EQ(5, take(self->sv[1], buf, 8));
	ASSERT_EQ(0, memcmp(buf, "world", 5));
	ASSERT_EQ(0, filter(self->sv[1], 5));
	ASSERT_EQ(5, send(self->sv[0], "again", 5, 0));
	ASSERT_EQ(5, take(self->sv[1], buf, 8));
	ASSERT_EQ(0, memcmp(buf, "again", 5));

	ASSERT_EQ(0, setsockopt(self->sv[1], SOL_SOCKET, SO_ATTACH_FILTER,
				&prog, sizeof(prog)));
	ASSERT_EQ(3, send(self->sv[0], "bcd", 3, 0));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(3, take(self->sv[1], buf, 8));
	ASSERT_EQ(0, memcmp(buf, "abc", 3));
	ASSERT_EQ(-1, take(self->sv[1], buf, 8));
	ASSERT_EQ(0, vt_setint(self->sv[1], SOL_SOCKET, SO_DETACH_FILTER, 0));
	ASSERT_EQ(3, send(self->sv[0], "bcd", 3, 0));
	ASSERT_EQ(3, take(self->sv[1], buf, 8));
	PROVES("DG-21", "DG-22");
}

/* More than fits into the pages of one sk_buff, which a filter is shown. */
TEST_F(dgram, filter_large)
{
	int len = 180000, i;
	char *buf = malloc(2 * len), *sent = buf + len;

	ASSERT_TRUE(!!buf);
	for (i = 0; i < len; i++)
		sent[i] = i * 7 + (i >> 12);
	ASSERT_EQ(0, filter(self->sv[1], 0xffffffff));
	for (i = 0; i < 2; i++) {
		memset(buf, 'x', len);
		ASSERT_EQ(len, send(self->sv[0], sent, len, 0));
		ASSERT_EQ(len, take(self->sv[1], buf, len));
		ASSERT_EQ(0, memcmp(buf, sent, len));
		ASSERT_EQ(0, filter(self->sv[1], 0xffffffff));
	}
	free(buf);
	PROVES("DG-22");
}

TEST_HARNESS_MAIN
