using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>
/// Stands before the call's sink for one of two attempts: holds back what shows nothing yet, wins the race with the first content and lets everything
/// through from then on, or has lost and swallows the rest.
/// </summary>
internal sealed class RaceLane(HedgeRace race, int number) : IAnswerSink
{
    private readonly HeldAnswer _held = new();

    public AttemptWatch Watch { get; set; } = null!;
    public bool Won => race.Winner == number;
    public bool Lost => race.Winner != 0 && race.Winner != number;

    public void Reset() => _held.Reset();

    public ValueTask WriteAsync(ModelEvent item)
    {
        if (item.Kind == EventKind.Working)
        {
            Watch.Works();
            return ValueTask.CompletedTask;
        }

        if (Won)
        {
            return race.Inner.WriteAsync(item);
        }

        Watch.Progress();
        if (Lost)
        {
            return ValueTask.CompletedTask;
        }

        if (!ShowsNothing(item))
        {
            return race.TryWin(number) ? LetGoAsync(item) : ValueTask.CompletedTask;
        }

        if (!_held.TryAdd(item))
        {
            Watch.Cancel(ErrorCause.Malformed);
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>The attempt has ended well without any content, and nobody else has begun: it is the answer.</summary>
    public async ValueTask<bool> WinAtEndAsync()
    {
        if (!Won && !race.TryWin(number))
        {
            return false;
        }

        await LetHeldGoAsync().ConfigureAwait(false);
        return true;
    }

    private static bool ShowsNothing(in ModelEvent item) =>
        item.Kind is EventKind.Started or EventKind.Finished || (item.Kind == EventKind.Wire && item.Wire is WirePart.Prelude or WirePart.Terminal);

    private async ValueTask LetGoAsync(ModelEvent item)
    {
        await LetHeldGoAsync().ConfigureAwait(false);
        await race.Inner.WriteAsync(item).ConfigureAwait(false);
    }

    private async ValueTask LetHeldGoAsync()
    {
        for (var i = 0; i < _held.Count; i++)
        {
            await race.Inner.WriteAsync(_held[i]).ConfigureAwait(false);
        }

        _held.Reset();
    }
}
