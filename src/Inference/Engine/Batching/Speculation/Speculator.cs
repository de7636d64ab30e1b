namespace Jesus.Inference.Engine.Batching.Speculation;

/// <summary>
/// Guesses what the answers of the next pass will say: by lookup where the text repeats itself, else by the draft model where there is one. Both only where measured costs and
/// acceptance say that it wins. The loop's; allocates nothing.
/// </summary>
/// <param name="limits">Whether anything is guessed, and how many rows a pass has.</param>
/// <param name="logitRows">Rows with logits of a pass.</param>
/// <param name="contextTokens">Positions of one sequence.</param>
/// <param name="costs">What passes take.</param>
/// <param name="model">The draft model; null: there is none.</param>
internal sealed class Speculator(BatchLimits limits, int logitRows, int contextTokens, PassCosts costs, DraftModel? model)
{
    /// <summary>Tokens of the first guess, which shows what the draft model's passes take.</summary>
    private const int LengthAtFirst = 4;

    /// <summary>So many tokens are read wherever guesses would pay: at prompts' speed that is about a pass.</summary>
    private const int ReadFreely = 64;

    /// <summary>An answer whose length nobody knows goes on for so many tokens at most, when it comes to what reading its prompt is worth.</summary>
    private const int AnswerExpected = 256;

    /// <summary>What reading is to save, as a multiple of what it takes: acceptance and length are guesses themselves.</summary>
    private const double ReadGain = 2;

    /// <summary>A new sequence brings the share over all so much nearer to where it began: a model that failed for long is tried again some time.</summary>
    private const double Forgives = 1.0 / 32;

    private readonly Sequence[] _ready = new Sequence[DraftModel.SequencesMax];
    private readonly int[] _indices = new int[DraftModel.SequencesMax];
    private readonly double[] _shares = new double[DraftModel.SequencesMax];
    private int _readyCount;

    /// <summary>Writes into the loads how many guessed tokens to compute.</summary>
    /// <param name="running">The sequences.</param>
    /// <param name="loads">Of the same order.</param>
    /// <param name="answers">How many decode.</param>
    /// <param name="isShared">Prompts or texts are read in the same pass: then the draft model, whose passes come before it, would only delay them.</param>
    public void Guess(IReadOnlyList<Sequence> running, Span<SequenceLoad> loads, int answers, bool isShared)
    {
        if (!limits.Speculates || answers == 0)
        {
            return;
        }

        var asks = model is { IsBroken: false } && !isShared && costs.IsKnown ? model : null;
        asks?.Clear();
        _readyCount = 0;
        var (rows, isReading) = (answers, false);
        for (var i = 0; i < loads.Length; i++)
        {
            if (loads[i] is not { Pending: 1, IsPaused: false })
            {
                continue;
            }

            var sequence = running[i];
            var drafts = LookUp(sequence, rows, answers);
            loads[i] = loads[i] with { Drafts = drafts };
            rows += drafts;
            if (drafts == 0 && asks is not null && MayGuess(asks, sequence))
            {
                isReading = Consider(asks, sequence, i, answers, isReading);
            }
        }

        if (_readyCount > 0 || isReading)
        {
            Ask(asks!, rows, answers);
            asks!.Run();
            Plan(loads);
        }
    }

    private int LookUp(Sequence sequence, int rows, int answers)
    {
        var draft = sequence.Draft;
        draft.Set(PromptLookup.Propose(sequence.Tokens.Span, draft.Room));
        return DraftPolicy.Length(draft.Lookup.Share, Math.Min(draft.Tokens.Length, RoomOf(sequence)), rows, answers, costs);
    }

    /// <summary>The last token of an answer is never computed: a guess beyond it, or beyond the context, would be for nothing.</summary>
    private int RoomOf(Sequence sequence) =>
        Math.Min(sequence.Generation.OutputTokensMax - sequence.OutputCount - 1, contextTokens - sequence.Tokens.Count);

    /// <summary>Where a constraint holds, the draft model, which knows nothing of it, would be wrong too often.</summary>
    private bool MayGuess(DraftModel draft, Sequence sequence)
    {
        if (_readyCount == DraftModel.SequencesMax || (sequence.IsConstrained && !sequence.Constraint.IsFree) || LengthMax(draft, sequence) < 1)
        {
            return false;
        }

        var track = draft.TrackOf(sequence);
        if (track.IsNew)
        {
            track.Start();
            sequence.Draft.Model.Begin(draft.Accepted.Share);
            draft.Accepted.Begin(draft.Accepted.Share + ((Acceptance.AtFirst - draft.Accepted.Share) * Forgives));
        }

        if (track.WakesUp(sequence.Tokens.Count))
        {
            sequence.Draft.Model.Begin(Math.Max(draft.Accepted.Share, Acceptance.AtFirst));
        }

        return !track.IsOff && !track.IsResting(sequence.Tokens.Count);
    }

