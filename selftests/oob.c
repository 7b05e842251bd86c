// SPDX-License-Identifier: GPL-2.0
/*
 * Urgent data on streams.  Proves OOB-01 to OOB-17; sequences of several
 * urgent bytes are in oob_marks.c.
 */
#include "oob.h"

VT_FIXTURE_PAIR(oob, VT_FAMILIES, SOCK_STREAM, s, r);

TEST_F(oob, urgent_byte)
{
	struct vt_io io;
	struct vt_bg bg;
	char c = 0;
	int fd;

	/* Blocking calls: none of these may wait. */
	fd = vt_socket(variant->family, SOCK_STREAM);
	ASSERT_EQ(EINVAL, vt_err(recv(fd, &c, 1, MSG_OOB)));
	ASSERT_EQ(EINVAL, vt_err(recv(self->r, &c, 1, MSG_OOB)));
	ASSERT_TRUE(put(self->s, "x", 0));
	ASSERT_EQ(EINVAL, vt_err(recv(self->r, &c, 1, MSG_OOB)));
	ASSERT_EQ(EINVAL, vt_err(recv(self->r, &c, 1, MSG_OOB | MSG_WAITALL)));
	ASSERT_TRUE(get(self->r, 8, 0, "x"));
	PROVES("OOB-02");

	ASSERT_EQ(5, send(self->s, "hello", 5, MSG_OOB));
	ASSERT_EQ(1, recv(self->r, &c, 1, MSG_OOB));
	ASSERT_EQ('o', c);
	ASSERT_EQ(EINVAL, vt_err(recv(self->r, &c, 1, MSG_OOB)));
	ASSERT_TRUE(get(self->r, 8, 0, "hell"));
	/* A larger buffer gets one byte; a single byte is sent alone. */
	ASSERT_EQ(1, send(self->s, "x", 1, MSG_OOB));
	ASSERT_TRUE(get(self->r, 8, MSG_OOB, "x"));
	ASSERT_EQ(EINVAL, get_err(self->r, 8, MSG_OOB));
	/* A reader that waits for data does not keep it from being taken. */
	io = (struct vt_io){ self->r, &c, 1, 0 };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(EINVAL, get_err(self->r, 8, MSG_OOB));
	ASSERT_TRUE(put(self->s, "y", 0));
	ASSERT_EQ(1, vt_bg_join(&bg));
	ASSERT_EQ('y', c);
	PROVES("OOB-01");
}

TEST_F(oob, reads_stop)
{
	char buf[8];

	ASSERT_TRUE(put(self->s, "hello", MSG_OOB));
	ASSERT_TRUE(put(self->s, "world", 0));
	ASSERT_TRUE(get(self->r, 16, 0, "hell"));
	ASSERT_TRUE(get(self->r, 16, 0, "world"));
	ASSERT_EQ(EINVAL, get_err(self->r, 1, MSG_OOB));
	ASSERT_EQ(EAGAIN, get_err(self->r, 1, 0));
	/* MSG_WAITALL does not read on either. */
	ASSERT_TRUE(put(self->s, "hello", MSG_OOB));
	ASSERT_TRUE(put(self->s, "world", 0));
	ASSERT_EQ(4, recv(self->r, buf, 8, MSG_WAITALL));
	ASSERT_TRUE(get(self->r, 16, 0, "world"));
	PROVES("OOB-03");
}

TEST_F(oob, taken_byte_stops)
{
	SKIP_OLDER(10, "OOB-04");
	ASSERT_TRUE(put(self->s, "hello", MSG_OOB));
	ASSERT_TRUE(put(self->s, "world", 0));
	ASSERT_TRUE(get(self->r, 1, MSG_OOB, "o"));
	ASSERT_TRUE(get(self->r, 16, 0, "hell"));
	ASSERT_TRUE(get(self->r, 16, 0, "world"));
	ASSERT_EQ(EAGAIN, get_err(self->r, 1, 0));
	PROVES("OOB-04");
}

TEST_F(oob, inlined)
{
	ASSERT_EQ(0, set_inline(self->r));
	ASSERT_TRUE(put(self->s, "hello", MSG_OOB));
	ASSERT_TRUE(put(self->s, "world", 0));
	ASSERT_EQ(EINVAL, get_err(self->r, 1, MSG_OOB));
	ASSERT_EQ(2, state(self->r));
	ASSERT_TRUE(get(self->r, 16, 0, "hell"));
	ASSERT_EQ(3, state(self->r));
	ASSERT_EQ(EINVAL, get_err(self->r, 1, MSG_OOB));
	ASSERT_TRUE(get(self->r, 16, 0, "oworld"));
	ASSERT_EQ(0, state(self->r));
	PROVES("OOB-05");
}

