#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the documentation site into build/docs/html, without a warning, then compiles or runs the code blocks of all pages,
# on the emulator. Sets up and builds what is missing first; the Python package as python/run.sh builds it.
#
#   docs/run.sh --no-code-blocks   the site alone
#
# The first run downloads 50 MB of wheels, and what python/run.sh does.
set -euo pipefail

# shellcheck source=SCRIPTDIR/../bench/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../bench/setup.sh"

docs=$foldconv_root/docs
build=$foldconv_root/build/docs
python=$build/python/bin/python

# Doxygen reads the headers, pkg-config says how programs are compiled.
setup_site() {
  local missing=()
  command -v doxygen >/dev/null || missing+=(doxygen)
  command -v pkg-config >/dev/null || missing+=(pkg-config)
  install_packages "${missing[@]}"
  python_environment "$build/python" "$docs/requirements.txt" Sphinx "the site cannot be built without it"
}

help_if_asked "$@"
check_code_blocks=yes
for argument in "$@"; do
  case $argument in
    --no-code-blocks) check_code_blocks= ;;
    *)
      say "no argument $argument; take --no-code-blocks, or none"
      exit 2
      ;;
  esac
done

make_folder "$build"
# Not worth failing for where there is no network.
if ! (setup_site); then
  say "no Doxygen or no Sphinx: the site is not built, code blocks are not run"
  exit
fi
# Builds the library, too, and installs it for the wheel.
wheel=$("$foldconv_root/python/run.sh" --wheel)
prefix=$foldconv_root/build/python/prefix
# The package foldconv, of which the pages and their blocks are.
install_wheel "$build/python" "$wheel"

# The pages run the tool, and programs on the emulator.
ci=$foldconv_root/build/ci
export PATH=$ci/bench:$PATH
export LD_LIBRARY_PATH=$ci/emulator${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export FOLDCONV_NETWORKS=${FOLDCONV_NETWORKS:-$foldconv_root/build/networks}

build_site() {
  "$python" -m sphinx --fail-on-warning --keep-going --nitpicky --quiet --fresh-env -d "$build/doctrees" "$docs" "$build/html" ||
    fail "the site was not built"
  say "the site: build/docs/html/index.html"
}

if [[ -z $check_code_blocks ]]; then
  build_site
  exit
fi
"$foldconv_root/bench/networks/setup.sh" || say "code blocks that need them are named, and not run"
# Beside the code blocks: each keeps one core busy.
build_site &
site=$!
status=0
pythons=(--python "$python")
# Where python/run.sh --torch has put PyTorch; without it pages about it are parsed only.
torch=$foldconv_root/build/python/torch
if [[ -f $torch/ready.txt ]]; then
  install_wheel "$torch" "$wheel"
  pythons+=(--python "$torch/bin/python")
fi
"$python" "$docs/code_blocks/run.py" --prefix "$prefix" "${pythons[@]}" --scratch "$build/scratch of blocks" || status=$?
wait "$site" || status=$?
exit "$status"
