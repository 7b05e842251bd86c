// SPDX-License-Identifier: GPL-2.0
/*
 * Connections: listen, connect, accept, socketpair, shutdown, and the links
 * between peers.  Owns the rules of the state lock (vunix.h).
 *
 * Life of a connection: connect() makes the server's socket, an embryo without
 * a struct socket, links it with the client and puts it into the listener's
 * accept queue; data can flow at once.  accept() takes it from there and
 * grafts it to a struct socket.  A listener that is released releases its
 * embryos, which resets their clients.
 *
 * The peer of a stream or seqpacket socket is set once, while its state lock
 * is held, and its reference is dropped in the socket's own release: calls on
 * the socket may use it without a lock.  A datagram socket's peer changes at
 * any time and is only used under the state lock or with a reference from
 * vunix_peer_get().
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <net/tcp_states.h>
#include "vunix.h"
#include "vunix_trace.h"

/**
 * vunix_peer_get() - the peer of a socket
 * @sk: socket
 *
 * Context: Process. Takes and drops the state lock.
 * Return: the peer with a reference, or NULL.
 */
struct sock *vunix_peer_get(struct sock *sk)
{
	struct sock *peer;

	vunix_state_lock(sk);
	/*
	 * Walks over the registry come across embryos and pairs that are being
	 * linked without their state locks.
	 */
	peer = READ_ONCE(unix_peer(sk));
	if (peer)
		sock_hold(peer);
	vunix_state_unlock(sk);
	return peer;
}

/**
 * vunix_state_double_lock() - lock the state of two datagram sockets
 * @a: socket
 * @b: another, the same, or NULL
 *
 * Context: Process.
 */
void vunix_state_double_lock(struct sock *a, struct sock *b)
{
	if (a == b || !b) {
		vunix_state_lock(a);
		return;
	}
	if (a > b)
		swap(a, b);
	vunix_state_lock(a);
	vunix_state_lock_second(b);
}

/**
 * vunix_state_double_unlock() - undo vunix_state_double_lock()
 * @a: socket
 * @b: another, the same, or NULL
 *
 * Context: Process.
 */
void vunix_state_double_unlock(struct sock *a, struct sock *b)
{
	vunix_state_unlock(a);
	if (b && a != b)
		vunix_state_unlock(b);
}

/**
 * vunix_wait_for_peer() - wait until a full socket takes another message or
 * connection
 * @sk: who waits
 * @other: receiver or listener, its state lock held; dropped
 * @timeo: time to wait
 *
 * Context: Process, sleeps.
 * Return: what is left of @timeo.
 */
long vunix_wait_for_peer(struct sock *sk, struct sock *other, long timeo)
{
	struct unix_sock *u = unix_sk(other);
	DEFINE_WAIT(wait);
	bool sleep;

	lockdep_assert_held(&u->lock);
	/*
	 * The barrier in here pairs with the one in run_purge(), in front of
	 * vunix_dgram_made_room(), or in taking the wait queue's lock: who makes
	 * room does so before it looks for us.  Litmus: room-sleep.
	 */
	prepare_to_wait_exclusive(&u->peer_wq.wait, &wait, TASK_INTERRUPTIBLE);
	sleep = !sock_flag(other, SOCK_DEAD) &&
		!(other->sk_shutdown & RCV_SHUTDOWN) &&
		vunix_recvq_full_lockless(other);
	vunix_state_unlock(other);
	if (sleep)
		timeo = vunix_sock_sleep(sk, other, VUNIX_WAIT_PEER, timeo);
	finish_wait(&u->peer_wq.wait, &wait);
	return timeo;
}

/*
 * Peer credentials
 */

struct peercred {
	struct pid		*pid;
	const struct cred	*cred;
};

static int peercred_get(struct peercred *pc)
{
	int err;

	/* SO_PEERPIDFD works on a reaped peer only if its pid is known. */
	err = vunix_scm_register_pid();
	if (err)
		return err;
	pc->pid = get_pid(task_tgid(current));
	pc->cred = get_current_cred();
	return 0;
}

static void peercred_put(struct peercred *pc)
{
	put_pid(pc->pid);
	put_cred(pc->cred);
	pc->pid = NULL;
	pc->cred = NULL;
}

/* Gives @sk the credentials of @pc, and @pc those that @sk had. */
static void peercred_swap(struct sock *sk, struct peercred *pc)
{
	spin_lock(&sk->sk_peer_lock);
	swap(sk->sk_peer_pid, pc->pid);
	swap(sk->sk_peer_cred, pc->cred);
	spin_unlock(&sk->sk_peer_lock);
}

