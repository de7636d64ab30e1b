using System.Text;
using Jesus.Appliance.Federation.Messages;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Tests.Federation.Messages;

/// <summary>Messages of a seed, with every member set now and then.</summary>
internal sealed class MessageDice(int seed)
{
    private static readonly string[] Words = ["", "a", "hello", "wörld", "日本語", "a😀b", "\0", "{\"a\":1}"];
    private readonly Random _random = new(seed);

    public void Fill(InferRequest into)
    {
        into.Stream = Number64();
        into.User = Text();
        into.Team = Text();
        into.Lane = (Lane)_random.Next(3);
        into.DataClass = (DataClass)_random.Next(3);
        into.RemainingMs = Often() ? _random.NextInt64(1L << 40) : 0;
        into.Hops = _random.Next(3);
        Fill(into.Visited, 4);
        into.Numerics = Profile();
        into.Credit = _random.Next(1000);
        into.ChunkCount = _random.Next(3);
        into.ChunkIndex = _random.Next(3);
        into.Piece = Often() ? Bytes(_random.Next(300)) : default;
        Fill(into.Ask);
    }

    public void Fill(ModelRequest into)
    {
        into.Operation = (ModelOperation)_random.Next(4);
        into.Model = Text();
        into.Streams = Often();
        FillTurns(into.Turns);
        FillTools(into);
        into.Reasoning = new ReasoningWish((ReasoningEffort)_random.Next(7), _random.Next(3), Often(), Often());
        FillConstraint(into.Constraint);
        into.Sampling = Sampling();
        for (var i = _random.Next(4); i > 0; i--)
        {
            into.LogitBias.Add(new TokenBias(_random.Next(50_000), _random.NextSingle() * 200 - 100));
        }

        into.EndUser = Text();
        Fill(into.Inputs, 3);
        into.EmbedDimensions = _random.Next(2048);
        into.MaxOutputTokens = _random.Next(4096);
        Fill(into.Stops, 4);
        into.Choices = 1 + _random.Next(4);
        into.TopLogProbs = _random.Next(22) - 1;
        into.PromptTokens = Tokens();
        into.PromptLengths.AddRange(Tokens().ToArray());
        into.ShownTokens = Tokens();
        into.ShownNumerics = Profile();
        into.CallSeed = Often() ? Number64() : null;
        into.Priority = _random.Next(7) - 3;
        into.Ids = new CallIds(Text(), Text(), Text());
    }

    public void Fill(InferEvent into)
    {
        into.Stream = Number64();
        into.Sequence = _random.NextInt64(1L << 40);
        into.Kind = (InferEventKind)_random.Next(4);
        into.EventKind = EventKindButWire();
        into.Choice = _random.Next(4);
        into.Index = _random.Next(4);
        into.Utf8 = Text().Memory;
        into.ToolCallId = Text().Memory;
        into.Tokens = new TokenSpan(Tokens(), Floats());
        into.LogProbs = LogProbs();
        into.Vector = Floats();
        into.FinishReason = (FinishReason)_random.Next(10);
        into.Numerics = Profile();
        into.Refusal = (RefusalReason)_random.Next(12);
        into.Error = Often() ? new ModelError((ErrorCause)_random.Next(1, 18), Word(), Often() ? Word() : null, TimeSpan.FromMilliseconds(_random.Next(100_000))) : default;
        into.Usage = Usage();
        into.Quality = (UsageQuality)_random.Next(2);
    }

    public ModelEvent Event()
    {
        var kind = EventKindButWire();
        return kind == EventKind.Started ? Event(kind) with { CachedTokens = _random.Next(4), CacheWriteTokens = _random.Next(4) } : Event(kind);
    }

    private ModelEvent Event(EventKind kind) => new()
    {
        Kind = kind,
        Choice = _random.Next(4),
        Index = _random.Next(4),
        Utf8 = Text().Memory,
        ToolCallId = Text().Memory,
        Tokens = new TokenSpan(Tokens(), Floats()),
        LogProbs = LogProbs(),
        Vector = Floats(),
        Reason = (FinishReason)_random.Next(10),
    };

