// SPDX-License-Identifier: GPL-2.0
/*
 * The limits of a network namespace that AF_UNIX does not have, in
 * /proc/sys/net/vunix: values, effect, the small-system profile, and the
 * initial namespace's values as caps of all others.  No contract rows: the
 * sysctls are vunix's own, and every row holds while they have their defaults.
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

#include <sys/resource.h>

#define DIR "/proc/sys/net/vunix/"
#define SOCKETS DIR "max_sockets"
#define BACKLOG DIR "max_backlog"
#define DGRAM_SIZE DIR "max_dgram_size"
#define DGRAM_QLEN DIR "max_dgram_qlen"
#define SCM_FDS DIR "max_scm_fds"
#define INFLIGHT DIR "max_inflight"

static const int all_types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

FIXTURE(limits) {
	struct vt_env env;
};

FIXTURE_VARIANT(limits) {
	int family;
};

FIXTURE_VARIANT_ADD(limits, vunix) { .family = AF_VUNIX };

FIXTURE_SETUP(limits)
{
	struct rlimit many = { 4096, 4096 };

	VT_SETUP();
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &many));
}

FIXTURE_TEARDOWN(limits)
{
	VT_TEARDOWN();
}

static const struct {
	const char *path;
	long def, min, max;
} sysctls[] = {
	{ SOCKETS, 0, 0, 2147483647 },
	{ BACKLOG, 0, 0, 2147483647 },
	{ DGRAM_SIZE, 0, 0, 2147483647 },
	{ DGRAM_QLEN, 10, 0, 2147483647 },
	{ SCM_FDS, 253, 1, 253 },
	{ INFLIGHT, 0, 0, 2147483647 },
};

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int r = write(fd, text, strlen(text));

	close(fd);
	return r < 0 ? -1 : 0;
}

TEST_F(limits, values)
{
	unsigned int i;
	struct stat st;

	for (i = 0; i < ARRAY_SIZE(sysctls); i++) {
		const char *path = sysctls[i].path;

		ASSERT_EQ(0, stat(path, &st));
		ASSERT_EQ(0644, (int)(st.st_mode & 07777));
		ASSERT_EQ(sysctls[i].def, vt_read_num(path));
		ASSERT_ERR(EINVAL, vt_write_num(path, -1));
		ASSERT_ERR(EINVAL, vt_write_num(path, sysctls[i].min - 1));
		ASSERT_ERR(EINVAL, write_text(path, "4294967296"));
		ASSERT_ERR(EINVAL, write_text(path, "many"));
		if (sysctls[i].max < 2147483647)
			ASSERT_ERR(EINVAL, vt_write_num(path,
							sysctls[i].max + 1));
		ASSERT_EQ(sysctls[i].def, vt_read_num(path));

		ASSERT_EQ(0, vt_write_num(path, sysctls[i].max));
		ASSERT_EQ(sysctls[i].max, vt_read_num(path));
		ASSERT_EQ(0, vt_write_num(path, sysctls[i].min));
		ASSERT_EQ(sysctls[i].min, vt_read_num(path));
	}
	/* Another namespace begins with the defaults. */
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	for (i = 0; i < ARRAY_SIZE(sysctls); i++)
		ASSERT_EQ(sysctls[i].def, vt_read_num(sysctls[i].path));
}

/* Create sockets of all types until it fails: how many; errno says why. */
static int fill_sockets(int *fds, int max)
{
	int n;

	for (n = 0; n < max; n++) {
		fds[n] = vt_socket(AF_VUNIX, all_types[n % 3]);
		if (fds[n] < 0)
			break;
	}
	return n;
}

static void close_all(const int *fds, int n)
{
	while (n)
		close(fds[--n]);
}

