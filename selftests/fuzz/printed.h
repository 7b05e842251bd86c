/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the operations below are made with.  Two threads (1, 2) and a child (3) wait
 * to be told which operation to do, as what may sleep is not done here.  Each gets a
 * tenth of a second to return, or to fall asleep.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wunused-function"
#ifndef FAMILY
#define FAMILY AF_UNIX
#endif

/* A call, what it returned, and why */
#define R(call) ({ \
	errno = 0; \
	long r_ = (call); \
	int e_ = errno; \
	printf("%s = %ld %s\n", #call, r_, r_ < 0 ? strerror(e_) : ""); \
	errno = e_; \
	r_; \
})

static int fd[24];
static char data[1 << 20], *bad;	/* nobody may look at what is at bad */
static __thread char in[1 << 19], control[4][2048];
static __thread struct mmsghdr m[4];
static __thread struct iovec iov[4][4];
static __thread struct sockaddr_storage ss, from;
static __thread void *to;
static __thread socklen_t len;
static __thread int n, two[2];
static __thread struct pollfd pfd[3];
static __thread struct epoll_event ev[24];
static __thread struct stat st;
static __thread off_t off;
static __thread loff_t loff;
static __thread union {
	int number;
	struct timeval tv;
	struct linger linger;
	struct ucred cred;
	char b[256];
} value;

/* --- slots ------------------------------------------------------------------- */

static void room(int s, int size)
{
	setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
}

/* Into a slot; what it had is closed */
static void keep(int slot, int s)
{
	int e = errno;

	if (s < 0)
		return;
	if (fd[slot] >= 0)
		close(fd[slot]);
	fd[slot] = s;
	room(s, 200000);
	errno = e;
}

static int type_of(int s)
{
	socklen_t size = sizeof(int);
	int type;

	return getsockopt(s, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ? -1 : type;
}

/* More than a message may have */
static int huge(int s)
{
	return type_of(s) == SOCK_STREAM ? 4096 : 430000;
}

static int may_sleep(int s)
{
	int flags = fcntl(s, F_GETFL);

	return flags >= 0 && !(flags & O_NONBLOCK);
}

/* --- addresses and messages -------------------------------------------------- */

static struct sockaddr *un(int family, const char *path, int size)
{
	memset(&ss, 0, sizeof(ss));
	ss.ss_family = family;
	memcpy(((struct sockaddr_un *)&ss)->sun_path, path, size);
	len = 2 + size;
	return (void *)&ss;
}

/* No path: so short that it has no family, too long, or of another one */
static struct sockaddr *odd(int family, int size)
{
	memset(&ss, 0, sizeof(ss));
	ss.ss_family = family;
	len = size;
	return (void *)&ss;
}

/* Some differ in trailing NULs alone. */
static struct sockaddr *abstract(const char *name, int more)
{
	un(AF_UNIX, "", 1);
	strcpy(((struct sockaddr_un *)&ss)->sun_path + 1, name);
	len = 3 + strlen(name) + more;
	return (void *)&ss;
}

static struct sockaddr *name_of(int s)
{
	len = sizeof(ss);
	memset(&ss, 0, sizeof(ss));
	ss.ss_family = AF_UNIX;
	if (getsockname(s, (void *)&ss, &len) < 0)
		len = 2;
	return (void *)&ss;
}

/* Message i, in so many parts */
static void vec(int i, void *p, int size, int parts)
{
	int k;

	memset(&m[i], 0, sizeof(m[i]));
	for (k = 0; k < parts; k++) {
		iov[i][k].iov_base = (char *)p + size / parts * k;
		iov[i][k].iov_len = k < parts - 1 ? size / parts :
				    size - size / parts * k;
	}
	m[i].msg_hdr.msg_iov = iov[i];
	m[i].msg_hdr.msg_iovlen = parts;
}

/* A control message for message 0 */
static void put(int level, int type, const void *p, size_t size)
{
	struct msghdr *h = &m[0].msg_hdr;
	struct cmsghdr *c;

	h->msg_control = control[0];
	c = (void *)(control[0] + h->msg_controllen);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), p, size);
	h->msg_controllen += CMSG_SPACE(size);
}

static void put_fds(int count, ...)
{
	int s[254], i;
	va_list list;

	va_start(list, count);
	for (i = 0; i < count; i++)
		s[i] = va_arg(list, int);
	va_end(list);
	put(SOL_SOCKET, SCM_RIGHTS, s, count * sizeof(int));
}

static void put_many(int count, int s)
{
	int all[254], i;

	for (i = 0; i < count; i++)
		all[i] = s;
	put(SOL_SOCKET, SCM_RIGHTS, all, count * sizeof(int));
}

static void put_cred(int type, int level, pid_t pid, uid_t uid, gid_t gid, size_t size)
{
	struct ucred cred = { pid, uid, gid };

	put(level, type, &cred, size);
}

