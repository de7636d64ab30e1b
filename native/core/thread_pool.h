// A fixed team of threads that runs one function at a time on all of them, with a barrier inside.
// The caller of run() is thread 0. Waiting spins for a bounded time, then sleeps in the kernel.
//
// Where the process may use as many cores as the team has threads, each worker stays on a core of its own, so that none is moved in the middle of a
// phase for which all others wait. Teams of one process take neighbouring cores in turn. JESUS_PIN=0 leaves all threads to the scheduler.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace jesus {

class ThreadPool {
public:
    static constexpr int kMaxThreads = 256;

    // Throws std::system_error when a thread cannot be started.
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int threads() const { return threads_; }

    // Calls work(thread) on every thread and returns when all have returned. work must not throw.
    template <class Work>
    void run(Work& work) {
        run([](void* context, int thread) { (*static_cast<Work*>(context))(thread); }, &work);
    }

    // Inside run(): returns when every thread of the team has come here.
    void barrier();

    // Inside run(): the next `count` items of the work between two barriers, as their first's index. Whoever is free takes the next, so that a thread
    // whose core is slower, or busy with something else, does not keep the others waiting.
    int claim(int count) { return claimed_.fetch_add(count, std::memory_order_relaxed); }

    // Inside run(): one piece of the work between two barriers is there whose result others wait for.
    void finish() { finished_.fetch_add(1, std::memory_order_release); }
    // Inside run(): returns when `count` pieces are there, with what their threads wrote. For pieces that were claimed before anything that waits for them, so
    // that every one is being computed by then: a wait is shorter than a piece.
    void wait_finished(int count) const;

private:
    using Function = void (*)(void* context, int thread);
    void run(Function function, void* context);
    void worker(int thread);
    void stop();
    void choose_cores();
    bool caller_is_in_the_way() const;

    const int threads_;
    std::vector<std::thread> workers_;
    std::vector<int> cores_;  // of each thread; empty: not pinned
    Function function_ = nullptr;
    void* context_ = nullptr;
    alignas(64) std::atomic<int32_t> job_{0};
    alignas(64) std::atomic<int32_t> arrived_{0};
    alignas(64) std::atomic<int32_t> phase_{0};
    alignas(64) std::atomic<int32_t> claimed_{0};
    alignas(64) std::atomic<int32_t> finished_{0};
    std::atomic<bool> stopping_{false};
};

}  // namespace jesus
