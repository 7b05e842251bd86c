// SPDX-License-Identifier: GPL-2.0
/*
 * Programs from a seed.  A rough idea of what each slot holds makes most operations
 * ones that succeed; some are anything at all.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

#include "fuzz.h"

int running_kernel;

uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->s += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

enum kind { FREE, SOCK, PIPE_IN, PIPE_OUT, EPOLL, PLAIN };

struct slot {
	int	kind, type;
	int	bound, ak, ai;
	int	listening, pending, client;
	int	peer;		/* slot, -1 */
	int	open;		/* not shut for sending */
	int	queued;
};

struct gen {
	struct rng	*r;
	struct program	*p;
	struct slot	slot[NSLOTS];
	int		weight[NOPS];
	int		budget;		/* of bytes to send */
	int		blocking, oob, types, forked;
};

/* Parts in 1000 or so */
static const short weights[NOPS] = {
	[OP_SOCKET] = 30, [OP_PAIR] = 25, [OP_BIND] = 30, [OP_CONNECT] = 40,
	[OP_LISTEN] = 20, [OP_ACCEPT] = 35, [OP_SEND] = 60, [OP_SENDTO] = 40,
	[OP_SENDMSG] = 80, [OP_SENDMMSG] = 20, [OP_WRITE] = 35,
	[OP_WRITEV] = 20, [OP_RECV] = 60, [OP_RECVFROM] = 40,
	[OP_RECVMSG] = 90, [OP_RECVMMSG] = 20, [OP_READ] = 35, [OP_READV] = 20,
	[OP_SPLICE_IN] = 20, [OP_SPLICE_OUT] = 20, [OP_SENDFILE] = 16,
	[OP_SETOPT] = 50, [OP_GETOPT] = 40, [OP_NAME] = 15, [OP_PEER] = 15,
	[OP_SHUTDOWN] = 15, [OP_CLOSE] = 25, [OP_DUP] = 12, [OP_POLL] = 40,
	[OP_SELECT] = 8, [OP_EPOLL] = 10, [OP_EPCTL] = 40, [OP_EPWAIT] = 30,
	[OP_PIPE] = 10, [OP_FILE] = 10, [OP_FCNTL] = 20, [OP_IOCTL] = 40,
	[OP_FORK] = 1, [OP_EXIT] = 1, [OP_KILL] = 6, [OP_UNLINK] = 4,
	[OP_CHMOD] = 2, [OP_RENAME] = 3, [OP_FSTAT] = 6, [OP_FDINFO] = 6,
	[OP_FILTER] = 3, [OP_FLOW] = 2,
};

static int below(struct gen *g, int n)
{
	return rng_below(g->r, n);
}

static int percent(struct gen *g, int n)
{
	return below(g, 100) < n;
}

/* A slot that fits; any one if there is none, or now and then */
static int pick(struct gen *g, int (*fits)(const struct slot *))
{
	int i, n = 0, found = -1;

	if (percent(g, 5))
		return below(g, NSLOTS);
	for (i = 0; i < NSLOTS; i++)
		if (fits(&g->slot[i]) && !below(g, ++n))
			found = i;
	return found;
}

static int is_free(const struct slot *s)
{
	return s->kind == FREE;
}

static int is_sock(const struct slot *s)
{
	return s->kind == SOCK;
}

static int is_used(const struct slot *s)
{
	return s->kind != FREE;
}

static int is_fresh(const struct slot *s)
{
	return s->kind == SOCK && s->peer < 0 && !s->listening && !s->client &&
	       !s->bound;
}

static int is_unbound(const struct slot *s)
{
	return s->kind == SOCK && !s->bound;
}

static int can_listen(const struct slot *s)
{
	return s->kind == SOCK && s->bound && s->type != SOCK_DGRAM &&
	       s->peer < 0 && !s->client;
}

static int is_listener(const struct slot *s)
{
	return s->kind == SOCK && s->listening;
}

static int is_pending(const struct slot *s)
{
	return s->listening && s->pending > 0;
}

static int is_target(const struct slot *s)
{
	return s->kind == SOCK && s->bound &&
	       (s->listening || s->type == SOCK_DGRAM);
}

static int is_dgram_target(const struct slot *s)
{
	return s->kind == SOCK && s->bound && s->type == SOCK_DGRAM;
}

static int is_dgram(const struct slot *s)
{
	return s->kind == SOCK && s->type == SOCK_DGRAM;
}

