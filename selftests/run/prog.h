/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs under vunix-run share; a failed check ends the program. */
#ifndef RUN_PROG_H
#define RUN_PROG_H

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, \
				__LINE__, #what, errno); \
			exit(1); \
		} \
	} while (0)

/* What is missing; guest says so, and fails where it must be there. */
#define EXIT_SKIPPED	4

#define SKIP(why) \
	do { \
		puts("# SKIP " why); \
		exit(EXIT_SKIPPED); \
	} while (0)

/* Does the library do it, or a supervisor? */
static inline bool preloaded(void)
{
	return getenv("VUNIX_RUN_FAMILY");
}

static inline bool table_has(const char *table, unsigned long ino)
{
	char line[512];
	bool found = false;
	FILE *f = fopen(table, "re");

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		unsigned long this;

		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %lu", &this) == 1)
			found = this == ino;
	}
	fclose(f);
	return found;
}

static inline unsigned long inode_of(int fd)
{
	struct stat st;

	CHECK(!fstat(fd, &st));
	return st.st_ino;
}

static inline bool on_vunix(int fd)
{
	bool vunix = table_has("/proc/thread-self/net/vunix", inode_of(fd));
	bool native = table_has("/proc/thread-self/net/unix", inode_of(fd));

	CHECK(vunix != native);
	return vunix;
}

static inline socklen_t address(struct sockaddr_un *un, const char *name)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	strncpy(un->sun_path, name, sizeof(un->sun_path) - 1);
	if (name[0] != '@')
		return sizeof(*un);
	un->sun_path[0] = 0;
	return offsetof(struct sockaddr_un, sun_path) + strlen(name);
}

static inline int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Whatever ends a program that hangs: guest sets it, and waits longer. */
static inline void set_time_limit(void)
{
	const char *seconds = getenv("RUN_TIME_LIMIT");

	if (seconds)
		alarm(atoi(seconds));
}

/* Until a task sleeps, in whatever it does. */
static inline void wait_asleep(pid_t pid)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int i = 0; i < 60000 && state != 'S' && state != 'D'; i++) {
		FILE *f = fopen(path, "re");

		CHECK(f && fscanf(f, "%*d %*[^)]) %c", &state) == 1);
		fclose(f);
		usleep(1000);
	}
	CHECK(state == 'S' || state == 'D');
}

/* Until somebody has made that file. */
static inline void wait_for_file(const char *path)
{
	for (int i = 0; i < 60000 && access(path, F_OK); i++)
		usleep(1000);
	CHECK(!access(path, F_OK));
}

static inline void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	CHECK(fd >= 0);
	close(fd);
}

/* The supervisor and its workers, all of that name but ourselves */
static inline int signal_supervisors(int sig, bool workers_only)
{
	char path[300], comm[32];
	DIR *proc = opendir("/proc");
	struct dirent *d;
	int n = 0;

	CHECK(proc);
	while ((d = readdir(proc))) {
		int pid = atoi(d->d_name), parent = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/stat", d->d_name);
		f = pid && pid != getpid() ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		if (fscanf(f, "%*d %31s %*c %d", comm, &parent) != 2)
			comm[0] = 0;
		fclose(f);
		if (strcmp(comm, "(vunix-run)"))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/comm", parent);
		f = fopen(path, "re");
		if (f && (!fgets(comm, sizeof(comm), f) ||
			  strcmp(comm, "vunix-run\n")))
			parent = 0;
		if (f)
			fclose(f);
		if (!workers_only || (f && parent))
			n += !kill(pid, sig);
	}
	closedir(proc);
	return n;
}

/* Those there are; who has died is replaced a bit later. */
static inline void kill_workers(void)
{
	int n = 0;

	for (int i = 0; i < 60000 && !n; i++) {
		n = signal_supervisors(SIGKILL, true);
		if (!n)
			usleep(1000);
	}
	CHECK(n);
}

static inline int child_status(pid_t pid)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static inline int send_fd(int sock, int fd)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	union {
		struct cmsghdr	head;
		char		buf[CMSG_SPACE(sizeof(int))];
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -1;
}

static inline int receive_fd(int sock)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union {
		struct cmsghdr	head;
		char		buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd;

	CHECK(recvmsg(sock, &msg, 0) == 1);
	CHECK(CMSG_FIRSTHDR(&msg) && control.head.cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}

#endif
