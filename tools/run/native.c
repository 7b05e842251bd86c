// SPDX-License-Identifier: GPL-2.0
/*
 * AF_UNIX sockets in the place of vunix sockets: what such a socket needs to be
 * like the one it replaces.
 *
 * Shared by the library and the supervisor.  The library may be called in a
 * signal handler or in the child of vfork(), so malloc() is not called here,
 * and the socket is made by a raw system call, which the library does not
 * catch.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/vunix.h>
#include "run.h"

/**
 * run_read() - read a small file
 * @path: of /proc
 * @buf: what is in it, ended by a NUL; empty if it cannot be read
 * @size: of @buf
 *
 * Return: whether something was read.
 */
bool run_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	buf[0] = 0;
	if (fd < 0)
		return false;
	len = read(fd, buf, size - 1);
	buf[len > 0 ? len : 0] = 0;
	close(fd);
	return len > 0;
}

/**
 * run_status_line() - find a line in a status file of /proc
 * @status: what is in the file
 * @name: what the line begins with, before its colon
 *
 * Return: what follows the colon, or NULL.
 */
const char *run_status_line(const char *status, const char *name)
{
	size_t len = strlen(name);

	while (strncmp(status, name, len) || status[len] != ':') {
		status = strchr(status, '\n');
		if (!status++)
			return NULL;
	}
	return status + len + 1;
}

/**
 * run_status_number() - find a number in a status file of /proc
 * @status: what is in the file
 * @name: what the line begins with
 * @nth: which number of the line, from 0
 *
 * Return: it, or -1.
 */
long run_status_number(const char *status, const char *name, int nth)
{
	const char *line = run_status_line(status, name);
	char *end;
	long number;

	for (; line; line = end) {
		number = strtol(line, &end, 10);
		if (end == line)
			break;
		if (!nth--)
			return number;
	}
	return -1;
}

/* Where we are in a line that may be longer than what is read at once. */
struct status_scan {
	const char	*name;
	size_t		matched;
	enum { AT_NAME, AT_NUMBER, AT_REST } at;
	int		nth;
	long		number;
};

/* True if the number is complete. */
static bool scan(struct status_scan *s, char c)
{
	if (s->at == AT_NUMBER && c >= '0' && c <= '9') {
		s->number = (s->number < 0 ? 0 : s->number) * 10 + c - '0';
	} else if (s->at == AT_NUMBER && c == '\n') {
		if (s->nth)
			s->number = -1;
		return true;
	} else if (s->at == AT_NUMBER && s->number >= 0) {
		if (!s->nth--)
			return true;
		s->number = -1;
	} else if (c == '\n') {
		s->matched = 0;
		s->at = AT_NAME;
	} else if (s->at == AT_NAME && s->name[s->matched] == c) {
		s->matched++;
	} else if (s->at == AT_NAME) {
		s->at = !s->name[s->matched] && c == ':' ? AT_NUMBER : AT_REST;
	}
	return false;
}

/**
 * run_long_status() - find a number in a status file of any length
 * @path: of the file: with many groups it is long
 * @name: what the line begins with
 * @nth: which number of the line, from 0
 *
 * Return: it, or -1.
 */
long run_long_status(const char *path, const char *name, int nth)
{
	struct status_scan s = { .name = name, .nth = nth, .number = -1 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool done = false;
	char buf[512];
	ssize_t len;

	if (fd < 0)
		return -1;
	while (!done && (len = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; !done && i < len; i++)
			done = scan(&s, buf[i]);
	close(fd);
	return s.number;
}

/**
 * run_own_status() - find the first number in a line of our own status
 * @name: what the line begins with
 *
 * Return: it; -1 if it cannot be known.
 */
long run_own_status(const char *name)
{
	return run_long_status("/proc/self/status", name, 0);
}

/**
 * native_is_vunix() - is it a socket of vunix?
 * @fd: a descriptor
 *
 * Both say AF_UNIX to SO_DOMAIN, but only one has options of its own.
 *
 * Return: whether it is.
 */
bool native_is_vunix(int fd)
{
	socklen_t len = sizeof(int);
	int value;

	return !getsockopt(fd, SOL_VUNIX, VUNIX_PASSRIGHTS, &value, &len);
}

/**
 * native_has_peer() - is it connected, by itself or as one of a pair?
 * @fd: a socket
 *
 * Return: whether it is.
 */
bool native_has_peer(int fd)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);

	return !getpeername(fd, (struct sockaddr *)&un, &len);
}

