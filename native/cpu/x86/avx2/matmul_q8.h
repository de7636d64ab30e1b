// Products with Q8_0 weights, AVX2. The layout keeps two columns of each row together (interleave 2): one load widened
// to 16 bits holds 8 rows x 2 columns, and _mm256_madd_epi16 with two broadcast activations adds both products into
// each row's 32-bit lane, exactly. (maddubs would need half the instructions' loads but saturates at 16 bits, and
// guarding against that costs as many instructions as it saves.)
#pragma once

#include <immintrin.h>

#include <cstring>

#include "cpu/kernels.h"

namespace jesus::avx2 {

constexpr int kQ8Tokens = 6;       // 12 integer sums, two weights, one activation pair: 15 of 16 registers
constexpr int kQ8GroupChunk = 4;   // groups whose weights stay in L2 while a tile of tokens passes over them
constexpr int kQ8BlockBytes = kLanes * kQ8Columns;
// Bytes ahead that the first tile of tokens asks for: weights come from memory once, and the hardware's own prefetch
// stops at each 4 KB page. What lies past a group is the next group.
constexpr int kQ8PrefetchAhead = 1024;

struct Q8Input {
    const int16_t* quants;
    const float* scales;
};

inline Q8Input q8_input(const Product& p, int token) {
    const QuantLayout layout = quant_layout(p.weights->cols, 2);
    const uint8_t* row = p.input.quants + token * p.input.quant_stride;
    return {reinterpret_cast<const int16_t*>(row + layout.quants), reinterpret_cast<const float*>(row + layout.scales)};
}

inline __m256i widen_quants(const uint8_t* from) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

inline __m256i broadcast_pair(const int16_t* from) {
    int32_t pair;
    std::memcpy(&pair, from, 4);
    return _mm256_set1_epi32(pair);
}

// sum = sum + dot * (weight scale * activation scale), one rounding for the scale and one for the sum.
inline void q8_scale(float* sums, __m256i dot_lo, __m256i dot_hi, __m256 scale_lo, __m256 scale_hi, float x_scale) {
    const __m256 x = _mm256_set1_ps(x_scale);
    _mm256_store_ps(sums, _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot_lo), _mm256_mul_ps(scale_lo, x), _mm256_load_ps(sums)));
    _mm256_store_ps(sums + 8, _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot_hi), _mm256_mul_ps(scale_hi, x), _mm256_load_ps(sums + 8)));
}

// 16 rows x Tokens over all columns. A block: 544 bytes of weights, 68 of activations and 1,024 operations per token.
template <int Tokens>
inline void q8_tile(const Product& p, int group, int token) {
    const int blocks = p.weights->blocks();
    const uint8_t* quants = p.weights->group(group);
    const uint16_t* scales = reinterpret_cast<const uint16_t*>(quants + static_cast<int64_t>(blocks) * kQ8BlockBytes);
    Q8Input x[Tokens];
    for (int t = 0; t < Tokens; ++t) {
        x[t] = q8_input(p, token + t);
    }
    alignas(64) float sums[Tokens][kLanes] = {};
    for (int block = 0; block < blocks; ++block, quants += kQ8BlockBytes, scales += kLanes) {
        if (token == 0) {
            for (int line = 0; line < kQ8BlockBytes; line += 64) {
                _mm_prefetch(reinterpret_cast<const char*>(quants) + kQ8PrefetchAhead + line, _MM_HINT_T0);
            }
        }
        __m256i lo[Tokens], hi[Tokens];
        for (int t = 0; t < Tokens; ++t) {
            lo[t] = hi[t] = _mm256_setzero_si256();
        }
        for (int pair = 0; pair < kQ8Columns / 2; ++pair) {
            const __m256i w_lo = widen_quants(quants + pair * 32), w_hi = widen_quants(quants + pair * 32 + 16);
            for (int t = 0; t < Tokens; ++t) {
                const __m256i a = broadcast_pair(x[t].quants + block * kQ8Columns + pair * 2);
                lo[t] = _mm256_add_epi32(lo[t], _mm256_madd_epi16(w_lo, a));
                hi[t] = _mm256_add_epi32(hi[t], _mm256_madd_epi16(w_hi, a));
                // Holds GCC to this order: left alone it makes all products first and spills the sums.
                __asm__("" : "+x"(lo[t]), "+x"(hi[t]));
            }
        }
        const __m256 scale_lo = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales)));
        const __m256 scale_hi = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales + 8)));
        for (int t = 0; t < Tokens; ++t) {
            q8_scale(sums[t], lo[t], hi[t], scale_lo, scale_hi, x[t].scales[block]);
        }
    }
    for (int t = 0; t < Tokens; ++t) {
        float* out = p.out + (token + t) * p.out_stride + group * kLanes;
        for (int i = 0; i < kLanes; i += 8) {
            const __m256 sum = _mm256_load_ps(sums[t] + i);
            _mm256_storeu_ps(out + i, p.accumulate ? _mm256_add_ps(_mm256_loadu_ps(out + i), sum) : sum);
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
        for (int group = groups.begin; group < groups.end; ++group) {
            q8_tile<Tokens>(p, group, token);
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

}  // namespace jesus::avx2
