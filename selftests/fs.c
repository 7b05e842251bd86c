// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets with a path and the file system around them.
 *
 * Rows: FS-01 FS-02 FS-03 FS-04 FS-05 FS-06 FS-07 FS-08 FS-09 FS-10 FS-11
 * FS-12
 */
#include "vunix_test.h"

#include <linux/landlock.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET	1ULL
#endif
#ifndef LANDLOCK_ACCESS_FS_RESOLVE_UNIX
#define LANDLOCK_ACCESS_FS_RESOLVE_UNIX		0x10000ULL
#endif

FIXTURE(fs)
{
	struct vt_env env;
	int s;		/* listening, or a datagram receiver; bound to "s" */
};

FIXTURE_VARIANT(fs)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(fs);

/* A socket that others can connect to by @name. */
static int server(int family, int type, const char *name)
{
	int s = vt_socket(family, type);

	if (s < 0 || vt_bind(s, name))
		return -1;
	return type != SOCK_DGRAM && listen(s, 100) ? -1 : s;
}

FIXTURE_SETUP(fs)
{
	VT_SETUP();
	umask(0);
	self->s = server(variant->family, variant->type, "s");
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(fs)
{
	VT_TEARDOWN();
}

/* Who connects to what; fn for vt_run_as(). */
struct to {
	int family, type;
	const char *name;
	int fd;			/* the socket, -1 for a new one */
};

static int do_connect(void *p)
{
	struct to *to = p;
	int c = to->fd < 0 ? vt_socket(to->family, to->type) : to->fd;
	int err = vt_err(vt_connect(c, to->name));

	if (to->fd < 0)
		close(c);
	return err;
}

static int do_bind(void *p)
{
	struct to *to = p;
	int c = to->fd < 0 ? vt_socket(to->family, to->type) : to->fd;

	return vt_err(vt_bind(c, to->name));
}

static int do_sendto(void *p)
{
	struct to *to = p;
	int c = to->fd < 0 ? vt_socket(to->family, to->type) : to->fd;

	return vt_err(vt_sendto(c, "x", 1, MSG_DONTWAIT, to->name));
}

static int do_send(void *p)
{
	return vt_err(send(((struct to *)p)->fd, "x", 1, MSG_DONTWAIT));
}

#define TO(path) \
	((struct to){ variant->family, variant->type, path, -1 })

static int reach(int family, int type, const char *name)
{
	struct to to = { family, type, name, -1 };

	return do_connect(&to);
}

#define REACH(path) reach(variant->family, variant->type, path)

TEST_F(fs, unlinked)
{
	int c = vt_socket(variant->family, variant->type), a, s2;
	char ch;

	ASSERT_EQ(0, vt_connect(c, "s"));
	ASSERT_EQ(0, unlink("s"));
	ASSERT_EQ(ENOENT, REACH("s"));
	ASSERT_EQ(1, send(c, "x", 1, 0));
	if (variant->type == SOCK_DGRAM) {
		ASSERT_EQ(1, recv(self->s, &ch, 1, MSG_DONTWAIT));
	} else {
		a = accept(self->s, NULL, NULL);
		ASSERT_LE(0, a);
		ASSERT_EQ(1, recv(a, &ch, 1, MSG_DONTWAIT));
		ASSERT_EQ(1, send(a, "y", 1, 0));
		ASSERT_EQ(1, recv(c, &ch, 1, 0));
		ASSERT_EQ('y', ch);
	}
	/* Another socket takes the path and gets the new connections. */
	s2 = server(variant->family, variant->type, "s");
	ASSERT_LE(0, s2);
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_connect(c, "s"));
	ASSERT_EQ(1, send(c, "z", 1, 0));
	ASSERT_EQ(POLLIN, vt_poll(s2, POLLIN));
	ASSERT_EQ(0, vt_poll(self->s, POLLIN));
	PROVES("FS-01");
}

