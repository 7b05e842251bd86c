// SPDX-License-Identifier: GPL-2.0
/*
 * sockets TEST [unix|vunix] - a program that only knows AF_UNIX
 *
 * Checks that its sockets are of the family it is told (vunix), and that they
 * are what it has asked for.
 */
#include "prog.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <grp.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

static bool vunix = true;
static int inherited;

static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

static void test_create(void)
{
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 4; k++) {
			int flags = (k & 1 ? SOCK_CLOEXEC : 0) |
				    (k & 2 ? SOCK_NONBLOCK : 0);
			int fd = socket(AF_UNIX, types[i] | flags, 0);
			int value;
			socklen_t len = sizeof(value);

			CHECK(fd == 3);
			CHECK(on_vunix(fd) == vunix);
			CHECK(fcntl(fd, F_GETFD) == (k & 1 ? FD_CLOEXEC : 0));
			CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK) == !(k & 2));
			CHECK(!getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value,
					  &len) && value == AF_UNIX);
			CHECK(!getsockopt(fd, SOL_SOCKET, SO_TYPE, &value,
					  &len) && value == types[i]);
			close(fd);
		}
	}
	CHECK(socket(AF_UNIX, SOCK_STREAM, 77) < 0 &&
	      errno == EPROTONOSUPPORT);
	CHECK(socket(AF_UNIX, 9, 0) < 0 && errno == ESOCKTNOSUPPORT);
	CHECK(socket(AF_UNIX, SOCK_STREAM | 0x100, 0) < 0 && errno == EINVAL);
	CHECK(socket(AF_INET, SOCK_STREAM, 0) == 3);
	CHECK(open_fds() == inherited + 1);
}

static void test_pair(void)
{
	int *volatile nowhere = (int *)8;
	struct rlimit limit = { 5, 5 };
	int fds[2], more[2];
	char buf[8];

	for (int i = 0; i < 3; i++) {
		CHECK(!socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, fds));
		CHECK(fds[0] == 3 && fds[1] == 4);
		CHECK(on_vunix(3) == vunix && on_vunix(4) == vunix);
		CHECK(fcntl(3, F_GETFD) == FD_CLOEXEC &&
		      fcntl(4, F_GETFD) == FD_CLOEXEC);
		CHECK(send(3, "hello", 5, 0) == 5);
		CHECK(recv(4, buf, 8, 0) == 5 && !memcmp(buf, "hello", 5));
		close(3);
		close(4);
	}
	/* The kernel looks at the array: libc does not. */
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere) < 0 &&
	      errno == EFAULT);
	CHECK(open_fds() == inherited);
	CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, more) < 0 &&
	      errno == EMFILE);
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EMFILE);
	close(4);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, more) < 0 &&
	      errno == EMFILE);
	CHECK(open_fds() == inherited + 1);
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) == 4);
}

static void one_server(const char *name, int type)
{
	int listener = socket(AF_UNIX, type, 0);
	int client = socket(AF_UNIX, type, 0), conn, passed;
	struct sockaddr_un un;
	socklen_t len = address(&un, name);
	struct ucred cred;
	struct stat a, b;
	char buf[8];

	CHECK(!bind(listener, (struct sockaddr *)&un, len));
	CHECK(!listen(listener, 5));
	CHECK(!connect(client, (struct sockaddr *)&un, len));
	conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	CHECK(conn >= 0);
	CHECK(on_vunix(listener) == vunix && on_vunix(client) == vunix &&
	      on_vunix(conn) == vunix);
	CHECK(send(client, "hello", 5, 0) == 5);
	CHECK(recv(conn, buf, 8, 0) == 5 && !memcmp(buf, "hello", 5));
	for (int i = 0; i < 2; i++) {
		len = sizeof(cred);
		CHECK(!getsockopt(i ? conn : client, SOL_SOCKET, SO_PEERCRED,
				  &cred, &len));
		CHECK(cred.pid == getpid() && cred.uid == geteuid() &&
		      cred.gid == getegid());
	}
	CHECK(!send_fd(conn, listener));
	passed = receive_fd(client);
	CHECK(!fstat(passed, &a) && !fstat(listener, &b) &&
	      a.st_ino == b.st_ino);
	close(passed);
	close(conn);
	close(client);
	close(listener);
	if (name[0] != '@')
		CHECK(!unlink(name));
}

