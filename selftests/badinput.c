// SPDX-License-Identifier: GPL-2.0
/*
 * Input that makes no sense: addresses of every length, memory that ends at
 * every byte, requests that do not exist.  The answers stand here as AF_UNIX
 * gives them; badinput_both.c has those that depend on the kernel.
 *
 * No call that fails may change a socket: snapshot() before and after.
 */
#include "vunix_test.h"

#include <limits.h>
#include <sys/uio.h>

FIXTURE(badinput)
{
	struct vt_env env;
	int s;			/* fresh */
	int sv[2];		/* a pair, "data" queued at sv[1] */
	char *edge;		/* where the memory ends */
};

FIXTURE_VARIANT(badinput)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(badinput);

FIXTURE_SETUP(badinput)
{
	VT_SETUP();
	self->s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, self->s);
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, self->sv));
	ASSERT_EQ(0, vt_bind(self->sv[0], "@sender"));
	ASSERT_EQ(4, send(self->sv[0], "data", 4, 0));
	self->edge = vt_edge(0);
	ASSERT_TRUE(!!self->edge);
}

FIXTURE_TEARDOWN(badinput)
{
	VT_TEARDOWN();
}

/* All of a socket that a call which fails could have changed. */
struct snapshot {
	struct sockaddr_un name, peer;
	socklen_t name_len, peer_len;
	int flags, fd_flags, free_fd, poll, inq, outq;
	int opts[11];
};

static struct snapshot snapshot(int fd)
{
	static const int opts[11] = {
		SO_TYPE, SO_ERROR, SO_ACCEPTCONN, SO_SNDBUF, SO_RCVBUF,
		SO_PASSCRED, SO_REUSEADDR, SO_RCVLOWAT, SO_KEEPALIVE,
		SO_PEEK_OFF, SO_TIMESTAMP,
	};
	struct snapshot st;
	int i;

	memset(&st, 0, sizeof(st));
	st.name_len = sizeof(st.name);
	getsockname(fd, (struct sockaddr *)&st.name, &st.name_len);
	st.peer_len = sizeof(st.peer);
	if (getpeername(fd, (struct sockaddr *)&st.peer, &st.peer_len))
		st.peer_len = -1;
	st.flags = fcntl(fd, F_GETFL);
	st.fd_flags = fcntl(fd, F_GETFD);
	st.free_fd = dup(fd);
	close(st.free_fd);
	st.poll = vt_poll(fd, VT_POLL_ALL);
	if (ioctl(fd, SIOCINQ, &st.inq))
		st.inq = -1;
	if (ioctl(fd, SIOCOUTQ, &st.outq))
		st.outq = -1;
	for (i = 0; i < 11; i++)
		st.opts[i] = vt_getint(fd, SOL_SOCKET, opts[i]);
	return st;
}

static bool unchanged(int fd, const struct snapshot *before)
{
	struct snapshot now = snapshot(fd);

	return !memcmp(&now, before, sizeof(now));
}

