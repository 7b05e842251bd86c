// SPDX-License-Identifier: GPL-2.0
/*
 * Signals at every sleep: NB-05, NB-07, and again CONN-12 as one sleep among
 * the others.
 *
 * Each way to sleep is interrupted without SA_RESTART (EINTR), with it (goes
 * on), and with it under a time limit (EINTR); afterwards the same call must
 * work as if nothing had been.
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

/* Every sleep of a socket of the family. */
enum sleep {
	RECV_STREAM, RECV_DGRAM, RECV_SEQPACKET, PEEK_STREAM, PEEK_DGRAM,
	READ_STREAM, RECVMMSG, SEND_STREAM, SEND_DGRAM, SEND_SEQPACKET,
	SEND_QUEUE, SENDTO_QUEUE, SENDMMSG, ACCEPT_STREAM, ACCEPT_SEQPACKET,
	CONNECT_STREAM, CONNECT_SEQPACKET,
};

FIXTURE(intr) {
	struct vt_env env;
	int sleeper;		/* the socket whose call sleeps */
	int waker;		/* what to use to end it */
	int timeo;		/* SO_RCVTIMEO or SO_SNDTIMEO applies */
	struct vt_io io;
	long (*fn)(void *arg);
	char byte;
};

FIXTURE_VARIANT(intr) {
	int family;
	enum sleep sleep;
};

#define SLEEP(fam, FAM, name, NAME) \
	FIXTURE_VARIANT_ADD(intr, fam ## _ ## name) { \
		.family = FAM, .sleep = NAME }
#define SLEEPS(fam, FAM) \
	SLEEP(fam, FAM, recv_stream, RECV_STREAM); \
	SLEEP(fam, FAM, recv_dgram, RECV_DGRAM); \
	SLEEP(fam, FAM, recv_seqpacket, RECV_SEQPACKET); \
	SLEEP(fam, FAM, peek_stream, PEEK_STREAM); \
	SLEEP(fam, FAM, peek_dgram, PEEK_DGRAM); \
	SLEEP(fam, FAM, read_stream, READ_STREAM); \
	SLEEP(fam, FAM, recvmmsg, RECVMMSG); \
	SLEEP(fam, FAM, send_stream, SEND_STREAM); \
	SLEEP(fam, FAM, send_dgram, SEND_DGRAM); \
	SLEEP(fam, FAM, send_seqpacket, SEND_SEQPACKET); \
	SLEEP(fam, FAM, send_queue, SEND_QUEUE); \
	SLEEP(fam, FAM, sendto_queue, SENDTO_QUEUE); \
	SLEEP(fam, FAM, sendmmsg, SENDMMSG); \
	SLEEP(fam, FAM, accept_stream, ACCEPT_STREAM); \
	SLEEP(fam, FAM, accept_seqpacket, ACCEPT_SEQPACKET); \
	SLEEP(fam, FAM, connect_stream, CONNECT_STREAM); \
	SLEEP(fam, FAM, connect_seqpacket, CONNECT_SEQPACKET)

SLEEPS(unix, AF_UNIX);
SLEEPS(vunix, AF_VUNIX);

static long do_read(void *p)
{
	struct vt_io *io = p;

	return read(io->fd, io->buf, io->len);
}

static long do_sendto(void *p)
{
	struct vt_io *io = p;

	return vt_sendto(io->fd, io->buf, io->len, 0, "@r");
}

static long do_mmsg(void *p)
{
	struct vt_io *io = p;
	struct iovec iov = { .iov_base = io->buf, .iov_len = io->len };
	struct mmsghdr msg = { .msg_hdr = { .msg_iov = &iov,
					    .msg_iovlen = 1 } };

	if (io->flags)
		return sendmmsg(io->fd, &msg, 1, 0);
	return recvmmsg(io->fd, &msg, 1, 0, NULL);
}

/* A pair; the sleeper is empty, or full if it is to send. */
static int setup_pair(int family, int type, int *sleeper, int *waker, bool full)
{
	int sv[2];

	if (vt_pair(family, type, sv))
		return -1;
	*sleeper = sv[0];
	*waker = sv[1];
	return full && vt_fill(sv[0]) <= 0 ? -1 : 0;
}

/* A receiver with a full queue and a stranger that sends to it. */
static int setup_queue(int family, int *sleeper, int *waker, bool connected)
{
	int i;

	if (vt_write_num(vt_qlen_path(family), 1))
		return -1;
	*waker = vt_socket(family, SOCK_DGRAM);
	*sleeper = vt_socket(family, SOCK_DGRAM);
	if (vt_bind(*waker, "@r") || (connected && vt_connect(*sleeper, "@r")))
		return -1;
	for (i = 0; i < 2; i++)
		if (vt_sendto(*sleeper, "x", 1, 0, "@r") != 1)
			return -1;
	return 0;
}

