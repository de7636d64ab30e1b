namespace Jesus.Appliance.Tests;

/// <summary>A clock that stands still until it is moved.</summary>
internal sealed class FixedTime : TimeProvider
{
    private DateTimeOffset _now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => _now;

    public void Move(TimeSpan by) => _now += by;
}
