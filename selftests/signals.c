// SPDX-License-Identifier: GPL-2.0
/*
 * Signals that sockets send: SIG-01 ... SIG-06.
 */
#include "vunix_test.h"

#include <sys/uio.h>

FIXTURE(any) {
	struct vt_env env;
	bool dgram;
	int a;
	int b;
};

FIXTURE_VARIANT(any) {
	int family;
	int type;
};

VT_FAMILIES_TYPES(any);

FIXTURE_SETUP(any)
{
	sigset_t set;
	int sv[2];

	VT_SETUP();
	self->dgram = variant->type == SOCK_DGRAM;
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	self->a = sv[0];
	self->b = sv[1];
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGRTMIN + 3);
	sigaddset(&set, SIGURG);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
}

FIXTURE_TEARDOWN(any)
{
	VT_TEARDOWN();
}

VT_FIXTURE_PAIR(stream, VT_FAMILIES, SOCK_STREAM, a, b);

/*
 * Every way to write to @fd must fail with EPIPE: how many of the @calls that
 * were made raised SIGPIPE, or -1.
 */
static int write_all_ways(int fd, int flags, int *calls)
{
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct iovec none = { .iov_base = "x", .iov_len = 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct msghdr empty = { .msg_iov = &none, .msg_iovlen = 1 };

	if (vt_catch(SIGPIPE, 0))
		return -1;
	*calls = 0;
#define PIPED(call) do { \
	errno = 0; \
	if ((call) != -1 || errno != EPIPE) \
		return -1; \
	++*calls; \
} while (0)
	PIPED(send(fd, "x", 1, flags));
	PIPED(send(fd, "x", 0, flags));
	PIPED(send(fd, "x", 1, flags | MSG_DONTWAIT));
	PIPED(sendmsg(fd, &msg, flags));
	PIPED(sendmsg(fd, &empty, flags));
	if (!flags) {
		PIPED(write(fd, "x", 1));
		PIPED(writev(fd, &iov, 1));
	}
#undef PIPED
	return vt_caught;
}

TEST_F(stream, closed_peer)
{
	int calls, sv[2];

	ASSERT_EQ(0, close(self->b));
	ASSERT_EQ(7, write_all_ways(self->a, 0, &calls));
	ASSERT_EQ(7, calls);
	ASSERT_EQ(0, write_all_ways(self->a, MSG_NOSIGNAL, &calls));
	ASSERT_EQ(5, calls);

	/* With a reset pending as well. */
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_EQ(1, send(sv[0], "x", 1, 0));
	ASSERT_EQ(0, close(sv[1]));
	ASSERT_EQ(7, write_all_ways(sv[0], 0, &calls));
	ASSERT_EQ(0, write_all_ways(sv[0], MSG_NOSIGNAL, &calls));
	PROVES("SIG-01");
}

/* By default it kills. */
TEST_F(stream, kills)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, close(self->b));
	pid = vt_fork();
	if (!pid) {
		signal(SIGPIPE, SIG_DFL);
		send(self->a, "x", 1, MSG_NOSIGNAL);
		send(self->a, "x", 1, 0);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(SIGPIPE, WTERMSIG(status));
	PROVES("SIG-01");
}

TEST_F(stream, own_shutdown)
{
	int calls, sv[2];

	ASSERT_EQ(0, shutdown(self->a, SHUT_WR));
	ASSERT_EQ(7, write_all_ways(self->a, 0, &calls));
	ASSERT_EQ(0, write_all_ways(self->a, MSG_NOSIGNAL, &calls));

	/* And if the peer does not read any more. */
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	ASSERT_EQ(0, shutdown(sv[1], SHUT_RD));
	ASSERT_EQ(7, write_all_ways(sv[0], 0, &calls));
	ASSERT_EQ(0, write_all_ways(sv[0], MSG_NOSIGNAL, &calls));
	PROVES("SIG-02");
}

/* Take a pending @sig: 1 if there was one, 0 if not. */
static int took(int sig, siginfo_t *si)
{
	struct timespec none = {};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return sigtimedwait(&set, si, &none) == sig;
}

static int async(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return fcntl(fd, F_SETOWN, getpid()) ||
	       fcntl(fd, F_SETFL, flags | O_ASYNC) ? -1 : 0;
}

TEST_F(any, sigio_data)
{
	siginfo_t si;
	int i;

	/* Not without being asked, nor for the other end. */
	ASSERT_EQ(0, fcntl(self->a, F_SETOWN, getpid()));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(0, took(SIGIO, &si));
	ASSERT_EQ(0, async(self->a));
	ASSERT_EQ(1, send(self->a, "x", 1, 0));
	ASSERT_EQ(0, took(SIGIO, &si));

	/* Each arrival, read or not. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, send(self->b, "x", 1, 0));
		ASSERT_EQ(1, took(SIGIO, &si));
		ASSERT_EQ(0, took(SIGIO, &si));
	}

	ASSERT_EQ(0, fcntl(self->a, F_SETFL,
			   fcntl(self->a, F_GETFL) & ~O_ASYNC));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(0, took(SIGIO, &si));
	PROVES("SIG-03", "SIG-06");
}

TEST_F(any, sigio_connection)
{
	int l = vt_socket(variant->family, variant->type);
	int i, c[3];
	siginfo_t si;
	char byte;

	ASSERT_EQ(0, vt_bind(l, "@l"));
	ASSERT_EQ(0, async(l));
	if (self->dgram) {
		/* No connections, but what strangers send. */
		ASSERT_EQ(0, vt_connect(self->a, "@l"));
		ASSERT_EQ(0, took(SIGIO, &si));
		ASSERT_EQ(1, send(self->a, "x", 1, 0));
		ASSERT_EQ(1, took(SIGIO, &si));
		ASSERT_EQ(1, recv(l, &byte, 1, 0));
	} else {
		ASSERT_EQ(0, listen(l, 5));
		for (i = 0; i < 3; i++) {
			c[i] = vt_socket(variant->family, variant->type);
			ASSERT_EQ(0, vt_connect(c[i], "@l"));
			ASSERT_EQ(1, took(SIGIO, &si));
		}
		/* What is sent before accept is not the listener's. */
		ASSERT_EQ(1, send(c[0], "x", 1, 0));
		ASSERT_EQ(0, took(SIGIO, &si));
	}
	PROVES("SIG-03", "SIG-06");
}

