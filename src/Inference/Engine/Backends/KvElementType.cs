namespace Jesus.Inference.Engine.Backends;

/// <summary>Element type of keys and values, numbered as GGUF numbers tensor types; part of the numerics profile.</summary>
public enum KvElementType : byte
{
    F32 = 0,
    F16 = 1,

    /// <summary>Signed bytes with an F16 scale for each 32 dimensions of a head; for heads of a multiple of 32 dimensions only.</summary>
#pragma warning disable CA1707 // The format's own name.
    Q8_0 = 8,
#pragma warning restore CA1707
}
