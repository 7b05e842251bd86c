// SPDX-License-Identifier: GPL-2.0
/*
 * Receive queues: a ring of pages per socket.  Owns q.lock and q.wmutex (see
 * vunix.h for the layout and the rules).  Knows neither messages nor addresses:
 * what the bytes mean is the business of vunix_stream.c and vunix_dgram.c.
 *
 * A write has four steps: vunix_write_begin() takes the wmutex with all pages
 * in hand that the write may need, vunix_write_iter() fills them with page
 * faults disabled, vunix_write_commit() publishes under q.lock, and
 * vunix_write_end() lets go.  Whatever may sleep (page allocation, faulting in
 * the source) happens before the first step; so no writer ever waits for
 * another writer's memory.
 *
 * Pages that a reader has emptied go to a small LIFO of spares, since a fresh
 * page is zeroed on most distributions.  A spare is only given to a writer of
 * the memory cgroup that paid for it: a writer of another cgroup drops the
 * spares, and pages that older writers still have in the ring (those before
 * spare_from) are freed when they are emptied.  Those of a queue that nobody uses
 * go when the machine wants its memory back: queues with spares are in a list that
 * a shrinker works off.
 */
#include <linux/cgroup.h>
#include <linux/list_lru.h>
#include <linux/pagemap.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "vunix_queue.h"

/* Spares kept per queue: those of one 64 KiB message. */
#define VUNIX_SPARE_MAX		18
/* Quiet drains after which half of the spares go. */
#define VUNIX_CALM_MAX		64
/* What is queued is charged to the memory cgroup of who sends it. */
#define VUNIX_PAGE_GFP		GFP_KERNEL_ACCOUNT
/* Pages that are asked for at once, as adjacent ones. */
#define VUNIX_RUN_ORDER		3

/*
 * Queues with spares, each in the list of its node, and some that had.  The lists'
 * locks nest inside of q.lock; the shrinker, who comes from the other side, only
 * tries that one.
 */
static struct list_lru spare_queues;
static struct shrinker *spare_shrinker;

/* The link of a chained page is its first word: nobody else looks at it. */
static struct page **page_link(struct page *page)
{
	return page_address(page);
}

static void push_page(struct page **list, struct page *page)
{
	*page_link(page) = *list;
	*list = page;
}

static struct page *pop_page(struct page **list)
{
	struct page *page = *list;

	if (page)
		*list = *page_link(page);
	return page;
}

static void keep_spare(struct vunix_queue *q, struct page *page)
{
	lockdep_assert_held(&q->lock);
	push_page(&q->spare, page);
	q->nr_spare++;
	/* It stays in there without any: most queues soon have one again. */
	if (unlikely(list_empty(&q->lru)))
		vunix_lru_add(&spare_queues, &q->lru);
}

static struct page *take_spare(struct vunix_queue *q)
{
	lockdep_assert_held(&q->lock);
	q->nr_spare--;
	return pop_page(&q->spare);
}

static struct page *drop_spares(struct vunix_queue *q)
{
	struct page *list = q->spare;

	lockdep_assert_held(&q->lock);
	q->spare = NULL;
	q->nr_spare = 0;
	return list;
}

/* Who pays for what current allocates; compared, never dereferenced. */
static void *charged_cgroup(void)
{
#ifdef CONFIG_MEMCG
	void *css;

	rcu_read_lock();
	css = task_css(current, memory_cgrp_id);
	rcu_read_unlock();
	return css;
#else
	return NULL;
#endif
}

/**
 * vunix_queue_init() - make an empty queue
 * @q: zeroed memory
 * @type: SOCK_* of its socket
 *
 * Context: Any.
 */
void vunix_queue_init(struct vunix_queue *q, int type)
{
	spin_lock_init(&q->lock);
	mutex_init(&q->wmutex);
	if (type == SOCK_STREAM)
		INIT_LIST_HEAD(&q->marks);
	INIT_LIST_HEAD(&q->oob);
	INIT_LIST_HEAD(&q->accept);
	INIT_LIST_HEAD(&q->lru);
	q->head = VUNIX_FIRST_POS;
	q->tail = VUNIX_FIRST_POS;
	q->spare_from = VUNIX_FIRST_POS;
	q->slots = q->inline_slots;
	q->nslots = VUNIX_INLINE_SLOTS;
}

