// Every kernel of one instruction set against generic, bit for bit.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/buffer.h"
#include "core/half.h"
#include "cpu/forms.h"
#include "cpu/kernels.h"
#include "tests/harness.h"
#include "tests/tables.h"

using namespace jesus;

namespace {

const Kernels* tested = nullptr;
const Kernels& generic() { return *generic_kernels(); }

std::vector<float> floats(test::Random& random, int64_t count, float range = 1) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) {
        value = random.real(range);
    }
    return values;
}

void same_bits(const float* expected, const float* actual, int64_t count, const std::string& what) {
    for (int64_t i = 0; i < count; ++i) {
        if (std::memcmp(expected + i, actual + i, 4) != 0) {
            test::check(false, what + ": at " + std::to_string(i) + " generic has " + std::to_string(expected[i]) + ", " + tested->name + " " +
                                   std::to_string(actual[i]));
        }
    }
}

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

namespace {

struct AttendCase {
    int head_dim, heads, kv_heads, rows, first_position;
    KvType type;
    int window = 0;
    float soft_cap = 0;
    bool sinks = false;
    bool causal = true;
};

constexpr int kPoolBlocks = 17;

// One layer's blocks; logical block i stands at kPoolBlocks - 1 - i. What no row sees is NaN.
std::vector<uint8_t> make_pool(const AttendCase& c) {
    const KvLayout kv = kv_layout(c.type, c.head_dim);
    std::vector<uint8_t> pool(static_cast<size_t>(kv.bytes * c.kv_heads * kPoolBlocks), 0xff);
    const int last = c.first_position + c.rows - 1;
    for (int position = c.window > 0 && c.first_position >= c.window ? c.first_position - c.window + 1 : 0; position <= last; ++position) {
        for (int head = 0; head < c.kv_heads; ++head) {
            test::Random random(static_cast<uint64_t>(c.head_dim + 1000 * position + 100000 * head));
            std::vector<float> key = floats(random, c.head_dim, 2), value = floats(random, c.head_dim, 2);
            uint8_t* block = pool.data() + kv.bytes * c.kv_heads * (kPoolBlocks - 1 - position / kLanes);
            generic().write_kv({kv, block + kv.bytes * head, position % kLanes, key.data(), value.data()});
        }
    }
    return pool;
}

// Queries of a position are the same whichever rows are asked for.
std::vector<float> make_queries(const AttendCase& c) {
    std::vector<float> queries;
    for (int row = 0; row < c.rows; ++row) {
        test::Random random(static_cast<uint64_t>(1000 + c.first_position + row));
        const std::vector<float> one = floats(random, padded(c.heads * c.head_dim));
        queries.insert(queries.end(), one.begin(), one.end());
    }
    return queries;
}

float sink_of(int head) { return 0.5f * static_cast<float>(head) - 1; }

std::vector<float> attend(const Kernels& kernels, const AttendCase& c, const std::vector<uint8_t>& pool) {
    const std::vector<float> queries = make_queries(c);
    std::vector<int32_t> table, last;
    std::vector<float> sinks;
    for (int i = 0; i < kPoolBlocks; ++i) {
        table.push_back(kPoolBlocks - 1 - i);
    }
    for (int row = 0; row < c.rows; ++row) {
        last.push_back(c.first_position + (c.causal ? row : c.rows - 1));
    }
    for (int head = 0; head < c.heads; ++head) {
        sinks.push_back(sink_of(head));
    }
    const int group = c.heads / c.kv_heads;
    std::vector<float> out(queries.size());
    std::vector<float> scratch(static_cast<size_t>(attend_scratch_floats(c.head_dim, group * c.rows)));
    Attend work{};
    work.query_stride = work.out_stride = padded(c.heads * c.head_dim);
    work.last = last.data();
    work.rows = c.rows;
    work.heads = group;
    work.head_dim = c.head_dim;
    work.window = c.window;
    work.scale = 0.125f;
    work.soft_cap = c.soft_cap;
    work.kv = kv_layout(c.type, c.head_dim);
    work.block_bytes = work.kv.bytes * c.kv_heads;
    work.block_table = table.data();
    work.scratch = scratch.data();
    for (int head = 0; head < c.kv_heads; ++head) {
        work.queries = queries.data() + head * group * c.head_dim;
        work.out = out.data() + head * group * c.head_dim;
        work.head = pool.data() + work.kv.bytes * head;
        work.sinks = c.sinks ? sinks.data() + head * group : nullptr;
        kernels.attend(work);
    }
    return out;
}

std::vector<float> attend(const Kernels& kernels, const AttendCase& c) { return attend(kernels, c, make_pool(c)); }

const AttendCase kAttendCases[] = {
    {64, 8, 1, 1, 0, KvType::F16},
    {64, 8, 2, 1, 100, KvType::F16},
    {64, 8, 2, 5, 29, KvType::F16},
    {128, 4, 4, 3, 15, KvType::F16},
    {8, 8, 4, 4, 14, KvType::F32},
    {80, 6, 2, 2, 33, KvType::F16},
    {64, 8, 2, 8, 250, KvType::F32},
    {24, 3, 1, 7, 0, KvType::F32},
    {64, 4, 4, 14, 121, KvType::F16},
    {64, 14, 2, 2, 200, KvType::Q8_0},
    {96, 2, 1, 20, 60, KvType::Q8_0},
    {64, 8, 2, 8, 120, KvType::F16, 40},
    {32, 2, 2, 30, 110, KvType::F32, 7},
    {64, 4, 1, 3, 250, KvType::Q8_0, 100},
    {64, 4, 1, 9, 90, KvType::F16, 0, 20},
    {64, 8, 1, 4, 70, KvType::F16, 64, 0, true},
    {64, 4, 4, 40, 0, KvType::F32, 0, 0, false, false},
    {24, 2, 1, 17, 0, KvType::F32, 0, 5, true, false},
};

// The definition, in double.
double reference_attention(const AttendCase& c, const std::vector<uint8_t>& pool, const std::vector<float>& queries, int row, int head, int d) {
    const KvLayout kv = kv_layout(c.type, c.head_dim);
    const int last = c.first_position + (c.causal ? row : c.rows - 1), group = c.heads / c.kv_heads;
    const float* query = queries.data() + row * padded(c.heads * c.head_dim) + head * c.head_dim;
    double weights = 0, sum = 0;
    if (c.sinks) {
        weights = std::exp(static_cast<double>(sink_of(head)));
    }
    for (int position = c.window > 0 ? std::max(0, last - c.window + 1) : 0; position <= last; ++position) {
        const uint8_t* block = pool.data() + kv.bytes * (c.kv_heads * (kPoolBlocks - 1 - position / kLanes) + head / group);
        const int slot = position % kLanes;
        const auto read = [&](int64_t offset, int64_t index, int64_t scales, int64_t scale) {
            if (kv.type == KvType::F32) {
                return static_cast<double>(reinterpret_cast<const float*>(block + offset)[index]);
            }
            if (kv.type == KvType::F16) {
                return static_cast<double>(float_from_half(reinterpret_cast<const uint16_t*>(block + offset)[index]));
            }
            return static_cast<double>(reinterpret_cast<const int8_t*>(block + offset)[index]) *
                   static_cast<double>(float_from_half(reinterpret_cast<const uint16_t*>(block + scales)[scale]));
        };
        double score = 0;
        for (int i = 0; i < c.head_dim; ++i) {
            score += static_cast<double>(query[i]) * read(0, i * kLanes + slot, kv.key_scales, i / 32 * kLanes + slot);
        }
        score *= 0.125;
        score = c.soft_cap > 0 ? static_cast<double>(c.soft_cap) * std::tanh(score / static_cast<double>(c.soft_cap)) : score;
        weights += std::exp(score);
        sum += std::exp(score) * read(kv.values, slot * padded(c.head_dim) + d, kv.value_scales, slot * kv.groups() + d / 32);
    }
    return sum / weights;
}

}  // namespace

