/* SPDX-License-Identifier: GPL-2.0 */
/* A system call that waits for the supervisor's answer. */
#ifndef VUNIX_RUN_SUPERVISOR_H
#define VUNIX_RUN_SUPERVISOR_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "run.h"

/* A caller with more groups than that is left on AF_UNIX. */
#define CALL_GROUPS	256

struct call {
	const struct run_options	*opt;
	int				listener;
	struct seccomp_notif		*req;
	struct seccomp_notif_resp	*resp;
	size_t				resp_size;
	pid_t				tid;
	bool				wide;	/* 64-bit caller */
	uint64_t			args[6];
	int				mem;	/* /proc/TID/mem, or -1 */
	/* call_caller() fills in: */
	pid_t				tgid;
	uid_t				uid, fsuid;
	gid_t				gid, fsgid;
	int				nr_groups;
	gid_t				groups[CALL_GROUPS];
	unsigned int			fdsize;
	unsigned int			threads;
	/* call_enter(): 1 if we are in a namespace of its own */
	int				elsewhere;
};

/* supervisor.c */
bool call_claim(struct call *c, ino_t ino);

/* caller.c */
int learn_self(void);
int keep_self(int fd);
bool call_valid(const struct call *c);
bool call_caller(struct call *c);
bool call_enter(struct call *c);
bool call_become(const struct call *c);
void call_leave(struct call *c);

/* fallback.c */
bool fallback_call(struct call *c, enum run_call what);

/* memory.c */
int call_read(struct call *c, uint64_t where, void *buf, size_t len);
int call_write(struct call *c, uint64_t where, const void *buf, size_t len);
int call_read_word(struct call *c, uint64_t where, int n, uint64_t *word);

#endif
