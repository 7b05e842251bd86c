// SPDX-License-Identifier: GPL-2.0
/*
 * What is sent, and how it is read.
 */
#include <fcntl.h>

#include "generate.h"

static int out_len(struct gen *g, int type)
{
	int len;

	switch (below(g, 40)) {
	case 0:
		return 0;
	case 1:
		return percent(g, 50) ? LEN_BAD : LEN_HALF;
	case 2:
		return type != SOCK_STREAM && percent(g, 30) ? LEN_HUGE : 1;
	case 3 ... 5:
		len = 1 + below(g, 9000);
		break;
	default:
		len = 1 + below(g, percent(g, 50) ? 8 : 300);
	}
	if (len > g->budget)
		len = 1 + (len & 3);
	g->budget -= len;
	return len;
}

static int in_len(struct gen *g)
{
	switch (below(g, 30)) {
	case 0:
		return 0;
	case 1:
		return percent(g, 50) ? LEN_BAD : LEN_HALF;
	case 2 ... 12:
		return 1 + below(g, 20);
	case 13 ... 18:
		return 1 + below(g, 500);
	default:
		return 70000;	/* all of it */
	}
}

static int wait_flag(struct gen *g)
{
	return percent(g, g->blocking ? 50 : 85) ? MSG_DONTWAIT : 0;
}

static int send_flags(struct gen *g, int type)
{
	static const int odd[] = { MSG_MORE, MSG_EOR, MSG_CONFIRM, MSG_PEEK,
		MSG_DONTROUTE, MSG_ERRQUEUE, MSG_ZEROCOPY, MSG_TRUNC,
		MSG_WAITALL, MSG_FASTOPEN, 1 << 9, 1 << 16 };
	int f = wait_flag(g);

	if (percent(g, 50))
		f |= MSG_NOSIGNAL;
	if (percent(g, 6))
		f |= odd[below(g, 12)];
	if (percent(g, type == SOCK_STREAM ? g->oob : g->oob ? 2 : 0))
		f |= MSG_OOB;
	return f;
}

static int recv_flags(struct gen *g, int type)
{
	static const int odd[] = { MSG_EOR, MSG_MORE, MSG_CONFIRM, MSG_ERRQUEUE,
		MSG_NOSIGNAL, 1 << 9, MSG_DONTROUTE, MSG_ZEROCOPY };
	int f = wait_flag(g);

	if (percent(g, 20))
		f |= MSG_PEEK;
	if (percent(g, 12))
		f |= MSG_TRUNC;
	if (percent(g, g->blocking ? 12 : 4))
		f |= MSG_WAITALL;
	if (percent(g, 5))
		f |= MSG_CMSG_CLOEXEC;
	if (percent(g, 4))
		f |= odd[below(g, 8)];
	if (percent(g, type == SOCK_STREAM ? g->oob / 2 : g->oob ? 2 : 0))
		f |= MSG_OOB;
	/* An older AF_UNIX that waits there spins in the kernel, for ever. */
	if (f & MSG_PEEK && g->oob && running_kernel < KERNEL(7, 3))
		f |= MSG_DONTWAIT;
	return f;
}

static void sent(struct gen *g, int s, int n)
{
	int peer = g->slot[s].peer;

	if (peer >= 0)
		g->slot[peer].queued += n;
}

static void taken(struct gen *g, int s, int len, int flags, int n)
{
	struct slot *slot = &g->slot[s];

	if (flags & MSG_PEEK)
		return;
	if (slot->type == SOCK_STREAM && (len < 0 || len > 1000))
		slot->queued = 0;
	else
		slot->queued -= n;
	if (slot->queued < 0)
		slot->queued = 0;
}

static int reader(struct gen *g)
{
	int s = -1;

	if (!percent(g, g->blocking ? 25 : 6))
		s = pick(g, has_data);
	return any(g, s < 0 ? pick(g, is_sock) : s);
}

static int control(struct gen *g)
{
	static const unsigned char common[] = {
		CMSG_FD, CMSG_FD, CMSG_FDS, CMSG_CRED, CMSG_CRED_UID,
		CMSG_FD_CRED, CMSG_SELF, CMSG_FD_TWICE,
	};

	if (percent(g, 60))
		return CMSG_NONE;
	if (percent(g, 12))
		return below(g, NCMSGS);
	return common[below(g, 8)];
}

static int control_room(struct gen *g)
{
	return percent(g, 75) ? 0 : below(g, 2 * NCONTROLS);
}

