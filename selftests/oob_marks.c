// SPDX-License-Identifier: GPL-2.0
/*
 * Sequences of urgent bytes on a stream, taken, passed by and replaced, and
 * where the marks are then.  Proves parts of OOB-01 to OOB-17 in combination, and of
 * PEEK-05.
 */
#include "oob.h"

/* The same with every receive done as a peek first. */
FIXTURE(oob_marks)
{
	struct vt_env env;
	int s, r;
};

FIXTURE_VARIANT(oob_marks)
{
	int family;
	bool peek;
};

FIXTURE_VARIANT_ADD(oob_marks, unix) { .family = AF_UNIX };
FIXTURE_VARIANT_ADD(oob_marks, unix_peek) { .family = AF_UNIX, .peek = true };
FIXTURE_VARIANT_ADD(oob_marks, vunix) { .family = AF_VUNIX };
FIXTURE_VARIANT_ADD(oob_marks, vunix_peek) { .family = AF_VUNIX, .peek = true };

FIXTURE_SETUP(oob_marks)
{
	int sv[2];

	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	self->s = sv[0];
	self->r = sv[1];
}

FIXTURE_TEARDOWN(oob_marks)
{
	VT_TEARDOWN();
}

static bool peek_get(int fd, bool peek, size_t n, int flags, const char *want)
{
	if (peek && !get(fd, n, flags | MSG_PEEK, want))
		return false;
	return get(fd, n, flags, want);
}

/* The error, or -1 if peek and receive differ. */
static int peek_get_err(int fd, bool peek, size_t n, int flags)
{
	int first = peek ? get_err(fd, n, flags | MSG_PEEK) : -1;
	int err = get_err(fd, n, flags);

	return peek && err != first ? -1 : err;
}

/*
 * Sequences.  GET peeks first in the peek variants; STATE is what state()
 * says; END closes the reader and tells whether that resets the sender.
 */
#define PUT(data, flags)	ASSERT_TRUE(put(self->s, data, flags))
#define STATE(want)		ASSERT_EQ(want, state(self->r))
#define GET(n, flags, want) \
	ASSERT_TRUE(peek_get(self->r, variant->peek, n, flags, want))
#define GET_ERR(n, flags, want) \
	ASSERT_EQ(want, peek_get_err(self->r, variant->peek, n, flags))
#define END(want) do { \
	close(self->r); \
	ASSERT_EQ(want, get_err(self->s, 1, 0)); \
} while (0)

TEST_F(oob_marks, passed_by)
{
	SKIP_OLDER(16, "OOB-15");
	PUT("hello", MSG_OOB);
	PUT("world", 0);
	STATE(2);
	GET(10, 0, "hell");
	STATE(3);
	GET(10, 0, "world");
	STATE(0);
	GET_ERR(1, MSG_OOB, EINVAL);
	PUT("x", MSG_OOB);
	STATE(3);
	GET_ERR(1, 0, EAGAIN);
	STATE(0);
	END(0);
	PROVES("OOB-03", "OOB-13", "OOB-14", "OOB-15");
}

TEST_F(oob_marks, taken_at_mark)
{
	SKIP_OLDER(16, "OOB-15");
	PUT("hello", MSG_OOB);
	GET(5, 0, "hell");
	STATE(3);
	GET(1, MSG_OOB, "o");
	STATE(1);
	GET_ERR(1, 0, EAGAIN);
	STATE(0);
	PUT("hello", MSG_OOB);
	GET(1, MSG_OOB, "o");
	STATE(0);
	GET(4, 0, "hell");
	STATE(1);
	END(0);
	PROVES("OOB-04", "OOB-07", "OOB-15");
}

