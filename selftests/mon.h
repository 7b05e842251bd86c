/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Devices of the kind "vunixmon", by rtnetlink, and what they show.
 */
#ifndef MON_H
#define MON_H

#define VT_OWN_NETNS
#include "diag.h"

#include <arpa/inet.h>
#include <endian.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/vunixmon.h>

#define MON	"vunixmon0"

/* A request to rtnetlink; attributes follow. */
struct mon_req {
	struct nlmsghdr nlh;
	struct ifinfomsg ifi;
	char attrs[512];
};

static inline struct rtattr *mon_put(struct mon_req *q, int type,
				     const void *data, size_t len)
{
	struct rtattr *a = (void *)((char *)q + NLMSG_ALIGN(q->nlh.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	q->nlh.nlmsg_len = NLMSG_ALIGN(q->nlh.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static inline void mon_end(struct mon_req *q, struct rtattr *nest)
{
	nest->rta_len = (char *)q + q->nlh.nlmsg_len - (char *)nest;
}

/* Sends it, waits for the answer: 0 or an errno. */
static inline int mon_talk(struct mon_req *q)
{
	int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
		char more[1024];
	} answer;
	int n;

	q->nlh.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	n = send(nl, q, q->nlh.nlmsg_len, 0);
	if (n > 0)
		n = recv(nl, &answer, sizeof(answer), 0);
	close(nl);
	if (n < (int)NLMSG_LENGTH(sizeof(answer.err)) ||
	    answer.nlh.nlmsg_type != NLMSG_ERROR)
		return EIO;
	return -answer.err.error;
}

/* "ip link add NAME mtu MTU type KIND"; no MTU if 0. */
static inline int mon_add(const char *name, const char *kind, unsigned int mtu)
{
	struct mon_req q = { .nlh = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(q.ifi)),
		.nlmsg_type = RTM_NEWLINK,
		.nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL,
	} };
	struct rtattr *nest;

	mon_put(&q, IFLA_IFNAME, name, strlen(name) + 1);
	if (mtu)
		mon_put(&q, IFLA_MTU, &mtu, sizeof(mtu));
	nest = mon_put(&q, IFLA_LINKINFO, NULL, 0);
	mon_put(&q, IFLA_INFO_KIND, kind, strlen(kind) + 1);
	mon_end(&q, nest);
	return mon_talk(&q);
}

static inline int mon_del(const char *name)
{
	struct mon_req q = { .nlh = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(q.ifi)),
		.nlmsg_type = RTM_DELLINK,
	} };

	mon_put(&q, IFLA_IFNAME, name, strlen(name) + 1);
	return mon_talk(&q);
}

/* An ioctl that sets the device up or down, its MTU, ...: 0 or an errno. */
static inline int mon_ioctl(unsigned long request, struct ifreq *ifr)
{
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);
	int err = ioctl(s, request, ifr) ? errno : 0;

	close(s);
	return err;
}

static inline int mon_up(const char *name, bool up)
{
	struct ifreq ifr = {};
	int err;

	strcpy(ifr.ifr_name, name);
	err = mon_ioctl(SIOCGIFFLAGS, &ifr);
	if (err)
		return err;
	ifr.ifr_flags = (ifr.ifr_flags & ~IFF_UP) | (up ? IFF_UP : 0);
	return mon_ioctl(SIOCSIFFLAGS, &ifr);
}

static inline int mon_set_mtu(const char *name, int mtu)
{
	struct ifreq ifr = { .ifr_mtu = mtu };

	strcpy(ifr.ifr_name, name);
	return mon_ioctl(SIOCSIFMTU, &ifr);
}

static inline int mon_set_qlen(const char *name, int qlen)
{
	struct ifreq ifr = { .ifr_qlen = qlen };

	strcpy(ifr.ifr_name, name);
	return mon_ioctl(SIOCSIFTXQLEN, &ifr);
}

