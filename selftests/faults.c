// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that faults while data is copied: for good, at every position of a
 * vector, or for a while, in which nobody else may have to wait, or in one page or
 * another all the time.  Proves STR-09, DG-19, DG-20 in these cases, and SEQ-01 for
 * the same memory.
 */
#include "vunix_test.h"

#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/uio.h>

FIXTURE(faults)
{
	struct vt_env env;
	int sv[2];
	long page;
};

FIXTURE_VARIANT(faults)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(faults);

FIXTURE_SETUP(faults)
{
	VT_SETUP();
	self->page = sysconf(_SC_PAGESIZE);
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, self->sv));
}

FIXTURE_TEARDOWN(faults)
{
	VT_TEARDOWN();
}

#define PROVES_TYPE(stream, dgram) do { \
	if (variant->type == SOCK_STREAM) { \
		PROVES(stream); \
	} else if (variant->type == SOCK_DGRAM) { \
		PROVES(dgram); \
	} else { \
		PROVES("SEQ-01"); \
	} \
} while (0)

static int qlen(int fd, unsigned int request)
{
	int n = -1;

	return ioctl(fd, request, &n) ? -1 : n;
}

static char *map(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* @size bytes of which only those before the returned address are mapped. */
static char *map_before_hole(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *p;

	size = (size + page - 1) & -page;
	p = map(size + page);
	if (!p || mprotect(p + size, page, PROT_NONE))
		return NULL;
	return p + size;
}

#define PARTS 3

/*
 * A vector of PARTS times @part bytes that faults at byte @pos: the part with
 * it ends in the hole, the others are in @good.
 */
static void bad_vector(struct iovec *iov, size_t part, size_t pos, char *good,
		       char *hole)
{
	size_t i;

	for (i = 0; i < PARTS; i++) {
		iov[i].iov_len = part;
		iov[i].iov_base = pos / part == i ? hole - pos % part :
						    good + i * part;
	}
}

static const size_t parts[] = { 1, 7, 1500, 4096, 5000 };

/* Positions to try: all of a short vector, a good many of a long one. */
static size_t next(size_t pos, size_t part)
{
	size_t near = pos % part;

	if (part <= 7 || near < 2 || near >= part - 2)
		return pos + 1;
	return pos + (near + 300 < part - 2 ? 300 : part - 2 - near);
}

TEST_F(faults, send)
{
	char *hole = map_before_hole(5000), *good = map(PARTS * 5000), c;
	struct iovec iov[PARTS];
	size_t i, pos, part;

	ASSERT_TRUE(hole && good);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		part = parts[i];
		for (pos = 0; pos < PARTS * part; pos = next(pos, part)) {
			bad_vector(iov, part, pos, good, hole);
			ASSERT_EQ(-1, writev(self->sv[0], iov, PARTS)) {
				TH_LOG("position %zu of %zu", pos, part);
			}
			ASSERT_EQ(EFAULT, errno);
			ASSERT_EQ(0, qlen(self->sv[1], SIOCINQ));
			ASSERT_EQ(0, qlen(self->sv[0], SIOCOUTQ));
		}
		/* Nothing at all, not even an empty message. */
		ASSERT_EQ(POLLOUT, vt_poll(self->sv[1], VT_POLL_ALL));
		ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
		ASSERT_EQ(1, recv(self->sv[1], &c, 1, 0));
		ASSERT_EQ('x', c);
	}
	PROVES_TYPE("STR-09", "DG-19");
}

/* More than is accepted at once: what was accepted before stays accepted. */
TEST_F(faults, long_send)
{
	size_t size = 180000, pos;
	char *hole = map_before_hole(size), *buf = malloc(VT_PATTERN);
	ssize_t n, m, done;

	if (variant->type != SOCK_STREAM)
		return;
	ASSERT_TRUE(hole && buf);
	for (pos = 1; pos < size; pos += 19997) {
		for (n = pos; n; n -= m) {
			m = n < VT_PATTERN ? n : VT_PATTERN;
			memcpy(hole - n, vt_pattern(pos - n), m);
		}
		n = send(self->sv[0], hole - pos, size, 0);
		if (n < 0) {
			ASSERT_EQ(EFAULT, errno);
			n = 0;
		}
		ASSERT_LE(n, (ssize_t)pos);
		ASSERT_EQ(n, qlen(self->sv[1], SIOCINQ));
		for (done = 0; done < n; done += m) {
			m = recv(self->sv[1], buf, VT_PATTERN, MSG_DONTWAIT);
			ASSERT_LT(0, m);
			ASSERT_EQ(0, memcmp(buf, vt_pattern(done), m));
		}
		ASSERT_EQ(0, qlen(self->sv[0], SIOCOUTQ));
	}
	PROVES("STR-09");
}

