// SPDX-License-Identifier: GPL-2.0
/*
 * Passing descriptors and collecting what becomes unreachable, AF_UNIX and
 * vunix by turns:
 *
 *   gc [-n SOCKETS] [-f SOCKETS] [-r REPEATS] [-R REPEATS] [-i] [rate|innocent|freed]...
 *
 * rate      messages with 1, 16 and 253 descriptors, of /dev/null and of
 *           sockets of the family: sent, received and closed by one process
 * innocent  what a message costs a pair that has nothing to do with any cycle
 *           (one byte; one byte with a descriptor, or a socket of the family):
 *           when all is quiet, and while SOCKETS are in flight, half of them in
 *           queues of others, and the other processor makes garbage
 * freed     time from the last close until nothing is left of 1000 ... SOCKETS
 *           (-f, else as -n) in a ring, in pairs, in a chain and in random
 *           graphs whose cycles share sockets
 *
 * Needs root.  The pair belongs to another user than what is in flight.  Figures
 * are medians of REPEATS (-r; -R where freed takes long: for 10^5 sockets, with
 * -i for 10^4), with the least and the greatest in brackets.  With -i times are
 * instructions (see vm.sh): there is one processor, so garbage is made by the
 * pair's own process, one cycle every 2500 messages, which are not counted.
 *
 * Lines with "target" say what vunix must reach and whether it does.  The status
 * is 1 if it does not; times of an emulator do not count for that.  Machines
 * do more than one instruction in a nanosecond, so who needs no more than 10^9
 * of them takes less than a second.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <linux/vunix.h>

#define MAX_FDS		253		/* SCM_MAX_FD */
#define MAX_FIGURES	128
#define SPARE_FDS	4096
#define NOBODY		65534

/* innocent */
#define MAX_SAMPLES	200000
#define WARM_UP		200
#define COUNTED		10000		/* samples with -i */
#define LASTS		0.4e9		/* ns for all samples without */
#define CYCLE_EVERY	2500		/* samples, with -i */
#define CHAIN		10		/* sockets in each other's queue */
#define INNOCENT	1.05		/* target: busy : idle */

/* freed */
#define GROUP		8		/* sockets of a random graph */
#define EDGES		14
#define PROVOKE		10e6		/* ns between closes of a socket */
#define PATIENCE	10e9		/* ns until a leak is a leak */
#define UNMADE		(instructions ? 3e9 : 30e9)	/* ns for AF_UNIX */
#define SOON		1e9		/* target */

#define RATE		1.5		/* target: AF_UNIX : vunix */

enum { UNIX, VUNIX, FAMILIES };
static const int families[FAMILIES] = { AF_UNIX, AF_VUNIX };
static const char *const family_name[FAMILIES] = { "AF_UNIX", "vunix" };

static unsigned int in_flight = 100000;
static unsigned int most_freed;
static unsigned int repeats = 5;
static unsigned int big_repeats = 1;
static bool instructions;
static bool missed;
static int null_fd;

