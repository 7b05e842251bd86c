// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints vunix:*, read through tracefs as trace-cmd and perf would: each is
 * hit where it should be, with the fields that docs/observability.md names, whose
 * places stay.  What calls sleep for is in trace_waits.c.
 */
#include "trace.h"

#include <linux/filter.h>

FIXTURE(trace)
{
	struct vt_env env;
	struct event e[EVENTS];
	int nr;
};

FIXTURE_VARIANT(trace)
{
	int family;
	int type;
};

VT_VUNIX_TYPES(trace);

FIXTURE_SETUP(trace)
{
	VT_SETUP();
}

FIXTURE_TEARDOWN(trace)
{
	VT_TEARDOWN();
}

TEST_F(trace, life)
{
	unsigned long long a, b;
	struct stat st;
	int s[2];

	NEED_TRACEFS();
	ASSERT_EQ(0, stat("/proc/thread-self/ns/net", &st));
	START();
	s[0] = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(s[0], "@name"));
	a = diag_cookie(s[0]);
	close(s[0]);
	s[0] = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(s[0], "path"));
	b = diag_cookie(s[0]);
	/* What fails is no bind. */
	ASSERT_ERR(EINVAL, vt_bind(s[0], "@name"));
	close(s[0]);
	TAKE();
	ASSERT_EQ(6, self->nr);
	EVENT(0, "vunix_create", "id=%llu type=%s netns=%u", a, TYPE,
	      (unsigned int)st.st_ino);
	EVENT(1, "vunix_bind", "id=%llu type=%s netns=%u name=@name", a, TYPE,
	      (unsigned int)st.st_ino);
	EVENT(2, "vunix_release", "id=%llu type=%s netns=%u", a, TYPE,
	      (unsigned int)st.st_ino);
	EVENT(4, "vunix_bind", "id=%llu type=%s netns=%u name=path", b, TYPE,
	      (unsigned int)st.st_ino);

	START();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, s));
	a = diag_cookie(s[0]);
	b = diag_cookie(s[1]);
	TAKE();
	ASSERT_EQ(3, self->nr);
	EVENT(2, "vunix_connect", "id=%llu peer=%llu listener=0 type=%s", a, b,
	      TYPE);
}

/* Names that would do something to the terminal of who reads along. */
TEST_F(trace, control_characters)
{
	/* ESC, CSI as a byte and in UTF-8, newline, DEL; and what is none */
	static const char name[] =
		"\0a\033[2J\2332\302\2332\n\177 \303\233\342\202\254\302\240z";
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct stat st;
	int s;

	NEED_TRACEFS();
	ASSERT_EQ(0, stat("/proc/thread-self/ns/net", &st));
	s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, s);
	memcpy(un.sun_path, name, sizeof(name) - 1);
	START();
	ASSERT_EQ(0, bind(s, (struct sockaddr *)&un,
			  offsetof(struct sockaddr_un, sun_path) +
			  sizeof(name) - 1));
	TAKE();
	ASSERT_EQ(1, self->nr);
	EVENT(0, "vunix_bind",
	      "id=%llu type=%s netns=%u name=@a?[2J?2\302?2?? \303\233\342\202\254\302\240z",
	      diag_cookie(s), TYPE, (unsigned int)st.st_ino);
}

TEST_F(trace, connection)
{
	unsigned long long l, c, f;
	int s, t, u;

	NEED_TRACEFS();
	s = vt_socket(variant->family, variant->type);
	t = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(s, "@s"));
	l = diag_cookie(s);
	c = diag_cookie(t);
	if (variant->type == SOCK_DGRAM) {
		START();
		ASSERT_EQ(0, vt_connect(t, "@s"));
		TAKE();
		ASSERT_EQ(1, self->nr);
		EVENT(0, "vunix_connect",
		      "id=%llu peer=%llu listener=0 type=dgram", c, l);
		return;
	}
	ASSERT_EQ(0, listen(s, 5));
	START();
	ASSERT_EQ(0, vt_connect(t, "@s"));
	u = accept(s, NULL, NULL);
	f = diag_cookie(u);
	TAKE();
	ASSERT_EQ(3, self->nr);
	ASSERT_STREQ("vunix_create", self->e[0].name);
	EVENT(1, "vunix_connect", "id=%llu peer=%llu listener=%llu type=%s", c,
	      f, l, TYPE);
	EVENT(2, "vunix_accept", "id=%llu peer=%llu listener=%llu type=%s", f,
	      c, l, TYPE);
}

