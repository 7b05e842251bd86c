// SPDX-License-Identifier: GPL-2.0
/*
 * Much at once: STRESS-01 ... STRESS-08.  Rounds are counted, not timed;
 * VUNIX_STRESS multiplies them.
 */
#define VT_OWN_NETNS
#include "vunix_test.h"

VT_FIXTURE(any, VT_FAMILIES_TYPES);

VT_FIXTURE(conn, VT_FAMILIES_CONN);

VT_FIXTURE(one, VT_FAMILIES);

static int rounds(int n)
{
	const char *s = getenv("VUNIX_STRESS");

	return s && atoi(s) > 0 ? n * atoi(s) : n;
}

/* One of several threads that do the same. */
struct job {
	int family, type, id, fd, fd2, rounds;
	unsigned int seed;
	struct job *all;
	long count;
};

#define JOBS 6

/* Run @fn in @n threads: 0 if every one of them returned 0. */
static long run_jobs(struct job *jobs, int n, long (*fn)(void *))
{
	struct vt_bg bg[JOBS];
	long bad = 0;
	int i;

	for (i = 0; i < n; i++) {
		jobs[i].id = i;
		jobs[i].all = jobs;
		jobs[i].seed = 7919 * (i + 1);
		if (vt_bg_start(&bg[i], fn, &jobs[i]))
			return -1;
	}
	for (i = 0; i < n; i++)
		bad |= vt_bg_join(&bg[i]);
	return bad;
}

static unsigned int rnd(struct job *job)
{
	job->seed = job->seed * 1103515245 + 12345;
	return job->seed >> 16;
}

/* Accept, answer until the client shuts down, close. */
static long echo_server(void *p)
{
	struct job *job = p;
	char buf[256];
	ssize_t n;
	int s;

	/* The listener's shutdown ends it. */
	while ((s = accept(job->fd, NULL, NULL)) >= 0) {
		while ((n = recv(s, buf, sizeof(buf), 0)) > 0)
			if (send(s, buf, n, MSG_NOSIGNAL) != n)
				return -1;
		close(s);
		job->count++;
		if (n)
			return -1;
	}
	return errno == EINVAL ? 0 : -1;
}

static long echo_client(void *p)
{
	struct job *job = p;
	char out[100], in[100];
	int i, s, sum;
	ssize_t n;

	for (i = 0; i < job->rounds; i++) {
		s = vt_socket(job->family, job->type);
		if (s < 0 || vt_connect(s, "@echo"))
			return -1;
		memset(out, job->id * 16 + i, sizeof(out));
		if (send(s, out, sizeof(out), 0) != sizeof(out))
			return -1;
		for (sum = 0; sum < (int)sizeof(in); sum += n) {
			n = recv(s, in + sum, sizeof(in) - sum, 0);
			if (n <= 0)
				return -1;
		}
		if (memcmp(in, out, sizeof(in)) || shutdown(s, SHUT_WR) ||
		    recv(s, in, sizeof(in), 0))
			return -1;
		close(s);
	}
	return 0;
}

TEST_F(conn, echo)
{
	struct job servers[2] = {}, clients[4] = {};
	struct vt_bg bg[2];
	int i, l;

	l = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(l, "@echo"));
	/* Small, so that connecting has to wait now and then. */
	ASSERT_EQ(0, listen(l, 1));
	for (i = 0; i < 2; i++) {
		servers[i].fd = l;
		ASSERT_EQ(0, vt_bg_start(&bg[i], echo_server, &servers[i]));
	}
	for (i = 0; i < 4; i++) {
		clients[i].family = variant->family;
		clients[i].type = variant->type;
		clients[i].rounds = rounds(60);
	}
	ASSERT_EQ(0, run_jobs(clients, 4, echo_client));
	ASSERT_EQ(0, shutdown(l, SHUT_RD));
	ASSERT_EQ(0, vt_bg_join(&bg[0]));
	ASSERT_EQ(0, vt_bg_join(&bg[1]));
	ASSERT_EQ(4 * rounds(60), servers[0].count + servers[1].count);
	PROVES("STRESS-01");
}

struct message {
	int id, seq;
	char pad[56];
};

static long dgram_sender(void *p)
{
	struct job *job = p;
	struct message m = { .id = job->id };
	int s = vt_socket(job->family, SOCK_DGRAM);

	/* Half of them connected, half by address. */
	if (job->id & 1 && vt_connect(s, "@r"))
		return -1;
	for (m.seq = 0; m.seq < job->rounds; m.seq++) {
		memset(m.pad, m.id + m.seq, sizeof(m.pad));
		if (job->id & 1) {
			if (send(s, &m, sizeof(m), 0) != sizeof(m))
				return -1;
		} else if (vt_sendto(s, &m, sizeof(m), 0, "@r") !=
			   sizeof(m)) {
			return -1;
		}
	}
	close(s);
	return 0;
}

