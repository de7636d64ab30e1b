using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>
/// Texts to vectors, beside the answers of the same engine: puts rows of texts into each pass, and pools what comes of them. An encoder's text is one pass's whole; a
/// decoder's is read in chunks, its pooled state the same whatever the chunks. Without a thread of its own; the <see cref="StepLoop"/>'s. Allocates nothing per text.
/// </summary>
internal sealed class EmbeddingLane(IBackend backend, KvBlockPool pool, int rowsMax)
{
    private readonly record struct Share(EmbeddingText Text, int Rows);

    private readonly List<EmbeddingCall> _calls = [];
    private readonly List<Share> _shares = [];
    private readonly Stack<EmbeddingText> _spare = [];
    private readonly Pooling _pooling = EmbeddingProfile.PoolingOf(backend.Shape);
    private readonly bool _isEncoder = !backend.Shape.IsCausal;
    private long _pass;
    private int _left;
    private int _blocksKept;

    public bool HasWork => _calls.Count > 0;

    /// <summary>In the last plan a text did not begin for want of KV blocks, which answers hold.</summary>
    public bool IsBlocked { get; private set; }

    /// <summary>Rows that a pass could take on, at most as many as it holds.</summary>
    public int RowsWanted
    {
        get
        {
            var rows = 0;
            for (var i = 0; i < _calls.Count && rows < rowsMax; i++)
            {
                rows += _calls[i].RowsLeft;
            }

            return Math.Min(rows, rowsMax);
        }
    }

    /// <summary>Calls that share the passes.</summary>
    public int CallCount => _calls.Count;
    public long TextsDone { get; private set; }
    public long TokensDone { get; private set; }

    /// <summary>Takes a call that <see cref="EmbeddingRules"/> let through, among the others by its rank.</summary>
    public void Accept(EmbeddingCall call)
    {
        call.Begin(backend.Shape.Width);
        var at = _calls.Count;
        while (at > 0 && _calls[at - 1].Rank.CompareTo(call.Rank) > 0)
        {
            at--;
        }

        _calls.Insert(at, call);
    }

    /// <summary>Ends what was cancelled or is too late. Between passes.</summary>
    public void DropEnded(TimeProvider time)
    {
        for (var i = _calls.Count - 1; i >= 0; i--)
        {
            var call = _calls[i];
            if (call.IsCancelled)
            {
                End(call, new ModelError(ErrorCause.Cancelled, "The caller cancelled the call."));
            }
            else if (call.Deadline.Passed(time))
            {
                End(call, new ModelError(ErrorCause.FirstTokenTimeout,
                    $"The deadline passed after {call.TextsDone} of {call.Count} texts; allow more time, or send fewer."));
            }
        }
    }

    /// <summary>Ends everything with one error, a pass that is planned or broke off included.</summary>
    public void FailAll(ModelError error)
    {
        foreach (var (text, _) in _shares)
        {
            if (text.Call.Open != text)
            {
                PutAway(text);
            }
        }

        _shares.Clear();
        while (_calls.Count > 0)
        {
            End(_calls[^1], error);
        }
    }

    /// <summary>
    /// Texts of the next pass: half of the rows to the most urgent call, so that it comes to its end, the rest to those with the fewest left, so that one query does not wait
    /// for a whole library.
    /// </summary>
    /// <param name="rows">At most; an encoder's first text may take more, since it cannot be split.</param>
    /// <param name="blocksKept">KV blocks that texts which begin leave for answers under way.</param>
    /// <returns>Rows planned.</returns>
    public int Plan(int rows, int blocksKept)
    {
        _shares.Clear();
        IsBlocked = false;
        if (_calls.Count == 0 || rows <= 0)
        {
            return 0;
        }

        (_left, _blocksKept) = (rows, blocksKept);
        _pass++;
        Take(_calls[0], _calls.Count == 1 ? rows : (rows + 1) / 2);
        while (_left > 0 && Shortest() is { } next)
        {
            Take(next, _left);
        }

        Take(_calls[0], _left);
        return Planned();
    }

    /// <summary>Puts the planned rows into the batch, behind what is in it.</summary>
    public void Fill(ForwardBatch batch)
    {
        foreach (var (text, rows) in _shares)
        {
            var tokens = text.Tokens;
            var second = text.Call.Second(text.Index);
            batch.BeginSequence(text.Blocks);
            for (var position = text.Computed; position < text.Computed + rows; position++)
            {
                _ = batch.Add(tokens[position], position, wantsLogits: false);
                if (second >= 0 && position >= second && backend.Shape.TokenTypes > 1)
                {
                    batch.SetTokenType(1);
                }

                if (IsPooled(text, position))
                {
                    _ = batch.WantHidden();
                }
            }
        }
    }

