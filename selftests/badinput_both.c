// SPDX-License-Identifier: GPL-2.0
/*
 * Options, requests and flags of every number, whose answers depend on the
 * kernel: each is asked of AF_UNIX and of vunix, and the answers are compared.
 */
#include "vunix_test.h"

#include <limits.h>

FIXTURE(both)
{
	struct vt_env env;
};

FIXTURE_VARIANT(both)
{
	int family;
	int type;
};

FIXTURE_VARIANT_ADD(both, vunix_stream)
{
	.family = AF_VUNIX, .type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(both, vunix_dgram)
{
	.family = AF_VUNIX, .type = SOCK_DGRAM,
};

FIXTURE_VARIANT_ADD(both, vunix_seqpacket)
{
	.family = AF_VUNIX, .type = SOCK_SEQPACKET,
};

FIXTURE_SETUP(both)
{
	if (vt_family_off(AF_UNIX))
		SKIP(return, "needs both families");
	VT_SETUP();
}

FIXTURE_TEARDOWN(both)
{
	VT_TEARDOWN();
}

/* Options that vunix has on kernels whose AF_UNIX lacks them. */
static bool newer_option(int opt)
{
	return (opt == SO_PASSRIGHTS && vt_kernel_older(6, 16)) ||
	       (opt == SO_INQ && vt_kernel_older(6, 17)) ||
	       (opt == SO_INQ + 1 && vt_kernel_older(7, 3));
}

struct answer {
	int err;
	socklen_t len;
	unsigned char value[64];
};

static struct answer ask(int fd, int opt)
{
	struct answer a;

	memset(&a, 0, sizeof(a));
	a.len = sizeof(a.value);
	a.err = vt_err(getsockopt(fd, SOL_SOCKET, opt, a.value, &a.len));
	/* Unique to each socket. */
	if (opt == SO_COOKIE)
		memset(a.value, 0, sizeof(a.value));
	return a;
}

TEST_F(both, options)
{
	static const int values[] = { 0, 1, 2, -1, 12345, INT_MAX, INT_MIN };
	int families[2] = { AF_UNIX, variant->family };
	int opt, i, fd, err[2];
	struct answer a[2];
	unsigned int v;

	for (opt = 0; opt < 128; opt++) {
		if (newer_option(opt))
			continue;
		for (v = 0; v < ARRAY_SIZE(values); v++) {
			for (i = 0; i < 2; i++) {
				memset(&a[i], 0, sizeof(a[i]));
				fd = vt_socket(families[i], variant->type);
				ASSERT_LE(0, fd);
				err[i] = vt_err(vt_setint(fd, SOL_SOCKET, opt,
							  values[v]));
				a[i] = ask(fd, opt);
				close(fd);
			}
			ASSERT_EQ(err[0], err[1])
				TH_LOG("option %d value %d", opt, values[v]);
			ASSERT_EQ(a[0].err, a[1].err)
				TH_LOG("option %d value %d", opt, values[v]);
			ASSERT_EQ(a[0].len, a[1].len)
				TH_LOG("option %d value %d", opt, values[v]);
			ASSERT_EQ(0, memcmp(a[0].value, a[1].value,
					    sizeof(a[0].value)))
				TH_LOG("option %d value %d", opt, values[v]);
		}
	}
}

TEST_F(both, requests)
{
	static const struct {
		unsigned int first, last;
	} ranges[] = {
		{ 0, 0x20 }, { 0x5400, 0x54ff }, { 0x8900, 0x899f },
		{ 0x89a4, 0x89ff },
	};
	int families[2] = { AF_UNIX, variant->family };
	int fds[2][2], i, err[2];
	unsigned int r, cmd;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, vt_pair(families[i], variant->type, fds[i]));
	for (r = 0; r < ARRAY_SIZE(ranges); r++) {
		for (cmd = ranges[r].first; cmd <= ranges[r].last; cmd++) {
			for (i = 0; i < 2; i++)
				err[i] = vt_err(ioctl(fds[i][0], cmd, NULL));
			ASSERT_EQ(err[0], err[1])
				TH_LOG("request %#x", cmd);
		}
	}
}

/* One bit of flags at each step of: send, receive, receive. */
TEST_F(both, flags)
{
	int families[2] = { AF_UNIX, variant->family };
	int sv[2], bit, i, step, ret[2][3], err[2][3];
	char buf[2][3][8];

	signal(SIGPIPE, SIG_IGN);
	for (bit = 0; bit < 3 * 32; bit++) {
		memset(buf, 0, sizeof(buf));
		for (i = 0; i < 2; i++) {
			int flag[3] = {};

			flag[bit / 32] = 1U << bit % 32;
			ASSERT_EQ(0, vt_pair(families[i], variant->type, sv));
			ret[i][0] = send(sv[0], "abcd", 4, flag[0]);
			err[i][0] = vt_err(ret[i][0]);
			for (step = 1; step < 3; step++) {
				ret[i][step] = recv(sv[1], buf[i][step], 3,
						    flag[step] | MSG_DONTWAIT);
				err[i][step] = vt_err(ret[i][step]);
			}
			close(sv[0]);
			close(sv[1]);
		}
		for (step = 0; step < 3; step++) {
			ASSERT_EQ(ret[0][step], ret[1][step])
				TH_LOG("bit %d step %d", bit, step);
			ASSERT_EQ(err[0][step], err[1][step])
				TH_LOG("bit %d step %d", bit, step);
			ASSERT_EQ(0, memcmp(buf[0][step], buf[1][step], 8))
				TH_LOG("bit %d step %d", bit, step);
		}
	}
}

TEST_HARNESS_MAIN