static long dgram_receiver(void *p)
{
	struct job *job = p;
	int next[JOBS] = {};
	struct message m;
	unsigned int i;

	while (job->count < JOBS * job->rounds) {
		if (recv(job->fd, &m, sizeof(m), 0) != sizeof(m) ||
		    m.id < 0 || m.id >= JOBS || m.seq != next[m.id]++)
			return -1;
		for (i = 0; i < sizeof(m.pad); i++)
			if (m.pad[i] != (char)(m.id + m.seq))
				return -1;
		job->count++;
	}
	return 0;
}

TEST_F(one, dgram_senders)
{
	struct job receiver = {}, senders[JOBS] = {};
	struct vt_bg bg;
	int i;

	receiver.fd = vt_socket(variant->family, SOCK_DGRAM);
	receiver.rounds = rounds(1000);
	ASSERT_EQ(0, vt_bind(receiver.fd, "@r"));
	ASSERT_EQ(0, vt_bg_start(&bg, dgram_receiver, &receiver));
	for (i = 0; i < JOBS; i++) {
		senders[i].family = variant->family;
		senders[i].rounds = receiver.rounds;
	}
	ASSERT_EQ(0, run_jobs(senders, JOBS, dgram_sender));
	ASSERT_EQ(0, vt_bg_join(&bg));
	ASSERT_EQ(JOBS * receiver.rounds, receiver.count);
	PROVES("STRESS-02");
}

#define WORDS 60000

static unsigned char seen[WORDS];

/* Numbers written one by one in four bytes; reads take a multiple of it. */
static long word_reader(void *p)
{
	struct job *job = p;
	unsigned int buf[64];
	ssize_t n, i;

	while ((n = recv(job->fd, buf, 4 * (1 + rnd(job) % 64), 0)) > 0) {
		if (n % 4)
			return -1;
		for (i = 0; i < n / 4; i++) {
			/* Twice the same would be a byte delivered twice. */
			if (buf[i] >= WORDS ||
			    __atomic_fetch_add(&seen[buf[i]], 1,
					       __ATOMIC_RELAXED))
				return -1;
		}
		job->count += n / 4;
	}
	return n;
}

static long word_writer(void *p)
{
	struct job *job = p;
	unsigned int buf[50], i, n, w = 0;

	while (w < WORDS) {
		n = 1 + rnd(job) % 50;
		for (i = 0; i < n && w < WORDS; i++)
			buf[i] = w++;
		if (send(job->fd2, buf, 4 * i, 0) != (ssize_t)(4 * i))
			return -1;
	}
	return shutdown(job->fd2, SHUT_WR);
}

TEST_F(one, stream_readers)
{
	struct job readers[4] = {}, writer = { .seed = 3 };
	long sum = 0;
	struct vt_bg bg;
	int i, sv[2];

	ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
	writer.fd2 = sv[1];
	for (i = 0; i < 4; i++)
		readers[i].fd = sv[0];
	ASSERT_EQ(0, vt_bg_start(&bg, word_writer, &writer));
	ASSERT_EQ(0, run_jobs(readers, 4, word_reader));
	ASSERT_EQ(0, vt_bg_join(&bg));
	for (i = 0; i < 4; i++)
		sum += readers[i].count;
	ASSERT_EQ(WORDS, sum);
	for (i = 0; i < WORDS; i++)
		ASSERT_EQ(1, seen[i]);
	PROVES("STRESS-03");
}

/* Few names, so that the threads meet; any errno here is legal. */
static const char *any_name(struct job *job)
{
	static const char * const names[] = { "p", "q", "@p", "@q" };

	return names[rnd(job) % 4];
}

static long name_racer(void *p)
{
	struct job *job = p;
	int i, s = -1, c;

	for (i = 0; i < job->rounds; i++) {
		if (s < 0)
			s = vt_socket(job->family,
				      job->type | SOCK_NONBLOCK);
		if (s < 0)
			return -1;
		switch (rnd(job) % 8) {
		case 0:
		case 1:
			vt_bind(s, any_name(job));
			break;
		case 2:
			listen(s, rnd(job) % 3);
			break;
		case 3:
		case 4:
			vt_connect(s, any_name(job));
			send(s, "x", 1, MSG_NOSIGNAL);
			break;
		case 5:
			c = accept(s, NULL, NULL);
			if (c >= 0)
				close(c);
			break;
		case 6:
			unlink(rnd(job) & 1 ? "p" : "q");
			break;
		case 7:
			close(s);
			s = -1;
			break;
		}
	}
	if (s >= 0)
		close(s);
	return 0;
}

