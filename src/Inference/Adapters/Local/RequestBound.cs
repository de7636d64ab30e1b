using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Local;

/// <summary>A bound on a request's input tokens that needs no tokenizer: never too low.</summary>
internal static class RequestBound
{
    /// <summary>Markup that a template writes around a turn, a part or a tool; the longest published ones take about 40 bytes.</summary>
    private const int MarkupBytes = 64;

    /// <summary>A token stands for at least one byte, and a template writes a text at most once (escaped: twice its bytes).</summary>
    public static int Tokens(ModelRequest request)
    {
        long bytes = MarkupBytes + request.PromptTokens.Length + request.ShownTokens.Length;
        foreach (var part in request.Turns.Parts)
        {
            bytes += (2L * (part.Text.Length + part.Id.Length + part.Name.Length)) + MarkupBytes;
        }

        foreach (var input in request.Inputs)
        {
            bytes += input.Length;
        }

        foreach (var tool in request.Tools)
        {
            bytes += (2L * (tool.Name.Length + tool.Description.Length + tool.Parameters.Length)) + MarkupBytes;
        }

        return (int)Math.Min(int.MaxValue, bytes + ((long)MarkupBytes * request.Turns.Count));
    }
}
