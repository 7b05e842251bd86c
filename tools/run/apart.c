// SPDX-License-Identifier: GPL-2.0
/*
 * Processes beside the command: nobody in the tree is their parent, and they
 * keep nothing of the tree's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run.h"

/**
 * raw_clone() - fork without what the C library does in addition
 * @flags: of clone(), and the signal for the end
 *
 * Return: as of fork(); the child has a copy of the memory.
 */
pid_t raw_clone(unsigned long flags)
{
#ifdef __s390__
	return syscall(SYS_clone, 0, flags, 0, 0, 0);
#else
	return syscall(SYS_clone, flags, 0, 0, 0, 0);
#endif
}

/*
 * Of a child that sends no signal: its status, also with SIGCHLD ignored; -1 if
 * there is none.
 */
static int quiet_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/**
 * start_apart() - fork a process that nobody in the tree is the parent of
 * @flags: of clone(), 0 or CLONE_FILES
 *
 * The command must not find a child it has not made, nor the signal of one:
 * with SIGCHLD ignored there would be none to wait for, and with SIGCHLD
 * blocked it would be the command's first.  Who adopts orphans does not adopt
 * this one; for process 1, who has to, see stay_as_init().
 *
 * Return: 0 in the new process, whose number its caller gets, or -1.
 */
pid_t start_apart(unsigned long flags)
{
	pid_t *made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, adopts = 0;
	pid_t pid;

	if (made == MAP_FAILED)
		return -1;
	prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0, 0, 0);
	if (adopts)
		prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	pid = raw_clone(flags);
	if (!pid) {
		pid = raw_clone(flags);
		if (!pid)
			return 0;
		*made = pid;
		_exit(pid < 0);
	}
	status = pid < 0 ? -1 : quiet_wait(pid);
	if (adopts)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = *made;
	munmap(made, sizeof(*made));
	if (!status)
		return pid;
	errno = EAGAIN;
	return -1;
}

/**
 * in_child() - find out what would come of something
 * @try: returns 0 or an errno; done by a child, so that it changes nothing here
 *
 * Return: what @try has returned, EPERM if it was killed.
 */
int in_child(int (*try)(void))
{
	pid_t pid = raw_clone(0);
	int status;

	if (pid < 0)
		return errno;
	if (!pid) {
		struct rlimit none = { 0, 0 };

		/* Being killed is an answer, not an accident. */
		setrlimit(RLIMIT_CORE, &none);
		_exit(try());
	}
	status = quiet_wait(pid);
	return status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

/* The command, for who stays its parent. */
static __attribute__((noreturn)) void be_init(pid_t command)
{
	siginfo_t info;
	sigset_t all;
	pid_t pid;
	int status;

	/* The others' ends of what is closed in the command are to see that. */
	settle(NULL, 0, false);
	sigfillset(&all);
	for (;;) {
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid != command)
				continue;
			exit(WIFEXITED(status) ? WEXITSTATUS(status) :
			     128 + WTERMSIG(status));
		}
		/* It cannot have gone unseen, but nobody would end us then. */
		if (pid < 0 && errno == ECHILD)
			exit(EXIT_NO_VUNIX);
		/* A terminal tells the command by itself. */
		if (sigwaitinfo(&all, &info) > 0 && info.si_signo != SIGCHLD &&
		    info.si_code <= 0)
			kill(command, info.si_signo);
	}
}

/**
 * stay_as_init() - go on in a child if this is process 1
 *
 * Who is first in a pid namespace is made the parent of all orphans, also of
 * those that stand beside the command.  So it does not become the command, but
 * stays to reap them, passes signals on, and ends as the command does.
 *
 * Return: 0, or -1 with errno.
 */
int stay_as_init(void)
{
	const char *listener = getenv("LISTEN_PID");
	struct sigaction ignored;
	sigset_t all, old;
	char number[16];
	pid_t pid;

	if (getpid() != 1)
		return 0;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	sigaction(SIGCHLD, NULL, &ignored);
	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (pid > 0)
		be_init(pid);
	sigaction(SIGCHLD, &ignored, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	/* What was meant for process 1 is meant for the command. */
	snprintf(number, sizeof(number), "%d", getpid());
	if (!pid && listener && !strcmp(listener, "1"))
		return setenv("LISTEN_PID", number, 1);
	return pid;
}

/**
 * stand_apart() - have no part in the tree's session, signals and name
 *
 * Signals for the tree do not reach us, from the first moment on.
 */
void stand_apart(void)
{
	const uint64_t all = ~0ULL;

	setsid();
	/* Also those that the C library keeps for itself */
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
	signal(SIGCHLD, SIG_DFL);
	prctl(PR_SET_NAME, "vunix-run");
}

/* All from 3 on but these: there may be few numbers. */
static void close_others(const int *fds, int n)
{
	unsigned int from = 3;

	for (;;) {
		unsigned int next = ~0U;

		for (int i = 0; i < n; i++)
			if ((unsigned int)fds[i] >= from &&
			    (unsigned int)fds[i] < next)
				next = fds[i];
		if (next > from)
			close_range(from, next == ~0U ? next : next - 1, 0);
		if (next == ~0U)
			return;
		from = next + 1;
	}
}

/**
 * settle() - keep nothing of the tree's open or busy
 * @fds: descriptors to keep; they get the numbers from 3 on
 * @n: how many
 * @verbose: standard error is kept, too
 *
 * Return: 0, or -1 with errno.
 */
int settle(int *fds, int n, bool verbose)
{
	struct rlimit files;
	int null;

	/* Numbers of others are dealt with, and may be large. */
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	close_others(fds, n);
	for (int i = 0; i < n; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3 + n);
		if (fds[i] < 0)
			return -1;
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		null = memfd_create("null", MFD_CLOEXEC);
	if (null < 0)
		return -1;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    (!verbose && dup2(null, STDERR_FILENO) < 0))
		return -1;
	for (int i = 0; i < n; i++) {
		fds[i] = dup3(fds[i], 3 + i, O_CLOEXEC);
		if (fds[i] < 0)
			return -1;
	}
	close_range(3 + n, ~0U, 0);
	return chdir("/");
}
