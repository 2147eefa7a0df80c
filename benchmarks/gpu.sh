#!/usr/bin/env bash
# Tests, checks and measures the CUDA operators on a machine with a GPU, in about 4 minutes:
#
#     benchmarks/gpu.sh OUT [WHEELS]
#
# Needs torch (2.11 or newer, built for CUDA) and the packages of pyproject.toml but DGL; those that
# the machine lacks are installed from the folder WHEELS (build/carried/wheels), without a network.
# Uses the native library of benchmarks/prebuilt.sh where it was made from these sources for this
# GPU, else builds one, which needs nvcc and some minutes more. A step that fails, runs out of time
# or is left out says why, and the next one runs. OUT gets log/, steps.jsonl, benchmark.json and
# summary.json; the summary is printed last.
# Without a GPU all of it is tried on the CPU, in small: a dry run, whose figures say nothing.
set -uo pipefail
[ $# -ge 1 ] || { echo "usage: benchmarks/gpu.sh OUT [WHEELS]" >&2; exit 2; }
mkdir -p "$1/log" && out=$(cd "$1" && pwd) || exit 2
wheels=${2:+$(cd "$2" && pwd)} || exit 2
cd "$(dirname "$0")/.." || exit 2
carried=${CARRIED:-$PWD/build/carried} failed=0
[ -n "$wheels" ] || [ ! -d "$carried/wheels" ] || wheels=$carried/wheels

export PYTHON=${PYTHON:-python3} PYTHONUNBUFFERED=1 TORCH_CPP_LOG_LEVEL=ERROR
export PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin # of compute-sanitizer
export PYTHONPATH=$PWD:$carried${PYTHONPATH:+:$PYTHONPATH}
deadline=$((SECONDS + 300)) # of what comes before measuring; with a carried library 20 s
: > "$out/steps.jsonl"

# step NAME SECONDS COMMAND...: runs the command with what time is left, and notes how it ended
step() {
  local name=$1 limit=$2 left=$((deadline - SECONDS)) start=$SECONDS log=$out/log/$1.txt rc=125
  shift 2
  [ "$left" -lt "$limit" ] && limit=$left
  if [ "$limit" -gt 0 ]; then
    echo "== $name (at most $limit s)"
    timeout -s INT -k 5 "$limit" "$@" > "$log" 2>&1 # so interrupted, pytest sums up
    rc=$?
  else
    echo "no time was left" > "$log"
  fi
  tail -n $((rc == 0 ? 1 : 15)) "$log"
  [ $rc -eq 0 ] || failed=$((failed + 1))
  printf '{"step": "%s", "exit": %d, "seconds": %d}\n' "$name" $rc $((SECONDS - start)) \
    >> "$out/steps.jsonl"
  return $rc
}

# skip NAME REASON
skip() {
  echo "== $1 is left out: $2"
  echo "$2" > "$out/log/$1.txt"
  printf '{"step": "%s", "exit": null, "seconds": 0}\n' "$1" >> "$out/steps.jsonl"
}

install_wheels() {
  "$PYTHON" -m pip install -q --no-index --no-deps --no-compile --target "$1/site" "$2"/*.whl
}

describe() {
  nvidia-smi
  "$PYTHON" -c 'import torch; print(torch.__version__, torch.cuda.get_device_properties(0))'
}

# The carried library where it was made from these sources and for this device, else a new one.
native() {
  if [ ! -f "$1/libariigcn.so" ]; then
    echo "nothing is carried: benchmarks/prebuilt.sh makes it"
  elif [ "$(cat "$1/sources")" != "$(benchmarks/prebuilt.sh --state)" ]; then
    echo "the carried library was made from other sources"
  else
    cp "$1/libariigcn.so" ariigcn_dgl/
    "$PYTHON" -c '
import torch
from ariigcn_dgl._native import build_info
made = build_info()["cuda_archs"].split()
here = "%d.%d" % torch.cuda.get_device_capability() if torch.cuda.is_available() else "none"
print(f"carried library for {made}, device {here}")
raise SystemExit(here not in ["none", *(one.rstrip("af") for one in made)])' && return
  fi
  # egg_info: the version, as nothing is installed
  TORCH_CUDA_ARCH_LIST=$("$PYTHON" -c \
    'import torch; print("%d.%d" % torch.cuda.get_device_capability())' 2> /dev/null || echo 9.0a) \
    "$PYTHON" setup.py -q egg_info build_ext --inplace
}

tests() { "$PYTHON" -m pytest -q -rs --tb=short -m cuda -p no:cacheprovider "$@"; }

# One small test per group of kernels, as the tools slow a kernel down by one to two orders of
# magnitude; of tests/ops/test_cuda_small.py, with the launches of ours in each case:
#   test_segments              3  spmm_kernel (2) sddmm_kernel
#   test_relational_attention 10  row_product_kernel (4) attention_edges_kernel gelu_backward_kernel
#                                 target_grads_kernel source_grads_kernel weight_grads_kernel
#                                 partial_sums_kernel; target_sums_kernel where relations are many;
#                                 where there are hubs, hub_scores_kernel hub_factor_grads_kernel
#                                 hub_softmax_kernel (2) hub_sums_kernel and hub_parts_kernel (7)
#   test_contrast              3  stats_kernel grad_kernel sum_kernel
#   test_contrast_loss         4  normalise_kernel stats_kernel grad_kernel
#                                 normalise_backward_kernel
#   test_gru_scan              2  gru_scan_kernel gru_scan_backward_kernel
#   test_precisions_of_float32    those of the attention (no GELU) and of test_contrast, twice: with
#                                 floats as tf32, and by multiply-adds
# Over all types and shapes 186 launches: partial_sums_kernel of 597 blocks at most, whose threads add
# up a few numbers each, the others of 66. One process for each tool, all at once.
sanitize() {
  local tool bad=0 running=()
  for tool in memcheck racecheck synccheck; do
    compute-sanitizer --tool "$tool" --error-exitcode 1 "$PYTHON" -m pytest -q -x -m cuda \
      -p no:cacheprovider tests/ops/test_cuda_small.py > "$1/log/$tool.txt" 2>&1 &
    running+=("$tool:$!")
  done
  for tool in "${running[@]}"; do
    wait "${tool#*:}"
    local rc=$?
    echo "${tool%:*}: exit $rc, $(tail -n 1 "$1/log/${tool%:*}.txt")"
    [ $rc -eq 0 ] || bad=$rc
  done
  return "$bad"
}

# All cases in one process, so that ceilings are measured once. Bfloat16 first: most goals are its.
# On the CPU nothing is compiled: that takes minutes there.
peers="torch-split dense products pyg eager pml sdpa inf-cl liger native recorded"
on_gpu="--device cuda --shapes meld iemocap long --dims 256 --sizes 8192 32768 1600"
on_gpu+=" --dtypes bfloat16 float32 --seconds 0.05 --budget 70"
on_gpu+=" --peers $peers split-compiled dense-compiled flex compiled"
on_cpu="--device cpu --shapes meld --dims 32 --sizes 64 --dtypes bfloat16 --seconds 0 --threads 1"
on_cpu+=" --peers $peers"
benchmark() {
  "$PYTHON" -m ariigcn_dgl benchmark attention contrast step --json "$1/benchmark.json" $2
}

train() {
  "$PYTHON" -m ariigcn_dgl train --device "$2" --out "$1/run" "${@:3}"
}

export -f install_wheels describe native tests sanitize benchmark train
if [ -n "$wheels" ]; then
  export PYTHONPATH=$out/site:$PYTHONPATH
  step wheels 40 bash -c 'install_wheels "$@"' - "$out" "$wheels"
fi
device=cuda benchmarked=$on_gpu graphs="--cuda_graphs true"
if "$PYTHON" -c 'import torch; raise SystemExit(not torch.cuda.is_available())' 2> /dev/null; then
  export FORCE_CUDA=1
  step machine 20 bash -c describe
else
  device=cpu benchmarked=$on_cpu graphs=
  skip machine "no GPU: CPU dry run"
fi
if step native 240 bash -c 'native "$@"' - "$carried"; then
  deadline=$((SECONDS + ${BUDGET:-210})) # limits below add up to 305: what ends early leaves some
  step kernels 45 bash -c 'tests "$@"' - tests/ops/test_cuda_small.py tests/ops/test_cuda.py \
    tests/ops/test_relational_attention_cuda.py tests/nn/test_gru_scan_cuda.py
  step benchmark 90 bash -c 'benchmark "$@"' - "$out" "$benchmarked"
  step large 30 bash -c 'tests "$@"' - tests/ops/test_cuda_large.py
  if command -v compute-sanitizer > /dev/null; then
    step sanitizers 60 bash -c 'sanitize "$@"' - "$out"
  else
    skip sanitizers "there is no compute-sanitizer"
  fi
  step graphs 30 bash -c 'tests "$@"' - tests/training/test_cuda_graph.py \
    tests/training/test_no_waiting.py tests/nn/test_sequence_layers.py tests/graph/test_plan.py
  step train 30 bash -c 'train "$@"' - "$out" $device --training.epochs 2 $graphs
  rm -rf "$out/run"
  step train-amp 20 bash -c 'train "$@"' - "$out" $device --training.epochs 1 --training.amp true
fi
rm -rf "$out/site" "$out/run"
echo "== summary"
PYTHONPATH=$PWD "$PYTHON" benchmarks/gpu_summary.py "$out"
exit $((failed > 0))
