using System.Collections.Concurrent;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Machine;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>Brings payloads from this box's store to the cluster's and back, by their hash. Thread-safe.</summary>
internal sealed class ReplicaBlobs(IRunReplicas replicas, IRunBlobs local, DurableOptions options)
{
    /// <summary>Hashes remembered as being there; past so many it begins anew, which costs a question each.</summary>
    private const int KnownMax = 10_000;

    private readonly ConcurrentDictionary<string, bool> _there = new();

    /// <summary>All that the events name is at the servers when this is done.</summary>
    public async ValueTask<ReplicaAnswer<bool>> PutAllAsync(IEnumerable<RunEvent> events, CancellationToken cancel)
    {
        foreach (var hash in events.SelectMany(LogPart.BlobsOf).Where(hash => !_there.ContainsKey(hash)))
        {
            if (local.Read(hash) is not { } bytes)
            {
                return ReplicaAnswer<bool>.Not(ReplicaStatus.Refused, $"the artifact {hash} is missing from this box's store");
            }

            var put = await replicas.PutBlobAsync(hash, bytes, cancel);
            if (!put.IsDone)
            {
                return put;
            }

            Remember(hash);
        }

        return ReplicaAnswer<bool>.Of(true);
    }

    /// <summary>Why an event cannot be replicated whatever the servers say; null when it can.</summary>
    /// <remarks>Outputs without a name are answers and results of tools, which have limits of their own.</remarks>
    public string? Problem(RunEvent item) => item.Artifact is { } artifact && artifact.Bytes > options.ArtifactBytesMax
        ? $"the artifact '{artifact.Name}' has {artifact.Bytes:N0} bytes, more than the {options.ArtifactBytesMax:N0} that a run may bring to another box"
        : null;

    /// <summary>All that must be read to go on with the events is in this box's store when this is done. Artifacts are brought when somebody asks for one.</summary>
    public async ValueTask<ReplicaAnswer<bool>> GetAllAsync(IEnumerable<RunEvent> events, CancellationToken cancel)
    {
        foreach (var item in events)
        {
            foreach (var hash in LogPart.BlobsOf(item).Where(hash => hash != item.Artifact?.Sha256 || hash == item.OutputHash))
            {
                var got = await GetAsync(hash, cancel);
                if (!got.IsDone)
                {
                    return got;
                }
            }
        }

        return ReplicaAnswer<bool>.Of(true);
    }

    public async ValueTask<ReplicaAnswer<bool>> GetAsync(string hash, CancellationToken cancel)
    {
        if (local.Read(hash) is not null)
        {
            return ReplicaAnswer<bool>.Of(true);
        }

        var read = await replicas.ReadBlobAsync(hash, cancel);
        if (!read.IsDone)
        {
            return ReplicaAnswer<bool>.Not(read.Status, read.Text);
        }

        try
        {
            return local.Put(read.Value, "application/octet-stream") == hash
                ? ReplicaAnswer<bool>.Of(true)
                : ReplicaAnswer<bool>.Not(ReplicaStatus.Refused, $"the artifact {hash} at the servers is not what its name says");
        }
        catch (IOException e)
        {
            return ReplicaAnswer<bool>.Not(ReplicaStatus.Refused, $"the artifact {hash} could not be kept: {e.Message}");
        }
    }

    private void Remember(string hash)
    {
        if (_there.Count >= KnownMax)
        {
            _there.Clear();
        }

        _there[hash] = true;
    }
}
