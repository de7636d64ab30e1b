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

enum class Type : int32_t { F32 = 0, F16 = 1, Q8_0 = 8, BF16 = 30 };

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
