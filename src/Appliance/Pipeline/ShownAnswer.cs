using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>
/// What the caller has of the answer under way: its tokens, and how many bytes beyond the last of them. With it another candidate of equal arithmetic goes on
/// where a lost one stopped. Owned by a <see cref="CallPath"/> and reset with it; an answer of usual length allocates nothing here.
/// </summary>
internal sealed class ShownAnswer
{
    /// <summary>128 Ki tokens are the longest contexts in use: 512 KB a call. What comes after them is drawn anew by the rescuer and dropped.</summary>
    public const int TokensMax = 128 * 1024;

    /// <summary>Each rescue reads the prompt and everything shown once more; an answer that was lost so often would be lost again.</summary>
    public const int RescuesMax = 8;

    /// <summary>Storage that outlives a call: 16 KB for each of the 512 paths that are kept.</summary>
    private const int KeptMax = 4_096;

    private int[] _ids = [];
    private int _count;
    private int _givenCount;
    private bool _isFull;
    private long _beyond;
    private long _repeated;

    /// <summary>A lost answer of this call could be gone on with: one choice, shown as it comes, and somebody else to turn to.</summary>
    public bool IsKept { get; private set; }

    /// <summary>A candidate was lost after part of its answer was shown: every attempt from now on goes on with that.</summary>
    public bool IsLost { get; private set; }

    /// <summary>How often that happened.</summary>
    public int Losses { get; private set; }

    /// <summary>Who showed the last part, and why it was lost.</summary>
    public Candidate? LostBy { get; private set; }
    public ModelError Loss { get; private set; }

    /// <summary>Somebody has tried to go on and failed.</summary>
    public bool WasTried { get; set; }

    /// <summary>Tokens of this call's own that were shown by then.</summary>
    public int LostAfter { get; private set; }

    /// <summary>The arithmetic that drew the tokens.</summary>
    public NumericsProfile Numerics { get; private set; }

    /// <summary>The limit that the first candidate was given: a rescuer ends where that one would have.</summary>
    public int MaxOutputTokens { get; private set; }

    /// <summary>Tokens that the caller has, those that the request came with included.</summary>
    public ReadOnlyMemory<int> Tokens => _ids.AsMemory(0, _count);

    /// <summary>Those among <see cref="Tokens"/> that this call showed.</summary>
    public int OwnCount => _count - _givenCount;
    public int GivenCount => _givenCount;

    /// <summary>Only a candidate of this call's <see cref="Numerics"/> may be called: here or on another box part of the answer is shown.</summary>
    public bool NeedsAlike => !Numerics.IsUnknown;

    /// <param name="given">Tokens that the request itself goes on after.</param>
    /// <param name="numerics">The arithmetic that drew what its client has.</param>
    public void Begin(bool isKept, ReadOnlySpan<int> given, in NumericsProfile numerics)
    {
        (IsKept, Numerics) = (isKept, numerics);
        if (isKept && !given.IsEmpty)
        {
            Keep(given);
            _givenCount = _count;
        }
    }

    /// <summary>Takes what is about to be shown. Returns how many of its first bytes the caller has already.</summary>
    public int Take(in ModelEvent item)
    {
        if (!IsKept)
        {
            return 0;
        }

        var had = (int)Math.Min(_repeated, item.Utf8.Length);
        _repeated -= had;
        _beyond += item.Utf8.Length - had;
        if (!item.Tokens.Ids.IsEmpty && Keep(item.Tokens.Ids.Span))
        {
            // What was shown past this event before the loss is past these tokens now.
            _beyond = _repeated;
        }

        return had;
    }

    /// <summary>The candidate is lost in the middle of the answer.</summary>
    public void Lose(Candidate candidate, in NumericsProfile numerics, int maxOutputTokens, in ModelError loss)
    {
        MaxOutputTokens = IsLost ? MaxOutputTokens : maxOutputTokens;
        (IsLost, LostBy, Loss, Numerics, LostAfter) = (true, candidate, loss, numerics, OwnCount);
        Losses++;
    }

    /// <summary>The next attempt begins after <see cref="Tokens"/>: what is shown beyond them comes again.</summary>
    public void BeginRescue() => _repeated = _beyond;

    public void Reset()
    {
        _ids = _ids.Length > KeptMax ? [] : _ids;
        (_count, _givenCount, _isFull, _beyond, _repeated) = (0, 0, false, 0, 0);
        (WasTried, IsKept, IsLost, Losses, LostBy, Loss, LostAfter, Numerics, MaxOutputTokens) = (false, false, false, 0, null, default, 0, default, 0);
    }

    /// <summary>False when there is no room: then nothing is kept from here on, since tokens with a gap are of no use.</summary>
    private bool Keep(ReadOnlySpan<int> ids)
    {
        _isFull |= _count + ids.Length > TokensMax;
        if (_isFull)
        {
            return false;
        }

        if (_count + ids.Length > _ids.Length)
        {
            // Never in place: a rescuer may be reading the tokens before.
            Array.Resize(ref _ids, Math.Max(Math.Max(256, _ids.Length * 2), _count + ids.Length));
        }

        ids.CopyTo(_ids.AsSpan(_count));
        _count += ids.Length;
        return true;
    }
}
