using System.Text;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Tests.Engine.Tokenizers;

/// <summary>
/// Vocabularies of published models, where the test data has them: <c>vocabularies/NAME.gguf</c> with <c>NAME.gguf.inp</c> (texts, each ended by a line of
/// <c>__ggml_vocab_test__</c>) and <c>NAME.gguf.out</c> (a line of ids for each, as the model's own tokenizer gives them).
/// </summary>
public sealed class PublishedVocabularyTests
{
    public static TheoryData<string> Files => [.. TestData.Vocabularies.Select(Path.GetFileName).Cast<string>().DefaultIfEmpty("")];

    [Theory]
    [MemberData(nameof(Files))]
    public void Texts_get_the_ids_of_the_models_own_tokenizer(string name)
    {
        Assert.SkipWhen(name.Length == 0, "no vocabularies; set JESUS_TESTDATA to a folder with vocabularies/*.gguf, *.inp and *.out.");
        var path = TestData.Vocabularies.Single(file => Path.GetFileName(file) == name);
        using var file = GgufFile.Open(path);
        var tokenizer = TokenizerLoader.Load(file.Metadata);
        var texts = File.ReadAllText(path + ".inp").Split("\n__ggml_vocab_test__\n")[..^1];
        var expected = File.ReadAllText(path + ".out").Split('\n');
        var wrong = new List<string>();
        for (var i = 0; i < texts.Length; i++)
        {
            var ids = new TokenBuffer();
            tokenizer.Encode(Encoding.UTF8.GetBytes(texts[i]), default(ReadOnlySpan<TrustedRange>), ids);
            var actual = string.Join(' ', ids.Span.ToArray());
            if (actual != expected[i].Trim())
            {
                wrong.Add($"{texts[i].ReplaceLineEndings("\\n")}\n  {actual}\n  {expected[i].Trim()}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }
}
