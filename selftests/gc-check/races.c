// SPDX-License-Identifier: GPL-2.0
/*
 * The search while sockets move.
 *
 * A small world of sockets, with tasks that send, receive, peek, accept,
 * connect, listen, duplicate and close.  A call is a list of steps, each a single
 * access to memory that others see, in the order in which vunix_gc.c and its
 * callers have them.  Whatever the search reads, before it reads the tasks may
 * have made any number of steps.  Memory is sequentially consistent here; what
 * barriers are for is the litmus tests' business.
 *
 * Tasks share a table of descriptors, as threads do.  A call on a socket holds a
 * reference to its file, taken as fget() does: loaded from the table, taken if
 * it is not zero, and dropped if the table holds another by then.  Anybody can
 * send or connect to any socket that is not closed, by its name.
 *
 * What is reachable is known here: what the table holds, and tasks at work, and
 * what the queues of those hold.  References that will only be dropped are
 * none: a stale one of fget(), and those of who empties the queue of a socket
 * that is closed.
 *
 * Also simulated: how sockets become suspects, and what is freed by RCU only if
 * its queue may be walked.  A walk that meets freed memory is a failure.
 */
#include <stdio.h>
#include <string.h>
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

static enum mutation mutation;

enum call { SEND, RECEIVE, PEEK, LISTEN, CONNECT, DUPLICATE, CLOSE, NR_CALLS };

static struct vsock socks[MAX_SOCKS];
static struct parcel parcels[MAX_PARCELS];
static struct task tasks[MAX_TASKS], collector;
static struct vsock *fds[MAX_FDS];
static unsigned int nr_socks, nr_parcels, nr_tasks, nr_fds;

static unsigned int budget;	/* calls that may still begin */
static unsigned int weights[NR_CALLS];	/* how often they are */
static unsigned int pace;	/* the more, the seldomer and longer they run */
static unsigned int nr_steps, now;
static bool chase;		/* see setup_chase() */

/* Files without references: to be released. */
static struct vsock *zombies[MAX_SOCKS];
static unsigned int nr_zombies;

/* Freed when the walk ends. */
static struct parcel *rcu_parcels[MAX_PARCELS];
static struct vsock *rcu_socks[MAX_PARCELS];
static unsigned int nr_rcu_parcels, nr_rcu_socks;
static bool rcu_reader;

static struct vsock *gc_new;
static struct vunix_gc_node *gc_all;
static unsigned int confirms;

static struct {
	unsigned long long schedules, calls, steps, passes, searches, found;
	unsigned long long looked_dead, stood, gave_up, most;
} figures;

static unsigned int id(const struct vsock *s)
{
	return s - socks;
}

/*
 * Memory
 */

static void list_init(struct link *head)
{
	head->next = head;
	head->prev = head;
}

static void list_add_tail(struct link *new, struct link *head)
{
	new->next = head;
	new->prev = head->prev;
	head->prev->next = new;
	head->prev = new;
}

/* Who stands on @old finds the way on. */
static void list_del(struct link *old)
{
	old->prev->next = old->next;
	old->next->prev = old->prev;
}

static struct parcel *first_parcel(struct vsock *s)
{
	return s->parcels.next == &s->parcels ? NULL :
		container_of(s->parcels.next, struct parcel, node);
}

static struct vsock *first_embryo(struct vsock *s)
{
	return s->accept.next == &s->accept ? NULL :
		container_of(s->accept.next, struct vsock, accept_node);
}

static struct vsock *new_sock(void)
{
	struct vsock *s = &socks[nr_socks++];

	memset(s, 0, sizeof(*s));
	list_init(&s->parcels);
	list_init(&s->accept);
	s->holds = 1;
	return s;
}

static bool has_room(void)
{
	return nr_socks < MAX_SOCKS && nr_parcels < MAX_PARCELS;
}

static void unhold(struct vsock *s)
{
	if (!s->holds)
		fail("holds of memory do not add up");
	if (!--s->holds)
		s->freed = true;
}

