// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors that are refused: by the sender's kernel (RIGHTS-27), and by the
 * receiver's security module (NOTRUNC-02), which here is AppArmor.
 */
#include "scm.h"

#include <linux/io_uring.h>
#include <endian.h>
#include <sys/epoll.h>
#include <sys/mount.h>

#ifndef SO_RIGHTS_NOTRUNC
#define SO_RIGHTS_NOTRUNC 85
#endif

FIXTURE(refused)
{
	struct vt_env env;
	int s, r;
	bool policy;		/* profiles may be loaded */
};

FIXTURE_VARIANT(refused)
{
	int family;
	int type;
};

VT_FAMILIES_TYPES(refused);

static int set_policy(bool load);

FIXTURE_SETUP(refused)
{
	int sv[2];

	VT_SETUP();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	self->s = sv[0];
	self->r = sv[1];
}

FIXTURE_TEARDOWN(refused)
{
	/* They outlive the test, also one that failed. */
	if (self->policy)
		EXPECT_EQ(0, set_policy(false));
	VT_TEARDOWN();
}

TEST_F(refused, io_uring)
{
	struct io_uring_params params = {};
	int ring, fds[3] = { 0, 0, 1 };
	struct scm_probe p;
	struct scm_in in;

	if (VT_UNIX_OLDER(6, 7)) {
		SKIP_ROWS("AF_UNIX older than 6.7", "RIGHTS-27");
		SKIP(return, "AF_UNIX older than 6.7");
	}
	ring = syscall(__NR_io_uring_setup, 4, &params);
	if (ring < 0 && (errno == ENOSYS || errno == EPERM)) {
		SKIP_ROWS("no io_uring, or disabled by sysctl", "RIGHTS-27");
		SKIP(return, "no io_uring, or disabled by sysctl");
	}
	ASSERT_LE(0, ring);
	ASSERT_EQ(0, scm_probe(&p));
	fds[0] = p.w;
	fds[1] = ring;
	ASSERT_EQ(EINVAL, scm_send_fd(self->s, "x", ring));
	ASSERT_EQ(EINVAL, scm_send_fds(self->s, "x", fds, 3, 0));
	/* Nothing sent, nothing kept. */
	ASSERT_EQ(EAGAIN, vt_err(scm_recv(self->r, &in, 0)));
	close(p.w);
	ASSERT_FALSE(scm_open(&p));

	/* Not the ring either, which has a file of its own. */
	ASSERT_EQ(0, scm_probe(&p));
	ASSERT_EQ(0, syscall(__NR_io_uring_register, ring,
			     IORING_REGISTER_FILES, &p.w, 1));
	close(p.w);
	ASSERT_EQ(EINVAL, scm_send_fd(self->s, "x", ring));
	ASSERT_TRUE(scm_open(&p));
	close(ring);
	/* It is freed when nobody is looking. */
	ASSERT_EQ(POLLHUP, vt_poll_wait(p.r, POLLIN, 25000));

	/* Other anonymous inodes pass. */
	ASSERT_EQ(0, scm_send_fd(self->s, "y", epoll_create1(0)));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_EQ(1, in.nr_fds);
	PROVES("RIGHTS-27");
}

/*
 * AppArmor
 *
 * It lets through what was opened by a process without a profile, and all that
 * is no path.  So a process with a profile that complains only opens the file,
 * and one with a profile that enforces, and has no rules, receives it.
 */

#define OPENER		"vunix-test-opener"
#define RECEIVER	"vunix-test-receiver"

/* A policy as apparmor_parser would make it. */
struct policy {
	unsigned char buf[512];
	size_t len;
};

enum { AA_U32 = 2, AA_NAME = 4, AA_STRING, AA_STRUCT = 7, AA_STRUCTEND };

static void aa_bytes(struct policy *p, const void *data, size_t n)
{
	memcpy(p->buf + p->len, data, n);
	p->len += n;
}