/* A listener, with a full backlog if the sleeper is to connect. */
static int setup_listener(int family, int type, int *sleeper, int *waker,
			  bool full)
{
	int l = vt_socket(family, type), c = vt_socket(family, type);

	if (vt_bind(l, "@l") || listen(l, 0))
		return -1;
	*sleeper = full ? c : l;
	*waker = full ? l : c;
	return full ? vt_connect(vt_socket(family, type), "@l") : 0;
}

FIXTURE_SETUP(intr)
{
	int *s = &self->sleeper, *w = &self->waker, f = variant->family;
	int err = -1;

	VT_SETUP();
	self->timeo = SO_SNDTIMEO;
	self->io.buf = &self->byte;
	self->io.len = 1;
	self->fn = vt_io_send;
	switch (variant->sleep) {
	case READ_STREAM:
		self->fn = do_read;
		err = setup_pair(f, SOCK_STREAM, s, w, false);
		break;
	case PEEK_STREAM:
		self->io.flags = MSG_PEEK;
		/* fall through */
	case RECV_STREAM:
		self->fn = vt_io_recv;
		err = setup_pair(f, SOCK_STREAM, s, w, false);
		break;
	case PEEK_DGRAM:
		self->io.flags = MSG_PEEK;
		/* fall through */
	case RECV_DGRAM:
		self->fn = vt_io_recv;
		err = setup_pair(f, SOCK_DGRAM, s, w, false);
		break;
	case RECVMMSG:
		self->fn = do_mmsg;
		err = setup_pair(f, SOCK_DGRAM, s, w, false);
		break;
	case RECV_SEQPACKET:
		self->fn = vt_io_recv;
		err = setup_pair(f, SOCK_SEQPACKET, s, w, false);
		break;
	case SEND_STREAM:
		err = setup_pair(f, SOCK_STREAM, s, w, true);
		break;
	case SEND_DGRAM:
		err = setup_pair(f, SOCK_DGRAM, s, w, true);
		break;
	case SEND_SEQPACKET:
		err = setup_pair(f, SOCK_SEQPACKET, s, w, true);
		break;
	case SEND_QUEUE:
		err = setup_queue(f, s, w, true);
		break;
	case SENDTO_QUEUE:
		self->fn = do_sendto;
		err = setup_queue(f, s, w, false);
		break;
	case SENDMMSG:
		self->fn = do_mmsg;
		self->io.flags = 1;
		err = setup_queue(f, s, w, true);
		break;
	case ACCEPT_STREAM:
		self->fn = vt_io_accept;
		err = setup_listener(f, SOCK_STREAM, s, w, false);
		break;
	case ACCEPT_SEQPACKET:
		self->fn = vt_io_accept;
		err = setup_listener(f, SOCK_SEQPACKET, s, w, false);
		break;
	case CONNECT_STREAM:
		self->fn = vt_io_connect;
		self->io.buf = "@l";
		err = setup_listener(f, SOCK_STREAM, s, w, true);
		break;
	case CONNECT_SEQPACKET:
		self->fn = vt_io_connect;
		self->io.buf = "@l";
		err = setup_listener(f, SOCK_SEQPACKET, s, w, true);
		break;
	}
	if (self->fn == vt_io_recv || self->fn == vt_io_accept ||
	    self->fn == do_read || variant->sleep == RECVMMSG)
		self->timeo = SO_RCVTIMEO;
	self->io.fd = self->sleeper;
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(intr)
{
	VT_TEARDOWN();
}

/* Do what lets the sleeping call succeed. */
static int wake(enum sleep sleep, int waker)
{
	char buf[1024];

	switch (sleep) {
	case RECV_STREAM ... RECVMMSG:
		return send(waker, "x", 1, 0) == 1 ? 0 : -1;
	case SEND_STREAM ... SENDMMSG:
		while (recv(waker, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		return errno == EAGAIN ? 0 : -1;
	case ACCEPT_STREAM ... ACCEPT_SEQPACKET:
		return vt_connect(waker, "@l");
	case CONNECT_STREAM ... CONNECT_SEQPACKET:
		return accept(waker, NULL, NULL) < 0 ? -1 : 0;
	}
	return -1;
}

/* The result of the call that succeeds: 1 byte, 1 message, 0, a descriptor. */
static bool good(enum sleep sleep, long ret)
{
	if (sleep >= CONNECT_STREAM)
		return ret == 0;
	if (sleep >= ACCEPT_STREAM)
		return ret > 2;
	return ret == 1;
}

#define PROVES_INTR() do { \
	PROVES("NB-05"); \
	if (variant->sleep >= CONNECT_STREAM) \
		PROVES("CONN-12"); \
} while (0)

TEST_F(intr, interrupted)
{
	struct vt_bg bg;

	ASSERT_EQ(0, vt_catch(SIGUSR1, 0));
	ASSERT_EQ(0, vt_bg_block(&bg, self->fn, &self->io));
	ASSERT_EQ(0, vt_bg_signal(&bg, SIGUSR1));
	ASSERT_EQ(-1, vt_bg_join(&bg));
	ASSERT_EQ(EINTR, bg.err);
	ASSERT_EQ(0, vt_getint(self->sleeper, SOL_SOCKET, SO_ERROR));

	/* Nothing was left behind: it sleeps again, and then succeeds. */
	ASSERT_EQ(0, vt_bg_block(&bg, self->fn, &self->io));
	ASSERT_EQ(0, wake(variant->sleep, self->waker));
	ASSERT_TRUE(good(variant->sleep, vt_bg_join(&bg)));
	PROVES_INTR();
}

TEST_F(intr, restarted)
{
	struct vt_bg bg;
	int i;

	ASSERT_EQ(0, vt_catch(SIGUSR1, SA_RESTART));
	ASSERT_EQ(0, vt_bg_block(&bg, self->fn, &self->io));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_bg_signal(&bg, SIGUSR1));
		ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	}
	ASSERT_EQ(0, wake(variant->sleep, self->waker));
	ASSERT_TRUE(good(variant->sleep, vt_bg_join(&bg)));
	PROVES_INTR();
}

