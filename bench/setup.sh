# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by bench/run.sh, tests/run.sh and .ci/run: makes sure that everything a build needs is
# there, and builds. Installs nothing that is there already; all but Debian packages goes to build/.
# FOLDCONV_IGNORE_SYSTEM_CUDA=1 takes the CUDA toolkit from Python wheels, whatever is installed.

unset CDPATH # cd says where it goes with it, and may go elsewhere
foldconv_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
foldconv_toolkit=$foldconv_root/build/toolkit

say() {
  echo "$(basename "$0"): $*" >&2
}

fail() {
  say "$*"
  exit 1
}

# Prints what stands at the head of the script that runs.
print_head() {
  sed -n '2,/^[^#]/{/^# SPDX/d;s/^# \{0,1\}//p;}' "$0"
}

# help_if_asked ARGUMENTS...: one of them is --help or -h, or "help" is all: prints the script's head and ends. Nothing is
# installed or built before.
help_if_asked() {
  local argument
  [[ "$*" != help ]] || set -- --help
  for argument in "$@"; do
    if [[ $argument == --help || $argument == -h ]]; then
      print_head
      exit
    fi
  done
}

# check_options KNOWN ARGUMENTS...: ends where one of these is a long option that is not in KNOWN, which is any text.
check_options() {
  local known argument
  known=" $(grep -oE -- '--[A-Za-z0-9-]+' <<<"$1" | tr '\n' ' ')"
  shift
  for argument in "$@"; do
    argument=${argument%%=*}
    if [[ $argument == --?* && $known != *" $argument "* ]]; then
      say "there is no option $argument; see $0 --help"
      exit 2
    fi
  done
}

# check_path PATH: some are beyond CMake, Ninja, nvcc or the loader.
check_path() {
  local root=$1 refused='[][:cntrl:]"$;#`\|<>:,[*?'\'']'
  [[ $root =~ $refused ]] || return 0
  fail "cannot build in $root: CMake, Ninja, nvcc or the loader do not take its ${BASH_REMATCH[0]} ; move this folder to a path" \
    "without any of \" ' \$ ; # \` \\ | < > : , [ ] * ? (spaces are fine)"
}

# make_folder FOLDER: there is one that can be written to, in a path that builds.
make_folder() {
  check_path "$foldconv_root"
  if ! mkdir -p "$1" 2>/dev/null || [[ ! -w $1 ]]; then
    fail "cannot write to $1; build in a clone of your own, which you may write to"
  fi
}

