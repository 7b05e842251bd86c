/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending and receiving urgent data without waiting: oob.c, oob_marks.c.
 */
#ifndef VUNIX_OOB_H
#define VUNIX_OOB_H

#include "vunix_test.h"

static inline bool put(int fd, const char *data, int flags)
{
	ssize_t n = strlen(data);

	return send(fd, data, n, flags | MSG_NOSIGNAL | MSG_DONTWAIT) == n;
}

/* Receive up to @n bytes without waiting: exactly @want? */
static inline bool get(int fd, size_t n, int flags, const char *want)
{
	char buf[4096];
	ssize_t len = recv(fd, buf, n, flags | MSG_DONTWAIT);

	return len == (ssize_t)strlen(want) && !memcmp(buf, want, len);
}

/* The error of such a receive, 0 if there is none. */
static inline int get_err(int fd, size_t n, int flags)
{
	char buf[4096];

	return vt_err(recv(fd, buf, n, flags | MSG_DONTWAIT));
}

static inline int at_mark(int fd)
{
	int n = -1;

	return ioctl(fd, SIOCATMARK, &n) ? -1 : n;
}

/* 2: an urgent byte is pending, 1: the reader is at a mark.  And 3, 0. */
static inline int state(int fd)
{
	return at_mark(fd) | (vt_poll(fd, POLLPRI) & POLLPRI ? 2 : 0);
}

static inline int set_inline(int fd)
{
	return vt_setint(fd, SOL_SOCKET, SO_OOBINLINE, 1);
}

#define SKIP_OLDER(minor, ...) do { \
	if (VT_UNIX_OLDER(6, minor)) { \
		SKIP_ROWS("AF_UNIX older than 6." #minor, __VA_ARGS__); \
		SKIP(return, "AF_UNIX older than 6." #minor); \
	} \
} while (0)

#endif /* VUNIX_OOB_H */
