/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vunix, private header: structures, the locking rules, and what each file
 * provides to the others.
 *
 * Locking
 * =======
 *
 * Outer first; the function that creates an edge stands behind it.
 *
 *   u.bindlock         bind and autobind of one socket.  Sleeps.
 *     name lock        who is found under a name.  Spinlock; inside it only
 *                      the buckets of the name table and the counts of a path
 *                      (vunix_name_insert).  Lookups take it to get a
 *                      reference (vunix_name_find_get).
 *   shard lock         one tree of ids.  Spinlock, a leaf (insert, remove, and
 *                      walks, which take a reference: vunix_registry_next_get).
 *   u.iolock           one reader of a socket's queue at a time.  Held while
 *                      data is copied to user memory, so it may fault: only
 *                      readers of this socket and SIOCATMARK wait for it.
 *   q.wmutex           one writer of a queue at a time.  Never held across a
 *                      fault, an allocation that may sleep, or a wait for
 *                      space.  Process context.
 *     u.lock           the socket's state: sk_state, sk_shutdown, peer, path,
 *                      SOCK_DEAD, counters of its calls.  Spinlock, BHs and interrupts on.  Two:
 *                      a listener before the connecting socket
 *                      (connect_to_listener), else the lower address first
 *                      (vunix_state_double_lock).  AppArmor takes it while a
 *                      descriptor is received, with no lock of ours held.
 *       q.lock         positions, ring, records, marks, urgent byte, accept
 *                      queue and counters of one queue.  sk_shutdown is written
 *                      under it, too (vunix_queue_shutdown), so a stream's writer
 *                      sees it.  Spinlock, a leaf but for the workqueue's own
 *                      locks (vunix_gc_link), and
 *         mon lock       packets that wait for a tap (vunix_mon_add).  Spinlock, a
 *                      leaf but for the same; process context.
 *         lru locks      which queues keep spare pages (keep_spare).  Spinlocks of
 *                      the kernel's, leaves.  The shrinker comes from this side,
 *                      and only tries q.lock (shrink_queue).
 *       sk_peer_lock   credentials of the peer (listen, connect); a leaf.
 *       peer_wq lock   who waits for room at a socket.  Interrupts off: a timer
 *                      takes it, too (room_timer).  Its wake-up may take the
 *                      lock of a sender's own wait queue (peer_wake_relay).
 *   users lock         descriptors in flight per user (vunix_scm.c).  A leaf.
 *
 * The collector (vunix_gc.c) takes none of them while it searches; it reads the
 * queues' parcels and accept lists under RCU.
 *
 * No path takes q.wmutex while it holds an iolock, or the reverse.  The bindlock
 * is taken inside the directory's inode lock (vunix_name_bind).
 */
#ifndef VUNIX_H
#define VUNIX_H

#include <linux/jump_label_ratelimit.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/uio.h>
#include <net/af_unix.h>
#include <net/sock.h>
#include <linux/vunix.h>
#include "vunix_compat.h"
#include "vunix_gc_core.h"

struct pipe_inode_info;
struct sk_buff;
struct vunix_net;
struct vunix_parcel;
struct vunix_sock;
struct vunix_writer;

extern int vunix_family;	/* the registered number, constant after load */
extern struct vunix_net *vunix_hard;	/* the initial namespace's; likewise */
extern struct proto vunix_proto;
/* What sk_data_ready is of a new socket: the core's, which it does not export. */
extern void (*vunix_def_readable)(struct sock *sk);

void vunix_write_space(struct sock *sk);

/**
 * struct vunix_scm - what a message carries besides its data
 * @pid: sender's process (holds a reference) or NULL: not stamped
 * @uid: sender's real user id, meaningful with @pid
 * @gid: sender's real group id, meaningful with @pid
 * @secid: label of the sender, 0 if none
 * @fp: files, or NULL
 *
 * A zeroed structure carries nothing.
 */
struct vunix_scm {
	struct pid		*pid;
	kuid_t			uid;
	kgid_t			gid;
	u32			secid;
	struct scm_fp_list	*fp;
};

