using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Backends;

namespace Jesus.Inference.Tests.Nano;

/// <summary>The demonstration model on the kernels, loaded once for all tests of a class.</summary>
public sealed class NanoHost : IDisposable
{
    public NanoHost()
    {
        Models = new ModelHost(new ModelHostOptions { Paths = new Dictionary<string, ModelPath> { ["jesus-nano"] = new(TestData.NanoModel) }, Threads = 2 }, TimeProvider.System);
        Adapter = new LocalAdapter(Models, TimeProvider.System);
    }

    public ModelHost Models { get; }
    public LocalAdapter Adapter { get; }

    public async Task<LoadedModel> LoadAsync()
    {
        Assert.SkipUnless(TestData.HasNano, TestData.NanoMissing);
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        var load = await Models.LoadAsync("jesus-nano");
        Assert.True(load.Succeeded, load.Error.Message);
        return load.Model!;
    }

    public void Dispose() => Models.Dispose();
}
