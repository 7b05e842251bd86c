// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/vunix, and /proc/net/unix of which it is a copy in form.
 *
 * Rows: PROC-01 PROC-02 PROC-03 PROC-04 PROC-05 PROC-06
 *
 * State 04 (a socket without a descriptor that is not connected) has no test:
 * closed sockets leave the table before they get there.
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

#include <sys/resource.h>

FIXTURE(proc)
{
	struct vt_env env;
	char *table;
};

FIXTURE_VARIANT(proc)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(proc);

FIXTURE_SETUP(proc)
{
	VT_SETUP();
}

FIXTURE_TEARDOWN(proc)
{
	free(self->table);
	VT_TEARDOWN();
}

/* One line, taken apart. */
struct line {
	char ptr[20];
	unsigned int ref, proto, flags, type, state;
	unsigned long long ino;
	const char *name;	/* NULL without the column */
	char text[300];
};

/* 0 if @text is a line exactly as the format has it. */
static int parse(const char *text, struct line *l)
{
	char want[300];
	size_t n = strcspn(text, "\n");

	if (n >= sizeof(l->text) || text[n] != '\n')
		return -1;
	memcpy(l->text, text, n);
	l->text[n] = 0;
	if (sscanf(l->text, "%16[0-9a-f]: %x %x %x %x %x %llu", l->ptr,
		   &l->ref, &l->proto, &l->flags, &l->type, &l->state,
		   &l->ino) != 7)
		return -1;
	n = snprintf(want, sizeof(want), "%s: %08X %08X %08X %04X %02X %5llu",
		     l->ptr, l->ref, l->proto, l->flags, l->type, l->state,
		     l->ino);
	if (strncmp(l->text, want, n))
		return -1;
	if (l->text[n] && l->text[n] != ' ')
		return -1;
	l->name = l->text[n] ? l->text + n + 1 : NULL;
	return 0;
}

/* Read the table anew. */
#define READ_TABLE() do { \
	free(self->table); \
	self->table = vt_read_file(vt_proc_net(variant->family)); \
	ASSERT_TRUE(!!self->table); \
} while (0)

/*
 * The only line that the filters leave: 0, or the number of such lines if that
 * is not 1, or -1 if a line is not well formed.  @state 0 and @name NULL: any.
 */
static int find(const char *table, unsigned long long ino, unsigned int state,
		const char *name, struct line *found)
{
	const char *text = strchr(table, '\n');
	struct line l;
	int n = 0;

	while (text && text[1]) {
		if (parse(text + 1, &l))
			return -1;
		text = strchr(text + 1, '\n');
		if (l.ino != ino || (state && l.state != state) ||
		    (name && (!l.name || strcmp(l.name, name))))
			continue;
		n++;
		*found = l;
		found->name = l.name ? found->text + (l.name - l.text) : NULL;
	}
	return n == 1 ? 0 : n ? n : -2;
}

static unsigned long long inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

/* Number of lines behind the head. */
static int lines(const char *table)
{
	int n = -1;

	for (; *table; table++)
		n += *table == '\n';
	return n;
}

TEST_F(proc, head)
{
	const char *head =
		"Num       RefCount Protocol Flags    Type St Inode Path\n";
	int s;

	READ_TABLE();
	ASSERT_STREQ(head, self->table);
	s = vt_socket(variant->family, variant->type);
	ASSERT_LE(0, s);
	READ_TABLE();
	ASSERT_EQ(1, lines(self->table));
	ASSERT_EQ(0, strncmp(self->table, head, strlen(head)));
	PROVES("PROC-01");
}

TEST_F(proc, columns)
{
	int s = vt_socket(variant->family, variant->type), sv[2], i;
	struct line l, again;
	struct vt_trio t;

	READ_TABLE();
	ASSERT_EQ(0, find(self->table, inode(s), 0, NULL, &l));
	ASSERT_LT(0, (int)l.ref);
	ASSERT_EQ(0, (int)l.proto);
	ASSERT_EQ(0, (int)l.flags);
	ASSERT_EQ(variant->type, (int)l.type);
	ASSERT_EQ(1, (int)l.state);
	ASSERT_EQ(0, vt_bind(s, "@s"));
	READ_TABLE();
	ASSERT_EQ(0, find(self->table, inode(s), 1, "@s", &again));
	ASSERT_STREQ(l.ptr, again.ptr);

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	READ_TABLE();
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, find(self->table, inode(sv[i]), 0, NULL, &l));
		ASSERT_EQ(0, (int)l.flags);
		ASSERT_EQ(variant->type, (int)l.type);
		ASSERT_EQ(3, (int)l.state);
	}
	if (variant->type == SOCK_DGRAM) {
		/* Connected and dissolved. */
		struct sockaddr none = { .sa_family = AF_UNSPEC };

		ASSERT_EQ(0, vt_connect(s, "@s"));
		READ_TABLE();
		ASSERT_EQ(0, find(self->table, inode(s), 3, NULL, &l));
		ASSERT_EQ(0, connect(s, &none, sizeof(none)));
		READ_TABLE();
		ASSERT_EQ(0, find(self->table, inode(s), 1, NULL, &l));
	} else {
		ASSERT_EQ(0, vt_trio(variant->family, variant->type, "@l",
				     &t));
		READ_TABLE();
		ASSERT_EQ(0, find(self->table, inode(t.listener), 0, NULL,
				  &l));
		ASSERT_EQ(0x10000, (int)l.flags);
		ASSERT_EQ(1, (int)l.state);
		ASSERT_EQ(0, find(self->table, inode(t.client), 3, NULL, &l));
		ASSERT_EQ(0, (int)l.flags);
		ASSERT_EQ(0, find(self->table, inode(t.accepted), 3, NULL,
				  &l));
		ASSERT_EQ(0, (int)l.flags);
		ASSERT_EQ(variant->type, (int)l.type);
	}
	PROVES("PROC-02");
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text)) < 0 ? -1 : 0;
	close(fd);
	return ret;
}

