// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a program on one family.
 *
 * Operations run one after the other.  One that may sleep is given to a thread or
 * to a forked process, an actor; before anything else happens, every actor is
 * either done or asleep in its call.  So two runs of a program have the same order,
 * whatever blocks and whatever wakes it.
 *
 * That they are, the scheduler sees to: all of it is on one processor, and actors
 * have a real-time priority, so an actor that is not asleep runs, not who runs the
 * program.  Where that may not be had, /proc tells.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

enum state { IDLE, GO, DONE };

struct actor {
	int		state;
	int		started;
	pid_t		tid;
	int		stat;		/* its state, in /proc */
	int		index;
	/* instead of an operation: send this */
	const void	*p;
	size_t		len;
	int		fd;
	long		ret;
	struct trace	trace;
};

static struct actor *actors;		/* shared with the child */
static int in_order;			/* actors run first */
static const struct program *program;
static int family;
static struct counts *counts;
static volatile sig_atomic_t got[65];
static __thread volatile sig_atomic_t pipes;

static void on_signal(int sig)
{
	got[sig] = 1;
}

static void on_pipe(int sig)
{
	pipes = 1;
}

static void on_alarm(int sig)
{
	static const char text[] = "fuzz: a program does not end:\n";

	if (write(2, text, sizeof(text) - 1) > 0 && program) {
		program_write(stderr, program);
		fflush(stderr);
	}
	_exit(3);
}

static void futex(int *p, int op, int value)
{
	syscall(SYS_futex, p, op, value, NULL, NULL, 0);
}

static void actor_op(struct actor *a, int number)
{
	struct ctx c = {
		.p = program, .index = a->index, .t = &a->trace,
		.family = family, .actor = number,
		/* The child's would be nobody's. */
		.counts = number == CHILD ? NULL : counts,
	};

	a->trace.n = 0;
	a->trace.over = 0;
	if (a->p) {
		a->ret = send(a->fd, a->p, a->len, MSG_NOSIGNAL);
		return;
	}
	pipes = 0;
	op_run(&c);
	cover_take();
	if (pipes)
		rec_num(&a->trace, T_SIGNALS, SIGPIPE);
}

static void actor_loop(int number)
{
	struct actor *a = &actors[number];
	int state;

	for (;;) {
		for (;;) {
			state = __atomic_load_n(&a->state, __ATOMIC_ACQUIRE);
			if (state == GO)
				break;
			futex(&a->state, FUTEX_WAIT, state);
		}
		actor_op(a, number);
		__atomic_store_n(&a->state, DONE, __ATOMIC_RELEASE);
	}
}

static int open_stat(int pid, int tid)
{
	char path[64];
	int fd, high;

	sprintf(path, "/proc/%d/task/%d/stat", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FD_PRIVATE);
	close(fd);
	return high;
}

static void *thread(void *arg)
{
	int number = (long)arg;

	actors[number].tid = syscall(SYS_gettid);
	cover_task();
	__atomic_store_n(&actors[number].started, 1, __ATOMIC_RELEASE);
	actor_loop(number);
	return NULL;
}

