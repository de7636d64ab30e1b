// A weight matrix in the kernels' layout. Rows stand in groups of 16 (the last one filled with zeros), so that a lane of
// a vector is a row and no sum ever crosses lanes. One group, `group_bytes` long, holds
//
//   F32, F16         [cols][16 rows]
//   BF16             [cols / 2][16 rows][2 columns]; a column of zeros after an odd number
//   Q8_0             quants [cols / 32][512 bytes], then scales [cols / 32][16 rows] F16;
//                    inside a block, `interleave` columns of row 0, of row 1, ... of row 15, then the next columns
//   coded formats    records of 32 or 256 columns (forms.h), the same for every instruction set
#pragma once

#include <cstdint>

#include "core/types.h"

namespace jesus {

// What an instruction set wants of Q8_0 blocks.
struct Q8Layout {
    int interleave;     // neighbouring columns kept together: 32 (plain rows), 4 (VNNI) or 2 (multiply-add of 16 bits)
    uint8_t flip;       // xor on every quant: 0x80 turns -128..127 into 0..255
    int element_bytes;  // of a quantised activation: 1 or 2
};

struct Matrix {
    Type type = Type::F32;
    int64_t rows = 0;
    int64_t cols = 0;
    int64_t group_bytes = 0;
    Q8Layout q8 = {};
    uint8_t* data = nullptr;

    int groups() const { return static_cast<int>((rows + kLanes - 1) / kLanes); }
    int blocks() const { return static_cast<int>(cols / kQ8Columns); }
    int64_t bytes() const { return group_bytes * groups(); }
    const uint8_t* group(int index) const { return data + group_bytes * index; }
    uint8_t* group(int index) { return data + group_bytes * index; }
};

// False when the type is unknown or the columns do not fit it.
bool matrix_supported(Type type, int64_t cols);
// A matrix without memory: its sizes.
Matrix matrix_layout(Type type, int64_t rows, int64_t cols, Q8Layout q8);
// Bytes of one row as files store it.
int64_t file_row_bytes(Type type, int64_t cols);
// Packs `count` rows of the file's format, from row `first`.
void pack_rows(Matrix& matrix, int64_t first, int64_t count, const uint8_t* source);
// Writes row `row` as floats, padded(cols) of them.
void read_row(const Matrix& matrix, int64_t row, float* out);

// A block of 32 quantised activations, all that a product with coded weights reads of it: one cache line.
struct alignas(64) QuantBlock {
    int8_t quants[kQ8Columns];
    float scale;
    float total;          // scale * the sum of quants: what a least of 1 adds
    float half_totals[2]; // the same of the first and of the last 16 columns
    int16_t halves[2];    // the sums of their quants
    int32_t sum;          // of all quants
};

// Where the parts of one quantised activation row lie, in bytes from its start. Products with Q8_0 weights read the first
// three, those with coded weights the blocks.
struct QuantLayout {
    int64_t scales;  // [blocks] float
    int64_t sums;    // [blocks] int32: -128 * the block's sum of quants, what an offset of +128 on the weights adds
    int64_t quants;  // [cols] int8 or int16
    int64_t blocks;  // [blocks] QuantBlock
    int64_t bytes;
};

constexpr QuantLayout quant_layout(int64_t cols, int element_bytes) {
    const int64_t column = round_up(cols / kQ8Columns * 4, 64);
    const int64_t blocks = 2 * column + round_up(cols * element_bytes, 64);
    return {0, column, 2 * column, blocks, blocks + cols / kQ8Columns * static_cast<int64_t>(sizeof(QuantBlock))};
}

// Bytes between rows of activations: an odd number of cache lines. Rows whose distance is a multiple of many would share few sets of the caches, and
// a phase that goes down a column of 512 rows would find none of them there again.
constexpr int64_t apart(int64_t bytes) { return round_up(bytes, 64) + (round_up(bytes, 64) / 64 % 2 == 0 ? 64 : 0); }

}  // namespace jesus
