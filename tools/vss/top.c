// SPDX-License-Identifier: GPL-2.0
/*
 * --top: who sends and receives how much in a second.
 *
 * Between two dumps, 40 bytes are kept for each socket (80 while the second is
 * read), and of the second those sockets with names that will be printed.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vss.h"

enum { BYTES_OUT, BYTES_IN, MSGS_OUT, MSGS_IN, NR_COUNTS };

static const char * const count_names[NR_COUNTS] = {
	"bytes_sent", "bytes_received", "messages_sent", "messages_received",
};

struct sample {
	__u64 id;
	__u64 counts[NR_COUNTS];
};

/* A socket that has done something meanwhile; the name follows its pointer. */
struct row {
	__u64 rank;
	__u64 id;
	__u64 counts[NR_COUNTS];
	uint32_t ino;
	uint32_t peer;
	uint8_t type;
	char *name;		/* NULL: none */
	size_t name_len;
};

static struct table before, now, rows;
static bool comparing;

/* The least first, so that the heap's root is the first to go. */
static bool is_less(const struct row *a, const struct row *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->id > b->id;
}

static struct row *row_at(size_t i)
{
	return (void *)(rows.rows + i * sizeof(struct row));
}

static void swap(struct row *a, struct row *b)
{
	struct row tmp = *a;

	*a = *b;
	*b = tmp;
}

static void sift_up(size_t i)
{
	size_t up;

	for (; i; i = up) {
		up = (i - 1) / 2;
		if (!is_less(row_at(i), row_at(up)))
			return;
		swap(row_at(i), row_at(up));
	}
}

static void sift_down(size_t nr)
{
	size_t child, i = 0;

	while ((child = 2 * i + 1) < nr) {
		if (child + 1 < nr && is_less(row_at(child + 1), row_at(child)))
			child++;
		if (!is_less(row_at(child), row_at(i)))
			return;
		swap(row_at(child), row_at(i));
		i = child;
	}
}

/* Keeps a copy of @r if it is among the first opt.rows.  False: no memory. */
static bool keep_row(const struct row *r, const struct vss_sock *s)
{
	bool full = opt.rows && rows.nr == opt.rows;
	char *name = NULL;
	struct row *to;

	if (full && !is_less(row_at(0), r))
		return true;
	if (s->name) {
		name = malloc(s->name_len);
		if (!name)
			return false;
		memcpy(name, s->name, s->name_len);
	}
	if (full) {
		to = row_at(0);
		free(to->name);
	} else {
		to = table_add(&rows, sizeof(*to));
		if (!to) {
			free(name);
			return false;
		}
	}
	*to = *r;
	to->name = name;
	to->name_len = s->name_len;
	if (full)
		sift_down(rows.nr);
	else
		sift_up(rows.nr - 1);
	return true;
}

/* What has happened to it since the last time; it may be new. */
static bool compare(const struct vss_sock *s, const struct sample *new)
{
	const struct sample *old = table_find(&before, &new->id, compare_u64);
	struct row r = {
		.id = new->id,
		.ino = s->ino,
		.peer = s->peer,
		.type = s->type,
	};

	for (int i = 0; i < NR_COUNTS; i++) {
		__u64 was = old ? old->counts[i] : 0;

		/* A connection's are read at its peer, which may be gone now. */
		r.counts[i] = new->counts[i] > was ? new->counts[i] - was : 0;
	}
	r.rank = r.counts[BYTES_OUT] + r.counts[BYTES_IN];
	if (!r.rank && !r.counts[MSGS_OUT] && !r.counts[MSGS_IN])
		return true;
	return keep_row(&r, s);
}

static int take(const struct vss_sock *s, void *arg)
{
	struct sample *new;

	(void)arg;
	if (!filter_match(s))
		return 0;
	info_note(s);
	if (s->info_len < offsetof(struct vss_info, refused))
		return 0;
	new = table_add(&now, sizeof(*new));
	if (new) {
		/* The kernel's own id, which outlives inode numbers */
		new->id = s->info.id;
		new->counts[BYTES_OUT] = s->info.bytes_sent;
		new->counts[BYTES_IN] = s->info.bytes_received;
		new->counts[MSGS_OUT] = s->info.messages_sent;
		new->counts[MSGS_IN] = s->info.messages_received;
		if (!comparing || compare(s, new))
			return 0;
	}
	fflush(stdout);
	fputs("vss: no memory for the counters\n", stderr);
	return -1;
}

