#include "model/forward_pass.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "model/angles.h"

namespace jesus {

ForwardPass::ForwardPass(Executor& executor, KvPool& kv, const jn_batch& batch, int threads)
    : e_(executor), kv_(kv), batch_(batch), model_(executor.model_), kernels_(model_.kernels()), shape_(model_.shape()),
      threads_(threads), rows_(batch.rows), wanted_(0), runs_(&executor.runs_),
      dealt_groups_(batch.rows == 1 && is_float(model_.layer(0).query.type) ? kDealtFloatGroups : kDealtGroups) {
    make_tiles();
    find_wanted();
    make_runs();
}

void ForwardPass::operator()(int thread) {
    embed(thread);
    for (int layer = 0; layer < shape_.layers; ++layer) {
        run_layer(layer, thread);
    }
    if (batch_.logit_row_count > 0 || batch_.hidden_row_count > 0) {
        close_layers(thread);
        barrier();
        output(thread);
        barrier();
        logits();
    }
}

// Rows are this thread's own until the first matrix product, so embed needs no barrier before the norm.
void ForwardPass::embed(int thread) {
    const Range rows = rows_of(thread);
    for (int row = rows.begin; row < rows.end; ++row) {
        embed_row(row, e_.scratch_.at(thread));
        turn_angles(row);
        look(-1, row);
    }
}

void ForwardPass::embed_row(int row, float* scratch) {
    float* x = e_.residual_.at(row);
    read_row(model_.embedding(), batch_.tokens[row], x);
    if (shape_.embedding_scale != 1) {
        for (int64_t i = 0; i < padded(shape_.width); ++i) {
            x[i] *= shape_.embedding_scale;
        }
    }
    if (model_.token_type_embedding().data != nullptr) {
        read_row(model_.token_type_embedding(), batch_.token_types != nullptr ? batch_.token_types[row] : 0, scratch);
        add_row(scratch, x, padded(shape_.width));
    }
    if (model_.position_embedding().data != nullptr) {
        read_row(model_.position_embedding(), batch_.positions[row], scratch);
        add_row(scratch, x, padded(shape_.width));
    }
    if (model_.embedding_norm()) {
        norm_row(model_.embedding_norm(), x, x, shape_.width);
    }
}

void ForwardPass::turn_angles(int row) {
    for (size_t i = 0; i < model_.ropes().size(); ++i) {
        const Rope& rope = model_.ropes()[i];
        float* table = e_.angles_.at(row) + e_.rope_offsets_[i];
        const float factor = static_cast<float>(rope.attention_factor);
        for (int pair = 0; pair < rope.pairs(); ++pair) {
            const CosSin turn = cos_sin(batch_.positions[row] * rope.frequencies[static_cast<size_t>(pair)]);
            table[pair] = turn.cosine * factor;
            table[rope.pairs() + pair] = turn.sine * factor;
        }
    }
}

void ForwardPass::run_layer(int index, int thread) {
    const Layer& layer = model_.layer(index);
    begin_attention(index, thread);
    barrier();
    project_qkv(layer);
    barrier();
    rotate_and_store(index, thread);
    const bool trims = index + 1 == shape_.layers && wanted_ < batch_.rows;
    if (trims && wanted_ == 0) {
        return;
    }
    barrier();
    attend(index, thread);
    barrier();
    if (trims) {
        if (thread == 0) {
            keep_wanted();
        }
        barrier();
    }
    attention_output(layer, thread);
    barrier();
    begin_ffn(layer, thread);
    barrier();
    if (layer.has_experts()) {
        feed_experts(layer, thread);
    } else {
        feed_forward(layer, thread);
    }
    barrier();
}

// kept: for each row of the batch where it stands among those that are wanted, or -1.
void ForwardPass::find_wanted() {
    int32_t* kept = e_.kept_;
    std::fill(kept, kept + batch_.rows, -1);
    for (int i = 0; i < batch_.logit_row_count; ++i) {
        kept[batch_.logit_rows[i]] = 0;
    }
    for (int i = 0; i < batch_.hidden_row_count; ++i) {
        kept[batch_.hidden_rows[i]] = 0;
    }
    for (int row = 0; row < batch_.rows; ++row) {
        kept[row] = kept[row] == 0 ? wanted_++ : -1;
    }
}

// Moves the wanted rows to the front; rows only move down, so none is lost.
void ForwardPass::keep_wanted() {
    for (int row = 0; row < batch_.rows; ++row) {
        const int to = e_.kept_[row];
        if (to >= 0 && to != row) {
            std::memcpy(e_.residual_.at(to), e_.residual_.at(row), row_bytes());
            std::memcpy(e_.attended_.at(to), e_.attended_.at(row), static_cast<size_t>(model_.attention_width()) * sizeof(float));
        }
    }
    rows_ = wanted_;
    runs_ = &e_.wanted_runs_;
}

// Where a wanted row of the batch stands after the last block.
int ForwardPass::place_of(int row) const { return rows_ == batch_.rows ? row : e_.kept_[row]; }

void ForwardPass::close_layers(int thread) {
    const Range rows = rows_of(thread);
    for (int row = rows.begin; row < rows.end; ++row) {
        close_ffn(shape_.layers - 1, row);
    }
}

void ForwardPass::norm_row(const Norm& norm, const float* from, float* to, int n) const {
    if (shape_.norm_kind == JN_NORM_LAYER) {
        kernels_.layer_norm(from, norm.weight, norm.bias, n, shape_.norm_epsilon, to);
    } else {
        kernels_.rms_norm(from, norm.weight, n, shape_.norm_epsilon, to);
    }
}

void ForwardPass::quantise_row(const float* row, int64_t columns, uint8_t* to) const {
    kernels_.quantise(row, columns, {0, static_cast<int>(columns / kQ8Columns)}, to);
}

// Quantises what a product will read, split by blocks so that one row occupies every thread; ends with a barrier.
void ForwardPass::quantise_rows(const Rows& rows, const Matrix& weights, int thread) {
    if (!quantised(weights)) {
        return;
    }
    const Range blocks = share(weights.blocks(), thread, threads_);
    for (int row = 0; row < rows_; ++row) {
        kernels_.quantise(rows.at(row), weights.cols, blocks, e_.quants_.at(row));
    }
    barrier();
}

// A product over all rows, dealt out.
void ForwardPass::multiply(const Matrix& weights, const float* bias, const LowRanks& adapters, const Rows& input, const Rows& out, bool add) {
    deal_adapted({{adapters, input}}, *runs_, weights.groups(), [&](Range groups, int narrowed) {
        multiply_part(weights, bias, input, out, add, groups);
        widen(adapters, 0, narrowed, *runs_, out, groups, 0, rows_);
    });
}

// A part of a product over all rows, and of its bias.
void ForwardPass::multiply_part(const Matrix& weights, const float* bias, const Rows& input, const Rows& out, bool add, Range groups) const {
    const Activations rows{input.data, input.stride, e_.quants_.data, e_.quants_.stride};
    matmul(kernels_, {&weights, rows, rows_, groups, out.data, out.stride, add});
    if (bias != nullptr) {
        for (int row = 0; row < rows_; ++row) {
            add_row(bias + groups.begin * kLanes, out.at(row) + groups.begin * kLanes, (groups.end - groups.begin) * kLanes);
        }
    }
}

// Row i of the normed rows becomes the i-th row that wants logits; hidden states go to the caller.
void ForwardPass::output(int thread) {
    const Range wanted = share(batch_.logit_row_count, thread, threads_);
    for (int i = wanted.begin; i < wanted.end; ++i) {
        float* out = e_.normed_.at(i);
        const float* from = e_.residual_.at(place_of(batch_.logit_rows[i]));
        if (model_.output_norm()) {
            norm_row(model_.output_norm(), from, out, shape_.width);
        } else {
            std::memcpy(out, from, row_bytes());
        }
        if (quantised(model_.output())) {
            quantise_row(out, shape_.width, e_.quants_.at(i));
        }
    }
    const Range hidden = share(batch_.hidden_row_count, thread, threads_);
    for (int i = hidden.begin; i < hidden.end; ++i) {
        const float* from = e_.residual_.at(place_of(batch_.hidden_rows[i]));
        if (model_.output_norm()) {
            norm_row(model_.output_norm(), from, e_.scratch_.at(thread), shape_.width);
            from = e_.scratch_.at(thread);
        }
        std::memcpy(batch_.hidden + static_cast<int64_t>(i) * shape_.width, from, static_cast<size_t>(shape_.width) * sizeof(float));
    }
}

void ForwardPass::logits() {
    if (batch_.logit_row_count > 0) {
        deal_adapted({{model_.output_adapters(), e_.normed_}}, e_.logit_runs_, model_.output().groups(),
                     [&](Range groups, int narrowed) { logits_part(groups, narrowed); });
    }
}

void ForwardPass::logits_part(Range groups, int narrowed) const {
    const Activations input{e_.normed_.data, e_.normed_.stride, e_.quants_.data, e_.quants_.stride};
    matmul(kernels_, {&model_.output(), input, batch_.logit_row_count, groups, batch_.logits, batch_.logits_stride, false});
    widen(model_.output_adapters(), 0, narrowed, e_.logit_runs_, {batch_.logits, batch_.logits_stride}, groups, 0, batch_.logit_row_count);
    if (shape_.logit_scale == 1 && shape_.logit_soft_cap == 0) {
        return;
    }
    const int count = (groups.end - groups.begin) * kLanes;
    for (int i = 0; i < batch_.logit_row_count; ++i) {
        float* row = batch_.logits + i * batch_.logits_stride + groups.begin * kLanes;
        for (int column = 0; column < count; ++column) {
            row[column] *= shape_.logit_scale;
        }
        if (shape_.logit_soft_cap > 0) {
            kernels_.soft_cap(row, count, shape_.logit_soft_cap);
        }
    }
}

// After layer `layer` closed a row; costs a comparison where nobody looks.
void ForwardPass::look(int layer, int row) {
    if (watched_ < 0 || batch_.row_sequences[row] != watched_ || first_not_finite_ != -2) {
        return;
    }
    const float* x = e_.residual_.at(row);
    for (int i = 0; i < shape_.width; ++i) {
        if (!std::isfinite(x[i])) {
            first_not_finite_ = layer;
            return;
        }
    }
}

}  // namespace jesus
