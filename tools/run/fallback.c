// SPDX-License-Identifier: GPL-2.0
/*
 * The supervisor's part of --fallback: a call with an address comes by before
 * it is made.  If nobody on vunix has the name but somebody on AF_UNIX does,
 * an AF_UNIX socket is put over the caller's; then the call goes on, and it is
 * the caller itself who connects or sends, with its own credentials, signals
 * and patience.
 *
 * Who has the name is found out without anybody noticing: see owns_path() and
 * owns_abstract().
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run.h"
#include "supervisor.h"

/* The name a call goes to. */
struct name {
	struct sockaddr_un	un;
	socklen_t		len;
};

/*
 * Reading the call
 */

static int read_name(const struct call *c, uint64_t where, uint64_t len,
		     struct name *name)
{
	memset(name, 0, sizeof(*name));
	if (!where || len <= sizeof(name->un.sun_family) ||
	    len > sizeof(name->un) || call_read(c, where, &name->un, len))
		return -1;
	name->len = len;
	return name->un.sun_family == AF_UNIX ? 0 : -1;
}

/* The name of a struct msghdr; an array of struct mmsghdr begins with one. */
static int read_msghdr(const struct call *c, struct name *name)
{
	uint64_t at = c->args[1], where;
	uint32_t len;

	if (call_read_word(c, at, 0, &where) || !where ||
	    call_read(c, at + (c->wide ? 8 : 4), &len, sizeof(len)))
		return -1;
	return read_name(c, where, len, name);
}

static int read_call(const struct call *c, const char *what, struct name *name)
{
	if (!strcmp(what, "connect"))
		return read_name(c, c->args[1], c->args[2], name);
	if (!strcmp(what, "sendto"))
		return read_name(c, c->args[4], c->args[5], name);
	return read_msghdr(c, name);
}

/*
 * Who has the name?
 */

/*
 * A datagram socket that connects is seen by nobody, whoever is there: it is
 * let in, or told that it is of the wrong type or not wanted.  To a stream
 * socket we would be a connection.
 */
static bool probe(int family, const struct sockaddr_un *un, socklen_t len)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool there;

	if (fd < 0)
		return false;
	there = !connect(fd, (const struct sockaddr *)un, len) ||
		errno == EPROTOTYPE || errno == EPERM;
	close(fd);
	return there;
}

/*
 * Where the caller begins to look for a path.  Asked for before we take on its
 * identity: it may be hidden from that.
 */
static int open_start(const struct call *c, const struct name *name)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/proc/%d/%s", c->tid,
		 name->un.sun_path[0] == '/' ? "root" : "cwd");
	return open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int open_path(int start, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = path[0] == '/' ? RESOLVE_IN_ROOT : 0,
	};

	return syscall(SYS_openat2, start, path, &how, sizeof(how));
}

static bool owns_path(int family, int fd)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d", fd);
	return probe(family, &un, sizeof(un));
}

