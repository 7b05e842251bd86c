// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces.
 *
 * Rows: NETNS-01 NETNS-02 NETNS-03 NETNS-04
 */
#define VT_OWN_NETNS
#include "diag.h"

#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

FIXTURE(netns)
{
	struct vt_env env;
	int home;		/* descriptor of the test's first namespace */
};

FIXTURE_VARIANT(netns)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(netns);

FIXTURE_SETUP(netns)
{
	VT_SETUP();
	self->home = open("/proc/self/ns/net", O_RDONLY);
	ASSERT_LE(0, self->home);
}

FIXTURE_TEARDOWN(netns)
{
	VT_TEARDOWN();
}

static int server(int family, int type, const char *name)
{
	int s = vt_socket(family, type);

	if (s < 0 || vt_bind(s, name))
		return -1;
	return type != SOCK_DGRAM && listen(s, 10) ? -1 : s;
}

/* A byte from the connected @c has to arrive at the server @s. */
static bool delivers(int c, int s)
{
	return send(c, "x", 1, MSG_DONTWAIT) == 1 &&
	       vt_poll(s, POLLIN) == POLLIN;
}

TEST_F(netns, abstract)
{
	int family = variant->family, type = variant->type;
	int old = server(family, type, "@name"), new;
	int a = vt_socket(family, type), b;

	ASSERT_LE(0, old);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	b = vt_socket(family, type);
	ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(b, "@name")));
	if (type == SOCK_DGRAM)
		ASSERT_EQ(ECONNREFUSED, vt_err(vt_sendto(b, "x", 1, 0,
							 "@name")));
	/* The socket's namespace counts, not that of the caller. */
	ASSERT_EQ(0, vt_connect(a, "@name"));
	ASSERT_TRUE(delivers(a, old));

	new = server(family, type, "@name");
	ASSERT_LE(0, new);
	ASSERT_EQ(0, vt_connect(b, "@name"));
	ASSERT_EQ(0, vt_poll(new, POLLIN) & (type == SOCK_DGRAM ? POLLIN : 0));
	ASSERT_TRUE(delivers(b, new));

	ASSERT_EQ(0, setns(self->home, CLONE_NEWNET));
	a = vt_socket(family, type);
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(a, "@name")));
	close(old);
	ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(a, "@name")));
	ASSERT_EQ(0, vt_bind(a, "@name"));
	b = vt_socket(family, type);
	close(a);
	close(new);
	ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(b, "@name")));
	PROVES("NETNS-01");
}

TEST_F(netns, path)
{
	int family = variant->family, type = variant->type;
	int s = server(family, type, "path"), c, back;

	ASSERT_LE(0, s);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	c = vt_socket(family, type);
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(c, "path")));
	ASSERT_EQ(0, vt_connect(c, "path"));
	ASSERT_TRUE(delivers(c, s));
	/* And the other way round, to a server of the newer namespace. */
	back = server(family, type, "back");
	ASSERT_LE(0, back);
	ASSERT_EQ(0, setns(self->home, CLONE_NEWNET));
	c = vt_socket(family, type);
	ASSERT_EQ(0, vt_connect(c, "back"));
	ASSERT_TRUE(delivers(c, back));
	PROVES("NETNS-02");
}

/* Does /proc/net, as we see it, show a socket of this name? */
static bool listed(int family, const char *name)
{
	char *table = vt_read_file(vt_proc_net(family));
	bool found = table && strstr(table, name);

	free(table);
	return found;
}

static unsigned int inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

TEST_F(netns, tables)
{
	int family = variant->family, type = variant->type;
	int old = server(family, type, "@old"), new;

	ASSERT_LE(0, old);
	ASSERT_TRUE(listed(family, "@old"));
	ASSERT_EQ(1, diag_lists(family, inode(old)));

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_FALSE(listed(family, "@old"));
	new = server(family, type, "@new");
	ASSERT_LE(0, new);
	ASSERT_TRUE(listed(family, "@new"));
	ASSERT_EQ(0, diag_lists(family, inode(old)));
	ASSERT_EQ(1, diag_lists(family, inode(new)));
	ASSERT_EQ(0, setns(self->home, CLONE_NEWNET));
	ASSERT_TRUE(listed(family, "@old"));
	ASSERT_FALSE(listed(family, "@new"));
	ASSERT_EQ(1, diag_lists(family, inode(old)));
	ASSERT_EQ(0, diag_lists(family, inode(new)));
	PROVES("NETNS-03");
}

/* Ask for a message when the namespace @id, that of @pid, is gone. */
static int watch_netns(pid_t pid, int id)
{
	struct {
		struct nlmsghdr nlh;
		char gen[NLMSG_ALIGN(sizeof(struct rtgenmsg))];
		struct nlattr a1;
		int id;
		struct nlattr a2;
		int pid;
	} q = {
		.nlh = {
			.nlmsg_len = sizeof(q),
			.nlmsg_type = RTM_NEWNSID,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.a1 = { .nla_len = 8, .nla_type = NETNSA_NSID },
		.id = id,
		.a2 = { .nla_len = 8, .nla_type = NETNSA_PID },
		.pid = pid,
	};
	/* Not the socket of the notes, which could be mistaken for an ack. */
	int nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), n, err = -1;
	struct nlmsghdr buf[64], *h = buf;

	if (send(nl, &q, sizeof(q), 0) == sizeof(q)) {
		n = recv(nl, buf, sizeof(buf), 0);
		if (n > 0 && NLMSG_OK(h, n) && h->nlmsg_type == NLMSG_ERROR)
			err = ((struct nlmsgerr *)NLMSG_DATA(h))->error;
	}
	close(nl);
	return err;
}

