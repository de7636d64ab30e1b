using System.Text.Json;
using Jesus.Inference.Adapters.Shared;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.LlamaCpp;

/// <summary>What <c>/apply-template</c> answers, and what <c>/tokenize</c> takes and answers.</summary>
internal static class Prompt
{
    /// <summary>From <c>{"prompt": "..."}</c> the request <c>{"content": "...", ...}</c>, the text as it was escaped.</summary>
    /// <returns>False when there is no prompt in it.</returns>
    public static bool TryWrite(ReadOnlySpan<byte> answer, PooledBuffer body)
    {
        var text = JsonRead.TextAt(answer, "prompt"u8);
        if (text.IsEmpty)
        {
            return false;
        }

        body.Reset();
        body.Write("{\"content\":\""u8);
        body.Write(text);

        // As the server itself reads a chat's prompt: with the model's beginning, and markers of the template as the tokens that they are.
        body.Write("\",\"add_special\":true,\"parse_special\":true}"u8);
        return true;
    }

    /// <returns>-1 when the answer has no list of tokens.</returns>
    public static int CountTokens(ReadOnlySpan<byte> answer)
    {
        try
        {
            var reader = new Utf8JsonReader(answer);
            reader.Read();
            while (JsonRead.NextMember(ref reader))
            {
                if (reader.ValueTextEquals("tokens"u8) && JsonRead.BeginArray(ref reader))
                {
                    return CountItems(ref reader);
                }

                reader.Skip();
            }
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException)
        {
            return -1;
        }

        return -1;
    }

    private static int CountItems(ref Utf8JsonReader reader)
    {
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            count++;
            reader.Skip();
        }

        return count;
    }
}
