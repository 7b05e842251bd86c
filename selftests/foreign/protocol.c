// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded into stress-ng, whose stressor "sock" asks for TCP also where its domain
 * is unix: no kernel has that, and without this it would not run with AF_UNIX, either.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>

int socket(int domain, int type, int protocol)
{
	int (*next)(int domain, int type, int protocol);

	next = dlsym(RTLD_NEXT, "socket");
	if (domain == AF_UNIX && protocol == IPPROTO_TCP)
		protocol = 0;
	return next(domain, type, protocol);
}
