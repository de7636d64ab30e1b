// Every kernel of one instruction set against generic, bit for bit.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/buffer.h"
#include "core/half.h"
#include "cpu/forms.h"
#include "cpu/kernels.h"
#include "tests/kernel_tests.h"
#include "tests/tables.h"

using namespace jesus;

const Kernels* tested = nullptr;

namespace {

const Type kCodedTypes[] = {Type::Q4_0, Type::Q4_1, Type::Q5_0, Type::Q5_1, Type::Q2_K, Type::Q3_K, Type::Q4_K,
                            Type::Q5_K, Type::Q6_K, Type::IQ4_NL, Type::IQ4_XS, Type::MXFP4};

// Where 16-bit floats lie in a file block of a type; -1 for none.
struct Halves {
    int first, second;
};

Halves halves_of(Type type) {
    switch (type) {
        case Type::F32: return {-1, -1};
        case Type::Q4_1:
        case Type::Q5_1:
        case Type::Q4_K:
        case Type::Q5_K: return {0, 2};
        case Type::Q2_K: return {80, 82};
        case Type::Q3_K: return {108, -1};
        case Type::Q6_K: return {208, -1};
        case Type::MXFP4: return {-1, -1};
        default: return {0, -1};
    }
}

size_t file_block_bytes(Type type) {
    return type == Type::F32 ? 4 : type == Type::Q8_0 ? kQ8FileBytes : is_float(type) ? 2 : static_cast<size_t>(form_file_bytes(type));
}

// File rows of a type; every float finite, codes and integer scales over their whole range.
std::vector<uint8_t> file_rows(test::Random& random, Type type, int64_t rows, int64_t cols) {
    std::vector<uint8_t> bytes(static_cast<size_t>(rows * file_row_bytes(type, cols)));
    for (uint8_t& byte : bytes) {
        byte = static_cast<uint8_t>(random.next());
    }
    const size_t step = file_block_bytes(type);
    for (size_t at = 0; at < bytes.size(); at += step) {
        for (const int offset : {halves_of(type).first, halves_of(type).second}) {
            const float value = random.real();
            const uint16_t half = type == Type::BF16 ? static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16) : half_from_float(value);
            if (offset >= 0) {
                std::memcpy(&bytes[at + static_cast<size_t>(offset)], &half, 2);
            } else if (type == Type::F32) {
                std::memcpy(&bytes[at], &value, 4);
            } else if (type == Type::MXFP4) {
                bytes[at] = static_cast<uint8_t>(at % 3 == 0 ? random.below(3) : 120 + random.below(10));
            }
        }
    }
    return bytes;
}

struct Weights {
    Buffer memory;
    Matrix matrix;
};

Weights packed(const Kernels& kernels, Type type, int64_t rows, int64_t cols, const std::vector<uint8_t>& file) {
    Weights weights{Buffer(), matrix_layout(type, rows, cols, kernels.q8)};
    weights.memory = Buffer(static_cast<size_t>(weights.matrix.bytes()));
    weights.matrix.data = weights.memory.data();
    pack_rows(weights.matrix, 0, rows, file.data());
    return weights;
}

std::vector<float> product(const Kernels& kernels, Type type, int64_t rows, int64_t cols, const std::vector<uint8_t>& file,
                           const std::vector<float>& input, int tokens, const std::vector<float>& start, bool add) {
    const Weights weights = packed(kernels, type, rows, cols, file);
    const int64_t stride = padded(cols), out_stride = padded(rows);
    const QuantLayout layout = quant_layout(round_up(cols, kQ8Columns), kernels.q8.element_bytes);
    Buffer quants(static_cast<size_t>(layout.bytes * tokens));
    if (!is_float(type)) {
        for (int token = 0; token < tokens; ++token) {
            kernels.quantise(input.data() + token * stride, cols, {0, static_cast<int>(cols / kQ8Columns)}, quants.data() + token * layout.bytes);
        }
    }
    std::vector<float> out = start;
    out.resize(static_cast<size_t>(out_stride * tokens));
    matmul(kernels, {&weights.matrix, {input.data(), stride, quants.data(), layout.bytes}, tokens, {0, weights.matrix.groups()}, out.data(),
                     out_stride, add});
    return out;
}

