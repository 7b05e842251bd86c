// SPDX-License-Identifier: GPL-2.0
/*
 * Options and requests: setsockopt(), getsockopt(), ioctl().
 *
 * Owns nothing.  Most of SOL_SOCKET is the core's.  Since 6.4 what is set there
 * comes here first, so the options of newer kernels can be had on older ones;
 * what is read there never does, and on 6.1 neither.  SOL_VUNIX has them on
 * every kernel, both ways.
 */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/path.h>
#include <linux/sockios.h>
#include <linux/sockptr.h>
#include <linux/uaccess.h>
#include <asm/ioctls.h>
#include <net/tcp_states.h>
#include "vunix.h"

/* Options of ours; the value is an int. */
enum vunix_opt {
	OPT_NONE,
	OPT_INQ,
	OPT_PASSRIGHTS,
	OPT_RIGHTS_NOTRUNC,
};

static enum vunix_opt vunix_level_opt(int optname)
{
	switch (optname) {
	case VUNIX_INQ:
		return OPT_INQ;
	case VUNIX_PASSRIGHTS:
		return OPT_PASSRIGHTS;
	case VUNIX_RIGHTS_NOTRUNC:
		return OPT_RIGHTS_NOTRUNC;
	default:
		return OPT_NONE;
	}
}

static enum vunix_opt socket_level_opt(int optname)
{
	switch (optname) {
	case SO_INQ:
		return OPT_INQ;
	case SO_PASSRIGHTS:
		return VUNIX_CORE_PASSRIGHTS ? OPT_NONE : OPT_PASSRIGHTS;
	case SO_RIGHTS_NOTRUNC:
		return OPT_RIGHTS_NOTRUNC;
	default:
		return OPT_NONE;
	}
}

static int set_pass_rights(struct socket *sock, int val)
{
	if (VUNIX_CORE_PASSRIGHTS)
		return sock_setsockopt(sock, SOL_SOCKET, SO_PASSRIGHTS,
				       KERNEL_SOCKPTR(&val), sizeof(val));
	vunix_set_pass_rights(sock->sk, val);
	return 0;
}

static int set_opt(struct socket *sock, enum vunix_opt opt, sockptr_t optval,
		   unsigned int optlen)
{
	struct vunix_sock *vs = vunix_sk(sock->sk);
	int val;

	/* SO_PASSRIGHTS is older than the rule that a length must be exact. */
	if (opt == OPT_PASSRIGHTS ? optlen < sizeof(val) :
				    optlen != sizeof(val))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;

	switch (opt) {
	case OPT_INQ:
		if (sock->sk->sk_type != SOCK_STREAM)
			return -ENOPROTOOPT;
		if (val < 0 || val > 1)
			return -EINVAL;
		WRITE_ONCE(vs->recvmsg_inq, val);
		return 0;
	case OPT_RIGHTS_NOTRUNC:
		if (val < 0 || val > 1)
			return -EINVAL;
		WRITE_ONCE(vs->rights_notrunc, val);
		return 0;
	case OPT_PASSRIGHTS:
		return set_pass_rights(sock, val);
	default:
		return -ENOPROTOOPT;
	}
}

/**
 * vunix_setsockopt() - set an option
 * @sock: socket
 * @level: SOL_SOCKET (since 6.4) or another one
 * @optname: option
 * @optval: value
 * @optlen: its length
 *
 * Context: Process, may sleep.
 * Return: 0 or errno: -EOPNOTSUPP unknown level, -ENOPROTOOPT unknown option,
 *         -EINVAL, -EFAULT value. Behaviour: setsockopt(2), socket(7).
 */
int vunix_setsockopt(struct socket *sock, int level, int optname,
		     sockptr_t optval, unsigned int optlen)
{
	enum vunix_opt opt;

	if (level == SOL_VUNIX)
		return set_opt(sock, vunix_level_opt(optname), optval, optlen);
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;

	/* A pidfd that we could not deliver must not be waited for. */
	if (optname == SO_PASSPIDFD && !VUNIX_MAKES_PIDFDS)
		return -ENOPROTOOPT;
	opt = socket_level_opt(optname);
	if (opt)
		return set_opt(sock, opt, optval, optlen);
	return sock_setsockopt(sock, level, optname, optval, optlen);
}

/**
 * vunix_getsockopt() - read an option
 * @sock: socket
 * @level: any but SOL_SOCKET, which the core answers
 * @optname: option
 * @optval: where the value goes
 * @optlen: its length, cut to what there is
 *
 * Context: Process, may fault.
 * Return: 0 or errno: -EOPNOTSUPP unknown level, -ENOPROTOOPT unknown option,
 *         -EINVAL, -EFAULT length or value. Behaviour: getsockopt(2).
 */