TEST_F(limits, sockets)
{
	int fds[64], more[64], sv[2], l, c, ns, i;

	l = vt_socket(AF_VUNIX, SOCK_STREAM);
	c = vt_socket(AF_VUNIX, SOCK_STREAM | SOCK_NONBLOCK);
	ASSERT_EQ(0, vt_bind(l, "@l"));
	ASSERT_EQ(0, listen(l, 5));

	/* Those that exist already count. */
	ASSERT_EQ(0, vt_write_num(SOCKETS, 20));
	ASSERT_EQ(18, fill_sockets(fds, 64));
	ASSERT_EQ(ENFILE, errno);
	ASSERT_ERR(ENFILE, vt_pair(AF_VUNIX, SOCK_DGRAM, sv));
	/* A connection needs one more socket, at the other end. */
	ASSERT_ERR(ENFILE, vt_connect(c, "@l"));
	ASSERT_EQ(0, close(fds[17]));
	ASSERT_ERR(ENFILE, vt_pair(AF_VUNIX, SOCK_STREAM, sv));
	ASSERT_EQ(0, vt_connect(c, "@l"));
	ASSERT_ERR(ENFILE, vt_socket(AF_VUNIX, SOCK_STREAM));
	ASSERT_LE(0, accept(l, NULL, NULL));
	ASSERT_ERR(ENFILE, vt_socket(AF_VUNIX, SOCK_STREAM));

	/* Fewer than there are: nothing goes, nothing comes. */
	ASSERT_EQ(0, vt_write_num(SOCKETS, 5));
	ASSERT_EQ(1, send(c, "x", 1, 0));
	for (i = 16; i >= 3; i--) {
		ASSERT_ERR(ENFILE, vt_socket(AF_VUNIX, SOCK_STREAM));
		ASSERT_EQ(0, close(fds[i]));
	}
	/* l, c, accepted, three of fds: one too many. */
	ASSERT_ERR(ENFILE, vt_socket(AF_VUNIX, SOCK_STREAM));
	ASSERT_EQ(0, close(fds[2]));
	ASSERT_ERR(ENFILE, vt_socket(AF_VUNIX, SOCK_STREAM));
	ASSERT_EQ(0, close(fds[1]));
	fds[1] = vt_socket(AF_VUNIX, SOCK_STREAM);
	ASSERT_LE(0, fds[1]);

	/* AF_UNIX and other namespaces have their own. */
	ASSERT_LE(0, vt_socket(AF_UNIX, SOCK_STREAM));
	ns = open("/proc/self/ns/net", O_RDONLY);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(64, fill_sockets(more, 64));
	ASSERT_EQ(0, setns(ns, CLONE_NEWNET));
	ASSERT_ERR(ENFILE, vt_socket(AF_VUNIX, SOCK_STREAM));

	ASSERT_EQ(0, vt_write_num(SOCKETS, 0));
	ASSERT_LE(0, vt_socket(AF_VUNIX, SOCK_STREAM));
}

/* How many clients a listener of @backlog lets in before it is full. */
static int pending(int type, int backlog)
{
	int l = vt_socket(AF_VUNIX, type), fds[512], n = 0;

	if (vt_bind(l, "@l") || listen(l, backlog))
		return -1;
	for (; n < 512; n++) {
		fds[n] = vt_socket(AF_VUNIX, type | SOCK_NONBLOCK);
		if (vt_connect(fds[n], "@l")) {
			if (errno != EAGAIN)
				return -1;
			close(fds[n]);
			break;
		}
	}
	close(l);
	close_all(fds, n);
	return n;
}

TEST_F(limits, backlog)
{
	int type;

	ASSERT_EQ(0, vt_write_num(BACKLOG, 4));
	for (type = SOCK_STREAM; type; type = type == SOCK_STREAM ?
	     SOCK_SEQPACKET : 0) {
		ASSERT_EQ(5, pending(type, 100));
		ASSERT_EQ(5, pending(type, -1));
		ASSERT_EQ(5, pending(type, 4));
		ASSERT_EQ(4, pending(type, 3));
		ASSERT_EQ(1, pending(type, 0));
	}
	/* The smaller of the two. */
	ASSERT_EQ(0, vt_write_num("/proc/sys/net/core/somaxconn", 2));
	ASSERT_EQ(3, pending(SOCK_STREAM, 100));
	ASSERT_EQ(0, vt_write_num("/proc/sys/net/core/somaxconn", 9));
	ASSERT_EQ(0, vt_write_num(BACKLOG, 0));
	ASSERT_EQ(10, pending(SOCK_STREAM, 100));
}

