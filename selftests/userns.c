// SPDX-License-Identifier: GPL-2.0
/*
 * Containers: what a user without privilege has in namespaces of its own (user,
 * network and mount), what counts against it there, and sockets that a bind
 * mount brings in or that are reached from outside.  No contract rows: NETNS,
 * LIM and FS have them, of users of the first namespace.
 */
#define VT_OWN_NETNS
#include "diag.h"
#include "scm.h"

#include <sys/mount.h>
#include <sys/resource.h>

/* Not the user as which those without a number appear. */
#define USER	54321

#define NO_NAMESPACES	77
#define SKIP_WHY	"systems that let users make namespaces only"

static const int all_types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

FIXTURE(userns)
{
	struct vt_env env;
};

FIXTURE_VARIANT(userns)
{
	int family;
};

VT_FAMILIES(userns);

FIXTURE_SETUP(userns)
{
	VT_SETUP();
	umask(0);
}

FIXTURE_TEARDOWN(userns)
{
	VT_TEARDOWN();
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), len = strlen(text), n;

	if (fd < 0)
		return -1;
	n = write(fd, text, len);
	close(fd);
	return n == len ? 0 : -1;
}

/* New namespaces, and root in them: 0, NO_NAMESPACES or 1. */
static int enter(void)
{
	unsigned int uid = geteuid(), gid = getegid();
	char map[32];

	/* Who changed its user does not own its files in /proc. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS))
		return NO_NAMESPACES;
	HOLDS(!write_file("/proc/self/setgroups", "deny"));
	snprintf(map, sizeof(map), "0 %u 1", uid);
	HOLDS(!write_file("/proc/self/uid_map", map));
	snprintf(map, sizeof(map), "0 %u 1", gid);
	HOLDS(!write_file("/proc/self/gid_map", map));
	HOLDS(geteuid() == 0 && getegid() == 0);
	HOLDS(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	return 0;
}

static int server(int family, int type, const char *name)
{
	int s = vt_socket(family, type);

	if (s < 0 || vt_bind(s, name))
		return -1;
	return type != SOCK_DGRAM && listen(s, 10) ? -1 : s;
}

/* A new socket's connect to @name: 0 or the errno. */
static int reach(int family, int type, const char *name)
{
	int c = vt_socket(family, type), err = vt_err(vt_connect(c, name));

	close(c);
	return err;
}

/* What @client sends has to come out of @s or of what @s accepts. */
static int delivers(int client, int s, int type)
{
	int a = type == SOCK_DGRAM ? dup(s) : accept(s, NULL, NULL);
	char c = 0;

	HOLDS(a >= 0);
	HOLDS(send(client, "d", 1, 0) == 1);
	HOLDS(recv(a, &c, 1, 0) == 1 && c == 'd');
	if (type != SOCK_DGRAM) {
		HOLDS(send(a, "e", 1, 0) == 1);
		HOLDS(recv(client, &c, 1, 0) == 1 && c == 'e');
	}
	close(a);
	return 0;
}

struct outside {
	int family;
	int type;
	int fd;
	unsigned int ino;
};

static int names(int family, int type)
{
	static const char *const name[] = { "@abstract", "path" };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = VT_UN_OFF;
	int s, c, i;

	for (i = 0; i < 2; i++) {
		s = server(family, type, name[i]);
		HOLDS(s >= 0);
		HOLDS(reach(family, type, name[i]) == 0);
		if (type != SOCK_DGRAM)
			close(accept(s, NULL, NULL));
		c = vt_socket(family, type);
		HOLDS(!vt_connect(c, name[i]));
		HOLDS(!delivers(c, s, type));
		close(c);
		close(s);
	}
	HOLDS(!unlink("path"));

	s = vt_socket(family, type);
	HOLDS(!bind(s, (struct sockaddr *)&un, len));
	len = sizeof(un);
	HOLDS(!getsockname(s, (struct sockaddr *)&un, &len));
	HOLDS(len == VT_UN_OFF + 6 && !un.sun_path[0]);
	HOLDS(type == SOCK_DGRAM || !listen(s, 1));
	c = vt_socket(family, type);
	HOLDS(!connect(c, (struct sockaddr *)&un, len));
	HOLDS(!delivers(c, s, type));
	close(c);
	close(s);
	return 0;
}

/* Send @fd over the pair: what is written to it comes out of @other. */
static int passes(const int *sv, int fd, int other)
{
	int got;
	char c;

	HOLDS(!vt_send_fd(sv[0], fd));
	close(fd);
	got = vt_recv_fd(sv[1]);
	HOLDS(got >= 0);
	HOLDS(write(got, "p", 1) == 1);
	HOLDS(read(other, &c, 1) == 1 && c == 'p');
	close(got);
	close(other);
	return 0;
}

static int passing(int family, int type)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct scm_in in;
	int sv[2], fds[2];

	HOLDS(!vt_pair(family, type, sv));
	HOLDS(!getsockopt(sv[0], SOL_SOCKET, SO_PEERCRED, &peer, &len));
	HOLDS(peer.pid == getpid() && peer.uid == 0 && peer.gid == 0);
	HOLDS(!vt_setint(sv[1], SOL_SOCKET, SO_PASSCRED, 1));
	HOLDS(send(sv[0], "x", 1, 0) == 1);
	HOLDS(scm_recv(sv[1], &in, 0) == 1);
	HOLDS(in.cred_len == sizeof(in.cred));
	HOLDS(in.cred.pid == getpid() && in.cred.uid == 0);
	HOLDS(!vt_setint(sv[1], SOL_SOCKET, SO_PASSCRED, 0));

	/* A file, and a socket of the family. */
	HOLDS(!pipe(fds));
	HOLDS(!passes(sv, fds[1], fds[0]));
	HOLDS(!vt_pair(family, type, fds));
	HOLDS(!passes(sv, fds[1], fds[0]));
	close(sv[0]);
	close(sv[1]);
	return 0;
}

