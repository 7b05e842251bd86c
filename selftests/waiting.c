// SPDX-License-Identifier: GPL-2.0
/*
 * A reader and a writer that wait on one socket: each goes on when what it waits
 * for comes, and both when the connection ends.  Asserts more of STR-05, SHUT-05,
 * CLOSE-07 than the tests that prove them.
 */
#include "vunix_test.h"

FIXTURE(waiting)
{
	struct vt_env env;
	int sv[2];
	char buf[64];
	struct vt_io in, out;
	struct vt_bg reader, writer;
	int queued;
};

FIXTURE_VARIANT(waiting)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(waiting);

/* Both wait on sv[0]: for a message, and for room at sv[1]. */
FIXTURE_SETUP(waiting)
{
	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, self->sv));
	ASSERT_EQ(0, vt_setint(self->sv[0], SOL_SOCKET, SO_SNDBUF, 4608));
	while (send(self->sv[0], "full", 4, MSG_DONTWAIT) == 4)
		self->queued++;
	ASSERT_EQ(EAGAIN, errno);
	self->in = (struct vt_io){ self->sv[0], self->buf, 64, 0 };
	self->out = (struct vt_io){ self->sv[0], "more", 4, MSG_NOSIGNAL };
	ASSERT_EQ(0, vt_bg_block(&self->reader, vt_io_recv, &self->in));
	ASSERT_EQ(0, vt_bg_block(&self->writer, vt_io_send, &self->out));
}

FIXTURE_TEARDOWN(waiting)
{
	VT_TEARDOWN();
}

/* Takes @n messages of four bytes. */
static int take(int fd, int n)
{
	char buf[4];

	while (n-- > 0)
		if (recv(fd, buf, 4, 0) != 4)
			return -1;
	return 0;
}

TEST_F(waiting, room)
{
	ASSERT_EQ(0, take(self->sv[1], self->queued));
	ASSERT_EQ(4, vt_bg_join(&self->writer));
	ASSERT_EQ(0, vt_wait_asleep(self->reader.tid));
	ASSERT_EQ(0, take(self->sv[1], 1));
	ASSERT_EQ(0, vt_wait_asleep(self->reader.tid));
	ASSERT_EQ(5, send(self->sv[1], "hello", 5, 0));
	ASSERT_EQ(5, vt_bg_join(&self->reader));
}

TEST_F(waiting, message)
{
	int i;

	for (i = 0; i < 3; i++) {
		/* Behind the first one there is a page with room. */
		if (i)
			ASSERT_EQ(0, vt_bg_block(&self->reader, vt_io_recv,
						 &self->in));
		ASSERT_EQ(5, send(self->sv[1], "hello", 5, 0));
		ASSERT_EQ(5, vt_bg_join(&self->reader));
	}
	ASSERT_EQ(0, vt_wait_asleep(self->writer.tid));
	ASSERT_EQ(0, take(self->sv[1], self->queued));
	ASSERT_EQ(4, vt_bg_join(&self->writer));
	ASSERT_EQ(0, take(self->sv[1], 1));
}

TEST_F(waiting, shutdown)
{
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RDWR));
	ASSERT_EQ(0, vt_bg_join(&self->reader));
	ASSERT_EQ(-1, vt_bg_join(&self->writer));
	ASSERT_EQ(EPIPE, self->writer.err);
}

TEST_F(waiting, close)
{
	ASSERT_EQ(0, close(self->sv[1]));
	if (variant->type == SOCK_DGRAM) {
		/* Room is made, and used: the receiver is not there. */
		ASSERT_EQ(-1, vt_bg_join(&self->writer));
		ASSERT_EQ(ECONNREFUSED, self->writer.err);
		ASSERT_EQ(0, vt_wait_asleep(self->reader.tid));
		ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RDWR));
		ASSERT_EQ(0, vt_bg_join(&self->reader));
		return;
	}
	/* What it had not read resets the connection; one of them is told. */
	if (vt_bg_join(&self->reader)) {
		ASSERT_EQ(ECONNRESET, self->reader.err);
		ASSERT_EQ(-1, vt_bg_join(&self->writer));
		ASSERT_EQ(EPIPE, self->writer.err);
	} else {
		ASSERT_EQ(-1, vt_bg_join(&self->writer));
		ASSERT_EQ(ECONNRESET, self->writer.err);
	}
}

TEST_HARNESS_MAIN
