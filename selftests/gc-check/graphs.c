// SPDX-License-Identifier: GPL-2.0
/*
 * The search against brute force, on random graphs of sockets at rest.
 *
 * A graph is made of sockets, of connections that are not accepted (embryos,
 * each of one listener), and of edges: the one's queue holds the other.  Some
 * sockets are open, that is have outside references.  They are collected as
 * vunix_gc.c does it: suspects are divided into groups, what is unreachable in
 * a group has its queue emptied, and who has no reference left closes, which
 * empties its queue in turn.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "../../include/vunix_gc_core.h"
#include "gc-check.h"

#define MAX_SOCKS	250000
#define MAX_EDGES	500000
#define MAX_BIG		100000	/* sockets of a big graph, embryos apart */
#define SMALL		40
#define BIG_EVERY	100000	/* graphs from one big one to the next */
#define NONE		(~0u)

/* Each socket's queue is followed: to group, to count, as live, to confirm. */
#define MAX_FOLLOWED	4

struct gsock {
	struct vunix_gc_node	node;
	unsigned int		edges;		/* first in its queue */
	unsigned int		embryos;	/* first of a listener */
	unsigned int		next_embryo;
	unsigned int		owner;		/* itself, or an embryo's */
	unsigned int		outside;
	unsigned int		inflight;
	unsigned int		queued;
	bool			listener;
	bool			closed;
	bool			reached;	/* says brute force */
};

struct edge {
	unsigned int	from;
	unsigned int	to;
	unsigned int	next;
};

static struct gsock socks[MAX_SOCKS];
static struct edge edges[MAX_EDGES];
static unsigned int nr_plain, nr_socks, nr_edges;

/* Closed, but their queues are not emptied yet. */
static unsigned int closing[MAX_SOCKS];
static unsigned int nr_closing;

static struct {
	unsigned long long graphs, socks, embryos, edges, open, collected;
	unsigned long long left, suspects, groups;
	unsigned long long followed, visited;
	struct {
		unsigned long long graphs, size;
		double seconds;
	} big[2];	/* up to 20000 sockets, and above */
} figures;

/*
 * Making graphs
 */

static void add_sock(unsigned int owner)
{
	struct gsock *s = &socks[nr_socks];

	memset(s, 0, sizeof(*s));
	s->edges = NONE;
	s->embryos = NONE;
	s->owner = owner;
	nr_socks++;
}

/* The queue that something sent to @to ends in. */
static unsigned int queue_of(unsigned int to)
{
	struct gsock *s = &socks[to];
	unsigned int e;

	if (!s->listener)
		return to;
	if (s->embryos == NONE || (one_in(3) && nr_socks < MAX_SOCKS)) {
		e = nr_socks;
		add_sock(to);
		socks[e].next_embryo = s->embryos;
		s->embryos = e;
		return e;
	}
	for (e = s->embryos; one_in(3); e = socks[e].next_embryo)
		if (socks[e].next_embryo == NONE)
			break;
	return e;
}

static void add_edge(unsigned int holder, unsigned int held)
{
	struct gsock *from;
	struct edge *e;

	/* The last ones are for embryos' use of it. */
	if (nr_edges == MAX_EDGES || nr_socks == MAX_SOCKS)
		return;
	e = &edges[nr_edges];
	e->from = queue_of(holder);
	e->to = held;
	from = &socks[e->from];
	e->next = from->edges;
	from->edges = nr_edges++;
	from->queued++;
	socks[held].inflight++;
}

/* Rings of @len over @n sockets from @base on, in some order. */
static void add_rings(unsigned int base, unsigned int n, unsigned int len,
		      bool closed)
{
	unsigned int i, j, stride = 1 + below(n), first = base + below(n), at;

	for (i = 0; i < n; i += len) {
		at = first;
		for (j = 1; j < len; j++) {
			unsigned int to = base + (at - base + stride) % n;

			add_edge(at, to);
			at = to;
		}
		if (closed)
			add_edge(at, first);
		/* The next shares a socket, or does not. */
		first = one_in(2) ? at : base + below(n);
	}
}

static void add_random(unsigned int base, unsigned int n, unsigned int nr)
{
	unsigned int from = base, to;

	while (nr--) {
		/* Some hold a lot, some are held a lot, some hold themselves. */
		if (!one_in(3))
			from = base + below(n);
		to = base + below(one_in(4) ? below(n) + 1 : n);
		add_edge(from, one_in(12) ? from : to);
		if (one_in(8))
			add_edge(from, to);
	}
}

static void add_component(unsigned int base, unsigned int n)
{
	switch (below(5)) {
	case 0:
		add_rings(base, n, n, true);
		break;
	case 1:
		add_rings(base, n, n, false);
		break;
	case 2:
		add_rings(base, n, 1 + below(n < 6 ? n : 6), true);
		break;
	case 3:
		add_random(base, n, below(n + 2));
		break;
	default:
		add_random(base, n, below(2 * n + 2));
	}
	/* Ways between and across. */
	if (one_in(3))
		add_random(base, n, 1 + below(3));
}

