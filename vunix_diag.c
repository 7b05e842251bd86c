// SPDX-License-Identifier: GPL-2.0
/*
 * sock_diag: what ss and its like ask about sockets.  Requests and answers are
 * those of unix_diag; what we add is in <linux/vunix.h>.
 *
 * Owns nothing.  A dump keeps its place as an id of the registry, so that it
 * can go on after any pause, and meets each socket that is there all the time
 * exactly once.  It ends at the highest id that there was when it began, whoever
 * creates sockets meanwhile.
 *
 * How the counters add up (struct vunix_queue, q.lock):
 *
 *   stream    received  what the tail has passed: its position, 4 GiB for each
 *                       time it wrapped, and bytes in holes, which were taken
 *                       before their turn, but not urgent bytes passed over
 *             sent      what has come to the peer's queue: the same of its head
 *   record    received  msgs, without what is queued and what was dropped
 *             sent      msgs of the peer's queue
 *   datagram  received  as a record
 *             sent      sent_msgs: there may be many receivers
 */

#include <linux/capability.h>
#include <linux/dcache.h>
#include <linux/module.h>
#include <linux/jiffies.h>
#include <linux/netlink.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <net/netlink.h>
#include <net/tcp_states.h>
#include "vunix.h"

/* What an answer may take; an attribute cannot be longer than that anyway. */
#define VUNIX_DIAG_MAX_LEN	(64 * 1024)

/**
 * struct vunix_diag_asker - who asks, as found when the request came
 * @pid_ns: whose process ids it understands
 * @uid: whose sockets' VUNIX_DIAG_INFO it may see
 * @has_uid: is there such a user
 * @admin: it may see that of all
 */
struct vunix_diag_asker {
	struct pid_namespace	*pid_ns;
	kuid_t			uid;
	bool			has_uid;
	bool			admin;
};

/**
 * struct vunix_diag_dump - what is kept between the parts of a dump
 * @place: in the registry
 * @last: id of the last socket that is shown
 * @asker: with a reference of the namespace; the parts are asked for by whoever
 *	reads, which may be another process
 */
struct vunix_diag_dump {
	u64			place;
	u64			last;
	struct vunix_diag_asker	asker;
};

/**
 * struct vunix_diag_query - one request
 * @req: what it asks for
 * @asker: who asks
 * @user_ns: whose user ids are understood by who asks
 * @portid: where the answer goes
 * @seq: its number for the request
 * @flags: NLM_F_* of the answers
 */
struct vunix_diag_query {
	const struct unix_diag_req	*req;
	const struct vunix_diag_asker	*asker;
	struct user_namespace		*user_ns;
	u32				portid;
	u32				seq;
	u16				flags;
};

static int put_name(struct sk_buff *skb, struct sock *sk)
{
	/* Pairs with the release in vunix_name_insert().  Litmus: name-bind. */
	struct unix_address *addr = smp_load_acquire(&unix_sk(sk)->addr);

	if (!addr)
		return 0;
	return nla_put(skb, UNIX_DIAG_NAME,
		       addr->len - offsetof(struct sockaddr_un, sun_path),
		       addr->name->sun_path);
}

static int put_vfs(struct sk_buff *skb, struct sock *sk)
{
	struct unix_diag_vfs vfs = { };
	struct dentry *dentry;

	/*
	 * Pairs with the release of the address: the path is there before, and
	 * does not change but in the socket's release.  Litmus: name-bind.
	 */
	if (!smp_load_acquire(&unix_sk(sk)->addr))
		return 0;
	vunix_state_lock(sk);
	dentry = unix_sk(sk)->path.dentry;
	if (dentry) {
		vfs.udiag_vfs_ino = d_backing_inode(dentry)->i_ino;
		vfs.udiag_vfs_dev = dentry->d_sb->s_dev;
	}
	vunix_state_unlock(sk);

	return dentry ? nla_put(skb, UNIX_DIAG_VFS, sizeof(vfs), &vfs) : 0;
}

