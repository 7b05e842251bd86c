# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# guest.sh - sourced by what runs in a machine, dash, bash or busybox: how to look, when
# all is done, for what the module has left behind, and what the kernel says of it.
# Those that look print what is wrong, in lines that begin with "# ", and are false then.

# What the log must not hold.  A caller whose programs may be killed takes these out
# again: $BAD_PROGRAMS.
BAD='BUG|WARNING|KASAN|KCSAN|KFENCE|UBSAN|Oops|possible (recursive|circular)'
BAD="$BAD|inconsistent lock|suspicious RCU|rcu.*stall|suspected memory leak"
BAD="$BAD|refcount_t|hung_task|blocked for more|soft lockup|hard LOCKUP"
BAD="$BAD|scheduling while atomic|sleeping function|general protection"
BAD="$BAD|unregister_netdevice: waiting|ODEBUG|still has objects"
BAD="$BAD|leaked reference"
BAD_PROGRAMS='|Out of memory|segfault'
BAD=$BAD$BAD_PROGRAMS

KMEMLEAK=/sys/kernel/debug/kmemleak
KCSAN=/sys/kernel/debug/kcsan

# log_begin: what the log holds by now, and the memory in use, is none of our business.
# The machine's first process does it, before it loads the module.
log_begin()
{
	echo "vunix-log: begin" >/dev/kmsg
	[ -w $KMEMLEAK ] || return 0
	echo scan=off >$KMEMLEAK
	echo clear >$KMEMLEAK
}

# log_since: the log from there on.  Races that a kernel has seen which watches for them
# are for those to judge who have started the machine.
log_since()
{
	dmesg | awk -v races="$([ ! -w $KCSAN ] || echo 1)" '
		/vunix-log: begin/ { n = 0; found = 1; next }
		races && /BUG: KCSAN: / { next }
		{ line[n++] = $0 }
		END {
			if (!found)
				print "(it began anew: only its end is here)"
			for (i = 0; i < n; i++)
				print line[i]
		}'
}

log_clean()
{
	! log_since | grep -nE "$BAD" | sed 's/^/# log: /' | grep .
}

# Lockdep switches itself off at its first report or when a table is full.
lockdep_alive()
{
	[ -r /proc/lockdep_stats ] || return 0
	grep -q 'debug_locks: *1' /proc/lockdep_stats && return
	sed 's/^/# lockdep: /' /proc/lockdep_stats
	return 1
}

# leaks_none: what kmemleak does not find any more
leaks_none()
{
	[ -w $KMEMLEAK ] || return 0
	# Younger objects than five seconds are not looked at; the second scan
	# sees what a stale word on a stack hid from the first.
	sleep 6
	echo scan >$KMEMLEAK
	echo scan >$KMEMLEAK
	! sed 's/^/# kmemleak: /' $KMEMLEAK | head -n 2000 | grep .
}

# sockets_gone [SECONDS]: the table of sockets of this namespace is empty again.
sockets_gone()
{
	[ -e /proc/net/vunix ] || return 1
	for _ in $(seq "${1:-10}"); do
		[ "$(wc -l </proc/net/vunix)" != 1 ] || return 0
		sleep 1
	done
	sed 's/^/# left: /' /proc/net/vunix
	return 1
}

# unload [SECONDS]: namespaces of the last test may be on their way out.
unload()
{
	for _ in $(seq "${1:-20}"); do
		why=$(rmmod vunix 2>&1) && return
		sleep 1
	done
	echo "# $why, references: $(cat /sys/module/vunix/refcnt)"
	return 1
}

# Nothing of the module may be seen when it is out.
traces_gone()
{
	found=
	for f in /proc/net/vunix /proc/sys/net/vunix /sys/module/vunix; do
		[ ! -e $f ] || found="$found $f"
	done
	! grep -qi '^vunix' /proc/net/protocols || found="$found protocols"
	[ -n "$found" ] || return 0
	echo "# still there:$found"
	return 1
}

slabs_gone()
{
	! {
		grep -i vunix /proc/slabinfo
		ls /sys/kernel/slab | grep -i vunix
	} 2>/dev/null | sed 's/^/# slab: /' | grep .
}