/* Whoever looks at families sees the one it has asked for. */
static void test_families(void)
{
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	int client = socket(AF_UNIX, SOCK_STREAM, 0), conn;
	const socklen_t family_only = sizeof(sa_family_t);
	struct sockaddr_un un, got;
	socklen_t len, got_len;
	char name[64], buf[8];

	/* Without a name, with one that the kernel gives, with ours */
	got_len = sizeof(got);
	CHECK(!getsockname(a, (struct sockaddr *)&got, &got_len));
	CHECK(got_len == family_only && got.sun_family == AF_UNIX);
	un.sun_family = AF_UNIX;
	CHECK(!bind(a, (struct sockaddr *)&un, family_only));
	got_len = sizeof(got);
	CHECK(!getsockname(a, (struct sockaddr *)&got, &got_len));
	CHECK(got_len == family_only + 6 && got.sun_family == AF_UNIX);
	CHECK(sendto(b, "to", 2, 0, (struct sockaddr *)&got, got_len) == 2);
	got_len = sizeof(got);
	CHECK(recvfrom(a, buf, 8, 0, (struct sockaddr *)&got, &got_len) == 2);
	CHECK(got_len == 0);
	snprintf(name, sizeof(name), "@vunix-run-f-%d", getpid());
	len = address(&un, name);
	CHECK(!bind(b, (struct sockaddr *)&un, len));
	got_len = sizeof(got);
	CHECK(!getsockname(a, (struct sockaddr *)&got, &got_len));
	CHECK(sendto(b, "to", 2, 0, (struct sockaddr *)&got, got_len) == 2);
	got_len = sizeof(got);
	CHECK(recvfrom(a, buf, 8, 0, (struct sockaddr *)&got, &got_len) == 2);
	CHECK(got_len == len && !memcmp(&got, &un, len));
	close(b);

	CHECK(!bind(listener, (struct sockaddr *)&un, len));
	CHECK(!listen(listener, 1));
	CHECK(!connect(client, (struct sockaddr *)&un, len));
	got_len = sizeof(got);
	CHECK(!getpeername(client, (struct sockaddr *)&got, &got_len));
	CHECK(got_len == len && !memcmp(&got, &un, len));
	got_len = sizeof(got);
	conn = accept(listener, (struct sockaddr *)&got, &got_len);
	CHECK(conn >= 0 && got_len == family_only &&
	      got.sun_family == AF_UNIX);
	CHECK(on_vunix(a) == vunix && on_vunix(conn) == vunix);
}

static void test_server(void)
{
	char path[] = "/tmp/vunix-run.XXXXXX";
	char name[64];

	CHECK(mkdtemp(path));
	snprintf(name, sizeof(name), "%s/socket", path);
	one_server(name, SOCK_STREAM);
	one_server(name, SOCK_SEQPACKET);
	snprintf(name, sizeof(name), "@vunix-run-%d", getpid());
	one_server(name, SOCK_STREAM);
	one_server(name, SOCK_SEQPACKET);
	rmdir(path);
	CHECK(open_fds() == inherited);
}

/* What succeeds leaves errno alone, as a system call does. */
static void test_errno(void)
{
	int fds[2];

	errno = 77;
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) >= 0 && errno == 77);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds) && errno == 77);
}

/* A library that was initialized first has made one: early.c */
static void test_early(void)
{
	CHECK(getenv("EARLY_FD"));
	CHECK(on_vunix(atoi(getenv("EARLY_FD"))) == vunix);
}

