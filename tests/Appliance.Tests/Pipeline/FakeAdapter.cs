using System.Text;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>An adapter whose answer is a function of the test.</summary>
internal sealed class FakeAdapter(string provider, Func<ModelRequest, IAnswerSink, CancellationToken, ValueTask<CallResult>> answer, string kind = "fake")
    : IModelAdapter
{
    private int _calls;

    public AdapterId Id { get; } = new(kind, provider);
    public int Calls => Volatile.Read(ref _calls);
    public int InputTokens { get; init; } = 10;

    public NumericsProfile Numerics { get; set; }

    public CapacitySnapshot Capacity(ModelKey model) => new() { Available = true, Numerics = Numerics };

    public ApiShape ForwardedShape { get; init; }

    public bool Forwards(ApiShape shape) => shape != ApiShape.None && shape == ForwardedShape;

    public int CountInputTokens(ModelRequest request) => InputTokens;

    public ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        Interlocked.Increment(ref _calls);
        return answer(request, sink, cancel);
    }

    /// <summary>Says a text and states its usage.</summary>
    public static FakeAdapter Saying(string provider, string text, int input = 10, int output = 5, string kind = "fake") =>
        new(provider, (_, sink, _) => SayAsync(sink, text, input, output), kind);

    public static FakeAdapter Failing(string provider, ErrorCause cause, TimeSpan retryAfter = default) =>
        new(provider, (_, _, _) => ValueTask.FromResult(new CallResult { Error = new ModelError(cause, "it failed", RetryAfter: retryAfter) }));

    public static async ValueTask<CallResult> SayAsync(IAnswerSink sink, string text, int input = 10, int output = 5, FinishReason reason = FinishReason.Stop)
    {
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Started });
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = Encoding.UTF8.GetBytes(text) });
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Finished, Reason = reason });
        return new CallResult { Reason = reason, Usage = new Usage { InputTokens = input, OutputTokens = output } };
    }
}
