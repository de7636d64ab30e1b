using System.Runtime.InteropServices;
using Jesus.Inference.Contract;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>The parts of a <see cref="ModelRequest"/> that are objects of their own, as members; at their defaults they are written with no bytes.</summary>
internal static class AskWire
{
    private const int ToolMembers = 5;
    private const int ReasoningMembers = 4;
    private const int ConstraintMembers = 4;
    private const int SamplingMembers = 11;

    public static void Tools(this ref WireWriter writer, ref TolerantWrite scope, List<ToolDefinition> tools)
    {
        if (tools.Count > 0)
        {
            writer.WriteCount(tools.Count);
            foreach (ref readonly var tool in CollectionsMarshal.AsSpan(tools))
            {
                WriteTool(ref writer, tool);
            }
        }

        writer.EndMember(ref scope);
    }

    public static void ReadTools(this ref WireReader reader, List<ToolDefinition> into)
    {
        var count = reader.ReadCount("InferRequest.tools", 1, MessageLimits.ToolsMax);
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            into.Add(ReadTool(ref reader));
        }
    }

    public static void Reasoning(this ref WireWriter writer, ref TolerantWrite scope, in ReasoningWish wish)
    {
        if (wish != default)
        {
            var inner = writer.BeginTolerant(ReasoningMembers);
            writer.Member(ref inner, (byte)wish.Effort);
            writer.Member(ref inner, wish.BudgetTokens);
            writer.Member(ref inner, wish.Adaptive);
            writer.Member(ref inner, wish.Summary);
            writer.EndTolerant(ref inner);
        }

        writer.EndMember(ref scope);
    }

    public static ReasoningWish ReadReasoning(this ref WireReader reader)
    {
        if (!reader.BeginTolerantValue("InferRequest.reasoning", out var scope))
        {
            return default;
        }

        var effort = reader.Next(ref scope) ? reader.ReadCode("InferRequest.reasoning.effort", (byte)ReasoningEffort.Highest) : (byte)0;
        var budget = reader.Next(ref scope) ? reader.ReadInt("InferRequest.reasoning.budgetTokens") : 0;
        var adaptive = reader.Next(ref scope) && reader.ReadBool("InferRequest.reasoning.adaptive");
        var summary = reader.Next(ref scope) && reader.ReadBool("InferRequest.reasoning.summary");
        reader.EndTolerant(ref scope);
        return new ReasoningWish((ReasoningEffort)effort, budget, adaptive, summary);
    }

    public static void Constraint(this ref WireWriter writer, ref TolerantWrite scope, OutputConstraint constraint)
    {
        if (constraint.Kind != ConstraintKind.None || !constraint.Name.IsEmpty || constraint.Inputs.Count > 0)
        {
            WriteConstraint(ref writer, constraint);
        }

        writer.EndMember(ref scope);
    }

    public static void ReadConstraint(this ref WireReader reader, OutputConstraint into)
    {
        if (!reader.BeginTolerantValue("InferRequest.constraint", out var scope))
        {
            return;
        }

        into.Kind = (ConstraintKind)(reader.Next(ref scope) ? reader.ReadCode("InferRequest.constraint.kind", (byte)ConstraintKind.Grammar) : 0);
        into.Source = reader.Next(ref scope) ? reader.ReadText("InferRequest.constraint.source") : default;
        into.Name = reader.Next(ref scope) ? reader.ReadText("InferRequest.constraint.name") : default;
        var count = reader.Next(ref scope) ? reader.ReadCount("InferRequest.constraint.inputs", 2 * sizeof(int), MessageLimits.InputsMax) : 0;
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            var name = reader.ReadText("InferRequest.constraint.inputs.name");
            into.Inputs.Add(new NamedInput(name, reader.ReadText("InferRequest.constraint.inputs.text")));
        }

        reader.EndTolerant(ref scope);
    }

    public static void Sampling(this ref WireWriter writer, ref TolerantWrite scope, in Sampling sampling)
    {
        if (sampling != default)
        {
            var inner = writer.BeginTolerant(SamplingMembers);
            writer.Member(ref inner, sampling.Temperature);
            writer.Member(ref inner, sampling.TopK);
            writer.Member(ref inner, sampling.TopP);
            writer.Member(ref inner, sampling.MinP);
            writer.Member(ref inner, (byte)sampling.Given);
            writer.Member(ref inner, sampling.FrequencyPenalty);
            writer.Member(ref inner, sampling.PresencePenalty);

            writer.Seed(ref inner, sampling.Seed);
            writer.Member(ref inner, sampling.TypicalP);
            writer.Member(ref inner, sampling.RepetitionPenalty);
            writer.Member(ref inner, sampling.RepetitionLastN);
            writer.EndTolerant(ref inner);
        }

        writer.EndMember(ref scope);
    }

    public static Sampling ReadSampling(this ref WireReader reader)
    {
        if (!reader.BeginTolerantValue("InferRequest.sampling", out var scope))
        {
            return default;
        }

        var sampling = new Sampling
        {
            Temperature = reader.Next(ref scope) ? reader.ReadFinite("InferRequest.sampling.temperature") : 0,
            TopK = reader.Next(ref scope) ? reader.Read<int>("InferRequest.sampling.topK") : 0,
            TopP = reader.Next(ref scope) ? reader.ReadFinite("InferRequest.sampling.topP") : 0,
            MinP = reader.Next(ref scope) ? reader.ReadFinite("InferRequest.sampling.minP") : 0,
            Given = (SamplingFields)(reader.Next(ref scope) ? reader.Read<byte>("InferRequest.sampling.given") : 0),
            FrequencyPenalty = reader.Next(ref scope) ? reader.ReadFinite("InferRequest.sampling.frequencyPenalty") : 0,
            PresencePenalty = reader.Next(ref scope) ? reader.ReadFinite("InferRequest.sampling.presencePenalty") : 0,
            Seed = reader.Next(ref scope) ? reader.Read<ulong>("InferRequest.sampling.seed") : null,
            TypicalP = reader.Next(ref scope) ? reader.ReadFinite("InferRequest.sampling.typicalP") : 0,
            RepetitionPenalty = reader.Next(ref scope) ? reader.ReadFinite("InferRequest.sampling.repetitionPenalty") : 0,
            RepetitionLastN = reader.Next(ref scope) ? reader.Read<int>("InferRequest.sampling.repetitionLastN") : 0,
        };
        reader.EndTolerant(ref scope);
        return sampling;
    }

    /// <summary>A seed of 0 is a seed: absent means none.</summary>
    public static void Seed(this ref WireWriter writer, ref TolerantWrite scope, ulong? seed)
    {
        if (seed is { } given)
        {
            writer.Write(given);
        }

        writer.EndMember(ref scope);
    }

    public static void LogitBias(this ref WireWriter writer, ref TolerantWrite scope, List<TokenBias> biases)
    {
        if (biases.Count > 0)
        {
            writer.WriteCount(biases.Count);
            foreach (ref readonly var bias in CollectionsMarshal.AsSpan(biases))
            {
                writer.Write(bias.Token);
                writer.Write(bias.Bias);
            }
        }

        writer.EndMember(ref scope);
    }

    public static void ReadLogitBias(this ref WireReader reader, List<TokenBias> into)
    {
        var count = reader.ReadCount("InferRequest.logitBias", sizeof(int) + sizeof(float), MessageLimits.LogitBiasMax);
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            var token = reader.ReadInt("InferRequest.logitBias.token");
            into.Add(new TokenBias(token, reader.ReadFinite("InferRequest.logitBias.bias")));
        }
    }

    private static void WriteTool(ref WireWriter writer, in ToolDefinition tool)
    {
        var spare = WireWriter.SpareFor(tool.Description.Length + WireWriter.TextHeaderBytes) + WireWriter.SpareFor(tool.Parameters.Length + WireWriter.TextHeaderBytes);
        var scope = writer.BeginTolerant(ToolMembers, spare);
        writer.Member(ref scope, tool.Name);
        writer.Member(ref scope, tool.Description);
        writer.Member(ref scope, tool.Parameters);
        writer.Member(ref scope, tool.Strict);
        writer.Member(ref scope, (byte)tool.Cache);
        writer.EndTolerant(ref scope);
    }

    private static ToolDefinition ReadTool(ref WireReader reader)
    {
        if (!reader.BeginTolerantValue("InferRequest.tools", out var scope))
        {
            return default;
        }

        var name = reader.Next(ref scope) ? reader.ReadText("InferRequest.tools.name") : default;
        var description = reader.Next(ref scope) ? reader.ReadText("InferRequest.tools.description") : default;
        var parameters = reader.Next(ref scope) ? reader.ReadText("InferRequest.tools.parameters") : default;
        var strict = reader.Next(ref scope) && reader.ReadBool("InferRequest.tools.strict");
        var cache = reader.Next(ref scope) ? reader.ReadCode("InferRequest.tools.cache", (byte)CacheMark.OneHour) : (byte)0;
        reader.EndTolerant(ref scope);
        return new ToolDefinition(name, description, parameters) { Strict = strict, Cache = (CacheMark)cache };
    }

    private static void WriteConstraint(ref WireWriter writer, OutputConstraint constraint)
    {
        var scope = writer.BeginTolerant(ConstraintMembers, WireWriter.SpareFor(constraint.Source.Length + WireWriter.TextHeaderBytes));
        writer.Member(ref scope, (byte)constraint.Kind);
        writer.Member(ref scope, constraint.Source);
        writer.Member(ref scope, constraint.Name);
        if (constraint.Inputs.Count > 0)
        {
            writer.WriteCount(constraint.Inputs.Count);
            foreach (ref readonly var input in CollectionsMarshal.AsSpan(constraint.Inputs))
            {
                writer.WriteUtf8(input.Name.Span);
                writer.WriteUtf8(input.Text.Span);
            }
        }

        writer.EndMember(ref scope);
        writer.EndTolerant(ref scope);
    }
}