/* Root becomes nobody: the sockets are nobody's, too. */
static void test_owner(void)
{
	gid_t group = 4711, groups[8];
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct stat st;
	int fds[2];
	pid_t pid;

	if (geteuid())
		SKIP("not root");
	pid = fork();
	if (!pid) {
		CHECK(!setgroups(1, &group));
		CHECK(!setresgid(65534, 65534, 65534));
		CHECK(!setresuid(65534, 65534, 65534));
		CHECK(!fstat(socket(AF_UNIX, SOCK_STREAM, 0), &st));
		CHECK(st.st_uid == 65534 && st.st_gid == 65534);
		CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
		CHECK(!fstat(fds[1], &st));
		CHECK(st.st_uid == 65534 && st.st_gid == 65534);
		CHECK(on_vunix(fds[0]) == vunix);
		CHECK(!getsockopt(fds[0], SOL_SOCKET, SO_PEERCRED, &cred,
				  &len));
		CHECK(cred.uid == 65534 && cred.gid == 65534);
		len = sizeof(groups);
		CHECK(!getsockopt(fds[0], SOL_SOCKET, SO_PEERGROUPS, groups,
				  &len));
		CHECK(len == sizeof(gid_t) && groups[0] == 4711);
		exit(0);
	}
	CHECK(child_status(pid) == 0);
	CHECK(!fstat(socket(AF_UNIX, SOCK_STREAM, 0), &st) && !st.st_uid);
}

/* A socket belongs to the namespace of who asks for it. */
static void test_netns(void)
{
	unsigned long ino;
	int fd, fds[2];

	if (geteuid())
		SKIP("not root");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ino = inode_of(fd);
	CHECK(!unshare(CLONE_NEWNET));
	CHECK(!table_has("/proc/thread-self/net/vunix", ino) &&
	      !table_has("/proc/thread-self/net/unix", ino));
	CHECK(on_vunix(socket(AF_UNIX, SOCK_DGRAM, 0)) == vunix);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK(on_vunix(fds[0]) == vunix);
}

static void exchange(void)
{
	int fds[2];
	char buf[8];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK(write(fds[0], "abc", 3) == 3 && read(fds[1], buf, 8) == 3);
	close(fds[0]);
	close(fds[1]);
}

/* Many processes, some of them at once. */
static void test_processes(void)
{
	for (int round = 0; round < 25; round++) {
		for (int i = 0; i < 20; i++) {
			pid_t pid = fork();

			CHECK(pid >= 0);
			if (!pid) {
				exchange();
				_exit(0);
			}
		}
		for (int i = 0; i < 20; i++) {
			int status;

			CHECK(wait(&status) > 0 && status == 0);
		}
	}
	CHECK(wait(NULL) < 0 && errno == ECHILD);
}

/* In our memory, with a table of descriptors of its own */
static __attribute__((noinline)) void one_vfork(void)
{
	volatile int good = 0;
	pid_t pid = vfork();

	if (!pid) {
		int fds[2];
		char byte;

		good = !socketpair(AF_UNIX, SOCK_STREAM, 0, fds) &&
		       write(fds[0], "v", 1) == 1 &&
		       read(fds[1], &byte, 1) == 1;
		_exit(0);
	}
	CHECK(child_status(pid) == 0 && good);
}

static void test_vfork(void)
{
	for (int i = 0; i < 50; i++)
		one_vfork();
	CHECK(open_fds() == inherited);
}

/* All of them ask at once. */
static void test_thousands(void)
{
	const int n = 2000;
	int gate[2], good = 0, status;
	char byte;

	CHECK(!pipe(gate));
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid)
			continue;
		close(gate[1]);
		CHECK(read(gate[0], &byte, 1) == 0);
		exchange();
		_exit(0);
	}
	close(gate[1]);
	while (wait(&status) > 0)
		good += status == 0;
	CHECK(good == n);
}

/*
 * Children die in the middle of a call, whichever step it is at.  Each round
 * lasts until all of them have begun some: before that there is nothing to hit.
 */
static void test_killed(void)
{
	atomic_uint *calls = mmap(NULL, 4 * sizeof(*calls),
				  PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int seed = 1;

	CHECK(calls != MAP_FAILED);
	for (int round = 0; round < 40; round++) {
		pid_t pids[4];

		for (int i = 0; i < 4; i++) {
			calls[i] = 0;
			pids[i] = fork();
			if (pids[i])
				continue;
			for (;; calls[i]++) {
				int fds[2], fd = socket(AF_UNIX, SOCK_DGRAM, 0);

				CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0,
						  fds));
				close(fd);
				close(fds[0]);
				close(fds[1]);
			}
		}
		for (int i = 0; i < 4; i++)
			while (calls[i] < 2)
				usleep(200);
		usleep(rand_r(&seed) % 1000);
		for (int i = 0; i < 4; i++)
			kill(pids[i], SIGKILL);
		for (int i = 0; i < 4; i++) {
			int status = child_status(pids[i]);

			CHECK(WIFSIGNALED(status) &&
			      WTERMSIG(status) == SIGKILL);
		}
		exchange();
	}
}

