namespace Jesus.Appliance.Federation.Calls;

/// <summary>The beginnings of prompts that this box's engine has read lately for its peers, by model, the latest first. Thread-safe.</summary>
public sealed class WarmPrompts
{
    /// <summary>As many as a status announces of one model.</summary>
    private const int DigestsMax = 32;
    private const int ModelsMax = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<ulong>> _digests = new(StringComparer.Ordinal);

    /// <summary>What was last given out, until more is noted: statuses and the door ask far more often.</summary>
    private readonly Dictionary<string, ulong[]> _copies = new(StringComparer.Ordinal);

    public void Note(string model, ReadOnlySpan<ulong> digests)
    {
        lock (_gate)
        {
            if (!_digests.TryGetValue(model, out var list))
            {
                if (_digests.Count == ModelsMax)
                {
                    return;
                }

                _digests[model] = list = new List<ulong>(DigestsMax + 1);
            }

            _ = _copies.Remove(model);

            // The shortest last, so first in the list: it is shared by most.
            for (var i = digests.Length - 1; i >= 0; i--)
            {
                _ = list.Remove(digests[i]);
                list.Insert(0, digests[i]);
            }

            if (list.Count > DigestsMax)
            {
                list.RemoveRange(DigestsMax, list.Count - DigestsMax);
            }
        }
    }

    public ReadOnlyMemory<ulong> Of(string model)
    {
        lock (_gate)
        {
            if (!_copies.TryGetValue(model, out var copy) && _digests.TryGetValue(model, out var list))
            {
                _copies[model] = copy = [.. list];
            }

            return copy;
        }
    }
}
