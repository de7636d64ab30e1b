// The C ABI: checks of pointers and sizes, and the fence that no exception passes.
#include "jesus_native.h"

#include <memory>
#include <new>
#include <system_error>

#include "cpu/kernels.h"
#include "model/batch_check.h"
#include "model/executor.h"
#include "model/kv_pool.h"
#include "model/model.h"
#include "model/probe.h"
#include "model/shape.h"

struct jn_model {
    jesus::Model model;
};
struct jn_kv {
    jesus::KvPool pool;
};
struct jn_executor {
    const jn_model* model;
    jesus::Executor executor;
};

namespace {

template <class Work>
jn_status guarded(Work work) {
    try {
        return work();
    } catch (const std::bad_alloc&) {
        return JN_OUT_OF_MEMORY;
    } catch (const std::system_error&) {
        return JN_OUT_OF_MEMORY;
    } catch (...) {
        return JN_INTERNAL;
    }
}

// Whether this model's keys and values can be kept so.
bool kv_fits(const jesus::Model& model, int32_t type) {
    return jesus::kv_type_known(type) && jesus::kv_type_fits(static_cast<jesus::KvType>(type), model.shape().head_dim);
}

jn_status batch_valid(const jn_executor* executor, const jn_kv* kv, const jn_batch* batch) {
    if (executor == nullptr || batch == nullptr) {
        return JN_BAD_ARGUMENT;
    }
    const jesus::Executor& e = executor->executor;
    return jesus::validate_batch(e.model().shape(), e.adapters(), kv == nullptr ? nullptr : &kv->pool, *batch, e.max_rows());
}

}  // namespace

int32_t jn_abi_version(void) { return JN_ABI_VERSION; }
const char* jn_numerics(void) { return JN_NUMERICS; }

const char* jn_status_text(jn_status status) {
    switch (status) {
        case JN_OK: return "ok";
        case JN_BAD_ARGUMENT: return "bad argument";
        case JN_OUT_OF_MEMORY: return "out of memory";
        case JN_UNSUPPORTED_ISA: return "instruction set not available on this CPU";
        case JN_UNSUPPORTED_TYPE: return "tensor type not supported";
        case JN_LIMIT: return "over a limit given at creation";
        case JN_INCOMPLETE: return "model incomplete";
        case JN_INTERNAL: return "internal error";
        default: return "unknown status";
    }
}

int32_t jn_isa_detect(void) { return jesus::kernels_for(JN_ISA_AUTO)->isa; }
int32_t jn_isa_available(int32_t isa) { return isa != JN_ISA_AUTO && jesus::kernels_for(isa) != nullptr ? 1 : 0; }

const char* jn_isa_name(int32_t isa) {
    switch (isa) {
        case JN_ISA_GENERIC: return "generic";
        case JN_ISA_AVX2: return "avx2";
        case JN_ISA_AVX512: return "avx512";
        default: return "unknown";
    }
}

jn_status jn_model_create(const jn_shape* shape, const jn_layer* layers, const jn_rope* ropes, const jn_tensor* tensors, int32_t tensor_count,
                          int32_t isa, jn_model** out) {
    return guarded([&]() -> jn_status {
        if (shape == nullptr || out == nullptr) {
            return JN_BAD_ARGUMENT;
        }
        const jesus::Kernels* kernels = jesus::kernels_for(isa);
        if (kernels == nullptr) {
            return JN_UNSUPPORTED_ISA;
        }
        if (const jn_status status = jesus::validate_model(*shape, layers, ropes, tensors, tensor_count); status != JN_OK) {
            return status;
        }
        *out = new jn_model{jesus::Model(*shape, layers, ropes, tensors, tensor_count, *kernels)};
        return JN_OK;
    });
}

jn_status jn_model_load(jn_model* model, int32_t index, int64_t first_row, int64_t rows, const void* data, uint64_t bytes) {
    return model == nullptr ? JN_BAD_ARGUMENT : model->model.load(index, first_row, rows, data, bytes);
}

jn_status jn_model_adapt(jn_model* model, const jn_low_rank* parts, int32_t count) {
    return guarded([&]() -> jn_status { return model == nullptr ? JN_BAD_ARGUMENT : model->model.adapt(parts, count); });
}

jn_status jn_adapter_load(jn_model* model, int32_t index, int32_t side, int64_t first_row, int64_t rows, const void* data, uint64_t bytes) {
    return model == nullptr ? JN_BAD_ARGUMENT : model->model.load_adapter(index, side, first_row, rows, data, bytes);
}