TEST_F(faults, receive)
{
	char *hole = map_before_hole(5000), *good = map(PARTS * 5000);
	char *buf = malloc(PARTS * 5000);
	struct iovec iov[PARTS];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = PARTS };
	size_t i, pos, part;
	ssize_t size;

	ASSERT_TRUE(hole && good && buf);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		part = parts[i];
		size = PARTS * part;
		for (pos = 0; pos < PARTS * part; pos = next(pos, part)) {
			bad_vector(iov, part, pos, good, hole);
			if (!pos || variant->type != SOCK_STREAM)
				ASSERT_EQ(size, send(self->sv[0],
						     vt_pattern(i), size, 0));
			ASSERT_EQ(-1, recvmsg(self->sv[1], &msg, MSG_PEEK)) {
				TH_LOG("position %zu of %zu", pos, part);
			}
			ASSERT_EQ(EFAULT, errno);
			ASSERT_EQ(size, qlen(self->sv[1], SIOCINQ));
			ASSERT_EQ(-1, recvmsg(self->sv[1], &msg, 0));
			ASSERT_EQ(EFAULT, errno);
			ASSERT_EQ(variant->type == SOCK_STREAM ? size : 0,
				  qlen(self->sv[1], SIOCINQ));
		}
		/* The stream has lost nothing, the others that message only. */
		if (variant->type != SOCK_STREAM)
			ASSERT_EQ(size, send(self->sv[0], vt_pattern(i), size,
					     0));
		ASSERT_EQ(size, recv(self->sv[1], buf, PARTS * 5000,
				     MSG_DONTWAIT));
		ASSERT_EQ(0, memcmp(buf, vt_pattern(i), size));
		ASSERT_EQ(0, qlen(self->sv[0], SIOCOUTQ));
	}
	free(buf);
	PROVES_TYPE("STR-09", "DG-20");
}

/*
 * Several segments: with AF_UNIX whole ones before the fault, which are the
 * sends, have been received.  The bytes of a vunix stream run together, so the
 * call fails as a whole and all data stays: docs/differences.md.
 */
TEST_F(faults, receive_segments)
{
	char *hole = map_before_hole(100), buf[32];
	int pos, i, n;

	if (variant->type != SOCK_STREAM)
		return;
	ASSERT_TRUE(!!hole);
	for (pos = 0; pos < 21; pos++) {
		for (i = 0; i < 3; i++)
			ASSERT_EQ(7, send(self->sv[0], vt_pattern(7 * i), 7,
					  0));
		n = recv(self->sv[1], hole - pos, 32, 0);
		if (pos < 7 || !vt_is_unix(variant->family)) {
			ASSERT_EQ(-1, n);
			ASSERT_EQ(EFAULT, errno);
			n = 0;
		} else {
			ASSERT_EQ(pos / 7 * 7, n);
			ASSERT_EQ(0, memcmp(hole - pos, vt_pattern(0), n));
		}
		ASSERT_EQ(21 - n, recv(self->sv[1], buf, 32, MSG_DONTWAIT));
		ASSERT_EQ(0, memcmp(buf, vt_pattern(n), 21 - n));
	}
	PROVES("STR-09");
}

