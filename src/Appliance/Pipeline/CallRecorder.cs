using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using Jesus.Appliance.Router;
using Jesus.Appliance.Storage.Journal;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>
/// Step 8: what happened, into the journal. A record of kind <see cref="JournalKind.Call"/> holds the decision and the digests, one of kind
/// <see cref="JournalKind.Usage"/> what was charged. Texts are never written, only their SHA-256.
/// </summary>
internal sealed class CallRecorder(IJournal journal)
{
    /// <summary>A chain of 16 candidates over 6 rounds makes at most 112 lines; more would come from a defect, and the journal's records end at 64 KB.</summary>
    private const int DecisionsMax = 128;

    [ThreadStatic]
    private static Scratch? _scratch;

    public void Write(CallPath path, long nowMs)
    {
        var scratch = _scratch ??= new Scratch();
        WriteCall(scratch.Begin(), path, nowMs);
        journal.Append(JournalKind.Call, scratch.End());
        if (path.Attempts > 0 && path.Call.Request.Operation != ModelOperation.CountTokens)
        {
            WriteUsage(scratch.Begin(), path);
            journal.Append(JournalKind.Usage, scratch.End());
        }
    }

    private static void WriteCall(Utf8JsonWriter json, CallPath path, long nowMs)
    {
        json.WriteStartObject();
        WriteWho(json, path);
        json.WriteString("api"u8, path.Call.Api);
        json.WriteString("route"u8, path.Route.Name);
        json.WriteNumber("ms"u8, nowMs - path.StartedMs);
        json.WriteNumber("queued_ms"u8, path.QueuedMs);
        if (path.Call.Pauses.Sum is { Times: > 0 } aside)
        {
            json.WriteNumber("aside_times"u8, aside.Times);
            json.WriteNumber("aside_ms"u8, (long)aside.Time.TotalMilliseconds);
        }

        if (path.Sink.FirstContentMs > 0)
        {
            json.WriteNumber("first_token_ms"u8, path.Sink.FirstContentMs - path.StartedMs);
        }

        json.WriteString("outcome"u8, path.Succeeded ? "ok" : CauseNames.Of(path.Error.Cause));
        json.WriteNumber("attempts"u8, path.Attempts);
        WriteDecisions(json, path.Call.Decisions);
        WriteDigests(json, path);
        json.WriteEndObject();
    }

    private static void WriteUsage(Utf8JsonWriter json, CallPath path)
    {
        json.WriteStartObject();
        WriteWho(json, path);
        json.WriteString("candidate"u8, path.Answered?.Name ?? "");
        json.WriteNumber("input"u8, path.Usage.InputTokens);
        json.WriteNumber("cached"u8, path.Usage.CachedInputTokens);
        json.WriteNumber("output"u8, path.Usage.OutputTokens);
        json.WriteNumber("reasoning"u8, path.Usage.ReasoningTokens);
        json.WriteNumber("compute_us"u8, path.Usage.ComputeMicroseconds);
        json.WriteNumber("usd_micro"u8, path.CostMicroUsd);
        json.WriteBoolean("estimated"u8, path.Quality == UsageQuality.Estimated);
        json.WriteEndObject();
    }

    private static void WriteWho(Utf8JsonWriter json, CallPath path)
    {
        var principal = path.Call.Principal;
        json.WriteString("id"u8, path.Call.Request.Ids.Correlation.Span);
        json.WriteString("principal"u8, principal.Id);
        json.WriteString("user"u8, principal.User);
        json.WriteString("team"u8, principal.Team);
        json.WriteString("organisation"u8, principal.Organisation);
        json.WriteString("run"u8, path.Call.RunId);
    }

    private static void WriteDecisions(Utf8JsonWriter json, DecisionLog log)
    {
        json.WriteStartArray("decisions"u8);
        for (var i = 0; i < Math.Min(log.Count, DecisionsMax); i++)
        {
            var decision = log[i];
            json.WriteStartObject();
            json.WriteString("candidate"u8, decision.Candidate);
            json.WriteString("verdict"u8, decision.Verdict);
            if (decision.Cause != ErrorCause.None)
            {
                json.WriteString("cause"u8, CauseNames.Of(decision.Cause));
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteDigests(Utf8JsonWriter json, CallPath path)
    {
        Span<byte> sha256 = stackalloc byte[SHA256.HashSizeInBytes];
        RequestDigest.Write(path.Call.Request, sha256);
        WriteHex(json, "request_sha256"u8, sha256);
        path.Sink.WriteDigest(sha256);
        WriteHex(json, "answer_sha256"u8, sha256);
    }

    private static void WriteHex(Utf8JsonWriter json, ReadOnlySpan<byte> name, ReadOnlySpan<byte> bytes)
    {
        Span<char> hex = stackalloc char[SHA256.HashSizeInBytes * 2];
        Convert.TryToHexStringLower(bytes, hex, out _);
        json.WriteString(name, hex);
    }

    /// <summary>One per thread, for its life: the writer holds no resource but the buffer.</summary>
#pragma warning disable CA1001
    private sealed class Scratch
#pragma warning restore CA1001
    {
        private readonly ArrayBufferWriter<byte> _bytes = new(2048);
        private readonly Utf8JsonWriter _json;

        public Scratch() => _json = new Utf8JsonWriter(_bytes);

        public Utf8JsonWriter Begin()
        {
            _bytes.ResetWrittenCount();
            _json.Reset(_bytes);
            return _json;
        }

        public ReadOnlySpan<byte> End()
        {
            _json.Flush();
            return _bytes.WrittenSpan;
        }
    }
}