uint64_t jn_adapter_bytes(const jn_model* model) { return model == nullptr ? 0 : model->model.adapters().bytes(); }

jn_status jn_model_check(const jn_model* model) {
    return model == nullptr ? JN_BAD_ARGUMENT : model->model.complete() ? JN_OK : JN_INCOMPLETE;
}

int32_t jn_model_isa(const jn_model* model) { return model == nullptr ? JN_ISA_AUTO : model->model.kernels().isa; }
uint64_t jn_model_bytes(const jn_model* model) { return model == nullptr ? 0 : model->model.bytes(); }
void jn_model_destroy(jn_model* model) { delete model; }

uint64_t jn_kv_block_bytes(const jn_model* model, int32_t type) {
    return model == nullptr || !kv_fits(model->model, type)
               ? 0
               : static_cast<uint64_t>(jesus::KvPool::block_bytes(model->model.shape(), static_cast<jesus::KvType>(type)));
}

jn_status jn_kv_create(const jn_model* model, int32_t type, int32_t blocks, jn_kv** out) {
    return guarded([&]() -> jn_status {
        if (model == nullptr || out == nullptr || blocks < 1) {
            return JN_BAD_ARGUMENT;
        }
        if (!kv_fits(model->model, type)) {
            return JN_UNSUPPORTED_TYPE;
        }
        *out = new jn_kv{jesus::KvPool(model->model.shape(), static_cast<jesus::KvType>(type), blocks)};
        return JN_OK;
    });
}

void jn_kv_destroy(jn_kv* kv) { delete kv; }

jn_status jn_executor_create(const jn_model* model, int32_t threads, int32_t max_rows, jn_executor** out) {
    return guarded([&]() -> jn_status {
        if (model == nullptr || out == nullptr || threads < 1 || max_rows < 1) {
            return JN_BAD_ARGUMENT;
        }
        if (threads > jesus::ThreadPool::kMaxThreads || max_rows > jesus::Executor::kRowsMax) {
            return JN_LIMIT;
        }
        if (!model->model.complete()) {
            return JN_INCOMPLETE;
        }
        *out = new jn_executor{model, jesus::Executor(model->model, threads, max_rows)};
        return JN_OK;
    });
}

jn_status jn_forward(jn_executor* executor, jn_kv* kv, const jn_batch* batch) {
    return guarded([&]() -> jn_status {
        if (const jn_status status = batch_valid(executor, kv, batch); status != JN_OK) {
            return status;
        }
        executor->executor.forward(kv == nullptr ? nullptr : &kv->pool, *batch);
        return JN_OK;
    });
}

jn_status jn_find_not_finite(jn_executor* executor, jn_kv* kv, const jn_batch* batch, int32_t sequence, int32_t* layer) {
    return guarded([&]() -> jn_status {
        if (const jn_status status = batch_valid(executor, kv, batch); status != JN_OK) {
            return status;
        }
        if (layer == nullptr || sequence < 0 || sequence >= batch->sequences) {
            return JN_BAD_ARGUMENT;
        }
        *layer = executor->executor.find_not_finite(kv == nullptr ? nullptr : &kv->pool, *batch, sequence);
        return JN_OK;
    });
}

uint64_t jn_executor_bytes(const jn_executor* executor) { return executor == nullptr ? 0 : executor->executor.bytes(); }
void jn_executor_destroy(jn_executor* executor) { delete executor; }

jn_status jn_softmax(float* values, int32_t n) {
    if (values == nullptr || n < 1) {
        return JN_BAD_ARGUMENT;
    }
    jesus::kernels_for(JN_ISA_AUTO)->softmax(values, n);
    return JN_OK;
}

jn_status jn_probe(int32_t isa, int32_t threads, uint64_t bytes, int32_t repeats, jn_probe_result* out) {
    return guarded([&]() -> jn_status {
        const jesus::Kernels* kernels = jesus::kernels_for(isa);
        if (kernels == nullptr) {
            return JN_UNSUPPORTED_ISA;
        }
        if (out == nullptr || threads < 1 || threads > jesus::ThreadPool::kMaxThreads || bytes < 4096 || repeats < 1) {
            return JN_BAD_ARGUMENT;
        }
        *out = jesus::probe(*kernels, threads, bytes, repeats);
        return JN_OK;
    });
}