static int put_peer(struct sk_buff *skb, struct sock *sk)
{
	struct sock *peer = vunix_peer_get(sk);
	u32 ino;

	if (!peer)
		return 0;
	ino = sock_i_ino(peer);
	sock_put(peer);
	return nla_put_u32(skb, UNIX_DIAG_PEER, ino);
}

/*
 * Sockets that wait to be accepted by @sk, with a reference each: at most @max.
 * Returns how many, or -ENOMEM; *clients is for kvfree().
 */
static int get_clients(struct sock *sk, unsigned int max,
		       struct sock ***clients)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	struct vunix_sock *embryo;
	struct sock *client;
	unsigned int nr = 0;

	max = min(max, READ_ONCE(q->qlen));
	*clients = kvmalloc_array(max, sizeof(**clients), GFP_KERNEL_ACCOUNT);
	if (!*clients)
		return -ENOMEM;
	spin_lock(&q->lock);
	list_for_each_entry(embryo, &q->accept, accept_node) {
		if (nr == max)
			break;
		/* Linked before it was listed, and until it is released. */
		client = READ_ONCE(unix_peer(&embryo->u.sk));
		sock_hold(client);
		(*clients)[nr++] = client;
	}
	spin_unlock(&q->lock);
	return nr;
}

/*
 * A long list may be too much for any answer, and a dump that cannot go on
 * would end there: an answer of its own has as much as fits.
 */
static int put_icons(struct sk_buff *skb, struct sock *sk, bool alone)
{
	struct sock **clients;
	struct nlattr *attr;
	unsigned int room;
	int nr, i;
	u32 *inos;

	if (READ_ONCE(sk->sk_state) != TCP_LISTEN)
		return 0;
	/* The rest of the answer needs some, too. */
	room = skb_tailroom(skb);
	room = room > 512 ? room - 512 : 0;
	room = min_t(unsigned int, room, U16_MAX - NLA_HDRLEN) / sizeof(u32);
	if (READ_ONCE(vunix_sk(sk)->q.qlen) > room && !alone)
		return -EMSGSIZE;
	nr = get_clients(sk, room, &clients);
	if (nr < 0)
		return nr;

	attr = nla_reserve(skb, UNIX_DIAG_ICONS, nr * sizeof(u32));
	inos = attr ? nla_data(attr) : NULL;
	for (i = 0; i < nr; i++) {
		if (inos)
			inos[i] = sock_i_ino(clients[i]);
		sock_put(clients[i]);
	}
	kvfree(clients);
	return attr ? 0 : -EMSGSIZE;
}

static int put_rqlen(struct sk_buff *skb, struct sock *sk)
{
	struct unix_diag_rqlen len;

	if (READ_ONCE(sk->sk_state) == TCP_LISTEN) {
		len.udiag_rqueue = READ_ONCE(vunix_sk(sk)->q.qlen);
		len.udiag_wqueue = READ_ONCE(sk->sk_max_ack_backlog);
	} else {
		len.udiag_rqueue = vunix_queued_bytes(sk);
		len.udiag_wqueue = sk_wmem_alloc_get(sk);
	}
	return nla_put(skb, UNIX_DIAG_RQLEN, sizeof(len), &len);
}

static int put_uid(struct sk_buff *skb, struct sock *sk,
		   struct user_namespace *user_ns)
{
	return nla_put_u32(skb, UNIX_DIAG_UID,
			   from_kuid_munged(user_ns, vunix_sk_uid(sk)));
}

/*
 * Who may see what a socket has been doing: unlike what unix_diag shows to
 * everybody, counters tell when others are at work.  Both who opened the netlink
 * socket and who asks through it count, as for netlink_capable().
 */
static struct vunix_diag_asker diag_asker(struct sk_buff *skb, u32 show)
{
	kuid_t opener = NETLINK_CB(skb).sk->sk_socket->file->f_cred->euid;

	return (struct vunix_diag_asker) {
		.pid_ns = task_active_pid_ns(current),
		.uid = opener,
		.has_uid = uid_eq(opener, current_euid()),
		/* Not looked for, and not reported missing, in vain. */
		.admin = show & VUNIX_DIAG_SHOW_INFO &&
			 netlink_net_capable(skb, CAP_NET_ADMIN),
	};
}

