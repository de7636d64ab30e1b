// A file of its own, because only processors that have vdpbf16ps may run what is compiled for it.
#include "cpu/x86/avx512/matmul_bf16.h"

#include <bit>

#include "cpu/shared/matmul_float.h"
#include "cpu/x86/avx512/vec16.h"

namespace jesus::avx512 {

namespace {

// Pairs of bfloat16, rounded by the processor.
struct RoundedToPairs {
    using Element = uint32_t;
    static constexpr int kColumns = 2;
    static void row(const float* from, int count, uint32_t* to) {
        for (int i = 0; i < count; i += kLanes, from += kLanes, to += kLanes / 2) {
            const int left = count - i < kLanes ? count - i : kLanes;
            const __m512 floats = _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << left) - 1), from);
            _mm256_store_si256(reinterpret_cast<__m256i*>(to), std::bit_cast<__m256i>(_mm512_cvtneps_pbh(floats)));
        }
    }
};

struct NativePairForm {
    using Vec = Vec16;
    using Weights = PlainWeights<uint32_t, 2>;
    template <int Tokens>
    using Rows = RoundedRows<Tokens, RoundedToPairs>;
    using Mode = NoMode;
    static constexpr int kTokens = Vec16::kTokens;

    template <int Tokens, int Groups>
    static void add_columns(const uint32_t* const* w, const uint32_t* const* x, int columns, bool asks_ahead, __m512 (&sums)[Tokens][Groups]) {
        for (int64_t pair = 0; 2 * pair < columns; ++pair) {
            __m512bh weights[Groups];
            for (int g = 0; g < Groups; ++g) {
                if (asks_ahead) {
                    __builtin_prefetch(w[g] + pair * kLanes + Vec16::kFloatPrefetchAhead / 4, 0, 2);
                }
                weights[g] = std::bit_cast<__m512bh>(_mm512_loadu_si512(w[g] + pair * kLanes));
            }
            for (int t = 0; t < Tokens; ++t) {
                const __m512bh value = std::bit_cast<__m512bh>(_mm512_set1_epi32(static_cast<int32_t>(x[t][pair])));
                for (int g = 0; g < Groups; ++g) {
                    sums[t][g] = _mm512_dpbf16_ps(sums[t][g], weights[g], value);
                }
            }
        }
    }
};

}  // namespace

bool has_pair_product() { return __builtin_cpu_supports("avx512bf16"); }

void matmul_pairs(const Product& product) { matmul_chunks<NativePairForm>(product); }

double burn_bf16(int64_t rounds) {
    constexpr int kChains = 12;
    __m512 sums[kChains];
    for (__m512& sum : sums) {
        sum = _mm512_setzero_ps();
    }
    for (int64_t round = 0; round < rounds; ++round) {
        const __m512bh w = std::bit_cast<__m512bh>(_mm512_set1_epi32(static_cast<int32_t>(round)));
        for (__m512& sum : sums) {
            sum = _mm512_dpbf16_ps(sum, w, w);
        }
    }
    volatile float keep = 0;
    for (__m512& sum : sums) {
        keep = _mm512_cvtss_f32(sum);
    }
    (void)keep;
    return static_cast<double>(rounds) * kChains * 32 * 2;
}

}  // namespace jesus::avx512
