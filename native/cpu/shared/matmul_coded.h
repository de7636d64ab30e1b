// Products with the coded formats (forms.h), for one instruction set: a Machine that has
//
//   kQuantBytes                            of its activations, as its Vec16 says
//   Wide                                   a block of 16 rows x 32 columns: its codes a byte each, its scales as floats
//   expand<T>(group, block, count, wide)   makes the Wides of `count` blocks of a group, from block `block` on
//   tile<T, N>(wide, count, x, sums)       multiplies them with N rows of activations, adding to sums [N][16]
//   tokens(T)                              rows of the largest tile
//
// and may have, for at most kStreamRows rows, whose codes it takes from their planes to the product in registers:
//
//   stream<T, N>(group, blocks, x, sums)   the sums of a group over all its blocks, not added to anything
//
// What each output is, on all machines, block by block:
//
//   dot = sum over the block's parts of part * sum of (value - offset) * quant    in exact integers, |dot| < 2^24
//   sum = fma(dot, scale * activation scale, sum)
//   sum = fma(total of the part's activations, least, sum)                        for each part, where there are minima
//
// Forms whose parts are 32 columns put the part into the scale (exactly) instead of into dot.
//
// Codes are made wide once for a chunk of tokens. With few tokens a chunk is 8 blocks, which stay in the first-level cache, and a group is
// read from its first byte to its last, because its weights come from memory.
#pragma once

#include "cpu/forms.h"
#include "cpu/kernels.h"

