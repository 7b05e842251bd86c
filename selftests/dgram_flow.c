// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_DGRAM: what bounds a queue, and who waits for room.  Proves DG-07,
 * DG-08, DG-12, DG-13, DG-23.
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

FIXTURE(dgram_flow)
{
	struct vt_env env;
	int r, s;		/* receiver bound to "r", sender to "s" */
	int qlen;
};

FIXTURE_VARIANT(dgram_flow)
{
	int family;
};

VT_FAMILIES(dgram_flow);

FIXTURE_SETUP(dgram_flow)
{
	char path[64], *p;

	VT_SETUP();
	snprintf(path, sizeof(path), "/proc/sys/net/%s/max_dgram_qlen",
		 vt_name(variant->family));
	p = vt_read_file(path);
	ASSERT_TRUE(!!p);
	self->qlen = atoi(p);
	ASSERT_LT(0, self->qlen);
	ASSERT_LT(self->qlen, 100);
	free(p);
	self->r = vt_socket(variant->family, SOCK_DGRAM);
	self->s = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(self->r, "r"));
	ASSERT_EQ(0, vt_bind(self->s, "s"));
}

FIXTURE_TEARDOWN(dgram_flow)
{
	VT_TEARDOWN();
}

/* Send numbered messages without waiting, to @name if any: how many. */
static int flood(int fd, const char *name, int size)
{
	char buf[4096] = "";
	int n = 0;

	do {
		memcpy(buf, &n, sizeof(n));
		if (name ? vt_sendto(fd, buf, size, MSG_DONTWAIT, name) < 0 :
			   send(fd, buf, size, MSG_DONTWAIT) < 0)
			return errno == EAGAIN ? n : -1;
	} while (++n < 1000000);
	return -1;
}

/* Take what is queued: how many, or -1 if they are not numbered in order. */
static int drain(int fd)
{
	char buf[4096];
	int n = 0, m;

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= (int)sizeof(m)) {
		memcpy(&m, buf, sizeof(m));
		if (m != n)
			return -1;
		n++;
	}
	return errno == EAGAIN ? n : -1;
}

struct to {
	int fd;
	const char *name;
	int n;
};

static long send_to(void *p)
{
	struct to *to = p;

	if (!to->name)
		return send(to->fd, &to->n, sizeof(to->n), 0);
	return vt_sendto(to->fd, &to->n, sizeof(to->n), 0, to->name);
}

TEST_F(dgram_flow, queue_limit)
{
	int s2 = vt_socket(variant->family, SOCK_DGRAM);
	int t = vt_socket(variant->family, SOCK_DGRAM);
	struct vt_bg bg;
	struct to to;
	int n;

	/* Unconnected, connected one way, messages of any size. */
	ASSERT_EQ(self->qlen + 1, flood(self->s, "r", 4));
	ASSERT_EQ(-1, vt_sendto(self->s, "x", 0, MSG_DONTWAIT, "r"));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(self->qlen + 1, drain(self->r));
	ASSERT_EQ(0, vt_connect(self->s, "r"));
	ASSERT_EQ(self->qlen + 1, flood(self->s, NULL, 4096));
	/* One limit for all senders, and for the receiver's queue only. */
	ASSERT_EQ(0, flood(s2, "r", 4));
	ASSERT_EQ(0, vt_connect(s2, "r"));
	ASSERT_EQ(0, flood(s2, NULL, 4));
	ASSERT_EQ(0, vt_bind(t, "@t"));
	ASSERT_EQ(self->qlen + 1, flood(s2, "@t", 4));
	ASSERT_EQ(self->qlen + 1, drain(t));

	/* O_NONBLOCK does what MSG_DONTWAIT does. */
	ASSERT_EQ(0, fcntl(s2, F_SETFL, O_RDWR | O_NONBLOCK));
	ASSERT_EQ(-1, send(s2, "x", 1, 0));
	ASSERT_EQ(EAGAIN, errno);
	/* The associations survived all that. */
	ASSERT_EQ(self->qlen + 1, drain(self->r));
	n = 0;
	ASSERT_EQ(4, send(s2, &n, 4, 0));
	n = 1;
	ASSERT_EQ(4, send(self->s, &n, 4, 0));
	ASSERT_EQ(2, drain(self->r));

	/* Blocking senders wait. */
	ASSERT_EQ(self->qlen + 1, flood(self->s, NULL, 4));
	to = (struct to){ self->s, NULL, self->qlen + 1 };
	ASSERT_EQ(0, vt_bg_block(&bg, send_to, &to));
	ASSERT_EQ(4, recv(self->r, &n, 4, 0));
	ASSERT_EQ(0, n);
	ASSERT_EQ(4, vt_bg_join(&bg));
	PROVES("DG-07");
}

