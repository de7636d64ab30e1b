namespace Jesus.Appliance.Router;

/// <summary>
/// The candidates of one call, each with the link of the route's chain that it stands for: a link to peers stands for whichever of them are there when the call is
/// planned. Reused; one owner.
/// </summary>
public sealed class CandidateList
{
    private (Candidate Candidate, int Link)[] _items = new (Candidate, int)[4];

    public int Count { get; private set; }

    public Candidate this[int index] => _items[index].Candidate;

    /// <summary>Index of the link in the route.</summary>
    public int LinkOf(int index) => _items[index].Link;

    /// <summary>Adds it behind the others, unless it is there already: its second turn would be no other than its first.</summary>
    public bool Add(Candidate candidate, int link)
    {
        for (var i = 0; i < Count; i++)
        {
            if (_items[i].Candidate == candidate)
            {
                return false;
            }
        }

        if (Count == _items.Length)
        {
            Array.Resize(ref _items, Count * 2);
        }

        _items[Count++] = (candidate, link);
        return true;
    }

    public void Clear()
    {
        Array.Clear(_items, 0, Count);
        Count = 0;
    }
}
