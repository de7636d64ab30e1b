using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>An input of a run: its name and its value as JSON.</summary>
public readonly record struct RunInput(Utf8Slice Name, Utf8Slice Json);

/// <summary>A run that any eligible box may take (<c>jesus.C.run.submit.Q</c>). Pooled: text points into the message until it is reset. One owner.</summary>
public sealed class RunSubmit : IDisposable
{
    private const int Members = 13;
    private const string Name = "RunSubmit";
    private readonly MessageBody _body = new();

    public Utf8Slice RunId { get; set; }

    /// <summary>The workflow as it was written (YAML).</summary>
    public Utf8Slice Workflow { get; set; }
    public List<RunInput> Inputs { get; } = [];

    /// <summary>Who submitted it, where it was submitted; the taker maps it to one of its own.</summary>
    public Utf8Slice Principal { get; set; }
    public Utf8Slice User { get; set; }
    public Utf8Slice Team { get; set; }
    public Utf8Slice Organisation { get; set; }

    /// <summary>Cap of the run in micro-dollars and in tokens; 0 means none.</summary>
    public long BudgetMicroUsd { get; set; }
    public long BudgetTokens { get; set; }

    /// <summary>The owner's epoch at the time of sending; the taker's must be higher.</summary>
    public long Epoch { get; set; }

    /// <summary>The box at which it was submitted.</summary>
    public Utf8Slice Origin { get; set; }

    /// <summary>When it was submitted by that box's clock; for people.</summary>
    public long SubmittedUnixMs { get; set; }

    /// <summary>The submitter's own key against submitting twice; empty when it gave none.</summary>
    public Utf8Slice IdempotencyKey { get; set; }

    public static bool TryRead(ReadOnlySpan<byte> body, RunSubmit into, out WireError error)
    {
        into.Reset();
        var reader = into._body.Open(body, Name);
        into.Read(ref reader);
        if (!reader.Finish(Name, out error))
        {
            into.Reset();
        }

        return error.IsNone;
    }

    public void Write(ref WireWriter writer)
    {
        var scope = writer.BeginTolerant(Members, WireWriter.SpareFor(Workflow.Length + WireWriter.TextHeaderBytes));
        writer.Member(ref scope, RunId);
        writer.Member(ref scope, Workflow);
        WriteInputs(ref writer);
        writer.EndMember(ref scope);
        writer.Member(ref scope, Principal);
        writer.Member(ref scope, User);
        writer.Member(ref scope, Team);
        writer.Member(ref scope, Organisation);
        writer.Member(ref scope, BudgetMicroUsd);
        writer.Member(ref scope, BudgetTokens);
        writer.Member(ref scope, Epoch);
        writer.Member(ref scope, Origin);
        writer.Member(ref scope, SubmittedUnixMs);
        writer.Member(ref scope, IdempotencyKey);
        writer.EndTolerant(ref scope);
    }

    public void Reset()
    {
        RunId = default;
        Workflow = default;
        Inputs.Clear();
        Principal = default;
        User = default;
        Team = default;
        Organisation = default;
        BudgetMicroUsd = 0;
        BudgetTokens = 0;
        Epoch = 0;
        Origin = default;
        SubmittedUnixMs = 0;
        IdempotencyKey = default;
        _body.Reset();
    }

    public void Dispose() => _body.Dispose();

    private void WriteInputs(ref WireWriter writer)
    {
        if (Inputs.Count == 0)
        {
            return;
        }

        writer.WriteCount(Inputs.Count);
        foreach (var input in Inputs)
        {
            writer.WriteUtf8(input.Name.Span);
            writer.WriteUtf8(input.Json.Span);
        }
    }

    private void Read(ref WireReader reader)
    {
        if (!reader.BeginTolerantValue(Name, out var scope))
        {
            return;
        }

        RunId = reader.Next(ref scope) ? reader.ReadText("RunSubmit.runId") : default;
        Workflow = reader.Next(ref scope) ? reader.ReadText("RunSubmit.workflow") : default;
        if (reader.Next(ref scope))
        {
            ReadInputs(ref reader);
        }

        Principal = reader.Next(ref scope) ? reader.ReadText("RunSubmit.principal") : default;
        User = reader.Next(ref scope) ? reader.ReadText("RunSubmit.user") : default;
        Team = reader.Next(ref scope) ? reader.ReadText("RunSubmit.team") : default;
        Organisation = reader.Next(ref scope) ? reader.ReadText("RunSubmit.organisation") : default;
        BudgetMicroUsd = reader.Next(ref scope) ? reader.ReadLong("RunSubmit.budgetMicroUsd") : 0;
        BudgetTokens = reader.Next(ref scope) ? reader.ReadLong("RunSubmit.budgetTokens") : 0;
        Epoch = reader.Next(ref scope) ? reader.ReadLong("RunSubmit.epoch") : 0;
        Origin = reader.Next(ref scope) ? reader.ReadText("RunSubmit.origin") : default;
        SubmittedUnixMs = reader.Next(ref scope) ? reader.ReadLong("RunSubmit.submittedUnixMs") : 0;
        IdempotencyKey = reader.Next(ref scope) ? reader.ReadText("RunSubmit.idempotencyKey") : default;
        reader.EndTolerant(ref scope);
    }

    // A dictionary of MemoryPack: names and values in turn.
    private void ReadInputs(ref WireReader reader)
    {
        var count = reader.ReadCount("RunSubmit.inputs", 2 * sizeof(int), MessageLimits.RunInputsMax);
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            var name = reader.ReadText("RunSubmit.inputs.name");
            Inputs.Add(new RunInput(name, reader.ReadText("RunSubmit.inputs.json")));
        }
    }
}
