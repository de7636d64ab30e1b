using Jesus.Inference.Engine.Backends;

namespace Jesus.Inference.Tests.Engine.Backends;

public sealed class ForwardBatchTests
{
    [Fact]
    public void Rows_sequences_and_tables_stand_as_they_were_added()
    {
        var batch = new ForwardBatch(4, 2, 20);
        batch.BeginSequence([7, 8]);
        Assert.Equal(-1, batch.Add(1, 16, wantsLogits: false));
        Assert.Equal(0, batch.Add(2, 17, wantsLogits: true));
        batch.BeginSequence([3]);
        Assert.Equal(1, batch.Add(3, 0, wantsLogits: true));

        Assert.Equal([1, 2, 3], batch.Tokens.ToArray());
        Assert.Equal([16, 17, 0], batch.Positions.ToArray());
        Assert.Equal([0, 0, 1], batch.RowSequences.ToArray());
        Assert.Equal([7, 8, 3], batch.Blocks.ToArray());
        Assert.Equal([0, 2, 3], batch.BlockStarts.ToArray());
        Assert.Equal([1, 2], batch.LogitRowIndices.ToArray());
        Assert.Equal(20, batch.Logits(1).Length);
    }

    [Fact]
    public void A_cleared_batch_is_empty_and_takes_rows_again()
    {
        var batch = new ForwardBatch(1, 1, 20);
        for (var i = 0; i < 3; i++)
        {
            batch.Clear();
            batch.BeginSequence(Enumerable.Range(0, 100).ToArray());
            _ = batch.Add(i, 0, wantsLogits: true);
        }

        Assert.Equal(1, batch.Rows);
        Assert.Equal([2], batch.Tokens.ToArray());
        Assert.Equal(100, batch.Blocks.Length);
    }

    [Fact]
    public void More_rows_than_the_batch_holds_are_refused()
    {
        var batch = new ForwardBatch(1, 1, 20);
        batch.BeginSequence([0]);
        _ = batch.Add(1, 0, wantsLogits: true);
        Assert.Throws<InvalidOperationException>(() => batch.Add(2, 1, wantsLogits: false));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Logits(1).Length);
    }

    [Fact]
    public void A_sequence_without_rows_is_refused_when_the_next_begins()
    {
        var batch = new ForwardBatch(4, 1, 20);
        batch.BeginSequence([0]);
        Assert.Throws<InvalidOperationException>(() => batch.BeginSequence([1]));
    }
}
