// SPDX-License-Identifier: GPL-2.0
/*
 * Which operations of a program have to do with each other: those on one socket, on
 * its peer, on what was sent through it.  A program is followed along its trace, as
 * only that tells what a slot held when.
 *
 * Sockets are nodes, by the numbers that traces have for them (T_IDENT), and so are
 * pipes, files and names.  Nodes that are connected are one set.  All that have been
 * connected by one name are, too, so sets are too large rather than too small.
 */
#include <string.h>

#include "fuzz.h"

/* Identities of the process, and those that its child has given since */
#define NODE_PATH	(2 * NIDENTS)
#define NODE_ABSTRACT	(NODE_PATH + NFILES)
#define NODE_ELSE	(NODE_ABSTRACT + NFILES)	/* any other name */
#define NODES		(NODE_ELSE + 1)
#define MAX_ENDS	4	/* slots that an operation names */
#define MAX_LEADS	(4 * MAX_OPS)

static short set[NODES];		/* union-find */
static unsigned char type[NODES];
/* What happens at one shows at the other: what is sent there, watched, spliced */
static struct {
	short from, to;
} leads[MAX_LEADS];
static int nleads;
static short ends[MAX_OPS][MAX_ENDS];	/* nodes of each operation, or -1 */
static short held[2][NSLOTS];		/* by process and child, or -1 */
static int newest, forked_at;		/* identities that both processes share */

static int set_of(int node)
{
	while (set[node] != node) {
		set[node] = set[set[node]];
		node = set[node];
	}
	return node;
}

static void join(int a, int b)
{
	if (a >= 0 && b >= 0)
		set[set_of(a)] = set_of(b);
}

static void lead(int from, int to)
{
	if (from < 0 || to < 0 || nleads == MAX_LEADS)
		return;
	leads[nleads].from = from;
	leads[nleads++].to = to;
}

static int name_node(const short *slot, int kind, int i)
{
	switch (kind) {
	case ADDR_PATH:
		return NODE_PATH + choice(i, NFILES);
	case ADDR_LINK:
		return NODE_PATH;
	case ADDR_NUL:
		return NODE_PATH + 1;
	case ADDR_UNTERMINATED:
		return NODE_PATH + 2;
	case ADDR_ABSTRACT:
		return NODE_ABSTRACT + choice(i, NFILES);
	case ADDR_NAMEOF:
		return slot[choice(i, NSLOTS)];
	case ADDR_NULL:
	case ADDR_EMPTY:
	case ADDR_UNSPEC:
		return -1;
	}
	return NODE_ELSE;
}

/* What a control message carries */
static void lead_control(const short *slot, int from, int kind, int x)
{
	int i;

	switch (kind) {
	case CMSG_NONE:
	case CMSG_CRED:
	case CMSG_CRED_UID:
	case CMSG_CRED_PID:
	case CMSG_SELF:
		return;
	}
	for (i = 0; i < (kind == CMSG_FDS ? CMSG_FDS_N : 1); i++)
		lead(from, slot[cmsg_slot(x, i)]);
}

/*
 * An operation that went well.  with: nodes that it began with, id: those of what
 * has got into slots
 */
