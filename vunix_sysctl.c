// SPDX-License-Identifier: GPL-2.0
/*
 * The limits of a network namespace as /proc/sys/net/vunix:
 *
 *   max_sockets           sockets, connections not yet accepted included
 *   max_backlog           pending connections of one listener, less one;
 *                         bounds listen() next to net.core.somaxconn
 *   max_dgram_size        bytes of one datagram or record
 *   max_dgram_qlen        messages, less one, that wait at a receiver which is
 *                         not connected to their sender; for sockets created
 *                         from then on
 *   max_scm_fds           descriptors in one message, 1 to 253
 *   max_inflight          descriptors of one user on their way
 *   max_foreign_inflight  AF_UNIX sockets of one user on their way; 0 is none
 *   busy_poll             microseconds, 0 to 1000, that readers spin before they
 *                         sleep, where SO_BUSY_POLL says nothing; 0 is not at all
 *
 * Of the limits whose range is not given, 0 means none but AF_UNIX's, except for
 * max_dgram_qlen.  The initial namespace's values bind all the others, but for
 * max_dgram_qlen: larger ones are refused, and what was set before, or is the
 * default, has no effect above them (vunix_limit_*() in vunix.h).
 *
 * And counts, to read:
 *   user_inflight          descriptors of the reading user on their way
 *   user_foreign_inflight  AF_UNIX sockets among them
 *   foreign_inflight       AF_UNIX sockets sent from the namespace
 *   foreign_inflight_all   those of all; in the initial namespace alone
 */

#include <linux/cred.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include "vunix.h"

/* Read or write one value; writing refuses what is out of range. */
static int vunix_sysctl_value(vunix_ctl_table *ctl, int write, void *buffer,
			      size_t *lenp, loff_t *ppos, unsigned int *val,
			      unsigned int min, unsigned int max)
{
	vunix_ctl_table local = {
		.procname	= ctl->procname,
		.data		= val,
		.maxlen		= sizeof(*val),
		.mode		= ctl->mode,
		.extra1		= &min,
		.extra2		= &max,
	};

	*val = READ_ONCE(*(unsigned int *)ctl->data);
	return proc_douintvec_minmax(&local, write, buffer, lenp, ppos);
}

/* A limit of which 0 is none: extra1 is the initial namespace's, or NULL. */
static int vunix_sysctl_limit(vunix_ctl_table *ctl, int write, void *buffer,
			      size_t *lenp, loff_t *ppos)
{
	const unsigned int *hard = ctl->extra1;
	unsigned int cap, val;
	int err;

	err = vunix_sysctl_value(ctl, write, buffer, lenp, ppos, &val, 0,
				 INT_MAX);
	if (err || !write)
		return err;

	cap = hard ? READ_ONCE(*hard) : 0;
	if (cap && (!val || val > cap))
		return -EINVAL;
	WRITE_ONCE(*(unsigned int *)ctl->data, val);
	return 0;
}

/* A number that means itself, from @min to @max and the initial namespace's. */
static int vunix_sysctl_number(vunix_ctl_table *ctl, int write, void *buffer,
			       size_t *lenp, loff_t *ppos, unsigned int min,
			       unsigned int max)
{
	const unsigned int *hard = ctl->extra1;
	unsigned int val;
	int err;

	err = vunix_sysctl_value(ctl, write, buffer, lenp, ppos, &val, min,
				 max);
	if (err || !write)
		return err;

	if (hard && val > READ_ONCE(*hard))
		return -EINVAL;
	WRITE_ONCE(*(unsigned int *)ctl->data, val);
	return 0;
}

static int vunix_sysctl_scm_fds(vunix_ctl_table *ctl, int write, void *buffer,
				size_t *lenp, loff_t *ppos)
{
	return vunix_sysctl_number(ctl, write, buffer, lenp, ppos, 1,
				   SCM_MAX_FD);
}

static int vunix_sysctl_foreign(vunix_ctl_table *ctl, int write, void *buffer,
				size_t *lenp, loff_t *ppos)
{
	return vunix_sysctl_number(ctl, write, buffer, lenp, ppos, 0, INT_MAX);
}

static int vunix_sysctl_busy(vunix_ctl_table *ctl, int write, void *buffer,
			     size_t *lenp, loff_t *ppos)
{
	return vunix_sysctl_number(ctl, write, buffer, lenp, ppos, 0,
				   VUNIX_BUSY_MAX);
}

/* A count, to read. */
static int vunix_sysctl_count(vunix_ctl_table *ctl, int write, void *buffer,
			      size_t *lenp, loff_t *ppos, unsigned int count)
{
	vunix_ctl_table local = {
		.procname	= ctl->procname,
		.data		= &count,
		.maxlen		= sizeof(count),
		.mode		= ctl->mode,
	};

	return proc_douintvec(&local, write, buffer, lenp, ppos);
}

