// SPDX-License-Identifier: GPL-2.0
/*
 * Prints a program as C that can be compiled alone: printed.h as it is, and behind
 * it a function for each operation.  Its actors are given a tenth of a second to
 * fall asleep; which is not as exact as execute.c, but can be read.
 */
#include <string.h>

#include <linux/vunix.h>

#include "fuzz.h"

extern const char printed[];
asm(".pushsection .rodata\n"
	"printed: .incbin \"printed.h\"\n"
	".byte 0\n"
	".popsection\n");

/* An operation that is printed */
struct out {
	FILE		*f;
	const struct op	*op;
	const int	*a;		/* its arguments */
	int		index;
	const char	*name;
};

#define put(o, ...) fprintf((o)->f, __VA_ARGS__)

/* --- arguments --------------------------------------------------------------- */

static void print_addr(const struct out *o, int kind, int i)
{
	static const char * const paths[NADDRS] = {
		[ADDR_MISSING] = "none/p", [ADDR_FILE] = "f0",
		[ADDR_LINK] = "l0", [ADDR_DANGLING] = "l1",
		[ADDR_SLASH] = "p5/", [ADDR_NOTDIR] = "f0/p",
	};
	const char *path = kind == ADDR_DIR ? (i % 2 ? "." : "d0") :
			   kind >= 0 && kind < NADDRS ? paths[kind] : NULL;

	switch (kind) {
	case ADDR_ABSTRACT:
		i = choice(i, NFILES);
		put(o, "abstract(\"fz00000000%c\", %d)", 'a' + i,
		    i == 4 ? 1 : i == 5 ? 96 : 0);
		break;
	case ADDR_NAMEOF:
		put(o, "name_of(fd[%d])", choice(i, NSLOTS));
		break;
	case ADDR_UNSPEC:
		put(o, "odd(AF_UNSPEC, %d)", i % 2 ? 2 : 110);
		break;
	case ADDR_EMPTY:
		put(o, "odd(AF_UNIX, 2)");
		break;
	case ADDR_SHORT:
		put(o, "odd(AF_UNIX, %d)", i % 2);
		break;
	case ADDR_LONG:
		put(o, "odd(AF_UNIX, %d)", 111 + i % 4);
		break;
	case ADDR_FULL:
		put(o, "un(AF_UNIX, memset(in, 'q', 108), 108)");
		break;
	case ADDR_FAMILY:
		put(o, "un(FAMILY == AF_UNIX ? %d : FAMILY, \"p0\", 3)",
		    AF_VUNIX);
		break;
	case ADDR_BAD:
		put(o, "(len = 5, (void *)bad)");
		break;
	case ADDR_NULL:
		put(o, "(len = 5, NULL)");
		break;
	case ADDR_NUL:
		put(o, "un(AF_UNIX, \"p1\\0x\\0\\0\\0\", 8)");
		break;
	case ADDR_UNTERMINATED:
		put(o, "un(AF_UNIX, \"p2\", 2)");
		break;
	default:
		if (path)
			put(o, "un(AF_UNIX, \"%s\", %zu)", path,
			    strlen(path) + 1);
		else
			put(o, "un(AF_UNIX, \"p%d\", 3)", choice(i, NFILES));
	}
}

static void print_to(const struct out *o, int kind, int i)
{
	put(o, "to = ");
	print_addr(o, kind, i);
	put(o, "; ");
}

/* Where an address is to be stored */
static void print_length(const struct out *o, int how)
{
	static const int lens[NROOMS] = {
		[ROOM_ALL] = sizeof(struct sockaddr_storage), [ROOM_FEW] = 4,
		[ROOM_NONE] = 0, [ROOM_BAD] = 64, [ROOM_ODD] = -1,
	};

	put(o, "len = %d; ", lens[how]);
}

static const char *room_text(int how)
{
	return how == ROOM_BAD ? "(void *)bad, &len" : "(void *)&from, &len";
}

