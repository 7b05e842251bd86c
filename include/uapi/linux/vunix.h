/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * vunix: local sockets of a protocol family that behaves like AF_UNIX.
 *
 * Only socket() and socketpair() name the family.  Addresses are struct
 * sockaddr_un with sun_family AF_UNIX, in and out.
 */
#ifndef _UAPI_LINUX_VUNIX_H
#define _UAPI_LINUX_VUNIX_H

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
/* The socket is named by udiag_cookie alone; udiag_ino is ignored. */
#define VUNIX_DIAG_BY_ID	0x40000000

#endif /* _UAPI_LINUX_VUNIX_H */
