// SPDX-License-Identifier: GPL-2.0
/*
 * Model of sockets in flight and of their collector, for spin; "check" runs it.
 *
 * Two sockets, or three, or a socket, a listener and the listener's embryo;
 * tasks that send, receive, peek, accept, connect and close at the same time;
 * the collector's passes among them, step by step as in vunix_gc_core.c and
 * vunix_gc.c: each access to what several use is a step of its own, in program
 * order (what a CPU may reorder is not this model's business).
 *
 * Claims:
 *   - nothing is collected that is open, in use by a call, or in the queue of
 *     something that is (assertions in purge());
 *   - when the tasks have ended, one pass leaves nothing that is not
 *     (assertions in collector());
 *   - when the rest is closed, the next pass leaves nothing at all;
 *   - with SUSPECTS: the same if only suspects are looked at, no suspect is
 *     kept on, and no parcel is freed under a walk's feet.
 *
 * What differs from the code, and why it makes no difference:
 *   - A message carries one socket, with PAIR one or two.
 *   - The count of changes is a bit that the collector clears where it reads
 *     the count first: it only ever asks whether the count is the same.
 *   - A group is any subset of the sockets (SUBSETS), or all of them.  The
 *     search may not find a live one dead whichever group it is given.
 *   - Its order is any, too: the list's order depends on history.
 *   - Files are not used again, sockets keep their memory: not looked at here.
 *
 * Safe also without these, as far as the configurations show: accept's change of
 * the count (ACCEPTS MUT_ACCEPT), and one of the two that a receive makes (CHAIN
 * MUT_UNLINK_QUEUE, MUT_UNLINK_SOCKET); both cannot be left out (MUT_UNLINK).
 * The second reading need not compare what is in flight (CHAIN MUT_NO_INFLIGHT).
 *
 * Parameters (-D): see "check", which has the configurations, and the
 * mutations MUT_x that must be caught.
 */
#define SEND	1
#define RECV	2
#define PEEK	4
#define CLOSE	8
#define ACCEPT	16
#define CONNECT	32

/*
 * Configurations: who has what open (O), what is queued where in the beginning
 * (Q), and who may do what.
 */
#if defined(SELF)
/* A socket in its own queue. */
#define START	O(0, 0); O(1, 0); Q(0, 0)
#define OPS1	(SEND | RECV | PEEK | CLOSE)
#define OPS2	(SEND | PEEK | CLOSE)
#define K2	1
#elif defined(CYCLE)
/* Each in the other's queue, each the last that its task has. */
#define START	O(0, 0); O(1, 1); Q(0, 1); Q(1, 0)
#define OPS1	(RECV | PEEK | CLOSE)
#define OPS2	(SEND | RECV | CLOSE)
#define K2	1
#elif defined(PEEKS)
/* Peek at the next, close the one before, as often as it goes. */
#define SUBSETS
#define START	O(0, 0); Q(0, 1); Q(1, 0)
#define OPS1	(PEEK | CLOSE)
#define K1	6
#define OPS2	0
#define K2	0
#elif defined(CHAIN)
/* Receive the next, close the one before, as often as it goes. */
#define START	O(0, 0); Q(0, 1); Q(1, 0); Q(0, 1)
#define OPS1	(RECV | CLOSE)
#define K1	6
#define OPS2	0
#define K2	0
#elif defined(RING)
/* The same with three sockets. */
#define N	3
#define ANY_ORDER
#define START	O(0, 0); Q(0, 1); Q(1, 2); Q(2, 0)
#define OPS1	(RECV | CLOSE)
#define K1	3
#define OPS2	0
#define K2	0
#elif defined(SENDS)
/* A cycle comes to be, and loses its last holders, while it looks. */
#define START	O(0, 0); O(0, 1); O(1, 0); Q(0, 1)
#define OPS1	(SEND | CLOSE)
#define K1	3
#define OPS2	RECV
#define K2	1
#elif defined(ACCEPTS)
/* A listener that only the queue of its own embryo holds besides a task. */
#define LISTEN
#define N	3
#define START	O(0, 1); O(1, 0); used = 1; acc = 1; Q(2, 1)
#define OPS1	(ACCEPT | RECV | CLOSE)
#define K1	3
#define OPS2	SEND
#define K2	1
#elif defined(CONNECTS)
/* The embryo comes between two looks, then something into its queue. */
#define LISTEN
#define N	3
#define START	O(0, 1); O(1, 1); Q(0, 1)
#define OPS1	(CONNECT | SEND | CLOSE)
#define K1	3
#define OPS2	(ACCEPT | CLOSE)
#define K2	2
#elif defined(TABLE)
/* Threads share a table: what one looks up, the other has just closed. */
#define SHARED
#define START	O(0, 0); Q(0, 0)
#define OPS1	(RECV | CLOSE)
#define OPS2	(SEND | PEEK | CLOSE)
#elif defined(PAIRS)
/* Messages with two sockets. */
#define PAIR
#define START	O(0, 0); O(0, 1); O(1, 1)
#define OPS1	(SEND | CLOSE)
#define OPS2	(RECV | CLOSE)
#define K2	1
#elif defined(FLAGS)
/* Only suspects are looked at: one ceases to be, and is again. */
#define SUSPECTS
#define START	O(1, 1); Q(1, 1)
#define OPS1	0
#define K1	0
#define OPS2	(SEND | RECV | CLOSE)
#define K2	4
#elif defined(WALKS)
/* Something leaves a queue whose socket is becoming a suspect. */
#define SUSPECTS
#define START	O(0, 1); O(1, 1); Q(1, 0)
#define OPS1	SEND
#define K1	1
#define OPS2	RECV
#define K2	1
#else
#error "which configuration?"
#endif

