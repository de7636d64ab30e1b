namespace Jesus.Inference.Engine.Sampling;

/// <summary>How often each token was generated in one answer, for the frequency and presence penalties. Reused by <see cref="Reset"/>.</summary>
public sealed class TokenHistory
{
    private readonly Dictionary<int, int> _counts = [];

    public void Add(int token) => _counts[token] = _counts.GetValueOrDefault(token) + 1;

    public void Reset() => _counts.Clear();

    internal Dictionary<int, int> Counts => _counts;
}
