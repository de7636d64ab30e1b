// The table of kernels written over V.
#pragma once

#include "cpu/shared/activations.h"
#include "cpu/shared/attention.h"
#include "cpu/shared/kv_write.h"
#include "cpu/shared/rows.h"

namespace jesus {

template <class V>
constexpr RowKernels row_kernels() {
    return {
        rms_norm_row<V>, layer_norm_row<V>, rope_head<V>,          softmax_row<V>, soft_cap_row<V>, swiglu_row<V>,
        geglu_row<V>,    swiglu_limited_row<V>, gelu_row<V>, attend_rows<V>, write_kv_head<V>,
    };
}

}  // namespace jesus
