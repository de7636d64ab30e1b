// The table of kernels that one instruction set offers; dispatch.cpp chooses it once. All tables give the same bits.
// Activation rows are padded to 16 floats, and what lies past a row's end is zero before and after each kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/matrix.h"
#include "cpu/row_kernels.h"

namespace jesus {

// Input rows of a matrix product: floats for float weights, quantised rows (QuantLayout) for all others.
struct Activations {
    const float* floats;
    ptrdiff_t float_stride;  // floats between rows
    const uint8_t* quants;
    ptrdiff_t quant_stride;  // bytes between rows
};

// The part of a product that one thread computes.
struct Product {
    const Matrix* weights;
    Activations input;
    int tokens;
    Range groups;      // of 16 weight rows
    float* out;        // [tokens][out_stride]; column = weight row
    ptrdiff_t out_stride;
    bool accumulate;   // out = out + product, else out = product
};

struct Kernels : RowKernels {
    const char* name;
    int32_t isa;
    Q8Layout q8;

    void (*matmul_f32)(const Product& product);
    void (*matmul_f16)(const Product& product);
    void (*matmul_bf16)(const Product& product);
    void (*matmul_q8)(const Product& product);
    void (*matmul_coded)(const Product& product);  // all formats of forms.h
    // Blocks of 32 columns [blocks.begin, blocks.end) of one row: scale = max|x| / 127, quants rounded to nearest even.
    void (*quantise)(const float* x, int64_t cols, Range blocks, uint8_t* row);
    // Runs `rounds` of the inner loop of the integer and of the float product on registers; returns operations done.
    double (*burn_int8)(int64_t rounds);
    double (*burn_fp32)(int64_t rounds);
    double (*burn_bf16)(int64_t rounds);  // null where pairs of bfloat16 are products of floats
};

const Kernels* generic_kernels();
const Kernels* avx2_kernels();    // null when not built
const Kernels* avx512_kernels();  // null when not built

// isa as in jesus_native.h; null when this CPU or build lacks it. 0 chooses.
const Kernels* kernels_for(int32_t isa);

inline void matmul(const Kernels& kernels, const Product& product) {
    switch (product.weights->type) {
        case Type::F32: kernels.matmul_f32(product); break;
        case Type::F16: kernels.matmul_f16(product); break;
        case Type::BF16: kernels.matmul_bf16(product); break;
        case Type::Q8_0: kernels.matmul_q8(product); break;
        default: kernels.matmul_coded(product); break;
    }
}

}  // namespace jesus
