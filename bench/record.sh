#!/usr/bin/env bash
# Records what one GPU has to say: tests, probes, sanitizer, cuDNN, benchmark. In under nine minutes,
# on a machine that has a driver and perhaps no build tools, no network and no root.
#
#   bench/record.sh OUT             runs the parts and leaves logs, JSON and golden files in OUT
#   bench/record.sh --bin DIR OUT   with binaries from DIR instead of build/release
#   bench/record.sh --pack DIR      copies what another machine needs from build/release into DIR (built before by
#                                   cmake --preset release && cmake --build --preset release)
#   bench/record.sh --dry-run OUT   a little of every part on the emulator, with the binaries of build/ci
#
# Each part has a time limit of its own, so that a late one never costs an earlier result. OUT/summary.txt has a
# line for each. libcudart, cuDNN and cuBLASLt are looked for in DIR, LD_LIBRARY_PATH and Python's packages.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/build/release
dry_run=no
part=
out=

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2
  exit 2
}

# The programs of a build folder or of a packed one, wherever they lie in it.
program() {
  local path
  for path in "$bin/$1" "$bin"/*/"$1" "$bin"/*/*/"$1" "$bin"/*/*/*/"$1"; do
    if [[ -f $path && -x $path ]]; then
      echo "$path"
      return
    fi
  done
  echo "record.sh: there is no $1 in $bin; build the release preset, or name the folder by --bin" >&2
  return 1
}

pack() {
  local to=$1 name library
  mkdir -p "$to/emulator"
  for name in foldconv foldconv_tests cuemu_tests foldconv_probe; do
    cp "$(program "$name")" "$to/"
    strip "$to/$name"
  done
  library=$(ldconfig -p | sed -n 's/.*libcudart\.so\.13 .*=> //p' | head -n 1)
  : "${library:=$(ldd "$to/foldconv" | sed -n 's/.*libcudart\.so\.13 => \([^ ]*\).*/\1/p')}"
  cp -L "$library" "$to/libcudart.so.13"
  cp -L "$bin/emulator/libcudart.so.13" "$to/emulator/"
  cp -r "$root/bench/shapes" "$to/"
  du -sh "$to"
}

# Folders of CUDA's libraries that come with Python packages.
python_libraries() {
  command -v python3 >/dev/null || return 0
  python3 - <<'PYTHON'
import glob, site, sys
folders = set(site.getsitepackages() + sys.path)
print(":".join(sorted(f for folder in folders if folder for f in glob.glob(folder + "/nvidia/*/lib"))))
PYTHON
}

# "77" is a part's way to say that it was skipped; its last line says why.
skip() {
  echo "$*"
  exit 77
}

# Several processes, because the fp64 oracle runs on the CPU.
run_tests() {
  # What cuDNN says is the part cudnn's.
  local tests filter='*-CudnnWitness.*' shards=6 shard failed=0 pids=()
  tests=$(program foldconv_tests)
  mkdir -p "$out/tests"
  if [[ $dry_run == yes ]]; then
    filter='*/BlockJoined.*f16:*/BlockTails.*f16'
    shards=1
  fi
  for ((shard = 0; shard < shards; ++shard)); do
    GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=$shard "$tests" --gtest_brief=1 --gtest_filter="$filter" \
      --gtest_output="json:$out/tests/foldconv_$shard.json" &
    pids+=($!)
  done
  for shard in "${pids[@]}"; do wait "$shard" || failed=1; done
  if [[ $dry_run == no ]]; then
    "$(program cuemu_tests)" --gtest_brief=1 --gtest_output="json:$out/tests/emulator.json" || failed=1
  fi
  return "$failed"
}

# The same probes on the emulator and on the device, and what differs; then golden files of the device.
run_probes() {
  local probe failed=0
  probe=$(program foldconv_probe)
  mkdir -p "$out/probes"
  "$probe" --quiet --out "$out/probes/device.json" || failed=1
  LD_LIBRARY_PATH=$bin/emulator CUEMU_ARCH=90 "$probe" --quiet --out "$out/probes/emulator.json" || failed=1
  "$probe" --compare "$out/probes/emulator.json" "$out/probes/device.json" || failed=1
  "$probe" --from "$out/probes/device.json" --golden "$out/golden" --check || failed=1
  return "$failed"
}

run_sanitizer() {
  local sanitizer tests tool failed=0
  sanitizer=$(command -v compute-sanitizer || true)
  [[ -n $sanitizer ]] || skip "no compute-sanitizer on this machine"
  [[ $dry_run == no ]] || skip "it needs a GPU"
  tests=$(program foldconv_tests)
  for tool in memcheck racecheck synccheck initcheck; do
    echo "== $tool"
    timeout -k 5 19 "$sanitizer" --tool "$tool" --error-exitcode 1 "$tests" --gtest_brief=1 \
      --gtest_filter='*/BlockTails.*/projection_v1_5_f16:*/BlockTails.*/tails_everywhere_f16:*/BlockWhole.*/tails_projection_f16:*/BlockWhole.*/less_than_a_tile_f16:*/BlockJoined.*/odd_widths_f16:ConvTileEdges/*KBlocks*f16_64x64*' ||
      failed=1
  done
  return "$failed"
}

