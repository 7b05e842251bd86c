// SPDX-License-Identifier: GPL-2.0
/*
 * Capture: who may have a device of the kind "vunixmon", what it does not show,
 * what it loses, and that who sends does not feel it.  (What it shows: mon.c.)
 */
#include "mon.h"
#include "scm.h"

#include <net/if_arp.h>
#include <linux/ethtool.h>

FIXTURE(mon_device)
{
	struct vt_env env;
	struct mon_packet p;
};

FIXTURE_VARIANT(mon_device)
{
	int family;
	int type;
};

FIXTURE_VARIANT_ADD(mon_device, stream)
{
	.family = AF_VUNIX, .type = SOCK_STREAM,
};

FIXTURE_VARIANT_ADD(mon_device, dgram)
{
	.family = AF_VUNIX, .type = SOCK_DGRAM,
};

FIXTURE_SETUP(mon_device)
{
	VT_SETUP();
	/* The first socket loads the module. */
	close(vt_socket(variant->family, variant->type));
}

FIXTURE_TEARDOWN(mon_device)
{
	mon_del(MON);
	VT_TEARDOWN();
}

#define NEXT(tap)	ASSERT_EQ(0, mon_next(tap, &self->p))

static int netns(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* It looks like Ethernet, to which nothing can be, or is, sent. */
TEST_F(mon_device, link)
{
	struct ifreq ifr = { .ifr_name = MON };
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	unsigned char frame[64] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	struct mon_stats stats;
	int forge, sv[2], tap;

	ASSERT_EQ(0, mon_add(MON, "vunixmon", 0));
	ASSERT_EQ(EEXIST, mon_add(MON, "vunixmon", 0));
	ASSERT_EQ(0, mon_ioctl(SIOCGIFHWADDR, &ifr));
	ASSERT_EQ(ARPHRD_ETHER, ifr.ifr_hwaddr.sa_family);
	ASSERT_EQ(0, mon_ioctl(SIOCGIFMTU, &ifr));
	ASSERT_EQ(65535, ifr.ifr_mtu);
	ifr.ifr_data = (void *)&driver;
	ASSERT_EQ(0, mon_ioctl(SIOCETHTOOL, &ifr));
	ASSERT_STREQ("vunixmon", driver.driver);

	/* Down, it shows nothing; nor does it keep the past. */
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(1, send(sv[0], "d", 1, 0));
	ASSERT_EQ(0, mon_up(MON, true));
	ASSERT_EQ(0, mon_ioctl(SIOCGIFFLAGS, &ifr));
	ASSERT_EQ(IFF_UP | IFF_NOARP, ifr.ifr_flags);
	tap = mon_tap(MON);
	ASSERT_LE(0, tap);
	/* Without a carrier, the core does not even try: no tap sees it. */
	forge = mon_tap(MON);
	ASSERT_LE(0, forge);
	send(forge, frame, sizeof(frame), 0);
	close(forge);
	ASSERT_EQ(1, send(sv[0], "u", 1, 0));
	NEXT(tap);
	ASSERT_EQ('u', self->p.data[0]);

	ASSERT_EQ(0, mon_up(MON, false));
	ASSERT_EQ(0, mon_stats(MON, &stats));
	ASSERT_EQ(1, stats.packets);
	ASSERT_EQ(14 + self->p.hdr_len + 1, stats.bytes);
	ASSERT_EQ(0, stats.dropped);
	ASSERT_EQ(0, mon_del(MON));
	ASSERT_EQ(ENODEV, mon_del(MON));
	close(tap);
}

/* Several, each with a snap length of its own. */
TEST_F(mon_device, several)
{
	static const char *const names[] = { "a", "b", "c" };
	int tap[3], sv[2], i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, mon_add(names[i], "vunixmon", 500 + i));
		ASSERT_EQ(0, mon_up(names[i], true));
		tap[i] = mon_tap(names[i]);
		ASSERT_LE(0, tap[i]);
	}
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	ASSERT_EQ(1000, send(sv[0], vt_pattern(0), 1000, 0));
	for (i = 0; i < 3; i++) {
		NEXT(tap[i]);
		ASSERT_EQ(500 + i, self->p.hdr_len + self->p.caplen);
		ASSERT_EQ(0, memcmp(self->p.data, vt_pattern(0),
				    self->p.caplen));
		close(tap[i]);
		ASSERT_EQ(0, mon_del(names[i]));
	}

	/* But no more than eight are up. */
	for (i = 0; i < 9; i++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "up%d", i);
		ASSERT_EQ(i < 8 ? 0 : EBUSY, mon_make(name));
	}
	ASSERT_EQ(0, mon_up("up3", false));
	ASSERT_EQ(0, mon_up("up8", true));
	ASSERT_EQ(1, send(sv[0], "1", 1, 0));
}

