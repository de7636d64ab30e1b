using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// Pieces of text and the tokens that they became: natural text is a few thousand words again and again. Direct-mapped, of a fixed size, so that it costs no
/// collection, cannot grow and cannot be made slow; a colliding piece takes the place of the one before. One thread at a time.
/// </summary>
internal sealed class WordCache
{
    /// <summary>16,384 entries of 64 bytes, 1 MiB: the second level's cache of a core, and more words than a long document has.</summary>
    private const int EntryBits = 14;

    /// <summary>Longer pieces are rare, and worth their own work.</summary>
    public const int PieceBytesMax = 31;

    public const int TokensMax = 7;

    private readonly Entry[] _entries = new Entry[1 << EntryBits];

    /// <summary>One line of the processor's cache.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        /// <summary>The piece, zeros behind it, its length in the last byte; all zero when free.</summary>
        public Vector256<byte> Key;
        public Tokens Ids;
        public int Count;
    }

    [InlineArray(TokensMax)]
    private struct Tokens
    {
        private int _first;
    }

    /// <summary>The key of a piece at the start of <paramref name="text"/> of 1 to <see cref="PieceBytesMax"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> KeyOf(ReadOnlySpan<byte> text, int length)
    {
        Vector256<byte> bytes;
        if (text.Length >= 32)
        {
            bytes = Vector256.LessThan(Vector256<byte>.Indices, Vector256.Create((byte)length)) & Vector256.Create(text);
        }
        else
        {
            Span<byte> padded = stackalloc byte[32];
            padded.Clear();
            text[..length].CopyTo(padded);
            bytes = Vector256.Create((ReadOnlySpan<byte>)padded);
        }

        return bytes.WithElement(31, (byte)length);
    }

    /// <summary>Appends the tokens of a known piece.</summary>
    public bool TryAppend(in Vector256<byte> key, TokenBuffer into)
    {
        ref readonly var entry = ref _entries[SlotOf(key)];
        if (entry.Key != key)
        {
            return false;
        }

        into.Add(((ReadOnlySpan<int>)entry.Ids)[..entry.Count]);
        return true;
    }

    public void Keep(in Vector256<byte> key, ReadOnlySpan<int> tokens)
    {
        if (tokens.Length > TokensMax)
        {
            return;
        }

        ref var entry = ref _entries[SlotOf(key)];
        entry.Key = key;
        entry.Count = tokens.Length;
        tokens.CopyTo(entry.Ids);
    }

    private static int SlotOf(in Vector256<byte> key)
    {
        var words = key.AsUInt64();
        var hash = (words[0] * 0x9E3779B97F4A7C15UL) ^ (BitOperations.RotateLeft(words[1], 23) * 0xC2B2AE3D27D4EB4FUL)
            ^ (BitOperations.RotateLeft(words[2], 41) * 0x165667B19E3779F9UL) ^ (words[3] * 0xD6E8FEB86659FD93UL);
        return (int)((hash * 0x9E3779B97F4A7C15UL) >> (64 - EntryBits));
    }
}

/// <summary>One encoder's caches: as many threads as it has places find a warm one, further ones do without.</summary>
internal sealed class WordCaches
{
    /// <summary>Prompts are encoded on the callers' threads; 4 MiB a model for those that do it at once.</summary>
    private const int Places = 4;

    private readonly WordCache?[] _kept = new WordCache?[Places];
    private int _made;

    /// <summary>Null when all are in use.</summary>
    public WordCache? Rent()
    {
        for (var i = 0; i < Places; i++)
        {
            if (Interlocked.Exchange(ref _kept[i], null) is { } cache)
            {
                return cache;
            }
        }

        return Volatile.Read(ref _made) < Places && Interlocked.Increment(ref _made) <= Places ? new WordCache() : null;
    }

    public void Return(WordCache? cache)
    {
        for (var i = 0; cache is not null && i < Places; i++)
        {
            cache = Interlocked.CompareExchange(ref _kept[i], cache, null) is null ? null : cache;
        }
    }
}
