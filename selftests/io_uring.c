// SPDX-License-Identifier: GPL-2.0
/*
 * Sending, receiving and polling through io_uring.  Proves STR-01, STR-05,
 * STR-07, DG-01, DG-02, DG-12, SEQ-01 and SEQ-03 on that way.
 */
#include "vunix_test.h"

#include <linux/io_uring.h>
#include <sys/mman.h>

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	/* Results nobody has asked for yet. */
	struct io_uring_cqe kept[16];
	int n_kept;
};

static void *ring_map(int fd, size_t size, off_t off)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_POPULATE, fd, off);
}

/* 0 or an errno. */
static int ring_init(struct ring *r)
{
	struct io_uring_params p = { 0 };
	char *sq, *cq;

	r->fd = syscall(__NR_io_uring_setup, 8, &p);
	if (r->fd < 0)
		return errno;
	sq = ring_map(r->fd, p.sq_off.array + p.sq_entries * sizeof(int),
		      IORING_OFF_SQ_RING);
	cq = ring_map(r->fd, p.cq_off.cqes + p.cq_entries * sizeof(*r->cqes),
		      IORING_OFF_CQ_RING);
	r->sqes = ring_map(r->fd, p.sq_entries * sizeof(*r->sqes),
			   IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || r->sqes == MAP_FAILED)
		return errno;
	r->sq_tail = (void *)(sq + p.sq_off.tail);
	r->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	r->sq_array = (void *)(sq + p.sq_off.array);
	r->cq_head = (void *)(cq + p.cq_off.head);
	r->cq_tail = (void *)(cq + p.cq_off.tail);
	r->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	r->cqes = (void *)(cq + p.cq_off.cqes);
	return 0;
}

static int ring_enter(struct ring *r, int submit, int wait)
{
	return syscall(__NR_io_uring_enter, r->fd, submit, wait,
		       IORING_ENTER_GETEVENTS, NULL, 0);
}

/* Submit one request: 1, or -1. */
static int ring_put(struct ring *r, struct io_uring_sqe *sqe)
{
	unsigned int tail = *r->sq_tail, i = tail & *r->sq_mask;

	r->sqes[i] = *sqe;
	r->sq_array[i] = i;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
	return ring_enter(r, 1, 0);
}

static int ring_op(struct ring *r, int op, int fd, void *buf, size_t n,
		   int flags)
{
	struct io_uring_sqe sqe = {
		.opcode = op, .fd = fd, .addr = (unsigned long)buf,
		.len = n, .msg_flags = flags, .user_data = op,
	};

	return ring_put(r, &sqe);
}

static int ring_poll(struct ring *r, int fd, int events)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_POLL_ADD, .fd = fd, .poll_events = events,
		.user_data = IORING_OP_POLL_ADD,
	};

	return ring_put(r, &sqe);
}

/* Keep what is completed; false if there is more than could be. */
static bool ring_reap(struct ring *r)
{
	unsigned int head = *r->cq_head;

	while (head != __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE)) {
		if (r->n_kept == ARRAY_SIZE(r->kept))
			return false;
		r->kept[r->n_kept++] = r->cqes[head++ & *r->cq_mask];
		__atomic_store_n(r->cq_head, head, __ATOMIC_RELEASE);
	}
	return true;
}

/* Is nothing completed? */
static bool ring_empty(struct ring *r)
{
	ring_enter(r, 0, 0);
	return ring_reap(r) && !r->n_kept;
}

#define NO_RESULT	(-100000)

/* Wait for the result of a request of kind @op; others are kept. */
static int ring_get(struct ring *r, int op)
{
	int i, res;

	for (;;) {
		if (!ring_reap(r))
			return NO_RESULT;
		for (i = 0; i < r->n_kept; i++) {
			if (r->kept[i].user_data != (unsigned int)op)
				continue;
			res = r->kept[i].res;
			r->kept[i] = r->kept[--r->n_kept];
			return res;
		}
		if (ring_enter(r, 0, 1) < 0 && errno != EINTR)
			return NO_RESULT;
	}
}

FIXTURE(io_uring)
{
	struct vt_env env;
	struct ring ring;
	struct ring *r;
	int sv[2];
};

FIXTURE_VARIANT(io_uring)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(io_uring);

