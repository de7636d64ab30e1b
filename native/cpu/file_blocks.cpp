// The coded formats' blocks as files store them, by their published layouts.
#include <cstring>

#include "cpu/forms.h"

namespace jesus {

namespace {

uint16_t read16(const uint8_t* from) {
    uint16_t value;
    std::memcpy(&value, from, 2);
    return value;
}

// 16 bytes: the first 16 columns in the low halves, the last 16 in the high ones.
void nibbles32(const uint8_t* from, uint8_t* codes) {
    for (int i = 0; i < 16; ++i) {
        codes[i] = from[i] & 15;
        codes[i + 16] = static_cast<uint8_t>(from[i] >> 4);
    }
}

// Bit i of `high` is column i's fifth.
void fifth_bits32(const uint8_t* high, uint8_t* codes) {
    for (int i = 0; i < 32; ++i) {
        codes[i] |= static_cast<uint8_t>((high[i / 8] >> (i % 8) & 1) << 4);
    }
}

// 128 bytes: each 64 columns in 32, the first 32 of them in the low halves.
void nibbles256(const uint8_t* from, uint8_t* codes) {
    for (int run = 0; run < 4; ++run, from += 32, codes += 64) {
        for (int i = 0; i < 32; ++i) {
            codes[i] = from[i] & 15;
            codes[i + 32] = static_cast<uint8_t>(from[i] >> 4);
        }
    }
}

// 64 bytes: each 128 columns in 32, four runs of 32 columns with two bits each.
void two_bits256(const uint8_t* from, uint8_t* codes) {
    for (int run = 0; run < 8; ++run) {
        for (int i = 0; i < 32; ++i) {
            codes[run * 32 + i] = from[run / 4 * 32 + i] >> (run % 4 * 2) & 3;
        }
    }
}

// 32 bytes: a bit for each run of 32 columns.
void one_bit256(const uint8_t* from, int shift, uint8_t* codes) {
    for (int run = 0; run < 8; ++run) {
        for (int i = 0; i < 32; ++i) {
            codes[run * 32 + i] |= static_cast<uint8_t>((from[i] >> run & 1) << shift);
        }
    }
}

// Eight 6-bit scales and eight 6-bit minima in 12 bytes.
void six_bit_pairs(const uint8_t* from, FileBlock& to) {
    for (int i = 0; i < 4; ++i) {
        to.parts[i] = from[i] & 63;
        to.least_parts[i] = from[i + 4] & 63;
        to.parts[i + 4] = static_cast<uint8_t>((from[i + 8] & 15) | from[i] >> 6 << 4);
        to.least_parts[i + 4] = static_cast<uint8_t>(from[i + 8] >> 4 | from[i + 4] >> 6 << 4);
    }
}

void read_q2(const uint8_t* from, FileBlock& to) {
    to.scale = read16(from + 80);
    to.least = read16(from + 82);
    std::memcpy(to.parts, from, 16);
    two_bits256(from + 16, to.codes);
}

void read_q3(const uint8_t* from, FileBlock& to) {
    to.scale = read16(from + 108);
    const uint8_t* parts = from + 96;
    for (int i = 0; i < 16; ++i) {
        const int low = parts[i % 8] >> (4 * (i / 8)) & 15, high = parts[8 + i % 4] >> (2 * (i / 4)) & 3;
        to.parts[i] = static_cast<uint8_t>((low | high << 4) - 32);
    }
    two_bits256(from + 32, to.codes);
    one_bit256(from, 2, to.codes);
}

void read_q4(const uint8_t* from, FileBlock& to) {
    to.scale = read16(from);
    to.least = read16(from + 2);
    six_bit_pairs(from + 4, to);
    nibbles256(from + 16, to.codes);
}

void read_q5(const uint8_t* from, FileBlock& to) {
    to.scale = read16(from);
    to.least = read16(from + 2);
    six_bit_pairs(from + 4, to);
    nibbles256(from + 48, to.codes);
    one_bit256(from + 16, 4, to.codes);
}

void read_q6(const uint8_t* from, FileBlock& to) {
    to.scale = read16(from + 208);
    std::memcpy(to.parts, from + 192, 16);
    for (int half = 0; half < 2; ++half) {
        const uint8_t* low = from + half * 64;
        const uint8_t* high = from + 128 + half * 32;
        uint8_t* codes = to.codes + half * 128;
        for (int i = 0; i < 32; ++i) {
            codes[i] = static_cast<uint8_t>((low[i] & 15) | (high[i] & 3) << 4);
            codes[i + 32] = static_cast<uint8_t>((low[i + 32] & 15) | (high[i] >> 2 & 3) << 4);
            codes[i + 64] = static_cast<uint8_t>(low[i] >> 4 | (high[i] >> 4 & 3) << 4);
            codes[i + 96] = static_cast<uint8_t>(low[i + 32] >> 4 | high[i] >> 6 << 4);
        }
    }
}

void read_iq4_xs(const uint8_t* from, FileBlock& to) {
    to.scale = read16(from);
    const int high = read16(from + 2);
    for (int i = 0; i < 8; ++i) {
        to.parts[i] = static_cast<uint8_t>(((from[4 + i / 2] >> (4 * (i % 2)) & 15) | (high >> (2 * i) & 3) << 4) - 32);
        nibbles32(from + 8 + 16 * i, to.codes + 32 * i);
    }
}

}  // namespace

int form_file_bytes(Type type) {
    switch (type) {
        case Type::Q4_0:
        case Type::IQ4_NL: return 18;
        case Type::Q4_1: return 20;
        case Type::Q5_0: return 22;
        case Type::Q5_1: return 24;
        case Type::MXFP4: return 17;
        case Type::Q2_K: return 84;
        case Type::Q3_K: return 110;
        case Type::Q4_K: return 144;
        case Type::Q5_K: return 176;
        case Type::Q6_K: return 210;
        case Type::IQ4_XS: return 136;
        default: return 0;
    }
}

void read_file_block(Type type, const uint8_t* from, FileBlock& to) {
    switch (type) {
        case Type::Q4_0:
        case Type::IQ4_NL: to.scale = read16(from), nibbles32(from + 2, to.codes); break;
        case Type::Q4_1: to.scale = read16(from), to.least = read16(from + 2), nibbles32(from + 4, to.codes); break;
        case Type::Q5_0: to.scale = read16(from), nibbles32(from + 6, to.codes), fifth_bits32(from + 2, to.codes); break;
        case Type::Q5_1:
            to.scale = read16(from), to.least = read16(from + 2);
            nibbles32(from + 8, to.codes), fifth_bits32(from + 4, to.codes);
            break;
        case Type::MXFP4: to.scale = from[0], nibbles32(from + 1, to.codes); break;
        case Type::Q2_K: read_q2(from, to); break;
        case Type::Q3_K: read_q3(from, to); break;
        case Type::Q4_K: read_q4(from, to); break;
        case Type::Q5_K: read_q5(from, to); break;
        case Type::Q6_K: read_q6(from, to); break;
        case Type::IQ4_XS: read_iq4_xs(from, to); break;
        default: break;
    }
}

}  // namespace jesus
