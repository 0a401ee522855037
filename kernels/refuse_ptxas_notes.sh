#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a compiler. Fails where ptxas notes that it serialised or fenced wgmmas, or ignored setmaxnreg: (C7507),
# (C7510), (C7514) and their like are no warnings, so that -Werror lets them pass.
output=$("$@" 2>&1)
status=$?
[ -z "$output" ] || printf '%s\n' "$output" >&2
case $output in
  *'(C75'*) exit 1 ;;
esac
exit $status
