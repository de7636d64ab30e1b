namespace Jesus.Transport.Wire;

/// <summary>Where a version-tolerant object being written stands; made by <see cref="WireWriter.BeginTolerant"/>.</summary>
public struct TolerantWrite
{
    /// <summary>Where the next member's length goes.</summary>
    internal int LengthAt;

    /// <summary>Members whose length is still to come: one byte each is kept for them.</summary>
    internal int MembersLeft;

    /// <summary>Bytes kept beyond those, for lengths of more than one byte.</summary>
    internal int Spare;

    /// <summary>Where the first member begins.</summary>
    internal int BodyAt;

    /// <summary>Where the member being written begins.</summary>
    internal int MemberAt;
}
