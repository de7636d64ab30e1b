// The kernels in plain C++: what runs on a CPU without AVX2, and what every other table is tested against.
#include "cpu/kernels.h"
#include "cpu/generic/matmul_coded.h"
#include "cpu/generic/vec16.h"
#include "cpu/shared/matmul_bf16.h"
#include "cpu/shared/matmul_float.h"
#include "cpu/shared/row_kernels.h"
#include "cpu/shared/rows.h"
#include "jesus_native.h"

namespace jesus {

namespace generic {

// Bytes: 544 of weights and 36 of activations for 512 multiply-adds.
void q8_block(const uint8_t* quants, const uint16_t* scales, const int8_t* x, float x_scale, float* sums) {
    for (int row = 0; row < kLanes; ++row) {
        int32_t dot = 0;
        for (int i = 0; i < kQ8Columns; ++i) {
            dot += static_cast<int8_t>(quants[row * kQ8Columns + i]) * x[i];
        }
        sums[row] = __builtin_fmaf(static_cast<float>(dot), float_from_half(scales[row]) * x_scale, sums[row]);
    }
}

void q8_group(const Product& p, int group, int token) {
    const int blocks = p.weights->blocks();
    const QuantLayout layout = quant_layout(p.weights->cols, Vec16::kQuantBytes);
    const uint8_t* input = p.input.quants + token * p.input.quant_stride;
    const float* x_scales = reinterpret_cast<const float*>(input + layout.scales);
    const int8_t* x = reinterpret_cast<const int8_t*>(input + layout.quants);
    const uint8_t* quants = p.weights->group(group);
    const uint16_t* scales = reinterpret_cast<const uint16_t*>(quants + static_cast<int64_t>(blocks) * kLanes * kQ8Columns);
    float sums[kLanes] = {};
    for (int block = 0; block < blocks; ++block) {
        q8_block(quants + block * kLanes * kQ8Columns, scales + block * kLanes, x + block * kQ8Columns, x_scales[block], sums);
    }
    float* out = p.out + token * p.out_stride + group * kLanes;
    for (int row = 0; row < kLanes; ++row) {
        out[row] = p.accumulate ? out[row] + sums[row] : sums[row];
    }
}

void matmul_q8(const Product& p) {
    for (int group = p.groups.begin; group < p.groups.end; ++group) {
        for (int token = 0; token < p.tokens; ++token) {
            q8_group(p, group, token);
        }
    }
}

double burn_int8(int64_t rounds) {
    int8_t a[64], b[64];
    std::memset(a, 3, sizeof a);
    std::memset(b, 5, sizeof b);
    volatile int32_t keep = 0;
    for (int64_t round = 0; round < rounds; ++round) {
        int32_t dot = keep;
        for (int i = 0; i < 64; ++i) {
            dot += a[i] * b[i];
        }
        keep = dot & 0xff;
    }
    return static_cast<double>(rounds) * 128;
}

double burn_fp32(int64_t rounds) {
    volatile float keep = 0;
    for (int64_t round = 0; round < rounds; ++round) {
        keep = keep * 0.5f + 1.0f;
    }
    return static_cast<double>(rounds) * 2;
}

}  // namespace generic

const Kernels* generic_kernels() {
    using V = generic::Vec16;
    static const Kernels kernels = {
        row_kernels<V>(), "generic", JN_ISA_GENERIC, {kQ8Columns, 0, V::kQuantBytes},
        matmul_f32<V>, matmul_f16<V>, matmul_bf16<V>, generic::matmul_q8, matmul_coded<generic::CodedMachine>,
        quantise_row<V>,
        generic::burn_int8, generic::burn_fp32, nullptr,
    };
    return &kernels;
}

}  // namespace jesus
