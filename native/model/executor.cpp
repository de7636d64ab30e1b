#include "model/executor.h"

#include <algorithm>

#include "model/forward_pass.h"

namespace jesus {

namespace {

int64_t widest_input(const jn_shape& s) {
    const int32_t widest = std::max({s.width, s.heads * s.head_dim, s.ffn, s.experts > 0 ? s.shared_ffn : 0});
    return round_up(widest, kQ8Columns);
}

jn_shape one_layer(jn_shape shape) {
    shape.layers = 1;
    return shape;
}

}  // namespace

// Hands out 64-byte aligned parts of one allocation; the first pass, without memory, only adds up.
class Executor::Carver {
public:
    explicit Carver(uint8_t* base) : base_(base) {}
    template <class T>
    void take(T*& part, int64_t count) {
        if (base_ != nullptr) {
            part = reinterpret_cast<T*>(base_ + used_);
        }
        used_ += round_up(count * static_cast<int64_t>(sizeof(T)), 64);
    }
    void take(Rows& rows, int64_t count, int64_t width) {
        rows.stride = apart(padded(width) * 4) / 4;
        take(rows.data, count * rows.stride);
    }
    void take(QuantRows& rows, int64_t count, int64_t bytes) {
        rows.stride = apart(bytes);
        take(rows.data, count * rows.stride);
    }
    int64_t used() const { return used_; }

private:
    uint8_t* base_;
    int64_t used_ = 0;
};

Executor::Executor(const Model& model, int32_t threads, int32_t max_rows) : model_(model), max_rows_(max_rows), adapters_(model.adapters().count()), pool_(threads) {
    for (int64_t offset = 0; const Rope& rope : model.ropes()) {
        rope_offsets_.push_back(offset);
        offset += padded(2 * rope.pairs());
    }
    Carver sizes(nullptr);
    carve(sizes);
    memory_ = Buffer(static_cast<size_t>(sizes.used()));
    Carver parts(memory_.data());
    carve(parts);
    tiles_.reserve(static_cast<size_t>(max_rows));
    if (adapters_ > 0) {
        runs_.reserve(static_cast<size_t>(max_rows));
        wanted_runs_.reserve(static_cast<size_t>(max_rows));
        logit_runs_.reserve(static_cast<size_t>(max_rows));
    }
    if (!model.causal()) {
        // Every sequence begins a block, so there may be as many as rows; memory is touched where it is used.
        encoder_kv_ = std::make_unique<KvPool>(one_layer(model.shape()), KvType::F32, max_rows);
        for (int32_t block = 0; block < max_rows; ++block) {
            encoder_blocks_.push_back(block);
        }
        encoder_starts_.resize(static_cast<size_t>(max_rows));
    }
}

void Executor::carve(Carver& carver) {
    const jn_shape& s = model_.shape();
    int64_t angles = 0;
    for (const Rope& rope : model_.ropes()) {
        angles += padded(2 * rope.pairs());
    }
    const int64_t ffn = std::max(s.ffn, s.experts > 0 ? s.shared_ffn : 0);
    carver.take(residual_, max_rows_, s.width);
    carver.take(normed_, max_rows_, s.width);
    carver.take(branch_, max_rows_, s.width);
    carver.take(query_, max_rows_, model_.attention_width());
    carver.take(key_, max_rows_, model_.kv_width());
    carver.take(value_, max_rows_, model_.kv_width());
    carver.take(attended_, max_rows_, model_.attention_width());
    carver.take(gate_, max_rows_, ffn);
    carver.take(up_, max_rows_, ffn);
    carver.take(angles_, max_rows_, angles);
    carver.take(scratch_, pool_.threads(), std::max(attend_scratch_floats(s.head_dim, kAttendQueriesMax), padded(s.width)));
    carver.take(quants_, max_rows_, quant_layout(widest_input(s), model_.kernels().q8.element_bytes).bytes);
    carver.take(last_, max_rows_);
    carver.take(kept_, max_rows_);
    if (adapters_ > 0) {
        carver.take(narrow_, max_rows_, kAdaptedTogether * padded(model_.adapters().rank_max()));
    }
    if (s.experts > 0) {
        carve_experts(carver);
    }
}

void Executor::carve_experts(Carver& carver) {
    const jn_shape& s = model_.shape();
    const int64_t slots = static_cast<int64_t>(max_rows_) * s.experts_used;
    const int64_t widest = round_up(std::max(s.width, s.expert_ffn), kQ8Columns);
    carver.take(experts_.scores, max_rows_, s.experts);
    carver.take(experts_.shared_scores, max_rows_, 1);
    carver.take(experts_.chosen, slots);
    carver.take(experts_.weights, slots);
    carver.take(experts_.slots, slots);
    carver.take(experts_.starts, s.experts + 1);
    carver.take(experts_.slot_rows, slots);
    carver.take(experts_.active, s.experts);
    carver.take(experts_.active_count, 1);
    carver.take(experts_.rows, slots, s.width);
    carver.take(experts_.quants, slots, quant_layout(widest, model_.kernels().q8.element_bytes).bytes);
    carver.take(experts_.gate, slots, s.expert_ffn);
    carver.take(experts_.up, slots, s.expert_ffn);
}

// Each sequence of an encoder's batch gets whole blocks of its own: a row's sums must not depend on where in a block its sequence begins.
void Executor::place_encoder_rows(const jn_batch& batch) {
    int32_t next = 0;
    for (int32_t row = 0; row < batch.rows; ++row) {
        if (row == 0 || batch.row_sequences[row] != batch.row_sequences[row - 1]) {
            encoder_starts_[static_cast<size_t>(batch.row_sequences[row])] = next;
        }
        const bool last = row + 1 == batch.rows || batch.row_sequences[row + 1] != batch.row_sequences[row];
        next += last ? batch.positions[row] / kLanes + 1 : 0;
    }
}

void Executor::forward(KvPool* kv, const jn_batch& batch) {
    if (!model_.causal()) {
        place_encoder_rows(batch);
    }
    KvPool& pool = model_.causal() ? *kv : *encoder_kv_;
    if (static_cast<uint64_t>(batch.rows) * model_.bytes() < kAloneBytes) {
        ForwardPass(*this, pool, batch, 1)(0);
        return;
    }
    ForwardPass pass(*this, pool, batch, pool_.threads());
    pool_.run(pass);
}

int32_t Executor::find_not_finite(KvPool* kv, const jn_batch& batch, int32_t sequence) {
    if (!model_.causal()) {
        place_encoder_rows(batch);
    }
    ForwardPass pass(*this, model_.causal() ? *kv : *encoder_kv_, batch, 1);
    pass.watch(sequence);
    pass(0);
    return pass.first_not_finite();
}

}  // namespace jesus
