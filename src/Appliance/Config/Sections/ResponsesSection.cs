using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Responses;

namespace Jesus.Appliance.Config.Sections;

internal static class ResponsesSection
{
    public static RecordShape<ResponseOptions> Shape { get; } = new(
        new Property<ResponseOptions, long>("retentionDays", "Days for which a kept response can be read and continued.",
            new IntegerShape(1, 3_650), o => o.RetentionDays, (o, v) => o with { RetentionDays = (int)v }),
        new Property<ResponseOptions, long>("keptMax", "Responses kept for everybody together; the oldest make room.",
            new IntegerShape(1, 10_000_000), o => o.KeptMax, (o, v) => o with { KeptMax = (int)v }),
        new Property<ResponseOptions, long>("keptPerPrincipalMax", "Responses kept for one principal; its oldest make room.",
            new IntegerShape(1, 10_000_000), o => o.KeptPerPrincipalMax, (o, v) => o with { KeptPerPrincipalMax = (int)v }),
        new Property<ResponseOptions, long>("backgroundMax", "Responses being made in the background at a time.",
            new IntegerShape(1, 10_000), o => o.BackgroundMax, (o, v) => o with { BackgroundMax = (int)v }));
}
