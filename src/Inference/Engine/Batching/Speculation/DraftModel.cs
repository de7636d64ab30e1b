using System.Runtime.InteropServices;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Engine.Sampling;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Batching.Speculation;

/// <summary>
/// A second, small model of the same vocabulary that guesses what the model will draw (Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", 2023; here a
/// guess counts only where it is the very token drawn). It draws with the sequence's own settings, seed and position, so that a draw that is left to chance comes out alike.
/// What it computes decides over speed alone: whatever goes wrong in it ends its guessing, never an answer. The loop's; allocates nothing per token.
/// </summary>
internal sealed class DraftModel
{
    /// <summary>Sequences that are guessed for in one step: with more answers in a pass, its rows are worth more than guesses.</summary>
    public const int SequencesMax = 8;

    /// <summary>Rows of the first pass that reads a sequence, while no speed is known.</summary>
    private const int ReadAtFirst = 32;

    /// <summary>Rows of a pass that reads, at least.</summary>
    private const int ReadMin = 16;

    private readonly IBackend _backend;
    private readonly Tokenizer _tokenizer;
    private readonly TimeProvider _time;
    private readonly CoreShare? _cores;
    private readonly KvBlockPool _pool;
    private readonly ForwardBatch _batch;
    private readonly Sampler _sampler;
    private readonly Guess[] _guesses = new Guess[SequencesMax];
    private readonly double _readSeconds;
    private int _count;
    private Sequence? _reading;
    private int _readRows;

    /// <param name="backend">The small model's.</param>
    /// <param name="tokenizer">The model's; the small one's says the same of all tokens that both have.</param>
    /// <param name="rowsMax">Rows of a pass.</param>
    /// <param name="readSeconds">What reading a sequence's tokens may add to a step.</param>
    /// <param name="cores">Shared with other engines.</param>
    public DraftModel(IBackend backend, Tokenizer tokenizer, int rowsMax, double readSeconds, TimeProvider time, CoreShare? cores)
    {
        _backend = backend;
        _tokenizer = tokenizer;
        _time = time;
        _cores = cores;
        _readSeconds = readSeconds;
        _pool = new KvBlockPool(Math.Max(1, backend.Info.KvBlocks));
        _batch = new ForwardBatch(Math.Min(rowsMax, backend.Info.BatchRowsMax), SequencesMax, backend.Shape.Vocabulary);
        _sampler = new Sampler(Math.Min(tokenizer.Vocabulary.Count, backend.Shape.Vocabulary));
    }

    /// <summary>Positions of one sequence that it can hold.</summary>
    public int ContextTokens => (int)Math.Min(_backend.Shape.Context, (long)_pool.Total * KvBlockPool.BlockPositions);

    /// <summary>
    /// A sequence of which no more tokens are not computed is guessed for at once: a guess that was right throughout, and a few steps left out. Others are read
    /// first.
    /// </summary>
    public int BehindMax => Math.Min(2 * Draft.TokensMax, _batch.RowsMax / 2);

    /// <summary>What its passes take, drawing included.</summary>
    public PassCosts Costs { get; } = new();

    /// <summary>How often it was right lately, in all sequences: what a new one may expect.</summary>
    public Acceptance Accepted { get; } = new(1.0 / 64);

    /// <summary>Its arithmetic refused a pass: it guesses nothing any more.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Bytes of its KV cache that were never used: the system was not asked for them.</summary>
    public long UntouchedBytes => (_backend.Info.KvBlocks - _pool.Touched) * _backend.Info.KvBlockBytes;

    public int KvBlocksUsed => _pool.Used;

    public DraftTrack TrackOf(Sequence sequence) => sequence.Track ??= new DraftTrack(_pool);

    /// <summary>Nothing is asked for yet in this step.</summary>
    public void Clear() => (_count, _reading, _readRows) = (0, null, 0);

    /// <summary>Has the next tokens of a sequence guessed, as many at most.</summary>
    public void Ask(Sequence sequence, int length) => _guesses[_count++] = new Guess(sequence, length);

    /// <summary>Has a sequence read on, in the first pass of the step, as far as that takes not too long.</summary>
    public void Read(Sequence sequence) => _reading = sequence;

    /// <summary>Computes what was asked for. What a sequence got is in its <see cref="Sequence.Draft"/>; one that got nothing keeps what it had.</summary>
    public void Run()
    {
        Reserve();
        for (var pass = 0; Fill(pass) && TryPass(pass); pass++)
        {
            _readRows = 0;
        }

        Clear();
    }

    /// <summary>Who finds no blocks is guessed for no more; who finds no rows waits for another step.</summary>
    private void Reserve()
    {
        var (kept, free) = (0, _batch.RowsMax);
        for (var i = 0; i < _count; i++)
        {
            var sequence = _guesses[i].Sequence;
            var rows = sequence.Tokens.Count - TrackOf(sequence).Computed;
            if (rows <= free && TryHold(sequence, sequence.Tokens.Count + _guesses[i].Length - 1))
            {
                free -= rows;
                _guesses[kept++] = _guesses[i];
            }
        }

        _count = kept;
        if (_reading is { } reading)
        {
            // All but the last token: that one's row comes with the first guess.
            var rows = Math.Min(Math.Min(free, RowsToRead()), reading.Tokens.Count - 1 - TrackOf(reading).Computed);
            _readRows = rows > 0 && TryHold(reading, TrackOf(reading).Computed + rows) ? rows : 0;
        }
    }

