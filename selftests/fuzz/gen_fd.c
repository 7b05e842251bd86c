// SPDX-License-Identifier: GPL-2.0
/*
 * What is done to descriptors, waiting for them, and to files and actors.
 */
#include <poll.h>
#include <sys/epoll.h>

#include "generate.h"

void gen_poll(struct gen *g, int code)
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

void gen_select(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = any(g, pick(g, is_sock));
	a[1] = any(g, pick(g, is_sock));
}

void gen_epoll(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = any(g, pick(g, is_free));
	g->slot[a[0]].kind = EPOLL;
}

void gen_epctl(struct gen *g, int code)
{
	static const uint32_t masks[] = {
		EPOLLIN, EPOLLIN | EPOLLRDHUP, EPOLLOUT, EPOLLIN | EPOLLOUT,
		EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI, EPOLLPRI,
	};
	struct op *op = new_op(g, OP_EPCTL);

	op->a[0] = any(g, pick(g, is_epoll));
	op->a[1] = percent(g, 65) ? EPCTL_ADD : below(g, NEPCTLS);
	op->a[2] = any(g, pick(g, is_sock));
	op->a[3] = masks[below(g, 6)];
	/* Edges of output: see known.c */
	if (percent(g, 50))
		op->a[3] |= EPOLLET;
	if (percent(g, 10))
		op->a[3] |= EPOLLONESHOT;
}

void gen_epwait(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = any(g, pick(g, percent(g, 8) ? is_sock : is_epoll));
	a[2] = percent(g, g->blocking ? 15 : 1);
}

void gen_pipe(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = any(g, pick(g, is_free));
	g->slot[a[0]].kind = PIPE_IN;
	a[1] = any(g, pick(g, is_free));
	g->slot[a[1]].kind = PIPE_OUT;
	a[2] = percent(g, 70) ? 1 + below(g, 9000) : 0;
}

void gen_file(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = any(g, pick(g, is_free));
	a[1] = percent(g, 50) ? OPEN_FILE : below(g, NOPENS);
	g->slot[a[0]].kind = PLAIN;
}

void gen_fcntl(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = any(g, pick(g, is_sock));
	a[1] = below(g, NFCNTLS);
	a[2] = !percent(g, g->blocking ? 50 : 5);
}

void gen_ioctl(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = any(g, pick(g, is_sock));
	/* Those that tell something are the first ones. */
	a[1] = percent(g, 60) ? below(g, IOCTL_ATMARK + 1) :
	       below(g, NIOCTLS);
	if (a[1] == IOCTL_BLOCK && !g->blocking)
		a[1] = IOCTL_NONBLOCK;
}

void gen_close(struct gen *g, int code)
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

void gen_dup(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = any(g, pick(g, is_used));
	a[1] = any(g, pick(g, is_free));
	a[2] = below(g, 2);
	g->slot[a[1]] = g->slot[a[0]];
}

void gen_look(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = any(g, pick(g, is_sock));
	a[1] = below(g, NFILTERS);
}

void gen_plain(struct gen *g, int code)
{
	new_op(g, code);
}

void gen_kill(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = below(g, NACTORS - 1);
	a[1] = below(g, 2);
}

void gen_path(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = below(g, NFILES);
	if (code == OP_CHMOD)
		a[1] = below(g, 0777);
	else if (code == OP_RENAME)
		a[1] = below(g, NFILES);
}
