// Whole forward passes through the C ABI: the same bits whatever the instruction set, threads, batch and chunks;
// and every refusal.
#include "tests/model_tests.h"

namespace {

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
