"""Build the C++ operators and, wherever nvcc is found, their CUDA kernels.

The kernels take plain pointers and a stream, so a CPU-only torch is enough to compile and link all
of it. FORCE_CUDA=0 skips the kernels, FORCE_CUDA=1 insists on them; TORCH_CUDA_ARCH_LIST chooses
the architectures.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import setup

MINIMUM_TORCH = (2, 11)
TARGET_ABI = "0x020b000000000000"  # torch 2.11

if sys.version_info < (3, 10):  # noqa: UP036  (pip compares requires-python after this has run)
    version = ".".join(map(str, sys.version_info[:2]))
    raise SystemExit(
        f"ariigcn_dgl needs Python 3.10 or newer, this is {version}: create the environment with "
        "one of those, e.g. make demo PYTHON=python3.11"
    )
try:
    import torch
    from torch.utils.cpp_extension import BuildExtension, CppExtension
except ModuleNotFoundError:
    raise SystemExit(
        "Install torch first, without build isolation: "
        "pip install torch==2.13.0 && pip install --no-build-isolation ."
    ) from None
if tuple(map(int, torch.__version__.split(".")[:2])) < MINIMUM_TORCH:
    raise SystemExit(
        f"ariigcn_dgl needs torch 2.11 or newer, found {torch.__version__}: "
        "pip install torch==2.13.0"
    )
if shutil.which(os.getenv("CXX", "c++")) is None and shutil.which("g++") is None:
    raise SystemExit(
        "No C++ compiler found: install g++ 11 or newer (Debian, Ubuntu: apt-get install g++), "
        "or point CXX at one"
    )

CUDA_HOME = Path(os.getenv("CUDA_HOME", "/usr/local/cuda"))
if not (CUDA_HOME / "bin" / "nvcc").exists() and shutil.which("nvcc"):
    CUDA_HOME = Path(shutil.which("nvcc")).resolve().parents[1]
NVCC = CUDA_HOME / "bin" / "nvcc"
CUDA_SOURCES = sorted(Path("csrc/cuda").glob("*.cu"))
WITH_CUDA = os.getenv("FORCE_CUDA", str(int(NVCC.exists()))) == "1"
if WITH_CUDA and not NVCC.exists():
    raise SystemExit(f"FORCE_CUDA=1, but there is no {NVCC}: set CUDA_HOME, or FORCE_CUDA=0")
CUDA_ARCHS = os.getenv("TORCH_CUDA_ARCH_LIST", "7.5;8.0;9.0+PTX").replace(" ", ";").split(";")


def gencode(arch):
    sm = arch.removesuffix("+PTX").replace(".", "")
    flags = [f"-gencode=arch=compute_{sm},code=sm_{sm}"]
    return flags + [f"-gencode=arch=compute_{sm},code=compute_{sm}"] * arch.endswith("+PTX")


def cuda_version():
    text = subprocess.run([NVCC, "--version"], capture_output=True, text=True, check=True).stdout
    return text.split("release ")[1].split(",")[0]


class BuildWithNvcc(BuildExtension):
    """Compiles every .cu with nvcc and hands the objects to the linker."""

    def build_extension(self, ext):
        flags = ["-std=c++20", "-O3", "-lineinfo", "--threads=0", "-Xcompiler=-fPIC"]
        flags += ["--Werror=all-warnings"]
        flags += [flag for arch in CUDA_ARCHS for flag in gencode(arch)]
        folder = Path(self.build_temp).resolve() / "csrc" / "cuda"
        folder.mkdir(parents=True, exist_ok=True)

        def compiled(source):
            target = folder / f"{source.stem}.o"
            subprocess.check_call([NVCC, *flags, "-c", source, "-o", target])
            return str(target)

        if WITH_CUDA:
            with ThreadPoolExecutor(int(os.getenv("MAX_JOBS", os.cpu_count()))) as pool:
                ext.extra_objects += pool.map(compiled, CUDA_SOURCES)
        super().build_extension(ext)


def extension():
    sources = [*Path("csrc").glob("*.cpp"), *Path("csrc/cpu").glob("*.cpp")]
    flags = ["-std=c++20", "-O3", "-g0", "-fopenmp-simd", "-ffp-contract=fast", "-Wall", "-Wextra"]
    flags += [
        "-Wno-unused-parameter",
        "-Wno-unknown-pragmas",
        f"-DTORCH_TARGET_VERSION={TARGET_ABI}",
    ]
    link = []
    if os.getenv("ARIIGCN_SANITIZE") == "1":  # make sanitize
        link = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
        flags += [*link, "-O1", "-g1", "-fno-omit-frame-pointer"]
    cuda = {}
    if WITH_CUDA:
        sources += Path("csrc/cuda").glob("*.cpp")
        cuda["include_dirs"] = [str(CUDA_HOME / "include")]
        cuda["library_dirs"] = [str(CUDA_HOME / "lib64"), str(CUDA_HOME / "lib")]
        cuda["libraries"] = ["cudart_static", "rt", "dl"]
    macros = [
        ("ARIIGCN_CUDA_VERSION", f'"{cuda_version() if WITH_CUDA else ""}"'),
        ("ARIIGCN_CUDA_ARCHS", f'"{" ".join(CUDA_ARCHS) if WITH_CUDA else ""}"'),
    ]
    return CppExtension(
        "ariigcn_dgl._C",
        sorted(map(str, sources)),
        define_macros=macros,
        extra_compile_args={"cxx": flags},
        extra_link_args=link,
        **cuda,
    )


setup(ext_modules=[extension()], cmdclass={"build_ext": BuildWithNvcc})
