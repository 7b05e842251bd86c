// SPDX-License-Identifier: GPL-2.0
/*
 * Control messages, both ways: descriptors, credentials, labels, pidfds.
 *
 * Owns what a message carries besides its data (struct vunix_scm) from the
 * moment the sender's control messages are read until the receiver has them or
 * the message is dropped, and the counts of descriptors in flight.  Where a
 * message stands meanwhile is the queue's business.
 *
 * A list of files is a struct scm_fp_list, because the kernel's
 * scm_detach_fds() hands descriptors out of one and frees it.  Ours is only as
 * long as it has to be, and what it costs its sender stands behind it:
 *
 *     struct scm_fp_list: count, max, user | fp[0] ... fp[max - 1] |
 *     struct vunix_inflight
 *
 * Descriptors queued at a socket are alive without being open anywhere, so they
 * are counted per user and limited as AF_UNIX limits them.  Those of vunix
 * sockets the collector knows as well (vunix_gc.c).  An AF_UNIX socket that is
 * queued may hold, in its own queue, the socket it is queued on, and neither
 * family's collector sees such a cycle.  So those have a second limit, which no
 * privilege lifts.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/hashtable.h>
#include <linux/magic.h>
#include <linux/net.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/user.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <net/compat.h>
#include <net/tcp_states.h>
#include <net/net_namespace.h>
#include <net/scm.h>
#include "vunix.h"
#include "vunix_trace.h"

/* Most sockets on their way from one namespace, and from all together. */
#define VUNIX_FOREIGN_NET	4096
#define VUNIX_FOREIGN_ALL	16384

/* Entries without descriptors that are kept, for the next message. */
#define VUNIX_IDLE_USERS	64

/*
 * struct vunix_user - descriptors of a user on their way
 * @node: in vunix_users
 * @idle: in vunix_idle_users, while there are none
 * @uid: who
 * @files: descriptors
 * @foreign: AF_UNIX sockets among them
 */
struct vunix_user {
	struct hlist_node	node;
	struct list_head	idle;
	kuid_t			uid;
	unsigned int		files;
	unsigned int		foreign;
};

/*
 * struct vunix_inflight - what a list of files counts for
 * @user: whose count, NULL if the list is not in flight
 * @net: namespace it was sent from, held while @foreign is not 0
 * @parcel: vunix sockets among them, for the collector; NULL without any, or
 *	when the message has left its queue
 * @files: descriptors
 * @sockets: vunix sockets among them
 * @foreign: AF_UNIX sockets among them
 */
struct vunix_inflight {
	struct vunix_user	*user;
	struct net		*net;
	struct vunix_parcel	*parcel;
	unsigned int		files;
	unsigned int		sockets;
	unsigned int		foreign;
};

/* Protects the table, its entries and every count of foreign sockets. */
static DEFINE_SPINLOCK(vunix_users_lock);
static DEFINE_HASHTABLE(vunix_users, 10);
static LIST_HEAD(vunix_idle_users);	/* longest idle first */
static unsigned int vunix_nr_idle_users;
static unsigned int vunix_foreign_all;

static struct vunix_inflight *fp_list_inflight(struct scm_fp_list *fpl)
{
	return (void *)fpl + offsetof(struct scm_fp_list, fp[fpl->max]);
}

static struct scm_fp_list *fp_list_alloc(unsigned int max,
					 struct user_struct *user)
{
	struct scm_fp_list *fpl;

	fpl = kmalloc(offsetof(struct scm_fp_list, fp[max]) +
		      sizeof(struct vunix_inflight), GFP_KERNEL_ACCOUNT);
	if (!fpl)
		return NULL;

	/* The rest differs between kernels, and is AF_UNIX's alone. */
	memset(fpl, 0, offsetof(struct scm_fp_list, fp));
	fpl->max = max;
	fpl->user = get_uid(user);
	memset(fp_list_inflight(fpl), 0, sizeof(struct vunix_inflight));
	return fpl;
}

