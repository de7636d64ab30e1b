using System.Buffers;
using System.Text;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// Tokens to text as they come: bytes of a character that is not complete are held back (three at most), bytes that can be no UTF-8 become U+FFFD.
/// One sequence's state; reset and reused.
/// </summary>
public sealed class StreamingDetokenizer(Tokenizer tokenizer)
{
    private readonly byte[] _held = new byte[4];
    private int _heldCount;

    public bool HoldsBytes => _heldCount > 0;

    public void Reset() => _heldCount = 0;

    /// <summary>Writes the characters that the token completes.</summary>
    public void Append<TWriter>(int token, TWriter output)
        where TWriter : IBufferWriter<byte> =>
        Append(tokenizer.Vocabulary.OutputBytes(token), output);

    /// <summary>Writes the characters that these bytes complete.</summary>
    public void Append<TWriter>(ReadOnlySpan<byte> bytes, TWriter output)
        where TWriter : IBufferWriter<byte>
    {
        while (_heldCount > 0 && !bytes.IsEmpty)
        {
            _held[_heldCount++] = bytes[0];
            bytes = bytes[1..];
            DrainHeld(output);
        }

        while (!bytes.IsEmpty)
        {
            var whole = WholePrefix(bytes);
            output.Write(bytes[..whole]);
            bytes = bytes[whole..];
            bytes = bytes.IsEmpty ? bytes : TakeBroken(bytes, output);
        }
    }

    /// <summary>The text ends: a character left incomplete becomes U+FFFD.</summary>
    public void Finish<TWriter>(TWriter output)
        where TWriter : IBufferWriter<byte>
    {
        if (_heldCount > 0)
        {
            output.Write("\uFFFD"u8);
            _heldCount = 0;
        }
    }

    private void DrainHeld<TWriter>(TWriter output)
        where TWriter : IBufferWriter<byte>
    {
        while (_heldCount > 0)
        {
            var status = Rune.DecodeFromUtf8(_held.AsSpan(0, _heldCount), out _, out var length);
            if (status == OperationStatus.NeedMoreData)
            {
                return;
            }

            output.Write(status == OperationStatus.Done ? _held.AsSpan(0, length) : "\uFFFD"u8);
            _held.AsSpan(length, _heldCount - length).CopyTo(_held);
            _heldCount -= length;
        }
    }

    /// <summary>Bytes of valid, whole characters at the start.</summary>
    private static int WholePrefix(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            return bytes.Length;
        }

        var at = 0;
        while (at < bytes.Length && Rune.DecodeFromUtf8(bytes[at..], out _, out var length) == OperationStatus.Done)
        {
            at += length;
        }

        return at;
    }

    /// <summary>The bytes after an incomplete (held back) or impossible (replaced) character at the start.</summary>
    private ReadOnlySpan<byte> TakeBroken<TWriter>(ReadOnlySpan<byte> bytes, TWriter output)
        where TWriter : IBufferWriter<byte>
    {
        if (Rune.DecodeFromUtf8(bytes, out _, out var length) == OperationStatus.NeedMoreData)
        {
            bytes.CopyTo(_held);
            _heldCount = bytes.Length;
            return default;
        }

        output.Write("\uFFFD"u8);
        return bytes[length..];
    }
}
