using Jesus.Appliance.Artifacts;
using Jesus.Appliance.Config.Shapes;

namespace Jesus.Appliance.Config.Sections;

internal static class ArtifactsSection
{
    public static RecordShape<ArtifactOptions> Shape { get; } = new(
        new Property<ArtifactOptions, long>("quotaBytes", "Bytes that all artifacts together may use.",
            new IntegerShape(1 << 20, long.MaxValue), o => o.QuotaBytes, (o, v) => o with { QuotaBytes = v }),
        new Property<ArtifactOptions, long>("artifactBytesMax", "Bytes of one artifact.",
            new IntegerShape(1, long.MaxValue), o => o.ArtifactBytesMax, (o, v) => o with { ArtifactBytesMax = v }),
        new Property<ArtifactOptions, long>("freeBytesMin", "Bytes of the volume that artifacts leave free; the journal writes to the same volume.",
            new IntegerShape(0, long.MaxValue), o => o.FreeBytesMin, (o, v) => o with { FreeBytesMin = v }),
        new Property<ArtifactOptions, long>("retentionDays", "Days for which the files of a run that has ended are kept; 0 means for ever.",
            new IntegerShape(0, 36_500), o => o.RetentionDays, (o, v) => o with { RetentionDays = (int)v }),
        new Property<ArtifactOptions, double>("sweepGraceSeconds", "An artifact stored so recently is kept by a sweep though nothing refers to it yet.",
            new NumberShape(0, 1e9), o => o.SweepGrace.TotalSeconds, (o, v) => o with { SweepGrace = TimeSpan.FromSeconds(v) }));
}
