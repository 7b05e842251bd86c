// SPDX-License-Identifier: GPL-2.0
/*
 * Passing descriptors.  Proves RIGHTS-01 to RIGHTS-09, RIGHTS-13 to RIGHTS-25;
 * what a stream's reads join is in scm_stream.c, io_uring in io_uring.c.
 */
#include "scm.h"

#include <netinet/in.h>
#include <sys/resource.h>

VT_FIXTURE_PAIR(rights, VT_FAMILIES_TYPES, variant->type, s, r);

/* Nothing is queued at @fd. */
static bool is_empty(int fd)
{
	struct scm_in in;

	return vt_err(scm_recv(fd, &in, 0)) == EAGAIN;
}

TEST_F(rights, same_description)
{
	struct scm_in in;
	int fd, status;
	pid_t pid;

	fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(5, write(fd, "hello", 5));
	ASSERT_EQ(0, scm_send_fd(self->s, "x", fd));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "x"));
	ASSERT_EQ(1, in.nr_fds);
	ASSERT_NE(fd, in.fds[0]);
	ASSERT_EQ(5, lseek(in.fds[0], 0, SEEK_CUR));
	ASSERT_EQ(2, lseek(in.fds[0], 2, SEEK_SET));
	ASSERT_EQ(2, lseek(fd, 0, SEEK_CUR));
	ASSERT_EQ(0, fcntl(in.fds[0], F_GETFD));
	ASSERT_EQ(0, in.flags & MSG_CMSG_CLOEXEC);
	scm_close(&in);

	ASSERT_EQ(0, scm_send_fd(self->s, "x", fd));
	ASSERT_EQ(1, scm_recv(self->r, &in, MSG_CMSG_CLOEXEC));
	ASSERT_EQ(1, in.nr_fds);
	ASSERT_EQ(FD_CLOEXEC, fcntl(in.fds[0], F_GETFD));
	ASSERT_EQ(MSG_CMSG_CLOEXEC, in.flags & MSG_CMSG_CLOEXEC);
	scm_close(&in);
	PROVES("RIGHTS-02");

	/* A file that only the child ever opened. */
	pid = fork();
	if (!pid) {
		fd = open("child", O_RDWR | O_CREAT, 0600);
		_exit(write(fd, "child", 5) != 5 ||
		      scm_send_fd(self->s, "c", fd));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ(1, in.nr_fds);
	ASSERT_EQ(5, lseek(in.fds[0], 0, SEEK_CUR));
	ASSERT_EQ(5, pread(in.fds[0], in.data, 8, 0));
	ASSERT_EQ(0, memcmp(in.data, "child", 5));
	PROVES("RIGHTS-01", "RIGHTS-24");
}

TEST_F(rights, several)
{
	struct scm_probe p[3];
	int free_fd[3], fds[3];
	struct scm_in in;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, scm_probe(&p[i]));
		fds[i] = p[i].w;
	}
	/* The lowest free numbers, with a hole below. */
	for (i = 0; i < 3; i++)
		free_fd[i] = dup(0);
	ASSERT_LE(0, dup(0));
	for (i = 0; i < 3; i++)
		close(free_fd[i]);
	ASSERT_EQ(0, scm_send_fds(self->s, "x", fds, 3, 0));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "x"));
	ASSERT_EQ(1, in.nr);
	ASSERT_EQ(3, in.nr_fds);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(free_fd[i], in.fds[i]);
		ASSERT_TRUE(scm_reaches(in.fds[i], &p[i]));
	}
	PROVES("RIGHTS-03");
}