FIXTURE_SETUP(io_uring)
{
	int err;

	VT_SETUP();
	err = ring_init(&self->ring);
	if (err == ENOSYS || err == EPERM) {
		SKIP_ROWS("no io_uring, or disabled by sysctl",
			  "STR-01", "STR-05", "STR-07", "DG-01", "DG-02",
			  "DG-12", "SEQ-01", "SEQ-03");
		SKIP(return, "no io_uring, or disabled by sysctl");
	}
	ASSERT_EQ(0, err);
	self->r = &self->ring;
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, self->sv));
}

FIXTURE_TEARDOWN(io_uring)
{
	VT_TEARDOWN();
}

TEST_F(io_uring, send_and_receive)
{
	struct ring *r = self->r;
	char buf[8] = "";

	ASSERT_EQ(1, ring_op(r, IORING_OP_SEND, self->sv[0], "hello", 5, 0));
	ASSERT_EQ(5, ring_get(r, IORING_OP_SEND));
	ASSERT_EQ(1, ring_op(r, IORING_OP_RECV, self->sv[1], buf, 3, MSG_PEEK));
	ASSERT_EQ(3, ring_get(r, IORING_OP_RECV));
	ASSERT_STREQ("hel", buf);
	ASSERT_EQ(1, ring_op(r, IORING_OP_RECV, self->sv[1], buf, 8, 0));
	ASSERT_EQ(5, ring_get(r, IORING_OP_RECV));
	ASSERT_EQ(0, memcmp(buf, "hello", 5));

	/* Nothing there: told so at once if that is wanted. */
	ASSERT_EQ(1, ring_op(r, IORING_OP_RECV, self->sv[1], buf, 8,
			     MSG_DONTWAIT));
	ASSERT_EQ(-EAGAIN, ring_get(r, IORING_OP_RECV));

	/* Errors. */
	ASSERT_EQ(1, ring_op(r, IORING_OP_SEND, self->sv[0], NULL, 5, 0));
	ASSERT_EQ(-EFAULT, ring_get(r, IORING_OP_SEND));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	ASSERT_EQ(1, ring_op(r, IORING_OP_SEND, self->sv[0], "x", 1,
			     MSG_NOSIGNAL));
	ASSERT_EQ(-EPIPE, ring_get(r, IORING_OP_SEND));
	PROVES("STR-01", "DG-01", "SEQ-01");
}

TEST_F(io_uring, waiting_receive)
{
	struct ring *r = self->r;
	char buf[8];
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, ring_op(r, IORING_OP_RECV, self->sv[1], buf, 8,
				     0));
		ASSERT_TRUE(ring_empty(r));
		if (i == 1) {
			ASSERT_EQ(1, ring_op(r, IORING_OP_SEND, self->sv[0],
					     "abc", 3, 0));
			ASSERT_EQ(3, ring_get(r, IORING_OP_SEND));
		} else {
			ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
		}
		ASSERT_EQ(3, ring_get(r, IORING_OP_RECV));
		ASSERT_EQ(0, memcmp(buf, "abc", 3));
	}
	/* Two at once: both are served, in order of their arrival or not. */
	ASSERT_EQ(1, ring_op(r, IORING_OP_RECV, self->sv[1], buf, 1, 0));
	ASSERT_EQ(1, ring_op(r, IORING_OP_RECV, self->sv[1], buf + 1, 1, 0));
	ASSERT_TRUE(ring_empty(r));
	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(1, ring_get(r, IORING_OP_RECV));
	ASSERT_TRUE(ring_empty(r));
	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(1, ring_get(r, IORING_OP_RECV));
	ASSERT_EQ('x', buf[0]);
	ASSERT_EQ('x', buf[1]);

	if (variant->type == SOCK_DGRAM)
		return;
	ASSERT_EQ(1, ring_op(r, IORING_OP_RECV, self->sv[1], buf, 1, 0));
	ASSERT_TRUE(ring_empty(r));
	close(self->sv[0]);
	ASSERT_EQ(0, ring_get(r, IORING_OP_RECV));
	PROVES("STR-01", "SEQ-03");
}

