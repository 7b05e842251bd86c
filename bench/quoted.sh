# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Sourced by scripts that hand rows' names, which have blanks, on to a shell.

# quoted WORD...: each with a blank in front of it, as a shell reads it back
quoted()
{
	for word; do
		printf " '%s'" "$(printf %s "$word" | sed "s/'/'\\\\''/g")"
	done
}
