// SPDX-License-Identifier: GPL-2.0
/*
 * The collector against graphs of any shape, against peeking, and against
 * cycles that it cannot see.  Proves GC-12, GC-13, GC-16 and GC-17.
 */
#include "gc.h"

/*
 * Random graphs, and what a brute-force search says of them.  A node is a
 * socket; pairs send to each other, a listener is sent to by a client whose
 * connection is never accepted.  An edge is a descriptor in a node's queue.
 * The first message of each node carries a probe as well.
 */
#define NODES	32
#define EDGES	8

struct node {
	int fd;				/* -1 if it is open nowhere */
	int via;			/* sends to it; not open afterwards */
	bool listener;
	bool live;			/* a root reaches it */
	bool seen;			/* reached by receiving */
	ino_t ino;
	int nr_edges;
	int edges[EDGES];
	struct scm_probe probe;
};

static unsigned int rnd_state;

/* 0 ... @n - 1 */
static unsigned int rnd(unsigned int n)
{
	rnd_state = rnd_state * 1664525 + 1013904223;
	return (rnd_state >> 8) % n;
}

/* Shape of a graph. */
struct shape {
	unsigned int component;		/* nodes that know each other */
	unsigned int edges;		/* of a node, at most */
	unsigned int across;		/* per cent that leave the component */
	unsigned int roots;		/* per cent that stay open */
};

static int make_nodes(int family, struct node *node)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	static unsigned int names;
	char name[32];
	int i, j, type, sv[2];
	struct stat st;

	for (i = 0; i < NODES; i += 2) {
		if (rnd(4)) {
			if (vt_pair(family, types[rnd(3)], sv))
				return -1;
			for (j = 0; j < 2; j++) {
				node[i + j].fd = sv[j];
				node[i + j].via = sv[!j];
			}
			continue;
		}
		type = types[2 * rnd(2)];
		for (j = i; j < i + 2; j++) {
			snprintf(name, sizeof(name), "@node%u", names++);
			node[j].listener = true;
			node[j].fd = gc_listener(family, type, name);
			node[j].via = gc_client(family, type, name);
			if (node[j].fd < 0 || node[j].via < 0)
				return -1;
		}
	}
	for (i = 0; i < NODES; i++) {
		if (fstat(node[i].fd, &st))
			return -1;
		node[i].ino = st.st_ino;
	}
	return 0;
}

/* In one message or several; a stream keeps them apart, too. */
static int send_edges(struct node *node, struct node *n)
{
	int fds[EDGES + 1], sent = 0, i, k, left = n->nr_edges, err;

	if (scm_probe(&n->probe))
		return -1;
	do {
		k = 1 + rnd(left ?: 1);
		if (k > left)
			k = left;
		left -= k;
		if (sent == 0)
			fds[k] = n->probe.w;
		for (i = 0; i < k; i++)
			fds[i] = node[n->edges[sent + i]].fd;
		err = scm_send_fds(n->via, "x", fds, k + (sent == 0), 0);
		sent += k;
	} while (left && !err);
	close(n->probe.w);
	return err;
}

static void choose_edges(struct node *node, const struct shape *s)
{
	int i, j, first;

	for (i = 0; i < NODES; i++) {
		node[i].nr_edges = rnd(s->edges + 1);
		first = i - i % s->component;
		for (j = 0; j < node[i].nr_edges; j++)
			node[i].edges[j] = rnd(100) < s->across ? rnd(NODES) :
				(first + rnd(s->component)) % NODES;
		node[i].live = rnd(100) < s->roots;
	}
}

/* What the roots reach: repeat until nothing new is found. */
static void brute_force(struct node *node)
{
	bool more = true;
	int i, j;

	while (more) {
		more = false;
		for (i = 0; i < NODES; i++)
			for (j = 0; node[i].live && j < node[i].nr_edges; j++) {
				more |= !node[node[i].edges[j]].live;
				node[node[i].edges[j]].live = true;
			}
	}
}

/* Receive without an error that a closed peer has left. */
static ssize_t recv_node(int fd, struct scm_in *in)
{
	ssize_t n = scm_recv(fd, in, 0);

	return n < 0 && errno == ECONNRESET ? scm_recv(fd, in, 0) : n;
}

