// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams, and the records of seqpacket sockets: send and receive.  Owns no
 * lock; storage is vunix_queue.c's, who may send to whom vunix_assoc.c's.
 *
 * A message is a struct vunix_record and its payload in the receiver's ring.
 * It is charged to its sender, and the charge keeps the sender's sk and address
 * until the message is consumed.
 */
#include <linux/filter.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/tcp_states.h>
#include "vunix_queue.h"
#include "vunix_trace.h"

/* The most of a page that is left out for a record to be in one. */
#define VUNIX_SKIP_MAX	(PAGE_SIZE / 4)

/*
 * Consuming
 */

static void count_record(struct vunix_queue *q, size_t len)
{
	lockdep_assert_held(&q->lock);
	WRITE_ONCE(q->qlen, q->qlen + 1);
	WRITE_ONCE(q->bytes, q->bytes + len);
	q->msgs++;
	q->bytes_in += len;
	vunix_queue_note_most(q, q->bytes);
}

/* Takes the record at the tail out; its pages may go with it. */
static inline void consume_record(struct sock *sk,
				  const struct vunix_record *rec, u32 end,
				  struct page **pages)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;

	lockdep_assert_held(&q->lock);
	WRITE_ONCE(q->qlen, q->qlen - 1);
	WRITE_ONCE(q->bytes, q->bytes - rec->len);
	if (rec->scm.fp)
		vunix_scm_dequeued(sk, &rec->scm);
	*pages = vunix_queue_consume(q, end);
}

/* Drops records up to @to; the caller is the only reader. */
static void drop_records(struct sock *sk, u32 to)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	struct vunix_record rec, *r;
	struct page *pages;
	u32 pos;

	for (;;) {
		spin_lock(&q->lock);
		pos = q->tail;
		r = (s32)(to - pos) > 0 ?
		    vunix_queue_record(q, &pos, q->head) : NULL;
		if (!r) {
			spin_unlock(&q->lock);
			return;
		}
		rec = *r;
		consume_record(sk, &rec, vunix_record_end(&rec, pos), &pages);
		q->dropped++;
		q->dropped_bytes += rec.len;
		spin_unlock(&q->lock);
		trace_vunix_drop(sk, rec.sk, rec.len, VUNIX_DROP_UNREAD);

		vunix_queue_free_pages(pages);
		vunix_scm_destroy(&rec.scm);
		vunix_wmem_uncharge(rec.sk, rec.charge);
		cond_resched();
	}
}

static void purge_locked(struct sock *sk)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	u32 to;

	lockdep_assert_held(&unix_sk(sk)->iolock);
	spin_lock(&q->lock);
	to = q->purge_to;
	WRITE_ONCE(q->purge, false);
	spin_unlock(&q->lock);
	drop_records(sk, to);
	wake_up_interruptible_all(&unix_sk(sk)->peer_wq.wait);
}

/*
 * The reader's lock. Who wants the queue emptied does not wait for a reader,
 * which may be stalled in a fault: it leaves a request and tries the lock, and
 * the reader looks for one after it has unlocked. Each side writes (request;
 * unlock), has a full barrier, and reads the other's word, so one of them sees
 * it and does the work.
 */
static inline void run_purge(struct sock *sk)
{
	struct unix_sock *u = unix_sk(sk);

	for (;;) {
		/*
		 * Pairs with itself in the other task, and with those between a
		 * sender's entry in peer_wq and its look at qlen; see
		 * vunix_dgram_made_room().
		 * Litmus: purge-handover, room-sleep, room-poll, room-timer.
		 */
		smp_mb();
		if (likely(!READ_ONCE(vunix_sk(sk)->q.purge)) ||
		    !mutex_trylock(&u->iolock))
			return;
		purge_locked(sk);
		mutex_unlock(&u->iolock);
	}
}

static void read_lock_queue(struct sock *sk)
{
	mutex_lock(&unix_sk(sk)->iolock);
	if (READ_ONCE(vunix_sk(sk)->q.purge))
		purge_locked(sk);
}

static void read_unlock_queue(struct sock *sk)
{
	mutex_unlock(&unix_sk(sk)->iolock);
	run_purge(sk);
}

/**
 * vunix_dgram_purge() - drop all messages queued so far
 * @sk: datagram or seqpacket socket
 *
 * If a reader is at work, it drops them when it is done.
 *
 * Context: Process, sleeps; no lock held.
 */
void vunix_dgram_purge(struct sock *sk)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;

	spin_lock(&q->lock);
	q->purge_to = q->head;
	WRITE_ONCE(q->purge, true);
	spin_unlock(&q->lock);
	run_purge(sk);
}

/*
 * Sending
 */

/**
 * struct dgram_send - one send call
 * @sk: sender
 * @msg: message
 * @iter: where the payload is (msg's, or the copy)
 * @len: bytes of payload
 * @timeo: left of SO_SNDTIMEO
 * @rec: header to queue
 * @copy: payload in private memory, once it had to wait or to be filtered
 * @waited: for room at this receiver
 * @copy_iter: source in @copy, cut as a filter says
 * @copy_vec: what @copy_iter goes over
 */
