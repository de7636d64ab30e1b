using System.Text;
using Jesus.Appliance.Audit;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Storage.Projection;
using Microsoft.Extensions.Logging.Abstractions;
using JournalLog = Jesus.Appliance.Storage.Journal.Journal;

namespace Jesus.Appliance.Tests.Storage.Projection;

public sealed class SqliteProjectionTests : IDisposable
{
    private static readonly ProjectionOptions Options = new() { BatchRecordsMax = 37 };

    private readonly TemporaryFolder _folder = new();
    private readonly JournalLog _journal = OpenJournal(1);

    private string Path => _folder.File("jesus.db");

    public void Dispose()
    {
        _journal.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_query_sees_what_was_just_written_after_catching_up()
    {
        await using var projection = Start();
        var position = await _journal.AppendAsync(JournalKind.Usage, "a"u8.ToArray());
        await projection.CatchUpAsync(position, CancellationToken.None);
        Assert.Equal("a=1@1 ", CountTable.Content(projection));
        position = _journal.Append(JournalKind.Usage, "a"u8);
        await projection.CatchUpAsync(position, CancellationToken.None);
        Assert.Equal("a=2@2 ", CountTable.Content(projection));
    }

    [Fact]
    public async Task A_deleted_database_is_rebuilt_with_the_same_content()
    {
        var before = await FillAsync(500);
        File.Delete(Path);
        await using var again = Start();
        Assert.Equal(before, await ContentAsync(again));
    }

    [Fact]
    public async Task A_database_deleted_under_the_running_daemon_is_rebuilt()
    {
        await FillAsync(100);
        await using var projection = Start();
        await ContentAsync(projection);
        File.Delete(Path);
        _journal.Append(JournalKind.Usage, "late"u8);
        Assert.Contains("late=1@", await ContentAsync(projection), StringComparison.Ordinal);
        Assert.Contains("word1=", CountTable.Content(projection), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_database_is_rebuilt_with_the_same_content()
    {
        var before = await FillAsync(500);
        for (var seed = 1; seed <= 20; seed++)
        {
            var random = new Random(seed);
            var content = await File.ReadAllBytesAsync(Path);
            var from = seed == 1 ? 0 : random.Next(content.Length);
            random.NextBytes(content.AsSpan(from, Math.Min(content.Length - from, seed == 1 ? 100 : 2000)));
            await File.WriteAllBytesAsync(Path, seed == 2 ? [] : content);
            _journal.Append(JournalKind.Usage, "word1"u8);
            await using var again = Start();
            await again.CatchUpAsync(Last(), CancellationToken.None);
        }

        File.Delete(Path);
        await using var last = Start();
        Assert.Equal(before.Split(' ').Length, (await ContentAsync(last)).Split(' ').Length);
    }

    [Fact]
    public async Task A_kill_at_any_moment_leaves_a_database_that_ends_with_the_same_content()
    {
        var expected = await FillAsync(2000);
        File.Delete(Path);
        for (var kill = 0; kill < 10; kill++)
        {
            var image = _folder.File($"kill{kill}.db");
            await using (var dying = Start())
            {
                for (var spin = 0; dying.Applied.Value < kill * 200 && spin < 10_000; spin++)
                {
                    await Task.Delay(1);
                }

                Copy("", image);
                Copy("-wal", image);
            }

            await using var survivor = Start(image);
            Assert.Equal(expected, await ContentAsync(survivor));
            File.Delete(Path);
        }
    }

    [Fact]
    public async Task Another_schema_version_or_another_part_rebuilds()
    {
        var before = await FillAsync(100);
        await using (var newer = Start(tables: [new CountTable(version: 2)]))
        {
            Assert.Equal(before, await ContentAsync(newer));
        }

        await using var wider = Start(tables: [new CountTable(version: 2), new AuditTable()]);
        Assert.Equal(before, await ContentAsync(wider));
    }

    [Fact]
    public async Task A_database_of_another_journal_is_rebuilt()
    {
        await FillAsync(100);
        using var other = OpenJournal(2);
        await other.AppendAsync(JournalKind.Usage, "other"u8.ToArray());
        await using var projection = new SqliteProjection(Path, other, [new CountTable()], Options, NullLogger.Instance);
        projection.Start();
        await projection.CatchUpAsync(new JournalPosition(1), CancellationToken.None);
        Assert.Equal("other=1@1 ", CountTable.Content(projection));
    }

    [Fact]
    public async Task A_record_that_a_part_cannot_read_is_counted_and_the_rest_goes_on()
    {
        await using var projection = Start();
        _journal.Append(JournalKind.Usage, "a"u8);
        _journal.Append(JournalKind.Usage, "poison"u8);
        await projection.CatchUpAsync(_journal.Append(JournalKind.Usage, "b"u8), CancellationToken.None);
        Assert.Equal("a=1@1 b=1@3 ", CountTable.Content(projection));
        Assert.Equal(1, projection.Skipped);
    }

    [Fact]
    public async Task Waiting_for_what_is_not_written_can_be_cancelled()
    {
        await using var projection = Start();
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => projection.CatchUpAsync(new JournalPosition(1), cancel.Token).AsTask());
    }

    private static JournalLog OpenJournal(int seed) =>
        JournalLog.Open(new SimulatedDisk(seed), "/state/journal", new JournalOptions { ZeroAheadBytes = 4096 }, TimeProvider.System);

    private async Task<string> FillAsync(int records)
    {
        for (var i = 1; i <= records; i++)
        {
            _journal.Append(i % 3 == 0 ? JournalKind.Admin : JournalKind.Usage, Encoding.UTF8.GetBytes($"word{i % 17}"));
        }

        await using var projection = Start();
        return await ContentAsync(projection);
    }

    private async Task<string> ContentAsync(SqliteProjection projection)
    {
        await projection.CatchUpAsync(Last(), CancellationToken.None);
        return CountTable.Content(projection);
    }

    private JournalPosition Last() => _journal.Append(JournalKind.Call, default);

    private void Copy(string suffix, string image)
    {
        if (File.Exists(Path + suffix))
        {
            File.Copy(Path + suffix, image + suffix);
        }
    }

    private SqliteProjection Start(string? path = null, IReadOnlyList<IProjectionTable>? tables = null)
    {
        var projection = new SqliteProjection(path ?? Path, _journal, tables ?? [new CountTable()], Options, NullLogger.Instance);
        projection.Start();
        return projection;
    }
}
