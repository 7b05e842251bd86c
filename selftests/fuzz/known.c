// SPDX-License-Identifier: GPL-2.0
/*
 * The intended differences that programs of the generator can meet (see
 * docs/differences.md), and what is not compared: two tables, below.  A program is
 * not compared beyond one of the former, because what follows may well differ.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "fuzz.h"

static int stream_read(const struct op *op)
{
	return op->code >= OP_RECV && op->code <= OP_READV;
}

/* What of an operation says where its memory is */
static int is_half(const struct op *op)
{
	return op->a[1] == LEN_HALF;
}

static int is_half_read(const struct program *p, const struct outcome *o)
{
	const struct op *op = &p->op[o->op];

	if (!stream_read(op) || !is_half(op) || o->ret[0] <= 0)
		return 0;
	/* What has credentials of its own is a part for vunix, too. */
	if (o->tag == T_MSGLEN)
		return o->value[1] > 0 && o->value[1] < o->value[0];
	return o->ret[1] == -1 ? o->err[1] == EFAULT : o->ret[1] < o->ret[0];
}

static int is_send(const struct op *op)
{
	return op->code >= OP_SEND && op->code <= OP_WRITEV;
}

static int is_recvmsg(const struct op *op)
{
	return op->code == OP_RECVMSG || op->code == OP_RECVMMSG;
}

/* A peek that ends at or in front of a later segment with descriptors */
static int is_peek_beyond(const struct program *p, const struct outcome *o)
{
	const struct op *op = &p->op[o->op];

	if (!is_recvmsg(op) || !(op->a[2] & MSG_PEEK))
		return 0;
	if (o->tag == T_FLAGS)
		return o->value[0] == (o->value[1] | MSG_CTRUNC);
	return o->tag == T_CTLLEN && o->value[0] > o->value[1];
}

/* The operation whose end is in one of both traces, if any, or the one at hand */
static int ending(const struct outcome *o, int i)
{
	return o->tags[i] == T_END ? o->value[i] & 0xffff : o->op;
}

/* May the difference be there because of what an earlier operation did? */
static int concerns(const struct outcome *o, int earlier)
{
	if (o->tags[0] != T_END && o->tags[1] != T_END)
		return streams_reach(earlier, o->op);
	return (o->tags[0] == T_END && streams_reach(earlier, ending(o, 0))) ||
	       (o->tags[1] == T_END && streams_reach(earlier, ending(o, 1)));
}

static int earlier_where(const struct program *p, const struct outcome *o,
			 int (*is)(const struct op *op), int err, int anywhere)
{
	const struct op *op = NULL;
	unsigned int pos = 0;
	struct entry e;
	long long v;

	while (pos < o->pos && rec_next(o->trace[0], &pos, &e)) {
		if (e.len != sizeof(v))
			continue;
		memcpy(&v, e.p, sizeof(v));
		if (e.tag == T_OP || e.tag == T_END)
			op = &p->op[v & 0xffff];
		if (op && is(op) && (err ? e.tag == T_ERRNO && v == err :
				     e.tag == T_RET && v >= 0) &&
		    (anywhere || concerns(o, op - p->op)))
			return 1;
	}
	return 0;
}

/* Has an earlier operation returned this error (0: none), in both? */
static int earlier(const struct program *p, const struct outcome *o,
		   int (*is)(const struct op *op), int err)
{
	return earlier_where(p, o, is, err, 1);
}

/* The same, one that has to do with the stream of the difference */
static int earlier_here(const struct program *p, const struct outcome *o,
			int (*is)(const struct op *op), int err)
{
	return earlier_where(p, o, is, err, 0);
}

/* Had it been seen asleep? */
static int earlier_blocked(const struct outcome *o, long long end)
{
	unsigned int pos = 0;
	long long v, op = -1;
	struct entry e;

	while (pos < o->pos && rec_next(o->trace[0], &pos, &e)) {
		if (e.len != sizeof(v))
			continue;
		memcpy(&v, e.p, sizeof(v));
		if (e.tag == T_OP)
			op = v;
		if (e.tag == T_BLOCKED && op == (end & 0xffff))
			return 1;
	}
	return 0;
}

static int is_opt(const struct op *op, const char *text)
{
	return op->code == OP_SETOPT && !strcmp(opt_get(op->a[1])->text, text);
}

static int is_pass_option(const struct op *op)
{
	return is_opt(op, "SO_PASSCRED") || is_opt(op, "SO_PASSPIDFD");
}

static int is_inq_option(const struct op *op)
{
	return is_opt(op, "SO_INQ");
}

