using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Embeddings;

namespace Jesus.Inference.Adapters.Local;

/// <summary>
/// Embeddings and reranking by the box's own models: one <see cref="EventKind.Vector"/> event for each text, in the texts' order, once all are computed. Vectors have
/// length 1; scores are 0 to 1.
/// </summary>
internal sealed class LocalVectors(TimeProvider time)
{
    [ThreadStatic]
    private static EmbeddingCall? s_counting;

    public async ValueTask<CallResult> CallAsync(LoadedModel model, ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        var call = model.Vectors.Rent();
        try
        {
            var error = model.Vectors.Read(request, call);
            (call.Deadline, call.Priority) = (request.Deadline, request.Priority);
            error = error.IsNone && cancel.IsCancellationRequested ? new ModelError(ErrorCause.Cancelled, "The caller cancelled the call.") : error;
            error = error.IsNone ? model.Engine.Submit(call) : error;
            return error.IsNone ? await AnswerAsync(model, call, request, sink, cancel) : new CallResult { Error = error, Reason = ReasonOf(error) };
        }
        finally
        {
            model.Vectors.Return(call);
        }
    }

    /// <summary>Exact: the tokens of all texts.</summary>
    public static int CountTokens(LoadedModel model, ModelRequest request)
    {
        var call = s_counting ??= new EmbeddingCall();
        var error = model.Vectors.Read(request, call);
        var count = error.IsNone ? call.Tokens.Count : RequestBound.Tokens(request);
        call.Reset();
        return count;
    }

    private async ValueTask<CallResult> AnswerAsync(LoadedModel model, EmbeddingCall call, ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        var started = time.GetTimestamp();
        await WaitAsync(model, call, cancel);
        model.Engine.Observe(time.GetElapsedTime(started));
        for (var i = 0; i < call.Count && call.Error.IsNone; i++)
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Vector, Index = i, Vector = model.Vectors.Finish(call, i, request.EmbedDimensions) });
        }

        return new CallResult
        {
            Error = call.Error,
            Reason = ReasonOf(call.Error),
            Numerics = model.Numerics,
            Usage = new Usage { InputTokens = call.TokensDone, ComputeMicroseconds = (long)(call.ComputeTicks * 1e6 / time.TimestampFrequency) },
        };
    }

    private static FinishReason ReasonOf(in ModelError error) => error.Cause switch
    {
        ErrorCause.None => FinishReason.Stop,
        ErrorCause.Cancelled => FinishReason.Cancelled,
        _ => FinishReason.Error,
    };

    /// <summary>Until the engine has let go of the call, cancelled or not.</summary>
    private static async ValueTask WaitAsync(LoadedModel model, EmbeddingCall call, CancellationToken cancel)
    {
        await using var registration = cancel.UnsafeRegister(static state =>
        {
            var (engine, call) = ((InferenceEngine, EmbeddingCall))state!;
            engine.Cancel(call);
        }, (model.Engine, call));
        await call.WaitAsync();
    }
}
