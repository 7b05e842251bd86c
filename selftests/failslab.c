// SPDX-License-Identifier: GPL-2.0
/*
 * Failing allocations in the life of sockets, names and connections, and when the
 * module is loaded; how it is done, and why no row is proved, is in failslab.h.
 */
#include "failslab.h"

#include <sys/epoll.h>

#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE	(SIOCPROTOPRIVATE + 0)
#endif

static bool is_conn(const struct fl *f)
{
	return f->type != SOCK_DGRAM;
}

static int up_socket(struct fl *f)
{
	f->fd[0] = vt_socket(f->family, f->type);
	return f->fd[0] < 0 ? -1 : 0;
}

/* A receiver that others can connect to. */
static int up_bound(struct fl *f)
{
	if (up_socket(f) || vt_bind(f->fd[0], "s"))
		return -1;
	return is_conn(f) ? listen(f->fd[0], 1) : 0;
}

/*
 * Sockets and names
 */

static long call_socket(struct fl *f)
{
	f->fd[0] = vt_socket(f->family, f->type);
	return f->fd[0];
}

static int check_socket(struct fl *f)
{
	return vt_getint(f->fd[0], SOL_SOCKET, SO_TYPE) != f->type;
}

static long call_pair(struct fl *f)
{
	return vt_pair(f->family, f->type, f->fd);
}

static int check_pair(struct fl *f)
{
	return check_talk(f->fd[0], f->fd[1]);
}

/* An inode that a failed call leaves behind makes the next say EADDRINUSE. */
static long call_bind_path(struct fl *f)
{
	return vt_bind(f->fd[0], "s");
}

static long call_bind_abstract(struct fl *f)
{
	return vt_bind(f->fd[0], "@s");
}

static long call_autobind(struct fl *f)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	return bind(f->fd[0], (struct sockaddr *)&un, VT_UN_OFF);
}

static int check_name_len(struct fl *f, socklen_t want)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);

	if (getsockname(f->fd[0], (struct sockaddr *)&un, &len))
		return 1;
	return len == want ? 0 : 2;
}

static int check_path_name(struct fl *f)
{
	return check_name_len(f, VT_UN_OFF + 2) || access("s", F_OK);
}

static int check_abstract_name(struct fl *f)
{
	return check_name_len(f, VT_UN_OFF + 2);
}

static int check_auto_name(struct fl *f)
{
	return check_name_len(f, VT_UN_OFF + 6);
}

static int up_path_name(struct fl *f)
{
	return up_socket(f) || vt_bind(f->fd[0], "s") ? -1 : 0;
}

static long call_unixfile(struct fl *f)
{
	f->fd[1] = ioctl(f->fd[0], SIOCUNIXFILE, 0);
	return f->fd[1];
}

static int check_unixfile(struct fl *f)
{
	struct stat a, b;

	return fstat(f->fd[1], &a) || stat("s", &b) || a.st_ino != b.st_ino;
}

static int up_abstract_name(struct fl *f)
{
	return up_socket(f) || vt_bind(f->fd[0], "@failslab") ? -1 : 0;
}

static long call_proc(struct fl *f)
{
	int fd = open(vt_proc_net(f->family), O_RDONLY), err;
	long n;

	if (fd < 0)
		return -1;
	n = read(fd, got, sizeof(got) - 1);
	err = errno;
	close(fd);
	errno = err;
	if (n >= 0)
		got[n] = 0;
	return n;
}

static int check_proc(struct fl *f)
{
	return !strstr(got, "@failslab");
}

/*
 * Connections
 */

static long call_listen(struct fl *f)
{
	return listen(f->fd[0], 1);
}

static int check_listen(struct fl *f)
{
	f->fd[1] = vt_socket(f->family, f->type);
	if (vt_connect(f->fd[1], "s"))
		return 1;
	f->fd[2] = accept(f->fd[0], NULL, NULL);
	return f->fd[2] < 0 ? 2 : check_talk(f->fd[1], f->fd[2]);
}

static int up_connect(struct fl *f)
{
	if (up_bound(f))
		return -1;
	f->fd[1] = vt_socket(f->family, f->type);
	return f->fd[1] < 0 ||
	       (is_conn(f) && fcntl(f->fd[0], F_SETFL, O_NONBLOCK)) ? -1 : 0;
}

static long call_connect(struct fl *f)
{
	return vt_connect(f->fd[1], "s");
}

