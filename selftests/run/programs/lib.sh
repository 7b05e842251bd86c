# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the scripts in this folder, each of which runs a real program in the
# machine, under one way of vunix-run: lib.sh's caller gets WAY as $1.
#
# Every step must hold; the first that does not ends the script.

set -u
way=$1
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
dir=$(mktemp -d)
chmod 755 "$dir"
cd "$dir" || exit 1
# Where every user may run it
mkdir bin
cp "$top/tools/vunix-run" "$top/tools/vunix-preload.so" bin
run=$dir/bin/vunix-run
children=
# Debian's redis-server is this program by another name, and no service with it.
ln -s /usr/bin/redis-check-rdb bin/redis-server
PATH=$dir/bin:$PATH

fail()
{
	echo "  not ok - $*"
	tail -n 20 ./*.err ./*.out 2>/dev/null | cut -c 1-200 | cat -v |
		sed 's/^/  | /'
	cat /proc/net/vunix /proc/net/unix | sed 's/^/  | /'
	exit 1
}

ok()
{
	echo "  ok - $*"
}

# must TEXT COMMAND...
must()
{
	local text=$1

	shift
	"$@" || fail "$text"
	ok "$text"
}

# until_true TEXT COMMAND...: within a minute
until_true()
{
	local text=$1

	shift
	for _ in $(seq 600); do
		if "$@"; then
			ok "$text"
			return
		fi
		sleep 0.1
	done
	fail "$text"
}

# The inodes of a family, one a line.
inodes_of()
{
	awk 'NR > 1 { print $7 }' "/proc/net/$1"
}

# bound_on FAMILY NAME: is there a socket with that name?
bound_on()
{
	awk -v name="$2" 'NR > 1 && $8 == name { found = 1 }
			  END { exit !found }' "/proc/net/$1"
}

bound()
{
	bound_on vunix "$1" && ! bound_on unix "$1"
}

# has_on FAMILY PID: how many sockets of that family the process has
has_on()
{
	find "/proc/$2/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null |
		tr -dc '0-9\n' | sort -u >"$dir/.has"
	inodes_of "$1" | sort -u | comm -12 - "$dir/.has" | wc -l
}

# only_vunix PID: local sockets of vunix, and no others
only_vunix()
{
	[ "$(has_on vunix "$1")" -gt 0 ] && [ "$(has_on unix "$1")" = 0 ]
}

# vrun NAME COMMAND...: run it, with NAME.out and NAME.err
vrun()
{
	local name=$1

	shift
	"$run" --verbose "--$way" "$@" >"$name.out" 2>"$name.err"
}

# start NAME COMMAND...: the same in the background; its process is $started
start()
{
	local name=$1

	shift
	"$run" --verbose "--$way" "$@" >"$name.out" 2>"$name.err" </dev/null &
	started=$!
	children="$children $started"
}

counted()
{
	grep -q 'vunix-run: .*: [1-9][0-9]* sockets on vunix, 0 left on AF_UNIX, 0 replaced' \
		"$1.err"
}

# count_of NAME: what vunix-run has counted is above zero, and all on vunix
count_of()
{
	until_true "vunix-run has counted $1's sockets" counted "$1"
	sed -n 's/^vunix-run: /  #  /p' "$1.err" | tail -n 1
}

clean_up()
{
	local pid

	for pid in $children; do
		kill "$pid" 2>/dev/null
	done
	wait
	rm -rf "$dir"
}
trap clean_up EXIT
