// The check of everything that jn_forward is told.
#pragma once

#include "jesus_native.h"
#include "model/kv_pool.h"

namespace jesus {

// JN_OK when the batch is consistent and fits. adapters: the highest that a row may have. kv is null only for an encoder.
jn_status validate_batch(const jn_shape& shape, int32_t adapters, const KvPool* kv, const jn_batch& batch, int32_t max_rows);

}  // namespace jesus
