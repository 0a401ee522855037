# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # record.sh sets out, work, bin and dry_run
# Sourced by record.sh: what each part does. A part's output is its log; result files go to $out, the rest to $work.

# The tool's words for its ways.
planned=planned,chain # of a layer the same kernel
ours=planned,whole,tails,chain
separate=separate
cudnn=cudnn,cudnn-separate

# "77" is a part's way to say that it was skipped; its last line says why.
skip() {
  echo "$*"
  exit 77
}

needs_gpu() {
  [[ $dry_run == no ]] || skip "it needs a GPU"
}

# Every pattern of a filter selects a test: one that selects none would pass.
check_filter() {
  local tests=$1 patterns pattern listed
  IFS=: read -r -a patterns <<<"${2%%-*}"
  for pattern in "${patterns[@]}"; do
    listed=$("$tests" --gtest_list_tests --gtest_filter="$pattern")
    if ! grep -q '^  ' <<<"$listed"; then
      echo "the filter $pattern selects no test"
      return 1
    fi
  done
}

# bench_list LIMIT FILE ARGUMENTS...: a file that the limit cuts short keeps its rows (see results/README.md).
bench_list() {
  local limit=$1 file=$2 status=0
  shift 2
  timeout --foreground -k 2 "$limit" "$(program foldconv)" bench --format json "$@" >"$file" || status=$?
  [[ $status != 124 ]] || echo "$(basename "$file") was cut short after $limit s"
  [[ $status == 0 || $status == 124 ]]
}

# The result files of several runs as one: the header of the first that has one, and the rows of all.
join_results() {
  sed -n '/^{"header"/{p;q;}' "$@"
  echo '"rows": ['
  cat "$@" | sed -n 's/^\({"name".*}\),\{0,1\}$/\1/p' | sed '$!s/$/,/'
  echo '],'
  echo '"summary": {}}'
}

# Three layers (a 1x1, a 3x3, a stem), two blocks.
smoke_problems=(mb2_ic64oc256_ih14kh1 mb2_ic64oc64_ih14kh3ph1 mb2_ic3oc64_ih30kh7sh2ph3
  --block mb2_ih14_ic256mid64oc256 --block mb2_ih14_ic256mid128oc512_s2x2)
smoke_graph=(bench --format json --impl cudnn --cudnn-engines 1 --seconds 0.05 mb2_ic64oc64_ih14kh3ph1)

# cuDNN's graph is no reason to stop: its parts are left out where it fails.
try_cudnn() {
  local status=0
  timeout --foreground -k 2 8 "$(program foldconv)" "${smoke_graph[@]}" >"$work/cudnn_smoke.json" || status=$?
  if [[ $status != 0 ]] || ! grep -q '"right": *true' "$work/cudnn_smoke.json"; then
    echo "cuDNN's graph of a small layer failed ($status): no part with cuDNN will run" | tee "$work/no_cudnn"
    cat "$work/cudnn_smoke.json"
  fi
}

run_smoke() {
  "$(program foldconv)" validate "${smoke_problems[@]}"
  [[ $dry_run == no ]] || return 0
  try_cudnn
}

run_memcheck() {
  local sanitizer
  needs_gpu
  sanitizer=$(command -v compute-sanitizer) || skip "no compute-sanitizer on this machine"
  "$sanitizer" --tool memcheck --error-exitcode 1 "$(program foldconv)" validate "${smoke_problems[@]}"
}

needs_cudnn() {
  needs_gpu
  [[ ! -e $work/no_cudnn ]] || skip "$(cat "$work/no_cudnn")"
}

bench_stages() {
  local limit=$1 file=$2 batches=$3 ways=$4
  if [[ $dry_run == yes ]]; then
    bench_list "$limit" "$file" --model h100 --impl "$ways" --block mb1_ih9_ic64mid64oc64_x2
    return
  fi
  bench_list "$limit" "$file" --batch resnet50_stages --mb "$batches" --seconds 0.3 --impl "$ways"
}

run_stages() {
  bench_stages 80 "$out/stages.json" 32,1 "$ours,$separate"
}

# Without separate kernels: they would take most of the time.
run_stages_128() {
  bench_stages 50 "$out/stages_128.json" 128 "$ours"
}

run_layers() {
  if [[ $dry_run == yes ]]; then
    bench_list 50 "$out/layers.json" --model h100 --impl "$planned" mb1_ic64oc64_ih9kh3ph1
    return
  fi
  bench_list 50 "$out/layers.json" --batch resnet50 --mb 32,128 --seconds 0.2 --impl "$planned"
}

