// SPDX-License-Identifier: GPL-2.0
/*
 * Capture: network devices of the kind "vunixmon", which show tcpdump and
 * Wireshark what is sent.  The format is told in include/uapi/linux/vunixmon.h.
 *
 * Nobody who sends waits for a capture.  The sender copies what it has just put
 * into the receiver's pages (vunix_mon_take(), with no spinlock held), and appends
 * the packet to the queue of the device when it publishes the message
 * (vunix_mon_add(), under q.lock, so that packets are in the order in which
 * messages can be read).  A worker hands them to the core, which runs the taps.
 * What cannot be had at once is not waited for: no memory, or a queue that is full
 * (dev->tx_queue_len packets, VUNIX_MON_BYTES, or VUNIX_MON_BYTES_ALL of all
 * devices in namespaces that users have made), is a lost packet, which the device
 * counts as rx_dropped.
 *
 * Without a device that is up, anywhere, a static key makes all this nothing.  If
 * there is one in the namespace, messages do not go the short way: the hooks are
 * in the long ones only.
 *
 * The device is in its namespace's list while it is up.  Senders find it there
 * under RCU, and have a reference of it from vunix_mon_take() to vunix_mon_add() or
 * vunix_mon_forget().  ndo_stop() takes it out, waits for those who have looked,
 * marks it as down under its lock, waits for the packet that the worker has in hand,
 * and empties the queue; packets that are added later find it down, or up another
 * time.
 */
#include <linux/ethtool.h>
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/pid_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/timekeeping.h>
#include <linux/vunixmon.h>
#include <linux/workqueue.h>
#include <net/rtnetlink.h>
#include "vunix_queue.h"

/* The most that may wait for a worker: memory, not bytes of packets. */
#define VUNIX_MON_BYTES		(16L << 20)
#define VUNIX_MON_BYTES_ALL	(4 * VUNIX_MON_BYTES)
#define VUNIX_MON_PACKETS	16384
/* Devices of a namespace that are up: each takes the sender's time. */
#define VUNIX_MON_UP		8
/* Packets that one device hands out before another one has its turn */
#define VUNIX_MON_BATCH		64
/* A packet that is no longer is in one piece of memory. */
#define VUNIX_MON_LINEAR	2048
/* No reserves, no waiting, no complaint */
#define VUNIX_MON_GFP		(GFP_NOWAIT | __GFP_NOWARN)

/*
 * struct vunix_mon - private part of a device
 * @dev: the device
 * @node: in vunix_net.mons, while it is up; RTNL to change, RCU to read
 * @ours: in a namespace of the initial user namespace, whose devices users cannot
 *	make lose packets by having devices of their own
 * @sink: takes the packets that are left when the taps have seen them
 * @pid_ns: in which pids are shown: of who brought it up
 * @work: hands out @queue
 * @lock: a leaf, inside of q.lock; protects what follows
 * @queue: packets, oldest first
 * @bytes: memory they take
 * @up: more may be added
 * @turn: how often it was brought up: packets made before that are not wanted
 * @packets: handed out
 * @packet_bytes: their length
 * @dropped: lost
 */
struct vunix_mon {
	struct net_device	*dev;
	struct list_head	node;
	bool			ours;
	struct packet_type	sink;
	struct pid_namespace	*pid_ns;
	struct work_struct	work;
	spinlock_t		lock;	/* see above */
	struct sk_buff_head	queue;
	long			bytes;
	bool			up;
	u32			turn;
	u64			packets;
	u64			packet_bytes;
	u64			dropped;
};

/*
 * struct vunix_mon_cb - of a packet that is not queued yet
 * @turn: vunix_mon.turn when it was made
 * @foreign: the receiver is not in the device's namespace
 */
struct vunix_mon_cb {
	u32	turn;
	bool	foreign;
};

#define VUNIX_MON_CB(skb)	((struct vunix_mon_cb *)(skb)->cb)

DEFINE_STATIC_KEY_DEFERRED_FALSE(vunix_mon_key, HZ);

static struct workqueue_struct *mon_wq;
static atomic_long_t all_bytes;

/**
 * __vunix_mon_wants() - is a message captured?
 * @sk: sender
 * @other: receiver
 *
 * Context: Any.
 * Return: true if a device of one of their namespaces is up.
 */
bool __vunix_mon_wants(const struct sock *sk, const struct sock *other)
{
	return !list_empty(&vunix_sk(sk)->vn->mons) ||
	       !list_empty(&vunix_sk(other)->vn->mons);
}

