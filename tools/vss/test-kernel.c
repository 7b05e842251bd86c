// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel that answers vss as no real one can be made to: for LD_PRELOAD, by
 * test.py.  From the environment:
 *
 *   FAKE_SOCKETS   how many sockets there are: pairs, every first one named
 *   FAKE_INFO      bytes of counters that each has (0)
 *   FAKE_INTR      so many dumps say that the list has changed
 *   FAKE_LOST      so many dumps lose their second part and their end
 *   FAKE_ERROR     the dump ends with that error
 *   FAKE_BROKEN    family: answers are another family's; short: cut off;
 *                  attr: an attribute is longer than its message; type: the
 *                  message is of a type nobody knows
 *
 * Counters of dump D: socket I has sent (I % 1000) * D messages of 10 bytes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

static struct {
	unsigned long at;
	unsigned int seq;
	unsigned int dumps;
	unsigned int parts;
	int done;
} state;

static unsigned long setting(const char *name)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 0) : 0;
}

static int is_broken(const char *how)
{
	const char *value = getenv("FAKE_BROKEN");

	return value && !strcmp(value, how);
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags,
	       const struct sockaddr *to, socklen_t to_len)
{
	const struct nlmsghdr *h = buf;

	(void)fd;
	(void)flags;
	(void)to;
	(void)to_len;
	state.at = 0;
	state.parts = 0;
	state.done = 0;
	state.dumps++;
	state.seq = h->nlmsg_seq;
	return len;
}

/* The counters of socket @i: as many bytes as FAKE_INFO says. */
static void put_info(struct nlmsghdr *h, unsigned long i)
{
	unsigned long long info[32] = { };
	unsigned long messages = i % 1000 * state.dumps;
	size_t len = setting("FAKE_INFO");

	info[0] = i + 1;		/* id */
	info[1] = (i ^ 1) + 1;		/* peer_id */
	info[2] = 1500000000;		/* age_ns */
	info[3] = messages * 10;	/* bytes_sent */
	info[5] = messages;		/* messages_sent */
	info[11] = 77ull << 32 | 66;	/* pid, peak */
	if (len)
		mnl_attr_put(h, 64, len < sizeof(info) ? len : sizeof(info),
			     info);
}

static void put_socket(struct nlmsghdr *h, unsigned long i)
{
	struct unix_diag_msg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	struct unix_diag_rqlen rqlen = { };
	char name[32] = "";
	int n;

	m->udiag_family = is_broken("family") ? AF_INET : AF_UNIX;
	m->udiag_type = SOCK_STREAM;
	m->udiag_state = 1;
	m->udiag_ino = i + 1;
	m->udiag_cookie[0] = i + 1;
	if (i % 2 == 0) {
		/* Abstract, one of 1000 */
		n = 1 + sprintf(name + 1, "service%lu", i / 2 % 1000);
		mnl_attr_put(h, UNIX_DIAG_NAME, n, name);
	}
	mnl_attr_put_u32(h, UNIX_DIAG_PEER, (i ^ 1) + 1);
	mnl_attr_put(h, UNIX_DIAG_RQLEN, sizeof(rqlen), &rqlen);
	mnl_attr_put_u8(h, UNIX_DIAG_SHUTDOWN, 0);
	put_info(h, i);
	if (is_broken("attr"))
		((struct nlattr *)mnl_nlmsg_get_payload_tail(h))[-2].nla_len =
			999;
	if (is_broken("short"))
		h->nlmsg_len = MNL_NLMSG_HDRLEN + 4;
}

static struct nlmsghdr *put_header(char *buf, int type)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = is_broken("type") ? 4711 : type;
	h->nlmsg_flags = NLM_F_MULTI;
	if (state.dumps <= setting("FAKE_INTR"))
		h->nlmsg_flags |= NLM_F_DUMP_INTR;
	h->nlmsg_seq = state.seq;
	return h;
}

static size_t put_done(char *buf)
{
	struct nlmsghdr *h = put_header(buf, NLMSG_DONE);
	int *err = mnl_nlmsg_put_extra_header(h, sizeof(*err));

	*err = -(int)setting("FAKE_ERROR");
	state.done = 1;
	return h->nlmsg_len;
}

static size_t put_part(char *buf, size_t room)
{
	unsigned long nr = setting("FAKE_SOCKETS");
	struct nlmsghdr *h;
	size_t len = 0;

	if (state.at == nr)
		return put_done(buf);
	for (; state.at < nr && len + 512 < room; state.at++) {
		h = put_header(buf + len, SOCK_DIAG_BY_FAMILY);
		put_socket(h, state.at);
		len += MNL_ALIGN(h->nlmsg_len);
	}
	return len;
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct sockaddr_nl from = { .nl_family = AF_NETLINK };

	(void)fd;
	(void)flags;
	state.parts++;
	if (state.parts >= 2 && state.dumps <= setting("FAKE_LOST")) {
		state.done = 1;
		errno = ENOBUFS;
		return -1;
	}
	if (state.done)
		_exit(99);	/* It would wait for ever. */
	memcpy(msg->msg_name, &from, sizeof(from));
	msg->msg_namelen = sizeof(from);
	msg->msg_flags = 0;
	return put_part(msg->msg_iov[0].iov_base, 32768);
}

int poll(struct pollfd *fds, nfds_t nfds, int timeout)
{
	(void)fds;
	(void)nfds;
	(void)timeout;
	return !state.done;
}
