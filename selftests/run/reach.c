// SPDX-License-Identifier: GPL-2.0
/*
 * reach server DIR - a server on AF_UNIX, without vunix-run
 * reach TEST DIR   - a client under vunix-run --fallback that has to reach it
 *
 * The server answers each connection with who it takes the client for, then
 * echoes; of datagrams it notes the sender's process in DIR/log, and answers
 * those that have a name.
 */
#include "prog.h"
#include <grp.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/fuse.h>
#include <linux/net_tstamp.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/utsname.h>

static const char *dir;

struct peer {
	const char	*name;	/* behind DIR/ or '@' */
	int		type;
};

static const struct peer peers[] = {
	{ "stream", SOCK_STREAM }, { "seqpacket", SOCK_SEQPACKET },
	{ "dgram", SOCK_DGRAM }, { "@stream", SOCK_STREAM },
	{ "@seqpacket", SOCK_SEQPACKET }, { "@dgram", SOCK_DGRAM },
};

#define NR_PEERS	6

static socklen_t peer_address(struct sockaddr_un *un, const char *name)
{
	char full[100];

	if (name[0] == '@')
		snprintf(full, sizeof(full), "@%s/%s", dir, name + 1);
	else
		snprintf(full, sizeof(full), "%s/%s", dir, name);
	return address(un, full);
}

/* A path that fills the address, so that no NUL ends it */
static socklen_t long_address(struct sockaddr_un *un)
{
	un->sun_family = AF_UNIX;
	memset(un->sun_path, 'x', sizeof(un->sun_path));
	memcpy(un->sun_path, dir, strlen(dir));
	un->sun_path[strlen(dir)] = '/';
	return sizeof(*un);
}

/*
 * The server
 */

static int long_listener(void)
{
	struct sockaddr_un un;
	socklen_t len = long_address(&un);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK(!bind(fd, (void *)&un, len) && !listen(fd, 64));
	return fd;
}

static void serve_datagram(int fd, FILE *log)
{
	char buf[128], control[CMSG_SPACE(sizeof(struct ucred)) +
			       CMSG_SPACE(sizeof(int))];
	struct sockaddr_un un;
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_name = &un, .msg_namelen = sizeof(un),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(fd, &msg, 0);
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
	struct ucred cred = { 0 };
	int passed;

	CHECK(len >= 0);
	for (; head; head = CMSG_NXTHDR(&msg, head)) {
		if (head->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&cred, CMSG_DATA(head), sizeof(cred));
		} else if (head->cmsg_type == SCM_RIGHTS) {
			/* Who sends a descriptor hears of it there. */
			memcpy(&passed, CMSG_DATA(head), sizeof(passed));
			CHECK(write(passed, "r", 1) == 1);
			close(passed);
		}
	}
	fprintf(log, "%d %d %.*s\n", cred.pid, cred.uid, (int)len, buf);
	fflush(log);
	if (msg.msg_namelen > sizeof(un.sun_family))
		sendto(fd, buf, len, 0, (void *)&un, msg.msg_namelen);
}

static void greet(int listener, int set)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = accept(listener, NULL, NULL);
	struct ucred cred;
	socklen_t len = sizeof(cred);
	char text[64];

	CHECK(fd >= 0);
	CHECK(!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	len = snprintf(text, sizeof(text), "%d %d", cred.pid, cred.uid);
	if (send(fd, text, len, MSG_NOSIGNAL) < 0) {
		close(fd);
		return;
	}
	event.data.fd = fd;
	CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
}

static void echo(int fd)
{
	char buf[256];
	ssize_t len = recv(fd, buf, sizeof(buf), 0);

	if (len <= 0 || send(fd, buf, len, MSG_NOSIGNAL) < 0)
		close(fd);
}

static void server(void)
{
	int set = epoll_create1(0), fds[NR_PEERS + 1], one = 1;
	struct epoll_event more = { .events = EPOLLIN };
	char path[128];
	FILE *log;

	snprintf(path, sizeof(path), "%s/log", dir);
	log = fopen(path, "a");
	CHECK(log && set >= 0);
	for (int i = 0; i < NR_PEERS; i++) {
		struct epoll_event event = { .events = EPOLLIN };
		struct sockaddr_un un;
		socklen_t len = peer_address(&un, peers[i].name);

		fds[i] = socket(AF_UNIX, peers[i].type, 0);
		CHECK(!bind(fds[i], (void *)&un, len));
		if (un.sun_path[0])
			CHECK(!chmod(un.sun_path, 0777));
		if (peers[i].type == SOCK_DGRAM)
			CHECK(!setsockopt(fds[i], SOL_SOCKET, SO_PASSCRED, &one,
					  sizeof(one)));
		else
			CHECK(!listen(fds[i], 64));
		event.data.fd = fds[i];
		CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &event));
	}
	fds[NR_PEERS] = long_listener();
	more.data.fd = fds[NR_PEERS];
	CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, more.data.fd, &more));
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct epoll_event event;
		int i;

		if (epoll_wait(set, &event, 1, -1) != 1)
			continue;
		for (i = 0; i <= NR_PEERS && fds[i] != event.data.fd; i++)
			;
		if (i > NR_PEERS)
			echo(event.data.fd);
		else if (i < NR_PEERS && peers[i].type == SOCK_DGRAM)
			serve_datagram(fds[i], log);
		else
			greet(fds[i], set);
	}
}