static int can_send(const struct slot *s)
{
	return s->kind == SOCK && (s->peer >= 0 || s->client) && s->open;
}

static int is_stream_send(const struct slot *s)
{
	return can_send(s) && s->type == SOCK_STREAM;
}

static int has_data(const struct slot *s)
{
	return s->kind == SOCK && s->queued > 0;
}

static int has_stream_data(const struct slot *s)
{
	return has_data(s) && s->type == SOCK_STREAM;
}

static int is_connected(const struct slot *s)
{
	return s->kind == SOCK && s->peer >= 0;
}

static int is_named(const struct slot *s)
{
	return s->kind == SOCK && s->bound;
}

static int is_epoll(const struct slot *s)
{
	return s->kind == EPOLL;
}

static int is_pipe_in(const struct slot *s)
{
	return s->kind == PIPE_IN;
}

static int is_pipe_out(const struct slot *s)
{
	return s->kind == PIPE_OUT;
}

static int is_plain(const struct slot *s)
{
	return s->kind == PLAIN;
}

static void put_sock(struct gen *g, int i, int type)
{
	struct slot *s = &g->slot[i];

	memset(s, 0, sizeof(*s));
	s->kind = SOCK;
	s->type = type == SOCK_RAW ? SOCK_DGRAM : type;
	s->peer = -1;
	s->open = 1;
}

static int pick_type(struct gen *g)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

	if (percent(g, 2))
		return below(g, 12);
	if (g->types && percent(g, 80))
		return types[g->types - 1];
	return types[below(g, 3)];
}

static int sock_flags(struct gen *g)
{
	return (percent(g, g->blocking ? 40 : 95)) | percent(g, 20) << 1;
}

static int out_len(struct gen *g, int type)
{
	int len;

	switch (below(g, 40)) {
	case 0:
		return 0;
	case 1:
		return percent(g, 50) ? LEN_BAD : LEN_HALF;
	case 2:
		return type != SOCK_STREAM && percent(g, 30) ? LEN_HUGE : 1;
	case 3 ... 5:
		len = 1 + below(g, 9000);
		break;
	default:
		len = 1 + below(g, percent(g, 50) ? 8 : 300);
	}
	if (len > g->budget)
		len = 1 + (len & 3);
	g->budget -= len;
	return len;
}

static int in_len(struct gen *g)
{
	switch (below(g, 30)) {
	case 0:
		return 0;
	case 1:
		return percent(g, 50) ? LEN_BAD : LEN_HALF;
	case 2 ... 12:
		return 1 + below(g, 20);
	case 13 ... 18:
		return 1 + below(g, 500);
	default:
		return 70000;
	}
}

static int wait_flag(struct gen *g)
{
	return percent(g, g->blocking ? 50 : 85) ? MSG_DONTWAIT : 0;
}

static int send_flags(struct gen *g, int type)
{
	static const int odd[] = { MSG_MORE, MSG_EOR, MSG_CONFIRM, MSG_PEEK,
		MSG_DONTROUTE, MSG_ERRQUEUE, MSG_ZEROCOPY, MSG_TRUNC,
		MSG_WAITALL, MSG_FASTOPEN, 1 << 9, 1 << 16 };
	int f = wait_flag(g);

	if (percent(g, 50))
		f |= MSG_NOSIGNAL;
	if (percent(g, 6))
		f |= odd[below(g, 12)];
	if (percent(g, type == SOCK_STREAM ? g->oob : g->oob ? 2 : 0))
		f |= MSG_OOB;
	return f;
}

static int recv_flags(struct gen *g, int type)
{
	static const int odd[] = { MSG_EOR, MSG_MORE, MSG_CONFIRM, MSG_ERRQUEUE,
		MSG_NOSIGNAL, 1 << 9, MSG_DONTROUTE, MSG_ZEROCOPY };
	int f = wait_flag(g);

	if (percent(g, 20))
		f |= MSG_PEEK;
	if (percent(g, 12))
		f |= MSG_TRUNC;
	if (percent(g, g->blocking ? 12 : 4))
		f |= MSG_WAITALL;
	if (percent(g, 5))
		f |= MSG_CMSG_CLOEXEC;
	if (percent(g, 4))
		f |= odd[below(g, 8)];
	if (percent(g, type == SOCK_STREAM ? g->oob / 2 : g->oob ? 2 : 0))
		f |= MSG_OOB;
	/* An older AF_UNIX that waits there spins in the kernel, for ever. */
	if (f & MSG_PEEK && g->oob && running_kernel < KERNEL(7, 3))
		f |= MSG_DONTWAIT;
	return f;
}