    public CallResult Result() => new()
    {
        Error = Often() ? new ModelError((ErrorCause)_random.Next(1, 18), Word(), Often() ? Word() : null, TimeSpan.FromMilliseconds(_random.Next(100_000))) : default,
        Reason = (FinishReason)_random.Next(10),
        Usage = Usage(),
        Quality = (UsageQuality)_random.Next(2),
        Numerics = Profile(),
    };

    public void Fill(PeerStatus into)
    {
        into.Incarnation = Number64();
        into.Sequence = Number64();
        into.IntervalMs = _random.Next(10_000);
        into.Version = Text();
        into.IsDraining = Often();
        into.DigestPrint = Number64();
        for (var i = _random.Next(4); i > 0; i--)
        {
            Fill(into.AddModel());
        }
    }

    public void Fill(PeerTelemetry into)
    {
        into.Incarnation = Number64();
        into.Sequence = Number64();
        into.UptimeMs = _random.NextInt64(1L << 40);
        into.Calls = _random.Next();
        into.Errors = _random.Next();
        into.InputTokens = _random.NextInt64(1L << 60);
        into.OutputTokens = _random.NextInt64(1L << 60);
        into.MicroUsd = _random.NextInt64(1L << 60);
        into.Runs = _random.Next();
    }

    public void Fill(RunSubmit into)
    {
        into.RunId = Text();
        into.Workflow = Text(longest: 40_000);
        for (var i = _random.Next(4); i > 0; i--)
        {
            into.Inputs.Add(new RunInput(Text(), Text()));
        }

        into.Principal = Text();
        into.User = Text();
        into.Team = Text();
        into.Organisation = Text();
        into.BudgetMicroUsd = _random.Next();
        into.BudgetTokens = _random.Next();
        into.Epoch = _random.Next();
        into.Origin = Text();
        into.SubmittedUnixMs = _random.NextInt64(1L << 41);
        into.IdempotencyKey = Text();
    }

    public void Fill(StreamCredit into)
    {
        into.Stream = Number64();
        into.UpTo = _random.NextInt64(1L << 40);
    }

    public void Fill(StreamCancel into)
    {
        into.Stream = Number64();
        into.Reason = (CancelReason)_random.Next(5);
    }

