// SPDX-License-Identifier: GPL-2.0
/*
 * Creating sockets, and what a descriptor of one answers to calls that are
 * not about sockets.
 *
 * Rows: SOCKET-01 SOCKET-02 SOCKET-03 SOCKET-04 SOCKET-05 SOCKET-06 SOCKET-07
 * SOCKET-08 SOCKET-09 SOCKET-10 SOCKET-11
 */
#include "vunix_test.h"

#include <limits.h>

VT_FIXTURE(socket, VT_FAMILIES_TYPES);

VT_FIXTURE(create, VT_FAMILIES);

static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

TEST_F(socket, fresh)
{
	int s = vt_socket(variant->family, variant->type);

	ASSERT_LE(0, s);
	ASSERT_EQ(variant->type, vt_getint(s, SOL_SOCKET, SO_TYPE));
	ASSERT_EQ(0, vt_getint(s, SOL_SOCKET, SO_PROTOCOL));
	ASSERT_EQ(0, vt_getint(s, SOL_SOCKET, SO_ACCEPTCONN));
	ASSERT_EQ(0, vt_getint(s, SOL_SOCKET, SO_ERROR));
	ASSERT_EQ(O_RDWR, fcntl(s, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	ASSERT_EQ(0, fcntl(s, F_GETFD));
	PROVES("SOCKET-01");
}

TEST_F(create, raw)
{
	int family = variant->family, s, sv[2], i;

	s = vt_socket(family, SOCK_RAW);
	ASSERT_LE(0, s);
	ASSERT_EQ(SOCK_DGRAM, vt_getint(s, SOL_SOCKET, SO_TYPE));
	/* It also behaves as one: bound, it takes datagrams. */
	ASSERT_EQ(0, vt_bind(s, "@raw"));

	ASSERT_EQ(0, vt_pair(family, SOCK_RAW, sv));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(SOCK_DGRAM, vt_getint(sv[i], SOL_SOCKET, SO_TYPE));
	ASSERT_EQ(2, SOCK_DGRAM);
	ASSERT_EQ(3, send(sv[0], "abc", 3, 0));
	ASSERT_EQ(2, send(sv[0], "de", 2, 0));
	for (i = 0; i < 2; i++) {
		char buf[8];

		ASSERT_EQ(i ? 2 : 3, recv(sv[1], buf, sizeof(buf), 0));
	}
	ASSERT_EQ(1, vt_sendto(sv[0], "x", 1, 0, "@raw"));
	ASSERT_EQ(EOPNOTSUPP, vt_err(listen(s, 1)));
	PROVES("SOCKET-02");
}

TEST_F(create, wrong_type)
{
	int family = vt_family(variant->family), type, sv[2], fd = dup(0);

	close(fd);
	for (type = 0; type < 16; type++) {
		int err = type < 11 ? ESOCKTNOSUPPORT : EINVAL;

		if (type == SOCK_STREAM || type == SOCK_DGRAM ||
		    type == SOCK_RAW || type == SOCK_SEQPACKET)
			continue;
		ASSERT_EQ(err, vt_err(socket(family, type, 0)))
			TH_LOG("type %d", type);
		ASSERT_EQ(err, vt_err(socketpair(family, type, 0, sv)))
			TH_LOG("type %d", type);
	}
	/* The lowest free number is still the one it was. */
	ASSERT_EQ(fd, dup(0));
	PROVES("SOCKET-03");
}

TEST_F(create, protocol)
{
	static const int wrong[] = { -1, 2, 6, 77, 255, INT_MAX };
	int family = vt_family(variant->family), s, sv[2];
	unsigned int i, t;

	for (t = 0; t < ARRAY_SIZE(types); t++) {
		for (i = 0; i < ARRAY_SIZE(wrong); i++) {
			ASSERT_EQ(EPROTONOSUPPORT,
				  vt_err(socket(family, types[t], wrong[i])));
			ASSERT_EQ(EPROTONOSUPPORT,
				  vt_err(socketpair(family, types[t], wrong[i],
						    sv)));
		}
		s = socket(family, types[t], AF_UNIX);
		ASSERT_LE(0, s);
		ASSERT_EQ(0, vt_getint(s, SOL_SOCKET, SO_PROTOCOL));
		ASSERT_EQ(types[t], vt_getint(s, SOL_SOCKET, SO_TYPE));
		close(s);
		ASSERT_EQ(0, socketpair(family, types[t], AF_UNIX, sv));
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(0, vt_getint(sv[i], SOL_SOCKET,
					       SO_PROTOCOL));
			close(sv[i]);
		}
		/* The family's own number is as good as AF_UNIX, or is not. */
		s = socket(family, types[t], family);
		if (s < 0) {
			ASSERT_EQ(EPROTONOSUPPORT, errno);
		} else {
			ASSERT_EQ(0, vt_getint(s, SOL_SOCKET, SO_PROTOCOL));
			close(s);
		}
	}
	/* Protocol first, then type; but the generic layer before both. */
	ASSERT_EQ(EPROTONOSUPPORT, vt_err(socket(family, SOCK_RDM, 6)));
	ASSERT_EQ(EPROTONOSUPPORT, vt_err(socketpair(family, 0, 6, sv)));
	ASSERT_EQ(ESOCKTNOSUPPORT, vt_err(socket(family, SOCK_RDM, AF_UNIX)));
	ASSERT_EQ(EINVAL, vt_err(socket(family, 11, 6)));
	PROVES("SOCKET-04");
}

TEST_F(socket, type_flags)
{
	static const int flags[] = {
		SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK
	};
	int family = vt_family(variant->family), s, bit, sv[2];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		s = socket(family, variant->type | flags[i], 0);
		ASSERT_LE(0, s);
		ASSERT_EQ(flags[i] & SOCK_CLOEXEC ? FD_CLOEXEC : 0,
			  fcntl(s, F_GETFD));
		ASSERT_EQ(flags[i] & SOCK_NONBLOCK ? O_NONBLOCK : 0,
			  fcntl(s, F_GETFL) & O_NONBLOCK);
		ASSERT_EQ(O_RDWR, fcntl(s, F_GETFL) & O_ACCMODE);
		ASSERT_EQ(variant->type, vt_getint(s, SOL_SOCKET, SO_TYPE));
		close(s);
	}
	for (bit = 4; bit < 32; bit++) {
		int type = variant->type | (int)(1U << bit);

		if ((type & ~15) == SOCK_CLOEXEC ||
		    (type & ~15) == SOCK_NONBLOCK)
			continue;
		ASSERT_EQ(EINVAL, vt_err(socket(family, type, 0)))
			TH_LOG("bit %d", bit);
		ASSERT_EQ(EINVAL, vt_err(socketpair(family, type, 0, sv)))
			TH_LOG("bit %d", bit);
	}
	PROVES("SOCKET-05");
}

