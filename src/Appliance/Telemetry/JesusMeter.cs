using System.Diagnostics.Metrics;

namespace Jesus.Appliance.Telemetry;

/// <summary>
/// The one meter of the product. A room declares its instruments as static fields made from <see cref="Instance"/>, named as the
/// surface lists them without the prefix <c>jesus_</c> (the exporter adds it), in base units, with bounded label sets.
/// </summary>
public static class JesusMeter
{
    public const string Name = "Jesus";

    public static Meter Instance { get; } = new(Name);
}
