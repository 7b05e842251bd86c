/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the fuzzer share.
 *
 * A program is a list of operations on numbered slots, which hold descriptors.
 * It is made by generate.c from a seed, run on one family by execute.c, which
 * writes down all that can be seen (record.c); compare.c finds the first
 * difference between two such traces.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#define NSLOTS		24
#define MAX_OPS		64
#define NARGS		8
#define NFILES		6	/* paths to bind to, abstract names */

/*
 * Name and arguments of each operation.  Arguments, a letter each: s slot that is
 * used, d slot that is filled, l length, f flags, a kind of address, i its number,
 * e events, and others that mean something to that operation alone.
 */
#define FUZZ_OPS(X) \
	X(SOCKET,	socket,		"dtfp") \
	X(PAIR,		pair,		"ddtfp") \
	X(BIND,		bind,		"sai") \
	X(CONNECT,	connect,	"sai") \
	X(LISTEN,	listen,		"sn") \
	X(ACCEPT,	accept,		"sdfw") \
	X(SEND,		send,		"slf") \
	X(SENDTO,	sendto,		"slfai") \
	X(SENDMSG,	sendmsg,	"slfaivcx") \
	X(SENDMMSG,	sendmmsg,	"slfvcx") \
	X(WRITE,	write,		"sl") \
	X(WRITEV,	writev,		"slv") \
	X(RECV,		recv,		"slf") \
	X(RECVFROM,	recvfrom,	"slfw") \
	X(RECVMSG,	recvmsg,	"slfvcd") \
	X(RECVMMSG,	recvmmsg,	"slfvcd") \
	X(READ,		read,		"sl") \
	X(READV,	readv,		"slv") \
	X(SPLICE_IN,	splice_in,	"sslf") \
	X(SPLICE_OUT,	splice_out,	"sslf") \
	X(SENDFILE,	sendfile,	"sslo") \
	X(SETOPT,	setopt,		"soxn") \
	X(GETOPT,	getopt,		"son") \
	X(NAME,		name,		"sw") \
	X(PEER,		peer,		"sw") \
	X(SHUTDOWN,	shutdown,	"sn") \
	X(CLOSE,	close,		"s") \
	X(DUP,		dup,		"sdn") \
	X(POLL,		poll,		"sssew") \
	X(SELECT,	select,		"ss") \
	X(EPOLL,	epoll,		"d") \
	X(EPCTL,	epctl,		"snse") \
	X(EPWAIT,	epwait,		"snw") \
	X(PIPE,		pipe,		"ddn") \
	X(FILE,		file,		"dn") \
	X(FCNTL,	fcntl,		"snx") \
	X(IOCTL,	ioctl,		"sn") \
	X(FORK,		fork,		"") \
	X(EXIT,		exit,		"") \
	X(KILL,		kill,		"nx") \
	X(UNLINK,	unlink,		"i") \
	X(CHMOD,	chmod,		"ix") \
	X(RENAME,	rename,		"ii") \
	X(FSTAT,	fstat,		"s") \
	X(FDINFO,	fdinfo,		"s") \
	X(FILTER,	filter,		"sn") \
	X(FLOW,		flow,		"sslx")

enum op_code {
#define X(upper, lower, args) OP_##upper,
	FUZZ_OPS(X)
#undef X
	NOPS
};

struct op_info {
	const char	*name;
	const char	*args;
};

extern const struct op_info op_info[NOPS];

/* Who does an operation.  ANYBODY: who runs the program, or a thread if it may sleep */
enum actor_number { ANYBODY, THREAD_1, THREAD_2, CHILD, NACTORS };

struct op {
	unsigned char	code;
	unsigned char	actor;
	int		a[NARGS];
};

struct program {
	int		n;
	struct op	op[MAX_OPS];
};

/* Kinds of addresses */
enum addr_kind {
	ADDR_PATH, ADDR_ABSTRACT, ADDR_NAMEOF, ADDR_UNSPEC, ADDR_EMPTY,
	ADDR_SHORT, ADDR_LONG, ADDR_FULL, ADDR_FAMILY, ADDR_BAD, ADDR_MISSING,
	ADDR_FILE, ADDR_DIR, ADDR_LINK, ADDR_DANGLING, ADDR_NUL, ADDR_SLASH,
	ADDR_UNTERMINATED, ADDR_NOTDIR, ADDR_NULL, NADDRS
};

