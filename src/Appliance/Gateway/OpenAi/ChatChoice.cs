using System.Buffers;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>One choice of an answer while it is collected; its buffers are kept when it is reset.</summary>
internal sealed class ChatChoice
{
    private readonly List<Call> _spare = [];

    public ArrayBufferWriter<byte> Text { get; } = new();
    public ArrayBufferWriter<byte> Reasoning { get; } = new();
    public List<Call> Calls { get; } = [];
    public ArrayBufferWriter<byte> Refusal { get; } = new();

    /// <summary>The entries of <c>logprobs.content</c>, written as they came: their tokens' memory is the adapter's.</summary>
    public ArrayBufferWriter<byte> LogProbs { get; } = new();
    public FinishReason Reason { get; set; }

    public void StartCall(ReadOnlySpan<byte> id, ReadOnlySpan<byte> name)
    {
        var call = _spare.Count > 0 ? _spare[^1] : new Call();
        if (_spare.Count > 0)
        {
            _spare.RemoveAt(_spare.Count - 1);
        }

        call.Id.Write(id);
        call.Name.Write(name);
        Calls.Add(call);
    }

    public void Reset()
    {
        Text.ResetWrittenCount();
        Reasoning.ResetWrittenCount();
        Refusal.ResetWrittenCount();
        LogProbs.ResetWrittenCount();
        Reason = FinishReason.None;
        foreach (var call in Calls)
        {
            call.Reset();
            _spare.Add(call);
        }

        Calls.Clear();
    }

    public sealed class Call
    {
        public ArrayBufferWriter<byte> Id { get; } = new();
        public ArrayBufferWriter<byte> Name { get; } = new();
        public ArrayBufferWriter<byte> Arguments { get; } = new();

        public void Reset()
        {
            Id.ResetWrittenCount();
            Name.ResetWrittenCount();
            Arguments.ResetWrittenCount();
        }
    }
}
