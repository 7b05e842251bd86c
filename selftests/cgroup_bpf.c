// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that a control group attaches to the sockets' calls: each is run
 * where AF_UNIX runs it, once, and what it refuses is refused.
 *
 * No row of the contract is about them; every case passes on AF_UNIX first.
 */
#include "vunix_test.h"

#include <sys/mount.h>
#include <linux/bpf.h>

/* enum bpf_attach_type of Linux 6.7; older headers end before. */
enum hook {
	UNIX_CONNECT = 49,
	UNIX_SENDMSG,
	UNIX_RECVMSG,
	UNIX_GETPEERNAME,
	UNIX_GETSOCKNAME,
	HOOK_END,
};

#define HOOKS	(HOOK_END - UNIX_CONNECT)

FIXTURE(cgroup_bpf)
{
	struct vt_env env;
	bool mounted;
	int cgroup;
	int map;		/* how often each hook's program has run */
	int prog[HOOKS];
};

FIXTURE_VARIANT(cgroup_bpf)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(cgroup_bpf);

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

#define INSN(c, d, s, o, i) \
	{ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }

static int load_type(int type, int hook, const struct bpf_insn *insn,
		     unsigned int n)
{
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = hook,
		.insns = (unsigned long)insn,
		.insn_cnt = n,
		.license = (unsigned long)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

static int load(enum hook hook, const struct bpf_insn *insn, unsigned int n)
{
	return load_type(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, hook, insn, n);
}

/* Counts its calls in map[hook - UNIX_CONNECT], and allows them. */
static int load_counter(int map, enum hook hook)
{
	const struct bpf_insn insn[] = {
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, hook - UNIX_CONNECT),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1),
		INSN(BPF_STX | BPF_XADD | BPF_DW, 0, 1, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return load(hook, insn, ARRAY_SIZE(insn));
}

static const struct bpf_insn refuse[] = {
	INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
	INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
};

static int load_refusal(enum hook hook)
{
	return load(hook, refuse, ARRAY_SIZE(refuse));
}

static int attach(int cgroup, int prog, int hook)
{
	union bpf_attr attr = {
		.target_fd = cgroup,
		.attach_bpf_fd = prog,
		.attach_type = hook,
	};

	return bpf(BPF_PROG_ATTACH, &attr);
}

static long calls(int map, enum hook hook)
{
	__u32 key = hook - UNIX_CONNECT;
	__u64 value = 0;
	union bpf_attr attr = {
		.map_fd = map,
		.key = (unsigned long)&key,
		.value = (unsigned long)&value,
	};

	return bpf(BPF_MAP_LOOKUP_ELEM, &attr) ? -1 : (long)value;
}

static int array(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = HOOKS,
	};

	return bpf(BPF_MAP_CREATE, &attr);
}

/* Sockets belong to the group that their creator is in. */
static int enter_group(void)
{
	int dir, fd, ok;

	if (mkdir("cg", 0700) || mount("none", "cg", "cgroup2", 0, NULL))
		return -1;
	mkdir("cg/vunix-test", 0700);
	dir = open("cg/vunix-test", O_RDONLY | O_DIRECTORY);
	fd = openat(dir, "cgroup.procs", O_WRONLY);
	ok = fd >= 0 && write(fd, "0", 1) == 1;
	close(fd);
	return ok ? dir : -1;
}

FIXTURE_SETUP(cgroup_bpf)
{
	int i;

	VT_SETUP();
	for (i = 0; i < HOOKS; i++)
		self->prog[i] = -1;
	self->map = -1;
	self->cgroup = -1;
	if (vt_kernel_older(6, 7))
		SKIP(return, "6.7 and newer only");
	self->cgroup = enter_group();
	if (self->cgroup < 0)
		SKIP(return, "systems with a writable cgroup v2 tree only");
	self->map = array();
	ASSERT_LE(0, self->map);
	for (i = 0; i < HOOKS; i++) {
		self->prog[i] = load_counter(self->map, UNIX_CONNECT + i);
		ASSERT_LE(0, self->prog[i]);
		ASSERT_EQ(0, attach(self->cgroup, self->prog[i],
				    UNIX_CONNECT + i));
	}
}

FIXTURE_TEARDOWN(cgroup_bpf)
{
	int fd;

	/* The group goes with its last process, its programs with it. */
	fd = open("cg/cgroup.procs", O_WRONLY);
	if (fd >= 0) {
		if (write(fd, "0", 1) != 1)
			perror("cgroup.procs");
		close(fd);
		rmdir("cg/vunix-test");
	}
	umount2("cg", MNT_DETACH);
	VT_TEARDOWN();
}

static void all_calls(int map, long n[HOOKS])
{
	int i;

	for (i = 0; i < HOOKS; i++)
		n[i] = calls(map, UNIX_CONNECT + i);
}

