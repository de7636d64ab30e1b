using System.Text;
using System.Text.Json;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Gateway.Anthropic.Batches;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Security;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tests.Runner;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Gateway.Anthropic;

/// <summary>Message batches over the real runner, a journal in memory and a model that a test scripts.</summary>
internal sealed class BatchRig : IDisposable
{
    /// <summary>What <see cref="Echo"/> announces, and what it then costs.</summary>
    public const long AtMostMicroUsd = 11;
    public const long MicroUsd = 7;

    private readonly RunnerRig _runner;

    public BatchRig(ModelCaller caller, MemoryJournal? journal = null, MemoryBlobs? blobs = null, TimeProvider? time = null)
    {
        time ??= TimeProvider.System;
        Journal = journal ?? new MemoryJournal();
        Blobs = blobs ?? new MemoryBlobs();
        var tool = new BatchTool(caller, Blobs, new GatewayOptions(), time);
        _runner = new RunnerRig(tools: [tool], journal: Journal, blobs: Blobs, time: time, options: new RunnerOptions { StopGrace = TimeSpan.FromMilliseconds(20) });
        var deletions = new BatchDeletions(Journal);
        _ = JournalReplay.Run(Journal, deletions);
        Batches = new MessageBatches(_runner.Service, Blobs, deletions, time);
    }

    public MemoryJournal Journal { get; }
    public MemoryBlobs Blobs { get; }
    public MessageBatches Batches { get; }

    /// <summary>Goes on with what the journal says.</summary>
    public ValueTask<int> RecoverAsync() => _runner.Service.RecoverAsync(CancellationToken.None);

    public async Task<BatchView> CreateAsync(string body, Principal? principal = null)
    {
        var (batch, failure) = await Batches.CreateAsync(Encoding.UTF8.GetBytes(body), principal ?? RunnerRig.Alice, CancellationToken.None);
        Assert.True(failure.IsNone, failure.Message);
        return batch!;
    }

    public async Task<BatchView> EndAsync(string id, Principal? principal = null)
    {
        for (var i = 0; i < 12_000; i++)
        {
            var batch = await Batches.GetAsync(id, principal ?? RunnerRig.Alice, CancellationToken.None);
            if (batch!.HasEnded)
            {
                return batch;
            }

            await Task.Delay(10);
        }

        throw new TimeoutException("the batch never ended");
    }

    /// <summary>The results: type by custom id.</summary>
    public async Task<List<(string Id, string Type, JsonElement Result)>> ResultsAsync(BatchView batch)
    {
        var results = new List<(string, string, JsonElement)>();
        foreach (var line in await Batches.ResultsAsync(batch, RunnerRig.Alice, CancellationToken.None))
        {
            var json = JsonDocument.Parse(line.ToArray()).RootElement;
            var result = json.GetProperty("result");
            results.Add((json.GetProperty("custom_id").GetString()!, result.GetProperty("type").GetString()!, result));
        }

        return results;
    }

    public void Dispose() => _runner.Dispose();

    /// <summary>A body of requests with these ids, each saying its id.</summary>
    public static string Body(params string[] ids) =>
        "{\"requests\":[" + string.Join(',', ids.Select(id => $$"""{"custom_id":"{{id}}","params":{{Params(id)}}}""")) + "]}";

    public static string Params(string text) => $$"""{"model":"nano","max_tokens":9,"messages":[{"role":"user","content":"{{text}}"}]}""";

    /// <summary>As the pipeline does before it calls an adapter.</summary>
    public static ValueTask AnnounceAsync(ModelCall call) =>
        call.BeforeAttempt is { } announce ? announce(new CallCeiling(20, 9, AtMostMicroUsd)) : ValueTask.CompletedTask;

    public ValueTask<RunView?> RunAsync(BatchView batch) => _runner.Service.GetAsync(batch.RunId, RunnerRig.Alice, CancellationToken.None);

    public Task StopAsync() => _runner.Service.StopAsync();

    /// <summary>Says back what it was asked.</summary>
    public static async ValueTask<Outcome> Echo(ModelCall call, IAnswerSink sink, CancellationToken cancel)
    {
        await Task.Yield();
        await AnnounceAsync(call);
        var asked = call.Request.Turns.PartsOf(call.Request.Turns.Count - 1)[^1].Text.Memory;
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = asked });
        return new Outcome { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = 10, OutputTokens = 3 }, CostMicroUsd = MicroUsd };
    }
}
