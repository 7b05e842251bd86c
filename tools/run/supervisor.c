// SPDX-License-Identifier: GPL-2.0
/*
 * The supervisor: makes the sockets that the programs under the filter ask for.
 *
 * One process for a tree of processes.  It stands beside the tree, a child of
 * nobody in it, and lives until the kernel says that no task is under the
 * filter any more.  It never waits for anybody: a caller it works for cannot be
 * interrupted, but it can be killed, and then the kernel answers our next step
 * with ENOENT and we go on.  See docs/vunix-run.md for why its own credentials
 * do not show.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "run.h"
#include "supervisor.h"

static struct run_count count;

/* What a socket of ours would be made with. */
static struct stat own_net;
static char own_label[256];
static int own_net_fd;
static uid_t own_uid;
static gid_t own_gid, own_group[CALL_GROUPS];
static int own_groups;
static bool other_groups;	/* those of a caller are in force */
static bool may_return;		/* to our own network namespace */

static void read_proc(pid_t tid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	buf[0] = 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	len = read(fd, buf, size - 1);
	buf[len > 0 ? len : 0] = 0;
	close(fd);
}

/* Is the caller still there, so that what was read of it was its own? */
static bool still_valid(const struct call *c)
{
	return !ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &c->req->id);
}

/* The line is there even if it is empty, and ends in a space. */
static void read_groups(struct call *c, const char *line)
{
	c->nr_groups = -1;
	if (!line || !strchr(line, '\n'))
		return;
	c->nr_groups = 0;
	for (;;) {
		unsigned long group;
		char *end;

		while (*line == ' ' || *line == '\t')
			line++;
		if (*line == '\n')
			return;
		group = strtoul(line, &end, 10);
		if (end == line || c->nr_groups == CALL_GROUPS) {
			c->nr_groups = -1;
			return;
		}
		c->groups[c->nr_groups++] = group;
		line = end;
	}
}

/**
 * call_caller() - find out who calls
 * @c: call; its ids, and the size of its table of descriptors, are filled in
 *
 * Return: false if it has gone or hides from us.
 */
