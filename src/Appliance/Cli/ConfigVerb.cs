using System.CommandLine;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Config;

namespace Jesus.Appliance.Cli;

/// <summary><c>jesus config check / dump / schema</c>.</summary>
internal static class ConfigVerb
{
    private static readonly Option<string?> File = new("--config") { Description = $"The file (default: {ConfigLoader.DefaultPath} if it exists).", HelpName = "FILE" };

    public static Command Create() => Verb.Group("config", "Check and show the configuration.",
        Verb.Of("check", "Find everything that is wrong with the configuration.", "jesus config check --config /etc/jesus/jesus.json", Check, File),
        Verb.Of("dump", "Print the effective values and where each came from; secrets are masked.", "jesus config dump", Dump, File),
        Verb.Of("schema", "Print the JSON schema of the configuration.", "jesus config schema > jesus.schema.json", Schema));

    private static Task<int> Check(VerbCall call)
    {
        var loaded = Load(call);
        if (call.Json)
        {
            call.Screen.Line(JsonOf(loaded.Errors));
        }
        else if (loaded.IsValid)
        {
            call.Screen.Line("the configuration is valid");
        }
        else
        {
            Complain(call.Screen, loaded);
        }

        return Task.FromResult(loaded.IsValid ? ExitCodes.Done : ExitCodes.BadUsage);
    }

    private static Task<int> Dump(VerbCall call)
    {
        var loaded = Load(call);
        Complain(call.Screen, loaded);
        var values = loaded.Dump().Values;
        if (call.Json)
        {
            call.Screen.Line(JsonOf(values));
        }
        else
        {
            var width = values.Max(v => v.Path.Length + v.Json.Length) + 3;
            foreach (var (path, json, source) in values)
            {
                call.Screen.Line($"{path} = {json}".PadRight(width) + "  " + call.Screen.Dim("# " + source));
            }
        }

        return Task.FromResult(loaded.IsValid ? ExitCodes.Done : ExitCodes.BadUsage);
    }

    private static Task<int> Schema(VerbCall call)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = Gateway.JsonReply.Options.Encoder }))
        {
            ConfigLoader.WriteSchema(json);
        }

        call.Screen.Line(Encoding.UTF8.GetString(buffer.ToArray()));
        return Task.FromResult(ExitCodes.Done);
    }

    /// <summary>Every error on its own line of the standard error.</summary>
    public static void Complain(Screen screen, LoadedConfig loaded)
    {
        foreach (var error in loaded.Errors)
        {
            screen.Complain(error.ToString());
        }
    }

    private static LoadedConfig Load(VerbCall call) => ConfigLoader.Load(call.Parsed.GetValue(File), Environment.GetEnvironmentVariables());

    private static string JsonOf(IReadOnlyList<ConfigError> errors) => JsonLine.Of(json =>
    {
        json.WriteBoolean("valid"u8, errors.Count == 0);
        json.WriteStartArray("errors"u8);
        foreach (var error in errors)
        {
            json.WriteStartObject();
            json.WriteString("file"u8, error.Place.Name);
            json.WriteNumber("line"u8, error.Place.Line);
            json.WriteNumber("column"u8, error.Place.Column);
            json.WriteString("path"u8, error.Path);
            json.WriteString("message"u8, error.Message);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    private static string JsonOf(IReadOnlyList<(string Path, string Json, string Source)> values) => JsonLine.Of(json =>
    {
        foreach (var (path, value, source) in values)
        {
            json.WriteStartObject(path);
            json.WritePropertyName("value"u8);
            json.WriteRawValue(value);
            json.WriteString("source"u8, source);
            json.WriteEndObject();
        }
    });
}
