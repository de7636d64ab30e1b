using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Native;

namespace Jesus.Appliance.Tests.Rescue;

/// <summary>The demonstration model in two engines of their own, as two boxes have it, and once more with another arithmetic. Loaded once for all tests.</summary>
public sealed class NanoBoxes : IAsyncLifetime
{
    public const string Model = "m";

    private readonly List<ModelHost> _hosts = [];

    internal LocalAdapter One { get; private set; } = null!;
    internal LocalAdapter Two { get; private set; } = null!;

    /// <summary>The same file with 32-bit keys and values.</summary>
    internal LocalAdapter Other { get; private set; } = null!;

    /// <summary>A model of the repository, found from where the tests lie.</summary>
    public static string File { get; } = Find();

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(System.IO.File.Exists(File), "needs models/jesus-nano.gguf of the repository: run the tests from a checkout");
        One = (await LoadAsync(KvElementType.F16)).Adapter;
        Two = (await LoadAsync(KvElementType.F16)).Adapter;
        Other = (await LoadAsync(KvElementType.F32)).Adapter;
    }

    internal async Task<(ModelHost Host, LocalAdapter Adapter)> LoadAsync(KvElementType kv)
    {
        var host = new ModelHost(
            new ModelHostOptions
            {
                Paths = new Dictionary<string, ModelPath> { [Model] = new(File) },
                Threads = 1,
                KvType = kv,
                KvBytesMax = 32L << 20,
                UseReferenceBackend = NativeLibraryCheck.WhyUnavailable is not null,
            },
            TimeProvider.System);
        _hosts.Add(host);
        var load = await host.LoadAsync(Model);
        Assert.True(load.Succeeded, load.Error.Message);
        return (host, new LocalAdapter(host, TimeProvider.System));
    }

    public ValueTask DisposeAsync()
    {
        _hosts.ForEach(host => host.Dispose());
        return ValueTask.CompletedTask;
    }

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !System.IO.File.Exists(Path.Combine(folder.FullName, "Jesus.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder?.FullName ?? "", "models", "jesus-nano.gguf");
    }
}
