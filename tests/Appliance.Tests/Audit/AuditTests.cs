using System.Text;
using Jesus.Appliance.Audit;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tests.Storage;

namespace Jesus.Appliance.Tests.Audit;

public sealed class AuditTests : IDisposable
{
    private const string Folder = "/state/journal";

    private readonly SimulatedDisk _disk = new(1);
    private readonly Journal _journal;

    public AuditTests()
    {
        _journal = Journal.Open(_disk, Folder, new JournalOptions { SegmentBytes = 4096, PendingBytesMax = 1024, ZeroAheadBytes = 512 }, new FixedTime(), pumped: true);
        for (var i = 1; i <= 60; i++)
        {
            _journal.Append(i % 2 == 0 ? JournalKind.Admin : JournalKind.Usage, Encoding.UTF8.GetBytes($"{{\"n\":{i}}}"));
            _journal.CommitPending();
        }
    }

    public void Dispose() => _journal.Dispose();

    [Fact]
    public void The_view_shows_only_audited_kinds_in_order_and_page_by_page()
    {
        var first = AuditView.Read(_journal, JournalPosition.Start, 20);
        Assert.Equal(Enumerable.Range(1, 20).Select(i => $"{{\"n\":{i * 2}}}"), first.Select(e => e.Payload));
        var second = AuditView.Read(_journal, first[^1].Position, 20);
        Assert.Equal(42, second[0].Position.Value);
        Assert.Equal(10, second.Count);
    }

    [Fact]
    public void A_whole_journal_verifies_and_names_its_head()
    {
        var report = AuditVerifier.Verify(_journal, CancellationToken.None);
        Assert.True(report.IsWhole);
        Assert.Equal((60, 60), (report.Records, report.Groups));
        Assert.Equal(64, report.Head.Length);
    }

    [Fact]
    public void A_record_rewritten_with_a_right_checksum_still_breaks_the_chain()
    {
        var path = Path.Combine(Folder, _disk.ListFiles(Folder)[0]);
        var content = _disk.Content(path);
        var at = content.AsSpan().IndexOf("{\"n\":4}"u8) - RecordFrame.HeaderBytes;
        var frame = RecordFrame.Read(content.AsSpan(at));
        RecordFrame.Write(content.AsSpan(at), frame.Position, frame.Kind, frame.UtcTicks, "{\"n\":5}"u8);
        _disk.Damage(path, content);
        var report = AuditVerifier.Verify(_journal, CancellationToken.None);
        Assert.False(report.IsWhole);
        Assert.Equal(path, report.BadFile);
        Assert.Equal(4, report.Records);
        Assert.Contains("link", report.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_record_is_named_by_file_and_offset()
    {
        var path = Path.Combine(Folder, _disk.ListFiles(Folder)[1]);
        var content = _disk.Content(path);
        var at = content.AsSpan().IndexOf("{\"n\":"u8);
        content[at] ^= 1;
        _disk.Damage(path, content);
        var report = AuditVerifier.Verify(_journal, CancellationToken.None);
        Assert.Equal(path, report.BadFile);
        Assert.InRange(report.BadOffset, at - RecordFrame.HeaderBytes, at);
    }
}
