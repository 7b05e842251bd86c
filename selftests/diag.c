// SPDX-License-Identifier: GPL-2.0
/*
 * sock_diag: what ss asks about sockets of the family.
 *
 * Rows: DIAG-01 DIAG-02 DIAG-03 DIAG-04 DIAG-05 DIAG-06
 */
#define VT_OWN_NETNS
#include "diag.h"

#include <sys/resource.h>
#include <sys/sysmacros.h>

#define STATE_CONNECTED		1
#define STATE_UNCONNECTED	7
#define STATE_LISTEN		10

#define SHOW_ALL	(UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | \
			 UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN | \
			 UDIAG_SHOW_MEMINFO | UDIAG_SHOW_UID)

FIXTURE(diag)
{
	struct vt_env env;
	struct diag d;
};

FIXTURE_VARIANT(diag)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(diag);

FIXTURE_SETUP(diag)
{
	VT_SETUP();
}

FIXTURE_TEARDOWN(diag)
{
	VT_TEARDOWN();
}

/* Ask about the socket @fd; the answer is in self->d. */
#define ASK(fd, show) do { \
	struct unix_diag_req __req = \
		diag_req(variant->family, diag_ino(fd), show); \
	\
	ASSERT_EQ(0, diag_ask(&__req, &self->d)); \
	ASSERT_EQ(AF_UNIX, self->d.msg.udiag_family); \
	ASSERT_EQ(variant->type, self->d.msg.udiag_type); \
	ASSERT_EQ(diag_ino(fd), self->d.msg.udiag_ino); \
	ASSERT_EQ(0, self->d.msg.pad); \
	ASSERT_EQ(0, self->d.flags); \
	ASSERT_EQ(1, self->d.shutdown_len); \
	ASSERT_EQ(0, self->d.unknown); \
} while (0)

TEST_F(diag, connected)
{
	struct diag *d = &self->d;
	int sv[2];

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, fchown(sv[0], 1234, 5678));

	/* Nothing that is not asked for. */
	ASK(sv[0], 0);
	ASSERT_EQ(STATE_CONNECTED, d->msg.udiag_state);
	ASSERT_EQ(diag_cookie(sv[0]), d->msg.udiag_cookie[0] |
		  (unsigned long long)d->msg.udiag_cookie[1] << 32);
	ASSERT_EQ(0, d->shutdown);
	ASSERT_EQ(-1, d->peer_len);
	ASSERT_EQ(-1, d->uid_len);
	ASSERT_EQ(-1, d->meminfo_len);
	ASSERT_EQ(-1, d->name_len);
	ASSERT_EQ(-1, d->vfs_len);
	ASSERT_EQ(-1, d->icons_len);
	ASSERT_EQ(-1, d->rqlen_len);

	ASSERT_EQ(3, send(sv[0], "abc", 3, 0));
	ASK(sv[0], UDIAG_SHOW_PEER);
	ASSERT_EQ(4, d->peer_len);
	ASSERT_EQ(diag_ino(sv[1]), d->peer);
	ASSERT_EQ(-1, d->uid_len);
	ASK(sv[0], UDIAG_SHOW_UID);
	ASSERT_EQ(4, d->uid_len);
	ASSERT_EQ(1234U, d->uid);
	ASSERT_EQ(-1, d->meminfo_len);
	ASK(sv[0], UDIAG_SHOW_MEMINFO);
	ASSERT_EQ((int)sizeof(d->meminfo), d->meminfo_len);
	ASSERT_EQ((unsigned int)vt_getint(sv[0], SOL_SOCKET, SO_SNDBUF),
		  d->meminfo[SK_MEMINFO_SNDBUF]);
	ASSERT_EQ((unsigned int)vt_getint(sv[0], SOL_SOCKET, SO_RCVBUF),
		  d->meminfo[SK_MEMINFO_RCVBUF]);
	ASSERT_NE(0U, d->meminfo[SK_MEMINFO_WMEM_ALLOC]);
	ASSERT_EQ(-1, d->peer_len);
	ASK(sv[0], SHOW_ALL);
	ASSERT_EQ(diag_ino(sv[1]), d->peer);
	ASSERT_EQ(1234U, d->uid);
	ASSERT_EQ(-1, d->name_len);
	ASSERT_EQ(-1, d->vfs_len);
	ASSERT_EQ(-1, d->icons_len);

	/* 1 receive, 2 send */
	ASSERT_EQ(0, shutdown(sv[0], SHUT_WR));
	ASK(sv[0], 0);
	ASSERT_EQ(2, d->shutdown);
	ASK(sv[1], 0);
	ASSERT_EQ(variant->type == SOCK_DGRAM ? 0 : 1, d->shutdown);
	ASSERT_EQ(0, shutdown(sv[0], SHUT_RD));
	ASK(sv[0], 0);
	ASSERT_EQ(3, d->shutdown);

	/* A peer that is gone has no inode; datagrams still have a peer. */
	close(sv[1]);
	ASK(sv[0], UDIAG_SHOW_PEER);
	ASSERT_EQ(4, d->peer_len);
	ASSERT_EQ(0U, d->peer);
	PROVES("DIAG-01");
}

