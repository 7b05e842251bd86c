/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only file that knows kernel versions.  Each wrapper is named for the
 * ability, has the form of the newest kernel and emulates it below.  The
 * VUNIX_HAVE_* macros come from the probes in Kbuild.
 */
#ifndef VUNIX_COMPAT_H
#define VUNIX_COMPAT_H

#include <linux/version.h>
#include <linux/bpf-cgroup.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/list_lru.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/net.h>
#include <linux/security.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/uaccess.h>
#include <linux/sysctl.h>
#include <net/scm.h>
#include <net/sock.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "vunix needs Linux 6.1 or newer"
#endif

/* Options of newer kernels; the numbers are those of asm-generic/socket.h. */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef SO_INQ
#define SO_INQ 84
#define SCM_INQ SO_INQ
#endif
#ifndef SO_RIGHTS_NOTRUNC
#define SO_RIGHTS_NOTRUNC 85
#endif

/* bind() and connect() of proto_ops: struct sockaddr until 6.18. */
#ifdef VUNIX_HAVE_SOCKADDR_UNSIZED
typedef struct sockaddr_unsized vunix_sockaddr;
#else
typedef struct sockaddr vunix_sockaddr;
#endif

/* accept() of proto_ops: flags and kern as arguments until 6.9. */
#ifndef VUNIX_HAVE_PROTO_ACCEPT_ARG
struct proto_accept_arg {
	int	flags;
	int	err;
	int	is_empty;
	bool	kern;
};
#endif

/* User namespace of a mount until 6.2, struct mnt_idmap since. */
#ifdef VUNIX_HAVE_MNT_IDMAP
#define vunix_mnt_idmap(mnt)	mnt_idmap(mnt)
#else
#define mnt_idmap		user_namespace
#define vunix_mnt_idmap(mnt)	mnt_user_ns(mnt)
#endif

static inline int vunix_vfs_mknod(struct mnt_idmap *idmap, struct inode *dir,
				  struct dentry *dentry, umode_t mode)
{
#ifdef VUNIX_HAVE_DELEGATED_INODE
	return vfs_mknod(idmap, dir, dentry, mode, 0, NULL);
#else
	return vfs_mknod(idmap, dir, dentry, mode, 0);
#endif
}

/* kern_path_create() until 6.18. */
#ifndef VUNIX_HAVE_START_CREATING_PATH
#define start_creating_path(dfd, name, path, flags) \
	kern_path_create(dfd, name, path, flags)
#define end_creating_path(path, dentry)	done_path_create(path, dentry)
#endif

/*
 * Tables of known length: since 6.6.  Older kernels look for an empty entry
 * behind the last, so tables have one and do not count it.
 */
#ifndef register_net_sysctl
static inline struct ctl_table_header *
register_net_sysctl_sz(struct net *net, const char *path,
		       struct ctl_table *table, size_t size)
{
	return register_net_sysctl(net, path, table);
}
#endif

/* Handlers get a const table since 6.11. */
#ifdef VUNIX_HAVE_CONST_CTL_TABLE
typedef const struct ctl_table vunix_ctl_table;
#else
typedef struct ctl_table vunix_ctl_table;
#endif

/* The hook came with Landlock's RESOLVE_UNIX right. */
#ifndef VUNIX_HAVE_SECURITY_UNIX_FIND
static inline int security_unix_find(const struct path *path,
				     struct sock *other, int flags)
{
	return 0;
}
#endif

/* scm_detach_fds() knows SO_RIGHTS_NOTRUNC: since 7.3. */
#ifdef VUNIX_HAVE_SCM_NOTRUNC
#define VUNIX_CORE_NOTRUNC	true
#define vunix_scm_detach_fds(msg, scm, notrunc) \
	scm_detach_fds(msg, scm, notrunc)
#else
#define VUNIX_CORE_NOTRUNC	false
#define vunix_scm_detach_fds(msg, scm, notrunc)	scm_detach_fds(msg, scm)
#endif

/* Tells user memory the number before it installs the file: since 6.8. */
static inline int vunix_receive_fd(struct file *file, int __user *ufd,
				   unsigned int o_flags)
{
#ifdef VUNIX_HAVE_RECEIVE_FD_USER
	return receive_fd(file, ufd, o_flags);
#else
	int fd = receive_fd(file, o_flags);

	if (fd >= 0 && put_user(fd, ufd)) {
		close_fd(fd);
		return -EFAULT;
	}
	return fd;
#endif
}

