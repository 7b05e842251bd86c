// SPDX-License-Identifier: GPL-2.0
/*
 * The supervisor: makes the sockets that the programs under the filter ask for.
 *
 * One process for a tree of processes, and workers, its children.  They stand
 * beside the tree, children of nobody in it, and live until the kernel says
 * that no task is under the filter any more.
 *
 * A worker may have to wait for the tree: the memory of a caller, or a folder
 * on the way to a name, can be such that a process of the tree provides it, and
 * that process may be about to make a call itself.  So there is always another
 * worker, up to a limit.  The supervisor itself touches nothing of a caller's.
 * A caller that is worked for cannot be interrupted, but it can be killed, and
 * then the kernel answers the next step with ENOENT.  See docs/vunix-run.md for
 * why the workers' own credentials do not show.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "run.h"
#include "supervisor.h"

/*
 * One that waits does not keep the others from being served, until there are as
 * many as this that wait; then the tree waits as well.
 */
#define WORKERS_FIRST	2
#define WORKERS_MAX	64
/* If all work and none has finished for so long, there is one more. */
#define PATIENCE_MS	10
/* How often it is looked whether somebody waits for a caller that has gone. */
#define LOOK_MS		250
/* One more, who answers everybody that we are not there; see turn_away(). */
#define PORTER		WORKERS_MAX

struct worker {
	atomic_int	pid;
	atomic_bool	busy;
	atomic_ulong	socket;	/* that it replaces: the inode, or 0 */
	uint64_t	gone;	/* call whose caller had gone when looked at */
};

/*
 * Memory of the supervisor and its workers; behind it, for each worker, what
 * the kernel tells of its call.
 */
static struct shared {
	struct run_count	count;
	atomic_bool		asked;	/* for attention */
	atomic_uint		served;
	struct worker		workers[WORKERS_MAX + 1];
	uint64_t		requests[];
} *shared;

static size_t req_size;		/* a multiple of 8 */

static struct seccomp_notif *request_of(const struct worker *w)
{
	return (void *)((char *)shared->requests +
			req_size * (w - shared->workers));
}