int vunix_getsockopt(struct socket *sock, int level, int optname,
		     char __user *optval, int __user *optlen)
{
	const struct sock *sk = sock->sk;
	int val, len;

	if (level != SOL_VUNIX)
		return -EOPNOTSUPP;
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;

	switch (vunix_level_opt(optname)) {
	case OPT_INQ:
		if (sk->sk_type != SOCK_STREAM)
			return -ENOPROTOOPT;
		val = READ_ONCE(vunix_sk(sk)->recvmsg_inq);
		break;
	case OPT_PASSRIGHTS:
		val = vunix_pass_rights(sk);
		break;
	case OPT_RIGHTS_NOTRUNC:
		val = READ_ONCE(vunix_sk(sk)->rights_notrunc);
		break;
	default:
		return -ENOPROTOOPT;
	}

	len = min_t(int, len, sizeof(val));
	if (copy_to_user(optval, &val, len) || put_user(len, optlen))
		return -EFAULT;
	return 0;
}

/* SIOCUNIXFILE: an O_PATH descriptor of the inode the socket is bound to. */
static int open_bound_file(struct sock *sk)
{
	struct file *file;
	struct path path;
	int fd;

	if (!ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN))
		return -EPERM;

	/*
	 * Pairs with the release of the address: the path is there before.
	 * Litmus: name-bind.
	 */
	if (!smp_load_acquire(&unix_sk(sk)->addr))
		return -ENOENT;
	vunix_state_lock(sk);
	path = unix_sk(sk)->path;
	if (path.dentry)
		path_get(&path);
	vunix_state_unlock(sk);
	if (!path.dentry)
		return -ENOENT;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto out;
	file = dentry_open(&path, O_PATH, current_cred());
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		fd = PTR_ERR(file);
		goto out;
	}
	fd_install(fd, file);
out:
	path_put(&path);
	return fd;
}

/**
 * vunix_queued_bytes() - bytes a read would find (SIOCINQ)
 * @sk: socket
 *
 * Context: Any. Takes and drops q.lock, but for seqpacket sockets.
 * Return: all bytes of a connection, those of the next datagram, or -EINVAL:
 *         a listener. Behaviour: unix(7).
 */
long vunix_queued_bytes(struct sock *sk)
{
	if (READ_ONCE(sk->sk_state) == TCP_LISTEN)
		return -EINVAL;
	if (sk->sk_type == SOCK_STREAM)
		return vunix_stream_inq(&vunix_sk(sk)->q);
	if (sk->sk_type == SOCK_SEQPACKET)
		return READ_ONCE(vunix_sk(sk)->q.bytes);
	return vunix_dgram_first_len(sk);
}

/**
 * vunix_ioctl() - requests
 * @sock: socket
 * @cmd: SIOCOUTQ, SIOCINQ, SIOCUNIXFILE, SIOCATMARK
 * @arg: where the answer goes, a pointer to int
 *
 * Context: Process, may sleep and fault.
 * Return: 0, a descriptor (SIOCUNIXFILE) or errno: -ENOIOCTLCMD unknown here,
 *         -EFAULT, -EINVAL listener, -EOPNOTSUPP not a stream, -EPERM, -ENOENT
 *         not bound to a file. Behaviour: unix(7), sockatmark(3).
 */
int vunix_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct sock *sk = sock->sk;
	long val;

	switch (cmd) {
	case SIOCOUTQ:
		val = sk_wmem_alloc_get(sk);
		break;
	case SIOCINQ:
		val = vunix_queued_bytes(sk);
		break;
	case SIOCATMARK:
		if (sk->sk_type != SOCK_STREAM)
			return -EOPNOTSUPP;
		val = vunix_stream_atmark(sk);
		break;
	case SIOCUNIXFILE:
		return open_bound_file(sk);
	default:
		return -ENOIOCTLCMD;
	}
	return val < 0 ? val : put_user(val, (int __user *)arg);
}

#ifdef CONFIG_COMPAT
/**
 * vunix_compat_ioctl() - requests of 32-bit programs
 * @sock: socket
 * @cmd: as vunix_ioctl()
 * @arg: as vunix_ioctl(), a 32-bit pointer
 *
 * Context: Process, may sleep and fault.
 * Return: as vunix_ioctl().
 */
int vunix_compat_ioctl(struct socket *sock, unsigned int cmd,
		       unsigned long arg)
{
	return vunix_ioctl(sock, cmd, (unsigned long)compat_ptr(arg));
}
#endif