#ifndef N
#define N	2		/* sockets */
#endif
#ifndef NP
#define NP	8		/* parcels at a time */
#endif
#ifndef K1
#define K1	2		/* calls of a task */
#endif
#ifndef K2
#define K2	2
#endif
#ifndef PASSES
#define PASSES	1		/* while the tasks run */
#endif
/* Two that may lose a live one leak, too: that is not what they must show. */
#if defined(MUT_OOB_TWICE) || defined(MUT_OOB_STAYS)
#define FINAL	0
#else
#define FINAL	2		/* afterwards */
#endif

#define ROUNDS	8
#if defined(MUT_OOB_TWICE) || defined(MUT_OOB_UNLINKED) || \
    defined(MUT_OOB_STAYS)
#define ODD
#endif

/* As AF_UNIX's did: embryos come and go unnoticed, and are looked at once. */
#ifdef MUT_EMBRYO_ONCE
#define MUT_ACCEPT
#define MUT_NO_RECOUNT
#endif

#define END	15		/* of a list */
#define NONE	14		/* no socket */

#ifdef LISTEN
#define LISTENER	1
#define EMBRYO		2
#define NOT_EMBRYO(x)	((x) != EMBRYO)
#define BYTES(q)	((q) != LISTENER)	/* has a queue of messages */
#else
#define LISTENER	99
#define EMBRYO		0			/* not used */
#define NOT_EMBRYO(x)	true
#define BYTES(q)	true
#endif

/* Descriptors: of a task, or of a table that the tasks share. */
#ifdef SHARED
byte fds[N];
#define FD(t, x)	fds[x]
#define OPEN(x)		(fds[x] > 0)
#else
byte fds[2 * N];
#define FD(t, x)	fds[(t) * N + (x)]
#define OPEN(x)		(fds[x] + fds[N + (x)] > 0)
#endif

/* Sockets */
byte refs[N];			/* of the file */
byte inflight[N];
bit changed[N];			/* since the collector has read the count */
byte head[N], tail[N];		/* parcels of the queue */
bit lock[N];			/* q.lock */
bit rlock[N];			/* one reader at a time */
bit dead[N];			/* queue killed: release has begun */
bit pend[N];			/* release has to be done, or is being done */
#ifdef LISTEN
bit acc;			/* embryo is in the accept queue */
bit used;			/* it has been connected */
#endif
#ifdef SUSPECTS
byte queued[N];
bit flag[N];			/* VUNIX_GC_SUSPECT */
bit innew[N];			/* gc_new */
bit inall[N];			/* gc_all */
#endif

/* Parcels */
byte nxt[NP], sk[NP];
#ifdef PAIR
byte sk2[NP];
#endif
byte pst[NP];			/* 0 free, 1 in use, 2 free after the walk */
#ifdef ODD
bit odd[NP];			/* of an urgent byte: mutations */
#endif
bit walking;			/* the collector is in its RCU section... */
byte cp = END;			/* ...at this parcel */

/* References with which calls can do something: known to assertions only. */
byte hold[N];
byte tasks = 2;
bit stop;

hidden byte reach[N];
hidden byte gi, gj, gp;

