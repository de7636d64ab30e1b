using System.Text.Json;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>Parts of a run's log that an owner committed: those numbered from 0 under its epoch.</summary>
internal readonly record struct TermParts(long Epoch, int Count);

/// <summary>
/// The record of a run that runs anywhere (key RUN of the bucket <c>jesus_C_runs</c>): who owns it, in which term, and how much of its log counts. Only what the
/// record counts is committed; a part that lies there beyond it was never. Immutable.
/// </summary>
internal sealed record RunRecord
{
    /// <summary>Of the record's form; a box does not touch those of a later one.</summary>
    public const int FormNow = 1;

    public required string Id { get; init; }
    public int Form { get; init; } = FormNow;

    /// <summary>The term: grows by one with each owner.</summary>
    public long Epoch { get; init; }

    /// <summary>The box that has it; empty when it was given back.</summary>
    public string Owner { get; init; } = "";

    /// <summary>Which life of that box.</summary>
    public string Instance { get; init; } = "";

    /// <summary>Writes of this term so far.</summary>
    public long Write { get; init; }

    /// <summary>The log, term by term.</summary>
    public IReadOnlyList<TermParts> Parts { get; init; } = [];

    /// <summary>Events in it.</summary>
    public long Events { get; init; }

    /// <summary>Bytes of them.</summary>
    public long Bytes { get; init; }

    /// <summary>The box at which it was submitted.</summary>
    public string Origin { get; init; } = "";

    /// <summary>What a box must have to carry it, such as <c>tool:calc</c> or <c>model:small</c>.</summary>
    public IReadOnlyList<string> Needs { get; init; } = [];

    /// <summary>The run's row in a list.</summary>
    public required RunView View { get; init; }

    /// <summary>The principal who submitted it: its id, team and organisation where it was submitted. The user is the view's.</summary>
    public string Principal { get; init; } = "";
    public string Team { get; init; } = "";
    public string Organisation { get; init; } = "";

    public bool HasEnded => View.IsFinished;

    public int PartCount => Parts.Sum(term => term.Count);

    /// <summary>The same run in the next term, under another owner.</summary>
    public RunRecord TakenBy(string owner, string instance) =>
        this with { Epoch = Epoch + 1, Owner = owner, Instance = instance, Write = 1, Parts = [.. Parts.Where(term => term.Count > 0), new TermParts(Epoch + 1, 0)] };

    /// <summary>With one more part of this term.</summary>
    /// <param name="view">The run after its events.</param>
    public RunRecord With(int events, int bytes, RunView view) => this with
    {
        Parts = [.. Parts.Take(Parts.Count - 1), Parts[^1] with { Count = Parts[^1].Count + 1 }],
        Events = Events + events,
        Bytes = Bytes + bytes,
        View = view,
    };

    public byte[] Encode()
    {
        using var buffer = new MemoryStream(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("form"u8, Form);
            json.WriteNumber("epoch"u8, Epoch);
            json.WriteString("owner"u8, Owner);
            json.WriteString("instance"u8, Instance);
            json.WriteNumber("write"u8, Write);
            json.WriteStartArray("parts"u8);
            foreach (var term in Parts)
            {
                json.WriteNumberValue(term.Epoch);
                json.WriteNumberValue(term.Count);
            }

            json.WriteEndArray();
            json.WriteNumber("events"u8, Events);
            json.WriteNumber("bytes"u8, Bytes);
            json.WriteString("origin"u8, Origin);
            json.WriteString("principal"u8, Principal);
            json.WriteString("team"u8, Team);
            json.WriteString("organisation"u8, Organisation);
            json.WriteStartArray("needs"u8);
            foreach (var need in Needs)
            {
                json.WriteStringValue(need);
            }

            json.WriteEndArray();
            json.WritePropertyName("run"u8);
            JsonSerializer.Serialize(json, View, RunJson.Default.RunView);
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    /// <returns>Null when it is none, or of a later form.</returns>
    public static RunRecord? Decode(string id, ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8);
            var json = document.RootElement;
            return json.GetProperty("form"u8).GetInt32() > FormNow ? null : new RunRecord
            {
                Id = id,
                Epoch = json.GetProperty("epoch"u8).GetInt64(),
                Owner = json.GetProperty("owner"u8).GetString()!,
                Instance = json.GetProperty("instance"u8).GetString()!,
                Write = json.GetProperty("write"u8).GetInt64(),
                Parts = ReadParts(json.GetProperty("parts"u8)),
                Events = json.GetProperty("events"u8).GetInt64(),
                Bytes = json.GetProperty("bytes"u8).GetInt64(),
                Origin = json.GetProperty("origin"u8).GetString()!,
                Principal = json.GetProperty("principal"u8).GetString()!,
                Team = json.GetProperty("team"u8).GetString()!,
                Organisation = json.GetProperty("organisation"u8).GetString()!,
                Needs = [.. json.GetProperty("needs"u8).EnumerateArray().Select(need => need.GetString()!)],
                View = json.GetProperty("run"u8).Deserialize(RunJson.Default.RunView)!,
            };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static List<TermParts> ReadParts(JsonElement json)
    {
        var parts = new List<TermParts>(json.GetArrayLength() / 2);
        for (var i = 0; i + 1 < json.GetArrayLength(); i += 2)
        {
            parts.Add(new TermParts(json[i].GetInt64(), json[i + 1].GetInt32()));
        }

        return parts;
    }
}

/// <summary>Events as a part of a log carries them: the journal's own records, one a line.</summary>
internal static class LogPart
{
    public static byte[] Encode(IReadOnlyList<ReadOnlyMemory<byte>> records)
    {
        var bytes = new byte[records.Sum(record => record.Length + 1)];
        var at = 0;
        foreach (var record in records)
        {
            record.Span.CopyTo(bytes.AsSpan(at));
            at += record.Length;
            bytes[at++] = (byte)'\n'; // JSON as the codec writes it has none inside
        }

        return bytes;
    }

    public static List<ReadOnlyMemory<byte>> Decode(ReadOnlyMemory<byte> part)
    {
        var records = new List<ReadOnlyMemory<byte>>();
        while (part.Span.IndexOf((byte)'\n') is >= 0 and var end)
        {
            records.Add(part[..end]);
            part = part[(end + 1)..];
        }

        return records;
    }

    /// <summary>Content that an event names by its hash: it must be where the next owner finds it before the event counts.</summary>
    public static IEnumerable<string> BlobsOf(RunEvent item)
    {
        if (item.OutputHash is { } output)
        {
            yield return output;
        }

        if (item.Artifact is { } artifact)
        {
            yield return artifact.Sha256;
        }

        if (item.Submitted is not { } submitted)
        {
            yield break;
        }

        yield return submitted.WorkflowHash;
        foreach (var file in submitted.Files.Values)
        {
            yield return file;
        }

        if (submitted.InputsHash is { } inputs)
        {
            yield return inputs;
        }
    }
}