void gen_send(struct gen *g, int code)
{
	int s, type, t, kind, x;
	struct op *op;
	int *a;

	s = pick(g, can_send);
	if (code == OP_SENDTO && percent(g, 80)) {
		t = pick(g, is_dgram);
		s = t < 0 ? s : t;
	}
	s = any(g, s);
	type = g->slot[s].type;
	op = new_op(g, code);
	a = op->a;
	a[0] = s;
	a[1] = out_len(g, type);
	a[2] = send_flags(g, type);
	x = below(g, NSLOTS);
	kind = control(g);
	if (kind == CMSG_FD || kind == CMSG_FDS || kind == CMSG_FD_CRED ||
	    kind == CMSG_FD_TWICE)
		x = any(g, pick(g, is_used));
	switch (code) {
	case OP_SENDTO:
		t = pick(g, is_dgram_target);
		name_of(g, t, &a[3], &a[4]);
		/* Others take no address but NULL; seqpacket ignores it. */
		if (type == SOCK_STREAM && percent(g, 80))
			a[3] = ADDR_NULL;
		if (t >= 0)
			g->slot[t].queued++;
		return;
	case OP_SENDMSG:
		a[3] = ADDR_NULL;
		if (type == SOCK_DGRAM && percent(g, 25)) {
			t = pick(g, is_dgram_target);
			name_of(g, t, &a[3], &a[4]);
		}
		a[5] = percent(g, 80) ? 1 : below(g, 5);
		a[6] = kind;
		a[7] = x;
		break;
	case OP_SENDMMSG:
		a[3] = below(g, 3);
		a[4] = percent(g, 40) ? kind : CMSG_NONE;
		a[5] = x;
		sent(g, s, a[3]);
		g->budget -= a[1] > 0 ? a[1] * a[3] : 0;
		break;
	case OP_WRITEV:
		a[2] = percent(g, 90) ? 1 + below(g, 4) : 0;
		break;
	case OP_WRITE:
		a[2] = 0;
	}
	sent(g, s, 1);
}

void gen_recv(struct gen *g, int code)
{
	int s = reader(g);
	struct op *op = new_op(g, code);
	int *a = op->a;

	a[0] = s;
	a[1] = in_len(g);
	if (code == OP_READ || code == OP_READV) {
		a[2] = code == OP_READV ? below(g, 5) : 0;
		taken(g, s, a[1], 0, 1);
		return;
	}
	a[2] = recv_flags(g, g->slot[s].type);
	taken(g, s, a[1], a[2], 1);
	switch (code) {
	case OP_RECVFROM:
		a[3] = percent(g, 70) ? ROOM_ALL : below(g, NROOMS);
		break;
	case OP_RECVMSG:
		a[3] = percent(g, 85) ? 1 : below(g, 5);
		a[4] = control_room(g);
		a[5] = any(g, pick(g, is_free));
		break;
	case OP_RECVMMSG:
		a[3] = below(g, 4);
		a[4] = control_room(g);
		a[5] = any(g, pick(g, is_free));
		if (percent(g, 20))
			a[2] |= MSG_WAITFORONE;
		taken(g, s, a[1], a[2], a[3]);
	}
}

void gen_splice(struct gen *g, int code)
{
	int *a = new_op(g, code)->a, in = code == OP_SPLICE_IN;

	a[0] = any(g, pick(g, in ? is_stream_send : has_stream_data));
	a[1] = any(g, pick(g, in ? is_pipe_in : is_pipe_out));
	a[2] = 1 + below(g, percent(g, 70) ? 100 : 5000);
	a[3] = percent(g, 80) ? SPLICE_F_NONBLOCK :
	       below(g, (SPLICE_OFFSET | SPLICE_FLAGS) + 1);
	g->budget -= a[2];
}

void gen_sendfile(struct gen *g, int code)
{
	int *a = new_op(g, code)->a;

	a[0] = any(g, pick(g, can_send));
	a[1] = any(g, pick(g, is_plain));
	a[2] = 1 + below(g, percent(g, 80) ? 200 : 8000);
	a[3] = below(g, 9000);
	g->budget -= a[2];
}

void gen_flow(struct gen *g, int code)
{
	int *a = new_op(g, code)->a, i = any(g, pick(g, is_connected));

	a[0] = i;
	a[1] = g->slot[i].kind == SOCK && g->slot[i].peer >= 0 ?
	       g->slot[i].peer : below(g, NSLOTS);
	a[2] = 1 + below(g, percent(g, 50) ? 300 : 4000);
	a[3] = below(g, (FLOW_BLOCK | FLOW_SIZE) + 1);
}
