// SPDX-License-Identifier: GPL-2.0
/*
 * What the command is: where PATH has it, and whether its loader would take a
 * library from us.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "run.h"

#if UINTPTR_MAX > UINT32_MAX
#define OWN_CLASS	ELFCLASS64
#else
#define OWN_CLASS	ELFCLASS32
#endif

/* 0, or what execve() would say at once. */
static int executable(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno;
	if (!S_ISREG(st.st_mode) || access(path, X_OK))
		return EACCES;
	return 0;
}

/**
 * program_find() - search PATH as execvp() does
 * @name: first word of the command
 * @path: room for what is found
 * @size: of it
 *
 * Return: 0 or an errno; EACCES if one was found but cannot be run.
 */
int program_find(const char *name, char *path, size_t size)
{
	const char *dir = getenv("PATH");
	int err, found = ENOENT;

	if (!*name)
		return ENOENT;
	if (strchr(name, '/')) {
		if ((size_t)snprintf(path, size, "%s", name) >= size)
			return ENAMETOOLONG;
		return executable(path);
	}
	if (!dir)
		dir = "/bin:/usr/bin";
	for (;;) {
		int len = strcspn(dir, ":");

		/* An empty entry is the current folder. */
		if ((size_t)snprintf(path, size, "%.*s%s%s", len, dir,
				     len ? "/" : "./", name) < size) {
			err = executable(path);
			if (!err)
				return 0;
			if (err == EACCES)
				found = EACCES;
		}
		dir += len;
		if (!*dir++)
			return found;
	}
}

static bool read_header(int fd, const ElfW(Ehdr) *eh, int i, ElfW(Phdr) *ph)
{
	return pread(fd, ph, sizeof(*ph), eh->e_phoff +
		     (off_t)i * eh->e_phentsize) == sizeof(*ph);
}

/* The last part of the loader's path into @name; empty without a loader. */
static void loader_name(int fd, const ElfW(Ehdr) *eh, char *name, size_t size)
{
	char path[PATH_MAX] = "";
	ElfW(Phdr) ph;
	char *slash;

	for (int i = 0; i < eh->e_phnum && read_header(fd, eh, i, &ph); i++) {
		if (ph.p_type != PT_INTERP || ph.p_filesz >= sizeof(path))
			continue;
		if (pread(fd, path, ph.p_filesz, ph.p_offset) < 0)
			path[0] = 0;
		break;
	}
	slash = strrchr(path, '/');
	snprintf(name, size, "%s", slash ? slash + 1 : path);
}

/*
 * Go's programs call the kernel by themselves, also those that are dynamically
 * linked.  Its linker signs them.
 */
static bool is_go(int fd, const ElfW(Ehdr) *eh)
{
	ElfW(Phdr) ph;

	for (int i = 0; i < eh->e_phnum && read_header(fd, eh, i, &ph); i++) {
		char notes[1024] __attribute__((aligned(8)));
		ssize_t len, at = 0;

		if (ph.p_type != PT_NOTE)
			continue;
		len = pread(fd, notes, ph.p_filesz < sizeof(notes) ?
			    ph.p_filesz : sizeof(notes), ph.p_offset);
		while (at + (ssize_t)sizeof(ElfW(Nhdr)) + 4 <= len) {
			ElfW(Nhdr) *note = (void *)(notes + at);

			if (note->n_namesz == 4 &&
			    !memcmp(note + 1, "Go\0", 4))
				return true;
			if (note->n_namesz > sizeof(notes) ||
			    note->n_descsz > sizeof(notes))
				break;
			at += sizeof(*note) + ((note->n_namesz + 3ULL) & ~3ULL) +
			      ((note->n_descsz + 3ULL) & ~3ULL);
		}
	}
	return false;
}

/* Where in the file is what has this address when it runs?  -1 if nowhere. */
static off_t where_is(int fd, const ElfW(Ehdr) *eh, ElfW(Addr) address)
{
	ElfW(Phdr) ph;

	for (int i = 0; i < eh->e_phnum && read_header(fd, eh, i, &ph); i++)
		if (ph.p_type == PT_LOAD && address >= ph.p_vaddr &&
		    address - ph.p_vaddr < ph.p_filesz)
			return address - ph.p_vaddr + ph.p_offset;
	return -1;
}

/* The next entry of that kind in the dynamic section; false at its end. */
static bool next_dynamic(int fd, const ElfW(Phdr) *ph, ElfW(Sxword) tag,
			 size_t *at, ElfW(Dyn) *dyn)
{
	while (*at + sizeof(*dyn) <= ph->p_filesz &&
	       pread(fd, dyn, sizeof(*dyn), ph->p_offset + *at) ==
	       sizeof(*dyn) && dyn->d_tag != DT_NULL) {
		*at += sizeof(*dyn);
		if (dyn->d_tag == tag)
			return true;
	}
	return false;
}

