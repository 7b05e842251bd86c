// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that come and go, and descriptors in messages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cost.h"

#define WARM_UP		32
#define MAX_FDS		253		/* SCM_MAX_FD */

union control {
	struct cmsghdr hdr;
	char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

static int new_socket(const struct row *row, int transport)
{
	int fd = socket(families[transport], row->type, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static void one_pair(const struct row *row, int transport)
{
	int sk[2];

	if (socketpair(families[transport], row->type, 0, sk))
		die("socketpair");
	close(sk[0]);
	close(sk[1]);
}

double pair_close(const struct row *row, int transport, unsigned int ops)
{
	unsigned int i;

	for (i = 0; i < WARM_UP; i++)
		one_pair(row, transport);
	window_open();
	for (i = 0; i < ops; i++)
		one_pair(row, transport);
	return window_close() / ops;
}

/* A name for the row: in the file system or not. */
static socklen_t make_name(struct sockaddr_un *un, const struct row *row)
{
	char *name = un->sun_path;
	int len;

	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	if (row->path)
		len = snprintf(name, sizeof(un->sun_path), "%s/socket",
			       directory) + 1;
	else
		len = snprintf(name + 1, sizeof(un->sun_path) - 1,
			       "vunix-bench-cost") + 1;
	return offsetof(struct sockaddr_un, sun_path) + len;
}

static void one_bind(const struct row *row, int transport,
		     const struct sockaddr_un *un, socklen_t len)
{
	int sk = new_socket(row, transport);

	if (bind(sk, (const struct sockaddr *)un, len))
		die("bind");
	close(sk);
	if (row->path)
		unlink(un->sun_path);
}

double bind_close(const struct row *row, int transport, unsigned int ops)
{
	struct sockaddr_un un;
	socklen_t len = make_name(&un, row);
	unsigned int i;

	for (i = 0; i < WARM_UP; i++)
		one_bind(row, transport, &un, len);
	window_open();
	for (i = 0; i < ops; i++)
		one_bind(row, transport, &un, len);
	return window_close() / ops;
}

static void one_connection(const struct row *row, int transport, int listener,
			   const struct sockaddr_un *un, socklen_t len)
{
	int sk = new_socket(row, transport), accepted;

	if (connect(sk, (const struct sockaddr *)un, len))
		die("connect");
	accepted = accept(listener, NULL, NULL);
	if (accepted < 0)
		die("accept");
	close(sk);
	close(accepted);
}

double connect_close(const struct row *row, int transport, unsigned int ops)
{
	int listener = new_socket(row, transport);
	struct sockaddr_un un;
	socklen_t len = make_name(&un, row);
	unsigned int i;
	double cost;

	if (bind(listener, (struct sockaddr *)&un, len) ||
	    listen(listener, 16))
		die("bind");
	for (i = 0; i < WARM_UP; i++)
		one_connection(row, transport, listener, &un, len);
	window_open();
	for (i = 0; i < ops; i++)
		one_connection(row, transport, listener, &un, len);
	cost = window_close();
	close(listener);
	if (row->path)
		unlink(un.sun_path);
	return cost / ops;
}

/* One byte with @n descriptors: sent, received, closed. */
static void pass(const int *sk, const int *fds, unsigned int n)
{
	union control control;
	char byte = 'x';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	int got[MAX_FDS];
	unsigned int i;

	control.hdr.cmsg_len = CMSG_LEN(n * sizeof(int));
	control.hdr.cmsg_level = SOL_SOCKET;
	control.hdr.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.hdr), fds, n * sizeof(int));
	if (sendmsg(sk[0], &msg, 0) != 1)
		die("sendmsg");

	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	if (recvmsg(sk[1], &msg, 0) != 1)
		die("recvmsg");
	if (msg.msg_flags & MSG_CTRUNC ||
	    control.hdr.cmsg_len != CMSG_LEN(n * sizeof(int))) {
		errno = EMSGSIZE;
		die("descriptors");
	}
	memcpy(got, CMSG_DATA(&control.hdr), n * sizeof(int));
	for (i = 0; i < n; i++)
		close(got[i]);
}

static double pass_fds(const struct row *row, int transport, unsigned int ops,
		       const int *fds)
{
	unsigned int i;
	double cost;
	int sk[2];

	if (socketpair(families[transport], row->type, 0, sk))
		die("socketpair");
	for (i = 0; i < WARM_UP; i++)
		pass(sk, fds, row->nr);
	window_open();
	for (i = 0; i < ops; i++)
		pass(sk, fds, row->nr);
	cost = window_close();
	close(sk[0]);
	close(sk[1]);
	return cost / ops;
}

double pass_files(const struct row *row, int transport, unsigned int ops)
{
	int fds[MAX_FDS];
	unsigned int i;

	for (i = 0; i < row->nr; i++)
		fds[i] = null_fd;
	return pass_fds(row, transport, ops, fds);
}

/* Of the transport's own family, so that its collector has to know. */
double pass_sockets(const struct row *row, int transport, unsigned int ops)
{
	int fds[MAX_FDS] = { 0 };
	unsigned int i;
	double cost;

	for (i = 0; i < row->nr; i++)
		fds[i] = new_socket(row, transport);
	cost = pass_fds(row, transport, ops, fds);
	while (i--)
		close(fds[i]);
	return cost;
}