TEST_F(fs, renamed)
{
	int c = vt_socket(variant->family, variant->type), s2;
	char path[128];

	ASSERT_EQ(0, mkdir("dir", 0777));
	ASSERT_EQ(0, rename("s", "dir/t"));
	ASSERT_EQ(ENOENT, REACH("s"));
	ASSERT_EQ(0, REACH("dir/t"));
	snprintf(path, sizeof(path), "%s/dir/t", self->env.dir);
	ASSERT_EQ(0, REACH(path));
	ASSERT_EQ(0, chdir("dir"));
	ASSERT_EQ(0, REACH("t"));
	ASSERT_EQ(0, REACH("../dir/./t"));
	/* Rename over another socket: the inode there now decides. */
	s2 = server(variant->family, variant->type, "u");
	ASSERT_LE(0, s2);
	ASSERT_EQ(0, rename("t", "u"));
	if (variant->type != SOCK_DGRAM)
		while (vt_poll(self->s, POLLIN) == POLLIN)
			close(accept(self->s, NULL, NULL));
	ASSERT_EQ(0, vt_connect(c, "u"));
	ASSERT_EQ(1, send(c, "x", 1, 0));
	ASSERT_EQ(POLLIN, vt_poll(self->s, POLLIN));
	ASSERT_EQ(0, vt_poll(s2, POLLIN));
	PROVES("FS-02");
}

TEST_F(fs, opened)
{
	char path[64];
	int fd;

	ASSERT_EQ(ENXIO, vt_err(open("s", O_RDWR)));
	ASSERT_EQ(ENXIO, vt_err(open("s", O_RDONLY)));
	ASSERT_EQ(ENXIO, vt_err(open("s", O_WRONLY | O_NONBLOCK)));
	fd = open("s", O_PATH);
	ASSERT_LE(0, fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_EQ(0, REACH(path));
	ASSERT_EQ(0, unlink("s"));
	ASSERT_EQ(ENOENT, REACH("s"));
	ASSERT_EQ(0, REACH(path));
	PROVES("FS-03");
}

TEST_F(fs, datagram_permission)
{
	struct to to = TO("s");

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "datagrams only");
	to.fd = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_run_as(VT_NOBODY, do_sendto, &to));
	ASSERT_EQ(0, chmod("s", 0700));
	ASSERT_EQ(EACCES, vt_run_as(VT_NOBODY, do_sendto, &to));
	ASSERT_EQ(0, vt_run_as(0, do_sendto, &to));
	ASSERT_EQ(EACCES, vt_run_as(VT_NOBODY, do_connect, &to));
	/* Connected by one who may, it is anybody's. */
	ASSERT_EQ(0, vt_connect(to.fd, "s"));
	ASSERT_EQ(0, vt_run_as(VT_NOBODY, do_send, &to));
	ASSERT_EQ(EACCES, vt_run_as(VT_NOBODY, do_sendto, &to));
	PROVES("FS-04");
}

TEST_F(fs, modes)
{
	struct to to = TO("s");

	/* Others, group, owner: only the write bit of the class counts. */
	ASSERT_EQ(0, chmod("s", 0775));
	ASSERT_EQ(EACCES, vt_run_as(VT_NOBODY, do_connect, &to));
	ASSERT_EQ(0, chmod("s", 0002));
	ASSERT_EQ(0, vt_run_as(VT_NOBODY, do_connect, &to));
	ASSERT_EQ(0, chown("s", 0, VT_NOBODY));
	ASSERT_EQ(EACCES, vt_run_as(VT_NOBODY, do_connect, &to));
	ASSERT_EQ(0, chmod("s", 0020));
	ASSERT_EQ(0, vt_run_as(VT_NOBODY, do_connect, &to));
	ASSERT_EQ(0, chown("s", VT_NOBODY, 0));
	ASSERT_EQ(EACCES, vt_run_as(VT_NOBODY, do_connect, &to));
	ASSERT_EQ(0, chmod("s", 0577));
	ASSERT_EQ(EACCES, vt_run_as(VT_NOBODY, do_connect, &to));
	ASSERT_EQ(0, chmod("s", 0200));
	ASSERT_EQ(0, vt_run_as(VT_NOBODY, do_connect, &to));
	ASSERT_EQ(0, chmod("s", 0));
	ASSERT_EQ(EACCES, vt_run_as(VT_NOBODY, do_connect, &to));
	ASSERT_EQ(0, vt_run_as(0, do_connect, &to));
	PROVES("FS-05");
}

TEST_F(fs, bind_symlink)
{
	int s = vt_socket(variant->family, variant->type);
	struct stat st;

	ASSERT_EQ(0, symlink("target", "link"));
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(s, "link")));
	ASSERT_EQ(ENOENT, vt_err(lstat("target", &st)));
	ASSERT_EQ(0, symlink("s", "link2"));
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(s, "link2")));
	ASSERT_EQ(0, REACH("link2"));
	PROVES("FS-06");
}

