using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Jesus.EndToEnd.Binary;
using Jesus.Tests.Nats;
using Jesus.Tests.Processes;

namespace Jesus.EndToEnd.Fleet;

/// <summary>What packaging/nats/fleet-config.sh makes, in a folder that goes with the test.</summary>
internal sealed class FleetConfig : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-fleet").FullName;

    public string ServerConfig => Path.Combine(_folder, "server", "nats.conf");

    /// <summary>Adds a cluster, or boxes to one.</summary>
    /// <param name="cluster">Its name.</param>
    /// <param name="server">Address and port by which the boxes reach the server.</param>
    /// <param name="durable">With permissions for JetStream; the first box founds.</param>
    /// <param name="boxes">Their names.</param>
    public async Task AddAsync(string cluster, string server, bool durable, params string[] boxes)
    {
        string[] options = durable ? ["--durable"] : [];
        var script = Path.Combine(JesusBinary.Root, "packaging/nats/fleet-config.sh");
        string[] arguments = [script, .. options, "--boxes-at", Path.Combine(_folder, "boxes/{}"), _folder, cluster, server, .. boxes];
        using var process = await ProcessStarter.StartAsync(ProcessStarter.BoundToUs("/bin/bash", arguments));
        process.StandardInput.Close();
        var said = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync() + await said;
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, error);
    }

    /// <summary>The real server with that configuration.</summary>
    public Task<NatsServer> StartServerAsync() => NatsServer.StartAsync(new NatsServerOptions { ConfigFile = ServerConfig });

    public string FileOf(string box, string name) => Path.Combine(_folder, "boxes", box, name);

    /// <summary>The section <c>federation.nats</c> that was made for a box, with the port of a test's server or link.</summary>
    public string NatsOf(string box, int port)
    {
        var made = JsonNode.Parse(File.ReadAllText(FileOf(box, "jesus.json")))!["federation"]!["nats"]!;
        made["urls"] = new JsonArray(string.Create(CultureInfo.InvariantCulture, $"tls://127.0.0.1:{port}"));
        return made.ToJsonString();
    }

    public NatsKey KeyOf(string box) => NatsKey.OfSeed(File.ReadAllText(FileOf(box, "nkey.seed")));

    public X509Certificate2 CertificateOf(string box) => X509Certificate2.CreateFromPemFile(FileOf(box, "box.pem"), FileOf(box, "box.key"));

    /// <summary>A connection with everything that a box has.</summary>
    public async Task<RawNats> EnterAsync(NatsServer server, string box)
    {
        using var certificate = CertificateOf(box);
        return await RawNats.ConnectAsync(server.Port, key: KeyOf(box), certificate: certificate);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
