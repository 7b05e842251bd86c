// SPDX-License-Identifier: GPL-2.0
/*
 * What of the module a program reaches, by KCOV: a module that is built with
 * KCOV_INSTRUMENT=y, on a kernel that has /sys/kernel/debug/kcov.  Programs that
 * reach something new are kept, and others are made from them.
 *
 * A place is a step from one instruction address to the next.  Steps of all tasks
 * are in one table, shared with the child.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define KCOV_INIT_TRACE	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)
#define KCOV_TRACE_PC	0

#define WORDS		(16 << 10)
#define STEPS		(1u << 20)
#define POOL		4096

static struct cover_table {
	unsigned long	found;		/* steps, ever */
	unsigned char	seen[STEPS];
} *table;
static unsigned long base;		/* where the module is in this boot */
static __thread unsigned long *area;
static __thread unsigned long last;

static struct program *pool;
static int pooled;

static unsigned long module_base(void)
{
	unsigned long at = 0;
	FILE *f = fopen("/sys/module/vunix/sections/.text", "r");

	if (f) {
		if (fscanf(f, "%lx", &at) != 1)
			at = 0;
		fclose(f);
	}
	return at;
}

void cover_task(void)
{
	int fd, high;

	area = NULL;
	if (!table)
		return;
	fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	/* Programs count descriptors from 3. */
	high = fcntl(fd, F_DUPFD_CLOEXEC, FD_PRIVATE);
	close(fd);
	if (high < 0 || ioctl(high, KCOV_INIT_TRACE, WORDS))
		return;
	area = mmap(NULL, WORDS * sizeof(*area), PROT_READ | PROT_WRITE,
		    MAP_SHARED, high, 0);
	if (area == MAP_FAILED || ioctl(high, KCOV_ENABLE, KCOV_TRACE_PC))
		area = NULL;
	if (area)
		__atomic_store_n(&area[0], 0, __ATOMIC_RELAXED);
}

int cover_init(void)
{
	if (access("/sys/kernel/debug/kcov", R_OK | W_OK))
		return 0;
	base = module_base();
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pool = calloc(POOL, sizeof(*pool));
	if (table == MAP_FAILED || !pool) {
		perror("fuzz: coverage");
		exit(2);
	}
	cover_task();
	if (!area)
		table = NULL;
	return !!table;
}

/* An operation of this task is done: its steps go into the table. */
void cover_take(void)
{
	unsigned long i, n, pc, step;

	if (!area)
		return;
	n = __atomic_load_n(&area[0], __ATOMIC_RELAXED);
	for (i = 1; i <= n && i < WORDS; i++) {
		pc = area[i] - base;
		step = (pc ^ (last << 7)) * 0x9e3779b97f4a7c15 >> 44;
		last = pc;
		if (table->seen[step])
			continue;
		table->seen[step] = 1;
		table->found++;
	}
	__atomic_store_n(&area[0], 0, __ATOMIC_RELAXED);
	last = 0;
}

unsigned long cover_found(void)
{
	return table ? table->found : 0;
}

int cover_pooled(void)
{
	return pooled;
}

void cover_keep(struct rng *r, const struct program *p)
{
	pool[pooled < POOL ? pooled++ : rng_below(r, POOL)] = *p;
}

/* --- programs from others --------------------------------------------------- */

static void cut(struct program *p, int at, int n)
{
	memmove(&p->op[at], &p->op[at + n],
		(p->n - at - n) * sizeof(p->op[0]));
	p->n -= n;
}

static void paste(struct program *p, int at, const struct op *op, int n)
{
	if (n > MAX_OPS - p->n)
		n = MAX_OPS - p->n;
	memmove(&p->op[at + n], &p->op[at], (p->n - at) * sizeof(p->op[0]));
	memcpy(&p->op[at], op, n * sizeof(*op));
	p->n += n;
}

/* An argument becomes that of the same operation in another program, or moves */
static void turn(struct rng *r, struct program *p, const struct program *other)
{
	struct op *op = &p->op[rng_below(r, p->n)];
	const char *args = op_info[op->code].args;
	int i, arg, first;

	if (!args[0])
		return;
	arg = rng_below(r, strlen(args));
	if (strchr("sd", args[arg])) {
		op->a[arg] = rng_below(r, NSLOTS);
		return;
	}
	first = rng_below(r, other->n);
	for (i = 0; i < other->n; i++) {
		const struct op *o = &other->op[(first + i) % other->n];

		if (o->code != op->code)
			continue;
		op->a[arg] = o->a[arg];
		return;
	}
}

/* Sockets must not fill: see generate.c */
static int too_much(const struct program *p)
{
	const struct op *op;
	int i, sum = 0, times;
	const char *l;

	for (i = 0; i < p->n; i++) {
		op = &p->op[i];
		l = strchr(op_info[op->code].args, 'l');
		if (!l || (op->code >= OP_RECV && op->code <= OP_READV) ||
		    op->code == OP_SPLICE_OUT || op->code == OP_FLOW)
			continue;
		times = op->code == OP_SENDMMSG ? 1 + op->a[3] % 4 : 1;
		if (op->a[l - op_info[op->code].args] > 0)
			sum += times * op->a[l - op_info[op->code].args];
	}
	return sum > 40000;
}

int cover_mutate(struct rng *r, struct program *p)
{
	const struct program *other;
	struct program q;
	int n, at, from;

	/* What an older AF_UNIX must not meet generate() alone knows. */
	if (pooled < 16 || running_kernel < KERNEL(7, 3) || rng_below(r, 2))
		return 0;
	q = pool[rng_below(r, pooled)];
	for (n = 1 + rng_below(r, 4); n > 0; n--) {
		other = &pool[rng_below(r, pooled)];
		at = rng_below(r, q.n);
		from = rng_below(r, other->n);
		switch (rng_below(r, 8)) {
		case 0:
			if (q.n > 4)
				cut(&q, at, 1);
			break;
		case 1:
			/* The start of one, the end of the other */
			q.n = at + 1;
			paste(&q, q.n, &other->op[from], other->n - from);
			break;
		case 2:
		case 3:
			paste(&q, at, &other->op[from],
			      1 + rng_below(r, other->n - from < 6 ?
					    other->n - from : 6));
			break;
		case 4:
			q.op[at] = other->op[from];
			break;
		default:
			turn(r, &q, other);
		}
	}
	if (too_much(&q))
		return 0;
	*p = q;
	return 1;
}
