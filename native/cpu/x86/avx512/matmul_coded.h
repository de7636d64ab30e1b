// Products with coded weights, AVX-512 VNNI: _mm512_dpbusd_epi32 multiplies unsigned codes by signed activations and adds
// four products into each row's 32-bit lane. Sums begin at -offset * the sum of quants, which takes the offset out.
#pragma once

#include <cstring>

#include "cpu/shared/matmul_coded.h"
#include "cpu/x86/avx512/intrinsics.h"
#include "cpu/x86/expand_coded.h"

namespace jesus::avx512 {

struct CodedMachine {
    using Wide = x86::WideBlock;
    static constexpr int kQuantBytes = 1;
    // Twelve chains hide the latency of dpbusd; parts of 16 columns need two sums each.
    static constexpr int tokens(Type type) { return form_of(type).part == 16 ? 8 : 12; }

    template <Type T>
    static void expand(const uint8_t* group, int block, int count, Wide* wide) {
        x86::expand_blocks<T, false>(group, block, count, wide);
    }

    // Not inlined: the driver has two places for each of many tiles.
    template <Type T, int Tokens>
    __attribute__((noinline)) static void tile(const Wide* wide, int count, const QuantBlock* const* x, float* sums) {
        constexpr Form form = form_of(T);
        for (int block = 0; block < count; ++block) {
            const auto weights = [&]<int Four>() { return load(wide[block].codes + Four * 64); };
            __m512i dots[Tokens];
            if constexpr (form.part == kBlockColumns) {
                block_dots<T, Tokens>(weights, x, block, dots);
            } else {
                part_dots<T, Tokens>(weights, wide[block], x, block, dots);
            }
            add_block<T, Tokens>(wide[block], x, block, dots, sums);
        }
    }

    static constexpr int kStreamRows = 2;

    template <Type T, int Tokens>
    __attribute__((noinline)) static void stream(const uint8_t* group, int blocks, const QuantBlock* const* x, float* to) {
        const __m256i table = x86::table_vector<form_of(T).table, false>();
        alignas(64) float sums[Tokens * kLanes] = {};
        Wide wide;  // without its codes
        for (int block = 0; block < blocks; ++block) {
            ask_ahead<T>(group, block);
            const x86::BlockPlace place = x86::place_of<T>(group, block);
            x86::expand_numbers<T>(place.record, place.within, wide);
            const auto weights = [&]<int Four>() {
                const __m256i low = x86::values_of<T, Four * 2>(place.codes, table), high = x86::values_of<T, Four * 2 + 1>(place.codes, table);
                return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
            };
            __m512i dots[Tokens];
            if constexpr (form_of(T).part == kBlockColumns) {
                block_dots<T, Tokens>(weights, x, block, dots);
            } else {
                part_dots<T, Tokens>(weights, wide, x, block, dots);
            }
            add_block<T, Tokens>(wide, x, block, dots, sums);
        }
        std::memcpy(to, sums, sizeof sums);
    }

private:
    static constexpr int kFours = kBlockColumns / 4;

    static __m512i load(const void* from) { return _mm512_loadu_si512(from); }

    static __m512i four_quants(const int8_t* from) {
        int32_t four;
        std::memcpy(&four, from, 4);
        return _mm512_set1_epi32(four);
    }

    // weights: the codes of four columns of all rows, of a number known when compiled.
    template <int Tokens, int Four, int End, class Weights>
    static void add_fours(const Weights& weights, const QuantBlock* const* x, int block, __m512i (&dots)[Tokens]) {
        if constexpr (Four < End) {
            const __m512i w = weights.template operator()<Four>();
            for (int t = 0; t < Tokens; ++t) {
                dots[t] = _mm512_dpbusd_epi32(dots[t], w, four_quants(x[t][block].quants + Four * 4));
            }
            add_fours<Tokens, Four + 1, End>(weights, x, block, dots);
        }
    }

    template <Type T, int Tokens, class Weights>
    static void block_dots(const Weights& weights, const QuantBlock* const* x, int block, __m512i (&dots)[Tokens]) {
        for (int t = 0; t < Tokens; ++t) {
            dots[t] = _mm512_set1_epi32(-form_of(T).offset * x[t][block].sum);
        }
        add_fours<Tokens, 0, kFours>(weights, x, block, dots);
    }

    template <Type T, int Tokens, class Weights>
    static void part_dots(const Weights& weights, const Wide& wide, const QuantBlock* const* x, int block, __m512i (&dots)[Tokens]) {
        __m512i first[Tokens], last[Tokens];
        for (int t = 0; t < Tokens; ++t) {
            first[t] = _mm512_set1_epi32(-form_of(T).offset * x[t][block].halves[0]);
            last[t] = _mm512_set1_epi32(-form_of(T).offset * x[t][block].halves[1]);
        }
        add_fours<Tokens, 0, kFours / 2>(weights, x, block, first);
        add_fours<Tokens, kFours / 2, kFours>(weights, x, block, last);
        const __m512i pairs = load(wide.parts);
        const __m512i low = _mm512_srai_epi32(_mm512_slli_epi32(pairs, 16), 16), high = _mm512_srai_epi32(pairs, 16);
        for (int t = 0; t < Tokens; ++t) {
            dots[t] = _mm512_add_epi32(_mm512_mullo_epi32(first[t], low), _mm512_mullo_epi32(last[t], high));
        }
    }

    template <Type T, int Tokens>
    static void add_block(const Wide& wide, const QuantBlock* const* x, int block, const __m512i (&dots)[Tokens], float* sums) {
        constexpr Form form = form_of(T);
        const __m512 scale = _mm512_loadu_ps(wide.scale);
        for (int t = 0; t < Tokens; ++t) {
            const QuantBlock& a = x[t][block];
            __m512 sum = _mm512_loadu_ps(sums + t * kLanes);
            sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[t]), _mm512_mul_ps(scale, _mm512_set1_ps(a.scale)), sum);
            if constexpr (form.least && form.part == kBlockColumns) {
                sum = _mm512_fmadd_ps(_mm512_set1_ps(a.total), _mm512_loadu_ps(wide.least[0]), sum);
            } else if constexpr (form.least) {
                sum = _mm512_fmadd_ps(_mm512_set1_ps(a.half_totals[0]), _mm512_loadu_ps(wide.least[0]), sum);
                sum = _mm512_fmadd_ps(_mm512_set1_ps(a.half_totals[1]), _mm512_loadu_ps(wide.least[1]), sum);
            }
            _mm512_storeu_ps(sums + t * kLanes, sum);
        }
    }
};

}  // namespace jesus::avx512
