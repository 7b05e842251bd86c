// SPDX-License-Identifier: GPL-2.0
/*
 * The module: the family, its protocol and operation tables, network
 * namespaces, and the creation and release of sockets.
 *
 * A vunix socket is an AF_UNIX socket of another family: struct vunix_sock
 * begins with a struct unix_sock and sk_family is AF_UNIX, because security
 * modules, BPF and the core look inside by sk_family; only proto_ops.family is
 * ours, so AF_UNIX's own code leaves it alone.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <net/netns/generic.h>
#include <net/tcp_states.h>
#include "vunix.h"
#include "vunix_trace.h"

static int family = AF_VUNIX;
module_param(family, int, 0444);
MODULE_PARM_DESC(family, "number of the protocol family (18)");

int vunix_family;
struct vunix_net *vunix_hard;
void (*vunix_def_readable)(struct sock *sk);

/* Sockets of all namespaces, against twice the limit of open files. */
static atomic_long_t nr_socks;
static unsigned int net_id;

/**
 * vunix_net() - our part of a network namespace
 * @net: namespace
 *
 * Context: Any, while the namespace is alive.
 * Return: never NULL.
 */
struct vunix_net *vunix_net(const struct net *net)
{
	return net_generic(net, net_id);
}

/*
 * Creation and release
 */

/*
 * The last reference has gone, so has every charge: nobody writes into or
 * reads from the queue, and nobody looks at the address.  Never sleeps.
 */
static void sock_destruct(struct sock *sk)
{
	struct vunix_sock *vs = vunix_sk(sk);

	WARN_ON_ONCE(refcount_read(&sk->sk_wmem_alloc));
	WARN_ON_ONCE(sk->sk_socket);
	if (WARN_ON_ONCE(!sock_flag(sk, SOCK_DEAD)))
		return;
	vunix_queue_free(&vs->q);
	if (vs->u.addr)
		vunix_addr_put(vs->u.addr);
	put_pid(vs->creator);
	atomic_long_dec(&nr_socks);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
}

/* sk_family is AF_UNIX, whose lock classes would be shared otherwise. */
static void set_lock_classes(struct sock *sk)
{
	static struct lock_class_key queue_key, callback_key, state_key;
	static struct lock_class_key peer_wait_key;
	struct unix_sock *u = unix_sk(sk);

	spin_lock_init(&u->lock);
	init_waitqueue_head(&u->peer_wq.wait);
	lockdep_set_class_and_name(&sk->sk_receive_queue.lock, &queue_key,
				   "vunix-sk_receive_queue");
	lockdep_set_class_and_name(&sk->sk_callback_lock, &callback_key,
				   "vunix-sk_callback_lock");
	lockdep_set_class_and_name(&u->lock, &state_key, "vunix-state");
	lockdep_set_class_and_name(&u->peer_wq.wait.lock, &peer_wait_key,
				   "vunix-peer_wait");
}

static void init_unix_part(struct unix_sock *u)
{
	u->addr = NULL;
	u->peer = NULL;
	u->listener = NULL;
	u->path.dentry = NULL;
	u->path.mnt = NULL;
	mutex_init(&u->iolock);
	mutex_init(&u->bindlock);
	vunix_dgram_peer_wake_init(&u->sk);
	vunix_dgram_init_room(&u->sk);
	memset(&u->scm_stat, 0, sizeof(u->scm_stat));
}

/**
 * vunix_sock_create() - make a socket and register it
 * @net: namespace
 * @sock: struct socket, NULL for a connection that is not yet accepted
 * @kern: made by the kernel
 * @type: SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET
 *
 * Context: Process, sleeps.
 * Return: the sk; ERR_PTR(): -ENOMEM, or -ENFILE with too many sockets.
 */
