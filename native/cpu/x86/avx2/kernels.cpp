// The table for AVX2 + FMA + F16C.
#include "cpu/kernels.h"
#include "cpu/shared/attention.h"
#include "cpu/shared/matmul_float.h"
#include "cpu/shared/rows.h"
#include "cpu/x86/avx2/matmul_q8.h"
#include "cpu/x86/avx2/vec16.h"
#include "jesus_native.h"

namespace jesus {

namespace avx2 {

// The integer product's own instructions on registers alone: a widening, then per sum a multiply-add and an add.
double burn_int8(int64_t rounds) {
    __m256i sums[12];
    for (__m256i& sum : sums) {
        sum = _mm256_setzero_si256();
    }
    __m256i w = _mm256_set1_epi16(3), a = _mm256_set1_epi16(5);
    for (int64_t round = 0; round < rounds; ++round) {
        __asm__ volatile("" : "+x"(w), "+x"(a));
        for (__m256i& sum : sums) {
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(w, a));
        }
    }
    for (__m256i& sum : sums) {
        __asm__ volatile("" : "+x"(sum));
    }
    return static_cast<double>(rounds) * 12 * 16 * 2;
}

double burn_fp32(int64_t rounds) {
    __m256 sums[12];
    for (__m256& sum : sums) {
        sum = _mm256_setzero_ps();
    }
    __m256 w = _mm256_set1_ps(0.5f), a = _mm256_set1_ps(0.25f);
    for (int64_t round = 0; round < rounds; ++round) {
        __asm__ volatile("" : "+x"(w), "+x"(a));
        for (__m256& sum : sums) {
            sum = _mm256_fmadd_ps(w, a, sum);
        }
    }
    for (__m256& sum : sums) {
        __asm__ volatile("" : "+x"(sum));
    }
    return static_cast<double>(rounds) * 12 * 8 * 2;
}

}  // namespace avx2

const Kernels* avx2_kernels() {
    using V = avx2::Vec16;
    static const Kernels kernels = {
        "avx2", JN_ISA_AVX2, {2, 0, V::kQuantBytes},
        matmul_float<V, WeightF32<V>>, matmul_float<V, WeightF16<V>>, matmul_float<V, WeightBF16<V>>, avx2::matmul_q8,
        quantise_row<V>, rms_norm_row<V>, rope_head<V>, softmax_row<V>, attend_rows<V>, swiglu_row<V>,
        avx2::burn_int8, avx2::burn_fp32,
    };
    return &kernels;
}

}  // namespace jesus
