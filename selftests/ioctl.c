// SPDX-License-Identifier: GPL-2.0
/*
 * ioctl requests.  Proves IOC-01 to IOC-09.  A 64-bit build makes the calls of
 * a 32-bit one here; besides, every program also runs as a 32-bit build.
 */
#include "vunix_test.h"

#include <sys/mman.h>

#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE (SIOCPROTOPRIVATE + 0)
#endif

FIXTURE(ioctl)
{
	struct vt_env env;
	int sv[2];
};

FIXTURE_VARIANT(ioctl)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(ioctl);

FIXTURE_SETUP(ioctl)
{
	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, self->sv));
}

FIXTURE_TEARDOWN(ioctl)
{
	VT_TEARDOWN();
}

static int inq(int fd)
{
	int n = -1;

	return ioctl(fd, SIOCINQ, &n) ? -1 : n;
}

static int outq(int fd)
{
	int n = -1;

	return ioctl(fd, SIOCOUTQ, &n) ? -1 : n;
}

TEST_F(ioctl, inq)
{
	bool first = variant->type == SOCK_DGRAM;
	int fd, n, i;
	char buf[8];

	ASSERT_EQ(0, inq(self->sv[1]));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(3, inq(self->sv[1]));
	ASSERT_EQ(5, send(self->sv[0], "defgh", 5, 0));
	ASSERT_EQ(first ? 3 : 8, inq(self->sv[1]));
	ASSERT_EQ(0, ioctl(self->sv[1], FIONREAD, &n));
	ASSERT_EQ(first ? 3 : 8, n);
	ASSERT_EQ(0, inq(self->sv[0]));
	ASSERT_EQ(3, recv(self->sv[1], buf, 3, 0));
	ASSERT_EQ(5, inq(self->sv[1]));
	ASSERT_EQ(2, recv(self->sv[1], buf, 2, 0));
	ASSERT_EQ(variant->type == SOCK_STREAM ? 3 : 0, inq(self->sv[1]));
	if (variant->type == SOCK_STREAM)
		ASSERT_EQ(3, recv(self->sv[1], buf, 8, 0));
	ASSERT_EQ(0, inq(self->sv[1]));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(1000, send(self->sv[0], vt_pattern(0), 1000, 0));
		ASSERT_EQ(first ? 1000 : 1000 * (i + 1), inq(self->sv[1]));
	}
	/* What the peer left behind still counts. */
	close(self->sv[0]);
	ASSERT_EQ(first ? 1000 : 20000, inq(self->sv[1]));
	fd = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, inq(fd));
	PROVES("IOC-01");
}

TEST_F(ioctl, outq)
{
	int i, last = 0, n, other;
	char buf[1000];

	ASSERT_EQ(0, outq(self->sv[0]));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1000, send(self->sv[0], vt_pattern(0), 1000, 0));
		n = outq(self->sv[0]);
		/* Each message is charged with at least its size. */
		ASSERT_LE(last + 1000, n);
		last = n;
	}
	ASSERT_EQ(0, outq(self->sv[1]));
	ASSERT_EQ(0, ioctl(self->sv[0], TIOCOUTQ, &n));
	ASSERT_EQ(last, n);
	/* A peek changes nothing, the last read must bring it to 0. */
	ASSERT_EQ(1000, recv(self->sv[1], buf, 1000, MSG_PEEK));
	ASSERT_EQ(last, outq(self->sv[0]));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(1000, recv(self->sv[1], buf, 1000, 0));
	ASSERT_EQ(0, outq(self->sv[0]));

	ASSERT_EQ(1000, send(self->sv[0], vt_pattern(0), 1000, 0));
	ASSERT_EQ(10, send(self->sv[1], vt_pattern(0), 10, 0));
	other = outq(self->sv[1]);
	ASSERT_LE(10, other);
	ASSERT_LE(1000, outq(self->sv[0]));
	/* The peer goes, and with it what it had not read. */
	close(self->sv[1]);
	ASSERT_EQ(0, outq(self->sv[0]));
	PROVES("IOC-03");
}