static bool may_see_info(const struct vunix_diag_asker *asker, struct sock *sk)
{
	if (asker->admin)
		return true;
	/* Without a struct socket it is nobody's, though the core says root's. */
	return asker->has_uid && READ_ONCE(sk->sk_socket) &&
	       uid_eq(asker->uid, vunix_sk_uid(sk));
}

/* Bytes that have been behind the tail of a stream's queue; q.lock held. */
static u64 stream_passed(const struct vunix_sock *vs)
{
	lockdep_assert_held(&vs->q.lock);
	return ((u64)vs->wraps << 32 | vs->q.tail) - VUNIX_FIRST_POS;
}

static void get_received(struct vunix_sock *vs, struct vunix_diag_info *info)
{
	struct vunix_queue *q = &vs->q;
	bool listens;

	spin_lock(&q->lock);
	/* What a listener's queue has is not received as messages are. */
	listens = READ_ONCE(vs->u.sk.sk_state) == TCP_LISTEN ||
		  !list_empty(&q->accept);
	info->peak = q->most;
	if (!listens && vs->u.sk.sk_type == SOCK_STREAM) {
		info->messages_received = q->reads;
		info->bytes_received = stream_passed(vs) + q->gone - q->dropped;
	} else if (!listens) {
		info->messages_received = q->msgs - q->qlen - q->dropped;
		info->bytes_received = q->bytes_in - q->bytes -
				       q->dropped_bytes;
	}
	info->dropped = q->dropped;
	spin_unlock(&q->lock);
}

/* What a connection has sent, from its peer. */
static void get_sent(struct vunix_sock *peer, struct vunix_diag_info *info)
{
	struct vunix_queue *q = &peer->q;

	spin_lock(&q->lock);
	info->messages_sent = q->msgs;
	if (peer->u.sk.sk_type == SOCK_STREAM)
		info->bytes_sent = stream_passed(peer) +
				   (u32)(q->head - q->tail);
	else
		info->bytes_sent = q->bytes_in;
	spin_unlock(&q->lock);
}

static int put_info(struct sk_buff *skb, struct sock *sk,
		    const struct vunix_diag_query *query)
{
	struct vunix_sock *vs = vunix_sk(sk);
	struct vunix_diag_info info = {
		.id = vs->id,
		.age_ns = jiffies64_to_nsecs(get_jiffies_64() - vs->created),
	};
	struct sock *peer;

	BUILD_BUG_ON(sizeof(info) != 104);
	if (!may_see_info(query->asker, sk))
		return 0;
	info.fds_queued = vunix_scm_count_fds(sk);
	get_received(vs, &info);
	vunix_state_lock(sk);
	info.refused = vs->refused;
	info.blocked = vs->blocked;
	info.blocked_ns = vs->blocked_ns;
	info.pid = pid_nr_ns(vs->creator, query->asker->pid_ns);
	if (sk->sk_type == SOCK_DGRAM) {
		info.messages_sent = atomic64_read(&vs->sent_msgs);
		info.bytes_sent = atomic64_read(&vs->sent_bytes);
	}
	/* As in vunix_peer_get(). */
	peer = READ_ONCE(unix_peer(sk));
	if (peer)
		sock_hold(peer);
	vunix_state_unlock(sk);

	if (peer) {
		info.peer_id = vunix_sk(peer)->id;
		if (vunix_is_connected_type(sk))
			get_sent(vunix_sk(peer), &info);
		sock_put(peer);
	}
	return nla_put(skb, VUNIX_DIAG_INFO, sizeof(info), &info);
}