static void free_parcel(struct parcel *p, bool holds)
{
	unsigned int i;

	for (i = 0; holds && i < p->nr; i++)
		unhold(p->sk[i]);
	p->state = FREED;
}

static void rcu_run(void)
{
	while (nr_rcu_parcels)
		free_parcel(rcu_parcels[--nr_rcu_parcels], true);
	while (nr_rcu_socks)
		unhold(rcu_socks[--nr_rcu_socks]);
}

static void put(struct vsock *s)
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

static void reach(void)
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
 * Steps of fget() and fput()
 */

static enum verdict load_fd(struct task *t)
{
	t->candidate = fds[t->fd];
	return t->candidate ? NEXT : ABORT;
}

static enum verdict take_file(struct task *t)
{
	if (!t->candidate->refs)
		return ABORT;
	t->candidate->refs++;
	t->self = t->candidate;
	return NEXT;
}

static enum verdict recheck_fd(struct task *t)
{
	if (fds[t->fd] != t->self && mutation != FGET_UNCHECKED) {
		put(t->self);
		return ABORT;
	}
	t->sure = true;
	return NEXT;
}

static enum verdict put_self(struct task *t)
{
	put(t->self);
	t->self = NULL;
	return NEXT;
}

/* For some calls: the descriptor they used goes. */
static enum verdict close_fd(struct task *t)
{
	if (!t->closes || fds[t->fd] != t->self)
		return NEXT;
	fds[t->fd] = NULL;
	nr_fds--;
	/* The call's own is still there. */
	t->self->refs--;
	return NEXT;
}

/* Each file to a descriptor, or none is free and it is closed. */
static enum verdict install(struct task *t)
{
	unsigned int i;

	if (!t->nr_got)
		return NEXT;
	t->nr_got--;
	for (i = 0; i < MAX_FDS && !t->dropping && !one_in(32); i++) {
		if (fds[i])
			continue;
		fds[i] = t->got[t->nr_got];
		nr_fds++;
		return AGAIN;
	}
	put(t->got[t->nr_got]);
	return AGAIN;
}

/*
 * Steps of locks
 */

static enum verdict lock_io(struct task *t)
{
	if (t->self->io_locked)
		return AGAIN;
	t->self->io_locked = true;
	return NEXT;
}

static enum verdict unlock_io(struct task *t)
{
	t->self->io_locked = false;
	return NEXT;
}

static enum verdict lock_q(struct task *t)
{
	if (t->from->q_locked)
		return AGAIN;
	t->from->q_locked = true;
	return NEXT;
}

static enum verdict unlock_q(struct task *t)
{
	t->from->q_locked = false;
	return NEXT;
}

static enum verdict from_self(struct task *t)
{
	t->from = t->self;
	return NEXT;
}

/*
 * Steps of vunix_gc_link(), and around it
 */

/* fget() of what is to be sent: fails for some, which are not sent then. */
static enum verdict gather(struct task *t)
{
	unsigned int fd;

	switch (t->sub++) {
	case 0:
		if (t->nr_got == t->nr_wanted) {
			t->sub = 0;
			return t->nr_got ? NEXT : ABORT;
		}
		do {
			fd = one_in(4) ? t->fd : below(MAX_FDS);
		} while (!fds[fd] && nr_fds);
		t->i = fd;
		t->candidate = fds[fd];
		if (t->candidate)
			return AGAIN;
		break;
	case 1:
		if (!t->candidate->refs)
			break;
		t->candidate->refs++;
		return AGAIN;
	case 2:
		if (fds[t->i] != t->candidate && mutation != FGET_UNCHECKED) {
			put(t->candidate);
			break;
		}
		t->got[t->nr_got++] = t->candidate;
		t->sub = t->closes ? 3 : 0;
		return AGAIN;
	case 3:
		/* What is sent is often closed, here at the first chance. */
		if (fds[t->i] == t->candidate) {
			fds[t->i] = NULL;
			nr_fds--;
			t->candidate->refs--;
		}
		t->sub = 0;
		return AGAIN;
	}
	t->sub = 0;
	t->nr_wanted--;
	return AGAIN;
}