static void die(const char *what)
{
	fprintf(stderr, "gc: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/*
 * Figures of repeated measurements
 */

struct figures {
	unsigned int nr;
	double value[MAX_FIGURES];
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void add(struct figures *f, double value)
{
	f->value[f->nr++] = value;
	qsort(f->value, f->nr, sizeof(*f->value), by_value);
}

static double median(const struct figures *f)
{
	return f->nr ? f->value[f->nr / 2] : 0;
}

static void print_figures(const struct figures *f, double unit)
{
	char spread[40];

	snprintf(spread, sizeof(spread), "[%.0f-%.0f]", f->value[0] / unit,
		 f->value[f->nr - 1] / unit);
	printf(" %8.0f %-17s", median(f) / unit, spread);
}

static void target(bool reached, bool counts, const char *what, double value)
{
	printf("target: %-62s %8.2f %s%s\n", what, value,
	       reached ? "ok" : "MISSED", counts ? "" : " (emulated)");
	missed |= !reached && counts;
}

/*
 * Sockets and messages
 */

union control {
	struct cmsghdr hdr;
	char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

static void pair(int family, int *sk)
{
	if (socketpair(family, SOCK_STREAM, 0, sk))
		die("socketpair");
}

static int new_socket(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

/* One byte with @n descriptors. */
static int try_send_fds(int sk, const int *fds, unsigned int n)
{
	union control control;
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	if (n) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.hdr.cmsg_len = CMSG_LEN(n * sizeof(int));
		control.hdr.cmsg_level = SOL_SOCKET;
		control.hdr.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.hdr), fds, n * sizeof(int));
	}
	return sendmsg(sk, &msg, MSG_DONTWAIT) == 1 ? 0 : -1;
}

static void send_fds(int sk, const int *fds, unsigned int n)
{
	if (try_send_fds(sk, fds, n))
		die("sendmsg");
}

static void recv_fds(int sk, int *fds, unsigned int n)
{
	union control control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	if (n) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	if (recvmsg(sk, &msg, 0) != 1)
		die("recvmsg");
	if (n && (msg.msg_flags & MSG_CTRUNC ||
		  control.hdr.cmsg_len != CMSG_LEN(n * sizeof(int)))) {
		errno = EMSGSIZE;
		die("descriptors");
	}
	memcpy(fds, CMSG_DATA(&control.hdr), n * sizeof(int));
}

/* Two sockets, each in the other's queue, and open nowhere else. */
static int make_cycle(int family)
{
	int sk[2], err;

	if (socketpair(family, SOCK_STREAM, 0, sk))
		return -1;
	err = try_send_fds(sk[0], &sk[0], 1);
	err |= try_send_fds(sk[1], &sk[1], 1);
	close(sk[0]);
	close(sk[1]);
	return err;
}

/* Sockets of a family, in the books of the kernel. */
static unsigned int count_sockets(int f)
{
	static int fd = -1;
	unsigned int n = 0, sockets;
	char text[8192], *line;
	ssize_t len;

	if (fd < 0)
		fd = open("/proc/net/protocols", O_RDONLY | O_CLOEXEC);
	len = pread(fd, text, sizeof(text) - 1, 0);
	if (len <= 0)
		die("/proc/net/protocols");
	text[len] = 0;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char name[32];

		if (sscanf(line, "%31s %*u %u", name, &sockets) != 2)
			continue;
		/* AF_UNIX has two protocols. */
		if (f == UNIX ? !strncmp(name, "UNIX", 4) :
				!strcmp(name, "VUNIX"))
			n += sockets;
	}
	return n;
}

/* Waits until there are no more than @base; returns when, or -1. */
static double wait_for_count(int f, unsigned int base, double patience)
{
	double start = now(), provoked = start, t;

	while (count_sockets(f) > base) {
		t = now();
		if (t - start > patience)
			return -1;
		/* AF_UNIX looks for garbage when one of its sockets is closed. */
		if (f == UNIX && t - provoked > PROVOKE) {
			close(new_socket(AF_UNIX));
			provoked = t;
		}
		usleep(1000);
	}
	return now() - start;
}

/*
 * Sockets that only one queue holds.  Who closes its receiver drops them.
 */

struct holder {
	int sk[2];
	int batch[MAX_FDS];
	unsigned int nr;
};

static void holder_open(struct holder *h, int family)
{
	int size = 1 << 28;

	pair(family, h->sk);
	if (setsockopt(h->sk[1], SOL_SOCKET, SO_SNDBUFFORCE, &size,
		       sizeof(size)))
		die("SO_SNDBUFFORCE");
	h->nr = 0;
}

static void holder_flush(struct holder *h)
{
	if (!h->nr)
		return;
	send_fds(h->sk[1], h->batch, h->nr);
	while (h->nr)
		close(h->batch[--h->nr]);
}

/* Takes the descriptor. */
static void hold(struct holder *h, int fd)
{
	h->batch[h->nr++] = fd;
	if (h->nr == MAX_FDS)
		holder_flush(h);
}

/* Queues all; returns the last descriptor that keeps them. */
static int holder_done(struct holder *h)
{
	holder_flush(h);
	close(h->sk[1]);
	return h->sk[0];
}

/*
 * A chain: @n sockets of which each is in the queue of the one before.  Returns
 * the first; *@end gets a socket to send to the last.  It is made from its end:
 * AF_UNIX searches all that is in flight for cycles, with each socket that is
 * closed, once something was sent to a socket that is itself in flight.
 */
static int make_chain(int family, unsigned int n, int *end)
{
	int first, next[2];

	pair(family, next);
	first = next[0];
	*end = next[1];
	while (--n) {
		pair(family, next);
		send_fds(next[1], &first, 1);
		close(first);
		close(next[1]);
		first = next[0];
	}
	return first;
}

/*
 * rate
 */

#define MESSAGES	MAX_FIGURES	/* for one figure */

static const unsigned int rate_fds[] = { 1, 16, MAX_FDS };

#define RATES	3

/* Nanoseconds or instructions of a message. */
struct rate {
	struct figures send;
	struct figures recv;
	struct figures close;
	struct figures all;
};

/* The median message: what else the machine does now and then is no cost. */
static void measure_rate(const int *sk, const int *fds, unsigned int n,
			 struct rate *rate)
{
	struct figures part[3] = { 0 }, all = { 0 };
	int got[MAX_FDS];
	unsigned int i, j;
	double t[4];

	for (i = 0; i < MESSAGES; i++) {
		t[0] = now();
		send_fds(sk[0], fds, n);
		t[1] = now();
		recv_fds(sk[1], got, n);
		t[2] = now();
		for (j = 0; j < n; j++)
			close(got[j]);
		t[3] = now();
		for (j = 0; j < 3; j++)
			add(&part[j], t[j + 1] - t[j]);
		add(&all, t[3] - t[0]);
	}
	add(&rate->send, median(&part[0]));
	add(&rate->recv, median(&part[1]));
	add(&rate->close, median(&part[2]));
	add(&rate->all, median(&all));
}

static void print_rate(const struct rate *rate, unsigned int n, int f)
{
	double all = median(&rate->all);

	printf("  %-8s", family_name[f]);
	if (!instructions)
		printf(" %10.0f %10.0f", 1e9 / all, 1e9 * n / all);
	print_figures(&rate->all, n);
	printf(" %7.0f %7.0f %7.0f\n", median(&rate->send) / n,
	       median(&rate->recv) / n, median(&rate->close) / n);
}

static void compare_rates(bool sockets)
{
	struct rate rates[RATES][FAMILIES] = { 0 };
	int fds[FAMILIES][MAX_FDS], sk[FAMILIES][2];
	unsigned int r, i, f;
	double ratio;
	char what[80];

	for (f = 0; f < FAMILIES; f++) {
		pair(families[f], sk[f]);
		for (i = 0; i < MAX_FDS; i++)
			fds[f][i] = sockets ? new_socket(families[f]) : null_fd;
	}
	/* The first is for the caches. */
	for (r = 0; r <= repeats; r++)
		for (i = 0; i < RATES; i++)
			for (f = 0; f < FAMILIES; f++) {
				if (r == 1)
					memset(&rates[i][f], 0,
					       sizeof(rates[i][f]));
				measure_rate(sk[f], fds[f], rate_fds[i],
					     &rates[i][f]);
			}

	for (i = 0; i < RATES; i++) {
		printf("%u %s\n", rate_fds[i], sockets ? "sockets" : "files");
		for (f = 0; f < FAMILIES; f++)
			print_rate(&rates[i][f], rate_fds[i], f);
		ratio = median(&rates[i][UNIX].all) /
			median(&rates[i][VUNIX].all);
		snprintf(what, sizeof(what),
			 "%u %s passed at %.1f times AF_UNIX's rate",
			 rate_fds[i], sockets ? "sockets" : "files", RATE);
		target(ratio >= RATE, instructions, what, ratio);
	}

	for (f = 0; f < FAMILIES; f++) {
		close(sk[f][0]);
		close(sk[f][1]);
		for (i = 0; sockets && i < MAX_FDS; i++)
			close(fds[f][i]);
	}
}

static void rate(void)
{
	printf("\n== rate: send, receive and close by one process\n%-10s", "");
	if (!instructions)
		printf(" %10s %10s", "messages/s", "fds/s");
	printf(" %8s %17s %7s %7s %7s\n",
	       instructions ? "instr/fd" : "ns/fd", "", "send", "receive",
	       "close");
	compare_rates(false);
	compare_rates(true);
}

/*
 * innocent
 */

enum { BYTE, FILE_FD, SOCKET, KINDS };
enum { IDLE, BUSY, STATES };

static const char *const kind_name[KINDS] = {
	"1 byte", "1 file", "1 socket"
};

/* Shared with the processes that measure and make garbage. */
static struct shared {
	unsigned long cycles;
	unsigned long refused;
	long slept;
	unsigned int samples;
	uint32_t sample[MAX_SAMPLES];
} *shared;

struct delay {
	struct figures p50;
	struct figures p99;
	struct figures mean;
	struct figures max;
	long slept;
};

struct innocent {
	int sk[2];
	int fd[KINDS];
	struct delay delay[KINDS][STATES];
};

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1 &&
	    sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static double one_message(const struct innocent *in, int kind)
{
	unsigned int n = kind != BYTE;
	double start, end;
	int fd;

	start = now();
	send_fds(in->sk[0], &in->fd[kind], n);
	recv_fds(in->sk[1], &fd, n);
	end = now();
	if (n)
		close(fd);
	return end - start;
}

static void take_samples(const struct innocent *in, int f, int kind, int state)
{
	unsigned int i, max = instructions ? COUNTED : MAX_SAMPLES;
	struct rusage before, after;
	double start;

	run_on(0);
	if (setresuid(NOBODY, NOBODY, NOBODY))
		die("setresuid");
	for (i = 0; i < WARM_UP; i++)
		one_message(in, kind);

	start = now();
	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < max; i++) {
		shared->sample[i] = one_message(in, kind);
		if (instructions && state == BUSY && i % CYCLE_EVERY == 0)
			make_cycle(families[f]);
		if (!instructions && i > WARM_UP && now() - start > LASTS)
			break;
	}
	getrusage(RUSAGE_SELF, &after);
	shared->samples = i;
	shared->slept = after.ru_nvcsw - before.ru_nvcsw;
}

