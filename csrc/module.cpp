// The module `_C`: importing it registers the operators; it says how they were built.
#undef TORCH_TARGET_VERSION  // pybind11 as torch bundled it before 2.13 refuses to stand beside it
#include <pybind11/pybind11.h>
#include <torch/headeronly/version.h>

#include "cpu/isa.h"
#include "machine.h"

PYBIND11_MODULE(_C, m) {
  m.doc() = "Native operators of ariigcn_dgl; importing it registers torch.ops.ariigcn";
  m.def("cpu_capability", &ariigcn::isa_name, "Instruction set that the CPU kernels run with");
  m.def("build_info", [] {
    pybind11::dict info;
    info["compiler"] = "g++ " __VERSION__;
    info["torch_headers"] = TORCH_VERSION;
    info["cuda"] = ARIIGCN_CUDA_VERSION;
    info["cuda_archs"] = ARIIGCN_CUDA_ARCHS;
    return info;
  });
  // The lock is released, so that Python threads measure all cores at once.
  m.def("fma_rate", &ariigcn::fma_rate, pybind11::arg("seconds"),
        pybind11::call_guard<pybind11::gil_scoped_release>());
}