TEST_F(dgram_flow, mutual)
{
	int small, large, n, sv[2];
	struct vt_bg bg;
	struct to to;

	ASSERT_EQ(0, vt_connect(self->s, "r"));
	ASSERT_EQ(0, vt_connect(self->r, "s"));
	small = flood(self->s, NULL, 100);
	ASSERT_LT(self->qlen + 1, small);
	ASSERT_EQ(small, drain(self->r));
	/* The other direction, and addressed explicitly. */
	n = flood(self->r, "s", 100);
	ASSERT_EQ(small, n);
	ASSERT_EQ(small, drain(self->s));

	/* The send buffer decides, nothing else. */
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_DGRAM, sv));
	ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET, SO_SNDBUF, 60000));
	small = flood(sv[0], NULL, 1000);
	ASSERT_LT(self->qlen + 1, small);
	ASSERT_LE(small, 121);
	large = flood(sv[1], NULL, 1000);
	ASSERT_LT(small, large);
	ASSERT_EQ(small, drain(sv[1]));
	ASSERT_EQ(large, drain(sv[0]));
	ASSERT_EQ(0, vt_setint(sv[1], SOL_SOCKET, SO_RCVBUF, 1));
	ASSERT_EQ(small, flood(sv[0], NULL, 1000));

	to = (struct to){ sv[0], NULL, small };
	ASSERT_EQ(0, vt_bg_block(&bg, send_to, &to));
	n = drain(sv[1]);
	ASSERT_EQ(4, vt_bg_join(&bg));
	/* Either the first drain has seen it or it is left for this. */
	if (n == small) {
		ASSERT_EQ(4, recv(sv[1], &n, 4, MSG_DONTWAIT));
		ASSERT_EQ(small, n);
	} else {
		ASSERT_EQ(small + 1, n);
	}
	PROVES("DG-08");
}

TEST_F(dgram_flow, reader_makes_room)
{
	static const char *const names[] = { "r", NULL };
	struct vt_bg bg[2];
	struct to to[2];
	int i, j, n;

	ASSERT_EQ(0, vt_connect(self->s, "r"));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(self->qlen + 1, flood(self->s, NULL, 4));
		to[0] = (struct to){ self->s, names[i], self->qlen + 1 };
		ASSERT_EQ(0, vt_bg_block(&bg[0], send_to, &to[0]));
		for (j = 0; j <= self->qlen; j++) {
			ASSERT_EQ(4, recv(self->r, &n, 4, MSG_DONTWAIT));
			ASSERT_EQ(j, n);
		}
		ASSERT_EQ(4, vt_bg_join(&bg[0]));
		ASSERT_EQ(4, recv(self->r, &n, 4, 0));
		ASSERT_EQ(self->qlen + 1, n);
	}

	/* Two waiting: each single message taken lets one in. */
	ASSERT_EQ(self->qlen + 1, flood(self->s, NULL, 4));
	for (i = 0; i < 2; i++) {
		to[i] = (struct to){ self->s, names[i], self->qlen + 1 };
		ASSERT_EQ(0, vt_bg_block(&bg[i], send_to, &to[i]));
	}
	ASSERT_EQ(4, recv(self->r, &n, 4, 0));
	ASSERT_EQ(4, recv(self->r, &n, 4, 0));
	ASSERT_EQ(4, vt_bg_join(&bg[0]));
	ASSERT_EQ(4, vt_bg_join(&bg[1]));
	/* Full again with them. */
	ASSERT_EQ(0, flood(self->s, NULL, 4));
	PROVES("DG-12");
}

#define WAITING	5

static int sent;	/* of those who waited */

static long send_and_count(void *p)
{
	long ret = send_to(p);

	__atomic_fetch_add(&sent, 1, __ATOMIC_SEQ_CST);
	return ret;
}

static int sent_within(int ms, int n)
{
	ms *= vt_patience();
	while (__atomic_load_n(&sent, __ATOMIC_SEQ_CST) < n && ms-- > 0)
		usleep(1000);
	return __atomic_load_n(&sent, __ATOMIC_SEQ_CST);
}