struct dgram_send {
	struct sock		*sk;
	struct msghdr		*msg;
	struct iov_iter		*iter;
	size_t			len;
	long			timeo;
	struct vunix_record	rec;
	struct iov_iter		copy_iter;
	struct kvec		copy_vec;
	void			*copy;
	bool			waited;
};

/* Wait-or-fail answers of check_receiver() besides errnos. */
#define RECEIVER_FULL	1
#define RECEIVER_DEAD	2

/*
 * May a message be queued on @other?  Its state lock is held.  Inline: without files,
 * half of it is gone.
 */
static __always_inline int check_receiver(struct sock *sk, struct sock *other,
					  bool has_files)
{
	int err;

	lockdep_assert_held(&unix_sk(other)->lock);
	if (!vunix_dgram_may_send(sk, other))
		return -EPERM;
	if (sock_flag(other, SOCK_DEAD))
		return RECEIVER_DEAD;
	if (other->sk_shutdown & RCV_SHUTDOWN)
		return -EPIPE;
	if (has_files && !vunix_pass_rights(other))
		return -EPERM;
	if (sk->sk_type != SOCK_SEQPACKET) {
		err = security_unix_may_send(sk->sk_socket, other->sk_socket);
		if (err)
			return err;
	}
	if (other != sk && unix_peer(other) != sk &&
	    vunix_recvq_full_lockless(other))
		return RECEIVER_FULL;
	return 0;
}

/* A source that cannot be read is reported before what the receiver says. */
static int source_error(struct dgram_send *ds, int err)
{
	if (fault_in_iov_iter_readable(ds->iter, ds->len))
		return -EFAULT;
	return err;
}

/*
 * The receiver has been released. Returns errno, or 0 to look the address up
 * again.
 */
static int receiver_dead(struct dgram_send *ds, struct sock *other)
{
	struct sock *sk = ds->sk;
	int err;

	/* Racing with its release; the state stays connected. */
	if (sk->sk_type == SOCK_SEQPACKET)
		return -EPIPE;
	err = source_error(ds, 0);
	if (err)
		return err;

	if (vunix_dgram_drop_peer(sk, other))
		return -ECONNREFUSED;
	return ds->msg->msg_namelen ? 0 : -ECONNRESET;
}

/*
 * The receiver is full. Sleeps if that is allowed, else arranges that a poll
 * hears of room. Returns 0 to try again, or errno. @other's state lock is held
 * and dropped.
 */
static int receiver_full_and_unlock(struct dgram_send *ds, struct sock *other)
{
	struct sock *sk = ds->sk;
	bool wait;

	if (ds->timeo) {
		ds->timeo = vunix_wait_for_peer(sk, other, ds->timeo);
		ds->waited = true;
		return signal_pending(current) ? sock_intr_errno(ds->timeo) : 0;
	}
	vunix_state_unlock(other);

	vunix_state_double_lock(sk, other);
	wait = unix_peer(sk) != other || vunix_dgram_peer_wake_me(sk, other);
	vunix_state_double_unlock(sk, other);
	return wait ? -EAGAIN : 0;
}

/* Queues the filled-in record.  Returns as check_receiver(). */
static int publish(struct dgram_send *ds, struct vunix_writer *w,
		   struct sock *other)
{
	struct vunix_queue *q = &vunix_sk(other)->q;
	struct vunix_mon_msg mon = {
		.sk = ds->sk,
		.other = other,
		.w = w,
		.len = ds->len,
		.fp = ds->rec.scm.fp,
		.msg_flags = ds->msg->msg_flags,
	};
	struct sk_buff *packets;
	int err;

	packets = vunix_mon_take(&mon);
	vunix_state_lock(other);
	err = check_receiver(ds->sk, other, ds->rec.scm.fp);
	if (!err) {
		w->pos = ALIGN(w->pos, 8);
		spin_lock(&q->lock);
		vunix_mon_add(&mon, packets, q->msgs);
		packets = NULL;
		vunix_write_commit(w);
		if (ds->rec.scm.fp)
			vunix_scm_queued(other, &ds->rec.scm);
		count_record(q, ds->len);
		trace_vunix_send(ds->sk, other, ds->len, ds->msg->msg_flags);
		spin_unlock(&q->lock);
	}
	vunix_state_unlock(other);
	vunix_mon_forget(packets);
	return err;
}

/*
 * Copies the payload to private memory: whoever waits for room has it at hand
 * when its turn comes, and cannot let the room go by in a fault.
 */
