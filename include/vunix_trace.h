/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints vunix:*.  Their names and fields are an interface: fields may be
 * added behind the last, none goes or changes its meaning.  docs/observability.md
 * says what they are good for.
 *
 * id and peer are cookies of sockets (SO_COOKIE, sock_diag), 0 if there is none.
 * Each function is called where what it tells has just happened; vunix_send under
 * the lock that makes it happen, so that no vunix_recv comes before its
 * vunix_send.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vunix

#if !defined(VUNIX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VUNIX_TRACE_H

#include <linux/ctype.h>
#include <linux/tracepoint.h>
#include "vunix.h"

#ifndef VUNIX_TRACE_HELPERS
#define VUNIX_TRACE_HELPERS

/*
 * Programs that print an event do not know the kernel's enumeration of types, and
 * TRACE_DEFINE_ENUM() does not tell them on every kernel; a macro becomes a number.
 */
#ifdef ARCH_HAS_SOCKET_TYPES	/* mips */
#define VUNIX_TRACE_STREAM	2
#define VUNIX_TRACE_DGRAM	1
#else
#define VUNIX_TRACE_STREAM	1
#define VUNIX_TRACE_DGRAM	2
#endif
#define VUNIX_TRACE_SEQPACKET	5
static_assert(VUNIX_TRACE_STREAM == SOCK_STREAM);
static_assert(VUNIX_TRACE_DGRAM == SOCK_DGRAM);
static_assert(VUNIX_TRACE_SEQPACKET == SOCK_SEQPACKET);

static inline u64 vunix_trace_id(const struct sock *sk)
{
	return sk ? vunix_sk(sk)->id : 0;
}

/* Bytes of a name as it is shown, without the NUL that ends a path. */
static inline int vunix_trace_name_len(const struct unix_address *addr)
{
	const char *path = addr->name->sun_path;
	int len = addr->len - offsetof(struct sockaddr_un, sun_path);

	return len && path[0] ? len - 1 : max(len, 0);
}

/*
 * As /proc/net/vunix shows it: an abstract name's NULs become '@'.  But what would
 * be a line of its own, or move the cursor, where somebody reads along, does not:
 * control characters are '?', also those from 0x80 to 0x9f, alone or behind the
 * 0xc2 that makes UTF-8 of them.  Within other characters these bytes stand.
 */
static inline void vunix_trace_name(char *to, const struct unix_address *addr)
{
	const u8 *from = (const u8 *)addr->name->sun_path;
	int len = vunix_trace_name_len(addr), more = 0, i;

	for (i = 0; i < len; i++) {
		u8 c = from[i];

		if ((c & 0xc0) == 0x80) {
			/* Behind the 0xc2 that begins it, or nothing does */
			if (c < 0xa0 && (!more || from[i - 1] == 0xc2))
				c = '?';
			more = max(more - 1, 0);
		} else {
			more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
			c = !c ? '@' : iscntrl(c) ? '?' : c;
		}
		to[i] = c;
	}
	to[len] = 0;
}

#endif /* VUNIX_TRACE_HELPERS */

#define vunix_show_type(type) \
	__print_symbolic(type, { VUNIX_TRACE_STREAM, "stream" }, \
			 { VUNIX_TRACE_DGRAM, "dgram" }, \
			 { VUNIX_TRACE_SEQPACKET, "seqpacket" })

#define vunix_show_wait(what) \
	__print_symbolic(what, { VUNIX_WAIT_DATA, "data" }, \
			 { VUNIX_WAIT_ROOM, "room" }, \
			 { VUNIX_WAIT_PEER, "peer" }, \
			 { VUNIX_WAIT_CONNECTION, "connection" })

#define vunix_show_drop(why) \
	__print_symbolic(why, { VUNIX_DROP_FILTER, "filter" }, \
			 { VUNIX_DROP_UNREAD, "unread" }, \
			 { VUNIX_DROP_FAULT, "fault" }, \
			 { VUNIX_DROP_URGENT, "urgent" })

/* A socket is there, or gone; of a connection: connect() has made its far end. */
DECLARE_EVENT_CLASS(vunix_socket,
	TP_PROTO(const struct sock *sk),
	TP_ARGS(sk),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, netns)
		__field(u16, type)
	),
	TP_fast_assign(
		__entry->id = vunix_trace_id(sk);
		__entry->netns = sock_net(sk)->ns.inum;
		__entry->type = sk->sk_type;
	),
	TP_printk("id=%llu type=%s netns=%u", __entry->id,
		  vunix_show_type(__entry->type), __entry->netns)
);

