// SPDX-License-Identifier: GPL-2.0
/*
 * fdclient SOCKET - asks fdserver for its descriptor, prints what is in the file
 */
#define _GNU_SOURCE
#include <err.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/vunix.h>

static int connect_to(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(un.sun_path))
		errx(1, "%s: too long for a socket", path);
	strcpy(un.sun_path, path);

	fd = socket(AF_VUNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "vunix socket (is the module installed?)");
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)))
		err(1, "%s", path);
	return fd;
}

static int take(int from)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg;
	ssize_t n;
	int file;

	n = recvmsg(from, &msg, MSG_CMSG_CLOEXEC);
	if (n < 0)
		err(1, "recvmsg");
	cmsg = CMSG_FIRSTHDR(&msg);
	if (n == 0 || !cmsg || cmsg->cmsg_level != SOL_SOCKET ||
	    cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(int)))
		errx(1, "no descriptor came");
	memcpy(&file, CMSG_DATA(cmsg), sizeof(int));
	return file;
}

int main(int argc, char **argv)
{
	char buf[65536];
	ssize_t n;
	int file;

	if (argc != 2)
		errx(2, "usage: fdclient SOCKET");
	file = take(connect_to(argv[1]));
	while ((n = read(file, buf, sizeof(buf))) > 0) {
		if (write(STDOUT_FILENO, buf, n) != n)
			err(1, "write");
	}
	if (n < 0)
		err(1, "read");
	return 0;
}