/* Within d_step: who can be reached? */
inline find_reach()
{
	gi = 0;
	do
	:: gi < N -> reach[gi] = OPEN(gi) || hold[gi] > 0; gi++
	:: else -> break
	od;
	gj = 0;
	do
	:: gj < N ->
		gi = 0;
		do
		:: gi < N ->
			if
			:: reach[gi] ->
				gp = head[gi];
				do
				:: gp != END ->
#ifdef MUT_OOB_STAYS
					if
					:: !odd[gp] -> reach[sk[gp]] = 1
					:: else
					fi;
#else
					reach[sk[gp]] = 1;
#endif
#ifdef PAIR
					if
					:: sk2[gp] != NONE -> reach[sk2[gp]] = 1
					:: else
					fi;
#endif
					gp = nxt[gp]
				:: else -> break
				od
			:: else
			fi;
#ifdef LISTEN
			if
			:: gi == LISTENER && reach[gi] && acc ->
				reach[EMBRYO] = 1
			:: else
			fi;
#endif
			gi++
		:: else -> break
		od;
		gj++
	:: else -> break
	od;
	gp = 0
}

/*
 * Files
 */

/* A reference goes that a call holds; @use: that could use it. */
inline put(x, use)
{
	atomic {
		hold[x] = hold[x] - use;
		refs[x]--;
		if
		:: refs[x] == 0 -> pend[x] = 1
		:: else
		fi
	}
}

/* A reference that the call holds becomes a descriptor. */
#define INSTALL(x)	hold[x]--; FD(t, x)++

/*
 * What is one step below: a local act with the access after it, a lock taken
 * with the first access under it, a lock dropped with the last.  Nobody could
 * tell the difference.
 */

#ifdef SHARED
/*
 * A call begins that uses descriptor @x: that it is in the table has been read,
 * by choose_call().  Who has a table for himself borrows the table's reference.
 */
inline fdget(x)
{
	if
	:: atomic { refs[x] > 0 -> refs[x]++ };
#ifdef MUT_FGET
		atomic { ok = 1; hold[x]++ }
#else
		if
		:: atomic { FD(t, x) > 0 -> ok = 1; hold[x]++ }
		:: FD(t, x) == 0 -> put(x, 0)
		fi
#endif
	:: refs[x] == 0
	fi
}
#endif

/*
 * The graph
 */

#ifdef SUSPECTS
inline look(x)
{
	if
	:: inflight[x] > 0 ->
		if
		:: queued[x] > 0 || x == LISTENER ->
			if
			:: atomic { flag[x] == 0 -> flag[x] = 1 };
				innew[x] = 1
			:: flag[x] == 1
			fi
		:: queued[x] == 0 && x != LISTENER
		fi
	:: inflight[x] == 0
	fi
}
#endif

/* vunix_gc_link(), with the lock of @q around it */
inline link(q)
{
	atomic {
		lock[q] == 0 ->
		if
		:: dead[q] -> q = NONE
		:: else ->
			lock[q] = 1;
			p = 0;
			do
			:: pst[p] != 0 || p == cp -> p++
			:: else -> break
			od;
			pst[p] = 1;
			sk[p] = x;
			nxt[p] = END;
#ifdef PAIR
			sk2[p] = y;
#endif
#ifdef ODD
			/* Is it one of those that are treated badly? */
			if
			:: odd[p] = 0
#ifndef MUT_OOB_STAYS
			:: odd[p] = 1
#endif
			fi;
#endif
			changed[x] = 1
		fi
	};
	if
	:: q == NONE ->
		put(x, 1);
#ifdef PAIR
		if
		:: y != NONE -> put(y, 1)
		:: else
		fi
#endif
	:: else ->
#ifdef MUT_SUSPECT_EARLY
		look(x);
		look(q);
#endif
#ifdef MUT_OOB_TWICE
		inflight[x] = inflight[x] + 1 + odd[p];
#else
		inflight[x]++;
#endif
#ifdef PAIR
		if
		:: y != NONE ->
			changed[y] = 1;
			inflight[y]++
		:: else
		fi;
#endif
		d_step {
			if
			:: tail[q] == END -> head[q] = p
			:: else -> nxt[tail[q]] = p
			fi;
			tail[q] = p;
			hold[x]--;
#ifdef PAIR
			if
			:: y != NONE -> hold[y]--
			:: else
			fi;
#endif
#ifndef SUSPECTS
			lock[q] = 0
#endif
		};
#ifdef SUSPECTS
		queued[q]++;
#ifndef MUT_SUSPECT_EARLY
		look(x);
		look(q);
#endif
		lock[q] = 0
#endif
	fi
}