/*
 * Building a packet
 */

static u8 packet_type(const struct sock *sk)
{
	switch (sk->sk_type) {
	case SOCK_STREAM:
		return VUNIXMON_STREAM;
	case SOCK_DGRAM:
		return VUNIXMON_DGRAM;
	default:
		return VUNIXMON_SEQPACKET;
	}
}

/* A connection that was, or is to be, accepted has its listener's name. */
static u16 direction(const struct sock *sk, const struct sock *other)
{
	if (!vunix_is_connected_type(sk))
		return 0;
	if (vunix_name_is_inherited(sk))
		return VUNIXMON_F_TO_CLIENT;
	if (vunix_name_is_inherited(other))
		return VUNIXMON_F_TO_SERVER;
	return 0;
}

static u8 name_len(const struct unix_address *addr)
{
	const char *path;
	int len;

	if (!addr)
		return 0;
	path = addr->name->sun_path;
	len = addr->len - offsetof(struct sockaddr_un, sun_path);
	if (len <= 0)
		return 0;
	return path[0] ? len - 1 : len;
}

static void put_mac(struct sk_buff *skb, u64 id)
{
	u8 *mac = skb_put(skb, ETH_ALEN);

	/* Of one station, administered locally */
	mac[0] = 0x02;
	mac[1] = id >> 32;
	put_unaligned_be32(id, mac + 2);
}

/* Copies @n bytes of the payload to where the header ends. */
static int put_payload(struct sk_buff *skb, const struct vunix_mon_msg *m,
		       unsigned int at, size_t n)
{
	u32 pos = m->w->pos - m->len;
	int err = 0;

	while (n && !err) {
		size_t len = min_t(size_t, n,
				   PAGE_SIZE - vunix_page_offset(pos));

		err = skb_store_bits(skb, at, vunix_write_at(m->w, pos), len);
		at += len;
		pos += len;
		n -= len;
	}
	return err;
}