TEST_F(any, sigio_end)
{
	siginfo_t si;

	ASSERT_EQ(0, async(self->a));
	ASSERT_EQ(0, shutdown(self->b, SHUT_WR));
	ASSERT_EQ(!self->dgram, took(SIGIO, &si));
	ASSERT_EQ(0, shutdown(self->b, SHUT_RDWR));
	ASSERT_EQ(!self->dgram, took(SIGIO, &si));
	ASSERT_EQ(0, close(self->b));
	ASSERT_EQ(!self->dgram, took(SIGIO, &si));
	PROVES("SIG-03", "SIG-06");
}

TEST_F(any, sigio_close)
{
	siginfo_t si;
	int twin = dup(self->b);

	ASSERT_EQ(0, async(self->a));
	ASSERT_EQ(0, close(self->b));
	ASSERT_EQ(0, took(SIGIO, &si));
	ASSERT_EQ(0, close(twin));
	ASSERT_EQ(!self->dgram, took(SIGIO, &si));
	PROVES("SIG-03", "SIG-06");
}

/* One that is closed sends nothing, and forgets whom it would have told. */
TEST_F(any, sigio_own_close)
{
	siginfo_t si;

	ASSERT_EQ(0, async(self->a));
	ASSERT_EQ(0, close(self->a));
	send(self->b, "x", 1, MSG_NOSIGNAL);
	ASSERT_EQ(0, close(self->b));
	ASSERT_EQ(0, took(SIGIO, &si));
	PROVES("SIG-03", "SIG-06");
}

TEST_F(any, setsig)
{
	int sig = SIGRTMIN + 3;
	siginfo_t si;

	ASSERT_EQ(0, async(self->a));
	ASSERT_EQ(0, fcntl(self->a, F_SETSIG, sig));
	ASSERT_EQ(sig, fcntl(self->a, F_GETSIG));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(0, took(SIGIO, &si));
	ASSERT_EQ(1, took(sig, &si));
	ASSERT_EQ(self->a, si.si_fd);
	ASSERT_EQ(POLL_IN, si.si_code);
	ASSERT_EQ(POLLIN | POLLRDNORM, si.si_band);

	/* Real-time signals queue: one for each arrival. */
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(1, took(sig, &si));
	ASSERT_EQ(1, took(sig, &si));
	ASSERT_EQ(0, took(sig, &si));

	if (!self->dgram) {
		ASSERT_EQ(0, shutdown(self->b, SHUT_WR));
		ASSERT_EQ(1, took(sig, &si));
		ASSERT_EQ(POLL_IN, si.si_code);
		ASSERT_EQ(0, close(self->b));
		ASSERT_EQ(1, took(sig, &si));
		ASSERT_EQ(POLL_HUP, si.si_code);
		ASSERT_EQ(self->a, si.si_fd);
		ASSERT_TRUE(si.si_band & POLLHUP);
	}
	PROVES("SIG-04");
}

/* The urgent byte goes by SIGURG, asked for or not. */
TEST_F(stream, sigurg)
{
	siginfo_t si;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	sigaddset(&set, SIGIO);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, async(self->a));
	ASSERT_EQ(1, send(self->b, "x", 1, MSG_OOB));
	ASSERT_EQ(1, took(SIGURG, &si));
	ASSERT_EQ(1, took(SIGIO, &si));
	PROVES("SIG-03", "SIG-06");
}

TEST_F(any, owner)
{
	int own[] = { getpid(), -getpgrp(), 0, getppid() };
	int set[] = { FIOSETOWN, SIOCSPGRP };
	unsigned int i, j;
	int pid;

	/* None to begin with. */
	ASSERT_EQ(0, fcntl(self->a, F_GETOWN));
	for (i = 0; i < ARRAY_SIZE(own); i++) {
		for (j = 0; j < 3; j++) {
			ASSERT_EQ(0, fcntl(self->a, F_SETOWN, 0));
			if (j < 2)
				ASSERT_EQ(0, ioctl(self->a, set[j], &own[i]));
			if (j == 2)
				ASSERT_EQ(0, fcntl(self->a, F_SETOWN, own[i]));
			pid = -7;
			ASSERT_EQ(0, ioctl(self->a, FIOGETOWN, &pid));
			ASSERT_EQ(own[i], pid);
			pid = -7;
			ASSERT_EQ(0, ioctl(self->a, SIOCGPGRP, &pid));
			ASSERT_EQ(own[i], pid);
			ASSERT_EQ(own[i], fcntl(self->a, F_GETOWN));
			/* It is the file's, not the connection's. */
			ASSERT_EQ(0, fcntl(self->b, F_GETOWN));
		}
	}
	ASSERT_ERR(EFAULT, ioctl(self->a, FIOSETOWN, (void *)8));
	ASSERT_ERR(EFAULT, ioctl(self->a, FIOGETOWN, (void *)8));
	PROVES("SIG-05");
}

TEST_HARNESS_MAIN