/* Pages nobody has touched, and a file that is shorter than its mapping. */
TEST_F(faults, partly_mapped)
{
	long page = self->page;
	char *in = map(4 * page), *out = map(4 * page), *file;
	int fd, i;

	ASSERT_TRUE(in && out);
	out[page] = 'x';
	ASSERT_EQ(4 * page - 20, send(self->sv[0], out + 10, 4 * page - 20, 0));
	ASSERT_EQ(4 * page - 20, recv(self->sv[1], in + 10, 4 * page - 20, 0));
	ASSERT_EQ(0, memcmp(in, out, 4 * page));
	ASSERT_EQ('x', in[page]);
	/* Given back, so that the second visit faults again. */
	ASSERT_EQ(0, madvise(in, 4 * page, MADV_DONTNEED));
	ASSERT_EQ(4 * page, send(self->sv[0], out, 4 * page, 0));
	ASSERT_EQ(4 * page, recv(self->sv[1], in, 4 * page, 0));
	ASSERT_EQ(0, memcmp(in, out, 4 * page));

	fd = open("file", O_CREAT | O_RDWR, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(100, write(fd, vt_pattern(0), 100));
	file = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_TRUE(file != MAP_FAILED);
	/* The first page is all there, zero from the file's end. */
	ASSERT_EQ(page, send(self->sv[0], file, page, 0));
	ASSERT_EQ(page, recv(self->sv[1], in, page, 0));
	ASSERT_EQ(0, memcmp(in, vt_pattern(0), 100));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(-1, send(self->sv[0], file + page - i, 10, 0));
		ASSERT_EQ(EFAULT, errno);
	}
	ASSERT_EQ(0, qlen(self->sv[1], SIOCINQ));
	ASSERT_EQ(10, send(self->sv[0], vt_pattern(5), 10, 0));
	ASSERT_EQ(-1, recv(self->sv[1], file + page, 10, 0));
	ASSERT_EQ(EFAULT, errno);
	if (variant->type != SOCK_STREAM)
		ASSERT_EQ(10, send(self->sv[0], vt_pattern(5), 10, 0));
	/* Into the part of the page behind the file's end. */
	ASSERT_EQ(10, recv(self->sv[1], file + page - 10, 10, 0));
	ASSERT_EQ(0, memcmp(file + page - 10, vt_pattern(5), 10));
	PROVES_TYPE("STR-09", "DG-19");
}

/*
 * Two pages; whoever touches one from @first on stays there until uffd_let_go().
 * NULL if there is no userfaultfd.
 */
static char *uffd_map_from(int *uffd, int first)
{
	long page = sysconf(_SC_PAGESIZE);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *p = map(2 * page);

	*uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (*uffd < 0 || !p)
		return NULL;
	if (first)
		p[0] = 0;
	reg.range.start = (unsigned long)p + first * page;
	reg.range.len = (2 - first) * page;
	if (ioctl(*uffd, UFFDIO_API, &api) ||
	    ioctl(*uffd, UFFDIO_REGISTER, &reg))
		return NULL;
	return p;
}

/* The second one alone. */
static char *uffd_map(int *uffd)
{
	return uffd_map_from(uffd, 1);
}

