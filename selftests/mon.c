// SPDX-License-Identifier: GPL-2.0
/*
 * Capture: what a device of the kind "vunixmon" shows of each message, whichever
 * way it is sent.  (What else it does, and does not: mon_device.c.)
 */
#include "mon.h"

#include <sys/sendfile.h>
#include <sys/uio.h>

FIXTURE(mon)
{
	struct vt_env env;
	struct mon_packet p;
	int tap;
};

FIXTURE_VARIANT(mon)
{
	int family;
	int type;
	int shown;	/* the type, as packets have it */
};

FIXTURE_VARIANT_ADD(mon, stream)
{
	.family = AF_VUNIX, .type = SOCK_STREAM, .shown = VUNIXMON_STREAM,
};

FIXTURE_VARIANT_ADD(mon, dgram)
{
	.family = AF_VUNIX, .type = SOCK_DGRAM, .shown = VUNIXMON_DGRAM,
};

FIXTURE_VARIANT_ADD(mon, seqpacket)
{
	.family = AF_VUNIX, .type = SOCK_SEQPACKET,
	.shown = VUNIXMON_SEQPACKET,
};

FIXTURE_SETUP(mon)
{
	VT_SETUP();
	/* The first socket loads the module. */
	close(vt_socket(variant->family, variant->type));
	ASSERT_EQ(0, mon_make(MON));
	self->tap = mon_tap(MON);
	ASSERT_LE(0, self->tap);
}

FIXTURE_TEARDOWN(mon)
{
	close(self->tap);
	mon_del(MON);
	VT_TEARDOWN();
}

#define NEXT()	ASSERT_EQ(0, mon_next(self->tap, &self->p))

static unsigned long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* The id of a socket, as an address of Ethernet. */
static bool is_mac(const unsigned char *mac, unsigned long long id)
{
	int i;

	if (mac[0] != 2)
		return false;
	for (i = 5; i > 0; i--, id >>= 8)
		if (mac[i] != (id & 0xff))
			return false;
	return true;
}

/* The packet that was read is from @from, to @to, and has @n bytes at @data. */
#define PACKET(from, to, bytes, n) do { \
	const struct mon_packet *__p = &self->p; \
	\
	ASSERT_EQ(VUNIXMON_VERSION, __p->version); \
	ASSERT_EQ(variant->shown, __p->type); \
	ASSERT_EQ(diag_cookie(from), __p->src_id); \
	ASSERT_EQ(diag_cookie(to), __p->dst_id); \
	ASSERT_TRUE(is_mac(__p->src, __p->src_id)); \
	ASSERT_TRUE(is_mac(__p->dst, __p->dst_id)); \
	ASSERT_EQ(getpid(), __p->pid); \
	ASSERT_EQ((int)getuid(), __p->uid); \
	ASSERT_EQ((int)getgid(), __p->gid); \
	ASSERT_EQ(n, __p->len); \
	ASSERT_EQ(n, __p->caplen); \
	ASSERT_EQ(0, memcmp(__p->data, bytes, n)); \
} while (0)

/* Both ends have names, of both kinds. */
TEST_F(mon, named)
{
	bool stream = variant->type == SOCK_STREAM;
	unsigned long long before, after;
	int server, client, end;

	server = vt_socket(variant->family, variant->type);
	client = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(server, "server.sock"));
	ASSERT_EQ(0, vt_bind(client, "@client"));
	end = server;
	if (variant->type != SOCK_DGRAM)
		ASSERT_EQ(0, listen(server, 5));
	ASSERT_EQ(0, vt_connect(client, "server.sock"));
	if (variant->type != SOCK_DGRAM) {
		end = accept(server, NULL, NULL);
		ASSERT_LE(0, end);
	}

	before = now();
	ASSERT_EQ(5, send(client, "hello", 5, MSG_NOSIGNAL));
	after = now();
	NEXT();
	PACKET(client, end, "hello", 5);
	ASSERT_EQ(variant->type == SOCK_DGRAM ? 0 : VUNIXMON_F_TO_SERVER,
		  self->p.flags);
	ASSERT_EQ(MSG_NOSIGNAL, self->p.msg_flags);
	ASSERT_EQ(0, self->p.seq);
	ASSERT_EQ(0, self->p.nr_fds);
	ASSERT_EQ(7, self->p.src_name_len);
	ASSERT_EQ(0, memcmp("\0client", self->p.src_name, 7));
	ASSERT_EQ(11, self->p.dst_name_len);
	ASSERT_STREQ("server.sock", self->p.dst_name);
	ASSERT_LE(before, self->p.time);
	ASSERT_GE(after, self->p.time);

	ASSERT_EQ(3, send(client, "you", 3, 0));
	NEXT();
	PACKET(client, end, "you", 3);
	ASSERT_EQ(stream ? 5 : 1, self->p.seq);
	ASSERT_EQ(0, self->p.msg_flags);

	if (variant->type == SOCK_DGRAM)
		ASSERT_EQ(0, vt_connect(end, "@client"));
	ASSERT_EQ(4, send(end, "back", 4, 0));
	NEXT();
	PACKET(end, client, "back", 4);
	ASSERT_EQ(variant->type == SOCK_DGRAM ? 0 : VUNIXMON_F_TO_CLIENT,
		  self->p.flags);
	ASSERT_EQ(0, self->p.seq);
	ASSERT_STREQ("server.sock", self->p.src_name);
	ASSERT_EQ(0, memcmp("\0client", self->p.dst_name, 7));

	/* The listener's name does not tell whose end it was, once it is gone. */
	if (variant->type != SOCK_DGRAM) {
		close(server);
		ASSERT_EQ(1, send(client, "1", 1, 0));
		NEXT();
		ASSERT_EQ(VUNIXMON_F_TO_SERVER, self->p.flags);
	}
}

