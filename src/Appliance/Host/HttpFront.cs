using Jesus.Appliance.Gateway;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Jesus.Appliance.Host;

/// <summary>Kestrel on the HTTP port and the unix socket, without a web host round it: the gateway needs no container and no routing of its own.</summary>
public sealed class HttpFront : IDisposable
{
    private readonly KestrelServer _server;
    private readonly string? _socket;

    /// <param name="options">Addresses and limits.</param>
    /// <param name="socketPath">Path of the unix socket; null for none. A stale one is replaced: the state folder's lock says that nobody listens there.</param>
    /// <param name="log">For Kestrel's own messages.</param>
    public HttpFront(GatewayOptions options, string? socketPath, ILoggerFactory log)
    {
        var kestrel = new KestrelServerOptions { AddServerHeader = false };
        // The gateway has its own limit and answers in words; Kestrel's would cut the connection before the answer is read.
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
        kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http1);
        if (!ListenAddress.TryParse(options.Http, out var address))
        {
            throw new ArgumentException($"'{options.Http}' is no address to listen on.", nameof(options));
        }

        kestrel.Listen(address);
        _socket = socketPath;
        if (socketPath is not null)
        {
            kestrel.ListenUnixSocket(socketPath);
        }

        _server = new KestrelServer(Options.Create(kestrel), new LoopTransport(log), log);
    }

    /// <summary>Address of the HTTP port as bound; known after <see cref="StartAsync"/>.</summary>
    public string Url { get; private set; } = "";

    /// <exception cref="IOException">The address is taken or not of this box.</exception>
    public async Task StartAsync(GatewayApp gateway, CancellationToken cancel)
    {
        DeleteSocket();
        await _server.StartAsync(new Application(gateway), cancel);
        Url = _server.Features.Get<IServerAddressesFeature>()!.Addresses.First(a => !a.Contains("unix:", StringComparison.Ordinal)).TrimEnd('/');
        OpenSocketToGroup();
    }

    /// <summary>Takes no new connections and waits for the requests under way until the token is cancelled, then cuts them.</summary>
    public async Task StopAsync(CancellationToken deadline)
    {
        await _server.StopAsync(deadline);
        DeleteSocket();
    }

    public void Dispose() => _server.Dispose();

    /// <summary>Whoever may open the socket is a local user with all roles: the owner, the group, root.</summary>
    private void OpenSocketToGroup()
    {
#pragma warning disable RS0030 // A socket's permissions, not storage.
        if (_socket is not null && OperatingSystem.IsLinux())
        {
            File.SetUnixFileMode(_socket, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
        }
#pragma warning restore RS0030
    }

    private void DeleteSocket()
    {
#pragma warning disable RS0030 // A socket's name, not storage.
        if (_socket is not null && Path.Exists(_socket))
        {
            File.Delete(_socket);
        }
#pragma warning restore RS0030
    }

    /// <summary>The gateway as Kestrel sees an application; the context object stays with its connection.</summary>
    private sealed class Application(GatewayApp gateway) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures)
        {
            if (contextFeatures is not IHostContextContainer<HttpContext> container)
            {
                return new DefaultHttpContext(contextFeatures);
            }

            if (container.HostContext is DefaultHttpContext kept)
            {
                kept.Initialize(contextFeatures);
                return kept;
            }

            return container.HostContext = new DefaultHttpContext(contextFeatures);
        }

        public Task ProcessRequestAsync(HttpContext context) => gateway.HandleAsync(context);

        public void DisposeContext(HttpContext context, Exception? exception) => (context as DefaultHttpContext)?.Uninitialize();
    }
}
