// SPDX-License-Identifier: GPL-2.0
/*
 * A socket as a line, and as an object of JSON.  Columns have their width from
 * the start: whoever prints a million lines cannot look at them first.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vss.h"

#define NAME_WIDTH	32
#define INO_WIDTH	10

static const struct {
	const char *name;
	size_t offset;
	size_t size;
} counters[] = {
#define COUNTER(x)	{ #x, offsetof(struct vss_info, x), \
			  sizeof(((struct vss_info *)0)->x) }
	COUNTER(id),
	COUNTER(peer_id),
	COUNTER(pid),
	COUNTER(age_ns),
	COUNTER(bytes_sent),
	COUNTER(bytes_received),
	COUNTER(messages_sent),
	COUNTER(messages_received),
	COUNTER(refused),
	COUNTER(dropped),
	COUNTER(blocked),
	COUNTER(blocked_ns),
	COUNTER(peak),
	COUNTER(fds_queued),
};

#define NR_COUNTERS	(sizeof(counters) / sizeof(*counters))

static const char * const mem_names[SK_MEMINFO_VARS] = {
	[SK_MEMINFO_RMEM_ALLOC]		= "rmem_alloc",
	[SK_MEMINFO_RCVBUF]		= "rcvbuf",
	[SK_MEMINFO_WMEM_ALLOC]		= "wmem_alloc",
	[SK_MEMINFO_SNDBUF]		= "sndbuf",
	[SK_MEMINFO_FWD_ALLOC]		= "fwd_alloc",
	[SK_MEMINFO_WMEM_QUEUED]	= "wmem_queued",
	[SK_MEMINFO_OPTMEM]		= "optmem",
	[SK_MEMINFO_BACKLOG]		= "backlog",
	[SK_MEMINFO_DROPS]		= "drops",
};

static bool have_info, lack_info;

/* Remembers whether @s came with its counters, which were asked for. */
void info_note(const struct vss_sock *s)
{
	if (s->info_len)
		have_info = true;
	else
		lack_info = true;
}

/* Says why counters are missing.  True: there were none at all. */
bool info_explain(void)
{
	if (!lack_info)
		return false;
	fflush(stdout);
	if (opt.is_unix)
		fputs("vss: AF_UNIX has no counters\n", stderr);
	else if (have_info)
		fputs("vss: counters of other users' sockets are not for us to see\n",
		      stderr);
	else if (geteuid())
		fputs("vss: no counters: not our sockets, or vunix is older than they are\n",
		      stderr);
	else
		fputs("vss: this vunix has no counters: it is older than they are\n",
		      stderr);
	return !have_info;
}

/* What ss has in its first column, with v for vunix. */
const char *netid(uint8_t type)
{
	switch (type) {
	case SOCK_STREAM:
		return opt.is_unix ? "u_str" : "v_str";
	case SOCK_DGRAM:
		return opt.is_unix ? "u_dgr" : "v_dgr";
	case SOCK_SEQPACKET:
		return opt.is_unix ? "u_seq" : "v_seq";
	}
	return "???";
}

const char *state_name(uint8_t state)
{
	switch (state) {
	case VSS_ESTABLISHED:
		return "ESTAB";
	case VSS_CLOSE:
		return "UNCONN";
	case VSS_LISTEN:
		return "LISTEN";
	}
	return "UNKNOWN";
}

/* Blanks up to a column, and one more. */
void pad(int printed, int width)
{
	do {
		putchar(' ');
	} while (++printed <= width);
}

void print_header(void)
{
	if (!opt.header)
		return;
	printf("%-5s %-6s %-6s %-6s %-*s %*s %4s %*s%s\n", "Netid", "State",
	       "Recv-Q", "Send-Q", NAME_WIDTH, "Local Address", INO_WIDTH,
	       "Inode", "Peer", INO_WIDTH, "Inode",
	       opt.processes ? " Process" : "");
}

/* The number of counter @i, if the kernel has told it. */
static bool get_counter(const struct vss_sock *s, size_t i, __u64 *value)
{
	const char *p = (const char *)&s->info + counters[i].offset;
	uint32_t small;

	if (counters[i].offset + counters[i].size > s->info_len)
		return false;
	if (counters[i].size == sizeof(small)) {
		memcpy(&small, p, sizeof(small));
		*value = small;
	} else {
		memcpy(value, p, sizeof(*value));
	}
	return true;
}

static void print_mem(const struct vss_sock *s)
{
	const uint32_t *m = s->mem;

	if (!(s->has & VSS_HAS_MEM))
		return;
	printf(" skmem:(r%u,rb%u,t%u,tb%u,f%u,w%u,o%u,bl%u,d%u)",
	       m[SK_MEMINFO_RMEM_ALLOC], m[SK_MEMINFO_RCVBUF],
	       m[SK_MEMINFO_WMEM_ALLOC], m[SK_MEMINFO_SNDBUF],
	       m[SK_MEMINFO_FWD_ALLOC], m[SK_MEMINFO_WMEM_QUEUED],
	       m[SK_MEMINFO_OPTMEM], m[SK_MEMINFO_BACKLOG],
	       m[SK_MEMINFO_DROPS]);
}

