/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints vunix:*, read through tracefs: trace.c, trace_waits.c.
 */
#ifndef TRACE_H
#define TRACE_H

#define VT_OWN_NETNS
#include "diag.h"

#include <sys/mount.h>

/* What to switch on, of the instance */
#ifndef TRACE_ENABLE
#define TRACE_ENABLE	"events/vunix/enable"
#endif

#define EVENTS	64

/* What was hit, in its order: the name, and the fields as printed. */
struct event {
	char name[32];
	char fields[400];
};

static inline int trace_put(const char *dir, const char *file, const char *text)
{
	char path[256];
	int fd, n;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (int)strlen(text) ? 0 : -1;
}

/*
 * An instance of our own, for the whole program: with each tracepoint that is
 * switched the kernel patches its code, and some emulated processors stumble over
 * that now and then.
 */
static char trace_root[128];
static pid_t trace_owner;
/* There are tracepoints, and none of ours. */
static bool trace_missing;
static const char *const trace_enable[] = { TRACE_ENABLE };

static inline int trace_switch(const char *how)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(trace_enable); i++)
		if (trace_put(trace_root, trace_enable[i], how))
			return -1;
	return 0;
}

__attribute__((constructor)) static void trace_begin(void)
{
	trace_owner = getpid();
	/* The first socket loads the module. */
	close(socket(AF_VUNIX, SOCK_STREAM, 0));
	snprintf(trace_root, sizeof(trace_root),
		 "/sys/kernel/tracing/instances/vunix.%d", trace_owner);
	if (mkdir(trace_root, 0700)) {
		trace_root[0] = 0;
		return;
	}
	if (trace_switch("1")) {
		trace_missing = true;
		rmdir(trace_root);
		trace_root[0] = 0;
	}
}

__attribute__((destructor)) static void trace_end(void)
{
	if (!trace_root[0] || getpid() != trace_owner)
		return;
	trace_switch("0");
	rmdir(trace_root);
}

#define NEED_TRACEFS() do { \
	ASSERT_FALSE(trace_missing); \
	if (!trace_root[0]) \
		SKIP(return, "kernels with tracefs and CONFIG_EVENT_TRACING only"); \
} while (0)

/* Forget what was hit until now. */
#define START()		ASSERT_EQ(0, trace_put(trace_root, "trace", "\n"))

/*
 * Take what was hit since, if its name begins with @which.  A line is
 * "TASK-PID [CPU] FLAGS TIME: NAME: FIELDS"; events of other processes are left
 * out unless @all, for the collector runs when it likes.
 */
static inline int trace_take(struct event *e, const char *which, bool all)
{
	char path[256], *text, *line, *next, *p, mine[32], begin[32];
	int nr = 0;

	snprintf(path, sizeof(path), "%s/trace", trace_root);
	snprintf(mine, sizeof(mine), "-%d ", (int)syscall(SYS_gettid));
	snprintf(begin, sizeof(begin), ": %s", which);
	text = vt_read_file(path);
	for (line = text; line && *line && nr < EVENTS; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		p = strstr(line, begin);
		if (!p || *line == '#' || (!all && !strstr(line, mine)))
			continue;
		if (sscanf(p + 2, "%31[^:]: %399[^\n]", e[nr].name,
			   e[nr].fields) == 2)
			nr++;
	}
	free(text);
	return nr;
}

#define TAKE()		(self->nr = trace_take(self->e, "vunix_", false))

/* What other programs print @event by; free() it. */
static inline char *trace_format(const char *event)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/events/vunix/%s/format", trace_root,
		 event);
	return vt_read_file(path);
}

static inline const char *trace_type(int type)
{
	return type == SOCK_STREAM ? "stream" :
	       type == SOCK_DGRAM ? "dgram" : "seqpacket";
}

static inline void trace_want(char *to, size_t room, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(to, room, format, ap);
	va_end(ap);
}

/* The event @i is @what, with exactly these fields. */
#define EVENT(i, what, ...) do { \
	char __want[400]; \
	\
	trace_want(__want, sizeof(__want), __VA_ARGS__); \
	ASSERT_LT(i, self->nr); \
	ASSERT_STREQ(what, self->e[i].name); \
	ASSERT_STREQ(__want, self->e[i].fields); \
} while (0)

#define TYPE	trace_type(variant->type)

#endif /* TRACE_H */
