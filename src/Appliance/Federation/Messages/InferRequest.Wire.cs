using System.Runtime.InteropServices;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>
/// The members in their order on the wire: first what most requests have, then what few have. New ones are added at the end; none is ever removed or changes its meaning.
/// </summary>
public sealed partial class InferRequest
{
    private const string Name = "InferRequest";

    /// <summary>Up to and with the seed; a request of no more than these ends there.</summary>
    private const int UsualMembers = 20;
    private const int Members = 41;
    private const byte ParallelNo = 1;
    private const byte ParallelYes = 2;
    private NumberList<int> _promptTokens;
    private NumberList<int> _shownTokens;
    private NumberList<int> _promptLengths;

    public void Write(ref WireWriter writer)
    {
        var isUsual = IsUsual();
        var scope = writer.BeginTolerant(isUsual ? UsualMembers : Members, isUsual ? TurnsWire.SpareFor(Ask.Turns) : Spare());
        writer.Member(ref scope, Stream);
        writer.Member(ref scope, Ask.Ids.Correlation);
        writer.Member(ref scope, Ask.Ids.TraceParent);
        writer.Member(ref scope, Ask.Ids.Principal);
        writer.Member(ref scope, User);
        writer.Member(ref scope, Team);
        writer.Member(ref scope, (byte)Lane);
        writer.Member(ref scope, (byte)DataClass);
        writer.Member(ref scope, RemainingMs);
        writer.Member(ref scope, Hops);
        writer.Member(ref scope, Visited);
        writer.Numerics(ref scope, Numerics);
        writer.Member(ref scope, Credit);
        writer.Member(ref scope, (byte)Ask.Operation);
        writer.Member(ref scope, Ask.Model);
        writer.Member(ref scope, Ask.Streams);
        writer.Turns(ref scope, Ask.Turns);
        writer.Member(ref scope, Ask.MaxOutputTokens);
        writer.Sampling(ref scope, Ask.Sampling);
        writer.Seed(ref scope, Ask.CallSeed);
        if (!isUsual)
        {
            WriteRest(ref writer, ref scope);
        }

        writer.EndTolerant(ref scope);
    }

    private bool IsUsual() =>
        Ask is
        {
            Tools.Count: 0, ToolChoice.Mode: ToolChoiceMode.Auto, ToolChoice.Name.IsEmpty: true, ParallelToolCalls: null, Constraint.Kind: ConstraintKind.None,
            Constraint.Source.IsEmpty: true, Constraint.Name.IsEmpty: true, Constraint.Inputs.Count: 0, LogitBias.Count: 0, EndUser.IsEmpty: true, Inputs.Count: 0,
            EmbedDimensions: 0, Stops.Count: 0, Choices: 1, TopLogProbs: -1, PromptTokens.IsEmpty: true, PromptLengths.Count: 0, ShownTokens.IsEmpty: true, Priority: 0,
        }
        && Ask.Reasoning == default && Ask.ShownNumerics == default && ChunkCount == 0 && ChunkIndex == 0 && Piece.IsEmpty;

    private void WriteRest(ref WireWriter writer, ref TolerantWrite scope)
    {
        writer.Member(ref scope, Ask.Stops);

        // Counted from the defaults, 1 choice and no log probabilities, so that these take no bytes.
        writer.Member(ref scope, Ask.Choices - 1);
        writer.Member(ref scope, Ask.TopLogProbs + 1);
        writer.Tools(ref scope, Ask.Tools);
        writer.Member(ref scope, (byte)Ask.ToolChoice.Mode);
        writer.Member(ref scope, Ask.ToolChoice.Name);
        writer.Member(ref scope, Ask.ParallelToolCalls is { } parallel ? parallel ? ParallelYes : ParallelNo : (byte)0);
        writer.Reasoning(ref scope, Ask.Reasoning);
        writer.Constraint(ref scope, Ask.Constraint);
        writer.LogitBias(ref scope, Ask.LogitBias);
        writer.Member(ref scope, Ask.EndUser);
        writer.Member(ref scope, Ask.Inputs);
        writer.Member(ref scope, Ask.EmbedDimensions);
        writer.Numbers(ref scope, Ask.PromptTokens.Span);
        writer.Numbers(ref scope, Ask.ShownTokens.Span);
        writer.Member(ref scope, Ask.Priority);
        writer.Member(ref scope, ChunkCount);
        writer.Member(ref scope, ChunkIndex);
        writer.Numbers(ref scope, Piece.Span);
        writer.Numerics(ref scope, Ask.ShownNumerics);
        writer.Numbers<int>(ref scope, CollectionsMarshal.AsSpan(Ask.PromptLengths));
    }

    /// <summary>Room for the lengths of what may be long.</summary>
    private int Spare() =>
        TurnsWire.SpareFor(Ask.Turns)
        + WireWriter.SpareFor(sizeof(int) * (1 + Ask.PromptTokens.Length))
        + WireWriter.SpareFor(sizeof(int) * (1 + Ask.ShownTokens.Length))
        + WireWriter.SpareFor(sizeof(int) * (1 + Ask.PromptLengths.Count))
        + WireWriter.SpareFor(sizeof(int) + Piece.Length);

