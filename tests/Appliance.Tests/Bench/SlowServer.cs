using Jesus.Bench.Load;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Bench;

/// <summary>Answers each request after a pause.</summary>
internal sealed class SlowServer : IDisposable
{
    private readonly FaultServer _server;

    public SlowServer(int milliseconds) => _server = new FaultServer(async connection =>
    {
        while (await connection.ReadRequestAsync())
        {
            await connection.WaitAsync(milliseconds);
            await connection.SendAsync(MockAnswers.Whole);
        }
    });

    public int Port => _server.Port;

    public void Dispose() => _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
}
