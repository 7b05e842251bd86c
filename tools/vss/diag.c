// SPDX-License-Identifier: GPL-2.0
/*
 * Asking sock_diag for all sockets of a family.  Nothing is kept: each socket
 * is handed on as it comes, and what the kernel has not said yet waits there.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include "vss.h"

#ifdef VUNIX_DIAG_SHOW_INFO
static_assert(sizeof(struct vunix_diag_info) == sizeof(struct vss_info) &&
	      offsetof(struct vunix_diag_info, pid) ==
	      offsetof(struct vss_info, pid));
static_assert((VUNIX_DIAG_SHOW_INFO) == (VSS_SHOW_INFO));
static_assert((VUNIX_DIAG_INFO) == (VSS_ATTR_INFO));
#endif

/* A list that changed under our eyes is asked for again, this often. */
#define TRIES	5

/* Longer than any message, and than what the kernel puts into one read. */
static char buffer[128 * 1024] __attribute__((aligned(8)));

struct parsed {
	const struct nlattr *attr[VSS_ATTR_INFO + 1];
};

static int keep_attr(const struct nlattr *attr, void *data)
{
	struct parsed *p = data;
	unsigned int type = mnl_attr_get_type(attr);

	if (type <= VSS_ATTR_INFO)
		p->attr[type] = attr;
	return MNL_CB_OK;
}

/* Copies attribute @type to @to if it is there and long enough. */
static bool get(const struct parsed *p, unsigned int type, void *to,
		size_t len)
{
	const struct nlattr *attr = p->attr[type];

	if (!attr || mnl_attr_get_payload_len(attr) < len)
		return false;
	memcpy(to, mnl_attr_get_payload(attr), len);
	return true;
}

static void get_name(const struct nlattr *attr, struct vss_sock *s)
{
	if (!attr || !mnl_attr_get_payload_len(attr))
		return;
	s->name = mnl_attr_get_payload(attr);
	s->name_len = mnl_attr_get_payload_len(attr);
	/* Of a path, the terminator and what is behind it say nothing. */
	if (s->name[0])
		s->name_len = strnlen(s->name, s->name_len);
}

static void get_icons(const struct nlattr *attr, struct vss_sock *s)
{
	if (!attr)
		return;
	s->icons = mnl_attr_get_payload(attr);
	s->nr_icons = mnl_attr_get_payload_len(attr) / sizeof(*s->icons);
	s->has |= VSS_HAS_ICONS;
}

static void get_info(const struct nlattr *attr, struct vss_sock *s)
{
	if (!attr)
		return;
	s->info_len = mnl_attr_get_payload_len(attr);
	if (s->info_len > sizeof(s->info))
		s->info_len = sizeof(s->info);
	memcpy(&s->info, mnl_attr_get_payload(attr), s->info_len);
}

/* False: this is no answer as AF_UNIX gives it. */
static bool parse(const struct nlmsghdr *h, struct vss_sock *s)
{
	const struct unix_diag_msg *m = mnl_nlmsg_get_payload(h);
	struct parsed p = { };

	*s = (struct vss_sock){ };
	if (mnl_nlmsg_get_payload_len(h) < sizeof(*m) ||
	    m->udiag_family != AF_UNIX)
		return false;
	mnl_attr_parse(h, MNL_ALIGN(sizeof(*m)), keep_attr, &p);

	s->type = m->udiag_type;
	s->state = m->udiag_state;
	s->ino = m->udiag_ino;
	s->cookie = (__u64)m->udiag_cookie[1] << 32 | m->udiag_cookie[0];
	get_name(p.attr[UNIX_DIAG_NAME], s);
	get_icons(p.attr[UNIX_DIAG_ICONS], s);
	get_info(p.attr[VSS_ATTR_INFO], s);
	if (get(&p, UNIX_DIAG_PEER, &s->peer, sizeof(s->peer)))
		s->has |= VSS_HAS_PEER;
	if (get(&p, UNIX_DIAG_UID, &s->uid, sizeof(s->uid)))
		s->has |= VSS_HAS_UID;
	if (get(&p, UNIX_DIAG_RQLEN, &s->rqlen, sizeof(s->rqlen)))
		s->has |= VSS_HAS_RQLEN;
	if (get(&p, UNIX_DIAG_VFS, &s->vfs, sizeof(s->vfs)))
		s->has |= VSS_HAS_VFS;
	if (get(&p, UNIX_DIAG_MEMINFO, s->mem, sizeof(s->mem)))
		s->has |= VSS_HAS_MEM;
	if (get(&p, UNIX_DIAG_SHUTDOWN, &s->shutdown, sizeof(s->shutdown)))
		s->has |= VSS_HAS_SHUTDOWN;
	return true;
}

static bool module_is_loaded(void)
{
	return !access("/sys/module/vunix", F_OK);
}

static void explain(int err)
{
	fflush(stdout);
	if (err == EPROTONOSUPPORT) {
		fputs("vss: this kernel has no sock_diag (CONFIG_NET_DIAG)\n",
		      stderr);
	} else if (err != ENOENT) {
		fprintf(stderr, "vss: sock_diag, family %d: %s\n", opt.family,
			strerror(err));
	} else if (opt.is_unix) {
		fputs("vss: nobody answers for AF_UNIX: modprobe unix_diag\n",
		      stderr);
	} else if (module_is_loaded()) {
		fprintf(stderr,
			"vss: nobody answers for family %d: is it vunix's, and is this vunix new enough for sock_diag?\n",
			opt.family);
	} else {
		fprintf(stderr,
			"vss: nobody answers for family %d: vunix is not loaded (modprobe vunix, or insmod vunix.ko)\n",
			opt.family);
	}
}