    public byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        _random.NextBytes(bytes);
        return bytes;
    }

    private void Fill(PeerModel into)
    {
        into.Name = Text();
        into.ContextTokens = _random.Next(200_000);
        into.Numerics = Profile();
        into.IsLoaded = Often();
        into.FreeSlots = _random.Next(16);
        into.TotalSlots = _random.Next(16);
        into.FreeKvBlocks = _random.Next(5000);
        into.PrefillTokensPerSecond = _random.NextSingle() * 5000;
        into.DecodeTokensPerSecond = _random.NextSingle() * 100;
        into.InputMicroUsd = _random.NextDouble();
        into.OutputMicroUsd = _random.NextDouble();
        into.ComputeSecondMicroUsd = _random.NextDouble();
        into.InteractiveDelayMs = _random.Next(5000);
        into.AgentDelayMs = _random.Next(5000);
        into.BatchDelayMs = _random.Next(5000);
        into.HasPrefixDigests = Often();
        into.PrefixDigests = into.HasPrefixDigests ? Enumerable.Range(0, _random.Next(32)).Select(_ => Number64()).ToArray() : default(ReadOnlyMemory<ulong>);
        into.PrefixBlockTokens = _random.Next(256);
        into.Abilities = _random.Next(128);
    }

    private void FillTurns(TurnList into)
    {
        for (var i = _random.Next(5); i > 0; i--)
        {
            into.Begin((TurnRole)_random.Next(4));
            for (var k = _random.Next(4); k > 0; k--)
            {
                into.Add(Often() ? new TurnPart(PartKind.Text, Text(longest: 40_000)) : Part());
            }
        }
    }

    private TurnPart Part() => new((PartKind)_random.Next(6), Text(), Text(), Text(), Text())
    {
        IsError = Often(),
        InResult = Often(),
        Cache = (CacheMark)_random.Next(3),
    };

    private void FillTools(ModelRequest into)
    {
        for (var i = _random.Next(3); i > 0; i--)
        {
            into.Tools.Add(new ToolDefinition(Text(), Text(), Text(longest: 1000)) { Strict = Often(), Cache = (CacheMark)_random.Next(3) });
        }

        into.ToolChoice = new ToolChoice((ToolChoiceMode)_random.Next(4), Text());
        into.ParallelToolCalls = Often() ? null : Often();
    }

    private void FillConstraint(OutputConstraint into)
    {
        into.Kind = (ConstraintKind)_random.Next(5);
        if (into.Kind != ConstraintKind.None)
        {
            into.Source = Text(longest: 2000);
            into.Name = Text();
            into.Inputs.Add(new NamedInput(Text(), Text()));
        }
    }

    private Sampling Sampling() => !Often() ? default : new Sampling
    {
        Temperature = _random.NextSingle() * 2,
        TopK = _random.Next(100),
        TopP = _random.NextSingle(),
        MinP = _random.NextSingle(),
        Seed = Often() ? Number64() : Often() ? 0 : null,
        Given = (SamplingFields)_random.Next(128),
        TypicalP = _random.NextSingle(),
        RepetitionPenalty = _random.NextSingle() * 2,
        RepetitionLastN = _random.Next(300) - 1,
        FrequencyPenalty = (_random.NextSingle() * 4) - 2,
        PresencePenalty = (_random.NextSingle() * 4) - 2,
    };

    private Usage Usage() => !Often() ? default : new Usage
    {
        InputTokens = _random.Next(100_000),
        CachedInputTokens = _random.Next(100_000),
        CacheWriteTokens = _random.Next(100_000),
        LongCacheWriteTokens = _random.Next(100_000),
        OutputTokens = _random.Next(100_000),
        ReasoningTokens = _random.Next(100_000),
        Images = _random.Next(5),
        ComputeMicroseconds = _random.NextInt64(1L << 40),
    };

    private NumericsProfile Profile() => Often() ? default : new NumericsProfile(Number64(), Number64(), (byte)_random.Next(8), (byte)_random.Next(8));

    private TokenLogProb[] LogProbs()
    {
        var tokens = new TokenLogProb[Often() ? 0 : _random.Next(6)];
        for (var i = 0; i < tokens.Length; i++)
        {
            tokens[i] = new TokenLogProb(Bytes(_random.Next(5)), -_random.NextSingle(), _random.Next(tokens.Length - i));
        }

        return tokens;
    }

    private EventKind EventKindButWire()
    {
        var kind = (EventKind)_random.Next((int)EventKind.Finished + 1);
        return kind == EventKind.Wire ? EventKind.Text : kind;
    }

    private int[] Tokens() => Often() ? [] : [.. Enumerable.Range(0, _random.Next(100)).Select(_ => _random.Next(50_000))];

    private float[] Floats() => Often() ? [] : [.. Enumerable.Range(0, _random.Next(50)).Select(_ => _random.NextSingle())];

    private void Fill(List<Utf8Slice> into, int most)
    {
        for (var i = _random.Next(most + 1); i > 0; i--)
        {
            into.Add(Text());
        }
    }

    private ulong Number64() => Often() ? (ulong)_random.Next(3) : (ulong)_random.NextInt64();

    private string Word() => Words[_random.Next(Words.Length)];

    /// <summary>Mostly words; now and then a text whose length takes three or five bytes in an object's header.</summary>
    private Utf8Slice Text(int longest = 300)
    {
        var text = _random.Next(6) == 0 ? new string('x', _random.Next(longest)) : Word();
        return new Utf8Slice(Encoding.UTF8.GetBytes(text));
    }

    private bool Often() => _random.Next(2) == 0;
}