static long poll_out(void *p)
{
	return vt_poll_wait(*(int *)p, POLLOUT, 20000);
}

/* A reader that takes a message and then none: who waits gets the room. */
TEST_F(dgram_flow, slow_reader)
{
	struct vt_bg bg[WAITING], polling;
	struct to to[WAITING];
	int i, n, got;

	ASSERT_EQ(0, vt_connect(self->s, "r"));
	ASSERT_EQ(self->qlen + 1, flood(self->s, NULL, 4));
	sent = 0;
	for (i = 0; i < WAITING; i++) {
		to[i] = (struct to){ self->s, "r", self->qlen + 1 };
		ASSERT_EQ(0, vt_bg_block(&bg[i], send_and_count, &to[i]));
	}
	/* Many takes, each of which leaves the queue nearly full. */
	for (i = 1; i < WAITING; i++) {
		ASSERT_EQ(4, recv(self->r, &n, 4, 0));
		ASSERT_EQ(i, sent_within(20000, i));
		ASSERT_EQ(0, flood(self->s, NULL, 4));
	}
	usleep(50000);
	ASSERT_EQ(WAITING - 1, sent);
	/* Two at once: for the last, and for who polls. */
	ASSERT_EQ(0, vt_bg_block(&polling, poll_out, &self->s));
	ASSERT_EQ(4, recv(self->r, &n, 4, 0));
	ASSERT_EQ(4, recv(self->r, &n, 4, 0));
	ASSERT_EQ(WAITING, sent_within(20000, WAITING));
	ASSERT_EQ(POLLOUT, vt_bg_join(&polling));
	for (i = 0; i < WAITING; i++)
		ASSERT_EQ(4, vt_bg_join(&bg[i]));
	for (got = 0; recv(self->r, &n, 4, MSG_DONTWAIT) == 4; got++)
		;
	ASSERT_EQ(self->qlen, got);
	PROVES("DG-12");
}

/* From one message on, whatever a part of the limit comes to. */
TEST_F(dgram_flow, short_queues)
{
	struct vt_bg bg[2];
	struct to to[2];
	char path[64];
	int i, n, len;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/max_dgram_qlen",
		 vt_name(variant->family));
	for (len = 0; len < 5; len++) {
		int r = vt_socket(variant->family, SOCK_DGRAM);

		ASSERT_EQ(0, vt_write_num(path, len));
		close(r);
		r = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_bind(r, "@short"));
		ASSERT_EQ(len + 1, flood(self->s, "@short", 4));
		for (i = 0; i < 2; i++) {
			to[i] = (struct to){ self->s, "@short", len + 1 + i };
			ASSERT_EQ(0, vt_bg_block(&bg[i], send_to, &to[i]));
		}
		/* In the order in which they came. */
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(4, recv(r, &n, 4, 0));
			ASSERT_EQ(i, n);
			ASSERT_EQ(4, vt_bg_join(&bg[i]));
			ASSERT_EQ(0, flood(self->s, "@short", 4));
		}
		for (; i < len + 3; i++) {
			ASSERT_EQ(4, recv(r, &n, 4, 0));
			ASSERT_EQ(i, n);
		}
		ASSERT_EQ(0, close(r));
	}
	PROVES("DG-07");
}

/* The one whose turn it is gives up. */
TEST_F(dgram_flow, waiter_leaves)
{
	struct vt_bg bg[2];
	struct to to[2];
	int i, n;

	/* On AF_UNIX the room may go with it, until the next message is read. */
	if (variant->family == AF_UNIX)
		SKIP(return, "vunix only");
	ASSERT_EQ(0, vt_catch(SIGUSR1, 0));
	ASSERT_EQ(0, vt_connect(self->s, "r"));
	ASSERT_EQ(self->qlen + 1, flood(self->s, NULL, 4));
	for (i = 0; i < 2; i++) {
		to[i] = (struct to){ self->s, NULL, self->qlen + 1 };
		ASSERT_EQ(0, vt_bg_block(&bg[i], send_to, &to[i]));
	}
	ASSERT_EQ(4, recv(self->r, &n, 4, 0));
	/* It may have sent already. */
	ASSERT_EQ(0, pthread_kill(bg[0].thread, SIGUSR1));
	sent = vt_bg_join(&bg[0]) == 4;
	ASSERT_EQ(sent ? 0 : EINTR, bg[0].err);
	if (sent)
		recv(self->r, &n, 4, 0);
	ASSERT_EQ(4, vt_bg_join(&bg[1]));
	ASSERT_EQ(0, flood(self->s, NULL, 4));
	PROVES("DG-12");
}

