// SPDX-License-Identifier: GPL-2.0
/*
 * Who exists and who is called what: the ids and the names of sockets.
 *
 * Every socket, also a connection that nobody has accepted yet, is in its
 * namespace's registry from creation to release, under the 64-bit id that
 * userland knows as its cookie.  The registry holds a reference, so whoever
 * finds a socket under a shard's lock may take another one.  Ids are handed
 * out in batches to each CPU; a shard takes whole batches, so that CPUs that
 * create sockets at the same time work on different trees.
 *
 * A name is an object of its own, allocated by bind() and found in one hash
 * for all namespaces: a namespace costs nothing, and the hash is as large as
 * the names ask for.  It ends with the address that struct unix_sock points
 * to, is shared by the bound socket and the connections made to it, and goes
 * with the last of them; the link back to the bound socket goes with that.
 *
 *     vunix_sock A              vunix_name                 vunix_sock B
 *     u.addr ---------------->  .addr  <------------------ u.addr
 *     (listener)      <-------- .sk                        (accepted from A)
 *
 * A walk along a hash chain may stand on any name of the chain, whatever locks
 * it holds, so names are freed after a grace period (kfree_rcu); sockets are
 * not: they would all pay for it, their destructors would run in softirqs,
 * and the module could not be unloaded for a while after the last close.
 * (Only what the collector may be looking at is kept so: vunix_gc.c.)
 * Instead each name has a lock around its link to the socket: while the link
 * is there, the socket has not been released yet and can be held.
 *
 * Names come and go under u.bindlock or in release, when nobody else can use
 * the socket.  What u.addr and u.path hold stays valid until the destructor
 * and the end of release, respectively.
 */

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/init.h>
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include "vunix.h"
#include "vunix_trace.h"

/*
 * Ids
 */

/* The size of a CPU's batch of cookies.  Another one would only be slower. */
#define VUNIX_BATCH_SHIFT	12

static unsigned int vunix_shard_index(u64 id)
{
	return (id >> VUNIX_BATCH_SHIFT) & (VUNIX_SHARDS - 1);
}

static bool vunix_id_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct vunix_sock, id_node)->id <
	       rb_entry(b, struct vunix_sock, id_node)->id;
}

static int vunix_id_cmp(const void *key, const struct rb_node *node)
{
	u64 id = *(const u64 *)key, other;

	other = rb_entry(node, struct vunix_sock, id_node)->id;
	return id < other ? -1 : id > other;
}

/* Count one socket more, if the namespace may have it; never above that. */
static bool vunix_registry_try_count(struct vunix_net *vn)
{
	unsigned int limit = vunix_limit_sockets(vn);
	long n = atomic_long_read(&vn->nr_socks);

	/* Litmus: none: a count alone. */
	do {
		if (limit && n >= limit)
			return false;
	} while (!atomic_long_try_cmpxchg(&vn->nr_socks, &n, n + 1));
	return true;
}

/**
 * vunix_registry_insert() - give a new socket its id and list it
 * @sk: socket or embryo, in no registry
 *
 * The registry holds a reference until vunix_registry_remove().
 *
 * Context: Process. Takes and drops a shard's lock.
 * Return: 0, or -ENFILE: the namespace has as many sockets as max_sockets
 *         admits.
 */
int vunix_registry_insert(struct sock *sk)
{
	struct vunix_net *vn = vunix_sk(sk)->vn;
	struct vunix_sock *vsk = vunix_sk(sk);
	struct vunix_shard *shard;
	u32 cookie[2];

	if (!vunix_registry_try_count(vn))
		return -ENFILE;

	sock_diag_save_cookie(sk, cookie);
	vsk->id = (u64)cookie[1] << 32 | cookie[0];

	sock_hold(sk);
	shard = &vn->shards[vunix_shard_index(vsk->id)];
	spin_lock(&shard->lock);
	rb_add(&vsk->id_node, &shard->ids, vunix_id_less);
	spin_unlock(&shard->lock);
	return 0;
}