/* The size of one message: 0, or the errno of sending it (and taking it). */
static int send_size(const int *sv, size_t size)
{
	static char buf[1 << 18];
	ssize_t n;

	n = send(sv[0], buf, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno;
	if (n != (ssize_t)size || recv(sv[1], buf, sizeof(buf), 0) != n)
		return -1;
	return 0;
}

TEST_F(limits, dgram_size)
{
	int sv[2], type;

	for (type = SOCK_DGRAM; type; type = type == SOCK_DGRAM ?
	     SOCK_SEQPACKET : 0) {
		/* It holds for sockets that exist. */
		ASSERT_EQ(0, vt_write_num(DGRAM_SIZE, 0));
		ASSERT_EQ(0, vt_pair(AF_VUNIX, type, sv));
		ASSERT_EQ(0, send_size(sv, 5001));
		ASSERT_EQ(0, vt_write_num(DGRAM_SIZE, 5000));
		ASSERT_EQ(0, send_size(sv, 5000));
		ASSERT_EQ(0, send_size(sv, 1));
		ASSERT_EQ(EMSGSIZE, send_size(sv, 5001));
		ASSERT_EQ(EMSGSIZE, send_size(sv, 100000));
		/* SO_SNDBUF still counts if it is smaller. */
		ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET, SO_SNDBUF, 2304));
		ASSERT_EQ(0, send_size(sv, 4608 - 32));
		ASSERT_EQ(EMSGSIZE, send_size(sv, 4608 - 31));
		ASSERT_EQ(0, close(sv[0]));
		ASSERT_EQ(0, close(sv[1]));
	}
	/* A stream has no messages. */
	ASSERT_EQ(0, vt_pair(AF_VUNIX, SOCK_STREAM, sv));
	ASSERT_EQ(0, send_size(sv, 20000));
}

/* Send one byte with @n copies of one descriptor: 0 or the errno. */
static int send_fds(int sock, int n)
{
	union {
		char buf[CMSG_SPACE(300 * sizeof(int))];
		struct cmsghdr align;
	} u = {};
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int i, fd = 0;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (i = 0; i < n; i++)
		memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd, sizeof(fd));
	return vt_err(sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL));
}

TEST_F(limits, scm_fds)
{
	int sv[2], i;
	char c;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_pair(AF_VUNIX, all_types[i], sv));
		ASSERT_EQ(0, vt_write_num(SCM_FDS, 253));
		ASSERT_EQ(0, send_fds(sv[0], 253));
		ASSERT_EQ(EINVAL, send_fds(sv[0], 254));
		ASSERT_EQ(0, vt_write_num(SCM_FDS, 5));
		ASSERT_EQ(0, send_fds(sv[0], 5));
		ASSERT_EQ(EINVAL, send_fds(sv[0], 6));
		ASSERT_EQ(EINVAL, send_fds(sv[0], 253));
		ASSERT_EQ(0, vt_write_num(SCM_FDS, 1));
		ASSERT_EQ(0, send_fds(sv[0], 1));
		ASSERT_EQ(EINVAL, send_fds(sv[0], 2));
		/* What was refused was not queued. */
		ASSERT_EQ(1, recv(sv[1], &c, 1, MSG_DONTWAIT));
		ASSERT_EQ(1, recv(sv[1], &c, 1, MSG_DONTWAIT));
		ASSERT_EQ(1, recv(sv[1], &c, 1, MSG_DONTWAIT));
		ASSERT_ERR(EAGAIN, recv(sv[1], &c, 1, MSG_DONTWAIT));
	}
}