/* A buffer and its length, as arguments */
static void print_buffer(const struct out *o, int sent)
{
	int l = o->a[1];

	switch (l) {
	case LEN_BAD:
		put(o, "bad, %d", LEN_EDGE);
		break;
	case LEN_HALF:
		put(o, "bad - %d, %d", LEN_EDGE / 2, LEN_EDGE);
		break;
	case LEN_HUGE:
		if (sent)
			put(o, "data, huge(fd[%d])", o->a[0]);
		else
			put(o, "in, %d", HUGE_BYTES);
		break;
	default:
		if (sent)
			put(o, "data + %d, %d",
			    o->index * 1031 % BUF_SIZE / 2, l);
		else
			put(o, "in, %d", l);
	}
}

static const char *type_flags(int f)
{
	static const char * const text[] = {
		"", " | SOCK_NONBLOCK", " | SOCK_CLOEXEC",
		" | SOCK_NONBLOCK | SOCK_CLOEXEC",
	};

	return text[f & (FLAG_NONBLOCK | FLAG_CLOEXEC)];
}

/* --- sockets ----------------------------------------------------------------- */

static void print_socket(const struct out *o)
{
	const int *a = o->a;

	if (o->op->code == OP_SOCKET)
		put(o, "keep(%d, R(socket(FAMILY, %d%s, %d)))", a[0], a[1],
		    type_flags(a[2]), a[3]);
	else
		put(o, "if (!R(socketpair(FAMILY, %d%s, %d, two))) { keep(%d, two[0]); keep(%d, two[1]); }",
		    a[2], type_flags(a[3]), a[4], a[0], a[1]);
}

static void print_bind(const struct out *o)
{
	print_to(o, o->a[1], o->a[2]);
	put(o, "R(%s(fd[%d], to, len))", o->name, o->a[0]);
}

/* listen(), shutdown() */
static void print_number(const struct out *o)
{
	put(o, "R(%s(fd[%d], %d))", o->name, o->a[0], o->a[1]);
}

static void print_accept(const struct out *o)
{
	const int *a = o->a;
	int how = choice(a[3], NROOMS);

	print_length(o, how);
	put(o, "keep(%d, R(accept4(fd[%d], %s, 0%s%s)))", a[1], a[0],
	    how == ROOM_ODD ? "NULL, NULL" : room_text(how), type_flags(a[2]),
	    a[2] & FLAG_WRONG ? " | 1" : "");
}

static void print_name(const struct out *o)
{
	int how = choice(o->a[1], NROOMS);

	print_length(o, how);
	put(o, "R(get%sname(fd[%d], %s)); printf(\"  name %%u\\n\", len)",
	    o->op->code == OP_NAME ? "sock" : "peer", o->a[0], room_text(how));
}

static void print_setopt(const struct out *o)
{
	const struct opt *opt = opt_get(o->a[1]);
	union opt_value u;
	int size = opt_value(o->op, &u);

	put(o, "memset(&value, 0, sizeof(value)); ");
	if (opt->kind == O_TIMEVAL)
		put(o, "value.tv = (struct timeval){ %ld, %ld }; ",
		    (long)u.tv.tv_sec, (long)u.tv.tv_usec);
	else if (opt->kind == O_LINGER)
		put(o, "value.linger = (struct linger){ %d, %d }; ",
		    u.linger.l_onoff, u.linger.l_linger);
	else
		put(o, "value.number = %d; ", u.number);
	put(o, "R(setsockopt(fd[%d], %d, %d /* %s */, %s, %d))", o->a[0],
	    opt->level, opt->name, opt->text,
	    choice(o->a[3], NOPTHOWS) == OPT_BAD ? "bad" : "&value", size);
}

static void print_getopt(const struct out *o)
{
	const struct opt *opt = opt_get(o->a[1]);
	int how = choice(o->a[2], NOPTHOWS);

	put(o, "len = %d; n = R(getsockopt(fd[%d], %d, %d /* %s */, %s, &len)); printf(\"  length %%u, %%d\\n\", len, value.number)",
	    (int)opt_room(o->op), o->a[0], opt->level, opt->name, opt->text,
	    how == OPT_BAD ? "bad" : "&value");
	/* A descriptor */
	if (opt->kind == O_FD && how != OPT_BAD && how != OPT_NEGATIVE)
		put(o, "; if (!n && len >= sizeof(int)) close(value.number)");
}

