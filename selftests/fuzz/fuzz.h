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

struct op {
	unsigned char	code;
	/* 0 whoever is at hand, 1 and 2 threads, 3 the forked process */
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

/* Lengths that are none: an address that cannot be read or written */
#define LEN_BAD		(-1)
/* and one that can for its first half only */
#define LEN_HALF	(-2)
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

void rec_num(struct trace *t, enum tag tag, long long value);
void rec_bytes(struct trace *t, enum tag tag, const void *p, size_t len);
void rec_data(struct trace *t, const void *p, size_t len);
void rec_append(struct trace *t, const struct trace *other);
struct entry {
	enum tag		tag;
	unsigned int		len;
	const unsigned char	*p;
};
/* The entry at *pos, which moves on; 0 at the end */
int rec_next(const struct trace *t, unsigned int *pos, struct entry *e);
void rec_show(FILE *f, const struct entry *e);
extern const char *const tag_name[NTAGS];

/* --- program.c ------------------------------------------------------------ */

void program_write(FILE *f, const struct program *p);
/* 0, or -1 and the line that cannot be read */
int program_read(FILE *f, struct program *p, int *line);

/* --- generate.c ----------------------------------------------------------- */

struct rng {
	uint64_t s;
};

uint64_t rng_next(struct rng *r);
static inline int rng_below(struct rng *r, int n)
{
	return (int)((rng_next(r) >> 16) % n);
}

/* kernel: of the running one, KERNEL(6, 1); some operations wait for a newer */
#define KERNEL(a, b) ((a) * 1000 + (b))
extern int running_kernel;
void generate(struct rng *r, struct program *p);

/* --- execute.c ------------------------------------------------------------ */

#define NTYPES 4	/* stream, datagram, seqpacket, everything else */
struct counts {
	unsigned long	ops[NOPS][NTYPES];
	unsigned long	good[NOPS][NTYPES];
};

void execute_init(const char *dir);
/* For programs in lock step: on one processor */
void execute_in_order(void);
/* counts may be NULL */
void execute(const struct program *p, int family, struct trace *t,
	     struct counts *counts);
/*
 * The same with pause milliseconds after each operation, and patience in front of
 * those in where, a bit each
 */
void execute_slowly(const struct program *p, int family, struct trace *t,
		    int pause, uint64_t where, int patience);

/* --- ops.c ---------------------------------------------------------------- */

struct ctx {
	const struct program	*p;
	int			index;	/* of the operation */
	struct trace		*t;
	int			family;
	int			actor;
	struct counts		*counts;
};

extern int slots[NSLOTS];
extern unsigned int names_serial;
extern unsigned int *names_used;
/* Who is who in credentials: main process and child */
extern int known_pid[2];
extern unsigned char *buf_out, *buf_in, *buf_edge;

#define BUF_SIZE (512 << 10)
#define FD_PRIVATE 900		/* the fuzzer's own descriptors start here */

void ops_init(void);
/* for every run: what is known of descriptors */
void ops_reset(void);
void op_run(struct ctx *c);
/* May it sleep? */
int op_may_block(const struct op *op);
int slot_type(int fd);
void slot_set(struct ctx *c, int slot, int fd);
void count_op(struct ctx *c, long ret);
void rec_ret(struct ctx *c, long ret);
socklen_t make_addr(const struct ctx *c, int kind, int i,
		    struct sockaddr_storage *ss);
void rec_addr(struct trace *t, const void *addr, socklen_t len, size_t room);
void rec_fd(struct trace *t, int fd);
int ident(int fd);
/* ops_msg.c */
void op_sendmsg(struct ctx *c);
void op_recvmsg(struct ctx *c);
/* ops_opt.c */
void op_setopt(struct ctx *c);
void op_getopt(struct ctx *c);
int opt_count(void);
const char *opt_text(int i);
/* The options that generate.c chooses from, from the first kernel that has it */
int opt_since(int i);
/* execute.c, for ops.c */
int fork_actor(void);
void exit_actor(void);
int signal_actor(int actor, int sig);
int actor_start_send(int fd, const void *p, size_t len);
/* 1 done, 0 asleep; result if done */
int actor_settled(long *ret);
int actor_free(void);
int actors_idle(void);

/* --- cover.c -------------------------------------------------------------- */

/* Is there KCOV?  Each task that runs operations says so. */
int cover_init(void);
void cover_task(void);
void cover_take(void);
unsigned long cover_found(void);
int cover_pooled(void);
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

/* 0: none */
int compare(const struct program *p, const struct trace *a,
	    const struct trace *b, struct difference *d);

/* Did an operation end well (>= 0)?  What it returned; -1 with errno */
struct outcome {
	int		op;
	long		ret[2];
	int		err[2];
	enum tag	tag, tags[2];
	long long	value[2];	/* of numbers */
	const struct trace	*trace[2];
	unsigned int	pos;		/* in both: equal up to here */
};

/* 0 to known_count() - 1, -1: it is in none of them */
int known_find(const struct program *p, const struct outcome *o);
int known_count(void);
const char *known_text(int i);

/* --- streams.c ------------------------------------------------------------ */

/* Follows a program along its trace, up to end */
void streams_follow(const struct program *p, const struct trace *t,
		    unsigned int end);
/* Then: may what one operation did show at what another one does? */
int streams_reach(int from, int to);
/* Is the first socket of an operation one of datagrams? */
int streams_is_dgram(int op);

/* --- shrink.c, print.c, crash.c ------------------------------------------- */

/* The families, the one that is right first */
struct pair {
	int family[2];
};

int differs(const struct program *p, const struct pair *fam,
	    struct difference *d);
void shrink(struct program *p, const struct pair *fam, struct difference *d);
void print_c(FILE *f, const struct program *p, const char *why);
int crash_main(int family, uint64_t seed, int threads, int seconds, int faults);

#endif