TEST_F(ioctl, listener)
{
	int fd = vt_socket(variant->family, variant->type), n = 77;

	ASSERT_EQ(0, vt_bind(fd, "l"));
	if (variant->type == SOCK_DGRAM) {
		/* Cannot listen: answers like any other. */
		ASSERT_EQ(0, inq(fd));
		ASSERT_EQ(0, outq(fd));
	} else {
		ASSERT_EQ(0, inq(fd));
		ASSERT_EQ(0, listen(fd, 1));
		ASSERT_EQ(EINVAL, vt_err(ioctl(fd, SIOCINQ, &n)));
		ASSERT_EQ(77, n);
		ASSERT_EQ(0, outq(fd));
	}
	PROVES("IOC-02");
}

/* Is @fd an O_PATH, close-on-exec descriptor of inode @ino? */
static bool is_path_of(int fd, ino_t ino)
{
	struct stat st;

	return fd >= 0 && (fcntl(fd, F_GETFL) & O_PATH) &&
	       fcntl(fd, F_GETFD) == FD_CLOEXEC && !fstat(fd, &st) &&
	       S_ISSOCK(st.st_mode) && st.st_ino == ino;
}

static int unixfile_err(void *arg)
{
	return vt_err(ioctl(*(int *)arg, SIOCUNIXFILE, 0));
}

/* The same in a user namespace of its own: root there, but not here. */
static int unixfile_in_userns(void *arg)
{
	if (unshare(CLONE_NEWUSER))
		return 255;
	return unixfile_err(arg);
}

TEST_F(ioctl, unixfile)
{
	int fd = vt_socket(variant->family, variant->type);
	int abs = vt_socket(variant->family, variant->type);
	int unbound = vt_socket(variant->family, variant->type);
	struct stat st;
	int file, err;

	ASSERT_EQ(ENOENT, vt_err(ioctl(unbound, SIOCUNIXFILE, 0)));
	ASSERT_EQ(0, vt_bind(abs, "@abs"));
	ASSERT_EQ(ENOENT, vt_err(ioctl(abs, SIOCUNIXFILE, 0)));
	ASSERT_EQ(0, vt_bind(fd, "name"));
	ASSERT_EQ(0, stat("name", &st));
	file = ioctl(fd, SIOCUNIXFILE, 0);
	ASSERT_TRUE(is_path_of(file, st.st_ino));
	close(file);
	ASSERT_EQ(0, unlink("name"));
	file = ioctl(fd, SIOCUNIXFILE, 0);
	ASSERT_TRUE(is_path_of(file, st.st_ino));

	/* Permission comes before the search for a name. */
	ASSERT_EQ(EPERM, vt_run_as(VT_NOBODY, unixfile_err, &fd));
	ASSERT_EQ(EPERM, vt_run_as(VT_NOBODY, unixfile_err, &unbound));
	err = vt_run_as(0, unixfile_in_userns, &fd);
	if (err != 255)
		ASSERT_EQ(EPERM, err);
	PROVES("IOC-04");
}

TEST_F(ioctl, unixfile_accepted)
{
	struct vt_trio t;
	struct stat st;
	int file;

	if (variant->type == SOCK_DGRAM)
		return;
	ASSERT_EQ(0, vt_trio(variant->family, variant->type, "l", &t));
	ASSERT_EQ(0, stat("l", &st));
	file = ioctl(t.accepted, SIOCUNIXFILE, 0);
	ASSERT_TRUE(is_path_of(file, st.st_ino));
	ASSERT_EQ(ENOENT, vt_err(ioctl(t.client, SIOCUNIXFILE, 0)));
	close(t.listener);
	file = ioctl(t.accepted, SIOCUNIXFILE, 0);
	ASSERT_TRUE(is_path_of(file, st.st_ino));
	PROVES("IOC-05");
}