#ifdef MUT_OOB_STAYS
#define FIRST(q)	(head[q] == END -> END : \
			 (odd[head[q]] -> END : head[q]))
#else
#define FIRST(q)	head[q]
#endif

/*
 * vunix_gc_unlink() of the first message of @q, @p: first the count, together
 * with taking the lock; then the rest, and the lock is dropped.
 */
inline count_change(q)
{
#if defined(MUT_LATE) || defined(MUT_UNLINK) || defined(MUT_UNLINK_QUEUE)
	skip
#else
	changed[q] = 1
#endif
}

/* @use: 1 if a task receives */
inline unlink(q, use)
{
#ifdef MUT_WALKED_EARLY
	walked = flag[q];
#endif
	d_step {
		x = sk[p];
		hold[x] = hold[x] + use;
#ifdef PAIR
		y = sk2[p];
		if
		:: y != NONE -> hold[y] = hold[y] + use
		:: else
		fi;
#endif
#ifdef MUT_OOB_STAYS
		odd[p] = 1
#else
		if
		:: tail[q] == p -> tail[q] = END
		:: else
		fi;
		head[q] = nxt[p]
#endif
	};
#if defined(SUSPECTS) && !defined(MUT_WALKED_EARLY)
	walked = flag[q];
#endif
#if !defined(MUT_LATE) && !defined(MUT_UNLINK) && \
    !defined(MUT_UNLINK_SOCKET)
	changed[x] = 1;
#endif
#ifdef PAIR
	inflight[x]--;
	if
	:: y != NONE ->
		changed[y] = 1;
		inflight[y]--
	:: else
	fi;
#endif
#ifdef SUSPECTS
	inflight[x]--;
	queued[q]--;
#endif
}

/* The end of it, with which the lock is dropped. */
inline unlink_last(q)
{
#if defined(MUT_OOB_STAYS) || defined(SUSPECTS) || defined(PAIR)
#elif defined(MUT_OOB_TWICE)
	inflight[x] = inflight[x] - 1 - odd[p];
	odd[p] = 0;
#else
	inflight[x]--;
#endif
#if defined(SUSPECTS)
	pst[p] = (walking && walked -> 2 : 0);
	walked = 0;
#elif !defined(MUT_OOB_STAYS)
	if
	:: walking -> pst[p] = 2
	:: else -> pst[p] = 0; nxt[p] = 0; sk[p] = 0
	fi;
#endif
	p = 0;
	lock[q] = 0
}

/* Is what is emptied dead?  As far as the collector is concerned. */
inline check_dead(n, by_gc)
{
	d_step {
		if
		:: by_gc ->
			find_reach();
			assert(!reach[n])
		:: else
		fi
	}
}

/* Empties the queue of @n, and of its embryo. */
inline purge(n, by_gc)
{
	do
	:: atomic {
			lock[n] == 0 ->
			p = FIRST(n);
			if
			:: p != END ->
				lock[n] = 1;
				check_dead(n, by_gc);
				count_change(n)
#ifdef LISTEN
			:: p == END && n == LISTENER && acc ->
				lock[n] = 1;
				check_dead(n, by_gc);
				changed[n] = 1
#endif
			:: else
			fi
		};
		if
		:: p != END ->
			unlink(n, 0);
			d_step { unlink_last(n) };
			put(x, 0);
#ifdef PAIR
			if
			:: y != NONE -> put(y, 0)
			:: else
			fi
#endif
#ifdef LISTEN
		:: p == END && n == LISTENER && lock[n] && acc ->
			d_step { acc = 0; lock[n] = 0; n = EMBRYO };
			atomic { lock[n] == 0 -> dead[n] = 1 }
#endif
		:: else -> break
		fi
	od;
	skip
}

/*
 * Tasks
 */

