// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that are made, named, connected, and their options.
 */
#include <string.h>

#include "generate.h"

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

static int new_flags(struct gen *g)
{
	int flags = percent(g, g->blocking ? 40 : 95) ? FLAG_NONBLOCK : 0;

	return percent(g, 20) ? flags | FLAG_CLOEXEC : flags;
}

void name_of(struct gen *g, int i, int *kind, int *number)
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

static int make_socket(struct gen *g, int code, int type)
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
	a[1] = new_flags(g);
	a[2] = percent(g, 2) ? below(g, 3) : 0;
	return i;
}

void gen_socket(struct gen *g, int code)
{
	make_socket(g, code, pick_type(g));
}

static void make_name(struct gen *g, int s)
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

void gen_bind(struct gen *g, int code)
{
	make_name(g, any(g, pick(g, is_unbound)));
}

static void make_connection(struct gen *g, int s, int target)
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

void gen_connect(struct gen *g, int code)
{
	int s = pick(g, is_fresh), t = pick(g, is_target);

	if (percent(g, 20))
		s = pick(g, is_dgram);
	make_connection(g, any(g, s), t);
}

static void make_listener(struct gen *g, int s)
{
	struct op *op = new_op(g, OP_LISTEN);

	op->a[0] = s;
	op->a[1] = percent(g, 10) ? below(g, 3) - 1 : 1 + below(g, 8);
	g->slot[s].listening = 1;
}

void gen_listen(struct gen *g, int code)
{
	make_listener(g, any(g, pick(g, percent(g, 3) ? is_sock : can_listen)));
}

static void accept_one(struct gen *g, int s)
{
	struct op *op = new_op(g, OP_ACCEPT);
	int d = any(g, pick(g, is_free)), i;

	op->a[0] = s;
	op->a[1] = d;
	op->a[2] = new_flags(g) | (percent(g, 2) ? FLAG_WRONG : 0);
	op->a[3] = percent(g, 60) ? ROOM_ALL : below(g, NROOMS);
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

void gen_accept(struct gen *g, int code)
{
	int s = pick(g, is_pending);

	if (s < 0)
		s = pick(g, percent(g, 3) ? is_sock : is_listener);
	accept_one(g, any(g, s));
}

void gen_name(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = any(g, pick(g, code == OP_PEER ? is_connected : is_named));
	a[1] = percent(g, 80) ? ROOM_ALL : below(g, NROOMS);
}

void gen_shutdown(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = any(g, pick(g, is_connected));
	a[1] = percent(g, 4) ? below(g, 6) - 1 : below(g, 3);
	if (a[1] > 0)
		g->slot[a[0]].open = 0;
}

void gen_setopt(struct gen *g, int code)
{
	/* Those that change what sockets do */
	static const char * const useful[] = {
		"SO_PASSCRED", "SO_PEEK_OFF", "SO_OOBINLINE", "SO_PASSCRED",
		"SO_RCVLOWAT", "SO_PASSPIDFD", "SO_INQ", "SO_PASSRIGHTS",
		"SO_PASSSEC", "SO_TIMESTAMP", "SO_SNDTIMEO", "SO_RCVTIMEO",
	};
	struct op *op = new_op(g, OP_SETOPT);
	int o = below(g, opt_count());

	if (percent(g, 75))
		o = opt_find(useful[below(g, 12)]);
	if (opt_get(o)->since > running_kernel)
		o = opt_find("SO_PASSCRED");
	/* Not everybody looks at urgent data in this program. */
	if (!g->oob && o == opt_find("SO_OOBINLINE"))
		o = opt_find("SO_PASSCRED");
	op->a[0] = any(g, pick(g, is_sock));
	op->a[1] = o;
	op->a[2] = percent(g, 75) ? below(g, 3) : below(g, 40) - 5;
	op->a[3] = percent(g, 94) ? OPT_OWN : below(g, NOPTHOWS);
}

void gen_getopt(struct gen *g, int code)
{
	struct op *op = new_op(g, OP_GETOPT);
	int o = below(g, opt_count());

	if (opt_get(o)->since > running_kernel)
		o = opt_find("SO_ERROR");
	op->a[0] = any(g, pick(g, is_sock));
	op->a[1] = o;
	op->a[2] = percent(g, 90) ? OPT_OWN : below(g, NOPTHOWS);
}

void gen_start(struct gen *g)
{
	int type = pick_type(g), s, c;

	switch (below(g, 3)) {
	case 0:
		make_socket(g, OP_PAIR, type);
		return;
	case 1:
		if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
			break;
		s = make_socket(g, OP_SOCKET, type);
		make_name(g, s);
		make_listener(g, s);
		c = make_socket(g, OP_SOCKET, type);
		make_connection(g, c, s);
		if (percent(g, 70))
			accept_one(g, s);
		return;
	}
	s = make_socket(g, OP_SOCKET, SOCK_DGRAM);
	make_name(g, s);
	c = make_socket(g, OP_SOCKET, SOCK_DGRAM);
	if (percent(g, 50))
		make_connection(g, c, s);
}