/* Somebody has run into the second page. */
static bool uffd_caught(int uffd)
{
	struct uffd_msg msg;

	return vt_poll_wait(uffd, POLLIN, 25000) == POLLIN &&
	       read(uffd, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

static int uffd_let_go(int uffd, char *p)
{
	long page = sysconf(_SC_PAGESIZE);
	char *src = map(page);
	struct uffdio_copy copy = {
		.dst = (unsigned long)p + page, .len = page,
	};

	memcpy(src, vt_pattern(0), page);
	copy.src = (unsigned long)src;
	return ioctl(uffd, UFFDIO_COPY, &copy);
}

#define NO_UFFD()	(errno == ENOSYS || errno == EPERM || errno == EINVAL)

#define SKIP_NO_UFFD() do { \
	if (NO_UFFD()) { \
		SKIP_ROWS("no userfaultfd", "STR-09", "DG-19", "DG-20"); \
		SKIP(return, "no userfaultfd"); \
	} \
} while (0)

#define OTHERS 6

/* A sender that stands still in the middle of its message. */
TEST_F(faults, stalled_sender)
{
	long page = self->page;
	int fds[OTHERS], uffd, i, r = self->sv[1];
	char *mem = uffd_map(&uffd), buf[128];
	struct vt_io io;
	struct vt_bg bg;
	ssize_t n;

	if (!mem)
		SKIP_NO_UFFD();
	ASSERT_TRUE(!!mem);
	if (variant->type == SOCK_DGRAM) {
		r = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_bind(r, "r"));
		self->sv[0] = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_connect(self->sv[0], "r"));
	}
	io = (struct vt_io){ self->sv[0], mem + page - 50, 100, 0 };
	ASSERT_EQ(0, vt_bg_start(&bg, vt_io_send, &io));
	ASSERT_TRUE(uffd_caught(uffd));

	/* Nothing of it shows, and nobody else minds. */
	ASSERT_EQ(POLLOUT, vt_poll(r, VT_POLL_ALL));
	ASSERT_EQ(0, qlen(r, SIOCINQ));
	ASSERT_EQ(-1, recv(r, buf, 1, MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	for (i = 0; i < OTHERS; i++) {
		if (variant->type != SOCK_DGRAM) {
			/* Senders of one connection: they may be told so. */
			n = send(self->sv[0], "x", 1, MSG_DONTWAIT);
			if (n < 0)
				ASSERT_EQ(EAGAIN, errno);
		} else {
			fds[i] = vt_socket(variant->family, SOCK_DGRAM);
			ASSERT_EQ(1, vt_sendto(fds[i], "x", 1, 0, "r"));
			n = 1;
		}
		if (n == 1) {
			ASSERT_EQ(1, recv(r, buf, sizeof(buf), 0));
			ASSERT_EQ('x', buf[0]);
		}
	}
	/* The other direction, and what needs no sender at all. */
	if (variant->type != SOCK_DGRAM) {
		ASSERT_EQ(1, send(r, "y", 1, 0));
		ASSERT_EQ(1, recv(self->sv[0], buf, 1, 0));
		ASSERT_EQ(0, shutdown(r, SHUT_WR));
	}

	ASSERT_EQ(0, uffd_let_go(uffd, mem));
	ASSERT_EQ(100, vt_bg_join(&bg));
	ASSERT_EQ(100, recv(r, buf, sizeof(buf), 0));
	ASSERT_EQ(0, memcmp(buf, mem + page - 50, 100));
	ASSERT_EQ(0, memcmp(buf + 50, vt_pattern(0), 50));
	PROVES_TYPE("STR-09", "DG-19");
}

/* Two pages of which only the one that was touched last is there. */
struct see_saw {
	int uffd;
	int stop;	/* readable: nobody will touch them any more */
	char *mem;
	int faults;
};

static int see_saw_next(struct see_saw *s)
{
	long page = sysconf(_SC_PAGESIZE);
	struct uffdio_copy copy = { .len = page };
	struct uffd_msg msg;
	char *other, *src;
	int second;

	if (read(s->uffd, &msg, sizeof(msg)) != sizeof(msg) ||
	    msg.event != UFFD_EVENT_PAGEFAULT)
		return -1;
	second = msg.arg.pagefault.address >= (unsigned long)s->mem + page;
	other = s->mem + !second * page;
	if (madvise(other, page, MADV_DONTNEED))
		return -1;
	src = map(page);
	memcpy(src, vt_pattern(second * page), page);
	copy.src = (unsigned long)src;
	copy.dst = (unsigned long)s->mem + second * page;
	if (ioctl(s->uffd, UFFDIO_COPY, &copy) || munmap(src, page))
		return -1;
	s->faults++;
	return 0;
}

/* Gives back how many times a page was missing, or -1. */
static long see_saw_run(void *arg)
{
	struct see_saw *s = arg;
	struct pollfd p[2] = {
		{ .fd = s->uffd, .events = POLLIN },
		{ .fd = s->stop, .events = POLLIN },
	};

	while (poll(p, 2, 25000) > 0) {
		if (!p[0].revents)
			return s->faults;
		if (see_saw_next(s))
			break;
	}
	return -1;
}

/* A source that is never there as a whole: it is sent for all that. */
TEST_F(faults, never_whole)
{
	long page = self->page;
	size_t half[] = { 50, 1500, page }, i;
	struct see_saw s = {};
	struct vt_bg bg;
	int stop[2];
	char *buf = malloc(2 * page);

	s.mem = uffd_map_from(&s.uffd, 0);
	if (!s.mem)
		SKIP_NO_UFFD();
	ASSERT_TRUE(!!s.mem);
	vt_pattern(0);
	ASSERT_EQ(0, pipe(stop));
	s.stop = stop[0];
	ASSERT_EQ(0, vt_bg_start(&bg, see_saw_run, &s));
	for (i = 0; i < ARRAY_SIZE(half); i++) {
		ssize_t n = 2 * half[i];

		ASSERT_EQ(n, send(self->sv[0], s.mem + page - half[i], n, 0));
		ASSERT_EQ(n, recv(self->sv[1], buf, 2 * page, 0));
		ASSERT_EQ(0, memcmp(buf, vt_pattern(page - half[i]), n));
	}
	ASSERT_EQ(0, qlen(self->sv[0], SIOCOUTQ));
	ASSERT_EQ(1, write(stop[1], "x", 1));
	/* Both pages, once a message at least */
	ASSERT_LE(2 * 3 - 2, vt_bg_join(&bg));
	PROVES_TYPE("STR-09", "DG-19");
}

/* The receiver goes while a sender stands still. */
TEST_F(faults, stalled_sender_close)
{
	long page = self->page;
	int uffd, err;
	char *mem = uffd_map(&uffd), buf[8];
	struct vt_io io;
	struct vt_bg bg;

	if (!mem)
		SKIP_NO_UFFD();
	ASSERT_TRUE(!!mem);
	io = (struct vt_io){ self->sv[0], mem + page - 50, 100, MSG_NOSIGNAL };
	ASSERT_EQ(0, vt_bg_start(&bg, vt_io_send, &io));
	ASSERT_TRUE(uffd_caught(uffd));
	ASSERT_EQ(1, send(self->sv[1], "z", 1, 0));
	ASSERT_EQ(0, close(self->sv[1]));
	/* Whoever polls or reads the sender sees it at once. */
	if (variant->type != SOCK_DGRAM)
		ASSERT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP,
			  vt_poll(self->sv[0], VT_POLL_ALL));
	ASSERT_EQ(1, recv(self->sv[0], buf, 8, MSG_DONTWAIT));
	ASSERT_EQ(0, uffd_let_go(uffd, mem));
	ASSERT_EQ(-1, vt_bg_join(&bg));
	err = variant->type == SOCK_DGRAM ? ECONNREFUSED : EPIPE;
	ASSERT_EQ(err, bg.err);
	PROVES_TYPE("STR-09", "DG-19");
}

