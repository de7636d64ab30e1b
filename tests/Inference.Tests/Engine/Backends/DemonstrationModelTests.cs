using System.Text.Json;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Backends;

/// <summary>The demonstration model against the logits that its training wrote down (models/eval/logits-golden.json: the highest of the last position).</summary>
public sealed class DemonstrationModelTests
{
    /// <summary>Float arithmetic on the same weights: rounding only.</summary>
    [Fact]
    public void The_reference_gives_the_logits_of_the_training_program()
    {
        using var file = Open();
        using var reference = new ReferenceBackend(file, BackendRuns.KvBlocks);
        AssertLogits(reference, 1e-3);
    }

    /// <summary>Activations are rounded to 8 bits per block of 32 as well, in every product of every layer.</summary>
    [Fact]
    public void The_kernels_give_the_logits_of_the_training_program_within_quantisation()
    {
        using var file = Open();
        using var native = BackendRuns.Native(file, kv: KvElementType.F16);
        AssertLogits(native, 0.05);
    }

    private static void AssertLogits(IBackend backend, double tolerance)
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(Models(), "eval", "logits-golden.json")));
        foreach (var sequence in golden.RootElement.GetProperty("sequences").EnumerateArray())
        {
            var ids = sequence.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToArray();
            var logits = BackendRuns.AllLogits(backend, ids)[^1];
            var top = sequence.GetProperty("top").EnumerateArray().Select(item => (Id: item.GetProperty("id").GetInt32(), Logit: item.GetProperty("logit").GetDouble())).ToArray();
            var scale = top.Max(item => Math.Abs(item.Logit));
            foreach (var (id, logit) in top)
            {
                Assert.InRange(Math.Abs(logits[id] - logit) / scale, 0, tolerance);
            }
        }
    }

    private static GgufFile Open()
    {
        var path = Path.Combine(Models(), "jesus-nano.gguf");
        Assert.SkipUnless(File.Exists(path), $"{path} is not there");
        return GgufFile.Open(path);
    }

    /// <summary>The repository's models folder, found from the test program upwards.</summary>
    private static string Models()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Jesus.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder?.FullName ?? "", "models");
    }
}
