// The table for AVX2 + FMA + F16C.
#include "cpu/kernels.h"
#include "cpu/shared/matmul_bf16.h"
#include "cpu/shared/matmul_float.h"
#include "cpu/shared/row_kernels.h"
#include "cpu/shared/rows.h"
#include "cpu/x86/avx2/matmul_coded.h"
#include "cpu/x86/avx2/matmul_q8.h"
#include "cpu/x86/avx2/vec16.h"
#include "jesus_native.h"

namespace jesus {

namespace avx2 {

// The integer product's own instructions on registers alone: a multiply-add of pairs, then an add, in eight chains. The
// assembly keeps the compiler from seeing that every product is the same.
double burn_int8(int64_t rounds) {
    const __m256i three = _mm256_set1_epi16(3);
    __m256i a = three, b = three, c = three, d = three, e = three, f = three, g = three, h = three;
    const auto step = [&](__m256i& sum) {
        __m256i product;
        __asm__ volatile("vpmaddwd %1, %1, %0" : "=x"(product) : "x"(three));
        sum = _mm256_add_epi32(sum, product);
        __asm__ volatile("" : "+x"(sum));
    };
    for (int64_t round = 0; round < rounds; ++round) {
        step(a), step(b), step(c), step(d), step(e), step(f), step(g), step(h);
    }
    return static_cast<double>(rounds) * 8 * 16 * 2;
}

// Fused multiply-adds in ten chains: enough to hide a latency of four cycles at two a cycle.
double burn_fp32(int64_t rounds) {
    const __m256 half = _mm256_set1_ps(0.5f);
    __m256 a = half, b = half, c = half, d = half, e = half, f = half, g = half, h = half, i = half, j = half;
    const auto step = [&](__m256& sum) {
        sum = _mm256_fmadd_ps(half, half, sum);
        __asm__ volatile("" : "+x"(sum));
    };
    for (int64_t round = 0; round < rounds; ++round) {
        step(a), step(b), step(c), step(d), step(e), step(f), step(g), step(h), step(i), step(j);
    }
    return static_cast<double>(rounds) * 10 * 8 * 2;
}

}  // namespace avx2

const Kernels* avx2_kernels() {
    using V = avx2::Vec16;
    static const Kernels kernels = {
        row_kernels<V>(), "avx2", JN_ISA_AVX2, {2, 0, V::kQuantBytes},
        matmul_f32<V>, matmul_f16<V>, matmul_bf16<V>, avx2::matmul_q8, matmul_coded<avx2::CodedMachine>,
        quantise_row<V>,
        avx2::burn_int8, avx2::burn_fp32, nullptr,
    };
    return &kernels;
}

}  // namespace jesus
