// Kernels that are written once over a vector of 16 floats (cpu/shared) and instantiated for every instruction set. Activation rows are padded to
// 16 floats, and what lies past a row's end is zero before and after each kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kv_layout.h"

namespace jesus {

// Attention of some query rows of one sequence, over query heads that share one KV head.
struct Attend {
    const float* queries;  // rotated; row r, head h at queries[r * query_stride + h * head_dim]
    ptrdiff_t query_stride;
    float* out;            // same shape as queries
    ptrdiff_t out_stride;
    const int32_t* last;   // [rows], never descending; row r sees positions up to last[r]
    int rows;
    int heads;
    int head_dim;
    int window;            // row r sees from last[r] - window + 1 on; 0: from 0 on
    float scale;
    float soft_cap;        // 0: none
    const float* sinks;    // [heads], or null
    KvLayout kv;
    const uint8_t* head;         // this KV head in block 0 of this layer
    ptrdiff_t block_bytes;       // from one block to the next
    const int32_t* block_table;  // block of positions 16 i .. 16 i + 15
    float* scratch;              // attend_scratch_floats() floats
};

// Query rows times heads that one Attend may have.
constexpr int kAttendQueriesMax = 64;
// Positions between two updates of the running softmax, and the blocks they lie in. Counted from position 0, so that a row's sums have one order
// whatever stands beside it.
constexpr int kAttendChunkBlocks = 4;
constexpr int kAttendChunk = kAttendChunkBlocks * kLanes;

// Keys and values of a chunk, scores, sums; highest and total.
constexpr int64_t attend_scratch_floats(int head_dim, int queries) {
    return (head_dim + padded(head_dim)) * kAttendChunk + queries * (kAttendChunk + padded(head_dim)) + 2 * round_up(queries, kLanes);
}

// One position of one KV head.
struct KvWrite {
    KvLayout kv;
    uint8_t* head;  // of the position's block
    int slot;       // 0 .. 15
    const float* key;
    const float* value;
};

struct RowKernels {
    // out = x * weight / sqrt(mean(x^2) + epsilon), over n columns; out may be x.
    void (*rms_norm)(const float* x, const float* weight, int n, float epsilon, float* out);
    // out = (x - mean) / sqrt(variance + epsilon) * weight + bias; bias may be null, out may be x.
    void (*layer_norm)(const float* x, const float* weight, const float* bias, int n, float epsilon, float* out);
    // Turns pairs of one head by angles; table [pairs] cosines, then [pairs] sines.
    void (*rope)(float* head, const float* table, int pairs, bool halves);
    void (*softmax)(float* x, int n);
    // x = cap * tanh(x / cap), n a multiple of 16.
    void (*soft_cap)(float* x, int n, float cap);
    // The activations write gate; n a multiple of 16.
    void (*swiglu)(float* gate, const float* up, int n);
    void (*geglu)(float* gate, const float* up, int n);
    void (*swiglu_limited)(float* gate, const float* up, int n, float alpha, float limit);
    void (*gelu)(float* x, int n);
    void (*attend)(const Attend& work);
    void (*write_kv)(const KvWrite& write);
};

}  // namespace jesus