static int copy_payload(struct dgram_send *ds)
{
	if (ds->copy)
		return 0;
	ds->copy = kvmalloc(max_t(size_t, ds->len, 1), GFP_KERNEL_ACCOUNT);
	if (!ds->copy)
		return -ENOBUFS;
	if (!copy_from_iter_full(ds->copy, ds->len, ds->iter))
		return -EFAULT;
	ds->copy_vec.iov_base = ds->copy;
	ds->copy_vec.iov_len = ds->len;
	ds->iter = &ds->copy_iter;
	iov_iter_kvec(ds->iter, ITER_SOURCE, &ds->copy_vec, 1, ds->len);
	return 0;
}

/*
 * Tries once to queue the message on @other. Returns 0 when it is queued,
 * RECEIVER_DEAD, RECEIVER_FULL with the state lock held, or errno.
 */
static int try_send(struct dgram_send *ds, struct sock *other)
{
	struct vunix_writer w;
	size_t before;
	int err;

	/* First without the payload, so that a full receiver costs no copy. */
	if (vunix_recvq_full_lockless(other)) {
		vunix_state_lock(other);
		err = check_receiver(ds->sk, other, ds->rec.scm.fp);
		if (err == RECEIVER_FULL && (ds->copy || !ds->timeo))
			return err;
		vunix_state_unlock(other);
		if (err == RECEIVER_FULL) {
			err = copy_payload(ds);
			return err ? err : -ERESTART;
		}
		if (err < 0)
			return source_error(ds, err);
		if (err)
			return err;
	}
	ds->rec.len = ds->len;
	ds->rec.stamp = sock_flag(other, SOCK_RCVTSTAMP) ?
			ktime_get_real() : 0;

	before = iov_iter_count(ds->iter);
	err = vunix_write_fill(&w, &vunix_sk(other)->q, &ds->rec, ds->iter,
			       ds->len);
	if (err)
		return err;
	err = publish(ds, &w, other);
	vunix_write_end(&w);
	if (!err)
		return 0;

	iov_iter_revert(ds->iter, before - iov_iter_count(ds->iter));
	if (err == RECEIVER_FULL && !ds->copy && ds->timeo) {
		err = copy_payload(ds);
		return err ? err : -ERESTART;
	}
	if (err == RECEIVER_FULL) {
		/* Look again under the lock that the caller expects. */
		vunix_state_lock(other);
		err = check_receiver(ds->sk, other, ds->rec.scm.fp);
		if (err != RECEIVER_FULL)
			vunix_state_unlock(other);
		if (!err)
			err = -ERESTART;
	}
	return err;
}

/* A message that a filter refuses has come, and gone. */
static void count_filtered(struct vunix_queue *q, size_t len)
{
	spin_lock(&q->lock);
	q->msgs++;
	q->bytes_in += len;
	q->dropped++;
	q->dropped_bytes += len;
	spin_unlock(&q->lock);
}

/*
 * Runs @other's socket filter over the message. Returns 0, errno, or -ENOMSG
 * if the filter drops it.
 */
static int run_filter(struct dgram_send *ds, struct sock *other)
{
	size_t frags = 0, len = ds->len;
	struct sk_buff *skb;
	int err;

	if (!rcu_access_pointer(other->sk_filter))
		return 0;
	err = copy_payload(ds);
	if (err)
		return err;
	/* As AF_UNIX lays it out: as much as possible in one piece. */
	if (len > SKB_MAX_ALLOC)
		frags = PAGE_ALIGN(min_t(size_t, len - SKB_MAX_ALLOC,
					 MAX_SKB_FRAGS * PAGE_SIZE));
	skb = alloc_skb_with_frags(len - frags, frags,
				   PAGE_ALLOC_COSTLY_ORDER, &err,
				   GFP_KERNEL_ACCOUNT);
	if (!skb)
		return err;
	skb_put(skb, len - frags);
	skb->data_len = frags;
	skb->len = len;
	err = skb_store_bits(skb, 0, ds->copy, len);
	if (!err && sk_filter(other, skb) < 0) {
		count_filtered(&vunix_sk(other)->q, len);
		trace_vunix_drop(other, ds->sk, len, VUNIX_DROP_FILTER);
		err = -ENOMSG;
	}
	ds->len = min_t(size_t, len, skb->len);
	consume_skb(skb);
	iov_iter_kvec(ds->iter, ITER_SOURCE, &ds->copy_vec, 1, ds->len);
	return err;
}

/* The receiver: by address or association; ERR_PTR() or a reference. */
static struct sock *find_receiver(struct dgram_send *ds)
{
	struct msghdr *msg = ds->msg;
	struct sock *other;

	if (msg->msg_namelen)
		return vunix_name_find_get(sock_net(ds->sk), msg->msg_name,
					   msg->msg_namelen, ds->sk->sk_type,
					   0);
	other = vunix_peer_get(ds->sk);
	return other ? other : ERR_PTR(-ENOTCONN);
}

