#pragma once

#include "cpu/kernels.h"

// The kernels that this test program is about; null when the CPU lacks their instructions.
const jesus::Kernels* table_under_test(const char* isa);
