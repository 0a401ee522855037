# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # record.sh sets out, work, bin and dry_run
# Sourced by record.sh: the hardware counters of seven kernels, by Nsight Compute, beside the emulator's.

# Title, kernel (a regular expression of its mangled name), way (layer: what plan() takes), problem. The first launch
# of such a kernel in a process is counted.
counted_kernels='
conv_1x1          conv_sm80I                             layer    mbN_ic256oc1024_ih14oh14kh1ph0
conv_rxs          conv_sm80I                             layer    mbN_ic256oc256_ih14oh14kh3ph1
conv_rows         conv_rows_sm80I                        layer    mbN_ic3oc64_ih224oh112kh7sh2ph3
conv_joined       conv_sm80I[A-Za-z0-9_]*ConvLoaderE3E   chain    --block=mbN_ih56_ic256mid128oc512_s2
block_tail        block_tail_sm80I                       tails    --block=mbN_ih28_ic512mid128oc512
block_whole       block_whole_sm80I                      whole    --block=mbN_ih56_ic256mid64oc256
whole_projection  block_whole_sm80I                      whole    --block=mbN_ih56_ic64mid64oc256
'

# What is asked of ncu, and what it is called in the table.
counter_names='
gpu__time_duration.sum                                                 time
sm__inst_executed_pipe_tensor_op_hmma.sum                              tensor instructions
sm__inst_executed_pipe_tensor.sum                                      tensor instructions (all kinds)
sm__pipe_tensor_op_hmma_cycles_active.avg.pct_of_peak_sustained_active tensor pipe active, %
sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active         tensor pipe active (all kinds), %
l1tex__data_pipe_lsu_wavefronts_mem_shared.sum                         shared-memory wavefronts
l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum                     shared-memory wavefronts lost to conflicts
lts__t_bytes.sum                                                       L2 bytes
lts__t_sectors_op_read.sum                                             L2 sectors read
lts__t_sectors_op_write.sum                                            L2 sectors written
dram__bytes_read.sum                                                   DRAM bytes read
dram__bytes_write.sum                                                  DRAM bytes written
launch__grid_size                                                      CTAs
launch__registers_per_thread                                           registers a thread
launch__occupancy_limit_registers                                      CTAs an SM by registers
launch__occupancy_limit_shared_mem                                     CTAs an SM by shared memory
launch__occupancy_limit_warps                                          CTAs an SM by warps
sm__warps_active.avg.per_cycle_active                                  resident warps an SM
smsp__issue_active.avg.pct_of_peak_sustained_active                    issue slots used, %
smsp__average_warps_issue_stalled_long_scoreboard_per_issue_active.ratio       stalled on global memory
smsp__average_warps_issue_stalled_short_scoreboard_per_issue_active.ratio      stalled on shared memory
smsp__average_warps_issue_stalled_mio_throttle_per_issue_active.ratio          stalled on the memory queue
smsp__average_warps_issue_stalled_lg_throttle_per_issue_active.ratio           stalled on the global-memory queue
smsp__average_warps_issue_stalled_math_pipe_throttle_per_issue_active.ratio    stalled on the tensor pipe
smsp__average_warps_issue_stalled_barrier_per_issue_active.ratio               stalled on barriers
smsp__average_warps_issue_stalled_wait_per_issue_active.ratio                  stalled on fixed latencies
smsp__average_warps_issue_stalled_not_selected_per_issue_active.ratio          ready, not selected
smsp__average_warps_issue_stalled_no_instruction_per_issue_active.ratio        stalled on the instruction cache
'

# Those of the names that this GPU has; ncu stops at one that it does not know. launch__* are in no list.
known_counters() {
  local ncu=$1 listed name rest wanted=
  listed=$("$ncu" --query-metrics 2>/dev/null | awk '{print $1}') || listed=
  while read -r name rest; do
    [[ -n $name ]] || continue
    if [[ -z $listed || $name == launch__* ]] || grep -qx "${name%%.*}" <<<"$listed"; then
      wanted+=${wanted:+,}$name
    fi
  done <<<"$counter_names"
  echo "$wanted"
}

# json_value FILE FIELD: of the last row.
json_value() {
  sed -n "s/^{\"name\".*\"$2\": *\"\{0,1\}\([^\",}]*\).*/\1/p" "$1" | tail -n 1
}

# counter_table TITLE CSV JSON. In ncu's CSV each counter has a line, with all fields in quotes; the last three are
# its name, unit and value.
counter_table() {
  local title=$1 csv=$2 json=$3
  printf '\n%s: %s (%s launches of the emulator)\n' "$title" "$(json_value "$json" kernel)" \
    "$(json_value "$json" launches)"
  awk -v mma="$(json_value "$json" mma_instructions)" -v dram="$(json_value "$json" dram_bytes) with writes" \
    -v wavefronts="$(json_value "$json" wavefronts_over_ideal) of the ideal" '
    BEGIN {
      emulated["sm__inst_executed_pipe_tensor_op_hmma.sum"] = mma
      emulated["dram__bytes_read.sum"] = dram
      emulated["l1tex__data_pipe_lsu_wavefronts_mem_shared.sum"] = wavefronts
      printf "  %-48s %24s %28s\n", "", "GPU", "emulator"
    }
    FNR == 1 { ++file }
    file == 1 && split($0, field, "\",\"") >= 15 {
      gsub(/[",]/, "", field[15])
      measured[field[13]] = field[15] " " field[14]
    }
    file == 2 && NF > 0 {
      name = $1
      sub(/^[^ ]+ +/, "")
      printf "  %-48s %24s %28s\n", $0, measured[name], emulated[name]
    }' "$csv" - <<<"$counter_names"
}

run_counters() {
  local tool ncu='' counters='' title kernel way problem images=32 failed=0 folder=$work/counters
  tool=$(program foldconv)
  mkdir -p "$folder"
  if [[ $dry_run == yes ]]; then
    images=1
  else
    ncu=$(command -v ncu) || skip "no ncu on this machine"
    counters=$(known_counters "$ncu")
  fi
  {
    echo "Of the GPU with a cold L2, of the emulator by count."
    echo "Stalls: warps a scheduler that wait so, for each instruction issued."
  } >"$out/counters.txt"
  # What runs may read its standard input.
  while read -r title kernel way problem <&3; do
    [[ -n $title ]] || continue
    problem=${problem/mbN/mb$images}
    way=${way/layer/$planned}
    if ! grep -aqE "$kernel" "$tool"; then
      echo "$title: no kernel is called $kernel"
      failed=1
    fi
    echo >"$folder/$title.csv"
    if [[ -n $ncu ]]; then
      "$ncu" --clock-control none --kernel-name-base mangled \
        --kernel-name "regex:$kernel" --launch-count 1 --kill yes --csv \
        --print-units base \
        --metrics "$counters" --log-file "$folder/$title.csv" \
        "$tool" bench --impl "$way" --l2 warm --seconds 0.01 "$problem" >"$folder/$title.txt" 2>&1 || true
      if ! grep -q '"gpu__time_duration' "$folder/$title.csv"; then
        echo "$title: ncu gave no counters" && cat "$folder/$title.csv"
        failed=1
      fi
    fi
    LD_LIBRARY_PATH=$bin/emulator CUEMU_ARCH=90 "$tool" bench --format json --impl "$way" "$problem" \
      >"$folder/$title.json" || failed=1
    counter_table "$title" "$folder/$title.csv" "$folder/$title.json" >>"$out/counters.txt"
  done 3<<<"$counted_kernels"
  return "$failed"
}