struct sock *vunix_sock_create(struct net *net, struct socket *sock, int kern,
			       int type)
{
	struct vunix_sock *vs;
	struct sock *sk;
	int err;

	/* Litmus: none: a count alone. */
	if (atomic_long_inc_return(&nr_socks) > 2 * get_max_files()) {
		atomic_long_dec(&nr_socks);
		return ERR_PTR(-ENFILE);
	}
	sk = sk_alloc(net, PF_UNIX, GFP_KERNEL, &vunix_proto, kern);
	if (!sk) {
		atomic_long_dec(&nr_socks);
		return ERR_PTR(-ENOMEM);
	}
	sock_init_data(sock, sk);
	/* The same each time; senders read it, so it is written once. */
	if (READ_ONCE(vunix_def_readable) != sk->sk_data_ready)
		WRITE_ONCE(vunix_def_readable, sk->sk_data_ready);
	sk->sk_type = type;
	sk->sk_allocation = GFP_KERNEL_ACCOUNT;
	sk->sk_write_space = vunix_write_space;
#ifdef CONFIG_NET_RX_BUSY_POLL
	/* Not what net.core.busy_read says: that is of networks. */
	WRITE_ONCE(sk->sk_ll_usec, 0);
#endif
	sk->sk_destruct = sock_destruct;
	set_lock_classes(sk);

	vs = vunix_sk(sk);
	vs->vn = vunix_net(net);
	sk->sk_max_ack_backlog = READ_ONCE(vs->vn->max_dgram_qlen);
	init_unix_part(&vs->u);
	vunix_queue_init(&vs->q, type);
	vunix_gc_init_sock(vs);
	vunix_set_pass_rights(sk, true);
	vs->created = get_jiffies_64();
	/* Who connects does not make what the listener will accept. */
	vs->creator = sock ? get_pid(task_tgid(current)) : NULL;
	sock_prot_inuse_add(net, sk->sk_prot, 1);

	err = vunix_registry_insert(sk);
	if (err) {
		/* From here on the destructor does the accounting. */
		sock_orphan(sk);
		if (sock)
			sock->sk = NULL;
		sock_put(sk);
		return ERR_PTR(err);
	}
	trace_vunix_create(sk);
	return sk;
}

/* The peer of a connection that is released: hang-up, reset if data is lost. */
static void hang_up(struct sock *peer, bool reset)
{
	vunix_state_lock(peer);
	vunix_queue_shutdown(peer, SHUTDOWN_MASK);
	if (reset)
		WRITE_ONCE(peer->sk_err, ECONNRESET);
	vunix_state_unlock(peer);
	peer->sk_state_change(peer);
	sk_wake_async(peer, SOCK_WAKE_WAITD, POLL_HUP);
}

/* A single empty record does not count: AF_UNIX takes it for a read one. */
static bool has_unread(struct sock *sk)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;

	if (sk->sk_type == SOCK_STREAM)
		return vunix_stream_inq(q);
	return READ_ONCE(q->bytes) || READ_ONCE(q->qlen) > 1;
}

/**
 * vunix_sock_release() - close a socket
 * @sk: socket without users; the caller's reference is dropped
 * @embryo: the socket was connected but never accepted
 *
 * Who may still hold a reference: the peer (stream, seqpacket) until its own
 * release, datagram sockets associated with it, senders and connectors that
 * have just looked it up, walks over the registry, the timer of who waits for
 * room.  All of them find it dead under the state lock or its queue dead under
 * q.lock.  Readers alone set the timer, and there are none any more; if it is
 * running, it drops its own reference, and the destructor runs in a softirq.
 *
 * Context: Process, sleeps.
 */
