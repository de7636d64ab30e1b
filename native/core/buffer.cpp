#include "core/buffer.h"

#include <sys/mman.h>

#include <new>
#include <utility>

#include "core/types.h"

namespace jesus {

namespace {
constexpr size_t kHugePage = size_t{2} << 20;
}

Buffer::Buffer(size_t bytes) : bytes_(bytes) {
    const bool huge = bytes >= 2 * kHugePage;
    mapped_bytes_ = huge ? static_cast<size_t>(round_up(static_cast<int64_t>(bytes), kHugePage)) + kHugePage
                         : static_cast<size_t>(round_up(static_cast<int64_t>(bytes ? bytes : 1), 4096));
    mapping_ = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping_ == MAP_FAILED) {
        mapping_ = nullptr;
        throw std::bad_alloc();
    }
    uintptr_t start = reinterpret_cast<uintptr_t>(mapping_);
    if (huge) {
        start = (start + kHugePage - 1) / kHugePage * kHugePage;
        // Advice only: without huge pages the library is slower, not wrong.
        (void)madvise(reinterpret_cast<void*>(start), mapped_bytes_ - kHugePage, MADV_HUGEPAGE);
    }
    data_ = reinterpret_cast<uint8_t*>(start);
}

Buffer::~Buffer() {
    if (mapping_ != nullptr) {
        munmap(mapping_, mapped_bytes_);
    }
}

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(mapping_, other.mapping_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    return *this;
}

}  // namespace jesus
