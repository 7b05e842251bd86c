// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting: for room by SO_SNDBUF, spinning for something to read, and what
 * sockets remember of their sleeps.  Owns no lock.  Who waits for what else, and
 * how nobody is forgotten, is told where it is waited for (vunix_stream.c,
 * vunix_dgram.c, vunix_assoc.c, vunix_conn.c).
 */
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <net/tcp_states.h>
#include "vunix.h"
#include "vunix_trace.h"

/**
 * vunix_writable() - is there room by poll()'s rule?
 * @sk: sender
 * @state: its sk_state
 *
 * Context: Any.
 * Return: true while a quarter or less of SO_SNDBUF is in use.
 */
bool vunix_writable(const struct sock *sk, unsigned char state)
{
	/* Four times as much as may be in use is more than an int can be. */
	return state != TCP_LISTEN &&
	       refcount_read(&sk->sk_wmem_alloc) <=
	       (unsigned int)READ_ONCE(sk->sk_sndbuf) / 4;
}

/**
 * vunix_write_space() - wake who waits for room, if there is enough
 * @sk: sender whose queued memory has become less
 *
 * Context: Any without spinlocks of ours.
 */
void vunix_write_space(struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	if (vunix_writable(sk, READ_ONCE(sk->sk_state))) {
		wq = rcu_dereference(sk->sk_wq);
		/* Less is charged, then who waits.  Litmus: sleep-space. */
		if (skwq_has_sleeper(wq))
			wake_up_interruptible_sync_poll(&wq->wait, EPOLLOUT |
							EPOLLWRNORM |
							EPOLLWRBAND);
		sk_wake_async(sk, SOCK_WAKE_SPACE, POLL_OUT);
	}
	rcu_read_unlock();
}

/**
 * vunix_wmem_uncharge() - give accounted memory back and wake the sender
 * @sk: sender; may be freed by this
 * @n: bytes, not 0
 *
 * Context: Process, no spinlock of ours held.
 */
void vunix_wmem_uncharge(struct sock *sk, unsigned int n)
{
	vunix_wmem_uncharge_but_one(sk, n);
	vunix_wmem_wake(sk);
	sk_free(sk);
}

/* How long a reader of @sk may spin, who will wait for @timeo at most. */
static unsigned int busy_usec(const struct sock *sk, long timeo)
{
	unsigned int usec = 0;

#ifdef CONFIG_NET_RX_BUSY_POLL
	usec = READ_ONCE(sk->sk_ll_usec);
#endif
	if (!usec)
		usec = vunix_busy_default(vunix_sk(sk)->vn);
	usec = min_t(unsigned int, usec, VUNIX_BUSY_MAX);
	if (usec && timeo < usecs_to_jiffies(VUNIX_BUSY_MAX))
		usec = min_t(unsigned int, usec, jiffies_to_usecs(timeo));
	return usec;
}

/**
 * vunix_busy_wait() - look for something to read for a while, before sleeping
 * @sk: reader's socket
 * @head: head of its queue, in front of which there is nothing
 * @timeo: left of SO_RCVTIMEO, in jiffies; what was spent is taken off
 *
 * Only where it is asked for: by SO_BUSY_POLL, or net.vunix.busy_poll where that
 * says nothing.  Going to sleep and being woken costs more than most answers take
 * to come.  Not if others want the processor: whoever is to write may be one of
 * them.  (Offering it to them by yield() does not spare what sleeping costs.)
 * It needs no barrier: who is told to look looks with one.  Litmus: busy-read.
 *
 * It ends for anything that a sleeper would wake up for, but only what has been
 * queued makes going to sleep needless: what else there is, is the caller's to
 * find, with its own order of tests.
 *
 * Context: Process, no lock held. Spins for VUNIX_BUSY_MAX microseconds at most.
 * Return: true if the head is another one.
 */
bool vunix_busy_wait(struct sock *sk, u32 head, long *timeo)
{
	unsigned int usec = busy_usec(sk, *timeo);
	unsigned long start = jiffies;
	u64 end;

	/* There a spinning reader may keep what it waits for from running. */
	if (likely(!usec) || IS_ENABLED(CONFIG_PREEMPT_RT))
		return false;
	end = ktime_get_ns() + usec * NSEC_PER_USEC;
	while (!vunix_has_news_lockless(sk, head) &&
	       !signal_pending(current) && !need_resched() &&
	       single_task_running() && ktime_get_ns() < end)
		cpu_relax();
	if (*timeo != MAX_SCHEDULE_TIMEOUT)
		*timeo -= min_t(unsigned long, *timeo, jiffies - start);
	return READ_ONCE(vunix_sk(sk)->q.head) != head;
}

