// Attention with an online softmax over chunks of 64 positions. Each query's result depends on its own keys and values only, chunk by chunk in order
// of position: a score is one chain of multiply-adds over the dimensions, an output one chain over the positions, so tiles of queries change no bit.
//
// A chunk: 1 keys and values widened to floats   2 scores   3 mask, maximum, exponentials, sums kept   4 values mixed in
#pragma once

#include "core/half.h"
#include "cpu/row_kernels.h"
#include "cpu/shared/activations.h"
#include "cpu/shared/math.h"

namespace jesus {

// Running state of all queries of one Attend and one chunk of keys and values as floats.
struct AttendState {
    float* keys;     // [4 blocks][head_dim][16]
    float* values;   // [64][padded(head_dim)]
    float* scores;   // [queries][64], then weights
    float* sums;     // [queries][padded(head_dim)]: weighted sum of values
    float* highest;  // [queries]: highest score so far
    float* total;    // [queries]: sum of exponentials
};

// Positions of a chunk that a query sees, counted from the chunk's first.
struct Seen {
    int begin;
    int end;
};

template <class V>
inline AttendState begin_attend(const Attend& work) {
    const int queries = work.rows * work.heads;
    const int64_t dims = padded(work.head_dim);
    AttendState state{};
    state.keys = work.scratch;
    state.values = state.keys + work.head_dim * kAttendChunk;
    state.scores = state.values + dims * kAttendChunk;
    state.sums = state.scores + queries * kAttendChunk;
    state.highest = state.sums + dims * queries;
    state.total = state.highest + round_up(queries, kLanes);
    for (int64_t i = 0; i < dims * queries; i += kLanes) {
        V::store(state.sums + i, V::zero());
    }
    for (int query = 0; query < queries; ++query) {
        state.highest[query] = -__builtin_inff();
        state.total[query] = 0;
    }
    return state;
}

inline Seen seen_of(const Attend& work, int query, int chunk) {
    const int last = work.last[query / work.heads];
    const int first = work.window > 0 && last >= work.window ? last - work.window + 1 : 0;
    const int begin = first - chunk * kAttendChunk, end = last + 1 - chunk * kAttendChunk;
    return {begin > 0 ? begin : 0, end < kAttendChunk ? end : kAttendChunk};
}

// Sixteen neighbouring elements, before Q8_0's scale.
template <class V, KvType Type>
inline typename V::Reg load_kv(const uint8_t* from, int64_t index) {
    if constexpr (Type == KvType::F32) {
        return V::load(reinterpret_cast<const float*>(from) + index);
    } else if constexpr (Type == KvType::F16) {
        return V::load_half(reinterpret_cast<const uint16_t*>(from) + index);
    } else {
        return V::load_bytes(reinterpret_cast<const int8_t*>(from) + index);
    }
}

template <class V, KvType Type>
inline void widen_keys(const KvLayout& kv, const uint8_t* head, float* to) {
    const uint16_t* scales = reinterpret_cast<const uint16_t*>(head + kv.key_scales);
    typename V::Reg scale = V::zero();
    for (int d = 0; d < kv.head_dim; ++d) {
        typename V::Reg key = load_kv<V, Type>(head, d * kLanes);
        if constexpr (Type == KvType::Q8_0) {
            scale = d % kQ8Columns == 0 ? V::load_half(scales + d / kQ8Columns * kLanes) : scale;
            key = V::mul(key, scale);
        }
        V::store(to + d * kLanes, key);
    }
}

// Only `count` positions hold written values.
template <class V, KvType Type>
inline void widen_values(const KvLayout& kv, const uint8_t* head, int count, float* to) {
    constexpr int kGroupsMax = 512 / kQ8Columns;
    alignas(64) float scales[kLanes * kGroupsMax];
    for (int i = 0; Type == KvType::Q8_0 && i < kLanes * kv.groups(); i += kLanes) {
        V::store(scales + i, V::load_half(reinterpret_cast<const uint16_t*>(head + kv.value_scales) + i));
    }
    const int64_t dims = padded(kv.head_dim);
    for (int position = 0; position < count; ++position) {
        for (int64_t d = 0; d < dims; d += kLanes) {
            typename V::Reg value = load_kv<V, Type>(head + kv.values, position * dims + d);
            if constexpr (Type == KvType::Q8_0) {
                value = V::mul(value, V::set(scales[position * kv.groups() + d / kQ8Columns]));
            }
            V::store(to + position * dims + d, value);
        }
    }
}

inline void prefetch_head(const uint8_t* head, int64_t bytes) {
    for (int64_t line = 0; line < bytes; line += 64) {
        __builtin_prefetch(head + line, 0, 3);
    }
}

template <class V, KvType Type>
inline void widen_blocks(const Attend& work, const AttendState& state, int chunk, Range blocks, int end) {
    const int32_t* table = work.block_table + chunk * kAttendChunkBlocks;
    const int last_block = work.last[work.rows - 1] / kLanes - chunk * kAttendChunkBlocks;
    for (int block = blocks.begin; block < blocks.end; ++block) {
        if (block < last_block) {
            prefetch_head(work.head + table[block + 1] * work.block_bytes, work.kv.bytes);
        }
        const uint8_t* head = work.head + table[block] * work.block_bytes;
        const int written = end - block * kLanes;
        widen_keys<V, Type>(work.kv, head, state.keys + static_cast<int64_t>(block) * work.head_dim * kLanes);
        widen_values<V, Type>(work.kv, head, written < kLanes ? written : kLanes, state.values + padded(work.head_dim) * block * kLanes);
    }
}

// The chunk's blocks from the first to the last that any query sees; answers [first, end) of blocks in the chunk.
template <class V>
inline Range widen_chunk(const Attend& work, const AttendState& state, int chunk, Seen seen) {
    const Range blocks{seen.begin / kLanes, (seen.end + kLanes - 1) / kLanes};
    switch (work.kv.type) {
        case KvType::F32: widen_blocks<V, KvType::F32>(work, state, chunk, blocks, seen.end); break;
        case KvType::F16: widen_blocks<V, KvType::F16>(work, state, chunk, blocks, seen.end); break;
        case KvType::Q8_0: widen_blocks<V, KvType::Q8_0>(work, state, chunk, blocks, seen.end); break;
    }
    return blocks;
}

// Scores of Queries queries against Blocks blocks of 16 keys: one chain over the dimensions for each lane.
template <class V, int Queries, int Blocks>
inline void score_tile(const Attend& work, const AttendState& state, int query, int block) {
    const float* pointers[Queries];
    typename V::Reg sums[Queries][Blocks];
    for (int i = 0; i < Queries; ++i) {
        const int row = (query + i) / work.heads, head = (query + i) % work.heads;
        pointers[i] = work.queries + row * work.query_stride + head * work.head_dim;
        for (int b = 0; b < Blocks; ++b) {
            sums[i][b] = V::zero();
        }
    }
    const float* keys = state.keys + static_cast<int64_t>(block) * work.head_dim * kLanes;
    for (int d = 0; d < work.head_dim; ++d) {
        typename V::Reg key[Blocks];
        for (int b = 0; b < Blocks; ++b) {
            key[b] = V::load(keys + (static_cast<int64_t>(b) * work.head_dim + d) * kLanes);
        }
        for (int i = 0; i < Queries; ++i) {
            const typename V::Reg value = V::set(pointers[i][d]);
            for (int b = 0; b < Blocks; ++b) {
                sums[i][b] = V::fma(key[b], value, sums[i][b]);
            }
        }
    }
    for (int i = 0; i < Queries; ++i) {
        for (int b = 0; b < Blocks; ++b) {
            const typename V::Reg score = V::mul(sums[i][b], V::set(work.scale));
            V::store(state.scores + (query + i) * kAttendChunk + (block + b) * kLanes, work.soft_cap > 0 ? soft_cap16<V>(score, work.soft_cap) : score);
        }
    }
}

// A block is read by all queries while it is in the first cache; single queries take several blocks at once, because one chain alone waits for its
// own latency.
template <class V>
inline void score_chunk(const Attend& work, const AttendState& state, Range blocks, int first_query) {
    const int queries = work.rows * work.heads;
    const int tiled = first_query + (queries - first_query) / V::kQueries * V::kQueries;
    for (int block = blocks.begin; block < blocks.end; ++block) {
        for (int query = first_query; query < tiled; query += V::kQueries) {
            score_tile<V, V::kQueries, 1>(work, state, query, block);
        }
    }
    for (int query = tiled; query < queries; ++query) {
        int block = blocks.begin;
        for (; block + 4 <= blocks.end; block += 4) {
            score_tile<V, 1, 4>(work, state, query, block);
        }
        for (; block < blocks.end; ++block) {
            score_tile<V, 1, 1>(work, state, query, block);
        }
    }
}

// The scores become weights, relative to the highest score so far; what was summed before is brought to it.
template <class V>
inline void weigh(const Attend& work, const AttendState& state, int query, Seen seen) {
    float* scores = state.scores + query * kAttendChunk;
    for (int i = 0; i < seen.begin; ++i) {
        scores[i] = -__builtin_inff();
    }
    for (int i = seen.end; i < kAttendChunk; ++i) {
        scores[i] = -__builtin_inff();
    }
    typename V::Reg s[kAttendChunkBlocks];
    for (int b = 0; b < kAttendChunkBlocks; ++b) {
        s[b] = V::load(scores + b * kLanes);
    }
    const float before = state.highest[query];
    const float chunk = V::highest(V::max(V::max(s[0], s[1]), V::max(s[2], s[3])));
    const float highest = before > chunk ? before : chunk;
    for (int b = 0; b < kAttendChunkBlocks; ++b) {
        s[b] = exp16<V>(V::sub(s[b], V::set(highest)));
        V::store(scores + b * kLanes, s[b]);
    }
    const float sum = V::sum(V::add(V::add(s[0], s[1]), V::add(s[2], s[3])));
    if (highest == before) {  // keeping all of it changes no bit
        state.total[query] += sum;
        return;
    }
    const float keep = exp1<V>(before - highest);
    state.highest[query] = highest;
    state.total[query] = state.total[query] * keep + sum;
    float* sums = state.sums + query * padded(work.head_dim);
    for (int64_t d = 0; d < padded(work.head_dim); d += kLanes) {
        V::store(sums + d, V::mul(V::load(sums + d), V::set(keep)));
    }
}

// sums = sums + weight * value over the positions in order, for Queries queries and 16 * Columns dimensions from d on.
template <class V, int Queries, int Columns>
inline void mix_tile(const Attend& work, const AttendState& state, int query, int64_t d, Seen seen) {
    const int64_t dims = padded(work.head_dim);
    float* sums = state.sums + query * dims + d;
    const float* weights = state.scores + query * kAttendChunk;
    typename V::Reg r[Queries][Columns];
    for (int i = 0; i < Queries; ++i) {
        for (int c = 0; c < Columns; ++c) {
            r[i][c] = V::load(sums + i * dims + c * kLanes);
        }
    }
    for (int position = seen.begin; position < seen.end; ++position) {
        const float* from = state.values + position * dims + d;
        typename V::Reg value[Columns];
        for (int c = 0; c < Columns; ++c) {
            value[c] = V::load(from + c * kLanes);
        }
        for (int i = 0; i < Queries; ++i) {
            const typename V::Reg weight = V::set(weights[i * kAttendChunk + position]);
            for (int c = 0; c < Columns; ++c) {
                r[i][c] = V::fma(weight, value[c], r[i][c]);
            }
        }
    }
    for (int i = 0; i < Queries; ++i) {
        for (int c = 0; c < Columns; ++c) {
            V::store(sums + i * dims + c * kLanes, r[i][c]);
        }
    }
}

template <class V>
inline void mix_one(const Attend& work, const AttendState& state, int query, Seen seen) {
    if (seen.begin >= seen.end) {
        return;
    }
    const int64_t dims = padded(work.head_dim);
    int64_t d = 0;
    for (; d + 4 * kLanes <= dims; d += 4 * kLanes) {
        mix_tile<V, 1, 4>(work, state, query, d, seen);
    }
    for (; d < dims; d += kLanes) {
        mix_tile<V, 1, 1>(work, state, query, d, seen);
    }
}

// Together what all the tile's queries see, one by one what only some do: before it, then after it.
template <class V>
inline void mix_queries(const Attend& work, const AttendState& state, int query, const Seen* seen) {
    Seen all = seen[0];
    for (int i = 1; i < V::kQueries; ++i) {
        all.begin = seen[i].begin > all.begin ? seen[i].begin : all.begin;
        all.end = seen[i].end < all.end ? seen[i].end : all.end;
    }
    if (all.begin >= all.end) {
        for (int i = 0; i < V::kQueries; ++i) {
            mix_one<V>(work, state, query + i, seen[i]);
        }
        return;
    }
    for (int i = 0; i < V::kQueries; ++i) {
        mix_one<V>(work, state, query + i, {seen[i].begin, all.begin});
    }
    for (int64_t d = 0; d < padded(work.head_dim); d += kLanes) {
        mix_tile<V, V::kQueries, 1>(work, state, query, d, all);
    }
    for (int i = 0; i < V::kQueries; ++i) {
        mix_one<V>(work, state, query + i, {all.end, seen[i].end});
    }
}

template <class V>
inline void attend_chunk(const Attend& work, const AttendState& state, int chunk) {
    const int queries = work.rows * work.heads;
    int first_query = 0;  // earlier rows end before this chunk
    while (seen_of(work, first_query, chunk).end <= 0) {
        ++first_query;
    }
    Seen seen[kAttendQueriesMax];
    Seen any{kAttendChunk, 0};
    for (int query = first_query; query < queries; ++query) {
        seen[query] = seen_of(work, query, chunk);
        any.begin = seen[query].begin < any.begin ? seen[query].begin : any.begin;
        any.end = seen[query].end > any.end ? seen[query].end : any.end;
    }
    if (any.begin >= any.end) {
        return;
    }
    const Range blocks = widen_chunk<V>(work, state, chunk, any);
    score_chunk<V>(work, state, blocks, first_query);
    for (int query = first_query; query < queries; ++query) {
        if (seen[query].begin < seen[query].end) {
            weigh<V>(work, state, query, seen[query]);
        }
    }
    int query = first_query;
    for (; query + V::kQueries <= queries; query += V::kQueries) {
        mix_queries<V>(work, state, query, seen + query);
    }
    for (; query < queries; ++query) {
        mix_one<V>(work, state, query, seen[query]);
    }
}

// A sink takes part in the softmax like a score without a value.
template <class V>
inline void add_sink(const Attend& work, const AttendState& state, int query) {
    const float sink = work.sinks[query % work.heads], before = state.highest[query];
    const float highest = before > sink ? before : sink;
    const float keep = exp1<V>(before - highest);
    state.total[query] = state.total[query] * keep + exp1<V>(sink - highest);
    float* sums = state.sums + query * padded(work.head_dim);
    for (int64_t d = 0; d < padded(work.head_dim); d += kLanes) {
        V::store(sums + d, V::mul(V::load(sums + d), V::set(keep)));
    }
}

template <class V>
inline void finish_attend(const Attend& work, const AttendState& state) {
    const int64_t dims = padded(work.head_dim);
    for (int query = 0; query < work.rows * work.heads; ++query) {
        if (work.sinks != nullptr) {
            add_sink<V>(work, state, query);
        }
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

// Windowed layers begin at the first row's window: what lies before it is not read.
template <class V>
void attend_rows(const Attend& work) {
    const AttendState state = begin_attend<V>(work);
    const int first = work.window > 0 && work.last[0] >= work.window ? work.last[0] - work.window + 1 : 0;
    const int chunks = work.last[work.rows - 1] / kAttendChunk + 1;
    for (int chunk = first / kAttendChunk; chunk < chunks; ++chunk) {
        attend_chunk<V>(work, state, chunk);
    }
    finish_attend<V>(work, state);
}

}  // namespace jesus
