#include "model/batch_check.h"

namespace jesus {

namespace {

bool table_valid(const KvPool& kv, const jn_batch& batch, int32_t row) {
    const int32_t sequence = batch.row_sequences[row];
    const int64_t begin = batch.block_starts[sequence], end = batch.block_starts[sequence + 1];
    const int32_t last = batch.positions[row] / kLanes;
    if (begin < 0 || end - begin <= last) {
        return false;
    }
    for (int64_t i = begin; i <= begin + last; ++i) {
        if (batch.blocks[i] < 0 || batch.blocks[i] >= kv.blocks()) {
            return false;
        }
    }
    return true;
}

bool wanted_valid(int32_t count, const int32_t* rows, const float* out, int32_t batch_rows) {
    if (count < 0 || count > batch_rows || (count > 0 && (rows == nullptr || out == nullptr))) {
        return false;
    }
    for (int32_t i = 0; i < count; ++i) {
        if (rows[i] < 0 || rows[i] >= batch_rows) {
            return false;
        }
    }
    return true;
}

bool header_valid(const jn_shape& s, const KvPool* kv, const jn_batch& b) {
    if (b.rows < 1 || b.sequences < 1 || b.sequences > b.rows || !b.tokens || !b.positions || !b.row_sequences) {
        return false;
    }
    return s.causal == 0 || (kv != nullptr && kv->fits(s) && b.blocks != nullptr && b.block_starts != nullptr);
}

// A row starts a sequence, or follows the row before by one position. Encoders see whole sequences only.
bool row_follows(const jn_shape& s, const jn_batch& b, int32_t row) {
    const bool starts = s.causal == 1 || b.positions[row] == 0;
    if (row == 0) {
        return b.row_sequences[0] >= 0 && starts;
    }
    const int32_t step = b.row_sequences[row] - b.row_sequences[row - 1];
    return (step > 0 && starts) || (step == 0 && b.positions[row] == b.positions[row - 1] + 1);
}

bool row_valid(const jn_shape& s, int32_t adapters, const jn_batch& b, int32_t row) {
    const int32_t type = b.token_types != nullptr ? b.token_types[row] : 0;
    const int32_t adapter = b.row_adapters != nullptr ? b.row_adapters[row] : 0;
    return b.tokens[row] >= 0 && b.tokens[row] < s.vocab && b.positions[row] >= 0 && b.positions[row] < s.context &&
           b.row_sequences[row] < b.sequences && row_follows(s, b, row) && (type == 0 || (type > 0 && type < s.token_types)) &&
           adapter >= 0 && adapter <= adapters;
}

}  // namespace

jn_status validate_batch(const jn_shape& s, int32_t adapters, const KvPool* kv, const jn_batch& b, int32_t max_rows) {
    if (!header_valid(s, kv, b) || (b.logit_row_count > 0 && b.logits_stride < padded(s.vocab))) {
        return JN_BAD_ARGUMENT;
    }
    if (b.rows > max_rows) {
        return JN_LIMIT;
    }
    for (int32_t row = 0; row < b.rows; ++row) {
        if (!row_valid(s, adapters, b, row)) {
            return JN_BAD_ARGUMENT;
        }
        const bool last = row + 1 == b.rows || b.row_sequences[row + 1] != b.row_sequences[row];
        if (last && s.causal == 1 && !table_valid(*kv, b, row)) {
            return JN_BAD_ARGUMENT;
        }
    }
    const bool wanted = wanted_valid(b.logit_row_count, b.logit_rows, b.logits, b.rows) && wanted_valid(b.hidden_row_count, b.hidden_rows, b.hidden, b.rows);
    return wanted ? JN_OK : JN_BAD_ARGUMENT;
}

}  // namespace jesus
