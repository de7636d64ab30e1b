using System.Runtime.InteropServices;

namespace Jesus.Inference.Engine.Constraints.Automata;

/// <summary>Numbers lists of numbers in the order in which they are first met.</summary>
internal sealed class Numbering
{
    private readonly List<int[]> _lists = [];
    private readonly Dictionary<int[], int> _numbers = new(new ListComparer());

    public int Count => _lists.Count;

    public int[] this[int number] => _lists[number];

    public int Of(int[] list)
    {
        ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(_numbers, list, out var known);
        if (!known)
        {
            number = _lists.Count;
            _lists.Add(list);
        }

        return number;
    }

    private sealed class ListComparer : IEqualityComparer<int[]>
    {
        public bool Equals(int[]? left, int[]? right) => left.AsSpan().SequenceEqual(right);

        public int GetHashCode(int[] list)
        {
            var hash = new HashCode();
            hash.AddBytes(MemoryMarshal.AsBytes(list.AsSpan()));
            return hash.ToHashCode();
        }
    }
}