/* The pair still holds the four bytes of the setup, and nothing else. */
static bool only_data(const int sv[2])
{
	char buf[16];

	return recv(sv[1], buf, sizeof(buf), MSG_DONTWAIT) == 4 &&
	       !memcmp(buf, "data", 4) &&
	       recv(sv[1], buf, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN &&
	       recv(sv[0], buf, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* Kinds of address, all of which name nothing that exists. */
enum kind { PATH, ABSTRACT, UNSPEC, INET, OWN_NUMBER, NOISE, KINDS };

static void fill(char *buf, size_t size, int family, enum kind kind)
{
	static const int families[KINDS] = {
		[PATH] = AF_UNIX, [ABSTRACT] = AF_UNIX, [UNSPEC] = AF_UNSPEC,
		[INET] = AF_INET, [NOISE] = 0x0101,
	};
	struct sockaddr_un *un = (void *)buf;

	memset(buf, 'n', size);
	un->sun_family = kind == OWN_NUMBER ? vt_family(AF_VUNIX) :
			 families[kind];
	if (kind == ABSTRACT)
		un->sun_path[0] = 0;
}

/* What a look-up by such an address answers. */
static int lookup_err(enum kind kind, int len)
{
	if (len < 3 || len > 110 || kind > ABSTRACT)
		return EINVAL;
	return kind == PATH ? ENOENT : ECONNREFUSED;
}

TEST_F(badinput, connect_lengths)
{
	struct snapshot before = snapshot(self->s);
	char buf[256];
	int kind, len, err;

	for (kind = 0; kind < KINDS; kind++) {
		fill(buf, sizeof(buf), variant->family, kind);
		for (len = -2; len <= 200; len++) {
			err = lookup_err(kind, len);
			/* Dissolving what is not connected is no error. */
			if (variant->type == SOCK_DGRAM && kind == UNSPEC &&
			    len >= 2 && len <= 128)
				err = 0;
			ASSERT_EQ(err, vt_err(connect(self->s, (void *)buf,
						      len)))
				TH_LOG("kind %d length %d", kind, len);
		}
		ASSERT_EQ(EINVAL, vt_err(connect(self->s, (void *)buf,
						 INT_MIN)));
		ASSERT_EQ(EINVAL, vt_err(connect(self->s, (void *)buf,
						 INT_MAX)));
	}
	ASSERT_TRUE(unchanged(self->s, &before));
}

TEST_F(badinput, bind_lengths)
{
	struct snapshot before = snapshot(self->s);
	char buf[256];
	int kind, len;

	for (kind = 0; kind < KINDS; kind++) {
		fill(buf, sizeof(buf), variant->family, kind);
		for (len = -2; len <= 200; len++) {
			if (kind <= ABSTRACT && len >= 2 && len <= 110)
				continue;
			ASSERT_EQ(EINVAL, vt_err(bind(self->s, (void *)buf,
						      len)))
				TH_LOG("kind %d length %d", kind, len);
		}
	}
	ASSERT_TRUE(unchanged(self->s, &before));
}

TEST_F(badinput, sendto_lengths)
{
	struct snapshot before[2] = {
		snapshot(self->s), snapshot(self->sv[0])
	};
	int kind, len, connected, err, fd;
	char buf[256];

	for (connected = 0; connected < 2; connected++) {
		fd = connected ? self->sv[0] : self->s;
		for (kind = 0; kind < KINDS; kind++) {
			fill(buf, sizeof(buf), variant->family, kind);
			for (len = -2; len <= 200; len++) {
				/* Length 0 is no address, a pair would send. */
				if (connected && len == 0)
					continue;
				if (len < 0 || len > 128)
					err = EINVAL;
				else if (variant->type == SOCK_DGRAM)
					err = len ? lookup_err(kind, len) :
						    ENOTCONN;
				else if (variant->type == SOCK_SEQPACKET)
					err = connected ? -1 : ENOTCONN;
				else if (connected)
					err = EISCONN;
				else
					err = len ? EOPNOTSUPP : ENOTCONN;
				/* A record's address is not even read. */
				if (err < 0)
					continue;
				ASSERT_EQ(err, vt_err(sendto(fd, "x", 1, 0,
							     (void *)buf,
							     len)))
					TH_LOG("kind %d length %d", kind, len);
			}
		}
	}
	ASSERT_TRUE(unchanged(self->s, &before[0]));
	ASSERT_TRUE(unchanged(self->sv[0], &before[1]));
	ASSERT_TRUE(only_data(self->sv));
}

/* Addresses of which only the first bytes are there. */
TEST_F(badinput, address_memory)
{
	struct snapshot before = snapshot(self->s);
	struct iovec iov = { .iov_base = (char *)"x", .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct sockaddr_un un;
	int len = vt_path(&un, "a-name"), n;
	char *p;

	for (n = 0; n < len; n++) {
		p = self->edge - n;
		memcpy(p, &un, n);
		ASSERT_EQ(EFAULT, vt_err(bind(self->s, (void *)p, len)));
		ASSERT_EQ(EFAULT, vt_err(connect(self->s, (void *)p, len)));
		ASSERT_EQ(EFAULT, vt_err(sendto(self->s, "x", 1, 0, (void *)p,
						len)));
		ASSERT_EQ(EFAULT, vt_err(sendto(self->sv[0], "x", 1, 0,
						(void *)p, len)));
		msg.msg_name = p;
		msg.msg_namelen = len;
		ASSERT_EQ(EFAULT, vt_err(sendmsg(self->sv[0], &msg, 0)));
	}
	ASSERT_NE(0, access("a-name", F_OK));
	ASSERT_TRUE(unchanged(self->s, &before));
	ASSERT_TRUE(only_data(self->sv));
	/* All there, and not a byte more. */
	p = self->edge - len;
	memcpy(p, &un, len);
	ASSERT_EQ(0, bind(self->s, (void *)p, len));
}

/* The structures of sendmsg() and recvmsg(), cut at every byte. */
TEST_F(badinput, message_memory)
{
	struct snapshot before[2] = {
		snapshot(self->sv[0]), snapshot(self->sv[1])
	};
	char byte = 'x', *p;
	struct iovec iov[2] = { { &byte, 1 }, { &byte, 1 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	struct mmsghdr mmsg = { .msg_hdr = msg };
	unsigned int n;

	for (n = 0; n < sizeof(msg); n++) {
		p = self->edge - n;
		memcpy(p, &msg, n);
		ASSERT_EQ(EFAULT, vt_err(sendmsg(self->sv[0], (void *)p, 0)));
		ASSERT_EQ(EFAULT, vt_err(recvmsg(self->sv[1], (void *)p,
						 MSG_DONTWAIT)));
	}
	for (n = 0; n < sizeof(msg); n++) {
		p = self->edge - n;
		memcpy(p, &mmsg, n);
		ASSERT_EQ(EFAULT, vt_err(sendmmsg(self->sv[0], (void *)p, 1,
						  0)));
		ASSERT_EQ(EFAULT, vt_err(recvmmsg(self->sv[1], (void *)p, 1,
						  MSG_DONTWAIT, NULL)));
	}
	for (n = 0; n < sizeof(iov); n++) {
		p = self->edge - n;
		memcpy(p, iov, n);
		msg.msg_iov = (void *)p;
		ASSERT_EQ(EFAULT, vt_err(sendmsg(self->sv[0], &msg, 0)));
		ASSERT_EQ(EFAULT, vt_err(recvmsg(self->sv[1], &msg,
						 MSG_DONTWAIT)));
	}
	msg.msg_iov = iov;
	msg.msg_iovlen = 1025;
	ASSERT_EQ(EMSGSIZE, vt_err(sendmsg(self->sv[0], &msg, 0)));
	ASSERT_EQ(EMSGSIZE, vt_err(recvmsg(self->sv[1], &msg, MSG_DONTWAIT)));
	msg.msg_iovlen = 1;
	msg.msg_namelen = -1;
	msg.msg_name = &byte;
	ASSERT_EQ(EINVAL, vt_err(sendmsg(self->sv[0], &msg, 0)));
	ASSERT_EQ(EINVAL, vt_err(recvmsg(self->sv[1], &msg, MSG_DONTWAIT)));
	msg.msg_name = NULL;
	msg.msg_namelen = 0;
	iov[0].iov_len = -1;
	ASSERT_EQ(EINVAL, vt_err(sendmsg(self->sv[0], &msg, 0)));
	ASSERT_EQ(EINVAL, vt_err(recvmsg(self->sv[1], &msg, MSG_DONTWAIT)));

	ASSERT_TRUE(unchanged(self->sv[0], &before[0]));
	ASSERT_TRUE(unchanged(self->sv[1], &before[1]));
	ASSERT_TRUE(only_data(self->sv));
}

/* Data of which the end is missing: one buffer, and a vector of two. */
TEST_F(badinput, source_memory)
{
	struct snapshot before = snapshot(self->sv[0]);
	char head[8] = "headhea";
	struct iovec iov[2];
	const int len = 40;
	int n;

	for (n = 0; n < len; n++) {
		memset(self->edge - n, 'd', n);
		ASSERT_EQ(EFAULT, vt_err(send(self->sv[0], self->edge - n, len,
					      0)))
			TH_LOG("%d bytes there", n);
		iov[0] = (struct iovec){ head, sizeof(head) };
		iov[1] = (struct iovec){ self->edge - n, len };
		ASSERT_EQ(EFAULT, vt_err(writev(self->sv[0], iov, 2)))
			TH_LOG("%d bytes there", n);
	}
	ASSERT_TRUE(unchanged(self->sv[0], &before));
	ASSERT_TRUE(only_data(self->sv));
}

/* A control message of which the end is missing. */
TEST_F(badinput, control_memory)
{
	struct snapshot before = snapshot(self->sv[0]);
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr cmsg;
	} u = {
		.cmsg = {
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int)),
		},
	};
	struct iovec iov = { .iov_base = (char *)"x", .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	unsigned int n;

	msg.msg_controllen = u.cmsg.cmsg_len;
	for (n = 0; n < u.cmsg.cmsg_len; n++) {
		msg.msg_control = self->edge - n;
		memcpy(msg.msg_control, u.buf, n);
		ASSERT_EQ(EFAULT, vt_err(sendmsg(self->sv[0], &msg, 0)));
	}
	ASSERT_TRUE(unchanged(self->sv[0], &before));
	ASSERT_TRUE(only_data(self->sv));
}

/* Where to put the sender's address: the message is gone all the same. */
TEST_F(badinput, sender_memory)
{
	char buf[8];
	socklen_t len, *lenp;
	int n;

	for (n = 0; n < 9; n++) {
		len = 9;
		ASSERT_EQ(EFAULT, vt_err(recvfrom(self->sv[1], buf,
						  sizeof(buf), MSG_DONTWAIT,
						  (void *)(self->edge - n),
						  &len)));
		ASSERT_EQ(EAGAIN, vt_err(recv(self->sv[1], buf, 1,
					      MSG_DONTWAIT)));
		ASSERT_EQ(4, send(self->sv[0], "data", 4, 0));
	}
	for (n = 0; n < 4; n++) {
		lenp = (void *)(self->edge - n);
		ASSERT_EQ(EFAULT, vt_err(recvfrom(self->sv[1], buf,
						  sizeof(buf), MSG_DONTWAIT,
						  (void *)buf, lenp)));
		ASSERT_EQ(EAGAIN, vt_err(recv(self->sv[1], buf, 1,
					      MSG_DONTWAIT)));
		ASSERT_EQ(4, send(self->sv[0], "data", 4, 0));
	}
	/* Without a message there is nothing to put. */
	ASSERT_EQ(4, recv(self->sv[1], buf, sizeof(buf), 0));
	ASSERT_EQ(EAGAIN, vt_err(recvfrom(self->sv[1], buf, 1, MSG_DONTWAIT,
					  (void *)self->edge,
					  (void *)self->edge)));
}

TEST_F(badinput, name_memory)
{
	struct snapshot before = snapshot(self->sv[0]);
	socklen_t len, *lenp;
	char buf[16];
	int n;

	for (n = 0; n < 9; n++) {
		len = 9;
		ASSERT_EQ(EFAULT, vt_err(getsockname(self->sv[0],
						     (void *)(self->edge - n),
						     &len)));
		len = 9;
		ASSERT_EQ(EFAULT, vt_err(getpeername(self->sv[1],
						     (void *)(self->edge - n),
						     &len)));
		len = 9;
		ASSERT_EQ(EFAULT, vt_err(getsockopt(self->sv[1], SOL_SOCKET,
						    SO_PEERNAME,
						    self->edge - n, &len)));
	}
	for (n = 0; n < 4; n++) {
		lenp = (void *)(self->edge - n);
		ASSERT_EQ(EFAULT, vt_err(getsockname(self->sv[0], (void *)buf,
						     lenp)));
		ASSERT_EQ(EFAULT, vt_err(getpeername(self->sv[1], (void *)buf,
						     lenp)));
	}
	ASSERT_TRUE(unchanged(self->sv[0], &before));
	ASSERT_TRUE(only_data(self->sv));
}

/* A connection whose name cannot be told is dropped, and no number leaks. */
TEST_F(badinput, accept_memory)
{
	socklen_t len, *lenp;
	char buf[16];
	int n, c, fd;

	if (variant->type == SOCK_DGRAM)
		return;
	ASSERT_EQ(0, vt_bind(self->s, "@l"));
	ASSERT_EQ(0, listen(self->s, 5));
	for (n = 0; n < 4 + 9; n++) {
		c = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_bind(c, "@client9"));
		ASSERT_EQ(0, vt_connect(c, "@l"));
		fd = dup(0);
		close(fd);
		lenp = n < 4 ? (void *)(self->edge - n) : &len;
		len = 9;
		ASSERT_EQ(EFAULT,
			  vt_err(accept(self->s, n < 4 ? (void *)buf :
					(void *)(self->edge - (n - 4)), lenp)));
		ASSERT_EQ(0, vt_poll(self->s, POLLIN));
		ASSERT_TRUE(vt_poll(c, POLLIN) & POLLHUP);
		ASSERT_EQ(fd, dup(0));
		close(fd);
		close(c);
	}
	/* A negative length too, */
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_connect(c, "@l"));
	len = -1;
	ASSERT_EQ(EINVAL, vt_err(accept(self->s, (void *)buf, &len)));
	ASSERT_EQ(0, vt_poll(self->s, POLLIN));
	/* but not flags, which are looked at first. */
	close(c);
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_connect(c, "@l"));
	for (n = 0; n < 32; n++) {
		if ((1U << n) == SOCK_CLOEXEC || (1U << n) == SOCK_NONBLOCK)
			continue;
		ASSERT_EQ(EINVAL, vt_err(accept4(self->s, NULL, NULL,
						 1U << n)));
	}
	ASSERT_LE(0, accept(self->s, NULL, NULL));
}

TEST_F(badinput, option_memory)
{
	static const struct {
		int opt;
		socklen_t size;
	} opts[] = {
		{ SO_KEEPALIVE, 4 }, { SO_SNDBUF, 4 }, { SO_PASSCRED, 4 },
		{ SO_RCVLOWAT, 4 }, { SO_PEEK_OFF, 4 },
		{ SO_LINGER, sizeof(struct linger) },
		{ SO_RCVTIMEO, sizeof(struct timeval) },
		{ SO_SNDTIMEO, sizeof(struct timeval) },
	};
	struct snapshot before = snapshot(self->sv[0]);
	char *p, old[16], now[16];
	socklen_t len, size, n;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(opts); i++) {
		size = opts[i].size;
		len = sizeof(old);
		ASSERT_EQ(0, getsockopt(self->sv[0], SOL_SOCKET, opts[i].opt,
					old, &len));
		ASSERT_EQ(size, len);
		for (n = 0; n < size; n++) {
			p = self->edge - n;
			memset(p, 1, n);
			ASSERT_EQ(EFAULT, vt_err(setsockopt(self->sv[0],
							    SOL_SOCKET,
							    opts[i].opt, p,
							    size)))
				TH_LOG("option %d", opts[i].opt);
			len = size;
			ASSERT_EQ(EFAULT, vt_err(getsockopt(self->sv[0],
							    SOL_SOCKET,
							    opts[i].opt, p,
							    &len)));
			ASSERT_EQ(EINVAL, vt_err(setsockopt(self->sv[0],
							    SOL_SOCKET,
							    opts[i].opt,
							    now, n)));
		}
		len = sizeof(now);
		ASSERT_EQ(0, getsockopt(self->sv[0], SOL_SOCKET, opts[i].opt,
					now, &len));
		ASSERT_EQ(0, memcmp(old, now, size));
	}
	ASSERT_TRUE(unchanged(self->sv[0], &before));
	ASSERT_TRUE(only_data(self->sv));
}

