using System.Globalization;
using System.Text;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Router;

/// <summary>What is known about a candidate before it is called.</summary>
public sealed record CandidateTraits
{
    /// <summary>Tokens of prompt and answer together; 0 when unknown.</summary>
    public int ContextTokens { get; init; }

    /// <summary>Longest answer in tokens; 0 when unknown.</summary>
    public int MaxOutputTokens { get; init; }

    /// <summary>Data of the call is seen outside this box.</summary>
    public bool LeavesBox { get; init; } = true;

    /// <summary>Its server stops when nobody reads: an answer that breaks off is charged what came of it, not what it might have become.</summary>
    public bool StopsWhenCut { get; init; }

    /// <summary>Calls in progress at once; 0 takes the adapter's word, or the scheduler's default where it has none.</summary>
    public int Slots { get; init; }

    /// <summary>Whose places its calls take, as <see cref="Candidate.Label"/> has it; empty for its own. A model's LoRA adapters take the model's.</summary>
    public string Door { get; init; } = "";

    /// <summary>What it can; a call that needs something else goes past it. A server that says nothing about itself is tried with everything.</summary>
    public Abilities Abilities { get; init; } = Abilities.All;
}

/// <summary>A model at an adapter under one key: what an attempt calls. Immutable but for its <see cref="Health"/>.</summary>
public sealed class Candidate
{
    /// <param name="key">Which of the provider's keys the adapter uses, from 1.</param>
    public Candidate(IModelAdapter adapter, string model, CandidateTraits traits, CandidateHealth? health = null, int key = 1)
    {
        Adapter = adapter;
        Model = model;
        Traits = traits;
        Key = key;
        Name = $"{adapter.Id.Provider}/{model}";
        Label = key == 1 ? Name : string.Create(CultureInfo.InvariantCulture, $"{Name}#{key}");
        Door = traits.Door.Length > 0 ? traits.Door : Label;
        Hash = StableHash.Of(Label);
        ModelUtf8 = new Utf8Slice(Encoding.UTF8.GetBytes(model));
        Health = health ?? new CandidateHealth();
    }

    /// <summary><c>provider/model</c>: what routes, prices and metrics name. The keys of one provider share it.</summary>
    public string Name { get; }

    /// <summary><see cref="Name"/>, and from the second key on <c>#2</c> and so forth: unique in a route table; what decisions name.</summary>
    public string Label { get; }

    /// <summary>Where the Scheduler gives out its places: those who share them name the same.</summary>
    public string Door { get; }

    public int Key { get; }

    /// <summary>The same in every process: places by it stay where they were over a restart.</summary>
    public ulong Hash { get; }
    public string Provider => Adapter.Id.Provider;
    public string Model { get; }
    public Utf8Slice ModelUtf8 { get; }
    public IModelAdapter Adapter { get; }
    public CandidateTraits Traits { get; }

    /// <summary>Breaker, cooldown and measured speed; hand the old candidate's over when a table is rebuilt.</summary>
    public CandidateHealth Health { get; }

    /// <summary>Runs inside this process.</summary>
    public bool IsLocal => Adapter.Id.Kind == LocalKind;

    /// <summary>The adapter knows the tokenizer: its count of a prompt is exact, not a bound.</summary>
    public bool CountsExactly => IsLocal;

    private const string LocalKind = "local";
}
