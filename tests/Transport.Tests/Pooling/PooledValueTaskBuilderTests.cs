using System.Runtime.CompilerServices;
using Jesus.Tests.Faults;
using Jesus.Transport.Pooling;

namespace Jesus.Transport.Tests.Pooling;

[Collection(Alone.Name)]
public sealed class PooledValueTaskBuilderTests
{
    private static readonly AsyncLocal<int> Flowing = new();

    [Fact]
    public async Task Results_and_failures_come_out_whether_the_method_waits_or_not()
    {
        foreach (var waits in new[] { false, true })
        {
            Assert.Equal(3, await AddAsync(1, 2, waits));
            var failed = await Assert.ThrowsAsync<InvalidOperationException>(async () => await FailAsync(waits));
            Assert.Equal("broken", failed.Message);
            await NothingAsync(waits);
        }
    }

    [Fact]
    public async Task A_thousand_methods_at_once_each_keep_their_own_state()
    {
        for (var round = 0; round < 5; round++)
        {
            var sums = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(i => AddAsync(i, round, waits: true).AsTask()));
            Assert.Equal(Enumerable.Range(0, 1_000).Select(i => i + round), sums);
        }
    }

    [Fact]
    public async Task What_flows_with_the_caller_is_seen_after_a_wait_and_changes_do_not_leak_out()
    {
        Flowing.Value = 7;
        Assert.Equal(7, await ReadAndChangeAsync(9));
        Assert.Equal(7, Flowing.Value);
    }

    [Fact]
    public void Sixty_four_at_once_allocate_nothing_once_they_have_been_so_many()
    {
        Alone.SkipUnlessOptimised(typeof(PooledValueTaskBuilder));
        var gate = new Gate();
        var tasks = new ValueTask<int>[64];
        Repeat(gate, tasks, 50);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Repeat(gate, tasks, 100);
        var each = (GC.GetAllocatedBytesForCurrentThread() - before) / 6_400.0;
        Assert.InRange(each, 0, 8);
    }

    private static void Repeat(Gate gate, ValueTask<int>[] tasks, int times)
    {
        for (var n = 0; n < times; n++)
        {
            for (var i = 0; i < tasks.Length; i++)
            {
                tasks[i] = ThroughAsync(gate, i);
            }

            gate.Open();
            for (var i = 0; i < tasks.Length; i++)
            {
                Assert.True(tasks[i].IsCompleted);
                _ = tasks[i].GetAwaiter().GetResult();
            }
        }
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private static async ValueTask<int> ThroughAsync(Gate gate, int value)
    {
        await gate;
        return value;
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private static async ValueTask<int> AddAsync(int a, int b, bool waits)
    {
        await NothingAsync(waits);
        return a + b;
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private static async ValueTask<int> FailAsync(bool waits)
    {
        await NothingAsync(waits);
        throw new InvalidOperationException("broken");
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    private static async ValueTask NothingAsync(bool waits)
    {
        if (waits)
        {
            await Task.Yield();
            await Task.Delay(1);
        }
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    private static async ValueTask<int> ReadAndChangeAsync(int value)
    {
        await Task.Yield();
        var seen = Flowing.Value;
        Flowing.Value = value;
        await Task.Yield();
        Assert.Equal(value, Flowing.Value);
        return seen;
    }

    /// <summary>Awaitable by many; all go on, one after another, when it opens.</summary>
    private sealed class Gate : ICriticalNotifyCompletion
    {
        private readonly List<Action> _waiting = new(64);

        public bool IsCompleted => false;

        public Gate GetAwaiter() => this;

        public void GetResult()
        {
        }

        public void OnCompleted(Action continuation) => _waiting.Add(continuation);

        public void UnsafeOnCompleted(Action continuation) => _waiting.Add(continuation);

        public void Open()
        {
            foreach (var continuation in _waiting)
            {
                continuation();
            }

            _waiting.Clear();
        }
    }
}
