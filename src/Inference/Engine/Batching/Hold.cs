namespace Jesus.Inference.Engine.Batching;

/// <summary>What keeps a request from taking part in passes.</summary>
internal enum Hold : byte
{
    None,

    /// <summary>It pauses and keeps its KV blocks: going on costs nothing.</summary>
    Paused,

    /// <summary>It pauses and gives its KV blocks back: going on computes again what the cache has forgotten by then.</summary>
    Evicted,
}
