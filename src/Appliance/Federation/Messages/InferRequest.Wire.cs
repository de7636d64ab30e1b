using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>The members in their order on the wire. New ones are added at the end; none is ever removed or changes its meaning.</summary>
public sealed partial class InferRequest
{
    private const int Members = 40;
    private const string Name = "InferRequest";
    private NumberList<int> _promptTokens;
    private NumberList<int> _shownTokens;

    public void Write(ref WireWriter writer)
    {
        var scope = writer.BeginTolerant(Members, Spare());
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
        WriteAsk(ref writer, ref scope);
        writer.Member(ref scope, ShownBytes);
        writer.Member(ref scope, ChunkCount);
        writer.Member(ref scope, ChunkIndex);
        writer.Numbers(ref scope, Piece.Span);
        writer.Seed(ref scope, Ask.CallSeed);
        writer.EndTolerant(ref scope);
    }

    private void WriteAsk(ref WireWriter writer, ref TolerantWrite scope)
    {
        writer.Member(ref scope, (byte)Ask.Operation);
        writer.Member(ref scope, Ask.Model);
        writer.Member(ref scope, Ask.Streams);
        writer.Turns(ref scope, Ask.Turns);
        writer.Tools(ref scope, Ask.Tools);
        writer.Member(ref scope, (byte)Ask.ToolChoice.Mode);
        writer.Member(ref scope, Ask.ToolChoice.Name);
        writer.Member(ref scope, Ask.ParallelToolCalls is { } parallel ? parallel ? ParallelYes : ParallelNo : (byte)0);
        writer.Reasoning(ref scope, Ask.Reasoning);
        writer.Constraint(ref scope, Ask.Constraint);
        writer.Sampling(ref scope, Ask.Sampling);
        writer.LogitBias(ref scope, Ask.LogitBias);
        writer.Member(ref scope, Ask.EndUser);
        writer.Member(ref scope, Ask.Inputs);
        writer.Member(ref scope, Ask.EmbedDimensions);
        writer.Member(ref scope, Ask.MaxOutputTokens);
        writer.Member(ref scope, Ask.Stops);

        // Counted from the defaults, 1 choice and no log probabilities, so that these take no bytes.
        writer.Member(ref scope, Ask.Choices - 1);
        writer.Member(ref scope, Ask.TopLogProbs + 1);
        writer.Numbers(ref scope, Ask.PromptTokens.Span);
        writer.Numbers(ref scope, Ask.ShownTokens.Span);
        writer.Member(ref scope, Ask.Priority);
    }

    private const byte ParallelNo = 1;
    private const byte ParallelYes = 2;

    /// <summary>Room for the lengths of what is usually long.</summary>
    private int Spare() =>
        WireWriter.SpareFor(Ask.Turns.Count == 0 ? 0 : TurnsWire.BoundOf(Ask.Turns))
        + WireWriter.SpareFor(sizeof(int) * (1 + Ask.PromptTokens.Length))
        + WireWriter.SpareFor(sizeof(int) * (1 + Ask.ShownTokens.Length))
        + WireWriter.SpareFor(sizeof(int) + Piece.Length);

    private void Read(ref WireReader reader)
    {
        if (!reader.BeginTolerantValue(Name, out var scope))
        {
            return;
        }

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
        ReadQuestion(ref reader, ref scope);
        ReadBounds(ref reader, ref scope);
        ShownBytes = reader.Next(ref scope) ? reader.ReadInt("InferRequest.shownBytes") : 0;
        ChunkCount = reader.Next(ref scope) ? reader.ReadInt("InferRequest.chunkCount") : 0;
        ChunkIndex = reader.Next(ref scope) ? reader.ReadInt("InferRequest.chunkIndex") : 0;
        Piece = reader.Next(ref scope) ? reader.ReadBytes("InferRequest.piece") : default;
        Ask.CallSeed = reader.Next(ref scope) ? reader.Read<ulong>("InferRequest.callSeed") : null;
        reader.EndTolerant(ref scope);
    }

    private void ReadQuestion(ref WireReader reader, ref TolerantRead scope)
    {
        Ask.Operation = (ModelOperation)(reader.Next(ref scope) ? reader.ReadCode("InferRequest.operation", (byte)ModelOperation.CountTokens) : 0);
        Ask.Model = reader.Next(ref scope) ? reader.ReadText("InferRequest.model") : default;
        Ask.Streams = reader.Next(ref scope) && reader.ReadBool("InferRequest.streams");
        if (reader.Next(ref scope))
        {
            reader.ReadTurns(Ask.Turns);
        }

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
    }

    private void ReadBounds(ref WireReader reader, ref TolerantRead scope)
    {
        Ask.Reasoning = reader.Next(ref scope) ? reader.ReadReasoning() : default;
        if (reader.Next(ref scope))
        {
            reader.ReadConstraint(Ask.Constraint);
        }

        Ask.Sampling = reader.Next(ref scope) ? reader.ReadSampling() : default;
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
        Ask.MaxOutputTokens = reader.Next(ref scope) ? reader.ReadInt("InferRequest.maxOutputTokens") : 0;
        if (reader.Next(ref scope))
        {
            reader.ReadTexts("InferRequest.stops", Ask.Stops, MessageLimits.StopsMax);
        }

        Ask.Choices = 1 + (reader.Next(ref scope) ? reader.ReadInt("InferRequest.choices", max: MessageLimits.ChoicesMax - 1) : 0);
        Ask.TopLogProbs = -1 + (reader.Next(ref scope) ? reader.ReadInt("InferRequest.topLogProbs", max: MessageLimits.ChoicesMax) : 0);
        Ask.PromptTokens = reader.Next(ref scope) ? _promptTokens.Read(ref reader, "InferRequest.promptTokens") : default;
        Ask.ShownTokens = reader.Next(ref scope) ? _shownTokens.Read(ref reader, "InferRequest.shownTokens") : default;
        Ask.Priority = reader.Next(ref scope) ? reader.Read<int>("InferRequest.priority") : 0;
    }
}
