// LoRA adapters in whole passes: the same bits whatever the instruction set, threads and the adapters of other rows; what they compute; and every refusal.
#include "tests/model_tests.h"

namespace {

constexpr int32_t kSlots[] = {JN_SLOT_ATTN_Q, JN_SLOT_ATTN_K, JN_SLOT_ATTN_V, JN_SLOT_ATTN_OUTPUT, JN_SLOT_FFN_GATE, JN_SLOT_FFN_UP, JN_SLOT_FFN_DOWN};
constexpr int32_t kTypes[] = {JN_TYPE_F32, JN_TYPE_F16, JN_TYPE_BF16};

void add_part(LowRanks& adapters, test::Random& random, int32_t adapter, int32_t slot, int32_t layer, int32_t rank) {
    const int32_t down = kTypes[random.below(3)], up = kTypes[random.below(3)];
    adapters.declared.push_back({adapter, slot, layer, rank, down, up, 0.5f + random.real(0.4f), 0});
    Tensors data;
    add(data, random, 0, 0, down, rank, columns_beside(adapters.declared.back()));
    add(data, random, 0, 0, up, rows_beside(adapters.declared.back()), rank);
    adapters.data.push_back(data.data[0]);
    adapters.data.push_back(data.data[1]);
}

// Three: one beside everything, one beside some matrices and of another rank, one of rank 1 beside one.
LowRanks make_adapters() {
    LowRanks adapters;
    test::Random random(7);
    for (int32_t layer = 0; layer < kShape.layers; ++layer) {
        for (const int32_t slot : kSlots) {
            add_part(adapters, random, 1, slot, layer, 16);
        }
        add_part(adapters, random, 2, JN_SLOT_ATTN_Q, layer, 5);
        add_part(adapters, random, 2, JN_SLOT_FFN_DOWN, layer, 40);
    }
    add_part(adapters, random, 1, JN_SLOT_OUTPUT, 0, 16);
    add_part(adapters, random, 3, JN_SLOT_ATTN_V, 1, 1);
    return adapters;
}

std::vector<Row> with(std::vector<Row> rows, int32_t adapter) {
    for (Row& row : rows) {
        row.adapter = adapter;
    }
    return rows;
}

Engine engine_of(int32_t type, int32_t isa, int32_t threads) { return {make_tensors(type), isa, threads, JN_TYPE_F16, kShape, make_adapters()}; }

}  // namespace

TEST(adapters_give_the_same_bits_on_every_instruction_set) {
    for (const int32_t type : {JN_TYPE_Q8_0, JN_TYPE_F32}) {
        Engine generic = engine_of(type, JN_ISA_GENERIC, 1);
        const std::vector<float> expected = forward(generic, with(prompt(0, 40), 1));
        for (int32_t isa = JN_ISA_AVX2; isa <= JN_ISA_AVX512; ++isa) {
            if (jn_isa_available(isa)) {
                Engine engine = engine_of(type, isa, 2);
                same_bits(expected, forward(engine, with(prompt(0, 40), 1)), std::string(jn_isa_name(isa)) + " differs from generic");
            }
        }
    }
}

TEST(a_row_without_an_adapter_has_the_bits_of_a_model_without_any) {
    Engine plain(make_tensors(JN_TYPE_Q8_0), JN_ISA_AUTO, 2), adapted = engine_of(JN_TYPE_Q8_0, JN_ISA_AUTO, 2);
    const std::vector<float> expected = forward(plain, prompt(0, 30));
    same_bits(expected, forward(adapted, prompt(0, 30)), "in a batch without adapters");
    std::vector<Row> rows = with(prompt(1, 20), 1);
    const std::vector<Row> mine = prompt(2, 30);
    Engine alone(make_tensors(JN_TYPE_Q8_0), JN_ISA_AUTO, 2);
    const std::vector<float> own = forward(alone, mine);
    rows.insert(rows.end(), mine.begin(), mine.end());
    const std::vector<float> all = forward(adapted, rows);
    same_bits(own, {all.begin() + 20 * kLogitsStride, all.end()}, "beside rows with an adapter");
}

