using System.Diagnostics.Metrics;
using Jesus.Appliance.Telemetry;

namespace Jesus.Appliance.Artifacts;

/// <summary>The instruments of artifacts.</summary>
internal static class ArtifactMetrics
{
    private static readonly Counter<long> Sweeps = JesusMeter.Instance.CreateCounter<long>("artifact_sweeps_total", description: "Searches for artifacts that nothing refers to.");
    private static readonly Counter<long> Files = JesusMeter.Instance.CreateCounter<long>("artifacts_swept_total", description: "Artifacts that they deleted.");
    private static readonly Counter<long> Bytes = JesusMeter.Instance.CreateCounter<long>("artifacts_swept_bytes_total", description: "Bytes of these.");

    public static void Swept(int files, long bytes)
    {
        Sweeps.Add(1);
        Files.Add(files);
        Bytes.Add(bytes);
    }
}
