// SPDX-License-Identifier: GPL-2.0
/*
 * soak - what a shell cannot do of the endurance test (guest)
 *
 *   soak namespaces NUMBER JOBS SECONDS   network namespaces with traffic, JOBS at
 *                                         a time; NUMBER 0: for that long
 *   soak loads NUMBER MODULE WORKERS      load and unload while it is in use
 *   soak count [GROUP]                    what there is, and is charged to a cgroup
 *
 * FAMILY, from the environment, is 18.  Everything is checked that is received.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
static int family = 18;

/* What processes share */
static struct {
	unsigned long	rounds;		/* of traffic, without a fault */
	unsigned long	faults;
	int		stop;
	int		leave;		/* it is to be unloaded */
} *all;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Also tells where: 1, for those who give up */
static int fault(const char *what)
{
	__atomic_fetch_add(&all->faults, 1, __ATOMIC_RELAXED);
	fprintf(stderr, "# %d: %s: %s\n", getpid(), what, strerror(errno));
	return 1;
}

static int send_fd(int sock, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { .align = {
		.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};

	memcpy(CMSG_DATA(&u.align), &fd, sizeof(fd));
	return sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -1;
}

static int recv_fd(int sock)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u;
	char c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1 ||
	    msg.msg_controllen < CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(&u.align), sizeof(fd));
	return fd;
}

/* @n messages of up to @len bytes there, all of them checked */
static int pump(int from, int to, int n, int len)
{
	static unsigned char out[16384], in[16384];
	ssize_t got;
	int i, size;

	for (i = 0; i < n; i++) {
		size = 1 + (i * 977) % len;
		memset(out, i + size, size);
		if (send(from, out, size, MSG_NOSIGNAL) != size)
			return fault("send");
		got = recv(to, in, sizeof(in), 0);
		if (got != size || memcmp(in, out, size))
			return fault("recv");
	}
	return 0;
}

/* A pair that the collector has to find: each is in the queue of the other. */
static int make_garbage(int type)
{
	int sv[2], bad;

	if (socketpair(family, type | SOCK_CLOEXEC, 0, sv))
		return fault("socketpair");
	bad = send_fd(sv[0], sv[0]) || send_fd(sv[1], sv[1]);
	close(sv[0]);
	close(sv[1]);
	/* What others have in flight counts, too. */
	return bad && errno != ETOOMANYREFS ? fault("descriptors") : 0;
}

/* One that passes itself and is received again */
static int pass(int sv[2])
{
	int fd;

	if (send_fd(sv[0], sv[1]))
		return errno == ETOOMANYREFS ? 0 : fault("descriptor");
	fd = recv_fd(sv[1]);
	if (fd < 0)
		return fault("descriptor received");
	close(fd);
	return 0;
}

/* Names, connections, some that are never accepted, some that are never read */
static int named(int type, int number)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, client[3], got = -1, i, bad = 0;
	socklen_t len;

	len = offsetof(struct sockaddr_un, sun_path) + 1 +
	      sprintf(un.sun_path + 1, "soak-%d-%d-%d", getpid(), type, number);
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (void *)&un, len) ||
	    (type != SOCK_DGRAM && listen(fd, 8)))
		bad = fault("server");
	for (i = 0; i < 3; i++) {
		client[i] = socket(family, type | SOCK_CLOEXEC, 0);
		if (!bad && (client[i] < 0 ||
			     connect(client[i], (void *)&un, len)))
			bad = fault("connect");
	}
	if (!bad && type != SOCK_DGRAM) {
		got = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (got < 0)
			bad = fault("accept");
		else
			bad = pump(client[0], got, 8, 9000) ||
			      pump(got, client[0], 8, 9000);
	} else if (!bad) {
		bad = pump(client[0], fd, 8, 9000);
	}
	for (i = 0; !bad && i < 3; i++)
		if (send(client[i], "unread", 6, MSG_NOSIGNAL) != 6)
			bad = fault("last send");
	for (i = 0; i < 3; i++)
		close(client[i]);
	close(got);
	close(fd);
	return bad;
}

