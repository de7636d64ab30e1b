// One thread's products of each format, by that thread's processor time, which a busy machine disturbs less than the
// clock on the wall: decode (one row, weights from memory) in GB/s beside plain reading, and 2, 4, 16 and 96 rows (weights
// from the caches) in giga-operations a second beside the integer product's inner loop on registers; and packing. Not a test: it asserts nothing.
//   product_bench ISA [COLUMNS]
#include <time.h>

#include <algorithm>
#include <cstring>

#include "core/buffer.h"
#include "core/half.h"
#include "cpu/forms.h"
#include "cpu/kernels.h"
#include "tests/harness.h"
#include "tests/tables.h"

using namespace jesus;

namespace {

constexpr int64_t kWeightBytes = int64_t{96} << 20;  // far more than any cache
constexpr int kRowsMax = 96;
constexpr int kTries = 5;
// As model/forward_pass.h has them.
constexpr int kDealtGroups = 4;
constexpr int kDealtFloatGroups = 8;

double seconds() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The least of several tries.
template <class Work>
double least(Work work) {
    double best = 1e9;
    for (int i = 0; i < kTries; ++i) {
        const double start = seconds();
        work();
        best = std::min(best, seconds() - start);
    }
    return best;
}

double read_rate(const Buffer& memory) {
    volatile uint64_t keep = 0;
    const double time = least([&] {
        const uint64_t* words = reinterpret_cast<const uint64_t*>(memory.data());
        uint64_t sums[8] = {};
        for (size_t i = 0; i < memory.bytes() / 8; i += 8) {
            for (size_t k = 0; k < 8; ++k) {
                sums[k] ^= words[i + k];
            }
        }
        keep = sums[0] ^ sums[1] ^ sums[2] ^ sums[3] ^ sums[4] ^ sums[5] ^ sums[6] ^ sums[7];
    });
    return static_cast<double>(memory.bytes()) / time / 1e9;
}

// How fast rows as files store them become the kernels' layout, in GB of the file a second.
double pack_rate(Matrix& matrix) {
    const int64_t rows = std::min<int64_t>(matrix.rows, 1024), bytes = file_row_bytes(matrix.type, matrix.cols) * rows;
    Buffer file(static_cast<size_t>(bytes));
    std::memset(file.data(), 0x33, file.bytes());
    return static_cast<double>(bytes) / least([&] { pack_rows(matrix, 0, rows, file.data()); }) / 1e9;
}

void measure(const Kernels& kernels, const char* name, Type type, int64_t cols) {
    Matrix matrix = matrix_layout(type, kLanes, cols, kernels.q8);
    matrix.rows = kWeightBytes / matrix.group_bytes * kLanes;
    Buffer memory(static_cast<size_t>(matrix.bytes() + 8192));
    std::memset(memory.data(), 0x33, memory.bytes());  // finite in every format
    matrix.data = memory.data();
    const QuantLayout layout = quant_layout(cols, kernels.q8.element_bytes);
    const int64_t float_stride = apart(cols * 4) / 4, quant_stride = apart(layout.bytes);
    Buffer floats(static_cast<size_t>(float_stride * kRowsMax * 4)), quants(static_cast<size_t>(quant_stride * kRowsMax));
    Buffer out(static_cast<size_t>(matrix.rows * kRowsMax * 4));
    for (int row = 0; row < kRowsMax; ++row) {
        for (int64_t column = 0; column < cols; ++column) {
            floats.floats()[row * float_stride + column] = static_cast<float>((column * 7 + row * 3) % 255 - 127);
        }
        kernels.quantise(floats.floats() + row * float_stride, cols, {0, static_cast<int>(cols / kQ8Columns)}, quants.data() + row * quant_stride);
    }
    const auto run = [&](int rows, int groups) {
        return least([&] {
            matmul(kernels, {&matrix, {floats.floats(), float_stride, quants.data(), quant_stride}, rows, {0, groups}, out.floats(), matrix.rows, false});
        });
    };
    // As a pass deals groups to its threads.
    const int dealt = is_float(type) ? kDealtFloatGroups : kDealtGroups;
    const double decode = least([&] {
        for (int group = 0; group < matrix.groups(); group += dealt) {
            matmul(kernels, {&matrix, {floats.floats(), float_stride, quants.data(), quant_stride}, 1, {group, std::min(group + dealt, matrix.groups())},
                             out.floats(), matrix.rows, false});
        }
    });
    std::printf("%-8s decode %6.2f GB/s of %6.2f; rows", name, static_cast<double>(matrix.bytes()) / decode / 1e9, read_rate(memory));
    for (const int rows : {2, 4, 16, kRowsMax}) {
        const int groups = std::min(matrix.groups(), 64);
        const double operations = 2.0 * rows * static_cast<double>(groups * kLanes * cols);
        std::printf("  %d: %6.1f", rows, operations / run(rows, groups) / 1e9);
    }
    const double streamed = 2.0 * 16 * static_cast<double>(matrix.rows * cols) / run(16, matrix.groups()) / 1e9;
    std::printf(" Gop/s; 16 with weights from memory: %6.1f; packing %5.2f GB/s\n", streamed, pack_rate(matrix));
}

}  // namespace

int main(int argument_count, char** arguments) {
    const Kernels* kernels = argument_count > 1 ? table_under_test(arguments[1]) : nullptr;
    if (kernels == nullptr) {
        std::printf("usage: product_bench ISA [COLUMNS], with an ISA of this CPU\n");
        return 2;
    }
    const int64_t cols = argument_count > 2 ? std::atoll(arguments[2]) : 2048;
    const int64_t rounds = 20'000'000;
    double integer = 0, real = 0;
    const double integer_time = least([&] { integer = kernels->burn_int8(rounds); });
    const double real_time = least([&] { real = kernels->burn_fp32(rounds); });
    std::printf("%s, one thread: int8 %.1f, fp32 %.1f", kernels->name, integer / integer_time / 1e9, real / real_time / 1e9);
    if (kernels->burn_bf16 != nullptr) {
        double pairs = 0;
        const double pairs_time = least([&] { pairs = kernels->burn_bf16(rounds); });
        std::printf(", bf16 %.1f", pairs / pairs_time / 1e9);
    }
    std::printf(" Gop/s\n");
    const std::pair<const char*, Type> types[] = {
        {"F32", Type::F32},   {"F16", Type::F16},   {"BF16", Type::BF16}, {"Q8_0", Type::Q8_0}, {"Q4_0", Type::Q4_0},     {"Q4_1", Type::Q4_1},
        {"Q5_0", Type::Q5_0}, {"Q5_1", Type::Q5_1}, {"Q2_K", Type::Q2_K}, {"Q3_K", Type::Q3_K}, {"Q4_K", Type::Q4_K},     {"Q5_K", Type::Q5_K},
        {"Q6_K", Type::Q6_K}, {"IQ4_NL", Type::IQ4_NL}, {"IQ4_XS", Type::IQ4_XS}, {"MXFP4", Type::MXFP4}};
    for (const auto& [name, type] : types) {
        measure(*kernels, name, type, cols);
    }
    return 0;
}
