// SPDX-License-Identifier: GPL-2.0
/*
 * --peers: every connection once, with the processes at both ends.
 *
 * The sockets are kept until all are known: 16 bytes for each, and every name
 * once, since all that a listener has accepted have its name.
 */
#include <stdlib.h>
#include <string.h>

#include "vss.h"

#define NAME_WIDTH	32
#define USERS_WIDTH	36

/* One socket, that is connected or has a name. */
struct end {
	uint32_t ino;
	uint32_t peer;		/* inode */
	uint32_t name;		/* place in the names; 0: none */
	uint8_t type;
	bool connected;
	bool wanted;
};

/* Length (2 bytes) and bytes of each name; the first byte of all is not used. */
static struct {
	char *bytes;
	size_t len;
	size_t room;
	uint32_t *buckets;	/* places; open addressing, 0: free */
	size_t nr;
	size_t nr_buckets;	/* a power of two */
} names;

static struct table ends;

static uint16_t name_len_at(uint32_t place)
{
	uint16_t len;

	memcpy(&len, names.bytes + place, sizeof(len));
	return len;
}

static uint32_t hash(const char *name, size_t len)
{
	uint32_t h = 2166136261u;

	while (len--)
		h = (h ^ (unsigned char)*name++) * 16777619u;
	return h ^ h >> 15;
}

/* Where @name is, or would be. */
static uint32_t *find_bucket(const char *name, size_t len)
{
	size_t mask = names.nr_buckets - 1;
	size_t i = hash(name, len) & mask;
	uint32_t place;

	while ((place = names.buckets[i])) {
		if (name_len_at(place) == len &&
		    !memcmp(names.bytes + place + sizeof(uint16_t), name, len))
			break;
		i = (i + 1) & mask;
	}
	return &names.buckets[i];
}

static bool grow_buckets(void)
{
	size_t nr_old = names.nr_buckets;
	uint32_t *old = names.buckets;
	uint32_t place;

	names.nr_buckets = nr_old ? nr_old * 2 : 1024;
	names.buckets = calloc(names.nr_buckets, sizeof(*names.buckets));
	if (!names.buckets) {
		names.buckets = old;
		names.nr_buckets = nr_old;
		return false;
	}
	for (size_t i = 0; i < nr_old; i++) {
		place = old[i];
		if (place)
			*find_bucket(names.bytes + place + sizeof(uint16_t),
				     name_len_at(place)) = place;
	}
	free(old);
	return true;
}

/* The place of @name, which is kept; 0: no memory. */
static uint32_t intern(const char *name, uint16_t len)
{
	size_t need = names.len + sizeof(len) + len + 1;
	uint32_t *bucket;
	size_t room;
	char *bytes;

	if (names.nr * 4 >= names.nr_buckets * 3 && !grow_buckets())
		return 0;
	bucket = find_bucket(name, len);
	if (*bucket)
		return *bucket;
	if (need > names.room) {
		room = need + need / 4 + 4096;
		if (room > UINT32_MAX)
			return 0;
		bytes = realloc(names.bytes, room);
		if (!bytes)
			return 0;
		names.bytes = bytes;
		names.room = room;
	}
	names.len += !names.len;
	*bucket = names.len;
	memcpy(names.bytes + names.len, &len, sizeof(len));
	memcpy(names.bytes + names.len + sizeof(len), name, len);
	names.len += sizeof(len) + len;
	names.nr++;
	return *bucket;
}

static int keep(const struct vss_sock *s, void *arg)
{
	struct end *e;

	(void)arg;
	if (!(s->has & VSS_HAS_PEER) && !s->name)
		return 0;
	e = table_add(&ends, sizeof(*e));
	if (!e)
		goto no_memory;
	if (s->name) {
		e->name = intern(s->name, s->name_len);
		if (!e->name)
			goto no_memory;
	}
	e->ino = s->ino;
	e->peer = s->peer;
	e->type = s->type;
	e->connected = s->has & VSS_HAS_PEER;
	e->wanted = opt.states & 1u << s->state && filter_match(s);
	return 0;

no_memory:
	fflush(stdout);
	fputs("vss: no memory for the table of sockets\n", stderr);
	return -1;
}