static int any(struct gen *g, int i)
{
	return i < 0 ? below(g, NSLOTS) : i;
}

static void name_of(struct gen *g, int i, int *kind, int *number)
{
	/* A path or name if it is known, else what getsockname() says. */
	if (i >= 0 && g->slot[i].ak >= 0 && percent(g, 60)) {
		*kind = g->slot[i].ak;
		*number = g->slot[i].ai;
	} else if (i >= 0) {
		*kind = ADDR_NAMEOF;
		*number = i;
	} else {
		*kind = percent(g, 50);
		*number = below(g, NFILES);
	}
	if (percent(g, 6)) {
		*kind = below(g, NADDRS);
		*number = below(g, NSLOTS);
	}
}

static void sent(struct gen *g, int s, int n)
{
	int peer = g->slot[s].peer;

	if (peer >= 0)
		g->slot[peer].queued += n;
}

static void taken(struct gen *g, int s, int len, int flags, int n)
{
	struct slot *slot = &g->slot[s];

	if (flags & MSG_PEEK)
		return;
	if (slot->type == SOCK_STREAM && (len < 0 || len > 1000))
		slot->queued = 0;
	else
		slot->queued -= n;
	if (slot->queued < 0)
		slot->queued = 0;
}

static int reader(struct gen *g)
{
	int s = -1;

	if (!percent(g, g->blocking ? 25 : 6))
		s = pick(g, has_data);
	return any(g, s < 0 ? pick(g, is_sock) : s);
}

static int control(struct gen *g)
{
	static const unsigned char common[] = {
		CMSG_FD, CMSG_FD, CMSG_FDS, CMSG_CRED, CMSG_CRED_UID,
		CMSG_FD_CRED, CMSG_SELF, CMSG_FD_TWICE,
	};

	if (percent(g, 60))
		return CMSG_NONE;
	if (percent(g, 12))
		return below(g, NCMSGS);
	return common[below(g, 8)];
}

static int control_room(struct gen *g)
{
	return percent(g, 75) ? 0 : below(g, 18);
}

static struct op *new_op(struct gen *g, int code)
{
	struct op *op = &g->p->op[g->p->n++];

	memset(op, 0, sizeof(*op));
	op->code = code;
	return op;
}

static int gen_socket(struct gen *g, int code, int type)
{
	int i = any(g, pick(g, is_free)), j = 0;
	struct op *op = new_op(g, code);
	int *a = op->a;

	put_sock(g, i, type);
	*a++ = i;
	if (code == OP_PAIR) {
		j = any(g, pick(g, is_free));
		put_sock(g, j, type);
		*a++ = j;
		if (i != j) {
			g->slot[i].peer = j;
			g->slot[j].peer = i;
		}
		g->slot[i].ak = -1;
		g->slot[j].ak = -1;
	}
	a[0] = type;
	a[1] = sock_flags(g);
	a[2] = percent(g, 2) ? below(g, 3) : 0;
	return i;
}

static void gen_bind(struct gen *g, int s)
{
	struct op *op = new_op(g, OP_BIND);

	op->a[0] = s;
	op->a[1] = percent(g, 8) ? below(g, NADDRS) : percent(g, 20) ?
		   ADDR_EMPTY : percent(g, 50);
	op->a[2] = below(g, NFILES);
	g->slot[s].bound = 1;
	g->slot[s].ak = op->a[1] <= ADDR_ABSTRACT ? op->a[1] : -1;
	g->slot[s].ai = op->a[2];
}

static void gen_connect(struct gen *g, int s, int target)
{
	struct op *op = new_op(g, OP_CONNECT);

	op->a[0] = s;
	name_of(g, target, &op->a[1], &op->a[2]);
	if (target < 0)
		return;
	if (g->slot[target].listening) {
		g->slot[target].pending++;
		g->slot[s].client = 1 + target;
	} else {
		g->slot[s].peer = target;
	}
}

static void gen_listen(struct gen *g, int s)
{
	struct op *op = new_op(g, OP_LISTEN);

	op->a[0] = s;
	op->a[1] = percent(g, 10) ? below(g, 3) - 1 : 1 + below(g, 8);
	g->slot[s].listening = 1;
}