static enum verdict build_parcel(struct task *t)
{
	unsigned int i;

	t->p = &parcels[nr_parcels++];
	t->p->state = BUILT;
	t->p->owner = t->from;
	t->p->nr = t->nr_got;
	for (i = 0; i < t->nr_got; i++) {
		t->p->sk[i] = t->got[i];
		t->got[i]->has_file = true;
	}
	t->i = 0;
	t->sub = 0;
	return NEXT;
}

static enum verdict may_queue(struct task *t)
{
	t->refused = t->from->dead || t->from->listening;
	return NEXT;
}

static enum verdict link_count(struct task *t)
{
	struct vsock *s;

	if (t->refused || t->i == t->p->nr) {
		t->i = 0;
		return NEXT;
	}
	s = t->p->sk[t->i];
	if (!t->sub) {
		if (mutation != LINK_UNCOUNTED &&
		    mutation != BOTH_UNCOUNTED)
			s->changes++;
		t->sub = 1;
	} else {
		s->inflight++;
		t->sub = 0;
		t->i++;
	}
	return AGAIN;
}

/* From here on the queue has the files. */
static enum verdict link_add(struct task *t)
{
	if (t->refused)
		return NEXT;
	list_add_tail(&t->p->node, &t->from->parcels);
	t->p->state = QUEUED;
	t->nr_got = 0;
	return NEXT;
}

static enum verdict link_queued(struct task *t)
{
	if (!t->refused)
		t->from->queued += t->p->nr;
	t->i = 0;
	t->sub = 0;
	return NEXT;
}

/* make_suspect() of the sockets sent and of the receiver, if they are */
static enum verdict look(struct task *t)
{
	unsigned int nr = t->p ? t->p->nr : 0;
	struct vsock *s;

	if (mutation == NO_LOOK_AT_SENT && t->i < nr)
		t->i = nr;
	if (t->refused || t->i > nr ||
	    (mutation == NO_LOOK_AT_RECEIVER && nr && t->i == nr)) {
		t->i = 0;
		t->sub = 0;
		return NEXT;
	}
	s = t->i < nr ? t->p->sk[t->i] : t->from;
	switch (t->sub++) {
	case 0:
		if (s->inflight)
			return AGAIN;
		break;
	case 1:
		if (s->queued)
			t->sub = 3;
		return AGAIN;
	case 2:
		if (s->listening)
			return AGAIN;
		break;
	case 3:
		if (s->suspect)
			break;
		s->suspect = true;
		s->holds++;
		return AGAIN;
	case 4:
		s->llnext = gc_new;
		gc_new = s;
		break;
	}
	t->sub = 0;
	t->i++;
	return AGAIN;
}

static enum verdict unhold_other(struct task *t)
{
	unhold(t->other);
	t->other = NULL;
	t->p = NULL;
	return NEXT;
}

/*
 * Steps of vunix_gc_unlink(), and around it
 */

static enum verdict take_parcel(struct task *t)
{
	t->p = first_parcel(t->from);
	t->i = 0;
	t->sub = 0;
	return NEXT;
}

static enum verdict touch(struct task *t)
{
	if (t->p && mutation != UNLINK_UNTOUCHED)
		t->from->changes++;
	return NEXT;
}

/* From here on the task has the files. */
static enum verdict unlink_del(struct task *t)
{
	if (!t->p)
		return NEXT;
	list_del(&t->p->node);
	t->p->state = TAKEN;
	memcpy(t->got, t->p->sk, sizeof(t->got));
	t->nr_got = t->p->nr;
	return NEXT;
}

static enum verdict unlink_flags(struct task *t)
{
	t->was_walked = t->from->suspect || t->from->walked;
	return NEXT;
}

static enum verdict unlink_count(struct task *t)
{
	struct vsock *s;

	if (!t->p || t->i == t->p->nr)
		return NEXT;
	s = t->p->sk[t->i];
	if (!t->sub) {
		if (t->was_walked)
			s->holds++;
		if (mutation != UNLINK_UNCOUNTED &&
		    mutation != BOTH_UNCOUNTED)
			s->changes++;
		t->sub = 1;
	} else {
		s->inflight--;
		t->sub = 0;
		t->i++;
	}
	return AGAIN;
}

