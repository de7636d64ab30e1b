using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Gateway;

namespace Jesus.Appliance.Config.Sections;

internal static class ListenSection
{
    public static RecordShape<GatewayOptions> Shape { get; } = new(
        new Property<GatewayOptions, string>("http", "Address of the HTTP port, such as http://127.0.0.1:7470; port 0 takes a free one.",
            new TextShape(), o => o.Http, (o, v) => o with { Http = v }),
        new Property<GatewayOptions, string>("socket",
            "Path of the unix socket for the box's own users; empty means jesus.sock in the state folder (and /run/jesus/jesus.sock under systemd).",
            new TextShape(), o => o.Socket, (o, v) => o with { Socket = v }),
        new Property<GatewayOptions, long>("maxBodyBytes", "Bytes of a request body; 16 MiB holds a 1 M token prompt as text.",
            new IntegerShape(1024, 1L << 30), o => o.MaxBodyBytes, (o, v) => o with { MaxBodyBytes = v }),
        new Property<GatewayOptions, long>("maxConnections", "Open connections; each costs about 20 KB.",
            new IntegerShape(1, 65536), o => o.MaxConnections, (o, v) => o with { MaxConnections = (int)v }),
        new Property<GatewayOptions, long>("maxChoices", "Answers to one prompt (n).", new IntegerShape(1, 128), o => o.MaxChoices, (o, v) => o with { MaxChoices = (int)v }),
        new Property<GatewayOptions, long>("maxMessages", "Messages of one request.", new IntegerShape(1, 100_000), o => o.MaxMessages, (o, v) => o with { MaxMessages = (int)v }),
        new Property<GatewayOptions, long>("maxTools", "Tools of one request.", new IntegerShape(1, 1024), o => o.MaxTools, (o, v) => o with { MaxTools = (int)v }),
        new Property<GatewayOptions, long>("maxStops", "Stop texts of one request.", new IntegerShape(1, 64), o => o.MaxStops, (o, v) => o with { MaxStops = (int)v }),
        new Property<GatewayOptions, long>("heartbeatSeconds", "Seconds between comment lines on a quiet event stream.",
            new IntegerShape(1, 3600), o => o.HeartbeatSeconds, (o, v) => o with { HeartbeatSeconds = (int)v }),
        new Property<GatewayOptions, long>("maxEventStreams", "Event streams open at once.",
            new IntegerShape(1, 65536), o => o.MaxEventStreams, (o, v) => o with { MaxEventStreams = (int)v }))
    {
        Check = (options, node, path, errors) =>
        {
            if (!ListenAddress.TryParse(options.Http, out _))
            {
                errors.Add(new ConfigError((node.Find("http") ?? node).Place, path + ".http",
                    $"must be http://ADDRESS:PORT with an IP address or localhost, not \"{options.Http}\""));
            }
        },
    };
}