static int by_sample(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void evaluate(struct delay *d)
{
	unsigned int n = shared->samples, i;
	double sum = 0;

	for (i = 0; i < n; i++)
		sum += shared->sample[i];
	qsort(shared->sample, n, sizeof(*shared->sample), by_sample);
	add(&d->mean, sum / n);
	add(&d->p50, shared->sample[n / 2]);
	add(&d->p99, shared->sample[n - n / 100 - 1]);
	add(&d->max, shared->sample[n - 1]);
	d->slept += shared->slept;
}

static void reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status) {
		errno = ECHILD;
		die("a child");
	}
}

static void measure_innocent(struct innocent *in, int f, int state)
{
	pid_t pid;
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		fflush(stdout);
		pid = fork();
		if (!pid) {
			take_samples(in, f, kind, state);
			_exit(0);
		}
		if (pid < 0)
			die("fork");
		reap(pid);
		evaluate(&in->delay[kind][state]);
	}
}

static void make_garbage(int family)
{
	run_on(1);
	for (;;) {
		if (!make_cycle(family)) {
			shared->cycles++;
			continue;
		}
		/* The limit of all sockets: the collector is behind. */
		shared->refused++;
		usleep(1000);
	}
}

static pid_t start_garbage(int f)
{
	pid_t pid;

	shared->cycles = 0;
	shared->refused = 0;
	if (instructions)
		return 0;
	pid = fork();
	if (!pid)
		make_garbage(families[f]);
	if (pid < 0)
		die("fork");
	return pid;
}

