// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU (profile.sh loads it): how often each instruction was
 * executed between the two marks that cost.c sets, for every such window one
 * after the other.  Writes lines to the file that out= names:
 *
 *   WINDOW ADDRESS TIMES
 *
 * One processor only.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "profile_plugin.h"

int qemu_plugin_version = PLUGIN_VERSION;

#define BUCKETS	(1 << 18)

/* An instruction that was translated, maybe more than once. */
struct counter {
	struct counter *next;
	uint64_t address;
	uint64_t times;
};

/* As in cost.c: nopl 0x76756e01(%rax), nopl 0x76756e02(%rax) */
static const unsigned char mark_open[] = {
	0x0f, 0x1f, 0x80, 0x01, 0x6e, 0x75, 0x76
};

static const unsigned char mark_close[] = {
	0x0f, 0x1f, 0x80, 0x02, 0x6e, 0x75, 0x76
};

static struct counter *buckets[BUCKETS];
static unsigned int window;
static FILE *out;

static struct counter *counter_of(uint64_t address)
{
	struct counter **bucket, *c;

	bucket = &buckets[(address * 0x9e3779b97f4a7c15ULL) >> 46];
	for (c = *bucket; c; c = c->next)
		if (c->address == address)
			return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->address = address;
	c->next = *bucket;
	*bucket = c;
	return c;
}

static void open_window(unsigned int cpu, void *data)
{
	struct counter *c;
	unsigned int i;

	(void)cpu;
	(void)data;
	for (i = 0; i < BUCKETS; i++)
		for (c = buckets[i]; c; c = c->next)
			c->times = 0;
}

static void close_window(unsigned int cpu, void *data)
{
	struct counter *c;
	unsigned int i;

	(void)cpu;
	(void)data;
	window++;
	for (i = 0; i < BUCKETS; i++)
		for (c = buckets[i]; c; c = c->next)
			if (c->times)
				fprintf(out, "%u %016llx %llu\n", window,
					(unsigned long long)c->address,
					(unsigned long long)c->times);
}

static bool is(const struct qemu_plugin_insn *insn, const unsigned char *mark)
{
	return qemu_plugin_insn_size(insn) == sizeof(mark_open) &&
	       !memcmp(qemu_plugin_insn_data(insn), mark, sizeof(mark_open));
}

static void call(struct qemu_plugin_insn *insn, plugin_insn_cb function)
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, function, PLUGIN_NO_REGS,
					       NULL);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;

	(void)id;
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		struct counter *c = counter_of(qemu_plugin_insn_vaddr(insn));

		qemu_plugin_register_vcpu_insn_exec_inline(insn, PLUGIN_ADD_U64,
							   &c->times, 1);
		if (is(insn, mark_open))
			call(insn, open_window);
		if (is(insn, mark_close))
			call(insn, close_window);
	}
}

static void finish(uint64_t id, void *data)
{
	(void)id;
	(void)data;
	if (fclose(out))
		fprintf(stderr, "profile_count: incomplete\n");
}

int qemu_plugin_install(uint64_t id, const struct qemu_info_t *info, int argc,
			char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return -1;
	out = fopen(argv[0] + 4, "w");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