static void add_count(uint32_t *counter, uint32_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/*
 * The ways a call is answered.  That the caller has gone is no error of ours,
 * so nobody looks at a result.
 */

static void respond(struct call *c, int64_t val, int error, uint32_t flags)
{
	struct seccomp_notif_resp *resp = c->resp;

	memset(resp, 0, c->resp_size);
	resp->id = c->req->id;
	resp->val = val;
	resp->error = error;
	resp->flags = flags;
	ioctl(c->listener, SECCOMP_IOCTL_NOTIF_SEND, resp);
}

/* The call has this result. */
static void call_return(struct call *c, int64_t val)
{
	respond(c, val, 0, 0);
}

/* The call has failed. */
static void call_fail(struct call *c, int err)
{
	respond(c, 0, -err, 0);
}

/* As if we were not there. */
static void call_continue(struct call *c)
{
	respond(c, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

static void call_native(struct call *c)
{
	add_count(&shared->count.native, 1);
	call_continue(c);
}

/*
 * Its number in the caller, or -1.  That it is the answer as well could be done
 * in one step, but then we would hold the socket when the caller goes on: its
 * close() has to be the last.
 */
static int add_fd(struct call *c, int fd, int type)
{
	struct seccomp_notif_addfd addfd = {
		.id = c->req->id,
		.srcfd = fd,
		.newfd_flags = type & SOCK_CLOEXEC ? O_CLOEXEC : 0,
	};

	return ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd);
}

/*
 * That we have no descriptor left is not the caller's fault.  No such family
 * any more: only with --fallback is that nobody's business.
 */
static void failed_socket(struct call *c, int err)
{
	if (err == EMFILE || err == ENFILE ||
	    (c->opt->fallback && err == EAFNOSUPPORT))
		call_native(c);
	else
		call_fail(c, err);
}

static void do_socket(struct call *c)
{
	int type = c->args[1], protocol = c->args[2];
	int fd, number, err;

	if (!call_enter(c)) {
		call_native(c);
		return;
	}
	fd = socket(c->opt->family, type | SOCK_CLOEXEC, protocol);
	err = errno;
	call_leave(c);
	if (fd < 0) {
		failed_socket(c, err);
		return;
	}
	number = add_fd(c, fd, type);
	err = errno;
	close(fd);
	if (number < 0) {
		call_fail(c, err);
		return;
	}
	add_count(&shared->count.sockets, 1);
	call_return(c, number);
}

/*
 * A descriptor that was added cannot be taken back, so the second must not
 * fail: are there two numbers?
 */
static bool room_for_two(const struct call *c)
{
	struct rlimit limit;
	char path[64];
	unsigned int used = 0;
	struct dirent *d;
	DIR *dir;

	if (prlimit(c->tgid, RLIMIT_NOFILE, NULL, &limit))
		return true;
	if (c->fdsize + 2 <= limit.rlim_cur)
		return true;
	snprintf(path, sizeof(path), "%d/fd", c->tid);
	dir = opendir(path);
	if (!dir)
		return true;
	while ((d = readdir(dir)))
		if (*d->d_name != '.' &&
		    strtoul(d->d_name, NULL, 10) < limit.rlim_cur)
			used++;
	closedir(dir);
	return used + 2 <= limit.rlim_cur;
}

/* Closes them, as above. */
static void add_pair(struct call *c, int *fds, int type, uint64_t where)
{
	int numbers[2] = { -1, -1 }, err = 0;
	bool writable;

	/* Find out now whether we can write there. */
	writable = !call_write(c, where, numbers, sizeof(numbers));
	for (int i = 0; i < 2; i++) {
		if (writable && !err) {
			numbers[i] = add_fd(c, fds[i], type);
			err = numbers[i] < 0 ? errno : 0;
		}
		close(fds[i]);
	}
	if (!writable) {
		/* If the caller cannot either, the kernel will say so. */
		call_native(c);
		return;
	}
	if (!err && call_write(c, where, numbers, sizeof(numbers)))
		err = EFAULT;
	if (err) {
		call_fail(c, err);
		return;
	}
	add_count(&shared->count.sockets, 2);
	call_return(c, 0);
}

static void do_socketpair(struct call *c)
{
	int type = c->args[1], protocol = c->args[2];
	int fds[2], err;

	if (!call_enter(c)) {
		call_native(c);
		return;
	}
	err = socketpair(c->opt->family, type | SOCK_CLOEXEC, protocol, fds) ?
	      errno : 0;
	call_leave(c);
	if (err) {
		failed_socket(c, err);
		return;
	}
	if (room_for_two(c)) {
		add_pair(c, fds, type, c->args[3]);
		return;
	}
	close(fds[0]);
	close(fds[1]);
	call_fail(c, EMFILE);
}

/*
 * Receiving
 */

/* The call that socketcall() is to make; its arguments are in memory. */
static enum run_call decode_socketcall(struct call *c)
{
	int words;
	enum run_call call = filter_subcall(c->args[0], &words);
	uint64_t where = c->args[1];

	if (call == CALL_NONE)
		return call;
	for (int k = 0; k < words; k++)
		if (call_read_word(c, where, k, &c->args[k]))
			return CALL_NONE;
	return call;
}

static enum run_call decode(struct call *c)
{
	const struct seccomp_data *data = &c->req->data;
	enum run_call call = filter_call(data->arch, data->nr);

	for (int i = 0; i < 6; i++)
		c->args[i] = data->args[i];
	return call == CALL_SOCKETCALL ? decode_socketcall(c) : call;
}

static int first_free;		/* of our descriptors, between two calls */
static struct worker *this_worker;

static bool others_have(ino_t ino)
{
	for (int i = 0; i < WORKERS_MAX; i++)
		if (shared->workers + i != this_worker &&
		    shared->workers[i].socket == ino)
			return true;
	return false;
}

/**
 * call_claim() - be the only one who replaces a socket, until the call goes on
 * @c: call
 * @ino: the socket's inode
 *
 * Who dies, or waits for the tree, keeps only those from it who want the same.
 *
 * Return: false if the caller has gone.
 */
bool call_claim(struct call *c, ino_t ino)
{
	struct timespec nap = { .tv_nsec = 50000 };

	/* Of two that see each other both step back, for different times. */
	nap.tv_nsec += 20000 * (this_worker - shared->workers);
	for (;;) {
		this_worker->socket = ino;
		if (!others_have(ino))
			return true;
		this_worker->socket = 0;
		nanosleep(&nap, NULL);
		if (!call_valid(c))
			return false;
	}
}

static bool fall_back(struct call *c, enum run_call call)
{
	bool done = c->opt->fallback && fallback_call(c, call);

	this_worker->socket = 0;
	close_range(first_free, ~0U, 0);
	return done;
}

static void serve(struct call *c)
{
	enum run_call call;

	c->tid = c->req->pid;
	c->wide = c->req->data.arch & __AUDIT_ARCH_64BIT;
	c->mem = -1;
	call = decode(c);
	switch (call) {
	case CALL_SOCKET:
	case CALL_SOCKETPAIR:
		/* socketcall() has been asked about for every family. */
		if ((int)c->args[0] != AF_UNIX)
			call_continue(c);
		else if (call == CALL_SOCKET)
			do_socket(c);
		else
			do_socketpair(c);
		return;
	case CALL_CONNECT:
	case CALL_SENDTO:
	case CALL_SENDMSG:
	case CALL_SENDMMSG:
		if (fall_back(c, call))
			add_count(&shared->count.replaced, 1);
		call_continue(c);
		return;
	default:
		call_continue(c);
	}
}

static int prepare_calls(struct call *c)
{
	struct seccomp_notif_sizes sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
		return -1;
	/* A kernel may know more than our headers, or less. */
	req_size = (sizes.seccomp_notif + sizeof(*c->req) + 7) & ~7UL;
	c->resp_size = sizes.seccomp_notif_resp;
	c->resp = calloc(1, c->resp_size + sizeof(*c->resp));
	shared = mmap(NULL, sizeof(*shared) + (WORKERS_MAX + 1) * req_size,
		      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return c->resp && shared != MAP_FAILED ? 0 : -1;
}

/*
 * Workers
 */

static bool is_crowded(void)
{
	for (int i = 0; i < WORKERS_MAX; i++)
		if (shared->workers[i].pid && !shared->workers[i].busy)
			return false;
	return true;
}

/* In the child: who may have to wait must not be the last to hold this. */
static int start_fd = -1;

/*
 * From what the kernel writes the supervisor knows whose call to answer if this
 * process is killed, at whatever moment.  That it has been answered already
 * does no harm.
 */
static __attribute__((noreturn)) void work(struct call *c, struct worker *self,
					   pid_t supervisor, int ask_fd)
{
	this_worker = self;
	c->req = request_of(self);
	close(start_fd);
	for (;;) {
		/* Forgotten with each change of credentials */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != supervisor)
			_exit(1);
		memset(c->req, 0, req_size);
		/* ENOENT: killed before we came to it. */
		if (ioctl(c->listener, SECCOMP_IOCTL_NOTIF_RECV, c->req))
			continue;
		self->busy = true;
		if (is_crowded() && !atomic_exchange(&shared->asked, true))
			eventfd_write(ask_fd, 1);
		serve(c);
		/* What was open for this call, and may take long to close. */
		close_range(first_free, ~0U, 0);
		atomic_fetch_add(&shared->served, 1);
		self->busy = false;
	}
}

/* Is it about a socket that is to be made? */
static bool is_creation(const struct call *c)
{
	enum run_call call = filter_call(c->req->data.arch, c->req->data.nr);
	int words;

	if (call == CALL_SOCKETCALL)
		call = filter_subcall(c->req->data.args[0], &words);
	return call == CALL_SOCKET || call == CALL_SOCKETPAIR;
}

/* Touching nothing of the caller's */
static void let_go(struct call *c)
{
	if (is_creation(c))
		call_native(c);
	else
		call_continue(c);
}

/*
 * All workers wait, perhaps for the tree, and perhaps for good.  So that the
 * tree goes on, this one only says that we are not there.
 */
static __attribute__((noreturn)) void turn_away(struct call *c,
						struct worker *self,
						pid_t supervisor)
{
	c->req = request_of(self);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != supervisor)
		_exit(1);
	while (is_crowded()) {
		memset(c->req, 0, req_size);
		if (!ioctl(c->listener, SECCOMP_IOCTL_NOTIF_RECV, c->req))
			let_go(c);
	}
	_exit(0);
}

static int start_worker(struct call *c, int ask_fd)
{
	pid_t self = getpid(), pid;
	struct worker *w = shared->workers;

	/* The last one is the porter, whom we call if there is no other. */
	while (w < shared->workers + PORTER && w->pid)
		w++;
	if (w->pid)
		return -1;
	w->busy = false;
	w->socket = 0;
	memset(request_of(w), 0, req_size);
	pid = fork();
	if (!pid && w == shared->workers + PORTER)
		turn_away(c, w, self);
	if (!pid)
		work(c, w, self, ask_fd);
	if (pid < 0)
		return -1;
	w->pid = pid;
	return 0;
}

/*
 * Nobody else would answer the call of a worker that has died.  The kernel
 * does; that a descriptor may be left over in the caller is less than a
 * failure.
 *
 * Return: how many have to be started in their place.
 */
static int reap_workers(struct call *c)
{
	int n = 0;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		struct worker *w = shared->workers;

		while (w < shared->workers + PORTER && w->pid != pid)
			w++;
		if (w->pid != pid)
			continue;
		w->pid = 0;
		w->socket = 0;
		n += w != shared->workers + PORTER;
		c->req = request_of(w);
		if (c->req->id)
			let_go(c);
	}
	return n;
}

