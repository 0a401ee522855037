#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the speed table, bench/results/speed, anew, of the machine code of the kernels that tests/run.sh built.
#
#   bench/speed/run.sh                     takes minutes
#   bench/speed/run.sh --check             changes nothing; exit code 1 where a kernel is more than 3 % worse than in the table
#   bench/speed/run.sh --build FOLDER ...  of another build than build/ci
#   bench/speed/run.sh --results FOLDER ...
#
# Where the toolkit beside nvcc has no cuobjdump and nvdisasm, it fetches them as Python wheels (6 MB).
set -euo pipefail

# shellcheck source=SCRIPTDIR/../setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

help_if_asked "$@"
check_options "--check --build --results" "$@"
setup_cuda
setup_disassembler
exec python3 -B "$foldconv_root/bench/speed/speed.py" "$@"