static void make_graph(unsigned int n)
{
	unsigned int i, part, open, listeners;

	nr_socks = 0;
	nr_edges = 0;
	nr_closing = 0;
	nr_plain = n;
	listeners = one_in(2) ? 1 + below(6) : 0;
	for (i = 0; i < n; i++) {
		add_sock(i);
		socks[i].listener = listeners && one_in(listeners);
	}

	for (i = 0; i < n; i += part) {
		part = one_in(3) ? n - i : 1 + below(n - i);
		add_component(i, part);
	}
	if (one_in(3))
		add_random(0, n, below(3));
	/* Connections that carry nothing. */
	for (i = 0; i < n; i++)
		if (socks[i].listener && one_in(3) && nr_socks < MAX_SOCKS)
			queue_of(i);

	switch (below(4)) {
	case 0:
		open = 0;
		break;
	case 1:
		open = 1;
		break;
	case 2:
		open = below(n / 8 + 2);
		break;
	default:
		open = below(n + 1);
	}
	while (open--)
		socks[below(n)].outside++;
}

/*
 * Brute force
 */

/* A few sweeps over all edges do for a small graph... */
static void reach_by_sweeps(void)
{
	bool again = true;
	unsigned int i;

	while (again) {
		again = false;
		for (i = 0; i < nr_edges; i++) {
			if (socks[edges[i].to].reached ||
			    !socks[socks[edges[i].from].owner].reached)
				continue;
			socks[edges[i].to].reached = true;
			again = true;
		}
	}
}

/* ...but not for a big one. */
static void reach_by_stack(void)
{
	static unsigned int stack[MAX_SOCKS];
	static unsigned int first[MAX_SOCKS], next[MAX_EDGES];
	unsigned int i, e, depth = 0;

	for (i = 0; i < nr_plain; i++) {
		first[i] = NONE;
		if (socks[i].reached)
			stack[depth++] = i;
	}
	for (e = 0; e < nr_edges; e++) {
		i = socks[edges[e].from].owner;
		next[e] = first[i];
		first[i] = e;
	}
	while (depth) {
		for (e = first[stack[--depth]]; e != NONE; e = next[e]) {
			if (socks[edges[e].to].reached)
				continue;
			socks[edges[e].to].reached = true;
			stack[depth++] = edges[e].to;
		}
	}
}

static void reach(void)
{
	unsigned int i;

	for (i = 0; i < nr_plain; i++)
		socks[i].reached = socks[i].outside;
	if (nr_plain > SMALL)
		reach_by_stack();
	else
		reach_by_sweeps();
}

/*
 * The kernel
 */

static struct gsock *node_sock(const struct vunix_gc_node *node)
{
	return container_of(node, struct gsock, node);
}

static unsigned long ops_refs(const struct vunix_gc_node *node)
{
	return node_sock(node)->outside + node_sock(node)->inflight;
}

static unsigned long ops_inflight(const struct vunix_gc_node *node)
{
	return node_sock(node)->inflight;
}

static unsigned long ops_changes(const struct vunix_gc_node *node)
{
	(void)node;
	return 0;
}

static void visit_queue(struct vunix_gc_pass *pass, struct vunix_gc_node *node,
			const struct gsock *s, vunix_gc_visit visit)
{
	unsigned int e;

	for (e = s->edges; e != NONE; e = edges[e].next) {
		figures.visited++;
		visit(pass, node, &socks[edges[e].to].node);
	}
}

static void ops_each_queued(struct vunix_gc_pass *pass,
			    struct vunix_gc_node *node, vunix_gc_visit visit)
{
	struct gsock *s = node_sock(node);
	unsigned int e;

	figures.followed++;
	visit_queue(pass, node, s, visit);
	for (e = s->embryos; e != NONE; e = socks[e].next_embryo)
		visit_queue(pass, node, &socks[e], visit);
}

static void ops_nothing(void)
{
}

static const struct vunix_gc_ops ops = {
	.refs		= ops_refs,
	.inflight	= ops_inflight,
	.changes	= ops_changes,
	.each_queued	= ops_each_queued,
	.mb		= ops_nothing,
	.relax		= ops_nothing,
};

static void empty_one(struct gsock *s)
{
	struct gsock *held;

	for (; s->edges != NONE; s->edges = edges[s->edges].next) {
		held = &socks[edges[s->edges].to];
		s->queued--;
		held->inflight--;
		if (!held->inflight && !held->outside)
			closing[nr_closing++] = edges[s->edges].to;
	}
}

static void empty_queue(struct gsock *s)
{
	struct gsock *embryo;

	empty_one(s);
	while (s->embryos != NONE) {
		embryo = &socks[s->embryos];
		s->embryos = embryo->next_embryo;
		embryo->closed = true;
		empty_one(embryo);
	}
}

