// The AVX-512 sources, compiled against an emulation of their intrinsics.
#include "tests/tables.h"

const jesus::Kernels* table_under_test(const char*) { return jesus::avx512_kernels(); }