static struct vunix_user *__user_lookup(kuid_t uid)
{
	struct vunix_user *user;

	lockdep_assert_held(&vunix_users_lock);

	hash_for_each_possible(vunix_users, user, node, __kuid_val(uid))
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/* Is there room for @n more sockets?  One user must not take it all. */
static bool __foreign_fits(const struct vunix_user *user, struct vunix_net *vn,
			   unsigned int n)
{
	unsigned int max = vunix_limit_foreign_inflight(vn);

	lockdep_assert_held(&vunix_users_lock);

	return n <= max && user->foreign <= max - n &&
	       vn->foreign_inflight + n <= VUNIX_FOREIGN_NET &&
	       vunix_foreign_all + n <= VUNIX_FOREIGN_ALL;
}

static void __inflight_add(struct vunix_inflight *c, struct vunix_user *user,
			   struct vunix_net *vn)
{
	lockdep_assert_held(&vunix_users_lock);

	if (!list_empty(&user->idle)) {
		list_del_init(&user->idle);
		vunix_nr_idle_users--;
	}
	c->user = user;
	user->files += c->files;
	user->foreign += c->foreign;
	WRITE_ONCE(vn->foreign_inflight,
		   vn->foreign_inflight + c->foreign);
	WRITE_ONCE(vunix_foreign_all, vunix_foreign_all + c->foreign);
}

/* Returns a user who has nothing left, for the caller to free, or NULL. */
static struct vunix_user *__inflight_sub(struct vunix_inflight *c)
{
	struct vunix_user *user = c->user;
	struct vunix_net *vn;

	lockdep_assert_held(&vunix_users_lock);

	c->user = NULL;
	user->files -= c->files;
	user->foreign -= c->foreign;
	WRITE_ONCE(vunix_foreign_all, vunix_foreign_all - c->foreign);
	if (c->foreign) {
		vn = vunix_net(c->net);
		WRITE_ONCE(vn->foreign_inflight,
			   vn->foreign_inflight - c->foreign);
	}
	if (user->files)
		return NULL;
	list_add_tail(&user->idle, &vunix_idle_users);
	if (++vunix_nr_idle_users <= VUNIX_IDLE_USERS)
		return NULL;
	user = list_first_entry(&vunix_idle_users, struct vunix_user, idle);
	list_del(&user->idle);
	vunix_nr_idle_users--;
	hash_del(&user->node);
	return user;
}

/*
 * Counts what @c says.  *@before is what @uid had on the way until now.  The
 * first descriptor of a user brings a new entry, made with no lock held.
 */
static int inflight_charge(struct vunix_inflight *c, kuid_t uid,
			   struct vunix_net *vn, unsigned int *before)
{
	struct vunix_user *user, *new = NULL;
	int err = 0;

