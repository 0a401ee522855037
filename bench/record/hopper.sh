# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # record.sh and parts.sh set cudnn, dry_run, here, out, planned, work
# Sourced by record.sh: what only compute capability 9.0 can tell. The probes come first: their words decide the rest.

# The convolutions, and the stages alone.
hopper_filter='Sm90Convs.*:Sm90*'
hopper_smallest='Sm90Convs.NanStaysWhereItBelongs/conv_sm90_f16_k64x8_wgmma'
# Of each kind of tile, one: a consumer, consumers that take turns, consumers that share.
hopper_sanitized="$hopper_smallest:${hopper_smallest/64x8/128x128}:${hopper_smallest/64x8/192x128}"

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
  if [[ $dry_run == yes ]]; then
    run_in_shards foldconv_sm90_tests "$hopper_smallest" 1
  else
    run_in_shards foldconv_sm90_tests "$hopper_filter" "$(test_shards)"
  fi
}

run_hopper_sanitizer() {
  needs_hopper_kernels
  sanitize foldconv_sm90_tests "$hopper_sanitized" 28 memcheck racecheck
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

# Both families and cuDNN on the same layers, then the families on stages. A process for each: one that is cut short
# keeps its rows, and costs the others nothing. The stem has three channels: not for wgmma.
run_hopper_bench() {
  needs_hopper_kernels
  local family failed=0 layers=(--batch "$work/layers.txt" --mb "32,1,128" --seconds 0.1)
  local stages=(--batch resnet50_stages --mb "32,1" --seconds 0.1)
  grep -v ic3oc "$here/shapes/resnet50.txt" >"$work/layers.txt"
  if [[ $dry_run == yes ]]; then
    layers=(--model h100 mb1_ic64oc64_ih9kh3ph1)
    stages=(--model h100 --block mb1_ih9_ic64mid64oc64)
  fi
  for family in sm90 sm80; do
    bench_list 55 "$out/hopper_$family.json" "${layers[@]}" --impl "$planned" --instructions "$family" || failed=1
  done
  [[ $dry_run == yes ]] || try_cudnn
  if [[ $dry_run == no && ! -e $work/no_cudnn ]]; then
    bench_list 45 "$out/hopper_cudnn.json" "${layers[@]}" --impl "$cudnn" --cudnn-engines 3 || failed=1
  fi
  for family in sm90 sm80; do
    bench_list 22 "$out/hopper_stages_$family.json" "${stages[@]}" --impl chain --instructions "$family" || failed=1
  done
  return "$failed"
}