static int is_page_send(const struct op *op)
{
	return op->code == OP_SPLICE_IN || op->code == OP_SENDFILE;
}

static int is_any_send(const struct op *op)
{
	return is_send(op) || is_page_send(op) || op->code == OP_FLOW;
}

/* Does it end an epoll_wait() for vunix alone? */
static int is_watcher_ended(const struct program *p, const struct outcome *o)
{
	return o->tags[0] != T_END && o->tags[1] == T_END &&
	       p->op[o->value[1] & 0xffff].code == OP_EPWAIT;
}

/* AF_UNIX looked for a peer first of all, then for everything else. */
static int is_notconn_first(const struct program *p, const struct outcome *o)
{
	const struct op *op = &p->op[o->op];

	if (is_any_send(op))
		if (o->err[0] == ENOTCONN && o->err[1] && o->err[1] != ENOTCONN)
			return 1;
	/* So there was no message whose end would have been an edge of output. */
	if (op->code == OP_EPWAIT || is_watcher_ended(p, o))
		return earlier(p, o, is_any_send, ENOTCONN);
	/* And it gave the socket no name, either. */
	return earlier(p, o, is_pass_option, 0) &&
	       earlier(p, o, is_any_send, ENOTCONN) &&
	       (o->tag == T_ADDR || o->tag == T_VALUE || o->tag == T_RET ||
		o->tag == T_ERRNO);
}

/* Pages were added to the last message, whatever that carries. */
static int is_sendpage(const struct program *p, const struct outcome *o)
{
	const struct op *op = &p->op[o->op];

	return (stream_read(op) || op->code == OP_SPLICE_OUT) &&
	       earlier_here(p, o, is_page_send, 0);
}

static int is_urgent_send(const struct op *op)
{
	return is_send(op) && op->code < OP_WRITE && op->a[2] & MSG_OOB;
}

/* Does it take what is queued, or tell something of it? */
static int is_look(const struct op *op)
{
	switch (op->code) {
	case OP_SPLICE_OUT:
	case OP_POLL:
	case OP_SELECT:
	case OP_EPWAIT:
	case OP_IOCTL:
	case OP_FDINFO:
	case OP_FLOW:
		return 1;
	}
	return stream_read(op);
}

/* What is behind urgent bytes has been mended more than once. */
static int is_urgent(const struct program *p, const struct outcome *o)
{
	int i, looks = o->tag == T_SIGNALS;

	for (i = 0; i < 2; i++)
		if (o->tags[i] == T_END || o->tags[!i] != T_END)
			looks |= is_look(&p->op[ending(o, i)]);
	return looks && earlier_here(p, o, is_urgent_send, 0);
}

/*
 * AF_UNIX counts bytes and descriptors of an urgent byte that a read has passed
 * over as queued for good: more than there are, never less.
 */
static int is_inq(const struct program *p, const struct outcome *o)
{
	const struct op *op = &p->op[o->op];

	if (!earlier_here(p, o, is_urgent_send, 0))
		return 0;
	/* It ends where something is queued, which AF_UNIX alone says. */
	if (op->code == OP_FLOW)
		return o->tags[0] == T_COUNT && o->tags[1] == T_RET;
	if (o->value[0] <= o->value[1])
		return 0;
	if (o->tag == T_CDATA)
		return is_recvmsg(op) && earlier_here(p, o, is_inq_option, 0);
	return o->tag == T_COUNT && o->tags[1] == T_COUNT &&
	       (op->code == OP_FDINFO ||
		(op->code == OP_IOCTL && choice(op->a[1], NIOCTLS) == IOCTL_INQ));
}

static int is_listen(const struct op *op)
{
	return op->code == OP_LISTEN;
}

/* What waits at a listener had no length that was looked at. */
static int is_listener_mark(const struct program *p, const struct outcome *o)
{
	const struct op *op = &p->op[o->op];

	return op->code == OP_IOCTL && choice(op->a[1], NIOCTLS) == IOCTL_ATMARK &&
	       o->tag == T_VALUE && o->value[1] == 1 &&
	       earlier(p, o, is_listen, 0);
}

static int is_accept(const struct op *op)
{
	return op->code == OP_ACCEPT;
}

/* What a read that faults has taken nobody learns, if the address faults, too. */
static int is_half_address(const struct op *op)
{
	return op->code == OP_RECVFROM && is_half(op) && choice(op->a[3], NROOMS) == ROOM_BAD;
}

static int is_half_taken(const struct program *p, const struct outcome *o)
{
	return stream_read(&p->op[o->op]) &&
	       earlier_here(p, o, is_half_address, EFAULT);
}