static enum verdict unlink_queued(struct task *t)
{
	if (t->p)
		t->from->queued -= t->p->nr;
	return NEXT;
}

static enum verdict unlink_free(struct task *t)
{
	if (!t->p)
		return NEXT;
	if (t->was_walked && rcu_reader && mutation != FREE_AT_ONCE)
		rcu_parcels[nr_rcu_parcels++] = t->p;
	else
		free_parcel(t->p, t->was_walked);
	t->p = NULL;
	return NEXT;
}

/*
 * Steps of other calls
 */

static enum verdict choose_parcel(struct task *t)
{
	struct link *l = t->self->parcels.next;

	while (l->next != &t->self->parcels && one_in(2))
		l = l->next;
	if (l == &t->self->parcels) {
		t->self->io_locked = false;
		put(t->self);
		return ABORT;
	}
	t->p = container_of(l, struct parcel, node);
	return NEXT;
}

static enum verdict peek_touch(struct task *t)
{
	if (mutation != PEEK_UNTOUCHED)
		t->self->changes++;
	return NEXT;
}

static enum verdict peek_dup(struct task *t)
{
	if (t->p->state != QUEUED)
		fail("a queue was emptied under somebody who peeks");
	if (t->nr_got == t->p->nr) {
		t->p = NULL;
		return NEXT;
	}
	t->got[t->nr_got] = t->p->sk[t->nr_got];
	t->got[t->nr_got++]->refs++;
	return AGAIN;
}

static enum verdict choose_embryo(struct task *t)
{
	t->candidate = first_embryo(t->from);
	return NEXT;
}

static enum verdict accept_touch(struct task *t)
{
	if (t->candidate && mutation != ACCEPT_UNTOUCHED)
		t->from->changes++;
	return NEXT;
}

static enum verdict touch_late(struct task *t)
{
	if (t->from)
		t->from->changes++;
	return NEXT;
}

static enum verdict accept_del(struct task *t)
{
	struct vsock *s = t->candidate;

	if (!s)
		return NEXT;
	list_del(&s->accept_node);
	s->listener = NULL;
	if (t->dropping)
		return NEXT;
	/* The file that accept() has made. */
	s->refs = 1;
	t->got[0] = s;
	t->nr_got = 1;
	return NEXT;
}

static enum verdict accept_flags(struct task *t)
{
	struct vsock *s = t->candidate;

	if (!s || !(t->from->suspect || t->from->walked))
		return NEXT;
	s->walked = true;
	if (!rcu_reader || mutation == FREE_EMBRYO_AT_ONCE)
		return NEXT;
	s->holds++;
	rcu_socks[nr_rcu_socks++] = s;
	return NEXT;
}

/* Released where it was taken; here by whoever comes next. */
static enum verdict reset_embryo(struct task *t)
{
	if (!t->candidate)
		return NEXT;
	zombies[nr_zombies++] = t->candidate;
	t->candidate = NULL;
	return RESTART;
}

static enum verdict connect_add(struct task *t)
{
	struct vsock *s;

	if (t->from->dead || !t->from->listening || !has_room())
		return NEXT;
	s = new_sock();
	s->listener = t->from;
	list_add_tail(&s->accept_node, &t->from->accept);
	return NEXT;
}

static enum verdict begin_listen(struct task *t)
{
	t->from = t->self;
	t->p = NULL;
	t->refused = mutation == NO_LOOK_AT_LISTENER;
	t->self->listening = true;
	return NEXT;
}

static enum verdict duplicate(struct task *t)
{
	t->self->refs++;
	t->got[t->nr_got++] = t->self;
	return NEXT;
}

/*
 * Steps of release, of a file without references or of an embryo
 */

static enum verdict release_file(struct task *t)
{
	t->from->has_file = false;
	return NEXT;
}

static enum verdict release_kill(struct task *t)
{
	t->from->listening = false;
	t->from->dead = true;
	return NEXT;
}

