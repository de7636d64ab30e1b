using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Reads the fields that chat completions and plain completions share: how tokens are drawn, where the answer ends, how it is sent.</summary>
internal static class RequestSettings
{
    /// <summary>OpenAI's own limit of <c>logit_bias</c> is 300; a table of this size still costs less than one token's logits.</summary>
    private const int MaxBiases = 1_024;

    /// <summary>The model named last on this thread: the next call often names it too.</summary>
    [ThreadStatic]
    private static string? _model;

    public static bool Read(ref ChatReader chat, FieldRule rule) => rule.Field switch
    {
        RequestField.Model => ReadModel(ref chat),
        RequestField.Temperature => chat.Number("temperature", 0, 2, out var v) && Sample(ref chat, chat.Request.Sampling with { Temperature = v }, SamplingFields.Temperature),
        RequestField.TopP => chat.Number("top_p", 0, 1, out var v) && Sample(ref chat, chat.Request.Sampling with { TopP = v }, SamplingFields.TopP),
        RequestField.MinP => chat.Number("min_p", 0, 1, out var v) && Sample(ref chat, chat.Request.Sampling with { MinP = v }, SamplingFields.MinP),
        RequestField.TopK => chat.Integer("top_k", 0, 1_000_000, out var v) && Sample(ref chat, chat.Request.Sampling with { TopK = (int)v }, SamplingFields.TopK),
        RequestField.Seed => chat.Integer("seed", long.MinValue, long.MaxValue, out var v) && Sample(ref chat, chat.Request.Sampling with { Seed = (ulong)v }),
        RequestField.FrequencyPenalty => chat.Number("frequency_penalty", -2, 2, out var v) && Sample(ref chat, chat.Request.Sampling with { FrequencyPenalty = v }),
        RequestField.PresencePenalty => chat.Number("presence_penalty", -2, 2, out var v) && Sample(ref chat, chat.Request.Sampling with { PresencePenalty = v }),
        RequestField.N => ReadChoices(ref chat),
        RequestField.Stop => ReadStops(ref chat),
        RequestField.MaxTokens or RequestField.MaxCompletionTokens => ReadMaxTokens(ref chat, rule.Name),
        RequestField.LogitBias => ReadLogitBias(ref chat),
        RequestField.Stream => ReadStream(ref chat),
        RequestField.StreamOptions => ReadStreamOptions(ref chat),
        RequestField.EndUser => ReadEndUser(ref chat, rule.Name),
        >= RequestField.TypicalP and <= RequestField.StructuredOutputs => ServerFields.Read(ref chat, rule),
        _ => chat.Skip(),
    };

    /// <summary>What only the whole object tells of these fields.</summary>
    public static bool Check(ref ChatReader chat, ulong seen)
    {
        if (chat.Wishes.Model.Length == 0)
        {
            return chat.Fail("missing_required_parameter", "'model' is missing: name one that GET /v1/models lists.", "model");
        }

        return !RequestObject.Has(seen, RequestField.StreamOptions) || chat.Wishes.Stream
            || chat.Fail("invalid_parameter", "'stream_options' needs 'stream': true.", "stream_options");
    }

    private static bool ReadModel(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.String)
        {
            return chat.WrongType("model", "a string");
        }

        chat.Wishes.Model = _model is { } last && chat.Reader.ValueTextEquals(last) ? last : _model = chat.Reader.GetString()!;
        return chat.Wishes.Model.Length <= 256 || chat.Fail("invalid_value", "'model' is longer than 256 characters.", "model");
    }

    private static bool Sample(ref ChatReader chat, Sampling sampling, SamplingFields given = SamplingFields.None)
    {
        chat.Request.Sampling = sampling with { Given = sampling.Given | given };
        return true;
    }

    private static bool ReadChoices(ref ChatReader chat)
    {
        if (!chat.Integer("n", 1, chat.Limits.MaxChoices, out var n))
        {
            return false;
        }

        chat.Request.Choices = (int)n;
        return true;
    }

    private static bool ReadMaxTokens(ref ChatReader chat, string name)
    {
        if (!chat.Integer(name, 1, int.MaxValue, out var tokens))
        {
            return false;
        }

        if (chat.Request.MaxOutputTokens != 0 && chat.Request.MaxOutputTokens != tokens)
        {
            return chat.Fail("invalid_parameter", "'max_tokens' and 'max_completion_tokens' differ. Give one of them.", name);
        }

        chat.Request.MaxOutputTokens = (int)tokens;
        return true;
    }

    private static bool ReadStops(ref ChatReader chat)
    {
        if (chat.Reader.TokenType == JsonTokenType.String)
        {
            return AddStop(ref chat);
        }

        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType("stop", "a string or an array of strings");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray)
        {
            if (chat.Reader.TokenType != JsonTokenType.String)
            {
                return chat.WrongType("stop", "a string or an array of strings");
            }

            if (!AddStop(ref chat))
            {
                return false;
            }
        }

        return true;
    }

    private static bool AddStop(ref ChatReader chat)
    {
        if (chat.Request.Stops.Count >= chat.Limits.MaxStops)
        {
            return chat.Fail("invalid_value", $"'stop' has more than {chat.Limits.MaxStops} texts.", "stop");
        }

        var text = chat.Text();
        if (text.IsEmpty)
        {
            return chat.Fail("invalid_value", "'stop' holds an empty text, which would stop before the first token.", "stop");
        }

        chat.Request.Stops.Add(text);
        return true;
    }

    /// <summary>An object of token ids, as strings, and numbers.</summary>
    private static bool ReadLogitBias(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType("logit_bias", "an object of token ids and numbers");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = chat.Reader.ValueSpan;
            if (!System.Buffers.Text.Utf8Parser.TryParse(name, out int token, out var read) || read != name.Length || token < 0)
            {
                return chat.Fail("invalid_value", $"'logit_bias' names '{chat.Reader.GetString()}', which is no token id.", "logit_bias");
            }

            chat.Reader.Read();
            if (!chat.Number("logit_bias", -100, 100, out var bias))
            {
                return false;
            }

            if (chat.Request.LogitBias.Count >= MaxBiases)
            {
                return chat.Fail("invalid_value", $"'logit_bias' has more than {MaxBiases} tokens.", "logit_bias");
            }

            chat.Request.LogitBias.Add(new TokenBias(token, bias));
        }

        return true;
    }

    private static bool ReadStream(ref ChatReader chat)
    {
        var ok = chat.Boolean("stream", out var value);
        chat.Wishes.Stream = chat.Request.Streams = value;
        return ok;
    }

    private static bool ReadStreamOptions(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType("stream_options", "an object");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (chat.Reader.ValueTextEquals("include_usage"u8))
            {
                if (!chat.NextBoolean("stream_options.include_usage", out var include))
                {
                    return false;
                }

                chat.Wishes.IncludeUsage = include;
            }
            else if (chat.Reader.ValueTextEquals("include_obfuscation"u8))
            {
                // Padding against traffic analysis: only its absence can be honoured here.
                if (!chat.NextBoolean("stream_options.include_obfuscation", out var padded) || (padded && !chat.Forward("stream_options.include_obfuscation")))
                {
                    return false;
                }
            }
            else if (!chat.UnknownIn("stream_options"))
            {
                return false;
            }
        }

        return true;
    }

    private static bool ReadEndUser(ref ChatReader chat, string name)
    {
        if (chat.Reader.TokenType != JsonTokenType.String)
        {
            return chat.WrongType(name, "a string");
        }

        chat.Request.EndUser = chat.Text();
        return true;
    }
}