static void forget_rows(void)
{
	for (size_t i = 0; i < rows.nr; i++)
		free(row_at(i)->name);
	table_free(&rows);
}

static void forget(void *arg)
{
	(void)arg;
	table_free(&now);
	forget_rows();
}

/* One dump, to "now"; returns as diag_dump(), *t: when. */
static int sample(double *t)
{
	struct timespec ts;
	int ret;

	ret = filter_prepare();
	if (ret == VSS_FAILED)
		return ret;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	*t = ts.tv_sec + ts.tv_nsec / 1e9;
	ret = diag_dump_again(opt.states, UDIAG_SHOW_NAME | UDIAG_SHOW_PEER |
			      VSS_SHOW_INFO, take, forget, NULL);
	if (ret != VSS_FAILED)
		table_sort(&now, compare_u64);
	return ret;
}

static int compare_rows(const void *a, const void *b)
{
	return is_less(b, a) ? -1 : is_less(a, b);
}

static void print_rows(double seconds)
{
	const struct row *r;

	if (opt.header)
		printf("%-5s %12s %12s %10s %10s %-32s %10s %10s%s\n", "Netid",
		       "Sent B/s", "Recv B/s", "Sent/s", "Recv/s",
		       "Local Address", "Inode", "Peer",
		       opt.processes ? " Process" : "");
	for (size_t i = 0; i < rows.nr; i++) {
		r = row_at(i);
		printf("%-5s %12.0f %12.0f %10.0f %10.0f ", netid(r->type),
		       r->counts[BYTES_OUT] / seconds,
		       r->counts[BYTES_IN] / seconds,
		       r->counts[MSGS_OUT] / seconds,
		       r->counts[MSGS_IN] / seconds);
		pad(name_print(r->name, r->name_len), 32);
		printf("%10u %10u", r->ino, r->peer);
		if (opt.processes) {
			putchar(' ');
			procs_print(r->ino);
		}
		putchar('\n');
	}
	putchar('\n');
}

static void json_rows(double seconds)
{
	const struct row *r;

	json_next();
	printf("{\"seconds\":%.6f,\"sockets\":[", seconds);
	for (size_t i = 0; i < rows.nr; i++) {
		r = row_at(i);
		printf("%s\n{\"netid\":\"%s\"", i ? "," : "",
		       netid(r->type));
		for (int j = 0; j < NR_COUNTS; j++)
			printf(",\"%s_rate\":%.3f", count_names[j],
			       r->counts[j] / seconds);
		fputs(",\"name\":", stdout);
		json_name(r->name, r->name_len);
		printf(",\"inode\":%u,\"peer_inode\":%u", r->ino, r->peer);
		if (opt.processes)
			procs_json(r->ino);
		putchar('}');
	}
	fputs("]}", stdout);
}

static void wait_for(double seconds)
{
	struct timespec ts = {
		.tv_sec = seconds,
		.tv_nsec = (seconds - (time_t)seconds) * 1e9,
	};

	while (nanosleep(&ts, &ts))
		;
}

/* One interval, printed; *t: when it has begun, then when it has ended. */
static int interval(double *t)
{
	double begin = *t;
	int ret;

	wait_for(opt.seconds);
	table_free(&before);
	before = now;
	now = (struct table){ };
	ret = sample(t);
	if (ret == VSS_FAILED)
		return ret;
	if (opt.processes && procs_scan())
		return VSS_FAILED;
	if (rows.nr)
		qsort(rows.rows, rows.nr, sizeof(struct row), compare_rows);
	if (opt.json)
		json_rows(*t - begin);
	else
		print_rows(*t - begin);
	forget_rows();
	return fflush(stdout) ? VSS_FAILED : ret;
}

int top(void)
{
	int worst, ret;
	double t;

	worst = sample(&t);
	if (worst == VSS_FAILED)
		return worst;
	if (info_explain())
		return VSS_FAILED;
	comparing = true;
	if (opt.json)
		putchar('[');
	for (unsigned long i = 0; !opt.count || i < opt.count; i++) {
		ret = interval(&t);
		if (ret)
			worst = ret;
		if (ret == VSS_FAILED)
			break;
	}
	if (opt.json)
		fputs("\n]\n", stdout);
	return worst;
}
