using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace Jesus.Transport.Wire;

/// <summary>Text. UTF-8 form: complement of the length in bytes (32 bits), length in UTF-16 units or -1 for unknown (32 bits), bytes. UTF-16 form: length, units.</summary>
public ref partial struct WireWriter
{
    /// <summary>Length of what stands before UTF-8 text.</summary>
    public const int TextHeaderBytes = 2 * sizeof(int);

    /// <summary>Text that is UTF-8 already; <paramref name="utf16Length"/> spares the reader that wants a string a count, -1 leaves it to it.</summary>
    public void WriteUtf8(ReadOnlySpan<byte> utf8, int utf16Length = -1)
    {
        if (utf8.IsEmpty)
        {
            Write(0);
            return;
        }

        var length = utf8.Length;
        if (!Ensure(TextHeaderBytes + length))
        {
            return;
        }

        // Both numbers of the header in one store, into the room that was just made sure of.
        ref var to = ref Unsafe.Add(ref MemoryMarshal.GetReference(_span), _position);
        Unsafe.WriteUnaligned(ref to, (uint)~length | ((long)utf16Length << 32));
        utf8.CopyTo(MemoryMarshal.CreateSpan(ref Unsafe.Add(ref to, TextHeaderBytes), length));
        _position += TextHeaderBytes + length;
    }

    /// <summary>A string in the UTF-8 form. Lone surrogates become U+FFFD.</summary>
    public void WriteString(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            Write(text is null ? WireCode.NullCollection : 0);
            return;
        }

        // One pass over the text where three bytes a unit are free; else it is counted.
        if ((_span.Length - _position - TextHeaderBytes) / 3 < text.Length && !Ensure(TextHeaderBytes + Encoding.UTF8.GetByteCount(text)))
        {
            return;
        }

        var to = _span[_position..];
        _ = Utf8.FromUtf16(text, to[TextHeaderBytes..], out _, out var bytes);
        MemoryMarshal.Write(to, ~bytes);
        MemoryMarshal.Write(to[sizeof(int)..], text.Length);
        _position += TextHeaderBytes + bytes;
    }

    /// <summary>A string in the UTF-16 form.</summary>
    public void WriteUtf16(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            Write(text is null ? WireCode.NullCollection : 0);
            return;
        }

        Write(text.Length);
        WriteRaw(MemoryMarshal.AsBytes(text.AsSpan()));
    }
}
