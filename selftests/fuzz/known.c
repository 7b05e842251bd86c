// SPDX-License-Identifier: GPL-2.0
/*
 * The intended differences that programs of the generator can meet: see
 * docs/differences.md.  A program is not compared beyond one, because what follows
 * may well differ.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "fuzz.h"

static int stream_read(const struct op *op)
{
	return op->code >= OP_RECV && op->code <= OP_READV;
}

/* What of an operation says where its memory is */
static int is_half(const struct op *op)
{
	return op->a[1] == LEN_HALF;
}

static int is_half_read(const struct program *p, const struct outcome *o)
{
	const struct op *op = &p->op[o->op];

	return stream_read(op) && is_half(op) && o->ret[0] > 0 &&
	       o->ret[1] == -1 && o->err[1] == EFAULT;
}

static const struct {
	const char	*text;
	int		before;		/* kernel that has no such difference */
	int		(*is)(const struct program *p, const struct outcome *o);
} known[] = {
	{ "a stream read that faults behind whole earlier sends", 0, is_half_read },
};

int known_count(void)
{
	return sizeof(known) / sizeof(known[0]);
}

const char *known_text(int i)
{
	return known[i].text;
}

int known_find(const struct program *p, const struct outcome *o)
{
	int i;

	for (i = 0; i < known_count(); i++) {
		if (known[i].before && running_kernel >= known[i].before)
			continue;
		if (known[i].is(p, o))
			return i;
	}
	return -1;
}
