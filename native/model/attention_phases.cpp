// Phases 1 to 6 of a layer: norm, query, key and value, heads, attention, its output.
#include <algorithm>
#include <cstring>

#include "model/forward_pass.h"

namespace jesus {

// Tiles of neighbouring rows of one sequence, as many as share one widened chunk of keys and values.
void ForwardPass::make_tiles() {
    const int group = shape_.heads / shape_.kv_heads;
    const int rows_max = std::max(1, kAttendQueriesMax / group);
    e_.tiles_.clear();
    for (int row = 0; row < batch_.rows; ++row) {
        const bool joins = !e_.tiles_.empty() && e_.tiles_.back().sequence == batch_.row_sequences[row] && e_.tiles_.back().rows < rows_max;
        if (joins) {
            e_.tiles_.back().rows += 1;
        } else {
            e_.tiles_.push_back({row, 1, batch_.row_sequences[row]});
        }
        e_.last_[row] = last_seen(row);
    }
    while (static_cast<int>(e_.tiles_.size()) * shape_.kv_heads * head_parts_ < threads_ && head_parts_ < group) {
        head_parts_ = std::min(2 * head_parts_, group);
    }
}

// A causal row sees up to itself, an encoder's up to the end of its sequence.
int32_t ForwardPass::last_seen(int row) const {
    int last = row;
    while (!model_.causal() && last + 1 < batch_.rows && batch_.row_sequences[last + 1] == batch_.row_sequences[row]) {
        ++last;
    }
    return batch_.positions[last];
}

const int32_t* ForwardPass::table_of(int sequence) const {
    return model_.causal() ? batch_.blocks + batch_.block_starts[sequence]
                           : e_.encoder_blocks_.data() + e_.encoder_starts_[static_cast<size_t>(sequence)];
}

void ForwardPass::begin_attention(int index, int thread) {
    const Layer& layer = model_.layer(index);
    const bool quantise = quantised(layer.query) || quantised(layer.key) || quantised(layer.value);
    const Range rows = rows_of(thread);
    for (int row = rows.begin; row < rows.end; ++row) {
        if (index > 0) {
            close_ffn(index - 1, row);
        }
        float* out = e_.normed_.at(row);
        if (layer.attention_norm) {
            norm_row(layer.attention_norm, e_.residual_.at(row), out, shape_.width);
        } else {
            std::memcpy(out, e_.residual_.at(row), row_bytes());
        }
        if (quantise) {
            quantise_row(out, shape_.width, e_.quants_.at(row));
        }
    }
}

// The groups of all three stand in one row, to be dealt out together.
void ForwardPass::project_qkv(const Layer& layer) {
    const struct {
        const Matrix& weights;
        const float* bias;
        const LowRanks& adapters;
        const Rows& out;
    } products[] = {{layer.query, layer.query_bias, layer.query_adapters, e_.query_},
                    {layer.key, layer.key_bias, layer.key_adapters, e_.key_},
                    {layer.value, layer.value_bias, layer.value_adapters, e_.value_}};
    const int all = layer.query.groups() + layer.key.groups() + layer.value.groups();
    const std::initializer_list<Adapted> adapted = {{layer.query_adapters, e_.normed_}, {layer.key_adapters, e_.normed_}, {layer.value_adapters, e_.normed_}};
    deal_adapted(adapted, *runs_, all, [&](Range dealt, int narrowed) {
        int first = 0, place = 0;
        for (const auto& product : products) {
            const int count = product.weights.groups();
            const Range groups{std::max(dealt.begin - first, 0), std::min(dealt.end - first, count)};
            if (groups.begin < groups.end) {
                multiply_part(product.weights, product.bias, e_.normed_, product.out, false, groups);
                widen(product.adapters, place, narrowed, *runs_, product.out, groups, 0, rows_);
            }
            first += count;
            ++place;
        }
    });
}

void ForwardPass::rotate_and_store(int index, int thread) {
    const Layer& layer = model_.layer(index);
    const Range rows = rows_of(thread);
    for (int row = rows.begin; row < rows.end; ++row) {
        float* keys = e_.key_.at(row);
        prepare_heads(layer, layer.query_norm, e_.query_.at(row), shape_.heads, row, e_.scratch_.at(thread));
        prepare_heads(layer, layer.key_norm, keys, shape_.kv_heads, row, e_.scratch_.at(thread));
        const int32_t position = batch_.positions[row];
        const int32_t block = table_of(batch_.row_sequences[row])[position / kLanes];
        kv_.write(kernels_, model_.causal() ? index : 0, block, position % kLanes, keys, e_.value_.at(row));
    }
}

// Norm and rotation of each head. The norm wants a row of its own, padded with zeros, which a head among others is not.
void ForwardPass::prepare_heads(const Layer& layer, const Norm& norm, float* heads, int count, int row, float* scratch) const {
    const int dims = shape_.head_dim;
    for (int head = 0; head < count && norm; ++head) {
        std::memset(scratch, 0, static_cast<size_t>(padded(dims)) * sizeof(float));
        std::memcpy(scratch, heads + head * dims, static_cast<size_t>(dims) * sizeof(float));
        norm_row(norm, scratch, scratch, dims);
        std::memcpy(heads + head * dims, scratch, static_cast<size_t>(dims) * sizeof(float));
    }
    if (layer.rope < 0) {
        return;
    }
    const float* table = e_.angles_.at(row) + e_.rope_offsets_[static_cast<size_t>(layer.rope)];
    for (int head = 0; head < count; ++head) {
        kernels_.rope(heads + head * dims, table, model_.ropes()[static_cast<size_t>(layer.rope)].pairs(), shape_.rope_style == JN_ROPE_HALVES);
    }
}

// From the last tile on, because later tiles of a prefill see more keys than earlier ones, and the short ones fill what is left.
void ForwardPass::attend(int layer, int thread) {
    const int per_tile = shape_.kv_heads * head_parts_;
    const int items = static_cast<int>(e_.tiles_.size()) * per_tile;
    deal(items, 1, [&](Range dealt) {
        for (int i = dealt.begin; i < dealt.end; ++i) {
            const int item = items - 1 - i, within = item % per_tile;
            const Range heads = share(shape_.heads / shape_.kv_heads, within % head_parts_, head_parts_);
            attend_tile(layer, e_.tiles_[static_cast<size_t>(item / per_tile)], within / head_parts_, heads, thread);
        }
    });
}

// heads: of those that share the KV head.
void ForwardPass::attend_tile(int index, const RowTile& tile, int kv_head, Range heads, int thread) {
    const Layer& layer = model_.layer(index);
    const int first_head = kv_head * (shape_.heads / shape_.kv_heads) + heads.begin;
    Attend work{};
    work.queries = e_.query_.at(tile.first_row) + first_head * shape_.head_dim;
    work.query_stride = e_.query_.stride;
    work.out = e_.attended_.at(tile.first_row) + first_head * shape_.head_dim;
    work.out_stride = e_.attended_.stride;
    work.last = e_.last_ + tile.first_row;
    work.rows = tile.rows;
    work.heads = heads.end - heads.begin;
    work.head_dim = shape_.head_dim;
    work.window = layer.window;
    work.scale = model_.attention_scale();
    work.soft_cap = shape_.attention_soft_cap;
    work.sinks = layer.sinks != nullptr ? layer.sinks + first_head : nullptr;
    work.kv = kv_.layout();
    work.head = kv_.head(model_.causal() ? index : 0, kv_head);
    work.block_bytes = kv_.stride();
    work.block_table = table_of(tile.sequence);
    work.scratch = e_.scratch_.at(thread);
    kernels_.attend(work);
}

void ForwardPass::attention_output(const Layer& layer, int thread) {
    const bool at_once = adds_at_once(layer.attention_post_norm);
    quantise_rows(e_.attended_, layer.attention_output, thread);
    multiply(layer.attention_output, layer.attention_output_bias, layer.attention_output_adapters, e_.attended_, at_once ? e_.residual_ : e_.branch_, at_once);
}

}  // namespace jesus
