using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Tests.Engine.KvCache;

public sealed class KvBlockPoolTests
{
    private static readonly ModelShape Shape = new()
    {
        Layers = 22,
        Width = 2048,
        Heads = 32,
        KvHeads = 4,
        HeadDim = 64,
        Ffn = 5632,
        Vocabulary = 32000,
        Context = 2048,
        NormEpsilon = 1e-5f,
        Ropes = [new RopeTable(new double[32])],
    };

    [Fact]
    public void Every_block_is_rented_once_until_it_is_returned()
    {
        var pool = new KvBlockPool(5);
        var blocks = new HashSet<int>();
        for (var i = 0; i < 5; i++)
        {
            Assert.True(pool.TryRent(out var block));
            Assert.True(blocks.Add(block));
        }

        Assert.False(pool.TryRent(out _));
        pool.Return(3);
        Assert.True(pool.TryRent(out var again));
        Assert.Equal(3, again);
    }

    [Fact]
    public void A_block_returned_twice_is_an_error()
    {
        var pool = new KvBlockPool(2);
        Assert.True(pool.TryRent(out var block));
        pool.Return(block);
        Assert.Throws<InvalidOperationException>(() => pool.Return(block));
        Assert.Throws<InvalidOperationException>(() => pool.Return(7));
    }

    [Fact]
    public void A_table_reserves_all_or_nothing()
    {
        var pool = new KvBlockPool(3);
        using var table = new BlockTable(pool);
        Assert.True(table.TryReserve(17));
        Assert.Equal(2, table.Blocks.Length);
        Assert.Equal(32, table.Capacity);
        Assert.False(table.TryReserve(49));
        Assert.Equal(1, pool.Free);
        Assert.True(table.TryReserve(48));
        Assert.Equal(0, pool.Free);
    }

    [Fact]
    public void A_table_gives_back_what_it_no_longer_needs()
    {
        var pool = new KvBlockPool(4);
        var table = new BlockTable(pool);
        Assert.True(table.TryReserve(64));
        var first = table.Blocks[0];
        table.Truncate(16);
        Assert.Equal(3, pool.Free);
        Assert.Equal([first], table.Blocks.ToArray());
        table.Dispose();
        Assert.Equal(4, pool.Free);
    }

    [Fact]
    public void The_budget_counts_whole_blocks_and_no_more_than_can_be_used()
    {
        var block = KvBudget.BlockBytes(Shape, KvElementType.F16);
        Assert.Equal(22 * 4 * 16 * (64 + 64) * 2, block);
        Assert.True(KvBudget.TryCount(Shape, KvElementType.F16, block * 10 + 5, 4, 100, out var blocks, out _));
        Assert.Equal(10, blocks);
        Assert.True(KvBudget.TryCount(Shape, KvElementType.F16, long.MaxValue, 2, 100, out blocks, out _));
        Assert.Equal(256, blocks);
    }

    [Fact]
    public void Too_little_memory_is_refused_with_the_figures_and_the_remedy()
    {
        Assert.False(KvBudget.TryCount(Shape, KvElementType.F16, 1_000_000, 4, 512, out _, out var problem));
        Assert.StartsWith("the KV cache gets 1,000,000 bytes, but 512 positions of this model take 11,534,336: raise the engine's memory cap", problem, StringComparison.Ordinal);
    }
}
