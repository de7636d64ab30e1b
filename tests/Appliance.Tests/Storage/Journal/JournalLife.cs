using Jesus.Appliance.Storage.Journal;
using JournalLog = Jesus.Appliance.Storage.Journal.Journal;

namespace Jesus.Appliance.Tests.Storage.Journal;

/// <summary>A seeded workload on a simulated disk that remembers what it was promised.</summary>
internal sealed class JournalLife(int seed)
{
    public const string Folder = "/state/journal";

    /// <summary>Small enough that a short life begins several segments.</summary>
    public static readonly JournalOptions Small = new() { SegmentBytes = 6 * 1024, PendingBytesMax = 4 * 1024, ZeroAheadBytes = 1024 };

    private readonly Random _random = new(seed * 7919);
    private readonly List<byte[]> _submitted = [];
    private int _acknowledged;

    public SimulatedDisk Disk { get; } = new(seed);

    /// <summary>Opens the journal and appends until done or until the power fails.</summary>
    public void Live()
    {
        try
        {
            using var journal = JournalLog.Open(Disk, Folder, Small, TimeProvider.System, pumped: true);
            for (var group = 0; group < 10; group++)
            {
                if (!AppendGroup(journal))
                {
                    return;
                }
            }
        }
        catch (PowerLostException)
        {
            // while opening: nothing was appended
        }
    }

    /// <summary>Reopens and compares with what was promised; what survived unacknowledged is durable from here on.</summary>
    public void Check(string place)
    {
        using var journal = JournalLog.Open(Disk, Folder, Small, TimeProvider.System, pumped: true);
        var count = 0;
        foreach (var record in journal.ReadAfter(JournalPosition.Start))
        {
            Assert.True(record.Position.Value == count + 1, $"{place}: record {record.Position.Value} follows {count}");
            Assert.True(count < _submitted.Count, $"{place}: record {count + 1} was never submitted");
            Assert.True(record.Payload.Span.SequenceEqual(_submitted[count]), $"{place}: record {count + 1} differs from what was submitted");
            count++;
        }

        Assert.True(count >= _acknowledged, $"{place}: {_acknowledged} records acknowledged, {count} there");
        _submitted.RemoveRange(count, _submitted.Count - count);
        _acknowledged = count;
    }

#pragma warning disable CA2012 // The tasks of one group are looked at once each, after its commit.
    private bool AppendGroup(JournalLog journal)
    {
        var tasks = new List<ValueTask<JournalPosition>>();
        for (var n = _random.Next(1, 5); n > 0; n--)
        {
            var payload = new byte[_random.Next(20) == 0 ? _random.Next(900) : _random.Next(200)];
            _random.NextBytes(payload);
            _submitted.Add(payload);
            tasks.Add(journal.AppendAsync(JournalKind.RunEvent, payload));
        }

        var written = journal.CommitPending();
        foreach (var task in tasks)
        {
            Assert.True(task.IsCompleted);
            if (task.IsCompletedSuccessfully)
            {
                Assert.Equal(++_acknowledged, task.Result.Value);
            }
        }

        return written;
    }
#pragma warning restore CA2012
}
