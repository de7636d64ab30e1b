using Jesus.Inference.Contract;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>
/// The members in their order on the wire: first what a piece of text has, then the rest. New ones are added at the end; none is ever removed or changes its meaning.
/// </summary>
public sealed partial class InferEvent
{

    /// <summary>Up to and with the token ids; a piece of text ends there.</summary>
    private const int UsualMembers = 8;
    private const int Members = 18;
    private const string Name = "InferEvent";
    private NumberList<int> _tokenIds;
    private NumberList<float> _tokenLogProbs;
    private NumberList<float> _vector;
    private TokenLogProb[] _logProbs = [];

    public void Write(ref WireWriter writer)
    {
        var isUsual = IsUsual();
        var scope = writer.BeginTolerant(isUsual ? UsualMembers : Members, Spare());
        writer.Member(ref scope, Stream);
        writer.Member(ref scope, Sequence);
        writer.Member(ref scope, (byte)Kind);
        writer.Member(ref scope, (byte)EventKind);
        writer.Member(ref scope, Choice);
        writer.Member(ref scope, Index);
        writer.Member(ref scope, Utf8);
        writer.Numbers(ref scope, Tokens.Ids.Span);
        if (!isUsual)
        {
            WriteRest(ref writer, ref scope);
        }

        writer.EndTolerant(ref scope);
    }

    private bool IsUsual() =>
        Kind == InferEventKind.Item && EventKind is EventKind.Text or EventKind.Reasoning && FinishReason == FinishReason.None && ToolCallId.IsEmpty && Tokens.LogProbs.IsEmpty
        && LogProbs.IsEmpty && Vector.IsEmpty && Numerics == default && Refusal == RefusalReason.None && Error.IsNone && Usage == default && Quality == UsageQuality.Exact;

    private void WriteRest(ref WireWriter writer, ref TolerantWrite scope)
    {
        writer.Member(ref scope, ToolCallId);
        writer.Numbers(ref scope, Tokens.LogProbs.Span);
        writer.LogProbs(ref scope, LogProbs.Span);
        writer.Numbers(ref scope, Vector.Span);
        writer.Member(ref scope, (byte)FinishReason);
        writer.Numerics(ref scope, Numerics);
        writer.Member(ref scope, (byte)Refusal);
        writer.Error(ref scope, Error);
        writer.Usage(ref scope, Usage);
        writer.Member(ref scope, (byte)Quality);
    }

    /// <summary>Room for the lengths of what may be long.</summary>
    private int Spare() =>
        WireWriter.SpareFor(Utf8.Length + WireWriter.TextHeaderBytes)
        + WireWriter.SpareFor(sizeof(int) * (1 + Tokens.Ids.Length))
        + WireWriter.SpareFor(sizeof(float) * (1 + Vector.Length));

    private void Read(ref WireReader reader)
    {
        if (!reader.BeginTolerantValue(Name, out var scope))
        {
            return;
        }

        Stream = reader.Next(ref scope) ? reader.Read<ulong>("InferEvent.stream") : 0;
        Sequence = reader.Next(ref scope) ? reader.ReadLong("InferEvent.sequence") : 0;
        Kind = (InferEventKind)(reader.Next(ref scope) ? reader.ReadCode("InferEvent.kind", (byte)InferEventKind.Refused) : 0);
        EventKind = reader.Next(ref scope) ? ReadEventKind(ref reader) : EventKind.Started;
        Choice = reader.Next(ref scope) ? reader.ReadInt("InferEvent.choice", max: MessageLimits.ChoicesMax - 1) : 0;
        Index = reader.Next(ref scope) ? reader.ReadInt("InferEvent.index", max: MessageLimits.InputsMax) : 0;
        Utf8 = reader.Next(ref scope) ? reader.ReadText("InferEvent.utf8").Memory : default;
        Tokens = reader.Next(ref scope) ? new TokenSpan(_tokenIds.Read(ref reader, "InferEvent.tokenIds"), default) : default;
        if (reader.HasMore(scope))
        {
            ReadRest(ref reader, ref scope);
        }

        reader.EndTolerant(ref scope);
    }

    private void ReadRest(ref WireReader reader, ref TolerantRead scope)
    {
        ToolCallId = reader.Next(ref scope) ? reader.ReadText("InferEvent.toolCallId").Memory : default;
        Tokens = reader.Next(ref scope) ? Tokens with { LogProbs = _tokenLogProbs.Read(ref reader, "InferEvent.tokenLogProbs") } : Tokens;
        LogProbs = reader.Next(ref scope) ? reader.ReadLogProbs(ref _logProbs) : default;
        Vector = reader.Next(ref scope) ? ReadVector(ref reader) : default;
        FinishReason = (FinishReason)(reader.Next(ref scope) ? reader.ReadCode("InferEvent.finishReason", (byte)FinishReason.Pause) : 0);
        Numerics = reader.Next(ref scope) ? reader.ReadNumerics("InferEvent.numerics") : default;
        Refusal = reader.Next(ref scope) ? ReadRefusal(ref reader) : RefusalReason.None;
        Error = reader.Next(ref scope) ? reader.ReadError() : default;
        Usage = reader.Next(ref scope) ? reader.ReadUsage() : default;
        Quality = (UsageQuality)(reader.Next(ref scope) ? reader.ReadCode("InferEvent.quality", (byte)UsageQuality.Estimated) : 0);
    }

    // A provider's own bytes would go to the client unread: no peer may send them.
    private static EventKind ReadEventKind(ref WireReader reader)
    {
        var at = reader.Position;
        var kind = (EventKind)reader.ReadCode("InferEvent.eventKind", (byte)EventKind.Finished);
        if (kind == EventKind.Wire)
        {
            reader.Fail(WireFault.OutOfRange, "InferEvent.eventKind", at, (byte)kind);
        }

        return kind;
    }

    // A newer peer's reason that is not known here is a refusal all the same.
    private static RefusalReason ReadRefusal(ref WireReader reader)
    {
        var reason = (RefusalReason)reader.Read<byte>("InferEvent.refusal");
        return reason <= RefusalReason.TooOften ? reason : RefusalReason.Busy;
    }

    private ReadOnlyMemory<float> ReadVector(ref WireReader reader)
    {
        var at = reader.Position;
        var vector = _vector.Read(ref reader, "InferEvent.vector");
        foreach (var number in vector.Span)
        {
            if (!float.IsFinite(number))
            {
                reader.Fail(WireFault.OutOfRange, "InferEvent.vector", at, BitConverter.SingleToInt32Bits(number));
                break;
            }
        }

        return vector;
    }

    private void ResetNumbers()
    {
        _tokenIds.Reset();
        _tokenLogProbs.Reset();
        _vector.Reset();
        if (_logProbs.Length > MessageLimits.KeptNumbersMax / 8)
        {
            _logProbs = [];
        }
    }
}
