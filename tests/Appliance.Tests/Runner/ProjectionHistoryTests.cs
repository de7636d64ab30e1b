using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Storage.Projection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Jesus.Appliance.Tests.Runner;

public sealed class ProjectionHistoryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-runs").FullName;

    [Fact]
    public async Task The_projection_answers_as_the_journal_does()
    {
        using var rig = new RunnerRig(_ => new FakeAnswer("fine"));
        var done = (await rig.RunAsync("name: done\nsteps:\n  a: {prompt: {user: hello}}\n  b: {needs: a, tool: {name: calc, arguments: {expression: \"1\"}}}")).Id;
        var failed = (await rig.RunAsync("name: failed\nsteps:\n  a: {tool: {name: calc, arguments: {expression: \"1/0\"}}}")).Id;
        var open = await rig.SubmitAsync("name: open\nsteps:\n  a: {approve: {message: go}}");
        _ = await rig.UntilAsync(open, view => view.State == RunStateName.Waiting);

        using var journal = Journal.Open(new PosixDisk(), Path.Combine(_folder, "journal"), new JournalOptions(), TimeProvider.System);
        foreach (var (kind, payload) in rig.Journal.Records)
        {
            _ = await journal.AppendAsync(kind, payload);
        }

        await using var projection = new SqliteProjection(Path.Combine(_folder, "jesus.db"), journal, [new RunsTable()], new ProjectionOptions(), NullLogger.Instance);
        projection.Start();
        var (truth, asked) = (new JournalHistory(journal), new ProjectionHistory(projection, journal));

        Assert.Equal([open], await asked.UnfinishedAsync(CancellationToken.None));
        foreach (var id in new[] { done, failed, open, "none" })
        {
            var expected = await truth.ReadAsync(id, CancellationToken.None);
            var actual = await asked.ReadAsync(id, CancellationToken.None);
            Assert.Equal(expected.Select(Show), actual.Select(Show));
        }

        foreach (var filter in new[] { new RunFilter(), new RunFilter(RunStateName.Failed), new RunFilter(Workflow: "open"), new RunFilter(Before: open), new RunFilter(Limit: 2) })
        {
            Assert.Equal(await truth.ListAsync(filter, "alice", CancellationToken.None), await asked.ListAsync(filter, "alice", CancellationToken.None));
        }

        Assert.Empty(await asked.ListAsync(new RunFilter(), "bob", CancellationToken.None));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Show(StoredRunEvent stored)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        RunEventCodec.Write(buffer, stored.Event);
        return stored.Sequence + System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
