// SPDX-License-Identifier: GPL-2.0
/*
 * What sock_diag tells of a vunix socket besides what unix_diag tells of its
 * own: struct vunix_diag_info, and who may see it.
 */
#define VT_OWN_NETNS
#include "diag.h"
#include "scm.h"

#include <linux/filter.h>
#include <sys/resource.h>

#define STREAM	(variant->type == SOCK_STREAM)
#define DGRAM	(variant->type == SOCK_DGRAM)

FIXTURE(info)
{
	struct vt_env env;
	struct diag d;
	struct vunix_diag_info i;
};

FIXTURE_VARIANT(info)
{
	int family;
	int type;
};

FIXTURE_VARIANT_ADD(info, stream)
{
	.family = AF_VUNIX, .type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(info, dgram)
{
	.family = AF_VUNIX, .type = SOCK_DGRAM,
};

FIXTURE_VARIANT_ADD(info, seqpacket)
{
	.family = AF_VUNIX, .type = SOCK_SEQPACKET,
};

FIXTURE_SETUP(info)
{
	VT_SETUP();
}

FIXTURE_TEARDOWN(info)
{
	VT_TEARDOWN();
}

/* What is known of the socket with this id, in self->i. */
#define INFO_ID(which) do { \
	unsigned long long __which = (which); \
	struct unix_diag_req __req = \
		diag_req_id(__which, VUNIX_DIAG_SHOW_INFO); \
	\
	ASSERT_EQ(0, diag_ask(&__req, &self->d)); \
	ASSERT_EQ((int)sizeof(self->i), self->d.info_len); \
	self->i = self->d.info; \
	ASSERT_EQ(__which, self->i.id); \
	ASSERT_EQ(0U, self->i.__reserved); \
} while (0)

#define INFO(fd)	INFO_ID(diag_cookie(fd))

/* Messages and bytes: sent, received. */
#define ASSERT_TRAFFIC(fd, sm, sb, rm, rb) do { \
	INFO(fd); \
	ASSERT_EQ((unsigned long long)(sm), self->i.messages_sent); \
	ASSERT_EQ((unsigned long long)(sb), self->i.bytes_sent); \
	ASSERT_EQ((unsigned long long)(rm), self->i.messages_received); \
	ASSERT_EQ((unsigned long long)(rb), self->i.bytes_received); \
} while (0)

TEST_F(info, fresh)
{
	struct unix_diag_req req;
	unsigned long long age;
	struct timespec ts;
	long long start;
	int s;

	s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, s);
	ASSERT_TRAFFIC(s, 0, 0, 0, 0);
	/* Only now: how long it takes to be told is in that age already. */
	start = vt_ticks_ms();
	ASSERT_EQ(0U, self->i.peer_id);
	ASSERT_EQ(0U, self->i.refused);
	ASSERT_EQ(0U, self->i.dropped);
	ASSERT_EQ(0U, self->i.blocked);
	ASSERT_EQ(0U, self->i.blocked_ns);
	ASSERT_EQ((unsigned int)getpid(), self->i.pid);
	ASSERT_EQ(0U, self->i.peak);
	ASSERT_EQ(0U, self->i.fds_queued);
	/* Nobody has asked for anything else. */
	ASSERT_EQ(-1, self->d.name_len);
	ASSERT_EQ(0, self->d.unknown);

	/* Younger than the machine, and getting older, by its ticks. */
	clock_gettime(CLOCK_BOOTTIME, &ts);
	age = self->i.age_ns;
	ASSERT_GE(ts.tv_sec * 1000000000ULL + ts.tv_nsec, age);
	while (vt_ticks_ms() < start + 50)
		sched_yield();
	INFO(s);
	ASSERT_LE(age + 20000000, self->i.age_ns);

	/* Not without the bit. */
	req = diag_req_id(diag_cookie(s), 0);
	ASSERT_EQ(0, diag_ask(&req, &self->d));
	ASSERT_EQ(-1, self->d.info_len);
}

