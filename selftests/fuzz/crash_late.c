// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that comes late (userfaultfd), and calls that have something of theirs in
 * it: what they send or receive, vectors, names, control messages, options.
 *
 * Each thread has a region.  Those of holders come after seconds, so a lock that is
 * held meanwhile is one that others are seen to wait for; others after milliseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "crash.h"

#define PAGE		4096
#define REGION		4	/* pages */
#define REGIONS		(MAX_THREADS + HOLDERS)
#define PAGES		(REGION * REGIONS)
#define HOLD_MIN	8000	/* milliseconds */
#define HOLD_MORE	4000

static unsigned char *slow;	/* what comes late */
static unsigned char *content;	/* what is in it then */
static unsigned char *scratch;	/* where vectors lead to */
static int uffd = -1, ended, nothing = -1;
static double due[PAGES];	/* 0: nobody waits for it */
static unsigned long *held;	/* shared: the supervisor is another process */
static struct rng pager_rng;

static int is_held(int page)
{
	return page >= REGION * MAX_THREADS;
}

/* A page is wanted. */
static void wanted(int page)
{
	double wait = rng_below(&pager_rng, 3000) / 1e6;

	if (page < 0 || page >= PAGES || due[page])
		return;
	if (is_held(page) && !__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
		wait = (HOLD_MIN + rng_below(&pager_rng, HOLD_MORE)) / 1e3;
		__atomic_fetch_add(held, 1, __ATOMIC_RELAXED);
	}
	due[page] = seconds_now() + wait;
}

/* Gives it.  Who waits for it waits for good if it cannot be had: we try again. */
static void give(int page)
{
	struct uffdio_copy copy = {
		.dst = (unsigned long)slow + page * PAGE,
		.src = (unsigned long)content + page * PAGE,
		.len = PAGE,
	};
	struct uffdio_range range = { .start = copy.dst, .len = PAGE };

	if (ioctl(uffd, UFFDIO_COPY, &copy) < 0 && errno != EEXIST)
		return;
	ioctl(uffd, UFFDIO_WAKE, &range);
	due[page] = 0;
}

/* Gives what is due.  Milliseconds until there is more, or -1 */
static int give_due(void)
{
	int all = __atomic_load_n(&ended, __ATOMIC_RELAXED), i;
	double now = seconds_now(), next = 0.1;

	for (i = 0; i < PAGES; i++) {
		if (!due[i])
			continue;
		if (due[i] <= now || all)
			give(i);
		/* It could not be had. */
		if (due[i] && due[i] - now < next)
			next = due[i] - now;
	}
	return next < 0.001 ? 1 : next * 1000;
}

static void *pager(void *arg)
{
	struct pollfd pfd = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;

	for (;;) {
		poll(&pfd, 1, give_due());
		while (read(uffd, &msg, sizeof(msg)) == sizeof(msg))
			if (msg.event == UFFD_EVENT_PAGEFAULT)
				wanted((msg.arg.pagefault.address -
					(unsigned long)slow) / PAGE);
	}
	return NULL;
}

/* Takes pages away while they are in use: those of no holder. */
static void *dropper(void *arg)
{
	struct rng rng = { 2 };

	while (!__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
		usleep(500);
		madvise(slow + rng_below(&rng, REGION * MAX_THREADS) * PAGE,
			PAGE, MADV_DONTNEED);
	}
	return NULL;
}

static void *pages(int n)
{
	void *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("fuzz: mmap");
		exit(2);
	}
	return p;
}