/* A bit of everything; 0 if all of it went well */
static int traffic(int number)
{
	int type = types[number % 3], sv[2], bad;
	char c;

	if (socketpair(family, type | SOCK_CLOEXEC, 0, sv))
		return fault("socketpair");
	bad = pump(sv[0], sv[1], 10, 16000) || pump(sv[1], sv[0], 10, 100) ||
	      pass(sv);
	if (!bad && type == SOCK_STREAM) {
		if (send(sv[0], "ab", 2, MSG_OOB | MSG_NOSIGNAL) != 2 ||
		    recv(sv[1], &c, 1, MSG_OOB) != 1 || c != 'b')
			bad = fault("urgent byte");
	}
	close(sv[0]);
	close(sv[1]);
	bad = bad || named(type, number) || (!(number % 4) && make_garbage(type));
	if (!bad)
		__atomic_fetch_add(&all->rounds, 1, __ATOMIC_RELAXED);
	return bad;
}

static void read_all(const char *name)
{
	char buf[4096];
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

/* --- namespaces ------------------------------------------------------------ */

static int in_namespace(int number)
{
	int i;

	if (unshare(CLONE_NEWNET))
		return fault("unshare");
	for (i = 0; i < 6; i++)
		if (traffic(number + i))
			return 1;
	read_all("/proc/self/net/vunix");
	return 0;
}

/*
 * The kernel ends namespaces one after the other, and each waits for RCU: a machine
 * that is fast makes them faster than that, until it has no memory.
 */
static int wait_for_room(int fd)
{
	double end = now() + 300;
	char buf[32];
	ssize_t len;

	while ((len = pread(fd, buf, sizeof(buf) - 1, 0)) > 0) {
		buf[len] = 0;
		if (atol(buf) < 300)
			break;
		if (now() > end)
			return fault("namespaces do not end");
		usleep(10000);
	}
	return 0;
}

static int namespaces(long n, int jobs, int seconds)
{
	int fd = open("/sys/kernel/slab/net_namespace/objects",
		      O_RDONLY | O_CLOEXEC);
	double begin = now();
	long made = 0, ended = 0, failed = 0;
	int status;
	pid_t pid;

	for (;;) {
		while ((n ? made < n : now() - begin < seconds) &&
		       made - ended < jobs) {
			if (!(made % 16) && wait_for_room(fd))
				return 1;
			pid = fork();
			if (pid < 0)
				return fault("fork");
			if (!pid)
				_exit(in_namespace(made));
			made++;
		}
		if (made == ended)
			break;
		if (wait(&status) < 0)
			return fault("wait");
		ended++;
		failed += !!status;
	}
	printf("namespaces: %ld created and destroyed, %lu rounds of traffic, %ld failed, %.0f s\n",
	       made, all->rounds, failed, now() - begin);
	return failed || all->faults || !made;
}

/* --- loads ----------------------------------------------------------------- */

static void work(int number)
{
	unsigned int seed = number + 1;
	int fd, i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (number % 2 && unshare(CLONE_NEWNET))
		fault("unshare");
	for (i = number; !__atomic_load_n(&all->stop, __ATOMIC_RELAXED); i++) {
		/* Between loads there is no such family. */
		fd = socket(family, types[i % 3] | SOCK_CLOEXEC, 0);
		if (fd < 0) {
			if (errno != EAFNOSUPPORT)
				fault("socket");
			usleep(500);
			continue;
		}
		/*
		 * As long as it is open, it stays loaded.  Who wants to unload
		 * meets sockets still, but not all the time.
		 */
		if (!__atomic_load_n(&all->leave, __ATOMIC_RELAXED))
			traffic(i);
		close(fd);
		read_all("/proc/self/net/vunix");
		read_all("/proc/self/net/protocols");
		usleep(rand_r(&seed) % 3000);
	}
	_exit(0);
}

/* Nobody uses it for a moment, sooner or later. */
static int unload(double limit, unsigned long *busy)
{
	double end = now() + limit;

	__atomic_store_n(&all->leave, 1, __ATOMIC_RELAXED);
	while (syscall(SYS_delete_module, "vunix", O_NONBLOCK)) {
		if (errno != EWOULDBLOCK && errno != EBUSY)
			return fault("delete_module");
		if (now() > end)
			return fault("delete_module, for long");
		(*busy)++;
		usleep(200);
	}
	__atomic_store_n(&all->leave, 0, __ATOMIC_RELAXED);
	return 0;
}

static int loads(long n, const char *name, int workers)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC), i, status, left = 0;
	unsigned long before, busy = 0;
	double begin = now(), end;
	long done = 0;

	if (fd < 0)
		return fault(name);
	for (i = 0; i < workers; i++) {
		if (!fork())
			work(i);
	}
	for (; done < n && !all->faults; done++) {
		if (syscall(SYS_finit_module, fd, "", 0)) {
			fault("finit_module");
			break;
		}
		/* Not before it has been used */
		before = __atomic_load_n(&all->rounds, __ATOMIC_RELAXED);
		for (end = now() + 120; now() < end; usleep(500))
			if (__atomic_load_n(&all->rounds, __ATOMIC_RELAXED) >=
			    before + 2)
				break;
		if (now() >= end)
			fault("nobody can use it");
		if (unload(120, &busy))
			break;
		if (!((done + 1) % 200))
			printf("# %ld loads, %.0f s\n", done + 1, now() - begin);
	}
	__atomic_store_n(&all->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < workers; i++)
		if (wait(&status) < 0 || status)
			left++;
	printf("loads: %ld of %ld, %lu rounds of traffic, %lu times in use, ",
	       done, n, all->rounds, busy);
	printf("%lu faults, %d workers failed, %.0f s\n", all->faults, left,
	       now() - begin);
	return done != n || all->faults || left;
}

