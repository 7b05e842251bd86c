// SPDX-License-Identifier: GPL-2.0
/*
 * Byte streams: send, receive, peek, urgent data and splice.  Owns what the
 * bytes of a stream's queue mean: marks (credentials and files of a range) and
 * the urgent byte.  Owns no lock; storage is vunix_queue.c's.
 *
 * AF_UNIX queues one buffer per send, and programs can see where a buffer
 * begins in four ways: files are received with the first byte of their send
 * and end the read, differing credentials are never received together, reads
 * stop at an urgent byte, and an urgent byte that was taken out leaves a mark.
 * Bytes here run together, so these four are kept in two lists ordered by
 * position, both usually empty:
 *
 *   marks   ranges [start, end) with credentials or files; ranges with the
 *           same credentials and no files are merged as they are sent
 *   oob     the pending urgent byte (always the last entry), and holes where
 *           urgent bytes have been taken out (their byte stays in the ring and
 *           is stepped over)
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/pipe_fs_i.h>
#include <linux/vunixmon.h>
#include <net/tcp_states.h>
#include "vunix_queue.h"
#include "vunix_trace.h"

/* What a non-empty queue costs its sender besides the bytes themselves. */
#define VUNIX_STREAM_OVERHEAD	512
/* What each mark and each urgent byte (or its hole) costs in addition. */
#define VUNIX_MARK_OVERHEAD	256
/* The most that is published at once; a blocked reader starts on it. */
#define VUNIX_STREAM_PIECE	(32768 + 4096)

/**
 * struct vunix_oob - an urgent byte, or the hole it has left
 * @node: in vunix_queue.oob, ordered by position
 * @start: position of the byte
 * @end: position behind it; holes that touch are merged
 * @taken: received with MSG_OOB
 */
struct vunix_oob {
	struct list_head	node;
	u32			start;
	u32			end;
	bool			taken;
};

static struct vunix_oob *first_oob(struct vunix_queue *q)
{
	return list_first_entry_or_null(&q->oob, struct vunix_oob, node);
}

static struct vunix_oob *last_oob(struct vunix_queue *q)
{
	return list_last_entry(&q->oob, struct vunix_oob, node);
}

/*
 * Charges the sender for what is queued.  It has one queue to send to, for life,
 * and a reference from the owner of that queue; so under its lock nobody else
 * changes sk_wmem_alloc, which is the 1 of sk_alloc() and what is queued, and
 * it is set, not added to.  Returns how many bytes are queued.
 */
static inline u32 recharge(struct vunix_queue *q, struct sock *sender)
{
	u32 queued = q->head - q->tail;
	u32 cost = queued ? queued + VUNIX_STREAM_OVERHEAD +
			    q->nr_marks * VUNIX_MARK_OVERHEAD : 0;

	lockdep_assert_held(&q->lock);
	/* Nobody has that many marks without CAP_NET_ADMIN's SO_SNDBUF. */
	refcount_set(&sender->sk_wmem_alloc, min_t(u32, cost, INT_MAX - 1) + 1);
	return queued;
}

/*
 * Sending
 */

/* Adds @mark to the range [start, end), or lets the last mark grow over it. */
static struct vunix_mark *add_mark(struct vunix_queue *q,
				   struct vunix_mark *mark, u32 start, u32 end)
{
	struct vunix_mark *last;

	lockdep_assert_held(&q->lock);
	if (!list_empty(&q->marks) && !mark->scm.fp) {
		last = list_last_entry(&q->marks, struct vunix_mark, node);
		if (last->end == start && !last->scm.fp &&
		    vunix_scm_creds_equal(&last->scm, &mark->scm)) {
			last->end = end;
			return mark;
		}
	}
	mark->start = start;
	mark->end = end;
	list_add_tail(&mark->node, &q->marks);
	WRITE_ONCE(q->nr_marks, q->nr_marks + 1);
	return NULL;
}

/* The byte in front of @end is urgent; an older one becomes ordinary. */
static struct vunix_oob *add_oob(struct vunix_queue *q, struct vunix_oob *oob,
				 u32 end)
{
	struct vunix_oob *old = NULL;

	lockdep_assert_held(&q->lock);
	if (q->oob_pending) {
		old = last_oob(q);
		list_del(&old->node);
	} else {
		WRITE_ONCE(q->nr_marks, q->nr_marks + 1);
	}
	oob->start = end - 1;
	oob->end = end;
	oob->taken = false;
	list_add_tail(&oob->node, &q->oob);
	WRITE_ONCE(q->oob_pending, true);
	return old;
}

/* SIGURG goes by sk->sk_socket->file, which a release takes away. */
static void raise_sigurg(struct sock *other)
{
	vunix_state_lock(other);
	if (!sock_flag(other, SOCK_DEAD))
		sk_send_sigurg(other);
	vunix_state_unlock(other);
}

/*
 * Queues @size bytes (with MSG_OOB: one) and what @scm carries, all or
 * nothing.  Consumes @scm's files on success.  @first: of the call.
 */
