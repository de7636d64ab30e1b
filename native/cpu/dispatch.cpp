// Chooses the table of kernels by cpuid, once. JESUS_ISA=generic|avx2|avx512 lowers the choice.
#include <cstdlib>
#include <cstring>

#include "cpu/kernels.h"
#include "jesus_native.h"

namespace jesus {

namespace {

bool cpu_has(int32_t isa) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (isa == JN_ISA_AVX2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    }
    if (isa == JN_ISA_AVX512) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni") && cpu_has(JN_ISA_AVX2);
    }
#endif
    return isa == JN_ISA_GENERIC;
}

const Kernels* table(int32_t isa) {
    switch (isa) {
        case JN_ISA_GENERIC: return generic_kernels();
        case JN_ISA_AVX2: return avx2_kernels();
        case JN_ISA_AVX512: return avx512_kernels();
        default: return nullptr;
    }
}

const Kernels* available(int32_t isa) { return table(isa) != nullptr && cpu_has(isa) ? table(isa) : nullptr; }

const Kernels* asked_for_by_environment() {
    const char* name = std::getenv("JESUS_ISA");
    for (int32_t isa = JN_ISA_GENERIC; name != nullptr && isa <= JN_ISA_AVX512; ++isa) {
        const Kernels* kernels = available(isa);
        if (kernels != nullptr && std::strcmp(kernels->name, name) == 0) {
            return kernels;
        }
    }
    return nullptr;
}

const Kernels* choose() {
    if (const Kernels* asked = asked_for_by_environment()) {
        return asked;
    }
    for (int32_t isa = JN_ISA_AVX512; isa > JN_ISA_GENERIC; --isa) {
        if (const Kernels* kernels = available(isa)) {
            return kernels;
        }
    }
    return generic_kernels();
}

}  // namespace

const Kernels* kernels_for(int32_t isa) {
    static const Kernels* const chosen = choose();
    return isa == JN_ISA_AUTO ? chosen : available(isa);
}

}  // namespace jesus
