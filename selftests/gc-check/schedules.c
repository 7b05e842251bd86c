// SPDX-License-Identifier: GPL-2.0
/*
 * The search while sockets move.
 *
 * The search reads the small world of world.h, and before whatever it reads the
 * tasks may have made any number of steps.  What it returns must be unreachable
 * at that moment and ever after.
 *
 * Also simulated: how sockets become suspects, and what is freed by RCU only if
 * its queue may be walked.  A walk that meets freed memory is a failure.
 */
#include <stdio.h>
#include <string.h>
#include "world.h"

enum call { SEND, RECEIVE, PEEK, LISTEN, CONNECT, DUPLICATE, CLOSE, NR_CALLS };

static unsigned int budget;	/* calls that may still begin */
static unsigned int weights[NR_CALLS];	/* how often they are */
static unsigned int pace;	/* the more, the seldomer and longer they run */
static unsigned int now;	/* counts what the search reads */
static bool chase;		/* see setup_chase() */

static struct vunix_gc_node *gc_all;
static unsigned int confirms;

static struct {
	unsigned long long schedules, calls, steps, passes, searches, found;
	unsigned long long looked_dead, stood, gave_up, most;
} figures;

/*
 * Tasks
 */

/* By its name: anybody that is not closed, of some kind */
static struct vsock *find_other(bool listening)
{
	unsigned int i, from = below(nr_socks);
	struct vsock *s;

	for (i = 0; i < nr_socks; i++) {
		s = &socks[(from + i) % nr_socks];
		if (!s->dead && s->listening == listening) {
			s->holds++;
			return s;
		}
	}
	return NULL;
}

static bool choose_fd(struct task *t)
{
	unsigned int i, from = below(MAX_FDS);

	for (i = 0; i < MAX_FDS; i++) {
		t->fd = (from + i) % MAX_FDS;
		if (fds[t->fd])
			return true;
	}
	return false;
}

static void begin_send(struct task *t)
{
	t->other = find_other(false);
	if (!t->other)
		return;
	t->from = t->other;
	t->nr_wanted = one_in(4) ? 2 : 1;
	begin(t, send_ops);
}

static void begin_connect(struct task *t)
{
	t->other = find_other(true);
	if (!t->other)
		return;
	t->from = t->other;
	begin(t, connect_ops);
}

static enum call choose_call(void)
{
	unsigned int i, sum = 0;

	for (i = 0; i < NR_CALLS; i++)
		sum += weights[i];
	sum = below(sum);
	for (i = 0; sum >= weights[i]; i++)
		sum -= weights[i];
	return i;
}

static void begin_call(struct task *t)
{
	struct vsock *s;

	if (!budget || !choose_fd(t))
		return;
	budget--;
	figures.calls++;
	s = fds[t->fd];
	/* Not the last way in, mostly: then nothing would move any more. */
	t->closes = one_in(nr_fds > 1 ? 2 : 8);
	switch (choose_call()) {
	case SEND:
		if (has_room())
			begin_send(t);
		break;
	case RECEIVE:
		t->closes = chase || !one_in(4);
		begin(t, s->listening ? accept_call_ops : recv_ops);
		break;
	case PEEK:
		t->closes = chase || !one_in(4);
		begin(t, s->listening ? accept_call_ops : peek_ops);
		break;
	case LISTEN:
		if (s->can_listen && !s->listening && !first_parcel(s))
			begin(t, listen_ops);
		break;
	case CONNECT:
		begin_connect(t);
		break;
	case DUPLICATE:
		begin(t, dup_ops);
		break;
	default:
		begin(t, close_ops);
	}
}

static void run_task(struct task *t)
{
	if (advance(t))
		return;
	memset(t, 0, sizeof(*t));
	/* Not yet the first step. */
	if (nr_zombies && (!budget || one_in(2))) {
		t->from = zombies[--nr_zombies];
		t->dropping = true;
		begin(t, release_ops);
	} else {
		begin_call(t);
	}
}

/*
 * The tasks get on, as far as they happen to.  What goes wrong goes wrong mostly
 * if the search reads one thing, then whole calls happen, then it reads the next;
 * or if a task stands still in the middle of a call for long.
 */
static void run_to_end(struct task *t)
{
	unsigned int n;

	t->sleeps = false;
	/* It may be blocked. */
	for (n = 0; n < 40; n++) {
		run_task(t);
		if (!t->op)
			break;
		if (touches_late(t) && one_in(2)) {
			t->sleeps = true;
			t->wakes = now + below(48);
			break;
		}
	}
}