static struct sk_buff *mon_build(const struct vunix_mon *mon,
				 const struct vunix_mon_msg *m)
{
	struct user_namespace *user_ns = dev_net(mon->dev)->user_ns;
	const struct unix_address *from, *to;
	struct vunixmon_hdr hdr = {};
	size_t hdr_len, len, linear;
	struct sk_buff *skb;
	int err;

	/* Pairs with the release when the name was given.  Litmus: name-bind. */
	from = smp_load_acquire(&unix_sk(m->sk)->addr);
	/* Likewise.  Litmus: name-bind. */
	to = smp_load_acquire(&unix_sk(m->other)->addr);
	hdr.src_name_len = name_len(from);
	hdr.dst_name_len = name_len(to);
	hdr_len = sizeof(hdr) + hdr.src_name_len + hdr.dst_name_len;
	/* min_mtu is VUNIXMON_HDR_MAX. */
	len = min_t(size_t, m->len, READ_ONCE(mon->dev->mtu) - hdr_len);
	linear = ETH_HLEN + hdr_len;
	if (len <= VUNIX_MON_LINEAR)
		linear += len;

	skb = alloc_skb_with_frags(NET_IP_ALIGN + linear,
				   ETH_HLEN + hdr_len + len - linear, 0, &err,
				   VUNIX_MON_GFP);
	if (!skb)
		return NULL;
	skb_reserve(skb, NET_IP_ALIGN);

	put_mac(skb, vunix_sk(m->other)->id);
	put_mac(skb, vunix_sk(m->sk)->id);
	put_unaligned_be16(VUNIXMON_ETHERTYPE, skb_put(skb, sizeof(__be16)));

	hdr.version = VUNIXMON_VERSION;
	hdr.type = packet_type(m->sk);
	hdr.hdr_len = cpu_to_be16(hdr_len);
	hdr.flags = cpu_to_be16(m->flags | direction(m->sk, m->other));
	hdr.src_id = cpu_to_be64(vunix_sk(m->sk)->id);
	hdr.dst_id = cpu_to_be64(vunix_sk(m->other)->id);
	hdr.msg_flags = cpu_to_be32(vunix_user_flags(m->msg_flags));
	hdr.pid = cpu_to_be32(pid_nr_ns(task_tgid(current), mon->pid_ns));
	hdr.uid = cpu_to_be32(from_kuid_munged(user_ns, current_uid()));
	hdr.gid = cpu_to_be32(from_kgid_munged(user_ns, current_gid()));
	hdr.nr_fds = cpu_to_be32(m->fp ? m->fp->count : 0);
	hdr.len = cpu_to_be32(m->len);
	hdr.caplen = cpu_to_be32(len);
	skb_put_data(skb, &hdr, sizeof(hdr));
	if (hdr.src_name_len)
		skb_put_data(skb, from->name->sun_path, hdr.src_name_len);
	if (hdr.dst_name_len)
		skb_put_data(skb, to->name->sun_path, hdr.dst_name_len);

	if (len <= VUNIX_MON_LINEAR) {
		skb_put(skb, len);
	} else {
		skb->data_len = len;
		skb->len += len;
	}
	if (put_payload(skb, m, ETH_HLEN + hdr_len, len)) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

static void mon_count_dropped(struct vunix_mon *mon)
{
	spin_lock(&mon->lock);
	mon->dropped++;
	spin_unlock(&mon->lock);
}

/* A hint unless the lock is held (and as for all devices together). */
static bool mon_is_full_lockless(struct vunix_mon *mon)
{
	return READ_ONCE(mon->bytes) >= VUNIX_MON_BYTES ||
	       skb_queue_len_lockless(&mon->queue) >=
			READ_ONCE(mon->dev->tx_queue_len) ||
	       (!mon->ours &&
		atomic_long_read(&all_bytes) >= VUNIX_MON_BYTES_ALL);
}

/* Memory of queued packets: @n bytes more, or less. */
static void mon_add_bytes(struct vunix_mon *mon, long n)
{
	lockdep_assert_held(&mon->lock);
	WRITE_ONCE(mon->bytes, mon->bytes + n);
	if (!mon->ours)
		atomic_long_add(n, &all_bytes);
}

static struct sk_buff *mon_take_for(struct vunix_net *vn,
				    struct vunix_mon_msg *m, bool foreign,
				    struct sk_buff *list)
{
	struct vunix_mon *mon;
	struct sk_buff *skb;

	list_for_each_entry_rcu(mon, &vn->mons, node) {
		skb = mon_is_full_lockless(mon) ? NULL : mon_build(mon, m);
		if (!skb) {
			m->lost = true;
			continue;
		}
		/* Constant while it is in the list. */
		VUNIX_MON_CB(skb)->turn = READ_ONCE(mon->turn);
		VUNIX_MON_CB(skb)->foreign = foreign;
		dev_hold(mon->dev);
		skb->dev = mon->dev;
		skb->next = list;
		list = skb;
	}
	return list;
}

/**
 * __vunix_mon_take() - make packets of a message that is about to be queued
 * @m: message, which a writer has filled in
 *
 * A message between two namespaces is seen in both, as on a pair of veth devices.
 * (Datagrams alone can be: both ends of a connection are in that of who connected.)
 *
 * Context: Process, the writer's wmutex held. Never sleeps.
 * Return: packets for vunix_mon_add() or vunix_mon_forget(), or NULL.
 */
struct sk_buff *__vunix_mon_take(struct vunix_mon_msg *m)
{
	struct vunix_net *from = vunix_sk(m->sk)->vn;
	struct vunix_net *to = vunix_sk(m->other)->vn;
	struct sk_buff *list;

	rcu_read_lock();
	list = mon_take_for(from, m, to != from, NULL);
	if (to != from)
		list = mon_take_for(to, m, false, list);
	rcu_read_unlock();
	return list;
}

/*
 * Queues
 */

static bool mon_add(struct vunix_mon *mon, struct sk_buff *skb, u32 seq)
{
	struct vunixmon_hdr *hdr = (void *)skb->data + ETH_HLEN;
	struct vunix_mon_cb cb = *VUNIX_MON_CB(skb);
	bool added;

	memset(VUNIX_MON_CB(skb), 0, sizeof(cb));
	spin_lock(&mon->lock);
	/* It may have been down since, and up in another namespace. */
	added = mon->up && mon->turn == cb.turn && !mon_is_full_lockless(mon);
	if (added) {
		skb->tstamp = ktime_get_real();
		put_unaligned_be64(ktime_to_ns(skb->tstamp), &hdr->time);
		put_unaligned_be32(cb.foreign ? 0 : seq, &hdr->seq);
		__skb_queue_tail(&mon->queue, skb);
		mon_add_bytes(mon, skb->truesize);
		queue_work(mon_wq, &mon->work);
	} else {
		mon->dropped++;
	}
	spin_unlock(&mon->lock);
	return added;
}

/* Devices that have no packet of the message in @list have lost it. */
static void mon_count_lost(struct vunix_net *vn, const struct sk_buff *list)
{
	const struct sk_buff *skb;
	struct vunix_mon *mon;

	list_for_each_entry_rcu(mon, &vn->mons, node) {
		for (skb = list; skb && skb->dev != mon->dev; skb = skb->next)
			;
		if (!skb)
			mon_count_dropped(mon);
	}
}

/**
 * __vunix_mon_add() - the message is being queued
 * @m: message
 * @list: its packets
 * @seq: vunixmon_hdr.seq
 *
 * Context: Process, the receiver's q.lock held: nobody has the message yet, so its
 *          packet is in front of what answers it.
 */
void __vunix_mon_add(const struct vunix_mon_msg *m, struct sk_buff *list,
		     u32 seq)
{
	struct vunix_net *from = vunix_sk(m->sk)->vn;
	struct vunix_net *to = vunix_sk(m->other)->vn;

	/*
	 * Not before: a send that finds the receiver full comes back with the same
	 * message, or loses nothing.
	 */
	if (m->lost) {
		rcu_read_lock();
		mon_count_lost(from, list);
		if (to != from)
			mon_count_lost(to, list);
		rcu_read_unlock();
	}
	while (list) {
		struct sk_buff *skb = list;
		struct net_device *dev = skb->dev;

		list = skb->next;
		skb_mark_not_on_list(skb);
		if (!mon_add(netdev_priv(dev), skb, seq))
			kfree_skb(skb);
		dev_put(dev);
	}
}

/**
 * __vunix_mon_forget() - the message has not been queued
 * @list: its packets
 *
 * Context: Process.
 */
void __vunix_mon_forget(struct sk_buff *list)
{
	while (list) {
		struct sk_buff *skb = list;

		list = skb->next;
		skb_mark_not_on_list(skb);
		dev_put(skb->dev);
		kfree_skb(skb);
	}
}

/* The oldest packet, to be shown (while it is up) or lost, or NULL. */
static struct sk_buff *mon_remove(struct vunix_mon *mon, bool shown)
{
	struct sk_buff *skb = NULL;

	spin_lock(&mon->lock);
	if (mon->up || !shown)
		skb = __skb_dequeue(&mon->queue);
	if (skb) {
		mon_add_bytes(mon, -(long)skb->truesize);
		mon->packets += shown;
		mon->packet_bytes += shown ? skb->len : 0;
		mon->dropped += !shown;
	}
	spin_unlock(&mon->lock);
	return skb;
}

/* What comes from here has been received, by the time it was sent at. */
static void mon_deliver(struct work_struct *work)
{
	struct vunix_mon *mon = container_of(work, struct vunix_mon, work);
	struct sk_buff *skb;
	int n;

	for (n = 0; n < VUNIX_MON_BATCH && (skb = mon_remove(mon, true)); n++) {
		skb_reset_mac_header(skb);
		__skb_pull(skb, ETH_HLEN);
		skb->protocol = htons(VUNIXMON_ETHERTYPE);
		local_bh_disable();
		netif_receive_skb(skb);
		local_bh_enable();
		cond_resched();
	}
	spin_lock(&mon->lock);
	if (mon->up && !skb_queue_empty(&mon->queue))
		queue_work(mon_wq, &mon->work);
	spin_unlock(&mon->lock);
}

/*
 * Of a packet that no tap wants to keep.  Without it the core would count each of
 * them as dropped.
 */
static int mon_sink(struct sk_buff *skb, struct net_device *dev,
		    struct packet_type *pt, struct net_device *orig_dev)
{
	consume_skb(skb);
	return NET_RX_SUCCESS;
}

/*
 * The device
 */

static int mon_open(struct net_device *dev)
{
	struct vunix_net *vn = vunix_net(dev_net(dev));
	struct vunix_mon *mon = netdev_priv(dev);

	ASSERT_RTNL();
	/* Who sends to another namespace does not know who waits there. */
	if (vn->nr_mons == VUNIX_MON_UP)
		return -EBUSY;
	vn->nr_mons++;
	mon->pid_ns = get_pid_ns(task_active_pid_ns(current));
	mon->sink = (struct packet_type) {
		.type = htons(VUNIXMON_ETHERTYPE),
		.dev = dev,
		.func = mon_sink,
	};
	dev_add_pack(&mon->sink);
	mon->ours = dev_net(dev)->user_ns == &init_user_ns;
	spin_lock(&mon->lock);
	mon->up = true;
	WRITE_ONCE(mon->turn, mon->turn + 1);
	spin_unlock(&mon->lock);
	list_add_tail_rcu(&mon->node, &vn->mons);
	static_branch_deferred_inc(&vunix_mon_key);
	return 0;
}

static int mon_stop(struct net_device *dev)
{
	struct vunix_mon *mon = netdev_priv(dev);
	struct sk_buff *skb;

	ASSERT_RTNL();
	static_branch_slow_dec_deferred(&vunix_mon_key);
	list_del_rcu(&mon->node);
	vunix_net(dev_net(dev))->nr_mons--;
	synchronize_net();
	spin_lock(&mon->lock);
	mon->up = false;
	spin_unlock(&mon->lock);
	cancel_work_sync(&mon->work);
	while ((skb = mon_remove(mon, false)))
		kfree_skb(skb);
	dev_remove_pack(&mon->sink);
	put_pid_ns(mon->pid_ns);
	mon->pid_ns = NULL;
	return 0;
}

/* There is nobody to send to; and without a carrier nothing comes here. */
static netdev_tx_t mon_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}