static int check_connect(struct fl *f)
{
	if (!is_conn(f))
		return send(f->fd[1], "ping", 4, 0) != 4 ||
		       recv(f->fd[0], got, 5, MSG_DONTWAIT) != 4 ||
		       check_empty(f->fd[1], f->fd[0]);
	f->fd[2] = accept(f->fd[0], NULL, NULL);
	if (f->fd[2] < 0)
		return 1;
	/* Of the connect() that failed nothing is there to accept. */
	if (accept(f->fd[0], NULL, NULL) != -1 || errno != EAGAIN)
		return 2;
	return check_talk(f->fd[1], f->fd[2]);
}

static int up_accept(struct fl *f)
{
	return up_connect(f) || vt_connect(f->fd[1], "s") ? -1 : 0;
}

static long call_accept(struct fl *f)
{
	f->fd[2] = accept(f->fd[0], NULL, NULL);
	return f->fd[2];
}

static int check_accept(struct fl *f)
{
	return check_talk(f->fd[1], f->fd[2]);
}

/*
 * The rest
 */

static int up_epoll(struct fl *f)
{
	if (up_pair(f))
		return -1;
	f->fd[2] = epoll_create1(0);
	return f->fd[2] < 0 ? -1 : 0;
}

static long call_epoll(struct fl *f)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT };

	return epoll_ctl(f->fd[2], EPOLL_CTL_ADD, f->fd[0], &ev);
}

static int check_epoll(struct fl *f)
{
	struct epoll_event ev = {};

	return epoll_wait(f->fd[2], &ev, 1, 0) != 1 || ev.events != EPOLLOUT;
}

static int up_netns(struct fl *f)
{
	f->fd[0] = open("/proc/self/ns/net", O_RDONLY);
	return f->fd[0] < 0 ? -1 : 0;
}

static long call_netns(struct fl *f)
{
	return unshare(CLONE_NEWNET);
}

static int check_netns(struct fl *f)
{
	struct stat a, b;

	if (fstat(f->fd[0], &a) || stat("/proc/self/ns/net", &b) ||
	    a.st_ino == b.st_ino)
		return 1;
	return vt_pair(f->family, f->type, f->fd + 1) ? 2 :
		check_talk(f->fd[1], f->fd[2]);
}

/*
 * Where function @name of @module (NULL: the kernel) begins and the next one
 * does.  A namespace makes thousands of allocations; only these are ours.
 */
static int code_of(const char *name, const char *module, char start[20],
		   char end[20])
{
	unsigned long long addr, from = 0, to = -1ULL;
	char line[512], sym[256], mod[64], kind;
	FILE *f = fopen("/proc/kallsyms", "r");
	int pass, n;

	for (pass = 0; f && pass < 2; pass++) {
		rewind(f);
		while (fgets(line, sizeof(line), f)) {
			n = sscanf(line, "%llx %c %255s %63s", &addr, &kind,
				   sym, mod);
			if (n < 3)
				continue;
			if (pass && addr > from && addr < to)
				to = addr;
			if (!pass && !strcmp(sym, name) &&
			    (module ? n == 4 && !strcmp(mod, module) : n == 3))
				from = addr;
		}
	}
	if (f)
		fclose(f);
	sprintf(start, "0x%llx", from);
	sprintf(end, "0x%llx", to);
	return from ? 0 : -1;
}

/* The core says ENFILE for a struct socket that it does not get. */
FAIL_TEST(create, NULL, call_socket, check_socket, ENFILE)
FAIL_TEST(socketpair, NULL, call_pair, check_pair, ENFILE)
/* tmpfs says ENOSPC for an inode that it does not get. */
FAIL_TEST(bind_path, up_socket, call_bind_path, check_path_name, ENOSPC)
FAIL_TEST(bind_abstract, up_socket, call_bind_abstract, check_abstract_name, 0)
FAIL_TEST(autobind, up_socket, call_autobind, check_auto_name, 0)
FAIL_TEST(path_file, up_path_name, call_unixfile, check_unixfile, 0)
FAIL_TEST(table, up_abstract_name, call_proc, check_proc, 0)
FAIL_TEST_CONN(listen, up_path_name, call_listen, check_listen, 0)
FAIL_TEST(connect, up_connect, call_connect, check_connect, 0)
FAIL_TEST_CONN(accept, up_accept, call_accept, check_accept, ENFILE)
FAIL_TEST(poll, up_epoll, call_epoll, check_epoll, 0)