TEST_F(any, names)
{
	struct job jobs[4] = {};
	int i;

	for (i = 0; i < 4; i++) {
		jobs[i].family = variant->family;
		jobs[i].type = variant->type;
		jobs[i].rounds = rounds(1000);
	}
	ASSERT_EQ(0, run_jobs(jobs, 4, name_racer));

	/* The names are usable as ever. */
	unlink("p");
	i = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(i, "p"));
	i = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(i, "@p"));
	PROVES("STRESS-04");
}

static long dgram_racer(void *p)
{
	static const struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	struct job *job = p;
	char name[] = "@0", c;
	int i;

	for (i = 0; i < job->rounds; i++) {
		name[1] = '0' + rnd(job) % 4;
		switch (rnd(job) % 4) {
		case 0:
		case 1:
			vt_connect(job->fd, name);
			break;
		case 2:
			connect(job->fd, &unspec, sizeof(unspec));
			break;
		case 3:
			send(job->fd, "x", 1, MSG_DONTWAIT);
			vt_sendto(job->fd, "x", 1, MSG_DONTWAIT, name);
			recv(job->fd, &c, 1, MSG_DONTWAIT);
			break;
		}
	}
	return 0;
}

TEST_F(one, dgram_connects)
{
	static const struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	struct job jobs[4] = {};
	char name[] = "@0", c;
	int i, j;

	for (i = 0; i < 4; i++) {
		name[1] = '0' + i;
		jobs[i].fd = vt_socket(variant->family, SOCK_DGRAM);
		jobs[i].rounds = rounds(2000);
		ASSERT_EQ(0, vt_bind(jobs[i].fd, name));
	}
	ASSERT_EQ(0, run_jobs(jobs, 4, dgram_racer));

	/* Apart again, each hears each. */
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, connect(jobs[i].fd, &unspec, sizeof(unspec)));
		while (recv(jobs[i].fd, &c, 1, MSG_DONTWAIT) == 1 ||
		       errno == ECONNRESET)
			;
	}
	for (i = 0; i < 4; i++) {
		for (j = 0; j < 4; j++) {
			name[1] = '0' + j;
			ASSERT_EQ(1, vt_sendto(jobs[i].fd, "x", 1, 0, name));
			ASSERT_EQ(1, recv(jobs[j].fd, &c, 1, MSG_DONTWAIT));
		}
	}
	PROVES("STRESS-05");
}

/* What is passed: every copy is gone when the pipe's reader sees its end. */
static int passed;

static long fd_sender(void *p)
{
	struct job *job = p;
	int i, sv[2];

	for (i = 0; i < job->rounds; i++) {
		if (vt_pair(job->family, job->type, sv))
			return -1;
		job->fd = sv[1];
		/* Whoever is quicker: the receiver or the close. */
		__atomic_store_n(&job->count, sv[0] + 1, __ATOMIC_RELEASE);
		while (vt_send_fd(sv[1], passed) == 0 && rnd(job) % 4)
			;
		close(sv[1]);
		while (__atomic_load_n(&job->count, __ATOMIC_ACQUIRE))
			sched_yield();
	}
	__atomic_store_n(&job->count, -1, __ATOMIC_RELEASE);
	return 0;
}

static long fd_receiver(void *p)
{
	struct job *self = p, *job = &self->all[self->id - 1];
	int got, want;
	long fd;

	for (;;) {
		fd = __atomic_load_n(&job->count, __ATOMIC_ACQUIRE);
		if (fd < 0)
			return 0;
		if (!fd) {
			sched_yield();
			continue;
		}
		/* Take none, some, or more than are there. */
		for (want = rnd(self) % 4; want; want--) {
			got = vt_recv_fd(fd - 1);
			if (got >= 0)
				close(got);
		}
		close(fd - 1);
		__atomic_store_n(&job->count, 0, __ATOMIC_RELEASE);
	}
}

static long fd_job(void *p)
{
	struct job *job = p;

	return job->id & 1 ? fd_receiver(p) : fd_sender(p);
}

static int count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

