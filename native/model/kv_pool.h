// Keys and values of all layers in fixed blocks of 16 positions. The caller hands blocks out; this is only the memory.
//
// Layout: [layer][block][kv head], each as cpu/kv_layout.h says.
#pragma once

#include "core/buffer.h"
#include "cpu/kernels.h"
#include "jesus_native.h"

namespace jesus {

class KvPool {
public:
    static int64_t block_bytes(const jn_shape& shape, KvType type) { return kv_layout(type, shape.head_dim).bytes * shape.kv_heads * shape.layers; }

    // Throws std::bad_alloc.
    KvPool(const jn_shape& shape, KvType type, int32_t blocks)
        : layers_(shape.layers), kv_heads_(shape.kv_heads), blocks_(blocks), layout_(kv_layout(type, shape.head_dim)),
          memory_(static_cast<size_t>(block_bytes(shape, type) * blocks)) {}

    bool fits(const jn_shape& shape) const {
        return shape.layers == layers_ && shape.kv_heads == kv_heads_ && shape.head_dim == layout_.head_dim;
    }
    int32_t blocks() const { return blocks_; }
    const KvLayout& layout() const { return layout_; }
    // Bytes from one block to the next.
    int64_t stride() const { return layout_.bytes * kv_heads_; }
    // One KV head in block 0 of a layer.
    const uint8_t* head(int layer, int kv_head) const { return base(layer, 0) + layout_.bytes * kv_head; }

    // Writes one position of one layer; keys and values are [kv_heads][head_dim], keys already rotated.
    void write(const Kernels& kernels, int layer, int32_t block, int slot, const float* keys, const float* values) {
        for (int head = 0; head < kv_heads_; ++head) {
            const int64_t at = static_cast<int64_t>(head) * layout_.head_dim;
            kernels.write_kv({layout_, base(layer, block) + layout_.bytes * head, slot, keys + at, values + at});
        }
    }

private:
    uint8_t* base(int layer, int32_t block) const { return memory_.data() + stride() * (static_cast<int64_t>(blocks_) * layer + block); }

    const int32_t layers_, kv_heads_, blocks_;
    const KvLayout layout_;
    Buffer memory_;
};

}  // namespace jesus
