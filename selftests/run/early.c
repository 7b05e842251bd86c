// SPDX-License-Identifier: GPL-2.0
/*
 * A library that makes a socket before others are initialized, as some do; it
 * is preloaded beside vunix-run's.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

__attribute__((constructor)) static void early(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	setenv("EARLY_FD", number, 1);
}
