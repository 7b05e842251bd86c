// SPDX-License-Identifier: GPL-2.0
/*
 * Abstract names.
 *
 * Rows: ABS-01 ABS-02 ABS-03 ABS-04 ABS-05 ABS-06 ABS-07 ABS-08
 */
#include "vunix_test.h"

#include <dirent.h>

FIXTURE(abstract)
{
	struct vt_env env;
	int s;
};

FIXTURE_VARIANT(abstract)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(abstract);

FIXTURE_SETUP(abstract)
{
	VT_SETUP();
	self->s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(abstract)
{
	VT_TEARDOWN();
}

/* The @n bytes at @bytes behind the leading NUL. */
static socklen_t raw_name(struct sockaddr_un *un, const void *bytes, size_t n)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path + 1, bytes, n);
	return VT_UN_OFF + 1 + n;
}

static int bind_raw(int fd, const void *bytes, size_t n)
{
	struct sockaddr_un un;
	socklen_t len = raw_name(&un, bytes, n);

	return bind(fd, (struct sockaddr *)&un, len);
}

static int connect_raw(int fd, const void *bytes, size_t n)
{
	struct sockaddr_un un;
	socklen_t len = raw_name(&un, bytes, n);

	return connect(fd, (struct sockaddr *)&un, len);
}

/* Does a new socket that connects to the name meet @target? */
static bool meets(int family, int type, const void *bytes, size_t n,
		  int target)
{
	int c = vt_socket(family, type), a = -1;
	bool ok = false;
	char ch = 'm';

	if (type == SOCK_DGRAM) {
		ok = !connect_raw(c, bytes, n) && send(c, &ch, 1, 0) == 1 &&
		     recv(target, &ch, 1, MSG_DONTWAIT) == 1;
	} else if (!connect_raw(c, bytes, n)) {
		ok = vt_poll(target, POLLIN) == POLLIN;
		a = ok ? accept(target, NULL, NULL) : -1;
		close(a);
	}
	close(c);
	return ok;
}

TEST_F(abstract, exact_bytes)
{
	static const struct {
		const char *bytes;
		size_t n;
	} names[] = {
		{ "name", 4 }, { "name\0", 5 }, { "name\0\0", 6 },
		{ "nam", 3 }, { "name2", 5 }, { "\0name", 5 }, { "na\0e", 4 },
		{ "Name", 4 },
	};
	int fds[ARRAY_SIZE(names)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		fds[i] = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, bind_raw(fds[i], names[i].bytes, names[i].n));
		if (variant->type != SOCK_DGRAM)
			ASSERT_EQ(0, listen(fds[i], 5));
	}
	for (i = 0; i < ARRAY_SIZE(names); i++)
		ASSERT_TRUE(meets(variant->family, variant->type,
				  names[i].bytes, names[i].n, fds[i]));
	ASSERT_EQ(ECONNREFUSED, vt_err(connect_raw(self->s, "name\0\0\0", 7)));
	PROVES("ABS-01");
}

TEST_F(abstract, duplicate)
{
	int owner = vt_socket(variant->family, variant->type), i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_bind(owner, "@name"));
		ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(self->s, "@name")));
		ASSERT_EQ(0, vt_setint(self->s, SOL_SOCKET, SO_REUSEADDR, 1));
		ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(self->s, "@name")));
		/* Only the last copy of the descriptor gives it back. */
		ASSERT_LE(0, dup2(owner, 100));
		close(owner);
		ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(self->s, "@name")));
		close(100);
		ASSERT_EQ(0, vt_bind(self->s, "@name"));
		owner = self->s;
		self->s = vt_socket(variant->family, variant->type);
		close(owner);
		owner = vt_socket(variant->family, variant->type);
	}
	PROVES("ABS-02");
}

TEST_F(abstract, per_type)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int fds[3], i, s;

	ASSERT_EQ(0, vt_bind(self->s, "@single"));
	if (variant->type != SOCK_DGRAM)
		ASSERT_EQ(0, listen(self->s, 1));
	for (i = 0; i < 3; i++) {
		fds[i] = vt_socket(variant->family, types[i]);
		ASSERT_EQ(0, vt_bind(fds[i], "@shared"));
		if (types[i] != SOCK_DGRAM)
			ASSERT_EQ(0, listen(fds[i], 1));
		if (types[i] == variant->type)
			continue;
		s = vt_socket(variant->family, types[i]);
		ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(s, "@single")));
		if (types[i] == SOCK_DGRAM)
			ASSERT_EQ(ECONNREFUSED, vt_err(vt_sendto(s, "x", 1, 0,
								 "@single")));
	}
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(meets(variant->family, types[i], "shared", 6,
				  fds[i]));
	PROVES("ABS-03");
}