static void gen_accept(struct gen *g, int s)
{
	struct op *op = new_op(g, OP_ACCEPT);
	int d = any(g, pick(g, is_free)), i;

	op->a[0] = s;
	op->a[1] = d;
	op->a[2] = sock_flags(g) | (percent(g, 2) << 2);
	op->a[3] = percent(g, 60) ? 0 : below(g, 5);
	if (!g->slot[s].pending)
		return;
	put_sock(g, d, g->slot[s].type);
	g->slot[d].bound = 1;
	g->slot[d].ak = g->slot[s].ak;
	g->slot[d].ai = g->slot[s].ai;
	g->slot[s].pending--;
	for (i = 0; i < NSLOTS; i++) {
		if (g->slot[i].kind != SOCK || g->slot[i].client != 1 + s)
			continue;
		g->slot[i].client = 0;
		g->slot[i].peer = d;
		g->slot[d].peer = i;
		g->slot[d].queued = 1;
		break;
	}
}

static void gen_send(struct gen *g, int code)
{
	int s, type, t, kind, x;
	struct op *op;
	int *a;

	s = pick(g, can_send);
	if (code == OP_SENDTO && percent(g, 80)) {
		t = pick(g, is_dgram);
		s = t < 0 ? s : t;
	}
	s = any(g, s);
	type = g->slot[s].type;
	op = new_op(g, code);
	a = op->a;
	a[0] = s;
	a[1] = out_len(g, type);
	a[2] = send_flags(g, type);
	x = below(g, NSLOTS);
	kind = control(g);
	if (kind == CMSG_FD || kind == CMSG_FDS || kind == CMSG_FD_CRED ||
	    kind == CMSG_FD_TWICE)
		x = any(g, pick(g, is_used));
	switch (code) {
	case OP_SENDTO:
		t = pick(g, is_dgram_target);
		name_of(g, t, &a[3], &a[4]);
		/* Others take no address but NULL; seqpacket ignores it. */
		if (type == SOCK_STREAM && percent(g, 80))
			a[3] = ADDR_NULL;
		if (t >= 0)
			g->slot[t].queued++;
		return;
	case OP_SENDMSG:
		a[3] = ADDR_NULL;
		if (type == SOCK_DGRAM && percent(g, 25)) {
			t = pick(g, is_dgram_target);
			name_of(g, t, &a[3], &a[4]);
		}
		a[5] = percent(g, 80) ? 1 : below(g, 5);
		a[6] = kind;
		a[7] = x;
		break;
	case OP_SENDMMSG:
		a[3] = below(g, 3);
		a[4] = percent(g, 40) ? kind : CMSG_NONE;
		a[5] = x;
		sent(g, s, a[3]);
		g->budget -= a[1] > 0 ? a[1] * a[3] : 0;
		break;
	case OP_WRITEV:
		a[2] = percent(g, 90) ? 1 + below(g, 4) : 0;
		break;
	case OP_WRITE:
		a[2] = 0;
	}
	sent(g, s, 1);
}

static void gen_recv(struct gen *g, int code)
{
	int s = reader(g);
	struct op *op = new_op(g, code);
	int *a = op->a;

	a[0] = s;
	a[1] = in_len(g);
	if (code == OP_READ || code == OP_READV) {
		a[2] = code == OP_READV ? below(g, 5) : 0;
		taken(g, s, a[1], 0, 1);
		return;
	}
	a[2] = recv_flags(g, g->slot[s].type);
	taken(g, s, a[1], a[2], 1);
	switch (code) {
	case OP_RECVFROM:
		a[3] = percent(g, 70) ? 0 : below(g, 5);
		break;
	case OP_RECVMSG:
		a[3] = percent(g, 85) ? 1 : below(g, 5);
		a[4] = control_room(g);
		a[5] = any(g, pick(g, is_free));
		break;
	case OP_RECVMMSG:
		a[3] = below(g, 4);
		a[4] = control_room(g);
		a[5] = any(g, pick(g, is_free));
		if (percent(g, 20))
			a[2] |= 0x10000;	/* MSG_WAITFORONE */
		taken(g, s, a[1], a[2], a[3]);
	}
}

