using System.Globalization;
using System.Text.Json;

namespace Jesus.Bench.Load;

/// <summary>The published daemon before a candidate of few places, with keys of several users.</summary>
internal sealed class OverloadDaemon(string program, MockUpstream mock) : JesusDaemon(program, "jesus", ConfigFor(mock))
{
    /// <summary>Places at the candidate.</summary>
    public const int Slots = 16;

    /// <summary>Calls in progress that <see cref="NarrowUser"/> may have.</summary>
    public const int NarrowCalls = 4;
    public const string NarrowUser = "narrow";

    /// <summary>How long a person would wait at most; the usual ten seconds would take as long to be seen.</summary>
    public const int WaitMs = 500;

    /// <summary>A new key's secret.</summary>
    public string KeyOf(string user) => Ask(MockAnswers.NewKey(user), "secret");

    /// <summary>A batch's id.</summary>
    public string Batch(string key, int requests) => Ask(MockAnswers.Batch(key, requests), "id");

    public void CancelBatch(string key, string id) => _ = Ask(MockAnswers.CancelBatch(key, id), "id");

    private string Ask(byte[] request, string field)
    {
        var answer = OneRequest.Ask(Port, request);
        using var body = JsonDocument.Parse(answer[Math.Max(0, answer.IndexOf('{', StringComparison.Ordinal))..]);
        return body.RootElement.TryGetProperty(field, out var value) ? value.GetString()! : throw new InvalidOperationException(answer);
    }

    private static string ConfigFor(MockUpstream mock) => string.Create(CultureInfo.InvariantCulture, $$"""
        {
          "listen": { "http": "http://127.0.0.1:0" },
          "engine": { "preload": [] },
          "providers": {
            "up": { "url": "http://127.0.0.1:{{mock.Port}}/v1", "models": [ { "name": "mock" } ] },
            "few": { "url": "http://127.0.0.1:{{mock.SlowPort}}/v1", "models": [ { "name": "mock" } ], "slots": {{Slots}} }
          },
          "routes": {
            "mock": { "candidates": [ { "provider": "up", "model": "mock" } ] },
            "{{MockAnswers.SlowModel}}": { "candidates": [ { "provider": "few", "model": "mock" } ] }
          },
          "prices": [ { "provider": "up", "model": "*", "inputPerMillionTokens": 1, "outputPerMillionTokens": 2 },
                      { "provider": "few", "model": "*", "inputPerMillionTokens": 1, "outputPerMillionTokens": 2 } ],
          "budgets": { "caps": [ { "scope": "user", "name": "*", "period": "day", "usd": 1000000 } ] },
          "limits": { "callsInProgress": 10000, "rules": [ { "scope": "user", "name": "{{NarrowUser}}", "concurrency": {{NarrowCalls}} } ] },
          "scheduler": { "interactiveWaitMs": {{WaitMs}} },
          "security": { "trustLoopback": true }
        }
        """);
}
