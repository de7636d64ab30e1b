using System.Diagnostics;
using System.Globalization;
using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Transport.Buffers;
using static Jesus.Bench.Engine.Invariant;

namespace Jesus.Bench.Engine;

/// <summary>
/// What constraining an answer takes, over a large vocabulary: compiling a new schema of 5 KB with its first mask, and the masks of an answer's tokens, for an answer
/// of a new schema and for later ones. A token's forward pass beside it takes 20 to 40 ms.
/// </summary>
public static class ConstraintBench
{
    private const int Seed = 6;

    /// <param name="vocabularyPath">A GGUF file whose vocabulary is used; empty makes one up.</param>
    public static void Run(string vocabularyPath, int vocabularyCount, TextWriter output)
    {
        IVocabulary vocabulary = vocabularyPath.Length > 0 ? new FileVocabulary(vocabularyPath) : new MadeVocabulary(vocabularyCount);
        var watch = Stopwatch.StartNew();
        var index = VocabularyIndex.Build(vocabulary);
        Write(output, $"constraints over {vocabulary.Count} tokens (indexed in {watch.Elapsed.TotalMilliseconds:F0} ms): compile with first mask (least of five);");
        Write(output, $"  masks of an answer, mean and 98th percentile, of a new and of a known schema, us a token");
        _ = Measure(index, Schema("warm", 40));
        Line(output, index, "schema of 5 KB", Schema("a", 40));
        Line(output, index, "schema of 1 KB", Schema("b", 8));
        Line(output, index, "any JSON object", new OutputConstraint { Kind = ConstraintKind.JsonObject });
        var pattern = Slice("(?:[A-Z][a-z]+ ){2,8}[A-Z][a-z]+, \\d{4}-\\d\\d-\\d\\d: .{0,200}");
        Line(output, index, "regular expression", new OutputConstraint { Kind = ConstraintKind.Regex, Source = pattern });
        var grammar = Slice("root ::= sum\nsum ::= value ([-+*/] value)*\nvalue ::= [0-9]{1,6} | \"(\" sum \")\"");
        Line(output, index, "GBNF arithmetic", new OutputConstraint { Kind = ConstraintKind.Grammar, Source = grammar });
    }

    private static void Line(TextWriter output, VocabularyIndex index, string name, OutputConstraint constraint)
    {
        var (compile, cold, coldMost, warm, warmMost, tokens) = Measure(index, constraint);
        Write(output, $"  {name,-20} {compile,7:F2} ms   new {cold,7:F1} {coldMost,8:F0}   known {warm,6:F1} {warmMost,7:F0}   ({tokens} tokens)");
    }

    private static (double Compile, double Cold, double ColdMost, double Warm, double WarmMost, int Tokens) Measure(VocabularyIndex index, OutputConstraint constraint)
    {
        var state = new ConstraintState();
        var mask = new ulong[index.MaskWords];
        var compile = double.MaxValue;
        CompiledConstraint? compiled = null;
        for (var run = 0; run < 5; run++)
        {
            // A compiler of its own each time, so that the schema is new to it.
            var watch = Stopwatch.StartNew();
            if (!new ConstraintCompiler(index).TryCompile(constraint, default, out compiled, out var error))
            {
                throw new InvalidOperationException(error.Message);
            }

            state.Begin(compiled);
            _ = state.FillMask(mask);
            compile = Math.Min(compile, watch.Elapsed.TotalMilliseconds);
        }

        var (cold, coldMost, tokens) = Answer(compiled!, state, mask, Seed);
        var (warm, warmMost) = (double.MaxValue, 0.0);
        for (var run = 0; run < 3; run++)
        {
            var (mean, most, _) = Answer(compiled!, state, mask, Seed);
            (warm, warmMost) = mean < warm ? (mean, most) : (warm, warmMost);
        }

        state.Reset();
        compiled!.Dispose();
        return (compile, cold, coldMost, warm, warmMost, tokens);
    }

    /// <summary>An answer of a model that takes long tokens where it may: what is timed is the mask and the step, not the choice.</summary>
    private static (double Mean, double Most, int Tokens) Answer(CompiledConstraint compiled, ConstraintState state, ulong[] mask, int seed)
    {
        var random = new Random(seed);
        state.Begin(compiled);
        var times = new List<double>();
        var tokens = 0;
        for (; tokens < 400 && !state.IsFinished; tokens++)
        {
            var started = Stopwatch.GetTimestamp();
            _ = state.FillMask(mask);
            var filled = Stopwatch.GetTimestamp();
            var token = Choose(compiled.Vocabulary, mask, random);
            var chosen = Stopwatch.GetTimestamp();
            _ = state.Advance(token);
            times.Add((filled - started + Stopwatch.GetTimestamp() - chosen) * 1e6 / Stopwatch.Frequency);
        }

        // What lies above the 98th percentile is mostly the machine's: it is cut from the mean and shown as the most.
        times.Sort();
        var kept = Math.Max(1, tokens * 98 / 100);
        return (times.Take(kept).Sum() / kept, times[kept - 1], tokens);
    }