TEST_F(oob_marks, old_marks_are_data)
{
	SKIP_OLDER(16, "OOB-15");
	PUT("hello", MSG_OOB);
	PUT("wor", MSG_OOB);
	PUT("ld", 0);
	STATE(2);
	GET(10, 0, "hellowo");
	STATE(3);
	GET(1, MSG_OOB, "r");
	STATE(1);
	GET(2, 0, "ld");
	STATE(0);
	PUT("x", MSG_OOB);
	STATE(3);
	PUT("y", MSG_OOB);
	STATE(2);
	GET(1, MSG_OOB, "y");
	STATE(0);
	GET(1, 0, "x");
	STATE(1);
	END(0);
	PROVES("OOB-08", "OOB-07");
}

TEST_F(oob_marks, taken_then_another)
{
	SKIP_OLDER(16, "OOB-15");
	/* Two taken ones in a row, then one that is not. */
	PUT("x", MSG_OOB);
	GET(1, MSG_OOB, "x");
	STATE(1);
	PUT("y", MSG_OOB);
	STATE(3);
	GET(1, MSG_OOB, "y");
	STATE(1);
	PUT("z", MSG_OOB);
	STATE(3);
	GET_ERR(1, 0, EAGAIN);
	STATE(0);
	GET_ERR(1, MSG_OOB, EINVAL);
	/* A gap that is no mark any more is read over. */
	PUT("hello", MSG_OOB);
	PUT("wor", MSG_OOB);
	GET(1, MSG_OOB, "r");
	STATE(0);
	PUT("ld", MSG_OOB);
	STATE(2);
	GET(10, 0, "hellowol");
	STATE(3);
	GET(1, MSG_OOB, "d");
	STATE(1);
	PUT("hello", MSG_OOB);
	STATE(2);
	GET(1, MSG_OOB, "o");
	PUT("world", MSG_OOB);
	STATE(2);
	GET(4, 0, "hell");
	STATE(2);
	END(ECONNRESET);
	PROVES("OOB-04", "OOB-07", "OOB-15");
}

TEST_F(oob_marks, inlined)
{
	SKIP_OLDER(16, "OOB-15");
	ASSERT_EQ(0, set_inline(self->r));
	PUT("x", MSG_OOB);
	STATE(3);
	GET_ERR(1, MSG_OOB, EINVAL);
	GET(1, 0, "x");
	STATE(0);
	PUT("hello", MSG_OOB);
	PUT("wor", MSG_OOB);
	PUT("ld", 0);
	STATE(2);
	GET(10, 0, "hellowo");
	STATE(3);
	GET(10, 0, "rld");
	STATE(0);
	PUT("x", MSG_OOB);
	PUT("y", MSG_OOB);
	STATE(2);
	GET(10, 0, "x");
	STATE(3);
	GET(10, 0, "y");
	STATE(0);
	END(0);
	PROVES("OOB-05", "OOB-06", "OOB-08");
}

TEST_F(oob_marks, inlined_after_taken)
{
	SKIP_OLDER(16, "OOB-15");
	PUT("hello", MSG_OOB);
	PUT("world", 0);
	GET(1, MSG_OOB, "o");
	ASSERT_EQ(0, set_inline(self->r));
	GET(10, 0, "hell");
	STATE(1);
	GET(10, 0, "world");
	STATE(0);
	PUT("hello", MSG_OOB);
	PUT("world", MSG_OOB);
	STATE(2);
	GET(5, 0, "hello");
	STATE(2);
	GET(5, 0, "worl");
	STATE(3);
	END(ECONNRESET);
	PROVES("OOB-04", "OOB-17");
}

/* The urgent byte anywhere relative to pages of storage. */
TEST_F(oob_marks, large)
{
	char *buf = malloc(8200);
	int n, m;
	char c;

	SKIP_OLDER(16, "OOB-15");
	for (n = 1; n <= 8200; n += n < 4090 || n > 4100 ? 511 : 1) {
		ASSERT_EQ(n, send(self->s, vt_pattern(0), n, MSG_OOB));
		PUT("tail", 0);
		if (n > 1) {
			if (variant->peek)
				ASSERT_EQ(n - 1, recv(self->r, buf, 8200,
						      MSG_PEEK));
			m = recv(self->r, buf, 8200, 0);
			ASSERT_EQ(n - 1, m);
			ASSERT_EQ(0, memcmp(buf, vt_pattern(0), m));
		}
		STATE(3);
		c = 0;
		ASSERT_EQ(1, recv(self->r, &c, 1, MSG_OOB));
		ASSERT_EQ((char)*vt_pattern(n - 1), c);
		STATE(1);
		GET(8, 0, "tail");
		STATE(0);
	}
	free(buf);
	PROVES("OOB-01", "OOB-03", "OOB-07");
}

