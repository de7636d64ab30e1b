namespace Jesus.Inference.Engine.Backends;

/// <summary>What a backend is made for.</summary>
public sealed record BackendOptions
{
    /// <summary>Threads of a forward pass, its caller included; 1 to 256. More than the free cores only adds waiting.</summary>
    public int Threads { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 256);

    /// <summary>
    /// Rows of the largest batch, 1 to 65,536. Working memory grows with it (about 100 KB a row at width 2,048); 512 rows already reuse each weight enough
    /// to be bound by arithmetic.
    /// </summary>
    public int BatchRowsMax { get; init; } = 512;

    /// <summary>Blocks of the KV pool, 16 positions each; <see cref="KvCache.KvBudget"/> counts them from bytes.</summary>
    public required int KvBlocks { get; init; }

    public KvElementType KvType { get; init; } = KvElementType.F16;

    /// <summary>Told of bytes of weights that were read, from the threads that read them; null: nobody wants to know.</summary>
    public Action<long>? Loaded { get; init; }

    /// <summary>For tests and benches; leave it to the CPU otherwise.</summary>
    public Isa Isa { get; init; }
}