TEST_F(socket, receive_unconnected)
{
	int s = vt_socket(variant->family, variant->type), err, sender;
	char buf[8] = "";
	struct vt_io io = { .fd = s, .buf = buf, .len = sizeof(buf) };
	struct vt_bg bg;

	ASSERT_LE(0, s);
	if (variant->type == SOCK_DGRAM) {
		ASSERT_EQ(EAGAIN, vt_err(recv(s, buf, 8, MSG_DONTWAIT)));
		ASSERT_EQ(0, vt_bind(s, "@r"));
		ASSERT_EQ(0, vt_bg_block(&bg, vt_io_recv, &io));
		sender = vt_socket(variant->family, SOCK_DGRAM);
		ASSERT_EQ(2, vt_sendto(sender, "hi", 2, 0, "@r"));
		ASSERT_EQ(2, vt_bg_join(&bg));
		ASSERT_STREQ("hi", buf);
	} else {
		err = variant->type == SOCK_STREAM ? EINVAL : ENOTCONN;
		ASSERT_EQ(err, vt_err(recv(s, buf, 8, MSG_DONTWAIT)));
		/* A blocking socket too; the test's time limit is the proof. */
		ASSERT_EQ(err, vt_err(recv(s, buf, 8, 0)));
		ASSERT_EQ(err, vt_err(read(s, buf, 8)));
		ASSERT_EQ(err, vt_err(recv(s, buf, 8, MSG_PEEK)));
		ASSERT_EQ(0, vt_bind(s, "@r"));
		ASSERT_EQ(err, vt_err(recv(s, buf, 8, 0)));
	}
	PROVES("SOCKET-06");
}

TEST_F(socket, send_unconnected)
{
	int s = vt_socket(variant->family, variant->type);
	struct iovec iov = { .iov_base = (char *)"x", .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(ENOTCONN, vt_err(send(s, "x", 1, 0)));
	ASSERT_EQ(ENOTCONN, vt_err(send(s, "x", 1, MSG_DONTWAIT)));
	ASSERT_EQ(ENOTCONN, vt_err(write(s, "x", 1)));
	ASSERT_EQ(ENOTCONN, vt_err(sendmsg(s, &msg, 0)));
	ASSERT_EQ(0, vt_bind(s, "@s"));
	ASSERT_EQ(ENOTCONN, vt_err(send(s, "x", 1, 0)));
	ASSERT_EQ(0, vt_getint(s, SOL_SOCKET, SO_ERROR));
	PROVES("SOCKET-07");
}

TEST_F(socket, inode)
{
	int s = vt_socket(variant->family, variant->type), n;
	char path[64], link[64] = "", want[64];
	struct stat st;

	ASSERT_EQ(0, fstat(s, &st));
	ASSERT_EQ(S_IFSOCK | 0777, (int)st.st_mode);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s);
	n = readlink(path, link, sizeof(link) - 1);
	ASSERT_LT(0, n);
	snprintf(want, sizeof(want), "socket:[%llu]",
		 (unsigned long long)st.st_ino);
	ASSERT_STREQ(want, link);
	/* The link names the socket, it does not open it. */
	ASSERT_EQ(ENXIO, vt_err(open(path, O_RDWR)));
	PROVES("SOCKET-08");
}