/* What came with a message.  The first descriptor of all goes into an empty slot. */
static void take(struct msghdr *h, int *first)
{
	struct cmsghdr *c;
	size_t i;
	int s;

	printf("  flags %#x, control %zu, name %u\n", h->msg_flags,
	       h->msg_controllen, h->msg_namelen);
	if (h->msg_control == bad)
		return;
	for (c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		printf("  control message %d/%d of %zu\n", c->cmsg_level,
		       c->cmsg_type, c->cmsg_len);
		/* 4: SCM_PIDFD */
		if (c->cmsg_level != SOL_SOCKET ||
		    (c->cmsg_type != SCM_RIGHTS && c->cmsg_type != 4))
			continue;
		for (i = 0; CMSG_LEN(i + sizeof(s)) <= c->cmsg_len; i += sizeof(s)) {
			memcpy(&s, CMSG_DATA(c) + i, sizeof(s));
			printf("  descriptor %d\n", s);
			if (s >= 0 && c->cmsg_type == SCM_RIGHTS && *first < 0)
				*first = s;
			else if (s >= 0)
				close(s);
		}
	}
}

static void take_all(int count, int slot)
{
	int i, first = -1;

	for (i = 0; i < count; i++)
		take(&m[i].msg_hdr, &first);
	if (first < 0)
		return;
	if (fd[slot] >= 0)
		close(first);
	else
		keep(slot, first);
}

/* --- waiting, files ---------------------------------------------------------- */

static void watch(int i, int s, int events)
{
	pfd[i].fd = s;
	pfd[i].events = events;
	pfd[i].revents = 0;
}

static void in_sets(int a, int b)
{
	struct timeval tv = { 0 };
	int s[2] = { a, b }, i, j, max = 0;
	fd_set set[3];

	for (j = 0; j < 3; j++) {
		FD_ZERO(&set[j]);
		for (i = 0; i < 2; i++) {
			if (s[i] < 0)
				continue;
			FD_SET(s[i], &set[j]);
			if (s[i] >= max)
				max = s[i] + 1;
		}
	}
	if (R(select(max, &set[0], &set[1], &set[2], &tv)) < 0)
		return;
	for (i = 0; i < 2; i++)
		for (j = 0; j < 3; j++)
			printf(" %d", s[i] >= 0 && FD_ISSET(s[i], &set[j]));
	printf("\n");
}

