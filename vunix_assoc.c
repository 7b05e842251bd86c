// SPDX-License-Identifier: GPL-2.0
/*
 * Associations of datagram sockets: connect() and what comes of it, and how a
 * sender hears of room at a receiver that is not connected back.  Owns no lock
 * but the rules of u.peer_wake, which are those of the wait queue it is in.
 *
 * Flow control: a receiver that is not connected back takes at most
 * sk_max_ack_backlog + 1 messages.  Blocked senders sleep on the receiver's
 * peer_wq.  A polling sender cannot, since it may outlive the receiver: its
 * peer_wake entry waits there instead and relays to its own wait queue, until
 * it has relayed, the association ends or either side is released.
 *
 * Who is woken as soon as there is room for one message sends one message and
 * sleeps again; two context switches for each.  So only when no more than a
 * quarter of the queue is left does each receive wake a sender (and all who
 * poll).  A reader may stop before that: the first receive while somebody waits
 * sets a timer, which wakes as many as there is room for.  Nobody waits beside
 * room for longer than a jiffy.
 */
#include <linux/security.h>
#include <net/tcp_states.h>
#include "vunix.h"
#include "vunix_trace.h"

/*
 * Relay
 */

static int peer_wake_relay(wait_queue_entry_t *entry, unsigned int mode,
			   int flags, void *key)
{
	struct unix_sock *u = container_of(entry, struct unix_sock,
					   peer_wake);
	struct sock *other = entry->private;
	wait_queue_head_t *sleep;

	/* The waker holds the lock of other's peer_wq. */
	__remove_wait_queue(&unix_sk(other)->peer_wq.wait, entry);
	entry->private = NULL;
	sleep = sk_sleep(&u->sk);
	if (sleep)
		wake_up_interruptible_poll(sleep, key_to_poll(key));
	return 0;
}

/**
 * vunix_dgram_peer_wake_init() - prepare the relay of a new socket
 * @sk: socket
 *
 * Context: Any.
 */
void vunix_dgram_peer_wake_init(struct sock *sk)
{
	init_waitqueue_func_entry(&unix_sk(sk)->peer_wake, peer_wake_relay);
}

static bool peer_wake_connect(struct sock *sk, struct sock *other)
{
	wait_queue_head_t *wq = &unix_sk(other)->peer_wq.wait;
	struct unix_sock *u = unix_sk(sk);
	bool added = false;

	spin_lock_irq(&wq->lock);
	if (!u->peer_wake.private) {
		u->peer_wake.private = other;
		__add_wait_queue(wq, &u->peer_wake);
		added = true;
	}
	spin_unlock_irq(&wq->lock);
	return added;
}

/**
 * vunix_dgram_peer_wake_disconnect() - end the relay, if it is set up
 * @sk: sender
 * @other: receiver it may be waiting for
 *
 * Context: Process, without the lock of @other's peer_wq.
 */
void vunix_dgram_peer_wake_disconnect(struct sock *sk, struct sock *other)
{
	wait_queue_head_t *wq = &unix_sk(other)->peer_wq.wait;
	struct unix_sock *u = unix_sk(sk);

	spin_lock_irq(&wq->lock);
	if (u->peer_wake.private == other) {
		__remove_wait_queue(wq, &u->peer_wake);
		u->peer_wake.private = NULL;
	}
	spin_unlock_irq(&wq->lock);
}

