namespace Jesus.Inference.Engine.Templates;

/// <summary>A place in a template's source, both from 1.</summary>
internal readonly record struct Place(int Line, int Column);

/// <summary>
/// Why a template cannot be compiled or rendered. Thrown inside this room only: <see cref="ChatTemplate"/> turns it into an error value.
/// </summary>
internal sealed class TemplateFault : Exception
{
    public TemplateFault(Place place, string message)
        : base($"chat template, line {place.Line}, column {place.Column}: {message}")
    {
    }
}
