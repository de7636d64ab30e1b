#include "tests/tables.h"

#include <cstring>

#include "jesus_native.h"

const jesus::Kernels* table_under_test(const char* isa) {
    for (int32_t i = JN_ISA_GENERIC; i <= JN_ISA_AVX512; ++i) {
        if (std::strcmp(jn_isa_name(i), isa) == 0) {
            return jesus::kernels_for(i);
        }
    }
    return nullptr;
}
