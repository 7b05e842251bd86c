// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz.h"

enum opt_kind { O_INT, O_TIMEVAL, O_LINGER, O_CRED, O_FD, O_ADDR, O_NONZERO };

/*
 * since: the first kernel whose AF_UNIX has it where older ones of the matrix lack
 * what vunix has there; programs for older kernels leave it out.
 */
static const struct {
	const char	*text;
	int		level, name, kind, since;
} opts[] = {
	{ "SO_TYPE", SOL_SOCKET, SO_TYPE, O_INT, 0 },
	{ "SO_DOMAIN", SOL_SOCKET, SO_DOMAIN, O_INT, 0 },
	{ "SO_PROTOCOL", SOL_SOCKET, SO_PROTOCOL, O_INT, 0 },
	{ "SO_ERROR", SOL_SOCKET, SO_ERROR, O_INT, 0 },
	{ "SO_ACCEPTCONN", SOL_SOCKET, SO_ACCEPTCONN, O_INT, 0 },
	{ "SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, O_INT, 0 },
	{ "SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, O_INT, 0 },
	{ "SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, O_INT, 0 },
	{ "SO_SNDLOWAT", SOL_SOCKET, SO_SNDLOWAT, O_INT, 0 },
	{ "SO_PASSCRED", SOL_SOCKET, SO_PASSCRED, O_INT, 0 },
	{ "SO_PASSSEC", SOL_SOCKET, SO_PASSSEC, O_INT, 0 },
	{ "SO_PEEK_OFF", SOL_SOCKET, SO_PEEK_OFF, O_INT, 0 },
	{ "SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, O_INT, 0 },
	{ "SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, O_INT, 0 },
	{ "SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, O_INT, 0 },
	{ "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, O_INT, 0 },
	{ "SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, O_INT, 0 },
	{ "SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, O_INT, 0 },
	{ "SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, O_INT, 0 },
	{ "SO_MARK", SOL_SOCKET, SO_MARK, O_INT, 0 },
	{ "SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP, O_INT, 0 },
	{ "SO_ZEROCOPY", SOL_SOCKET, SO_ZEROCOPY, O_INT, 0 },
	{ "SO_LOCK_FILTER", SOL_SOCKET, SO_LOCK_FILTER, O_INT, 0 },
	{ "SO_RCVTIMEO", SOL_SOCKET, SO_RCVTIMEO, O_TIMEVAL, 0 },
	{ "SO_SNDTIMEO", SOL_SOCKET, SO_SNDTIMEO, O_TIMEVAL, 0 },
	{ "SO_LINGER", SOL_SOCKET, SO_LINGER, O_LINGER, 0 },
	{ "SO_PEERCRED", SOL_SOCKET, SO_PEERCRED, O_CRED, 0 },
	{ "SO_PEERGROUPS", SOL_SOCKET, SO_PEERGROUPS, O_ADDR, 0 },
	{ "SO_PEERSEC", SOL_SOCKET, SO_PEERSEC, O_ADDR, 0 },
	{ "SO_PEERNAME", SOL_SOCKET, SO_PEERNAME, O_ADDR, 0 },
	{ "SO_COOKIE", SOL_SOCKET, SO_COOKIE, O_NONZERO, 0 },
	{ "SO_PEERPIDFD", SOL_SOCKET, 77, O_FD, 0 },
	{ "SO_PASSPIDFD", SOL_SOCKET, 76, O_INT, 0 },
	{ "SO_PASSRIGHTS", SOL_SOCKET, 83, O_INT, KERNEL(6, 16) },
	{ "SO_INQ", SOL_SOCKET, 84, O_INT, KERNEL(6, 17) },
	{ "SO_RIGHTS_NOTRUNC", SOL_SOCKET, 85, O_INT, KERNEL(7, 3) },
	{ "an option without a name", SOL_SOCKET, 999, O_INT, 0 },
	{ "an option of another level", 6, 1, O_INT, 0 },
};

int opt_count(void)
{
	return sizeof(opts) / sizeof(opts[0]);
}

const char *opt_text(int i)
{
	return opts[(unsigned int)i % opt_count()].text;
}

int opt_since(int i)
{
	return opts[i].since;
}

static const int lens[] = { 0, 2, 64, 4, -1, 0 };

void op_setopt(struct ctx *c)
{
	const int *a = c->p->op[c->index].a;
	int i = (unsigned int)a[1] % opt_count(), how = (unsigned int)a[3] % 6;
	union {
		int		number;
		struct timeval	tv;
		struct linger	linger;
		char		b[64];
	} u;
	socklen_t len = lens[how];
	void *p = how == 3 ? (void *)buf_edge : &u;

	memset(&u, 0, sizeof(u));
	switch (opts[i].kind) {
	case O_TIMEVAL:
		/* None that elapses: that would be a race. */
		u.tv.tv_sec = a[2] & 1 ? 1000 : 0;
		u.tv.tv_usec = a[2] & 2 ? 1000000 : 0;
		if (!how)
			len = sizeof(u.tv);
		break;
	case O_LINGER:
		u.linger.l_onoff = a[2] & 1;
		u.linger.l_linger = a[2];
		if (!how)
			len = sizeof(u.linger);
		break;
	default:
		u.number = a[2];
		/* Less would fill; see slot_set(). */
		if (opts[i].name == SO_SNDBUF && opts[i].level == SOL_SOCKET &&
		    u.number >= 0 && u.number < 200000)
			u.number += 200000;
		if (!how)
			len = sizeof(int);
	}
	rec_ret(c, setsockopt(slots[a[0]], opts[i].level, opts[i].name, p,
			      len));
}

void op_getopt(struct ctx *c)
{
	const int *a = c->p->op[c->index].a;
	int i = (unsigned int)a[1] % opt_count(), how = (unsigned int)a[2] % 6;
	union {
		int		number;
		struct ucred	cred;
		char		b[256];
	} u;
	socklen_t len = opts[i].kind == O_INT ? 4 :
			opts[i].kind == O_CRED ? sizeof(u.cred) : 128;
	socklen_t room;
	void *p = how == 3 ? (void *)buf_edge : &u;
	long ret;

	if (how)
		len = lens[how];
	/* The length that is asked for must not be more than the name's. */
	if (opts[i].name == SO_PEERNAME && !how)
		len = 2 + (a[0] & 3);
	if (opts[i].kind == O_FD)
		len = how ? len : 4;
	room = len;
	memset(&u, 0x55, sizeof(u));
	ret = getsockopt(slots[a[0]], opts[i].level, opts[i].name, p, &len);
	rec_ret(c, ret);
	if (how == 3 || how == 4)
		return;
	rec_num(c->t, T_OPTLEN, len);
	if (ret < 0)
		return;
	if (len < room)
		room = len;
	switch (opts[i].kind) {
	case O_CRED:
		if (room >= sizeof(int))
			u.cred.pid = u.cred.pid == known_pid[0] ? -1 :
				     u.cred.pid == known_pid[1] ? -2 :
				     u.cred.pid;
		break;
	case O_NONZERO:
		u.b[0] = u.number != 0;
		room = room ? 1 : 0;
		break;
	case O_FD:
		if (room < sizeof(int))
			break;
		rec_fd(c->t, u.number);
		close(u.number);
		return;
	case O_ADDR:
		if (opts[i].name == SO_PEERNAME) {
			rec_addr(c->t, &u, len, room);
			return;
		}
	}
	rec_bytes(c->t, T_VALUE, &u, room);
}
