// Products with F32, F16 and BF16 weights. Each output is one chain of fused multiply-adds over the columns in order, so it depends neither on the tile
// nor on the batch.
//
// A product goes by chunks of kFloatGroups groups (16 weight rows), kFloatTokens input rows and float_columns() columns, which stay in the second cache while
// tiles of Form::kTokens rows x V::kTileGroups groups pass over them; sums rest in memory, exact, from one chunk of columns to the next. One row takes
// V::kGroups groups at once, because one chain alone waits for its own latency. What a chunk makes of its rows and weights before tiles read them, and how a
// tile adds a column, is the form's.
#pragma once

#include <algorithm>
#include <cstring>

#include "cpu/kernels.h"

namespace jesus {

constexpr int kFloatTokens = 96;
constexpr int kFloatGroups = 8;
// One row reads each group's weights as far as they go.
constexpr int float_columns(int tokens) { return tokens == 1 ? 8192 : 1024; }

// The input rows of a chunk, as they are.
class PlainRows {
public:
    using Element = float;
    void take(const Product& p, Range tokens, int64_t column, int) {
        from_ = p.input.floats + tokens.begin * p.input.float_stride + column;
        stride_ = p.input.float_stride;
    }
    const float* row(int token) const { return from_ + token * stride_; }

private:
    const float* from_ = nullptr;
    ptrdiff_t stride_ = 0;
};

// The same, rounded; zeros after an odd number of columns. Rounding has an Element, the columns that one holds, and row(from, count, to).
template <int Tokens, class Rounding>
class RoundedRows {
public:
    using Element = typename Rounding::Element;
    void take(const Product& p, Range tokens, int64_t column, int count) {
        for (int token = tokens.begin; token < tokens.end; ++token) {
            Rounding::row(p.input.floats + token * p.input.float_stride + column, count, rows_[token - tokens.begin]);
        }
    }
    const Element* row(int token) const { return rows_[token]; }

private:
    alignas(64) Element rows_[Tokens][float_columns(Tokens) / Rounding::kColumns + kLanes];
};

// The weights of a tile's groups, as they are.
template <class StoredElement, int Columns = 1>
class PlainWeights {
public:
    using Element = StoredElement;
    const Element* take(const Product& p, int group, int64_t column, int, int) {
        return reinterpret_cast<const Element*>(p.weights->group(group)) + column / Columns * kLanes;
    }
};

// The same, made floats once for all tiles of the chunk.
template <class V, class Weight>
class WidenedWeights {
public:
    using Element = float;
    const float* take(const Product& p, int group, int64_t column, int count, int place) {
        const auto* from = reinterpret_cast<const typename Weight::Element*>(p.weights->group(group)) + column * kLanes;
        constexpr int kColumnsALine = 64 / sizeof(typename Weight::Element) / kLanes;
        for (int i = 0; i < count; ++i) {
            if (V::kFloatPrefetchAhead > 0 && i % kColumnsALine == 0) {
                __builtin_prefetch(reinterpret_cast<const uint8_t*>(from + i * kLanes) + V::kFloatPrefetchAhead, 0, 2);
            }
            V::store(floats_[place] + i * kLanes, Weight::load(from + i * kLanes));
        }
        return floats_[place];
    }

private:
    alignas(64) float floats_[V::kTileGroups][float_columns(kFloatTokens) * kLanes];
};

struct NoMode {};

// One column of a tile. load: the weights of a group.
template <class V, int Tokens, int Groups, class Load>
inline void add_column(Load load, const float* const* x, int64_t column, typename V::Reg (&sums)[Tokens][Groups]) {
    typename V::Reg weights[Groups];
    for (int g = 0; g < Groups; ++g) {
        weights[g] = load(g);
    }
    for (int t = 0; t < Tokens; ++t) {
        const typename V::Reg value = V::set(x[t][column]);
        for (int g = 0; g < Groups; ++g) {
            sums[t][g] = V::fma(weights[g], value, sums[t][g]);
        }
    }
}

template <class V, class Weight, class ChunkWeights>
struct FloatForm {
    using Vec = V;
    using Weights = ChunkWeights;
    template <int Tokens>
    using Rows = PlainRows;
    using Mode = NoMode;  // of the processor while tiles run
    static constexpr int kTokens = V::kTokens;

