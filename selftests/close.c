// SPDX-License-Identifier: GPL-2.0
/*
 * What the peer sees of a close: CLOSE-01 ... CLOSE-11.  Datagram sockets
 * never hear of it (DG-05, DG-10, DG-11); SEQPACKET takes a pending reset in
 * another order (SEQ-05, SEQ-06), so CLOSE-03 and CLOSE-05 are of STREAM.
 */
#include "vunix_test.h"

#define ALL_EVENTS (VT_POLL_ALL | POLLRDNORM | POLLWRNORM | POLLWRBAND | \
		    POLLRDBAND)
#define GONE	(POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLWRBAND | \
		 POLLRDHUP | POLLHUP)

FIXTURE(conn) {
	struct vt_env env;
	bool stream;
	int a;
	int b;
};

FIXTURE_VARIANT(conn) {
	int family;
	int type;
	bool trio;
};

/* A pair, and a connection made through a listener: its ends must not differ */
FIXTURE_VARIANT_ADD(conn, unix_stream) {
	.family = AF_UNIX, .type = SOCK_STREAM,
};
FIXTURE_VARIANT_ADD(conn, unix_seqpacket) {
	.family = AF_UNIX, .type = SOCK_SEQPACKET,
};
FIXTURE_VARIANT_ADD(conn, unix_stream_trio) {
	.family = AF_UNIX, .type = SOCK_STREAM, .trio = true,
};
FIXTURE_VARIANT_ADD(conn, unix_seqpacket_trio) {
	.family = AF_UNIX, .type = SOCK_SEQPACKET, .trio = true,
};
FIXTURE_VARIANT_ADD(conn, vunix_stream) {
	.family = AF_VUNIX, .type = SOCK_STREAM,
};
FIXTURE_VARIANT_ADD(conn, vunix_seqpacket) {
	.family = AF_VUNIX, .type = SOCK_SEQPACKET,
};
FIXTURE_VARIANT_ADD(conn, vunix_stream_trio) {
	.family = AF_VUNIX, .type = SOCK_STREAM, .trio = true,
};
FIXTURE_VARIANT_ADD(conn, vunix_seqpacket_trio) {
	.family = AF_VUNIX, .type = SOCK_SEQPACKET, .trio = true,
};

FIXTURE_SETUP(conn)
{
	struct vt_trio t;
	int sv[2];

	VT_SETUP();
	self->stream = variant->type == SOCK_STREAM;
	if (variant->trio) {
		ASSERT_EQ(0, vt_trio(variant->family, variant->type, "@t", &t));
		self->a = t.accepted;
		self->b = t.client;
	} else {
		ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
		self->a = sv[0];
		self->b = sv[1];
	}
}

FIXTURE_TEARDOWN(conn)
{
	VT_TEARDOWN();
}

static int error_of(int fd)
{
	return vt_getint(fd, SOL_SOCKET, SO_ERROR);
}

/* What is left of a socket whose peer is gone and whose errors are fetched. */
static bool at_end(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) == 0 && recv(fd, &c, 1, MSG_DONTWAIT) == 0 &&
	       vt_poll(fd, ALL_EVENTS) == GONE && error_of(fd) == 0 &&
	       send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE;
}

TEST_F(conn, clean)
{
	char buf[8];

	ASSERT_EQ(3, send(self->a, "abc", 3, 0));
	/* Something was sent the other way, but read. */
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(1, recv(self->a, buf, 1, 0));
	ASSERT_EQ(0, close(self->a));

	ASSERT_ERR(EPIPE, send(self->b, "y", 1, MSG_NOSIGNAL));
	ASSERT_EQ(0, error_of(self->b));
	ASSERT_EQ(3, recv(self->b, buf, sizeof(buf), 0));
	ASSERT_EQ(0, memcmp(buf, "abc", 3));
	ASSERT_EQ(0, recv(self->b, buf, sizeof(buf), 0));
	ASSERT_EQ(0, error_of(self->b));
	ASSERT_TRUE(at_end(self->b));
	PROVES("CLOSE-01");
}

TEST_F(conn, unread)
{
	char c;

	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(0, close(self->a));
	ASSERT_ERR(ECONNRESET, recv(self->b, &c, 1, 0));
	ASSERT_TRUE(at_end(self->b));
	PROVES("CLOSE-02");
}

