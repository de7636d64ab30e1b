using System.Text;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// The tokens of a model as bytes: what each stands for in text, its type and score, and the way back from bytes to a token.
/// Immutable; shared by all threads.
/// </summary>
public sealed class Vocabulary
{
    private readonly byte[] _bytes;
    private readonly int[] _ends;
    private readonly TokenType[] _types;
    private readonly float[] _scores;

    /// <summary>Open addressing, at most half full; an entry is id + 1, 0 is free.</summary>
    private readonly int[] _table;

    /// <summary>[Count], or null for none: user-defined tokens that only trusted text may hold.</summary>
    private readonly bool[]? _guarded;

    private Vocabulary(byte[] bytes, int[] ends, TokenType[] types, float[] scores, bool[]? guarded, HashSet<int> odd)
    {
        _guarded = guarded;
        _bytes = bytes;
        _ends = ends;
        _types = types;
        _scores = scores;
        _table = new int[System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(4, types.Length * 2))];
        for (var id = 0; id < types.Length; id++)
        {
            InsertFindable(id, !odd.Contains(id));
        }

        foreach (var id in odd.Order())
        {
            InsertFindable(id, true);
        }
    }

    public int Count => _types.Length;

    public TokenType TypeOf(int id) => _types[id];

    /// <summary>A control token, or one that the file's chat template uses as such: never found in text that is not trusted.</summary>
    public bool NeedsTrust(int id) => _types[id] == TokenType.Control || (_guarded is not null && _guarded[id]);

    public float ScoreOf(int id) => _scores[id];

    /// <summary>The bytes that the token is written as; for a control token its name, such as <c>&lt;|im_end|&gt;</c>.</summary>
    public ReadOnlySpan<byte> Bytes(int id)
    {
        var start = id == 0 ? 0 : _ends[id - 1];
        return _bytes.AsSpan(start, _ends[id] - start);
    }

    /// <summary>The bytes that the token adds to an answer's text: none for control and unknown tokens.</summary>
    public ReadOnlySpan<byte> OutputBytes(int id) => _types[id] is TokenType.Control or TokenType.Unknown ? default : Bytes(id);

    /// <summary>The token with exactly these bytes, or -1. Control and byte tokens, and those that need trust, are not found.</summary>
    public int Find(ReadOnlySpan<byte> bytes)
    {
        for (var slot = Hash(bytes) & (uint)(_table.Length - 1); _table[slot] != 0; slot = (slot + 1) & (uint)(_table.Length - 1))
        {
            if (Bytes(_table[slot] - 1).SequenceEqual(bytes))
            {
                return _table[slot] - 1;
            }
        }

        return -1;
    }

    /// <summary>The first control or user-defined token with this name, or -1.</summary>
    public int FindSpecial(ReadOnlySpan<byte> name)
    {
        for (var id = 0; id < Count; id++)
        {
            if ((_types[id] is TokenType.Control or TokenType.UserDefined) && Bytes(id).SequenceEqual(name))
            {
                return id;
            }
        }

        return -1;
    }

    /// <summary>For people: the token's bytes as text.</summary>
    public string Text(int id) => Encoding.UTF8.GetString(Bytes(id));

    /// <summary>Control and byte tokens are never found from text: a user's text must not forge them.</summary>
    private void InsertFindable(int id, bool now)
    {
        if (now && (_types[id] is TokenType.Normal or TokenType.UserDefined or TokenType.Unused) && !NeedsTrust(id) && !Bytes(id).IsEmpty)
        {
            Insert(id);
        }
    }

    private void Insert(int id)
    {
        var bytes = Bytes(id);
        var slot = Hash(bytes) & (uint)(_table.Length - 1);
        while (_table[slot] != 0)
        {
            if (Bytes(_table[slot] - 1).SequenceEqual(bytes))
            {
                return; // The lower id stands for text that two tokens share.
            }

            slot = (slot + 1) & (uint)(_table.Length - 1);
        }

        _table[slot] = id + 1;
    }

    /// <summary>FNV-1a, folded: tokens are short, and the table is built from a file that was trusted enough to load.</summary>
    private static uint Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = 0xcbf29ce484222325UL;
        foreach (var value in bytes)
        {
            hash = (hash ^ value) * 0x100000001b3UL;
        }

        return (uint)(hash ^ (hash >> 32));
    }

    /// <summary>Collects tokens in the order of their ids.</summary>
    public sealed class Builder(int count)
    {
        private readonly int[] _ends = new int[count];
        private readonly TokenType[] _types = new TokenType[count];
        private readonly float[] _scores = new float[count];
        private byte[] _bytes = new byte[Math.Max(64, count * 8)];
        private readonly HashSet<int> _odd = [];
        private int _used;
        private int _count;

        /// <param name="isOdd">Another token with the same bytes is preferred.</param>
        public Builder Add(ReadOnlySpan<byte> bytes, TokenType type = TokenType.Normal, float score = 0, bool isOdd = false)
        {
            if (isOdd)
            {
                _odd.Add(_count);
            }

            while (bytes.Length > _bytes.Length - _used)
            {
                Array.Resize(ref _bytes, _bytes.Length * 2);
            }

            bytes.CopyTo(_bytes.AsSpan(_used));
            _used += bytes.Length;
            _ends[_count] = _used;
            _types[_count] = type;
            _scores[_count] = score;
            _count++;
            return this;
        }

        /// <param name="guarded">Per token, whether only trusted text may hold it although it is user-defined; null for none.</param>
        public Vocabulary Build(bool[]? guarded = null) => _count == _types.Length
            ? new Vocabulary(_bytes.AsSpan(0, _used).ToArray(), _ends, _types, _scores, guarded, _odd)
            : throw new InvalidOperationException($"{_types.Length} tokens were announced, {_count} added.");
    }
}