static int send_piece(struct sock *sk, struct sock *other,
		      struct msghdr *msg, size_t size,
		      struct vunix_scm *scm, bool urgent, bool first)
{
	struct vunix_queue *q = &vunix_sk(other)->q;
	struct vunix_mon_msg mon = {
		.sk = sk,
		.other = other,
		.len = size,
		.fp = scm->fp,
		.msg_flags = msg->msg_flags,
		.flags = (first ? 0 : VUNIXMON_F_CONTINUED) |
			 (urgent ? VUNIXMON_F_URGENT : 0),
	};
	struct vunix_mark *mark = NULL;
	struct sk_buff *packets = NULL;
	struct vunix_oob *oob = NULL;
	struct vunix_writer w;
	int err;

	if (!vunix_scm_is_empty(scm)) {
		mark = kzalloc(sizeof(*mark), GFP_KERNEL_ACCOUNT);
		if (!mark)
			return -ENOBUFS;
		vunix_scm_copy_creds(&mark->scm, scm);
	}
	if (urgent) {
		err = -ENOBUFS;
		oob = kmalloc(sizeof(*oob), GFP_KERNEL_ACCOUNT);
		if (!oob)
			goto out;
	}
	err = vunix_write_fill(&w, q, NULL, &msg->msg_iter, size);
	if (err)
		goto out;
	mon.w = &w;
	packets = vunix_mon_take(&mon);

	spin_lock(&q->lock);
	if (q->dead || READ_ONCE(other->sk_shutdown) & RCV_SHUTDOWN) {
		err = -EPIPE;
	} else if (scm->fp && !vunix_pass_rights(other)) {
		err = -EPERM;
	} else {
		if (mark) {
			swap(mark->scm.fp, scm->fp);
			vunix_scm_queued(other, &mark->scm);
			mark = add_mark(q, mark, w.start, w.pos);
		}
		if (oob)
			oob = add_oob(q, oob, w.pos);
		vunix_mon_add(&mon, packets, w.start - VUNIX_FIRST_POS);
		packets = NULL;
		/* Behind them: try_read_short() looks without the lock. */
		vunix_write_commit(&w);
		vunix_queue_note_most(q, recharge(q, sk));
		q->msgs += first;
		trace_vunix_send(sk, other, size, msg->msg_flags);
	}
	spin_unlock(&q->lock);
	vunix_write_end(&w);

	if (!err) {
		if (urgent)
			raise_sigurg(other);
		vunix_data_ready(other);
	}
out:
	if (mark) {
		vunix_scm_destroy(&mark->scm);
		kfree(mark);
	}
	kfree(oob);
	vunix_mon_forget(packets);
	return err;
}

/* What a piece needs before it is queued: room, accounting, credentials. */
static int prepare_piece(struct sock *sk, struct sock *other,
			 const struct msghdr *msg, struct vunix_scm *scm)
{
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	int err;

	err = vunix_wmem_wait(sk, &timeo);
	if (err)
		return err;
	err = vunix_scm_attach(scm, sk);
	if (err)
		return err;
	return vunix_scm_stamp(scm, sk, other);
}