TEST_F(io_uring, messages)
{
	struct ring *r = self->r;
	char a[3], b[8];
	struct iovec out[2] = { { "ab", 2 }, { "cde", 3 } };
	struct iovec in[2] = { { a, 3 }, { b, 1 } };
	struct msghdr msg = { .msg_iov = out, .msg_iovlen = 2 };
	struct msghdr got = { .msg_iov = in, .msg_iovlen = 2 };

	ASSERT_EQ(1, ring_op(r, IORING_OP_SENDMSG, self->sv[0], &msg, 1, 0));
	ASSERT_EQ(5, ring_get(r, IORING_OP_SENDMSG));
	ASSERT_EQ(1, ring_op(r, IORING_OP_RECVMSG, self->sv[1], &got, 1, 0));
	ASSERT_EQ(4, ring_get(r, IORING_OP_RECVMSG));
	ASSERT_EQ(0, memcmp(a, "abc", 3));
	ASSERT_EQ('d', b[0]);
	ASSERT_EQ(variant->type == SOCK_STREAM ? 0 : MSG_TRUNC, got.msg_flags);
	if (variant->type == SOCK_STREAM)
		ASSERT_EQ(1, recv(self->sv[1], b, 8, MSG_DONTWAIT));

	/* Waiting, with an address to be filled in. */
	got.msg_name = b;
	got.msg_namelen = sizeof(b);
	in[1].iov_len = 0;
	ASSERT_EQ(1, ring_op(r, IORING_OP_RECVMSG, self->sv[1], &got, 1, 0));
	ASSERT_TRUE(ring_empty(r));
	ASSERT_EQ(0, vt_bind(self->sv[0], "@n"));
	ASSERT_EQ(2, send(self->sv[0], "xy", 2, 0));
	ASSERT_EQ(2, ring_get(r, IORING_OP_RECVMSG));
	ASSERT_EQ(0, memcmp(a, "xy", 2));
	ASSERT_EQ(4U, got.msg_namelen);
	ASSERT_EQ(0, memcmp(b + 2, "\0n", 2));
	PROVES("STR-01", "DG-02", "SEQ-01");
}

TEST_F(io_uring, descriptors)
{
	struct ring *r = self->r;
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { { 0 } };
	struct iovec iov = { "f", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct stat want, got;
	int fd;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &self->sv[0], sizeof(int));
	ASSERT_EQ(1, ring_op(r, IORING_OP_SENDMSG, self->sv[0], &msg, 1, 0));
	ASSERT_EQ(1, ring_get(r, IORING_OP_SENDMSG));
	fd = vt_recv_fd(self->sv[1]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(self->sv[0], &want));
	ASSERT_EQ(0, fstat(fd, &got));
	ASSERT_EQ(want.st_ino, got.st_ino);
	PROVES("STR-01", "DG-01", "SEQ-01");
}