void compare_products(Type type, int64_t rows, int64_t cols, int tokens, bool add) {
    test::Random random(static_cast<uint64_t>(rows * 31 + cols * 7 + tokens));
    const std::vector<uint8_t> file = file_rows(random, type, rows, cols);
    std::vector<float> input = floats(random, padded(cols) * tokens, 3);
    const std::vector<float> start = floats(random, padded(rows) * tokens);
    const std::vector<float> expected = product(generic(), type, rows, cols, file, input, tokens, start, add);
    const std::vector<float> actual = product(*tested, type, rows, cols, file, input, tokens, start, add);
    same_bits(expected.data(), actual.data(), padded(rows) * tokens,
              std::to_string(rows) + " x " + std::to_string(cols) + ", " + std::to_string(tokens) + " tokens");
}

void compare_all_products(Type type, bool any_columns) {
    const int64_t columns[] = {32, 64, 352};
    for (const int64_t rows : {1, 16, 17, 33, 160}) {
        for (const int64_t cols : columns) {
            for (const int tokens : {1, 2, 5, 6, 7, 12, 13, 25}) {
                compare_products(type, rows, any_columns ? cols - 4 : cols, tokens, tokens % 2 == 0);
            }
        }
    }
}

}  // namespace

TEST(products_of_f32_weights_have_the_same_bits) { compare_all_products(Type::F32, true); }
TEST(products_of_f16_weights_have_the_same_bits) { compare_all_products(Type::F16, true); }
TEST(products_of_bf16_weights_have_the_same_bits) { compare_all_products(Type::BF16, true); }
// An odd number of columns, columns and rows of several chunks.
TEST(products_of_float_weights_have_the_same_bits_past_their_chunks) {
    for (const Type type : {Type::F32, Type::F16, Type::BF16}) {
        compare_products(type, 17, 1, 3, false);
        compare_products(type, 33, 31, 7, true);
        compare_products(type, 150, 1061, 1, true);
        compare_products(type, 150, 2049, 101, false);
        compare_products(type, 16, 8197, 1, false);
    }
}

namespace {

// One step of vdpbf16ps as published: weight times x added to the sum with one rounding, subnormal numbers being zeros of their sign.
float flushed(float x) { return std::fabs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x; }
float pair_step(uint16_t weight, float x, float sum) {
    return flushed(std::fma(flushed(float_from_bfloat(weight)), flushed(x), flushed(sum)));
}

}  // namespace

// Weights, inputs and sums from the smallest numbers to the largest, against that definition written out.
TEST(products_of_bf16_weights_add_rounded_inputs_by_pairs_odd_one_first) {
    test::Random random(11);
    const int64_t rows = 16, cols = 38;
    const auto spread = [&](int low, int high) {
        const uint32_t exponent = static_cast<uint32_t>(low + random.below(high - low));
        return std::bit_cast<float>(static_cast<uint32_t>(random.next()) << 31 | exponent << 23 | (static_cast<uint32_t>(random.next()) & 0x7fffffu));
    };
    int tiny = 0;
    for (int round = 0; round < 400; ++round) {
        const int low = round % 4 == 0 ? 0 : round % 4 == 1 ? 30 : 100, high = round % 4 == 3 ? 190 : low + 60;
        std::vector<uint8_t> file(static_cast<size_t>(rows * cols * 2));
        for (size_t at = 0; at < file.size(); at += 2) {
            const uint16_t weight = static_cast<uint16_t>(std::bit_cast<uint32_t>(spread(low, high)) >> 16);
            std::memcpy(&file[at], &weight, 2);
        }
        std::vector<float> input(static_cast<size_t>(padded(cols)), 0.0f);
        for (int64_t i = 0; i < cols; ++i) {
            input[static_cast<size_t>(i)] = spread(low, high);
        }
        const std::vector<float> actual = product(*tested, Type::BF16, rows, cols, file, input, 1, {}, false);
        std::vector<float> expected(static_cast<size_t>(rows));
        for (int64_t row = 0; row < rows; ++row) {
            float sum = 0;
            for (int64_t column = 0; column < cols; column += 2) {
                for (const int64_t at : {column + 1, column}) {
                    uint16_t weight;
                    std::memcpy(&weight, &file[static_cast<size_t>((row * cols + at) * 2)], 2);
                    sum = pair_step(weight, float_from_bfloat(bfloat_from_float(input[static_cast<size_t>(at)])), sum);
                }
            }
            expected[static_cast<size_t>(row)] = sum;
            tiny += std::fabs(sum) < 0x1p-120f ? 1 : 0;
        }
        same_bits(expected.data(), actual.data(), rows, "round " + std::to_string(round));
    }
    test::check(tiny > 500, "too few sums are near the smallest numbers");
}