static void raise_sigpipe(const struct msghdr *msg)
{
	if (!(msg->msg_flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
}

/* Two pieces fit, so reader and writer can take turns. */
static u32 stream_piece(const struct sock *sk)
{
	return (READ_ONCE(sk->sk_sndbuf) >> 1) - 64;
}

/* As with AF_UNIX, a writer that was waiting for room gets no SIGPIPE. */
static int send_pieces(struct sock *sk, struct sock *other,
		       struct msghdr *msg, size_t len, struct vunix_scm *scm,
		       size_t *sent)
{
	size_t size;
	int err;

	while (*sent < len) {
		size = min_t(size_t, len - *sent, stream_piece(sk));
		size = min_t(size_t, size, VUNIX_STREAM_PIECE);
		err = prepare_piece(sk, other, msg, scm);
		if (err)
			return err;
		err = send_piece(sk, other, msg, size, scm, false,
				 !*sent);
		if (err == -EPIPE && !*sent)
			raise_sigpipe(msg);
		if (err)
			return err;
		*sent += size;
	}
	return 0;
}

/*
 * A short cut for a few bytes that carry nothing else and fit into the page
 * that the head is inside of, and a spare one.  It goes with the same locks where
 * send_pieces() goes.  Returns false, with nothing changed, if anything is not as
 * simple.
 */
static bool try_send_short(struct sock *sk, struct sock *other,
			   struct msghdr *msg, size_t len)
{
	struct vunix_queue *q = &vunix_sk(other)->q;
	struct page *fresh = NULL;
	bool readers, copied;

	if (vunix_mon_wants(sk, other))
		return false;
	mutex_lock(&q->wmutex);
	if (unlikely(len > vunix_queue_room(q))) {
		fresh = vunix_queue_take_spare(q, len, NULL);
		if (!fresh)
			goto none;
	}
	copied = unlikely(fresh) ?
		 vunix_queue_fill_fresh(q, fresh, &msg->msg_iter, len) :
		 vunix_copy_in(vunix_queue_head(q), len, &msg->msg_iter);
	if (unlikely(!copied))
		goto none;

	spin_lock(&q->lock);
	/* That of a queue that is dead is set, too. */
	if (unlikely(READ_ONCE(other->sk_shutdown) & RCV_SHUTDOWN ||
		     vunix_wants_stamp_rcu(sk, other)))
		goto revert;
	vunix_queue_publish(q, fresh, NULL, len);
	vunix_queue_note_most(q, recharge(q, sk));
	q->msgs++;
	trace_vunix_send(sk, other, len, msg->msg_flags);
	readers = vunix_wants_data_ready(other);
	spin_unlock(&q->lock);
	mutex_unlock(&q->wmutex);
	if (readers)
		vunix_data_ready(other);
	return true;

revert:
	spin_unlock(&q->lock);
	iov_iter_revert(&msg->msg_iter, len);
none:
	mutex_unlock(&q->wmutex);
	if (fresh)
		put_page(fresh);
	return false;
}

/* Apart, so that the short cut need not clear the structure. */
static noinline int send_long(struct socket *sock, struct msghdr *msg,
			      size_t len)
{
	struct sock *sk = sock->sk, *other;
	bool urgent = msg->msg_flags & MSG_OOB;
	struct vunix_scm scm;
	size_t sent = 0;
	int err;

	err = vunix_scm_send(sock, msg, &scm);
	if (err < 0)
		return err;

	err = -EOPNOTSUPP;
	if (urgent && !len)
		goto out;
	if (msg->msg_namelen) {
		if (READ_ONCE(sk->sk_state) == TCP_ESTABLISHED)
			err = -EISCONN;
		goto out;
	}

	err = -ENOTCONN;
	other = READ_ONCE(unix_peer(sk));
	if (!other)
		goto out;

	err = -EPIPE;
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN) {
		raise_sigpipe(msg);
		goto out;
	}

	err = send_pieces(sk, other, msg, len - urgent, &scm, &sent);
	if (err || !urgent)
		goto out;
	err = prepare_piece(sk, other, msg, &scm);
	if (!err)
		err = send_piece(sk, other, msg, 1, &scm, true,
				 !sent);
	if (!err)
		sent++;
out:
	if (err == -EAGAIN && !sent)
		vunix_sock_count_refused(sk);
	vunix_scm_destroy(&scm);
	return sent ? sent : err;
}

/**
 * vunix_stream_sendmsg() - send on a stream socket
 * @sock: socket
 * @msg: data, flags and control messages
 * @len: bytes
 *
 * Context: Process, sleeps.
 * Return: bytes queued or errno. Behaviour: unix(7), send(2).
 */
int vunix_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk, *other;

	/* A stream's peer is set once and held until the socket's release. */
	other = READ_ONCE(unix_peer(sk));
	if (likely(other && len && len <= stream_piece(sk) &&
		   vunix_may_send_short(sock, msg, len)) &&
	    try_send_short(sk, other, msg, len))
		return len;
	return send_long(sock, msg, len);
}

/*
 * Receiving
 */

/**
 * struct stream_read - one receive call
 * @sock: socket
 * @msg: where data goes, or NULL when splicing
 * @pipe: where data goes when splicing
 * @size: bytes still wanted
 * @flags: MSG_*
 * @copied: bytes got so far
 * @pos: next byte to look at
 * @skip: of SO_PEEK_OFF, still to be passed over
 * @scm: what was received besides data
 * @check_creds: @scm's credentials bind the rest of the call
 */
struct stream_read {
	struct socket		*sock;
	struct msghdr		*msg;
	struct pipe_inode_info	*pipe;
	size_t			size;
	int			flags;
	size_t			copied;
	u32			pos;
	u32			skip;
	struct vunix_scm	scm;
	bool			check_creds;
};

/* What reading has emptied, to be freed when the lock is dropped. */
struct stream_rest {
	struct list_head	marks;
	struct list_head	oob;
	struct page		*pages;
	bool			wake;
};

static void rest_init(struct stream_rest *rest)
{
	INIT_LIST_HEAD(&rest->marks);
	INIT_LIST_HEAD(&rest->oob);
	rest->pages = NULL;
	rest->wake = false;
}

/* Moves the tail to @pos; what lies before goes to @rest. */
static void drop_to(struct sock *sk, u32 pos, struct sock *sender,
		    struct stream_rest *rest)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	struct vunix_mark *mark, *next;
	struct vunix_oob *oob, *noob;

	lockdep_assert_held(&q->lock);
	list_for_each_entry_safe(mark, next, &q->marks, node) {
		if ((s32)(mark->end - pos) > 0)
			break;
		if (mark->scm.fp)
			vunix_scm_dequeued(sk, &mark->scm);
		list_move_tail(&mark->node, &rest->marks);
		WRITE_ONCE(q->nr_marks, q->nr_marks - 1);
	}
	list_for_each_entry_safe(oob, noob, &q->oob, node) {
		if ((s32)(oob->end - pos) > 0)
			break;
		if (oob->taken)
			q->gone -= oob->end - oob->start;
		else
			WRITE_ONCE(q->oob_pending, false);
		list_move_tail(&oob->node, &rest->oob);
		WRITE_ONCE(q->nr_marks, q->nr_marks - 1);
	}
	WARN_ON_ONCE(rest->pages);
	if (pos != q->tail)
		rest->pages = vunix_queue_consume(q, pos);
	else if (list_empty(&rest->marks) && list_empty(&rest->oob))
		return;	/* nothing changed: no room to tell of */
	recharge(q, sender);
	rest->wake = vunix_wants_write_space(sender);
}