/* Short ways and long ways alike. */
TEST_F(trace, messages)
{
	static const int sizes[] = { 64, 64, 20000 };
	unsigned long long a, b;
	static char buf[20000];
	int sv[2], i;
	char *text;

	NEED_TRACEFS();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	a = diag_cookie(sv[0]);
	b = diag_cookie(sv[1]);
	for (i = 0; i < 3; i++) {
		START();
		ASSERT_EQ(sizes[i], send(sv[0], buf, sizes[i], MSG_NOSIGNAL));
		ASSERT_EQ(sizes[i], recv(sv[1], buf, sizes[i], MSG_PEEK));
		ASSERT_EQ(sizes[i], recv(sv[1], buf, sizes[i], 0));
		TAKE();
		ASSERT_EQ(3, self->nr);
		EVENT(0, "vunix_send",
		      "id=%llu peer=%llu type=%s bytes=%d flags=0x%x", a, b,
		      TYPE, sizes[i], MSG_NOSIGNAL);
		EVENT(1, "vunix_recv",
		      "id=%llu peer=%llu type=%s bytes=%d flags=0x%x", b, a,
		      TYPE, sizes[i], MSG_PEEK);
		EVENT(2, "vunix_recv",
		      "id=%llu peer=%llu type=%s bytes=%d flags=0x0", b, a,
		      TYPE, sizes[i]);
	}
	/* What other programs print it by has numbers only. */
	text = trace_format("vunix_send");
	ASSERT_TRUE(!!text);
	ASSERT_TRUE(!!strstr(text, "\"seqpacket\""));
	ASSERT_FALSE(!!strstr(text, "SOCK_"));
	free(text);

	/* What does not happen is not told. */
	START();
	ASSERT_ERR(EAGAIN, recv(sv[1], buf, 1, MSG_DONTWAIT));
	TAKE();
	ASSERT_EQ(0, self->nr);
}

TEST_F(trace, drops)
{
	struct sock_filter refuse = { .code = 0x06, .k = 0 };	/* ret #0 */
	struct sock_fprog prog = { .len = 1, .filter = &refuse };
	unsigned long long a, b;
	int sv[2];

	NEED_TRACEFS();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	a = diag_cookie(sv[0]);
	b = diag_cookie(sv[1]);
	ASSERT_EQ(5, send(sv[0], "hello", 5, 0));
	if (variant->type != SOCK_STREAM) {
		ASSERT_EQ(0, setsockopt(sv[1], SOL_SOCKET, SO_ATTACH_FILTER,
					&prog, sizeof(prog)));
		START();
		ASSERT_EQ(3, send(sv[0], "bye", 3, 0));
		TAKE();
		ASSERT_EQ(1, self->nr);
		EVENT(0, "vunix_drop",
		      "id=%llu peer=%llu type=%s bytes=3 why=filter", b, a,
		      TYPE);
	}
	START();
	close(sv[1]);
	TAKE();
	ASSERT_EQ(2, self->nr);
	ASSERT_STREQ("vunix_release", self->e[0].name);
	EVENT(1, "vunix_drop", "id=%llu peer=%llu type=%s bytes=5 why=unread",
	      b, a, TYPE);
}