TEST(bfloat16_is_the_nearest_ties_to_even) {
    const struct {
        uint32_t from;
        uint16_t to;
    } cases[] = {{0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f808001, 0x3f81}, {0x3f818000, 0x3f82}, {0x7f7fffff, 0x7f80}, {0x7f800000, 0x7f80},
                 {0xff800000, 0xff80}, {0x7f800001, 0x7fc0}, {0x007fffff, 0x0000}, {0x80000001, 0x8000}, {0x00800000, 0x0080}, {0xbf80c000, 0xbf81}};
    for (const auto& [from, to] : cases) {
        test::check(bfloat_from_float(std::bit_cast<float>(from)) == to, "bits " + std::to_string(from));
    }
}

TEST(products_of_q8_weights_have_the_same_bits) { compare_all_products(Type::Q8_0, false); }

// Few tokens, whole tiles and their rests, and more than one chunk of tokens; columns of one block, of part of a chunk and of several chunks.
void compare_coded_products(Type type) {
    const int64_t record = form_of(type).record_columns();
    for (const int64_t cols : {record, 3 * record, record * (1280 / record)}) {
        for (const int64_t rows : {1, 17, 96}) {
            for (const int tokens : {1, 2, 3, 4, 5, 6, 7, 13, 100}) {
                if (tokens < 100 || (rows > 1 && cols > record)) {
                    compare_products(type, rows, cols, tokens, tokens % 2 == 0);
                }
            }
        }
    }
}

TEST(products_of_q4_0_weights_have_the_same_bits) { compare_coded_products(Type::Q4_0); }
TEST(products_of_q4_1_weights_have_the_same_bits) { compare_coded_products(Type::Q4_1); }
TEST(products_of_q5_0_weights_have_the_same_bits) { compare_coded_products(Type::Q5_0); }
TEST(products_of_q5_1_weights_have_the_same_bits) { compare_coded_products(Type::Q5_1); }
TEST(products_of_q2_k_weights_have_the_same_bits) { compare_coded_products(Type::Q2_K); }
TEST(products_of_q3_k_weights_have_the_same_bits) { compare_coded_products(Type::Q3_K); }
TEST(products_of_q4_k_weights_have_the_same_bits) { compare_coded_products(Type::Q4_K); }
TEST(products_of_q5_k_weights_have_the_same_bits) { compare_coded_products(Type::Q5_K); }
TEST(products_of_q6_k_weights_have_the_same_bits) { compare_coded_products(Type::Q6_K); }
TEST(products_of_iq4_nl_weights_have_the_same_bits) { compare_coded_products(Type::IQ4_NL); }
TEST(products_of_iq4_xs_weights_have_the_same_bits) { compare_coded_products(Type::IQ4_XS); }
TEST(products_of_mxfp4_weights_have_the_same_bits) { compare_coded_products(Type::MXFP4); }

// Every byte of codes and parts the same, activations at their limits: the largest sums that 16 bits must hold.
TEST(products_of_extreme_codes_do_not_saturate) {
    const int64_t rows = 16, cols = 256;
    for (const Type type : kCodedTypes) {
        for (const int byte : {0x00, 0x7f, 0x80, 0x88, 0xff}) {
            std::vector<uint8_t> file(static_cast<size_t>(rows * file_row_bytes(type, cols)), static_cast<uint8_t>(byte));
            const uint16_t half = half_from_float(0.5f);
            for (size_t at = 0; at < file.size(); at += file_block_bytes(type)) {
                for (const int offset : {halves_of(type).first, halves_of(type).second}) {
                    if (offset >= 0) {
                        std::memcpy(&file[at + static_cast<size_t>(offset)], &half, 2);
                    } else if (type == Type::MXFP4) {
                        file[at] = 127;
                    }
                }
            }
            for (const float value : {127.0f, -127.0f}) {
                const std::vector<float> input(static_cast<size_t>(cols), value);
                const std::vector<float> expected = product(generic(), type, rows, cols, file, input, 1, {}, false);
                const std::vector<float> actual = product(*tested, type, rows, cols, file, input, 1, {}, false);
                same_bits(expected.data(), actual.data(), rows, "type " + std::to_string(static_cast<int>(type)) + ", bytes " + std::to_string(byte));
            }
        }
    }
}