TEST_F(rights, short_control)
{
	struct scm_probe p[3];
	struct scm_in in;
	char buf[8];
	int i, fds[3];

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, scm_probe(&p[i]));
		fds[i] = p[i].w;
	}
	ASSERT_EQ(0, scm_send_fds(self->s, "x", fds, 3, 0));
	for (i = 0; i < 3; i++)
		close(p[i].w);
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, CMSG_LEN(2 * sizeof(int)),
				   0));
	ASSERT_EQ(MSG_CTRUNC, in.flags & MSG_CTRUNC);
	ASSERT_EQ('x', in.data[0]);
	ASSERT_EQ(2, in.nr_fds);
	ASSERT_TRUE(scm_reaches(in.fds[0], &p[0]));
	ASSERT_TRUE(scm_reaches(in.fds[1], &p[1]));
	ASSERT_TRUE(scm_closed(&p[2]));
	PROVES("RIGHTS-04");

	ASSERT_EQ(0, scm_give(self->s, "y", &p[0]));
	ASSERT_TRUE(scm_open(&p[0]));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, 0, 0));
	ASSERT_EQ(MSG_CTRUNC, in.flags & MSG_CTRUNC);
	ASSERT_EQ('y', in.data[0]);
	ASSERT_TRUE(scm_closed(&p[0]));

	ASSERT_EQ(0, scm_give(self->s, "z", &p[0]));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, CMSG_LEN(0), 0));
	ASSERT_EQ(MSG_CTRUNC, in.flags & MSG_CTRUNC);
	ASSERT_EQ('z', in.data[0]);
	ASSERT_EQ(0, in.nr_fds);
	ASSERT_TRUE(scm_closed(&p[0]));

	ASSERT_EQ(0, scm_give(self->s, "plain", &p[0]));
	ASSERT_EQ(5, recv(self->r, buf, sizeof(buf), 0));
	ASSERT_EQ(0, memcmp(buf, "plain", 5));
	ASSERT_TRUE(scm_closed(&p[0]));
	PROVES("RIGHTS-05", "RIGHTS-06");
}

TEST_F(rights, bad_numbers)
{
	struct scm_probe p;
	int fds[2];

	ASSERT_EQ(0, scm_probe(&p));
	fds[0] = p.w;
	fds[1] = -1;
	ASSERT_EQ(EBADF, scm_send_fds(self->s, "x", fds, 2, 0));
	fds[1] = 1000000;
	ASSERT_EQ(EBADF, scm_send_fds(self->s, "x", fds, 2, 0));
	fds[1] = dup(0);
	close(fds[1]);
	ASSERT_EQ(EBADF, scm_send_fds(self->s, "x", fds, 2, 0));
	ASSERT_EQ(EBADF, scm_send_fds(self->s, "x", fds + 1, 1, 0));
	ASSERT_TRUE(is_empty(self->r));
	/* The good one is not kept either. */
	close(p.w);
	ASSERT_TRUE(scm_closed(&p));
	PROVES("RIGHTS-07");
}

TEST_F(rights, many)
{
	struct scm_out out;
	int i, fds[254];
	struct scm_in in;

	for (i = 0; i < 254; i++)
		fds[i] = i % 3;
	ASSERT_EQ(EINVAL, scm_send_fds(self->s, "x", fds, 254, 0));
	ASSERT_TRUE(is_empty(self->r));
	ASSERT_EQ(0, scm_send_fds(self->s, "x", fds, 253, 0));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "x"));
	ASSERT_EQ(253, in.nr_fds);
	scm_close(&in);
	PROVES("RIGHTS-08");

	memset(&out, 0, sizeof(out));
	scm_add_fds(&out, fds, 100);
	scm_add_fds(&out, fds, 153);
	ASSERT_EQ(1, scm_send(self->s, "y", &out, 0));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "y"));
	ASSERT_EQ(1, in.nr);
	ASSERT_EQ(253, in.nr_fds);
	scm_close(&in);

	scm_add_fds(&out, fds, 1);
	ASSERT_EQ(EINVAL, vt_err(scm_send(self->s, "z", &out, 0)));
	ASSERT_TRUE(is_empty(self->r));
	PROVES("RIGHTS-09");
}

/* In the order of the headers, also where they are of one file each. */
TEST_F(rights, headers_in_order)
{
	struct scm_out out = {};
	struct scm_probe p[3];
	struct scm_in in;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, scm_probe(&p[i]));
		scm_add_fds(&out, &p[i].w, 1);
	}
	ASSERT_EQ(1, scm_send(self->s, "x", &out, 0));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ(1, in.nr);
	ASSERT_EQ(3, in.nr_fds);
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(scm_reaches(in.fds[i], &p[i]));
	PROVES("RIGHTS-09");
}