/* Kinds of control messages to send */
enum cmsg_kind {
	CMSG_NONE, CMSG_FD, CMSG_FDS, CMSG_CRED, CMSG_CRED_UID, CMSG_CRED_PID,
	CMSG_CRED_BAD, CMSG_FD_CRED, CMSG_SHORT, CMSG_TYPE, CMSG_LEVEL,
	CMSG_PIDFD, CMSG_FD_BAD, CMSG_FD_TWICE, CMSG_MANY, CMSG_EMPTY,
	CMSG_SELF, NCMSGS
};

#define CMSG_FDS_N	3
#define CMSG_MANY_N	254	/* one more than the kernel takes */
#define FD_NONE		899	/* nobody's */

/* Flags of a socket that is made: 'f' of "socket", "pair", "accept" */
#define FLAG_NONBLOCK	1
#define FLAG_CLOEXEC	2
#define FLAG_WRONG	4	/* of accept4() alone */

/*
 * How an address is to be stored, as 'w' says: with room for all of it, for four
 * bytes, none, where nobody may write; and a length of -1 for getsockname(), no
 * pointers for who else asks.
 */
enum room_kind { ROOM_ALL, ROOM_FEW, ROOM_NONE, ROOM_BAD, ROOM_ODD, NROOMS };

/* Room for control messages, in bytes: see control_rooms[] */
enum control_kind {
	CONTROL_BAD = 8,	/* where nobody may write */
	NCONTROLS
};
/* This bit of it: room for a part of the address */
#define CONTROL_SHORT_NAME	8
#define SHORT_NAME		10

/* Length of an option's value: its own, others, and where nobody may look */
enum opt_how { OPT_OWN, OPT_TWO, OPT_MORE, OPT_BAD, OPT_NEGATIVE, OPT_EMPTY, NOPTHOWS };

/* What ioctl(), fcntl(), open(), epoll_ctl() and a filter are for */
enum ioctl_kind {
	IOCTL_INQ, IOCTL_OUTQ, IOCTL_ATMARK, IOCTL_FILE, IOCTL_NONBLOCK,
	IOCTL_BLOCK, IOCTL_ASYNC, IOCTL_INQ_BAD, IOCTL_PGRP, IOCTL_UNKNOWN,
	NIOCTLS
};

enum fcntl_kind {
	FCNTL_NONBLOCK, FCNTL_ASYNC, FCNTL_SETOWN, FCNTL_GETFL, FCNTL_SETSIG,
	FCNTL_GETOWN, FCNTL_GETFD, NFCNTLS
};

enum open_kind { OPEN_FILE, OPEN_PATH, OPEN_DIR, OPEN_NULL, NOPENS };
enum epctl_kind { EPCTL_ADD, EPCTL_MOD, EPCTL_DEL, NEPCTLS };
enum filter_kind { FILTER_ALL, FILTER_NONE, FILTER_DETACH, NFILTERS };

/* Flags of splice() are the lower bits; with an offset, which sockets have not */
#define SPLICE_FLAGS	7
#define SPLICE_OFFSET	8

/* 'x' of "flow": how large a send buffer, and whether somebody sleeps in front */
#define FLOW_SIZE	3
#define FLOW_BLOCK	4
extern const int flow_sizes[FLOW_SIZE + 1];

#define MAX_PARTS	4	/* of a vector */
#define MAX_MSGS	4	/* of sendmmsg() and recvmmsg() */

/* Numbers in a file may be any; those of the generator are in range. */
static inline int choice(int v, int n)
{
	return (unsigned int)v % n;
}

/* Which slot a control message takes its descriptor i from */
static inline int cmsg_slot(int x, int i)
{
	return choice((unsigned int)x + i * 5, NSLOTS);
}

/* Lengths that are none: an address that cannot be read or written */
#define LEN_BAD		(-1)
/* and one that can for its first half only */
#define LEN_HALF	(-2)
/* of as many bytes */
#define LEN_EDGE	64
/* more than a message may have */
#define LEN_HUGE	(-3)
/* Nobody without privilege gets an SO_SNDBUF as large as that. */
#define HUGE_BYTES	430000

/* --- record.c ------------------------------------------------------------- */

/* What is in a trace: a tag, a length, that many bytes */
#define FUZZ_TAGS(X) \
	X(OP, "operation") \
	X(END, "actor that ends it") \
	X(RET, "return value") \
	X(ERRNO, "errno") \
	X(BLOCKED, "blocked") \
	X(BUSY, "no actor for it") \
	X(SIGNALS, "signals") \
	X(DATA, "data") \
	X(BEHIND, "bytes behind it") \
	X(ADDR, "address") \
	X(FLAGS, "msg_flags") \
	X(CTLLEN, "msg_controllen") \
	X(CMSG, "control message") \
	X(CDATA, "its data") \
	X(CRED, "credentials") \
	X(FD, "descriptor's number") \
	X(IDENT, "descriptor's identity") \
	X(FDFLAGS, "descriptor's flags") \
	X(PID, "process") \
	X(REVENTS, "poll mask") \
	X(EVENT, "epoll event") \
	X(VALUE, "value") \
	X(OPTLEN, "optlen") \
	X(COUNT, "queue count") \
	X(MSGLEN, "msg_len") \
	X(STEP, "flow: step")

