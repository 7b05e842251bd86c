// SPDX-License-Identifier: GPL-2.0
/*
 * try [-l LABEL] [-p LABEL] [-a] unix|vunix stream|dgram|seqpacket OPERATION [NAME]
 *
 * One operation on a socket, as somebody a security module does not trust: what
 * it needs is made first, then LABEL is written to /proc/self/attr/current, then
 * comes the operation.  Prints "ok", or what failed and how ("connect EACCES").
 *
 *   -l   the label of who tries            -p   the label of the other side
 *   -a   all of it comes under the label, not only the operation
 *
 * Operations: create pair bind listen accept connect sendto send recv getopt
 * setopt name shutdown pass peersec lone.  NAME is a path, or "@abstract".
 */
#include "../vunix_test.h"

#ifndef SCM_SECURITY
#define SCM_SECURITY	3
#endif

static const char *own, *others;
static bool all;
static int family, type;

static const char *name_of(int err)
{
	static char number[16];

	switch (err) {
	case EACCES:
		return "EACCES";
	case EPERM:
		return "EPERM";
	case ECONNREFUSED:
		return "ECONNREFUSED";
	case ENOENT:
		return "ENOENT";
	case EADDRINUSE:
		return "EADDRINUSE";
	default:
		snprintf(number, sizeof(number), "%d", err);
		return number;
	}
}

static __attribute__((noreturn)) void fails(const char *what)
{
	int err = errno;

	printf("%s %s\n", what, name_of(err));
	exit(1);
}

static long must(const char *what, long ret)
{
	if (ret < 0)
		fails(what);
	return ret;
}

/* Put on a label that somebody gave. */
static void become(const char *label)
{
	int fd, len;

	if (!label)
		return;
	len = strlen(label);
	fd = must("label", open("/proc/self/attr/current", O_WRONLY));
	if (write(fd, label, len) != len)
		fails("label");
	close(fd);
}

/* Here it begins. */
static void now(void)
{
	if (!all)
		become(own);
}

static int a_socket(void)
{
	return must("create", vt_socket(family, type));
}

static int bound(const char *name)
{
	int s = a_socket();

	must("bind", vt_bind(s, name));
	if (type != SOCK_DGRAM)
		must("listen", listen(s, 5));
	return s;
}

/*
 * Somebody else, who is there until we are not: no signal tells, as a module may
 * keep us from sending any.
 */
static void serve(const char *name)
{
	int ready[2], alive[2], s, status;
	pid_t pid;
	char c;

	must("pipe", pipe(ready));
	must("pipe", pipe(alive));
	fflush(stdout);
	pid = must("fork", fork());
	if (!pid) {
		close(alive[1]);
		become(others);
		s = bound(name);
		must("write", write(ready[1], "r", 1));
		must("read", read(alive[0], &c, 1));
		/* Before our end is seen, which is when our output ends. */
		close(s);
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) == 1)
		return;
	/* It has said why. */
	waitpid(pid, &status, 0);
	exit(2);
}

static int connected(const char *name)
{
	int s;

	serve(name);
	if (all)
		become(own);
	s = a_socket();
	must("connect", vt_connect(s, name));
	return s;
}

/* A socket for what comes next, made without a label unless all has it. */
static int stranger(const char *name)
{
	int s;

	serve(name);
	if (all)
		become(own);
	s = a_socket();
	now();
	return s;
}

static void do_connect(const char *name)
{
	must("connect", vt_connect(stranger(name), name));
}

static void do_sendto(const char *name)
{
	must("sendto", vt_sendto(stranger(name), "x", 1, MSG_DONTWAIT, name));
}

/* One that is connected already, by @name or else as a pair. */
static void do_send(const char *name)
{
	int sv[2];

	if (name)
		sv[0] = connected(name);
	else
		must("pair", vt_pair(family, type, sv));
	now();
	must("send", send(sv[0], "x", 1, MSG_DONTWAIT));
}

static void do_accept(const char *name)
{
	int s = bound(name), c = a_socket();

	must("connect", vt_connect(c, name));
	now();
	must("accept", accept(s, NULL, NULL));
}

/* What getsockopt says of the other side. */
static void say_peer(int s)
{
	char buf[256] = "";
	socklen_t len = sizeof(buf) - 1;

	if (getsockopt(s, SOL_SOCKET, SO_PEERSEC, buf, &len))
		snprintf(buf, sizeof(buf), "%s", name_of(errno));
	printf("%s ", buf);
}

