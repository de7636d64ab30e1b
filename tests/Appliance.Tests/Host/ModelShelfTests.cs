using System.Buffers;
using System.Collections;
using System.Text;
using Jesus.Appliance.Config;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Host;
using Jesus.Appliance.Telemetry;
using Jesus.Appliance.Tests.Rescue;
using Jesus.Inference.Engine.Native;

namespace Jesus.Appliance.Tests.Host;

/// <summary>The rooms of a real daemon over two copies of the demonstration model.</summary>
public sealed class ModelShelfTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LogHub _log = new(new LogOptions { Format = LogFormat.Text }, System.IO.Stream.Null, isTerminal: false, TimeProvider.System);

    public ModelShelfTests()
    {
        Assert.SkipUnless(File.Exists(NanoBoxes.File), "needs models/jesus-nano.gguf of the repository: run the tests from a checkout");
        Assert.SkipWhen(NativeLibraryCheck.WhyUnavailable is not null, NativeLibraryCheck.WhyUnavailable ?? "");
        _ = Directory.CreateDirectory(_folder.File("models"));
        File.Copy(NanoBoxes.File, _folder.File("models/one.gguf"));
        File.Copy(NanoBoxes.File, _folder.File("models/two.gguf"));
    }

    public void Dispose()
    {
        _log.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Models_are_preloaded_as_far_as_the_memory_goes_and_none_goes_for_a_later_one()
    {
        // Weights, work and the least cache of one are some 75 MB.
        await using var rooms = Open("""{ "preload": ["one", "absent", "two"], "memoryBytesMax": 100000000, "kvBytesMax": 1048576 }""");
        await rooms.Models.PreloadAsync(rooms.Readiness);
        Assert.Equal(["one"], rooms.Engine.Loaded.Select(model => model.Name));
        Assert.Equal(1, rooms.Engine.Counts.Loads);
        var listed = rooms.Models.List().Where(model => model.OwnedBy == "local").ToDictionary(model => model.Id);
        Assert.Equal(("ready", "idle"), (listed["one"].State, listed["two"].State));
        Assert.True(listed["one"].Residence!.Value.MemoryBytes > 64 << 20);
        Assert.InRange(rooms.Models.Memory.Used, 1, rooms.Models.Memory.Cap);
    }

    [Fact]
    public async Task Orders_load_pin_unload_and_remove_and_the_metrics_tell()
    {
        await using var rooms = Open("""{ "kvBytesMax": 1048576 }""");
        var cancel = CancellationToken.None;
        Assert.Equal(ModelOrderCode.NotFound, (await rooms.Models.LoadAsync("absent", pin: false, cancel)).Code);
        Assert.Equal(ModelOrderCode.NotFound, (await rooms.Models.UnloadAsync("absent", null, cancel)).Code);
        Assert.Equal(ModelOrderCode.Done, (await rooms.Models.LoadAsync("one", pin: true, cancel)).Code);
        Assert.True(rooms.Models.List().Single(model => model.Id == "one").Residence!.Value.IsPinned);
        var text = Metrics(rooms);
        Assert.Contains("jesus_models_memory_cap_bytes", text, StringComparison.Ordinal);
        Assert.Contains("jesus_models_unloads_total{reason=\"asked\"}", text, StringComparison.Ordinal);
        Assert.Contains("jesus_models_load_seconds_total", text, StringComparison.Ordinal);
        Assert.Equal(ModelOrderCode.Done, (await rooms.Models.UnloadAsync("one", null, cancel)).Code);
        Assert.False(rooms.Models.List().Single(model => model.Id == "one").Residence!.Value.IsPinned);
        Assert.Equal(1, rooms.Engine.Counts.UnloadsAsked);
        Assert.Equal(ModelOrderCode.Done, (await rooms.Models.RemoveAsync("one", null, cancel)).Code);
        Assert.DoesNotContain(rooms.Models.List(), model => model.Id == "one");
        Assert.False(File.Exists(_folder.File("models/one.gguf")));
        Assert.True(File.Exists(_folder.File("model-hashes")), "hashes are not kept in the state folder");
    }

    private static string Metrics(Rooms rooms)
    {
        var buffer = new ArrayBufferWriter<byte>();
        rooms.Metrics.Write(buffer, openMetrics: false);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private Rooms Open(string engine)
    {
        var loaded = ConfigLoader.Parse(Encoding.UTF8.GetBytes($$"""{ "engine": {{engine}} }"""), "test.json", new Hashtable());
        Assert.Empty(loaded.Errors);
        return Rooms.Open(new ServeSettings(null, _folder.Path, null, null), loaded.Config, _log, "test");
    }
}