/*
 * In the middle of a call, or else it does nothing.  Often just after it has
 * counted the change: whatever follows from it, the search will not see that.
 */
static void run_to_sleep(struct task *t, unsigned int steps, bool touched)
{
	t->sleeps = false;
	while (steps-- && !(touched && has_touched(t)))
		run_task(t);
	t->sleeps = t->op || chase;
	t->wakes = now + below(48);
}

static void others(void)
{
	struct task *t;
	unsigned int i;

	now++;
	for (i = 0; i < nr_tasks; i++) {
		if (tasks[i].sleeps && tasks[i].wakes <= now) {
			run_to_end(&tasks[i]);
			if (chase && !tasks[i].sleeps) {
				tasks[i].sleeps = true;
				tasks[i].wakes = now + below(32);
			}
			/* Two at once, sometimes. */
			if (!one_in(3))
				return;
		}
	}
	if (!one_in(pace))
		return;
	t = &tasks[below(nr_tasks)];
	if (t->sleeps)
		return;
	switch (below(4)) {
	case 0:
		run_task(t);
		break;
	case 1:
		run_to_sleep(t, below(20), false);
		break;
	default:
		run_to_end(t);
	}
}

static void finish_tasks(void)
{
	unsigned int i;
	bool busy;

	budget = 0;
	do {
		busy = false;
		for (i = 0; i < nr_tasks; i++) {
			run_task(&tasks[i]);
			busy |= !!tasks[i].op;
		}
	} while (busy || nr_zombies);
}

/*
 * What the search reads, as vunix_gc.c has it
 */

static struct vsock *node_sock(const struct vunix_gc_node *node)
{
	return container_of(node, struct vsock, node);
}

static void tell(const char *what, const struct vunix_gc_node *node,
		 unsigned int value)
{
	if (verbose)
		printf("search: %s of %u: %u\n", what, id(node_sock(node)),
		       value);
}

static unsigned long ops_refs(const struct vunix_gc_node *node)
{
	struct vsock *s = node_sock(node);
	unsigned int refs;

	others();
	if (!s->has_file)
		return 0;
	others();
	/* The file may be another's by now. */
	refs = s->file_freed ? below(4) : s->refs;
	tell("refs", node, refs);
	return refs;
}

static unsigned long ops_inflight(const struct vunix_gc_node *node)
{
	others();
	tell("inflight", node, node_sock(node)->inflight);
	return node_sock(node)->inflight;
}

static unsigned long ops_changes(const struct vunix_gc_node *node)
{
	others();
	tell("changes", node, node_sock(node)->changes);
	return node_sock(node)->changes;
}

static void walk_parcels(struct vunix_gc_pass *pass, struct vunix_gc_node *node,
			 struct vsock *s, vunix_gc_visit visit)
{
	struct parcel *p;
	struct link *l;
	unsigned int i;

	others();
	for (l = s->parcels.next; l != &s->parcels; l = l->next) {
		p = container_of(l, struct parcel, node);
		for (i = 0; i < p->nr; i++) {
			others();
			if (p->state == FREED)
				fail("the search reads a parcel that is freed");
			if (p->sk[i]->freed)
				fail("the search reads a socket that is freed");
			tell("queue", node, id(p->sk[i]));
			visit(pass, node, &p->sk[i]->node);
		}
		others();
		if (p->state == FREED)
			fail("the search leaves a parcel that is freed");
	}
}

static void ops_each_queued(struct vunix_gc_pass *pass,
			    struct vunix_gc_node *node, vunix_gc_visit visit)
{
	struct vsock *s = node_sock(node), *embryo;
	struct link *l;

	rcu_reader = true;
	walk_parcels(pass, node, s, visit);
	others();
	for (l = s->accept.next; l != &s->accept; l = l->next) {
		embryo = container_of(l, struct vsock, accept_node);
		walk_parcels(pass, node, embryo, visit);
		others();
		if (embryo->freed)
			fail("the search reads an embryo that is freed");
	}
	rcu_reader = false;
	rcu_run();
}

static void ops_mb(void)
{
	confirms++;
	if (verbose)
		printf("search: check %u\n", confirms);
	others();
}

static void ops_relax(void)
{
	others();
}

static const struct vunix_gc_ops ops = {
	.refs		= ops_refs,
	.inflight	= ops_inflight,
	.changes	= ops_changes,
	.each_queued	= ops_each_queued,
	.mb		= ops_mb,
	.relax		= ops_relax,
};

/*
 * The collector, as vunix_gc.c has it
 */

static bool is_suspect(const struct vsock *s)
{
	others();
	if (!s->inflight)
		return false;
	others();
	if (s->queued)
		return true;
	others();
	return s->listening;
}