/*
 * Clients
 */

static int reach(int fd, const char *name)
{
	struct sockaddr_un un;
	socklen_t len = peer_address(&un, name);

	return connect(fd, (void *)&un, len);
}

/* The server knows who we are, and hears what we say. */
static void talk(int fd)
{
	char want[64], buf[64];
	ssize_t len;

	snprintf(want, sizeof(want), "%d %d", getpid(), geteuid());
	len = recv(fd, buf, sizeof(buf) - 1, 0);
	CHECK(len > 0);
	buf[len] = 0;
	CHECK(!strcmp(buf, want));
	CHECK(send(fd, "hello", 5, 0) == 5);
	CHECK(recv(fd, buf, sizeof(buf), 0) == 5 && !memcmp(buf, "hello", 5));
}

/* Does the log say that we have sent this? */
static bool logged(const char *text)
{
	char want[128], line[128], path[128];
	bool found = false;

	snprintf(want, sizeof(want), "%d %d %s\n", getpid(), geteuid(), text);
	snprintf(path, sizeof(path), "%s/log", dir);
	for (int i = 0; i < 3000 && !found; i++) {
		FILE *log = fopen(path, "re");

		CHECK(log);
		while (!found && fgets(line, sizeof(line), log))
			found = !strcmp(line, want);
		fclose(log);
		if (!found)
			usleep(20000);
	}
	return found;
}

static void test_connect(void)
{
	for (int i = 0; i < NR_PEERS; i++) {
		int fd = socket(AF_UNIX, peers[i].type, 0);

		CHECK(on_vunix(fd));
		errno = 77;
		CHECK(!reach(fd, peers[i].name) && errno == 77);
		CHECK(!on_vunix(fd));
		if (peers[i].type != SOCK_DGRAM) {
			talk(fd);
			CHECK(reach(fd, peers[i].name) < 0 && errno == EISCONN);
		} else {
			CHECK(send(fd, peers[i].name, strlen(peers[i].name), 0)
			      > 0);
			CHECK(logged(peers[i].name));
		}
		close(fd);
	}
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) == 3);
}

static void test_relative(void)
{
	struct sockaddr_un un;
	socklen_t len = address(&un, "stream");
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK(!chdir(dir));
	CHECK(!connect(fd, (void *)&un, len));
	talk(fd);
}

static void test_long_path(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un un;
	socklen_t len = long_address(&un);

	CHECK(!connect(fd, (void *)&un, len));
	talk(fd);
}

static void check_int(int fd, int name, int want)
{
	int value = -1;
	socklen_t len = sizeof(value);

	CHECK(!getsockopt(fd, SOL_SOCKET, name, &value, &len));
	CHECK(value == want);
}

/* Each is set to other than it is in a new socket. */
static const struct {
	int	name, value;
} more_options[] = {
	{ SO_RCVLOWAT, 3 }, { SO_PRIORITY, 4 }, { SO_BROADCAST, 1 },
	{ SO_OOBINLINE, 1 }, { SO_TIMESTAMP, 1 }, { SO_RXQ_OVFL, 1 },
	{ SO_TIMESTAMPING, SOF_TIMESTAMPING_SOFTWARE },
};

static void set_more(int fd)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 0x7fff);
	struct sock_fprog prog = { 1, &code };

	for (size_t i = 0; i < sizeof(more_options) / sizeof(*more_options);
	     i++)
		CHECK(!setsockopt(fd, SOL_SOCKET, more_options[i].name,
				  &more_options[i].value, sizeof(int)));
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			  sizeof(prog)));
}

static void check_more(int fd)
{
	struct sock_filter code[4];
	socklen_t len = 4;

	for (size_t i = 0; i < sizeof(more_options) / sizeof(*more_options);
	     i++)
		check_int(fd, more_options[i].name, more_options[i].value);
	CHECK(!getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, code, &len));
	CHECK(len == 1 && code[0].k == 0x7fff);
}

static void test_options(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct linger linger = { 1, 7 };
	struct timeval time = { 3, 200000 };
	int one = 1, size = 50000, off = 0, twin;
	struct sockaddr_un un;
	socklen_t len;

	CHECK(!setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off)));
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)));
	CHECK(!fcntl(fd, F_SETOWN, getpid()));
	CHECK(!fcntl(fd, F_SETSIG, SIGUSR1));
	set_more(fd);
	twin = fcntl(fd, F_DUPFD, 20);
	CHECK(twin == 20);

	CHECK(!reach(fd, "stream"));
	CHECK(!on_vunix(fd) && inode_of(fd) == inode_of(twin));
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC && !fcntl(twin, F_GETFD));
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(fd, F_GETOWN) == getpid());
	CHECK(fcntl(fd, F_GETSIG) == SIGUSR1);
	check_int(fd, SO_PASSCRED, 1);
	check_int(fd, SO_SNDBUF, 100000);
	check_int(fd, SO_PEEK_OFF, 0);
	check_int(fd, SO_KEEPALIVE, 1);
	check_more(fd);
	len = sizeof(time);
	memset(&time, 0, sizeof(time));
	CHECK(!getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &len));
	/* In jiffies. */
	CHECK(time.tv_sec == 3 && time.tv_usec >= 200000 &&
	      time.tv_usec < 220000);
	len = sizeof(linger);
	memset(&linger, 0, sizeof(linger));
	CHECK(!getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	CHECK(linger.l_onoff == 1 && linger.l_linger == 7);
	/* For SO_PASSCRED it has got a name. */
	len = sizeof(un);
	CHECK(!getsockname(fd, (void *)&un, &len) && len == 8);
}

