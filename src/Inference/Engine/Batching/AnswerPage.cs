using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Batching;

/// <summary>One event in an <see cref="AnswerPage"/>: ranges of the page's bytes, call ids and tokens.</summary>
internal readonly record struct AnswerEvent(
    EventKind Kind, int Choice, int Index, int Start, int Length, int CallIdStart, int CallIdLength, int IdStart, int IdCount, int LogProbStart, int LogProbCount,
    int NamedStart, int NamedCount, FinishReason Reason, int CachedTokens = 0);

/// <summary>Events of an answer on their way from the engine's loop to the reader. Two pages take turns; both are reused.</summary>
internal sealed class AnswerPage
{
    private readonly List<AnswerEvent> _events = [];
    private readonly ByteBuffer _bytes = new();
    private readonly TokenBuffer _ids = new(64);
    private float[] _logProbs = new float[64];
    private int _logProbCount;
    private readonly NamedLogProbs _named = new();

    public int EventCount => _events.Count;

    /// <summary>Bytes that the reader has to take.</summary>
    public int ByteCount => _bytes.Count;

    public void Clear()
    {
        _events.Clear();
        _bytes.Clear();
        _ids.Clear();
        _logProbCount = 0;
        _named.Clear();
    }

    /// <summary>The answer has begun, to a prompt of so many tokens, of which the cache had some.</summary>
    public void Start(int promptTokens, int cachedTokens) =>
        _events.Add(new AnswerEvent(EventKind.Started, 0, promptTokens, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, FinishReason.None, cachedTokens));

    public void Add(EventKind kind, int choice, int index, ReadOnlySpan<byte> utf8, ReadOnlySpan<byte> callId, in TokenRun tokens, FinishReason reason)
    {
        var start = _bytes.Count;
        _bytes.Add(utf8);
        var callIdStart = _bytes.Count;
        _bytes.Add(callId);
        var idStart = _ids.Count;
        _ids.Add(tokens.Ids);
        var logProbStart = _logProbCount;
        AddLogProbs(tokens.LogProbs);
        var namedStart = _named.Count;
        _named.Add(tokens.Named);
        _events.Add(new AnswerEvent(
            kind, choice, index, start, utf8.Length, callIdStart, callId.Length, idStart, tokens.Ids.Length, logProbStart, tokens.LogProbs.Length,
            namedStart, _named.Count - namedStart, reason));
    }

    /// <summary>The event as the contract has it; its memory is valid until the page is cleared.</summary>
    public ModelEvent this[int position]
    {
        get
        {
            var item = _events[position];
            return new ModelEvent
            {
                Kind = item.Kind,
                Choice = item.Choice,
                Index = item.Index,
                CachedTokens = item.CachedTokens,
                Utf8 = _bytes.Memory.Slice(item.Start, item.Length),
                ToolCallId = _bytes.Memory.Slice(item.CallIdStart, item.CallIdLength),
                Tokens = new TokenSpan(_ids.Memory.Slice(item.IdStart, item.IdCount), _logProbs.AsMemory(item.LogProbStart, item.LogProbCount)),
                LogProbs = _named.Slice(item.NamedStart, item.NamedCount),
                Reason = item.Reason,
            };
        }
    }

    private void AddLogProbs(ReadOnlySpan<float> logProbs)
    {
        if (_logProbCount + logProbs.Length > _logProbs.Length)
        {
            Array.Resize(ref _logProbs, Math.Max(_logProbs.Length * 2, _logProbCount + logProbs.Length));
        }

        logProbs.CopyTo(_logProbs.AsSpan(_logProbCount));
        _logProbCount += logProbs.Length;
    }
}

/// <summary>What one event says of tokens: see <see cref="TokenSpan"/>.</summary>
internal readonly ref struct TokenRun(ReadOnlySpan<int> ids, ReadOnlySpan<float> logProbs, NamedLogProbs? named = null)
{
    public ReadOnlySpan<int> Ids { get; } = ids;
    public ReadOnlySpan<float> LogProbs { get; } = logProbs;

    /// <summary>The same tokens with their texts and alternatives, where they were asked for.</summary>
    public NamedLogProbs? Named { get; } = named;
}
