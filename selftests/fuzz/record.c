// SPDX-License-Identifier: GPL-2.0
/*
 * Traces: everything that a program could see, as tag, length, bytes.
 */
#include <string.h>

#include "fuzz.h"

const char *const tag_name[NTAGS] = {
#define X(upper, text) [T_##upper] = text,
	FUZZ_TAGS(X)
#undef X
};

void rec_bytes(struct trace *t, enum tag tag, const void *p, size_t len)
{
	if (t->over || t->n + len + 3 > TRACE_MAX) {
		t->over = 1;
		return;
	}
	t->b[t->n++] = tag;
	t->b[t->n++] = len & 0xff;
	t->b[t->n++] = len >> 8;
	memcpy(t->b + t->n, p, len);
	t->n += len;
}

void rec_num(struct trace *t, enum tag tag, long long value)
{
	rec_bytes(t, tag, &value, sizeof(value));
}

/* All of them count, a few are kept to be shown. */
static void rec_hash(struct trace *t, enum tag tag, const void *p, size_t len)
{
	struct {
		uint64_t	len, hash;
		unsigned char	head[24];
	} d = { .len = len, .hash = 0xcbf29ce484222325 };
	const unsigned char *c = p;
	size_t i;

	for (i = 0; i < len; i++)
		d.hash = (d.hash ^ c[i]) * 0x100000001b3;
	memcpy(d.head, p, len < sizeof(d.head) ? len : sizeof(d.head));
	rec_bytes(t, tag, &d, sizeof(d));
}

void rec_data(struct trace *t, const void *p, size_t len)
{
	rec_hash(t, T_DATA, p, len);
}

void rec_behind(struct trace *t, const void *p, size_t from, size_t to)
{
	const unsigned char *c = p;

	if (from < to && c[from] == UNTOUCHED &&
	    !memcmp(c + from, c + from + 1, to - from - 1))
		from = to;
	/* From the first byte that has changed to the last one */
	while (from < to && c[to - 1] == UNTOUCHED)
		to--;
	while (from < to && c[from] == UNTOUCHED)
		from++;
	if (from < to)
		rec_hash(t, T_BEHIND, c + from, to - from);
	else
		rec_num(t, T_BEHIND, 0);
}

void rec_append(struct trace *t, const struct trace *other)
{
	if (t->over || other->over || t->n + other->n > TRACE_MAX) {
		t->over = 1;
		return;
	}
	memcpy(t->b + t->n, other->b, other->n);
	t->n += other->n;
}

int rec_next(const struct trace *t, unsigned int *pos, struct entry *e)
{
	if (*pos + 3 > t->n)
		return 0;
	e->tag = t->b[*pos];
	e->len = t->b[*pos + 1] | t->b[*pos + 2] << 8;
	e->p = t->b + *pos + 3;
	*pos += 3 + e->len;
	return 1;
}

void rec_show(FILE *f, const struct entry *e)
{
	unsigned int i, n = e->len;
	const unsigned char *p = e->p;
	long long v;

	fprintf(f, "%s ", tag_name[e->tag]);
	if (n == sizeof(v)) {
		memcpy(&v, e->p, sizeof(v));
		if (e->tag == T_ERRNO)
			fprintf(f, "%s", strerrorname_np(v) ?: "0");
		else if (e->tag == T_REVENTS || e->tag == T_FLAGS)
			fprintf(f, "0x%llx", v);
		else
			fprintf(f, "%lld", v);
		return;
	}
	if (e->tag == T_DATA || e->tag == T_BEHIND) {
		uint64_t len, hash;

		memcpy(&len, e->p, sizeof(len));
		memcpy(&hash, e->p + 8, sizeof(hash));
		fprintf(f, "%llu bytes (%08x): ", (unsigned long long)len,
			(unsigned int)hash);
		p += 16;
		n = len < 24 ? len : 24;
	}
	for (i = 0; i < n && i < 40; i++) {
		if (p[i] > ' ' && p[i] < 127 && p[i] != '\\')
			fputc(p[i], f);
		else
			fprintf(f, "\\%02x", p[i]);
	}
}
