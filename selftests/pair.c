// SPDX-License-Identifier: GPL-2.0
/*
 * socketpair(), and what the two ends may still do.
 *
 * Rows: PAIR-01 PAIR-02 PAIR-03 PAIR-04 PAIR-05 PAIR-06 PAIR-07
 */
#include "vunix_test.h"

VT_FIXTURE(pair, VT_FAMILIES_TYPES);

/* Does the other end see the name? */
static bool peer_is(int fd, const char *name)
{
	struct sockaddr_un want, un;
	socklen_t wlen = vt_addr(&want, name), len = sizeof(un);

	return !getpeername(fd, (struct sockaddr *)&un, &len) &&
	       len == wlen && !memcmp(&un, &want, len);
}

TEST_F(pair, both_ways)
{
	char buf[16];
	int sv[2], i;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(variant->type, vt_getint(sv[0], SOL_SOCKET, SO_TYPE));
	ASSERT_EQ(variant->type, vt_getint(sv[1], SOL_SOCKET, SO_TYPE));
	/* Messages under way in both directions do not meet. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(4, send(sv[0], "ping", 4, MSG_DONTWAIT));
		ASSERT_EQ(5, send(sv[1], "reply", 5, MSG_DONTWAIT));
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(4, recv(sv[1], buf, 4, MSG_DONTWAIT));
		ASSERT_EQ(0, memcmp(buf, "ping", 4));
		ASSERT_EQ(5, recv(sv[0], buf, 5, MSG_DONTWAIT));
		ASSERT_EQ(0, memcmp(buf, "reply", 5));
	}
	ASSERT_EQ(EAGAIN, vt_err(recv(sv[0], buf, 1, MSG_DONTWAIT)));
	ASSERT_EQ(EAGAIN, vt_err(recv(sv[1], buf, 1, MSG_DONTWAIT)));
	PROVES("PAIR-01");
}

TEST_F(pair, names)
{
	struct sockaddr_un un;
	socklen_t len;
	int sv[2], i;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	for (i = 0; i < 2; i++) {
		memset(&un, 0x55, sizeof(un));
		len = sizeof(un);
		ASSERT_EQ(0, getsockname(sv[i], (struct sockaddr *)&un, &len));
		ASSERT_EQ(2, (int)len);
		ASSERT_EQ(AF_UNIX, un.sun_family);
		ASSERT_EQ(0x55, un.sun_path[0]);

		memset(&un, 0x55, sizeof(un));
		len = sizeof(un);
		ASSERT_EQ(0, getpeername(sv[i], (struct sockaddr *)&un, &len));
		ASSERT_EQ(2, (int)len);
		ASSERT_EQ(AF_UNIX, un.sun_family);
		ASSERT_EQ(0x55, un.sun_path[0]);
	}
	PROVES("PAIR-02");
}

TEST_F(pair, type_flags)
{
	static const int flags[] = {
		0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK
	};
	int sv[2], i;
	unsigned int f;

	for (f = 0; f < ARRAY_SIZE(flags); f++) {
		ASSERT_EQ(0, vt_pair(variant->family,
				     variant->type | flags[f], sv));
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(flags[f] & SOCK_CLOEXEC ? FD_CLOEXEC : 0,
				  fcntl(sv[i], F_GETFD));
			ASSERT_EQ(flags[f] & SOCK_NONBLOCK ?
				  O_RDWR | O_NONBLOCK : O_RDWR,
				  fcntl(sv[i], F_GETFL) &
				  (O_ACCMODE | O_NONBLOCK));
			close(sv[i]);
		}
	}
	PROVES("PAIR-03");
}

TEST_F(pair, is_connected)
{
	int sv[2], l, i;
	char c;

	if (variant->type == SOCK_DGRAM)
		SKIP(return, "connection types only");
	l = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(l, "@listener"));
	ASSERT_EQ(0, listen(l, 5));
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	/* The second round with the first end bound. */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(EISCONN, vt_err(vt_connect(sv[0], "@listener")));
		ASSERT_EQ(EISCONN, vt_err(vt_connect(sv[1], "@listener")));
		/* Without a listener the lookup's error comes first. */
		ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(sv[0], "@none")));
		ASSERT_EQ(EINVAL, vt_err(accept(sv[0], NULL, NULL)));
		ASSERT_EQ(EINVAL, vt_err(listen(sv[0], 1)));
		ASSERT_EQ(EINVAL, vt_err(accept(sv[1], NULL, NULL)));
		ASSERT_EQ(EINVAL, vt_err(listen(sv[1], 1)));
		if (!i)
			ASSERT_EQ(0, vt_bind(sv[0], "@bound"));
	}
	ASSERT_EQ(0, vt_getint(sv[0], SOL_SOCKET, SO_ACCEPTCONN));
	ASSERT_EQ(0, vt_poll(l, POLLIN));
	ASSERT_EQ(1, send(sv[0], "x", 1, 0));
	ASSERT_EQ(1, recv(sv[1], &c, 1, 0));
	ASSERT_EQ('x', c);
	PROVES("PAIR-04");
}