static long send_to_r(void *p)
{
	struct vt_io *io = p;

	return vt_sendto(io->fd, io->buf, io->len, io->flags, "@r");
}

/*
 * Who receives datagrams is no longer who it was when the sender came to stand
 * still: somebody else has its name, or is the sender's peer.  (Of a peer, AF_UNIX
 * before 6.14 says so; since then it asks only now who it is.)
 */
TEST_F(faults, stalled_sender_receiver_changes)
{
	long page = self->page;
	int uffd, named, r[2];
	struct vt_io io;
	struct vt_bg bg;
	char *mem, buf[128];
	long n;

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "datagrams only");
	for (named = 0; named < 2; named++) {
		mem = uffd_map(&uffd);
		if (!mem)
			SKIP_NO_UFFD();
		ASSERT_TRUE(!!mem);
		r[0] = vt_socket(variant->family, SOCK_DGRAM);
		r[1] = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_bind(r[0], "@r"));
		io = (struct vt_io){ self->sv[0], mem + page - 50, 100, 0 };
		if (!named)
			ASSERT_EQ(0, vt_connect(io.fd, "@r"));
		ASSERT_EQ(0, vt_bg_start(&bg, named ? send_to_r : vt_io_send,
					 &io));
		ASSERT_TRUE(uffd_caught(uffd));
		ASSERT_EQ(0, close(r[0]));
		ASSERT_EQ(0, vt_bind(r[1], "@r"));
		if (!named)
			ASSERT_EQ(0, vt_connect(io.fd, "@r"));
		ASSERT_EQ(0, uffd_let_go(uffd, mem));
		n = vt_bg_join(&bg);
		if (!named && n < 0) {
			ASSERT_EQ(ECONNRESET, bg.err);
		} else {
			ASSERT_EQ(100, n);
			ASSERT_EQ(100, recv(r[1], buf, sizeof(buf), 0));
			ASSERT_EQ(0, memcmp(buf + 50, vt_pattern(0), 50));
		}
		ASSERT_EQ(-1, recv(r[1], buf, 1, MSG_DONTWAIT));
		ASSERT_EQ(EAGAIN, errno);
		ASSERT_EQ(0, close(r[1]));
		close(uffd);
	}
	PROVES("DG-19");
}