static void forget(void *arg)
{
	(void)arg;
	table_free(&ends);
	free(names.bytes);
	free(names.buckets);
	memset(&names, 0, sizeof(names));
}

/* An end that may be unknown, as that of another namespace is. */
static void get_name(const struct end *e, const char **name, size_t *len)
{
	*name = NULL;
	*len = 0;
	if (!e || !e->name)
		return;
	*name = names.bytes + e->name + sizeof(uint16_t);
	*len = name_len_at(e->name);
}

static void print_end(const struct end *e, uint32_t ino, bool last)
{
	const char *name;
	size_t len;
	int n = 1;

	get_name(e, &name, &len);
	if (e || !ino)
		n = name_print(name, len);
	else
		putchar('?');
	pad(n, NAME_WIDTH);
	printf("%10u ", ino);
	n = ino ? procs_print(ino) : 0;
	if (!n) {
		putchar('-');
		n = 1;
	}
	if (!last)
		pad(n, USERS_WIDTH);
}

static void json_end(const struct end *e, uint32_t ino)
{
	const char *name;
	size_t len;

	get_name(e, &name, &len);
	fputs("{\"name\":", stdout);
	json_name(name, len);
	printf(",\"inode\":%u,\"known\":%s", ino, e ? "true" : "false");
	procs_json(ino);
	putchar('}');
}

static void print_connection(const struct end *a, const struct end *b,
			     uint32_t b_ino, bool mutual)
{
	if (opt.json) {
		json_next();
		printf("{\"netid\":\"%s\",\"mutual\":%s,\"from\":",
		       netid(a->type), mutual ? "true" : "false");
		json_end(a, a->ino);
		fputs(",\"to\":", stdout);
		json_end(b, b_ino);
		putchar('}');
		return;
	}
	printf("%-5s ", netid(a->type));
	print_end(a, a->ino, false);
	fputs(mutual ? "<-> " : "--> ", stdout);
	print_end(b, b_ino, true);
	putchar('\n');
}

/* Of two that are connected with each other: is @a the one to begin with? */
static bool comes_first(const struct end *a, const struct end *b)
{
	/* Who has a name is who was called. */
	if (!a->name != !b->name)
		return !a->name;
	return a->ino <= b->ino;
}

static void print_all(void)
{
	const struct end *a, *b;
	bool mutual;

	for (size_t i = 0; i < ends.nr; i++) {
		a = (void *)(ends.rows + i * ends.size);
		if (!a->connected)
			continue;
		b = a->peer ? table_find(&ends, &a->peer, compare_u32) : NULL;
		mutual = b && b->connected && b->peer == a->ino;
		if (mutual && !comes_first(a, b))
			continue;
		if (a->wanted || (mutual && b->wanted))
			print_connection(a, b, a->peer, mutual);
	}
}

int peers(void)
{
	int ret;

	ret = diag_dump_again(VSS_ALL_STATES, UDIAG_SHOW_NAME | UDIAG_SHOW_PEER,
			      keep, forget, NULL);
	if (ret == VSS_FAILED)
		return ret;
	/* After the sockets, so that those who made them are there. */
	if (procs_scan())
		return VSS_FAILED;
	table_sort(&ends, compare_u32);
	if (opt.json) {
		putchar('[');
	} else if (opt.header) {
		printf("%-5s %-*s %10s %-*s     %-*s %10s %s\n", "Netid",
		       NAME_WIDTH, "From", "Inode", USERS_WIDTH, "Process",
		       NAME_WIDTH, "To", "Inode", "Process");
	}
	print_all();
	if (opt.json)
		fputs("\n]\n", stdout);
	return ret;
}