void vunix_sock_release(struct sock *sk, bool embryo)
{
	struct vunix_sock *vs = vunix_sk(sk);
	struct sock *peer;
	struct path path;
	int state;

	trace_vunix_release(sk);
	vunix_registry_remove(sk);
	vunix_name_unhash(sk);
	vunix_gc_release(sk);

	vunix_state_lock(sk);
	sock_orphan(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	path = vs->u.path;
	vs->u.path.dentry = NULL;
	vs->u.path.mnt = NULL;
	state = sk->sk_state;
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	peer = unix_peer(sk);
	WRITE_ONCE(unix_peer(sk), NULL);
	vunix_state_unlock(sk);

	vunix_queue_kill(&vs->q);
	sk_stop_timer(sk, &sk->sk_timer);
	wake_up_interruptible_all(&vs->u.peer_wq.wait);
	if (peer) {
		if (vunix_is_connected_type(sk))
			hang_up(peer, embryo || has_unread(sk));
		vunix_dgram_peer_wake_disconnect(sk, peer);
	}

	if (state == TCP_LISTEN)
		vunix_accept_purge(sk);
	else if (sk->sk_type == SOCK_STREAM)
		vunix_stream_purge(sk, peer);
	else
		vunix_dgram_purge(sk);

	if (peer)
		sock_put(peer);
	if (path.dentry)
		path_put(&path);
	sock_put(sk);
}

static int release(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (!sk)
		return 0;
	vunix_sock_release(sk, false);
	/* Only now: LSM hooks go from sk to sock to sk until it is dead. */
	sock->sk = NULL;
	return 0;
}

static int bind(struct socket *sock, vunix_sockaddr *uaddr, int len)
{
	struct sockaddr_un *sunaddr = (struct sockaddr_un *)uaddr;
	int err;

	if (len == offsetof(struct sockaddr_un, sun_path) &&
	    sunaddr->sun_family == AF_UNIX)
		return vunix_name_autobind(sock->sk);
	err = vunix_addr_validate(sunaddr, len);
	if (err)
		return err;
	return vunix_name_bind(sock->sk, sunaddr, len);
}

#ifndef VUNIX_HAVE_PROTO_ACCEPT_ARG
static int accept_op(struct socket *sock, struct socket *newsock,
		     int flags, bool kern)
{
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };

	return vunix_accept(sock, newsock, &arg);
}
#else
#define accept_op vunix_accept
#endif

/*
 * Polling
 */

static bool is_readable(const struct vunix_queue *q)
{
	return READ_ONCE(q->head) != READ_ONCE(q->tail) ||
	       !list_empty(&q->accept);
}

