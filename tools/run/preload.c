// SPDX-License-Identifier: GPL-2.0
/*
 * The preloaded library: socket() and socketpair() of AF_UNIX are vunix's.
 *
 * With --fallback, what vunix refuses because nobody there has the name is
 * tried on AF_UNIX; if that works, the new socket takes the place of the old
 * one, number, flags, options and epoll sets included (docs/vunix-run.md).
 *
 * A program that puts itself under a seccomp filter may be killed for a family
 * that its author has not heard of.  From then on it is left on AF_UNIX, and so
 * is a program that was started under more filters than vunix-run was.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "run.h"

#define PUBLIC	__attribute__((visibility("default")))

static int family;		/* 0: nothing is done */
static bool fallback;
static struct run_count nobody_asks;
static struct run_count *count = &nobody_asks;

/* What we stand in front of. */
static struct {
	__typeof__(socket)	*socket;
	__typeof__(socketpair)	*socketpair;
	__typeof__(syscall)	*syscall;
	__typeof__(prctl)	*prctl;
	__typeof__(connect)	*connect;
	__typeof__(sendmsg)	*sendmsg;
	__typeof__(sendto)	*sendto;
	__typeof__(sendmmsg)	*sendmmsg;
} next;

static void add(uint32_t *counter, uint32_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/*
 * Sandboxes.  @entering is counted before the filter is there.  What a filter
 * may kill for, making a vunix socket or putting another over it, is done in a
 * stretch, counted in @making: who puts all threads under a filter waits for
 * the stretches of the others, and who begins one looks for filters then.
 */

static atomic_int entering, making;
static atomic_bool entered;
/* Whose memory this is, and who else has entered one: a child of vfork(). */
static pid_t owner;
static atomic_int child_entered;
/* Of this thread, in which a handler may be who waits. */
static __thread int making_here __attribute__((tls_model("initial-exec")));

/* Longer than any stretch; a thread that was killed in one never ends it. */
#define STRETCH_MS	30000

/* Return: who does, which may be no longer to be asked later. */
static pid_t begin_entering(void)
{
	entering++;
	return getpid();
}

static void end_entering(bool done, pid_t self)
{
	if (done && self == owner)
		entered = true;
	else if (done)
		child_entered = self;
	entering--;
}

static bool is_sandboxed(void)
{
	return entering || entered ||
	       (child_entered && child_entered == getpid());
}

static void wait_for_makers(void)
{
	const struct timespec nap = { .tv_nsec = 1000000 };

	for (int i = 0; i < STRETCH_MS && making > making_here; i++)
		nanosleep(&nap, NULL);
}

static void end_making(void)
{
	making_here--;
	making--;
}

/* If so, end_making() must follow. */
static bool begin_making(void)
{
	making++;
	making_here++;
	if (!is_sandboxed())
		return true;
	end_making();
	return false;
}

/*
 * A stretch of calls that takes longer: no handler runs in it, which may
 * connect or enter a sandbox, and the thread is not cancelled.
 */
struct stretch {
	sigset_t	signals;
	int		cancel;
};

static void end_stretch(const struct stretch *s)
{
	sigprocmask(SIG_SETMASK, &s->signals, NULL);
	end_making();
	pthread_setcancelstate(s->cancel, NULL);
}

/* If so, end_stretch() must follow. */
static bool begin_stretch(struct stretch *s)
{
	sigset_t all;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &s->cancel);
	if (!begin_making()) {
		pthread_setcancelstate(s->cancel, NULL);
		return false;
	}
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &s->signals);
	return true;
}

/*
 * Beginning
 */

static void map_count(const char *text)
{
	unsigned long long token;
	struct shmid_ds shm;
	int id;
	void *map;

	if (sscanf(text, "%d:%llx", &id, &token) != 2 ||
	    shmctl(id, IPC_STAT, &shm) || shm.shm_segsz != sizeof(*count))
		return;
	map = shmat(id, NULL, 0);
	if (map == (void *)-1)
		return;
	if (((struct run_count *)map)->token == token)
		count = map;
	else
		shmdt(map);
}

