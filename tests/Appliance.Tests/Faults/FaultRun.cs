using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Tests.Gateway;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;
using Jesus.Transport.Http;

namespace Jesus.Appliance.Tests.Faults;

/// <summary>What one call through the whole gateway, with real sockets on both sides, came to.</summary>
/// <param name="Cause">Why the first candidate failed; none when it answered.</param>
/// <param name="NextAsked">The next candidate was asked.</param>
/// <param name="Charge">In the table's words.</param>
internal sealed record FaultResult(ClientView View, ErrorCause Cause, bool NextAsked, string Charge);

/// <summary>One gateway over a pipeline whose first candidate is faulty.</summary>
internal static class FaultRun
{
    public const string NextText = "from the next";

    /// <summary>Faults that only a timeout ends, so that it is short; for the others a busy machine may pause for longer.</summary>
    private static readonly string[] Silent = ["no first byte", "head, then silence", "head without end, slowly", "stall inside"];

    public static async Task<FaultResult> RunAsync(
        GatewayFixture gateway, Upstream upstream, FaultPlace place, ClientApi client, bool stream, bool withNext, CommitPoint commit, CancellationToken cancel)
    {
        await using var bad = place.Make(upstream.Api);
        await using var good = FaultServer.Saying(upstream.Api, NextText);
        using var failing = Owned.Of(upstream.Adapter("bad", bad.Url, bad.Network));
        using var next = Owned.Of(upstream.Adapter("good", new Uri($"http://127.0.0.1:{good.Port}/"), TcpNetwork.Instance));
        var timeout = Silent.Contains(place.Name) ? 400 : 60_000;
        var route = new RouteOptions { Commit = commit, FirstTokenTimeoutMs = timeout, StallTimeoutMs = timeout, Retries = 0 };
        var prices = new PricesOptions { Prices = [new PriceOptions { Provider = "bad", Model = "m", InputPerMillionTokens = 1, OutputPerMillionTokens = 1 }] };
        var test = new TestPipeline(withNext ? [failing.Adapter, next.Adapter] : [failing.Adapter], route, prices: prices);
        var (outcome, cause, prompt) = (default(Outcome), ErrorCause.None, 0);
        gateway.Answer = async (call, sink, token) =>
        {
            prompt = failing.Adapter.CountInputTokens(call.Request);
            outcome = await test.Pipeline.RunAsync(call, sink, token);
            cause = call.Decisions.Items.FirstOrDefault(d => d.Candidate == "bad/m" && d.Verdict == "failed").Cause;
            return outcome;
        };
        ClientView view;
        try
        {
            if (place.IsOnReuse)
            {
                _ = await client.AskAsync(gateway.Http, stream, cancel);
                await Task.Delay(50, cancel); // until the end of the connection has come
                (outcome, cause) = (default, ErrorCause.None);
            }

            view = await client.AskAsync(gateway.Http, stream, cancel);
        }
        catch (Exception broken) when (broken is not OperationCanceledException)
        {
            throw new InvalidOperationException($"{upstream.Api.Name}, {place.Name}, {client.Name}'s client, {(stream ? "streamed" : "whole")}: {broken.Message}", broken);
        }

        return new FaultResult(view, cause, good.Accepted > 0, ChargeOf(outcome, prompt));
    }

    /// <summary>A micro-dollar a token: an answer of at most 100 tokens, and what the scripts state (9 and 2).</summary>
    private static string ChargeOf(in Outcome outcome, int prompt) => outcome.CostMicroUsd switch
    {
        0 => "nothing",
        11 => "as stated",
        1_000_009 => "as stated, an overrun",
        var cost when cost == prompt + 100 => "the bound",
        var cost when cost == prompt + FaultScripts.Said.Length => "the text's bound",
        var cost => cost.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    private sealed record Owned(IModelAdapter Adapter) : IDisposable
    {
        public static Owned Of(IModelAdapter adapter) => new(adapter);

        public void Dispose() => (Adapter as IDisposable)?.Dispose();
    }
}