TEST(every_adapter_changes_its_rows) {
    Engine engine = engine_of(JN_TYPE_Q8_0, JN_ISA_AUTO, 2);
    std::vector<std::vector<float>> seen;
    for (int32_t adapter = 0; adapter <= 3; ++adapter) {
        const std::vector<float> logits = tail(forward(engine, with(prompt(0, 20), adapter)));
        for (const std::vector<float>& other : seen) {
            test::check(logits != other, "adapter " + std::to_string(adapter) + " gives another's logits");
        }
        seen.push_back(logits);
    }
}

// Hundreds of batches of sequences of any adapter, prompts and single tokens together, on 1 to 4 threads; each row's logits are those of its sequence alone.
TEST(adapters_of_other_rows_and_threads_change_no_bit) {
    test::Random random(3);
    for (const int32_t type : {JN_TYPE_Q8_0, JN_TYPE_F16}) {
        Engine alone = engine_of(type, JN_ISA_AUTO, 1);
        Engine shared[] = {engine_of(type, JN_ISA_AUTO, 1), engine_of(type, JN_ISA_AUTO, 2), engine_of(type, JN_ISA_AUTO, 4)};
        for (int round = 0; round < 60; ++round) {
            Engine& engine = shared[round % 3];
            std::vector<Row> rows;
            std::vector<float> expected;
            for (int32_t sequence = 0; sequence < 3; ++sequence) {
                const int32_t adapter = random.below(4), length = 1 + random.below(20), last = random.below(2) * (length - 1);
                const std::vector<Row> all = with(prompt(sequence, length), adapter);
                const std::vector<float> logits = forward(alone, all);
                if (last > 0) {
                    forward(engine, {all.begin(), all.begin() + last}, 0);
                }
                rows.insert(rows.end(), all.begin() + last, all.end());
                expected.insert(expected.end(), logits.begin() + last * kLogitsStride, logits.end());
            }
            const std::vector<float> actual = forward(engine, rows);
            same_bits(expected, actual, "batch " + std::to_string(round));
            const int32_t wanted = 1 + random.below(static_cast<int>(rows.size()));
            same_bits({expected.end() - wanted * kLogitsStride, expected.end()}, forward(engine, rows, wanted), "the last rows of batch " + std::to_string(round));
        }
    }
}

TEST(an_adapter_adds_what_its_product_says) {
    // Beside the output alone: logits move by scale * up (down x), where x is what an adapter of unit rows reads off.
    const Tensors tensors = make_tensors(JN_TYPE_F32);
    LowRanks read, add_both;
    std::vector<float> down(2 * static_cast<size_t>(kShape.width)), up(2 * static_cast<size_t>(kShape.vocab));
    test::Random random(9);
    for (std::vector<float>* values : {&down, &up}) {
        for (float& value : *values) {
            value = random.real(0.5f);
        }
    }
    const auto bytes = [](const std::vector<float>& values) {
        std::vector<uint8_t> data(values.size() * 4);
        std::memcpy(data.data(), values.data(), data.size());
        return data;
    };
    add_both.declared.push_back({1, JN_SLOT_OUTPUT, 0, 2, JN_TYPE_F32, JN_TYPE_F32, 0.75f, 0});
    add_both.data = {bytes(down), bytes(up)};
    std::vector<float> ones(2 * static_cast<size_t>(kShape.vocab), 0.0f);
    ones[0] = 1;  // row 0 of up: the first of down's results, so that logit 0 moves by it alone
    ones[3] = 1;  // row 1: the second
    read.declared.push_back({1, JN_SLOT_OUTPUT, 0, 2, JN_TYPE_F32, JN_TYPE_F32, 1.0f, 0});
    read.data = {bytes(down), bytes(ones)};
    Engine plain(tensors, JN_ISA_AUTO, 1, JN_TYPE_F32), reads(tensors, JN_ISA_AUTO, 1, JN_TYPE_F32, kShape, read);
    Engine adds(tensors, JN_ISA_AUTO, 2, JN_TYPE_F32, kShape, add_both);
    const std::vector<float> base = tail(forward(plain, prompt(0, 9))), first = tail(forward(reads, with(prompt(0, 9), 1)));
    const std::vector<float> both = tail(forward(adds, with(prompt(0, 9), 1)));
    const float t[] = {first[0] - base[0], first[1] - base[1]};
    for (int32_t token = 0; token < kShape.vocab; ++token) {
        const size_t at = static_cast<size_t>(token);
        const float expected = base[at] + 0.75f * (up[2 * at] * t[0] + up[2 * at + 1] * t[1]);
        test::check(std::fabs(expected - both[at]) < 1e-3f * (1 + std::fabs(expected)), "logit " + std::to_string(token));
    }
}

