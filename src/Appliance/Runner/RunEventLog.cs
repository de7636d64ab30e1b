using System.Buffers;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Runner;

/// <summary>An event does not fit a journal record although its large parts are stored apart; nothing was written.</summary>
internal sealed class RecordTooLargeException(string message) : IOException(message);

/// <summary>Run events into and out of the journal; moves large payloads into the blob store and back. Thread-safe.</summary>
internal sealed class RunEventLog(IJournal journal, IRunBlobs blobs, int inlineBytes)
{
    /// <summary>Characters of a message that a record carries: an error or a question in words; texts are outputs and lie in the store.</summary>
    private const int MessageMax = 4_000;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_buffer;

    /// <summary>The event as its record carries it: large payloads are stored and named by their hash.</summary>
    /// <exception cref="IOException">The store is full.</exception>
    public RunEvent Slim(RunEvent item)
    {
        if (item.Message is { Length: > MessageMax } message && item.Type != RunEventType.AgentCalled)
        {
            item = item with { Message = string.Concat(message.AsSpan(0, MessageMax), "...") };
        }

        if (item.Output is { } output && RawLength(output) > inlineBytes)
        {
            item = item with { OutputHash = blobs.Put(JsonValues.ToUtf8(output), "application/json") };
        }

        if (item.Submitted is { } submitted && RawLength(submitted.Inputs) > inlineBytes)
        {
            var hash = blobs.Put(JsonValues.ToUtf8(submitted.Inputs), "application/json");
            item = item with { Submitted = submitted with { InputsHash = hash } };
        }

        return item;
    }

    /// <summary>Begins the append: the order of calls is the order in the journal.</summary>
    /// <exception cref="RecordTooLargeException">The event does not fit a record.</exception>
    public ValueTask<JournalPosition> AppendAsync(RunEvent slim)
    {
        var buffer = t_buffer ??= new ArrayBufferWriter<byte>(1024);
        buffer.ResetWrittenCount();
        RunEventCodec.Write(buffer, slim);
        if (buffer.WrittenCount > IJournal.MaxPayloadBytes)
        {
            throw new RecordTooLargeException($"what it said takes {buffer.WrittenCount:N0} bytes, more than the {IJournal.MaxPayloadBytes:N0} of a record");
        }

        // The journal has copied the record when this returns, so the buffer is free again.
        return journal.AppendAsync(KindOf(slim), buffer.WrittenMemory);
    }

    public static JournalKind KindOf(RunEvent item) => item.Type == RunEventType.ToolIntent ? JournalKind.ToolIntent : JournalKind.RunEvent;

    /// <summary>The event with its payloads back.</summary>
    /// <exception cref="IOException">A payload is missing from the store.</exception>
    public RunEvent Resolve(RunEvent item)
    {
        if (item.OutputHash is { } output)
        {
            item = item with { Output = JsonValues.Parse(Read(output, item)) };
        }

        if (item.Submitted is { InputsHash: { } inputs } submitted)
        {
            item = item with { Submitted = submitted with { Inputs = JsonValues.Parse(Read(inputs, item)) } };
        }

        return item;
    }

    private byte[] Read(string hash, RunEvent item) =>
        blobs.Read(hash) ?? throw new IOException($"the artifact {hash} of run {item.RunId} is missing: restore it from a backup, or cancel the run");

    private static int RawLength(System.Text.Json.JsonElement value) => System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(value).Length;
}