/*
 * Who waits for something on behalf of a caller that has gone will not be
 * missed.  Looked at twice: a worker may just be done with it.
 */
static void end_useless(struct call *c)
{
	for (int i = 0; i < WORKERS_MAX; i++) {
		struct worker *w = shared->workers + i;

		c->req = request_of(w);
		if (!w->pid || !w->busy || call_valid(c)) {
			w->gone = 0;
			continue;
		}
		if (w->gone && w->gone == c->req->id)
			kill(w->pid, SIGKILL);
		w->gone = c->req->id;
	}
}

/* Some had to wait once, and may do so again. */
static bool are_many(void)
{
	for (int i = WORKERS_FIRST; i < WORKERS_MAX; i++)
		if (shared->workers[i].pid)
			return true;
	return false;
}

static void dismiss_porter(void)
{
	if (shared->workers[PORTER].pid)
		kill(shared->workers[PORTER].pid, SIGKILL);
}

static bool drain(int child_fd)
{
	struct signalfd_siginfo info;

	return read(child_fd, &info, sizeof(info)) > 0;
}

/* Until no task is under the filter. */
static void watch_workers(struct call *c, int ask_fd, int child_fd)
{
	struct pollfd pfds[] = {
		{ .fd = c->listener },
		{ .fd = child_fd, .events = POLLIN },
		{ .fd = ask_fd, .events = POLLIN },
	};
	pid_t pid;

	for (;;) {
		bool crowded = is_crowded();
		bool hire = crowded && !shared->workers[PORTER].pid;
		unsigned int before = shared->served;
		eventfd_t asked;
		int n;

		n = poll(pfds, crowded ? 2 : 3, hire ? PATIENCE_MS :
			 are_many() ? LOOK_MS : -1);
		if (pfds[0].revents)
			break;
		if (n > 0 && pfds[1].revents && drain(child_fd))
			for (int died = reap_workers(c); died; died--)
				start_worker(c, ask_fd);
		if (!crowded && n > 0 && pfds[2].revents) {
			eventfd_read(ask_fd, &asked);
			shared->asked = false;
		}
		if (!is_crowded())
			dismiss_porter();
		else if (hire && !n && shared->served == before)
			start_worker(c, ask_fd);
		if (!hire && !n)
			end_useless(c);
	}
	for (int i = 0; i <= PORTER; i++)
		if (shared->workers[i].pid)
			kill(shared->workers[i].pid, SIGKILL);
	/* Not all who adopt orphans wait for them.  One may be stuck for good. */
	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		if (!pid && poll(pfds + 1, 1, 1000) <= 0)
			break;
		if (!pid)
			drain(child_fd);
	}
}

