// Sixteen-bit floats, angles, the thread pool.
#include <immintrin.h>
#include <sched.h>

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

TEST(every_item_is_claimed_once_in_each_phase) {
    for (const int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        std::vector<std::atomic<int>> claims(1000);
        auto work = [&](int) {
            for (int phase = 0; phase < 20; ++phase) {
                for (int item = pool.claim(3); item < 1000; item = pool.claim(3)) {
                    for (int i = item; i < item + 3 && i < 1000; ++i) {
                        claims[static_cast<size_t>(i)].fetch_add(1);
                    }
                }
                pool.barrier();
            }
        };
        pool.run(work);
        for (const std::atomic<int>& count : claims) {
            test::check(count.load() == 20, std::to_string(count.load()) + " claims with " + std::to_string(threads) + " threads");
        }
    }
}

TEST(workers_stay_on_cores_of_their_own_and_the_caller_is_left_as_it_was) {
    cpu_set_t before, after;
    test::check(sched_getaffinity(0, sizeof before, &before) == 0, "affinity");
    const int threads = CPU_COUNT(&before);
    if (threads < 2 || threads > ThreadPool::kMaxThreads || std::getenv("JESUS_PIN") != nullptr) {
        throw test::Skipped("needs two cores, and JESUS_PIN not set");
    }
    ThreadPool pool(threads);
    std::vector<int> allowed(static_cast<size_t>(threads), -1), cores(static_cast<size_t>(threads), -1);
    auto work = [&](int thread) {
        cpu_set_t set;
        (void)sched_getaffinity(0, sizeof set, &set);
        allowed[static_cast<size_t>(thread)] = CPU_COUNT(&set);
        cores[static_cast<size_t>(thread)] = sched_getcpu();
        pool.barrier();
    };
    pool.run(work);
    for (size_t thread = 1; thread < cores.size(); ++thread) {
        test::check(allowed[thread] == 1, "a worker may run on several cores");
        for (size_t other = 1; other < thread; ++other) {
            test::check(cores[thread] != cores[other], "two workers share a core");
        }
    }
    test::check(sched_getaffinity(0, sizeof after, &after) == 0 && CPU_EQUAL(&before, &after), "the caller's cores changed");
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
