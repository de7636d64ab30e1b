using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>
/// How a box is (<c>jesus.C.peer.P.status</c>). Its id stands in the subject, where the server enforces it. Pooled: read into it again and again; text points into the
/// message until it is reset. One owner.
/// </summary>
public sealed class PeerStatus : IDisposable
{
    private const int Members = 7;
    private const string Name = "PeerStatus";
    private readonly MessageBody _body = new();
    private readonly List<PeerModel> _models = [];
    private readonly List<PeerModel> _spare = [];

    /// <summary>Drawn anew by each start of the box; not 0.</summary>
    public ulong Incarnation { get; set; }

    /// <summary>Counts the statuses of this life.</summary>
    public ulong Sequence { get; set; }

    /// <summary>In how many milliseconds the next one comes.</summary>
    public int IntervalMs { get; set; }
    public Utf8Slice Version { get; set; }

    /// <summary>It finishes what it has and takes nothing new.</summary>
    public bool IsDraining { get; set; }

    /// <summary>A print of all models' digests: who missed the status in which they changed sees by it that its own are old. 0 where nothing is said.</summary>
    public ulong DigestPrint { get; set; }

    /// <summary>What it offers.</summary>
    public IReadOnlyList<PeerModel> Models => _models;

    /// <summary>Adds a model, empty, out of those that a reset gave back.</summary>
    public PeerModel AddModel()
    {
        var model = _spare.Count > 0 ? _spare[^1] : new PeerModel();
        if (_spare.Count > 0)
        {
            _spare.RemoveAt(_spare.Count - 1);
        }

        _models.Add(model);
        return model;
    }

    public static bool TryRead(ReadOnlySpan<byte> body, PeerStatus into, out WireError error)
    {
        into.Reset();
        var reader = into._body.Open(body, Name);
        into.Read(ref reader);
        if (!reader.Finish(Name, out error))
        {
            into.Reset();
        }

        return error.IsNone;
    }

    public void Write(ref WireWriter writer)
    {
        var scope = writer.BeginTolerant(Members, _models.Count > 0 ? 2 : 0);
        writer.Member(ref scope, Incarnation);
        writer.Member(ref scope, Sequence);
        writer.Member(ref scope, IntervalMs);
        writer.Member(ref scope, Version);
        writer.Member(ref scope, IsDraining);
        if (_models.Count > 0)
        {
            writer.WriteCount(_models.Count);
            foreach (var model in _models)
            {
                model.Write(ref writer);
            }
        }

        writer.EndMember(ref scope);
        writer.Member(ref scope, DigestPrint);
        writer.EndTolerant(ref scope);
    }

    public void Reset()
    {
        Incarnation = 0;
        Sequence = 0;
        IntervalMs = 0;
        Version = default;
        IsDraining = false;
        DigestPrint = 0;
        for (var i = _models.Count - 1; i >= 0; i--)
        {
            _models[i].Reset();
            _spare.Add(_models[i]);
        }

        _models.Clear();
        _body.Reset();
    }

    public void Dispose() => _body.Dispose();

    private void Read(ref WireReader reader)
    {
        if (!reader.BeginTolerantValue(Name, out var scope))
        {
            return;
        }

        Incarnation = reader.Next(ref scope) ? reader.Read<ulong>("PeerStatus.incarnation") : 0;
        Sequence = reader.Next(ref scope) ? reader.Read<ulong>("PeerStatus.sequence") : 0;
        IntervalMs = reader.Next(ref scope) ? reader.ReadInt("PeerStatus.intervalMs") : 0;
        Version = reader.Next(ref scope) ? reader.ReadText("PeerStatus.version") : default;
        IsDraining = reader.Next(ref scope) && reader.ReadBool("PeerStatus.isDraining");
        if (reader.Next(ref scope))
        {
            var count = reader.ReadCount("PeerStatus.models", 1, MessageLimits.ModelsMax);
            for (var i = 0; i < count && !reader.Failed; i++)
            {
                AddModel().Read(ref reader);
            }
        }

        DigestPrint = reader.Next(ref scope) ? reader.Read<ulong>("PeerStatus.digestPrint") : 0;
        reader.EndTolerant(ref scope);
    }
}