	spin_lock(&vunix_users_lock);
	user = __user_lookup(uid);
	if (!user) {
		spin_unlock(&vunix_users_lock);
		new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
		if (!new)
			return -ENOMEM;
		new->uid = uid;
		INIT_LIST_HEAD(&new->idle);
		spin_lock(&vunix_users_lock);
		user = __user_lookup(uid) ?: new;
	}
	*before = user->files;
	if (c->foreign && !__foreign_fits(user, vn, c->foreign)) {
		err = -ETOOMANYREFS;
	} else {
		__inflight_add(c, user, vn);
		if (user == new) {
			hash_add(vunix_users, &new->node, __kuid_val(uid));
			new = NULL;
		}
	}
	spin_unlock(&vunix_users_lock);
	kfree(new);
	return err;
}

/* The files of @fpl are no longer on their way, if they ever were. */
static void inflight_uncharge(struct scm_fp_list *fpl)
{
	struct vunix_inflight *c = fp_list_inflight(fpl);
	struct vunix_user *unused;

	if (!c->user)
		return;

	vunix_gc_free_parcel(c->parcel);
	c->parcel = NULL;
	spin_lock(&vunix_users_lock);
	unused = __inflight_sub(c);
	spin_unlock(&vunix_users_lock);

	kfree(unused);
	if (c->foreign)
		put_net(c->net);
}

/**
 * vunix_scm_inflight() - what a user has on the way
 * @uid: user, as the senders' real user id
 * @foreign: gets how many of them are AF_UNIX sockets
 *
 * Context: Process.
 * Return: descriptors in flight, in all namespaces.
 */
unsigned int vunix_scm_inflight(kuid_t uid, unsigned int *foreign)
{
	const struct vunix_user *user;
	unsigned int files;

	spin_lock(&vunix_users_lock);
	user = __user_lookup(uid);
	files = user ? user->files : 0;
	*foreign = user ? user->foreign : 0;
	spin_unlock(&vunix_users_lock);
	return files;
}

/**
 * vunix_scm_foreign_all() - AF_UNIX sockets in flight, of all users
 *
 * Context: Any.
 * Return: their number, in all namespaces.
 */
unsigned int vunix_scm_foreign_all(void)
{
	return READ_ONCE(vunix_foreign_all);
}

/**
 * vunix_scm_attach() - count the files of a message as in flight
 * @scm: about to be queued
 * @sk: sender
 *
 * Does nothing without files, or when they are counted already.  The count is
 * given back when @scm is received or destroyed.
 *
 * Context: Process, may sleep.
 * Return: 0, -ENOMEM, or -ETOOMANYREFS: the user has too many on the way.
 */
int vunix_scm_attach(struct vunix_scm *scm, struct sock *sk)
{
	struct scm_fp_list *fpl = scm->fp;
	struct vunix_net *vn = vunix_sk(sk)->vn;
	struct net *net = sock_net(sk);
	struct vunix_inflight *c;
	unsigned int before;
	unsigned long max;
	int err;

	if (!fpl)
		return 0;
	c = fp_list_inflight(fpl);
	if (c->user)
		return 0;

	if (c->sockets) {
		c->parcel = vunix_gc_alloc_parcel(fpl, c->sockets);
		if (!c->parcel)
			return -ENOMEM;
	}
	c->files = fpl->count;
	if (c->foreign) {
		c->net = maybe_get_net(net);
		err = -ETOOMANYREFS;
		if (!c->net)
			goto err_parcel;
	}

	err = inflight_charge(c, fpl->user->uid, vn, &before);
	if (err)
		goto err_net;

	/* As AF_UNIX: who is at the limit may still send one message. */
	max = vunix_limit_inflight(vn) ?: rlimit(RLIMIT_NOFILE);
	if (before > max && !capable(CAP_SYS_RESOURCE) &&
	    !capable(CAP_SYS_ADMIN)) {
		inflight_uncharge(fpl);
		return -ETOOMANYREFS;
	}
	return 0;

err_net:
	if (c->foreign)
		put_net(c->net);
err_parcel:
	vunix_gc_free_parcel(c->parcel);
	c->parcel = NULL;
	return err;
}

/*
 * io_uring refuses to keep what it may itself be kept by, and so do we.  Its
 * own test is not exported; the name of an anonymous inode is the kernel's.
 */
static bool file_is_io_uring(const struct file *file)
{
	static const char name[] = "[io_uring]";
	const struct dentry *dentry = file->f_path.dentry;

	return dentry->d_sb->s_magic == ANON_INODE_FS_MAGIC &&
	       dentry->d_name.len == sizeof(name) - 1 &&
	       !memcmp(dentry->d_name.name, name, sizeof(name) - 1);
}

/*
 * Looks what kind of file is to be sent.  An AF_UNIX socket may hold in its
 * queue, unknown to us, the socket it is sent to.
 */
static int classify_file(struct vunix_inflight *c, struct file *file)
{
	struct socket *sock = sock_from_file(file);
	const struct proto_ops *ops;

	if (!sock)
		return file_is_io_uring(file) ? -EINVAL : 0;
	ops = READ_ONCE(sock->ops);
	if (ops && ops->family == vunix_family)
		c->sockets++;
	else if (ops && ops->family == PF_UNIX)
		c->foreign++;
	return 0;
}

static size_t cmsg_nr_fds(const struct cmsghdr *cmsg)
{
	return (cmsg->cmsg_len - sizeof(*cmsg)) / sizeof(int);
}

static bool cmsg_is_rights(const struct cmsghdr *cmsg)
{
	return cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS;
}

/* Descriptors in @cmsg and behind, but no more than @max. */
static unsigned int count_fds(struct msghdr *msg, struct cmsghdr *cmsg,
			      unsigned int max)
{
	size_t n = 0;

	for (; cmsg && CMSG_OK(msg, cmsg); cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg_is_rights(cmsg))
			n += cmsg_nr_fds(cmsg);
		if (n >= max)
			return max;
	}
	return n;
}

