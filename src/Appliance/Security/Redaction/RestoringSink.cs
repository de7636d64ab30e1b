using System.Buffers;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Security.Redaction;

/// <summary>
/// Restores values in the text, the reasoning and the tool arguments of an answer, each stream of each choice by itself. A value never needs
/// escaping in JSON (the detectors see to that), so tool arguments stay valid. The provider's own bytes hold placeholders and are left out: the caller
/// reads the events.
/// </summary>
internal sealed class RestoringSink(Placeholders placeholders, IAnswerSink inner) : IAnswerSink
{
    private readonly Dictionary<(EventKind Kind, int Choice, int Index), PlaceholderRestorer> _streams = [];
    private readonly ArrayBufferWriter<byte> _output = new();

    public ValueTask WriteAsync(ModelEvent item) => item.Kind switch
    {
        EventKind.Wire => ValueTask.CompletedTask,
        EventKind.Text or EventKind.Reasoning or EventKind.Refusal or EventKind.ToolCallArguments => WriteRestoredAsync(item with { InWire = false }),
        EventKind.Finished => FinishAsync(item with { InWire = false }),
        _ => inner.WriteAsync(item with { InWire = false }),
    };

    private ValueTask WriteRestoredAsync(ModelEvent item)
    {
        var key = (item.Kind, item.Choice, item.Index);
        if (!_streams.TryGetValue(key, out var stream))
        {
            _streams.Add(key, stream = new PlaceholderRestorer(placeholders));
        }

        _output.ResetWrittenCount();
        stream.Restore(item.Utf8.Span, _output);
        var isEmpty = _output.WrittenCount == 0 && item.Tokens.Ids.IsEmpty;
        return isEmpty ? ValueTask.CompletedTask : inner.WriteAsync(item with { Utf8 = _output.WrittenMemory });
    }

    private async ValueTask FinishAsync(ModelEvent item)
    {
        foreach (var (key, stream) in _streams)
        {
            if (key.Choice == item.Choice && stream.Held > 0)
            {
                _output.ResetWrittenCount();
                stream.Flush(_output);
                await inner.WriteAsync(new ModelEvent { Kind = key.Kind, Choice = key.Choice, Index = key.Index, Utf8 = _output.WrittenMemory }).ConfigureAwait(false);
            }
        }

        await inner.WriteAsync(item).ConfigureAwait(false);
    }
}
