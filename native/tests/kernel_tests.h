// What the tests of kernels share: the table under test beside generic, random rows, and comparison bit for bit.
#pragma once

#include <cstring>

#include "cpu/kernels.h"
#include "tests/harness.h"

extern const jesus::Kernels* tested;
inline const jesus::Kernels& generic() { return *jesus::generic_kernels(); }

inline std::vector<float> floats(test::Random& random, int64_t count, float range = 1) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) {
        value = random.real(range);
    }
    return values;
}

inline void same_bits(const float* expected, const float* actual, int64_t count, const std::string& what) {
    for (int64_t i = 0; i < count; ++i) {
        if (std::memcmp(expected + i, actual + i, 4) != 0) {
            test::check(false, what + ": at " + std::to_string(i) + " generic has " + std::to_string(expected[i]) + ", " + tested->name + " " +
                                   std::to_string(actual[i]));
        }
    }
}
