// SPDX-License-Identifier: GPL-2.0
/*
 * Prints a program as C that can be compiled alone.  What a thread or the forked
 * process does is started there and given a tenth of a second to block; which is
 * not as exact as execute.c, but can be read.
 */
#include <string.h>

#include "fuzz.h"

static const char prelude[] =
"#define _GNU_SOURCE\n"
"#include <errno.h>\n#include <fcntl.h>\n#include <linux/filter.h>\n"
"#include <linux/sockios.h>\n#include <poll.h>\n#include <pthread.h>\n"
"#include <signal.h>\n#include <stdio.h>\n#include <string.h>\n"
"#include <sys/epoll.h>\n#include <sys/ioctl.h>\n#include <sys/mman.h>\n"
"#include <sys/select.h>\n#include <sys/sendfile.h>\n#include <sys/socket.h>\n"
"#include <sys/stat.h>\n#include <sys/uio.h>\n#include <sys/un.h>\n"
"#include <sys/wait.h>\n#include <unistd.h>\n"
"#ifndef FAMILY\n#define FAMILY AF_UNIX\n#endif\n"
"#define R(call) ({ long r_; errno = 0; r_ = (call); \\\n"
"\tprintf(\"%s = %ld %s\\n\", #call, r_, r_ < 0 ? strerror(errno) : \"\"); r_; })\n"
"static int fd[24], two[2], value;\n"
"static char data[1 << 19], in[1 << 19], *bad, control[4096];\n"
"static struct sockaddr_storage ss, from;\n"
"static socklen_t len;\n"
"static struct mmsghdr m[4];\nstatic struct iovec iov[4];\n"
"static struct pollfd pfd[3];\nstatic struct epoll_event ev[24];\n"
"static off_t off;\nstatic loff_t loff;\n"
"static struct sockaddr *un(int family, const char *path, int n)\n{\n"
"\tmemset(&ss, 0, sizeof(ss));\n\tss.ss_family = family;\n"
"\tmemcpy(((struct sockaddr_un *)&ss)->sun_path, path, n);\n"
"\tlen = 2 + n;\n\treturn (void *)&ss;\n}\n"
"static struct sockaddr *name_of(int s)\n{\n\tlen = sizeof(ss);\n"
"\tgetsockname(s, (void *)&ss, &len);\n\treturn (void *)&ss;\n}\n"
"static void put(int level, int type, const void *p, size_t n)\n{\n"
"\tstruct msghdr *h = &m[0].msg_hdr;\n\tstruct cmsghdr *c;\n\n"
"\th->msg_control = control;\n"
"\tc = (void *)(control + h->msg_controllen);\n"
"\tc->cmsg_level = level;\n\tc->cmsg_type = type;\n"
"\tc->cmsg_len = CMSG_LEN(n);\n\tmemcpy(CMSG_DATA(c), p, n);\n"
"\th->msg_controllen += CMSG_SPACE(n);\n}\n"
"static void vec(int i, void *p, int n, int parts)\n{\n\tint k;\n\n"
"\tmemset(&m[i], 0, sizeof(m[i]));\n"
"\tfor (k = 0; k < parts; k++) {\n"
"\t\tiov[k].iov_base = (char *)p + n / parts * k;\n"
"\t\tiov[k].iov_len = k < parts - 1 ? n / parts : n - n / parts * k;\n\t}\n"
"\tm[i].msg_hdr.msg_iov = iov;\n\tm[i].msg_hdr.msg_iovlen = parts;\n}\n"
"static void show(struct msghdr *h)\n{\n\tstruct cmsghdr *c;\n\n"
"\tprintf(\"  flags %#x, control %zu, name %u\\n\", h->msg_flags,\n"
"\t       h->msg_controllen, h->msg_namelen);\n"
"\tfor (c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))\n"
"\t\tprintf(\"  control message %d/%d of %zu: %d %d %d\\n\", c->cmsg_level,\n"
"\t\t       c->cmsg_type, c->cmsg_len, ((int *)CMSG_DATA(c))[0],\n"
"\t\t       ((int *)CMSG_DATA(c))[1], ((int *)CMSG_DATA(c))[2]);\n}\n"
"static void in_thread(void *(*op)(void *))\n{\n\tpthread_t t;\n\n"
"\tpthread_create(&t, NULL, op, NULL);\n\tusleep(100000);\n}\n"
"static void in_child(void *(*op)(void *))\n{\n"
"\tif (!fork()) {\n\t\top(NULL);\n\t\t_exit(0);\n\t}\n\tusleep(100000);\n}\n";

