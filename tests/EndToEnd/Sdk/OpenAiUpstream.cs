namespace Jesus.EndToEnd.Sdk;

/// <summary>A provider of OpenAI's chat API as the tests of both OpenAI clients script it.</summary>
internal static class OpenAiUpstream
{
    public const string Config =
        """
        {
          "providers": {
            "cloud": { "adapter": "openai-compatible", "url": "UPSTREAM/v1", "leavesBox": false, "models": [ { "name": "hello" } ] }
          }
        }
        """;

    public static void Prepare(ScriptedUpstream upstream) => upstream.OnChat("hello",
        """
        {"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"hello","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there"},
        "finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}
        """,
        """{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"hello","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":null}]}""",
        """{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"hello","choices":[{"index":0,"delta":{"content":" there"},"finish_reason":null}]}""",
        """{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"hello","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""",
        """{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"hello","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}""",
        "[DONE]");
}