inline choose_call()
{
	if
	:: (ops & SEND) && FD(t, 0) > 0 -> op = SEND; x = 0
	:: (ops & SEND) && FD(t, 1) > 0 -> op = SEND; x = 1
#if N > 2
	:: (ops & SEND) && FD(t, 2) > 0 -> op = SEND; x = 2
#endif
	:: (ops & RECV) && FD(t, 0) > 0 && BYTES(0) -> op = RECV; q = 0
	:: (ops & RECV) && FD(t, 1) > 0 && BYTES(1) -> op = RECV; q = 1
#if N > 2
	:: (ops & RECV) && FD(t, 2) > 0 -> op = RECV; q = 2
#endif
	:: (ops & PEEK) && FD(t, 0) > 0 && BYTES(0) -> op = PEEK; q = 0
	:: (ops & PEEK) && FD(t, 1) > 0 && BYTES(1) -> op = PEEK; q = 1
#if N > 2
	:: (ops & PEEK) && FD(t, 2) > 0 -> op = PEEK; q = 2
#endif
	:: (ops & CLOSE) && FD(t, 0) > 0 -> op = CLOSE; x = 0
	:: (ops & CLOSE) && FD(t, 1) > 0 -> op = CLOSE; x = 1
#if N > 2
	:: (ops & CLOSE) && FD(t, 2) > 0 -> op = CLOSE; x = 2
#endif
#ifdef LISTEN
	:: (ops & ACCEPT) && FD(t, LISTENER) > 0 && acc ->
		op = ACCEPT; q = LISTENER
	:: (ops & CONNECT) && !used -> op = CONNECT; q = LISTENER
#endif
	:: else -> op = 0; k = 0
	fi;
	if
	:: op == SEND ->
		if
		:: BYTES(0) -> q = 0
		:: BYTES(1) -> q = 1
#if N > 2
#ifdef LISTEN
		:: used -> q = 2
#else
		:: q = 2
#endif
#endif
		fi;
#ifndef SHARED
		/* The reference that the message will hold: the call's yet. */
		refs[x]++;
		hold[x]++;
#endif
#ifdef PAIR
		y = NONE;
		if
		:: FD(t, 1 - x) > 0 -> y = 1 - x; refs[y]++; hold[y]++
		:: true
		fi
#endif
	:: else
	fi
}

inline do_send()
{
#ifdef SHARED
	fdget(x);
	if
	:: ok -> link(q)
	:: else
	fi
#else
	link(q)
#endif
}

inline receive()
{
	atomic {
		lock[q] == 0 && rlock[q] == 0 ->
		p = FIRST(q);
		if
		:: p != END -> lock[q] = 1; count_change(q)
		:: else
		fi
	};
	if
	:: p != END ->
		unlink(q, 1);
#ifdef SHARED
		d_step { unlink_last(q) };
		d_step { INSTALL(x) };
#else
		d_step {
			unlink_last(q);
			INSTALL(x);
#ifdef PAIR
			if
			:: y != NONE -> INSTALL(y)
			:: else
			fi
#endif
		};
#endif
#ifdef MUT_LATE
		atomic { late = 1; late_q = q }
#endif
	:: else
	fi
}

/* The lock is not held while it is duplicated, but nobody can take it out. */
inline peek()
{
	atomic {
		lock[q] == 0 && rlock[q] == 0 ->
		p = FIRST(q);
		if
		:: p != END ->
			x = sk[p];
			rlock[q] = 1;
#if !defined(MUT_PEEK) && !defined(MUT_PEEK_LATE)
			changed[q] = 1
#endif
		:: else
		fi
	};
	if
	:: p != END ->
		d_step {
			refs[x]++;
			hold[x]++;
#ifndef SHARED
			INSTALL(x);
#endif
			rlock[q] = 0
		};
#ifdef SHARED
		d_step { INSTALL(x) };
#endif
#ifdef MUT_PEEK_LATE
		atomic { late = 1; late_q = q }
#endif
	:: else
	fi
}

#ifdef LISTEN
inline accept()
{
	atomic {
		lock[q] == 0 ->
		if
		:: acc ->
			lock[q] = 1;
#ifndef MUT_ACCEPT
			changed[q] = 1
#endif
		:: else -> q = NONE
		fi
	};
	if
	:: q != NONE ->
		d_step { acc = 0; hold[EMBRYO]++; lock[q] = 0 };
		d_step { refs[EMBRYO] = 1; INSTALL(EMBRYO) }
	:: else
	fi
}

inline connect()
{
	atomic {
		lock[q] == 0 ->
		if
		:: !dead[q] && !used -> acc = 1; used = 1
		:: else
		fi
	}
}
#endif

inline close()
{
#ifdef SHARED
	if
	:: atomic { FD(t, x) > 0 -> FD(t, x)--; hold[x]++ };
		put(x, 1)
	:: FD(t, x) == 0
	fi
#else
	atomic { FD(t, x)--; hold[x]++; put(x, 1) }
#endif
}

