#include "model/forward_pass.h"

#include <algorithm>

#include "model/angles.h"

namespace jesus {

namespace {

bool quantised(const Matrix& weights) { return weights.type == Type::Q8_0; }

// Groups of gate and up rows computed together, so that SwiGLU finds them in cache.
constexpr int kFfnChunk = 8;

}  // namespace

ForwardPass::ForwardPass(Executor& executor, KvPool& kv, const jn_batch& batch, int threads)
    : e_(executor), kv_(kv), batch_(batch), model_(executor.model_), kernels_(model_.kernels()), shape_(model_.shape()),
      threads_(threads) {
    make_tiles();
}

// Tiles of neighbouring rows of one sequence, as many as share one unpacked block of keys and values.
void ForwardPass::make_tiles() {
    const int rows_max = std::max(1, kAttendQueriesMax / (shape_.heads / shape_.kv_heads));
    e_.tiles_.clear();
    for (int row = 0; row < batch_.rows; ++row) {
        const bool joins = !e_.tiles_.empty() && e_.tiles_.back().sequence == batch_.row_sequences[row] && e_.tiles_.back().rows < rows_max;
        if (joins) {
            e_.tiles_.back().rows += 1;
        } else {
            e_.tiles_.push_back({row, 1, batch_.row_sequences[row]});
        }
    }
}

void ForwardPass::operator()(int thread) {
    embed(thread);
    for (int layer = 0; layer < shape_.layers; ++layer) {
        run_layer(layer, thread);
    }
    if (batch_.logit_row_count > 0) {
        final_norm(thread);
        barrier();
        logits(thread);
    }
}

// Rows are this thread's own until the first matrix product, so embed needs no barrier before the norm.
void ForwardPass::embed(int thread) {
    const Range rows = rows_of(thread);
    const int pairs = model_.rope().pairs();
    for (int row = rows.begin; row < rows.end; ++row) {
        read_row(model_.embedding(), batch_.tokens[row], e_.residual_ + row * e_.width_stride_);
        float* table = e_.angles_ + row * e_.angle_stride_;
        for (int pair = 0; pair < pairs; ++pair) {
            const CosSin turn = cos_sin(batch_.positions[row] * model_.rope().frequencies[static_cast<size_t>(pair)]);
            table[pair] = turn.cosine;
            table[pairs + pair] = turn.sine;
        }
    }
}

void ForwardPass::run_layer(int index, int thread) {
    const Layer& layer = model_.layer(index);
    norm(layer.attention_norm, quantised(layer.query) || quantised(layer.key) || quantised(layer.value), thread);
    barrier();
    project_qkv(layer, thread);
    barrier();
    rotate_and_store(index, thread);
    barrier();
    attend(index, thread);
    barrier();
    quantise_rows(e_.attended_, e_.attention_stride_, layer.attention_output, thread);
    multiply(layer.attention_output, e_.attended_, e_.attention_stride_, e_.residual_, e_.width_stride_, true, thread);
    barrier();
    norm(layer.ffn_norm, quantised(layer.gate) || quantised(layer.up), thread);
    barrier();
    gate_up(layer, thread);
    barrier();
    quantise_rows(e_.gate_, e_.ffn_stride_, layer.down, thread);
    multiply(layer.down, e_.gate_, e_.ffn_stride_, e_.residual_, e_.width_stride_, true, thread);
    barrier();
}

void ForwardPass::norm(const float* weight, bool quantise, int thread) {
    const Range rows = rows_of(thread);
    for (int row = rows.begin; row < rows.end; ++row) {
        float* out = e_.normed_ + row * e_.width_stride_;
        kernels_.rms_norm(e_.residual_ + row * e_.width_stride_, weight, shape_.width, shape_.norm_epsilon, out);
        if (quantise) {
            kernels_.quantise(out, shape_.width, {0, shape_.width / kQ8Columns}, e_.quants_ + row * e_.quant_stride_);
        }
    }
}

void ForwardPass::project_qkv(const Layer& layer, int thread) {
    multiply(layer.query, e_.normed_, e_.width_stride_, e_.query_, e_.attention_stride_, false, thread);
    multiply(layer.key, e_.normed_, e_.width_stride_, e_.key_, e_.kv_stride_, false, thread);
    multiply(layer.value, e_.normed_, e_.width_stride_, e_.value_, e_.kv_stride_, false, thread);
}

void ForwardPass::rotate_and_store(int layer, int thread) {
    const Range rows = rows_of(thread);
    for (int row = rows.begin; row < rows.end; ++row) {
        const float* table = e_.angles_ + row * e_.angle_stride_;
        float* keys = e_.key_ + row * e_.kv_stride_;
        rotate(e_.query_ + row * e_.attention_stride_, shape_.heads, table);
        rotate(keys, shape_.kv_heads, table);
        const int32_t position = batch_.positions[row];
        const int32_t* blocks = batch_.blocks + batch_.block_starts[batch_.row_sequences[row]];
        kv_.write(layer, blocks[position / kLanes], position % kLanes, keys, e_.value_ + row * e_.kv_stride_);
    }
}

void ForwardPass::rotate(float* heads, int count, const float* table) const {
    for (int head = 0; head < count; ++head) {
        kernels_.rope(heads + head * shape_.head_dim, table, model_.rope().pairs(), shape_.rope_style == JN_ROPE_HALVES);
    }
}

// Work items are dealt in turn, because later tiles of a prefill see more keys than earlier ones.
void ForwardPass::attend(int layer, int thread) {
    const int items = static_cast<int>(e_.tiles_.size()) * shape_.kv_heads;
    for (int item = thread; item < items; item += threads_) {
        attend_tile(layer, e_.tiles_[static_cast<size_t>(item / shape_.kv_heads)], item % shape_.kv_heads, thread);
    }
}

void ForwardPass::attend_tile(int layer, const RowTile& tile, int kv_head, int thread) {
    const int heads = shape_.heads / shape_.kv_heads;
    const int64_t at = tile.first_row * e_.attention_stride_ + static_cast<int64_t>(kv_head) * heads * shape_.head_dim;
    Attend work{};
    work.queries = e_.query_ + at;
    work.query_stride = e_.attention_stride_;
    work.out = e_.attended_ + at;
    work.out_stride = e_.attention_stride_;
    work.positions = batch_.positions + tile.first_row;
    work.rows = tile.rows;
    work.heads = heads;
    work.head_dim = shape_.head_dim;
    work.scale = model_.attention_scale();
    work.half = kv_.half();
    work.layer = kv_.layer(layer);
    work.block_bytes = kv_.stride();
    work.key_offset = kv_.key_offset(kv_head);
    work.value_offset = kv_.value_offset(kv_head);
    work.block_table = batch_.blocks + batch_.block_starts[tile.sequence];
    work.scratch = e_.scratch_ + thread * e_.scratch_stride_;
    kernels_.attend(work);
}

void ForwardPass::gate_up(const Layer& layer, int thread) {
    const Range groups = share(layer.gate.groups(), thread, threads_);
    const Activations input{e_.normed_, e_.width_stride_, e_.quants_, e_.quant_stride_};
    for (int group = groups.begin; group < groups.end; group += kFfnChunk) {
        const Range chunk{group, std::min(group + kFfnChunk, groups.end)};
        matmul(kernels_, {&layer.gate, input, batch_.rows, chunk, e_.gate_, e_.ffn_stride_, false});
        matmul(kernels_, {&layer.up, input, batch_.rows, chunk, e_.up_, e_.ffn_stride_, false});
        for (int row = 0; row < batch_.rows; ++row) {
            const int64_t at = row * e_.ffn_stride_ + chunk.begin * kLanes;
            kernels_.swiglu(e_.gate_ + at, e_.up_ + at, (chunk.end - chunk.begin) * kLanes);
        }
    }
}

// Quantises what a Q8_0 product will read, split by blocks so that one row occupies every thread; ends with a barrier.
void ForwardPass::quantise_rows(const float* rows, int64_t stride, const Matrix& weights, int thread) {
    if (!quantised(weights)) {
        return;
    }
    const Range blocks = share(weights.blocks(), thread, threads_);
    for (int row = 0; row < batch_.rows; ++row) {
        kernels_.quantise(rows + row * stride, weights.cols, blocks, e_.quants_ + row * e_.quant_stride_);
    }
    barrier();
}

void ForwardPass::multiply(const Matrix& weights, const float* input, int64_t input_stride, float* out, int64_t out_stride, bool add,
                           int thread) {
    const Range groups = share(weights.groups(), thread, threads_);
    matmul(kernels_, {&weights, {input, input_stride, e_.quants_, e_.quant_stride_}, batch_.rows, groups, out, out_stride, add});
}

// Row i of the normed rows becomes the i-th row that wants logits.
void ForwardPass::final_norm(int thread) {
    const Range rows = share(batch_.logit_row_count, thread, threads_);
    for (int i = rows.begin; i < rows.end; ++i) {
        float* out = e_.normed_ + i * e_.width_stride_;
        const float* from = e_.residual_ + batch_.logit_rows[i] * e_.width_stride_;
        kernels_.rms_norm(from, model_.output_norm(), shape_.width, shape_.norm_epsilon, out);
        if (quantised(model_.output())) {
            kernels_.quantise(out, shape_.width, {0, shape_.width / kQ8Columns}, e_.quants_ + i * e_.quant_stride_);
        }
    }
}

void ForwardPass::logits(int thread) {
    const Matrix& weights = model_.output();
    const Range groups = share(weights.groups(), thread, threads_);
    const Activations input{e_.normed_, e_.width_stride_, e_.quants_, e_.quant_stride_};
    matmul(kernels_, {&weights, input, batch_.logit_row_count, groups, batch_.logits, batch_.logits_stride, false});
}

}  // namespace jesus