TEST_F(oob, inlined_later)
{
	ASSERT_TRUE(put(self->s, "hello", MSG_OOB));
	ASSERT_EQ(0, set_inline(self->r));
	ASSERT_EQ(EINVAL, get_err(self->r, 1, MSG_OOB));
	ASSERT_TRUE(get(self->r, 16, 0, "hell"));
	ASSERT_TRUE(get(self->r, 16, 0, "o"));
	ASSERT_EQ(EAGAIN, get_err(self->r, 16, 0));
	/* Switched on at the mark. */
	ASSERT_EQ(0, vt_setint(self->r, SOL_SOCKET, SO_OOBINLINE, 0));
	ASSERT_TRUE(put(self->s, "x", MSG_OOB));
	ASSERT_EQ(0, set_inline(self->r));
	ASSERT_TRUE(get(self->r, 16, 0, "x"));
	PROVES("OOB-17");
}

TEST_F(oob, mark)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	int i, n, sv[2];

	ASSERT_EQ(0, at_mark(self->r));
	ASSERT_TRUE(put(self->s, "ab", 0));
	ASSERT_EQ(0, at_mark(self->r));
	ASSERT_TRUE(put(self->s, "cd", MSG_OOB));
	ASSERT_EQ(0, at_mark(self->r));
	ASSERT_TRUE(get(self->r, 2, 0, "ab"));
	ASSERT_EQ(0, at_mark(self->r));
	ASSERT_TRUE(get(self->r, 2, 0, "c"));
	ASSERT_EQ(1, at_mark(self->r));
	ASSERT_EQ(1, sockatmark(self->r));
	ASSERT_EQ(0, sockatmark(self->s));
	ASSERT_TRUE(put(self->s, "ef", 0));
	ASSERT_EQ(1, at_mark(self->r));
	ASSERT_TRUE(get(self->r, 2, 0, "ef"));
	ASSERT_EQ(0, at_mark(self->r));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, types[i], sv));
		ASSERT_EQ(EOPNOTSUPP, vt_err(ioctl(sv[0], SIOCATMARK, &n)));
		ASSERT_EQ(-1, sockatmark(sv[0]));
		ASSERT_EQ(EOPNOTSUPP, errno);
	}
	ASSERT_EQ(EFAULT, vt_err(ioctl(self->r, SIOCATMARK, NULL)));
	PROVES("OOB-06");
}

TEST_F(oob, mark_of_taken)
{
	SKIP_OLDER(11, "OOB-07");
	ASSERT_TRUE(put(self->s, "hello", MSG_OOB));
	ASSERT_TRUE(put(self->s, "world", 0));
	ASSERT_TRUE(get(self->r, 1, MSG_OOB, "o"));
	ASSERT_EQ(0, state(self->r));
	ASSERT_TRUE(get(self->r, 4, 0, "hell"));
	ASSERT_EQ(1, state(self->r));
	ASSERT_TRUE(get(self->r, 1, 0, "w"));
	ASSERT_EQ(0, state(self->r));
	ASSERT_TRUE(get(self->r, 8, 0, "orld"));
	ASSERT_EQ(0, state(self->r));

	ASSERT_TRUE(put(self->s, "x", MSG_OOB));
	ASSERT_TRUE(get(self->r, 1, MSG_OOB, "x"));
	ASSERT_EQ(1, state(self->r));
	ASSERT_EQ(EAGAIN, get_err(self->r, 1, 0));
	ASSERT_EQ(0, state(self->r));
	PROVES("OOB-07");
}

TEST_F(oob, second_byte)
{
	int sv[2];

	ASSERT_TRUE(put(self->s, "abc", MSG_OOB));
	ASSERT_TRUE(put(self->s, "def", MSG_OOB));
	ASSERT_TRUE(get(self->r, 1, MSG_OOB, "f"));
	ASSERT_EQ(EINVAL, get_err(self->r, 1, MSG_OOB));
	ASSERT_TRUE(get(self->r, 5, 0, "abcde"));
	/*
	 * The reader was at the mark of the first already.  A fresh pair: what
	 * taken bytes leave behind changed in 6.10, and has rows of its own.
	 */
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_TRUE(put(sv[0], "x", MSG_OOB));
	ASSERT_EQ(3, state(sv[1]));
	ASSERT_TRUE(put(sv[0], "y", MSG_OOB));
	ASSERT_EQ(2, state(sv[1]));
	ASSERT_TRUE(get(sv[1], 8, 0, "x"));
	ASSERT_EQ(3, state(sv[1]));
	ASSERT_TRUE(get(sv[1], 8, MSG_OOB, "y"));
	PROVES("OOB-08");
}

