using System.Collections.Concurrent;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>The shadows that are open. Thread-safe.</summary>
internal sealed class RunShadows
{
    /// <summary>One that nobody looks at is kept so long for the next question.</summary>
    private const long KeptMs = 30_000;

    private readonly DurableRooms _rooms;
    private readonly DurableRuns _durable;
    private readonly DurableOptions _options;
    private readonly ConcurrentDictionary<string, RunShadow> _open = new();

    public RunShadows(DurableRooms rooms, DurableRuns durable, DurableOptions options)
    {
        (_rooms, _durable, _options) = (rooms, durable, options);
        durable.Changed += OnChanged;
    }

    /// <returns>Null when as many are open and followed as may.</returns>
    public RunShadow? Of(string runId)
    {
        if (_open.TryGetValue(runId, out var shadow))
        {
            return shadow;
        }

        foreach (var (id, old) in _open.OrderBy(pair => pair.Value.UsedAt).Where(pair => !pair.Value.IsFollowed))
        {
            if (_open.Count >= _options.ShadowsMax || _rooms.NowMs - old.UsedAt > KeptMs)
            {
                _ = _open.TryRemove(id, out _);
            }
        }

        return _open.Count >= _options.ShadowsMax ? null : _open.GetOrAdd(runId, id => new RunShadow(id, _rooms, _durable));
    }

    private void OnChanged(string runId)
    {
        if (_open.TryGetValue(runId, out var shadow) && shadow.IsFollowed)
        {
            _ = RefreshAsync(shadow);
        }
    }

    /// <summary>What cannot be read now is read again until it can, or nobody follows any more: no later change may come to ask for it.</summary>
    private async Task RefreshAsync(RunShadow shadow)
    {
        try
        {
            while (await shadow.RefreshAsync(CancellationToken.None) is { Length: > 0 } && shadow.IsFollowed)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), _rooms.Time);
            }
        }
        catch (Exception e) when (e is IOException or System.Text.Json.JsonException)
        {
            shadow.Close();
        }
    }
}
