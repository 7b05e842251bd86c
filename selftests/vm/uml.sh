#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# uml.sh KERNEL ROOT SECONDS - user-mode Linux with the directory ROOT as its root
#
# KERNEL is "uml" or another one of kernel.sh's programs.  /work, which is a shell
# script in ROOT, is run by busybox, whose commands are all in /bin, once the usual
# file systems are there; it may source /guest.sh.  What it writes goes to standard
# output.  The exit status is that of /work.
#
#   UML_MEM=512M  its memory            UML_APPEND=  more options for the kernel

set -eu
here=$(cd "$(dirname "$0")" && pwd)

die()
{
	echo "uml.sh: $*" >&2
	exit 2
}

[ $# -eq 3 ] || die "usage: uml.sh KERNEL ROOT SECONDS"
[ "$(uname -m)" = x86_64 ] || die "user-mode Linux is for x86_64 only"
command -v busybox >/dev/null || die "no busybox: run selftests/vm/packages.sh uml"
dir=$("$here/kernel.sh" "$1")
root=$(cd "$2" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/vunix-uml.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/tmp"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$here/guest.sh" "$root/"
cat >"$root/init" <<'END'
#!/bin/busybox sh
export PATH=/bin HOME=/
/bin/busybox --install -s /bin
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
busybox mount -t tmpfs tmpfs /tmp
busybox mkdir -p /dev/shm
busybox mount -t tmpfs tmpfs /dev/shm
busybox mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
. /guest.sh
log_begin
busybox sh /work
echo $? >/status
busybox poweroff -f
END
chmod +x "$root/init"
rm -f "$root/status"

# The kernel and each program in it are processes that take turns, and several
# times as fast where none has to be woken on another processor.
cpus=$(taskset -cp $$ | sed 's/.*: //; s/[,-]/ /g')
# shellcheck disable=SC2086
set -- "$3" $cpus
seconds=$1
shift $(($$ % ($# - 1) + 1))

# Its directory is the host's, so that is where status and files are left.  From
# 7.x on, programs in it need not be traced (seccomp=), which is faster.
# shellcheck disable=SC2086
taskset -c "$1" timeout -k 5 "$seconds" "$dir/image" mem="${UML_MEM:-512M}" seccomp=auto \
	uml_dir="$work/" umid=vunix root=/dev/root rootfstype=hostfs \
	rootflags="$root" rw init=/init con0=null,fd:1 con=null quiet \
	panic=-1 oops=panic ${UML_APPEND:-} </dev/null 2>"$work/host" |
	sed -u 's/\r$//; /^reboot: /d'
[ -s "$root/status" ] || {
	cat "$work/host" >&2
	die "it did not come to an end"
}
exit "$(cat "$root/status")"