/* Killed while the supervisor has not even begun, and nothing stays behind. */
static void test_killed_waiting(void)
{
	pid_t pids[20];

	exchange();
	CHECK(signal_supervisors(SIGSTOP, false) > 0);
	for (int i = 0; i < 20; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			exchange();
			_exit(0);
		}
	}
	for (int i = 0; i < 20; i++)
		wait_asleep(pids[i]);
	for (int i = 0; i < 20; i++)
		CHECK(!kill(pids[i], SIGKILL));
	for (int i = 0; i < 20; i++)
		CHECK(WTERMSIG(child_status(pids[i])) == SIGKILL);
	CHECK(signal_supervisors(SIGCONT, false) > 0);
	exchange();
	CHECK(open_fds() == inherited);
}

static volatile sig_atomic_t ticks;

static void tick(int sig)
{
	ticks += sig == SIGALRM;
}

/*
 * Signals that are handled: nothing is made twice.  One for each call, at no
 * moment in particular: it may restart a call, but not for ever, or end it.
 */
static void with_signals(int flags)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM,
	};
	struct sigaction act = { .sa_handler = tick, .sa_flags = flags };
	bool may_end = !(flags & SA_RESTART) && !preloaded();
	unsigned int seed = 1;
	int fds[2], ended = 0;
	timer_t timer;

	CHECK(!sigaction(SIGALRM, &act, NULL));
	CHECK(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	for (int i = 0; i < 500 || ticks < 20; i++) {
		struct itimerspec once = {
			.it_value.tv_nsec = 1 + rand_r(&seed) % 500000,
		};
		int fd;

		CHECK(!timer_settime(timer, 0, &once, NULL));
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		CHECK(fd == 3 || (may_end && fd < 0 && errno == EINTR));
		ended += fd < 0;
		if (fd == 3)
			close(fd);
		if (!socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) {
			CHECK(fds[0] == 3 && fds[1] == 4);
			close(3);
			close(4);
		} else {
			CHECK(may_end && errno == EINTR);
			ended++;
		}
	}
	CHECK(open_fds() == inherited);
	printf("# %d calls were interrupted\n", ended);
}

static void test_signals(void)
{
	with_signals(SA_RESTART);
}

static void test_interrupted(void)
{
	with_signals(0);
}

static pthread_barrier_t at_once;

static void *thread(void *arg)
{
	pthread_barrier_wait(&at_once);
	for (int i = 0; i < 60; i++)
		exchange();
	return arg;
}

static void test_threads(void)
{
	pthread_t threads[4];

	CHECK(!pthread_barrier_init(&at_once, NULL, 4));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, thread, NULL));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(threads[i], NULL));
	CHECK(open_fds() == inherited);
}

static bool filter_by_call;
static int filter_flags;

/* Kills for a family that it does not know, as sandboxes do. */
static void install_filter(void)
{
	struct sock_filter code[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0,
		  offsetof(struct seccomp_data, nr) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SYS_socket },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_socketpair },
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0,
		  offsetof(struct seccomp_data, args) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AF_UNIX },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(*code), code };

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (filter_by_call)
		CHECK(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			       filter_flags, &prog));
	else
		CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0,
			     0));
}

static void wrong_filter(void)
{
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) < 0);
	CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) < 0);
}

static void test_filter(void)
{
	wrong_filter();
	CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)));
	install_filter();
	CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)) == vunix);
	exchange();
}

static void test_filter_call(void)
{
	filter_by_call = true;
	test_filter();
}

/* All threads at once, some of which are making sockets. */
static void *make_many(void *arg)
{
	while (!*(volatile bool *)arg)
		exchange();
	return NULL;
}

static void test_filter_threads(void)
{
	filter_by_call = true;
	filter_flags = SECCOMP_FILTER_FLAG_TSYNC;
	for (int round = 0; round < 30; round++) {
		bool enough = false;
		pthread_t threads[3];
		pid_t pid = fork();

		if (pid) {
			CHECK(child_status(pid) == 0);
			continue;
		}
		for (int i = 0; i < 3; i++)
			CHECK(!pthread_create(&threads[i], NULL, make_many,
					      &enough));
		for (int i = 0; i < 5 + round; i++)
			exchange();
		install_filter();
		for (int i = 0; i < 20; i++)
			exchange();
		*(volatile bool *)&enough = true;
		for (int i = 0; i < 3; i++)
			CHECK(!pthread_join(threads[i], NULL));
		exit(0);
	}
}

