using System.Text.Json;
using System.Text.Unicode;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>
/// Reads a body of <c>POST /v1/responses</c> (OpenAI API reference, "Create a model response") in two steps: <see cref="Parse"/> reads everything but the
/// conversation, <see cref="ReadConversation"/> the turns, once the earlier ones are at hand. What only a provider given these very bytes can honour
/// is noted by name; what nobody here can honour is refused by name.
/// </summary>
internal ref struct ResponseRequestParser
{
    private readonly ReadOnlyMemory<byte> _body;
    private readonly ResponseWishes _wishes;
    private ChatReader _chat;
    private uint _seen;
    private int _topLogProbs;

    private ResponseRequestParser(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits, ResponseWishes wishes)
    {
        _body = body;
        _wishes = wishes;
        _chat = new ChatReader(body, request, limits);
        _topLogProbs = -1;
    }

    /// <returns>The failure, or none; then the request points into <paramref name="body"/> and lacks only its turns.</returns>
    public static ApiFailure Parse(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits, ResponseWishes wishes)
    {
        if (!Utf8.IsValid(body.Span))
        {
            return ApiFailure.Invalid("invalid_utf8", "The body is not valid UTF-8. Send JSON encoded as UTF-8.");
        }

        var parser = new ResponseRequestParser(body, request, limits, wishes);
        try
        {
            return parser.ReadObject() && parser.Check() ? default : parser._chat.Failure;
        }
        catch (JsonException e)
        {
            parser._chat.Break(e);
            return parser._chat.Failure;
        }
        catch (InvalidOperationException)
        {
            return HalfCharacter();
        }
    }

    /// <summary>Fills the turns: the instructions, the earlier responses from the oldest on, and this request's input.</summary>
    public static ApiFailure ReadConversation(ModelRequest request, GatewayOptions limits, ResponseWishes wishes, EarlierTurns earlier)
    {
        try
        {
            if (!wishes.Instructions.IsEmpty)
            {
                AddInstructions(request, limits, wishes.Instructions);
            }

            var failure = earlier.Read(request, limits);
            return failure.IsNone && !wishes.Input.IsEmpty ? ResponseItems.Read(wishes.Input.Memory, request, limits, isOurs: false) : failure;
        }
        catch (InvalidOperationException)
        {
            return HalfCharacter();
        }
    }

    private static void AddInstructions(ModelRequest request, GatewayOptions limits, Utf8Slice raw)
    {
        var chat = new ChatReader(raw.Memory, request, limits);
        chat.Reader.Read();
        request.Turns.Add(TurnRole.System, chat.Text());
    }

    private bool ReadObject()
    {
        if (!_chat.Reader.Read() || _chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return _chat.Fail("invalid_json", "The body must be a JSON object.", null);
        }

        while (_chat.Reader.Read() && _chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = ResponseFields.Find(ref _chat.Reader);
            if (field == ResponseField.Unknown)
            {
                Verbatim.NoteProperty(ref _chat, "");
                continue;
            }

            if (field != ResponseField.Label && (_seen & (1U << (int)field)) != 0)
            {
                return _chat.Fail("duplicate_parameter", $"'{_chat.Reader.GetString()}' is given twice. Give it once.", _chat.Reader.GetString());
            }

            _seen |= 1U << (int)field;
            _chat.Reader.Read();
            if (_chat.Reader.TokenType != JsonTokenType.Null && !Read(field))
            {
                return false;
            }
        }

        _chat.Reader.Read();
        return true;
    }

    private bool Read(ResponseField field)
    {
        switch (field)
        {
            case ResponseField.Model:
                return ReadName("model", out var model) && Set(_wishes.Model = model);
            case ResponseField.PreviousResponseId:
                return ReadName("previous_response_id", out var previous) && Set(_wishes.PreviousResponseId = previous);
            case ResponseField.Input:
                return ReadInput();
            case ResponseField.Instructions:
                return _chat.Reader.TokenType == JsonTokenType.String ? Set(_wishes.Instructions = _chat.Raw()) : _chat.WrongType("instructions", "a string");
            case ResponseField.Tools:
                return Keep(out var tools) && Set(_wishes.Tools = tools) && ResponseTools.ReadTools(ref _chat);
            case ResponseField.ToolChoice:
                return Keep(out var choice) && Set(_wishes.ToolChoice = choice) && ResponseTools.ReadToolChoice(ref _chat);
            case ResponseField.Text:
                return Keep(out var text) && Set(_wishes.Text = text) && ResponseFormat.Read(ref _chat);
            case ResponseField.Reasoning:
                return Keep(out var reasoning) && Set(_wishes.Reasoning = reasoning) && ResponseReasoning.Read(ref _chat, _wishes);
            case ResponseField.Include:
                return ResponseIncludes.Read(ref _chat, _wishes);
            case ResponseField.Metadata:
                return Keep(out var metadata) && Set(_wishes.Metadata = metadata) && ReadMetadata();
            case ResponseField.User:
                return ReadLabel("user", out var user) && Set(_wishes.User = user);
            case ResponseField.SafetyIdentifier:
                return ReadLabel("safety_identifier", out var safety) && Set(_wishes.SafetyIdentifier = safety);
            default:
                return ReadSetting(field);
        }
    }

    private bool ReadSetting(ResponseField field)
    {
        switch (field)
        {
            case ResponseField.Temperature:
                return _chat.Number("temperature", 0, 2, out var temperature) && Set(_wishes.Temperature = temperature);
            case ResponseField.TopP:
                return _chat.Number("top_p", 0, 1, out var topP) && Set(_wishes.TopP = topP);
            case ResponseField.TopLogProbs:
                return _chat.Integer("top_logprobs", 0, 20, out var top) && Set(_topLogProbs = (int)top);
            case ResponseField.MaxOutputTokens:
                return _chat.Integer("max_output_tokens", 1, int.MaxValue, out var max) && Set(_wishes.MaxOutputTokens = (int)max);
            case ResponseField.ParallelToolCalls:
                return _chat.Boolean("parallel_tool_calls", out var parallel) && Set(_chat.Request.ParallelToolCalls = _wishes.ParallelToolCalls = parallel);
            case ResponseField.Store:
                return _chat.Boolean("store", out var store) && Set(_wishes.Store = store);
            case ResponseField.Background:
                return _chat.Boolean("background", out var background) && Set(_wishes.Background = background);
            case ResponseField.Stream:
                return _chat.Boolean("stream", out var stream) && Set(_wishes.Stream = stream);
            case ResponseField.StreamOptions:
                return ReadStreamOptions();
            case ResponseField.Truncation:
                return Usual("truncation", "disabled"u8, default);
            case ResponseField.ServiceTier:
                return Usual("service_tier", "auto"u8, "default"u8);
            case ResponseField.Conversation:
                return _chat.Fail("unsupported_parameter",
                    "'conversation' is not supported here. Continue a response with 'previous_response_id', or send the items as 'input'.", "conversation");
            default:
                return _chat.Skip();
        }
    }

    /// <summary>What only the whole object tells.</summary>
    private bool Check()
    {
        var request = _chat.Request;
        if (_wishes.Model.Length == 0)
        {
            return _chat.Fail("missing_required_parameter", "'model' is missing: name one that GET /v1/models lists.", "model");
        }

        if (_wishes.Input.IsEmpty && request.VerbatimOnly.Length == 0)
        {
            return _chat.Fail("missing_required_parameter", "'input' is missing: send a text or an array of items.", "input");
        }

        if (_wishes.Background && !_wishes.Store)
        {
            return _chat.Fail("invalid_parameter", "'background' true needs 'store' true: the answer is fetched later.", "background");
        }

        if (_topLogProbs >= 0)
        {
            (_wishes.TopLogProbs, _wishes.LogProbs) = (_topLogProbs, true);
        }

        request.Operation = ModelOperation.Generate;
        request.MaxOutputTokens = _wishes.MaxOutputTokens;
        request.TopLogProbs = _wishes.LogProbs ? _wishes.TopLogProbs : -1;
        request.EndUser = TextOf(_wishes.SafetyIdentifier.IsEmpty ? _wishes.User : _wishes.SafetyIdentifier);
        request.Sampling = new Sampling
        {
            Temperature = _wishes.Temperature ?? 0,
            TopP = _wishes.TopP ?? 0,
            Given = (_wishes.Temperature is null ? SamplingFields.None : SamplingFields.Temperature) | (_wishes.TopP is null ? SamplingFields.None : SamplingFields.TopP),
        };
        request.Streams = _wishes.Stream;
        request.Body = _body;
        request.BodyShape = ApiShape.OpenAiResponses;
        return ResponseTools.CheckChoice(ref _chat);
    }

    private readonly Utf8Slice TextOf(Utf8Slice raw)
    {
        if (raw.IsEmpty)
        {
            return default;
        }

        var chat = new ChatReader(raw.Memory, _chat.Request, _chat.Limits);
        chat.Reader.Read();
        return chat.Text();
    }

    private bool ReadInput()
    {
        if (_chat.Reader.TokenType is not (JsonTokenType.String or JsonTokenType.StartArray))
        {
            return _chat.WrongType("input", "a string or an array of items");
        }

        _wishes.Input = _chat.Raw();
        return true;
    }

    private bool ReadName(string where, out string name)
    {
        name = "";
        if (_chat.Reader.TokenType != JsonTokenType.String)
        {
            return _chat.WrongType(where, "a string");
        }

        name = _chat.Reader.GetString()!;
        return name.Length <= 256 || _chat.Fail("invalid_value", $"'{where}' is longer than 256 characters.", where);
    }

    private bool ReadLabel(string where, out Utf8Slice raw)
    {
        raw = default;
        return _chat.Reader.TokenType == JsonTokenType.String ? Set(raw = _chat.Raw()) : _chat.WrongType(where, "a string");
    }

    /// <summary>At most 16 pairs of texts (OpenAI's own limit).</summary>
    private bool ReadMetadata()
    {
        if (_chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return _chat.WrongType("metadata", "an object of texts");
        }

        for (var pairs = 0; _chat.Reader.Read() && _chat.Reader.TokenType == JsonTokenType.PropertyName; pairs++)
        {
            _chat.Reader.Read();
            if (_chat.Reader.TokenType != JsonTokenType.String)
            {
                return _chat.WrongType("metadata", "an object of texts");
            }

            if (pairs == 16)
            {
                return _chat.Fail("invalid_value", "'metadata' has more than 16 pairs.", "metadata");
            }
        }

        return true;
    }

    private bool ReadStreamOptions()
    {
        if (_chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return _chat.WrongType("stream_options", "an object");
        }

        while (_chat.Reader.Read() && _chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!_chat.Reader.ValueTextEquals("include_obfuscation"u8))
            {
                Verbatim.NoteProperty(ref _chat, "stream_options");
                continue;
            }

            // Padding against traffic analysis: here only its absence can be honoured.
            if (!_chat.NextBoolean("stream_options.include_obfuscation", out var padded))
            {
                return false;
            }

            if (padded)
            {
                _chat.NoteForwarded("stream_options.include_obfuscation");
            }
        }

        return true;
    }

    /// <summary>A choice among words of which this box always does the same; the others are for a provider that knows them.</summary>
    private bool Usual(string where, ReadOnlySpan<byte> word, ReadOnlySpan<byte> same)
    {
        if (_chat.Reader.TokenType != JsonTokenType.String)
        {
            return _chat.WrongType(where, "a string");
        }

        if (!_chat.Reader.ValueTextEquals(word) && (same.IsEmpty || !_chat.Reader.ValueTextEquals(same)))
        {
            _chat.NoteForwarded(where);
        }

        return true;
    }

    /// <summary>The current value as the caller wrote it; the reader stays before it.</summary>
    private bool Keep(out Utf8Slice raw)
    {
        var here = _chat.Reader;
        raw = _chat.Raw();
        _chat.Reader = here;
        return true;
    }

    /// <summary>An assignment as a step of a condition.</summary>
    private static bool Set<T>(T value)
    {
        _ = value;
        return true;
    }

    private static ApiFailure HalfCharacter() => ApiFailure.Invalid("invalid_json", "A string escapes half of a surrogate pair. Write whole characters.");
}