TEST_F(rights, malformed)
{
	struct scm_out out = {};
	struct cmsghdr *cmsg;
	struct scm_probe p;
	struct scm_in in;
	int zero = 0;

	scm_add(&out, SOL_SOCKET, 0x7f, &zero, sizeof(zero));
	ASSERT_EQ(EINVAL, vt_err(scm_send(self->s, "x", &out, 0)));
	out.len = 0;
	scm_add(&out, SOL_SOCKET, SCM_PIDFD, &zero, sizeof(zero));
	ASSERT_EQ(EINVAL, vt_err(scm_send(self->s, "x", &out, 0)));

	/* Behind a good one, which is not kept. */
	ASSERT_EQ(0, scm_probe(&p));
	out.len = 0;
	scm_add_fds(&out, &p.w, 1);
	cmsg = scm_add(&out, SOL_SOCKET, SCM_RIGHTS, &zero, sizeof(zero));
	cmsg->cmsg_len = sizeof(*cmsg) - 1;
	ASSERT_EQ(EINVAL, vt_err(scm_send(self->s, "x", &out, 0)));
	cmsg->cmsg_len = CMSG_SPACE(sizeof(zero)) + 1;
	ASSERT_EQ(EINVAL, vt_err(scm_send(self->s, "x", &out, 0)));
	cmsg->cmsg_len = -1;
	ASSERT_EQ(EINVAL, vt_err(scm_send(self->s, "x", &out, 0)));
	close(p.w);
	ASSERT_TRUE(scm_closed(&p));
	ASSERT_TRUE(is_empty(self->r));

	/* Not ours: ignored, also between others. */
	memset(&out, 0, sizeof(out));
	scm_add(&out, IPPROTO_IP, 1, &zero, sizeof(zero));
	scm_add(&out, SOL_SOCKET, SCM_RIGHTS, NULL, 0);
	scm_add(&out, SOL_SOCKET, SCM_RIGHTS, &zero, 3);
	ASSERT_EQ(1, scm_send(self->s, "y", &out, 0));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "y"));
	ASSERT_EQ(0, in.nr);
	scm_add_fds(&out, &self->s, 1);
	ASSERT_EQ(1, scm_send(self->s, "z", &out, 0));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "z"));
	ASSERT_EQ(1, in.nr_fds);
	PROVES("RIGHTS-16");
}

TEST_F(rights, no_data)
{
	struct scm_probe p;
	struct scm_in in;

	ASSERT_EQ(0, scm_give(self->s, "", &p));
	if (variant->type == SOCK_STREAM) {
		ASSERT_TRUE(scm_closed(&p));
		ASSERT_TRUE(is_empty(self->r));
	} else {
		ASSERT_TRUE(scm_open(&p));
		ASSERT_EQ(0, scm_recv(self->r, &in, 0));
		ASSERT_TRUE(scm_is(&in, ""));
		ASSERT_EQ(1, in.nr_fds);
		ASSERT_TRUE(scm_reaches(in.fds[0], &p));
	}
	PROVES("RIGHTS-13");
}

TEST_F(rights, peek)
{
	struct scm_probe p;
	struct scm_in in;
	char c;
	int i;

	ASSERT_EQ(0, scm_give(self->s, "x", &p));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, scm_recv(self->r, &in, MSG_PEEK));
		ASSERT_TRUE(scm_is(&in, "x"));
		ASSERT_EQ(1, in.nr_fds);
		ASSERT_TRUE(scm_reaches(in.fds[0], &p));
		scm_close(&in);
		ASSERT_TRUE(scm_open(&p));
	}
	ASSERT_EQ(1, recv(self->r, &c, 1, MSG_PEEK));
	ASSERT_TRUE(scm_open(&p));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ(1, in.nr_fds);
	ASSERT_TRUE(scm_reaches(in.fds[0], &p));
	scm_close(&in);
	ASSERT_TRUE(scm_closed(&p));
	PROVES("RIGHTS-14");

	ASSERT_EQ(0, scm_give(self->s, "x", &p));
	ASSERT_EQ(1, recv(self->r, &c, 1, MSG_PEEK));
	ASSERT_EQ(1, read(self->r, &c, 1));
	ASSERT_TRUE(scm_closed(&p));
	PROVES("RIGHTS-21");
}

