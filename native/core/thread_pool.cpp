#include "core/thread_pool.h"

#include <system_error>

namespace jesus {

namespace {

// About 50 us: longer than the gap between two phases or two decode steps, short beside a scheduler's time slice,
// so that a team larger than its free cores loses little before it sleeps.
constexpr int kSpins = 2000;

void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// Returns when the value is no longer `old`.
void wait_while(std::atomic<int32_t>& value, int32_t old) {
    for (int spin = 0; spin < kSpins; ++spin) {
        if (value.load(std::memory_order_acquire) != old) {
            return;
        }
        pause();
    }
    while (value.load(std::memory_order_acquire) == old) {
        value.wait(old, std::memory_order_acquire);
    }
}

}  // namespace

ThreadPool::ThreadPool(int threads) : threads_(threads) {
    try {
        for (int thread = 1; thread < threads; ++thread) {
            workers_.emplace_back([this, thread] { worker(thread); });
        }
    } catch (...) {
        stop();
        throw;
    }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
    stopping_.store(true, std::memory_order_relaxed);
    job_.fetch_add(1, std::memory_order_release);
    job_.notify_all();
    for (std::thread& worker : workers_) {
        worker.join();
    }
    workers_.clear();
}

void ThreadPool::run(Function function, void* context) {
    function_ = function;
    context_ = context;
    if (threads_ > 1) {
        job_.fetch_add(1, std::memory_order_release);
        job_.notify_all();
    }
    function(context, 0);
    barrier();
}

void ThreadPool::worker(int thread) {
    int32_t seen = 0;
    for (;;) {
        wait_while(job_, seen);
        seen = job_.load(std::memory_order_acquire);  // the next job waits for this thread's barrier
        if (stopping_.load(std::memory_order_relaxed)) {
            return;
        }
        function_(context_, thread);
        barrier();
    }
}

// The last to arrive resets the count and turns the phase; the others wait for the turn.
void ThreadPool::barrier() {
    if (threads_ == 1) {
        return;
    }
    const int32_t phase = phase_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == threads_ - 1) {
        arrived_.store(0, std::memory_order_relaxed);
        phase_.fetch_add(1, std::memory_order_release);
        phase_.notify_all();
        return;
    }
    wait_while(phase_, phase);
}

}  // namespace jesus