DEFINE_EVENT(vunix_socket, vunix_create,
	TP_PROTO(const struct sock *sk),
	TP_ARGS(sk)
);

DEFINE_EVENT(vunix_socket, vunix_release,
	TP_PROTO(const struct sock *sk),
	TP_ARGS(sk)
);

TRACE_EVENT(vunix_bind,
	TP_PROTO(const struct sock *sk, const struct unix_address *addr),
	TP_ARGS(sk, addr),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, netns)
		__field(u16, type)
		__dynamic_array(char, name, vunix_trace_name_len(addr) + 1)
	),
	TP_fast_assign(
		__entry->id = vunix_trace_id(sk);
		__entry->netns = sock_net(sk)->ns.inum;
		__entry->type = sk->sk_type;
		vunix_trace_name(__get_dynamic_array(name), addr);
	),
	TP_printk("id=%llu type=%s netns=%u name=%s", __entry->id,
		  vunix_show_type(__entry->type), __entry->netns,
		  __get_str(name))
);

/*
 * connect: id is who connects, peer the other end (of a connection, the socket
 * that will be accepted), listener who is to accept it.  accept: id is the
 * connection, peer the client.
 */
DECLARE_EVENT_CLASS(vunix_link,
	TP_PROTO(const struct sock *sk, const struct sock *peer,
		 const struct sock *listener),
	TP_ARGS(sk, peer, listener),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, peer)
		__field(u64, listener)
		__field(u16, type)
	),
	TP_fast_assign(
		__entry->id = vunix_trace_id(sk);
		__entry->peer = vunix_trace_id(peer);
		__entry->listener = vunix_trace_id(listener);
		__entry->type = sk->sk_type;
	),
	TP_printk("id=%llu peer=%llu listener=%llu type=%s", __entry->id,
		  __entry->peer, __entry->listener,
		  vunix_show_type(__entry->type))
);

DEFINE_EVENT(vunix_link, vunix_connect,
	TP_PROTO(const struct sock *sk, const struct sock *peer,
		 const struct sock *listener),
	TP_ARGS(sk, peer, listener)
);

DEFINE_EVENT(vunix_link, vunix_accept,
	TP_PROTO(const struct sock *sk, const struct sock *peer,
		 const struct sock *listener),
	TP_ARGS(sk, peer, listener)
);

/*
 * send: id is the sender, peer the receiver, and the bytes are queued there; a
 * long send of a stream is queued in pieces.  recv: id is the receiver, peer the
 * sender; one for each call that got something, peeks among them.  flags: MSG_*.
 */
DECLARE_EVENT_CLASS(vunix_message,
	TP_PROTO(const struct sock *sk, const struct sock *peer, size_t bytes,
		 int flags),
	TP_ARGS(sk, peer, bytes, flags),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, peer)
		__field(u64, bytes)
		__field(u32, flags)
		__field(u16, type)
	),
	TP_fast_assign(
		__entry->id = vunix_trace_id(sk);
		__entry->peer = vunix_trace_id(peer);
		__entry->bytes = bytes;
		__entry->flags = vunix_user_flags(flags);
		__entry->type = sk->sk_type;
	),
	TP_printk("id=%llu peer=%llu type=%s bytes=%llu flags=0x%x",
		  __entry->id, __entry->peer, vunix_show_type(__entry->type),
		  __entry->bytes, __entry->flags)
);

DEFINE_EVENT(vunix_message, vunix_send,
	TP_PROTO(const struct sock *sk, const struct sock *peer, size_t bytes,
		 int flags),
	TP_ARGS(sk, peer, bytes, flags)
);

DEFINE_EVENT(vunix_message, vunix_recv,
	TP_PROTO(const struct sock *sk, const struct sock *peer, size_t bytes,
		 int flags),
	TP_ARGS(sk, peer, bytes, flags)
);

