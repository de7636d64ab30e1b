// Kernels over one row of activations: norms, softmax, rotary embedding, quantisation.
#pragma once

#include "cpu/kernels.h"
#include "cpu/shared/math.h"

namespace jesus {

template <class V>
void rms_norm_row(const float* x, const float* weight, int n, float epsilon, float* out) {
    const int end = static_cast<int>(padded(n));
    typename V::Reg squares = V::zero();
    for (int i = 0; i < end; i += kLanes) {
        squares = V::fma(V::load(x + i), V::load(x + i), squares);
    }
    const float mean = V::sum(squares) / static_cast<float>(n);
    const typename V::Reg scale = V::set(1.0f / __builtin_sqrtf(mean + epsilon));
    for (int i = 0; i < end; i += kLanes) {
        V::store(out + i, V::mul(V::mul(V::load(x + i), scale), V::load(weight + i)));
    }
}

template <class V>
void layer_norm_row(const float* x, const float* weight, const float* bias, int n, float epsilon, float* out) {
    const int end = static_cast<int>(padded(n));
    typename V::Reg total = V::zero();
    for (int i = 0; i < end; i += kLanes) {
        total = V::add(total, V::load(x + i));
    }
    const typename V::Reg mean = V::set(V::sum(total) / static_cast<float>(n));
    typename V::Reg squares = V::zero();
    for (int i = 0; i < end; i += kLanes) {
        const typename V::Reg apart = V::sub(V::load(x + i), mean);
        const typename V::Reg inside = n - i < kLanes ? V::keep_first(apart, n - i, 0.0f) : apart;
        squares = V::fma(inside, inside, squares);
    }
    const typename V::Reg scale = V::set(1.0f / __builtin_sqrtf(V::sum(squares) / static_cast<float>(n) + epsilon));
    for (int i = 0; i < end; i += kLanes) {
        const typename V::Reg unit = V::mul(V::sub(V::load(x + i), mean), scale);
        V::store(out + i, V::fma(unit, V::load(weight + i), bias != nullptr ? V::load(bias + i) : V::zero()));
    }
}

template <class V>
void softmax_row(float* x, int n) {
    const float infinity = __builtin_inff();
    typename V::Reg highest = V::set(-infinity);
    for (int i = 0; i < n; i += kLanes) {
        highest = V::max(load_first<V>(x + i, n - i, -infinity), highest);
    }
    const typename V::Reg shift = V::set(V::highest(highest));
    typename V::Reg total = V::zero();
    for (int i = 0; i < n; i += kLanes) {
        const typename V::Reg e = exp16<V>(V::sub(load_first<V>(x + i, n - i, -infinity), shift));
        total = V::add(total, e);
        store_first<V>(x + i, n - i < kLanes ? n - i : kLanes, e);
    }
    const typename V::Reg sum = V::set(V::sum(total));
    for (int i = 0; i < n; i += kLanes) {
        store_first<V>(x + i, n - i < kLanes ? n - i : kLanes, V::div(load_first<V>(x + i, n - i, 0.0f), sum));
    }
}

// Plain arithmetic without fused operations: compilers may vectorise it and the bits stay. V only tells the
// instantiations of different instruction sets apart.
template <class V, bool Halves>
inline void rope_pairs(float* __restrict head, const float* __restrict table, int pairs) {
    const float* __restrict cosines = table;
    const float* __restrict sines = table + pairs;
    for (int i = 0; i < pairs; ++i) {
        float& first = Halves ? head[i] : head[2 * i];
        float& second = Halves ? head[i + pairs] : head[2 * i + 1];
        const float a = first, b = second;
        first = a * cosines[i] - b * sines[i];
        second = a * sines[i] + b * cosines[i];
    }
}

template <class V>
void rope_head(float* head, const float* table, int pairs, bool halves) {
    if (halves) {
        rope_pairs<V, true>(head, table, pairs);
    } else {
        rope_pairs<V, false>(head, table, pairs);
    }
}

// A block whose largest magnitude is zero or not finite quantises to a defined value too: clamping comes before rounding.
template <class V>
void quantise_row(const float* x, int64_t cols, Range blocks, uint8_t* row) {
    const QuantLayout layout = quant_layout(cols, V::kQuantBytes);
    float* scales = reinterpret_cast<float*>(row + layout.scales);
    int32_t* sums = reinterpret_cast<int32_t*>(row + layout.sums);
    for (int block = blocks.begin; block < blocks.end; ++block) {
        const typename V::Reg a = V::load(x + block * kQ8Columns);
        const typename V::Reg b = V::load(x + block * kQ8Columns + kLanes);
        const float largest = V::highest(V::max(V::abs(a), V::abs(b)));
        const typename V::Reg inverse = V::set(largest > 0 ? 127.0f / largest : 0.0f);
        const typename V::Reg top = V::set(127.0f), bottom = V::set(-127.0f);
        const typename V::Reg qa = V::round(V::max(V::min(V::mul(a, inverse), top), bottom));
        const typename V::Reg qb = V::round(V::max(V::min(V::mul(b, inverse), top), bottom));
        scales[block] = largest / 127.0f;
        sums[block] = -128 * static_cast<int32_t>(V::sum(V::add(qa, qb)));  // sums of quants are exact in any order
        uint8_t* quants = row + layout.quants + static_cast<int64_t>(block) * kQ8Columns * V::kQuantBytes;
        V::store_quants(quants, qa);
        V::store_quants(quants + kLanes * V::kQuantBytes, qb);
        QuantBlock& coded = reinterpret_cast<QuantBlock*>(row + layout.blocks)[block];
        V::store_bytes(coded.quants, qa);
        V::store_bytes(coded.quants + kLanes, qb);
        const float first = V::sum(qa), last = V::sum(qb);
        coded.scale = scales[block];
        coded.total = (first + last) * coded.scale;
        coded.half_totals[0] = first * coded.scale;
        coded.half_totals[1] = last * coded.scale;
        coded.halves[0] = static_cast<int16_t>(first);
        coded.halves[1] = static_cast<int16_t>(last);
        coded.sum = static_cast<int32_t>(first + last);
    }
}

}  // namespace jesus
