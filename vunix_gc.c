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
 * Nobody waits for the collector: it takes no lock that a send, receive, accept
 * or close takes.  It reads the graph under RCU while it changes, and believes
 * only what a second reading confirms (vunix_gc_core.c).
 *
 * Who writes what:
 *
 *   parcels of a queue    under its q.lock, when a message is queued or taken
 *                         out; the collector walks them under RCU
 *   inflight, queued      counts of the same, atomic
 *   changes               counts up before a socket, or anything in its queue,
 *                         can get a holder that is no queue
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
 */
#include <linux/fs.h>
#include <linux/llist.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/tcp_states.h>
#include "vunix.h"

/*
 * How soon after a close the collector looks, and how often without one, in
 * milliseconds.  A search that takes long is not repeated at once: without a
 * close the worker sleeps at least as long as it works.
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
static bool gc_busy;			/* (o) there are some: a hint */
static unsigned int gc_soon = VUNIX_GC_SOON;	/* (o) milliseconds */
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
 * vunix_gc_parcel() - note which files of a message are vunix sockets
 * @fpl: files, held
 * @nr: how many of them are
 *
 * Context: Process, may sleep.
 * Return: the parcel, or NULL without memory.
 */
struct vunix_parcel *vunix_gc_parcel(struct scm_fp_list *fpl, unsigned int nr)
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
	for (i = 0; i < parcel->nr; i++) {
		vs = vunix_sk(parcel->sk[i]);
		atomic_inc(&vs->gc.changes);
		atomic_inc_return(&vs->gc.inflight);
	}
	list_add_tail_rcu(&parcel->node, &to->gc.parcels);
	atomic_add_return(parcel->nr, &to->gc.queued);

	/* Full barriers between counting and looking: see the top. */
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
	atomic_inc(&from->gc.changes);
	/* The collector: sees no change of the count, has seen the parcel. */
	smp_mb__after_atomic();
	list_del_rcu(&parcel->node);
	/* Pairs with setting the flag in make_suspect(): see the top. */
	smp_mb();
	walked = READ_ONCE(from->gc.flags);
	for (i = 0; i < parcel->nr; i++) {
		vs = vunix_sk(parcel->sk[i]);
		if (walked)
			sock_hold(&vs->u.sk);
		atomic_inc(&vs->gc.changes);
		atomic_dec(&vs->gc.inflight);
	}
	atomic_sub(parcel->nr, &from->gc.queued);
	if (walked)
		call_rcu(&parcel->rcu, parcel_free_rcu);
	else
		kfree(parcel);
	/* Before the files go, which the caller may hand out unordered. */
	smp_mb__after_atomic();
}

/**
 * vunix_gc_drop() - a message was never queued
 * @parcel: its sockets, or NULL; freed
 *
 * Context: Any.
 */
void vunix_gc_drop(struct vunix_parcel *parcel)
{
	kfree(parcel);
}

/**
 * vunix_gc_touch() - something is about to leave a queue without being taken
 * @sk: whose queue; a file in it is going to be duplicated for a process, or a
 *      connection accepted
 *
 * Context: Any; the caller has a reference to the file of @sk that is no
 *          queue's.
 */
void vunix_gc_touch(struct sock *sk)
{
	atomic_inc(&vunix_sk(sk)->gc.changes);
	/* Before the duplicate: see vunix_gc_core.c. */
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
	/* Pairs with setting the flag in make_suspect(): see the top. */
	smp_mb();
	if (!READ_ONCE(from->gc.flags))
		return;
	set_bit(VUNIX_GC_WALKED, &vs->gc.flags);
	sock_hold(newsk);
	/* Nobody else uses it: the flag SOCK_RCU_FREE is not set. */
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
	/* Pairs with counting in vunix_gc_link(): see the top. */
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
	if (READ_ONCE(gc_busy) && !test_bit(0, &gc_hurry) &&
	    !test_and_set_bit(0, &gc_hurry))
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

static unsigned int ops_changes(const struct vunix_gc_node *node)
{
	unsigned int changes;

	/* Pairs with the barriers of those who count. */
	smp_rmb();
	changes = atomic_read(&node_sock(node)->gc.changes);
	/* As above. */
	smp_rmb();
	return changes;
}

static void visit_parcels(struct vunix_gc_pass *pass,
			  struct vunix_gc_node *node, struct vunix_sock *vs,
			  vunix_gc_visit visit)
{
	struct vunix_parcel *parcel;
	unsigned int i;

	list_for_each_entry_rcu(parcel, &vs->gc.parcels, node)
		for (i = 0; i < parcel->nr; i++)
			visit(pass, node, &vunix_sk(parcel->sk[i])->gc.node);
}

static void ops_each_queued(struct vunix_gc_pass *pass,
			    struct vunix_gc_node *node, vunix_gc_visit visit)
{
	struct vunix_sock *vs = node_sock(node), *embryo;

	rcu_read_lock();
	visit_parcels(pass, node, vs, visit);
	list_for_each_entry_rcu(embryo, &vs->q.accept, accept_node)
		visit_parcels(pass, node, embryo, visit);
	rcu_read_unlock();
}

static void ops_mb(void)
{
	/* Between the two readings: see vunix_gc_core.c. */
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
		vunix_accept_purge(sk);
	} else if (sk->sk_type != SOCK_STREAM) {
		vunix_dgram_purge(sk);
	} else {
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
	}
}

/* Forgets those that are suspects no more. */
static void dismiss_suspects(void)
{
	struct vunix_gc_node **link = &gc_all;
	struct vunix_sock *vs;

	while (*link) {
		vs = node_sock(*link);
		if (is_suspect(vs)) {
			link = &vs->gc.node.all;
			continue;
		}
		*link = vs->gc.node.all;
		clear_bit(VUNIX_GC_SUSPECT, &vs->gc.flags);
		/* As who makes suspects: count or flag, then the other. */
		smp_mb__after_atomic();
		if (is_suspect(vs))
			make_suspect(vs);
		sock_put(&vs->u.sk);
		cond_resched();
	}
}

static void collect(struct vunix_gc_pass *pass)
{
	struct vunix_gc_node *group, *next, *node;

	for (group = vunix_gc_groups(pass, gc_all); group; group = next) {
		next = group->work;
		node = vunix_gc_unreachable(pass, group->group);
		for (; node; node = node->next) {
			empty_queue(&node_sock(node)->u.sk);
			cond_resched();
		}
	}
}

static void gc_work_fn(struct work_struct *work)
{
	static struct vunix_gc_pass pass = { .ops = &gc_ops };
	unsigned long start = jiffies;
	unsigned int took;

	/* Whoever closes from here on may have to ask again. */
	clear_bit(0, &gc_hurry);
	/* Pairs with the one in test_and_set_bit(). */
	smp_mb__after_atomic();
	admit_suspects();
	dismiss_suspects();
	collect(&pass);
	dismiss_suspects();

	took = jiffies_to_msecs(jiffies - start);
	WRITE_ONCE(gc_soon, clamp_t(unsigned int, 4 * took, VUNIX_GC_SOON,
				    VUNIX_GC_POLL));
	WRITE_ONCE(gc_busy, gc_all || !llist_empty(&gc_new));
	/* A close goes unnoticed if a queue still holds the socket. */
	if (gc_all)
		queue_delayed_work(gc_wq, &gc_work,
				   msecs_to_jiffies(max_t(unsigned int, took,
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
