/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vss, the ss of vunix: what its files tell each other.
 */
#ifndef VSS_H
#define VSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <linux/vunix.h>

/* What vss ends with; vss(8) has them, too. */
enum {
	VSS_OK		= 0,
	VSS_FAILED	= 1,	/* the kernel or the system refused */
	VSS_USAGE	= 2,
	VSS_INCOMPLETE	= 3,	/* sockets may be missing from what was printed */
};

/*
 * struct vunix_diag_info, written down again: the kernel's may be longer or
 * shorter than the one in the header that vss was built with.
 */
#define VSS_SHOW_INFO	0x20000000
#define VSS_ATTR_INFO	64

struct vss_info {
	__u64 id;
	__u64 peer_id;
	__u64 age_ns;
	__u64 bytes_sent;
	__u64 bytes_received;
	__u64 messages_sent;
	__u64 messages_received;
	__u64 refused;
	__u64 dropped;
	__u64 blocked;
	__u64 blocked_ns;
	uint32_t pid;
	uint32_t peak;
	uint32_t fds_queued;
	uint32_t reserved;
};

/* States as sock_diag counts them, TCP's. */
enum {
	VSS_ESTABLISHED	= 1,
	VSS_CLOSE	= 7,
	VSS_LISTEN	= 10,
};

#define VSS_ALL_STATES	0xffffffffu

/**
 * struct vss_sock - one socket, as the kernel told
 * @type: SOCK_*
 * @state: TCP_*
 * @ino: its inode
 * @cookie: its id
 * @name: bytes of its name, without the terminator of a path; NULL: none
 * @name_len: their number
 * @peer: inode of its peer; 0: none, or one that is not accepted yet
 * @icons: inodes of sockets that wait to be accepted
 * @has: VSS_HAS_*, which of the members below @cookie the answer had
 *
 * Good until the next socket of a dump.
 */
struct vss_sock {
	uint8_t type;
	uint8_t state;
	uint8_t shutdown;
	uint32_t ino;
	__u64 cookie;
	unsigned int has;
	const char *name;
	size_t name_len;
	uint32_t peer;
	uint32_t uid;
	struct unix_diag_rqlen rqlen;
	struct unix_diag_vfs vfs;
	const uint32_t *icons;
	size_t nr_icons;
	uint32_t mem[SK_MEMINFO_VARS];
	struct vss_info info;
	size_t info_len;
};

enum {
	VSS_HAS_PEER	= 1 << 0,
	VSS_HAS_UID	= 1 << 1,
	VSS_HAS_RQLEN	= 1 << 2,
	VSS_HAS_VFS	= 1 << 3,
	VSS_HAS_ICONS	= 1 << 4,
	VSS_HAS_MEM	= 1 << 5,
	VSS_HAS_SHUTDOWN = 1 << 6,
};

struct filter;

/**
 * struct vss_options - what the command line asked for
 * @states: bit per state
 * @rows: of --top; 0: all
 * @count: intervals of --top; 0: without end
 */
struct vss_options {
	int family;
	bool is_unix;
	uint32_t states;
	struct filter *filter;
	bool extended;
	bool memory;
	bool info;
	bool processes;
	bool header;
	bool json;
	double seconds;
	unsigned int rows;
	unsigned long count;
};

extern struct vss_options opt;

/* diag.c */
typedef int (*diag_each)(const struct vss_sock *s, void *arg);
int diag_dump(uint32_t states, uint32_t show, diag_each each, void *arg);
int diag_dump_again(uint32_t states, uint32_t show, diag_each each,
		    void (*restart)(void *arg), void *arg);

/* filter.c */
int filter_parse(int argc, char **argv);
int filter_prepare(void);
bool filter_match(const struct vss_sock *s);

/* name.c */
size_t name_escape(char *to, const char *name, size_t len, bool column);
int name_print(const char *name, size_t len);
int text_print(const char *text);
void json_text(const char *text);
void json_name(const char *name, size_t len);

/* procs.c */
int procs_scan(void);
int procs_print(uint32_t ino);
void procs_json(uint32_t ino);

/* table.c */
struct table {
	char *rows;
	size_t size;
	size_t nr;
	size_t room;
};

typedef int (*table_compare)(const void *a, const void *b);
void *table_add(struct table *t, size_t size);
void table_sort(struct table *t, table_compare compare);
void *table_find(const struct table *t, const void *key,
		 table_compare compare);
void table_free(struct table *t);
int compare_u32(const void *a, const void *b);
int compare_u64(const void *a, const void *b);

/* print.c */
const char *netid(uint8_t type);
const char *state_name(uint8_t state);
void pad(int printed, int width);
void print_header(void);
void print_sock(const struct vss_sock *s);
void json_sock(const struct vss_sock *s);
void json_next(void);
void info_note(const struct vss_sock *s);
bool info_explain(void);

/* peers.c, top.c, summary.c */
int peers(void);
int top(void);
int summary(void);

#endif /* VSS_H */