/* --- what there is --------------------------------------------------------- */

/*
 * All of it by one process, which has every file open before it begins: a file is
 * an object, too, and one that has been closed goes only with RCU.
 */
static struct source {
	const char	*name;		/* of the cache, or what starts a line */
	const char	*says;		/* what to call it; NULL: the same */
	int		fd, shrink;
	int		words;		/* in front of the number, or LINES */
} source[64];

#define LINES	-1	/* how many there are, but for the first */

static int sources;

static int open_or_end(const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC);

	if (fd < 0) {
		fault(name);
		exit(2);
	}
	return fd;
}

static struct source *add_source(const char *name, const char *says, int words,
				 int fd)
{
	if (sources == 64) {
		fault("too much to look at");
		exit(2);
	}
	source[sources] = (struct source){ name, says, fd, -1, words };
	return &source[sources++];
}

/* What @fd says now */
static char *content(int fd)
{
	static size_t size = 65536;
	static char *buf;
	size_t len = 0;
	ssize_t n;

	for (;;) {
		if (!buf || len == size - 1) {
			size *= 2;
			buf = realloc(buf, size);
			if (!buf)
				abort();
		}
		n = pread(fd, buf + len, size - 1 - len, len);
		if (n <= 0)
			break;
		len += n;
	}
	buf[len] = 0;
	return buf;
}

/*
 * The objects in use of a cache.  What a processor has put aside for the next of
 * them counts as used: shrinking takes it back.
 */
static long objects(const struct source *s)
{
	if (write(s->shrink, "1\n", 2) != 2)
		fault("shrink");
	return strtol(content(s->fd), NULL, 10);
}

static void add_cache(const char *path)
{
	char name[512];
	struct source *s;

	snprintf(name, sizeof(name), "%s/objects", path);
	s = add_source(strdup(strrchr(path, '/') + 1), NULL, 0,
		       open_or_end(name, O_RDONLY));
	snprintf(name, sizeof(name), "%s/shrink", path);
	s->shrink = open_or_end(name, O_WRONLY);
}

static void add_pattern(const char *pattern, void (*add)(const char *))
{
	glob_t found;
	size_t i;

	if (!glob(pattern, 0, NULL, &found))
		for (i = 0; i < found.gl_pathc; i++)
			add(found.gl_pathv[i]);
	globfree(&found);
}

static void add_sysctl(const char *path)
{
	if (!strstr(path, "/max_"))
		add_source("", strdup(strrchr(path, '/') + 1), 0,
			   open_or_end(path, O_RDONLY));
}

