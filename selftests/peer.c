// SPDX-License-Identifier: GPL-2.0
/*
 * Who is at the other end: SO_PEERCRED, SO_PEERGROUPS, SO_PEERPIDFD,
 * SO_PEERSEC.  Proves PEER-01 to PEER-11.
 */
#include "peer.h"

VT_FIXTURE(peer, VT_FAMILIES_TYPES);

VT_FIXTURE(conn, VT_FAMILIES_CONN);

TEST_F(peer, unconnected)
{
	int s = vt_socket(variant->family, variant->type);
	int no_pidfd = vt_kernel_older(6, 5) ? ENOPROTOOPT : ENODATA;
	gid_t groups[8];
	socklen_t len;
	int i;

	for (i = 0; i < 3; i++) {
		if (i == 1)
			ASSERT_EQ(0, vt_bind(s, "@s"));
		if (i == 2)
			ASSERT_ERR(ECONNREFUSED, vt_connect(s, "@none"));
		ASSERT_TRUE(nobody(s));
		len = sizeof(groups);
		ASSERT_EQ(ENODATA, peer_get(s, SO_PEERGROUPS, groups, &len));
		len = 0;
		ASSERT_EQ(ENODATA, peer_get(s, SO_PEERGROUPS, groups, &len));
		ASSERT_EQ(-no_pidfd, new_pidfd(s));
	}
	/* Who refuses is not met. */
	if (variant->type != SOCK_DGRAM) {
		i = vt_socket(variant->family, variant->type);
		ASSERT_ERR(ECONNREFUSED, vt_connect(i, "@s"));
		ASSERT_TRUE(nobody(i));
		ASSERT_TRUE(nobody(s));
	}
	PROVES("PEER-01");
}

TEST_F(peer, pair)
{
	struct meeting m = {};
	char c;
	int i;

	ASSERT_EQ(0, meet_pair(variant->family, variant->type, &m));
	ASSERT_TRUE(peer_is(m.fd[PAIR_A], &m.paired));
	ASSERT_TRUE(peer_is(m.fd[PAIR_B], &m.paired));

	/* Not who uses it, nor who listens on it in vain. */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(1, send(m.fd[i], "x", 1, 0));
		ASSERT_EQ(1, recv(m.fd[!i], &c, 1, 0));
		ASSERT_NE(0, listen(m.fd[i], 5));
	}
	ASSERT_TRUE(peer_is(m.fd[PAIR_A], &m.paired));
	ASSERT_TRUE(peer_is(m.fd[PAIR_B], &m.paired));
	ASSERT_EQ(0, peer_part(&m));

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, m.fd));
	ASSERT_TRUE(is_myself(m.fd[PAIR_A]));
	ASSERT_TRUE(is_myself(m.fd[PAIR_B]));
	PROVES("PEER-02");
}

TEST_F(conn, trio)
{
	int l = vt_socket(variant->family, variant->type);
	int c[3], a, i;
	struct person first, last, client;
	struct deed d = { variant->family, variant->type, l, do_listen, "@l" };

	for (i = 0; i < 3; i++)
		c[i] = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(l, "@l"));
	ASSERT_TRUE(nobody(l));
	ASSERT_EQ(0, listen(l, 5));
	ASSERT_TRUE(is_myself(l));
	ASSERT_EQ(0, vt_connect(c[0], "@l"));
	ASSERT_TRUE(is_myself(c[0]));

	ASSERT_EQ(0, person(&first, 100, d));
	ASSERT_TRUE(peer_is(l, &first));
	ASSERT_EQ(0, vt_connect(c[1], "@l"));
	ASSERT_EQ(0, person(&last, 200, d));
	ASSERT_TRUE(peer_is(l, &last));
	d.fd = c[2];
	d.fn = do_connect;
	ASSERT_EQ(0, person(&client, 300, d));

	/* A client knows without being accepted, and once and for all. */
	ASSERT_TRUE(is_myself(c[0]));
	ASSERT_TRUE(peer_is(c[1], &first));
	ASSERT_TRUE(peer_is(c[2], &last));
	for (i = 0; i < 3; i++) {
		a = accept(l, NULL, NULL);
		ASSERT_LE(0, a);
		ASSERT_TRUE(i == 2 ? peer_is(a, &client) : is_myself(a));
	}
	ASSERT_ERR(EINVAL, listen(c[2], 5));
	ASSERT_TRUE(is_myself(c[0]));
	ASSERT_TRUE(peer_is(c[1], &first));
	ASSERT_TRUE(peer_is(c[2], &last));
	ASSERT_TRUE(peer_is(l, &last));
	ASSERT_TRUE(peer_is(a, &client));
	PROVES("PEER-03");
}