    /// <summary>Takes over what the pass computed.</summary>
    /// <param name="firstSequence">Of the batch's sequences, the first of the texts.</param>
    /// <param name="ticksPerRow">Processor time of a row.</param>
    public void Collect(ForwardBatch batch, int firstSequence, double ticksPerRow)
    {
        var hidden = 0;
        for (var i = 0; i < _shares.Count; i++)
        {
            var (text, rows) = _shares[i];
            hidden = Pool(text, rows, batch, hidden);
            var call = text.Call;
            call.ComputeTicks += ticksPerRow * rows;
            call.TokensDone += rows;
            call.Planned -= rows;
            (text.Computed, text.Planned) = (text.Computed + rows, 0);
            if (text.Computed == text.Length)
            {
                Finish(text, batch, firstSequence + i);
            }
        }

        _shares.Clear();
        for (var i = _calls.Count - 1; i >= 0; i--)
        {
            var call = _calls[i];
            if (!call.Error.IsNone || call.TextsDone == call.Count)
            {
                End(call, call.Error);
            }
        }
    }

    private int Planned()
    {
        var rows = 0;
        foreach (var share in _shares)
        {
            rows += share.Rows;
        }

        return rows;
    }

    private EmbeddingCall? Shortest()
    {
        EmbeddingCall? shortest = null;
        foreach (var call in _calls)
        {
            if (call.LookedAt < _pass && call.HasRows && (shortest is null || call.RowsLeft < shortest.RowsLeft))
            {
                shortest = call;
            }
        }

        return shortest;
    }

    private void Take(EmbeddingCall call, int rows)
    {
        call.LookedAt = _pass;
        while (rows > 0 && NextOf(call) is { } text)
        {
            if (_isEncoder && text.Pending > rows && _shares.Count > 0)
            {
                return;
            }

            var taken = _isEncoder ? text.Pending : Math.Min(rows, text.Pending);
            Plan(text, taken);
            call.Planned += taken;
            call.Open = text.Pending > 0 ? text : null;
            rows -= taken;
            _left -= taken;
        }
    }

    private void Plan(EmbeddingText text, int rows)
    {
        if (text.Planned > 0)
        {
            _shares[text.Share] = _shares[text.Share] with { Rows = text.Planned + rows };
        }
        else
        {
            text.Share = _shares.Count;
            _shares.Add(new Share(text, rows));
        }

        text.Planned += rows;
    }

    /// <summary>The text that goes on, or the next one, with its blocks; null where there is none or they are not free.</summary>
    private EmbeddingText? NextOf(EmbeddingCall call)
    {
        if (call.Open is { } open)
        {
            return open.Pending > 0 ? open : null;
        }

        // Behind a text that waits for blocks no other begins: a small one would take them away from it again and again.
        if (call.NextText == call.Count || IsBlocked)
        {
            return null;
        }

        var text = _spare.Count > 0 ? _spare.Pop() : new EmbeddingText(_isEncoder ? null : new BlockTable(pool));
        text.Begin(call, call.NextText);
        if ((_blocksKept > 0 && text.MissingBlocks + _blocksKept > pool.Free) || !text.TryReserve())
        {
            IsBlocked = true;
            PutAway(text);
            return null;
        }

        call.NextText++;
        call.Open = text;
        return text;
    }

    private bool IsPooled(EmbeddingText text, int position) => _pooling switch
    {
        Pooling.Mean => true,
        Pooling.Cls => position == 0,
        _ => position == text.Length - 1,
    };

    /// <summary>Sums a text's rows in the order of their positions, whichever passes they come in.</summary>
    private int Pool(EmbeddingText text, int rows, ForwardBatch batch, int hidden)
    {
        var vector = text.Call.Vector(text.Index);
        for (var position = text.Computed; position < text.Computed + rows; position++)
        {
            if (IsPooled(text, position))
            {
                VectorMath.Add(batch.Hidden(hidden++), vector);
            }
        }

        return hidden;
    }

    private void Finish(EmbeddingText text, ForwardBatch batch, int sequence)
    {
        var call = text.Call;
        var vector = call.Vector(text.Index);
        if (_pooling == Pooling.Mean)
        {
            VectorMath.Divide(vector, text.Length);
        }

        if (!VectorMath.IsFinite(vector) && call.Error.IsNone)
        {
            call.Error = new ModelError(ErrorCause.Internal,
                $"The vector of text {text.Index} is not made of numbers, {AnswerDrawer.Origin(backend.FindNotFinite(batch, sequence), backend.Shape)}; "
                    + "the file is damaged or the arithmetic broke.");
        }

        call.TextsDone++;
        (TextsDone, TokensDone) = (TextsDone + 1, TokensDone + text.Length);
        PutAway(text);
    }

    private void End(EmbeddingCall call, ModelError error)
    {
        _ = _calls.Remove(call);
        if (call.Open is { } open)
        {
            PutAway(open);
            call.Open = null;
        }

        call.Error = error;
        call.Complete();
    }

    private void PutAway(EmbeddingText text)
    {
        text.End();
        _spare.Push(text);
    }
}
