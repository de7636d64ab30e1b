using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Pooling;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>
/// Writes the server-sent events of one message (Anthropic API reference, "Streaming Messages"). One block is open at a time, and each method leaves whole
/// events in the pipe; nothing goes out before <see cref="FlushAsync"/>. Owned by a <see cref="MessageStream"/>.
/// </summary>
internal sealed class MessageEvents(Utf8JsonWriter json)
{
    private HttpResponse? _response;
    private int _next;

    /// <summary>Which block is open; -1 when none is.</summary>
    public int Open { get; private set; } = -1;

    public void Begin(HttpResponse response) => _response = response;

    public void MessageStart(string id, string model, in Usage usage)
    {
        Start("message_start"u8);
        json.WriteStartObject("message"u8);
        MessageJson.WriteHead(json, id, model);
        json.WriteStartArray("content"u8);
        json.WriteEndArray();
        MessageJson.WriteStop(json, FinishReason.None, default);
        MessageJson.WriteUsage(json, usage);
        json.WriteEndObject();
        End();
        Put("event: ping\ndata: {\"type\":\"ping\"}\n\n"u8);
    }

    /// <summary>An empty block of text or thinking.</summary>
    public void OpenText(ReadOnlySpan<byte> type, ReadOnlySpan<byte> field)
    {
        StartBlock(type);
        json.WriteString(field, ""u8);
        if (type.SequenceEqual("thinking"u8))
        {
            json.WriteString("signature"u8, ""u8);
        }

        EndBlock();
    }

    public void OpenToolUse(ReadOnlySpan<byte> id, ReadOnlySpan<byte> name)
    {
        StartBlock("tool_use"u8);
        json.WriteString("id"u8, id);
        json.WriteString("name"u8, name);
        json.WriteStartObject("input"u8);
        json.WriteEndObject();
        EndBlock();
    }

    public void RedactedThinking(ReadOnlySpan<byte> data)
    {
        StartBlock("redacted_thinking"u8);
        json.WriteString("data"u8, data);
        EndBlock();
        CloseBlock();
    }

    /// <summary>A piece of the open block.</summary>
    public void Delta(ReadOnlySpan<byte> type, ReadOnlySpan<byte> field, ReadOnlySpan<byte> piece)
    {
        Start("content_block_delta"u8);
        json.WriteNumber("index"u8, Open);
        json.WriteStartObject("delta"u8);
        json.WriteString("type"u8, type);
        json.WriteString(field, piece);
        json.WriteEndObject();
        End();
    }

    public void CloseBlock()
    {
        if (Open < 0)
        {
            return;
        }

        Start("content_block_stop"u8);
        json.WriteNumber("index"u8, Open);
        End();
        Open = -1;
    }

    public void MessageEnd(FinishReason reason, ReadOnlySpan<byte> sequence, in Usage usage)
    {
        Start("message_delta"u8);
        json.WriteStartObject("delta"u8);
        MessageJson.WriteStop(json, reason, sequence);
        json.WriteEndObject();
        MessageJson.WriteUsage(json, usage);
        End();
        Put("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"u8);
    }

    public void Error(in ApiFailure failure, string requestId)
    {
        Put("event: error\ndata: "u8);
        json.Reset(Writer);
        AnthropicErrors.Write(json, failure, requestId);
        json.Flush();
        Put("\n\n"u8);
    }

    /// <summary>The provider's own event, as it came: a line of its data is a line here.</summary>
    public void Verbatim(ReadOnlySpan<byte> data)
    {
        Put("event: "u8);
        Put(WireType.Of(data));
        foreach (var line in data.Split((byte)'\n'))
        {
            Put("\ndata: "u8);
            Put(data[line]);
        }

        Put("\n\n"u8);
    }

    public ValueTask FlushAsync(CancellationToken cancel)
    {
        var flush = Writer.FlushAsync(cancel);
        if (!flush.IsCompletedSuccessfully)
        {
            return WaitAsync(flush);
        }

        _ = flush.Result;
        return ValueTask.CompletedTask;
    }

    public void Reset()
    {
        _response = null;
        (_next, Open) = (0, -1);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    private static async ValueTask WaitAsync(ValueTask<FlushResult> flush) => _ = await flush;

    private PipeWriter Writer => _response!.BodyWriter;

    private void StartBlock(ReadOnlySpan<byte> type)
    {
        CloseBlock();
        Open = _next++;
        Start("content_block_start"u8);
        json.WriteNumber("index"u8, Open);
        json.WriteStartObject("content_block"u8);
        json.WriteString("type"u8, type);
    }

    private void EndBlock()
    {
        json.WriteEndObject();
        End();
    }

    private void Start(ReadOnlySpan<byte> type)
    {
        Put("event: "u8);
        Put(type);
        Put("\ndata: "u8);
        json.Reset(Writer);
        json.WriteStartObject();
        json.WriteString("type"u8, type);
    }

    private void End()
    {
        json.WriteEndObject();
        json.Flush();
        Put("\n\n"u8);
    }

    /// <summary>With the size asked for: before the answer has started, Kestrel's writer gives an empty span to a caller that names none.</summary>
    private void Put(ReadOnlySpan<byte> text)
    {
        text.CopyTo(Writer.GetSpan(text.Length));
        Writer.Advance(text.Length);
    }
}