/**
 * vunix_registry_remove() - take a socket out of the registry
 * @sk: socket that vunix_registry_insert() has listed; the caller holds a
 *      reference of its own
 *
 * Context: Process. Takes and drops a shard's lock.
 */
void vunix_registry_remove(struct sock *sk)
{
	struct vunix_net *vn = vunix_sk(sk)->vn;
	struct vunix_sock *vsk = vunix_sk(sk);
	struct vunix_shard *shard;

	shard = &vn->shards[vunix_shard_index(vsk->id)];
	spin_lock(&shard->lock);
	rb_erase(&vsk->id_node, &shard->ids);
	spin_unlock(&shard->lock);

	__sock_put(sk);
	atomic_long_dec(&vn->nr_socks);
}

/**
 * vunix_registry_last() - the highest id in a namespace
 * @vn: namespace
 *
 * A walk up to there ends: who creates sockets meanwhile can only add what is left
 * of the batches that CPUs have begun.
 *
 * Context: Process. Takes and drops shards' locks.
 * Return: no socket that is listed when this is called has a higher id.
 */
u64 vunix_registry_last(struct vunix_net *vn)
{
	unsigned int i;
	u64 last = 0;

	for (i = 0; i < VUNIX_SHARDS; i++) {
		struct vunix_shard *shard = &vn->shards[i];
		struct rb_node *node;

		spin_lock(&shard->lock);
		node = rb_last(&shard->ids);
		if (node)
			last = max(last, rb_entry(node, struct vunix_sock,
						  id_node)->id);
		spin_unlock(&shard->lock);
	}
	return last;
}

/*
 * The socket with the smallest id above @id and not above @last, with a reference,
 * or NULL.
 */
