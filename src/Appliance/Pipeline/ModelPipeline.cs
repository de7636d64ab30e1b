using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>The path of one model call; every caller takes it. The nine steps stand in docs/ARCHITECTURE.md.</summary>
public sealed class ModelPipeline
{
    /// <summary>Runs one call to its end. The answer streams into <paramref name="sink"/>; expected failures are in the outcome.</summary>
    public ValueTask<Outcome> RunAsync(ModelCall call, IAnswerSink sink, CancellationToken cancel) =>
        ValueTask.FromResult(new Outcome { Error = new ModelError(ErrorCause.Internal, "not implemented"), Reason = FinishReason.Error });
}
