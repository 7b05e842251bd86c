/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asking sock_diag about sockets of either family.
 */
#ifndef DIAG_H
#define DIAG_H

#include "vunix_test.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

#define DIAG_ICONS	16

/* One answer; lengths are -1 where the attribute is missing. */
struct diag {
	struct unix_diag_msg msg;
	int flags;		/* of the message */
	int name_len;
	char name[128];
	int vfs_len;
	struct unix_diag_vfs vfs;
	int peer_len;
	unsigned int peer;
	int icons_len;
	unsigned int icons[DIAG_ICONS];
	int rqlen_len;
	struct unix_diag_rqlen rqlen;
	int meminfo_len;
	unsigned int meminfo[SK_MEMINFO_VARS];
	int shutdown_len;
	unsigned char shutdown;
	int uid_len;
	unsigned int uid;
	int info_len;
	struct vunix_diag_info info;
	int unknown;		/* attributes that are none of these */
};

static inline int diag_open(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
}

static inline struct unix_diag_req diag_req(int family, unsigned int ino,
					    unsigned int show)
{
	return (struct unix_diag_req){
		.sdiag_family = vt_family(family),
		.udiag_states = -1,
		.udiag_ino = ino,
		.udiag_show = show,
		.udiag_cookie = { -1, -1 },
	};
}

/* Sends a request of which @len bytes count; 0 or -1. */
static inline int diag_send(int nl, const void *req, size_t len, int flags)
{
	struct {
		struct nlmsghdr nlh;
		char req[256];
	} q = {
		.nlh = {
			.nlmsg_len = NLMSG_LENGTH(len),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | flags,
		},
	};

	if (len > sizeof(q.req))
		return -1;
	memcpy(q.req, req, len);
	/* No address: netlink then looks at who opened the socket, too. */
	return send(nl, &q, q.nlh.nlmsg_len, 0) == (ssize_t)q.nlh.nlmsg_len ?
	       0 : -1;
}

static inline void diag_copy(const struct rtattr *a, int *len, void *to,
			     size_t room)
{
	size_t n = RTA_PAYLOAD(a);

	*len = n;
	memcpy(to, RTA_DATA(a), n < room ? n : room);
}

static inline void diag_parse(const struct nlmsghdr *h, struct diag *d)
{
	int n = h->nlmsg_len - NLMSG_LENGTH(sizeof(d->msg));
	struct unix_diag_msg *m = NLMSG_DATA(h);
	struct rtattr *a = (void *)(m + 1);

	*d = (struct diag){
		.msg = *m,
		.flags = h->nlmsg_flags,
		.name_len = -1,
		.vfs_len = -1,
		.peer_len = -1,
		.icons_len = -1,
		.rqlen_len = -1,
		.meminfo_len = -1,
		.shutdown_len = -1,
		.uid_len = -1,
		.info_len = -1,
	};
	for (; RTA_OK(a, n); a = RTA_NEXT(a, n)) {
		switch (a->rta_type) {
		case UNIX_DIAG_NAME:
			diag_copy(a, &d->name_len, d->name, sizeof(d->name));
			break;
		case UNIX_DIAG_VFS:
			diag_copy(a, &d->vfs_len, &d->vfs, sizeof(d->vfs));
			break;
		case UNIX_DIAG_PEER:
			diag_copy(a, &d->peer_len, &d->peer, sizeof(d->peer));
			break;
		case UNIX_DIAG_ICONS:
			diag_copy(a, &d->icons_len, d->icons, sizeof(d->icons));
			break;
		case UNIX_DIAG_RQLEN:
			diag_copy(a, &d->rqlen_len, &d->rqlen, sizeof(d->rqlen));
			break;
		case UNIX_DIAG_MEMINFO:
			diag_copy(a, &d->meminfo_len, d->meminfo,
				  sizeof(d->meminfo));
			break;
		case UNIX_DIAG_SHUTDOWN:
			diag_copy(a, &d->shutdown_len, &d->shutdown, 1);
			break;
		case UNIX_DIAG_UID:
			diag_copy(a, &d->uid_len, &d->uid, sizeof(d->uid));
			break;
		case VUNIX_DIAG_INFO:
			diag_copy(a, &d->info_len, &d->info, sizeof(d->info));
			break;
		default:
			d->unknown++;
		}
	}
}

/*
 * What comes back: @each is called for every socket.  Returns the number of
 * messages that were received, or -errno as the kernel says.
 */
static inline int diag_recv(int nl, bool dump,
			    void (*each)(const struct diag *d, void *arg),
			    void *arg)
{
	static char buf[2 * 65536] __attribute__((aligned(8)));
	struct nlmsghdr *h;
	struct nlmsgerr *e;
	int parts = 0, n;
	struct diag d;

	for (;;) {
		n = recv(nl, buf, sizeof(buf), 0);
		if (n <= 0)
			return -EIO;
		parts++;
		for (h = (void *)buf; NLMSG_OK(h, (unsigned int)n);
		     h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return parts;
			if (h->nlmsg_type == NLMSG_ERROR) {
				e = NLMSG_DATA(h);
				return e->error ? e->error : parts;
			}
			diag_parse(h, &d);
			each(&d, arg);
		}
		if (!dump)
			return parts;
	}
}

static inline void diag_keep(const struct diag *d, void *arg)
{
	*(struct diag *)arg = *d;
}

/* One socket: 0 or -errno. */
static inline int diag_ask(const struct unix_diag_req *req, struct diag *d)
{
	int nl = diag_open(), n = -EIO;

	if (nl >= 0 && !diag_send(nl, req, sizeof(*req), 0))
		n = diag_recv(nl, false, diag_keep, d);
	close(nl);
	return n < 0 ? n : 0;
}

/* All sockets: the number of messages they came in, or -errno. */
static inline int diag_dump(const struct unix_diag_req *req,
			    void (*each)(const struct diag *d, void *arg),
			    void *arg)
{
	int nl = diag_open(), n = -EIO;

	if (nl >= 0 && !diag_send(nl, req, sizeof(*req), NLM_F_DUMP))
		n = diag_recv(nl, true, each, arg);
	close(nl);
	return n;
}

struct diag_search {
	unsigned int ino;
	int found;
};

static inline void diag_compare(const struct diag *d, void *arg)
{
	struct diag_search *search = arg;

	search->found += d->msg.udiag_ino == search->ino;
}

/* How often a dump of @family has socket @ino, or -errno. */
static inline int diag_lists(int family, unsigned int ino)
{
	struct unix_diag_req req = diag_req(family, 0, 0);
	struct diag_search search = { .ino = ino };
	int err = diag_dump(&req, diag_compare, &search);

	return err < 0 ? err : search.found;
}

static inline unsigned long long diag_cookie(int fd)
{
	unsigned long long cookie = 0;
	socklen_t len = sizeof(cookie);

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

static inline struct unix_diag_req diag_req_id(unsigned long long id,
					       unsigned int show)
{
	struct unix_diag_req req = diag_req(AF_VUNIX, 0,
					    show | VUNIX_DIAG_BY_ID);

	req.udiag_cookie[0] = id;
	req.udiag_cookie[1] = id >> 32;
	return req;
}

static inline unsigned int diag_ino(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

#endif /* DIAG_H */