/*
 * One thread enters a sandbox while another tries in vain: the first may not be
 * taken for one outside.
 */
static void *try_in_vain(void *arg)
{
	while (!*(volatile bool *)arg)
		wrong_filter();
	return NULL;
}

static void *enter_sandbox(void *arg)
{
	install_filter();
	for (int i = 0; i < 100; i++)
		exchange();
	return arg;
}

static void test_filter_race(void)
{
	for (int round = 0; round < 30; round++) {
		bool enough = false;
		pthread_t vain, in;
		pid_t pid = fork();

		if (pid) {
			CHECK(child_status(pid) == 0);
			continue;
		}
		CHECK(!pthread_create(&vain, NULL, try_in_vain, &enough));
		CHECK(!pthread_create(&in, NULL, enter_sandbox, NULL));
		CHECK(!pthread_join(in, NULL));
		*(volatile bool *)&enough = true;
		CHECK(!pthread_join(vain, NULL));
		exit(0);
	}
}

/* Nobody answers any more: that is an error, and not for ever. */
static void test_orphaned(void)
{
	int fds[2];

	CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)));
	CHECK(signal_supervisors(SIGKILL, false) > 0);
	for (int i = 0; i < 60000; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		if (fd < 0)
			break;
		close(fd);
		usleep(1000);
	}
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == ENOSYS);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 && errno == ENOSYS);
	CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

/* With --fallback, also connecting and sending, of every family */
static void test_orphaned_fallback(void)
{
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	char byte = 'o';
	struct iovec iov = { &byte, 1 };
	struct mmsghdr mm = {
		.msg_hdr = {
			.msg_name = &in, .msg_namelen = sizeof(in),
			.msg_iov = &iov, .msg_iovlen = 1,
		},
	};
	int ends[2];

	CHECK(tcp >= 0 && udp >= 0);
	CHECK(connect(tcp, (void *)&in, sizeof(in)) < 0 &&
	      errno == ECONNREFUSED);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	test_orphaned();
	CHECK(connect(tcp, (void *)&in, sizeof(in)) < 0 && errno == ENOSYS);
	CHECK(sendto(udp, &byte, 1, 0, (void *)&in, sizeof(in)) < 0 &&
	      errno == ENOSYS);
	CHECK(sendmsg(udp, &mm.msg_hdr, 0) < 0 && errno == ENOSYS);
	CHECK(sendmmsg(udp, &mm, 1, 0) < 0 && errno == ENOSYS);
	/* What is there already, and is sent to without a name, works. */
	CHECK(send(ends[0], &byte, 1, 0) == 1);
	CHECK(read(ends[1], &byte, 1) == 1 && byte == 'o');
}

/* Workers that are killed have successors. */
static void test_workers_killed(void)
{
	for (int i = 0; i < 20; i++) {
		int fd;

		kill_workers();
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		CHECK(fd >= 0);
		close(fd);
	}
	CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)));
	exchange();
}

/* The module is unloaded while we run: guest does it. */
static void test_unloaded(void)
{
	bool native = getenv("RUN_FALLBACK");
	char ready[32];
	int fds[2], fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK(on_vunix(fd));
	close(fd);
	snprintf(ready, sizeof(ready), "ready-%d", getpid());
	make_file(ready);
	wait_for_file("unloaded");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (!native) {
		CHECK(fd < 0 && errno == EAFNOSUPPORT);
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 &&
		      errno == EAFNOSUPPORT);
		return;
	}
	CHECK(table_has("/proc/net/unix", inode_of(fd)));
	exchange();
}

/* It has been given privilege, and keeps it. */
static bool is_privileged(void)
{
	unsigned long long caps = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "CapEff: %llx", &caps);
	fclose(f);
	return geteuid() != getuid() || (getuid() && caps);
}

static void test_privileged(void)
{
	CHECK(is_privileged());
	CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)) == vunix);
	exchange();
}