enum tag {
#define X(upper, text) T_##upper,
	FUZZ_TAGS(X)
#undef X
	NTAGS
};

#define TRACE_MAX (192 << 10)
struct trace {
	unsigned int	n;
	int		over;
	unsigned char	b[TRACE_MAX];
};

/* An entry more: a number, bytes as they are.  What has no room sets t->over. */
void rec_num(struct trace *t, enum tag tag, long long value);
void rec_bytes(struct trace *t, enum tag tag, const void *p, size_t len);
/* Received bytes, of any length: how many, a hash, and the first of them */
void rec_data(struct trace *t, const void *p, size_t len);
/*
 * Bytes from to to - 1 of a buffer that was filled with UNTOUCHED, none of which the
 * kernel should have written
 */
#define UNTOUCHED 0xa5
void rec_behind(struct trace *t, const void *p, size_t from, size_t to);
/* All that another trace has */
void rec_append(struct trace *t, const struct trace *other);

struct entry {
	enum tag		tag;
	unsigned int		len;
	const unsigned char	*p;
};

/* The entry at *pos, which moves on; 0 at the end */
int rec_next(const struct trace *t, unsigned int *pos, struct entry *e);
/* For people */
void rec_show(FILE *f, const struct entry *e);
extern const char *const tag_name[NTAGS];

/* --- program.c ------------------------------------------------------------ */

/* As text, which program_read() understands */
void program_write(FILE *f, const struct program *p);
/* 0, or -1 and the line that cannot be read */
int program_read(FILE *f, struct program *p, int *line);

/* --- generate.c ----------------------------------------------------------- */

struct rng {
	uint64_t s;
};

/* Any number, and one of 0 to n - 1 */
uint64_t rng_next(struct rng *r);
static inline int rng_below(struct rng *r, int n)
{
	return (int)((rng_next(r) >> 16) % n);
}

#define KERNEL(a, b) ((a) * 1000 + (b))
/* Some operations are for newer ones only: programs depend on it. */
extern int running_kernel;
/* A program, which r and running_kernel alone decide */
void generate(struct rng *r, struct program *p);

/* --- execute.c ------------------------------------------------------------ */

/* Operations by type of the socket they are on */
enum slot_type { SLOT_STREAM, SLOT_DGRAM, SLOT_SEQPACKET, SLOT_OTHER, NTYPES };

struct counts {
	unsigned long	ops[NOPS][NTYPES];
	unsigned long	good[NOPS][NTYPES];
};

/* Once, with a folder to work in; ends the process if that fails */
void execute_init(const char *dir);
/* For programs in lock step: on one processor */
void execute_in_order(void);
/* Runs p on sockets of a family.  t is written anew; counts may be NULL */
void execute(const struct program *p, int family, struct trace *t,
	     struct counts *counts);
/*
 * The same with pause milliseconds after each operation, and patience in front of
 * those in where, a bit each
 */
void execute_slowly(const struct program *p, int family, struct trace *t,
		    int pause, uint64_t where, int patience);

/* Operations that concern actors, or need one: who runs the program does them. */
int for_main(int code);
/* For those.  0, or -1 with errno: there is a child already */
int fork_actor(void);
/* Kills the child, if any: 1 */
int exit_actor(void);
/* 1 if somebody was reached; 0: there is nobody, or who is there does nothing */
int signal_actor(int actor, int sig);
/* The first thread sends, and may sleep; 0: it has something else to do */
int actor_start_send(int fd, const void *p, size_t len);
/* Of that send: 1 done, with what it returned, 0 asleep */
int actor_settled(long *ret);
/* Is nobody at work? */
int actors_idle(void);

/* --- slots.c -------------------------------------------------------------- */

/* An operation that is run.  The crash fuzzer has many at once. */
struct ctx {
	const struct program	*p;
	int			index;	/* of the operation */
	struct trace		*t;
	int			family;
	int			actor;
	struct counts		*counts;
};

#define FD_PRIVATE 900		/* the fuzzer's own descriptors start here */
#define NIDENTS 512		/* identities that a process tells apart */