static int is_scm_option(const struct op *op)
{
	return is_pass_option(op) || is_opt(op, "SO_PASSSEC");
}

/* Options of a listener were the accepted socket's when it was accepted. */
static int is_inherited(const struct program *p, const struct outcome *o)
{
	if (!earlier(p, o, is_accept, 0) || !earlier(p, o, is_scm_option, 0))
		return 0;
	/* Who looks at credentials does not read on across others. */
	if (o->tag == T_RET && stream_read(&p->op[o->op]))
		return o->ret[0] > 0 && o->ret[1] > 0;
	return o->tag == T_CTLLEN || o->tag == T_FLAGS || o->tag == T_VALUE ||
	       o->tag == T_CRED || o->tag == T_CMSG;
}

static int is_connect(const struct op *op)
{
	return op->code == OP_CONNECT;
}

/* A datagram socket's new peer has it lose what was queued: AF_UNIX counts on. */
static int is_purged(const struct program *p, const struct outcome *o)
{
	return p->op[o->op].code == OP_FDINFO && o->tag == T_COUNT &&
	       o->value[0] > o->value[1] && earlier(p, o, is_connect, 0);
}

static int is_peek_offset(const struct op *op)
{
	return is_opt(op, "SO_PEEK_OFF");
}

/* The offset that counted was that from before the wait. */
static int is_offset_wait(const struct program *p, const struct outcome *o)
{
	int i, n;

	for (i = 0; i < 2; i++) {
		const struct op *op;

		n = ending(o, i);
		op = &p->op[n];
		if (stream_read(op) && op->code < OP_READ &&
		    op->a[2] & MSG_PEEK && earlier_blocked(o, n) &&
		    earlier(p, o, is_peek_offset, 0))
			return 1;
	}
	return 0;
}

/* Are they on one socket, or on two that are connected? */
static int together(int a, int b)
{
	return streams_reach(a, b) || streams_reach(b, a);
}

/* Have op and another read of its stream, both asleep, been done together? */
static int read_together(const struct program *p, const struct outcome *o,
			 const struct trace *t, int op)
{
	unsigned int pos = 0;
	struct entry e;
	int others = 0, ended = 0;
	long long v;

	while (rec_next(t, &pos, &e)) {
		if (e.len != sizeof(v))
			continue;
		memcpy(&v, e.p, sizeof(v));
		if (e.tag == T_OP) {
			if (pos > o->pos)
				break;
			others = 0;
			ended = 0;
		}
		if (e.tag != T_END || !earlier_blocked(o, v))
			continue;
		v &= 0xffff;
		if (v == op)
			ended = 1;
		else if (stream_read(&p->op[v]) && together(v, op))
			others = 1;
	}
	return ended && others;
}

/* Does another read of the stream sleep on?  It may have had a part of it. */
static int another_sleeps(const struct program *p, const struct outcome *o, int op)
{
	unsigned int pos = 0;
	uint64_t asleep = 0;
	struct entry e;
	long long v;
	int i = 0;

	while (pos < o->pos && rec_next(o->trace[0], &pos, &e)) {
		if (e.len != sizeof(v))
			continue;
		memcpy(&v, e.p, sizeof(v));
		if (e.tag == T_OP)
			i = v;
		if (e.tag == T_BLOCKED && stream_read(&p->op[i]))
			asleep |= 1ull << i;
		if (e.tag == T_END)
			asleep &= ~(1ull << (v & 0xffff));
	}
	if (!(asleep >> op & 1))
		return 0;
	for (i = 0; i < p->n; i++)
		if (i != op && asleep >> i & 1 && together(i, op))
			return 1;
	return 0;
}

/* One of the sleepers of a stream ended here, another one of them there. */
static int is_other_sleeper(const struct outcome *o)
{
	return o->tags[0] == T_END && o->tags[1] == T_END &&
	       earlier_blocked(o, o->value[0]) &&
	       earlier_blocked(o, o->value[1]) &&
	       together(ending(o, 0), ending(o, 1));
}

/*
 * Several wait at one stream, and each family serves another one first; or a sender
 * in front of a full datagram queue goes on at another time.
 */
static int is_order(const struct program *p, const struct outcome *o)
{
	int i, op;

	if (is_other_sleeper(o))
		return 1;
	for (i = 0; i < 2; i++) {
		op = ending(o, i);
		if (o->tags[i] == T_END && earlier_blocked(o, op) &&
		    is_any_send(&p->op[op]) && streams_is_dgram(op))
			return 1;
		if (stream_read(&p->op[op]) &&
		    read_together(p, o, o->trace[i], op))
			return 1;
		if (o->tags[i] == T_END && another_sleeps(p, o, op))
			return 1;
	}
	return 0;
}

