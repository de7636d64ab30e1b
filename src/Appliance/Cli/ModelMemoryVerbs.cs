using System.CommandLine;
using System.Text.Json;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus models load / unload / rm</c>: what a running daemon has in memory and on disk.</summary>
internal static class ModelMemoryVerbs
{
    private static readonly Argument<string> Model = new("model") { Description = "The model, as `jesus models ls` names it." };
    private static readonly Option<bool> Pin = new("--pin") { Description = "Keep it in memory: it goes neither for another model nor by time, until it is unloaded." };
    private static readonly Option<double?> Drain = new("--drain")
    {
        Description = "Seconds that calls under way may take before they are ended (default: engine.drainSeconds).",
        HelpName = "SECONDS",
    };

    public static Command Load() =>
        Verb.Of("load", "Take a model into memory before it is called.", "jesus models load jesus-nano --pin", LoadAsync, Model, Pin);

    public static Command Unload() =>
        Verb.Of("unload", "Take a model out of memory once its calls are over; the next call loads it again.", "jesus models unload jesus-nano --drain 10",
            UnloadAsync, Model, Drain);

    public static Command Remove() =>
        Verb.Of("rm", "Delete a model's file (of a link, the link) and unload the model.", "jesus models rm old-model", RemoveAsync, Model, Drain);

    private static Task<int> LoadAsync(VerbCall call) =>
        OrderAsync(call, HttpMethod.Post, "/load", JsonLine.Bytes(json => json.WriteBoolean("pin"u8, call.Parsed.GetValue(Pin))));

    private static Task<int> UnloadAsync(VerbCall call) => OrderAsync(call, HttpMethod.Post, "/unload", DrainBody(call));

    private static Task<int> RemoveAsync(VerbCall call) => OrderAsync(call, HttpMethod.Delete, "", DrainBody(call));

    private static byte[] DrainBody(VerbCall call) => JsonLine.Bytes(json =>
    {
        if (call.Parsed.GetValue(Drain) is { } seconds)
        {
            json.WriteNumber("drain_seconds"u8, seconds);
        }
    });

    private static async Task<int> OrderAsync(VerbCall call, HttpMethod method, string tail, byte[] body)
    {
        using var daemon = call.Connect();
        var path = "/api/v1/models/" + Uri.EscapeDataString(call.Parsed.GetValue(Model)!) + tail;
        var answer = DaemonClient.Expect(await daemon.SendAsync(method, path, body, call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(answer);
        }

        using var document = JsonDocument.Parse(answer);
        call.Screen.Line(Screen.Safe(document.RootElement.GetProperty("detail"u8).GetString() ?? ""));
        return ExitCodes.Done;
    }
}
