using System.Security.Cryptography;
using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.Lora;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine;

/// <summary>A model in memory with everything that a call needs. Owned by the <see cref="ModelHost"/>; calls under way when it is disposed end as draining.</summary>
public sealed class LoadedModel : IDisposable
{
    /// <summary>Spare generations: as many as run and wait in a usual hour; each keeps about 30 KB.</summary>
    private const int SpareMax = 32;

    private readonly Stack<Generation> _spare = [];
    private readonly ulong _templateHash;
    private byte[]? _hash;

    internal LoadedModel(string name, string path, IBackend backend, Tokenizer tokenizer, PromptRenderer prompts, ulong templateHash, InferenceEngine engine,
        VectorModel vectors)
    {
        Name = name;
        NameUtf8 = Encoding.UTF8.GetBytes(name);
        Path = path;
        Backend = backend;
        Tokenizer = tokenizer;
        Prompts = prompts;
        Engine = engine;
        Vectors = vectors;
        Constraints = new ConstraintCompiler(VocabularyIndex.Build(new TokenizerVocabulary(tokenizer)));
        _templateHash = templateHash;
    }

    public string Name { get; }
    public string Path { get; }
    public Tokenizer Tokenizer { get; }
    public InferenceEngine Engine { get; }

    /// <summary>Device, instruction set, threads and memory.</summary>
    public BackendInfo Device => Backend.Info;

    /// <summary>Of the file, in hexadecimal; null until computed.</summary>
    public string? Sha256 => Volatile.Read(ref _hash) is { } hash ? Convert.ToHexStringLower(hash) : null;

    /// <summary>Unknown until the file's hash is.</summary>
    public NumericsProfile Numerics => Volatile.Read(ref _hash) is { } hash
        ? new NumericsProfile(FileHash.Prefix(hash), _templateHash, (byte)Backend.Info.KvType, Backend.Info.NumericsId)
        : default;

    /// <summary>What it can be asked for.</summary>
    public ModelUses Uses => Vectors.Profile.Uses;

    /// <summary>How it embeds and ranks.</summary>
    internal VectorModel Vectors { get; }

    /// <summary>Its LoRA adapters, by what requests call them.</summary>
    public IReadOnlyList<LoadedAdapter> Adapters { get; internal init; } = [];

    /// <summary>The adapter of a name that <see cref="ModelHost.Find(string)"/> found this model by; null for the model as it is.</summary>
    public LoadedAdapter? AdapterOf(ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < Adapters.Count; i++)
        {
            if (name.SequenceEqual(Adapters[i].File.NameUtf8))
            {
                return Adapters[i];
            }
        }

        return null;
    }

    /// <summary><see cref="Numerics"/> with an adapter: its content stands beside the model's, so that an answer goes on only where both are the same.</summary>
    public NumericsProfile NumericsOf(LoadedAdapter? adapter)
    {
        if (adapter is null)
        {
            return Numerics;
        }

        if (Volatile.Read(ref _hash) is not { } hash || !adapter.Problem.IsNone)
        {
            return default;
        }

        Span<byte> both = stackalloc byte[2 * SHA256.HashSizeInBytes];
        Span<byte> together = stackalloc byte[SHA256.HashSizeInBytes];
        hash.CopyTo(both);
        adapter.Hash.Span.CopyTo(both[SHA256.HashSizeInBytes..]);
        _ = SHA256.HashData(both, together);
        return Numerics with { ModelHash = FileHash.Prefix(together) };
    }

    /// <summary>The same, by the name that requests call.</summary>
    public NumericsProfile NumericsOf(string name)
    {
        for (var i = 0; i < Adapters.Count; i++)
        {
            if (Adapters[i].Name == name)
            {
                return NumericsOf(Adapters[i]);
            }
        }

        return Numerics;
    }

    /// <summary>Weights, KV cache and working memory, reserved whether touched or not.</summary>
    public long MemoryBytes { get; internal set; }

    /// <summary>Of these, what the system has not been asked for yet: blocks of the KV cache that were never used.</summary>
    public long UntouchedBytes => Engine.Snapshot is var now
        ? (now.KvBlocksTotal - now.KvBlocksTouched) * Device.KvBlockBytes + now.DraftBytesUntouched : 0;

    /// <summary>The host's note of it.</summary>
    internal ModelSlot? Slot { get; set; }
    internal byte[] NameUtf8 { get; }
    internal IBackend Backend { get; }

    /// <summary>The small model that guesses ahead; null: none does.</summary>
    internal IBackend? Draft { get; init; }
    internal PromptRenderer Prompts { get; }
    internal ConstraintCompiler Constraints { get; }

    internal void SetHash(byte[] hash) => Volatile.Write(ref _hash, hash);

    internal Generation Rent()
    {
        lock (_spare)
        {
            return _spare.Count > 0 ? _spare.Pop() : new Generation();
        }
    }

    /// <summary>Takes a generation back whose answer is complete, or that was never submitted.</summary>
    internal void Return(Generation generation)
    {
        generation.Reset();
        lock (_spare)
        {
            if (_spare.Count < SpareMax)
            {
                _spare.Push(generation);
            }
        }
    }

    public void Dispose()
    {
        Engine.Dispose();
        Backend.Dispose();
        Draft?.Dispose();
    }
}