TEST_F(ioctl, errors)
{
	static const unsigned int unknown[] = {
		0x1234, SIOCPROTOPRIVATE + 15, _IOW('v', 77, int), 0xffffffff
	};
	int i, on;

	for (i = 0; i < (int)ARRAY_SIZE(unknown); i++)
		ASSERT_EQ(ENOTTY, vt_err(ioctl(self->sv[0], unknown[i], &on)));
	ASSERT_EQ(EFAULT, vt_err(ioctl(self->sv[0], SIOCINQ, NULL)));
	ASSERT_EQ(EFAULT, vt_err(ioctl(self->sv[0], SIOCOUTQ, NULL)));
	ASSERT_EQ(EFAULT, vt_err(ioctl(self->sv[0], FIOASYNC, NULL)));
	ASSERT_EQ(EFAULT, vt_err(ioctl(self->sv[0], FIONBIO, NULL)));
	for (i = 0; i < 4; i++) {
		on = !(i & 1);
		ASSERT_EQ(0, ioctl(self->sv[0], FIOASYNC, &on));
		ASSERT_EQ(on ? O_ASYNC : 0,
			  fcntl(self->sv[0], F_GETFL) & O_ASYNC);
		ASSERT_EQ(0, fcntl(self->sv[1], F_GETFL) & O_ASYNC);
	}
	PROVES("IOC-06");
}

TEST_F(ioctl, interfaces)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	struct ifconf ifc = { .ifc_len = 0 };
	int index;

	ASSERT_EQ(0, ioctl(self->sv[0], SIOCGIFINDEX, &ifr));
	index = ifr.ifr_ifindex;
	ASSERT_EQ((int)if_nametoindex("lo"), index);
	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_ifindex = index;
	ASSERT_EQ(0, ioctl(self->sv[0], SIOCGIFNAME, &ifr));
	ASSERT_STREQ("lo", ifr.ifr_name);
	ASSERT_EQ(0, ioctl(self->sv[0], SIOCGIFFLAGS, &ifr));
	ASSERT_NE(0, ifr.ifr_flags & IFF_LOOPBACK);
	ASSERT_EQ(0, ioctl(self->sv[0], SIOCGIFCONF, &ifc));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "nosuch");
	ASSERT_EQ(ENODEV, vt_err(ioctl(self->sv[0], SIOCGIFINDEX, &ifr)));
	ASSERT_EQ(EFAULT, vt_err(ioctl(self->sv[0], SIOCGIFINDEX, NULL)));
	PROVES("IOC-07");
}

TEST_F(ioctl, inq_urgent)
{
	char c;

	if (variant->type != SOCK_STREAM)
		return;
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, MSG_OOB));
	ASSERT_EQ(3, inq(self->sv[1]));
	ASSERT_EQ(1, recv(self->sv[1], &c, 1, MSG_OOB | MSG_PEEK));
	ASSERT_EQ(3, inq(self->sv[1]));
	ASSERT_EQ(1, recv(self->sv[1], &c, 1, MSG_OOB));
	ASSERT_EQ(2, inq(self->sv[1]));
	/* A second one is taken, the first became data. */
	ASSERT_EQ(1, send(self->sv[0], "d", 1, MSG_OOB));
	ASSERT_EQ(1, send(self->sv[0], "e", 1, MSG_OOB));
	ASSERT_EQ(4, inq(self->sv[1]));
	ASSERT_EQ(1, recv(self->sv[1], &c, 1, MSG_OOB));
	ASSERT_EQ(3, inq(self->sv[1]));
	PROVES("IOC-08");
}

/*
 * One that a read passes over: AF_UNIX counts it for good since it has SO_INQ,
 * which is nothing to rely on (docs/differences.md).
 */