static int vunix_sysctl_user(vunix_ctl_table *ctl, int write, void *buffer,
			     size_t *lenp, loff_t *ppos)
{
	unsigned int foreign;

	return vunix_sysctl_count(ctl, write, buffer, lenp, ppos,
				  vunix_scm_inflight(current_uid(), &foreign));
}

static int vunix_sysctl_user_foreign(vunix_ctl_table *ctl, int write,
				     void *buffer, size_t *lenp, loff_t *ppos)
{
	unsigned int foreign;

	vunix_scm_inflight(current_uid(), &foreign);
	return vunix_sysctl_count(ctl, write, buffer, lenp, ppos, foreign);
}

static int vunix_sysctl_foreign_all(vunix_ctl_table *ctl, int write,
				    void *buffer, size_t *lenp, loff_t *ppos)
{
	return vunix_sysctl_count(ctl, write, buffer, lenp, ppos,
				  vunix_scm_foreign_all());
}

/*
 * data is an offset here, if maxlen is not 0; vunix_sysctl_net_init() makes
 * addresses of it.
 */
#define VUNIX_SYSCTL(name, handler)					\
	{								\
		.procname	= #name,				\
		.data		= (void *)offsetof(struct vunix_net, name), \
		.maxlen		= sizeof(unsigned int),			\
		.mode		= 0644,					\
		.proc_handler	= handler,				\
	}

static const struct ctl_table vunix_sysctl_table[] = {
	VUNIX_SYSCTL(max_sockets, vunix_sysctl_limit),
	VUNIX_SYSCTL(max_backlog, vunix_sysctl_limit),
	VUNIX_SYSCTL(max_dgram_size, vunix_sysctl_limit),
	{
		.procname	= "max_dgram_qlen",
		.data		= (void *)offsetof(struct vunix_net,
						   max_dgram_qlen),
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_INT_MAX,
	},
	VUNIX_SYSCTL(max_scm_fds, vunix_sysctl_scm_fds),
	VUNIX_SYSCTL(max_inflight, vunix_sysctl_limit),
	VUNIX_SYSCTL(max_foreign_inflight, vunix_sysctl_foreign),
	VUNIX_SYSCTL(busy_poll, vunix_sysctl_busy),
	{
		.procname	= "foreign_inflight",
		.data		= (void *)offsetof(struct vunix_net,
						   foreign_inflight),
		.maxlen		= sizeof(unsigned int),
		.mode		= 0444,
		.proc_handler	= proc_douintvec,
	},
	{
		.procname	= "user_inflight",
		.mode		= 0444,
		.proc_handler	= vunix_sysctl_user,
	},
	{
		.procname	= "user_foreign_inflight",
		.mode		= 0444,
		.proc_handler	= vunix_sysctl_user_foreign,
	},
	{
		/* The last one is only shown in the initial namespace. */
		.procname	= "foreign_inflight_all",
		.mode		= 0444,
		.proc_handler	= vunix_sysctl_foreign_all,
	},
	{ }	/* not counted, see register_net_sysctl_sz() in vunix_compat.h */
};

/**
 * vunix_sysctl_net_init() - show and take the limits of a namespace
 * @vn: namespace, its limits set by vunix_sysctl_net_defaults()
 *
 * The files are writable by the owner of the namespace, as net/unix's are.
 *
 * Context: Process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int vunix_sysctl_net_init(struct vunix_net *vn)
{
	unsigned int i, nr = ARRAY_SIZE(vunix_sysctl_table) - 1;
	struct vunix_net *init = vunix_net(&init_net);
	struct ctl_table *table;

	table = kmemdup(vunix_sysctl_table, sizeof(vunix_sysctl_table),
			GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;

	if (vn != init)
		table[--nr] = (struct ctl_table){};
	for (i = 0; i < nr; i++) {
		unsigned long offset = (unsigned long)table[i].data;

		if (!table[i].maxlen)
			continue;
		table[i].data = (void *)vn + offset;
		if (!table[i].extra1 && vn != init)
			table[i].extra1 = (void *)init + offset;
	}

	vn->sysctl = register_net_sysctl_sz(vn->net, "net/vunix", table, nr);
	if (!vn->sysctl) {
		kfree(table);
		return -ENOMEM;
	}
	return 0;
}

/**
 * vunix_sysctl_net_exit() - take the limits of a namespace out of view
 * @vn: namespace on its way out
 *
 * Context: Process, may sleep.
 */
void vunix_sysctl_net_exit(struct vunix_net *vn)
{
	const struct ctl_table *table = vn->sysctl->ctl_table_arg;

	unregister_net_sysctl_table(vn->sysctl);
	kfree(table);
}
