using System.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

internal enum OutputKind : byte
{
    /// <summary>A message with one part of text.</summary>
    Text,

    /// <summary>A message in which the model declines.</summary>
    Refusal,
    Reasoning,
    Call,
}

/// <summary>One item of a response's <c>output</c> while it is collected; its buffers are kept when it is reset.</summary>
internal sealed class OutputItem
{
    public OutputKind Kind { get; private set; }
    public string Id { get; private set; } = "";

    /// <summary>Text, refusal, reasoning or arguments.</summary>
    public ArrayBufferWriter<byte> Content { get; } = new();
    public ArrayBufferWriter<byte> CallId { get; } = new();
    public ArrayBufferWriter<byte> Name { get; } = new();

    /// <summary>The provider's proof of reasoning, or reasoning that only it can read.</summary>
    public ArrayBufferWriter<byte> Encrypted { get; } = new();

    /// <summary>The entries of <c>logprobs</c> as JSON, with commas between them.</summary>
    public ArrayBufferWriter<byte> LogProbs { get; } = new();

    /// <summary>Which tool call of the answer it is, as the model counts them.</summary>
    public int CallIndex { get; set; }

    /// <summary>Nothing will be added.</summary>
    public bool Done { get; set; }

    /// <summary>The item's text has been announced (reasoning that only its provider can read has none).</summary>
    public bool HasPart { get; set; }

    public void Begin(OutputKind kind)
    {
        Kind = kind;
        Id = RequestIds.New(kind switch { OutputKind.Call => "fc_", OutputKind.Reasoning => "rs_", _ => "msg_" });
        Content.ResetWrittenCount();
        CallId.ResetWrittenCount();
        Name.ResetWrittenCount();
        Encrypted.ResetWrittenCount();
        LogProbs.ResetWrittenCount();
        CallIndex = 0;
        Done = false;
        HasPart = false;
    }
}

/// <summary>The items of a response. Reset with its exchange.</summary>
internal sealed class OutputItems
{
    private readonly List<OutputItem> _items = [];

    public int Count { get; private set; }

    public OutputItem this[int index] => _items[index];

    public OutputItem Add(OutputKind kind)
    {
        if (Count == _items.Count)
        {
            _items.Add(new OutputItem());
        }

        var item = _items[Count++];
        item.Begin(kind);
        return item;
    }

    public void Reset() => Count = 0;
}