static void mon_get_stats64(struct net_device *dev,
			    struct rtnl_link_stats64 *stats)
{
	struct vunix_mon *mon = netdev_priv(dev);

	spin_lock(&mon->lock);
	stats->rx_packets = mon->packets;
	stats->rx_bytes = mon->packet_bytes;
	stats->rx_dropped = mon->dropped;
	spin_unlock(&mon->lock);
}

static const struct net_device_ops mon_ops = {
	.ndo_open = mon_open,
	.ndo_stop = mon_stop,
	.ndo_start_xmit = mon_start_xmit,
	.ndo_get_stats64 = mon_get_stats64,
};

static void mon_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, "vunixmon", sizeof(info->driver));
}

static const struct ethtool_ops mon_ethtool_ops = {
	.get_drvinfo = mon_get_drvinfo,
};

static void mon_setup(struct net_device *dev)
{
	struct vunix_mon *mon = netdev_priv(dev);

	mon->dev = dev;
	spin_lock_init(&mon->lock);
	__skb_queue_head_init(&mon->queue);
	INIT_WORK(&mon->work, mon_deliver);

	ether_setup(dev);
	dev->netdev_ops = &mon_ops;
	dev->ethtool_ops = &mon_ethtool_ops;
	dev->needs_free_netdev = true;
	dev->flags = IFF_NOARP;
	/* Nor may a bridge send it to others. */
	dev->priv_flags |= IFF_NO_QUEUE | IFF_NO_RX_HANDLER;
	dev->tx_queue_len = VUNIX_MON_PACKETS;
	dev->min_mtu = VUNIXMON_HDR_MAX;
	dev->max_mtu = ETH_MAX_MTU;
	dev->mtu = ETH_MAX_MTU;
	/*
	 * Nobody is to use it as a network.  Without a carrier what IPv6 or a
	 * DHCP client would send is dropped before taps see it.
	 */
	netif_carrier_off(dev);
}

static struct rtnl_link_ops mon_link_ops = {
	.kind = "vunixmon",
	.priv_size = sizeof(struct vunix_mon),
	.setup = mon_setup,
};

/**
 * vunix_mon_init() - the kind of device can be made
 *
 * Return: 0 or errno.
 */
int __init vunix_mon_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(struct vunixmon_hdr) != 64);
	mon_wq = alloc_workqueue("vunix_mon", WQ_UNBOUND, 0);
	if (!mon_wq)
		return -ENOMEM;
	err = rtnl_link_register(&mon_link_ops);
	if (err)
		destroy_workqueue(mon_wq);
	return err;
}

/**
 * vunix_mon_exit() - no more; devices that are there go
 *
 * Context: Process; before the namespaces' own part goes.
 */
void vunix_mon_exit(void)
{
	rtnl_link_unregister(&mon_link_ops);
	destroy_workqueue(mon_wq);
	static_key_deferred_flush(&vunix_mon_key);
}

MODULE_ALIAS_RTNL_LINK("vunixmon");