static void admit_suspects(void)
{
	struct vunix_gc_node **link;
	struct vsock *s, *next;

	others();
	s = gc_new;
	gc_new = NULL;
	for (; s; s = next) {
		next = s->llnext;
		/* In any order: some races need the search to have one. */
		link = &gc_all;
		while (*link && one_in(2))
			link = &(*link)->all;
		s->node.all = *link;
		*link = &s->node;
	}
}

static void dismiss_suspects(void)
{
	struct vunix_gc_node **link = &gc_all;
	struct vsock *s;

	while (*link) {
		s = node_sock(*link);
		if (is_suspect(s)) {
			link = &s->node.all;
			continue;
		}
		*link = s->node.all;
		others();
		s->suspect = false;
		if (mutation != NO_LOOK_BACK && is_suspect(s)) {
			others();
			if (!s->suspect) {
				s->suspect = true;
				s->holds++;
				others();
				s->llnext = gc_new;
				gc_new = s;
			}
		}
		unhold(s);
	}
}

static void empty_queue(struct vsock *s)
{
	memset(&collector, 0, sizeof(collector));
	collector.from = s;
	collector.dropping = true;
	begin(&collector, purge_ops);
	do {
		others();
	} while (advance(&collector));
}

static void check_found(struct vunix_gc_node *found)
{
	struct vunix_gc_node *node;

	if (!found)
		return;
	reach();
	for (node = found; node; node = node->next) {
		if (verbose)
			printf("search: found %u\n", id(node_sock(node)));
		if (node_sock(node)->reached)
			fail("found a socket that can be reached");
		if (!node_sock(node)->found)
			figures.found++;
		node_sock(node)->found = true;
	}
}

static struct vunix_gc_node *search(struct vunix_gc_pass *pass,
				    struct vunix_gc_node *group)
{
	struct vunix_gc_node *found;
	unsigned int i;

	/* Somebody may be in the middle of something. */
	if (chase) {
		budget = 2 + below(10);
		for (i = 0; i < nr_tasks; i++)
			run_to_sleep(&tasks[i], one_in(2) ? below(20) : 0,
				     one_in(2));
	}
	confirms = 0;
	found = vunix_gc_unreachable(pass, group);
	figures.searches++;
	if (confirms > 1) {
		figures.looked_dead++;
		if (found)
			figures.stood++;
	}
	if (confirms > figures.most)
		figures.most = confirms;
	check_found(found);
	return found;
}

static bool collect(void)
{
	static struct vunix_gc_pass pass = { .ops = &ops };
	struct vunix_gc_node *group, *next, *node, *found;
	bool any = false;

	figures.passes++;
	admit_suspects();
	dismiss_suspects();
	for (group = vunix_gc_groups(&pass, gc_all); group; group = next) {
		next = group->work;
		found = search(&pass, group->group);
		any |= !!found;
		for (node = found; node; node = node->next)
			empty_queue(node_sock(node));
		/* Nobody has found a way to them since. */
		check_found(found);
	}
	dismiss_suspects();
	return any;
}

/*
 * A schedule
 */

static void send_at_once(struct vsock *sent, struct vsock *to)
{
	struct task *t = &tasks[0];

	memset(t, 0, sizeof(*t));
	sent->refs++;
	to->holds++;
	t->got[0] = sent;
	t->nr_got = 1;
	t->from = to;
	t->other = to;
	begin(t, queue_ops);
	while (advance(t))
		;
	memset(t, 0, sizeof(*t));
}

static struct vsock *queue_of(struct vsock *s)
{
	struct vsock *embryo = first_embryo(s);

	if (!s->listening)
		return s;
	if (!embryo || one_in(2)) {
		embryo = new_sock();
		embryo->listener = s;
		list_add_tail(&embryo->accept_node, &s->accept);
	}
	return embryo;
}

static void add_socks(unsigned int n)
{
	struct vsock *s;

	while (n--) {
		s = new_sock();
		s->refs = 1;
		s->can_listen = one_in(3);
		s->listening = s->can_listen && !one_in(3);
	}
}

/* Few of the first @created stay open; behind them are embryos. */
static void leave_open(unsigned int created, unsigned int n)
{
	unsigned int i;

	while (nr_fds < n) {
		fds[nr_fds] = &socks[below(created)];
		fds[nr_fds++]->refs++;
	}
	for (i = 0; i < created; i++)
		put(&socks[i]);
}

