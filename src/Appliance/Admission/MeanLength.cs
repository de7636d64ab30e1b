namespace Jesus.Appliance.Admission;

/// <summary>How long calls take, in milliseconds: the mean of all until there are so many, then of about the last so many.</summary>
/// <param name="last">How many count.</param>
internal struct MeanLength(int last)
{
    /// <summary>Until a first call has ended: a short answer of a provider.</summary>
    private const double UnknownMs = 1_000;

    private int _count;
    private double _ms = UnknownMs;

    public readonly double Ms => _ms;

    public void Add(double ms)
    {
        _count = Math.Min(_count + 1, last);
        _ms += (ms - _ms) / _count;
    }
}
