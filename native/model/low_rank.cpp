#include "model/low_rank.h"

#include <algorithm>
#include <cmath>

namespace jesus {

namespace {

bool type_valid(int32_t type) { return type == JN_TYPE_F32 || type == JN_TYPE_F16 || type == JN_TYPE_BF16; }

bool same_place(const jn_low_rank& a, const jn_low_rank& b) { return a.adapter == b.adapter && a.slot == b.slot && a.layer == b.layer; }

jn_status validate(const jn_low_rank* parts, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        const jn_low_rank& part = parts[i];
        if (part.adapter < 1 || part.rank < 1 || !std::isfinite(part.scale) || part.reserved != 0 ||
            std::any_of(parts, parts + i, [&](const jn_low_rank& other) { return same_place(part, other); })) {
            return JN_BAD_ARGUMENT;
        }
        if (part.adapter > JN_ADAPTERS_MAX || part.rank > JN_RANK_MAX) {
            return JN_LIMIT;
        }
        if (!type_valid(part.down_type) || !type_valid(part.up_type)) {
            return JN_UNSUPPORTED_TYPE;
        }
    }
    return JN_OK;
}

}  // namespace

jn_status AdapterMemory::reserve(const jn_low_rank* parts, int32_t count, const std::vector<Size>& sizes, const std::vector<LowRanks*>& places) {
    if (const jn_status status = validate(parts, count); status != JN_OK) {
        return status;
    }
    int64_t bytes = 0;
    std::vector<int64_t> offsets;
    std::vector<Side> sides;
    const auto add = [&](int32_t type, int64_t rows, int64_t cols) {
        sides.push_back({matrix_layout(static_cast<Type>(type), rows, cols, {}), std::make_unique<std::atomic<int64_t>>(0)});
        offsets.push_back(bytes);
        bytes += round_up(sides.back().matrix.bytes(), 64);
    };
    for (int32_t i = 0; i < count; ++i) {
        add(parts[i].down_type, parts[i].rank, sizes[static_cast<size_t>(i)].cols);
        add(parts[i].up_type, sizes[static_cast<size_t>(i)].rows, parts[i].rank);
    }
    arena_ = Buffer(static_cast<size_t>(bytes));
    for (size_t i = 0; i < sides.size(); ++i) {
        sides[i].matrix.data = arena_.data() + offsets[i];
    }
    for (int32_t i = 0; i < count; ++i) {
        const size_t side = static_cast<size_t>(i) * 2;
        LowRanks& place = *places[static_cast<size_t>(i)];
        place.resize(std::max(place.size(), static_cast<size_t>(parts[i].adapter)));
        place[static_cast<size_t>(parts[i].adapter) - 1] = {sides[side].matrix, sides[side + 1].matrix, parts[i].scale};
        count_ = std::max(count_, parts[i].adapter);
        rank_max_ = std::max(rank_max_, parts[i].rank);
    }
    sides_ = std::move(sides);
    return JN_OK;
}

jn_status AdapterMemory::load(int32_t index, int32_t side, int64_t first_row, int64_t rows, const void* data, uint64_t bytes) {
    if (index < 0 || side < 0 || side > 1 || static_cast<size_t>(index) * 2 >= sides_.size() || data == nullptr) {
        return JN_BAD_ARGUMENT;
    }
    Side& to = sides_[static_cast<size_t>(index) * 2 + static_cast<size_t>(side)];
    if (first_row < 0 || rows < 1 || first_row > to.matrix.rows - rows || bytes != static_cast<uint64_t>(rows * file_row_bytes(to.matrix.type, to.matrix.cols))) {
        return JN_BAD_ARGUMENT;
    }
    pack_rows(to.matrix, first_row, rows, static_cast<const uint8_t*>(data));
    to.loaded->fetch_add(rows, std::memory_order_release);
    return JN_OK;
}

bool AdapterMemory::complete() const {
    return std::all_of(sides_.begin(), sides_.end(), [](const Side& side) { return side.loaded->load(std::memory_order_acquire) == side.matrix.rows; });
}

}  // namespace jesus
