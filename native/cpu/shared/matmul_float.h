// Products with F32, F16 and BF16 weights. Each output is one chain: sum = fma(weight, x, sum) over the columns in
// order, so it depends neither on the tile nor on the batch. A tile of V::kTokens x V::kTileGroups groups (16 rows) fills
// the registers in prefill; one token takes V::kGroups groups at once, because one chain alone waits for its own latency.
#pragma once

#include "cpu/kernels.h"

namespace jesus {

template <class V, class Weight, int Tokens, int Groups>
inline void float_tile(const Product& p, int token, int group) {
    const int64_t cols = p.weights->cols;
    const float* x[Tokens];
    for (int t = 0; t < Tokens; ++t) {
        x[t] = p.input.floats + (token + t) * p.input.float_stride;
    }
    const typename Weight::Element* w[Groups];
    for (int g = 0; g < Groups; ++g) {
        w[g] = reinterpret_cast<const typename Weight::Element*>(p.weights->group(group + g));
    }
    typename V::Reg sums[Tokens][Groups];
    for (int t = 0; t < Tokens; ++t) {
        for (int g = 0; g < Groups; ++g) {
            sums[t][g] = V::zero();
        }
    }
    // A single row's weights come from memory.
    constexpr bool kAsksAhead = Tokens == 1 && V::kFloatPrefetchAhead > 0;
    constexpr int kBytes = sizeof(typename Weight::Element), kColumnsALine = 64 / kBytes / kLanes;
    for (int64_t column = 0; column < cols; ++column) {
        if (kAsksAhead && column % kColumnsALine == 0) {
            for (int g = 0; g < Groups; ++g) {
                __builtin_prefetch(w[g] + column * kLanes + V::kFloatPrefetchAhead / kBytes, 0, 2);
            }
        }
        typename V::Reg weights[Groups];
        for (int g = 0; g < Groups; ++g) {
            weights[g] = Weight::load(w[g] + column * kLanes);
        }
        for (int t = 0; t < Tokens; ++t) {
            const typename V::Reg value = V::set(x[t][column]);
            for (int g = 0; g < Groups; ++g) {
                sums[t][g] = V::fma(weights[g], value, sums[t][g]);
            }
        }
    }
    for (int t = 0; t < Tokens; ++t) {
        for (int g = 0; g < Groups; ++g) {
            float* out = p.out + (token + t) * p.out_stride + (group + g) * kLanes;
            V::store(out, p.accumulate ? V::add(V::load(out), sums[t][g]) : sums[t][g]);
        }
    }
}

// All tokens over one tile's groups; the last tile has the tokens that are left.
template <class V, class Weight, int Groups, int Tokens = V::kTokens>
inline void float_tokens(const Product& p, int token, int group) {
    for (; token + Tokens <= p.tokens; token += Tokens) {
        float_tile<V, Weight, Tokens, Groups>(p, token, group);
    }
    if constexpr (Tokens > 1) {
        float_tokens<V, Weight, Groups, Tokens - 1>(p, token, group);
    }
}

template <class V, class Weight>
void float_single(const Product& p) {
    int group = p.groups.begin;
    for (; group + V::kGroups <= p.groups.end; group += V::kGroups) {
        float_tile<V, Weight, 1, V::kGroups>(p, 0, group);
    }
    for (; group < p.groups.end; ++group) {
        float_tile<V, Weight, 1, 1>(p, 0, group);
    }
}

template <class V, class Weight>
void matmul_float(const Product& p) {
    if (p.tokens == 1) {
        float_single<V, Weight>(p);
        return;
    }
    int group = p.groups.begin;
    for (; group + V::kTileGroups <= p.groups.end; group += V::kTileGroups) {
        float_tokens<V, Weight, V::kTileGroups>(p, 0, group);
    }
    for (; group < p.groups.end; ++group) {
        float_tokens<V, Weight, 1>(p, 0, group);
    }
}

template <class V>
struct WeightF32 {
    using Element = float;
    static typename V::Reg load(const float* from) { return V::load(from); }
};

template <class V>
struct WeightF16 {
    using Element = uint16_t;
    static typename V::Reg load(const uint16_t* from) { return V::load_half(from); }
};

template <class V>
struct WeightBF16 {
    using Element = uint16_t;
    static typename V::Reg load(const uint16_t* from) { return V::load_bfloat(from); }
};

}  // namespace jesus
