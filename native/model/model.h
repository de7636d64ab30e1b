// A llama model's weights in the layout of one instruction set. Immutable once loaded.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "core/buffer.h"
#include "cpu/kernels.h"
#include "jesus_native.h"

namespace jesus {

struct Layer {
    const float* attention_norm = nullptr;
    const float* ffn_norm = nullptr;
    Matrix query, key, value, attention_output, gate, up, down;
};

struct Rope {
    std::vector<double> frequencies;  // radians per position
    double attention_factor;
    int pairs() const { return static_cast<int>(frequencies.size()); }
};

class Model {
public:
    // JN_OK when the shape and the tensors can be held; the constructor expects that this was asked.
    static jn_status validate(const jn_shape& shape, const jn_layer* layers, const jn_rope* ropes, const jn_tensor* tensors, int32_t count);

    // Throws std::bad_alloc.
    Model(const jn_shape& shape, const jn_layer* layers, const jn_rope* ropes, const jn_tensor* tensors, int32_t count, const Kernels& kernels);

    jn_status load(int32_t index, int64_t first_row, int64_t rows, const void* data, uint64_t bytes);
    bool complete() const;

    const jn_shape& shape() const { return shape_; }
    const Kernels& kernels() const { return kernels_; }
    const Rope& rope() const { return ropes_[0]; }
    uint64_t bytes() const { return arena_.bytes(); }

    const Layer& layer(int index) const { return layers_[static_cast<size_t>(index)]; }
    const Matrix& embedding() const { return embedding_; }
    const Matrix& output() const { return output_.data != nullptr ? output_ : embedding_; }
    const float* output_norm() const { return output_norm_; }

    int attention_width() const { return shape_.heads * shape_.head_dim; }
    int kv_width() const { return shape_.kv_heads * shape_.head_dim; }
    float attention_scale() const;

private:
    struct Tensor {
        jn_tensor declared;
        Matrix matrix;          // norms: one row of floats, padded
        int64_t offset;         // in the arena
        std::unique_ptr<std::atomic<int64_t>> loaded;  // rows
    };

    void place(const Tensor& tensor);
    void place_norm(const Tensor& tensor);
    void place_matrix(const Tensor& tensor);

    const jn_shape shape_;
    const Kernels& kernels_;
    std::vector<Rope> ropes_;
    std::vector<Tensor> tensors_;
    Buffer arena_;
    std::vector<Layer> layers_;
    Matrix embedding_, output_;
    const float* output_norm_ = nullptr;
};

}  // namespace jesus
