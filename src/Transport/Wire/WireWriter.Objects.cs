using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Jesus.Transport.Wire;

/// <summary>
/// Objects. Plain: the number of members in one byte, the members. Version-tolerant: the number of members, the length of each as a variable-length
/// integer (0 for a gap, which readers take as the default), the members. Unions: the tag (one byte below 250, or 250 and two bytes), the object.
/// </summary>
public ref partial struct WireWriter
{
    /// <summary>A length up to here takes one byte in a version-tolerant object's header.</summary>
    private const int ShortLengthMax = 127;

    /// <summary>Begins a plain object of that many members, which follow.</summary>
    public void WriteObjectHeader(int members)
    {
        Debug.Assert(members <= WireLimits.MembersMax, "an object has at most 249 members");
        Write((byte)members);
    }

    /// <summary>An object or union that is null.</summary>
    public void WriteNullObject() => Write(WireCode.NullObject);

    public void WriteUnionTag(ushort tag)
    {
        if (tag < WireCode.WideTag)
        {
            Write((byte)tag);
            return;
        }

        Write(WireCode.WideTag);
        Write(tag);
    }

    /// <summary>
    /// Begins a version-tolerant object of that many members: write each and call <see cref="EndMember"/>; a member left at its default is an
    /// <see cref="EndMember"/> with nothing written. Then <see cref="EndTolerant"/>.
    /// </summary>
    /// <param name="spare">
    /// Expected bytes of member lengths beyond one each: 2 for each member longer than 127 bytes, 4 for one longer than 32 KiB. A wrong guess costs one
    /// move of the members, no more.
    /// </param>
    public TolerantWrite BeginTolerant(int members, int spare = 0)
    {
        Debug.Assert(members <= WireLimits.MembersMax, "an object has at most 249 members");
        var header = 1 + members + spare;
        if (!Ensure(header))
        {
            return default;
        }

        _span[_position] = (byte)members;
        var body = _position + header;
        var scope = new TolerantWrite { LengthAt = _position + 1, MembersLeft = members, Spare = spare, BodyAt = body, MemberAt = body };
        _position = body;
        return scope;
    }

    /// <summary>What <see cref="BeginTolerant"/> should keep for a member of that many bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SpareFor(int bytes) => bytes <= ShortLengthMax ? 0 : bytes <= short.MaxValue ? 2 : 4;

    /// <summary>Ends the member written since the last one ended.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void EndMember(ref TolerantWrite scope)
    {
        var length = _position - scope.MemberAt;
        if ((uint)length > ShortLengthMax || (uint)scope.LengthAt >= (uint)_span.Length)
        {
            EndLongMember(ref scope, length);
            return;
        }

        _span[scope.LengthAt++] = (byte)length;
        scope.MembersLeft--;
        scope.MemberAt = _position;
    }

    /// <summary>Ends so many members that are all left at their defaults.</summary>
    public void SkipMembers(ref TolerantWrite scope, int count)
    {
        if (_failed)
        {
            return;
        }

        Debug.Assert(_position == scope.MemberAt, "nothing is written of the members that are skipped");
        _span.Slice(scope.LengthAt, count).Clear();
        scope.LengthAt += count;
        scope.MembersLeft -= count;
    }

    /// <summary>Ends the object.</summary>
    public void EndTolerant(ref TolerantWrite scope)
    {
        if (_failed)
        {
            return;
        }

        Debug.Assert(scope.MembersLeft == 0, "every member is ended");
        if (scope.Spare > 0)
        {
            MoveBody(ref scope, -scope.Spare);
        }
    }

    /// <summary>A length as MemoryPack writes it: one byte up to 127, else a code and 2 or 4 bytes.</summary>
    public void WriteVarInt(int value)
    {
        if (value is >= -120 and <= ShortLengthMax)
        {
            Write((sbyte)value);
        }
        else if (value is >= sbyte.MinValue and < 0)
        {
            Write(WireCode.VarSByte);
            Write((sbyte)value);
        }
        else if (value is >= short.MinValue and <= short.MaxValue)
        {
            Write(WireCode.VarInt16);
            Write((short)value);
        }
        else
        {
            Write(WireCode.VarInt32);
            Write(value);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EndLongMember(ref TolerantWrite scope, int length)
    {
        var more = SpareFor(length);
        if (_failed || (scope.Spare < more && !TryMakeSpare(ref scope, more)))
        {
            return;
        }

        scope.Spare -= more;
        var to = _span[scope.LengthAt..];
        if (more == 2)
        {
            to[0] = unchecked((byte)WireCode.VarInt16);
            MemoryMarshal.Write(to[1..], (short)length);
        }
        else
        {
            to[0] = unchecked((byte)WireCode.VarInt32);
            MemoryMarshal.Write(to[1..], length);
        }

        scope.LengthAt += 1 + more;
        scope.MembersLeft--;
        scope.MemberAt = _position;
    }

    private bool TryMakeSpare(ref TolerantWrite scope, int spare)
    {
        var by = spare - scope.Spare;
        if (!Ensure(by))
        {
            return false;
        }

        MoveBody(ref scope, by);
        return true;
    }

    private void MoveBody(ref TolerantWrite scope, int by)
    {
        _span[scope.BodyAt.._position].CopyTo(_span[(scope.BodyAt + by)..]);
        scope.BodyAt += by;
        scope.Spare += by;
        _position += by;
    }
}
