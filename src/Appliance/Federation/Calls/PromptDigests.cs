using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>
/// Digests of a prompt's beginnings, of 512 bytes, 1 KiB, 2 KiB and so on to 1 MiB: equal beginnings have equal digests on every box, whether or not it has the tokenizer.
/// Doubling keeps them few; at worst half of a warm beginning is not recognised. Pure.
/// </summary>
public static class PromptDigests
{
    public const int Max = 12;
    public const int FirstBytes = 512;

    /// <summary>What a digest's shortest beginning is in tokens: English has four bytes to one.</summary>
    public const int BlockTokens = FirstBytes / BytesPerToken;

    /// <summary>To reckon with, not to charge by.</summary>
    public const int BytesPerToken = 4;

    /// <summary>Writes the digests, the shortest beginning first.</summary>
    /// <param name="bytes">Bytes of the whole prompt.</param>
    /// <returns>How many there are.</returns>
    public static int Write(string model, ModelRequest request, Span<ulong> digests, out long bytes)
    {
        var state = StableHash.Of(model);
        var (count, next) = (0, (long)FirstBytes);
        bytes = 0;
        foreach (var tool in request.Tools)
        {
            Add(tool.Name.Span, ref state, ref bytes, ref next, digests, ref count);
            Add(tool.Parameters.Span, ref state, ref bytes, ref next, digests, ref count);
        }

        for (var i = 0; i < request.Turns.Count; i++)
        {
            state = StableHash.Mix(state ^ (ulong)request.Turns[i].Role);
            foreach (ref readonly var part in request.Turns.PartsOf(i))
            {
                Add(part.Text.Span, ref state, ref bytes, ref next, digests, ref count);
            }
        }

        for (var i = 0; i < request.Inputs.Count && request.Turns.Count == 0; i++)
        {
            Add(request.Inputs[i].Span, ref state, ref bytes, ref next, digests, ref count);
        }

        return count;
    }

    /// <summary>The same for the box's own engine, which answers by these names what it has at hand.</summary>
    public static int Name(string model, ModelRequest request, Span<PrefixName> names)
    {
        Span<ulong> digests = stackalloc ulong[Max];
        var count = Math.Min(names.Length, Write(model, request, digests, out var bytes));
        for (var i = 0; i < count; i++)
        {
            names[i] = new PrefixName(digests[i], (double)((long)FirstBytes << i) / bytes);
        }

        return count;
    }

    /// <summary>Tokens that the beginning of digest <paramref name="index"/> is about.</summary>
    public static int TokensOf(int index) => BlockTokens << index;

    private static void Add(ReadOnlySpan<byte> text, ref ulong state, ref long bytes, ref long next, Span<ulong> digests, ref int count)
    {
        while (count < Math.Min(Max, digests.Length) && bytes + text.Length >= next)
        {
            var taken = (int)(next - bytes);
            state = StableHash.Add(state, text[..taken]);
            digests[count++] = state;
            text = text[taken..];
            (bytes, next) = (next, next * 2);
        }

        state = count < Max ? StableHash.Add(state, text) : state;
        bytes += text.Length;
    }
}
