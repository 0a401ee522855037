#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Serves a network by Ray Serve, and by Triton from the example's model repository, with the wheel, on the emulator; all
# of it is in build/python. Arguments are pytest's, e.g. python/tests/serving/run.sh -k server
set -euo pipefail

# shellcheck source=SCRIPTDIR/../../../bench/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../../bench/setup.sh"

help_if_asked "$@"

tests=$foldconv_root/python/tests
work=$foldconv_root/build/python
wheel=$("$foldconv_root/python/run.sh" --wheel)

# Says why where there is none.
setup_triton() {
  if ! python3 -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then
    say "goes on without a Triton server: the NumPy 1 that it knows is for Python 3.12 and before"
    return
  fi
  if ! (python_environment "$work/triton" "$tests/serving/triton-requirements.txt" "a Triton server (400 MB)" \
    "serving is tested with it"); then
    say "goes on without a Triton server"
    return
  fi
  install_wheel "$work/triton" "$wheel"
  local python=$work/triton/bin/python libraries
  libraries=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
  if ! LD_LIBRARY_PATH=$libraries "$python" -c \
    'import ctypes, sys; ctypes.CDLL("libpython%d.%d.so.1.0" % sys.version_info[:2])' 2>/dev/null; then
    say "goes on without a Triton server: it runs Python out of libpython3.so, which is not here"
    return
  fi
  export FOLDCONV_TRITON_PYTHON=$python
}

# Not worth failing for where there is no network, or no room.
if ! (python_environment "$work/serving" "$tests/serving/requirements.txt" "Ray (500 MB)" "serving is tested with it"); then
  say "no Ray: tests of serving are skipped"
  exit
fi
install_wheel "$work/serving" "$wheel"
setup_triton

# Ray ends its processes when it is asked to; warnings are its own.
PYTHONPATH=$tests:$tests/serving FOLDCONV_EMULATE=1 exec timeout --kill-after=30 600 \
  "$work/serving/bin/python" -B -m pytest -q -rs -p no:cacheprovider -p small_network --disable-warnings \
  "$tests/serving/ray_serving.py" "$tests/serving/triton_serving.py" "$@"
