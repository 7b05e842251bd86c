// SPDX-License-Identifier: GPL-2.0
/*
 * The bystander: a process of another user, which does a bit of everything with
 * sockets of its own.  Whatever all others do, each of these has to be done soon.
 * Two of its sockets are open to all.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash.h"

/*
 * Seconds.  Memory is held back for eight or more (crash_late.c), and a busy host
 * may have us wait for a processor; the collector has a lot of others' to go
 * through, and comes when it likes.
 */
#define LIMIT		4
#define LIMIT_COLLECTED	30

#define NOBODY		65534
#define NTALKS		6
#define FOLDER		"b0"

/* What it does: with a partner that answers, and the rest */
enum act {
	TALK_STREAM, TALK_DGRAM, TALK_SEQPACKET,
	BULK_STREAM, BULK_DGRAM, BULK_SEQPACKET,
	CONNECT_NAME, CONNECT_PATH, PASS, GARBAGE, COLLECTED, PUBLIC, LISTENER,
	TABLE, NACTS
};

static const char * const act_name[NACTS] = {
	"stream", "dgram", "seqpacket", "much by stream", "much by dgram",
	"much by seqpacket", "connect", "connect to a path",
	"pass a descriptor", "garbage", "garbage is collected",
	"dgram that all send to",
	"listener that all connect to", "table of sockets",
};

static struct state {
	int		stop;
	int		act;		/* what it is doing */
	double		begin;		/* since when, 0: nothing */
	unsigned long	done[NACTS];
	double		longest[NACTS];
	char		failed[160];	/* a call that has */
} *state;
static pid_t pid = -1, parent;
static int family, said;

/* A partner answers with a byte when it has had all of these. */
static const struct talk {
	int	type, size, times;
} talks[NTALKS] = {
	{ SOCK_STREAM, 100, 1 }, { SOCK_DGRAM, 100, 1 },
	{ SOCK_SEQPACKET, 100, 1 }, { SOCK_STREAM, 8000, 12 },
	{ SOCK_DGRAM, 4000, 15 }, { SOCK_SEQPACKET, 8000, 12 },
};
static int pairs[NTALKS][2], both[2], all[2], proc_net;
static char bytes[8000];

/* --- in it ----------------------------------------------------------------- */

static double since(void)
{
	double begin;

	__atomic_load(&state->begin, &begin, __ATOMIC_RELAXED);
	return begin ? seconds_now() - begin : 0;
}

static void set_begin(double begin)
{
	__atomic_store(&state->begin, &begin, __ATOMIC_RELAXED);
}

static void fail(const char *call)
{
	if (!state->failed[0])
		snprintf(state->failed, sizeof(state->failed), "%s: %s: %s",
			 act_name[state->act], call, strerror(errno));
	set_begin(0);
	_exit(1);
}

static int must(int ret, const char *call)
{
	if (ret < 0)
		fail(call);
	return ret;
}

static void *partner(void *arg)
{
	const struct talk *t = arg;
	int fd = pairs[t - talks][1], want;
	char buf[8000];

	for (;;) {
		for (want = t->size * t->times; want > 0;)
			want -= must(recv(fd, buf, sizeof(buf), 0), "recv");
		must(send(fd, "", 1, MSG_NOSIGNAL), "send");
	}
	return NULL;
}

static void talk(int i)
{
	int n;

	for (n = 0; n < talks[i].times; n++)
		must(send(pairs[i][0], bytes, talks[i].size, MSG_NOSIGNAL),
		     "send");
	must(recv(pairs[i][0], bytes, 1, 0), "recv");
}

static socklen_t own_name(int number, const char *path, struct sockaddr_un *un)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	if (path)
		strcpy(un->sun_path, path);
	else
		sprintf(un->sun_path + 1, "by%d-%d", (int)parent, number);
	return 2 + 1 + strlen(un->sun_path + !path) + !!path;
}

socklen_t bystander_name(int which, void *addr)
{
	return own_name(which, NULL, addr);
}

static void connect_one(int type, const char *path)
{
	struct sockaddr_un un, peer;
	socklen_t len = own_name(2, path, &un), plen = sizeof(peer);
	int l, c, a;

	l = must(socket(family, type, 0), "socket");
	must(bind(l, (void *)&un, len), "bind");
	must(listen(l, 1), "listen");
	c = must(socket(family, type, 0), "socket");
	must(connect(c, (void *)&un, len), "connect");
	a = must(accept(l, NULL, NULL), "accept");
	must(send(c, bytes, 10, MSG_NOSIGNAL), "send");
	must(recv(a, bytes, 10, 0), "recv");
	must(getpeername(c, (void *)&peer, &plen), "getpeername");
	must(close(c), "close");
	must(close(a), "close");
	must(close(l), "close");
	if (path)
		must(unlink(path), "unlink");
}