/* The client's peer is who called listen(). */
static void peercred_copy(struct sock *sk, struct sock *listener)
{
	lockdep_assert_held(&unix_sk(listener)->lock);
	spin_lock(&sk->sk_peer_lock);
	sk->sk_peer_pid = get_pid(listener->sk_peer_pid);
	sk->sk_peer_cred = get_cred(listener->sk_peer_cred);
	spin_unlock(&sk->sk_peer_lock);
}

/**
 * vunix_listen() - make a bound stream or seqpacket socket a listener
 * @sock: socket
 * @backlog: connections that may wait, besides one; clamped to somaxconn by
 *	the caller and to net.vunix.max_backlog here
 *
 * Context: Process, sleeps.
 * Return: 0 or errno. Behaviour: listen(2).
 */
int vunix_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	struct unix_sock *u = unix_sk(sk);
	struct peercred pc = {};
	unsigned int limit;
	int err;

	if (!vunix_is_connected_type(sk))
		return -EOPNOTSUPP;
	if (!READ_ONCE(u->addr))
		return -EINVAL;
	limit = vunix_limit_backlog(vunix_sk(sk)->vn);
	if (limit && (unsigned int)backlog > limit)
		backlog = min_t(unsigned int, limit, INT_MAX);
	err = peercred_get(&pc);
	if (err)
		return err;

	vunix_state_lock(sk);
	if (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN) {
		err = -EINVAL;
	} else {
		bool more = backlog > sk->sk_max_ack_backlog;

		vunix_lsm_graft(sk);
		WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
		WRITE_ONCE(sk->sk_state, TCP_LISTEN);
		peercred_swap(sk, &pc);
		if (more)
			wake_up_interruptible_all(&u->peer_wq.wait);
	}
	vunix_state_unlock(sk);
	if (!err)
		vunix_gc_listen(sk);
	peercred_put(&pc);
	return err;
}

/*
 * Connecting
 */

/* Why @sk cannot connect, or 0. */
static int check_unconnected(unsigned char state)
{
	if (state == TCP_CLOSE)
		return 0;
	return state == TCP_ESTABLISHED ? -EISCONN : -EINVAL;
}

/*
 * Who was woken for the room there is in @listener's backlog has not taken it:
 * the next one may.  Drops a reference, unless @listener is NULL.
 */
static void leave_backlog(struct sock *listener)
{
	if (!listener)
		return;
	if (!vunix_recvq_full_lockless(listener))
		wake_up_interruptible(&unix_sk(listener)->peer_wq.wait);
	sock_put(listener);
}

/*
 * Finds the listener at an address and locks its state, waiting for room in
 * its backlog. Returns it with a reference, or ERR_PTR(). *@waited is whom
 * it has waited for last, with a reference, or NULL.
 */
static struct sock *find_listener_and_lock(struct sock *sk,
					   struct sockaddr_un *sunaddr,
					   int len, int flags, long *timeo,
					   struct sock **waited)
{
	struct sock *other;
	int err;

	*waited = NULL;
	for (;;) {
		other = vunix_name_find_get(sock_net(sk), sunaddr, len,
					    sk->sk_type, flags);
		if (IS_ERR(other))
			return other;
		vunix_state_lock(other);
		if (sock_flag(other, SOCK_DEAD)) {
			/* It died after the lookup; look who is there now. */
			vunix_state_unlock(other);
			sock_put(other);
			continue;
		}
		err = -ECONNREFUSED;
		if (other->sk_state != TCP_LISTEN ||
		    other->sk_shutdown & RCV_SHUTDOWN)
			break;
		if (!vunix_recvq_full_lockless(other))
			return other;
		err = -EAGAIN;
		if (!*timeo)
			break;
		/* Somebody else may have the name by now. */
		if (*waited != other)
			leave_backlog(*waited);
		else
			sock_put(other);
		*waited = other;
		*timeo = vunix_wait_for_peer(sk, other, *timeo);
		err = sock_intr_errno(*timeo);
		if (signal_pending(current))
			return ERR_PTR(err);
	}
	vunix_state_unlock(other);
	sock_put(other);
	return ERR_PTR(err);
}

