// SPDX-License-Identifier: GPL-2.0
/*
 * Names that the kernel picks.
 *
 * Rows: AUTO-01 AUTO-02 AUTO-03 AUTO-04 AUTO-05 AUTO-06 AUTO-07
 *
 * AUTO-04's last clause (ENOSPC) needs 2^20 living sockets: some 3 GB of
 * memory, and with AF_UNIX's short hash table a quarter of an hour.  So the
 * test "exhausted" runs only when VUNIX_HUGE is set in the environment.
 */
#include "vunix_test.h"

#include <sys/resource.h>

FIXTURE(autobind)
{
	struct vt_env env;
	int s;
};

FIXTURE_VARIANT(autobind)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(autobind);

FIXTURE_SETUP(autobind)
{
	VT_SETUP();
	self->s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(autobind)
{
	VT_TEARDOWN();
}

static int autobind(int fd)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	return bind(fd, (struct sockaddr *)&un, VT_UN_OFF);
}

/* The number in an automatic name; -1 for an unnamed socket, else -2. */
static long auto_number(int fd)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	char digits[6];
	int i;

	memset(&un, 0x55, sizeof(un));
	if (getsockname(fd, (struct sockaddr *)&un, &len))
		return -2;
	if (len == VT_UN_OFF)
		return -1;
	if (len != 8 || un.sun_family != AF_UNIX || un.sun_path[0] ||
	    un.sun_path[6] != 0x55)
		return -2;
	for (i = 0; i < 5; i++)
		if (!un.sun_path[i + 1] ||
		    !strchr("0123456789abcdef", un.sun_path[i + 1]))
			return -2;
	memcpy(digits, un.sun_path + 1, 5);
	digits[5] = 0;
	return strtol(digits, NULL, 16);
}

/* 1 with an automatic name, 0 with none, -1 with another. */
static int has_number(int fd)
{
	long n = auto_number(fd);

	return n >= 0 ? 1 : n == -1 ? 0 : -1;
}

TEST_F(autobind, name)
{
	long number;

	ASSERT_EQ(-1, auto_number(self->s));
	ASSERT_EQ(0, autobind(self->s));
	number = auto_number(self->s);
	ASSERT_LE(0, number);
	PROVES("AUTO-01");

	ASSERT_EQ(0, autobind(self->s));
	ASSERT_EQ(number, auto_number(self->s));
	PROVES("AUTO-02");

	ASSERT_EQ(EINVAL, vt_err(vt_bind(self->s, "path")));
	ASSERT_EQ(EINVAL, vt_err(vt_bind(self->s, "@abstract")));
	ASSERT_NE(0, access("path", F_OK));
	ASSERT_EQ(number, auto_number(self->s));
	PROVES("AUTO-03");
}

TEST_F(autobind, keeps_explicit_name)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);

	ASSERT_EQ(0, vt_bind(self->s, "path"));
	ASSERT_EQ(0, autobind(self->s));
	ASSERT_EQ(0, getsockname(self->s, (struct sockaddr *)&un, &len));
	ASSERT_STREQ("path", un.sun_path);
	PROVES("AUTO-02");
}

#define MANY 2000

TEST_F(autobind, many)
{
	struct rlimit lim = { MANY + 64, MANY + 64 };
	static unsigned char used[(1 << 20) / 8];
	static int fds[MANY];
	char name[8], buf[8];
	int i, c;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &lim));
	for (i = 0; i < MANY; i++) {
		long n;

		fds[i] = vt_socket(variant->family, variant->type);
		ASSERT_LE(0, fds[i]);
		ASSERT_EQ(0, autobind(fds[i]));
		n = auto_number(fds[i]);
		ASSERT_LE(0, n);
		ASSERT_EQ(0, used[n / 8] & (1 << n % 8));
		used[n / 8] |= 1 << n % 8;
	}
	for (i = 0; i < MANY; i += 10) {
		snprintf(name, sizeof(name), "@%05lx", auto_number(fds[i]));
		c = vt_socket(variant->family, variant->type);
		if (variant->type == SOCK_DGRAM) {
			ASSERT_EQ(4, vt_sendto(c, &i, 4, 0, name));
			ASSERT_EQ(4, recv(fds[i], buf, 8, MSG_DONTWAIT));
			ASSERT_EQ(0, memcmp(&i, buf, 4));
		} else {
			ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(c, name)));
			ASSERT_EQ(0, listen(fds[i], 1));
			ASSERT_EQ(0, vt_connect(c, name));
			ASSERT_EQ(POLLIN, vt_poll(fds[i], POLLIN));
		}
		close(c);
	}
	/* A name of this kind is nothing special: it can be asked for. */
	snprintf(name, sizeof(name), "@%05lx", auto_number(fds[0]));
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(self->s, name)));
	close(fds[0]);
	ASSERT_EQ(0, vt_bind(self->s, name));
	PROVES("AUTO-04");
}

/*
 * A child that owns names from @n on, as many as it may, and nothing of @s: how
 * many.
 */