/* Half of what is in flight lies in chains, so the collectors must look. */
static void make_load(struct holder *h, int family)
{
	unsigned int i;
	int end;

	holder_open(h, family);
	for (i = 0; i < in_flight / 2; i++)
		hold(h, new_socket(family));
	for (i = 0; i < in_flight / 2; i += CHAIN) {
		hold(h, make_chain(family, CHAIN, &end));
		close(end);
	}
	holder_flush(h);
}

static void measure_busy(struct innocent *in, int f)
{
	unsigned int before = count_sockets(f), left, base, r;
	double start, gone, lasted;
	struct holder h;
	pid_t pid;

	start = now();
	make_load(&h, families[f]);
	base = count_sockets(f);
	printf("# %s: %u in flight, made in %.1f s\n", family_name[f],
	       in_flight, (now() - start) / 1e9);

	start = now();
	pid = start_garbage(f);
	for (r = 0; r < repeats; r++)
		measure_innocent(in, f, BUSY);
	lasted = now() - start;
	if (pid) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	left = count_sockets(f) - base;
	gone = wait_for_count(f, base, 6 * PATIENCE);
	if (gone < 0) {
		errno = ETIME;
		die("garbage");
	}
	if (pid)
		printf("# %s: %.0f cycles of garbage per second, refused %lu times;\n"
		       "#   then %u sockets of it were left, gone after %.2f s\n",
		       family_name[f], shared->cycles / (lasted / 1e9),
		       shared->refused, left, gone / 1e9);
	close(holder_done(&h));
	if (wait_for_count(f, before, PATIENCE) < 0) {
		errno = EBUSY;
		die("sockets that were received nowhere");
	}
}