/* All sizes, so both the short ways and the long ones, and page ends. */
TEST_F(info, traffic)
{
	static const size_t sizes[] = { 1, 0, 64, 4000, 4096, 5000, 100000 };
	unsigned long long msgs = 0, bytes = 0;
	static char buf[100000];
	unsigned int i, round;
	int sv[2];
	size_t n;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	for (round = 0; round < 30; round++) {
		for (i = 0; i < 7; i++) {
			n = sizes[i];
			if (STREAM && !n)
				continue;
			ASSERT_EQ((ssize_t)n, send(sv[0], buf, n, 0));
			ASSERT_TRAFFIC(sv[0], msgs + 1, bytes + n, 0, 0);
			ASSERT_TRAFFIC(sv[1], 0, 0, msgs, bytes);
			ASSERT_EQ((ssize_t)n, recv(sv[1], buf, sizeof(buf), 0));
			msgs++;
			bytes += n;
			ASSERT_TRAFFIC(sv[0], msgs, bytes, 0, 0);
			ASSERT_TRAFFIC(sv[1], 0, 0, msgs, bytes);
		}
	}
	INFO(sv[1]);
	ASSERT_EQ(100000U, self->i.peak);
	ASSERT_EQ(diag_cookie(sv[0]), self->i.peer_id);
	INFO(sv[0]);
	ASSERT_EQ(0U, self->i.peak);
	ASSERT_EQ(diag_cookie(sv[1]), self->i.peer_id);
	ASSERT_EQ(0U, self->i.blocked);

	/* The other way, peeked at, and cut. */
	ASSERT_EQ(10, send(sv[1], buf, 10, 0));
	ASSERT_EQ(10, recv(sv[0], buf, 20, MSG_PEEK));
	ASSERT_TRAFFIC(sv[0], msgs, bytes, 0, 0);
	ASSERT_EQ(4, recv(sv[0], buf, 4, 0));
	ASSERT_TRAFFIC(sv[0], msgs, bytes, 1, STREAM ? 4 : 10);
	ASSERT_TRAFFIC(sv[1], 1, 10, msgs, bytes);

	/* Several at once: a stream's call counts once, the peak is of all. */
	for (i = 0; i < 5; i++)
		ASSERT_EQ(1000, send(sv[1], buf, 1000, 0));
	n = STREAM ? 5006 : 1000;
	ASSERT_EQ((ssize_t)n, recv(sv[0], buf, sizeof(buf), 0));
	ASSERT_TRAFFIC(sv[0], msgs, bytes, 2, STREAM ? 5010 : 1010);
	ASSERT_EQ(STREAM ? 5006U : 5000U, self->i.peak);

	/* What the other end has sent is still known when it has gone. */
	close(sv[1]);
	ASSERT_EQ(STREAM ? 0 : 1000, recv(sv[0], buf, 1000, MSG_DONTWAIT));
	ASSERT_TRAFFIC(sv[0], msgs, bytes, STREAM ? 2 : 3,
		       STREAM ? 5010 : 2010);
}

/* The 32 bits of a position are not enough: it wraps after the first 64 KiB. */
TEST_F(info, wraps)
{
	static char buf[10000];
	int sv[2], i;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	for (i = 1; i <= 50; i++) {
		ASSERT_EQ(10000, send(sv[0], buf, 10000, 0));
		ASSERT_TRAFFIC(sv[0], i, i * 10000, 0, 0);
		ASSERT_EQ(10000, recv(sv[1], buf, 10000, 0));
		ASSERT_TRAFFIC(sv[1], 0, 0, i, i * 10000);
	}
}

TEST_F(info, refused)
{
	int sv[2], n, i;
	char c;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET, SO_SNDBUF, 1));
	n = 0;
	while (send(sv[0], &c, 1, MSG_DONTWAIT) == 1)
		n++;
	ASSERT_EQ(EAGAIN, errno);
	for (i = 1; i < 4; i++) {
		INFO(sv[0]);
		ASSERT_EQ((unsigned int)i, self->i.refused);
		ASSERT_EQ((unsigned int)n, self->i.messages_sent);
		ASSERT_EQ(0U, self->i.blocked);
		ASSERT_ERR(EAGAIN, send(sv[0], &c, 1, MSG_DONTWAIT));
	}
	/* A time limit ends the same way, after a while. */
	ASSERT_EQ(0, vt_set_timeo(sv[0], SO_SNDTIMEO, 50));
	/* Which, in ticks, may be short where ticks have been late. */
	do {
		ASSERT_ERR(EAGAIN, send(sv[0], &c, 1, 0));
		INFO(sv[0]);
		i++;
		ASSERT_EQ((unsigned int)i, self->i.refused);
		ASSERT_LE((unsigned int)i - 4, self->i.blocked);
	} while (self->i.blocked_ns < 20000000);
	INFO(sv[1]);
	ASSERT_EQ(0U, self->i.refused);
	/* Receives that find nothing are not refused sends. */
	ASSERT_ERR(EAGAIN, recv(sv[0], &c, 1, MSG_DONTWAIT));
	INFO(sv[0]);
	ASSERT_EQ((unsigned int)i, self->i.refused);
}

