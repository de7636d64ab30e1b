using System.Security.Cryptography;
using Jesus.Appliance.Budgets;
using Jesus.Transport.Nats.JetStream;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Budgets;

/// <summary>Lending and borrowing while the box is in its federation. Without a cap that names an owner it does nothing, not even ask for JetStream.</summary>
public sealed class SharedBudgetsPart(FederationHub hub, BudgetKeeper keeper, TimeProvider time, ILogger log) : IFederationPart, IDisposable
{
    /// <summary>A loop that failed begins again after this.</summary>
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);

    /// <summary>How often is looked whether a cap has an owner by now, since a reload or an administrator may give it one.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public void Start() => _running = Task.Run(KeepAsync);

    public void Drain()
    {
        // Calls that are under way still spend; what is left is given back at the stop.
    }

    public async Task StopAsync(CancellationToken deadline)
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private async Task KeepAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (keeper.Lending.HasOwnedCaps)
                {
                    await RunAsync(_stop.Token).ConfigureAwait(false);
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                log.LogError(e, "the lending of shared budgets failed; it begins again");
                await Task.Delay(Again, time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            await Task.Delay(LookEvery, time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RunAsync(CancellationToken cancel)
    {
        var generation = await keeper.Lending.GenerationAsync(RandomNumberGenerator.GetHexString(8, lowercase: true)).ConfigureAwait(false);
        await using var board = new KvLoanBoard(new JetStreamContext(hub.Nats, time), hub.Cluster, hub.Self, hub.Options.Replicas, time, log);
        board.Start();
        var shared = new SharedBudgets(hub.Self, generation, keeper, board, time, log);
        await shared.RunAsync(cancel).ConfigureAwait(false);

        // A box that stops for good would strand its loans. It has as long as the hub gives its parts.
        await shared.GiveAllBackAsync(CancellationToken.None).ConfigureAwait(false);
    }
}