# Installs Debian packages as root; tells what to install otherwise.
install_packages() {
  [[ $# -gt 0 ]] || return 0
  if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    fail "missing packages; install them first, on Debian or Ubuntu by: sudo apt-get install $*"
  fi
  make_folder "$foldconv_root/build"
  say "installing $*"
  local log=$foldconv_root/build/apt.log
  local quickly=(-o Acquire::Retries=0 -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15)
  {
    apt-get update -qq "${quickly[@]}" &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${quickly[@]}" --no-install-recommends "$@"
  } >"$log" 2>&1 ||
    fail "apt-get cannot install $* (is there a network? its words are in build/apt.log);" \
      "install them, then run this again"
}

# python_environment FOLDER REQUIREMENTS WHAT INSTEAD: a virtual environment with these wheels, which are WHAT; nothing is
# done where it is there. INSTEAD: what to do where they cannot be had.
python_environment() {
  local folder=$1 wanted=$2 what=$3 instead=$4 log=$1.log ready=$1/ready.txt first
  ! cmp -s "$wanted" "$ready" || return 0
  make_folder "$(dirname "$folder")"
  say "installing $what into ${folder#"$foldconv_root/"}"
  command -v python3 >/dev/null || install_packages python3 python3-venv
  python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
  rm -rf "$folder"
  python3 -m venv "$folder" >"$log" 2>&1 ||
    fail "no virtual environment (Python's words are in ${log#"$foldconv_root/"}); $instead"
  local pip=("$folder/bin/python" -m pip --disable-pip-version-check)
  # Without a network pip tries for each wheel, again and again; so the first one alone, once. It is kept in pip's
  # cache.
  first=$(grep -m 1 '^[^#]' "$wanted")
  "${pip[@]}" download --quiet --no-deps --retries 0 --timeout 5 --dest "$folder/first" "$first" >"$log" 2>&1 ||
    fail "cannot download ${first%%;*}: no network, or no wheel for this machine" \
      "(pip's words are in ${log#"$foldconv_root/"}); $instead"
  "${pip[@]}" install --progress-bar off -r "$wanted" 2>&1 | tee "$log" | sed -un 's/^ *Downloading /  /p' >&2 ||
    fail "pip could not install $(basename "$wanted"): its words are in ${log#"$foldconv_root/"}; $instead"
  rm -rf "$folder/first"
  cp "$wanted" "$ready" || fail "cannot write $ready"
}

# Where a virtual environment has its packages.
python_packages() {
  "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
}

# install_wheel FOLDER WHEEL: the wheel, without what it depends on, in that virtual environment; nothing is done where it
# is there.
install_wheel() {
  local folder=$1 wheel=$2 ready=$1/wheel.txt stamp
  stamp=$(sha256sum <"$wheel") || fail "no wheel $wheel; python/run.sh --wheel builds it"
  [[ $stamp != "$(cat "$ready" 2>/dev/null)" ]] || return 0
  rm -f "$ready"
  "$folder/bin/python" -m pip --disable-pip-version-check install --quiet --force-reinstall --no-deps "$wheel" >&2 ||
    fail "pip could not install $(basename "$wheel") in ${folder#"$foldconv_root/"}"
  echo "$stamp" >"$ready" || fail "cannot write $ready"
}

# The packages whose headers g++ does not find, one a line: the preprocessor's output.
packages_of_missing_headers() {
  g++ -std=c++20 -E -P -x c++ - <<'SOURCE'
#if !__has_include(<CLI/CLI.hpp>)
libcli11-dev
#endif
#if !__has_include(<nlohmann/json.hpp>)
nlohmann-json3-dev
#endif
#if !__has_include(<gtest/gtest.h>)
libgtest-dev
#endif
#if !__has_include(<zstd.h>)
libzstd-dev
#endif
#if !__has_include(<protozero/pbf_reader.hpp>)
libprotozero-dev
#endif
#if !__has_include(<stb/stb_image.h>)
libstb-dev
#endif
#if !__has_include(<sha2.h>)
libmd-dev
#endif
SOURCE
}

setup_packages() {
  local missing=() headers command
  for command in cmake:cmake ninja:ninja-build g++:g++ python3:python3; do
    command -v "${command%%:*}" >/dev/null || missing+=("${command#*:}")
  done
  if command -v g++ >/dev/null; then
    headers=$(packages_of_missing_headers)
    [[ -z $headers ]] || mapfile -t -O "${#missing[@]}" missing <<<"$headers"
  else
    missing+=(libcli11-dev nlohmann-json3-dev libgtest-dev libzstd-dev libprotozero-dev libstb-dev libmd-dev)
  fi
  install_packages "${missing[@]}"
  if [[ $(cmake --version) =~ version\ ([0-9]+)\.([0-9]+) ]] &&
    ((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2] < 3025)); then
    fail "cmake is older than 3.25; put a newer one on PATH, e.g. by: pip install cmake"
  fi
}

# Models that the tests read. Without them these tests are skipped, so nothing fails here.
setup_onnx_models() {
  [[ -d /usr/share/libonnx-testdata ]] && return
  (install_packages libonnx-testdata) || say "no libonnx-testdata: tests that read its models are skipped"
}

is_nvcc_13() {
  [[ -n $1 ]] && command -v "$1" >/dev/null && [[ $("$1" --version 2>&1) == *"release 13."* ]]
}

# Sets CUDACXX and CUDAToolkit_ROOT, which CMake reads.
setup_cuda() {
  local nvcc
  if [[ -z ${FOLDCONV_IGNORE_SYSTEM_CUDA:-} ]]; then
    for nvcc in "${CUDACXX:-}" nvcc /usr/local/cuda/bin/nvcc; do
      is_nvcc_13 "$nvcc" || continue
      CUDACXX=$(command -v "$nvcc")
      export CUDACXX
      return
    done
  fi
  setup_cuda_wheels
  export CUDACXX=$foldconv_toolkit/cuda/bin/nvcc
  export CUDAToolkit_ROOT=$foldconv_toolkit/cuda
}

# The toolkit as Python wheels, with the links that a toolkit has and wheels lack.
setup_cuda_wheels() {
  local linked=$foldconv_toolkit/linked.txt
  python_environment "$foldconv_toolkit" "$foldconv_root/bench/cuda-wheels.txt" \
    "the CUDA toolkit (there is no nvcc 13; 110 MB to download, 300 MB on disk)" \
    "install the CUDA toolkit 13, and name its compiler by CUDACXX"
  [[ ! -e $linked ]] || return 0

  local cuda library
  cuda=$(python_packages "$foldconv_toolkit")/nvidia/cu13
  ln -sfn "$cuda" "$foldconv_toolkit/cuda"
  ln -sfn lib "$cuda/lib64"
  # Linkers look for libNAME.so; wheels have libNAME.so.VERSION only.
  for library in "$cuda"/lib/lib*.so.*; do
    ln -sf "$(basename "$library")" "${library%%.so.*}.so"
  done
  is_nvcc_13 "$foldconv_toolkit/cuda/bin/nvcc" || fail "the nvcc in build/toolkit does not run"
  touch "$linked"
}

# cuDNN for a toolkit of wheels. Without it the tool is built without cuDNN, so nothing fails here.
setup_cudnn_wheels() {
  local folder=$foldconv_root/build/cudnn cuda=$foldconv_toolkit/cuda packages
  [[ $CUDACXX == "$cuda/bin/nvcc" ]] || return 0
  (python_environment "$folder" "$foldconv_root/bench/cudnn-wheels.txt" "cuDNN (880 MB to download, 1.3 GB on disk)" \
    "the tool is built without cuDNN") || return 0
  packages=$(python_packages "$folder")/nvidia
  ln -sf "$packages"/cudnn/include/* "$cuda/include/"
  ln -sf "$packages"/{cudnn,cu13}/lib/lib*.so.* "$cuda/lib/"
}

# The headers of NVIDIA's C++ face of cuDNN, of a Python wheel. Without them the tool is built without
# cuDNN, so nothing fails here.
setup_cudnn_frontend() {
  local wanted=nvidia-cudnn-frontend==1.32.0 folder=$foldconv_root/build/cudnn-frontend
  [[ $(cat "$folder/ready.txt" 2>/dev/null) == "$wanted" ]] && return
  local python=python3
  [[ ! -x $foldconv_toolkit/bin/python ]] || python=$foldconv_toolkit/bin/python
  say "installing $wanted into build/cudnn-frontend"
  rm -rf "$folder"
  make_folder "$foldconv_root/build"
  if "$python" -m pip install --disable-pip-version-check --no-deps --retries 0 --timeout 5 --target "$folder" \
    "$wanted" >"$folder.log" 2>&1; then
    echo "$wanted" >"$folder/ready.txt"
  else
    say "cannot download $wanted: no network, or no pip (its words are in build/cudnn-frontend.log);" \
      "the tool is built without cuDNN, whose headers these are"
  fi
}

# Puts cuobjdump and nvdisasm on PATH: those beside nvcc, or of Python wheels in build/disassembler. Behind setup_cuda.
setup_disassembler() {
  local beside
  beside=$(dirname "$CUDACXX")
  [[ ! -x $beside/ptxas ]] || PATH=$PATH:$beside
  if command -v cuobjdump >/dev/null && command -v nvdisasm >/dev/null; then
    return
  fi
  local folder=$foldconv_root/build/disassembler
  python_environment "$folder" "$foldconv_root/bench/speed/requirements.txt" "cuobjdump and nvdisasm (6 MB)" \
    "put both, of the CUDA toolkit 13, on PATH"
  PATH=$(python_packages "$folder")/nvidia/cu13/bin:$PATH
}

# matplotlib in a virtual environment, build/charts.
setup_charts() {
  python_environment "$foldconv_root/build/charts" "$foldconv_root/bench/charts/requirements.txt" matplotlib \
    "bench/charts/draw.py needs any Python with matplotlib"
}

# A GPU that programs here can use: a device file and the driver's library.
has_gpu() {
  compgen -G '/dev/nvidia[0-9]*' >/dev/null || return 1
  local libraries
  libraries=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null) || libraries=
  [[ $libraries == *libcuda.so.1* ]] && return
  local folder
  while IFS= read -r -d : folder; do
    [[ -n $folder && -e $folder/libcuda.so.1 ]] && return
  done <<<"${LD_LIBRARY_PATH:-}:"
  return 1
}

# show_progress WHAT: of ninja's output a line of status every ten seconds, and all that is no status. Nothing where
# it ends within two seconds.
show_progress() {
  local what=$1 line='' part state='' ended='' begin=$SECONDS next=$((SECONDS + 2)) read_status
  until [[ -n $ended ]]; do
    read_status=0
    IFS= read -r -t 1 part || read_status=$?
    line+=$part # of a line that is not whole yet, its beginning
    if ((read_status <= 128)); then
      case $line in
        '['*/*'] '*) state=${line%%] *}] ;;
        '' | '-- '* | 'ninja: no work'*) ;;
        *) printf '%s\n' "$line" ;;
      esac
      line=
      [[ $read_status == 0 ]] || ended=yes
    fi
    if [[ -z $ended ]] && ((SECONDS >= next)); then
      say "$what: ${state:+$state, }$((SECONDS - begin)) s"
      next=$((SECONDS + 10))
    fi
  done
}

