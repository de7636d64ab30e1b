using System.Text;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Storage.Journal;
using JournalLog = Jesus.Appliance.Storage.Journal.Journal;

namespace Jesus.Appliance.Tests.Storage.Journal;

public sealed class JournalTests
{
    private const string Folder = JournalLife.Folder;

    private readonly SimulatedDisk _disk = new(1);

    [Fact]
    public async Task An_awaited_append_can_be_read_back_and_counts_from_one()
    {
        using var journal = Open();
        Assert.Equal(1, (await journal.AppendAsync(JournalKind.Admin, "a"u8.ToArray())).Value);
        Assert.Equal(2, (await journal.AppendAsync(JournalKind.Key, "b"u8.ToArray())).Value);
        Assert.Equal(["1 Admin a", "2 Key b"], Read(journal, 0));
        Assert.Equal(["2 Key b"], Read(journal, 1));
        Assert.Empty(Read(journal, 2));
    }

    [Fact]
    public async Task A_thousand_concurrent_appends_share_syncs_and_keep_one_order()
    {
        using var journal = Open();
        var tasks = Enumerable.Range(0, 1000).Select(i => journal.AppendAsync(JournalKind.RunEvent, Encoding.UTF8.GetBytes($"{i}")).AsTask()).ToArray();
        var positions = await Task.WhenAll(tasks);
        Assert.Equal(Enumerable.Range(1, 1000).Select(i => (long)i), positions.Select(p => p.Value).Order());
        Assert.True(_disk.Syncs < 900, $"{_disk.Syncs} syncs for 1,000 records");
        var texts = Read(journal, 0);
        foreach (var (position, i) in positions.Select((p, i) => (p.Value, i)))
        {
            Assert.Equal($"{position} RunEvent {i}", texts[(int)position - 1]);
        }
    }

    [Fact]
    public async Task A_record_that_nobody_waits_for_becomes_durable_by_itself()
    {
        using var journal = Open();
        var position = journal.Append(JournalKind.Usage, "u"u8);
        for (var i = 0; i < 1000 && journal.Durable < position; i++)
        {
            await Task.Delay(10);
        }

        Assert.Equal(position, journal.Durable);
    }