/* Lost when it was received, or never to be received: as the counter has it. */
TEST_F(trace, drops_counted)
{
	unsigned long long a, b;
	void *bad = (void *)1;
	int sv[2], s, i, found = 0;
	char buf[10];

	NEED_TRACEFS();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	a = diag_cookie(sv[0]);
	b = diag_cookie(sv[1]);
	if (variant->type == SOCK_STREAM) {
		ASSERT_EQ(1, send(sv[0], "u", 1, MSG_OOB));
		START();
		ASSERT_ERR(EFAULT, recv(sv[1], bad, 1, MSG_OOB | MSG_PEEK));
		ASSERT_ERR(EFAULT, recv(sv[1], bad, 1, MSG_OOB));
		TAKE();
		ASSERT_EQ(1, self->nr);
		EVENT(0, "vunix_drop",
		      "id=%llu peer=%llu type=%s bytes=1 why=fault", b, a,
		      TYPE);
		ASSERT_EQ(1, send(sv[0], "u", 1, MSG_OOB));
		ASSERT_EQ(2, send(sv[0], "de", 2, 0));
		START();
		ASSERT_EQ(2, recv(sv[1], buf, 10, MSG_PEEK));
		ASSERT_EQ(2, recv(sv[1], buf, 10, 0));
		TAKE();
		ASSERT_EQ(3, self->nr);
		EVENT(1, "vunix_drop",
		      "id=%llu peer=%llu type=%s bytes=1 why=urgent", b, a,
		      TYPE);
		return;
	}
	ASSERT_EQ(4, send(sv[0], "lost", 4, 0));
	START();
	ASSERT_ERR(EFAULT, recv(sv[1], bad, 4, MSG_PEEK));
	ASSERT_ERR(EFAULT, recv(sv[1], bad, 4, 0));
	TAKE();
	ASSERT_EQ(1, self->nr);
	EVENT(0, "vunix_drop", "id=%llu peer=%llu type=%s bytes=4 why=fault",
	      b, a, TYPE);
	if (variant->type != SOCK_DGRAM)
		return;
	s = vt_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, vt_bind(s, "@other"));
	ASSERT_EQ(6, send(sv[0], "before", 6, 0));
	START();
	ASSERT_EQ(0, vt_connect(sv[1], "@other"));
	TAKE();
	for (i = 0; i < self->nr; i++) {
		if (strcmp(self->e[i].name, "vunix_drop"))
			continue;
		found++;
		EVENT(i, "vunix_drop",
		      "id=%llu peer=%llu type=%s bytes=6 why=unread", b, a,
		      TYPE);
	}
	ASSERT_EQ(1, found);
}

TEST_F(trace, descriptors)
{
	unsigned long long b;
	int sv[2];

	NEED_TRACEFS();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	b = diag_cookie(sv[1]);
	START();
	ASSERT_EQ(0, vt_send_fd(sv[0], 0));
	ASSERT_EQ(0, vt_send_fd(sv[0], 0));
	ASSERT_LE(0, vt_recv_fd(sv[1]));
	TAKE();
	ASSERT_EQ(6, self->nr);
	EVENT(0, "vunix_fds_queued", "id=%llu type=%s nr=1 total=1", b, TYPE);
	EVENT(2, "vunix_fds_queued", "id=%llu type=%s nr=1 total=2", b, TYPE);
	EVENT(4, "vunix_fds_taken", "id=%llu type=%s nr=1 total=1", b, TYPE);
	ASSERT_STREQ("vunix_recv", self->e[5].name);
}

/* A socket queued on itself, closed: the collector's doing. */
TEST_F(trace, collector)
{
	unsigned long long found = 0, ns, suspects = 0, n;
	struct timespec ms = { .tv_nsec = 10000000 };
	int sv[2], i, round;

	NEED_TRACEFS();
	START();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(0, vt_send_fd(sv[0], sv[0]));
	ASSERT_EQ(0, vt_send_fd(sv[0], sv[1]));
	close(sv[0]);
	close(sv[1]);
	for (round = 0; round < 2000 && !found; round++) {
		nanosleep(&ms, NULL);
		self->nr = trace_take(self->e, "vunix_", true);
		for (i = 0; i < self->nr; i++) {
			if (sscanf(self->e[i].fields, "suspects=%llu", &n) == 1)
				suspects = n > suspects ? n : suspects;
			if (sscanf(self->e[i].fields, "found=%llu ns=%llu", &n,
				   &ns) == 2)
				found += n;
		}
	}
	ASSERT_NE(0U, suspects);
	ASSERT_NE(0U, found);
}

