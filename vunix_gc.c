// SPDX-License-Identifier: GPL-2.0
/*
 * The collector: frees sockets that are open nowhere any more but in the queues
 * of each other.
 *
 * Owns the graph of vunix sockets in flight over vunix sockets: which are
 * queued where (struct vunix_parcel, one for each message with sockets), and
 * how often.  How the unreachable are found among them is vunix_gc_core.c's
 * business; here is what the rest of the module tells the collector, and what
 * becomes of what was found.
 *
 * Nobody waits for the search: it takes no lock at all.  It reads the graph under
 * RCU while it changes, and believes only what a second reading confirms
 * (vunix_gc_core.c).  Emptying the queues of what was found takes the locks of
 * those queues, which only who sends to a dead socket could meet.
 *
 * Who writes what:
 *
 *   parcels of a queue    under its q.lock, when a message is queued or taken
 *                         out; the collector walks them under RCU
 *   inflight, queued      counts of the same, atomic
 *   changes               see vunix_gc_ops.changes in vunix_gc_core.h
 *   file                  set before the first time in flight, cleared in the
 *                         release, that is before the file is freed (by RCU)
 *
 * A socket is a suspect while it is both in flight and may hold sockets itself.
 * Two tasks can make it one together, one by queueing it, one by queueing a
 * socket on it: each counts, has a full barrier (atomic_*_return()), and reads
 * the other's count, so one of them at least notices.  The same holds for a
 * socket that begins to listen.  Suspects are handed to the collector with a
 * reference, through a lock-free list; the flag VUNIX_GC_SUSPECT says so.
 *
 * A parcel, and the sockets in it, must outlast a walk over the queue it was
 * taken from.  Only suspects' queues are walked, so only what leaves a suspect's
 * queue (or an embryo of its) is freed by RCU.  The one who takes a parcel out
 * unlinks it, has a full barrier, and reads the flag; the one who makes the
 * socket a suspect sets the flag, which is a full barrier, before the collector
 * walks: so either the flag is seen, or the walk does not see the parcel.
 *
 * Barriers, each named where it stands:
 *
 *   A  atomic_*_return() in vunix_gc_link(), smp_mb() in vunix_gc_listen() and
 *      dismiss_suspects(): between counting (or listening, or clearing the
 *      flag) and asking whether there is a suspect.  They pair among themselves.
 *   B  smp_mb() in vunix_gc_unlink() and vunix_gc_accepted(), between unlinking
 *      and looking at the flag.  Pairs with test_and_set_bit() in
 *      make_suspect(), which comes before any walk.
 *   C  smp_mb__after_atomic() in vunix_gc_unlink() and vunix_gc_touch(), between
 *      the count of changes and what it announces.  Pairs with smp_rmb() in
 *      ops_changes() and with ops_mb().
 *   D  smp_mb__after_atomic() at the end of vunix_gc_unlink(), between the
 *      counts of the sockets and whatever is done with their files.  Pairs with
 *      smp_rmb() in ops_changes(), which comes after ops_refs().
 */
#include <linux/fs.h>
#include <linux/llist.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/tcp_states.h>
#include "vunix.h"
#include "vunix_trace.h"

/*
 * How soon after a close the collector looks, and how often without one, in
 * milliseconds.  A search that takes long is not repeated at once: the worker
 * sleeps at least twice as long as it works.
 */
#define VUNIX_GC_SOON	20
#define VUNIX_GC_POLL	400

/* vunix_gc.flags of a socket */
#define VUNIX_GC_SUSPECT	0	/* the collector knows it */
#define VUNIX_GC_WALKED		1	/* an embryo of a suspect, once */

/**
 * struct vunix_parcel - the vunix sockets that a queued message carries
 * @node: in vunix_gc.parcels of the socket it is queued on
 * @rcu: to free it
 * @nr: sockets
 * @sk: as often as the message carries them
 */
struct vunix_parcel {
	struct list_head	node;
	struct rcu_head		rcu;
	unsigned int		nr;
	struct sock		*sk[];
};

static struct workqueue_struct *gc_wq;
static void gc_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(gc_work, gc_work_fn);
static LLIST_HEAD(gc_new);		/* suspects the collector has not seen */
static struct vunix_gc_node *gc_all;	/* those it has seen; its own */
static unsigned long gc_nr_all;		/* how many they are */
/*
 * Are there any?  A hint to those who close (READ_ONCE): the worker may clear it
 * while another suspect comes, which has asked for a run then.
 */
static bool gc_busy;
/* How soon after a close, in milliseconds; the worker writes (WRITE_ONCE). */
static unsigned int gc_soon = VUNIX_GC_SOON;
static unsigned long gc_hurry;		/* bit 0: a close has asked for a run */

