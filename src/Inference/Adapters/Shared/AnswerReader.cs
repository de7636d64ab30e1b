using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>
/// An answer as it comes: each object (one event of a stream, or a whole answer) becomes events of ours. State lasts over the objects of one answer. One
/// owner; a derived reader knows one API.
/// </summary>
internal abstract partial class AnswerReader : IDisposable
{
    private readonly List<Pending> _events = [];
    private bool _started;

    /// <summary>As the server stated it; null while it has not.</summary>
    public Usage? Usage { get; protected set; }

    /// <summary>Bytes of text, reasoning and tool calls so far: bounds the tokens where no usage is stated.</summary>
    public long ContentBytes { get; protected set; }

    /// <summary>Something that a reader would see has come, even where no event of ours can say it.</summary>
    public bool SawContent { get; protected set; }

    /// <summary>The answer is whole as far as it shows.</summary>
    public bool IsFinished { get; protected set; }

    /// <summary>Nothing follows: the API's own last event has been read.</summary>
    public bool IsOver { get; protected set; }

    /// <summary>The object read last holds nothing but usage.</summary>
    public bool IsOnlyUsage { get; protected set; }

    /// <summary>How many answers were asked for.</summary>
    public int Choices { get; set; } = 1;

    /// <summary>Why the first choice ended.</summary>
    public FinishReason Reason { get; protected set; }
    public bool HasError { get; protected set; }
    public string ErrorCode { get; protected set; } = "";
    public string ErrorMessage { get; protected set; } = "";
    public int EventCount => _events.Count;

    /// <summary>Where the object read last stands in the answer.</summary>
    public WirePart Part => IsEnding ? WirePart.Terminal : SawContent || ContentBytes > 0 ? WirePart.Content : WirePart.Prelude;

    /// <summary>Every choice asked for has ended.</summary>
    protected virtual bool IsEnding => IsFinished;

    /// <summary>The texts of the events; emptied with each object.</summary>
    protected PooledBuffer Bytes { get; } = new(2048);

    public ModelEvent EventAt(int index)
    {
        var pending = _events[index];
        return pending.Item with
        {
            Utf8 = Bytes.Memory[pending.Text],
            ToolCallId = Bytes.Memory[pending.Id],
            LogProbs = _logProbs.AsMemory()[pending.LogProbs],
        };
    }

    /// <summary>Reads one object; the events of the one before are gone.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public string? Read(ReadOnlySpan<byte> json)
    {
        Clear();
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return "something else than a JSON object";
            }

            ReadObject(ref reader);
            PlaceLogProbs();
            return null;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or FormatException)
        {
            _events.Clear();
            return "JSON that is broken or not of the API's shape";
        }
    }

    public virtual void Reset()
    {
        Clear();
        _started = false;
        Usage = null;
        ContentBytes = 0;
        SawContent = false;
        IsFinished = false;
        IsOver = false;
        Choices = 1;
        Reason = FinishReason.None;
        HasError = false;
        ErrorCode = "";
        ErrorMessage = "";
    }

    public void Dispose()
    {
        Bytes.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The reader stands at the object's start.</summary>
    protected abstract void ReadObject(ref Utf8JsonReader reader);

    /// <summary>The event that the call has begun, once.</summary>
    protected void Start(int choice = 0)
    {
        if (!_started)
        {
            _started = true;
            Add(new ModelEvent { Kind = EventKind.Started, Choice = choice });
        }
    }

    /// <summary>The object that began the call counts its prompt.</summary>
    protected void StatePrompt(in Usage usage)
    {
        if (_events.Count > 0 && _events[0].Item.Kind == EventKind.Started)
        {
            var started = _events[0].Item with { Index = usage.InputTokens, CachedTokens = usage.CachedInputTokens, CacheWriteTokens = usage.CacheWriteTokens };
            _events[0] = _events[0] with { Item = started };
        }
    }

    protected void Add(in ModelEvent item, Range text = default, Range id = default, Range logProbs = default) =>
        _events.Add(new Pending(item, text, id, logProbs));

    /// <summary>The value, a string, is the next piece of a text.</summary>
    protected void AddText(ref Utf8JsonReader reader, EventKind kind, int choice, int index, ref Utf8Tail tail)
    {
        if (!JsonRead.String(ref reader))
        {
            return;
        }

        var from = Bytes.Length;
        tail.Append(reader.ValueSpan, Bytes);
        if (Bytes.Length > from)
        {
            ContentBytes += Bytes.Length - from;
            Add(new ModelEvent { Kind = kind, Choice = choice, Index = index }, from..Bytes.Length);
        }
    }

    /// <summary>The value as text in <see cref="Bytes"/>; empty when it is no string.</summary>
    protected Range ReadString(ref Utf8JsonReader reader)
    {
        var from = Bytes.Length;
        if (JsonRead.String(ref reader))
        {
            default(Utf8Tail).Append(reader.ValueSpan, Bytes);
        }

        return from..Bytes.Length;
    }

    /// <summary>The value of <c>error</c>: an object, a string, or null for none.</summary>
    protected void ReadError(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        HasError = true;
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            (ErrorCode, ErrorMessage) = ErrorBody.ReadFields(ref reader);
            return;
        }

        ErrorMessage = reader.TokenType == JsonTokenType.String ? ErrorBody.Text(reader) : "";
        reader.Skip();
    }

    private void Clear()
    {
        Bytes.Reset();
        _events.Clear();
        _pendingLogProbs.Clear();
        IsOnlyUsage = false;
    }

    private readonly record struct Pending(ModelEvent Item, Range Text, Range Id, Range LogProbs);
}
