// SPDX-License-Identifier: GPL-2.0
/*
 * Who calls, and becoming what makes a socket the caller's: network namespace,
 * owner, label.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "run.h"
#include "supervisor.h"

/* What a socket of ours would be made with. */
static struct stat own_net;
static char own_label[256];
static int own_net_fd;
static uid_t own_uid;
static gid_t own_gid, own_group[CALL_GROUPS];
static int own_groups;
static bool other_groups;	/* those of a caller are in force */

static bool read_proc(pid_t tid, const char *name, char *buf, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/%s", tid, name);
	return run_read(path, buf, size);
}

/*
 * Numbers of processes are those of our pid namespace; what is mounted on /proc
 * may be that of another, where they are other processes'.
 */
static int check_proc(const char *path)
{
	long first;

	errno = 0;
	first = run_long_status(path, "NSpid", 0);
	if (first == getpid() && run_long_status(path, "NSpid", 1) < 0 &&
	    !errno)
		return 0;
	errno = errno ?: EXDEV;
	return -1;
}

/**
 * learn_self() - find out what call_leave() has to come back to
 *
 * Return: a descriptor to be kept, see keep_self(), or -1 with errno; EXDEV if
 *         /proc is of another pid namespace.
 */
int learn_self(void)
{
	own_net_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own_net_fd < 0 || fstat(own_net_fd, &own_net))
		return -1;
	if (check_proc("/proc/self/status"))
		return -1;
	own_uid = geteuid();
	own_gid = getegid();
	own_groups = getgroups(CALL_GROUPS, own_group);
	run_read("/proc/self/attr/current", own_label, sizeof(own_label));
	return own_net_fd;
}

/**
 * keep_self() - settled, know the way back
 * @fd: the number that what learn_self() has opened has now
 *
 * From here on the current folder is /proc, and its files are opened relative
 * to that: the tree may mount another in its place.
 *
 * Return: 0, or -1 with errno.
 */
int keep_self(int fd)
{
	own_net_fd = fd;
	return chdir("/proc") ? -1 : check_proc("self/status");
}

/**
 * call_valid() - is the caller still there?
 * @c: call
 *
 * Return: true if what was read or opened of it before was its own.
 */
bool call_valid(const struct call *c)
{
	return !ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &c->req->id);
}

/* The line is there even if it is empty, and ends in a space. */
static void read_groups(struct call *c, const char *line)
{
	c->nr_groups = -1;
	if (!line || !strchr(line, '\n'))
		return;
	c->nr_groups = 0;
	for (;;) {
		unsigned long group;
		char *end;

		while (*line == ' ' || *line == '\t')
			line++;
		if (*line == '\n')
			return;
		group = strtoul(line, &end, 10);
		if (end == line || c->nr_groups == CALL_GROUPS) {
			c->nr_groups = -1;
			return;
		}
		c->groups[c->nr_groups++] = group;
		line = end;
	}
}

/**
 * call_caller() - find out who calls
 * @c: call; its ids, and the size of its table of descriptors, are filled in
 *
 * Return: false if it has gone or hides from us.
 */
bool call_caller(struct call *c)
{
	char status[8192];

	if (!read_proc(c->tid, "status", status, sizeof(status)))
		return false;
	c->tgid = run_status_number(status, "Tgid", 0);
	c->uid = run_status_number(status, "Uid", 1);
	c->fsuid = run_status_number(status, "Uid", 3);
	c->gid = run_status_number(status, "Gid", 1);
	c->fsgid = run_status_number(status, "Gid", 3);
	read_groups(c, run_status_line(status, "Groups"));
	c->fdsize = run_status_number(status, "FDSize", 0);
	c->threads = run_status_number(status, "Threads", 0);
	return c->tgid > 0 && call_valid(c);
}

static bool same_label(pid_t tid)
{
	char label[sizeof(own_label)];

	read_proc(tid, "attr/current", label, sizeof(label));
	return !strcmp(label, own_label);
}

/* To our own network namespace, which may belong to who is above us. */
static bool may_return(void)
{
	static enum { UNKNOWN, YES, NO } may;

	if (may == UNKNOWN)
		may = setns(own_net_fd, CLONE_NEWNET) ? NO : YES;
	return may == YES;
}

/* 0: it is ours; 1: we are in the caller's now; -1: neither. */
static int enter_net(pid_t tid)
{
	struct stat st;
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "%d/ns/net", tid);
	if (stat(path, &st))
		return -1;
	if (st.st_ino == own_net.st_ino && st.st_dev == own_net.st_dev)
		return 0;
	if (!may_return())
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	err = setns(fd, CLONE_NEWNET);
	close(fd);
	return err ? -1 : 1;
}

static bool same_groups(const struct call *c)
{
	return c->nr_groups == own_groups &&
	       !memcmp(c->groups, own_group, own_groups * sizeof(*own_group));
}

/*
 * Effective ids and groups as well: SO_PEERCRED and SO_PEERGROUPS of a
 * socketpair are those of its maker.  What is privileged comes first.
 */
static bool become_owner(const struct call *c)
{
	if (own_groups < 0 || c->nr_groups < 0)
		return false;
	if (!same_groups(c)) {
		if (setgroups(c->nr_groups, c->groups))
			return false;
		other_groups = true;
	}
	if ((c->gid != own_gid && setegid(c->gid)) ||
	    (c->uid != own_uid && seteuid(c->uid)))
		return false;
	setfsgid(c->fsgid);
	setfsuid(c->fsuid);
	return (gid_t)setfsgid(-1) == c->fsgid &&
	       (uid_t)setfsuid(-1) == c->fsuid;
}

/* Without this nothing may go on: better nobody who serves than a wrong one. */
static void become_self(void)
{
	if (seteuid(own_uid) || setegid(own_gid))
		_exit(1);
	setfsuid(own_uid);
	setfsgid(own_gid);
	if (other_groups && setgroups(own_groups, own_group))
		_exit(1);
	other_groups = false;
}

/**
 * call_become() - take on the caller's identity only, for good
 * @c: call that call_enter() has worked for
 *
 * Return: whether that worked.
 */
bool call_become(const struct call *c)
{
	return become_owner(c) && call_valid(c);
}

/**
 * call_enter() - become what makes a socket the caller's
 * @c: call
 *
 * Return: whether that worked; then call_leave() must follow.
 */
bool call_enter(struct call *c)
{
	if (!call_caller(c) || !same_label(c->tid))
		return false;
	c->elsewhere = enter_net(c->tid);
	if (c->elsewhere < 0)
		return false;
	if (call_become(c))
		return true;
	call_leave(c);
	return false;
}

/**
 * call_leave() - be ourselves again, after call_enter()
 * @c: call
 *
 * Ends the process if that does not work.
 */
void call_leave(struct call *c)
{
	become_self();
	if (c->elsewhere == 1 && setns(own_net_fd, CLONE_NEWNET))
		_exit(1);
}