/* Does /proc/net, as we see it, show a socket of this name? */
static bool listed(int family, const char *name)
{
	char *table = vt_read_file(vt_proc_net(family));
	bool found = table && strstr(table, name);

	free(table);
	return found;
}

static int works(void *arg)
{
	struct outside *o = arg;
	int err = enter(), i, s, type;

	if (err)
		return err;
	for (i = 0; i < 3; i++) {
		type = all_types[i];
		HOLDS(!names(o->family, type));
		HOLDS(!passing(o->family, type));

		/* Abstract names and tables are those of the namespace. */
		HOLDS(reach(o->family, SOCK_STREAM, "@outer") == ECONNREFUSED);
		HOLDS(!listed(o->family, "@outer"));
		HOLDS(diag_lists(o->family, o->ino) == 0);
		s = server(o->family, type, "@inner");
		HOLDS(s >= 0);
		HOLDS(listed(o->family, "@inner"));
		HOLDS(diag_lists(o->family, diag_ino(s)) == 1);
		close(s);
	}
	s = server(o->family, SOCK_STREAM, "@outer");
	HOLDS(s >= 0);
	return 0;
}

TEST_F(userns, works)
{
	int outer = server(variant->family, SOCK_STREAM, "@outer");
	struct outside o = {
		.family = variant->family, .ino = diag_ino(outer),
	};
	int err;

	ASSERT_LE(0, outer);
	ASSERT_TRUE(listed(variant->family, "@outer"));
	ASSERT_EQ(1, diag_lists(variant->family, o.ino));
	err = vt_run_as(USER, works, &o);
	if (err == NO_NAMESPACES)
		SKIP(return, SKIP_WHY);
	ASSERT_EQ(0, err);
	ASSERT_FALSE(listed(variant->family, "@inner"));
}

/* Its root sets what it may, other users of it do not. */
static int sysctls(void *arg)
{
	struct outside *o = arg;
	const char *path = vt_qlen_path(o->family);
	int sv, status;
	pid_t pid;

	sv = enter();
	if (sv)
		return sv;
	HOLDS(vt_read_num(path) == 10);
	HOLDS(!vt_write_num(path, 3));
	HOLDS(vt_read_num(path) == 3);
	if (!vt_is_unix(o->family)) {
		HOLDS(!vt_write_num("/proc/sys/net/vunix/max_sockets", 1));
		HOLDS((sv = vt_socket(o->family, SOCK_DGRAM)) >= 0);
		HOLDS(vt_socket(o->family, SOCK_DGRAM) < 0 && errno == ENFILE);
		/* More than the first namespace allows: limits_vunix. */
		HOLDS(vt_write_num("/proc/sys/net/vunix/max_foreign_inflight",
				   1000000) && errno == EINVAL);
		HOLDS(access("/proc/sys/net/vunix/foreign_inflight_all",
			     F_OK) && errno == ENOENT);
	}
	pid = fork();
	if (!pid) {
		/* The same user, of a namespace that owns nothing here. */
		if (unshare(CLONE_NEWUSER))
			_exit(1);
		_exit(vt_write_num(path, 4) && errno == EACCES ? 0 : 2);
	}
	HOLDS(waitpid(pid, &status, 0) == pid && status == 0);
	HOLDS(vt_read_num(path) == 3);
	return 0;
}

TEST_F(userns, sysctls)
{
	struct outside o = { .family = variant->family };
	int err = vt_run_as(USER, sysctls, &o);

	if (err == NO_NAMESPACES)
		SKIP(return, SKIP_WHY);
	ASSERT_EQ(0, err);
	/* Not ours. */
	ASSERT_EQ(10, vt_read_num(vt_qlen_path(variant->family)));
}