/* A connection that waits has no byte: it counts as a mark. */
TEST_F(oob, mark_of_listener)
{
	struct sockaddr_un un;
	int fd, client, n;
	socklen_t len;

	if (VT_UNIX_OLDER(6, 11))
		SKIP(return, "AF_UNIX since 6.11 only");
	fd = vt_socket(variant->family, SOCK_STREAM);
	client = vt_socket(variant->family, SOCK_STREAM);
	len = vt_path(&un, "mark");
	ASSERT_EQ(0, bind(fd, (void *)&un, len));
	ASSERT_EQ(0, listen(fd, 4));
	ASSERT_EQ(0, at_mark(fd));
	ASSERT_EQ(0, connect(client, (void *)&un, len));
	ASSERT_EQ(1, at_mark(fd));
	ASSERT_EQ(0, at_mark(client));
	ASSERT_TRUE(put(client, "a", 0));
	ASSERT_EQ(1, at_mark(fd));
	n = accept(fd, NULL, NULL);
	ASSERT_LE(0, n);
	ASSERT_EQ(0, at_mark(fd));
	ASSERT_EQ(0, at_mark(n));
	PROVES("OOB-06");
}

/* Signals of this number pending for us, taken. */
static int signals(int sig)
{
	struct timespec none = { 0 };
	sigset_t set;
	int n = 0;

	sigemptyset(&set);
	sigaddset(&set, sig);
	while (sigtimedwait(&set, NULL, &none) == sig)
		n++;
	return n;
}

TEST_F(oob, sigurg)
{
	sigset_t set;
	int i;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_TRUE(put(self->s, "x", MSG_OOB));
	ASSERT_EQ(0, signals(SIGURG));
	ASSERT_EQ(0, fcntl(self->r, F_SETOWN, getpid()));
	ASSERT_EQ(0, signals(SIGURG));
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(put(self->s, "abc", MSG_OOB));
		ASSERT_EQ(1, signals(SIGURG));
		ASSERT_TRUE(put(self->s, "abc", 0));
		ASSERT_EQ(0, signals(SIGURG));
	}
	/* Nor for what the reader or the other direction does. */
	ASSERT_TRUE(get(self->r, 1, MSG_OOB, "c"));
	ASSERT_TRUE(put(self->r, "x", MSG_OOB));
	ASSERT_EQ(0, signals(SIGURG));
	PROVES("OOB-09");
}

TEST_F(oob, pollpri)
{
	int sv[2];

	ASSERT_EQ(POLLOUT, vt_poll(self->r, VT_POLL_ALL));
	ASSERT_TRUE(put(self->s, "ab", 0));
	ASSERT_EQ(POLLOUT | POLLIN, vt_poll(self->r, VT_POLL_ALL));
	ASSERT_TRUE(put(self->s, "c", MSG_OOB));
	ASSERT_EQ(POLLOUT | POLLIN | POLLPRI, vt_poll(self->r, VT_POLL_ALL));
	ASSERT_TRUE(get(self->r, 1, MSG_OOB | MSG_PEEK, "c"));
	ASSERT_EQ(POLLOUT | POLLIN | POLLPRI, vt_poll(self->r, VT_POLL_ALL));
	ASSERT_TRUE(get(self->r, 1, MSG_OOB, "c"));
	ASSERT_EQ(POLLOUT | POLLIN, vt_poll(self->r, VT_POLL_ALL));
	/* Passed by instead of taken. */
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_TRUE(put(sv[0], "ab", 0));
	ASSERT_TRUE(put(sv[0], "d", MSG_OOB));
	ASSERT_TRUE(put(sv[0], "e", 0));
	ASSERT_TRUE(get(sv[1], 2, 0, "ab"));
	ASSERT_EQ(POLLOUT | POLLIN | POLLPRI, vt_poll(sv[1], VT_POLL_ALL));
	ASSERT_TRUE(get(sv[1], 2, 0, "e"));
	ASSERT_EQ(POLLOUT, vt_poll(sv[1], VT_POLL_ALL));
	PROVES("OOB-10");
}

