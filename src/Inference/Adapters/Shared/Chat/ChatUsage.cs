using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>Reads <c>usage</c> of chat completions, embeddings and reranking.</summary>
internal static class ChatUsage
{
    /// <summary>The reader is inside the object.</summary>
    /// <returns>Null when it does not state both sides: half a statement is none.</returns>
    public static Usage? Read(ref Utf8JsonReader reader)
    {
        var usage = new Usage();
        var seen = 0;
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("prompt_tokens"u8))
            {
                usage = usage with { InputTokens = JsonRead.Int(ref reader) };
                seen |= 1;
            }
            else if (reader.ValueTextEquals("completion_tokens"u8))
            {
                usage = usage with { OutputTokens = JsonRead.Int(ref reader) };
                seen |= 2;
            }
            else if (reader.ValueTextEquals("prompt_tokens_details"u8))
            {
                usage = usage with { CachedInputTokens = JsonRead.Detail(ref reader, "cached_tokens"u8) };
            }
            else if (reader.ValueTextEquals("prompt_cache_hit_tokens"u8))
            {
                // DeepSeek's name for it.
                usage = usage with { CachedInputTokens = JsonRead.Int(ref reader) };
            }
            else if (reader.ValueTextEquals("completion_tokens_details"u8))
            {
                usage = usage with { ReasoningTokens = JsonRead.Detail(ref reader, "reasoning_tokens"u8) };
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }

        return seen == 3 ? usage : null;
    }

    /// <summary>For operations without output: <c>prompt_tokens</c>, or <c>total_tokens</c> where only that is said; null when neither.</summary>
    public static Usage? ReadInput(ref Utf8JsonReader reader)
    {
        int? prompt = null, total = null;
        while (JsonRead.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("prompt_tokens"u8))
            {
                prompt = JsonRead.Int(ref reader);
            }
            else if (reader.ValueTextEquals("total_tokens"u8))
            {
                total = JsonRead.Int(ref reader);
            }
            else
            {
                JsonRead.Skip(ref reader);
            }
        }

        return (prompt ?? total) is { } tokens ? new Usage { InputTokens = tokens } : null;
    }
}
