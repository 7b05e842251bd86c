// SPDX-License-Identifier: GPL-2.0
/*
 * MSG_PEEK and SO_PEEK_OFF.  Proves PEEK-01 to PEEK-07.
 */
#include "vunix_test.h"

VT_FIXTURE_PAIR(peek, VT_FAMILIES_TYPES, variant->type, s, r);

VT_FIXTURE_PAIR(peek_stream, VT_FAMILIES, SOCK_STREAM, s, r);

static int inq(int fd)
{
	int n = -1;

	return ioctl(fd, SIOCINQ, &n) ? -1 : n;
}

static int peek_off(int fd)
{
	return vt_getint(fd, SOL_SOCKET, SO_PEEK_OFF);
}

static int set_peek_off(int fd, int off)
{
	return vt_setint(fd, SOL_SOCKET, SO_PEEK_OFF, off);
}

/* Receive up to @n bytes without waiting: do they equal @want, no more? */
static bool get(int fd, size_t n, int flags, const char *want)
{
	char buf[4096];
	ssize_t len = recv(fd, buf, n, flags | MSG_DONTWAIT);

	return len == (ssize_t)strlen(want) && !memcmp(buf, want, len);
}

/* Is there nothing to be had with @flags? */
static bool none(int fd, int flags)
{
	char buf[8];

	return recv(fd, buf, 8, flags | MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

TEST_F(peek, unchanged)
{
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	char buf[16];
	int i, sum;

	ASSERT_TRUE(none(self->r, MSG_PEEK));
	ASSERT_EQ(5, send(self->s, "hello", 5, 0));
	ASSERT_EQ(3, send(self->s, "abc", 3, 0));
	sum = variant->type == SOCK_DGRAM ? 5 : 8;
	for (i = 0; i < 3; i++) {
		iov = (struct iovec){ buf, 5 };
		ASSERT_EQ(5, recvmsg(self->r, &msg, MSG_PEEK));
		ASSERT_EQ(0, msg.msg_flags);
		ASSERT_EQ(0, memcmp(buf, "hello", 5));
		ASSERT_EQ(sum, inq(self->r));
		iov.iov_len = 2;
		ASSERT_EQ(2, recvmsg(self->r, &msg, MSG_PEEK));
		ASSERT_EQ(variant->type == SOCK_STREAM ? 0 : MSG_TRUNC,
			  msg.msg_flags);
		ASSERT_EQ(sum, inq(self->r));
		ASSERT_EQ(POLLIN | POLLOUT, vt_poll(self->r, VT_POLL_ALL));
	}
	ASSERT_TRUE(get(self->r, 5, 0, "hello"));
	ASSERT_TRUE(get(self->r, 5, MSG_PEEK, "abc"));
	ASSERT_TRUE(get(self->r, 5, 0, "abc"));
	ASSERT_TRUE(none(self->r, MSG_PEEK));

	/* At the end of the stream as recv, too. */
	ASSERT_EQ(1, send(self->s, "x", 1, 0));
	ASSERT_EQ(0, shutdown(self->r, SHUT_RD));
	ASSERT_TRUE(get(self->r, 5, MSG_PEEK, "x"));
	ASSERT_TRUE(get(self->r, 5, 0, "x"));
	ASSERT_EQ(0, recv(self->r, buf, 5, MSG_PEEK));
	ASSERT_EQ(0, recv(self->r, buf, 5, 0));
	PROVES("PEEK-01");
}

TEST_F(peek, blocked)
{
	struct vt_io io;
	struct vt_bg bg;
	char buf[8];

	io = (struct vt_io){ self->r, buf, sizeof(buf), MSG_PEEK };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(2, send(self->s, "ab", 2, 0));
	ASSERT_EQ(2, vt_bg_join(&bg));
	ASSERT_EQ(0, memcmp(buf, "ab", 2));
	ASSERT_TRUE(get(self->r, 5, 0, "ab"));

	if (variant->type != SOCK_DGRAM) {
		ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
		ASSERT_EQ(0, shutdown(self->s, SHUT_WR));
		ASSERT_EQ(0, vt_bg_join(&bg));
	}
	PROVES("PEEK-03");
}

TEST_F(peek, offset_at_the_end)
{
	int r = self->r;
	struct vt_io io;
	struct vt_bg bg;
	char buf[8];

	if (VT_UNIX_OLDER(6, 18)) {
		SKIP_ROWS("AF_UNIX older than 6.18", "PEEK-07");
		SKIP(return, "AF_UNIX older than 6.18");
	}
	ASSERT_EQ(0, set_peek_off(r, 0));
	ASSERT_EQ(4, send(self->s, "abcd", 4, 0));
	ASSERT_TRUE(get(r, 8, MSG_PEEK, "abcd"));
	ASSERT_TRUE(none(r, MSG_PEEK));
	ASSERT_TRUE(none(r, MSG_PEEK));
	io = (struct vt_io){ r, buf, sizeof(buf), MSG_PEEK };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(2, send(self->s, "ef", 2, 0));
	ASSERT_EQ(2, vt_bg_join(&bg));
	ASSERT_EQ(0, memcmp(buf, "ef", 2));
	ASSERT_EQ(6, peek_off(r));
	/* The offset may be out of reach: still only what is new. */
	ASSERT_EQ(0, set_peek_off(r, 7));
	ASSERT_TRUE(none(r, MSG_PEEK));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(3, send(self->s, "ghi", 3, 0));
	ASSERT_EQ(2, vt_bg_join(&bg));
	ASSERT_EQ(0, memcmp(buf, "hi", 2));
	/* The data is all there. */
	ASSERT_TRUE(get(r, 4, 0, "abcd"));
	ASSERT_TRUE(get(r, 2, 0, "ef"));
	ASSERT_TRUE(get(r, 4, 0, "ghi"));
	ASSERT_EQ(0, peek_off(r));
	PROVES("PEEK-07");
}

/* The types that keep messages apart */
#define RECORDS(fixture) \
	FIXTURE_VARIANT_ADD(fixture, unix_dgram) \
		{ .family = AF_UNIX, .type = SOCK_DGRAM }; \
	FIXTURE_VARIANT_ADD(fixture, unix_seqpacket) \
		{ .family = AF_UNIX, .type = SOCK_SEQPACKET }; \
	FIXTURE_VARIANT_ADD(fixture, vunix_dgram) \
		{ .family = AF_VUNIX, .type = SOCK_DGRAM }; \
	FIXTURE_VARIANT_ADD(fixture, vunix_seqpacket) \
		{ .family = AF_VUNIX, .type = SOCK_SEQPACKET }

VT_FIXTURE_PAIR(peek_message, RECORDS, variant->type, s, r);

TEST_F(peek_message, offset)
{
	char buf[16];
	struct iovec iov = { buf, 2 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int r = self->r;

	ASSERT_EQ(-1, peek_off(r));
	ASSERT_EQ(4, send(self->s, "abcd", 4, 0));
	ASSERT_EQ(3, send(self->s, "efg", 3, 0));
	ASSERT_TRUE(get(r, 8, MSG_PEEK, "abcd"));
	ASSERT_EQ(-1, peek_off(r));

	ASSERT_EQ(0, set_peek_off(r, 1));
	ASSERT_EQ(2, recvmsg(r, &msg, MSG_PEEK));
	ASSERT_EQ(MSG_TRUNC, msg.msg_flags);
	ASSERT_EQ(0, memcmp(buf, "bc", 2));
	ASSERT_EQ(3, peek_off(r));
	ASSERT_TRUE(get(r, 8, MSG_PEEK, "d"));
	ASSERT_EQ(4, peek_off(r));
	/* The real size counts from the offset. */
	ASSERT_EQ(3, recv(r, buf, 1, MSG_PEEK | MSG_TRUNC));
	ASSERT_EQ('e', buf[0]);
	ASSERT_EQ(5, peek_off(r));
	ASSERT_TRUE(get(r, 8, MSG_PEEK, "fg"));
	ASSERT_EQ(7, peek_off(r));
	ASSERT_TRUE(none(r, MSG_PEEK));

	/* However little of the first message is read. */
	ASSERT_TRUE(get(r, 1, 0, "a"));
	ASSERT_EQ(3, peek_off(r));
	ASSERT_TRUE(none(r, MSG_PEEK));
	ASSERT_EQ(2, send(self->s, "hi", 2, 0));
	ASSERT_TRUE(get(r, 8, MSG_PEEK, "hi"));
	ASSERT_EQ(0, set_peek_off(r, 1));
	ASSERT_TRUE(get(r, 8, 0, "efg"));
	ASSERT_EQ(0, peek_off(r));
	ASSERT_TRUE(get(r, 8, MSG_PEEK, "hi"));

	ASSERT_EQ(0, set_peek_off(r, -1));
	ASSERT_TRUE(get(r, 8, MSG_PEEK, "hi"));
	ASSERT_TRUE(get(r, 8, MSG_PEEK, "hi"));
	ASSERT_EQ(-1, peek_off(r));
	ASSERT_TRUE(get(r, 8, 0, "hi"));
	PROVES("PEEK-06");
}

TEST_F(peek_message, offset_and_empty)
{
	int r = self->r;
	char c;

	/* An empty message is peeked once and then does not stand in the way. */
	ASSERT_EQ(0, set_peek_off(r, 0));
	ASSERT_EQ(2, send(self->s, "ab", 2, 0));
	ASSERT_EQ(0, send(self->s, "", 0, 0));
	ASSERT_EQ(2, send(self->s, "cd", 2, 0));
	ASSERT_TRUE(get(r, 8, MSG_PEEK, "ab"));
	ASSERT_EQ(0, recv(r, &c, 1, MSG_PEEK | MSG_DONTWAIT));
	ASSERT_TRUE(get(r, 8, MSG_PEEK, "cd"));
	ASSERT_TRUE(none(r, MSG_PEEK));
	ASSERT_TRUE(get(r, 8, 0, "ab"));
	ASSERT_EQ(0, recv(r, &c, 1, MSG_DONTWAIT));
	ASSERT_TRUE(get(r, 8, 0, "cd"));
	PROVES("PEEK-06");
}

TEST_F(peek_stream, several_segments)
{
	struct vt_io io;
	struct vt_bg bg;
	char buf[16];
	int i;

	ASSERT_EQ(2, send(self->s, "ab", 2, 0));
	ASSERT_EQ(1, send(self->s, "c", 1, 0));
	ASSERT_EQ(3, send(self->s, "def", 3, 0));
	ASSERT_TRUE(get(self->r, 5, MSG_PEEK, "abcde"));
	ASSERT_TRUE(get(self->r, 16, MSG_PEEK, "abcdef"));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(6, recv(self->r, buf, 16,
				  MSG_PEEK | MSG_WAITALL));
		ASSERT_EQ(0, memcmp(buf, "abcdef", 6));
	}
	ASSERT_TRUE(get(self->r, 1, 0, "a"));
	ASSERT_TRUE(get(self->r, 16, MSG_PEEK, "bcdef"));
	ASSERT_TRUE(get(self->r, 16, 0, "bcdef"));
	/* It does wait for the first byte. */
	io = (struct vt_io){ self->r, buf, 16, MSG_PEEK | MSG_WAITALL };
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(2, send(self->s, "gh", 2, 0));
	ASSERT_EQ(2, vt_bg_join(&bg));
	ASSERT_EQ(0, memcmp(buf, "gh", 2));
	PROVES("PEEK-02");
}

TEST_F(peek_stream, large)
{
	char *buf = malloc(VT_PATTERN);
	int i;

	/* Across pages of any storage, and again after part was read. */
	for (i = 0; i < VT_PATTERN - 1000; i += 1000)
		ASSERT_EQ(1000, send(self->s, vt_pattern(i), 1000, 0));
	ASSERT_EQ(i, recv(self->r, buf, VT_PATTERN, MSG_PEEK));
	ASSERT_EQ(0, memcmp(buf, vt_pattern(0), i));
	ASSERT_EQ(12345, recv(self->r, buf, 12345, 0));
	ASSERT_EQ(0, memcmp(buf, vt_pattern(0), 12345));
	i -= 12345;
	ASSERT_EQ(i, recv(self->r, buf, VT_PATTERN, MSG_PEEK));
	ASSERT_EQ(0, memcmp(buf, vt_pattern(12345), i));
	ASSERT_EQ(0, set_peek_off(self->r, 10007));
	ASSERT_EQ(5000, recv(self->r, buf, 5000, MSG_PEEK));
	ASSERT_EQ(0, memcmp(buf, vt_pattern(12345 + 10007), 5000));
	ASSERT_EQ(15007, peek_off(self->r));
	ASSERT_EQ(i, recv(self->r, buf, VT_PATTERN, 0));
	ASSERT_EQ(0, memcmp(buf, vt_pattern(12345), i));
	ASSERT_EQ(0, peek_off(self->r));
	free(buf);
	PROVES("PEEK-02", "PEEK-05");
}

TEST_F(peek_stream, offset)
{
	int r = self->r;

	ASSERT_EQ(-1, peek_off(r));
	ASSERT_EQ(0, set_peek_off(r, 0));
	ASSERT_EQ(0, peek_off(r));
	ASSERT_EQ(10, send(self->s, "abcdefghij", 10, 0));
	ASSERT_TRUE(get(r, 2, MSG_PEEK, "ab"));
	ASSERT_EQ(2, peek_off(r));
	ASSERT_TRUE(get(r, 2, MSG_PEEK, "cd"));
	ASSERT_EQ(4, peek_off(r));
	ASSERT_TRUE(get(r, 3, 0, "abc"));
	ASSERT_EQ(1, peek_off(r));
	ASSERT_TRUE(get(r, 2, MSG_PEEK, "ef"));
	ASSERT_EQ(3, peek_off(r));
	ASSERT_TRUE(get(r, 5, 0, "defgh"));
	ASSERT_EQ(0, peek_off(r));
	ASSERT_TRUE(get(r, 1, MSG_PEEK, "i"));
	ASSERT_EQ(1, peek_off(r));

	ASSERT_EQ(0, set_peek_off(r, -1));
	ASSERT_TRUE(get(r, 8, MSG_PEEK, "ij"));
	ASSERT_TRUE(get(r, 8, MSG_PEEK, "ij"));
	ASSERT_TRUE(get(r, 1, 0, "i"));
	ASSERT_EQ(-1, peek_off(r));
	PROVES("PEEK-04");
}

TEST_F(peek_stream, offset_over_segments)
{
	static const char all[] = "abcdefghijkl";
	int r = self->r, i;

	for (i = 0; i < 12; i += 3)
		ASSERT_EQ(3, send(self->s, all + i, 3, 0));
	for (i = 0; i < 12; i++) {
		ASSERT_EQ(0, set_peek_off(r, i));
		ASSERT_TRUE(get(r, 16, MSG_PEEK, all + i));
		ASSERT_EQ(12, peek_off(r));
	}
	/* With the first segment partly read. */
	ASSERT_TRUE(get(r, 2, 0, "ab"));
	ASSERT_EQ(10, peek_off(r));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, set_peek_off(r, i));
		ASSERT_TRUE(get(r, 16, MSG_PEEK, all + 2 + i));
	}
	PROVES("PEEK-05");
}

/* A read for no bytes ends where there are any: not in front of the offset. */
TEST_F(peek_stream, offset_without_room)
{
	int r = self->r;
	char c;

	ASSERT_EQ(3, send(self->s, "abc", 3, 0));
	ASSERT_EQ(0, set_peek_off(r, 2));
	ASSERT_EQ(0, recv(r, &c, 0, MSG_PEEK | MSG_DONTWAIT));
	ASSERT_EQ(0, set_peek_off(r, 3));
	ASSERT_EQ(-1, recv(r, &c, 0, MSG_PEEK | MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, set_peek_off(r, 4));
	ASSERT_EQ(-1, recv(r, &c, 0, MSG_PEEK | MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, recv(r, &c, 0, MSG_DONTWAIT));
	ASSERT_TRUE(get(r, 8, 0, "abc"));
	PROVES("PEEK-04");
}

TEST_HARNESS_MAIN