/**
 * vunix_queue_free() - give back the memory of a queue nobody can reach
 * @q: queue, emptied before
 *
 * Context: Any; called when the last reference of the socket has gone.
 */
void vunix_queue_free(struct vunix_queue *q)
{
	WARN_ON_ONCE(q->head != q->tail);
	WARN_ON_ONCE(!list_empty(&q->lru));
	if (vunix_page_offset(q->head))
		put_page(*vunix_queue_slot(q, q->head));
	vunix_queue_free_pages(q->spare);
	if (q->slots != q->inline_slots)
		kvfree(q->slots);
}

/**
 * vunix_queue_kill() - let nothing more into a queue
 * @q: queue of a socket that is being released
 *
 * What is queued stays until the caller drops it; a write that is under way
 * fails when it wants to commit.
 *
 * Context: Process. Takes and drops q.lock.
 */
void vunix_queue_kill(struct vunix_queue *q)
{
	struct page *spare;

	spin_lock(&q->lock);
	q->dead = true;
	spare = drop_spares(q);
	if (!list_empty(&q->lru))
		vunix_lru_del(&spare_queues, &q->lru);
	spin_unlock(&q->lock);
	vunix_queue_free_pages(spare);
}

/**
 * vunix_queue_shutdown() - shut directions of a socket
 * @sk: socket
 * @mode: RCV_SHUTDOWN, SEND_SHUTDOWN or both
 *
 * A stream's writer looks at sk_shutdown under the lock that it publishes
 * under: nothing arrives behind an end of file that a reader has seen.
 * Litmus: eof-final.
 *
 * Context: Process; the state lock held. Takes and drops q.lock.
 */
void vunix_queue_shutdown(struct sock *sk, int mode)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;

	lockdep_assert_held(&unix_sk(sk)->lock);
	spin_lock(&q->lock);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | mode);
	spin_unlock(&q->lock);
}

/**
 * vunix_queue_free_pages() - free a chain from vunix_queue_consume()
 * @list: first page or NULL
 *
 * Context: Any.
 */
void vunix_queue_free_pages(struct page *list)
{
	struct page *page;

	while ((page = pop_page(&list)))
		put_page(page);
}

/* Takes up to @want spares if they were paid for by the caller's cgroup. */
static struct page *take_spares(struct vunix_queue *q, struct vunix_writer *w,
				unsigned int want)
{
	void *cgroup = charged_cgroup();
	struct page *drop = NULL;

	lockdep_assert_held(&q->lock);
	if (q->spare_cgroup != cgroup) {
		q->spare_cgroup = cgroup;
		q->spare_from = q->head;
		drop = drop_spares(q);
	}
	while (w->nr < want && q->spare) {
		w->pages[w->nr++] = pop_page(&q->spare);
		q->nr_spare--;
	}
	return drop;
}

/* Moves the ring into the larger array that the writer brought. */
static struct page **install_slots(struct vunix_queue *q,
				   struct vunix_writer *w)
{
	struct page **old = q->slots;
	unsigned int mask = q->nslots - 1, n, i;
	u32 first = q->tail >> PAGE_SHIFT;

	lockdep_assert_held(&q->lock);
	lockdep_assert_held(&q->wmutex);
	n = vunix_queue_span(q, q->head);
	for (i = first; i != first + n; i++)
		w->slots[i & (w->nslots - 1)] = old[i & mask];
	q->slots = w->slots;
	WRITE_ONCE(q->nslots, w->nslots);
	w->slots = NULL;
	return old == q->inline_slots ? NULL : old;
}

/* What the wmutex holder needs for @bytes more, and what is at hand. */
static bool writer_is_ready(struct vunix_writer *w, size_t bytes,
			    unsigned int *pages, unsigned int *slots)
{
	struct vunix_queue *q = w->q;
	u32 off = vunix_page_offset(q->head);
	struct page **old = NULL, *drop;
	size_t room = off ? PAGE_SIZE - off : 0;
	bool ready = false;

	*pages = bytes > room ? DIV_ROUND_UP(bytes - room, PAGE_SIZE) : 0;

	spin_lock(&q->lock);
	*slots = vunix_queue_span(q, q->head + bytes);
	drop = take_spares(q, w, *pages);
	if (w->nr >= *pages &&
	    (*slots <= q->nslots || (w->slots && *slots <= w->nslots))) {
		if (*slots > q->nslots)
			old = install_slots(q, w);
		ready = true;
	}
	spin_unlock(&q->lock);

	vunix_queue_free_pages(drop);
	kvfree(old);
	return ready;
}