TEST_F(intr, time_limit)
{
	struct vt_bg bg;
	int i;

	/* Far away: it must not elapse. */
	ASSERT_EQ(0, vt_set_timeo(self->sleeper, self->timeo, 100000));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_catch(SIGUSR1, i ? SA_RESTART : 0));
		ASSERT_EQ(0, vt_bg_block(&bg, self->fn, &self->io));
		ASSERT_EQ(0, vt_bg_signal(&bg, SIGUSR1));
		ASSERT_EQ(-1, vt_bg_join(&bg));
		ASSERT_EQ(EINTR, bg.err);
	}
	/* The limit of the other direction does not matter. */
	ASSERT_EQ(0, vt_set_timeo(self->sleeper, self->timeo, 0));
	ASSERT_EQ(0, vt_set_timeo(self->sleeper, self->timeo == SO_SNDTIMEO ?
				  SO_RCVTIMEO : SO_SNDTIMEO, 100000));
	ASSERT_EQ(0, vt_bg_block(&bg, self->fn, &self->io));
	ASSERT_EQ(0, vt_bg_signal(&bg, SIGUSR1));
	ASSERT_EQ(0, vt_wait_asleep(bg.tid));
	ASSERT_EQ(0, wake(variant->sleep, self->waker));
	ASSERT_TRUE(good(variant->sleep, vt_bg_join(&bg)));
	PROVES_INTR();
}

/* A process that is killed while it sleeps leaves nothing locked. */
TEST_F(intr, killed)
{
	struct vt_bg bg;
	pid_t pid;

	pid = vt_fork();
	if (!pid) {
		self->fn(&self->io);
		_exit(0);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, vt_wait_asleep(pid));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));

	ASSERT_EQ(0, vt_bg_block(&bg, self->fn, &self->io));
	ASSERT_EQ(0, wake(variant->sleep, self->waker));
	ASSERT_TRUE(good(variant->sleep, vt_bg_join(&bg)));
	PROVES_INTR();
}

VT_FIXTURE_PAIR(stream, VT_FAMILIES, SOCK_STREAM, a, b);

TEST_F(stream, short_count)
{
	static char got[1 << 20];
	struct vt_io io = { .fd = self->a, .len = 1 << 20 };
	struct vt_bg bg;
	ssize_t n, sum;
	unsigned int i;
	char *big;

	big = malloc(io.len);
	ASSERT_TRUE(!!big);
	for (i = 0; i < io.len; i++)
		big[i] = i * 11 + (i >> 9);
	io.buf = big;
	/* With SA_RESTART too: what is sent cannot be sent again. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_catch(SIGUSR1, i == 1 ? SA_RESTART : 0));
		ASSERT_EQ(0, vt_set_timeo(self->a, SO_SNDTIMEO,
					  i == 2 ? 100000 : 0));
		ASSERT_EQ(0, vt_bg_block(&bg, vt_io_send, &io));
		ASSERT_EQ(0, vt_bg_signal(&bg, SIGUSR1));
		n = vt_bg_join(&bg);
		ASSERT_LT(0, n);
		ASSERT_GT((ssize_t)io.len, n);

		sum = 0;
		while ((size_t)sum < sizeof(got)) {
			ssize_t r = recv(self->b, got + sum, sizeof(got) - sum,
					 MSG_DONTWAIT);
			if (r < 0)
				break;
			sum += r;
		}
		ASSERT_EQ(n, sum);
		ASSERT_EQ(0, memcmp(big, got, n));
	}
	PROVES("NB-07");
}

TEST_HARNESS_MAIN