/*
 * Receive queue
 * =============
 *
 * Bytes stand in a ring of single pages, addressed by free-running 32-bit
 * positions: position p is in slot (p >> PAGE_SHIFT) & (nslots - 1), at offset
 * p & ~PAGE_MASK.  [tail, head) is queued; head - tail never exceeds
 * VUNIX_QUEUE_MAX by a page (which is tested when a page is begun), so comparisons
 * by difference hold across the wrap.
 *
 *     tail                          head
 *      v                             v
 *   ...[ page ][ page ][ page ][ page ] slot numbers grow ->
 *
 * Every slot from the tail's to the one that holds byte head - 1 has its page;
 * if head is inside a page, that page stays even when the queue is empty and
 * takes the next bytes.  Pages are put into slots by the writer (wmutex and
 * lock) and taken out by the reader (iolock and lock) once tail has passed
 * them.  The array itself is only replaced by writers (wmutex and lock).
 *
 * So a writer fills the page behind head with no spinlock held: nobody else
 * looks behind head before it is published under the lock; and a reader copies
 * from [tail, head) with no spinlock held: only readers move the tail.  Two
 * others empty a queue without being readers, when there can be none: the
 * release, and the collector with a socket nobody can reach (under the lock).
 *
 * A stream's bytes stand alone; what else a segment carries is in a list of
 * marks.  A record (datagram, seqpacket) is a struct vunix_record, 8-aligned
 * and never across a page boundary, followed by its payload.  Bytes in front of one
 * may be unused: at a page's end what is too little for a header, then what one with
 * VUNIX_REC_PAD leaves out, to the page's end or to a header that ends there.  The head
 * is never between them and the record.
 *
 * What is looked at without the lock (who writes holds what stands there):
 *
 *   head      (wmutex, lock) A reader takes it with an acquire, which pairs with
 *             the release it is written with: the bytes, records and marks in
 *             front of it, and the pages in the slots, are there.  Who only looks
 *             whether it has moved (vunix_has_news_lockless()) takes it as a hint.
 *   nr_marks  (lock) By the same reader, behind that acquire: 0 says that no mark
 *             and no urgent byte is in front of the head it has seen, as these
 *             are counted before the head that covers them is published, and
 *             only readers take them away.
 *   tail      (iolock, lock) By the reader itself; by others as a hint.
 *   sk_wmem_alloc of a stream's sender (lock of the queue it sends to)
 *             By the sender, as a hint of room: what it has sent itself counts
 *             for certain, as a call returns after it; a reader may have made
 *             more room since.
 *
 * No wake-up is lost: who is to sleep enters the wait queue, has a full barrier,
 * looks at the head or sk_wmem_alloc and only then sleeps; who has changed one of
 * them has a full barrier and then looks whether anybody is in the wait queue
 * (vunix_has_waiter()).  One of the two sees what the other has done.
 *
 * "Litmus: NAME" beside a barrier names its test, selftests/litmus/NAME.litmus.
 * Of what a lock alone keeps in order here (emptied pages that are filled again,
 * and sends while the socket is released):
 * Litmus: queue-reuse, release-send, release-short.
 */
#define VUNIX_QUEUE_MAX		((u32)BIT(30))
/* Positions start shortly before they wrap, so that every queue does. */
#define VUNIX_FIRST_POS		(0U - 16 * (u32)PAGE_SIZE)
#define VUNIX_INLINE_SLOTS	4

/*
 * struct vunix_queue members: (l) lock, (w) wmutex, (r) the reader's iolock,
 * (o) written under lock, and looked at without it as told above, or as a hint
 * that the next barrier makes exact.
 */
struct vunix_queue {
	spinlock_t		lock;		/* a leaf: see Locking */
	u32			head;		/* (o) */
	u32			tail;		/* (o) */
	/* Which of two it is, here and below, is told by sk_type. */
	union {
		u32		bytes;		/* (o) payload of records */
		u32		gone;		/* (l) bytes in a stream's holes */
	};
	/* (o) records, or connections that are not accepted yet */
	u32			qlen;
	u32			nslots;		/* (l, w; a hint) power of two */
	void			*tail_addr;	/* (r) of tail's page, or NULL */
	void			*head_addr;	/* (w) of the page head is inside */
	struct page		**slots;	/* (l, w) */
	struct page		*spare;		/* (l) LIFO of empty pages */
	void			*spare_cgroup;	/* (l) whose they are */
	/* (l) pages in the ring before it are another cgroup's */
	u32			spare_from;
	u8			nr_spare;	/* (l) */
	/* (l) most slots in use since the queue was last empty */
	u8			peak;
	/* (l) how often it ran empty after a low peak */
	u8			calm : 7;
	bool			dead : 1;	/* (l) nothing is queued now */
	union {
		bool		purge;		/* (o) drop records to purge_to */
		bool		oob_pending;	/* (o) oob's last is not taken */
	};
	union {
		u32		purge_to;	/* (l) of records */
		u32		nr_marks;	/* (o) entries of both lists */
	};
	/* What has gone through; see vunix_diag.c for how it adds up. */
	u32			most;		/* (l) queued at once */
	u64			msgs;		/* (l) queued until now */
	union {
		u64		bytes_in;	/* (l) payload of these records */
		u64		reads;		/* (l) calls, of a stream */
	};
	struct mutex		wmutex;		/* see Locking */
	/* (l) of msgs, never received; of a stream, urgent bytes passed over */
	u64			dropped;
	union {
		u64		dropped_bytes;	/* (l) payload of these records */
		struct list_head marks;		/* (l) struct vunix_mark */
	};
	struct list_head	oob;		/* (l) struct vunix_oob */
	struct list_head	accept;		/* (l, RCU) vunix_sock.accept_node */
	struct list_head	lru;		/* (l) of those that have spares */
	struct page		*inline_slots[VUNIX_INLINE_SLOTS];
};