/*
 * Takes adjacent pages, if there are: they are copied to and from in one go, and
 * stay together as spares.  They are pages of their own for all that.
 */
static bool alloc_run(struct vunix_writer *w, unsigned int pages)
{
	unsigned int order = min(ilog2(pages - w->nr), VUNIX_RUN_ORDER), i;
	gfp_t gfp = (VUNIX_PAGE_GFP & ~__GFP_DIRECT_RECLAIM) | __GFP_NORETRY |
		    __GFP_NOWARN;
	struct page *page;

	if (!order)
		return false;
	page = alloc_pages(gfp, order);
	if (!page)
		return false;
	split_page(page, order);
	for (i = 0; i < 1U << order; i++)
		w->pages[w->nr++] = page + i;
	return true;
}

static int writer_alloc(struct vunix_writer *w, unsigned int pages,
			unsigned int slots)
{
	struct page *page;
	bool runs = true;

	while (w->nr < pages) {
		/* Where there are none for one, do not have all others try. */
		runs = runs && alloc_run(w, pages);
		if (runs)
			continue;
		page = alloc_page(VUNIX_PAGE_GFP);
		if (!page)
			return -ENOBUFS;
		w->pages[w->nr++] = page;
	}
	/* A hint: the wmutex is somebody else's, writer_is_ready() looks again. */
	if (slots > READ_ONCE(w->q->nslots) &&
	    (!w->slots || w->nslots < slots)) {
		kvfree(w->slots);
		w->nslots = roundup_pow_of_two(slots);
		w->slots = kvcalloc(w->nslots, sizeof(*w->slots),
				    GFP_KERNEL_ACCOUNT);
		if (!w->slots)
			return -ENOBUFS;
	}
	return 0;
}

static void writer_free(struct vunix_writer *w)
{
	while (w->nr > w->used)
		put_page(w->pages[--w->nr]);
	if (w->pages != w->inl)
		kvfree(w->pages);
	kvfree(w->slots);
}

/**
 * vunix_write_begin() - get hold of a queue's write side
 * @w: writer, uninitialised
 * @q: queue; its socket is kept alive by the caller
 * @bytes: the most that will be written
 *
 * Context: Process, sleeps. Returns with q.wmutex held on success: from then
 * to vunix_write_end() the caller neither faults nor sleeps.
 * Return: 0; -ENOBUFS without memory, or if the queue would hold more than
 * VUNIX_QUEUE_MAX bytes.
 */
int vunix_write_begin(struct vunix_writer *w, struct vunix_queue *q,
		      size_t bytes)
{
	unsigned int pages, slots;
	int err;

	w->q = q;
	w->nr = 0;
	w->used = 0;
	w->slots = NULL;
	w->nslots = 0;
	w->pages = w->inl;
	w->max = VUNIX_BATCH;
	if (bytes > VUNIX_QUEUE_MAX / 2)
		return -ENOBUFS;
	if (bytes / PAGE_SIZE + 2 > VUNIX_BATCH) {
		w->max = bytes / PAGE_SIZE + 2;
		w->pages = kvmalloc_array(w->max, sizeof(*w->pages),
					  GFP_KERNEL_ACCOUNT);
		if (!w->pages)
			return -ENOBUFS;
	}

	for (;;) {
		mutex_lock(&q->wmutex);
		if (READ_ONCE(q->head) - READ_ONCE(q->tail) + bytes >
		    VUNIX_QUEUE_MAX) {
			mutex_unlock(&q->wmutex);
			err = -ENOBUFS;
			break;
		}
		if (writer_is_ready(w, bytes, &pages, &slots)) {
			w->start = q->head;
			w->pos = q->head;
			return 0;
		}
		mutex_unlock(&q->wmutex);
		err = writer_alloc(w, pages, slots);
		if (err)
			break;
	}
	writer_free(w);
	return err;
}