#define LIMIT		20

/* Send a message with @n times the descriptor: 0, or the errno. */
static int send_n(int sock, int fd, int n)
{
	int i, fds[253];

	for (i = 0; i < n; i++)
		fds[i] = fd;
	return scm_send_fds(sock, "x", fds, n, 0);
}

static int limit(void)
{
	struct rlimit lim = { .rlim_cur = LIMIT, .rlim_max = LIMIT };

	return setrlimit(RLIMIT_NOFILE, &lim);
}

/* All capabilities there are in its namespaces lift no limit of the user. */
static int fill(void *arg)
{
	struct outside *o = arg;
	int err = limit() ? 1 : enter();

	if (err)
		return err;
	HOLDS(send_n(o->fd, 0, 10) == 0);
	HOLDS(send_n(o->fd, 0, 10) == 0);
	HOLDS(send_n(o->fd, 0, 1) == 0);
	HOLDS(send_n(o->fd, 0, 1) == ETOOMANYREFS);
	/* Nor do further namespaces within. */
	HOLDS(!enter());
	HOLDS(send_n(o->fd, 0, 1) == ETOOMANYREFS);
	if (!vt_is_unix(o->family))
		HOLDS(vt_read_num("/proc/sys/net/vunix/user_inflight") == 21);
	return 0;
}

/* Other namespaces, the same user; other sockets, too. */
static int full(void *arg)
{
	struct outside *o = arg;
	int err = limit() ? 1 : enter(), sv[2];

	if (err)
		return err;
	HOLDS(!vt_pair(o->family, o->type, sv));
	HOLDS(send_n(sv[0], 0, 1) == ETOOMANYREFS);
	HOLDS(send_n(o->fd, 0, 1) == ETOOMANYREFS);
	return 0;
}

static int again(void *arg)
{
	struct outside *o = arg;
	int err = limit() ? 1 : enter();

	if (err)
		return err;
	HOLDS(send_n(o->fd, 0, 1) == 0);
	return 0;
}

TEST_F(userns, inflight)
{
	struct outside o = { .family = variant->family };
	struct scm_in in;
	int i, j, err, sv[2];

	for (i = 0; i < 3; i++) {
		o.type = all_types[i];
		ASSERT_EQ(0, vt_pair(o.family, o.type, sv));
		o.fd = sv[0];
		err = vt_run_as(USER, fill, &o);
		if (err == NO_NAMESPACES)
			SKIP(return, SKIP_WHY);
		ASSERT_EQ(0, err);
		ASSERT_EQ(0, vt_run_as(USER, full, &o));
		/* Another user has its own. */
		ASSERT_EQ(0, vt_run_as(USER + 1, again, &o));
		for (j = 0; j < 4; j++) {
			ASSERT_EQ(1, scm_recv(sv[1], &in, 0));
			scm_close(&in);
		}
		ASSERT_EQ(0, vt_run_as(USER, again, &o));
		close(sv[0]);
		close(sv[1]);
	}
}

/* Of AF_UNIX sockets vunix takes fewer, whose count is the user's as well. */
static int foreign(void *arg)
{
	struct outside *o = arg;
	int err = enter(), fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (err)
		return err;
	HOLDS(send_n(o->fd, fd, 40) == 0);
	if (vt_is_unix(o->family))
		return 0;
	HOLDS(send_n(o->fd, fd, 25) == ETOOMANYREFS);
	HOLDS(!enter());
	HOLDS(send_n(o->fd, fd, 25) == ETOOMANYREFS);
	HOLDS(send_n(o->fd, 0, 25) == 0);
	return 0;
}

static int foreign_again(void *arg)
{
	struct outside *o = arg;
	int err = enter(), fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (err)
		return err;
	err = send_n(o->fd, fd, 25);
	HOLDS(err == (vt_is_unix(o->family) ? 0 : ETOOMANYREFS));
	return 0;
}

TEST_F(userns, foreign)
{
	struct outside o = { .family = variant->family };
	int err, sv[2];

	ASSERT_EQ(0, vt_pair(o.family, SOCK_STREAM, sv));
	o.fd = sv[0];
	err = vt_run_as(USER, foreign, &o);
	if (err == NO_NAMESPACES)
		SKIP(return, SKIP_WHY);
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, vt_run_as(USER, foreign_again, &o));
}

FIXTURE(mounts)
{
	struct vt_env env;
	int up[2], down[2];	/* "done" from the child, "go on" to it */
};

FIXTURE_VARIANT(mounts)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(mounts);

FIXTURE_SETUP(mounts)
{
	VT_SETUP();
	umask(0);
	ASSERT_EQ(0, pipe(self->up));
	ASSERT_EQ(0, pipe(self->down));
}

