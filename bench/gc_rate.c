// SPDX-License-Identifier: GPL-2.0
/*
 * Messages with descriptors: sent, received and closed by one process.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "gc.h"

#define RATE		1.5		/* target: AF_UNIX : vunix */

#define MESSAGES	MAX_FIGURES	/* for one figure */

static const unsigned int rate_fds[] = { 1, 16, MAX_FDS };

#define RATES	3

/* Nanoseconds or instructions of a message. */
struct rate {
	struct figures send;
	struct figures recv;
	struct figures close;
	struct figures all;
};

/* The median message: what else the machine does now and then is no cost. */
static void measure_rate(const int *sk, const int *fds, unsigned int n,
			 struct rate *rate)
{
	struct figures part[3] = { 0 }, all = { 0 };
	int got[MAX_FDS];
	unsigned int i, j;
	double t[4];

	for (i = 0; i < MESSAGES; i++) {
		t[0] = now();
		send_fds(sk[0], fds, n);
		t[1] = now();
		recv_fds(sk[1], got, n);
		t[2] = now();
		for (j = 0; j < n; j++)
			close(got[j]);
		t[3] = now();
		for (j = 0; j < 3; j++)
			add(&part[j], t[j + 1] - t[j]);
		add(&all, t[3] - t[0]);
	}
	add(&rate->send, median(&part[0]));
	add(&rate->recv, median(&part[1]));
	add(&rate->close, median(&part[2]));
	add(&rate->all, median(&all));
}

static void print_rate(const struct rate *rate, unsigned int n, int f)
{
	double all = median(&rate->all);

	printf("  %-8s", family_name[f]);
	if (!instructions)
		printf(" %10.0f %10.0f", 1e9 / all, 1e9 * n / all);
	print_figures(&rate->all, n);
	printf(" %7.0f %7.0f %7.0f\n", median(&rate->send) / n,
	       median(&rate->recv) / n, median(&rate->close) / n);
}

static void compare_rates(bool sockets)
{
	struct rate rates[RATES][FAMILIES] = { 0 };
	int fds[FAMILIES][MAX_FDS], sk[FAMILIES][2];
	unsigned int r, i, f;
	double ratio;
	char what[80];

	for (f = 0; f < FAMILIES; f++) {
		pair(families[f], sk[f]);
		for (i = 0; i < MAX_FDS; i++)
			fds[f][i] = sockets ? new_socket(families[f]) : null_fd;
	}
	/* The first is for the caches. */
	for (r = 0; r <= repeats; r++)
		for (i = 0; i < RATES; i++)
			for (f = 0; f < FAMILIES; f++) {
				if (r == 1)
					memset(&rates[i][f], 0,
					       sizeof(rates[i][f]));
				measure_rate(sk[f], fds[f], rate_fds[i],
					     &rates[i][f]);
			}

	for (i = 0; i < RATES; i++) {
		printf("%u %s\n", rate_fds[i], sockets ? "sockets" : "files");
		for (f = 0; f < FAMILIES; f++)
			print_rate(&rates[i][f], rate_fds[i], f);
		ratio = median(&rates[i][UNIX].all) /
			median(&rates[i][VUNIX].all);
		snprintf(what, sizeof(what),
			 "%u %s passed at %.1f times AF_UNIX's rate",
			 rate_fds[i], sockets ? "sockets" : "files", RATE);
		target(ratio >= RATE, instructions, what, ratio);
	}

	for (f = 0; f < FAMILIES; f++) {
		close(sk[f][0]);
		close(sk[f][1]);
		for (i = 0; sockets && i < MAX_FDS; i++)
			close(fds[f][i]);
	}
}

void rate(void)
{
	printf("\n== rate: send, receive and close by one process\n%-10s", "");
	if (!instructions)
		printf(" %10s %10s", "messages/s", "fds/s");
	printf(" %8s %17s %7s %7s %7s\n",
	       instructions ? "instr/fd" : "ns/fd", "", "send", "receive",
	       "close");
	compare_rates(false);
	compare_rates(true);
}
