namespace Jesus.Transport.Wire;

/// <summary>Where a version-tolerant object being read stands; made by <see cref="WireReader.BeginTolerant"/>.</summary>
public struct TolerantRead
{
    /// <summary>For errors.</summary>
    internal string Name;

    /// <summary>Where the next member's length stands.</summary>
    internal int LengthAt;

    /// <summary>Members not yet come to.</summary>
    internal int MembersLeft;

    /// <summary>Where the member come to last ends; before the first, where the members begin.</summary>
    internal int MemberEnd;

    /// <summary>Where the object ends.</summary>
    internal int End;

    /// <summary>Where that ends of which the object is a part.</summary>
    internal int OuterEnd;
}