static long own_names(int family, int type, long n, long max, int hold[2],
		      int s)
{
	struct rlimit lim;
	char name[8];
	int report[2], fd;
	long i;

	getrlimit(RLIMIT_NOFILE, &lim);
	if ((unsigned long)max > lim.rlim_max - 64)
		max = lim.rlim_max - 64;
	if (pipe(report))
		return -1;
	if (fork()) {
		close(report[1]);
		if (read(report[0], &i, sizeof(i)) != sizeof(i))
			i = -1;
		close(report[0]);
		return i;
	}
	close(hold[1]);
	close(s);
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
	for (i = 0; i < max; i++) {
		fd = vt_socket(family, type);
		snprintf(name, sizeof(name), "@%05lx", n + i);
		if (fd < 0 || vt_bind(fd, name))
			break;
	}
	if (write(report[1], &i, sizeof(i)) != sizeof(i))
		_exit(1);
	/* Until the parent lets go, or is gone. */
	_exit(read(hold[0], &i, 1) != 0);
}

/*
 * Children take every name explicitly, so that the kernel has only one search
 * to do, and that over all of them.
 */
TEST_F_TIMEOUT(autobind, exhausted, 1800)
{
	const long names = 1 << 20;
	long n, got;
	int p[2];

	if (!getenv("VUNIX_HUGE"))
		SKIP(return, "VUNIX_HUGE not set: 2^20 sockets");
	ASSERT_EQ(0, vt_bind(self->s, "@00000"));
	ASSERT_EQ(0, pipe(p));
	for (n = 1; n < names; n += got) {
		got = own_names(variant->family, variant->type, n, names - n,
				p, self->s);
		ASSERT_LT(0, got)
			TH_LOG("only %ld sockets", n);
	}
	got = vt_socket(variant->family, variant->type);
	ASSERT_EQ(ENOSPC, vt_err(autobind(got)));
	ASSERT_EQ(-1, auto_number(got));
	/* The only name given back is the one that is found. */
	close(self->s);
	ASSERT_EQ(0, autobind(got));
	ASSERT_EQ(0, auto_number(got));
	PROVES("AUTO-04");
}

static void passed_on(struct __test_metadata *_metadata, int family, int type,
		      int opt)
{
	int l = vt_socket(family, type), s, sv[2], on;

	ASSERT_EQ(0, vt_bind(l, "@target"));
	if (type != SOCK_DGRAM)
		ASSERT_EQ(0, listen(l, 10));
	for (on = 0; on < 2; on++) {
		s = vt_socket(family, type);
		ASSERT_EQ(0, vt_setint(s, SOL_SOCKET, opt, on));
		ASSERT_EQ(-1, auto_number(s));
		ASSERT_EQ(0, vt_connect(s, "@target"));
		ASSERT_EQ(on, has_number(s));
		close(s);

		/* A name it has is kept. */
		s = vt_socket(family, type);
		ASSERT_EQ(0, vt_setint(s, SOL_SOCKET, opt, on));
		ASSERT_EQ(0, vt_bind(s, "@named"));
		ASSERT_EQ(0, vt_connect(s, "@target"));
		ASSERT_EQ(-2, auto_number(s));
		close(s);

		if (type != SOCK_DGRAM)
			continue;
		s = vt_socket(family, type);
		ASSERT_EQ(0, vt_setint(s, SOL_SOCKET, opt, on));
		ASSERT_EQ(1, vt_sendto(s, "x", 1, 0, "@target"));
		ASSERT_EQ(on, has_number(s));
		close(s);
		ASSERT_EQ(0, vt_pair(family, type, sv));
		ASSERT_EQ(0, vt_setint(sv[0], SOL_SOCKET, opt, on));
		ASSERT_EQ(1, send(sv[0], "x", 1, 0));
		ASSERT_EQ(on, has_number(sv[0]));
		ASSERT_EQ(-1, auto_number(sv[1]));
	}
}

TEST_F(autobind, passcred)
{
	passed_on(_metadata, variant->family, variant->type, SO_PASSCRED);
	PROVES("AUTO-05");
}

TEST_F(autobind, passpidfd)
{
	/* The core has to know the option. */
	if (vt_kernel_older(6, 5)) {
		ASSERT_EQ(ENOPROTOOPT, vt_err(vt_setint(self->s, SOL_SOCKET,
							SO_PASSPIDFD, 1)));
	} else {
		passed_on(_metadata, variant->family, variant->type,
			  SO_PASSPIDFD);
	}
	PROVES("AUTO-06");
}

TEST_F(autobind, failed_connect)
{
	int s;

	ASSERT_EQ(0, vt_setint(self->s, SOL_SOCKET, SO_PASSCRED, 1));
	/* An address that is no address comes before the name. */
	ASSERT_EQ(EINVAL, vt_err(connect(self->s,
					 (struct sockaddr *)&self->env, 200)));
	ASSERT_EQ(-1, auto_number(self->s));
	ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(self->s, "@nobody")));
	ASSERT_LE(0, auto_number(self->s));

	s = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_setint(s, SOL_SOCKET, SO_PASSCRED, 1));
	ASSERT_EQ(ENOENT, vt_err(vt_connect(s, "nowhere")));
	ASSERT_LE(0, auto_number(s));
	ASSERT_NE(auto_number(s), auto_number(self->s));
	PROVES("AUTO-07");
}

TEST_HARNESS_MAIN
