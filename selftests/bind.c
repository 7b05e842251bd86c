// SPDX-License-Identifier: GPL-2.0
/*
 * bind() to paths: which names are taken, what appears in the file system and
 * what is reported.  Nothing here depends on the type of the socket, so each
 * test runs for all three.
 *
 * Rows: BIND-01 BIND-02 BIND-03 BIND-04 BIND-05 BIND-06 BIND-07 BIND-08
 * BIND-09 BIND-10 BIND-11 BIND-12 BIND-13 BIND-14 BIND-15 BIND-16 BIND-17
 * BIND-18 BIND-19 BIND-20
 */
#include "vunix_test.h"

#include <limits.h>
#include <sys/fsuid.h>
#include <sys/mount.h>

FIXTURE(bind)
{
	struct vt_env env;
	int s;
};

FIXTURE_VARIANT(bind)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(bind);

FIXTURE_SETUP(bind)
{
	VT_SETUP();
	umask(0);
	self->s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(bind)
{
	VT_TEARDOWN();
}

static int exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static int bind_raw(int fd, const void *addr, socklen_t len)
{
	return bind(fd, (const struct sockaddr *)addr, len);
}

/* Is the socket still without a name? */
static bool unnamed(int fd)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);

	return !getsockname(fd, (struct sockaddr *)&un, &len) && len == 2;
}

/* The name of @fd is @n bytes of @path and a NUL. */
static bool name_is(int fd, const char *path, size_t n)
{
	char buf[128];
	struct sockaddr_un *un = (void *)buf;
	socklen_t len = sizeof(buf);

	memset(buf, 0x55, sizeof(buf));
	return !getsockname(fd, (struct sockaddr *)un, &len) &&
	       len == VT_UN_OFF + n + 1 && un->sun_family == AF_UNIX &&
	       !memcmp(buf + VT_UN_OFF, path, n) && !buf[VT_UN_OFF + n];
}

static int mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -1 : (int)st.st_mode;
}

TEST_F(bind, makes_inode)
{
	struct stat st, own;

	ASSERT_EQ(0, vt_bind(self->s, "name"));
	ASSERT_EQ(0, lstat("name", &st));
	ASSERT_TRUE(S_ISSOCK(st.st_mode));
	ASSERT_EQ(1, (int)st.st_nlink);
	ASSERT_EQ(0, fstat(self->s, &own));
	ASSERT_TRUE(st.st_ino != own.st_ino || st.st_dev != own.st_dev);
	ASSERT_TRUE(st.st_dev != own.st_dev);
	ASSERT_TRUE(name_is(self->s, "name", 4));
	PROVES("BIND-01");
}

TEST_F(bind, second_name)
{
	ASSERT_EQ(0, vt_bind(self->s, "first"));
	ASSERT_EQ(EINVAL, vt_err(vt_bind(self->s, "second")));
	ASSERT_FALSE(exists("second"));
	ASSERT_EQ(EINVAL, vt_err(vt_bind(self->s, "@second")));
	ASSERT_EQ(0, vt_bind(vt_socket(variant->family, variant->type),
			     "@second"));
	/* The path is tried before the socket is looked at. */
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(self->s, "first")));
	ASSERT_EQ(ENOENT, vt_err(vt_bind(self->s, "none/x")));
	ASSERT_TRUE(name_is(self->s, "first", 5));
	PROVES("BIND-02");
}

TEST_F(bind, path_exists)
{
	static const char *const taken[] = {
		"file", "dir", "sock", "dangling", "link", ".", "..", "/",
		"dir/", "dir/.", "./file", "//",
	};
	unsigned int i;

	ASSERT_LE(0, close(open("file", O_CREAT | O_WRONLY, 0666)));
	ASSERT_EQ(0, mkdir("dir", 0777));
	ASSERT_EQ(0, symlink("nowhere", "dangling"));
	ASSERT_EQ(0, symlink("file", "link"));
	ASSERT_EQ(0, vt_bind(vt_socket(variant->family, variant->type),
			     "sock"));
	for (i = 0; i < ARRAY_SIZE(taken); i++)
		ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(self->s, taken[i])))
			TH_LOG("case %u", i);
	ASSERT_FALSE(exists("nowhere"));
	ASSERT_TRUE(S_ISREG(mode_of("file")));
	ASSERT_TRUE(S_ISLNK(mode_of("dangling")));
	ASSERT_TRUE(unnamed(self->s));
	PROVES("BIND-03");
}