/* SCM_RIGHTS.  What was taken before an error is in @scm. */
static int send_rights(struct msghdr *msg, struct cmsghdr *cmsg,
		       unsigned int max, struct vunix_scm *scm)
{
	const int *fds = (const int *)CMSG_DATA(cmsg);
	size_t i, n = cmsg_nr_fds(cmsg);
	struct vunix_inflight *c;
	struct scm_fp_list *fpl;
	struct file *file;

	if (!n)
		return 0;
	if (n > max)
		return -EINVAL;

	if (!scm->fp) {
		scm->fp = fp_list_alloc(count_fds(msg, cmsg, max),
					current_user());
		if (!scm->fp)
			return -ENOMEM;
	}
	fpl = scm->fp;
	if (n > fpl->max - fpl->count)
		return -EINVAL;
	c = fp_list_inflight(fpl);

	for (i = 0; i < n; i++) {
		file = fds[i] < 0 ? NULL : fget_raw(fds[i]);
		if (!file)
			return -EBADF;
		if (classify_file(c, file)) {
			fput(file);
			return -EINVAL;
		}
		fpl->fp[fpl->count++] = file;
	}
	return 0;
}

/*
 * SCM_CREDENTIALS.  Who may say what is the kernel's to decide: it is given
 * this one control message.  Since 6.16 that also keeps for the process what a
 * pidfd will need once it has been reaped.
 */
static int send_credentials(struct socket *sock, struct cmsghdr *cmsg,
			    struct vunix_scm *scm)
{
	struct msghdr one = {
		.msg_control = cmsg,
		.msg_controllen = cmsg->cmsg_len,
	};
	struct scm_cookie cookie = {
		.pid = scm->pid,
	};
	int err;

	scm->pid = NULL;
	err = __scm_send(sock, &one, &cookie);
	if (err)
		return err;
	scm->pid = cookie.pid;
	scm->uid = cookie.creds.uid;
	scm->gid = cookie.creds.gid;
	return 0;
}

/**
 * vunix_scm_send() - take the control messages of a send
 * @sock: sender
 * @msg: control messages, in kernel memory
 * @scm: what they say; carries nothing after an error
 *
 * Context: Process, may sleep.
 * Return: 0 or errno: -EINVAL malformed, unknown, or descriptors too many or of
 *         a kind that cannot be sent, -EBADF no such descriptor, -EPERM, -ESRCH
 *         credentials, -ENOMEM. Behaviour: unix(7).
 */
int vunix_scm_send(struct socket *sock, struct msghdr *msg,
		   struct vunix_scm *scm)
{
	struct cmsghdr *cmsg;
	unsigned int max;
	int err;

	memset(scm, 0, sizeof(*scm));
	security_socket_getpeersec_dgram(sock, NULL, &scm->secid);
	if (!msg->msg_controllen)
		return 0;