/* dev_t as the kernel has it inside. */
static unsigned int dev_major(uint32_t dev)
{
	return dev >> 20;
}

static unsigned int dev_minor(uint32_t dev)
{
	return dev & 0xfffff;
}

static void print_extended(const struct vss_sock *s)
{
	if (s->has & VSS_HAS_SHUTDOWN)
		printf(" %c-%c", s->shutdown & 1 ? '-' : '<',
		       s->shutdown & 2 ? '-' : '>');
	if (s->has & VSS_HAS_VFS)
		printf(" ino:%u dev:%u/%u", s->vfs.udiag_vfs_ino,
		       dev_major(s->vfs.udiag_vfs_dev),
		       dev_minor(s->vfs.udiag_vfs_dev));
	if (s->has & VSS_HAS_UID)
		printf(" uid:%u", s->uid);
	printf(" sk:%llx", s->cookie);
	if (s->has & VSS_HAS_ICONS) {
		fputs(" peers:", stdout);
		for (size_t i = 0; i < s->nr_icons; i++)
			printf(" %u", s->icons[i]);
	}
}

static void print_info(const struct vss_sock *s)
{
	const char *name;
	__u64 value;

	for (size_t i = 0; i < NR_COUNTERS; i++) {
		if (!get_counter(s, i, &value))
			continue;
		name = counters[i].name;
		if (!strcmp(name, "age_ns"))
			printf(" age:%.6fs", value / 1e9);
		else if (!strcmp(name, "blocked_ns"))
			printf(" blocked_time:%.6fs", value / 1e9);
		else
			printf(" %s:%llu", name, value);
	}
	info_note(s);
}

void print_sock(const struct vss_sock *s)
{
	printf("%-5s %-6s %-6u %-6u ", netid(s->type), state_name(s->state),
	       s->rqlen.udiag_rqueue, s->rqlen.udiag_wqueue);
	pad(name_print(s->name, s->name_len), NAME_WIDTH);
	printf("%*u %4s %*u", INO_WIDTH, s->ino, "*", INO_WIDTH, s->peer);
	if (opt.processes) {
		putchar(' ');
		procs_print(s->ino);
	}
	if (opt.memory)
		print_mem(s);
	if (opt.extended)
		print_extended(s);
	if (opt.info)
		print_info(s);
	putchar('\n');
}

static void json_mem(const struct vss_sock *s)
{
	if (!(s->has & VSS_HAS_MEM))
		return;
	fputs(",\"memory\":{", stdout);
	for (int i = 0; i < SK_MEMINFO_VARS; i++)
		printf("%s\"%s\":%u", i ? "," : "", mem_names[i], s->mem[i]);
	putchar('}');
}

static void json_extended(const struct vss_sock *s)
{
	static const char * const shut[] = {
		"none", "receive", "send", "both"
	};

	if (s->has & VSS_HAS_SHUTDOWN)
		printf(",\"shutdown\":\"%s\"", shut[s->shutdown & 3]);
	if (s->has & VSS_HAS_VFS)
		printf(",\"file\":{\"inode\":%u,\"major\":%u,\"minor\":%u}",
		       s->vfs.udiag_vfs_ino, dev_major(s->vfs.udiag_vfs_dev),
		       dev_minor(s->vfs.udiag_vfs_dev));
	if (s->has & VSS_HAS_UID)
		printf(",\"uid\":%u", s->uid);
	printf(",\"cookie\":%llu", s->cookie);
	if (s->has & VSS_HAS_ICONS) {
		fputs(",\"waiting\":[", stdout);
		for (size_t i = 0; i < s->nr_icons; i++)
			printf("%s%u", i ? "," : "", s->icons[i]);
		putchar(']');
	}
}

static void json_info(const struct vss_sock *s)
{
	const char *comma = "";
	__u64 value;

	info_note(s);
	if (!s->info_len)
		return;
	fputs(",\"info\":{", stdout);
	for (size_t i = 0; i < NR_COUNTERS; i++) {
		if (!get_counter(s, i, &value))
			continue;
		printf("%s\"%s\":%llu", comma, counters[i].name, value);
		comma = ",";
	}
	putchar('}');
}

/* Between objects of a list; before the first, too. */
void json_next(void)
{
	static bool comma;

	fputs(comma ? ",\n" : "\n", stdout);
	comma = true;
}

void json_sock(const struct vss_sock *s)
{
	json_next();
	printf("{\"netid\":\"%s\",\"state\":\"%s\",\"recv_q\":%u,\"send_q\":%u,",
	       netid(s->type), state_name(s->state), s->rqlen.udiag_rqueue,
	       s->rqlen.udiag_wqueue);
	fputs("\"name\":", stdout);
	json_name(s->name, s->name_len);
	printf(",\"inode\":%u,\"peer_inode\":", s->ino);
	if (s->has & VSS_HAS_PEER)
		printf("%u", s->peer);
	else
		fputs("null", stdout);
	if (opt.processes)
		procs_json(s->ino);
	if (opt.memory)
		json_mem(s);
	if (opt.extended)
		json_extended(s);
	if (opt.info)
		json_info(s);
	putchar('}');
}