static volatile sig_atomic_t got_sigio;

static void on_sigio(int sig, siginfo_t *info, void *context)
{
	got_sigio = info->si_fd;
}

/*
 * O_ASYNC, and the signal names the right number.  A task that sleeps in recv()
 * is woken and gets no signal, so nothing is received before it is there.
 */
static void test_async(void)
{
	struct sigaction act = {
		.sa_sigaction = on_sigio, .sa_flags = SA_SIGINFO | SA_RESTART,
	};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char buf[64];

	CHECK(!sigaction(SIGRTMIN, &act, NULL));
	CHECK(!fcntl(fd, F_SETOWN, getpid()));
	CHECK(!fcntl(fd, F_SETSIG, SIGRTMIN));
	CHECK(!fcntl(fd, F_SETFL, O_ASYNC));
	CHECK(!reach(fd, "stream"));
	CHECK(fcntl(fd, F_GETFL) & O_ASYNC);
	talk(fd);
	got_sigio = 0;
	CHECK(send(fd, "again", 5, 0) == 5);
	for (int i = 0; i < 6000 && !got_sigio; i++)
		poll(NULL, 0, 10);
	CHECK(got_sigio == fd);
	CHECK(poll(&pfd, 1, 0) == 1 && recv(fd, buf, sizeof(buf), 0) == 5);
}

static int *stranger_hit;

static void on_stranger(int sig)
{
	*stranger_hit = 1;
}

/* Nobody may send signals to root, through a socket as little as by kill(). */
static void test_stranger(void)
{
	pid_t pid, stranger;
	int fd;

	if (geteuid())
		SKIP("not root");
	stranger_hit = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(stranger_hit != MAP_FAILED);
	CHECK(signal(SIGRTMIN, on_stranger) != SIG_ERR);
	stranger = fork();
	if (!stranger)
		for (;;)
			pause();
	pid = fork();
	if (!pid) {
		CHECK(!setgroups(0, NULL));
		CHECK(!setresgid(65534, 65534, 65534));
		CHECK(!setresuid(65534, 65534, 65534));
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		CHECK(!fcntl(fd, F_SETOWN, stranger));
		CHECK(!fcntl(fd, F_SETSIG, SIGRTMIN));
		CHECK(!fcntl(fd, F_SETFL, O_ASYNC));
		CHECK(!reach(fd, "stream"));
		talk(fd);
		exit(0);
	}
	CHECK(child_status(pid) == 0);
	/* It would have been sent while they talked. */
	poll(NULL, 0, 100);
	CHECK(!*stranger_hit);
	CHECK(!kill(stranger, SIGRTMIN));
	for (int i = 0; i < 6000 && !*stranger_hit; i++)
		poll(NULL, 0, 10);
	CHECK(*stranger_hit);
	CHECK(!kill(stranger, SIGKILL));
	CHECK(waitpid(stranger, NULL, 0) == stranger);
}

static int filter_flags;

static void kill_for(int number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(*code), code };

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter_flags,
		       &prog));
}

/* In a sandbox that allows little a socket stays what it was, or is reached. */
static void test_sandboxed(void)
{
	static const int forbidden[] = {
		SYS_dup3, SYS_getdents64, SYS_socket, SYS_getsockopt,
	};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++)
		kill_for(forbidden[i]);
	CHECK(!reach(fd, "stream") || errno == ECONNREFUSED);
}

