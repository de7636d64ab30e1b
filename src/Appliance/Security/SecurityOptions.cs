namespace Jesus.Appliance.Security;

/// <summary>Configuration section <c>security</c>.</summary>
public sealed record SecurityOptions
{
    /// <summary>
    /// Whether a TCP connection from this box needs no key. True, since <c>make run</c> and <c>jesus serve --state DIR</c> are one developer on one
    /// machine. The packaged configuration sets false: there every account and every program of the box reaches the port, while the
    /// command line has the unix socket, whose peer the kernel names.
    /// </summary>
    public bool TrustLoopback { get; init; } = true;

    /// <summary>Whether values are redacted from calls of data class <c>internal</c> that leave the box; without it such calls stay on the box.</summary>
    public bool Redaction { get; init; } = true;
}
