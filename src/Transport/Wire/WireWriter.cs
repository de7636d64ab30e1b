using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Jesus.Transport.Buffers;

namespace Jesus.Transport.Wire;

/// <summary>
/// Writes MemoryPack's binary format (little-endian; Cysharp/MemoryPack, "Binary wire format specification"). Never throws for size: a span that is
/// too short, or a message beyond <see cref="WireLimits.MessageBytesMax"/>, fails the writer, which then swallows what follows and says so in
/// <see cref="Complete"/>. Objects and text are in the other halves of this struct.
/// </summary>
public ref partial struct WireWriter
{
    /// <summary>First room asked of an output: most messages of a stream are shorter.</summary>
    private const int FirstBytes = 256;

    private readonly PooledBuffer? _buffer;
    private readonly IBufferWriter<byte>? _output;
    private byte[]? _rented;
    private Span<byte> _span;
    private int _position;
    private bool _failed;

    /// <summary>Appends to a buffer, whose storage grows: no copy.</summary>
    public WireWriter(PooledBuffer buffer)
    {
        _buffer = buffer;
        _span = buffer.GetSpan(FirstBytes);
    }

    /// <summary>Writes into memory of fixed length. Room that a version-tolerant object keeps and does not use is needed until the object ends.</summary>
    public WireWriter(Span<byte> span) => _span = span;

    /// <summary>Writes into the output's own memory as long as that suffices; a longer message goes through pooled memory and is copied once.</summary>
    public WireWriter(IBufferWriter<byte> output)
    {
        _output = output;
        _span = output.GetSpan(FirstBytes);
    }

    /// <summary>Bytes so far; 0 when failed.</summary>
    public readonly int Length => _position;

    /// <summary>The message was too long for where it goes.</summary>
    public readonly bool Failed => _failed;

    /// <summary>What was written so far.</summary>
    public readonly ReadOnlySpan<byte> Written => _span[.._position];

    /// <summary>Hands the bytes over and ends the writer. False when it failed: then nothing was handed over.</summary>
    public bool Complete()
    {
        if (!_failed)
        {
            HandOver();
        }

        if (_rented is { } rented)
        {
            _rented = null;
            ArrayPool<byte>.Shared.Return(rented);
        }

        return !_failed;
    }

    /// <summary>
    /// A value as it lies in memory, without padding: integers, floating point, <c>bool</c>, <c>char</c>, <see cref="Guid"/>, enums, structs of these laid out in
    /// sequence. Not for types whose layout is the framework's own business (<see cref="DateTimeOffset"/>, <c>decimal</c>): they have methods.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write<T>(T value)
        where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        if (_span.Length - _position < size && !TryGrow(size))
        {
            return;
        }

        Unsafe.WriteUnaligned(ref Unsafe.Add(ref MemoryMarshal.GetReference(_span), _position), value);
        _position += size;
    }

    /// <summary>A nullable value as MemoryPack copies it: a flag, padding up to the value's alignment, the value (zeros when null).</summary>
    public void WriteNullable<T>(T? value)
        where T : unmanaged
    {
        var size = Unsafe.SizeOf<T?>();
        if (!Ensure(size))
        {
            return;
        }

        var to = _span.Slice(_position, size);
        to.Clear();
        if (value is { } present)
        {
            to[0] = 1;
            MemoryMarshal.Write(to[(size - Unsafe.SizeOf<T>())..], in present);
        }

        _position += size;
    }

    /// <summary>16 bytes as the framework's <see cref="decimal"/> lies in memory: flags, high, low and middle 32 bits.</summary>
    public void WriteDecimal(decimal value)
    {
        Span<int> bits = stackalloc int[4];
        _ = decimal.GetBits(value, bits);
        Write(bits[3]);
        Write(bits[2]);
        Write(bits[0]);
        Write(bits[1]);
    }

    /// <summary>16 bytes: offset in minutes (32 bits), 4 bytes of padding, UTC ticks (64 bits).</summary>
    public void WriteDateTimeOffset(DateTimeOffset value)
    {
        Write((long)(uint)(int)(value.Offset.Ticks / TimeSpan.TicksPerMinute));
        Write(value.UtcTicks);
    }

    /// <summary>The length of a collection whose elements follow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteCount(int count) => Write(count);

    /// <summary>A collection that is null.</summary>
    public void WriteNullCollection() => Write(WireCode.NullCollection);

    /// <summary>An array, list or memory of values: their count and the values packed.</summary>
    public void WriteArray<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        Write(values.Length);
        WriteRaw(MemoryMarshal.AsBytes(values));
    }

    /// <summary>Bytes as they are, without a length.</summary>
    public void WriteRaw(ReadOnlySpan<byte> bytes)
    {
        if (Ensure(bytes.Length))
        {
            bytes.CopyTo(_span[_position..]);
            _position += bytes.Length;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Ensure(int size) => _span.Length - _position >= size || TryGrow(size);

    /// <summary>The rare path of every write: room for <paramref name="size"/> more bytes, or failure for good.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryGrow(int size)
    {
        var isFixed = _buffer is null && _output is null;
        if (_failed || isFixed || size > WireLimits.MessageBytesMax - _position)
        {
            return Fail();
        }

        if (_buffer is not null)
        {
            _span = _buffer.GetSpan(size, kept: _position);
            return true;
        }

        var grown = ArrayPool<byte>.Shared.Rent(Math.Max(2 * _span.Length, _position + size));
        Written.CopyTo(grown);
        if (_rented is not null)
        {
            ArrayPool<byte>.Shared.Return(_rented);
        }

        _rented = grown;
        _span = grown;
        return true;
    }

    // An empty span makes every later write take the rare path, which answers at once.
    private bool Fail()
    {
        _failed = true;
        _span = default;
        _position = 0;
        return false;
    }

    private readonly void HandOver()
    {
        if (_buffer is not null)
        {
            _buffer.Advance(_position);
        }
        else if (_rented is not null)
        {
            _output!.Write(_rented.AsSpan(0, _position));
        }
        else
        {
            _output?.Advance(_position);
        }
    }
}
