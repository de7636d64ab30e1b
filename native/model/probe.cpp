#include "model/probe.h"

#include <chrono>
#include <vector>

#include "core/buffer.h"
#include "core/thread_pool.h"

namespace jesus {

namespace {

// Rounds of the burning loops: a few milliseconds.
constexpr int64_t kBurnRounds = 1 << 20;

template <class Work>
double seconds(ThreadPool& pool, Work work) {
    const auto start = std::chrono::steady_clock::now();
    pool.run(work);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Adds up 64-bit words in four chains; compilers make wide loads of it and nothing hides the reading.
uint64_t read_all(const uint64_t* words, size_t count) {
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (size_t i = 0; i + 32 <= count; i += 32) {
        for (size_t j = 0; j < 8; ++j) {
            a += words[i + j];
            b += words[i + 8 + j];
            c += words[i + 16 + j];
            d += words[i + 24 + j];
        }
    }
    return a + b + c + d;
}

}  // namespace

jn_probe_result probe(const Kernels& kernels, int32_t threads, uint64_t bytes, int32_t repeats) {
    ThreadPool pool(threads);
    const size_t words = bytes / 8 / 32 * 32;
    Buffer buffer(words * 8 * static_cast<size_t>(threads));
    std::vector<uint64_t> sums(static_cast<size_t>(threads) * 8);
    std::vector<double> operations(static_cast<size_t>(threads) * 8);
    uint64_t* data = reinterpret_cast<uint64_t*>(buffer.data());
    const auto touch = [&](int thread) {
        for (size_t i = 0; i < words; ++i) {
            data[words * static_cast<size_t>(thread) + i] = i;
        }
    };
    seconds(pool, touch);

    jn_probe_result best{};
    const auto keep_best = [](double& value, double candidate) { value = candidate > value ? candidate : value; };
    for (int32_t repeat = 0; repeat < repeats; ++repeat) {
        const double reading = seconds(pool, [&](int thread) {
            sums[static_cast<size_t>(thread) * 8] += read_all(data + words * static_cast<size_t>(thread), words);
        });
        keep_best(best.read_gb_per_second, static_cast<double>(buffer.bytes()) / reading / 1e9);
        const double int8 = seconds(pool, [&](int thread) { operations[static_cast<size_t>(thread) * 8] = kernels.burn_int8(kBurnRounds); });
        keep_best(best.int8_tops, operations[0] * threads / int8 / 1e12);
        const double fp32 = seconds(pool, [&](int thread) { operations[static_cast<size_t>(thread) * 8] = kernels.burn_fp32(kBurnRounds); });
        keep_best(best.fp32_tflops, operations[0] * threads / fp32 / 1e12);
        if (kernels.burn_bf16 != nullptr) {
            const double bf16 = seconds(pool, [&](int thread) { operations[static_cast<size_t>(thread) * 8] = kernels.burn_bf16(kBurnRounds); });
            keep_best(best.bf16_tflops, operations[0] * threads / bf16 / 1e12);
        }
    }
    return best;
}

}  // namespace jesus