#define PEEK_AT(off, want) do { \
	ASSERT_EQ(0, vt_setint(self->r, SOL_SOCKET, SO_PEEK_OFF, off)); \
	ASSERT_TRUE(get(self->r, 16, MSG_PEEK, want)); \
} while (0)
#define NONE_AT(off) do { \
	ASSERT_EQ(0, vt_setint(self->r, SOL_SOCKET, SO_PEEK_OFF, off)); \
	ASSERT_EQ(EAGAIN, get_err(self->r, 16, MSG_PEEK)); \
} while (0)

/*
 * SO_PEEK_OFF goes over an urgent byte as over any other, and over the place of one
 * that was taken as over nothing.
 */
TEST_F(oob_marks, peek_offset)
{
	if (variant->peek)
		SKIP(return, "reads that do not peek only");
	if (VT_UNIX_OLDER(6, 11))
		SKIP(return, "AF_UNIX since 6.11 only");
	PUT("ab", 0);
	PUT("c", MSG_OOB);
	PUT("de", 0);
	PEEK_AT(2, "cde");
	PEEK_AT(3, "de");
	PEEK_AT(4, "e");
	NONE_AT(5);
	STATE(2);
	ASSERT_TRUE(get(self->r, 1, MSG_OOB, "c"));
	PEEK_AT(2, "de");
	PEEK_AT(3, "e");
	NONE_AT(4);

	/* An older one, which a newer one has made ordinary. */
	PUT("f", MSG_OOB);
	PUT("g", MSG_OOB);
	PEEK_AT(4, "f");
	PEEK_AT(5, "g");
	NONE_AT(6);
	ASSERT_TRUE(get(self->r, 1, MSG_OOB, "g"));
	PEEK_AT(4, "f");
	NONE_AT(5);
	ASSERT_EQ(0, vt_setint(self->r, SOL_SOCKET, SO_PEEK_OFF, -1));
	ASSERT_TRUE(get(self->r, 16, 0, "ab"));
	ASSERT_TRUE(get(self->r, 16, 0, "def"));
	PROVES("PEEK-05");
}

/* Where vunix's positions wrap for the first time, and near it. */
TEST_F(oob_marks, wrapped)
{
	static char buf[65536 + 8];
	size_t n, size;
	int sv[2];
	ssize_t m;

	SKIP_OLDER(11, "OOB-07");
	for (size = sizeof(buf) - 16; size <= sizeof(buf); size++) {
		ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
		for (n = 0; n < size; n += m) {
			m = size - n < 4096 ? size - n : 4096;
			ASSERT_EQ(m, send(sv[0], buf, m, 0));
			ASSERT_EQ(m, recv(sv[1], buf, m, MSG_WAITALL));
		}
		ASSERT_TRUE(put(sv[0], "abc", 0));
		ASSERT_TRUE(put(sv[0], "d", MSG_OOB));
		ASSERT_TRUE(put(sv[0], "ef", 0));
		ASSERT_EQ(2, state(sv[1]));
		ASSERT_TRUE(peek_get(sv[1], variant->peek, 16, 0, "abc"));
		ASSERT_EQ(3, state(sv[1]));
		ASSERT_TRUE(peek_get(sv[1], variant->peek, 16, MSG_OOB, "d"));
		ASSERT_TRUE(peek_get(sv[1], variant->peek, 16, 0, "ef"));
		ASSERT_EQ(0, state(sv[1]));
		close(sv[0]);
		close(sv[1]);
	}
	PROVES("OOB-07");
}

TEST_HARNESS_MAIN
