// Attention and the cache it reads, norms and activations: against generic bit for bit, and against their definitions.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/half.h"
#include "tests/kernel_tests.h"

using namespace jesus;

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
    {128, 8, 2, 9, 90, KvType::Q8_0},
    {128, 8, 1, 7, 244, KvType::Q8_0, 40},
    {256, 8, 1, 6, 70, KvType::Q8_0},
    {256, 4, 2, 18, 110, KvType::Q8_0, 64, 20, true},
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