TEST_F(diag, listener)
{
	struct diag *d = &self->d;
	int s, client[3], i;
	struct stat st;

	if (variant->type == SOCK_DGRAM)
		return;
	s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, s);
	ASSERT_EQ(0, vt_bind(s, "name"));
	ASSERT_EQ(0, listen(s, 7));
	ASK(s, SHOW_ALL);
	ASSERT_EQ(STATE_LISTEN, d->msg.udiag_state);
	ASSERT_EQ(0, d->icons_len);
	ASSERT_EQ(-1, d->peer_len);
	for (i = 0; i < 3; i++) {
		client[i] = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_connect(client[i], "name"));
	}
	ASK(s, SHOW_ALL);
	ASSERT_EQ(STATE_LISTEN, d->msg.udiag_state);
	ASSERT_EQ(5, d->name_len);
	ASSERT_STREQ("name", d->name);
	ASSERT_EQ(0, stat("name", &st));
	ASSERT_EQ((int)sizeof(d->vfs), d->vfs_len);
	ASSERT_EQ((unsigned int)st.st_ino, d->vfs.udiag_vfs_ino);
	ASSERT_EQ(major(st.st_dev) << 20 | minor(st.st_dev),
		  d->vfs.udiag_vfs_dev);
	ASSERT_EQ((int)sizeof(d->rqlen), d->rqlen_len);
	ASSERT_EQ(3U, d->rqlen.udiag_rqueue);
	ASSERT_EQ(7U, d->rqlen.udiag_wqueue);
	ASSERT_EQ(12, d->icons_len);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(diag_ino(client[i]), d->icons[i]);
	ASK(s, UDIAG_SHOW_RQLEN);
	ASSERT_EQ(-1, d->icons_len);
	ASSERT_EQ(-1, d->name_len);
	ASSERT_EQ(-1, d->vfs_len);

	/* The client names no inode as its peer until it is accepted. */
	ASK(client[0], UDIAG_SHOW_PEER | UDIAG_SHOW_NAME);
	ASSERT_EQ(0U, d->peer);
	i = accept(s, NULL, NULL);
	ASSERT_LE(0, i);
	ASK(client[0], UDIAG_SHOW_PEER);
	ASSERT_EQ(diag_ino(i), d->peer);
	/* What it has accepted has its name and file as well. */
	ASK(i, SHOW_ALL);
	ASSERT_EQ(5, d->name_len);
	ASSERT_EQ((unsigned int)st.st_ino, d->vfs.udiag_vfs_ino);
	ASK(s, UDIAG_SHOW_RQLEN | UDIAG_SHOW_ICONS);
	ASSERT_EQ(2U, d->rqlen.udiag_rqueue);
	ASSERT_EQ(8, d->icons_len);
	ASSERT_EQ(diag_ino(client[1]), d->icons[0]);
	/* One whose client is gone still counts. */
	close(client[1]);
	ASK(s, UDIAG_SHOW_RQLEN | UDIAG_SHOW_ICONS);
	ASSERT_EQ(2U, d->rqlen.udiag_rqueue);
	ASSERT_EQ(8, d->icons_len);
	ASSERT_EQ(0U, d->icons[0]);
	ASSERT_EQ(diag_ino(client[2]), d->icons[1]);
	PROVES("DIAG-02");
}

