// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets and messages for the benchmark gc.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "gc.h"

#define PROVOKE		10e6		/* ns between closes of a socket */

union control {
	struct cmsghdr hdr;
	char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

void pair(int family, int *sk)
{
	if (socketpair(family, SOCK_STREAM, 0, sk))
		die("socketpair");
}

int new_socket(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

/* One byte with @n descriptors. */
static int try_send_fds(int sk, const int *fds, unsigned int n)
{
	union control control;
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	if (n) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.hdr.cmsg_len = CMSG_LEN(n * sizeof(int));
		control.hdr.cmsg_level = SOL_SOCKET;
		control.hdr.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.hdr), fds, n * sizeof(int));
	}
	return sendmsg(sk, &msg, MSG_DONTWAIT) == 1 ? 0 : -1;
}

void send_fds(int sk, const int *fds, unsigned int n)
{
	if (try_send_fds(sk, fds, n))
		die("sendmsg");
}

void recv_fds(int sk, int *fds, unsigned int n)
{
	union control control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	if (n) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	if (recvmsg(sk, &msg, 0) != 1)
		die("recvmsg");
	if (n && (msg.msg_flags & MSG_CTRUNC ||
		  control.hdr.cmsg_len != CMSG_LEN(n * sizeof(int)))) {
		errno = EMSGSIZE;
		die("descriptors");
	}
	memcpy(fds, CMSG_DATA(&control.hdr), n * sizeof(int));
}

/* Two sockets, each in the other's queue, and open nowhere else. */
int make_cycle(int family)
{
	int sk[2], err;

	if (socketpair(family, SOCK_STREAM, 0, sk))
		return -1;
	err = try_send_fds(sk[0], &sk[0], 1);
	err |= try_send_fds(sk[1], &sk[1], 1);
	close(sk[0]);
	close(sk[1]);
	return err;
}

/* Sockets of a family, in the books of the kernel. */
unsigned int count_sockets(int f)
{
	static int fd = -1;
	unsigned int n = 0, sockets;
	char text[8192], *line;
	ssize_t len;

	if (fd < 0)
		fd = open("/proc/net/protocols", O_RDONLY | O_CLOEXEC);
	len = pread(fd, text, sizeof(text) - 1, 0);
	if (len <= 0)
		die("/proc/net/protocols");
	text[len] = 0;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char name[32];

		if (sscanf(line, "%31s %*u %u", name, &sockets) != 2)
			continue;
		/* AF_UNIX has two protocols. */
		if (f == UNIX ? !strncmp(name, "UNIX", 4) :
				!strcmp(name, "VUNIX"))
			n += sockets;
	}
	return n;
}

/* Waits until there are no more than @base; returns when, or -1. */
double wait_for_count(int f, unsigned int base, double patience)
{
	double start = now(), provoked = start, t;

	while (count_sockets(f) > base) {
		t = now();
		if (t - start > patience)
			return -1;
		/* AF_UNIX looks for garbage when one of its sockets is closed. */
		if (f == UNIX && t - provoked > PROVOKE) {
			close(new_socket(AF_UNIX));
			provoked = t;
		}
		usleep(1000);
	}
	return now() - start;
}

void holder_open(struct holder *h, int family)
{
	int size = 1 << 28;

	pair(family, h->sk);
	if (setsockopt(h->sk[1], SOL_SOCKET, SO_SNDBUFFORCE, &size,
		       sizeof(size)))
		die("SO_SNDBUFFORCE");
	h->nr = 0;
}

void holder_flush(struct holder *h)
{
	if (!h->nr)
		return;
	send_fds(h->sk[1], h->batch, h->nr);
	while (h->nr)
		close(h->batch[--h->nr]);
}

/* Takes the descriptor. */
void hold(struct holder *h, int fd)
{
	h->batch[h->nr++] = fd;
	if (h->nr == MAX_FDS)
		holder_flush(h);
}

/* Queues all; returns the last descriptor that keeps them. */
int holder_done(struct holder *h)
{
	holder_flush(h);
	close(h->sk[1]);
	return h->sk[0];
}

/*
 * A chain: @n sockets of which each is in the queue of the one before.  Returns
 * the first; *@end gets a socket to send to the last.  It is made from its end:
 * AF_UNIX searches all that is in flight for cycles, with each socket that is
 * closed, once something was sent to a socket that is itself in flight.
 */
int make_chain(int family, unsigned int n, int *end)
{
	int first, next[2];

	pair(family, next);
	first = next[0];
	*end = next[1];
	while (--n) {
		pair(family, next);
		send_fds(next[1], &first, 1);
		close(first);
		close(next[1]);
		first = next[0];
	}
	return first;
}
