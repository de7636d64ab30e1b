// Keys and values of all layers in fixed blocks of 16 positions. The caller hands blocks out; this is only the memory.
//
// Layout: [layer][block][kv head] of keys [head_dim][16 positions], then values [16 positions][padded(head_dim)].
// Keys lie with positions next to each other, so that the scores of 16 positions need no sum across lanes.
#pragma once

#include "core/buffer.h"
#include "core/half.h"
#include "model/model.h"

namespace jesus {

class KvPool {
public:
    static int64_t block_bytes(const jn_shape& shape, int32_t type) { return layer_block_bytes(shape, type) * shape.layers; }

    // Throws std::bad_alloc. type is JN_TYPE_F16 or JN_TYPE_F32.
    KvPool(const jn_shape& shape, int32_t type, int32_t blocks)
        : shape_(shape), half_(type == JN_TYPE_F16), blocks_(blocks), stride_(layer_block_bytes(shape, type)),
          memory_(static_cast<size_t>(block_bytes(shape, type) * blocks)) {}

    bool fits(const jn_shape& shape) const {
        return shape.layers == shape_.layers && shape.kv_heads == shape_.kv_heads && shape.head_dim == shape_.head_dim;
    }
    int32_t blocks() const { return blocks_; }
    bool half() const { return half_; }
    int64_t stride() const { return stride_; }
    const uint8_t* layer(int layer) const { return memory_.data() + stride_ * blocks_ * layer; }
    int64_t key_offset(int head) const { return head_bytes() * head; }
    int64_t value_offset(int head) const { return key_offset(head) + shape_.head_dim * kLanes * element(); }

    // Writes one position of one layer; keys and values are [kv_heads][head_dim], keys already rotated.
    void write(int layer, int32_t block, int slot, const float* keys, const float* values) {
        uint8_t* base = memory_.data() + stride_ * (static_cast<int64_t>(blocks_) * layer + block);
        for (int head = 0; head < shape_.kv_heads; ++head) {
            write_head(base, head, slot, keys + head * shape_.head_dim, values + head * shape_.head_dim);
        }
    }

private:
    static int64_t element_bytes(int32_t type) { return type == JN_TYPE_F16 ? 2 : 4; }
    static int64_t layer_block_bytes(const jn_shape& shape, int32_t type) {
        return (shape.head_dim + padded(shape.head_dim)) * kLanes * element_bytes(type) * shape.kv_heads;
    }
    int64_t element() const { return half_ ? 2 : 4; }
    int64_t head_bytes() const { return stride_ / shape_.kv_heads; }

    void write_head(uint8_t* base, int head, int slot, const float* keys, const float* values) {
        const int64_t row = slot * padded(shape_.head_dim);
        uint8_t* key_base = base + key_offset(head);
        uint8_t* value_base = base + value_offset(head);
        for (int d = 0; d < shape_.head_dim; ++d) {
            if (half_) {
                reinterpret_cast<uint16_t*>(key_base)[d * kLanes + slot] = half_from_float(keys[d]);
                reinterpret_cast<uint16_t*>(value_base)[row + d] = half_from_float(values[d]);
            } else {
                reinterpret_cast<float*>(key_base)[d * kLanes + slot] = keys[d];
                reinterpret_cast<float*>(value_base)[row + d] = values[d];
            }
        }
    }

    const jn_shape shape_;
    const bool half_;
    const int32_t blocks_;
    const int64_t stride_;
    Buffer memory_;
};

}  // namespace jesus