/* Nobody has a name, or has accepted anything. */
TEST_F(mon, pair)
{
	int sv[2], i;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(2, send(sv[i], "hi", 2, 0));
		NEXT();
		PACKET(sv[i], sv[1 - i], "hi", 2);
		ASSERT_EQ(0, self->p.flags);
		ASSERT_EQ(0, self->p.src_name_len);
		ASSERT_EQ(0, self->p.dst_name_len);
	}
	/* Receiving, peeking, or what is not sent makes no packet. */
	ASSERT_EQ(1, recv(sv[0], &i, 1, MSG_PEEK));
	ASSERT_EQ(2, recv(sv[0], &i, 2, 0));
	ASSERT_ERR(EFAULT, send(sv[0], vt_edge(0), 100, 0));
	shutdown(sv[1], SHUT_RD);
	if (variant->type != SOCK_DGRAM)
		ASSERT_ERR(EPIPE, send(sv[0], "no", 2, MSG_NOSIGNAL));
	ASSERT_EQ(3, send(sv[1], "yes", 3, 0));
	NEXT();
	PACKET(sv[1], sv[0], "yes", 3);
	ASSERT_EQ(variant->type == SOCK_STREAM ? 2 : 1, self->p.seq);
}

/* Every length, across pages, and every call. */
TEST_F(mon, ways)
{
	static const int sizes[] = {
		1, 63, 64, 2047, 2048, 2049, 4095, 4096, 4097, 8191, 20000,
		36864,
	};
	static char buf[40000];
	struct iovec iov[3] = {
		{ .iov_base = (char *)"one", .iov_len = 3 },
		{ .iov_base = (char *)"two", .iov_len = 3 },
		{ .iov_base = (char *)"three", .iov_len = 5 },
	};
	int sv[2], fd, sum = 0, nr = 0, n;
	unsigned int i;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		n = sizes[i];
		ASSERT_EQ(n, send(sv[0], vt_pattern(sum), n, 0));
		NEXT();
		PACKET(sv[0], sv[1], vt_pattern(sum), n);
		ASSERT_EQ(variant->type == SOCK_STREAM ? sum : nr, self->p.seq);
		ASSERT_EQ(0, self->p.flags);
		ASSERT_EQ(n, recv(sv[1], buf, sizeof(buf), 0));
		ASSERT_EQ(0, memcmp(buf, vt_pattern(sum), n));
		sum += n;
		nr++;
	}
	ASSERT_EQ(11, writev(sv[0], iov, 3));
	NEXT();
	PACKET(sv[0], sv[1], "onetwothree", 11);
	if (variant->type != SOCK_STREAM) {
		ASSERT_EQ(0, send(sv[0], NULL, 0, 0));
		NEXT();
		PACKET(sv[0], sv[1], "", 0);
	}

	fd = open("file", O_RDWR | O_CREAT, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(3000, write(fd, vt_pattern(7), 3000));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(3000, sendfile(sv[0], fd, NULL, 3000));
	NEXT();
	PACKET(sv[0], sv[1], vt_pattern(7), 3000);
}

TEST_F(mon, descriptors)
{
	struct mon_packet *p = &self->p;
	int sv[2];

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, vt_send_fd(sv[0], 1));
	NEXT();
	PACKET(sv[0], sv[1], "f", 1);
	ASSERT_EQ(1, p->nr_fds);
	/* Who captures sees how many, and holds none. */
	close(vt_recv_fd(sv[1]));
	ASSERT_EQ(1, send(sv[0], "f", 1, 0));
	NEXT();
	ASSERT_EQ(0, p->nr_fds);
}