static void rest_free(struct stream_rest *rest, struct sock *sender)
{
	struct vunix_mark *mark, *next;
	struct vunix_oob *oob, *noob;

	list_for_each_entry_safe(mark, next, &rest->marks, node) {
		vunix_scm_destroy(&mark->scm);
		kfree(mark);
	}
	list_for_each_entry_safe(oob, noob, &rest->oob, node)
		kfree(oob);
	vunix_queue_free_pages(rest->pages);
	if (rest->wake)
		vunix_wmem_wake(sender);
	rest_init(rest);
}

static struct vunix_oob *oob_at_or_after(struct vunix_queue *q, u32 pos)
{
	struct vunix_oob *oob;

	list_for_each_entry(oob, &q->oob, node)
		if ((s32)(oob->end - pos) > 0)
			return oob;
	return NULL;
}

static struct vunix_mark *mark_at_or_after(struct vunix_queue *q, u32 pos)
{
	struct vunix_mark *mark;

	list_for_each_entry(mark, &q->marks, node)
		if ((s32)(mark->end - pos) > 0)
			return mark;
	return NULL;
}

static bool before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/* End of the bytes at @pos that share one mark (or have none). */
static u32 mark_limit(struct vunix_queue *q, u32 pos, u32 limit,
		      struct vunix_mark **markp)
{
	struct vunix_mark *mark = mark_at_or_after(q, pos);

	*markp = NULL;
	if (!mark)
		return limit;
	if (before(pos, mark->start))
		return before(mark->start, limit) ? mark->start : limit;
	*markp = mark;
	return before(mark->end, limit) ? mark->end : limit;
}

enum segment {
	SEG_DATA,	/* [st->pos, *limit) can be received */
	SEG_NONE,	/* nothing (more) is queued */
	SEG_STOP,	/* the call ends here */
};

/*
 * Steps over what is left of SO_PEEK_OFF's offset, from the segment that
 * next_segment() has found on. As with AF_UNIX the rules for urgent bytes end
 * here: one that is met on the way counts, and is received, like any other.
 */
static enum segment skip_offset(struct vunix_queue *q, struct stream_read *st,
				u32 *limit)
{
	struct vunix_oob *oob;

	lockdep_assert_held(&q->lock);
	while (st->skip >= *limit - st->pos) {
		st->skip -= *limit - st->pos;
		st->pos = *limit;
		oob = oob_at_or_after(q, st->pos);
		if (oob && oob->taken && !before(st->pos, oob->start)) {
			st->pos = oob->end;
			oob = oob_at_or_after(q, st->pos);
		}
		if (st->pos == q->head)
			return SEG_NONE;
		if (!oob)
			*limit = q->head;
		else
			*limit = before(st->pos, oob->start) ? oob->start :
							       oob->end;
	}
	st->pos += st->skip;
	st->skip = 0;
	return SEG_DATA;
}

/*
 * What comes next, by the rules for urgent bytes: a read stops in front of
 * one, the next read drops it (unless SO_OOBINLINE) and goes on; the place of
 * one that was taken ends a read too.  When not peeking, what is dropped
 * is consumed.
 */
static enum segment next_segment(struct sock *sk, struct stream_read *st,
				 u32 *limit, struct sock *sender,
				 struct stream_rest *rest)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	bool inl = sock_flag(sk, SOCK_URGINLINE);
	bool peek = st->flags & MSG_PEEK;
	struct vunix_oob *oob;
	u32 drop = st->pos;
	enum segment seg;

	lockdep_assert_held(&q->lock);
	for (;;) {
		seg = SEG_NONE;
		if (st->pos == q->head)
			break;
		seg = SEG_DATA;
		*limit = q->head;
		oob = oob_at_or_after(q, st->pos);
		if (!oob)
			break;
		*limit = oob->start;
		if (before(st->pos, oob->start))
			break;

		if (oob->taken) {
			seg = SEG_STOP;
			if (st->copied && !q->oob_pending)
				break;
			st->pos = oob->end;
			drop = st->pos;
			continue;
		}
		seg = SEG_STOP;
		if (st->copied)
			break;
		*limit = oob->end;
		if (inl) {
			/* An ordinary byte from now on. */
			if (!peek) {
				WRITE_ONCE(q->oob_pending, false);
				list_move_tail(&oob->node, &rest->oob);
				WRITE_ONCE(q->nr_marks, q->nr_marks - 1);
				recharge(q, sender);
				rest->wake = vunix_wants_write_space(sender);
				continue;
			}
			seg = SEG_DATA;
			break;
		}
		if (!peek) {
			q->dropped++;
			trace_vunix_drop(sk, sender, 1, VUNIX_DROP_URGENT);
		}
		st->pos = oob->end;
		drop = st->pos;
	}
	if (!peek && drop != q->tail)
		drop_to(sk, drop, sender, rest);
	return seg;
}

static void spd_release(struct splice_pipe_desc *spd, unsigned int i)
{
	put_page(spd->pages[i]);
}