namespace jesus {

// A chunk of a product with many tokens: 4 groups x 32 blocks of Wide (114 KB) and 96 tokens x 32 blocks of activations
// (192 KB) lie in a second-level cache of 512 KB, and on a thread's stack the former do.
constexpr int kChunkGroups = 4;
constexpr int kChunkBlocks = 32;
constexpr int kChunkTokens = 96;
constexpr int kFewBlocks = 8;
constexpr int kFewTokens = 48;  // x 8 blocks: 24 KB of activations
// Bytes ahead of the record at hand that are asked for when weights come from memory: the hardware's own prefetch stops
// at each page of 4 KB. What lies past a group is the next group.
constexpr int kCodedPrefetchAhead = 3072;

template <class Machine>
inline const QuantBlock* quant_blocks(const Product& p, int token) {
    const int64_t at = quant_layout(p.weights->cols, Machine::kQuantBytes).blocks;
    return reinterpret_cast<const QuantBlock*>(p.input.quants + token * p.input.quant_stride + at);
}

template <class Machine>
inline void store_sums(const Product& p, int token, int group, const float* sums) {
    float* out = p.out + token * p.out_stride + group * kLanes;
    for (int lane = 0; lane < kLanes; ++lane) {
        out[lane] = p.accumulate ? out[lane] + sums[lane] : sums[lane];
    }
}

// Asks for what lies ahead of a block: with each block, because requests for many would queue before the work.
template <Type T>
inline void ask_ahead(const uint8_t* group, int block) {
    constexpr Form form = form_of(T);
    constexpr int64_t bytes = static_cast<int64_t>(form.record_bytes()) * kBlockColumns / form.record_columns();
    const uint8_t* ahead = group + block * bytes + kCodedPrefetchAhead;
    for (int64_t line = 0; line < bytes; line += 64) {
        __builtin_prefetch(ahead + line);
    }
}

template <class Machine, Type T>
inline void stream_blocks(const uint8_t* group, int block, int count, typename Machine::Wide* wide) {
    for (int i = 0; i < count; ++i) {
        ask_ahead<T>(group, block + i);
        Machine::template expand<T>(group, block + i, 1, wide + i);
    }
}

template <class Machine>
concept Streams = requires { Machine::kStreamRows; };

// Of a product with at most Most rows.
template <class Machine, Type T, int Most>
void stream_rows(const Product& p) {
    if constexpr (Most > 1) {
        if (p.tokens < Most) {
            stream_rows<Machine, T, Most - 1>(p);
            return;
        }
    }
    const QuantBlock* x[Most];
    for (int token = 0; token < Most; ++token) {
        x[token] = quant_blocks<Machine>(p, token);
    }
    for (int group = p.groups.begin; group < p.groups.end; ++group) {
        alignas(64) float sums[Most][kLanes];
        Machine::template stream<T, Most>(p.weights->group(group), p.weights->blocks(), x, sums[0]);
        for (int token = 0; token < Most; ++token) {
            store_sums<Machine>(p, token, group, sums[token]);
        }
    }
}

// The tile of `tokens` rows, at most Most.
template <class Machine, Type T, int Most>
inline void any_tile(int tokens, const typename Machine::Wide* wide, int blocks, const QuantBlock* const* x, float* sums) {
    if constexpr (Most > 1) {
        if (tokens < Most) {
            any_tile<Machine, T, Most - 1>(tokens, wide, blocks, x, sums);
            return;
        }
    }
    Machine::template tile<T, Most>(wide, blocks, x, sums);
}

// Rows [tokens.begin, tokens.end) in tiles of about one size: the last would else be a small one, which computes less a cycle.
template <class Machine, Type T>
inline void tiles(const Product& p, Range tokens, const typename Machine::Wide* wide, int block, int count, float* sums) {
    constexpr int most = Machine::tokens(T);
    const int rows = tokens.end - tokens.begin, parts = (rows + most - 1) / most;
    for (int part = 0; part < parts; ++part) {
        const int begin = rows * part / parts, size = rows * (part + 1) / parts - begin;
        const QuantBlock* x[most];
        for (int t = 0; t < size; ++t) {
            x[t] = quant_blocks<Machine>(p, tokens.begin + begin + t) + block;
        }
        any_tile<Machine, T, most>(size, wide, count, x, sums + begin * kLanes);
    }
}

template <class Machine, Type T>
void few_tokens(const Product& p) {
    const int blocks = p.weights->blocks();
    typename Machine::Wide wide[kFewBlocks];
    alignas(64) float sums[kFewTokens][kLanes];
    for (int group = p.groups.begin; group < p.groups.end; ++group) {
        __builtin_memset(sums, 0, sizeof(float) * kLanes * static_cast<size_t>(p.tokens));
        for (int block = 0; block < blocks; block += kFewBlocks) {
            const int count = blocks - block < kFewBlocks ? blocks - block : kFewBlocks;
            stream_blocks<Machine, T>(p.weights->group(group), block, count, wide);
            tiles<Machine, T>(p, {0, p.tokens}, wide, block, count, sums[0]);
        }
        for (int token = 0; token < p.tokens; ++token) {
            store_sums<Machine>(p, token, group, sums[token]);
        }
    }
}

// One chunk of tokens and of groups over all columns.
template <class Machine, Type T>
void chunk(const Product& p, Range tokens, Range groups) {
    typename Machine::Wide wide[kChunkGroups][kChunkBlocks];
    alignas(64) float sums[kChunkGroups][kChunkTokens][kLanes];
    for (int g = 0; g < groups.end - groups.begin; ++g) {
        __builtin_memset(sums[g], 0, sizeof(float) * kLanes * static_cast<size_t>(tokens.end - tokens.begin));
    }
    const int blocks = p.weights->blocks();
    for (int block = 0; block < blocks; block += kChunkBlocks) {
        const int count = blocks - block < kChunkBlocks ? blocks - block : kChunkBlocks;
        for (int group = groups.begin; group < groups.end; ++group) {
            Machine::template expand<T>(p.weights->group(group), block, count, wide[group - groups.begin]);
        }
        for (int g = 0; g < groups.end - groups.begin; ++g) {
            tiles<Machine, T>(p, tokens, wide[g], block, count, sums[g][0]);
        }
    }
    for (int group = groups.begin; group < groups.end; ++group) {
        for (int token = tokens.begin; token < tokens.end; ++token) {
            store_sums<Machine>(p, token, group, sums[group - groups.begin][token - tokens.begin]);
        }
    }
}

template <class Machine, Type T>
void matmul_form(const Product& p) {
    if constexpr (Streams<Machine>) {
        if (p.tokens <= Machine::kStreamRows) {
            stream_rows<Machine, T, Machine::kStreamRows>(p);
            return;
        }
    }
    if (p.tokens <= kFewTokens) {
        few_tokens<Machine, T>(p);
        return;
    }
    for (int token = 0; token < p.tokens; token += kChunkTokens) {
        const int last = p.tokens - token < kChunkTokens ? p.tokens : token + kChunkTokens;
        for (int group = p.groups.begin; group < p.groups.end; group += kChunkGroups) {
            chunk<Machine, T>(p, {token, last}, {group, p.groups.end - group < kChunkGroups ? p.groups.end : group + kChunkGroups});
        }
    }
}

template <class Machine>
void matmul_coded(const Product& p) {
    switch (p.weights->type) {
        case Type::Q4_0: matmul_form<Machine, Type::Q4_0>(p); break;
        case Type::Q4_1: matmul_form<Machine, Type::Q4_1>(p); break;
        case Type::Q5_0: matmul_form<Machine, Type::Q5_0>(p); break;
        case Type::Q5_1: matmul_form<Machine, Type::Q5_1>(p); break;
        case Type::Q2_K: matmul_form<Machine, Type::Q2_K>(p); break;
        case Type::Q3_K: matmul_form<Machine, Type::Q3_K>(p); break;
        case Type::Q4_K: matmul_form<Machine, Type::Q4_K>(p); break;
        case Type::Q5_K: matmul_form<Machine, Type::Q5_K>(p); break;
        case Type::Q6_K: matmul_form<Machine, Type::Q6_K>(p); break;
        case Type::IQ4_NL: matmul_form<Machine, Type::IQ4_NL>(p); break;
        case Type::IQ4_XS: matmul_form<Machine, Type::IQ4_XS>(p); break;
        case Type::MXFP4: matmul_form<Machine, Type::MXFP4>(p); break;
        default: break;  // floats and Q8_0 have kernels of their own
    }
}

}  // namespace jesus
