using System.Text.Json;
using Jesus.Appliance.Runner.Workflows;

namespace Jesus.Appliance.Runner;

/// <summary>A workflow and what it is given. Nothing of it is kept by reference after <see cref="IRunService.SubmitAsync"/>.</summary>
public sealed record RunSubmission
{
    /// <summary>The YAML file's bytes (UTF-8).</summary>
    public required ReadOnlyMemory<byte> Workflow { get; init; }

    /// <summary>The file's name as errors shall show it.</summary>
    public string FileName { get; init; } = "workflow.yaml";

    public IReadOnlyDictionary<string, RunInput> Inputs { get; init; } = new Dictionary<string, RunInput>();

    /// <summary>Bytes of the workflow files that <c>run</c> steps name (<see cref="Workflow.ReferencedFiles"/>), by the name written there.</summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Files { get; init; } = new Dictionary<string, ReadOnlyMemory<byte>>();

    /// <summary>Any eligible box of the federation may carry it, and another goes on where one dies.</summary>
    public bool Anywhere { get; init; }
}

/// <summary>One input value: text (converted to the declared type), a JSON value, or a file's bytes. Exactly one is set.</summary>
public readonly record struct RunInput
{
    public string? Text { get; private init; }
    public JsonElement? Json { get; private init; }
    public ReadOnlyMemory<byte>? Bytes { get; private init; }

    /// <summary>What a person typed; converted to the declared type of the input.</summary>
    public static RunInput FromText(string text) => new() { Text = text };

    public static RunInput FromJson(JsonElement json) => new() { Json = json };

    /// <summary>The content of a file, for an input of <c>type: file</c>.</summary>
    public static RunInput FromFile(ReadOnlyMemory<byte> bytes) => new() { Bytes = bytes };
}

/// <summary>Why a submission was not accepted.</summary>
public enum SubmitRefusal : byte
{
    None,

    /// <summary><see cref="SubmitResult.Errors"/> says what is wrong in the file or its inputs.</summary>
    Invalid,

    /// <summary>The principal may not start runs.</summary>
    NotAllowed,

    /// <summary>More runs wait than the box queues; try again later.</summary>
    Busy,

    /// <summary>The daemon is stopping.</summary>
    Stopping,

    /// <summary>There is no room for the inputs on the disk.</summary>
    StoreFull,

    /// <summary>It was to run anywhere, and this box is in no federation that keeps runs.</summary>
    NotFederated,

    /// <summary>It was to run anywhere, and where such runs are kept does not answer now.</summary>
    Unreachable,
}

public sealed record SubmitResult
{
    /// <summary>Empty unless accepted.</summary>
    public string RunId { get; init; } = "";
    public SubmitRefusal Refusal { get; init; }

    /// <summary>What was refused, where, and what to do; empty when accepted.</summary>
    public string Message { get; init; } = "";
    public IReadOnlyList<WorkflowError> Errors { get; init; } = [];

    public bool Accepted => Refusal == SubmitRefusal.None;

    public static SubmitResult Of(string runId) => new() { RunId = runId };

    public static SubmitResult Refused(SubmitRefusal refusal, string message) => new() { Refusal = refusal, Message = message };

    public static SubmitResult Invalid(IReadOnlyList<WorkflowError> errors) =>
        new() { Refusal = SubmitRefusal.Invalid, Errors = errors, Message = errors[0].ToString() };
}
