// A processor mode in which subnormal numbers, read or computed, are zeros.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace jesus {

// While it lives, on the thread that made it. Compilers may move arithmetic past it: what it is for belongs into functions that are not inlined.
// On other processors than x86 it does nothing: sums below 1.2e-38 may have other bits there.
class SubnormalsAreZero {
public:
#if defined(__x86_64__)
    SubnormalsAreZero() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | kFlushResults | kFlushOperands); }
    ~SubnormalsAreZero() { _mm_setcsr(saved_); }
    SubnormalsAreZero(const SubnormalsAreZero&) = delete;
    SubnormalsAreZero& operator=(const SubnormalsAreZero&) = delete;

private:
    static constexpr unsigned kFlushResults = 0x8000, kFlushOperands = 0x0040;
    const unsigned saved_;
#endif
};

}  // namespace jesus