/* More filters than vunix-run was under. */
static bool started_in_sandbox(void)
{
	const char *filters = getenv(ENV_FILTERS);
	long n = run_own_status("Seccomp_filters");

	/* Without /proc, one is as bad as more. */
	if (n < 0)
		n = next.prctl(PR_GET_SECCOMP, 0, 0, 0, 0) ? 1 : 0;
	return filters && n > atoi(filters);
}

/* All at once: what looks up a symbol is not for children and handlers. */
static void find_next(void)
{
	*(void **)&next.socket = dlsym(RTLD_NEXT, "socket");
	*(void **)&next.socketpair = dlsym(RTLD_NEXT, "socketpair");
	*(void **)&next.syscall = dlsym(RTLD_NEXT, "syscall");
	*(void **)&next.prctl = dlsym(RTLD_NEXT, "prctl");
	*(void **)&next.connect = dlsym(RTLD_NEXT, "connect");
	*(void **)&next.sendmsg = dlsym(RTLD_NEXT, "sendmsg");
	*(void **)&next.sendto = dlsym(RTLD_NEXT, "sendto");
	*(void **)&next.sendmmsg = dlsym(RTLD_NEXT, "sendmmsg");
}

/* One thread of a process at a time; see replace_lock(). */
static atomic_int replacing;

/* A child has none of the threads that were in a stretch, or had the lock. */
static void forked(void)
{
	making = making_here;
	replacing = 0;
	owner = getpid();
	/* Our parent, which was not made by fork() */
	if (child_entered && child_entered == getppid())
		entered = true;
}

static atomic_bool started;

/* Libraries that are initialized before us may call before this has run. */
__attribute__((constructor)) static void start(void)
{
	const char *number = getenv(ENV_FAMILY);
	const char *shm = getenv(ENV_COUNT);
	int err = errno;

	if (started)
		return;
	find_next();
	owner = getpid();
	fallback = getenv(ENV_FALLBACK);
	/* What a sandbox lets us call there is not known, so nothing is. */
	if (number && started_in_sandbox())
		entered = true;
	else if (number && shm)
		map_count(shm);
	/* Without that no stretch can be waited for. */
	if (number && !pthread_atfork(NULL, NULL, forked))
		family = atoi(number);
	started = true;
	errno = err;
}

static void ensure_started(void)
{
	if (!started)
		start();
}

#define NEXT(name)	(ensure_started(), next.name)

/* If so, made() must follow. */
static bool wants_vunix(int domain)
{
	ensure_started();
	if (domain != AF_UNIX || !family)
		return false;
	if (begin_making())
		return true;
	add(&count->native, 1);
	return false;
}

/* True if AF_UNIX is to be tried instead, with @before in errno. */
static bool made(bool failed, int n, int before)
{
	end_making();
	if (!failed) {
		add(&count->sockets, n);
		return false;
	}
	if (errno != EAFNOSUPPORT || !fallback)
		return false;
	add(&count->native, 1);
	errno = before;
	return true;
}

/*
 * Creation
 */

PUBLIC int socket(int domain, int type, int protocol)
{
	int fd, before = errno;

	if (wants_vunix(domain)) {
		fd = NEXT(socket)(family, type, protocol);
		if (!made(fd < 0, 1, before))
			return fd;
	}
	return NEXT(socket)(domain, type, protocol);
}

PUBLIC int socketpair(int domain, int type, int protocol, int fds[2])
{
	int err, before = errno;

	if (wants_vunix(domain)) {
		err = NEXT(socketpair)(family, type, protocol, fds);
		if (!made(err, 2, before))
			return err;
	}
	return NEXT(socketpair)(domain, type, protocol, fds);
}

/*
 * Filters
 */

static bool enters_sandbox(long number, long op)
{
	return number == SYS_seccomp && (op == SECCOMP_SET_MODE_FILTER ||
					 op == SECCOMP_SET_MODE_STRICT);
}

