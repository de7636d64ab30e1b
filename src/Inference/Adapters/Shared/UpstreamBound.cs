using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>A bound on a request's input tokens for a model whose tokenizer is not here: never too low.</summary>
internal static class UpstreamBound
{
    /// <summary>Tokens that a chat template adds around a turn, generously.</summary>
    private const int TokensPerTurn = 16;

    /// <summary>The dearest known providers count up to a few thousand tokens for one image.</summary>
    public const int TokensPerImage = 8_192;

    /// <summary>Every token has at least one byte, so bytes bound them.</summary>
    public static int Tokens(ModelRequest request)
    {
        long bound = TokensPerTurn + request.Constraint.Source.Length;
        for (var i = 0; i < request.Turns.Count; i++)
        {
            bound += TokensPerTurn;
            foreach (var part in request.Turns.PartsOf(i))
            {
                bound += part.Kind == PartKind.Image ? TokensPerImage : part.Text.Length + part.Id.Length + part.Name.Length + part.Signature.Length;
            }
        }

        foreach (var tool in request.Tools)
        {
            bound += TokensPerTurn + tool.Name.Length + tool.Description.Length + tool.Parameters.Length;
        }

        foreach (var input in request.Inputs)
        {
            bound += TokensPerTurn + input.Length;
        }

        // What only the body says (a file, say) is in no member above.
        return (int)Math.Min(int.MaxValue, request.VerbatimOnly.Length > 0 ? bound + request.Body.Length : bound);
    }

    /// <summary>Some part of the prompt is an image, whose tokens only the provider knows.</summary>
    public static bool HasImages(ModelRequest request)
    {
        for (var i = 0; i < request.Turns.Parts.Count; i++)
        {
            if (request.Turns.Parts[i].Kind == PartKind.Image)
            {
                return true;
            }
        }

        return false;
    }
}
