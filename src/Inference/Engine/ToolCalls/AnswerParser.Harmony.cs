using System.Runtime.InteropServices;

namespace Jesus.Inference.Engine.ToolCalls;

/// <content>
/// OpenAI's Harmony: messages with a header (<c>&lt;|channel|&gt;</c>, the channel's name, <c>to=functions.f</c> for a call, <c>&lt;|constrain|&gt;</c> and a type),
/// <c>&lt;|message|&gt;</c>, then the content up to <c>&lt;|end|&gt;</c>, <c>&lt;|call|&gt;</c> or <c>&lt;|return|&gt;</c>. Channel analysis is reasoning,
/// commentary with a recipient a call, the rest text. The prompt ends behind <c>&lt;|start|&gt;assistant</c>.
/// </content>
public sealed partial class AnswerParser
{
    private static ReadOnlySpan<byte> Recipient => "to="u8;
    private static ReadOnlySpan<byte> FunctionsPrefix => "functions."u8;

    private void BeginHarmony()
    {
        _stage = Stage.Header;
        _word.Clear();
    }

    private void TakeChannelMark(ReadOnlySpan<byte> text)
    {
        if (_stage == Stage.Broken)
        {
            return;
        }

        if (text.SequenceEqual("<|message|>"u8))
        {
            OpenMessage();
        }
        else if (text.SequenceEqual("<|start|>"u8) || text.SequenceEqual("<|end|>"u8) || text.SequenceEqual("<|call|>"u8) || text.SequenceEqual("<|return|>"u8))
        {
            CloseMessage();
        }
        else if (_stage == Stage.Header)
        {
            _word.AddRange(text);
        }
        else if (text.SequenceEqual("<|channel|>"u8))
        {
            // A message that its end mark does not close: the next one's header has begun.
            CloseMessage();
            _word.AddRange(text);
        }
    }

    private void TakeInChannel(byte value)
    {
        switch (_stage)
        {
            case Stage.Header:
                TakeHeader(value);
                break;
            case Stage.ChannelReasoning:
                EmitReasoning(value);
                break;
            case Stage.ChannelCall:
                TakeChannelCall(value);
                break;
            default:
                EmitText(value);
                break;
        }
    }

    /// <summary>An answer that begins with anything but a header's words is text as it stands: a model that left its form.</summary>
    private void TakeHeader(byte value)
    {
        _word.Add(value);
        ReadOnlySpan<byte> header = CollectionsMarshal.AsSpan(_word);
        var words = header.TrimStart(" \n\r\t"u8);
        var isKnown = header.IndexOf("<|"u8) >= 0
            || Recipient.StartsWith(words) || words.StartsWith(Recipient) || "assistant"u8.StartsWith(words) || words.StartsWith("assistant"u8);
        if (!isKnown || header.Length > ToolCallLimits.UndecidedBytesMax)
        {
            FinishHeader();
            (_stage, _skipsSpace) = (Stage.ChannelText, false);
        }
    }

    /// <summary>A header without a message shows its words, if it has any but its own marks.</summary>
    private void FinishHeader()
    {
        ReadOnlySpan<byte> header = CollectionsMarshal.AsSpan(_word);
        if (header.IndexOf("<|"u8) < 0 && !header.Trim(" \n\r\t"u8).SequenceEqual("assistant"u8))
        {
            _skipsSpace = false;
            foreach (var value in header)
            {
                EmitText(value);
            }
        }

        _word.Clear();
    }

    private void OpenMessage()
    {
        ReadOnlySpan<byte> header = CollectionsMarshal.AsSpan(_word);
        var to = header.IndexOf(Recipient);
        _skipsSpace = false;
        _space.Clear();
        if (to >= 0 && _parsesCalls && (ChannelOf(header) == "commentary" || header[(to + Recipient.Length)..].StartsWith(FunctionsPrefix)))
        {
            OpenChannelCall(header[(to + Recipient.Length)..]);
        }
        else
        {
            var isReasoning = ChannelOf(header) == "analysis";
            (_stage, _skipsSpace) = (isReasoning ? Stage.ChannelReasoning : Stage.ChannelText, isReasoning);
        }

        _word.Clear();
    }

    private void OpenChannelCall(ReadOnlySpan<byte> recipient)
    {
        var end = recipient.IndexOfAny(" <\n"u8);
        var name = end < 0 ? recipient : recipient[..end];
        name = name.StartsWith(FunctionsPrefix) ? name[FunctionsPrefix.Length..] : name;
        if (name.IsEmpty)
        {
            Break("it has no name");
            return;
        }

        _call.BeginArguments(name);
        _stage = Stage.ChannelCall;
    }

    private static string ChannelOf(ReadOnlySpan<byte> header)
    {
        var at = header.LastIndexOf("<|channel|>"u8);
        var name = at < 0 ? default : header[(at + 11)..].TrimStart(" "u8);
        return name.StartsWith("analysis"u8) ? "analysis" : name.StartsWith("final"u8) ? "final" : "commentary";
    }

    private void TakeChannelCall(byte value)
    {
        if (_call.HasArguments)
        {
            if (!IsSpace(value))
            {
                Break("text follows its arguments");
            }
        }
        else if (_call.Take(value) == CallProgress.Failed)
        {
            Break(_call.Why);
        }
    }

    private void CloseMessage()
    {
        if (_stage == Stage.ChannelCall && !_call.HasArguments)
        {
            Break("its message ends inside of its arguments");
            return;
        }

        if (_stage == Stage.Header)
        {
            FinishHeader();
        }

        (_stage, _skipsSpace) = (Stage.Header, false);
        _word.Clear();
    }
}
