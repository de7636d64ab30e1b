namespace Jesus.Appliance.Federation.Durable;

/// <summary>What a box knows of a run that it does not own.</summary>
/// <param name="Record">As it saw it last.</param>
/// <param name="Revision">Of that record.</param>
/// <param name="SeenAt">When it saw it, on its own monotonic clock.</param>
/// <param name="IsFromBefore">It was there when the box began to look, so that an owner of this box's name is an earlier life of it.</param>
internal sealed record RunSight(RunRecord Record, ulong Revision, long SeenAt, bool IsFromBefore);

/// <summary>When a box may follow another as a run's owner. Pure.</summary>
internal static class ClaimRules
{
    /// <summary>Milliseconds until this box may try; 0 for now, null for never.</summary>
    /// <param name="self">This box.</param>
    /// <param name="instance">This life of it.</param>
    /// <param name="now">On the clock of <see cref="RunSight.SeenAt"/>.</param>
    public static long? Until(RunSight sight, string self, string instance, long now, LeaseTerms terms)
    {
        var record = sight.Record;
        if (record.HasEnded)
        {
            return null;
        }

        // Given back; or this box's own, which knows best that it does not carry it (any more).
        if (record.Owner.Length == 0 || (record.Owner == self && (record.Instance == instance || sight.IsFromBefore)))
        {
            return 0;
        }

        return Math.Max(0, sight.SeenAt + terms.LeaseMs + SpreadOf(self, record.Id, terms) - now);
    }

    /// <summary>FNV-1a over the box and the run: another wait for each.</summary>
    private static long SpreadOf(string self, string run, LeaseTerms terms)
    {
        var hash = 14695981039346656037UL;
        foreach (var c in self)
        {
            hash = (hash ^ c) * 1099511628211UL;
        }

        foreach (var c in run)
        {
            hash = (hash ^ c) * 1099511628211UL;
        }

        return terms.SpreadMs == 0 ? 0 : (long)((hash ^ (hash >> 32)) % (ulong)terms.SpreadMs);
    }
}