/* A text for a label, as pointer and length until 6.13. */
#ifdef VUNIX_HAVE_LSM_CONTEXT
#define vunix_secid_to_secctx(secid, ctx) security_secid_to_secctx(secid, ctx)
#define vunix_release_secctx(ctx)	security_release_secctx(ctx)
#else
struct lsm_context {
	char	*context;
	u32	len;
};

static inline int vunix_secid_to_secctx(u32 secid, struct lsm_context *ctx)
{
	return security_secid_to_secctx(secid, &ctx->context, &ctx->len);
}

static inline void vunix_release_secctx(struct lsm_context *ctx)
{
	security_release_secctx(ctx->context, ctx->len);
}
#endif

/* Whose a socket is: since 6.17 without a lock, and also once it is closed. */
#ifdef VUNIX_HAVE_SK_UID
#define vunix_sk_uid(sk)	sk_uid(sk)
#else
#define vunix_sk_uid(sk)	sock_i_uid(sk)
#endif

/*
 * Need pidfs not be told (any more) that a pidfd of the caller's process will be
 * asked for?  Accepted SCM_CREDENTIALS tell it: since 6.16; since 6.17 the pid
 * shows that it was told.
 */
#if defined(VUNIX_HAVE_PID_ATTR)
#define vunix_pidfs_knows(pid)	(!!READ_ONCE((pid)->attr))
#elif defined(VUNIX_HAVE_PIDFS_REGISTER)
#define vunix_pidfs_knows(pid)	false
#else
#define vunix_pidfs_knows(pid)	true
#endif

/*
 * Install a pidfd of a socket's peer.  Since 6.7; SO_PASSPIDFD is older (6.5),
 * so where VUNIX_MAKES_PIDFDS is not set, that option must be refused.
 */
#ifdef VUNIX_HAVE_DO_SOCK_GETSOCKOPT
#define VUNIX_MAKES_PIDFDS	true
static inline int vunix_sock_peer_pidfd(struct socket *sock, int *pidfd)
{
	int len = sizeof(*pidfd);

	return do_sock_getsockopt(sock, true, SOL_SOCKET, SO_PEERPIDFD,
				  KERNEL_SOCKPTR(pidfd), KERNEL_SOCKPTR(&len));
}
#else
#define VUNIX_MAKES_PIDFDS	false
static inline int vunix_sock_peer_pidfd(struct socket *sock, int *pidfd)
{
	return -EOPNOTSUPP;
}
#endif

/*
 * Until 6.4 splicing from a socket without a splice_read of its own receives
 * into a pipe, which would take our pages for page cache.
 */
static inline bool vunix_iter_keeps_pages(const struct iov_iter *iter)
{
#ifdef VUNIX_HAVE_ITER_PIPE
	return iov_iter_is_pipe(iter);
#else
	return false;
#endif
}

/* cgroup BPF programs for unix sockets: since 6.7. */
#ifndef BPF_CGROUP_RUN_PROG_UNIX_CONNECT_LOCK
#define BPF_CGROUP_RUN_PROG_UNIX_CONNECT_LOCK(sk, addr, len)	({ 0; })
#define BPF_CGROUP_RUN_PROG_UNIX_SENDMSG_LOCK(sk, addr, len, t)	({ 0; })
#define BPF_CGROUP_RUN_PROG_UNIX_RECVMSG_LOCK(sk, addr, len)	({ 0; })
#define vunix_bpf_getname(sk, addr, len, peer)	do { } while (0)
#else
#define vunix_bpf_getname(sk, addr, len, peer) do {			\
	if (peer)							\
		BPF_CGROUP_RUN_SA_PROG(sk, addr, len,			\
				       CGROUP_UNIX_GETPEERNAME);	\
	else								\
		BPF_CGROUP_RUN_SA_PROG(sk, addr, len,			\
				       CGROUP_UNIX_GETSOCKNAME);	\
} while (0)
#endif

/*
 * What a socket wants to receive (SO_PASSCRED and its family).  Since 6.16 it
 * is kept in struct sock, before in struct socket: a connection that is not
 * yet accepted has none, so vunix_sock keeps a copy until accept().
 */
#define VUNIX_PASS_CRED		BIT(0)
#define VUNIX_PASS_SEC		BIT(1)
#define VUNIX_PASS_PIDFD	BIT(2)
#define VUNIX_PASS_ANY		(VUNIX_PASS_CRED | VUNIX_PASS_SEC | VUNIX_PASS_PIDFD)