/* More is queued than before: bytes, or connections. */
static inline void vunix_queue_note_most(struct vunix_queue *q, u32 queued)
{
	lockdep_assert_held(&q->lock);
	if (unlikely(queued > q->most))
		q->most = queued;
}

/**
 * struct vunix_mark - what a range of a stream's bytes carries
 * @node: in vunix_queue.marks, ordered by position
 * @start: position of the first byte
 * @end: position behind the last byte
 * @scm: credentials of the range; files are those of its first byte
 */
struct vunix_mark {
	struct list_head	node;
	u32			start;
	u32			end;
	struct vunix_scm	scm;
};

/**
 * struct vunix_record - in the ring in front of each datagram's payload
 * @len: payload bytes; VUNIX_REC_PAD if the record is @charge bytes further on
 * @charge: memory charged to @sk's sk_wmem_alloc
 * @flags: VUNIX_REC_*, written in place under the iolock
 * @sk: sender; the charge keeps it, and its address, alive
 * @stamp: time of sending, 0 if nobody asked
 * @scm: credentials and files
 */
struct vunix_record {
	u32			len;
	u32			charge;
	u32			flags;
	struct sock		*sk;
	ktime_t			stamp;
	struct vunix_scm	scm;
};

#define VUNIX_REC_PAD		U32_MAX
#define VUNIX_REC_PEEKED	BIT(0)	/* an empty one has been peeked at */

/*
 * struct vunix_gc - what the collector keeps for a socket; see vunix_gc.c, which
 * also says who writes what
 * @node: the search's own
 * @llnode: on its way to the collector
 * @parcels: messages with vunix sockets in the receive queue
 * @file: the socket's own, while it can be in flight
 * @inflight: times the socket is in queues of vunix sockets
 * @queued: vunix sockets in the receive queue
 * @changes: see vunix_gc_ops.changes
 * @flags: VUNIX_GC_*
 */
struct vunix_gc {
	struct vunix_gc_node	node;
	struct llist_node	llnode;
	struct list_head	parcels;
	struct file		*file;
	atomic_t		inflight;
	atomic_t		queued;
	atomic_long_t		changes;
	unsigned long		flags;
};

/*
 * struct vunix_sock members: (c) constant after creation, (s) state lock,
 * (r) registry's locks, (o) WRITE_ONCE, READ_ONCE, (q) q.lock.
 */
struct vunix_sock {
	struct unix_sock	u;		/* must be first */
	u64			id;		/* (c) the socket's cookie */
	struct vunix_net	*vn;		/* (c) of its namespace */
	struct rb_node		id_node;	/* (r) by id */
	u8			pass_flags;	/* (s) of an embryo: VUNIX_PASS_* */
	bool			pass_rights;	/* (o) SO_PASSRIGHTS */
	bool			rights_notrunc;	/* (o) SO_RIGHTS_NOTRUNC */
	bool			recvmsg_inq;	/* (o) SO_INQ */
	u32			wraps;		/* (q) of q.tail past 2^32 */
	union {
		/* Of a connection: listener's q.lock, RCU */
		struct list_head accept_node;
		/* Of a datagram socket, which may send to many; each by itself */
		struct {
			atomic64_t sent_msgs;
			atomic64_t sent_bytes;
		};
	};
	struct vunix_gc		gc;
	struct vunix_queue	q;
	u64			created;	/* (c) jiffies */
	struct pid		*creator;	/* (s) NULL until accepted */
	u64			refused;	/* (s) sends that got EAGAIN */
	u64			blocked;	/* (s) times a call has slept */
	u64			blocked_ns;	/* (s) together */
};

static inline struct vunix_sock *vunix_sk(const struct sock *sk)
{
	return container_of(unix_sk(sk), struct vunix_sock, u);
}

/*
 * The state lock.  Hidden from sparse, which cannot follow a lock that one
 * function takes and another drops; lockdep follows it on every kernel.
 */
static inline void vunix_state_lock(struct sock *sk)
{
	unix_state_lock(sk);
	__release(&unix_sk(sk)->lock);
}

/* The second of two, in the order that the Locking block gives. */
static inline void vunix_state_lock_second(struct sock *sk)
{
	spin_lock_nested(&unix_sk(sk)->lock, SINGLE_DEPTH_NESTING);
	__release(&unix_sk(sk)->lock);
}

