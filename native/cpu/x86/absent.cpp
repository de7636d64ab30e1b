// On other processors the x86 tables do not exist.
#include "cpu/kernels.h"

namespace jesus {

const Kernels* avx2_kernels() { return nullptr; }
const Kernels* avx512_kernels() { return nullptr; }

}  // namespace jesus
