// SPDX-License-Identifier: GPL-2.0
/*
 * A dump of many sockets while others come and go: those that live all the while
 * are shown once each by vunix.  AF_UNIX's dump counts places in lists that shift,
 * and is shown beside; what it misses and doubles is printed, and not held
 * against it.
 *
 * 20000 sockets; 100000 with VUNIX_HUGE set, 1500 where kernels are slow.
 */
#define VT_OWN_NETNS
#include "diag.h"

#include <sys/resource.h>

#define MOST	100000
#define COMERS	4000	/* that come and go */
#define PAUSE	300	/* sockets shown between two turns */
#define TURN	400	/* that come and go in each */

VT_FIXTURE(churn, VT_FAMILIES);

static struct {
	int family;
	unsigned int nr;
	unsigned int ino[MOST];
	unsigned char count[MOST];
	int comer[COMERS];
	unsigned int next;	/* of the comers, to go */
	unsigned int shown;
	unsigned int turns;
	unsigned int others;
	int failed;
} c;

static int by_number(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return x < y ? -1 : x > y;
}

/* What is shown is counted, and now and then some of the others change. */
static void see(const struct diag *d, void *arg)
{
	unsigned int *p, i;
	int *fd;

	p = bsearch(&d->msg.udiag_ino, c.ino, c.nr, sizeof(*p), by_number);
	if (p)
		c.count[p - c.ino]++;
	else
		c.others++;
	if (++c.shown % PAUSE)
		return;
	c.turns++;
	for (i = 0; i < TURN; i++) {
		fd = &c.comer[c.next++ % COMERS];
		close(*fd);
		*fd = vt_socket(c.family, SOCK_STREAM);
		if (*fd < 0)
			c.failed++;
	}
}

TEST_F_TIMEOUT(churn, all_once, 300)
{
	unsigned int doubled = 0, missed = 0, i, k = 0;
	struct rlimit lim;
	struct unix_diag_req req;
	int fd;

	c.family = variant->family;
	c.nr = getenv("VUNIX_HUGE") ? MOST :
	       getenv("VUNIX_SHARED_NETNS") ? 1500 : 20000;
	lim.rlim_cur = c.nr + COMERS + 100;
	lim.rlim_max = lim.rlim_cur;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &lim));
	/* Those that come and go stand between those that stay. */
	for (i = 0; i < c.nr; i++) {
		fd = vt_socket(c.family, SOCK_STREAM);
		ASSERT_LE(0, fd);
		c.ino[i] = diag_ino(fd);
		for (; (unsigned long long)k * c.nr < (i + 1ULL) * COMERS; k++) {
			c.comer[k] = vt_socket(c.family, SOCK_STREAM);
			ASSERT_LE(0, c.comer[k]);
		}
	}
	qsort(c.ino, c.nr, sizeof(*c.ino), by_number);

	req = diag_req(c.family, 0, UDIAG_SHOW_PEER);
	ASSERT_LT(3, diag_dump(&req, see, NULL));
	ASSERT_EQ(0, c.failed);
	ASSERT_LE(c.nr / PAUSE / 2, c.turns);
	for (i = 0; i < c.nr; i++) {
		doubled += c.count[i] > 1;
		missed += !c.count[i];
	}
	TH_LOG("%s: %u sockets stay, %u come and go in %u turns: %u doubled, %u missed",
	       vt_name(c.family), c.nr, TURN, c.turns, doubled, missed);
	if (vt_is_unix(c.family))
		return;
	ASSERT_EQ(0U, doubled);
	ASSERT_EQ(0U, missed);
}

TEST_HARNESS_MAIN