static void test_names(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un un, got;
	char text[] = "named", buf[16];
	socklen_t len, got_len = sizeof(got);

	snprintf(buf, sizeof(buf), "@%d", getpid());
	len = address(&un, buf);
	CHECK(!bind(fd, (void *)&un, len));
	len = peer_address(&got, "dgram");
	CHECK(sendto(fd, text, 5, 0, (void *)&got, len) == 5);
	CHECK(!on_vunix(fd));
	CHECK(!getsockname(fd, (void *)&got, &got_len));
	CHECK(got_len == offsetof(struct sockaddr_un, sun_path) + strlen(buf) &&
	      !memcmp(&un, &got, got_len));
	CHECK(recv(fd, buf, sizeof(buf), 0) == 5 && !memcmp(buf, text, 5));
	close(fd);

	/* A path stays where others may look for it. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	len = peer_address(&un, "mine");
	CHECK(!bind(fd, (void *)&un, len));
	CHECK(reach(fd, "stream") < 0 && errno == ECONNREFUSED);
	CHECK(on_vunix(fd));
	unlink(un.sun_path);
}

static void test_send(void)
{
	for (int how = 0; how < 3; how++) {
		int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
		char text[] = "sent by 0", more[] = "and then ";
		struct iovec iov = { text, 9 }, second = { more, 9 };
		struct sockaddr_un un;
		struct mmsghdr mm[2] = { 0 };
		struct msghdr *msg = &mm[0].msg_hdr;
		int n = 0;

		text[8] += how;
		msg->msg_name = &un;
		msg->msg_namelen = peer_address(&un, "dgram");
		msg->msg_iov = &iov;
		msg->msg_iovlen = 1;
		mm[1].msg_hdr = *msg;
		mm[1].msg_hdr.msg_iov = &second;
		if (how == 0)
			CHECK(sendto(fd, text, 9, 0, (void *)&un,
				     msg->msg_namelen) == 9);
		else if (how == 1)
			CHECK(sendmsg(fd, msg, 0) == 9);
		else
			for (n = 0; n < 2;) {
				int done = sendmmsg(fd, mm + n, 2 - n, 0);

				CHECK(done > 0 && mm[n].msg_len == 9);
				n += done;
			}
		CHECK(!on_vunix(fd));
		CHECK(logged(text));
		CHECK(how < 2 || logged(more));
		close(fd);
	}
}

/* What comes with the message that makes it change sides. */
static void test_control(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), ends[2];
	struct sockaddr_un un;
	char byte = 'c';
	struct iovec iov = { &byte, 1 };
	union {
		struct cmsghdr	head;
		char		buf[CMSG_SPACE(sizeof(int))];
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr msg = {
		.msg_name = &un,
		.msg_namelen = peer_address(&un, "dgram"),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	CHECK(!pipe(ends));
	memcpy(CMSG_DATA(&control.head), &ends[1], sizeof(int));
	CHECK(sendmsg(fd, &msg, 0) == 1);
	close(ends[1]);
	CHECK(!on_vunix(fd));
	CHECK(read(ends[0], &byte, 1) == 1 && byte == 'r');
	CHECK(read(ends[0], &byte, 1) == 0);
}

/* Nobody there: what it is on AF_UNIX, and the socket stays vunix's. */
static void test_nobody(void)
{
	for (int i = 0; i < 3; i++) {
		int fd = socket(AF_UNIX, peers[i].type, 0);
		struct sockaddr_un un;
		socklen_t len;

		CHECK(reach(fd, "nobody") < 0 && errno == ENOENT);
		CHECK(reach(fd, "@nobody") < 0 && errno == ECONNREFUSED);
		CHECK(reach(fd, "log") < 0 && errno == ECONNREFUSED);
		if (peers[i].type == SOCK_DGRAM) {
			len = peer_address(&un, "@nobody");
			CHECK(sendto(fd, "x", 1, 0, (void *)&un, len) < 0 &&
			      errno == ECONNREFUSED);
		}
		CHECK(on_vunix(fd));
		close(fd);
	}
}

/* Without --fallback */
static void test_refused(void)
{
	for (int i = 0; i < NR_PEERS; i++) {
		int fd = socket(AF_UNIX, peers[i].type, 0);

		CHECK(reach(fd, peers[i].name) < 0 && errno == ECONNREFUSED);
		CHECK(on_vunix(fd));
	}
}

/* The same abstract name in both families: vunix's is meant. */
static void test_preferred(void)
{
	for (int i = 3; i < NR_PEERS; i++) {
		int owner = socket(AF_UNIX, peers[i].type, 0);
		int fd = socket(AF_UNIX, peers[i].type, 0);
		struct sockaddr_un un;
		socklen_t len = peer_address(&un, peers[i].name);
		char byte;

		CHECK(!bind(owner, (void *)&un, len));
		CHECK(peers[i].type == SOCK_DGRAM || !listen(owner, 1));
		CHECK(!reach(fd, peers[i].name) && on_vunix(fd));
		if (peers[i].type != SOCK_DGRAM) {
			CHECK(accept(owner, NULL, NULL) >= 0);
			continue;
		}
		CHECK(send(fd, "p", 1, 0) == 1);
		CHECK(recv(owner, &byte, 1, 0) == 1 && byte == 'p');
	}
}

/* A socket that is watched already, in several sets and under two numbers. */
static void test_epoll(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int twin = dup(fd), other = socket(AF_UNIX, SOCK_STREAM, 0);
	int a = epoll_create1(0), b = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN }, got[4];
	bool seen[2] = { false, false };

	event.data.u64 = 0x123456789abcdef0;
	CHECK(!epoll_ctl(a, EPOLL_CTL_ADD, fd, &event));
	event.data.u64 = 77;
	CHECK(!epoll_ctl(a, EPOLL_CTL_ADD, twin, &event));
	event.events = EPOLLIN | EPOLLET | EPOLLRDHUP;
	event.data.u64 = 5;
	CHECK(!epoll_ctl(b, EPOLL_CTL_ADD, fd, &event));
	event.data.u64 = 6;
	CHECK(!epoll_ctl(b, EPOLL_CTL_ADD, other, &event));

	CHECK(!reach(fd, "stream"));
	for (int n = 0; !seen[0] || !seen[1];) {
		n = epoll_wait(a, got, 4, 60000);
		CHECK(n > 0);
		for (int i = 0; i < n; i++) {
			CHECK(!(got[i].events & EPOLLHUP));
			if (got[i].data.u64 == 0x123456789abcdef0)
				seen[0] = got[i].events & EPOLLIN;
			else if (got[i].data.u64 == 77)
				seen[1] = got[i].events & EPOLLIN;
			else
				CHECK(!"such data");
		}
	}
	CHECK(epoll_wait(b, got, 1, 60000) == 1);
	/* It may be the other one's hang-up, which is not connected. */
	if (got[0].data.u64 == 6)
		CHECK(epoll_wait(b, got, 1, 60000) == 1);
	CHECK(got[0].data.u64 == 5 && (got[0].events & EPOLLIN));
	fcntl(fd, F_SETFL, 0);
	talk(fd);
	/* It can be changed, and taken out. */
	event.events = EPOLLOUT;
	event.data.u64 = 9;
	CHECK(!epoll_ctl(a, EPOLL_CTL_MOD, fd, &event));
	CHECK(!epoll_ctl(a, EPOLL_CTL_DEL, twin, NULL));
	CHECK(!epoll_ctl(b, EPOLL_CTL_DEL, fd, NULL));
	CHECK(epoll_wait(a, got, 1, 60000) == 1 && got[0].data.u64 == 9 &&
	      got[0].events == EPOLLOUT);
}

/*
 * Threads on one descriptor: some connect it, others use it all the time.
 */

static int shared;
static atomic_int connected, stop;

static void *racing_connect(void *arg)
{
	if (!reach(shared, arg))
		atomic_fetch_add(&connected, 1);
	else
		CHECK(errno == EISCONN);
	return NULL;
}

static void *racing_use(void *arg)
{
	while (!stop) {
		struct pollfd pfd = { .fd = shared, .events = POLLIN };
		struct epoll_event event;
		struct stat st;
		int value;
		socklen_t len = sizeof(value);

		CHECK(fcntl(shared, F_GETFD) == FD_CLOEXEC);
		CHECK(!fstat(shared, &st) && S_ISSOCK(st.st_mode));
		CHECK(!getsockopt(shared, SOL_SOCKET, SO_PASSCRED, &value,
				  &len) && value == 1);
		CHECK(poll(&pfd, 1, 0) >= 0 && !(pfd.revents & POLLNVAL));
		CHECK(epoll_wait(*(int *)arg, &event, 1, 0) >= 0);
		close(dup(shared));
	}
	return NULL;
}

static void race(const char *name, int type)
{
	struct epoll_event event = { .events = EPOLLIN };
	pthread_t threads[6];
	int one = 1, set = epoll_create1(0);

	shared = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	CHECK(!setsockopt(shared, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, shared, &event));
	connected = 0;
	stop = 0;
	for (int i = 0; i < 6; i++)
		CHECK(!pthread_create(&threads[i], NULL,
				      i < 2 ? racing_use : racing_connect,
				      i < 2 ? (void *)&set : (void *)name));
	for (int i = 2; i < 6; i++)
		CHECK(!pthread_join(threads[i], NULL));
	stop = 1;
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_join(threads[i], NULL));
	CHECK(connected == 1);
	CHECK(!on_vunix(shared));
	CHECK(epoll_wait(set, &event, 1, 60000) == 1);
	talk(shared);
	close(shared);
	close(set);
}