    private void Read(ref WireReader reader)
    {
        if (!reader.BeginTolerantValue(Name, out var scope))
        {
            return;
        }

        ReadCaller(ref reader, ref scope);
        Ask.Operation = (ModelOperation)(reader.Next(ref scope) ? reader.ReadCode("InferRequest.operation", (byte)ModelOperation.CountTokens) : 0);
        Ask.Model = reader.Next(ref scope) ? reader.ReadText("InferRequest.model") : default;
        Ask.Streams = reader.Next(ref scope) && reader.ReadBool("InferRequest.streams");
        if (reader.Next(ref scope))
        {
            reader.ReadTurns(Ask.Turns);
        }

        Ask.MaxOutputTokens = reader.Next(ref scope) ? reader.ReadInt("InferRequest.maxOutputTokens") : 0;
        Ask.Sampling = reader.Next(ref scope) ? reader.ReadSampling() : default;
        Ask.CallSeed = reader.Next(ref scope) ? reader.Read<ulong>("InferRequest.callSeed") : null;
        if (reader.HasMore(scope))
        {
            ReadWishes(ref reader, ref scope);
            ReadTokens(ref reader, ref scope);
        }

        reader.EndTolerant(ref scope);
    }

    private void ReadCaller(ref WireReader reader, ref TolerantRead scope)
    {
        Stream = reader.Next(ref scope) ? reader.Read<ulong>("InferRequest.stream") : 0;
        var correlation = reader.Next(ref scope) ? reader.ReadText("InferRequest.correlation") : default;
        var traceParent = reader.Next(ref scope) ? reader.ReadText("InferRequest.traceParent") : default;
        var principal = reader.Next(ref scope) ? reader.ReadText("InferRequest.principal") : default;
        Ask.Ids = new CallIds(correlation, traceParent, principal);
        User = reader.Next(ref scope) ? reader.ReadText("InferRequest.user") : default;
        Team = reader.Next(ref scope) ? reader.ReadText("InferRequest.team") : default;
        Lane = (Lane)(reader.Next(ref scope) ? reader.ReadCode("InferRequest.lane", (byte)Lane.Batch) : 0);
        DataClass = (DataClass)(reader.Next(ref scope) ? reader.ReadCode("InferRequest.dataClass", (byte)DataClass.Restricted) : 0);
        RemainingMs = reader.Next(ref scope) ? reader.ReadLong("InferRequest.remainingMs") : 0;
        Hops = reader.Next(ref scope) ? reader.ReadInt("InferRequest.hops") : 0;
        if (reader.Next(ref scope))
        {
            reader.ReadTexts("InferRequest.visited", Visited, MessageLimits.VisitedMax);
        }

        Numerics = reader.Next(ref scope) ? reader.ReadNumerics("InferRequest.numerics") : default;
        Credit = reader.Next(ref scope) ? reader.ReadLong("InferRequest.credit") : 0;
    }

    private void ReadWishes(ref WireReader reader, ref TolerantRead scope)
    {
        if (reader.Next(ref scope))
        {
            reader.ReadTexts("InferRequest.stops", Ask.Stops, MessageLimits.StopsMax);
        }

        Ask.Choices = 1 + (reader.Next(ref scope) ? reader.ReadInt("InferRequest.choices", max: MessageLimits.ChoicesMax - 1) : 0);
        Ask.TopLogProbs = -1 + (reader.Next(ref scope) ? reader.ReadInt("InferRequest.topLogProbs", max: MessageLimits.ChoicesMax) : 0);
        if (reader.Next(ref scope))
        {
            reader.ReadTools(Ask.Tools);
        }

        var choice = (ToolChoiceMode)(reader.Next(ref scope) ? reader.ReadCode("InferRequest.toolChoice", (byte)ToolChoiceMode.Named) : 0);
        Ask.ToolChoice = new ToolChoice(choice, reader.Next(ref scope) ? reader.ReadText("InferRequest.toolChoiceName") : default);
        if (reader.Next(ref scope))
        {
            Ask.ParallelToolCalls = reader.ReadCode("InferRequest.parallelToolCalls", ParallelYes) == ParallelYes;
        }

        Ask.Reasoning = reader.Next(ref scope) ? reader.ReadReasoning() : default;
        if (reader.Next(ref scope))
        {
            reader.ReadConstraint(Ask.Constraint);
        }
    }

    private void ReadTokens(ref WireReader reader, ref TolerantRead scope)
    {
        if (reader.Next(ref scope))
        {
            reader.ReadLogitBias(Ask.LogitBias);
        }

        Ask.EndUser = reader.Next(ref scope) ? reader.ReadText("InferRequest.endUser") : default;
        if (reader.Next(ref scope))
        {
            reader.ReadTexts("InferRequest.inputs", Ask.Inputs, MessageLimits.InputsMax);
        }

        Ask.EmbedDimensions = reader.Next(ref scope) ? reader.ReadInt("InferRequest.embedDimensions") : 0;
        Ask.PromptTokens = reader.Next(ref scope) ? _promptTokens.Read(ref reader, "InferRequest.promptTokens") : default;
        Ask.ShownTokens = reader.Next(ref scope) ? _shownTokens.Read(ref reader, "InferRequest.shownTokens") : default;
        Ask.Priority = reader.Next(ref scope) ? reader.Read<int>("InferRequest.priority") : 0;
        ChunkCount = reader.Next(ref scope) ? reader.ReadInt("InferRequest.chunkCount") : 0;
        ChunkIndex = reader.Next(ref scope) ? reader.ReadInt("InferRequest.chunkIndex") : 0;
        Piece = reader.Next(ref scope) ? reader.ReadBytes("InferRequest.piece") : default;
        Ask.ShownNumerics = reader.Next(ref scope) ? reader.ReadNumerics("InferRequest.shownNumerics") : default;
        if (reader.Next(ref scope))
        {
            Ask.PromptLengths.AddRange(_promptLengths.Read(ref reader, "InferRequest.promptLengths", MessageLimits.InputsMax).Span);
        }
    }
}
