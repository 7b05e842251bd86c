// SPDX-License-Identifier: GPL-2.0
/*
 * -s: how many sockets of which type are in which state, and what they hold.
 */
#include <sys/socket.h>

#include "vss.h"

struct counts {
	__u64 total;
	__u64 listening;
	__u64 connected;
	__u64 unconnected;
	__u64 waiting;	/* to be accepted */
	__u64 queued;	/* bytes to be received */
};

static const uint8_t types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

#define NR_TYPES	(sizeof(types) / sizeof(*types))

static struct counts counts[NR_TYPES];

static int count(const struct vss_sock *s, void *arg)
{
	struct counts *c;
	size_t i;

	(void)arg;
	for (i = 0; i < NR_TYPES - 1; i++) {
		if (types[i] == s->type)
			break;
	}
	if (!filter_match(s))
		return 0;
	c = &counts[i];
	c->total++;
	switch (s->state) {
	case VSS_LISTEN:
		c->listening++;
		c->waiting += s->rqlen.udiag_rqueue;
		return 0;
	case VSS_CLOSE:
		c->unconnected++;
		break;
	default:
		c->connected++;
	}
	c->queued += s->rqlen.udiag_rqueue;
	return 0;
}

static void forget(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < NR_TYPES; i++)
		counts[i] = (struct counts){ };
}

static void print_counts(const char *name, const struct counts *c)
{
	printf("%-6s %10llu %10llu %10llu %12llu %10llu %14llu\n", name,
	       c->total, c->listening, c->connected, c->unconnected,
	       c->waiting, c->queued);
}

static void json_counts(const char *name, const struct counts *c)
{
	json_next();
	printf("\"%s\":{\"total\":%llu,\"listening\":%llu,", name, c->total,
	       c->listening);
	printf("\"connected\":%llu,\"unconnected\":%llu,", c->connected,
	       c->unconnected);
	printf("\"waiting\":%llu,\"queued\":%llu}", c->waiting, c->queued);
}

int summary(void)
{
	void (*print)(const char *name, const struct counts *c) =
		opt.json ? json_counts : print_counts;
	struct counts sum = { };
	int ret;

	ret = diag_dump_again(opt.states, UDIAG_SHOW_RQLEN | UDIAG_SHOW_NAME |
			      UDIAG_SHOW_PEER, count, forget, NULL);
	if (ret == VSS_FAILED)
		return ret;

	if (opt.json)
		putchar('{');
	else if (opt.header)
		printf("%-6s %10s %10s %10s %12s %10s %14s\n", "Netid", "Total",
		       "Listening", "Connected", "Unconnected", "Waiting",
		       "Queued bytes");
	for (size_t i = 0; i < NR_TYPES; i++) {
		print(netid(types[i]), &counts[i]);
		sum.total += counts[i].total;
		sum.listening += counts[i].listening;
		sum.connected += counts[i].connected;
		sum.unconnected += counts[i].unconnected;
		sum.waiting += counts[i].waiting;
		sum.queued += counts[i].queued;
	}
	print("total", &sum);
	if (opt.json)
		fputs("\n}\n", stdout);
	return ret;
}
