// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the first difference between two traces of a program.
 */
#include <string.h>

#include "fuzz.h"

static long long number(const struct entry *e)
{
	long long v = 0;
	int i;

	if (e->len == sizeof(v))
		memcpy(&v, e->p, sizeof(v));
	/* What SCM_INQ carries */
	if (e->len != sizeof(i) || e->tag != T_CDATA)
		return v;
	memcpy(&i, e->p, sizeof(i));
	return i;
}

/* What the operation at hand has returned in one trace, from pos on */
static void look_ahead(const struct trace *t, unsigned int pos, long *ret,
		       int *err)
{
	struct entry e;

	while (rec_next(t, &pos, &e)) {
		if (e.tag == T_OP || e.tag == T_END)
			return;
		if (e.tag == T_RET)
			*ret = number(&e);
		else if (e.tag == T_ERRNO)
			*err = number(&e);
	}
}

int compare(const struct program *p, const struct trace *a,
	    const struct trace *b, struct difference *d)
{
	struct outcome o = { .op = 0, .trace = { a, b } };
	const struct trace *t[2] = { a, b };
	unsigned int pos[2] = { 0, 0 }, start = 0, here;
	struct entry e[2];
	int more[2], i;
	FILE *f;

	for (;;) {
		here = pos[0];
		for (i = 0; i < 2; i++)
			more[i] = rec_next(t[i], &pos[i], &e[i]);
		if (!more[0] && !more[1])
			return 0;
		if (more[0] && more[1] && e[0].tag == e[1].tag &&
		    e[0].len == e[1].len && !memcmp(e[0].p, e[1].p, e[0].len)) {
			if (e[0].tag == T_OP)
				o.op = number(&e[0]);
			else if (e[0].tag == T_END)
				o.op = number(&e[0]) & 0xffff;
			if (e[0].tag == T_OP || e[0].tag == T_END)
				start = pos[0];
			continue;
		}
		break;
	}
	/* Blocked or busy in one, done in the other: then it is no tag of both. */
	o.tag = more[0] ? e[0].tag : more[1] ? e[1].tag : T_OP;
	o.pos = here;
	for (i = 0; i < 2; i++) {
		look_ahead(t[i], start, &o.ret[i], &o.err[i]);
		o.value[i] = more[i] ? number(&e[i]) : -1;
		o.tags[i] = more[i] ? e[i].tag : NTAGS;
	}
	memset(d, 0, sizeof(*d));
	d->op = o.op;
	d->tag = o.tag;
	d->known = known_find(p, &o);
	f = fmemopen(d->text, sizeof(d->text) - 1, "w");
	if (!f)
		return 1;
	fprintf(f, "operation %d (%s): ", o.op, op_info[p->op[o.op].code].name);
	for (i = 0; i < 2; i++) {
		if (more[i])
			rec_show(f, &e[i]);
		else
			fprintf(f, "nothing");
		fprintf(f, i ? "" : " | ");
	}
	fclose(f);
	return 1;
}