/* A call that takes several packets, or one that is too long for one. */
TEST_F(mon, large)
{
	struct vt_io io = { .len = 150000 };
	bool more = false;
	struct vt_bg bg;
	int n;
	char *buf;
	int sv[2];

	buf = malloc(io.len);
	memcpy(buf, vt_pattern(0), VT_PATTERN);
	memcpy(buf + VT_PATTERN, vt_pattern(0), VT_PATTERN);
	memcpy(buf + 2 * VT_PATTERN, vt_pattern(0), io.len - 2 * VT_PATTERN);
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	io.fd = sv[0];
	io.buf = buf;
	ASSERT_EQ(0, vt_bg_start(&bg, vt_io_send, &io));
	if (variant->type == SOCK_STREAM) {
		for (n = 0; n < (int)io.len; n += self->p.len) {
			NEXT();
			ASSERT_EQ(n, self->p.seq);
			ASSERT_EQ(more ? VUNIXMON_F_CONTINUED : 0,
				  self->p.flags);
			ASSERT_EQ(self->p.len, self->p.caplen);
			ASSERT_EQ(0, memcmp(self->p.data, vt_pattern(n),
					    self->p.len));
			more = true;
		}
	} else {
		NEXT();
		ASSERT_EQ((int)io.len, self->p.len);
		ASSERT_EQ(65535, self->p.hdr_len + self->p.caplen);
		ASSERT_EQ(0, memcmp(self->p.data, vt_pattern(0),
				    self->p.caplen));
	}
	ASSERT_EQ((long)io.len, vt_bg_join(&bg));
}

/* The MTU says how much is kept: of a message with its header, and names. */
TEST_F(mon, snap)
{
	int sv[2], mtu;

	ASSERT_EQ(EINVAL, mon_set_mtu(MON, VUNIXMON_HDR_MAX - 1));
	ASSERT_EQ(EINVAL, mon_set_mtu(MON, 65536));
	ASSERT_EQ(EINVAL, mon_add("other", "vunixmon", VUNIXMON_HDR_MAX - 1));
	ASSERT_EQ(0, mon_add("other", "vunixmon", 500));
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	for (mtu = VUNIXMON_HDR_MAX; mtu < 5000; mtu += 1111) {
		ASSERT_EQ(0, mon_set_mtu(MON, mtu));
		ASSERT_EQ(8000, send(sv[0], vt_pattern(3), 8000, 0));
		NEXT();
		ASSERT_EQ(8000, self->p.len);
		ASSERT_EQ(mtu, self->p.hdr_len + self->p.caplen);
		ASSERT_EQ(0, memcmp(self->p.data, vt_pattern(3),
				    self->p.caplen));
	}
}

TEST_F(mon, urgent)
{
	int sv[2];

	if (variant->type != SOCK_STREAM)
		SKIP(return, "streams only");
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(5, send(sv[0], "abcde", 5, MSG_OOB));
	NEXT();
	PACKET(sv[0], sv[1], "abcd", 4);
	ASSERT_EQ(0, self->p.flags);
	NEXT();
	PACKET(sv[0], sv[1], "e", 1);
	ASSERT_EQ(VUNIXMON_F_URGENT | VUNIXMON_F_CONTINUED, self->p.flags);
	ASSERT_EQ(4, self->p.seq);
}

#define ROUNDS	200

static long answer(void *arg)
{
	int *sv = arg, i;
	char c;

	for (i = 0; i < ROUNDS; i++)
		if (recv(sv[1], &c, 1, 0) != 1 || send(sv[1], "a", 1, 0) != 1)
			return i;
	return ROUNDS;
}

/* A packet is in front of what answers it, whoever runs first. */
TEST_F(mon, order)
{
	unsigned long long last = 0, ids[2];
	struct vt_bg bg;
	int sv[2], i;
	char c;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ids[0] = diag_cookie(sv[0]);
	ids[1] = diag_cookie(sv[1]);
	ASSERT_EQ(0, vt_bg_start(&bg, answer, sv));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(1, send(sv[0], "q", 1, 0));
		ASSERT_EQ(1, recv(sv[0], &c, 1, 0));
	}
	ASSERT_EQ(ROUNDS, vt_bg_join(&bg));
	for (i = 0; i < 2 * ROUNDS; i++) {
		NEXT();
		ASSERT_EQ(ids[i % 2], self->p.src_id);
		ASSERT_EQ("qa"[i % 2], self->p.data[0]);
		ASSERT_EQ(i / 2, self->p.seq);
		ASSERT_LE(last, self->p.time);
		last = self->p.time;
	}
}

/* What a tap gets as the time is when it was sent. */
TEST_F(mon, timestamp)
{
	struct timespec ts;
	int sv[2];

	/* The first asks for it. */
	ASSERT_ERR(ENOENT, ioctl(self->tap, SIOCGSTAMPNS, &ts));
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(1, send(sv[0], "t", 1, 0));
	NEXT();
	ASSERT_EQ(0, ioctl(self->tap, SIOCGSTAMPNS, &ts));
	ASSERT_EQ(self->p.time, ts.tv_sec * 1000000000ULL + ts.tv_nsec);
}

TEST_HARNESS_MAIN