/*
 * Starting
 */

/* One word from the other, unless it ends; both hold both ends of the pipe. */
static int hear(int fd, int other, int *word)
{
	struct pollfd pfds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = other, .events = POLLIN },
	};

	/* Without it, it has ended. */
	while (poll(pfds, 2, other < 0 ? 0 : -1) < 0)
		;
	if (!pfds[0].revents) {
		errno = ESRCH;
		return -1;
	}
	return read(fd, word, sizeof(*word)) == sizeof(*word) ? 0 : -1;
}

static int tell(int fd, int word)
{
	return write(fd, &word, sizeof(word)) == sizeof(word) ? 0 : -1;
}

static __attribute__((noreturn)) void give_up(int out)
{
	tell(out, -errno);
	_exit(1);
}

/* What needs no listener, before the task is under the filter. */
static int prepare_self(struct call *c)
{
	return prepare_calls(c) ? -1 : learn_self();
}

/*
 * In the supervisor.  The table of descriptors is still shared with the task
 * that will become the command, which is how the listener comes here: sending
 * it would be a call under the filter.
 */
static __attribute__((noreturn)) void
run_supervisor(const struct run_options *opt, int in, int out, pid_t task)
{
	struct call call = { .opt = opt, .listener = -1 };
	int fds[3], ask_fd, child_fd, other;
	sigset_t child;

	stand_apart();
	other = syscall(SYS_pidfd_open, task, 0);
	fds[1] = prepare_self(&call);
	if (fds[1] < 0)
		give_up(out);
	if (other < 0 || tell(out, getpid()) || hear(in, other, &fds[0]) ||
	    fds[0] < 0)
		_exit(1);
	fds[2] = out;
	if (unshare(CLONE_FILES))
		give_up(out);
	close(in);
	if (settle(fds, 3, opt->verbose))
		give_up(out);
	call.listener = fds[0];
	out = fds[2];
	start_fd = out;
	if (keep_self(fds[1]))
		give_up(out);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	ask_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	child_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (ask_fd < 0 || child_fd < 0)
		give_up(out);
	first_free = (ask_fd > child_fd ? ask_fd : child_fd) + 1;
	for (int i = 0; i < WORKERS_FIRST; i++)
		if (start_worker(&call, ask_fd))
			give_up(out);
	/* All that can fail has been done. */
	if (tell(out, 0))
		_exit(1);
	close(out);
	start_fd = -1;
	watch_workers(&call, ask_fd, child_fd);
	if (opt->verbose)
		say_count(opt, &shared->count);
	_exit(0);
}

