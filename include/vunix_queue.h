/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing into and reading from a struct vunix_queue: what vunix_stream.c and
 * vunix_dgram.c build on.  The layout is told in vunix.h.
 */
#ifndef VUNIX_QUEUE_H
#define VUNIX_QUEUE_H

#include <linux/fault-inject-usercopy.h>
#include <linux/instrumented.h>
#include <linux/security.h>
#include <linux/uaccess.h>
#include "vunix.h"

/* The most that takes a short way: no more than a page. */
#define VUNIX_SHORT	4096

/*
 * Pages that fit into a writer without an allocation, and that a read looks up at
 * once: 64 KiB and a header span 18.
 */
#define VUNIX_BATCH	20

/**
 * struct vunix_writer - one write in progress
 * @q: queue, its wmutex held
 * @pos: position of the next byte; becomes the head on commit
 * @start: the head when the write began
 * @pages: fresh pages for the bytes behind the head's page
 * @nr: pages in hand
 * @used: of them, put into the ring by vunix_write_commit()
 * @max: room in @pages
 * @slots: larger slot array, not yet installed, or NULL
 * @nslots: its length
 * @inl: room for @pages when it is not allocated
 */
struct vunix_writer {
	struct vunix_queue	*q;
	u32			pos;
	u32			start;
	struct page		**pages;
	unsigned int		nr;
	unsigned int		used;
	unsigned int		max;
	struct page		**slots;
	unsigned int		nslots;
	struct page		*inl[VUNIX_BATCH];
};

int vunix_write_begin(struct vunix_writer *w, struct vunix_queue *q,
		      size_t bytes);
size_t vunix_write_iter(struct vunix_writer *w, struct iov_iter *from,
			size_t n);
void vunix_write_record(struct vunix_writer *w,
			const struct vunix_record *rec);
const void *vunix_write_at(const struct vunix_writer *w, u32 pos);
int vunix_write_fill(struct vunix_writer *w, struct vunix_queue *q,
		     const struct vunix_record *rec, struct iov_iter *from,
		     size_t n);
void vunix_write_commit(struct vunix_writer *w);
void vunix_write_end(struct vunix_writer *w);

unsigned int vunix_queue_get_pages(struct vunix_queue *q, u32 pos,
				   struct page **pages, unsigned int max,
				   size_t n);
size_t vunix_queue_copy(struct vunix_queue *q, u32 pos, struct iov_iter *to,
			size_t n);
bool vunix_queue_copy_over(struct vunix_queue *q, u32 pos, void *from,
			   struct iov_iter *to, size_t n);
bool vunix_copy_in_any(void *to, size_t n, struct iov_iter *from);
bool vunix_copy_out_any(void *from, size_t n, struct iov_iter *to);
void vunix_queue_find_tail(struct vunix_queue *q);
struct page *vunix_queue_take_spare(struct vunix_queue *q, size_t n,
				    struct page **before);
bool vunix_queue_fill_fresh(struct vunix_queue *q, struct page *fresh,
			    struct iov_iter *from, size_t n);
struct page *__vunix_queue_consume(struct vunix_queue *q, u32 pos);
void vunix_queue_free_pages(struct page *list);
struct vunix_record *vunix_queue_record(struct vunix_queue *q, u32 *pos,
					u32 head);

static inline u32 vunix_page_offset(u32 pos)
{
	return pos & ~PAGE_MASK;
}

/* Where the page of a position is kept; see struct vunix_queue for the locks. */
static inline struct page **vunix_queue_slot(const struct vunix_queue *q,
					     u32 pos)
{
	return &q->slots[(pos >> PAGE_SHIFT) & (q->nslots - 1)];
}

/* Slots from the tail's to the one of the last byte before @end. */
static inline unsigned int vunix_queue_span(const struct vunix_queue *q,
					    u32 end)
{
	return DIV_ROUND_UP(vunix_page_offset(q->tail) + (end - q->tail),
			    PAGE_SIZE);
}

/* How many bytes fit behind the head into its page; wmutex. */
static inline u32 vunix_queue_room(const struct vunix_queue *q)
{
	lockdep_assert_held(&q->wmutex);
	return vunix_page_offset(-q->head);
}

/* Where they go; wmutex, and there is room. */
static inline void *vunix_queue_head(const struct vunix_queue *q)
{
	return q->head_addr + vunix_page_offset(q->head);
}

static inline void vunix_queue_note_peak(struct vunix_queue *q)
{
	unsigned int n = vunix_queue_span(q, q->head);

	if (n > q->peak)
		q->peak = min_t(unsigned int, n, U8_MAX);
}

/*
 * Moves the head over @n bytes that have been put behind it, the last of them in
 * @fresh, and those of a page in front of that in @before, unless these are NULL.
 */
static inline void vunix_queue_publish(struct vunix_queue *q,
				       struct page *fresh,
				       struct page *before, size_t n)
{
	u32 pos = q->head + n;

	lockdep_assert_held(&q->wmutex);
	lockdep_assert_held(&q->lock);
	if (unlikely(fresh)) {
		*vunix_queue_slot(q, pos - 1) = fresh;
		if (before)
			*vunix_queue_slot(q, pos - 1 - PAGE_SIZE) = before;
		q->head_addr = page_address(fresh);
	}
	/*
	 * Pairs with the acquire of who reads without the lock.
	 * Litmus: queue-publish, queue-marks.
	 */
	smp_store_release(&q->head, pos);
	if (unlikely(fresh))
		vunix_queue_note_peak(q);
}

