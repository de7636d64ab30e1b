using System.Globalization;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.Constraints.Grammars;
using Jesus.Inference.Engine.Constraints.Schemas;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>
/// The grammar of an answer that may, or must, call tools. Auto: free text until a call begins, or else the output constraint's value. Required and
/// named: a call from the first token. A call names a listed tool, its arguments match that tool's schema; only further calls may follow it.
/// </summary>
internal sealed class ToolCallSource : IGrammarSource
{
    private readonly VocabularyIndex _vocabulary;
    private readonly ModelRequest _request;
    private readonly byte[] _key;

    public ToolCallSource(VocabularyIndex vocabulary, ModelRequest request)
    {
        (_vocabulary, _request) = (vocabulary, request);
        _key = KeyOf(request);
    }

    public ReadOnlySpan<byte> Key => _key;

    public string Name => "The grammar of tools and answer";

    public bool TryAdd(GrammarBuilder builder, out int start, out ModelError error)
    {
        start = builder.Dead;
        if (!TryAddCall(builder, out var call, out error))
        {
            return false;
        }

        var calls = Calls(builder, call);
        if (_request.ToolChoice.Mode != ToolChoiceMode.Auto)
        {
            start = calls;
            return true;
        }

        if (_request.Constraint.Kind == ConstraintKind.None)
        {
            start = FreeText.Add(builder, _vocabulary.FindControl(ToolCallForm.Open), AfterOpen(builder, call));
            return true;
        }

        if (!AnswerSource.TryAdd(_request.Constraint, builder, builder.Accept, out var value, out error))
        {
            return false;
        }

        start = builder.AnyOf(calls, value);
        return true;
    }

    /// <summary>One to <see cref="ToolCallForm.CallsMax"/> whole calls.</summary>
    private int Calls(GrammarBuilder builder, int call) =>
        Marker(builder, ToolCallForm.Open, AfterOpen(builder, call));

    /// <summary>The first call, its marker already taken, and the calls that may follow.</summary>
    private int AfterOpen(GrammarBuilder builder, int call)
    {
        var after = builder.Accept;
        for (var left = ToolCallForm.CallsMax - 1; left > 0; left--)
        {
            var another = Marker(builder, ToolCallForm.Open, builder.Call(call, after));
            after = builder.AnyOf(builder.Accept, another, builder.Byte((byte)'\n', another));
        }

        return builder.Call(call, after);
    }

    /// <summary>A rule: from behind the opening marker to behind the closing one.</summary>
    private bool TryAddCall(GrammarBuilder builder, out int call, out ModelError error)
    {
        var close = Marker(builder, ToolCallForm.Close, builder.Return);
        var end = builder.Byte((byte)'}', Optional(builder, (byte)'\n', close));
        var names = builder.Plain();
        call = Optional(builder, (byte)'\n', builder.Literal("{\"name\":"u8, Optional(builder, (byte)' ', names)));
        error = default;
        var listed = false;
        for (var i = 0; i < _request.Tools.Count && error.IsNone; i++)
        {
            var tool = _request.Tools[i];
            if (_request.ToolChoice.Mode != ToolChoiceMode.Named || tool.Name == _request.ToolChoice.Name)
            {
                builder.Jump(names, Tool(builder, tool, i, end, out error));
                listed = true;
            }
        }

        if (!listed && error.IsNone)
        {
            error = new ModelError(ErrorCause.UnsupportedField, $"tool_choice names '{_request.ToolChoice.Name}', which 'tools' does not list.", "tool_choice");
        }

        return error.IsNone;
    }

    private static int Tool(GrammarBuilder builder, in ToolDefinition tool, int index, int end, out ModelError error)
    {
        var param = string.Create(CultureInfo.InvariantCulture, $"tools[{index}].function.parameters");
        var arguments = builder.Dead;
        if (tool.Name.IsEmpty || tool.Name.Length > ToolCallForm.NameBytesMax)
        {
            error = new ModelError(
                ErrorCause.UnsupportedField, $"A tool's name has 1 to {ToolCallForm.NameBytesMax} bytes, not {tool.Name.Length}.", $"tools[{index}].function.name");
            return arguments;
        }

        error = default;
        if (tool.Parameters.IsEmpty)
        {
            arguments = builder.Literal("{}"u8, end);
        }
        else if (!SchemaText.TryAdd(builder, tool.Parameters.Memory, param, end, out arguments, out error, objectsOnly: true))
        {
            error = error with { Message = $"Tool '{tool.Name}': {error.Message}" };
        }

        var key = builder.Literal("\"arguments\":"u8, Optional(builder, (byte)' ', arguments));
        return builder.Literal(JsonLiterals.OfString(tool.Name), builder.Byte((byte)',', Optional(builder, (byte)' ', key)));
    }

    private int Marker(GrammarBuilder builder, ReadOnlySpan<byte> text, int next)
    {
        var token = _vocabulary.FindControl(text);
        return token >= 0 ? builder.Marker(token, next) : builder.Literal(text, next);
    }

    /// <summary>A byte that a model may write or leave out: some were taught the form with it.</summary>
    private static int Optional(GrammarBuilder builder, byte value, int next) => builder.AnyOf(next, builder.Byte(value, next));

    private static byte[] KeyOf(ModelRequest request)
    {
        // No name or schema holds a zero byte, so the parts stay apart. The first byte differs from every plain constraint's.
        var key = new List<byte> { 255, (byte)request.ToolChoice.Mode, (byte)request.Constraint.Kind };
        Add(request.ToolChoice.Name);
        Add(request.Constraint.Source);
        foreach (var tool in request.Tools)
        {
            Add(tool.Name);
            Add(tool.Parameters);
        }

        return [.. key];

        void Add(ReadOnlySpan<byte> part)
        {
            key.AddRange(part);
            key.Add(0);
        }
    }
}