static void peer_wake_disconnect_wakeup(struct sock *sk, struct sock *other)
{
	vunix_dgram_peer_wake_disconnect(sk, other);
	wake_up_interruptible_poll(sk_sleep(sk),
				   EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
}

/**
 * vunix_dgram_peer_wake_me() - have the sender woken when a receiver has room
 * @sk: sender
 * @other: its peer
 *
 * The entry is added before the test, and a receiver makes room before it looks
 * for waiters: no wake-up is lost.
 *
 * Context: Process; @sk's state lock held.
 * Return: true if @other is full and the relay is set up.
 */
bool vunix_dgram_peer_wake_me(struct sock *sk, struct sock *other)
{
	bool added;

	lockdep_assert_held(&unix_sk(sk)->lock);
	added = peer_wake_connect(sk, other);
	/* Pairs with the one before vunix_dgram_made_room().  Litmus: room-poll. */
	smp_mb();
	/* A dead one makes the next send fail at once: that is writable. */
	if (vunix_recvq_full_lockless(other) && !sock_flag(other, SOCK_DEAD))
		return true;
	if (added)
		vunix_dgram_peer_wake_disconnect(sk, other);
	return false;
}

/**
 * vunix_dgram_writable() - would the default receiver take a message?
 * @sk: datagram or seqpacket socket that is asked to poll for output
 *
 * If not, @sk's wait queue is woken once it may.
 *
 * Context: Process. Takes and drops the state lock.
 * Return: false if the peer is full and not connected back.
 */
bool vunix_dgram_writable(struct sock *sk)
{
	struct sock *other;
	bool full;

	vunix_state_lock(sk);
	other = unix_peer(sk);
	/* A hint: the peer's peer is its own lock's. */
	full = other && READ_ONCE(unix_peer(other)) != sk &&
	       vunix_recvq_full_lockless(other) &&
	       vunix_dgram_peer_wake_me(sk, other);
	vunix_state_unlock(sk);
	return !full;
}

/*
 * Room
 */

/* Some who wait to send, and all who poll. */
static void wake_senders(struct sock *sk, int nr)
{
	__wake_up(&unix_sk(sk)->peer_wq.wait, TASK_INTERRUPTIBLE, nr,
		  poll_to_key(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND));
}

static void room_timer(struct timer_list *timer)
{
	struct sock *sk = container_of(timer, struct sock, sk_timer);
	int room;

	/*
	 * The timer is no longer pending; only then look for room.  Pairs with
	 * the barrier between a reader's write of qlen and timer_pending(): it
	 * sets the timer again, or its room is seen here.  Litmus: room-timer.
	 */
	smp_mb();
	room = READ_ONCE(sk->sk_max_ack_backlog) -
	       READ_ONCE(vunix_sk(sk)->q.qlen);
	/*
	 * One at least: messages were received since the timer was set, and
	 * who has not waited may have taken all of that room.
	 */
	wake_senders(sk, max(room, 0) + 1);
	sock_put(sk);
}

/*
 * sk_reset_timer() takes the timer's reference when the timer is set: too late
 * for one that may run before that.
 */
static void set_room_timer(struct sock *sk)
{
	sock_hold(sk);
	if (mod_timer(&sk->sk_timer, jiffies + 1))
		__sock_put(sk);
}

/**
 * vunix_dgram_init_room() - set up the timer that wakes who waits for room
 * @sk: socket
 *
 * Context: Any.
 */
void vunix_dgram_init_room(struct sock *sk)
{
	timer_setup(&sk->sk_timer, room_timer, 0);
}

/**
 * __vunix_dgram_made_room() - vunix_dgram_made_room() where somebody may wait
 * @sk: receiver, in whose peer_wq there was somebody
 *
 * Context: Process, no lock held; behind the barrier that is told of there.
 */
void __vunix_dgram_made_room(struct sock *sk)
{
	if (READ_ONCE(vunix_sk(sk)->q.qlen) <=
	    READ_ONCE(sk->sk_max_ack_backlog) / 4)
		wake_senders(sk, 1);
	else if (!timer_pending(&sk->sk_timer))
		set_room_timer(sk);
}

/**
 * vunix_dgram_leave_room() - a sender that was waiting does not send after all
 * @other: receiver
 *
 * It may be the one that was woken for the room there is.
 *
 * Context: Process, no lock held.
 */
void vunix_dgram_leave_room(struct sock *other)
{
	if (!vunix_recvq_full_lockless(other))
		wake_senders(other, 1);
}

/*
 * Association
 */

/*
 * @sk has lost or changed its peer: what the old one sent is dropped, and if
 * that was connected back, it is told.
 */
static void dgram_disconnected(struct sock *sk, struct sock *old)
{
	if (!READ_ONCE(vunix_sk(sk)->q.qlen))
		return;
	vunix_dgram_purge(sk);
	wake_up_interruptible_all(&unix_sk(sk)->peer_wq.wait);
	if (!sock_flag(old, SOCK_DEAD) && READ_ONCE(unix_peer(old)) == sk) {
		WRITE_ONCE(old->sk_err, ECONNRESET);
		sk_error_report(old);
	}
}

/**
 * vunix_dgram_drop_peer() - end the association with a released socket
 * @sk: datagram socket
 * @other: the released one; the caller has a reference of its own
 *
 * Context: Process, sleeps; no lock held.
 * Return: true if @other was @sk's peer until now.
 */
bool vunix_dgram_drop_peer(struct sock *sk, struct sock *other)
{
	vunix_state_lock(sk);
	if (unix_peer(sk) != other) {
		vunix_state_unlock(sk);
		return false;
	}
	WRITE_ONCE(unix_peer(sk), NULL);
	peer_wake_disconnect_wakeup(sk, other);
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	vunix_state_unlock(sk);

	dgram_disconnected(sk, other);
	sock_put(other);	/* the association's */
	return true;
}

/* Finds the target of connect() and locks both; ERR_PTR() or a reference. */
static struct sock *find_and_lock(struct sock *sk, struct sockaddr_un *sunaddr,
				  int len)
{
	struct sock *other;

	for (;;) {
		other = vunix_name_find_get(sock_net(sk), sunaddr, len,
					    sk->sk_type, 0);
		if (IS_ERR(other))
			return other;
		vunix_state_double_lock(sk, other);
		if (!sock_flag(other, SOCK_DEAD))
			return other;
		/* It died after the lookup; its name is free by now. */
		vunix_state_double_unlock(sk, other);
		sock_put(other);
	}
}

/* The state locks of @sk and @other (or NULL) are held, and dropped. */
static void set_peer_and_unlock(struct sock *sk, struct sock *other)
{
	struct sock *old = unix_peer(sk);

	WRITE_ONCE(unix_peer(sk), other);
	if (!old) {
		vunix_state_double_unlock(sk, other);
		return;
	}
	if (!other)
		WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	peer_wake_disconnect_wakeup(sk, old);
	vunix_state_double_unlock(sk, other);

	if (other != old) {
		dgram_disconnected(sk, old);
		vunix_state_lock(old);
		if (!unix_peer(old))
			WRITE_ONCE(old->sk_state, TCP_CLOSE);
		vunix_state_unlock(old);
	}
	sock_put(old);
}

/**
 * vunix_dgram_connect() - set or dissolve the association of a datagram socket
 * @sock: socket
 * @uaddr: address, or AF_UNSPEC
 * @len: its length
 * @flags: O_NONBLOCK, without effect
 *
 * Context: Process, sleeps.
 * Return: 0 or errno. Behaviour: unix(7), connect(2).
 */
int vunix_dgram_connect(struct socket *sock, vunix_sockaddr *uaddr, int len,
			int flags)
{
	struct sockaddr_un *sunaddr = (struct sockaddr_un *)uaddr;
	struct sock *sk = sock->sk, *other;
	int err;

	if (len < (int)offsetofend(struct sockaddr, sa_family))
		return -EINVAL;
	if (sunaddr->sun_family == AF_UNSPEC) {
		vunix_state_lock(sk);
		set_peer_and_unlock(sk, NULL);
		return 0;
	}

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

	other = find_and_lock(sk, sunaddr, len);
	if (IS_ERR(other))
		return PTR_ERR(other);
	err = -EPERM;
	if (vunix_dgram_may_send(sk, other))
		err = security_unix_may_send(sk->sk_socket, other->sk_socket);
	if (err) {
		vunix_state_double_unlock(sk, other);
		sock_put(other);
		return err;
	}
	WRITE_ONCE(sk->sk_state, TCP_ESTABLISHED);
	WRITE_ONCE(other->sk_state, TCP_ESTABLISHED);
	trace_vunix_connect(sk, other, NULL);
	set_peer_and_unlock(sk, other);
	return 0;
}
