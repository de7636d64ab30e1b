// Products with coded weights, AVX2. Codes are unsigned and small, so that _mm256_maddubs_epi16 with signed activations
// adds two columns into 16 bits without saturating, and several of its results fit 16 bits before they must be widened:
//
//   codes up to       15, 3, 7      31, 24      63       IQ4 entries (-127 .. 113)
//   products of four  8 (a block)   4           2        1, as |entry| * (sign of the entry * activation)
//
// (2 * 15 * 127 * 8 = 30480, 2 * 31 * 127 * 4 = 31496, 2 * 63 * 127 * 2 = 32004, all below 32768.) Widening multiplies with
// the part where a part is 16 columns. The offset is taken out of the whole block's sum: offset * parts * sums of quants.
#pragma once

#include <cstring>

#include "cpu/shared/matmul_coded.h"
#include "cpu/x86/expand_coded.h"

namespace jesus::avx2 {

struct CodedMachine {
    using Wide = x86::WideBlock;
    static constexpr int kQuantBytes = 2;
    // 12 sums, two weights, one activation: 15 of 16 registers; the IQ4 forms need two more for the entries' magnitudes.
    static constexpr int tokens(Type type) { return form_of(type).table == Table::Iq4 ? 4 : 6; }

    template <Type T>
    static void expand(const uint8_t* group, int block, int count, Wide* wide) {
        x86::expand_blocks<T, true>(group, block, count, wide);
    }

    // Not inlined: the driver has two places for each of many tiles.
    template <Type T, int Tokens>
    __attribute__((noinline)) static void tile(const Wide* wide, int count, const QuantBlock* const* x, float* sums) {
        for (int block = 0; block < count; ++block) {
            __m256i dots[Tokens][2] = {};
            block_dots<T, Tokens>(wide[block], x, block, dots);
            take_offset<T, Tokens>(wide[block], x, block, dots);
            add_block<T, Tokens>(wide[block], x, block, dots, sums);
        }
    }

    static constexpr int kStreamRows = 2;

    template <Type T, int Tokens>
    __attribute__((noinline)) static void stream(const uint8_t* group, int blocks, const QuantBlock* const* x, float* to) {
        const __m256i table = x86::table_vector<form_of(T).table, form_of(T).table == Table::Iq4>();
        alignas(64) float sums[Tokens * kLanes] = {};
        Wide wide;  // without its codes
        for (int block = 0; block < blocks; ++block) {
            ask_ahead<T>(group, block);
            const x86::BlockPlace place = x86::place_of<T>(group, block);
            x86::expand_numbers<T>(place.record, place.within, wide);
            __m256i dots[Tokens][2] = {};
            packed_dots<T, Tokens, 0>(place.codes, table, wide, x, block, dots);
            take_offset<T, Tokens>(wide, x, block, dots);
            add_block<T, Tokens>(wide, x, block, dots, sums);
        }
        std::memcpy(to, sums, sizeof sums);
    }

private:
    static constexpr int kFours = kBlockColumns / 4;

    // Products of four columns that 16 bits hold.
    static constexpr int chain(Type type) {
        const Form form = form_of(type);
        if (form.table == Table::Iq4) {
            return 1;
        }
        return form.bits == 6 ? 2 : form.bits == 5 || form.table == Table::Fp4 || form.part == 16 ? 4 : kFours;
    }

    static __m256i load(const void* from) { return _mm256_load_si256(static_cast<const __m256i*>(from)); }

    static __m256i four_quants(const int8_t* from) {
        int32_t four;
        std::memcpy(&four, from, 4);
        return _mm256_set1_epi32(four);
    }

    template <Type T>
    static __m256i product(__m256i weights, __m256i magnitudes, __m256i quants) {
        if constexpr (form_of(T).table == Table::Iq4) {
            return _mm256_maddubs_epi16(magnitudes, _mm256_sign_epi8(quants, weights));
        } else {
            return _mm256_maddubs_epi16(weights, quants);
        }
    }