/* Descriptors, -1 for none; of each process its own */
extern int slots[NSLOTS];
/* Who is who in credentials: main process and child */
extern int known_pid[2];

/* For every run: slots are empty, no inode was ever seen */
void slots_reset(void);
/* A descriptor that is new.  What the slot had is closed; fd < 0 does nothing */
void slot_set(struct ctx *c, int slot, int fd);
/* It has been closed. */
void slot_forget(int slot);
/* The epoll descriptor in a slot has been given the socket in another one. */
void slot_watch(int slot, int socket);
/* enum slot_type: of a socket() type, of what is in a slot, of a descriptor */
int type_index(int type);
int slot_type(int slot);
int fd_type(int fd);
/* What a socket may have queued: more than any program sends, flow apart */
#define SNDBUF 200000
void set_room(int fd);

/* Number of an inode, in the order in which they were first seen, or -1 */
struct stat;
int ident_stat(const struct stat *st);
/* Number, identity, flags of a descriptor that has come by itself */
void rec_fd(struct trace *t, int fd);
/* What the call returned, and errno, which stays; counts the operation */
void rec_ret(struct ctx *c, long ret);
/* The same, where 0 is no success by itself: was there an effect? */
void rec_effect(struct ctx *c, long ret, int effect);

/* --- ops.c ---------------------------------------------------------------- */

/* Once */
void ops_init(void);
/* Runs operation c->index */
void op_run(struct ctx *c);
/* May it sleep? */
int op_may_block(const struct op *op);
/* SOCK_ flags of FLAG_ ones */
int sock_flags(int flags);

/* Each runs an operation, or one of several that are alike. */
void op_bind(struct ctx *c, const struct op *op);	/* ops_addr.c */
void op_name(struct ctx *c, const struct op *op);
void op_accept(struct ctx *c, const struct op *op);
void op_recvfrom(struct ctx *c, const struct op *op);
void op_send(struct ctx *c, const struct op *op);	/* ops_data.c */
void op_recv(struct ctx *c, const struct op *op);
void op_splice(struct ctx *c, const struct op *op);
void op_sendfile(struct ctx *c, const struct op *op);
void op_flow(struct ctx *c, const struct op *op);
void op_poll(struct ctx *c, const struct op *op);	/* ops_fd.c */
void op_select(struct ctx *c, const struct op *op);
void op_epoll(struct ctx *c, const struct op *op);
void op_epctl(struct ctx *c, const struct op *op);
void op_epwait(struct ctx *c, const struct op *op);
void op_pipe(struct ctx *c, const struct op *op);
void op_file(struct ctx *c, const struct op *op);
void op_fcntl(struct ctx *c, const struct op *op);
void op_ioctl(struct ctx *c, const struct op *op);
void op_dup(struct ctx *c, const struct op *op);
void op_close(struct ctx *c, const struct op *op);
void op_fstat(struct ctx *c, const struct op *op);
void op_fdinfo(struct ctx *c, const struct op *op);
void op_filter(struct ctx *c, const struct op *op);
void op_path(struct ctx *c, const struct op *op);
void op_sendmsg(struct ctx *c, const struct op *op);	/* ops_msg.c */
void op_recvmsg(struct ctx *c, const struct op *op);
void op_setopt(struct ctx *c, const struct op *op);	/* ops_opt.c */
void op_getopt(struct ctx *c, const struct op *op);

/* --- ops_addr.c ----------------------------------------------------------- */

/* Abstract names have it in them, so that those of two runs differ. */
extern unsigned int names_serial;
/* Paths that may have to be removed, a bit each; shared with the child */
extern unsigned int *names_used;

/* Address i of a kind.  Returns its length */
socklen_t make_addr(const struct ctx *c, int kind, int i,
		    struct sockaddr_storage *ss);
/* What the system call is given for it */
const void *addr_pointer(int kind, const struct sockaddr_storage *ss);
/* An address that was stored in room bytes and is said to be len bytes long */
void rec_addr(struct trace *t, const void *addr, socklen_t len, size_t room);
/* What is behind it, where the kernel was given ss; stored: is there any? */
void rec_addr_behind(struct trace *t, const struct sockaddr_storage *ss,
		     int stored, socklen_t len, size_t room);

/* --- ops_data.c ----------------------------------------------------------- */

#define BUF_SIZE (512 << 10)
/* Twice BUF_SIZE of bytes to send */
extern unsigned char *buf_out;
/* Nobody may look at what is here; in front of it is a page that is there. */
extern unsigned char *buf_edge;