static enum verdict purge_more(struct task *t)
{
	return first_parcel(t->from) ? RESTART : NEXT;
}

static enum verdict release_free(struct task *t)
{
	t->from->file_freed = true;
	unhold(t->from);
	return NEXT;
}

/*
 * Calls
 */

#define STEP(function) { .step = function, .name = #function }
#define STEPS(steps) { .list = &(steps), .name = #steps }
#define END { .name = NULL }

static const struct op fget_ops[] = {
	STEP(load_fd), STEP(take_file), STEP(recheck_fd), END
};

static const struct op link_ops[] = {
	STEP(link_count), STEP(link_add), STEP(link_queued), STEP(look), END
};

static const struct op link_look_early[] = {
	STEP(look), STEP(link_count), STEP(link_add), STEP(link_queued), END
};

static const struct op unlink_ops[] = {
	STEP(touch), STEP(unlink_del), STEP(unlink_flags), STEP(unlink_count),
	STEP(unlink_queued), STEP(unlink_free), END
};

static const struct op unlink_untouched[] = {
	STEP(unlink_del), STEP(unlink_flags), STEP(unlink_count),
	STEP(unlink_queued), STEP(unlink_free), END
};

static const struct op unlink_flags_early[] = {
	STEP(touch), STEP(unlink_flags), STEP(unlink_del), STEP(unlink_count),
	STEP(unlink_queued), STEP(unlink_free), END
};

static const struct op accept_ops[] = {
	STEP(accept_touch), STEP(accept_del), STEP(accept_flags), END
};

static const struct op accept_untouched[] = {
	STEP(accept_del), STEP(accept_flags), END
};

static const struct op nothing[] = {
	END
};

/* After the call is over. */
static const struct op late_ops[] = {
	STEP(touch_late), END
};

static const struct op *fget = fget_ops, *linking = link_ops;
static const struct op *unlinking = unlink_ops, *accepting = accept_ops;
static const struct op *received = nothing, *peeked = nothing;
static const struct op *accepted = nothing;

/* From the point where the files are held: setup begins here. */
static const struct op queue_ops[] = {
	STEP(build_parcel), STEP(lock_q), STEP(may_queue), STEPS(linking),
	STEP(unlock_q), STEP(unhold_other), STEP(install), END
};

static const struct op *queueing = queue_ops;

static const struct op send_ops[] = {
	STEP(gather), STEPS(queueing), END
};

static const struct op recv_ops[] = {
	STEPS(fget), STEP(from_self), STEP(lock_io), STEP(lock_q),
	STEP(take_parcel), STEPS(unlinking), STEP(unlock_q), STEP(unlock_io),
	STEP(install), STEP(close_fd), STEP(put_self), STEPS(received), END
};

static const struct op peek_ops[] = {
	STEPS(fget), STEP(from_self), STEP(lock_io), STEP(choose_parcel),
	STEP(peek_touch), STEP(peek_dup), STEP(unlock_io), STEP(install),
	STEP(close_fd), STEP(put_self), STEPS(peeked), END
};

static const struct op accept_call_ops[] = {
	STEPS(fget), STEP(from_self), STEP(lock_q), STEP(choose_embryo),
	STEPS(accepting), STEP(unlock_q), STEP(install), STEP(close_fd),
	STEP(put_self), STEPS(accepted), END
};

static const struct op connect_ops[] = {
	STEP(lock_q), STEP(connect_add), STEP(unlock_q), STEP(unhold_other), END
};

static const struct op listen_ops[] = {
	STEPS(fget), STEP(begin_listen), STEP(look), STEP(put_self), END
};

static const struct op dup_ops[] = {
	STEPS(fget), STEP(duplicate), STEP(install), STEP(put_self), END
};

/* Also a call that does nothing to the socket. */
static const struct op close_ops[] = {
	STEPS(fget), STEP(close_fd), STEP(put_self), END
};

static const struct op purge_embryos_ops[] = {
	STEP(lock_q), STEP(choose_embryo), STEPS(accepting), STEP(unlock_q),
	STEP(reset_embryo), END
};