/* What SCM_SECURITY says of a message that is there. */
static void say_sender(int s)
{
	char text[64], control[CMSG_SPACE(256)] = "";
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	must("recv", recvmsg(s, &msg, 0));
	cmsg = CMSG_FIRSTHDR(&msg);
	printf("%s ", cmsg && cmsg->cmsg_type == SCM_SECURITY ?
	       (char *)CMSG_DATA(cmsg) : "-");
}

/*
 * All of that for both ends of a pair or, if there is a name, of a connection; and
 * of a message before the receiver has asked for SCM_SECURITY, and of one after.
 */
static void do_peersec(const char *name)
{
	int sv[2], s;

	become(own);
	if (name) {
		s = bound(name);
		sv[0] = a_socket();
		must("connect", vt_connect(sv[0], name));
		sv[1] = must("accept", accept(s, NULL, NULL));
	} else {
		must("pair", vt_pair(family, type, sv));
	}
	say_peer(sv[0]);
	say_peer(sv[1]);
	must("send", send(sv[0], "x", 1, 0));
	must("passsec", vt_setint(sv[1], SOL_SOCKET, SO_PASSSEC, 1));
	say_sender(sv[1]);
	must("send", send(sv[0], "x", 1, 0));
	say_sender(sv[1]);
	puts("");
	exit(0);
}

/* What getsockopt says where there is nobody yet. */
static void do_lone(void)
{
	int s;

	now();
	s = a_socket();
	say_peer(s);
	puts("");
	exit(0);
}

static void on_pair(const char *op)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	int sv[2], fd;
	char c;

	must("pair", vt_pair(family, type, sv));
	must("send", send(sv[1], "x", 1, 0));
	now();
	if (!strcmp(op, "recv")) {
		must("recv", recv(sv[0], &c, 1, MSG_DONTWAIT));
	} else if (!strcmp(op, "getopt")) {
		must("getopt", vt_getint(sv[0], SOL_SOCKET, SO_RCVBUF));
	} else if (!strcmp(op, "setopt")) {
		must("setopt", vt_setint(sv[0], SOL_SOCKET, SO_RCVBUF, 9000));
	} else if (!strcmp(op, "name")) {
		must("name", getsockname(sv[0], (struct sockaddr *)&un, &len));
	} else if (!strcmp(op, "shutdown")) {
		must("shutdown", shutdown(sv[0], SHUT_RDWR));
	} else if (!strcmp(op, "pass")) {
		must("recv", recv(sv[0], &c, 1, MSG_DONTWAIT));
		fd = a_socket();
		must("pass", vt_send_fd(sv[1], fd));
		must("take", vt_recv_fd(sv[0]));
	} else {
		fprintf(stderr, "try: no operation %s\n", op);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	const char *op, *name;
	int c, s, sv[2];

	while ((c = getopt(argc, argv, "l:p:a")) != -1) {
		switch (c) {
		case 'l':
			own = optarg;
			break;
		case 'p':
			others = optarg;
			break;
		case 'a':
			all = true;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind < 3)
		return 2;
	family = strcmp(argv[optind], "unix") ? vt_family(AF_VUNIX) : AF_UNIX;
	switch (argv[optind + 1][1]) {
	case 't':
		type = SOCK_STREAM;
		break;
	case 'g':
		type = SOCK_DGRAM;
		break;
	default:
		type = SOCK_SEQPACKET;
	}
	op = argv[optind + 2];
	name = argv[optind + 3];

	if (!strcmp(op, "connect")) {
		do_connect(name);
	} else if (!strcmp(op, "sendto")) {
		do_sendto(name);
	} else if (!strcmp(op, "send")) {
		do_send(name);
	} else if (!strcmp(op, "peersec")) {
		do_peersec(name);
	} else if (!strcmp(op, "lone")) {
		do_lone();
	} else {
		if (all)
			become(own);
		if (!strcmp(op, "create")) {
			now();
			a_socket();
		} else if (!strcmp(op, "pair")) {
			now();
			must("pair", vt_pair(family, type, sv));
		} else if (!strcmp(op, "bind")) {
			s = a_socket();
			now();
			must("bind", vt_bind(s, name));
		} else if (!strcmp(op, "listen")) {
			s = a_socket();
			must("bind", vt_bind(s, name));
			now();
			must("listen", listen(s, 5));
		} else if (!strcmp(op, "accept")) {
			do_accept(name);
		} else {
			on_pair(op);
		}
	}
	puts("ok");
	return 0;
}