TEST_F(peer, datagram_connect)
{
	int r = vt_socket(variant->family, SOCK_DGRAM);
	int s = vt_socket(variant->family, SOCK_DGRAM);
	int t = vt_socket(variant->family, SOCK_DGRAM);
	struct meeting m = {};
	gid_t groups[8];
	socklen_t len;
	int i;

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "datagrams only");
	ASSERT_EQ(0, vt_bind(r, "@r"));
	ASSERT_EQ(0, vt_bind(s, "@s"));
	ASSERT_EQ(0, vt_connect(s, "@r"));
	ASSERT_EQ(0, vt_connect(r, "@s"));
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(nobody(i ? r : s));
		len = sizeof(groups);
		ASSERT_EQ(ENODATA,
			  peer_get(i ? r : s, SO_PEERGROUPS, groups, &len));
		ASSERT_EQ(vt_kernel_older(6, 5) ? -ENOPROTOOPT : -ENODATA,
			  new_pidfd(i ? r : s));
	}

	/* Nor are those of a pair replaced. */
	ASSERT_EQ(0, meet_pair(variant->family, SOCK_DGRAM, &m));
	ASSERT_EQ(0, vt_bind(t, "@t"));
	ASSERT_EQ(0, vt_connect(m.fd[PAIR_A], "@t"));
	ASSERT_TRUE(peer_is(m.fd[PAIR_A], &m.paired));
	ASSERT_TRUE(peer_is(m.fd[PAIR_B], &m.paired));
	ASSERT_EQ(0, peer_part(&m));
	PROVES("PEER-04");
}

TEST_F(peer, lengths)
{
	static const int opts[] = {
		SO_PEERCRED, SO_PEERGROUPS, SO_PEERPIDFD, SO_PEERSEC,
	};
	unsigned char whole[sizeof(struct ucred)], buf[32];
	struct meeting m;
	unsigned int i, k;
	socklen_t len, n;

	ASSERT_EQ(12, (int)sizeof(whole));
	ASSERT_EQ(0, meet(variant->family, variant->type, &m));
	for (k = 0; k < (unsigned int)m.n; k++) {
		len = sizeof(whole);
		ASSERT_EQ(0, peer_get(m.fd[k], SO_PEERCRED, whole, &len));
		for (n = 0; n <= sizeof(buf); n++) {
			memset(buf, 0xa5, sizeof(buf));
			len = n;
			ASSERT_EQ(0, peer_get(m.fd[k], SO_PEERCRED, buf, &len));
			ASSERT_EQ(n < 12 ? n : 12, len);
			ASSERT_EQ(0, memcmp(buf, whole, len));
			for (i = len; i < sizeof(buf); i++)
				ASSERT_EQ(0xa5, buf[i]);
		}
		len = -1;
		ASSERT_EQ(EINVAL, peer_get(m.fd[k], SO_PEERCRED, buf, &len));

		memset(buf, 0, sizeof(buf));
		for (i = 0; i < ARRAY_SIZE(opts); i++)
			ASSERT_ERR(ENOPROTOOPT,
				   setsockopt(m.fd[k], SOL_SOCKET, opts[i],
					      buf, sizeof(whole)));
		ASSERT_TRUE(peer_is(m.fd[k], m.who[k]));
	}
	ASSERT_EQ(0, peer_part(&m));
	PROVES("PEER-05");
}

TEST_F(peer, effective)
{
	struct meeting m;
	int i;

	/* peer_is() wants the effective ones of three different ids. */
	ASSERT_EQ(0, meet(variant->family, variant->type, &m));
	ASSERT_EQ(variant->type == SOCK_DGRAM ? 2 : 5, m.n);
	for (i = 0; i < m.n; i++)
		ASSERT_TRUE(peer_is(m.fd[i], m.who[i]));
	ASSERT_EQ(0, peer_part(&m));
	PROVES("PEER-06");
}