	max = vunix_limit_scm_fds(vunix_sk(sock->sk)->vn);
	for_each_cmsghdr(cmsg, msg) {
		err = -EINVAL;
		if (!CMSG_OK(msg, cmsg))
			goto err_destroy;
		if (cmsg->cmsg_level != SOL_SOCKET)
			continue;

		if (cmsg->cmsg_type == SCM_RIGHTS)
			err = send_rights(msg, cmsg, max, scm);
		else if (cmsg->cmsg_type == SCM_CREDENTIALS)
			err = send_credentials(sock, cmsg, scm);
		if (err)
			goto err_destroy;
	}
	return 0;

err_destroy:
	vunix_scm_destroy(scm);
	return err;
}

/**
 * vunix_scm_register_pid() - a pidfd of the caller will be asked for
 *
 * Before its process id is kept where SO_PEERPIDFD or SO_PASSPIDFD find it.
 * Since 6.16 a pidfd can be had of a process that was reaped meanwhile, if the
 * kernel was told in time.  Only accepted credentials tell it; nobody's creds
 * may stand in the way, not even of a user without a name in their namespace.
 *
 * Context: Process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int vunix_scm_register_pid(void)
{
	static struct socket nobody;
	struct {
		struct cmsghdr hdr;
		struct ucred creds;
	} control = {
		.hdr.cmsg_len = CMSG_LEN(sizeof(struct ucred)),
		.hdr.cmsg_level = SOL_SOCKET,
		.hdr.cmsg_type = SCM_CREDENTIALS,
		.creds.pid = task_tgid_vnr(current),
	};
	struct msghdr msg = {
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(struct ucred)),
	};
	struct scm_cookie cookie = {};
	const struct cred *old;
	int err;

	BUILD_BUG_ON(offsetof(typeof(control), creds) != CMSG_LEN(0));

	if (vunix_pidfs_knows(task_tgid(current)))
		return 0;
	old = override_creds(rcu_dereference_raw(init_task.cred));
	err = __scm_send(&nobody, &msg, &cookie);
	revert_creds(old);
	put_pid(cookie.pid);
	return err;
}

/**
 * vunix_scm_stamp() - add the sender's credentials if somebody wants them
 * @scm: message, unchanged if it has some
 * @sk: sender
 * @other: receiver
 *
 * Data that is sent before accept() is stamped in any case: what the socket
 * that will be accepted wants is not known yet.
 *
 * Context: Process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int vunix_scm_stamp(struct vunix_scm *scm, const struct sock *sk,
		    const struct sock *other)
{
	int err;

	if (scm->pid)
		return 0;
	if (!vunix_wants_stamp(sk, other))
		return 0;

	err = vunix_scm_register_pid();
	if (err)
		return err;
	scm->pid = get_pid(task_tgid(current));
	current_uid_gid(&scm->uid, &scm->gid);
	return 0;
}

/**
 * vunix_scm_queued() - a message stands in a queue
 * @other: receiver, whose queue it is
 * @scm: what it carries; its files are counted (vunix_scm_attach())
 *
 * Context: Any; @other's q.lock is held.
 */
void vunix_scm_queued(struct sock *other, struct vunix_scm *scm)
{
	struct vunix_inflight *c;
	int total;

	if (!scm->fp)
		return;
	/* Litmus: none: a count alone. */
	total = atomic_add_return(scm->fp->count,
				  &unix_sk(other)->scm_stat.nr_fds);
	trace_vunix_fds_queued(other, scm->fp->count, total);
	c = fp_list_inflight(scm->fp);
	if (c->parcel)
		vunix_gc_link(c->parcel, other);
}

/**
 * vunix_scm_dequeued() - a message was taken out of its queue
 * @sk: receiver, whose queue it was
 * @scm: what it carries
 *
 * Context: Any; @sk's q.lock is held.
 */