static void fdinfo(int s)
{
	char path[64], text[1024], *p;
	int f;

	sprintf(path, "/proc/self/fdinfo/%d", s);
	f = open(path, O_RDONLY);
	memset(text, 0, sizeof(text));
	if (f < 0 || read(f, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	if (f >= 0)
		close(f);
	p = strstr(text, "scm_fds:");
	printf("fdinfo of %d: %.*s\n", s, p ? (int)strcspn(p, "\n") : 0, p ?: "");
}

/* --- who does what ----------------------------------------------------------- */

static void operation(int i);

static pid_t self, child;
static pthread_t threads[3];
static int orders[4][2];		/* pipes that say which operation is next */
static volatile int *busy;		/* shared with the child */

static void on_signal(int sig)
{
	static const char text[] = "  a signal\n";

	if (write(1, text, sizeof(text) - 1) < 0)
		_exit(3);
}

static void actor(int who)
{
	int i;

	while (read(orders[who][0], &i, sizeof(i)) == sizeof(i)) {
		operation(i);
		busy[who] = 0;
	}
}

static void *thread(void *arg)
{
	actor((long)arg);
	return NULL;
}

static void give(int who, int i)
{
	int tries;

	busy[who] = 1;
	if (write(orders[who][1], &i, sizeof(i)) != sizeof(i))
		_exit(3);
	for (tries = 0; tries < 100 && busy[who]; tries++)
		usleep(1000);
	if (busy[who])
		printf("  operation %d sleeps\n", i);
}

/* sleeps: it may; 2: but then nobody does it */
static void step(int i, int who, int sleeps)
{
	printf("# %d\n", i);
	if (sleeps && (!who || sleeps == 2)) {
		who = !busy[1] ? 1 : !busy[2] ? 2 : 0;
		if (!who || sleeps == 2) {
			printf("  nobody is left to do that\n");
			return;
		}
	}
	if (who && (busy[who] || (who == 3 && !child))) {
		printf("  %d has no time for that\n", who);
		return;
	}
	if (who)
		give(who, i);
	else
		operation(i);
	/* Who has been woken */
	if (busy[1] || busy[2] || busy[3])
		usleep(20000);
}

static int fork_child(void)
{
	pid_t pid;

	if (child) {
		errno = EBUSY;
		return -1;
	}
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(0);
		actor(3);
		_exit(0);
	}
	child = pid;
	return pid < 0 ? -1 : 0;
}

static int end_child(void)
{
	if (!child)
		return 0;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	child = 0;
	busy[3] = 0;
	return 0;
}

static int wake(int who, int sig)
{
	if (!busy[who])
		return 0;
	return who == 3 ? kill(child, sig) : pthread_kill(threads[who], sig);
}

/* --- a flow ------------------------------------------------------------------ */

static int flow_fd, flow_len;
static volatile long flow_sent;

static void *flow_send(void *arg)
{
	flow_sent = send(flow_fd, data, flow_len, MSG_NOSIGNAL);
	return arg;
}

static int drain(int s, long *sum)
{
	long ret, times = 0;

	for (;;) {
		ret = recv(s, in, sizeof(in), MSG_DONTWAIT);
		if (ret <= 0)
			return ret < 0 ? errno : 0;
		*sum += ret;
		if (++times > 100000)
			return -1;
	}
}

/* Fills a, sleeps in front of it if so wanted, reads all of it from b */
static void flow(int a, int b, int size, int bufsize, int block)
{
	long sent = 1, got = 0, ret, more;
	int queued = 0, err, tries, started = 0, times = 0;
	pthread_t t;

	if (type_of(a) < 0 || type_of(b) < 0 || a == b || busy[1] || busy[2] ||
	    busy[3])
		return;
	printf("flow: %d before it\n", drain(b, &got));
	got = 0;
	if (ioctl(b, FIONREAD, &queued) < 0 || queued ||
	    ioctl(a, SIOCOUTQ, &queued) < 0 || queued)
		return;
	if (R(send(a, data, 1, MSG_DONTWAIT | MSG_NOSIGNAL)) != 1 ||
	    ioctl(b, FIONREAD, &queued) < 0 || queued != 1)
		return;
	room(a, bufsize);
	do {
		ret = send(a, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += ret > 0 ? ret : 0;
	} while (ret > 0 && ++times < 5000);
	flow_fd = a;
	flow_len = size;
	flow_sent = 0;
	if (ret < 0 && errno == EAGAIN && block && may_sleep(a)) {
		started = !pthread_create(&t, NULL, flow_send, NULL);
		usleep(100000);
	}
	for (tries = 0; tries < 300; tries++) {
		more = got;
		err = drain(b, &got);
		if (started && !pthread_tryjoin_np(t, NULL)) {
			sent += flow_sent > 0 ? flow_sent : 0;
			started = 0;
		} else if (!started && (err != EAGAIN || more == got)) {
			break;
		}
		usleep(1000);
	}
	printf("flow: %s, %ld bytes are missing%s\n", strerror(err),
	       err == EAGAIN ? sent - got : 0,
	       started ? ", and the sender was not woken" : "");
	room(a, 200000);
}

/* ----------------------------------------------------------------------------- */

static void handle(int sig, int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(sig, &sa, NULL);
}

static char dir[32] = "/tmp/vunix-fuzz.XXXXXX";

static void end(void)
{
	static const char * const files[] = {
		"f0", "l0", "l1", "p0", "p1", "p2", "p3", "p4", "p5",
	};
	char full[109];
	unsigned int i;

	end_child();
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	memset(full, 'q', 108);
	full[108] = 0;
	unlink(full);
	if (rmdir("d0") || chdir("/") || rmdir(dir))
		perror(dir);
}

static void begin(void)
{
	unsigned int x = 1;
	long i;
	int j;

	setvbuf(stdout, NULL, _IONBF, 0);
	self = getpid();
	for (i = 0; i < (long)sizeof(data); i++) {
		x = x * 1664525 + 1013904223;
		data[i] = x >> 24;
	}
	bad = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	busy = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (bad == MAP_FAILED || busy == MAP_FAILED || !mkdtemp(dir) ||
	    chdir(dir) < 0) {
		perror("begin");
		exit(3);
	}
	bad += 4096;
	mprotect(bad, 4096, PROT_NONE);
	umask(022);
	j = open("f0", O_CREAT | O_RDWR, 0644);
	if (j < 0 || write(j, data, 16384) != 16384 || mkdir("d0", 0755) < 0 ||
	    symlink("p0", "l0") < 0 || symlink("none2", "l1") < 0)
		exit(3);
	close(j);
	memset(fd, -1, sizeof(fd));
	handle(SIGIO, SA_RESTART);
	handle(SIGURG, SA_RESTART);
	handle(SIGRTMIN + 1, SA_RESTART);
	handle(SIGPIPE, SA_RESTART);
	handle(SIGUSR1, 0);
	handle(SIGUSR2, SA_RESTART);
	alarm(60);
	for (i = 1; i < 4; i++) {
		if (pipe2(orders[i], O_CLOEXEC) < 0)
			exit(3);
		/* Programs have the low numbers for themselves. */
		for (j = 0; j < 2; j++) {
			int low = orders[i][j];

			orders[i][j] = fcntl(low, F_DUPFD_CLOEXEC, 900);
			close(low);
		}
		if (i < 3)
			pthread_create(&threads[i], NULL, thread, (void *)i);
	}
}
