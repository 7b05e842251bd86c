// SPDX-License-Identifier: GPL-2.0
/*
 * What went wrong in AF_UNIX with urgent data, one test for each: see cve.c.
 *
 * It keeps a pointer to the urgent message besides the queue.  vunix has none:
 * the urgent byte is a position in the ring, and its record is owned by the list
 * q.oob alone, from which it goes with the byte.
 */
#include "gc.h"

FIXTURE(cve_oob)
{
	struct vt_env env;
	int base;
};

FIXTURE_VARIANT(cve_oob)
{
	int family;
};

VT_FAMILIES(cve_oob);

FIXTURE_SETUP(cve_oob)
{
	VT_SETUP();
	self->base = gc_sockets(variant->family);
	ASSERT_LE(0, self->base);
}

FIXTURE_TEARDOWN(cve_oob)
{
	VT_TEARDOWN();
}

#define PAIR(type, sv)	ASSERT_EQ(0, vt_pair(variant->family, type, sv))
#define DRAINED()	ASSERT_TRUE(gc_drained(variant->family, self->base))

/* What the older ones do with urgent data differs in other ways, too. */
#define URGENT_SINCE_616() do { \
	if (VT_UNIX_OLDER(6, 16)) \
		SKIP(return, "AF_UNIX since 6.16 only"); \
} while (0)

/*
 * AF_UNIX: the collector forgot the reference that the urgent message has in
 * the socket, so that what it carried was never freed.
 * vunix: an urgent byte's descriptors are an ordinary mark of the queue.
 */
TEST_F(cve_oob, cve_2024_26676)
{
	/* Alone, behind a byte, between two. */
	static const char *const data[] = { "b", "ab", "ab" };
	struct scm_probe p[3];
	int fds[2], i, sv[2];

	for (i = 0; i < 3; i++) {
		PAIR(SOCK_STREAM, sv);
		ASSERT_EQ(0, scm_probe(&p[i]));
		fds[0] = sv[0];
		fds[1] = p[i].w;
		ASSERT_EQ(0, scm_send_fds(sv[1], data[i], fds, 2, MSG_OOB));
		if (i == 2)
			ASSERT_EQ(0, scm_send_fd(sv[1], "x", sv[1]));
		close(p[i].w);
		close(sv[0]);
		close(sv[1]);
	}
	ASSERT_TRUE(gc_gone(variant->family, p, 3));
	DRAINED();
}

/*
 * AF_UNIX: for ever waited for the last garbage sockets to go, when an urgent
 * message held its own socket and one that came before it in the list.
 * vunix: empties each socket's queue once, and waits for nothing.
 */
TEST_F(cve_oob, cve_2024_26750)
{
	int sv[2], tv[2], fds[3], l, c;
	struct scm_probe p[3];

	PAIR(SOCK_STREAM, tv);
	PAIR(SOCK_STREAM, sv);
	ASSERT_EQ(0, scm_probe(&p[0]));
	fds[0] = sv[0];
	fds[1] = tv[0];
	fds[2] = p[0].w;
	ASSERT_EQ(0, scm_send_fds(sv[1], "x", fds, 3, MSG_OOB));
	close(p[0].w);
	ASSERT_EQ(0, gc_put(tv[1], sv[0], &p[1]));
	ASSERT_EQ(0, scm_send_fds(tv[1], "x", fds, 2, MSG_OOB));

	/* And on a connection that nobody has accepted. */
	l = gc_listener(variant->family, SOCK_STREAM, "@l");
	c = gc_client(variant->family, SOCK_STREAM, "@l");
	ASSERT_EQ(0, scm_probe(&p[2]));
	fds[1] = l;
	fds[2] = p[2].w;
	ASSERT_EQ(0, scm_send_fds(c, "x", fds, 3, MSG_OOB));
	close(p[2].w);
	close(l);
	close(c);
	close(tv[0]);
	close(tv[1]);
	close(sv[1]);
	close(sv[0]);
	ASSERT_TRUE(gc_gone(variant->family, p, 3));
	DRAINED();
}

/*
 * AF_UNIX: freeing one urgent message let several sockets go at once, the next
 * of the collector's list among them, which it then walked for ever.
 * vunix: holds a reference to every suspect in its list until it has looked at
 * it once more.
 */
#define MANY	8

