#include "core/thread_pool.h"

#include <sched.h>

#include <cstdlib>
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

// The cores that this process may use, of the first 1,024 (what the system's fixed-size set holds).
std::vector<int> allowed_cores() {
    std::vector<int> cores;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int core = 0; core < CPU_SETSIZE; ++core) {
            if (CPU_ISSET(core, &set)) {
                cores.push_back(core);
            }
        }
    }
    return cores;
}

// Best effort: a refusal leaves the thread to the scheduler.
void stay_on(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

bool pinning_forbidden() {
    const char* value = std::getenv("JESUS_PIN");
    return value != nullptr && value[0] == '0' && value[1] == 0;
}

}  // namespace

ThreadPool::ThreadPool(int threads) : threads_(threads) {
    choose_cores();
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

void ThreadPool::choose_cores() {
    static std::atomic<unsigned> next{0};
    const std::vector<int> allowed = allowed_cores();
    if (threads_ == 1 || static_cast<size_t>(threads_) > allowed.size() || pinning_forbidden()) {
        return;
    }
    const unsigned first = next.fetch_add(static_cast<unsigned>(threads_), std::memory_order_relaxed);
    for (int thread = 0; thread < threads_; ++thread) {
        cores_.push_back(allowed[(first + static_cast<unsigned>(thread)) % allowed.size()]);
    }
}

// On a worker's core, where that worker could not move away.
bool ThreadPool::caller_is_in_the_way() const {
    const int core = cores_.empty() ? -1 : sched_getcpu();
    for (size_t thread = 1; thread < cores_.size(); ++thread) {
        if (cores_[thread] == core) {
            return true;
        }
    }
    return false;
}

void ThreadPool::run(Function function, void* context) {
    function_ = function;
    context_ = context;
    // The caller is not ours to pin: it goes to its core for this run, and may go anywhere again afterwards.
    cpu_set_t before;
    const bool moves = caller_is_in_the_way() && sched_getaffinity(0, sizeof before, &before) == 0;
    if (moves) {
        stay_on(cores_[0]);
    }
    if (threads_ > 1) {
        job_.fetch_add(1, std::memory_order_release);
        job_.notify_all();
    }
    function(context, 0);
    barrier();
    if (moves) {
        (void)sched_setaffinity(0, sizeof before, &before);
    }
}

void ThreadPool::worker(int thread) {
    if (!cores_.empty()) {
        stay_on(cores_[static_cast<size_t>(thread)]);
    }
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

void ThreadPool::wait_finished(int count) const {
    for (int spin = 0; finished_.load(std::memory_order_acquire) < count; ++spin) {
        if (spin < kSpins) {
            pause();
        } else {
            std::this_thread::yield();  // the thread that computes it has lost its core
        }
    }
}

// The last to arrive resets the counts and turns the phase; the others wait for the turn.
void ThreadPool::barrier() {
    if (threads_ == 1) {
        claimed_.store(0, std::memory_order_relaxed);
        finished_.store(0, std::memory_order_relaxed);
        return;
    }
    const int32_t phase = phase_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == threads_ - 1) {
        arrived_.store(0, std::memory_order_relaxed);
        claimed_.store(0, std::memory_order_relaxed);
        finished_.store(0, std::memory_order_relaxed);
        phase_.fetch_add(1, std::memory_order_release);
        phase_.notify_all();
        return;
    }
    wait_while(phase_, phase);
}

}  // namespace jesus
