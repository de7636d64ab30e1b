using System.Buffers;
using System.CommandLine;
using System.Text.Json;
using Jesus.Appliance.Gateway;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus ask TEXT</c>: one chat call.</summary>
internal static class AskVerb
{
    private static readonly Argument<string> Text = new("text") { Description = "What to ask; - reads it from the standard input." };
    private static readonly Option<string?> Model = new("--model") { Description = "Model or route (default: the daemon's first).", HelpName = "NAME" };
    private static readonly Option<bool> Stream = new("--stream") { Description = "Print the answer as it is made." };
    private static readonly Option<string?> System = new("--system") { Description = "Instructions before the question.", HelpName = "TEXT" };
    private static readonly Option<int?> MaxTokens = new("--max-tokens") { Description = "Longest answer in tokens.", HelpName = "N" };
    private static readonly Option<double?> Temperature = new("--temperature") { Description = "0 is always the likeliest; up to 2.", HelpName = "T" };
    private static readonly Option<long?> Seed = new("--seed") { Description = "Makes a drawn answer repeatable.", HelpName = "N" };

    public static Command Create() => Verb.Of("ask", "Ask a model one question.", "jesus ask \"Who are you?\" --stream", RunAsync,
        Text, Model, Stream, System, MaxTokens, Temperature, Seed);

    private static async Task<int> RunAsync(VerbCall call)
    {
        using var daemon = call.Connect();
        var model = call.Parsed.GetValue(Model) ?? await FirstModelAsync(daemon, call.Cancel);
        var stream = call.Parsed.GetValue(Stream) && !call.Json;
        var body = Body(call.Parsed, model, stream);
        if (stream)
        {
            return await StreamAsync(call, daemon, body);
        }

        var answer = DaemonClient.Expect(await daemon.PostAsync("/v1/chat/completions", body, call.Cancel));
        if (call.Json)
        {
            return call.PrintJson(answer);
        }

        using var document = JsonDocument.Parse(answer);
        var choice = document.RootElement.GetProperty("choices"u8)[0];
        call.Screen.Line(Screen.Safe(choice.GetProperty("message"u8).GetProperty("content"u8).GetString() ?? ""));
        return Finish(call, choice.GetProperty("finish_reason"u8).GetString());
    }

    private static async Task<string> FirstModelAsync(DaemonClient daemon, CancellationToken cancel)
    {
        using var document = JsonDocument.Parse(DaemonClient.Expect(await daemon.GetAsync("/v1/models", cancel)));
        foreach (var model in document.RootElement.GetProperty("data"u8).EnumerateArray())
        {
            return model.GetProperty("id"u8).GetString()!;
        }

        throw new VerbException(ExitCodes.Failed, $"the daemon at {daemon.Address.Name} has no model. Add one with `jesus models add FILE`.");
    }

    private static byte[] Body(ParseResult parsed, string model, bool stream)
    {
        var text = parsed.GetValue(Text)!;
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonReply.Options))
        {
            json.WriteStartObject();
            json.WriteString("model"u8, model);
            json.WriteStartArray("messages"u8);
            if (parsed.GetValue(System) is { } system)
            {
                WriteMessage(json, "system"u8, system);
            }

            WriteMessage(json, "user"u8, text == "-" ? Console.In.ReadToEnd() : text);
            json.WriteEndArray();
            json.WriteBoolean("stream"u8, stream);
            WriteSampling(json, parsed);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteSampling(Utf8JsonWriter json, ParseResult parsed)
    {
        if (parsed.GetValue(MaxTokens) is { } tokens)
        {
            json.WriteNumber("max_tokens"u8, tokens);
        }

        if (parsed.GetValue(Temperature) is { } temperature)
        {
            json.WriteNumber("temperature"u8, temperature);
        }

        if (parsed.GetValue(Seed) is { } seed)
        {
            json.WriteNumber("seed"u8, seed);
        }
    }

    private static void WriteMessage(Utf8JsonWriter json, ReadOnlySpan<byte> role, string text)
    {
        json.WriteStartObject();
        json.WriteString("role"u8, role);
        json.WriteString("content"u8, text);
        json.WriteEndObject();
    }

    private static async Task<int> StreamAsync(VerbCall call, DaemonClient daemon, byte[] body)
    {
        using var response = await daemon.OpenAsync(HttpMethod.Post, "/v1/chat/completions", body, call.Cancel);
        if (!response.IsSuccessStatusCode)
        {
            throw DaemonClient.Refused(new DaemonReply((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(call.Cancel)));
        }

        string? reason = null;
        await using var stream = await response.Content.ReadAsStreamAsync(call.Cancel);
        await foreach (var item in EventStream.ReadAsync(stream, call.Cancel))
        {
            if (item.Data == "[DONE]")
            {
                call.Screen.Line();
                return Finish(call, reason);
            }

            using var chunk = JsonDocument.Parse(item.Data);
            reason = Show(call.Screen, chunk.RootElement) ?? reason;
        }

        throw new VerbException(ExitCodes.Failed, "the answer broke off. Ask again; the daemon's log says why.");
    }

    private static string? Show(Screen screen, JsonElement chunk)
    {
        if (chunk.TryGetProperty("error"u8, out var error))
        {
            screen.Line();
            throw new VerbException(ExitCodes.Failed, error.GetProperty("message"u8).GetString() ?? "the answer broke off");
        }

        foreach (var choice in chunk.GetProperty("choices"u8).EnumerateArray())
        {
            if (choice.GetProperty("delta"u8).TryGetProperty("content"u8, out var content) && content.GetString() is { } text)
            {
                screen.Out.Write(Screen.Safe(text));
            }

            return choice.GetProperty("finish_reason"u8).GetString();
        }

        return null;
    }

    private static int Finish(VerbCall call, string? reason)
    {
        if (reason == "length")
        {
            call.Screen.Complain("the answer was cut at its longest length; --max-tokens allows more.");
        }

        return ExitCodes.Done;
    }
}
