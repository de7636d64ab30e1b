using Jesus.Inference.Contract;

namespace Jesus.Inference.Engine.Lora;

/// <summary>An adapter of a model in memory: beside its weights, or the reason why it is not.</summary>
/// <param name="File">What requests call it, and where it lies.</param>
/// <param name="Index">In a batch's rows, from 1; 0 when it is not loaded.</param>
/// <param name="Hash">SHA-256 of its file; empty when it is not loaded.</param>
/// <param name="Problem">Why calls that name it fail; none when it is loaded.</param>
public sealed record LoadedAdapter(AdapterFile File, int Index, ReadOnlyMemory<byte> Hash, ModelError Problem)
{
    public string Name => File.Name;

    /// <summary>Names what it does to keys and values, by content: of two files with the same bytes, one may find what the other computed. Never 0.</summary>
    public ulong Salt => FileHash.Prefix(Hash.Span) is var salt and not 0 ? salt : 1;
}
