#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# profile.sh [KERNEL [OPTION...] [ROW...]] - which functions the instructions are
# in that rows of cost.c count, for each transport; default is "stream 64 B".
# Every instruction that is executed is counted, by a plugin of the emulator
# (profile_count.c): nothing is sampled.  Options are those of cost.c.
#
# For each row and transport: instructions of one operation, those of each kind
# of function (by name, see kind() below), and those of each function, with
# how often it was called.  Without its callees; some the compiler has inlined.
# What an interrupt costs that came meanwhile is in there.  Functions below a
# tenth are not shown.
#
# Kernels: 6.1 (default) 6.12 7.x debug; selftests/vm/kernel.sh provides them.
#
# Settings, from the environment:
#   PROFILE_TOP  functions to print (40)
#   PROFILE_DIR  where to leave counts, symbols and windows, for other views
#   VM_MEM       memory (1G)
#   VM_TIMEOUT   seconds for the whole machine (900)
#   VUNIX_KO     a module that is built already

set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)

. "$here/quoted.sh"

kernel=${1:-6.1}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- 'stream 64 B'

work=$(mktemp -d "${TMPDIR:-/tmp}/vunix-profile.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
dir=${PROFILE_DIR:-$work}
mkdir -p "$dir"

gcc -O2 -Wall -Wextra -Werror -shared -fPIC -o "$work/count.so" \
	"$here/profile_count.c"
"$here/vm.sh" -i -q "-plugin $work/count.so,out=$dir/counts" \
	-m "${VM_MEM:-1G}" -t "${VM_TIMEOUT:-900}" "$kernel" cost \
	>"$work/console" <<END || { cat "$work/console" >&2; exit 1; }
echo "# Linux \$(busybox uname -r)"
busybox mkdir /tmp
try cost -p$(quoted "$@")
echo 0 >/proc/sys/kernel/kptr_restrict
echo BEGIN SYMBOLS
busybox grep -i ' [tw] ' /proc/kallsyms | busybox gzip | busybox base64
echo END SYMBOLS
END

grep '^# Linux' "$work/console"
grep '^window ' "$work/console" >"$dir/windows"
sed '/^BEGIN SYMBOLS$/,/^END SYMBOLS$/!d; / SYMBOLS$/d' "$work/console" |
	base64 -d | gzip -d >"$dir/symbols"

# By address, a symbol in front of the instructions behind it.
{
	awk '{ print $1, 0, $3 $4 }' "$dir/symbols"
	awk '{ print $2, 1, $1, $3 }' "$dir/counts"
} | sort >"$work/merged"

awk -v top="${PROFILE_TOP:-40}" '
# The first pattern that matches; what is left over is "other".
function kind(f)
{
	if (f == "[user]")
		return "user"
	if (f ~ /\[vunix\]$/)
		return "vunix"
	if (f ~ /thunk|__fentry__|_untrain_ret$/)
		return "thunks"
	if (f ~ /^(security|apparmor|aa|selinux|smack|tomoyo|landlock|hook|bpf_lsm|cap|common_perm|yama|ima)_|_perm(_cond)?$/)
		return "LSM"
	if (f ~ /^_?_?(mutex|raw_|rcu_|srcu|local_bh|lock_|down_|up_|osq|queued_|native_queued|preempt|cond_resched|might_|refcount|rwsem|seqcount)/)
		return "locks"
	if (f ~ /syscall|SYSCALL|x64_sys|exit_to_user|sysret|fpregs|^(do_fast|entry_)|amd_clear_divider/)
		return "entry"
	if (f ~ /^_?_?(copy|rep_movs|memcpy|memmove|iov|iter|import|check_|usercopy|get_user|put_user|fault_in|skb_copy_datagram|skb_datagram_iter|simple_copy|virt_addr_valid|is_vmalloc)/)
		return "copy"
	if (f ~ /^_*(kmem|kmalloc|kfree|kzalloc|slab|alloc_page|free_page|free_one|free_unref|free_compound|folio|get_page|put_page|release_pages|clear_page|rmqueue|prep_|post_alloc|obj_cgroup|get_obj|memcg|mem_cgroup|kvfree|kvmalloc|mod_|refill_|drain_|try_charge|page_|memset|cache_|ksize|bad_page|first_zones|get_page|policy|this_cpu_cmpxchg|get_task_policy|get_random|cgroup|count_memcg|zone_|nr_free|rcu_nocb|should_fail|vma_|mm_)/)
		return "memory"
	if (f ~ /^_*(unix|skb|alloc_skb|sock_alloc_send|sock_wfree|sock_wmalloc|consume|kfree_skb|sock_rfree|scm_|maybe_|napi|pskb|build_skb|wait_for_unix|datagram)/)
		return "AF_UNIX"
	if (f ~ /^_*(pipe|anon_pipe|generic_pipe)/)
		return "pipe"
	if (f ~ /^_*(wake|try_to_wake|ttwu|default_wake|woken|autoremove|pollwake|ep_|schedule|enqueue|dequeue|pick_|put_prev|set_next|update_|select_|check_preempt|wakeup_preempt|finish_(task|wait)|prepare_to|add_wait|remove_wait|switch|place_|reweight|cpuacct|sched|task_(sched|tick|fork|rq|cpu)|resched|psi|rb_|load_|native_(sched|load)|list|activate|deactivate|newidle|entity|init_wait|avg_|perf|sock_def_readable|sock_def_write|pelt|attach_|detach_|dl_|rt_|cfs_|sugov|calc_|_cond_resched)/)
		return "schedule"
	if (f ~ /^_*(vfs|ksys|new_sync|rw_verify|fdget|fget|fput|sock|sys_|fsnotify|file|touch_atime|atime|current_time|inode|kill_fasync|mnt|generic_update|init_sync|timestamp|sockfd|move_addr|do_|d_|dput|mntput|iput|dentry|lookup|filp|close|path|filename|getname|task_work|fd_|alloc_fd|new_inode|put_|get_task_ioprio|sk_|lock_sock|release_sock|locks_|dnotify|eventpoll|evict|destroy_inode|alloc_file|alloc_inode|ktime_get_coarse)/)
		return "VFS"
	return "other"
}
FILENAME == ARGV[1] {
	nr++
	ops[nr] = $2
	title[nr] = $0
	sub(/^window [0-9]* /, "", title[nr])
	next
}
$2 == 0 {
	name = $3
	at = $1
	next
}
{
	f = $1 < "8" ? "[user]" : name
	if (!($3 in ops))
		next
	if (!(f in kind_of))
		kind_of[f] = kind(f)
	count[$3 "\t" f] += $4
	if ($1 == at)
		calls[$3 "\t" f] += $4
	kinds[$3 "\t" kind_of[f]] += $4
	total[$3] += $4
}
END {
	for (w = 1; w <= nr; w++) {
		printf "\n== %s: %.0f instructions, mean of %d\n", title[w], \
			total[w] / ops[w], ops[w]
		sorted = "sort -k 1,1nr"
		for (i in kinds) {
			split(i, part, "\t")
			if (part[1] == w)
				printf "%10.1f  all of %s\n", \
					kinds[i] / ops[w], part[2] | sorted
		}
		close(sorted)
		print ""
		sorted = "sort -k 1,1nr | head -n " top
		for (i in count) {
			split(i, part, "\t")
			if (part[1] == w && count[i] / ops[w] >= 0.1)
				printf "%10.1f %6.1f  %-9s %s\n", \
					count[i] / ops[w], calls[i] / ops[w], \
					kind_of[part[2]], part[2] | sorted
		}
		close(sorted)
	}
}' "$dir/windows" "$work/merged"
