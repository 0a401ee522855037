#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/speed/run.sh [--check]: the speed table, bench/results/speed, of the kernels that tests/run.sh built. Arguments
# are speed.py's.
set -euo pipefail

# shellcheck source=SCRIPTDIR/../setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

setup_cuda
setup_disassembler
exec python3 -B "$foldconv_root/bench/speed/speed.py" "$@"