TEST_F(info, blocked)
{
	struct vt_io io = { .buf = self->env.dir, .len = 1 };
	struct vt_bg bg = {};
	long long start;
	int sv[2];

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	io.fd = sv[1];
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	start = vt_ticks_ms();
	while (vt_ticks_ms() < start + 20)
		sched_yield();
	ASSERT_EQ(1, send(sv[0], "x", 1, 0));
	ASSERT_EQ(1, vt_bg_join(&bg));
	INFO(sv[1]);
	ASSERT_LE(1U, self->i.blocked);
	ASSERT_GE(3U, self->i.blocked);
	ASSERT_LE(10000000U, self->i.blocked_ns);
	INFO(sv[0]);
	ASSERT_EQ(0U, self->i.blocked);

	/* Who waits for room is the sender. */
	ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET, SO_SNDBUF, 1));
	ASSERT_LE(0, vt_fill(sv[0]));
	io.fd = sv[0];
	memset(&bg, 0, sizeof(bg));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_send, &io));
	while (recv(sv[1], self->env.dir + 32, 1, MSG_DONTWAIT) == 1)
		;
	ASSERT_EQ(1, vt_bg_join(&bg));
	INFO(sv[0]);
	ASSERT_LE(1U, self->i.blocked);
	ASSERT_NE(0U, self->i.blocked_ns);
}

/* Datagram sockets: many receivers, and what never arrives. */
TEST_F(info, datagrams)
{
	struct sock_filter refuse = { .code = 0x06, .k = 0 };	/* ret #0 */
	struct sock_fprog prog = { .len = 1, .filter = &refuse };
	int a, b, s, sv[2];
	char buf[100];

	if (!DGRAM)
		return;
	a = vt_socket(variant->family, SOCK_DGRAM);
	b = vt_socket(variant->family, SOCK_DGRAM);
	s = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(a, "@a"));
	ASSERT_EQ(0, vt_bind(b, "@b"));
	ASSERT_EQ(100, vt_sendto(s, buf, 100, 0, "@a"));
	ASSERT_EQ(70, vt_sendto(s, buf, 70, 0, "@b"));
	ASSERT_EQ(0, vt_connect(s, "@b"));
	ASSERT_EQ(30, send(s, buf, 30, 0));
	ASSERT_EQ(1, vt_sendto(s, buf, 1, 0, "@a"));
	ASSERT_TRAFFIC(s, 4, 201, 0, 0);
	ASSERT_EQ(diag_cookie(b), self->i.peer_id);
	ASSERT_TRAFFIC(a, 0, 0, 0, 0);
	ASSERT_EQ(0U, self->i.peer_id);
	ASSERT_EQ(101U, self->i.peak);
	ASSERT_EQ(100, recv(a, buf, 100, 0));
	ASSERT_TRAFFIC(a, 0, 0, 1, 100);
	ASSERT_EQ(70, recv(b, buf, 100, 0));
	ASSERT_EQ(30, recv(b, buf, 100, 0));
	ASSERT_TRAFFIC(b, 0, 0, 2, 100);
	/* Nobody gets these; only the last is refused for want of room. */
	ASSERT_ERR(ECONNREFUSED, vt_sendto(s, buf, 1, 0, "@nobody"));
	while (send(s, buf, 1, MSG_DONTWAIT) == 1)
		;
	INFO(b);
	ASSERT_EQ(100U, self->i.peak);
	ASSERT_TRAFFIC(s, 4 + 11, 201 + 11, 0, 0);
	ASSERT_EQ(1U, self->i.refused);

	/* A filter refuses: the sender does not know. */
	ASSERT_EQ(0, setsockopt(a, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)));
	ASSERT_EQ(50, vt_sendto(s, buf, 50, 0, "@a"));
	ASSERT_TRAFFIC(s, 16, 262, 0, 0);
	ASSERT_EQ(0U, self->i.dropped);
	ASSERT_TRAFFIC(a, 0, 0, 1, 100);
	ASSERT_EQ(1U, self->i.dropped);
	ASSERT_EQ(1, recv(a, buf, 100, 0));
	ASSERT_TRAFFIC(a, 0, 0, 2, 101);

	/* A new peer: what the old one has sent goes. */
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_DGRAM, sv));
	ASSERT_EQ(20, send(sv[0], buf, 20, 0));
	ASSERT_EQ(10, send(sv[0], buf, 10, 0));
	ASSERT_EQ(20, recv(sv[1], buf, 100, 0));
	ASSERT_EQ(0, vt_connect(sv[1], "@a"));
	ASSERT_TRAFFIC(sv[1], 0, 0, 1, 20);
	ASSERT_EQ(1U, self->i.dropped);
	ASSERT_TRAFFIC(sv[0], 2, 30, 0, 0);
}

