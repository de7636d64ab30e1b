using Jesus.Appliance.Router;

namespace Jesus.Appliance.Gateway;

/// <summary>A model or route that a caller may name.</summary>
/// <param name="Id">The name.</param>
/// <param name="OwnedBy">Who answers: <c>local</c>, a provider's name, or <c>route</c>.</param>
/// <param name="CreatedUnixSeconds">When the file was added; 0 when unknown.</param>
/// <param name="State"><c>ready</c>, <c>loading</c>, <c>draining</c>, <c>idle</c> (on disk: loads when first asked), <c>failed</c>, or <c>remote</c>.</param>
/// <param name="ContextTokens">0 when unknown.</param>
/// <param name="Bytes">Size of a local file; 0 for others.</param>
/// <param name="Detail">Why it failed, or empty.</param>
/// <param name="Abilities">What it can be asked for; none where that is not known, as of a route.</param>
public sealed record ModelListing(
    string Id, string OwnedBy, long CreatedUnixSeconds, string State, int ContextTokens, long Bytes, string Detail, Abilities Abilities = Abilities.None)
{
    /// <summary>What it holds of the box's memory; null for what is never there.</summary>
    public ModelResidence? Residence { get; init; }
}

/// <summary>A model of the box and its memory.</summary>
/// <param name="MemoryBytes">Reserved for it: weights, KV cache, working memory; 0 when it is not in memory.</param>
/// <param name="Calls">Under way, or waiting for its load.</param>
/// <param name="IsPinned">It goes neither for another model nor by time.</param>
/// <param name="IdleFor">Since its last call; null while it is called or not in memory.</param>
public readonly record struct ModelResidence(long MemoryBytes, int Calls, bool IsPinned, TimeSpan? IdleFor);

/// <summary>Bytes that all models of the box together may take, and have reserved.</summary>
public readonly record struct ModelMemory(long Cap, long Used);

/// <summary>How an order to load, unload or remove a model ended.</summary>
public enum ModelOrderCode
{
    Done,

    /// <summary>There is no such model on this box.</summary>
    NotFound,

    /// <summary>Not in its present state.</summary>
    Conflict,

    /// <summary>Not now: memory is in use; later it may go.</summary>
    Busy,

    /// <summary>It cannot be done; the message says why and what helps.</summary>
    Failed,
}

/// <param name="Code">What became of it.</param>
/// <param name="Message">For a person, whether done or not.</param>
public readonly record struct ModelOrder(ModelOrderCode Code, string Message);

/// <summary>The models as the gateway shows them; the Host supplies it. Thread-safe.</summary>
public interface IModelDirectory
{
    IReadOnlyList<ModelListing> List();

    /// <summary>Where a file must be put to be added.</summary>
    string Folder { get; }

    ModelMemory Memory { get; }

    /// <summary>Takes note of a file that was put into the models folder.</summary>
    /// <returns>Null when the model is there now, else what is wrong and what to do.</returns>
    ValueTask<string?> RescanAsync(string name, CancellationToken cancel);

    /// <summary>Takes a model into memory, for good where it is pinned.</summary>
    ValueTask<ModelOrder> LoadAsync(string name, bool pin, CancellationToken cancel);

    /// <summary>Takes it out of memory once its calls are over, or the time for them (null: the configured one) is.</summary>
    ValueTask<ModelOrder> UnloadAsync(string name, TimeSpan? drainMax, CancellationToken cancel);

    /// <summary>Deletes its file, then unloads it.</summary>
    ValueTask<ModelOrder> RemoveAsync(string name, TimeSpan? drainMax, CancellationToken cancel);
}
