// SPDX-License-Identifier: GPL-2.0
/*
 * SELinux and connections.
 *
 * The kernel's core shows a security module the family's number when a socket is
 * made.  SELinux does not know it and gives the socket the class "socket", which
 * has no permission "connectto": no policy could let anybody connect to it, nor
 * would SO_PEERSEC know of the peer.  So listeners and connected sockets get the
 * class of AF_UNIX's, "unix_stream_socket", from a socket that was made for nothing
 * else.  Their labels stay what they are, and whoever connects needs the same
 * permission as with AF_UNIX.  All else that is asked about them exists in both
 * classes.
 *
 * It cannot be done earlier: the core has SELinux choose the class when the socket
 * is complete, and calls nothing of ours after that.  The inode keeps "socket": by
 * that SELinux judges who is passed the descriptor.
 *
 * The hook's other user among the kernel's modules is AppArmor, which gives a label
 * to a socket without one; ours have theirs by then.  Smack looks at sockets of
 * AF_INET alone, until it left the hook.
 */
#include <linux/net.h>
#include <linux/security.h>
#include "vunix.h"

/* Never used as a socket: it has neither operations nor a struct sock. */
static struct socket *model __ro_after_init;

/**
 * vunix_lsm_init() - prepare vunix_lsm_graft()
 *
 * Context: Process, may sleep.
 * Return: 0 or errno.
 */
int __init vunix_lsm_init(void)
{
	return sock_create_lite(PF_UNIX, SOCK_STREAM, 0, &model);
}

/**
 * vunix_lsm_exit() - undo vunix_lsm_init(), when there are no sockets any more
 *
 * Context: Process, may sleep.
 */
void vunix_lsm_exit(void)
{
	sock_release(model);
}

/**
 * vunix_lsm_graft() - a socket is about to listen, or to have a peer for good
 * @sk: stream or seqpacket socket that somebody has; its state lock is held, or
 *	nobody else knows it yet
 *
 * The hook also notes the socket's label in the model, without a lock: nobody reads
 * it there.
 *
 * Context: Any.
 */
void vunix_lsm_graft(struct sock *sk)
{
	security_sock_graft(sk, model);
}