static inline void vunix_state_unlock(struct sock *sk)
{
	__acquire(&unix_sk(sk)->lock);
	unix_state_unlock(sk);
}

/* Somebody may have to wake up: data, or a connection, has arrived. */
static inline void vunix_data_ready(struct sock *sk)
{
	void (*ready)(struct sock *sk) = READ_ONCE(sk->sk_data_ready);

	ready(sk);
}

/*
 * Who sleeps or polls, or is to get a signal, when @sk changes.  The caller has
 * written what they wait for; the full barrier behind that pairs with those
 * between a sleeper's entry in the queue and its look at the condition
 * (prepare_to_wait(), sock_poll_wait()).  A spinlock is held: that is an RCU
 * section, in which the wait queue does not go.
 */
static inline bool vunix_has_waiter(const struct sock *sk)
{
	struct socket_wq *wq;

	/*
	 * In front of sk_wq, too: accept() gives a connection another one.
	 * Litmus: sleep-data, sleep-room, sleep-graft, poll-data.
	 */
	smp_mb();
	wq = rcu_dereference_check(sk->sk_wq, rcu_read_lock_any_held());
	/* The barrier above is the one waitqueue_active() asks for. */
	return (wq && waitqueue_active(&wq->wait)) || sock_flag(sk, SOCK_FASYNC);
}

/* Must vunix_data_ready() be called?  As vunix_has_waiter(). */
static inline bool vunix_wants_data_ready(const struct sock *sk)
{
	return READ_ONCE(sk->sk_data_ready) != READ_ONCE(vunix_def_readable) ||
	       vunix_has_waiter(sk);
}

/* A sender may have to wake up: less of what it has sent is queued. */
static inline void vunix_wmem_wake(struct sock *sk)
{
	void (*space)(struct sock *sk) = READ_ONCE(sk->sk_write_space);

	space(sk);
}

/* Must vunix_wmem_wake() be called?  As vunix_has_waiter(). */
static inline bool vunix_wants_write_space(const struct sock *sk)
{
	return READ_ONCE(sk->sk_write_space) != vunix_write_space ||
	       vunix_has_waiter(sk);
}

/*
 * Is there a reason for a reader to look, that has found nothing in front of
 * @head?  Also that there never will be.  A hint: who looks takes the iolock.
 */
