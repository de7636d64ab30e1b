using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Security;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner.Machine;

/// <summary>
/// Run events as journal records: one JSON object with <c>run</c> first and <c>type</c> second, absent instead of null. Names are on disk: add, never
/// rename. Times are UTC ticks.
/// </summary>
public static class RunEventCodec
{
    private static readonly string[] TypeNames =
    [
        "run.submitted", "step.finished", "step.retrying", "step.waiting", "step.answered", "tool.intent", "agent.called", "agent.result",
        "run.cancelling", "run.retried", "run.finished",
    ];

    private static readonly string[] StepStates = ["pending", "running", "waiting", "done", "skipped", "failed", "cancelled", "unknown"];
    private static readonly string[] RunStates = ["queued", "running", "waiting", "succeeded", "failed", "cancelled"];

    public static string NameOf(RunEventType type) => TypeNames[(int)type];

    public static string NameOf(StepStateName state) => StepStates[(int)state];

    public static string NameOf(RunStateName state) => RunStates[(int)state];

    public static void Write(IBufferWriter<byte> buffer, RunEvent item)
    {
        using var writer = new Utf8JsonWriter(buffer, JsonValues.Compact);
        writer.WriteStartObject();
        writer.WriteString("run"u8, item.RunId);
        writer.WriteString("type"u8, TypeNames[(int)item.Type]);
        writer.WriteNumber("at"u8, item.At.UtcTicks);
        WriteText(writer, "step"u8, item.Step);
        if (item.Submitted is { } submitted)
        {
            WriteSubmitted(writer, submitted);
        }

        WriteResult(writer, item);
        WriteSteering(writer, item);
        WriteCalls(writer, item.Calls);
        writer.WriteEndObject();
    }

    /// <exception cref="JsonException">The record is none of this room's.</exception>
    public static RunEvent Read(ReadOnlySpan<byte> utf8)
    {
        var json = JsonValues.Parse(utf8);
        return new RunEvent
        {
            RunId = json.GetProperty("run"u8).GetString()!,
            Type = (RunEventType)IndexOf(TypeNames, json, "type"u8),
            At = Time(json, "at"u8)!.Value,
            Step = Text(json, "step"u8) ?? "",
            Submitted = json.TryGetProperty("workflow"u8, out _) ? ReadSubmitted(json) : null,
            Outcome = json.TryGetProperty("outcome"u8, out _) ? (StepStateName)IndexOf(StepStates, json, "outcome"u8) : default,
            Output = json.TryGetProperty("output"u8, out var output) ? output : null,
            OutputHash = Text(json, "output_hash"u8),
            Message = Text(json, "message"u8),
            Artifact = json.TryGetProperty("artifact"u8, out var artifact)
                ? new ArtifactRecord(Text(artifact, "name"u8)!, Text(artifact, "sha256"u8)!, Number(artifact, "bytes"u8), Text(artifact, "media"u8)!)
                : null,
            StartedAt = Time(json, "started"u8),
            Attempt = (int)Number(json, "attempt"u8),
            TokensIn = Number(json, "tokens_in"u8),
            TokensOut = Number(json, "tokens_out"u8),
            CostMicroUsd = Number(json, "cost_micro_usd"u8),
            Estimated = json.TryGetProperty("estimated"u8, out _),
            TimesAside = (int)Number(json, "aside_times"u8),
            AsideMs = Number(json, "aside_ms"u8),
            AtMost = json.TryGetProperty("at_most"u8, out var most)
                ? new ToolSpending(Number(most, "tokens_in"u8), Number(most, "tokens_out"u8), Number(most, "cost_micro_usd"u8), Estimated: true)
                : null,
            DueAt = Time(json, "due"u8),
            Fresh = json.TryGetProperty("fresh"u8, out _),
            By = Text(json, "by"u8),
            Approved = json.TryGetProperty("approved"u8, out var approved) && approved.GetBoolean(),
            Note = Text(json, "note"u8),
            Calls = json.TryGetProperty("calls"u8, out var calls)
                ? [.. calls.EnumerateArray().Select(call => new AgentCall(Text(call, "id"u8)!, Text(call, "tool"u8)!, Text(call, "arguments"u8)!))]
                : [],
            CallIndex = json.TryGetProperty("call"u8, out var index) ? index.GetInt32() : -1,
            RunState = json.TryGetProperty("state"u8, out _) ? (RunStateName)IndexOf(RunStates, json, "state"u8) : default,
            RefusedByBudget = json.TryGetProperty("budget"u8, out _),
        };
    }

    private static void WriteResult(Utf8JsonWriter writer, RunEvent item)
    {
        if (item.Type is RunEventType.StepFinished or RunEventType.AgentResult)
        {
            writer.WriteString("outcome"u8, StepStates[(int)item.Outcome]);
        }

        if (item.Type == RunEventType.Finished)
        {
            writer.WriteString("state"u8, RunStates[(int)item.RunState]);
        }

        if (item.OutputHash is null && item.Output is { } output)
        {
            writer.WritePropertyName("output"u8);
            output.WriteTo(writer);
        }

        WriteText(writer, "output_hash"u8, item.OutputHash);
        WriteText(writer, "message"u8, item.Message);
        if (item.Artifact is { } artifact)
        {
            writer.WriteStartObject("artifact"u8);
            writer.WriteString("name"u8, artifact.Name);
            writer.WriteString("sha256"u8, artifact.Sha256);
            writer.WriteNumber("bytes"u8, artifact.Bytes);
            writer.WriteString("media"u8, artifact.MediaType);
            writer.WriteEndObject();
        }

        WriteTime(writer, "started"u8, item.StartedAt);
        WriteNumber(writer, "attempt"u8, item.Attempt);
        WriteNumber(writer, "tokens_in"u8, item.TokensIn);
        WriteNumber(writer, "tokens_out"u8, item.TokensOut);
        WriteNumber(writer, "cost_micro_usd"u8, item.CostMicroUsd);
        WriteNumber(writer, "aside_times"u8, item.TimesAside);
        WriteNumber(writer, "aside_ms"u8, item.AsideMs);
        if (item.Estimated)
        {
            writer.WriteBoolean("estimated"u8, true);
        }

        if (item.AtMost is { } most)
        {
            writer.WriteStartObject("at_most"u8);
            WriteNumber(writer, "tokens_in"u8, most.TokensIn);
            WriteNumber(writer, "tokens_out"u8, most.TokensOut);
            WriteNumber(writer, "cost_micro_usd"u8, most.CostMicroUsd);
            writer.WriteEndObject();
        }

        if (item.RefusedByBudget)
        {
            writer.WriteBoolean("budget"u8, true);
        }
    }

