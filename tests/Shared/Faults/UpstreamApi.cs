namespace Jesus.Tests.Faults;

/// <summary>What an upstream says was used; null is not said.</summary>
internal readonly record struct StatedUsage(long? Input, long? Output)
{
    public static readonly StatedUsage Usual = new(9, 2);
}

/// <summary>Errors that every API has words for.</summary>
internal enum UpstreamError
{
    Invalid,
    Unauthorized,
    NotFound,
    RateLimited,
    Overloaded,
    ContextTooLong,
    ContentPolicy,
    Internal,
}

/// <summary>How one upstream API writes an answer. Events come out framed, so that a script can cut them anywhere.</summary>
internal abstract class UpstreamApi
{
    public static readonly UpstreamApi OpenAiChat = new OpenAiChatApi();
    public static readonly UpstreamApi Anthropic = new AnthropicApi();
    public static readonly UpstreamApi OpenAiResponses = new OpenAiResponsesApi();

    public abstract string Name { get; }

    /// <summary>Events before any content.</summary>
    public abstract string Opening(StatedUsage usage);

    public abstract string Text(string text);

    /// <summary>A whole tool call as events; a null id is left out.</summary>
    public abstract string ToolCall(int index, string? id, string name, string arguments);

    /// <summary>The reason and the usage.</summary>
    public abstract string Closing(StatedUsage usage, bool toolCalls = false);

    /// <summary>The event after which nothing comes.</summary>
    public abstract string End { get; }

    public abstract string Whole(string text, StatedUsage usage);

    public abstract string Error(UpstreamError error, string message);

    public abstract string ErrorEvent(UpstreamError error, string message);

    /// <summary>The answer's own last word that it has failed, where the API has one; else an error event.</summary>
    public virtual string Failure(UpstreamError error, string message) => ErrorEvent(error, message);

    /// <summary>A whole answer as events.</summary>
    public string Stream(string text, StatedUsage usage) => Opening(usage) + Text(text) + Closing(usage) + End;

    /// <summary>Answers requests on one connection until it is closed, as the client wishes: whole or streamed.</summary>
    public async Task ServeAsync(FaultConnection connection, string text)
    {
        while (await connection.ReadRequestAsync())
        {
            await AnswerAsync(connection, text, StatedUsage.Usual);
        }
    }

    public async Task AnswerAsync(FaultConnection connection, string text, StatedUsage usage)
    {
        if (!connection.WantsStream)
        {
            await connection.RespondAsync("200 OK", Whole(text, usage));
            return;
        }

        await connection.BeginEventsAsync();
        await connection.ChunkAsync(Stream(text, usage));
        await connection.EndChunksAsync();
    }

    protected static string Event(string data, string? name = null) => name is null ? $"data: {data}\n\n" : $"event: {name}\ndata: {data}\n\n";

    /// <summary>Members of a JSON object; those without a value are left out.</summary>
    protected static string Members(params (string Name, long? Value)[] members) =>
        "{" + string.Join(',', members.Where(m => m.Value is not null).Select(m => $"\"{m.Name}\":{m.Value}")) + "}";

    protected static string Quote(string text) => System.Text.Json.JsonSerializer.Serialize(text);
}
