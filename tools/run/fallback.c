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
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run.h"
#include "supervisor.h"

/* The name a call goes to. */
struct name {
	struct sockaddr_un	un;
	char			end;	/* NUL, behind a path that fills it */
	socklen_t		len;
};

/*
 * Reading the call
 */

/* A length is an int, also where its register is wider. */
static int read_name(struct call *c, uint64_t where, int len,
		     struct name *name)
{
	memset(name, 0, sizeof(*name));
	if (!where || len <= (int)sizeof(name->un.sun_family) ||
	    len > (int)sizeof(name->un) ||
	    call_read(c, where, &name->un, len))
		return -1;
	name->len = len;
	return name->un.sun_family == AF_UNIX ? 0 : -1;
}

/* The name of a struct msghdr; an array of struct mmsghdr begins with one. */
static int read_msghdr(struct call *c, struct name *name)
{
	uint64_t at = c->args[1], where;
	uint32_t len;

	if (call_read_word(c, at, 0, &where) || !where ||
	    call_read(c, at + (c->wide ? 8 : 4), &len, sizeof(len)))
		return -1;
	return read_name(c, where, len, name);
}

static int read_call(struct call *c, enum run_call what, struct name *name)
{
	switch (what) {
	case CALL_CONNECT:
		return read_name(c, c->args[1], c->args[2], name);
	case CALL_SENDTO:
		return read_name(c, c->args[4], c->args[5], name);
	default:
		return read_msghdr(c, name);
	}
}

/*
 * Who has the name?
 */

/*
 * A datagram socket that connects is seen by nobody, whoever is there: it is
 * let in, or told that it is of the wrong type or not wanted.  To a stream
 * socket we would be a connection.  By raw system calls, which the library of
 * an outer vunix-run does not catch.
 */
static bool probe(int family, const struct sockaddr_un *un, socklen_t len)
{
	int fd = syscall(SYS_socket, family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool there;

	if (fd < 0)
		return false;
	there = !syscall(SYS_connect, fd, un, len) || errno == EPROTOTYPE ||
		errno == EPERM;
	close(fd);
	return there;
}

/*
 * A path means to the caller what its root, its folder and its mounts make of
 * it.  They are opened before we take on its identity, for they may be hidden
 * from that.
 */
struct place {
	int	root, cwd, self, mounts;
	bool	same_root;	/* as ours, mounts included */
};

static int open_of(pid_t tid, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/%s", tid, name);
	return open(path, flags | O_CLOEXEC);
}

static bool same_file(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_mnt_id == b->stx_mnt_id &&
	       a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor;
}

static bool is_own_root(int root)
{
	const unsigned int mask = STATX_INO | STATX_MNT_ID;
	struct statx ours, theirs;

	return !statx(AT_FDCWD, "/", 0, mask, &ours) &&
	       !statx(root, "", AT_EMPTY_PATH, mask, &theirs) &&
	       (ours.stx_mask & theirs.stx_mask & STATX_MNT_ID) &&
	       same_file(&ours, &theirs);
}

/* Also closed when the call is done, with whatever was opened for it. */
static void open_place(const struct call *c, struct place *place)
{
	place->root = open_of(c->tid, "root", O_PATH | O_DIRECTORY);
	place->cwd = open_of(c->tid, "cwd", O_PATH | O_DIRECTORY);
	place->self = -1;
	place->mounts = -1;
	place->same_root = place->root >= 0 && is_own_root(place->root);
	if (!place->same_root)
		place->mounts = open_of(c->tid, "ns/mnt", O_RDONLY);
}

/* Under /proc/self we would find ourselves; whose @rest is it? */
static pid_t whose_proc(const struct call *c, const char *path,
			const char **rest)
{
	static const char self[] = "/proc/self/", task[] = "/proc/thread-self/";

	if (!strncmp(path, self, strlen(self))) {
		*rest = path + strlen(self);
		return c->tgid;
	}
	if (!strncmp(path, task, strlen(task))) {
		*rest = path + strlen(task);
		return c->tid;
	}
	return 0;
}

/* The root is the caller's by now. */
static int open_here(const struct place *place, const char *path)
{
	int start = place->self >= 0 ? place->self : place->cwd;

	return openat(start, path, O_PATH | O_CLOEXEC);
}

/* A child that may have to wait for the tree does not outlive the worker. */
static void end_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

/* To stay; only for a child. */
static bool go_there(const struct place *place)
{
	return place->mounts >= 0 && !setns(place->mounts, CLONE_NEWNS) &&
	       !fchdir(place->root) && !chroot(".");
}

/* Without the privilege to go there; what /proc has of others is not found. */
static int open_from_here(const struct place *place, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};

	if (path[0] != '/')
		return -1;
	return syscall(SYS_openat2, place->root, path, &how, sizeof(how));
}

