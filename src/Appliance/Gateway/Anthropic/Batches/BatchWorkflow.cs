using System.Security.Cryptography;
using System.Text;

namespace Jesus.Appliance.Gateway.Anthropic.Batches;

/// <summary>A message batch as the runner runs it: one item of a map for each request. What is in progress, done and to do is the run's own journal.</summary>
internal static class BatchWorkflow
{
    public const string Name = "message-batch";
    public const string MapStep = "answers";

    /// <summary>Hours for all requests of a batch (Anthropic API reference, "Message Batches").</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    /// <summary>For so long after its creation the results can be had.</summary>
    public static readonly TimeSpan ResultsKept = TimeSpan.FromDays(29);

    /// <summary>
    /// An item never fails: what went wrong with a request is its result, and a passing cause is tried again. Its time is limited by the batch's end, before the
    /// step's.
    /// </summary>
    public static ReadOnlyMemory<byte> Yaml { get; } = Encoding.UTF8.GetBytes($$$"""
        name: message-batch
        description: The requests of one message batch.

        inputs:
          body: {type: string, description: hash of the requests as they came}
          expires: {type: integer, description: end of the batch in milliseconds since 1970}
          requests: {type: list, description: "where each request stands in the body: id, at, bytes"}

        steps:
          answers:
            map:
              over: ${inputs.requests}
              as: request
              step:
                timeout: 26h
                retry: {attempts: {{{BatchLimits.TriesMax}}}, backoff: 1s, max_delay: 30s}
                tool:
                  name: messages.create
                  arguments:
                    body: ${inputs.body}
                    expires: ${inputs.expires}
                    request: ${request}
        """);

    public static string Hash { get; } = Convert.ToHexStringLower(SHA256.HashData(Yaml.Span));
}
