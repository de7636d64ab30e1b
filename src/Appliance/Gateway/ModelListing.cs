using Jesus.Appliance.Router;

namespace Jesus.Appliance.Gateway;

/// <summary>A model or route that a caller may name.</summary>
/// <param name="Id">The name.</param>
/// <param name="OwnedBy">Who answers: <c>local</c>, a provider's name, or <c>route</c>.</param>
/// <param name="CreatedUnixSeconds">When the file was added; 0 when unknown.</param>
/// <param name="State"><c>ready</c>, <c>loading</c>, <c>idle</c> (loads when first asked), <c>failed</c>, or <c>remote</c>.</param>
/// <param name="ContextTokens">0 when unknown.</param>
/// <param name="Bytes">Size of a local file; 0 for others.</param>
/// <param name="Detail">Why it failed, or empty.</param>
/// <param name="Abilities">What it can be asked for; none where that is not known, as of a route.</param>
public sealed record ModelListing(
    string Id, string OwnedBy, long CreatedUnixSeconds, string State, int ContextTokens, long Bytes, string Detail, Abilities Abilities = Abilities.None);

/// <summary>The models as the gateway shows them; the Host supplies it. Thread-safe.</summary>
public interface IModelDirectory
{
    IReadOnlyList<ModelListing> List();

    /// <summary>Where a file must be put to be added.</summary>
    string Folder { get; }

    /// <summary>Takes note of a file that was put into the models folder.</summary>
    /// <returns>Null when the model is there now, else what is wrong and what to do.</returns>
    ValueTask<string?> RescanAsync(string name, CancellationToken cancel);
}
