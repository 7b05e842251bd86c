// SPDX-License-Identifier: GPL-2.0
/*
 * fdserver SOCKET FILE - gives everybody who connects to SOCKET a descriptor of
 * FILE, read-only: who may connect to the socket may read the file.
 *
 * A server of AF_UNIX would differ in one word.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/vunix.h>

static int listen_at(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(un.sun_path))
		errx(1, "%s: too long for a socket", path);
	strcpy(un.sun_path, path);

	fd = socket(AF_VUNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "vunix socket (is the module installed?)");
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)))
		err(1, "%s", path);
	if (listen(fd, SOMAXCONN))
		err(1, "listen");
	return fd;
}

/* A descriptor travels with at least one byte. */
static int give(int to, int file)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &file, sizeof(int));
	return sendmsg(to, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct ucred peer;
	socklen_t len;
	int fd, client, file;

	if (argc != 3)
		errx(2, "usage: fdserver SOCKET FILE");
	fd = listen_at(argv[1]);
	for (;;) {
		client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (client < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			err(1, "accept");
		}
		len = sizeof(peer);
		if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len))
			err(1, "SO_PEERCRED");

		/* Opened afresh: each client has a file offset of its own. */
		file = open(argv[2], O_RDONLY | O_CLOEXEC);
		if (file < 0)
			warn("%s", argv[2]);
		else if (give(client, file))
			warn("process %d", peer.pid);
		else
			printf("gave %s to process %d of user %u\n", argv[2],
			       peer.pid, peer.uid);
		fflush(stdout);
		if (file >= 0)
			close(file);
		close(client);
	}
}
