// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a program that shows a difference as small as it goes.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "fuzz.h"

#define RUNS	3
/*
 * In milliseconds: sockets that nobody reaches are freed when it suits the kernel,
 * vunix's within a second (docs/differences.md).
 */
#define PATIENCE	1500

static struct trace traces[2][2];
/* Most candidates of the shrinker show nothing: they are not worth the time. */
static int hasty;
static time_t until;

/*
 * A difference counts if it is there each time, while the first family, which the
 * other one is held to, does the same each time: what the second one does may be
 * chance, as what it reads from behind a page.  The last time everything has time
 * to settle, and where there is a difference, as long as anything may take.
 */
static int differs_for_long(const struct program *p, const struct pair *fam,
			    struct difference *d)
{
	uint64_t where = 0;
	int i;

	/* Some other operation may be the first then. */
	while (!(where & 1ull << d->op)) {
		where |= 1ull << d->op;
		for (i = 0; i < 2; i++)
			execute_slowly(p, fam->family[i], &traces[1][i], 2,
				       where, PATIENCE);
		if (!compare(p, &traces[1][0], &traces[1][1], d))
			return 0;
	}
	return 1;
}

int differs(const struct program *p, const struct pair *fam,
	    struct difference *d)
{
	int run, i;

	for (run = 0; run < (hasty ? 2 : RUNS); run++) {
		for (i = 0; i < 2; i++) {
			if (run == RUNS - 1 && !hasty)
				execute_slowly(p, fam->family[i], &traces[1][i],
					       2, 0, 0);
			else
				execute(p, fam->family[i], &traces[run > 0][i],
					NULL);
			if (!run || i)
				continue;
			if (traces[0][i].n != traces[1][i].n ||
			    memcmp(traces[0][i].b, traces[1][i].b,
				   traces[0][i].n))
				return 0;
		}
		if (!compare(p, &traces[run > 0][0], &traces[run > 0][1], d))
			return 0;
	}
	return hasty || d->known >= 0 || differs_for_long(p, fam, d);
}

static int still(const struct program *p, const struct pair *fam, int known,
		 struct difference *d)
{
	struct difference e;

	if (time(NULL) > until || !differs(p, fam, &e) || e.known != known)
		return 0;
	*d = e;
	return 1;
}

static int drop(struct program *p, const struct pair *fam, int first, int n,
		struct difference *d)
{
	struct program try = *p;

	memmove(&try.op[first], &try.op[first + n],
		(try.n - first - n) * sizeof(try.op[0]));
	try.n -= n;
	if (!try.n || !still(&try, fam, d->known, d))
		return 0;
	*p = try;
	return 1;
}

/* A simpler argument, or none at all */
static int simplify(struct program *p, const struct pair *fam, int op, int arg,
		    struct difference *d)
{
	char kind = op_info[p->op[op].code].args[arg];
	struct program try = *p;
	int v = p->op[op].a[arg], bit, done = 0;

	switch (kind) {
	case 's':
	case 'd':
		return 0;
	case 'f':
	case 'e':
		for (bit = 0; bit < 32; bit++) {
			if (!(v & 1u << bit))
				continue;
			try.op[op].a[arg] = v & ~(1u << bit);
			if (still(&try, fam, d->known, d)) {
				v = try.op[op].a[arg];
				done = 1;
			}
		}
		p->op[op].a[arg] = v;
		return done;
	case 'l':
		if (v <= 1)
			return 0;
		for (bit = 1; bit < v; bit *= 4) {
			try.op[op].a[arg] = bit;
			if (still(&try, fam, d->known, d)) {
				*p = try;
				return 1;
			}
		}
		return 0;
	case 't':
		return 0;
	default:
		if (!v)
			return 0;
		try.op[op].a[arg] = kind == 'v' && v != 1;
		if (!still(&try, fam, d->known, d))
			return 0;
		*p = try;
		return 1;
	}
}

void shrink(struct program *p, const struct pair *fam, struct difference *d)
{
	struct program whole = *p;
	struct difference last;
	int again, n, i;
	unsigned int j;

	hasty = 1;
	until = time(NULL) + 20;

	/* What comes later does not matter. */
	for (n = d->op + 1; n < p->n; n++) {
		p->n = n;
		if (still(p, fam, d->known, d))
			break;
		*p = whole;
	}
	do {
		again = 0;
		for (n = p->n / 2; n > 0; n /= 2)
			for (i = p->n - n; i >= 0; i--)
				if (i + n <= p->n && drop(p, fam, i, n, d))
					again = 1;
		for (i = 0; i < p->n; i++) {
			struct program try = *p;

			if (try.op[i].actor) {
				try.op[i].actor = 0;
				if (still(&try, fam, d->known, d)) {
					*p = try;
					again = 1;
				}
			}
			for (j = 0; j < strlen(op_info[p->op[i].code].args); j++)
				again |= simplify(p, fam, i, j, d);
		}
	} while (again);
	hasty = 0;
	/*
	 * The one that is reported is of this very program.  On the way, it may
	 * have become one that does not last.
	 */
	if (!differs(p, fam, &last) || last.known >= 0) {
		*p = whole;
		differs(p, fam, d);
	} else {
		*d = last;
	}
}
