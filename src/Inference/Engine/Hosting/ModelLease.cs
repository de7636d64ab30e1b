using Jesus.Inference.Contract;

namespace Jesus.Inference.Engine.Hosting;

/// <summary>
/// A call's hold on a model: until it is disposed (once), the model is neither unloaded for another's sake nor by time, and an operator's unloading waits for it. Without a model
/// it says why.
/// </summary>
public readonly record struct ModelLease : IDisposable
{
    private readonly ModelHost? _host;
    private readonly ModelSlot? _slot;

    internal ModelLease(ModelHost host, ModelSlot slot, LoadedModel model)
    {
        _host = host;
        _slot = slot;
        Model = model;
    }

    internal ModelLease(ModelError error) => Error = error;

    public LoadedModel? Model { get; }
    public ModelError Error { get; }

    public void Dispose() => _host?.Return(_slot!);
}
