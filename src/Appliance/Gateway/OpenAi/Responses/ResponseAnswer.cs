using System.Buffers;
using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>
/// Turns the events of an answer into the items of a response and, where somebody listens, into its named events. Items follow each other: one is done before
/// the next begins. Owned by a <see cref="ResponseExchange"/>, which resets it.
/// </summary>
internal sealed class ResponseAnswer(Utf8JsonWriter json) : IAnswerSink
{
    /// <summary>An answer of more than this is an upstream gone wild; the call fails rather than fill the memory.</summary>
    private const int MaxBytes = 64 * 1024 * 1024;

    private ResponseWishes _wishes = null!;
    private ResponseState _state;
    private OutputItem? _open;
    private long _bytes;
    private bool _announced;

    public OutputItems Items { get; } = new();
    public ResponseEvents Events { get; } = new(json);

    /// <summary>The provider's own answer, when it is what the caller gets.</summary>
    public WireResponse Wire { get; } = new();

    /// <summary>Queued until a candidate has begun.</summary>
    public ResponseStatus Status => _state.Status;

    /// <summary>Why the first choice ended.</summary>
    public FinishReason Reason { get; private set; }

    /// <summary>What the upstream did that no response can show; none usually.</summary>
    public ModelError Broken { get; private set; }

    /// <param name="state">As the response stands now: in progress, or queued for one in the background.</param>
    /// <param name="target">Who listens; null when nobody does.</param>
    public void Open(in ResponseState state, ResponseWishes wishes, IEventTarget? target)
    {
        (_state, _wishes) = (state, wishes);
        Events.Open(wishes, target);
    }

    public ValueTask WriteAsync(ModelEvent item)
    {
        if (item.Kind == EventKind.Wire)
        {
            Wire.Add(item, Events);
            return Events.FlushAsync();
        }

        if (item.Kind == EventKind.Started && _state.Status == ResponseStatus.Queued)
        {
            StartProgress();
            return Events.FlushAsync();
        }

        if (item.InWire || item.Choice > 0 || item.Kind == EventKind.Started)
        {
            return ValueTask.CompletedTask;
        }

        if (item.Kind == EventKind.Finished)
        {
            Reason = item.Reason;
            return ValueTask.CompletedTask;
        }

        _bytes += item.Utf8.Length;
        if (_bytes > MaxBytes)
        {
            throw new InvalidDataException($"The answer is longer than {MaxBytes} bytes.");
        }

        Announce();
        Take(item);
        return Events.FlushAsync();
    }

    /// <summary><c>response.created</c> and <c>response.in_progress</c>, once, with the first content: until then another candidate may still answer.</summary>
    public void Announce()
    {
        if (!_announced)
        {
            _announced = true;
            Events.Lifecycle("response.created"u8, _state, Items);
            Events.Lifecycle(_state.Status == ResponseStatus.Queued ? "response.queued"u8 : "response.in_progress"u8, _state, Items);
        }
    }

    /// <summary>The answer is whole: nothing is open any more.</summary>
    public void Close()
    {
        Announce();
        CloseOpen();
    }

    public void Reset()
    {
        Items.Reset();
        Events.Reset();
        Wire.Reset();
        Reason = FinishReason.None;
        Broken = default;
        _open = null;
        _bytes = 0;
        _announced = false;
    }

    private void Take(in ModelEvent item)
    {
        switch (item.Kind)
        {
            case EventKind.Text:
                TakeText(OutputKind.Text, item);
                break;
            case EventKind.Refusal:
                TakeText(OutputKind.Refusal, item);
                break;
            case EventKind.Reasoning:
                TakeText(OutputKind.Reasoning, item);
                break;
            case EventKind.ReasoningSignature:
                Need(OutputKind.Reasoning).Encrypted.Write(item.Utf8.Span);
                break;
            case EventKind.RedactedReasoning:
                Begin(OutputKind.Reasoning).Encrypted.Write(item.Utf8.Span);
                CloseOpen();
                break;
            case EventKind.ToolCallStart when Wanted(item):
                StartCall(item);
                break;
            case EventKind.ToolCallArguments when Wanted(item):
                TakeArguments(item);
                break;
            default:
                break;
        }
    }

    /// <summary>A response in the background is no longer queued.</summary>
    private void StartProgress()
    {
        Announce();
        _state = _state with { Status = ResponseStatus.InProgress };
        Events.Lifecycle("response.in_progress"u8, _state, Items);
    }

    private bool Wanted(in ModelEvent item) => _wishes.ParallelToolCalls || item.Index == 0;

    private void TakeText(OutputKind kind, in ModelEvent item)
    {
        if (item.Utf8.IsEmpty)
        {
            return;
        }

        var open = Need(kind);
        if (!open.HasPart)
        {
            open.HasPart = true;
            Events.PartAdded(Items.Count - 1, open);
        }

        open.Content.Write(item.Utf8.Span);
        var before = open.LogProbs.WrittenCount;
        if (kind == OutputKind.Text && _wishes.LogProbs)
        {
            ResponseLogProbs.Append(open.LogProbs, item);
        }

        Events.Delta(Items.Count - 1, open, item.Utf8.Span, open.LogProbs.WrittenSpan[before..].TrimStart((byte)','));
    }

    private void StartCall(in ModelEvent item)
    {
        CloseOpen();
        _open = Items.Add(OutputKind.Call);
        _open.CallIndex = item.Index;
        _open.CallId.Write(item.ToolCallId.Span);
        _open.Name.Write(item.Utf8.Span);
        Events.ItemAdded(Items.Count - 1, _open);
    }

    /// <summary>Arguments of a call that is done would change what the caller may be running already.</summary>
    private void TakeArguments(in ModelEvent item)
    {
        if (_open is not { Kind: OutputKind.Call } call || call.CallIndex != item.Index)
        {
            Broken = new ModelError(ErrorCause.Malformed, $"The upstream sent arguments of tool call {item.Index} after it had begun another; its answer cannot be shown.");
            throw new InvalidDataException(Broken.Message);
        }

        call.Content.Write(item.Utf8.Span);
        Events.Delta(Items.Count - 1, call, item.Utf8.Span, default);
    }

    /// <summary>The open item of this kind; what was open before is done.</summary>
    private OutputItem Need(OutputKind kind) => _open is { } open && open.Kind == kind ? open : Begin(kind);

    private OutputItem Begin(OutputKind kind)
    {
        CloseOpen();
        _open = Items.Add(kind);
        Events.ItemAdded(Items.Count - 1, _open);
        return _open;
    }

    private void CloseOpen()
    {
        if (_open is { } open)
        {
            open.Done = true;
            Events.Done(Items.Count - 1, open);
            _open = null;
        }
    }
}
