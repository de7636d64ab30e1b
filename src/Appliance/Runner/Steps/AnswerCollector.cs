using System.Buffers;
using System.Text;
using Jesus.Appliance.Runner.Machine;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Runner.Steps;

/// <summary>Keeps the first choice of an answer: its text and its tool calls.</summary>
internal sealed class AnswerCollector : IAnswerSink
{
    /// <summary>Bytes of text and arguments; a model that writes more does not end by itself.</summary>
    private const int BytesMax = 4 * 1024 * 1024;

    private readonly ArrayBufferWriter<byte> _text = new(1024);
    private readonly List<PendingCall> _calls = [];

    public string Text => Encoding.UTF8.GetString(_text.WrittenSpan);

    public ReadOnlySpan<byte> Utf8 => _text.WrittenSpan;

    /// <summary>Bytes of text, names and arguments together.</summary>
    public int Bytes { get; private set; }

    /// <summary>True when the answer was longer than is kept.</summary>
    public bool Overflowed { get; private set; }

    public IReadOnlyList<AgentCall> Calls => [.. _calls.Select(call => new AgentCall(call.Id, call.Tool, call.Arguments.Length == 0 ? "{}" : call.Arguments.ToString()))];

    public ValueTask WriteAsync(ModelEvent item)
    {
        if (item.Choice != 0)
        {
            return ValueTask.CompletedTask;
        }

        Bytes += item.Utf8.Length;
        if (Bytes > BytesMax)
        {
            Overflowed = true;
            return ValueTask.CompletedTask;
        }

        switch (item.Kind)
        {
            case EventKind.Text:
                _text.Write(item.Utf8.Span);
                break;
            case EventKind.ToolCallStart:
                _calls.Add(new PendingCall(IdOf(item), Encoding.UTF8.GetString(item.Utf8.Span)));
                break;
            case EventKind.ToolCallArguments when item.Index < _calls.Count:
                _ = _calls[item.Index].Arguments.Append(Encoding.UTF8.GetString(item.Utf8.Span));
                break;
        }

        return ValueTask.CompletedTask;
    }

    private string IdOf(ModelEvent item) => item.ToolCallId.IsEmpty ? $"call_{_calls.Count + 1}" : Encoding.UTF8.GetString(item.ToolCallId.Span);

    private sealed record PendingCall(string Id, string Tool)
    {
        public StringBuilder Arguments { get; } = new();
    }
}
