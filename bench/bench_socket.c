// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that come and go, and descriptors in messages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include "bench.h"

#define MAX_FDS		253		/* SCM_MAX_FD */

union name {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
};

union control {
	struct cmsghdr hdr;
	char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

static int new_socket(const struct row *row, int transport)
{
	int sk = socket(families[transport], row->type, 0);

	if (sk < 0)
		die("socket");
	return sk;
}

void create_pair(int transport)
{
	struct ends ends;

	open_ends(&ends, SOCK_STREAM, transport);
	close_ends(&ends);
}

void pair_close(const struct row *row, unsigned int x, int transport,
		double *figures)
{
	struct laps laps;

	(void)x;
	use_cpu(0);
	laps_begin(&laps, window(row));
	while (laps_more(&laps))
		create_pair(transport);
	figures[0] = laps_rate(&laps);
}

/* A name for the row: in the file system or not; of TCP, any free port. */
static socklen_t make_name(union name *name, const struct row *row,
			   int transport)
{
	char *path = name->un.sun_path;
	int len;

	memset(name, 0, sizeof(*name));
	if (transport == TCP) {
		name->in.sin_family = AF_INET;
		name->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(name->in);
	}
	name->un.sun_family = AF_UNIX;
	if (row->path)
		len = snprintf(path, sizeof(name->un.sun_path), "%s/socket",
			       directory) + 1;
	else
		len = snprintf(path + 1, sizeof(name->un.sun_path) - 1,
			       "vunix-bench") + 1;
	return offsetof(struct sockaddr_un, sun_path) + len;
}

void bind_close(const struct row *row, unsigned int x, int transport,
		double *figures)
{
	union name name;
	socklen_t len = make_name(&name, row, transport);
	struct laps laps;
	int sk;

	(void)x;
	use_cpu(0);
	laps_begin(&laps, window(row));
	while (laps_more(&laps)) {
		sk = new_socket(row, transport);
		if (bind(sk, &name.any, len))
			die("bind");
		close(sk);
		if (row->path)
			unlink(name.un.sun_path);
	}
	figures[0] = laps_rate(&laps);
}

static int new_listener(const struct row *row, int transport,
			union name *name, socklen_t *len)
{
	int sk;

	if (transport == TCP) {
		sk = listen_tcp(&name->any, len);
		if (sk < 0)
			die("listen");
		return sk;
	}
	sk = new_socket(row, transport);
	*len = make_name(name, row, transport);
	if (bind(sk, &name->any, *len) || listen(sk, 16))
		die("bind");
	return sk;
}

/* TCP's is closed by a reset: else each would occupy a port for a minute. */
static void one_connection(const struct row *row, int transport, int listener,
			   const union name *name, socklen_t len)
{
	struct linger reset = { .l_onoff = 1 };
	int sk = new_socket(row, transport), accepted;

	if (transport == TCP &&
	    setsockopt(sk, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)))
		die("SO_LINGER");
	if (connect(sk, &name->any, len))
		die("connect");
	accepted = accept(listener, NULL, NULL);
	if (accepted < 0)
		die("accept");
	close(sk);
	close(accepted);
}

void connect_close(const struct row *row, unsigned int x, int transport,
		   double *figures)
{
	union name name;
	socklen_t len;
	int listener = new_listener(row, transport, &name, &len);
	struct laps laps;

	(void)x;
	use_cpu(0);
	laps_begin(&laps, window(row));
	while (laps_more(&laps))
		one_connection(row, transport, listener, &name, len);
	close(listener);
	if (row->path)
		unlink(name.un.sun_path);
	figures[0] = laps_rate(&laps);
}

/* One byte with @n descriptors: sent, received, closed. */
static void pass(const struct ends *ends, int fd, unsigned int n)
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
	int fds[MAX_FDS];
	unsigned int i;

	for (i = 0; i < n; i++)
		fds[i] = fd;
	control.hdr.cmsg_len = CMSG_LEN(n * sizeof(int));
	control.hdr.cmsg_level = SOL_SOCKET;
	control.hdr.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.hdr), fds, n * sizeof(int));
	if (sendmsg(ends->wr, &msg, 0) != 1)
		die("sendmsg");

	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	if (recvmsg(ends->rd, &msg, 0) != 1)
		die("recvmsg");
	if (msg.msg_flags & MSG_CTRUNC ||
	    control.hdr.cmsg_len != CMSG_LEN(n * sizeof(int))) {
		errno = EMSGSIZE;
		die("descriptors");
	}
	memcpy(fds, CMSG_DATA(&control.hdr), n * sizeof(int));
	for (i = 0; i < n; i++)
		close(fds[i]);
}

/* Figure: descriptors in a second. */
void pass_files(const struct row *row, unsigned int nr, int transport,
		double *figures)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct laps laps;
	struct ends ends;

	if (fd < 0)
		die("/dev/null");
	use_cpu(0);
	open_ends(&ends, row->type, transport);
	laps_begin(&laps, window(row));
	while (laps_more(&laps))
		pass(&ends, fd, nr);
	close_ends(&ends);
	close(fd);
	figures[0] = laps_rate(&laps) * nr;
}