static inline bool vunix_has_news_lockless(const struct sock *sk, u32 head)
{
	return READ_ONCE(vunix_sk(sk)->q.head) != head ||
	       READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

/* Of a call's flags those that a program has given; the core adds its own. */
static inline int vunix_user_flags(int flags)
{
	return flags & (0xffff | MSG_ZEROCOPY | MSG_CMSG_CLOEXEC);
}

static inline bool vunix_is_connected_type(const struct sock *sk)
{
	return sk->sk_type == SOCK_STREAM || sk->sk_type == SOCK_SEQPACKET;
}

/* Same test as AF_UNIX: more than the limit, so n admits n + 1. */
static inline bool vunix_recvq_full_lockless(const struct sock *sk)
{
	return READ_ONCE(vunix_sk(sk)->q.qlen) >
	       READ_ONCE(sk->sk_max_ack_backlog);
}

/**
 * vunix_pass_flags() - what a socket asked to receive
 * @sk: socket, also one that is not yet accepted
 *
 * Context: Any; a hint unless the state lock is held.
 * Return: VUNIX_PASS_* of SO_PASSCRED, SO_PASSSEC and SO_PASSPIDFD.
 */
static inline u8 vunix_pass_flags(const struct sock *sk)
{
	const struct socket *sock;
	u8 flags;

	/* A struct socket is freed by RCU. */
	rcu_read_lock();
	sock = READ_ONCE(sk->sk_socket);
	flags = sock ? vunix_sock_pass_flags(sk, sock) :
		       READ_ONCE(vunix_sk(sk)->pass_flags);
	rcu_read_unlock();
	return flags;
}

static inline bool vunix_may_passcred(const struct sock *sk)
{
	return vunix_pass_flags(sk) & (VUNIX_PASS_CRED | VUNIX_PASS_PIDFD);
}

/*
 * Must what @sk sends to @other tell who it is from?  Yes, if one of them asked
 * for credentials, or if it is not known yet what the socket that will be
 * accepted wants.  @sk is the caller's own.  In an RCU section, or with a
 * spinlock held: a struct socket is freed by RCU.
 */
static inline bool vunix_wants_stamp_rcu(const struct sock *sk,
					 const struct sock *other)
{
	const struct socket *sock = READ_ONCE(other->sk_socket);
	const u8 creds = VUNIX_PASS_CRED | VUNIX_PASS_PIDFD;

	return !sock || vunix_sock_passes(other, sock, creds) ||
	       vunix_sock_passes(sk, sk->sk_socket, creds);
}

static inline bool vunix_wants_stamp(const struct sock *sk,
				     const struct sock *other)
{
	bool wants;

	rcu_read_lock();
	wants = vunix_wants_stamp_rcu(sk, other);
	rcu_read_unlock();
	return wants;
}

/* Is SO_PASSRIGHTS on (the default)?  Kept by the core since 6.16. */
static inline bool vunix_pass_rights(const struct sock *sk)
{
#ifdef VUNIX_HAVE_SK_SCM_FLAGS
	return VUNIX_RACY_BIT(sk->sk_scm_rights);
#else
	return READ_ONCE(vunix_sk(sk)->pass_rights);
#endif
}

static inline void vunix_set_pass_rights(struct sock *sk, bool on)
{
#ifdef VUNIX_HAVE_SK_SCM_FLAGS
	sk->sk_scm_rights = on;
#else
	WRITE_ONCE(vunix_sk(sk)->pass_rights, on);
#endif
}

/*
 * Per network namespace.  Sysctls are read with READ_ONCE; 0 is "no limit of
 * our own" where a comment says so.
 */
#define VUNIX_SHARD_BITS	4
#define VUNIX_SHARDS		BIT(VUNIX_SHARD_BITS)

struct vunix_shard {
	spinlock_t		lock;		/* protects ids */
	struct rb_root		ids;
} ____cacheline_aligned_in_smp;

struct vunix_net {
	struct net		*net;
	struct vunix_shard	*shards;	/* VUNIX_SHARDS of them */
	atomic_long_t		nr_socks;
	unsigned int		max_sockets;	/* 0: no limit */
	unsigned int		max_backlog;	/* 0: somaxconn alone */
	unsigned int		max_dgram_size;	/* 0: sndbuf alone */
	int			max_dgram_qlen;
	unsigned int		max_scm_fds;	/* at most SCM_MAX_FD */
	unsigned int		max_inflight;	/* 0: RLIMIT_NOFILE */
	unsigned int		max_foreign_inflight;	/* 0: none at all */
	unsigned int		busy_poll;	/* microseconds */
	/* vunix_scm.c's users lock; READ_ONCE */
	unsigned int		foreign_inflight;
	struct ctl_table_header	*sysctl;
	struct list_head	mons;		/* vunix_mon.c's devices: up */
	unsigned int		nr_mons;	/* RTNL; of them */
};

/* vunix_main.c */
struct vunix_net *vunix_net(const struct net *net);
struct sock *vunix_sock_create(struct net *net, struct socket *sock, int kern,
			       int type);
void vunix_sock_release(struct sock *sk, bool embryo);

/* vunix_registry.c: ids, names, addresses */
int vunix_registry_init(void);
void vunix_registry_exit(void);
int vunix_registry_net_init(struct vunix_net *vn);
void vunix_registry_net_exit(struct vunix_net *vn);
int vunix_registry_insert(struct sock *sk);
void vunix_registry_remove(struct sock *sk);
u64 vunix_registry_last(struct vunix_net *vn);
struct sock *vunix_registry_next_get(struct vunix_net *vn, u64 *pos, u64 last);
struct sock *vunix_registry_find_get(struct vunix_net *vn, u64 id);
int vunix_addr_validate(const struct sockaddr_un *sunaddr, int len);
void vunix_addr_put(struct unix_address *addr);
int vunix_name_bind(struct sock *sk, struct sockaddr_un *sunaddr, int len);
int vunix_name_autobind(struct sock *sk);
void vunix_name_unhash(struct sock *sk);
struct sock *vunix_name_find_get(struct net *net, struct sockaddr_un *sunaddr,
				 int len, int type, int flags);
bool vunix_name_is_inherited(const struct sock *sk);

/*
 * Limits in force: the smaller of the namespace's own and the initial
 * namespace's, whose values bind all others.  Where 0 is "no limit of our
 * own", the result is 0 only if neither has one.
 */
static inline unsigned int vunix_limit_sockets(const struct vunix_net *vn)
{
	const struct vunix_net *hard = vunix_hard;

	return min_not_zero(READ_ONCE(vn->max_sockets),
			    READ_ONCE(hard->max_sockets));
}

static inline unsigned int vunix_limit_backlog(const struct vunix_net *vn)
{
	const struct vunix_net *hard = vunix_hard;

	return min_not_zero(READ_ONCE(vn->max_backlog),
			    READ_ONCE(hard->max_backlog));
}

static inline unsigned int vunix_limit_dgram_size(const struct vunix_net *vn)
{
	const struct vunix_net *hard = vunix_hard;

	return min_not_zero(READ_ONCE(vn->max_dgram_size),
			    READ_ONCE(hard->max_dgram_size));
}

static inline unsigned int vunix_limit_inflight(const struct vunix_net *vn)
{
	const struct vunix_net *hard = vunix_hard;

	return min_not_zero(READ_ONCE(vn->max_inflight),
			    READ_ONCE(hard->max_inflight));
}

static inline unsigned int vunix_limit_scm_fds(const struct vunix_net *vn)
{
	const struct vunix_net *hard = vunix_hard;

	return min(READ_ONCE(vn->max_scm_fds), READ_ONCE(hard->max_scm_fds));
}

static inline unsigned int
vunix_limit_foreign_inflight(const struct vunix_net *vn)
{
	const struct vunix_net *hard = vunix_hard;

	return min(READ_ONCE(vn->max_foreign_inflight),
		   READ_ONCE(hard->max_foreign_inflight));
}

/* The longest that a reader spins before it sleeps, in microseconds. */
#define VUNIX_BUSY_MAX	1000

/* How long a reader without SO_BUSY_POLL does. */
static inline unsigned int vunix_busy_default(const struct vunix_net *vn)
{
	return min(READ_ONCE(vn->busy_poll), READ_ONCE(vunix_hard->busy_poll));
}

/* What a new namespace starts with: the limits of AF_UNIX. */
static inline void vunix_sysctl_net_defaults(struct vunix_net *vn)
{
	vn->max_sockets = 0;
	vn->max_backlog = 0;
	vn->max_dgram_size = 0;
	vn->max_dgram_qlen = 10;
	vn->max_scm_fds = SCM_MAX_FD;
	vn->max_inflight = 0;
	vn->max_foreign_inflight = 64;
	vn->busy_poll = 0;
}

/* vunix_sysctl.c */
#ifdef CONFIG_SYSCTL
int vunix_sysctl_net_init(struct vunix_net *vn);
void vunix_sysctl_net_exit(struct vunix_net *vn);
#else
static inline int vunix_sysctl_net_init(struct vunix_net *vn)
{
	return 0;
}

static inline void vunix_sysctl_net_exit(struct vunix_net *vn)
{
}
#endif

/* vunix_proc.c */
#ifdef CONFIG_PROC_FS
int vunix_proc_net_init(struct net *net);
void vunix_proc_net_exit(struct net *net);
#else
static inline int vunix_proc_net_init(struct net *net)
{
	return 0;
}

static inline void vunix_proc_net_exit(struct net *net)
{
}
#endif

/* vunix_diag.c */
int vunix_diag_init(void);
void vunix_diag_exit(void);

/* vunix_mon.c: capture */
extern struct static_key_false_deferred vunix_mon_key;

/**
 * struct vunix_mon_msg - a message that is captured
 * @sk: sender
 * @other: receiver
 * @w: writer that has filled it in; the payload is what it has written last
 * @len: bytes of payload
 * @fp: files, or NULL
 * @msg_flags: MSG_* of the call
 * @flags: VUNIXMON_F_*
 * @lost: set by vunix_mon_take(): a device has no packet of it
 */
struct vunix_mon_msg {
	const struct sock		*sk;
	const struct sock		*other;
	const struct vunix_writer	*w;
	size_t				len;
	const struct scm_fp_list	*fp;
	int				msg_flags;
	u16				flags;
	bool				lost;
};

int vunix_mon_init(void);
void vunix_mon_exit(void);
bool __vunix_mon_wants(const struct sock *sk, const struct sock *other);
struct sk_buff *__vunix_mon_take(struct vunix_mon_msg *m);
void __vunix_mon_add(const struct vunix_mon_msg *m, struct sk_buff *list,
		     u32 seq);
void __vunix_mon_forget(struct sk_buff *list);

/* Are messages from @sk to @other captured?  They do not go the short way. */
static inline bool vunix_mon_wants(const struct sock *sk,
				   const struct sock *other)
{
	return static_branch_unlikely(&vunix_mon_key.key) &&
	       __vunix_mon_wants(sk, other);
}

static inline struct sk_buff *vunix_mon_take(struct vunix_mon_msg *m)
{
	return static_branch_unlikely(&vunix_mon_key.key) ?
	       __vunix_mon_take(m) : NULL;
}

static inline void vunix_mon_add(const struct vunix_mon_msg *m,
				 struct sk_buff *list, u32 seq)
{
	if (unlikely(list || m->lost))
		__vunix_mon_add(m, list, seq);
}

static inline void vunix_mon_forget(struct sk_buff *list)
{
	if (unlikely(list))
		__vunix_mon_forget(list);
}

/* vunix_scm.c: control messages, both ways */
int vunix_scm_send(struct socket *sock, struct msghdr *msg,
		   struct vunix_scm *scm);
int vunix_scm_stamp(struct vunix_scm *scm, const struct sock *sk,
		    const struct sock *other);
int vunix_scm_attach(struct vunix_scm *scm, struct sock *sk);
void vunix_scm_queued(struct sock *other, struct vunix_scm *scm);
void vunix_scm_dequeued(struct sock *sk, const struct vunix_scm *scm);
unsigned int vunix_scm_count_fds(struct sock *sk);
void vunix_scm_peek(struct sock *sk, struct vunix_scm *to,
		    const struct vunix_scm *from);
void vunix_scm_copy_creds(struct vunix_scm *to, const struct vunix_scm *from);
bool vunix_scm_creds_equal(const struct vunix_scm *a,
			   const struct vunix_scm *b);
void vunix_scm_recv(struct socket *sock, struct msghdr *msg,
		    struct vunix_scm *scm, int flags);
void vunix_scm_destroy(struct vunix_scm *scm);
unsigned int vunix_scm_inflight(kuid_t uid, unsigned int *foreign);
void vunix_scm_exit(void);
int vunix_scm_register_pid(void);
unsigned int vunix_scm_foreign_all(void);

/* Queued without credentials, it is from nobody: from root it is not. */
static inline void vunix_scm_anonymous(struct vunix_scm *scm)
{
	if (!scm->pid) {
		scm->uid = INVALID_UID;
		scm->gid = INVALID_GID;
	}
}

static inline bool vunix_scm_is_empty(const struct vunix_scm *scm)
{
	return !scm->pid && !scm->secid && !scm->fp;
}

/* vunix_gc.c: sockets in flight, and the collector of unreachable ones */
int vunix_gc_init(void);
void vunix_gc_exit(void);
void vunix_gc_init_sock(struct vunix_sock *vs);
struct vunix_parcel *vunix_gc_alloc_parcel(struct scm_fp_list *fpl,
					   unsigned int nr);
void vunix_gc_link(struct vunix_parcel *parcel, struct sock *other);
void vunix_gc_unlink(struct vunix_parcel *parcel, struct sock *sk);
void vunix_gc_free_parcel(struct vunix_parcel *parcel);
void vunix_gc_touch(struct sock *sk);
void vunix_gc_accepted(struct sock *listener, struct sock *newsk);
void vunix_gc_listen(struct sock *sk);
void vunix_gc_release(struct sock *sk);

/* vunix_conn.c: peers, listen, connect, accept, shutdown */
struct sock *vunix_peer_get(struct sock *sk);
void vunix_state_double_lock(struct sock *a, struct sock *b);
void vunix_state_double_unlock(struct sock *a, struct sock *b);
long vunix_wait_for_peer(struct sock *sk, struct sock *other, long timeo);
int vunix_listen(struct socket *sock, int backlog);
int vunix_stream_connect(struct socket *sock, vunix_sockaddr *uaddr, int len,
			 int flags);
int vunix_socketpair(struct socket *socka, struct socket *sockb);
int vunix_accept(struct socket *sock, struct socket *newsock,
		 struct proto_accept_arg *arg);
int vunix_getname(struct socket *sock, struct sockaddr *uaddr, int peer);
int vunix_shutdown(struct socket *sock, int mode);
void vunix_accept_purge(struct sock *sk);

/*
 * What a call sleeps for, and why a message is dropped.  Tracepoints show the
 * numbers, which makes them an interface: new ones may be added, none is ever
 * given another meaning (selftests/trace.c).
 */
#define VUNIX_WAIT_DATA		0
#define VUNIX_WAIT_ROOM		1	/* below its own SO_SNDBUF */
#define VUNIX_WAIT_PEER		2	/* in a full receiver, or backlog */
#define VUNIX_WAIT_CONNECTION	3	/* to accept */
#define VUNIX_DROP_FILTER	0
#define VUNIX_DROP_UNREAD	1
#define VUNIX_DROP_FAULT	2	/* the receiver's memory took none of it */
#define VUNIX_DROP_URGENT	3	/* passed over by a read */

/* vunix_queue.c: storage */
int __init vunix_queue_module_init(void);
void vunix_queue_module_exit(void);
void vunix_queue_init(struct vunix_queue *q, int type);
void vunix_queue_free(struct vunix_queue *q);
void vunix_queue_kill(struct vunix_queue *q);
void vunix_queue_shutdown(struct sock *sk, int mode);

/* vunix_wait.c: waiting, and the accounting that is waited for */
bool vunix_writable(const struct sock *sk, unsigned char state);
void vunix_wmem_uncharge(struct sock *sk, unsigned int n);
int vunix_wmem_wait(struct sock *sk, long *timeo);
bool vunix_wmem_try_charge(struct sock *sk, unsigned int n);
bool vunix_busy_wait(struct sock *sk, u32 head, long *timeo);
long vunix_sock_sleep(struct sock *sk, struct sock *other, int what,
		      long timeo);
void vunix_sock_count_refused(struct sock *sk);
int vunix_wake_reader(wait_queue_entry_t *wait, unsigned int mode, int sync,
		      void *key);

/* Accounts queued memory to its sender; the charge keeps it from being freed. */
static inline void vunix_wmem_charge(struct sock *sk, unsigned int n)
{
	refcount_add(n, &sk->sk_wmem_alloc);
}

/* The last byte keeps @sk until it is woken; sk_free() gives that back. */
static inline void vunix_wmem_uncharge_but_one(struct sock *sk, unsigned int n)
{
	WARN_ON_ONCE(refcount_sub_and_test(n - 1, &sk->sk_wmem_alloc));
}

/*
 * One more message may be queued while less than SO_SNDBUF is in use.  That may be
 * all that an int can count, which with a message more would be too much.
 */
static inline bool vunix_wmem_has_room(const struct sock *sk)
{
	return sk_wmem_alloc_get(sk) <
	       min_t(int, READ_ONCE(sk->sk_sndbuf), VUNIX_QUEUE_MAX);
}

/* vunix_stream.c */
int vunix_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int vunix_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
			 int flags);