/* The interface: fields of each, with offset and size, behind the common ones. */
static const struct {
	const char *event, *fields;
} formats[] = {
	{ "vunix_create", "id 8+8, netns 16+4, type 20+2, " },
	{ "vunix_bind", "id 8+8, netns 16+4, type 20+2, name 24+4, " },
	{ "vunix_connect", "id 8+8, peer 16+8, listener 24+8, type 32+2, " },
	{ "vunix_accept", "id 8+8, peer 16+8, listener 24+8, type 32+2, " },
	{ "vunix_send",
	  "id 8+8, peer 16+8, bytes 24+8, flags 32+4, type 36+2, " },
	{ "vunix_recv",
	  "id 8+8, peer 16+8, bytes 24+8, flags 32+4, type 36+2, " },
	{ "vunix_block", "id 8+8, peer 16+8, type 24+2, what 26+2, " },
	{ "vunix_wake", "id 8+8, peer 16+8, ns 24+8, type 32+2, what 34+2, " },
	{ "vunix_fds_queued", "id 8+8, nr 16+4, total 20+4, type 24+2, " },
	{ "vunix_fds_taken", "id 8+8, nr 16+4, total 20+4, type 24+2, " },
	{ "vunix_collect_begin", "suspects 8+8, " },
	{ "vunix_collect_end", "found 8+8, ns 16+8, " },
	{ "vunix_drop",
	  "id 8+8, peer 16+8, bytes 24+8, type 32+2, why 34+2, " },
	{ "vunix_release", "id 8+8, netns 16+4, type 20+2, " },
};

/* "	field:u64 id;	offset:8;	size:8;	signed:0;" */
static void read_format(char *text, char *fields)
{
	char *line, *name;
	unsigned int off, size;

	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *semi = strchr(line, ';');

		if (strncmp(line, "\tfield:", 7) || !semi ||
		    sscanf(semi + 1, " offset:%u; size:%u;", &off, &size) != 2)
			continue;
		*semi = 0;
		name = strrchr(line, ' ') + 1;
		if (strncmp(name, "common_", 7))
			fields += sprintf(fields, "%s %u+%u, ", name, off, size);
	}
}

FIXTURE(trace_format)
{
	struct vt_env env;
};

FIXTURE_VARIANT(trace_format)
{
	int family;
};

FIXTURE_VARIANT_ADD(trace_format, vunix)
{
	.family = AF_VUNIX,
};

FIXTURE_SETUP(trace_format)
{
	VT_SETUP();
}

FIXTURE_TEARDOWN(trace_format)
{
	VT_TEARDOWN();
}

TEST_F(trace_format, stays)
{
	char fields[400], *text;
	unsigned int i;

	NEED_TRACEFS();
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		text = trace_format(formats[i].event);
		ASSERT_TRUE(!!text)
			TH_LOG("no %s", formats[i].event);
		fields[0] = 0;
		read_format(text, fields);
		ASSERT_STREQ(formats[i].fields, fields)
			TH_LOG("%s", formats[i].event);
		free(text);
	}
}

/* Part of it, too: programs that read the ring compare numbers, not names. */
#define WAITS \
	"{ 0, \"data\" }, { 1, \"room\" }, { 2, \"peer\" }, { 3, \"connection\" })"
#define DROPS \
	"{ 0, \"filter\" }, { 1, \"unread\" }, { 2, \"fault\" }, { 3, \"urgent\" })"

static const struct {
	const char *event, *numbers;
} symbols[] = {
	{ "vunix_block", WAITS },
	{ "vunix_wake", WAITS },
	{ "vunix_drop", DROPS },
};

TEST_F(trace_format, numbers_stay)
{
	unsigned int i;
	char *text;

	NEED_TRACEFS();
	for (i = 0; i < ARRAY_SIZE(symbols); i++) {
		text = trace_format(symbols[i].event);
		ASSERT_TRUE(!!text);
		ASSERT_TRUE(!!strstr(text, symbols[i].numbers))
			TH_LOG("%s", text);
		free(text);
	}
}

TEST_HARNESS_MAIN
