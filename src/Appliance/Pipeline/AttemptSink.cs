using System.Security.Cryptography;
using Jesus.Appliance.Cache;
using Jesus.Appliance.Router;
using Jesus.Inference.Contract;
using Jesus.Transport.Timing;

namespace Jesus.Appliance.Pipeline;

/// <summary>
/// Stands between an attempt and the caller's sink: notes progress, decides what is committed, holds back what must be whole first and the terminal events
/// (they go out in step 9), and turns a reader that went away into a cancelled attempt.
/// </summary>
internal sealed class AttemptSink(AttemptWatch first, ShownAnswer shown, TimeProvider time) : IAnswerSink
{
    private AttemptWatch _watch = first;

    private readonly HeldAnswer _held = new();

    /// <summary>The provider's own bytes that came before any content: they show nothing, so another candidate may still answer.</summary>
    private readonly HeldAnswer _prelude = new();

    /// <summary>Terminal events of the attempt, for step 9.</summary>
    private readonly HeldAnswer _terminal = new();
    private readonly IncrementalHash _digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private IAnswerSink? _reader;
    private CommitPoint _commit;
    private Usage? _startedSent;
    private bool _digestBegun;

    /// <summary>Part of the answer has reached the caller: no other candidate may start it again.</summary>
    public bool Committed { get; private set; }

    /// <summary>This attempt has produced text, reasoning or a tool call that the caller did not have.</summary>
    public bool SawContent { get; private set; }

    /// <summary>When the first content of the call came; 0 when none did.</summary>
    public long FirstContentMs { get; private set; }

    /// <summary>When the first content of this attempt came; 0 when none did.</summary>
    public long AttemptContentMs { get; private set; }

    /// <summary>The caller's sink threw: nobody reads any more.</summary>
    public bool ReaderLeft { get; private set; }

    /// <summary>The held-back answer grew past <see cref="HeldAnswer.BytesMax"/>.</summary>
    public bool Overflowed { get; private set; }

    public void Begin(IAnswerSink reader, CommitPoint commit)
    {
        Reset();
        _reader = reader;
        _commit = commit;
    }

    /// <summary>What the reader is given from now on goes through a recorder.</summary>
    public void ReadThrough(AnswerRecorder recorder, long bytesMax)
    {
        recorder.Begin(_reader, bytesMax);
        _reader = recorder;
    }

    /// <summary>The next attempt writes from the start, or goes on with what a lost one showed: what it says again on the way there is dropped.</summary>
    public void BeginAttempt()
    {
        if (!shown.IsLost)
        {
            ResetAttempt();
            return;
        }

        shown.BeginRescue();
        _terminal.Reset();
        SawContent = false;
        AttemptContentMs = 0;
    }

    /// <summary>Whose attempt writes from now on.</summary>
    public void Follow(AttemptWatch watch) => _watch = watch;

    public ValueTask WriteAsync(ModelEvent item)
    {
        if (item.Kind == EventKind.Working)
        {
            _watch.Works();
            return ValueTask.CompletedTask;
        }

        _watch.Progress();
        switch (item.Kind)
        {
            case EventKind.Started:
                return StartAsync(item);
            case EventKind.Finished:
            case EventKind.Wire when item.Wire == WirePart.Terminal:
                Hold(_terminal, item with { Tokens = default });
                return ValueTask.CompletedTask;
            case EventKind.Wire when item.Wire == WirePart.Prelude && !Committed:
                Hold(_prelude, item);
                return ValueTask.CompletedTask;
            default:
                return ContentAsync(item);
        }
    }

    /// <summary>The held-back answer is whole: is it what was asked for?</summary>
    public bool HeldAnswerFits(ModelRequest request, out string problem)
    {
        problem = "";
        return _commit != CommitPoint.Complete || _terminal.Ends(FinishReason.ToolCalls) || _terminal.Ends(FinishReason.Refusal)
            || AnswerCheck.Fits(_held, request, out problem);
    }

    /// <summary>Lets the held-back answer go.</summary>
    public async ValueTask ReleaseAsync()
    {
        if (_held.Count > 0)
        {
            Committed = true;
            await ReleaseAsync(_prelude).ConfigureAwait(false);
            await ReleaseAsync(_held).ConfigureAwait(false);
        }
    }

    /// <summary>Step 9: the terminal events of a whole answer, or one that says that a committed answer broke off.</summary>
    public async ValueTask FinishAsync(bool succeeded, FinishReason reason)
    {
        if (!succeeded && !Committed)
        {
            return;
        }

        if (!succeeded)
        {
            await ForwardAsync(new ModelEvent { Kind = EventKind.Finished, Reason = reason }).ConfigureAwait(false);
            return;
        }

        // An answer without any content: what came before it still belongs to it.
        await ReleaseAsync(_prelude).ConfigureAwait(false);
        var hadTerminal = _terminal.Ends(FinishReason.None);
        await ReleaseAsync(_terminal).ConfigureAwait(false);
        if (!hadTerminal)
        {
            await ForwardAsync(new ModelEvent { Kind = EventKind.Finished, Reason = reason }).ConfigureAwait(false);
        }
    }