/* What all types have in common. */
static __poll_t poll_common(struct file *file, struct socket *sock,
			    poll_table *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;
	u8 shutdown;

	/* A full barrier is in its end.  Litmus: poll-data, sleep-room. */
	sock_poll_wait(file, sock, wait);
	shutdown = READ_ONCE(sk->sk_shutdown);
	if (READ_ONCE(sk->sk_err))
		mask |= EPOLLERR;
	if (shutdown == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (is_readable(&vunix_sk(sk)->q))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (vunix_is_connected_type(sk) &&
	    READ_ONCE(sk->sk_state) == TCP_CLOSE)
		mask |= EPOLLHUP;
	return mask;
}

static __poll_t stream_poll(struct file *file, struct socket *sock,
			    poll_table *wait)
{
	__poll_t mask = poll_common(file, sock, wait);
	struct sock *sk = sock->sk;

	if (READ_ONCE(vunix_sk(sk)->q.oob_pending))
		mask |= EPOLLPRI;
	/* Also when the other side is gone: the next write then fails. */
	if (vunix_writable(sk, READ_ONCE(sk->sk_state)))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

static __poll_t dgram_poll(struct file *file, struct socket *sock,
			   poll_table *wait)
{
	__poll_t mask = poll_common(file, sock, wait);
	struct sock *sk = sock->sk;

	if (!skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR |
			(sock_flag(sk, SOCK_SELECT_ERR_QUEUE) ? EPOLLPRI : 0);

	/* Nobody asks: leave out the expensive part. */
	if (!(poll_requested_events(wait) &
	      (EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT)))
		return mask;
	if (vunix_writable(sk, READ_ONCE(sk->sk_state)) &&
	    vunix_dgram_writable(sk))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	else
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	return mask;
}

#ifdef CONFIG_PROC_FS
static void show_fdinfo(struct seq_file *m, struct socket *sock)
{
	if (sock->sk)
		seq_printf(m, "scm_fds: %u\n", vunix_scm_count_fds(sock->sk));
}
#else
#define show_fdinfo NULL
#endif

/*
 * Tables.  .family is set when the module is loaded.
 */

#ifdef CONFIG_COMPAT
#define VUNIX_COMPAT_IOCTL	.compat_ioctl = vunix_compat_ioctl,
#else
#define VUNIX_COMPAT_IOCTL
#endif
#ifdef VUNIX_HAVE_SENDPAGE
#define VUNIX_SENDPAGE		.sendpage = sock_no_sendpage,
#else
#define VUNIX_SENDPAGE
#endif

#define VUNIX_COMMON_OPS			\
	.owner = THIS_MODULE,			\
	.release = release,			\
	.bind = bind,				\
	.socketpair = vunix_socketpair,		\
	.getname = vunix_getname,		\
	.ioctl = vunix_ioctl,			\
	VUNIX_COMPAT_IOCTL			\
	.shutdown = vunix_shutdown,		\
	.setsockopt = vunix_setsockopt,		\
	.getsockopt = vunix_getsockopt,		\
	.mmap = sock_no_mmap,			\
	VUNIX_SENDPAGE				\
	.set_peek_off = sk_set_peek_off,	\
	.show_fdinfo = show_fdinfo

static struct proto_ops stream_ops __ro_after_init = {
	VUNIX_COMMON_OPS,
	.connect = vunix_stream_connect,
	.accept = accept_op,
	.poll = stream_poll,
	.listen = vunix_listen,
	.sendmsg = vunix_stream_sendmsg,
	.recvmsg = vunix_stream_recvmsg,
	.splice_read = vunix_stream_splice_read,
};

static struct proto_ops dgram_ops __ro_after_init = {
	VUNIX_COMMON_OPS,
	.connect = vunix_dgram_connect,
	.accept = sock_no_accept,
	.poll = dgram_poll,
	.listen = sock_no_listen,
	.sendmsg = vunix_dgram_sendmsg,
	.recvmsg = vunix_dgram_recvmsg,
};

static struct proto_ops seqpacket_ops __ro_after_init = {
	VUNIX_COMMON_OPS,
	.connect = vunix_stream_connect,
	.accept = accept_op,
	.poll = dgram_poll,
	.listen = vunix_listen,
	.sendmsg = vunix_seqpacket_sendmsg,
	.recvmsg = vunix_seqpacket_recvmsg,
};

/* sockmap's way of closing; nothing to do, as in AF_UNIX. */
static void proto_close(struct sock *sk, long timeout)
{
}

/*
 * SO_PEERPIDFD has made a descriptor when a cgroup's program could still turn
 * the call into an error.
 */
static bool bpf_bypass_getsockopt(int level, int optname)
{
	return level == SOL_SOCKET && optname == SO_PEERPIDFD;
}

struct proto vunix_proto = {
	.name = "VUNIX",
	.owner = THIS_MODULE,
	.obj_size = sizeof(struct vunix_sock),
	.close = proto_close,
	.bpf_bypass_getsockopt = bpf_bypass_getsockopt,
};

static int create(struct net *net, struct socket *sock, int protocol,
		  int kern)
{
	const struct proto_ops *ops;
	struct sock *sk;

	if (protocol && protocol != PF_UNIX && protocol != vunix_family)
		return -EPROTONOSUPPORT;
	switch (sock->type) {
	case SOCK_STREAM:
		ops = &stream_ops;
		break;
	case SOCK_RAW:
		sock->type = SOCK_DGRAM;
		fallthrough;
	case SOCK_DGRAM:
		ops = &dgram_ops;
		break;
	case SOCK_SEQPACKET:
		ops = &seqpacket_ops;
		break;
	default:
		return -ESOCKTNOSUPPORT;
	}
	vunix_sock_set_custom_sockopt(sock);
	sock->ops = ops;
	sk = vunix_sock_create(net, sock, kern, sock->type);
	return PTR_ERR_OR_ZERO(sk);
}

static struct net_proto_family family_ops __ro_after_init = {
	.create = create,
	.owner = THIS_MODULE,
};

/*
 * Network namespaces
 */

static int __net_init net_init(struct net *net)
{
	struct vunix_net *vn = vunix_net(net);
	int err;

	vn->net = net;
	if (net_eq(net, &init_net))
		vunix_hard = vn;
	INIT_LIST_HEAD(&vn->mons);
	vunix_sysctl_net_defaults(vn);
	err = vunix_registry_net_init(vn);
	if (err)
		return err;
	err = vunix_sysctl_net_init(vn);
	if (err)
		goto err_registry;
	err = vunix_proc_net_init(net);
	if (err)
		goto err_sysctl;
	return 0;

err_sysctl:
	vunix_sysctl_net_exit(vn);
err_registry:
	vunix_registry_net_exit(vn);
	return err;
}

static void __net_exit net_exit(struct net *net)
{
	struct vunix_net *vn = vunix_net(net);

	vunix_proc_net_exit(net);
	vunix_sysctl_net_exit(vn);
	vunix_registry_net_exit(vn);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.exit = net_exit,
	.id = &net_id,
	.size = sizeof(struct vunix_net),
};

/*
 * The family's number
 */

/* Numbers that no kernel from 6.1 on implements: free to use. */
static bool is_free_number(int nr)
{
	switch (nr) {
	case AF_UNIX:	/* with CONFIG_UNIX=n; else it is taken */
	case AF_ASH:
	case AF_SECURITY:
	case AF_NETBEUI:
	case AF_ECONET:
	case AF_SNA:
	case AF_WANPIPE:
		return true;
	default:
		return false;
	}
}

static int probe_create(struct net *net, struct socket *sock, int protocol,
			int kern)
{
	return -EAFNOSUPPORT;
}

/*
 * A number of another family is refused even while that family's module is
 * not loaded; but if it is loaded, the right answer is that it is taken. Only
 * registering tells.
 */
static int check_number(int nr)
{
	/* Not on the stack: a socket() may still be on its way out of it. */
	static struct net_proto_family probe = {
		.create = probe_create,
		.owner = THIS_MODULE,
	};
	int err = -EINVAL;

	if (nr > AF_UNSPEC && nr < AF_MAX) {
		if (is_free_number(nr))
			return 0;
		probe.family = nr;
		err = sock_register(&probe);
		if (!err) {
			sock_unregister(nr);
			err = -EINVAL;
		}
	}
	if (err == -EEXIST)
		pr_err("family %d is taken by another protocol\n", nr);
	else
		pr_err("family %d cannot be used: out of range, or reserved for another protocol\n",
		       nr);
	return err;
}

static int __init vunix_init(void)
{
	int err;

	err = check_number(family);
	if (err)
		return err;
	vunix_family = family;
	stream_ops.family = family;
	dgram_ops.family = family;
	seqpacket_ops.family = family;
	family_ops.family = family;

	err = proto_register(&vunix_proto, 1);
	if (err)
		return err;
	err = vunix_registry_init();
	if (err)
		goto err_proto;
	err = vunix_queue_module_init();
	if (err)
		goto err_registry;
	err = vunix_gc_init();
	if (err)
		goto err_queue;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto err_gc;
	err = vunix_mon_init();
	if (err)
		goto err_pernet;
	err = vunix_lsm_init();
	if (err)
		goto err_mon;
	/* Late: who asks meanwhile holds the module, and it may yet fail. */
	err = vunix_diag_init();
	if (err)
		goto err_lsm;
	err = sock_register(&family_ops);
	if (err) {
		pr_err("family %d is taken by another protocol\n", family);
		goto err_diag;
	}
	pr_info("registered as family %d\n", family);
	return 0;

err_diag:
	vunix_diag_exit();
err_lsm:
	vunix_lsm_exit();
err_mon:
	vunix_mon_exit();
err_pernet:
	unregister_pernet_subsys(&net_ops);
err_gc:
	vunix_gc_exit();
err_queue:
	vunix_queue_module_exit();
err_registry:
	vunix_registry_exit();
err_proto:
	proto_unregister(&vunix_proto);
	return err;
}

/*
 * Every socket holds a reference of the module, so there is none here; nor can
 * there be a new one once the family is gone.
 */
static void __exit vunix_exit(void)
{
	sock_unregister(vunix_family);
	vunix_diag_exit();
	vunix_lsm_exit();
	vunix_mon_exit();
	unregister_pernet_subsys(&net_ops);
	vunix_gc_exit();
	vunix_scm_exit();
	rcu_barrier();
	vunix_queue_module_exit();
	vunix_registry_exit();
	proto_unregister(&vunix_proto);
}

module_init(vunix_init);
module_exit(vunix_exit);

MODULE_AUTHOR("vunix developers");
MODULE_DESCRIPTION("vunix: local sockets that behave like AF_UNIX");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_NETPROTO(18);
/* As unix_diag has one; but see sock_load_diag_module(): families come first. */
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_NETLINK, NETLINK_SOCK_DIAG, 18);