/* Is it in a sleep that a signal ends, as all of ours are? */
static int asleep(const struct actor *a)
{
	char text[128], *p;
	long n = pread(a->stat, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 1;
	text[n] = 0;
	p = strrchr(text, ')');
	return p && (p[2] == 'S' || p[2] == 'Z' || p[2] == 'X');
}

static int is_done(struct actor *a)
{
	return __atomic_load_n(&a->state, __ATOMIC_ACQUIRE) == DONE;
}

static int is_busy(const struct actor *a)
{
	return a->state != IDLE;
}

static int make_urgent(pid_t tid)
{
	struct sched_param param = { .sched_priority = 1 };

	return sched_setscheduler(tid, SCHED_FIFO, &param);
}

void execute_in_order(void)
{
	cpu_set_t set;
	int i;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		return;
	for (i = THREAD_1; i < CHILD; i++)
		if (sched_setaffinity(actors[i].tid, sizeof(set), &set) < 0 ||
		    make_urgent(actors[i].tid) < 0)
			return;
	in_order = 1;
}

/* Everybody is done or asleep; twice, if one can have woken another. */
static void settle(void)
{
	int i, busy, calm, passes = 0;

	if (in_order)
		return;
	do {
		busy = 0;
		calm = 1;
		for (i = THREAD_1; i < NACTORS; i++) {
			struct actor *a = &actors[i];

			if (!is_busy(a))
				continue;
			busy++;
			if (is_done(a))
				continue;
			/* State first: who is done sleeps for the next task. */
			if (asleep(a) || is_done(a))
				continue;
			calm = 0;
			sched_yield();
		}
		passes = calm ? passes + 1 : 0;
	} while (busy && passes < (busy > 1 ? 2 : 1));
}

static void start(struct actor *a)
{
	__atomic_store_n(&a->state, GO, __ATOMIC_RELEASE);
	futex(&a->state, FUTEX_WAKE, 1);
	if (!in_order)
		sched_yield();
}

/* A thread that may sleep, or 0 */
static int actor_free(void)
{
	return !is_busy(&actors[THREAD_1]) ? THREAD_1 :
	       !is_busy(&actors[THREAD_2]) ? THREAD_2 : 0;
}

int actors_idle(void)
{
	return !is_busy(&actors[THREAD_1]) && !is_busy(&actors[THREAD_2]) &&
	       !is_busy(&actors[CHILD]);
}

int actor_start_send(int fd, const void *p, size_t len)
{
	struct actor *a = &actors[THREAD_1];

	if (is_busy(a) || fcntl(fd, F_GETFL) & O_NONBLOCK)
		return 0;
	a->p = p;
	a->len = len;
	a->fd = fd;
	start(a);
	settle();
	return 1;
}

int actor_settled(long *ret)
{
	struct actor *a = &actors[THREAD_1];

	settle();
	if (!is_done(a))
		return 0;
	*ret = a->ret;
	a->state = IDLE;
	a->p = NULL;
	return 1;
}

int signal_actor(int number, int sig)
{
	struct actor *a = &actors[number];

	if (!is_busy(a) || !a->tid)
		return 0;
	if (number == CHILD)
		return kill(a->tid, sig) < 0 ? -1 : 1;
	return syscall(SYS_tgkill, getpid(), a->tid, sig) < 0 ? -1 : 1;
}

int fork_actor(void)
{
	struct actor *a = &actors[CHILD];
	pid_t pid;

	if (a->tid) {
		errno = EBUSY;
		return -1;
	}
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(0);
		known_pid[1] = getpid();
		cover_task();
		actor_loop(CHILD);
	}
	if (pid < 0)
		return -1;
	known_pid[1] = pid;
	a->tid = pid;
	a->stat = open_stat(pid, pid);
	if (in_order && make_urgent(pid) < 0) {
		perror("fuzz: sched_setscheduler");
		exit(2);
	}
	return 0;
}

int exit_actor(void)
{
	struct actor *a = &actors[CHILD];

	if (!a->tid)
		return 0;
	kill(a->tid, SIGKILL);
	waitpid(a->tid, NULL, 0);
	close(a->stat);
	a->tid = 0;
	a->state = IDLE;
	a->p = NULL;
	return 1;
}

static void collect(struct trace *t)
{
	struct actor *a;
	int i;

	settle();
	for (i = THREAD_1; i < NACTORS; i++) {
		a = &actors[i];
		if (!is_busy(a) || !is_done(a))
			continue;
		rec_num(t, T_END, i << 16 | a->index);
		rec_append(t, &a->trace);
		a->state = IDLE;
	}
}

static void note_signals(struct trace *t)
{
	static const int sigs[] = { SIGIO, SIGURG };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		int sig = i == 2 ? SIGRTMIN + 1 : sigs[i];

		if (!got[sig])
			continue;
		got[sig] = 0;
		rec_num(t, T_SIGNALS, i == 2 ? 64 : sig);
	}
}

int for_main(int code)
{
	return code == OP_FORK || code == OP_EXIT || code == OP_KILL ||
	       code == OP_FLOW;
}

static void run_op(struct trace *t, int index)
{
	const struct op *op = &program->op[index];
	struct ctx c = {
		.p = program, .index = index, .t = t, .family = family,
		.counts = counts,
	};
	int number = for_main(op->code) ? 0 : op->actor;
	struct actor *a;

	rec_num(t, T_OP, index);
	/* splice() sleeps with the pipe locked, and close() would wait for it. */
	if ((!number || op->code == OP_SPLICE_IN || op->code == OP_SPLICE_OUT) &&
	    op_may_block(op)) {
		if (op->code != OP_SPLICE_IN && op->code != OP_SPLICE_OUT)
			number = actor_free();
		else
			number = 0;
		if (!number) {
			rec_num(t, T_BUSY, 0);
			return;
		}
	}
	if (!number) {
		pipes = 0;
		op_run(&c);
		cover_take();
		if (pipes)
			rec_num(t, T_SIGNALS, SIGPIPE);
		collect(t);
		return;
	}
	a = &actors[number];
	if (is_busy(a) || !a->tid) {
		rec_num(t, T_BUSY, number);
		return;
	}
	a->index = index;
	a->p = NULL;
	start(a);
	settle();
	if (!is_done(a))
		rec_num(t, T_BLOCKED, number);
	collect(t);
}

