// What tests of whole passes share: small random models, one of them with its cache and executor, and passes over rows of tokens.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/half.h"
#include "core/types.h"
#include "cpu/matrix.h"
#include "jesus_native.h"
#include "tests/harness.h"


// Large enough that a batch of ten rows and more is split over the threads.
constexpr jn_shape shape_of(int32_t layers, int32_t width, int32_t heads, int32_t kv_heads, int32_t head_dim, int32_t ffn) {
    jn_shape s{};
    s.layers = layers;
    s.width = width;
    s.heads = heads;
    s.kv_heads = kv_heads;
    s.head_dim = head_dim;
    s.ffn = ffn;
    s.vocab = 100;
    s.context = 256;
    s.rope_count = 1;
    s.causal = 1;
    s.norm_epsilon = 1e-5f;
    s.embedding_scale = s.residual_scale = s.logit_scale = s.expert_scale = 1;
    return s;
}

inline constexpr jn_shape kShape = shape_of(2, 128, 8, 2, 16, 1024);

struct Tensors {
    std::vector<jn_tensor> declared;
    std::vector<std::vector<uint8_t>> data;
};

inline void add(Tensors& tensors, test::Random& random, int32_t slot, int32_t layer, int32_t type, int64_t rows, int64_t cols) {
    tensors.declared.push_back({slot, layer, type, 0, rows, cols});
    std::vector<uint8_t> bytes(static_cast<size_t>(rows * jesus::file_row_bytes(static_cast<jesus::Type>(type), cols)));
    for (size_t at = 0; at < bytes.size();) {
        if (type == JN_TYPE_F32) {
            const float value = rows == 1 ? 1 + random.real(0.2f) : random.real(0.3f);
            std::memcpy(&bytes[at], &value, 4);
            at += 4;
        } else if (type == JN_TYPE_Q8_0) {
            const uint16_t scale = jesus::half_from_float(0.003f);
            std::memcpy(&bytes[at], &scale, 2);
            for (size_t i = 2; i < 34; ++i) {
                bytes[at + i] = static_cast<uint8_t>(random.below(255) - 127);
            }
            at += 34;
        } else {
            const float value = random.real(0.3f);
            const uint16_t bits = type == JN_TYPE_BF16 ? static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16) : jesus::half_from_float(value);
            std::memcpy(&bytes[at], &bits, 2);
            at += 2;
        }
    }
    tensors.data.push_back(std::move(bytes));
}

inline Tensors make_tensors(int32_t type, bool tied = false, const jn_shape& s = kShape) {
    Tensors tensors;
    test::Random random(static_cast<uint64_t>(type));
    add(tensors, random, JN_SLOT_TOKEN_EMBEDDING, 0, type, s.vocab, s.width);
    if (!tied) {
        add(tensors, random, JN_SLOT_OUTPUT, 0, type, s.vocab, s.width);
    }
    add(tensors, random, JN_SLOT_OUTPUT_NORM, 0, JN_TYPE_F32, 1, s.width);
    for (int32_t layer = 0; layer < s.layers; ++layer) {
        const int64_t attention = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
        add(tensors, random, JN_SLOT_ATTN_NORM, layer, JN_TYPE_F32, 1, s.width);
        add(tensors, random, JN_SLOT_ATTN_Q, layer, type, attention, s.width);
        add(tensors, random, JN_SLOT_ATTN_K, layer, type, kv, s.width);
        add(tensors, random, JN_SLOT_ATTN_V, layer, type, kv, s.width);
        add(tensors, random, JN_SLOT_ATTN_OUTPUT, layer, type, s.width, attention);
        add(tensors, random, JN_SLOT_FFN_NORM, layer, JN_TYPE_F32, 1, s.width);
        add(tensors, random, JN_SLOT_FFN_GATE, layer, type, s.ffn, s.width);
        add(tensors, random, JN_SLOT_FFN_UP, layer, type, s.ffn, s.width);
        add(tensors, random, JN_SLOT_FFN_DOWN, layer, type, s.width, s.ffn);
    }
    return tensors;
}

inline std::vector<double> frequencies(const jn_shape& s) {
    std::vector<double> values;
    for (int i = 0; i < s.head_dim / 2; ++i) {
        values.push_back(std::pow(10000.0, -2.0 * i / s.head_dim));
    }
    return values;
}

inline jn_status create(const jn_shape& shape, const std::vector<jn_tensor>& tensors, int32_t isa, jn_model** model) {
    const std::vector<double> turns = frequencies(shape);
    const std::vector<jn_layer> layers(static_cast<size_t>(shape.layers), jn_layer{0, 0});
    const jn_rope rope = {turns.data(), 1, static_cast<int32_t>(turns.size()), 0};
    return jn_model_create(&shape, layers.data(), &rope, tensors.data(), static_cast<int32_t>(tensors.size()), isa, model);
}

// An adapter's parts with their data, down and up.
struct LowRanks {
    std::vector<jn_low_rank> declared;
    std::vector<std::vector<uint8_t>> data;
};

// Rows and columns of the matrix that a part stands beside, in a model of kShape.
inline int64_t rows_beside(const jn_low_rank& part) {
    switch (part.slot) {
        case JN_SLOT_OUTPUT: return kShape.vocab;
        case JN_SLOT_ATTN_K:
        case JN_SLOT_ATTN_V: return kShape.kv_heads * kShape.head_dim;
        case JN_SLOT_FFN_GATE:
        case JN_SLOT_FFN_UP: return kShape.ffn;
        default: return kShape.width;
    }
}
inline int64_t columns_beside(const jn_low_rank& part) { return part.slot == JN_SLOT_FFN_DOWN ? kShape.ffn : kShape.width; }