TEST_F(mon_device, namespaces)
{
	int sv[2], inner[2], tap, tap2, here, there, server, client;

	ASSERT_EQ(0, mon_make(MON));
	tap = mon_tap(MON);
	ASSERT_LE(0, tap);
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	server = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_bind(server, "server"));
	if (variant->type == SOCK_STREAM)
		ASSERT_EQ(0, listen(server, 5));

	/* Nothing of another namespace is seen, with a device there or not. */
	here = netns();
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	there = netns();
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, inner));
	ASSERT_EQ(5, send(inner[0], "there", 5, 0));
	ASSERT_EQ(0, mon_make(MON));
	tap2 = mon_tap(MON);
	ASSERT_LE(0, tap2);
	ASSERT_EQ(5, send(inner[0], "again", 5, 0));
	ASSERT_EQ(4, send(sv[0], "here", 4, 0));
	NEXT(tap);
	ASSERT_EQ(4, self->p.len);
	ASSERT_EQ(0, memcmp("here", self->p.data, 4));
	NEXT(tap2);
	ASSERT_EQ(5, self->p.len);
	ASSERT_EQ(0, memcmp("again", self->p.data, 5));

	/*
	 * A path leads from one to the other: then both see what passes.  But
	 * of a connection both ends are in the namespace of who has made it.
	 */
	client = vt_socket(variant->family, variant->type);
	ASSERT_EQ(0, vt_connect(client, "server"));
	ASSERT_EQ(6, send(client, "across", 6, 0));
	if (variant->type == SOCK_DGRAM) {
		NEXT(tap);
		ASSERT_EQ(0, memcmp("across", self->p.data, 6));
		ASSERT_STREQ("server", self->p.dst_name);
	}
	NEXT(tap2);
	ASSERT_EQ(0, memcmp("across", self->p.data, 6));

	/* A namespace goes, and its device that is up with it. */
	close(client);
	close(tap2);
	ASSERT_EQ(0, setns(here, CLONE_NEWNET));
	close(there);
	close(inner[0]);
	close(inner[1]);
	ASSERT_EQ(1, send(sv[0], "l", 1, 0));
	NEXT(tap);
	ASSERT_EQ('l', self->p.data[0]);
}

/* The errno of an attempt to make a device. */
static int try_make(void *arg)
{
	return mon_add(arg, "vunixmon", 0);
}

/* In a user namespace of its own, where only its own user has a number. */
static int make_in_own(void *arg)
{
	static struct mon_packet p;
	int sv[2], tap, err;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return 200;
	err = mon_make(MON);
	if (err)
		return err;
	tap = mon_tap(MON);
	if (tap < 0 || vt_pair(AF_VUNIX, *(int *)arg, sv) ||
	    send(sv[0], "mine", 4, 0) != 4 || mon_next(tap, &p))
		return 201;
	if (memcmp(p.data, "mine", 4) || p.pid != getpid() ||
	    p.uid != (int)getuid() || p.gid != (int)getgid())
		return 202;
	return 0;
}