/* %pK: hashed but distinct, or zeroes where kptr_restrict says so. */
TEST_F(proc, pointer)
{
	const char *path = "/proc/sys/kernel/kptr_restrict";
	int a = vt_socket(variant->family, variant->type);
	int b = vt_socket(variant->family, variant->type);
	int c = vt_socket(AF_UNIX, variant->type), err;
	char *old = vt_read_file(path), *other;
	struct line la, lb, lc;

	ASSERT_TRUE(!!old);
	ASSERT_EQ(0, write_text(path, "0"));
	READ_TABLE();
	other = vt_read_file("/proc/net/unix");
	err = write_text(path, "2");
	ASSERT_EQ(0, find(self->table, inode(a), 0, NULL, &la));
	ASSERT_EQ(0, find(self->table, inode(b), 0, NULL, &lb));
	ASSERT_STRNE(la.ptr, lb.ptr);
	ASSERT_NE(strlen(la.ptr), strspn(la.ptr, "0"));
	/* As wide as AF_UNIX's, where the kernel has that. */
	if (c >= 0) {
		ASSERT_EQ(0, find(other, inode(c), 0, NULL, &lc));
		ASSERT_EQ(strlen(lc.ptr), strlen(la.ptr));
	}
	ASSERT_EQ(0, err);
	READ_TABLE();
	err = write_text(path, old);
	ASSERT_EQ(0, find(self->table, inode(a), 0, NULL, &lb));
	ASSERT_EQ(strlen(la.ptr), strlen(lb.ptr));
	ASSERT_EQ(strlen(la.ptr), strspn(lb.ptr, "0"));
	ASSERT_EQ(0, err);
	free(other);
	free(old);
	PROVES("PROC-02");
}

TEST_F(proc, names)
{
	static const struct {
		const char *name;
		int len;
		const char *shown;
	} names[] = {
		{ "file", 5, "file" },
		{ "./spaces in it", 15, "./spaces in it" },
		{ "unterminated", 6, "unterm" },
		{ "\0abstract", 9, "@abstract" },
		{ "\0in\0side", 8, "@in@side" },
		{ "\0tail\0\0", 7, "@tail@@" },
		{ "\0", 1, "@" },
		{ "\0@at", 4, "@@at" },
		{ "\0\377\001", 3, "@\377\001" },
	};
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct line l;
	unsigned int i;
	int s;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		s = vt_socket(variant->family, variant->type);
		READ_TABLE();
		ASSERT_EQ(0, find(self->table, inode(s), 0, NULL, &l));
		ASSERT_TRUE(!l.name);
		memcpy(un.sun_path, names[i].name, names[i].len);
		ASSERT_EQ(0, bind(s, (struct sockaddr *)&un,
				  VT_UN_OFF + names[i].len));
		READ_TABLE();
		ASSERT_EQ(0, find(self->table, inode(s), 0, NULL, &l));
		ASSERT_TRUE(!!l.name);
		ASSERT_STREQ(names[i].shown, l.name);
	}
	/* As bound, whatever happens to the inode. */
	s = vt_socket(variant->family, variant->type);
	memset(un.sun_path, 'x', sizeof(un.sun_path));
	ASSERT_EQ(0, bind(s, (struct sockaddr *)&un, sizeof(un)));
	ASSERT_EQ(0, rename("file", "other"));
	READ_TABLE();
	ASSERT_EQ(0, find(self->table, inode(s), 0, NULL, &l));
	ASSERT_EQ(108, (int)strlen(l.name));
	ASSERT_TRUE(!!strstr(self->table, " file\n"));
	ASSERT_FALSE(!!strstr(self->table, " other\n"));
	PROVES("PROC-03");
}

