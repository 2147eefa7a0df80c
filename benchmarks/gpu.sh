#!/usr/bin/env bash
# Builds, tests, checks and measures the CUDA operators on a machine with a GPU, in under 9 minutes:
#
#     benchmarks/gpu.sh OUT [WHEELS]
#
# Needs nvcc, torch (2.11 or newer, built for CUDA) and the packages of pyproject.toml; those that
# the machine lacks are installed from the folder WHEELS, without a network. A step that fails or
# runs out of time is recorded, and the next one runs. OUT gets log.txt, the benchmarks' JSON,
# steps.jsonl and summary.json; the summary is printed last.
set -uo pipefail
[ $# -ge 1 ] || { echo "usage: benchmarks/gpu.sh OUT [WHEELS]" >&2; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd) || exit 2
wheels=${2:+$(cd "$2" && pwd)} || exit 2
cd "$(dirname "$0")/.." || exit 2

export PYTHON=${PYTHON:-python3} FORCE_CUDA=1 PYTHONUNBUFFERED=1
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
deadline=$((SECONDS + ${BUDGET:-530})) failed=0
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
  "$PYTHON" -m pip install -q --no-index --no-deps --no-compile --target "$1/site" "$2"/*.whl
}

# The machine, and one architecture to compile for: its own.
describe() {
  nvidia-smi
  "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" --version
  "$PYTHON" -c 'import torch; print(torch.__version__, torch.cuda.get_device_properties(0))'
}
architecture() {
  "$PYTHON" -c 'import torch; print("%d.%d" % torch.cuda.get_device_capability())' 2> /dev/null
}

# One small test per group of kernels, as the tools slow a kernel down by one to two orders of
# magnitude; of tests/ops/test_cuda_small.py, with the launches of ours in each case:
#   test_segments              3  spmm_kernel (2) sddmm_kernel
#   test_relational_attention  9  row_product_kernel (4) attention_edges_kernel target_grads_kernel
#                                 source_grads_kernel weight_grads_kernel partial_sums_kernel
#   test_contrast              4  stats_kernel merge_kernel grad_kernel sum_kernel
#   test_gru_scan              2  gru_scan_kernel gru_scan_backward_kernel
#   test_tf32                     those of the two before, floats on tensor cores
# Over all types and shapes 75 launches: partial_sums_kernel of 597 blocks at most, whose threads add
# up a few numbers each, the others of 66. All of it three times, once for each tool.
sanitize() {
  local tool bad=0
  for tool in memcheck racecheck synccheck; do
    echo "-- $tool"
    compute-sanitizer --tool "$tool" --error-exitcode 1 "$PYTHON" -m pytest -q -x -m cuda \
      -p no:cacheprovider tests/ops/test_cuda_small.py || bad=$?
  done
  return $bad
}

# benchmark NAME OPTIONS...
benchmark() {
  local name=$1
  shift
  "$PYTHON" -m ariigcn_dgl benchmark --device cuda --json "$out/speed-$name.json" "$@"
}

# train NAME OPTIONS...
train() {
  local name=$1
  shift
  "$PYTHON" -m ariigcn_dgl train --device cuda --training.epochs 2 --out "$out/run-$name" "$@"
}

export -f install_wheels describe sanitize benchmark train
export out
if [ -n "$wheels" ]; then
  export PYTHONPATH=$out/site:$PYTHONPATH
  step wheels 60 bash -c 'install_wheels "$@"' - "$out" "$wheels"
fi
export TORCH_CUDA_ARCH_LIST=${TORCH_CUDA_ARCH_LIST:-$(architecture)}
: "${TORCH_CUDA_ARCH_LIST:=9.0}"
both="--dtypes float32 bfloat16 --seconds 0.2"
step machine 30 bash -c describe
# egg_info: the version, as nothing is installed
if step build 200 "$PYTHON" setup.py -q egg_info build_ext --inplace; then
  step tests 120 "$PYTHON" -m pytest -q -m cuda -p no:cacheprovider tests
  step dialogues 60 bash -c \
    "benchmark dialogues attention --shapes meld iemocap --dims 256 --peers torch-split dense pyg $both"
  step long 60 bash -c "benchmark long attention --shapes long --dims 256 --peers torch-split $both"
  step contrast 60 bash -c "benchmark contrast contrast --sizes 320 1600 8192 --peers eager $both"
  step contrast-32768 60 bash -c \
    "benchmark contrast-32768 contrast --sizes 32768 --peers eager --dtypes bfloat16"
  step step 40 bash -c "benchmark step step $both"
  step train 40 bash -c 'train float32'
  step train-graphs 40 bash -c 'train graphs --cuda_graphs'
  step train-amp 40 bash -c 'train amp --training.amp true'
  step sanitizer 150 bash -c sanitize
fi
rm -rf "$out/site" "$out"/run-* "$out/said"
echo "== summary"
PYTHONPATH=$PWD "$PYTHON" benchmarks/gpu_summary.py "$out" | tee -a "$out/log.txt"
exit $((failed > 0))