static struct vunix_sock *node_sock(const struct vunix_gc_node *node)
{
	return container_of(node, struct vunix_sock, gc.node);
}

static bool is_suspect(const struct vunix_sock *vs)
{
	return atomic_read(&vs->gc.inflight) &&
	       (atomic_read(&vs->gc.queued) ||
		READ_ONCE(vs->u.sk.sk_state) == TCP_LISTEN);
}

static void make_suspect(struct vunix_sock *vs)
{
	/* A and B.  Litmus: gc-dismiss, gc-walk. */
	if (test_and_set_bit(VUNIX_GC_SUSPECT, &vs->gc.flags))
		return;
	sock_hold(&vs->u.sk);
	llist_add(&vs->gc.llnode, &gc_new);
	WRITE_ONCE(gc_busy, true);
	queue_delayed_work(gc_wq, &gc_work, msecs_to_jiffies(VUNIX_GC_POLL));
}

/*
 * What the module tells the collector
 */

/**
 * vunix_gc_init_sock() - prepare a new socket
 * @vs: socket
 *
 * Context: Any.
 */
void vunix_gc_init_sock(struct vunix_sock *vs)
{
	memset(&vs->gc, 0, sizeof(vs->gc));
	INIT_LIST_HEAD(&vs->gc.parcels);
}

static struct sock *file_vunix_sk(struct file *file)
{
	struct socket *sock = sock_from_file(file);
	const struct proto_ops *ops = sock ? READ_ONCE(sock->ops) : NULL;

	return ops && ops->family == vunix_family ? sock->sk : NULL;
}

/**
 * vunix_gc_alloc_parcel() - note which files of a message are vunix sockets
 * @fpl: files, held
 * @nr: how many of them are
 *
 * Context: Process, may sleep.
 * Return: the parcel, or NULL without memory.
 */
struct vunix_parcel *vunix_gc_alloc_parcel(struct scm_fp_list *fpl,
					   unsigned int nr)
{
	struct vunix_parcel *parcel;
	struct sock *sk;
	int i;

	parcel = kmalloc(struct_size(parcel, sk, nr), GFP_KERNEL_ACCOUNT);
	if (!parcel)
		return NULL;
	parcel->nr = 0;
	for (i = 0; i < fpl->count && parcel->nr < nr; i++) {
		sk = file_vunix_sk(fpl->fp[i]);
		if (!sk)
			continue;
		WRITE_ONCE(vunix_sk(sk)->gc.file, fpl->fp[i]);
		parcel->sk[parcel->nr++] = sk;
	}
	return parcel;
}

/**
 * vunix_gc_link() - the message of a parcel is being queued
 * @parcel: its sockets; their files are held
 * @other: receiver
 *
 * Context: Any; @other's q.lock is held, so that the graph is what the queue is.
 */
void vunix_gc_link(struct vunix_parcel *parcel, struct sock *other)
{
	struct vunix_sock *to = vunix_sk(other), *vs;
	unsigned int i;

	lockdep_assert_held(&to->q.lock);
	/* Litmus: gc-suspect, gc-listen, gc-dismiss. */
	for (i = 0; i < parcel->nr; i++) {
		vs = vunix_sk(parcel->sk[i]);
		atomic_long_inc(&vs->gc.changes);
		atomic_inc_return(&vs->gc.inflight);
	}
	list_add_tail_rcu(&parcel->node, &to->gc.parcels);
	atomic_add_return(parcel->nr, &to->gc.queued);

	/* A: the counts above are full barriers. */
	for (i = 0; i < parcel->nr; i++) {
		vs = vunix_sk(parcel->sk[i]);
		if (is_suspect(vs))
			make_suspect(vs);
	}
	if (is_suspect(to))
		make_suspect(to);
}

static void parcel_free_rcu(struct rcu_head *rcu)
{
	struct vunix_parcel *parcel = container_of(rcu, struct vunix_parcel,
						   rcu);
	unsigned int i;

	for (i = 0; i < parcel->nr; i++)
		sock_put(parcel->sk[i]);
	kfree(parcel);
}

/**
 * vunix_gc_unlink() - the message of a parcel has been taken out of its queue
 * @parcel: its sockets, whose files are still held; the parcel is freed
 * @sk: receiver
 *
 * Must come before anybody gets the files.
 *
 * Context: Any; @sk's q.lock is held.
 */
