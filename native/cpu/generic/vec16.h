// Sixteen floats in plain C++: the definition of what every instruction set must compute.
// max and min answer their second operand when either is NaN, as x86 does.
#pragma once

#include <bit>
#include <cstring>

#include "core/half.h"
#include "core/types.h"

namespace jesus::generic {

struct Vec16 {
    struct Reg {
        float lane[kLanes];
    };

    static constexpr int kTokens = 4;      // tile of the float products
    static constexpr int kTileGroups = 1;
    static constexpr int kGroups = 1;
    static constexpr int kFloatPrefetchAhead = 0;
    static constexpr int kQueries = 4;     // tile of attention
    static constexpr int kQuantBytes = 1;  // quantised activations are int8

    template <class F>
    static Reg each(F f) {
        Reg r;
        for (int i = 0; i < kLanes; ++i) {
            r.lane[i] = f(i);
        }
        return r;
    }

    static Reg zero() { return set(0.0f); }
    static Reg set(float x) {
        return each([&](int) { return x; });
    }
    static Reg load(const float* from) {
        return each([&](int i) { return from[i]; });
    }
    static void store(float* to, Reg x) { std::memcpy(to, x.lane, sizeof x.lane); }
    static Reg load_half(const uint16_t* from) {
        return each([&](int i) { return float_from_half(from[i]); });
    }
    // The odd or the even column of pairs of bfloat16, the even ones in the low halves.
    static Reg load_odd(const uint32_t* pairs) {
        return each([&](int i) { return std::bit_cast<float>(pairs[i] & 0xffff0000u); });
    }
    static Reg load_even(const uint32_t* pairs) {
        return each([&](int i) { return std::bit_cast<float>(pairs[i] << 16); });
    }
    // Signed bytes.
    static Reg load_bytes(const int8_t* from) {
        return each([&](int i) { return static_cast<float>(from[i]); });
    }
    static void store_half(uint16_t* to, Reg x) {
        for (int i = 0; i < kLanes; ++i) {
            to[i] = half_from_float(x.lane[i]);
        }
    }
    // Integer-valued lanes within -127..127, kQuantBytes each.
    static void store_quants(uint8_t* to, Reg x) {
        for (int i = 0; i < kLanes; ++i) {
            to[i] = static_cast<uint8_t>(static_cast<int8_t>(x.lane[i]));
        }
    }

    // The same, a byte each.
    static void store_bytes(int8_t* to, Reg x) {
        for (int i = 0; i < kLanes; ++i) {
            to[i] = static_cast<int8_t>(x.lane[i]);
        }
    }

    static Reg add(Reg a, Reg b) {
        return each([&](int i) { return a.lane[i] + b.lane[i]; });
    }
    static Reg sub(Reg a, Reg b) {
        return each([&](int i) { return a.lane[i] - b.lane[i]; });
    }
    static Reg mul(Reg a, Reg b) {
        return each([&](int i) { return a.lane[i] * b.lane[i]; });
    }
    static Reg div(Reg a, Reg b) {
        return each([&](int i) { return a.lane[i] / b.lane[i]; });
    }
    // a * b + c, rounded once.
    static Reg fma(Reg a, Reg b, Reg c) {
        return each([&](int i) { return __builtin_fmaf(a.lane[i], b.lane[i], c.lane[i]); });
    }
    static Reg max(Reg a, Reg b) {
        return each([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
    }
    static Reg min(Reg a, Reg b) {
        return each([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
    }
    static Reg abs(Reg a) {
        return each([&](int i) { return std::bit_cast<float>(std::bit_cast<uint32_t>(a.lane[i]) & 0x7fffffffu); });
    }
    // To the nearest integer, ties to even, for |x| < 2^22: adding 1.5 * 2^23 leaves no bits for a fraction.
    static Reg round(Reg a) {
        return each([&](int i) { return (a.lane[i] + 12582912.0f) - 12582912.0f; });
    }
    // 2^n for integer-valued n in -126 .. 127.
    static Reg exp2i(Reg n) {
        return each([&](int i) { return std::bit_cast<float>(static_cast<uint32_t>(static_cast<int32_t>(n.lane[i]) + 127) << 23); });
    }
    // a < b ? x : y
    static Reg select_less(Reg a, Reg b, Reg x, Reg y) {
        return each([&](int i) { return a.lane[i] < b.lane[i] ? x.lane[i] : y.lane[i]; });
    }
    // Lanes 0 .. count - 1 of a, `other` in the rest.
    static Reg keep_first(Reg a, int count, float other) {
        return each([&](int i) { return i < count ? a.lane[i] : other; });
    }

    // The fixed tree: lane i with lane i + 8, then + 4, + 2, + 1.
    static float sum(Reg a) {
        for (int half = kLanes / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; ++i) {
                a.lane[i] = a.lane[i] + a.lane[i + half];
            }
        }
        return a.lane[0];
    }
    static float highest(Reg a) {
        for (int half = kLanes / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; ++i) {
                a.lane[i] = a.lane[i] > a.lane[i + half] ? a.lane[i] : a.lane[i + half];
            }
        }
        return a.lane[0];
    }
};

}  // namespace jesus::generic
