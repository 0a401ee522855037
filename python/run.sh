#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the Python wheel around the library of build/ci, installs it in a virtual environment of its own, and runs its
# tests there, on the emulator. All of it is in build/python; what has not changed is not made again. Arguments are
# pytest's, e.g. python/run.sh -k dlpack
#
#   python/run.sh --setup    the environments of the wheel and of its tests alone
#   python/run.sh --wheel    the wheel alone; prints its path
#   python/run.sh --torch    the tests of foldconv.torch instead, with PyTorch (4 GB) in build/python/torch
#
# The first run downloads 65 MB of wheels and builds as tests/run.sh does.
set -euo pipefail

# shellcheck source=SCRIPTDIR/../bench/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../bench/setup.sh"

help_if_asked "$@"

work=$foldconv_root/build/python
prefix=$work/prefix
tools=$work/tools
tests=$work/tests
torch=$work/torch

# Python's headers, for the extension module.
setup_python() {
  command -v python3 >/dev/null || install_packages python3 python3-venv
  python3 -c 'import pathlib, sysconfig, sys
sys.exit(not (pathlib.Path(sysconfig.get_path("include")) / "Python.h").is_file())' ||
    install_packages python3-dev
}

setup_tools() {
  setup_python
  python_environment "$tools" "$foldconv_root/python/requirements.txt" "scikit-build-core, nanobind and CMake" \
    "the wheel is built with these"
}

setup_tests() {
  python_environment "$tests" "$foldconv_root/python/tests/requirements.txt" "what the wheel's tests need" \
    "the tests import these"
}

# What the wheel is made of; another one, and it is built anew.
wheel_stamp() {
  (cd "$foldconv_root" &&
    python3 --version &&
    find python/src python/foldconv python/CMakeLists.txt python/requirements.txt pyproject.toml README.md LICENSE \
      include build/python/prefix/lib* -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum)
}

build_wheel() {
  local emulate=ON log=$work/wheel.log
  ! has_gpu || emulate=OFF
  foldconv_build ci "$emulate"
  mkdir -p "$work"
  cmake --install "$foldconv_root/build/ci" --prefix "$prefix" >"$work/install.log"
  cmake --install "$foldconv_root/build/ci" --prefix "$prefix" --component emulator >>"$work/install.log"

  local stamp
  stamp=$(wheel_stamp)
  [[ $stamp != "$(cat "$work/wheel.txt" 2>/dev/null)" ]] || return 0
  say "building the wheel"
  rm -rf "$work/wheel"
  CMAKE_PREFIX_PATH=$prefix PATH=$tools/bin:$PATH "$tools/bin/python" -m pip --disable-pip-version-check wheel \
    --no-build-isolation --no-deps -C cmake.define.FOLDCONV_WERROR=ON \
    --wheel-dir "$work/wheel" -C "build-dir=$work/build" "$foldconv_root" >"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    fail "the wheel was not built: all words are in ${log#"$foldconv_root/"}"
  }
  echo "$stamp" >"$work/wheel.txt"
}

# PyTorch without what it does not need here.
setup_torch() {
  PIP_NO_DEPS=1 python_environment "$torch" "$foldconv_root/python/tests/torch/requirements.txt" "PyTorch (4 GB)" \
    "python/run.sh needs no PyTorch without --torch"
}

# What cannot be had, and what is mistyped, is said before minutes of building.
make_folder "$work"
setup_tools
case ${1:-} in
  --setup)
    setup_tests
    exit
    ;;
  --wheel)
    build_wheel
    compgen -G "$work/wheel/*.whl"
    exit
    ;;
  --torch)
    shift
    # Not worth failing for where there is no network, or no room.
    if ! (setup_torch); then
      say "no PyTorch: tests of foldconv.torch are skipped"
      exit
    fi
    check_options "$("$torch/bin/python" -m pytest --help)" "$@"
    build_wheel
    install_wheel "$torch" "$work"/wheel/*.whl
    cd "$foldconv_root"
    FOLDCONV_EMULATE=1 exec "$torch/bin/python" -B -m pytest -q -rs -p no:cacheprovider \
      "$foldconv_root/python/tests/torch" "$@"
    ;;
esac
setup_tests
[[ $# -eq 0 ]] || check_options "$("$tests/bin/python" -m pytest --help)" "$@"
build_wheel
install_wheel "$tests" "$work"/wheel/*.whl
"$foldconv_root/bench/networks/setup.sh" || say "tests of trained networks are skipped"
cd "$foldconv_root"
FOLDCONV_EMULATE=1 exec "$tests/bin/python" -B -m pytest -q -rs -p no:cacheprovider "$foldconv_root/python/tests" "$@"