TEST_F(bind, length)
{
	char buf[256];
	struct sockaddr_un *un = (void *)buf;
	int len, s, n;

	memset(buf, 'p', sizeof(buf));
	un->sun_family = AF_UNIX;
	for (len = 0; len <= 200; len++) {
		if (len >= 2 && len <= 110)
			continue;
		ASSERT_EQ(EINVAL, vt_err(bind_raw(self->s, buf, len)))
			TH_LOG("length %d", len);
	}
	ASSERT_EQ(EINVAL, vt_err(bind_raw(self->s, buf, -1)));
	ASSERT_EQ(EINVAL, vt_err(bind_raw(self->s, buf, INT_MIN)));
	ASSERT_EQ(EINVAL, vt_err(bind_raw(self->s, buf, INT_MAX)));
	/* An abstract name of such a length is no better. */
	un->sun_path[0] = 0;
	for (len = 111; len <= 129; len++)
		ASSERT_EQ(EINVAL, vt_err(bind_raw(self->s, buf, len)));
	un->sun_path[0] = 'p';
	ASSERT_TRUE(unnamed(self->s));
	for (len = 2; len <= 110; len++) {
		s = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_err(bind_raw(s, buf, len)))
			TH_LOG("length %d", len);
		n = len - VT_UN_OFF;
		if (n)
			ASSERT_TRUE(name_is(s, buf + VT_UN_OFF, n));
		close(s);
	}
	PROVES("BIND-04");
}

TEST_F(bind, foreign_family)
{
	static const int wrong[] = {
		AF_UNSPEC, AF_INET, AF_INET6, AF_NETLINK, 255, 0xff01
	};
	char buf[128];
	struct sockaddr_un *un = (void *)buf;
	unsigned int i, len;

	memset(buf, 'p', sizeof(buf));
	for (i = 0; i <= ARRAY_SIZE(wrong); i++) {
		un->sun_family = i < ARRAY_SIZE(wrong) ? wrong[i] :
				 vt_family(AF_VUNIX);
		for (len = 0; len <= 128; len++)
			ASSERT_EQ(EINVAL, vt_err(bind_raw(self->s, buf, len)))
				TH_LOG("family %d length %u", un->sun_family,
				       len);
	}
	/* Room for the family is not a family: AF_UNIX's low byte alone. */
	un->sun_family = AF_UNIX;
	ASSERT_EQ(EINVAL, vt_err(bind_raw(self->s, buf, 1)));
	ASSERT_TRUE(unnamed(self->s));
	PROVES("BIND-05");
}

TEST_F(bind, longest)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char path[109] = "";
	int c;

	memset(un.sun_path, 'x', sizeof(un.sun_path));
	ASSERT_EQ(108, (int)sizeof(un.sun_path));
	ASSERT_EQ(0, bind_raw(self->s, &un, 110));
	ASSERT_TRUE(name_is(self->s, un.sun_path, 108));
	memcpy(path, un.sun_path, 108);
	ASSERT_TRUE(S_ISSOCK(mode_of(path)));

	c = vt_socket(variant->family, variant->type);
	if (variant->type != SOCK_DGRAM)
		ASSERT_EQ(0, listen(self->s, 1));
	ASSERT_EQ(0, connect(c, (struct sockaddr *)&un, 110));
	PROVES("BIND-06");
}

TEST_F(bind, embedded_nul)
{
	struct sockaddr_un un;

	vt_path(&un, "short");
	memcpy(un.sun_path + 6, "tail", 4);
	ASSERT_EQ(0, bind_raw(self->s, &un, sizeof(un)));
	ASSERT_TRUE(name_is(self->s, "short", 5));
	ASSERT_TRUE(exists("short"));

	/* The length may end exactly behind the NUL, or far behind it. */
	vt_path(&un, "exact");
	self->s = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, bind_raw(self->s, &un, VT_UN_OFF + 6));
	ASSERT_TRUE(name_is(self->s, "exact", 5));
	PROVES("BIND-07");
}

TEST_F(bind, unterminated)
{
	struct sockaddr_un un;

	vt_path(&un, "nameXYZ");
	ASSERT_EQ(0, bind_raw(self->s, &un, VT_UN_OFF + 4));
	ASSERT_TRUE(name_is(self->s, "name", 4));
	ASSERT_TRUE(exists("name"));
	ASSERT_FALSE(exists("nameXYZ"));
	ASSERT_EQ('X', un.sun_path[4]);
	PROVES("BIND-08");
}

