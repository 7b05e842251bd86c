// SPDX-License-Identifier: GPL-2.0
/*
 * The operations, each as the system call it is and a record of all it shows: the
 * table of them, those that make sockets, and those on the actors themselves.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

void ops_init(void)
{
	data_init();
	/* The forked process uses names, too. */
	names_used = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (names_used == MAP_FAILED) {
		perror("fuzz: mmap");
		exit(2);
	}
}

int op_may_block(const struct op *op)
{
	int fd = slots[op->a[0]], flags;

	switch (op->code) {
	case OP_SEND:
	case OP_SENDTO:
	case OP_SENDMSG:
	case OP_SENDMMSG:
	case OP_RECV:
	case OP_RECVFROM:
	case OP_RECVMSG:
	case OP_RECVMMSG:
		if (op->a[2] & MSG_DONTWAIT)
			return 0;
		break;
	case OP_SPLICE_IN:
	case OP_SPLICE_OUT:
		flags = fcntl(slots[op->a[1]], F_GETFL);
		if (flags >= 0 && !(flags & O_NONBLOCK))
			return 1;
		break;
	case OP_CONNECT:
	case OP_ACCEPT:
	case OP_WRITE:
	case OP_WRITEV:
	case OP_READ:
	case OP_READV:
	case OP_SENDFILE:
		break;
	case OP_POLL:
		return op->a[4];
	case OP_EPWAIT:
		return op->a[2];
	default:
		return 0;
	}
	flags = fcntl(fd, F_GETFL);
	return flags >= 0 && !(flags & O_NONBLOCK);
}

int sock_flags(int flags)
{
	return (flags & FLAG_NONBLOCK ? SOCK_NONBLOCK : 0) |
	       (flags & FLAG_CLOEXEC ? SOCK_CLOEXEC : 0) |
	       (flags & FLAG_WRONG ? 1 : 0);
}

static void op_socket(struct ctx *c, const struct op *op)
{
	int flags = sock_flags(op->a[2] & ~FLAG_WRONG);
	long ret = socket(c->family, op->a[1] | flags, op->a[3]);

	rec_ret(c, ret);
	slot_set(c, op->a[0], ret);
}

static void op_pair(struct ctx *c, const struct op *op)
{
	int fd[2], flags = sock_flags(op->a[3] & ~FLAG_WRONG);
	long ret = socketpair(c->family, op->a[2] | flags, op->a[4], fd);

	rec_ret(c, ret);
	if (ret < 0)
		return;
	rec_num(c->t, T_FD, fd[0]);
	rec_num(c->t, T_FD, fd[1]);
	slot_set(c, op->a[0], fd[0]);
	slot_set(c, op->a[1], fd[1]);
}

static void op_listen(struct ctx *c, const struct op *op)
{
	rec_ret(c, listen(slots[op->a[0]], op->a[1]));
}

static void op_shutdown(struct ctx *c, const struct op *op)
{
	rec_ret(c, shutdown(slots[op->a[0]], op->a[1]));
}

static void op_fork(struct ctx *c, const struct op *op)
{
	rec_ret(c, fork_actor());
}

static void op_exit(struct ctx *c, const struct op *op)
{
	rec_effect(c, 0, exit_actor());
}

static void op_kill(struct ctx *c, const struct op *op)
{
	int reached = signal_actor(1 + choice(op->a[0], NACTORS - 1),
				   op->a[1] & 1 ? SIGUSR2 : SIGUSR1);

	rec_effect(c, reached < 0 ? -1 : 0, reached > 0);
}

static void (*const calls[NOPS])(struct ctx *c, const struct op *op) = {
	[OP_SOCKET] = op_socket, [OP_PAIR] = op_pair, [OP_BIND] = op_bind,
	[OP_CONNECT] = op_bind, [OP_LISTEN] = op_listen,
	[OP_ACCEPT] = op_accept, [OP_SEND] = op_send, [OP_SENDTO] = op_send,
	[OP_SENDMSG] = op_sendmsg, [OP_SENDMMSG] = op_sendmsg,
	[OP_WRITE] = op_send, [OP_WRITEV] = op_send, [OP_RECV] = op_recv,
	[OP_RECVFROM] = op_recvfrom, [OP_RECVMSG] = op_recvmsg,
	[OP_RECVMMSG] = op_recvmsg, [OP_READ] = op_recv, [OP_READV] = op_recv,
	[OP_SPLICE_IN] = op_splice, [OP_SPLICE_OUT] = op_splice,
	[OP_SENDFILE] = op_sendfile, [OP_SETOPT] = op_setopt,
	[OP_GETOPT] = op_getopt, [OP_NAME] = op_name, [OP_PEER] = op_name,
	[OP_SHUTDOWN] = op_shutdown, [OP_CLOSE] = op_close, [OP_DUP] = op_dup,
	[OP_POLL] = op_poll, [OP_SELECT] = op_select, [OP_EPOLL] = op_epoll,
	[OP_EPCTL] = op_epctl, [OP_EPWAIT] = op_epwait, [OP_PIPE] = op_pipe,
	[OP_FILE] = op_file, [OP_FCNTL] = op_fcntl, [OP_IOCTL] = op_ioctl,
	[OP_FORK] = op_fork, [OP_EXIT] = op_exit, [OP_KILL] = op_kill,
	[OP_UNLINK] = op_path, [OP_CHMOD] = op_path, [OP_RENAME] = op_path,
	[OP_FSTAT] = op_fstat, [OP_FDINFO] = op_fdinfo,
	[OP_FILTER] = op_filter, [OP_FLOW] = op_flow,
};

void op_run(struct ctx *c)
{
	const struct op *op = &c->p->op[c->index];

	calls[op->code](c, op);
}