TEST_F(any, descriptors)
{
	struct job jobs[4] = {};
	int i, before, p[2];

	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	passed = p[1];
	before = count_fds();
	for (i = 0; i < 4; i++) {
		jobs[i].family = variant->family;
		jobs[i].type = variant->type;
		jobs[i].rounds = rounds(400);
	}
	ASSERT_EQ(0, run_jobs(jobs, 4, fd_job));
	ASSERT_EQ(before, count_fds());
	ASSERT_EQ(0, close(p[1]));
	/* Released from a worker, at the latest in a moment. */
	ASSERT_EQ(POLLHUP, vt_poll_wait(p[0], POLLIN, 20000));
	PROVES("STRESS-06");
}

/* Lines of the table of sockets of this namespace, without the heading. */
static int table_size(int family)
{
	char *text = vt_read_file(vt_proc_net(family)), *p;
	int n = -1;

	for (p = text; p && *p; p++)
		n += *p == '\n';
	free(text);
	return n;
}

/* Make one of everything, under names of one's own, and die in the middle. */
static void use_and_die(int family)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct vt_trio t;
	char name[32];
	int i, sv[2];

	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "@%d.%d", getpid(), i);
		if (vt_pair(family, types[i], sv) ||
		    send(sv[0], "x", 1, 0) != 1 || vt_send_fd(sv[0], 0) ||
		    vt_bind(sv[1], name + 1))
			_exit(1);
		if (types[i] == SOCK_DGRAM)
			continue;
		if (vt_trio(family, types[i], name, &t) ||
		    send(t.client, "x", 1, 0) != 1 ||
		    vt_connect(vt_socket(family, types[i]), name))
			_exit(1);
	}
	kill(getpid(), SIGKILL);
}

TEST_F(one, table_empties)
{
	struct timespec ms = { .tv_nsec = 10000000 };
	int i, j, status, before = table_size(variant->family);
	int max = 1000 * vt_patience();
	pid_t pid[4];

	ASSERT_LE(0, before);
	for (i = 0; i < rounds(5); i++) {
		for (j = 0; j < 4; j++) {
			pid[j] = vt_fork();
			if (!pid[j])
				use_and_die(variant->family);
		}
		for (j = 0; j < 4; j++) {
			ASSERT_EQ(pid[j], waitpid(pid[j], &status, 0));
			/* It came to the end of its work. */
			ASSERT_TRUE(WIFSIGNALED(status));
		}
	}
	for (i = 0; i < max && table_size(variant->family) != before; i++)
		nanosleep(&ms, NULL);
	ASSERT_EQ(before, table_size(variant->family));
	PROVES("STRESS-07");
}

/* Words that a healthy kernel's log does not contain. */
static const char * const alarming[] = {
	"WARNING:", "BUG:", "Oops", "KASAN", "UBSAN", "refcount_t",
	"possible recursive locking", "possible circular locking",
	"inconsistent lock state", "suspicious RCU", "blocked for more than",
	"general protection fault", "soft lockup", "rcu_sched self-detected",
	"sleeping function called", "unregister_netdevice: waiting",
	"suspected memory leaks",
};

TEST_F(one, kernel_log)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	struct job jobs[4] = {};
	int i, type, calm = 1;
	char rec[8192];
	ssize_t n;

	if (log < 0) {
		SKIP_ROWS("no kernel log to read", "STRESS-08");
		SKIP(return, "no kernel log to read");
	}
	ASSERT_LE(0, lseek(log, 0, SEEK_END));

	for (type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
		if (type != SOCK_STREAM && type != SOCK_DGRAM &&
		    type != SOCK_SEQPACKET)
			continue;
		for (i = 0; i < 4; i++) {
			jobs[i] = (struct job){};
			jobs[i].family = variant->family;
			jobs[i].type = type;
			jobs[i].rounds = rounds(300);
		}
		ASSERT_EQ(0, run_jobs(jobs, 4, name_racer));
		passed = 0;
		for (i = 0; i < 4; i++)
			jobs[i].rounds = rounds(100);
		ASSERT_EQ(0, run_jobs(jobs, 4, fd_job));
	}

	for (;;) {
		n = read(log, rec, sizeof(rec) - 1);
		/* Records that were overwritten are skipped. */
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			break;
		rec[n] = 0;
		/* Most of them are the kernel's own: kcsan/reports judges. */
		if (strstr(rec, "BUG: KCSAN: "))
			continue;
		for (i = 0; i < (int)ARRAY_SIZE(alarming); i++) {
			if (!strstr(rec, alarming[i]))
				continue;
			TH_LOG("kernel log: %s", rec);
			calm = 0;
		}
	}
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_TRUE(calm);
	PROVES("STRESS-08");
}

TEST_HARNESS_MAIN
