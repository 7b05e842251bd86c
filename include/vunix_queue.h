/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing into and reading from a struct vunix_queue: what vunix_stream.c and
 * vunix_dgram.c build on.  The layout is told in vunix.h.
 */
#ifndef VUNIX_QUEUE_H
#define VUNIX_QUEUE_H

#include "vunix.h"

/* Pages that fit into a writer without an allocation. */
#define VUNIX_BATCH	16

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
struct page *vunix_queue_consume(struct vunix_queue *q, u32 pos);
void vunix_queue_free_pages(struct page *list);
struct vunix_record *vunix_queue_record(struct vunix_queue *q, u32 *pos,
					u32 head);

static inline u32 vunix_page_offset(u32 pos)
{
	return pos & ~PAGE_MASK;
}

/* Where the record behind @rec at @pos begins (before any skip at a page end). */
static inline u32 vunix_record_end(const struct vunix_record *rec, u32 pos)
{
	return ALIGN(pos + sizeof(*rec) + rec->len, 8);
}

/* The most bytes a record with @len bytes of payload may take in the ring. */
static inline size_t vunix_record_space(size_t len)
{
	return ALIGN(2 * sizeof(struct vunix_record) + len, 8);
}

#endif /* VUNIX_QUEUE_H */