TEST_F(proc, not_yet_accepted)
{
	int s, c, a;
	struct line l;

	if (variant->type == SOCK_DGRAM)
		SKIP(return, "connection types only");
	s = vt_socket(variant->family, variant->type);
	c = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(s, "listener"));
	ASSERT_EQ(0, listen(s, 5));
	READ_TABLE();
	ASSERT_EQ(2, lines(self->table));
	ASSERT_EQ(0, vt_connect(c, "listener"));
	READ_TABLE();
	ASSERT_EQ(3, lines(self->table));
	ASSERT_EQ(0, find(self->table, 0, 2, "listener", &l));
	ASSERT_EQ(0, (int)l.flags);
	ASSERT_EQ(variant->type, (int)l.type);
	ASSERT_EQ(0, find(self->table, inode(c), 3, NULL, &l));
	a = accept(s, NULL, NULL);
	ASSERT_LE(0, a);
	READ_TABLE();
	ASSERT_EQ(3, lines(self->table));
	ASSERT_EQ(0, find(self->table, inode(a), 3, "listener", &l));
	ASSERT_NE(0, find(self->table, 0, 0, NULL, &l));
	PROVES("PROC-04");
}

TEST_F(proc, closed)
{
	int s, sv[2], fd, i;
	struct line l;
	unsigned long long ino;

	for (i = 0; i < 10; i++) {
		s = vt_socket(variant->family, variant->type);
		ASSERT_EQ(0, vt_bind(s, "@closed"));
		READ_TABLE();
		ASSERT_EQ(1, lines(self->table));
		close(s);
		READ_TABLE();
		ASSERT_EQ(0, lines(self->table));
	}
	/* Without a descriptor, but on its way to get one. */
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	s = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(s, "@flying"));
	ino = inode(s);
	ASSERT_EQ(0, vt_send_fd(sv[0], s));
	close(s);
	READ_TABLE();
	ASSERT_EQ(3, lines(self->table));
	ASSERT_EQ(0, find(self->table, ino, 1, "@flying", &l));
	fd = vt_recv_fd(sv[1]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(ino, inode(fd));
	close(fd);
	READ_TABLE();
	ASSERT_EQ(2, lines(self->table));
	PROVES("PROC-05");
}

#define MANY 3000

TEST_F_TIMEOUT(proc, many, 150)
{
	struct rlimit lim = { MANY + 64, MANY + 64 };
	static unsigned char seen[MANY];
	static int fds[MANY];
	const char *text;
	struct line l;
	char name[16];
	int i, n;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &lim));
	for (i = 0; i < MANY; i++) {
		fds[i] = vt_socket(variant->family, variant->type);
		ASSERT_LE(0, fds[i]);
		snprintf(name, sizeof(name), "@many%d", i);
		ASSERT_EQ(0, vt_bind(fds[i], name));
	}
	READ_TABLE();
	ASSERT_EQ(MANY, lines(self->table));
	for (text = strchr(self->table, '\n'); text[1];
	     text = strchr(text + 1, '\n')) {
		ASSERT_EQ(0, parse(text + 1, &l));
		ASSERT_TRUE(!!l.name);
		ASSERT_EQ(1, sscanf(l.name, "@many%d", &n));
		ASSERT_LE(0, n);
		ASSERT_GT(MANY, n);
		ASSERT_EQ(0, seen[n]);
		ASSERT_EQ(inode(fds[n]), l.ino);
		seen[n] = 1;
	}
	PROVES("PROC-06");
}

/*
 * Read in little bites.  Of vunix, half of the sockets go away meanwhile, and
 * no other may be missed; AF_UNIX resumes by counting and can miss some.
 */
TEST_F_TIMEOUT(proc, resumed, 150)
{
	const int half = 300;
	int fds[2 * 300], i, n, fd, gone, found = 0;
	char name[16], *all, *text;
	size_t used = 0;

	for (i = 0; i < 2 * half; i++) {
		fds[i] = vt_socket(variant->family, variant->type);
		snprintf(name, sizeof(name), "@%s%d", i & 1 ? "stay" : "go", i);
		ASSERT_EQ(0, vt_bind(fds[i], name));
	}
	fd = open(vt_proc_net(variant->family), O_RDONLY);
	ASSERT_LE(0, fd);
	all = calloc(1, 1 << 18);
	ASSERT_TRUE(!!all);
	for (i = 0; (n = read(fd, all + used, 700)) > 0; used += n) {
		for (gone = 0; gone < 8 && i < 2 * half; gone++, i += 2)
			if (!vt_is_unix(variant->family))
				close(fds[i]);
	}
	ASSERT_EQ(0, n);
	/* Those that stayed are there, each once. */
	for (i = 1; i < 2 * half; i += 2) {
		snprintf(name, sizeof(name), "@stay%d\n", i);
		text = strstr(all, name);
		ASSERT_TRUE(!!text)
			TH_LOG("%d missing", i);
		ASSERT_TRUE(!strstr(text + 1, name));
		found++;
	}
	ASSERT_EQ(half, found);
	free(all);
	PROVES("PROC-06");
}

TEST_HARNESS_MAIN