TEST_F(badinput, requests)
{
	static const unsigned int ints[] = {
		SIOCINQ, SIOCOUTQ, FIONBIO, FIOASYNC, FIOSETOWN, SIOCSPGRP,
		FIOGETOWN, SIOCGPGRP,
	};
	static const unsigned int unknown[] = {
		0, 1, 0x5400, 0x5401, 0x5413, 0x89e1, 0x89ef, 0xdeadbeef,
		0xffffffff,
	};
	struct snapshot before = snapshot(self->sv[1]);
	char buf[64] = "";
	unsigned int i;
	int n;

	for (i = 0; i < ARRAY_SIZE(ints); i++)
		for (n = 0; n < 4; n++)
			ASSERT_EQ(EFAULT, vt_err(ioctl(self->sv[1], ints[i],
						       self->edge - n)))
				TH_LOG("request %#x", ints[i]);
	for (n = 0; n < 4; n++)
		ASSERT_EQ(variant->type == SOCK_STREAM ? EFAULT : EOPNOTSUPP,
			  vt_err(ioctl(self->sv[1], SIOCATMARK,
				       self->edge - n)));
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		ASSERT_EQ(ENOTTY, vt_err(ioctl(self->sv[1], unknown[i], buf)))
			TH_LOG("request %#x", unknown[i]);
	}
	ASSERT_TRUE(unchanged(self->sv[1], &before));
	ASSERT_TRUE(only_data(self->sv));
}

TEST_F(badinput, modes)
{
	static const int wrong[] = { -1, 3, 4, 255, INT_MIN, INT_MAX };
	struct snapshot before = snapshot(self->sv[0]);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		ASSERT_EQ(EINVAL, vt_err(shutdown(self->s, wrong[i])));
		ASSERT_EQ(EINVAL, vt_err(shutdown(self->sv[0], wrong[i])));
	}
	ASSERT_EQ(EINVAL, vt_err(vt_setint(self->sv[0], SOL_SOCKET,
					   SO_RCVTIMEO, 1)));
	ASSERT_TRUE(unchanged(self->sv[0], &before));
	ASSERT_TRUE(only_data(self->sv));
}

TEST_HARNESS_MAIN