/* Both tables show each NUL of an abstract name as '@'. */
static bool is_listener(const char *line, int type, const struct name *name)
{
	size_t len = name->len - offsetof(struct sockaddr_un, sun_path);
	unsigned int flags, this_type;
	int at = 0;

	if (sscanf(line, "%*s %*x %*x %x %x %*x %*u %n", &flags, &this_type,
		   &at) != 2 || !at)
		return false;
	if (!(flags & 0x10000) || (int)this_type != type ||
	    strcspn(line + at, "\n") != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (line[at + i] != (name->un.sun_path[i] ?: '@'))
			return false;
	return true;
}

/*
 * Abstract names of one type are strangers to another, so a datagram socket
 * learns nothing of streams; the table of the namespace says who listens.
 */
static bool owns_abstract(int family, int type, const struct name *name)
{
	bool found = false;
	char line[512];
	FILE *f;

	if (type == SOCK_DGRAM)
		return probe(family, &name->un, name->len);
	f = fopen(family == AF_UNIX ? "/proc/self/net/unix" :
		  "/proc/self/net/vunix", "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = is_listener(line, type, name);
	fclose(f);
	return found;
}

static bool is_elsewhere(const struct call *c, int start, int type,
			 const struct name *name)
{
	bool elsewhere;
	int fd;

	if (!name->un.sun_path[0])
		return !owns_abstract(c->opt->family, type, name) &&
		       owns_abstract(AF_UNIX, type, name);
	fd = open_path(start, name->un.sun_path);
	if (fd < 0)
		return false;
	elsewhere = !owns_path(c->opt->family, fd) && owns_path(AF_UNIX, fd);
	close(fd);
	return elsewhere;
}

/*
 * Replacing
 */

static int from_caller(const struct call *c, int number)
{
	int pidfd = syscall(SYS_pidfd_open, c->tgid, 0);
	int fd;

	if (pidfd < 0)
		return -1;
	fd = syscall(SYS_pidfd_getfd, pidfd, number, 0);
	close(pidfd);
	return fd;
}

static int above(int fd, int number)
{
	return fd > number ? fd : fcntl(fd, F_DUPFD_CLOEXEC, number + 1);
}

/*
 * An epoll set knows what it watches by open file and number, so both have to
 * be in our table, too; that is the child's, who has no use for it otherwise.
 */
static void move_registration(int set, int number, int old, int new,
			      const struct table_entry *entry)
{
	struct epoll_event event = {
		.events = entry->events,
		.data.u64 = entry->data,
	};

	set = above(set, number);
	old = above(old, number);
	new = above(new, number);
	if (set < 0 || old < 0 || new < 0 || dup2(old, number) < 0)
		return;
	if (epoll_ctl(set, EPOLL_CTL_DEL, number, NULL))
		return;
	if (dup2(new, number) == number)
		epoll_ctl(set, EPOLL_CTL_ADD, number, &event);
}

static void move_registrations(const struct call *c, const char *proc,
			       int number, int old, int new, ino_t ino,
			       const struct table_list *sets)
{
	for (int i = 0; i < sets->n; i++) {
		struct table_entry entry;
		pid_t pid;
		int set;

		if (!table_epoll(proc, sets->fds[i], number, ino, &entry))
			continue;
		set = from_caller(c, sets->fds[i]);
		if (set < 0)
			continue;
		pid = fork();
		if (!pid) {
			move_registration(set, number, old, new, &entry);
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
		close(set);
	}
}

/* A signal tells the number at which O_ASYNC was set. */
static void move_async(int number, int old, int new)
{
	int flags = fcntl(old, F_GETFL);
	pid_t pid;

	if (flags < 0 || !(flags & O_ASYNC))
		return;
	pid = fork();
	if (!pid) {
		new = above(new, number);
		if (new >= 0 && dup2(new, number) == number)
			fcntl(number, F_SETFL, flags);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static bool closes_on_exec(const char *proc, int number)
{
	unsigned int flags = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/fdinfo/%d", proc, number);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fscanf(f, "pos: %*d flags: %o", &flags) != 1)
		flags = 0;
	fclose(f);
	return flags & O_CLOEXEC;
}

/*
 * All numbers of the socket in the caller; with other threads only that of the
 * call, which is in use, while another may be closed at any moment.
 */
static bool replace(struct call *c, int old, int new)
{
	struct table_list same, sets;
	struct stat st;
	char proc[32];
	bool done = false;

	snprintf(proc, sizeof(proc), "/proc/%d", c->tid);
	if (fstat(old, &st) || !table_scan(proc, st.st_ino, &same, &sets))
		return false;
	if (c->threads != 1) {
		same.n = 1;
		same.fds[0] = c->args[0];
	}
	for (int i = 0; i < same.n; i++) {
		struct seccomp_notif_addfd addfd = {
			.id = c->req->id,
			.flags = SECCOMP_ADDFD_FLAG_SETFD,
			.srcfd = new,
			.newfd = same.fds[i],
			.newfd_flags = closes_on_exec(proc, same.fds[i]) ?
				       O_CLOEXEC : 0,
		};

		move_registrations(c, proc, same.fds[i], old, new, st.st_ino,
				   &sets);
		move_async(same.fds[i], old, new);
		if (ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd) >= 0)
			done = true;
	}
	return done;
}

static int socket_type(int fd)
{
	socklen_t len = sizeof(int);
	int type = -1;

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	return type;
}

/**
 * fallback_call() - put an AF_UNIX socket over the caller's if the call needs it
 * @c: call with an address; it is not answered here
 * @what: name of the system call
 *
 * Return: whether a socket was replaced.
 */
bool fallback_call(struct call *c, const char *what)
{
	bool connecting = !strcmp(what, "connect");
	struct name name;
	int old, start, new = -1;
	bool done = false;

	if (read_call(c, what, &name) || !call_caller(c))
		return false;
	old = from_caller(c, c->args[0]);
	if (old < 0)
		return false;
	start = open_start(c, &name);
	if (native_is_vunix(old) && native_may_replace(old) &&
	    (connecting || !native_has_peer(old)) && call_enter(c)) {
		if (is_elsewhere(c, start, socket_type(old), &name))
			new = native_like(old, true);
		call_leave(c);
	}
	if (new >= 0) {
		done = replace(c, old, new);
		close(new);
	}
	if (start >= 0)
		close(start);
	close(old);
	return done;
}