TEST_F(cve_oob, cve_2024_26780)
{
	int sv[2], fds[MANY + 1], via[MANY], i;
	struct scm_probe p;

	for (i = 0; i < MANY; i++) {
		PAIR(SOCK_STREAM, sv);
		fds[i] = sv[0];
		via[i] = sv[1];
	}
	ASSERT_EQ(0, scm_probe(&p));
	fds[MANY] = p.w;
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, scm_send_fds(via[i], "x", fds, i ? i : MANY + 1,
					  MSG_OOB));
	close(p.w);
	for (i = 0; i < MANY; i++) {
		close(via[i]);
		close(fds[i]);
	}
	/* Others who send sockets do not wait for ever either. */
	for (i = 0; i < 100; i++) {
		PAIR(SOCK_STREAM, sv);
		ASSERT_EQ(0, scm_send_fd(sv[0], "x", sv[0]));
		close(vt_recv_fd(sv[1]));
		close(sv[0]);
		close(sv[1]);
	}
	ASSERT_TRUE(gc_gone(variant->family, &p, 1));
	DRAINED();
}

/*
 * AF_UNIX: a read that passed the urgent message dropped it, but could still be
 * asked for it; its descriptors outlived the queue.
 * vunix: the record of the byte goes with the byte (next_segment(), drop_to()).
 */
TEST_F(cve_oob, cve_2024_35970)
{
	char buf[8];
	struct scm_probe p;
	int sv[2], fds[2];

	URGENT_SINCE_616();
	PAIR(SOCK_STREAM, sv);
	ASSERT_EQ(5, send(sv[1], "hello", 5, MSG_OOB));
	ASSERT_EQ(5, send(sv[1], "world", 5, 0));
	ASSERT_EQ(4, recv(sv[0], buf, 8, MSG_DONTWAIT));
	ASSERT_EQ(5, recv(sv[0], buf, 8, MSG_DONTWAIT));
	ASSERT_EQ(0, memcmp(buf, "world", 5));
	ASSERT_ERR(EINVAL, recv(sv[0], buf, 8, MSG_OOB));

	ASSERT_EQ(0, scm_probe(&p));
	fds[0] = sv[0];
	fds[1] = p.w;
	ASSERT_EQ(0, scm_send_fds(sv[1], "x", fds, 2, MSG_OOB));
	close(p.w);
	ASSERT_ERR(EAGAIN, recv(sv[0], buf, 1, MSG_DONTWAIT));
	ASSERT_TRUE(scm_closed(&p));
	ASSERT_ERR(EINVAL, recv(sv[0], buf, 1, MSG_OOB));
	close(sv[0]);
	close(sv[1]);
	DRAINED();
}

/*
 * AF_UNIX: behind a received urgent byte a read returned the next urgent one as
 * data, and freed it, without forgetting that it was urgent.
 * vunix: looks at each urgent byte it comes to in a loop, in one place
 * (next_segment()), however many stand in a row.
 */
static int put_get_urgent(int sv[2], const char *c)
{
	char got = 0;

	if (send(sv[1], c, 1, MSG_OOB) != 1 ||
	    recv(sv[0], &got, 1, MSG_OOB) != 1)
		return -1;
	return got == *c ? 0 : -1;
}

TEST_F(cve_oob, cve_2024_47711)
{
	int sv[2];
	char c;

	URGENT_SINCE_616();
	PAIR(SOCK_STREAM, sv);
	ASSERT_EQ(0, put_get_urgent(sv, "a"));
	ASSERT_EQ(1, send(sv[1], "b", 1, MSG_OOB));
	ASSERT_ERR(EAGAIN, recv(sv[0], &c, 1, MSG_DONTWAIT));
	ASSERT_ERR(EINVAL, recv(sv[0], &c, 1, MSG_OOB));
	ASSERT_EQ(1, send(sv[1], "c", 1, 0));
	ASSERT_EQ(1, recv(sv[0], &c, 1, MSG_DONTWAIT));
	ASSERT_EQ('c', c);
}

/*
 * AF_UNIX: of two received urgent bytes in a row a read stepped over one only,
 * and returned a third, still urgent, as data.
 * vunix: as CVE-2024-47711; places that touch are one (vunix_oob.end).
 */
TEST_F(cve_oob, cve_2025_38236)
{
	int sv[2];
	char c;

	URGENT_SINCE_616();
	PAIR(SOCK_STREAM, sv);
	ASSERT_EQ(0, put_get_urgent(sv, "x"));
	ASSERT_EQ(0, put_get_urgent(sv, "y"));
	ASSERT_EQ(1, send(sv[1], "z", 1, MSG_OOB));
	ASSERT_ERR(EAGAIN, recv(sv[0], &c, 1, MSG_DONTWAIT));
	ASSERT_ERR(EINVAL, recv(sv[0], &c, 1, MSG_OOB));
	ASSERT_EQ(1, send(sv[1], "n", 1, 0));
	ASSERT_EQ(1, recv(sv[0], &c, 1, MSG_DONTWAIT));
	ASSERT_EQ('n', c);
	close(sv[0]);
	close(sv[1]);
	DRAINED();
}

TEST_HARNESS_MAIN