/* In a child, so that the rest of the test keeps its root. */
static int in_chroot(void *p)
{
	struct to to = *(struct to *)p, here = to;
	int err;

	here.name = "/inner";
	if (chroot("jail") || do_connect(&to) != ENOENT)
		return 200;
	/* The directory is still outside the root, "s" within reach. */
	to.name = "s";
	err = do_connect(&to);
	if (err)
		return err;
	err = do_bind(&here);
	if (err || chdir("/"))
		return 201;
	if (do_connect(&to) != ENOENT)
		return 202;
	here.name = "../../new";
	return do_bind(&here);
}

TEST_F(fs, root_and_directory)
{
	struct stat st;
	char path[128];

	snprintf(path, sizeof(path), "%s/s", self->env.dir);
	ASSERT_EQ(0, mkdir("jail", 0777));
	ASSERT_EQ(0, REACH(path));
	ASSERT_EQ(0, vt_run_as(0, in_chroot, &TO(path)));
	ASSERT_EQ(0, lstat("jail/inner", &st));
	ASSERT_TRUE(S_ISSOCK(st.st_mode));
	/* No way up from a root. */
	ASSERT_EQ(0, lstat("jail/new", &st));
	ASSERT_EQ(0, chdir("jail"));
	ASSERT_EQ(ENOENT, REACH("s"));
	ASSERT_EQ(0, REACH("../s"));
	PROVES("FS-07");
}

TEST_F(fs, directory_modes)
{
	int s;

	ASSERT_EQ(0, mkdir("dir", 0777));
	s = server(variant->family, variant->type, "dir/t");
	ASSERT_LE(0, s);
	ASSERT_EQ(0, chmod("dir", 0111));
	ASSERT_EQ(0, vt_run_as(VT_NOBODY, do_connect, &TO("dir/t")));
	ASSERT_EQ(0, chmod("dir", 01777));
	ASSERT_EQ(0, vt_run_as(VT_NOBODY, do_connect, &TO("dir/t")));
	ASSERT_EQ(0, chmod("dir", 01755));
	ASSERT_EQ(0, vt_run_as(VT_NOBODY, do_connect, &TO("dir/t")));
	ASSERT_EQ(EACCES, vt_run_as(VT_NOBODY, do_bind, &TO("dir/new")));
	ASSERT_EQ(0, chmod("dir", 0666));
	ASSERT_EQ(EACCES, vt_run_as(VT_NOBODY, do_connect, &TO("dir/t")));
	PROVES("FS-08");
}

