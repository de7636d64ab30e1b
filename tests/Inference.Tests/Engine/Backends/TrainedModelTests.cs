using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Backends;

/// <summary>A real trained model of 260 thousand parameters (F32, head dimension 8), where the folder of test data has it.</summary>
public sealed class TrainedModelTests
{
    [Fact]
    public void Logits_of_a_trained_model_are_those_of_the_reference_within_1e_4()
    {
        var folder = Environment.GetEnvironmentVariable("JESUS_TESTDATA");
        var path = Path.Combine(folder ?? "", "stories260K-f32.gguf");
        Assert.SkipUnless(folder is not null && File.Exists(path), "JESUS_TESTDATA names no folder with stories260K-f32.gguf");
        using var file = GgufFile.Open(path);
        using var native = BackendRuns.Native(file);
        using var reference = new ReferenceBackend(file, BackendRuns.KvBlocks);
        var tokens = BackendRuns.Tokens(60, native.Shape.Vocabulary);
        var (expected, actual) = (BackendRuns.AllLogits(reference, tokens), BackendRuns.AllLogits(native, tokens));
        for (var i = 0; i < tokens.Length; i++)
        {
            Assert.InRange(BackendRuns.Difference(expected[i], actual[i]), 0, 1e-4);
        }
    }
}