static void gen_setopt(struct gen *g)
{
	/* Those that change what sockets do */
	static const char * const useful[] = {
		"SO_PASSCRED", "SO_PEEK_OFF", "SO_OOBINLINE", "SO_PASSCRED",
		"SO_RCVLOWAT", "SO_PASSPIDFD", "SO_INQ", "SO_PASSRIGHTS",
		"SO_PASSSEC", "SO_TIMESTAMP", "SO_SNDTIMEO", "SO_RCVTIMEO",
	};
	struct op *op = new_op(g, OP_SETOPT);
	int o = below(g, opt_count()), i;

	if (percent(g, 75)) {
		const char *name = useful[below(g, 12)];

		for (i = 0; i < opt_count(); i++)
			if (!strcmp(opt_text(i), name))
				o = i;
	}
	if (opt_since(o) > running_kernel)
		o = 9;
	/* Not everybody looks at urgent data in this program. */
	if (!g->oob && !strcmp(opt_text(o), "SO_OOBINLINE"))
		o = 9;
	op->a[0] = any(g, pick(g, is_sock));
	op->a[1] = o;
	op->a[2] = percent(g, 75) ? below(g, 3) : below(g, 40) - 5;
	op->a[3] = percent(g, 94) ? 0 : below(g, 6);
}

static void gen_getopt(struct gen *g)
{
	struct op *op = new_op(g, OP_GETOPT);
	int o = below(g, opt_count());

	if (opt_since(o) > running_kernel)
		o = 3;
	op->a[0] = any(g, pick(g, is_sock));
	op->a[1] = o;
	op->a[2] = percent(g, 90) ? 0 : below(g, 6);
}

static void gen_poll(struct gen *g)
{
	static const short masks[] = {
		POLLIN | POLLOUT | POLLRDHUP | POLLPRI, POLLIN, POLLOUT,
		POLLIN | POLLRDHUP, 0, POLLPRI,
		POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLRDBAND |
		POLLWRBAND | POLLRDHUP | POLLPRI,
	};
	struct op *op = new_op(g, OP_POLL);
	int i;

	for (i = 0; i < 3; i++)
		op->a[i] = any(g, pick(g, is_sock));
	op->a[3] = masks[percent(g, 50) ? 6 : below(g, 7)];
	op->a[4] = percent(g, g->blocking ? 15 : 1);
}

static void gen_epctl(struct gen *g)
{
	static const uint32_t masks[] = {
		EPOLLIN, EPOLLIN | EPOLLRDHUP, EPOLLOUT, EPOLLIN | EPOLLOUT,
		EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI, EPOLLPRI,
	};
	struct op *op = new_op(g, OP_EPCTL);

	op->a[0] = any(g, pick(g, is_epoll));
	op->a[1] = percent(g, 65) ? 0 : below(g, 3);
	op->a[2] = any(g, pick(g, is_sock));
	op->a[3] = masks[below(g, 6)];
	/* Edges of output: see known.c */
	if (percent(g, 50))
		op->a[3] |= EPOLLET;
	if (percent(g, 10))
		op->a[3] |= EPOLLONESHOT;
}

static void gen_close(struct gen *g)
{
	int s = any(g, pick(g, is_used));
	int peer = g->slot[s].peer;

	new_op(g, OP_CLOSE)->a[0] = s;
	if (g->slot[s].kind == SOCK && peer >= 0 && g->slot[peer].peer == s) {
		g->slot[peer].open = 0;
		g->slot[peer].queued++;
	}
	g->slot[s].kind = FREE;
}