/* Delivers to the receiver of the moment; 1 to look the receiver up again. */
static int send_to(struct dgram_send *ds, struct sock *other)
{
	int err;

	err = run_filter(ds, other);
	if (err)
		return err;
	err = vunix_scm_stamp(&ds->rec.scm, ds->sk, other);
	if (err)
		return err;
	do {
		err = try_send(ds, other);
		if (err == RECEIVER_DEAD) {
			err = receiver_dead(ds, other);
			return err ? err : 1;
		}
		if (err == RECEIVER_FULL) {
			err = receiver_full_and_unlock(ds, other);
			if (!err)
				err = -ERESTART;
			else if (err == -EAGAIN)
				err = source_error(ds, err);
		}
	} while (err == -ERESTART && !fatal_signal_pending(current));
	return err == -ERESTART ? -EINTR : err;
}

static int check_message(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct vunix_net *vn = vunix_sk(sk)->vn;
	unsigned int limit;
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->msg_namelen) {
		err = vunix_addr_validate(msg->msg_name, msg->msg_namelen);
		if (err)
			return err;
		err = BPF_CGROUP_RUN_PROG_UNIX_SENDMSG_LOCK(sk, msg->msg_name,
							    &msg->msg_namelen,
							    NULL);
		if (err)
			return err;
	}
	if (vunix_may_passcred(sk) && !READ_ONCE(unix_sk(sk)->addr)) {
		err = vunix_name_autobind(sk);
		if (err)
			return err;
	}
	limit = vunix_limit_dgram_size(vn);
	if (len > READ_ONCE(sk->sk_sndbuf) - 32 || (limit && len > limit))
		return -EMSGSIZE;
	/* No queue takes it, whatever its sender may. */
	if (vunix_record_space(len) > VUNIX_QUEUE_MAX / 2)
		return -ENOBUFS;
	return 0;
}

/**
 * struct place - where a record goes that takes the short way
 * @rec: its header
 * @first: bytes of its payload that go behind that; the others begin @fresh
 * @space: from the head to behind the record
 * @fresh: the page that it ends in, or NULL if that is the head's
 * @before: the page in front of @fresh, or NULL if that is the head's
 */
struct place {
	struct vunix_record	*rec;
	size_t			first;
	u32			space;
	struct page		*fresh;
	struct page		*before;
};

/*
 * Queues the record that stands behind the head, if nothing is in its way.
 * Returns false, with nothing changed, if anything is.
 */
static bool publish_short(struct sock *sk, struct sock *other,
			  const struct place *p, size_t len, int flags,
			  bool *readers)
{
	struct vunix_queue *q = &vunix_sk(other)->q;
	bool queued;

	lockdep_assert_held(&q->wmutex);
	spin_lock(&q->lock);
	/* That of a queue that is dead is set, too. */
	queued = !(READ_ONCE(other->sk_shutdown) & RCV_SHUTDOWN) &&
		 !vunix_wants_stamp_rcu(sk, other);
	if (likely(queued)) {
		vunix_wmem_charge(sk, vunix_record_space(len));
		vunix_queue_publish(q, p->fresh, p->before, p->space);
		count_record(q, len);
		trace_vunix_send(sk, other, len, flags);
		*readers = vunix_wants_data_ready(other);
	}
	spin_unlock(&q->lock);
	return queued;
}

/*
 * Puts a record with @len bytes of payload where it is to go.  Returns false, with
 * nothing changed, if the payload cannot be had at once.
 */
static bool fill_short(const struct place *p, struct sock *sk,
		       struct iov_iter *from, size_t len)
{
	if (likely(p->first) && !vunix_copy_in(p->rec + 1, p->first, from))
		return false;
	if (unlikely(p->first < len) &&
	    !vunix_copy_in(page_address(p->fresh), len - p->first, from)) {
		iov_iter_revert(from, p->first);
		return false;
	}
	*p->rec = (struct vunix_record) {
		.len = len,
		.charge = vunix_record_space(len),
		.sk = sk,
	};
	return true;
}

/*
 * How much of the @room for it in a page a record of @n bytes leaves out: what is not
 * worth two copies each way.  That is a quarter of a page, or in an empty queue, once,
 * as much as it takes.  Payload that fills a page has its header at the end of the one
 * before.
 */
static u32 skip_short(const struct vunix_queue *q, u32 room, size_t n)
{
	/* Only readers move the tail, never past the head. */
	bool empty = READ_ONCE(q->tail) == q->head;

	if (n <= room)
		return 0;
	if (n <= PAGE_SIZE)
		return empty || room <= VUNIX_SKIP_MAX ? room : 0;
	return empty ? room - sizeof(struct vunix_record) : 0;
}

/*
 * Finds a place for a record that is too long for the @room in the head's page.
 * Returns false if there are no pages for it.
 */