void vunix_gc_unlink(struct vunix_parcel *parcel, struct sock *sk)
{
	struct vunix_sock *from = vunix_sk(sk), *vs;
	bool walked;
	unsigned int i;

	lockdep_assert_held(&from->q.lock);
	atomic_long_inc(&from->gc.changes);
	/* C: whoever misses the parcel sees the count.  Litmus: gc-missed. */
	smp_mb__after_atomic();
	list_del_rcu(&parcel->node);
	/*
	 * B: whoever sees the parcel has set the flag before.
	 * Litmus: gc-walk, gc-breathe.
	 */
	smp_mb();
	walked = READ_ONCE(from->gc.flags);
	/* Again, for a walk that began behind the first: walk_breathe(). */
	if (walked)
		atomic_long_inc(&from->gc.changes);
	for (i = 0; i < parcel->nr; i++) {
		vs = vunix_sk(parcel->sk[i]);
		if (walked)
			sock_hold(&vs->u.sk);
		atomic_long_inc(&vs->gc.changes);
		atomic_dec(&vs->gc.inflight);
	}
	atomic_sub(parcel->nr, &from->gc.queued);
	/* D: whoever misses a reference sees the counts.  Litmus: gc-refs. */
	smp_mb__after_atomic();
	if (walked)
		call_rcu(&parcel->rcu, parcel_free_rcu);
	else
		kfree(parcel);
}

/**
 * vunix_gc_free_parcel() - free the parcel of a message that is in no queue
 * @parcel: its sockets, or NULL
 *
 * Context: Any.
 */
void vunix_gc_free_parcel(struct vunix_parcel *parcel)
{
	kfree(parcel);
}

/**
 * vunix_gc_touch() - something in a queue is about to be duplicated or accepted
 * @sk: whose queue
 *
 * Context: Any.  A caller that hands on what it gets has a reference to the file
 *          of @sk that is no queue's; vunix_gc_core.c builds on that.
 */
void vunix_gc_touch(struct sock *sk)
{
	atomic_long_inc(&vunix_sk(sk)->gc.changes);
	/*
	 * C: whoever misses the duplicate's reference, or the embryo, sees the
	 * count.  Litmus: gc-touch, gc-missed.
	 */
	smp_mb__after_atomic();
}

static void embryo_put_rcu(struct rcu_head *rcu)
{
	sock_put(container_of(rcu, struct sock, sk_rcu));
}

/**
 * vunix_gc_accepted() - a connection has left its listener's queue
 * @listener: listener, its q.lock held
 * @newsk: connection, unlinked from the queue with list_del_rcu()
 *
 * Context: Any; @listener's q.lock is held.
 */
void vunix_gc_accepted(struct sock *listener, struct sock *newsk)
{
	struct vunix_sock *from = vunix_sk(listener), *vs = vunix_sk(newsk);

	lockdep_assert_held(&from->q.lock);
	/*
	 * B: whoever sees the embryo has set the flag before.
	 * Litmus: gc-walk, gc-breathe.
	 */
	smp_mb();
	if (!READ_ONCE(from->gc.flags))
		return;
	/* Behind vunix_gc_touch(), once more: see vunix_gc_unlink(). */
	atomic_long_inc(&from->gc.changes);
	set_bit(VUNIX_GC_WALKED, &vs->gc.flags);
	sock_hold(newsk);
	/* The core uses it when the last reference has gone, not before. */
	call_rcu(&newsk->sk_rcu, embryo_put_rcu);
}

/**
 * vunix_gc_listen() - a socket has begun to listen
 * @sk: socket, its state is TCP_LISTEN
 *
 * Context: Any.
 */
void vunix_gc_listen(struct sock *sk)
{
	/*
	 * A: listening, then the count; vunix_gc_link() the other way.
	 * Litmus: gc-listen.
	 */
	smp_mb();
	if (is_suspect(vunix_sk(sk)))
		make_suspect(vunix_sk(sk));
}

/**
 * vunix_gc_release() - a socket is closed
 * @sk: socket; its file is being freed
 *
 * The close of any socket may be the one that makes others unreachable.
 *
 * Context: Process.
 */
void vunix_gc_release(struct sock *sk)
{
	/* Before the file is freed, for ops_refs(). */
	WRITE_ONCE(vunix_sk(sk)->gc.file, NULL);
	if (!READ_ONCE(gc_busy))
		return;
	/*
	 * A test_bit() that says "somebody has asked" comes behind all that the
	 * run is to see; pairs with that in gc_work_fn().  Litmus: gc-hurry.
	 */
	smp_mb();
	if (!test_bit(0, &gc_hurry) && !test_and_set_bit(0, &gc_hurry))
		mod_delayed_work(gc_wq, &gc_work,
				 msecs_to_jiffies(READ_ONCE(gc_soon)));
}

