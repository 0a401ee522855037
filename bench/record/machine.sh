# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # record.sh shares its variables: bin, clock_log, dry_run, here, work
# Sourced by record.sh: where the programs are, what libraries this machine has, and the folder for another machine.

# The packed folder around the script, or a build folder.
default_bin() {
  local packed=$here root
  root=$(cd "$here/.." && pwd)
  if [[ -x $packed/foldconv ]]; then
    echo "$packed"
  elif [[ $1 == yes ]]; then
    echo "$root/build/ci"
  else
    echo "$root/build/release"
  fi
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

# ldconfig lies where only root looks.
loader_cache() {
  PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null || true
}

golden_folder() {
  if [[ -d $here/golden ]]; then
    echo "$here/golden"
  else
    (cd "$here/../tests/golden" && pwd)
  fi
}

pack() {
  local to=$1 name library path golden names=(foldconv foldconv_tests cuemu_tests foldconv_probe)
  mkdir -p "$to/emulator"
  to=$(cd "$to" && pwd)
  # Not every build has the sm_90 family; where one has, its part asks for this.
  ! program foldconv_sm90_tests >/dev/null 2>&1 || names+=(foldconv_sm90_tests)
  for name in "${names[@]}"; do
    path=$(program "$name")
    cp "$path" "$to/"
    strip "$to/$name"
  done
  path=$(program foldconv)
  library=$(loader_cache | sed -n 's/.*libcudart\.so\.13 .*=> //p' | head -n 1)
  : "${library:=$(ldd "$path" | sed -n 's/.*libcudart\.so\.13 => \([^ ]*\).*/\1/p')}"
  cp -L "$library" "$to/libcudart.so.13"
  cp -L "$bin/emulator/libcudart.so.13" "$to/emulator/"
  cp -r "$here/shapes" "$here/record.sh" "$here/record" "$to/"
  golden=$(golden_folder)
  mkdir -p "$to/golden"
  # All but what makes and checks it.
  (cd "$golden" && find . -type f ! -name '*.[ch]pp' ! -name '*.py' ! -name CMakeLists.txt \
    -exec cp --parents -t "$to/golden" {} +)
  du -sm "$to"
}

# Folders of CUDA's libraries that come with Python packages: of the interpreters on PATH, of active environments,
# and of environments at the usual places.
python_library_folders() {
  local prefix prefixes=() python home=${HOME:-/nowhere}
  for python in python3 python; do
    python=$(command -v "$python") && prefixes+=("$(dirname "$(dirname "$python")")")
  done
  prefixes+=("${VIRTUAL_ENV:-}" "${CONDA_PREFIX:-}" /usr /usr/local "$home/.local")
  prefixes+=("$home"/{.venv,venv,miniconda3,miniforge3,mambaforge,anaconda3} /opt/* /opt/*/.venv /opt/*/venv)
  prefixes+=("$home"/{miniconda3,miniforge3,mambaforge,anaconda3}/envs/* /opt/*/envs/*)
  for prefix in "${prefixes[@]}"; do
    [[ -n $prefix && -d $prefix ]] || continue
    compgen -G "$prefix/lib/python3*/*-packages/nvidia/*/lib" || true
    [[ ! -d $prefix/conda-meta ]] || echo "$prefix/lib"
  done
}

# Links to cuDNN, cuBLAS and what they load, the first of each name: a whole folder of an environment on
# LD_LIBRARY_PATH would bring its C++ library, too.
link_python_libraries() {
  local to=$1 folder library
  mkdir -p "$to"
  while IFS= read -r folder; do
    for library in "$folder"/lib{cudnn*.so.9,cublas.so.13,cublasLt.so.13,nvrtc*.so.13*,nvJitLink.so.13}*; do
      [[ ! -e $library || -e $to/$(basename "$library") ]] || ln -s "$library" "$to/"
    done
  done <<<"$(python_library_folders)"
  find "$to" -type l -printf '%f -> %l\n'
}

# What every part needs, whichever are run.
set_up_machine() {
  FOLDCONV_GOLDEN_FOLDER=$(golden_folder)
  export FOLDCONV_GOLDEN_FOLDER
  if [[ $dry_run == yes ]]; then
    export LD_LIBRARY_PATH=$bin/emulator CUEMU_ARCH=90
    return
  fi
  link_python_libraries "$work/libraries" >"$work/logs/libraries.log"
  export LD_LIBRARY_PATH=$bin${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}:$work/libraries
  PATH=$PATH:$(printf '%s:' /usr/local/cuda/bin /usr/local/nvidia/bin /opt/nvidia/nsight-compute/*)
  export PATH
  command -v nvidia-smi >/dev/null || return 0
  nvidia-smi >"$work/logs/gpu.log" 2>&1 || true
  nvidia-smi -q -d CLOCK,PERFORMANCE,POWER >>"$work/logs/gpu.log" 2>&1 || true
  nvidia-smi --query-gpu=timestamp,clocks.sm,clocks.mem,temperature.gpu,power.draw,utilization.gpu --format=csv \
    -lms 500 >"$work/logs/clocks.csv" 2>&1 &
  clock_log=$!
}