TEST(attention_has_the_same_bits_and_reads_seen_positions_only) {
    for (const AttendCase& c : kAttendCases) {
        const std::vector<float> expected = attend(generic(), c), actual = attend(*tested, c);
        same_bits(expected.data(), actual.data(), static_cast<int64_t>(actual.size()), "head_dim " + std::to_string(c.head_dim));
        for (const float value : actual) {
            test::check(std::isfinite(value), "positions that no row sees were read");
        }
    }
}

TEST(attention_of_a_row_does_not_depend_on_the_rows_beside_it) {
    for (AttendCase c : kAttendCases) {
        if (!c.causal) {
            continue;
        }
        const std::vector<uint8_t> pool = make_pool(c);
        const std::vector<float> together = attend(*tested, c, pool);
        const int64_t stride = padded(c.heads * c.head_dim);
        const int rows = c.rows;
        c.rows = 1;
        for (int row = 0; row < rows; ++row, ++c.first_position) {
            const std::vector<float> alone = attend(*tested, c, pool);
            same_bits(together.data() + row * stride, alone.data(), stride, "row " + std::to_string(row));
        }
    }
}

TEST(attention_is_the_weighted_mean_of_the_values) {
    for (const AttendCase& c : kAttendCases) {
        const std::vector<uint8_t> pool = make_pool(c);
        const std::vector<float> actual = attend(*tested, c, pool), queries = make_queries(c);
        for (int row = 0; row < c.rows; ++row) {
            for (int head = 0; head < c.heads; ++head) {
                for (int d = 0; d < c.head_dim; d += 5) {
                    const double expected = reference_attention(c, pool, queries, row, head, d);
                    const float value = actual[static_cast<size_t>(row * padded(c.heads * c.head_dim) + head * c.head_dim + d)];
                    test::check(std::fabs(expected - static_cast<double>(value)) < 5e-6,
                                "row " + std::to_string(row) + ", head " + std::to_string(head) + ": " + std::to_string(value) + " is not " + std::to_string(expected));
                }
            }
        }
    }
}