/* A network namespace comes and goes, on @cpu if that is one. */
static void one_namespace(int cpu)
{
	pid_t pid = fork();
	cpu_set_t set;

	if (!pid) {
		CPU_ZERO(&set);
		CPU_SET(cpu < 0 ? 0 : cpu, &set);
		if (cpu >= 0 && sched_setaffinity(0, sizeof(set), &set))
			_exit(2);
		_exit(!!unshare(CLONE_NEWNET));
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		fault("a process");
}

/*
 * What is on its way out arrives.
 *
 * A processor keeps up to a page of what was last charged to a cgroup until it
 * charges another one, ours: with a namespace on each.  The kernel ends namespaces
 * one after the other, or several at once; what it ends it keeps until it has
 * ended others, and not without having waited for all that RCU was to free.  So
 * as soon as only the last is there, what was closed before has gone.
 */
static void settle(const struct source *spaces, int caches)
{
	long cpu;
	int i, j;

	for (cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++)
		one_namespace(cpu);
	sync();
	if (write(caches, "3\n", 2) != 2)
		fault("drop_caches");
	for (i = 0; i < 8; i++) {
		one_namespace(-1);
		for (j = 0; j < 20; j++) {
			usleep(10000);
			if (objects(spaces) <= 1)
				return;
		}
	}
}

static void print_source(const struct source *s)
{
	const char *says = s->says ? s->says : s->name;
	char *line, *rest = content(s->fd);
	size_t len = strlen(s->name);
	long n = -1;
	int i;

	if (s->words == LINES) {
		for (; (rest = strchr(rest, '\n')); rest++)
			n++;
		printf("%s: %ld\n", says, n);
		return;
	}
	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, s->name, len) || (len && line[len] != ' '))
			continue;
		line += len;
		for (i = 0; i < s->words; i++) {
			line += strspn(line, " ");
			line += strcspn(line, " ");
		}
		printf("%s: %ld\n", says, strtol(line, NULL, 10));
		return;
	}
}

static int count(const char *group)
{
	static const char *const memory[] = {
		/* Some are parts of others: they say what it is. */
		"kernel", "slab", "kernel_stack", "pagetables", "percpu", "vmalloc",
	};
	struct source *spaces, *s;
	char name[256], says[64];
	int caches, flush = -1, fd;
	size_t i;

	add_cache("/sys/kernel/slab/net_namespace");
	spaces = &source[0];
	/* Files as well: file-nr is off by what each processor has not told yet. */
	add_cache("/sys/kernel/slab/filp");
	add_pattern("/sys/kernel/slab/*[vV][uU][nN][iI][xX]*", add_cache);
	/* "sockets: used 7", "VUNIX 1024 7 ..." */
	add_source("sockets:", "sockets in use", 1,
		   open_or_end("/proc/net/sockstat", O_RDONLY));
	add_source("VUNIX", "sockets of VUNIX", 1,
		   open_or_end("/proc/net/protocols", O_RDONLY));
	add_pattern("/proc/sys/net/vunix/*inflight*", add_sysctl);
	add_source("", "listed in /proc/net/vunix", LINES,
		   open_or_end("/proc/net/vunix", O_RDONLY));
	add_source("", "references of the module", 0,
		   open_or_end("/sys/module/vunix/refcnt", O_RDONLY));
	if (group) {
		snprintf(name, sizeof(name), "%s/memory.stat", group);
		fd = open_or_end(name, O_RDONLY);
		for (i = 0; i < sizeof(memory) / sizeof(*memory); i++) {
			snprintf(says, sizeof(says), "%s memory of the cgroup",
				 memory[i]);
			add_source(memory[i], strdup(says), 0, fd);
		}
		snprintf(name, sizeof(name), "%s/cpu.stat", group);
		flush = open_or_end(name, O_RDONLY);
	}
	caches = open_or_end("/proc/sys/vm/drop_caches", O_WRONLY);

	settle(spaces, caches);
	/* Who reads the one has every processor tell what it knows of the other. */
	if (group)
		content(flush);
	for (s = source; s < source + sources; s++) {
		if (s->shrink >= 0)
			printf("objects of %s: %ld\n", s->name, objects(s));
		else
			print_source(s);
	}
	return !!all->faults;
}

int main(int argc, char **argv)
{
	if (getenv("FAMILY"))
		family = atoi(getenv("FAMILY"));
	setlinebuf(stdout);
	all = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return 2;
	if (argc == 5 && !strcmp(argv[1], "namespaces"))
		return namespaces(atol(argv[2]), atoi(argv[3]), atoi(argv[4]));
	if (argc == 5 && !strcmp(argv[1], "loads"))
		return loads(atol(argv[2]), argv[3], atoi(argv[4]));
	if (argc >= 2 && argc <= 3 && !strcmp(argv[1], "count"))
		return count(argv[2]);
	fprintf(stderr, "usage: soak namespaces NUMBER JOBS SECONDS\n"
		"       soak loads NUMBER MODULE WORKERS\n"
		"       soak count [GROUP]\n");
	return 2;
}