static void print_delays(const struct innocent *in, int kind, int f)
{
	const struct delay *d = in->delay[kind];
	const struct delay *idle = &d[IDLE], *busy = &d[BUSY];
	int state;

	for (state = 0; state < STATES; state++) {
		printf("%-8s  %-7s %-5s", kind_name[kind], family_name[f],
		       state == IDLE ? "idle" : "busy");
		print_figures(&d[state].p50, 1);
		print_figures(&d[state].p99, 1);
		printf(" %8.0f %9.0f %6ld\n", median(&d[state].mean),
		       d[state].max.value[d[state].max.nr - 1],
		       d[state].slept);
	}
	printf("%-8s  %-7s %-5s %8.2f %17s %8.2f %17s %8.2f %9.2f\n", "", "",
	       "ratio", median(&busy->p50) / median(&idle->p50), "",
	       median(&busy->p99) / median(&idle->p99), "",
	       median(&busy->mean) / median(&idle->mean),
	       busy->max.value[busy->max.nr - 1] /
	       idle->max.value[idle->max.nr - 1]);
}

static void innocent(void)
{
	static struct innocent in[FAMILIES];
	unsigned int f, kind, r;
	const struct delay *d;
	double worst = 0;
	long slept = 0;

	printf("\n== innocent: send and receive of an unrelated pair, %s\n",
	       instructions ? "instructions" : "ns");
	for (f = 0; f < FAMILIES; f++) {
		pair(families[f], in[f].sk);
		in[f].fd[FILE_FD] = null_fd;
		in[f].fd[SOCKET] = new_socket(families[f]);
	}
	for (r = 0; r < repeats; r++)
		for (f = 0; f < FAMILIES; f++)
			measure_innocent(&in[f], f, IDLE);
	for (f = 0; f < FAMILIES; f++)
		measure_busy(&in[f], f);

	printf("%-23s %8s %17s %8s %17s %8s %9s %6s\n", "", "p50", "", "p99",
	       "", "mean", "max", "slept");
	for (kind = 0; kind < KINDS; kind++) {
		for (f = 0; f < FAMILIES; f++)
			print_delays(&in[f], kind, f);
		d = in[VUNIX].delay[kind];
		if (median(&d[BUSY].p50) / median(&d[IDLE].p50) > worst)
			worst = median(&d[BUSY].p50) / median(&d[IDLE].p50);
		slept += d[BUSY].slept;
	}
	target(worst <= INNOCENT, instructions,
	       "vunix: busy at most 1.05 of idle (p50)", worst);
	target(!slept, true, "vunix: times the pair's process slept", slept);

	for (f = 0; f < FAMILIES; f++) {
		close(in[f].sk[0]);
		close(in[f].sk[1]);
		close(in[f].fd[SOCKET]);
	}
}