TEST_F(bind, lookup_errors)
{
	ASSERT_LE(0, close(open("file", O_CREAT | O_WRONLY, 0666)));
	ASSERT_EQ(0, mkdir("dir", 0777));
	ASSERT_EQ(0, symlink("loop", "loop"));
	ASSERT_EQ(ENOENT, vt_err(vt_bind(self->s, "missing/name")));
	ASSERT_EQ(ENOTDIR, vt_err(vt_bind(self->s, "file/name")));
	ASSERT_EQ(ELOOP, vt_err(vt_bind(self->s, "loop/name")));
	ASSERT_EQ(ENOENT, vt_err(vt_bind(self->s, "new/")));
	ASSERT_EQ(ENOENT, vt_err(vt_bind(self->s, "dir/new/")));
	ASSERT_FALSE(exists("new"));
	ASSERT_FALSE(exists("dir/new"));
	ASSERT_TRUE(unnamed(self->s));
	PROVES("BIND-09");
}

TEST_F(bind, bad_arguments)
{
	struct sockaddr_un un;
	socklen_t len = vt_path(&un, "name");
	int p[2], file = open("file", O_CREAT | O_RDWR, 0666);
	unsigned int n;
	char *edge;

	for (n = 0; n < len; n++) {
		edge = vt_edge(n);
		ASSERT_TRUE(!!edge);
		memcpy(edge, &un, n);
		ASSERT_EQ(EFAULT, vt_err(bind_raw(self->s, edge, len)))
			TH_LOG("%u bytes there", n);
	}
	ASSERT_EQ(EFAULT, vt_err(bind_raw(self->s, NULL, len)));
	/* The length is judged first. */
	ASSERT_EQ(EINVAL, vt_err(bind_raw(self->s, NULL, 129)));
	ASSERT_EQ(EINVAL, vt_err(bind_raw(self->s, NULL, 0)));
	ASSERT_EQ(EBADF, vt_err(bind_raw(-1, &un, len)));
	ASSERT_EQ(EBADF, vt_err(bind_raw(12345, &un, len)));
	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(ENOTSOCK, vt_err(bind_raw(p[0], &un, len)));
	ASSERT_EQ(ENOTSOCK, vt_err(bind_raw(file, &un, len)));
	ASSERT_FALSE(exists("name"));
	ASSERT_TRUE(unnamed(self->s));
	PROVES("BIND-10");
}

TEST_F(bind, survives_close)
{
	int s = vt_socket(variant->family, variant->type);

	ASSERT_EQ(0, vt_bind(self->s, "name"));
	ASSERT_EQ(0, close(self->s));
	ASSERT_TRUE(S_ISSOCK(mode_of("name")));
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(s, "name")));
	ASSERT_EQ(0, unlink("name"));
	ASSERT_EQ(0, vt_bind(s, "name"));
	PROVES("BIND-11");
}

TEST_F(bind, mode)
{
	static const int masks[] = { 0, 022, 027, 077, 0177, 0777 };
	char name[16];
	unsigned int i;
	int s;

	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		s = vt_socket(variant->family, variant->type);
		snprintf(name, sizeof(name), "plain%u", i);
		umask(masks[i]);
		ASSERT_EQ(0, vt_bind(s, name));
		ASSERT_EQ(S_IFSOCK | (0777 & ~masks[i]), mode_of(name));
	}
	PROVES("BIND-12");

	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		s = vt_socket(variant->family, variant->type);
		snprintf(name, sizeof(name), "chmod%u", i);
		umask(masks[i]);
		ASSERT_EQ(0, fchmod(s, 0654));
		ASSERT_EQ(0, vt_bind(s, name));
		ASSERT_EQ(S_IFSOCK | (0654 & ~masks[i]), mode_of(name));
		/* Afterwards the two modes are independent. */
		ASSERT_EQ(0, fchmod(s, 0600));
		ASSERT_EQ(S_IFSOCK | (0654 & ~masks[i]), mode_of(name));
	}
	PROVES("BIND-13");
}

TEST_F(bind, connected)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	struct vt_trio t;
	int peer;

	if (variant->type == SOCK_DGRAM) {
		peer = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_bind(peer, "@peer"));
		t.client = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_connect(t.client, "@peer"));
		ASSERT_EQ(0, vt_bind(t.client, "client"));
		ASSERT_EQ(0, vt_connect(peer, "client"));
	} else {
		ASSERT_EQ(0, vt_trio(variant->family, variant->type, "@l",
				     &t));
		peer = t.accepted;
		ASSERT_EQ(0, vt_bind(t.client, "client"));
	}
	ASSERT_EQ(0, getpeername(peer, (struct sockaddr *)&un, &len));
	ASSERT_EQ(VT_UN_OFF + 7, len);
	ASSERT_STREQ("client", un.sun_path);
	ASSERT_TRUE(name_is(t.client, "client", 6));
	PROVES("BIND-14");
}

