// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a caller.  It may change under our eyes: what we do with it
 * is never more than the caller could have done itself.
 *
 * It is opened first, and then the kernel is asked whether the caller is still
 * there: a number of a process can be given again, but an open memory stays
 * whose it was.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "run.h"
#include "supervisor.h"

static int open_memory(struct call *c)
{
	char path[64];

	if (c->mem >= 0)
		return 0;
	snprintf(path, sizeof(path), "%d/mem", c->tid);
	c->mem = open(path, O_RDWR | O_CLOEXEC);
	if (c->mem < 0)
		return -1;
	if (call_valid(c))
		return 0;
	close(c->mem);
	c->mem = -1;
	errno = ESRCH;
	return -1;
}

static int all_or_fault(ssize_t done, size_t len)
{
	if (done == (ssize_t)len)
		return 0;
	errno = EFAULT;
	return -1;
}

/**
 * call_read() - copy from the caller's memory
 * @c: call
 * @where: address there
 * @buf: where to
 * @len: how much
 *
 * Return: 0, or -1 with errno.
 */
int call_read(struct call *c, uint64_t where, void *buf, size_t len)
{
	if (open_memory(c))
		return -1;
	return all_or_fault(pread(c->mem, buf, len, where), len);
}

/*
 * /proc/TID/mem is for debuggers, who may write where the process may not.  Is
 * all of that writable?  On lines of the form "from-to perms ...", in order.
 */
static bool is_writable(const struct call *c, uint64_t where, size_t len)
{
	uint64_t end = where + len;
	unsigned long long a, b;
	size_t size = 0;
	char *line = NULL, w;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%d/maps", c->tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (where < end && getline(&line, &size, f) > 0 &&
	       sscanf(line, "%llx-%llx %*c%c", &a, &b, &w) == 3) {
		if (b <= where)
			continue;
		if (a > where || w != 'w')
			break;
		where = b;
	}
	free(line);
	fclose(f);
	return where >= end && call_valid(c);
}

/**
 * call_write() - copy to the caller's memory, where it may write itself
 * @c: call
 * @where: address there
 * @buf: where from
 * @len: how much
 *
 * Return: 0, or -1 with errno.
 */
int call_write(struct call *c, uint64_t where, const void *buf, size_t len)
{
	if (open_memory(c))
		return -1;
	if (!is_writable(c, where, len)) {
		errno = EFAULT;
		return -1;
	}
	return all_or_fault(pwrite(c->mem, buf, len, where), len);
}

/**
 * call_read_word() - read from an array of the caller's words
 * @c: call
 * @where: address of the array
 * @n: index
 * @word: filled in; as wide as the caller's words are there
 *
 * Return: 0, or -1 with errno.
 */
int call_read_word(struct call *c, uint64_t where, int n, uint64_t *word)
{
	uint32_t narrow;

	if (c->wide)
		return call_read(c, where + 8 * n, word, 8);
	if (call_read(c, where + 4 * n, &narrow, 4))
		return -1;
	*word = narrow;
	return 0;
}