    private static int Choose(VocabularyIndex vocabulary, ulong[] mask, Random random)
    {
        // Of some allowed tokens the one that closes most, so that strings end; else the longest.
        var (best, bestRank) = (-1, int.MinValue);
        for (var tries = 0; tries < 400 || best < 0; tries++)
        {
            var token = tries < 400 ? random.Next(vocabulary.Count) : tries - 400;
            if ((mask[token >> 6] >> (token & 63) & 1) == 0)
            {
                continue;
            }

            var bytes = vocabulary.BytesOf(token);
            var rank = (bytes.IndexOf((byte)'"') >= 0 && random.Next(3) == 0 ? 1000 : 0) + bytes.Length;
            (best, bestRank) = rank > bestRank ? (token, rank) : (best, bestRank);
        }

        return best;
    }

    private static OutputConstraint Schema(string name, int properties)
    {
        var text = new StringBuilder("{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
        for (var i = 0; i < properties; i++)
        {
            text.Append(i > 0 ? "," : "").Append(CultureInfo.InvariantCulture, $"\"{name}_field_{i}\":").Append((i % 6) switch
            {
                0 => "{\"type\":\"string\",\"description\":\"What the customer wrote, in short words\"}",
                1 => "{\"type\":\"integer\",\"minimum\":0,\"maximum\":100000,\"description\":\"How many of them\"}",
                2 => "{\"enum\":[\"open\",\"in progress\",\"closed\",\"rejected\"],\"description\":\"Where it stands\"}",
                3 => "{\"type\":\"array\",\"maxItems\":4,\"items\":{\"type\":\"object\","
                    + "\"properties\":{\"id\":{\"type\":\"string\"},\"n\":{\"type\":\"number\"}},\"required\":[\"id\"]}}",
                4 => "{\"type\":\"string\",\"format\":\"date-time\",\"description\":\"When it was seen first\"}",
                _ => "{\"type\":\"string\",\"maxLength\":60,\"description\":\"A line that names it\"}",
            });
        }

        text.Append("},\"required\":[").AppendJoin(',', Enumerable.Range(0, properties).Where(i => i % 2 == 0).Select(i => $"\"{name}_field_{i}\"")).Append("]}");
        return new OutputConstraint { Kind = ConstraintKind.JsonSchema, Source = Slice(text.ToString()) };
    }

    private static Utf8Slice Slice(string text) => new(Encoding.UTF8.GetBytes(text));

    private sealed class FileVocabulary : IVocabulary
    {
        private readonly Tokenizer _tokenizer;

        public FileVocabulary(string path)
        {
            using var file = GgufFile.Open(path);
            _tokenizer = TokenizerLoader.Load(file.Metadata);
        }

        public int Count => _tokenizer.Vocabulary.Count;

        public ReadOnlySpan<byte> BytesOf(int token) => _tokenizer.Vocabulary.Bytes(token);

        public TokenRole RoleOf(int token) => _tokenizer.EndsGeneration(token) ? TokenRole.End
            : _tokenizer.Vocabulary.TypeOf(token) == TokenType.Control ? TokenRole.Control
            : _tokenizer.Vocabulary.Bytes(token).IsEmpty ? TokenRole.Unused : TokenRole.Text;
    }

    /// <summary>All bytes, words with and without a space before them, numbers, punctuation as JSON and code have it.</summary>
    private sealed class MadeVocabulary : IVocabulary
    {
        private readonly List<byte[]> _tokens = [];

        public MadeVocabulary(int count)
        {
            var random = new Random(Seed);
            var known = new HashSet<string>(StringComparer.Ordinal);
            for (var value = 0; value < 256; value++)
            {
                _tokens.Add([(byte)value]);
            }

            string[] marks = ["\"", "\":", "\",", "\"}", "{\"", "[", "]", "],", "\\", "\\n", "\n", "\n\n", "\t", ": ", ", ", ".", "(", ");", "=", "//", "<", ">", "-", "_"];
            while (_tokens.Count < count - 1)
            {
                var text = random.Next(20) switch
                {
                    0 => marks[random.Next(marks.Length)] + marks[random.Next(marks.Length)] + (random.Next(2) == 0 ? "" : marks[random.Next(marks.Length)]),
                    1 => random.Next(1000).ToString(CultureInfo.InvariantCulture),
                    2 => new string((char)random.Next(0x4E00, 0x9FFF), 1) + (random.Next(2) == 0 ? "" : (char)random.Next(0x4E00, 0x9FFF)),
                    3 => new string(' ', random.Next(1, 80)),
                    _ => (random.Next(2) == 0 ? " " : "")
                        + string.Concat(Enumerable.Range(0, random.Next(2, 10)).Select(i => (char)((i == 0 && random.Next(4) == 0 ? 'A' : 'a') + random.Next(26)))),
                };
                if (known.Add(text))
                {
                    _tokens.Add(Encoding.UTF8.GetBytes(text));
                }
                else if (text[0] == ' ')
                {
                    _tokens.Add([.. Encoding.UTF8.GetBytes(text), (byte)random.Next(0xC2, 0xF4)]);
                }
            }

            _tokens.Add("<end>"u8.ToArray());
        }

        public int Count => _tokens.Count;

        public ReadOnlySpan<byte> BytesOf(int token) => _tokens[token];

        public TokenRole RoleOf(int token) => token == _tokens.Count - 1 ? TokenRole.End : TokenRole.Text;
    }
}
