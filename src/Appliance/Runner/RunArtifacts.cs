using Jesus.Appliance.Artifacts;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Storage.Projection;

namespace Jesus.Appliance.Runner;

/// <summary>
/// What runs hold in the artifact store. A run's own record (its workflow, its inputs and outputs where they are large) stays as long as the run is in the
/// journal, so that it can be read; the files that it names stay while it works and for the retention after its end.
/// </summary>
/// <param name="kept">After a run's end; zero means for ever.</param>
/// <param name="isDropped">A run whose files its owner deleted.</param>
public sealed class RunArtifacts(
    SqliteProjection projection, IJournal journal, IRunBlobs blobs, TimeSpan kept, Func<string, bool> isDropped, TimeProvider time) : IArtifactHolder
{
    /// <summary>What records in the store name in their turn, by their hash: they never change. Past so many it is read anew, a few milliseconds each.</summary>
    private const int NamedMax = 100_000;

    private readonly Dictionary<string, string[]> _named = new(StringComparer.Ordinal);

    public async ValueTask CollectAsync(ISet<string> live, CancellationToken cancel)
    {
        await projection.CatchUpAsync(journal.Durable, cancel);
        var oldest = kept > TimeSpan.Zero ? (time.GetUtcNow() - kept).UtcTicks : 0;
        using var connection = projection.OpenReader();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT b.run, b.hash, b.own, r.finished FROM run_blobs b LEFT JOIN runs r ON r.id = b.run ORDER BY b.run";
        using var rows = command.ExecuteReader();
        while (rows.Read())
        {
            cancel.ThrowIfCancellationRequested();
            var hash = Convert.ToHexStringLower(rows.GetFieldValue<byte[]>(1));
            var isOwn = rows.GetInt64(2) != 0;
            var isPast = !rows.IsDBNull(3) && (rows.GetInt64(3) < oldest || isDropped(rows.GetString(0)));
            if (isOwn || !isPast)
            {
                _ = live.Add(hash);
            }

            if (isOwn && !isPast)
            {
                live.UnionWith(NamedIn(hash));
            }
        }
    }

    private string[] NamedIn(string hash)
    {
        if (_named.TryGetValue(hash, out var named))
        {
            return named;
        }

        if (blobs.Read(hash) is not { } content)
        {
            return []; // brought by another box when it is needed
        }

        var found = new List<string>();
        HashScan.Find(content, found.Add);
        if (_named.Count >= NamedMax)
        {
            _named.Clear();
        }

        return _named[hash] = [.. found];
    }
}
