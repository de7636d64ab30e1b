using Jesus.Inference.Engine.Architectures;

namespace Jesus.Inference.Engine.Backends;

/// <summary>The second half of a block: one feed-forward network, or the experts that the router chooses.</summary>
internal sealed class ReferenceFeedForward(ReferenceBackend backend, ReferenceWeights weights)
{
    private readonly record struct Slots(WeightSlot Gate, WeightSlot Up, WeightSlot Down, WeightSlot GateBias, WeightSlot UpBias, WeightSlot DownBias);

    private static readonly Slots Dense =
        new(WeightSlot.Gate, WeightSlot.Up, WeightSlot.Down, WeightSlot.GateBias, WeightSlot.UpBias, WeightSlot.DownBias);

    private static readonly Slots Expert = new(WeightSlot.ExpertGate, WeightSlot.ExpertUp, WeightSlot.ExpertDown, WeightSlot.ExpertGateBias,
        WeightSlot.ExpertUpBias, WeightSlot.ExpertDownBias);

    /// <summary>A slot that no tensor has: shared experts have no biases.</summary>
    private const WeightSlot NoBias = (WeightSlot)(-1);

    private static readonly Slots Shared = new(WeightSlot.SharedGate, WeightSlot.SharedUp, WeightSlot.SharedDown, NoBias, NoBias, NoBias);

    private readonly ModelShape _shape = backend.Shape;

    public float[] Run(float[] x, int layer)
    {
        if (!weights.Of(WeightSlot.Router, layer).Exists)
        {
            return Network(Dense, x, layer, 0);
        }

        var sum = new float[x.Length];
        foreach (var (expert, weight) in Choose(x, layer))
        {
            ReferenceMath.Add(sum, Network(Expert, x, layer, expert), weight);
        }

        if (_shape.SharedExpertFfn > 0)
        {
            var router = weights.Of(WeightSlot.SharedRouter, layer);
            var weight = router.Exists ? ReferenceMath.Sigmoid(backend.Multiply(router, x)[0]) : 1;
            ReferenceMath.Add(sum, Network(Shared, x, layer, 0), weight);
        }

        return sum;
    }

    private float[] Network(Slots slots, float[] x, int layer, int expert)
    {
        var up = backend.Multiply(slots.Up, slots.UpBias, x, layer, expert);
        var gate = weights.Of(slots.Gate, layer, expert).Exists ? backend.Multiply(slots.Gate, slots.GateBias, x, layer, expert) : up;
        var inner = new float[up.Length];
        for (var i = 0; i < inner.Length; i++)
        {
            inner[i] = (float)ReferenceMath.Activate(_shape, gate[i], up[i]);
        }

        return backend.Multiply(slots.Down, slots.DownBias, inner, layer, expert);
    }

    /// <summary>The chosen experts with their weights, the highest first; of equal ones the lower expert.</summary>
    private (int Expert, double Weight)[] Choose(float[] x, int layer)
    {
        var scores = Array.ConvertAll(backend.Multiply(WeightSlot.Router, WeightSlot.RouterBias, x, layer), score => (double)score);
        if (_shape.Gating != ExpertGating.TopThenSoftmax)
        {
            ReferenceMath.Softmax(scores);
        }

        var chosen = Enumerable.Range(0, scores.Length).OrderByDescending(expert => scores[expert]).ThenBy(expert => expert).Take(_shape.ExpertsUsed).ToArray();
        var kept = Array.ConvertAll(chosen, expert => scores[expert]);
        if (_shape.Gating == ExpertGating.TopThenSoftmax)
        {
            ReferenceMath.Softmax(kept);
        }

        var sum = _shape.Gating == ExpertGating.SoftmaxThenTopNormalised ? kept.Sum() : 1;
        return [.. chosen.Zip(kept, (expert, weight) => (expert, weight / sum * _shape.ExpertScale))];
    }
}
