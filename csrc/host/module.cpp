// The module `_host`: conveniences of this machine that nothing needs to run. It is built from
// source for the Python that runs; wheels for any Python are without it.
#include <pybind11/pybind11.h>

#include "fma_rate.h"

PYBIND11_MODULE(_host, m) {
  m.doc() = "What this machine can do, measured";
  // The lock is released, so that Python threads measure all cores at once.
  m.def("fma_rate", &ariigcn::fma_rate, pybind11::arg("seconds"),
        pybind11::call_guard<pybind11::gil_scoped_release>(),
        "GFLOP/s of float32 multiply-adds of one thread, the best of short slices");
}