/* Where the page is that takes, or has taken, the byte at @pos. */
static struct page **writer_slot(const struct vunix_writer *w, u32 pos)
{
	u32 fresh = ALIGN(w->start, PAGE_SIZE);
	s32 ahead = (pos & (u32)PAGE_MASK) - fresh;

	if (ahead < 0)
		return vunix_queue_slot(w->q, pos);
	return &w->pages[ahead >> PAGE_SHIFT];
}

/**
 * vunix_copy_in_any() - vunix_copy_in() from what is not one piece of user memory
 * @to: as there
 * @n: bytes, not 0
 * @from: source, has @n bytes
 *
 * Memory of the kernel's own is what sendfile() sends up to Linux 6.4, and who has
 * waited for room in a receiver.
 *
 * Context: Process; never faults a page in.
 * Return: true if all is copied; else nothing has changed.
 */
bool vunix_copy_in_any(void *to, size_t n, struct iov_iter *from)
{
	size_t copied;
	void *base;

	if (vunix_iter_kernel(from, n, &base)) {
		memcpy(to, base, n);
		iov_iter_advance(from, n);
		return true;
	}
	pagefault_disable();
	copied = copy_page_from_iter(virt_to_page(to), offset_in_page(to), n,
				     from);
	pagefault_enable();
	if (copied == n)
		return true;
	iov_iter_revert(from, copied);
	return false;
}

/**
 * vunix_copy_out_any() - vunix_copy_out() to what is not one piece of user memory
 * @from: in a page of the queue
 * @n: bytes, not 0; as there
 * @to: destination, has room for @n bytes
 *
 * Context: Process, sleeps.
 * Return: true if all is copied; else only the destination has changed.
 */
bool vunix_copy_out_any(void *from, size_t n, struct iov_iter *to)
{
	size_t copied;
	void *base;

	if (vunix_iter_kernel(to, n, &base)) {
		memcpy(base, from, n);
		iov_iter_advance(to, n);
		return true;
	}
	if (vunix_iter_keeps_pages(to))
		copied = copy_to_iter(from, n, to);
	else
		copied = copy_page_to_iter(virt_to_page(from),
					   offset_in_page(from), n, to);
	if (copied == n)
		return true;
	iov_iter_revert(to, copied);
	return false;
}

/*
 * How many of @n bytes are behind each other in memory: the @len that are at @at, up
 * to the end of a page, and those in @next pages that are adjacent.  Beyond @len only
 * what @iter has in one piece.
 */
static size_t run_length(const void *at, size_t len, struct page *const *next,
			 size_t n, const struct iov_iter *iter)
{
	size_t run = len;

	n = min(n, vunix_iter_piece(iter));
	while (run < n && page_address(*next++) == at + run)
		run = min(run + PAGE_SIZE, n);
	return run;
}

/**
 * vunix_write_iter() - fill in bytes behind what is written so far
 * @w: writer
 * @from: source; advanced by what was copied
 * @n: bytes, together no more than vunix_write_begin() was told
 *
 * Context: Process, wmutex held. Runs with page faults disabled: a source
 * page that is not present ends the copy.
 * Return: bytes copied, less than @n if the source faulted.
 */
size_t vunix_write_iter(struct vunix_writer *w, struct iov_iter *from,
			size_t n)
{
	bool runs = true;
	size_t done = 0;

	lockdep_assert_held(&w->q->wmutex);
	pagefault_disable();
	while (done < n) {
		u32 off = vunix_page_offset(w->pos);
		size_t len = min_t(size_t, n - done, PAGE_SIZE - off);
		struct page **page = writer_slot(w, w->pos);
		void *to = page_address(*page) + off;
		size_t copied, run = len;

		if (runs && len < n - done)
			run = run_length(to, len, writer_slot(w, w->pos + len),
					 n - done, from);
		/* What stops it stops the general way, which says where. */
		if (vunix_copy_in(to, run, from)) {
			len = run;
			copied = run;
		} else {
			runs = false;
			copied = copy_page_from_iter(*page, off, len, from);
		}
		w->pos += copied;
		done += copied;
		if (copied < len)
			break;
	}
	pagefault_enable();
	return done;
}

