#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the documentation site into build/docs/html, without a warning, then compiles or runs the code blocks of all pages.
# Sets up and builds what is missing first; the Python package as python/run.sh builds it.
#   docs/run.sh --no-code-blocks   the site alone
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
  local wanted=$docs/requirements.txt ready=$build/python/ready.txt
  if ! cmp -s "$wanted" "$ready"; then
    say "installing Sphinx into build/docs/python"
    mkdir -p "$build"
    python_environment "$build/python" "$wanted" "the site cannot be built without them"
    cp "$wanted" "$ready"
  fi
}

check_code_blocks=yes
for argument in "$@"; do
  case $argument in
    --no-code-blocks) check_code_blocks= ;;
    *) fail "no argument $argument; take --no-code-blocks, or none" ;;
  esac
done

foldconv_build ci ON
setup_site

# The pages run the tool, and programs on the emulator.
ci=$foldconv_root/build/ci
export PATH=$ci/bench:$PATH
export LD_LIBRARY_PATH=$ci/emulator${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export FOLDCONV_NETWORKS=${FOLDCONV_NETWORKS:-$foldconv_root/build/networks}

"$python" -m sphinx --fail-on-warning --keep-going --nitpicky --quiet -d "$build/doctrees" "$docs" "$build/html"
say "the site: build/docs/html/index.html"

[[ -n $check_code_blocks ]] || exit 0
"$foldconv_root/bench/networks/setup.sh" || say "goes on without them"
prefix=$build/prefix
cmake --install "$ci" --prefix "$prefix" >/dev/null
cmake --install "$ci" --prefix "$prefix" --component emulator >/dev/null
"$python" "$docs/code_blocks/run.py" --prefix "$prefix" --python "${FOLDCONV_DOCS_PYTHON:-$foldconv_root/build/python/venv/bin/python}" \
  --scratch "$build/scratch"
