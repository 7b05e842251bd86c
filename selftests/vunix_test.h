/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every vunix selftest shares: the choice of family, a fresh network
 * namespace and directory per test, and the record of the contract rows that
 * a test has proved.
 *
 * Every test body runs on AF_UNIX first and on vunix second.  A body ends with
 * PROVES("ROW-01", ...), reached only if every assertion before it held; the
 * runner compares what was proved with contract.tsv.
 */
#ifndef VUNIX_TEST_H
#define VUNIX_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <linux/sockios.h>
#include <linux/vunix.h>

#include "kselftest_harness.h"

/* Newer than the oldest libc we build with. */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef SO_INQ
#define SO_INQ 84
#define SCM_INQ SO_INQ
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

#define VT_UN_OFF	offsetof(struct sockaddr_un, sun_path)

/* The number of the family under test: 18 unless VUNIX_FAMILY says other. */
static inline int vt_family(int family)
{
	const char *s = getenv("VUNIX_FAMILY");

	return family == AF_VUNIX && s ? atoi(s) : family;
}

static inline bool vt_is_unix(int family)
{
	return family == AF_UNIX;
}

static inline const char *vt_name(int family)
{
	return vt_is_unix(family) ? "unix" : "vunix";
}

/* Is @family switched off by VUNIX_FAMILIES (a list such as "unix vunix")? */
static inline bool vt_family_off(int family)
{
	const char *s = getenv("VUNIX_FAMILIES");

	if (!s)
		return false;
	if (vt_is_unix(family))
		return strncmp(s, "unix", 4) && !strstr(s, " unix");
	return !strstr(s, "vunix");
}

static inline bool vt_kernel_older(int major, int minor)
{
	struct utsname u;
	int a = 0, b = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &a, &b);
	return a < major || (a == major && b < minor);
}

/* AF_UNIX of this kernel does not behave so yet; vunix does on every kernel. */
#define VT_UNIX_OLDER(major, minor) \
	(vt_is_unix(variant->family) && vt_kernel_older(major, minor))

/*
 * How many times longer than elsewhere a test and what it waits for may take, on
 * kernels that are slow: VUNIX_PATIENCE.  Only what ends a wait that should have ended
 * by itself is multiplied; a time that a test measures stays what it is.
 */
static inline int vt_patience(void)
{
	const char *s = getenv("VUNIX_PATIENCE");

	return s && atoi(s) > 0 ? atoi(s) : 1;
}

static inline void vt_be_patient(void)
{
	struct __fixture_metadata *f;
	struct __test_metadata *t;

	for (f = __fixture_list; f; f = f->next)
		for (t = f->tests; t; t = t->next)
			t->timeout *= vt_patience();
}

#undef TEST_HARNESS_MAIN
#define TEST_HARNESS_MAIN \
	int main(int argc, char **argv) \
	{ \
		vt_be_patient(); \
		return test_harness_run(argc, argv); \
	}

/*
 * One write each, so that lines of concurrent tests never mix and none is lost
 * when the test's process ends with _exit().
 */
static inline void vt_rows(int family, const char *what, const char *const *ids)
{
	for (; *ids; ids++)
		dprintf(1, "# row %s %s %s\n", *ids, vt_name(family), what);
}

/* The rows named are proved for the family of this variant. */
#define PROVES(...) \
	vt_rows(variant->family, "asserted", \
		(const char *const []){ __VA_ARGS__, NULL })

/* The rows named cannot be asserted here; contract.tsv must allow it. */
#define SKIP_ROWS(reason, ...) \
	vt_rows(variant->family, "skipped: " reason, \
		(const char *const []){ __VA_ARGS__, NULL })

/*
 * Variants.  The fixture's FIXTURE_VARIANT must have "int family" and, for the
 * second macro, "int type"; AF_UNIX comes first.
 */
#define VT_FAMILIES(fixture) \
	FIXTURE_VARIANT_ADD(fixture, unix) { .family = AF_UNIX }; \
	FIXTURE_VARIANT_ADD(fixture, vunix) { .family = AF_VUNIX }

#define VT_FAMILIES_TYPES(fixture) \
	FIXTURE_VARIANT_ADD(fixture, unix_stream) \
		{ .family = AF_UNIX, .type = SOCK_STREAM }; \
	FIXTURE_VARIANT_ADD(fixture, unix_dgram) \
		{ .family = AF_UNIX, .type = SOCK_DGRAM }; \
	FIXTURE_VARIANT_ADD(fixture, unix_seqpacket) \
		{ .family = AF_UNIX, .type = SOCK_SEQPACKET }; \
	FIXTURE_VARIANT_ADD(fixture, vunix_stream) \
		{ .family = AF_VUNIX, .type = SOCK_STREAM }; \
	FIXTURE_VARIANT_ADD(fixture, vunix_dgram) \
		{ .family = AF_VUNIX, .type = SOCK_DGRAM }; \
	FIXTURE_VARIANT_ADD(fixture, vunix_seqpacket) \
		{ .family = AF_VUNIX, .type = SOCK_SEQPACKET }