# A process for each block, because an engine that faults spoils its process. Few engines: cuDNN compiles each
# fused kernel for half a second or more.
run_cudnn() {
  needs_cudnn
  local block failed=0 files=()
  mkdir -p "$work/cudnn"
  for block in '56_ic256mid64oc256n"stage2.identity"' '56_ic64mid64oc256n"stage2.first"' \
    '28_ic512mid128oc512n"stage3.identity"' '14_ic1024mid256oc1024n"stage4.identity"' \
    '7_ic2048mid512oc2048n"stage5.identity"' '56_ic256mid128oc512_s2n"stage3.first"' \
    '28_ic512mid256oc1024_s2n"stage4.first"' '14_ic1024mid512oc2048_s2n"stage5.first"'; do
    files+=("$work/cudnn/${#files[@]}.json")
    bench_list 20 "${files[-1]}" --block "mb32_ih$block" --impl "$planned,$cudnn" --cudnn-engines 3 \
      --seconds 0.3 || failed=1
    join_results "${files[@]}" >"$out/cudnn.json"
  done
  return "$failed"
}

run_record_cudnn() {
  needs_cudnn
  local tests filter='CudnnGoldens.*'
  tests=$(program foldconv_tests)
  check_filter "$tests" "$filter"
  "$(program foldconv)" record-cudnn --out "$work/golden/cudnn"
  FOLDCONV_GOLDEN_FOLDER=$work/golden "$tests" --gtest_brief=1 --gtest_filter="$filter"
}

# run_in_shards PROGRAM FILTER SHARDS: several processes, because the fp64 oracle runs on the CPU.
run_in_shards() {
  local tests filter=$2 shards=$3 shard failed=0 pids=()
  tests=$(program "$1")
  mkdir -p "$work/tests"
  check_filter "$tests" "$filter"
  for ((shard = 0; shard < shards; ++shard)); do
    GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=$shard "$tests" --gtest_brief=1 --gtest_filter="$filter" \
      --gtest_output="json:$work/tests/$1_$shard.json" &
    pids+=($!)
  done
  for shard in "${pids[@]}"; do wait "$shard" || failed=1; done
  return "$failed"
}

test_shards() {
  local shards
  shards=$(nproc)
  echo $((shards < 12 ? shards : 12))
}

run_tests() {
  local emulator_tests failed=0
  if [[ $dry_run == yes ]]; then
    run_in_shards foldconv_tests '*/BlockJoined.*one_pixel_f16:*/BlockTails.*one_pixel_f16' 1
    return
  fi
  run_in_shards foldconv_tests '*' "$(test_shards)" || failed=1
  emulator_tests=$(program cuemu_tests)
  "$emulator_tests" --gtest_brief=1 --gtest_output="json:$work/tests/emulator.json" || failed=1
  return "$failed"
}

# The same probes on the emulator and on the device, and what differs; then golden files of the device.
run_probes() {
  local probe failed=0
  probe=$(program foldconv_probe)
  mkdir -p "$work/probes"
  "$probe" --quiet --out "$work/probes/device.json" || failed=1
  LD_LIBRARY_PATH=$bin/emulator CUEMU_ARCH=90 "$probe" --quiet --out "$work/probes/emulator.json" || failed=1
  "$probe" --compare "$work/probes/emulator.json" "$work/probes/device.json" || failed=1
  "$probe" --from "$work/probes/device.json" --golden "$work/golden" --check || failed=1
  return "$failed"
}

sanitizer_filter='*/BlockTails.*/projection_v1_5_f16:*/BlockTails.*/tails_everywhere_f16'
sanitizer_filter+=':*/BlockWhole.*/tails_projection_f16:*/BlockWhole.*/less_than_a_tile_f16'
sanitizer_filter+=':*/BlockJoined.*/odd_widths_f16:ConvTileEdges.KBlocks*f16_64x64*'

# sanitize PROGRAM FILTER LIMIT TOOL...: each tool has so many seconds.
sanitize() {
  local sanitizer tests tool failed=0 filter=$2 limit=$3
  tests=$(program "$1")
  shift 3
  check_filter "$tests" "$filter"
  needs_gpu
  sanitizer=$(command -v compute-sanitizer) || skip "no compute-sanitizer on this machine"
  for tool in "$@"; do
    echo "== $tool"
    timeout --foreground -k 1 "$limit" "$sanitizer" --tool "$tool" --error-exitcode 1 "$tests" --gtest_brief=1 \
      --gtest_filter="$filter" || failed=1
  done
  return "$failed"
}

run_sanitizer() {
  sanitize foldconv_tests "$sanitizer_filter" 17 memcheck racecheck synccheck initcheck
}
