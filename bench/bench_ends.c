// SPDX-License-Identifier: GPL-2.0
/*
 * Connected ends of every transport, processes that use them, and loops that
 * last some time.  All transports are used alike: with read() and write().
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "bench.h"

#define GROWTH	2	/* laps at once, of those there were */

char out[MAX_SIZE], in[MAX_SIZE];

/* A port of the loopback interface that the kernel has chosen. */
int listen_tcp(struct sockaddr *name, socklen_t *len)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)name;
	int sk = socket(AF_INET, SOCK_STREAM, 0);

	if (sk < 0)
		return -1;
	*len = sizeof(*sin);
	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(sk, name, *len) || listen(sk, 16) ||
	    getsockname(sk, name, len)) {
		close(sk);
		return -1;
	}
	return sk;
}

/* Small messages would wait for the answer to the one before. */
void set_nodelay(int sk)
{
	int one = 1;

	if (setsockopt(sk, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		die("TCP_NODELAY");
}

static bool tcp_pair(int *fd)
{
	struct sockaddr_in name;
	socklen_t len;
	int listener = listen_tcp((struct sockaddr *)&name, &len);

	if (listener < 0)
		return false;
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (fd[0] < 0 || connect(fd[0], (struct sockaddr *)&name, len))
		return false;
	fd[1] = accept(listener, NULL, NULL);
	if (fd[1] < 0)
		return false;
	close(listener);
	set_nodelay(fd[0]);
	set_nodelay(fd[1]);
	return true;
}

bool try_ends(struct ends *ends, int type, int transport)
{
	bool ok;
	int fd[2];

	if (transport == PIPE)
		ok = !pipe(fd);
	else if (transport == TCP)
		ok = tcp_pair(fd);
	else
		ok = !socketpair(families[transport], type, 0, fd);
	if (!ok)
		return false;
	ends->rd = fd[0];
	ends->wr = fd[1];
	return true;
}

void open_ends(struct ends *ends, int type, int transport)
{
	if (!try_ends(ends, type, transport))
		die("ends");
}

void close_ends(const struct ends *ends)
{
	close(ends->wr);
	close(ends->rd);
}

void set_nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		die("O_NONBLOCK");
}

/* Who forks, or is forked, gets each page of its buffer anew. */
void touch(void)
{
	memset(in, 1, sizeof(in));
}

/* A short count would be cheap, and measure something else. */
void put(int fd, size_t size)
{
	ssize_t n = write(fd, out, size);

	if (n != (ssize_t)size) {
		if (n >= 0)
			errno = EMSGSIZE;
		die("write");
	}
}

/* After the last message read() has 0, as it has when a stream is closed. */
void put_end(int fd, int type)
{
	if (type == SOCK_DGRAM && send(fd, out, 0, 0))
		die("end");
	close(fd);
}

void crew_init(struct crew *crew)
{
	memset(shared, 0, sizeof(*shared));
	crew->nr = 0;
	if (pipe2(crew->start, O_CLOEXEC) || pipe2(crew->ready, O_CLOEXEC))
		die("pipe");
}

/* True in the process that is made. */
bool crew_fork(struct crew *crew)
{
	pid_t pid;

	if (crew->nr == MAX_PROCESSES) {
		errno = E2BIG;
		die("crew");
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid) {
		crew->pid[crew->nr++] = pid;
		return false;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return true;
}

/* In each of the crew, when it is ready. */
void crew_begin(const struct crew *crew)
{
	char byte = 0;

	if (write(crew->ready[1], &byte, 1) != 1 ||
	    read(crew->start[0], &byte, 1) != 1)
		die("start");
}

void crew_start(const struct crew *crew)
{
	unsigned int i;
	char byte;

	for (i = 0; i < crew->nr; i++)
		if (read(crew->ready[0], &byte, 1) != 1)
			die("ready");
	if (write(crew->start[1], out, crew->nr) != (ssize_t)crew->nr)
		die("start");
}

static void crew_exit(struct crew *crew, bool killed)
{
	unsigned int i;
	int status;

	for (i = 0; i < crew->nr; i++) {
		if (waitpid(crew->pid[i], &status, 0) < 0)
			die("waitpid");
		if (status && !killed) {
			errno = ECHILD;
			die("a process has failed");
		}
	}
	close(crew->start[0]);
	close(crew->start[1]);
	close(crew->ready[0]);
	close(crew->ready[1]);
}

void crew_wait(struct crew *crew)
{
	crew_exit(crew, false);
}

/* For those that go on for ever. */
void crew_kill(struct crew *crew)
{
	unsigned int i;

	for (i = 0; i < crew->nr; i++)
		kill(crew->pid[i], SIGKILL);
	crew_exit(crew, true);
}

void laps_begin(struct laps *laps, double time)
{
	memset(laps, 0, sizeof(*laps));
	laps->time = time;
	laps->until = 1;
	laps->begin = now();
}

/* Time is asked for so rarely that it costs nothing. */
bool laps_check(struct laps *laps)
{
	double left, more;

	laps->taken = now() - laps->begin;
	left = laps->time - laps->taken;
	if (left <= 0)
		return false;
	more = laps->nr * left / laps->taken;
	if (more > laps->nr * (GROWTH - 1.0))
		more = laps->nr * (GROWTH - 1.0);
	laps->until += 1 + (unsigned long)more;
	return true;
}
