// SPDX-License-Identifier: GPL-2.0
/*
 * vunix-run - run a command whose local sockets are vunix's
 *
 * Decides between the two ways there are, prepares one, and becomes the
 * command: same process, so signals, job control, exit status and whoever
 * watches this process find what they expect.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/vunix.h>
#include "run.h"

#define PRELOAD_NAME	"vunix-preload.so"

enum way { WAY_AUTO, WAY_PRELOAD, WAY_SECCOMP };

static struct run_options opt = { .family = AF_VUNIX };
static enum way way = WAY_AUTO;

/**
 * say() - a message on standard error
 * @format: of printf(), without our name and the end of the line
 *
 * One write, so that lines of several processes do not mix.
 */
void say(const char *format, ...)
{
	char line[PATH_MAX + 256];
	int len = sprintf(line, "vunix-run: ");
	va_list args;

	va_start(args, format);
	len += vsnprintf(line + len, sizeof(line) - len - 1, format, args);
	va_end(args);
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

/**
 * say_count() - say at the end how many sockets there were
 * @o: options
 * @count: the numbers
 *
 * vunix-run(1) says how it looks.
 */
void say_count(const struct run_options *o, const struct run_count *count)
{
	say("%s: %u sockets on vunix, %u left on AF_UNIX, %u replaced",
	    o->name, count->sockets, count->native, count->replaced);
}

/* With --fallback, what cannot be had is done without, silently. */
static void complain(const char *format, ...)
{
	char line[PATH_MAX + 256];
	va_list args;

	if (opt.fallback && !opt.verbose)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	say("%s", line);
}

/*
 * Is it there?
 */

static void find_family(void)
{
	FILE *f = fopen("/sys/module/vunix/parameters/family", "re");
	int number;

	if (!f)
		return;
	if (fscanf(f, "%d", &number) == 1)
		opt.family = number;
	fclose(f);
}

/*
 * By a raw system call, which the library of another vunix-run does not catch.
 * It loads the module, too, where that is installed.
 *
 * Return: 0, EPROTOTYPE if the family is another's, or the errno.
 */
static int try_vunix(void)
{
	int fd = syscall(SYS_socket, opt.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err = errno;

	if (fd < 0)
		return err;
	err = native_is_vunix(fd) ? 0 : EPROTOTYPE;
	close(fd);
	return err;
}

/* A sandbox may kill whoever asks for a family it does not know. */
static bool have_vunix(void)
{
	int err = run_own_status("Seccomp_filters") > 0 ? in_child(try_vunix) :
		  try_vunix();

	switch (err) {
	case 0:
		return true;
	case EPROTOTYPE:
		complain("protocol family %d is not vunix", opt.family);
		break;
	case EAFNOSUPPORT:
	case EINVAL:
	case ESOCKTNOSUPPORT:
		complain("the module vunix is not loaded");
		break;
	default:
		complain("vunix: %s", strerror(err));
	}
	return false;
}

/* Another vunix-run supervises us already. */
static bool is_supervised(void)
{
	int fd = syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is = fd >= 0 && native_is_vunix(fd);

	if (fd >= 0)
		close(fd);
	return is;
}

/*
 * The command
 */

static int exit_code(int err)
{
	return err == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
}

static __attribute__((noreturn)) void become(const char *path, char **argv)
{
	int err;

	execv(path, argv);
	err = errno;
	/* A script without a first line that says so is the shell's. */
	if (err == ENOEXEC) {
		int argc = 0;

		while (argv[argc])
			argc++;
		char *args[argc + 2];

		args[0] = "sh";
		args[1] = (char *)path;
		memcpy(args + 2, argv + 1, argc * sizeof(*argv));
		execv("/bin/sh", args);
		err = ENOEXEC;
	}
	say("%s: %s", opt.name, strerror(err));
	exit(exit_code(err));
}

/*
 * Preloading
 */

/* Beside this program, as in the source tree, or where both are installed. */
static bool find_preload(char *path, size_t size)
{
	static const char * const places[] = {
		"/" PRELOAD_NAME, "/../lib/vunix/" PRELOAD_NAME,
	};
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (len <= 0)
		return false;
	self[len] = 0;
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = 0;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if ((size_t)snprintf(path, size, "%s%s", self, places[i]) <
		    size && !access(path, R_OK))
			return true;
	return false;
}

/* A list: its separators cannot be in a name. */
static bool in_a_list(const char *path)
{
	return !strpbrk(path, " :");
}

static bool can_preload(void)
{
	char path[PATH_MAX];

	return find_preload(path, sizeof(path)) && in_a_list(path);
}

static bool is_listed(const char *list, const char *path)
{
	size_t len = strlen(path);

	for (;;) {
		list += strspn(list, " :");
		if (!*list)
			return false;
		if (strcspn(list, " :") == len && !strncmp(list, path, len))
			return true;
		list += strcspn(list, " :");
	}
}

static bool add_to_list(const char *path)
{
	const char *old = getenv("LD_PRELOAD");
	char *list;

	if (old && is_listed(old, path))
		return true;
	/* Some have to be the first. */
	if (asprintf(&list, "%s%s%s", old ? old : "", old && *old ? ":" : "",
		     path) < 0)
		return false;
	return !setenv("LD_PRELOAD", list, 1);
}

/* Says at the end how many sockets there were; nothing else. */
static __attribute__((noreturn)) void watch(pid_t pid,
					    const struct run_count *count)
{
	struct pollfd pfd = { .events = POLLIN };
	int pidfd = syscall(SYS_pidfd_open, pid, 0);

	stand_apart();
	/* Without it there is no end to wait for. */
	if (pidfd < 0 || settle(&pidfd, 1, true))
		_exit(1);
	pfd.fd = pidfd;
	while (poll(&pfd, 1, -1) < 0)
		;
	say_count(&opt, count);
	_exit(0);
}

/*
 * Memory that the library maps in every process of the tree, also of another
 * user; for these it is no file, which they could shorten under the others.  It
 * is gone when nobody has it any more.
 */
static void start_counting(void)
{
	int id = shmget(IPC_PRIVATE, sizeof(struct run_count), 0666);
	struct run_count *count = id < 0 ? (void *)-1 : shmat(id, NULL, 0);
	pid_t self = getpid();
	char text[64];

	if (count == (void *)-1) {
		say("%s: sockets are not counted: %s", opt.name,
		    strerror(errno));
		return;
	}
	shmctl(id, IPC_RMID, NULL);
	if (getrandom(&count->token, sizeof(count->token), GRND_NONBLOCK) < 0)
		count->token = self;
	snprintf(text, sizeof(text), "%d:%llx", id,
		 (unsigned long long)count->token);
	if (setenv(ENV_COUNT, text, 1))
		return;
	if (!start_apart(0))
		watch(self, count);
}

static bool add_to_environment(void)
{
	long filters = run_own_status("Seccomp_filters");
	char number[24];

	unsetenv(ENV_FALLBACK);
	unsetenv(ENV_COUNT);
	snprintf(number, sizeof(number), "%ld", filters > 0 ? filters : 0);
	if (setenv(ENV_FILTERS, number, 1))
		return false;
	snprintf(number, sizeof(number), "%d", opt.family);
	return !setenv(ENV_FAMILY, number, 1) &&
	       (!opt.fallback || !setenv(ENV_FALLBACK, "1", 1));
}

static bool prepare_preload(void)
{
	char path[PATH_MAX];

	if (!find_preload(path, sizeof(path))) {
		complain("no " PRELOAD_NAME " beside vunix-run, or in ../lib/vunix");
		return false;
	}
	if (!in_a_list(path)) {
		complain("%s: ld.so cannot preload from a path like this",
			 path);
		return false;
	}
	if (!add_to_list(path) || !add_to_environment()) {
		complain("%s", strerror(ENOMEM));
		return false;
	}
	if (opt.verbose && !stay_as_init())
		start_counting();
	return true;
}

/*
 * Choosing
 */

static void tell(const char *what)
{
	if (opt.verbose)
		say("%s: %s", opt.name, what);
}

/*
 * Without the right to filter, a set-ID program would lose its privilege.  With
 * preload it keeps that, but ld.so takes LD_PRELOAD from it, and from its
 * children's environment as well.
 */
static enum way choose(const char *path)
{
	switch (program_kind(path)) {
	case PROGRAM_DYNAMIC:
		if (!can_preload()) {
			tell("seccomp, for no library can be preloaded");
			return WAY_SECCOMP;
		}
		tell("preload, for it is dynamically linked");
		return WAY_PRELOAD;
	case PROGRAM_GO:
		tell("seccomp, for it is of Go, and calls the kernel by itself");
		return WAY_SECCOMP;
	case PROGRAM_FIRST:
		tell("seccomp, for a library of its own has to be the first");
		return WAY_SECCOMP;
	case PROGRAM_SETID:
		if (geteuid()) {
			tell("AF_UNIX for it and what it starts, for it is set-ID");
			return WAY_PRELOAD;
		}
		tell("seccomp, for it is set-ID");
		return WAY_SECCOMP;
	case PROGRAM_FOREIGN:
		tell("seccomp, for it is of another machine, word size or C library");
		return WAY_SECCOMP;
	case PROGRAM_STATIC:
		tell("seccomp, for it is statically linked");
		return WAY_SECCOMP;
	default:
		tell("seccomp, for it is of no known format");
		return WAY_SECCOMP;
	}
}

/* Left on AF_UNIX with --fallback, else the end. */
static void do_without(void)
{
	if (!opt.fallback)
		exit(EXIT_NO_VUNIX);
	tell("AF_UNIX");
	unsetenv(ENV_FAMILY);
}

/* Giving up privileges cannot be taken back, so it must be of use. */
static int try_filter(void)
{
	return filter_install(opt.fallback) < 0 ? errno : 0;
}

static bool prepare_seccomp(void)
{
	int err = opt.fallback ? in_child(try_filter) : 0;

	if (!err && (stay_as_init() || supervise(&opt)))
		err = errno;
	switch (err) {
	case 0:
		/* A library of an outer vunix-run has nothing to do then. */
		unsetenv(ENV_FAMILY);
		return true;
	case EXDEV:
		complain("seccomp: /proc is of another pid namespace");
		return false;
	case EBUSY:
		complain("another program supervises this process already");
		return false;
	default:
		complain("seccomp: %s", strerror(err));
		return false;
	}
}

static void prepare(const char *path)
{
	if (!have_vunix()) {
		do_without();
		return;
	}
	if (is_supervised()) {
		tell("supervised by another vunix-run already");
		return;
	}
	if (way == WAY_AUTO)
		way = choose(path);
	else
		tell(way == WAY_PRELOAD ? "preload" : "seccomp");
	if (way == WAY_PRELOAD) {
		if (!prepare_preload())
			do_without();
		return;
	}
	if (!prepare_seccomp())
		do_without();
}

static void usage(FILE *to)
{
	fputs("usage: vunix-run [--auto | --preload | --seccomp] [--fallback] [--verbose]\n"
	      "                 COMMAND [ARG...]\n"
	      "Runs COMMAND with local sockets of vunix where it asks for AF_UNIX.\n"
	      "  -a, --auto      preload what is dynamically linked, else seccomp (default)\n"
	      "  -p, --preload   a library takes the place of socket() and socketpair()\n"
	      "  -s, --seccomp   a supervisor makes the sockets, also of static programs\n"
	      "  -f, --fallback  reach programs on AF_UNIX, and use it if vunix is missing\n"
	      "  -v, --verbose   say which way is taken, and count sockets\n", to);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "auto", no_argument, NULL, 'a' },
		{ "preload", no_argument, NULL, 'p' },
		{ "seccomp", no_argument, NULL, 's' },
		{ "fallback", no_argument, NULL, 'f' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	char path[PATH_MAX];
	int c, err;

	while ((c = getopt_long(argc, argv, "+apsfvh", options, NULL)) >= 0) {
		switch (c) {
		case 'a':
			way = WAY_AUTO;
			break;
		case 'p':
			way = WAY_PRELOAD;
			break;
		case 's':
			way = WAY_SECCOMP;
			break;
		case 'f':
			opt.fallback = true;
			break;
		case 'v':
			opt.verbose = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return EXIT_NO_VUNIX;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return EXIT_NO_VUNIX;
	}
	argv += optind;
	opt.name = argv[0];
	err = program_find(argv[0], path, sizeof(path));
	if (err) {
		say("%s: %s", argv[0], strerror(err));
		return exit_code(err);
	}
	find_family();
	prepare(path);
	become(path, argv);
}
