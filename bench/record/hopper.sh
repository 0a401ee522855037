# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # record.sh and parts.sh set bin, dry_run, out, planned, work
# Sourced by record.sh: what only compute capability 9.0 can tell. The probes come first: their words decide the rest.

hopper_filter='*ConvSm90*'
hopper_smallest='*ConvSm90*Smallest*'

needs_hopper_kernels() {
  grep -aq conv_sm90 "$(program foldconv)" || skip "this build has no kernels of the sm_90 family"
}

# A run, the golden files and answers made of it, and a second run that must give the same words.
run_hopper_probes() {
  local probe failed=0 recorded=$out/hopper_probes.json few=()
  probe=$(program foldconv_probe)
  if [[ $dry_run == yes ]]; then few=(--only mbarrier_ --only execution_); fi
  "$probe" --quiet --batch 64 "${few[@]}" --out "$recorded" || failed=1
  "$probe" --from "$recorded" --golden "$work/golden" --check || failed=1
  "$probe" --answers "$recorded" >"$out/hopper_answers.txt" || failed=1
  "$probe" --quiet --batch 64 "${few[@]}" --against "$recorded" || failed=1
  return "$failed"
}

# Against the fp64 oracle.
run_hopper_conv() {
  needs_hopper_kernels
  local shards=1 filter=$hopper_smallest
  if [[ $dry_run == no ]]; then
    shards=$(test_shards)
    filter=$hopper_filter
  fi
  run_library_tests "$filter" hopper "$shards"
}

run_hopper_sanitizer() {
  needs_hopper_kernels
  sanitize "$hopper_smallest" 28 memcheck racecheck
}

# Three times, each in processes of its own.
run_hopper_timing() {
  local probe turn failed=0
  probe=$(program foldconv_probe)
  mkdir -p "$work/timing"
  : >"$out/hopper_timing.txt"
  for turn in 1 2 3; do
    timeout --foreground -k 2 29 "$probe" --quiet --batch 16 --only timing_ --out "$work/timing/$turn.json" || failed=1
    "$probe" --answers "$work/timing/$turn.json" | sed -n '/^Q7/,/^Q10/p' | sed '$d' >>"$out/hopper_timing.txt"
  done
  return "$failed"
}

# A process for each: one that is cut short keeps its rows, and costs the others nothing.
run_hopper_bench() {
  needs_hopper_kernels
  local instructions failed=0 limit=70 problems=(--batch resnet50 --mb "32,1,128" --seconds 0.1)
  [[ $dry_run == no ]] || problems=(--model h100 mb1_ic64oc64_ih9kh3ph1)
  for instructions in sm90 sm80; do
    bench_list "$limit" "$out/hopper_$instructions.json" "${problems[@]}" --impl "$planned" \
      --instructions "$instructions" || failed=1
  done
  [[ $dry_run == no ]] || return "$failed"
  try_cudnn
  if [[ ! -e $work/no_cudnn ]]; then
    bench_list 65 "$out/hopper_cudnn.json" "${problems[@]}" --impl "$cudnn" --cudnn-engines 3 || failed=1
  fi
  return "$failed"
}
