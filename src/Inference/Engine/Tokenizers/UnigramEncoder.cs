using System.Text;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// SentencePiece unigrams (T5): the text is normalised, then cut into the tokens whose scores (log probabilities) have the greatest sum, by Viterbi's
/// algorithm. A character that no token covers is unknown, 10 below the worst score; unknown ones side by side are one token, or bytes where the
/// vocabulary has them.
/// </summary>
internal sealed class UnigramEncoder : PieceEncoder
{
    /// <summary>SentencePiece's kUnkPenalty.</summary>
    private const double UnknownPenalty = 10;

    private readonly Vocabulary _vocabulary;
    private readonly TokenPrefixes _prefixes;
    private readonly UnigramOptions _options;
    private readonly int[] _byteTokens;
    private readonly bool _hasBytes;
    private readonly InnerPairs _pairs;
    private readonly double _unknownScore;

    public UnigramEncoder(Vocabulary vocabulary, UnigramOptions options)
    {
        _vocabulary = vocabulary;
        _options = options;
        _prefixes = new TokenPrefixes(vocabulary, [.. Enumerable.Range(0, vocabulary.Count).Where(id => vocabulary.Find(vocabulary.Bytes(id)) == id)]);
        _byteTokens = SentencePieceEncoder.ByteTokens(vocabulary);
        _hasBytes = !_byteTokens.Contains(-1);
        _pairs = new InnerPairs(vocabulary);
        var worst = 0f;
        for (var id = 0; id < vocabulary.Count; id++)
        {
            worst = vocabulary.TypeOf(id) == TokenType.Normal ? Math.Min(worst, vocabulary.ScoreOf(id)) : worst;
        }

        _unknownScore = worst - UnknownPenalty;
    }

    public override void Encode(ReadOnlySpan<byte> utf8, bool atStart, EncoderScratch scratch, TokenBuffer into)
    {
        var before = into.Count;
        EncodePieces(Normalised(utf8, scratch), scratch, into);
        if (!_hasBytes)
        {
            into.JoinRepeats(before, _options.Unknown);
        }
    }

    protected override int NextPiece(ReadOnlySpan<byte> text) => _pairs.NextPart(text);

    protected override void EncodePiece(ReadOnlySpan<byte> piece, EncoderScratch scratch, TokenBuffer into)
    {
        var steps = scratch.StepsOf(piece.Length + 1);
        steps.Fill(new ViterbiStep(double.NegativeInfinity, 0, -1));
        steps[0] = new ViterbiStep(0, 0, -1);
        for (var at = 0; at < piece.Length;)
        {
            _ = Rune.DecodeFromUtf8(piece[at..], out _, out var length);
            if (!Offer(piece, at, length, steps))
            {
                Improve(steps, at, length, -1, _unknownScore);
            }

            at += length;
        }

        Emit(piece, steps, into);
    }

    /// <summary>Every token that begins at <paramref name="at"/>; whether one of them is the character there alone.</summary>
    private bool Offer(ReadOnlySpan<byte> piece, int at, int characterLength, Span<ViterbiStep> steps)
    {
        var covered = false;
        var node = TokenPrefixes.Root;
        for (var end = at; end < piece.Length; end++)
        {
            node = _prefixes.Next(node, piece[end]);
            if (node < 0)
            {
                break;
            }

            if (_prefixes.TokenOf(node) is >= 0 and var token)
            {
                covered |= end + 1 - at == characterLength;
                Improve(steps, at, end + 1 - at, token, _vocabulary.TypeOf(token) == TokenType.UserDefined ? 0 : _vocabulary.ScoreOf(token));
            }
        }

        return covered;
    }

    private static void Improve(Span<ViterbiStep> steps, int at, int length, int token, double score)
    {
        var sum = steps[at].Score + score;
        if (sum > steps[at + length].Score)
        {
            steps[at + length] = new ViterbiStep(sum, at, token);
        }
    }

    /// <summary>The best way is known from its end: the links are turned round on the way back, then walked forwards.</summary>
    private void Emit(ReadOnlySpan<byte> piece, Span<ViterbiStep> steps, TokenBuffer into)
    {
        for (int at = piece.Length, end = -1; at >= 0;)
        {
            var from = at == 0 ? -1 : steps[at].From;
            steps[at] = steps[at] with { From = end };
            (at, end) = (from, at);
        }

        for (int at = 0, end = steps[0].From; end > 0; (at, end) = (end, steps[end].From))
        {
            if (steps[end].Token >= 0 || !_hasBytes)
            {
                into.Add(steps[end].Token >= 0 ? steps[end].Token : _options.Unknown);
                continue;
            }

            foreach (var value in piece[at..end])
            {
                into.Add(_byteTokens[value]);
            }
        }
    }

    /// <summary>Characters mapped, a space put before the text, runs of spaces made one and those at its end dropped, as the file says.</summary>
    private ReadOnlySpan<byte> Normalised(ReadOnlySpan<byte> utf8, EncoderScratch scratch)
    {
        scratch.Written = 0;
        var (prefixed, inWord) = (false, false);
        while (!utf8.IsEmpty)
        {
            var characters = CharacterMap.First(_options.Map, utf8, out var consumed);
            foreach (var value in characters)
            {
                if (value != ' ' && !inWord && ((_options.SpacePrefix && !prefixed) || _options.JoinsSpaces))
                {
                    scratch.Write((byte)' ');
                    prefixed = true;
                }

                if (value != ' ' || !_options.JoinsSpaces)
                {
                    scratch.Write(value);
                }

                inWord = value != ' ';
            }

            utf8 = utf8[consumed..];
        }

        return scratch.Text.AsSpan(0, scratch.Written);
    }
}

/// <summary>The best way to a place of the text: its score, where its last token began, and which that is (-1: unknown).</summary>
internal readonly record struct ViterbiStep(double Score, int From, int Token);

/// <summary>How a file's unigram tokenizer normalises.</summary>
/// <param name="Map">Characters written for others; null for none.</param>
/// <param name="SpacePrefix">A space is put before a text.</param>
/// <param name="JoinsSpaces">Runs of spaces become one, and those at the end none (<c>remove_extra_whitespaces</c>).</param>
/// <param name="Unknown">The token of what no token covers.</param>
internal sealed record UnigramOptions(CharacterMap? Map, bool SpacePrefix, bool JoinsSpaces, int Unknown);