TEST_F(abstract, unknown)
{
	ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(self->s, "@nobody")));
	if (variant->type == SOCK_DGRAM)
		ASSERT_EQ(ECONNREFUSED, vt_err(vt_sendto(self->s, "x", 1, 0,
							 "@nobody")));
	/* A socket that had the name leaves nothing behind. */
	ASSERT_EQ(0, vt_bind(self->s, "@nobody"));
	close(self->s);
	self->s = vt_socket(variant->family, variant->type);
	ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(self->s, "@nobody")));
	PROVES("ABS-04");
}

TEST_F(abstract, every_length)
{
	char bytes[107];
	unsigned int n;
	int s;

	memset(bytes, 'b', sizeof(bytes));
	for (n = 0; n <= sizeof(bytes); n++) {
		s = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, bind_raw(s, bytes, n))
			TH_LOG("length %u", n + 3);
		if (variant->type != SOCK_DGRAM)
			ASSERT_EQ(0, listen(s, 1));
		ASSERT_TRUE(meets(variant->family, variant->type, bytes, n,
				  s));
	}
	PROVES("ABS-05");
}

TEST_F(abstract, outlives_listener)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	struct vt_trio t;
	char c;
	int i;

	if (variant->type == SOCK_DGRAM)
		SKIP(return, "connection types only");
	ASSERT_EQ(0, vt_trio(variant->family, variant->type, "@name", &t));
	ASSERT_EQ(EADDRINUSE, vt_err(vt_bind(self->s, "@name")));
	close(t.listener);
	ASSERT_EQ(ECONNREFUSED, vt_err(vt_connect(self->s, "@name")));
	ASSERT_EQ(0, vt_bind(self->s, "@name"));
	ASSERT_EQ(0, listen(self->s, 1));
	ASSERT_TRUE(meets(variant->family, variant->type, "name", 4, self->s));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, getsockname(t.accepted, (struct sockaddr *)&un,
					 &len));
		ASSERT_EQ(VT_UN_OFF + 5, len);
		ASSERT_EQ(0, memcmp(un.sun_path, "\0name", 5));
		ASSERT_EQ(1, send(t.accepted, "x", 1, 0));
		ASSERT_EQ(1, recv(t.client, &c, 1, 0));
		ASSERT_EQ(1, send(t.client, "y", 1, 0));
		ASSERT_EQ(1, recv(t.accepted, &c, 1, 0));
		ASSERT_EQ('y', c);
		close(self->s);
	}
	PROVES("ABS-06");
}

TEST_F(abstract, any_bytes)
{
	char bytes[107], path[8] = "/../etc";
	struct dirent *e;
	unsigned int i;
	DIR *d;
	int s;

	for (i = 0; i < 256; i++) {
		bytes[0] = i;
		s = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, bind_raw(s, bytes, 1));
		if (i % 16) {
			close(s);
			continue;
		}
		if (variant->type != SOCK_DGRAM)
			ASSERT_EQ(0, listen(s, 1));
		ASSERT_TRUE(meets(variant->family, variant->type, bytes, 1,
				  s));
	}
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = 255 - i;
	s = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, bind_raw(s, bytes, sizeof(bytes)));
	s = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, bind_raw(s, path, sizeof(path)));
	ASSERT_EQ(0, bind_raw(self->s, "file", 4));

	d = opendir(".");
	ASSERT_TRUE(!!d);
	while ((e = readdir(d)))
		ASSERT_EQ('.', e->d_name[0]);
	closedir(d);
	PROVES("ABS-07");
}

static int reach(void *arg)
{
	int c = *(int *)arg;

	return vt_err(vt_connect(c, "@private"));
}

TEST_F(abstract, no_permissions)
{
	int c = vt_socket(variant->family, variant->type);

	umask(0777);
	ASSERT_EQ(0, fchmod(self->s, 0));
	ASSERT_EQ(0, vt_bind(self->s, "@private"));
	if (variant->type != SOCK_DGRAM)
		ASSERT_EQ(0, listen(self->s, 5));
	ASSERT_EQ(0, vt_run_as(VT_NOBODY, reach, &c));
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, chmod(".", 0));
	ASSERT_EQ(0, vt_run_as(VT_NOBODY, reach, &c));
	ASSERT_EQ(0, chmod(".", 0777));
	PROVES("ABS-08");
}

TEST_HARNESS_MAIN