TEST_F(bind, accepted)
{
	struct vt_trio t;

	if (variant->type == SOCK_DGRAM)
		SKIP(return, "connection types only");
	ASSERT_EQ(0, vt_trio(variant->family, variant->type, "listener", &t));
	ASSERT_EQ(EINVAL, vt_err(vt_bind(t.accepted, "other")));
	ASSERT_FALSE(exists("other"));
	ASSERT_EQ(EINVAL, vt_err(vt_bind(t.accepted, "@other")));
	ASSERT_TRUE(name_is(t.accepted, "listener", 8));
	PROVES("BIND-15");
}

static int bind_in(void *arg)
{
	return vt_err(vt_bind(*(int *)arg, "closed/name"));
}

TEST_F(bind, directory_not_writable)
{
	ASSERT_EQ(0, mkdir("closed", 0755));
	ASSERT_EQ(EACCES, vt_run_as(VT_NOBODY, bind_in, &self->s));
	ASSERT_FALSE(exists("closed/name"));
	/* Write without search permission does not help. */
	ASSERT_EQ(0, chmod("closed", 0666));
	ASSERT_EQ(EACCES, vt_run_as(VT_NOBODY, bind_in, &self->s));
	ASSERT_TRUE(unnamed(self->s));
	ASSERT_EQ(0, chmod("closed", 0777));
	ASSERT_EQ(0, vt_run_as(VT_NOBODY, bind_in, &self->s));
	ASSERT_TRUE(exists("closed/name"));
	PROVES("BIND-16");
}

static int bind_with_fsid(void *arg)
{
	setfsgid(1234);
	setfsuid(4321);
	return vt_err(vt_bind(*(int *)arg, "owned"));
}

TEST_F(bind, owner)
{
	struct stat st;

	ASSERT_EQ(0, vt_run_as(0, bind_with_fsid, &self->s));
	ASSERT_EQ(0, lstat("owned", &st));
	ASSERT_EQ(4321, (int)st.st_uid);
	ASSERT_EQ(1234, (int)st.st_gid);
	ASSERT_EQ(0, vt_bind(vt_socket(variant->family, variant->type),
			     "mine"));
	ASSERT_EQ(0, lstat("mine", &st));
	ASSERT_EQ(geteuid(), st.st_uid);
	ASSERT_EQ(getegid(), st.st_gid);
	PROVES("BIND-17");
}

TEST_F(bind, path_spelling)
{
	static const char *const paths[] = {
		"./plain", ".//double", "link/sub", "link/./dir/../up", "dir/x",
	};
	unsigned int i;
	int s;

	ASSERT_EQ(0, mkdir("real", 0777));
	ASSERT_EQ(0, mkdir("real/dir", 0777));
	ASSERT_EQ(0, mkdir("dir", 0777));
	ASSERT_EQ(0, symlink("real", "link"));
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		s = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_bind(s, paths[i]));
		ASSERT_TRUE(name_is(s, paths[i], strlen(paths[i])));
	}
	ASSERT_TRUE(S_ISSOCK(mode_of("plain")));
	ASSERT_TRUE(S_ISSOCK(mode_of("double")));
	ASSERT_TRUE(S_ISSOCK(mode_of("real/sub")));
	ASSERT_TRUE(S_ISSOCK(mode_of("real/up")));
	PROVES("BIND-18");
}

TEST_F(bind, after_failure)
{
	ASSERT_EQ(0, vt_bind(vt_socket(variant->family, variant->type),
			     "@taken"));
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(self->s, "@taken")));
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(self->s, ".")));
	ASSERT_EQ(ENOENT, vt_err(vt_bind(self->s, "none/name")));
	ASSERT_EQ(EINVAL, vt_err(bind_raw(self->s, "", 1)));
	ASSERT_TRUE(unnamed(self->s));
	ASSERT_EQ(0, vt_bind(self->s, "name"));
	ASSERT_TRUE(name_is(self->s, "name", 4));
	PROVES("BIND-19");
}

TEST_F(bind, read_only)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mkdir("mnt", 0777));
	ASSERT_EQ(0, mount("none", "mnt", "tmpfs", 0, NULL));
	ASSERT_EQ(0, vt_bind(vt_socket(variant->family, variant->type),
			     "mnt/before"));
	ASSERT_EQ(0, mount("none", "mnt", "tmpfs", MS_REMOUNT | MS_RDONLY,
			   NULL));
	ASSERT_EQ(EROFS, vt_err(vt_bind(self->s, "mnt/name")));
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(self->s, "mnt/before")));
	ASSERT_FALSE(exists("mnt/name"));
	ASSERT_TRUE(unnamed(self->s));
	ASSERT_EQ(0, umount2("mnt", MNT_DETACH));
	PROVES("BIND-20");
}

TEST_HARNESS_MAIN
