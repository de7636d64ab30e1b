#include "model/shape.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/kernels.h"

namespace jesus {

namespace {

struct Size {
    int64_t rows, cols;
};

bool within(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }

bool sizes_valid(const jn_shape& s) {
    return within(s.layers, 1, 512) && within(s.width, 1, 131072) && within(s.ffn, 0, 131072) && within(s.heads, 1, 1024) &&
           within(s.kv_heads, 1, s.heads) && s.heads % s.kv_heads == 0 && s.heads / s.kv_heads <= kAttendQueriesMax &&
           within(s.head_dim, 2, 512) && s.head_dim % 2 == 0 && within(s.vocab, 1, 4194304) && within(s.context, 1, 16777216) &&
           within(s.rope_count, 0, 8) && within(s.token_types, 0, 1024);
}

bool experts_valid(const jn_shape& s) {
    return s.experts == 0 || (within(s.experts, 1, 1024) && within(s.experts_used, 1, std::min(s.experts, 64)) && within(s.expert_ffn, 1, 131072) &&
                              within(s.shared_ffn, 0, 131072));
}

bool choices_valid(const jn_shape& s) {
    return within(s.rope_style, JN_ROPE_PAIRS, JN_ROPE_HALVES) && within(s.norm_kind, JN_NORM_RMS, JN_NORM_LAYER) &&
           within(s.activation, JN_ACT_SWIGLU, JN_ACT_GELU) && within(s.gating, JN_GATING_SOFTMAX_TOP, JN_GATING_TOP_SOFTMAX) && within(s.causal, 0, 1);
}

bool numbers_valid(const jn_shape& s) {
    for (const float value : {s.norm_epsilon, s.attention_scale, s.attention_soft_cap, s.logit_soft_cap, s.activation_alpha, s.activation_limit}) {
        if (!(value >= 0) || !std::isfinite(value)) {
            return false;
        }
    }
    return std::isfinite(s.embedding_scale) && std::isfinite(s.residual_scale) && std::isfinite(s.logit_scale) && std::isfinite(s.expert_scale);
}

bool rope_valid(const jn_shape& s, const jn_rope& rope) {
    if (!within(rope.pairs, 0, s.head_dim / 2) || (rope.frequencies == nullptr && rope.pairs > 0)) {
        return false;
    }
    for (int32_t i = 0; i < rope.pairs; ++i) {
        if (!(std::fabs(rope.frequencies[i]) <= 64)) {  // radians per position; keeps angles within what cos_sin reduces
            return false;
        }
    }
    return rope.attention_factor > 0 && std::isfinite(rope.attention_factor);
}

bool layers_valid(const jn_shape& s, const jn_layer* layers) {
    for (int32_t i = 0; i < s.layers; ++i) {
        // An encoder has no "before": a window would need another meaning.
        if (layers[i].window < 0 || (layers[i].window > 0 && s.causal == 0) || !within(layers[i].rope, -1, s.rope_count - 1)) {
            return false;
        }
    }
    return true;
}

Size expected_size(const jn_shape& s, int32_t slot) {
    const int64_t attention = static_cast<int64_t>(s.heads) * s.head_dim, kv = static_cast<int64_t>(s.kv_heads) * s.head_dim;
    switch (slot) {
        case JN_SLOT_TOKEN_EMBEDDING:
        case JN_SLOT_OUTPUT: return {s.vocab, s.width};
        case JN_SLOT_POSITION_EMBEDDING: return {s.context, s.width};
        case JN_SLOT_TOKEN_TYPE_EMBEDDING: return {s.token_types, s.width};
        case JN_SLOT_ATTN_Q: return {attention, s.width};
        case JN_SLOT_Q_BIAS: return {1, attention};
        case JN_SLOT_ATTN_K:
        case JN_SLOT_ATTN_V: return {kv, s.width};
        case JN_SLOT_K_BIAS:
        case JN_SLOT_V_BIAS: return {1, kv};
        case JN_SLOT_Q_NORM:
        case JN_SLOT_K_NORM: return {1, s.head_dim};
        case JN_SLOT_SINKS: return {1, s.heads};
        case JN_SLOT_ATTN_OUTPUT: return {s.width, attention};
        case JN_SLOT_FFN_GATE:
        case JN_SLOT_FFN_UP: return {s.ffn, s.width};
        case JN_SLOT_FFN_DOWN: return {s.width, s.ffn};
        case JN_SLOT_FFN_GATE_BIAS:
        case JN_SLOT_FFN_UP_BIAS: return {1, s.ffn};
        case JN_SLOT_ROUTER: return {s.experts, s.width};
        case JN_SLOT_ROUTER_BIAS: return {1, s.experts};
        case JN_SLOT_EXPERT_GATE:
        case JN_SLOT_EXPERT_UP: return {s.expert_ffn, s.width};
        case JN_SLOT_EXPERT_DOWN: return {s.width, s.expert_ffn};
        case JN_SLOT_EXPERT_GATE_BIAS:
        case JN_SLOT_EXPERT_UP_BIAS: return {1, s.expert_ffn};
        case JN_SLOT_SHARED_GATE:
        case JN_SLOT_SHARED_UP: return {s.shared_ffn, s.width};
        case JN_SLOT_SHARED_DOWN: return {s.width, s.shared_ffn};
        default: return {1, s.width};
    }
}

jn_status tensor_valid(const jn_shape& shape, const jn_tensor& tensor) {
    if (!within(tensor.slot, 0, JN_SLOT_COUNT - 1)) {
        return JN_BAD_ARGUMENT;
    }
    const SlotFacts facts = slot_facts(tensor.slot);
    if (!within(tensor.layer, 0, facts.layer ? shape.layers - 1 : 0) || !within(tensor.expert, 0, facts.expert ? shape.experts - 1 : 0)) {
        return JN_BAD_ARGUMENT;
    }
    const Size size = expected_size(shape, tensor.slot);
    if (size.rows < 1 || size.cols < 1 || tensor.rows != size.rows || tensor.cols != size.cols) {
        return JN_BAD_ARGUMENT;
    }
    const Type type = static_cast<Type>(tensor.type);
    const bool supported = facts.vector ? type == Type::F32 : matrix_supported(type, tensor.cols);
    return supported ? JN_OK : JN_UNSUPPORTED_TYPE;
}

// Every place that is named, for the questions below.
class Places {
public:
    Places(const jn_tensor* tensors, int32_t count) {
        for (int32_t i = 0; i < count; ++i) {
            keys_.push_back(key(tensors[i].slot, tensors[i].layer, tensors[i].expert));
        }
        std::sort(keys_.begin(), keys_.end());
    }
    bool unique() const { return std::adjacent_find(keys_.begin(), keys_.end()) == keys_.end(); }
    bool has(int32_t slot, int32_t layer = 0, int32_t expert = 0) const {
        return std::binary_search(keys_.begin(), keys_.end(), key(slot, layer, expert));
    }

private:
    static int64_t key(int32_t slot, int32_t layer, int32_t expert) { return (static_cast<int64_t>(slot) * 512 + layer) * 1024 + expert; }
    std::vector<int64_t> keys_;
};

// up and down, and a gate exactly when the activation has one.
bool ffn_complete(const Places& places, bool gated, int32_t layer, int32_t expert, int32_t gate, int32_t up, int32_t down) {
    return places.has(up, layer, expert) && places.has(down, layer, expert) && places.has(gate, layer, expert) == gated;
}

bool layer_complete(const jn_shape& s, const Places& places, int32_t layer) {
    for (const int32_t slot : {JN_SLOT_ATTN_Q, JN_SLOT_ATTN_K, JN_SLOT_ATTN_V, JN_SLOT_ATTN_OUTPUT}) {
        if (!places.has(slot, layer)) {
            return false;
        }
    }
    const bool gated = s.activation != JN_ACT_GELU;
    if (!places.has(JN_SLOT_ROUTER, layer)) {
        return ffn_complete(places, gated, layer, 0, JN_SLOT_FFN_GATE, JN_SLOT_FFN_UP, JN_SLOT_FFN_DOWN);
    }
    for (int32_t expert = 0; expert < s.experts; ++expert) {
        if (!ffn_complete(places, gated, layer, expert, JN_SLOT_EXPERT_GATE, JN_SLOT_EXPERT_UP, JN_SLOT_EXPERT_DOWN)) {
            return false;
        }
    }
    return s.shared_ffn == 0 || ffn_complete(places, gated, layer, 0, JN_SLOT_SHARED_GATE, JN_SLOT_SHARED_UP, JN_SLOT_SHARED_DOWN);
}

jn_status places_valid(const jn_shape& shape, const jn_tensor* tensors, int32_t count) {
    const Places places(tensors, count);
    if (!places.unique()) {
        return JN_BAD_ARGUMENT;
    }
    if (!places.has(JN_SLOT_TOKEN_EMBEDDING) || (shape.causal == 1 && !places.has(JN_SLOT_OUTPUT_NORM))) {
        return JN_INCOMPLETE;
    }
    for (int32_t layer = 0; layer < shape.layers; ++layer) {
        if (!layer_complete(shape, places, layer)) {
            return JN_INCOMPLETE;
        }
    }
    return JN_OK;
}

}  // namespace

SlotFacts slot_facts(int32_t slot) {
    switch (slot) {
        case JN_SLOT_TOKEN_EMBEDDING:
        case JN_SLOT_OUTPUT:
        case JN_SLOT_POSITION_EMBEDDING:
        case JN_SLOT_TOKEN_TYPE_EMBEDDING: return {false, false, false};
        case JN_SLOT_OUTPUT_NORM:
        case JN_SLOT_OUTPUT_NORM_BIAS:
        case JN_SLOT_EMBEDDING_NORM:
        case JN_SLOT_EMBEDDING_NORM_BIAS: return {true, false, false};
        case JN_SLOT_EXPERT_GATE:
        case JN_SLOT_EXPERT_UP:
        case JN_SLOT_EXPERT_DOWN: return {false, true, true};
        case JN_SLOT_EXPERT_GATE_BIAS:
        case JN_SLOT_EXPERT_UP_BIAS:
        case JN_SLOT_EXPERT_DOWN_BIAS: return {true, true, true};
        case JN_SLOT_ATTN_Q:
        case JN_SLOT_ATTN_K:
        case JN_SLOT_ATTN_V:
        case JN_SLOT_ATTN_OUTPUT:
        case JN_SLOT_FFN_GATE:
        case JN_SLOT_FFN_UP:
        case JN_SLOT_FFN_DOWN:
        case JN_SLOT_ROUTER:
        case JN_SLOT_SHARED_GATE:
        case JN_SLOT_SHARED_UP:
        case JN_SLOT_SHARED_DOWN:
        case JN_SLOT_SHARED_ROUTER: return {false, true, false};
        default: return {true, true, false};
    }
}

jn_status validate_model(const jn_shape& shape, const jn_layer* layers, const jn_rope* ropes, const jn_tensor* tensors, int32_t count) {
    if (!sizes_valid(shape) || !experts_valid(shape) || !choices_valid(shape) || !numbers_valid(shape) || tensors == nullptr || count <= 0 ||
        layers == nullptr || !layers_valid(shape, layers) || (ropes == nullptr && shape.rope_count > 0)) {
        return JN_BAD_ARGUMENT;
    }
    for (int32_t i = 0; i < shape.rope_count; ++i) {
        if (!rope_valid(shape, ropes[i])) {
            return JN_BAD_ARGUMENT;
        }
    }
    for (int32_t i = 0; i < count; ++i) {
        if (const jn_status status = tensor_valid(shape, tensors[i]); status != JN_OK) {
            return status;
        }
    }
    return places_valid(shape, tensors, count);
}

}  // namespace jesus
