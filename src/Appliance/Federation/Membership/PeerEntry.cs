namespace Jesus.Appliance.Federation.Membership;

/// <summary>What the table remembers of one peer beside its view. The table's lock guards it.</summary>
internal sealed class PeerEntry(string id, int index)
{
    private readonly FormerLife[] _former = new FormerLife[PeerLimits.FormerLives];

    public string Id => id;

    /// <summary>Its place among the views.</summary>
    public int Index { get; set; } = index;
    public ulong Incarnation { get; set; }
    public ulong Sequence { get; set; }
    public bool IsDraining { get; set; }
    public long DuplicateUntilMs { get; set; }
    public FlapDamper Damper;
    public RateBucket Rate = new(PeerLimits.MessagesPerSecond, PeerLimits.MessagesBurst);

    /// <summary>The present life ends; it is remembered, so that its return shows that there are two.</summary>
    public void Retire()
    {
        for (var i = _former.Length - 1; i > 0; i--)
        {
            _former[i] = _former[i - 1];
        }

        _former[0] = new FormerLife(Incarnation, Sequence, 0);
    }

    /// <summary>
    /// A word of a life that another has replaced. One may have been on its way since before; a second one after it, or one that itself was replaced already, says that two
    /// boxes are alive.
    /// </summary>
    /// <returns>Null when that life is not remembered.</returns>
    public StatusVerdict? HeardFormer(ulong incarnation, ulong sequence)
    {
        for (var i = 0; i < _former.Length; i++)
        {
            ref var life = ref _former[i];
            if (life.Incarnation != incarnation || incarnation == 0)
            {
                continue;
            }

            if (sequence <= life.Sequence)
            {
                return StatusVerdict.Stale;
            }

            life = life with { Sequence = sequence, Returns = life.Returns + 1 };
            return life.Returns > 1 ? StatusVerdict.DuplicateId : StatusVerdict.Stale;
        }

        return null;
    }

    private readonly record struct FormerLife(ulong Incarnation, ulong Sequence, int Returns);
}