TEST_F(mon_device, permission)
{
	int type = variant->type, ret;

	ASSERT_EQ(EPERM, vt_run_as(VT_NOBODY, try_make, MON));
	ASSERT_EQ(EOPNOTSUPP, mon_add(MON, "vunixmom", 0));
	/* With CAP_NET_ADMIN in the namespace. */
	ret = vt_run_as(VT_NOBODY, make_in_own, &type);
	if (ret == 200)
		SKIP(return, "no user namespaces");
	ASSERT_EQ(0, ret);
}

/* Every message is shown, or counted as lost. */
static int wait_all(long long nr, struct mon_stats *s)
{
	struct timespec ms = { .tv_nsec = 10000000 };
	int i;

	for (i = 0; i < 2000 * vt_patience(); i++) {
		if (mon_stats(MON, s))
			return -1;
		if (s->packets + s->dropped == nr)
			return 0;
		nanosleep(&ms, NULL);
	}
	return -1;
}

TEST_F(mon_device, losses)
{
	struct tpacket_stats tp;
	socklen_t len = sizeof(tp);
	int sv[2], tap, i, room = 1, got = 0;
	struct mon_stats s;
	char buf[1000];

	ASSERT_EQ(0, mon_make(MON));
	tap = mon_tap(MON);
	ASSERT_LE(0, tap);
	ASSERT_EQ(0, setsockopt(tap, SOL_SOCKET, SO_RCVBUF, &room,
				sizeof(room)));
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));

	/* A tap that does not read has no room soon, and counts. */
	for (i = 0; i < 500; i++) {
		ASSERT_EQ(1000, send(sv[0], buf, 1000, MSG_DONTWAIT));
		ASSERT_EQ(1000, recv(sv[1], buf, 1000, MSG_DONTWAIT));
	}
	ASSERT_EQ(0, wait_all(500, &s));
	/* The last that was counted may still be on its way to the tap. */
	ASSERT_EQ(0, mon_up(MON, false));
	ASSERT_ERR(ENETDOWN, recv(tap, buf, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, mon_up(MON, true));
	ASSERT_EQ(0, getsockopt(tap, SOL_PACKET, PACKET_STATISTICS, &tp, &len));
	ASSERT_EQ(s.packets, (int)tp.tp_packets);
	ASSERT_LT(400, (int)tp.tp_drops);
	while (recv(tap, &self->p.frame, sizeof(self->p.frame),
		    MSG_DONTWAIT) > 0)
		got++;
	ASSERT_EQ((int)(tp.tp_packets - tp.tp_drops), got);

	/* So does the device, whose queue may be given a length. */
	ASSERT_EQ(0, mon_set_qlen(MON, 0));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(1000, send(sv[0], buf, 1000, MSG_DONTWAIT));
		ASSERT_EQ(1000, recv(sv[1], buf, 1000, MSG_DONTWAIT));
	}
	i = s.dropped;
	ASSERT_EQ(0, wait_all(600, &s));
	ASSERT_EQ(i + 100, s.dropped);
	ASSERT_EQ(0, mon_set_qlen(MON, 10));
	ASSERT_EQ(1, send(sv[0], "1", 1, 0));
	ASSERT_EQ(0, wait_all(601, &s));
	ASSERT_EQ(i + 100, s.dropped);
	close(tap);
}