static void test_threads(void)
{
	for (int i = 0; i < 15; i++) {
		race("stream", SOCK_STREAM);
		race("@seqpacket", SOCK_SEQPACKET);
	}
}

/* Threads may have little room. */
static void test_small_stack(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	shared = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(!pthread_attr_init(&attr));
	CHECK(!pthread_attr_setstacksize(&attr, 32768));
	CHECK(!pthread_create(&thread, &attr, racing_connect, "stream"));
	CHECK(!pthread_join(thread, NULL));
	CHECK(connected == 1);
	talk(shared);
}

static void *keep_connecting(void *arg)
{
	while (!stop) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		CHECK(!reach(fd, arg));
		close(fd);
	}
	return NULL;
}

/* A child has not got the thread that was connecting when it was made. */
static void test_fork_threads(void)
{
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, keep_connecting, "stream"));
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();

		if (!pid) {
			int fd = socket(AF_UNIX, SOCK_STREAM, 0);

			alarm(60);
			CHECK(!reach(fd, "stream"));
			talk(fd);
			_exit(0);
		}
		CHECK(child_status(pid) == 0);
	}
	stop = 1;
	CHECK(!pthread_join(thread, NULL));
}

static void *connect_or_not(void *arg)
{
	while (!stop) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		if (!reach(fd, arg))
			connected++;
		else
			CHECK(errno == ECONNREFUSED);
		close(fd);
	}
	return NULL;
}

/*
 * One thread puts all of them into a sandbox, some of which are just replacing
 * a socket: none of them does what the filter kills for.
 */
static void test_filter_threads(void)
{
	static const int forbidden[] = { SYS_dup3, SYS_getdents64 };
	pthread_t threads[3];

	for (int round = 0; round < 30; round++) {
		pid_t pid = fork();
		int before;

		if (pid) {
			CHECK(child_status(pid) == 0);
			continue;
		}
		for (int i = 0; i < 3; i++)
			CHECK(!pthread_create(&threads[i], NULL,
					      connect_or_not, "stream"));
		while (connected < 3 + round % 7)
			sched_yield();
		filter_flags = SECCOMP_FILTER_FLAG_TSYNC;
		for (int i = 0; i < 2; i++)
			kill_for(forbidden[i]);
		before = connected;
		while (connected < before + 10)
			sched_yield();
		stop = 1;
		for (int i = 0; i < 3; i++)
			CHECK(!pthread_join(threads[i], NULL));
		exit(0);
	}
}