PUBLIC long syscall(long number, ...)
{
	long a[6], ret;
	pid_t self = 0;
	bool enters;
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	enters = enters_sandbox(number, a[0]) ||
		 (number == SYS_prctl && a[0] == PR_SET_SECCOMP);
	if (enters)
		self = begin_entering();
	if (number == SYS_seccomp && enters &&
	    (a[1] & SECCOMP_FILTER_FLAG_TSYNC))
		wait_for_makers();
	ret = NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (enters)
		end_entering(ret >= 0, self);
	return ret;
}

PUBLIC int prctl(int option, ...)
{
	unsigned long a[4];
	pid_t self = 0;
	va_list args;
	int ret;

	va_start(args, option);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(args, unsigned long);
	va_end(args);
	if (option == PR_SET_SECCOMP)
		self = begin_entering();
	ret = NEXT(prctl)(option, a[0], a[1], a[2], a[3]);
	if (option == PR_SET_SECCOMP)
		end_entering(ret >= 0, self);
	return ret;
}

/*
 * Putting an AF_UNIX socket over a vunix socket.
 */

/*
 * In a stretch.  The word is the holder's process: a child of vfork() that was
 * killed has left it in our memory.
 */
static void replace_lock(void)
{
	const struct timespec nap = { .tv_nsec = 50000 };
	int self = getpid();

	for (;;) {
		int holder = 0;

		if (atomic_compare_exchange_strong(&replacing, &holder, self))
			return;
		if (holder != self &&
		    atomic_compare_exchange_strong(&replacing, &holder, self))
			return;
		nanosleep(&nap, NULL);
	}
}

static void replace_unlock(void)
{
	atomic_store(&replacing, 0);
}

static const char here[] = "/proc/thread-self";

/* What would be much on the stack of a small thread, or of a handler. */
struct scratch {
	struct table_list	same, sets;
	struct table_entry	found[TABLE_MAX];
	int			held[TABLE_MAX];
};

static struct scratch *get_scratch(void)
{
	void *s = mmap(NULL, sizeof(struct scratch), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return s == MAP_FAILED ? NULL : s;
}

static void put_scratch(struct scratch *s)
{
	munmap(s, sizeof(*s));
}

/* The registrations of a number; -1 if one of them could not be moved. */
static int find_entries(struct scratch *s, int fd, ino_t ino)
{
	int n = 0;

	for (int i = 0; i < s->sets.n; i++) {
		if (!table_epoll(here, s->sets.fds[i], fd, ino, &s->found[n]))
			continue;
		if (!table_may_move(&s->found[n]))
			return -1;
		s->held[n++] = s->sets.fds[i];
	}
	return n;
}

static bool may_move(int fd, ino_t ino)
{
	struct scratch *s = get_scratch();
	bool may = s && table_scan(here, ino, &s->same, &s->sets) &&
		   find_entries(s, fd, ino) >= 0;

	if (s)
		put_scratch(s);
	return may;
}

static void add_entries(const struct scratch *s, int n, int fd)
{
	for (int i = 0; i < n; i++) {
		struct epoll_event event = {
			.events = s->found[i].events,
			.data.u64 = s->found[i].data,
		};

		epoll_ctl(s->held[i], EPOLL_CTL_ADD, fd, &event);
	}
}

/* Another thread may have used it, or the number, meanwhile. */
static bool is_still(int fd, ino_t ino, bool sending)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_ino == ino && native_may_replace(fd) &&
	       !(sending && native_has_peer(fd));
}

/*
 * One number.  An epoll set knows a registration by number and open file, so
 * the old one has to go while the number still is the old file.
 */
