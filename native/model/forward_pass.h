// One forward pass: the phases of the graph, each split over the threads, with a barrier between them. Which steps a block has, its tensors say.
//
//   embed
//   per layer   1 close the block before; norm (and quantise)       2 query, key, value       3 norms of heads, rotate, store into the cache
//               4 attend                   5 quantise                6 attention output
//               7 close attention; norm (and quantise)               8 gate, up, activation    9 quantise      10 down
//               or, with experts, 8 to 14 as expert_phases.cpp says
//   last        close the last block; 11 norm of the rows that are wanted                      12 logits
//
// After the last block's keys and values are stored, only rows go on whose logits or hidden states are wanted.
//
// Where rows of the batch have a LoRA adapter, the first halves of its products are dealt out before the parts of 2, 6, 8, 10 and 12, and their second halves are
// added to the same parts (adapter_phases.cpp); no barrier comes to that.
//
// "Closing" adds what a block computed to the residual: at once in the product where nothing stands between, else row by row (bias and post norm, scale,
// norm of the sum) at the start of the next phase over rows, which needs no barrier more.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "model/executor.h"

namespace jesus {

// Whether products with these weights read quantised rows.
inline bool quantised(const Matrix& weights) { return weights.data != nullptr && !is_float(weights.type); }

class ForwardPass {
public:
    // threads: all of the executor's, or 1.
    ForwardPass(Executor& executor, KvPool& kv, const jn_batch& batch, int threads);
    void operator()(int thread);

    // Look for what is no number in one sequence's rows; for passes on one thread.
    void watch(int32_t sequence) {
        watched_ = sequence;
        wanted_ = rows_;
    }
    int32_t first_not_finite() const { return first_not_finite_; }

private:
    // forward_pass.cpp
    void embed(int thread);
    void embed_row(int row, float* scratch);
    void turn_angles(int row);
    void run_layer(int index, int thread);
    void find_wanted();
    void keep_wanted();
    int place_of(int row) const;
    void close_layers(int thread);
    void output(int thread);
    void logits();
    void logits_part(Range groups, int narrowed) const;

    // attention_phases.cpp
    void begin_attention(int layer, int thread);
    void project_qkv(const Layer& layer);
    void rotate_and_store(int layer, int thread);
    void prepare_heads(const Layer& layer, const Norm& norm, float* heads, int count, int row, float* scratch) const;
    void attend(int layer, int thread);
    void attend_tile(int layer, const RowTile& tile, int kv_head, Range heads, int thread);
    void attention_output(const Layer& layer, int thread);
    void make_tiles();
    int32_t last_seen(int row) const;
    const int32_t* table_of(int sequence) const;

    // ffn_phases.cpp
    void begin_ffn(const Layer& layer, int thread);
    void feed_forward(const Layer& layer, int thread);
    void gate_up(const FeedForward& ffn, Activations input, int tokens, Rows gate, Rows up, Range groups, int narrowed = 0) const;
    void gate_up_part(const FeedForward& ffn, Activations input, int first_row, int tokens, Range groups, Rows gate, Rows up, int narrowed) const;
    void activate(float* gate, const float* up, int n) const;
    void close_branch(int row, const Norm& post_norm, const Norm& sum_norm, bool added);
    void close_ffn(int layer, int row);

    // expert_phases.cpp
    void feed_experts(const Layer& layer, int thread);
    void score_experts(const Layer& layer);
    void choose_experts(int row);
    void group_by_expert();
    void gather(const Layer& layer, int slot);
    void experts_gate_up(const Layer& layer);
    void expert_gate_up(const Layer& layer, int expert, Range groups) const;
    void quantise_experts(const Layer& layer, int thread);
    void experts_down(const Layer& layer);
    void expert_down(const Layer& layer, int expert, Range groups) const;
    template <class Expert, class Shared>
    void deal_experts(int groups, int shared_groups, Expert expert, Shared shared);
    void mix_experts(const Layer& layer, int row);

