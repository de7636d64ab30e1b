// Phases 8 to 14 of a layer with experts. Only chosen experts' weights are read, each once for all rows that chose it.
//
//   8 router's scores    9 experts of each row    10 slots, expert by expert    11 gather what they read
//   12 gate, up, activation    13 quantise    14 down; the weighted sum is taken when the block is closed, by rank
//
// A shared expert goes through 12 to 14 beside them, for all rows.
#include <algorithm>
#include <cstring>

#include "model/forward_pass.h"

namespace jesus {

namespace {

// Batches up to this many rows are sorted by one thread: a few microseconds, less than the barriers would take.
constexpr int kSortedAlone = 4;

}  // namespace

void ForwardPass::feed_experts(const Layer& layer, int thread) {
    score_experts(layer);
    barrier();
    const bool alone = rows_ <= kSortedAlone;
    const Range rows = alone ? Range{0, thread == 0 ? rows_ : 0} : rows_of(thread);
    for (int row = rows.begin; row < rows.end; ++row) {
        choose_experts(row);
    }
    if (!alone) {
        barrier();
    }
    if (thread == 0) {
        group_by_expert();
    }
    if (!alone) {
        barrier();
    }
    const int slots = rows_ * shape_.experts_used;
    const Range own = alone ? Range{0, thread == 0 ? slots : 0} : share(slots, thread, threads_);
    for (int slot = own.begin; slot < own.end; ++slot) {
        gather(layer, slot);
    }
    barrier();
    experts_gate_up(layer);
    barrier();
    quantise_experts(layer, thread);
    experts_down(layer);
}

void ForwardPass::score_experts(const Layer& layer) {
    const int groups = layer.router.groups();
    const bool shared = layer.shared_router.data != nullptr;
    deal(groups + (shared ? 1 : 0), 1, [&](Range dealt) {
        const Range own{dealt.begin, std::min(dealt.end, groups)};
        if (own.begin < own.end) {
            multiply_part(layer.router, layer.router_bias, e_.normed_, e_.experts_.scores, false, own);
        }
        if (dealt.end > groups) {
            multiply_part(layer.shared_router, nullptr, e_.normed_, e_.experts_.shared_scores, false, {0, 1});
        }
    });
}

// The highest scores, the lower expert first where they are equal; their softmax as the shape says.
void ForwardPass::choose_experts(int row) {
    const int used = shape_.experts_used;
    float* scores = e_.experts_.scores.at(row);
    int32_t* chosen = e_.experts_.chosen + static_cast<int64_t>(row) * used;
    float* weights = e_.experts_.weights + static_cast<int64_t>(row) * used;
    if (shape_.gating != JN_GATING_TOP_SOFTMAX) {
        kernels_.softmax(scores, shape_.experts);
    }
    for (int rank = 0; rank < used; ++rank) {
        int best = -1;
        for (int expert = 0; expert < shape_.experts; ++expert) {
            bool taken = false;
            for (int i = 0; i < rank; ++i) {
                taken |= chosen[i] == expert;
            }
            if (!taken && (best < 0 || scores[expert] > scores[best])) {
                best = expert;
            }
        }
        chosen[rank] = best;
        weights[rank] = scores[best];
    }
    float sum = 1;
    if (shape_.gating == JN_GATING_TOP_SOFTMAX) {
        kernels_.softmax(weights, used);
    } else if (shape_.gating == JN_GATING_SOFTMAX_TOP_NORMALISED) {
        sum = 0;
        for (int rank = 0; rank < used; ++rank) {
            sum += weights[rank];
        }
    }
    for (int rank = 0; rank < used; ++rank) {
        weights[rank] = weights[rank] / sum * shape_.expert_scale;
    }
}

// Counts, then deals slots: of each expert the rows in order.
void ForwardPass::group_by_expert() {
    const ExpertWork& work = e_.experts_;
    const int entries = rows_ * shape_.experts_used;
    std::memset(work.starts, 0, static_cast<size_t>(shape_.experts + 1) * sizeof(int32_t));
    for (int i = 0; i < entries; ++i) {
        work.starts[work.chosen[i] + 1] += 1;
    }
    for (int expert = 0; expert < shape_.experts; ++expert) {
        work.starts[expert + 1] += work.starts[expert];
    }
    for (int i = 0; i < entries; ++i) {
        const int32_t slot = work.starts[work.chosen[i]]++;
        work.slots[i] = slot;
        work.slot_rows[slot] = i / shape_.experts_used;
    }
    for (int expert = shape_.experts; expert > 0; --expert) {  // each start has moved to the next one's
        work.starts[expert] = work.starts[expert - 1];
    }
    work.starts[0] = 0;
    *work.active_count = 0;
    for (int expert = 0; expert < shape_.experts; ++expert) {
        if (work.starts[expert + 1] > work.starts[expert]) {
            work.active[(*work.active_count)++] = expert;
        }
    }
}

void ForwardPass::gather(const Layer& layer, int slot) {
    const ExpertWork& work = e_.experts_;
    const int row = work.slot_rows[slot];
    if (quantised(layer.experts[0].gate) || quantised(layer.experts[0].up)) {
        const int64_t bytes = quant_layout(shape_.width, kernels_.q8.element_bytes).bytes;
        std::memcpy(work.quants.at(slot), e_.quants_.at(row), static_cast<size_t>(bytes));
    }
    if (!quantised(layer.experts[0].gate) || !quantised(layer.experts[0].up)) {
        std::memcpy(work.rows.at(slot), e_.normed_.at(row), row_bytes());
    }
}

// Deals the groups of all experts that have slots, then the shared expert's: expert(index, groups), shared(groups).
template <class Expert, class Shared>
void ForwardPass::deal_experts(int groups, int shared_groups, Expert expert, Shared shared) {
    const ExpertWork& work = e_.experts_;
    const int parts = (groups + kDealtGroups - 1) / kDealtGroups;
    const auto part_of = [](int index, int count) { return Range{index * kDealtGroups, std::min((index + 1) * kDealtGroups, count)}; };
    const int expert_parts = *work.active_count * parts, shared_parts = (shared_groups + kDealtGroups - 1) / kDealtGroups;
    deal(expert_parts + shared_parts, 1, [&](Range dealt) {
        for (int i = dealt.begin; i < dealt.end; ++i) {
            if (i < expert_parts) {
                expert(work.active[i / parts], part_of(i % parts, groups));
            } else {
                shared(part_of(i - expert_parts, shared_groups));
            }
        }
    });
}

void ForwardPass::experts_gate_up(const Layer& layer) {
    const Activations input{e_.normed_.data, e_.normed_.stride, e_.quants_.data, e_.quants_.stride};
    deal_experts(
        layer.experts[0].up.groups(), layer.has_shared() ? layer.shared.up.groups() : 0,
        [&](int expert, Range groups) { expert_gate_up(layer, expert, groups); },
        [&](Range groups) { gate_up(layer.shared, input, rows_, e_.gate_, e_.up_, groups); });
}

void ForwardPass::expert_gate_up(const Layer& layer, int expert, Range groups) const {
    const ExpertWork& work = e_.experts_;
    const int first = work.starts[expert], count = work.starts[expert + 1] - first;
    const Activations input{work.rows.at(first), work.rows.stride, work.quants.at(first), work.quants.stride};
    gate_up(layer.experts[static_cast<size_t>(expert)], input, count, {work.gate.at(first), work.gate.stride}, {work.up.at(first), work.up.stride}, groups);
}

void ForwardPass::quantise_experts(const Layer& layer, int thread) {
    const ExpertWork& work = e_.experts_;
    const Matrix& down = layer.experts[0].down;
    if (quantised(down)) {
        const Range blocks = share(down.blocks(), thread, threads_);
        for (int slot = 0; slot < rows_ * shape_.experts_used; ++slot) {
            kernels_.quantise(work.gate.at(slot), down.cols, blocks, work.quants.at(slot));
        }
    }
    if (layer.has_shared()) {
        quantise_rows(e_.gate_, layer.shared.down, thread);
    }
    if (quantised(down) && !(layer.has_shared() && quantised(layer.shared.down))) {
        barrier();
    }
}

void ForwardPass::experts_down(const Layer& layer) {
    deal_experts(
        layer.experts[0].down.groups(), layer.has_shared() ? layer.shared.down.groups() : 0,
        [&](int expert, Range groups) { expert_down(layer, expert, groups); },
        [&](Range groups) { multiply_part(layer.shared.down, layer.shared.down_bias, e_.gate_, e_.branch_, false, groups); });
}

void ForwardPass::expert_down(const Layer& layer, int expert, Range groups) const {
    const ExpertWork& work = e_.experts_;
    const FeedForward& ffn = layer.experts[static_cast<size_t>(expert)];
    const int first = work.starts[expert], count = work.starts[expert + 1] - first;
    const Activations input{work.gate.at(first), work.gate.stride, work.quants.at(first), work.quants.stride};
    matmul(kernels_, {&ffn.down, input, count, groups, work.rows.at(first), work.rows.stride, false});
    for (int slot = first; slot < first + count && ffn.down_bias != nullptr; ++slot) {
        add_row(ffn.down_bias + groups.begin * kLanes, work.rows.at(slot) + groups.begin * kLanes, (groups.end - groups.begin) * kLanes);
    }
}

// branch = the experts' weighted sum in the order of their ranks, then the shared expert's.
void ForwardPass::mix_experts(const Layer& layer, int row) {
    const ExpertWork& work = e_.experts_;
    const int64_t first = static_cast<int64_t>(row) * shape_.experts_used;
    float* __restrict branch = e_.branch_.at(row);
    float shared[2] = {1, 0};
    if (layer.shared_router.data != nullptr) {  // sigmoid(x) is the first of softmax(x, 0)
        shared[0] = work.shared_scores.at(row)[0];
        kernels_.softmax(shared, 2);
    }
    float* __restrict sum = e_.normed_.at(row);  // free until the norm that follows
    std::memset(sum, 0, row_bytes());
    for (int rank = 0; rank < shape_.experts_used; ++rank) {
        const float weight = work.weights[first + rank];
        const float* __restrict from = work.rows.at(work.slots[first + rank]);
        for (int64_t i = 0; i < padded(shape_.width); ++i) {
            sum[i] += weight * from[i];
        }
    }
    for (int64_t i = 0; i < padded(shape_.width); ++i) {
        branch[i] = layer.has_shared() ? sum[i] + shared[0] * branch[i] : sum[i];
    }
}

}  // namespace jesus
