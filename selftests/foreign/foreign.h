/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Forced in front of the kernel's own tests of AF_UNIX: their sockets are those of
 * another family, everything else stays.  Addresses go on saying AF_UNIX.
 */
#ifndef FOREIGN_H
#define FOREIGN_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* What headers of this system are too old for */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD	76
#define SO_PEERPIDFD	77
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif
#ifndef SO_INQ
#define SO_INQ		84
#define SCM_INQ		SO_INQ
#endif

#ifdef FOREIGN_FAMILY
#include "../../include/uapi/linux/vunix.h"

static inline int foreign_socket(int family, int type, int protocol)
{
	return (socket)(family == PF_LOCAL ? FOREIGN_FAMILY : family, type,
			protocol);
}

static inline int foreign_pair(int family, int type, int protocol, int *fd)
{
	return (socketpair)(family == PF_LOCAL ? FOREIGN_FAMILY : family, type,
			    protocol, fd);
}

/* Older kernels answer for the module that there is no such option. */
static inline int foreign_set(int fd, int level, int name, const void *value,
			      socklen_t len)
{
	int err = (setsockopt)(fd, level, name, value, len);

	if (!err || errno != ENOPROTOOPT || level != SOL_SOCKET ||
	    (name != SO_PASSRIGHTS && name != SO_INQ))
		return err;
	err = (setsockopt)(fd, SOL_VUNIX, name == SO_INQ ? VUNIX_INQ :
						  VUNIX_PASSRIGHTS, value, len);
	if (!err)
		fprintf(stderr, "# foreign: SOL_VUNIX\n");
	return err;
}

#define socket(family, type, protocol) \
	foreign_socket(family, type, protocol)
#define socketpair(family, type, protocol, fd) \
	foreign_pair(family, type, protocol, fd)
#define setsockopt(fd, level, name, value, len) \
	foreign_set(fd, level, name, value, len)

/* Who counts a family's sockets finds those of ours by the names of AF_UNIX. */
static inline FILE *foreign_open(const char *name, const char *mode)
{
	FILE *real = (fopen)(name, mode), *copy;
	char line[256];

	if (!real || strcmp(name, "/proc/net/protocols"))
		return real;
	copy = tmpfile();
	while (copy && fgets(line, sizeof(line), real)) {
		if (strncmp(line, "UNIX", 4))
			fputs(line, copy);
		if (!strncmp(line, "VUNIX ", 6))
			fprintf(copy, "UNIX %sUNIX-STREAM %s", line + 6,
				line + 6);
	}
	fclose(real);
	if (copy)
		rewind(copy);
	return copy;
}

#define fopen(name, mode) foreign_open(name, mode)

/* Who asks sock_diag names the number of the family; the answer says AF_UNIX. */
#ifdef FOREIGN_DIAG
#include <linux/netlink.h>
#include <linux/sock_diag.h>

static inline ssize_t foreign_ask(int fd, const struct msghdr *msg, int flags)
{
	struct nlmsghdr *nlh = msg->msg_iov->iov_base;
	struct sock_diag_req *req = NLMSG_DATA(nlh);

	if (nlh->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
	    req->sdiag_family == PF_LOCAL)
		req->sdiag_family = FOREIGN_FAMILY;
	return (sendmsg)(fd, msg, flags);
}

#define sendmsg(fd, msg, flags) foreign_ask(fd, msg, flags)
#endif

#endif
#endif