static void went_well(const struct op *op, short *slot, const short *with,
		      const short *id)
{
	const int *a = op->a;
	int s = with[0], i;

	switch (op->code) {
	case OP_SOCKET:
		slot[a[0]] = id[0];
		if (id[0] >= 0)
			type[id[0]] = a[1];
		break;
	case OP_PAIR:
		slot[a[0]] = id[0];
		slot[a[1]] = id[1];
		join(id[0], id[1]);
		for (i = 0; i < 2; i++)
			if (id[i] >= 0)
				type[id[i]] = a[2];
		break;
	case OP_PIPE:
		slot[a[0]] = id[0];
		slot[a[1]] = id[1];
		break;
	case OP_EPOLL:
	case OP_FILE:
		slot[a[0]] = id[0];
		break;
	case OP_DUP:
		slot[a[1]] = s;
		break;
	case OP_ACCEPT:
		slot[a[1]] = id[0];
		join(s, id[0]);
		break;
	case OP_BIND:
	case OP_CONNECT:
		join(s, name_node(slot, a[1], a[2]));
		break;
	case OP_SENDTO:
		join(s, name_node(slot, a[3], a[4]));
		break;
	case OP_SENDMSG:
		join(s, name_node(slot, a[3], a[4]));
		lead_control(slot, s, a[6], a[7]);
		break;
	case OP_SENDMMSG:
		lead_control(slot, s, a[4], a[5]);
		break;
	case OP_RECVMSG:
	case OP_RECVMMSG:
		if (id[0] >= 0)
			slot[a[5]] = id[0];
		break;
	case OP_SPLICE_IN:
	case OP_SENDFILE:
	case OP_EPCTL:
		lead(with[1], s);
		break;
	case OP_SPLICE_OUT:
		lead(s, with[1]);
		break;
	case OP_RENAME:
		join(name_node(slot, ADDR_PATH, a[0]),
		     name_node(slot, ADDR_PATH, a[1]));
		break;
	case OP_CLOSE:
		slot[a[0]] = -1;
		break;
	case OP_FORK:
		memcpy(held[1], held[0], sizeof(held[1]));
		forked_at = newest + 1;
	}
}

static int is_child(const struct op *op)
{
	return op->actor == CHILD && !for_main(op->code);
}

static void note_ends(int i, const struct op *op)
{
	const char *args = op_info[op->code].args;
	int j, n = 0;

	for (j = 0; args[j]; j++)
		if (args[j] == 's')
			ends[i][n++] = held[is_child(op)][op->a[j]];
}

static int ident_node(const struct op *op, long long ident)
{
	if (ident < 0 || ident >= NIDENTS)
		return -1;
	if (is_child(op) && ident >= forked_at)
		return ident + NIDENTS;
	if (ident > newest)
		newest = ident;
	return ident;
}

void streams_follow(const struct program *p, const struct trace *t,
		    unsigned int end)
{
	enum tag before = NTAGS;
	const struct op *op = NULL;
	short id[2] = { -1, -1 };
	int i, at = 0, n = 0, well = 0;
	unsigned int pos = 0;
	struct entry e;
	long long v;

	for (i = 0; i < NODES; i++)
		set[i] = i;
	memset(type, 0, sizeof(type));
	memset(ends, -1, sizeof(ends));
	memset(held, -1, sizeof(held));
	nleads = 0;
	newest = -1;
	forked_at = 0;
	while (pos < end && rec_next(t, &pos, &e)) {
		v = 0;
		if (e.len == sizeof(v))
			memcpy(&v, e.p, sizeof(v));
		switch (e.tag) {
		case T_OP:
		case T_END:
			if (well)
				went_well(op, held[is_child(op)], ends[at], id);
			at = v & 0xffff;
			op = &p->op[at];
			if (e.tag == T_OP)
				note_ends(at, op);
			well = 0;
			n = 0;
			id[0] = -1;
			id[1] = -1;
			break;
		case T_RET:
			well |= v >= 0;
			break;
		case T_IDENT:
			i = ident_node(op, v);
			/* That of a descriptor that is received comes twice. */
			if (n < 2 && !(before == T_FD && op->code != OP_PAIR))
				id[n++] = i;
			break;
		default:
			break;
		}
		before = e.tag;
	}
	if (well)
		went_well(op, held[is_child(op)], ends[at], id);
}

int streams_is_dgram(int i)
{
	int node = ends[i][0];

	return node >= 0 && type_index(type[node]) == SLOT_DGRAM;
}

int streams_reach(int from, int to)
{
	static unsigned char reached[NODES];
	int i, more;

	memset(reached, 0, sizeof(reached));
	for (i = 0; i < MAX_ENDS; i++)
		if (ends[from][i] >= 0)
			reached[set_of(ends[from][i])] = 1;
	do {
		more = 0;
		for (i = 0; i < nleads; i++) {
			int next = set_of(leads[i].to);

			if (!reached[set_of(leads[i].from)] || reached[next])
				continue;
			reached[next] = 1;
			more = 1;
		}
	} while (more);
	for (i = 0; i < MAX_ENDS; i++)
		if (ends[to][i] >= 0 && reached[set_of(ends[to][i])])
			return 1;
	return 0;
}
