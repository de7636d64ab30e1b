namespace Jesus.Appliance.Security.Secrets;

/// <summary>A secret in memory. It prints as stars, so that no log line or dump can show it by accident.</summary>
public sealed class Secret(string value)
{
    /// <summary>The value itself, for the one place that sends it.</summary>
    public string Reveal() => value;

    public override string ToString() => "***";
}
