// Sixteen floats in one AVX-512 register; see generic/vec16.h for the meaning of each operation.
#pragma once

#include "core/types.h"
#include "cpu/x86/avx512/intrinsics.h"

namespace jesus::avx512 {

struct Vec16 {
    using Reg = __m512;

    static constexpr int kTokens = 6;  // with two groups 12 sums; rows of more would compete for a first-level cache's eight ways
    static constexpr int kTileGroups = 2;
    static constexpr int kGroups = 8;
    // Bytes of a group asked for ahead of the column at hand, into the second-level cache: the hardware's own prefetch stops at each page of 4 KB.
    static constexpr int kFloatPrefetchAhead = 4096;
    static constexpr int kQueries = 8;  // chains enough to hide a latency of four cycles at two a cycle
    static constexpr int kQuantBytes = 1;

    static Reg zero() { return _mm512_setzero_ps(); }
    static Reg set(float x) { return _mm512_set1_ps(x); }
    static Reg load(const float* from) { return _mm512_loadu_ps(from); }
    static void store(float* to, Reg x) { _mm512_storeu_ps(to, x); }
    static __m256i load_shorts(const uint16_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
    static Reg load_half(const uint16_t* from) { return _mm512_cvtph_ps(load_shorts(from)); }
    static Reg load_odd(const uint32_t* pairs) {
        return _mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(pairs), _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
    }
    static Reg load_even(const uint32_t* pairs) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(pairs), 16)); }
    static Reg load_bytes(const int8_t* from) {
        return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
    }
    static void store_half(uint16_t* to, Reg x) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    static void store_quants(uint8_t* to, Reg x) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
    }
    static void store_bytes(int8_t* to, Reg x) { store_quants(reinterpret_cast<uint8_t*>(to), x); }

    static Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
    static Reg sub(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
    static Reg mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
    static Reg div(Reg a, Reg b) { return _mm512_div_ps(a, b); }
    static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
    static Reg max(Reg a, Reg b) { return _mm512_max_ps(a, b); }
    static Reg min(Reg a, Reg b) { return _mm512_min_ps(a, b); }
    static Reg abs(Reg a) { return _mm512_abs_ps(a); }
    static Reg round(Reg a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
    static Reg exp2i(Reg n) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
    }
    static Reg select_less(Reg a, Reg b, Reg x, Reg y) { return _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), x); }
    static Reg keep_first(Reg a, int count, float other) {
        return _mm512_mask_mov_ps(set(other), static_cast<__mmask16>((1u << count) - 1), a);
    }

    static __m256 low(Reg a) { return _mm512_castps512_ps256(a); }
    static __m256 high(Reg a) { return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a), 1)); }
    static float sum(Reg a) {
        const __m256 eight = _mm256_add_ps(low(a), high(a));
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
    static float highest(Reg a) {
        const __m256 eight = _mm256_max_ps(low(a), high(a));
        const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
    }
};

}  // namespace jesus::avx512