/* Hands [pos, pos + n) to the pipe; returns bytes, or errno. */
static ssize_t splice_out(struct stream_read *st, u32 pos, size_t n)
{
	struct vunix_queue *q = &vunix_sk(st->sock->sk)->q;
	struct partial_page partial[PIPE_DEF_BUFFERS];
	struct page *pages[PIPE_DEF_BUFFERS];
	struct splice_pipe_desc spd = {
		.pages = pages,
		.partial = partial,
		.nr_pages_max = PIPE_DEF_BUFFERS,
		.ops = &nosteal_pipe_buf_ops,
		.spd_release = spd_release,
	};
	unsigned int i;

	spd.nr_pages = vunix_queue_get_pages(q, pos, pages, PIPE_DEF_BUFFERS,
					     n);
	for (i = 0; i < spd.nr_pages; i++) {
		partial[i].offset = vunix_page_offset(pos);
		partial[i].len = min_t(size_t, n,
				       PAGE_SIZE - partial[i].offset);
		partial[i].private = 0;
		get_page(pages[i]);
		pos += partial[i].len;
		n -= partial[i].len;
	}
	return splice_to_pipe(st->pipe, &spd);
}

/*
 * Delivers [pos, pos + n).  A copy is all or nothing, so that data stays
 * queued on a fault; a splice may take less.
 */
static ssize_t deliver(struct stream_read *st, u32 pos, size_t n)
{
	struct vunix_queue *q = &vunix_sk(st->sock->sk)->q;

	if (!st->msg)
		return n ? splice_out(st, pos, n) : 0;
	if (vunix_queue_copy(q, pos, &st->msg->msg_iter, n) != n)
		return -EFAULT;
	return n;
}

/* Sleeps until the head is no longer @head, or there is a reason to look. */
static long stream_data_wait(struct sock *sk, long timeo, u32 head,
			     bool freezable)
{
	unsigned int state = TASK_INTERRUPTIBLE;
	DEFINE_WAIT_FUNC(wait, vunix_wake_reader);

	if (vunix_busy_wait(sk, head, &timeo))
		return timeo;
	if (freezable)
		state |= TASK_FREEZABLE;
	/*
	 * prepare_to_wait() has a full barrier between adding us and the tests
	 * below; the sender has one between publishing and looking for us, in
	 * vunix_has_waiter() or in sk_data_ready() (skwq_has_sleeper()).
	 * Litmus: sleep-data.
	 */
	for (;;) {
		prepare_to_wait(sk_sleep(sk), &wait, state);
		if (vunix_has_news_lockless(sk, head) || signal_pending(current) ||
		    !timeo)
			break;
		sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
		timeo = vunix_sock_sleep(sk, NULL, VUNIX_WAIT_DATA, timeo);
		sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
		/* Then no need to enter the wait queue again. */
		if (vunix_has_news_lockless(sk, head))
			break;
	}
	finish_wait(sk_sleep(sk), &wait);
	return timeo;
}

/* Credentials: true if the bytes of @mark may join what was received. */
static bool join_creds(struct sock *sk, struct stream_read *st,
		       const struct vunix_mark *mark)
{
	static const struct vunix_scm none;
	const struct vunix_scm *scm = mark ? &mark->scm : &none;

	if (st->check_creds)
		return vunix_scm_creds_equal(scm, &st->scm);
	if (vunix_may_passcred(sk)) {
		vunix_scm_copy_creds(&st->scm, scm);
		st->check_creds = true;
	}
	return true;
}

static void copy_name(struct sock *sk, struct stream_read *st,
		      struct sock *sender)
{
	struct msghdr *msg = st->msg;
	struct unix_address *addr;

	if (!msg || !msg->msg_name)
		return;
	/* Pairs with the release when the name was given.  Litmus: name-bind. */
	addr = smp_load_acquire(&unix_sk(sender)->addr);
	if (addr) {
		msg->msg_namelen = addr->len;
		memcpy(msg->msg_name, addr->name, addr->len);
	}
	BPF_CGROUP_RUN_PROG_UNIX_RECVMSG_LOCK(sk, msg->msg_name,
					      &msg->msg_namelen);
}

/*
 * One segment: bytes that share credentials and files.  Returns 1 to go on,
 * 0 when the call is over, -ENODATA when nothing is queued (*headp is the head
 * that was seen), or errno.
 */