ssize_t vunix_stream_splice_read(struct socket *sock, loff_t *ppos,
				 struct pipe_inode_info *pipe, size_t size,
				 unsigned int flags);
void vunix_stream_purge(struct sock *sk, struct sock *peer);
u32 vunix_stream_inq(struct vunix_queue *q);
int vunix_stream_atmark(struct sock *sk);

/* vunix_lsm.c: the class that SELinux gives listeners and connections */
#ifdef CONFIG_SECURITY_SELINUX
int vunix_lsm_init(void);
void vunix_lsm_exit(void);
void vunix_lsm_graft(struct sock *sk);
#else
static inline int vunix_lsm_init(void)
{
	return 0;
}

static inline void vunix_lsm_exit(void)
{
}

static inline void vunix_lsm_graft(struct sock *sk)
{
}
#endif

/* vunix_assoc.c: who datagram sockets send to, and when there is room */
int vunix_dgram_connect(struct socket *sock, vunix_sockaddr *uaddr, int len,
			int flags);
bool vunix_dgram_drop_peer(struct sock *sk, struct sock *other);
void vunix_dgram_peer_wake_init(struct sock *sk);
bool vunix_dgram_peer_wake_me(struct sock *sk, struct sock *other);
void vunix_dgram_peer_wake_disconnect(struct sock *sk, struct sock *other);
bool vunix_dgram_writable(struct sock *sk);
void vunix_dgram_init_room(struct sock *sk);
void __vunix_dgram_made_room(struct sock *sk);
void vunix_dgram_leave_room(struct sock *other);