TEST(keys_and_values_are_written_alike) {
    for (const KvType type : {KvType::F32, KvType::F16, KvType::Q8_0}) {
        const KvLayout kv = kv_layout(type, 96);
        test::Random random(static_cast<uint64_t>(type));
        std::vector<uint8_t> expected(static_cast<size_t>(kv.bytes)), actual(expected.size());
        for (int slot = 0; slot < kLanes; ++slot) {
            const std::vector<float> key = floats(random, 96, slot == 3 ? 0.0f : 100.0f), value = floats(random, 96, 1e-6f);
            generic().write_kv({kv, expected.data(), slot, key.data(), value.data()});
            tested->write_kv({kv, actual.data(), slot, key.data(), value.data()});
        }
        for (size_t i = 0; i < expected.size(); ++i) {
            test::check(expected[i] == actual[i], "type " + std::to_string(static_cast<int>(type)) + ", byte " + std::to_string(i) + ": generic has " +
                                                      std::to_string(expected[i]) + ", " + tested->name + " " + std::to_string(actual[i]));
        }
    }
}

TEST(layer_norms_have_the_same_bits_and_the_right_value) {
    for (const int n : {8, 16, 172, 768}) {
        test::Random random(static_cast<uint64_t>(n));
        std::vector<float> x = floats(random, padded(n), 4), weight = floats(random, padded(n)), bias = floats(random, padded(n));
        for (size_t i = static_cast<size_t>(n); i < x.size(); ++i) {
            x[i] = weight[i] = bias[i] = 0;
        }
        std::vector<float> expected(x.size()), actual(x.size());
        generic().layer_norm(x.data(), weight.data(), bias.data(), n, 1e-5f, expected.data());
        tested->layer_norm(x.data(), weight.data(), bias.data(), n, 1e-5f, actual.data());
        same_bits(expected.data(), actual.data(), padded(n), "norm of " + std::to_string(n));
        double mean = 0, variance = 0;
        for (int i = 0; i < n; ++i) {
            mean += static_cast<double>(x[static_cast<size_t>(i)]) / n;
        }
        for (int i = 0; i < n; ++i) {
            variance += std::pow(static_cast<double>(x[static_cast<size_t>(i)]) - mean, 2) / n;
        }
        for (size_t i = 0; i < x.size(); ++i) {
            const double value = (static_cast<double>(x[i]) - mean) / std::sqrt(variance + 1e-5) * static_cast<double>(weight[i]) + static_cast<double>(bias[i]);
            test::check(std::fabs(value - static_cast<double>(actual[i])) < 1e-5, "norm of " + std::to_string(n) + " at " + std::to_string(i));
        }
    }
}

TEST(activations_have_the_same_bits_and_the_right_value) {
    const int n = 512;
    test::Random random(1);
    std::vector<float> gate = floats(random, n, 12), up = floats(random, n, 12);
    const auto compare = [&](const char* name, auto run, auto definition) {
        std::vector<float> expected = gate, actual = gate;
        run(generic(), expected.data());
        run(*tested, actual.data());
        same_bits(expected.data(), actual.data(), n, name);
        for (size_t i = 0; i < gate.size(); ++i) {
            const double value = definition(static_cast<double>(gate[i]), static_cast<double>(up[i]));
            test::check(std::fabs(static_cast<double>(actual[i]) - value) <= 2e-6 * (1 + std::fabs(value)), std::string(name) + " of " + std::to_string(gate[i]));
        }
        gate[7] = NAN;
        actual = gate;
        run(*tested, actual.data());
        test::check(std::isnan(actual[7]), std::string(name) + " hides what is no number");
        gate[7] = 1;
    };
    compare("geglu", [&](const Kernels& k, float* g) { k.geglu(g, up.data(), n); },
            [](double g, double u) { return g / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (g + 0.044715 * g * g * g))) * u; });
    compare("swiglu_limited", [&](const Kernels& k, float* g) { k.swiglu_limited(g, up.data(), n, 1.702f, 7); },
            [](double g, double u) {
                g = std::min(g, 7.0);
                return g / (1 + std::exp(-1.702 * g)) * (std::max(-7.0, std::min(u, 7.0)) + 1);
            });
    compare("gelu", [&](const Kernels& k, float* g) { k.gelu(g, n); }, [](double g, double) { return g / 2 * (1 + std::erf(g / std::sqrt(2.0))); });
    compare("soft_cap", [&](const Kernels& k, float* g) { k.soft_cap(g, n, 5); }, [](double g, double) { return 5 * std::tanh(g / 5); });
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