    template <int Tokens, int Groups>
    static void add_columns(const typename Weights::Element* const* w, const float* const* x, int columns, bool asks_ahead, typename V::Reg (&sums)[Tokens][Groups]) {
        constexpr int kBytes = sizeof(typename Weights::Element), kColumnsALine = 64 / kBytes / kLanes;
        for (int64_t column = 0; column < columns; ++column) {
            if (asks_ahead && column % kColumnsALine == 0) {
                for (int g = 0; g < Groups; ++g) {
                    __builtin_prefetch(w[g] + column * kLanes + V::kFloatPrefetchAhead / kBytes, 0, 2);
                }
            }
            add_column<V, Tokens, Groups>([&](int g) { return Weight::load(w[g] + column * kLanes); }, x, column, sums);
        }
    }
};

// The sums of a chunk, a column of groups for each row.
using FloatSums = float[kFloatTokens][kFloatGroups][kLanes];

// Not inlined: there are many, and the mode must not move into them.
template <class Form, int Tokens, int Groups>
__attribute__((noinline)) void float_tile(const typename Form::Weights::Element* const* w, const typename Form::template Rows<Tokens>::Element* const* x, int columns,
                                          bool asks_ahead, float (*to)[kFloatGroups][kLanes], int place) {
    using V = typename Form::Vec;
    typename V::Reg sums[Tokens][Groups];
    for (int t = 0; t < Tokens; ++t) {
        for (int g = 0; g < Groups; ++g) {
            sums[t][g] = V::load(to[t][place + g]);
        }
    }
    Form::template add_columns<Tokens, Groups>(w, x, columns, asks_ahead, sums);
    for (int t = 0; t < Tokens; ++t) {
        for (int g = 0; g < Groups; ++g) {
            V::store(to[t][place + g], sums[t][g]);
        }
    }
}

// All rows over one tile's groups; the last tile has the rows that are left.
template <class Form, int Groups, int Tokens, class Rows>
void float_rows(const Rows& rows, const typename Form::Weights::Element* const* w, Range tokens, int columns, FloatSums& sums, int place) {
    int token = tokens.begin;
    for (; token + Tokens <= tokens.end; token += Tokens) {
        const typename Rows::Element* x[Tokens];
        for (int t = 0; t < Tokens; ++t) {
            x[t] = rows.row(token + t);
        }
        float_tile<Form, Tokens, Groups>(w, x, columns, token == 0 && Form::Vec::kFloatPrefetchAhead > 0, sums + token, place);
    }
    if constexpr (Tokens > 1) {
        float_rows<Form, Groups, Tokens - 1>(rows, w, {token, tokens.end}, columns, sums, place);
    }
}

// Tiles of `Groups` groups over a chunk, then of one. Groups and the columns' first are the chunk's, tokens count from its first.
template <class Form, int Tokens, int Groups, class Rows>
void float_tiles(const Product& p, Range groups, int tokens, const Rows& rows, int64_t column, int count, FloatSums& sums) {
    typename Form::Weights weights;
    [[maybe_unused]] const typename Form::Mode mode{};
    int group = groups.begin;
    const auto take = [&]<int Taken>() {
        const typename Form::Weights::Element* w[Taken];
        for (int g = 0; g < Taken; ++g) {
            w[g] = weights.take(p, group + g, column, count, g);
        }
        float_rows<Form, Taken, Tokens>(rows, w, {0, tokens}, count, sums, group - groups.begin);
        group += Taken;
    };
    while (group + Groups <= groups.end) {
        take.template operator()<Groups>();
    }
    while (group < groups.end) {
        take.template operator()<1>();
    }
}

template <class Form, int Tokens, int Groups, int ChunkTokens>
void float_chunk(const Product& p, Range tokens, Range groups, FloatSums& sums) {
    using V = typename Form::Vec;
    const int count = tokens.end - tokens.begin;
    std::memset(sums, 0, static_cast<size_t>(count) * sizeof sums[0]);
    typename Form::template Rows<ChunkTokens> rows;
    for (int64_t column = 0; column < p.weights->cols; column += float_columns(ChunkTokens)) {
        const int columns = static_cast<int>(std::min<int64_t>(float_columns(ChunkTokens), p.weights->cols - column));
        rows.take(p, tokens, column, columns);
        float_tiles<Form, Tokens, Groups>(p, groups, count, rows, column, columns, sums);
    }
    for (int t = 0; t < count; ++t) {
        for (int g = 0; g < groups.end - groups.begin; ++g) {
            float* out = p.out + (tokens.begin + t) * p.out_stride + (groups.begin + g) * kLanes;
            const typename V::Reg sum = V::load(sums[t][g]);
            V::store(out, p.accumulate ? V::add(V::load(out), sum) : sum);
        }
    }
}

// Weights come from memory once: all rows pass over a chunk of groups before the next one.
template <class Form>
void matmul_chunks(const Product& p) {
    using V = typename Form::Vec;
    alignas(64) FloatSums sums;
    for (int group = p.groups.begin; group < p.groups.end; group += kFloatGroups) {
        const Range groups{group, std::min(group + kFloatGroups, p.groups.end)};
        if (p.tokens == 1) {
            float_chunk<Form, 1, V::kGroups, 1>(p, {0, 1}, groups, sums);
            continue;
        }
        for (int token = 0; token < p.tokens; token += kFloatTokens) {
            float_chunk<Form, Form::kTokens, V::kTileGroups, kFloatTokens>(p, {token, std::min(token + kFloatTokens, p.tokens)}, groups, sums);
        }
    }
}

template <class V>
struct WeightF32 {
    using Element = float;
    static typename V::Reg load(const float* from) { return V::load(from); }
};

template <class V>
struct WeightF16 {
    using Element = uint16_t;
    static typename V::Reg load(const uint16_t* from) { return V::load_half(from); }
};

template <class V>
void matmul_f32(const Product& p) {
    matmul_chunks<FloatForm<V, WeightF32<V>, PlainWeights<float>>>(p);
}

// Widening a chunk's weights pays where many tiles read them.
template <class V>
void matmul_f16(const Product& p) {
    if (p.tokens > 8 * V::kTokens) {
        matmul_chunks<FloatForm<V, WeightF32<V>, WidenedWeights<V, WeightF16<V>>>>(p);
    } else {
        matmul_chunks<FloatForm<V, WeightF16<V>, PlainWeights<uint16_t>>>(p);
    }
}

}  // namespace jesus
