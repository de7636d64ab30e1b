// Blocks of coded weights made wide with AVX2, for the tiles of AVX2 and of AVX-512.
#pragma once

#include <immintrin.h>

#include "cpu/forms.h"

namespace jesus::x86 {

// 16 rows x 32 columns. `codes` holds four neighbouring columns of row 0, of row 1, ... of row 15, then the next four.
struct alignas(64) WideBlock {
    uint8_t codes[kBlockCodes];
    float scale[kLanes];
    int16_t parts[2 * kLanes];  // pairs of a row's parts, where a part is 16 columns
    float least[2][kLanes];
};

// Each table's source compiles these for its own instruction set: one shared copy might hold instructions that a CPU lacks.
namespace {

inline __m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
inline __m256 halves(const uint8_t* from) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))); }
inline __m128i eight_bytes(const uint8_t* from) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)); }
inline __m256 floats_of(__m256i x) { return _mm256_cvtepi32_ps(x); }

// Bits [from, from + count) of every byte, moved to bit `to`.
template <int From, int Count, int To>
inline __m256i bits(__m256i x) {
    const __m256i mask = _mm256_set1_epi8(static_cast<char>(((1 << Count) - 1) << To));
    if constexpr (From > To) {
        x = _mm256_srli_epi16(x, From - To);
    } else if constexpr (From < To) {
        x = _mm256_slli_epi16(x, To - From);
    }
    return _mm256_and_si256(x, mask);
}

template <int Bits, int Vector>
inline __m256i code_vector(const uint8_t* codes) {
    constexpr int low = low_bits(Bits), high = Bits - low, low_vectors = 8 / low;
    __m256i x = bits<Vector % low_vectors * low, low, 0>(load(codes + Vector / low_vectors * 32));
    if constexpr (high > 0) {
        constexpr int vectors = 8 / high;
        x = _mm256_or_si256(x, bits<Vector % vectors * high, high, low>(load(codes + low_plane_bytes(Bits) + Vector / vectors * 32)));
    }
    return x;
}

template <Table T, bool Signed>
inline __m256i table_vector() {
    alignas(16) uint8_t values[16];
    for (int i = 0; i < 16; ++i) {
        values[i] = static_cast<uint8_t>(table_values(T)[static_cast<size_t>(i)] - (Signed ? 128 : 0));
    }
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(values)));
}

// The codes of one vector, or their entries in the table.
template <Type T, int Vector>
inline __m256i values_of(const uint8_t* codes, __m256i table) {
    constexpr Form form = form_of(T);
    const __m256i x = code_vector<form.bits, Vector>(codes);
    if constexpr (form.table != Table::None) {
        return _mm256_shuffle_epi8(table, x);
    } else {
        return x;
    }
}

template <Type T, int Vector>
inline void expand_codes(const uint8_t* codes, __m256i table, uint8_t* to) {
    if constexpr (Vector < kBlockCodes / 32) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(to + Vector * 32), values_of<T, Vector>(codes, table));
        expand_codes<T, Vector + 1>(codes, table, to);
    }
}

// Eight rows' bytes as 32-bit integers.
template <Type T>
inline __m256i part_of(const uint8_t* bytes) {
    if constexpr (form_of(T).pairs) {
        return _mm256_and_si256(_mm256_cvtepu8_epi32(eight_bytes(bytes)), _mm256_set1_epi32(15));
    } else {
        return _mm256_cvtepi8_epi32(eight_bytes(bytes));
    }
}

inline __m256 powers(const uint8_t* exponents) {
    const __m256i e = _mm256_cvtepu8_epi32(eight_bytes(exponents)), two = _mm256_set1_epi32(2);
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    const __m256i small = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
    return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, small, _mm256_cmpgt_epi32(two, e)));
}

// Scales of eight rows, from row `row` on.
template <Type T>
inline void expand_scales(const uint8_t* record, int block, int row, WideBlock& to) {
    constexpr Form form = form_of(T);
    __m256 scale;
    if constexpr (form.power) {
        scale = powers(record + row);
    } else {
        scale = halves(record + row * 2);
    }
    if constexpr (form.super) {
        const uint8_t* parts = record + form.parts_at() + block * form.parts_per_block() * kLanes + row;
        const __m256i first = part_of<T>(parts);
        if constexpr (form.part == kBlockColumns) {
            scale = _mm256_mul_ps(scale, floats_of(first));
        } else {
            const __m256i pair = _mm256_blend_epi16(first, _mm256_slli_epi32(part_of<T>(parts + kLanes), 16), 0xaa);
            _mm256_store_si256(reinterpret_cast<__m256i*>(to.parts + row * 2), pair);
        }
    }
    _mm256_store_ps(to.scale + row, scale);
}

template <Type T>
inline void expand_least(const uint8_t* record, int block, int row, WideBlock& to) {
    constexpr Form form = form_of(T);
    const __m256 least = halves(record + form.least_at() + row * 2);
    if constexpr (!form.super) {
        _mm256_store_ps(to.least[0] + row, least);
    } else {
        for (int part = 0; part < form.parts_per_block(); ++part) {
            const int at = (form.pairs ? form.parts_at() : form.least_parts_at()) + (block * form.parts_per_block() + part) * kLanes + row;
            __m256i x = _mm256_cvtepu8_epi32(eight_bytes(record + at));
            x = form.pairs ? _mm256_srli_epi32(x, 4) : x;
            _mm256_store_ps(to.least[part] + row, _mm256_xor_ps(_mm256_mul_ps(least, floats_of(x)), _mm256_set1_ps(-0.0f)));
        }
    }
}

// All of a block but its codes.
template <Type T>
inline void expand_numbers(const uint8_t* record, int within, WideBlock& to) {
    for (int row = 0; row < kLanes; row += 8) {
        expand_scales<T>(record, within, row, to);
        if constexpr (form_of(T).least) {
            expand_least<T>(record, within, row, to);
        }
    }
}

// Where a block of a group lies.
struct BlockPlace {
    const uint8_t* record;
    int within;  // of the record's blocks
    const uint8_t* codes;
};

template <Type T>
inline BlockPlace place_of(const uint8_t* group, int block) {
    constexpr Form form = form_of(T);
    constexpr int record_blocks = form.record_columns() / kBlockColumns;
    const uint8_t* record = group + block / record_blocks * form.record_bytes();
    return {record, block % record_blocks, record + form.codes_at() + block % record_blocks * form.code_bytes()};
}

// Signed: entries of the IQ4 table as they are, not moved up by 128.
template <Type T, bool Signed>
inline void expand_blocks(const uint8_t* group, int block, int count, WideBlock* wide) {
    constexpr Form form = form_of(T);
    const __m256i table = table_vector<form.table, Signed && form.table == Table::Iq4>();
    for (int i = 0; i < count; ++i) {
        const BlockPlace place = place_of<T>(group, block + i);
        expand_codes<T, 0>(place.codes, table, wide[i].codes);
        expand_numbers<T>(place.record, place.within, wide[i]);
    }
}

}  // namespace

}  // namespace jesus::x86