static bool find_place(struct vunix_queue *q, struct place *p, u32 room,
		       size_t len)
{
	u32 small = room < sizeof(*p->rec) ? room : 0;
	u32 left = room - small ?: PAGE_SIZE;
	u32 skip = skip_short(q, left, sizeof(*p->rec) + len);
	struct page *before;
	void *at;

	BUILD_BUG_ON(VUNIX_SHORT > PAGE_SIZE);
	p->space += small + skip;
	p->fresh = vunix_queue_take_spare(q, p->space, &before);
	if (!p->fresh)
		return false;
	p->before = before;

	/* The page in which there is as much @left. */
	at = left == room ? vunix_queue_head(q) :
			    page_address(before ?: p->fresh);
	if (skip) {
		p->rec = at;
		p->rec->len = VUNIX_REC_PAD;
		p->rec->charge = skip;
	}
	p->rec = skip < left ? at + skip : page_address(p->fresh);
	p->first = min_t(size_t, len, PAGE_SIZE - sizeof(*p->rec) -
				      offset_in_page(p->rec));
	return true;
}

/*
 * A short cut for a message that carries nothing else and fits, with its record,
 * into the page that the head is inside of, and spare ones.  It goes with the
 * same locks where send_to() goes.  Returns false, with nothing changed, if
 * anything is not as simple.
 */
static bool try_send_short(struct sock *sk, struct sock *other,
			   struct msghdr *msg, size_t len, bool connected)
{
	struct vunix_queue *q = &vunix_sk(other)->q;
	struct place p = {
		.first = len,
		.space = ALIGN(sizeof(struct vunix_record) + len, 8),
	};
	bool readers;
	u32 room;

	if (unlikely(rcu_access_pointer(other->sk_filter) ||
		     sock_flag(other, SOCK_RCVTSTAMP)) ||
	    vunix_mon_wants(sk, other))
		return false;
	mutex_lock(&q->wmutex);
	p.rec = vunix_queue_head(q);
	room = vunix_queue_room(q);
	if (unlikely(p.space > room) && !find_place(q, &p, room, len))
		goto none;
	if (unlikely(!fill_short(&p, sk, &msg->msg_iter, len)))
		goto none;

	/* A connection needs no more than the queue's lock tells. */
	if (!connected) {
		vunix_state_lock(other);
		if (unlikely(check_receiver(sk, other, false)))
			goto revert;
	}
	if (unlikely(!publish_short(sk, other, &p, len, msg->msg_flags,
				    &readers)))
		goto revert;
	if (!connected)
		vunix_state_unlock(other);
	mutex_unlock(&q->wmutex);
	if (readers)
		vunix_data_ready(other);
	return true;

revert:
	if (!connected)
		vunix_state_unlock(other);
	iov_iter_revert(&msg->msg_iter, len);
none:
	mutex_unlock(&q->wmutex);
	if (unlikely(p.fresh))
		put_page(p.fresh);
	if (unlikely(p.before))
		put_page(p.before);
	return false;
}

/*
 * What a datagram socket has sent, to whomever.  Connections have one receiver,
 * whose queue counts.
 */
static void count_sent(struct sock *sk, size_t len)
{
	struct vunix_sock *vs = vunix_sk(sk);

	atomic64_inc(&vs->sent_msgs);
	atomic64_add(len, &vs->sent_bytes);
}

static inline bool send_short(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk, *other;
	bool connected = vunix_is_connected_type(sk);
	unsigned int limit;
	bool done;

	/* The core does not let SO_SNDBUF be less. */
	BUILD_BUG_ON(SOCK_MIN_SNDBUF - 32 < VUNIX_SHORT);
	limit = vunix_limit_dgram_size(vunix_sk(sk)->vn);
	if ((limit && len > limit) || !vunix_may_send_short(sock, msg, len))
		return false;
	/* A connection's peer is set once and held until the release. */
	other = connected ? READ_ONCE(unix_peer(sk)) : vunix_peer_get(sk);
	if (unlikely(!other))
		return false;
	done = (READ_ONCE(unix_peer(other)) == sk ||
		!vunix_recvq_full_lockless(other)) &&
	       try_send_short(sk, other, msg, len, connected);
	if (!connected) {
		sock_put(other);
		if (likely(done))
			count_sent(sk, len);
	}
	return done;
}

/* Apart, so that the short cut need not clear the structure. */
static noinline int send_long(struct socket *sock, struct msghdr *msg,
			      size_t len)
{
	struct sock *sk = sock->sk, *other;
	struct dgram_send ds = {
		.sk = sk,
		.msg = msg,
		.iter = &msg->msg_iter,
		.len = len,
		.timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT),
		.rec.sk = sk,
	};
	long timeo = ds.timeo;
	int err;

	err = vunix_scm_send(sock, msg, &ds.rec.scm);
	if (err < 0)
		return err;
	err = check_message(sk, msg, len);
	if (err)
		goto out;
	/* Before anything else that waits, so that waiting senders count. */
	do {
		err = vunix_wmem_wait(sk, &timeo);
		if (err)
			goto out;
	} while (!vunix_wmem_try_charge(sk, vunix_record_space(len)));
	ds.rec.charge = vunix_record_space(len);
	err = vunix_scm_attach(&ds.rec.scm, sk);
	if (err)
		goto out;
	do {
		other = find_receiver(&ds);
		if (IS_ERR(other)) {
			err = source_error(&ds, PTR_ERR(other));
			break;
		}
		err = send_to(&ds, other);
		if (!err) {
			/* The queued record owns them now. */
			memset(&ds.rec.scm, 0, sizeof(ds.rec.scm));
			ds.rec.charge = 0;
			vunix_data_ready(other);
		} else if (ds.waited) {
			/* It may have been woken for the room there is. */
			vunix_dgram_leave_room(other);
		}
		ds.waited = false;
		sock_put(other);
	} while (err > 0);
	/* The sender is not told that a filter has dropped it. */
	if (!err || err == -ENOMSG) {
		if (!vunix_is_connected_type(sk))
			count_sent(sk, len);
		err = len;
	}