/* Cancelled anywhere: nothing is left open, or locked. */
static void test_cancelled(void)
{
	int before = open_fds(), cancels = 0;
	unsigned int seed = 1, range = 3000000;

	connected = 0;
	for (int i = 0; i < 150 || cancels < 10 || connected < 10; i++) {
		struct timespec nap = { .tv_nsec = rand_r(&seed) % range };
		pthread_t thread;
		void *result;

		shared = socket(AF_UNIX, SOCK_STREAM, 0);
		CHECK(!pthread_create(&thread, NULL, racing_connect, "stream"));
		nanosleep(&nap, NULL);
		pthread_cancel(thread);
		CHECK(!pthread_join(thread, &result));
		cancels += result == PTHREAD_CANCELED;
		/* Both ends have to be hit, however fast this machine is. */
		if (result != PTHREAD_CANCELED && cancels < 10)
			range = range / 2 + 1;
		else if (result == PTHREAD_CANCELED && connected < 10 &&
			 range < 500000000)
			range *= 2;
		close(shared);
		CHECK(open_fds() == before);
	}
	shared = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(!reach(shared, "stream"));
	talk(shared);
}

/*
 * The socket is with another process already.  Ours is replaced; the other's
 * cannot be, and is what it has been: not connected.
 */
static void test_passed(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), pair[2], theirs;
	char byte;
	pid_t pid;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	if (!pid) {
		close(fd);
		theirs = receive_fd(pair[1]);
		CHECK(write(pair[1], "r", 1) == 1);
		CHECK(read(pair[1], &byte, 1) == 1);
		CHECK(on_vunix(theirs));
		CHECK(send(theirs, "x", 1, MSG_NOSIGNAL) < 0 &&
		      errno == ENOTCONN);
		/* It can connect it itself. */
		CHECK(!reach(theirs, "stream") && !on_vunix(theirs));
		talk(theirs);
		exit(0);
	}
	CHECK(!send_fd(pair[0], fd));
	CHECK(read(pair[0], &byte, 1) == 1);
	CHECK(!reach(fd, "stream"));
	CHECK(!on_vunix(fd));
	talk(fd);
	CHECK(write(pair[0], "g", 1) == 1);
	CHECK(child_status(pid) == 0);
}

/* In flight while it is replaced. */
static void test_in_flight(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), pair[2], later;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	CHECK(!send_fd(pair[0], fd));
	CHECK(!reach(fd, "stream"));
	talk(fd);
	later = receive_fd(pair[1]);
	CHECK(on_vunix(later) && !on_vunix(fd));
}

/* The library sends it as another; the supervisor cannot. */
static void check_kept(ssize_t sent)
{
	if (preloaded())
		CHECK(sent == 4);
	else
		CHECK(sent < 0 && errno == ECONNREFUSED);
}

/* One that holds messages, or has a peer, is not given up for a message. */
static void test_kept(void)
{
	int fds[2], fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un un, to;
	socklen_t len = peer_address(&un, "@kept");
	socklen_t to_len = peer_address(&to, "dgram");
	char buf[8];

	CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
	CHECK(!bind(fd, (void *)&un, len));
	CHECK(sendto(fds[0], "a", 1, 0, (void *)&un, len) == 1);
	check_kept(sendto(fd, "kept", 4, 0, (void *)&to, to_len));
	CHECK(on_vunix(fd));
	CHECK(recv(fd, buf, 8, 0) == 1 && buf[0] == 'a');
	check_kept(sendto(fds[1], "kept", 4, 0, (void *)&to, to_len));
	CHECK(on_vunix(fds[1]));
	CHECK(send(fds[1], "b", 1, 0) == 1 && recv(fds[0], buf, 8, 0) == 1);
}

/* Also when the process is another by now, or another user. */
static void test_fork(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid = fork();

	if (!pid) {
		if (!geteuid()) {
			CHECK(!setresgid(65534, 65534, 65534));
			CHECK(!setresuid(65534, 65534, 65534));
		}
		CHECK(!reach(fd, "stream"));
		talk(fd);
		exit(0);
	}
	CHECK(child_status(pid) == 0);
	CHECK(on_vunix(fd));
}

/*
 * A file system whose daemon needs the supervisor, under the filter as it is,
 * before it can say anything about a name.
 */
static void fuse_answer(int fd, uint64_t unique, int error, const void *data,
			size_t len)
{
	struct fuse_out_header head = {
		.len = sizeof(head) + len, .error = error, .unique = unique,
	};
	struct iovec iov[] = {
		{ &head, sizeof(head) }, { (void *)data, len },
	};

	CHECK(writev(fd, iov, len ? 2 : 1) == (ssize_t)head.len);
}

static void fuse_daemon(int fd)
{
	static union {
		struct fuse_in_header	head;
		char			buf[1 << 18];
	} request;
	int fds[2];

	while (read(fd, &request, sizeof(request)) > 0) {
		uint64_t unique = request.head.unique;
		struct fuse_init_out init = {
			.major = FUSE_KERNEL_VERSION, .minor = 31,
			.max_write = 4096,
		};

		switch (request.head.opcode) {
		case FUSE_INIT:
			fuse_answer(fd, unique, 0, &init, sizeof(init));
			break;
		case FUSE_LOOKUP:
			CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
			close(fds[0]);
			close(fds[1]);
			fuse_answer(fd, unique, -ENOENT, NULL, 0);
			break;
		case FUSE_FORGET:
			break;
		default:
			fuse_answer(fd, unique, -ENOSYS, NULL, 0);
		}
	}
}

/* A folder, named @where then; who reads from what is returned serves it. */
static int mount_fuse(char *where)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[100];

	if (geteuid())
		SKIP("not root");
	if (fuse < 0)
		SKIP("no file systems in user space");
	CHECK(mkdtemp(where));
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	CHECK(!mount("vunix-run", where, "fuse", 0, options));
	return fuse;
}

