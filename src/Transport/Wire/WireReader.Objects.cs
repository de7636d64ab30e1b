using System.Runtime.CompilerServices;

namespace Jesus.Transport.Wire;

/// <summary>Objects; see the writer for their layouts.</summary>
public ref partial struct WireReader
{
    /// <summary>
    /// Begins a plain object: the number of its members that follow, -1 when it is null. An older writer has fewer than <paramref name="membersMax"/>; more are
    /// refused, since their lengths are not known.
    /// </summary>
    public int ReadObjectHeader(string name, int membersMax)
    {
        var at = _position;
        var members = Read<byte>(name);
        if (members == WireCode.NullObject)
        {
            return -1;
        }

        if (members > membersMax)
        {
            Fail(members > WireLimits.MembersMax ? WireFault.UnknownCode : WireFault.TooManyMembers, name, at, members);
            return 0;
        }

        return members;
    }

    /// <summary>A union's tag; null when the union is null. The owner refuses a tag it does not know with <see cref="WireFault.UnknownTag"/>.</summary>
    public ushort? ReadUnionTag(string name)
    {
        var at = _position;
        var tag = Read<byte>(name);
        if (tag < WireCode.WideTag)
        {
            return tag;
        }

        if (tag == WireCode.WideTag)
        {
            return Read<ushort>(name);
        }

        if (tag != WireCode.NullObject)
        {
            Fail(WireFault.UnknownCode, name, at, tag);
        }

        return null;
    }

    /// <summary>
    /// Begins a version-tolerant object: then <see cref="Next"/> before each member in order, and <see cref="EndTolerant"/>. False when it is null or the
    /// reader has failed; there is nothing to end then.
    /// </summary>
    public bool BeginTolerant(string name, out TolerantRead scope)
    {
        // Usually all lengths are short: a byte each.
        scope.Name = name;
        scope.OuterEnd = _end;
        scope.LengthAt = _position + 1;
        scope.MembersLeft = _position < _end ? _bytes[_position] : 0;
        scope.MemberEnd = scope.LengthAt + scope.MembersLeft;
        scope.End = scope.MemberEnd;
        if (scope.MembersLeft == 0 || scope.MembersLeft > WireLimits.MembersMax || scope.MemberEnd > _end || _depth >= WireLimits.DepthMax)
        {
            return BeginUnusual(name, out scope);
        }

        foreach (var length in _bytes.Slice(scope.LengthAt, scope.MembersLeft))
        {
            if (length > sbyte.MaxValue)
            {
                return BeginUnusual(name, out scope);
            }

            scope.End += length;
        }

        if (scope.End > _end)
        {
            return BeginUnusual(name, out scope);
        }

        _depth++;
        _position = scope.MemberEnd;
        return true;
    }

    /// <summary>The same where null is refused.</summary>
    public bool BeginTolerantValue(string name, out TolerantRead scope)
    {
        var at = _position;
        if (BeginTolerant(name, out scope))
        {
            return true;
        }

        Fail(WireFault.Null, name, at, WireCode.NullObject);
        return false;
    }

    /// <summary>
    /// Goes on to the next member and confines reading to its bytes. False when it is absent (an older writer, a gap, a default): the member keeps the
    /// default that its owner gave it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Next(ref TolerantRead scope)
    {
        if (_position != scope.MemberEnd)
        {
            FailUnread(scope);
            return false;
        }

        if (scope.MembersLeft <= 0)
        {
            return false;
        }

        scope.MembersLeft--;
        int length = (sbyte)_bytes[scope.LengthAt++];
        if (length < 0)
        {
            scope.LengthAt--;
            length = LongLength(ref scope);
        }

        scope.MemberEnd = _position + length;
        _end = scope.MemberEnd;
        return length > 0;
    }

    /// <summary>Members not yet come to are there; without, the rest need not be asked for one by one.</summary>
    public readonly bool HasMore(in TolerantRead scope) => scope.MembersLeft > 0 && !Failed;

    /// <summary>Ends the object, over members that only newer writers have.</summary>
    public void EndTolerant(ref TolerantRead scope)
    {
        if (_position != scope.MemberEnd || Failed)
        {
            FailUnread(scope);
            return;
        }

        _position = scope.End;
        _end = scope.OuterEnd;
        _depth--;
    }

    /// <summary>A variable-length integer in any of its forms.</summary>
    public int ReadVarInt(string field)
    {
        var at = _position;
        var code = Read<sbyte>(field);
        long value = code switch
        {
            WireCode.VarByte => Read<byte>(field),
            WireCode.VarSByte => Read<sbyte>(field),
            WireCode.VarUInt16 => Read<ushort>(field),
            WireCode.VarInt16 => Read<short>(field),
            WireCode.VarUInt32 => Read<uint>(field),
            WireCode.VarInt32 => Read<int>(field),
            WireCode.VarUInt64 or WireCode.VarInt64 => Read<long>(field),
            _ => code,
        };
        if (value is < int.MinValue or > int.MaxValue)
        {
            Fail(WireFault.OutOfRange, field, at, value);
            return 0;
        }

        return (int)value;
    }

    /// <summary>The same of long members, null, and all that is refused.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool BeginUnusual(string name, out TolerantRead scope)
    {
        scope = default;
        var at = _position;
        var members = Read<byte>(name);
        if (members > WireLimits.MembersMax || Failed)
        {
            if (members != WireCode.NullObject)
            {
                Fail(WireFault.UnknownCode, name, at, members);
            }

            return false;
        }

        if (++_depth > WireLimits.DepthMax)
        {
            Fail(WireFault.TooDeep, name, at, _depth);
            return false;
        }

        scope = new TolerantRead { Name = name, LengthAt = _position, MembersLeft = members, OuterEnd = _end };
        if (!TryAddLengths(name, members, out var total))
        {
            return false;
        }

        scope.MemberEnd = _position;
        scope.End = _position + total;
        return true;
    }

    /// <summary>Adds the lengths of all members, which must fit into what is left behind them.</summary>
    private bool TryAddLengths(string name, int members, out int total)
    {
        long sum = 0;
        for (var i = 0; i < members; i++)
        {
            var at = _position;
            if (at < _end && _bytes[at] <= sbyte.MaxValue)
            {
                sum += _bytes[at];
                _position++;
                continue;
            }

            var length = ReadVarInt(name);
            if (length < 0)
            {
                Fail(WireFault.NegativeLength, name, at, length);
            }

            sum += length;
        }

        total = (int)Math.Min(sum, int.MaxValue);
        return FitsBehind(name, sum);
    }

    private bool FitsBehind(string name, long bytes)
    {
        if (bytes > _end - _position || Failed)
        {
            Fail(WireFault.LengthTooLarge, name, _position, bytes);
            return false;
        }

        return true;
    }

    /// <summary>A member's length of more than one byte; checked when the object began.</summary>
    private int LongLength(ref TolerantRead scope)
    {
        var at = _position;
        _position = scope.LengthAt;
        _end = at;
        var length = ReadVarInt(scope.Name);
        scope.LengthAt = _position;
        _position = at;
        return length;
    }

    private void FailUnread(in TolerantRead scope) => Fail(WireFault.LengthMismatch, scope.Name, _position, scope.MemberEnd - _position);
}
