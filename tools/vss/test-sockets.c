// SPDX-License-Identifier: GPL-2.0
/*
 * test-sockets FAMILY - sockets of all types and in all states, for test.py to
 * look at.  Says what there is, "NAME INODE FD PID" each, then "ready"; does
 * what it is told by lines on its standard input, until that ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int family;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Tells of @fd, which is @name's from now on. */
static int tell(const char *name, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die(name);
	printf("%s %lu %d %d\n", name, (unsigned long)st.st_ino, fd, getpid());
	return fd;
}

static int make(const char *name, int type)
{
	return tell(name, socket(family, type, 0));
}

static struct sockaddr_un address(const char *name, size_t len)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	memcpy(un.sun_path, name, len);
	return un;
}

#define LENGTH(len)	(offsetof(struct sockaddr_un, sun_path) + (len))

static void bind_to(int fd, const char *name, size_t len)
{
	struct sockaddr_un un = address(name, len);

	if (bind(fd, (struct sockaddr *)&un, LENGTH(len)))
		die(name);
}

static void connect_to(int fd, const char *name, size_t len)
{
	struct sockaddr_un un = address(name, len);

	if (connect(fd, (struct sockaddr *)&un, LENGTH(len)))
		die(name);
}

static void pair(const char *a, const char *b, int type, int fd[2])
{
	if (socketpair(family, type, 0, fd))
		die(a);
	tell(a, fd[0]);
	tell(b, fd[1]);
}

static void put(int fd, size_t len)
{
	char buf[1000] = "";

	if (send(fd, buf, len, 0) != (ssize_t)len)
		die("send");
}

static void bind_path(int fd, const char *path)
{
	bind_to(fd, path, strlen(path));
}

static void connect_path(int fd, const char *path)
{
	connect_to(fd, path, strlen(path));
}

static int client, server;

static void streams(void)
{
	static const char strange[] = "\0c\0l i\377ent\001";
	int listener = make("listener", SOCK_STREAM);
	int fd[2], i;

	bind_path(listener, "stream");
	if (listen(listener, 7))
		die("listen");
	client = make("client", SOCK_STREAM);
	connect_path(client, "stream");
	server = tell("server", accept(listener, NULL, NULL));
	put(client, 100);

	i = make("named_client", SOCK_STREAM);
	bind_to(i, strange, sizeof(strange) - 1);
	connect_path(i, "stream");
	tell("named_server", accept(listener, NULL, NULL));

	i = make("waiting", SOCK_STREAM);
	connect_path(i, "stream");

	pair("pair_a", "pair_b", SOCK_STREAM, fd);
	if (shutdown(fd[0], SHUT_WR))
		die("shutdown");
	make("fresh", SOCK_STREAM);
	bind_path(make("closed", SOCK_STREAM), "closed");
	/* Whatever the kernel calls it */
	bind_to(make("automatic", SOCK_STREAM), "", 0);
}

static void records(void)
{
	static const char path[] = "we ird\"q\\uo\xc3\xa9\xe2\x80\xae\xff";
	int listener = make("rlistener", SOCK_SEQPACKET);
	int fd[2], i;

	bind_path(listener, path);
	if (listen(listener, 1))
		die("listen");
	i = make("rclient", SOCK_SEQPACKET);
	connect_path(i, path);
	tell("rserver", accept(listener, NULL, NULL));
	pair("rpair_a", "rpair_b", SOCK_SEQPACKET, fd);
	put(fd[0], 10);
	put(fd[0], 20);
}

static void datagrams(void)
{
	char longest[109] = "";
	int log = make("log", SOCK_DGRAM);
	int fd[2], i;

	bind_path(log, "log");
	i = make("sender", SOCK_DGRAM);
	connect_path(i, "log");
	put(i, 3);
	i = make("sender2", SOCK_DGRAM);
	connect_path(i, "log");
	put(i, 4);
	pair("dpair_a", "dpair_b", SOCK_DGRAM, fd);
	make("dfresh", SOCK_DGRAM);
	bind_path(make("star", SOCK_DGRAM), "*");
	bind_path(make("at", SOCK_DGRAM), "@at");
	bind_to(make("abstract", SOCK_DGRAM), "\0at", 3);
	bind_path(make("newline", SOCK_DGRAM), "new\nline\t");
	bind_to(make("nothing", SOCK_DGRAM), "", 1);
	for (i = 0; i < 108; i++)
		longest[i] = "0123456789abcdef"[i % 16];
	bind_path(make("longest", SOCK_DGRAM), longest);
}

/* A process of another name that has the same sockets. */
static void second_process(void)
{
	pid_t parent = getpid(), pid;
	int p[2];
	char c;

	if (pipe(p))
		die("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "ano)th \"er\\");
		if (getppid() != parent)
			_exit(1);
		close(p[0]);
		/* It holds the server alone, besides what is not a socket. */
		for (int i = 3; i < 64; i++) {
			if (i != server && i != p[1])
				close(i);
		}
		/* So often that no search hits the first by chance */
		for (int i = 0; i < 20; i++) {
			if (dup(server) < 0)
				_exit(1);
		}
		if (write(p[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(p[1]);
	if (read(p[0], &c, 1) != 1)
		die("second process");
	close(p[0]);
	printf("second %d %d %d\n", 0, server, pid);
}

/* 200 messages of 1000 bytes from the client to the server, all read. */
static void traffic(void)
{
	char buf[1000];

	for (int i = 0; i < 200; i++) {
		put(client, sizeof(buf));
		for (size_t n = 0; n < sizeof(buf);) {
			ssize_t got = recv(server, buf, sizeof(buf) - n, 0);

			if (got <= 0)
				die("recv");
			n += got;
		}
	}
	puts("done");
}

int main(int argc, char **argv)
{
	char line[64];

	setvbuf(stdout, NULL, _IOLBF, 0);
	family = argc > 1 ? atoi(argv[1]) : AF_UNIX;
	streams();
	records();
	datagrams();
	second_process();
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "traffic\n"))
			traffic();
	}
	return 0;
}
