/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The collector's search for sockets that nobody can reach: vunix_gc_core.c.
 * Free of kernel types, so that it is compiled for the module and for the
 * checks in selftests/gc-check alike.
 */
#ifndef VUNIX_GC_CORE_H
#define VUNIX_GC_CORE_H

struct vunix_gc_pass;

/*
 * struct vunix_gc_node - what the search knows of a socket
 *
 * Only the search writes here, except that who calls it links the sockets to
 * look at through @all.  A node starts zeroed.
 *
 * @all: next of all sockets of the search
 * @next: next of the group, or of the sockets found
 * @work: next that is live and whose queue has not been followed
 * @parent: towards the one that stands for the group
 * @group: of the one that stands for it: the group
 * @run: search in which the fields below mean something
 * @found: references found in queues of the group
 * @changes: count of changes when the search began
 * @live: somebody may reach it
 */
struct vunix_gc_node {
	struct vunix_gc_node	*all;
	struct vunix_gc_node	*next;
	struct vunix_gc_node	*work;
	struct vunix_gc_node	*parent;
	struct vunix_gc_node	*group;
	unsigned long long	run;
	unsigned long		found;
	unsigned long		changes;
	unsigned char		live;
};

typedef void (*vunix_gc_visit)(struct vunix_gc_pass *pass,
			       struct vunix_gc_node *from,
			       struct vunix_gc_node *node);

/*
 * struct vunix_gc_ops - the sockets, as the search sees them
 *
 * None of them locks anything: what is read may change at the same time, and
 * the search is built for that.
 *
 * @refs: references to the socket's file; 0 if it is being closed
 * @inflight: how many of them queues of this family hold
 * @changes: a number that has changed whenever, since it was last asked for,
 *	the socket was queued somewhere or taken out of a queue, or something
 *	was taken out of, duplicated from or accepted from its own queue.  It
 *	changes before anybody has what is taken, duplicated or accepted.
 *	Reads before what is read after it, and after what was read before it.
 * @each_queued: visit each socket in the queue of @node, and in those of its
 *	connections that are not accepted; as often as it is there
 * @mb: full memory barrier
 * @relax: called now and then, may sleep
 */
struct vunix_gc_ops {
	unsigned long	(*refs)(const struct vunix_gc_node *node);
	unsigned long	(*inflight)(const struct vunix_gc_node *node);
	unsigned long	(*changes)(const struct vunix_gc_node *node);
	void		(*each_queued)(struct vunix_gc_pass *pass,
				       struct vunix_gc_node *node,
				       vunix_gc_visit visit);
	void		(*mb)(void);
	void		(*relax)(void);
};

/*
 * struct vunix_gc_pass - the searcher; one at a time for a set of sockets
 * @ops: access to the sockets
 * @run: number of the last search
 * @work: live sockets whose queues have not been followed
 */
struct vunix_gc_pass {
	const struct vunix_gc_ops	*ops;
	unsigned long long		run;
	struct vunix_gc_node		*work;
};

struct vunix_gc_node *vunix_gc_groups(struct vunix_gc_pass *pass,
				      struct vunix_gc_node *all);
struct vunix_gc_node *vunix_gc_unreachable(struct vunix_gc_pass *pass,
					   struct vunix_gc_node *group);

#endif /* VUNIX_GC_CORE_H */