#ifdef VUNIX_HAVE_SK_SCM_FLAGS
#define VUNIX_CORE_PASSRIGHTS	true
/*
 * setsockopt() writes these bits of a byte under a lock that senders do not take;
 * each is a flag by itself, and either value will do.
 */
#define VUNIX_RACY_BIT(bit)	data_race(!!(bit))
#else
#define VUNIX_CORE_PASSRIGHTS	false
#endif

static inline u8 vunix_sock_pass_flags(const struct sock *sk,
				       const struct socket *sock)
{
#ifdef VUNIX_HAVE_SK_SCM_FLAGS
	return (VUNIX_RACY_BIT(sk->sk_scm_credentials) ? VUNIX_PASS_CRED : 0) |
	       (VUNIX_RACY_BIT(sk->sk_scm_security) ? VUNIX_PASS_SEC : 0) |
	       (VUNIX_RACY_BIT(sk->sk_scm_pidfd) ? VUNIX_PASS_PIDFD : 0);
#else
	u8 flags = 0;

	if (test_bit(SOCK_PASSCRED, &sock->flags))
		flags |= VUNIX_PASS_CRED;
	if (test_bit(SOCK_PASSSEC, &sock->flags))
		flags |= VUNIX_PASS_SEC;
#ifdef VUNIX_HAVE_SOCK_PASSPIDFD
	if (test_bit(SOCK_PASSPIDFD, &sock->flags))
		flags |= VUNIX_PASS_PIDFD;
#endif
	return flags;
#endif
}

/* Is any of @mask on?  VUNIX_PASS_*; one test where flags are bits (to 6.15). */
#ifdef VUNIX_HAVE_SK_SCM_FLAGS
static inline bool vunix_sock_passes(const struct sock *sk,
				     const struct socket *sock, u8 mask)
{
	return vunix_sock_pass_flags(sk, sock) & mask;
}
#else
static inline bool vunix_sock_passes(const struct sock *sk,
				     const struct socket *sock, u8 mask)
{
	unsigned long flags = 0;

	if (mask & VUNIX_PASS_CRED)
		flags |= BIT(SOCK_PASSCRED);
	if (mask & VUNIX_PASS_SEC)
		flags |= BIT(SOCK_PASSSEC);
#ifdef VUNIX_HAVE_SOCK_PASSPIDFD
	if (mask & VUNIX_PASS_PIDFD)
		flags |= BIT(SOCK_PASSPIDFD);
#endif
	return READ_ONCE(sock->flags) & flags;
}
#endif

/*
 * Before raw_copy_from_user(): may @n bytes at *@from be read?  As copy_from_user()
 * goes about it: nor may the processor speculate past a range that is not the
 * user's, so *@from may become another address, which faults.
 */
#ifndef can_do_masked_user_access
#define can_do_masked_user_access()	0
#define mask_user_address(addr)		(addr)
#endif

static inline bool vunix_user_begin_read(const void __user **from, size_t n)
{
	if (can_do_masked_user_access()) {
		*from = mask_user_address(*from);
		return true;
	}
	if (!access_ok(*from, n))
		return false;
	barrier_nospec();
	return true;
}

/* Since 6.4. */
#ifdef VUNIX_HAVE_ITER_IOV
#define vunix_iter_iov(iter)	iter_iov(iter)
#else
#define vunix_iter_iov(iter)	((iter)->iov)
#endif

/*
 * Are the next @n bytes of an iterator, which it has, one piece of user memory
 * that a module may look at itself?  Tells where it begins.  (Kbuild says where a
 * module may not.)
 */
#ifdef VUNIX_NO_ACCESS_OK
static inline bool vunix_iter_user(const struct iov_iter *iter, size_t n,
				   void __user **base)
{
	return false;
}

static inline size_t vunix_iter_user_piece(const struct iov_iter *iter)
{
	return 0;
}
#else
static inline bool vunix_iter_user(const struct iov_iter *iter, size_t n,
				   void __user **base)
{
	const struct iovec *iov;

	if (iter_is_ubuf(iter)) {
		*base = iter->ubuf + iter->iov_offset;
		return true;
	}
	if (!iter_is_iovec(iter))
		return false;
	iov = vunix_iter_iov(iter);
	if (n > iov->iov_len - iter->iov_offset)
		return false;
	*base = iov->iov_base + iter->iov_offset;
	return true;
}

static inline size_t vunix_iter_user_piece(const struct iov_iter *iter)
{
	if (iter_is_ubuf(iter))
		return iter->count;
	if (!iter_is_iovec(iter))
		return 0;
	return vunix_iter_iov(iter)->iov_len - iter->iov_offset;
}
#endif

