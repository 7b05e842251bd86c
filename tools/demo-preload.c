// SPDX-License-Identifier: GPL-2.0
/* Lets a program that uses AF_UNIX use vunix: only the family changes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
#include <linux/vunix.h>

int socket(int family, int type, int protocol)
{
	int (*next)(int, int, int) = dlsym(RTLD_NEXT, "socket");

	return next(family == AF_UNIX ? AF_VUNIX : family, type, protocol);
}

int socketpair(int family, int type, int protocol, int fds[2])
{
	int (*next)(int, int, int, int[2]) = dlsym(RTLD_NEXT, "socketpair");

	return next(family == AF_UNIX ? AF_VUNIX : family, type, protocol, fds);
}
