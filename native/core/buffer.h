// Owned, zeroed, 64-byte aligned memory; large buffers come in huge pages where the system gives them, because
// streaming gigabytes of weights through 4 KB pages costs a tenth of the bandwidth in page walks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace jesus {

class Buffer {
public:
    Buffer() = default;
    // Throws std::bad_alloc.
    explicit Buffer(size_t bytes);
    ~Buffer();
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&& other) noexcept;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    uint8_t* data() const { return data_; }
    float* floats() const { return reinterpret_cast<float*>(data_); }
    size_t bytes() const { return bytes_; }

private:
    uint8_t* data_ = nullptr;
    size_t bytes_ = 0;
    void* mapping_ = nullptr;
    size_t mapped_bytes_ = 0;
};

}  // namespace jesus