    // What the 16-bit sums of columns from 4 * four on are multiplied with when they are widened.
    template <Type T>
    static __m256i widener(const Wide& wide, int four, int half) {
        if constexpr (form_of(T).part == 16) {
            const __m256i pairs = load(wide.parts + half * kLanes);
            const __m256i low = _mm256_setr_epi8(0, 1, 0, 1, 4, 5, 4, 5, 8, 9, 8, 9, 12, 13, 12, 13, 0, 1, 0, 1, 4, 5, 4, 5, 8, 9, 8, 9, 12, 13, 12, 13);
            return _mm256_shuffle_epi8(pairs, four < kFours / 2 ? low : _mm256_add_epi8(low, _mm256_set1_epi8(2)));
        } else {
            return _mm256_set1_epi16(1);
        }
    }

    // Products with four columns of all rows, added to the chain's 16-bit sums.
    template <Type T, int Tokens, bool First>
    static void add_four(__m256i lo, __m256i hi, const QuantBlock* const* x, int block, int four, __m256i (&sums)[Tokens][2]) {
        const __m256i lo_size = _mm256_abs_epi8(lo), hi_size = _mm256_abs_epi8(hi);
        for (int t = 0; t < Tokens; ++t) {
            const __m256i a = four_quants(x[t][block].quants + four * 4);
            const __m256i p = product<T>(lo, lo_size, a), q = product<T>(hi, hi_size, a);
            sums[t][0] = First ? p : _mm256_add_epi16(sums[t][0], p);
            sums[t][1] = First ? q : _mm256_add_epi16(sums[t][1], q);
        }
    }

    template <Type T, int Tokens, int Four, int End, bool First>
    static void packed_chain(const uint8_t* codes, __m256i table, const QuantBlock* const* x, int block, __m256i (&sums)[Tokens][2]) {
        if constexpr (Four < End) {
            add_four<T, Tokens, First>(x86::values_of<T, Four * 2>(codes, table), x86::values_of<T, Four * 2 + 1>(codes, table), x, block, Four, sums);
            packed_chain<T, Tokens, Four + 1, End, false>(codes, table, x, block, sums);
        }
    }

    // block_dots of codes in their planes, from column 4 * Four on.
    template <Type T, int Tokens, int Four>
    static void packed_dots(const uint8_t* codes, __m256i table, const Wide& wide, const QuantBlock* const* x, int block, __m256i (&dots)[Tokens][2]) {
        if constexpr (Four < kFours) {
            __m256i sums[Tokens][2];
            packed_chain<T, Tokens, Four, Four + chain(T), true>(codes, table, x, block, sums);
            widen_chain<T, Tokens, Four == 0>(wide, Four, sums, dots);
            packed_dots<T, Tokens, Four + chain(T)>(codes, table, wide, x, block, dots);
        }
    }

    template <Type T, int Tokens, bool First>
    static void widen_chain(const Wide& wide, int four, const __m256i (&sums)[Tokens][2], __m256i (&dots)[Tokens][2]) {
        const __m256i wide_lo = widener<T>(wide, four, 0), wide_hi = widener<T>(wide, four, 1);
        for (int t = 0; t < Tokens; ++t) {
            const __m256i p = _mm256_madd_epi16(sums[t][0], wide_lo), q = _mm256_madd_epi16(sums[t][1], wide_hi);
            dots[t][0] = First ? p : _mm256_add_epi32(dots[t][0], p);
            dots[t][1] = First ? q : _mm256_add_epi32(dots[t][1], q);
        }
    }

