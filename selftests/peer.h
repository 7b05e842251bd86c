/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes of known identity, and sockets that have them as their peers.
 */
#ifndef PEER_H
#define PEER_H

#include "vunix_test.h"

/*
 * A process to be somebody's peer.  Its real, effective and saved ids are
 * base + 1, 2, 3 and base + 11, 12, 13, its groups base + 21, 22, 23.
 */
struct person {
	unsigned int base;
	pid_t pid;
	int go;			/* it lives until this is closed */
};

#define GROUPS		3
#define EXIT_CODE	7

/* What it does to become one, before it lets go of every socket. */
struct deed {
	int family, type, fd;
	int (*fn)(struct deed *d);
	const char *name;	/* to connect to */
};

static inline int do_connect(struct deed *d)
{
	return vt_connect(d->fd, d->name);
}

static inline int do_listen(struct deed *d)
{
	return listen(d->fd, 5);
}

/* The ends go to whoever reads from fd. */
static inline int do_pair(struct deed *d)
{
	int sv[2];

	return vt_pair(d->family, d->type, sv) || vt_send_fd(d->fd, sv[0]) ||
	       vt_send_fd(d->fd, sv[1]);
}

static inline int become(unsigned int base)
{
	gid_t groups[GROUPS] = { base + 21, base + 22, base + 23 };

	return setgroups(GROUPS, groups) ||
	       setresgid(base + 11, base + 12, base + 13) ||
	       setresuid(base + 1, base + 2, base + 3);
}

static inline void peer_live(unsigned int base, struct deed *d, int done,
			     int go)
{
	char c = become(base) || d->fn(d);
	int fd;

	/* What it is from now on is of no concern to the sockets. */
	c = c || setresgid(-1, base + 13, -1) || setresuid(-1, base + 3, -1);
	for (fd = 3; fd < 256; fd++)
		if (fd != done && fd != go)
			close(fd);
	if (write(done, &c, 1) == 1 && !read(go, &c, 1))
		_exit(EXIT_CODE);
	_exit(255);
}

/* Returns 0 once the deed is done. */
static inline int person(struct person *p, unsigned int base, struct deed d)
{
	int done[2], go[2];
	char c = 1;

	p->base = base;
	if (pipe(done) || pipe(go))
		return -1;
	fflush(NULL);
	p->pid = vt_fork();
	if (!p->pid) {
		close(go[1]);
		peer_live(base, &d, done[1], go[0]);
	}
	p->go = go[1];
	close(go[0]);
	close(done[1]);
	if (p->pid < 0 || read(done[0], &c, 1) != 1)
		c = 1;
	close(done[0]);
	return c;
}

/* Let it exit; it stays a zombie until reap(). */
static inline int let_die(struct person *p)
{
	siginfo_t info;

	if (close(p->go))
		return -1;
	return waitid(P_PID, p->pid, &info, WEXITED | WNOWAIT);
}

static inline int reap(struct person *p)
{
	int status;

	if (waitpid(p->pid, &status, 0) != p->pid)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CODE ? 0 : -1;
}

/* Sockets that have a peer, and who that is. */
struct meeting {
	struct person paired, listened, connected;
	int fd[5];
	struct person *who[5];
	int n;
	bool trio;
};

enum { PAIR_A, PAIR_B, LISTENER, CLIENT, ACCEPTED };

static inline void peer_met(struct meeting *m, int fd, struct person *who)
{
	m->fd[m->n] = fd;
	m->who[m->n++] = who;
}

static inline int meet_pair(int family, int type, struct meeting *m)
{
	struct deed d = { family, type, -1, do_pair, NULL };
	int ctl[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ctl))
		return -1;
	d.fd = ctl[1];
	if (person(&m->paired, 1000, d))
		return -1;
	peer_met(m, vt_recv_fd(ctl[0]), &m->paired);
	peer_met(m, vt_recv_fd(ctl[0]), &m->paired);
	close(ctl[0]);
	close(ctl[1]);
	return m->fd[PAIR_A] < 0 || m->fd[PAIR_B] < 0;
}

static inline int meet_trio(int family, int type, struct meeting *m)
{
	int l = vt_socket(family, type), c = vt_socket(family, type);
	struct deed d = { family, type, l, do_listen, NULL };
	static int nr;
	char name[16];

	/* There may be another meeting of this family. */
	snprintf(name, sizeof(name), "@meet%d", nr++);
	d.name = name;
	if (vt_bind(l, name) || person(&m->listened, 2000, d))
		return -1;
	d.fd = c;
	d.fn = do_connect;
	if (person(&m->connected, 3000, d))
		return -1;
	peer_met(m, l, &m->listened);
	peer_met(m, c, &m->listened);
	peer_met(m, accept(l, NULL, NULL), &m->connected);
	return m->fd[ACCEPTED] < 0;
}

/* A pair, and what listens, connects and is accepted if the type does. */
static inline int meet(int family, int type, struct meeting *m)
{
	memset(m, 0, sizeof(*m));
	m->trio = type != SOCK_DGRAM;
	return meet_pair(family, type, m) ||
	       (m->trio && meet_trio(family, type, m));
}

static inline int all_die(struct meeting *m)
{
	return let_die(&m->paired) ||
	       (m->trio && (let_die(&m->listened) || let_die(&m->connected)));
}

static inline int all_reaped(struct meeting *m)
{
	return reap(&m->paired) ||
	       (m->trio && (reap(&m->listened) || reap(&m->connected)));
}

static inline int peer_part(struct meeting *m)
{
	int i;

	for (i = 0; i < m->n; i++)
		close(m->fd[i]);
	return all_die(m) || all_reaped(m);
}

/* An option's value: 0 or the errno. */
static inline int peer_get(int fd, int opt, void *buf, socklen_t *len)
{
	return vt_err(getsockopt(fd, SOL_SOCKET, opt, buf, len));
}

static inline bool cred_is(int fd, pid_t pid, uid_t uid, gid_t gid)
{
	struct ucred cred = {};
	socklen_t len = sizeof(cred);

	return !peer_get(fd, SO_PEERCRED, &cred, &len) && len == sizeof(cred) &&
	       cred.pid == pid && cred.uid == uid && cred.gid == gid;
}

static inline bool nobody(int fd)
{
	return cred_is(fd, 0, -1, -1);
}

/* The effective ids it had. */
static inline bool peer_is(int fd, const struct person *p)
{
	return cred_is(fd, p->pid, p->base + 2, p->base + 12);
}

static inline bool is_myself(int fd)
{
	return cred_is(fd, getpid(), geteuid(), getegid());
}

static inline bool groups_of(int fd, const struct person *p)
{
	gid_t groups[8];
	socklen_t len = sizeof(groups);
	unsigned int i;

	if (peer_get(fd, SO_PEERGROUPS, groups, &len) ||
	    len != GROUPS * sizeof(*groups))
		return false;
	for (i = 0; i < GROUPS; i++)
		if (groups[i] != p->base + 21 + i)
			return false;
	return true;
}

/* A new pidfd of the peer, or -errno. */
static inline int new_pidfd(int fd)
{
	socklen_t len = sizeof(int);
	int pidfd = -1, err = peer_get(fd, SO_PEERPIDFD, &pidfd, &len);

	if (err)
		return -err;
	return len == sizeof(int) ? pidfd : -EPROTO;
}

#endif /* PEER_H */
