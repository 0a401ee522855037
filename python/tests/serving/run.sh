#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Serves a network by Ray Serve, and by the model repository for Triton, with the wheel, on the emulator; all of it is
# in build/python. Arguments are pytest's, e.g. python/tests/serving/run.sh -k triton
set -euo pipefail

# shellcheck source=SCRIPTDIR/../../../bench/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../../bench/setup.sh"

folder=$foldconv_root/build/python/serving
wanted=$foldconv_root/python/tests/serving/requirements.txt
wheel=$("$foldconv_root/python/run.sh" --wheel)

if ! cmp -s "$wanted" "$folder/ready.txt"; then
  say "installing Ray into build/python/serving (500 MB)"
  python_environment "$folder" "$wanted" "serving is tested with these"
  cp "$wanted" "$folder/ready.txt"
fi
if [[ $wheel -nt $folder/wheel.txt ]]; then
  "$folder/bin/python" -m pip --disable-pip-version-check install --quiet --force-reinstall --no-deps "$wheel" >&2
  touch "$folder/wheel.txt"
fi

# Ray ends its processes when it is asked to; warnings are its own.
tests=$foldconv_root/python/tests
PYTHONPATH=$tests:$tests/serving FOLDCONV_EMULATE=1 exec timeout --kill-after=30 600 \
  "$folder/bin/python" -B -m pytest -q -p no:cacheprovider -p small_network --disable-warnings \
  "$tests/serving/ray_serving.py" "$tests/serving/triton_serving.py" "$@"
