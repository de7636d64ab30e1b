using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner.Workflows;

/// <param name="Workflow">Null when there are errors.</param>
/// <param name="Errors">Everything that is wrong, in the file's order; empty when the file is good.</param>
/// <param name="ReferencedFiles">Workflow files that it names, the nested ones of the files given included; known even when there are errors.</param>
public sealed record WorkflowParseResult(Workflow? Workflow, IReadOnlyList<WorkflowError> Errors, IReadOnlyList<string> ReferencedFiles);

/// <summary>Reads workflow files. Pure.</summary>
public static class WorkflowParser
{
    /// <param name="utf8">The file.</param>
    /// <param name="fileName">How errors name it.</param>
    /// <param name="files">
    /// The workflow files that <c>run</c> steps name, by the name written there. Null checks the file alone: its sub-workflows are then unknown, and
    /// the result can be shown but not run.
    /// </param>
    /// <param name="tools">The tools of the box; null means the built-in ones.</param>
    public static WorkflowParseResult Parse(
        ReadOnlyMemory<byte> utf8, string fileName, IReadOnlyDictionary<string, ReadOnlyMemory<byte>>? files = null, ToolSet? tools = null)
    {
        var errors = new ErrorList(fileName);
        var root = YamlReader.Read(utf8, errors);
        if (root is null)
        {
            return new WorkflowParseResult(null, errors.Items, []);
        }

        var reader = new WorkflowReader(errors, tools ?? ToolSet.BuiltIn, files, 0);
        var workflow = reader.Read(root);
        IReadOnlyList<WorkflowError> sorted = [.. errors.Items.OrderBy(error => error.File == fileName ? 0 : 1).ThenBy(error => error.Line).ThenBy(error => error.Column)];
        return new WorkflowParseResult(sorted.Count == 0 ? workflow : null, sorted, [.. reader.Named]);
    }
}
