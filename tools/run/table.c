// SPDX-License-Identifier: GPL-2.0
/*
 * A table of descriptors, seen through /proc: which numbers are the same
 * socket, which are epoll sets, and what these hold of it.
 *
 * Like native.c, this must run anywhere: no memory is allocated.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "run.h"

struct linux_dirent64 {
	uint64_t	d_ino;
	int64_t		d_off;
	unsigned short	d_reclen;
	unsigned char	d_type;
	char		d_name[];
};

static bool append(struct table_list *list, const char *name)
{
	if (list->n == TABLE_MAX)
		return false;
	list->fds[list->n++] = atoi(name);
	return true;
}

static bool sort_out(int dir, const char *name, const char *socket,
		     struct table_list *same, struct table_list *sets)
{
	char link[64];
	ssize_t len = readlinkat(dir, name, link, sizeof(link) - 1);

	if (len < 0)
		return true;
	link[len] = 0;
	if (!strcmp(link, socket))
		return append(same, name);
	if (!strcmp(link, "anon_inode:[eventpoll]"))
		return append(sets, name);
	return true;
}

/**
 * table_scan() - find a socket's numbers, and the epoll sets
 * @proc: folder of the task in /proc
 * @ino: the socket's inode; a socket is one open file at most
 * @same: numbers that are this socket
 * @sets: numbers that are epoll sets
 *
 * Return: false if the table cannot be read, or has more of one kind than a
 *         list has room for.
 */
bool table_scan(const char *proc, ino_t ino, struct table_list *same,
		struct table_list *sets)
{
	char buf[1024], socket[48], path[64];
	bool good = true;
	long len;
	int dir;

	same->n = 0;
	sets->n = 0;
	snprintf(socket, sizeof(socket), "socket:[%lu]", (unsigned long)ino);
	snprintf(path, sizeof(path), "%s/fd", proc);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	while (good &&
	       (len = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long at = 0; good && at < len;) {
			struct linux_dirent64 *d = (void *)(buf + at);

			at += d->d_reclen;
			if (d->d_name[0] != '.')
				good = sort_out(dir, d->d_name, socket, same,
						sets);
		}
	}
	close(dir);
	return good && !len;
}

/**
 * table_is() - is a number still that socket?
 * @proc: folder of the task in /proc
 * @fd: number
 * @ino: the socket's inode
 *
 * Return: whether it is.
 */
bool table_is(const char *proc, int fd, ino_t ino)
{
	char path[64], socket[48], link[64];
	ssize_t len;

	snprintf(socket, sizeof(socket), "socket:[%lu]", (unsigned long)ino);
	snprintf(path, sizeof(path), "%s/fd/%d", proc, fd);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return false;
	link[len] = 0;
	return !strcmp(link, socket);
}

/**
 * table_may_move() - can a registration be made again for another socket?
 * @entry: it
 *
 * One of EPOLLONESHOT that has told of something is there, but disarmed; a new
 * one would tell of hang-ups and errors.
 *
 * Return: whether nothing is lost.
 */
bool table_may_move(const struct table_entry *entry)
{
	const uint32_t how = EPOLLONESHOT | EPOLLET | EPOLLWAKEUP |
			     EPOLLEXCLUSIVE;

	return !(entry->events & EPOLLONESHOT) || (entry->events & ~how);
}

/* Does the line tell of that descriptor? */
static bool parse(const char *line, int fd, ino_t ino,
		  struct table_entry *entry)
{
	unsigned long long data;
	unsigned long inode;
	unsigned int events;
	long long pos;
	int tfd;

	if (sscanf(line, "tfd: %d events: %x data: %llx pos:%lli ino:%lx",
		   &tfd, &events, &data, &pos, &inode) != 5)
		return false;
	if (tfd != fd || inode != ino)
		return false;
	entry->events = events;
	entry->data = data;
	return true;
}

/**
 * table_epoll() - what an epoll set has of a socket
 * @proc: folder of the task in /proc
 * @set: number of the set
 * @fd: number under which the socket would be registered
 * @ino: its inode
 * @entry: the registration
 *
 * Return: whether there is one.
 */
bool table_epoll(const char *proc, int set, int fd, ino_t ino,
		 struct table_entry *entry)
{
	char path[64], buf[1024];
	bool found = false;
	size_t have = 0;
	ssize_t len;
	int info;

	snprintf(path, sizeof(path), "%s/fdinfo/%d", proc, set);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return false;
	while (!found &&
	       (len = read(info, buf + have, sizeof(buf) - 1 - have)) > 0) {
		char *line = buf, *end;

		buf[have + len] = 0;
		while (!found && (end = strchr(line, '\n'))) {
			*end = 0;
			found = parse(line, fd, ino, entry);
			line = end + 1;
		}
		have = strlen(line);
		memmove(buf, line, have);
	}
	close(info);
	return found;
}
