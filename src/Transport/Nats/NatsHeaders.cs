using System.Text;

namespace Jesus.Transport.Nats;

/// <summary>Headers to publish, kept as they go onto the wire. Reused over <see cref="Clear"/> by one owner; not to be changed before the publish that uses it has ended.</summary>
public sealed class NatsHeaders
{
    private byte[] _block;
    private int _length;

    public NatsHeaders(int capacity = 256)
    {
        _block = new byte[Math.Max(capacity, 64)];
        Clear();
    }

    public bool IsEmpty => _length == Version.Length;

    /// <summary>The block with its closing empty line.</summary>
    internal ReadOnlyMemory<byte> Block => _block.AsMemory(0, _length + 2);

    private static ReadOnlySpan<byte> Version => "NATS/1.0\r\n"u8;

    public void Clear()
    {
        Version.CopyTo(_block);
        _length = Version.Length;
        Close();
    }

    /// <summary>Adds a field; fields of one name may repeat.</summary>
    /// <returns>False, and nothing was added: the name is empty or holds a colon, space or control byte, the value a line break, or the block would grow past its limit.</returns>
    public bool TryAdd(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var size = name.Length + value.Length + 4;
        if (!IsName(name) || value.ContainsAny((byte)'\r', (byte)'\n') || _length + size + 2 > NatsLimits.HeaderBytesMax)
        {
            return false;
        }

        Reserve(size + 2);
        var at = _block.AsSpan(_length);
        name.CopyTo(at);
        ": "u8.CopyTo(at[name.Length..]);
        value.CopyTo(at[(name.Length + 2)..]);
        "\r\n"u8.CopyTo(at[(size - 2)..]);
        _length += size;
        Close();
        return true;
    }

    /// <inheritdoc cref="TryAdd(ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>
    /// <exception cref="ArgumentException">It cannot stand in a header.</exception>
    public NatsHeaders Add(string name, string value)
    {
        if (!TryAdd(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value)))
        {
            throw new ArgumentException($"'{name}' cannot be a NATS header: its name or value holds a byte that would end it, or it is too long", nameof(name));
        }

        return this;
    }

    private static bool IsName(ReadOnlySpan<byte> name) =>
        !name.IsEmpty && !name.Contains((byte)':') && !name.ContainsAnyInRange((byte)0, (byte)' ') && !name.ContainsAnyInRange((byte)0x7F, (byte)0xFF);

    private void Close() => "\r\n"u8.CopyTo(_block.AsSpan(_length));

    private void Reserve(int size)
    {
        if (_block.Length - _length < size)
        {
            Array.Resize(ref _block, Math.Max(_block.Length * 2, _length + size));
        }
    }
}
