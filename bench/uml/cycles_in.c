// SPDX-License-Identifier: GPL-2.0
/*
 * Counts the processor's cycles of writes and reads inside the kernel, where
 * read() and write() hand them to a file: no system call is among them, only
 * what a pipe or a socket does.  The files, and the memory that is written and
 * read to, are those of the process that asks (cycles.c), so all goes the way
 * that it goes for programs; memory of the kernel's own is for comparison.
 */
#include <linux/compiler.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include "cycles.h"

/* Memory is the caller's unless there is memory of the kernel's own. */
struct ends {
	struct file *wr;
	struct file *rd;
	void __user *out;
	void __user *in;
	void *own_out;
	void *own_in;
};

/* Neither what is before nor what is behind moves over it. */
static u64 cycles(void)
{
	u32 low, high;

	asm volatile("lfence; rdtsc; lfence" : "=a" (low), "=d" (high) :
		     : "memory");
	return (u64)high << 32 | low;
}

/* As new_sync_write() does it. */
static ssize_t put(const struct ends *ends, size_t size)
{
	struct kvec own = { ends->own_out, size };
	struct iov_iter iter;
	struct kiocb kiocb;

	init_sync_kiocb(&kiocb, ends->wr);
	if (unlikely(own.iov_base))
		iov_iter_kvec(&iter, ITER_SOURCE, &own, 1, size);
	else
		iov_iter_ubuf(&iter, ITER_SOURCE, ends->out, size);
	return ends->wr->f_op->write_iter(&kiocb, &iter);
}

static ssize_t get(const struct ends *ends, size_t size)
{
	struct kvec own = { ends->own_in, size };
	struct iov_iter iter;
	struct kiocb kiocb;

	init_sync_kiocb(&kiocb, ends->rd);
	if (unlikely(own.iov_base))
		iov_iter_kvec(&iter, ITER_DEST, &own, 1, size);
	else
		iov_iter_ubuf(&iter, ITER_DEST, ends->in, size);
	return ends->rd->f_op->read_iter(&kiocb, &iter);
}

/* A short count would be cheap, and measure something else. */
static long burst(const struct ends *ends, const struct cycles_in *arg)
{
	size_t all = (size_t)arg->size * arg->nr;
	ssize_t n;
	u32 i;

	for (i = 0; i < arg->nr; i++) {
		n = put(ends, arg->size);
		if (unlikely(n != arg->size))
			return n < 0 ? n : -EMSGSIZE;
	}
	n = get(ends, all);
	if (unlikely(n != all))
		return n < 0 ? n : -EMSGSIZE;
	return 0;
}

static long batch(const struct ends *ends, const struct cycles_in *arg,
		  u64 *took)
{
	u64 start = cycles();
	long err;
	u32 i;

	for (i = 0; i < arg->ops; i++) {
		err = burst(ends, arg);
		if (unlikely(err))
			return err;
	}
	*took = cycles() - start;
	return 0;
}

static long batches(const struct ends *ends, const struct cycles_in *arg)
{
	u64 __user *to = u64_to_user_ptr(arg->cycles);
	long err;
	u64 took;
	u32 i;

	for (i = 0; i < arg->batches; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		err = batch(ends, arg, &took);
		if (err)
			return err;
		if (put_user(took, to + i))
			return -EFAULT;
	}
	return 0;
}

static long own_batches(struct ends *ends, const struct cycles_in *arg)
{
	size_t all = (size_t)arg->size * arg->nr;
	long err = -ENOMEM;

	ends->own_out = alloc_pages_exact(arg->size, GFP_KERNEL);
	ends->own_in = alloc_pages_exact(all, GFP_KERNEL);
	if (!ends->own_out || !ends->own_in)
		goto out;
	err = -EFAULT;
	if (copy_from_user(ends->own_out, ends->out, arg->size))
		goto out;
	err = batches(ends, arg);
	if (!err && copy_to_user(ends->in, ends->own_in, all))
		err = -EFAULT;
out:
	if (ends->own_in)
		free_pages_exact(ends->own_in, all);
	if (ends->own_out)
		free_pages_exact(ends->own_out, arg->size);
	return err;
}

static long cycles_ioctl(struct file *file, unsigned int cmd,
			 unsigned long addr)
{
	struct cycles_in arg;
	struct ends ends = {};
	long err = -EBADF;

	if (cmd != CYCLES_IN)
		return -ENOTTY;
	if (copy_from_user(&arg, (void __user *)addr, sizeof(arg)))
		return -EFAULT;
	ends.out = u64_to_user_ptr(arg.out);
	ends.in = u64_to_user_ptr(arg.in);
	if (!arg.size || !arg.nr || arg.pad)
		return -EINVAL;
	if (!access_ok(ends.out, arg.size) ||
	    !access_ok(ends.in, (size_t)arg.size * arg.nr))
		return -EFAULT;

	ends.wr = fget(arg.wr);
	ends.rd = fget(arg.rd);
	if (ends.wr && ends.rd) {
		err = -EINVAL;
		if (ends.wr->f_op->write_iter && ends.rd->f_op->read_iter)
			err = arg.kernel ? own_batches(&ends, &arg) :
			      batches(&ends, &arg);
	}
	if (ends.rd)
		fput(ends.rd);
	if (ends.wr)
		fput(ends.wr);
	return err;
}

static const struct file_operations cycles_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= cycles_ioctl,
};

static struct miscdevice cycles_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= CYCLES_DEVICE,
	.fops	= &cycles_fops,
	.mode	= 0600,
};

module_misc_device(cycles_device);

MODULE_DESCRIPTION("Cycles of writes and reads inside the kernel");
MODULE_LICENSE("GPL");