static void clean_up(void)
{
	char path[112];
	int i;

	exit_actor();
	for (i = THREAD_1; i < CHILD; i++) {
		while (is_busy(&actors[i]) && !is_done(&actors[i])) {
			signal_actor(i, SIGUSR1);
			settle();
			/* Only who is traced has not had its turn. */
			if (in_order && !is_done(&actors[i]))
				usleep(1000);
		}
		actors[i].state = IDLE;
		actors[i].p = NULL;
	}
	syscall(SYS_close_range, 3, FD_PRIVATE - 1, 0);
	for (i = 0; *names_used >> i; i++) {
		if (!(*names_used & 1 << i))
			continue;
		if (i == NFILES) {
			memset(path, 'q', 108);
			path[108] = 0;
		} else {
			sprintf(path, "p%d", i);
		}
		unlink(path);
	}
	*names_used = 0;
}

static void run(const struct program *p, int fam, struct trace *t,
		struct counts *cnt, int pause, uint64_t where, int patience)
{
	int i;

	program = p;
	family = fam;
	counts = cnt;
	t->n = 0;
	t->over = 0;
	known_pid[1] = 0;
	names_serial++;
	slots_reset();
	memset((void *)got, 0, sizeof(got));
	alarm(60 + p->n * patience / 1000);
	for (i = 0; i < p->n; i++) {
		if (where & 1ull << i)
			usleep(patience * 1000);
		run_op(t, i);
		if (pause) {
			usleep(pause * 1000);
			collect(t);
		}
		note_signals(t);
	}
	clean_up();
	cover_take();
}

void execute(const struct program *p, int fam, struct trace *t,
	     struct counts *cnt)
{
	run(p, fam, t, cnt, 0, 0, 0);
}

void execute_slowly(const struct program *p, int fam, struct trace *t,
		    int pause, uint64_t where, int patience)
{
	run(p, fam, t, NULL, pause, where, patience);
}

static void handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	sigaction(sig, &sa, NULL);
}

static void make_files(const char *dir)
{
	int i, fd;

	if (chdir(dir) < 0)
		goto fail;
	fd = open("f0", O_CREAT | O_RDWR | O_TRUNC, 0644);
	if (fd < 0 || write(fd, buf_out, 16384) != 16384)
		goto fail;
	close(fd);
	if (mkdir("d0", 0755) < 0 || symlink("p0", "l0") < 0 ||
	    symlink("none2", "l1") < 0)
		goto fail;
	/* What an earlier run has left would be in the way. */
	for (i = 0; i <= NFILES; i++)
		*names_used |= 1 << i;
	return;
fail:
	perror(dir);
	exit(2);
}

void execute_init(const char *dir)
{
	struct rlimit lim = { 1024, 1024 };
	pthread_t id;
	sigset_t set, old;
	long i;

	ops_init();
	setrlimit(RLIMIT_NOFILE, &lim);
	umask(022);
	make_files(dir);
	actors = mmap(NULL, NACTORS * sizeof(*actors), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (actors == MAP_FAILED) {
		perror("fuzz: mmap");
		exit(2);
	}
	known_pid[0] = getpid();
	handle(SIGIO, on_signal, SA_RESTART);
	handle(SIGURG, on_signal, SA_RESTART);
	handle(SIGRTMIN + 1, on_signal, SA_RESTART);
	handle(SIGPIPE, on_pipe, SA_RESTART);
	handle(SIGUSR1, on_signal, 0);
	handle(SIGUSR2, on_signal, SA_RESTART);
	handle(SIGALRM, on_alarm, 0);
	/* Those for the process are for its first thread. */
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, SIGURG);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	for (i = THREAD_1; i < CHILD; i++) {
		if (pthread_create(&id, NULL, thread, (void *)i)) {
			fprintf(stderr, "fuzz: no thread\n");
			exit(2);
		}
		while (!__atomic_load_n(&actors[i].started, __ATOMIC_ACQUIRE))
			sched_yield();
		actors[i].stat = open_stat(getpid(), actors[i].tid);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}
