using System.Buffers.Text;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace Jesus.Tests.Nats;

/// <summary>
/// A client of the tests' own that speaks the protocol line by line (docs.nats.io, "NATS Protocol"): an attacker in tests of security, a witness in tests of
/// the daemon's client. What the server answers is there to be read; nothing is hidden.
/// </summary>
internal sealed class RawNats : IAsyncDisposable
{
    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(60);

    private readonly TcpClient _tcp = new();
    private readonly List<string> _errors = [];
    private readonly Queue<(string Subject, string Reply, byte[] Payload)> _messages = [];
    private Stream _stream = Stream.Null;
    private int _lastSubscription;

    private RawNats()
    {
    }

    /// <summary>The INFO that the server began with.</summary>
    public JsonElement Info { get; private set; }

    /// <summary>What the server complained about: the texts of its <c>-ERR</c>.</summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <param name="port">The server's, or a proxy's.</param>
    /// <param name="connect">Members of CONNECT beyond the usual, as JSON: <c>"user":"a","pass":"b"</c>.</param>
    /// <param name="key">Signs the server's nonce.</param>
    /// <param name="certificate">Upgrades to TLS with this client certificate.</param>
    /// <param name="tls">Upgrades to TLS.</param>
    public static async Task<RawNats> ConnectAsync(int port, string connect = "", NatsKey? key = null, X509Certificate2? certificate = null, bool tls = false)
    {
        var client = new RawNats();
        try
        {
            await client.OpenAsync(port, connect, key, certificate, tls || certificate is not null);
            return client;
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    public async Task<int> SubscribeAsync(string subject, string queue = "")
    {
        await SendAsync($"SUB {subject} {(queue.Length > 0 ? queue + " " : "")}{++_lastSubscription}\r\n");
        return _lastSubscription;
    }

    public Task PublishAsync(string subject, string payload, string reply = "") =>
        SendAsync($"PUB {subject} {(reply.Length > 0 ? reply + " " : "")}{Encoding.UTF8.GetByteCount(payload)}\r\n{payload}\r\n");

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    public async Task SendAsync(byte[] bytes) => await _stream.WriteAsync(bytes);

    /// <summary>All that was sent has been seen by the server, and all that it answered so far has been read.</summary>
    public async Task FlushAsync()
    {
        await SendAsync("PING\r\n");
        while (await ReadOneAsync() != "PONG")
        {
        }
    }

    /// <summary>The next message; waits for it.</summary>
    public async Task<(string Subject, string Reply, byte[] Payload)> NextAsync()
    {
        while (_messages.Count == 0)
        {
            await ReadOneAsync();
        }

        return _messages.Dequeue();
    }

    /// <summary>A message that has come already.</summary>
    public bool TryNext(out (string Subject, string Reply, byte[] Payload) message) => _messages.TryDequeue(out message);

    public ValueTask DisposeAsync()
    {
        _tcp.Dispose();
        return _stream.DisposeAsync();
    }

    private async Task OpenAsync(int port, string connect, NatsKey? key, X509Certificate2? certificate, bool tls)
    {
        await _tcp.ConnectAsync("127.0.0.1", port);
        _stream = _tcp.GetStream();
        var info = await ReadLineAsync();
        Info = JsonDocument.Parse(info["INFO ".Length..]).RootElement;
        if (tls)
        {
            // The server's name is not what these tests are about.
            var secure = new SslStream(_stream, leaveInnerStreamOpen: false, (_, theirs, _, _) => theirs is not null);
            X509CertificateCollection own = certificate is null ? [] : [certificate];
            await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "127.0.0.1", ClientCertificates = own });
            _stream = secure;
        }

        // A JWT names the key itself: whoever sends both is asked for the one that the configuration knows.
        var name = key is null || connect.Contains("\"jwt\"", StringComparison.Ordinal) ? "" : $",\"nkey\":\"{key.Public}\"";
        var proof = key is null ? "" : $"{name},\"sig\":\"{Base64Url.EncodeToString(key.Sign(Encoding.ASCII.GetBytes(Info.GetProperty("nonce").GetString()!)))}\"";
        var more = connect.Length > 0 ? "," + connect : "";
        await SendAsync($$"""CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"lang":"tests"{{more}}{{proof}}}""" + "\r\n");
        await FlushAsync();
    }

    /// <summary>One operation of the server's; a message is kept, a complaint noted, a PING answered.</summary>
    private async Task<string> ReadOneAsync()
    {
        var line = await ReadLineAsync();
        var words = line.Split(' ');
        switch (words[0])
        {
            case "MSG" or "HMSG":
                var payload = new byte[int.Parse(words[^1], null)];
                await _stream.ReadExactlyAsync(payload);
                await ReadLineAsync();
                _messages.Enqueue((words[1], words.Length == (words[0] == "MSG" ? 5 : 6) ? words[3] : "", payload));
                break;
            case "-ERR":
                _errors.Add(line["-ERR ".Length..].Trim('\''));
                break;
            case "PING":
                await SendAsync("PONG\r\n");
                break;
        }

        return line;
    }

    private async Task<string> ReadLineAsync()
    {
        using var limit = new CancellationTokenSource(AnswerMax);
        var line = new List<byte>();
        var one = new byte[1];
        while (await _stream.ReadAsync(one, limit.Token) == 1)
        {
            if (one[0] == '\n')
            {
                return Encoding.UTF8.GetString([.. line]).TrimEnd('\r');
            }

            line.Add(one[0]);
        }

        throw new IOException($"The server closed; it had complained of: {string.Join("; ", _errors)}");
    }
}