TEST_F(diag, queues)
{
	struct diag *d = &self->d;
	int sv[2], inq, outq, i;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	for (i = 0; i < 3; i++) {
		ASK(sv[0], UDIAG_SHOW_RQLEN);
		ASSERT_EQ(0U, d->rqlen.udiag_rqueue);
		ASSERT_EQ(0, ioctl(sv[0], SIOCOUTQ, &outq));
		ASSERT_EQ((unsigned int)outq, d->rqlen.udiag_wqueue);
		ASSERT_TRUE(!i == !outq);
		ASK(sv[1], UDIAG_SHOW_RQLEN);
		ASSERT_EQ(0, ioctl(sv[1], SIOCINQ, &inq));
		ASSERT_EQ((unsigned int)inq, d->rqlen.udiag_rqueue);
		ASSERT_EQ(variant->type == SOCK_DGRAM ? !!i * 100 : i * 100,
			  inq);
		ASSERT_EQ(0U, d->rqlen.udiag_wqueue);
		ASSERT_EQ(100, send(sv[0], vt_pattern(0), 100, 0));
	}
	PROVES("DIAG-03");
}

/* What a dump of some states has found of a few sockets. */
struct found {
	unsigned int ino[4];
	int count[4];
	struct diag d[4];
	int others;
};

static void find(const struct diag *d, void *arg)
{
	struct found *f = arg;
	int i;

	for (i = 0; i < 4; i++) {
		if (f->ino[i] == d->msg.udiag_ino) {
			f->count[i]++;
			f->d[i] = *d;
			return;
		}
	}
	f->others++;
}

TEST_F(diag, states)
{
	static const int states[4] = {
		STATE_UNCONNECTED, STATE_LISTEN, STATE_CONNECTED,
		STATE_CONNECTED,
	};
	int family = variant->family, type = variant->type;
	struct unix_diag_req req;
	int fd[4], mask, i;
	struct found f;

	fd[0] = vt_socket(family, type);
	ASSERT_EQ(0, vt_bind(fd[0], "@loner"));
	/* Datagram sockets do not listen. */
	fd[1] = vt_socket(family, type == SOCK_DGRAM ? SOCK_STREAM : type);
	ASSERT_EQ(0, vt_bind(fd[1], "@listener"));
	ASSERT_EQ(0, listen(fd[1], 7));
	ASSERT_EQ(0, vt_pair(family, type, fd + 2));

	for (mask = 0; mask < 8; mask++) {
		req = diag_req(family, 0, SHOW_ALL);
		req.udiag_states = 0;
		if (mask & 1)
			req.udiag_states |= 1 << STATE_UNCONNECTED;
		if (mask & 2)
			req.udiag_states |= 1 << STATE_LISTEN;
		if (mask & 4)
			req.udiag_states |= 1 << STATE_CONNECTED;
		memset(&f, 0, sizeof(f));
		for (i = 0; i < 4; i++)
			f.ino[i] = diag_ino(fd[i]);
		ASSERT_LT(0, diag_dump(&req, find, &f));
		ASSERT_EQ(0, f.others);
		for (i = 0; i < 4; i++) {
			ASSERT_EQ(!!(req.udiag_states & 1U << states[i]),
				  f.count[i]);
			if (!f.count[i])
				continue;
			ASSERT_EQ(states[i], f.d[i].msg.udiag_state);
			ASSERT_EQ(NLM_F_MULTI, f.d[i].flags & NLM_F_MULTI);
		}
	}
	/* An abstract name with its leading NUL, and none at the end. */
	ASSERT_EQ(6, f.d[0].name_len);
	ASSERT_EQ(0, memcmp("\0loner", f.d[0].name, 6));
	ASSERT_EQ(-1, f.d[0].vfs_len);
	ASSERT_EQ(9, f.d[1].name_len);
	ASSERT_EQ(0, memcmp("\0listener", f.d[1].name, 9));
	ASSERT_EQ(diag_ino(fd[3]), f.d[2].peer);
	PROVES("DIAG-04");
}

