# make demo | test | lint | sanitize | clean. PYTHON chooses the interpreter, VENV the environment's folder.
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
# That of TORCH: each torchvision asks for one torch, and pip would exchange torch for any other.
TORCHVISION ?= torchvision==0.28.0
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
# What the native library and the installation are made from: a change makes them anew.
SOURCES := setup.py pyproject.toml $(wildcard csrc/*.h csrc/*.cpp csrc/*/*.h csrc/*/*.cpp csrc/*/*.cu csrc/*/*/*.h)

.PHONY: demo test lint sanitize clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	$(VENV)/bin/ariigcn train

test: $(VENV)/installed
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q -n auto --dist loadfile

lint: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/clang-format --dry-run -Werror $(filter csrc/%,$(SOURCES))

# The CPU operators' tests on a library that checks every access and every undefined operation.
sanitize: $(VENV)/installed
	PATH="$(abspath $(VENV))/bin:$$PATH" FORCE_CUDA=0 ARIIGCN_SANITIZE=1 $(VENV)/bin/python setup.py -q \
	  build --build-temp build/sanitized-objects --build-lib build/sanitized
	LD_PRELOAD="$$($${CXX:-g++} -print-file-name=libasan.so) $$($${CXX:-g++} -print-file-name=libstdc++.so)" \
	  ASAN_OPTIONS=detect_leaks=0 OMP_NUM_THREADS=2 PYTHONPATH=build/sanitized \
	  $(VENV)/bin/pytest -q tests/ops tests/graph --ignore tests/ops/test_cuda_emulated.py

$(VENV)/torch:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "ariigcn_dgl needs Python 3.10 or newer: call make with PYTHON=python3.11, for example"; exit 2; }
	@command -v "$${CXX:-c++}" > /dev/null || \
	  { echo "no C++ compiler found: install g++ 11 or newer (apt-get install g++), or point CXX at one"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install $(TORCH) setuptools ninja
	$(PIP) install --no-deps $(TORCHVISION)
	@touch $@

$(VENV)/installed: $(VENV)/torch $(SOURCES)
	PATH="$(abspath $(VENV))/bin:$$PATH" $(PIP) install --no-build-isolation -e ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info ariigcn_dgl/_C*.so