static int put_attributes(struct sk_buff *skb, struct sock *sk,
			  const struct vunix_diag_query *query, bool alone)
{
	u32 show = query->req->udiag_show;
	int err = 0;

	if (show & UDIAG_SHOW_NAME)
		err = put_name(skb, sk);
	if (!err && show & UDIAG_SHOW_VFS)
		err = put_vfs(skb, sk);
	if (!err && show & UDIAG_SHOW_PEER)
		err = put_peer(skb, sk);
	if (!err && show & UDIAG_SHOW_ICONS)
		err = put_icons(skb, sk, alone);
	if (!err && show & UDIAG_SHOW_RQLEN)
		err = put_rqlen(skb, sk);
	if (!err && show & UDIAG_SHOW_MEMINFO)
		err = sock_diag_put_meminfo(sk, skb, UNIX_DIAG_MEMINFO);
	if (!err)
		err = nla_put_u8(skb, UNIX_DIAG_SHUTDOWN,
				 READ_ONCE(sk->sk_shutdown));
	if (!err && show & UDIAG_SHOW_UID)
		err = put_uid(skb, sk, query->user_ns);
	if (!err && show & VUNIX_DIAG_SHOW_INFO)
		err = put_info(skb, sk, query);
	return err;
}

/*
 * Adds what is asked about @sk, whose inode number is @ino.  @alone: better a
 * part of it than nothing.  Returns 0, -EMSGSIZE or -ENOMEM; then nothing is
 * added.
 */
static int put_socket(struct sk_buff *skb, struct sock *sk, u32 ino,
		      const struct vunix_diag_query *query, bool alone)
{
	struct unix_diag_msg *msg;
	struct nlmsghdr *nlh;
	int err;

	nlh = nlmsg_put(skb, query->portid, query->seq, SOCK_DIAG_BY_FAMILY,
			sizeof(*msg), query->flags);
	if (!nlh)
		return -EMSGSIZE;

	msg = nlmsg_data(nlh);
	msg->udiag_family = AF_UNIX;
	msg->udiag_type = sk->sk_type;
	msg->udiag_state = READ_ONCE(sk->sk_state);
	msg->pad = 0;
	msg->udiag_ino = ino;
	sock_diag_save_cookie(sk, msg->udiag_cookie);

	err = put_attributes(skb, sk, query, alone);
	if (err) {
		nlmsg_cancel(skb, nlh);
		return err;
	}
	nlmsg_end(skb, nlh);
	return 0;
}

static struct vunix_diag_dump *dump_of(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct vunix_diag_dump) > sizeof(cb->ctx));
	return (struct vunix_diag_dump *)cb->ctx;
}

static int diag_dump_start(struct netlink_callback *cb)
{
	const struct unix_diag_req *req = nlmsg_data(cb->nlh);
	struct sk_buff *skb = (struct sk_buff *)cb->skb;
	struct vunix_diag_dump *dump = dump_of(cb);

	dump->last = vunix_registry_last(vunix_net(sock_net(skb->sk)));
	dump->asker = diag_asker(skb, req->udiag_show);
	get_pid_ns(dump->asker.pid_ns);
	return 0;
}

static int diag_dump_done(struct netlink_callback *cb)
{
	put_pid_ns(dump_of(cb)->asker.pid_ns);
	return 0;
}

static int diag_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vunix_diag_dump *dump = dump_of(cb);
	struct vunix_diag_query query = {
		.req = nlmsg_data(cb->nlh),
		.asker = &dump->asker,
		.user_ns = sk_user_ns(skb->sk),
		.portid = NETLINK_CB(cb->skb).portid,
		.seq = cb->nlh->nlmsg_seq,
		.flags = NLM_F_MULTI,
	};
	struct vunix_net *vn = vunix_net(sock_net(skb->sk));
	u64 id = dump->place;
	struct sock *sk;
	int err = 0;
	u32 ino;

	while ((sk = vunix_registry_next_get(vn, &id, dump->last))) {
		/* Not accepted yet, or released since, it has no inode. */
		ino = sock_i_ino(sk);
		if (ino && query.req->udiag_states & BIT(READ_ONCE(sk->sk_state)))
			err = put_socket(skb, sk, ino, &query, !skb->len);
		sock_put(sk);
		if (err)
			break;
		dump->place = id;
		cond_resched();
	}
	/* Full is not an error: there will be another call. */
	return skb->len ? skb->len : err;
}

static struct sock *find_by_inode(struct vunix_net *vn, u32 ino)
{
	u64 id = 0, last = vunix_registry_last(vn);
	struct sock *sk;