TEST_F(diag, errors)
{
	unsigned long long cookie;
	struct unix_diag_req req;
	int s, gone, sv[2];
	unsigned int ino;

	s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, s);
	gone = vt_socket(variant->family, variant->type);
	ino = diag_ino(gone);
	req = diag_req(variant->family, ino, SHOW_ALL);
	ASSERT_EQ(0, diag_ask(&req, &self->d));
	close(gone);
	ASSERT_EQ(-ENOENT, diag_ask(&req, &self->d));

	req = diag_req(variant->family, 0, SHOW_ALL);
	ASSERT_EQ(-EINVAL, diag_ask(&req, &self->d));

	/* The right cookie, then each half wrong. */
	cookie = diag_cookie(s);
	req = diag_req(variant->family, diag_ino(s), 0);
	req.udiag_cookie[0] = cookie;
	req.udiag_cookie[1] = cookie >> 32;
	ASSERT_EQ(0, diag_ask(&req, &self->d));
	req.udiag_cookie[0]++;
	ASSERT_EQ(-ESTALE, diag_ask(&req, &self->d));
	req.udiag_cookie[0]--;
	req.udiag_cookie[1]++;
	ASSERT_EQ(-ESTALE, diag_ask(&req, &self->d));
	/* Half of a cookie that is left open is not. */
	req.udiag_cookie[1] = -1;
	ASSERT_EQ(-ESTALE, diag_ask(&req, &self->d));
	/* Another socket's. */
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	cookie = diag_cookie(sv[0]);
	req.udiag_cookie[0] = cookie;
	req.udiag_cookie[1] = cookie >> 32;
	ASSERT_EQ(-ESTALE, diag_ask(&req, &self->d));
	/* An inode that nobody has comes before its cookie. */
	req.udiag_ino = ino;
	ASSERT_EQ(-ENOENT, diag_ask(&req, &self->d));
	PROVES("DIAG-05");
}

TEST_F(diag, other_family)
{
	int other = vt_is_unix(variant->family) ? AF_VUNIX : AF_UNIX;
	struct unix_diag_req req;
	int s;

	if (vt_family_off(other))
		return;
	s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, s);
	req = diag_req(other, diag_ino(s), 0);
	ASSERT_EQ(-ENOENT, diag_ask(&req, &self->d));
	ASSERT_EQ(0, diag_lists(other, diag_ino(s)));
}

#define MANY	3000

struct census {
	unsigned int ino[MANY];
	unsigned char count[MANY];
	int others;
};

static int by_number(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return x < y ? -1 : x > y;
}

static void count(const struct diag *d, void *arg)
{
	struct census *c = arg;
	unsigned int *p;

	p = bsearch(&d->msg.udiag_ino, c->ino, MANY, sizeof(*p), by_number);
	if (p)
		c->count[p - c->ino]++;
	else
		c->others++;
}

static int more_files(void)
{
	struct rlimit lim = { 2 * MANY, 2 * MANY };

	return setrlimit(RLIMIT_NOFILE, &lim);
}

TEST_F(diag, thousands)
{
	static struct census c;
	struct unix_diag_req req;
	int i, fd;

	ASSERT_EQ(0, more_files());
	for (i = 0; i < MANY; i++) {
		fd = vt_socket(variant->family, variant->type);
		ASSERT_LE(0, fd);
		c.ino[i] = diag_ino(fd);
	}
	qsort(c.ino, MANY, sizeof(*c.ino), by_number);
	req = diag_req(variant->family, 0, SHOW_ALL);
	ASSERT_LT(10, diag_dump(&req, count, &c));
	ASSERT_EQ(0, c.others);
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(1, c.count[i]);
	PROVES("DIAG-06");
}

/* Requests that are none. */
TEST_F(diag, malformed)
{
	struct {
		struct unix_diag_req req;
		char more[64];
	} q = { .req = diag_req(variant->family, 0, -1U) };
	unsigned int i;
	int nl, s;

	s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, s);
	q.req.udiag_ino = diag_ino(s);
	nl = diag_open();
	ASSERT_LE(0, nl);
	for (i = 0; i < sizeof(q.req); i++) {
		ASSERT_EQ(0, diag_send(nl, &q, i, 0));
		ASSERT_EQ(-EINVAL, diag_recv(nl, false, diag_keep, &self->d));
		ASSERT_EQ(0, diag_send(nl, &q, i, NLM_F_DUMP));
		ASSERT_EQ(-EINVAL, diag_recv(nl, false, diag_keep, &self->d));
	}
	/* More than there should be is ignored, and so are unknown bits. */
	q.req.udiag_show = -1U & ~VUNIX_DIAG_BY_ID;
	memset(q.more, 0xff, sizeof(q.more));
	for (i = sizeof(q.req); i <= sizeof(q); i++) {
		ASSERT_EQ(0, diag_send(nl, &q, i, 0));
		ASSERT_EQ(1, diag_recv(nl, false, diag_keep, &self->d));
		ASSERT_EQ(diag_ino(s), self->d.msg.udiag_ino);
	}
	close(nl);
}

