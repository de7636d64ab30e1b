using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Tests.Translation;

/// <summary>What is compared of a request or an answer.</summary>
internal enum Words
{
    /// <summary>All that a request can say.</summary>
    All,

    /// <summary>What OpenAI's and Anthropic's shapes both have words for.</summary>
    OfBoth,
}

/// <summary>
/// A request as lines, one a thing said, so that two that say the same are the same text. Where a turn ends says nothing: a message of several parts and several
/// messages of one are the same conversation.
/// </summary>
internal static class Said
{
    public static string By(ModelRequest request, Words words)
    {
        var lines = new StringBuilder();
        for (var i = 0; i < request.Turns.Count; i++)
        {
            foreach (var part in request.Turns.PartsOf(i))
            {
                Part(lines, request.Turns[i].Role, part, words);
            }
        }

        foreach (var tool in request.Tools)
        {
            lines.Append(CultureInfo.InvariantCulture, $"tool {tool.Name} '{tool.Description}' {Json(tool.Parameters)} strict {tool.Strict}");
            lines.AppendLine(words == Words.All ? $" cache {tool.Cache}" : "");
        }

        lines.AppendLine(CultureInfo.InvariantCulture, $"choice {request.ToolChoice.Mode} {request.ToolChoice.Name} parallel {request.ParallelToolCalls?.ToString() ?? "unset"}");
        lines.AppendLine(CultureInfo.InvariantCulture, $"answer {request.Constraint.Kind} {Json(request.Constraint.Source)}");
        lines.AppendLine(CultureInfo.InvariantCulture, $"max {request.MaxOutputTokens} user {request.EndUser} effort {request.Reasoning.Effort}");
        lines.AppendLine("stops " + string.Join('|', request.Stops.Select(s => s.ToString())));
        Sampling(lines, request.Sampling, words);
        if (words == Words.All)
        {
            lines.AppendLine(CultureInfo.InvariantCulture, $"thinking {request.Reasoning}");
        }

        return lines.ToString();
    }

    /// <summary>A result's own text and the texts after it are one sequence.</summary>
    private static void Part(StringBuilder lines, TurnRole role, in TurnPart part, Words words)
    {
        var saysNothing = part.Kind == PartKind.Text && part.Text.IsEmpty;
        var onlyAnthropics = part.Kind is PartKind.Reasoning or PartKind.RedactedReasoning || (part.Kind == PartKind.Image && part.InResult);
        if (saysNothing || (words == Words.OfBoth && onlyAnthropics))
        {
            return;
        }

        var ofResult = part.Kind == PartKind.ToolResult;
        lines.Append(CultureInfo.InvariantCulture, $"{role} {part.Kind}{(part.InResult ? " in result" : "")}");
        lines.Append(part.Kind is PartKind.ToolCall or PartKind.ToolResult ? $" id {part.Id} name '{part.Name}'" : "");
        lines.Append(ofResult ? "" : $" '{(part.Kind == PartKind.ToolCall ? Json(part.Text) : part.Text.ToString())}'");
        lines.AppendLine(words == Words.All ? $" error {part.IsError} cache {part.Cache} signature {part.Signature}" : "");
        if (ofResult)
        {
            Part(lines, role, new TurnPart(PartKind.Text, part.Text) { InResult = true }, words);
        }
    }

    private static void Sampling(StringBuilder lines, in Sampling sampling, Words words)
    {
        var seed = sampling.Seed?.ToString(CultureInfo.InvariantCulture) ?? "unset";
        lines.AppendLine(CultureInfo.InvariantCulture, $"temperature {sampling.Temperature} top_p {sampling.TopP} seed {seed}");
        lines.AppendLine((sampling.Given & (SamplingFields.Temperature | SamplingFields.TopP)).ToString());
        if (words == Words.All)
        {
            lines.AppendLine(CultureInfo.InvariantCulture, $"top_k {sampling.TopK} {sampling.Given}");
        }
    }

    /// <summary>The value without its blanks; a schema or arguments that are left out are those of an object without members.</summary>
    private static string Json(Utf8Slice json)
    {
        if (json.IsEmpty)
        {
            return "{}";
        }

        var node = JsonNode.Parse(json.Span)!;
        var isBare = node is JsonObject { Count: 2 } schema && schema["type"]?.ToJsonString() == "\"object\"" && schema["properties"] is JsonObject { Count: 0 };
        return isBare ? "{}" : node.ToJsonString();
    }
}
