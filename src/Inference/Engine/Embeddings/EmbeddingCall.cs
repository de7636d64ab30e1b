using System.Threading.Tasks.Sources;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>
/// Texts of one caller inside the engine: filled by the caller, pooled by the <see cref="EmbeddingLane"/>, and the caller's again once <see cref="WaitAsync"/> has
/// completed. Reused by <see cref="Reset"/>; nothing is allocated per text in the steady state.
/// </summary>
internal sealed class EmbeddingCall : IValueTaskSource
{
    private readonly List<int> _ends = [];
    private readonly List<int> _seconds = [];
    private ManualResetValueTaskSourceCore<bool> _signal = new() { RunContinuationsAsynchronously = true };
    private float[] _vectors = [];
    private int _width;
    private volatile bool _isCancelled;

    /// <summary>Tokens of all texts, one after the other.</summary>
    public TokenBuffer Tokens { get; } = new(1024);
    public Deadline Deadline { get; set; }

    /// <summary>The call's lane, 0 the most urgent: see <see cref="Batching.Rank"/>.</summary>
    public int Priority { get; set; }
    public int Count => _ends.Count;
    public bool IsCancelled => _isCancelled;

    /// <summary>From any thread; the lane sees it before its next pass.</summary>
    public void RequestCancel() => _isCancelled = true;

    /// <summary>The tokens since the text before are a text.</summary>
    /// <param name="second">Where in <see cref="Tokens"/> the second text of a pair begins, whose tokens are of type 1; -1 for a text alone.</param>
    public void EndText(int second = -1)
    {
        _seconds.Add(second < 0 ? -1 : second - Start(Count));
        _ends.Add(Tokens.Count);
    }

    public int Start(int text) => text == 0 ? 0 : _ends[text - 1];
    public int Length(int text) => _ends[text] - Start(text);

    /// <summary>Position where a pair's second text begins; -1 for none.</summary>
    public int Second(int text) => _seconds[text];

    /// <summary>Width floats: the sum while its rows are computed, then what was pooled.</summary>
    public Span<float> Vector(int text) => _vectors.AsSpan(text * _width, _width);

    /// <summary>The same for the sink.</summary>
    public ReadOnlyMemory<float> VectorMemory(int text, int length) => _vectors.AsMemory(text * _width, length);

    // Below: the lane's while the call is under way.

    public Rank Rank { get; set; }
    public ModelError Error { get; set; }

    /// <summary>Processor time spent on it, in timestamp ticks times threads.</summary>
    public double ComputeTicks { get; set; }

    /// <summary>Tokens computed.</summary>
    public int TokensDone { get; set; }
    public int TextsDone { get; set; }

    /// <summary>The first text that was not begun.</summary>
    public int NextText { get; set; }

    /// <summary>A text of which some rows are computed or planned, or which waits for its turn; null for none.</summary>
    public EmbeddingText? Open { get; set; }

    /// <summary>The last pass that looked at it.</summary>
    public long LookedAt { get; set; }

    /// <summary>Rows planned for the pass under way.</summary>
    public int Planned { get; set; }
    public int RowsLeft => Tokens.Count - TokensDone - Planned;
    public bool HasRows => RowsLeft > 0;

    /// <summary>Makes room for the results.</summary>
    public void Begin(int width)
    {
        _width = width;
        var floats = Count * width;
        if (_vectors.Length < floats)
        {
            _vectors = new float[floats];
        }

        Array.Clear(_vectors, 0, floats);
    }

    /// <summary>The last thing that the lane does with it.</summary>
    public void Complete() => _signal.SetResult(true);

    /// <summary>Completes when the lane has let go of the call. Once a call.</summary>
    public ValueTask WaitAsync() => new(this, _signal.Version);

    public void Reset()
    {
        _ends.Clear();
        _seconds.Clear();
        _signal.Reset();
        _vectors = _vectors.Length > EmbeddingLimits.KeptFloatsMax ? [] : _vectors;
        _isCancelled = false;
        Tokens.Clear();
        (Deadline, Priority, Rank, Error) = (default, 0, default, default);
        (ComputeTicks, TokensDone, TextsDone, NextText, Open, LookedAt, Planned) = (0, 0, 0, 0, null, 0, 0);
    }

    void IValueTaskSource.GetResult(short token) => _signal.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _signal.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _signal.OnCompleted(continuation, state, token, flags);
}
