#include "model/model.h"

#include <cmath>
#include <cstring>

#include "model/shape.h"

namespace jesus {

Model::Model(const jn_shape& shape, const jn_layer* layers, const jn_rope* ropes, const jn_tensor* tensors, int32_t count, const Kernels& kernels)
    : shape_(shape), kernels_(kernels), layers_(static_cast<size_t>(shape.layers)) {
    for (int32_t i = 0; i < shape.rope_count; ++i) {
        ropes_.push_back({{ropes[i].frequencies, ropes[i].frequencies + ropes[i].pairs}, ropes[i].attention_factor});
    }
    for (size_t i = 0; i < layers_.size(); ++i) {
        layers_[i].window = layers[i].window;
        layers_[i].rope = layers[i].rope;
        layers_[i].experts.resize(static_cast<size_t>(shape.experts));
    }
    int64_t bytes = 0;
    for (int32_t i = 0; i < count; ++i) {
        const Matrix matrix = matrix_layout(static_cast<Type>(tensors[i].type), tensors[i].rows, tensors[i].cols, kernels.q8);
        tensors_.push_back({tensors[i], matrix, bytes, std::make_unique<std::atomic<int64_t>>(0)});
        bytes += slot_facts(tensors[i].slot).vector ? round_up(padded(tensors[i].cols) * 4, 64) : matrix.bytes();
    }
    arena_ = Buffer(static_cast<size_t>(bytes));
    for (Tensor& tensor : tensors_) {
        tensor.matrix.data = arena_.data() + tensor.offset;
        if (slot_facts(tensor.declared.slot).vector) {
            vector_of(tensor.declared) = reinterpret_cast<const float*>(tensor.matrix.data);
        } else {
            matrix_of(tensor.declared) = tensor.matrix;
        }
    }
}

Matrix& Model::matrix_of(const jn_tensor& place) {
    Layer& layer = layers_[static_cast<size_t>(place.layer)];
    const size_t expert = static_cast<size_t>(place.expert);
    switch (place.slot) {
        case JN_SLOT_TOKEN_EMBEDDING: return embedding_;
        case JN_SLOT_POSITION_EMBEDDING: return position_embedding_;
        case JN_SLOT_TOKEN_TYPE_EMBEDDING: return token_type_embedding_;
        case JN_SLOT_OUTPUT: return output_;
        case JN_SLOT_ATTN_Q: return layer.query;
        case JN_SLOT_ATTN_K: return layer.key;
        case JN_SLOT_ATTN_V: return layer.value;
        case JN_SLOT_ATTN_OUTPUT: return layer.attention_output;
        case JN_SLOT_FFN_GATE: return layer.ffn.gate;
        case JN_SLOT_FFN_UP: return layer.ffn.up;
        case JN_SLOT_FFN_DOWN: return layer.ffn.down;
        case JN_SLOT_ROUTER: return layer.router;
        case JN_SLOT_EXPERT_GATE: return layer.experts[expert].gate;
        case JN_SLOT_EXPERT_UP: return layer.experts[expert].up;
        case JN_SLOT_EXPERT_DOWN: return layer.experts[expert].down;
        case JN_SLOT_SHARED_GATE: return layer.shared.gate;
        case JN_SLOT_SHARED_UP: return layer.shared.up;
        case JN_SLOT_SHARED_DOWN: return layer.shared.down;
        default: return layer.shared_router;
    }
}

const float*& Model::vector_of(const jn_tensor& place) {
    Layer& layer = layers_[static_cast<size_t>(place.layer)];
    const size_t expert = static_cast<size_t>(place.expert);
    switch (place.slot) {
        case JN_SLOT_EMBEDDING_NORM: return embedding_norm_.weight;
        case JN_SLOT_EMBEDDING_NORM_BIAS: return embedding_norm_.bias;
        case JN_SLOT_OUTPUT_NORM: return output_norm_.weight;
        case JN_SLOT_OUTPUT_NORM_BIAS: return output_norm_.bias;
        case JN_SLOT_ATTN_NORM: return layer.attention_norm.weight;
        case JN_SLOT_ATTN_NORM_BIAS: return layer.attention_norm.bias;
        case JN_SLOT_Q_BIAS: return layer.query_bias;
        case JN_SLOT_K_BIAS: return layer.key_bias;
        case JN_SLOT_V_BIAS: return layer.value_bias;
        case JN_SLOT_ATTN_OUTPUT_BIAS: return layer.attention_output_bias;
        case JN_SLOT_Q_NORM: return layer.query_norm.weight;
        case JN_SLOT_K_NORM: return layer.key_norm.weight;
        case JN_SLOT_ATTN_POST_NORM: return layer.attention_post_norm.weight;
        case JN_SLOT_ATTN_SUM_NORM: return layer.attention_sum_norm.weight;
        case JN_SLOT_ATTN_SUM_NORM_BIAS: return layer.attention_sum_norm.bias;
        case JN_SLOT_SINKS: return layer.sinks;
        case JN_SLOT_FFN_NORM: return layer.ffn_norm.weight;
        case JN_SLOT_FFN_NORM_BIAS: return layer.ffn_norm.bias;
        case JN_SLOT_FFN_POST_NORM: return layer.ffn_post_norm.weight;
        case JN_SLOT_FFN_SUM_NORM: return layer.ffn_sum_norm.weight;
        case JN_SLOT_FFN_SUM_NORM_BIAS: return layer.ffn_sum_norm.bias;
        case JN_SLOT_FFN_GATE_BIAS: return layer.ffn.gate_bias;
        case JN_SLOT_FFN_UP_BIAS: return layer.ffn.up_bias;
        case JN_SLOT_FFN_DOWN_BIAS: return layer.ffn.down_bias;
        case JN_SLOT_ROUTER_BIAS: return layer.router_bias;
        case JN_SLOT_EXPERT_GATE_BIAS: return layer.experts[expert].gate_bias;
        case JN_SLOT_EXPERT_UP_BIAS: return layer.experts[expert].up_bias;
        default: return layer.experts[expert].down_bias;
    }
}

jn_status Model::load(int32_t index, int64_t first_row, int64_t rows, const void* data, uint64_t bytes) {
    if (index < 0 || static_cast<size_t>(index) >= tensors_.size() || data == nullptr) {
        return JN_BAD_ARGUMENT;
    }
    Tensor& tensor = tensors_[static_cast<size_t>(index)];
    Matrix& matrix = tensor.matrix;
    if (first_row < 0 || rows < 1 || first_row > matrix.rows - rows ||
        bytes != static_cast<uint64_t>(rows * file_row_bytes(matrix.type, matrix.cols))) {
        return JN_BAD_ARGUMENT;
    }
    if (slot_facts(tensor.declared.slot).vector) {
        std::memcpy(matrix.data, data, bytes);
    } else {
        pack_rows(matrix, first_row, rows, static_cast<const uint8_t*>(data));
    }
    tensor.loaded->fetch_add(rows, std::memory_order_release);
    return JN_OK;
}

// Null where there is no such matrix, or none that adapters go beside.
LowRanks* Model::adapters_of(const jn_low_rank& part) {
    if (part.slot == JN_SLOT_OUTPUT) {
        return part.layer == 0 ? &output_adapters_ : nullptr;
    }
    if (part.layer < 0 || part.layer >= shape_.layers) {
        return nullptr;
    }
    Layer& layer = layers_[static_cast<size_t>(part.layer)];
    switch (part.slot) {
        case JN_SLOT_ATTN_Q: return &layer.query_adapters;
        case JN_SLOT_ATTN_K: return &layer.key_adapters;
        case JN_SLOT_ATTN_V: return &layer.value_adapters;
        case JN_SLOT_ATTN_OUTPUT: return &layer.attention_output_adapters;
        case JN_SLOT_FFN_GATE: return layer.ffn.gate.data != nullptr ? &layer.ffn.gate_adapters : nullptr;
        case JN_SLOT_FFN_UP: return layer.ffn.up.data != nullptr ? &layer.ffn.up_adapters : nullptr;
        case JN_SLOT_FFN_DOWN: return layer.ffn.down.data != nullptr ? &layer.ffn.down_adapters : nullptr;
        default: return nullptr;
    }
}

jn_status Model::adapt(const jn_low_rank* parts, int32_t count) {
    if (parts == nullptr || count < 1 || adapters_.count() > 0) {
        return JN_BAD_ARGUMENT;
    }
    std::vector<LowRanks*> places;
    std::vector<AdapterMemory::Size> sizes;
    for (int32_t i = 0; i < count; ++i) {
        LowRanks* place = adapters_of(parts[i]);
        if (place == nullptr) {
            return JN_BAD_ARGUMENT;
        }
        const Matrix& beside = parts[i].slot == JN_SLOT_OUTPUT
                                   ? output()
                                   : matrix_of({parts[i].slot, parts[i].layer, 0, 0, 0, 0});
        places.push_back(place);
        sizes.push_back({beside.rows, beside.cols});
    }
    return adapters_.reserve(parts, count, sizes, places);
}

bool Model::complete() const {
    for (const Tensor& tensor : tensors_) {
        if (tensor.loaded->load(std::memory_order_acquire) != tensor.matrix.rows) {
            return false;
        }
    }
    return adapters_.complete();
}

float Model::attention_scale() const {
    return shape_.attention_scale > 0 ? shape_.attention_scale : 1.0f / std::sqrt(static_cast<float>(shape_.head_dim));
}

}  // namespace jesus
