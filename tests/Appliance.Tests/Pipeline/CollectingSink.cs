using System.Text;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>Keeps what it is given.</summary>
internal sealed class CollectingSink : IAnswerSink
{
    private readonly StringBuilder _text = new();

    public List<EventKind> Kinds { get; } = [];
    public FinishReason Finished { get; private set; }
    public string Text => _text.ToString();
    public Func<ModelEvent, ValueTask>? OnWrite { get; init; }

    public ValueTask WriteAsync(ModelEvent item)
    {
        Kinds.Add(item.Kind);
        if (item.Kind == EventKind.Text)
        {
            _text.Append(Encoding.UTF8.GetString(item.Utf8.Span));
        }

        Finished = item.Kind == EventKind.Finished ? item.Reason : Finished;
        return OnWrite?.Invoke(item) ?? ValueTask.CompletedTask;
    }
}
