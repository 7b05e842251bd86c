// SPDX-License-Identifier: GPL-2.0
/*
 * Model of a stream's queue, for spin; "check" runs it.
 *
 * One writer, one reader, and a third task that shuts something down; writer and
 * reader close at any step (the reader in some configurations).  Each access to what several use is a step of its
 * own, as in vunix_stream.c and vunix_queue.c: short and long ways of sending and
 * receiving (which of the two may always be either), the waits of both sides,
 * vunix_queue_shutdown(), hang_up(), vunix_sock_release() with its purge.
 *
 * Claims:
 *   - no byte is lost, doubled or out of order, also where a page is used again
 *     as soon as it has been read;
 *   - an end of file is seen behind the last byte that was sent, and then
 *     neither a byte nor a reset comes;
 *   - nothing is queued on a socket once its release has emptied the queue;
 *   - nobody sleeps beside data or room, or when the other side has gone: looked
 *     at when nothing moves any more (idle()), as writer and reader may also stop at any
 *     step and leave their socket open.
 *
 * What differs from the code, and why it makes no difference:
 *   - A send is a byte, and a page has one: what has been read is overwritten at
 *     once.
 *   - Room for one more is when less than CAP is queued, and who waits for it is
 *     woken when no more than LOW is, as with SO_SNDBUF and a quarter of it.
 *   - Wake-ups that take a wait queue's lock are one step.
 *   - Orders that a CPU may change are the business of selftests/litmus; here a
 *     missing barrier is what it allows: to look before one has written
 *     (MUT_LOOK_*, MUT_ENTER_*).
 */
#define BYTES	4
#define CAP	2

/* Configurations: who may close or shut down besides the writer */
#if defined(QUEUE_SHUT)
#define THIRD
#elif defined(QUEUE_CLOSE)
#define READER_CLOSES
#elif defined(QUEUE_BOTH)
#define THIRD
#define READER_CLOSES
#elif defined(QUEUE_LOW)
/* A writer is only woken when the queue is empty. */
#define READER_CLOSES
#define LOW	0
#elif !defined(QUEUE_END)
#error no configuration
#endif
#ifndef LOW
#define LOW	1
#endif
#ifdef THIRD
#define TASKS	3
#else
#define TASKS	2
#endif
#define RING	CAP

#define RCV	1
#define SEND	2


/* The reader's socket has the queue; the writer's is charged for it. */
#define R	0
#define W	1

byte ring[RING];
byte head, tail, wmem;
byte sent;		/* bytes that the writer was told are sent */
byte shut[2];		/* sk_shutdown */
bool err[2];		/* sk_err is ECONNRESET */
bool dead, purged, eof_seen;
bool q_lock[2], u_lock[2];	/* q.lock; state locks */
bool queued[2];		/* the one or the other task is in the wait queue */
bool asleep[2];		/* its state: a wake-up makes it run */
byte ended;		/* tasks that have */

#define lock(l)		atomic { !l -> l = true }
#define unlock(l)	l = false

#define has_room	(wmem < CAP)
#define news(h)		(head != h || err[R] || shut[R] & RCV)

/* The locks of wait queues make one step of these. */
inline wake(x)
{
	d_step {
		if
		:: queued[x] -> queued[x] = false; asleep[x] = false
		:: else
		fi
	}
}

inline enter(x)		/* prepare_to_wait() */
{
	d_step { queued[x] = true; asleep[x] = true }
}

inline leave(x)		/* finish_wait() */
{
	d_step { queued[x] = false; asleep[x] = false }
}

inline shut_down(x, mode)
{
	lock(u_lock[x]);
	lock(q_lock[x]);
	shut[x] = shut[x] | (mode);
	unlock(q_lock[x]);
	unlock(u_lock[x]);
}

/* shutdown(): the socket itself, then the other end */
inline shutdown(x, mode, other, mirror)
{
	shut_down(x, mode);
	wake(x);
	shut_down(other, mirror);
#ifndef MUT_NO_WAKE_SHUTDOWN
	wake(other);
#endif
}

