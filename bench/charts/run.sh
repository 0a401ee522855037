#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Draws the charts of a result file, with matplotlib in build/charts, which it installs (40 MB).
#
#   bench/charts/run.sh RESULT.json OUTDIR
#   bench/charts/run.sh --check RESULT.json   prints what would be drawn
set -euo pipefail

# shellcheck source=SCRIPTDIR/../setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

help_if_asked "$@"
check_options --check "$@"
[[ $# -eq 2 ]] || fail "it takes two arguments; see $0 --help"
setup_charts
exec "$foldconv_root/build/charts/bin/python" "$foldconv_root/bench/charts/draw.py" "$@"
