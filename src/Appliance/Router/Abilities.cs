using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>What a call may need of a candidate beyond text in and text out, and what a candidate says it can.</summary>
[Flags]
public enum Abilities : ushort
{
    None = 0,
    Tools = 1,

    /// <summary>Answers that keep to a JSON schema.</summary>
    Schema = 2,
    Images = 4,
    Reasoning = 8,
    Embeddings = 16,
    Rerank = 32,

    /// <summary>Generates text at all: an embedding model does not.</summary>
    Text = 64,

    /// <summary>What a conversation may need.</summary>
    Conversation = Text | Tools | Schema | Images | Reasoning,
    All = Conversation | Embeddings | Rerank,
}

/// <summary>The names of abilities in configuration, headers and explanations.</summary>
public static class AbilityNames
{
    private static readonly (string Name, Abilities Ability)[] Names =
    [
        ("tools", Abilities.Tools), ("schema", Abilities.Schema), ("images", Abilities.Images), ("reasoning", Abilities.Reasoning),
        ("embeddings", Abilities.Embeddings), ("rerank", Abilities.Rerank), ("text", Abilities.Text),
    ];

    public static IReadOnlyList<(string Name, Abilities Ability)> All => Names;

    /// <summary>The names, with a comma between them; empty for none.</summary>
    public static string Of(Abilities abilities) => string.Join(", ", Names.Where(n => abilities.HasFlag(n.Ability)).Select(n => n.Name));

    /// <summary>The request field that asks for it, in the words of OpenAI's API.</summary>
    public static string FieldOf(Abilities missing) => missing switch
    {
        _ when missing.HasFlag(Abilities.Tools) => "tools",
        _ when missing.HasFlag(Abilities.Schema) => "response_format",
        _ when missing.HasFlag(Abilities.Reasoning) => "reasoning_effort",
        _ when missing.HasFlag(Abilities.Images) => "messages",
        _ => "model",
    };

    /// <summary>What a request needs. A token count needs nothing: it is arithmetic.</summary>
    public static Abilities NeededBy(ModelRequest request)
    {
        switch (request.Operation)
        {
            case ModelOperation.Embed:
                return Abilities.Embeddings;
            case ModelOperation.Rerank:
                return Abilities.Rerank;
            case ModelOperation.CountTokens:
                return Abilities.None;
            default:
                break;
        }

        var needed = Abilities.Text;
        needed |= request.Tools.Count > 0 && request.ToolChoice.Mode != ToolChoiceMode.None ? Abilities.Tools : Abilities.None;
        needed |= request.Constraint.Kind == ConstraintKind.None ? Abilities.None : Abilities.Schema;
        needed |= request.Reasoning.Effort is ReasoningEffort.Unset or ReasoningEffort.None && request.Reasoning.BudgetTokens == 0 && !request.Reasoning.Adaptive
            ? Abilities.None : Abilities.Reasoning;
        return needed | (HasImages(request.Turns) ? Abilities.Images : Abilities.None);
    }

    private static bool HasImages(TurnList turns)
    {
        for (var i = 0; i < turns.Count; i++)
        {
            foreach (ref readonly var part in turns.PartsOf(i))
            {
                if (part.Kind == PartKind.Image)
                {
                    return true;
                }
            }
        }

        return false;
    }
}
