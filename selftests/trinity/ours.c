// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded into trinity, which knows AF_UNIX, and is told to have no other sockets:
 * they are vunix's.  A filter of system calls would do it without this, but the
 * debug kernel has none.
 *
 * The sockets that trinity makes before it has any process come by socket().  Two of
 * three are the ends of a pair, as what it has made up itself is hardly ever
 * connected.  What its processes call comes by syscall(), but for calls of 32 bits,
 * which therefore make no sockets.  Of what is so random that no call ever gets
 * anywhere, three of four are replaced: names, which would never meet, by one of a
 * few, numbers where the kernel wants a pointer to a length, and numbers of options.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vunix.h>

#define NAMES		8

static long (*next_syscall)(long nr, ...);

__attribute__((constructor)) static void look_up(void)
{
	*(void **)&next_syscall = dlsym(RTLD_NEXT, "syscall");
}

int socket(int domain, int type, int protocol)
{
	static int other_end[SOCK_SEQPACKET + 1];
	static unsigned int made;
	int ends[2], fd;

	if (domain != AF_UNIX)
		return next_syscall(SYS_socket, domain, type, protocol);
	/* Flags, or no type of ours */
	if (type <= 0 || type > SOCK_SEQPACKET)
		return next_syscall(SYS_socket, AF_VUNIX, type, 0);
	if (other_end[type]) {
		fd = other_end[type];
		other_end[type] = 0;
		return fd;
	}
	if (made++ % 2)
		return next_syscall(SYS_socket, AF_VUNIX, type, 0);
	if (next_syscall(SYS_socketpair, AF_VUNIX, type, 0, ends))
		return -1;
	other_end[type] = ends[1];
	return ends[0];
}

/*
 * For an option trinity looks into a table of 45 families at a random one of 46, and
 * does not survive the last.
 */
int rand(void)
{
	static int (*next)(void);
	int n;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "rand");
	n = next();
	return n % 46 == 45 ? n - 1 : n;
}

/* Of trinity's, so that its seed repeats them, but not the bits it looks at itself */
static unsigned int number(void)
{
	return rand() >> 8;
}

static void name_it(long *address, long *length)
{
	static struct sockaddr_un few[NAMES];
	struct sockaddr_un *name = &few[number() % NAMES];

	name->sun_family = AF_UNIX;
	name->sun_path[1] = 'a' + (name - few);
	*address = (long)name;
	*length = offsetof(struct sockaddr_un, sun_path) + 2;
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	long where = (long)address, much = length;

	if (number() % 4)
		name_it(&where, &much);
	return next_syscall(SYS_bind, fd, where, much);
}

static void measure_it(long *length)
{
	static int room;

	room = number() % 64;
	*length = (long)&room;
}

static void mend(long nr, long *arg)
{
	switch (nr) {
	case SYS_socketpair:
		arg[0] = AF_VUNIX;
		arg[1] = number() % (SOCK_SEQPACKET + 1) | (arg[1] & SOCK_NONBLOCK);
		arg[2] = 0;
		break;
	case SYS_bind:
	case SYS_connect:
		name_it(&arg[1], &arg[2]);
		break;
	case SYS_sendto:
		name_it(&arg[4], &arg[5]);
		break;
	case SYS_accept4:
	case SYS_getsockname:
	case SYS_getpeername:
		measure_it(&arg[2]);
		break;
	case SYS_getsockopt:
		measure_it(&arg[4]);
		arg[1] = number() % 4 ? SOL_SOCKET : SOL_VUNIX;
		arg[2] = number() % (arg[1] == SOL_SOCKET ? 90 : 5);
		break;
	case SYS_setsockopt:
		/* trinity has those of SOL_SOCKET */
		if (number() % 2) {
			arg[1] = SOL_VUNIX;
			arg[2] = number() % 5;
		}
		break;
	case SYS_recvfrom:
		measure_it(&arg[5]);
		break;
	}
}

long syscall(long nr, ...)
{
	long arg[6];
	va_list args;
	int i;

	va_start(args, nr);
	for (i = 0; i < 6; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	if (number() % 4)
		mend(nr, arg);
	/* The kernel takes no more of it than this */
	if ((nr == SYS_socket || nr == SYS_socketpair) && (int)arg[0] == AF_UNIX)
		arg[0] = AF_VUNIX;
	return next_syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}
