#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Benches each network that has a name, and writes its result to FOLDER and the tables of all to README.md.
#
#   bench/charts/networks.sh [FOLDER [ARGUMENTS]]
#
# FOLDER: bench/results/emulated-h100/networks if not given. ARGUMENTS: those of foldconv bench, else --mb 1,8,32 --model h100.
set -euo pipefail

# shellcheck source=SCRIPTDIR/../setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

help_if_asked "$@"
[[ ${1:-} != -* ]] || fail "$1 is no folder; see $0 --help"
root=$foldconv_root
folder=${1:-$root/bench/results/emulated-h100/networks}
arguments=("${@:2}")
if [[ ${#arguments[@]} -eq 0 ]]; then
  arguments=(--mb "1,8,32" --model h100)
fi
mkdir -p "$folder"

results=()
for network in resnet50 resnext50_32x4d mobilenet_v2 efficientnet_lite0 densenet121 yolov8n; do
  size=224x224
  if [[ $network == yolov8n ]]; then
    size=640x640
  fi
  "$root/bench/run.sh" bench --network "$network" --size "$size" "${arguments[@]}" --format json >"$folder/$network.json.part"
  mv "$folder/$network.json.part" "$folder/$network.json"
  results+=("$folder/$network.json")
done
exec "$root/bench/charts/network_readme.py" "${results[@]}" "$root/README.md"