/* A call on id goes to sleep; peer is whom it waits for, if that is known. */
TRACE_EVENT(vunix_block,
	TP_PROTO(const struct sock *sk, const struct sock *peer, int what),
	TP_ARGS(sk, peer, what),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, peer)
		__field(u16, type)
		__field(u16, what)
	),
	TP_fast_assign(
		__entry->id = vunix_trace_id(sk);
		__entry->peer = vunix_trace_id(peer);
		__entry->type = sk->sk_type;
		__entry->what = what;
	),
	TP_printk("id=%llu peer=%llu type=%s waits_for=%s", __entry->id,
		  __entry->peer, vunix_show_type(__entry->type),
		  vunix_show_wait(__entry->what))
);

/* It runs again, after so long. */
TRACE_EVENT(vunix_wake,
	TP_PROTO(const struct sock *sk, const struct sock *peer, int what,
		 u64 ns),
	TP_ARGS(sk, peer, what, ns),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, peer)
		__field(u64, ns)
		__field(u16, type)
		__field(u16, what)
	),
	TP_fast_assign(
		__entry->id = vunix_trace_id(sk);
		__entry->peer = vunix_trace_id(peer);
		__entry->ns = ns;
		__entry->type = sk->sk_type;
		__entry->what = what;
	),
	TP_printk("id=%llu peer=%llu type=%s waited_for=%s ns=%llu",
		  __entry->id, __entry->peer, vunix_show_type(__entry->type),
		  vunix_show_wait(__entry->what), __entry->ns)
);

/* Descriptors that wait at id: so many more, or less; total is what is left. */
DECLARE_EVENT_CLASS(vunix_fds,
	TP_PROTO(const struct sock *sk, unsigned int nr, unsigned int total),
	TP_ARGS(sk, nr, total),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, nr)
		__field(u32, total)
		__field(u16, type)
	),
	TP_fast_assign(
		__entry->id = vunix_trace_id(sk);
		__entry->nr = nr;
		__entry->total = total;
		__entry->type = sk->sk_type;
	),
	TP_printk("id=%llu type=%s nr=%u total=%u", __entry->id,
		  vunix_show_type(__entry->type), __entry->nr, __entry->total)
);

DEFINE_EVENT(vunix_fds, vunix_fds_queued,
	TP_PROTO(const struct sock *sk, unsigned int nr, unsigned int total),
	TP_ARGS(sk, nr, total)
);

DEFINE_EVENT(vunix_fds, vunix_fds_taken,
	TP_PROTO(const struct sock *sk, unsigned int nr, unsigned int total),
	TP_ARGS(sk, nr, total)
);

/* The collector looks at its suspects. */
TRACE_EVENT(vunix_collect_begin,
	TP_PROTO(unsigned long suspects),
	TP_ARGS(suspects),
	TP_STRUCT__entry(
		__field(u64, suspects)
	),
	TP_fast_assign(
		__entry->suspects = suspects;
	),
	TP_printk("suspects=%llu", __entry->suspects)
);

/* It has found so many that nobody can reach, and emptied their queues. */
TRACE_EVENT(vunix_collect_end,
	TP_PROTO(unsigned long found, u64 ns),
	TP_ARGS(found, ns),
	TP_STRUCT__entry(
		__field(u64, found)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->found = found;
		__entry->ns = ns;
	),
	TP_printk("found=%llu ns=%llu", __entry->found, __entry->ns)
);

/*
 * A message for id, of so many bytes, is not received by anybody: a filter has
 * refused it, it was unread when id was closed or changed its peer, who received it
 * had no memory where it was to go, or it was an urgent byte of a stream and a read
 * has passed it.  peer: who has sent it.  vunix_diag_info.dropped counts the same,
 * but for a stream that is closed, whose unread bytes are no messages.
 */
TRACE_EVENT(vunix_drop,
	TP_PROTO(const struct sock *sk, const struct sock *peer, size_t bytes,
		 int why),
	TP_ARGS(sk, peer, bytes, why),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, peer)
		__field(u64, bytes)
		__field(u16, type)
		__field(u16, why)
	),
	TP_fast_assign(
		__entry->id = vunix_trace_id(sk);
		__entry->peer = vunix_trace_id(peer);
		__entry->bytes = bytes;
		__entry->type = sk->sk_type;
		__entry->why = why;
	),
	TP_printk("id=%llu peer=%llu type=%s bytes=%llu why=%s", __entry->id,
		  __entry->peer, vunix_show_type(__entry->type),
		  __entry->bytes, vunix_show_drop(__entry->why))
);

#endif /* VUNIX_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE vunix_trace
#include <trace/define_trace.h>
