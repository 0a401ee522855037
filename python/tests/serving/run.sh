#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Serves a network by Ray Serve, and by Triton from the example's model repository, with the wheel, on the emulator; all
# of it is in build/python. Arguments are pytest's, e.g. python/tests/serving/run.sh -k server
set -euo pipefail

# shellcheck source=SCRIPTDIR/../../../bench/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../../bench/setup.sh"

tests=$foldconv_root/python/tests
work=$foldconv_root/build/python
wheel=$("$foldconv_root/python/run.sh" --wheel)

# environment NAME REQUIREMENTS WHAT: build/python/NAME with these and the wheel.
environment() {
  local folder=$work/$1 wanted=$tests/serving/$2 what=$3
  if ! cmp -s "$wanted" "$folder/ready.txt"; then
    say "installing $what into build/python/$1"
    python_environment "$folder" "$wanted" "serving is tested with it"
    cp "$wanted" "$folder/ready.txt"
  fi
  if [[ $wheel -nt $folder/wheel.txt ]]; then
    "$folder/bin/python" -m pip --disable-pip-version-check install --quiet --force-reinstall --no-deps "$wheel" >&2 || return
    touch "$folder/wheel.txt"
  fi
}

# Says why where there is none.
setup_triton() {
  if ! python3 -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then
    say "goes on without a Triton server: the NumPy 1 that it knows is for Python 3.12 and before"
    return
  fi
  if ! (environment triton triton-requirements.txt "a Triton server (400 MB)"); then
    say "goes on without a Triton server"
    return
  fi
  local python=$work/triton/bin/python libraries
  libraries=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
  if ! LD_LIBRARY_PATH=$libraries "$python" -c \
    'import ctypes, sys; ctypes.CDLL("libpython%d.%d.so.1.0" % sys.version_info[:2])' 2>/dev/null; then
    say "goes on without a Triton server: it runs Python out of libpython3.so, which is not here"
    return
  fi
  export FOLDCONV_TRITON_PYTHON=$python
}

environment serving requirements.txt "Ray (500 MB)"
setup_triton

# Ray ends its processes when it is asked to; warnings are its own.
PYTHONPATH=$tests:$tests/serving FOLDCONV_EMULATE=1 exec timeout --kill-after=30 600 \
  "$work/serving/bin/python" -B -m pytest -q -rs -p no:cacheprovider -p small_network --disable-warnings \
  "$tests/serving/ray_serving.py" "$tests/serving/triton_serving.py" "$@"