/*
 * Where the @n bytes at the tail are if they are in one page, or NULL; iolock.
 * They are queued: the head that says so was read with an acquire.
 */
static inline void *vunix_queue_first(struct vunix_queue *q, size_t n)
{
	u32 off = vunix_page_offset(q->tail);

	if (unlikely(n > PAGE_SIZE - off))
		return NULL;
	if (unlikely(!q->tail_addr))
		vunix_queue_find_tail(q);
	return q->tail_addr + off;
}

/**
 * vunix_copy_in() - copy into a page, quickly from where it usually comes
 * @to: in one of the queue's pages, with room for @n bytes behind it in the page;
 *	in adjacent ones if vunix_iter_piece() finds as many in @from
 * @n: bytes, not 0
 * @from: source, has @n bytes
 *
 * The usual source is one piece of user memory that is there.  For that the
 * general way is long: three quarters of the copy of a short message.  The page
 * is ours, so there is nothing that hardened usercopy could check.
 *
 * Context: Process; never faults a page in.
 * Return: true if all is copied; else nothing has changed.
 */
static inline bool vunix_copy_in(void *to, size_t n, struct iov_iter *from)
{
	const void __user *base;
	void __user *user;
	size_t left;

	if (unlikely(!vunix_iter_user(from, n, &user)))
		return vunix_copy_in_any(to, n, from);
	base = user;
	if (unlikely(!vunix_user_begin_read(&base, n) ||
		     should_fail_usercopy()))
		return false;
	pagefault_disable();
	instrument_copy_from_user_before(to, base, n);
	left = raw_copy_from_user(to, base, n);
	instrument_copy_from_user_after(to, base, n, left);
	pagefault_enable();
	if (unlikely(left))
		return false;
	vunix_iter_advance_user(from, n);
	return true;
}

/**
 * vunix_copy_out() - copy out of a page, quickly to where it usually goes
 * @from: in one of the queue's pages
 * @n: bytes, not 0, of the same page; or of adjacent ones if vunix_iter_piece() finds
 *	room for as many in @to
 * @to: destination, has room for @n bytes
 *
 * Context: Process, sleeps (faults).
 * Return: true if all is copied; else only the destination has changed.
 */
static inline bool vunix_copy_out(void *from, size_t n, struct iov_iter *to)
{
	void __user *base;

	if (unlikely(!vunix_iter_user(to, n, &base)))
		return vunix_copy_out_any(from, n, to);
	might_fault();
	if (unlikely(!access_ok(base, n) || should_fail_usercopy()))
		return false;
	instrument_copy_to_user(base, from, n);
	if (unlikely(raw_copy_to_user(base, from, n)))
		return false;
	vunix_iter_advance_user(to, n);
	return true;
}

/**
 * vunix_may_send_short() - may a send go the short way, as far as the sender knows?
 * @sock: sender
 * @msg: what it is to send
 * @len: bytes
 *
 * Context: Process. May call security modules.
 * Return: false if the long way has something to do for it, or to say.
 */
static inline bool vunix_may_send_short(struct socket *sock,
					const struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	u32 secid = 0;

	if (unlikely(len > VUNIX_SHORT || msg->msg_controllen ||
		     msg->msg_namelen | (msg->msg_flags & MSG_OOB) ||
		     READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
		     READ_ONCE(sk->sk_err) || !vunix_wmem_has_room(sk)))
		return false;
	/* What a label goes with needs a place for it. */
	security_socket_getpeersec_dgram(sock, NULL, &secid);
	return !secid;
}

/* Flags that do not change what a receive call does with a few plain bytes. */
#define VUNIX_SHORT_FLAGS	(MSG_DONTWAIT | MSG_NOSIGNAL | \
				 MSG_CMSG_CLOEXEC | MSG_CMSG_COMPAT)

/* Is nothing but bytes asked for?  @sock is the reader's own. */
static inline bool vunix_may_read_short(const struct socket *sock, int flags)
{
	return !(flags & ~VUNIX_SHORT_FLAGS) &&
	       !vunix_sock_passes(sock->sk, sock, VUNIX_PASS_ANY);
}

/**
 * vunix_queue_consume() - move the tail
 * @q: queue
 * @pos: new tail, not behind the head
 *
 * Context: q.lock held; the reader's iolock, too, but for purges when there can
 *          be no reader.
 * Return: chain of pages that are no longer wanted, for vunix_queue_free_pages().
 */
static inline struct page *vunix_queue_consume(struct vunix_queue *q, u32 pos)
{
	lockdep_assert_held(&q->lock);
	/* Another page, or empty, with spares that may have to go. */
	if (unlikely((q->tail ^ pos) & (u32)PAGE_MASK ||
		     (pos == q->head && q->nr_spare)))
		return __vunix_queue_consume(q, pos);
	WRITE_ONCE(q->tail, pos);
	return NULL;
}

/* Where the record behind @rec at @pos begins (before any skip at a page end). */
static inline u32 vunix_record_end(const struct vunix_record *rec, u32 pos)
{
	return ALIGN(pos + sizeof(*rec) + rec->len, 8);
}

/*
 * What a record with @len bytes of payload is charged, and the most that the long way
 * takes in the ring; the short way may leave out VUNIX_SKIP_MAX besides, and in an
 * empty queue a page.
 */
static inline size_t vunix_record_space(size_t len)
{
	return ALIGN(2 * sizeof(struct vunix_record) + len, 8);
}

#endif /* VUNIX_QUEUE_H */
