#!/usr/bin/env bash
# Builds, tests, checks and measures the CUDA operators on a machine with a GPU, in under 9 minutes:
#
#     benchmarks/gpu.sh OUT [WHEELS]
#
# Needs nvcc, torch (2.11 or newer, built for CUDA) and the packages of pyproject.toml; those that
# the machine lacks are installed from the folder WHEELS, without a network. A step that fails or
# runs out of time is recorded, and the next one runs. OUT gets log.txt, the benchmark's JSON and
# steps.jsonl; the summary is printed last.
set -uo pipefail
[ $# -ge 1 ] || { echo "usage: benchmarks/gpu.sh OUT [WHEELS]" >&2; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd) || exit 2
wheels=${2:+$(cd "$2" && pwd)} || exit 2
cd "$(dirname "$0")/.." || exit 2

export PYTHON=${PYTHON:-python3} FORCE_CUDA=1 PYTHONUNBUFFERED=1
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
deadline=$((SECONDS + 530)) failed=0
: > "$out/steps.jsonl"
: > "$out/log.txt"

# step NAME SECONDS COMMAND...: runs the command with what time is left, and notes how it ended
step() {
  local name=$1 limit=$2 left=$((deadline - SECONDS)) start=$SECONDS rc=124
  shift 2
  [ "$left" -lt "$limit" ] && limit=$left
  echo "== $name (at most $limit s)" | tee -a "$out/log.txt"
  : > "$out/said"
  if [ "$limit" -gt 0 ]; then
    timeout -k 5 "$limit" "$@" > "$out/said" 2>&1
    rc=$?
  fi
  cat "$out/said" >> "$out/log.txt"
  tail -n $((rc == 0 ? 1 : 15)) "$out/said"
  [ $rc -eq 0 ] || failed=$((failed + 1))
  printf '{"step": "%s", "exit": %d, "seconds": %d}\n' "$name" $rc $((SECONDS - start)) \
    >> "$out/steps.jsonl"
  return $rc
}

install_wheels() {
  export PYTHONPATH=$out/site:$PYTHONPATH
  $PYTHON -m pip install -q --no-index --no-deps --no-compile --target "$out/site" "$wheels"/*.whl
}

# The machine, and one architecture to compile for: its own.
describe() {
  nvidia-smi
  "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" --version
  $PYTHON -c 'import torch; print(torch.__version__, torch.cuda.get_device_properties(0))'
}
architecture() {
  $PYTHON -c 'import torch; print("%d.%d" % torch.cuda.get_device_capability())' 2> /dev/null
}

# A few small shapes per kernel: the tools slow a kernel down by one to two orders of magnitude.
sanitize() {
  local tool bad=0
  for tool in memcheck racecheck synccheck; do
    echo "-- $tool"
    compute-sanitizer --tool "$tool" --error-exitcode 1 "$PYTHON" -m pytest -q -x -m cuda \
      -p no:cacheprovider -k "not 1000 and not float64" tests/ops || bad=$?
  done
  return $bad
}

benchmark() {
  "$PYTHON" -m ariigcn_dgl benchmark "$1" --device cuda --json "$out/speed-$1.json"
}

train() {
  "$PYTHON" -m ariigcn_dgl train --device cuda --training.epochs 1 --out "$out/run"
}

export -f describe sanitize benchmark train
export out
[ -z "$wheels" ] || install_wheels
export TORCH_CUDA_ARCH_LIST=${TORCH_CUDA_ARCH_LIST:-$(architecture)}
: "${TORCH_CUDA_ARCH_LIST:=9.0}"
step machine 30 bash -c describe
if step build 200 "$PYTHON" setup.py -q build_ext --inplace; then
  step tests 120 "$PYTHON" -m pytest -q -m cuda -p no:cacheprovider tests
  step benchmark-attention 120 bash -c 'benchmark attention'
  step benchmark-contrast 90 bash -c 'benchmark contrast'
  step train 60 bash -c train
  step sanitizer 150 bash -c sanitize
fi
rm -rf "$out/site" "$out/run" "$out/said"
echo "== summary"
cat "$out/steps.jsonl"
exit $((failed > 0))