    /// <summary>Why the first choice ended, as the adapter's event said it.</summary>
    public FinishReason Reason => _terminal.FirstReason;

    /// <summary>SHA-256 of the answer's content bytes in the order they came; starts anew.</summary>
    public void WriteDigest(Span<byte> sha256)
    {
        _digestBegun = false;
        _digest.GetHashAndReset(sha256);
    }

    public void Reset()
    {
        _reader = null;
        _startedSent = null;
        Committed = false;
        FirstContentMs = 0;
        ReaderLeft = false;
        ResetAttempt();
    }

    private void ResetAttempt()
    {
        _held.Reset();
        _prelude.Reset();
        _terminal.Reset();
        SawContent = false;
        AttemptContentMs = 0;
        Overflowed = false;
        DropDigest();
    }

    private void DropDigest()
    {
        if (!_digestBegun)
        {
            return;
        }

        _digestBegun = false;
        Span<byte> dropped = stackalloc byte[SHA256.HashSizeInBytes];
        _digest.GetHashAndReset(dropped);
    }

    /// <summary>Once; and again when another candidate, before anything is shown, counts the prompt otherwise.</summary>
    private ValueTask StartAsync(in ModelEvent item)
    {
        if (_startedSent is { } sent && (Committed || sent == item.ToPrompt()))
        {
            return ValueTask.CompletedTask;
        }

        _startedSent = item.ToPrompt();
        return ForwardAsync(item);
    }

    private ValueTask ContentAsync(in ModelEvent item)
    {
        var had = shown.Take(item);
        return had == 0 ? NewContentAsync(item)
            : had == item.Utf8.Length ? ValueTask.CompletedTask : NewContentAsync(item with { Utf8 = item.Utf8[had..] });
    }

    private ValueTask NewContentAsync(in ModelEvent item)
    {
        if (!SawContent)
        {
            SawContent = true;
            AttemptContentMs = Math.Max(1, time.NowMs());
            FirstContentMs = FirstContentMs == 0 ? AttemptContentMs : FirstContentMs;
        }

        if (item.Kind != EventKind.Wire)
        {
            _digestBegun = true;
            _digest.AppendData(item.Utf8.Span);
        }

        if (_commit == CommitPoint.Complete)
        {
            Hold(_held, item);
            return ValueTask.CompletedTask;
        }

        if (Committed)
        {
            return ForwardAsync(item);
        }

        Committed = true;
        _watch.Commit();
        return _prelude.Count == 0 ? ForwardAsync(item) : ForwardWithPreludeAsync(item);
    }

    private async ValueTask ForwardWithPreludeAsync(ModelEvent item)
    {
        await ReleaseAsync(_prelude).ConfigureAwait(false);
        await ForwardAsync(item).ConfigureAwait(false);
    }

    private async ValueTask ReleaseAsync(HeldAnswer held)
    {
        for (var i = 0; i < held.Count && !ReaderLeft; i++)
        {
            await ForwardAsync(held[i]).ConfigureAwait(false);
        }

        held.Reset();
    }

    private void Hold(HeldAnswer held, in ModelEvent item)
    {
        if (!held.TryAdd(item))
        {
            Overflowed = true;
            _watch.Cancel(ErrorCause.Malformed);
        }
    }

    private ValueTask ForwardAsync(in ModelEvent item)
    {
        if (ReaderLeft || _reader is null)
        {
            return ValueTask.CompletedTask;
        }

        ValueTask write;
        try
        {
            write = _reader.WriteAsync(item);
        }
        catch (Exception gone) when (IsReaderGone(gone))
        {
            Leave();
            return ValueTask.CompletedTask;
        }

        return write.IsCompletedSuccessfully ? ValueTask.CompletedTask : WaitForReaderAsync(write);
    }

    private async ValueTask WaitForReaderAsync(ValueTask write)
    {
        _watch.Reading(true);
        try
        {
            await write.ConfigureAwait(false);
        }
        catch (Exception gone) when (IsReaderGone(gone))
        {
            Leave();
        }
        finally
        {
            _watch.Reading(false);
        }
    }

    private void Leave()
    {
        ReaderLeft = true;
        _watch.Cancel(ErrorCause.Cancelled);
    }

    private static bool IsReaderGone(Exception exception) => exception is OperationCanceledException or IOException or ObjectDisposedException;
}
