// SPDX-License-Identifier: GPL-2.0
/*
 * Races that end a connection while something is under way:
 *
 *   SHUT-03   nothing arrives behind an end of file that was read, though the
 *             writer and shutdown(SHUT_WR) run at the same time
 *   SHUT-04   the same for the receiver's shutdown(SHUT_RD)
 *   OOB-09    SIGURG's owner is looked up while the receiver is closed
 *   STRESS-04 datagram sockets change their peer while readers peek and senders
 *             wait for room: everybody gets on
 */
#include "vunix_test.h"
#include <pthread.h>

#define ROUNDS	150

VT_FIXTURE(race, VT_FAMILIES);

struct job {
	int fd;
	int how;
	int flags;
	pthread_barrier_t *start;
};

static void *send_on(void *arg)
{
	struct job *job = arg;

	pthread_barrier_wait(job->start);
	while (send(job->fd, "x", 1, job->flags | MSG_NOSIGNAL) == 1)
		;
	return NULL;
}

static void *shut(void *arg)
{
	struct job *job = arg;

	pthread_barrier_wait(job->start);
	if (job->how < 0)
		close(job->fd);
	else
		shutdown(job->fd, job->how);
	return NULL;
}

/* Reads to the end; returns what came behind it. */
static int behind_end(int fd)
{
	char buf[4096];
	int n;

	do
		n = recv(fd, buf, sizeof(buf), 0);
	while (n > 0);
	return n < 0 ? n : recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
}

static int end_is_final(int family, int how)
{
	pthread_barrier_t start;
	pthread_t a, b;
	int sv[2], n;

	if (vt_pair(family, SOCK_STREAM, sv))
		return -1;
	pthread_barrier_init(&start, NULL, 3);
	{
		struct job send = { sv[0], 0, 0, &start };
		struct job end = { how == SHUT_WR ? sv[0] : sv[1], how, 0,
				   &start };

		pthread_create(&a, NULL, send_on, &send);
		pthread_create(&b, NULL, shut, &end);
		pthread_barrier_wait(&start);
		n = behind_end(sv[1]);
		pthread_join(a, NULL);
		pthread_join(b, NULL);
		if (!n)
			n = behind_end(sv[1]);
	}
	pthread_barrier_destroy(&start);
	close(sv[0]);
	close(sv[1]);
	return n;
}

TEST_F(race, send_and_shutdown)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, end_is_final(variant->family, SHUT_WR));
		ASSERT_EQ(0, end_is_final(variant->family, SHUT_RD));
	}
	PROVES("SHUT-03", "SHUT-04");
}

TEST_F(race, urgent_and_close)
{
	pthread_barrier_t start;
	pthread_t a, b;
	int sv[2], i;

	signal(SIGURG, SIG_IGN);
	for (i = 0; i < ROUNDS; i++) {
		struct job send, end;

		ASSERT_EQ(0, vt_pair(variant->family, SOCK_STREAM, sv));
		ASSERT_EQ(0, fcntl(sv[1], F_SETOWN, getpid()));
		pthread_barrier_init(&start, NULL, 2);
		send = (struct job){ sv[0], 0, MSG_OOB, &start };
		end = (struct job){ sv[1], -1, 0, &start };
		pthread_create(&a, NULL, send_on, &send);
		pthread_create(&b, NULL, shut, &end);
		pthread_join(a, NULL);
		pthread_join(b, NULL);
		pthread_barrier_destroy(&start);
		close(sv[0]);
	}
	PROVES("OOB-09");
}

static int stop;

static void *peek_on(void *arg)
{
	struct job *job = arg;
	char c;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		recv(job->fd, &c, 1, MSG_DONTWAIT |
		     (job->how ? MSG_PEEK : 0));
	return NULL;
}

static void *change_peer(void *arg)
{
	struct job *job = arg;
	struct sockaddr un = { .sa_family = AF_UNSPEC };

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		vt_connect(job->fd, "@sender");
		connect(job->fd, &un, sizeof(un));
	}
	return NULL;
}

/* The sender blocks again and again, and is never forgotten. */
TEST_F(race, reconnect_and_peek)
{
	struct job read = { 0 }, peek = { .how = 1 }, change = { 0 };
	int r = vt_socket(variant->family, SOCK_DGRAM);
	int s = vt_socket(variant->family, SOCK_DGRAM);
	pthread_t t[3];
	int i;

	ASSERT_EQ(0, vt_bind(r, "@receiver"));
	ASSERT_EQ(0, vt_bind(s, "@sender"));
	read.fd = r;
	peek.fd = r;
	change.fd = r;
	pthread_create(&t[0], NULL, peek_on, &read);
	pthread_create(&t[1], NULL, peek_on, &peek);
	pthread_create(&t[2], NULL, change_peer, &change);
	for (i = 0; i < 20 * ROUNDS; i++)
		ASSERT_EQ(1, vt_sendto(s, "x", 1, 0, "@receiver"));
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	PROVES("STRESS-04");
}

TEST_HARNESS_MAIN
