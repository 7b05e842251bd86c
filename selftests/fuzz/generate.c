// SPDX-License-Identifier: GPL-2.0
/*
 * Programs from a seed.  A rough idea of what each slot holds makes most operations
 * ones that succeed; some are anything at all.
 */
#include <string.h>

#include "generate.h"

int running_kernel;

uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->s += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

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

int below(struct gen *g, int n)
{
	return rng_below(g->r, n);
}

int percent(struct gen *g, int n)
{
	return below(g, 100) < n;
}

int pick(struct gen *g, int (*fits)(const struct slot *))
{
	int i, n = 0, found = -1;

	if (percent(g, 5))
		return below(g, NSLOTS);
	for (i = 0; i < NSLOTS; i++)
		if (fits(&g->slot[i]) && !below(g, ++n))
			found = i;
	return found;
}

int any(struct gen *g, int i)
{
	return i < 0 ? below(g, NSLOTS) : i;
}

struct op *new_op(struct gen *g, int code)
{
	struct op *op = &g->p->op[g->p->n++];

	memset(op, 0, sizeof(*op));
	op->code = code;
	return op;
}

int is_free(const struct slot *s)
{
	return s->kind == FREE;
}

int is_sock(const struct slot *s)
{
	return s->kind == SOCK;
}

int is_used(const struct slot *s)
{
	return s->kind != FREE;
}

int is_fresh(const struct slot *s)
{
	return s->kind == SOCK && s->peer < 0 && !s->listening && !s->client &&
	       !s->bound;
}

int is_unbound(const struct slot *s)
{
	return s->kind == SOCK && !s->bound;
}

int can_listen(const struct slot *s)
{
	return s->kind == SOCK && s->bound && s->type != SOCK_DGRAM &&
	       s->peer < 0 && !s->client;
}

int is_listener(const struct slot *s)
{
	return s->kind == SOCK && s->listening;
}

int is_pending(const struct slot *s)
{
	return s->listening && s->pending > 0;
}

int is_target(const struct slot *s)
{
	return s->kind == SOCK && s->bound &&
	       (s->listening || s->type == SOCK_DGRAM);
}

int is_dgram_target(const struct slot *s)
{
	return s->kind == SOCK && s->bound && s->type == SOCK_DGRAM;
}

int is_dgram(const struct slot *s)
{
	return s->kind == SOCK && s->type == SOCK_DGRAM;
}

int can_send(const struct slot *s)
{
	return s->kind == SOCK && (s->peer >= 0 || s->client) && s->open;
}

int is_stream_send(const struct slot *s)
{
	return can_send(s) && s->type == SOCK_STREAM;
}

int has_data(const struct slot *s)
{
	return s->kind == SOCK && s->queued > 0;
}

int has_stream_data(const struct slot *s)
{
	return has_data(s) && s->type == SOCK_STREAM;
}

int is_connected(const struct slot *s)
{
	return s->kind == SOCK && s->peer >= 0;
}

int is_named(const struct slot *s)
{
	return s->kind == SOCK && s->bound;
}

int is_epoll(const struct slot *s)
{
	return s->kind == EPOLL;
}

int is_pipe_in(const struct slot *s)
{
	return s->kind == PIPE_IN;
}

int is_pipe_out(const struct slot *s)
{
	return s->kind == PIPE_OUT;
}

int is_plain(const struct slot *s)
{
	return s->kind == PLAIN;
}

static void (*const makers[NOPS])(struct gen *g, int code) = {
	[OP_SOCKET] = gen_socket, [OP_PAIR] = gen_socket, [OP_BIND] = gen_bind,
	[OP_CONNECT] = gen_connect, [OP_LISTEN] = gen_listen,
	[OP_ACCEPT] = gen_accept, [OP_SEND] = gen_send,
	[OP_SENDTO] = gen_send, [OP_SENDMSG] = gen_send,
	[OP_SENDMMSG] = gen_send, [OP_WRITE] = gen_send,
	[OP_WRITEV] = gen_send, [OP_RECV] = gen_recv, [OP_RECVFROM] = gen_recv,
	[OP_RECVMSG] = gen_recv, [OP_RECVMMSG] = gen_recv,
	[OP_READ] = gen_recv, [OP_READV] = gen_recv,
	[OP_SPLICE_IN] = gen_splice, [OP_SPLICE_OUT] = gen_splice,
	[OP_SENDFILE] = gen_sendfile, [OP_SETOPT] = gen_setopt,
	[OP_GETOPT] = gen_getopt, [OP_NAME] = gen_name, [OP_PEER] = gen_name,
	[OP_SHUTDOWN] = gen_shutdown, [OP_CLOSE] = gen_close,
	[OP_DUP] = gen_dup, [OP_POLL] = gen_poll, [OP_SELECT] = gen_select,
	[OP_EPOLL] = gen_epoll, [OP_EPCTL] = gen_epctl,
	[OP_EPWAIT] = gen_epwait, [OP_PIPE] = gen_pipe, [OP_FILE] = gen_file,
	[OP_FCNTL] = gen_fcntl, [OP_IOCTL] = gen_ioctl, [OP_FORK] = gen_plain,
	[OP_EXIT] = gen_plain, [OP_KILL] = gen_kill, [OP_UNLINK] = gen_path,
	[OP_CHMOD] = gen_path, [OP_RENAME] = gen_path, [OP_FSTAT] = gen_look,
	[OP_FDINFO] = gen_look, [OP_FILTER] = gen_look, [OP_FLOW] = gen_flow,
};

static void gen_op(struct gen *g, int code)
{
	struct op *op = &g->p->op[g->p->n];

	makers[code](g, code);
	if (code == OP_FORK)
		g->forked = 1;
	if (code == OP_EXIT)
		g->forked = 0;
	if (g->forked && percent(g, 30))
		op->actor = CHILD;
	else if (g->blocking && percent(g, 5))
		op->actor = THREAD_1 + below(g, 2);
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
		gen_start(&g);
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