/**
 * vunix_dgram_made_room() - a message was received
 * @sk: receiver; a full barrier behind the write of its queue's qlen
 *
 * The barrier pairs with the one in vunix_wait_for_peer() (prepare_to_wait...())
 * or in vunix_dgram_peer_wake_me(), between a sender's entry in the wait queue and
 * its look at qlen; and with the one in room_timer().
 *
 * Context: Process, no lock held.
 */
static inline void vunix_dgram_made_room(struct sock *sk)
{
	/*
	 * Behind the caller's barrier.
	 * Litmus: room-sleep, room-poll, room-timer.
	 */
	if (unlikely(waitqueue_active(&unix_sk(sk)->peer_wq.wait)))
		__vunix_dgram_made_room(sk);
}

/* A connected socket takes messages and connects from its peer alone. */
static inline bool vunix_dgram_may_send(struct sock *sk, struct sock *other)
{
	return !unix_peer(other) || unix_peer(other) == sk;
}

/* vunix_dgram.c: datagrams and records */
int vunix_dgram_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int vunix_dgram_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
			int flags);
int vunix_seqpacket_sendmsg(struct socket *sock, struct msghdr *msg,
			    size_t len);
int vunix_seqpacket_recvmsg(struct socket *sock, struct msghdr *msg,
			    size_t size, int flags);
void vunix_dgram_purge(struct sock *sk);
u32 vunix_dgram_first_len(struct sock *sk);

/* vunix_sockopt.c: options and requests */
int vunix_setsockopt(struct socket *sock, int level, int optname,
		     sockptr_t optval, unsigned int optlen);
int vunix_getsockopt(struct socket *sock, int level, int optname,
		     char __user *optval, int __user *optlen);
long vunix_queued_bytes(struct sock *sk);
int vunix_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);
#ifdef CONFIG_COMPAT
int vunix_compat_ioctl(struct socket *sock, unsigned int cmd,
		       unsigned long arg);
#endif

#endif /* VUNIX_H */