/*
 * freed
 */

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

/*
 * AF_UNIX's senders wait for searches when much is in flight, so some shapes
 * take it hours to get there.
 */
static double deadline;

static bool is_late(void)
{
	return now() > deadline;
}

/* Each returns the descriptor whose close is the last. */

static int make_ring(int family, unsigned int n)
{
	int end, first = make_chain(family, n, &end);

	send_fds(end, &first, 1);
	close(end);
	return first;
}

static int make_nested(int family, unsigned int n)
{
	int end, first = make_chain(family, n, &end);

	close(end);
	return first;
}

static int make_pairs(int family, unsigned int n)
{
	struct holder h;
	unsigned int i;
	int sk[2];

	holder_open(&h, family);
	for (i = 0; i < n && !is_late(); i += 2) {
		pair(family, sk);
		send_fds(sk[0], &sk[0], 1);
		send_fds(sk[1], &sk[1], 1);
		hold(&h, sk[0]);
		/* It is queued, so this is no release, and no search follows. */
		close(sk[1]);
	}
	return holder_done(&h);
}

static int make_graphs(int family, unsigned int n)
{
	struct holder h;
	unsigned int i, j;
	int sk[GROUP];

	holder_open(&h, family);
	for (i = 0; i < n && !is_late(); i += GROUP) {
		for (j = 0; j < GROUP; j += 2)
			pair(family, &sk[j]);
		for (j = 0; j < EDGES; j++)
			send_fds(sk[random_below(GROUP)],
				 &sk[random_below(GROUP)], 1);
		for (j = 0; j < GROUP; j++)
			hold(&h, sk[j]);
	}
	return holder_done(&h);
}

static const struct shape {
	const char *name;
	int (*make)(int family, unsigned int n);
} shapes[] = {
	{ "ring", make_ring },
	{ "pairs", make_pairs },
	{ "chain", make_nested },
	{ "random", make_graphs },
};

#define SHAPES	4

struct freed {
	struct figures time;
	unsigned int left;
	bool unmade;
};

static void measure_freed(const struct shape *shape, int f, unsigned int n,
			  struct freed *freed)
{
	unsigned int base = count_sockets(f), left;
	double start;
	int last;

	/* Once it has leaked, it will again. */
	if (freed->left || freed->unmade)
		return;
	deadline = f == UNIX ? now() + UNMADE : INFINITY;
	last = shape->make(families[f], n);
	if (count_sockets(f) < base + n) {
		freed->unmade = true;
		close(last);
		wait_for_count(f, base, PATIENCE);
		return;
	}
	start = now();
	close(last);
	if (wait_for_count(f, base, PATIENCE) >= 0) {
		add(&freed->time, now() - start);
		return;
	}
	close(new_socket(families[f]));
	wait_for_count(f, base, 1e9);
	left = count_sockets(f) - base;
	freed->left = left;
	if (!left)
		add(&freed->time, now() - start);
}

static void print_freed(const struct freed *freed)
{
	if (freed->time.nr)
		print_figures(&freed->time, 1e6);
	else
		printf(" %8s %-17s", freed->unmade ? "unmade" : "never", "");
	printf(" %6u", freed->left);
}