/* Dumps that nobody reads to the end. */
TEST_F(diag, abandoned)
{
	struct unix_diag_req req = diag_req(variant->family, 0, SHOW_ALL);
	char buf[4096];
	int i, nl;

	ASSERT_EQ(0, more_files());
	for (i = 0; i < 500; i++)
		ASSERT_LE(0, vt_socket(variant->family, variant->type));
	for (i = 0; i < 20; i++) {
		nl = diag_open();
		ASSERT_LE(0, nl);
		ASSERT_EQ(0, diag_send(nl, &req, sizeof(req), NLM_F_DUMP));
		if (i & 1)
			ASSERT_LT(0, recv(nl, buf, sizeof(buf), 0));
		close(nl);
	}
}

FIXTURE(mine)
{
	struct vt_env env;
	struct diag d;
};

FIXTURE_VARIANT(mine)
{
	int family;
	int type;
};

FIXTURE_VARIANT_ADD(mine, stream)
{
	.family = AF_VUNIX, .type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(mine, dgram)
{
	.family = AF_VUNIX, .type = SOCK_DGRAM,
};

FIXTURE_SETUP(mine)
{
	VT_SETUP();
}

FIXTURE_TEARDOWN(mine)
{
	VT_TEARDOWN();
}

TEST_F(mine, by_id)
{
	struct unix_diag_req req;
	unsigned long long id;
	int i, s, gone;

	for (i = 0; i < 100; i++) {
		s = vt_socket(variant->family, variant->type);
		ASSERT_LE(0, s);
		id = diag_cookie(s);
		req = diag_req_id(id, 0);
		ASSERT_EQ(0, diag_ask(&req, &self->d));
		ASSERT_EQ(diag_ino(s), self->d.msg.udiag_ino);
		ASSERT_EQ((unsigned int)id, self->d.msg.udiag_cookie[0]);
		ASSERT_EQ((unsigned int)(id >> 32),
			  self->d.msg.udiag_cookie[1]);
	}
	gone = vt_socket(variant->family, variant->type);
	id = diag_cookie(gone);
	close(gone);
	req = diag_req_id(id, 0);
	ASSERT_EQ(-ENOENT, diag_ask(&req, &self->d));
	req.udiag_cookie[0] = -1;
	req.udiag_cookie[1] = -1;
	ASSERT_EQ(-ENOENT, diag_ask(&req, &self->d));
	memset(req.udiag_cookie, 0, sizeof(req.udiag_cookie));
	ASSERT_EQ(-ENOENT, diag_ask(&req, &self->d));
}

/*
 * Of many who wait, some are more than an answer holds: AF_UNIX ends a dump
 * there, vunix shows as many as it can and goes on.
 */
TEST_F(mine, crowd)
{
	struct unix_diag_req req;
	struct found f = {};
	int s, i, last;

	if (variant->type == SOCK_DGRAM)
		return;
	ASSERT_EQ(0, more_files());
	ASSERT_EQ(0, vt_write_num("/proc/sys/net/core/somaxconn", 5000));
	s = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(s, "@crowd"));
	ASSERT_EQ(0, listen(s, 5000));
	for (i = 0; i < 4500; i++) {
		last = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_connect(last, "@crowd"));
	}
	req = diag_req(variant->family, diag_ino(s), SHOW_ALL);
	ASSERT_EQ(0, diag_ask(&req, &self->d));
	ASSERT_EQ(4500 * 4, self->d.icons_len);
	ASSERT_EQ(4500U, self->d.rqlen.udiag_rqueue);

	f.ino[0] = diag_ino(s);
	f.ino[1] = diag_ino(last);
	req.udiag_ino = 0;
	ASSERT_LT(0, diag_dump(&req, find, &f));
	ASSERT_EQ(1, f.count[0]);
	ASSERT_EQ(1, f.count[1]);
	ASSERT_EQ(4499, f.others);
	ASSERT_LE(100 * 4, f.d[0].icons_len);
	ASSERT_EQ(1, f.d[0].shutdown_len);
	ASSERT_EQ(4, f.d[0].uid_len);
}

/* Sockets that come and go all the time, in the place that a dump passes. */
static void *churn(void *arg)
{
	const bool *stop = arg;
	int sv[64][2], i = 0;

	memset(sv, -1, sizeof(sv));
	while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
		close(sv[i][0]);
		close(sv[i][1]);
		if (vt_pair(AF_VUNIX, SOCK_STREAM, sv[i]))
			memset(sv[i], -1, sizeof(sv[i]));
		i = (i + 1) % 64;
	}
	return NULL;
}