static void print_filter(const struct out *o)
{
	int how = choice(o->a[1], NFILTERS);

	if (how == FILTER_DETACH)
		put(o, "value.number = 0; R(setsockopt(fd[%d], SOL_SOCKET, SO_DETACH_FILTER, &value, sizeof(int)))",
		    o->a[0]);
	else
		put(o, "R(setsockopt(fd[%d], SOL_SOCKET, SO_ATTACH_FILTER, &(struct sock_fprog){ 1, &(struct sock_filter){ BPF_RET | BPF_K, 0, 0, %d } }, sizeof(struct sock_fprog)))",
		    o->a[0], how == FILTER_NONE ? 0 : 0xffff);
}

/* --- data -------------------------------------------------------------------- */

/* send(), write(), recv(), read(), and those with an address */
static void print_plain(const struct out *o)
{
	int code = o->op->code;

	if (code == OP_SENDTO)
		print_to(o, o->a[3], o->a[4]);
	put(o, "R(%s(fd[%d], ", o->name, o->a[0]);
	print_buffer(o, code < OP_RECV);
	if (code == OP_READ || code == OP_WRITE) {
		put(o, "))");
		return;
	}
	put(o, ", %#x%s))", o->a[2], code == OP_SENDTO ? ", to, len" : "");
}

static void print_recvfrom(const struct out *o)
{
	int how = choice(o->a[3], NROOMS);

	print_length(o, how);
	put(o, "R(recvfrom(fd[%d], ", o->a[0]);
	print_buffer(o, 0);
	put(o, ", %#x, %s)); printf(\"  name %%u\\n\", len)", o->a[2],
	    how == ROOM_ODD ? "NULL, NULL" : room_text(how));
}

static void print_vector(const struct out *o)
{
	int parts = choice(o->a[2], MAX_PARTS + 1);

	put(o, "vec(0, ");
	print_buffer(o, o->op->code == OP_WRITEV);
	put(o, ", %d); R(%s(fd[%d], iov[0], %d))", parts, o->name, o->a[0],
	    parts);
}

static void print_splice(const struct out *o)
{
	const int *a = o->a;
	const char *at = a[3] & SPLICE_OFFSET ? "(loff = 0, &loff)" : "NULL";

	if (o->op->code == OP_SPLICE_IN)
		put(o, "R(splice(fd[%d], NULL, fd[%d], %s, %d, %d))", a[1],
		    a[0], at, a[2], a[3] & SPLICE_FLAGS);
	else
		put(o, "R(splice(fd[%d], %s, fd[%d], NULL, %d, %d))", a[0], at,
		    a[1], a[2], a[3] & SPLICE_FLAGS);
}

static void print_sendfile(const struct out *o)
{
	put(o, "off = %d; R(sendfile(fd[%d], fd[%d], &off, %d))", o->a[3],
	    o->a[0], o->a[1], o->a[2]);
}

static void print_flow(const struct out *o)
{
	const int *a = o->a;

	put(o, "flow(fd[%d], fd[%d], %d, %d, %d)", a[0], a[1],
	    a[2] > 100 ? a[2] : 100, flow_sizes[a[3] & FLOW_SIZE],
	    !!(a[3] & FLOW_BLOCK));
}

/* --- messages ---------------------------------------------------------------- */