/* A device that is up: 0 or an errno. */
static inline int mon_make(const char *name)
{
	int err = mon_add(name, "vunixmon", 0);

	return err ? err : mon_up(name, true);
}

/* What it has shown, and lost: columns of /proc/net/dev. */
struct mon_stats {
	long long bytes;
	long long packets;
	long long dropped;
};

static inline int mon_stats(const char *name, struct mon_stats *s)
{
	char *text = vt_read_file("/proc/thread-self/net/dev"), want[32], *p;
	int err = -1;

	snprintf(want, sizeof(want), "%s:", name);
	p = text ? strstr(text, want) : NULL;
	if (p && sscanf(p + strlen(want), "%lld %lld %*u %lld", &s->bytes,
			&s->packets, &s->dropped) == 3)
		err = 0;
	free(text);
	return err;
}

/* A tap on the device: a socket, or -1. */
static inline int mon_tap(const char *name)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(name),
	};
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), room = 4 << 20;

	/* Only the initial namespace's root may. */
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (s < 0 || !ll.sll_ifindex ||
	    bind(s, (struct sockaddr *)&ll, sizeof(ll)) ||
	    vt_set_timeo(s, SO_RCVTIMEO, 20000 * vt_patience())) {
		close(s);
		return -1;
	}
	return s;
}

/* One packet, numbers as this machine has them. */
struct mon_packet {
	unsigned char dst[6], src[6];
	int version, type, flags;
	unsigned long long time, src_id, dst_id;
	int seq, msg_flags, pid, uid, gid, nr_fds, len, caplen;
	char src_name[109], dst_name[109];
	int src_name_len, dst_name_len;
	int hdr_len;
	const unsigned char *data;
	unsigned char frame[70000];
};

/* The next packet of the tap: 0, or -1 if there is none, or it makes no sense. */
static inline int mon_next(int tap, struct mon_packet *p)
{
	struct vunixmon_hdr h;
	int n = recv(tap, p->frame, sizeof(p->frame), 0), at = 14;

	if (n < (int)(14 + sizeof(h)))
		return -1;
	memcpy(p->dst, p->frame, 6);
	memcpy(p->src, p->frame + 6, 6);
	if (p->frame[12] != VUNIXMON_ETHERTYPE >> 8 ||
	    p->frame[13] != (VUNIXMON_ETHERTYPE & 0xff))
		return -1;
	memcpy(&h, p->frame + at, sizeof(h));
	at += sizeof(h);
	p->version = h.version;
	p->type = h.type;
	p->flags = ntohs(h.flags);
	p->hdr_len = ntohs(h.hdr_len);
	p->time = be64toh(h.time);
	p->src_id = be64toh(h.src_id);
	p->dst_id = be64toh(h.dst_id);
	p->seq = ntohl(h.seq);
	p->msg_flags = ntohl(h.msg_flags);
	p->pid = ntohl(h.pid);
	p->uid = ntohl(h.uid);
	p->gid = ntohl(h.gid);
	p->nr_fds = ntohl(h.nr_fds);
	p->len = ntohl(h.len);
	p->caplen = ntohl(h.caplen);
	p->src_name_len = h.src_name_len;
	p->dst_name_len = h.dst_name_len;
	if (h.src_name_len > 108 || h.dst_name_len > 108 ||
	    p->hdr_len != (int)sizeof(h) + h.src_name_len + h.dst_name_len ||
	    p->caplen > p->len || n != 14 + p->hdr_len + p->caplen)
		return -1;
	memset(p->src_name, 0, sizeof(p->src_name));
	memset(p->dst_name, 0, sizeof(p->dst_name));
	memcpy(p->src_name, p->frame + at, h.src_name_len);
	at += h.src_name_len;
	memcpy(p->dst_name, p->frame + at, h.dst_name_len);
	at += h.dst_name_len;
	p->data = p->frame + at;
	return 0;
}

#endif /* MON_H */