// A model, its cache and an executor; destroyed together.
struct Engine {
    jn_model* model = nullptr;
    jn_kv* kv = nullptr;
    jn_executor* executor = nullptr;

    Engine(const Tensors& tensors, int32_t isa, int32_t threads, int32_t kv_type = JN_TYPE_F16, const jn_shape& shape = kShape,
           const LowRanks& adapters = {}) {
        const jn_status status = create(shape, tensors.declared, isa, &model);
        test::check(status == JN_OK, std::string("create: ") + jn_status_text(status));
        for (size_t i = 0; i < tensors.data.size(); ++i) {
            load_in_parts(static_cast<int32_t>(i), tensors.declared[i].rows, tensors.data[i]);
        }
        load(adapters);
        test::check(jn_model_check(model) == JN_OK, "incomplete");
        test::check(jn_kv_create(model, kv_type, 40, &kv) == JN_OK, "kv");
        test::check(jn_executor_create(model, threads, 64, &executor) == JN_OK, "executor");
    }
    ~Engine() {
        jn_executor_destroy(executor);
        jn_kv_destroy(kv);
        jn_model_destroy(model);
    }
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    void load(const LowRanks& adapters) {
        const int32_t count = static_cast<int32_t>(adapters.declared.size());
        test::check(count == 0 || jn_model_adapt(model, adapters.declared.data(), count) == JN_OK, "adapt");
        for (size_t i = 0; i < adapters.data.size(); ++i) {
            const jn_low_rank& part = adapters.declared[i / 2];
            const std::vector<uint8_t>& data = adapters.data[i];
            const int64_t rows = i % 2 == 0 ? part.rank : rows_beside(part);
            test::check(jn_model_check(model) == JN_INCOMPLETE, "complete before its adapters are");
            const jn_status status = jn_adapter_load(model, static_cast<int32_t>(i / 2), static_cast<int32_t>(i % 2), 0, rows, data.data(), data.size());
            test::check(status == JN_OK, "adapter");
        }
    }

    void load_in_parts(int32_t index, int64_t rows, const std::vector<uint8_t>& data) {
        const size_t row_bytes = data.size() / static_cast<size_t>(rows);
        for (int64_t row = 0; row < rows; row += 32) {
            const int64_t count = rows - row < 32 ? rows - row : 32;
            const size_t bytes = row_bytes * static_cast<size_t>(count);
            const jn_status status = jn_model_load(model, index, row, count, data.data() + row_bytes * static_cast<size_t>(row), bytes);
            test::check(status == JN_OK, "load");
        }
    }
};

struct Row {
    int32_t sequence, token, position, adapter = 0;
};

inline constexpr int64_t kLogitsStride = 112;

// Runs rows (sequence s owns blocks 10 s .. 10 s + 9) and returns the logits of every row, or of the last `last_wanted` ones.
inline std::vector<float> forward(Engine& engine, const std::vector<Row>& rows, int32_t last_wanted = 1 << 20) {
    std::vector<int32_t> tokens, positions, sequences, adapters, blocks, starts, wanted;
    int32_t last = -1;
    for (const Row& row : rows) {
        if (row.sequence != last) {
            starts.push_back(static_cast<int32_t>(blocks.size()));
            for (int32_t i = 0; i < 10; ++i) {
                blocks.push_back(row.sequence * 10 + 9 - i);
            }
            last = row.sequence;
        }
        sequences.push_back(static_cast<int32_t>(starts.size()) - 1);
        tokens.push_back(row.token);
        positions.push_back(row.position);
        adapters.push_back(row.adapter);
        wanted.push_back(static_cast<int32_t>(wanted.size()));
    }
    wanted.erase(wanted.begin(), wanted.end() - std::min(last_wanted, static_cast<int32_t>(wanted.size())));
    starts.push_back(static_cast<int32_t>(blocks.size()));
    std::vector<float> logits(wanted.size() * kLogitsStride, -1.0f);
    jn_batch batch{};
    batch.rows = static_cast<int32_t>(rows.size());
    batch.logit_row_count = static_cast<int32_t>(wanted.size());
    batch.sequences = static_cast<int32_t>(starts.size()) - 1;
    batch.tokens = tokens.data();
    batch.positions = positions.data();
    batch.row_sequences = sequences.data();
    batch.row_adapters = adapters.data();
    batch.blocks = blocks.data();
    batch.block_starts = starts.data();
    batch.logit_rows = wanted.data();
    batch.logits = logits.data();
    batch.logits_stride = kLogitsStride;
    const jn_status status = jn_forward(engine.executor, engine.kv, &batch);
    test::check(status == JN_OK, std::string("forward: ") + jn_status_text(status));
    return logits;
}

inline std::vector<Row> prompt(int32_t sequence, int32_t length, int32_t first = 0) {
    std::vector<Row> rows;
    for (int32_t i = first; i < first + length; ++i) {
        rows.push_back({sequence, (i * 37 + sequence * 11 + 5) % kShape.vocab, i});
    }
    return rows;
}

inline std::vector<float> tail(const std::vector<float>& logits) { return {logits.end() - kLogitsStride, logits.end()}; }

inline void same_bits(const std::vector<float>& a, const std::vector<float>& b, const std::string& what) {
    test::check(a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 4) == 0, what);
}
