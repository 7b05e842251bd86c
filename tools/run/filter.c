// SPDX-License-Identifier: GPL-2.0
/*
 * The seccomp filter: which system calls the supervisor is asked about.
 *
 * It looks at numbers and at arguments that are no pointers; everything else is
 * allowed by a constant answer, which the kernel caches per system call.  A
 * machine that runs two kinds of programs has two tables of numbers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "run.h"

struct abi {
	uint32_t	arch;
	int		nr[NR_ASKED];	/* in the order of enum run_call */
};

static const struct abi abis[] = {
#if defined(__x86_64__) || defined(__i386__)
	{ AUDIT_ARCH_X86_64, { 41, 53, 42, 44, 46, 307, -1 } },
	{ AUDIT_ARCH_I386, { 359, 360, 362, 369, 370, 345, 102 } },
#elif defined(__aarch64__) || defined(__arm__)
	{ AUDIT_ARCH_AARCH64, { 198, 199, 203, 206, 211, 269, -1 } },
	{ AUDIT_ARCH_ARM, { 281, 288, 283, 290, 296, 374, -1 } },
#elif defined(__riscv) && __riscv_xlen == 64
	{ AUDIT_ARCH_RISCV64, { 198, 199, 203, 206, 211, 269, -1 } },
#elif defined(__s390x__)
	{ AUDIT_ARCH_S390X, { 359, 360, 362, 369, 370, 358, 102 } },
#else
#error "no system call numbers for this machine: see struct abi"
#endif
};

/* What socketcall() makes of it, and how many words in memory it reads. */
static const struct {
	uint32_t	nr;
	int		words;
} subcalls[NR_CALLS] = {
	[CALL_SOCKET]		= { SYS_SOCKET, 3 },
	[CALL_SOCKETPAIR]	= { SYS_SOCKETPAIR, 4 },
	[CALL_CONNECT]		= { SYS_CONNECT, 3 },
	[CALL_SENDTO]		= { SYS_SENDTO, 6 },
	[CALL_SENDMSG]		= { SYS_SENDMSG, 3 },
	[CALL_SENDMMSG]		= { SYS_SENDMMSG, 4 },
};

/**
 * filter_call() - which system call is it?
 * @arch: AUDIT_ARCH_* of the caller
 * @nr: number
 *
 * Return: one of those the filter asks about, or CALL_NONE.
 */
enum run_call filter_call(uint32_t arch, int nr)
{
	for (size_t i = 0; nr >= 0 && i < ARRAY_SIZE(abis); i++)
		for (int k = 0; abis[i].arch == arch && k < NR_ASKED; k++)
			if (abis[i].nr[k] == nr)
				return k;
	return CALL_NONE;
}

/**
 * filter_subcall() - which system call does socketcall() stand for?
 * @nr: its first argument
 * @words: how many arguments that one reads from memory
 *
 * Return: one of those the filter asks about, or CALL_NONE.
 */
enum run_call filter_subcall(int nr, int *words)
{
	for (int i = 0; i < NR_CALLS; i++) {
		if (subcalls[i].nr != (uint32_t)nr)
			continue;
		*words = subcalls[i].words;
		return i;
	}
	return CALL_NONE;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW(n)	(offsetof(struct seccomp_data, args[n]))
#define HIGH(n)	(LOW(n) + 4)
#else
#define LOW(n)	(offsetof(struct seccomp_data, args[n]) + 4)
#define HIGH(n)	(LOW(n) - 4)
#endif

struct program {
	unsigned short		len;
	struct sock_filter	code[160];
	bool			full;
};

static void add(struct program *p, uint16_t code, uint32_t k, uint8_t jt,
		uint8_t jf)
{
	if (p->len == ARRAY_SIZE(p->code)) {
		p->full = true;
		return;
	}
	p->code[p->len++] = (struct sock_filter){ code, jt, jf, k };
}

static void load(struct program *p, uint32_t where)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, where, 0, 0);
}

static void equal(struct program *p, uint32_t value, uint8_t yes, uint8_t no)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
}

static void notify(struct program *p)
{
	add(p, BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF, 0, 0);
}

static void allow(struct program *p)
{
	add(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

/* The number is loaded; in front of what follows, ask about each such call. */
static void ask_always(struct program *p, int nr)
{
	equal(p, nr, 0, 1);
	notify(p);
}

/* Ask if the first argument is that family. */
static void ask_family(struct program *p, int nr)
{
	equal(p, nr, 0, 4);
	load(p, LOW(0));
	equal(p, AF_UNIX, 0, 1);
	notify(p);
	allow(p);
}

/* Ask if the first argument is one of those. */
static void ask_subcalls(struct program *p, int nr, int n)
{
	equal(p, nr, 0, 2 + 2 * n);
	load(p, LOW(0));
	for (int i = 0; i < n; i++) {
		equal(p, subcalls[i].nr, 0, 1);
		notify(p);
	}
	allow(p);
}

/* Ask if there is an address. */
static void ask_address(struct program *p, int nr)
{
	equal(p, nr, 0, 6);
	load(p, LOW(4));
	equal(p, 0, 0, 2);
	load(p, HIGH(4));
	equal(p, 0, 1, 0);
	notify(p);
	allow(p);
}

static void add_abi(struct program *p, const struct abi *abi, bool fallback)
{
	unsigned short jump = p->len + 1;

	load(p, offsetof(struct seccomp_data, arch));
	equal(p, abi->arch, 0, 0);
	load(p, offsetof(struct seccomp_data, nr));
	ask_family(p, abi->nr[CALL_SOCKET]);
	ask_family(p, abi->nr[CALL_SOCKETPAIR]);
	if (fallback) {
		ask_always(p, abi->nr[CALL_CONNECT]);
		ask_address(p, abi->nr[CALL_SENDTO]);
		ask_always(p, abi->nr[CALL_SENDMSG]);
		ask_always(p, abi->nr[CALL_SENDMMSG]);
	}
	if (abi->nr[CALL_SOCKETCALL] >= 0)
		ask_subcalls(p, abi->nr[CALL_SOCKETCALL],
			     fallback ? NR_CALLS : CALL_SOCKETPAIR + 1);
	allow(p);
	p->code[jump].jf = p->len - jump - 1;
}

/**
 * filter_install() - put this task, and all it will start, under the filter
 * @fallback: ask about calls with an address, too
 *
 * Without the privilege to do so, new privileges are given up first.
 *
 * Return: the descriptor to listen at, or -1 with errno; EBUSY if there is a
 *         listener already.
 */
int filter_install(bool fallback)
{
	struct program p = { 0 };
	struct sock_fprog prog = { .filter = p.code };
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER |
			      SECCOMP_FILTER_FLAG_SPEC_ALLOW |
			      SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(abis); i++)
		add_abi(&p, &abis[i], fallback);
	allow(&p);
	if (p.full) {
		errno = E2BIG;
		return -1;
	}
	prog.len = p.len;

	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (fd >= 0 || errno != EACCES)
		return fd;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}
