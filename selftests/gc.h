/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Making garbage of sockets, and seeing that it goes: gc.c, gc_graph.c, cve.c.
 *
 * Nothing tells userland that the collector has run.  What is freed is seen by
 * what was queued with it: pipes end at their other side (struct scm_probe), and
 * the family's table in /proc loses its entries.
 */
#ifndef VUNIX_GC_H
#define VUNIX_GC_H

#include "scm.h"

/* How long to wait for a collector that ought to need a second, in ms. */
#define GC_PATIENCE	(20000 * vt_patience())

/*
 * AF_UNIX looks for garbage when one of its sockets is closed.  vunix does so
 * without being asked, so it is not.
 */
static inline void gc_kick(int family)
{
	if (vt_is_unix(family))
		close(socket(AF_UNIX, SOCK_DGRAM, 0));
}

/* Wait until the write ends of @n probes are open nowhere. */
static inline bool gc_gone(int family, const struct scm_probe *p, int n)
{
	long long end = vt_ticks_ms() + GC_PATIENCE;
	int i;

	for (i = 0; i < n; i++) {
		while (scm_open(&p[i])) {
			if (vt_ticks_ms() > end)
				return false;
			gc_kick(family);
			vt_poll_wait(p[i].r, POLLIN, 10);
		}
		close(p[i].r);
	}
	return true;
}

/* Sockets of the family in this namespace, or -1. */
static inline int gc_sockets(int family)
{
	char *table = vt_read_file(vt_proc_net(family)), *s;
	int n = -1;

	for (s = table; s && *s; s++)
		n += *s == '\n';
	free(table);
	return n;
}

/* Wait until there are no more than there were. */
static inline bool gc_drained(int family, int base)
{
	long long end = vt_ticks_ms() + GC_PATIENCE;
	struct timespec ms = { .tv_nsec = 10000000 };
	int n;

	for (;;) {
		n = gc_sockets(family);
		if (n >= 0 && n <= base)
			return true;
		if (vt_ticks_ms() > end)
			return false;
		gc_kick(family);
		nanosleep(&ms, NULL);
	}
}

/* Queue @fd and a new probe through @via, and keep only @fd: 0, or the errno. */
static inline int gc_put(int via, int fd, struct scm_probe *p)
{
	int fds[2], err;

	if (scm_probe(p))
		return errno;
	fds[0] = fd;
	fds[1] = p->w;
	err = scm_send_fds(via, "x", fds, 2, 0);
	close(p->w);
	return err;
}

/*
 * Receive what gc_put() queued: the socket, or -1 if it is not exactly that.
 * A peer that was closed may have left an error, which comes first.
 */
static inline int gc_take(int sock, int flags, const struct scm_probe *p)
{
	struct scm_in in;
	bool ok;

	if (scm_recv(sock, &in, flags) < 0 && errno == ECONNRESET)
		scm_recv(sock, &in, flags);
	ok = scm_is(&in, "x") && in.nr_fds == 2 && scm_reaches(in.fds[1], p);
	if (in.nr_fds > 1)
		close(in.fds[1]);
	if (in.nr_fds == 1 || (in.nr_fds && !ok))
		close(in.fds[0]);
	return ok ? in.fds[0] : -1;
}

/* Two sockets queued on each other and open nowhere: 0 or -1. */
static inline int gc_garbage(int family, int type, struct scm_probe p[2])
{
	int sv[2], err;

	if (vt_pair(family, type, sv))
		return -1;
	err = gc_put(sv[0], sv[0], &p[0]) ?: gc_put(sv[1], sv[1], &p[1]);
	close(sv[0]);
	close(sv[1]);
	return err ? -1 : 0;
}

/* Let collections happen: each must have freed something. */
static inline bool gc_collect(int family, int times)
{
	struct scm_probe p[2];

	while (times--)
		if (gc_garbage(family, SOCK_DGRAM, p) || !gc_gone(family, p, 2))
			return false;
	return true;
}

/* Listener that is bound to @name: descriptor or -1. */
static inline int gc_listener(int family, int type, const char *name)
{
	int fd = vt_socket(family, type);

	return vt_bind(fd, name) || listen(fd, 16) ? -1 : fd;
}

/* Client of the listener at @name: descriptor or -1. */
static inline int gc_client(int family, int type, const char *name)
{
	int fd = vt_socket(family, type);

	if (!vt_connect(fd, name))
		return fd;
	close(fd);
	return -1;
}

#endif /* VUNIX_GC_H */