/*
 * What the search reads
 */

static unsigned long ops_refs(const struct vunix_gc_node *node)
{
	unsigned long refs = 0;
	struct file *file;

	/*
	 * The file may be freed and used again under our eyes, by RCU or as a
	 * file; then the count of changes tells that this number is wrong.
	 */
	rcu_read_lock();
	file = READ_ONCE(node_sock(node)->gc.file);
	if (file)
		refs = file_count(file);
	rcu_read_unlock();
	return refs;
}

static unsigned long ops_inflight(const struct vunix_gc_node *node)
{
	return atomic_read(&node_sock(node)->gc.inflight);
}

static unsigned long ops_changes(const struct vunix_gc_node *node)
{
	unsigned long changes;

	/*
	 * C and D: what was read until here is not newer than the count.
	 * Litmus: gc-missed, gc-touch, gc-refs.
	 */
	smp_rmb();
	changes = atomic_long_read(&node_sock(node)->gc.changes);
	/* What is read from here on is not older.  Litmus: gc-breathe. */
	smp_rmb();
	return changes;
}

/* Sockets visited before a walk over a queue lets others run. */
#define VUNIX_GC_BREATH	4096

/*
 * struct vunix_walk - a walk over the queues of a socket
 * @vs: socket
 * @embryo: connection of its whose queue is walked, or NULL: its own is
 * @changes: of @vs when the walk began
 * @embryo_changes: of @embryo when its queue's walk began
 * @visited: since others could run
 */
struct vunix_walk {
	struct vunix_sock	*vs;
	struct vunix_sock	*embryo;
	unsigned long		changes;
	unsigned long		embryo_changes;
	unsigned int		visited;
};

/*
 * Leaves the RCU section and enters another.  Whoever unlinks where the walk
 * stands counts a change, and another when it is unlinked, before the grace
 * period that frees it: the walk may have begun between the first and the
 * unlinking.  Without a change since then nothing was unlinked that could be
 * freed before the new section ends.  The counts were read before the lists (ops_changes()), or a
 * parcel could be one that went before its queue's count was read.  Returns
 * false if something may have been unlinked.
 */
static bool walk_breathe(struct vunix_walk *walk)
{
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
	walk->visited = 0;
	/* The embryo is only looked at if its listener still has it. */
	if (ops_changes(&walk->vs->gc.node) != walk->changes)
		return false;
	return !walk->embryo ||
	       ops_changes(&walk->embryo->gc.node) == walk->embryo_changes;
}

/* Returns false if the walk cannot go on. */
static bool walk_parcels(struct vunix_gc_pass *pass, struct vunix_walk *walk,
			 struct vunix_sock *vs, vunix_gc_visit visit)
{
	struct vunix_gc_node *from = &walk->vs->gc.node;
	struct vunix_parcel *parcel;
	unsigned int i;

	list_for_each_entry_rcu(parcel, &vs->gc.parcels, node) {
		for (i = 0; i < parcel->nr; i++)
			visit(pass, from, &vunix_sk(parcel->sk[i])->gc.node);
		walk->visited += parcel->nr;
		if (walk->visited >= VUNIX_GC_BREATH && !walk_breathe(walk))
			return false;
	}
	return true;
}

/*
 * A walk that is broken off finds less than there is, as one that meets a
 * change does anyway: what it has not found is taken for live.
 */
static void ops_each_queued(struct vunix_gc_pass *pass,
			    struct vunix_gc_node *node, vunix_gc_visit visit)
{
	struct vunix_sock *vs = node_sock(node), *embryo;
	struct vunix_walk walk = { .vs = vs };

	rcu_read_lock();
	walk.changes = ops_changes(node);
	if (!walk_parcels(pass, &walk, vs, visit))
		goto out;
	list_for_each_entry_rcu(embryo, &vs->q.accept, accept_node) {
		walk.embryo = embryo;
		walk.embryo_changes = ops_changes(&embryo->gc.node);
		/* An empty queue costs a step as well. */
		walk.visited++;
		if (!walk_parcels(pass, &walk, embryo, visit))
			goto out;
	}
out:
	rcu_read_unlock();
}

static void ops_mb(void)
{
	/* Between the two readings: see vunix_gc_core.c.  Litmus: gc-readings. */
	smp_mb();
}

static void ops_relax(void)
{
	cond_resched();
}

static const struct vunix_gc_ops gc_ops = {
	.refs		= ops_refs,
	.inflight	= ops_inflight,
	.changes	= ops_changes,
	.each_queued	= ops_each_queued,
	.mb		= ops_mb,
	.relax		= ops_relax,
};