/* The types that connect: rows that name STREAM and SEQPACKET. */
#define VT_FAMILIES_CONN(fixture) \
	FIXTURE_VARIANT_ADD(fixture, unix_stream) \
		{ .family = AF_UNIX, .type = SOCK_STREAM }; \
	FIXTURE_VARIANT_ADD(fixture, unix_seqpacket) \
		{ .family = AF_UNIX, .type = SOCK_SEQPACKET }; \
	FIXTURE_VARIANT_ADD(fixture, vunix_stream) \
		{ .family = AF_VUNIX, .type = SOCK_STREAM }; \
	FIXTURE_VARIANT_ADD(fixture, vunix_seqpacket) \
		{ .family = AF_VUNIX, .type = SOCK_SEQPACKET }

/* Where there is nothing to compare with. */
#define VT_VUNIX_TYPES(fixture) \
	FIXTURE_VARIANT_ADD(fixture, stream) \
		{ .family = AF_VUNIX, .type = SOCK_STREAM }; \
	FIXTURE_VARIANT_ADD(fixture, dgram) \
		{ .family = AF_VUNIX, .type = SOCK_DGRAM }; \
	FIXTURE_VARIANT_ADD(fixture, seqpacket) \
		{ .family = AF_VUNIX, .type = SOCK_SEQPACKET }

/* In a child, where no assertion can be: tell which line it was, return 1. */
#define HOLDS(what) do { \
	if (!(what)) { \
		int __err = errno; \
		\
		dprintf(1, "# %s:%d: not true: %s (%s)\n", __FILE__, \
			__LINE__, #what, strerror(__err)); \
		return 1; \
	} \
} while (0)

/* @call must return -1 with errno @err. */
#define ASSERT_ERR(err, call) do { \
	long __ret, __errno; \
	errno = 0; \
	__ret = (call); \
	__errno = errno; \
	ASSERT_EQ(-1, __ret); \
	ASSERT_EQ(err, __errno); \
} while (0)

/* A directory of its own (current while the test runs), a netns of its own. */
struct vt_env {
	char dir[64];
};

static inline int vt_rm(const char *path, const struct stat *st, int flag,
			struct FTW *ftw)
{
	(void)st; (void)flag; (void)ftw;
	return remove(path);
}

static inline int vt_lo_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	if (s < 0)
		return -1;
	ioctl(s, SIOCSIFFLAGS, &ifr);
	close(s);
	return 0;
}

/*
 * A namespace takes kernels built for debugging a good part of a second.  With
 * VUNIX_SHARED_NETNS set, the tests of a program share one, unless the program
 * defines VT_OWN_NETNS: one that changes sysctls or looks at whole tables must.
 */
static inline bool vt_shared_netns(void)
{
#ifdef VT_OWN_NETNS
	return false;
#else
	return getenv("VUNIX_SHARED_NETNS");
#endif
}

static inline int vt_new_netns(void)
{
	if (geteuid())
		return 0;
	if (unshare(CLONE_NEWNET))
		return -1;
	vt_lo_up();
	return 0;
}

__attribute__((constructor)) static void vt_share_netns(void)
{
	if (vt_shared_netns() && vt_new_netns())
		_exit(1);
}

static inline int vt_env_init(struct vt_env *env)
{
	if (!vt_shared_netns() && vt_new_netns())
		return -1;
	strcpy(env->dir, "/tmp/vunix.XXXXXX");
	if (!mkdtemp(env->dir))
		return -1;
	/* Tests that drop to another user still own what is in here. */
	if (chmod(env->dir, 0777))
		return -1;
	return chdir(env->dir);
}

static inline void vt_env_exit(struct vt_env *env)
{
	if (chdir("/") == 0 && env->dir[0])
		nftw(env->dir, vt_rm, 16, FTW_DEPTH | FTW_PHYS);
}

/* First lines of every FIXTURE_SETUP; FIXTURE needs "struct vt_env env". */
#define VT_SETUP() do { \
	if (vt_family_off(variant->family)) \
		SKIP(return, "family not selected"); \
	ASSERT_EQ(0, vt_env_init(&self->env)); \
} while (0)

#define VT_TEARDOWN() vt_env_exit(&self->env)