struct dump {
	struct mnl_socket *nl;
	unsigned int seq;
	diag_each each;
	void *arg;
	bool interrupted;	/* the list has changed in the kernel's hands */
	bool told;		/* the user knows what went wrong */
	bool lost;		/* there was no room for an answer */
};

static int send_request(struct dump *d, uint32_t states, uint32_t show)
{
	static unsigned int last_seq;
	char buf[256] __attribute__((aligned(8))) = { };
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct unix_diag_req *req;

	h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++last_seq;
	d->seq = h->nlmsg_seq;
	req = mnl_nlmsg_put_extra_header(h, sizeof(*req));
	req->sdiag_family = opt.family;
	req->udiag_states = states;
	req->udiag_show = show;
	return mnl_socket_sendto(d->nl, h, h->nlmsg_len) < 0 ? -1 : 0;
}

/*
 * One message.  1: go on; 0: that was the last; -1: failed, errno says why
 * unless @each has.
 */
static int take_message(struct dump *d, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
	size_t len = mnl_nlmsg_get_payload_len(h);
	struct vss_sock s;

	if (h->nlmsg_seq != d->seq)
		return 1;
	d->interrupted |= !!(h->nlmsg_flags & NLM_F_DUMP_INTR);
	switch (h->nlmsg_type) {
	case NLMSG_NOOP:
		return 1;
	case NLMSG_OVERRUN:
		d->lost = true;
		return 1;
	case NLMSG_DONE:
	case NLMSG_ERROR:
		/* Both begin with an error number, at times of no error. */
		errno = len >= sizeof(e->error) ? -e->error : 0;
		return errno ? -1 : 0;
	}
	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || !parse(h, &s)) {
		errno = EPROTO;
		return -1;
	}
	d->told = d->each(&s, d->arg);
	return d->told ? -1 : 1;
}

/*
 * Where answers were lost the end may be lost, too.  Returns bytes, 0 for the
 * end of all waiting, or -1.
 */
static ssize_t receive(struct dump *d)
{
	struct pollfd p = { .fd = mnl_socket_get_fd(d->nl), .events = POLLIN };
	ssize_t n;

	for (;;) {
		if (d->lost && !poll(&p, 1, 2000))
			return 0;
		n = mnl_socket_recvfrom(d->nl, buffer, sizeof(buffer));
		if (n >= 0)
			return n;
		if (errno == ENOBUFS || errno == ENOSPC)
			d->lost = true;
		else if (errno != EINTR)
			return -1;
	}
}

static int take_all(struct dump *d)
{
	const struct nlmsghdr *h;
	ssize_t n;
	int left;
	int ret;

	for (;;) {
		n = receive(d);
		if (n <= 0)
			return n;
		left = n;
		for (h = (void *)buffer; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			ret = take_message(d, h);
			if (ret <= 0)
				return ret;
		}
	}
}

static int dump_once(struct dump *d, uint32_t states, uint32_t show)
{
	int ret = -1;
	int room = 1 << 20;
	int err;

	d->interrupted = false;
	d->lost = false;
	d->told = false;
	d->nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (!d->nl) {
		explain(errno);
		return VSS_FAILED;
	}
	/* Only to have fewer reads; what is allowed will do. */
	setsockopt(mnl_socket_get_fd(d->nl), SOL_SOCKET, SO_RCVBUF, &room,
		   sizeof(room));
	if (!mnl_socket_bind(d->nl, 0, MNL_SOCKET_AUTOPID) &&
	    !send_request(d, states, show))
		ret = take_all(d);
	err = errno;
	mnl_socket_close(d->nl);
	if (!ret)
		return d->interrupted || d->lost ? VSS_INCOMPLETE : VSS_OK;
	if (!d->told)
		explain(err);
	return VSS_FAILED;
}

static int say_incomplete(const struct dump *d)
{
	fflush(stdout);
	fprintf(stderr, "vss: %s: sockets may be missing, or be there twice\n",
		d->lost ? "answers of the kernel were lost" :
		"the kernel's list has changed meanwhile");
	return VSS_INCOMPLETE;
}

/**
 * diag_dump() - ask for all sockets of the family
 * @states: bit per state
 * @show: UDIAG_SHOW_* and VSS_SHOW_*
 * @each: is called for every socket; other than 0 ends the dump as failed
 * @arg: for @each
 *
 * Return: VSS_OK, VSS_FAILED or VSS_INCOMPLETE; the user has been told.
 */
int diag_dump(uint32_t states, uint32_t show, diag_each each, void *arg)
{
	struct dump d = { .each = each, .arg = arg };
	int ret = dump_once(&d, states, show);

	return ret == VSS_INCOMPLETE ? say_incomplete(&d) : ret;
}

/**
 * diag_dump_again() - the same, for what can be begun again
 * @restart: forgets what @each was told
 *
 * Return: as diag_dump(); VSS_INCOMPLETE only where trying again did not help.
 */
int diag_dump_again(uint32_t states, uint32_t show, diag_each each,
		    void (*restart)(void *arg), void *arg)
{
	struct dump d = { .each = each, .arg = arg };
	int ret = VSS_OK;

	for (int i = 0; i < TRIES; i++) {
		if (i)
			restart(arg);
		ret = dump_once(&d, states, show);
		if (ret != VSS_INCOMPLETE)
			return ret;
	}
	return say_incomplete(&d);
}
