using System.Collections;
using System.Text;
using Jesus.Appliance.Config;
using Jesus.Appliance.Host;
using Jesus.Appliance.Telemetry;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Appliance.Tests.Rescue;

namespace Jesus.Appliance.Tests.Host;

/// <summary>The rooms of a real daemon whose configuration gives the demonstration model a draft model: itself.</summary>
public sealed class DraftModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LogHub _log = new(new LogOptions { Format = LogFormat.Text }, Stream.Null, isTerminal: false, TimeProvider.System);

    public void Dispose()
    {
        _log.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_draft_model_of_the_configuration_is_loaded_with_its_model_and_leaves_the_answer_as_it_is()
    {
        var models = Directory.CreateDirectory(Path.Combine(_folder.Path, "models")).FullName;
        File.CreateSymbolicLink(Path.Combine(models, "alone.gguf"), NanoBoxes.File);
        File.CreateSymbolicLink(Path.Combine(models, "nano.gguf"), NanoBoxes.File);
        var read = ConfigLoader.Parse(Encoding.UTF8.GetBytes("""{ "engine": { "draftModels": { "nano": "alone.gguf" } } }"""), "test.json", new Hashtable());
        Assert.Empty(read.Errors);
        await using var rooms = Rooms.Open(new ServeSettings(null, _folder.Path, null, null), read.Config, _log, "test");
        _ = rooms.Models.Refresh();
        Assert.Equal(await AskAsync(rooms, "alone"), await AskAsync(rooms, "nano"));
        var (alone, nano) = (rooms.Engine.Find("alone")!, rooms.Engine.Find("nano")!);
        Assert.Equal((null, alone.Device.WeightBytes), (alone.Draft, nano.Draft!.Info.WeightBytes));
    }

    private static async Task<string> AskAsync(Rooms rooms, string model)
    {
        var sink = new CollectingSink();
        var call = TestPipeline.Call();
        call.RouteName = model;
        call.Request.MaxOutputTokens = 40;
        call.Request.Sampling = call.Request.Sampling with { Temperature = 1, Seed = 1 };
        var outcome = await rooms.Pipeline.RunAsync(call, sink, CancellationToken.None);
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        return sink.Text;
    }
}
