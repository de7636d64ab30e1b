using System.Text;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Rescue;

/// <summary>A model that reasons before it speaks, a token a piece, and that goes on after any of them.</summary>
internal sealed class ThinkingAdapter : IModelAdapter
{
    private static readonly (EventKind Kind, string Text)[] Said =
    [
        (EventKind.Reasoning, "The "), (EventKind.Reasoning, "sky: "), (EventKind.Reasoning, "blué"), (EventKind.Text, "It "), (EventKind.Text, "is "), (EventKind.Text, "blue."),
    ];

    private static readonly NumericsProfile Numerics = new(1, 2, 3, 4);

    public AdapterId Id { get; } = new("local", "thinking");

    public CapacitySnapshot Capacity(ModelKey model) => new() { Available = true, TotalSlots = 8, Numerics = Numerics };

    public bool Forwards(ApiShape shape) => false;

    public int CountInputTokens(ModelRequest request) => 10 + request.ShownTokens.Length;

    public async ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Started });
        var begin = request.ShownTokens.Length;
        var at = begin;
        for (; at < Said.Length && !cancel.IsCancellationRequested; at++)
        {
            await sink.WriteAsync(new ModelEvent { Kind = Said[at].Kind, Utf8 = Encoding.UTF8.GetBytes(Said[at].Text), Tokens = new TokenSpan(new[] { at }, default) });
        }

        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Finished, Reason = FinishReason.Stop });
        return new CallResult { Reason = FinishReason.Stop, Numerics = Numerics, Usage = new Usage { InputTokens = 10 + begin, OutputTokens = at - begin } };
    }
}
