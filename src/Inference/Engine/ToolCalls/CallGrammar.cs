using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>
/// A form's calls as a grammar: one to <see cref="ToolCallLimits.CallsMax"/> of them (one where the request wants no more), each naming a listed tool with
/// arguments that fit its schema.
/// </summary>
internal sealed class CallGrammar
{
    private readonly AnswerStates _states;
    private readonly GrammarBuilder _builder;
    private readonly ModelRequest _request;
    private readonly AnswerForm _form;
    private readonly int _callsMax;
    private readonly bool _namesCalls;
    private int _call;

    public CallGrammar(AnswerStates states, ModelRequest request, AnswerForm form)
    {
        (_states, _builder, _request, _form) = (states, states.Builder, request, form);
        _callsMax = request.ParallelToolCalls == false ? 1 : ToolCallLimits.CallsMax;
        _namesCalls = form.Calls == ToolCallForm.Mistral && states.TokenOf("[ARGS]"u8) >= 0;
    }

    /// <summary>Adds the rule of one call. Before the others.</summary>
    public bool TryAddCall(out ModelError error)
    {
        if (_namesCalls)
        {
            return ToolGrammar.TryAdd(
                _states, _request, _builder.Return, (name, next) => _builder.Literal(name.Bytes.Span, _states.Marker("[ARGS]"u8, next)), out _call, out error);
        }

        if (_form.Calls == ToolCallForm.Harmony)
        {
            return TryAddMessage(out error);
        }

        var close = _form.Calls == ToolCallForm.Hermes ? _states.Optional((byte)'\n', _states.Marker("</tool_call>"u8, _builder.Return)) : _builder.Return;
        if (!ToolGrammar.TryAdd(_states, _request, _builder.Byte((byte)'}', close), Member, out var tools, out error))
        {
            return false;
        }

        var head = _builder.Literal("{\"name\":"u8, _states.Optional((byte)' ', tools));
        _call = _form.Calls == ToolCallForm.Hermes ? _states.Optional((byte)'\n', head) : head;
        return true;
    }

    /// <summary>Calls from the answer's first token on.</summary>
    public int Forced() => _form.Calls switch
    {
        ToolCallForm.Llama3 => _builder.AnyOf(Behind(), _states.TokenOf(_form.CallOpen) >= 0 ? _states.Marker(_form.CallOpen, Behind()) : _builder.Dead),
        ToolCallForm.Harmony => Header(),
        _ => _states.Marker(_form.CallOpen, Behind()),
    };

    /// <summary>Free text, in which a call may begin and behind which the answer may end.</summary>
    public int Free()
    {
        switch (_form.Calls)
        {
            case ToolCallForm.Llama3:
                // Nothing marks a call but its first bytes; the rule is entered behind what they spell.
                var marked = _states.TokenOf(_form.CallOpen) is >= 0 and var token ? _builder.Marker(token, Behind()) : _builder.Dead;
                return _builder.AnyOf(FreeText.AddUnless(_builder, "{\"name\":"u8, _states.Optional((byte)' ', AfterName())), marked);
            case ToolCallForm.Harmony:
                var again = _states.Marker("<|start|>"u8, _builder.Literal("assistant"u8, Header()));
                var body = _states.Marker("<|message|>"u8, _states.FreeUntil("<|end|>"u8, again, mayEnd: true));
                return _builder.AnyOf(Header(), _states.Marker("<|channel|>"u8, _builder.AnyOf(_builder.Literal("final"u8, body), _builder.Literal("commentary"u8, body))));
            default:
                return _states.FreeUntil(_form.CallOpen, Behind(), mayEnd: true);
        }
    }

    /// <summary>The first call, its marker already taken, and those that may follow.</summary>
    private int Behind()
    {
        var isArray = _form.Calls is ToolCallForm.Mistral or ToolCallForm.Granite && !_namesCalls;
        var end = isArray ? _builder.Byte((byte)']', _builder.Accept) : _builder.Accept;
        var first = _builder.Call(_call, Following(end));
        return isArray ? _builder.Byte((byte)'[', first) : first;
    }

    /// <summary>Behind a call: the end, or what parts it from the next.</summary>
    private int Following(int end)
    {
        var after = end;
        for (var left = _callsMax - 1; left > 0; left--)
        {
            var call = _builder.Call(_call, after);
            after = _form.Calls switch
            {
                ToolCallForm.Hermes => HermesNext(end, call),
                ToolCallForm.Llama3 => _builder.AnyOf(end, _builder.Byte((byte)';', _states.Optional((byte)' ', call))),
                ToolCallForm.Mistral when _namesCalls => _builder.AnyOf(end, _states.Marker(_form.CallOpen, call)),
                _ => _builder.AnyOf(end, _builder.Byte((byte)',', _states.Optional((byte)' ', call))),
            };
        }

        return after;
    }

    private int HermesNext(int end, int call)
    {
        var another = _states.Marker(_form.CallOpen, call);
        return _builder.AnyOf(end, another, _builder.Byte((byte)'\n', another));
    }

    /// <summary><c>"f", "arguments": {...}</c>, or <c>"parameters"</c> as Llama writes it.</summary>
    private int Member(ToolGrammar.Utf8Name name, int arguments)
    {
        var key = _form.Calls == ToolCallForm.Llama3 ? "\"parameters\":"u8 : "\"arguments\":"u8;
        var value = _builder.Literal(key, _states.Optional((byte)' ', arguments));
        return _builder.Literal(JsonLiterals.OfString(name.Bytes.Span), _builder.Byte((byte)',', _states.Optional((byte)' ', value)));
    }

    /// <summary>Llama's first call where free text could stand: its beginning is taken, the rest is written out, not called as a rule.</summary>
    private int AfterName()
    {
        var end = _builder.Byte((byte)'}', Following(_builder.Accept));
        _ = ToolGrammar.TryAdd(_states, _request, end, Member, out var tools, out _);
        return tools;
    }

    private bool TryAddMessage(out ModelError error) => ToolGrammar.TryAdd(
        _states,
        _request,
        _builder.Return,
        (name, next) =>
        {
            var type = _states.Marker("<|constrain|>"u8, _builder.Literal("json"u8, _states.Marker("<|message|>"u8, next)));
            return _builder.Literal(name.Bytes.Span, _builder.Byte((byte)' ', type));
        },
        out _call,
        out error);

    /// <summary>Harmony ends the turn behind one call.</summary>
    private int Header() => _states.Marker("<|channel|>"u8, _builder.Literal("commentary to=functions."u8, _builder.Call(_call, _builder.Accept)));
}