/* Wait for namespaces that go: the id of one, or -1 after @ms. */
static int gone_netns(int nl, int ms)
{
	struct nlmsghdr buf[64], *h = buf;
	struct nlattr *a;
	int n, id;

	while (vt_poll_wait(nl, POLLIN, ms)) {
		n = recv(nl, buf, sizeof(buf), 0);
		if (n <= 0 || !NLMSG_OK(h, n) || h->nlmsg_type != RTM_DELNSID)
			continue;
		a = (void *)((char *)NLMSG_DATA(h) +
			     NLMSG_ALIGN(sizeof(struct rtgenmsg)));
		memcpy(&id, a + 1, sizeof(id));
		if (a->nla_type == NETNSA_NSID)
			return id;
	}
	return -1;
}

/*
 * Leave sockets of every kind behind, in this namespace, at exit.  None is
 * queued on itself: that is the collector's business, the contract's GC.
 */
static int litter(int family, int type, int out)
{
	struct vt_trio t;
	int sv[2], s, c;

	if (vt_pair(family, type, sv) || vt_bind(sv[0], "@end"))
		return 1;
	s = server(family, type, "@server");
	c = vt_socket(family, type);
	/* Queued: a pending connection or a datagram; descriptors. */
	if (s < 0 || vt_connect(c, "@server") || send(c, "x", 1, 0) != 1 ||
	    vt_send_fd(c, 0) || vt_send_fd(sv[0], vt_socket(family, type)) ||
	    vt_send_fd(sv[0], s))
		return 2;
	if (type != SOCK_DGRAM && vt_trio(family, type, "@trio", &t))
		return 3;
	return vt_send_fd(out, s) ? errno : 0;
}

#define SPACES 6

TEST_F_TIMEOUT(netns, come_and_go, 60)
{
	int family = variant->family, type = variant->type;
	struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	int nl, group = RTNLGRP_NSID, held[2], up[2], go[2], last = -1;
	int i, status, seen = 0, round, id;
	pid_t pid;
	char c;

	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	ASSERT_LE(0, nl);
	/* Without a port of its own it would not hear the kernel. */
	ASSERT_EQ(0, bind(nl, (struct sockaddr *)&own, sizeof(own)));
	ASSERT_EQ(0, setsockopt(nl, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
				&group, sizeof(group)));
	for (i = 0; i < SPACES; i++) {
		ASSERT_EQ(0, vt_pair(family, type, held));
		ASSERT_EQ(0, pipe(up));
		ASSERT_EQ(0, pipe(go));
		pid = fork();
		if (!pid) {
			if (unshare(CLONE_NEWNET) || write(up[1], "u", 1) != 1)
				_exit(10);
			if (read(go[0], &c, 1) != 1)
				_exit(11);
			_exit(litter(family, type, held[0]));
		}
		ASSERT_EQ(1, read(up[0], &c, 1));
		ASSERT_EQ(0, watch_netns(pid, 100 + i));
		ASSERT_EQ(1, write(go[1], "g", 1));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, status);
		/* Of the last one, a socket comes home. */
		if (i == SPACES - 1)
			last = vt_recv_fd(held[1]);
		close(held[0]);
		close(held[1]);
		close(up[0]);
		close(up[1]);
		close(go[0]);
		close(go[1]);
	}
	ASSERT_LE(0, last);
	/* Any close of a socket is an occasion to collect. */
	for (round = 0; round < 200 && seen != (1 << (SPACES - 1)) - 1;
	     round++) {
		close(vt_socket(family, type));
		id = gone_netns(nl, 100);
		if (id >= 0) {
			ASSERT_LE(100, id);
			ASSERT_GT(100 + SPACES, id);
			seen |= 1 << (id - 100);
		}
	}
	ASSERT_EQ((1 << (SPACES - 1)) - 1, seen);
	/* The namespace of the living socket lives, and the socket works. */
	ASSERT_EQ(POLLIN, vt_poll(last, POLLIN));
	if (type != SOCK_DGRAM) {
		i = accept(last, NULL, NULL);
		ASSERT_LE(0, i);
		ASSERT_EQ(1, recv(i, &c, 1, MSG_DONTWAIT));
		close(i);
	}
	ASSERT_EQ(-1, gone_netns(nl, 0));
	close(last);
	for (round = 0, id = -1; round < 200 && id < 0; round++) {
		close(vt_socket(family, type));
		id = gone_netns(nl, 100);
	}
	ASSERT_EQ(100 + SPACES - 1, id);
	PROVES("NETNS-04");
}

TEST_HARNESS_MAIN