/* Sizes that are too small for the groups, and what has none. */
TEST_F(peer, groups)
{
	const int need = GROUPS * sizeof(gid_t);
	unsigned char buf[32];
	gid_t many[300];
	struct meeting m;
	socklen_t len;
	int i, n, k, sv[2];

	ASSERT_EQ(0, meet(variant->family, variant->type, &m));
	for (i = 0; i < m.n; i++) {
		ASSERT_TRUE(groups_of(m.fd[i], m.who[i]));
		for (n = 0; n < need; n++) {
			memset(buf, 0xa5, sizeof(buf));
			len = n;
			ASSERT_EQ(ERANGE,
				  peer_get(m.fd[i], SO_PEERGROUPS, buf, &len));
			ASSERT_EQ(need, (int)len);
			for (k = 0; k < (int)sizeof(buf); k++)
				ASSERT_EQ(0xa5, buf[k]);
		}
		len = need;
		ASSERT_EQ(0, peer_get(m.fd[i], SO_PEERGROUPS, buf, &len));
		ASSERT_EQ(need, (int)len);
		ASSERT_EQ(0xa5, buf[need]);
	}
	ASSERT_EQ(0, peer_part(&m));

	/* None, and more than a few. */
	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	for (n = 0; n <= (int)sizeof(buf); n += sizeof(buf)) {
		len = n;
		ASSERT_EQ(0, peer_get(sv[0], SO_PEERGROUPS, buf, &len));
		ASSERT_EQ(0, (int)len);
	}
	for (i = 0; i < (int)ARRAY_SIZE(many); i++)
		many[i] = 5000 + i;
	ASSERT_EQ(0, setgroups(ARRAY_SIZE(many), many));
	len = 4;
	ASSERT_EQ(0, peer_get(sv[1], SO_PEERGROUPS, buf, &len));
	ASSERT_EQ(0, (int)len);
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, setgroups(0, NULL));
	memset(many, 0, sizeof(many));
	len = sizeof(many) - 1;
	ASSERT_EQ(ERANGE, peer_get(sv[1], SO_PEERGROUPS, many, &len));
	ASSERT_EQ(sizeof(many), len);
	ASSERT_EQ(0, peer_get(sv[1], SO_PEERGROUPS, many, &len));
	for (i = 0; i < (int)ARRAY_SIZE(many); i++)
		ASSERT_EQ(5000 + i, (int)many[i]);

	len = sizeof(buf);
	i = vt_socket(variant->family, variant->type);
	ASSERT_EQ(ENODATA, peer_get(i, SO_PEERGROUPS, buf, &len));
	PROVES("PEER-07");
}

/* Where the kernel has no such option, neither family has. */
#define NO_PIDFD(m, ...) do { \
	if (vt_kernel_older(6, 5)) { \
		for (i = 0; i < (m)->n; i++) \
			ASSERT_EQ(-ENOPROTOOPT, new_pidfd((m)->fd[i])); \
		ASSERT_EQ(0, peer_part(m)); \
		PROVES(__VA_ARGS__); \
		return; \
	} \
} while (0)

TEST_F(peer, pidfd)
{
	struct meeting m;
	int i, fd, other, pidfd[5];
	socklen_t len;

	ASSERT_EQ(0, meet(variant->family, variant->type, &m));
	NO_PIDFD(&m, "PEER-08");
	for (i = 0; i < m.n; i++) {
		fd = vt_next_fd();
		pidfd[i] = new_pidfd(m.fd[i]);
		ASSERT_EQ(fd, pidfd[i]);
		ASSERT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
		ASSERT_EQ(m.who[i]->pid, vt_pid_of(fd));
		ASSERT_EQ(0, vt_poll(fd, POLLIN));
		/* One of its own each time. */
		other = new_pidfd(m.fd[i]);
		ASSERT_LT(fd, other);
		ASSERT_EQ(m.who[i]->pid, vt_pid_of(other));
		ASSERT_EQ(0, close(other));

		/* None that nobody is told of. */
		len = sizeof(int);
		ASSERT_EQ(EFAULT,
			  peer_get(m.fd[i], SO_PEERPIDFD, vt_edge(0), &len));
		ASSERT_EQ(EFAULT,
			  peer_get(m.fd[i], SO_PEERPIDFD, &fd, vt_edge(0)));
		ASSERT_EQ(other, vt_next_fd());
	}
	/* It is the process that ends. */
	ASSERT_EQ(0, all_die(&m));
	for (i = 0; i < m.n; i++) {
		ASSERT_EQ(POLLIN, vt_poll(pidfd[i], POLLIN));
		fd = new_pidfd(m.fd[i]);
		ASSERT_LE(0, fd);
		ASSERT_EQ(m.who[i]->pid, vt_pid_of(fd));
		ASSERT_EQ(POLLIN, vt_poll(fd, POLLIN));
	}
	ASSERT_EQ(0, all_reaped(&m));

	i = vt_socket(variant->family, variant->type);
	fd = vt_next_fd();
	ASSERT_EQ(-ENODATA, new_pidfd(i));
	ASSERT_EQ(fd, vt_next_fd());
	PROVES("PEER-08");
}

