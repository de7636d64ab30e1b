using System.Text;

namespace Jesus.Tests.Nats;

/// <summary>The configuration file of a <see cref="NatsServer"/>.</summary>
internal static class NatsServerConfig
{
    public static string Write(NatsServerOptions options, NatsPorts ports, string folder, NatsClusterPlace? place)
    {
        var text = new StringBuilder();
        text.AppendLine($"server_name: {options.Name}");
        text.AppendLine($"listen: 127.0.0.1:{ports.Client}");
        text.AppendLine($"http: 127.0.0.1:{ports.Monitor}");
        // A lame duck waits for the grace and then spreads its clients' closing over the duration, at most a second each; these are the shortest allowed.
        text.AppendLine("lame_duck_grace_period: 1s");
        text.AppendLine("lame_duck_duration: 30s");
        if (options.MaxPayload > 0)
        {
            text.AppendLine($"max_payload: {options.MaxPayload}");
        }

        if (options.Trace)
        {
            text.AppendLine("debug: true\ntrace: true");
        }

        if (options.JetStream)
        {
            var domain = options.Domain.Length > 0 ? $", domain: {options.Domain}" : "";
            text.AppendLine($"jetstream {{ store_dir: \"{Path.Combine(folder, "store")}\", max_memory_store: 256MB, max_file_store: 1GB{domain} }}");
        }

        AppendTls(text, options);
        AppendCluster(text, ports, place);
        AppendLeaves(text, options, ports);
        text.AppendLine(options.Auth);
        text.AppendLine(options.Extra);
        return text.ToString();
    }

    private static void AppendTls(StringBuilder text, NatsServerOptions options)
    {
        if (options.Tls is { } tls)
        {
            // The server asks a client for its certificate only under `verify`, and gives a handshake 2 s by default: little on a loaded machine.
            text.AppendLine($"tls {{ cert_file: \"{tls.ServerCertificate}\", key_file: \"{tls.ServerKey}\", ca_file: \"{tls.Authority}\", timeout: 20"
                + (options.MutualTls ? ", verify: true }" : " }"));
        }
    }

    private static void AppendCluster(StringBuilder text, NatsPorts ports, NatsClusterPlace? place)
    {
        if (place is not null)
        {
            var routes = string.Join(", ", place.Routes.Select(r => $"\"nats-route://127.0.0.1:{r}\""));
            text.AppendLine($"cluster {{ name: {place.Cluster}, listen: 127.0.0.1:{ports.Cluster}, routes: [{routes}] }}");
        }
    }

    private static void AppendLeaves(StringBuilder text, NatsServerOptions options, NatsPorts ports)
    {
        if (options.AcceptLeaves || options.LeafOf > 0)
        {
            text.AppendLine("leafnodes {");
            text.AppendLine(options.AcceptLeaves ? $"  listen: 127.0.0.1:{ports.Leaf}" : "");
            text.AppendLine(options.LeafOf > 0 ? $"  reconnect: 1\n  remotes: [ {{ url: \"nats-leaf://127.0.0.1:{options.LeafOf}\" }} ]" : "");
            text.AppendLine("}");
        }
    }
}
