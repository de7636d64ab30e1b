using System.Text.Json;
using System.Text.Unicode;

namespace Jesus.Appliance.Gateway.Anthropic.Batches;

/// <summary>Where one request of a batch stands in its body.</summary>
internal readonly record struct BatchEntry(string CustomId, int At, int Bytes);

/// <summary>
/// Reads the body of <c>POST /v1/messages/batches</c>. Only its frame is looked at: what is wrong in a request is that request's result, as the API has it.
/// </summary>
internal ref struct BatchReader
{
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly List<BatchEntry> _entries = [];
    private Utf8JsonReader _reader;
    private ApiFailure _failure;

    private BatchReader(ReadOnlySpan<byte> body) => _reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = 64 });

    public static ApiFailure Read(ReadOnlySpan<byte> body, out IReadOnlyList<BatchEntry> entries)
    {
        entries = [];
        if (!Utf8.IsValid(body))
        {
            return ApiFailure.Invalid("invalid_utf8", "The body is not valid UTF-8. Send JSON encoded as UTF-8.");
        }

        var reader = new BatchReader(body);
        try
        {
            entries = reader._entries;
            return reader.ReadObject() ? default : reader._failure;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return ApiFailure.Invalid("invalid_json", $"The body is not valid JSON near byte {reader._reader.TokenStartIndex}.");
        }
    }

    private bool ReadObject()
    {
        if (!_reader.Read() || _reader.TokenType != JsonTokenType.StartObject)
        {
            return Fail("", "The body must be a JSON object.");
        }

        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var known = _reader.ValueTextEquals("requests"u8);
            var name = _reader.GetString()!;
            _reader.Read();
            if (known && _entries.Count > 0)
            {
                return Fail("requests", "is given twice. Give it once.");
            }

            if (known ? !ReadRequests() : _reader.TokenType != JsonTokenType.Null && !Fail(name, "is not known or not honoured here. Leave it out."))
            {
                return false;
            }
        }

        return !_reader.Read() && (_entries.Count > 0 || Fail("requests", "at least one request is required."));
    }

    private bool ReadRequests()
    {
        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            return Fail("requests", "must be an array.");
        }

        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            if (_entries.Count >= BatchLimits.RequestsMax)
            {
                return Fail("requests", $"has more than {BatchLimits.RequestsMax} items. Send several batches.");
            }

            if (!ReadRequest($"requests.{_entries.Count}"))
            {
                return false;
            }
        }

        return true;
    }

    private bool ReadRequest(string at)
    {
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return Fail(at, "must be an object.");
        }

        var entry = new BatchEntry("", 0, 0);
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = _reader.GetString()!;
            _reader.Read();
            if (name == "custom_id" && _reader.TokenType == JsonTokenType.String)
            {
                entry = entry with { CustomId = _reader.GetString()! };
            }
            else if (name == "params" && _reader.TokenType == JsonTokenType.StartObject)
            {
                var start = (int)_reader.TokenStartIndex;
                _reader.Skip();
                entry = entry with { At = start, Bytes = (int)_reader.BytesConsumed - start };
            }
            else
            {
                return Fail($"{at}.{name}", name switch
                {
                    "custom_id" => "must be a string.",
                    "params" => "must be an object.",
                    _ => "is not known or not honoured here. Leave it out.",
                });
            }
        }

        return Add(at, entry);
    }

    private bool Add(string at, in BatchEntry entry)
    {
        if (entry.Bytes == 0)
        {
            return Fail(at + ".params", "Field required.");
        }

        if (entry.CustomId.Length is 0 or > BatchLimits.CustomIdMax || !entry.CustomId.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
        {
            return Fail(at + ".custom_id", $"must be 1 to {BatchLimits.CustomIdMax} letters, digits, - or _.");
        }

        if (!_seen.Add(entry.CustomId))
        {
            return Fail(at + ".custom_id", $"'{entry.CustomId}' is given twice in the batch. Results are told apart by it.");
        }

        _entries.Add(entry);
        return true;
    }

    private bool Fail(string path, string message)
    {
        _failure = ApiFailure.Invalid("invalid_request", path.Length == 0 ? message : $"{path}: {message}", path.Length == 0 ? null : path);
        return false;
    }
}
