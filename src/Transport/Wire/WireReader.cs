using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Jesus.Transport.Wire;

/// <summary>
/// Reads MemoryPack's binary format. What is wrong with the bytes is a value: the first <see cref="Error"/> stays, every read after it answers with the
/// default, and nothing throws. No length is believed before the bytes for it are there, so a hostile one allocates nothing. Objects and text are in the
/// other halves of this struct.
/// </summary>
public ref partial struct WireReader
{
    private readonly ReadOnlyMemory<byte> _memory;
    private readonly ReadOnlySpan<byte> _bytes;
    private int _position;
    private int _end;
    private int _depth;
    private WireError _error;

    public WireReader(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
        _end = bytes.Length;
    }

    /// <summary>Over memory that outlives the reader, so that <see cref="ReadText"/> can hand out slices of it.</summary>
    [OverloadResolutionPriority(1)]
    public WireReader(ReadOnlyMemory<byte> memory)
        : this(memory.Span) => _memory = memory;

    public readonly bool Failed => _error.Fault != WireFault.None;
    public readonly WireError Error => _error;

    /// <summary>Offset of the next byte; 0 once failed.</summary>
    public readonly int Position => _position;

    /// <summary>Bytes left of the member, or of the whole, being read.</summary>
    public readonly int Left => _end - _position;

    /// <summary>A value as <see cref="WireWriter.Write{T}"/> writes it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Read<T>(string field)
        where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        if (_end - _position < size)
        {
            Fail(WireFault.Truncated, field, _position, _end - _position);
            return default;
        }

        var value = Unsafe.ReadUnaligned<T>(ref Unsafe.Add(ref MemoryMarshal.GetReference(_bytes), _position));
        _position += size;
        return value;
    }

    /// <summary>Any byte but 0 is true: a <c>bool</c> of another value would break the runtime's own rules.</summary>
    public bool ReadBool(string field) => Read<byte>(field) != 0;

    public T? ReadNullable<T>(string field)
        where T : unmanaged
    {
        var size = Unsafe.SizeOf<T?>();
        if (!TryTake(size, field, out var bytes))
        {
            return null;
        }

        return bytes[0] == 0 ? null : MemoryMarshal.Read<T>(bytes[(size - Unsafe.SizeOf<T>())..]);
    }

    public decimal ReadDecimal(string field)
    {
        const int FlagsMask = unchecked((int)0x80FF0000);
        const int ScaleMax = 28;
        var at = _position;
        var flags = Read<int>(field);
        var high = Read<int>(field);
        var low = Read<int>(field);
        var middle = Read<int>(field);
        var scale = (flags >> 16) & 0xFF;
        if ((flags & ~FlagsMask) != 0 || scale > ScaleMax)
        {
            Fail(WireFault.OutOfRange, field, at, flags);
            return 0;
        }

        return new decimal(low, middle, high, flags < 0, (byte)scale);
    }

    public DateTimeOffset ReadDateTimeOffset(string field)
    {
        const int MinutesMax = 14 * 60;
        var at = _position;
        var minutes = Read<int>(field);
        _ = Read<int>(field);
        var utc = Read<long>(field);
        var local = utc + (minutes * TimeSpan.TicksPerMinute);
        if (minutes is < -MinutesMax or > MinutesMax || !IsTime(utc) || !IsTime(local))
        {
            Fail(WireFault.OutOfRange, field, at, utc);
            return default;
        }

        return new DateTimeOffset(local, TimeSpan.FromMinutes(minutes));
    }

    /// <summary>
    /// The count of a collection whose elements follow, 0 when it is null. Refused unless the bytes left can hold that many elements of at least
    /// <paramref name="bytesEach"/> bytes.
    /// </summary>
    public int ReadCount(string field, int bytesEach, int countMax = int.MaxValue) => Math.Max(0, ReadCountOrNull(field, bytesEach, countMax));

    /// <summary>The same; -1 when it is null.</summary>
    public int ReadCountOrNull(string field, int bytesEach, int countMax = int.MaxValue)
    {
        var at = _position;
        var count = Read<int>(field);
        if (count < WireCode.NullCollection)
        {
            Fail(WireFault.NegativeLength, field, at, count);
            return 0;
        }

        if (count > countMax || (long)count * bytesEach > _end - _position)
        {
            Fail(WireFault.LengthTooLarge, field, at, count);
            return 0;
        }

        return count;
    }

    /// <summary>
    /// A collection of values, as the bytes in which they lie packed; empty when it is null. Read them with <see cref="MemoryMarshal.Read{T}"/>, since they need not be
    /// aligned.
    /// </summary>
    public ReadOnlySpan<byte> ReadArrayBytes<T>(string field, int countMax = int.MaxValue)
        where T : unmanaged
    {
        var count = ReadCount(field, Unsafe.SizeOf<T>(), countMax);
        _ = TryTake(count * Unsafe.SizeOf<T>(), field, out var bytes);
        return bytes;
    }

    /// <summary>The same in a new array; null when it is null. For edges and tests.</summary>
    public T[]? ReadArray<T>(string field, int countMax = int.MaxValue)
        where T : unmanaged
    {
        var count = ReadCountOrNull(field, Unsafe.SizeOf<T>(), countMax);
        if (count < 0 || !TryTake(count * Unsafe.SizeOf<T>(), field, out var bytes))
        {
            return null;
        }

        var values = new T[count];
        bytes.CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>A <c>byte[]</c> as a slice of the memory read from; empty when it is null.</summary>
    public ReadOnlyMemory<byte> ReadBytes(string field, int countMax = int.MaxValue)
    {
        var count = ReadCount(field, 1, countMax);
        var at = _position;
        return TryTake(count, field, out _) && count > 0 ? _memory.Slice(at, count) : default;
    }

    /// <summary>Ends the reading: nothing may be left.</summary>
    /// <returns>True when all was well.</returns>
    public bool Finish(string field, out WireError error)
    {
        if (_position != _end)
        {
            Fail(WireFault.TrailingBytes, field, _position, _end - _position);
        }

        error = _error;
        return error.IsNone;
    }

    /// <summary>Refuses what the reader's owner finds wrong (a number outside its field's range).</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Fail(WireFault fault, string field, int offset, long value)
    {
        if (!Failed)
        {
            _error = new WireError(fault, field, offset, value);
        }

        // Nothing is left, so that every later read comes here.
        _position = 0;
        _end = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryTake(int size, string field, out ReadOnlySpan<byte> bytes)
    {
        if (_end - _position < size || Failed)
        {
            Fail(WireFault.Truncated, field, _position, _end - _position);
            bytes = default;
            return false;
        }

        bytes = _bytes.Slice(_position, size);
        _position += size;
        return true;
    }

    private static bool IsTime(long ticks) => ticks >= DateTimeOffset.MinValue.Ticks && ticks <= DateTimeOffset.MaxValue.Ticks;
}