/* A loss is of a message that was sent, and counts once on each device. */
TEST_F(mon_device, losses_once)
{
	struct mon_stats s;
	int sv[2];

	ASSERT_EQ(0, mon_make(MON));
	ASSERT_EQ(0, mon_set_qlen(MON, 0));
	ASSERT_EQ(0, mon_add("c", "vunixmon", 0));
	ASSERT_EQ(0, mon_up("c", true));
	ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
	/* The receiver refuses when the packet has been, or not been, made. */
	ASSERT_EQ(0, vt_setint(sv[1], SOL_VUNIX, VUNIX_PASSRIGHTS, 0));
	ASSERT_EQ(EPERM, scm_send_fd(sv[0], "x", sv[0]));
	ASSERT_EQ(0, mon_stats(MON, &s));
	ASSERT_EQ(0, s.dropped);
	ASSERT_EQ(0, vt_setint(sv[1], SOL_VUNIX, VUNIX_PASSRIGHTS, 1));
	ASSERT_EQ(0, scm_send_fd(sv[0], "x", sv[0]));
	ASSERT_EQ(0, wait_all(1, &s));
	ASSERT_EQ(1, s.dropped);
	ASSERT_EQ(0, mon_up("c", false));
	ASSERT_EQ(0, mon_stats("c", &s));
	ASSERT_EQ(1, s.packets + s.dropped);
	ASSERT_EQ(0, mon_del("c"));
}

/* What fits, and what is charged, is what it is without. */
TEST_F(mon_device, senders)
{
	int sv[2], full[2], queued[2], up, n;

	for (up = 0; up < 2; up++) {
		if (up)
			ASSERT_EQ(0, mon_make(MON));
		ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv));
		ASSERT_EQ(64, send(sv[0], vt_pattern(0), 64, 0));
		ASSERT_EQ(0, ioctl(sv[0], SIOCOUTQ, &n));
		queued[up] = n;
		full[up] = vt_fill(sv[0]);
		ASSERT_LT(0, full[up]);
		close(sv[0]);
		close(sv[1]);
	}
	ASSERT_EQ(queued[0], queued[1]);
	ASSERT_EQ(full[0], full[1]);
}

static int stop;

/* Sends in circles, with every length: how often, or -1. */
static long traffic(void *arg)
{
	int *sv = arg;
	char buf[3000];
	long nr = 0;
	int n;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		n = 1 + nr * 7 % (int)sizeof(buf);
		if (send(sv[0], vt_pattern(nr), n, 0) != n ||
		    recv(sv[1], buf, n, MSG_WAITALL) != n ||
		    memcmp(buf, vt_pattern(nr), n))
			return -1;
		nr++;
	}
	return nr;
}

/* Devices come and go while messages are sent, and taps listen. */
TEST_F(mon_device, removed)
{
	int sv[2][2], tap, i, got = 0;
	struct vt_bg bg[2];

	stop = 0;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_pair(variant->family, variant->type, sv[i]));
		ASSERT_EQ(0, vt_bg_start(&bg[i], traffic, sv[i]));
	}
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, mon_make(MON));
		tap = mon_tap(MON);
		ASSERT_LE(0, tap);
		NEXT(tap);
		if (i % 2)
			ASSERT_EQ(0, mon_up(MON, false));
		if (i % 4 == 3)
			ASSERT_EQ(0, mon_up(MON, true));
		ASSERT_EQ(0, mon_del(MON));
		/* What was queued for the tap is there, then it is at its end. */
		while (recv(tap, &self->p.frame, sizeof(self->p.frame),
			    MSG_DONTWAIT) > 0)
			got++;
		close(tap);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		ASSERT_LT(0, vt_bg_join(&bg[i]));
}

/* Devices are no reason to keep the module; sockets are. */
TEST_F(mon_device, module)
{
	const char *path = "/sys/module/vunix/refcnt";
	long before = vt_read_num(path);
	int fd;

	if (before < 0)
		SKIP(return, "no /sys/module/vunix/refcnt");
	/* Everybody's sockets count. */
	if (!getenv("VUNIX_VM"))
		SKIP(return, "others may use the module (VUNIX_VM=1)");
	ASSERT_EQ(0, mon_make(MON));
	ASSERT_EQ(before, vt_read_num(path));
	fd = vt_socket(variant->family, variant->type);
	ASSERT_LT(before, vt_read_num(path));
	close(fd);
}

TEST_HARNESS_MAIN