void vunix_scm_dequeued(struct sock *sk, const struct vunix_scm *scm)
{
	struct vunix_inflight *c;
	int total;

	if (!scm->fp)
		return;
	/* Litmus: none: a count alone. */
	total = atomic_sub_return(scm->fp->count,
				  &unix_sk(sk)->scm_stat.nr_fds);
	trace_vunix_fds_taken(sk, scm->fp->count, total);
	c = fp_list_inflight(scm->fp);
	if (c->parcel) {
		vunix_gc_unlink(c->parcel, sk);
		c->parcel = NULL;
	}
}

static unsigned int count_embryo_fds(struct sock *sk)
{
	struct vunix_queue *q = &vunix_sk(sk)->q;
	struct vunix_sock *vs;
	unsigned int n = 0;

	spin_lock(&q->lock);
	list_for_each_entry(vs, &q->accept, accept_node)
		n += atomic_read(&vs->u.scm_stat.nr_fds);
	spin_unlock(&q->lock);
	return n;
}

/**
 * vunix_scm_count_fds() - descriptors that wait to be received
 * @sk: socket
 *
 * Context: Any. Takes and drops q.lock of a listener.
 * Return: those in its queue; of a listener, in those of connections that it has
 *         not accepted.
 */
unsigned int vunix_scm_count_fds(struct sock *sk)
{
	unsigned char state = READ_ONCE(sk->sk_state);

	if (sk->sk_type == SOCK_DGRAM || state == TCP_ESTABLISHED)
		return atomic_read(&unix_sk(sk)->scm_stat.nr_fds);
	return state == TCP_LISTEN ? count_embryo_fds(sk) : 0;
}

/**
 * vunix_scm_copy_creds() - share credentials and label
 * @to: has no credentials; its files are left alone
 * @from: keeps its own
 *
 * Context: Any.
 */
void vunix_scm_copy_creds(struct vunix_scm *to, const struct vunix_scm *from)
{
	to->pid = get_pid(from->pid);
	to->uid = from->uid;
	to->gid = from->gid;
	to->secid = from->secid;
	vunix_scm_anonymous(to);
}

/**
 * vunix_scm_creds_equal() - may a stream join the two in one read?
 * @a: one
 * @b: the other
 *
 * Context: Any.
 * Return: true if they tell of the same sender.
 */
bool vunix_scm_creds_equal(const struct vunix_scm *a,
			   const struct vunix_scm *b)
{
	if (a->pid != b->pid || a->secid != b->secid)
		return false;
	return !a->pid || (uid_eq(a->uid, b->uid) && gid_eq(a->gid, b->gid));
}

/**
 * vunix_scm_peek() - duplicate the files of a message that stays queued
 * @sk: receiver, whose queue it is in
 * @to: has no files; its credentials are left alone
 * @from: what is queued
 *
 * The duplicate is not in flight: it is on its way to a process.  Without memory
 * the receiver gets the data without the files, as with AF_UNIX.
 *
 * Context: Process, may sleep. @from cannot be taken away meanwhile.
 */
void vunix_scm_peek(struct sock *sk, struct vunix_scm *to,
		    const struct vunix_scm *from)
{
	const struct scm_fp_list *fpl = from->fp;
	int i;

	if (!fpl)
		return;
	to->fp = fp_list_alloc(fpl->count, fpl->user);
	if (!to->fp)
		return;
	vunix_gc_touch(sk);
	for (i = 0; i < fpl->count; i++)
		to->fp->fp[i] = get_file(fpl->fp[i]);
	to->fp->count = fpl->count;
}

/* Takes the files out, for the kernel's functions: no longer in flight. */
static struct scm_fp_list *scm_take_files(struct vunix_scm *scm)
{
	struct scm_fp_list *fpl = scm->fp;

	if (fpl)
		inflight_uncharge(fpl);
	scm->fp = NULL;
	return fpl;
}

/**
 * vunix_scm_destroy() - drop what a message carries
 * @scm: carries nothing afterwards
 *
 * Context: Process, no spinlock held: closes files.
 */