static int read_segment(struct sock *sk, struct stream_read *st,
			struct sock *sender, u32 *headp)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	bool peek = st->flags & MSG_PEEK;
	struct vunix_mark *mark;
	struct stream_rest rest;
	bool has_files, joins;
	enum segment seg;
	u32 limit = 0, from;
	size_t asked;
	ssize_t n;

	rest_init(&rest);
	mark = NULL;
	has_files = false;
	joins = true;

	spin_lock(&q->lock);
	if (!peek)
		st->pos = q->tail;
	from = st->pos;
	seg = next_segment(sk, st, &limit, sender, &rest);
	/* A call for no bytes does not wait behind an urgent one. */
	if (seg == SEG_NONE && !st->size && st->pos != from)
		seg = SEG_STOP;
	if (seg == SEG_DATA && st->skip)
		seg = skip_offset(q, st, &limit);
	if (seg == SEG_DATA) {
		limit = mark_limit(q, st->pos, limit, &mark);
		has_files = mark && mark->scm.fp;
		joins = join_creds(sk, st, mark);
	}
	*headp = q->head;
	spin_unlock(&q->lock);
	rest_free(&rest, sender);

	if (seg == SEG_NONE)
		return -ENODATA;
	if (seg == SEG_STOP || !joins)
		return 0;

	copy_name(sk, st, sender);
	asked = min_t(size_t, limit - st->pos, st->size);
	n = deliver(st, st->pos, asked);
	if (n < 0)
		return st->copied ? 0 : -EFAULT;

	st->copied += n;
	st->size -= n;
	/* Only readers remove marks, and the iolock is ours: mark is there. */
	if (peek) {
		sk_peek_offset_fwd(sk, n);
		st->pos += n;
		if (has_files)
			vunix_scm_peek(sk, &st->scm, &mark->scm);
		return !has_files;
	}

	sk_peek_offset_bwd(sk, n);
	spin_lock(&q->lock);
	if (has_files) {
		vunix_scm_dequeued(sk, &mark->scm);
		swap(st->scm.fp, mark->scm.fp);
	}
	drop_to(sk, st->pos + n, sender, &rest);
	/* Once for each call. */
	if (n && st->copied == n)
		q->reads++;
	spin_unlock(&q->lock);
	rest_free(&rest, sender);
	return !has_files && n == asked;
}

static void finish_read(struct stream_read *st, int err)
{
	struct vunix_sock *vs = vunix_sk(st->sock->sk);
	bool do_cmsg = READ_ONCE(vs->recvmsg_inq);
	struct msghdr *msg = st->msg;

	if (!msg) {
		vunix_scm_destroy(&st->scm);
		return;
	}
	vunix_scm_recv(st->sock, msg, &st->scm, st->flags);
	if (!st->copied && err < 0)
		return;
	if (do_cmsg || msg->msg_get_inq) {
		msg->msg_inq = vunix_stream_inq(&vs->q);
		if (do_cmsg)
			put_cmsg(msg, SOL_SOCKET, SCM_INQ,
				 sizeof(msg->msg_inq), &msg->msg_inq);
	}
}

/*
 * Reads what is queued, up to st->size.  Returns 0, errno, or -ENODATA when
 * more is wanted and nothing is queued; the iolock is held.
 */
static int read_queued(struct sock *sk, struct stream_read *st,
		       struct sock *sender, u32 *headp)
{
	int skip = sk_peek_offset(sk, st->flags);
	int err;

	st->skip = max(skip, 0);
	st->pos = READ_ONCE(vunix_sk(sk)->q.tail);
	do {
		err = read_segment(sk, st, sender, headp);
	} while (err > 0 && st->size);
	return min(err, 0);
}

/* As in AF_UNIX, an urgent byte is gone also if it cannot be delivered. */
static void lose_urgent(struct sock *sk, struct sock *sender)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;

	spin_lock(&q->lock);
	q->reads--;
	q->dropped++;
	spin_unlock(&q->lock);
	trace_vunix_drop(sk, sender, 1, VUNIX_DROP_FAULT);
}

/* MSG_OOB: the urgent byte, which leaves a hole unless peeked at. */
static int recv_urgent(struct stream_read *st)
{
	struct sock *sk = st->sock->sk;
	struct vunix_queue *q = &vunix_sk(sk)->q;
	struct unix_sock *u = unix_sk(sk);
	struct sock *sender = READ_ONCE(u->peer);
	struct vunix_oob *oob, *prev = NULL;
	bool wake = false;
	int err = -EINVAL;
	u32 pos = 0;

	mutex_lock(&u->iolock);
	spin_lock(&q->lock);
	if (!sock_flag(sk, SOCK_URGINLINE) && q->oob_pending) {
		err = 0;
		oob = last_oob(q);
		pos = oob->start;
		if (!(st->flags & MSG_PEEK)) {
			oob->taken = true;
			WRITE_ONCE(q->oob_pending, false);
			q->gone++;
			q->reads++;
			if (!list_is_first(&oob->node, &q->oob)) {
				prev = list_prev_entry(oob, node);
				if (prev->end == oob->start) {
					oob->start = prev->start;
					list_del(&prev->node);
					WRITE_ONCE(q->nr_marks, q->nr_marks - 1);
					recharge(q, sender);
					wake = vunix_wants_write_space(sender);
				} else {
					prev = NULL;
				}
			}
		}
	}
	spin_unlock(&q->lock);
	kfree(prev);
	if (wake)
		vunix_wmem_wake(sender);
	/* Without room for it the byte is gone: it is no fault. */
	if (!err && !(st->msg && !iov_iter_count(&st->msg->msg_iter)) &&
	    deliver(st, pos, 1) < 0) {
		err = -EFAULT;
		if (!(st->flags & MSG_PEEK))
			lose_urgent(sk, sender);
	}
	mutex_unlock(&u->iolock);
	if (err)
		return err;
	trace_vunix_recv(sk, sender, 1, st->flags);
	if (st->msg)
		st->msg->msg_flags |= MSG_OOB;
	return 1;
}

