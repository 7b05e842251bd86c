// SPDX-License-Identifier: GPL-2.0
/*
 * Rows one after the other, for what has to be kept of a million sockets.
 *
 * Growing moves pages, not rows (mremap(), by glibc), and sorting needs no
 * memory of its own, which qsort() would.
 */
#include <stdlib.h>
#include <string.h>

#include "vss.h"

/* A new row of zeroes, @size bytes as all others; NULL: no memory. */
void *table_add(struct table *t, size_t size)
{
	size_t room = t->room;
	void *rows;

	t->size = size;
	if (t->nr == room) {
		room += room / 4 + 1024;
		rows = reallocarray(t->rows, room, size);
		if (!rows)
			return NULL;
		t->rows = rows;
		t->room = room;
	}
	return memset(t->rows + t->nr++ * size, 0, size);
}

static void swap_rows(struct table *t, size_t a, size_t b)
{
	char *x = t->rows + a * t->size, *y = t->rows + b * t->size;
	char c;

	for (size_t i = 0; i < t->size; i++) {
		c = x[i];
		x[i] = y[i];
		y[i] = c;
	}
}

static int compare_rows(const struct table *t, size_t a, size_t b,
			table_compare compare)
{
	return compare(t->rows + a * t->size, t->rows + b * t->size);
}

/* Below @root the heap is in order, of @nr rows; now at @root, too. */
static void sift(struct table *t, size_t root, size_t nr,
		 table_compare compare)
{
	size_t child;

	while ((child = 2 * root + 1) < nr) {
		if (child + 1 < nr &&
		    compare_rows(t, child, child + 1, compare) < 0)
			child++;
		if (compare_rows(t, root, child, compare) >= 0)
			return;
		swap_rows(t, root, child);
		root = child;
	}
}

/*
 * Heapsort, unless there is nothing to do: dumps come in order of shards, then of
 * ids, so a small one may be in order.
 */
void table_sort(struct table *t, table_compare compare)
{
	size_t i;

	for (i = 1; i < t->nr; i++) {
		if (compare_rows(t, i - 1, i, compare) > 0)
			break;
	}
	if (i >= t->nr)
		return;
	for (i = t->nr / 2; i--;)
		sift(t, i, t->nr, compare);
	for (i = t->nr; i-- > 1;) {
		swap_rows(t, 0, i);
		sift(t, 0, i, compare);
	}
}

/* A row of a sorted table that compares equal to @key. */
void *table_find(const struct table *t, const void *key,
		 table_compare compare)
{
	if (!t->nr)
		return NULL;
	return bsearch(key, t->rows, t->nr, t->size, compare);
}

void table_free(struct table *t)
{
	free(t->rows);
	memset(t, 0, sizeof(*t));
}

/* For rows that begin with a uint32_t. */
int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* For rows that begin with a __u64. */
int compare_u64(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return (x > y) - (x < y);
}
