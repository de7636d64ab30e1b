namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>
/// Where in the body a value stands, written as Anthropic's own errors do: <c>messages.0.content.1.source.url</c>. Kept as numbers, so that a path costs
/// nothing unless it is said.
/// </summary>
/// <param name="Root">The field of the request, such as <c>messages</c>.</param>
/// <param name="First">Index of the member; -1 for the field itself.</param>
/// <param name="Second">Index in the member's <c>content</c>; -1 when none.</param>
/// <param name="Third">Index in the content of a tool's result; -1 when none.</param>
internal readonly record struct FieldPath(string Root, int First = -1, int Second = -1, int Third = -1)
{
    public string To(string leaf)
    {
        var path = First < 0 ? Root : FormattableString.Invariant($"{Root}.{First}");
        path = Second < 0 ? path : FormattableString.Invariant($"{path}.content.{Second}");
        path = Third < 0 ? path : FormattableString.Invariant($"{path}.content.{Third}");
        return leaf.Length == 0 ? path : $"{path}.{leaf}";
    }
}