/* Take what is in the queue: 0 if it is what was sent, else a line number. */
static int empty_node(struct node *node, struct node *n)
{
	int fd = n->fd, got = 0, i, k;
	struct scm_in in;
	struct stat st;
	struct node *to;

	if (n->listener) {
		fd = accept(n->fd, NULL, NULL);
		if (fd < 0)
			return __LINE__;
	}
	do {
		if (recv_node(fd, &in) != 1 || !scm_is(&in, "x"))
			return __LINE__;
		k = in.nr_fds;
		if (!got && (!k || !scm_reaches(in.fds[--k], &n->probe)))
			return __LINE__;
		if (!got)
			close(in.fds[k]);
		for (i = 0; i < k; i++, got++) {
			if (got == n->nr_edges || fstat(in.fds[i], &st))
				return __LINE__;
			to = &node[n->edges[got]];
			if (to->ino != st.st_ino)
				return __LINE__;
			if (to->fd < 0)
				to->fd = in.fds[i];
			else
				close(in.fds[i]);
		}
	} while (got < n->nr_edges);
	if (recv_node(fd, &in) > 0)
		return __LINE__;
	if (n->listener)
		close(fd);
	return 0;
}

/* Take everything out of the live ones, as it is reached. */
static int empty_live(struct node *node)
{
	bool more = true;
	int i, err;

	while (more) {
		more = false;
		for (i = 0; i < NODES; i++) {
			if (node[i].fd < 0 || node[i].seen)
				continue;
			node[i].seen = true;
			more = true;
			err = empty_node(node, &node[i]);
			if (err)
				return err;
		}
	}
	return 0;
}

/*
 * One graph: 0, or the line number of what went wrong.  @dead: nodes that had
 * to be freed.
 */
static int try_graph(int family, unsigned int seed, const struct shape *s,
		     int *dead)
{
	struct node node[NODES] = {};
	int i, err, base = gc_sockets(family);

	rnd_state = seed;
	if (base < 0 || make_nodes(family, node))
		return __LINE__;
	choose_edges(node, s);
	for (i = 0; i < NODES; i++)
		if (send_edges(node, &node[i]))
			return __LINE__;
	for (i = 0; i < NODES; i++)
		if (node[i].listener)
			close(node[i].via);
	for (i = 0; i < NODES; i++) {
		if (node[i].live)
			continue;
		close(node[i].fd);
		node[i].fd = -1;
	}
	brute_force(node);

	for (i = 0; i < NODES; i++) {
		if (node[i].live)
			continue;
		if (!gc_gone(family, &node[i].probe, 1))
			return __LINE__;
		++*dead;
	}
	for (i = 0; i < NODES; i++)
		if (node[i].live && !scm_open(&node[i].probe))
			return __LINE__;
	err = empty_live(node);
	if (err)
		return err;
	for (i = 0; i < NODES; i++) {
		if (node[i].seen != node[i].live)
			return __LINE__;
		if (!node[i].live)
			continue;
		close(node[i].fd);
		if (!gc_gone(family, &node[i].probe, 1))
			return __LINE__;
	}
	return gc_drained(family, base) ? 0 : __LINE__;
}

VT_FIXTURE(graph, VT_FAMILIES);

#define OLD_COLLECTOR() do { \
	if (VT_UNIX_OLDER(7, 3)) { \
		SKIP_ROWS("AF_UNIX older than 7.3", "GC-12", "GC-16"); \
		SKIP(return, "AF_UNIX older than 7.3"); \
	} \
} while (0)

#define TRY(seed, ...) do { \
	const struct shape __shape = { __VA_ARGS__ }; \
	int __err = try_graph(variant->family, seed, &__shape, &dead); \
	ASSERT_EQ(0, __err) \
		TH_LOG("seed %d, line %d", seed, __err); \
} while (0)

/* Nothing stays open: all must go. */
TEST_F_TIMEOUT(graph, all_dead, 300)
{
	int seed, dead = 0;

	OLD_COLLECTOR();
	for (seed = 1; seed <= 6; seed++) {
		TRY(seed, NODES, 2, 0, 0);
		TRY(seed, NODES, EDGES, 0, 0);
		TRY(seed, 6, 2, 5, 0);
		TRY(seed, 3, 3, 20, 0);
	}
	ASSERT_EQ(24 * NODES, dead);
	PROVES("GC-12");
}

