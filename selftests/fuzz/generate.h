/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the generator share: what a program is thought to have made of
 * each slot so far.
 */
#ifndef GENERATE_H
#define GENERATE_H

#include "fuzz.h"

enum kind { FREE, SOCK, PIPE_IN, PIPE_OUT, EPOLL, PLAIN };

struct slot {
	int	kind, type;
	int	bound, ak, ai;	/* its name, as an address has it; ak -1: unknown */
	int	listening, pending, client;
	int	peer;		/* slot, -1 */
	int	open;		/* not shut for sending */
	int	queued;
};

struct gen {
	struct rng	*r;
	struct program	*p;
	struct slot	slot[NSLOTS];
	int		weight[NOPS];
	int		budget;		/* of bytes to send */
	int		blocking, oob, types, forked;
};

/* --- generate.c ----------------------------------------------------------- */

/* Chances */
int below(struct gen *g, int n);
int percent(struct gen *g, int n);
/* A slot that fits, or -1 if there is none; now and then any one */
int pick(struct gen *g, int (*fits)(const struct slot *));
/* i, or if that is -1, any slot */
int any(struct gen *g, int i);
/* An operation more, all arguments 0 */
struct op *new_op(struct gen *g, int code);

/* Does it fit? */
int is_free(const struct slot *s);
int is_sock(const struct slot *s);
int is_used(const struct slot *s);
int is_fresh(const struct slot *s);
int is_unbound(const struct slot *s);
int can_listen(const struct slot *s);
int is_listener(const struct slot *s);
int is_pending(const struct slot *s);
int is_target(const struct slot *s);
int is_dgram_target(const struct slot *s);
int is_dgram(const struct slot *s);
int can_send(const struct slot *s);
int is_stream_send(const struct slot *s);
int has_data(const struct slot *s);
int has_stream_data(const struct slot *s);
int is_connected(const struct slot *s);
int is_named(const struct slot *s);
int is_epoll(const struct slot *s);
int is_pipe_in(const struct slot *s);
int is_pipe_out(const struct slot *s);
int is_plain(const struct slot *s);

/* --- gen_sock.c ----------------------------------------------------------- */

/* Each adds an operation, and notes what it does to slots. */
void gen_socket(struct gen *g, int code);
void gen_bind(struct gen *g, int code);
void gen_connect(struct gen *g, int code);
void gen_listen(struct gen *g, int code);
void gen_accept(struct gen *g, int code);
void gen_name(struct gen *g, int code);
void gen_shutdown(struct gen *g, int code);
void gen_setopt(struct gen *g, int code);
void gen_getopt(struct gen *g, int code);
/* Some that a program begins with: a listener with a client, or sockets with names */
void gen_start(struct gen *g);
/* A name for somebody who wants to reach slot i, -1: any */
void name_of(struct gen *g, int i, int *kind, int *number);

/* --- gen_data.c ----------------------------------------------------------- */

void gen_send(struct gen *g, int code);
void gen_recv(struct gen *g, int code);
void gen_splice(struct gen *g, int code);
void gen_sendfile(struct gen *g, int code);
void gen_flow(struct gen *g, int code);

/* --- gen_fd.c ------------------------------------------------------------- */

void gen_poll(struct gen *g, int code);
void gen_select(struct gen *g, int code);
void gen_epoll(struct gen *g, int code);
void gen_epctl(struct gen *g, int code);
void gen_epwait(struct gen *g, int code);
void gen_pipe(struct gen *g, int code);
void gen_file(struct gen *g, int code);
void gen_fcntl(struct gen *g, int code);
void gen_ioctl(struct gen *g, int code);
void gen_close(struct gen *g, int code);
void gen_dup(struct gen *g, int code);
/* On any socket: fstat, fdinfo, filter */
void gen_look(struct gen *g, int code);
/* No arguments: fork, exit */
void gen_plain(struct gen *g, int code);
void gen_kill(struct gen *g, int code);
void gen_path(struct gen *g, int code);

#endif
