// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses: how they are made, and operations that are about them.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <linux/vunix.h>

#include "fuzz.h"

unsigned int names_serial, *names_used;

socklen_t make_addr(const struct ctx *c, int kind, int i,
		    struct sockaddr_storage *ss)
{
	struct sockaddr_un *un = (struct sockaddr_un *)ss;
	socklen_t len;
	char *path = un->sun_path;

	memset(ss, 0, sizeof(*ss));
	un->sun_family = AF_UNIX;
	switch (kind) {
	case ADDR_ABSTRACT:
		i %= NFILES;
		sprintf(path + 1, "fz%08x%c", names_serial, 'a' + i);
		/* Some differ in their length or in trailing NULs alone. */
		return offsetof(struct sockaddr_un, sun_path) + 12 +
		       (i == 4 ? 1 : i == 5 ? 96 : 0);
	case ADDR_NAMEOF:
		len = sizeof(*ss);
		if (getsockname(slots[i % NSLOTS], (struct sockaddr *)ss,
				&len) < 0)
			return 2;
		return len;
	case ADDR_UNSPEC:
		un->sun_family = AF_UNSPEC;
		return i % 2 ? 2 : sizeof(*un);
	case ADDR_EMPTY:
		return 2;
	case ADDR_SHORT:
		return i % 2;
	case ADDR_LONG:
		return sizeof(*un) + 1 + i % 4;
	case ADDR_FULL:
		memset(path, 'q', sizeof(un->sun_path));
		*names_used |= 1 << NFILES;
		return sizeof(*un);
	case ADDR_FAMILY:
		un->sun_family = c->family == AF_UNIX ? AF_VUNIX :
				 c->family;
		strcpy(path, "p0");
		break;
	case ADDR_MISSING:
		strcpy(path, "none/p");
		break;
	case ADDR_FILE:
		strcpy(path, "f0");
		break;
	case ADDR_DIR:
		strcpy(path, i % 2 ? "." : "d0");
		break;
	case ADDR_LINK:
		strcpy(path, "l0");
		break;
	case ADDR_DANGLING:
		strcpy(path, "l1");
		break;
	case ADDR_NUL:
		strcpy(path, "p1");
		path[3] = 'x';
		*names_used |= 1 << 1;
		return 2 + 8;
	case ADDR_SLASH:
		strcpy(path, "p5/");
		break;
	case ADDR_UNTERMINATED:
		strcpy(path, "p2xxx");
		*names_used |= 1 << 2;
		return 2 + 2;
	case ADDR_NOTDIR:
		strcpy(path, "f0/p");
		break;
	default:
		sprintf(path, "p%d", i % NFILES);
		*names_used |= 1 << i % NFILES;
	}
	return offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
}

const void *addr_pointer(int kind, const struct sockaddr_storage *ss)
{
	return kind == ADDR_BAD ? buf_edge : kind == ADDR_NULL ? NULL :
	       (const void *)ss;
}

void rec_addr(struct trace *t, const void *addr, socklen_t len, size_t room)
{
	unsigned char b[256];
	size_t n = len < room ? len : room;
	int i;

	if (n > sizeof(b))
		n = sizeof(b);
	memcpy(b, addr, n);
	/* A name of this very run, or one that the kernel chose */
	if (n > 4 && !b[2] && b[3] == 'f' && b[4] == 'z')
		for (i = 5; i < (int)n && i < 13; i++)
			b[i] = '#';
	else if (n > 3 && !b[2])
		for (i = 3; i < (int)n && i < 8; i++)
			b[i] = '#';
	rec_num(t, T_VALUE, len);
	rec_bytes(t, T_ADDR, b, n);
}

void rec_addr_behind(struct trace *t, const struct sockaddr_storage *ss,
		     int stored, socklen_t len, size_t room)
{
	size_t n = !stored ? 0 : len < room ? len : room;

	if (n < sizeof(*ss))
		rec_behind(t, ss, n, sizeof(*ss));
}

/* Where an address is to be stored, and how much of it; len is what it has */
static void *addr_room(int how, struct sockaddr_storage *ss, socklen_t *len)
{
	static const socklen_t lens[NROOMS] = {
		[ROOM_ALL] = sizeof(*ss), [ROOM_FEW] = 4, [ROOM_NONE] = 0,
		[ROOM_BAD] = 64, [ROOM_ODD] = -1,
	};

	memset(ss, UNTOUCHED, sizeof(*ss));
	*len = lens[how];
	return how == ROOM_BAD ? (void *)buf_edge : ss;
}

/* Both pointers may be none. */
static void *addr_room_or_null(int how, struct sockaddr_storage *ss,
			       socklen_t *len)
{
	void *p = addr_room(how, ss, len);

	return how == ROOM_ODD ? NULL : p;
}

void op_bind(struct ctx *c, const struct op *op)
{
	struct sockaddr_storage ss;
	socklen_t len = make_addr(c, op->a[1], op->a[2], &ss);
	const void *p = addr_pointer(op->a[1], &ss);
	int fd = slots[op->a[0]];

	rec_ret(c, op->code == OP_BIND ? bind(fd, p, len) : connect(fd, p, len));
}

void op_name(struct ctx *c, const struct op *op)
{
	int fd = slots[op->a[0]];
	struct sockaddr_storage ss;
	socklen_t len, room;
	long ret;
	void *p;

	p = addr_room(choice(op->a[1], NROOMS), &ss, &len);
	room = len;
	ret = op->code == OP_NAME ? getsockname(fd, p, &len) :
				    getpeername(fd, p, &len);
	rec_ret(c, ret);
	if (!ret)
		rec_addr(c->t, &ss, len, room);
	rec_addr_behind(c->t, &ss, !ret, len, room);
}

void op_accept(struct ctx *c, const struct op *op)
{
	int how = choice(op->a[3], NROOMS);
	struct sockaddr_storage ss;
	socklen_t len, room;
	long ret;
	void *p;

	p = addr_room_or_null(how, &ss, &len);
	room = len;
	ret = accept4(slots[op->a[0]], p, p ? &len : NULL, sock_flags(op->a[2]));
	rec_ret(c, ret);
	if (ret >= 0 && how < ROOM_BAD)
		rec_addr(c->t, &ss, len, room);
	rec_addr_behind(c->t, &ss, ret >= 0 && how < ROOM_BAD, len, room);
	if (ret < 0)
		return;
	slot_set(c, op->a[1], ret);
}

void op_recvfrom(struct ctx *c, const struct op *op)
{
	int how = choice(op->a[3], NROOMS), len = op->a[1];
	struct sockaddr_storage ss;
	void *p = in_data(c, &len), *addr;
	socklen_t alen, room;
	long ret;

	addr = addr_room_or_null(how, &ss, &alen);
	room = alen;
	ret = recvfrom(slots[op->a[0]], p, len, op->a[2], addr,
		       addr ? &alen : NULL);
	rec_ret(c, ret);
	if (ret >= 0)
		rec_data(c->t, p, ret < len ? ret : len);
	if (ret >= 0 && how < ROOM_BAD)
		rec_addr(c->t, &ss, alen, room);
	rec_in_behind(c, p, ret, len);
	rec_addr_behind(c->t, &ss, ret >= 0 && how < ROOM_BAD, alen, room);
}
