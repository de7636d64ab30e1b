using System.Text.Json;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>A stream as it is.</summary>
public sealed record StreamInfo
{
    public required StreamConfig Config { get; init; }
    public DateTimeOffset Created { get; init; }
    public ulong Messages { get; init; }
    public ulong Bytes { get; init; }
    public ulong FirstSequence { get; init; }
    public ulong LastSequence { get; init; }
    public int Consumers { get; init; }
    public ulong Subjects { get; init; }

    /// <summary>Name of the server that leads it; empty outside clusters and during an election.</summary>
    public string Leader { get; init; } = "";
    public IReadOnlyList<StreamReplica> Followers { get; init; } = [];

    internal static StreamInfo Read(JsonElement json)
    {
        var state = json.TryGetProperty("state", out var found) ? found : default;
        var hasState = state.ValueKind == JsonValueKind.Object;
        var hasCluster = json.TryGetProperty("cluster", out var cluster) && cluster.ValueKind == JsonValueKind.Object;
        return new StreamInfo
        {
            Config = StreamConfig.Read(json.GetProperty("config")),
            Created = JetStreamJson.MomentOf(json, "created"),
            Messages = hasState ? JetStreamJson.UlongOf(state, "messages") : 0,
            Bytes = hasState ? JetStreamJson.UlongOf(state, "bytes") : 0,
            FirstSequence = hasState ? JetStreamJson.UlongOf(state, "first_seq") : 0,
            LastSequence = hasState ? JetStreamJson.UlongOf(state, "last_seq") : 0,
            Consumers = hasState ? (int)JetStreamJson.LongOf(state, "consumer_count") : 0,
            Subjects = hasState ? JetStreamJson.UlongOf(state, "num_subjects") : 0,
            Leader = hasCluster ? JetStreamJson.TextOf(cluster, "leader") : "",
            Followers = hasCluster ? StreamReplica.ReadAll(cluster) : [],
        };
    }
}

/// <summary>A server that follows a stream's leader.</summary>
/// <param name="IsCurrent">It has all that the leader has.</param>
/// <param name="Lag">Operations that it is behind.</param>
public sealed record StreamReplica(string Name, bool IsCurrent, bool IsOffline, ulong Lag)
{
    internal static IReadOnlyList<StreamReplica> ReadAll(JsonElement cluster)
    {
        if (!cluster.TryGetProperty("replicas", out var list) || list.ValueKind != JsonValueKind.Array)
        {
            return [];
        }

        var replicas = new List<StreamReplica>(list.GetArrayLength());
        foreach (var item in list.EnumerateArray())
        {
            replicas.Add(new StreamReplica(
                JetStreamJson.TextOf(item, "name"), JetStreamJson.FlagOf(item, "current"), JetStreamJson.FlagOf(item, "offline"), JetStreamJson.UlongOf(item, "lag")));
        }

        return replicas;
    }
}