/* A call on @q */
#ifdef SHARED
#define CALL(what)	\
	fdget(q);	\
	if		\
	:: ok ->	\
		what;	\
		put(q, 1) \
	:: else		\
	fi
#else
#define CALL(what)	what
#endif

proctype task(byte t, k, ops)
{
	byte op, x, q, p;
#if defined(MUT_LATE) || defined(MUT_PEEK_LATE)
	byte late_q;
	bit late;
#endif
#ifdef SHARED
	bit ok;
#endif
#ifdef PAIR
	byte y;
#endif
#ifdef SUSPECTS
	bit walked;
#endif

	do
#if defined(MUT_LATE) || defined(MUT_PEEK_LATE)
	/* When the call has ended, at some time */
	:: atomic { late -> changed[late_q] = 1; late = 0; late_q = 0 }
#endif
	:: atomic { k > 0 -> k--; choose_call() };
		if
		:: op == SEND -> do_send()
		:: op == RECV -> CALL(receive())
		:: op == PEEK -> CALL(peek())
		:: op == CLOSE -> close()
#ifdef LISTEN
		:: op == ACCEPT -> CALL(accept())
		:: op == CONNECT -> connect()
#endif
		:: else
		fi;
		atomic {
#ifdef SHARED
			ok = 0;
#endif
#ifdef PAIR
			y = 0;
#endif
			op = 0; x = 0; q = 0; p = 0
		}
	:: atomic { k == 0 -> tasks--; break }
	od
}

#define PENDING	(pend[0] || pend[1] || pend[N - 1])

/* Whose last reference has gone is released by whoever: here. */
proctype releaser()
{
	byte r, n, x, p;
#ifdef PAIR
	byte y;
#endif
#ifdef SUSPECTS
	bit walked;
#endif

	do
	:: atomic {
			PENDING ->
			if
			:: pend[0] -> r = 0
			:: pend[1] -> r = 1
			:: pend[N - 1] -> r = N - 1
			fi;
			n = r
		};
		atomic { lock[n] == 0 -> dead[n] = 1 };
		purge(n, false);
		d_step { pend[r] = 0; r = 0; n = 0; x = 0 }
	:: stop -> break
	od
}

/*
 * The collector
 */

#define NODE(i)	((first + (down -> N - 1 - (i) : (i))) % N)

inline gc_make_live(n)
{
	live[n] = 1;
	work[nwork] = n;
	nwork++
}

inline visit(s)
{
	if
	:: counting && group[s] -> found[s]++
	:: !counting && group[s] && !live[s] -> gc_make_live(s)
	:: else
	fi
}

inline start_walk(n)
{
	walking = 1;
	cp = head[n]
}

/* Whether the queues of embryos are followed */
#if defined(MUT_EMBRYO)
#define EMBRYOS	false
#else
#define EMBRYOS	true
#endif

/* One read of a pointer is a step; what is done with it, nobody else sees. */
inline follow(n)
{
	do
	:: d_step {
			cp != END ->
			assert(pst[cp] != 0);
#ifdef MUT_OOB_UNLINKED
			if
			:: !odd[cp] -> visit(sk[cp])
			:: else
			fi;
#else
			visit(sk[cp]);
#endif
#ifdef MUT_OOB_TWICE
			if
			:: odd[cp] -> visit(sk[cp])
			:: else
			fi;
#endif
#ifdef PAIR
			if
			:: sk2[cp] != NONE -> visit(sk2[cp])
			:: else
			fi;
#endif
			cp = nxt[cp]
		}
#ifdef LISTEN
	:: atomic {
			cp == END && n == LISTENER && !twice && acc && EMBRYOS ->
			twice = 1
		};
		cp = head[EMBRYO]
	:: cp == END && (n != LISTENER || twice || !acc || !EMBRYOS) -> break
#else
	:: cp == END -> break
#endif
	od;
	atomic {	/* spin cannot jump into a d_step */
		walking = 0;
#ifdef LISTEN
		twice = 0;
#endif
		p = 0;
		do
		:: p < NP ->
			if
			:: pst[p] == 2 -> pst[p] = 0; nxt[p] = 0; sk[p] = 0
			:: else
			fi;
			p++
		:: else -> break
		od;
		p = 0
	}
}