/**
 * vunix_wake_reader() - wait queue function of who waits for something to read
 * @wait: entry in a socket's wait queue
 * @mode: tasks to wake
 * @sync: WF_*
 * @key: events, or NULL for all
 *
 * Readers and writers of a socket wait in one queue; room is not news to who
 * waits for data, and would cost it two context switches.
 *
 * Context: Any, lock of the wait queue held.
 * Return: as autoremove_wake_function(), 0 if it is left asleep.
 */
int vunix_wake_reader(wait_queue_entry_t *wait, unsigned int mode, int sync,
		      void *key)
{
	if (key && !(key_to_poll(key) & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		return 0;
	return autoremove_wake_function(wait, mode, sync, key);
}

/* The same for who waits for room. */
static int wake_writer(wait_queue_entry_t *wait, unsigned int mode, int sync,
		       void *key)
{
	if (key && !(key_to_poll(key) & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return 0;
	return autoremove_wake_function(wait, mode, sync, key);
}

/**
 * vunix_sock_sleep() - schedule_timeout(), and remember it
 * @sk: socket of the call that sleeps
 * @other: whom it waits for, held by the caller; NULL: the peer of a connection,
 *	or nobody known
 * @what: it waits for: VUNIX_WAIT_*
 * @timeo: how long at most; the state of the task is set
 *
 * Context: Process, sleeps; no spinlock held. Takes and drops the state lock.
 * Return: what is left of @timeo.
 */
long vunix_sock_sleep(struct sock *sk, struct sock *other, int what,
		      long timeo)
{
	struct vunix_sock *vs = vunix_sk(sk);
	u64 start = ktime_get_ns(), ns;

	/* It does not change as long as there is a call on the socket. */
	if (!other && vunix_is_connected_type(sk))
		other = READ_ONCE(unix_peer(sk));
	trace_vunix_block(sk, other, what);
	timeo = schedule_timeout(timeo);
	ns = ktime_get_ns() - start;
	trace_vunix_wake(sk, other, what, ns);
	vunix_state_lock(sk);
	vs->blocked++;
	vs->blocked_ns += ns;
	vunix_state_unlock(sk);
	return timeo;
}

/**
 * vunix_sock_count_refused() - a send has ended with EAGAIN
 * @sk: sender
 *
 * Context: Process. Takes and drops the state lock.
 */
void vunix_sock_count_refused(struct sock *sk)
{
	vunix_state_lock(sk);
	vunix_sk(sk)->refused++;
	vunix_state_unlock(sk);
}

static long wmem_sleep(struct sock *sk, long timeo)
{
	DEFINE_WAIT_FUNC(wait, wake_writer);

	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	while (timeo && !signal_pending(current)) {
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		/* Litmus: sleep-room, sleep-space. */
		prepare_to_wait(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
		if (vunix_wmem_has_room(sk) ||
		    READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
		    READ_ONCE(sk->sk_err))
			break;
		timeo = vunix_sock_sleep(sk, NULL, VUNIX_WAIT_ROOM, timeo);
	}
	finish_wait(sk_sleep(sk), &wait);
	return timeo;
}

/**
 * vunix_wmem_wait() - wait until a sender may queue more
 * @sk: sender
 * @timeo: left of SO_SNDTIMEO (0: do not wait), updated
 *
 * One more message may be queued while less than SO_SNDBUF is in use, so the
 * limit may be passed by one message, as with AF_UNIX.
 *
 * Context: Process, sleeps; no lock held.
 * Return: 0, the pending error of the socket, -EPIPE after shutdown, -EAGAIN,
 * or an interruption.
 */
int vunix_wmem_wait(struct sock *sk, long *timeo)
{
	int err;

	for (;;) {
		err = sock_error(sk);
		if (err)
			return err;
		if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
			return -EPIPE;
		if (vunix_wmem_has_room(sk))
			return 0;
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		if (!*timeo)
			return -EAGAIN;
		if (signal_pending(current))
			return sock_intr_errno(*timeo);
		*timeo = wmem_sleep(sk, *timeo);
	}
}

/**
 * vunix_wmem_try_charge() - account a message, if there is room for it still
 * @sk: sender, which vunix_wmem_wait() has let through
 * @n: bytes, at most VUNIX_QUEUE_MAX / 2
 *
 * Of several that have been let through, those whose messages are large might
 * together count for more than sk_wmem_alloc can tell.
 *
 * Context: Process; no lock held.
 * Return: whether it is accounted.
 */
bool vunix_wmem_try_charge(struct sock *sk, unsigned int n)
{
	bool room;

	vunix_state_lock(sk);
	room = vunix_wmem_has_room(sk);
	if (room)
		vunix_wmem_charge(sk, n);
	vunix_state_unlock(sk);
	return room;
}
