namespace Jesus.Tests.Faults;

/// <summary>One way in which an upstream fails, in any API.</summary>
/// <param name="Name">As docs/faults.md names it.</param>
/// <param name="What">What happens on the wire, for a reader.</param>
/// <param name="Script">Runs after a request was read whole; the connection is closed when it returns.</param>
internal sealed record Fault(string Name, string What, Func<UpstreamApi, FaultConnection, Task> Script)
{
    public async Task ServeAsync(UpstreamApi api, FaultConnection connection)
    {
        if (await connection.ReadRequestAsync())
        {
            await Script(api, connection);
        }
    }

    public override string ToString() => Name;
}