inline count_found()
{
	d_step {
		i = 0;
		do
		:: i < N -> found[i] = 0; i++
		:: else -> break
		od;
		i = 0;
		counting = 1
	};
	do
	:: atomic { i < N && list[NODE(i)] -> n = NODE(i); i++; start_walk(n) };
		follow(n)
	:: i < N && !list[NODE(i)] -> i++
	:: i == N -> break
	od
}

/* vunix_gc_unreachable(): afterwards list[] says which */
inline unreachable()
{
	i = 0;
	do
	:: i < N && group[NODE(i)] ->
		d_step { n = NODE(i); changed[n] = 0; i++ }
	:: i < N && !group[NODE(i)] -> i++
	:: i == N -> break
	od;
	count_found();
	i = 0;
	do
	:: i < N && group[NODE(i)] ->
		d_step {
			n = NODE(i);
			if
			:: refs[n] != found[n] -> gc_make_live(n)
			:: else
			fi;
			i++
		}
	:: i < N && !group[NODE(i)] -> i++
	:: i == N -> break
	od;

	round = 0;
	do
	:: round < ROUNDS ->
		/* spread_life() */
		counting = 0;
		do
		:: nwork > 0 ->
			d_step { nwork--; n = work[nwork]; start_walk(n) };
			follow(n)
		:: nwork == 0 -> break
		od;
		/* without_live() */
		atomic {
			i = 0;
			do
			:: i < N -> list[i] = group[i] && !live[i]; i++
			:: else -> break
			od
		};
#ifdef MUT_NO_SECOND
		break;
#endif
		/* confirm() */
#ifndef MUT_NO_RECOUNT
		count_found();
#endif
		i = 0;
		do
		:: i < N && list[NODE(i)] ->
			n = NODE(i);
			i++;
			if
#ifdef MUT_NO_INFLIGHT
			:: true ->
#else
			:: inflight[n] == found[n] ->
#endif
				if
#ifdef MUT_NO_REFS
				:: true ->
#else
				:: refs[n] == found[n] ->
#endif
					if
					:: changed[n] == 0
#if defined(MUT_NO_COMPARE)
					:: changed[n] == 1
#else
					:: d_step { changed[n] == 1 -> gc_make_live(n) }
#endif
					fi
#ifndef MUT_NO_REFS
				:: d_step { refs[n] != found[n] -> gc_make_live(n) }
#endif
				fi
#ifndef MUT_NO_INFLIGHT
			:: d_step { inflight[n] != found[n] -> gc_make_live(n) }
#endif
			fi
		:: i < N && !list[NODE(i)] -> i++
		:: i == N -> break
		od;
		if
		:: nwork == 0 -> break
		:: else -> round++
		fi
	:: round == ROUNDS ->
		d_step {
			i = 0;
			do
			:: i < N -> list[i] = 0; i++
			:: else -> break
			od
		};
		break
	od
}

#ifdef SUSPECTS
inline admit()
{
	d_step {
		i = 0;
		do
		:: i < N ->
			inall[i] = inall[i] || innew[i];
			innew[i] = 0;
			i++
		:: else -> break
		od;
		i = 0
	}
}

inline dismiss()
{
	i = 0;
	do
	:: i < N && inall[i] ->
		if
		:: inflight[i] > 0 ->
			if
			:: queued[i] > 0 || i == LISTENER
			:: queued[i] == 0 && i != LISTENER -> inall[i] = 0
			fi
		:: inflight[i] == 0 -> inall[i] = 0
		fi;
		if
		:: inall[i]
		:: else ->
			flag[i] = 0;
#ifndef MUT_DISMISS
			look(i)
#endif
		fi;
		i++
	:: i < N && !inall[i] -> i++
	:: i == N -> break
	od;
	i = 0
}
#endif

/* A file exists: an embryo has none yet. */
#ifdef LISTEN
#define HAS_FILE(x)	((x) != EMBRYO || refs[x] > 0)
#else
#define HAS_FILE(x)	true
#endif

inline choose_group()
{
	d_step {
		i = 0;
		do
		:: i < N ->
#ifdef SUSPECTS
			group[i] = inall[i];
#else
			group[i] = HAS_FILE(i);
#endif
			list[i] = group[i];
			live[i] = 0;
			i++
		:: else -> break
		od;
		i = 0
	};
	/* Nobody else is there in the end: any order will do. */
	if
	:: tasks > 0 ->
		if
		:: down = 0
		:: down = 1
		fi;
#ifdef ANY_ORDER
		if
		:: first = 0
		:: first = 1
		:: first = 2
		fi;
#endif
#ifdef SUBSETS
		if
		:: true
		:: group[0] = 0; list[0] = 0
		:: group[1] = 0; list[1] = 0
#if N > 2
		:: group[2] = 0; list[2] = 0
#endif
		fi
#endif
	:: else
	fi
}

