using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>A conversation as a member: turns of a role and parts. A plain text part has the first two members of a part only.</summary>
internal static class TurnsWire
{
    private const int TurnMembers = 2;
    private const int PartMembers = 8;
    private const int TextPartMembers = 2;

    /// <summary>What a part takes beside its texts, at most: its header, four texts' headers, its codes.</summary>
    private const int PartOverhead = 48;

    public static void Turns(this ref WireWriter writer, ref TolerantWrite scope, TurnList turns)
    {
        if (turns.Count > 0)
        {
            writer.WriteCount(turns.Count);
            for (var i = 0; i < turns.Count; i++)
            {
                WriteTurn(ref writer, turns[i].Role, turns.PartsOf(i));
            }
        }

        writer.EndMember(ref scope);
    }

    /// <summary>About how many bytes the conversation takes, never too few: for the room kept for its length.</summary>
    public static int BoundOf(TurnList turns)
    {
        var bytes = 0L;
        for (var i = 0; i < turns.Count; i++)
        {
            bytes += BoundOf(turns.PartsOf(i));
        }

        return (int)Math.Min(int.MaxValue, bytes);
    }

    public static void ReadTurns(this ref WireReader reader, TurnList into)
    {
        var turns = reader.ReadCount("InferRequest.turns", 1, MessageLimits.TurnsMax);
        for (var i = 0; i < turns && !reader.Failed; i++)
        {
            ReadTurn(ref reader, into);
        }
    }

    private static void WriteTurn(ref WireWriter writer, TurnRole role, ReadOnlySpan<TurnPart> parts)
    {
        var scope = writer.BeginTolerant(TurnMembers, WireWriter.SpareFor((int)Math.Min(int.MaxValue, BoundOf(parts))));
        writer.Member(ref scope, (byte)role);
        writer.WriteCount(parts.Length);
        foreach (ref readonly var part in parts)
        {
            WritePart(ref writer, part);
        }

        writer.EndMember(ref scope);
        writer.EndTolerant(ref scope);
    }

    private static void WritePart(ref WireWriter writer, in TurnPart part)
    {
        var isText = part is { Kind: PartKind.Text, Id.IsEmpty: true, Name.IsEmpty: true, Signature.IsEmpty: true, IsError: false, InResult: false, Cache: CacheMark.None };
        var scope = writer.BeginTolerant(isText ? TextPartMembers : PartMembers, WireWriter.SpareFor(part.Text.Length + WireWriter.TextHeaderBytes));
        writer.Member(ref scope, (byte)part.Kind);
        writer.Member(ref scope, part.Text);
        if (!isText)
        {
            writer.Member(ref scope, part.Id);
            writer.Member(ref scope, part.Name);
            writer.Member(ref scope, part.Signature);
            writer.Member(ref scope, part.IsError);
            writer.Member(ref scope, part.InResult);
            writer.Member(ref scope, (byte)part.Cache);
        }

        writer.EndTolerant(ref scope);
    }

    private static long BoundOf(ReadOnlySpan<TurnPart> parts)
    {
        var bytes = 0L;
        foreach (ref readonly var part in parts)
        {
            bytes += part.Text.Length + part.Id.Length + part.Name.Length + part.Signature.Length + PartOverhead;
        }

        return bytes;
    }

    private static void ReadTurn(ref WireReader reader, TurnList into)
    {
        if (!reader.BeginTolerantValue("InferRequest.turns", out var scope))
        {
            return;
        }

        into.Begin((TurnRole)(reader.Next(ref scope) ? reader.ReadCode("InferRequest.turns.role", (byte)TurnRole.Tool) : 0));
        if (reader.Next(ref scope))
        {
            var parts = reader.ReadCount("InferRequest.turns.parts", 1, MessageLimits.PartsMax);
            for (var i = 0; i < parts && !reader.Failed; i++)
            {
                into.Add(ReadPart(ref reader));
            }
        }

        reader.EndTolerant(ref scope);
    }

    private static TurnPart ReadPart(ref WireReader reader)
    {
        if (!reader.BeginTolerantValue("InferRequest.turns.parts", out var scope))
        {
            return default;
        }

        var kind = (PartKind)(reader.Next(ref scope) ? reader.ReadCode("InferRequest.turns.parts.kind", (byte)PartKind.RedactedReasoning) : 0);
        var text = reader.Next(ref scope) ? reader.ReadText("InferRequest.turns.parts.text") : default;
        var part = new TurnPart(kind, text);
        if (reader.HasMore(scope))
        {
            part = ReadRest(ref reader, ref scope, part);
        }

        reader.EndTolerant(ref scope);
        return part;
    }

    private static TurnPart ReadRest(ref WireReader reader, ref TolerantRead scope, in TurnPart part)
    {
        var id = reader.Next(ref scope) ? reader.ReadText("InferRequest.turns.parts.id") : default;
        var name = reader.Next(ref scope) ? reader.ReadText("InferRequest.turns.parts.name") : default;
        var signature = reader.Next(ref scope) ? reader.ReadText("InferRequest.turns.parts.signature") : default;
        var isError = reader.Next(ref scope) && reader.ReadBool("InferRequest.turns.parts.isError");
        var inResult = reader.Next(ref scope) && reader.ReadBool("InferRequest.turns.parts.inResult");
        var cache = reader.Next(ref scope) ? reader.ReadCode("InferRequest.turns.parts.cache", (byte)CacheMark.OneHour) : (byte)0;
        return part with { Id = id, Name = name, Signature = signature, IsError = isError, InResult = inResult, Cache = (CacheMark)cache };
    }
}