/* The other end is told of a close. */
inline hang_up(x, reset)
{
	lock(u_lock[x]);
	lock(q_lock[x]);
	shut[x] = RCV | SEND;
	unlock(q_lock[x]);
	if
	:: reset -> err[x] = true
	:: else
	fi;
	unlock(u_lock[x]);
#ifndef MUT_NO_WAKE_HANGUP
	wake(x);
#endif
}

/*
 * The writer
 */

/* Publishes the byte behind the head; q.lock is held. */
inline publish()
{
	assert(!eof_seen && !purged);
	head = head + 1;
	wmem = head - tail
}

inline fill()
{
	/* Nobody else looks behind the head. */
	ring[head % RING] = head
}

/* try_send_short(); done: queued */
inline send_short()
{
	done = false;
	if
	:: !(shut[W] & SEND) && !err[W] && has_room ->
#ifdef MUT_SHUT_EARLY
		see = shut[R] & RCV;
#endif
#ifndef MUT_FILL_LATE
		fill();
#endif
		lock(q_lock[R]);
#ifndef MUT_SHUT_EARLY
		see = shut[R] & RCV;
#endif
		if
		:: see
		:: else ->
#ifdef MUT_LOOK_DATA
			waits = queued[R];
#endif
			publish();
#ifdef MUT_FILL_LATE
			ring[(head - 1) % RING] = head - 1;
#endif
#ifndef MUT_LOOK_DATA
			waits = queued[R];
#endif
			done = true
		fi;
		unlock(q_lock[R]);
#ifndef MUT_NO_WAKE_SHORT
		if
		:: done && waits -> wake(R)
		:: else
		fi
#endif
	:: else
	fi
}

/* wmem_sleep() */
inline wait_room()
{
	do
	::
#ifdef MUT_ENTER_ROOM
		see = has_room || shut[W] & SEND || err[W];
		enter(W);
		if
		:: see -> break
		:: else
		fi;
#else
		enter(W);
		if
		:: has_room || shut[W] & SEND || err[W] -> break
		:: else
		fi;
#endif
		!asleep[W]
	od;
	leave(W)
}

/* send_long(): prepare_piece(), send_piece(); failed: the call ends */
inline send_long()
{
	done = false;
	failed = false;
	do
	:: err[W] -> err[W] = false; failed = true; break
	:: else ->
		if
		:: shut[W] & SEND -> failed = true; break
		:: else
		fi;
		if
		:: has_room -> break
		:: else -> wait_room()
		fi
	od;
	if
	:: failed
	:: else ->
		fill();
		lock(q_lock[R]);
		if
		:: dead || shut[R] & RCV -> failed = true
		:: else -> publish(); done = true
		fi;
		unlock(q_lock[R]);
#ifndef MUT_NO_WAKE_LONG
		if
		:: done -> wake(R)	/* sk_data_ready() */
		:: else
		fi
#endif
	fi
}

proctype writer()
{
	bool done, failed, see, waits;

	do
	:: sent < BYTES ->
		send_short();
		if
		:: done
		:: else -> send_long()
		fi;
		if
		:: done -> sent = sent + 1
		:: else -> break
		fi
	:: sent < BYTES ->
		send_long();
		if
		:: done -> sent = sent + 1
		:: else -> break
		fi
	:: break		/* closes, at any step or at the end */
	:: goto idle		/* or never does */
	od;
	/* vunix_sock_release() */
	lock(u_lock[W]);
	shut[W] = RCV | SEND;
	unlock(u_lock[W]);
	/* Something unread in its own queue, or nothing. */
	if
	:: hang_up(R, true)
	:: hang_up(R, false)
	fi;
idle:
	ended++
}

/*
 * The reader
 */

