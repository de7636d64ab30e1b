using Jesus.Tests.Nats;

namespace Jesus.EndToEnd.Fleet;

/// <summary>Box A without a model, boxes B and C with one.</summary>
internal sealed class FleetOfThree : IAsyncDisposable
{
    private FleetOfThree(FleetBox[] boxes) => (A, B, C) = (boxes[0], boxes[1], boxes[2]);

    public FleetBox A { get; }
    public FleetBox B { get; }
    public FleetBox C { get; }

    /// <param name="servers">The NATS server of each.</param>
    /// <param name="settings">As <see cref="FleetBox.StartAsync"/> has it, for box A.</param>
    /// <param name="direct">Without links that can be cut: boxes go on to servers that the first one tells of.</param>
    public static async Task<FleetOfThree> StartAsync(IReadOnlyList<NatsServer> servers, string settings, bool direct = false)
    {
        var starting = new[]
        {
            FleetBox.StartAsync("box-a", servers[0], hasModel: false, settings, direct: direct),
            FleetBox.StartAsync("box-b", servers[1], direct: direct),
            FleetBox.StartAsync("box-c", servers[2], direct: direct),
        };
        try
        {
            return new FleetOfThree(await Task.WhenAll(starting));
        }
        catch
        {
            foreach (var started in starting.Where(s => s.IsCompletedSuccessfully))
            {
                await (await started).DisposeAsync();
            }

            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await A.DisposeAsync();
        await B.DisposeAsync();
        await C.DisposeAsync();
    }
}
