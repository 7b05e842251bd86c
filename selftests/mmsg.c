// SPDX-License-Identifier: GPL-2.0
/*
 * sendmmsg and recvmmsg.  Proves MMSG-01 to MMSG-03.
 */
#include "vunix_test.h"

#include <sys/mman.h>

#define N 6

FIXTURE(mmsg)
{
	struct vt_env env;
	int sv[2];
	struct mmsghdr in[N], out[N];
	struct iovec iov_in[N], iov_out[N];
	char buf[N][8];
	char *bad;
};

FIXTURE_VARIANT(mmsg)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(mmsg);

static const char *const texts[N] = { "a", "bcd", "efghijk", "lm", "n", "opq" };

FIXTURE_SETUP(mmsg)
{
	int i;

	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, self->sv));
	self->bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	ASSERT_TRUE(self->bad != MAP_FAILED);
	memset(self->in, 0, sizeof(self->in));
	memset(self->out, 0, sizeof(self->out));
	for (i = 0; i < N; i++) {
		self->iov_in[i] = (struct iovec){ self->buf[i], 8 };
		self->iov_out[i] = (struct iovec){ (void *)texts[i],
						   strlen(texts[i]) };
		self->in[i].msg_hdr.msg_iov = &self->iov_in[i];
		self->in[i].msg_hdr.msg_iovlen = 1;
		self->out[i].msg_hdr.msg_iov = &self->iov_out[i];
		self->out[i].msg_hdr.msg_iovlen = 1;
		self->in[i].msg_len = 99;
		self->out[i].msg_len = 99;
	}
}

FIXTURE_TEARDOWN(mmsg)
{
	VT_TEARDOWN();
}

TEST_F(mmsg, several)
{
	unsigned int len;
	int i;

	ASSERT_EQ(N, sendmmsg(self->sv[0], self->out, N, 0));
	for (i = 0; i < N; i++)
		ASSERT_EQ(strlen(texts[i]), (size_t)self->out[i].msg_len);
	if (variant->type == SOCK_STREAM) {
		/* One byte stream: the first takes what fits it, and so on. */
		ASSERT_EQ(3, recvmmsg(self->sv[1], self->in, N, MSG_DONTWAIT,
				      NULL));
		ASSERT_EQ(8U, self->in[0].msg_len);
		ASSERT_EQ(8U, self->in[1].msg_len);
		ASSERT_EQ(1U, self->in[2].msg_len);
		ASSERT_EQ(0, memcmp(self->buf[0], "abcdefgh", 8));
		ASSERT_EQ(0, memcmp(self->buf[1], "ijklmnop", 8));
		ASSERT_EQ('q', self->buf[2][0]);
		ASSERT_EQ(99U, self->in[3].msg_len);
	} else {
		ASSERT_EQ(2, recvmmsg(self->sv[1], self->in, 2, 0, NULL));
		/* More room than messages: what there is. */
		ASSERT_EQ(4, recvmmsg(self->sv[1], self->in + 2, 4, 0, NULL));
		for (i = 0; i < N; i++) {
			len = self->in[i].msg_len;
			ASSERT_EQ(strlen(texts[i]), (size_t)len);
			ASSERT_EQ(0, memcmp(self->buf[i], texts[i], len));
			ASSERT_EQ(0, self->in[i].msg_hdr.msg_flags);
		}
		ASSERT_EQ(3, sendmmsg(self->sv[0], self->out, 3, 0));
		self->iov_in[1].iov_len = 2;
		ASSERT_EQ(3, recvmmsg(self->sv[1], self->in, N, MSG_DONTWAIT,
				      NULL));
		ASSERT_EQ(2U, self->in[1].msg_len);
		ASSERT_EQ(MSG_TRUNC, self->in[1].msg_hdr.msg_flags);
		ASSERT_EQ(7U, self->in[2].msg_len);
	}
	ASSERT_EQ(EAGAIN, vt_err(recvmmsg(self->sv[1], self->in, N,
					  MSG_DONTWAIT, NULL)));
	ASSERT_EQ(0, fcntl(self->sv[1], F_SETFL, O_RDWR | O_NONBLOCK));
	ASSERT_EQ(EAGAIN, vt_err(recvmmsg(self->sv[1], self->in, N, 0, NULL)));
	ASSERT_EQ(0, sendmmsg(self->sv[0], self->out, 0, 0));
	PROVES("MMSG-01");
}

