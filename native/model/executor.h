// Threads and working memory for forward passes of one model.
#pragma once

#include <memory>
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

// Neighbouring rows of one LoRA adapter.
struct AdapterRun {
    int first_row;
    int rows;
    int adapter;  // from 1
};

// Rows of floats in memory.
struct Rows {
    float* data = nullptr;
    int64_t stride = 0;  // floats
    float* at(int64_t row) const { return data + row * stride; }
};

// Rows of quantised activations.
struct QuantRows {
    uint8_t* data = nullptr;
    int64_t stride = 0;  // bytes
    uint8_t* at(int64_t row) const { return data + row * stride; }
};

// Memory of a batch's way through the experts. A slot is one row at one of its chosen experts; slots stand expert by expert, rows ascending, so that
// each expert's products run over neighbouring rows.
struct ExpertWork {
    Rows scores;              // [rows][experts]: the router's, then their softmax
    Rows shared_scores;       // [rows][16]: column 0
    int32_t* chosen;          // [rows][used], by rank
    float* weights;           // [rows][used]
    int32_t* slots;           // [rows][used]: where the row stands
    int32_t* starts;          // [experts + 1]: slots of each expert
    int32_t* slot_rows;       // [slots]
    int32_t* active;          // [experts]: those that have slots
    int32_t* active_count;    // [1]
    Rows rows;                // [slots][width]: what the experts read, then what they give
    QuantRows quants;         // [slots]
    Rows gate, up;            // [slots][expert_ffn]
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

    // Both expect that validate_batch said JN_OK. kv is null for an encoder.
    void forward(KvPool* kv, const jn_batch& batch);
    // Runs the batch again on the caller alone and looks where the sequence's rows first hold what is no number: 0 .. layers - 1 for a block, layers
    // for the output, -1 for the embedding, -2 for nowhere.
    int32_t find_not_finite(KvPool* kv, const jn_batch& batch, int32_t sequence);

    const Model& model() const { return model_; }
    int32_t max_rows() const { return max_rows_; }
    int32_t adapters() const { return adapters_; }  // that rows may have
    uint64_t bytes() const { return memory_.bytes(); }

private:
    friend class ForwardPass;
    class Carver;

    void carve(Carver& carver);
    void carve_experts(Carver& carver);
    void place_encoder_rows(const jn_batch& batch);

    const Model& model_;
    const int32_t max_rows_;
    const int32_t adapters_;
    ThreadPool pool_;

    Buffer memory_;
    Rows residual_;    // [max_rows][width]
    Rows normed_;      // [max_rows][width]
    Rows branch_;      // [max_rows][width]: what a block adds, where it is not added at once
    Rows query_;       // [max_rows][heads * head_dim]
    Rows key_, value_; // [max_rows][kv_heads * head_dim]
    Rows attended_;    // [max_rows][heads * head_dim]
    Rows gate_, up_;   // [max_rows][ffn]
    Rows angles_;      // [max_rows], for each rope table: cosines, then sines
    Rows scratch_;     // [threads]: of Attend, or one row of the width
    QuantRows quants_; // [max_rows] quantised rows of the widest input
    int32_t* last_;    // [max_rows]: the last position each row sees
    int32_t* kept_;    // [max_rows]: where each row stands among those that are wanted
    Rows narrow_;      // [max_rows], for each product of a phase padded(rank) floats: what adapters' first halves give
    ExpertWork experts_{};
    std::vector<int64_t> rope_offsets_;  // floats from a row's angles to each table's
    std::vector<RowTile> tiles_;
    std::vector<AdapterRun> runs_, wanted_runs_, logit_runs_;  // of all rows, of those that go on to the end, of the rows of logits

    // An encoder's keys and values: one layer, used anew by each, and a block table that deals blocks out in order.
    std::unique_ptr<KvPool> encoder_kv_;
    std::vector<int32_t> encoder_blocks_;
    std::vector<int32_t> encoder_starts_;  // [sequences]
};

}  // namespace jesus
