namespace Jesus.Appliance.Runner.Workflows;

/// <summary>One thing that is wrong in a workflow file or in what it was given.</summary>
/// <param name="File">The file as the caller named it.</param>
/// <param name="Line">From 1; 0 when the error is not in the file (a missing input).</param>
/// <param name="Column">From 1, in characters; 0 when the error is not in the file.</param>
/// <param name="Message">What is wrong, and the remedy when it is known.</param>
/// <param name="Allowed">What is allowed there; empty when that is no closed list.</param>
public sealed record WorkflowError(string File, int Line, int Column, string Message, IReadOnlyList<string> Allowed)
{
    /// <summary><c>file:line:column: message (allowed: a, b)</c>.</summary>
    public override string ToString()
    {
        var place = Line > 0 ? $"{File}:{Line}:{Column}" : File;
        return Allowed.Count == 0 ? $"{place}: {Message}" : $"{place}: {Message} (allowed: {string.Join(", ", Allowed)})";
    }
}