static void compare_freed(const struct shape *shape, unsigned int n,
			  double *slowest, unsigned int *left)
{
	struct freed freed[FAMILIES] = { 0 };
	unsigned int big = instructions ? 10000 : 100000;
	unsigned int r, f, nr = n >= big ? big_repeats : repeats;
	double time;

	for (r = 0; r < nr; r++)
		for (f = 0; f < FAMILIES; f++) {
			seed = 2026 + r;
			measure_freed(shape, f, n, &freed[f]);
		}
	printf("%-7s %7u %3u", shape->name, n, nr);
	for (f = 0; f < FAMILIES; f++)
		print_freed(&freed[f]);
	time = median(&freed[VUNIX].time);
	if (freed[UNIX].time.nr && time)
		printf(" %6.2f", median(&freed[UNIX].time) / time);
	printf("\n");
	fflush(stdout);

	if (freed[VUNIX].time.nr && time > *slowest)
		*slowest = time;
	*left += freed[VUNIX].unmade ? n : freed[VUNIX].left;
}

static void freed(void)
{
	unsigned int i, n, left = 0;
	double slowest = 0;

	printf("\n== freed: ms from the last close; what is left after 10 s\n"
	       "unmade: not there after %.0f s, for searches are in the way\n",
	       UNMADE / 1e9);
	printf("%-19s %-33s %-33s %6s\n%-7s %7s %3s", "", "AF_UNIX", "vunix",
	       "A : v", "shape", "sockets", "x");
	for (i = 0; i < FAMILIES; i++)
		printf(" %8s %-17s %6s", "ms", "", "left");
	printf("\n");
	/* Random ones last: what AF_UNIX leaks is in the way ever after. */
	for (i = 0; i < SHAPES; i++)
		for (n = 1000; n <= most_freed; n *= 10)
			compare_freed(&shapes[i], n, &slowest, &left);
	target(!left, true, "vunix: sockets that were never freed", left);
	target(slowest <= SOON, instructions,
	       instructions ? "vunix: all freed within 10^9 instructions" :
			      "vunix: all freed within a second",
	       slowest / 1e9);
}

static void write_number(const char *path, unsigned int value)
{
	FILE *f = fopen(path, "w");

	if (!f)
		die(path);
	fprintf(f, "%u\n", value);
	if (fclose(f))
		die(path);
}

/*
 * Sockets are limited to twice file-max: some garbage may pile up, not all of
 * the memory.
 */
static void raise_limits(void)
{
	unsigned int n = in_flight > most_freed ? in_flight : most_freed;
	struct rlimit limit = {
		.rlim_cur = SPARE_FDS,
		.rlim_max = SPARE_FDS,
	};

	write_number("/proc/sys/fs/file-max", n * 7 / 4 + SPARE_FDS);
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("RLIMIT_NOFILE");
}

static unsigned int number(const char *text, unsigned int max)
{
	unsigned long n = strtoul(text, NULL, 0);

	return n < max ? n : max;
}

int main(int argc, char **argv)
{
	bool all;
	int opt;

	while ((opt = getopt(argc, argv, "n:f:r:R:i")) != -1) {
		switch (opt) {
		case 'n':
			in_flight = number(optarg, 1000000);
			break;
		case 'f':
			most_freed = number(optarg, 1000000);
			break;
		case 'r':
			repeats = number(optarg, MAX_FIGURES);
			break;
		case 'R':
			big_repeats = number(optarg, MAX_FIGURES);
			break;
		case 'i':
			instructions = true;
			break;
		default:
			in_flight = 0;
		}
	}
	if (in_flight < 1000 || !repeats || !big_repeats) {
		fprintf(stderr,
			"usage: gc [-n SOCKETS] [-f SOCKETS] [-r REPEATS] [-R REPEATS] [-i] [rate|innocent|freed]...\n");
		return 2;
	}
	if (!most_freed)
		most_freed = in_flight;
	raise_limits();
	null_fd = open("/dev/null", O_RDWR);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (null_fd < 0 || shared == MAP_FAILED)
		die("start");
	memset(shared, 0, sizeof(*shared));

	all = optind == argc;
	for (; all || optind < argc; optind++) {
		if (all || !strcmp(argv[optind], "rate"))
			rate();
		if (all || !strcmp(argv[optind], "innocent"))
			innocent();
		if (all || !strcmp(argv[optind], "freed"))
			freed();
		if (all)
			break;
	}
	return missed;
}
