using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>Asking a server to count a prompt's tokens.</summary>
internal static class TokenCount
{
    /// <summary>An answer with the tokens' ids: 1,000,000 of seven digits.</summary>
    public const int AnswerBytesMax = 8 * 1024 * 1024;

    public static CallResult Exact(int tokens) => new() { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = tokens } };

    /// <summary>Sends the exchange's body and reads one number of the answer.</summary>
    /// <returns>-1 when the server does not offer it, or answers anything else than a number.</returns>
    public static async ValueTask<int> AskAsync(UpstreamClient client, ReadOnlyMemory<byte> path, AnswerExchange exchange, string member, CancellationToken cancel)
    {
        if (!await PostAsync(client, path, exchange, cancel).ConfigureAwait(false))
        {
            return -1;
        }

        try
        {
            using var answer = JsonDocument.Parse(exchange.Whole);
            return answer.RootElement.TryGetProperty(member, out var count) && count.TryGetInt32(out var tokens) ? tokens : -1;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException)
        {
            return -1;
        }
    }

    /// <summary>Sends the exchange's body and reads the answer whole into it.</summary>
    /// <returns>False when it was not 200, broke off, or is too long.</returns>
    public static async ValueTask<bool> PostAsync(UpstreamClient client, ReadOnlyMemory<byte> path, AnswerExchange exchange, CancellationToken cancel)
    {
        var result = await client.SendAsync(exchange, path, cancel).ConfigureAwait(false);
        if (result.Response is null)
        {
            return false;
        }

        using var response = result.Response;
        var fits = await exchange.ReadWholeAsync(response, AnswerBytesMax).ConfigureAwait(false);
        return response.Status == 200 && fits && response.Error.IsNone;
    }
}