static struct sock *vunix_shard_next_get(struct vunix_shard *shard, u64 id,
					 u64 last)
{
	struct vunix_sock *next = NULL;
	struct rb_node *node;

	spin_lock(&shard->lock);
	node = shard->ids.rb_node;
	while (node) {
		struct vunix_sock *vsk;

		vsk = rb_entry(node, struct vunix_sock, id_node);
		if (vsk->id > id) {
			next = vsk;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	if (next && next->id > last)
		next = NULL;
	if (next)
		sock_hold(&next->u.sk);
	spin_unlock(&shard->lock);

	return next ? &next->u.sk : NULL;
}

/**
 * vunix_registry_next_get() - walk over the sockets of a namespace
 * @vn: namespace
 * @pos: 0 to start; else the id of a socket, which may be gone, and the walk
 *       goes on behind it.  Set to the id of the socket returned.
 * @last: the highest id that is wanted, as vunix_registry_last() has told it when
 *        the walk began: or those who create sockets could keep it going for ever
 *
 * The order is that of shards, then ids, and an id tells its shard.  A socket
 * does not move, so a walk meets each that is there from its start to its end
 * exactly once, however long it pauses.
 *
 * Context: Process. Takes and drops shards' locks.
 * Return: socket with a reference, perhaps released since, or NULL: no more.
 */
struct sock *vunix_registry_next_get(struct vunix_net *vn, u64 *pos, u64 last)
{
	unsigned int i;
	u64 id = *pos;

	for (i = vunix_shard_index(id); i < VUNIX_SHARDS; i++) {
		struct sock *sk = vunix_shard_next_get(&vn->shards[i], id, last);

		if (sk) {
			*pos = vunix_sk(sk)->id;
			return sk;
		}
		id = 0;
	}
	return NULL;
}

/**
 * vunix_registry_find_get() - find a socket by its id
 * @vn: namespace
 * @id: the socket's cookie
 *
 * Context: Process. Takes and drops a shard's lock.
 * Return: socket with a reference, perhaps released since, or NULL.
 */
struct sock *vunix_registry_find_get(struct vunix_net *vn, u64 id)
{
	struct vunix_shard *shard = &vn->shards[vunix_shard_index(id)];
	struct vunix_sock *vsk = NULL;
	struct rb_node *node;

	spin_lock(&shard->lock);
	node = rb_find(&id, &shard->ids, vunix_id_cmp);
	if (node) {
		vsk = rb_entry(node, struct vunix_sock, id_node);
		sock_hold(&vsk->u.sk);
	}
	spin_unlock(&shard->lock);

	return vsk ? &vsk->u.sk : NULL;
}

/*
 * Names
 */

/**
 * struct vunix_name - a name in use
 * @node: in vunix_names
 * @rcu: frees the name
 * @lock: protects @sk
 * @hash: of @scope, @type and the bytes
 * @sk: the bound socket, NULL from its release on
 * @scope: namespace of an abstract name, inode of a path: compared only, but
 *         both stay alive while @sk is set
 * @type: SOCK_* of an abstract name, 0 of a path: one table holds both
 * @addr: the address as calls report it; ends in the bytes
 *
 * All but @lock and @sk is constant while the name is in the table.
 */
struct vunix_name {
	struct rhash_head	node;
	struct rcu_head		rcu;
	spinlock_t		lock;	/* for @sk */
	u32			hash;
	struct sock		*sk;
	const void		*scope;
	int			type;
	struct unix_address	addr;
};

/* What is looked for; @len is 0 if the scope is an inode. */
struct vunix_name_key {
	const void		*scope;
	int			type;
	int			len;
	const struct sockaddr_un *addr;
	u32			hash;
};

static hsiphash_key_t vunix_names_secret __ro_after_init;
static struct rhashtable vunix_names;

/*
 * The secret keeps users from choosing names that collide, and the hash is
 * stored: a growing table need not read all the names again.
 */
static u32 vunix_names_hashfn(const void *data, u32 len, u32 seed)
{
	const struct vunix_name_key *key = data;

	return jhash_1word(key->hash, seed);
}

static u32 vunix_names_obj_hashfn(const void *data, u32 len, u32 seed)
{
	const struct vunix_name *name = data;

	return jhash_1word(name->hash, seed);
}

static int vunix_names_obj_cmpfn(struct rhashtable_compare_arg *arg,
				 const void *obj)
{
	const struct vunix_name_key *key = arg->key;
	const struct vunix_name *name = obj;

	if (name->hash != key->hash || name->scope != key->scope ||
	    name->type != key->type)
		return 1;
	if (!key->len)
		return 0;
	return name->addr.len != key->len ||
	       memcmp(name->addr.name, key->addr, key->len);
}

static const struct rhashtable_params vunix_names_params = {
	.head_offset		= offsetof(struct vunix_name, node),
	.hashfn			= vunix_names_hashfn,
	.obj_hashfn		= vunix_names_obj_hashfn,
	.obj_cmpfn		= vunix_names_obj_cmpfn,
	.min_size		= 256,
	.automatic_shrinking	= true,
};

static struct vunix_name_key
vunix_abstract_key(const struct net *net, int type,
		   const struct sockaddr_un *addr, int len)
{
	struct vunix_name_key key = {
		.scope	= net,
		.type	= type,
		.len	= len,
		.addr	= addr,
	};

	key.hash = hsiphash(addr->sun_path,
			    len - offsetof(struct sockaddr_un, sun_path),
			    &vunix_names_secret);
	key.hash += hash_ptr(net, 32) + type;
	return key;
}

static struct vunix_name_key vunix_path_key(const struct inode *inode)
{
	struct vunix_name_key key = {
		.scope	= inode,
		.hash	= hash_ptr(inode, 32),
	};

	return key;
}

static struct vunix_name *
vunix_name_alloc(const struct sockaddr_un *sunaddr, int len)
{
	struct vunix_name *name;

	name = kzalloc(sizeof(*name) + len, GFP_KERNEL_ACCOUNT);
	if (!name)
		return NULL;

	spin_lock_init(&name->lock);
	refcount_set(&name->addr.refcnt, 1);
	name->addr.len = len;
	memcpy(name->addr.name, sunaddr, len);
	return name;
}

static struct vunix_name *vunix_name_of(struct unix_address *addr)
{
	return container_of(addr, struct vunix_name, addr);
}

/**
 * vunix_addr_put() - drop a reference to an address
 * @addr: address of a vunix socket
 *
 * Context: Any.
 */
void vunix_addr_put(struct unix_address *addr)
{
	struct vunix_name *name;

	if (!refcount_dec_and_test(&addr->refcnt))
		return;

	name = vunix_name_of(addr);
	WARN_ON_ONCE(name->sk);
	kfree_rcu(name, rcu);
}

/*
 * Let @sk be found under @name and have it for its address; commits a bind.
 * The lock makes it one step for others: who finds the name waits until the
 * address is there.  Allocates at most a part of the table, atomically.
 */
static int vunix_name_insert(struct sock *sk, struct vunix_name *name,
			     const struct vunix_name_key *key,
			     const struct path *path)
{
	struct unix_sock *u = unix_sk(sk);
	int err;

	lockdep_assert_held(&u->bindlock);

	name->scope = key->scope;
	name->type = key->type;
	name->hash = key->hash;

	spin_lock(&name->lock);
	err = rhashtable_lookup_insert_key(&vunix_names, key, &name->node,
					   vunix_names_params);
	if (!err) {
		name->sk = sk;
		if (path) {
			u->path = *path;
			path_get(path);
		}
		/* For the acquire of all who read u->addr.  Litmus: name-bind. */
		smp_store_release(&u->addr, &name->addr);
	}
	spin_unlock(&name->lock);

	if (err == -EEXIST)
		return -EADDRINUSE;
	if (err)
		return -ENOMEM;
	trace_vunix_bind(sk, &name->addr);
	return 0;
}

/**
 * vunix_name_is_inherited() - is a socket's name that of another socket?
 * @sk: socket
 *
 * Context: Any.
 * Return: true for a connection that was, or is to be, accepted.
 */
bool vunix_name_is_inherited(const struct sock *sk)
{
	const struct unix_address *addr;

	/* Pairs with the release when the name was given.  Litmus: name-bind. */
	addr = smp_load_acquire(&unix_sk(sk)->addr);
	return addr &&
	       READ_ONCE(container_of(addr, struct vunix_name, addr)->sk) != sk;
}

/**
 * vunix_name_unhash() - nobody shall find a socket by its name any more
 * @sk: socket that is being released; bound, or not, or accepted and so with
 *      the name of another
 *
 * The name is free for the next bind() then.  u.addr and u.path stay.
 *
 * Context: Process; the socket has no file.
 */
void vunix_name_unhash(struct sock *sk)
{
	struct unix_address *addr = unix_sk(sk)->addr;
	struct vunix_name *name;
	int err;

	if (!addr)
		return;
	name = vunix_name_of(addr);
	/* Only @sk itself can have changed it to or from @sk. */
	if (READ_ONCE(name->sk) != sk)
		return;

	err = rhashtable_remove_fast(&vunix_names, &name->node,
				     vunix_names_params);
	WARN_ON_ONCE(err);

	spin_lock(&name->lock);
	WRITE_ONCE(name->sk, NULL);
	spin_unlock(&name->lock);
}

static struct sock *vunix_name_lookup_get(const struct vunix_name_key *key)
{
	struct vunix_name *name;
	struct sock *sk = NULL;

	rcu_read_lock();
	name = rhashtable_lookup(&vunix_names, key, vunix_names_params);
	if (name) {
		spin_lock(&name->lock);
		sk = name->sk;
		if (sk)
			sock_hold(sk);
		spin_unlock(&name->lock);
	}
	rcu_read_unlock();

	return sk;
}

/**
 * vunix_addr_validate() - check an address from userland
 * @sunaddr: address
 * @len: its length
 *
 * Context: Any.
 * Return: 0, or -EINVAL: no byte of a name, too long, or not of AF_UNIX.
 */
int vunix_addr_validate(const struct sockaddr_un *sunaddr, int len)
{
	if (len <= (int)offsetof(struct sockaddr_un, sun_path) ||
	    len > (int)sizeof(*sunaddr))
		return -EINVAL;
	if (sunaddr->sun_family != AF_UNIX)
		return -EINVAL;
	return 0;
}

/*
 * Put a NUL behind a path and return the length with it.  A path may fill all
 * of sun_path; then the NUL stands behind the structure: the core hands us
 * every address in a struct sockaddr_storage.
 */
static int vunix_path_terminate(struct sockaddr_un *sunaddr, int len)
{
	struct sockaddr_storage *storage = (struct sockaddr_storage *)sunaddr;
	const int offset = offsetof(struct sockaddr_storage, __data);

	BUILD_BUG_ON(offsetof(struct sockaddr_storage, __data) !=
		     offsetof(struct sockaddr_un, sun_path));
	BUILD_BUG_ON(sizeof(*storage) <= sizeof(*sunaddr));

	storage->__data[len - offset] = '\0';
	return offset + strlen(storage->__data) + 1;
}

/* Have the inode for its name. */
static int vunix_path_publish(struct sock *sk, struct vunix_name *name,
			      const struct path *path)
{
	struct unix_sock *u = unix_sk(sk);
	struct vunix_name_key key;
	int err;

	err = mutex_lock_interruptible(&u->bindlock);
	if (err)
		return err;

	if (u->addr) {
		err = -EINVAL;
	} else {
		key = vunix_path_key(d_backing_inode(path->dentry));
		err = vunix_name_insert(sk, name, &key, path);
	}
	mutex_unlock(&u->bindlock);
	return err;
}

/*
 * The inode is made before we look whether the socket has a name already:
 * an existing path is -EADDRINUSE then, a new one is removed again.
 */
static int vunix_path_bind(struct sock *sk, struct sockaddr_un *sunaddr,
			   int len)
{
	umode_t mode = S_IFSOCK |
		(SOCK_INODE(sk->sk_socket)->i_mode & ~current_umask());
	struct path parent, path;
	struct vunix_name *name;
	struct mnt_idmap *idmap;
	struct dentry *dentry;
	int err;

	len = vunix_path_terminate(sunaddr, len);
	name = vunix_name_alloc(sunaddr, len);
	if (!name)
		return -ENOMEM;

	dentry = start_creating_path(AT_FDCWD, name->addr.name->sun_path,
				     &parent, 0);
	if (IS_ERR(dentry)) {
		err = PTR_ERR(dentry);
		goto err_name;
	}

	idmap = vunix_mnt_idmap(parent.mnt);
	err = security_path_mknod(&parent, dentry, mode, 0);
	if (!err)
		err = vunix_vfs_mknod(idmap, d_inode(parent.dentry), dentry,
				      mode);
	if (err)
		goto err_path;

	path.mnt = parent.mnt;
	path.dentry = dentry;
	err = vunix_path_publish(sk, name, &path);
	if (err)
		goto err_inode;

	end_creating_path(&parent, dentry);
	return 0;

err_inode:
	vfs_unlink(idmap, d_inode(parent.dentry), dentry, NULL);
err_path:
	end_creating_path(&parent, dentry);
err_name:
	vunix_addr_put(&name->addr);
	return err == -EEXIST ? -EADDRINUSE : err;
}

static int vunix_abstract_bind(struct sock *sk, struct sockaddr_un *sunaddr,
			       int len)
{
	struct unix_sock *u = unix_sk(sk);
	struct vunix_name_key key;
	struct vunix_name *name;
	int err;

	name = vunix_name_alloc(sunaddr, len);
	if (!name)
		return -ENOMEM;

	err = mutex_lock_interruptible(&u->bindlock);
	if (err)
		goto err_name;

	err = -EINVAL;
	if (!u->addr) {
		key = vunix_abstract_key(sock_net(sk), sk->sk_type,
					 name->addr.name, len);
		err = vunix_name_insert(sk, name, &key, NULL);
	}
	mutex_unlock(&u->bindlock);
	if (err)
		goto err_name;
	return 0;

err_name:
	vunix_addr_put(&name->addr);
	return err;
}

/**
 * vunix_name_bind() - give a socket a name
 * @sk: socket, with a file
 * @sunaddr: address that vunix_addr_validate() accepts, in storage of a
 *           struct sockaddr_storage; a NUL is put behind a path
 * @len: its length
 *
 * Context: Process, no locks; sleeps.
 * Return: 0; -EADDRINUSE: somebody has the name, or the path exists; -EINVAL:
 *         the socket has a name; -EINTR, -ENOMEM, or what the file system
 *         says.  Nothing has changed then.
 */
int vunix_name_bind(struct sock *sk, struct sockaddr_un *sunaddr, int len)
{
	if (sunaddr->sun_path[0])
		return vunix_path_bind(sk, sunaddr, len);
	return vunix_abstract_bind(sk, sunaddr, len);
}

/* Names made up for autobind: a NUL and five hexadecimal digits. */
#define VUNIX_AUTO_DIGITS	5
#define VUNIX_AUTO_NAMES	BIT(4 * VUNIX_AUTO_DIGITS)

/*
 * Try all made-up names until one is free, from a random one on in steps of a
 * random odd number: these come to every name, and unlike steps of one they do
 * not make ever longer runs of taken names to walk through.
 */
static int vunix_autobind_insert(struct sock *sk, struct vunix_name *name)
{
	char *digits = name->addr.name->sun_path + 1;
	u32 ordinal = get_random_u32(), step = get_random_u32() | 1;
	struct vunix_name_key key;
	unsigned int i, digit;
	int err;

	for (i = 0; i < VUNIX_AUTO_NAMES; i++, ordinal += step) {
		for (digit = 0; digit < VUNIX_AUTO_DIGITS; digit++)
			digits[VUNIX_AUTO_DIGITS - 1 - digit] =
				"0123456789abcdef"[ordinal >> 4 * digit & 15];
		key = vunix_abstract_key(sock_net(sk), sk->sk_type,
					 name->addr.name, name->addr.len);
		err = vunix_name_insert(sk, name, &key, NULL);
		if (err != -EADDRINUSE)
			return err;
		cond_resched();
	}
	return -ENOSPC;
}

/**
 * vunix_name_autobind() - give a socket an abstract name that nobody has
 * @sk: socket
 *
 * Context: Process, no locks; sleeps.
 * Return: 0, also if the socket has a name; -ENOSPC: all are taken; -EINTR,
 *         -ENOMEM.
 */
int vunix_name_autobind(struct sock *sk)
{
	const int len = offsetof(struct sockaddr_un, sun_path) + 1 +
			VUNIX_AUTO_DIGITS;
	struct sockaddr_un sunaddr = { .sun_family = AF_UNIX };
	struct unix_sock *u = unix_sk(sk);
	struct vunix_name *name;
	int err;

	err = mutex_lock_interruptible(&u->bindlock);
	if (err)
		return err;
	if (u->addr)
		goto out;

	err = -ENOMEM;
	name = vunix_name_alloc(&sunaddr, len);
	if (!name)
		goto out;
	err = vunix_autobind_insert(sk, name);
	if (err)
		vunix_addr_put(&name->addr);
out:
	mutex_unlock(&u->bindlock);
	return err;
}

static struct sock *vunix_path_find_get(struct sockaddr_un *sunaddr, int len,
					int type, int flags)
{
	struct vunix_name_key key;
	struct inode *inode;
	struct path path;
	struct sock *sk;
	int err;

	vunix_path_terminate(sunaddr, len);
	err = kern_path(sunaddr->sun_path, LOOKUP_FOLLOW, &path);
	if (err)
		return ERR_PTR(err);

	err = path_permission(&path, MAY_WRITE);
	if (err)
		goto err_path;

	err = -ECONNREFUSED;
	inode = d_backing_inode(path.dentry);
	if (!S_ISSOCK(inode->i_mode))
		goto err_path;

	key = vunix_path_key(inode);
	sk = vunix_name_lookup_get(&key);
	if (!sk)
		goto err_path;

	err = -EPROTOTYPE;
	if (sk->sk_type != type)
		goto err_sock;

	err = security_unix_find(&path, sk, flags);
	if (err)
		goto err_sock;

	touch_atime(&path);
	path_put(&path);
	return sk;

err_sock:
	sock_put(sk);
err_path:
	path_put(&path);
	return ERR_PTR(err);
}

static struct sock *vunix_abstract_find_get(struct net *net,
					    struct sockaddr_un *sunaddr,
					    int len, int type)
{
	struct vunix_name_key key;
	struct sock *sk;

	key = vunix_abstract_key(net, type, sunaddr, len);
	sk = vunix_name_lookup_get(&key);
	return sk ?: ERR_PTR(-ECONNREFUSED);
}

/**
 * vunix_name_find_get() - find the socket bound to a name
 * @net: namespace of abstract names
 * @sunaddr: address that vunix_addr_validate() accepts, in storage of a
 *           struct sockaddr_storage; a NUL is put behind a path
 * @len: its length
 * @type: wanted SOCK_*
 * @flags: for the security modules
 *
 * Context: Process, no locks; a path sleeps.
 * Return: socket with a reference, perhaps released since, or ERR_PTR():
 *         -ECONNREFUSED nobody has the name, -EPROTOTYPE a socket of another
 *         type has the path, or what stands in the way to the path.
 */
struct sock *vunix_name_find_get(struct net *net, struct sockaddr_un *sunaddr,
				 int len, int type, int flags)
{
	if (sunaddr->sun_path[0])
		return vunix_path_find_get(sunaddr, len, type, flags);
	return vunix_abstract_find_get(net, sunaddr, len, type);
}

/*
 * Life of the registry
 */

/**
 * vunix_registry_net_init() - make a namespace's id trees
 * @vn: namespace that comes into being
 *
 * Context: Process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int vunix_registry_net_init(struct vunix_net *vn)
{
	unsigned int i;

	vn->shards = kcalloc(VUNIX_SHARDS, sizeof(*vn->shards),
			     GFP_KERNEL_ACCOUNT);
	if (!vn->shards)
		return -ENOMEM;

	for (i = 0; i < VUNIX_SHARDS; i++) {
		spin_lock_init(&vn->shards[i].lock);
		vn->shards[i].ids = RB_ROOT;
	}
	atomic_long_set(&vn->nr_socks, 0);
	return 0;
}

/**
 * vunix_registry_net_exit() - free a namespace's id trees
 * @vn: namespace on its way out
 *
 * Each socket of userland holds its namespace, so there is none left.
 *
 * Context: Process.
 */
void vunix_registry_net_exit(struct vunix_net *vn)
{
	unsigned int i;

	for (i = 0; i < VUNIX_SHARDS; i++)
		WARN_ON_ONCE(!RB_EMPTY_ROOT(&vn->shards[i].ids));
	kfree(vn->shards);
}

/**
 * vunix_registry_init() - make the table of names
 *
 * Context: Process, when the module is loaded.
 * Return: 0 or -ENOMEM.
 */
int __init vunix_registry_init(void)
{
	get_random_bytes(&vunix_names_secret, sizeof(vunix_names_secret));
	return rhashtable_init(&vunix_names, &vunix_names_params);
}

/**
 * vunix_registry_exit() - free the table of names
 *
 * Each socket holds the module, so it is empty.  kfree_rcu() needs none of the
 * module's code.
 *
 * Context: Process, when the module is unloaded.
 */
void vunix_registry_exit(void)
{
	WARN_ON_ONCE(atomic_read(&vunix_names.nelems));
	rhashtable_destroy(&vunix_names);
}