static void test_unprivileged(void)
{
	CHECK(!is_privileged());
	CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)) == vunix);
	exchange();
}

/* Yama: the supervisor may not look into a child, whose pair is on AF_UNIX. */
static void test_yama(void)
{
	int fds[2];
	pid_t pid;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds) && on_vunix(fds[0]));
	pid = fork();
	if (!pid) {
		CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)));
		CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
		CHECK(!on_vunix(fds[0]));
		exit(0);
	}
	CHECK(child_status(pid) == 0);
}

/* A listener of its own: refused, or it leaves the tree's sockets alone. */
static void test_own_listener(void)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { 1, &code };
	int fd;

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		     SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	if (preloaded())
		CHECK(fd >= 0);
	else
		CHECK(fd < 0 && errno == EBUSY);
	CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)) == vunix);
	exchange();
}

/* Only reading, writing, and ending. */
static void test_strict(void)
{
	for (int how = 0; how < 2; how++) {
		pid_t pid = fork();
		int err;

		if (pid) {
			CHECK(child_status(pid) == 0);
			continue;
		}
		err = how ? syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0,
				    NULL) :
		      prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
		if (!preloaded()) {
			CHECK(err < 0 && errno == EINVAL);
			exchange();
			CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)));
			exit(0);
		}
		/* What ends all threads is forbidden. */
		syscall(SYS_exit, err || write(1, "# strict\n", 9) != 9);
	}
	exchange();
	CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)));
}

/* The child of vfork() is in a sandbox, its parent is not. */
static __attribute__((noinline)) void vfork_and_enter(void)
{
	pid_t pid = vfork();

	if (!pid) {
		install_filter();
		exchange();
		_exit(0);
	}
	CHECK(child_status(pid) == 0);
}

static void test_filter_vfork(void)
{
	pid_t pid;

	vfork_and_enter();
	CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)));
	pid = fork();
	if (!pid) {
		CHECK(on_vunix(socket(AF_UNIX, SOCK_STREAM, 0)));
		exit(0);
	}
	CHECK(child_status(pid) == 0);
}

/*
 * The memory that the supervisor has to write to is served by a thread that
 * needs the supervisor itself.  What it cannot write to at once is left to the
 * kernel, and on AF_UNIX.
 */
static struct {
	int	uffd;
	char	*page;
} faulty;

static void *serve_faults(void *arg)
{
	static char zero[65536];
	struct uffd_msg msg;
	struct uffdio_copy copy = {
		.src = (uintptr_t)zero, .len = sysconf(_SC_PAGESIZE),
	};

	while (read(faulty.uffd, &msg, sizeof(msg)) != sizeof(msg))
		;
	CHECK(msg.event == UFFD_EVENT_PAGEFAULT);
	for (int i = 0; i < 20; i++)
		exchange();
	copy.dst = (uintptr_t)faulty.page;
	CHECK(!ioctl(faulty.uffd, UFFDIO_COPY, &copy));
	return arg;
}

static void test_waiting_memory(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	size_t size = sysconf(_SC_PAGESIZE);
	pthread_t thread;
	char byte = 0;
	int *fds;

	faulty.uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (faulty.uffd < 0 && (errno == EPERM || errno == ENOSYS))
		SKIP("no userfaultfd()");
	CHECK(faulty.uffd >= 0 && !ioctl(faulty.uffd, UFFDIO_API, &api));
	faulty.page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(faulty.page != MAP_FAILED);
	reg.range.start = (uintptr_t)faulty.page;
	reg.range.len = size;
	CHECK(!ioctl(faulty.uffd, UFFDIO_REGISTER, &reg));
	CHECK(!pthread_create(&thread, NULL, serve_faults, NULL));
	fds = (int *)faulty.page;
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK(!pthread_join(thread, NULL));
	CHECK(on_vunix(fds[0]) == vunix);
	CHECK(write(fds[0], "m", 1) == 1);
	CHECK(read(fds[1], &byte, 1) == 1 && byte == 'm');
}

/* What the process may not write to stays as it is. */
static void test_read_only(void)
{
	int *page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	page[0] = 4711;
	CHECK(!mprotect(page, sysconf(_SC_PAGESIZE), PROT_READ));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, page) < 0 &&
	      errno == EFAULT);
	CHECK(page[0] == 4711);
	CHECK(open_fds() == inherited);
}

