// A test is a function registered by name; one process runs one test, so that CTest counts each.
//   kernel_tests ISA NAME      exit status 0 passed, 1 failed, 77 skipped
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace test {

struct Skipped : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Case {
    const char* name;
    void (*run)();
};

inline std::vector<Case>& cases() {
    static std::vector<Case> all;
    return all;
}

struct Register {
    Register(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

#define TEST(name)                                  \
    static void name();                             \
    static const test::Register register_##name(#name, name); \
    static void name()

inline void check(bool condition, const std::string& what) {
    if (!condition) {
        throw std::runtime_error(what);
    }
}

// splitmix64. JN_SEED replays a failure; the seed is printed by every run.
class Random {
public:
    explicit Random(uint64_t salt = 0) : state_(seed() + salt * 0x9e3779b97f4a7c15u) {}
    static uint64_t seed() {
        static const uint64_t value = std::getenv("JN_SEED") != nullptr ? std::strtoull(std::getenv("JN_SEED"), nullptr, 10) : 20261122;
        return value;
    }
    uint64_t next() {
        uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    int below(int bound) { return static_cast<int>(next() % static_cast<uint64_t>(bound)); }
    // Uniform in -range .. range.
    float real(float range = 1) { return (static_cast<float>(next() >> 40) / 8388608.0f - 1.0f) * range; }

private:
    uint64_t state_;
};

int run(int argument_count, char** arguments);

}  // namespace test
