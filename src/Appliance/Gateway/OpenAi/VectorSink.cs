using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Keeps the vectors of an answer by their input; a reranking's scores are vectors of one number.</summary>
internal sealed class VectorSink(int inputs) : IAnswerSink
{
    private readonly float[]?[] _vectors = new float[inputs][];

    public ValueTask WriteAsync(ModelEvent item)
    {
        if (item.Kind == EventKind.Vector && (uint)item.Index < (uint)_vectors.Length)
        {
            _vectors[item.Index] = item.Vector.ToArray();
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>The input that got no vector; -1 when each has one.</summary>
    public int Missing => Array.FindIndex(_vectors, v => v is not { Length: > 0 });

    public ReadOnlySpan<float> this[int input] => _vectors[input];

    /// <summary>An answer that lacks some of what was asked for is no answer.</summary>
    public static ApiFailure Incomplete(int input) =>
        new(502, "api_error", "upstream_broken_answer", $"The provider's answer has nothing for input {input}. Ask again, or ask another model.") { Cause = ErrorCause.Malformed };
}