static int replace_number(struct scratch *s, int fd, int new, ino_t ino,
			  bool sending)
{
	int flags = fcntl(fd, F_GETFD), status = fcntl(fd, F_GETFL);
	int n = find_entries(s, fd, ino), gone = 0, err = -1;

	while (gone < n && !epoll_ctl(s->held[gone], EPOLL_CTL_DEL, fd, NULL))
		gone++;
	if (gone == n && is_still(fd, ino, sending))
		err = dup3(new, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0 ?
		      -1 : 0;
	if (!err && (status & O_ASYNC))
		fcntl(fd, F_SETFL, status);
	/* Of the new socket, or again of the old one */
	add_entries(s, gone, fd);
	return err;
}

/*
 * All numbers of the socket in this process, if @fd still is that socket.  With
 * other threads only @fd: that one is in use, but they may close another at any
 * moment, and find it open for something else.
 */
static int replace_all(struct scratch *s, int fd, int new, ino_t ino,
		       bool sending)
{
	if (!table_scan(here, ino, &s->same, &s->sets) ||
	    replace_number(s, fd, new, ino, sending))
		return -1;
	if (run_own_status("Threads") != 1)
		return 0;
	for (int i = 0; i < s->same.n; i++)
		if (s->same.fds[i] != fd)
			replace_number(s, s->same.fds[i], new, ino, sending);
	return 0;
}

static int replace_socket(int fd, int new, ino_t ino, bool sending)
{
	struct stretch stretch;
	struct scratch *s;
	int err = -1;

	/* Somebody may have put us under a filter since we began. */
	if (!begin_stretch(&stretch))
		return -1;
	s = get_scratch();
	if (s) {
		replace_lock();
		err = replace_all(s, fd, new, ino, sending);
		replace_unlock();
		put_scratch(s);
	}
	end_stretch(&stretch);
	if (!err)
		add(&count->replaced, 1);
	return err;
}

/*
 * Trying AF_UNIX
 */

static bool is_unix_address(const struct sockaddr *addr, socklen_t len)
{
	return addr && len > sizeof(addr->sa_family) &&
	       addr->sa_family == AF_UNIX;
}

/*
 * What the new socket's failure means to the caller, who knows of one family:
 * a name that nobody has there either is refused, as it has been.
 */
static int refusal(int err)
{
	switch (err) {
	case EACCES:
	case EAGAIN:
	case EINTR:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EPROTOTYPE:
	case EPERM:
	case EMSGSIZE:
	case ENOBUFS:
	case ETOOMANYREFS:
	case EPIPE:
		return err;
	}
	return ECONNREFUSED;
}

/* Was it refused, and may AF_UNIX take it?  Then end_stretch() must follow. */
static bool may_fall_back(const struct sockaddr *addr, socklen_t len,
			  struct stretch *s)
{
	return fallback && family && errno == ECONNREFUSED &&
	       is_unix_address(addr, len) && begin_stretch(s);
}

/*
 * Another thread may replace the socket while we try; then the call is made
 * again, for the socket that is there now.  In a stretch.
 */
static bool was_replaced(int fd, ino_t ino)
{
	struct stat st;

	return fstat(fd, &st) || st.st_ino != ino || !native_is_vunix(fd);
}

static bool was_replaced_meanwhile(int fd, ino_t ino)
{
	struct stretch s;
	bool was;

	if (!begin_stretch(&s))
		return false;
	was = was_replaced(fd, ino);
	end_stretch(&s);
	return was;
}

/*
 * The thread may be cancelled while the call is made, which may take long and
 * is in no stretch.  Then it has the new socket only.
 */
static void close_new(void *fd)
{
	close(*(int *)fd);
}

/* Ends the stretch, but leaves cancellation disabled. */
static int connect_new(int *new, const struct sockaddr *addr, socklen_t len,
		       const struct stretch *s)
{
	int err;

	pthread_cleanup_push(close_new, new);
	end_stretch(s);
	err = NEXT(connect)(*new, addr, len) ? refusal(errno) : 0;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cleanup_pop(0);
	return err;
}

/* Ends the stretch. */
static int connect_native(int fd, const struct sockaddr *addr, socklen_t len,
			  ino_t ino, const struct stretch *s)
{
	int new = -1, err;

	if (native_may_replace(fd) && may_move(fd, ino))
		new = native_like(fd, false);
	if (new < 0) {
		end_stretch(s);
		return ECONNREFUSED;
	}
	err = connect_new(&new, addr, len, s);
	if (!err && replace_socket(fd, new, ino, false))
		err = ECONNREFUSED;
	close(new);
	pthread_setcancelstate(s->cancel, NULL);
	return err;
}

PUBLIC int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int before = errno, err = NEXT(connect)(fd, addr, len);
	struct stat st = { 0 };
	struct stretch s;

	if (!err || !may_fall_back(addr, len, &s))
		return err;
	err = ECONNREFUSED;
	if (fstat(fd, &st) || was_replaced(fd, st.st_ino))
		end_stretch(&s);
	else
		err = connect_native(fd, addr, len, st.st_ino, &s);
	if (err == ECONNREFUSED && was_replaced_meanwhile(fd, st.st_ino)) {
		errno = before;
		return NEXT(connect)(fd, addr, len);
	}
	errno = err ?: before;
	return err ? -1 : 0;
}