static void print_addr(FILE *f, const struct program *p, int kind, int i)
{
	switch (kind) {
	case ADDR_ABSTRACT:
		fprintf(f, "un(AF_UNIX, \"\\0name%c\", %d)", 'a' + i % NFILES,
			i % NFILES == 4 ? 7 : i % NFILES == 5 ? 90 : 6);
		break;
	case ADDR_NAMEOF:
		fprintf(f, "name_of(fd[%d])", i % NSLOTS);
		break;
	case ADDR_UNSPEC:
		fprintf(f, "un(AF_UNSPEC, \"\", %d)", i % 2 ? 0 : 108);
		break;
	case ADDR_EMPTY:
		fprintf(f, "un(AF_UNIX, \"\", 0)");
		break;
	case ADDR_SHORT:
		fprintf(f, "un(AF_UNIX, \"\", %d)", i % 2 - 2);
		break;
	case ADDR_LONG:
		fprintf(f, "un(AF_UNIX, data, %d)", 109 + i % 4);
		break;
	case ADDR_FULL:
		fprintf(f, "un(AF_UNIX, memset(in, 'q', 108), 108)");
		break;
	case ADDR_FAMILY:
		fprintf(f, "un(18, \"p0\", 3)");
		break;
	case ADDR_BAD:
		fprintf(f, "(len = 5, (void *)bad)");
		break;
	case ADDR_NULL:
		fprintf(f, "(len = 0, NULL)");
		break;
	case ADDR_NUL:
		fprintf(f, "un(AF_UNIX, \"p1\\0x\\0\\0\\0\\0\", 8)");
		break;
	case ADDR_UNTERMINATED:
		fprintf(f, "un(AF_UNIX, \"p2\", 2)");
		break;
	case ADDR_PATH:
		fprintf(f, "un(AF_UNIX, \"p%d\", 3)", i % NFILES);
		break;
	default:
		fprintf(f, "un(AF_UNIX, \"%s\", %d)",
			kind == ADDR_MISSING ? "none/p" :
			kind == ADDR_FILE ? "f0" :
			kind == ADDR_DIR ? (i % 2 ? "." : "d0") :
			kind == ADDR_LINK ? "l0" :
			kind == ADDR_DANGLING ? "l1" :
			kind == ADDR_SLASH ? "p5/" : "f0/p",
			kind == ADDR_MISSING ? 7 : kind == ADDR_NOTDIR ? 5 :
			kind == ADDR_SLASH ? 4 : kind == ADDR_DIR && i % 2 ?
			2 : 3);
	}
}

/* Address and length of a buffer */
static const char *buffer(int len, const char *plain, int *n)
{
	*n = len == LEN_HUGE ? HUGE_BYTES : len < 0 ? 64 : len;
	return len == LEN_BAD ? "bad" : len == LEN_HALF ? "bad - 32" : plain;
}

static void print_control(FILE *f, int kind, int x, int self)
{
	int s = (unsigned int)x % NSLOTS;

	switch (kind) {
	case CMSG_NONE:
		return;
	case CMSG_FD:
		fprintf(f, "put(SOL_SOCKET, SCM_RIGHTS, &fd[%d], 4); ", s);
		return;
	case CMSG_SELF:
		fprintf(f, "put(SOL_SOCKET, SCM_RIGHTS, &fd[%d], 4); ", self);
		return;
	case CMSG_FDS:
		fprintf(f, "put(SOL_SOCKET, SCM_RIGHTS, (int[]){ fd[%d], fd[%d] < 0 ? fd[%d] : fd[%d], fd[%d] < 0 ? fd[%d] : fd[%d] }, 12); ",
			s, (s + 5) % NSLOTS, s, (s + 5) % NSLOTS,
			(s + 10) % NSLOTS, s, (s + 10) % NSLOTS);
		return;
	case CMSG_FD_TWICE:
		fprintf(f, "put(SOL_SOCKET, SCM_RIGHTS, (int[]){ fd[%d], fd[%d] }, 8); put(SOL_SOCKET, SCM_RIGHTS, &fd[%d], 4); ",
			s, s, s);
		return;
	case CMSG_FD_CRED:
		fprintf(f, "put(SOL_SOCKET, SCM_RIGHTS, &fd[%d], 4); ", s);
		/* fallthrough */
	case CMSG_CRED:
		fprintf(f, "put(SOL_SOCKET, SCM_CREDENTIALS, (struct ucred[]){ { getpid(), getuid(), getgid() } }, sizeof(struct ucred)); ");
		return;
	case CMSG_CRED_UID:
		fprintf(f, "put(SOL_SOCKET, SCM_CREDENTIALS, (struct ucred[]){ { getpid(), %d, 100 } }, sizeof(struct ucred)); ",
			1000 + (int)((unsigned int)x % 3));
		return;
	case CMSG_EMPTY:
		fprintf(f, "put(SOL_SOCKET, SCM_RIGHTS, data, 0); ");
		return;
	case CMSG_FD_BAD:
		fprintf(f, "put(SOL_SOCKET, SCM_RIGHTS, (int[]){ 899 }, 4); ");
		return;
	}
	fprintf(f, "/* control message of kind %d, see make_control() */ ",
		kind);
}

