// The coded formats: weights of 2 to 6 bits. One description of each, from which packing and every product are made.
//
// A weight is scale * (value(code) - offset) + least, where value is the code itself or an entry of a table of 16. A scale
// (and a least) belongs to 32 or 16 neighbouring columns. In K formats it is an F16 of 256 columns times a small integer
// ("part") of each 32 or 16.
#pragma once

#include <array>
#include <cstdint>

#include "core/types.h"

namespace jesus {

constexpr int kBlockColumns = 32;   // of one activation scale; products go block by block
constexpr int kSuperColumns = 256;  // of one record of a K format
constexpr int kBlockCodes = kLanes * kBlockColumns;

enum class Table : uint8_t { None, Iq4, Fp4 };

struct Form {
    int bits;        // of one code: 2 to 6
    int part;        // columns of one scale: 32 or 16
    bool super;      // records of 256 columns with integer parts, else of 32 columns with one scale
    bool least;      // minima, subtracted in K formats and added in the others
    int offset;      // what is taken from value(code)
    Table table;
    bool power;      // the scale is a byte, 2^(e - 128), else F16
    bool pairs;      // one byte holds a part's scale (low) and minimum (high)

    constexpr int parts_per_block() const { return kBlockColumns / part; }
    constexpr int record_columns() const { return super ? kSuperColumns : kBlockColumns; }
    constexpr int parts() const { return super ? kSuperColumns / part : 0; }
    // A record: scales [16 rows]; minima [16 rows] F16; parts [parts][16 rows]; minima's parts; codes [blocks][code_bytes].
    constexpr int least_at() const { return power ? kLanes : kLanes * 2; }
    constexpr int parts_at() const { return least_at() + (least ? kLanes * 2 : 0); }
    constexpr int least_parts_at() const { return parts_at() + parts() * kLanes; }
    constexpr int codes_at() const { return least_parts_at() + (least && !pairs ? parts() * kLanes : 0); }
    constexpr int code_bytes() const { return kBlockCodes * bits / 8; }
    constexpr int record_bytes() const { return codes_at() + record_columns() / kBlockColumns * code_bytes(); }
};

constexpr Form form_of(Type type) {
    switch (type) {
        case Type::Q4_0: return {4, 32, false, false, 8, Table::None, false, false};
        case Type::Q4_1: return {4, 32, false, true, 0, Table::None, false, false};
        case Type::Q5_0: return {5, 32, false, false, 16, Table::None, false, false};
        case Type::Q5_1: return {5, 32, false, true, 0, Table::None, false, false};
        case Type::IQ4_NL: return {4, 32, false, false, 128, Table::Iq4, false, false};
        case Type::MXFP4: return {4, 32, false, false, 12, Table::Fp4, true, false};
        case Type::Q2_K: return {2, 16, true, true, 0, Table::None, false, true};
        case Type::Q3_K: return {3, 16, true, false, 4, Table::None, false, false};
        case Type::Q4_K: return {4, 32, true, true, 0, Table::None, false, false};
        case Type::Q5_K: return {5, 32, true, true, 0, Table::None, false, false};
        case Type::Q6_K: return {6, 16, true, false, 32, Table::None, false, false};
        case Type::IQ4_XS: return {4, 32, true, false, 128, Table::Iq4, false, false};
        default: return {};
    }
}

constexpr bool is_coded(Type type) { return form_of(type).bits > 0; }

// value(code) of the tables, moved up by the form's offset so that none is negative: -127 .. 113 for the IQ4 formats, and
// twice the values of E2M1 (OCP Microscaling Formats 1.0, 5.3.3) for MXFP4.
constexpr std::array<uint8_t, 16> kIq4Values = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};
constexpr std::array<uint8_t, 16> kFp4Values = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};

constexpr const std::array<uint8_t, 16>& table_values(Table table) { return table == Table::Iq4 ? kIq4Values : kFp4Values; }

// Where codes lie in a block of 16 rows x 32 columns. Four neighbouring columns of a row stay together, in bytes: code
// (row, column) is byte (row % 8) * 4 + column % 4 of the vector of 32 bytes number column / 4 * 2 + row / 8. A plane of
// n bits puts 8 / n vectors into one: vector v lies in bytes v / (8 / n) * 32 of the plane, from bit v % (8 / n) * n on.
// First stands the plane of the lowest bits (four, or two for 2 and 3 bits), then that of the rest.
constexpr int low_bits(int bits) { return bits >= 4 ? 4 : 2; }
constexpr int low_plane_bytes(int bits) { return kBlockCodes * low_bits(bits) / 8; }

// Codes of one block, a byte each.
struct Codes {
    alignas(32) uint8_t of[kLanes][kBlockColumns];
};

void pack_codes(int bits, const Codes& codes, uint8_t* to);
void unpack_codes(int bits, const uint8_t* from, Codes& codes);

// One file block of one row: 32 columns, or 256 of a K format.
struct FileBlock {
    uint16_t scale;  // F16, or the exponent
    uint16_t least;  // F16
    uint8_t parts[16];
    uint8_t least_parts[16];
    alignas(32) uint8_t codes[kSuperColumns];
};

int form_file_bytes(Type type);
void read_file_block(Type type, const uint8_t* from, FileBlock& to);

// 2^(e - 128); the two smallest are subnormal.
constexpr uint32_t power_bits(uint32_t exponent) { return exponent < 2 ? 0x00200000u << exponent : (exponent - 1) << 23; }

}  // namespace jesus