TEST_F(conn, unread_both_ways)
{
	char buf[8];

	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(3, send(self->a, "abc", 3, 0));
	ASSERT_EQ(0, close(self->a));
	if (self->stream) {
		ASSERT_EQ(2, recv(self->b, buf, 2, 0));
		ASSERT_EQ(1, recv(self->b, buf + 2, 6, 0));
		ASSERT_ERR(ECONNRESET, recv(self->b, buf + 3, 1, 0));
	} else {
		ASSERT_ERR(ECONNRESET, recv(self->b, buf, 3, 0));
		ASSERT_EQ(3, recv(self->b, buf, 3, 0));
	}
	ASSERT_EQ(0, memcmp(buf, "abc", 3));
	ASSERT_TRUE(at_end(self->b));
	PROVES("CLOSE-03");
}

TEST_F(conn, so_error)
{
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(0, close(self->a));
	ASSERT_EQ(ECONNRESET, error_of(self->b));
	ASSERT_EQ(0, error_of(self->b));
	/* Gone for recv as well. */
	ASSERT_TRUE(at_end(self->b));
	PROVES("CLOSE-04");
}

TEST_F(conn, send_with_reset)
{
	char c;

	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(0, close(self->a));
	if (self->stream) {
		ASSERT_ERR(EPIPE, send(self->b, "y", 1, MSG_NOSIGNAL));
		ASSERT_ERR(EPIPE, send(self->b, "y", 1, MSG_NOSIGNAL));
		ASSERT_ERR(ECONNRESET, recv(self->b, &c, 1, 0));
	} else {
		ASSERT_ERR(ECONNRESET, send(self->b, "y", 1, MSG_NOSIGNAL));
	}
	ASSERT_TRUE(at_end(self->b));
	PROVES("CLOSE-05");
}

TEST_F(conn, listener)
{
	int l = vt_socket(variant->family, variant->type);
	int c[3], i;
	char ch;

	ASSERT_EQ(0, vt_bind(l, "@l"));
	ASSERT_EQ(0, listen(l, 5));
	for (i = 0; i < 3; i++) {
		c[i] = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_connect(c[i], "@l"));
	}
	/* With data on its way or without. */
	ASSERT_EQ(1, send(c[1], "x", 1, 0));
	ASSERT_EQ(0, close(l));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(GONE | POLLERR, vt_poll(c[i], ALL_EVENTS));
		ASSERT_ERR(ECONNRESET, recv(c[i], &ch, 1, 0));
		ASSERT_EQ(0, recv(c[i], &ch, 1, 0));
		ASSERT_ERR(EPIPE, send(c[i], "x", 1, MSG_NOSIGNAL));
		ASSERT_TRUE(at_end(c[i]));
	}
	ASSERT_EQ(ECONNRESET, error_of(c[2]));
	ASSERT_TRUE(at_end(c[2]));
	PROVES("CLOSE-06");
}

TEST_F(conn, wakes_reader)
{
	int twin = dup(self->a);
	char c;
	struct vt_io io = { .fd = self->b, .buf = &c, .len = 1 };
	struct vt_bg bg;

	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(0, close(self->a));
	/* There is another reference. */
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	ASSERT_EQ(0, close(twin));
	ASSERT_EQ(0, vt_bg_join(&bg));
	ASSERT_TRUE(at_end(self->b));
	PROVES("CLOSE-07");
}

TEST_F(conn, wakes_writer)
{
	struct vt_io io = { .fd = self->b, .buf = "x", .len = 1,
			    .flags = MSG_NOSIGNAL };
	struct vt_bg bg;

	ASSERT_LT(0, vt_fill(self->b));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_send, &io));
	ASSERT_EQ(0, close(self->a));
	ASSERT_EQ(-1, vt_bg_join(&bg));
	/* Who sleeps fetches the reset; CLOSE-05 is of who comes later. */
	ASSERT_EQ(ECONNRESET, bg.err);
	ASSERT_TRUE(at_end(self->b));
	PROVES("CLOSE-02");
}