TEST_F(failslab, netns)
{
	static const struct fl_op op = { up_netns, call_netns, check_netns, 0 };
	bool is_unix = vt_is_unix(variant->family);
	char start[20], end[20];

	if (variant->type != SOCK_STREAM)
		SKIP(return, "streams only");
	ASSERT_EQ(0, code_of(is_unix ? "unix_net_init" : "net_init",
			     is_unix ? NULL : "[vunix]", start, end));
	ASSERT_EQ(0, require_code(start, end));
	run(_metadata, variant->family, variant->type, &op);
}

/*
 * Loading.  The module has no socket then, but perhaps namespaces of other tests
 * that are still on their way out.
 */

#define SYS_MODULE	"/sys/module/vunix"

static int unload(void)
{
	int i;

	for (i = 0; i < 300; i++) {
		if (!syscall(SYS_delete_module, "vunix", O_NONBLOCK))
			return 0;
		if (errno != EWOULDBLOCK)
			return -1;
		usleep(100000);
	}
	return -1;
}

/* What a module shows of itself that is there. */
static const char *still_there(void)
{
	static const char *const paths[] = {
		SYS_MODULE, "/proc/net/vunix", "/proc/sys/net/vunix",
		"/sys/kernel/slab/VUNIX",
	};
	char *protocols = vt_read_file("/proc/net/protocols");
	const char *found = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(paths); i++)
		if (!access(paths[i], F_OK))
			found = paths[i];
	if (!protocols || strstr(protocols, "VUNIX "))
		found = "protocols";
	free(protocols);
	return found;
}

/*
 * Loads it with the @n-th allocation failing: that is told, and nothing stays, or
 * it does not matter.  NULL, or what is wrong.  *@left: there were fewer.
 */
static const char *load_nth(int family, int ko, const char *params, int n,
			    int *left, int *refused)
{
	int sv[2], err;

	fail_nth(n);
	err = vt_err(syscall(SYS_finit_module, ko, params, 0));
	*left = fail_left();
	if (err) {
		++*refused;
		if (err != ENOMEM && err != ENOBUFS)
			return strerror(err);
		if (*left)
			return "fails by itself";
		if (vt_socket(family, SOCK_STREAM) != -1)
			return "a socket";
		return still_there();
	}
	if (vt_pair(family, SOCK_STREAM, sv) || check_talk(sv[0], sv[1]))
		return "does not work";
	close(sv[0]);
	close(sv[1]);
	return unload() ? "does not unload" : still_there();
}

TEST_F_TIMEOUT(failslab, load, 600)
{
	const char *wrong = NULL, *file = getenv("VUNIX_KO");
	/* A kernel that looks at everything takes seconds for each. */
	int step = getenv("VUNIX_SHARED_NETNS") ? 4 : 1;
	int n, ko, left = 0, loads = 0, refused = 0;
	char params[32], start[20], end[20];

	if (vt_is_unix(variant->family) || variant->type != SOCK_STREAM)
		SKIP(return, "once, and vunix only");
	/* It goes away under whoever uses it. */
	if (!getenv("VUNIX_VM") || !file)
		SKIP(return, "needs a machine of its own, and VUNIX_KO");
	/* What the core makes of the file before is not ours. */
	ASSERT_EQ(0, code_of("do_one_initcall", NULL, start, end));
	ASSERT_EQ(0, require_code(start, end));
	ko = open(file, O_RDONLY);
	ASSERT_LE(0, ko);
	snprintf(params, sizeof(params), "family=%ld",
		 vt_read_num(SYS_MODULE "/parameters/family"));
	ASSERT_EQ(0, unload());

	for (n = 1; !wrong && !left && n < 10 * MAX_NTH; n += step, loads++)
		wrong = load_nth(variant->family, ko, params, n, &left,
				 &refused);
	/* Others need it, in any case. */
	if (access(SYS_MODULE, F_OK))
		ASSERT_EQ(0, syscall(SYS_finit_module, ko, params, 0));
	TH_LOG("%d loads with one of %d allocations failing, %d refused", loads,
	       n - 2 * step, refused);
	ASSERT_TRUE(!wrong) TH_LOG("allocation %d: %s", n - step, wrong);
	ASSERT_LT(0, left);
	ASSERT_LT(0, refused);
}

TEST_HARNESS_MAIN
