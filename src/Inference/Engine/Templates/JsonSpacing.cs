namespace Jesus.Inference.Engine.Templates;

/// <summary>How a template's <c>tojson</c> spaces its output when the template does not say.</summary>
public enum JsonSpacing : byte
{
    /// <summary><c>", "</c> and <c>": "</c>, as Transformers renders chat templates.</summary>
    Spaced,

    /// <summary><c>","</c> and <c>":"</c>.</summary>
    Compact,
}
