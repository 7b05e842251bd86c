// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

/*
 * since: the first kernel whose AF_UNIX has it where older ones of the matrix lack
 * what vunix has there; programs for older kernels leave it out.
 */
static const struct opt opts[] = {
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

const struct opt *opt_get(int i)
{
	return &opts[choice(i, opt_count())];
}

int opt_find(const char *text)
{
	int i;

	for (i = 0; i < opt_count(); i++)
		if (!strcmp(opts[i].text, text))
			return i;
	abort();
}

/* Lengths that are not the option's own */
static const int lens[NOPTHOWS] = {
	[OPT_TWO] = 2, [OPT_MORE] = 64, [OPT_BAD] = 4, [OPT_NEGATIVE] = -1,
	[OPT_EMPTY] = 0,
};

socklen_t opt_value(const struct op *op, union opt_value *u)
{
	const struct opt *opt = opt_get(op->a[1]);
	int v = op->a[2], how = choice(op->a[3], NOPTHOWS);
	socklen_t len = sizeof(int);

	memset(u, 0, sizeof(*u));
	switch (opt->kind) {
	case O_TIMEVAL:
		/* None that elapses: that would be a race. */
		u->tv.tv_sec = v & 1 ? 1000 : 0;
		u->tv.tv_usec = v & 2 ? 1000000 : 0;
		len = sizeof(u->tv);
		break;
	case O_LINGER:
		u->linger.l_onoff = v & 1;
		u->linger.l_linger = v;
		len = sizeof(u->linger);
		break;
	default:
		u->number = v;
		/* Less would fill; see slot_set(). */
		if (opt->name == SO_SNDBUF && opt->level == SOL_SOCKET &&
		    v >= 0 && v < SNDBUF)
			u->number += SNDBUF;
	}
	return how == OPT_OWN ? len : (socklen_t)lens[how];
}

socklen_t opt_room(const struct op *op)
{
	const struct opt *opt = opt_get(op->a[1]);
	int how = choice(op->a[2], NOPTHOWS);

	if (how != OPT_OWN)
		return lens[how];
	switch (opt->kind) {
	case O_INT:
	case O_FD:
		return sizeof(int);
	case O_CRED:
		return sizeof(struct ucred);
	default:
		/* What is asked for must not be more than a name has. */
		return opt->name == SO_PEERNAME ? 2 + (op->a[0] & 3) : 128;
	}
}

void op_setopt(struct ctx *c, const struct op *op)
{
	const struct opt *opt = opt_get(op->a[1]);
	union opt_value u;
	socklen_t len = opt_value(op, &u);
	int bad = choice(op->a[3], NOPTHOWS) == OPT_BAD;

	rec_ret(c, setsockopt(slots[op->a[0]], opt->level, opt->name,
			      bad ? (void *)buf_edge : &u, len));
}

void op_getopt(struct ctx *c, const struct op *op)
{
	const struct opt *opt = opt_get(op->a[1]);
	int how = choice(op->a[2], NOPTHOWS);
	union {
		int		number;
		struct ucred	cred;
		char		b[256];
	} u;
	socklen_t len = opt_room(op), room = len;
	long ret;

	memset(&u, 0x55, sizeof(u));
	ret = getsockopt(slots[op->a[0]], opt->level, opt->name,
			 how == OPT_BAD ? (void *)buf_edge : &u, &len);
	rec_ret(c, ret);
	if (how == OPT_BAD || how == OPT_NEGATIVE)
		return;
	rec_num(c->t, T_OPTLEN, len);
	if (ret < 0)
		return;
	if (len < room)
		room = len;
	switch (opt->kind) {
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
		if (opt->name == SO_PEERNAME) {
			rec_addr(c->t, &u, len, room);
			return;
		}
		break;
	default:
		break;
	}
	rec_bytes(c->t, T_VALUE, &u, room);
}
