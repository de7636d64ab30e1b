using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>
/// The grammar of a whole answer in a model's form: reasoning first where the form has any, then what the request allows. Without tools the constraint's
/// value. With them, auto: free text until a call begins, or else the constraint's value; required and named: a call from the first token.
/// Only further calls may follow a call.
/// </summary>
internal sealed class ToolCallSource : IGrammarSource
{
    private readonly VocabularyIndex _vocabulary;
    private readonly ModelRequest _request;
    private readonly AnswerForm _form;
    private readonly bool _inReasoning;
    private readonly byte[] _key;

    public ToolCallSource(VocabularyIndex vocabulary, ModelRequest request, AnswerForm form, bool inReasoning)
    {
        (_vocabulary, _request, _form, _inReasoning) = (vocabulary, request, form, inReasoning);
        _key = KeyOf(request, form, inReasoning);
    }

    public ReadOnlySpan<byte> Key => _key;

    public string Name => "The grammar of tools and answer";

    public bool TryAdd(GrammarBuilder builder, out int start, out ModelError error)
    {
        var states = new AnswerStates(builder, _vocabulary);
        if (!TryAddAnswer(states, out start, out error))
        {
            return false;
        }

        start = ReasoningGrammar.Add(states, _form, _inReasoning, start);
        return true;
    }

    private bool TryAddAnswer(AnswerStates states, out int start, out ModelError error)
    {
        var usesTools = _request.Tools.Count > 0 && _request.ToolChoice.Mode != ToolChoiceMode.None;
        if (!usesTools)
        {
            return TryAddValue(states, out start, out error);
        }

        var calls = new CallGrammar(states, _request, _form);
        start = states.Builder.Dead;
        if (!calls.TryAddCall(out error))
        {
            return false;
        }

        if (_request.ToolChoice.Mode != ToolChoiceMode.Auto)
        {
            start = calls.Forced();
            return true;
        }

        if (_request.Constraint.Kind == ConstraintKind.None)
        {
            start = calls.Free();
            return true;
        }

        if (!TryAddValue(states, out var value, out error))
        {
            return false;
        }

        start = states.Builder.AnyOf(calls.Forced(), value);
        return true;
    }

    private bool TryAddValue(AnswerStates states, out int start, out ModelError error)
    {
        var isAdded = AnswerSource.TryAdd(_request.Constraint, states.Builder, states.Builder.Accept, out start, out error);
        start = isAdded && _form.Reasoning == ReasoningForm.Channel ? ReasoningGrammar.Final(states, start) : start;
        return isAdded;
    }

    private static byte[] KeyOf(ModelRequest request, AnswerForm form, bool inReasoning)
    {
        // No name or schema holds a zero byte, so the parts stay apart. The first byte differs from every plain constraint's.
        var most = request.ParallelToolCalls == false ? (byte)1 : (byte)0;
        var key = new List<byte>
        {
            255, (byte)form.Calls, (byte)form.Reasoning, inReasoning ? (byte)1 : (byte)0, most, (byte)request.ToolChoice.Mode, (byte)request.Constraint.Kind,
        };
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
