using Jesus.Appliance.Storage.Journal;
using JournalLog = Jesus.Appliance.Storage.Journal.Journal;

namespace Jesus.Appliance.Tests.Storage.Journal;

/// <summary>A damaged byte anywhere is an error that names file and offset, or, in the group that nothing follows, a cut that is reported; never a silent loss.</summary>
public sealed class JournalDamageTests
{
    private const int Groups = 60;

    private readonly SimulatedDisk _disk = new(1);

    public JournalDamageTests()
    {
        using var journal = Open();
        for (var i = 1; i <= Groups; i++)
        {
            journal.Append(JournalKind.Admin, System.Text.Encoding.UTF8.GetBytes($"record {i} of {Groups}"));
            Assert.True(journal.CommitPending());
        }
    }

    [Fact]
    public void Any_damaged_byte_of_any_segment_is_noticed()
    {
        var files = _disk.ListFiles(JournalLife.Folder);
        Assert.True(files.Count >= 2);
        foreach (var path in files.Select(f => Path.Combine(JournalLife.Folder, f)))
        {
            var whole = _disk.Content(path);
            var isLast = path.EndsWith(files[^1], StringComparison.Ordinal);
            var read = isLast ? whole.Length : whole.AsSpan().LastIndexOfAnyExcept((byte)0) + 1; // nobody reads the zeros at the end of a full segment
            for (var offset = 0; offset < read; offset++)
            {
                var damaged = (byte[])whole.Clone();
                damaged[offset] ^= 0x41;
                _disk.Damage(path, damaged);
                CheckNoticed(path, offset);
                _disk.Damage(path, whole);
            }
        }
    }

    [Fact]
    public void A_missing_segment_in_the_middle_is_an_error()
    {
        var first = Path.Combine(JournalLife.Folder, _disk.ListFiles(JournalLife.Folder)[0]);
        _disk.Delete(first);
        var error = Assert.Throws<JournalCorruptException>(Open);
        Assert.Contains("missing", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_zeroed_sector_in_the_middle_is_an_error_not_the_end()
    {
        var last = Path.Combine(JournalLife.Folder, _disk.ListFiles(JournalLife.Folder)[^1]);
        var content = _disk.Content(last);
        content.AsSpan(SegmentHeader.Bytes, GroupHeader.Bytes + 60).Clear();
        _disk.Damage(last, content);
        var error = Assert.Throws<JournalCorruptException>(Open);
        Assert.Equal(last, error.File);
        Assert.Equal(SegmentHeader.Bytes, error.Offset);
        Assert.Contains("Restore the journal folder", error.Message, StringComparison.Ordinal);
    }

    private void CheckNoticed(string path, int offset)
    {
        try
        {
            using var journal = Open();
            var count = journal.ReadAfter(JournalPosition.Start).Count();
            Assert.True(count >= Groups - 1, $"{path}, offset {offset}: only {count} records are left");
            Assert.Equal(path, journal.OpenReport.CutFile);
        }
        catch (JournalCorruptException e)
        {
            Assert.Equal(path, e.File);
        }
    }

    private JournalLog Open() => JournalLog.Open(_disk, JournalLife.Folder, JournalLife.Small, TimeProvider.System, pumped: true);
}
