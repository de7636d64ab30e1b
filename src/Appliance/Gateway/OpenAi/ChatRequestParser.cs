using System.Text.Json;
using System.Text.Unicode;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>
/// Reads a body of <c>POST /v1/chat/completions</c> (OpenAI API reference, "Create chat completion") straight into a <see cref="ModelRequest"/>:
/// unescaped strings are slices of the body, which the request then holds. What is not known or not honoured is refused by name.
/// </summary>
internal ref struct ChatRequestParser
{
    private readonly ReadOnlyMemory<byte> _body;
    private ChatReader _chat;
    private ChatWishes _wishes;
    private ApiFailure _broken;
    private ulong _seen;
    private int? _topLogProbs;
    private bool _hasStreamOptions;

    private ChatRequestParser(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits)
    {
        _body = body;
        _chat = new ChatReader(body, request, limits);
        _wishes = new ChatWishes { Model = "", ParallelToolCalls = true };
    }

    /// <returns>The failure, or none; then <paramref name="request"/> is complete and points into <paramref name="body"/>.</returns>
    public static ApiFailure Parse(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits, out ChatWishes wishes)
    {
        if (!Utf8.IsValid(body.Span))
        {
            wishes = default;
            return ApiFailure.Invalid("invalid_utf8", "The body is not valid UTF-8. Send JSON encoded as UTF-8.");
        }

        var parser = new ChatRequestParser(body, request, limits);
        parser.Run();
        wishes = parser._wishes;
        return parser._broken.IsNone ? parser._chat.Failure : parser._broken;
    }

    private void Run()
    {
        try
        {
            if (ReadObject() && Check())
            {
                _chat.Request.Operation = ModelOperation.Generate;
                _chat.Request.Body = _body;
                _chat.Request.BodyShape = ApiShape.OpenAiChat;
            }
        }
        catch (JsonException e)
        {
            _broken = ApiFailure.Invalid("invalid_json",
                $"The body is not valid JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}. {FirstSentence(e.Message)}");
        }
        catch (InvalidOperationException)
        {
            _broken = ApiFailure.Invalid("invalid_json", $"A string near byte {_chat.Reader.TokenStartIndex} escapes half of a surrogate pair. Write whole characters.");
        }
    }

    private bool ReadObject()
    {
        if (!_chat.Reader.Read() || _chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return _chat.Fail("invalid_json", "The body must be a JSON object.", null);
        }

        while (_chat.Reader.Read() && _chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = ChatFields.Find(ref _chat.Reader);
            if (field == ChatField.Unknown)
            {
                if (!UnknownField())
                {
                    return false;
                }

                continue;
            }

            if (field != ChatField.Label && (_seen & (1UL << (int)field)) != 0)
            {
                return _chat.Fail("duplicate_parameter", $"'{_chat.Reader.GetString()}' is given twice. Give it once.", _chat.Reader.GetString());
            }

            _seen |= 1UL << (int)field;
            _chat.Reader.Read();
            if (_chat.Reader.TokenType != JsonTokenType.Null && !Read(field))
            {
                return false;
            }
        }

        _chat.Reader.Read();
        return true;
    }

    private bool Read(ChatField field) => field switch
    {
        ChatField.Model => ReadModel(),
        ChatField.Messages => ChatMessages.ReadMessages(ref _chat),
        ChatField.Tools => ChatTools.ReadTools(ref _chat),
        ChatField.ToolChoice => ChatTools.ReadToolChoice(ref _chat),
        ChatField.ResponseFormat => ChatTools.ReadResponseFormat(ref _chat),
        ChatField.Inputs => ChatTools.ReadInputs(ref _chat),
        ChatField.Temperature => _chat.Number("temperature", 0, 2, out var v) && Sample(_chat.Request.Sampling with { Temperature = v }),
        ChatField.TopP => _chat.Number("top_p", 0, 1, out var v) && Sample(_chat.Request.Sampling with { TopP = v }),
        ChatField.MinP => _chat.Number("min_p", 0, 1, out var v) && Sample(_chat.Request.Sampling with { MinP = v }),
        ChatField.TopK => _chat.Integer("top_k", 0, 1_000_000, out var v) && Sample(_chat.Request.Sampling with { TopK = (int)v }),
        ChatField.Seed => _chat.Integer("seed", long.MinValue, long.MaxValue, out var v) && Sample(_chat.Request.Sampling with { Seed = (ulong)v }),
        ChatField.FrequencyPenalty => _chat.Number("frequency_penalty", -2, 2, out var v) && Sample(_chat.Request.Sampling with { FrequencyPenalty = v }),
        ChatField.PresencePenalty => _chat.Number("presence_penalty", -2, 2, out var v) && Sample(_chat.Request.Sampling with { PresencePenalty = v }),
        ChatField.N => ReadChoices(),
        ChatField.Stop => ReadStops(),
        ChatField.MaxTokens => ReadMaxTokens("max_tokens"),
        ChatField.MaxCompletionTokens => ReadMaxTokens("max_completion_tokens"),
        ChatField.LogProbs => ReadLogProbs(),
        ChatField.TopLogProbs => ReadTopLogProbs(),
        ChatField.Stream => ReadStream(),
        ChatField.StreamOptions => ReadStreamOptions(),
        ChatField.ParallelToolCalls => ReadParallel(),
        ChatField.Store => ReadStore(),
        ChatField.ServiceTier => ReadServiceTier(),
        ChatField.LogitBias => ReadLogitBias(),
        ChatField.Modalities => ReadModalities(),
        _ => _chat.Skip(),
    };

    /// <summary>What only the whole object tells.</summary>
    private bool Check()
    {
        if (_wishes.Model.Length == 0)
        {
            return _chat.Fail("missing_required_parameter", "'model' is missing: name one that GET /v1/models lists.", "model");
        }

        if (_chat.Request.Turns.Count == 0)
        {
            return _chat.Fail("missing_required_parameter", "'messages' is missing or empty: send at least one message.", "messages");
        }

        if (_hasStreamOptions && !_wishes.Stream)
        {
            return _chat.Fail("invalid_parameter", "'stream_options' needs 'stream': true.", "stream_options");
        }

        if (_topLogProbs is not null && !_wishes.LogProbs)
        {
            return _chat.Fail("invalid_parameter", "'top_logprobs' needs 'logprobs': true.", "top_logprobs");
        }

        if (_chat.Request.ToolChoice.Mode == ToolChoiceMode.Named && !_chat.HasTool(_chat.Request.ToolChoice.Name))
        {
            return _chat.Fail("invalid_parameter", $"'tool_choice' names '{_chat.Request.ToolChoice.Name}', which is not in 'tools'.", "tool_choice");
        }

        if (_chat.Request.ToolChoice.Mode == ToolChoiceMode.Required && _chat.Request.Tools.Count == 0)
        {
            return _chat.Fail("invalid_parameter", "'tool_choice' is 'required' but 'tools' is empty.", "tool_choice");
        }

        _chat.Request.TopLogProbs = _wishes.LogProbs ? 0 : -1;
        return true;
    }

    private bool ReadModel()
    {
        if (_chat.Reader.TokenType != JsonTokenType.String)
        {
            return _chat.WrongType("model", "a string");
        }

        _wishes.Model = _chat.Reader.GetString()!;
        return _wishes.Model.Length <= 256 || _chat.Fail("invalid_value", "'model' is longer than 256 characters.", "model");
    }

    private bool ReadChoices()
    {
        if (!_chat.Integer("n", 1, _chat.Limits.MaxChoices, out var n))
        {
            return false;
        }

        _chat.Request.Choices = (int)n;
        return true;
    }

    private bool ReadMaxTokens(string name)
    {
        if (!_chat.Integer(name, 1, int.MaxValue, out var tokens))
        {
            return false;
        }

        if (_chat.Request.MaxOutputTokens != 0 && _chat.Request.MaxOutputTokens != tokens)
        {
            return _chat.Fail("invalid_parameter", "'max_tokens' and 'max_completion_tokens' differ. Give one of them.", name);
        }

        _chat.Request.MaxOutputTokens = (int)tokens;
        return true;
    }

    private bool ReadStops()
    {
        if (_chat.Reader.TokenType == JsonTokenType.String)
        {
            return AddStop();
        }

        if (_chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return _chat.WrongType("stop", "a string or an array of strings");
        }

        while (_chat.Reader.Read() && _chat.Reader.TokenType != JsonTokenType.EndArray)
        {
            if (_chat.Reader.TokenType != JsonTokenType.String)
            {
                return _chat.WrongType("stop", "a string or an array of strings");
            }

            if (!AddStop())
            {
                return false;
            }
        }

        return true;
    }

    private bool AddStop()
    {
        if (_chat.Request.Stops.Count >= _chat.Limits.MaxStops)
        {
            return _chat.Fail("invalid_value", $"'stop' has more than {_chat.Limits.MaxStops} texts.", "stop");
        }

        var text = _chat.Text();
        if (text.IsEmpty)
        {
            return _chat.Fail("invalid_value", "'stop' holds an empty text, which would stop before the first token.", "stop");
        }

        _chat.Request.Stops.Add(text);
        return true;
    }

    private bool ReadLogProbs()
    {
        var ok = _chat.Boolean("logprobs", out var value);
        _wishes.LogProbs = value;
        return ok;
    }

    private bool ReadTopLogProbs()
    {
        if (!_chat.Integer("top_logprobs", 0, 20, out var value))
        {
            return false;
        }

        _topLogProbs = (int)value;
        return value == 0 || _chat.Fail("unsupported_parameter", "'top_logprobs' above 0 is not implemented in this version: 'logprobs' gives the chosen token's.", "top_logprobs");
    }

    private bool ReadStream()
    {
        var ok = _chat.Boolean("stream", out var value);
        _wishes.Stream = value;
        return ok;
    }

    private bool ReadStreamOptions()
    {
        _hasStreamOptions = true;
        if (_chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return _chat.WrongType("stream_options", "an object");
        }

        while (_chat.Reader.Read() && _chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (_chat.Reader.ValueTextEquals("include_usage"u8))
            {
                if (!_chat.NextBoolean("stream_options.include_usage", out var include))
                {
                    return false;
                }

                _wishes.IncludeUsage = include;
            }
            else if (_chat.Reader.ValueTextEquals("include_obfuscation"u8))
            {
                // Padding against traffic analysis: only its absence can be honoured.
                if (!_chat.NextBoolean("stream_options.include_obfuscation", out var padded) || padded)
                {
                    return _chat.Failure.IsNone ? _chat.Fail("unsupported_parameter",
                        "'stream_options.include_obfuscation' is not implemented: leave it out or set it to false.", "stream_options.include_obfuscation") : false;
                }
            }
            else
            {
                return _chat.UnknownIn("stream_options");
            }
        }

        return true;
    }

    private bool ReadParallel()
    {
        var ok = _chat.Boolean("parallel_tool_calls", out var value);
        _wishes.ParallelToolCalls = value;
        return ok;
    }

    private bool ReadStore() =>
        _chat.Boolean("store", out var value) && (!value || _chat.Fail("unsupported_parameter", "'store' true is not implemented: answers are not kept. Leave it out.", "store"));

    private bool ReadServiceTier() =>
        (_chat.Reader.TokenType == JsonTokenType.String && (_chat.Reader.ValueTextEquals("auto"u8) || _chat.Reader.ValueTextEquals("default"u8)))
        || _chat.Fail("unsupported_parameter", "'service_tier' can only be auto or default here.", "service_tier");

    /// <summary>An empty object biases nothing.</summary>
    private bool ReadLogitBias() =>
        (_chat.Reader.TokenType == JsonTokenType.StartObject && _chat.Reader.Read() && _chat.Reader.TokenType == JsonTokenType.EndObject)
        || _chat.Fail("unsupported_parameter", "'logit_bias' is not implemented in this version. Leave it out.", "logit_bias");

    private bool ReadModalities() =>
        (_chat.Reader.TokenType == JsonTokenType.StartArray && _chat.Reader.Read() && _chat.Reader.TokenType == JsonTokenType.String && _chat.Reader.ValueTextEquals("text"u8)
            && _chat.Reader.Read() && _chat.Reader.TokenType == JsonTokenType.EndArray)
        || _chat.Fail("unsupported_parameter", "'modalities' can only be [\"text\"] here.", "modalities");

    private readonly bool Sample(Sampling sampling)
    {
        _chat.Request.Sampling = sampling;
        return true;
    }

    private bool UnknownField()
    {
        var name = _chat.Reader.GetString()!;
        return _chat.SkipNull() || _chat.Fail("unsupported_parameter", $"'{name}' is not known or not honoured here. {ChatFields.Remedy(name)}", name);
    }

    private static string FirstSentence(string message)
    {
        var cut = message.IndexOf(" LineNumber", StringComparison.Ordinal);
        return cut < 0 ? message : message[..cut];
    }
}