/* A child that holds @keep, not @drop; it is asleep when this returns. */
static pid_t child_with(int keep, int drop)
{
	int go[2];
	pid_t pid;
	char c;

	if (pipe(go))
		return -1;
	pid = vt_fork();
	if (!pid) {
		close(drop);
		close(go[0]);
		if (write(go[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(go[1]);
	close(keep);
	if (read(go[0], &c, 1) != 1)
		pid = -1;
	close(go[0]);
	return pid;
}

TEST_F(conn, killed)
{
	struct vt_io io = { .fd = self->b, .len = 1 };
	struct vt_bg bg;
	char buf[8];
	pid_t pid;

	io.buf = buf;
	pid = child_with(self->a, self->b);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(0, vt_bg_join(&bg));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_TRUE(at_end(self->b));
	PROVES("CLOSE-08");
}

TEST_F(conn, killed_unread)
{
	char c;
	pid_t pid;

	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	pid = child_with(self->a, self->b);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(GONE | POLLERR, vt_poll(self->b, ALL_EVENTS));
	ASSERT_ERR(ECONNRESET, recv(self->b, &c, 1, 0));
	ASSERT_TRUE(at_end(self->b));
	PROVES("CLOSE-08");
}

TEST_F(conn, poll_clean)
{
	struct vt_io io = { .fd = self->b };
	struct vt_bg bg;

	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_poll, &io));
	ASSERT_EQ(0, close(self->a));
	ASSERT_EQ(POLLHUP, vt_bg_join(&bg));
	ASSERT_EQ(GONE, vt_poll(self->b, ALL_EVENTS));
	PROVES("CLOSE-09");
}

TEST_F(conn, poll_reset)
{
	struct vt_io io = { .fd = self->b };
	struct vt_bg bg;
	char c;

	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_poll, &io));
	ASSERT_EQ(0, close(self->a));
	ASSERT_TRUE(vt_bg_join(&bg) & (POLLHUP | POLLERR));
	ASSERT_EQ(GONE | POLLERR, vt_poll(self->b, ALL_EVENTS));
	ASSERT_EQ(GONE | POLLERR, vt_poll(self->b, ALL_EVENTS));
	ASSERT_ERR(ECONNRESET, recv(self->b, &c, 1, 0));
	ASSERT_EQ(GONE, vt_poll(self->b, ALL_EVENTS));
	PROVES("CLOSE-09");
}

TEST_F(conn, partly_read)
{
	char c;

	ASSERT_EQ(2, send(self->b, "xy", 2, 0));
	ASSERT_EQ(1, recv(self->a, &c, 1, 0));
	ASSERT_EQ(0, close(self->a));
	if (self->stream) {
		ASSERT_EQ(ECONNRESET, error_of(self->b));
	} else {
		/* The rest of a record is gone, so nothing was unread. */
		ASSERT_EQ(0, error_of(self->b));
	}
	ASSERT_TRUE(at_end(self->b));
	PROVES("CLOSE-10");
}

TEST_F(conn, partly_read_at_mark)
{
	int i;
	char c;

	/* Many segments, the last one but a byte. */
	for (i = 0; i < 20; i++)
		ASSERT_EQ(10, send(self->b, "0123456789", 10, 0));
	for (i = 0; i < (self->stream ? 199 : 19); i++)
		ASSERT_EQ(1, recv(self->a, &c, 1, 0));
	ASSERT_EQ(0, close(self->a));
	ASSERT_EQ(ECONNRESET, error_of(self->b));
	PROVES("CLOSE-10");
}

TEST_F(conn, others_stay)
{
	int l = vt_socket(variant->family, variant->type);
	int c[3], a[3], i;
	char ch;

	ASSERT_EQ(0, vt_bind(l, "@l"));
	ASSERT_EQ(0, listen(l, 5));
	for (i = 0; i < 3; i++) {
		c[i] = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_connect(c[i], "@l"));
		if (i == 2)
			break;
		a[i] = accept(l, NULL, NULL);
	}
	ASSERT_EQ(1, send(c[0], "x", 1, 0));
	ASSERT_EQ(0, close(a[0]));
	ASSERT_ERR(ECONNRESET, recv(c[0], &ch, 1, 0));

	/* The accepted one, the waiting one, the listener. */
	a[2] = accept(l, NULL, NULL);
	for (i = 1; i < 3; i++) {
		ASSERT_EQ(1, send(c[i], "y", 1, 0));
		ASSERT_EQ(1, recv(a[i], &ch, 1, 0));
		ASSERT_EQ(1, send(a[i], "z", 1, 0));
		ASSERT_EQ(1, recv(c[i], &ch, 1, 0));
		ASSERT_EQ(0, error_of(c[i]));
	}
	ASSERT_EQ(0, vt_connect(vt_socket(variant->family, variant->type),
				"@l"));
	PROVES("CLOSE-11");
}

TEST_HARNESS_MAIN
