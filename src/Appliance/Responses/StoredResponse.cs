namespace Jesus.Appliance.Responses;

/// <summary>A response as it is kept: what was asked in this turn, and the response object as the caller got it.</summary>
/// <param name="Id">Such as <c>resp_...</c>.</param>
/// <param name="Owner">The principal that made it; nobody else may see it.</param>
/// <param name="Created">When it was asked for.</param>
/// <param name="Background">It was made in the background.</param>
/// <param name="Ended">False while a response in the background is being made, and for ever if the daemon ended before it.</param>
/// <param name="Previous">The response that it continues; empty when none.</param>
/// <param name="Input">The request's <c>input</c> as JSON: a string or an array of items.</param>
/// <param name="Response">The response object as JSON.</param>
public sealed record StoredResponse(
    string Id, string Owner, DateTimeOffset Created, bool Background, bool Ended, string Previous, ReadOnlyMemory<byte> Input, ReadOnlyMemory<byte> Response);