/* What cannot be copied to where it is to go: lost, but for bytes of a stream. */
TEST_F(info, faults)
{
	void *bad = (void *)1;
	char buf[100];
	int sv[2];

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(5, send(sv[0], "hello", 5, 0));
	ASSERT_ERR(EFAULT, recv(sv[1], bad, 5, MSG_PEEK));
	ASSERT_TRAFFIC(sv[1], 0, 0, 0, 0);
	ASSERT_EQ(0U, self->i.dropped);
	ASSERT_ERR(EFAULT, recv(sv[1], bad, 5, 0));
	ASSERT_TRAFFIC(sv[1], 0, 0, 0, 0);
	if (STREAM) {
		ASSERT_EQ(0U, self->i.dropped);
		ASSERT_EQ(1, send(sv[0], "u", 1, MSG_OOB));
		ASSERT_ERR(EFAULT, recv(sv[1], bad, 1, MSG_OOB | MSG_PEEK));
		ASSERT_ERR(EFAULT, recv(sv[1], bad, 1, MSG_OOB));
		ASSERT_TRAFFIC(sv[1], 0, 0, 0, 0);
		ASSERT_EQ(1U, self->i.dropped);
		ASSERT_EQ(5, recv(sv[1], buf, 100, 0));
		ASSERT_ERR(EAGAIN, recv(sv[1], buf, 100, MSG_DONTWAIT));
		ASSERT_TRAFFIC(sv[1], 0, 0, 1, 5);
		ASSERT_TRAFFIC(sv[0], 2, 6, 0, 0);
	} else {
		ASSERT_EQ(1U, self->i.dropped);
		ASSERT_EQ(3, send(sv[0], "bye", 3, 0));
		ASSERT_EQ(3, recv(sv[1], buf, 100, 0));
		ASSERT_TRAFFIC(sv[1], 0, 0, 1, 3);
		ASSERT_TRAFFIC(sv[0], 2, 8, 0, 0);
	}
	INFO(sv[1]);
	ASSERT_EQ(1U, self->i.dropped);
}

/* Urgent bytes and splice: a stream's other ways out. */
TEST_F(info, stream_ways)
{
	int sv[2], p[2];
	char buf[100];

	if (!STREAM)
		return;
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	/* A send ends with its urgent byte: one message, in two pieces. */
	ASSERT_EQ(3, send(sv[0], "abc", 3, MSG_OOB));
	ASSERT_TRAFFIC(sv[0], 1, 3, 0, 0);
	ASSERT_EQ(1, recv(sv[1], buf, 1, MSG_OOB | MSG_PEEK));
	ASSERT_TRAFFIC(sv[1], 0, 0, 0, 0);
	ASSERT_EQ(1, recv(sv[1], buf, 1, MSG_OOB));
	ASSERT_TRAFFIC(sv[1], 0, 0, 1, 1);
	ASSERT_EQ(2, recv(sv[1], buf, 100, 0));
	ASSERT_TRAFFIC(sv[1], 0, 0, 2, 3);
	ASSERT_ERR(EAGAIN, recv(sv[1], buf, 100, MSG_DONTWAIT));
	ASSERT_TRAFFIC(sv[1], 0, 0, 2, 3);
	ASSERT_EQ(0U, self->i.dropped);

	/* An urgent byte that a read passes over is dropped. */
	ASSERT_EQ(1, send(sv[0], "u", 1, MSG_OOB));
	ASSERT_EQ(2, send(sv[0], "de", 2, 0));
	ASSERT_EQ(2, recv(sv[1], buf, 100, 0));
	ASSERT_TRAFFIC(sv[1], 0, 0, 3, 5);
	ASSERT_EQ(1U, self->i.dropped);
	ASSERT_TRAFFIC(sv[0], 3, 6, 0, 0);

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(4, send(sv[0], "fghi", 4, 0));
	ASSERT_EQ(4, splice(sv[1], NULL, p[1], NULL, 100, 0));
	ASSERT_TRAFFIC(sv[1], 0, 0, 4, 9);
}