out:
	if (err == -EAGAIN)
		vunix_sock_count_refused(sk);
	vunix_scm_destroy(&ds.rec.scm);
	if (ds.rec.charge)
		vunix_wmem_uncharge(sk, ds.rec.charge);
	kvfree(ds.copy);
	return err;
}

/**
 * vunix_dgram_sendmsg() - send a datagram
 * @sock: datagram socket, or by way of vunix_seqpacket_sendmsg()
 * @msg: data, address, flags and control messages
 * @len: bytes
 *
 * Context: Process, sleeps.
 * Return: @len or errno. Behaviour: unix(7), send(2).
 */
int vunix_dgram_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	if (likely(send_short(sock, msg, len)))
		return len;
	return send_long(sock, msg, len);
}

/**
 * vunix_seqpacket_sendmsg() - send a record
 * @sock: seqpacket socket
 * @msg: data, flags and control messages; an address is ignored
 * @len: bytes
 *
 * Context: Process, sleeps.
 * Return: @len or errno. Behaviour: unix(7), send(2).
 */
int vunix_seqpacket_sendmsg(struct socket *sock, struct msghdr *msg,
			    size_t len)
{
	struct sock *sk = sock->sk;
	int err;

	err = sock_error(sk);
	if (err)
		return err;
	if (READ_ONCE(sk->sk_state) != TCP_ESTABLISHED)
		return -ENOTCONN;
	if (msg->msg_namelen)
		msg->msg_namelen = 0;
	return vunix_dgram_sendmsg(sock, msg, len);
}

/*
 * Receiving
 */

/*
 * The record to receive, with SO_PEEK_OFF's offset taken into account, or
 * NULL. *skip is what to leave out of it, *posp where it is.
 */
static struct vunix_record *find_record(struct sock *sk, int flags, int *skip,
					u32 *posp, u32 head)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	int off = sk_peek_offset(sk, flags);
	bool at_off = flags & MSG_PEEK && off >= 0;
	struct vunix_record *rec;
	u32 pos = q->tail;

	*skip = 0;
	for (;;) {
		/* The iolock keeps the record, the lock the slots. */
		spin_lock(&q->lock);
		rec = vunix_queue_record(q, &pos, head);
		spin_unlock(&q->lock);
		if (!rec || !at_off)
			break;
		if (off >= (int)rec->len &&
		    (off || rec->flags & VUNIX_REC_PEEKED)) {
			off -= rec->len;
			pos = vunix_record_end(rec, pos);
			continue;
		}
		*skip = off;
		break;
	}
	if (rec && !rec->len && flags & MSG_PEEK)
		rec->flags |= VUNIX_REC_PEEKED;
	*posp = pos;
	return rec;
}

/* After the end has been seen: has nothing come in front of it? */
static bool queue_is_still(struct sock *sk, u32 head)
{
	/*
	 * Pairs with the locks between a sender's last record and the shutdown
	 * that followed it.  Litmus: eof-data.
	 */
	smp_rmb();
	return READ_ONCE(vunix_sk(sk)->q.head) == head;
}

/* As __skb_wait_for_more_packets(): 0 to look again, else over with *err. */
static bool dgram_wait(struct sock *sk, u32 head, long *timeo, int *err)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	bool over = true;
	DEFINE_WAIT_FUNC(wait, vunix_wake_reader);

	if (vunix_busy_wait(sk, head, timeo))
		return false;
	/* The barriers are those of stream_data_wait().  Litmus: sleep-data. */
	prepare_to_wait_exclusive(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
	*err = sock_error(sk);
	if (*err)
		goto out;
	if (READ_ONCE(q->head) != head) {
		over = false;
		goto out;
	}
	if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN) {
		over = queue_is_still(sk, head);
		goto out;
	}
	*err = -ENOTCONN;
	if (vunix_is_connected_type(sk) &&
	    READ_ONCE(sk->sk_state) != TCP_ESTABLISHED &&
	    READ_ONCE(sk->sk_state) != TCP_LISTEN)
		goto out;
	if (signal_pending(current)) {
		*err = sock_intr_errno(*timeo);
		goto out;
	}
	over = false;
	*timeo = vunix_sock_sleep(sk, NULL, VUNIX_WAIT_DATA, *timeo);