FIXTURE_TEARDOWN(mounts)
{
	VT_TEARDOWN();
}

static bool turn(int up, int down)
{
	char c;

	return write(up, "t", 1) == 1 && read(down, &c, 1) == 1;
}

/* One of those of "outer" who lives in "jail", with the socket as "/s". */
static int container(const struct outside *o, int up, int down)
{
	struct sockaddr_un un = {};
	socklen_t len = sizeof(un);
	int err, c, s;

	if (setgroups(0, NULL) || setresgid(USER, USER, USER) ||
	    setresuid(USER, USER, USER))
		return 1;
	err = enter();
	if (err)
		return err;
	HOLDS(!mount("none", "jail", "tmpfs", 0, NULL));
	HOLDS(close(open("jail/s", O_CREAT | O_WRONLY, 0600)) == 0);
	HOLDS(!mount("outer", "jail/s", NULL, MS_BIND, NULL));
	HOLDS(!mount(NULL, "jail/s", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY,
		     NULL));
	HOLDS(!chroot("jail") && !chdir("/"));
	HOLDS(reach(o->family, o->type, "outer") == ENOENT);

	/* Another mount, root and network namespace: the inode decides. */
	c = vt_socket(o->family, o->type);
	HOLDS(!vt_connect(c, "/s"));
	HOLDS(send(c, "d", 1, 0) == 1);
	HOLDS(!getpeername(c, (struct sockaddr *)&un, &len));
	HOLDS(!strcmp(un.sun_path, "outer"));
	if (o->type == SOCK_DGRAM)
		HOLDS(vt_sendto(c, "d", 1, 0, "/s") == 1);
	s = server(o->family, o->type, "/mine");
	HOLDS(s >= 0);

	/* Its name is gone: the mount keeps the inode. */
	HOLDS(turn(up, down));
	HOLDS(reach(o->family, o->type, "/s") == 0);
	/* The server is gone, and then another has its name. */
	HOLDS(turn(up, down));
	HOLDS(reach(o->family, o->type, "/s") == ECONNREFUSED);
	HOLDS(turn(up, down));
	HOLDS(reach(o->family, o->type, "/s") == ECONNREFUSED);
	return 0;
}

TEST_F(mounts, bind_mount)
{
	struct outside o = { variant->family, variant->type, -1, 0 };
	int s = server(o.family, o.type, "outer"), a, status, peer;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	char path[64], c;
	pid_t pid;

	ASSERT_LE(0, s);
	ASSERT_EQ(0, mkdir("jail", 0777));
	pid = vt_fork();
	if (!pid) {
		close(self->up[0]);
		close(self->down[1]);
		close(s);
		_exit(container(&o, self->up[1], self->down[0]));
	}
	close(self->up[1]);
	if (read(self->up[0], &c, 1) != 1) {
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFEXITED(status));
		if (WEXITSTATUS(status) == NO_NAMESPACES)
			SKIP(return, SKIP_WHY);
		ASSERT_EQ(0, WEXITSTATUS(status));
	}
	a = o.type == SOCK_DGRAM ? dup(s) : accept(s, NULL, NULL);
	ASSERT_EQ(1, recv(a, &c, 1, MSG_DONTWAIT));
	if (o.type == SOCK_DGRAM) {
		ASSERT_EQ(1, recv(a, &c, 1, MSG_DONTWAIT));
	} else {
		ASSERT_EQ(0, getsockopt(a, SOL_SOCKET, SO_PEERCRED, &cred,
					&len));
		ASSERT_EQ(pid, cred.pid);
		ASSERT_EQ(USER, (int)cred.uid);
	}
	/* And from here to what it serves, in a place only it has. */
	snprintf(path, sizeof(path), "/proc/%d/root/mine", (int)pid);
	peer = vt_socket(o.family, o.type);
	ASSERT_EQ(0, vt_connect(peer, path));
	ASSERT_EQ(1, send(peer, "d", 1, 0));
	ASSERT_EQ(ENOENT, reach(o.family, o.type, "jail/mine"));

	ASSERT_EQ(0, unlink("outer"));
	ASSERT_EQ(1, write(self->down[1], "g", 1));
	ASSERT_EQ(1, read(self->up[0], &c, 1));
	if (o.type != SOCK_DGRAM)
		ASSERT_EQ(POLLIN, vt_poll(s, POLLIN));
	close(a);
	close(s);
	ASSERT_EQ(1, write(self->down[1], "g", 1));
	ASSERT_EQ(1, read(self->up[0], &c, 1));
	s = server(o.family, o.type, "outer");
	ASSERT_LE(0, s);
	ASSERT_EQ(0, reach(o.family, o.type, "outer"));
	ASSERT_EQ(1, write(self->down[1], "g", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
}

TEST_HARNESS_MAIN
