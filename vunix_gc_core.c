// SPDX-License-Identifier: GPL-2.0
/*
 * Which sockets in flight can nobody reach any more?  The search itself, free
 * of kernel types; vunix_gc.c feeds it and acts on what it finds.
 *
 * A socket is reachable if anything but a queue of this family holds its file
 * (a descriptor table, a call at work, a queue of another family), or if it is
 * in the queue of a socket that is reachable.  A cycle consists of sockets that
 * are in flight and have sockets in their own queue, so only those are
 * suspects; what else is in flight goes when the queue goes that holds it.
 *
 * For the suspects of a group (a connected component) the search counts
 * how often each is in a queue of the group.  Whose file has more references
 * than that is live, and so is all that a live one's queue holds, and so on.
 * The rest is unreachable -- if nothing has moved meanwhile, for no lock is
 * held.  So it is checked:
 *
 *   before  for each member, the count of its changes;
 *           then its queues are followed and its references read;
 *   barrier
 *   after   queues are followed once more, and for each member of the rest:
 *           references == times in flight == times found in queues of the
 *           rest, and the count of changes is what it was.
 *
 * Why nothing reachable is ever found: call the references to a socket that no
 * queue holds its outside ones.  The check says that each member of the rest had
 * none at its moment "before", and none at its moment "after"; that all queues
 * it is in, in between, are of members of the rest; and that nothing was taken,
 * duplicated or accepted from the member's queue in between.  Take the first
 * outside reference that any member gets behind its moment "after".
 * It was taken (or duplicated) from the queue of another member by a call on
 * that member, and a call on a socket holds an outside reference of it all
 * along.  The call changes the member's count first.  If it began after that
 * member's moment "after", the member had got an outside reference earlier: it
 * was not the first.  Else it was at work at that moment, which the references
 * show, or had ended: then its change of the count came after the moment
 * "before" and shows, or else it was at work at the moment "before", and the
 * references showed it then.  selftests/gc-check lets
 * sockets move between any two reads to see that this holds.
 *
 * If a member fails the check, it is taken for live, with all that its queue
 * leads to, and the check is repeated for the rest; a group that does not come
 * to rest is left for the next time.  No other group waits for it.
 */
#include "vunix_gc_core.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

/* Checks of a group before it is left for the next time. */
#define VUNIX_GC_ROUNDS	8

static struct vunix_gc_node *find_parent(struct vunix_gc_node *node)
{
	/* Halve the path on the way. */
	while (node->parent != node) {
		node->parent = node->parent->parent;
		node = node->parent;
	}
	return node;
}

static void visit_join(struct vunix_gc_pass *pass, struct vunix_gc_node *from,
		       struct vunix_gc_node *node)
{
	struct vunix_gc_node *a, *b;

	if (node->run != pass->run)
		return;
	a = find_parent(from);
	b = find_parent(node);
	if (a != b)
		a->parent = b;
}

static void visit_count(struct vunix_gc_pass *pass, struct vunix_gc_node *from,
			struct vunix_gc_node *node)
{
	if (node->run == pass->run)
		node->found++;
}

static void make_live(struct vunix_gc_pass *pass, struct vunix_gc_node *node)
{
	node->live = 1;
	node->work = pass->work;
	pass->work = node;
}

static void visit_live(struct vunix_gc_pass *pass, struct vunix_gc_node *from,
		       struct vunix_gc_node *node)
{
	if (node->run == pass->run && !node->live)
		make_live(pass, node);
}

static void follow(struct vunix_gc_pass *pass, struct vunix_gc_node *node,
		   vunix_gc_visit visit)
{
	pass->ops->each_queued(pass, node, visit);
	pass->ops->relax();
}

/* What live sockets' queues hold is live. */
static void spread_life(struct vunix_gc_pass *pass)
{
	struct vunix_gc_node *node;

	while ((node = pass->work)) {
		pass->work = node->work;
		follow(pass, node, visit_live);
	}
}

static struct vunix_gc_node *without_live(struct vunix_gc_pass *pass,
					  struct vunix_gc_node *list)
{
	struct vunix_gc_node **link = &list;

	while (*link) {
		pass->ops->relax();
		if ((*link)->live)
			*link = (*link)->next;
		else
			link = &(*link)->next;
	}
	return list;
}

static void count_found(struct vunix_gc_pass *pass, struct vunix_gc_node *list)
{
	struct vunix_gc_node *node;

	for (node = list; node; node = node->next) {
		node->found = 0;
		pass->ops->relax();
	}
	for (node = list; node; node = node->next)
		follow(pass, node, visit_count);
}

/* The order of reading is that of vunix_gc_ops.changes. */
static int is_confirmed(const struct vunix_gc_ops *ops,
			const struct vunix_gc_node *node)
{
	return ops->inflight(node) == node->found &&
	       ops->refs(node) == node->found &&
	       ops->changes(node) == node->changes;
}

/* Returns 0 if some had to be taken for live. */
static int confirm(struct vunix_gc_pass *pass, struct vunix_gc_node *list)
{
	struct vunix_gc_node *node;

	/* All was read once before anything is read again. */
	pass->ops->mb();
	count_found(pass, list);
	for (node = list; node; node = node->next) {
		if (!is_confirmed(pass->ops, node))
			make_live(pass, node);
		pass->ops->relax();
	}
	return !pass->work;
}

/*
 * vunix_gc_groups() - divide the sockets into groups that have no connection
 * @pass: the searcher
 * @all: sockets, linked through ->all
 *
 * Context: may sleep (ops->relax()).
 * Return: one socket of each group, linked through ->work; its ->group leads
 * to the group, linked through ->next.
 */
struct vunix_gc_node *vunix_gc_groups(struct vunix_gc_pass *pass,
				      struct vunix_gc_node *all)
{
	struct vunix_gc_node *node, *head, *groups = NULL;

	pass->run++;
	for (node = all; node; node = node->all) {
		node->run = pass->run;
		node->parent = node;
		node->group = NULL;
		pass->ops->relax();
	}
	for (node = all; node; node = node->all)
		follow(pass, node, visit_join);
	for (node = all; node; node = node->all) {
		head = find_parent(node);
		if (!head->group) {
			head->work = groups;
			groups = head;
		}
		node->next = head->group;
		head->group = node;
		pass->ops->relax();
	}
	return groups;
}

/*
 * vunix_gc_unreachable() - find the sockets of a group that nobody can reach
 * @pass: the searcher
 * @group: sockets, linked through ->next
 *
 * Context: may sleep (ops->relax()).
 * Return: what was found, linked through ->next.  Nobody will ever reach it;
 * new things can be queued on it by others, and it may even be closed, but
 * only by whoever empties its queues.
 */
struct vunix_gc_node *vunix_gc_unreachable(struct vunix_gc_pass *pass,
					   struct vunix_gc_node *group)
{
	struct vunix_gc_node *node;
	int round;

	pass->run++;
	pass->work = NULL;
	for (node = group; node; node = node->next) {
		node->run = pass->run;
		node->live = 0;
		node->changes = pass->ops->changes(node);
		pass->ops->relax();
	}
	count_found(pass, group);
	for (node = group; node; node = node->next) {
		if (pass->ops->refs(node) != node->found)
			make_live(pass, node);
		pass->ops->relax();
	}

	for (round = 0; group && round < VUNIX_GC_ROUNDS; round++) {
		spread_life(pass);
		group = without_live(pass, group);
		if (confirm(pass, group))
			return group;
	}
	pass->work = NULL;
	return NULL;
}