/*
 * It is told of the only room there is, which nobody else hears of, and gets a signal
 * before it runs: then the other one has to hear.
 */
TEST_F(dgram_flow, told_waiter_leaves)
{
	struct sched_param first = { .sched_priority = 1 };
	struct vt_bg bg[2];
	struct to to[2];
	cpu_set_t one;
	char path[64];
	int i, n, r;

	/* On AF_UNIX the room goes with it, until the next message is read. */
	if (variant->family == AF_UNIX)
		SKIP(return, "vunix only");
	snprintf(path, sizeof(path), "/proc/sys/net/%s/max_dgram_qlen",
		 vt_name(variant->family));
	ASSERT_EQ(0, vt_write_num(path, 0));
	ASSERT_EQ(0, vt_catch(SIGUSR1, 0));
	r = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(r, "@one"));
	ASSERT_EQ(1, flood(self->s, "@one", 4));
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	for (i = 0; i < 2; i++) {
		to[i] = (struct to){ self->s, "@one", 1 + i };
		ASSERT_EQ(0, vt_bg_block(&bg[i], send_to, &to[i]));
	}
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &first));
	ASSERT_EQ(4, recv(r, &n, 4, 0));
	ASSERT_EQ(0, pthread_kill(bg[0].thread, SIGUSR1));
	ASSERT_EQ(-1, vt_bg_join(&bg[0]));
	ASSERT_EQ(EINTR, bg[0].err);
	ASSERT_EQ(4, vt_bg_join(&bg[1]));
	PROVES("DG-12");
}

/* Room is made, somebody is about to hear of it, and there is nobody left. */
TEST_F(dgram_flow, closes_after_one)
{
	struct vt_bg bg;
	struct to to;
	int i, n, r;

	for (i = 0; i < 20; i++) {
		r = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_bind(r, "@gone"));
		ASSERT_EQ(self->qlen + 1, flood(self->s, "@gone", 4));
		to = (struct to){ self->s, "@gone", self->qlen + 1 };
		ASSERT_EQ(0, vt_bg_block(&bg, send_to, &to));
		ASSERT_EQ(4, recv(r, &n, 4, 0));
		ASSERT_EQ(0, close(r));
		sent = vt_bg_join(&bg) == 4;
		ASSERT_EQ(sent ? 0 : ECONNREFUSED, bg.err);
	}
	PROVES("DG-13");
}

TEST_F(dgram_flow, receiver_closes)
{
	static const char *const names[] = { "r", NULL };
	int s2 = vt_socket(variant->family, SOCK_DGRAM);
	struct vt_bg bg[2];
	struct to to[2];
	int i;

	ASSERT_EQ(0, vt_connect(self->s, "r"));
	ASSERT_EQ(self->qlen + 1, flood(self->s, NULL, 4));
	for (i = 0; i < 2; i++) {
		to[i] = (struct to){ i ? self->s : s2, names[i], 0 };
		ASSERT_EQ(0, vt_bg_block(&bg[i], send_to, &to[i]));
	}
	ASSERT_EQ(0, close(self->r));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(-1, vt_bg_join(&bg[i]));
		ASSERT_EQ(ECONNREFUSED, bg[i].err);
	}
	ASSERT_EQ(-1, send(self->s, "x", 1, 0));
	ASSERT_EQ(ENOTCONN, errno);
	PROVES("DG-13");
}

TEST_F(dgram_flow, connects_back)
{
	int i, n;

	ASSERT_EQ(0, vt_connect(self->s, "r"));
	ASSERT_EQ(self->qlen + 1, flood(self->s, NULL, 4));
	ASSERT_EQ(0, vt_poll(self->s, VT_POLL_ALL));
	ASSERT_EQ(0, vt_connect(self->r, "s"));
	ASSERT_EQ(POLLOUT, vt_poll(self->s, VT_POLL_ALL));
	ASSERT_LT(0, flood(self->s, NULL, 4));
	/* The old messages first, and then those of the second flood. */
	for (i = 0; i <= self->qlen; i++) {
		ASSERT_EQ(4, recv(self->r, &n, 4, MSG_DONTWAIT));
		ASSERT_EQ(i, n);
	}
	ASSERT_LT(0, drain(self->r));
	PROVES("DG-23");
}

TEST_HARNESS_MAIN