    private int LengthMax(DraftModel draft, Sequence sequence) =>
        Math.Min(Draft.TokensMax, Math.Min(RoomOf(sequence), draft.ContextTokens - sequence.Tokens.Count));

    /// <summary>Notes a sequence that can be guessed for, or has it read where it is the first that is behind; true when one is being read.</summary>
    private bool Consider(DraftModel draft, Sequence sequence, int index, int answers, bool isReading)
    {
        var track = draft.TrackOf(sequence);
        track.Follow(sequence.Tokens.Span);
        var behind = sequence.Tokens.Count - track.Computed;
        if (behind > draft.BehindMax)
        {
            if (isReading || !IsWorthReading(draft, sequence, behind, answers))
            {
                return isReading;
            }

            draft.Read(sequence);
            return true;
        }

        // Those first whose guesses are right most often.
        var at = _readyCount++;
        for (; at > 0 && _shares[at - 1] < sequence.Draft.Model.Share; at--)
        {
            (_shares[at], _ready[at], _indices[at]) = (_shares[at - 1], _ready[at - 1], _indices[at - 1]);
        }

        (_shares[at], _ready[at], _indices[at]) = (sequence.Draft.Model.Share, sequence, index);
        return isReading;
    }

    private bool IsWorthReading(DraftModel draft, Sequence sequence, int tokens, int answers)
    {
        if (!draft.Costs.IsKnown || draft.Costs.SecondsPerRow == 0)
        {
            // The first piece shows what it takes.
            return true;
        }

        var plan = DraftPolicy.Together([sequence.Draft.Model.Share], Draft.TokensMax, Draft.TokensMax, answers, answers, costs, draft.Costs);
        var saved = (costs.Seconds(answers) - plan.Seconds) * Math.Min(AnswerExpected, sequence.Generation.OutputTokensMax - sequence.OutputCount);
        return saved > 0 && (tokens <= ReadFreely || saved >= ReadGain * tokens * draft.Costs.SecondsPerRow);
    }

    private void Ask(DraftModel draft, int rows, int answers)
    {
        var lengthMax = 0;
        for (var i = 0; i < _readyCount; i++)
        {
            lengthMax = Math.Max(lengthMax, LengthMax(draft, _ready[i]));
        }

        var rowsMax = Math.Min(limits.StepRowsMax, logitRows) - rows;
        var plan = draft.Costs.IsKnown
            ? DraftPolicy.Together(_shares.AsSpan(0, _readyCount), lengthMax, rowsMax, rows, answers, costs, draft.Costs)
            : new DraftPlan(Math.Min(1, _readyCount), Math.Min(LengthAtFirst, Math.Min(lengthMax, rowsMax)), 0);
        for (var i = 0; i < _readyCount; i++)
        {
            var sequence = _ready[i];
            if (i < plan.Sequences && plan.Length > 0)
            {
                draft.Ask(sequence, Math.Min(plan.Length, LengthMax(draft, sequence)));
                Encourage(draft, sequence);
            }
            else if (draft.Costs.IsKnown && !Pays(draft, sequence))
            {
                draft.TrackOf(sequence).Rest(sequence.Tokens.Count);
            }
        }
    }

    private static void Encourage(DraftModel draft, Sequence sequence)
    {
        if (sequence.Draft.Model.Share > Acceptance.AtFirst)
        {
            draft.TrackOf(sequence).Won();
        }
    }

    /// <summary>Whether guessing for the sequence would pay if it had the passes to itself: else it is not others that it has to wait for.</summary>
    private bool Pays(DraftModel draft, Sequence sequence) =>
        DraftPolicy.Together([sequence.Draft.Model.Share], Draft.TokensMax, Draft.TokensMax, 1, 1, costs, draft.Costs).Length > 0;

    private void Plan(Span<SequenceLoad> loads)
    {
        for (var i = 0; i < _readyCount; i++)
        {
            var draft = _ready[i].Draft;
            loads[_indices[i]] = loads[_indices[i]] with { Drafts = draft.Source == DraftSource.Model ? draft.Tokens.Length : 0 };
        }
    }
}
