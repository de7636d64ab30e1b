// Sixteen-bit floats, angles, the thread pool.
#include <immintrin.h>

#include <atomic>
#include <cmath>
#include <cstring>

#include "core/half.h"
#include "core/thread_pool.h"
#include "core/types.h"
#include "jesus_native.h"
#include "model/angles.h"
#include "tests/harness.h"

using namespace jesus;

namespace {

__attribute__((target("f16c"))) float hardware_float(uint16_t half) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half))); }
__attribute__((target("f16c"))) uint16_t hardware_half(float value) {
    return static_cast<uint16_t>(_mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(value), _MM_FROUND_TO_NEAREST_INT)));
}

void need_f16c() {
    if (!__builtin_cpu_supports("f16c")) {
        throw test::Skipped("this CPU has no F16C to compare with");
    }
}

}  // namespace

TEST(every_half_widens_as_the_cpu_widens_it) {
    need_f16c();
    for (uint32_t half = 0; half < 65536; ++half) {
        const float ours = float_from_half(static_cast<uint16_t>(half)), theirs = hardware_float(static_cast<uint16_t>(half));
        test::check(std::memcmp(&ours, &theirs, 4) == 0, "half " + std::to_string(half));
    }
}

TEST(floats_narrow_to_halves_as_the_cpu_narrows_them) {
    need_f16c();
    for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 4093) {
        const float value = std::bit_cast<float>(static_cast<uint32_t>(bits));
        test::check(half_from_float(value) == hardware_half(value), "bits " + std::to_string(bits));
    }
    for (const float value : {65504.0f, 65519.0f, 65520.0f, 6.1e-5f, 5.96e-8f, 2.98e-8f, 2.99e-8f, 0.0f, -0.0f}) {
        test::check(half_from_float(value) == hardware_half(value), std::to_string(value));
    }
}

TEST(cosines_and_sines_are_right_to_the_last_bit_of_a_float) {
    test::Random random;
    for (int i = 0; i < 200000; ++i) {
        const double angle = std::fabs(static_cast<double>(random.real(1))) * std::pow(10.0, random.below(7) - 1);
        const CosSin turn = cos_sin(angle);
        test::check(std::fabs(static_cast<double>(turn.cosine) - std::cos(angle)) < 6.1e-8, "cos " + std::to_string(angle));
        test::check(std::fabs(static_cast<double>(turn.sine) - std::sin(angle)) < 6.1e-8, "sin " + std::to_string(angle));
    }
}

TEST(shares_cover_everything_once) {
    for (int count = 0; count < 40; ++count) {
        for (int threads = 1; threads < 9; ++threads) {
            int next = 0;
            for (int thread = 0; thread < threads; ++thread) {
                const Range range = share(count, thread, threads);
                test::check(range.begin == next && range.end >= range.begin, "gap");
                next = range.end;
            }
            test::check(next == count, "end");
        }
    }
}

TEST(no_thread_passes_a_barrier_before_all_have_come) {
    for (const int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        std::atomic<int> arrived{0};
        std::atomic<bool> early{false};
        auto work = [&](int) {
            for (int round = 1; round <= 200; ++round) {
                arrived.fetch_add(1);
                pool.barrier();
                if (arrived.load() < round * threads) {
                    early = true;
                }
                pool.barrier();
            }
        };
        for (int repeat = 0; repeat < 5; ++repeat) {
            arrived = 0;
            pool.run(work);
            test::check(arrived.load() == 200 * threads, "a thread did not run");
        }
        test::check(!early.load(), "a thread passed early");
    }
}

TEST(sleeping_threads_wake_for_the_next_job) {
    ThreadPool pool(3);
    for (int repeat = 0; repeat < 3; ++repeat) {
        std::atomic<int> ran{0};
        auto work = [&](int) { ran.fetch_add(1); };
        pool.run(work);
        test::check(ran.load() == 3, "a thread slept on");
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

int main(int argument_count, char** arguments) { return test::run(argument_count, arguments); }
