using System.Runtime.InteropServices;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>Numbers of a message, in storage that is kept over resets. One owner; memory handed out is valid until the next read or reset.</summary>
internal struct NumberList<T>
    where T : unmanaged
{
    private T[]? _items;

    /// <summary>Reads a collection of numbers; empty when it is null.</summary>
    public ReadOnlyMemory<T> Read(ref WireReader reader, string field, int countMax = int.MaxValue)
    {
        var bytes = reader.ReadArrayBytes<T>(field, countMax);
        var memory = Take(bytes.Length / System.Runtime.CompilerServices.Unsafe.SizeOf<T>());
        bytes.CopyTo(MemoryMarshal.AsBytes(memory.Span));
        return memory;
    }

    public void Reset()
    {
        if (_items is { Length: > MessageLimits.KeptNumbersMax })
        {
            _items = null;
        }
    }

    private Memory<T> Take(int count)
    {
        if (count == 0)
        {
            return default;
        }

        if (_items is null || _items.Length < count)
        {
            _items = new T[Math.Max(64, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)count))];
        }

        return _items.AsMemory(0, count);
    }
}