void vunix_scm_destroy(struct vunix_scm *scm)
{
	struct scm_cookie cookie = {
		.fp = scm_take_files(scm),
	};

	if (cookie.fp)
		__scm_destroy(&cookie);
	put_pid(scm->pid);
	memset(scm, 0, sizeof(*scm));
}

static void recv_credentials(struct msghdr *msg, const struct vunix_scm *scm)
{
	struct user_namespace *ns = current_user_ns();
	struct ucred creds = {
		.pid = pid_vnr(scm->pid),
		/* Zeros at the end of a stream, where no message is from anybody */
		.uid = from_kuid_munged(ns, scm->uid),
		.gid = from_kgid_munged(ns, scm->gid),
	};

	put_cmsg(msg, SOL_SOCKET, SCM_CREDENTIALS, sizeof(creds), &creds);
}

static void recv_label(struct msghdr *msg, const struct vunix_scm *scm)
{
	struct lsm_context ctx;

	if (vunix_secid_to_secctx(scm->secid, &ctx) < 0)
		return;
	put_cmsg(msg, SOL_SOCKET, SCM_SECURITY, ctx.len, ctx.context);
	vunix_release_secctx(&ctx);
}

/* The header of an SCM_RIGHTS message of @len bytes, in the caller's layout. */
static int put_rights_header(const struct msghdr *msg, void __user *control,
			     size_t len)
{
	struct compat_cmsghdr __user *ccmsg = control;
	struct cmsghdr __user *cmsg = control;

	if (msg->msg_flags & MSG_CMSG_COMPAT)
		return put_user(len, &ccmsg->cmsg_len) ?:
		       put_user(SOL_SOCKET, &ccmsg->cmsg_level) ?:
		       put_user(SCM_RIGHTS, &ccmsg->cmsg_type);
	return put_user(len, &cmsg->cmsg_len) ?:
	       put_user(SOL_SOCKET, &cmsg->cmsg_level) ?:
	       put_user(SCM_RIGHTS, &cmsg->cmsg_type);
}

/*
 * One descriptor, or why there is none.  The security module's hook is not
 * exported, but is the only one here that has other reasons than these.
 */
static int recv_fd_notrunc(struct file *file, int __user *slot,
			   unsigned int o_flags)
{
	int fd = vunix_receive_fd(file, slot, o_flags);

	switch (fd) {
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -EFAULT:
		return fd;
	}
	return fd < 0 ? put_user(fd, slot) : 0;
}

/*
 * SO_RIGHTS_NOTRUNC where the kernel does not know it (before 7.3): what
 * scm_detach_fds() does, but a refused descriptor does not end the list.
 */
static void detach_fds_notrunc(struct msghdr *msg, const struct scm_fp_list *fpl)
{
	bool compat = msg->msg_flags & MSG_CMSG_COMPAT;
	size_t head = compat ? sizeof(struct compat_cmsghdr) : CMSG_LEN(0);
	size_t align = compat ? sizeof(compat_long_t) : sizeof(long);
	unsigned int o_flags = msg->msg_flags & MSG_CMSG_CLOEXEC ?
			       O_CLOEXEC : 0;
	void __user *control = msg->msg_control_user;
	size_t room = msg->msg_controllen;
	int i, n = fpl->count;
	size_t len;

	if (room < head)
		n = 0;
	else
		n = min_t(size_t, n, (room - head) / sizeof(int));
	for (i = 0; i < n; i++)
		if (recv_fd_notrunc(fpl->fp[i], control + head +
				    i * sizeof(int), o_flags))
			break;
	if (i < fpl->count)
		msg->msg_flags |= MSG_CTRUNC;
	if (!i)
		return;

	len = head + i * sizeof(int);
	if (put_rights_header(msg, control, len))
		return;
	len = min(ALIGN(len, align), room);
	msg->msg_control_user += len;
	msg->msg_controllen -= len;
}