static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -1 : value;
}

/* Of SO_ATTACH_BPF, a program that nobody is given again. */
static bool has_bpf_filter(int fd)
{
	socklen_t len = 0;

	return getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &len) &&
	       errno == EACCES;
}

/**
 * native_may_replace() - would anything be lost with this socket?
 * @fd: a vunix socket
 *
 * Return: false if it listens, is a stream with a peer, holds data, is bound to
 *         a path, which others may know, or has a filter that cannot be read.
 */
bool native_may_replace(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct sockaddr_un un;
	socklen_t len = sizeof(un);

	if (option(fd, SO_ACCEPTCONN) == 1 || has_bpf_filter(fd))
		return false;
	if (getsockname(fd, (struct sockaddr *)&un, &len))
		return false;
	if (len > sizeof(un.sun_family) && un.sun_path[0])
		return false;
	if (option(fd, SO_TYPE) != SOCK_DGRAM)
		return !native_has_peer(fd);
	/* A message without a byte counts, too. */
	return poll(&pfd, 1, 0) == 0 || !(pfd.revents & POLLIN);
}

/*
 * Options.  Only what differs from a new socket is set, for most need no
 * privilege to be left alone.  That one is refused is no reason to refuse the
 * connection.
 */

static void copy_value(int from, int to, int name, size_t size)
{
	unsigned char old[32], new[32];
	socklen_t old_len = size, new_len = size;

	if (getsockopt(from, SOL_SOCKET, name, old, &old_len) ||
	    getsockopt(to, SOL_SOCKET, name, new, &new_len))
		return;
	if (old_len == new_len && !memcmp(old, new, old_len))
		return;
	setsockopt(to, SOL_SOCKET, name, old, old_len);
}

/* The kernel says twice of what it is told. */
static void copy_buffer(int from, int to, int name, int force)
{
	int size = option(from, name);

	if (size < 0 || size == option(to, name))
		return;
	size /= 2;
	if (setsockopt(to, SOL_SOCKET, force, &size, sizeof(size)))
		setsockopt(to, SOL_SOCKET, name, &size, sizeof(size));
}

/* As large as the stacks of some threads, so it is not on the stack. */
static void copy_filter(int from, int to)
{
	const size_t size = BPF_MAXINSNS * sizeof(struct sock_filter);
	struct sock_fprog prog;
	socklen_t len = 0;
	void *code;

	/* How long is it?  In instructions, not bytes. */
	if (getsockopt(from, SOL_SOCKET, SO_GET_FILTER, NULL, &len) || !len)
		return;
	code = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (code == MAP_FAILED)
		return;
	len = BPF_MAXINSNS;
	if (!getsockopt(from, SOL_SOCKET, SO_GET_FILTER, code, &len) && len) {
		prog.len = len;
		prog.filter = code;
		setsockopt(to, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			   sizeof(prog));
	}
	munmap(code, size);
}

/* More than a few system calls can take */
#define CHILD_MS	10000

/* Newer than the headers we are built with: of <asm-generic/socket.h> */
#define NUM_PASSPIDFD		76
#define NUM_RCVPRIORITY		82
#define NUM_PASSRIGHTS		83
#define NUM_INQ			84
#define NUM_RIGHTS_NOTRUNC	85
#define NUM_TIMESTAMP_NEW	63
#define NUM_TIMESTAMPNS_NEW	64
#define NUM_TIMESTAMPING_NEW	65