inline pass()
{
#ifdef SUSPECTS
	admit();
	dismiss();
#endif
	atomic { choose_group() };
	unreachable();
	i = 0;
	do
	:: i < N && list[i] ->
		d_step {
			find_reach();
			assert(!reach[i]);
			n = i;
			i++
		};
		purge(n, true)
	:: i < N && !list[i] -> i++
	:: i == N -> break
	od;
	/* Nothing of a pass is left for the next. */
	skip;
	d_step {
		i = 0;
		do
		:: i < N ->
			changed[i] = 1;
			found[i] = 0; live[i] = 0; work[i] = 0;
			group[i] = 0; list[i] = 0;
			i++
		:: else -> break
		od;
		i = 0; n = 0; x = 0; p = 0; round = 0; nwork = 0;
		counting = 0; first = 0; down = 0
	};
#ifdef SUSPECTS
	dismiss()
#endif
}

proctype collector()
{
	byte i, n, x, p, round, nwork, first, passes;
	byte found[N], work[N];
	bit live[N], group[N], list[N], counting, down;
#ifdef LISTEN
	bit twice;
#endif
#ifdef PAIR
	byte y;
#endif
#ifdef SUSPECTS
	bit walked;
#endif

	do
	:: passes < PASSES + FINAL ->
		if
		:: passes >= PASSES ->
			atomic { tasks == 0 && !PENDING }
		:: else
		fi;
		pass();
		if
		:: passes >= PASSES ->
			!PENDING;
			d_step {
				/* Everything dead has gone. */
				find_reach();
				i = 0;
				do
				:: i < N ->
#ifdef LISTEN
					if
					:: i == EMBRYO && !used
					:: else -> assert(dead[i] || reach[i])
					fi;
#else
					assert(dead[i] || reach[i]);
#endif
					assert(!(passes > PASSES) || !reach[i]);
					assert(dead[i] == 0 || inflight[i] == 0);
					assert(hold[i] == 0);
#ifdef SUSPECTS
					assert(!(passes > PASSES) ||
					       (!inall[i] && !innew[i]));
#endif
					i++
				:: else -> break
				od;
				/* Everybody exits. */
				i = 0;
				do
				:: i < N ->
					if
					:: OPEN(i) ->
#ifdef SHARED
						refs[i] = refs[i] - fds[i];
#else
						refs[i] = refs[i] - fds[i] -
							  fds[N + i];
						fds[N + i] = 0;
#endif
						fds[i] = 0;
						if
						:: refs[i] == 0 -> pend[i] = 1
						:: else
						fi
					:: else
					fi;
					i++
				:: else -> break
				od;
				i = 0
			}
		:: else
		fi;
		passes++
	:: else -> break
	od;
	stop = 1
}

/* In the beginning: in the queue of @q is @x; open to @t is @x */
inline Q(q, x)
{
	refs[x]++;
	inflight[x]++;
	sk[p] = x;
	nxt[p] = END;
#ifdef PAIR
	sk2[p] = NONE;
#endif
	pst[p] = 1;
	if
	:: tail[q] == END -> head[q] = p
	:: else -> nxt[tail[q]] = p
	fi;
	tail[q] = p;
	p++;
#ifdef SUSPECTS
	queued[q]++
#endif
}

inline O(t, x)
{
	refs[x]++;
	FD(t, x)++
}

init {
	byte p, i;

	atomic {
		do
		:: i < N -> head[i] = END; tail[i] = END; changed[i] = 1; i++
		:: else -> break
		od;
		START;
		/* Those that this configuration does without. */
		i = 0;
		do
		:: i < N -> dead[i] = (refs[i] == 0 && NOT_EMBRYO(i)); i++
		:: else -> break
		od;
#ifdef SUSPECTS
		i = 0;
		do
		:: i < N ->
			if
			:: inflight[i] > 0 && (queued[i] > 0 || i == LISTENER) ->
				flag[i] = 1;
				innew[i] = 1
			:: else
			fi;
			i++
		:: else -> break
		od;
#endif
		p = 0;
		i = 0;
		run task(0, K1, OPS1);
		run task(1, K2, OPS2);
		run releaser();
		run collector()
	}
}