static void print_msg(FILE *f, const struct op *op, const struct program *p)
{
	static const int rooms[] = { 2048, 0, 16, 20, 24, 32, 48, 2048, 128 };
	int many = op->code == OP_SENDMMSG || op->code == OP_RECVMMSG;
	int send = op->code == OP_SENDMSG || op->code == OP_SENDMMSG;
	int parts = many ? 1 : op->a[send ? 5 : 3] % 5, n, i;
	int count = many ? 1 + (unsigned int)op->a[3] % 4 : 1;
	const char *b = buffer(op->a[1], send ? "data" : "in", &n);
	int room = rooms[(unsigned int)op->a[4] % 9];

	for (i = 0; i < count; i++)
		fprintf(f, "vec(%d, %s, %d, %d); ", i, b, n, parts);
	if (send)
		print_control(f, op->a[many ? 4 : 6], op->a[many ? 5 : 7],
			      op->a[0]);
	for (i = 0; i < count && !send && room; i++)
		fprintf(f, "m[%d].msg_hdr.msg_control = %s; m[%d].msg_hdr.msg_controllen = %d; ",
			i, (unsigned int)op->a[4] % 9 == 8 ? "bad" : "control",
			i, room);
	if (!send) {
		fprintf(f, "m[0].msg_hdr.msg_name = &from; m[0].msg_hdr.msg_namelen = sizeof(from); ");
	} else if (!many && op->a[3] != ADDR_NULL) {
		fprintf(f, "m[0].msg_hdr.msg_name = ");
		print_addr(f, p, op->a[3], op->a[4]);
		fprintf(f, "; m[0].msg_hdr.msg_namelen = len; ");
	}
	if (send && many)
		fprintf(f, "R(sendmmsg(fd[%d], m, %d, %#x))", op->a[0], count,
			op->a[2]);
	else if (send)
		fprintf(f, "R(sendmsg(fd[%d], &m[0].msg_hdr, %#x))", op->a[0],
			op->a[2]);
	else if (many)
		fprintf(f, "R(recvmmsg(fd[%d], m, %d, %#x, NULL)); show(&m[0].msg_hdr)",
			op->a[0], count, op->a[2]);
	else
		fprintf(f, "R(recvmsg(fd[%d], &m[0].msg_hdr, %#x)); show(&m[0].msg_hdr)",
			op->a[0], op->a[2]);
}