TEST_F(fs, read_only)
{
	struct stat st;

	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mkdir("mnt", 0777));
	/* Only the mount is read-only, */
	ASSERT_EQ(0, mount(".", "mnt", NULL, MS_BIND, NULL));
	ASSERT_EQ(0, mount(NULL, "mnt", NULL,
			   MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	ASSERT_EQ(0, REACH("mnt/s"));
	ASSERT_EQ(EROFS, do_bind(&TO("mnt/new")));
	ASSERT_EQ(ENOENT, vt_err(lstat("new", &st)));
	ASSERT_EQ(EADDRINUSE, do_bind(&TO("mnt/s")));
	ASSERT_EQ(0, umount("mnt"));
	/* or the file system itself. */
	ASSERT_EQ(0, mount("none", "mnt", "tmpfs", 0, NULL));
	ASSERT_LE(0, server(variant->family, variant->type, "mnt/t"));
	ASSERT_EQ(0, mount("none", "mnt", "tmpfs", MS_REMOUNT | MS_RDONLY,
			   NULL));
	ASSERT_EQ(0, REACH("mnt/t"));
	ASSERT_EQ(EROFS, do_bind(&TO("mnt/new")));
	ASSERT_EQ(0, umount2("mnt", MNT_DETACH));
	PROVES("FS-09");
}

TEST_F(fs, proc_fd)
{
	struct stat st;
	char path[64];
	int dir;

	ASSERT_EQ(0, mkdir("dir", 0777));
	dir = open("dir", O_PATH | O_DIRECTORY);
	ASSERT_LE(0, dir);
	ASSERT_EQ(0, rename("dir", "moved"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d/name", dir);
	ASSERT_LE(0, server(variant->family, variant->type, path));
	ASSERT_EQ(0, lstat("moved/name", &st));
	ASSERT_TRUE(S_ISSOCK(st.st_mode));
	ASSERT_EQ(0, REACH("moved/name"));
	ASSERT_EQ(0, REACH(path));
	PROVES("FS-10");
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

TEST_F(fs, inode_untouched)
{
	struct stat before, after;
	struct timespec ms20 = { .tv_nsec = 20000000 };
	int c = vt_socket(variant->family, variant->type);

	ASSERT_EQ(0, lstat("s", &before));
	/* Longer than a tick of the file system's clock. */
	nanosleep(&ms20, NULL);
	ASSERT_EQ(0, vt_connect(c, "s"));
	ASSERT_EQ(4, send(c, "data", 4, 0));
	ASSERT_EQ(0, lstat("s", &after));
	ASSERT_EQ(1, (int)after.st_nlink);
	ASSERT_EQ(0, (int)after.st_size);
	ASSERT_EQ(before.st_mode, after.st_mode);
	ASSERT_TRUE(same_time(before.st_mtim, after.st_mtim));
	ASSERT_TRUE(same_time(before.st_ctim, after.st_ctim));
	PROVES("FS-11");
}

/* Landlock: the one security module that a test can put on itself. */
struct sandbox {
	struct to to;
	unsigned long long fs, scope;
	int (*fn)(void *to);
};

struct ruleset {
	__u64 fs, net, scoped;
};

static int enter_sandbox(const struct sandbox *b)
{
	struct ruleset attr = { .fs = b->fs, .scoped = b->scope };
	size_t size = b->scope ? sizeof(attr) : sizeof(attr.fs);
	int fd = syscall(SYS_landlock_create_ruleset, &attr, size, 0);

	if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_landlock_restrict_self, fd, 0))
		return -1;
	close(fd);
	return 0;
}

static int in_sandbox(void *p)
{
	struct sandbox *b = p;

	return enter_sandbox(b) ? 200 : b->fn(&b->to);
}

TEST_F(fs, landlock)
{
	struct sandbox b = { .to = TO("@abs") };
	int abi, abs, c;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
		      LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1) {
		SKIP_ROWS("no Landlock in this kernel", "FS-12");
		SKIP(return, "no Landlock in this kernel");
	}
	abs = server(variant->family, variant->type, "@abs");
	ASSERT_LE(0, abs);

	/* The mknod hook: no socket inode, but an abstract name. */
	b.fs = LANDLOCK_ACCESS_FS_MAKE_SOCK;
	b.fn = do_bind;
	b.to.name = "new";
	ASSERT_EQ(EACCES, vt_run_as(0, in_sandbox, &b));
	ASSERT_NE(0, access("new", F_OK));
	b.to.name = "@new";
	ASSERT_EQ(0, vt_run_as(0, in_sandbox, &b));
	b.fn = do_connect;
	b.to.name = "s";
	ASSERT_EQ(0, vt_run_as(0, in_sandbox, &b));
	b.fs = LANDLOCK_ACCESS_FS_MAKE_REG;
	b.fn = do_bind;
	b.to.name = "new";
	ASSERT_EQ(0, vt_run_as(0, in_sandbox, &b));

	/* The connect and may-send hooks: abstract names out of scope. */
	b.fs = 0;
	b.scope = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	if (abi >= 6) {
		b.fn = do_connect;
		b.to.name = "@abs";
		ASSERT_EQ(EPERM, vt_run_as(0, in_sandbox, &b));
		b.to.name = "s";
		ASSERT_EQ(0, vt_run_as(0, in_sandbox, &b));
	}
	if (abi >= 6 && variant->type == SOCK_DGRAM) {
		b.fn = do_sendto;
		b.to.name = "@abs";
		ASSERT_EQ(EPERM, vt_run_as(0, in_sandbox, &b));
		b.to.name = "s";
		ASSERT_EQ(0, vt_run_as(0, in_sandbox, &b));
		/* What was connected before goes on. */
		c = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_connect(c, "@abs"));
		b.to.fd = c;
		b.fn = do_send;
		ASSERT_EQ(0, vt_run_as(0, in_sandbox, &b));
		b.to.fd = -1;
	}

	/* The find hook: paths that may not be resolved to a socket. */
	b.fs = LANDLOCK_ACCESS_FS_RESOLVE_UNIX;
	b.scope = 0;
	b.fn = do_connect;
	b.to.name = "s";
	if (abi >= 9) {
		ASSERT_EQ(EACCES, vt_run_as(0, in_sandbox, &b));
		b.to.name = "@abs";
		ASSERT_EQ(0, vt_run_as(0, in_sandbox, &b));
		b.to.name = "none";
		ASSERT_EQ(ENOENT, vt_run_as(0, in_sandbox, &b));
		b.to.name = "s";
		b.fn = do_sendto;
		if (variant->type == SOCK_DGRAM)
			ASSERT_EQ(EACCES, vt_run_as(0, in_sandbox, &b));
	}
	PROVES("FS-12");
}

TEST_HARNESS_MAIN
