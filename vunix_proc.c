// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/vunix: the sockets of a namespace, in the format of
 * /proc/net/unix.
 *
 * A reader may stop after any line and come back much later.  The place is
 * kept as an id of the registry: what was listed is not listed again, and
 * nothing that lives all the time is left out, whatever came and went.
 */

#include <linux/net.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#include <net/tcp_states.h>
#include "vunix.h"

/**
 * struct vunix_proc_iter - where a reader is
 * @p: what seq_file_net() needs; first
 * @index: number of the last line started, 0 is the heading
 * @before: place in the registry in front of that line
 * @after: and behind it
 * @last: the highest id that there was at the heading; reading ends there
 */
struct vunix_proc_iter {
	struct seq_net_private	p;
	loff_t			index;
	u64			before;
	u64			after;
	u64			last;
};

/* The socket of line @index, which is the next one of @seq's last line. */
static struct sock *vunix_proc_step(struct seq_file *seq, loff_t index)
{
	struct vunix_net *vn = vunix_net(seq_file_net(seq));
	struct vunix_proc_iter *iter = seq->private;

	iter->index = index;
	iter->before = iter->after;
	return vunix_registry_next_get(vn, &iter->after, iter->last);
}

static void *vunix_proc_start(struct seq_file *seq, loff_t *pos)
{
	struct vunix_proc_iter *iter = seq->private;

	if (!*pos) {
		iter->index = 0;
		iter->after = 0;
		iter->last = vunix_registry_last(vunix_net(seq_file_net(seq)));
		return SEQ_START_TOKEN;
	}
	/* Again, if it did not fit into the buffer. */
	if (*pos == iter->index)
		iter->after = iter->before;
	return vunix_proc_step(seq, *pos);
}

static void vunix_proc_stop(struct seq_file *seq, void *v)
{
	if (v && v != SEQ_START_TOKEN)
		sock_put(v);
}

static void *vunix_proc_next(struct seq_file *seq, void *v, loff_t *pos)
{
	vunix_proc_stop(seq, v);
	return vunix_proc_step(seq, ++*pos);
}

static unsigned int vunix_proc_state(const struct sock *sk, int state)
{
	bool established = state == TCP_ESTABLISHED;

	if (sk->sk_socket)
		return established ? SS_CONNECTED : SS_UNCONNECTED;
	return established ? SS_CONNECTING : SS_DISCONNECTING;
}

/* An abstract name's NULs, the first one included, are shown as '@'. */
static void vunix_proc_show_name(struct seq_file *seq,
				 const struct unix_address *addr)
{
	const char *path = addr->name->sun_path;
	int len = addr->len - offsetof(struct sockaddr_un, sun_path);
	int i;

	if (path[0])
		len--;
	seq_putc(seq, ' ');
	for (i = 0; i < len; i++)
		seq_putc(seq, path[i] ?: '@');
}

static int vunix_proc_show(struct seq_file *seq, void *v)
{
	const struct unix_address *addr;
	struct sock *sk = v;
	int state;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "Num       RefCount Protocol Flags    Type St Inode Path\n");
		return 0;
	}

	unix_state_lock(sk);
	/* Released since we found it: no line, as if it had been gone then. */
	if (sock_flag(sk, SOCK_DEAD)) {
		unix_state_unlock(sk);
		return 0;
	}
	/* Embryos and pairs are linked without their state locks. */
	state = READ_ONCE(sk->sk_state);
	/* Our own reference is not counted. */
	seq_printf(seq, "%pK: %08X %08X %08X %04X %02X %5llu", sk,
		   refcount_read(&sk->sk_refcnt) - 1, 0,
		   state == TCP_LISTEN ? __SO_ACCEPTCON : 0,
		   sk->sk_type, vunix_proc_state(sk, state),
		   (unsigned long long)sock_i_ino(sk));
	/* Pairs with the release in vunix_name_insert().  Litmus: name-bind. */
	addr = smp_load_acquire(&unix_sk(sk)->addr);
	if (addr)
		vunix_proc_show_name(seq, addr);
	unix_state_unlock(sk);
	seq_putc(seq, '\n');

	return 0;
}

static const struct seq_operations vunix_proc_ops = {
	.start	= vunix_proc_start,
	.next	= vunix_proc_next,
	.stop	= vunix_proc_stop,
	.show	= vunix_proc_show,
};

/**
 * vunix_proc_net_init() - create /proc/net/vunix in a namespace
 * @net: namespace
 *
 * Context: Process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int vunix_proc_net_init(struct net *net)
{
	if (!proc_create_net("vunix", 0, net->proc_net, &vunix_proc_ops,
			     sizeof(struct vunix_proc_iter)))
		return -ENOMEM;
	return 0;
}

/**
 * vunix_proc_net_exit() - remove /proc/net/vunix from a namespace
 * @net: namespace
 *
 * Context: Process, may sleep.
 */
void vunix_proc_net_exit(struct net *net)
{
	remove_proc_entry("vunix", net->proc_net);
}