bool call_caller(struct call *c)
{
	char status[8192];

	read_proc(c->tid, "status", status, sizeof(status));
	c->tgid = run_status_number(status, "Tgid", 0);
	c->uid = run_status_number(status, "Uid", 1);
	c->fsuid = run_status_number(status, "Uid", 3);
	c->gid = run_status_number(status, "Gid", 1);
	c->fsgid = run_status_number(status, "Gid", 3);
	read_groups(c, run_status_line(status, "Groups"));
	c->fdsize = run_status_number(status, "FDSize", 0);
	c->threads = run_status_number(status, "Threads", 0);
	return c->tgid > 0 && still_valid(c);
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

void call_return(struct call *c, int64_t val)
{
	respond(c, val, 0, 0);
}

void call_fail(struct call *c, int err)
{
	respond(c, 0, -err, 0);
}

/* As if we were not there. */
void call_continue(struct call *c)
{
	respond(c, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

static void call_native(struct call *c)
{
	count.native++;
	call_continue(c);
}

/* Its number in the caller, or -1; with @send that is also the answer. */
static int add_fd(struct call *c, int fd, int type, bool send)
{
	struct seccomp_notif_addfd addfd = {
		.id = c->req->id,
		.flags = send ? SECCOMP_ADDFD_FLAG_SEND : 0,
		.srcfd = fd,
		.newfd_flags = type & SOCK_CLOEXEC ? O_CLOEXEC : 0,
	};

	return ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd);
}

/*
 * What a socket takes from its creator: network namespace, owner, label.
 */

static bool same_label(pid_t tid)
{
	char label[sizeof(own_label)];

	read_proc(tid, "attr/current", label, sizeof(label));
	return !strcmp(label, own_label);
}

/* 0: it is ours; 1: we are in the caller's now; -1: neither. */
static int enter_net(pid_t tid)
{
	struct stat st;
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", tid);
	if (stat(path, &st))
		return -1;
	if (st.st_ino == own_net.st_ino && st.st_dev == own_net.st_dev)
		return 0;
	/* Ours may belong to who is above us: there would be no way back. */
	if (!may_return)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	err = setns(fd, CLONE_NEWNET);
	close(fd);
	return err ? -1 : 1;
}

/*
 * Effective ids and groups as well: SO_PEERCRED and SO_PEERGROUPS of a
 * socketpair are those of its maker.  What is privileged comes first.
 */
static bool become_owner(const struct call *c)
{
	if (c->uid != own_uid || c->gid != own_gid) {
		if (own_groups < 0 || c->nr_groups < 0 ||
		    setgroups(c->nr_groups, c->groups))
			return false;
		other_groups = true;
		if (setegid(c->gid) || seteuid(c->uid))
			return false;
	}
	setfsgid(c->fsgid);
	setfsuid(c->fsuid);
	return (gid_t)setfsgid(-1) == c->fsgid &&
	       (uid_t)setfsuid(-1) == c->fsuid;
}

/* Without this nothing may go on: better no supervisor than a wrong one. */
static void become_self(void)
{
	if (seteuid(own_uid) || setegid(own_gid))
		_exit(1);
	setfsuid(own_uid);
	setfsgid(own_gid);
	if (other_groups && setgroups(own_groups, own_group))
		_exit(1);
	other_groups = false;
}

/**
 * call_enter() - become what makes a socket the caller's
 * @c: call
 *
 * Return: whether that worked; then call_leave() must follow.
 */
bool call_enter(struct call *c)
{
	if (!call_caller(c) || !same_label(c->tid))
		return false;
	c->elsewhere = enter_net(c->tid);
	if (c->elsewhere < 0)
		return false;
	if (become_owner(c) && still_valid(c))
		return true;
	call_leave(c);
	return false;
}

void call_leave(struct call *c)
{
	become_self();
	if (c->elsewhere == 1 && setns(own_net_fd, CLONE_NEWNET))
		_exit(1);
}

/* No such family any more: only with --fallback is that nobody's business. */
static void failed_socket(struct call *c, int err)
{
	if (c->opt->fallback && err == EAFNOSUPPORT)
		call_native(c);
	else
		call_fail(c, err);
}

static void do_socket(struct call *c)
{
	int type = c->args[1], protocol = c->args[2];
	int fd, err;

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
	if (add_fd(c, fd, type, true) >= 0)
		count.sockets++;
	else if (errno != ENOENT)
		call_fail(c, errno);
	close(fd);
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
	snprintf(path, sizeof(path), "/proc/%d/fd", c->tid);
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

static void add_pair(struct call *c, const int *fds, int type, uint64_t where)
{
	int numbers[2] = { -1, -1 };

	/* Find out now whether we can write there. */
	if (call_write(c, where, numbers, sizeof(numbers))) {
		if (errno == EFAULT)
			call_fail(c, EFAULT);
		else
			call_native(c);
		return;
	}
	for (int i = 0; i < 2; i++) {
		numbers[i] = add_fd(c, fds[i], type, false);
		if (numbers[i] < 0) {
			call_fail(c, errno);
			return;
		}
	}
	if (call_write(c, where, numbers, sizeof(numbers))) {
		call_fail(c, EFAULT);
		return;
	}
	count.sockets += 2;
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
	if (room_for_two(c))
		add_pair(c, fds, type, c->args[3]);
	else
		call_fail(c, EMFILE);
	close(fds[0]);
	close(fds[1]);
}

/*
 * Receiving
 */

/* The call that socketcall() is to make; its arguments are in memory. */
static const char *decode_socketcall(struct call *c)
{
	static const struct {
		int		nr;
		const char	*name;
	} subcalls[] = {
		{ 1, "socket" }, { 8, "socketpair" }, { 3, "connect" },
		{ 11, "sendto" }, { 16, "sendmsg" }, { 20, "sendmmsg" },
	};
	int nr = c->args[0];
	uint64_t where = c->args[1];

	for (size_t i = 0; i < ARRAY_SIZE(subcalls); i++) {
		if (subcalls[i].nr != nr)
			continue;
		/* The longest has six; fewer may be at the end of a page. */
		for (int k = 0; k < 6; k++)
			if (call_read_word(c, where, k, &c->args[k]) && k < 3)
				return NULL;
		return subcalls[i].name;
	}
	return NULL;
}

static const char *decode(struct call *c)
{
	static const char * const names[] = {
		"socket", "socketpair", "connect", "sendto", "sendmsg",
		"sendmmsg",
	};
	const struct seccomp_data *data = &c->req->data;

	for (int i = 0; i < 6; i++)
		c->args[i] = data->args[i];
	if (filter_is_call(data->arch, data->nr, "socketcall"))
		return decode_socketcall(c);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (filter_is_call(data->arch, data->nr, names[i]))
			return names[i];
	return NULL;
}

/* Of another family, through socketcall(). */
static bool is_creation(const char *name)
{
	return !strcmp(name, "socket") || !strcmp(name, "socketpair");
}

static void serve(struct call *c)
{
	const char *name;

	c->tid = c->req->pid;
	c->wide = c->req->data.arch & __AUDIT_ARCH_64BIT;
	name = decode(c);
	if (!name) {
		call_continue(c);
	} else if (!strcmp(name, "socket") && (int)c->args[0] == AF_UNIX) {
		do_socket(c);
	} else if (!strcmp(name, "socketpair") && (int)c->args[0] == AF_UNIX) {
		do_socketpair(c);
	} else {
		if (c->opt->fallback && !is_creation(name))
			count.replaced += fallback_call(c, name);
		call_continue(c);
	}
}

static size_t req_size;

static int prepare_calls(struct call *c)
{
	struct seccomp_notif_sizes sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
		return -1;
	/* A kernel may know more than our headers, or less. */
	req_size = sizes.seccomp_notif + sizeof(*c->req);
	c->resp_size = sizes.seccomp_notif_resp;
	c->req = calloc(1, req_size);
	c->resp = calloc(1, c->resp_size + sizeof(*c->resp));
	return c->req && c->resp ? 0 : -1;
}

/* Until no task is under the filter. */
static int serve_all(struct call *c)
{
	struct pollfd pfd = { .fd = c->listener, .events = POLLIN };

	for (;;) {
		if (poll(&pfd, 1, -1) < 0)
			continue;
		if (!(pfd.revents & POLLIN))
			return 0;
		memset(c->req, 0, req_size);
		/* ENOENT: killed before we came to it. */
		if (ioctl(c->listener, SECCOMP_IOCTL_NOTIF_RECV, c->req))
			continue;
		serve(c);
	}
}

/*
 * Starting
 */

/* Signals for the tree do not reach us, from the first moment on. */
static void stand_apart(void)
{
	sigset_t all;

	setsid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "vunix-run");
}

/* Nothing of the tree's is kept open or busy; *@listener and *@out stay. */
static void settle(int *listener, int *out, bool verbose)
{
	struct rlimit files;
	int null;

	/* Numbers of others are dealt with, and may be large. */
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (chdir("/"))
		_exit(1);
	*listener = fcntl(*listener, F_DUPFD_CLOEXEC, 5);
	*out = fcntl(*out, F_DUPFD_CLOEXEC, 5);
	null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (!verbose)
		dup2(null, STDERR_FILENO);
	*listener = dup3(*listener, 3, O_CLOEXEC);
	*out = dup3(*out, 4, O_CLOEXEC);
	close_range(5, ~0U, 0);
	if (*listener < 0 || *out < 0)
		_exit(1);
}

static void learn_self(void)
{
	own_net_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own_net_fd < 0 || fstat(own_net_fd, &own_net))
		_exit(1);
	own_uid = geteuid();
	own_gid = getegid();
	own_groups = getgroups(CALL_GROUPS, own_group);
	may_return = !setns(own_net_fd, CLONE_NEWNET);
	read_proc(getpid(), "attr/current", own_label, sizeof(own_label));
}

/* One word from the other; it may have been killed. */
static int hear(int fd, int *word)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (poll(&pfd, 1, 30000) == 1 &&
	    read(fd, word, sizeof(*word)) == sizeof(*word))
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

static int tell(int fd, int word)
{
	return write(fd, &word, sizeof(word)) == sizeof(word) ? 0 : -1;
}

/*
 * In the supervisor.  The table of descriptors is still shared with the task
 * that will become the command, which is how the listener comes here: sending
 * it would be a call under the filter.
 */
static void run_supervisor(const struct run_options *opt, int in, int out)
{
	struct call call = { .opt = opt, .listener = -1 };
	int status;

	stand_apart();
	if (tell(out, getpid()) || hear(in, &call.listener) ||
	    call.listener < 0 || unshare(CLONE_FILES))
		_exit(1);
	settle(&call.listener, &out, opt->verbose);
	learn_self();
	/* All that can fail has been done. */
	if (prepare_calls(&call) || tell(out, 0))
		_exit(1);
	close(out);
	status = serve_all(&call);
	if (opt->verbose)
		say_count(opt, &count);
	_exit(status);
}

/**
 * supervise() - put this task under the filter, with a supervisor beside it
 * @opt: options
 *
 * Ends the process if it is under the filter without a supervisor.
 *
 * Return: 0; -1 with errno, nothing has changed then.
 */
int supervise(const struct run_options *opt)
{
	int to[2], from[2], listener, word, err;
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return -1;
	pid = start_apart(CLONE_FILES);
	if (pid < 0)
		return -1;
	if (!pid)
		run_supervisor(opt, to[0], from[1]);
	if (hear(from[0], &word))
		return -1;
	/* For Yama; the programs we start do not inherit it. */
	prctl(PR_SET_PTRACER, word, 0, 0, 0);
	listener = filter_install(opt->fallback);
	err = listener < 0 ? errno : 0;
	if (tell(to[1], listener) || (!err && hear(from[0], &word))) {
		say("%s: the supervisor has died", opt->name);
		exit(EXIT_NO_VUNIX);
	}
	close(listener);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(from[1]);
	errno = err;
	return err ? -1 : 0;
}