static void setup_any(void)
{
	unsigned int n = 2 + below(1 + below(4)), edges = n + below(3), i;

	nr_tasks = 1 + below(1 + below(MAX_TASKS));
	pace = 1 << below(6);
	/* Each schedule prefers some calls. */
	for (i = 0; i < NR_CALLS; i++)
		weights[i] = below(4) * below(4);
	weights[one_in(2) ? RECEIVE : PEEK]++;
	weights[CLOSE] /= 2;

	add_socks(n);
	/* Sockets in flight that begin to listen, and hold themselves so. */
	if (one_in(4)) {
		weights[LISTEN] = 9;
		weights[CONNECT] = 9;
		weights[SEND] = 9;
		for (i = 0; i < n; i++) {
			socks[i].can_listen = true;
			socks[i].listening = false;
		}
	}
	/* Mostly rings. */
	if (one_in(4))
		edges = 1 + below(n);
	for (i = 0; i < edges; i++)
		send_at_once(&socks[(i + 1) % n],
			     queue_of(&socks[one_in(4) ? below(n) : i % n]));
	leave_open(n, one_in(8) ? 0 : one_in(3) ? 2 : 1);
}

/*
 * The only way into a ring moves on and on, by a peek mostly, and is wherever the
 * search does not look at that moment.  This is what the count of changes is
 * for; by chance alone it is met too seldom.
 */
static void setup_chase(void)
{
	unsigned int n = one_in(3) ? 2 : 3, i;

	nr_tasks = 1 + below(3);
	pace = 16 << below(4);
	memset(weights, 0, sizeof(weights));
	weights[PEEK] = 4;
	weights[RECEIVE] = below(5);
	weights[SEND] = one_in(4);
	add_socks(n);
	for (i = 0; i < n; i++)
		send_at_once(&socks[(i + 1) % n], queue_of(&socks[i]));
	leave_open(n, 1);
}

static void setup(void)
{
	nr_socks = 0;
	nr_parcels = 0;
	nr_zombies = 0;
	nr_fds = 0;
	nr_steps = 0;
	now = 0;
	gc_new = NULL;
	gc_all = NULL;
	memset(fds, 0, sizeof(fds));
	memset(tasks, 0, sizeof(tasks));
	chase = !one_in(3);
	if (chase)
		setup_chase();
	else
		setup_any();
}

/* What is left after @budget has gone and nobody moves. */
static void check_rest(void)
{
	unsigned int refs[MAX_SOCKS] = { 0 }, inflight[MAX_SOCKS] = { 0 };
	struct vsock *s;
	struct parcel *p;
	unsigned int i, j;

	reach();
	for (i = 0; i < MAX_FDS; i++)
		if (fds[i])
			refs[id(fds[i])]++;
	for (p = parcels; p < parcels + nr_parcels; p++)
		for (j = 0; p->state == QUEUED && j < p->nr; j++)
			inflight[id(p->sk[j])]++;
	for (i = 0; i < nr_socks; i++) {
		s = &socks[i];
		if (s->dead ? s->reached || s->refs || first_parcel(s) :
			      !s->reached &&
			      !(s->listener && s->listener->reached))
			fail(s->dead ? "a reachable socket was closed" :
				       "garbage is left");
		if (s->refs != refs[i] + inflight[i] ||
		    s->inflight != inflight[i])
			fail("the counts do not add up");
		if (s->dead && !s->freed)
			fail("memory of a closed socket is left");
	}
}

static void collect_all(void)
{
	unsigned int passes = 0;

	do {
		finish_tasks();
		if (++passes > 4)
			fail("collecting does not come to an end");
	} while (collect() || gc_new || nr_zombies);
	/* The last one to dismiss those it has freed. */
	finish_tasks();
	check_rest();
}

void schedules_check_one(void)
{
	unsigned int passes, i;

	setup();
	for (passes = 1 + below(chase ? 6 : 3); passes; passes--) {
		budget = chase ? 0 : below(40);
		collect();
	}
	chase = false;
	collect_all();
	for (i = 0; i < MAX_FDS; i++) {
		if (!fds[i])
			continue;
		put(fds[i]);
		fds[i] = NULL;
	}
	nr_fds = 0;
	collect_all();
	figures.schedules++;
	figures.steps += nr_steps;
}

void schedules_report(void)
{
	printf("schedules: %llu with %llu calls in %llu steps\n",
	       figures.schedules, figures.calls, figures.steps);
	printf("schedules: %llu passes, %llu searches, %llu sockets found\n",
	       figures.passes, figures.searches, figures.found);
	printf("schedules: what looked unreachable failed the check in %llu searches\n",
	       figures.looked_dead);
	printf("schedules: %llu of them found something else, at most %llu checks in one\n",
	       figures.stood, figures.most);
}