/* There was room when the sender came to stand still, and then there is none. */
TEST_F(faults, stalled_sender_no_room)
{
	long page = self->page;
	int uffd, wait, r, c, n;
	struct vt_io io;
	struct vt_bg bg;
	char *mem, buf[128];

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "datagrams only");
	r = vt_socket(variant->family, SOCK_DGRAM);
	c = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(r, "@r"));
	ASSERT_EQ(0, vt_connect(c, "@r"));
	ASSERT_EQ(0, vt_connect(self->sv[0], "@r"));
	for (wait = 0; wait < 2; wait++) {
		mem = uffd_map(&uffd);
		if (!mem)
			SKIP_NO_UFFD();
		ASSERT_TRUE(!!mem);
		io = (struct vt_io){ self->sv[0], mem + page - 50, 100,
				     wait ? 0 : MSG_DONTWAIT };
		ASSERT_EQ(0, vt_bg_start(&bg, vt_io_send, &io));
		ASSERT_TRUE(uffd_caught(uffd));
		for (n = 0; send(c, "x", 1, MSG_DONTWAIT) == 1; n++)
			;
		ASSERT_EQ(EAGAIN, errno);
		ASSERT_EQ(0, uffd_let_go(uffd, mem));
		if (wait) {
			ASSERT_EQ(0, vt_wait_asleep(bg.tid));
		} else {
			ASSERT_EQ(-1, vt_bg_join(&bg));
			ASSERT_EQ(EAGAIN, bg.err);
		}
		while (n--)
			ASSERT_EQ(1, recv(r, buf, sizeof(buf), 0));
		if (wait) {
			ASSERT_EQ(100, vt_bg_join(&bg));
			ASSERT_EQ(100, recv(r, buf, sizeof(buf), 0));
			ASSERT_EQ(0, memcmp(buf + 50, vt_pattern(0), 50));
		}
		ASSERT_EQ(-1, recv(r, buf, 1, MSG_DONTWAIT));
		ASSERT_EQ(EAGAIN, errno);
		ASSERT_EQ(0, qlen(self->sv[0], SIOCOUTQ));
		close(uffd);
	}
	PROVES("DG-19");
}

/* Bad memory is bad before anybody is asked for room, or waited for. */
TEST_F(faults, no_room)
{
	char *hole = map_before_hole(100);
	int r, s;

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "datagrams only");
	ASSERT_TRUE(!!hole);
	r = vt_socket(variant->family, SOCK_DGRAM);
	s = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(r, "@r"));
	ASSERT_EQ(0, vt_connect(s, "@r"));
	while (send(s, "x", 1, MSG_DONTWAIT) == 1)
		;
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_ERR(EFAULT, send(s, hole - 50, 100, 0));
	ASSERT_ERR(EFAULT, send(s, hole - 50, 100, MSG_DONTWAIT));
	ASSERT_EQ(0, shutdown(r, SHUT_RD));
	ASSERT_ERR(EFAULT, send(s, hole - 50, 100, MSG_NOSIGNAL));
	ASSERT_ERR(EPIPE, send(s, hole - 50, 50, MSG_NOSIGNAL));
	PROVES("DG-19");
}

/* A reader that stands still: senders and close must go on. */
TEST_F(faults, stalled_reader)
{
	long page = self->page;
	int i, uffd, s = self->sv[0], r = self->sv[1];
	char *mem = uffd_map(&uffd), buf[256];
	struct vt_io io;
	struct vt_bg bg;
	ssize_t n;

	if (!mem)
		SKIP_NO_UFFD();
	ASSERT_TRUE(!!mem);
	ASSERT_EQ(100, send(s, vt_pattern(50), 100, 0));
	io = (struct vt_io){ r, mem + page - 50, 100, 0 };
	ASSERT_EQ(0, vt_bg_start(&bg, vt_io_recv, &io));
	ASSERT_TRUE(uffd_caught(uffd));

	for (i = 0; i < OTHERS; i++) {
		ASSERT_EQ(20, send(s, vt_pattern(i), 20, 0));
		ASSERT_NE(0, vt_poll(s, VT_POLL_ALL) & POLLOUT);
		ASSERT_NE(0, vt_poll(r, VT_POLL_ALL) & POLLIN);
	}
	ASSERT_LT(0, qlen(s, SIOCOUTQ));
	ASSERT_EQ(3, send(r, "abc", 3, 0));
	ASSERT_EQ(3, recv(s, buf, 8, 0));
	ASSERT_EQ(0, shutdown(s, SHUT_WR));
	ASSERT_EQ(0, close(s));

	ASSERT_EQ(0, uffd_let_go(uffd, mem));
	ASSERT_EQ(100, vt_bg_join(&bg));
	ASSERT_EQ(0, memcmp(mem + page - 50, vt_pattern(50), 100));
	/* What was sent meanwhile follows. */
	for (i = 0; i < OTHERS; i++) {
		n = recv(r, buf, 20, MSG_DONTWAIT);
		ASSERT_EQ(20, n);
		ASSERT_EQ(0, memcmp(buf, vt_pattern(i), 20));
	}
	n = recv(r, buf, 20, MSG_DONTWAIT);
	ASSERT_EQ(variant->type == SOCK_DGRAM ? -1 : 0, n);
	PROVES_TYPE("STR-09", "DG-20");
}

TEST_HARNESS_MAIN
