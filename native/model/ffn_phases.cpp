// Phases 7 to 10 of a layer without experts: norm, gate and up with the activation, down; and closing what a block adds.
#include <cstring>

#include "model/forward_pass.h"

namespace jesus {

namespace {

// Groups of gate and up rows computed together, so that the activation finds them in cache.
constexpr int kFfnChunk = 8;

bool reads_quants(const Layer& layer) {
    if (!layer.has_experts()) {
        return quantised(layer.ffn.gate) || quantised(layer.ffn.up);
    }
    return quantised(layer.router) || quantised(layer.shared_router) || quantised(layer.shared.gate) || quantised(layer.shared.up) ||
           quantised(layer.experts[0].gate) || quantised(layer.experts[0].up);
}

}  // namespace

void ForwardPass::begin_ffn(const Layer& layer, int thread) {
    const bool quantise = reads_quants(layer);
    const Range rows = rows_of(thread);
    for (int row = rows.begin; row < rows.end; ++row) {
        close_branch(row, layer.attention_post_norm, layer.attention_sum_norm, adds_at_once(layer.attention_post_norm));
        float* out = e_.normed_.at(row);
        if (layer.ffn_norm) {
            norm_row(layer.ffn_norm, e_.residual_.at(row), out, shape_.width);
        } else {
            std::memcpy(out, e_.residual_.at(row), static_cast<size_t>(e_.normed_.stride) * sizeof(float));
        }
        if (quantise) {
            quantise_row(out, shape_.width, e_.quants_.at(row));
        }
    }
}

void ForwardPass::feed_forward(const Layer& layer, int thread) {
    const Activations input{e_.normed_.data, e_.normed_.stride, e_.quants_.data, e_.quants_.stride};
    gate_up(layer.ffn, input, batch_.rows, e_.gate_.data, e_.up_.data, e_.gate_.stride, thread);
    barrier();
    const bool at_once = adds_at_once(layer.ffn_post_norm);
    quantise_rows(e_.gate_, layer.ffn.down, thread);
    multiply(layer.ffn.down, layer.ffn.down_bias, e_.gate_, at_once ? e_.residual_ : e_.branch_, at_once, thread);
}

// This thread's share of act(gate, up) for `tokens` rows, into gate.
void ForwardPass::gate_up(const FeedForward& ffn, Activations input, int tokens, float* gate, float* up, int64_t stride, int thread) {
    const bool gated = ffn.gate.data != nullptr;
    const Range groups = share(ffn.up.groups(), thread, threads_);
    for (int group = groups.begin; group < groups.end; group += kFfnChunk) {
        const Range chunk{group, group + kFfnChunk < groups.end ? group + kFfnChunk : groups.end};
        const int first = chunk.begin * kLanes, count = (chunk.end - chunk.begin) * kLanes;
        if (gated) {
            matmul(kernels_, {&ffn.gate, input, tokens, chunk, gate, stride, false});
        }
        float* const ups = gated ? up : gate;  // without a gate the activation works on up alone, in the gate's place
        matmul(kernels_, {&ffn.up, input, tokens, chunk, ups, stride, false});
        for (int token = 0; token < tokens; ++token) {
            const int64_t at = token * stride + first;
            if (ffn.gate_bias != nullptr) {
                add_row(ffn.gate_bias + first, gate + at, count);
            }
            if (ffn.up_bias != nullptr) {
                add_row(ffn.up_bias + first, ups + at, count);
            }
            activate(gate + at, up + at, count);
        }
    }
}

void ForwardPass::activate(float* gate, const float* up, int n) const {
    switch (shape_.activation) {
        case JN_ACT_SWIGLU: kernels_.swiglu(gate, up, n); break;
        case JN_ACT_GEGLU: kernels_.geglu(gate, up, n); break;
        case JN_ACT_SWIGLU_LIMITED: kernels_.swiglu_limited(gate, up, n, shape_.activation_alpha, shape_.activation_limit); break;
        default: kernels_.gelu(gate, n); break;
    }
}

// added: the product added to the residual at once, and only the norm of the sum is left.
void ForwardPass::close_branch(int row, const Norm& post_norm, const Norm& sum_norm, bool added) {
    float* residual = e_.residual_.at(row);
    if (!added) {
        float* branch = e_.branch_.at(row);
        if (post_norm) {
            norm_row(post_norm, branch, branch, shape_.width);
        }
        const float scale = shape_.residual_scale;
        for (int64_t i = 0; i < e_.residual_.stride; ++i) {
            residual[i] += scale * branch[i];
        }
    }
    if (sum_norm) {
        norm_row(sum_norm, residual, residual, shape_.width);
    }
}

void ForwardPass::close_ffn(int index, int row) {
    const Layer& layer = model_.layer(index);
    if (layer.has_experts()) {
        mix_experts(layer, row);
    }
    close_branch(row, layer.ffn_post_norm, layer.ffn_sum_norm, !layer.has_experts() && adds_at_once(layer.ffn_post_norm));
    look(index, row);
}

}  // namespace jesus