static void print_op(FILE *f, const struct op *op, const struct program *p)
{
	static const char * const sends[] = {
		[OP_SEND] = "send", [OP_RECV] = "recv", [OP_WRITE] = "write",
		[OP_READ] = "read", [OP_WRITEV] = "writev", [OP_READV] = "readv",
	};
	static const char * const sets[] = {
		"F_SETFL, %d", "F_SETFL, O_NONBLOCK | O_ASYNC",
		"F_SETOWN, getpid()", "F_GETFL", "F_SETSIG, %d", "F_GETOWN",
		"F_GETFD",
	};
	static const char * const controls[] = {
		"FIONREAD", "SIOCOUTQ", "SIOCATMARK", "SIOCPROTOPRIVATE",
		"FIONBIO", "FIONBIO", "FIOASYNC", "FIONREAD", "SIOCGPGRP",
		"0x89ff",
	};
	static const char * const ep[] = { "ADD", "MOD", "DEL" };
	const int *a = op->a;
	const char *b;
	int n, out;

	switch (op->code) {
	case OP_SOCKET:
		fprintf(f, "fd[%d] = R(socket(FAMILY, %d | %#x, %d))", a[0],
			a[1], (a[2] & 1 ? 0x800 : 0) | (a[2] & 2 ? 0x80000 : 0),
			a[3]);
		break;
	case OP_PAIR:
		fprintf(f, "R(socketpair(FAMILY, %d | %#x, %d, two)); fd[%d] = two[0]; fd[%d] = two[1]",
			a[2], (a[3] & 1 ? 0x800 : 0) | (a[3] & 2 ? 0x80000 : 0),
			a[4], a[0], a[1]);
		break;
	case OP_BIND:
	case OP_CONNECT:
		fprintf(f, "R(%s(fd[%d], ", op_info[op->code].name, a[0]);
		print_addr(f, p, a[1], a[2]);
		fprintf(f, ", len))");
		break;
	case OP_LISTEN:
	case OP_SHUTDOWN:
		fprintf(f, "R(%s(fd[%d], %d))", op_info[op->code].name, a[0],
			a[1]);
		break;
	case OP_ACCEPT:
		fprintf(f, "fd[%d] = R(accept4(fd[%d], NULL, NULL, %#x))", a[1],
			a[0], (a[2] & 1 ? 0x800 : 0) | (a[2] & 2 ? 0x80000 : 0));
		break;
	case OP_SENDTO:
		b = buffer(a[1], "data", &n);
		fprintf(f, "R(sendto(fd[%d], %s, %d, %#x, ", a[0], b, n, a[2]);
		print_addr(f, p, a[3], a[4]);
		fprintf(f, ", len))");
		break;
	case OP_RECVFROM:
		b = buffer(a[1], "in", &n);
		fprintf(f, "len = sizeof(from); R(recvfrom(fd[%d], %s, %d, %#x, (void *)&from, &len)); printf(\"  name %%u\\n\", len)",
			a[0], b, n, a[2]);
		break;
	case OP_SEND:
	case OP_RECV:
		b = buffer(a[1], op->code == OP_SEND ? "data" : "in", &n);
		fprintf(f, "R(%s(fd[%d], %s, %d, %#x))", sends[op->code], a[0],
			b, n, a[2]);
		break;
	case OP_WRITE:
	case OP_READ:
		b = buffer(a[1], op->code == OP_WRITE ? "data" : "in", &n);
		fprintf(f, "R(%s(fd[%d], %s, %d))", sends[op->code], a[0], b,
			n);
		break;
	case OP_WRITEV:
	case OP_READV:
		out = op->code == OP_WRITEV;
		b = buffer(a[1], out ? "data" : "in", &n);
		fprintf(f, "vec(0, %s, %d, %d); R(%s(fd[%d], iov, %d))", b, n,
			a[2] % 5, sends[op->code], a[0], a[2] % 5);
		break;
	case OP_SENDMSG:
	case OP_SENDMMSG:
	case OP_RECVMSG:
	case OP_RECVMMSG:
		print_msg(f, op, p);
		break;
	case OP_SPLICE_IN:
		fprintf(f, "R(splice(fd[%d], NULL, fd[%d], %s, %d, %d))", a[1],
			a[0], a[3] & 8 ? "&loff" : "NULL", a[2], a[3] & 7);
		break;
	case OP_SPLICE_OUT:
		fprintf(f, "R(splice(fd[%d], %s, fd[%d], NULL, %d, %d))", a[0],
			a[3] & 8 ? "&loff" : "NULL", a[1], a[2], a[3] & 7);
		break;
	case OP_SENDFILE:
		fprintf(f, "off = %d; R(sendfile(fd[%d], fd[%d], &off, %d))",
			a[3], a[0], a[1], a[2]);
		break;
	case OP_SETOPT:
		fprintf(f, "/* length %d */ value = %d; R(setsockopt(fd[%d], SOL_SOCKET, %s, &value, 4))",
			a[3], a[2], a[0], opt_get(a[1])->text);
		break;
	case OP_GETOPT:
		fprintf(f, "/* length %d */ len = 4; R(getsockopt(fd[%d], SOL_SOCKET, %s, &ss, &len))",
			a[2], a[0], opt_get(a[1])->text);
		break;
	case OP_NAME:
	case OP_PEER:
		fprintf(f, "len = sizeof(ss); R(get%sname(fd[%d], (void *)&ss, &len)); printf(\"  name %%u\\n\", len)",
			op->code == OP_NAME ? "sock" : "peer", a[0]);
		break;
	case OP_CLOSE:
		fprintf(f, "R(close(fd[%d])); fd[%d] = -1", a[0], a[0]);
		break;
	case OP_DUP:
		fprintf(f, "fd[%d] = R(dup(fd[%d]))", a[1], a[0]);
		break;
	case OP_POLL:
		fprintf(f, "for (n = 0; n < 3; n++) { pfd[n].fd = fd[(int[]){ %d, %d, %d }[n]]; pfd[n].events = %#x; } R(poll(pfd, 3, %d)); printf(\"  %%#x %%#x %%#x\\n\", pfd[0].revents, pfd[1].revents, pfd[2].revents)",
			a[0], a[1], a[2], a[3], a[4] ? -1 : 0);
		break;
	case OP_EPOLL:
		fprintf(f, "fd[%d] = R(epoll_create1(0))", a[0]);
		break;
	case OP_EPCTL:
		fprintf(f, "ev[0].events = %#x; ev[0].data.u64 = %d; R(epoll_ctl(fd[%d], EPOLL_CTL_%s, fd[%d], ev))",
			a[3], a[2], a[0], ep[(unsigned int)a[1] % 3], a[2]);
		break;
	case OP_EPWAIT:
		fprintf(f, "n = R(epoll_wait(fd[%d], ev, 24, %d)); while (n-- > 0) printf(\"  %%d: %%#x\\n\", ev[n].data.fd, ev[n].events)",
			a[0], a[2] ? -1 : 0);
		break;
	case OP_PIPE:
		fprintf(f, "R(pipe2(two, O_NONBLOCK)); fd[%d] = two[0]; fd[%d] = two[1]; write(two[1], data, %d)",
			a[0], a[1], a[2]);
		break;
	case OP_FILE:
		fprintf(f, "fd[%d] = R(open(%s))", a[0],
			a[1] % 4 == 0 ? "\"f0\", O_RDONLY" :
			a[1] % 4 == 1 ? "\"f0\", O_PATH" :
			a[1] % 4 == 2 ? "\".\", O_RDONLY" : "\"/dev/null\", O_RDWR");
		break;
	case OP_FCNTL:
		n = a[1] % 7;
		fprintf(f, "R(fcntl(fd[%d], ", a[0]);
		fprintf(f, sets[n], n == 0 ? (a[2] & 1 ? 04000 : 0) :
			a[2] & 1 ? 35 : 0);
		fprintf(f, "))");
		break;
	case OP_IOCTL:
		fprintf(f, "value = %d; R(ioctl(fd[%d], %s, &value)); printf(\"  %%d\\n\", value)",
			a[1] % 10 == 4 || a[1] % 10 == 6, a[0],
			controls[a[1] % 10]);
		break;
	case OP_UNLINK:
		fprintf(f, "R(unlink(\"p%d\"))", a[0] % NFILES);
		break;
	case OP_CHMOD:
		fprintf(f, "R(chmod(\"p%d\", %#o))", a[0] % NFILES, a[1] & 0777);
		break;
	case OP_RENAME:
		fprintf(f, "R(rename(\"p%d\", \"p%d\"))", a[0] % NFILES,
			a[1] % NFILES);
		break;
	case OP_FILTER:
		fprintf(f, "R(setsockopt(fd[%d], SOL_SOCKET, SO_ATTACH_FILTER, &(struct sock_fprog){ 1, &(struct sock_filter){ BPF_RET | BPF_K, 0, 0, %d } }, sizeof(struct sock_fprog)))",
			a[0], a[1] % 3 == 1 ? 0 : 0xffff);
		break;
	default:
		fprintf(f, "/* %s: see ops.c */", op_info[op->code].name);
	}
	fprintf(f, ";\n");
}

