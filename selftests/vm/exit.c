// SPDX-License-Identifier: GPL-2.0
/*
 * End the virtual machine with a status: QEMU's isa-debug-exit device makes
 * 2 * code + 1 of the byte written to its port.  By I/O permission, because
 * the kernels we boot have no /dev/port.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>

int main(int argc, char **argv)
{
	int code = argc > 1 ? atoi(argv[1]) : 0;

	if (ioperm(0xf4, 1, 1)) {
		perror("ioperm");
		return 1;
	}
	outb(code, 0xf4);
	return 0;
}