TEST_F(pair, bind_one_end)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	int sv[2];
	char c;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, vt_bind(sv[0], "end"));
	ASSERT_TRUE(peer_is(sv[1], "end"));
	ASSERT_EQ(0, getpeername(sv[0], (struct sockaddr *)&un, &len));
	ASSERT_EQ(2, (int)len);
	/* The other end too, later and in the other name space. */
	ASSERT_EQ(0, vt_bind(sv[1], "@end"));
	ASSERT_TRUE(peer_is(sv[0], "@end"));
	ASSERT_TRUE(peer_is(sv[1], "end"));
	ASSERT_EQ(1, send(sv[0], "x", 1, 0));
	ASSERT_EQ(1, recv(sv[1], &c, 1, 0));
	ASSERT_EQ(1, send(sv[1], "y", 1, 0));
	ASSERT_EQ(1, recv(sv[0], &c, 1, 0));
	ASSERT_EQ('y', c);
	PROVES("PAIR-05");
}

TEST_F(pair, reassociate)
{
	int sv[2], third;
	char buf[8];

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "datagrams only");
	third = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(third, "@third"));
	ASSERT_EQ(0, vt_pair(variant->family, SOCK_DGRAM, sv));
	ASSERT_EQ(3, send(sv[0], "old", 3, 0));
	ASSERT_EQ(0, vt_connect(sv[0], "@third"));
	ASSERT_EQ(3, send(sv[0], "new", 3, 0));
	ASSERT_EQ(3, recv(third, buf, sizeof(buf), MSG_DONTWAIT));
	ASSERT_EQ(0, memcmp(buf, "new", 3));
	/* The old partner has what was sent before, and nothing more. */
	ASSERT_EQ(3, recv(sv[1], buf, sizeof(buf), MSG_DONTWAIT));
	ASSERT_EQ(0, memcmp(buf, "old", 3));
	ASSERT_EQ(EAGAIN, vt_err(recv(sv[1], buf, 8, MSG_DONTWAIT)));
	/* It still points here, but is no longer heard. */
	ASSERT_EQ(EPERM, vt_err(send(sv[1], "x", 1, 0)));
	ASSERT_EQ(EAGAIN, vt_err(recv(sv[0], buf, 8, MSG_DONTWAIT)));
	ASSERT_TRUE(peer_is(sv[0], "@third"));
	PROVES("PAIR-06");
}

TEST_F(pair, bad_array)
{
	int family = vt_family(variant->family), fd, *sv;
	char *edge = vt_edge(8);
	unsigned int off;

	ASSERT_TRUE(!!edge);
	fd = dup(0);
	ASSERT_LE(0, fd);
	close(fd);
	for (off = 1; off <= 8; off++) {
		sv = (int *)(edge + off);
		ASSERT_EQ(EFAULT, vt_err(socketpair(family, variant->type, 0,
						    sv)))
			TH_LOG("%u bytes missing", off);
	}
	sv = (int *)edge;
	ASSERT_EQ(0, mprotect(edge + 8 - 65536, 65536, PROT_READ));
	ASSERT_EQ(EFAULT, vt_err(socketpair(family, variant->type, 0, sv)));
	/* The lowest free number is still the one it was. */
	ASSERT_EQ(fd, dup(0));
	ASSERT_EQ(0, mprotect(edge + 8 - 65536, 65536,
			      PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, socketpair(family, variant->type, 0, sv));
	PROVES("PAIR-07");
}

TEST_HARNESS_MAIN