TEST_F(ioctl, inq_passed_over)
{
	char buf[4];

	if (variant->type != SOCK_STREAM)
		return;
	if (variant->family == AF_UNIX && !VT_UNIX_OLDER(6, 17))
		SKIP(return, "vunix and older AF_UNIX only");
	ASSERT_EQ(2, send(self->sv[0], "ab", 2, MSG_OOB));
	ASSERT_EQ(1, send(self->sv[0], "c", 1, 0));
	ASSERT_EQ(3, inq(self->sv[1]));
	ASSERT_EQ(1, recv(self->sv[1], buf, 4, 0));
	ASSERT_EQ(2, inq(self->sv[1]));
	ASSERT_EQ(1, recv(self->sv[1], buf, 4, 0));
	ASSERT_EQ('c', buf[0]);
	ASSERT_EQ(0, inq(self->sv[1]));
}

/*
 * What has another layout for a 32-bit caller: control messages, vectors and
 * struct msghdr; and a request that writes an int.  Here as this build has it.
 */
TEST_F(ioctl, layouts)
{
	union {
		char buf[CMSG_SPACE(sizeof(struct ucred)) +
			 CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} out, in;
	char a[3], b[8];
	struct iovec iov_out[2] = { { "ab", 2 }, { "cde", 3 } };
	struct iovec iov_in[2] = { { a, 3 }, { b, 8 } };
	struct msghdr msg = { .msg_iov = iov_out, .msg_iovlen = 2 };
	struct stat want, got;
	struct cmsghdr *cmsg;
	int fds[2], guard[2] = { 0x5a5a5a5a, 0x5a5a5a5a };

	ASSERT_EQ(0, vt_setint(self->sv[1], SOL_SOCKET, SO_PASSCRED, 1));
	fds[0] = open("x", O_CREAT | O_RDWR, 0600);
	fds[1] = self->sv[0];
	ASSERT_EQ(0, fstat(fds[0], &want));
	msg.msg_control = out.buf;
	msg.msg_controllen = CMSG_SPACE(sizeof(fds));
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	ASSERT_EQ(5, sendmsg(self->sv[0], &msg, 0));

	ASSERT_EQ(0, ioctl(self->sv[1], SIOCINQ, &guard[0]));
	ASSERT_EQ(5, guard[0]);
	ASSERT_EQ(0x5a5a5a5a, guard[1]);

	msg.msg_iov = iov_in;
	msg.msg_control = in.buf;
	msg.msg_controllen = sizeof(in.buf);
	memset(&in, 0, sizeof(in));
	ASSERT_EQ(5, recvmsg(self->sv[1], &msg, 0));
	ASSERT_EQ(0, memcmp(a, "abc", 3));
	ASSERT_EQ(0, memcmp(b, "de", 2));
	ASSERT_EQ(0, msg.msg_flags);
	cmsg = CMSG_FIRSTHDR(&msg);
	ASSERT_TRUE(!!cmsg);
	ASSERT_EQ(SCM_CREDENTIALS, cmsg->cmsg_type);
	ASSERT_EQ(CMSG_LEN(sizeof(struct ucred)), cmsg->cmsg_len);
	ASSERT_EQ(getpid(), ((struct ucred *)CMSG_DATA(cmsg))->pid);
	cmsg = CMSG_NXTHDR(&msg, cmsg);
	ASSERT_TRUE(!!cmsg);
	ASSERT_EQ(SCM_RIGHTS, cmsg->cmsg_type);
	ASSERT_EQ(CMSG_LEN(sizeof(fds)), cmsg->cmsg_len);
	ASSERT_TRUE(!CMSG_NXTHDR(&msg, cmsg));
	memcpy(fds, CMSG_DATA(cmsg), sizeof(fds));
	ASSERT_EQ(0, fstat(fds[0], &got));
	ASSERT_EQ(want.st_ino, got.st_ino);
	ASSERT_EQ(ENOTTY, vt_err(ioctl(fds[1], 0x1234, 0)));
	if (sizeof(long) == 4)
		PROVES("IOC-09");
}

#ifdef __x86_64__
#define I386_IOCTL	54
#define I386_SENDMSG	370
#define I386_RECVMSG	372

static int i386_call(int nr, int a, unsigned int b, unsigned int c)
{
	int ret;

	asm volatile ("int $0x80" : "=a" (ret)
		      : "a" (nr), "b" (a), "c" (b), "d" (c)
		      : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* What a 32-bit process would have in its memory, below 4 GiB. */
struct i386 {
	struct {
		unsigned int name, namelen, iov, iovlen, control, controllen,
			     flags;
	} msg;
	struct {
		unsigned int base, len;
	} iov;
	struct {
		unsigned int len;
		int level, type;
		union {
			struct ucred ucred;
			int fds[3];
		};
	} cmsg[2];
	char data[8];
	int n, guard;
};

static unsigned int ptr32(void *p)
{
	return (unsigned long)p;
}

/* Send two descriptors and "abc", receive them with credentials: step or 0. */
static int i386_exchange(int *sv)
{
	struct i386 *m;
	ino_t ino;
	struct stat st;

	m = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (m == MAP_FAILED)
		return 1;
	m->msg.iov = ptr32(&m->iov);
	m->msg.iovlen = 1;
	m->msg.control = ptr32(m->cmsg);
	m->msg.controllen = 20;
	m->iov.base = ptr32(m->data);
	m->iov.len = 3;
	memcpy(m->data, "abc", 4);
	m->cmsg[0].len = 20;
	m->cmsg[0].level = SOL_SOCKET;
	m->cmsg[0].type = SCM_RIGHTS;
	m->cmsg[0].fds[0] = sv[0];
	m->cmsg[0].fds[1] = sv[1];
	if (fstat(sv[1], &st))
		return 2;
	ino = st.st_ino;
	if (i386_call(I386_SENDMSG, sv[0], ptr32(&m->msg), 0) != 3)
		return 3;

	m->guard = 0x5a5a5a5a;
	m->n = m->guard;
	if (i386_call(I386_IOCTL, sv[1], SIOCINQ, ptr32(&m->n)) ||
	    m->n != 3 || m->guard != 0x5a5a5a5a)
		return 4;
	if (i386_call(I386_IOCTL, sv[0], SIOCOUTQ, ptr32(&m->n)) ||
	    m->n < 3 || m->guard != 0x5a5a5a5a)
		return 5;
	if (i386_call(I386_IOCTL, sv[0], SIOCUNIXFILE, 0) != -ENOENT ||
	    i386_call(I386_IOCTL, sv[0], 0x1234, 0) != -ENOTTY ||
	    i386_call(I386_IOCTL, sv[0], SIOCINQ, 0) != -EFAULT)
		return 6;

	memset(m->cmsg, 0x55, sizeof(m->cmsg));
	m->iov.len = sizeof(m->data);
	m->msg.controllen = sizeof(m->cmsg);
	if (i386_call(I386_RECVMSG, sv[1], ptr32(&m->msg), 0) != 3 ||
	    m->msg.flags || m->msg.controllen != 44)
		return 7;
	if (m->cmsg[0].len != 24 || m->cmsg[0].level != SOL_SOCKET ||
	    m->cmsg[0].type != SCM_CREDENTIALS ||
	    m->cmsg[0].ucred.pid != getpid())
		return 8;
	if (m->cmsg[1].len != 20 || m->cmsg[1].level != SOL_SOCKET ||
	    m->cmsg[1].type != SCM_RIGHTS || m->cmsg[1].fds[2] != 0x55555555)
		return 9;
	if (fstat(m->cmsg[1].fds[1], &st) || st.st_ino != ino)
		return 10;
	return 0;
}

TEST_F(ioctl, compat)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		/* No emulation: the first call ends us by a signal. */
		i386_call(I386_IOCTL, -1, 0, 0);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	if (!WIFEXITED(status)) {
		SKIP_ROWS("no 32-bit emulation", "IOC-09");
		SKIP(return, "no 32-bit emulation");
	}
	ASSERT_EQ(0, vt_setint(self->sv[1], SOL_SOCKET, SO_PASSCRED, 1));
	ASSERT_EQ(0, i386_exchange(self->sv));
	PROVES("IOC-09");
}
#endif /* __x86_64__ */

TEST_HARNESS_MAIN
