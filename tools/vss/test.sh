#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# test.sh [KERNEL] - builds vss and looks whether it tells the truth: of a kernel
# that is not there (answers no real one can be made to give), of this machine's
# AF_UNIX beside ss -x, and of vunix in a virtual machine.
#
# Kernels: 6.1 (default) 6.12 7.x debug: those that run this machine's programs.

set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$(dirname "$here")")
kernel=${1:-6.1}
vm=$top/selftests/vm

"$vm/packages.sh" vss
work=$(mktemp -d "${TMPDIR:-/var/tmp}/vunix-vss.XXXXXX")
trap 'rm -rf "$work"' EXIT
# For who has no rights, too
chmod 755 "$work"
trap 'exit 130' HUP INT TERM

# A build of our own, so that nobody's is in the way
cp "$here"/*.[ch] "$here/Makefile" "$work/"
make -s --no-print-directory -C "$work" top="$top" WERROR=-Werror
gcc -O2 -Wall -Wextra -Werror -o "$work/test-sockets" "$work/test-sockets.c"
gcc -O2 -Wall -Wextra -Werror -shared -fPIC -o "$work/test-kernel.so" \
	"$work/test-kernel.c" -lmnl
echo "  ok - everything builds without a warning"
# What it says of this machine's other pages is not ours
mandoc -T lint "$top/docs/man/vss.8" 2>&1 |
	grep -vE 'outdated mandoc.db|referenced manual not found' >"$work/lint" || :
if [ -s "$work/lint" ]; then
	cat "$work/lint"
	exit 1
fi
echo "  ok - mandoc -T lint"
bash -n "$here/vss.bash-completion"
bash "$here/test-completion" "$here/vss.bash-completion"

"$here/test.py" "$work" fake
"$here/test.py" "$work" unix
: "${VM_TIMEOUT:=600}" "${VM_RESULTS:=$work/vm}"
export VM_TIMEOUT VM_RESULTS
# There, names are on a file system that shows the numbers it has
"$vm/run.sh" -c "TMPDIR=/run exec '$here/test.py' '$work' vunix" "$kernel"
