#include "cpu/matrix.h"

#include <cstring>

#include "core/half.h"

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

template <class Element>
void pack_float_row(int64_t cols, uint8_t* group, int lane, const uint8_t* source) {
    Element* to = reinterpret_cast<Element*>(group) + lane;
    for (int64_t column = 0; column < cols; ++column) {
        std::memcpy(to + column * kLanes, source + column * sizeof(Element), sizeof(Element));
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

float read_float(Type type, const uint8_t* group, int64_t index) {
    if (type == Type::F32) {
        return reinterpret_cast<const float*>(group)[index];
    }
    const uint16_t bits = reinterpret_cast<const uint16_t*>(group)[index];
    return type == Type::F16 ? float_from_half(bits) : float_from_bfloat(bits);
}

}  // namespace

bool matrix_supported(Type type, int64_t cols) {
    switch (type) {
        case Type::F32:
        case Type::F16:
        case Type::BF16: return cols > 0;
        case Type::Q8_0: return cols > 0 && cols % kQ8Columns == 0;
    }
    return false;
}

Matrix matrix_layout(Type type, int64_t rows, int64_t cols, Q8Layout q8) {
    Matrix matrix{type, rows, cols, 0, q8, nullptr};
    const int64_t bytes = type == Type::Q8_0 ? cols / kQ8Columns * (kQ8BlockQuants + kLanes * 2) : cols * kLanes * element_bytes(type);
    matrix.group_bytes = round_up(bytes, 64);
    return matrix;
}

int64_t file_row_bytes(Type type, int64_t cols) {
    return type == Type::Q8_0 ? cols / kQ8Columns * kQ8FileBytes : cols * element_bytes(type);
}

void pack_rows(Matrix& matrix, int64_t first, int64_t count, const uint8_t* source) {
    const int64_t row_bytes = file_row_bytes(matrix.type, matrix.cols);
    for (int64_t row = first; row < first + count; ++row, source += row_bytes) {
        uint8_t* group = matrix.group(static_cast<int>(row / kLanes));
        const int lane = static_cast<int>(row % kLanes);
        switch (matrix.type) {
            case Type::F32: pack_float_row<uint32_t>(matrix.cols, group, lane, source); break;
            case Type::F16:
            case Type::BF16: pack_float_row<uint16_t>(matrix.cols, group, lane, source); break;
            case Type::Q8_0: pack_q8_row(matrix, group, lane, source); break;
        }
    }
}

void read_row(const Matrix& matrix, int64_t row, float* out) {
    const uint8_t* group = matrix.group(static_cast<int>(row / kLanes));
    const int lane = static_cast<int>(row % kLanes);
    if (matrix.type == Type::Q8_0) {
        read_q8_row(matrix, group, lane, out);
    } else {
        for (int64_t column = 0; column < matrix.cols; ++column) {
            out[column] = read_float(matrix.type, group, column * kLanes + lane);
        }
    }
    for (int64_t column = matrix.cols; column < padded(matrix.cols); ++column) {
        out[column] = 0;
    }
}

}  // namespace jesus