/* Name and path of the listener; its state lock is held. */
static void copy_address(struct unix_sock *to, struct unix_sock *from)
{
	if (from->path.dentry) {
		path_get(&from->path);
		to->path = from->path;
	}
	refcount_inc(&from->addr->refcnt);
	/*
	 * AppArmor and getname() look at path and name behind the pointer.
	 * Litmus: name-bind.
	 */
	smp_store_release(&to->addr, from->addr);
}

/* Links client and embryo; the state locks of listener and client are held. */
static void link_peers(struct sock *sk, struct sock *newsk,
		       struct sock *listener, struct peercred *pc)
{
	struct vunix_sock *new = vunix_sk(newsk), *from = vunix_sk(listener);

	sock_hold(sk);
	WRITE_ONCE(unix_peer(newsk), sk);
	WRITE_ONCE(newsk->sk_state, TCP_ESTABLISHED);
	peercred_swap(newsk, pc);
	new->u.listener = listener;
	RCU_INIT_POINTER(newsk->sk_wq, &new->u.peer_wq);
	copy_address(&new->u, &from->u);
	new->pass_flags = vunix_pass_flags(listener);
	vunix_set_pass_rights(newsk, vunix_pass_rights(listener));
	vunix_embryo_set_pass_flags(newsk, new->pass_flags);
	new->rights_notrunc = READ_ONCE(from->rights_notrunc);

	peercred_copy(sk, listener);
	sock_hold(newsk);
	/* Whoever sees the peer sees it set up...  Litmus: peer-field. */
	smp_store_release(&unix_peer(sk), newsk);
	/*
	 * ...and whoever sees us connected sees the peer (stream_read()).
	 * Litmus: peer-state.
	 */
	smp_store_release(&sk->sk_state, TCP_ESTABLISHED);
}

static void accept_push(struct sock *listener, struct sock *newsk)
{
	struct vunix_queue *q = &vunix_sk(listener)->q;

	lockdep_assert_held(&unix_sk(listener)->lock);
	spin_lock(&q->lock);
	list_add_tail_rcu(&vunix_sk(newsk)->accept_node, &q->accept);
	WRITE_ONCE(q->qlen, q->qlen + 1);
	vunix_queue_note_most(q, q->qlen);
	spin_unlock(&q->lock);
}

static struct sock *accept_pop(struct sock *listener)
{
	struct vunix_queue *q = &vunix_sk(listener)->q;
	struct vunix_sock *new;

	spin_lock(&q->lock);
	new = list_first_entry_or_null(&q->accept, struct vunix_sock,
				       accept_node);
	if (new) {
		vunix_gc_touch(listener);
		list_del_rcu(&new->accept_node);
		WRITE_ONCE(q->qlen, q->qlen - 1);
		vunix_gc_accepted(listener, &new->u.sk);
	}
	spin_unlock(&q->lock);
	return new ? &new->u.sk : NULL;
}

/**
 * vunix_accept_purge() - reset the connections nobody has accepted
 * @sk: listener that is being released, or that nobody can reach
 *
 * Context: Process, sleeps.
 */
void vunix_accept_purge(struct sock *sk)
{
	struct sock *newsk;

	while ((newsk = accept_pop(sk))) {
		vunix_sock_release(newsk, true);
		cond_resched();
	}
}

/* The locked part: @other is the listener, its state lock is held. */
static int connect_to_listener(struct sock *sk, struct sock *other,
			       struct sock *newsk, struct peercred *pc)
{
	int err;

	/*
	 * A socket that listens never gets further: so two sockets cannot
	 * connect to each other, and the locks below have an order.
	 */
	err = check_unconnected(READ_ONCE(sk->sk_state));
	if (err)
		return err;
	vunix_state_lock_second(sk);
	err = check_unconnected(sk->sk_state);
	if (!err)
		err = security_unix_stream_connect(sk, other, newsk);
	if (!err) {
		vunix_lsm_graft(sk);
		link_peers(sk, newsk, other, pc);
	}
	vunix_state_unlock(sk);
	if (!err) {
		trace_vunix_connect(sk, newsk, other);
		accept_push(other, newsk);
	}
	return err;
}

/**
 * vunix_stream_connect() - connect a stream or seqpacket socket
 * @sock: socket
 * @uaddr: address of a listener
 * @len: its length
 * @flags: O_NONBLOCK and others
 *
 * Context: Process, sleeps.
 * Return: 0 or errno. Behaviour: unix(7), connect(2).
 */
