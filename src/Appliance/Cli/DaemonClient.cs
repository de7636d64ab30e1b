using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Jesus.Appliance.Cli;

#pragma warning disable RS0030 // HttpClient's allocations do not matter to a person at a terminal; no model call of the daemon goes through it.
/// <summary>A daemon's whole answer.</summary>
internal readonly record struct DaemonReply(int Status, byte[] Body)
{
    public bool Ok => Status is >= 200 and < 300;
    public string Text => Encoding.UTF8.GetString(Body);

    public JsonDocument Json() => JsonDocument.Parse(Body);
}

/// <summary>Talks to a daemon. A daemon that cannot be reached ends the verb with <see cref="ExitCodes.NoDaemon"/>.</summary>
internal sealed class DaemonClient : IDisposable
{
    private readonly HttpClient _http;

    public DaemonClient(DaemonAddress address)
    {
        Address = address;
        var handler = new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5) };
        if (address.Socket is { } path)
        {
            handler.ConnectCallback = (_, cancel) => ConnectAsync(path, cancel);
        }

        _http = new HttpClient(handler) { BaseAddress = new Uri(address.Url), Timeout = Timeout.InfiniteTimeSpan };
        if (Environment.GetEnvironmentVariable("JESUS_API_KEY") is { Length: > 0 } key)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }
    }

    public DaemonAddress Address { get; }

    public Task<DaemonReply> GetAsync(string path, CancellationToken cancel) => SendAsync(HttpMethod.Get, path, null, cancel);

    public Task<DaemonReply> PostAsync(string path, byte[] json, CancellationToken cancel) => SendAsync(HttpMethod.Post, path, json, cancel);

    public async Task<DaemonReply> SendAsync(HttpMethod method, string path, byte[]? json, CancellationToken cancel)
    {
        using var response = await OpenAsync(method, path, json, cancel);
        try
        {
            return new DaemonReply((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(cancel));
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Lost(e);
        }
    }

    /// <summary>The answer as soon as its head is there; its body is a stream.</summary>
    public async Task<HttpResponseMessage> OpenAsync(HttpMethod method, string path, byte[]? json, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, path);
        if (json is not null)
        {
            request.Content = new ByteArrayContent(json);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        try
        {
#pragma warning disable RS0030 // As above: a person's terminal, no model call.
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
#pragma warning restore RS0030
        }
        catch (HttpRequestException e) when (e.InnerException is SocketException or IOException or null)
        {
            throw new VerbException(ExitCodes.NoDaemon,
                $"no daemon answers at {Address.Name} ({(e.InnerException ?? e).Message}). Start one with `jesus serve`, or name another with --url or --state.");
        }
    }

    /// <summary>The body of a reply that must have succeeded; else ends the verb with the daemon's own words.</summary>
    public static byte[] Expect(DaemonReply reply) => reply.Ok ? reply.Body : throw Refused(reply);

    public static VerbException Refused(DaemonReply reply)
    {
        var (code, message) = ErrorOf(reply);
        var exit = (reply.Status, code) switch
        {
            (_, "budget_exceeded") => ExitCodes.BudgetRefused,
            (401 or 403, _) => ExitCodes.NotAllowed,
            (400 or 422, _) => ExitCodes.BadUsage,
            _ => ExitCodes.Failed,
        };
        return new VerbException(exit, message);
    }

    /// <summary>Code and message of an error in any of the daemon's shapes.</summary>
    public static (string Code, string Message) ErrorOf(DaemonReply reply)
    {
        try
        {
            using var document = reply.Json();
            var error = document.RootElement.GetProperty("error"u8);
            var code = error.TryGetProperty("code"u8, out var c) ? c.GetString() ?? "" : "";
            return (code, error.GetProperty("message"u8).GetString() ?? "");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return ("", $"the daemon answered with status {reply.Status}");
        }
    }

    public VerbException Lost(Exception e) =>
        new(ExitCodes.NoDaemon, $"the daemon at {Address.Name} went away ({e.Message}). `jesus doctor` tells whether it is back.");

    public void Dispose() => _http.Dispose();

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception e)
        {
            socket.Dispose();
            throw e is ArgumentOutOfRangeException ? new IOException($"the path '{path}' is longer than a socket's may be", e) : e;
        }
    }
}