/* In a child that is nobody: how many messages of a descriptor go at once. */
static int inflight(void *arg)
{
	int *sv = arg, n = 0, err;
	char c;

	while (n < 100 && !(err = send_fds(sv[0], 1)))
		n++;
	if (n < 100 && err != ETOOMANYREFS)
		return 254;
	/* One that arrives makes room again. */
	if (n < 100 && (recv(sv[1], &c, 1, MSG_DONTWAIT) != 1 ||
			send_fds(sv[0], 1) ||
			send_fds(sv[0], 1) != ETOOMANYREFS))
		return 253;
	return n;
}

TEST_F(limits, inflight)
{
	struct rlimit few = { 20, 4096 };
	int sv[2];
	char c;

	ASSERT_EQ(0, vt_pair(AF_VUNIX, SOCK_STREAM, sv));
	/* As LIM-01 counts: once there are more than the limit. */
	ASSERT_EQ(0, vt_write_num(INFLIGHT, 7));
	ASSERT_EQ(8, vt_run_as(VT_NOBODY, inflight, sv));
	while (recv(sv[1], &c, 1, MSG_DONTWAIT) == 1)
		;
	ASSERT_EQ(0, vt_write_num(INFLIGHT, 0));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &few));
	ASSERT_EQ(21, vt_run_as(VT_NOBODY, inflight, sv));
}

/*
 * The system this family descends from: 1024 sockets, 128 pending connections,
 * datagrams of 65536 bytes, 16 descriptors in a message, paths of 108 bytes.
 */
TEST_F(limits, small_system)
{
	static int fds[2000];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int sv[2], i, n, sndbuf = 1 << 20;

	ASSERT_EQ(0, vt_write_num(SOCKETS, 1024));
	ASSERT_EQ(0, vt_write_num(BACKLOG, 128));
	ASSERT_EQ(0, vt_write_num(DGRAM_SIZE, 65536));
	ASSERT_EQ(0, vt_write_num(SCM_FDS, 16));

	n = fill_sockets(fds, ARRAY_SIZE(fds));
	ASSERT_EQ(ENFILE, errno);
	ASSERT_EQ(1024, n);
	close_all(fds, n);
	ASSERT_EQ(1024, fill_sockets(fds, ARRAY_SIZE(fds)));
	close_all(fds, n);

	ASSERT_EQ(129, pending(SOCK_STREAM, 4096));
	ASSERT_EQ(129, pending(SOCK_SEQPACKET, 128));
	ASSERT_EQ(128, pending(SOCK_STREAM, 127));

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_pair(AF_VUNIX, all_types[i], sv));
		ASSERT_EQ(0, send_fds(sv[0], 16));
		ASSERT_EQ(EINVAL, send_fds(sv[0], 17));
		ASSERT_EQ(1, recv(sv[1], &un.sun_path, 1, 0));
		/* However large the buffer. */
		ASSERT_EQ(0, setsockopt(sv[0], SOL_SOCKET, SO_SNDBUFFORCE,
					&sndbuf, sizeof(sndbuf)));
		ASSERT_EQ(0, send_size(sv, 65536));
		ASSERT_EQ(all_types[i] == SOCK_STREAM ? 0 : EMSGSIZE,
			  send_size(sv, 65537));
	}

	memset(un.sun_path, 'p', sizeof(un.sun_path));
	ASSERT_EQ(108, (int)sizeof(un.sun_path));
	i = vt_socket(AF_VUNIX, SOCK_DGRAM);
	ASSERT_EQ(0, bind(i, (struct sockaddr *)&un, sizeof(un)));
	ASSERT_EQ(1, sendto(i, "x", 1, 0, (struct sockaddr *)&un,
			    sizeof(un)));
	ASSERT_ERR(EINVAL, bind(vt_socket(AF_VUNIX, SOCK_DGRAM),
				(struct sockaddr *)&un, sizeof(un) + 1));
}

/* What the initial namespace is set to while caps are tested. */
static const struct {
	const char *path;
	long cap, old;
} caps[] = {
	{ SOCKETS, 40, 0 },
	{ BACKLOG, 6, 0 },
	{ DGRAM_SIZE, 3000, 0 },
	{ SCM_FDS, 9, 253 },
	{ INFLIGHT, 11, 0 },
};

