// The table for AVX-512 F, BW, VL, DQ and VNNI, and its BF16 where the processor has it.
#include "cpu/kernels.h"
#include "cpu/shared/matmul_bf16.h"
#include "cpu/shared/matmul_float.h"
#include "cpu/shared/row_kernels.h"
#include "cpu/shared/rows.h"
#include "cpu/x86/avx512/matmul_bf16.h"
#include "cpu/x86/avx512/matmul_coded.h"
#include "cpu/x86/avx512/matmul_q8.h"
#include "cpu/x86/avx512/vec16.h"
#include "jesus_native.h"

namespace jesus {

namespace avx512 {

double burn_int8(int64_t rounds) {
    __m512i sums[12];
    for (__m512i& sum : sums) {
        sum = _mm512_setzero_si512();
    }
    for (int64_t round = 0; round < rounds; ++round) {
        const __m512i w = _mm512_set1_epi32(static_cast<int32_t>(round));
        for (__m512i& sum : sums) {
            sum = _mm512_dpbusd_epi32(sum, w, w);
        }
    }
    int32_t lanes[kLanes];
    volatile int32_t keep = 0;
    for (__m512i& sum : sums) {
        _mm512_storeu_si512(lanes, sum);
        keep = lanes[0];
    }
    (void)keep;
    return static_cast<double>(rounds) * 12 * 64 * 2;
}

double burn_fp32(int64_t rounds) {
    __m512 sums[12];
    for (__m512& sum : sums) {
        sum = _mm512_setzero_ps();
    }
    for (int64_t round = 0; round < rounds; ++round) {
        const __m512 w = _mm512_set1_ps(static_cast<float>(round));
        for (__m512& sum : sums) {
            sum = _mm512_fmadd_ps(w, w, sum);
        }
    }
    float lanes[kLanes];
    volatile float keep = 0;
    for (__m512& sum : sums) {
        _mm512_storeu_ps(lanes, sum);
        keep = lanes[0];
    }
    (void)keep;
    return static_cast<double>(rounds) * 12 * 16 * 2;
}

}  // namespace avx512

namespace {

Kernels table() {
    using V = avx512::Vec16;
    Kernels kernels = {
        row_kernels<V>(), "avx512", JN_ISA_AVX512, {4, 0x80, V::kQuantBytes},
        matmul_f32<V>, matmul_f16<V>, matmul_bf16<V>, avx512::matmul_q8, matmul_coded<avx512::CodedMachine>,
        quantise_row<V>,
        avx512::burn_int8, avx512::burn_fp32, nullptr,
    };
#if !defined(JN_SIMDE)
    if (avx512::has_pair_product()) {
        kernels.matmul_bf16 = avx512::matmul_pairs;
        kernels.burn_bf16 = avx512::burn_bf16;
    }
#endif
    return kernels;
}

}  // namespace

const Kernels* avx512_kernels() {
    static const Kernels kernels = table();
    return &kernels;
}

}  // namespace jesus