static void close_all(void)
{
	struct gsock *s;

	while (nr_closing) {
		s = &socks[closing[--nr_closing]];
		s->closed = true;
		s->listener = false;
		empty_queue(s);
		figures.collected++;
	}
}

static struct vunix_gc_node *list_suspects(unsigned int *nr)
{
	struct vunix_gc_node *all = NULL, **end = &all;
	struct gsock *s;
	unsigned int i;

	*nr = 0;
	for (i = 0; i < nr_plain; i++) {
		s = &socks[i];
		if (!s->inflight || (!s->queued && !s->listener))
			continue;
		(*nr)++;
		/* In some order. */
		if (random_state >> (i % 64) & 1) {
			s->node.all = all;
			if (!all)
				end = &s->node.all;
			all = &s->node;
		} else {
			s->node.all = NULL;
			*end = &s->node;
			end = &s->node.all;
		}
	}
	return all;
}

/* As collect() of vunix_gc.c. */
static bool collect(struct vunix_gc_pass *pass, bool lazy)
{
	struct vunix_gc_node *group, *next, *node;
	unsigned int suspects;
	bool found = false;

	figures.followed = 0;
	figures.visited = 0;
	group = vunix_gc_groups(pass, list_suspects(&suspects));
	for (; group; group = next) {
		figures.groups++;
		next = group->work;
		node = vunix_gc_unreachable(pass, group->group);
		for (; node; node = node->next) {
			if (node_sock(node)->reached)
				fail("found a socket that can be reached");
			found = true;
			empty_queue(node_sock(node));
			if (!lazy)
				close_all();
		}
	}
	figures.suspects += suspects;
	if (figures.followed > (unsigned long long)MAX_FOLLOWED * suspects ||
	    figures.visited > (unsigned long long)MAX_FOLLOWED * nr_edges)
		fail("the search takes more than linear time");
	close_all();
	return found;
}

static void compare(void)
{
	unsigned int i;

	for (i = 0; i < nr_socks; i++) {
		if (socks[i].closed == !socks[socks[i].owner].reached)
			continue;
		fail(socks[i].closed ? "closed a socket that can be reached"
				     : "left a socket that cannot be reached");
	}
	for (i = 0; i < nr_plain; i++)
		figures.left += socks[i].reached;
}

void graphs_check_one(unsigned long long number)
{
	static struct vunix_gc_pass pass = { .ops = &ops };
	unsigned int i, n = 1 + below(1 + below(SMALL));
	bool is_big = number % BIG_EVERY == 1;
	struct timespec start, end;
	bool lazy, late;

	if (is_big)
		n = number / BIG_EVERY % 2 ? MAX_BIG - below(MAX_BIG / 10) :
					     MAX_BIG / 10 + below(MAX_BIG / 10);
	make_graph(n);
	reach();
	figures.graphs++;
	figures.socks += nr_plain;
	figures.embryos += nr_socks - nr_plain;
	figures.edges += nr_edges;

	/* Who has just been closed may still be at it during a pass. */
	lazy = one_in(4);
	late = one_in(4);
	for (i = 0; i < nr_plain; i++) {
		figures.open += socks[i].outside;
		if (!socks[i].outside && !socks[i].inflight)
			closing[nr_closing++] = i;
	}
	if (!late)
		close_all();

	clock_gettime(CLOCK_MONOTONIC, &start);
	collect(&pass, lazy);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (is_big) {
		i = n > 2 * MAX_BIG / 10;
		figures.big[i].graphs++;
		figures.big[i].size += nr_socks + nr_edges;
		figures.big[i].seconds += end.tv_sec - start.tv_sec +
					  (end.tv_nsec - start.tv_nsec) / 1e9;
	}
	/* Nobody moves: one pass finds it all, but for what those held. */
	if (collect(&pass, lazy) && (!late || collect(&pass, lazy)))
		fail("a further pass finds what the one before has left");
	compare();
}

void graphs_report(void)
{
	unsigned int i;

	printf("graphs: %llu with %llu sockets, %llu embryos, %llu edges\n",
	       figures.graphs, figures.socks, figures.embryos, figures.edges);
	printf("graphs: %llu suspects in %llu groups, %llu outside references\n",
	       figures.suspects, figures.groups, figures.open);
	printf("graphs: %llu sockets collected, %llu left, each as brute force says\n",
	       figures.collected, figures.left);
	for (i = 0; i < 2; i++) {
		if (!figures.big[i].graphs)
			continue;
		printf("graphs: %llu of about %u sockets, ",
		       figures.big[i].graphs, i ? MAX_BIG : MAX_BIG / 10);
		printf("%.0f ns for each socket and edge\n",
		       1e9 * figures.big[i].seconds / figures.big[i].size);
	}
}