static int set_caps(bool on)
{
	int ns = open("/proc/self/ns/net", O_RDONLY);
	int init = open("/proc/1/ns/net", O_RDONLY), err = 0;
	unsigned int i;

	if (ns < 0 || init < 0 || setns(init, CLONE_NEWNET))
		return -1;
	for (i = 0; i < ARRAY_SIZE(caps); i++)
		err |= vt_write_num(caps[i].path, on ? caps[i].cap :
				    caps[i].old);
	err |= setns(ns, CLONE_NEWNET);
	close(ns);
	close(init);
	return err;
}

static int refuses(const char *path, long val)
{
	return vt_write_num(path, val) == -1 && errno == EINVAL;
}

static int check_writes(void)
{
	unsigned int i;
	long old;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		const char *path = caps[i].path;

		old = vt_read_num(path);
		HOLDS(refuses(path, caps[i].cap + 1));
		HOLDS(refuses(path, 2147483647));
		HOLDS(refuses(path, 0));
		HOLDS(vt_read_num(path) == old);
		HOLDS(!vt_write_num(path, caps[i].cap - 1));
		HOLDS(!vt_write_num(path, 1));
		HOLDS(!vt_write_num(path, caps[i].cap));
		HOLDS(vt_read_num(path) == caps[i].cap);
	}
	return 0;
}

/* What applies, whatever the namespace's own larger values say. */
static int check_effect(void)
{
	int fds[64], sv[2], n;

	n = fill_sockets(fds, 64);
	HOLDS(n == 40 && errno == ENFILE);
	close_all(fds, n);
	HOLDS(pending(SOCK_STREAM, 100) == 7);
	HOLDS(!vt_pair(AF_VUNIX, SOCK_SEQPACKET, sv));
	HOLDS(send_size(sv, 3000) == 0);
	HOLDS(send_size(sv, 3001) == EMSGSIZE);
	HOLDS(send_fds(sv[0], 9) == 0);
	HOLDS(send_fds(sv[0], 10) == EINVAL);
	close_all(sv, 2);
	return 0;
}

/* In a child: a user namespace of nobody, who is root there. */
static int unprivileged(void *arg)
{
	unsigned int i;

	(void)arg;
	/* Its capabilities there are enough to write: no id need be mapped. */
	HOLDS(!unshare(CLONE_NEWUSER | CLONE_NEWNET));
	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		HOLDS(vt_read_num(caps[i].path) == caps[i].old);
		HOLDS(refuses(caps[i].path, caps[i].cap + 1));
	}
	i = check_effect();
	if (i)
		return i;
	i = check_writes();
	if (i)
		return i;
	return check_effect();
}

TEST_F(limits, caps)
{
	int own, later, nobody;
	unsigned int i;

	if (!getenv("VUNIX_VM"))
		SKIP(return, "needs a machine of its own");

	/* Larger than the caps, and set before them. */
	ASSERT_EQ(0, vt_write_num(SOCKETS, 50));
	ASSERT_EQ(0, vt_write_num(BACKLOG, 50));
	ASSERT_EQ(0, vt_write_num(DGRAM_SIZE, 50000));
	ASSERT_EQ(0, vt_write_num(SCM_FDS, 50));

	/* Nothing is asserted before the caps are gone again. */
	own = set_caps(true) ? -1 : check_effect();
	later = check_writes();
	nobody = vt_run_as(VT_NOBODY, unprivileged, NULL);
	ASSERT_EQ(0, set_caps(false));
	ASSERT_EQ(0, own);
	ASSERT_EQ(0, later);
	ASSERT_EQ(0, nobody);

	/* Without caps everybody is free again. */
	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		ASSERT_EQ(0, vt_write_num(caps[i].path, caps[i].cap + 1));
		ASSERT_EQ(0, vt_write_num(caps[i].path, caps[i].old));
	}
}

TEST_HARNESS_MAIN