static void unmount_fuse(const char *where)
{
	CHECK(!umount2(where, MNT_DETACH));
	rmdir(where);
}

static pid_t connect_below(const char *where, int i, int err)
{
	struct sockaddr_un un;
	char name[100];
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	snprintf(name, sizeof(name), "%s/%d", where, i);
	address(&un, name);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(fd, (void *)&un, sizeof(un)) < 0 && errno == err);
	exit(0);
}

static void test_waiting_path(void)
{
	char where[] = "/tmp/vunix-run.XXXXXX";
	int fuse = mount_fuse(where);
	pid_t pids[4], daemon;

	daemon = fork();
	if (!daemon) {
		/* Nobody could look at what it serves without it. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fuse_daemon(fuse);
		exit(0);
	}
	for (int i = 0; i < 4; i++)
		pids[i] = connect_below(where, i, ENOENT);
	for (int i = 0; i < 4; i++)
		CHECK(child_status(pids[i]) == 0);
	close(fuse);
	unmount_fuse(where);
	CHECK(!kill(daemon, SIGKILL));
	child_status(daemon);
}

static void read_fuse_init(int fuse)
{
	char buf[8192 + 4096];
	struct fuse_in_header *head = (void *)buf;
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096,
	};

	CHECK(read(fuse, buf, sizeof(buf)) > 0 && head->opcode == FUSE_INIT);
	fuse_answer(fuse, head->unique, 0, &init, sizeof(init));
}

/* A worker that is killed at work leaves the call to the kernel. */
static void test_worker_killed(void)
{
	char where[] = "/tmp/vunix-run.XXXXXX";
	int fuse = mount_fuse(where);
	struct pollfd pfd = { .fd = fuse, .events = POLLIN };
	pid_t pid, daemon;

	read_fuse_init(fuse);
	pid = connect_below(where, 0, ENOENT);
	/* Nobody has read it, so who waits for it can be killed. */
	CHECK(poll(&pfd, 1, 60000) == 1);
	for (int i = 0; i < 3; i++)
		kill_workers();
	/* Now it is the caller itself who waits, and it is told. */
	daemon = fork();
	if (!daemon) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fuse_daemon(fuse);
		exit(0);
	}
	CHECK(child_status(pid) == 0);
	close(fuse);
	unmount_fuse(where);
	CHECK(!kill(daemon, SIGKILL));
	child_status(daemon);
	CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)));
}

/*
 * More callers whose workers wait for good than there may be workers: the
 * others are served, if on AF_UNIX; and on vunix again when those have gone.
 */
static void test_all_wait(void)
{
	char where[] = "/tmp/vunix-run.XXXXXX";
	int fuse = mount_fuse(where), fd;
	bool vunix = true;
	pid_t pids[70];

	read_fuse_init(fuse);
	for (int i = 0; i < 70; i++)
		pids[i] = connect_below(where, i, 0);
	for (int i = 0; i < 60000 && vunix; i++) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		CHECK(fd >= 0);
		vunix = on_vunix(fd);
		close(fd);
		usleep(1000);
	}
	CHECK(!vunix);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(reach(fd, "stream") == 0);
	talk(fd);
	close(fd);
	for (int i = 0; i < 70; i++) {
		CHECK(!kill(pids[i], SIGKILL));
		/* Not all of them are seen to have gone at once. */
		if (i % 30 == 29)
			poll(NULL, 0, 600);
	}
	for (int i = 0; i < 70; i++)
		CHECK(WIFSIGNALED(child_status(pids[i])));
	for (int i = 0; i < 60000 && !vunix; i++) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		CHECK(fd >= 0);
		vunix = on_vunix(fd);
		close(fd);
		usleep(1000);
	}
	CHECK(vunix);
	close(fuse);
	unmount_fuse(where);
}

/* /proc/self is who connects, and so is a name under another root. */
static void test_places(void)
{
	struct sockaddr_un un;
	char name[64];
	int fd, at;
	pid_t pid;

	at = open(dir, O_PATH | O_DIRECTORY);
	CHECK(at >= 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d/stream", at);
	address(&un, name);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(!connect(fd, (void *)&un, sizeof(un)));
	talk(fd);
	pid = fork();
	if (!pid) {
		char root[] = "/tmp/vunix-run.XXXXXX";

		/* In folders of its own, and its link leads to its own root. */
		CHECK(mkdtemp(root) && !unshare(CLONE_NEWNS));
		CHECK(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		CHECK(!mount(dir, root, NULL, MS_BIND, NULL));
		CHECK(!chroot(root) && !chdir("/"));
		CHECK(!mkdir("proc", 0755) || errno == EEXIST);
		CHECK(!mount("proc", "proc", "proc", 0, NULL));
		CHECK(!symlink("/stream", "link") || errno == EEXIST);
		for (int i = 0; i < 3; i++) {
			static const char * const names[] = {
				"/stream", "stream", "link",
			};

			address(&un, names[i]);
			fd = socket(AF_UNIX, SOCK_STREAM, 0);
			CHECK(!connect(fd, (void *)&un, sizeof(un)));
			talk(fd);
		}
		exit(0);
	}
	CHECK(child_status(pid) == 0);
}

/*
 * The same, where the supervisor has not the privilege to go there: the name is
 * looked up from outside, if it is absolute.
 */
static void test_places_outside(void)
{
	static const char * const names[] = { "/stream", "/link", "stream" };
	struct sockaddr_un un;

	CHECK(!chroot(dir) && !chdir("/"));
	CHECK(!symlink("/stream", "link") || errno == EEXIST);
	for (int i = 0; i < 3; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0), err;

		address(&un, names[i]);
		err = connect(fd, (void *)&un, sizeof(un));
		if (names[i][0] == '/') {
			CHECK(!err);
			talk(fd);
		} else {
			CHECK(err && errno == ECONNREFUSED);
		}
	}
}

/* Yama: the supervisor may not look into a child, who stays on vunix. */
static void test_yama(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	CHECK(!reach(fd, "stream"));
	talk(fd);
	pid = fork();
	if (!pid) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		CHECK(reach(fd, "stream") < 0 && errno == ECONNREFUSED);
		CHECK(on_vunix(fd));
		exit(0);
	}
	CHECK(child_status(pid) == 0);
}