static void gen_other(struct gen *g, int code)
{
	struct op *op = new_op(g, code);
	int *a = op->a, i;

	switch (code) {
	case OP_SPLICE_IN:
	case OP_SPLICE_OUT:
		a[0] = any(g, code == OP_SPLICE_IN ? pick(g, is_stream_send) :
			   pick(g, has_stream_data));
		a[1] = any(g, code == OP_SPLICE_IN ? pick(g, is_pipe_in) :
			   pick(g, is_pipe_out));
		a[2] = 1 + below(g, percent(g, 70) ? 100 : 5000);
		a[3] = percent(g, 80) ? 2 : below(g, 16);
		g->budget -= a[2];
		break;
	case OP_SENDFILE:
		a[0] = any(g, pick(g, can_send));
		a[1] = any(g, pick(g, is_plain));
		a[2] = 1 + below(g, percent(g, 80) ? 200 : 8000);
		a[3] = below(g, 9000);
		g->budget -= a[2];
		break;
	case OP_NAME:
	case OP_PEER:
		a[0] = any(g, code == OP_PEER ? pick(g, is_connected) :
			   pick(g, is_named));
		a[1] = percent(g, 80) ? 0 : below(g, 5);
		break;
	case OP_SHUTDOWN:
		a[0] = any(g, pick(g, is_connected));
		a[1] = percent(g, 4) ? below(g, 6) - 1 : below(g, 3);
		if (a[1] > 0)
			g->slot[a[0]].open = 0;
		break;
	case OP_DUP:
		a[0] = any(g, pick(g, is_used));
		a[1] = any(g, pick(g, is_free));
		a[2] = below(g, 2);
		g->slot[a[1]] = g->slot[a[0]];
		break;
	case OP_SELECT:
		a[0] = any(g, pick(g, is_sock));
		a[1] = any(g, pick(g, is_sock));
		break;
	case OP_EPOLL:
		a[0] = any(g, pick(g, is_free));
		g->slot[a[0]].kind = EPOLL;
		break;
	case OP_EPWAIT:
		a[0] = any(g, pick(g, percent(g, 8) ? is_sock : is_epoll));
		a[2] = percent(g, g->blocking ? 15 : 1);
		break;
	case OP_PIPE:
		a[0] = any(g, pick(g, is_free));
		g->slot[a[0]].kind = PIPE_IN;
		a[1] = any(g, pick(g, is_free));
		g->slot[a[1]].kind = PIPE_OUT;
		a[2] = percent(g, 70) ? 1 + below(g, 9000) : 0;
		break;
	case OP_FILE:
		a[0] = any(g, pick(g, is_free));
		a[1] = percent(g, 50) ? 0 : below(g, 4);
		g->slot[a[0]].kind = PLAIN;
		break;
	case OP_FCNTL:
		a[0] = any(g, pick(g, is_sock));
		a[1] = below(g, 7);
		a[2] = !percent(g, g->blocking ? 50 : 5);
		break;
	case OP_IOCTL:
		a[0] = any(g, pick(g, is_sock));
		a[1] = percent(g, 60) ? below(g, 3) : below(g, 10);
		if (a[1] == 5 && !g->blocking)
			a[1] = 4;
		break;
	case OP_KILL:
		a[0] = below(g, 3);
		a[1] = below(g, 2);
		break;
	case OP_UNLINK:
		a[0] = below(g, NFILES);
		break;
	case OP_CHMOD:
		a[0] = below(g, NFILES);
		a[1] = below(g, 0777);
		break;
	case OP_RENAME:
		a[0] = below(g, NFILES);
		a[1] = below(g, NFILES);
		break;
	case OP_FSTAT:
	case OP_FDINFO:
	case OP_FILTER:
		a[0] = any(g, pick(g, is_sock));
		a[1] = below(g, 3);
		break;
	case OP_FLOW:
		i = any(g, pick(g, is_connected));
		a[0] = i;
		a[1] = g->slot[i].kind == SOCK && g->slot[i].peer >= 0 ?
		       g->slot[i].peer : below(g, NSLOTS);
		a[2] = 1 + below(g, percent(g, 50) ? 300 : 4000);
		a[3] = below(g, 8);
		break;
	}
}

/* A listener with a client, or sockets with names */
static void setup(struct gen *g)
{
	int type = pick_type(g), s, c;

	switch (below(g, 3)) {
	case 0:
		gen_socket(g, OP_PAIR, type);
		return;
	case 1:
		if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
			break;
		s = gen_socket(g, OP_SOCKET, type);
		gen_bind(g, s);
		gen_listen(g, s);
		c = gen_socket(g, OP_SOCKET, type);
		gen_connect(g, c, s);
		if (percent(g, 70))
			gen_accept(g, s);
		return;
	}
	s = gen_socket(g, OP_SOCKET, SOCK_DGRAM);
	gen_bind(g, s);
	c = gen_socket(g, OP_SOCKET, SOCK_DGRAM);
	if (percent(g, 50))
		gen_connect(g, c, s);
}

