// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that meet the end of a page with their first byte, their last one, or
 * what a queue puts in front of them, at every place where it can: what is received
 * is what was sent.
 */
#include <sys/ioctl.h>

#include "vunix_test.h"

#define PAGE	4096
#define STEP	8	/* vunix puts records at multiples of it */

FIXTURE(page_ends)
{
	struct vt_env env;
	int sv[2];
	unsigned long long sent, got;
	unsigned char buf[PAGE + 1];
};

FIXTURE_VARIANT(page_ends)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(page_ends);

FIXTURE_SETUP(page_ends)
{
	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, self->sv));
}

FIXTURE_TEARDOWN(page_ends)
{
	VT_TEARDOWN();
}

static const size_t sizes[] = { 1, STEP, 64, 1000, 3968, 4032, PAGE - 1, PAGE };

/* Of all that is sent, bytes are told apart by their place. */
#define PUT(n) do {							\
	size_t _n = (n);						\
									\
	ASSERT_EQ((ssize_t)_n,						\
		  send(self->sv[0], vt_pattern(self->sent), _n, 0));	\
	self->sent += _n;						\
} while (0)

#define GET(n) do {							\
	size_t _n = (n);						\
									\
	memset(self->buf, 0xee, sizeof(self->buf));			\
	ASSERT_EQ((ssize_t)_n,						\
		  recv(self->sv[1], self->buf,				\
		       stream ? _n : sizeof(self->buf), flags));	\
	ASSERT_EQ(0, memcmp(self->buf, vt_pattern(self->got), _n))	\
		TH_LOG("%zu bytes, %zu before them", _n, first);	\
	ASSERT_EQ(0xee, self->buf[_n < PAGE ? _n : PAGE]);		\
	self->got += _n;						\
} while (0)

/*
 * Who has sent it goes with it, or when: nothing is as short as it could be.  With
 * SO_PASSCRED that is noticed late, when vunix has put something down already.
 */
TEST_F_TIMEOUT(page_ends, with_sender, 120)
{
	static const int options[] = { SO_PASSCRED, SO_TIMESTAMP };
	bool stream = variant->type == SOCK_STREAM;
	int flags = stream ? MSG_WAITALL : 0;
	size_t first, i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		close(self->sv[0]);
		close(self->sv[1]);
		ASSERT_EQ(0, vt_pair(variant->family, variant->type,
				     self->sv));
		ASSERT_EQ(0, vt_setint(self->sv[1], SOL_SOCKET, options[i],
				       1));
		for (first = 1; first <= PAGE;
		     first += first == 1 ? STEP - 1 : STEP) {
			PUT(first);
			PUT(3);
			GET(first);
			GET(3);
		}
	}
}

/*
 * Three to a page: vunix leaves the rest of it out.  The next record is found by who
 * peeks, asks how long it is, and drops it; and is there if it has to be put down
 * once more, with its sender.
 */
TEST_F(page_ends, three_to_a_page)
{
	bool stream = variant->type == SOCK_STREAM;
	int flags = stream ? MSG_WAITALL : 0;
	size_t first, n;
	int i, inq;

	for (n = 1000; n <= 1200; n += STEP) {
		first = n;
		for (i = 0; i < 9; i++) {
			if (i >= 7)
				ASSERT_EQ(0, vt_setint(self->sv[1], SOL_SOCKET,
						       SO_PASSCRED, i & 1));
			PUT(n - i % 3);
		}
		if (!VT_UNIX_OLDER(6, 18) || !stream) {
			ASSERT_EQ(0, vt_setint(self->sv[1], SOL_SOCKET,
					       SO_PEEK_OFF, 0));
			for (i = 0; i < 9; i++)
				ASSERT_EQ((ssize_t)n - i % 3,
					  recv(self->sv[1], self->buf,
					       n - (stream ? i % 3 : 0),
					       MSG_PEEK));
			ASSERT_EQ(0, vt_setint(self->sv[1], SOL_SOCKET,
					       SO_PEEK_OFF, -1));
		}
		for (i = 0; i < 9; i++) {
			ASSERT_EQ(0, ioctl(self->sv[1], FIONREAD, &inq));
			ASSERT_EQ(variant->type == SOCK_DGRAM ? (int)n - i % 3 :
				  (int)(self->sent - self->got), inq);
			GET(n - i % 3);
		}
	}
	/* All that is queued goes with the socket. */
	for (i = 0; i < 7; i++) {
		PUT(1000);
		if (i < 3)
			GET(1000);
	}
}

/* Two at a time, then one by one. */
TEST_F_TIMEOUT(page_ends, all, 120)
{
	bool stream = variant->type == SOCK_STREAM;
	int flags = stream ? MSG_WAITALL : 0;
	size_t first, i;

	for (first = 1; first <= PAGE; first += first == 1 ? STEP - 1 : STEP) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			PUT(first);
			PUT(sizes[i]);
			GET(first);
			GET(sizes[i]);
		}
	}
	for (first = 1; first <= PAGE; first += first == 1 ? STEP - 1 : STEP) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			PUT(sizes[i]);
			GET(sizes[i]);
		}
		PUT(first);
		GET(first);
	}
}

/*
 * As much payload as a page has, where nothing else is queued: vunix has it begin one.
 * It is found by who peeks, asks how long it is, and drops it; something in front of
 * it that is still there makes another way of it.
 */
TEST_F_TIMEOUT(page_ends, page_by_itself, 120)
{
	bool stream = variant->type == SOCK_STREAM;
	int flags = stream ? MSG_WAITALL : 0;
	size_t first, n;
	int inq;

	for (first = 1; first <= PAGE; first += first == 1 ? STEP - 1 : STEP) {
		for (n = PAGE; n >= PAGE - 64; n -= 32) {
			PUT(first);
			GET(first);
			PUT(n);
			ASSERT_EQ(0, ioctl(self->sv[1], FIONREAD, &inq));
			ASSERT_EQ((int)n, inq);
			ASSERT_EQ((ssize_t)n, recv(self->sv[1], self->buf, PAGE,
						   MSG_PEEK));
			ASSERT_EQ(0, memcmp(self->buf, vt_pattern(self->got),
					    n));
			PUT(n);
			PUT(first);
			GET(n);
			GET(n);
			GET(first);
		}
		/* One that takes part of it is not the short way. */
		PUT(first);
		GET(first);
		PUT(PAGE);
		if (stream) {
			GET(PAGE);
			continue;
		}
		ASSERT_EQ(STEP, recv(self->sv[1], self->buf, STEP, 0));
		ASSERT_EQ(0, memcmp(self->buf, vt_pattern(self->got), STEP));
		self->got += PAGE;
	}
	PUT(PAGE);
}

TEST_HARNESS_MAIN
