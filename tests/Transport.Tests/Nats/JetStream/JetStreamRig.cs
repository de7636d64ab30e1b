using System.Text;
using Jesus.Tests.Nats;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;
using Jesus.Transport.Nats.JetStream;
using NatsServer = Jesus.Tests.Nats.NatsServer;

namespace Jesus.Transport.Tests.Nats.JetStream;

/// <summary>A real server with JetStream and a connection to it.</summary>
internal sealed class JetStreamRig : IAsyncDisposable
{
    /// <summary>Only ends a hang.</summary>
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(120);

    /// <summary>Pulls that notice silence soon, so that tests of it are short.</summary>
    public static readonly PullOptions Quick = new() { Batch = 40, Expires = TimeSpan.FromSeconds(2), Heartbeat = TimeSpan.FromMilliseconds(400) };

    private readonly List<NatsConnection> _connections = [];
    private readonly CancellationTokenSource _hang = new(Long);

    private JetStreamRig(NatsServer server) => Server = server;

    public NatsServer Server { get; }
    public JetStreamContext Context { get; private set; } = null!;

    /// <summary>Cancelled when a test hangs.</summary>
    public CancellationToken Hang => _hang.Token;

    /// <param name="auth">Who may do what, as <see cref="NatsServerOptions.Auth"/> has it.</param>
    public static async Task<JetStreamRig> StartAsync(string auth = "")
    {
        var rig = new JetStreamRig(await NatsServer.StartAsync(new NatsServerOptions { JetStream = true, Auth = auth }));
        rig.Context = await rig.ConnectAsync([rig.Server.Url]);
        return rig;
    }

    public async Task<JetStreamContext> ConnectAsync(IReadOnlyList<string> urls)
    {
        var connection = Open(urls);
        _connections.Add(connection);
        Assert.True(await connection.WaitConnectedAsync(Long, Hang));
        return Patient(connection);
    }

    public static NatsConnection Open(IReadOnlyList<string> urls)
    {
        var connection = new NatsConnection(
            new NatsOptions { Urls = urls, ReconnectDelayMinMs = 20, ReconnectDelayMaxMs = 200 }, TcpNetwork.Instance, TimeProvider.System);
        connection.Start();
        return connection;
    }

    /// <summary>A loaded machine may take long to restart a server.</summary>
    public static JetStreamContext Patient(NatsConnection connection) => new(connection, TimeProvider.System, new JetStreamOptions
    {
        Patience = Long,
        RetryEvery = TimeSpan.FromMilliseconds(50),
    });

    public async Task<StreamInfo> StreamAsync(string name, StreamRetention retention = StreamRetention.Limits) => Ok(await Context.CreateStreamAsync(
        new StreamConfig { Name = name, Subjects = [name + ".>"], Retention = retention }, Hang));

    public async Task<ConsumerInfo> ConsumerAsync(string stream, string name, Func<ConsumerConfig, ConsumerConfig>? more = null)
    {
        var config = new ConsumerConfig { Name = name };
        return Ok(await Context.CreateConsumerAsync(stream, more?.Invoke(config) ?? config, Hang));
    }

    /// <summary>Stores the numbers from 0 on.</summary>
    public async Task FillAsync(string stream, int count, int from = 0)
    {
        var subject = NatsSubject.Parse(stream + ".n");
        for (var i = from; i < from + count; i++)
        {
            _ = Ok(await Context.PublishAsync(subject, Bytes(i), new JetStreamPublish { MessageId = $"{stream}-{i}" }, Hang));
        }
    }

    public static ReadOnlyMemory<byte> Bytes(int number) => Encoding.ASCII.GetBytes(number.ToString(System.Globalization.CultureInfo.InvariantCulture));

    public static int Number(JetStreamMessage message) => int.Parse(message.Payload.Span, System.Globalization.CultureInfo.InvariantCulture);

    public static T Ok<T>(JetStreamResult<T> result)
    {
        Assert.True(result.IsOk, result.Error.ToString());
        return result.Value;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _connections)
        {
            await connection.DisposeAsync();
        }

        await Server.DisposeAsync();
        _hang.Dispose();
    }
}