/* What make_control() makes */
static void print_control(const struct out *o, int kind, int x)
{
	int s = cmsg_slot(x, 0), i;

	switch (kind) {
	case CMSG_FD:
		put(o, "put_fds(1, fd[%d]); ", s);
		break;
	case CMSG_SELF:
		put(o, "put_fds(1, fd[%d]); ", o->a[0]);
		break;
	case CMSG_FD_BAD:
		put(o, "put_fds(1, %d); ", FD_NONE);
		break;
	case CMSG_FDS:
		put(o, "put_fds(%d, fd[%d]", CMSG_FDS_N, s);
		for (i = 1; i < CMSG_FDS_N; i++)
			put(o, ", fd[fd[%d] < 0 ? %d : %d]", cmsg_slot(x, i),
			    s, cmsg_slot(x, i));
		put(o, "); ");
		break;
	case CMSG_FD_TWICE:
		put(o, "put_fds(2, fd[%d], fd[%d]); put_fds(1, fd[%d]); ", s, s,
		    s);
		break;
	case CMSG_MANY:
		put(o, "put_many(%d, fd[%d]); ", CMSG_MANY_N - !(x & 1), s);
		break;
	case CMSG_EMPTY:
		put(o, "put_fds(0); ");
		break;
	case CMSG_PIDFD:
		put(o, "put(SOL_SOCKET, 4 /* SCM_PIDFD */, &fd[%d], sizeof(int)); ",
		    s);
		break;
	case CMSG_SHORT:
		put(o, "put_fds(1, fd[%d]); ((struct cmsghdr *)control[0])->cmsg_len = %d; ",
		    s, x & 1 ? 3 : 4096);
		break;
	}
}

static void print_cred(const struct out *o, int kind, int x)
{
	static const char usual[] = "getpid(), getuid(), getgid(), sizeof(struct ucred)";

	switch (kind) {
	case CMSG_FD_CRED:
		put(o, "put_fds(1, fd[%d]); ", cmsg_slot(x, 0));
		/* fallthrough */
	case CMSG_CRED:
		put(o, "put_cred(SCM_CREDENTIALS, SOL_SOCKET, %s); ", usual);
		break;
	case CMSG_CRED_UID:
		put(o, "put_cred(SCM_CREDENTIALS, SOL_SOCKET, getpid(), %d, 100, sizeof(struct ucred)); ",
		    1000 + choice(x, 3));
		break;
	case CMSG_CRED_PID:
		put(o, "put_cred(SCM_CREDENTIALS, SOL_SOCKET, %#x, getuid(), getgid(), sizeof(struct ucred)); ",
		    x & 1 ? 1 : 0x3fffff);
		break;
	case CMSG_CRED_BAD:
		put(o, "put_cred(SCM_CREDENTIALS, SOL_SOCKET, getpid(), -1, getgid(), sizeof(struct ucred)%s); ",
		    x & 1 ? "" : " - 1");
		break;
	case CMSG_TYPE:
		put(o, "put_cred(0x77, SOL_SOCKET, %s); ", usual);
		break;
	case CMSG_LEVEL:
		put(o, "put_cred(SCM_RIGHTS, 0x77, %s); ", usual);
		break;
	}
}

static void print_sendmsg(const struct out *o)
{
	int many = o->op->code == OP_SENDMMSG, i;
	const int *a = o->a;
	int count = many ? 1 + choice(a[3], MAX_MSGS) : 1;

	for (i = 0; i < count; i++) {
		put(o, "vec(%d, ", i);
		print_buffer(o, 1);
		put(o, ", %d); ", many ? 1 : choice(a[5], MAX_PARTS + 1));
	}
	print_control(o, many ? a[4] : a[6], many ? a[5] : a[7]);
	print_cred(o, many ? a[4] : a[6], many ? a[5] : a[7]);
	if (many) {
		put(o, "R(sendmmsg(fd[%d], m, %d, %#x))", a[0], count, a[2]);
		return;
	}
	if (a[3] != ADDR_NULL) {
		print_to(o, a[3], a[4]);
		put(o, "m[0].msg_hdr.msg_name = to; m[0].msg_hdr.msg_namelen = len; ");
	}
	put(o, "R(sendmsg(fd[%d], &m[0].msg_hdr, %#x))", a[0], a[2]);
}

