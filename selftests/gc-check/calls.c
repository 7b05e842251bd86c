// SPDX-License-Identifier: GPL-2.0
/*
 * What tasks do: send, receive, peek, accept, connect, listen, duplicate and
 * close.
 *
 * A call is a list of steps, each a single access to memory that others see, in
 * the order in which vunix_gc.c and its callers have them.  Memory is
 * sequentially consistent here: nothing in this program checks barriers.
 */
#include <stdio.h>
#include <string.h>
#include "world.h"

unsigned int nr_steps;

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
const struct op queue_ops[] = {
	STEP(build_parcel), STEP(lock_q), STEP(may_queue), STEPS(linking),
	STEP(unlock_q), STEP(unhold_other), STEP(install), END
};

static const struct op *queueing = queue_ops;

const struct op send_ops[] = {
	STEP(gather), STEPS(queueing), END
};

const struct op recv_ops[] = {
	STEPS(fget), STEP(from_self), STEP(lock_io), STEP(lock_q),
	STEP(take_parcel), STEPS(unlinking), STEP(unlock_q), STEP(unlock_io),
	STEP(install), STEP(close_fd), STEP(put_self), STEPS(received), END
};

const struct op peek_ops[] = {
	STEPS(fget), STEP(from_self), STEP(lock_io), STEP(choose_parcel),
	STEP(peek_touch), STEP(peek_dup), STEP(unlock_io), STEP(install),
	STEP(close_fd), STEP(put_self), STEPS(peeked), END
};

const struct op accept_call_ops[] = {
	STEPS(fget), STEP(from_self), STEP(lock_q), STEP(choose_embryo),
	STEPS(accepting), STEP(unlock_q), STEP(install), STEP(close_fd),
	STEP(put_self), STEPS(accepted), END
};

const struct op connect_ops[] = {
	STEP(lock_q), STEP(connect_add), STEP(unlock_q), STEP(unhold_other), END
};

const struct op listen_ops[] = {
	STEPS(fget), STEP(begin_listen), STEP(look), STEP(put_self), END
};

const struct op dup_ops[] = {
	STEPS(fget), STEP(duplicate), STEP(install), STEP(put_self), END
};

/* Also a call that does nothing to the socket. */
const struct op close_ops[] = {
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
const struct op purge_ops[] = {
	STEPS(purge_embryos), STEPS(purge_parcels), END
};

const struct op release_ops[] = {
	STEP(release_file), STEP(lock_q), STEP(release_kill), STEP(unlock_q),
	STEPS(purge_embryos), STEPS(purge_parcels), STEP(release_free), END
};

/*
 * Tasks
 */

void begin(struct task *t, const struct op *ops)
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
bool advance(struct task *t)
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

/* Has it counted the change just now, with what follows from it still to come? */
bool has_touched(const struct task *t)
{
	return t->op && ((t->op->step == peek_dup && !t->nr_got) ||
			 (t->op->step == unlink_del && t->p));
}

/* Is its next step one that a mutation has put too late? */
bool touches_late(const struct task *t)
{
	return t->op->step == touch_late;
}

/* Other lists of steps, for mutations that are a matter of order. */
void calls_mutate(void)
{
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
}
