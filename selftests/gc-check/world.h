/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The small world in which the search and the tasks race.
 *
 * world.c      its sockets and messages, what of it can be reached, and what
 *              can be wrong with it
 * calls.c      what tasks do: calls as lists of steps
 * schedules.c  who takes the next step, the collector, and what must hold
 *
 * Tasks share a table of descriptors, as threads do.  A call on a socket holds a
 * reference to its file, taken as fget() does: loaded from the table, taken if
 * it is not zero, and dropped if the table holds another by then.  Anybody can
 * send or connect to any socket that is not closed, by its name.
 */
#ifndef GC_CHECK_WORLD_H
#define GC_CHECK_WORLD_H

#include "../../include/vunix_gc_core.h"
#include "gc-check.h"

#define MAX_SOCKS	24
#define MAX_PARCELS	96
#define MAX_TASKS	4
#define MAX_FDS		5
#define MAX_FILES	2	/* in a message */
#define MAX_DEPTH	3	/* of lists of steps */
#define MAX_STEPS	200000	/* none of them blocks for so long */

struct link {
	struct link *next, *prev;
};

enum parcel_state { BUILT, QUEUED, TAKEN, FREED };

struct vsock {
	struct vunix_gc_node	node;
	struct link		parcels;
	struct link		accept;		/* embryos of a listener */
	struct link		accept_node;	/* an embryo in that */
	struct vsock		*listener;	/* whose list it is in */
	struct vsock		*llnext;
	unsigned int		refs;		/* of the file */
	unsigned int		inflight, queued, changes;
	unsigned int		holds;		/* of the memory */
	bool			q_locked, io_locked;
	bool			has_file;	/* gc.file is set */
	bool			file_freed;
	bool			suspect, walked;
	bool			can_listen, listening;
	bool			dead;		/* its queue is */
	bool			freed;
	bool			reached;
	bool			found;		/* by the search */
};

struct parcel {
	struct link		node;
	struct vsock		*owner;
	struct vsock		*sk[MAX_FILES];
	unsigned int		nr;
	enum parcel_state	state;
};

struct task;

enum verdict { NEXT, AGAIN, RESTART, ABORT };

/* A step, or a list of steps that may differ with the mutation. */
struct op {
	enum verdict		(*step)(struct task *t);
	const struct op		**list;
	const char		*name;
};

struct task {
	const struct op		*op, *begin;
	const struct op		*back[MAX_DEPTH], *back_begin[MAX_DEPTH];
	unsigned int		depth;
	unsigned int		i, sub;		/* where a step of many is */
	unsigned int		fd, nr_wanted;
	struct vsock		*self;		/* its file is held */
	bool			sure;		/* and was in the table */
	struct vsock		*other;		/* its memory is held */
	struct vsock		*from;		/* its queue is used */
	struct vsock		*candidate;
	struct parcel		*p;
	struct vsock		*got[MAX_FILES];	/* files held */
	unsigned int		nr_got;
	bool			dropping;	/* only to drop them */
	bool			closes;		/* what it used */
	bool			was_walked;
	bool			refused;
	bool			sleeps;
	unsigned int		wakes;		/* when */
};

enum mutation {
	NONE,
	UNLINK_UNTOUCHED,
	UNLINK_LATE,
	UNLINK_UNCOUNTED,
	PEEK_UNTOUCHED,
	PEEK_LATE,
	ACCEPT_UNTOUCHED,
	ACCEPT_LATE,
	LINK_UNCOUNTED,
	BOTH_UNCOUNTED,
	FGET_UNCHECKED,
	NO_LOOK_AT_SENT,
	NO_LOOK_AT_RECEIVER,
	NO_LOOK_AT_LISTENER,
	NO_LOOK_BACK,
	LOOK_EARLY,
	FREE_AT_ONCE,
	FREE_EMBRYO_AT_ONCE,
	FLAGS_EARLY,
};

/* world.c */
extern enum mutation mutation;

extern struct vsock socks[MAX_SOCKS];
extern struct parcel parcels[MAX_PARCELS];
extern struct task tasks[MAX_TASKS], collector;
extern struct vsock *fds[MAX_FDS];
extern unsigned int nr_socks, nr_parcels, nr_tasks, nr_fds;

/* Files without references: to be released. */
extern struct vsock *zombies[MAX_SOCKS];
extern unsigned int nr_zombies;

/* Freed when the walk ends. */
extern struct parcel *rcu_parcels[MAX_PARCELS];
extern struct vsock *rcu_socks[MAX_PARCELS];
extern unsigned int nr_rcu_parcels, nr_rcu_socks;
extern bool rcu_reader;

/* New suspects. */
extern struct vsock *gc_new;

static inline unsigned int id(const struct vsock *s)
{
	return s - socks;
}

void list_init(struct link *head);
void list_add_tail(struct link *new, struct link *head);
void list_del(struct link *old);
struct parcel *first_parcel(struct vsock *s);
struct vsock *first_embryo(struct vsock *s);
struct vsock *new_sock(void);
bool has_room(void);
void unhold(struct vsock *s);
void free_parcel(struct parcel *p, bool holds);
void rcu_run(void);
void put(struct vsock *s);
void reach(void);

/* calls.c */
extern const struct op send_ops[], recv_ops[], peek_ops[], accept_call_ops[];
extern const struct op connect_ops[], listen_ops[], dup_ops[], close_ops[];
extern const struct op queue_ops[], purge_ops[], release_ops[];
extern unsigned int nr_steps;

void calls_mutate(void);
void begin(struct task *t, const struct op *ops);
bool advance(struct task *t);
bool has_touched(const struct task *t);
bool touches_late(const struct task *t);

#endif /* GC_CHECK_WORLD_H */