    [Fact]
    public async Task Waiting_for_a_position_completes_when_it_is_durable_and_can_be_cancelled()
    {
        using var journal = Open();
        var position = journal.Append(JournalKind.Usage, "u"u8);
        await journal.WaitDurableAsync(position, CancellationToken.None);
        Assert.True(journal.Durable >= position);
        using var source = new CancellationTokenSource();
        var waiting = journal.WaitDurableAsync(new JournalPosition(99), source.Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task Reopened_it_goes_on_where_it_stopped()
    {
        using (var first = Open())
        {
            first.Append(JournalKind.Usage, "one"u8);
        }

        using var second = Open();
        Assert.Equal(new JournalPosition(1), second.OpenReport.Last);
        Assert.Null(second.OpenReport.CutFile);
        Assert.Equal(2, (await second.AppendAsync(JournalKind.Usage, "two"u8.ToArray())).Value);
        Assert.Equal(["1 Usage one", "2 Usage two"], Read(second, 0));
    }

    [Fact]
    public async Task A_failed_fsync_fails_all_who_wait_and_all_who_come_later_and_is_never_tried_again()
    {
        using var journal = JournalLog.Open(_disk, Folder, JournalLife.Small, TimeProvider.System, pumped: true);
        Commit(journal, "kept");
        _disk.FailSync = _disk.Syncs + 1;
        var first = journal.AppendAsync(JournalKind.Admin, "lost"u8.ToArray()).AsTask();
        var second = journal.AppendAsync(JournalKind.Admin, "lost"u8.ToArray()).AsTask();
        var durable = journal.WaitDurableAsync(new JournalPosition(3), CancellationToken.None).AsTask();
        Assert.False(journal.CommitPending());
        var syncs = _disk.Syncs;
        foreach (var task in new[] { first, second, durable, journal.AppendAsync(JournalKind.Admin, default).AsTask() })
        {
            await Assert.ThrowsAsync<JournalFailedException>(() => task);
        }

        Assert.Throws<JournalFailedException>(() => journal.Append(JournalKind.Admin, default));
        Assert.False(journal.CommitPending());
        Assert.Equal(syncs, _disk.Syncs);
        Assert.Equal(["1 Admin kept"], Read(journal, 0));
        Assert.Contains("must stop", (await journal.Failed).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_is_named_in_the_failure()
    {
        _disk.Capacity = 4096;
        using var journal = JournalLog.Open(_disk, Folder, JournalLife.Small, TimeProvider.System, pumped: true);
        var task = journal.AppendAsync(JournalKind.Admin, new byte[4000]).AsTask();
        Assert.False(journal.CommitPending());
        var failure = await Assert.ThrowsAsync<JournalFailedException>(() => task);
        Assert.Contains("No space left", failure.Message, StringComparison.Ordinal);
        Assert.IsType<DiskFullException>(failure.InnerException);
    }

    [Fact]
    public void A_payload_above_the_limit_is_refused_with_the_remedy()
    {
        using var journal = Open();
        var error = Assert.Throws<ArgumentException>(() => journal.Append(JournalKind.Admin, new byte[IJournal.MaxPayloadBytes + 1]));
        Assert.Contains("artifact", error.Message, StringComparison.Ordinal);
        journal.Append(JournalKind.Admin, new byte[IJournal.MaxPayloadBytes]);
    }

    [Fact]
    public void Segments_follow_each_other_and_reading_begins_anywhere()
    {
        using var journal = JournalLog.Open(_disk, Folder, JournalLife.Small, TimeProvider.System, pumped: true);
        for (var i = 1; i <= 300; i++)
        {
            Commit(journal, $"record {i}");
        }

        Assert.True(_disk.ListFiles(Folder).Count > 3);
        for (var after = 0; after < 300; after += 7)
        {
            var texts = Read(journal, after);
            Assert.Equal(300 - after, texts.Count);
            Assert.Equal($"{after + 1} Admin record {after + 1}", texts[0]);
        }
    }

    [Fact]
    public void Groups_larger_than_the_reading_window_come_back_whole()
    {
        var options = new JournalOptions { SegmentBytes = 8 << 20, PendingBytesMax = 2 << 20, ZeroAheadBytes = 4096 };
        using var journal = JournalLog.Open(_disk, Folder, options, TimeProvider.System, pumped: true);
        var random = new Random(5);
        var written = new List<byte[]>();
        for (var group = 0; group < 12; group++)
        {
            for (var n = random.Next(1, 26); n > 0; n--)
            {
                var payload = new byte[random.Next(IJournal.MaxPayloadBytes + 1)];
                random.NextBytes(payload);
                written.Add(payload);
                journal.Append(JournalKind.Call, payload);
            }

            Assert.True(journal.CommitPending());
        }

        var read = journal.ReadAfter(JournalPosition.Start).Select(r => r.Payload.ToArray()).ToList();
        Assert.Equal(written.Count, read.Count);
        Assert.All(written.Zip(read), pair => Assert.True(pair.First.AsSpan().SequenceEqual(pair.Second)));
        Assert.True(journal.Verify(CancellationToken.None).IsWhole);
    }

    [Fact]
    public void Two_processes_cannot_share_a_journal()
    {
        using var folder = new TemporaryFolder();
        using (JournalLog.Open(new PosixDisk(), folder.File("journal"), new JournalOptions(), TimeProvider.System))
        {
            var error = Assert.Throws<IOException>(() => JournalLog.Open(new PosixDisk(), folder.File("journal"), new JournalOptions(), TimeProvider.System));
            Assert.Contains("held by another process", error.Message, StringComparison.Ordinal);
        }

        JournalLog.Open(new PosixDisk(), folder.File("journal"), new JournalOptions(), TimeProvider.System).Dispose();
    }

    [Fact]
    public async Task The_real_disk_keeps_ten_thousand_records_over_a_reopening()
    {
        using var folder = new TemporaryFolder();
        var options = new JournalOptions { SegmentBytes = 256 * 1024, PendingBytesMax = 64 * 1024, ZeroAheadBytes = 64 * 1024 };
        using (var journal = JournalLog.Open(new PosixDisk(), folder.File("journal"), options, TimeProvider.System))
        {
            var tasks = Enumerable.Range(1, 10_000).Select(i => journal.AppendAsync(JournalKind.RunEvent, Encoding.UTF8.GetBytes($"record {i}")).AsTask());
            await Task.WhenAll(tasks);
        }

        using var again = JournalLog.Open(new PosixDisk(), folder.File("journal"), options, TimeProvider.System);
        Assert.Null(again.OpenReport.CutFile);
        Assert.True(again.OpenReport.Segments > 1);
        var texts = Read(again, 0);
        Assert.Equal(10_000, texts.Count);
        Assert.Equal("777 RunEvent record 777", texts[776]);
        Assert.True(again.Verify(CancellationToken.None).IsWhole);
    }

    private static List<string> Read(JournalLog journal, long after) =>
        [.. journal.ReadAfter(new JournalPosition(after)).Select(r => $"{r.Position.Value} {r.Kind} {Encoding.UTF8.GetString(r.Payload.Span)}")];

    private static void Commit(JournalLog journal, string text)
    {
        journal.Append(JournalKind.Admin, Encoding.UTF8.GetBytes(text));
        Assert.True(journal.CommitPending());
    }

    private JournalLog Open() => JournalLog.Open(_disk, Folder, new JournalOptions { ZeroAheadBytes = 4096, SegmentBytes = 1 << 20 }, TimeProvider.System);
}
