using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Tests.Engine.KvCache;

public sealed class PrefixCacheTests(ITestOutputHelper output)
{
    private static readonly int[] Tokens = [.. Enumerable.Range(0, 100)];

    [Fact]
    public void A_sequence_takes_over_the_full_blocks_of_another_that_begins_alike_also_after_its_end()
    {
        var pool = new KvBlockPool(16);
        var first = Computed(pool, Tokens);
        var blocks = first.Blocks.ToArray();
        first.Dispose();
        Assert.Equal((16, 6, 0), (pool.Free, pool.Remembered, pool.Used));
        using var second = new BlockTable(pool);
        second.Begin(0);
        Assert.Equal(48, second.Adopt([.. Tokens[..50], 7, 7, 7, .. Tokens]));
        Assert.Equal(blocks[..3], second.Blocks.ToArray());
        Assert.Equal(3, pool.Used);
    }

    [Fact]
    public void The_block_of_the_last_token_is_computed_again_since_its_logits_are_wanted()
    {
        var pool = new KvBlockPool(16);
        using var first = Computed(pool, Tokens[..64]);
        using var second = new BlockTable(pool);
        second.Begin(0);
        Assert.Equal(48, second.Adopt(Tokens.AsSpan(..64)));
    }

    [Fact]
    public void Equal_tokens_after_other_ones_or_under_another_adapter_are_another_content()
    {
        var pool = new KvBlockPool(16);
        using var first = Computed(pool, Tokens);
        using var shifted = new BlockTable(pool);
        shifted.Begin(0);
        Assert.Equal(0, shifted.Adopt(Tokens.AsSpan(16..)));
        using var adapted = new BlockTable(pool);
        adapted.Begin(1);
        Assert.Equal(0, adapted.Adopt(Tokens));
    }

    [Fact]
    public void A_block_that_others_may_read_cannot_be_published_again_and_the_writer_knows()
    {
        var pool = new KvBlockPool(4);
        Assert.True(pool.TryRent(out var block));
        Assert.True(pool.IsWritable(block));
        var key = BlockKey.Root(0).Next(Tokens.AsSpan(0, 16));
        Assert.Equal(block, pool.Publish(block, key));
        Assert.False(pool.IsWritable(block));
        Assert.Throws<InvalidOperationException>(() => pool.Publish(block, key));
    }

    [Fact]
    public void What_two_computed_at_once_is_kept_once()
    {
        var pool = new KvBlockPool(16);
        using var first = Computed(pool, Tokens[..32]);
        using var second = Computed(pool, Tokens[..32]);
        Assert.Equal(first.Blocks.ToArray(), second.Blocks.ToArray());
        Assert.Equal(2, pool.Used);
    }

    [Fact]
    public void The_content_unused_for_longest_is_forgotten_first_and_ends_before_beginnings()
    {
        var pool = new KvBlockPool(4);
        var blocks = Computed(pool, Tokens[..32]);
        blocks.Dispose();
        int[] other = [.. Tokens[..32].Select(token => token + 1000)];
        Computed(pool, other).Dispose();
        Assert.True(pool.TryRent(out _));
        using var again = new BlockTable(pool);
        again.Begin(0);
        Assert.Equal(16, again.Adopt(Tokens));
        Assert.Equal(1, pool.Evictions);
    }

    [Fact]
    public void Whatever_is_done_no_block_is_lost_held_twice_for_writing_or_found_with_another_content()
    {
        var seed = TestSeed.Next(output);
        var dice = new Random(seed);
        for (var run = 0; run < 200; run++)
        {
            var pool = new KvBlockPool(dice.Next(4, 24));
            var tables = new List<(BlockTable Table, int[] Tokens, int Computed)>();
            var content = new Dictionary<int, string>();
            for (var step = 0; step < 200; step++)
            {
                if (dice.Next(3) > 0 || tables.Count == 0)
                {
                    int[] tokens = [.. Enumerable.Range(0, dice.Next(1, 100)).Select(at => at < 40 ? dice.Next(40) / 39 : dice.Next(3))];
                    var table = new BlockTable(pool);
                    table.Begin(0);
                    var adopted = table.Adopt(tokens);
                    for (var block = 0; block < adopted / 16; block++)
                    {
                        Assert.True(content[table.Blocks[block]] == Beginning(tokens, block), $"seed {seed}: a block holds other tokens");
                    }

                    if (!table.TryReserve(tokens.Length))
                    {
                        table.Dispose();
                        continue;
                    }

                    for (var block = adopted / 16; block < table.Blocks.Length; block++)
                    {
                        Assert.True(pool.IsWritable(table.Blocks[block]), $"seed {seed}: a shared block would be written");
                        content[table.Blocks[block]] = Beginning(tokens, block);
                    }

                    table.Publish(tokens, tokens.Length);
                    tables.Add((table, tokens, tokens.Length));
                }
                else
                {
                    var at = dice.Next(tables.Count);
                    tables[at].Table.Dispose();
                    tables.RemoveAt(at);
                }

                Assert.True(pool.Used == tables.SelectMany(entry => entry.Table.Blocks.ToArray()).Distinct().Count(), $"seed {seed}: blocks are lost");
            }

            tables.ForEach(entry => entry.Table.Dispose());
            Assert.Equal(pool.Total, pool.Free);
        }
    }

    private static string Beginning(int[] tokens, int block) => string.Join(' ', tokens.Take((block + 1) * 16));

    private static BlockTable Computed(KvBlockPool pool, int[] tokens)
    {
        var table = new BlockTable(pool);
        table.Begin(0);
        _ = table.Adopt(tokens);
        Assert.True(table.TryReserve(tokens.Length));
        table.Publish(tokens, tokens.Length);
        return table;
    }
}