# foldconv_build PRESET EMULATE(ON|OFF) [TARGET...]: sets up, configures and builds build/PRESET. For callers with
# `set -o pipefail`.
foldconv_build() {
  local preset=$1 emulate=$2 build=$foldconv_root/build/$1
  shift 2
  make_folder "$build"
  setup_packages
  setup_cuda
  if [[ $preset == release ]]; then
    setup_cudnn_wheels
    setup_cudnn_frontend
  fi

  # Ninja configures again by itself when a CMake file changes; this is for what it cannot see.
  local configured=$build/configured.txt
  local settings="$CUDACXX $emulate" first='' minutes=6
  [[ $# -eq 0 ]] || minutes=3 # of a core, for the tool
  if [[ ! -f $build/build.ninja || $(cat "$configured" 2>/dev/null) != "$settings" ]]; then
    local fresh=()
    [[ $(cat "$configured" 2>/dev/null) == "$CUDACXX "* ]] || fresh=(--fresh)
    say "configuring build/$preset"
    if [[ ! -f $build/build.ninja ]]; then
      say "building for the first time: about $(((minutes + $(nproc) - 1) / $(nproc))) minutes on $(nproc) cores"
    fi
    first=yes
    (cd "$foldconv_root" &&
      cmake --preset "$preset" "${fresh[@]}" "-DFOLDCONV_EMULATE=$emulate" >/dev/null)
    echo "$settings" >"$configured"
  fi

  local targets=()
  [[ $# -eq 0 ]] || targets=(--target "$@")
  if [[ -t 2 && -n $first ]]; then
    cmake --build "$build" "${targets[@]}" >&2
    return
  fi
  NINJA_STATUS='[%f/%t] ' cmake --build "$build" "${targets[@]}" 2>&1 | show_progress "building build/$preset" >&2
}
