using System.Runtime.InteropServices;
using Jesus.Inference.Contract;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>
/// A conversation as a member of two lists: the role and the number of parts of each turn, packed; the parts of all turns one after another. A plain text part has the
/// first two members of a part only.
/// </summary>
internal static class TurnsWire
{
    private const int PartMembers = 8;
    private const int TextPartMembers = 2;

    /// <summary>What a part takes beside its texts, at most: its header, four texts' headers, its codes.</summary>
    private const int PartOverhead = 48;

    public static void Turns(this ref WireWriter writer, ref TolerantWrite scope, TurnList turns)
    {
        if (turns.Count > 0)
        {
            WriteTurns(ref writer, turns);
        }

        writer.EndMember(ref scope);
    }

    /// <summary>Room for the member's length.</summary>
    public static int SpareFor(TurnList turns)
    {
        var bytes = (2 * sizeof(int)) + (2L * sizeof(int) * turns.Count);
        for (var i = 0; i < turns.Count; i++)
        {
            foreach (ref readonly var part in turns.PartsOf(i))
            {
                bytes += part.Text.Length + part.Id.Length + part.Name.Length + part.Signature.Length + PartOverhead;
            }
        }

        return turns.Count == 0 ? 0 : WireWriter.SpareFor((int)Math.Min(int.MaxValue, bytes));
    }

    public static void ReadTurns(this ref WireReader reader, TurnList into)
    {
        var at = reader.Position;
        var heads = reader.ReadArrayBytes<int>("InferRequest.turns", 2 * MessageLimits.TurnsMax);
        var partsLeft = reader.ReadCount("InferRequest.parts", 1, MessageLimits.PartsMax);
        for (; heads.Length >= 2 * sizeof(int) && !reader.Failed; heads = heads[(2 * sizeof(int))..])
        {
            var role = MemoryMarshal.Read<int>(heads);
            var parts = MemoryMarshal.Read<int>(heads[sizeof(int)..]);
            if (role is < 0 or > (int)TurnRole.Tool || parts < 0 || parts > partsLeft)
            {
                reader.Fail(WireFault.OutOfRange, "InferRequest.turns", at, parts < 0 || parts > partsLeft ? parts : role);
                return;
            }

            into.Begin((TurnRole)role);
            partsLeft -= parts;
            for (; parts > 0 && !reader.Failed; parts--)
            {
                ReadPart(ref reader, into);
            }
        }

        if (partsLeft > 0 || !heads.IsEmpty)
        {
            reader.Fail(WireFault.LengthMismatch, "InferRequest.parts", at, partsLeft);
        }
    }

    private static void WriteTurns(ref WireWriter writer, TurnList turns)
    {
        var parts = 0;
        writer.WriteCount(2 * turns.Count);
        for (var i = 0; i < turns.Count; i++)
        {
            var turn = turns[i];
            writer.Write((int)turn.Role);
            writer.Write(turn.PartCount);
            parts += turn.PartCount;
        }

        writer.WriteCount(parts);
        for (var i = 0; i < turns.Count; i++)
        {
            foreach (ref readonly var part in turns.PartsOf(i))
            {
                WritePart(ref writer, part);
            }
        }
    }

    private static void WritePart(ref WireWriter writer, in TurnPart part)
    {
        if (part is { Kind: PartKind.Text, Id.IsEmpty: true, Name.IsEmpty: true, Signature.IsEmpty: true, IsError: false, InResult: false, Cache: CacheMark.None })
        {
            WriteTextPart(ref writer, part.Text.Span);
            return;
        }

        var scope = writer.BeginTolerant(PartMembers, WireWriter.SpareFor(part.Text.Length + WireWriter.TextHeaderBytes));
        writer.Member(ref scope, (byte)part.Kind);
        writer.Member(ref scope, part.Text);
        writer.Member(ref scope, part.Id);
        writer.Member(ref scope, part.Name);
        writer.Member(ref scope, part.Signature);
        writer.Member(ref scope, part.IsError);
        writer.Member(ref scope, part.InResult);
        writer.Member(ref scope, (byte)part.Cache);
        writer.EndTolerant(ref scope);
    }

    /// <summary>The same object, whose lengths are known before it is written.</summary>
    private static void WriteTextPart(ref WireWriter writer, ReadOnlySpan<byte> text)
    {
        const ushort TwoMembersTheFirstByDefault = TextPartMembers;
        writer.Write(TwoMembersTheFirstByDefault);
        if (text.IsEmpty)
        {
            writer.Write((byte)0);
            return;
        }

        writer.WriteVarInt(text.Length + WireWriter.TextHeaderBytes);
        writer.WriteUtf8(text);
    }

    private static void ReadPart(ref WireReader reader, TurnList into)
    {
        if (!reader.BeginTolerantValue("InferRequest.parts", out var scope))
        {
            return;
        }

        var kind = (PartKind)(reader.Next(ref scope) ? reader.ReadCode("InferRequest.parts.kind", (byte)PartKind.RedactedReasoning) : 0);
        var text = reader.Next(ref scope) ? reader.ReadText("InferRequest.parts.text") : default;
        var part = new TurnPart(kind, text);
        if (reader.HasMore(scope))
        {
            part = ReadRest(ref reader, ref scope, part);
        }

        reader.EndTolerant(ref scope);
        into.Add(part);
    }

    private static TurnPart ReadRest(ref WireReader reader, ref TolerantRead scope, in TurnPart part)
    {
        var id = reader.Next(ref scope) ? reader.ReadText("InferRequest.parts.id") : default;
        var name = reader.Next(ref scope) ? reader.ReadText("InferRequest.parts.name") : default;
        var signature = reader.Next(ref scope) ? reader.ReadText("InferRequest.parts.signature") : default;
        var isError = reader.Next(ref scope) && reader.ReadBool("InferRequest.parts.isError");
        var inResult = reader.Next(ref scope) && reader.ReadBool("InferRequest.parts.inResult");
        var cache = reader.Next(ref scope) ? reader.ReadCode("InferRequest.parts.cache", (byte)CacheMark.OneHour) : (byte)0;
        return part with { Id = id, Name = name, Signature = signature, IsError = isError, InResult = inResult, Cache = (CacheMark)cache };
    }
}
