using System.Text.Json;
using System.Text.Unicode;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>
/// Reads a body of <c>POST /v1/chat/completions</c> (OpenAI API reference, "Create chat completion") straight into a <see cref="ModelRequest"/>:
/// unescaped strings are slices of the body, which the request then holds. What is not known or not honoured is refused by name.
/// </summary>
internal ref struct ChatRequestParser
{
    private readonly ReadOnlyMemory<byte> _body;
    private readonly ModelRequest _request;
    private readonly GatewayOptions _limits;
    private Utf8JsonReader _reader;
    private ChatWishes _wishes;
    private ApiFailure _failure;
    private ulong _seen;
    private int? _topLogProbs;
    private bool _hasStreamOptions;

    private ChatRequestParser(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits)
    {
        _body = body;
        _request = request;
        _limits = limits;
        _reader = new Utf8JsonReader(body.Span, new JsonReaderOptions { MaxDepth = 64 });
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
        return parser._failure;
    }

    private void Run()
    {
        try
        {
            if (ReadObject() && Check())
            {
                _request.Operation = ModelOperation.Generate;
                _request.Body = _body;
                _request.BodyShape = ApiShape.OpenAiChat;
            }
        }
        catch (JsonException e)
        {
            _failure = ApiFailure.Invalid("invalid_json",
                $"The body is not valid JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}. {FirstSentence(e.Message)}");
        }
        catch (InvalidOperationException)
        {
            _failure = ApiFailure.Invalid("invalid_json", $"A string near byte {_reader.TokenStartIndex} escapes half of a surrogate pair. Write whole characters.");
        }
    }

    private bool ReadObject()
    {
        if (!_reader.Read() || _reader.TokenType != JsonTokenType.StartObject)
        {
            return Fail("invalid_json", "The body must be a JSON object.", null);
        }

        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = ChatFields.Find(ref _reader);
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
                return Fail("duplicate_parameter", $"'{_reader.GetString()}' is given twice. Give it once.", _reader.GetString());
            }

            _seen |= 1UL << (int)field;
            _reader.Read();
            if (_reader.TokenType != JsonTokenType.Null && !Read(field))
            {
                return false;
            }
        }

        _reader.Read();
        return true;
    }

    private bool Read(ChatField field) => field switch
    {
        ChatField.Model => ReadModel(),
        ChatField.Messages => ReadMessages(),
        ChatField.Tools => ReadTools(),
        ChatField.ToolChoice => ReadToolChoice(),
        ChatField.ResponseFormat => ReadResponseFormat(),
        ChatField.Inputs => ReadInputs(),
        ChatField.Temperature => Number("temperature", 0, 2, out var v) && Sample(_request.Sampling with { Temperature = v }),
        ChatField.TopP => Number("top_p", 0, 1, out var v) && Sample(_request.Sampling with { TopP = v }),
        ChatField.MinP => Number("min_p", 0, 1, out var v) && Sample(_request.Sampling with { MinP = v }),
        ChatField.TopK => Integer("top_k", 0, 1_000_000, out var v) && Sample(_request.Sampling with { TopK = (int)v }),
        ChatField.Seed => Integer("seed", long.MinValue, long.MaxValue, out var v) && Sample(_request.Sampling with { Seed = (ulong)v }),
        ChatField.FrequencyPenalty => Number("frequency_penalty", -2, 2, out var v) && Sample(_request.Sampling with { FrequencyPenalty = v }),
        ChatField.PresencePenalty => Number("presence_penalty", -2, 2, out var v) && Sample(_request.Sampling with { PresencePenalty = v }),
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
        _ => Skip(),
    };

    /// <summary>What only the whole object tells.</summary>
    private bool Check()
    {
        if (_wishes.Model.Length == 0)
        {
            return Fail("missing_required_parameter", "'model' is missing: name one that GET /v1/models lists.", "model");
        }

        if (_request.Turns.Count == 0)
        {
            return Fail("missing_required_parameter", "'messages' is missing or empty: send at least one message.", "messages");
        }

        if (_hasStreamOptions && !_wishes.Stream)
        {
            return Fail("invalid_parameter", "'stream_options' needs 'stream': true.", "stream_options");
        }

        if (_topLogProbs is not null && !_wishes.LogProbs)
        {
            return Fail("invalid_parameter", "'top_logprobs' needs 'logprobs': true.", "top_logprobs");
        }

        if (_request.ToolChoice.Mode == ToolChoiceMode.Named && !HasTool(_request.ToolChoice.Name))
        {
            return Fail("invalid_parameter", $"'tool_choice' names '{_request.ToolChoice.Name}', which is not in 'tools'.", "tool_choice");
        }

        if (_request.ToolChoice.Mode == ToolChoiceMode.Required && _request.Tools.Count == 0)
        {
            return Fail("invalid_parameter", "'tool_choice' is 'required' but 'tools' is empty.", "tool_choice");
        }

        _request.TopLogProbs = _wishes.LogProbs ? 0 : -1;
        return true;
    }

    // ---- messages ----

    private bool ReadMessages()
    {
        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            return WrongType("messages", "an array");
        }

        for (var index = 0; _reader.Read() && _reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (index >= _limits.MaxMessages)
            {
                return Fail("too_many_messages", $"'messages' has more than {_limits.MaxMessages} items.", "messages");
            }

            if (!ReadMessage(index))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Fields come in any order, and the role decides what the others mean: notes where each stands, then reads them in order.</summary>
    private bool ReadMessage(int index)
    {
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType($"messages[{index}]", "an object");
        }

        Utf8JsonReader content = default, calls = default;
        bool hasContent = false, hasCalls = false;
        Utf8Slice role = default, callId = default;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            if (_reader.ValueTextEquals("role"u8))
            {
                if (!NextText($"messages[{index}].role", out role))
                {
                    return false;
                }
            }
            else if (_reader.ValueTextEquals("content"u8))
            {
                _reader.Read();
                hasContent = _reader.TokenType != JsonTokenType.Null;
                content = _reader;
                _reader.Skip();
            }
            else if (_reader.ValueTextEquals("tool_calls"u8))
            {
                _reader.Read();
                hasCalls = _reader.TokenType != JsonTokenType.Null;
                calls = _reader;
                _reader.Skip();
            }
            else if (_reader.ValueTextEquals("tool_call_id"u8))
            {
                if (!NextText($"messages[{index}].tool_call_id", out callId))
                {
                    return false;
                }
            }
            else if (!SkipNull())
            {
                var name = _reader.GetString();
                return Fail("unsupported_parameter", $"'messages[{index}].{name}' is not honoured here. Leave it out.", $"messages[{index}].{name}");
            }
        }

        var end = _reader;
        var done = Turn(index, role, callId, hasContent, content, hasCalls, calls);
        _reader = end;
        return done;
    }

    private bool Turn(int index, Utf8Slice role, Utf8Slice callId, bool hasContent, Utf8JsonReader content, bool hasCalls, Utf8JsonReader calls)
    {
        if (!RoleOf(role, out var turnRole))
        {
            return Fail("invalid_value", $"'messages[{index}].role' must be system, developer, user, assistant or tool.", $"messages[{index}].role");
        }

        if (turnRole == TurnRole.Tool && callId.IsEmpty)
        {
            return Fail("missing_required_parameter", $"'messages[{index}].tool_call_id' is missing: a tool message answers one call.", $"messages[{index}].tool_call_id");
        }

        if (!hasContent && !(hasCalls && turnRole == TurnRole.Assistant))
        {
            return Fail("missing_required_parameter", $"'messages[{index}].content' is missing.", $"messages[{index}].content");
        }

        if (hasCalls && turnRole != TurnRole.Assistant)
        {
            return Fail("invalid_parameter", $"'messages[{index}].tool_calls' belongs to an assistant message.", $"messages[{index}].tool_calls");
        }

        _request.Turns.Begin(turnRole);
        if (hasContent)
        {
            _reader = content;
            if (!(turnRole == TurnRole.Tool ? ReadToolResult(index, callId) : ReadContent(index, turnRole)))
            {
                return false;
            }
        }

        _reader = calls;
        return !hasCalls || ReadToolCalls(index);
    }

    private static bool RoleOf(Utf8Slice role, out TurnRole turnRole)
    {
        turnRole = role.Equals("user"u8) ? TurnRole.User
            : role.Equals("assistant"u8) ? TurnRole.Assistant
            : role.Equals("tool"u8) ? TurnRole.Tool : TurnRole.System;
        return turnRole != TurnRole.System || role.Equals("system"u8) || role.Equals("developer"u8);
    }

    private bool ReadContent(int index, TurnRole role)
    {
        if (_reader.TokenType == JsonTokenType.String)
        {
            _request.Turns.Add(new TurnPart(PartKind.Text, Text()));
            return true;
        }

        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            return WrongType($"messages[{index}].content", "a string or an array of parts");
        }

        for (var part = 0; _reader.Read() && _reader.TokenType != JsonTokenType.EndArray; part++)
        {
            if (!ReadPart(index, part, role == TurnRole.User, out var value))
            {
                return false;
            }

            _request.Turns.Add(value);
        }

        return true;
    }

    private bool ReadToolResult(int index, Utf8Slice callId)
    {
        if (_reader.TokenType == JsonTokenType.String)
        {
            _request.Turns.Add(new TurnPart(PartKind.ToolResult, Text(), callId));
            return true;
        }

        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            return WrongType($"messages[{index}].content", "a string or an array of text parts");
        }

        for (var part = 0; _reader.Read() && _reader.TokenType != JsonTokenType.EndArray; part++)
        {
            if (!ReadPart(index, part, false, out var value))
            {
                return false;
            }

            _request.Turns.Add(new TurnPart(PartKind.ToolResult, value.Text, callId));
        }

        return true;
    }

    private bool ReadPart(int index, int part, bool imagesToo, out TurnPart value)
    {
        value = default;
        var where = $"messages[{index}].content[{part}]";
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType(where, "an object");
        }

        Utf8Slice type = default, text = default, url = default;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = _reader.ValueTextEquals("type"u8) ? NextText(where + ".type", out type)
                : _reader.ValueTextEquals("text"u8) ? NextText(where + ".text", out text)
                : _reader.ValueTextEquals("image_url"u8) ? ReadImageUrl(where + ".image_url", out url)
                : UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        if (type.Equals("text"u8))
        {
            value = new TurnPart(PartKind.Text, text);
            return true;
        }

        if (imagesToo && type.Equals("image_url"u8))
        {
            value = new TurnPart(PartKind.Image, url);
            return !url.IsEmpty || Fail("missing_required_parameter", $"'{where}.image_url.url' is missing.", where + ".image_url");
        }

        return Fail("invalid_value", $"'{where}.type' is '{type}'; here {(imagesToo ? "text or image_url" : "text")} is allowed.", where + ".type");
    }

    private bool ReadImageUrl(string where, out Utf8Slice url)
    {
        url = default;
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType(where, "an object with 'url'");
        }

        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var isUrl = _reader.ValueTextEquals("url"u8);
            if (!isUrl && !_reader.ValueTextEquals("detail"u8))
            {
                return UnknownIn(where);
            }

            if (!NextText(where, out var text))
            {
                return false;
            }

            url = isUrl ? text : url;
        }

        return true;
    }

    private bool ReadToolCalls(int index)
    {
        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            return WrongType($"messages[{index}].tool_calls", "an array");
        }

        for (var call = 0; _reader.Read() && _reader.TokenType != JsonTokenType.EndArray; call++)
        {
            if (!ReadToolCall($"messages[{index}].tool_calls[{call}]"))
            {
                return false;
            }
        }

        return true;
    }

    private bool ReadToolCall(string where)
    {
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType(where, "an object");
        }

        Utf8Slice id = default, type = default, name = default, arguments = default;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = _reader.ValueTextEquals("id"u8) ? NextText(where + ".id", out id)
                : _reader.ValueTextEquals("type"u8) ? NextText(where + ".type", out type)
                : _reader.ValueTextEquals("function"u8) ? ReadCalledFunction(where + ".function", out name, out arguments)
                : _reader.ValueTextEquals("index"u8) ? SkipNext() : UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        if (id.IsEmpty || name.IsEmpty)
        {
            return Fail("missing_required_parameter", $"'{where}' needs 'id' and 'function.name'.", where);
        }

        _request.Turns.Add(new TurnPart(PartKind.ToolCall, arguments, id, name));
        return true;
    }

    private bool ReadCalledFunction(string where, out Utf8Slice name, out Utf8Slice arguments)
    {
        name = arguments = default;
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType(where, "an object");
        }

        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = _reader.ValueTextEquals("name"u8) ? NextText(where + ".name", out name)
                : _reader.ValueTextEquals("arguments"u8) ? NextText(where + ".arguments", out arguments) : UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        return true;
    }

    // ---- tools and constraints ----

    private bool ReadTools()
    {
        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            return WrongType("tools", "an array");
        }

        for (var index = 0; _reader.Read() && _reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (index >= _limits.MaxTools)
            {
                return Fail("too_many_tools", $"'tools' has more than {_limits.MaxTools} items.", "tools");
            }

            if (!ReadTool($"tools[{index}]"))
            {
                return false;
            }
        }

        return true;
    }

    private bool ReadTool(string where)
    {
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType(where, "an object");
        }

        Utf8Slice type = default;
        ToolDefinition tool = default;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = _reader.ValueTextEquals("type"u8) ? NextText(where + ".type", out type)
                : _reader.ValueTextEquals("function"u8) ? ReadFunction(where + ".function", out tool) : UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        if (!type.Equals("function"u8))
        {
            return Fail("invalid_value", $"'{where}.type' is '{type}'; only function is allowed.", where + ".type");
        }

        if (tool.Name.IsEmpty)
        {
            return Fail("missing_required_parameter", $"'{where}.function.name' is missing.", where + ".function.name");
        }

        if (HasTool(tool.Name))
        {
            return Fail("invalid_value", $"'{where}.function.name' repeats '{tool.Name}'. Give each tool its own name.", where + ".function.name");
        }

        _request.Tools.Add(tool);
        return true;
    }

    private bool ReadFunction(string where, out ToolDefinition tool)
    {
        tool = default;
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType(where, "an object");
        }

        Utf8Slice name = default, description = default, parameters = default;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = _reader.ValueTextEquals("name"u8) ? NextText(where + ".name", out name)
                : _reader.ValueTextEquals("description"u8) ? NextText(where + ".description", out description)
                : _reader.ValueTextEquals("parameters"u8) ? NextRawObject(where + ".parameters", out parameters)
                : _reader.ValueTextEquals("strict"u8) ? NextBoolean(where + ".strict", out _) : UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        tool = new ToolDefinition(name, description, parameters);
        return true;
    }

    private readonly bool HasTool(Utf8Slice name)
    {
        foreach (var tool in _request.Tools)
        {
            if (tool.Name == name)
            {
                return true;
            }
        }

        return false;
    }

    private bool ReadToolChoice()
    {
        if (_reader.TokenType == JsonTokenType.String)
        {
            ToolChoiceMode? mode = _reader.ValueTextEquals("auto"u8) ? ToolChoiceMode.Auto
                : _reader.ValueTextEquals("none"u8) ? ToolChoiceMode.None
                : _reader.ValueTextEquals("required"u8) ? ToolChoiceMode.Required : null;
            _request.ToolChoice = new ToolChoice(mode ?? ToolChoiceMode.Auto);
            return mode is not null || Fail("invalid_value", $"'tool_choice' is '{_reader.GetString()}'; auto, none, required or a named function is allowed.", "tool_choice");
        }

        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType("tool_choice", "a string or an object");
        }

        Utf8Slice type = default, name = default;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = _reader.ValueTextEquals("type"u8) ? NextText("tool_choice.type", out type)
                : _reader.ValueTextEquals("function"u8) ? ReadCalledFunction("tool_choice.function", out name, out _) : UnknownIn("tool_choice");
            if (!ok)
            {
                return false;
            }
        }

        _request.ToolChoice = new ToolChoice(ToolChoiceMode.Named, name);
        return (type.Equals("function"u8) && !name.IsEmpty)
            || Fail("invalid_value", "'tool_choice' as an object must be {\"type\":\"function\",\"function\":{\"name\":...}}.", "tool_choice");
    }

    private bool ReadResponseFormat()
    {
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType("response_format", "an object");
        }

        Utf8Slice type = default, name = default, schema = default;
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = _reader.ValueTextEquals("type"u8) ? NextText("response_format.type", out type)
                : _reader.ValueTextEquals("json_schema"u8) ? ReadJsonSchema(out name, out schema) : UnknownIn("response_format");
            if (!ok)
            {
                return false;
            }
        }

        return Constrain(type, name, schema);
    }

    private bool ReadJsonSchema(out Utf8Slice name, out Utf8Slice schema)
    {
        const string Where = "response_format.json_schema";
        name = schema = default;
        _reader.Read();
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType(Where, "an object");
        }

        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = _reader.ValueTextEquals("name"u8) ? NextText(Where + ".name", out name)
                : _reader.ValueTextEquals("schema"u8) ? NextRawObject(Where + ".schema", out schema)
                : _reader.ValueTextEquals("description"u8) ? NextText(Where + ".description", out _)
                : _reader.ValueTextEquals("strict"u8) ? NextBoolean(Where + ".strict", out _) : UnknownIn(Where);
            if (!ok)
            {
                return false;
            }
        }

        return true;
    }

    private bool Constrain(Utf8Slice type, Utf8Slice name, Utf8Slice schema)
    {
        if (type.Equals("text"u8))
        {
            return true;
        }

        if (type.Equals("json_object"u8))
        {
            _request.Constraint.Kind = ConstraintKind.JsonObject;
            return true;
        }

        if (!type.Equals("json_schema"u8))
        {
            return Fail("invalid_value", $"'response_format.type' is '{type}'; text, json_object or json_schema is allowed.", "response_format.type");
        }

        _request.Constraint.Kind = ConstraintKind.JsonSchema;
        _request.Constraint.Name = name;
        _request.Constraint.Source = schema;
        return !schema.IsEmpty || Fail("missing_required_parameter", "'response_format.json_schema.schema' is missing.", "response_format.json_schema.schema");
    }

    /// <summary>Extension: texts that <c>x-span-of</c> in the schema may name.</summary>
    private bool ReadInputs()
    {
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType("inputs", "an object of texts");
        }

        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = Text();
            if (!NextText("inputs." + name, out var text))
            {
                return false;
            }

            _request.Constraint.Inputs.Add(new NamedInput(name, text));
        }

        return true;
    }

    // ---- scalars ----

    private bool ReadModel()
    {
        if (_reader.TokenType != JsonTokenType.String)
        {
            return WrongType("model", "a string");
        }

        _wishes.Model = _reader.GetString()!;
        return _wishes.Model.Length <= 256 || Fail("invalid_value", "'model' is longer than 256 characters.", "model");
    }

    private bool ReadChoices()
    {
        if (!Integer("n", 1, _limits.MaxChoices, out var n))
        {
            return false;
        }

        _request.Choices = (int)n;
        return true;
    }

    private bool ReadMaxTokens(string name)
    {
        if (!Integer(name, 1, int.MaxValue, out var tokens))
        {
            return false;
        }

        if (_request.MaxOutputTokens != 0 && _request.MaxOutputTokens != tokens)
        {
            return Fail("invalid_parameter", "'max_tokens' and 'max_completion_tokens' differ. Give one of them.", name);
        }

        _request.MaxOutputTokens = (int)tokens;
        return true;
    }

    private bool ReadStops()
    {
        if (_reader.TokenType == JsonTokenType.String)
        {
            return AddStop();
        }

        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            return WrongType("stop", "a string or an array of strings");
        }

        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            if (_reader.TokenType != JsonTokenType.String)
            {
                return WrongType("stop", "a string or an array of strings");
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
        if (_request.Stops.Count >= _limits.MaxStops)
        {
            return Fail("invalid_value", $"'stop' has more than {_limits.MaxStops} texts.", "stop");
        }

        var text = Text();
        if (text.IsEmpty)
        {
            return Fail("invalid_value", "'stop' holds an empty text, which would stop before the first token.", "stop");
        }

        _request.Stops.Add(text);
        return true;
    }

    private bool ReadLogProbs()
    {
        var ok = Boolean("logprobs", out var value);
        _wishes.LogProbs = value;
        return ok;
    }

    private bool ReadTopLogProbs()
    {
        if (!Integer("top_logprobs", 0, 20, out var value))
        {
            return false;
        }

        _topLogProbs = (int)value;
        return value == 0 || Fail("unsupported_parameter", "'top_logprobs' above 0 is not implemented in this version: 'logprobs' gives the chosen token's.", "top_logprobs");
    }

    private bool ReadStream()
    {
        var ok = Boolean("stream", out var value);
        _wishes.Stream = value;
        return ok;
    }

    private bool ReadStreamOptions()
    {
        _hasStreamOptions = true;
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType("stream_options", "an object");
        }

        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            if (_reader.ValueTextEquals("include_usage"u8))
            {
                if (!NextBoolean("stream_options.include_usage", out var include))
                {
                    return false;
                }

                _wishes.IncludeUsage = include;
            }
            else if (_reader.ValueTextEquals("include_obfuscation"u8))
            {
                // Padding against traffic analysis: only its absence can be honoured.
                if (!NextBoolean("stream_options.include_obfuscation", out var padded) || padded)
                {
                    return _failure.IsNone ? Fail("unsupported_parameter", "'stream_options.include_obfuscation' is not implemented: leave it out or set it to false.", "stream_options.include_obfuscation") : false;
                }
            }
            else
            {
                return UnknownIn("stream_options");
            }
        }

        return true;
    }

    private bool ReadParallel()
    {
        var ok = Boolean("parallel_tool_calls", out var value);
        _wishes.ParallelToolCalls = value;
        return ok;
    }

    private bool ReadStore() =>
        Boolean("store", out var value) && (!value || Fail("unsupported_parameter", "'store' true is not implemented: answers are not kept. Leave it out.", "store"));

    private bool ReadServiceTier() =>
        (_reader.TokenType == JsonTokenType.String && (_reader.ValueTextEquals("auto"u8) || _reader.ValueTextEquals("default"u8)))
        || Fail("unsupported_parameter", "'service_tier' can only be auto or default here.", "service_tier");

    /// <summary>An empty object biases nothing.</summary>
    private bool ReadLogitBias() =>
        (_reader.TokenType == JsonTokenType.StartObject && _reader.Read() && _reader.TokenType == JsonTokenType.EndObject)
        || Fail("unsupported_parameter", "'logit_bias' is not implemented in this version. Leave it out.", "logit_bias");

    private bool ReadModalities() =>
        (_reader.TokenType == JsonTokenType.StartArray && _reader.Read() && _reader.TokenType == JsonTokenType.String && _reader.ValueTextEquals("text"u8)
            && _reader.Read() && _reader.TokenType == JsonTokenType.EndArray)
        || Fail("unsupported_parameter", "'modalities' can only be [\"text\"] here.", "modalities");

    // ---- primitives ----

    private readonly bool Sample(Sampling sampling)
    {
        _request.Sampling = sampling;
        return true;
    }

    private bool Skip()
    {
        _reader.Skip();
        return true;
    }

    private bool SkipNext()
    {
        _reader.Read();
        return Skip();
    }

    /// <summary>Steps over the value of the current property if it is null, which means absent; else stays where it is.</summary>
    private bool SkipNull()
    {
        var look = _reader;
        look.Read();
        if (look.TokenType != JsonTokenType.Null)
        {
            return false;
        }

        _reader = look;
        return true;
    }

    /// <summary>The current string: a slice of the body, or a copy where it holds escapes.</summary>
    private readonly Utf8Slice Text()
    {
        var length = _reader.ValueSpan.Length;
        if (!_reader.ValueIsEscaped)
        {
            return new Utf8Slice(_body.Slice((int)_reader.TokenStartIndex + 1, length));
        }

        var copy = _request.Text.Allocate(length);
        return new Utf8Slice(copy[.._reader.CopyString(copy.Span)]);
    }

    private bool NextText(string where, out Utf8Slice text)
    {
        text = default;
        _reader.Read();
        if (_reader.TokenType == JsonTokenType.Null)
        {
            return true;
        }

        if (_reader.TokenType != JsonTokenType.String)
        {
            return WrongType(where, "a string");
        }

        text = Text();
        return true;
    }

    /// <summary>The current property's object as the bytes that the caller wrote.</summary>
    private bool NextRawObject(string where, out Utf8Slice raw)
    {
        raw = default;
        _reader.Read();
        if (_reader.TokenType == JsonTokenType.Null)
        {
            return true;
        }

        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType(where, "an object");
        }

        var start = (int)_reader.TokenStartIndex;
        _reader.Skip();
        raw = new Utf8Slice(_body[start..(int)_reader.BytesConsumed]);
        return true;
    }

    private bool NextBoolean(string where, out bool value)
    {
        value = false;
        _reader.Read();
        return _reader.TokenType == JsonTokenType.Null || Boolean(where, out value);
    }

    private bool Boolean(string where, out bool value)
    {
        value = _reader.TokenType == JsonTokenType.True;
        return value || _reader.TokenType == JsonTokenType.False || WrongType(where, "true or false");
    }

    private bool Number(string where, float min, float max, out float value)
    {
        value = 0;
        if (_reader.TokenType != JsonTokenType.Number)
        {
            return WrongType(where, "a number");
        }

        return (_reader.TryGetSingle(out value) && value >= min && value <= max)
            || Fail("invalid_value", FormattableString.Invariant($"'{where}' must lie between {min} and {max}."), where);
    }

    private bool Integer(string where, long min, long max, out long value)
    {
        value = 0;
        if (_reader.TokenType != JsonTokenType.Number)
        {
            return WrongType(where, "an integer");
        }

        return (_reader.TryGetInt64(out value) && value >= min && value <= max)
            || Fail("invalid_value", $"'{where}' must be an integer between {min} and {max}.", where);
    }

    private bool WrongType(string where, string wanted) => Fail("invalid_type", $"'{where}' must be {wanted}.", where);

    private bool UnknownField()
    {
        var name = _reader.GetString()!;
        return SkipNull() || Fail("unsupported_parameter", $"'{name}' is not known or not honoured here. {ChatFields.Remedy(name)}", name);
    }

    private bool UnknownIn(string where)
    {
        var path = where + "." + _reader.GetString();
        return SkipNull() || Fail("unsupported_parameter", $"'{path}' is not known or not honoured here. Leave it out.", path);
    }

    private bool Fail(string code, string message, string? param)
    {
        _failure = ApiFailure.Invalid(code, message, param);
        return false;
    }

    private static string FirstSentence(string message)
    {
        var cut = message.IndexOf(" LineNumber", StringComparison.Ordinal);
        return cut < 0 ? message : message[..cut];
    }
}
