// Phases 7 to 10 of a layer without experts: norm, gate and up with the activation, down; and closing what a block adds.
#include <cstring>

#include "model/forward_pass.h"

namespace jesus {

namespace {

// Rows of gate and up computed together: a chunk of the products' own.
constexpr int kFfnTokens = 96;

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
            std::memcpy(out, e_.residual_.at(row), row_bytes());
        }
        if (quantise) {
            quantise_row(out, shape_.width, e_.quants_.at(row));
        }
    }
}

void ForwardPass::feed_forward(const Layer& layer, int thread) {
    const Activations input{e_.normed_.data, e_.normed_.stride, e_.quants_.data, e_.quants_.stride};
    deal_adapted({{layer.ffn.gate_adapters, e_.normed_}, {layer.ffn.up_adapters, e_.normed_}}, *runs_, layer.ffn.up.groups(),
                 [&](Range groups, int narrowed) { gate_up(layer.ffn, input, rows_, e_.gate_, e_.up_, groups, narrowed); });
    barrier();
    const bool at_once = adds_at_once(layer.ffn_post_norm);
    quantise_rows(e_.gate_, layer.ffn.down, thread);
    multiply(layer.ffn.down, layer.ffn.down_bias, layer.ffn.down_adapters, e_.gate_, at_once ? e_.residual_ : e_.branch_, at_once);
}

// act(gate, up) of some groups for `tokens` rows, into gate: small parts of rows and groups, whose weights and inputs both stay in the second cache, so
// that the activation finds what the products wrote.
void ForwardPass::gate_up(const FeedForward& ffn, Activations input, int tokens, Rows gate, Rows up, Range groups, int narrowed) const {
    for (int group = groups.begin; group < groups.end; group += dealt_groups_) {
        const Range part{group, group + dealt_groups_ < groups.end ? group + dealt_groups_ : groups.end};
        for (int token = 0; token < tokens; token += kFfnTokens) {
            const Activations from{input.floats + token * input.float_stride, input.float_stride, input.quants + token * input.quant_stride,
                                   input.quant_stride};
            const int count = token + kFfnTokens < tokens ? kFfnTokens : tokens - token;
            gate_up_part(ffn, from, token, count, part, {gate.at(token), gate.stride}, {up.at(token), up.stride}, narrowed);
        }
    }
}

// Without a gate the activation works on up alone, in the gate's place. first_row: the first of the rows
// among all rows of the pass, by which adapters' runs count.
void ForwardPass::gate_up_part(const FeedForward& ffn, Activations input, int first_row, int tokens, Range groups, Rows gate, Rows up, int narrowed) const {
    const bool gated = ffn.gate.data != nullptr;
    const Rows ups = gated ? up : gate;
    if (gated) {
        matmul(kernels_, {&ffn.gate, input, tokens, groups, gate.data, gate.stride, false});
    }
    matmul(kernels_, {&ffn.up, input, tokens, groups, ups.data, ups.stride, false});
    const int first = groups.begin * kLanes, count = (groups.end - groups.begin) * kLanes;
    for (int token = 0; token < tokens; ++token) {
        if (ffn.gate_bias != nullptr) {
            add_row(ffn.gate_bias + first, gate.at(token) + first, count);
        }
        if (ffn.up_bias != nullptr) {
            add_row(ffn.up_bias + first, ups.at(token) + first, count);
        }
    }
    if (narrowed > 0) {
        widen(ffn.gate_adapters, 0, narrowed, *runs_, gate, groups, first_row, tokens);
        widen(ffn.up_adapters, 1, narrowed, *runs_, ups, groups, first_row, tokens);
    }
    for (int token = 0; token < tokens; ++token) {
        activate(gate.at(token) + first, up.at(token) + first, count);
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
        for (int64_t i = 0; i < padded(shape_.width); ++i) {
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
