#include "cpu/matrix.h"

#include <cstring>

#include "core/half.h"
#include "cpu/codes.h"

namespace jesus {

namespace {

constexpr int64_t kQ8BlockQuants = kLanes * kQ8Columns;

int64_t element_bytes(Type type) { return type == Type::F32 ? 4 : 2; }

uint16_t* q8_scales(uint8_t* group, int64_t blocks) { return reinterpret_cast<uint16_t*>(group + blocks * kQ8BlockQuants); }
const uint16_t* q8_scales(const uint8_t* group, int64_t blocks) {
    return reinterpret_cast<const uint16_t*>(group + blocks * kQ8BlockQuants);
}

// One block of one row; Interleave as a constant turns the copies into single moves.
template <int Interleave>
void pack_q8_block(uint8_t* quants, int lane, const uint8_t* source, uint8_t flip) {
    for (int step = 0; step < kQ8Columns / Interleave; ++step) {
        uint8_t* to = quants + (step * kLanes + lane) * Interleave;
        for (int i = 0; i < Interleave; ++i) {
            to[i] = static_cast<uint8_t>(source[step * Interleave + i] ^ flip);
        }
    }
}

void pack_q8_row(const Matrix& matrix, uint8_t* group, int lane, const uint8_t* source) {
    const int blocks = matrix.blocks();
    uint16_t* scales = q8_scales(group, blocks);
    for (int block = 0; block < blocks; ++block, source += kQ8FileBytes) {
        std::memcpy(scales + block * kLanes + lane, source, 2);
        uint8_t* quants = group + block * kQ8BlockQuants;
        switch (matrix.q8.interleave) {
            case 2: pack_q8_block<2>(quants, lane, source + 2, matrix.q8.flip); break;
            case 4: pack_q8_block<4>(quants, lane, source + 2, matrix.q8.flip); break;
            default: pack_q8_block<kQ8Columns>(quants, lane, source + 2, matrix.q8.flip); break;
        }
    }
}

// Squares of quants, 64 bits a row: out[i] holds element i (2 or 4 quants) of all rows. Little-endian, as x86 is.
template <int Interleave>
void transpose(const uint64_t* rows, uint64_t* out) {
    constexpr uint64_t even = 0x0000ffff0000ffff, low = 0x00000000ffffffff;
    if constexpr (Interleave == 4) {
        out[0] = (rows[0] & low) | rows[1] << 32;
        out[1] = rows[0] >> 32 | (rows[1] & ~low);
    } else {
        const uint64_t a = (rows[0] & even) | (rows[1] & even) << 16, b = (rows[0] >> 16 & even) | (rows[1] & ~even);
        const uint64_t c = (rows[2] & even) | (rows[3] & even) << 16, d = (rows[2] >> 16 & even) | (rows[3] & ~even);
        out[0] = (a & low) | c << 32;
        out[1] = (b & low) | d << 32;
        out[2] = a >> 32 | (c & ~low);
        out[3] = b >> 32 | (d & ~low);
    }
}

// One block of all 16 rows.
template <int Interleave>
void pack_q8_group_block(uint8_t* quants, const uint8_t* source, int64_t row_bytes, uint64_t flip) {
    constexpr int side = 8 / Interleave;
    for (int lane = 0; lane < kLanes; lane += side) {
        for (int step = 0; step < kQ8Columns / Interleave; step += side) {
            uint64_t rows[side], out[side];
            for (int i = 0; i < side; ++i) {
                std::memcpy(&rows[i], source + (lane + i) * row_bytes + step * Interleave, 8);
            }
            transpose<Interleave>(rows, out);
            for (int i = 0; i < side; ++i) {
                out[i] ^= flip;
                std::memcpy(quants + ((step + i) * kLanes + lane) * Interleave, &out[i], 8);
            }
        }
    }
}

// A whole group, a block at a time: moving quants one by one would take most of the time in which a model loads.
void pack_q8_group(const Matrix& matrix, uint8_t* group, const uint8_t* source, int64_t row_bytes) {
    const int blocks = matrix.blocks();
    uint16_t* scales = q8_scales(group, blocks);
    const uint64_t flip = matrix.q8.flip * uint64_t{0x0101010101010101};
    for (int block = 0; block < blocks; ++block, source += kQ8FileBytes, group += kQ8BlockQuants) {
        for (int lane = 0; lane < kLanes; ++lane) {
            std::memcpy(scales + block * kLanes + lane, source + lane * row_bytes, 2);
        }
        if (matrix.q8.interleave == 2) {
            pack_q8_group_block<2>(group, source + 2, row_bytes, flip);
        } else {
            pack_q8_group_block<4>(group, source + 2, row_bytes, flip);
        }
    }
}

template <class Element>
void pack_float_row(int64_t cols, uint8_t* group, int lane, const uint8_t* source) {
    Element* to = reinterpret_cast<Element*>(group) + lane;
    for (int64_t column = 0; column < cols; ++column) {
        std::memcpy(to + column * kLanes, source + column * sizeof(Element), sizeof(Element));
    }
}

int64_t pair_index(int64_t column, int lane) { return (column / 2 * kLanes + lane) * 2 + column % 2; }

void pack_bfloat_row(int64_t cols, uint8_t* group, int lane, const uint8_t* source) {
    uint32_t* to = reinterpret_cast<uint32_t*>(group) + lane;
    for (int64_t pair = 0; pair < cols / 2; ++pair) {
        std::memcpy(to + pair * kLanes, source + pair * 4, 4);
    }
    if (cols % 2 != 0) {
        uint16_t last;
        std::memcpy(&last, source + (cols - 1) * 2, 2);
        to[cols / 2 * kLanes] = last;  // the odd half is zero
    }
}

void read_q8_row(const Matrix& matrix, const uint8_t* group, int lane, float* out) {
    const int blocks = matrix.blocks();
    const int interleave = matrix.q8.interleave;
    const uint16_t* scales = q8_scales(group, blocks);
    for (int column = 0; column < matrix.cols; ++column) {
        const int block = column / kQ8Columns, within = column % kQ8Columns;
        const int offset = (within / interleave * kLanes + lane) * interleave + within % interleave;
        const uint8_t quant = static_cast<uint8_t>(group[block * kQ8BlockQuants + offset] ^ matrix.q8.flip);
        out[column] = static_cast<float>(static_cast<int8_t>(quant)) * float_from_half(scales[block * kLanes + lane]);
    }
}

float read_float(Type type, const uint8_t* group, int64_t column, int lane) {
    const uint16_t* shorts = reinterpret_cast<const uint16_t*>(group);
    switch (type) {
        case Type::F32: return reinterpret_cast<const float*>(group)[column * kLanes + lane];
        case Type::F16: return float_from_half(shorts[column * kLanes + lane]);
        default: return float_from_bfloat(shorts[pair_index(column, lane)]);
    }
}

}  // namespace

bool matrix_supported(Type type, int64_t cols) {
    switch (type) {
        case Type::F32:
        case Type::F16:
        case Type::BF16: return cols > 0;
        case Type::Q8_0: return cols > 0 && cols % kQ8Columns == 0;
        default: return is_coded(type) && cols > 0 && cols % form_of(type).record_columns() == 0;
    }
}

Matrix matrix_layout(Type type, int64_t rows, int64_t cols, Q8Layout q8) {
    Matrix matrix{type, rows, cols, 0, q8, nullptr};
    const int64_t bytes = is_coded(type)       ? coded_group_bytes(type, cols)
                          : type == Type::Q8_0 ? cols / kQ8Columns * (kQ8BlockQuants + kLanes * 2)
                          : type == Type::BF16 ? round_up(cols, 2) * kLanes * element_bytes(type)
                                               : cols * kLanes * element_bytes(type);
    matrix.group_bytes = round_up(bytes, 64);
    return matrix;
}

int64_t file_row_bytes(Type type, int64_t cols) {
    if (is_coded(type)) {
        return cols / form_of(type).record_columns() * form_file_bytes(type);
    }
    return type == Type::Q8_0 ? cols / kQ8Columns * kQ8FileBytes : cols * element_bytes(type);
}

void pack_rows(Matrix& matrix, int64_t first, int64_t count, const uint8_t* source) {
    const int64_t row_bytes = file_row_bytes(matrix.type, matrix.cols);
    if (is_coded(matrix.type)) {
        for (int64_t row = first, end = first + count; row < end;) {
            const int64_t lane = row % kLanes, rows = end - row < kLanes - lane ? end - row : kLanes - lane;
            pack_coded_rows(matrix, matrix.group(static_cast<int>(row / kLanes)), static_cast<int>(lane), static_cast<int>(rows), source);
            row += rows;
            source += rows * row_bytes;
        }
        return;
    }
    const bool by_group = matrix.type == Type::Q8_0 && matrix.q8.interleave < kQ8Columns;
    for (int64_t row = first; row < first + count; ++row, source += row_bytes) {
        uint8_t* group = matrix.group(static_cast<int>(row / kLanes));
        const int lane = static_cast<int>(row % kLanes);
        if (by_group && lane == 0 && first + count - row >= kLanes) {
            pack_q8_group(matrix, group, source, row_bytes);
            row += kLanes - 1;
            source += row_bytes * (kLanes - 1);
            continue;
        }
        switch (matrix.type) {
            case Type::F32: pack_float_row<uint32_t>(matrix.cols, group, lane, source); break;
            case Type::F16: pack_float_row<uint16_t>(matrix.cols, group, lane, source); break;
            case Type::BF16: pack_bfloat_row(matrix.cols, group, lane, source); break;
            default: pack_q8_row(matrix, group, lane, source); break;
        }
    }
}

void read_row(const Matrix& matrix, int64_t row, float* out) {
    const uint8_t* group = matrix.group(static_cast<int>(row / kLanes));
    const int lane = static_cast<int>(row % kLanes);
    if (matrix.type == Type::Q8_0) {
        read_q8_row(matrix, group, lane, out);
    } else if (is_coded(matrix.type)) {
        read_coded_row(matrix, group, lane, out);
    } else {
        for (int64_t column = 0; column < matrix.cols; ++column) {
            out[column] = read_float(matrix.type, group, column, lane);
        }
    }
    for (int64_t column = matrix.cols; column < padded(matrix.cols); ++column) {
        out[column] = 0;
    }
}

}  // namespace jesus
