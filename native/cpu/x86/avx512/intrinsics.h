// The intrinsics, or (JN_SIMDE, tests only) a portable emulation of them for CPUs without AVX-512.
#pragma once

#if defined(JN_SIMDE)
#include "tests/simde_avx512.h"
#else
#include <immintrin.h>
#endif
