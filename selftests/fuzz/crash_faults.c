// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations that fail: what is set in debugfs, and how many it were.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crash.h"

#define DEBUGFS "/sys/kernel/debug/"
/* Failures that may be: the kernel counts down from there. */
#define TIMES 1000000000

static const char * const kinds[] = { "failslab", "fail_page_alloc" };

static int write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC), ret = -1, err;

	if (fd < 0)
		return -1;
	if (write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		ret = 0;
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

static void set(const char *kind, const char *knob, const char *text)
{
	char path[128];

	sprintf(path, DEBUGFS "%s/%s", kind, knob);
	if (!write_file(path, text))
		return;
	fprintf(stderr, "fuzz: allocations are to fail, and %s: %s\n", path,
		strerror(errno));
	exit(2);
}

/* Where the module's code is, as the knobs want it */
static int module_code(char *start, char *end)
{
	unsigned long long from, size;
	char line[512];
	int found = 0;
	FILE *f = fopen("/proc/modules", "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "vunix %llu %*s %*s %*s %llx", &size,
			       &from) == 2 && from;
	if (f)
		fclose(f);
	if (!found)
		return 0;
	sprintf(start, "0x%llx", from);
	sprintf(end, "0x%llx", from + size);
	return 1;
}

/*
 * One in fifty of the objects, also of those that may wait for memory.  Pages are
 * single ones, as those of queues are, and if the kernel can tell, only those that
 * the module asks for: else most are page tables and memory of programs.
 */
void faults_arm(void)
{
	static const char * const knobs[][2] = {
		{ "task-filter", "1" }, { "interval", "1" },
		{ "verbose", "0" }, { "space", "0" },
		{ "ignore-gfp-wait", "0" }, { "probability", "2" },
	};
	char start[32], end[32], times[32];
	unsigned int i, j;

	sprintf(times, "%d", TIMES);
	set("failslab", "cache-filter", "0");
	set("fail_page_alloc", "min-order", "0");
	set("fail_page_alloc", "ignore-gfp-highmem", "0");
	if (!access(DEBUGFS "fail_page_alloc/require-start", F_OK)) {
		if (!module_code(start, end)) {
			fprintf(stderr, "fuzz: /proc/modules does not say where vunix is\n");
			exit(2);
		}
		set("fail_page_alloc", "require-start", start);
		set("fail_page_alloc", "require-end", end);
	}
	for (i = 0; i < 2; i++) {
		set(kinds[i], "times", times);
		for (j = 0; j < sizeof(knobs) / sizeof(knobs[0]); j++)
			set(kinds[i], knobs[j][0], knobs[j][1]);
	}
}

void faults_here(void)
{
	char path[64];

	sprintf(path, "/proc/self/task/%ld/make-it-fail", syscall(SYS_gettid));
	if (!write_file(path, "1"))
		return;
	perror(path);
	exit(2);
}

static long failed(const char *kind)
{
	char path[128], text[32] = "";
	long n = 0;
	int fd;

	sprintf(path, DEBUGFS "%s/times", kind);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		n = TIMES - atol(text);
	close(fd);
	return n;
}

void faults_count(long *objects, long *pages)
{
	*objects = failed("failslab");
	*pages = failed("fail_page_alloc");
}
