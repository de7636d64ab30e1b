// Products with BF16 weights by the processor's own dot product of pairs.
#pragma once

#include "cpu/kernels.h"

namespace jesus::avx512 {

bool has_pair_product();  // of this CPU: vdpbf16ps
void matmul_pairs(const Product& product);
// Operations done by `rounds` of its inner loop on registers.
double burn_bf16(int64_t rounds);

}  // namespace jesus::avx512