static const struct op purge_parcels_ops[] = {
	STEP(lock_q), STEP(take_parcel), STEPS(unlinking), STEP(unlock_q),
	STEP(install), STEP(purge_more), END
};

static const struct op *purge_embryos = purge_embryos_ops;
static const struct op *purge_parcels = purge_parcels_ops;

/* As empty_queue() of vunix_gc.c. */
static const struct op purge_ops[] = {
	STEPS(purge_embryos), STEPS(purge_parcels), END
};

static const struct op release_ops[] = {
	STEP(release_file), STEP(lock_q), STEP(release_kill), STEP(unlock_q),
	STEPS(purge_embryos), STEPS(purge_parcels), STEP(release_free), END
};

/*
 * Tasks
 */

static void begin(struct task *t, const struct op *ops)
{
	t->op = ops;
	t->begin = ops;
}

/* Goes to the next step, into lists and out of them; none is left at the end. */
static void settle(struct task *t)
{
	while (t->op) {
		if (t->op->step)
			return;
		if (t->op->list) {
			t->back[t->depth] = t->op;
			t->back_begin[t->depth] = t->begin;
			t->depth++;
			begin(t, *t->op->list);
		} else if (t->depth) {
			t->depth--;
			t->begin = t->back_begin[t->depth];
			t->op = t->back[t->depth] + 1;
		} else {
			t->op = NULL;
		}
	}
}

/* One step, or nothing if it is blocked; false if it has nothing to do. */
static bool advance(struct task *t)
{
	settle(t);
	if (!t->op)
		return false;
	if (++nr_steps > MAX_STEPS)
		fail("the tasks do not come to an end");

	if (verbose) {
		if (t == &collector)
			printf("collector");
		else
			printf("task %u", (unsigned int)(t - tasks));
		printf(": %s", t->op->name);
		if (t->self)
			printf(" call on %u", id(t->self));
		if (t->from)
			printf(" queue of %u", id(t->from));
	}
	switch (t->op->step(t)) {
	case NEXT:
		t->op++;
		break;
	case AGAIN:
		break;
	case RESTART:
		t->op = t->begin;
		break;
	case ABORT:
		if (t->other)
			unhold(t->other);
		memset(t, 0, sizeof(*t));
		break;
	}
	settle(t);
	if (verbose) {
		unsigned int i;

		printf(", fds");
		for (i = 0; i < MAX_FDS; i++)
			if (fds[i])
				printf(" %u", id(fds[i]));
		printf(", has");
		for (i = 0; i < t->nr_got; i++)
			printf(" %u", id(t->got[i]));
		printf("\n");
	}
	return true;
}

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
		if (t->op->step == touch_late && one_in(2)) {
			t->sleeps = true;
			t->wakes = now + below(48);
			break;
		}
	}
}

static bool has_touched(const struct task *t)
{
	return t->op && ((t->op->step == peek_dup && !t->nr_got) ||
			 (t->op->step == unlink_del && t->p));
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

static unsigned int ops_changes(const struct vunix_gc_node *node)
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

void races_check_one(void)
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

void races_report(void)
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

/*
 * Mutations
 */

void races_list_mutations(void)
{
	unsigned int i;

	for (i = NONE + 1; i < sizeof(mutations) / sizeof(*mutations); i++)
		printf("%-24s %s\n", mutations[i].name, mutations[i].what);
}

bool races_mutate(const char *name)
{
	unsigned int i;

	for (i = NONE + 1; i < sizeof(mutations) / sizeof(*mutations); i++)
		if (!strcmp(mutations[i].name, name))
			mutation = i;
	switch (mutation) {
	case UNLINK_LATE:
		unlinking = unlink_untouched;
		received = late_ops;
		break;
	case PEEK_LATE:
		peeked = late_ops;
		break;
	case ACCEPT_LATE:
		accepting = accept_untouched;
		accepted = late_ops;
		break;
	case LOOK_EARLY:
		linking = link_look_early;
		break;
	case FLAGS_EARLY:
		unlinking = unlink_flags_early;
		break;
	default:
		break;
	}
	return mutation != NONE;
}