/* PIDFD_GET_INFO, newer than the oldest libc we build with. */
struct info {
	unsigned long long mask, cgroupid;
	unsigned int pid, tgid, ppid, ids[8];
	int exit_code;
};

#define GET_INFO	_IOWR(0xff, 11, struct info)
#define INFO_EXIT	(1 << 3)

TEST_F(peer, reaped)
{
	struct info info;
	struct meeting m, ref;
	int i, fd, err, got[5];

	ASSERT_EQ(0, meet(variant->family, variant->type, &m));
	NO_PIDFD(&m, "PEER-09");
	ASSERT_EQ(0, all_die(&m));
	ASSERT_EQ(0, all_reaped(&m));
	if (vt_kernel_older(6, 16)) {
		/* As AF_UNIX there. */
		fd = vt_next_fd();
		for (i = 0; i < m.n; i++)
			got[i] = new_pidfd(m.fd[i]);
		ASSERT_EQ(fd, vt_next_fd());
		ASSERT_EQ(0, meet(AF_UNIX, variant->type, &ref));
		ASSERT_EQ(0, all_die(&ref));
		ASSERT_EQ(0, all_reaped(&ref));
		for (i = 0; i < m.n; i++) {
			err = new_pidfd(ref.fd[i]);
			ASSERT_GT(0, err);
			ASSERT_EQ(err, got[i]);
		}
		PROVES("PEER-09");
		return;
	}
	for (i = 0; i < m.n; i++) {
		fd = new_pidfd(m.fd[i]);
		ASSERT_LE(0, fd);
		ASSERT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
		ASSERT_EQ(-1, vt_pid_of(fd));
		ASSERT_TRUE(vt_poll(fd, POLLIN) & POLLIN);
		info = (struct info){ .mask = INFO_EXIT };
		ASSERT_EQ(0, ioctl(fd, GET_INFO, &info));
		ASSERT_NE(0, (int)(info.mask & INFO_EXIT));
		ASSERT_EQ(EXIT_CODE, WEXITSTATUS(info.exit_code));
		ASSERT_TRUE(peer_is(m.fd[i], m.who[i]));
		ASSERT_TRUE(groups_of(m.fd[i], m.who[i]));
	}
	PROVES("PEER-09");
}

/* All that SO_PEERSEC says with a buffer of @room bytes. */
struct label {
	int err;
	socklen_t len;
	unsigned char text[256];
};

static void get_label(int fd, socklen_t room, struct label *l)
{
	memset(l, 0xa5, sizeof(*l));
	l->len = room;
	l->err = peer_get(fd, SO_PEERSEC, l->text, &l->len);
}

/* Do both say the same? */
static bool labels_agree(int fd, int ref)
{
	static const socklen_t rooms[] = { 0, 1, 4, 255, 256 };
	struct label a, b;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rooms); i++) {
		get_label(fd, rooms[i], &a);
		get_label(ref, rooms[i], &b);
		if (memcmp(&a, &b, sizeof(a)))
			return false;
		/* A label, or no module that would have any. */
		if (b.err && b.err != ENOPROTOOPT && b.err != ERANGE)
			return false;
	}
	return true;
}

