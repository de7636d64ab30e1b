using System.Text.Json;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>
/// The counts as the server states them: those of the prompt with the first event, the answer's with the last; later ones replace earlier ones. The API's
/// <c>input_tokens</c> are those that the prompt cache had no part in: ours are all.
/// </summary>
internal sealed class AnswerUsage
{
    private int _plain;
    private int _written;
    private int _writtenForAnHour;
    private int _read;
    private int _output;
    private int _thinking;

    private bool _hasInput;
    private bool _hasOutput;

    /// <summary>The prompt's counts alone; null while they have not come or are none.</summary>
    public Usage? Prompt => !_hasInput || Input < 0 ? null : new Usage { InputTokens = Input, CachedInputTokens = _read, CacheWriteTokens = _written };

    /// <summary>All of the prompt; below zero where a part is.</summary>
    private int Input => _plain < 0 || _written < 0 || _read < 0 ? -1 : (int)Math.Min(int.MaxValue, (long)_plain + _written + _read);

    /// <summary>Null unless prompt and answer were both counted: half a statement is none. A count below zero is kept: it is recognised when it is charged.</summary>
    public Usage? Stated => !_hasInput || !_hasOutput ? null : new Usage
    {
        InputTokens = Input,
        CachedInputTokens = _read,
        CacheWriteTokens = _written,
        LongCacheWriteTokens = _writtenForAnHour,
        OutputTokens = _output,
        ReasoningTokens = _thinking,
    };

    /// <summary>On the member's name.</summary>
    /// <param name="atStart">The answer's count is then only of what the first event held.</param>
    public void Read(ref Utf8JsonReader reader, bool atStart)
    {
        if (!JsonRead.BeginObject(ref reader))
        {
            return;
        }

        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("input_tokens"u8))
            {
                _hasInput |= Take(ref reader, ref _plain);
            }
            else if (reader.ValueTextEquals("output_tokens"u8))
            {
                _hasOutput |= Take(ref reader, ref _output) && !atStart;
            }
            else if (reader.ValueTextEquals("cache_creation_input_tokens"u8))
            {
                Take(ref reader, ref _written);
            }
            else if (reader.ValueTextEquals("cache_creation"u8))
            {
                ReadOne(ref reader, "ephemeral_1h_input_tokens"u8, ref _writtenForAnHour);
            }
            else if (reader.ValueTextEquals("cache_read_input_tokens"u8))
            {
                Take(ref reader, ref _read);
            }
            else if (reader.ValueTextEquals("output_tokens_details"u8))
            {
                ReadOne(ref reader, "thinking_tokens"u8, ref _thinking);
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }
    }

    public void Reset()
    {
        _plain = _written = _writtenForAnHour = _read = _output = _thinking = 0;
        _hasInput = _hasOutput = false;
    }

    /// <summary>One count of an object of them.</summary>
    private static void ReadOne(ref Utf8JsonReader reader, ReadOnlySpan<byte> name, ref int count)
    {
        if (!JsonRead.BeginObject(ref reader))
        {
            return;
        }

        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals(name))
            {
                Take(ref reader, ref count);
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }
    }

    /// <summary>A null says nothing new.</summary>
    private static bool Take(ref Utf8JsonReader reader, ref int count)
    {
        var look = reader;
        look.Read();
        var stated = look.TokenType == JsonTokenType.Number;
        count = stated ? JsonRead.Int(ref reader) : count;
        if (!stated)
        {
            JsonRead.Skip(ref reader);
        }

        return stated;
    }
}