static void gen_op(struct gen *g, int code)
{
	int s, t, first = g->p->n;

	switch (code) {
	case OP_SOCKET:
	case OP_PAIR:
		gen_socket(g, code, pick_type(g));
		break;
	case OP_BIND:
		s = pick(g, is_unbound);
		gen_bind(g, any(g, s));
		break;
	case OP_CONNECT:
		s = pick(g, is_fresh);
		t = pick(g, is_target);
		if (percent(g, 20))
			s = pick(g, is_dgram);
		s = any(g, s);
		gen_connect(g, s, t);
		break;
	case OP_LISTEN:
		gen_listen(g, any(g, pick(g, percent(g, 3) ? is_sock :
					     can_listen)));
		break;
	case OP_ACCEPT:
		s = pick(g, is_pending);
		if (s < 0)
			s = pick(g, percent(g, 3) ? is_sock : is_listener);
		gen_accept(g, any(g, s));
		break;
	case OP_SEND:
	case OP_SENDTO:
	case OP_SENDMSG:
	case OP_SENDMMSG:
	case OP_WRITE:
	case OP_WRITEV:
		gen_send(g, code);
		break;
	case OP_RECV:
	case OP_RECVFROM:
	case OP_RECVMSG:
	case OP_RECVMMSG:
	case OP_READ:
	case OP_READV:
		gen_recv(g, code);
		break;
	case OP_SETOPT:
		gen_setopt(g);
		break;
	case OP_GETOPT:
		gen_getopt(g);
		break;
	case OP_POLL:
		gen_poll(g);
		break;
	case OP_EPCTL:
		gen_epctl(g);
		break;
	case OP_CLOSE:
		gen_close(g);
		break;
	default:
		gen_other(g, code);
	}
	if (code == OP_FORK)
		g->forked = 1;
	if (code == OP_EXIT)
		g->forked = 0;
	if (g->forked && percent(g, 30))
		g->p->op[first].actor = 3;
	else if (g->blocking && percent(g, 5))
		g->p->op[first].actor = 1 + below(g, 2);
}

/* What would fail for certain is not worth an operation, most of the time. */
static int sensible(struct gen *g, int code)
{
	static int (*const needs[NOPS])(const struct slot *) = {
		[OP_LISTEN] = can_listen, [OP_ACCEPT] = is_pending,
		[OP_SEND] = can_send, [OP_SENDMSG] = can_send,
		[OP_SENDMMSG] = can_send, [OP_WRITE] = can_send,
		[OP_WRITEV] = can_send, [OP_SENDTO] = is_dgram_target,
		[OP_RECV] = has_data, [OP_RECVFROM] = has_data,
		[OP_RECVMSG] = has_data, [OP_RECVMMSG] = has_data,
		[OP_READ] = has_data, [OP_READV] = has_data,
		[OP_CONNECT] = is_target, [OP_BIND] = is_unbound,
		[OP_EPWAIT] = is_epoll, [OP_EPCTL] = is_epoll,
		[OP_SPLICE_IN] = is_pipe_in, [OP_SPLICE_OUT] = is_pipe_out,
		[OP_SENDFILE] = is_plain, [OP_PEER] = is_connected,
		[OP_SHUTDOWN] = is_connected, [OP_FLOW] = is_connected,
		[OP_SELECT] = is_sock, [OP_FDINFO] = is_sock,
	};
	int i;

	if (code == OP_EXIT)
		return g->forked;
	if (!needs[code] || percent(g, g->blocking ? 10 : 3))
		return 1;
	for (i = 0; i < NSLOTS; i++)
		if (needs[code](g->slot + i))
			return 1;
	return 0;
}

void generate(struct rng *r, struct program *p)
{
	struct gen g = { .r = r, .p = p, .budget = 16384 };
	int i, n, total = 0, code;

	p->n = 0;
	for (i = 0; i < NSLOTS; i++)
		g.slot[i].peer = -1;
	g.blocking = percent(&g, 25);
	g.oob = percent(&g, 25) ? 20 : 0;
	g.types = below(&g, 4);
	/* Not everything in each program: what is there meets more often. */
	for (i = 0; i < NOPS; i++) {
		n = below(&g, 6);
		g.weight[i] = weights[i] * (n == 0 ? 0 : n == 5 ? 3 : 1);
		total += g.weight[i];
	}
	n = percent(&g, 25) ? 12 : 30 + below(&g, 28);
	for (i = 1 + below(&g, 3); i > 0; i--)
		setup(&g);
	if (!total)
		return;
	while (p->n < n) {
		i = below(&g, total);
		for (code = 0; i >= g.weight[code]; code++)
			i -= g.weight[code];
		if (!sensible(&g, code))
			continue;
		gen_op(&g, code);
	}
}
