// Products with coded weights in plain C++: what the other machines are tested against.
#pragma once

#include "cpu/codes.h"
#include "cpu/shared/matmul_coded.h"

namespace jesus::generic {

struct CodedMachine {
    struct Wide {
        int16_t weights[kLanes][kBlockColumns];  // value(code) - offset
        float scale[kLanes];
        int parts[2][kLanes];
        float least[2][kLanes];
    };
    static constexpr int kQuantBytes = 1;
    static constexpr int tokens(Type) { return 4; }

    template <Type T>
    static void expand(const uint8_t* group, int block, int count, Wide* wide) {
        constexpr Form form = form_of(T);
        constexpr int record_blocks = form.record_columns() / kBlockColumns;
        Codes codes;
        for (int i = 0; i < count; ++i) {
            const uint8_t* record = group + (block + i) / record_blocks * form.record_bytes();
            const int within = (block + i) % record_blocks;
            unpack_codes(form.bits, record + form.codes_at() + within * form.code_bytes(), codes);
            for (int lane = 0; lane < kLanes; ++lane) {
                expand_row(form, record, within, lane, codes.of[lane], wide[i]);
            }
        }
    }

    template <Type T, int Tokens>
    static void tile(const Wide* wide, int count, const QuantBlock* const* x, float* sums) {
        constexpr Form form = form_of(T);
        for (int token = 0; token < Tokens; ++token) {
            for (int i = 0; i < count; ++i) {
                for (int lane = 0; lane < kLanes; ++lane) {
                    multiply_row(form, wide[i], lane, x[token][i], sums[token * kLanes + lane]);
                }
            }
        }
    }

private:
    static void expand_row(const Form& form, const uint8_t* record, int block, int lane, const uint8_t* codes, Wide& wide) {
        for (int i = 0; i < kBlockColumns; ++i) {
            const int value = form.table == Table::None ? codes[i] : table_values(form.table)[codes[i]];
            wide.weights[lane][i] = static_cast<int16_t>(value - form.offset);
        }
        const int parts = form.parts_per_block();
        wide.scale[lane] = coded_scale(form, record, lane);
        for (int part = 0; part < parts; ++part) {
            wide.parts[part][lane] = coded_part(form, record, block * parts + part, lane);
            wide.least[part][lane] = form.least ? coded_least(form, record, block * parts + part, lane) : 0.0f;
        }
        if (parts == 1) {
            wide.scale[lane] *= static_cast<float>(wide.parts[0][lane]);
        }
    }

    static void multiply_row(const Form& form, const Wide& wide, int lane, const QuantBlock& x, float& sum) {
        const int parts = form.parts_per_block();
        int32_t dots[2] = {};
        for (int i = 0; i < kBlockColumns; ++i) {
            dots[i / form.part] += wide.weights[lane][i] * x.quants[i];
        }
        const int32_t dot = parts == 1 ? dots[0] : dots[0] * wide.parts[0][lane] + dots[1] * wide.parts[1][lane];
        sum = __builtin_fmaf(static_cast<float>(dot), wide.scale[lane] * x.scale, sum);
        for (int part = 0; part < parts && form.least; ++part) {
            sum = __builtin_fmaf(parts == 1 ? x.total : x.half_totals[part], wide.least[part][lane], sum);
        }
    }
};

}  // namespace jesus::generic
