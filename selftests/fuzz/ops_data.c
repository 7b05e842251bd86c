// SPDX-License-Identifier: GPL-2.0
/*
 * Plain sends and reads, what goes through pipes and files, and a flow of data.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"

unsigned char *buf_out, *buf_edge;
/*
 * What actors read into, a part of it for each: an edge like that at buf_edge, for it
 * alone, then a buffer
 */
static unsigned char *buf_in;
#define IN_SIZE (8192 + BUF_SIZE + 4096)

const int flow_sizes[] = { 2304, 8192, 30000, 100000 };

static unsigned char *in_edge(const struct ctx *c)
{
	return buf_in + c->actor * IN_SIZE + 4096;
}

static unsigned char *in_buffer(const struct ctx *c)
{
	return buf_in + c->actor * IN_SIZE + 8192;
}

void data_init(void)
{
	uint32_t x = 1;
	int i;

	buf_out = mmap(NULL, 2 * BUF_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	buf_in = mmap(NULL, NACTORS * IN_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	buf_edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buf_out == MAP_FAILED || buf_in == MAP_FAILED ||
	    buf_edge == MAP_FAILED) {
		perror("fuzz: mmap");
		exit(2);
	}
	buf_edge += 4096;
	mprotect(buf_edge, 4096, PROT_NONE);
	for (i = 0; i < NACTORS; i++)
		mprotect(buf_in + i * IN_SIZE + 4096, 4096, PROT_NONE);
	for (i = 0; i < 2 * BUF_SIZE; i++) {
		x = x * 1664525 + 1013904223;
		buf_out[i] = x >> 24;
	}
}

void *out_data(const struct ctx *c, int *len)
{
	void *p = buf_out + c->index * 1031 % BUF_SIZE / 2;
	const struct op *op = &c->p->op[c->index];

	switch (*len) {
	case LEN_BAD:
		*len = LEN_EDGE;
		return buf_edge;
	case LEN_HALF:
		*len = LEN_EDGE;
		return memcpy(buf_edge - LEN_EDGE / 2, p, LEN_EDGE / 2);
	case LEN_HUGE:
		*len = slot_type(op->a[0]) == SLOT_STREAM ? 4096 : HUGE_BYTES;
		return buf_out;
	}
	if (*len > BUF_SIZE)
		*len = BUF_SIZE;
	return p;
}

void *in_data(const struct ctx *c, int *len)
{
	switch (*len) {
	case LEN_BAD:
		*len = LEN_EDGE;
		return in_edge(c);
	case LEN_HALF:
		*len = LEN_EDGE;
		return memset(in_edge(c) - LEN_EDGE / 2, UNTOUCHED, LEN_EDGE / 2);
	case LEN_HUGE:
		*len = HUGE_BYTES;
	}
	if (*len > BUF_SIZE)
		*len = BUF_SIZE;
	return memset(in_buffer(c), UNTOUCHED, (*len > 0 ? *len : 0) + GUARD);
}

void rec_in_behind(const struct ctx *c, const void *p, long got, int len)
{
	const unsigned char *from = p, *edge = in_edge(c);
	size_t room;

	if (len < 0)
		len = 0;
	room = from <= edge ? (size_t)(edge - from) : (size_t)len + GUARD;
	rec_behind(c->t, p, got < 0 ? 0 : got < len ? got : len, room);
}

int vector(struct iovec *iov, int n, void *p, int len)
{
	int i;

	n = choice(n, MAX_PARTS + 1);
	for (i = 0; i < n; i++) {
		iov[i].iov_base = (char *)p + len / n * i;
		iov[i].iov_len = i < n - 1 ? len / n : len - len / n * i;
	}
	return n;
}

/* send(), sendto(), write(), writev() */
void op_send(struct ctx *c, const struct op *op)
{
	int fd = slots[op->a[0]], len = op->a[1], n;
	const void *p = out_data(c, &len);
	struct iovec iov[MAX_PARTS];
	struct sockaddr_storage ss;
	socklen_t alen;

	switch (op->code) {
	case OP_SEND:
		rec_ret(c, send(fd, p, len, op->a[2]));
		break;
	case OP_SENDTO:
		alen = make_addr(c, op->a[3], op->a[4], &ss);
		rec_ret(c, sendto(fd, p, len, op->a[2],
				  addr_pointer(op->a[3], &ss), alen));
		break;
	case OP_WRITE:
		rec_ret(c, write(fd, p, len));
		break;
	case OP_WRITEV:
		n = vector(iov, op->a[2], (void *)p, len);
		rec_ret(c, writev(fd, iov, n));
	}
}

/* recv(), read(), readv() */
void op_recv(struct ctx *c, const struct op *op)
{
	int fd = slots[op->a[0]], len = op->a[1], n;
	struct iovec iov[MAX_PARTS];
	void *p = in_data(c, &len);
	long ret;

	if (op->code == OP_READV) {
		n = vector(iov, op->a[2], p, len);
		ret = readv(fd, iov, n);
	} else if (op->code == OP_READ) {
		ret = read(fd, p, len);
	} else {
		ret = recv(fd, p, len, op->a[2]);
	}
	rec_ret(c, ret);
	if (ret > 0)
		rec_data(c->t, p, ret < len ? ret : len);
	rec_in_behind(c, p, ret, len);
}

void op_splice(struct ctx *c, const struct op *op)
{
	int sock = slots[op->a[0]], pipe = slots[op->a[1]];
	loff_t off = 0;

	if (op->code == OP_SPLICE_IN)
		rec_ret(c, splice(pipe, NULL, sock, op->a[3] & SPLICE_OFFSET ? &off : NULL,
				  op->a[2], op->a[3] & SPLICE_FLAGS));
	else
		rec_ret(c, splice(sock, op->a[3] & SPLICE_OFFSET ? &off : NULL, pipe, NULL,
				  op->a[2], op->a[3] & SPLICE_FLAGS));
}

void op_sendfile(struct ctx *c, const struct op *op)
{
	off_t off = op->a[3];

	rec_ret(c, sendfile(slots[op->a[0]], slots[op->a[1]], &off, op->a[2]));
	rec_num(c->t, T_VALUE, off);
}

/* --- a flow ------------------------------------------------------------------ */

static int drain(int fd, unsigned char *buf, long long *sum)
{
	long ret, n = 0;

	for (;;) {
		ret = recv(fd, buf, BUF_SIZE, MSG_DONTWAIT);
		if (ret <= 0)
			return ret < 0 ? errno : 0;
		*sum += ret;
		if (++n > 100000)
			return -1;
	}
}

/* Nothing is queued between the two, and one sends to the other: a byte has gone. */
static int is_flow(struct ctx *c, int a, int b)
{
	int queued = 0, err;
	long ret;

	if (ioctl(b, FIONREAD, &queued) < 0 || queued ||
	    ioctl(a, SIOCOUTQ, &queued) < 0 || !!queued) {
		queued = !!queued;
		rec_num(c->t, T_COUNT, queued);
		errno = EBUSY;
		return 0;
	}
	ret = send(a, buf_out, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	err = errno;
	rec_num(c->t, T_RET, ret);
	ioctl(b, FIONREAD, &queued);
	rec_num(c->t, T_COUNT, queued);
	if (ret == 1 && queued == 1)
		return 1;
	errno = ret < 0 ? err : EPIPE;
	return 0;
}

/* Sends until there is no room, and once more by a thread.  What has been sent */
static long long fill(struct ctx *c, int a, int len, int thread, int *started)
{
	struct pollfd pfd = { .fd = a, .events = POLLOUT };
	long long sent = 0;
	long ret, n = 0;

	do {
		ret = send(a, buf_out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (ret > 0)
			sent += ret;
	} while (ret > 0 && ++n < 5000);
	rec_num(c->t, T_ERRNO, ret < 0 ? errno : 0);
	if (ret < 0 && errno == EAGAIN) {
		rec_num(c->t, T_RET, poll(&pfd, 1, 0));
		/* A reader that did not take all of it is not the last one. */
		if (thread)
			*started = actor_start_send(a, buf_out, len);
		rec_num(c->t, T_BLOCKED, *started);
	}
	return sent;
}

/* Reads until all is there, also what the thread sends.  err: of the last read */
static long long take_all(struct ctx *c, int b, int *started, long long *sent,
			  int *err)
{
	unsigned char *buf = in_buffer(c);
	long long got = 0;
	long blocked = 0;
	int tries, more;

	for (tries = 0; tries < 300; tries++) {
		more = got;
		*err = drain(b, buf, &got);
		if (!*started || actor_settled(&blocked)) {
			if (*started && blocked > 0)
				*sent += blocked;
			/* It may have sent after all that was drained. */
			if (!*started && (*err != EAGAIN || more == got))
				break;
			*started = 0;
		} else if (more == got) {
			usleep(1000);	/* it may be woken a jiffy later */
		}
	}
	return got;
}

/*
 * Fill a socket whose send buffer is small, block on it if that can be, drain the
 * other end: who waits for room has to learn of it, and every byte has to arrive.
 * How much fits is not recorded.
 */
void op_flow(struct ctx *c, const struct op *op)
{
	int a = slots[op->a[0]], b = slots[op->a[1]], started = 0, err;
	int len = op->a[2] > 100 ? op->a[2] : 100;
	int size = flow_sizes[op->a[3] & FLOW_SIZE];
	struct pollfd pfd = { .fd = a, .events = POLLOUT };
	long long sent = 1, got = 0;

	/* Who is blocked on one of them would join in. */
	if (fd_type(a) == SLOT_OTHER || fd_type(b) == SLOT_OTHER || a == b ||
	    !actors_idle()) {
		errno = EBADF;
		rec_ret(c, -1);
		return;
	}
	rec_num(c->t, T_STEP, drain(b, in_buffer(c), &got));
	if (!is_flow(c, a, b)) {
		rec_ret(c, -1);
		return;
	}
	setsockopt(a, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	sent += fill(c, a, len, op->a[3] & FLOW_BLOCK, &started);
	got = take_all(c, b, &started, &sent, &err);
	rec_num(c->t, T_STEP, err);
	rec_num(c->t, T_STEP, started);
	rec_num(c->t, T_STEP, err == EAGAIN ? sent - got : 0);
	rec_num(c->t, T_RET, poll(&pfd, 1, 0));
	rec_num(c->t, T_REVENTS, pfd.revents);
	set_room(a);
	rec_ret(c, 0);
}