    private static void WriteSteering(Utf8JsonWriter writer, RunEvent item)
    {
        WriteTime(writer, "due"u8, item.DueAt);
        WriteText(writer, "by"u8, item.By);
        WriteText(writer, "note"u8, item.Note);
        if (item.Fresh)
        {
            writer.WriteBoolean("fresh"u8, true);
        }

        if (item.Type == RunEventType.StepAnswered)
        {
            writer.WriteBoolean("approved"u8, item.Approved);
        }

        if (item.CallIndex >= 0)
        {
            writer.WriteNumber("call"u8, item.CallIndex);
        }
    }

    private static void WriteCalls(Utf8JsonWriter writer, IReadOnlyList<AgentCall> calls)
    {
        if (calls.Count == 0)
        {
            return;
        }

        writer.WriteStartArray("calls"u8);
        foreach (var call in calls)
        {
            writer.WriteStartObject();
            writer.WriteString("id"u8, call.Id);
            writer.WriteString("tool"u8, call.Tool);
            writer.WriteString("arguments"u8, call.Arguments);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteSubmitted(Utf8JsonWriter writer, SubmittedRun submitted)
    {
        writer.WriteString("workflow"u8, submitted.WorkflowName);
        writer.WriteString("file"u8, submitted.FileName);
        writer.WriteString("workflow_hash"u8, submitted.WorkflowHash);
        if (submitted.Files.Count > 0)
        {
            writer.WriteStartObject("files"u8);
            foreach (var (name, hash) in submitted.Files)
            {
                writer.WriteString(name, hash);
            }

            writer.WriteEndObject();
        }

        WriteText(writer, "inputs_hash"u8, submitted.InputsHash);
        if (submitted.InputsHash is null)
        {
            writer.WritePropertyName("inputs"u8);
            submitted.Inputs.WriteTo(writer);
        }

        writer.WriteStartObject("principal"u8);
        writer.WriteString("id"u8, submitted.Principal.Id);
        writer.WriteNumber("kind"u8, (int)submitted.Principal.Kind);
        writer.WriteString("user"u8, submitted.Principal.User);
        writer.WriteString("team"u8, submitted.Principal.Team);
        writer.WriteString("organisation"u8, submitted.Principal.Organisation);
        writer.WriteNumber("roles"u8, (int)submitted.Principal.Roles);
        writer.WriteEndObject();
        if (submitted.Anywhere)
        {
            writer.WriteBoolean("anywhere"u8, true);
        }
    }

    private static SubmittedRun ReadSubmitted(JsonElement json)
    {
        var principal = json.GetProperty("principal"u8);
        return new SubmittedRun(
            Text(json, "workflow"u8)!,
            Text(json, "file"u8)!,
            Text(json, "workflow_hash"u8)!,
            json.TryGetProperty("files"u8, out var files) ? files.EnumerateObject().ToDictionary(file => file.Name, file => file.Value.GetString()!) : [],
            json.TryGetProperty("inputs"u8, out var inputs) ? inputs : JsonValues.Null,
            new Principal(
                Text(principal, "id"u8)!,
                (PrincipalKind)Number(principal, "kind"u8),
                Text(principal, "user"u8)!,
                Text(principal, "team"u8)!,
                Text(principal, "organisation"u8)!,
                (Roles)Number(principal, "roles"u8)),
            Text(json, "inputs_hash"u8))
        {
            Anywhere = json.TryGetProperty("anywhere"u8, out _),
        };
    }

    private static void WriteText(Utf8JsonWriter writer, ReadOnlySpan<byte> name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            writer.WriteString(name, value);
        }
    }

    private static void WriteNumber(Utf8JsonWriter writer, ReadOnlySpan<byte> name, long value)
    {
        if (value != 0)
        {
            writer.WriteNumber(name, value);
        }
    }

    private static void WriteTime(Utf8JsonWriter writer, ReadOnlySpan<byte> name, DateTimeOffset? value)
    {
        if (value is { } time)
        {
            writer.WriteNumber(name, time.UtcTicks);
        }
    }

    private static string? Text(JsonElement json, ReadOnlySpan<byte> name) => json.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static long Number(JsonElement json, ReadOnlySpan<byte> name) => json.TryGetProperty(name, out var value) ? value.GetInt64() : 0;

    private static DateTimeOffset? Time(JsonElement json, ReadOnlySpan<byte> name) =>
        json.TryGetProperty(name, out var value) ? new DateTimeOffset(value.GetInt64(), TimeSpan.Zero) : null;

    private static int IndexOf(string[] names, JsonElement json, ReadOnlySpan<byte> field)
    {
        var text = Text(json, field);
        var index = Array.IndexOf(names, text);
        return index >= 0 ? index : throw new JsonException(string.Create(CultureInfo.InvariantCulture, $"'{text}' is no run event word that this version knows"));
    }
}