TEST_F_TIMEOUT(graph, some_live, 300)
{
	int seed, dead = 0;

	OLD_COLLECTOR();
	for (seed = 1; seed <= 6; seed++) {
		TRY(seed, NODES, 2, 0, 5);
		TRY(seed, 6, 3, 5, 10);
		TRY(seed, 4, 2, 10, 20);
		TRY(seed, 2, 1, 50, 30);
	}
	/* Both kinds, and not a few. */
	ASSERT_LT(NODES, dead);
	ASSERT_GT(23 * NODES, dead);
	PROVES("GC-16");
}

/*
 * Cycles that share sockets: an eight, a wheel, and cycles within cycles, as
 * lists of edges that a -1 ends.
 */
struct figure {
	int n;
	int edges[16][2];
};

static const struct figure figures[] = {
	{ 3, { { 0, 1 }, { 1, 0 }, { 0, 2 }, { 2, 0 }, { -1 } } },
	{ 5, { { 0, 1 }, { 1, 2 }, { 2, 0 }, { 2, 3 }, { 3, 4 }, { 4, 2 },
	       { -1 } } },
	{ 4, { { 0, 1 }, { 1, 2 }, { 2, 3 }, { 3, 0 }, { 0, 2 }, { 2, 0 },
	       { 3, 1 }, { 1, 3 }, { -1 } } },
	{ 5, { { 0, 1 }, { 1, 0 }, { 1, 2 }, { 2, 3 }, { 3, 4 }, { 4, 3 },
	       { -1 } } },
	{ 6, { { 0, 1 }, { 1, 2 }, { 2, 1 }, { 2, 3 }, { 3, 0 }, { 3, 4 },
	       { 4, 5 }, { 5, 5 }, { 5, 3 }, { -1 } } },
	{ 5, { { 4, 0 }, { 4, 1 }, { 4, 2 }, { 4, 3 }, { 0, 4 }, { 1, 4 },
	       { 2, 4 }, { 3, 4 }, { 0, 1 }, { 1, 2 }, { 2, 3 }, { 3, 0 },
	       { -1 } } },
};

/* @open stays open, if it is a node; then everything must go with it. */
static int try_figure(int family, const struct figure *f, int open)
{
	struct scm_probe p[16];
	int r[8], w[8], i, sv[2], base = gc_sockets(family);

	for (i = 0; i < f->n; i++) {
		if (vt_pair(family, i % 2 ? SOCK_STREAM : SOCK_DGRAM, sv))
			return __LINE__;
		r[i] = sv[0];
		w[i] = sv[1];
	}
	for (i = 0; f->edges[i][0] >= 0; i++)
		if (gc_put(w[f->edges[i][0]], r[f->edges[i][1]], &p[i]))
			return __LINE__;
	for (i = 0; i < f->n; i++) {
		close(w[i]);
		if (i != open)
			close(r[i]);
	}
	if (open >= 0) {
		if (!gc_collect(family, 1))
			return __LINE__;
		for (i = 0; f->edges[i][0] >= 0; i++)
			if (f->edges[i][0] == open && !scm_open(&p[i]))
				return __LINE__;
		close(r[open]);
	}
	for (i = 0; f->edges[i][0] >= 0; i++)
		if (!gc_gone(family, &p[i], 1))
			return __LINE__;
	return gc_drained(family, base) ? 0 : __LINE__;
}

TEST_F_TIMEOUT(graph, overlapping, 300)
{
	size_t i;
	int open;

	OLD_COLLECTOR();
	for (i = 0; i < ARRAY_SIZE(figures); i++)
		for (open = -1; open < figures[i].n; open++)
			ASSERT_EQ(0, try_figure(variant->family, &figures[i],
						open))
				TH_LOG("figure %zu, open %d", i, open);
	PROVES("GC-12");
}