static void aa_tag(struct policy *p, unsigned char tag)
{
	aa_bytes(p, &tag, 1);
}

static void aa_string(struct policy *p, unsigned char tag, const char *s)
{
	unsigned short n = htole16(strlen(s) + 1);

	aa_tag(p, tag);
	aa_bytes(p, &n, sizeof(n));
	aa_bytes(p, s, strlen(s) + 1);
}

static void aa_u32(struct policy *p, unsigned int val)
{
	val = htole32(val);
	aa_tag(p, AA_U32);
	aa_bytes(p, &val, sizeof(val));
}

/* Oldest format that every kernel takes; no rules at all. */
static void aa_profile(struct policy *p, const char *name, bool complain)
{
	int i;

	memset(p, 0, sizeof(*p));
	aa_string(p, AA_NAME, "version");
	aa_u32(p, 5);
	aa_string(p, AA_NAME, "profile");
	aa_tag(p, AA_STRUCT);
	aa_string(p, AA_STRING, name);
	aa_string(p, AA_NAME, "flags");
	aa_tag(p, AA_STRUCT);
	aa_u32(p, 0);			/* no hat */
	aa_u32(p, complain);
	aa_u32(p, 0);			/* no audit */
	aa_tag(p, AA_STRUCTEND);
	for (i = 0; i < 4; i++)		/* capabilities */
		aa_u32(p, 0);
	aa_tag(p, AA_STRUCTEND);
}

static int write_all(const char *path, const void *data, size_t n)
{
	int fd = open(path, O_WRONLY);
	int r = fd < 0 || write(fd, data, n) != (ssize_t)n;

	r = r ? errno : 0;
	if (fd >= 0)
		close(fd);
	return r;
}

static bool has_apparmor(void)
{
	char *text = vt_read_file("/sys/module/apparmor/parameters/enabled");
	bool is = text && text[0] == 'Y';

	free(text);
	return is;
}

/* Load both profiles, or remove them: 0 or an errno. */
static int set_policy(bool load)
{
	static const char *const names[] = { OPENER, RECEIVER };
	struct policy p;
	int i, err = 0;

	mkdir("sec", 0700);
	if (mount("securityfs", "sec", "securityfs", 0, NULL))
		return errno;
	for (i = 0; i < 2 && !err; i++) {
		if (load) {
			aa_profile(&p, names[i], i == 0);
			err = write_all("sec/apparmor/.replace", p.buf, p.len);
		} else {
			err = write_all("sec/apparmor/.remove", names[i],
					strlen(names[i]));
		}
	}
	return umount("sec") ? errno : err;
}

static int get_profile(const char *name)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "changeprofile %s", name);

	return write_all("/proc/self/attr/apparmor/current", text, n);
}

/* Send files and pipes in turn, as one with a profile: file, pipe, file, ... */
struct job {
	int s, r, nr_fds, flags;
	bool notrunc;
};

static int send_job(void *p)
{
	int i, pipefd[2], fds[8];
	struct job *job = p;

	if (pipe(pipefd) || get_profile(OPENER))
		return 100;
	for (i = 0; i < job->nr_fds; i++)
		fds[i] = i & 1 ? pipefd[0] : open("file", O_RDWR);
	return scm_send_fds(job->s, "x", fds, job->nr_fds, 0);
}

static int fd_kind(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_mode & S_IFMT;
}

