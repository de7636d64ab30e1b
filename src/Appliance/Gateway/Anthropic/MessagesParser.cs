using System.Text.Json;
using System.Text.Unicode;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>What the caller wants of the answer's form; the rest of the request is in the <see cref="ModelRequest"/>.</summary>
/// <param name="Model">The model's or route's name as written.</param>
/// <param name="Stream">The answer comes as events.</param>
internal readonly record struct MessageWishes(string Model, bool Stream);

/// <summary>
/// Reads a body of <c>POST /v1/messages</c> or <c>/v1/messages/count_tokens</c> (Anthropic API reference, "Create a Message", "Count tokens") straight into
/// a <see cref="ModelRequest"/>: unescaped strings are slices of the body, which the request then holds. What is not known or not honoured is refused by
/// name; what only the provider's own API can do is noted in <see cref="ModelRequest.VerbatimOnly"/>.
/// </summary>
internal ref struct MessagesParser
{
    /// <summary>Characters of a model's name; the longest published ones have 60.</summary>
    private const int ModelLengthMax = 256;

    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly bool _counts;
    private MessagesReader _body;
    private Utf8JsonReader _system;
    private Utf8JsonReader _messages;
    private ApiFailure _broken;
    private ulong _seen;
    private string _model = "";
    private bool _stream;
    private CacheMark _cacheAll;

    private MessagesParser(ReadOnlyMemory<byte> bytes, ModelRequest request, GatewayOptions limits, bool counts)
    {
        (_bytes, _counts) = (bytes, counts);
        _body = new MessagesReader(bytes, request, limits);
    }

    /// <param name="counts">The body is one of <c>count_tokens</c>: nothing about the answer may be in it.</param>
    /// <returns>The failure, or none; then <paramref name="request"/> is complete and points into <paramref name="body"/>.</returns>
    public static ApiFailure Parse(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits, bool counts, out MessageWishes wishes)
    {
        wishes = default;
        if (!Utf8.IsValid(body.Span))
        {
            return ApiFailure.Invalid("invalid_utf8", "The body is not valid UTF-8. Send JSON encoded as UTF-8.");
        }

        var parser = new MessagesParser(body, request, limits, counts);
        parser.Run();
        wishes = new MessageWishes(parser._model, parser._stream);
        return parser._broken.IsNone ? parser._body.Failure : parser._broken;
    }

    private void Run()
    {
        try
        {
            if (ReadObject() && ReadConversation() && Check())
            {
                Complete();
            }
        }
        catch (JsonException e)
        {
            var cut = e.Message.IndexOf(" LineNumber", StringComparison.Ordinal);
            var why = cut < 0 ? e.Message : e.Message[..cut];
            _broken = ApiFailure.Invalid("invalid_json", $"The body is not valid JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}. {why}");
        }
        catch (InvalidOperationException)
        {
            _broken = ApiFailure.Invalid("invalid_json", $"A string near byte {_body.Reader.TokenStartIndex} escapes half of a surrogate pair. Write whole characters.");
        }
    }

    private bool ReadObject()
    {
        if (!_body.Reader.Read() || _body.Reader.TokenType != JsonTokenType.StartObject)
        {
            return _body.Fail("The body must be a JSON object.");
        }

        while (_body.Reader.Read() && _body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (MessageFields.Find(ref _body.Reader) is not { } known || (_counts && !known.Counts))
            {
                if (!ReadUnknown())
                {
                    return false;
                }

                continue;
            }

            var bit = 1UL << (int)known.Field;
            if ((_seen & bit) != 0)
            {
                return _body.Fail(new FieldPath(known.Name), "", "is given twice. Give it once.");
            }

            _seen |= bit;
            if (_body.NextIsGiven() && !Read(known))
            {
                return false;
            }
        }

        // Whatever follows the object is an error, which the reader throws.
        return !_body.Reader.Read();
    }

    private bool ReadUnknown()
    {
        var name = _body.Reader.GetString()!;
        return !_body.NextIsGiven() || _body.Fail(new FieldPath(name), "",
            _counts ? "is not known to count_tokens, or not honoured here. Leave it out." : $"is not known or not honoured here. {MessageFields.Remedy(name)}");
    }

    private bool Read(in KnownField known)
    {
        var at = new FieldPath(known.Name);
        switch (known.Field)
        {
            case MessageField.Model:
                return ReadModel(at);
            case MessageField.Messages:
                return Note(out _messages);
            case MessageField.System:
                return Note(out _system);
            case MessageField.MaxTokens:
                return ReadMaxTokens(at);
            case MessageField.Stream:
                return _body.Boolean(at, "", out _stream);
            case MessageField.Temperature:
                return _body.Number(at, 0, 1, out var temperature)
                    && Sample(_body.Request.Sampling with { Temperature = temperature }, SamplingFields.Temperature);
            case MessageField.TopP:
                return _body.Number(at, 0, 1, out var topP) && Sample(_body.Request.Sampling with { TopP = topP }, SamplingFields.TopP);
            case MessageField.TopK:
                return _body.Integer(at, "", 0, 1_000_000, out var topK) && Sample(_body.Request.Sampling with { TopK = (int)topK }, SamplingFields.TopK);
            case MessageField.StopSequences:
                return MessageSettings.ReadStops(ref _body);
            case MessageField.Tools:
                return MessageTools.ReadTools(ref _body);
            case MessageField.ToolChoice:
                return MessageTools.ReadToolChoice(ref _body);
            case MessageField.Thinking:
                return MessageSettings.ReadThinking(ref _body);
            case MessageField.OutputConfig:
                return MessageSettings.ReadOutputConfig(ref _body);
            case MessageField.OutputFormat:
                return MessageSettings.ReadFormat(ref _body, at, "");
            case MessageField.Metadata:
                return MessageSettings.ReadMetadata(ref _body);
            case MessageField.ServiceTier:
                return MessageSettings.ReadServiceTier(ref _body);
            case MessageField.CacheControl:
                return _body.CacheMarkOf(at, out _cacheAll);
            case MessageField.Speed when _body.Reader.TokenType == JsonTokenType.String && _body.Reader.ValueTextEquals("standard"u8):
                return true;
            default:
                _body.Reader.Skip();
                return _body.Verbatim(at, "");
        }
    }

    /// <summary>The order of turns is not that of the fields: these are read when all have been seen.</summary>
    private bool Note(out Utf8JsonReader place)
    {
        place = _body.Reader;
        _body.Reader.Skip();
        return true;
    }

    private bool ReadConversation()
    {
        if (_system.TokenType != JsonTokenType.None)
        {
            _body.Reader = _system;
            if (!MessageTurns.ReadSystem(ref _body))
            {
                return false;
            }
        }

        if (_messages.TokenType == JsonTokenType.None)
        {
            return _body.Missing(new FieldPath("messages"), "");
        }

        var before = _body.Request.Turns.Count;
        _body.Reader = _messages;
        return MessageTurns.ReadMessages(ref _body)
            && (_body.Request.Turns.Count > before || _body.Fail(new FieldPath("messages"), "", "at least one message is required."));
    }

    /// <summary>What only the whole object tells.</summary>
    private bool Check()
    {
        var request = _body.Request;
        if (_model.Length == 0)
        {
            return _body.Fail(new FieldPath("model"), "", "Field required: name one that GET /v1/models lists.");
        }

        if (request.MaxOutputTokens == 0 && !_counts)
        {
            return _body.Missing(new FieldPath("max_tokens"), "");
        }

        if (!_counts && request.Reasoning.BudgetTokens >= request.MaxOutputTokens && request.Reasoning.BudgetTokens > 0 && request.Betas.IsEmpty)
        {
            return _body.Fail(new FieldPath("thinking"), "budget_tokens", "must be less than max_tokens, of which it is a part.");
        }

        return MessageTools.CheckChoice(ref _body);
    }

    private readonly void Complete()
    {
        var request = _body.Request;
        if (_cacheAll != CacheMark.None && request.Turns.Parts.Count > 0)
        {
            var last = request.Turns.Parts.Count - 1;
            request.Turns.Replace(last, request.Turns.Parts[last] with { Cache = _cacheAll });
        }

        request.Operation = _counts ? ModelOperation.CountTokens : ModelOperation.Generate;
        request.Body = _bytes;
        request.BodyShape = ApiShape.AnthropicMessages;
        request.Streams = _stream;
    }

    private bool ReadModel(in FieldPath at)
    {
        if (_body.Reader.TokenType != JsonTokenType.String)
        {
            return _body.WrongType(at, "", "a string");
        }

        _model = _body.Reader.GetString()!;
        return _model.Length <= ModelLengthMax || _body.Fail(at, "", $"is longer than {ModelLengthMax} characters.");
    }

    private bool ReadMaxTokens(in FieldPath at)
    {
        var ok = _body.Integer(at, "", 1, int.MaxValue, out var tokens);
        _body.Request.MaxOutputTokens = (int)tokens;
        return ok;
    }

    private readonly bool Sample(Sampling sampling, SamplingFields field)
    {
        _body.Request.Sampling = sampling with { Given = sampling.Given | field };
        return true;
    }
}