static void print_recvmsg(const struct out *o)
{
	int many = o->op->code == OP_RECVMMSG, i;
	const int *a = o->a;
	int count = many ? 1 + choice(a[3], MAX_MSGS) : 1;
	int how = choice(a[4], NCONTROLS), room = control_rooms[how];

	for (i = 0; i < count; i++) {
		put(o, "vec(%d, ", i);
		/* Each of several has its part of the buffer. */
		if (many && a[1] >= 0)
			put(o, "in + %d, %d", i * MSG_ROOM,
			    a[1] < MSG_ROOM ? a[1] : MSG_ROOM);
		else
			print_buffer(o, 0);
		put(o, ", %d); ", many ? 1 : choice(a[3], MAX_PARTS + 1));
		if (how == CONTROL_BAD)
			put(o, "m[%d].msg_hdr.msg_control = bad; ", i);
		else if (room)
			put(o, "m[%d].msg_hdr.msg_control = control[%d]; ", i, i);
		put(o, "m[%d].msg_hdr.msg_controllen = %d; ", i, room);
	}
	put(o, "m[0].msg_hdr.msg_name = &from; m[0].msg_hdr.msg_namelen = %d; ",
	    a[4] & CONTROL_SHORT_NAME ? SHORT_NAME :
	    (int)sizeof(struct sockaddr_storage));
	if (many)
		put(o, "n = R(recvmmsg(fd[%d], m, %d, %#x, NULL)); take_all(n, %d)",
		    a[0], count, a[2], a[5]);
	else
		put(o, "n = R(recvmsg(fd[%d], &m[0].msg_hdr, %#x)); take_all(n >= 0, %d)",
		    a[0], a[2], a[5]);
}

/* --- descriptors, files, actors ---------------------------------------------- */

static void print_close(const struct out *o)
{
	put(o, "R(close(fd[%d])); fd[%d] = -1", o->a[0], o->a[0]);
}

static void print_dup(const struct out *o)
{
	const char *call = o->a[2] % 2 ? "R(fcntl(fd[%d], F_DUPFD_CLOEXEC, 0))" :
			   "R(dup(fd[%d]))";

	if (o->a[0] == o->a[1]) {
		put(o, "n = ");
		put(o, call, o->a[0]);
		put(o, "; if (n >= 0) close(n)");
		return;
	}
	put(o, "keep(%d, ", o->a[1]);
	put(o, call, o->a[0]);
	put(o, ")");
}

static void print_poll(const struct out *o)
{
	int i;

	for (i = 0; i < 3; i++)
		put(o, "watch(%d, fd[%d], %#x); ", i, o->a[i], o->a[3]);
	put(o, "R(poll(pfd, 3, %d)); printf(\"  %%#x %%#x %%#x\\n\", pfd[0].revents, pfd[1].revents, pfd[2].revents)",
	    o->a[4] ? -1 : 0);
}

static void print_select(const struct out *o)
{
	put(o, "in_sets(fd[%d], fd[%d])", o->a[0], o->a[1]);
}

static void print_epoll(const struct out *o)
{
	static const char * const does[NEPCTLS] = {
		[EPCTL_ADD] = "ADD", [EPCTL_MOD] = "MOD", [EPCTL_DEL] = "DEL",
	};
	const int *a = o->a;

	switch (o->op->code) {
	case OP_EPOLL:
		put(o, "keep(%d, R(epoll_create1(0)))", a[0]);
		break;
	case OP_EPCTL:
		put(o, "ev[0].events = %#x; ev[0].data.u64 = %d; R(epoll_ctl(fd[%d], EPOLL_CTL_%s, fd[%d], ev))",
		    a[3], a[2], a[0], does[choice(a[1], NEPCTLS)], a[2]);
		break;
	default:
		put(o, "n = R(epoll_wait(fd[%d], ev, 24, %d)); while (n-- > 0) printf(\"  %%d: %%#x\\n\", ev[n].data.fd, ev[n].events)",
		    a[0], a[2] ? -1 : 0);
	}
}

static void print_pipe(const struct out *o)
{
	put(o, "if (!R(pipe2(two, O_NONBLOCK))) { keep(%d, two[0]); keep(%d, two[1]);",
	    o->a[0], o->a[1]);
	if (o->a[2] > 0)
		put(o, " R(write(two[1], data, %d));", o->a[2]);
	put(o, " }");
}

static void print_file(const struct out *o)
{
	static const char * const args[NOPENS] = {
		[OPEN_FILE] = "\"f0\", O_RDONLY",
		[OPEN_PATH] = "\"f0\", O_PATH | O_CLOEXEC",
		[OPEN_DIR] = "\".\", O_RDONLY | O_DIRECTORY",
		[OPEN_NULL] = "\"/dev/null\", O_RDWR",
	};

	put(o, "keep(%d, R(open(%s)))", o->a[0], args[choice(o->a[1], NOPENS)]);
}