void data_init(void);
/* Where bytes come from or go to; *len, which may be LEN_BAD and such, gets real */
void *out_data(const struct ctx *c, int *len);
/* What is there is UNTOUCHED, and so are GUARD bytes behind, if they are memory. */
void *in_data(const struct ctx *c, int *len);
#define GUARD 256
/* Of len bytes at p, which in_data() gave, got were received: are the others whole? */
void rec_in_behind(const struct ctx *c, const void *p, long got, int len);
/* Divides len bytes into up to MAX_PARTS.  Returns how many there are */
struct iovec;
int vector(struct iovec *iov, int n, void *p, int len);

/* --- ops_msg.c ------------------------------------------------------------ */

/* What of a reader's buffer each of several messages has */
#define MSG_ROOM 100000
/* Bytes for each of CONTROL_ */
extern const int control_rooms[NCONTROLS];

/* --- ops_opt.c ------------------------------------------------------------ */

enum opt_kind { O_INT, O_TIMEVAL, O_LINGER, O_CRED, O_FD, O_ADDR, O_NONZERO };

struct opt {
	const char	*text;
	int		level, name;
	enum opt_kind	kind;
	int		since;	/* the first kernel that may be asked for it */
};

/* The options, and how many they are; i may be any number */
const struct opt *opt_get(int i);
int opt_count(void);
/* Number of the one that is called so: there has to be one */
int opt_find(const char *text);

union opt_value {
	int		number;
	struct timeval	tv;
	struct linger	linger;
	char		b[64];
};

/* What an OP_SETOPT sets: its length, which may be none that is right */
socklen_t opt_value(const struct op *op, union opt_value *u);
/* The length that an OP_GETOPT says it has room for */
socklen_t opt_room(const struct op *op);

/* --- cover.c -------------------------------------------------------------- */

/* Once, before there are other tasks.  1 if there is KCOV; without, all do nothing */
int cover_init(void);
/* Each task that runs operations says so. */
void cover_task(void);
/* and after each of them */
void cover_take(void);
/* Steps that were ever seen, programs that were kept */
unsigned long cover_found(void);
int cover_pooled(void);
/* A program that has reached something new */
void cover_keep(struct rng *r, const struct program *p);
/* Makes a program of what was kept; 0: it does not, this time */
int cover_mutate(struct rng *r, struct program *p);

/* --- compare.c, known.c --------------------------------------------------- */

struct difference {
	int		op;		/* which operation */
	enum tag	tag;
	int		known;		/* entry of the table, -1: none */
	char		text[512];
};

/* The first difference of two traces of p.  0: there is none, and d is as it was */
int compare(const struct program *p, const struct trace *a,
	    const struct trace *b, struct difference *d);

/* What is known where two traces part, of each */
struct outcome {
	int		op;		/* the operation that is at hand */
	long		ret[2];		/* what it returned */
	int		err[2];		/* and why, or 0 */
	enum tag	tag, tags[2];	/* entries that differ; NTAGS: none */
	long long	value[2];	/* of numbers */
	const struct trace	*trace[2];
	unsigned int	pos;		/* in both: equal up to here */
};

/* 0 to known_count() - 1, -1: it is in none of them */
int known_find(const struct program *p, const struct outcome *o);
int known_count(void);
const char *known_text(int i);
/* The entry with that text, or -1 */
int known_number(const char *text);

/* --- streams.c ------------------------------------------------------------ */

/* Follows a program along its trace, up to end */
void streams_follow(const struct program *p, const struct trace *t,
		    unsigned int end);
/* Then: may what one operation did show at what another one does? */
int streams_reach(int from, int to);
/* Is the first socket of an operation one of datagrams? */
int streams_is_dgram(int op);

/* --- shrink.c ------------------------------------------------------------- */

/* The families, the one that is right first */
struct pair {
	int family[2];
};

/* Runs p several times.  1: it differs each time, and d says how */
int differs(const struct program *p, const struct pair *fam,
	    struct difference *d);
/* Makes p smaller as long as it differs, for some seconds */
void shrink(struct program *p, const struct pair *fam, struct difference *d);

/* --- print.c -------------------------------------------------------------- */

/*
 * A program in C.  why: a line for its first comment; alone: it is all there, which
 * is long, else it includes printed.h
 */
void print_c(FILE *f, const struct program *p, const char *why, int alone);

/* --- crash.c (crash.h) ----------------------------------------------------- */

/* Runs for so many seconds; faults: allocations are to fail.  Returns exit status */
int crash_main(int family, uint64_t seed, int threads, int seconds, int faults);

#endif
