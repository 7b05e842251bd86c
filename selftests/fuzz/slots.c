// SPDX-License-Identifier: GPL-2.0
/*
 * What slots hold, who is who among descriptors, and the records of both.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

int slots[NSLOTS];
int known_pid[2];
/* enum slot_type of each */
static signed char slot_kind[NSLOTS];
/* Of an epoll descriptor: that of the socket which it was last given */
static signed char slot_watched[NSLOTS];

/* Inodes in the order in which they were first seen */
static struct {
	dev_t dev;
	ino_t ino;
} idents[NIDENTS];
static int nidents;

void slot_forget(int slot)
{
	slots[slot] = -1;
	slot_kind[slot] = SLOT_OTHER;
	slot_watched[slot] = SLOT_OTHER;
}

void slot_watch(int slot, int socket)
{
	if (slot_kind[socket] != SLOT_OTHER)
		slot_watched[slot] = slot_kind[socket];
}

void slots_reset(void)
{
	int i;

	nidents = 0;
	for (i = 0; i < NSLOTS; i++)
		slot_forget(i);
}

int ident_stat(const struct stat *st)
{
	int i;

	for (i = 0; i < nidents; i++)
		if (idents[i].ino == st->st_ino && idents[i].dev == st->st_dev)
			return i;
	if (nidents == NIDENTS)
		return -1;
	idents[nidents].dev = st->st_dev;
	idents[nidents].ino = st->st_ino;
	return nidents++;
}

int type_index(int type)
{
	switch (type) {
	case SOCK_STREAM:
		return SLOT_STREAM;
	case SOCK_DGRAM:
	case SOCK_RAW:
		return SLOT_DGRAM;
	case SOCK_SEQPACKET:
		return SLOT_SEQPACKET;
	}
	return SLOT_OTHER;
}

int fd_type(int fd)
{
	socklen_t len = sizeof(int);
	int type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return SLOT_OTHER;
	return type_index(type);
}

int slot_type(int slot)
{
	return slot_kind[slot];
}

/* The type that an operation which makes sockets was given; 0: it makes none */
static int type_wanted(const struct op *op)
{
	return op->code == OP_SOCKET ? op->a[1] :
	       op->code == OP_PAIR ? op->a[2] : 0;
}

/* What of a socket that has just been made the operation says itself */
static int type_of(const struct ctx *c, int fd)
{
	int type = type_index(type_wanted(&c->p->op[c->index]));

	return type == SLOT_OTHER ? fd_type(fd) : type;
}

void set_room(int fd)
{
	int size = SNDBUF;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
}

/*
 * A slot that is filled again loses what it had.  Sockets get a send buffer that
 * programs do not fill: how much fits is a known difference, so that is left to
 * the operation "flow".
 */
void slot_set(struct ctx *c, int slot, int fd)
{
	struct stat st;

	if (fd < 0)
		return;
	if (slots[slot] >= 0)
		close(slots[slot]);
	slots[slot] = fd;
	slot_kind[slot] = SLOT_OTHER;
	slot_watched[slot] = SLOT_OTHER;
	if (fstat(fd, &st) < 0)
		return;
	rec_num(c->t, T_IDENT, ident_stat(&st));
	if (!S_ISSOCK(st.st_mode))
		return;
	slot_kind[slot] = type_of(c, fd);
	set_room(fd);
}

void rec_fd(struct trace *t, int fd)
{
	struct stat st;

	rec_num(t, T_FD, fd);
	if (fstat(fd, &st) < 0) {
		rec_num(t, T_IDENT, -errno);
		return;
	}
	rec_num(t, T_IDENT, ident_stat(&st));
	rec_num(t, T_FDFLAGS, fcntl(fd, F_GETFD) << 24 | fcntl(fd, F_GETFL));
}

/* What an operation counts as one on */
static int type_counted(const struct op *op)
{
	const char *args = op_info[op->code].args;
	int type = type_index(type_wanted(op)), i;

	/* A socket in the place of an epoll descriptor is an error of the core's. */
	if (op->code == OP_EPWAIT)
		return slot_watched[op->a[0]];
	if (op->code == OP_EPCTL)
		return slot_kind[op->a[0]] == SLOT_OTHER ?
		       slot_kind[op->a[2]] : SLOT_OTHER;
	/* The first socket that is named */
	for (i = 0; args[i] && type == SLOT_OTHER; i++)
		if (args[i] == 's')
			type = slot_kind[op->a[i]];
	return type;
}

static void count_op(struct ctx *c, int good)
{
	const struct op *op = &c->p->op[c->index];
	int type;

	if (!c->counts)
		return;
	type = type_counted(op);
	__atomic_fetch_add(&c->counts->ops[op->code][type], 1,
			   __ATOMIC_RELAXED);
	if (good)
		__atomic_fetch_add(&c->counts->good[op->code][type], 1,
				   __ATOMIC_RELAXED);
}

void rec_effect(struct ctx *c, long ret, int effect)
{
	int err = errno;

	rec_num(c->t, T_RET, ret);
	if (ret == -1)
		rec_num(c->t, T_ERRNO, err);
	count_op(c, effect);
	errno = err;
}

void rec_ret(struct ctx *c, long ret)
{
	rec_effect(c, ret, ret >= 0);
}
