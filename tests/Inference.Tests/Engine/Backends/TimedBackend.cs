using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Tests.Clocks;

namespace Jesus.Inference.Tests.Engine.Backends;

/// <summary>Another backend whose passes take a stated time on a clock that moves only when told: policies that measure decide alike in every run. The other's is not disposed.</summary>
internal sealed class TimedBackend(IBackend inner, ManualTime time, TimeSpan pass, TimeSpan row) : IBackend
{
    public ModelShape Shape => inner.Shape;
    public BackendInfo Info => inner.Info;

    public void Forward(ForwardBatch batch)
    {
        inner.Forward(batch);
        time.Advance(pass + (row * batch.Rows));
    }

    public int? FindNotFinite(ForwardBatch batch, int sequence) => inner.FindNotFinite(batch, sequence);

    public void Dispose()
    {
        // The other is its owner's.
    }
}
