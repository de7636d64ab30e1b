using System.Text;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Tests.Adapters.Local;

/// <summary>Keeps a copy of every event; may run something on each.</summary>
internal sealed class RecordingSink(Func<ModelEvent, ValueTask>? onEvent = null) : IAnswerSink
{
    public List<ModelEvent> Events { get; } = [];

    public async ValueTask WriteAsync(ModelEvent item)
    {
        Events.Add(item with
        {
            Utf8 = item.Utf8.ToArray(),
            ToolCallId = item.ToolCallId.ToArray(),
            Tokens = new TokenSpan(item.Tokens.Ids.ToArray(), item.Tokens.LogProbs.ToArray()),
        });
        if (onEvent is not null)
        {
            await onEvent(item);
        }
    }

    /// <summary>The texts of one choice, joined.</summary>
    public string Text(int choice = 0) => Join(EventKind.Text, choice);

    public string Join(EventKind kind, int choice = 0, int? index = null) => Encoding.UTF8.GetString(
        [.. Events.Where(item => item.Kind == kind && item.Choice == choice && (index is null || item.Index == index)).SelectMany(item => item.Utf8.ToArray())]);
}
