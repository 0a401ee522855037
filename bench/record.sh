#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Records what one GPU has to say, the most valuable first, on a machine that has a driver and perhaps no build
# tools, no network and no root.
#
#   record.sh OUT                   both of the next two: eleven minutes at most
#   record.sh OUT --part first      seven minutes at most: smoke test, stages, cuDNN, layers, counters, tests
#   record.sh OUT --part second     four minutes at most: probes, sanitizer, cuDNN's recording, stages at batch 128
#   record.sh OUT --part hopper     nine minutes at most, on compute capability 9.0: probes, conv_sm90, sanitizer, what
#                                   decides its tiles, and sm_90, sm_80 and cuDNN side by side
#   record.sh OUT --only a,b        these parts alone, set up as in the whole run; --list names them
#   record.sh OUT --bin DIR         with the programs of DIR; else of a packed folder around this script, or of
#                                   build/release
#   record.sh OUT --dry-run         a little of every part on the emulator, else of build/ci
#   record.sh --pack DIR            copies into DIR all that another machine needs, this script with it; needs
#                                   cmake --preset release && cmake --build --preset release before
#   record.sh --list                the parts, their command and their limit in seconds
#
# OUT gets summary-*.txt (a line for each part), the result files, and everything, logs and golden files too, as
# record-*.tar.gz, which is brought up to date after each part. A part that is late is cut off and costs no other
# part's result. If the smoke test fails, it is run once more under compute-sanitizer, and nothing else is.
set -euo pipefail

unset CDPATH # cd says where it goes with it, and may go elsewhere
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=SCRIPTDIR/record/machine.sh
source "$here/record/machine.sh"
# shellcheck source=SCRIPTDIR/record/counters.sh
source "$here/record/counters.sh"
# shellcheck source=SCRIPTDIR/record/parts.sh
source "$here/record/parts.sh"
# shellcheck source=SCRIPTDIR/record/hopper.sh
source "$here/record/hopper.sh"

# By value: name, command, limit in seconds. A part's function is run_NAME.
parts='
smoke         first   15
stages        first   85
cudnn         first   75
layers        first   55
counters      first   65
tests         first   95
probes        second  45
sanitizer     second  75
record_cudnn  second  35
stages_128    second  55
hopper_probes     hopper  75
hopper_conv       hopper  60
hopper_sanitizer  hopper  60
hopper_timing     hopper  90
hopper_bench      hopper  220
'
memcheck_limit=60 # instead of all that would follow
set_up_limit=15   # finding libraries, and the archive after each part
kill_after=2      # for a part that does not end when it is told to

print_help() {
  sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
}

usage() {
  [[ $# -eq 0 ]] || echo "record.sh: $*" >&2
  print_help >&2
  exit 2
}

# check_limits COMMAND SECONDS: the parts of a command end within so many seconds, whatever happens.
check_limits() {
  local name command limit sum=$set_up_limit
  while read -r name command limit; do
    [[ $command == "$1" ]] && sum=$((sum + limit + kill_after))
  done <<<"$parts"
  if ((sum > $2)); then
    echo "record.sh: the limits of the $1 command sum up to $sum s; it has $2 s" >&2
    exit 2
  fi
}

# The names to run, in the order of value: of the command $1, or those in the list $2.
chosen_parts() {
  local wanted_command=$1 only=,$2, name command limit known=,
  while read -r name command limit; do
    [[ -n $name ]] || continue
    known+=$name,
    if [[ $only != ,, ]]; then
      [[ $only != *,"$name",* ]] || echo "$name $limit"
    elif [[ $command == "${wanted_command:-first}" || -z $wanted_command && $command == second ]]; then
      echo "$name $limit"
    fi
  done <<<"$parts"
  for name in ${2//,/ }; do
    [[ $known == *,"$name",* ]] || echo "record.sh: there is no part $name; --list names them" >&2
  done
}

# Everything as one file. Written beside it first, so that there is a whole one at any time.
archive() {
  find "$out" -maxdepth 1 -type f \( -name '*.json' -o -name '*.txt' \) -exec cp {} "$work/" \;
  tar -C "$work" -czf "$out/.record" . && mv "$out/.record" "$out/record-$tag.tar.gz"
}

say_result() {
  printf '%-16s %4d s  %s\n' "$@" | tee -a "$out/summary-$tag.txt"
}

# run_part NAME LIMIT. Inner time limits are in the foreground, or else this one would not reach what they started;
# nor may what runs read from here the names of the next parts.
run_part() {
  local name=$1 limit=$2 started=$SECONDS status=0 result
  timeout -k "$kill_after" "$limit" "$BASH" "$here/record.sh" --run "$name" "$out" \
    </dev/null >"$work/logs/$name.log" 2>&1 || status=$?
  case $status in
    0) result=ok ;;
    77) result="skipped: $(tail -n 1 "$work/logs/$name.log")" ;;
    124 | 137) result="time limit of $limit s; what was finished is kept" ;;
    *) result="FAILED ($status), see logs/$name.log" ;;
  esac
  say_result "$name" $((SECONDS - started)) "$result"
  archive
  [[ $status == 0 || $status == 77 ]]
}

run_parts() {
  local name limit failed=0
  while read -r name limit; do
    if ! run_part "$name" "$limit"; then
      failed=1
      if [[ $name == smoke ]]; then
        run_part memcheck "$memcheck_limit" || true
        say_result stopped 0 "the smoke test failed"
        archive
        break
      fi
    fi
  done <<<"$1"
  return "$failed"
}

command=
only=
run=
bin=
out=
dry_run=${RECORD_DRY_RUN:-no}
pack_to=
while [[ $# -gt 0 ]]; do
  case $1 in
    --bin | --pack | --part | --only | --run) [[ $# -ge 2 ]] || usage ;;&
    --bin) bin=$(cd "$2" && pwd) && shift ;;
    --pack) pack_to=$2 && shift ;;
    --part) command=$2 && shift ;;
    --only) only=$2 && shift ;;
    --run) run=$2 && shift ;; # within a run, by run_part
    --dry-run) dry_run=yes ;;
    --list) sed '/^$/d' <<<"$parts" && exit ;;
    --help | -h | help) print_help && exit ;;
    -*) usage "there is no option $1" ;;
    *) out=$1 ;;
  esac
  shift
done
bin=${bin:-${RECORD_BIN:-$(default_bin "$dry_run")}}
if [[ -n $pack_to ]]; then
  pack "$pack_to"
  exit
fi
[[ -n $out && ,,first,second,hopper, == *,"$command",* ]] || usage

check_limits first $((7 * 60))
check_limits second $((4 * 60))
check_limits hopper $((9 * 60))

if [[ -n $run ]]; then
  work=${RECORD_WORK:?set by a run}
  "run_$run"
  exit
fi

chosen=$(chosen_parts "$command" "$only" 2>&1)
if [[ $chosen == *"there is no part"* ]]; then
  grep 'there is no part' <<<"$chosen" >&2
  exit 2
fi
mkdir -p "$out"
out=$(cd "$out" && pwd)
tag=${command:-${only:+only}}
tag=${tag:-all}
work=$(mktemp -d)
clock_log=
clean_up() {
  [[ -z $clock_log ]] || kill "$clock_log" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
mkdir -p "$work/logs"
: >"$out/summary-$tag.txt"
set_up_machine
export RECORD_WORK=$work RECORD_BIN=$bin RECORD_DRY_RUN=$dry_run

run_parts "$chosen"