TEST_F(oob, small_things)
{
	struct sockaddr_un un;
	char buf[4];
	struct iovec iov = { buf, 4 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd;

	ASSERT_EQ(EOPNOTSUPP, vt_err(send(self->s, "", 0, MSG_OOB)));
	ASSERT_EQ(0, state(self->r));
	PROVES("OOB-11");

	ASSERT_TRUE(put(self->s, "xy", MSG_OOB));
	ASSERT_EQ(1, recvmsg(self->r, &msg, MSG_OOB | MSG_PEEK));
	ASSERT_EQ('y', buf[0]);
	ASSERT_EQ(MSG_OOB, msg.msg_flags);
	ASSERT_EQ(2, state(self->r));
	ASSERT_EQ(1, recvmsg(self->r, &msg, MSG_OOB));
	ASSERT_EQ('y', buf[0]);
	ASSERT_EQ(MSG_OOB, msg.msg_flags);
	ASSERT_EQ(1, recvmsg(self->r, &msg, 0));
	ASSERT_EQ('x', buf[0]);
	ASSERT_EQ(0, msg.msg_flags);
	PROVES("OOB-12");

	fd = vt_socket(variant->family, SOCK_STREAM);
	ASSERT_EQ(ENOTCONN, vt_err(send(fd, "x", 1, MSG_OOB)));
	ASSERT_EQ(ENOTCONN, vt_err(send(fd, "xy", 2, MSG_OOB)));
	vt_path(&un, "x");
	ASSERT_EQ(EOPNOTSUPP, vt_err(sendto(fd, "x", 1, MSG_OOB, (void *)&un,
					    sizeof(un))));
	ASSERT_EQ(EISCONN, vt_err(sendto(self->s, "x", 1, MSG_OOB, (void *)&un,
					 sizeof(un))));
	close(self->r);
	ASSERT_EQ(EPIPE, vt_err(send(self->s, "x", 1,
				     MSG_OOB | MSG_NOSIGNAL)));
	ASSERT_EQ(EPIPE, vt_err(send(self->s, "xy", 2,
				     MSG_OOB | MSG_NOSIGNAL)));
	PROVES("OOB-16");
}

/* No room for the byte is no fault; it is gone all the same. */
TEST_F(oob, no_room)
{
	struct iovec iov = { NULL, 0 };
	struct msghdr msg = { .msg_iov = &iov };
	int i, sv[2];
	char c;

	/* Fresh pairs: what a taken byte leaves behind changed in 6.10. */
	for (i = 0; i < 2; i++) {
		msg.msg_iovlen = i;
		ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
		ASSERT_TRUE(put(sv[0], "xy", MSG_OOB));
		ASSERT_EQ(1, recvmsg(sv[1], &msg, MSG_OOB | MSG_PEEK));
		ASSERT_EQ(MSG_OOB, msg.msg_flags);
		ASSERT_EQ(2, state(sv[1]));
		ASSERT_EQ(1, recvmsg(sv[1], &msg, MSG_OOB));
		ASSERT_EQ(MSG_OOB, msg.msg_flags);
		ASSERT_EQ(EINVAL, get_err(sv[1], 1, MSG_OOB));
		ASSERT_TRUE(get(sv[1], 1, 0, "x"));
	}
	ASSERT_TRUE(put(self->s, "z", MSG_OOB));
	ASSERT_EQ(1, recv(self->r, &c, 0, MSG_OOB));
	ASSERT_EQ(EINVAL, get_err(self->r, 1, MSG_OOB));
	/* A bad address is one. */
	ASSERT_TRUE(put(self->s, "z", MSG_OOB));
	ASSERT_EQ(EFAULT, vt_err(recv(self->r, (void *)16, 1, MSG_OOB)));
	PROVES("OOB-12");
}

TEST_F(oob, peek)
{
	SKIP_OLDER(10, "OOB-13");
	ASSERT_TRUE(put(self->s, "hello", MSG_OOB));
	ASSERT_TRUE(put(self->s, "world", 0));
	ASSERT_TRUE(get(self->r, 16, MSG_PEEK, "hell"));
	ASSERT_TRUE(get(self->r, 16, MSG_PEEK, "hell"));
	ASSERT_TRUE(get(self->r, 16, 0, "hell"));
	ASSERT_TRUE(get(self->r, 16, MSG_PEEK, "world"));
	ASSERT_TRUE(get(self->r, 16, MSG_PEEK, "world"));
	ASSERT_EQ(3, state(self->r));
	ASSERT_TRUE(get(self->r, 1, MSG_OOB, "o"));
	ASSERT_TRUE(get(self->r, 16, 0, "world"));
	PROVES("OOB-13");
}

TEST_F(oob, only_urgent)
{
	struct vt_io io;
	struct vt_bg bg;
	char buf[8];

	SKIP_OLDER(11, "OOB-14");
	ASSERT_TRUE(put(self->s, "x", MSG_OOB));
	ASSERT_EQ(EAGAIN, get_err(self->r, 8, MSG_PEEK));
	ASSERT_EQ(EAGAIN, get_err(self->r, 8, MSG_PEEK));
	ASSERT_EQ(3, state(self->r));
	ASSERT_EQ(EAGAIN, get_err(self->r, 8, 0));
	ASSERT_EQ(0, state(self->r));
	ASSERT_EQ(EINVAL, get_err(self->r, 1, MSG_OOB));
	/* One that waits passes by it as well, and goes on waiting. */
	ASSERT_TRUE(put(self->s, "x", MSG_OOB));
	io = (struct vt_io){ self->r, buf, 8, 0 };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(EINVAL, get_err(self->r, 1, MSG_OOB));
	ASSERT_TRUE(put(self->s, "y", 0));
	ASSERT_EQ(1, vt_bg_join(&bg));
	ASSERT_EQ('y', buf[0]);
	/* With the peer gone it ends. */
	ASSERT_TRUE(put(self->s, "x", MSG_OOB));
	ASSERT_EQ(0, shutdown(self->s, SHUT_WR));
	ASSERT_TRUE(get(self->r, 8, 0, ""));
	ASSERT_EQ(EINVAL, get_err(self->r, 1, MSG_OOB));
	PROVES("OOB-14");
}

TEST_F(oob, close_with_urgent)
{
	int sv[2];

	SKIP_OLDER(16, "OOB-15");
	ASSERT_TRUE(put(self->s, "x", MSG_OOB));
	ASSERT_TRUE(get(self->r, 1, MSG_OOB, "x"));
	close(self->r);
	ASSERT_TRUE(get(self->s, 1, 0, ""));
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_TRUE(put(sv[0], "ab", MSG_OOB));
	ASSERT_TRUE(get(sv[1], 1, MSG_OOB, "b"));
	ASSERT_TRUE(get(sv[1], 8, 0, "a"));
	close(sv[1]);
	ASSERT_TRUE(get(sv[0], 1, 0, ""));

	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_TRUE(put(sv[0], "x", MSG_OOB));
	close(sv[1]);
	ASSERT_EQ(ECONNRESET, get_err(sv[0], 1, 0));
	ASSERT_TRUE(get(sv[0], 1, 0, ""));
	/* A taken one in front of other data does not help. */
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_TRUE(put(sv[0], "x", MSG_OOB));
	ASSERT_TRUE(put(sv[0], "y", 0));
	ASSERT_TRUE(get(sv[1], 1, MSG_OOB, "x"));
	close(sv[1]);
	ASSERT_EQ(ECONNRESET, get_err(sv[0], 1, 0));
	PROVES("OOB-15");
}

/* An empty receive at a mark returns instead of waiting for what follows. */
TEST_F(oob, empty_receive)
{
	struct vt_io io;
	struct vt_bg bg;
	char c;
	int i;

	/* AF_UNIX before 7.3 waits; only vunix matters there. */
	if (VT_UNIX_OLDER(7, 3))
		return;
	for (i = 0; i < 3; i++) {
		if (i == 2) {
			ASSERT_TRUE(put(self->s, "a", MSG_OOB));
			ASSERT_TRUE(get(self->r, 1, MSG_OOB, "a"));
		}
		ASSERT_TRUE(put(self->s, i == 1 ? "ab" : "b", MSG_OOB));
		io = (struct vt_io){ self->r, &c, 0, i ? 0 : MSG_DONTWAIT };
		ASSERT_EQ(0, vt_bg_start(&bg, vt_io_recv, &io));
		ASSERT_EQ(0, vt_bg_join(&bg));
		while (recv(self->r, &c, 1, MSG_DONTWAIT) == 1)
			;
	}
	PROVES("OOB-03");
}

TEST_HARNESS_MAIN