TEST_F(socket, not_a_file)
{
	int sv[2], i;
	char c = 'x';

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(1, send(sv[1], "d", 1, 0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(ESPIPE, vt_err(lseek(sv[i], 0, SEEK_SET)));
		ASSERT_EQ(ESPIPE, vt_err(lseek(sv[i], 0, SEEK_CUR)));
		ASSERT_EQ(ESPIPE, vt_err(lseek(sv[i], 0, SEEK_END)));
		ASSERT_EQ(ESPIPE, vt_err(pread(sv[i], &c, 1, 0)));
		ASSERT_EQ(ESPIPE, vt_err(pwrite(sv[i], &c, 1, 0)));
		ASSERT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, sv[i], 0) ==
			    MAP_FAILED);
		ASSERT_EQ(ENODEV, errno);
		ASSERT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, sv[i], 0) ==
			    MAP_FAILED);
		ASSERT_EQ(ENODEV, errno);
		ASSERT_EQ(EINVAL, vt_err(ftruncate(sv[i], 0)));
		ASSERT_EQ(EINVAL, vt_err(fsync(sv[i])));
		ASSERT_EQ(EINVAL, vt_err(fdatasync(sv[i])));
	}
	/* None of them took or added anything. */
	ASSERT_EQ(1, recv(sv[0], &c, 1, MSG_DONTWAIT));
	ASSERT_EQ('d', c);
	ASSERT_EQ(EAGAIN, vt_err(recv(sv[0], &c, 1, MSG_DONTWAIT)));
	ASSERT_EQ(EAGAIN, vt_err(recv(sv[1], &c, 1, MSG_DONTWAIT)));
	PROVES("SOCKET-09");
}

TEST_F(socket, duplicates)
{
	int sv[2], copy, status;
	char c;
	pid_t pid;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, vt_bind(sv[0], "@dup"));
	copy = dup(sv[0]);
	ASSERT_LE(0, copy);
	/* A child's copies count as well. */
	pid = fork();
	if (!pid)
		_exit(0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(POLLOUT, vt_poll(sv[1], VT_POLL_ALL));
	ASSERT_EQ(0, close(sv[0]));
	ASSERT_EQ(POLLOUT, vt_poll(sv[1], VT_POLL_ALL));
	ASSERT_EQ(EAGAIN, vt_err(recv(sv[1], &c, 1, MSG_DONTWAIT)));
	ASSERT_EQ(1, send(sv[1], "q", 1, 0));
	ASSERT_EQ(1, recv(copy, &c, 1, MSG_DONTWAIT));
	ASSERT_EQ('q', c);
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(vt_socket(variant->family,
						       variant->type),
					     "@dup")));
	ASSERT_EQ(0, close(copy));
	if (variant->type == SOCK_DGRAM) {
		ASSERT_EQ(ECONNREFUSED, vt_err(send(sv[1], "q", 1, 0)));
	} else {
		ASSERT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP,
			  vt_poll(sv[1], VT_POLL_ALL));
		ASSERT_EQ(0, recv(sv[1], &c, 1, 0));
	}
	ASSERT_EQ(0, vt_bind(vt_socket(variant->family, variant->type),
			     "@dup"));
	PROVES("SOCKET-10");
}

TEST_F(socket, domain_and_type)
{
	int fds[6], n = 0, i;
	struct vt_trio t;

	fds[n++] = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, fds + n));
	n += 2;
	if (variant->type != SOCK_DGRAM) {
		ASSERT_EQ(0, vt_trio(variant->family, variant->type, "@l", &t));
		fds[n++] = t.listener;
		fds[n++] = t.client;
		fds[n++] = t.accepted;
	}
	for (i = 0; i < n; i++) {
		ASSERT_EQ(AF_UNIX, vt_getint(fds[i], SOL_SOCKET, SO_DOMAIN));
		ASSERT_EQ(variant->type, vt_getint(fds[i], SOL_SOCKET,
						   SO_TYPE));
	}
	PROVES("SOCKET-11");
}

TEST_HARNESS_MAIN