TEST_F_TIMEOUT(mine, churn, 150)
{
	static struct census c;
	struct unix_diag_req req;
	bool stop = false;
	pthread_t thread;
	int i, round, fd;

	ASSERT_EQ(0, more_files());
	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, &stop));
	for (i = 0; i < MANY; i++) {
		fd = vt_socket(variant->family, variant->type);
		ASSERT_LE(0, fd);
		c.ino[i] = diag_ino(fd);
	}
	qsort(c.ino, MANY, sizeof(*c.ino), by_number);
	req = diag_req(variant->family, 0, UDIAG_SHOW_PEER);
	for (round = 1; round <= 5; round++) {
		ASSERT_LT(0, diag_dump(&req, count, &c));
		for (i = 0; i < MANY; i++)
			ASSERT_EQ(round, c.count[i]);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

#define SHARD(id)	((id) >> 12 & 15)

struct newcomer {
	int family, type;
	unsigned long long newest;	/* when the dump began */
	bool came;
	unsigned int ino;
	int shown, newer;
};

static unsigned long long shown_id(const struct diag *d)
{
	return (unsigned long long)d->msg.udiag_cookie[1] << 32 |
	       d->msg.udiag_cookie[0];
}

/*
 * A socket that a walk through the registry would come to: a processor has a batch
 * of ids at a time, and the walk is batch by batch, modulo 16 (vunix_registry.c).
 */
static int come(struct newcomer *n)
{
	unsigned long long id;
	int i, fd;

	for (i = 0; i < 16 * 4096; i++) {
		fd = vt_socket(n->family, n->type);
		id = diag_cookie(fd);
		if (id > n->newest && SHARD(id) > SHARD(n->newest)) {
			n->ino = diag_ino(fd);
			return fd;
		}
		close(fd);
	}
	return -1;
}

static void find_newest(const struct diag *d, void *arg)
{
	struct newcomer *n = arg;

	if (shown_id(d) > n->newest)
		n->newest = shown_id(d);
}

static void see_newer(const struct diag *d, void *arg)
{
	struct newcomer *n = arg;

	/* Most of the dump is yet to be made. */
	if (!n->came)
		n->came = come(n) >= 0;
	n->shown++;
	n->newer += shown_id(d) > n->newest;
}

/*
 * What comes while a dump goes on is not shown, or those who create sockets could
 * keep it going for ever.
 */
TEST_F_TIMEOUT(mine, ends, 150)
{
	struct newcomer n = {
		.family = variant->family,
		.type = variant->type,
	};
	struct unix_diag_req req;
	int i, fd, proc, nr = 0;
	char text[16384], ino[16];
	ssize_t len;

	/* It takes thousands of sockets to have some of all shards. */
	if (getenv("VUNIX_SHARED_NETNS"))
		SKIP(return, "kernels that are not slow only");
	ASSERT_EQ(0, more_files());
	for (i = 0; i < 16 * 4096 && nr < MANY; i++) {
		fd = vt_socket(variant->family, variant->type);
		ASSERT_LE(0, fd);
		/* There has to be something that comes behind. */
		if (SHARD(diag_cookie(fd)) < 10)
			nr++;
		else
			close(fd);
	}
	ASSERT_EQ(MANY, nr);
	req = diag_req(variant->family, 0, 0);
	ASSERT_LT(0, diag_dump(&req, find_newest, &n));
	proc = open("/proc/thread-self/net/vunix", O_RDONLY);
	ASSERT_LE(0, proc);
	ASSERT_LT(0, read(proc, text, 100));
	ASSERT_LT(0, diag_dump(&req, see_newer, &n));
	ASSERT_TRUE(n.came);
	ASSERT_EQ(0, n.newer);
	ASSERT_LE(MANY, n.shown);

	/* Nor in /proc/net/vunix, where the number stands alone or before a name. */
	len = snprintf(ino, sizeof(ino), " %5u", n.ino);
	for (nr = 0; (i = read(proc, text, sizeof(text) - 1)) > 0; nr++) {
		text[i] = 0;
		fd = 0;
		for (char *p = text; (p = strstr(p, ino)); p += len)
			fd += p[len] == '\n';
		ASSERT_EQ(0, fd);
	}
	ASSERT_LT(10, nr);
	/* The next ones do. */
	ASSERT_EQ(1, diag_lists(variant->family, n.ino));
}

TEST_HARNESS_MAIN