static void recv_rights(struct sock *sk, struct msghdr *msg,
			struct vunix_scm *scm)
{
	bool notrunc = READ_ONCE(vunix_sk(sk)->rights_notrunc);
	struct scm_cookie cookie = {
		.fp = scm_take_files(scm),
	};

	/* Descriptors have no use for a caller inside the kernel. */
	if (!msg->msg_control_is_user) {
		msg->msg_flags |= MSG_CTRUNC;
		__scm_destroy(&cookie);
	} else if (notrunc && !VUNIX_CORE_NOTRUNC) {
		detach_fds_notrunc(msg, cookie.fp);
		__scm_destroy(&cookie);
	} else {
		vunix_scm_detach_fds(msg, &cookie, notrunc);
	}
}

/*
 * The kernel makes pidfds for the peer of a socket; nothing else that does is
 * exported.  So the sender is made the peer of one that nobody ever sees, and
 * that no limit of the receiver's namespace can forbid.
 */
static int install_pidfd(struct pid *pid)
{
	struct socket *sock;
	int pidfd, err;

	err = sock_create_kern(&init_net, vunix_family, SOCK_DGRAM, 0, &sock);
	/* No file was asked for: the core's word for a lack of memory. */
	if (err)
		return err == -ENFILE ? -ENOMEM : err;
	sock->sk->sk_peer_pid = get_pid(pid);
	err = vunix_sock_peer_pidfd(sock, &pidfd);
	sock_release(sock);
	return err ?: pidfd;
}

/* put_cmsg() cuts silently, and a cut descriptor would stay open for ever. */
static void recv_pidfd(struct msghdr *msg, const struct vunix_scm *scm)
{
	size_t len = msg->msg_flags & MSG_CMSG_COMPAT ?
		     sizeof(struct compat_cmsghdr) : sizeof(struct cmsghdr);
	int pidfd;

	if (msg->msg_controllen < len + sizeof(int)) {
		msg->msg_flags |= MSG_CTRUNC;
		return;
	}
	if (!scm->pid)
		return;

	pidfd = install_pidfd(scm->pid);
	if (put_cmsg(msg, SOL_SOCKET, SCM_PIDFD, sizeof(int), &pidfd) &&
	    pidfd >= 0)
		close_fd(pidfd);
}

/**
 * vunix_scm_recv() - give the receiver what a message carried
 * @sock: receiver
 * @msg: where control messages go; MSG_CTRUNC if some did not fit
 * @scm: carries nothing afterwards
 * @flags: MSG_* of the call
 *
 * Context: Process, no lock held: may fault, and calls security modules that
 *          take the state locks of sockets that are received.
 */
void vunix_scm_recv(struct socket *sock, struct msghdr *msg,
		    struct vunix_scm *scm, int flags)
{
	struct sock *sk = sock->sk;
	u8 pass = vunix_pass_flags(sk);

	if (!IS_ENABLED(CONFIG_SECURITY_NETWORK))
		pass &= ~VUNIX_PASS_SEC;

	if (msg->msg_control) {
		if (pass & VUNIX_PASS_CRED)
			recv_credentials(msg, scm);
		if (pass & VUNIX_PASS_SEC)
			recv_label(msg, scm);
		if (scm->fp)
			recv_rights(sk, msg, scm);
		if (pass & VUNIX_PASS_PIDFD)
			recv_pidfd(msg, scm);
	} else if (pass || scm->fp) {
		msg->msg_flags |= MSG_CTRUNC;
	}
	vunix_scm_destroy(scm);
}

/**
 * vunix_scm_exit() - give back what is kept of users who had files in flight
 *
 * Context: Process, when no socket exists any more.
 */
void vunix_scm_exit(void)
{
	struct vunix_user *user, *next;

	list_for_each_entry_safe(user, next, &vunix_idle_users, idle)
		kfree(user);
}