TEST_F(mmsg, send_fails_in_the_middle)
{
	self->iov_out[2].iov_base = self->bad;
	ASSERT_EQ(2, sendmmsg(self->sv[0], self->out, N, 0));
	ASSERT_EQ(3U, self->out[1].msg_len);
	ASSERT_EQ(99U, self->out[2].msg_len);
	ASSERT_EQ(EFAULT, vt_err(sendmmsg(self->sv[0], self->out + 2, N - 2,
					  0)));
	ASSERT_EQ(3, sendmmsg(self->sv[0], self->out + 3, N - 3, 0));
	/* Nothing of the one that failed. */
	if (variant->type == SOCK_STREAM) {
		ASSERT_EQ(8, recv(self->sv[1], self->buf[0], 8, 0));
		ASSERT_EQ(0, memcmp(self->buf[0], "abcdlmno", 8));
	} else {
		ASSERT_EQ(5, recvmmsg(self->sv[1], self->in, N, MSG_DONTWAIT,
				      NULL));
		ASSERT_EQ(0, memcmp(self->buf[1], "bcd", 3));
		ASSERT_EQ(0, memcmp(self->buf[2], "lm", 2));
	}
	PROVES("MMSG-02");
}

TEST_F(mmsg, receive_fails_in_the_middle)
{
	int n;

	self->iov_in[0].iov_len = 1;
	self->iov_in[1].iov_base = self->bad;
	ASSERT_EQ(N, sendmmsg(self->sv[0], self->out, N, 0));
	ASSERT_EQ(1, recvmmsg(self->sv[1], self->in, N, MSG_DONTWAIT, NULL));
	ASSERT_EQ(1U, self->in[0].msg_len);
	ASSERT_EQ('a', self->buf[0][0]);
	/* The error is kept by the socket, once. */
	ASSERT_EQ(EFAULT, vt_err(recvmmsg(self->sv[1], self->in + 2, N - 2,
					  MSG_DONTWAIT, NULL)));
	ASSERT_LT(0, recvmmsg(self->sv[1], self->in + 2, N - 2, MSG_DONTWAIT,
			      NULL));
	/* A stream keeps the data, the others have lost that message. */
	if (variant->type == SOCK_STREAM)
		n = memcmp(self->buf[2], "bcdefghi", 8);
	else
		n = memcmp(self->buf[2], "efghijk", 7);
	ASSERT_EQ(0, n);
	PROVES("MMSG-02");
}

TEST_F(mmsg, queue_full)
{
	struct mmsghdr *many = calloc(50, sizeof(*many));
	int s, r, i, n, m;

	/* Without waiting: as many as fit. */
	if (variant->type != SOCK_DGRAM)
		return;
	s = vt_socket(variant->family, SOCK_DGRAM);
	r = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(r, "r"));
	ASSERT_EQ(0, vt_connect(s, "r"));
	for (i = 0; i < 50; i++)
		many[i] = self->out[i % N];
	n = sendmmsg(s, many, 50, MSG_DONTWAIT);
	ASSERT_LT(1, n);
	ASSERT_LT(n, 50);
	ASSERT_EQ(EAGAIN, vt_err(sendmmsg(s, many, 50, MSG_DONTWAIT)));
	for (m = 0; m < n; m++)
		ASSERT_EQ((ssize_t)strlen(texts[m % N]),
			  recv(r, self->buf[0], 8, MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, vt_err(recv(r, self->buf[0], 8, MSG_DONTWAIT)));
	free(many);
	PROVES("MMSG-02");
}

struct many {
	int fd, flags;
	struct mmsghdr *msgs;
};

static long receive_many(void *p)
{
	struct many *m = p;

	return recvmmsg(m->fd, m->msgs, 4, m->flags, NULL);
}

TEST_F(mmsg, wait_for_one)
{
	struct many m = { self->sv[1], MSG_WAITFORONE, self->in };
	struct vt_bg bg;
	int i;

	for (i = 0; i < N; i++)
		self->iov_in[i].iov_len = 1;
	/* Two are there already. */
	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(1, send(self->sv[0], "y", 1, 0));
	ASSERT_EQ(2, receive_many(&m));
	ASSERT_EQ('x', self->buf[0][0]);
	ASSERT_EQ('y', self->buf[1][0]);
	/* None is: wait, but only for the first. */
	ASSERT_EQ(0, vt_bg_block(&bg, receive_many, &m));
	ASSERT_EQ(1, send(self->sv[0], "z", 1, 0));
	ASSERT_EQ(1, vt_bg_join(&bg));
	ASSERT_EQ('z', self->buf[0][0]);
	/* Without the flag it goes on waiting. */
	m.flags = 0;
	ASSERT_EQ(0, vt_bg_block(&bg, receive_many, &m));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, send(self->sv[0], "z", 1, 0));
		ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	}
	ASSERT_EQ(1, send(self->sv[0], "z", 1, 0));
	ASSERT_EQ(4, vt_bg_join(&bg));
	PROVES("MMSG-03");
}

TEST_HARNESS_MAIN