# A file that the time limit cuts short keeps its rows (see results/README.md).
bench_list() {
  local limit=$1 file=$2 status=0
  shift 2
  timeout -k 5 "$limit" "$(program foldconv)" bench --format json "$@" >"$out/bench/$file.json" || status=$?
  [[ $status != 124 ]] || echo "$file.json was cut short after $limit s"
  [[ $status == 0 || $status == 124 ]]
}

# Few engines: cuDNN compiles each fused kernel for half a second or more.
run_cudnn() {
  [[ $dry_run == no ]] || skip "it needs a GPU"
  local failed=0
  mkdir -p "$out/bench"
  bench_list 70 cudnn --block 'mb32_ih56_ic256mid64oc256n"stage2.identity"' \
    --block 'mb32_ih56_ic64mid64oc256n"stage2.first"' --batch resnet50_blocks \
    --impl planned,chain,cudnn,cudnn-unfused --cudnn-engines 3 --seconds 0.3 || failed=1
  "$(program foldconv)" record-cudnn --out "$out/golden/cudnn" || failed=1
  FOLDCONV_GOLDEN_FOLDER=$out/golden "$(program foldconv_tests)" --gtest_brief=1 --gtest_filter='CudnnGoldens.*' ||
    failed=1
  return "$failed"
}

run_bench() {
  local failed=0 sizes=(--mb "32,1,128,8" --seconds 0.3)
  mkdir -p "$out/bench"
  if [[ $dry_run == yes ]]; then
    bench_list 60 dry_run --model h100 --block mb1_ih9_ic64mid64oc64_x2 mb1_ic64oc64_ih9kh3ph1
    return
  fi
  # cuDNN has a part of its own: compiling its kernels for all of these would take too long.
  sizes+=(--impl "fused,chain,unfused,planned,whole,tails,separate")
  bench_list 75 blocks --batch resnet50_blocks --batch resnet50_stages "${sizes[@]}" || failed=1
  bench_list 50 layers --batch resnet50 "${sizes[@]}" || failed=1
  return "$failed"
}

run_part() {
  local name=$1 limit=$2 started=$SECONDS status=0 result
  local arguments=(--bin "$bin" --part "$name")
  [[ $dry_run == no ]] || arguments+=(--dry-run)
  timeout -k 5 "$limit" "$0" "${arguments[@]}" "$out" >"$out/logs/$name.log" 2>&1 || status=$?
  case $status in
    0) result=ok ;;
    77) result="skipped: $(tail -n 1 "$out/logs/$name.log")" ;;
    124 | 137) result="time limit of $limit s; what was finished is kept" ;;
    *) result="FAILED ($status), see logs/$name.log" ;;
  esac
  printf '%-10s %4d s  %s\n' "$name" $((SECONDS - started)) "$result" | tee -a "$out/summary.txt"
  [[ $status == 0 || $status == 77 ]]
}

while [[ $# -gt 0 ]]; do
  case $1 in
    --bin) bin=$(cd "$2" && pwd) && shift ;;
    --pack) pack "$2" && exit ;;
    --dry-run) dry_run=yes ;;
    --part) part=$2 && shift ;;
    -*) usage ;;
    *) out=$1 ;;
  esac
  shift
done
[[ -n $out ]] || usage
mkdir -p "$out/logs"
out=$(cd "$out" && pwd)

case $part in
  "") ;;
  tests) run_tests ;;
  probes) run_probes ;;
  sanitizer) run_sanitizer ;;
  cudnn) run_cudnn ;;
  bench) run_bench ;;
  *) usage ;;
esac
[[ -z $part ]] || exit 0

if [[ $dry_run == yes ]]; then
  [[ $bin != "$root/build/release" ]] || bin=$root/build/ci
  export LD_LIBRARY_PATH=$bin/emulator
else
  libraries=$(python_libraries)
  export LD_LIBRARY_PATH=$bin${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}${libraries:+:$libraries}
  nvidia-smi >"$out/logs/gpu.log" 2>&1 || true
fi
export FOLDCONV_GOLDEN_FOLDER=$root/tests/golden

: >"$out/summary.txt"
failed=0
run_part tests 90 || failed=1
run_part probes 100 || failed=1
run_part sanitizer 80 || failed=1
run_part cudnn 135 || failed=1
run_part bench 130 || failed=1
exit "$failed"