static void print_fcntl(const struct out *o)
{
	static const char * const args[NFCNTLS][2] = {
		[FCNTL_NONBLOCK] = { "F_SETFL, 0", "F_SETFL, O_NONBLOCK" },
		[FCNTL_ASYNC] = { "F_SETFL, O_NONBLOCK | O_ASYNC" },
		[FCNTL_SETOWN] = { "F_SETOWN, self" },
		[FCNTL_GETFL] = { "F_GETFL" },
		[FCNTL_SETSIG] = { "F_SETSIG, 0", "F_SETSIG, SIGRTMIN + 1" },
		[FCNTL_GETOWN] = { "F_GETOWN" },
		[FCNTL_GETFD] = { "F_GETFD" },
	};
	const char * const *arg = args[choice(o->a[1], NFCNTLS)];

	put(o, "R(fcntl(fd[%d], %s))", o->a[0],
	    o->a[2] & 1 && arg[1] ? arg[1] : arg[0]);
}

static void print_ioctl(const struct out *o)
{
	static const char * const names[NIOCTLS] = {
		[IOCTL_INQ] = "FIONREAD", [IOCTL_OUTQ] = "SIOCOUTQ",
		[IOCTL_ATMARK] = "SIOCATMARK", [IOCTL_NONBLOCK] = "FIONBIO",
		[IOCTL_BLOCK] = "FIONBIO", [IOCTL_ASYNC] = "FIOASYNC",
		[IOCTL_INQ_BAD] = "FIONREAD", [IOCTL_PGRP] = "SIOCGPGRP",
		[IOCTL_UNKNOWN] = "0x89ff",
	};
	int how = choice(o->a[1], NIOCTLS);

	if (how == IOCTL_FILE)
		put(o, "n = R(ioctl(fd[%d], SIOCPROTOPRIVATE /* SIOCUNIXFILE */)); if (n >= 0) close(n)",
		    o->a[0]);
	else
		put(o, "value.number = %d; R(ioctl(fd[%d], %s, %s)); printf(\"  %%d\\n\", value.number)",
		    how == IOCTL_NONBLOCK || how == IOCTL_ASYNC, o->a[0],
		    names[how], how == IOCTL_INQ_BAD ? "bad" : "&value.number");
}

static void print_stat(const struct out *o)
{
	if (o->op->code == OP_FSTAT)
		put(o, "if (!R(fstat(fd[%d], &st))) printf(\"  mode %%o\\n\", st.st_mode)",
		    o->a[0]);
	else
		put(o, "fdinfo(fd[%d])", o->a[0]);
}

static void print_path(const struct out *o)
{
	int i = choice(o->a[0], NFILES);

	if (o->op->code == OP_UNLINK)
		put(o, "R(unlink(\"p%d\"))", i);
	else if (o->op->code == OP_CHMOD)
		put(o, "R(chmod(\"p%d\", %#o))", i, o->a[1] & 0777);
	else
		put(o, "R(rename(\"p%d\", \"p%d\"))", i,
		    choice(o->a[1], NFILES));
}

static void print_actor(const struct out *o)
{
	if (o->op->code == OP_FORK)
		put(o, "R(fork_child())");
	else if (o->op->code == OP_EXIT)
		put(o, "R(end_child())");
	else
		put(o, "R(wake(%d, %s))", 1 + choice(o->a[0], NACTORS - 1),
		    o->a[1] & 1 ? "SIGUSR2" : "SIGUSR1");
}

/* --- all of it --------------------------------------------------------------- */

