// SPDX-License-Identifier: GPL-2.0
/*
 * Which process has which socket, by one walk through /proc/PID/fd.
 *
 * Keeps 12 bytes for each descriptor of a socket, of any family, and 20 for
 * each process that has one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vss.h"

struct holder {
	uint32_t ino;
	uint32_t proc;		/* row of the processes */
	uint32_t fd;
};

struct proc {
	uint32_t pid;
	char comm[16];
};

static struct table holders;
static struct table procs;

static int compare_holders(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	if (x->proc != y->proc)
		return x->proc < y->proc ? -1 : 1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

/* A number and nothing else, as names in /proc are; -1: something else. */
static long number(const char *s)
{
	char *end;
	long n;

	if (*s < '0' || *s > '9')
		return -1;
	n = strtol(s, &end, 10);
	return *end ? -1 : n;
}

static bool add_proc(int dir, long pid)
{
	struct proc *p = table_add(&procs, sizeof(*p));
	ssize_t n;
	int fd;

	if (!p)
		return false;
	p->pid = pid;
	fd = openat(dir, "comm", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	n = read(fd, p->comm, sizeof(p->comm));
	if (n > 0)
		p->comm[n - 1] = '\0';	/* it ends with a newline */
	close(fd);
	return true;
}

static bool add_holder(uint32_t ino, long fd)
{
	struct holder *h = table_add(&holders, sizeof(*h));

	if (!h)
		return false;
	h->ino = ino;
	h->proc = procs.nr - 1;
	h->fd = fd;
	return true;
}

/* The inode of the socket that link @name is, 0: it is none. */
static uint32_t socket_of(int dir, const char *name)
{
	static const char prefix[] = "socket:[";
	char link[64];
	ssize_t n;

	n = readlinkat(dir, name, link, sizeof(link) - 1);
	if (n <= 0)
		return 0;
	link[n] = '\0';
	if (strncmp(link, prefix, sizeof(prefix) - 1))
		return 0;
	return strtoul(link + sizeof(prefix) - 1, NULL, 10);
}

/* Goes through the descriptors of a process.  False: no memory. */
static bool scan_fds(DIR *fds, int proc, long pid)
{
	bool known = false;
	struct dirent *e;
	uint32_t ino;

	while ((e = readdir(fds))) {
		if (number(e->d_name) < 0)
			continue;
		ino = socket_of(dirfd(fds), e->d_name);
		if (!ino)
			continue;
		if (!known && !add_proc(proc, pid))
			return false;
		known = true;
		if (!add_holder(ino, number(e->d_name)))
			return false;
	}
	return true;
}

/* Processes that are gone, or not ours to look at, have no descriptors. */
static bool scan_proc(int root, const char *name, long pid)
{
	int proc = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = true;
	int fd = -1;
	DIR *fds;

	if (proc >= 0)
		fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fds = fdopendir(fd);
		if (fds) {
			good = scan_fds(fds, proc, pid);
			closedir(fds);
		} else {
			close(fd);
			good = false;
		}
	}
	if (proc >= 0)
		close(proc);
	return good;
}

/* Learns who has what, now.  Returns VSS_OK or VSS_FAILED. */
int procs_scan(void)
{
	DIR *root = opendir("/proc");
	struct dirent *e;
	bool good = true;
	long pid;

	table_free(&holders);
	table_free(&procs);
	if (!root) {
		fprintf(stderr, "vss: /proc: %s\n", strerror(errno));
		return VSS_FAILED;
	}
	while (good && (e = readdir(root))) {
		pid = number(e->d_name);
		if (pid > 0)
			good = scan_proc(dirfd(root), e->d_name, pid);
	}
	closedir(root);
	if (!good) {
		fputs("vss: no memory for who has which socket\n", stderr);
		return VSS_FAILED;
	}
	table_sort(&holders, compare_holders);
	return VSS_OK;
}

/* The first who has @ino; *nr: how many there are. */
static const struct holder *find(uint32_t ino, size_t *nr)
{
	const struct holder *h = table_find(&holders, &ino, compare_u32);
	const struct holder *begin = (void *)holders.rows;
	const struct holder *last;

	*nr = 0;
	if (!h)
		return NULL;
	for (last = h; last + 1 < begin + holders.nr && last[1].ino == ino;)
		last++;
	while (h > begin && h[-1].ino == ino)
		h--;
	*nr = last - h + 1;
	return h;
}

/* Prints who has @ino as ss does, nothing if nobody; returns the columns. */
int procs_print(uint32_t ino)
{
	const struct proc *p;
	size_t nr;
	const struct holder *h = find(ino, &nr);
	int n = 0;

	if (!nr)
		return 0;
	n += printf("users:(");
	for (size_t i = 0; i < nr; i++, h++) {
		p = (void *)(procs.rows + h->proc * sizeof(*p));
		n += printf(i ? ",(" : "(");
		n += text_print(p->comm);
		n += printf(",pid=%u,fd=%u)", p->pid, h->fd);
	}
	n += printf(")");
	return n;
}

void procs_json(uint32_t ino)
{
	const struct proc *p;
	size_t nr;
	const struct holder *h = find(ino, &nr);

	fputs(",\"processes\":[", stdout);
	for (size_t i = 0; i < nr; i++, h++) {
		p = (void *)(procs.rows + h->proc * sizeof(*p));
		printf("%s{\"name\":", i ? "," : "");
		json_text(p->comm);
		printf(",\"pid\":%u,\"fd\":%u}", p->pid, h->fd);
	}
	putchar(']');
}