/* The same for memory of the kernel's own. */
static inline bool vunix_iter_kernel(const struct iov_iter *iter, size_t n,
				     void **base)
{
	if (!iov_iter_is_kvec(iter) ||
	    n > iter->kvec->iov_len - iter->iov_offset)
		return false;
	*base = iter->kvec->iov_base + iter->iov_offset;
	return true;
}

/* For how many bytes either is true; more than there are, perhaps. */
static inline size_t vunix_iter_piece(const struct iov_iter *iter)
{
	if (iov_iter_is_kvec(iter))
		return iter->kvec->iov_len - iter->iov_offset;
	return vunix_iter_user_piece(iter);
}

/* iov_iter_advance(), of bytes that vunix_iter_user() has found. */
static inline void vunix_iter_advance_user(struct iov_iter *iter, size_t n)
{
	if (iter_is_ubuf(iter)) {
		iter->iov_offset += n;
		iter->count -= n;
	} else {
		iov_iter_advance(iter, n);
	}
}

/* A connection inherits at connect() what the listener asks for then. */
static inline void vunix_embryo_set_pass_flags(struct sock *sk, u8 flags)
{
#ifdef VUNIX_HAVE_SK_SCM_FLAGS
	sk->sk_scm_credentials = !!(flags & VUNIX_PASS_CRED);
	sk->sk_scm_security = !!(flags & VUNIX_PASS_SEC);
	sk->sk_scm_pidfd = !!(flags & VUNIX_PASS_PIDFD);
#endif
}

/* At accept() it gets a struct socket, which is where they were kept. */
static inline void vunix_accept_pass_flags(struct socket *sock, u8 flags)
{
#ifndef VUNIX_HAVE_SK_SCM_FLAGS
	assign_bit(SOCK_PASSCRED, &sock->flags, flags & VUNIX_PASS_CRED);
	assign_bit(SOCK_PASSSEC, &sock->flags, flags & VUNIX_PASS_SEC);
#ifdef VUNIX_HAVE_SOCK_PASSPIDFD
	assign_bit(SOCK_PASSPIDFD, &sock->flags, flags & VUNIX_PASS_PIDFD);
#endif
#endif
}

/* SOL_SOCKET setsockopt() comes to the family first: since 6.4. */
static inline void vunix_sock_set_custom_sockopt(struct socket *sock)
{
#ifdef VUNIX_HAVE_CUSTOM_SOCKOPT
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

/* Since 6.7 a shrinker is the kernel's memory, and registering cannot fail. */
static inline struct shrinker *vunix_shrinker_alloc(unsigned int flags)
{
#ifdef VUNIX_HAVE_SHRINKER_ALLOC
	return shrinker_alloc(flags, "vunix");
#else
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (shrinker) {
		shrinker->flags = flags;
		shrinker->seeks = DEFAULT_SEEKS;
	}
	return shrinker;
#endif
}

/* On failure, too, shrinker_free() is what follows. */
static inline int vunix_shrinker_register(struct shrinker *shrinker)
{
#ifdef VUNIX_HAVE_SHRINKER_ALLOC
	shrinker_register(shrinker);
	return 0;
#else
	return register_shrinker(shrinker, "vunix");
#endif
}

static inline void vunix_shrinker_free(struct shrinker *shrinker)
{
#ifdef VUNIX_HAVE_SHRINKER_ALLOC
	shrinker_free(shrinker);
#else
	/* Nothing, if it is not registered. */
	unregister_shrinker(shrinker);
	kfree(shrinker);
#endif
}

/* Since 6.8 the other names are of who knows the node. */
static inline void vunix_lru_add(struct list_lru *lru, struct list_head *item)
{
#ifdef VUNIX_HAVE_LIST_LRU_OBJ
	list_lru_add_obj(lru, item);
#else
	list_lru_add(lru, item);
#endif
}

static inline void vunix_lru_del(struct list_lru *lru, struct list_head *item)
{
#ifdef VUNIX_HAVE_LIST_LRU_OBJ
	list_lru_del_obj(lru, item);
#else
	list_lru_del(lru, item);
#endif
}

/* A list_lru_walk_cb was told of the lock until 6.12. */
#ifdef VUNIX_HAVE_LRU_WALK_LOCK
#define VUNIX_LRU_LOCK_ARG	spinlock_t *lru_lock,
#else
#define VUNIX_LRU_LOCK_ARG
#endif

#endif /* VUNIX_COMPAT_H */