/* What the receiver finds wrong, from 100 on; 0 if nothing. */
static int receive_job(void *p)
{
	struct job *job = p;
	int i, fd = vt_next_fd();
	struct scm_in in;

	if (get_profile(RECEIVER))
		return 100;
	if (open("file", O_RDONLY) >= 0 || errno != EACCES)
		return 101;
	if (scm_recv(job->r, &in, job->flags) != 1 || in.data[0] != 'x')
		return 102;
	if (!job->notrunc) {
		/* The first one is refused, and with it the rest. */
		if (in.nr_fds || !(in.flags & MSG_CTRUNC))
			return 103;
		return vt_next_fd() == fd ? 0 : 104;
	}
	if (in.nr_fds != job->nr_fds || in.flags & MSG_CTRUNC)
		return 105;
	for (i = 0; i < in.nr_fds; i++) {
		if (!(i & 1)) {
			if (in.fds[i] != -EACCES)
				return 106;
			continue;
		}
		/* The refused ones take no number. */
		if (in.fds[i] != fd + i / 2 || fd_kind(in.fds[i]) != S_IFIFO)
			return 107;
	}
	return vt_next_fd() == fd + job->nr_fds / 2 ? 0 : 108;
}

/* The option, at the level where this kernel lets it be reached. */
static int set_notrunc(int family, int fd, int on)
{
	if (vt_is_unix(family))
		return vt_setint(fd, SOL_SOCKET, SO_RIGHTS_NOTRUNC, on);
	return vt_setint(fd, SOL_VUNIX, VUNIX_RIGHTS_NOTRUNC, on);
}

TEST_F(refused, by_security_module)
{
	struct job job = { self->s, self->r, 5, 0, false };
	bool old = VT_UNIX_OLDER(7, 3);
	struct scm_in in;
	int i;

	if (!has_apparmor()) {
		SKIP_ROWS("no AppArmor", "NOTRUNC-02");
		SKIP(return, "no AppArmor");
	}
	self->policy = true;
	ASSERT_EQ(0, set_policy(true));
	close(open("file", O_RDWR | O_CREAT, 0666));

	/* Without the option, which is the same everywhere. */
	ASSERT_EQ(0, vt_run_as(0, send_job, &job));
	ASSERT_EQ(0, vt_run_as(0, receive_job, &job));
	if (old) {
		SKIP_ROWS("AF_UNIX older than 7.3", "NOTRUNC-02");
		SKIP(return, "AF_UNIX older than 7.3");
	}

	ASSERT_EQ(0, set_notrunc(variant->family, self->r, 1));
	job.notrunc = true;
	for (job.nr_fds = 1; job.nr_fds <= 5; job.nr_fds++) {
		ASSERT_EQ(0, vt_run_as(0, send_job, &job));
		/* Nor does a peek cut it. */
		job.flags = MSG_PEEK;
		ASSERT_EQ(0, vt_run_as(0, receive_job, &job));
		job.flags = 0;
		ASSERT_EQ(0, vt_run_as(0, receive_job, &job));
	}

	/* Who has no profile is given all of them. */
	job.nr_fds = 5;
	ASSERT_EQ(0, vt_run_as(0, send_job, &job));
	ASSERT_EQ(1, scm_recv(self->r, &in, 0));
	ASSERT_TRUE(scm_is(&in, "x"));
	ASSERT_EQ(5, in.nr_fds);
	for (i = 0; i < 5; i++)
		ASSERT_EQ(i & 1 ? S_IFIFO : S_IFREG, fd_kind(in.fds[i]));
	scm_close(&in);

	/* Room for fewer cuts the list, as it does without the option. */
	ASSERT_EQ(0, vt_run_as(0, send_job, &job));
	ASSERT_EQ(1, scm_recv_room(self->r, &in, 8, CMSG_LEN(2 * sizeof(int)),
				   0));
	ASSERT_EQ(2, in.nr_fds);
	ASSERT_EQ(MSG_CTRUNC, in.flags & MSG_CTRUNC);
	scm_close(&in);

	/* Off again. */
	ASSERT_EQ(0, set_notrunc(variant->family, self->r, 0));
	job.notrunc = false;
	ASSERT_EQ(0, vt_run_as(0, send_job, &job));
	ASSERT_EQ(0, vt_run_as(0, receive_job, &job));
	PROVES("NOTRUNC-02");
}

TEST_HARNESS_MAIN
