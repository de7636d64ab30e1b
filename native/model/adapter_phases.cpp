// What LoRA adapters add in the phases of products: y += scale * up (down x), for the rows whose adapter it is.
//
// A first half needs the whole input row, a second half all of the first, and every part of the groups wants a second half: so first halves are dealt out before
// the parts (deal_adapted), parts are computed meanwhile, and by the time that a part comes to its second half the first is nearly always there. Both are the
// products of every other matrix, a chain an output in the order of the columns: neither runs, nor threads, nor other rows' adapters can change a bit.
#include "model/forward_pass.h"

namespace jesus {

namespace {

// Rows of a run: enough that an adapter's weights are read from the nearest cache for most of them, and few enough that every thread has some of a prefill's.
constexpr int kRunRows = 32;

void add_row(std::vector<AdapterRun>& runs, int row, int adapter) {
    if (adapter == 0) {
        return;
    }
    if (!runs.empty() && runs.back().adapter == adapter && runs.back().first_row + runs.back().rows == row && runs.back().rows < kRunRows) {
        runs.back().rows += 1;
        return;
    }
    runs.push_back({row, 1, adapter});
}

const LowRank* find(const LowRanks& adapters, int adapter) {
    if (static_cast<size_t>(adapter) > adapters.size()) {
        return nullptr;
    }
    const LowRank& found = adapters[static_cast<size_t>(adapter) - 1];
    return found.down.data != nullptr ? &found : nullptr;
}

}  // namespace

// After find_wanted.
void ForwardPass::make_runs() {
    e_.runs_.clear();
    e_.wanted_runs_.clear();
    e_.logit_runs_.clear();
    if (batch_.row_adapters == nullptr || e_.adapters() == 0) {
        return;
    }
    for (int row = 0; row < batch_.rows; ++row) {
        add_row(e_.runs_, row, batch_.row_adapters[row]);
        if (e_.kept_[row] >= 0) {
            add_row(e_.wanted_runs_, e_.kept_[row], batch_.row_adapters[row]);
        }
    }
    for (int i = 0; i < batch_.logit_row_count; ++i) {
        add_row(e_.logit_runs_, i, batch_.row_adapters[batch_.logit_rows[i]]);
    }
}

// A first half of one run: scale * down x, in the columns of the product's place.
void ForwardPass::narrow(const Adapted& product, int place, const AdapterRun& run) const {
    if (const LowRank* adapter = find(product.adapters, run.adapter); adapter != nullptr) {
        const int64_t columns = padded(adapter->down.rows);
        const Rows to{e_.narrow_.at(run.first_row) + place * padded(model_.adapters().rank_max()), e_.narrow_.stride};
        const Activations rows{product.input.at(run.first_row), product.input.stride, nullptr, 0};
        matmul(kernels_, {&adapter->down, rows, run.rows, {0, adapter->down.groups()}, to.data, to.stride, false});
        for (int row = 0; row < run.rows; ++row) {
            for (int64_t i = 0; i < columns; ++i) {
                to.at(row)[i] *= adapter->scale;
            }
        }
    }
    if (threads_ > 1) {
        e_.pool_.finish();
    }
}

// Second halves of some groups, for the rows first .. first + count - 1 (out's row 0 is row `first`); waits for the phase's first halves.
void ForwardPass::widen(const LowRanks& adapters, int place, int narrowed, const std::vector<AdapterRun>& runs, const Rows& out, Range groups, int first,
                        int count) const {
    if (narrowed == 0 || adapters.empty()) {
        return;
    }
    if (threads_ > 1) {
        e_.pool_.wait_finished(narrowed);
    }
    for (const AdapterRun& run : runs) {
        const int begin = std::max(run.first_row, first), end = std::min(run.first_row + run.rows, first + count);
        const LowRank* adapter = begin < end ? find(adapters, run.adapter) : nullptr;
        if (adapter != nullptr) {
            const float* from = e_.narrow_.at(begin) + place * padded(model_.adapters().rank_max());
            const Activations rows{from, e_.narrow_.stride, nullptr, 0};
            matmul(kernels_, {&adapter->up, rows, end - begin, groups, out.at(begin - first), out.stride, true});
        }
    }
}

}  // namespace jesus