/*
 * A short cut for all that is queued, or all that is wanted, where that carries
 * nothing else.  It goes with the same locks where stream_read() goes.  @target is
 * the least that will do, 0 for SO_RCVLOWAT.  Returns the number of bytes, or 0 with
 * nothing changed if anything is not as simple.
 */
static __always_inline size_t try_read_short(struct socket *sock,
					     struct msghdr *msg, size_t size,
					     int flags, size_t target)
{
	struct sock *sk = sock->sk, *sender;
	struct vunix_sock *vs = vunix_sk(sk);
	struct vunix_queue *q = &vs->q;
	struct page *pages;
	void *from;
	bool wake;
	size_t n;

	/*
	 * Pairs with link_peers(): the peer is set, and until release.
	 * Litmus: peer-state.
	 */
	if (smp_load_acquire(&sk->sk_state) != TCP_ESTABLISHED ||
	    msg->msg_name || msg->msg_get_inq || READ_ONCE(vs->recvmsg_inq) ||
	    !vunix_may_read_short(sock, flags))
		return 0;
	sender = READ_ONCE(vs->u.peer);

	mutex_lock(&vs->u.iolock);
	/*
	 * Pairs with the release of the head: what stands in front of it.
	 * Litmus: queue-publish, queue-marks.
	 */
	n = min_t(size_t, size, smp_load_acquire(&q->head) - q->tail);
	if (unlikely(!n || READ_ONCE(q->nr_marks)))
		goto none;
	if (n != size && n < (target ?: sock_rcvlowat(sk, 0, size)))
		goto none;
	from = vunix_queue_first(q, n);
	if (likely(from)) {
		if (unlikely(!vunix_copy_out(from, n, &msg->msg_iter)))
			goto none;
	} else {
		size_t copied = vunix_queue_copy(q, q->tail, &msg->msg_iter, n);

		if (unlikely(copied != n)) {
			iov_iter_revert(&msg->msg_iter, copied);
			goto none;
		}
	}
	sk_peek_offset_bwd(sk, n);
	spin_lock(&q->lock);
	pages = vunix_queue_consume(q, q->tail + n);
	recharge(q, sender);
	q->reads++;
	wake = vunix_wants_write_space(sender);
	spin_unlock(&q->lock);
	mutex_unlock(&vs->u.iolock);
	trace_vunix_recv(sk, sender, n, flags);
	if (unlikely(pages))
		vunix_queue_free_pages(pages);
	if (wake)
		vunix_wmem_wake(sender);
	return n;

none:
	mutex_unlock(&vs->u.iolock);
	return 0;
}

/* Behind a sleep: what has come is most often all that is wanted. */
static noinline size_t read_woken(const struct stream_read *st, size_t target)
{
	if (!st->msg || st->copied)
		return 0;
	return try_read_short(st->sock, st->msg, st->size, st->flags, target);
}

static ssize_t stream_read(struct stream_read *st, bool freezable)
{
	struct sock *sk = st->sock->sk, *sender;
	struct unix_sock *u = unix_sk(sk);
	size_t target, n;
	long timeo;
	bool more;
	u32 head;
	int err;

	/*
	 * Pairs with link_peers(): the peer is set, and until release.
	 * Litmus: peer-state.
	 */
	if (smp_load_acquire(&sk->sk_state) != TCP_ESTABLISHED)
		return -EINVAL;
	if (st->flags & MSG_OOB)
		return recv_urgent(st);
	sender = READ_ONCE(u->peer);
	target = sock_rcvlowat(sk, st->flags & MSG_WAITALL, st->size);
	timeo = sock_rcvtimeo(sk, st->flags & MSG_DONTWAIT);
	for (;;) {
		mutex_lock(&u->iolock);
		err = read_queued(sk, st, sender, &head);
		if (err != -ENODATA)
			break;
		err = 0;
		/* A peek takes what is there. */
		if (st->copied >= target ||
		    (st->copied && st->flags & MSG_PEEK))
			break;
		if (READ_ONCE(sk->sk_err) ||
		    READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN) {
			/*
			 * What was sent before the end is read first, and an
			 * end by a reset is seen as that: the closer writes
			 * sk_shutdown and sk_err under this lock, behind the
			 * unlock of q.lock in send_piece() or
			 * try_send_short().  Litmus: eof-final, eof-reset.
			 */
			vunix_state_lock(sk);
			more = READ_ONCE(vunix_sk(sk)->q.head) != head;
			if (!more)
				err = sock_error(sk);
			vunix_state_unlock(sk);
			if (!more)
				break;
			mutex_unlock(&u->iolock);
			continue;
		}
		err = -EAGAIN;
		if (!timeo)
			break;
		mutex_unlock(&u->iolock);

		timeo = stream_data_wait(sk, timeo, head, freezable);
		if (signal_pending(current)) {
			vunix_scm_destroy(&st->scm);
			err = sock_intr_errno(timeo);
			goto out;
		}
		n = read_woken(st, target);
		if (n)
			return n;
	}
	mutex_unlock(&u->iolock);
	finish_read(st, err);
out:
	if (!st->copied)
		return err;
	trace_vunix_recv(sk, sender, st->copied, st->flags);
	return st->copied;
}