/* Wrappers that translate the family's number. */
static inline int vt_socket(int family, int type)
{
	return socket(vt_family(family), type, 0);
}

static inline int vt_pair(int family, int type, int sv[2])
{
	return socketpair(vt_family(family), type, 0, sv);
}

/*
 * Fixtures that many programs have: with no socket, and with a pair whose sockets
 * are self->@one and self->@other.  @families is one of the macros above, @kind the
 * type of the pair, variant->type where the variants have one.
 */
#define VT_FIXTURE(fixture, families) \
	FIXTURE(fixture) { struct vt_env env; }; \
	VT_FIXTURE_REST(fixture, families) \
	FIXTURE_SETUP(fixture) \
	{ \
		VT_SETUP(); \
	} \
	struct vt_env

#define VT_FIXTURE_PAIR(fixture, families, kind, one, other) \
	FIXTURE(fixture) { struct vt_env env; int one, other; }; \
	VT_FIXTURE_REST(fixture, families) \
	FIXTURE_SETUP(fixture) \
	{ \
		int sv[2]; \
		\
		VT_SETUP(); \
		ASSERT_EQ(0, vt_pair(variant->family, kind, sv)); \
		self->one = sv[0]; \
		self->other = sv[1]; \
	} \
	struct vt_env

/* What they share */
#define VT_FIXTURE_REST(fixture, families) \
	FIXTURE_VARIANT(fixture) { int family; int type; }; \
	families(fixture); \
	FIXTURE_TEARDOWN(fixture) \
	{ \
		VT_TEARDOWN(); \
	}

/* Fill in a path address; the length returned includes the NUL. */
static inline socklen_t vt_path(struct sockaddr_un *un, const char *path)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	strncpy(un->sun_path, path, sizeof(un->sun_path) - 1);
	return VT_UN_OFF + strlen(un->sun_path) + 1;
}

/* Fill in an abstract address of @name's bytes (no NUL at the end). */
static inline socklen_t vt_abstract(struct sockaddr_un *un, const char *name)
{
	size_t n = strlen(name);

	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path + 1, name, n);
	return VT_UN_OFF + 1 + n;
}

/* "@name" is abstract, anything else a path. */
static inline socklen_t vt_addr(struct sockaddr_un *un, const char *name)
{
	return name[0] == '@' ? vt_abstract(un, name + 1) : vt_path(un, name);
}

static inline int vt_bind(int fd, const char *name)
{
	struct sockaddr_un un;
	socklen_t len = vt_addr(&un, name);

	return bind(fd, (struct sockaddr *)&un, len);
}

static inline int vt_connect(int fd, const char *name)
{
	struct sockaddr_un un;
	socklen_t len = vt_addr(&un, name);

	return connect(fd, (struct sockaddr *)&un, len);
}

static inline ssize_t vt_sendto(int fd, const void *buf, size_t n, int flags,
				const char *name)
{
	struct sockaddr_un un;
	socklen_t len = vt_addr(&un, name);

	return sendto(fd, buf, n, flags, (struct sockaddr *)&un, len);
}

/* Listener bound to @name, connected client, accepted socket: 0 or -1. */
struct vt_trio {
	int listener, client, accepted;
};

static inline int vt_trio(int family, int type, const char *name,
			  struct vt_trio *t)
{
	t->listener = vt_socket(family, type);
	t->client = vt_socket(family, type);
	if (t->listener < 0 || t->client < 0 || vt_bind(t->listener, name) ||
	    listen(t->listener, 5) || vt_connect(t->client, name))
		return -1;
	t->accepted = accept(t->listener, NULL, NULL);
	return t->accepted < 0 ? -1 : 0;
}

/* Poll without waiting: the mask for @events, with HUP, ERR as they are. */
static inline int vt_poll(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

#define VT_POLL_ALL (POLLIN | POLLOUT | POLLPRI | POLLRDHUP)

/* Wait up to @ms, on a slow kernel longer, for one of @events. */
static inline int vt_poll_wait(int fd, int events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms * vt_patience()) <= 0 ? 0 : p.revents;
}

/*
 * Wait until process or thread @tid sleeps in the kernel: how a test orders
 * itself after a call that is meant to block.  0, or -1 after five seconds, on a
 * slow kernel longer.
 */
static inline int vt_wait_asleep(pid_t tid)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	char path[64], buf[512], *p;
	int i, fd, n, seen = 0, max = 5000 * vt_patience();

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	for (i = 0; i < max; i++) {
		fd = open(path, O_RDONLY);
		if (fd < 0)
			return -1;
		n = read(fd, buf, sizeof(buf) - 1);
		close(fd);
		if (n > 0) {
			buf[n] = 0;
			p = strrchr(buf, ')');
			/* Two sights in a row: not a passing page fault. */
			seen = p && p[2] == 'S' ? seen + 1 : 0;
			if (seen == 2)
				return 0;
		}
		nanosleep(&ms, NULL);
	}
	return -1;
}