TEST_F(rights, no_more_numbers)
{
	struct rlimit old, lim;
	struct scm_probe p[3];
	struct scm_in in;
	int i, fds[3], top;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, scm_probe(&p[i]));
		fds[i] = p[i].w;
	}
	ASSERT_EQ(0, scm_send_fds(self->s, "x", fds, 3, 0));
	ASSERT_EQ(0, scm_send_fds(self->s, "y", fds + 1, 1, 0));
	for (i = 0; i < 3; i++)
		close(p[i].w);
	/* Fill what is free, but for one. */
	top = dup(0);
	lim = old;
	lim.rlim_cur = top + 20;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &lim));
	while (dup(0) >= 0)
		;
	close(top);
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ('x', in.data[0]);
	ASSERT_EQ(MSG_CTRUNC, in.flags & MSG_CTRUNC);
	ASSERT_EQ(1, in.nr_fds);
	ASSERT_EQ(top, in.fds[0]);
	ASSERT_TRUE(scm_reaches(top, &p[0]));
	ASSERT_TRUE(scm_closed(&p[2]));
	/* Not even one. */
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ('y', in.data[0]);
	ASSERT_EQ(MSG_CTRUNC, in.flags & MSG_CTRUNC);
	ASSERT_EQ(0, in.nr_fds);
	ASSERT_TRUE(scm_closed(&p[1]));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	PROVES("RIGHTS-15");
}

TEST_F(rights, kinds)
{
	int fds[5], i;
	struct stat a, b;
	struct scm_in in;

	fds[0] = open(".", O_PATH);
	fds[1] = open(".", O_RDONLY | O_DIRECTORY);
	fds[2] = vt_socket(variant->family, variant->type);
	fds[3] = socket(AF_UNIX, variant->type, 0);
	fds[4] = self->r;	/* itself: taken out again below */
	for (i = 0; i < 5; i++)
		ASSERT_LE(0, fds[i]);
	ASSERT_EQ(0, scm_send_fds(self->s, "x", fds, 5, 0));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "x"));
	ASSERT_EQ(5, in.nr_fds);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, fstat(fds[i], &a));
		ASSERT_EQ(0, fstat(in.fds[i], &b));
		ASSERT_EQ(a.st_ino, b.st_ino);
	}
	ASSERT_EQ(O_PATH, fcntl(in.fds[0], F_GETFL) & O_PATH);
	ASSERT_EQ(1, send(self->s, "y", 1, 0));
	ASSERT_EQ(1, read(in.fds[4], in.data, 1));
	PROVES("RIGHTS-17");
}

TEST_F(rights, sender_exits)
{
	struct scm_probe p;
	struct scm_in in;
	int status;
	pid_t pid;

	ASSERT_EQ(0, scm_probe(&p));
	pid = fork();
	if (!pid)
		_exit(scm_send_fd(self->s, "x", p.w));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	close(p.w);
	ASSERT_TRUE(scm_open(&p));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ(1, in.nr_fds);
	ASSERT_TRUE(scm_reaches(in.fds[0], &p));
	PROVES("RIGHTS-18");
}

/* The number behind "scm_fds:", or -1. */
static int fdinfo_fds(int fd)
{
	char path[64], *text, *p;
	int n = -1;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	text = vt_read_file(path);
	p = text ? strstr(text, "scm_fds:") : NULL;
	if (p)
		n = atoi(p + 8);
	free(text);
	return n;
}

TEST_F(rights, receiver_closed)
{
	struct scm_probe p[2];
	int l, c, c2;

	ASSERT_EQ(0, scm_give(self->s, "x", &p[0]));
	ASSERT_EQ(0, scm_give(self->s, "x", &p[1]));
	ASSERT_TRUE(scm_open(&p[0]));
	ASSERT_TRUE(scm_open(&p[1]));
	close(self->r);
	ASSERT_TRUE(scm_closed(&p[0]));
	ASSERT_TRUE(scm_closed(&p[1]));
	PROVES("RIGHTS-19");
	if (variant->type == SOCK_DGRAM)
		return;

	l = vt_socket(variant->family, variant->type);
	c = vt_socket(variant->family, variant->type);
	c2 = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(l, "@l"));
	ASSERT_EQ(0, listen(l, 5));
	ASSERT_EQ(0, fdinfo_fds(l));
	ASSERT_EQ(0, vt_connect(c, "@l"));
	ASSERT_EQ(0, vt_connect(c2, "@l"));
	ASSERT_EQ(0, scm_give(c, "x", &p[0]));
	ASSERT_EQ(0, scm_give(c2, "x", &p[1]));
	ASSERT_EQ(0, scm_send_fd(c2, "y", 0));
	ASSERT_EQ(3, fdinfo_fds(l));
	ASSERT_TRUE(scm_open(&p[0]));
	close(l);
	ASSERT_TRUE(scm_closed(&p[0]));
	ASSERT_TRUE(scm_closed(&p[1]));
	PROVES("RIGHTS-20");
}