/* As connect_new(); how much was sent, or the errno below 0. */
static ssize_t send_new(int *new, const struct msghdr *msg, int flags,
			const struct stretch *s)
{
	ssize_t sent;

	pthread_cleanup_push(close_new, new);
	end_stretch(s);
	sent = NEXT(sendmsg)(*new, msg, flags);
	if (sent < 0)
		sent = -refusal(errno);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cleanup_pop(0);
	return sent;
}

/*
 * A message to a name.  A socket without a peer changes sides with the first
 * one that AF_UNIX takes; one that has a peer, or holds messages, only sends
 * this one as another.  Ends the stretch.
 */
static ssize_t send_native(int fd, const struct msghdr *msg, int flags,
			   const struct stretch *s)
{
	bool for_good = native_may_replace(fd) && !native_has_peer(fd);
	ssize_t sent;
	struct stat st;
	int new;

	if (fstat(fd, &st) || was_replaced(fd, st.st_ino)) {
		end_stretch(s);
		return NEXT(sendmsg)(fd, msg, flags);
	}
	new = native_like(fd, false);
	if (new < 0) {
		end_stretch(s);
		errno = ECONNREFUSED;
		return -1;
	}
	sent = send_new(&new, msg, flags, s);
	/* If another thread was faster, it has been sent all the same. */
	if (sent >= 0 && for_good)
		replace_socket(fd, new, st.st_ino, true);
	close(new);
	pthread_setcancelstate(s->cancel, NULL);
	if (sent >= 0)
		return sent;
	errno = -sent;
	return -1;
}

PUBLIC ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	int before = errno;
	ssize_t sent = NEXT(sendmsg)(fd, msg, flags);
	struct stretch s;

	if (sent >= 0 || errno != ECONNREFUSED ||
	    !may_fall_back(msg->msg_name, msg->msg_namelen, &s))
		return sent;
	sent = send_native(fd, msg, flags, &s);
	if (sent >= 0)
		errno = before;
	return sent;
}

PUBLIC ssize_t sendto(int fd, const void *buf, size_t len, int flags,
		      const struct sockaddr *addr, socklen_t addr_len)
{
	int before = errno;
	ssize_t sent = NEXT(sendto)(fd, buf, len, flags, addr, addr_len);
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = {
		.msg_name = (void *)addr,
		.msg_namelen = addr_len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	struct stretch s;

	if (sent >= 0 || !may_fall_back(addr, addr_len, &s))
		return sent;
	sent = send_native(fd, &msg, flags, &s);
	if (sent >= 0)
		errno = before;
	return sent;
}

/* Refused is the first message, or it would have said how many were sent. */
PUBLIC int sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags)
{
	int before = errno, done = NEXT(sendmmsg)(fd, msgs, n, flags);
	struct stretch s;
	ssize_t sent;

	if (done >= 0 || !n || errno != ECONNREFUSED ||
	    !may_fall_back(msgs->msg_hdr.msg_name, msgs->msg_hdr.msg_namelen,
			   &s))
		return done;
	sent = send_native(fd, &msgs->msg_hdr, flags, &s);
	if (sent < 0)
		return -1;
	errno = before;
	msgs->msg_len = sent;
	return 1;
}