// The sum that a product stands for, from the row as it reads back, within what its own roundings may lose.
TEST(products_of_coded_weights_are_sums_of_the_values_read_back) {
    const int64_t rows = 16, cols = 512;
    for (const Type type : kCodedTypes) {
        test::Random random(static_cast<uint64_t>(type) + 100);
        const std::vector<uint8_t> file = file_rows(random, type, rows, cols);
        std::vector<float> input(static_cast<size_t>(cols));
        for (size_t i = 0; i < input.size(); ++i) {
            input[i] = i % 32 == 0 ? 127.0f : static_cast<float>(random.below(255) - 127);  // quantised without loss
        }
        const std::vector<float> actual = product(*tested, type, rows, cols, file, input, 1, {}, false);
        const Weights weights = packed(*tested, type, rows, cols, file);
        for (int64_t row = 0; row < rows; ++row) {
            std::vector<float> values(static_cast<size_t>(cols));
            read_row(weights.matrix, row, values.data());
            double sum = 0, size = 0;
            for (size_t i = 0; i < values.size(); ++i) {
                sum += static_cast<double>(values[i]) * static_cast<double>(input[i]);
                size += std::fabs(static_cast<double>(values[i]) * static_cast<double>(input[i]));
            }
            test::check(std::fabs(sum - static_cast<double>(actual[static_cast<size_t>(row)])) <= 2e-6 * size,
                        "type " + std::to_string(static_cast<int>(type)) + ", row " + std::to_string(row) + ": " + std::to_string(sum) + " was expected, " +
                            std::to_string(actual[static_cast<size_t>(row)]) + " came");
        }
    }
}

// The file: for each format u32 type, u32 columns, u32 bytes, a row, its values (tests/Inference.Tests/Engine/Gguf/make-format-golden.py).
TEST(rows_read_back_have_the_values_of_the_published_layouts) {
    FILE* file = std::fopen(JN_FORMAT_GOLDEN, "rb");
    test::check(file != nullptr, "cannot open " JN_FORMAT_GOLDEN);
    uint32_t head[3];
    int types = 0;
    for (; std::fread(head, 4, 3, file) == 3; ++types) {
        const Type type = static_cast<Type>(head[0]);
        std::vector<uint8_t> row(head[2]);
        std::vector<float> expected(head[1]), actual(head[1]);
        test::check(std::fread(row.data(), 1, row.size(), file) == row.size() && std::fread(expected.data(), 4, expected.size(), file) == expected.size(),
                    "the golden file is cut short");
        test::check(row.size() == static_cast<size_t>(file_row_bytes(type, head[1])), "wrong bytes of a row");
        Weights weights{Buffer(), matrix_layout(type, 19, head[1], tested->q8)};
        weights.memory = Buffer(static_cast<size_t>(weights.matrix.bytes()));
        weights.matrix.data = weights.memory.data();
        for (const int64_t at : {18, 0, 9}) {
            pack_rows(weights.matrix, at, 1, row.data());
        }
        for (const int64_t at : {0, 9, 18}) {
            read_row(weights.matrix, at, actual.data());
            for (size_t i = 0; i < actual.size(); ++i) {
                test::check(expected[i] == actual[i], "type " + std::to_string(head[0]) + ", column " + std::to_string(i));
            }
        }
    }
    std::fclose(file);
    test::check(types == 16, "the golden file has " + std::to_string(types) + " types");
}

