// LoRA adapters (https://arxiv.org/abs/2106.09685): beside a matrix W stands a product of low rank, y = W x + scale * up (down x).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/buffer.h"
#include "cpu/matrix.h"
#include "jesus_native.h"

namespace jesus {

// What one adapter adds to one matrix; nothing where the matrices have no memory.
struct LowRank {
    Matrix down;  // [rank][columns of W]
    Matrix up;    // [rows of W][rank]
    float scale = 0;
};

// Of all adapters beside one matrix, adapter i at i - 1; as long as the highest that adapts this matrix.
using LowRanks = std::vector<LowRank>;

// Products of one phase that adapters may go beside: query, key and value.
constexpr int kAdaptedTogether = 3;

// The memory of a model's adapters, and what of it was loaded.
class AdapterMemory {
public:
    // Of the matrix that a part stands beside.
    struct Size {
        int64_t rows, cols;
    };

    // Places each part and gives it memory; changes nothing unless it says JN_OK. Throws std::bad_alloc.
    jn_status reserve(const jn_low_rank* parts, int32_t count, const std::vector<Size>& sizes, const std::vector<LowRanks*>& places);
    jn_status load(int32_t index, int32_t side, int64_t first_row, int64_t rows, const void* data, uint64_t bytes);
    bool complete() const;

    int32_t count() const { return count_; }        // highest adapter
    int32_t rank_max() const { return rank_max_; }
    uint64_t bytes() const { return arena_.bytes(); }

private:
    // Of one part: down, then up.
    struct Side {
        Matrix matrix;
        std::unique_ptr<std::atomic<int64_t>> loaded;  // rows
    };

    Buffer arena_;
    std::vector<Side> sides_;
    int32_t count_ = 0;
    int32_t rank_max_ = 0;
};

}  // namespace jesus