/**
 * vunix_write_record() - put a record's header, unless it is there
 * @w: writer that has written nothing yet
 * @rec: header
 *
 * Skips the rest of a page that is too small for the header.
 *
 * Context: Process, wmutex held.
 */
void vunix_write_record(struct vunix_writer *w,
			const struct vunix_record *rec)
{
	u32 off = vunix_page_offset(w->pos);

	lockdep_assert_held(&w->q->wmutex);
	if (PAGE_SIZE - off < sizeof(*rec)) {
		w->pos += PAGE_SIZE - off;
		off = 0;
	}
	memcpy(page_address(*writer_slot(w, w->pos)) + off, rec, sizeof(*rec));
	w->pos += sizeof(*rec);
}

/**
 * vunix_write_at() - where a byte is that was filled in
 * @w: writer that has not committed yet
 * @pos: position of the byte
 *
 * Context: Process, wmutex held.
 * Return: its address; the bytes behind it are there to the end of its page.
 */
const void *vunix_write_at(const struct vunix_writer *w, u32 pos)
{
	lockdep_assert_held(&w->q->wmutex);
	return page_address(*writer_slot(w, pos)) + vunix_page_offset(pos);
}

/* Copies through a private buffer, for a source that keeps vanishing. */
static int fill_bounced(struct vunix_writer *w, struct vunix_queue *q,
			const struct vunix_record *rec, struct iov_iter *from,
			size_t n)
{
	struct iov_iter iter;
	struct kvec kv;
	void *buf;
	int err;

	buf = kvmalloc(n, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOBUFS;
	err = -EFAULT;
	if (!copy_from_iter_full(buf, n, from))
		goto out;
	kv.iov_base = buf;
	kv.iov_len = n;
	iov_iter_kvec(&iter, ITER_SOURCE, &kv, 1, n);
	err = vunix_write_begin(w, q, rec ? vunix_record_space(n) : n);
	if (err)
		goto out;
	if (rec)
		vunix_write_record(w, rec);
	vunix_write_iter(w, &iter, n);
out:
	kvfree(buf);
	return err;
}

/**
 * vunix_write_fill() - begin a write and fill in all of it
 * @w: writer, uninitialised
 * @q: queue; its socket is kept alive by the caller
 * @rec: record header to go first, or NULL
 * @from: source, advanced by @n on success
 * @n: bytes
 *
 * Context: Process, sleeps; may fault, but not with a lock held. Returns with
 * q.wmutex held on success.
 * Return: 0; -EFAULT if the source cannot be read; errors of
 * vunix_write_begin().
 */
int vunix_write_fill(struct vunix_writer *w, struct vunix_queue *q,
		     const struct vunix_record *rec, struct iov_iter *from,
		     size_t n)
{
	size_t copied;
	int tries, err;

	for (tries = 0; tries < 3; tries++) {
		err = vunix_write_begin(w, q, rec ? vunix_record_space(n) : n);
		if (err)
			return err;
		if (rec)
			vunix_write_record(w, rec);
		copied = vunix_write_iter(w, from, n);
		if (copied == n)
			return 0;
		vunix_write_end(w);
		iov_iter_revert(from, copied);
		if (fault_in_iov_iter_readable(from, n))
			return -EFAULT;
	}
	return fill_bounced(w, q, rec, from, n);
}

/**
 * vunix_write_commit() - publish what was written
 * @w: writer
 *
 * Context: wmutex and q.lock held.
 */
void vunix_write_commit(struct vunix_writer *w)
{
	struct vunix_queue *q = w->q;
	u32 pos = ALIGN(w->start, PAGE_SIZE);

	lockdep_assert_held(&q->wmutex);
	lockdep_assert_held(&q->lock);
	for (; (s32)(w->pos - pos) > 0; pos += PAGE_SIZE)
		*vunix_queue_slot(q, pos) = w->pages[w->used++];
	if (vunix_page_offset(w->pos))
		q->head_addr = page_address(*vunix_queue_slot(q, w->pos));
	/*
	 * Pairs with the acquire of who reads without the lock.
	 * Litmus: queue-publish, queue-marks.
	 */
	smp_store_release(&q->head, w->pos);
	vunix_queue_note_peak(q);
}

/**
 * vunix_write_end() - let go of a queue's write side
 * @w: writer; what was not committed is forgotten
 *
 * Context: Process; drops the wmutex.
 */
void vunix_write_end(struct vunix_writer *w)
{
	struct vunix_queue *q = w->q;

	if (w->nr > w->used) {
		spin_lock(&q->lock);
		while (w->nr > w->used && !q->dead &&
		       q->nr_spare < VUNIX_SPARE_MAX)
			keep_spare(q, w->pages[--w->nr]);
		spin_unlock(&q->lock);
	}
	mutex_unlock(&q->wmutex);
	writer_free(w);
}

/**
 * vunix_queue_get_pages() - look up the pages of a range
 * @q: queue
 * @pos: first byte
 * @pages: filled in
 * @max: room in @pages
 * @n: bytes; the range is queued
 *
 * Context: Process, reader's iolock held: it keeps the pages where they are.
 * Takes and drops q.lock.
 * Return: number of pages, as many as cover the range or @max.
 */
unsigned int vunix_queue_get_pages(struct vunix_queue *q, u32 pos,
				   struct page **pages, unsigned int max,
				   size_t n)
{
	unsigned int i, nr;

	nr = DIV_ROUND_UP(vunix_page_offset(pos) + n, PAGE_SIZE);
	nr = min(nr, max);
	spin_lock(&q->lock);
	for (i = 0; i < nr; i++)
		pages[i] = *vunix_queue_slot(q, pos + i * PAGE_SIZE);
	spin_unlock(&q->lock);
	return nr;
}

/* Copies @n bytes out of @pages, the first of them at @off; returns how many. */
static size_t copy_out_pages(struct page *const *pages, u32 off,
			     struct iov_iter *to, size_t n)
{
	bool runs = true;
	size_t done = 0;

	while (done < n) {
		size_t len = min_t(size_t, n - done, PAGE_SIZE - off);
		void *from = page_address(*pages) + off;
		size_t copied, run = len;

		if (runs && len < n - done)
			run = run_length(from, len, pages + 1, n - done, to);
		if (vunix_copy_out(from, run, to)) {
			len = run;
			copied = run;
		} else {
			runs = false;
			if (vunix_iter_keeps_pages(to))
				copied = copy_to_iter(from, len, to);
			else
				copied = copy_page_to_iter(*pages, off, len,
							   to);
		}
		done += copied;
		if (copied < len)
			break;
		/* A vector's piece may have ended inside of a page. */
		off += len;
		pages += off >> PAGE_SHIFT;
		off = vunix_page_offset(off);
	}
	return done;
}

/**
 * vunix_queue_copy() - copy queued bytes out
 * @q: queue
 * @pos: first byte
 * @to: destination, advanced by what was copied
 * @n: bytes; the range is queued
 *
 * Context: Process, reader's iolock held. May fault.
 * Return: bytes copied, less than @n if the destination faulted.
 */
size_t vunix_queue_copy(struct vunix_queue *q, u32 pos, struct iov_iter *to,
			size_t n)
{
	struct page *pages[VUNIX_BATCH];
	size_t done = 0;

	while (done < n) {
		u32 off = vunix_page_offset(pos);
		unsigned int nr;
		size_t len, copied;

		nr = vunix_queue_get_pages(q, pos, pages, ARRAY_SIZE(pages),
					   n - done);
		len = min_t(size_t, n - done, nr * PAGE_SIZE - off);
		copied = copy_out_pages(pages, off, to, len);
		pos += copied;
		done += copied;
		if (copied < len)
			break;
	}
	return done;
}

/**
 * vunix_queue_copy_over() - copy bytes out that go over the end of a page, or begin one
 * @q: queue
 * @pos: first byte
 * @from: where it is, unless @pos is where a page begins
 * @to: destination, advanced if all was copied
 * @n: bytes; the range is queued
 *
 * Context: Process, reader's iolock held. May fault. Takes and drops q.lock.
 * Return: true if all is copied; else only the destination has changed.
 */
bool vunix_queue_copy_over(struct vunix_queue *q, u32 pos, void *from,
			   struct iov_iter *to, size_t n)
{
	size_t room = vunix_page_offset(-pos), copied;
	struct page *next;

	if (likely(n - room <= PAGE_SIZE)) {
		spin_lock(&q->lock);
		next = *vunix_queue_slot(q, pos + room);
		spin_unlock(&q->lock);
		if (room && !vunix_copy_out(from, room, to))
			return false;
		if (likely(vunix_copy_out(page_address(next), n - room, to)))
			return true;
		copied = room;
	} else {
		copied = vunix_queue_copy(q, pos, to, n);
		if (likely(copied == n))
			return true;
	}
	iov_iter_revert(to, copied);
	return false;
}

/**
 * vunix_queue_record() - find the record at a position
 * @q: queue
 * @pos: where to look; moved past the unused end of a page
 * @head: the queue's head
 *
 * Context: q.lock held. The record stays where it is until that is dropped, or
 * for readers until they drop the iolock.
 * Return: the record, or NULL at the head.
 */
struct vunix_record *vunix_queue_record(struct vunix_queue *q, u32 *pos,
					u32 head)
{
	struct vunix_record *rec;
	u32 room;

	lockdep_assert_held(&q->lock);
	if (*pos == head)
		return NULL;
	room = PAGE_SIZE - vunix_page_offset(*pos);
	if (room < sizeof(*rec))
		*pos += room;
	rec = page_address(*vunix_queue_slot(q, *pos)) +
	      vunix_page_offset(*pos);
	if (rec->len != VUNIX_REC_PAD)
		return rec;
	*pos += rec->charge;
	return page_address(*vunix_queue_slot(q, *pos)) +
	       vunix_page_offset(*pos);
}

/**
 * vunix_queue_take_spare() - get the page that a short write needs, or two
 * @q: queue
 * @n: bytes, more than fit behind the head, by a page at most; by two with @before
 * @before: where to put the page in front of the one that is returned, or NULL if
 *	that is the head's
 *
 * Context: Process, wmutex held. Takes and drops q.lock.
 * Return: an empty page, paid for by the caller's cgroup; NULL if there are too few,
 * or the ring would have to grow.
 */
struct page *vunix_queue_take_spare(struct vunix_queue *q, size_t n,
				    struct page **before)
{
	bool two = n > vunix_queue_room(q) + PAGE_SIZE;
	struct page *page = NULL, *first = NULL;
	u32 end = q->head + n;

	lockdep_assert_held(&q->wmutex);
	spin_lock(&q->lock);
	if (q->nr_spare > two && q->spare_cgroup == charged_cgroup() &&
	    vunix_queue_span(q, end) <= q->nslots &&
	    end - q->tail <= VUNIX_QUEUE_MAX) {
		if (two)
			first = take_spare(q);
		page = take_spare(q);
	}
	spin_unlock(&q->lock);
	if (before)
		*before = first;
	return page;
}

/**
 * vunix_queue_fill_fresh() - fill in bytes behind the head and in a fresh page
 * @q: queue
 * @fresh: of vunix_queue_take_spare()
 * @from: source
 * @n: bytes, as told there
 *
 * Context: Process, wmutex held; never faults a page in.
 * Return: true if all is copied; else nothing has changed.
 */
bool vunix_queue_fill_fresh(struct vunix_queue *q, struct page *fresh,
			    struct iov_iter *from, size_t n)
{
	u32 room = vunix_queue_room(q);

	if (room && !vunix_copy_in(vunix_queue_head(q), room, from))
		return false;
	if (vunix_copy_in(page_address(fresh), n - room, from))
		return true;
	iov_iter_revert(from, room);
	return false;
}

/**
 * vunix_queue_find_tail() - remember where the page of the tail is
 * @q: queue that is not empty
 *
 * Context: Process, reader's iolock held. Takes and drops q.lock.
 */
void vunix_queue_find_tail(struct vunix_queue *q)
{
	spin_lock(&q->lock);
	q->tail_addr = page_address(*vunix_queue_slot(q, q->tail));
	spin_unlock(&q->lock);
}

/* At a drain: spares that bursts have not needed for a while go. */
static void trim_spares(struct vunix_queue *q, struct page **list)
{
	unsigned int n = q->nr_spare / 2;

	/* What fits into one page may not have been noted. */
	if (max_t(u8, q->peak, 1) > n || !q->nr_spare) {
		q->calm = 0;
	} else if (++q->calm >= VUNIX_CALM_MAX) {
		q->calm = 0;
		while (q->nr_spare > n) {
			push_page(list, pop_page(&q->spare));
			q->nr_spare--;
		}
	}
	q->peak = 0;
}

/**
 * __vunix_queue_consume() - vunix_queue_consume() where it is not simple
 * @q: queue
 * @pos: new tail
 *
 * Context and return: as there.
 */
struct page *__vunix_queue_consume(struct vunix_queue *q, u32 pos)
{
	struct page *list = NULL, **slot, *page;
	u32 first = q->tail & (u32)PAGE_MASK, end = pos & (u32)PAGE_MASK, at;

	lockdep_assert_held(&q->lock);
	/* From the last, so that adjacent spares are taken in their order. */
	for (at = end; at != first; ) {
		at -= PAGE_SIZE;
		slot = vunix_queue_slot(q, at);
		page = *slot;
		*slot = NULL;
		/* A pipe may still hold what was spliced out of it. */
		if (page_ref_count(page) != 1) {
			put_page(page);
		} else if (!q->dead && q->nr_spare < VUNIX_SPARE_MAX &&
			   (s32)(at - q->spare_from) >= 0) {
			keep_spare(q, page);
		} else {
			push_page(&list, page);
		}
	}
	if ((q->tail ^ pos) & (u32)PAGE_MASK)
		q->tail_addr = NULL;
	if (unlikely(pos < q->tail))
		container_of(q, struct vunix_sock, q)->wraps++;
	WRITE_ONCE(q->tail, pos);
	/* Keep it near, so that the comparison holds when positions wrap. */
	if ((s32)(end - q->spare_from) > 0)
		q->spare_from = end;
	if (pos == q->head)
		trim_spares(q, &list);
	return list;
}

static enum lru_status shrink_queue(struct list_head *item,
				    struct list_lru_one *lru,
				    VUNIX_LRU_LOCK_ARG void *arg)
{
	struct vunix_queue *q = container_of(item, struct vunix_queue, lru);
	struct page **list = arg, *page;

	/* Somebody uses it, or waits for the list's lock to put it in or out. */
	if (!spin_trylock(&q->lock))
		return LRU_SKIP;
	list_lru_isolate(lru, item);
	while ((page = pop_page(&q->spare)))
		push_page(list, page);
	q->nr_spare = 0;
	spin_unlock(&q->lock);
	return LRU_REMOVED;
}

static unsigned long count_queues(struct shrinker *shrinker,
				  struct shrink_control *sc)
{
	return list_lru_shrink_count(&spare_queues, sc) ?: SHRINK_EMPTY;
}

/* Queues, of which each has VUNIX_SPARE_MAX pages at most. */
static unsigned long shrink_queues(struct shrinker *shrinker,
				   struct shrink_control *sc)
{
	struct page *list = NULL;
	unsigned long n;

	n = list_lru_shrink_walk(&spare_queues, sc, shrink_queue, &list);
	vunix_queue_free_pages(list);
	return n;
}

/**
 * vunix_queue_module_init() - have memory that queues keep taken back
 *
 * Context: Process, when the module is loaded; before the first socket.
 * Return: 0 or -ENOMEM.
 */
int __init vunix_queue_module_init(void)
{
	int err;

	err = list_lru_init(&spare_queues);
	if (err)
		return err;
	spare_shrinker = vunix_shrinker_alloc(SHRINKER_NUMA_AWARE);
	if (!spare_shrinker) {
		list_lru_destroy(&spare_queues);
		return -ENOMEM;
	}
	spare_shrinker->count_objects = count_queues;
	spare_shrinker->scan_objects = shrink_queues;
	err = vunix_shrinker_register(spare_shrinker);
	if (err)
		vunix_queue_module_exit();
	return err;
}

/**
 * vunix_queue_module_exit() - undo vunix_queue_module_init()
 *
 * Context: Process; after the last socket has been released.
 */
void vunix_queue_module_exit(void)
{
	vunix_shrinker_free(spare_shrinker);
	list_lru_destroy(&spare_queues);
}
