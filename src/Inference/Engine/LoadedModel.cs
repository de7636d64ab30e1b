using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.Embeddings;
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

    internal byte[] NameUtf8 { get; }
    internal IBackend Backend { get; }
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
    }
}