    private bool TryHold(Sequence sequence, int positions)
    {
        var track = TrackOf(sequence);
        if (!track.TryReserve(positions) || !Knows(sequence.Tokens.Span[track.Computed..]))
        {
            track.SwitchOff();
        }

        return !track.IsOff;
    }

    /// <summary>The model may have tokens behind those that both have; a text that uses one is none of the small model's.</summary>
    private bool Knows(ReadOnlySpan<int> tokens) => _tokenizer.Vocabulary.Count <= _backend.Shape.Vocabulary || !tokens.ContainsAnyExceptInRange(0, _backend.Shape.Vocabulary - 1);

    private int RowsToRead() => Costs.SecondsPerRow is var row && row == 0 ? ReadAtFirst : (int)Math.Clamp(_readSeconds / row, ReadMin, _batch.RowsMax);

    /// <summary>The rows of a pass; false when there are none. The first has what each sequence's tokens lack, the later ones what was guessed in the one before.</summary>
    private bool Fill(int pass)
    {
        _batch.Clear();
        for (var i = 0; i < _count; i++)
        {
            ref var guess = ref _guesses[i];
            guess.LogitRow = guess.IsOver ? -1 : pass == 0 ? AddTokens(guess.Sequence, guess.Sequence.Tokens.Count) : AddGuess(guess);
        }

        if (_readRows > 0)
        {
            _ = AddTokens(_reading!, TrackOf(_reading!).Computed + _readRows);
        }

        return _batch.Rows > 0;
    }

    /// <summary>The tokens up to <paramref name="end"/>; answers the index of the last one's logits where it is the sequence's last, else -1.</summary>
    private int AddTokens(Sequence sequence, int end)
    {
        var track = TrackOf(sequence);
        var logits = -1;
        _batch.BeginSequence(track.Blocks);
        for (var position = track.Computed; position < end; position++)
        {
            logits = _batch.Add(sequence.Tokens.Span[position], position, position == sequence.Tokens.Count - 1);
        }

        track.Read(end - track.Computed);
        return logits;
    }

    private int AddGuess(in Guess guess)
    {
        var track = TrackOf(guess.Sequence);
        var token = guess.Tokens[^1];
        _batch.BeginSequence(track.Blocks);
        track.RanAhead(token);
        return _batch.Add(token, guess.Sequence.Tokens.Count + guess.Tokens.Length - 1, wantsLogits: true);
    }

    private bool TryPass(int pass)
    {
        var cores = _cores is not null && _backend.TakesTeam(_batch.Rows) ? _cores : null;
        cores?.Enter(_backend.Info.Threads);
        var started = _time.GetTimestamp();
        try
        {
            _backend.Forward(_batch);
        }
        catch (BackendException)
        {
            // What its sequences hold of it goes back with them; the answers go on without guesses.
            IsBroken = true;
            return false;
        }
        finally
        {
            cores?.Leave(_backend.Info.Threads);
        }

        Draw();
        var ticks = _time.GetTimestamp() - started;
        Costs.Passed(_batch.Rows, (double)ticks / _time.TimestampFrequency);
        Charge((double)ticks * _backend.Info.Threads / _batch.Rows, pass);
        return true;
    }

    private void Draw()
    {
        for (var i = 0; i < _count; i++)
        {
            ref var guess = ref _guesses[i];
            if (!guess.IsOver)
            {
                Draw(ref guess);
            }
        }
    }

    private void Draw(ref Guess guess)
    {
        var sequence = guess.Sequence;
        var generation = sequence.Generation;

        // The penalties are those of the tokens that are there: the guesses before this one are not counted, which only makes it a little less often right.
        var drawn = _sampler.Sample(_batch.Logits(guess.LogitRow)[.._sampler.VocabularyCount], default, generation.Sampling, generation.Seed, sequence.Choice,
            sequence.Tokens.Count + guess.Tokens.Length, sequence.History, biases: CollectionsMarshal.AsSpan(generation.LogitBias));
        if (drawn.Error != SampleError.None)
        {
            TrackOf(sequence).SwitchOff();
            guess.IsOver = true;
        }
        else if (_tokenizer.EndsGeneration(drawn.Token))
        {
            // The row behind the end is for nothing, and the end itself is seen in the row before.
            guess.IsOver = true;
        }
        else
        {
            sequence.Draft.Add(drawn.Token, Accepted);
            guess.IsOver = guess.Tokens.Length == guess.Length;
        }
    }

    /// <summary>Shares a pass's time out by rows.</summary>
    private void Charge(double each, int pass)
    {
        var left = _batch.Rows - (pass == 0 ? _readRows : 0);
        for (var i = 0; i < _count; i++)
        {
            if (_guesses[i].LogitRow >= 0)
            {
                _guesses[i].Sequence.Generation.ComputeTicks += each * left / Math.Max(1, _batch.LogitRows);
            }
        }

        if (pass == 0 && _readRows > 0)
        {
            _reading!.Generation.ComputeTicks += each * _readRows;
        }
    }

    /// <summary>What is being guessed for one sequence.</summary>
    private record struct Guess(Sequence Sequence, int Length)
    {
        /// <summary>Where the pass has its logits; -1: it has no part in the pass.</summary>
        public int LogitRow { get; set; }
        public bool IsOver { get; set; }

        public readonly ReadOnlySpan<int> Tokens => Sequence.Draft.Source == DraftSource.Model ? Sequence.Draft.Tokens : default;
    }
}
