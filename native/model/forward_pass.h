// One forward pass: the phases of the llama graph, each split over the threads, with a barrier between them.
//
//   embed
//   per layer   1 norm (and quantise)      2 query, key, value       3 rotate, store into the cache
//               4 attend                   5 quantise                6 attention output, added to the residual
//               7 norm (and quantise)      8 gate, up, SwiGLU        9 quantise      10 down, added to the residual
//   last        11 norm of the rows that want logits                 12 logits
#pragma once

#include "model/executor.h"

namespace jesus {

class ForwardPass {
public:
    // threads: all of the executor's, or 1.
    ForwardPass(Executor& executor, KvPool& kv, const jn_batch& batch, int threads);
    void operator()(int thread);

private:
    void embed(int thread);
    void run_layer(int layer, int thread);
    void norm(const float* weight, bool quantise, int thread);
    void project_qkv(const Layer& layer, int thread);
    void rotate_and_store(int layer, int thread);
    void rotate(float* heads, int count, const float* table) const;
    void attend(int layer, int thread);
    void attend_tile(int layer, const RowTile& tile, int kv_head, int thread);
    void gate_up(const Layer& layer, int thread);
    void quantise_rows(const float* rows, int64_t stride, const Matrix& weights, int thread);
    void multiply(const Matrix& weights, const float* input, int64_t input_stride, float* out, int64_t out_stride, bool add, int thread);
    void final_norm(int thread);
    void logits(int thread);

    void make_tiles();
    Range rows_of(int thread) const { return share(batch_.rows, thread, threads_); }
    void barrier() {
        if (threads_ > 1) {
            e_.pool_.barrier();
        }
    }

    Executor& e_;
    KvPool& kv_;
    const jn_batch& batch_;
    const Model& model_;
    const Kernels& kernels_;
    const jn_shape& shape_;
    const int threads_;
};

}  // namespace jesus
