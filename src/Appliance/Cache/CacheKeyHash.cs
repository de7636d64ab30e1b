using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Cache;

/// <summary>
/// Makes the key of a request. Every value is written with its length, so that no two requests run together to the same bytes. What an answer does not depend
/// on is left out: the candidate's name for the model, ids, deadlines, cache marks, and whether it is streamed.
/// </summary>
public sealed class CacheKeyHash
{
    /// <summary>Names and ids are shorter; longer ones are hashed from a rented copy.</summary>
    private const int StackBytes = 512;

    [ThreadStatic]
    private static CacheKeyHash? _current;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    private CacheKeyHash()
    {
    }

    /// <summary>Begins a key on this thread; call <see cref="End"/> before another.</summary>
    public static CacheKeyHash Begin() => _current ??= new CacheKeyHash();

    /// <summary>Who may see the answer and under which rules it was given: names of a scope, the data class, the route.</summary>
    public CacheKeyHash Add(string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        Span<byte> bytes = length <= StackBytes ? stackalloc byte[StackBytes] : new byte[length];
        Encoding.UTF8.GetBytes(text, bytes);
        Add(bytes[..length]);
        return this;
    }

    public CacheKeyHash Add(ReadOnlySpan<byte> bytes)
    {
        Add(bytes.Length);
        _hash.AppendData(bytes);
        return this;
    }

    public CacheKeyHash Add(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        _hash.AppendData(bytes);
        return this;
    }

    public CacheKeyHash Add(ModelRequest request)
    {
        Add((long)request.Operation);
        AddTurns(request.Turns);
        AddTools(request);
        AddAnswer(request);
        AddSampling(request);
        AddInputs(request);

        // What only the caller's own bytes say is in no member above.
        var verbatim = request.VerbatimOnly.Length > 0;
        Add(verbatim ? (long)request.BodyShape : 0);
        Add(verbatim ? request.Body.Span : default);
        return Add(request.Betas.Span);
    }

    public CacheKey End()
    {
        var key = default(CacheKey);
        _hash.GetHashAndReset(key);
        return key;
    }

    private void AddTurns(TurnList turns)
    {
        Add(turns.Count);
        for (var i = 0; i < turns.Count; i++)
        {
            Add((long)turns[i].Role).Add(turns[i].PartCount);
            foreach (var part in turns.PartsOf(i))
            {
                Add(((long)part.Kind << 2) | (part.IsError ? 2L : 0) | (part.InResult ? 1L : 0));
                Add(part.Text.Span).Add(part.Id.Span).Add(part.Name.Span).Add(part.Signature.Span);
            }
        }
    }

    private void AddTools(ModelRequest request)
    {
        Add(request.Tools.Count);
        foreach (var tool in request.Tools)
        {
            Add(tool.Name.Span).Add(tool.Description.Span).Add(tool.Parameters.Span).Add(tool.Strict ? 1 : 0);
        }

        Add((long)request.ToolChoice.Mode).Add(request.ToolChoice.Name.Span);
        Add(request.ParallelToolCalls is { } several ? several ? 2 : 1 : 0);
    }

    private void AddAnswer(ModelRequest request)
    {
        var constraint = request.Constraint;
        Add((long)constraint.Kind).Add(constraint.Source.Span).Add(constraint.Name.Span).Add(constraint.Inputs.Count);
        foreach (var input in constraint.Inputs)
        {
            Add(input.Name.Span).Add(input.Text.Span);
        }

        var wish = request.Reasoning;
        Add((long)wish.Effort).Add(wish.BudgetTokens).Add((wish.Adaptive ? 2 : 0) | (wish.Summary ? 1 : 0));
        Add(request.MaxOutputTokens).Add(request.Choices).Add(request.TopLogProbs).Add(request.Stops.Count);
        foreach (var stop in request.Stops)
        {
            Add(stop.Span);
        }
    }

    private void AddSampling(ModelRequest request)
    {
        var sampling = request.Sampling;
        Add(sampling.Temperature).Add(sampling.TopP).Add(sampling.MinP).Add(sampling.FrequencyPenalty).Add(sampling.PresencePenalty);
        Add(sampling.TypicalP).Add(sampling.RepetitionPenalty).Add(sampling.RepetitionLastN);
        Add(sampling.TopK).Add((long)sampling.Given).Add(sampling.Seed is null ? 0 : 1).Add((long)(sampling.Seed ?? 0)).Add(request.LogitBias.Count);
        foreach (var bias in request.LogitBias)
        {
            Add(bias.Token).Add(bias.Bias);
        }
    }

    private void AddInputs(ModelRequest request)
    {
        Add(request.EmbedDimensions).Add(request.Inputs.Count);
        foreach (var input in request.Inputs)
        {
            Add(input.Span);
        }

        Add(MemoryMarshal.AsBytes(request.PromptTokens.Span));
        Add(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(request.PromptLengths)));
    }

    private CacheKeyHash Add(float value) => Add((long)BitConverter.SingleToInt32Bits(value));
}