    template <Type T, int Tokens>
    static void block_dots(const Wide& wide, const QuantBlock* const* x, int block, __m256i (&dots)[Tokens][2]) {
        constexpr int length = chain(T);
#pragma GCC unroll 8
        for (int first = 0; first < kFours; first += length) {
            __m256i sums[Tokens][2] = {};
#pragma GCC unroll 8
            for (int four = first; four < first + length; ++four) {
                const __m256i lo = load(wide.codes + four * 64), hi = load(wide.codes + four * 64 + 32);
                const __m256i lo_size = _mm256_abs_epi8(lo), hi_size = _mm256_abs_epi8(hi);
                for (int t = 0; t < Tokens; ++t) {
                    const __m256i a = four_quants(x[t][block].quants + four * 4);
                    const __m256i p = product<T>(lo, lo_size, a), q = product<T>(hi, hi_size, a);
                    sums[t][0] = four == first ? p : _mm256_add_epi16(sums[t][0], p);
                    sums[t][1] = four == first ? q : _mm256_add_epi16(sums[t][1], q);
                    // Holds GCC to this order: left alone it makes all products first and spills the sums.
                    __asm__("" : "+x"(sums[t][0]), "+x"(sums[t][1]));
                }
            }
            const __m256i wide_lo = widener<T>(wide, first, 0), wide_hi = widener<T>(wide, first, 1);
            for (int t = 0; t < Tokens; ++t) {
                const __m256i p = _mm256_madd_epi16(sums[t][0], wide_lo), q = _mm256_madd_epi16(sums[t][1], wide_hi);
                dots[t][0] = first == 0 ? p : _mm256_add_epi32(dots[t][0], p);
                dots[t][1] = first == 0 ? q : _mm256_add_epi32(dots[t][1], q);
            }
        }
    }

    static constexpr int log2(int x) { return x <= 1 ? 0 : 1 + log2(x / 2); }

    template <Type T, int Tokens>
    static void take_offset(const Wide& wide, const QuantBlock* const* x, int block, __m256i (&dots)[Tokens][2]) {
        constexpr Form form = form_of(T);
        if constexpr (form.offset == 0 || form.table == Table::Iq4) {
            return;
        }
        for (int t = 0; t < Tokens; ++t) {
            int32_t halves;
            std::memcpy(&halves, x[t][block].halves, 4);
            const __m256i pair = _mm256_set1_epi32(halves);
            for (int half = 0; half < 2; ++half) {
                if constexpr (form.part == 16) {
                    const __m256i sum = _mm256_madd_epi16(load(wide.parts + half * kLanes), pair);
                    dots[t][half] = _mm256_sub_epi32(dots[t][half], _mm256_slli_epi32(sum, log2(form.offset)));
                } else {
                    dots[t][half] = _mm256_sub_epi32(dots[t][half], _mm256_madd_epi16(pair, _mm256_set1_epi16(form.offset)));
                }
            }
        }
    }

    template <Type T, int Tokens>
    static void add_block(const Wide& wide, const QuantBlock* const* x, int block, const __m256i (&dots)[Tokens][2], float* sums) {
        constexpr Form form = form_of(T);
        for (int half = 0; half < 2; ++half) {
            const __m256 scale = _mm256_load_ps(wide.scale + half * 8);
            for (int t = 0; t < Tokens; ++t) {
                float* to = sums + t * kLanes + half * 8;
                const QuantBlock& a = x[t][block];
                __m256 sum = _mm256_load_ps(to);
                sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[t][half]), _mm256_mul_ps(scale, _mm256_set1_ps(a.scale)), sum);
                if constexpr (form.least && form.part == kBlockColumns) {
                    sum = _mm256_fmadd_ps(_mm256_set1_ps(a.total), _mm256_load_ps(wide.least[0] + half * 8), sum);
                } else if constexpr (form.least) {
                    sum = _mm256_fmadd_ps(_mm256_set1_ps(a.half_totals[0]), _mm256_load_ps(wide.least[0] + half * 8), sum);
                    sum = _mm256_fmadd_ps(_mm256_set1_ps(a.half_totals[1]), _mm256_load_ps(wide.least[1] + half * 8), sum);
                }
                _mm256_store_ps(to, sum);
            }
        }
    }
};

}  // namespace jesus::avx2
