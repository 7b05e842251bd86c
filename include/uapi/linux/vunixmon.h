/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * vunixmon: network devices that show what vunix sockets send.
 *
 *   ip link add vunixmon0 type vunixmon
 *   ip link set vunixmon0 up
 *   tcpdump -i vunixmon0 -w f.pcap
 *
 * A device that is up gets each message that is queued by, or at, a socket of its
 * network namespace, as an Ethernet frame: tools that know nothing of vunix write,
 * filter and count it.  Addresses are 02 and the low 40 bits of the id of a socket:
 * the destination is who gets the message, the source who has sent it.  Then come
 * VUNIXMON_ETHERTYPE, a struct vunixmon_hdr, the name of the sender, that of the
 * receiver, and what was sent.
 *
 * The MTU is the snap length: of a message as many bytes are kept as fit, with
 * header and names, into that many bytes.
 */
#ifndef _UAPI_LINUX_VUNIXMON_H
#define _UAPI_LINUX_VUNIXMON_H

#include <linux/types.h>

/* One of the two that are for local experiments (IEEE 802) */
#define VUNIXMON_ETHERTYPE	0x88b5

#define VUNIXMON_VERSION	1

/* vunixmon_hdr.type */
#define VUNIXMON_STREAM		1
#define VUNIXMON_DGRAM		2
#define VUNIXMON_SEQPACKET	5

/*
 * vunixmon_hdr.flags.  The first two tell the direction of a connection that was
 * accepted; of a socket pair, and of datagrams, neither is set.
 */
#define VUNIXMON_F_TO_SERVER	0x0001	/* from who has called connect() */
#define VUNIXMON_F_TO_CLIENT	0x0002	/* from the socket that accept() gave */
#define VUNIXMON_F_CONTINUED	0x0004	/* not the first packet of its send */
#define VUNIXMON_F_URGENT	0x0008	/* a byte sent with MSG_OOB */

/*
 * All numbers are big-endian, and not aligned in the frame: copy them.
 *
 * One packet is a datagram, a record, or what a call has sent on a stream; long
 * sends of a stream become several packets, in which all but the first have
 * VUNIXMON_F_CONTINUED.
 *
 * Packets of one receiver come in the order in which it can read them, and a packet
 * comes before any other that answers it.  seq tells what is missing: of a stream
 * it is the number of bytes sent before this packet in its direction, of others the
 * number of messages the receiver had got before, with those that its filter has
 * refused, which are not shown; both modulo 2^32.  It is 0 in what is sent to another
 * namespace.
 *
 * Fields may be added behind the last, hdr_len grows with them: who reads finds what
 * was sent hdr_len bytes behind the Ethernet header, the names right in front of it
 * (at hdr_len - src_name_len - dst_name_len), and passes over what is between the
 * fields it knows and the names.  Another version is another format, of which
 * nothing but the place of the version is known.
 */
struct vunixmon_hdr {
	__u8	version;	/* VUNIXMON_VERSION */
	__u8	type;		/* VUNIXMON_STREAM, ... */
	__be16	hdr_len;	/* bytes in front of what was sent: this, names */
	__be16	flags;		/* VUNIXMON_F_* */
	__u8	src_name_len;	/* bytes of names as in sun_path, without */
	__u8	dst_name_len;	/* the NUL that ends a path; 0: none */
	__be64	time;		/* when it was queued, ns since 1970 */
	__be64	src_id;		/* cookies (SO_COOKIE, sock_diag) */
	__be64	dst_id;
	__be32	seq;		/* see above */
	__be32	msg_flags;	/* MSG_* of the call */
	/*
	 * Who has called: as seen from the process that brought the device up (0 if
	 * it does not see the process), and from the device's user namespace.
	 */
	__be32	pid;
	__be32	uid;
	__be32	gid;
	__be32	nr_fds;		/* descriptors that go with it */
	__be32	len;		/* bytes sent */
	__be32	caplen;		/* bytes of them that are here */
};

/* The longest that header and names can be: the least MTU */
#define VUNIXMON_HDR_MAX	(sizeof(struct vunixmon_hdr) + 2 * 108)

#endif /* _UAPI_LINUX_VUNIXMON_H */