static int is_output_edge(const struct op *op)
{
	return op->code == OP_EPCTL && op->a[3] & EPOLLET &&
	       op->a[3] & EPOLLOUT;
}

/* A read of some bytes of a send makes room, not that of the last one alone. */
static int is_early_room(const struct program *p, const struct outcome *o)
{
	if (!earlier(p, o, is_output_edge, 0))
		return 0;
	/* It may be awaited. */
	if (is_watcher_ended(p, o))
		return stream_read(&p->op[o->op]);
	return p->op[o->op].code == OP_EPWAIT && o->tag == T_RET &&
	       o->value[0] >= 0 && o->value[0] < o->value[1] &&
	       earlier(p, o, stream_read, 0);
}

/*
 * What is not compared, and why; each is done where it says.
 *
 *   SIOCOUTQ is 0 or more		what a message costs is each family's own
 *					(ops_fd.c, op_ioctl)
 *   the order of epoll events		they are sorted: who was ready first depends on
 *					who was woken first (ops_fd.c, op_epwait)
 *   fstat() but inode and mode		the inode by when it was first seen; times and
 *					device are those of the run (ops_fd.c, op_fstat)
 *   an SO_SNDBUF below 200000		sockets get that much, and smaller ones so much
 *					more: how much fits differs (slots.c, slot_set;
 *					ops_opt.c, opt_value)
 *   how much a flow takes		for the same reason: that it gets on, ends and
 *					loses nothing is compared (ops_data.c, op_flow)
 *   what timestamps say		time goes on (ops_msg.c, rec_cmsg)
 *   process ids of others		-3: pids differ from run to run, who is main
 *					process or child does not (ops_msg.c, pid_role)
 *   the value of a socket's cookie	only that it has one (ops_opt.c, op_getopt)
 *   names that the kernel chose	and what of ours tells runs apart
 *					(ops_addr.c, rec_addr)
 *   of fdinfo all but scm_fds		inodes, mounts (ops_fd.c, op_fdinfo)
 *
 * What is not made at all:
 *
 *   a peek that may sleep, of a	AF_UNIX before 7.3: MSG_DONTWAIT is added where
 *   socket with urgent bytes		a program sends them (gen_data.c)
 *   options that AF_UNIX has not	on kernels older than theirs, where vunix has
 *					them (since, ops_opt.c)
 *   timeouts that elapse		that would be a race (ops_opt.c, opt_value)
 */
static const struct {
	const char	*text;
	int		before;		/* kernel that has no such difference */
	int		(*is)(const struct program *p, const struct outcome *o);
} known[] = {
	{ "a stream read that faults behind whole earlier sends", 0, is_half_read },
	{ "the same, where the address faults as well", 0, is_half_taken },
	{ "a peek is not given the descriptors of a later segment", 0, is_peek_beyond },
	{ "who of several that wait is first, and when a datagram's sender is", 0, is_order },
	{ "what is queued, when an urgent byte was passed over", 0, is_inq },
	{ "an edge of output with a part of a send", 0, is_early_room },
	{ "descriptors of datagrams that a new peer made go", 0, is_purged },
	{ "SO_PEEK_OFF that is set while a peek waits", KERNEL(6, 18), is_offset_wait },
	{ "ENOTCONN before other errors, and before a name", KERNEL(6, 14), is_notconn_first },
	{ "urgent bytes before 7.3", KERNEL(7, 3), is_urgent },
	{ "SIOCATMARK on a listener", KERNEL(6, 11), is_listener_mark },
	{ "options of a listener, inherited at accept", KERNEL(6, 16), is_inherited },
	{ "spliced pages join the last message", KERNEL(6, 5), is_sendpage },
};

int known_count(void)
{
	return sizeof(known) / sizeof(known[0]);
}

const char *known_text(int i)
{
	return known[i].text;
}

int known_number(const char *text)
{
	int i;

	for (i = 0; i < known_count(); i++)
		if (!strcmp(known[i].text, text))
			return i;
	return -1;
}

int known_find(const struct program *p, const struct outcome *o)
{
	int i;

	streams_follow(p, o->trace[0], o->pos);
	for (i = 0; i < known_count(); i++) {
		if (known[i].before && running_kernel >= known[i].before)
			continue;
		if (known[i].is(p, o))
			return i;
	}
	return -1;
}