/* Send until no more is taken: how much was. */
static int fill(int fd)
{
	char buf[1024] = "";
	int n = 0, m;

	while ((m = send(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		n += m;
	return errno == EAGAIN ? n : -1;
}

/* Read what there is: how much; @last is the last byte of it. */
static long drain(int fd, char *last)
{
	char buf[1024];
	long sum = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		sum += n;
		*last = buf[n - 1];
	}
	return sum;
}

TEST_F(io_uring, waiting_send)
{
	struct ring *r = self->r;
	long n, got;
	char last = 0;

	n = fill(self->sv[0]);
	ASSERT_LT(0, n);
	ASSERT_EQ(1, ring_op(r, IORING_OP_SEND, self->sv[0], "abc", 3,
			     MSG_DONTWAIT));
	ASSERT_EQ(-EAGAIN, ring_get(r, IORING_OP_SEND));
	ASSERT_EQ(1, ring_op(r, IORING_OP_SEND, self->sv[0], "abc", 3, 0));
	ASSERT_TRUE(ring_empty(r));
	ASSERT_EQ(1, ring_poll(r, self->sv[0], POLLOUT));
	ASSERT_TRUE(ring_empty(r));
	got = drain(self->sv[1], &last);
	ASSERT_LT(0, got);
	ASSERT_EQ(3, ring_get(r, IORING_OP_SEND));
	ASSERT_EQ(POLLOUT, ring_get(r, IORING_OP_POLL_ADD));
	/* The send may have come in while the queue was drained. */
	got += drain(self->sv[1], &last);
	ASSERT_EQ(n + 3, got);
	ASSERT_EQ('c', last);
	PROVES("STR-05", "DG-12", "SEQ-01");
}

TEST_F(io_uring, poll)
{
	struct ring *r = self->r;
	char c;
	int ev;

	ASSERT_EQ(1, ring_poll(r, self->sv[0], POLLOUT));
	ASSERT_EQ(POLLOUT, ring_get(r, IORING_OP_POLL_ADD));
	ASSERT_EQ(1, ring_poll(r, self->sv[1], POLLIN));
	ASSERT_TRUE(ring_empty(r));
	/* Room being made at the other end is no reason. */
	ASSERT_EQ(1, send(self->sv[1], "x", 1, 0));
	ASSERT_EQ(1, recv(self->sv[0], &c, 1, 0));
	ASSERT_TRUE(ring_empty(r));
	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	ev = ring_get(r, IORING_OP_POLL_ADD);
	ASSERT_EQ(POLLIN, ev);
	ASSERT_EQ(1, recv(self->sv[1], &c, 1, 0));
	if (variant->type == SOCK_DGRAM)
		return;
	ASSERT_EQ(1, ring_poll(r, self->sv[1], POLLRDHUP));
	ASSERT_TRUE(ring_empty(r));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	ASSERT_EQ(POLLRDHUP, ring_get(r, IORING_OP_POLL_ADD));
	close(self->sv[0]);
	ASSERT_EQ(1, ring_poll(r, self->sv[1], 0));
	ASSERT_EQ(POLLRDHUP | POLLHUP, ring_get(r, IORING_OP_POLL_ADD));
	PROVES("SEQ-03");
}

TEST_F(io_uring, cancel)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_ASYNC_CANCEL, .fd = -1,
		.addr = IORING_OP_RECV, .user_data = IORING_OP_ASYNC_CANCEL,
	};
	struct ring *r = self->r;
	char buf[8];

	ASSERT_EQ(1, ring_op(r, IORING_OP_RECV, self->sv[1], buf, 8, 0));
	ASSERT_TRUE(ring_empty(r));
	ASSERT_EQ(1, ring_put(r, &sqe));
	ASSERT_EQ(0, ring_get(r, IORING_OP_ASYNC_CANCEL));
	ASSERT_EQ(-ECANCELED, ring_get(r, IORING_OP_RECV));
	ASSERT_EQ(2, send(self->sv[0], "ab", 2, 0));
	ASSERT_EQ(2, recv(self->sv[1], buf, 8, MSG_DONTWAIT));
	/* The ring goes with requests pending on both ends. */
	ASSERT_EQ(1, ring_op(r, IORING_OP_RECV, self->sv[1], buf, 8, 0));
	ASSERT_EQ(1, ring_poll(r, self->sv[0], POLLIN | POLLRDHUP));
	ASSERT_TRUE(ring_empty(r));
	close(self->sv[0]);
	close(self->sv[1]);
	close(r->fd);
	PROVES("STR-01", "DG-01", "SEQ-01");
}

TEST_F(io_uring, wait_for_all)
{
	struct ring *r = self->r;
	char *buf;
	int i;

	if (variant->type != SOCK_STREAM)
		return;
	buf = malloc(4 * VT_PATTERN);
	ASSERT_EQ(1, ring_op(r, IORING_OP_RECV, self->sv[1], buf,
			     4 * VT_PATTERN, MSG_WAITALL));
	for (i = 0; i < 4; i++) {
		ASSERT_TRUE(ring_empty(r));
		ASSERT_EQ(VT_PATTERN, send(self->sv[0], vt_pattern(0),
					   VT_PATTERN, 0));
	}
	ASSERT_EQ(4 * VT_PATTERN, ring_get(r, IORING_OP_RECV));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, memcmp(buf + i * VT_PATTERN, vt_pattern(0),
				    VT_PATTERN));
	free(buf);
	PROVES("STR-07");
}

/*
 * A datagram sender that nobody is connected back to waits for its target.
 * (A send that waits that way loses its data on AF_UNIX: the second attempt of
 * io_uring finds the vector used up.  So this polls.)
 */
TEST_F(io_uring, one_way)
{
	struct ring *r = self->r;
	char buf[1024];
	int s, t;

	if (variant->type != SOCK_DGRAM)
		return;
	s = vt_socket(variant->family, SOCK_DGRAM);
	t = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(t, "r"));
	ASSERT_EQ(0, vt_connect(s, "r"));
	ASSERT_LT(0, fill(s));
	ASSERT_EQ(1, ring_poll(r, s, POLLOUT));
	ASSERT_TRUE(ring_empty(r));
	ASSERT_EQ(1024, recv(t, buf, sizeof(buf), MSG_DONTWAIT));
	ASSERT_EQ(POLLOUT, ring_get(r, IORING_OP_POLL_ADD));
	PROVES("DG-12");
}

TEST_HARNESS_MAIN
