using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// The <c>llama</c> architecture as GGUF files state it (keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): hyperparameters and tensors, checked
/// against each other. What the graph here does not compute (biases, experts, other rope scalings) is refused, never skipped.
/// </summary>
public static class Llama
{
    public const string Architecture = "llama";

    /// <exception cref="GgufException">A key or tensor is missing, contradicts another or asks for what is not computed.</exception>
    public static ModelGraph Read(GgufFile file)
    {
        var shape = LlamaHyperparameters.Read(file);
        return new ModelGraph(shape, new LlamaTensorReader(file, shape).Read());
    }
}
