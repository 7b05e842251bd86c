/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vunix-run: what its files, and the preloaded library, share.
 */
#ifndef VUNIX_RUN_H
#define VUNIX_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Of vunix-run itself; all others are the command's. */
enum {
	EXIT_NO_VUNIX	= 125,
	EXIT_NOT_RUN	= 126,
	EXIT_NOT_FOUND	= 127,
};

/*
 * Environment of a tree that runs preloaded.  The library believes nothing
 * else, so a program started with a clean environment is on AF_UNIX.
 */
#define ENV_FAMILY	"VUNIX_RUN_FAMILY"	/* number of the family */
#define ENV_FALLBACK	"VUNIX_RUN_FALLBACK"	/* set: reach AF_UNIX, too */
#define ENV_FILTERS	"VUNIX_RUN_FILTERS"	/* seccomp filters before us */
#define ENV_COUNT	"VUNIX_RUN_COUNT"	/* shared memory, and its token */

/* What a tree of processes has made; every process of it adds. */
struct run_count {
	uint32_t	sockets;	/* of vunix */
	uint32_t	native;		/* left on AF_UNIX */
	uint32_t	replaced;	/* of vunix, and then of AF_UNIX */
	uint64_t	token;		/* a number may be given again */
};

struct run_options {
	int		family;
	bool		fallback;
	bool		verbose;
	const char	*name;		/* of the command, for messages */
};

/* main.c */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_count(const struct run_options *opt, const struct run_count *count);

/* apart.c */
pid_t raw_clone(unsigned long flags);
pid_t start_apart(unsigned long flags);
int in_child(int (*try)(void));
int stay_as_init(void);
void stand_apart(void);
int settle(int *fds, int n, bool verbose);

/* program.c */
enum program_kind {
	PROGRAM_DYNAMIC,	/* takes a preloaded library */
	PROGRAM_STATIC,
	PROGRAM_FOREIGN,	/* of another machine, word size or C library */
	PROGRAM_GO,		/* dynamic, but calls the kernel by itself */
	PROGRAM_FIRST,		/* dynamic, with a library that must be first */
	PROGRAM_SETID,		/* ld.so takes no library from its caller */
	PROGRAM_UNKNOWN,
};

int program_find(const char *name, char *path, size_t size);
enum program_kind program_kind(const char *path);

/* filter.c */
enum run_call {
	CALL_NONE = -1,
	CALL_SOCKET,
	CALL_SOCKETPAIR,
	CALL_CONNECT,
	CALL_SENDTO,
	CALL_SENDMSG,
	CALL_SENDMMSG,
	NR_CALLS,
	CALL_SOCKETCALL = NR_CALLS,
	NR_ASKED
};

int filter_install(bool fallback);
enum run_call filter_call(uint32_t arch, int nr);
enum run_call filter_subcall(int nr, int *words);

/* supervisor.c */
int supervise(const struct run_options *opt);

/* native.c */
bool run_read(const char *path, char *buf, size_t size);
const char *run_status_line(const char *status, const char *name);
long run_status_number(const char *status, const char *name, int nth);
long run_long_status(const char *path, const char *name, int nth);
long run_own_status(const char *name);
bool native_is_vunix(int fd);
bool native_may_replace(int fd);
bool native_has_peer(int fd);
int native_like(int fd, bool for_another);

/* table.c */
#define TABLE_MAX	256

/* Numbers in a table of descriptors. */
struct table_list {
	int	n;
	int	fds[TABLE_MAX];
};

/* One registration of a descriptor in an epoll set. */
struct table_entry {
	uint32_t	events;
	uint64_t	data;
};

bool table_scan(const char *proc, ino_t ino, struct table_list *same,
		struct table_list *sets);
bool table_is(const char *proc, int fd, ino_t ino);
bool table_may_move(const struct table_entry *entry);
bool table_epoll(const char *proc, int set, int fd, ino_t ino,
		 struct table_entry *entry);

#endif
