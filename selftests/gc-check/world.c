// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets and messages of the small world: their memory, what of them can be
 * reached, and what the simulated kernel may be told to do wrong.
 *
 * What is reachable is known here: what the table holds, and tasks at work, and
 * what the queues of those hold.  References that will only be dropped are
 * none: a stale one of fget(), and those of who empties the queue of a socket
 * that is closed.
 */
#include <stdio.h>
#include <string.h>
#include "world.h"

enum mutation mutation;

struct vsock socks[MAX_SOCKS];
struct parcel parcels[MAX_PARCELS];
struct task tasks[MAX_TASKS], collector;
struct vsock *fds[MAX_FDS];
unsigned int nr_socks, nr_parcels, nr_tasks, nr_fds;

struct vsock *zombies[MAX_SOCKS];
unsigned int nr_zombies;

struct parcel *rcu_parcels[MAX_PARCELS];
struct vsock *rcu_socks[MAX_PARCELS];
unsigned int nr_rcu_parcels, nr_rcu_socks;
bool rcu_reader;

struct vsock *gc_new;

/*
 * Memory
 */

void list_init(struct link *head)
{
	head->next = head;
	head->prev = head;
}

void list_add_tail(struct link *new, struct link *head)
{
	new->next = head;
	new->prev = head->prev;
	head->prev->next = new;
	head->prev = new;
}

/* Who stands on @old finds the way on. */
void list_del(struct link *old)
{
	old->prev->next = old->next;
	old->next->prev = old->prev;
}

struct parcel *first_parcel(struct vsock *s)
{
	return s->parcels.next == &s->parcels ? NULL :
		container_of(s->parcels.next, struct parcel, node);
}

struct vsock *first_embryo(struct vsock *s)
{
	return s->accept.next == &s->accept ? NULL :
		container_of(s->accept.next, struct vsock, accept_node);
}

struct vsock *new_sock(void)
{
	struct vsock *s = &socks[nr_socks++];

	memset(s, 0, sizeof(*s));
	list_init(&s->parcels);
	list_init(&s->accept);
	s->holds = 1;
	return s;
}

bool has_room(void)
{
	return nr_socks < MAX_SOCKS && nr_parcels < MAX_PARCELS;
}

void unhold(struct vsock *s)
{
	if (!s->holds)
		fail("holds of memory do not add up");
	if (!--s->holds)
		s->freed = true;
}

void free_parcel(struct parcel *p, bool holds)
{
	unsigned int i;

	for (i = 0; holds && i < p->nr; i++)
		unhold(p->sk[i]);
	p->state = FREED;
}

void rcu_run(void)
{
	while (nr_rcu_parcels)
		free_parcel(rcu_parcels[--nr_rcu_parcels], true);
	while (nr_rcu_socks)
		unhold(rcu_socks[--nr_rcu_socks]);
}

void put(struct vsock *s)
{
	if (!s->refs)
		fail("references to a file do not add up");
	if (!--s->refs)
		zombies[nr_zombies++] = s;
}

/*
 * What can be reached
 */

static void reach_one(struct vsock *s, struct vsock **stack,
		      unsigned int *depth)
{
	if (s->reached)
		return;
	s->reached = true;
	stack[(*depth)++] = s;
}

static void reach_queue(struct vsock *s, struct vsock **stack,
			unsigned int *depth)
{
	struct link *l;
	unsigned int i;

	for (l = s->parcels.next; l != &s->parcels; l = l->next) {
		struct parcel *p = container_of(l, struct parcel, node);

		for (i = 0; i < p->nr; i++)
			reach_one(p->sk[i], stack, depth);
	}
}

void reach(void)
{
	struct vsock *stack[MAX_SOCKS], *s;
	unsigned int depth = 0, i, j;
	struct task *t;
	struct link *l;

	for (i = 0; i < nr_socks; i++)
		socks[i].reached = false;
	for (i = 0; i < MAX_FDS; i++)
		if (fds[i])
			reach_one(fds[i], stack, &depth);
	for (i = 0; i < nr_tasks; i++) {
		t = &tasks[i];
		if (t->self && t->sure)
			reach_one(t->self, stack, &depth);
		for (j = 0; j < t->nr_got && !t->dropping; j++)
			reach_one(t->got[j], stack, &depth);
	}
	while (depth) {
		s = stack[--depth];
		reach_queue(s, stack, &depth);
		for (l = s->accept.next; l != &s->accept; l = l->next)
			reach_queue(container_of(l, struct vsock, accept_node),
				    stack, &depth);
	}
}

/*
 * Mutations
 */

static const struct {
	const char	*name;
	const char	*what;
} mutations[] = {
	[NONE]			= { "none", "" },
	[UNLINK_UNTOUCHED]	= { "unlink-untouched",
		"receiving leaves the receiver's count of changes alone" },
	[UNLINK_LATE]		= { "unlink-late",
		"receiving counts changes after it handed out the files" },
	[UNLINK_UNCOUNTED]	= { "unlink-uncounted",
		"receiving leaves the received sockets' counts of changes alone" },
	[PEEK_UNTOUCHED]	= { "peek-untouched",
		"peeking does not count as a change" },
	[PEEK_LATE]		= { "peek-late",
		"peeking counts the change after it handed out the files" },
	[ACCEPT_UNTOUCHED]	= { "accept-untouched",
		"accepting does not count as a change" },
	[ACCEPT_LATE]		= { "accept-late",
		"accepting counts the change after it handed out the socket" },
	[LINK_UNCOUNTED]	= { "link-uncounted",
		"sending leaves the sent sockets' counts of changes alone" },
	[BOTH_UNCOUNTED]	= { "both-uncounted",
		"neither sending nor receiving counts the sockets' changes" },
	[FGET_UNCHECKED]	= { "fget-unchecked",
		"a call uses a file that is in the table no more" },
	[NO_LOOK_AT_SENT]	= { "no-look-at-sent",
		"sending does not ask if what it sent is a suspect" },
	[NO_LOOK_AT_RECEIVER]	= { "no-look-at-receiver",
		"sending does not ask if the receiver is a suspect" },
	[NO_LOOK_AT_LISTENER]	= { "no-look-at-listener",
		"listening does not ask if the listener is a suspect" },
	[NO_LOOK_BACK]		= { "no-look-back",
		"dismissing a suspect does not ask if it has become one again" },
	[LOOK_EARLY]		= { "look-early",
		"sending asks for suspects before it counts" },
	[FREE_AT_ONCE]		= { "free-at-once",
		"a parcel is freed without RCU" },
	[FREE_EMBRYO_AT_ONCE]	= { "free-embryo-at-once",
		"an accepted embryo is freed without RCU" },
	[FLAGS_EARLY]		= { "flags-early",
		"receiving reads the flags before it unlinks the parcel" },
};

void world_list_mutations(void)
{
	unsigned int i;

	for (i = NONE + 1; i < sizeof(mutations) / sizeof(*mutations); i++)
		printf("%-24s %s\n", mutations[i].name, mutations[i].what);
}

bool world_mutate(const char *name)
{
	unsigned int i;

	for (i = NONE + 1; i < sizeof(mutations) / sizeof(*mutations); i++)
		if (!strcmp(mutations[i].name, name))
			mutation = i;
	calls_mutate();
	return mutation != NONE;
}
