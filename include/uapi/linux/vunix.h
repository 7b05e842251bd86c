/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * vunix: local sockets of a protocol family that behaves like AF_UNIX.
 *
 * Only socket() and socketpair() name the family.  Addresses are struct
 * sockaddr_un with sun_family AF_UNIX, in and out.
 */
#ifndef _UAPI_LINUX_VUNIX_H
#define _UAPI_LINUX_VUNIX_H

#include <linux/types.h>

/* The number the module registers unless its parameter family= says other. */
#define AF_VUNIX	18
#define PF_VUNIX	AF_VUNIX

/* Level for setsockopt() and getsockopt(), for what SOL_SOCKET cannot carry. */
#define SOL_VUNIX	0x7675

/*
 * Options of SOL_VUNIX; int unless noted.  The first three are the SOL_SOCKET
 * options of newer kernels, on every kernel.
 */
#define VUNIX_INQ		1	/* SO_INQ: 0 or 1, SOCK_STREAM only */
#define VUNIX_PASSRIGHTS	2	/* SO_PASSRIGHTS: 0 or 1 */
#define VUNIX_RIGHTS_NOTRUNC	3	/* SO_RIGHTS_NOTRUNC: 0 or 1 */

/*
 * sock_diag: requests and answers are those of <linux/unix_diag.h>, with the
 * family's number in sdiag_family.  Further bits of udiag_show:
 */
/*
 * The socket is named by udiag_cookie alone; udiag_ino is ignored.  In a dump it
 * means nothing.
 */
#define VUNIX_DIAG_BY_ID	0x40000000
/* The answer has VUNIX_DIAG_INFO if who asks may see it. */
#define VUNIX_DIAG_SHOW_INFO	0x20000000

/* Attributes besides UNIX_DIAG_* */
#define VUNIX_DIAG_INFO		64	/* struct vunix_diag_info */

/*
 * What a socket has been doing.  For its user, and whoever has CAP_NET_ADMIN in
 * the user namespace of the socket's network namespace.
 *
 * The attribute is 4-aligned: copy it.  It may become longer, and an older module
 * has less: what is missing is to be taken for 0.
 *
 * A message is a datagram, a record, or what one call has sent or received of a
 * stream.  Received is what calls have taken out of the queue, not what they have
 * peeked at.
 */
struct vunix_diag_info {
	__u64	id;			/* the socket's cookie */
	__u64	peer_id;		/* of the other end; 0: none */
	__u64	age_ns;			/* to within a tick of the kernel's clock */
	__u64	bytes_sent;
	__u64	bytes_received;
	__u64	messages_sent;
	__u64	messages_received;
	__u64	refused;		/* sends that got EAGAIN */
	/*
	 * What was sent here and not received: messages that a filter has
	 * refused, that could not be copied to where they were to go, or that
	 * were dropped when a datagram socket changed its peer; of a stream,
	 * urgent bytes that were passed over, or could not be copied.  There is
	 * a tracepoint vunix_drop for each.
	 */
	__u64	dropped;
	__u64	blocked;		/* how often a call on it has slept */
	__u64	blocked_ns;		/* how long, all calls together */
	/* Who made it, as seen from who asks; 0: not to be seen, or nobody yet */
	__u32	pid;
	/* The most that was queued here: bytes; of a listener, connections */
	__u32	peak;
	__u32	fds_queued;		/* descriptors that wait to be received */
	__u32	__reserved;		/* 0 */
};

#endif /* _UAPI_LINUX_VUNIX_H */