/* A connection from its beginning, and descriptors under way. */
TEST_F(info, connection)
{
	int s, client[3], fd, i, status;
	unsigned long long id;
	char buf[10];
	pid_t pid;

	if (DGRAM)
		return;
	s = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(s, "@s"));
	ASSERT_EQ(0, listen(s, 5));
	for (i = 0; i < 3; i++) {
		client[i] = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_connect(client[i], "@s"));
	}
	ASSERT_EQ(0, vt_send_fd(client[0], s));
	ASSERT_EQ(0, vt_send_fd(client[0], 0));
	INFO(s);
	ASSERT_EQ(3U, self->i.peak);
	ASSERT_EQ(2U, self->i.fds_queued);
	ASSERT_EQ(0U, self->i.messages_received);
	INFO(client[0]);
	ASSERT_EQ(2U, self->i.messages_sent);
	ASSERT_EQ(2U, self->i.bytes_sent);
	id = self->i.peer_id;
	/* Not accepted, it is nobody's. */
	INFO_ID(id);
	ASSERT_EQ(0U, self->i.pid);
	ASSERT_EQ(0U, self->d.msg.udiag_ino);
	ASSERT_EQ(2U, self->i.fds_queued);
	ASSERT_EQ(diag_cookie(client[0]), self->i.peer_id);

	/* Who accepts it has made it, not who called listen(). */
	pid = vt_fork();
	if (!pid) {
		fd = accept(s, NULL, NULL);
		_exit(fd < 0 || read(s, buf, 1) != -1 || pause());
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, vt_wait_asleep(pid));
	INFO_ID(id);
	ASSERT_EQ((unsigned int)pid, self->i.pid);
	INFO(client[0]);
	ASSERT_EQ((unsigned int)getpid(), self->i.pid);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));

	fd = accept(s, NULL, NULL);
	ASSERT_LE(0, fd);
	INFO(s);
	ASSERT_EQ(3U, self->i.peak);
	ASSERT_EQ(0U, self->i.fds_queued);
	ASSERT_EQ(0, vt_send_fd(client[1], 0));
	INFO(fd);
	ASSERT_EQ(1U, self->i.fds_queued);
	ASSERT_LE(0, vt_recv_fd(fd));
	ASSERT_TRAFFIC(fd, 0, 0, 1, 1);
	ASSERT_EQ(0U, self->i.fds_queued);
}

/* In a dump, as in an answer; the bit that names a socket means nothing there. */
static void find_info(const struct diag *d, void *arg)
{
	struct diag *found = arg;

	if (d->msg.udiag_ino == found->msg.udiag_ino)
		*found = *d;
}

TEST_F(info, dumped)
{
	struct unix_diag_req req;
	int sv[2];

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(3, send(sv[0], "abc", 3, 0));
	self->d.msg.udiag_ino = diag_ino(sv[0]);
	req = diag_req(variant->family, 0,
		       VUNIX_DIAG_SHOW_INFO | VUNIX_DIAG_BY_ID);
	ASSERT_LT(0, diag_dump(&req, find_info, &self->d));
	ASSERT_EQ((int)sizeof(self->d.info), self->d.info_len);
	ASSERT_EQ(diag_cookie(sv[0]), self->d.info.id);
	ASSERT_EQ(3U, self->d.info.bytes_sent);
	ASSERT_EQ((unsigned int)getpid(), self->d.info.pid);
}

TEST_HARNESS_MAIN
