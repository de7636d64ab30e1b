namespace Jesus.Inference.Engine.Backends;

/// <summary>
/// The rows of one forward pass: for each sequence its block table (empty for encoders), then its tokens at positions that ascend by one. Reused from step to
/// step; owner: the batcher. Logits and hidden states live here and are valid until the next pass.
/// </summary>
public sealed class ForwardBatch
{
    /// <summary>Floats between logit rows are a multiple of this, so that kernels store whole vectors.</summary>
    private const int Lanes = 16;

    private readonly int[] _tokens;
    private readonly int[] _positions;
    private readonly int[] _rowSequences;
    private readonly int[] _blockStarts;
    private readonly int[] _logitRows;
    private readonly int[] _hiddenRows;
    private readonly int[] _tokenTypes;
    private readonly int[] _rowAdapters;
    private readonly float[] _logits;
    private readonly float[] _hidden;
    private readonly int _vocabulary;
    private readonly int _width;
    private int[] _blocks;
    private int _blockCount;

    /// <param name="rowsMax">At most <see cref="BackendInfo.BatchRowsMax"/>.</param>
    /// <param name="logitRowsMax">Rows that may want logits in one pass (4 bytes x vocabulary each).</param>
    /// <param name="vocabulary">Logits of a row.</param>
    /// <param name="hiddenRowsMax">Rows whose hidden state may be wanted in one pass (4 bytes x width each): for embeddings.</param>
    /// <param name="width">Floats of a hidden state, <see cref="Architectures.ModelShape.Width"/>; 0 when none is ever wanted.</param>
    public ForwardBatch(int rowsMax, int logitRowsMax, int vocabulary, int hiddenRowsMax = 0, int width = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rowsMax, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(logitRowsMax);
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabulary, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(hiddenRowsMax);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, hiddenRowsMax > 0 ? 1 : 0);
        _vocabulary = vocabulary;
        _width = width;
        LogitsStride = (vocabulary + Lanes - 1) / Lanes * Lanes;
        _tokens = new int[rowsMax];
        _positions = new int[rowsMax];
        _rowSequences = new int[rowsMax];
        _blockStarts = new int[rowsMax + 1];
        _logitRows = new int[logitRowsMax];
        _hiddenRows = new int[hiddenRowsMax];
        _tokenTypes = new int[rowsMax];
        _rowAdapters = new int[rowsMax];
        _logits = new float[(long)logitRowsMax * LogitsStride];
        _hidden = new float[(long)hiddenRowsMax * width];
        _blocks = new int[64];
    }

    public int RowsMax => _tokens.Length;
    public int LogitRowsMax => _logitRows.Length;
    public int Rows { get; private set; }
    public int Sequences { get; private set; }
    public int LogitRows { get; private set; }
    public int HiddenRowsMax => _hiddenRows.Length;
    public int HiddenRows { get; private set; }

    /// <summary>Floats from one logit row to the next.</summary>
    public int LogitsStride { get; }

    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Rows);
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, Rows);

    /// <summary>Which sequence each row belongs to, from 0 in the order of <see cref="BeginSequence"/>.</summary>
    public ReadOnlySpan<int> RowSequences => _rowSequences.AsSpan(0, Rows);

    /// <summary>The rows that want logits, in order.</summary>
    public ReadOnlySpan<int> LogitRowIndices => _logitRows.AsSpan(0, LogitRows);

    /// <summary>The rows whose hidden state is wanted, in order.</summary>
    public ReadOnlySpan<int> HiddenRowIndices => _hiddenRows.AsSpan(0, HiddenRows);

    /// <summary>The token type of each row; empty when all are 0.</summary>
    public ReadOnlySpan<int> TokenTypes => HasTokenTypes ? _tokenTypes.AsSpan(0, Rows) : default;
    public bool HasTokenTypes { get; private set; }

    /// <summary>The LoRA adapter of each row, 0 for none; empty when no row has one.</summary>
    public ReadOnlySpan<int> RowAdapters => HasAdapters ? _rowAdapters.AsSpan(0, Rows) : default;
    public bool HasAdapters { get; private set; }

    /// <summary>All block tables one after the other; table <c>i</c> is <c>[BlockStarts[i], BlockStarts[i + 1])</c>.</summary>
    public ReadOnlySpan<int> Blocks => _blocks.AsSpan(0, _blockCount);
    public ReadOnlySpan<int> BlockStarts => _blockStarts.AsSpan(0, Sequences + 1);

    public void Clear()
    {
        Rows = 0;
        Sequences = 0;
        LogitRows = 0;
        HiddenRows = 0;
        HasTokenTypes = false;
        HasAdapters = false;
        _blockCount = 0;
    }

    /// <summary>The rows added from here on belong to a new sequence. The table covers positions 0 to the last row's.</summary>
    public void BeginSequence(ReadOnlySpan<int> blockTable)
    {
        if (Sequences > 0 && (Rows == 0 || _rowSequences[Rows - 1] != Sequences - 1))
        {
            throw new InvalidOperationException("The sequence before has no rows.");
        }

        if (Sequences == RowsMax)
        {
            throw new InvalidOperationException($"The batch holds {RowsMax} sequences already.");
        }

        if (_blocks.Length < _blockCount + blockTable.Length)
        {
            Array.Resize(ref _blocks, Math.Max(_blocks.Length * 2, _blockCount + blockTable.Length));
        }

        blockTable.CopyTo(_blocks.AsSpan(_blockCount));
        _blockStarts[Sequences] = _blockCount;
        _blockCount += blockTable.Length;
        _blockStarts[++Sequences] = _blockCount;
    }

    /// <summary>Adds one token of the current sequence; answers the index of its logits, or -1 when it wants none.</summary>
    /// <param name="adapter">Of the model's LoRA adapters; 0: none.</param>
    public int Add(int token, int position, bool wantsLogits, int adapter = 0)
    {
        if (Sequences == 0 || Rows == RowsMax || (wantsLogits && LogitRows == LogitRowsMax))
        {
            throw new InvalidOperationException(
                $"No sequence begun, or the batch is full ({Rows} of {RowsMax} rows, {LogitRows} of {LogitRowsMax} logit rows).");
        }

        _tokens[Rows] = token;
        _positions[Rows] = position;
        _rowSequences[Rows] = Sequences - 1;
        _tokenTypes[Rows] = 0;
        _rowAdapters[Rows] = adapter;
        HasAdapters |= adapter != 0;
        if (wantsLogits)
        {
            _logitRows[LogitRows] = Rows;
        }

        Rows++;
        return wantsLogits ? LogitRows++ : -1;
    }

    /// <summary>The row added last is of this token type (the second text of a pair, in encoders that tell them apart).</summary>
    public void SetTokenType(int type)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Rows, 1);
        _tokenTypes[Rows - 1] = type;
        HasTokenTypes |= type != 0;
    }

    /// <summary>Asks for the hidden state of the row added last; answers its index.</summary>
    public int WantHidden()
    {
        if (Rows == 0 || HiddenRows == HiddenRowsMax)
        {
            throw new InvalidOperationException($"No row was added, or {HiddenRows} of {HiddenRowsMax} hidden states are wanted already.");
        }

        _hiddenRows[HiddenRows] = Rows - 1;
        return HiddenRows++;
    }

    /// <summary>What the model's last norm gave for the row, of the index that <see cref="WantHidden"/> answered: Width floats.</summary>
    public Span<float> Hidden(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)HiddenRows);
        return _hidden.AsSpan(index * _width, _width);
    }

    /// <summary>Logits of the index that <see cref="Add"/> gave, one for each token of the vocabulary; the caller may change them in place.</summary>
    public Span<float> Logits(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)LogitRows);
        return _logits.AsSpan(index * LogitsStride, _vocabulary);
    }

    /// <summary>Where the backend writes: <see cref="LogitRows"/> rows of <see cref="LogitsStride"/> floats, the padding included.</summary>
    internal Span<float> LogitStorage => _logits.AsSpan(0, LogitRows * LogitsStride);

    /// <summary>The same for <see cref="HiddenRows"/> rows of Width floats.</summary>
    internal Span<float> HiddenStorage => _hidden.AsSpan(0, HiddenRows * _width);
}
