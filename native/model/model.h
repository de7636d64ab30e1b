// A model's weights in the layout of one instruction set. Immutable once loaded.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "core/buffer.h"
#include "cpu/kernels.h"
#include "jesus_native.h"
#include "model/low_rank.h"

namespace jesus {

// Gate, up and down with their biases: of a layer, of one expert, of a shared expert. A matrix without memory or a null bias is absent.
struct FeedForward {
    Matrix gate, up, down;
    const float* gate_bias = nullptr;
    const float* up_bias = nullptr;
    const float* down_bias = nullptr;
    LowRanks gate_adapters, up_adapters, down_adapters;
};

struct Norm {
    const float* weight = nullptr;  // null: the norm is absent
    const float* bias = nullptr;
    explicit operator bool() const { return weight != nullptr; }
};

struct Layer {
    Norm attention_norm, query_norm, key_norm, attention_post_norm, attention_sum_norm;
    Norm ffn_norm, ffn_post_norm, ffn_sum_norm;
    Matrix query, key, value, attention_output;
    const float* query_bias = nullptr;
    const float* key_bias = nullptr;
    const float* value_bias = nullptr;
    const float* attention_output_bias = nullptr;
    LowRanks query_adapters, key_adapters, value_adapters, attention_output_adapters;
    const float* sinks = nullptr;
    FeedForward ffn;
    Matrix router, shared_router;
    const float* router_bias = nullptr;
    std::vector<FeedForward> experts;
    FeedForward shared;
    int window = 0;
    int rope = -1;

    bool has_experts() const { return router.data != nullptr; }
    bool has_shared() const { return shared.up.data != nullptr; }
};

struct Rope {
    std::vector<double> frequencies;  // radians per position
    double attention_factor;
    int pairs() const { return static_cast<int>(frequencies.size()); }
};

class Model {
public:
    // Expects that validate_model said JN_OK. Throws std::bad_alloc.
    Model(const jn_shape& shape, const jn_layer* layers, const jn_rope* ropes, const jn_tensor* tensors, int32_t count, const Kernels& kernels);

    jn_status load(int32_t index, int64_t first_row, int64_t rows, const void* data, uint64_t bytes);
    // Reserves memory for adapters; once. Throws std::bad_alloc.
    jn_status adapt(const jn_low_rank* parts, int32_t count);
    jn_status load_adapter(int32_t index, int32_t side, int64_t first_row, int64_t rows, const void* data, uint64_t bytes) {
        return adapters_.load(index, side, first_row, rows, data, bytes);
    }
    bool complete() const;

    const jn_shape& shape() const { return shape_; }
    const Kernels& kernels() const { return kernels_; }
    const std::vector<Rope>& ropes() const { return ropes_; }
    uint64_t bytes() const { return arena_.bytes(); }

    const Layer& layer(int index) const { return layers_[static_cast<size_t>(index)]; }
    const Matrix& embedding() const { return embedding_; }
    const Matrix& position_embedding() const { return position_embedding_; }
    const Matrix& token_type_embedding() const { return token_type_embedding_; }
    const Norm& embedding_norm() const { return embedding_norm_; }
    const Matrix& output() const { return output_.data != nullptr ? output_ : embedding_; }
    const Norm& output_norm() const { return output_norm_; }
    const LowRanks& output_adapters() const { return output_adapters_; }
    const AdapterMemory& adapters() const { return adapters_; }

    bool causal() const { return shape_.causal == 1; }
    int attention_width() const { return shape_.heads * shape_.head_dim; }
    int kv_width() const { return shape_.kv_heads * shape_.head_dim; }
    float attention_scale() const;

private:
    struct Tensor {
        jn_tensor declared;
        Matrix matrix;          // vectors: one row of floats, padded
        int64_t offset;         // in the arena
        std::unique_ptr<std::atomic<int64_t>> loaded;  // rows
    };

    Matrix& matrix_of(const jn_tensor& place);
    const float*& vector_of(const jn_tensor& place);
    LowRanks* adapters_of(const jn_low_rank& part);

    const jn_shape shape_;
    const Kernels& kernels_;
    std::vector<Rope> ropes_;
    std::vector<Tensor> tensors_;
    Buffer arena_;
    std::vector<Layer> layers_;
    Matrix embedding_, position_embedding_, token_type_embedding_, output_;
    Norm embedding_norm_, output_norm_;
    LowRanks output_adapters_;
    AdapterMemory adapters_;
};

}  // namespace jesus
