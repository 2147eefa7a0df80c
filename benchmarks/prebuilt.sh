#!/usr/bin/env bash
# Makes what benchmarks/gpu.sh needs on a machine without a network, on one without a GPU:
#
#     benchmarks/prebuilt.sh [ARCHITECTURE]     9.0a by default: H100 and H200
#     benchmarks/prebuilt.sh --state            the state of the sources, by which gpu.sh knows them
#
# Needs nvcc and torch (2.11 or newer, any build). Writes build/carried/:
#     libariigcn.so          operators of one architecture; it knows no Python, and any torch from 2.11
#     sources                the state of the sources that it was compiled from
#     ariigcn_dgl.egg-info   the package's version
#     wheels/                of Python 3.12, what a machine with torch, PyG and pytest may lack
set -euo pipefail
cd "$(dirname "$0")/.."
carried=build/carried most=$((50 * 2 ** 20))
PYTHON=${PYTHON:-python3}

state() { find csrc setup.py -type f | LC_ALL=C sort | xargs cat | sha256sum | cut -d ' ' -f 1; }
[ "${1:-}" != --state ] || { state; exit; }

rm -rf "$carried" && mkdir -p "$carried/wheels"
PATH="$(dirname "$(command -v "$PYTHON")"):$PATH" FORCE_CUDA=1 TORCH_CUDA_ARCH_LIST=${1:-9.0a} \
  "$PYTHON" setup.py -q egg_info --egg-base "$carried" build_ext --build-lib build/prebuilt
cp build/prebuilt/ariigcn_dgl/libariigcn.so "$carried/"
state > "$carried/sources"
# The command's parser; what tests import; losses of other libraries that contrast is set beside. The
# last two are optional: their peers say that they are missing.
download() {
  "$PYTHON" -m pip download -q --no-deps --only-binary :all: --python-version 3.12 \
    --dest "$carried/wheels" "$@"
}
download jsonargparse shtab docstring_parser typeshed_client importlib_resources \
  hypothesis sortedcontainers pytorch-metric-learning tqdm
download inf-cl liger-kernel || echo "without inf-cl and liger-kernel" >&2

du -ab "$carried" --max-depth 2 | sort -n
size=$(du -sb "$carried" | cut -f 1)
[ "$size" -lt $most ] || { echo "$carried has $size bytes, $most at most can be carried" >&2; exit 1; }
