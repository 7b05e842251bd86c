// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that live through fork() and exec(), closed on exec or not: what
 * the processes share, and when the last reference goes (SOCKET-10, CLOSE-07,
 * CLOSE-08).
 */
#include "vunix_test.h"

VT_FIXTURE_PAIR(any, VT_FAMILIES_TYPES, variant->type, a, b);

#define EXEC_ENV "VUNIX_TEST_EXEC"

/*
 * The program after exec() is this one; the environment names the descriptor
 * it is to echo a byte on, and one that it must not have.
 */
static __attribute__((constructor)) void after_exec(void)
{
	const char *env = getenv(EXEC_ENV);
	int keep, gone;
	char c;

	if (!env)
		return;
	if (sscanf(env, "%d %d", &keep, &gone) != 2)
		_exit(10);
	if (gone >= 0 && (fcntl(gone, F_GETFD) != -1 || errno != EBADF))
		_exit(11);
	if (keep >= 0) {
		if (recv(keep, &c, 1, 0) != 1)
			_exit(12);
		c++;
		if (send(keep, &c, 1, 0) != 1)
			_exit(13);
	}
	_exit(0);
}

static void exec_self(int keep, int gone)
{
	char env[32];
	char *argv[] = { "self", NULL }, *envp[] = { env, NULL };

	snprintf(env, sizeof(env), EXEC_ENV "=%d %d", keep, gone);
	execve("/proc/self/exe", argv, envp);
	_exit(20);
}

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* Did the last reference to the other end of @fd go? */
static bool peer_gone(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0 &&
	       vt_poll(fd, 0) == POLLHUP;
}

TEST_F(any, fork_shares)
{
	char c = 0;
	pid_t pid;

	pid = vt_fork();
	if (!pid) {
		close(self->b);
		if (recv(self->a, &c, 1, 0) != 1 || c != 'x')
			_exit(1);
		if (send(self->a, "c", 1, 0) != 1)
			_exit(2);
		/* Flags are the file's, so the parent sees them. */
		fcntl(self->a, F_SETFL, O_NONBLOCK);
		vt_setint(self->a, SOL_SOCKET, SO_PASSCRED, 1);
		_exit(0);
	}
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(0, status_of(pid));
	ASSERT_EQ(1, recv(self->b, &c, 1, 0));
	ASSERT_EQ('c', c);
	ASSERT_EQ(O_NONBLOCK, fcntl(self->a, F_GETFL) & O_NONBLOCK);
	ASSERT_EQ(1, vt_getint(self->a, SOL_SOCKET, SO_PASSCRED));

	/* The child's exit ended nothing. */
	ASSERT_EQ(POLLOUT, vt_poll(self->b, VT_POLL_ALL));
	ASSERT_EQ(1, send(self->a, "y", 1, 0));
	ASSERT_EQ(1, recv(self->b, &c, 1, 0));
	ASSERT_EQ(1, send(self->b, "z", 1, 0));
	ASSERT_EQ(1, recv(self->a, &c, 1, 0));
	PROVES("SOCKET-10");
}

TEST_F(any, child_keeps)
{
	struct vt_io io = { .fd = self->b, .len = 1 };
	struct vt_bg bg;
	int go[2];
	pid_t pid;
	char c;

	io.buf = &c;
	ASSERT_EQ(0, pipe(go));
	pid = vt_fork();
	if (!pid) {
		close(self->b);
		close(go[1]);
		_exit(read(go[0], &c, 1) != 0);
	}
	ASSERT_EQ(0, close(self->a));
	ASSERT_EQ(0, close(go[0]));
	ASSERT_EQ(POLLOUT, vt_poll(self->b, VT_POLL_ALL));
	ASSERT_EQ(1, send(self->b, "x", 1, 0));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));

	/* The child has the last reference, and something unread. */
	ASSERT_EQ(0, close(go[1]));
	ASSERT_EQ(0, status_of(pid));
	if (variant->type == SOCK_DGRAM) {
		ASSERT_EQ(0, vt_wait_asleep(bg.tid));
		ASSERT_ERR(ECONNREFUSED, send(self->b, "x", 1, 0));
		ASSERT_EQ(0, shutdown(self->b, SHUT_RDWR));
		ASSERT_EQ(0, vt_bg_join(&bg));
	} else {
		ASSERT_EQ(-1, vt_bg_join(&bg));
		ASSERT_EQ(ECONNRESET, bg.err);
		ASSERT_TRUE(peer_gone(self->b));
	}
	PROVES("CLOSE-08");
}