/*
 * A child, for it does not come back, with our table of descriptors.  Its
 * privilege to go there, and then the caller's identity to look around.
 */
static int open_elsewhere(struct call *c, const struct place *place,
			  const char *path)
{
	pid_t self = getpid(), pid;
	int ends[2], fd = -1;

	/* May we become the caller at all? */
	if (!call_enter(c))
		return -1;
	call_leave(c);
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid = raw_clone(CLONE_FILES | SIGCHLD);
	if (!pid) {
		bool there = go_there(place);

		if (call_become(c)) {
			/* Forgotten with each change of credentials */
			end_with(self);
			fd = there ? open_here(place, path) :
			     open_from_here(place, path);
		}
		_exit(write(ends[1], &fd, sizeof(fd)) != sizeof(fd));
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	close(ends[1]);
	if (read(ends[0], &fd, sizeof(fd)) != sizeof(fd))
		fd = -1;
	close(ends[0]);
	return fd;
}

/* The file by that name, or -1.  Not in call_enter(). */
static int open_path(struct call *c, struct place *place, const char *path)
{
	pid_t whose = whose_proc(c, path, &path);
	int fd = -1;

	if (whose) {
		place->self = open_of(whose, ".", O_PATH | O_DIRECTORY);
		if (place->self < 0)
			return -1;
	}
	if (place->root < 0 || (path[0] != '/' && place->cwd < 0))
		return -1;
	if (!place->same_root)
		return open_elsewhere(c, place, path);
	if (!call_enter(c))
		return -1;
	fd = open_here(place, path);
	call_leave(c);
	return fd;
}

static bool owns_path(int family, int fd)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "self/fd/%d", fd);
	return probe(family, &un, sizeof(un));
}

/* In both tables, of a socket that listens: of <linux/net.h> in the kernel */
#define FLAG_LISTENS	0x10000