TEST(products_of_extreme_q8_quants_do_not_saturate) {
    const int64_t rows = 16, cols = 64;
    std::vector<uint8_t> file(static_cast<size_t>(rows * file_row_bytes(Type::Q8_0, cols)), 0x80);
    const uint16_t one = half_from_float(1);
    for (size_t at = 0; at < file.size(); at += kQ8FileBytes) {
        std::memcpy(&file[at], &one, 2);
    }
    for (const float value : {127.0f, -127.0f}) {
        const std::vector<float> input(static_cast<size_t>(cols), value);
        const std::vector<float> out = product(*tested, Type::Q8_0, rows, cols, file, input, 1, {}, false);
        for (int64_t row = 0; row < rows; ++row) {
            test::check(out[static_cast<size_t>(row)] == -128.0f * value * 64, "row " + std::to_string(row) + " saturated");
        }
    }
}

TEST(rows_read_back_are_the_rows_that_were_packed) {
    std::vector<Type> types(std::begin(kCodedTypes), std::end(kCodedTypes));
    types.insert(types.end(), {Type::F32, Type::F16, Type::BF16, Type::Q8_0});
    for (const Type type : types) {
        test::Random random(static_cast<uint64_t>(type));
        const int64_t rows = 35, cols = 256;
        const std::vector<uint8_t> file = file_rows(random, type, rows, cols);
        const Weights expected = packed(generic(), type, rows, cols, file), actual = packed(*tested, type, rows, cols, file);
        for (int64_t row = 0; row < rows; ++row) {
            float a[256], b[256];
            read_row(expected.matrix, row, a);
            read_row(actual.matrix, row, b);
            same_bits(a, b, cols, "row " + std::to_string(row));
        }
    }
}

TEST(quantised_activations_multiply_alike_for_odd_inputs) {
    const int64_t cols = 64;
    test::Random random(5);
    const std::vector<uint8_t> file = file_rows(random, Type::Q8_0, 16, cols);
    for (const float odd : {0.0f, 1e-42f, 3e38f, INFINITY, -INFINITY, NAN}) {
        std::vector<float> input(static_cast<size_t>(cols), 0.0f);
        input[3] = odd;
        input[40] = 1;
        const std::vector<float> expected = product(generic(), Type::Q8_0, 16, cols, file, input, 1, {}, false);
        const std::vector<float> actual = product(*tested, Type::Q8_0, 16, cols, file, input, 1, {}, false);
        for (size_t row = 0; row < 16; ++row) {
            const bool same = expected[row] == actual[row] || (std::isnan(expected[row]) && std::isnan(actual[row]));
            test::check(same, "input " + std::to_string(odd) + ", row " + std::to_string(row));
        }
    }
}

TEST(quants_round_ties_to_even_and_keep_the_largest) {
    std::vector<float> input(32, 0.0f);
    input[0] = 127;
    input[1] = 2.5f;
    input[2] = -3.5f;
    const QuantLayout layout = quant_layout(32, tested->q8.element_bytes);
    const Buffer row(static_cast<size_t>(layout.bytes));
    tested->quantise(input.data(), 32, {0, 1}, row.data());
    const auto quant = [&](int i) {
        int16_t wide = 0;
        std::memcpy(&wide, row.data() + layout.quants + 2 * i, 2);
        return tested->q8.element_bytes == 2 ? wide : static_cast<int16_t>(static_cast<int8_t>(row.data()[layout.quants + i]));
    };
    test::check(quant(0) == 127 && quant(1) == 2 && quant(2) == -4 && quant(3) == 0, "wrong quants");
}

TEST(norms_have_the_same_bits) {
    for (const int n : {8, 16, 172, 2048}) {
        test::Random random(static_cast<uint64_t>(n));
        std::vector<float> x = floats(random, padded(n), 4), weight = floats(random, padded(n));
        for (int64_t i = n; i < padded(n); ++i) {
            x[static_cast<size_t>(i)] = weight[static_cast<size_t>(i)] = 0;
        }
        std::vector<float> expected(x.size()), actual(x.size());
        generic().rms_norm(x.data(), weight.data(), n, 1e-5f, expected.data());
        tested->rms_norm(x.data(), weight.data(), n, 1e-5f, actual.data());
        same_bits(expected.data(), actual.data(), padded(n), "norm of " + std::to_string(n));
    }
}

