namespace Jesus.Inference.Engine.Hosting;

/// <summary>Reserves memory for a model before it allocates; answers how much it may take.</summary>
/// <exception cref="MemoryRefusedException">It does not fit.</exception>
internal delegate long MemoryReserve(in MemoryNeed need);

/// <summary>What a load has of its host.</summary>
/// <param name="Options">How models are made.</param>
/// <param name="Time">The engine's clock.</param>
/// <param name="Hashes">What is known of files.</param>
/// <param name="Cores">Shared by all engines of the host; null: nobody waits for anybody.</param>
/// <param name="Reserve">Called once, before anything large is allocated.</param>
/// <param name="Touched">Told of bytes that were filled, from any thread.</param>
internal sealed record LoadRooms(ModelHostOptions Options, TimeProvider Time, HashCache Hashes, CoreShare? Cores, MemoryReserve Reserve, Action<long> Touched);

/// <summary>All models together may not take that much; the message has the numbers.</summary>
internal sealed class MemoryRefusedException(string message, bool mayFitLater) : Exception(message)
{
    /// <summary>It would fit if calls under way were over.</summary>
    public bool MayFitLater => mayFitLater;
}
