// Sixteen floats in two AVX2 registers; see generic/vec16.h for the meaning of each operation.
#pragma once

#include <immintrin.h>

#include "core/types.h"

namespace jesus::avx2 {

struct Vec16 {
    struct Reg {
        __m256 lo, hi;
    };

    static constexpr int kTokens = 6;  // 12 sums, two weights, one value: 15 of 16 registers
    static constexpr int kTileGroups = 1;
    static constexpr int kGroups = 4;
    static constexpr int kFloatPrefetchAhead = 0;  // four groups at once are read faster by the hardware alone
    static constexpr int kQueries = 4;  // 8 sums, two keys, one query value
    static constexpr int kQuantBytes = 2;  // int16, ready for multiply-add of 16-bit pairs

    static Reg zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
    static Reg set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
    static Reg load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
    static void store(float* to, Reg x) {
        _mm256_storeu_ps(to, x.lo);
        _mm256_storeu_ps(to + 8, x.hi);
    }
    static __m128i load_shorts(const uint16_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }
    static Reg load_half(const uint16_t* from) { return {_mm256_cvtph_ps(load_shorts(from)), _mm256_cvtph_ps(load_shorts(from + 8))}; }
    static __m256i load_words(const uint32_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
    static __m256 odd_of(__m256i pairs) { return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xffff0000u)))); }
    static __m256 even_of(__m256i pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)); }
    static Reg load_odd(const uint32_t* pairs) { return {odd_of(load_words(pairs)), odd_of(load_words(pairs + 8))}; }
    static Reg load_even(const uint32_t* pairs) { return {even_of(load_words(pairs)), even_of(load_words(pairs + 8))}; }
    static __m256 widen_bytes(__m128i x) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(x)); }
    static Reg load_bytes(const int8_t* from) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        return {widen_bytes(bytes), widen_bytes(_mm_srli_si128(bytes, 8))};
    }
    static void store_half(uint16_t* to, Reg x) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(x.lo, _MM_FROUND_TO_NEAREST_INT));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 8), _mm256_cvtps_ph(x.hi, _MM_FROUND_TO_NEAREST_INT));
    }
    static void store_quants(uint8_t* to, Reg x) {
        const __m256i packed = _mm256_packs_epi32(_mm256_cvtps_epi32(x.lo), _mm256_cvtps_epi32(x.hi));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_permute4x64_epi64(packed, 0xd8));
    }
    static void store_bytes(int8_t* to, Reg x) {
        const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(_mm256_cvtps_epi32(x.lo), _mm256_cvtps_epi32(x.hi)), 0xd8);
        const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
    }

    static Reg add(Reg a, Reg b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
    static Reg sub(Reg a, Reg b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
    static Reg mul(Reg a, Reg b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
    static Reg div(Reg a, Reg b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
    static Reg fma(Reg a, Reg b, Reg c) { return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)}; }
    static Reg max(Reg a, Reg b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
    static Reg min(Reg a, Reg b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
    static Reg abs(Reg a) {
        const __m256 sign = _mm256_set1_ps(-0.0f);
        return {_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi)};
    }
    static __m256 round8(__m256 x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
    static Reg round(Reg a) { return {round8(a.lo), round8(a.hi)}; }
    static __m256 exp2i8(__m256 n) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
    }
    static Reg exp2i(Reg n) { return {exp2i8(n.lo), exp2i8(n.hi)}; }
    static __m256 select8(__m256 a, __m256 b, __m256 x, __m256 y) { return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
    static Reg select_less(Reg a, Reg b, Reg x, Reg y) { return {select8(a.lo, b.lo, x.lo, y.lo), select8(a.hi, b.hi, x.hi, y.hi)}; }
    static Reg keep_first(Reg a, int count, float other) {
        const Reg lane = {_mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7), _mm256_setr_ps(8, 9, 10, 11, 12, 13, 14, 15)};
        return select_less(lane, set(static_cast<float>(count)), a, set(other));
    }

    static float sum(Reg a) {
        const __m256 eight = _mm256_add_ps(a.lo, a.hi);
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
    static float highest(Reg a) {
        const __m256 eight = _mm256_max_ps(a.lo, a.hi);
        const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
    }
};

}  // namespace jesus::avx2