out:
	finish_wait(sk_sleep(sk), &wait);
	return over;
}

static void copy_name(struct sock *sk, struct msghdr *msg, struct sock *sender)
{
	struct unix_address *addr;

	/* Pairs with the release when the name was given.  Litmus: name-bind. */
	addr = smp_load_acquire(&unix_sk(sender)->addr);
	if (addr) {
		msg->msg_namelen = addr->len;
		memcpy(msg->msg_name, addr->name, addr->len);
	}
	BPF_CGROUP_RUN_PROG_UNIX_RECVMSG_LOCK(sk, msg->msg_name,
					      &msg->msg_namelen);
}

/* SO_TIMESTAMP: the core knows all its forms, but wants an skb. */
static void recv_timestamp(struct sock *sk, struct msghdr *msg, ktime_t stamp)
{
	struct sk_buff *skb;

	if (!sock_flag(sk, SOCK_RCVTSTAMP))
		return;
	skb = alloc_skb(0, GFP_KERNEL);
	if (!skb)
		return;
	skb->tstamp = stamp;
	__sock_recv_timestamp(msg, sk, skb);
	kfree_skb(skb);
}

/* Receives the record at @pos; the iolock is held. */
static int recv_record(struct sock *sk, struct msghdr *msg, size_t size,
		       int flags, struct vunix_record *r, u32 pos, int skip,
		       struct vunix_scm *scm)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	struct vunix_record rec = *r;
	struct page *pages;
	int ret = 0;

	if (msg->msg_name)
		copy_name(sk, msg, rec.sk);
	if (size > rec.len - skip)
		size = rec.len - skip;
	else if (size < rec.len - skip)
		msg->msg_flags |= MSG_TRUNC;
	if (vunix_queue_copy(q, pos + sizeof(rec) + skip, &msg->msg_iter,
			     size) != size)
		ret = -EFAULT;
	else
		recv_timestamp(sk, msg, rec.stamp);

	if (flags & MSG_PEEK) {
		if (ret)
			return ret;
		trace_vunix_recv(sk, rec.sk, size, flags);
		sk_peek_offset_fwd(sk, size);
		vunix_scm_copy_creds(scm, &rec.scm);
		if (rec.scm.fp)
			vunix_scm_peek(sk, scm, &rec.scm);
		return flags & MSG_TRUNC ? rec.len - skip : size;
	}

	spin_lock(&q->lock);
	consume_record(sk, &rec, vunix_record_end(&rec, pos), &pages);
	if (ret) {
		q->dropped++;
		q->dropped_bytes += rec.len;
	}
	spin_unlock(&q->lock);
	vunix_queue_free_pages(pages);
	if (!ret) {
		trace_vunix_recv(sk, rec.sk, size, flags);
		sk_peek_offset_bwd(sk, rec.len);
		ret = flags & MSG_TRUNC ? rec.len - skip : size;
		*scm = rec.scm;
		vunix_scm_anonymous(scm);
	} else {
		/* As in AF_UNIX, it is lost. */
		trace_vunix_drop(sk, rec.sk, rec.len, VUNIX_DROP_FAULT);
		vunix_scm_destroy(&rec.scm);
	}
	vunix_wmem_uncharge(rec.sk, rec.charge);
	return ret;
}

/*
 * The first record, if it carries nothing but payload, and all of that is wanted;
 * else NULL.  *@pos is where it is.  The iolock is held.
 */
static struct vunix_record *first_plain(struct vunix_queue *q, size_t size,
					u32 *pos)
{
	struct vunix_record *rec;
	u32 head;

	/*
	 * Pairs with the release of the head: what stands in front of it.
	 * Litmus: queue-publish, queue-marks.
	 */
	head = smp_load_acquire(&q->head);
	*pos = q->tail;
	if (head == *pos || READ_ONCE(q->purge))
		return NULL;
	rec = vunix_queue_first(q, sizeof(*rec));
	if (unlikely(!rec || rec->len == VUNIX_REC_PAD)) {
		/* At the end of the page, or in the next one. */
		if (rec && vunix_page_offset(*pos) + rec->charge < PAGE_SIZE) {
			*pos += rec->charge;
			rec = (void *)rec + rec->charge;
		} else {
			spin_lock(&q->lock);
			rec = vunix_queue_record(q, pos, head);
			spin_unlock(&q->lock);
		}
	}
	if (unlikely(rec->len > size || rec->scm.pid || rec->scm.fp))
		return NULL;
	return rec;
}

/* Copies the payload of the record at @pos; false with nothing changed. */
static bool copy_plain(struct vunix_queue *q, struct vunix_record *rec, u32 pos,
		       struct iov_iter *to)
{
	u32 room = PAGE_SIZE - vunix_page_offset(pos) - sizeof(*rec);
	size_t len = rec->len;

	if (likely(len <= room))
		return !len || vunix_copy_out(rec + 1, len, to);
	return vunix_queue_copy_over(q, pos + sizeof(*rec), rec + 1, to, len);
}