/*
 * Is it linked to a library that ends a program in which it is not the first?
 * ld.so puts ours before it.
 */
static bool wants_to_be_first(int fd, const ElfW(Ehdr) *eh)
{
	static const char first[] = "libasan.so.";
	char name[sizeof(first) - 1];
	size_t at = 0;
	off_t names;
	ElfW(Phdr) ph;
	ElfW(Dyn) dyn;
	int i = 0;

	while (i < eh->e_phnum && read_header(fd, eh, i, &ph) &&
	       ph.p_type != PT_DYNAMIC)
		i++;
	if (i == eh->e_phnum || ph.p_type != PT_DYNAMIC ||
	    !next_dynamic(fd, &ph, DT_STRTAB, &at, &dyn))
		return false;
	names = where_is(fd, eh, dyn.d_un.d_ptr);
	at = 0;
	while (names >= 0 && next_dynamic(fd, &ph, DT_NEEDED, &at, &dyn))
		if (pread(fd, name, sizeof(name), names + dyn.d_un.d_val) ==
		    sizeof(name) && !memcmp(name, first, sizeof(name)))
			return true;
	return false;
}

/* A loader by another name is another C library's: it has no use for ours. */
static bool own_loader(const char *name)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char own[NAME_MAX + 1] = "";
	ElfW(Ehdr) eh;

	if (fd < 0)
		return true;
	if (pread(fd, &eh, sizeof(eh), 0) == sizeof(eh))
		loader_name(fd, &eh, own, sizeof(own));
	close(fd);
	return !own[0] || !strcmp(own, name);
}

static enum program_kind kind_of_elf(int fd, const ElfW(Ehdr) *eh)
{
	static const uint16_t machine =
#if defined(__x86_64__)
		EM_X86_64;
#elif defined(__i386__)
		EM_386;
#elif defined(__aarch64__)
		EM_AARCH64;
#elif defined(__arm__)
		EM_ARM;
#elif defined(__s390__)
		EM_S390;
#elif defined(__riscv)
		EM_RISCV;
#elif defined(__powerpc64__)
		EM_PPC64;
#else
		EM_NONE;
#endif
	char loader[NAME_MAX + 1];

	if (eh->e_ident[EI_CLASS] != OWN_CLASS)
		return PROGRAM_FOREIGN;
	if (machine != EM_NONE && eh->e_machine != machine)
		return PROGRAM_FOREIGN;
	loader_name(fd, eh, loader, sizeof(loader));
	if (!loader[0])
		return PROGRAM_STATIC;
	if (!own_loader(loader))
		return PROGRAM_FOREIGN;
	if (is_go(fd, eh))
		return PROGRAM_GO;
	return wants_to_be_first(fd, eh) ? PROGRAM_FIRST : PROGRAM_DYNAMIC;
}

static bool gains_privilege(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	if ((st.st_mode & S_ISUID) && st.st_uid != geteuid())
		return true;
	if ((st.st_mode & S_ISGID) && (st.st_mode & 0010) &&
	    st.st_gid != getegid())
		return true;
	/* Root has the capabilities already. */
	return geteuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

/* The interpreter in the first line of a script, into @path. */
static bool shebang(const char *text, ssize_t len, char *path, size_t size)
{
	ssize_t from = 2, to;

	if (len < 3 || text[0] != '#' || text[1] != '!')
		return false;
	while (from < len && (text[from] == ' ' || text[from] == '\t'))
		from++;
	for (to = from; to < len && !strchr(" \t\n", text[to]); to++)
		;
	if (to == from || (size_t)(to - from) >= size)
		return false;
	memcpy(path, text + from, to - from);
	path[to - from] = 0;
	return true;
}

/**
 * program_kind() - what the loader of a program would do with a library
 * @path: program, or a script, whose interpreter counts
 *
 * Return: PROGRAM_*.
 */
enum program_kind program_kind(const char *path)
{
	enum program_kind kind = PROGRAM_UNKNOWN;
	char text[PATH_MAX], next[PATH_MAX];

	/* The kernel follows scripts as deep as this, too. */
	for (int depth = 0; depth < 5; depth++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		bool script = false;
		ElfW(Ehdr) eh;
		ssize_t len;

		if (fd < 0)
			return PROGRAM_UNKNOWN;
		len = read(fd, text, sizeof(text));
		if (len >= (ssize_t)sizeof(eh) &&
		    !memcmp(text, ELFMAG, SELFMAG)) {
			memcpy(&eh, text, sizeof(eh));
			kind = kind_of_elf(fd, &eh);
			if ((kind == PROGRAM_DYNAMIC ||
			     kind == PROGRAM_FIRST) && gains_privilege(fd))
				kind = PROGRAM_SETID;
		} else {
			script = shebang(text, len, next, sizeof(next));
		}
		close(fd);
		if (!script)
			break;
		path = next;
	}
	return kind;
}