static void copy_options(int from, int to)
{
	static const int ints[] = {
		SO_PASSCRED, SO_PASSSEC, NUM_PASSPIDFD, NUM_PASSRIGHTS,
		NUM_RIGHTS_NOTRUNC, NUM_INQ, NUM_RCVPRIORITY, SO_PEEK_OFF,
		SO_RCVLOWAT, SO_PRIORITY, SO_MARK, SO_KEEPALIVE, SO_BROADCAST,
		SO_OOBINLINE, SO_REUSEADDR, SO_TIMESTAMP, SO_TIMESTAMPNS,
		SO_RXQ_OVFL, SO_SELECT_ERR_QUEUE, SO_BUSY_POLL, SO_RCVMARK,
		NUM_TIMESTAMP_NEW, NUM_TIMESTAMPNS_NEW, SO_TIMESTAMPING,
		NUM_TIMESTAMPING_NEW, SO_LOCK_FILTER,
	};

	copy_buffer(from, to, SO_SNDBUF, SO_SNDBUFFORCE);
	copy_buffer(from, to, SO_RCVBUF, SO_RCVBUFFORCE);
	copy_value(from, to, SO_LINGER, sizeof(struct linger));
	copy_value(from, to, SO_RCVTIMEO, sizeof(struct timeval));
	copy_value(from, to, SO_SNDTIMEO, sizeof(struct timeval));
	copy_filter(from, to);
	for (size_t i = 0; i < ARRAY_SIZE(ints); i++)
		copy_value(from, to, ints[i], sizeof(int));
}

/* A child that somebody may have stopped. */
static void wait_for(pid_t pid)
{
	struct pollfd pfd = { .events = POLLIN };

	pfd.fd = syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd < 0 || poll(&pfd, 1, CHILD_MS) != 1)
		kill(pid, SIGKILL);
	if (pfd.fd >= 0)
		close(pfd.fd);
	waitpid(pid, NULL, 0);
}

/*
 * A signal comes from the real user of who names its owner, and may go only
 * where that one may send signals.  Who makes a socket for another user's
 * process, and is that user in effect only, has a process name it that is
 * nobody else.
 */
static void set_owner(int fd, const struct f_owner_ex *owner, bool for_another)
{
	uid_t uid = geteuid();
	pid_t self = getpid(), pid;

	if (!for_another || uid == getuid()) {
		fcntl(fd, F_SETOWN_EX, owner);
		return;
	}
	pid = fork();
	if (!pid) {
		/* That user may not look into it, but may stop it. */
		prctl(PR_SET_DUMPABLE, 0);
		if (fd > 0)
			close_range(0, fd - 1, 0);
		close_range(fd + 1, ~0U, 0);
		if (setresuid(uid, uid, uid))
			_exit(1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == self)
			fcntl(fd, F_SETOWN_EX, owner);
		_exit(0);
	}
	if (pid > 0)
		wait_for(pid);
}

/* The flags of the open file; O_ASYNC waits for the number it will have. */
static void copy_flags(int from, int to, bool for_another)
{
	int flags = fcntl(from, F_GETFL);
	struct f_owner_ex owner;
	int sig;

	if (flags < 0)
		return;
	fcntl(to, F_SETFL, flags & ~O_ASYNC);
	if (!fcntl(from, F_GETOWN_EX, &owner) && owner.pid)
		set_owner(to, &owner, for_another);
	sig = fcntl(from, F_GETSIG);
	if (sig > 0)
		fcntl(to, F_SETSIG, sig);
}

/*
 * An abstract name is free in the other family, but for chance.  One that the
 * kernel has given only has to be unique.
 */
static int copy_name(int from, int to)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);

	if (getsockname(from, (struct sockaddr *)&un, &len))
		return -1;
	if (len == sizeof(un.sun_family))
		return 0;
	if (!bind(to, (struct sockaddr *)&un, len))
		return 0;
	if (errno != EADDRINUSE || len != sizeof(un.sun_family) + 6)
		return -1;
	return bind(to, (struct sockaddr *)&un, sizeof(un.sun_family));
}

/**
 * native_like() - make an AF_UNIX socket like a vunix socket
 * @fd: the vunix socket, see native_may_replace()
 * @for_another: it is for another process, whose user we are in effect
 *
 * Return: a descriptor that is closed on exec, or -1.
 */
int native_like(int fd, bool for_another)
{
	int type = option(fd, SO_TYPE);
	int new;

	if (type < 0)
		return -1;
	new = syscall(SYS_socket, AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (new < 0)
		return -1;
	copy_options(fd, new);
	copy_flags(fd, new, for_another);
	if (!copy_name(fd, new))
		return new;
	close(new);
	return -1;
}
