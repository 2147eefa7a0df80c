"""Build the native library: operators for the CPU and, where asked for, CUDA kernels.

`ariigcn_dgl/libariigcn.so` reaches torch through its stable ABI and knows no Python, so one binary
serves every Python, and every torch from MINIMUM_TORCH on. `ariigcn_dgl/_host` is a pybind11 module
for the Python that builds it; nothing needs it to run.

CUDA kernels are compiled where nvcc is found and torch is a CUDA build. FORCE_CUDA=0 leaves them
out, FORCE_CUDA=1 insists on them (they take plain pointers and a stream, so a CPU-only torch is
enough to compile and link them); TORCH_CUDA_ARCH_LIST chooses the architectures.
ARIIGCN_PORTABLE=1 makes what `make wheel` ships: the library alone, linked for glibc 2.28 on.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import setuptools
from setuptools import setup

MINIMUM_PYTHON, MINIMUM_TORCH, MINIMUM_SETUPTOOLS = (3, 10), (2, 11), 77
TARGET_ABI = "0x020b000000000000"  # torch 2.11
OLDEST_GLIBC = "2.28"  # manylinux_2_28: RHEL 8, Debian 10, Ubuntu 18.10
SET_UP = "pip install torch==2.13.0 setuptools ninja && pip install --no-build-isolation ."

if sys.version_info[:2] < MINIMUM_PYTHON:
    raise SystemExit(
        f"ariigcn_dgl needs Python 3.10 or newer, this is {sys.version.split()[0]}: create the "
        "environment with one, e.g. make demo PYTHON=python3.11"
    )
if int(setuptools.__version__.split(".")[0]) < MINIMUM_SETUPTOOLS:
    raise SystemExit(
        f"Building ariigcn_dgl needs setuptools {MINIMUM_SETUPTOOLS} or newer, found "
        f"{setuptools.__version__}: pip install --upgrade setuptools"
    )
try:
    import torch
    from torch.utils.cpp_extension import BuildExtension, CppExtension
except ModuleNotFoundError:
    raise SystemExit(f"Install torch first, without build isolation: {SET_UP}") from None
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

from setuptools.command.bdist_wheel import bdist_wheel  # noqa: E402  (of setuptools 70 on)
from setuptools.modified import newer_group  # noqa: E402

CUDA_HOME = Path(os.getenv("CUDA_HOME", "/usr/local/cuda"))
if not (CUDA_HOME / "bin" / "nvcc").exists() and shutil.which("nvcc"):
    CUDA_HOME = Path(shutil.which("nvcc")).resolve().parents[1]
NVCC = CUDA_HOME / "bin" / "nvcc"
CUDA_SOURCES = sorted(Path("csrc/cuda").rglob("*.cu"))
WITH_CUDA = os.getenv("FORCE_CUDA", str(int(NVCC.exists() and bool(torch.version.cuda)))) == "1"
if WITH_CUDA and not NVCC.exists():
    raise SystemExit(f"FORCE_CUDA=1, but there is no {NVCC}: set CUDA_HOME, or FORCE_CUDA=0")
CUDA_ARCHS = os.getenv("TORCH_CUDA_ARCH_LIST", "7.5;8.0;9.0+PTX").replace(" ", ";").split(";")
SANITIZE = os.getenv("ARIIGCN_SANITIZE") == "1"  # make sanitize
PORTABLE = os.getenv("ARIIGCN_PORTABLE") == "1"
LIBRARY, HOST = "ariigcn_dgl.libariigcn", "ariigcn_dgl._host"


def gencode(arch):
    sm = arch.removesuffix("+PTX").replace(".", "")
    flags = [f"-gencode=arch=compute_{sm},code=sm_{sm}"]
    return flags + [f"-gencode=arch=compute_{sm},code=compute_{sm}"] * arch.endswith("+PTX")


def cuda_version():
    text = subprocess.run([NVCC, "--version"], capture_output=True, text=True, check=True).stdout
    return text.split("release ")[1].split(",")[0]


def nvcc_flags():
    flags = ["-std=c++20", "-O3", "--threads=0", "-Xcompiler=-fPIC", "--Werror=all-warnings"]
    if tuple(map(int, cuda_version().split("."))) >= (12, 8):
        flags.append("--compress-mode=size")  # of the binaries: a fifth of the size
    return flags + [flag for arch in CUDA_ARCHS for flag in gencode(arch)]


class Build(BuildExtension):
    """Compiles every .cu with nvcc and hands the objects to the linker; keeps objects for later."""

    def finalize_options(self):
        super().finalize_options()
        # Not a folder that pip removes: ninja, and nvcc below, compile what has changed since.
        self.build_temp = f"build/objects-{sys.implementation.cache_tag}" + "-sanitized" * SANITIZE

    def get_ext_filename(self, fullname):
        if fullname in (LIBRARY, LIBRARY.rpartition(".")[2]):  # the latter for a build in place
            return fullname.replace(".", "/") + ".so"
        return super().get_ext_filename(fullname)

    def build_extension(self, ext):
        # Each its own folder, as both would write a build.ninja of their own.
        folder, self.build_temp = self.build_temp, f"{self.build_temp}/{ext.name}"
        if ext.name == LIBRARY and WITH_CUDA:
            ext.extra_objects += self.cuda_objects()
        if ext.name == LIBRARY and PORTABLE:
            self.link_portably(ext)
        super().build_extension(ext)
        self.build_temp = folder

    def cuda_objects(self):
        flags = nvcc_flags()
        folder = Path("build", "cuda-" + hashlib.sha256(repr(flags).encode()).hexdigest()[:8])
        folder.mkdir(parents=True, exist_ok=True)

        def compiled(source):
            target = folder / f"{source.parent.name}_{source.stem}.o"
            read = target.with_suffix(
                ".d"
            )  # what it was compiled from: "target : source header ..."
            files = read.read_text().replace("\\\n", " ").split()[2:] if read.exists() else [source]
            if not read.exists() or newer_group(files, target, missing="newer"):
                subprocess.check_call(
                    [NVCC, *flags, "-MD", "-MF", read, "-c", source, "-o", target]
                )
            return str(target)

        with ThreadPoolExecutor(int(os.getenv("MAX_JOBS", os.cpu_count()))) as pool:
            return list(pool.map(compiled, CUDA_SOURCES))

    def link_portably(self, ext):
        # zig brings the symbols of any glibc to link against; the objects stay those of g++.
        zig = [
            sys.executable,
            "-m",
            "ziglang",
            "c++",
            "-target",
            f"x86_64-linux-gnu.{OLDEST_GLIBC}",
        ]
        compiler = os.getenv("CXX", "c++")
        for name in ("libstdc++.so", "libgcc_s.so.1"):
            say = [compiler, f"-print-file-name={name}"]
            ext.extra_objects.append(subprocess.check_output(say, text=True).strip())
        link = [*zig, "-shared", "-nostdlib++", "-s"]
        self.compiler.linker_so = self.compiler.linker_so_cxx = link
        self.compiler.compiler_cxx = link[:1]  # which distutils puts first; ninja compiles by CXX


class Wheel(bdist_wheel):
    """A wheel without `_host` is for every Python."""

    def get_tag(self):
        tag = super().get_tag()
        return ("py3", "none", tag[2]) if PORTABLE else tag


def build_options():
    """Write what csrc/build_info.cpp says; no macros, which would compile all files anew."""
    header = Path("build/include/build_options.h").absolute()
    text = f'#define ARIIGCN_CUDA_VERSION "{cuda_version() if WITH_CUDA else ""}"\n'
    text += f'#define ARIIGCN_CUDA_ARCHS "{" ".join(CUDA_ARCHS) if WITH_CUDA else ""}"\n'
    if not header.exists() or header.read_text() != text:
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text(text)
    return str(header.parent)


def library():
    sources = [*Path("csrc").glob("*.cpp"), *Path("csrc/cpu").glob("*.cpp")]
    # Not -O3, which is a third slower to compile: loops that matter are vectors by their source.
    flags = ["-std=c++20", "-O2", "-g0", "-fopenmp-simd", "-ffp-contract=fast", "-Wall", "-Wextra"]
    flags += [
        "-Wno-unused-parameter",
        "-Wno-unknown-pragmas",
        f"-DTORCH_TARGET_VERSION={TARGET_ABI}",
        f"-ffile-prefix-map={Path.cwd()}/=",  # messages name files, not this machine's folders
    ]
    link = ["-Wl,--version-script=csrc/exports.map"]
    if SANITIZE:
        link += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
        flags += [*link[1:], "-O1", "-g1", "-fno-omit-frame-pointer"]
    # That of CUDA in any case: with other flags all files would be compiled anew.
    cuda = {"include_dirs": [build_options(), str(CUDA_HOME / "include")]}
    if WITH_CUDA:
        sources += Path("csrc/cuda").rglob("*.cpp")
        cuda["library_dirs"] = [str(CUDA_HOME / "lib64"), str(CUDA_HOME / "lib")]
        cuda["libraries"] = ["cudart_static", "rt", "dl"]
    return CppExtension(
        LIBRARY,
        sorted(map(str, sources)),
        extra_compile_args={"cxx": flags},
        extra_link_args=link,
        depends=["csrc/exports.map"],
        py_limited_api=True,  # that is: no library of Python's is linked
        **cuda,
    )


def host():
    return CppExtension(
        HOST,
        ["csrc/host/fma_rate.cpp", "csrc/host/module.cpp"],
        extra_compile_args={"cxx": ["-std=c++20", "-O3", "-g0"]},
    )


setup(
    ext_modules=[library()] if PORTABLE else [library(), host()],
    cmdclass={"build_ext": Build, "bdist_wheel": Wheel},
)