/* @fd is a datagram socket that gets connected to one named @name. */
static int dgram_connected(int family, const char *name)
{
	int r = vt_socket(family, SOCK_DGRAM), s = vt_socket(family, SOCK_DGRAM);

	return vt_bind(r, name) || vt_connect(s, name) ? -1 : s;
}

TEST_F(peer, security)
{
	struct meeting m, ref;
	int i;

	ASSERT_TRUE(labels_agree(vt_socket(variant->family, variant->type),
				 vt_socket(AF_UNIX, variant->type)));
	ASSERT_EQ(0, meet(variant->family, variant->type, &m));
	ASSERT_EQ(0, meet(AF_UNIX, variant->type, &ref));
	ASSERT_EQ(m.n, ref.n);
	for (i = 0; i < m.n; i++)
		ASSERT_TRUE(labels_agree(m.fd[i], ref.fd[i]));
	ASSERT_EQ(0, peer_part(&ref));
	ASSERT_EQ(0, peer_part(&m));
	if (variant->type == SOCK_DGRAM) {
		int d = dgram_connected(variant->family, "@d");
		int unix_d = dgram_connected(AF_UNIX, "@e");

		ASSERT_LE(0, d);
		ASSERT_LE(0, unix_d);
		ASSERT_TRUE(labels_agree(d, unix_d));
	}
	PROVES("PEER-10");
}

/* What all the options say of @fd. */
struct answers {
	struct label label;
	bool cred, groups;
	int pid;		/* of the pidfd, or -errno */
};

static void ask(int fd, const struct person *who, struct answers *a)
{
	int pidfd = new_pidfd(fd);

	memset(a, 0, sizeof(*a));
	get_label(fd, sizeof(a->label.text), &a->label);
	a->cred = peer_is(fd, who);
	a->groups = groups_of(fd, who);
	a->pid = pidfd < 0 ? pidfd : vt_pid_of(pidfd);
	if (pidfd >= 0)
		close(pidfd);
}

/* Does @fd answer as it did before, and rightly? */
static bool still(int fd, const struct person *who, const struct answers *was)
{
	struct answers now;
	int pid = vt_kernel_older(6, 5) ? -ENOPROTOOPT : who->pid;

	ask(fd, who, &now);
	return now.cred && now.groups && now.pid == pid &&
	       !memcmp(&now, was, sizeof(now));
}

TEST_F(peer, closed)
{
	struct answers was[5];
	struct meeting m;
	int end, i;

	/* Each end in turn is the one that stays. */
	for (end = 0; end < (variant->type == SOCK_DGRAM ? 2 : 5); end++) {
		ASSERT_EQ(0, meet(variant->family, variant->type, &m));
		ask(m.fd[end], m.who[end], &was[end]);
		ASSERT_TRUE(still(m.fd[end], m.who[end], &was[end]));
		for (i = 0; i < m.n; i++)
			if (i != end)
				ASSERT_EQ(0, close(m.fd[i]));
		ASSERT_TRUE(still(m.fd[end], m.who[end], &was[end]));
		m.fd[0] = m.fd[end];
		m.n = 1;
		shutdown(m.fd[0], SHUT_RDWR);
		ASSERT_TRUE(still(m.fd[0], m.who[end], &was[end]));
		ASSERT_EQ(0, peer_part(&m));
	}
	PROVES("PEER-11");
}

/* The peer may go before it has been accepted, or has accepted. */
TEST_F(conn, closed_early)
{
	struct answers was;
	struct person p, q;
	struct deed d = { variant->family, variant->type, -1, do_listen, "@l" };
	int l = vt_socket(variant->family, variant->type);
	int c = vt_socket(variant->family, variant->type), a;

	d.fd = l;
	ASSERT_EQ(0, vt_bind(l, "@l"));
	ASSERT_EQ(0, person(&p, 100, d));
	d.fd = c;
	d.fn = do_connect;
	ASSERT_EQ(0, person(&q, 200, d));
	ASSERT_EQ(0, close(c));
	a = accept(l, NULL, NULL);
	ASSERT_LE(0, a);
	ask(a, &q, &was);
	ASSERT_TRUE(still(a, &q, &was));

	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_connect(c, "@l"));
	ask(c, &p, &was);
	ASSERT_EQ(0, close(l));
	ASSERT_TRUE(still(c, &p, &was));
	PROVES("PEER-11");
}

TEST_HARNESS_MAIN