int vunix_stream_connect(struct socket *sock, vunix_sockaddr *uaddr, int len,
			 int flags)
{
	struct sockaddr_un *sunaddr = (struct sockaddr_un *)uaddr;
	struct sock *sk = sock->sk, *newsk, *other, *waited;
	struct peercred pc = {};
	long timeo;
	int err;

	err = vunix_addr_validate(sunaddr, len);
	if (err)
		return err;
	err = BPF_CGROUP_RUN_PROG_UNIX_CONNECT_LOCK(sk, uaddr, &len);
	if (err)
		return err;
	if (vunix_may_passcred(sk) && !READ_ONCE(unix_sk(sk)->addr)) {
		err = vunix_name_autobind(sk);
		if (err)
			return err;
	}

	timeo = sock_sndtimeo(sk, flags & O_NONBLOCK);
	err = peercred_get(&pc);
	if (err)
		return err;
	newsk = vunix_sock_create(sock_net(sk), NULL, 0, sock->type);
	if (IS_ERR(newsk)) {
		err = PTR_ERR(newsk);
		goto out;
	}
	other = find_listener_and_lock(sk, sunaddr, len, flags, &timeo, &waited);
	if (IS_ERR(other)) {
		err = PTR_ERR(other);
		leave_backlog(waited);
		goto out_release;
	}
	err = connect_to_listener(sk, other, newsk, &pc);
	vunix_state_unlock(other);
	if (!err)
		vunix_data_ready(other);
	sock_put(other);
	leave_backlog(waited);
	if (!err)
		goto out;
out_release:
	vunix_sock_release(newsk, false);
out:
	peercred_put(&pc);
	return err;
}

/**
 * vunix_socketpair() - connect two fresh sockets of any type
 * @socka: socket
 * @sockb: socket
 *
 * Context: Process, sleeps.
 * Return: 0 or errno. Behaviour: socketpair(2).
 */
int vunix_socketpair(struct socket *socka, struct socket *sockb)
{
	struct sock *a = socka->sk, *b = sockb->sk;
	struct peercred pca = {}, pcb = {};
	int err;

	err = peercred_get(&pca);
	if (err)
		return err;
	err = peercred_get(&pcb);
	if (err) {
		peercred_put(&pca);
		return err;
	}
	if (vunix_is_connected_type(a)) {
		vunix_lsm_graft(a);
		vunix_lsm_graft(b);
	}
	/* Nobody else knows them, but walks over the registry. */
	sock_hold(a);
	sock_hold(b);
	WRITE_ONCE(unix_peer(a), b);
	WRITE_ONCE(unix_peer(b), a);
	peercred_swap(a, &pca);
	peercred_swap(b, &pcb);
	WRITE_ONCE(a->sk_state, TCP_ESTABLISHED);
	WRITE_ONCE(b->sk_state, TCP_ESTABLISHED);
	trace_vunix_connect(a, b, NULL);
	return 0;
}

/*
 * Waits for a connection, exclusively: one arrival wakes one accept().
 * Returns true if the caller should give up with *err (0: shut down).
 */