/*
 * The collector
 */

/*
 * Empties the queue of a socket that nobody can reach, as AF_UNIX's collector
 * does: with that the references go that keep it, and its release follows.
 * Others may send to it, connect to it, or be releasing it at this moment.
 */
static void empty_queue(struct sock *sk)
{
	struct sock *peer;

	if (READ_ONCE(sk->sk_state) == TCP_LISTEN) {
		/* No more connections, or there would be no end of them. */
		vunix_state_lock(sk);
		vunix_queue_shutdown(sk, SHUTDOWN_MASK);
		vunix_state_unlock(sk);
		vunix_accept_purge(sk);
		wake_up_interruptible_all(&unix_sk(sk)->peer_wq.wait);
	} else if (sk->sk_type != SOCK_STREAM) {
		vunix_dgram_purge(sk);
	} else {
		/* None: not connected, or being released, which empties it. */
		peer = vunix_peer_get(sk);
		if (!peer)
			return;
		vunix_stream_purge(sk, peer);
		sock_put(peer);
	}
}

/* Takes over the new suspects. */
static void admit_suspects(void)
{
	struct llist_node *new = llist_del_all(&gc_new);
	struct vunix_sock *vs, *next;

	llist_for_each_entry_safe(vs, next, new, gc.llnode) {
		vs->gc.node.all = gc_all;
		gc_all = &vs->gc.node;
		gc_nr_all++;
		cond_resched();
	}
}

/* Forgets those that are suspects no more. */
static void dismiss_suspects(void)
{
	struct vunix_gc_node **link = &gc_all;
	struct vunix_sock *vs;

	while (*link) {
		cond_resched();
		vs = node_sock(*link);
		if (is_suspect(vs)) {
			link = &vs->gc.node.all;
			continue;
		}
		*link = vs->gc.node.all;
		gc_nr_all--;
		clear_bit(VUNIX_GC_SUSPECT, &vs->gc.flags);
		/* A: the flag, then the counts.  Litmus: gc-dismiss. */
		smp_mb__after_atomic();
		if (is_suspect(vs))
			make_suspect(vs);
		sock_put(&vs->u.sk);
	}
}

/* Returns how many sockets it has found. */
static unsigned long collect(struct vunix_gc_pass *pass)
{
	struct vunix_gc_node *group, *next, *node;
	unsigned long found = 0;

	for (group = vunix_gc_groups(pass, gc_all); group; group = next) {
		next = group->work;
		node = vunix_gc_unreachable(pass, group->group);
		for (; node; node = node->next) {
			empty_queue(&node_sock(node)->u.sk);
			found++;
			cond_resched();
		}
	}
	return found;
}

static void gc_work_fn(struct work_struct *work)
{
	static struct vunix_gc_pass pass = { .ops = &gc_ops };
	unsigned long start = jiffies;
	unsigned long found;
	unsigned int took;
	u64 began;

	/* Whoever closes from here on may have to ask again. */
	clear_bit(0, &gc_hurry);
	/* Pairs with the one in vunix_gc_release().  Litmus: gc-hurry. */
	smp_mb__after_atomic();
	admit_suspects();
	dismiss_suspects();
	began = ktime_get_ns();
	trace_vunix_collect_begin(gc_nr_all);
	found = collect(&pass);
	trace_vunix_collect_end(found, ktime_get_ns() - began);
	dismiss_suspects();

	took = jiffies_to_msecs(jiffies - start);
	WRITE_ONCE(gc_soon, max_t(unsigned int, 2 * took, VUNIX_GC_SOON));
	WRITE_ONCE(gc_busy, gc_all || !llist_empty(&gc_new));
	/* A close goes unnoticed if a queue still holds the socket. */
	if (gc_all)
		queue_delayed_work(gc_wq, &gc_work,
				   msecs_to_jiffies(max_t(unsigned int, 2 * took,
							  VUNIX_GC_POLL)));
}

/**
 * vunix_gc_init() - prepare the collector
 *
 * Context: Process, before any socket exists.
 * Return: 0 or -ENOMEM.
 */
int vunix_gc_init(void)
{
	gc_wq = alloc_workqueue("vunix_gc", WQ_UNBOUND, 1);
	return gc_wq ? 0 : -ENOMEM;
}

/**
 * vunix_gc_exit() - end the collector
 *
 * Context: Process, when no socket exists any more, nor a suspect: each has a
 *          reference.
 */
void vunix_gc_exit(void)
{
	cancel_delayed_work_sync(&gc_work);
	destroy_workqueue(gc_wq);
}
