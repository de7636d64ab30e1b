// Writes one position's key and value of one KV head into its block.
#pragma once

#include "core/half.h"
#include "cpu/row_kernels.h"
#include "cpu/shared/math.h"

namespace jesus {

// Calls put(d, element) for the dimensions of `from`, narrowed 16 at a time.
template <class V, class Put>
inline void for_each_half(const float* from, int count, Put put) {
    alignas(64) uint16_t halves[kLanes];
    for (int d = 0; d < count; d += kLanes) {
        const int lanes = count - d < kLanes ? count - d : kLanes;
        V::store_half(halves, lanes == kLanes ? V::load(from + d) : load_first<V>(from + d, lanes, 0.0f));
        for (int lane = 0; lane < lanes; ++lane) {
            put(d + lane, halves[lane]);
        }
    }
}

// 32 dimensions as signed bytes and an F16 scale, which is rounded first so that the bytes fit what will be read.
template <class V>
inline uint16_t quantise_group(const float* from, int8_t* quants) {
    const typename V::Reg a = V::load(from), b = V::load(from + kLanes);
    const float largest = V::highest(V::max(V::abs(a), V::abs(b)));
    const uint16_t bits = largest > 0 ? half_from_float(largest / 127.0f) : uint16_t{0};
    const float scale = float_from_half(bits);
    const typename V::Reg inverse = V::set(scale > 0 ? 1.0f / scale : 0.0f), top = V::set(127.0f), bottom = V::set(-127.0f);
    alignas(64) float lanes[kQ8Columns];
    V::store(lanes, V::round(V::max(V::min(V::mul(a, inverse), top), bottom)));
    V::store(lanes + kLanes, V::round(V::max(V::min(V::mul(b, inverse), top), bottom)));
    for (int i = 0; i < kQ8Columns; ++i) {
        quants[i] = static_cast<int8_t>(lanes[i]);
    }
    return bits;
}

template <class V>
inline void write_q8(const KvWrite& w) {
    const KvLayout& kv = w.kv;
    int8_t* keys = reinterpret_cast<int8_t*>(w.head);
    int8_t* values = reinterpret_cast<int8_t*>(w.head + kv.values) + w.slot * padded(kv.head_dim);
    uint16_t* key_scales = reinterpret_cast<uint16_t*>(w.head + kv.key_scales);
    uint16_t* value_scales = reinterpret_cast<uint16_t*>(w.head + kv.value_scales) + w.slot * kv.groups();
    for (int group = 0; group < kv.groups(); ++group) {
        const int d = group * kQ8Columns;
        int8_t quants[kQ8Columns];
        key_scales[group * kLanes + w.slot] = quantise_group<V>(w.key + d, quants);
        for (int i = 0; i < kQ8Columns; ++i) {
            keys[(d + i) * kLanes + w.slot] = quants[i];
        }
        value_scales[group] = quantise_group<V>(w.value + d, values + d);
    }
}

template <class V>
inline void write_f16(const KvWrite& w) {
    uint16_t* keys = reinterpret_cast<uint16_t*>(w.head) + w.slot;
    uint16_t* values = reinterpret_cast<uint16_t*>(w.head + w.kv.values) + w.slot * padded(w.kv.head_dim);
    for_each_half<V>(w.key, w.kv.head_dim, [&](int d, uint16_t half) { keys[d * kLanes] = half; });
    for_each_half<V>(w.value, w.kv.head_dim, [&](int d, uint16_t half) { values[d] = half; });
}

template <class V>
void write_kv_head(const KvWrite& w) {
    if (w.kv.type == KvType::Q8_0) {
        write_q8<V>(w);
        return;
    }
    if (w.kv.type == KvType::F16) {
        write_f16<V>(w);
        return;
    }
    float* keys = reinterpret_cast<float*>(w.head) + w.slot;
    float* values = reinterpret_cast<float*>(w.head + w.kv.values) + w.slot * padded(w.kv.head_dim);
    for (int d = 0; d < w.kv.head_dim; ++d) {
        keys[d * kLanes] = w.key[d];
        values[d] = w.value[d];
    }
}

}  // namespace jesus