TEST_F(any, exec_keeps)
{
	char c = 'a';
	pid_t pid;

	pid = vt_fork();
	if (!pid) {
		close(self->b);
		exec_self(self->a, self->b);
	}
	ASSERT_EQ(0, close(self->a));
	ASSERT_EQ(1, send(self->b, &c, 1, 0));
	ASSERT_EQ(1, recv(self->b, &c, 1, 0));
	ASSERT_EQ('b', c);
	ASSERT_EQ(0, status_of(pid));
	ASSERT_TRUE(variant->type == SOCK_DGRAM || peer_gone(self->b));
	PROVES("CLOSE-08");
}

TEST_F(any, exec_closes)
{
	struct vt_io io = { .fd = self->b, .len = 1 };
	int sv[2], go[2];
	struct vt_bg bg;
	pid_t pid;
	char c;

	io.buf = &c;
	/* A second pair keeps the new program waiting. */
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, fcntl(self->a, F_SETFD, FD_CLOEXEC));
	pid = vt_fork();
	if (!pid) {
		close(self->b);
		close(sv[1]);
		close(go[1]);
		if (read(go[0], &c, 1))
			_exit(1);
		exec_self(sv[0], self->a);
	}
	ASSERT_EQ(0, close(self->a));
	ASSERT_EQ(0, close(sv[0]));
	ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
	ASSERT_EQ(0, close(go[0]));
	ASSERT_EQ(0, close(go[1]));
	if (variant->type != SOCK_DGRAM) {
		/* exec() closed it: the new program is still there. */
		ASSERT_EQ(0, vt_bg_join(&bg));
		ASSERT_TRUE(peer_gone(self->b));
	}
	c = 'k';
	ASSERT_EQ(1, send(sv[1], &c, 1, 0));
	ASSERT_EQ(1, recv(sv[1], &c, 1, 0));
	ASSERT_EQ('l', c);
	ASSERT_EQ(0, status_of(pid));
	if (variant->type == SOCK_DGRAM) {
		ASSERT_ERR(ECONNREFUSED, send(self->b, "x", 1, 0));
		ASSERT_EQ(0, shutdown(self->b, SHUT_RDWR));
		ASSERT_EQ(0, vt_bg_join(&bg));
	}
	PROVES("CLOSE-07");
}

/* exec() kills the other threads, one of which sleeps in a socket. */
TEST_F(any, exec_under_sleeper)
{
	static char big[1 << 20];
	struct vt_io in = { .fd = self->a, .buf = big, .len = 1 };
	struct vt_io out = { .fd = self->a, .buf = "x", .len = 1 };
	struct vt_bg bg[2];
	char c = 'a', got = 0;
	int done[2];
	pid_t pid;

	ASSERT_EQ(0, pipe2(done, O_CLOEXEC));
	pid = vt_fork();
	if (!pid) {
		close(self->b);
		if (vt_fill(self->a) <= 0 ||
		    vt_bg_block(&bg[0], vt_io_recv, &in) ||
		    vt_bg_block(&bg[1], vt_io_send, &out))
			_exit(1);
		exec_self(self->a, -1);
	}
	ASSERT_EQ(0, close(self->a));
	/* exec() closes the pipe once the other threads are dead. */
	ASSERT_EQ(0, close(done[1]));
	ASSERT_EQ(0, read(done[0], &got, 1));

	/* Nobody but the new program takes the byte; it answers. */
	ASSERT_EQ(1, send(self->b, &c, 1, 0));
	while (got != 'b' && vt_poll_wait(self->b, POLLIN, 20000)) {
		ssize_t n = recv(self->b, big, sizeof(big), 0);

		ASSERT_LT(0, n);
		got = big[n - 1];
	}
	ASSERT_EQ('b', got);
	ASSERT_EQ(0, status_of(pid));
	PROVES("SOCKET-10");
}

TEST_HARNESS_MAIN