/* Options that are an int: 0 and the value, or -1. */
static inline int vt_setint(int fd, int level, int opt, int val)
{
	return setsockopt(fd, level, opt, &val, sizeof(val));
}

static inline int vt_getint(int fd, int level, int opt)
{
	socklen_t len = sizeof(int);
	int val;

	return getsockopt(fd, level, opt, &val, &len) ? -1 : val;
}

/* A call in a thread of its own: for what is meant to block. */
struct vt_bg {
	pthread_t thread;
	sem_t started;
	pid_t tid;
	long (*fn)(void *arg);
	void *arg;
	long ret;		/* of fn, after vt_bg_join() */
	int err;		/* errno of fn if ret is negative, else 0 */
};

static inline void *vt_bg_main(void *p)
{
	struct vt_bg *bg = p;

	bg->tid = syscall(SYS_gettid);
	sem_post(&bg->started);
	bg->ret = bg->fn(bg->arg);
	bg->err = bg->ret < 0 ? errno : 0;
	return NULL;
}

static inline int vt_bg_start(struct vt_bg *bg, long (*fn)(void *), void *arg)
{
	bg->fn = fn;
	bg->arg = arg;
	if (sem_init(&bg->started, 0, 0) ||
	    pthread_create(&bg->thread, NULL, vt_bg_main, bg))
		return -1;
	while (sem_wait(&bg->started))
		;
	return 0;
}

/* Start the call and return once it sleeps. */
static inline int vt_bg_block(struct vt_bg *bg, long (*fn)(void *), void *arg)
{
	return vt_bg_start(bg, fn, arg) ? -1 : vt_wait_asleep(bg->tid);
}

static inline long vt_bg_join(struct vt_bg *bg)
{
	pthread_join(bg->thread, NULL);
	return bg->ret;
}

/* Count a signal instead of dying of it; @flags may be SA_RESTART. */
static volatile sig_atomic_t vt_caught __attribute__((unused));

static inline void vt_on_signal(int sig)
{
	(void)sig;
	vt_caught++;
}

static inline int vt_catch(int sig, int flags)
{
	struct sigaction sa = { .sa_handler = vt_on_signal,
				.sa_flags = flags };

	vt_caught = 0;
	return sigaction(sig, &sa, NULL);
}

/* Send @sig, caught by vt_catch(), to the thread: 0 once it was handled. */
static inline int vt_bg_signal(struct vt_bg *bg, int sig)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	int i, n = vt_caught, max = 5000 * vt_patience();

	if (pthread_kill(bg->thread, sig))
		return -1;
	for (i = 0; i < max && vt_caught == n; i++)
		nanosleep(&ms, NULL);
	return vt_caught == n + 1 ? 0 : -1;
}

/* The usual calls for vt_bg_start(). */
struct vt_io {
	int fd;
	void *buf;
	size_t len;
	int flags;
};

static inline long vt_io_recv(void *p)
{
	struct vt_io *io = p;

	return recv(io->fd, io->buf, io->len, io->flags);
}

static inline long vt_io_send(void *p)
{
	struct vt_io *io = p;

	return send(io->fd, io->buf, io->len, io->flags);
}

static inline long vt_io_accept(void *p)
{
	struct vt_io *io = p;

	return accept(io->fd, NULL, NULL);
}

/* Connect to the name that buf points to. */
static inline long vt_io_connect(void *p)
{
	struct vt_io *io = p;

	return vt_connect(io->fd, io->buf);
}

/* Poll for the events in flags, without end: the events found. */
static inline long vt_io_poll(void *p)
{
	struct vt_io *io = p;
	struct pollfd pfd = { .fd = io->fd, .events = io->flags };

	return poll(&pfd, 1, -1) < 0 ? -1 : pfd.revents;
}

/*
 * What byte stands at @pos of a long transfer: a pointer to VT_PATTERN bytes.
 * The period is a prime, so data shifted by any power of two never matches.
 */
#define VT_PATTERN	65521

static inline const unsigned char *vt_pattern(unsigned long long pos)
{
	static unsigned char table[2 * VT_PATTERN];
	static int ready;
	unsigned int i, x = 1;

	if (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE)) {
		for (i = 0; i < VT_PATTERN; i++) {
			x = x * 1103515245 + 12345;
			table[i] = x >> 16;
			table[i + VT_PATTERN] = x >> 16;
		}
		__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	}
	return table + pos % VT_PATTERN;
}

