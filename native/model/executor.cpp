#include "model/executor.h"

#include <algorithm>

#include "model/forward_pass.h"

namespace jesus {

namespace {

int64_t widest(const jn_shape& s) {
    return std::max({static_cast<int64_t>(s.width), static_cast<int64_t>(s.heads) * s.head_dim, static_cast<int64_t>(s.ffn)});
}

// Hands out 64-byte aligned parts of one allocation; the first pass, without memory, only adds up.
class Carver {
public:
    explicit Carver(uint8_t* base) : base_(base) {}
    template <class T>
    void take(T*& part, int64_t bytes) {
        if (base_ != nullptr) {
            part = reinterpret_cast<T*>(base_ + used_);
        }
        used_ += round_up(bytes, 64);
    }
    int64_t used() const { return used_; }

private:
    uint8_t* base_;
    int64_t used_ = 0;
};

bool sequence_valid(const KvPool& kv, const jn_batch& batch, int32_t row) {
    const int32_t sequence = batch.row_sequences[row];
    const int64_t begin = batch.block_starts[sequence], end = batch.block_starts[sequence + 1];
    const int32_t last = batch.positions[row] / kLanes;
    if (begin < 0 || end - begin <= last) {
        return false;
    }
    for (int64_t i = begin; i <= begin + last; ++i) {
        if (batch.blocks[i] < 0 || batch.blocks[i] >= kv.blocks()) {
            return false;
        }
    }
    return true;
}

bool pointers_valid(const jn_batch& b) {
    const bool logits = b.logit_row_count == 0 || (b.logit_rows != nullptr && b.logits != nullptr);
    return b.tokens && b.positions && b.row_sequences && b.blocks && b.block_starts && logits;
}

// A row starts a sequence, or follows the row before by one position.
bool row_follows(const jn_batch& b, int32_t row) {
    if (row == 0) {
        return b.row_sequences[0] >= 0;
    }
    const int32_t step = b.row_sequences[row] - b.row_sequences[row - 1];
    return step > 0 || (step == 0 && b.positions[row] == b.positions[row - 1] + 1);
}

bool row_valid(const jn_shape& s, const jn_batch& b, int32_t row) {
    return b.tokens[row] >= 0 && b.tokens[row] < s.vocab && b.positions[row] >= 0 && b.positions[row] < s.context &&
           b.row_sequences[row] < b.sequences && row_follows(b, row);
}

}  // namespace

Executor::Executor(const Model& model, int32_t threads, int32_t max_rows) : model_(model), max_rows_(max_rows), pool_(threads) {
    const jn_shape& s = model.shape();
    width_stride_ = padded(s.width);
    attention_stride_ = padded(model.attention_width());
    kv_stride_ = padded(model.kv_width());
    ffn_stride_ = padded(s.ffn);
    quant_stride_ = quant_layout(round_up(widest(s), kQ8Columns), model.kernels().q8.element_bytes).bytes;
    angle_stride_ = padded(2 * model.rope().pairs());
    scratch_stride_ = attend_scratch_floats(s.head_dim, kAttendQueriesMax);

    const auto carve = [&](Carver& carver) {
        const int64_t rows = static_cast<int64_t>(max_rows) * 4;
        carver.take(residual_, rows * width_stride_);
        carver.take(normed_, rows * width_stride_);
        carver.take(query_, rows * attention_stride_);
        carver.take(key_, rows * kv_stride_);
        carver.take(value_, rows * kv_stride_);
        carver.take(attended_, rows * attention_stride_);
        carver.take(gate_, rows * ffn_stride_);
        carver.take(up_, rows * ffn_stride_);
        carver.take(angles_, rows * angle_stride_);
        carver.take(scratch_, scratch_stride_ * 4 * threads);
        carver.take(quants_, quant_stride_ * max_rows);
    };
    Carver sizes(nullptr);
    carve(sizes);
    memory_ = Buffer(static_cast<size_t>(sizes.used()));
    Carver parts(memory_.data());
    carve(parts);
    tiles_.reserve(static_cast<size_t>(max_rows));
}

jn_status Executor::validate(const KvPool& kv, const jn_batch& b) const {
    const jn_shape& s = model_.shape();
    if (!kv.fits(s) || b.rows < 1 || b.sequences < 1 || b.sequences > b.rows || b.logit_row_count < 0 || b.logit_row_count > b.rows ||
        !pointers_valid(b) || (b.logit_row_count > 0 && b.logits_stride < padded(s.vocab))) {
        return JN_BAD_ARGUMENT;
    }
    if (b.rows > max_rows_) {
        return JN_LIMIT;
    }
    for (int32_t row = 0; row < b.rows; ++row) {
        if (!row_valid(s, b, row)) {
            return JN_BAD_ARGUMENT;
        }
        const bool last = row + 1 == b.rows || b.row_sequences[row + 1] != b.row_sequences[row];
        if (last && !sequence_valid(kv, b, row)) {
            return JN_BAD_ARGUMENT;
        }
    }
    for (int32_t i = 0; i < b.logit_row_count; ++i) {
        if (b.logit_rows[i] < 0 || b.logit_rows[i] >= b.rows) {
            return JN_BAD_ARGUMENT;
        }
    }
    return JN_OK;
}

void Executor::forward(KvPool& kv, const jn_batch& batch) {
    if (static_cast<uint64_t>(batch.rows) * model_.bytes() < kAloneBytes) {
        ForwardPass(*this, kv, batch, 1)(0);
        return;
    }
    ForwardPass pass(*this, kv, batch, pool_.threads());
    pool_.run(pass);
}

}  // namespace jesus
