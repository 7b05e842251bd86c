// SPDX-License-Identifier: GPL-2.0
/*
 * A pidfd of the sender with data: SO_PASSPIDFD.  Proves PIDFD-01 to PIDFD-05.
 */
#include "scm.h"

VT_FIXTURE_PAIR(pidfd, VT_FAMILIES_TYPES, variant->type, s, r);

static int pass(int fd)
{
	return vt_err(vt_setint(fd, SOL_SOCKET, SO_PASSPIDFD, 1));
}

/*
 * Where the kernel has no such option, neither family has: that is all there
 * is to say for any of the rows.
 */
#define NO_PIDFD(...) do { \
	if (vt_kernel_older(6, 5)) { \
		ASSERT_EQ(ENOPROTOOPT, pass(self->r)); \
		ASSERT_EQ(-1, vt_getint(self->r, SOL_SOCKET, SO_PASSPIDFD)); \
		ASSERT_EQ(ENOPROTOOPT, errno); \
		PROVES(__VA_ARGS__); \
		return; \
	} \
} while (0)

static int put(int fd, const char *data)
{
	return scm_send_fds(fd, data, NULL, 0, 0);
}

/* Send "x" as a process that is gone afterwards: its pid. */
static pid_t send_and_exit(int fd)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(put(fd, "x"));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return -1;
	return pid;
}

TEST_F(pidfd, each_receive)
{
	struct scm_in in;
	int i, go[2];
	pid_t pid;
	char c;

	NO_PIDFD("PIDFD-01");
	ASSERT_EQ(0, pass(self->r));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		close(go[1]);
		put(self->s, "x");
		_exit(read(go[0], &c, 1) != 0);
	}
	ASSERT_EQ(POLLIN, vt_poll_wait(self->r, POLLIN, 10000));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, scm_recv(self->r, &in, i < 2 ? MSG_PEEK : 0));
		ASSERT_TRUE(scm_is(&in, "x"));
		ASSERT_EQ(1, in.nr);
		ASSERT_EQ(SCM_PIDFD, in.types[0]);
		ASSERT_LT(0, in.pidfd);
		ASSERT_EQ(FD_CLOEXEC, fcntl(in.pidfd, F_GETFD));
		ASSERT_EQ(pid, vt_pid_of(in.pidfd));
		close(in.pidfd);
	}
	close(go[1]);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));

	ASSERT_EQ(0, put(self->s, "y"));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ(getpid(), vt_pid_of(in.pidfd));
	PROVES("PIDFD-01");
}

TEST_F(pidfd, room)
{
	struct iovec iov;
	struct msghdr msg;
	struct scm_in in;
	char buf[8];
	int fd;

	NO_PIDFD("PIDFD-02");
	ASSERT_EQ(0, pass(self->r));
	fd = vt_next_fd();
	ASSERT_EQ(0, put(self->s, "x"));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, CMSG_LEN(3), 0));
	ASSERT_EQ('x', in.data[0]);
	ASSERT_EQ(MSG_CTRUNC, in.flags & MSG_CTRUNC);
	ASSERT_EQ(0, in.nr);
	ASSERT_EQ(fd, vt_next_fd());

	ASSERT_EQ(0, put(self->s, "x"));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, 0, 0));
	ASSERT_EQ(MSG_CTRUNC, in.flags & MSG_CTRUNC);
	ASSERT_EQ(fd, vt_next_fd());

	/* Just enough. */
	ASSERT_EQ(0, put(self->s, "x"));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, CMSG_LEN(sizeof(int)), 0));
	ASSERT_TRUE(scm_is(&in, "x"));
	ASSERT_EQ(fd, in.pidfd);
	close(fd);

	/* Room that is none. */
	ASSERT_EQ(0, put(self->s, "x"));
	iov = (struct iovec){ .iov_base = buf, .iov_len = sizeof(buf) };
	msg = (struct msghdr){
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = vt_edge(0), .msg_controllen = 256,
	};
	ASSERT_EQ(1, recvmsg(self->r, &msg, 0));
	ASSERT_EQ(fd, vt_next_fd());
	PROVES("PIDFD-02");
}

TEST_F(pidfd, sender_reaped)
{
	struct scm_in in, ref;
	int sv[2];

	NO_PIDFD("PIDFD-03");
	ASSERT_EQ(0, pass(self->r));
	ASSERT_LT(0, send_and_exit(self->s));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ(1, in.nr);
	if (!vt_kernel_older(6, 16)) {
		ASSERT_LT(0, in.pidfd);
		ASSERT_EQ(-1, vt_pid_of(in.pidfd));
	} else {
		/* As AF_UNIX there: an errno in the place of the pidfd. */
		ASSERT_EQ(0, socketpair(AF_UNIX, variant->type, 0, sv));
		ASSERT_EQ(0, pass(sv[1]));
		ASSERT_LT(0, send_and_exit(sv[0]));
		ASSERT_EQ(1, scm_recv(sv[1], &ref, 0));
		ASSERT_GT(0, ref.pidfd);
		ASSERT_EQ(ref.pidfd, in.pidfd);
	}
	PROVES("PIDFD-03");
}

TEST_F(pidfd, order)
{
	struct scm_in in;

	NO_PIDFD("PIDFD-04");
	ASSERT_EQ(0, pass(self->r));
	ASSERT_EQ(0, vt_setint(self->r, SOL_SOCKET, SO_PASSCRED, 1));
	ASSERT_EQ(0, scm_send_fd(self->s, "x", 0));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ(3, in.nr);
	ASSERT_EQ(SCM_CREDENTIALS, in.types[0]);
	ASSERT_EQ(SCM_RIGHTS, in.types[1]);
	ASSERT_EQ(SCM_PIDFD, in.types[2]);
	ASSERT_EQ(getpid(), in.cred.pid);
	ASSERT_EQ(getpid(), vt_pid_of(in.pidfd));
	PROVES("PIDFD-04");
}

TEST_F(pidfd, inherited)
{
	struct scm_in in;
	int l, c, a;

	NO_PIDFD("PIDFD-05");
	if (variant->type == SOCK_DGRAM)
		return;
	l = vt_socket(variant->family, variant->type);
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(l, "@l"));
	ASSERT_EQ(0, listen(l, 5));
	ASSERT_EQ(0, pass(l));
	ASSERT_EQ(0, vt_connect(c, "@l"));
	ASSERT_EQ(0, put(c, "x"));
	a = accept(l, NULL, NULL);
	ASSERT_LE(0, a);
	ASSERT_EQ(1, vt_getint(a, SOL_SOCKET, SO_PASSPIDFD));
	ASSERT_EQ(1, scm_recv(a, &in, 0));
	ASSERT_EQ(1, in.nr);
	ASSERT_EQ(getpid(), vt_pid_of(in.pidfd));
	ASSERT_EQ(0, vt_getint(c, SOL_SOCKET, SO_PASSPIDFD));
	PROVES("PIDFD-05");
}

TEST_HARNESS_MAIN
