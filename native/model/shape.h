// What a model may be: the slots of the graph, their sizes, and the check of everything that jn_model_create is told.
#pragma once

#include "jesus_native.h"

namespace jesus {

struct SlotFacts {
    bool vector;  // one F32 row, read as it is
    bool layer;   // once for each layer
    bool expert;  // once for each expert of a layer
};

// slot within 0 .. JN_SLOT_COUNT - 1.
SlotFacts slot_facts(int32_t slot);

// JN_OK when the shape and the tensors can be held and computed.
jn_status validate_model(const jn_shape& shape, const jn_layer* layers, const jn_rope* ropes, const jn_tensor* tensors, int32_t count);

}  // namespace jesus
