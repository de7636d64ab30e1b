#include "model/model.h"

#include <cmath>
#include <cstring>

namespace jesus {

namespace {

bool is_norm(int32_t slot) { return slot == JN_SLOT_OUTPUT_NORM || slot == JN_SLOT_ATTN_NORM || slot == JN_SLOT_FFN_NORM; }
bool is_layer(int32_t slot) { return slot >= JN_SLOT_ATTN_NORM; }
constexpr int32_t kComputedSlots = JN_SLOT_FFN_DOWN + 1;

bool within(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }

bool shape_valid(const jn_shape& s) {
    return within(s.layers, 1, 512) && within(s.width, 1, 131072) && within(s.ffn, 1, 131072) && within(s.heads, 1, 1024) &&
           within(s.kv_heads, 1, s.heads) && s.heads % s.kv_heads == 0 && s.heads / s.kv_heads <= kAttendQueriesMax &&
           within(s.head_dim, 2, 512) && s.head_dim % 2 == 0 && within(s.vocab, 1, 4194304) && within(s.context, 1, 16777216) &&
           within(s.rope_style, JN_ROPE_PAIRS, JN_ROPE_HALVES) && within(s.rope_count, 0, 8) &&
           s.norm_epsilon >= 0 && s.attention_scale >= 0 && std::isfinite(s.norm_epsilon) && std::isfinite(s.attention_scale);
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

// What the forward pass computes so far.
bool llama_graph(const jn_shape& s, const jn_layer* layers) {
    for (int32_t layer = 0; layer < s.layers; ++layer) {
        if (layers[layer].window != 0 || layers[layer].rope != 0) {
            return false;
        }
    }
    return s.rope_count == 1 && s.norm_kind == JN_NORM_RMS && s.activation == JN_ACT_SWIGLU && s.experts == 0 && s.causal == 1 &&
           s.attention_soft_cap == 0 && s.logit_soft_cap == 0 && s.embedding_scale == 1 && s.residual_scale == 1 && s.logit_scale == 1;
}

struct Size {
    int64_t rows, cols;
};

Size expected_size(const jn_shape& s, int32_t slot) {
    const int64_t attention = static_cast<int64_t>(s.heads) * s.head_dim, kv = static_cast<int64_t>(s.kv_heads) * s.head_dim;
    switch (slot) {
        case JN_SLOT_TOKEN_EMBEDDING:
        case JN_SLOT_OUTPUT: return {s.vocab, s.width};
        case JN_SLOT_ATTN_Q: return {attention, s.width};
        case JN_SLOT_ATTN_K:
        case JN_SLOT_ATTN_V: return {kv, s.width};
        case JN_SLOT_ATTN_OUTPUT: return {s.width, attention};
        case JN_SLOT_FFN_GATE:
        case JN_SLOT_FFN_UP: return {s.ffn, s.width};
        case JN_SLOT_FFN_DOWN: return {s.width, s.ffn};
        default: return {1, s.width};
    }
}

jn_status tensor_valid(const jn_shape& shape, const jn_tensor& tensor) {
    if (!within(tensor.slot, 0, kComputedSlots - 1) || !within(tensor.layer, 0, is_layer(tensor.slot) ? shape.layers - 1 : 0)) {
        return JN_BAD_ARGUMENT;
    }
    const Size size = expected_size(shape, tensor.slot);
    if (tensor.rows != size.rows || tensor.cols != size.cols) {
        return JN_BAD_ARGUMENT;
    }
    const Type type = static_cast<Type>(tensor.type);
    const bool supported = is_norm(tensor.slot) ? type == Type::F32 : matrix_supported(type, tensor.cols);
    return supported ? JN_OK : JN_UNSUPPORTED_TYPE;
}

// Every place named once; only the output may be missing.
jn_status places_valid(const jn_shape& shape, const jn_tensor* tensors, int32_t count) {
    std::vector<int> seen(static_cast<size_t>(kComputedSlots) * static_cast<size_t>(shape.layers));
    for (int32_t i = 0; i < count; ++i) {
        int& uses = seen[static_cast<size_t>(tensors[i].layer) * kComputedSlots + static_cast<size_t>(tensors[i].slot)];
        if (uses++ > 0) {
            return JN_BAD_ARGUMENT;
        }
    }
    for (int32_t layer = 0; layer < shape.layers; ++layer) {
        for (int32_t slot = 0; slot < kComputedSlots; ++slot) {
            const bool needed = is_layer(slot) || (layer == 0 && slot != JN_SLOT_OUTPUT);
            if (needed && seen[static_cast<size_t>(layer) * kComputedSlots + static_cast<size_t>(slot)] == 0) {
                return JN_INCOMPLETE;
            }
        }
    }
    return JN_OK;
}

}  // namespace

jn_status Model::validate(const jn_shape& shape, const jn_layer* layers, const jn_rope* ropes, const jn_tensor* tensors, int32_t count) {
    if (!shape_valid(shape) || layers == nullptr || (ropes == nullptr && shape.rope_count > 0) || tensors == nullptr || count <= 0) {
        return JN_BAD_ARGUMENT;
    }
    for (int32_t i = 0; i < shape.rope_count; ++i) {
        if (!rope_valid(shape, ropes[i])) {
            return JN_BAD_ARGUMENT;
        }
    }
    if (!llama_graph(shape, layers)) {
        return JN_UNSUPPORTED_TYPE;
    }
    for (int32_t i = 0; i < count; ++i) {
        if (const jn_status status = tensor_valid(shape, tensors[i]); status != JN_OK) {
            return status;
        }
    }
    return places_valid(shape, tensors, count);
}

Model::Model(const jn_shape& shape, const jn_layer*, const jn_rope* ropes, const jn_tensor* tensors, int32_t count, const Kernels& kernels)
    : shape_(shape), kernels_(kernels), layers_(static_cast<size_t>(shape.layers)) {
    for (int32_t i = 0; i < shape.rope_count; ++i) {
        ropes_.push_back({{ropes[i].frequencies, ropes[i].frequencies + ropes[i].pairs}, ropes[i].attention_factor});
    }
    int64_t bytes = 0;
    for (int32_t i = 0; i < count; ++i) {
        const Matrix matrix = matrix_layout(static_cast<Type>(tensors[i].type), tensors[i].rows, tensors[i].cols, kernels.q8);
        tensors_.push_back({tensors[i], matrix, bytes, std::make_unique<std::atomic<int64_t>>(0)});
        bytes += is_norm(tensors[i].slot) ? round_up(padded(tensors[i].cols) * 4, 64) : matrix.bytes();
    }
    arena_ = Buffer(static_cast<size_t>(bytes));
    for (Tensor& tensor : tensors_) {
        tensor.matrix.data = arena_.data() + tensor.offset;
        place(tensor);
    }
}

void Model::place(const Tensor& tensor) {
    if (is_norm(tensor.declared.slot)) {
        place_norm(tensor);
    } else {
        place_matrix(tensor);
    }
}

void Model::place_norm(const Tensor& tensor) {
    const float* values = reinterpret_cast<const float*>(tensor.matrix.data);
    Layer& layer = layers_[static_cast<size_t>(tensor.declared.layer)];
    switch (tensor.declared.slot) {
        case JN_SLOT_OUTPUT_NORM: output_norm_ = values; break;
        case JN_SLOT_ATTN_NORM: layer.attention_norm = values; break;
        default: layer.ffn_norm = values; break;
    }
}

void Model::place_matrix(const Tensor& tensor) {
    Layer& layer = layers_[static_cast<size_t>(tensor.declared.layer)];
    switch (tensor.declared.slot) {
        case JN_SLOT_TOKEN_EMBEDDING: embedding_ = tensor.matrix; break;
        case JN_SLOT_OUTPUT: output_ = tensor.matrix; break;
        case JN_SLOT_ATTN_Q: layer.query = tensor.matrix; break;
        case JN_SLOT_ATTN_K: layer.key = tensor.matrix; break;
        case JN_SLOT_ATTN_V: layer.value = tensor.matrix; break;
        case JN_SLOT_ATTN_OUTPUT: layer.attention_output = tensor.matrix; break;
        case JN_SLOT_FFN_GATE: layer.gate = tensor.matrix; break;
        case JN_SLOT_FFN_UP: layer.up = tensor.matrix; break;
        default: layer.down = tensor.matrix; break;
    }
}

jn_status Model::load(int32_t index, int64_t first_row, int64_t rows, const void* data, uint64_t bytes) {
    if (!within(index, 0, static_cast<int64_t>(tensors_.size()) - 1) || data == nullptr) {
        return JN_BAD_ARGUMENT;
    }
    Tensor& tensor = tensors_[static_cast<size_t>(index)];
    Matrix& matrix = tensor.matrix;
    if (first_row < 0 || rows < 1 || first_row > matrix.rows - rows ||
        bytes != static_cast<uint64_t>(rows * file_row_bytes(matrix.type, matrix.cols))) {
        return JN_BAD_ARGUMENT;
    }
    if (is_norm(tensor.declared.slot)) {
        std::memcpy(matrix.data, data, bytes);
    } else {
        pack_rows(matrix, first_row, rows, static_cast<const uint8_t*>(data));
    }
    tensor.loaded->fetch_add(rows, std::memory_order_release);
    return JN_OK;
}

bool Model::complete() const {
    for (const Tensor& tensor : tensors_) {
        if (tensor.loaded->load(std::memory_order_acquire) != tensor.matrix.rows) {
            return false;
        }
    }
    return true;
}

float Model::attention_scale() const {
    return shape_.attention_scale > 0 ? shape_.attention_scale : 1.0f / std::sqrt(static_cast<float>(shape_.head_dim));
}

}  // namespace jesus