/* A thread of no importance, which gets no signal */
static int helper(void *(*run)(void *))
{
	sigset_t all, old;
	pthread_t id;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&id, NULL, run, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

int late_init(uint64_t seed, unsigned long *count)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { 0 };

	uffd = high_fd(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	if (uffd < 0)
		return 0;
	/* A descriptor to send which tells nobody anything */
	nothing = high_fd(open("/dev/null", O_RDWR | O_CLOEXEC));
	held = count;
	pager_rng.s = seed;
	content = pages(PAGES);
	scratch = pages(2 * REGION);
	slow = pages(PAGES);
	/* No page may come as a part of a large one. */
	madvise(slow, PAGES * PAGE, MADV_NOHUGEPAGE);
	reg.range.start = (unsigned long)slow;
	reg.range.len = PAGES * PAGE;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(uffd, UFFDIO_API, &api) < 0 ||
	    ioctl(uffd, UFFDIO_REGISTER, &reg) < 0 ||
	    helper(pager) || helper(dropper)) {
		perror("fuzz: userfaultfd");
		exit(2);
	}
	return 1;
}

void late_end(void)
{
	__atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
}

/* --- what is late of a call ------------------------------------------------ */

enum late {
	LATE_SEND, LATE_SEND_VECTOR, LATE_SEND_MESSAGE, LATE_SEND_CONTROL,
	LATE_SEND_NAME, LATE_SENDMMSG, LATE_WRITE, LATE_RECV,
	LATE_RECV_VECTOR, LATE_RECV_MESSAGE, LATE_RECV_CONTROL,
	LATE_RECV_NAME, LATE_RECVMMSG, LATE_READ, LATE_SETOPT, LATE_GETOPT,
	LATE_OPTLEN, LATE_NAME, LATE_BIND, LATE_CONNECT, LATE_ACCEPT,
	LATE_IOCTL, NLATE
};

/* A region: its first page has what a call is about. */
struct late_place {
	unsigned char	*at;		/* late */
	unsigned char	*in;		/* what will be there */
};

/*
 * What is in it is prepared in another place, and what it has is taken away.  len
 * bytes will be at the address that is returned, at the end of a page at times.
 */
static void *late_copy(struct rng *r, struct late_place *p, const void *from,
		       size_t len)
{
	size_t off = rng_below(r, 2) ? PAGE - len : rng_below(r, 500) * 8u;

	if (off + len > PAGE)
		off = 0;
	memcpy(p->in + off, from, len);
	madvise(p->at, REGION * PAGE, MADV_DONTNEED);
	return p->at + off;
}

/* A descriptor that goes along */
static size_t one_right(char *buf, int fd)
{
	struct cmsghdr *h = (struct cmsghdr *)buf;

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	return CMSG_SPACE(sizeof(int));
}

/* A name: the bystander's of datagrams, or its listener's */
static socklen_t late_name(struct rng *r, struct late_place *p, int which,
			   void **addr)
{
	struct sockaddr_un un;
	socklen_t len = bystander_name(which, &un);

	*addr = late_copy(r, p, &un, len);
	return len;
}