TEST(softmax_has_the_same_bits_and_sums_to_one) {
    for (const int n : {1, 15, 16, 17, 1000}) {
        test::Random random(static_cast<uint64_t>(n));
        std::vector<float> expected = floats(random, n, 50);
        std::vector<float> actual = expected;
        generic().softmax(expected.data(), n);
        tested->softmax(actual.data(), n);
        same_bits(expected.data(), actual.data(), n, "softmax of " + std::to_string(n));
        double sum = 0;
        for (const float value : actual) {
            sum += static_cast<double>(value);
        }
        test::check(std::fabs(sum - 1) < 1e-5, "the sum is " + std::to_string(sum));
    }
}

TEST(swiglu_has_the_same_bits_and_the_right_value) {
    test::Random random(1);
    const int n = 512;
    std::vector<float> gate = floats(random, n, 100), up = floats(random, n);
    for (int i = 0; i < 64; ++i) {
        gate[static_cast<size_t>(i)] = static_cast<float>(i - 32) * 0.25f;
    }
    std::vector<float> expected = gate, actual = gate;
    generic().swiglu(expected.data(), up.data(), n);
    tested->swiglu(actual.data(), up.data(), n);
    same_bits(expected.data(), actual.data(), n, "swiglu");
    for (size_t i = 0; i < gate.size(); ++i) {
        const double g = static_cast<double>(gate[i]);
        const double value = g / (1 + std::exp(-g)) * static_cast<double>(up[i]);
        test::check(std::fabs(static_cast<double>(actual[i]) - value) <= 1e-6 * std::fabs(value) + 1e-30, "swiglu of " + std::to_string(g));
    }
}

TEST(rotations_have_the_same_bits_and_pair_the_right_dimensions) {
    for (const bool halves : {false, true}) {
        float table[8], expected[10], actual[10];
        for (int i = 0; i < 4; ++i) {
            table[i] = std::cos(0.3f * static_cast<float>(i + 1));
            table[4 + i] = std::sin(0.3f * static_cast<float>(i + 1));
        }
        for (int i = 0; i < 10; ++i) {
            expected[i] = actual[i] = static_cast<float>(i + 1);
        }
        generic().rope(expected, table, 4, halves);
        tested->rope(actual, table, 4, halves);
        same_bits(expected, actual, 10, "rotation");
        const float partner = halves ? 5.0f : 2.0f;
        test::check(std::fabs(actual[0] - (table[0] - partner * table[4])) < 1e-6f, "first pair");
        test::check(actual[8] == 9 && actual[9] == 10, "dimensions past the rotation changed");
    }
}

TEST(a_part_of_the_groups_is_the_same_part_of_the_whole) {
    const int64_t rows = 96, cols = 64;
    test::Random random(9);
    const std::vector<uint8_t> file = file_rows(random, Type::Q8_0, rows, cols);
    const std::vector<float> input = floats(random, cols * 7);
    const std::vector<float> whole = product(*tested, Type::Q8_0, rows, cols, file, input, 7, {}, false);
    const Weights weights = packed(*tested, Type::Q8_0, rows, cols, file);
    const QuantLayout layout = quant_layout(cols, tested->q8.element_bytes);
    Buffer quants(static_cast<size_t>(layout.bytes));
    for (int token = 0; token < 7; ++token) {
        tested->quantise(input.data() + token * cols, cols, {0, 1}, quants.data());
        tested->quantise(input.data() + token * cols, cols, {1, 2}, quants.data());
        std::vector<float> part(static_cast<size_t>(rows), -1.0f);
        matmul(*tested, {&weights.matrix, {input.data(), cols, quants.data(), layout.bytes}, 1, {2, 5}, part.data(), rows, false});
        same_bits(whole.data() + token * rows + 32, part.data() + 32, 48, "token " + std::to_string(token));
        test::check(part[0] == -1 && part[80] == -1, "rows outside the part were written");
    }
}

int main(int argument_count, char** arguments) {
    if (argument_count != 3) {
        std::printf("usage: kernel_tests ISA NAME\n");
        return 2;
    }
    tested = table_under_test(arguments[1]);
    if (tested == nullptr) {
        std::printf("skipped: this CPU has no %s\n", arguments[1]);
        return 77;
    }
    return test::run(argument_count, arguments);
}