/* Apart, so that the short cut need not clear the structure. */
static noinline ssize_t read_long(struct socket *sock, struct msghdr *msg,
				  size_t size, int flags)
{
	struct stream_read st = {
		.sock = sock,
		.msg = msg,
		.size = size,
		.flags = flags,
	};

	return stream_read(&st, true);
}

/**
 * vunix_stream_recvmsg() - receive from a stream socket
 * @sock: socket
 * @msg: where data, name and control messages go
 * @size: bytes wanted
 * @flags: MSG_*
 *
 * Context: Process, sleeps.
 * Return: bytes, 0 at the end, or errno. Behaviour: unix(7), recv(2).
 */
int vunix_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
			 int flags)
{
	size_t n = try_read_short(sock, msg, size, flags, 0);

	return n ? n : read_long(sock, msg, size, flags);
}

/**
 * vunix_stream_splice_read() - move data from a stream socket to a pipe
 * @sock: socket
 * @ppos: must be 0
 * @pipe: locked pipe
 * @size: bytes wanted
 * @flags: SPLICE_F_*
 *
 * The pipe gets references to the queue's pages; a page that a pipe still
 * refers to is not used again. Files that came with the data are closed.
 *
 * Context: Process, sleeps.
 * Return: bytes, 0 at the end, or errno. Behaviour: splice(2).
 */
ssize_t vunix_stream_splice_read(struct socket *sock, loff_t *ppos,
				 struct pipe_inode_info *pipe, size_t size,
				 unsigned int flags)
{
	struct stream_read st = {
		.sock = sock,
		.pipe = pipe,
		.size = size,
	};

	if (*ppos)
		return -ESPIPE;
	/* fcntl() may be changing it: either value will do. */
	if (data_race(sock->file->f_flags) & O_NONBLOCK ||
	    flags & SPLICE_F_NONBLOCK)
		st.flags = MSG_DONTWAIT;
	return stream_read(&st, false);
}

/**
 * vunix_stream_purge() - drop all that is queued on a socket without readers
 * @sk: stream socket that is being released, or that nobody can reach
 * @peer: who is charged for the data, NULL if nobody ever was
 *
 * Context: Process, sleeps. No reader is at work, nor will there be one: the
 *          iolock is not taken. Writers may be.
 */
void vunix_stream_purge(struct sock *sk, struct sock *peer)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	struct vunix_mark *mark;
	struct stream_rest rest;
	u32 to, pos, dropped;

	if (!peer)
		return;
	spin_lock(&q->lock);
	to = q->head;
	pos = q->tail;
	spin_unlock(&q->lock);
	if (pos == to)
		return;

	/* Segment by segment: a mark may have hundreds of files. */
	do {
		rest_init(&rest);
		spin_lock(&q->lock);
		mark = list_first_entry_or_null(&q->marks, struct vunix_mark,
						node);
		pos = mark && before(mark->end, to) ? mark->end : to;
		/* Two may be at it: the release, and the collector. */
		if (before(pos, q->tail))
			pos = q->tail;
		/* Without the holes, which shrink as they are passed. */
		dropped = pos - q->tail - q->gone;
		drop_to(sk, pos, peer, &rest);
		dropped += q->gone;
		if (dropped)
			trace_vunix_drop(sk, peer, dropped, VUNIX_DROP_UNREAD);
		spin_unlock(&q->lock);
		rest_free(&rest, peer);
		cond_resched();
	} while (before(pos, to));
}

/**
 * vunix_stream_atmark() - is the next byte the urgent one? (SIOCATMARK)
 * @sk: stream socket
 *
 * Context: Process, sleeps (a reader may be at work).
 * Return: 1 at the urgent byte or the place of one that was taken and not yet
 * passed, and for a listener whom connections wait for; else 0.
 */
int vunix_stream_atmark(struct sock *sk)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	struct unix_sock *u = unix_sk(sk);
	struct vunix_oob *oob;
	int at = 0;

	mutex_lock(&u->iolock);
	spin_lock(&q->lock);
	oob = first_oob(q);
	if (!list_empty(&q->accept)) {
		/* AF_UNIX finds a message without bytes, and takes it for a hole. */
		at = 1;
	} else if (oob && oob->start == q->tail) {
		/* Behind a hole: only if the pending byte comes next, if any. */
		if (!oob->taken || !q->oob_pending)
			at = 1;
		else
			at = last_oob(q)->start == oob->end;
	}
	spin_unlock(&q->lock);
	mutex_unlock(&u->iolock);
	return at;
}

/**
 * vunix_stream_inq() - bytes that wait to be read (SIOCINQ)
 * @q: queue of a stream socket
 *
 * Context: Any. Takes and drops q.lock.
 * Return: bytes, without those that were received with MSG_OOB.
 */
u32 vunix_stream_inq(struct vunix_queue *q)
{
	u32 n, gone;

	spin_lock(&q->lock);
	n = q->head - q->tail;
	gone = q->gone;
	spin_unlock(&q->lock);
	/* A purge may stand inside of a hole, which counts until it has gone. */
	return n > gone ? n - gone : 0;
}
