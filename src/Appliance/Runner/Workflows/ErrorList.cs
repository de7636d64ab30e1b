using Jesus.Appliance.Runner.Expressions;

namespace Jesus.Appliance.Runner.Workflows;

/// <summary>Collects what is wrong in one file.</summary>
internal sealed class ErrorList(string file)
{
    private readonly List<WorkflowError> _items = [];

    /// <summary>The file's lines, to point into block scalars.</summary>
    public string[] Source { get; set; } = [];

    public IReadOnlyList<WorkflowError> Items => _items;

    public string File => file;

    public void Add(int line, int column, string message, params IReadOnlyList<string> allowed)
    {
        if (_items.Count < WorkflowLimits.Errors)
        {
            _items.Add(new WorkflowError(file, line, column, message, allowed));
        }
    }

    public void Add(YamlNode node, string message, params IReadOnlyList<string> allowed) => Add(node.Line, node.Column, message, allowed);

    /// <summary>An error inside a scalar, at a character of its text.</summary>
    public void Add(YamlNode scalar, int offset, string message, IReadOnlyList<string> allowed)
    {
        var (line, column) = Place(scalar, offset);
        Add(line, column, message, allowed);
    }

    public void Add(YamlNode scalar, ExpressionError error) => Add(scalar, error.Offset, error.Message, error.Allowed);

    public void AddRange(IEnumerable<WorkflowError> errors)
    {
        foreach (var error in errors.Take(WorkflowLimits.Errors - _items.Count))
        {
            _items.Add(error);
        }
    }

    /// <summary>Exact for a scalar on one line and for literal blocks; the scalar's own place where folding hides it.</summary>
    private (int Line, int Column) Place(YamlNode scalar, int offset)
    {
        if (!scalar.IsBlock)
        {
            return scalar.Text.Contains('\n') ? (scalar.Line, scalar.Column) : (scalar.Line, scalar.Column + offset + (scalar.IsPlain ? 0 : 1));
        }

        var before = scalar.Text.AsSpan(0, Math.Min(offset, scalar.Text.Length));
        var line = scalar.Line + 1 + before.Count('\n');
        var start = before.LastIndexOf('\n') + 1;
        var indent = line <= Source.Length ? Source[line - 1].TakeWhile(c => c == ' ').Count() : 0;
        return (line, indent + offset - start + 1);
    }
}
