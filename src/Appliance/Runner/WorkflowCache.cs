using System.Collections.Concurrent;
using System.Security.Cryptography;
using Jesus.Appliance.Runner.Workflows;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner;

/// <summary>Checked workflows by the hash of what they were written in, so that a workflow submitted a thousand times is read once. Thread-safe.</summary>
internal sealed class WorkflowCache(IRunBlobs blobs, ToolSet tools)
{
    /// <summary>Workflows kept; a box uses dozens, and one takes some 10 KB.</summary>
    private const int KeptMax = 256;

    private readonly ConcurrentDictionary<string, CachedWorkflow> _byKey = new();

    /// <summary>The workflow of a submission; stores the files that are new.</summary>
    /// <exception cref="IOException">The store is full.</exception>
    public CachedWorkflow Of(RunSubmission submission)
    {
        var hash = Hash(submission.Workflow.Span);
        var files = submission.Files.ToDictionary(file => file.Key, file => Hash(file.Value.Span));
        var key = Key(hash, submission.FileName, files);
        if (_byKey.TryGetValue(key, out var cached))
        {
            Store(submission); // it may have been swept since: no run that was accepted may have named it
            return cached;
        }

        var parsed = WorkflowParser.Parse(submission.Workflow, submission.FileName, submission.Files, tools);
        if (parsed.Workflow is null)
        {
            return new CachedWorkflow(null, parsed.Errors, hash, files);
        }

        Store(submission);
        return Keep(key, new CachedWorkflow(parsed.Workflow, [], hash, files));
    }

    /// <summary>The workflow of a run that was read back.</summary>
    /// <exception cref="IOException">A file is missing from the store, or this version no longer accepts it.</exception>
    public Workflow Of(Machine.SubmittedRun submitted)
    {
        var key = Key(submitted.WorkflowHash, submitted.FileName, submitted.Files);
        if (_byKey.TryGetValue(key, out var cached))
        {
            return cached.Workflow!;
        }

        var files = submitted.Files.ToDictionary(file => file.Key, file => (ReadOnlyMemory<byte>)Read(file.Value, file.Key));
        var parsed = WorkflowParser.Parse(Read(submitted.WorkflowHash, submitted.FileName), submitted.FileName, files, tools);
        return parsed.Workflow is { } workflow
            ? Keep(key, new CachedWorkflow(workflow, [], submitted.WorkflowHash, submitted.Files)).Workflow!
            : throw new IOException($"the workflow {submitted.FileName} is no longer accepted: {parsed.Errors[0]}");
    }

    private void Store(RunSubmission submission)
    {
        _ = blobs.Put(submission.Workflow.Span, "application/yaml");
        foreach (var file in submission.Files.Values)
        {
            _ = blobs.Put(file.Span, "application/yaml");
        }
    }

    private CachedWorkflow Keep(string key, CachedWorkflow workflow)
    {
        if (_byKey.Count >= KeptMax)
        {
            _byKey.Clear(); // rare, and reading one again takes a millisecond
        }

        return _byKey.GetOrAdd(key, workflow);
    }

    private byte[] Read(string hash, string name) =>
        blobs.Read(hash) ?? throw new IOException($"the workflow file {name} ({hash}) is missing from the artifact store: restore it from a backup");

    private static string Key(string hash, string fileName, IReadOnlyDictionary<string, string> files) =>
        string.Join('|', files.OrderBy(file => file.Key, StringComparer.Ordinal).Select(file => file.Key + '=' + file.Value).Prepend(fileName).Prepend(hash));

    private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}

/// <param name="Workflow">Null when there are errors.</param>
internal sealed record CachedWorkflow(
    Workflow? Workflow, IReadOnlyList<WorkflowError> Errors, string Hash, IReadOnlyDictionary<string, string> Files);