/* When a program closes a socket, nobody else has it: its name is free. */
static void test_last_close(void)
{
	struct sockaddr_un un;
	char name[64];
	socklen_t len;

	snprintf(name, sizeof(name), "@vunix-run-c-%d", getpid());
	len = address(&un, name);
	for (int i = 0; i < 500; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0), fds[2];
		char byte;

		CHECK(!bind(fd, (struct sockaddr *)&un, len));
		close(fd);
		CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
		close(fds[0]);
		CHECK(recv(fds[1], &byte, 1, MSG_DONTWAIT) == 0);
		close(fds[1]);
	}
}

/* No C library between: only the filter can notice that. */
static void test_raw(void)
{
	int fd = syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0), fds[2];

	CHECK(on_vunix(fd) == vunix);
	CHECK(!syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK(on_vunix(fds[0]) == vunix);
}

/* Nobody stands beside us: the library alone does it. */
static void test_alone(void)
{
	exchange();
	CHECK(signal_supervisors(0, false) == 0);
}

/* A sandbox that starts a program. */
static void test_filter_exec(char *self)
{
	install_filter();
	execl(self, self, "pair", vunix ? "vunix" : "unix", NULL);
	CHECK(!"exec");
}

/* Who waits for children must not see any but its own, nor their signals. */
static void test_no_child(void)
{
	sigset_t pending;

	CHECK(wait(NULL) < 0 && errno == ECHILD);
	CHECK(!sigpending(&pending) && !sigismember(&pending, SIGCHLD));
	CHECK(open_fds() == inherited);
}

/* Stays when the command has ended, and needs the supervisor still. */
static void test_daemon(void)
{
	int fds[2];
	pid_t parent;
	char byte;

	CHECK(!pipe(fds));
	if (fork())
		exit(0);
	setsid();
	parent = getpid();
	if (fork())
		exit(0);
	/* End of file: nobody but us has the other end any more. */
	close(fds[1]);
	CHECK(read(fds[0], &byte, 1) == 0);
	close(fds[0]);
	/* Whoever was our parent has gone as well. */
	for (int i = 0; i < 60000 && getppid() == parent; i++)
		usleep(1000);
	CHECK(getppid() != parent);
	test_server();
	puts("daemon has ended");
}

int main(int argc, char **argv)
{
	static const struct {
		const char	*name;
		void		(*run)(void);
	} tests[] = {
		{ "create", test_create }, { "pair", test_pair },
		{ "server", test_server }, { "owner", test_owner },
		{ "netns", test_netns }, { "processes", test_processes },
		{ "killed", test_killed }, { "signals", test_signals },
		{ "threads", test_threads }, { "filter", test_filter },
		{ "no-child", test_no_child }, { "daemon", test_daemon },
		{ "families", test_families },
		{ "errno", test_errno }, { "early", test_early },
		{ "vfork", test_vfork }, { "thousands", test_thousands },
		{ "filter-race", test_filter_race },
		{ "orphaned", test_orphaned }, { "raw", test_raw },
		{ "killed-waiting", test_killed_waiting },
		{ "waiting-memory", test_waiting_memory },
		{ "read-only", test_read_only },
		{ "last-close", test_last_close }, { "alone", test_alone },
		{ "filter-call", test_filter_call },
		{ "filter-threads", test_filter_threads },
		{ "interrupted", test_interrupted },
		{ "orphaned-fallback", test_orphaned_fallback },
		{ "workers-killed", test_workers_killed },
		{ "unloaded", test_unloaded },
		{ "privileged", test_privileged },
		{ "unprivileged", test_unprivileged },
		{ "yama", test_yama }, { "strict", test_strict },
		{ "own-listener", test_own_listener },
		{ "filter-vfork", test_filter_vfork },
	};

	CHECK(argc > 1);
	vunix = argc < 3 || !strcmp(argv[2], "vunix");
	inherited = open_fds();
	set_time_limit();
	if (!strcmp(argv[1], "filter-exec"))
		test_filter_exec(argv[0]);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		if (strcmp(tests[i].name, argv[1]))
			continue;
		tests[i].run();
		return 0;
	}
	CHECK(!"a test of that name");
	return 1;
}