/* One message with these descriptors */
static void send_fds(int fd, const int *fds, int n)
{
	char control[128] __attribute__((aligned(8))) = "";
	struct iovec iov = { bytes, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(h), fds, n * sizeof(int));
	must(sendmsg(fd, &msg, MSG_NOSIGNAL), "sendmsg");
}

static void pass(void)
{
	char control[128] __attribute__((aligned(8)));
	struct iovec iov = { bytes, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd[2], got;

	must(pipe(fd), "pipe");
	send_fds(both[0], fd + 1, 1);
	must(recvmsg(both[1], &msg, 0), "recvmsg");
	errno = ENOMSG;
	must(CMSG_FIRSTHDR(&msg) ? 0 : -1, "recvmsg");
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
	must(write(got, "x", 1), "write");
	must(read(fd[0], bytes, 1), "read");
	close(got);
	close(fd[0]);
	close(fd[1]);
}

/* Two that have only each other, and a pipe whose end tells when they are gone */
static int garbage(void)
{
	int fd[2], tell[2], send[3];

	must(socketpair(family, SOCK_STREAM, 0, fd), "socketpair");
	must(pipe(tell), "pipe");
	send[0] = fd[0];
	send[1] = fd[1];
	send[2] = tell[1];
	send_fds(fd[0], send, 3);
	send_fds(fd[1], send, 2);
	close(fd[0]);
	close(fd[1]);
	close(tell[1]);
	return tell[0];
}

static void collected(int fd)
{
	struct pollfd pfd = { .fd = fd };

	must(poll(&pfd, 1, -1), "poll");
	close(fd);
}

/* What others send is in between. */
static void public_dgram(void)
{
	static unsigned long token;
	struct sockaddr_un un;
	socklen_t len = bystander_name(0, &un);
	unsigned long got[1000];
	int fd = must(socket(family, SOCK_DGRAM, 0), "socket");

	token++;
	/* Nobody else makes room. */
	while (sendto(fd, &token, sizeof(token), MSG_DONTWAIT, (void *)&un,
		      len) < 0) {
		if (errno != EAGAIN)
			fail("sendto");
		recv(all[0], got, sizeof(got), MSG_DONTWAIT);
	}
	do {
		got[0] = 0;
		must(recv(all[0], got, sizeof(got), 0), "recv");
	} while (got[0] != token);
	close(fd);
}

/* Who else connects is let in and left. */
static void public_listener(void)
{
	struct sockaddr_un un;
	socklen_t len = bystander_name(1, &un);
	int fd = must(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
	int a, ours = 0;
	struct ucred cred;

	/* Nobody else makes room. */
	while (connect(fd, (void *)&un, len) < 0) {
		if (errno != EAGAIN)
			fail("connect");
		close(must(accept(all[1], NULL, NULL), "accept"));
		len = bystander_name(1, &un);
	}
	while (!ours) {
		a = must(accept(all[1], NULL, NULL), "accept");
		len = sizeof(cred);
		must(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &cred, &len),
		     "SO_PEERCRED");
		ours = cred.uid == NOBODY && cred.pid == getpid();
		close(a);
	}
	close(fd);
}

static void table(void)
{
	const char *name = family == AF_UNIX ? "unix" : "vunix";
	int fd = must(openat(proc_net, name, O_RDONLY), name);
	char buf[4096];

	while (must(read(fd, buf, sizeof(buf)), name) > 0)
		;
	close(fd);
}

static void act(int what)
{
	static int tells;

	switch (what) {
	case CONNECT_NAME:
		connect_one(state->done[what] % 2 ? SOCK_STREAM :
						    SOCK_SEQPACKET, NULL);
		break;
	case CONNECT_PATH:
		connect_one(SOCK_STREAM, "s");
		break;
	case PASS:
		pass();
		break;
	case GARBAGE:
		tells = garbage();
		break;
	case COLLECTED:
		collected(tells);
		break;
	case PUBLIC:
		public_dgram();
		break;
	case LISTENER:
		public_listener();
		break;
	case TABLE:
		table();
		break;
	default:
		talk(what);
	}
}

/* Nobody's user and groups: no privilege, and its own count of descriptors */
static void become_another(void)
{
	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		perror("fuzz: the bystander is no other user");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

static void prepare(void)
{
	struct sockaddr_un un;
	int i, size = 20000;
	pthread_t id;
	socklen_t len;

	for (i = 0; i < NTALKS; i++) {
		must(socketpair(family, talks[i].type, 0, pairs[i]),
		     "socketpair");
		/* What is much has to wait for room. */
		must(setsockopt(pairs[i][0], SOL_SOCKET, SO_SNDBUF, &size,
				sizeof(size)), "SO_SNDBUF");
		errno = pthread_create(&id, NULL, partner, (void *)&talks[i]);
		must(-errno, "pthread_create");
	}
	must(socketpair(family, SOCK_STREAM, 0, both), "socketpair");
	for (i = 0; i < 2; i++) {
		all[i] = must(socket(family, i ? SOCK_STREAM : SOCK_DGRAM, 0),
			      "socket");
		len = bystander_name(i, &un);
		must(bind(all[i], (void *)&un, len), "bind");
	}
	must(listen(all[1], 100), "listen");
}

static void bystander(int ready)
{
	double took;
	int what;

	must(dup2(ready, 3), "dup2");
	syscall(SYS_close_range, 4, ~0U, 0);
	/* It is no one's fault if it only waits for a processor. */
	setpriority(PRIO_PROCESS, 0, -15);
	/* The way there may be open to root alone. */
	proc_net = must(open("/proc/self/net", O_PATH | O_DIRECTORY),
			"/proc/self/net");
	if (chdir(FOLDER) < 0)
		fail(FOLDER);
	become_another();
	prepare();
	must(write(3, "", 1), "write");
	close(3);
	for (what = 0; !__atomic_load_n(&state->stop, __ATOMIC_RELAXED);
	     what = (what + 1) % NACTS) {
		state->act = what;
		set_begin(seconds_now());
		act(what);
		took = since();
		set_begin(0);
		if (took > state->longest[what])
			state->longest[what] = took;
		state->done[what]++;
		/* It goes first: others are to have a processor, too. */
		usleep(1000 + (took < 0.2 ? took : 0.2) * 1e6);
	}
	_exit(0);
}

/* --- outside --------------------------------------------------------------- */

int bystander_start(int fam)
{
	int ready[2];
	char byte;

	family = fam;
	state = shared_memory(sizeof(*state));
	parent = getpid();
	if ((mkdir(FOLDER, 0777) < 0 && errno != EEXIST) ||
	    chown(FOLDER, NOBODY, NOBODY) < 0 || pipe(ready) < 0)
		return -1;
	pid = fork();
	if (!pid)
		bystander(ready[1]);
	close(ready[1]);
	errno = ECHILD;
	if (pid > 0 && read(ready[0], &byte, 1) == 1) {
		close(ready[0]);
		return 0;
	}
	fprintf(stderr, "fuzz: bystander: %s\n", state->failed);
	return -1;
}

pid_t bystander_pid(void)
{
	return pid;
}

static double limit(int what)
{
	return what == COLLECTED ? LIMIT_COLLECTED : LIMIT;
}

int bystander_late(void)
{
	int what = state->act;
	double took = since();

	if (said)
		return 0;
	if (waitpid(pid, NULL, WNOHANG) == pid) {
		printf("# bystander: it has ended: %s\n", state->failed);
		pid = -1;
	} else if (took > limit(what)) {
		printf("# bystander: %s: more than %.0f s\n", act_name[what],
		       limit(what));
	} else {
		return 0;
	}
	said = 1;
	return 1;
}

int bystander_end(char *text)
{
	int i, status = 1, bad = said, longest = 0, tries;
	double took;

	__atomic_store_n(&state->stop, 1, __ATOMIC_RELAXED);
	for (tries = 0; pid > 0 && tries < 6000; tries++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
		usleep(10000);
	}
	if (pid > 0 && tries == 6000) {
		printf("# bystander: %s: it does not end\n",
		       act_name[state->act]);
		kill(pid, SIGKILL);
		bad = 1;
	}
	took = since();
	if (took > state->longest[state->act])
		state->longest[state->act] = took;
	bad |= !!status;
	if (state->failed[0])
		printf("# bystander: %s\n", state->failed);
	for (i = 0; i < NACTS; i++) {
		printf("# bystander: %s: %lu times, %.0f ms at most\n",
		       act_name[i], state->done[i], 1000 * state->longest[i]);
		if (state->longest[i] > limit(i) || !state->done[i])
			bad = 1;
		/* The collector has its own limit, and takes its time. */
		if (i != COLLECTED && state->longest[i] > state->longest[longest])
			longest = i;
	}
	sprintf(text, "bystander waited %.0f ms at most (%s)",
		1000 * state->longest[longest], act_name[longest]);
	unlink(FOLDER "/s");
	rmdir(FOLDER);
	pid = -1;
	return bad;
}
