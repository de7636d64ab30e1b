// How one KV head's keys and values of 16 positions lie in memory, in this order:
//
//   keys          [head_dim][16 positions]           positions side by side: scores need no sum across lanes
//   key scales    [head_dim / 32][16] F16            Q8_0 only
//   values        [16 positions][padded(head_dim)]
//   value scales  [16][head_dim / 32] F16            Q8_0 only
#pragma once

#include "core/types.h"

namespace jesus {

// Numbered as JN_TYPE_*.
enum class KvType : int32_t { F32 = 0, F16 = 1, Q8_0 = 8 };

struct KvLayout {
    KvType type = KvType::F32;
    int head_dim = 0;
    int64_t key_scales = 0, values = 0, value_scales = 0, bytes = 0;  // offsets, and the size of all

    int groups() const { return head_dim / kQ8Columns; }
    int64_t element() const { return type == KvType::F32 ? 4 : type == KvType::F16 ? 2 : 1; }
};

constexpr bool kv_type_known(int32_t type) { return type == 0 || type == 1 || type == 8; }
// Q8_0 scales whole groups of 32 dimensions.
constexpr bool kv_type_fits(KvType type, int head_dim) { return type != KvType::Q8_0 || head_dim % kQ8Columns == 0; }

inline KvLayout kv_layout(KvType type, int head_dim) {
    KvLayout layout;
    layout.type = type;
    layout.head_dim = head_dim;
    const int64_t scales = type == KvType::Q8_0 ? static_cast<int64_t>(layout.groups()) * kLanes * 2 : 0;
    layout.key_scales = head_dim * kLanes * layout.element();
    layout.values = layout.key_scales + scales;
    layout.value_scales = layout.values + padded(head_dim) * kLanes * layout.element();
    layout.bytes = layout.value_scales + scales;
    return layout;
}

}  // namespace jesus
