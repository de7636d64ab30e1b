// Whole forward passes through the C ABI: the same bits whatever the instruction set, threads, batch and chunks;
// and every refusal.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/half.h"
#include "core/types.h"
#include "cpu/matrix.h"
#include "jesus_native.h"
#include "tests/harness.h"

namespace {

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

constexpr jn_shape kShape = shape_of(2, 128, 8, 2, 16, 1024);

struct Tensors {
    std::vector<jn_tensor> declared;
    std::vector<std::vector<uint8_t>> data;
};

void add(Tensors& tensors, test::Random& random, int32_t slot, int32_t layer, int32_t type, int64_t rows, int64_t cols) {
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

Tensors make_tensors(int32_t type, bool tied = false, const jn_shape& s = kShape) {
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

std::vector<double> frequencies(const jn_shape& s) {
    std::vector<double> values;
    for (int i = 0; i < s.head_dim / 2; ++i) {
        values.push_back(std::pow(10000.0, -2.0 * i / s.head_dim));
    }
    return values;
}

jn_status create(const jn_shape& shape, const std::vector<jn_tensor>& tensors, int32_t isa, jn_model** model) {
    const std::vector<double> turns = frequencies(shape);
    const std::vector<jn_layer> layers(static_cast<size_t>(shape.layers), jn_layer{0, 0});
    const jn_rope rope = {turns.data(), 1, static_cast<int32_t>(turns.size()), 0};
    return jn_model_create(&shape, layers.data(), &rope, tensors.data(), static_cast<int32_t>(tensors.size()), isa, model);
}

// A model, its cache and an executor; destroyed together.
struct Engine {
    jn_model* model = nullptr;
    jn_kv* kv = nullptr;
    jn_executor* executor = nullptr;

    Engine(const Tensors& tensors, int32_t isa, int32_t threads, int32_t kv_type = JN_TYPE_F16, const jn_shape& shape = kShape) {
        const jn_status status = create(shape, tensors.declared, isa, &model);
        test::check(status == JN_OK, std::string("create: ") + jn_status_text(status));
        for (size_t i = 0; i < tensors.data.size(); ++i) {
            load_in_parts(static_cast<int32_t>(i), tensors.declared[i].rows, tensors.data[i]);
        }
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
    int32_t sequence, token, position;
};

constexpr int64_t kLogitsStride = 112;

// Runs rows (sequence s owns blocks 10 s .. 10 s + 9) and returns the logits of every row, or of the last `last_wanted` ones.
std::vector<float> forward(Engine& engine, const std::vector<Row>& rows, int32_t last_wanted = 1 << 20) {
    std::vector<int32_t> tokens, positions, sequences, blocks, starts, wanted;
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
    batch.blocks = blocks.data();
    batch.block_starts = starts.data();
    batch.logit_rows = wanted.data();
    batch.logits = logits.data();
    batch.logits_stride = kLogitsStride;
    const jn_status status = jn_forward(engine.executor, engine.kv, &batch);
    test::check(status == JN_OK, std::string("forward: ") + jn_status_text(status));
    return logits;
}

std::vector<Row> prompt(int32_t sequence, int32_t length, int32_t first = 0) {
    std::vector<Row> rows;
    for (int32_t i = first; i < first + length; ++i) {
        rows.push_back({sequence, (i * 37 + sequence * 11 + 5) % kShape.vocab, i});
    }
    return rows;
}

std::vector<float> tail(const std::vector<float>& logits) { return {logits.end() - kLogitsStride, logits.end()}; }

void same_bits(const std::vector<float>& a, const std::vector<float>& b, const std::string& what) {
    test::check(a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 4) == 0, what);
}

void same_on_every_isa(int32_t type, int32_t kv_type) {
    const Tensors tensors = make_tensors(type);
    Engine generic(tensors, JN_ISA_GENERIC, 1, kv_type);
    const std::vector<float> expected = forward(generic, prompt(0, 40));
    int compared = 0;
    for (int32_t isa = JN_ISA_AVX2; isa <= JN_ISA_AVX512; ++isa) {
        if (jn_isa_available(isa)) {
            Engine engine(tensors, isa, 2, kv_type);
            same_bits(expected, forward(engine, prompt(0, 40)), std::string(jn_isa_name(isa)) + " differs from generic");
            ++compared;
        }
    }
    if (compared == 0) {
        throw test::Skipped("this CPU has neither AVX2 nor AVX-512");
    }
}

}  // namespace

TEST(q8_forward_has_the_same_bits_on_every_instruction_set) { same_on_every_isa(JN_TYPE_Q8_0, JN_TYPE_F16); }
TEST(f32_forward_has_the_same_bits_on_every_instruction_set) { same_on_every_isa(JN_TYPE_F32, JN_TYPE_F32); }
TEST(f16_forward_has_the_same_bits_on_every_instruction_set) { same_on_every_isa(JN_TYPE_F16, JN_TYPE_F16); }
TEST(bf16_forward_has_the_same_bits_on_every_instruction_set) { same_on_every_isa(JN_TYPE_BF16, JN_TYPE_F32); }

TEST(the_number_of_threads_does_not_change_a_bit) {
    const Tensors tensors = make_tensors(JN_TYPE_Q8_0);
    Engine one(tensors, JN_ISA_AUTO, 1);
    const std::vector<float> expected = forward(one, prompt(0, 33));
    for (const int32_t threads : {2, 3, 7}) {
        Engine engine(tensors, JN_ISA_AUTO, threads);
        same_bits(expected, forward(engine, prompt(0, 33)), std::to_string(threads) + " threads");
    }
}

TEST(a_prompt_in_chunks_gives_the_bits_of_the_whole_prompt) {
    const Tensors tensors = make_tensors(JN_TYPE_Q8_0);
    Engine whole(tensors, JN_ISA_AUTO, 2);
    const std::vector<float> expected = tail(forward(whole, prompt(1, 45)));
    for (const int32_t chunk : {1, 7, 16}) {
        Engine engine(tensors, JN_ISA_AUTO, 2);
        std::vector<float> last;
        for (int32_t at = 0; at < 45; at += chunk) {
            last = tail(forward(engine, prompt(1, std::min(chunk, 45 - at), at)));
        }
        same_bits(expected, last, "chunks of " + std::to_string(chunk));
    }
}

TEST(the_other_sequences_of_a_batch_do_not_change_a_bit) {
    for (const int32_t type : {JN_TYPE_Q8_0, JN_TYPE_F32}) {
        const Tensors tensors = make_tensors(type);
        Engine alone(tensors, JN_ISA_AUTO, 2), shared(tensors, JN_ISA_AUTO, 2);
        const std::vector<float> expected = forward(alone, prompt(2, 20));
        std::vector<Row> rows = prompt(0, 13);
        const std::vector<Row> middle = prompt(2, 20), end = prompt(3, 5);
        rows.insert(rows.end(), middle.begin(), middle.end());
        rows.insert(rows.end(), end.begin(), end.end());
        const std::vector<float> all = forward(shared, rows);
        const auto begin = all.begin() + 13 * kLogitsStride;
        same_bits(expected, {begin, begin + 20 * kLogitsStride}, "in a batch of three");
    }
}

TEST(rows_that_nobody_wants_change_no_bit_of_those_wanted) {
    const Tensors tensors = make_tensors(JN_TYPE_Q8_0);
    for (const int32_t threads : {1, 3}) {
        Engine all(tensors, JN_ISA_AUTO, threads), some(tensors, JN_ISA_AUTO, threads);
        const std::vector<float> expected = forward(all, prompt(1, 45));
        test::check(forward(some, prompt(1, 30), 0).empty(), "logits that nobody wanted");
        const std::vector<float> rest = forward(some, prompt(1, 15, 30), 4);
        same_bits({expected.end() - 4 * kLogitsStride, expected.end()}, rest, "the last four rows");
    }
}

TEST(a_model_without_output_uses_its_embedding) {
    const Tensors tied = make_tensors(JN_TYPE_Q8_0, true);
    Tensors untied = tied;
    untied.declared.push_back({JN_SLOT_OUTPUT, 0, JN_TYPE_Q8_0, 0, kShape.vocab, kShape.width});
    untied.data.push_back(tied.data[0]);
    Engine a(tied, JN_ISA_AUTO, 1), b(untied, JN_ISA_AUTO, 1);
    same_bits(forward(a, prompt(0, 3)), forward(b, prompt(0, 3)), "tied output");
}

TEST(logits_are_padded_with_zeros_and_finite) {
    Engine engine(make_tensors(JN_TYPE_Q8_0), JN_ISA_AUTO, 2);
    const std::vector<float> logits = forward(engine, prompt(0, 2));
    double magnitude = 0;
    for (size_t i = 0; i < logits.size(); ++i) {
        const bool padding = i % kLogitsStride >= static_cast<size_t>(kShape.vocab);
        test::check(std::isfinite(logits[i]) && (!padding || logits[i] == 0), "logit " + std::to_string(i));
        magnitude += std::fabs(static_cast<double>(logits[i]));
    }
    test::check(magnitude > 1, "all logits vanish");
}

TEST(odd_sizes_of_heads_and_rows_work) {
    jn_shape odd = shape_of(1, 40, 5, 5, 8, 44);
    odd.rope_style = JN_ROPE_HALVES;
    const Tensors tensors = make_tensors(JN_TYPE_F32, true, odd);
    Engine generic(tensors, JN_ISA_GENERIC, 1, JN_TYPE_F32, odd), best(tensors, JN_ISA_AUTO, 3, JN_TYPE_F32, odd);
    same_bits(forward(generic, prompt(0, 19)), forward(best, prompt(0, 19)), "odd sizes");
}

TEST(batches_that_are_wrong_are_refused) {
    Engine engine(make_tensors(JN_TYPE_Q8_0), JN_ISA_AUTO, 2);
    const int32_t tokens[] = {1, 2}, positions[] = {0, 1}, sequences[] = {0, 0}, blocks[] = {0, 1}, starts[] = {0, 2}, wanted[] = {1};
    float logits[kLogitsStride];
    jn_batch good{};
    good.rows = 2;
    good.sequences = good.logit_row_count = 1;
    good.tokens = tokens;
    good.positions = positions;
    good.row_sequences = sequences;
    good.blocks = blocks;
    good.block_starts = starts;
    good.logit_rows = wanted;
    good.logits = logits;
    good.logits_stride = kLogitsStride;
    const auto expect = [&](jn_status status, const char* what, auto change) {
        jn_batch bad = good;
        change(bad);
        test::check(jn_forward(engine.executor, engine.kv, &bad) == status, what);
    };
    const int32_t wild_token[] = {1, 100}, negative_token[] = {-1, 2}, gap[] = {0, 2}, far[] = {300, 301}, later[] = {20, 21};
    const int32_t wild_sequence[] = {0, 1}, wild_block[] = {40, 1}, negative_block[] = {-1, 1}, one_block[] = {0, 1}, wild_row[] = {2};
    expect(JN_OK, "good", [](jn_batch&) {});
    expect(JN_BAD_ARGUMENT, "token", [&](jn_batch& b) { b.tokens = wild_token; });
    expect(JN_BAD_ARGUMENT, "negative token", [&](jn_batch& b) { b.tokens = negative_token; });
    expect(JN_BAD_ARGUMENT, "gap in positions", [&](jn_batch& b) { b.positions = gap; });
    expect(JN_BAD_ARGUMENT, "position past the context", [&](jn_batch& b) { b.positions = far; });
    expect(JN_BAD_ARGUMENT, "sequence", [&](jn_batch& b) { b.row_sequences = wild_sequence; });
    expect(JN_BAD_ARGUMENT, "block", [&](jn_batch& b) { b.blocks = wild_block; });
    expect(JN_BAD_ARGUMENT, "negative block", [&](jn_batch& b) { b.blocks = negative_block; });
    expect(JN_BAD_ARGUMENT, "short table", [&](jn_batch& b) { b.positions = later; b.block_starts = one_block; });
    expect(JN_BAD_ARGUMENT, "logit row", [&](jn_batch& b) { b.logit_rows = wild_row; });
    expect(JN_BAD_ARGUMENT, "stride", [&](jn_batch& b) { b.logits_stride = 100; });
    expect(JN_BAD_ARGUMENT, "null", [&](jn_batch& b) { b.tokens = nullptr; });
    expect(JN_LIMIT, "too many rows", [&](jn_batch& b) { b.rows = 65; b.sequences = 1; });
}

TEST(models_that_are_wrong_are_refused) {
    const Tensors good = make_tensors(JN_TYPE_Q8_0);
    const auto refused = [&](const jn_shape& shape, const std::vector<jn_tensor>& tensors, int32_t isa = JN_ISA_GENERIC) {
        jn_model* model = nullptr;
        const jn_status status = create(shape, tensors, isa, &model);
        jn_model_destroy(model);
        return status;
    };
    jn_shape shape = kShape;
    shape.kv_heads = 3;
    test::check(refused(shape, good.declared) == JN_BAD_ARGUMENT, "heads that do not divide");
    std::vector<jn_tensor> tensors = good.declared;
    tensors.pop_back();
    test::check(refused(kShape, tensors) == JN_INCOMPLETE, "a missing tensor");
    tensors = good.declared;
    tensors.push_back(tensors.back());
    test::check(refused(kShape, tensors) == JN_BAD_ARGUMENT, "a tensor twice");
    tensors = good.declared;
    tensors[0].rows += 1;
    test::check(refused(kShape, tensors) == JN_BAD_ARGUMENT, "wrong rows");
    tensors = good.declared;
    tensors[0].type = 99;
    test::check(refused(kShape, tensors) == JN_UNSUPPORTED_TYPE, "an unknown type");
    test::check(refused(kShape, good.declared, 99) == JN_UNSUPPORTED_ISA, "an unknown instruction set");
}

TEST(layers_that_are_not_whole_are_refused) {
    jn_shape shape = kShape;
    shape.experts = 3;
    shape.experts_used = 2;
    shape.expert_ffn = 64;
    std::vector<jn_tensor> good = make_tensors(JN_TYPE_F32).declared;
    good.erase(std::remove_if(good.begin(), good.end(), [](const jn_tensor& t) { return t.layer == 1 && t.slot >= JN_SLOT_FFN_GATE; }), good.end());
    good.push_back({JN_SLOT_ROUTER, 1, JN_TYPE_F32, 0, 3, shape.width});
    for (int32_t expert = 0; expert < 3; ++expert) {
        good.push_back({JN_SLOT_EXPERT_GATE, 1, JN_TYPE_F32, expert, 64, shape.width});
        good.push_back({JN_SLOT_EXPERT_UP, 1, JN_TYPE_F32, expert, 64, shape.width});
        good.push_back({JN_SLOT_EXPERT_DOWN, 1, JN_TYPE_F32, expert, shape.width, 64});
    }
    const auto expect = [&](jn_status status, const char* what, auto change) {
        jn_shape changed = shape;
        std::vector<jn_tensor> tensors = good;
        change(changed, tensors);
        jn_model* model = nullptr;
        test::check(create(changed, tensors, JN_ISA_GENERIC, &model) == status, what);
        jn_model_destroy(model);
    };
    expect(JN_OK, "a layer of experts after one without", [](jn_shape&, auto&) {});
    expect(JN_INCOMPLETE, "an expert without its down matrix", [](jn_shape&, auto& tensors) { tensors.pop_back(); });
    expect(JN_INCOMPLETE, "gates that the activation has not", [](jn_shape& s, auto&) { s.activation = JN_ACT_GELU; });
    expect(JN_INCOMPLETE, "a shared expert without matrices", [](jn_shape& s, auto&) { s.shared_ffn = 32; });
    expect(JN_BAD_ARGUMENT, "an expert past the last", [](jn_shape&, auto& tensors) { tensors.back().expert = 3; });
    expect(JN_BAD_ARGUMENT, "more experts used than there are", [](jn_shape& s, auto&) { s.experts_used = 4; });
    expect(JN_BAD_ARGUMENT, "a bias of another length", [](jn_shape& s, auto& tensors) { tensors.push_back({JN_SLOT_Q_BIAS, 0, JN_TYPE_F32, 0, 1, s.width + 1}); });
    expect(JN_UNSUPPORTED_TYPE, "a bias of 16 bits", [](jn_shape& s, auto& tensors) { tensors.push_back({JN_SLOT_Q_BIAS, 0, JN_TYPE_F16, 0, 1, s.width}); });
}

TEST(loading_the_wrong_rows_is_refused) {
    const Tensors tensors = make_tensors(JN_TYPE_Q8_0);
    jn_model* model = nullptr;
    const int32_t count = static_cast<int32_t>(tensors.declared.size());
    test::check(create(kShape, tensors.declared, JN_ISA_AUTO, &model) == JN_OK, "create");
    const std::vector<uint8_t>& data = tensors.data[0];
    const uint64_t row = data.size() / kShape.vocab;
    test::check(jn_model_load(model, 0, 0, 1, data.data(), row - 1) == JN_BAD_ARGUMENT, "short data");
    test::check(jn_model_load(model, 0, 99, 2, data.data(), 2 * row) == JN_BAD_ARGUMENT, "rows past the end");
    test::check(jn_model_load(model, 0, -1, 1, data.data(), row) == JN_BAD_ARGUMENT, "negative row");
    test::check(jn_model_load(model, count, 0, 1, data.data(), row) == JN_BAD_ARGUMENT, "no such tensor");
    jn_executor* executor = nullptr;
    test::check(jn_executor_create(model, 1, 1, &executor) == JN_INCOMPLETE, "an executor of an unloaded model");
    jn_kv* kv = nullptr;
    test::check(jn_kv_create(model, JN_TYPE_Q8_0, 1, &kv) == JN_UNSUPPORTED_TYPE, "KV type");
    test::check(jn_kv_create(model, JN_TYPE_F16, 0, &kv) == JN_BAD_ARGUMENT, "no blocks");
    jn_model_destroy(model);
}

int main(int argument_count, char** arguments) { return test::run(argument_count, arguments); }