TEST_F(rights, fdinfo)
{
	int l, c, a, fds[] = { 0, 1 };
	struct scm_in in;

	ASSERT_EQ(0, fdinfo_fds(self->r));
	ASSERT_EQ(0, scm_send_fds(self->s, "x", fds, 2, 0));
	ASSERT_EQ(0, scm_send_fds(self->s, "y", fds, 1, 0));
	ASSERT_EQ(3, fdinfo_fds(self->r));
	ASSERT_EQ(0, fdinfo_fds(self->s));
	ASSERT_EQ(1, scm_recv(self->r, &in, MSG_PEEK));
	scm_close(&in);
	ASSERT_EQ(3, fdinfo_fds(self->r));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	scm_close(&in);
	ASSERT_EQ(1, fdinfo_fds(self->r));
	ASSERT_EQ(1, recv(self->r, in.data, 1, 0));
	ASSERT_EQ(0, fdinfo_fds(self->r));
	if (variant->type != SOCK_DGRAM) {
		l = vt_socket(variant->family, variant->type);
		c = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_bind(l, "@l"));
		ASSERT_EQ(0, listen(l, 5));
		ASSERT_EQ(0, vt_connect(c, "@l"));
		ASSERT_EQ(0, scm_send_fds(c, "x", fds, 2, 0));
		ASSERT_EQ(2, fdinfo_fds(l));
		a = accept(l, NULL, NULL);
		ASSERT_LE(0, a);
		ASSERT_EQ(0, fdinfo_fds(l));
		ASSERT_EQ(2, fdinfo_fds(a));
	}
	PROVES("RIGHTS-22");
}

TEST_F(rights, oob_and_one_way)
{
	struct scm_probe p;
	struct scm_in in;
	int s, r;

	if (variant->type == SOCK_STREAM) {
		ASSERT_EQ(0, scm_probe(&p));
		ASSERT_EQ(0, scm_send_fds(self->s, "ab", &p.w, 1, MSG_OOB));
		close(p.w);
		ASSERT_EQ(1, scm_recv(self->r, &in, 0));
		ASSERT_EQ('a', in.data[0]);
		ASSERT_EQ(1, in.nr_fds);
		ASSERT_TRUE(scm_reaches(in.fds[0], &p));
		ASSERT_EQ(1, recv(self->r, in.data, 1, MSG_OOB));
		ASSERT_EQ('b', in.data[0]);
	}
	if (variant->type == SOCK_DGRAM) {
		s = vt_socket(variant->family, SOCK_DGRAM);
		r = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(0, vt_bind(r, "@r"));
		ASSERT_EQ(0, vt_connect(s, "@r"));
		ASSERT_EQ(0, scm_give(s, "x", &p));
		ASSERT_EQ(1, scm_recv(r, &in, 0));
		ASSERT_EQ(1, in.nr_fds);
		ASSERT_TRUE(scm_reaches(in.fds[0], &p));
	}
	PROVES("RIGHTS-23");
}

TEST_F(rights, bad_control)
{
	struct iovec iov;
	struct msghdr msg;
	struct scm_probe p;
	char buf[8] = "";

	ASSERT_EQ(0, scm_give(self->s, "x", &p));
	iov = (struct iovec){ .iov_base = buf, .iov_len = sizeof(buf) };
	msg = (struct msghdr){
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = vt_edge(0), .msg_controllen = 256,
	};
	ASSERT_EQ(1, recvmsg(self->r, &msg, 0));
	ASSERT_EQ('x', buf[0]);
	ASSERT_EQ(MSG_CTRUNC, msg.msg_flags & MSG_CTRUNC);
	ASSERT_TRUE(scm_closed(&p));
	PROVES("RIGHTS-25");
}

TEST_HARNESS_MAIN