void print_c(FILE *f, const struct program *p, const char *why)
{
	int i;

	fprintf(f, "/*\n * %s\n *\n * Compile with -DFAMILY=1, and with another one.\n */\n%s",
		why, prelude);
	for (i = 0; i < p->n; i++) {
		if (!p->op[i].actor)
			continue;
		fprintf(f, "static void *op%d(void *arg)\n{\n\tint n = 0;\n\n\t",
			i);
		print_op(f, &p->op[i], p);
		fprintf(f, "\treturn arg + n;\n}\n");
	}
	fprintf(f, "int main(void)\n{\n\tint n;\n\n"
		"\tmemset(fd, -1, sizeof(fd));\n"
		"\tbad = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n"
		"\tbad += 4096;\n\tmprotect(bad, 4096, PROT_NONE);\n"
		"\tn = open(\"f0\", O_CREAT | O_RDWR, 0644);\n\twrite(n, data, 16384);\n\tclose(n);\n"
		"\tmkdir(\"d0\", 0755);\n\tsymlink(\"p0\", \"l0\");\n\tsymlink(\"none2\", \"l1\");\n"
		"\tsignal(SIGPIPE, SIG_IGN);\n\n");
	for (i = 0; i < p->n; i++) {
		fputc('\t', f);
		if (p->op[i].actor == 3)
			fprintf(f, "in_child(op%d);\n", i);
		else if (p->op[i].actor)
			fprintf(f, "in_thread(op%d);\n", i);
		else
			print_op(f, &p->op[i], p);
	}
	fprintf(f, "\treturn 0;\n}\n");
}