static bool is_since(int major, int minor)
{
	struct utsname name;
	int a, b;

	CHECK(!uname(&name) && sscanf(name.release, "%d.%d", &a, &b) == 2);
	return a > major || (a == major && b >= minor);
}

/* A thread with a table of its own, while the first thread is somebody else */
static void *own_table(void *arg)
{
	int fd;

	CHECK(!unshare(CLONE_FILES));
	close(*(int *)arg);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(fd == *(int *)arg);
	/* From outside, the table of a thread can be had since then. */
	if (preloaded() || is_since(6, 9)) {
		CHECK(!reach(fd, "stream"));
		talk(fd);
	} else {
		CHECK(reach(fd, "stream") < 0 && errno == ECONNREFUSED);
	}
	return NULL;
}

static void test_tables(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	unsigned long ino = inode_of(fd);
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, own_table, &fd));
	CHECK(!pthread_join(thread, NULL));
	CHECK(inode_of(fd) == ino && on_vunix(fd));
}

/* A filter that nobody could give to another: it stays. */
static void test_bpf(void)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0,
		  .imm = 0x7fff },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)code, .insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};
	int prog = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK(prog >= 0);
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)));
	CHECK(reach(fd, "stream") < 0 && errno == ECONNREFUSED);
	CHECK(on_vunix(fd));
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_DETACH_BPF, &prog, sizeof(prog)));
	CHECK(!reach(fd, "stream"));
	talk(fd);
}

/* What an epoll set has of it could not be had again: it stays. */
static void test_one_shot(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), set = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };

	CHECK(!epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	/* It is not connected, which is a hang-up. */
	CHECK(epoll_wait(set, &event, 1, 60000) == 1);
	CHECK(reach(fd, "stream") < 0 && errno == ECONNREFUSED);
	CHECK(on_vunix(fd));
	event.events = EPOLLIN | EPOLLONESHOT;
	CHECK(!epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
	CHECK(!reach(fd, "stream") && !on_vunix(fd));
	CHECK(epoll_wait(set, &event, 1, 60000) == 1);
	talk(fd);
}

/* More sets than it looks at: it stays. */
static void test_many_sets(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), first;

	first = epoll_create1(0);
	for (int i = 0; i < 256; i++)
		CHECK(epoll_create1(0) >= 0);
	CHECK(reach(fd, "stream") < 0 && errno == ECONNREFUSED);
	CHECK(on_vunix(fd));
	close(first);
	CHECK(!reach(fd, "stream"));
	talk(fd);
}

/* A stream is connected, not sent to. */
static void test_stream_address(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un un;
	socklen_t len = peer_address(&un, "stream");

	CHECK(sendto(fd, "x", 1, MSG_NOSIGNAL, (void *)&un, len) < 0);
	CHECK(on_vunix(fd));
}

int main(int argc, char **argv)
{
	static const struct {
		const char	*name;
		void		(*run)(void);
	} tests[] = {
		{ "connect", test_connect }, { "relative", test_relative },
		{ "options", test_options }, { "async", test_async },
		{ "stranger", test_stranger },
		{ "sandboxed", test_sandboxed },
		{ "names", test_names }, { "send", test_send },
		{ "nobody", test_nobody }, { "refused", test_refused },
		{ "preferred", test_preferred }, { "epoll", test_epoll },
		{ "threads", test_threads }, { "passed", test_passed },
		{ "in-flight", test_in_flight }, { "kept", test_kept },
		{ "fork", test_fork }, { "small-stack", test_small_stack },
		{ "cancelled", test_cancelled },
		{ "fork-threads", test_fork_threads },
		{ "control", test_control },
		{ "waiting-path", test_waiting_path },
		{ "places", test_places }, { "tables", test_tables },
		{ "one-shot", test_one_shot },
		{ "many-sets", test_many_sets },
		{ "stream-address", test_stream_address },
		{ "long-path", test_long_path },
		{ "filter-threads", test_filter_threads },
		{ "worker-killed", test_worker_killed },
		{ "all-wait", test_all_wait },
		{ "places-outside", test_places_outside },
		{ "yama", test_yama }, { "bpf", test_bpf },
	};

	CHECK(argc == 3);
	dir = argv[2];
	if (!strcmp(argv[1], "server"))
		server();
	set_time_limit();
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		if (strcmp(tests[i].name, argv[1]))
			continue;
		tests[i].run();
		return 0;
	}
	CHECK(!"a test of that name");
	return 1;
}