/*
 * Peeking hands out descriptors of what is in flight without taking them out.
 * A walker holds one socket of a ring, open nowhere else, peeks the next one
 * out of its queue and then closes the one it came from, until garbage that was
 * made meanwhile has been collected a number of times.
 */
#define RING		3
#define COLLECTIONS	10

struct walker {
	int family;
	int type;
	int fd;				/* where it stands */
	struct scm_probe p[RING];	/* of each queue */
	int line;			/* what went wrong, or 0 */
	bool *stop;
};

static int make_ring(struct walker *w)
{
	int i, r[RING], via[RING], sv[2];

	for (i = 0; i < RING; i++) {
		if (vt_pair(w->family, w->type, sv))
			return -1;
		r[i] = sv[0];
		via[i] = sv[1];
	}
	for (i = 0; i < RING; i++)
		if (gc_put(via[i], r[(i + 1) % RING], &w->p[i]))
			return -1;
	for (i = 0; i < RING; i++) {
		close(via[i]);
		if (i)
			close(r[i]);
	}
	w->fd = r[0];
	return 0;
}

static void *walk(void *arg)
{
	struct walker *w = arg;
	int i, next;

	/* Ends where it began. */
	for (i = 0; i % RING || !__atomic_load_n(w->stop, __ATOMIC_RELAXED);
	     i++) {
		next = gc_take(w->fd, MSG_PEEK, &w->p[i % RING]);
		if (next < 0) {
			w->line = __LINE__;
			break;
		}
		close(w->fd);
		w->fd = next;
	}
	return NULL;
}

TEST_F_TIMEOUT(graph, peek_walk, 120)
{
	int i, j, next, base = gc_sockets(variant->family);
	struct walker w[2] = {};
	struct scm_probe p[2];
	bool stop = false;
	pthread_t t[2];
	char c;

	for (i = 0; i < 2; i++) {
		w[i].family = variant->family;
		w[i].type = i ? SOCK_STREAM : SOCK_DGRAM;
		w[i].stop = &stop;
		ASSERT_EQ(0, make_ring(&w[i]));
	}
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, walk, &w[i]));
	for (i = 0; i < COLLECTIONS; i++) {
		ASSERT_EQ(0, gc_garbage(variant->family, SOCK_STREAM, p));
		ASSERT_TRUE(gc_gone(variant->family, p, 2));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	ASSERT_TRUE(gc_collect(variant->family, 1));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, w[i].line);
		for (j = 0; j < RING; j++) {
			next = gc_take(w[i].fd, 0, &w[i].p[j]);
			ASSERT_LE(0, next);
			close(w[i].fd);
			w[i].fd = next;
		}
		/* It stands where it began, and that queue is empty now. */
		ASSERT_GE(0, recv(w[i].fd, &c, 1, MSG_DONTWAIT));
		close(w[i].fd);
		ASSERT_TRUE(gc_gone(variant->family, w[i].p, RING));
	}
	ASSERT_TRUE(gc_drained(variant->family, base));
	PROVES("GC-13");
}

/*
 * Cycles through both families are seen by neither collector.  They need not be
 * freed, so the test keeps a way in, and takes them apart itself: what leaks
 * would keep the module loaded for ever.
 */
FIXTURE(both)
{
	struct vt_env env;
	int v[2], u[2];			/* pairs of vunix and of AF_UNIX */
	int base[2];
};

FIXTURE_VARIANT(both)
{
	int family;
	bool way_in_unix;
	int type;
};

FIXTURE_VARIANT_ADD(both, vunix_stream)
	{ .family = AF_VUNIX, .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(both, vunix_dgram)
	{ .family = AF_VUNIX, .type = SOCK_DGRAM };
FIXTURE_VARIANT_ADD(both, vunix_stream_by_unix)
	{ .family = AF_VUNIX, .type = SOCK_STREAM, .way_in_unix = true };
FIXTURE_VARIANT_ADD(both, vunix_dgram_by_unix)
	{ .family = AF_VUNIX, .type = SOCK_DGRAM, .way_in_unix = true };

FIXTURE_SETUP(both)
{
	VT_SETUP();
	self->base[0] = gc_sockets(AF_UNIX);
	self->base[1] = gc_sockets(AF_VUNIX);
	ASSERT_EQ(0, vt_pair(AF_VUNIX, variant->type, self->v));
	ASSERT_EQ(0, vt_pair(AF_UNIX, variant->type, self->u));
}

FIXTURE_TEARDOWN(both)
{
	VT_TEARDOWN();
}

#define COLLECT_BOTH(n) do { \
	ASSERT_TRUE(gc_collect(AF_VUNIX, n)); \
	ASSERT_TRUE(gc_collect(AF_UNIX, n)); \
} while (0)

