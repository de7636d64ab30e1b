// A fixed team of threads that runs one function at a time on all of them, with a barrier inside.
// The caller of run() is thread 0. Waiting spins for a bounded time, then sleeps in the kernel.
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

private:
    using Function = void (*)(void* context, int thread);
    void run(Function function, void* context);
    void worker(int thread);
    void stop();

    const int threads_;
    std::vector<std::thread> workers_;
    Function function_ = nullptr;
    void* context_ = nullptr;
    alignas(64) std::atomic<int32_t> job_{0};
    alignas(64) std::atomic<int32_t> arrived_{0};
    alignas(64) std::atomic<int32_t> phase_{0};
    std::atomic<bool> stopping_{false};
};

}  // namespace jesus
