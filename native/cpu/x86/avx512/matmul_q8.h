// Products with Q8_0 weights, AVX-512 VNNI. The layout keeps four columns of each row together (interleave 4) and stores
// quant + 128: _mm512_dpbusd_epi32 multiplies unsigned weights by signed activations and adds four products into each
// row's 32-bit lane. Each sum starts at -128 * (the block's sum of activations), which takes the offset out exactly.
#pragma once

#include <cstring>

#include "cpu/kernels.h"
#include "cpu/x86/avx512/intrinsics.h"

namespace jesus::avx512 {

constexpr int kQ8Tokens = 6;       // with two groups: 12 integer sums, 12 float sums, two weights, one activation
constexpr int kQ8GroupChunk = 8;   // groups whose weights stay in L2 while a tile of tokens passes over them
constexpr int kQ8BlockBytes = kLanes * kQ8Columns;
// Bytes of a group asked for ahead of the block at hand, into the second-level cache: the hardware's own prefetch stops at each page of 4 KB. One row leaves
// too little time between its loads for more requests than the hardware's.
constexpr int kQ8PrefetchAhead = 4096;

struct Q8Input {
    const int8_t* quants;
    const float* scales;
    const int32_t* sums;
};

inline Q8Input q8_input(const Product& p, int token) {
    const QuantLayout layout = quant_layout(p.weights->cols, 1);
    const uint8_t* row = p.input.quants + token * p.input.quant_stride;
    return {reinterpret_cast<const int8_t*>(row + layout.quants), reinterpret_cast<const float*>(row + layout.scales),
            reinterpret_cast<const int32_t*>(row + layout.sums)};
}

inline __m512i broadcast_four(const int8_t* from) {
    int32_t four;
    std::memcpy(&four, from, 4);
    return _mm512_set1_epi32(four);
}

// 16 * Groups rows x Tokens over all columns. A block: 544 bytes of weights per group, 40 of activations per token and
// 1,024 operations per group and token.
template <int Tokens, int Groups>
inline void q8_tile(const Product& p, int group, int token) {
    const int blocks = p.weights->blocks();
    const uint8_t* quants[Groups];
    const uint16_t* scales[Groups];
    for (int g = 0; g < Groups; ++g) {
        quants[g] = p.weights->group(group + g);
        scales[g] = reinterpret_cast<const uint16_t*>(quants[g] + static_cast<int64_t>(blocks) * kQ8BlockBytes);
    }
    Q8Input x[Tokens];
    __m512 sums[Tokens][Groups];
    for (int t = 0; t < Tokens; ++t) {
        x[t] = q8_input(p, token + t);
        for (int g = 0; g < Groups; ++g) {
            sums[t][g] = _mm512_setzero_ps();
        }
    }
    for (int block = 0; block < blocks; ++block) {
        if (Tokens > 1 && token == 0) {
            for (int g = 0; g < Groups; ++g) {
                for (int line = 0; line < kQ8BlockBytes; line += 64) {
                    _mm_prefetch(reinterpret_cast<const char*>(quants[g] + static_cast<int64_t>(block) * kQ8BlockBytes) + kQ8PrefetchAhead + line, _MM_HINT_T1);
                }
                // The scales lie apart: those of the groups that come next.
                _mm_prefetch(reinterpret_cast<const char*>(scales[g] + block * kLanes) + Groups * p.weights->group_bytes, _MM_HINT_T1);
            }
        }
        __m512i dots[Tokens][Groups];
        for (int t = 0; t < Tokens; ++t) {
            for (int g = 0; g < Groups; ++g) {
                dots[t][g] = _mm512_set1_epi32(x[t].sums[block]);
            }
        }
        for (int step = 0; step < kQ8Columns / 4; ++step) {
            __m512i w[Groups];
            for (int g = 0; g < Groups; ++g) {
                w[g] = _mm512_loadu_si512(quants[g] + static_cast<int64_t>(block) * kQ8BlockBytes + step * 64);
            }
            for (int t = 0; t < Tokens; ++t) {
                const __m512i a = broadcast_four(x[t].quants + block * kQ8Columns + step * 4);
                for (int g = 0; g < Groups; ++g) {
                    dots[t][g] = _mm512_dpbusd_epi32(dots[t][g], w[g], a);
                }
            }
        }
        for (int g = 0; g < Groups; ++g) {
            const __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales[g] + block * kLanes)));
            for (int t = 0; t < Tokens; ++t) {
                const __m512 both = _mm512_mul_ps(scale, _mm512_set1_ps(x[t].scales[block]));
                sums[t][g] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[t][g]), both, sums[t][g]);
            }
        }
    }
    for (int t = 0; t < Tokens; ++t) {
        for (int g = 0; g < Groups; ++g) {
            float* out = p.out + (token + t) * p.out_stride + (group + g) * kLanes;
            _mm512_storeu_ps(out, p.accumulate ? _mm512_add_ps(_mm512_loadu_ps(out), sums[t][g]) : sums[t][g]);
        }
    }
}

template <int Tokens>
inline void q8_tokens(const Product& p, Range groups, int token, int count) {
    if constexpr (Tokens > 0) {
        if (count < Tokens) {
            q8_tokens<Tokens - 1>(p, groups, token, count);
            return;
        }
        int group = groups.begin;
        for (; group + 2 <= groups.end; group += 2) {
            q8_tile<Tokens, 2>(p, group, token);
        }
        if (group < groups.end) {
            q8_tile<Tokens, 1>(p, group, token);
        }
    }
}

inline void matmul_q8(const Product& p) {
    for (int group = p.groups.begin; group < p.groups.end; group += kQ8GroupChunk) {
        const int end = group + kQ8GroupChunk < p.groups.end ? group + kQ8GroupChunk : p.groups.end;
        for (int token = 0; token < p.tokens; token += kQ8Tokens) {
            q8_tokens<kQ8Tokens>(p, {group, end}, token, p.tokens - token);
        }
    }
}

}  // namespace jesus::avx512
