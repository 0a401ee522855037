#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/charts/run.sh RESULT.json OUTDIR: draws the charts of a result file, with matplotlib in
# build/charts. Arguments are draw.py's.
set -euo pipefail

# shellcheck source=SCRIPTDIR/../setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

setup_charts
exec "$foldconv_root/build/charts/bin/python" "$foldconv_root/bench/charts/draw.py" "$@"