	while ((sk = vunix_registry_next_get(vn, &id, last))) {
		if ((u32)sock_i_ino(sk) == ino)
			break;
		sock_put(sk);
		cond_resched();
	}
	return sk;
}

/*
 * The socket that a request names: by its inode, and by its cookie, which is
 * the quick way, unless that is left open.
 */
static struct sock *find_socket(struct vunix_net *vn,
				const struct unix_diag_req *req)
{
	u64 id = (u64)req->udiag_cookie[1] << 32 | req->udiag_cookie[0];
	struct sock *sk;
	int err;

	if (req->udiag_show & VUNIX_DIAG_BY_ID) {
		sk = vunix_registry_find_get(vn, id);
		return sk ?: ERR_PTR(-ENOENT);
	}
	if (!req->udiag_ino)
		return ERR_PTR(-EINVAL);
	sk = vunix_registry_find_get(vn, id);
	if (sk) {
		if ((u32)sock_i_ino(sk) == req->udiag_ino)
			return sk;
		sock_put(sk);
	}
	sk = find_by_inode(vn, req->udiag_ino);
	if (!sk)
		return ERR_PTR(-ENOENT);
	err = sock_diag_check_cookie(sk, req->udiag_cookie);
	if (err) {
		sock_put(sk);
		return ERR_PTR(err);
	}
	return sk;
}

static int diag_answer(struct sk_buff *in_skb, const struct nlmsghdr *nlh)
{
	const struct unix_diag_req *req = nlmsg_data(nlh);
	struct vunix_diag_asker asker = diag_asker(in_skb, req->udiag_show);
	struct vunix_diag_query query = {
		.req = req,
		.asker = &asker,
		.user_ns = sk_user_ns(NETLINK_CB(in_skb).sk),
		.portid = NETLINK_CB(in_skb).portid,
		.seq = nlh->nlmsg_seq,
	};
	struct net *net = sock_net(in_skb->sk);
	unsigned int len = 512;
	struct sk_buff *skb;
	struct sock *sk;
	int err;

	sk = find_socket(vunix_net(net), query.req);
	if (IS_ERR(sk))
		return PTR_ERR(sk);
	do {
		len *= 2;
		err = -ENOMEM;
		skb = nlmsg_new(len, GFP_KERNEL);
		if (!skb)
			break;
		err = put_socket(skb, sk, sock_i_ino(sk), &query,
				 len >= VUNIX_DIAG_MAX_LEN);
		if (err)
			nlmsg_free(skb);
	} while (err == -EMSGSIZE && len < VUNIX_DIAG_MAX_LEN);
	sock_put(sk);
	return err ? err : nlmsg_unicast(net->diag_nlsk, skb, query.portid);
}

static int diag_handle(struct sk_buff *skb, struct nlmsghdr *nlh)
{
	struct netlink_dump_control control = {
		.start = diag_dump_start,
		.dump = diag_dump,
		.done = diag_dump_done,
	};

	if (nlmsg_len(nlh) < sizeof(struct unix_diag_req))
		return -EINVAL;
	if (!(nlh->nlmsg_flags & NLM_F_DUMP))
		return diag_answer(skb, nlh);
	return netlink_dump_start(sock_net(skb->sk)->diag_nlsk, skb, nlh,
				  &control);
}

static struct sock_diag_handler diag_handler __ro_after_init = {
	.owner = THIS_MODULE,
	.dump = diag_handle,
};

/**
 * vunix_diag_init() - let sock_diag know the family
 *
 * Context: Process, may sleep; vunix_family is known, namespaces are there.
 * Return: 0; -EBUSY: somebody else answers for the family; -EINVAL: the number
 *         is out of range.
 */
int __init vunix_diag_init(void)
{
	diag_handler.family = vunix_family;
	return sock_diag_register(&diag_handler);
}

/**
 * vunix_diag_exit() - take vunix_diag_init() back
 *
 * A request or dump in progress holds a reference of the module.
 *
 * Context: Process, may sleep.
 */
void vunix_diag_exit(void)
{
	sock_diag_unregister(&diag_handler);
}
