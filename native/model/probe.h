// Measures what the machine can do, so that benches can state their share of it.
#pragma once

#include "cpu/kernels.h"
#include "jesus_native.h"

namespace jesus {

// Throws std::bad_alloc or std::system_error.
jn_probe_result probe(const Kernels& kernels, int32_t threads, uint64_t bytes, int32_t repeats);

}  // namespace jesus
