/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the program cycles.c asks of the module cycles_in.c.
 */
#ifndef BENCH_UML_CYCLES_H
#define BENCH_UML_CYCLES_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct cycles_in - bytes to send and receive, in the caller's process
 * @wr: descriptor that is written to
 * @rd: descriptor that is read from, may be the same
 * @out: address of what is written
 * @in: address of where it is read to
 * @cycles: address of a __u64 for each batch: cycles that it took
 * @size: bytes of a write; @nr times that are read at once
 * @nr: writes before a read
 * @ops: reads of a batch
 * @batches: how many batches
 * @kernel: not 0: with copies of @out and @in that are the kernel's own
 * @pad: 0
 */
struct cycles_in {
	__s32	wr;
	__s32	rd;
	__u64	out;
	__u64	in;
	__u64	cycles;
	__u32	size;
	__u32	nr;
	__u32	ops;
	__u32	batches;
	__u32	kernel;
	__u32	pad;
};

#define CYCLES_DEVICE	"vunix-cycles"
#define CYCLES_IN	_IOW('v', 1, struct cycles_in)

#endif /* BENCH_UML_CYCLES_H */