/*
 * A short cut for a message that carries nothing else.  It goes with the same
 * locks where recv_record() goes.  Returns the number of bytes, or -1 with
 * nothing changed if anything is not as simple.
 */
static inline int try_read_short(struct socket *sock, struct msghdr *msg,
				 size_t size, int flags)
{
	struct sock *sk = sock->sk, *sender;
	struct vunix_sock *vs = vunix_sk(sk);
	struct vunix_queue *q = &vs->q;
	struct vunix_record *rec;
	unsigned int charge;
	struct page *pages;
	u32 len, pos;
	bool wake;

	if (READ_ONCE(sk->sk_err) || sock_flag(sk, SOCK_RCVTSTAMP) ||
	    !vunix_may_read_short(sock, flags))
		return -1;
	mutex_lock(&vs->u.iolock);
	rec = first_plain(q, size, &pos);
	if (!rec || unlikely(!copy_plain(q, rec, pos, &msg->msg_iter)))
		goto none;
	len = rec->len;
	charge = rec->charge;
	sender = rec->sk;
	if (msg->msg_name)
		copy_name(sk, msg, sender);
	sk_peek_offset_bwd(sk, len);

	spin_lock(&q->lock);
	consume_record(sk, rec, vunix_record_end(rec, pos), &pages);
	vunix_wmem_uncharge_but_one(sender, charge);
	wake = vunix_wants_write_space(sender);
	spin_unlock(&q->lock);
	mutex_unlock(&vs->u.iolock);
	run_purge(sk);

	trace_vunix_recv(sk, sender, len, flags);
	if (unlikely(pages))
		vunix_queue_free_pages(pages);
	if (wake)
		vunix_wmem_wake(sender);
	sk_free(sender);
	vunix_dgram_made_room(sk);
	return len;

none:
	read_unlock_queue(sk);
	return -1;
}

/* Apart, so that the short cut need not clear the structure. */
static noinline int read_long(struct socket *sock, struct msghdr *msg,
			      size_t size, int flags)
{
	struct sock *sk = sock->sk;
	struct vunix_record *rec;
	struct vunix_scm scm;
	u32 pos, head;
	long timeo;
	int skip, err;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	memset(&scm, 0, sizeof(scm));

	for (;;) {
		read_lock_queue(sk);
		head = READ_ONCE(vunix_sk(sk)->q.head);
		err = sock_error(sk);
		rec = err ? NULL : find_record(sk, flags, &skip, &pos, head);
		if (rec)
			break;
		read_unlock_queue(sk);
		if (err)
			return err;
		if (!timeo) {
			/* The end of a connection shows without waiting. */
			if (sk->sk_type != SOCK_SEQPACKET ||
			    !(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN))
				return -EAGAIN;
			if (queue_is_still(sk, head))
				return 0;
			continue;
		}
		if (dgram_wait(sk, head, &timeo, &err))
			return err;
	}

	err = recv_record(sk, msg, size, flags, rec, pos, skip, &scm);
	read_unlock_queue(sk);

	vunix_dgram_made_room(sk);
	if (err >= 0)
		vunix_scm_recv(sock, msg, &scm, flags);
	return err;
}

/**
 * vunix_dgram_recvmsg() - receive a datagram
 * @sock: datagram socket, or by way of vunix_seqpacket_recvmsg()
 * @msg: where data, name and control messages go
 * @size: bytes wanted
 * @flags: MSG_*
 *
 * Context: Process, sleeps.
 * Return: bytes, 0 at the end, or errno. Behaviour: unix(7), recv(2).
 */
int vunix_dgram_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
			int flags)
{
	int n = try_read_short(sock, msg, size, flags);

	return n >= 0 ? n : read_long(sock, msg, size, flags);
}

/**
 * vunix_seqpacket_recvmsg() - receive a record
 * @sock: seqpacket socket
 * @msg: where data and control messages go
 * @size: bytes wanted
 * @flags: MSG_*
 *
 * Context: Process, sleeps.
 * Return: bytes, 0 at the end, or errno. Behaviour: unix(7), recv(2).
 */
int vunix_seqpacket_recvmsg(struct socket *sock, struct msghdr *msg,
			    size_t size, int flags)
{
	if (READ_ONCE(sock->sk->sk_state) != TCP_ESTABLISHED)
		return -ENOTCONN;
	return vunix_dgram_recvmsg(sock, msg, size, flags);
}

/**
 * vunix_dgram_first_len() - size of the next datagram (SIOCINQ)
 * @sk: datagram socket
 *
 * Context: Any. Takes and drops q.lock.
 * Return: bytes, 0 if the queue is empty.
 */
u32 vunix_dgram_first_len(struct sock *sk)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	struct vunix_record *rec;
	u32 pos, len;

	spin_lock(&q->lock);
	pos = q->tail;
	rec = vunix_queue_record(q, &pos, q->head);
	len = rec ? rec->len : 0;
	spin_unlock(&q->lock);
	return len;
}
