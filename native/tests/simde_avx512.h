// AVX-512 intrinsics for CPUs without them: SIMDe's, and here those that its packaged version (0.7.4) lacks or computes
// with two roundings (fmadd). For tests only; the wide operations are pairs of AVX2 ones.
#pragma once

#define SIMDE_ENABLE_NATIVE_ALIASES
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include <simde/x86/avx512.h>
#pragma GCC diagnostic pop
#include <immintrin.h>

#include <array>
#include <bit>
#include <cstdint>

namespace jesus::emulated {

struct Floats {
    __m256 lo, hi;
};
struct Ints {
    __m256i lo, hi;
};

inline Floats split(simde__m512 x) { return std::bit_cast<Floats>(x); }
inline Ints split(simde__m512i x) { return std::bit_cast<Ints>(x); }
inline simde__m512 join(Floats x) { return std::bit_cast<simde__m512>(x); }
inline simde__m512i join(Ints x) { return std::bit_cast<simde__m512i>(x); }

inline simde__m512 fmadd_ps(simde__m512 a, simde__m512 b, simde__m512 c) {
    const Floats x = split(a), y = split(b), z = split(c);
    return join(Floats{_mm256_fmadd_ps(x.lo, y.lo, z.lo), _mm256_fmadd_ps(x.hi, y.hi, z.hi)});
}
inline simde__m512 cvtph_ps(__m256i x) {
    return join(Floats{_mm256_cvtph_ps(_mm256_castsi256_si128(x)), _mm256_cvtph_ps(_mm256_extracti128_si256(x, 1))});
}
inline simde__m512i cvtps_epi32(simde__m512 x) {
    return join(Ints{_mm256_cvtps_epi32(split(x).lo), _mm256_cvtps_epi32(split(x).hi)});
}
inline simde__m512 cvtepi32_ps(simde__m512i x) {
    return join(Floats{_mm256_cvtepi32_ps(split(x).lo), _mm256_cvtepi32_ps(split(x).hi)});
}
inline simde__m512i cvtepu16_epi32(__m256i x) {
    return join(Ints{_mm256_cvtepu16_epi32(_mm256_castsi256_si128(x)), _mm256_cvtepu16_epi32(_mm256_extracti128_si256(x, 1))});
}
inline simde__m512i cvtepi8_epi32(__m128i x) { return join(Ints{_mm256_cvtepi8_epi32(x), _mm256_cvtepi8_epi32(_mm_srli_si128(x, 8))}); }
inline __m256i cvtps_ph(simde__m512 x) {
    const __m128i lo = _mm256_cvtps_ph(split(x).lo, _MM_FROUND_TO_NEAREST_INT), hi = _mm256_cvtps_ph(split(x).hi, _MM_FROUND_TO_NEAREST_INT);
    return _mm256_set_m128i(hi, lo);
}
inline simde__m512i srai_epi32(simde__m512i x, int bits) {
    return join(Ints{_mm256_srai_epi32(split(x).lo, bits), _mm256_srai_epi32(split(x).hi, bits)});
}
inline __m128i cvtepi32_epi8(simde__m512i x) {
    const auto lanes = std::bit_cast<std::array<int32_t, 16>>(x);
    std::array<int8_t, 16> bytes{};
    for (size_t i = 0; i < lanes.size(); ++i) {
        bytes[i] = static_cast<int8_t>(lanes[i]);
    }
    return std::bit_cast<__m128i>(bytes);
}
inline simde__m512 max_ps(simde__m512 a, simde__m512 b) {
    return join(Floats{_mm256_max_ps(split(a).lo, split(b).lo), _mm256_max_ps(split(a).hi, split(b).hi)});
}
inline simde__m512 min_ps(simde__m512 a, simde__m512 b) {
    return join(Floats{_mm256_min_ps(split(a).lo, split(b).lo), _mm256_min_ps(split(a).hi, split(b).hi)});
}

}  // namespace jesus::emulated

#undef _mm512_fmadd_ps
#undef _mm512_cvtepi32_epi8
#undef _mm512_max_ps
#undef _mm512_min_ps
#undef _mm512_cvtepi8_epi32
#undef _mm512_cvtps_ph
#undef _mm512_srai_epi32
#define _mm512_srai_epi32(a, bits) jesus::emulated::srai_epi32(a, bits)
#define _mm512_fmadd_ps(a, b, c) jesus::emulated::fmadd_ps(a, b, c)
#define _mm512_cvtepi32_epi8(a) jesus::emulated::cvtepi32_epi8(a)
#define _mm512_max_ps(a, b) jesus::emulated::max_ps(a, b)
#define _mm512_min_ps(a, b) jesus::emulated::min_ps(a, b)
#define _mm512_cvtph_ps(a) jesus::emulated::cvtph_ps(a)
#define _mm512_cvtps_epi32(a) jesus::emulated::cvtps_epi32(a)
#define _mm512_cvtepi32_ps(a) jesus::emulated::cvtepi32_ps(a)
#define _mm512_cvtepu16_epi32(a) jesus::emulated::cvtepu16_epi32(a)
#define _mm512_cvtepi8_epi32(a) jesus::emulated::cvtepi8_epi32(a)
#define _mm512_cvtps_ph(a, rounding) jesus::emulated::cvtps_ph(a)
