#include "cpu/codes.h"

#include <bit>
#include <cstring>

#include "core/half.h"

namespace jesus {

namespace {

constexpr int kVectors = kBlockCodes / 32;
constexpr int kWords = 8;  // of 32 bits in a vector: the four columns of one row

uint32_t word_of(const Codes& codes, int vector, int row) {
    uint32_t word;
    std::memcpy(&word, &codes.of[vector % 2 * 8 + row][vector / 2 * 4], 4);
    return word;
}

// Takes `bits` bits of every code, from bit `from` on, into a plane; four codes at a time.
void pack_plane(const Codes& codes, int bits, int from, uint8_t* plane) {
    const int vectors = 8 / bits;
    const uint32_t mask = 0x01010101u * ((1u << bits) - 1);
    for (int first = 0; first < kVectors; first += vectors, plane += 32) {
        for (int row = 0; row < kWords; ++row) {
            uint32_t word = 0;
            for (int v = 0; v < vectors; ++v) {
                word |= (word_of(codes, first + v, row) >> from & mask) << (v * bits);
            }
            std::memcpy(plane + row * 4, &word, 4);
        }
    }
}

void unpack_plane(const uint8_t* plane, int bits, int to, Codes& codes) {
    const int vectors = 8 / bits;
    const uint32_t mask = 0x01010101u * ((1u << bits) - 1);
    for (int first = 0; first < kVectors; first += vectors, plane += 32) {
        for (int row = 0; row < kWords; ++row) {
            uint32_t word;
            std::memcpy(&word, plane + row * 4, 4);
            for (int v = 0; v < vectors; ++v) {
                uint8_t* at = &codes.of[(first + v) % 2 * 8 + row][(first + v) / 2 * 4];
                uint32_t four;
                std::memcpy(&four, at, 4);
                four |= (word >> (v * bits) & mask) << to;
                std::memcpy(at, &four, 4);
            }
        }
    }
}

int plane_at(const uint8_t* plane, int bits, int vector, int byte) {
    const int vectors = 8 / bits;
    return plane[vector / vectors * 32 + byte] >> (vector % vectors * bits) & ((1 << bits) - 1);
}

int code_at(int bits, const uint8_t* from, int row, int column) {
    const int vector = column / 4 * 2 + row / 8, byte = row % 8 * 4 + column % 4, low = low_bits(bits);
    const int code = plane_at(from, low, vector, byte);
    return bits == low ? code : code | plane_at(from + low_plane_bytes(bits), bits - low, vector, byte) << low;
}

void put_scales(const Form& form, uint8_t* record, int lane, const FileBlock& block) {
    if (form.power) {
        record[lane] = static_cast<uint8_t>(block.scale);
    } else {
        std::memcpy(record + lane * 2, &block.scale, 2);
    }
    if (form.least) {
        std::memcpy(record + form.least_at() + lane * 2, &block.least, 2);
    }
    for (int part = 0; part < form.parts(); ++part) {
        record[form.parts_at() + part * kLanes + lane] = block.parts[part];
        if (form.least && !form.pairs) {
            record[form.least_parts_at() + part * kLanes + lane] = block.least_parts[part];
        }
    }
}

}  // namespace

void pack_codes(int bits, const Codes& codes, uint8_t* to) {
    pack_plane(codes, low_bits(bits), 0, to);
    if (bits > low_bits(bits)) {
        pack_plane(codes, bits - low_bits(bits), low_bits(bits), to + low_plane_bytes(bits));
    }
}

void unpack_codes(int bits, const uint8_t* from, Codes& codes) {
    std::memset(codes.of, 0, sizeof codes.of);
    unpack_plane(from, low_bits(bits), 0, codes);
    if (bits > low_bits(bits)) {
        unpack_plane(from + low_plane_bytes(bits), bits - low_bits(bits), low_bits(bits), codes);
    }
}

int64_t coded_group_bytes(Type type, int64_t cols) {
    const Form form = form_of(type);
    return cols / form.record_columns() * form.record_bytes();
}

void pack_coded_rows(const Matrix& matrix, uint8_t* group, int first, int count, const uint8_t* source) {
    const Form form = form_of(matrix.type);
    const int file_bytes = form_file_bytes(matrix.type), blocks = form.record_columns() / kBlockColumns;
    const int64_t row_bytes = file_row_bytes(matrix.type, matrix.cols);
    Codes codes[kSuperColumns / kBlockColumns];
    FileBlock block{};
    for (int64_t column = 0; column < matrix.cols; column += form.record_columns(), group += form.record_bytes(), source += file_bytes) {
        for (int b = 0; b < blocks && count < kLanes; ++b) {
            unpack_codes(form.bits, group + form.codes_at() + b * form.code_bytes(), codes[b]);
        }
        for (int row = 0; row < count; ++row) {
            read_file_block(matrix.type, source + row * row_bytes, block);
            put_scales(form, group, first + row, block);
            for (int b = 0; b < blocks; ++b) {
                std::memcpy(codes[b].of[first + row], block.codes + b * kBlockColumns, kBlockColumns);
            }
        }
        for (int b = 0; b < blocks; ++b) {
            pack_codes(form.bits, codes[b], group + form.codes_at() + b * form.code_bytes());
        }
    }
}

float coded_scale(const Form& form, const uint8_t* record, int lane) {
    if (form.power) {
        return std::bit_cast<float>(power_bits(record[lane]));
    }
    uint16_t half;
    std::memcpy(&half, record + lane * 2, 2);
    return float_from_half(half);
}

int coded_part(const Form& form, const uint8_t* record, int part, int lane) {
    if (!form.super) {
        return 1;
    }
    const uint8_t byte = record[form.parts_at() + part * kLanes + lane];
    return form.pairs ? byte & 15 : static_cast<int8_t>(byte);
}

float coded_least(const Form& form, const uint8_t* record, int part, int lane) {
    uint16_t half;
    std::memcpy(&half, record + form.least_at() + lane * 2, 2);
    if (!form.super) {
        return float_from_half(half);
    }
    const int least = form.pairs ? record[form.parts_at() + part * kLanes + lane] >> 4 : record[form.least_parts_at() + part * kLanes + lane];
    return -(float_from_half(half) * static_cast<float>(least));
}

void read_coded_row(const Matrix& matrix, const uint8_t* group, int lane, float* out) {
    const Form form = form_of(matrix.type);
    for (int64_t column = 0; column < matrix.cols; column += form.part) {
        const uint8_t* record = group + column / form.record_columns() * form.record_bytes();
        const int within = static_cast<int>(column % form.record_columns());
        const uint8_t* codes = record + form.codes_at() + within / kBlockColumns * form.code_bytes();
        const int part = within / form.part;
        const float scale = coded_scale(form, record, lane) * static_cast<float>(coded_part(form, record, part, lane));
        const float least = form.least ? coded_least(form, record, part, lane) : 0.0f;
        for (int i = 0; i < form.part; ++i) {
            const int code = code_at(form.bits, codes, lane, within % kBlockColumns + i);
            const int value = (form.table == Table::None ? code : table_values(form.table)[static_cast<size_t>(code)]) - form.offset;
            const float product = scale * static_cast<float>(value);
            out[column + i] = form.least ? product + least : product;
        }
    }
}

}  // namespace jesus