/* A connection with a byte received with the name, and one without. */
static int use_connection(int family, int type, const char *name)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	struct vt_trio t;
	char c;

	if (vt_trio(family, type, name, &t))
		return 1;
	if (getpeername(t.client, (void *)&un, &len))
		return 2;
	len = sizeof(un);
	if (getsockname(t.accepted, (void *)&un, &len))
		return 3;
	/* Without a name there is nothing to change. */
	len = sizeof(un);
	if (getsockname(t.client, (void *)&un, &len))
		return 4;
	if (send(t.accepted, "ab", 2, 0) != 2)
		return 5;
	len = sizeof(un);
	if (recvfrom(t.client, &c, 1, 0, (void *)&un, &len) != 1)
		return 6;
	if (send(t.accepted, "c", 1, 0) != 1 || recv(t.client, &c, 1, 0) != 1)
		return 7;
	close(t.listener);
	close(t.client);
	close(t.accepted);
	return 0;
}

/* An association is asked about once; who receives without a name never. */
static int use_datagrams(int family, const char *name)
{
	int a = vt_socket(family, SOCK_DGRAM), b = vt_socket(family, SOCK_DGRAM);
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	char c;

	if (vt_bind(a, name) || vt_sendto(b, "x", 1, 0, name) != 1)
		return 1;
	if (vt_connect(b, name) || send(b, "y", 1, 0) != 1)
		return 2;
	if (recvfrom(a, &c, 1, 0, (void *)&un, &len) != 1)
		return 3;
	if (recv(a, &c, 1, 0) != 1)
		return 4;
	len = sizeof(un);
	if (getpeername(b, (void *)&un, &len))
		return 5;
	len = sizeof(un);
	if (getsockname(a, (void *)&un, &len))
		return 6;
	close(a);
	close(b);
	return 0;
}

/*
 * How often each hook is run.  Security modules may ask sockets for their names
 * as well, so names are compared with AF_UNIX only.
 */
TEST_F(cgroup_bpf, counted)
{
	long n[3][HOOKS], of_unix, ours;
	int i;

	all_calls(self->map, n[0]);
	for (i = 0; i < 2; i++) {
		int family = i ? variant->family : AF_UNIX;
		const char *name = i ? "ours" : "unix";

		if (variant->type == SOCK_DGRAM) {
			ASSERT_EQ(0, use_datagrams(family, name));
		} else {
			ASSERT_EQ(0, use_connection(family, variant->type,
						    name));
		}
		all_calls(self->map, n[i + 1]);
	}
	for (i = 0; i < HOOKS; i++) {
		of_unix = n[1][i] - n[0][i];
		ours = n[2][i] - n[1][i];
		TH_LOG("hook %d: %ld calls, AF_UNIX %ld", UNIX_CONNECT + i,
		       ours, of_unix);
		EXPECT_EQ(of_unix, ours);
		switch (UNIX_CONNECT + i) {
		case UNIX_SENDMSG:
			EXPECT_EQ(variant->type == SOCK_DGRAM, ours);
			break;
		case UNIX_CONNECT:
		case UNIX_RECVMSG:
			EXPECT_EQ(1, ours);
			break;
		default:
			EXPECT_LE(1, ours);
		}
	}
}

TEST_F(cgroup_bpf, refused)
{
	int s = vt_socket(variant->family, variant->type);
	int c = vt_socket(variant->family, variant->type);
	int prog;

	ASSERT_EQ(0, vt_bind(s, "s"));
	if (variant->type != SOCK_DGRAM)
		ASSERT_EQ(0, listen(s, 5));
	prog = load_refusal(UNIX_CONNECT);
	ASSERT_LE(0, prog);
	ASSERT_EQ(0, attach(self->cgroup, prog, UNIX_CONNECT));
	ASSERT_EQ(-1, vt_connect(c, "s"));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(-1, send(c, "x", 1, MSG_NOSIGNAL));
	ASSERT_EQ(ENOTCONN, errno);
	ASSERT_EQ(0, vt_poll(s, POLLIN));
	/* A bad address is bad before anybody is asked. */
	ASSERT_EQ(-1, connect(c, (void *)&(struct sockaddr){}, 1));
	ASSERT_EQ(EINVAL, errno);
	if (variant->type != SOCK_DGRAM)
		return;

	prog = load_refusal(UNIX_SENDMSG);
	ASSERT_LE(0, prog);
	ASSERT_EQ(0, attach(self->cgroup, prog, UNIX_SENDMSG));
	ASSERT_EQ(-1, vt_sendto(c, "x", 1, 0, "s"));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(0, vt_poll(s, POLLIN));
}

/*
 * Options that are read: a refusal holds, but not where a descriptor would be left
 * behind.
 */
TEST_F(cgroup_bpf, options)
{
	int sv[2], prog, pidfd;

	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(variant->type, vt_getint(sv[0], SOL_SOCKET, SO_TYPE));
	prog = load_type(BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT,
			 refuse, ARRAY_SIZE(refuse));
	ASSERT_LE(0, prog);
	ASSERT_EQ(0, attach(self->cgroup, prog, BPF_CGROUP_GETSOCKOPT));
	ASSERT_ERR(EPERM, vt_getint(sv[0], SOL_SOCKET, SO_TYPE));
	pidfd = vt_getint(sv[0], SOL_SOCKET, SO_PEERPIDFD);
	ASSERT_LE(0, pidfd);
	ASSERT_EQ(pidfd + 1, vt_next_fd());
	close(pidfd);
}

TEST_HARNESS_MAIN
