using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Lora;

namespace Jesus.Inference.Engine;

public enum ModelState : byte
{
    /// <summary>A file that could be loaded.</summary>
    OnDisk,
    Loading,
    Loaded,

    /// <summary>Being unloaded: calls under way go on, new ones are refused until it is gone and then load it again.</summary>
    Draining,
}

/// <summary>A model that the host knows.</summary>
/// <param name="Name">What requests call it.</param>
/// <param name="Path">Where its file lies.</param>
/// <param name="Bytes">Of the file; 0 when it is missing.</param>
/// <param name="State">Whether it can answer at once.</param>
/// <param name="Sha256">Of the file, in hexadecimal; null while unknown.</param>
/// <param name="ContextTokens">Prompt and answer together; 0 until loaded.</param>
/// <param name="Uses">What it can be asked for, as its header says; <see cref="ModelUses.None"/> where that cannot be read.</param>
public sealed record ModelFile(
    string Name, string Path, long Bytes, ModelState State, string? Sha256 = null, int ContextTokens = 0, ModelUses Uses = ModelUses.None)
{
    /// <summary>Reserved for it: weights, KV cache and working memory; 0 when it is not in memory.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>Under way, or waiting for its load.</summary>
    public int Calls { get; init; }

    /// <summary>It stays in memory once it is there.</summary>
    public bool IsPinned { get; init; }

    /// <summary>Since its last call ended; null while it is called or not in memory.</summary>
    public TimeSpan? IdleFor { get; init; }

    /// <summary>The same model under the name of one of its adapters: as ready as it is, for text alone.</summary>
    /// <param name="loaded">The adapter in memory; null while its base is not. One that could not be loaded stays a file.</param>
    internal ModelFile With(AdapterFile adapter, LoadedAdapter? loaded)
    {
        var info = new FileInfo(adapter.Path.Path);
        return this with
        {
            Name = adapter.Name,
            Path = adapter.Path.Path,
            Bytes = info.Exists ? info.Length : 0,
            MemoryBytes = 0,
            Calls = 0,
            IdleFor = null,
            State = loaded is { Index: 0 } ? ModelState.OnDisk : State,
            Uses = Uses & ModelUses.Generate,
            Sha256 = loaded is { Index: > 0 } ? Convert.ToHexStringLower(loaded.Hash.Span) : adapter.Path.Sha256,
        };
    }
}
