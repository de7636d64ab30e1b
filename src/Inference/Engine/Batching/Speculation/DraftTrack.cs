using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Engine.Batching.Speculation;

/// <summary>
/// How far the draft model has come in one sequence, and the blocks of its own pool that hold it. It runs ahead of the sequence over its own guesses;
/// <see cref="Follow"/> keeps of that what the sequence's tokens became. Reused; the loop's.
/// </summary>
#pragma warning disable CA1001 // Disposing a block table is returning its blocks, which Release does.
internal sealed class DraftTrack
#pragma warning restore CA1001
{
    /// <summary>Tokens that pass before a sequence whose guesses do not pay is tried again; doubled each time, so that in vain tries cost ever less.</summary>
    private const int RestLeast = 48;
    private const int RestMost = 768;

    private readonly BlockTable _blocks;
    private readonly int[] _ahead = new int[Draft.TokensMax];
    private int _aheadCount;
    private int _rest;
    private int _restsUntil;

    public DraftTrack(KvBlockPool pool)
    {
        _blocks = new BlockTable(pool);
        Begin();
    }

    /// <summary>Tokens from 0 whose keys and values are there.</summary>
    public int Computed { get; private set; }

    /// <summary>Nothing was asked of it for the present sequence yet.</summary>
    public bool IsNew { get; private set; }

    /// <summary>Something failed: nothing is guessed for this sequence any more.</summary>
    public bool IsOff { get; private set; }

    public ReadOnlySpan<int> Blocks => _blocks.Blocks;

    /// <summary>Another sequence, without blocks.</summary>
    public void Begin()
    {
        Release();
        _blocks.Begin(salt: 0);
        (IsNew, IsOff, _rest, _restsUntil) = (true, false, RestLeast, 0);
    }

    /// <summary>The sequence is guessed for from here on.</summary>
    public void Start() => IsNew = false;

    /// <summary>Takes the sequence's tokens as they are now: guesses that were drawn stay computed, the first other one and all behind it do not.</summary>
    public void Follow(ReadOnlySpan<int> tokens)
    {
        for (var i = 0; i < _aheadCount && Computed < tokens.Length && tokens[Computed] == _ahead[i]; i++)
        {
            Computed++;
        }

        _aheadCount = 0;
        _blocks.Publish(tokens, Computed);
        Computed = Math.Max(Computed, _blocks.Adopt(tokens));
    }

    /// <summary>Blocks for the first positions; false when there are none.</summary>
    public bool TryReserve(int positions) => _blocks.TryReserve(positions);

    /// <summary>So many more of the sequence's own tokens are computed.</summary>
    public void Read(int tokens) => Computed += tokens;

    /// <summary>A guessed token behind the sequence's own is computed, the next one in order.</summary>
    public void RanAhead(int token) => _ahead[_aheadCount++] = token;

    /// <summary>Its guesses do not pay at present; what is computed may be found again in the pool.</summary>
    /// <param name="tokens">Of the sequence, now.</param>
    public void Rest(int tokens)
    {
        Release();
        _restsUntil = tokens + _rest;
        _rest = Math.Min(RestMost, _rest * 2);
    }

    public bool IsResting(int tokens) => tokens < _restsUntil;

    /// <summary>True once after a rest.</summary>
    public bool WakesUp(int tokens)
    {
        var wakes = _restsUntil > 0 && tokens >= _restsUntil;
        _restsUntil = wakes ? 0 : _restsUntil;
        return wakes;
    }

    /// <summary>Its guesses pay: the next rest is a short one.</summary>
    public void Won() => _rest = RestLeast;

    public void SwitchOff()
    {
        Release();
        IsOff = true;
    }

    /// <summary>Gives the blocks back.</summary>
    public void Release()
    {
        _blocks.Truncate(0);
        (Computed, _aheadCount) = (0, 0);
    }
}
