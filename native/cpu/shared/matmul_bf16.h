// Products with BF16 weights: activations are rounded to bfloat16 (nearest even), and each pair of columns adds its odd one, then its even one, each with one
// rounding, subnormal numbers being zeros. That is what the processors' own dot product of pairs (vdpbf16ps) computes, bit for bit, so that every
// instruction set gives its sums; here of multiply-adds, for those without it.
#pragma once

#include <algorithm>

#include "core/half.h"
#include "core/subnormals.h"
#include "cpu/shared/matmul_float.h"

namespace jesus {

struct RoundedToBfloat {
    using Element = float;
    static constexpr int kColumns = 1;
    static void row(const float* from, int count, float* to) {
        for (int i = 0; i < count; ++i) {
            to[i] = float_from_bfloat(bfloat_from_float(from[i]));
        }
        to[count] = 0;
    }
};

template <class V>
struct PairForm {
    using Vec = V;
    using Weights = PlainWeights<uint32_t, 2>;
    template <int Tokens>
    using Rows = RoundedRows<Tokens, RoundedToBfloat>;
    using Mode = SubnormalsAreZero;
    static constexpr int kTokens = std::min(V::kTokens, 4);  // the pairs themselves take registers too

    template <int Tokens, int Groups>
    static void add_columns(const uint32_t* const* w, const float* const* x, int columns, bool, typename V::Reg (&sums)[Tokens][Groups]) {
        for (int64_t column = 0; column < columns; column += 2) {
            add_column<V, Tokens, Groups>([&](int g) { return V::load_odd(w[g] + column / 2 * kLanes); }, x, column + 1, sums);
            add_column<V, Tokens, Groups>([&](int g) { return V::load_even(w[g] + column / 2 * kLanes); }, x, column, sums);
        }
    }
};

template <class V>
void matmul_bf16(const Product& p) {
    matmul_chunks<PairForm<V>>(p);
}

}  // namespace jesus
