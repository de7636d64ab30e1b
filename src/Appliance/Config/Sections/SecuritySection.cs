using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Config.Sections;

internal static class SecuritySection
{
    public static RecordShape<SecurityOptions> Shape { get; } = new(
        new Property<SecurityOptions, bool>("trustLoopback", "Whether a TCP connection from this box needs no key.",
            new BooleanShape(), o => o.TrustLoopback, (o, v) => o with { TrustLoopback = v }),
        new Property<SecurityOptions, bool>("redaction", "Whether values are redacted from internal calls that leave the box; without it such calls stay on the box.",
            new BooleanShape(), o => o.Redaction, (o, v) => o with { Redaction = v }));
}
