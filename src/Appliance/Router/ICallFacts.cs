using Jesus.Appliance.Security;

namespace Jesus.Appliance.Router;

/// <summary>What is known of a call before it is made. Counting is asked for only by rules that need it.</summary>
public interface ICallFacts
{
    /// <summary>The name asked for; empty for none.</summary>
    string Model { get; }
    string Task { get; }
    string Team { get; }
    DataClass DataClass { get; }
    Abilities Needs { get; }

    /// <summary>Longest answer that the call allows, all choices; 0 when not limited.</summary>
    int OutputTokens { get; }

    /// <summary>Milliseconds left to the caller; <see cref="long.MaxValue"/> without a deadline.</summary>
    long DeadlineMs { get; }

    /// <summary>Exact where the tokenizer is known, otherwise never too low.</summary>
    int PromptTokens(Candidate candidate);

    /// <summary>Micro-dollars of the worst case; null where nothing says the price.</summary>
    long? CostMicroUsd(Candidate candidate);
}