/* What a call that returned @ret says: 0 or its errno. */
static inline int vt_err(long ret)
{
	return ret == -1 ? errno : 0;
}

/*
 * Run @fn in a child whose user and group are @id (0: as we are): what @fn
 * returned (0..255, an errno fits), or -1.
 */
static inline int vt_run_as(uid_t id, int (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (id && (setgroups(0, NULL) || setresgid(id, id, id) ||
			   setresuid(id, id, id)))
			_exit(255);
		_exit(fn(arg));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

#define VT_NOBODY	65534

/* The whole of a file as a string to be freed, or NULL. */
static inline char *vt_read_file(const char *path)
{
	size_t size = 1 << 16, n = 0;
	char *buf = malloc(size), *p;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	while (buf && fd >= 0) {
		got = read(fd, buf + n, size - 1 - n);
		if (got <= 0)
			break;
		n += got;
		if (n == size - 1) {
			size *= 2;
			p = realloc(buf, size);
			if (!p)
				break;
			buf = p;
		}
	}
	if (fd >= 0)
		close(fd);
	if (got) {
		free(buf);
		return NULL;
	}
	buf[n] = 0;
	return buf;
}

/* The table of a family's sockets. */
static inline const char *vt_proc_net(int family)
{
	return vt_is_unix(family) ? "/proc/net/unix" : "/proc/net/vunix";
}

/* Pass one descriptor over a connected socket, with one byte: 0 or -1. */
static inline int vt_send_fd(int sock, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = {};
	struct iovec iov = { .iov_base = (char *)"f", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* Take what vt_send_fd() sent, without waiting: the descriptor or -1. */
static inline int vt_recv_fd(int sock)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = {};
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	return fd;
}

/* The number the next descriptor will get. */
static inline int vt_next_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* A child that does not outlive a test that fails: it would keep sockets. */
static inline pid_t vt_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (!pid && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent))
		_exit(255);
	return pid;
}

/*
 * Send without blocking until @fd takes not even a byte: the number of bytes
 * sent, or -1 if it stopped with another error than EAGAIN.
 */
static inline long vt_fill(int fd)
{
	static char buf[1024];
	size_t n = sizeof(buf);
	long sum = 0;
	ssize_t r;

	for (;;) {
		r = send(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r > 0) {
			sum += r;
			continue;
		}
		if (r == 0 || errno != EAGAIN)
			return -1;
		if (n == 1)
			return sum;
		n = 1;
	}
}

/*
 * Milliseconds by the clock that timeouts run by: a starved machine's ticks
 * lag behind the fine clock, so by that one a timeout may end too early.
 */
static inline long long vt_ticks_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* SO_RCVTIMEO or SO_SNDTIMEO in milliseconds. */
static inline int vt_set_timeo(int fd, int opt, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
			      .tv_usec = ms % 1000 * 1000 };

	return setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv));
}

/* Write, read a number in a file such as a sysctl: 0 or -1; value or -1. */
static inline int vt_write_num(const char *path, long val)
{
	char buf[32];
	int n = snprintf(buf, sizeof(buf), "%ld", val);
	int fd = open(path, O_WRONLY);
	int r;

	if (fd < 0)
		return -1;
	r = write(fd, buf, n) == n ? 0 : -1;
	n = errno;
	close(fd);
	errno = n;
	return r;
}

static inline long vt_read_num(const char *path)
{
	char buf[32];
	int fd = open(path, O_RDONLY);
	int n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	buf[n] = 0;
	return atol(buf);
}

/* Where the family's queue length for datagram receivers is set. */
static inline const char *vt_qlen_path(int family)
{
	return vt_is_unix(family) ? "/proc/sys/net/unix/max_dgram_qlen" :
				    "/proc/sys/net/vunix/max_dgram_qlen";
}

/*
 * @n (at most 65536) bytes of memory that end where no access is allowed; with
 * 0 a pointer that nobody can use.  NULL if there is no memory.
 */
static inline void *vt_edge(size_t n)
{
	size_t size = 65536;
	char *p = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + size, size, PROT_NONE))
		return NULL;
	return p + size - n;
}

/* The process that a pidfd is about, -1 if it was reaped, -2 if it is none. */
static inline int vt_pid_of(int fd)
{
	char path[64], *text, *p;
	int pid = -2;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	text = vt_read_file(path);
	p = text ? strstr(text, "\nPid:") : NULL;
	if (p)
		pid = atoi(p + 5);
	free(text);
	return pid;
}

#endif /* VUNIX_TEST_H */
