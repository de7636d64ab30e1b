using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>
/// Which of a head's outputs says that a document answers a query. One output alone does; of two, the one whose label (<c>ARCH.classifier.output_labels</c>) says yes, beside the
/// one that says no. A decoder's two without labels are "yes" and "no" in this order (Qwen3's rerankers). Any other head is a classifier's: no output of it is a score.
/// </summary>
internal static class RankLabels
{
    private const int OutputsMax = 2;

    /// <summary>Labels named in a refusal; classifiers may have thousands.</summary>
    private const int LabelsToldMax = 5;

    private static readonly string[] Yes = ["yes", "true", "relevant"];

    /// <summary>The output that counts for, or -1 where none does.</summary>
    public static int ScoreOf(GgufFile file, ModelShape shape, long outputs)
    {
        if (outputs <= 1)
        {
            return 0;
        }

        if (outputs > OutputsMax || Labels(file, shape) is not { } labels)
        {
            return outputs == OutputsMax && shape.IsCausal ? 0 : -1;
        }

        var first = labels.Length == OutputsMax && IsYes(labels[0]);
        var second = labels.Length == OutputsMax && IsYes(labels[1]);
        return first == second ? -1 : first ? 0 : 1;
    }

    /// <exception cref="GgufException">No output is a score.</exception>
    public static void Check(GgufFile file, ModelShape shape, GgufTensorInfo output)
    {
        if (ScoreOf(file, shape, output.Rows) >= 0)
        {
            return;
        }

        var labels = Labels(file, shape) ?? [];
        var told = labels.Length == 0 ? "" : $" ({string.Join(", ", labels.Take(LabelsToldMax))}{(labels.Length > LabelsToldMax ? ", ..." : "")})";
        throw new GgufException(file.Name, output.FileOffset, output.Name,
            $"has {output.Rows} outputs{told}: a classifier's head, none of which is a score. "
                + $"A reranker has 1, or 2 of which {LabelsKey(shape)} calls one {string.Join(", ", Yes[..^1])} or {Yes[^1]}.");
    }

    private static bool IsYes(string label) => Array.Exists(Yes, yes => yes.Equals(label, StringComparison.OrdinalIgnoreCase));

    private static string[]? Labels(GgufFile file, ModelShape shape)
    {
        if (!file.Metadata.Contains(LabelsKey(shape)))
        {
            return null;
        }

        var labels = file.Metadata.RequireStrings(LabelsKey(shape));
        return [.. Enumerable.Range(0, labels.Count).Select(labels.Text)];
    }

    private static string LabelsKey(ModelShape shape) => $"{shape.Architecture}.classifier.output_labels";
}