TEST(adapters_that_are_wrong_are_refused) {
    const Tensors tensors = make_tensors(JN_TYPE_Q8_0);
    const jn_low_rank good = {1, JN_SLOT_ATTN_Q, 0, 16, JN_TYPE_F32, JN_TYPE_F32, 1, 0};
    const auto expect = [&](jn_status status, const char* what, auto change, int32_t count = 1) {
        jn_low_rank parts[] = {good, good};
        change(parts);
        jn_model* model = nullptr;
        test::check(create(kShape, tensors.declared, JN_ISA_AUTO, &model) == JN_OK, "create");
        test::check(jn_model_adapt(model, parts, count) == status, what);
        jn_model_destroy(model);
    };
    expect(JN_OK, "good", [](jn_low_rank*) {});
    expect(JN_BAD_ARGUMENT, "none", [](jn_low_rank*) {}, 0);
    expect(JN_BAD_ARGUMENT, "the same twice", [](jn_low_rank*) {}, 2);
    expect(JN_OK, "of two adapters", [](jn_low_rank* parts) { parts[1].adapter = 2; }, 2);
    expect(JN_BAD_ARGUMENT, "adapter 0", [](jn_low_rank* parts) { parts[0].adapter = 0; });
    expect(JN_LIMIT, "too many adapters", [](jn_low_rank* parts) { parts[0].adapter = JN_ADAPTERS_MAX + 1; });
    expect(JN_BAD_ARGUMENT, "beside a norm", [](jn_low_rank* parts) { parts[0].slot = JN_SLOT_ATTN_NORM; });
    expect(JN_BAD_ARGUMENT, "beside the embedding", [](jn_low_rank* parts) { parts[0].slot = JN_SLOT_TOKEN_EMBEDDING; });
    expect(JN_BAD_ARGUMENT, "a layer past the last", [](jn_low_rank* parts) { parts[0].layer = kShape.layers; });
    expect(JN_BAD_ARGUMENT, "rank 0", [](jn_low_rank* parts) { parts[0].rank = 0; });
    expect(JN_LIMIT, "a rank too high", [](jn_low_rank* parts) { parts[0].rank = JN_RANK_MAX + 1; });
    expect(JN_UNSUPPORTED_TYPE, "Q8_0", [](jn_low_rank* parts) { parts[0].up_type = JN_TYPE_Q8_0; });
    expect(JN_BAD_ARGUMENT, "a scale that is no number", [](jn_low_rank* parts) { parts[0].scale = std::nanf(""); });

    Engine engine = engine_of(JN_TYPE_Q8_0, JN_ISA_AUTO, 2);
    const jn_low_rank part = good;
    test::check(jn_model_adapt(engine.model, &part, 1) == JN_BAD_ARGUMENT, "a second time");
    test::check(jn_adapter_bytes(engine.model) > 0, "bytes");
    const std::vector<float> row(static_cast<size_t>(kShape.width));
    test::check(jn_adapter_load(engine.model, 0, 2, 0, 1, row.data(), 512) == JN_BAD_ARGUMENT, "a side that is none");
    test::check(jn_adapter_load(engine.model, 1000, 0, 0, 1, row.data(), 512) == JN_BAD_ARGUMENT, "a part that is none");
    test::check(jn_adapter_load(engine.model, 0, 0, 16, 1, row.data(), 512) == JN_BAD_ARGUMENT, "rows past the end");
    const int32_t token = 1, position = 0, sequence = 0, block = 0, starts[] = {0, 1};
    jn_batch batch{};
    batch.rows = batch.sequences = 1;
    batch.tokens = &token;
    batch.positions = &position;
    batch.row_sequences = &sequence;
    batch.blocks = &block;
    batch.block_starts = starts;
    for (const int32_t adapter : {-1, 4}) {
        batch.row_adapters = &adapter;
        test::check(jn_forward(engine.executor, engine.kv, &batch) == JN_BAD_ARGUMENT, "a row's adapter that is none");
    }
}
