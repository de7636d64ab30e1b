using System.Globalization;

namespace Jesus.Bench.Load;

/// <summary>The mock itself: the ceiling of the load.</summary>
internal sealed class Direct : Target
{
    public Direct(MockUpstream mock) => Port = mock.Port;

    public override string Name => "direct";
}

/// <summary>nginx as a reverse proxy with kept connections, a worker for each core, no access log.</summary>
internal sealed class Nginx : Target
{
    private static readonly string[] Places = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"];
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-nginx").FullName;

    public Nginx(string program, MockUpstream mock)
    {
        var port = FreePort();
        var config = Path.Combine(_folder, "nginx.conf");
        File.WriteAllText(config, string.Create(CultureInfo.InvariantCulture, $$"""
            daemon off; worker_processes {{Environment.ProcessorCount}}; pid {{_folder}}/nginx.pid; error_log stderr warn;
            events { worker_connections 1024; }
            http {
              access_log off; keepalive_requests 100000000; client_body_temp_path {{_folder}}/body; proxy_temp_path {{_folder}}/proxy;
              fastcgi_temp_path {{_folder}}/f; uwsgi_temp_path {{_folder}}/u; scgi_temp_path {{_folder}}/s;
              upstream mock { server 127.0.0.1:{{mock.Port}}; keepalive 128; keepalive_requests 100000000; }
              server {
                listen 127.0.0.1:{{port}};
                location / { proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; }
              }
            }
            """));
        Launch(program, ["-p", _folder, "-c", config], () => port);
    }

    public override string Name => "nginx";

    /// <summary>Null, where nginx is not installed.</summary>
    public static string? Program => Places.FirstOrDefault(File.Exists);

    public override void Dispose()
    {
        base.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>The published daemon with a price and caps on what the load asks for, so that every one of the nine steps works.</summary>
internal class JesusDaemon : Target
{
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-load").FullName;
    private readonly string _name;

    public JesusDaemon(string program, MockUpstream mock, string name = "jesus")
        : this(program, name, ConfigFor(mock))
    {
    }

    protected JesusDaemon(string program, string name, string config)
    {
        _name = name;
        var file = Path.Combine(_folder, "jesus.json");
        File.WriteAllText(file, config);
        Launch(Path.GetFullPath(program), ["serve", "--config", file, "--state", Path.Combine(_folder, "state")], PortOf);
    }

    public override string Name => _name;

    public override void Dispose()
    {
        base.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public double ResidentMegabytes => ProcessMeter.ResidentMegabytes(Pids);

    /// <summary>A number from /metrics; not a number when it is missing.</summary>
    public double Metric(string name)
    {
        foreach (var line in OneRequest.Get(Port, "/metrics").Split('\n'))
        {
            if (line.StartsWith(name, StringComparison.Ordinal) && line[name.Length] == ' ')
            {
                return double.Parse(line[name.Length..], CultureInfo.InvariantCulture);
            }
        }

        return double.NaN;
    }

    private static string ConfigFor(MockUpstream mock) => string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "listen": { "http": "http://127.0.0.1:0" },
              "engine": { "preload": [] },
              "providers": {
                "up": { "url": "http://127.0.0.1:{{mock.Port}}/v1", "models": [ { "name": "mock" }, { "name": "mock-long" } ], "slots": 1000 },
                "bad": { "url": "http://127.0.0.1:{{mock.FailingPort}}/v1", "models": [ { "name": "mock" } ], "slots": 1000 }
              },
              "routes": {
                "mock": { "candidates": [ { "provider": "up", "model": "mock" } ] },
                "mock-long": { "candidates": [ { "provider": "up", "model": "mock-long" } ] },
                "fallback": { "candidates": [ { "provider": "bad", "model": "mock" }, { "provider": "up", "model": "mock" } ] }
              },
              "prices": [ { "provider": "up", "model": "*", "inputPerMillionTokens": 1, "outputPerMillionTokens": 2 },
                          { "provider": "bad", "model": "*", "inputPerMillionTokens": 1, "outputPerMillionTokens": 2 } ],
              "budgets": { "caps": [ { "scope": "user", "name": "*", "period": "day", "usd": 1000000 } ] },
              "limits": { "callsPerMinute": 0, "callsInProgress": 10000 },
              "security": { "trustLoopback": true }
            }
            """);

    private int PortOf()
    {
        var file = Path.Combine(_folder, "state", "url");
        return File.Exists(file) && Uri.TryCreate(File.ReadAllText(file), UriKind.Absolute, out var url) ? url.Port : 0;
    }
}

/// <summary>A peer from npm, told by headers where its upstream is.</summary>
internal sealed class Portkey : Target
{
    private readonly int _upstream;

    public Portkey(string folder, MockUpstream mock)
    {
        _upstream = mock.Port;
        var port = FreePort();
        Launch("node", [Path.Combine("node_modules", "@portkey-ai", "gateway", "build", "start-server.js"), $"--port={port}", "--headless"], () => port, Path.GetFullPath(folder));
    }

    public override string Name => "portkey";

    public override string ExtraHeaders =>
        $"x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:{_upstream.ToString(CultureInfo.InvariantCulture)}/v1\r\nauthorization: Bearer sk-none\r\n";
}
