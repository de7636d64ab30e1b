namespace Jesus.Inference.Engine.Backends;

/// <summary>Element type of keys and values, numbered as GGUF numbers tensor types; part of the numerics profile.</summary>
public enum KvElementType : byte
{
    F32 = 0,
    F16 = 1,
}
