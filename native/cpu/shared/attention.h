// Attention with an online softmax over KV blocks of 16 positions, which are also the 16 lanes of the scores.
// Each query's result depends on its own keys and values only, block by block in order of position.
#pragma once

#include "cpu/kernels.h"
#include "cpu/shared/math.h"

namespace jesus {

// Running state of all queries of one Attend and one block of keys and values as floats.
struct AttendState {
    float* keys;      // [head_dim][16]
    float* values;    // [16][padded(head_dim)]
    float* sums;      // [queries][padded(head_dim)]: weighted sum of values
    float* highest;   // [queries]: highest score so far
    float* total;     // [queries]: sum of exponentials
};

template <class V>
inline AttendState begin_attend(const Attend& work) {
    const int queries = work.rows * work.heads;
    const int64_t dims = padded(work.head_dim);
    AttendState state{};
    state.keys = work.scratch;
    state.values = state.keys + dims * kLanes;
    state.sums = state.values + dims * kLanes;
    state.highest = state.sums + dims * queries;
    state.total = state.highest + queries;
    for (int64_t i = 0; i < dims * queries; i += kLanes) {
        V::store(state.sums + i, V::zero());
    }
    for (int query = 0; query < queries; ++query) {
        state.highest[query] = -__builtin_inff();
        state.total[query] = 0;
    }
    return state;
}

template <class V>
inline void widen(const uint16_t* from, int64_t count, float* to) {
    for (int64_t i = 0; i < count; i += kLanes) {
        V::store(to + i, V::load_half(from + i));
    }
}

// Scores of `Queries` queries against the block's 16 keys: one chain over the dimensions for each lane.
template <class V, int Queries>
inline void score(const float* const* queries, const float* keys, int dims, typename V::Reg* scores) {
    typename V::Reg sums[Queries];
    for (int i = 0; i < Queries; ++i) {
        sums[i] = V::zero();
    }
    for (int d = 0; d < dims; ++d) {
        const typename V::Reg key = V::load(keys + d * kLanes);
        for (int i = 0; i < Queries; ++i) {
            sums[i] = V::fma(key, V::set(queries[i][d]), sums[i]);
        }
    }
    for (int i = 0; i < Queries; ++i) {
        scores[i] = sums[i];
    }
}

// sums = sums * keep + sum over positions of weight * value; only `valid` positions hold written values.
template <class V, int Columns>
inline void mix(float* sums, float keep, const float* weights, const float* values, int64_t stride, int valid) {
    typename V::Reg r[Columns];
    for (int c = 0; c < Columns; ++c) {
        r[c] = V::mul(V::load(sums + c * kLanes), V::set(keep));
    }
    for (int position = 0; position < valid; ++position) {
        const typename V::Reg weight = V::set(weights[position]);
        for (int c = 0; c < Columns; ++c) {
            r[c] = V::fma(weight, V::load(values + position * stride + c * kLanes), r[c]);
        }
    }
    for (int c = 0; c < Columns; ++c) {
        V::store(sums + c * kLanes, r[c]);
    }
}

template <class V>
inline void absorb(const AttendState& state, int query, typename V::Reg scores, int valid, int64_t dims) {
    const float before = state.highest[query];
    const float block = V::highest(scores);
    const float highest = before > block ? before : block;
    const typename V::Reg weights = exp16<V>(V::sub(scores, V::set(highest)));
    const float keep = exp1<V>(before - highest);
    state.highest[query] = highest;
    state.total[query] = state.total[query] * keep + V::sum(weights);
    alignas(64) float lanes[kLanes];
    V::store(lanes, weights);
    float* sums = state.sums + query * dims;
    int64_t d = 0;
    for (; d + 4 * kLanes <= dims; d += 4 * kLanes) {
        mix<V, 4>(sums + d, keep, lanes, state.values + d, dims, valid);
    }
    for (; d < dims; d += kLanes) {
        mix<V, 1>(sums + d, keep, lanes, state.values + d, dims, valid);
    }
}

template <class V, int Queries>
inline void attend_queries(const Attend& work, const AttendState& state, int query, int first_position) {
    const float* pointers[Queries];
    for (int i = 0; i < Queries; ++i) {
        const int row = (query + i) / work.heads, head = (query + i) % work.heads;
        pointers[i] = work.queries + row * work.query_stride + head * work.head_dim;
    }
    typename V::Reg scores[Queries];
    score<V, Queries>(pointers, state.keys, work.head_dim, scores);
    for (int i = 0; i < Queries; ++i) {
        const int seen = work.positions[(query + i) / work.heads] - first_position + 1;
        const int valid = seen < kLanes ? seen : kLanes;
        const typename V::Reg masked = V::keep_first(V::mul(scores[i], V::set(work.scale)), valid, -__builtin_inff());
        absorb<V>(state, query + i, masked, valid, padded(work.head_dim));
    }
}

template <class V>
inline void attend_block(const Attend& work, AttendState state, int index) {
    const uint8_t* block = work.layer + work.block_table[index] * work.block_bytes;
    const int64_t dims = padded(work.head_dim);
    if (work.half) {
        widen<V>(reinterpret_cast<const uint16_t*>(block + work.key_offset), static_cast<int64_t>(work.head_dim) * kLanes, state.keys);
        widen<V>(reinterpret_cast<const uint16_t*>(block + work.value_offset), dims * kLanes, state.values);
    } else {  // read in place; nothing writes through these
        state.keys = const_cast<float*>(reinterpret_cast<const float*>(block + work.key_offset));
        state.values = const_cast<float*>(reinterpret_cast<const float*>(block + work.value_offset));
    }
    int row = 0;
    while (work.positions[row] < index * kLanes) {
        ++row;
    }
    const int queries = work.rows * work.heads;
    int query = row * work.heads;
    for (; query + 4 <= queries; query += 4) {
        attend_queries<V, 4>(work, state, query, index * kLanes);
    }
    for (; query < queries; ++query) {
        attend_queries<V, 1>(work, state, query, index * kLanes);
    }
}

template <class V>
inline void finish_attend(const Attend& work, const AttendState& state) {
    const int64_t dims = padded(work.head_dim);
    for (int query = 0; query < work.rows * work.heads; ++query) {
        const typename V::Reg inverse = V::set(1.0f / state.total[query]);
        float* out = work.out + (query / work.heads) * work.out_stride + (query % work.heads) * work.head_dim;
        for (int64_t d = 0; d < dims; d += kLanes) {
            const typename V::Reg value = V::mul(V::load(state.sums + query * dims + d), inverse);
            if (d + kLanes <= work.head_dim) {
                V::store(out + d, value);
            } else {
                store_first<V>(out + d, work.head_dim - static_cast<int>(d), value);
            }
        }
    }
}

template <class V>
void attend_rows(const Attend& work) {
    const AttendState state = begin_attend<V>(work);
    const int blocks = work.positions[work.rows - 1] / kLanes + 1;
    for (int index = 0; index < blocks; ++index) {
        attend_block<V>(work, state, index);
    }
    finish_attend<V>(work, state);
}

}  // namespace jesus