    // adapter_phases.cpp
    // A product that adapters go beside, of those of one phase.
    struct Adapted {
        const LowRanks& adapters;
        const Rows& input;
    };
    void make_runs();
    void narrow(const Adapted& product, int place, const AdapterRun& run) const;
    void widen(const LowRanks& adapters, int place, int narrowed, const std::vector<AdapterRun>& runs, const Rows& out, Range groups, int first, int count) const;
    template <class Work>
    void deal_adapted(std::initializer_list<Adapted> products, const std::vector<AdapterRun>& runs, int groups, Work work);

    // Shared by the phases (forward_pass.cpp).
    void norm_row(const Norm& norm, const float* from, float* to, int n) const;
    void quantise_row(const float* row, int64_t columns, uint8_t* to) const;
    void quantise_rows(const Rows& rows, const Matrix& weights, int thread);
    void multiply(const Matrix& weights, const float* bias, const LowRanks& adapters, const Rows& input, const Rows& out, bool add);
    void multiply_part(const Matrix& weights, const float* bias, const Rows& input, const Rows& out, bool add, Range groups) const;

    // Deals `count` items out, `step` at a time, to whichever thread is free: work(Range). Once between two barriers.
    template <class Work>
    void deal(int count, int step, Work work) {
        if (threads_ == 1) {
            work(Range{0, count});
            return;
        }
        for (int begin = e_.pool_.claim(step); begin < count; begin = e_.pool_.claim(step)) {
            work(Range{begin, begin + step < count ? begin + step : count});
        }
    }
    void look(int layer, int row);
    bool adds_at_once(const Norm& post_norm) const { return !post_norm && shape_.residual_scale == 1; }
    Range rows_of(int thread) const { return share(rows_, thread, threads_); }
    size_t row_bytes() const { return static_cast<size_t>(padded(shape_.width)) * sizeof(float); }
    void barrier() {
        if (threads_ > 1) {
            e_.pool_.barrier();
        }
    }

    Executor& e_;
    KvPool& kv_;
    const jn_batch& batch_;
    const Model& model_;
    const Kernels& kernels_;
    const jn_shape& shape_;
    const int threads_;
    int rows_;    // that the phases run over
    int wanted_;  // of them, to the end
    const std::vector<AdapterRun>* runs_;  // of the rows that the phases run over
    const int dealt_groups_;
    int head_parts_ = 1;  // pieces that the query heads of one KV head are dealt in, so that every thread has work
    int32_t watched_ = -1;
    int32_t first_not_finite_ = -2;
};

// Groups of weight rows dealt at a time: whole chunks of the products' own, and with one row a few microseconds of memory's time.
constexpr int kDealtGroups = 4;
// One row of float weights wants more of them at once, because each is a chain that waits for itself.
constexpr int kDealtFloatGroups = 8;

// Deals the first halves of adapters' products (one for each product and run of rows), then `groups` groups of weight rows: work(groups, narrowed), where
// `narrowed` is how many first halves there are to wait for before a second one. Once between two barriers.
template <class Work>
void ForwardPass::deal_adapted(std::initializer_list<Adapted> products, const std::vector<AdapterRun>& runs, int groups, Work work) {
    const int per_product = static_cast<int>(runs.size());
    const int narrowed = per_product * static_cast<int>(products.size());
    const int before = narrowed * dealt_groups_;  // each is as one part of the groups, so that all parts begin at multiples
    deal(before + groups, dealt_groups_, [&](Range dealt) {
        for (int at = dealt.begin; at < std::min(dealt.end, before); at += dealt_groups_) {
            const int item = at / dealt_groups_, place = item / per_product;
            narrow(products.begin()[place], place, runs[static_cast<size_t>(item % per_product)]);
        }
        if (dealt.end > before) {
            work(Range{std::max(dealt.begin, before) - before, dealt.end - before}, narrowed);
        }
    });
}

// Adds a padded row.
inline void add_row(const float* __restrict from, float* __restrict to, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        to[i] += from[i];
    }
}

}  // namespace jesus
