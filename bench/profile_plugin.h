/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What profile_count.c needs of QEMU's interface for plugins, in version 1, that
 * of QEMU 4.2 to 8.2.  Declared here because Debian 12 has no package with
 * <qemu-plugin.h>.
 */
#ifndef BENCH_PROFILE_PLUGIN_H
#define BENCH_PROFILE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define PLUGIN_VERSION	1
#define PLUGIN_NO_REGS	0
#define PLUGIN_ADD_U64	0

struct qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

typedef void (*plugin_tb_cb)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*plugin_insn_cb)(unsigned int cpu, void *data);
typedef void (*plugin_exit_cb)(uint64_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, plugin_tb_cb cb);
void qemu_plugin_register_atexit_cb(uint64_t id, plugin_exit_cb cb,
				    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    plugin_insn_cb cb, int flags,
					    void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
						int op, void *counter,
						uint64_t add);

/* What a plugin has for QEMU */
extern int qemu_plugin_version;
int qemu_plugin_install(uint64_t id, const struct qemu_info_t *info, int argc,
			char **argv);

#endif /* BENCH_PROFILE_PLUGIN_H */
