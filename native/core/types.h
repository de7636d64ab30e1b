// Words shared by every part of the library: tensor types, rounding of sizes, 16-bit floats.
#pragma once

#include <cstddef>
#include <cstdint>

namespace jesus {

// Lanes of every vector kernel, rows of every packed weight group, positions of every KV block.
constexpr int kLanes = 16;
// Columns of one Q8_0 block.
constexpr int kQ8Columns = 32;
// Bytes of one Q8_0 block in a file: an F16 scale and 32 signed bytes.
constexpr int kQ8FileBytes = 34;

// Numbered as in GGUF.
enum class Type : int32_t {
    F32 = 0, F16 = 1, Q4_0 = 2, Q4_1 = 3, Q5_0 = 6, Q5_1 = 7, Q8_0 = 8, Q2_K = 10, Q3_K = 11, Q4_K = 12, Q5_K = 13, Q6_K = 14,
    IQ4_NL = 20, IQ4_XS = 23, BF16 = 30, MXFP4 = 39
};

constexpr bool is_float(Type type) { return type == Type::F32 || type == Type::F16 || type == Type::BF16; }

constexpr int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// Floats of one activation row in memory; those past the row's end are zero.
constexpr int64_t padded(int64_t columns) { return round_up(columns, kLanes); }

struct Range {
    int begin;
    int end;
};

// The part of `count` items that one thread of `threads` owns: contiguous, sizes differ by at most one.
constexpr Range share(int count, int thread, int threads) {
    return {static_cast<int>(static_cast<int64_t>(count) * thread / threads),
            static_cast<int>(static_cast<int64_t>(count) * (thread + 1) / threads)};
}

}  // namespace jesus
