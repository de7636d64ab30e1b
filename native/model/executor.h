// Threads and working memory for forward passes of one model.
#pragma once

#include <vector>

#include "core/buffer.h"
#include "core/thread_pool.h"
#include "jesus_native.h"
#include "model/kv_pool.h"
#include "model/model.h"

namespace jesus {

// Some rows of one sequence that attend together.
struct RowTile {
    int first_row;
    int rows;
    int sequence;
};

class Executor {
public:
    static constexpr int32_t kRowsMax = 65536;

    // A step with less work than this (rows times bytes of weights; under half a millisecond on one core) runs on the
    // caller alone: its ten barriers a layer cost as much as a second thread saves, and far more when that thread's
    // core is busy with something else. Results are the same bits either way.
    static constexpr uint64_t kAloneBytes = uint64_t{8} << 20;

    // Throws std::bad_alloc or std::system_error.
    Executor(const Model& model, int32_t threads, int32_t max_rows);

    // JN_OK when the batch is consistent and fits; forward expects that this was asked.
    jn_status validate(const KvPool& kv, const jn_batch& batch) const;
    void forward(KvPool& kv, const jn_batch& batch);

    uint64_t bytes() const { return memory_.bytes(); }

private:
    friend class ForwardPass;

    const Model& model_;
    const int32_t max_rows_;
    ThreadPool pool_;

    // Row strides, in floats; quant_stride_ in bytes.
    int64_t width_stride_, attention_stride_, kv_stride_, ffn_stride_, quant_stride_, angle_stride_, scratch_stride_;

    Buffer memory_;
    float* residual_;   // [max_rows][width]
    float* normed_;     // [max_rows][width]
    float* query_;      // [max_rows][heads * head_dim]
    float* key_;        // [max_rows][kv_heads * head_dim]
    float* value_;      // [max_rows][kv_heads * head_dim]
    float* attended_;   // [max_rows][heads * head_dim]
    float* gate_;       // [max_rows][ffn]
    float* up_;         // [max_rows][ffn]
    float* angles_;     // [max_rows][rope_dims]: cosines, then sines
    float* scratch_;    // [threads] of Attend
    uint8_t* quants_;   // [max_rows] quantised rows of the widest input
    std::vector<RowTile> tiles_;
};

}  // namespace jesus