static void close_pair(int *fds)
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* The task is under the filter: 0 once the supervisor serves, or an errno. */
static int hand_over(int listener, int to, int from, int other)
{
	int word;

	if (tell(to, listener) || hear(from, other, &word))
		return errno;
	return -word;
}

/* With both pipes.  A negative word is an errno. */
static int supervise_through(const struct run_options *opt, int *to, int *from)
{
	int listener, word, err, other;
	pid_t self = getpid(), pid;

	pid = start_apart(CLONE_FILES);
	if (pid < 0)
		return -1;
	if (!pid)
		run_supervisor(opt, to[0], from[1], self);
	other = syscall(SYS_pidfd_open, pid, 0);
	err = hear(from[0], other, &word) ? errno : 0;
	if (!err && word < 0)
		err = -word;
	if (err) {
		close(other);
		errno = err;
		return -1;
	}
	/* For Yama; the programs we start do not inherit it. */
	prctl(PR_SET_PTRACER, word, 0, 0, 0);
	listener = filter_install(opt->fallback);
	if (listener < 0) {
		err = errno;
		/* There is nothing to wait for. */
		tell(to[1], -1);
		errno = err;
		return -1;
	}
	err = hand_over(listener, to[1], from[0], other);
	if (err) {
		say("%s: the supervisor cannot start: %s", opt->name,
		    strerror(err));
		exit(EXIT_NO_VUNIX);
	}
	close(other);
	close(listener);
	return 0;
}

/**
 * supervise() - put this task under the filter, with a supervisor beside it
 * @opt: options
 *
 * Ends the process if it is under the filter without a supervisor.
 *
 * Return: 0; -1 with errno, the task is not under the filter then.
 */
int supervise(const struct run_options *opt)
{
	int to[2] = { -1, -1 }, from[2] = { -1, -1 };
	int ret = -1, err;

	if (!pipe2(to, O_CLOEXEC) && !pipe2(from, O_CLOEXEC))
		ret = supervise_through(opt, to, from);
	err = errno;
	close_pair(to);
	close_pair(from);
	errno = err;
	return ret;
}