static void (*const printers[NOPS])(const struct out *o) = {
	[OP_SOCKET] = print_socket, [OP_PAIR] = print_socket,
	[OP_BIND] = print_bind, [OP_CONNECT] = print_bind,
	[OP_LISTEN] = print_number, [OP_ACCEPT] = print_accept,
	[OP_SEND] = print_plain, [OP_SENDTO] = print_plain,
	[OP_SENDMSG] = print_sendmsg, [OP_SENDMMSG] = print_sendmsg,
	[OP_WRITE] = print_plain, [OP_WRITEV] = print_vector,
	[OP_RECV] = print_plain, [OP_RECVFROM] = print_recvfrom,
	[OP_RECVMSG] = print_recvmsg, [OP_RECVMMSG] = print_recvmsg,
	[OP_READ] = print_plain, [OP_READV] = print_vector,
	[OP_SPLICE_IN] = print_splice, [OP_SPLICE_OUT] = print_splice,
	[OP_SENDFILE] = print_sendfile, [OP_SETOPT] = print_setopt,
	[OP_GETOPT] = print_getopt, [OP_NAME] = print_name,
	[OP_PEER] = print_name, [OP_SHUTDOWN] = print_number,
	[OP_CLOSE] = print_close, [OP_DUP] = print_dup,
	[OP_POLL] = print_poll, [OP_SELECT] = print_select,
	[OP_EPOLL] = print_epoll, [OP_EPCTL] = print_epoll,
	[OP_EPWAIT] = print_epoll, [OP_PIPE] = print_pipe,
	[OP_FILE] = print_file, [OP_FCNTL] = print_fcntl,
	[OP_IOCTL] = print_ioctl, [OP_FORK] = print_actor,
	[OP_EXIT] = print_actor, [OP_KILL] = print_actor,
	[OP_UNLINK] = print_path, [OP_CHMOD] = print_path,
	[OP_RENAME] = print_path, [OP_FSTAT] = print_stat,
	[OP_FDINFO] = print_stat, [OP_FILTER] = print_filter,
	[OP_FLOW] = print_flow,
};

/* Whether an operation may sleep: what op_may_block() finds out */
static void print_sleeps(FILE *f, const struct op *op)
{
	switch (op->code) {
	case OP_SEND ... OP_SENDMMSG:
	case OP_RECV ... OP_RECVMMSG:
		if (op->a[2] & MSG_DONTWAIT)
			break;
		/* fallthrough */
	case OP_CONNECT:
	case OP_ACCEPT:
	case OP_WRITE:
	case OP_WRITEV:
	case OP_READ:
	case OP_READV:
	case OP_SENDFILE:
		fprintf(f, "may_sleep(fd[%d])", op->a[0]);
		return;
	case OP_SPLICE_IN:
	case OP_SPLICE_OUT:
		fprintf(f, "2 * (may_sleep(fd[%d]) || may_sleep(fd[%d]))",
			op->a[0], op->a[1]);
		return;
	case OP_POLL:
		fprintf(f, "%d", !!op->a[4]);
		return;
	case OP_EPWAIT:
		fprintf(f, "%d", !!op->a[2]);
		return;
	}
	fprintf(f, "0");
}

void print_c(FILE *f, const struct program *p, const char *why, int alone)
{
	const struct op *op;
	int i;

	fprintf(f, "/*\n * %s\n *\n * Compile with -DFAMILY=1, and with another one.\n */\n%s",
		why, alone ? printed : "#include \"selftests/fuzz/printed.h\"\n");
	for (i = 0; i < p->n; i++) {
		struct out o = {
			.f = f, .op = &p->op[i], .a = p->op[i].a, .index = i,
			.name = op_info[p->op[i].code].name,
		};

		fprintf(f, "\nstatic void op%d(void)\n{\n\t", i);
		printers[o.op->code](&o);
		fprintf(f, ";\n}\n");
	}
	fprintf(f, "\nstatic void operation(int i)\n{\n\tstatic void (*const ops[])(void) = {\n");
	for (i = 0; i < p->n; i++)
		fprintf(f, "\t\top%d,\n", i);
	fprintf(f, "\t};\n\n\tops[i]();\n}\n\nint main(void)\n{\n\tbegin();\n");
	for (i = 0; i < p->n; i++) {
		op = &p->op[i];
		fprintf(f, "\tstep(%d, %d, ", i,
			for_main(op->code) ? ANYBODY : op->actor);
		print_sleeps(f, op);
		fprintf(f, ");\n");
	}
	fprintf(f, "\tend();\n\treturn 0;\n}\n");
}