/* Takes the byte at the tail; the iolock is held, it is queued. */
inline take()
{
#ifndef MUT_TAIL_FIRST
	value = ring[tail % RING];
#endif
	lock(q_lock[R]);
	value_at = tail;
	tail = tail + 1;
#ifdef MUT_LOOK_ROOM
	waits = queued[W];
#endif
	wmem = head - tail;
#ifndef MUT_LOOK_ROOM
	waits = queued[W];
#endif
	unlock(q_lock[R]);
#ifdef MUT_TAIL_FIRST
	value = ring[value_at % RING];
#endif
	assert(value == value_at);
#ifndef MUT_NO_WAKE_ROOM
	/* vunix_write_space() */
	if
	:: waits && wmem <= LOW -> wake(W)
	:: else
	fi
#endif
}

/* stream_data_wait() */
inline wait_data()
{
#ifdef MUT_NEW_HEAD
	seen = head;
#endif
	do
	::
#ifdef MUT_ENTER_DATA
		see = news(seen);
		enter(R);
		if
		:: see -> break
		:: else
		fi;
#else
		enter(R);
		if
		:: news(seen) -> break
		:: else
		fi;
#endif
		!asleep[R];
		if
		:: news(seen) -> break
		:: else
		fi
	od;
	leave(R)
}

/* vunix_sock_release() of the reader's socket */
inline release_reader()
{
#ifdef MUT_PURGE_FIRST
	purge();
#endif
	lock(u_lock[R]);
#ifndef MUT_NOT_SHUT
	shut[R] = RCV | SEND;
#endif
	unlock(u_lock[R]);
	/* vunix_queue_kill() */
	lock(q_lock[R]);
	dead = true;
	unlock(q_lock[R]);
	see = head != tail;
	hang_up(W, see);
#ifndef MUT_PURGE_FIRST
	purge();
#endif
}

/* vunix_stream_purge() */
inline purge()
{
	lock(q_lock[R]);
	tail = head;
	wmem = 0;
	waits = queued[W];
	purged = true;
	unlock(q_lock[R]);
	if
	:: waits -> wake(W)
	:: else
	fi
}

proctype reader()
{
	bool see, waits;
	byte seen, value, value_at;

	do
	:: true ->
		/* try_read_short(): no lock; or read_queued() */
		if
		:: seen = head
		:: lock(q_lock[R]); seen = head; unlock(q_lock[R])
		fi;
		if
		:: seen != tail -> take()
		:: else ->
			if
			:: err[R] || shut[R] & RCV ->
#ifndef MUT_END_UNLOCKED
				lock(u_lock[R]);
#endif
#ifdef MUT_END_AT_ONCE
				see = false;
#else
				see = head != seen;
#endif
				if
				:: see
#ifndef MUT_END_UNLOCKED
					-> unlock(u_lock[R])
#endif
				:: else ->
					if
					:: err[R] -> err[R] = false
					:: else -> eof_seen = true
					fi;
#ifndef MUT_END_UNLOCKED
					unlock(u_lock[R]);
#endif
					if
					:: eof_seen -> break
					:: else
					fi
				fi
			:: else -> wait_data()
			fi
		fi
#ifdef READER_CLOSES
	:: break
#endif
	:: goto idle
	od;
	/* All that was sent has been read; in order, since take() compares. */
	assert(!eof_seen || tail == head);
#ifndef THIRD
	/* The end has come by hang_up(): with a reset, or there is none. */
	if
	:: eof_seen ->
		lock(u_lock[R]);
		assert(!err[R]);
		unlock(u_lock[R])
	:: else
	fi;
#endif
	release_reader();
idle:
	ended++
}

/* Another thread of the one or the other process */
proctype third()
{
	if
	:: shutdown(W, SEND, R, RCV)
	:: shutdown(R, RCV, W, SEND)
	:: shutdown(W, RCV | SEND, R, RCV | SEND)
	:: true
	fi;
	ended++
}

/* When nothing moves any more */
proctype idle()
{
	timeout;
	/* Who has not ended sleeps, and no lock is held. */
	assert(ended + asleep[R] + asleep[W] == TASKS);
	assert(!asleep[R] || head == tail && !err[R] && !(shut[R] & RCV));
	assert(!asleep[W] || wmem > LOW && !err[W] && !(shut[W] & SEND))
}

init
{
	atomic {
		run writer();
		run reader();
#ifdef THIRD
		run third();
#endif
		run idle()
	}
}
