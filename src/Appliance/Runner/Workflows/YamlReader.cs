using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Jesus.Appliance.Runner.Workflows;

/// <summary>
/// Reads one YAML document into nodes, from the parser's events. Aliases, anchors and tags are refused: they hide what a file says, and an alias
/// can make a short file a huge one.
/// </summary>
internal sealed class YamlReader
{
    private readonly Parser _parser;
    private readonly ErrorList _errors;
    private int _nodes;

    private YamlReader(string text, ErrorList errors)
    {
        _parser = new Parser(new StringReader(text));
        _errors = errors;
    }

    /// <returns>Null when the file cannot be read; the reason is then in <paramref name="errors"/>.</returns>
    public static YamlNode? Read(ReadOnlyMemory<byte> utf8, ErrorList errors)
    {
        if (utf8.Length > WorkflowLimits.FileBytes)
        {
            errors.Add(1, 1, $"the file has {utf8.Length:N0} bytes, more than {WorkflowLimits.FileBytes:N0}: split it into sub-runs");
            return null;
        }

        try
        {
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(utf8.Span);
            errors.Source = text.Split('\n');
            return new YamlReader(text, errors).Document();
        }
        catch (DecoderFallbackException e)
        {
            errors.Add(1, 1, $"the file is not UTF-8 (byte {e.Index} and what follows)");
        }
        catch (YamlException e)
        {
            // At the end of the file the parser points past it: show the last line.
            var line = Math.Clamp((int)e.Start.Line, 1, errors.Source.Length);
            var column = line == e.Start.Line ? (int)e.Start.Column : errors.Source[line - 1].Length + 1;
            errors.Add(line, column, "this is not YAML: " + (e.InnerException ?? e).Message);
        }

        return null;
    }

    private YamlNode? Document()
    {
        _ = _parser.Consume<StreamStart>();
        if (!_parser.TryConsume<DocumentStart>(out _))
        {
            _errors.Add(1, 1, "the file is empty: it needs a name and steps", "name", "steps");
            return null;
        }

        var root = Node(0);
        _ = _parser.Consume<DocumentEnd>();
        if (root is not null && _parser.TryConsume<DocumentStart>(out var second))
        {
            _errors.Add((int)second.Start.Line, (int)second.Start.Column, "a second document begins here: one file is one workflow");
        }

        return root;
    }

    private YamlNode? Node(int depth)
    {
        var item = _parser.Consume<ParsingEvent>();
        if (Refusal(item, depth) is { } refusal)
        {
            _errors.Add((int)item.Start.Line, (int)item.Start.Column, refusal);
            return null;
        }

        return item switch
        {
            Scalar scalar => new YamlNode
            {
                Kind = YamlKind.Scalar,
                Line = (int)scalar.Start.Line,
                Column = (int)scalar.Start.Column,
                Text = scalar.Value,
                IsPlain = scalar.Style == ScalarStyle.Plain,
                IsBlock = scalar.Style is ScalarStyle.Literal or ScalarStyle.Folded,
            },
            SequenceStart => List(item, depth),
            _ => Mapping(item, depth),
        };
    }

    private string? Refusal(ParsingEvent item, int depth) => item switch
    {
        AnchorAlias => "an alias (*name) is not allowed: write the value out, or use ${...}",
        NodeEvent { Anchor.IsEmpty: false } => "an anchor (&name) is not allowed: aliases are not, so nothing could use it",
        NodeEvent { Tag.IsEmpty: false } => "a tag (!name) is not allowed: the field's place says its type",
        _ when depth > WorkflowLimits.Depth => $"the file nests deeper than {WorkflowLimits.Depth}",
        _ when ++_nodes > WorkflowLimits.Nodes => $"the file has more than {WorkflowLimits.Nodes:N0} values: split it into sub-runs",
        _ => null,
    };

    private YamlNode? List(ParsingEvent start, int depth)
    {
        var list = new YamlNode { Kind = YamlKind.List, Line = (int)start.Start.Line, Column = (int)start.Start.Column };
        while (!_parser.TryConsume<SequenceEnd>(out _))
        {
            if (Node(depth + 1) is not { } item)
            {
                return null;
            }

            list.Items.Add(item);
        }

        return list;
    }

    private YamlNode? Mapping(ParsingEvent start, int depth)
    {
        var mapping = new YamlNode { Kind = YamlKind.Mapping, Line = (int)start.Start.Line, Column = (int)start.Start.Column };
        var names = new HashSet<string>();
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            if (Node(depth + 1) is not { } key || Node(depth + 1) is not { } value)
            {
                return null;
            }

            if (key.Kind != YamlKind.Scalar)
            {
                _errors.Add(key, "a name must be a single value");
            }
            else if (!names.Add(key.Text))
            {
                _errors.Add(key, $"'{key.Text}' is here twice");
            }
            else
            {
                mapping.Members.Add(new(key, value));
            }
        }

        return mapping;
    }
}
