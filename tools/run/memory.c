// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a caller.  It may change under our eyes: what we do with it
 * is never more than the caller could have done itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/uio.h>
#include "run.h"
#include "supervisor.h"

static int all_or_fault(ssize_t done, size_t len)
{
	if (done == (ssize_t)len)
		return 0;
	if (done >= 0)
		errno = EFAULT;
	return -1;
}

int call_read(const struct call *c, uint64_t where, void *buf, size_t len)
{
	struct iovec here = { buf, len };
	struct iovec there = { (void *)(uintptr_t)where, len };

	return all_or_fault(process_vm_readv(c->tid, &here, 1, &there, 1, 0),
			    len);
}

int call_write(const struct call *c, uint64_t where, const void *buf,
	       size_t len)
{
	struct iovec here = { (void *)buf, len };
	struct iovec there = { (void *)(uintptr_t)where, len };

	return all_or_fault(process_vm_writev(c->tid, &here, 1, &there, 1, 0),
			    len);
}

/* The @n-th word of an array, as wide as the caller's words are. */
int call_read_word(const struct call *c, uint64_t where, int n, uint64_t *word)
{
	uint32_t narrow;

	if (c->wide)
		return call_read(c, where + 8 * n, word, 8);
	if (call_read(c, where + 4 * n, &narrow, 4))
		return -1;
	*word = narrow;
	return 0;
}
