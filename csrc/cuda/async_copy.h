// Asynchronous copies, on a GPU or in the emulator.
#pragma once

#ifdef __CUDACC__
#include "async_copy_ptx.h"
#else
#include <async_copy_ptx.h>  // of the emulator
#endif