static bool accept_wait(struct sock *sk, long *timeo, int *err)
{
	DEFINE_WAIT(wait);
	bool over = true;

	/* As for data: qlen, then a wake-up.  Litmus: sleep-data. */
	prepare_to_wait_exclusive(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
	*err = sock_error(sk);
	if (*err)
		goto out;
	over = false;
	if (READ_ONCE(vunix_sk(sk)->q.qlen))
		goto out;
	over = true;
	if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
		goto out;
	if (signal_pending(current)) {
		*err = sock_intr_errno(*timeo);
		goto out;
	}
	over = false;
	*timeo = vunix_sock_sleep(sk, NULL, VUNIX_WAIT_CONNECTION, *timeo);
out:
	finish_wait(sk_sleep(sk), &wait);
	return over;
}

/* The next connection, or ERR_PTR(); -EINVAL once the listener is shut. */
static struct sock *accept_next(struct sock *sk, int flags)
{
	long timeo = sock_rcvtimeo(sk, flags & O_NONBLOCK);
	struct sock *newsk;
	int err;

	for (;;) {
		err = sock_error(sk);
		if (err)
			return ERR_PTR(err);
		newsk = accept_pop(sk);
		if (newsk)
			return newsk;
		if (!timeo)
			return ERR_PTR(-EAGAIN);
		if (accept_wait(sk, &timeo, &err))
			return ERR_PTR(err ? err : -EINVAL);
	}
}

/**
 * vunix_accept() - take a connection from a listener
 * @sock: listener
 * @newsock: gets the connection
 * @arg: flags (O_NONBLOCK); err is set
 *
 * Context: Process, sleeps.
 * Return: 0 or errno. Behaviour: accept(2).
 */
int vunix_accept(struct socket *sock, struct socket *newsock,
		 struct proto_accept_arg *arg)
{
	struct sock *sk = sock->sk, *newsk;

	arg->err = -EOPNOTSUPP;
	if (!vunix_is_connected_type(sk))
		return arg->err;
	arg->err = -EINVAL;
	if (READ_ONCE(sk->sk_state) != TCP_LISTEN)
		return arg->err;
	newsk = accept_next(sk, arg->flags);
	if (IS_ERR(newsk)) {
		arg->err = PTR_ERR(newsk);
		return arg->err;
	}
	wake_up_interruptible(&unix_sk(sk)->peer_wq.wait);

	vunix_sock_set_custom_sockopt(newsock);
	vunix_state_lock(newsk);
	vunix_accept_pass_flags(newsock, vunix_sk(newsk)->pass_flags);
	vunix_sk(newsk)->creator = get_pid(task_tgid(current));
	/*
	 * A sender looks at them through sk_socket (vunix_wants_stamp_rcu()),
	 * without a lock that we hold; it goes by the pointer.
	 * Litmus: accept-flags.
	 */
	smp_wmb();
	sock_graft(newsk, newsock);
	vunix_lsm_graft(newsk);
	trace_vunix_accept(newsk, unix_peer(newsk), sk);
	vunix_state_unlock(newsk);
	arg->err = 0;
	return 0;
}

/**
 * vunix_getname() - name of a socket or its peer
 * @sock: socket
 * @uaddr: filled in, room for any address
 * @peer: whose name
 *
 * Context: Process.
 * Return: length of the name; -ENOTCONN without peer.
 */
int vunix_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct sockaddr_un *sunaddr = (struct sockaddr_un *)uaddr;
	struct sock *sk = sock->sk;
	struct unix_address *addr;
	int len;

	if (peer) {
		sk = vunix_peer_get(sk);
		if (!sk)
			return -ENOTCONN;
	} else {
		sock_hold(sk);
	}
	/* Pairs with the release when the name was given.  Litmus: name-bind. */
	addr = smp_load_acquire(&unix_sk(sk)->addr);
	if (addr) {
		len = addr->len;
		memcpy(sunaddr, addr->name, len);
		vunix_bpf_getname(sk, uaddr, &len, peer);
	} else {
		sunaddr->sun_family = AF_UNIX;
		sunaddr->sun_path[0] = 0;
		len = offsetof(struct sockaddr_un, sun_path);
	}
	sock_put(sk);
	return len;
}

/* The other end of a connection learns of what is shut here. */
static void shutdown_peer(struct sock *other, int mode)
{
	int peer_mode = 0;

	if (mode & RCV_SHUTDOWN)
		peer_mode |= SEND_SHUTDOWN;
	if (mode & SEND_SHUTDOWN)
		peer_mode |= RCV_SHUTDOWN;
	vunix_state_lock(other);
	vunix_queue_shutdown(other, peer_mode);
	vunix_state_unlock(other);
	other->sk_state_change(other);
	if (peer_mode == SHUTDOWN_MASK)
		sk_wake_async(other, SOCK_WAKE_WAITD, POLL_HUP);
	else if (peer_mode & RCV_SHUTDOWN)
		sk_wake_async(other, SOCK_WAKE_WAITD, POLL_IN);
}

/**
 * vunix_shutdown() - shut one or both directions
 * @sock: socket, connected or not
 * @mode: SHUT_RD, SHUT_WR or SHUT_RDWR
 *
 * Context: Process.
 * Return: 0, or -EINVAL for another mode. Behaviour: shutdown(2).
 */
int vunix_shutdown(struct socket *sock, int mode)
{
	struct sock *sk = sock->sk, *other;

	if (mode < SHUT_RD || mode > SHUT_RDWR)
		return -EINVAL;
	/* SHUT_RD, SHUT_WR, SHUT_RDWR: RCV_SHUTDOWN, SEND_SHUTDOWN, both. */
	mode++;

	vunix_state_lock(sk);
	vunix_queue_shutdown(sk, mode);
	other = unix_peer(sk);
	if (other)
		sock_hold(other);
	vunix_state_unlock(sk);
	sk->sk_state_change(sk);

	if (other) {
		if (vunix_is_connected_type(sk))
			shutdown_peer(other, mode);
		sock_put(other);
	}
	return 0;
}
