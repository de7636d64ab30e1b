using System.Text.Json;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tools;

/// <summary>What a call of a tool changes; decides what may be done after a crash.</summary>
public enum ToolPurity : byte
{
    /// <summary>Reads only: a call whose result was lost is simply made again.</summary>
    ReadOnly,

    /// <summary>Changes something: a call whose result was lost may have happened, and is never repeated unasked.</summary>
    SideEffect,

    /// <summary>
    /// Changes nothing but pays: before it does it announces what it may cost at most (<see cref="ToolContext.Announce"/>). A call whose result was lost after
    /// that may have been paid: it counts as paid, and is never repeated unasked.
    /// </summary>
    Paid,
}

/// <summary>What a tool says about itself. Schemas are JSON schemas as parsed.</summary>
/// <param name="Name">Unique on the box, such as <c>file.read</c>.</param>
/// <param name="Description">One sentence for the model.</param>
/// <param name="Parameters">Schema of the arguments: an object.</param>
/// <param name="Output">Schema of the result.</param>
public sealed record ToolDescription(string Name, string Description, JsonElement Parameters, JsonElement Output, ToolPurity Purity);

/// <summary>Something that a step or an agent can call.</summary>
public interface ITool
{
    ToolDescription Description { get; }

    /// <summary>
    /// Calls it with arguments that already fit <see cref="ToolDescription.Parameters"/>. Expected failures are values; an exception other than
    /// cancellation means a broken invariant.
    /// </summary>
    ValueTask<ToolResult> CallAsync(JsonElement arguments, ToolContext context, CancellationToken cancel);

    /// <summary>What a call of a <see cref="ToolPurity.Paid"/> tool yields when a crash took its result. A failed one leaves its step as unknown.</summary>
    /// <param name="atMost">What was announced last; the run counts it as spent.</param>
    ToolResult Lost(JsonElement arguments, in ToolSpending atMost) => ToolResult.Failed("it was begun and may have been paid, and its result is lost, so it is not tried again");
}

/// <summary>A tool's answer: a value, or what went wrong in words that a model can act on.</summary>
public readonly record struct ToolResult
{
    public JsonElement Value { get; private init; }

    /// <summary>The value as a model reads it best; null where its JSON will do.</summary>
    public string? Text { get; private init; }

    /// <summary>Null on success.</summary>
    public string? Error { get; private init; }

    /// <summary>What the models that it called used.</summary>
    public ToolSpending Spent { get; init; }

    /// <summary>Another attempt before that would be in vain; zero when nobody said.</summary>
    public TimeSpan RetryAfter { get; init; }

    /// <summary>It was cancelled, and is known to have spent <see cref="Spent"/> until then.</summary>
    public bool WasStopped { get; private init; }

    public bool Succeeded => Error is null;

    public static ToolResult Of(JsonElement value, string? text = null) => new() { Value = value, Text = text };

    public static ToolResult Failed(string error) => new() { Error = error };

    public static ToolResult Stopped(in ToolSpending spent) => new() { Error = "it was cancelled", WasStopped = true, Spent = spent };
}

/// <summary>Tokens and money of a tool's own model calls; they are settled already, and the run shows them as its own.</summary>
/// <param name="Estimated">At least a part is a bound: nobody said what was used.</param>
public readonly record struct ToolSpending(long TokensIn, long TokensOut, long CostMicroUsd, bool Estimated = false);

/// <summary>What a tool may reach: the run's own inputs and notes, and the clock. Nothing else of the box.</summary>
public sealed record ToolContext
{
    public required string RunId { get; init; }
    public required TimeProvider Time { get; init; }

    /// <summary>Who started the run: whose calls a tool that calls models makes.</summary>
    public Principal Principal { get; init; } = Principal.System;

    /// <summary>Texts of the inputs of the run, by name.</summary>
    public required IRunTexts Texts { get; init; }

    /// <summary>Where the run keeps notes; null where side effects are not offered.</summary>
    public IRunNotes? Notes { get; init; }

    /// <summary>
    /// Says before a payment what this call may have spent after it, at most; durable when it completes. A later one stands for those before it. Null where
    /// the call as a whole was announced.
    /// </summary>
    public Func<ToolSpending, ValueTask>? Announce { get; init; }

    /// <summary>Where a tool that calls models counts how often they were set aside for people; null where nobody asks.</summary>
    public PauseTally? Pauses { get; init; }

    /// <summary>A failed result will not be tried again.</summary>
    public bool IsLastAttempt { get; init; } = true;
}

/// <summary>The texts that a run was given. A tool's <c>path</c> is the name of an input: there is no other file to reach.</summary>
public interface IRunTexts
{
    /// <summary>Names of the inputs that hold text, for messages.</summary>
    IReadOnlyList<string> Names { get; }

    /// <returns>Null when no input has the name, or it is no text.</returns>
    string? Read(string name);
}

/// <summary>The folder of a run in which <c>note.append</c> writes.</summary>
public interface IRunNotes
{
    /// <summary>Appends one line to a note; it is on the disk when this returns.</summary>
    /// <returns>The number of bytes of the note afterwards.</returns>
    /// <exception cref="IOException">The disk refused.</exception>
    long Append(string runId, string note, string line);
}
