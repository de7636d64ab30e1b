using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway;

/// <summary>The pipeline as the gateway calls it (<see cref="ModelPipeline.RunAsync"/>).</summary>
public delegate ValueTask<Outcome> ModelCaller(ModelCall call, IAnswerSink sink, CancellationToken cancel);