/* v[0] holds u[0], which holds v[0]. */
TEST_F_TIMEOUT(both, ring, 120)
{
	struct scm_probe p[2];
	int way, a, b;

	ASSERT_EQ(0, gc_put(self->v[1], self->u[0], &p[0]));
	ASSERT_EQ(0, gc_put(self->u[1], self->v[0], &p[1]));
	way = variant->way_in_unix ? self->u[0] : self->v[0];
	close(variant->way_in_unix ? self->v[0] : self->u[0]);
	close(self->v[1]);
	close(self->u[1]);
	COLLECT_BOTH(3);
	ASSERT_TRUE(scm_open(&p[0]));
	ASSERT_TRUE(scm_open(&p[1]));

	a = gc_take(way, 0, &p[variant->way_in_unix]);
	ASSERT_LE(0, a);
	COLLECT_BOTH(1);
	b = gc_take(a, 0, &p[!variant->way_in_unix]);
	ASSERT_LE(0, b);
	close(way);
	close(b);
	close(a);
	ASSERT_TRUE(gc_gone(AF_UNIX, p, 2));
	ASSERT_TRUE(gc_drained(AF_UNIX, self->base[0]));
	ASSERT_TRUE(gc_drained(AF_VUNIX, self->base[1]));
	PROVES("GC-17");
}

/*
 * A ring of its own in each family, both cut only by the descriptor that the
 * other family's ring holds: neither may go before the way in is closed.
 */
TEST_F_TIMEOUT(both, hanging_on, 120)
{
	struct scm_probe p[6];
	int way = variant->way_in_unix, far = !way, *in, *out, a, b;

	in = way ? self->u : self->v;
	out = way ? self->v : self->u;
	ASSERT_EQ(0, gc_put(in[1], in[1], &p[0]));
	ASSERT_EQ(0, gc_put(in[1], out[0], &p[1]));
	ASSERT_EQ(0, gc_put(in[0], in[0], &p[2]));
	ASSERT_EQ(0, gc_put(out[1], out[0], &p[3]));
	ASSERT_EQ(0, gc_put(out[1], in[0], &p[4]));
	ASSERT_EQ(0, gc_put(out[1], out[1], &p[5]));
	close(out[0]);
	close(out[1]);
	close(in[1]);
	COLLECT_BOTH(3);
	for (a = 0; a < 6; a++)
		ASSERT_TRUE(scm_open(&p[a]));

	/* Take the edges between the families out. */
	a = gc_take(in[0], 0, &p[0]);
	b = gc_take(in[0], 0, &p[1]);
	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	in[1] = a;
	a = gc_take(b, MSG_PEEK, &p[3]);
	ASSERT_LE(0, a);
	close(a);
	a = gc_take(b, 0, &p[3]);
	ASSERT_LE(0, a);
	close(a);
	a = gc_take(b, 0, &p[4]);
	ASSERT_LE(0, a);
	close(a);
	/* What is left is garbage that each family can see. */
	ASSERT_EQ(0, gc_put(in[1], in[0], &p[0]));
	close(in[0]);
	close(in[1]);
	ASSERT_TRUE(gc_gone(way ? AF_UNIX : AF_VUNIX, &p[0], 1));
	ASSERT_TRUE(gc_gone(way ? AF_UNIX : AF_VUNIX, &p[2], 1));
	close(b);
	ASSERT_TRUE(gc_gone(far ? AF_UNIX : AF_VUNIX, &p[5], 1));
	ASSERT_TRUE(gc_drained(AF_UNIX, self->base[0]));
	ASSERT_TRUE(gc_drained(AF_VUNIX, self->base[1]));
	PROVES("GC-17");
}

TEST_HARNESS_MAIN