static void late_send(struct rng *r, struct late_place *p, enum late what,
		      int fd, int flags)
{
	char zero[2048] = "", control[64] __attribute__((aligned(8)));
	struct iovec iov = { scratch, 1 + rng_below(r, 2000) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct mmsghdr many[2] = { };

	switch (what) {
	case LATE_SEND:
	case LATE_WRITE:
		iov.iov_base = late_copy(r, p, zero, iov.iov_len);
		break;
	case LATE_SEND_VECTOR:
		msg.msg_iov = late_copy(r, p, &iov, sizeof(iov));
		break;
	case LATE_SEND_CONTROL:
		memset(control, 0, sizeof(control));
		msg.msg_controllen = one_right(control,
					       rng_below(r, 4) ? nothing : fd);
		msg.msg_control = late_copy(r, p, control, msg.msg_controllen);
		break;
	case LATE_SEND_NAME:
		msg.msg_namelen = late_name(r, p, 0, &msg.msg_name);
		break;
	case LATE_SENDMMSG:
		/* The vector has to be there when it is written to, too. */
		iov.iov_base = scratch;
		many[0].msg_hdr = msg;
		many[1].msg_hdr = msg;
		many[0].msg_hdr.msg_iov = (void *)(scratch + 2 * PAGE);
		many[1].msg_hdr.msg_iov = many[0].msg_hdr.msg_iov;
		memcpy(scratch + 2 * PAGE, &iov, sizeof(iov));
		sendmmsg(fd, late_copy(r, p, many, sizeof(many)), 2, flags);
		return;
	default:
		break;
	}
	if (what == LATE_WRITE) {
		if (write(fd, iov.iov_base, iov.iov_len) < 0)
			return;
	} else if (what == LATE_SEND_MESSAGE) {
		iov.iov_base = scratch;
		memcpy(scratch + 2 * PAGE, &iov, sizeof(iov));
		msg.msg_iov = (void *)(scratch + 2 * PAGE);
		sendmsg(fd, late_copy(r, p, &msg, sizeof(msg)), flags);
	} else {
		sendmsg(fd, &msg, flags);
	}
}

static void late_recv(struct rng *r, struct late_place *p, enum late what,
		      int fd, int flags)
{
	struct iovec iov = { scratch + PAGE, 1 + rng_below(r, 2000) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct mmsghdr many[2] = { };
	char control[128] = "";

	switch (what) {
	case LATE_RECV:
	case LATE_READ:
		iov.iov_base = late_copy(r, p, "", 1);
		iov.iov_len = 1 + rng_below(r, REGION * PAGE - PAGE);
		break;
	case LATE_RECV_VECTOR:
		msg.msg_iov = late_copy(r, p, &iov, sizeof(iov));
		break;
	case LATE_RECV_CONTROL:
		msg.msg_control = late_copy(r, p, control, sizeof(control));
		msg.msg_controllen = sizeof(control);
		break;
	case LATE_RECV_NAME:
		msg.msg_name = late_copy(r, p, control, 110);
		msg.msg_namelen = 110;
		break;
	default:
		break;
	}
	memcpy(scratch + 2 * PAGE + 512, &iov, sizeof(iov));
	switch (what) {
	case LATE_READ:
		/* Not where that would sleep and no signal come. */
		if (flags & MSG_DONTWAIT)
			fcntl(fd, F_SETFL, O_NONBLOCK);
		if (read(fd, iov.iov_base, iov.iov_len) < 0)
			return;
		break;
	case LATE_RECV_MESSAGE:
		msg.msg_iov = (void *)(scratch + 2 * PAGE + 512);
		recvmsg(fd, late_copy(r, p, &msg, sizeof(msg)), flags);
		break;
	case LATE_RECVMMSG:
		msg.msg_iov = (void *)(scratch + 2 * PAGE + 512);
		many[0].msg_hdr = msg;
		many[1].msg_hdr = msg;
		recvmmsg(fd, late_copy(r, p, many, sizeof(many)), 2, flags,
			 NULL);
		break;
	default:
		recvmsg(fd, &msg, flags);
	}
}

static void late_rest(struct rng *r, struct late_place *p, enum late what,
		      int fd)
{
	static const int options[] = {
		SO_PASSCRED, SO_SNDBUF, SO_PEEK_OFF, SO_PRIORITY,
	};
	int option = options[rng_below(r, 4)], size = 1 + rng_below(r, 6000);
	socklen_t len = sizeof(size);
	char room[128] = "";
	void *addr;

	switch (what) {
	case LATE_SETOPT:
		setsockopt(fd, SOL_SOCKET, option,
			   late_copy(r, p, &size, sizeof(size)), sizeof(size));
		break;
	case LATE_GETOPT:
		getsockopt(fd, SOL_SOCKET, option,
			   late_copy(r, p, &size, sizeof(size)), &len);
		break;
	case LATE_OPTLEN:
		getsockopt(fd, SOL_SOCKET, option, &size,
			   late_copy(r, p, &len, sizeof(len)));
		break;
	case LATE_NAME:
		len = sizeof(room);
		getsockname(fd, late_copy(r, p, room, sizeof(room)), &len);
		break;
	case LATE_BIND:
		/* An abstract name */
		room[0] = AF_UNIX;
		sprintf(room + 3, "late%03d", rng_below(r, 1000));
		if (bind(fd, late_copy(r, p, room, 10), 10) < 0)
			return;
		break;
	case LATE_CONNECT:
		len = late_name(r, p, 1, &addr);
		if (connect(fd, addr, len) < 0)
			return;
		break;
	case LATE_ACCEPT:
		len = sizeof(room);
		close(accept4(fd, late_copy(r, p, room, sizeof(room)), &len,
			      SOCK_NONBLOCK | SOCK_CLOEXEC));
		break;
	default:
		ioctl(fd, FIONREAD, late_copy(r, p, &size, sizeof(size)));
	}
}

static void late_one(struct rng *r, int region, enum late what, int fd, int flags)
{
	struct late_place p = {
		.at = slow + region * REGION * PAGE,
		.in = content + region * REGION * PAGE,
	};

	if (what <= LATE_WRITE)
		late_send(r, &p, what, fd, flags | MSG_NOSIGNAL);
	else if (what <= LATE_READ)
		late_recv(r, &p, what, fd, flags);
	else
		late_rest(r, &p, what, fd);
}

void late_call(struct rng *r, int region, int fd)
{
	if (slow)
		late_one(r, region, rng_below(r, NLATE), fd,
			 rng_below(r, 2) ? MSG_DONTWAIT : 0);
}

/* --- holders --------------------------------------------------------------- */

/* A listener, and one that is connected to it */
static void make_listener(int family, int type, int *fd)
{
	char addr[128] = { AF_UNIX };
	socklen_t len = sizeof(addr);

	fd[0] = socket(family, type | SOCK_NONBLOCK, 0);
	fd[1] = socket(family, type | SOCK_NONBLOCK, 0);
	if (bind(fd[0], (void *)addr, 2) < 0 || listen(fd[0], 1) < 0 ||
	    getsockname(fd[0], (void *)addr, &len) < 0 ||
	    connect(fd[1], (void *)addr, len) < 0)
		return;		/* memory: accept() tells */
}

/* A pair, and something to receive; or it leads to a socket of the bystander's. */
static void make_pair(struct rng *r, int family, int type, int sends, int *fd)
{
	char control[64] __attribute__((aligned(8))) = "", bytes[300] = "";
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = one_right(control, nothing),
	};
	struct sockaddr_un un;
	socklen_t len;
	int i;

	if (sends && type != SOCK_SEQPACKET && rng_below(r, 2)) {
		len = bystander_name(type == SOCK_STREAM, &un);
		fd[0] = socket(family, type | SOCK_NONBLOCK, 0);
		if (!connect(fd[0], (void *)&un, len))
			return;
		close(fd[0]);
	}
	if (socketpair(family, type | SOCK_NONBLOCK, 0, fd) < 0)
		return;
	for (i = 0; i < 2; i++)
		sendmsg(fd[1], &msg, MSG_NOSIGNAL);
}

void late_hold(struct rng *r, int family, int number, int round)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	enum late what = (number + round * HOLDERS) % NLATE;
	int type = types[(number + round + rng_below(r, 3)) % 3];
	int fd[2] = { -1, -1 };

	switch (what) {
	case LATE_ACCEPT:
		make_listener(family, rng_below(r, 2) ? SOCK_STREAM :
						       SOCK_SEQPACKET, fd);
		break;
	case LATE_BIND:
	case LATE_CONNECT:
		/* The bystander listens for streams. */
		fd[0] = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		break;
	case LATE_SEND_NAME:
		fd[0] = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		break;
	default:
		make_pair(r, family, type, what <= LATE_WRITE, fd);
	}
	late_one(r, MAX_THREADS + number, what, fd[0], MSG_DONTWAIT);
	close(fd[0]);
	close(fd[1]);
}
