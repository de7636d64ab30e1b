using System.Buffers;
using System.Text.Json;
using Jesus.Appliance.Artifacts;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Responses;

/// <summary>
/// Responses that callers may read again and continue. Each is an artifact with a short record in the journal, both durable before a response is
/// acknowledged as kept; the index over them is folded from the journal at the start. What is dropped (by its owner, by age, by number) is deleted
/// from the disk; its records stay. Thread-safe.
/// </summary>
public sealed class ResponseStore(IJournal journal, ArtifactStore artifacts, ResponseOptions options, TimeProvider time) : IJournalFold, IArtifactHolder
{
    private const string MediaType = "application/json";

    /// <summary>Requests may nest 64 deep, and stand two levels deep in what is kept.</summary>
    private const int DepthMax = 128;

    private readonly Lock _gate = new();
    private readonly ResponseIndex _index = new(options);

    public ResponseOptions Options { get; } = options;

    public ReadOnlySpan<JournalKind> Kinds => [JournalKind.Response];

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _index.Count;
            }
        }
    }

    /// <summary>Keeps a response; durable when this completes.</summary>
    /// <returns>Null, or why it could not be kept.</returns>
    public async ValueTask<string?> KeepAsync(StoredResponse response)
    {
        if (!IsFree(response))
        {
            return $"Another principal's response has the id {response.Id}.";
        }

        var put = artifacts.Put(Content(response), MediaType);
        if (!put.Stored)
        {
            return put.Refusal;
        }

        var record = new ResponseRecord(
            response.Ended ? ResponseEvent.Kept : ResponseEvent.Begun,
            response.Id, response.Owner, response.Created.ToUnixTimeSeconds(), response.Background, put.Ref.Hash);
        await journal.AppendAsync(JournalKind.Response, Payload(record)).ConfigureAwait(false);
        Note(record);
        return null;
    }

    /// <summary>The response, if this owner has one of that id that is not too old.</summary>
    /// <exception cref="IOException">Its content is damaged or missing.</exception>
    public StoredResponse? Find(string id, string owner)
    {
        var entry = FindEntry(id, owner);
        if (entry is null)
        {
            return null;
        }

        // It may be replaced or dropped between the look into the index and the one onto the disk: then the index knows by now.
        var content = artifacts.Read(entry.Value.Hash);
        if (content is null && FindEntry(id, owner) is { } again)
        {
            content = artifacts.Read(again.Hash) ?? throw new IOException(
                $"The artifact {again.Hash} of response {id} is missing: restore it from a backup, or delete the response.");
            entry = again;
        }

        return content is null ? null : Parse(entry.Value, content);
    }

    /// <summary>Forgets a response and deletes its content; durable when this completes.</summary>
    /// <returns>False when this owner has none of that id.</returns>
    public async ValueTask<bool> DropAsync(string id, string owner)
    {
        if (FindEntry(id, owner) is null)
        {
            return false;
        }

        await journal.AppendAsync(JournalKind.Response, Payload(new ResponseRecord(ResponseEvent.Dropped, id, owner, 0, false, ""))).ConfigureAwait(false);
        string? hash;
        lock (_gate)
        {
            hash = _index.Remove(id)?.Hash;
        }

        Delete(hash);
        return true;
    }

    /// <summary>Lets what is too old or too many make room. Called at the start, and by itself with each response that is kept.</summary>
    public void Trim() => Trim(null);

    /// <summary>The index is changed after a record is durable; what was stored meanwhile is too young to be swept.</summary>
    ValueTask IArtifactHolder.CollectAsync(ISet<string> live, CancellationToken cancel)
    {
        lock (_gate)
        {
            live.UnionWith(_index.Hashes);
        }

        return ValueTask.CompletedTask;
    }

    void IJournalFold.Apply(in JournalRecord record)
    {
        var item = ResponseRecord.Read(record.Payload.Span);
        lock (_gate)
        {
            _ = item.Event switch
            {
                ResponseEvent.Begun or ResponseEvent.Kept => _index.Put(item),
                ResponseEvent.Dropped => _index.Remove(item.Id)?.Hash,
                _ => null,
            };
        }
    }

    /// <summary>Ids of other providers' responses come from outside: none may take the place of another principal's.</summary>
    private bool IsFree(StoredResponse response)
    {
        lock (_gate)
        {
            return _index.Find(response.Id) is not { } known || known.Owner == response.Owner;
        }
    }

    private (string Id, string Owner, long Created, bool Background, bool Ended, string Hash)? FindEntry(string id, string owner)
    {
        lock (_gate)
        {
            return _index.Find(id) is { } entry && entry.Owner == owner && !_index.IsExpired(entry, Now())
                ? (entry.Id, entry.Owner, entry.CreatedUnixSeconds, entry.Background, entry.Ended, entry.Hash) : null;
        }
    }

    private void Note(in ResponseRecord record)
    {
        string? former;
        lock (_gate)
        {
            former = _index.Put(record);
        }

        Delete(former);
        Trim(record.Owner);
    }

    private void Trim(string? owner)
    {
        while (true)
        {
            ResponseIndex.Entry? surplus;
            lock (_gate)
            {
                surplus = _index.RemoveSurplus(owner, Now());
            }

            if (surplus is null)
            {
                return;
            }

            // Nobody waits for it: a crash before it is durable only means that it is dropped again.
            journal.Append(JournalKind.Response, Payload(new ResponseRecord(ResponseEvent.Dropped, surplus.Id, "", 0, false, "")).Span);
            Delete(surplus.Hash);
        }
    }

    /// <summary>Contents name their response, so no other record refers to the artifact.</summary>
    private void Delete(string? hash)
    {
        if (hash is { Length: > 0 })
        {
            artifacts.Delete(hash);
        }
    }

    private static ReadOnlyMemory<byte> Payload(in ResponseRecord record)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        record.Write(buffer);
        return buffer.WrittenMemory;
    }

    private static ReadOnlySpan<byte> Content(StoredResponse response)
    {
        var buffer = new ArrayBufferWriter<byte>(response.Input.Length + response.Response.Length + 128);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
        {
            json.WriteStartObject();
            json.WriteString("id"u8, response.Id);
            json.WriteString("owner"u8, response.Owner);
            json.WriteString("previous"u8, response.Previous);
            json.WritePropertyName("input"u8);
            json.WriteRawValue(response.Input.Span, skipInputValidation: true);
            json.WritePropertyName("response"u8);
            json.WriteRawValue(response.Response.Span, skipInputValidation: true);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan;
    }

    private static StoredResponse Parse((string Id, string Owner, long Created, bool Background, bool Ended, string Hash) entry, byte[] content)
    {
        var reader = new Utf8JsonReader(content, new JsonReaderOptions { MaxDepth = DepthMax });
        var previous = "";
        ReadOnlyMemory<byte> input = default, response = default;
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (isPrevious, isInput, isResponse) = (reader.ValueTextEquals("previous"u8), reader.ValueTextEquals("input"u8), reader.ValueTextEquals("response"u8));
            reader.Read();
            previous = isPrevious ? reader.GetString()! : previous;
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            var raw = content.AsMemory(start..(int)reader.BytesConsumed);
            (input, response) = (isInput ? raw : input, isResponse ? raw : response);
        }

        return new StoredResponse(
            entry.Id, entry.Owner, DateTimeOffset.FromUnixTimeSeconds(entry.Created), entry.Background, entry.Ended, previous, input, response);
    }

    private long Now() => time.GetUtcNow().ToUnixTimeSeconds();
}