/* Both tables show each NUL of an abstract name as '@'. */
static bool is_listener(const char *line, int type, const struct name *name)
{
	size_t len = name->len - offsetof(struct sockaddr_un, sun_path);
	unsigned int flags, this_type;
	int at = 0;

	if (sscanf(line, "%*s %*x %*x %x %x %*x %*u %n", &flags, &this_type,
		   &at) != 2 || !at)
		return false;
	if (!(flags & FLAG_LISTENS) || (int)this_type != type ||
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
	f = fopen(family == AF_UNIX ? "self/net/unix" : "self/net/vunix", "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = is_listener(line, type, name);
	fclose(f);
	return found;
}

/* Not on vunix, but somebody on AF_UNIX has the name; in call_enter(). */
static bool is_elsewhere(const struct call *c, int fd, int type,
			 const struct name *name)
{
	if (name->un.sun_path[0])
		return !owns_path(c->opt->family, fd) &&
		       owns_path(AF_UNIX, fd);
	return !owns_abstract(c->opt->family, type, name) &&
	       owns_abstract(AF_UNIX, type, name);
}

/*
 * Replacing
 */

/* Newer than the headers we are built with: Linux 6.9, of <linux/pidfd.h> */
#define NUM_PIDFD_THREAD	O_EXCL

/*
 * From the caller's table: that of its thread, where the kernel can tell one.
 * Else it is the first thread's, and table_is() tells if that is another.
 */
static int from_caller(const struct call *c, int number)
{
	int pidfd = syscall(SYS_pidfd_open, c->tid, NUM_PIDFD_THREAD);
	int fd;

	if (pidfd < 0)
		pidfd = syscall(SYS_pidfd_open, c->tgid, 0);
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
 * be in our table, too; that is a child's, who has no use for it otherwise.
 */
static int move_entry(int set, int number, int old, int new,
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
		return -1;
	if (epoll_ctl(set, EPOLL_CTL_DEL, number, NULL))
		return -1;
	if (dup2(new, number) == number &&
	    !epoll_ctl(set, EPOLL_CTL_ADD, number, &event))
		return 0;
	if (dup2(old, number) == number)
		epoll_ctl(set, EPOLL_CTL_ADD, number, &event);
	return -1;
}

static bool move_in_child(int set, int number, int old, int new,
			  const struct table_entry *entry)
{
	pid_t self = getpid(), pid = fork();
	int status = -1;

	if (!pid) {
		end_with(self);
		_exit(move_entry(set, number, old, new, entry) ? 1 : 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

/* What is to be moved, and how far that has come. */
struct moves {
	int			n;
	int			sets[TABLE_MAX];	/* ours */
	struct table_entry	entries[TABLE_MAX];
};

static void close_moves(struct moves *moves)
{
	for (int i = 0; i < moves->n; i++)
		close(moves->sets[i]);
	moves->n = 0;
}

/* From @old to @new, all registrations or none. */
static bool move_all(struct moves *moves, int number, int old, int new)
{
	for (int i = 0; i < moves->n; i++) {
		if (move_in_child(moves->sets[i], number, old, new,
				  &moves->entries[i]))
			continue;
		while (i--)
			move_in_child(moves->sets[i], number, new, old,
				      &moves->entries[i]);
		return false;
	}
	return true;
}

/* False if one cannot be moved: then the socket has to stay. */
static bool find_moves(const struct call *c, const char *proc, int number,
		       ino_t ino, const struct table_list *sets,
		       struct moves *moves)
{
	moves->n = 0;
	for (int i = 0; i < sets->n; i++) {
		struct table_entry *entry = &moves->entries[moves->n];

		if (!table_epoll(proc, sets->fds[i], number, ino, entry))
			continue;
		if (!table_may_move(entry)) {
			close_moves(moves);
			return false;
		}
		moves->sets[moves->n] = from_caller(c, sets->fds[i]);
		if (moves->sets[moves->n] < 0) {
			close_moves(moves);
			return false;
		}
		moves->n++;
	}
	return true;
}

/* A signal tells the number at which O_ASYNC was set. */
static void move_async(int number, int old, int new)
{
	int flags = fcntl(old, F_GETFL);
	pid_t self = getpid(), pid;

	if (flags < 0 || !(flags & O_ASYNC))
		return;
	pid = fork();
	if (!pid) {
		end_with(self);
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

/* May it be replaced, as far as the socket itself goes? */
static bool may_replace(int old, enum run_call what)
{
	return native_may_replace(old) &&
	       (what == CALL_CONNECT || !native_has_peer(old));
}

static bool replace_number(struct call *c, enum run_call what,
			   const char *proc, int number, int old, int new,
			   ino_t ino, const struct table_list *sets)
{
	struct seccomp_notif_addfd addfd = {
		.id = c->req->id,
		.flags = SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = new,
		.newfd = number,
		.newfd_flags = closes_on_exec(proc, number) ? O_CLOEXEC : 0,
	};
	static struct moves moves;
	bool done = false;

	if (!find_moves(c, proc, number, ino, sets, &moves))
		return false;
	if (move_all(&moves, number, old, new)) {
		move_async(number, old, new);
		/* Another thread may have used it, or the number, meanwhile. */
		done = table_is(proc, number, ino) && may_replace(old, what) &&
		       ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ADDFD,
			     &addfd) >= 0;
		if (!done)
			move_all(&moves, number, new, old);
	}
	close_moves(&moves);
	return done;
}

/*
 * All numbers of the socket in the caller; with other threads only that of the
 * call, which is in use, while another may be closed at any moment.
 */
static bool replace(struct call *c, enum run_call what, int old, int new,
		    ino_t ino)
{
	int number = c->args[0];
	struct table_list same, sets;
	char proc[32];

	snprintf(proc, sizeof(proc), "%d", c->tid);
	if (!table_scan(proc, ino, &same, &sets) ||
	    !replace_number(c, what, proc, number, old, new, ino, &sets))
		return false;
	for (int i = 0; c->threads == 1 && i < same.n; i++)
		if (same.fds[i] != number)
			replace_number(c, what, proc, same.fds[i], old, new,
				       ino, &sets);
	return true;
}

static int socket_type(int fd)
{
	socklen_t len = sizeof(int);
	int type = -1;

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	return type;
}

/* A stream is sent to whoever is connected: an address is an error there. */
static bool could_matter(int old, enum run_call what)
{
	return native_is_vunix(old) && may_replace(old, what) &&
	       (what == CALL_CONNECT || socket_type(old) == SOCK_DGRAM);
}

/**
 * fallback_call() - put an AF_UNIX socket over the caller's if needed
 * @c: call with an address; it is not answered here
 * @what: which one
 *
 * What is left open the caller of this closes, before the call goes on: nothing
 * of the sockets may be held for longer than the program holds them.
 *
 * Return: whether a socket was replaced.
 */
bool fallback_call(struct call *c, enum run_call what)
{
	int number = c->args[0], fd = -1, new = -1, old;
	struct place place;
	struct name name;
	struct stat st;
	char proc[32];

	if (!call_caller(c))
		return false;
	old = from_caller(c, number);
	snprintf(proc, sizeof(proc), "%d", c->tid);
	/* Nearly all calls end here. */
	if (old < 0 || !could_matter(old, what) || fstat(old, &st) ||
	    read_call(c, what, &name) || !call_claim(c, st.st_ino) ||
	    !table_is(proc, number, st.st_ino))
		return false;
	if (name.un.sun_path[0]) {
		open_place(c, &place);
		fd = open_path(c, &place, name.un.sun_path);
		if (fd < 0)
			return false;
	}
	if (!call_enter(c))
		return false;
	if (is_elsewhere(c, fd, socket_type(old), &name))
		new = native_like(old, true);
	call_leave(c);
	return new >= 0 && replace(c, what, old, new, st.st_ino);
}
